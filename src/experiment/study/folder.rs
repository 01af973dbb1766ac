//! The folder of a study: its files, and what was planned.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::claim::Claim;
use super::packing::{Block, count, pack};
use super::pilot::Estimate;
use super::row::Columns;
use super::{StudyError, rounds};
use crate::backend::{self, Backend};
use crate::record::RecordError;
use crate::record::columns::settle;
use crate::record::fingerprint::sha256;
use crate::record::manifest::this_program;
use crate::scenario::Study;

/// The study, whole: it needs no other file.
pub(super) const STUDY: &str = "study.toml";

/// One line for each cell: its number, its values, and what a run of it is estimated to take.
const CELLS: &str = "plan.csv";

/// What else was decided. Written last: a folder without it is none of a study.
const PLAN: &str = "plan.json";

/// Where everything is made before it gets its place; gone when the study is complete.
const WORK: &str = "work";

/// The layout of these files.
const SCHEMA: &str = "rackstorm study 1";

/// More runs than this are not one study: a run of a millisecond each, it is three hours.
const RUNS_MAX: u64 = 10_000_000;

/// More shards than this are not one study: each leaves three files.
const SHARDS_MAX: u32 = 10_000;

/// What is asked for besides the study itself.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The stage that plays it.
    pub stage: String,
    /// Whether rows have fingerprints.
    pub fingerprint: bool,
    /// Shards of each round; by default as many as take `shard_seconds` each.
    pub shards: Option<u32>,
    /// CPU seconds that a shard is to take, where their number is not given.
    pub shard_seconds: f64,
}

/// What `plan.json` holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct PlanFile {
    schema: String,
    /// The scenario's name.
    pub name: String,
    /// The program, since another version may play other runs.
    program: String,
    pub stage: String,
    pub fingerprint: bool,
    /// SHA-256 of `study.toml` and of `plan.csv`.
    study: String,
    cells_sha256: String,
    pub cells: u32,
    pub shards: Option<u32>,
    pub shard_seconds: f64,
}

/// What `round-R.json` holds: which runs are played, and in how many shards.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Round {
    /// The hash of the plan that it belongs to.
    plan: String,
    /// From 1 up, over all rounds.
    pub first_shard: u32,
    pub shards: u32,
    pub blocks: Vec<Block>,
}

/// A planned study in its folder.
#[derive(Debug)]
pub struct StudyFolder {
    pub(super) path: PathBuf,
    pub(super) plan: PlanFile,
    /// The hash of the plan.
    pub(super) key: String,
    /// What a run of each cell is estimated to take, in CPU seconds.
    seconds: Vec<f64>,
    pub(super) rounds: Vec<Round>,
    study: Arc<Study>,
    pub(super) columns: Arc<Columns>,
}

impl StudyFolder {
    /// Plans a study into a folder: one that is not there, an empty one, or one that holds the same
    /// study already, which is kept as it is.
    ///
    /// # Errors
    /// When the folder holds something else, or is being planned by somebody else, or when it
    /// cannot be written.
    pub fn plan(
        path: &Path,
        study: &Study,
        asked: &Asked,
        estimate: &Estimate,
    ) -> Result<Self, StudyError> {
        if let Some(there) = Self::there(path, study, asked)? {
            return Ok(there);
        }
        let work = path.join(WORK);
        fs::create_dir_all(&work).map_err(RecordError::io("create", &work))?;
        let claim = Claim::take(&work, "plan", false)?;
        let _claim = claim.map_err(|held| {
            let why = format!("it is being planned by {}", held.text());
            StudyError::refused(path, why, "wait for it, or choose another folder with -o")
        })?;
        // Somebody else may have planned it, with an estimate of its own, since it was looked for.
        if let Some(there) = Self::there(path, study, asked)? {
            return Ok(there);
        }
        let text = study.text();
        let cells = cells_table(study, &estimate.seconds);
        let plan = PlanFile {
            schema: SCHEMA.to_owned(),
            name: study.name().to_owned(),
            program: this_program(),
            stage: asked.stage.clone(),
            fingerprint: asked.fingerprint,
            study: sha256(&text),
            cells_sha256: sha256(&cells),
            cells: study.len() as u32,
            shards: asked.shards,
            shard_seconds: asked.shard_seconds,
        };
        let plan_text = json(&plan);
        let first = rounds::first(study, &plan, &estimate.seconds, sha256(&plan_text));
        put(path, STUDY, &text)?;
        put(path, CELLS, &cells)?;
        put(path, &round_name(0), &json(&first))?;
        put(path, PLAN, &plan_text)?;
        Self::open(path)
    }

