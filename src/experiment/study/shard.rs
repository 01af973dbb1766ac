//! A shard as it is played: its rows go into chunks, and at its end into a part.

use std::collections::BTreeSet;
use std::fs;
use std::num::NonZero;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::StudyError;
use super::claim::Claim;
use super::folder::{StudyFolder, json, parse, read};
use super::packing::Block;
use super::play::{Plans, Play};
use super::row::{Columns, Row};
use super::sorted::{Tally, join, with_end};
use crate::experiment::in_order;
use crate::record::checksums::damaged;
use crate::record::columns::settle;
use crate::record::fingerprint::sha256;
use crate::record::{Checksums, RecordError};

/// Time between two chunks, and between two signs of life: what a kill throws away.
const CHUNK: Duration = Duration::from_secs(5);

/// How shards are played.
pub struct Player<'a> {
    /// Runs at a time; by default one for each processor core.
    pub jobs: Option<NonZero<usize>>,
    /// Whether stale claims of other machines are taken over.
    pub force: bool,
    /// Who may ask for an early end.
    pub stopper: &'a Stopper,
    /// Called with each row.
    pub ended: &'a (dyn Fn(&Row) + Sync),
}

/// How playing a shard ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It lies there; `true` if it lay there before.
    Done(Tally, bool),
    /// Somebody else plays it, as part of a sentence.
    Held(String),
    /// An early end was asked for. Whole rows are kept.
    Stopped,
}

/// Asks whoever plays for an early end, from any thread.
#[derive(Clone, Debug, Default)]
pub struct Stopper(Arc<Asked>);

#[derive(Debug, Default)]
struct Asked {
    is: AtomicBool,
    open: Mutex<Option<Arc<Open>>>,
}

impl Stopper {
    /// Lets no other run begin.
    pub fn ask(&self) {
        self.0.is.store(true, Ordering::Relaxed);
    }

    /// Whether that was asked for.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        self.0.is.load(Ordering::Relaxed)
    }

    /// Keeps all whole rows and gives the claim back, for who cannot wait until the runs that are
    /// being played have ended: the process is to end then.
    pub fn leave(&self) {
        let open = locked(&self.0.open).take();
        if let Some(open) = open {
            // What cannot be written now is played again.
            let _ = open.flush();
            locked(&open.claim).take();
        }
    }
}

/// What `part-K.json` holds: written last, so that a part is whole where it lies.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Receipt {
    /// Plan, round and shard that it is of.
    key: String,
    #[serde(flatten)]
    pub tally: Tally,
    /// What the two tables hold.
    pub files: Checksums,
}

/// What is there of a shard.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Part {
    Whole(Receipt),
    /// Which of its files is not as it was written, as a sentence.
    Damaged(String),
    Missing,
}

/// A shard that is being played.
#[derive(Debug)]
struct Open {
    columns: Arc<Columns>,
    chunks: PathBuf,
    /// Where a chunk is made.
    draft: PathBuf,
    rows: Mutex<Vec<Row>>,
    claim: Mutex<Option<Claim>>,
    /// Held while rows are on their way to the disk.
    flushing: Mutex<()>,
}

impl Open {
    /// Writes the rows that came since the last time.
    fn flush(&self) -> Result<(), RecordError> {
        let _one_at_a_time = locked(&self.flushing);
        let mut rows = std::mem::take(&mut *locked(&self.rows));
        if rows.is_empty() {
            return Ok(());
        }
        rows.sort_by_key(|row| (row.cell, row.replication));
        let written = self.write(&rows);
        if written.is_err() {
            locked(&self.rows).append(&mut rows);
        }
        written
    }

    /// A chunk is named after what it holds: so it is known whether it is whole.
    fn write(&self, rows: &[Row]) -> Result<(), RecordError> {
        let used = self.columns.used(rows);
        let mut table = csv::Writer::from_writer(Vec::new());
        let all = self.columns.all.iter().zip(&used).filter(|(_, used)| **used);
        let names = all.map(|(about, _)| &about.column.name);
        table.write_record(names).expect("memory takes all");
        for row in rows {
            table.write_record(self.columns.texts(row, &used)).expect("memory takes all");
        }
        let text = String::from_utf8(table.into_inner().expect("memory takes all"));
        let text = text.expect("it is made of text");
        let place = self.chunks.join(chunk_name(&text));
        fs::write(&self.draft, &text).map_err(RecordError::io("write", &self.draft))?;
        settle(&self.draft, &place)
    }
}