    /// The folder as it is, if it holds this very study.
    ///
    /// # Errors
    /// When it holds something else.
    pub fn there(path: &Path, study: &Study, asked: &Asked) -> Result<Option<Self>, StudyError> {
        let elsewhere = "choose another folder with -o";
        let entries = match fs::read_dir(path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(RecordError::io("read", path)(error).into()),
        };
        if !path.join(PLAN).exists() {
            // What a plan leaves that was killed is written anew.
            let ours = [STUDY, CELLS, WORK, &round_name(0)].map(|name| OsStr::new(name).to_owned());
            let names: Vec<_> = entries.flatten().map(|entry| entry.file_name()).collect();
            if let Some(other) = names.iter().find(|name| !ours.contains(name)) {
                let other = other.to_string_lossy();
                let why = format!("the folder is not empty and holds no study: there is {other}");
                return Err(StudyError::refused(path, why, elsewhere));
            }
            return Ok(None);
        }
        let there = Self::open(path)?;
        let plan = &there.plan;
        let same = plan.study == sha256(&study.text())
            && (plan.stage == asked.stage && plan.fingerprint == asked.fingerprint)
            && asked.shards.is_none_or(|shards| plan.shards == Some(shards));
        if same {
            return Ok(Some(there));
        }
        let why = format!("the folder holds another study, of `{}`", plan.name);
        Err(StudyError::refused(path, why, elsewhere))
    }

    /// Whether a folder is that of a study.
    #[must_use]
    pub fn is_at(path: &Path) -> bool {
        path.join(PLAN).exists()
    }

    /// Opens the folder of a study.
    ///
    /// # Errors
    /// When it is none, was planned by another version of the program, or was changed since.
    pub fn open(path: &Path) -> Result<Self, StudyError> {
        let file = path.join(PLAN);
        if !file.exists() {
            let why = if path.exists() {
                "this is no folder of a study: it has no plan.json"
            } else {
                "there is no such folder"
            };
            return Err(StudyError::refused(
                path,
                why,
                "`rackstorm study plan FILE -o DIR` makes one",
            ));
        }
        let text = read(path, PLAN)?;
        let plan: PlanFile = parse(&file, &text)?;
        if plan.schema != SCHEMA || plan.program != this_program() {
            let why = format!("{} planned it, and this is {}", plan.program, this_program());
            let hint = "play it with that program, or plan it anew in another folder";
            return Err(StudyError::refused(path, why, hint));
        }
        let (study_text, cells) = (read(path, STUDY)?, read(path, CELLS)?);
        for (name, text, was) in
            [(STUDY, &study_text, &plan.study), (CELLS, &cells, &plan.cells_sha256)]
        {
            if sha256(text) != *was {
                let why = "it was changed since the study was planned";
                let hint = "put it back, or plan the changed study in another folder";
                return Err(StudyError::refused(&path.join(name), why, hint));
            }
        }
        let name = path.join(STUDY).to_string_lossy().into_owned();
        let study = Arc::new(Study::read_again(&name, &study_text)?);
        let seconds = seconds(&path.join(CELLS), &cells)?;
        let columns = Arc::new(Columns::of(&study, &plan));
        let key = sha256(&text);
        let path = path.to_owned();
        let mut folder = Self { path, plan, key, seconds, rounds: Vec::new(), study, columns };
        folder.look_for_rounds()?;
        Ok(folder)
    }

    /// Reads the rounds that were planned since.
    ///
    /// # Errors
    /// When one cannot be read, or is of another plan.
    pub(super) fn look_for_rounds(&mut self) -> Result<(), StudyError> {
        loop {
            let path = self.path.join(round_name(self.rounds.len()));
            if !path.exists() {
                return Ok(());
            }
            let text = read(&self.path, &round_name(self.rounds.len()))?;
            let round: Round = parse(&path, &text)?;
            if round.plan != self.key {
                let why = "this round belongs to another plan";
                return Err(StudyError::refused(&path, why, "put back what was planned here"));
            }
            self.rounds.push(round);
        }
    }