fn chunk_name(text: &str) -> String {
    format!("chunk-{}.csv", &sha256(text)[..32])
}

impl StudyFolder {
    /// Plays a shard, unless it lies there already.
    ///
    /// # Errors
    /// When something cannot be read or written. Nothing that was played is lost.
    pub fn play(&self, shard: u32, player: &Player<'_>) -> Result<Ended, StudyError> {
        if let Part::Whole(receipt) = self.part(shard)? {
            return Ok(Ended::Done(receipt.tally, true));
        }
        let (name, work) = (part_name(shard), self.work());
        fs::create_dir_all(&work).map_err(RecordError::io("create", &work))?;
        let claim = match Claim::take(&work, &name, player.force)? {
            Ok(claim) => claim,
            Err(held) => {
                let stale = if held.is_stale() { "; --force takes it over" } else { "" };
                return Ok(Ended::Held(format!(
                    "shard {shard} is claimed by {}{stale}",
                    held.text()
                )));
            }
        };
        // Whoever had the claim until now may have come to the end.
        if let Part::Whole(receipt) = self.part(shard)? {
            return Ok(Ended::Done(receipt.tally, true));
        }
        let chunks = self.chunks_of(shard);
        fs::create_dir_all(&chunks).map_err(RecordError::io("create", &chunks))?;
        let open = Arc::new(Open {
            columns: Arc::clone(&self.columns),
            draft: self.draft(&format!("{name}.chunk")),
            chunks,
            rows: Mutex::default(),
            claim: Mutex::new(Some(claim)),
            flushing: Mutex::default(),
        });
        *locked(&player.stopper.0.open) = Some(Arc::clone(&open));
        let ended = self.play_claimed(shard, &open, player);
        locked(&player.stopper.0.open).take();
        locked(&open.claim).take();
        ended
    }

    fn play_claimed(
        &self,
        shard: u32,
        open: &Open,
        player: &Player<'_>,
    ) -> Result<Ended, StudyError> {
        let way = Play { stage: self.stage()?, fingerprint: self.plan.fingerprint };
        let done = self.kept(open)?;
        let runs = self.blocks_of(shard).iter().flat_map(Block::each).collect::<Vec<_>>();
        let left: Vec<_> = runs.iter().copied().filter(|run| !done.contains(run)).collect();
        let plans = Plans::of_jobs(player.jobs);
        let (ticker, taken) = (Ticker::default(), AtomicBool::new(false));
        let one = |number: usize| {
            let (cell, replication) = left[number];
            if player.stopper.is_asked() || taken.load(Ordering::Relaxed) || ticker.has_failed() {
                return;
            }
            let plan = plans.of(cell, self.study());
            let seed = self.study().seeds().of(u64::from(replication));
            let seed = seed.expect("no more replications are planned than there are seeds");
            let row = way.row(plan.get().expect("it is made"), (cell, replication, seed));
            (player.ended)(&row);
            locked(&open.rows).push(row);
        };
        thread::scope(|scope| {
            // Where the system has no thread left, a kill costs more.
            let _ = thread::Builder::new().spawn_scoped(scope, || {
                ticker.run(|| {
                    let lives = locked(&open.claim).as_ref().is_some_and(Claim::live);
                    taken.store(!lives, Ordering::Relaxed);
                    open.flush()
                });
            });
            in_order(left.len(), player.jobs, &one, &mut |()| {});
            ticker.stop();
        });
        ticker.failure()?;
        open.flush()?;
        if player.stopper.is_asked() {
            return Ok(Ended::Stopped);
        }
        if taken.load(Ordering::Relaxed) {
            return Ok(Ended::Held(format!("shard {shard} was taken over by somebody else")));
        }
        let tally = self.finish(shard, open, runs.len() as u64)?;
        Ok(Ended::Done(tally, false))
    }

    /// Where the chunks of a shard lie.
    fn chunks_of(&self, shard: u32) -> PathBuf {
        self.work().join(format!("{}.{}", part_name(shard), &self.key_of(shard)[..16]))
    }

    /// How many rows chunks of a shard hold that has no part yet.
    pub(super) fn rows_in_chunks(&self, shard: u32) -> u64 {
        let texts = chunks(&self.chunks_of(shard)).unwrap_or_default().into_iter();
        let rows = |text: String| text.lines().count().saturating_sub(1) as u64;
        texts.filter_map(|path| fs::read_to_string(path).ok()).map(rows).sum()
    }

    /// The runs that chunks hold. A chunk that is not what it was is dropped: its runs are played
    /// again.
    fn kept(&self, open: &Open) -> Result<BTreeSet<(u32, u32)>, StudyError> {
        let mut done = BTreeSet::new();
        for path in chunks(&open.chunks)? {
            let text = fs::read_to_string(&path).unwrap_or_default();
            let name = path.file_name().unwrap_or_default();
            if name != chunk_name(&text).as_str() {
                fs::remove_file(&path).map_err(RecordError::io("remove", &path))?;
                continue;
            }
            let place = self.columns.replication();
            for row in csv::Reader::from_reader(text.as_bytes()).records().flatten() {
                let number = |place: usize| row.get(place).and_then(|text| text.parse().ok());
                done.extend(number(0).zip(number(place)));
            }
        }
        Ok(done)
    }

    /// Joins the chunks into a part.
    fn finish(&self, shard: u32, open: &Open, runs: u64) -> Result<Tally, StudyError> {
        let name = part_name(shard);
        let (draft, stem) = (self.draft(&name), self.path.join(&name));
        let (tally, files) = join(&self.columns, &chunks(&open.chunks)?, &draft, &stem)?;
        assert_eq!(tally.runs, runs, "each run of a shard has one row");
        let receipt = Receipt { key: self.key_of(shard), tally, files };
        self.put(&format!("{name}.json"), &json(&receipt))?;
        // What cannot be removed now is removed when all is merged.
        let _ = fs::remove_dir_all(&open.chunks);
        Ok(tally)
    }

    /// What is there of a shard.
    ///
    /// # Errors
    /// When it is of another plan, or cannot be read.
    pub(super) fn part(&self, shard: u32) -> Result<Part, StudyError> {
        let name = format!("{}.json", part_name(shard));
        let path = self.path.join(&name);
        if !path.exists() {
            return Ok(Part::Missing);
        }
        let text = read(&self.path, &name)?;
        let Ok(receipt) = parse::<Receipt>(&path, &text) else {
            return Ok(Part::Damaged(format!("{name} is cut or changed")));
        };
        if receipt.key != self.key_of(shard) {
            let why = "this part belongs to another plan";
            let hint = "move it away: `rackstorm study run` plays what is planned here";
            return Err(StudyError::refused(&path, why, hint));
        }
        let damaged = damaged(&self.path, &receipt.files)?;
        Ok(match damaged.first() {
            Some((name, damage)) => Part::Damaged(format!("{name} {damage}")),
            None => Part::Whole(receipt),
        })
    }
}

/// The files of chunks in a folder, in the order of their names.
fn chunks(folder: &std::path::Path) -> Result<Vec<PathBuf>, RecordError> {
    let entries = fs::read_dir(folder).map_err(RecordError::io("read", folder))?;
    let mut paths = Vec::new();
    for entry in entries {
        paths.push(entry.map_err(RecordError::io("read", folder))?.path());
    }
    paths.sort();
    Ok(paths)
}

/// The stem of a part's files.
pub(super) fn part_name(shard: u32) -> String {
    format!("part-{shard:05}")
}

/// The table of a part.
pub(super) fn part_table(folder: &StudyFolder, shard: u32) -> PathBuf {
    with_end(&folder.path.join(part_name(shard)), "csv")
}

/// Does something every few seconds, until it is stopped or fails.
#[derive(Default)]
struct Ticker {
    stopped: Mutex<bool>,
    bell: Condvar,
    failed: Mutex<Option<RecordError>>,
}

impl Ticker {
    fn run(&self, mut tick: impl FnMut() -> Result<(), RecordError>) {
        let mut stopped = locked(&self.stopped);
        while !*stopped {
            let waited = self.bell.wait_timeout(stopped, CHUNK);
            stopped = waited.unwrap_or_else(PoisonError::into_inner).0;
            if !*stopped && let Err(error) = tick() {
                *locked(&self.failed) = Some(error);
                return;
            }
        }
    }

    fn stop(&self) {
        *locked(&self.stopped) = true;
        self.bell.notify_all();
    }

    fn has_failed(&self) -> bool {
        locked(&self.failed).is_some()
    }

    fn failure(&self) -> Result<(), RecordError> {
        locked(&self.failed).take().map_or(Ok(()), Err)
    }
}

/// What a thread that panicked held is as good as ever: rows are added whole.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