    /// Adds a round.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn add(&mut self, blocks: Vec<Block>) -> Result<(), StudyError> {
        let last = self.rounds.last();
        let first_shard = last.map_or(1, |round| round.first_shard + round.shards);
        let round = Round::of(&self.plan, self.key.clone(), first_shard, blocks, &self.seconds);
        fs::create_dir_all(self.work()).map_err(RecordError::io("create", &self.work()))?;
        put(&self.path, &round_name(self.rounds.len()), &json(&round))?;
        self.rounds.push(round);
        Ok(())
    }

    /// The study itself.
    #[must_use]
    pub fn study(&self) -> &Study {
        &self.study
    }

    /// Where it lies.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file that holds the study, whole.
    #[must_use]
    pub fn study_file(&self) -> PathBuf {
        self.path.join(STUDY)
    }

    /// What `--set` has to set so that the study is this cell.
    #[must_use]
    pub fn set(&self, cell: usize) -> Vec<String> {
        let values = self.study.axes().iter().zip(self.study.values(cell));
        values.map(|(axis, value)| format!("{}={}", axis.path(), value.text)).collect()
    }

    /// Whether a run of this cell with this seed is planned.
    #[must_use]
    pub fn has_run(&self, cell: usize, seed: u64) -> bool {
        let blocks = self.rounds.iter().flat_map(|round| &round.blocks);
        let holds =
            |block: &&Block| (block.cells.0 as usize..block.cells.1 as usize).contains(&cell);
        let mut planned = blocks.filter(holds).flat_map(|it| it.replications.0..it.replications.1);
        planned.any(|replication| self.study.seeds().of(u64::from(replication)) == Some(seed))
    }

    /// That there is no shard of this number.
    #[must_use]
    pub fn no_shard(&self, number: u32) -> StudyError {
        let last = self.shards().end - 1;
        let why = format!("there is no shard {number}: they are numbered from 1 to {last}");
        StudyError::refused(&self.path, why, "`rackstorm study status` says which are missing")
    }

    /// The stage that plays it.
    ///
    /// # Errors
    /// When this build has no such stage.
    pub fn stage(&self) -> Result<&'static (dyn Backend + Sync), StudyError> {
        backend::named(&self.plan.stage).ok_or_else(|| {
            let why = format!("this build has no stage `{}`", self.plan.stage);
            StudyError::refused(&self.path, why, "play it with a build that has it")
        })
    }

    /// How many rounds are planned.
    #[must_use]
    pub fn rounds(&self) -> usize {
        self.rounds.len()
    }

    /// How many runs are planned, over all rounds.
    #[must_use]
    pub fn runs(&self) -> u64 {
        self.rounds.iter().map(|round| count(&round.blocks)).sum()
    }

    /// The numbers of all shards that are planned.
    #[must_use]
    pub fn shards(&self) -> std::ops::Range<u32> {
        1..self.rounds.last().map_or(1, |round| round.first_shard + round.shards)
    }

    /// The numbers of the shards of the last round.
    #[must_use]
    pub fn last_round(&self) -> std::ops::Range<u32> {
        let round = self.rounds.last().expect("the first round is planned with the study");
        round.first_shard..round.first_shard + round.shards
    }

    /// What all planned runs are estimated to take, in CPU seconds.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        let blocks = self.rounds.iter().flat_map(|round| &round.blocks);
        blocks.map(|block| cost(block, &self.seconds)).sum()
    }

    /// What a part of a shard is keyed by: the plan, and the round that the shard belongs to.
    pub(super) fn key_of(&self, shard: u32) -> String {
        sha256(&format!("{}{shard}", json(self.round_of(shard))))
    }

    /// The runs of a shard, the longest first.
    pub(super) fn blocks_of(&self, shard: u32) -> Vec<Block> {
        let round = self.round_of(shard);
        let mut packed = pack(&round.blocks, &self.seconds, round.shards);
        packed.swap_remove((shard - round.first_shard) as usize)
    }

    fn round_of(&self, shard: u32) -> &Round {
        let mut from_last = self.rounds.iter().rev();
        from_last.find(|round| round.first_shard <= shard).expect("the shard is planned")
    }

    pub(super) fn work(&self) -> PathBuf {
        self.path.join(WORK)
    }

    /// Where the file or folder of this name is made.
    pub(super) fn draft(&self, name: &str) -> PathBuf {
        draft(&self.path, name)
    }

    /// Writes a file of the study whole, or not at all.
    pub(super) fn put(&self, name: &str, text: &str) -> Result<(), RecordError> {
        put(&self.path, name, text)
    }
}

impl Round {
    /// A round of these runs.
    pub(super) fn of(
        plan: &PlanFile,
        key: String,
        first_shard: u32,
        blocks: Vec<Block>,
        seconds: &[f64],
    ) -> Self {
        let total: f64 = blocks.iter().map(|block| cost(block, seconds)).sum();
        let fitting = libm::ceil(total / plan.shard_seconds) as u32;
        let runs = u32::try_from(count(&blocks)).unwrap_or(u32::MAX);
        let shards = plan.shards.unwrap_or(fitting).clamp(1, runs.clamp(1, SHARDS_MAX));
        Self { plan: key, first_shard, shards, blocks }
    }
}

/// What the runs of a block are estimated to take, in CPU seconds.
fn cost(block: &Block, seconds: &[f64]) -> f64 {
    let each = f64::from(block.replications.1 - block.replications.0);
    seconds[block.cells.0 as usize..block.cells.1 as usize].iter().sum::<f64>() * each
}

/// Refuses a study that is too large to be one.
///
/// # Errors
/// When it has too many runs.
pub(super) fn check_size(path: &Path, cells: u64, replications: u64) -> Result<(), StudyError> {
    let runs = cells.saturating_mul(replications);
    if runs <= RUNS_MAX {
        return Ok(());
    }
    let why = format!("{cells} cells with {replications} replications are {runs} runs");
    let hint = format!("at most {RUNS_MAX} are one study; give fewer cells or replications");
    Err(StudyError::refused(path, why, hint))
}

fn round_name(number: usize) -> String {
    format!("round-{}.json", number + 1)
}

fn cells_table(study: &Study, seconds: &[f64]) -> String {
    let mut table = csv::Writer::from_writer(Vec::new());
    let mut head = vec!["cell".to_owned()];
    head.extend(study.axes().iter().map(|axis| axis.path().to_owned()));
    head.push("run_cpu_s".to_owned());
    table.write_record(&head).expect("memory takes all");
    for (cell, seconds) in seconds.iter().enumerate() {
        let values = study.values(cell).into_iter().map(|value| value.text);
        let row = [cell.to_string()].into_iter().chain(values).chain([format!("{seconds:?}")]);
        table.write_record(row).expect("memory takes all");
    }
    String::from_utf8(table.into_inner().expect("memory takes all")).expect("it is made of text")
}

fn seconds(path: &Path, table: &str) -> Result<Vec<f64>, RecordError> {
    let foreign = |why: String| RecordError::Foreign { path: path.to_owned(), why };
    let rows = csv::Reader::from_reader(table.as_bytes()).into_records();
    rows.map(|row| {
        let row = row.map_err(|error| foreign(error.to_string()))?;
        let last = row.iter().next_back().and_then(|last| last.parse().ok());
        last.ok_or_else(|| foreign("its last column has the seconds of a run".to_owned()))
    })
    .collect()
}

pub(super) fn json(value: &impl Serialize) -> String {
    serde_json::to_string_pretty(value).expect("it is JSON") + "\n"
}

pub(super) fn parse<T: DeserializeOwned>(path: &Path, text: &str) -> Result<T, RecordError> {
    serde_json::from_str(text)
        .map_err(|error| RecordError::Foreign { path: path.to_owned(), why: error.to_string() })
}

pub(super) fn read(folder: &Path, name: &str) -> Result<String, RecordError> {
    let path = folder.join(name);
    fs::read_to_string(&path).map_err(RecordError::io("read", &path))
}

fn draft(folder: &Path, name: &str) -> PathBuf {
    let host = crate::drivers::process::host();
    folder.join(WORK).join(format!("{name}.{host}-{}", std::process::id()))
}

fn put(folder: &Path, name: &str, text: &str) -> Result<(), RecordError> {
    let draft = draft(folder, name);
    fs::write(&draft, text).map_err(RecordError::io("write", &draft))?;
    settle(&draft, &folder.join(name))
}
