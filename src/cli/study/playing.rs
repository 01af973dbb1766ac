//! `rackstorm study run`: plays the shards of a study, and `rackstorm study FILE`: all in one go.

use std::num::NonZero;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use anyhow::Context;
use clap::Args;

use crate::cli::progress::Runs;
use crate::cli::run::at_least_one;
use crate::cli::study::planning::{Wanted, counted, said};
use crate::cli::study::{look, report, submit};
use crate::cli::{Exit, streams};
use crate::drivers::batch::{OFFSET, TASKS};
use crate::drivers::process::{self, AskedBy};
use crate::experiment::study::{
    Ended, Next, Player, Reached, Stopper, StudyFolder, advance, merge, ranges,
};

/// Runs that end within this time after a signal are kept; others are played again.
const GRACE: Duration = Duration::from_secs(1);

/// All in one go.
#[derive(Debug, Args)]
pub(super) struct Whole {
    #[command(flatten)]
    wanted: Wanted,
    #[command(flatten)]
    how: How,
    /// One JSON object on stdout
    #[arg(long)]
    json: bool,
}

/// Play the shards that are missing, or some of them
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The folder of the study
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Which shards: numbers such as 3,17-19; K/N for every N-th of the last round, from the K-th;
    /// or auto, the number of the task by the variable of Slurm, HyperQueue or Kubernetes
    #[arg(long, value_name = "SHARDS", env = "RACKSTORM_SHARD", value_parser = which)]
    shard: Option<Which>,
    #[command(flatten)]
    how: How,
    /// If that completes a round, submit the next one, with the options after --
    #[arg(long, hide = true, value_parser = submit::names(), requires = "shard")]
    then: Option<String>,
    /// Options for that
    #[arg(last = true, hide = true)]
    options: Vec<String>,
}

/// How shards are played.
#[derive(Debug, Args)]
struct How {
    /// So many runs at a time; the table does not depend on it [default: one per processor core]
    #[arg(long, short, value_name = "N", env = "RACKSTORM_JOBS", value_parser = at_least_one)]
    jobs: Option<NonZero<usize>>,
    /// Take over shards that another machine has claimed, if it gave no sign of life for a minute
    #[arg(long)]
    force: bool,
    /// No progress bar, only mistakes and errors
    #[arg(long, short)]
    quiet: bool,
}

/// Some shards of a study.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Which {
    /// These.
    Numbers(Vec<u32>),
    /// Every so many-th of the last round, from this one.
    Every(u32, u32),
}

/// Reads `3,17-19`, `2/10` or `auto`.
fn which(text: &str) -> Result<Which, String> {
    let number = |text: &str| text.trim().parse::<u32>().ok().filter(|number| *number > 0);
    if text == "auto" {
        let set = |(name, first)| Some((std::env::var(name).ok()?, name, first));
        let names = TASKS.map(|(name, _)| name).join(", ");
        let (text, name, first) =
            TASKS.into_iter().find_map(set).ok_or(format!("none of {names} is set"))?;
        let offset = std::env::var(OFFSET).unwrap_or_else(|_| "0".to_owned());
        let offset: u32 = offset.parse().map_err(|_| format!("{OFFSET} is {offset:?}"))?;
        let task = text.parse::<u32>().ok().and_then(|task| task.checked_add(first));
        let task = task.and_then(|task| task.checked_add(offset)).filter(|task| *task > 0);
        return task.map(|task| Which::Numbers(vec![task])).ok_or(format!("{name} is {text:?}"));
    }
    if let Some((which, of)) = text.split_once('/') {
        let both = number(which).zip(number(of)).filter(|(which, of)| which <= of);
        let (which, of) = both.ok_or("K/N has 1 <= K <= N")?;
        return Ok(Which::Every(which, of));
    }
    let mut numbers = Vec::new();
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let ends = number(first).zip(number(last)).filter(|(first, last)| first <= last);
        let (first, last) = ends.ok_or_else(|| format!("{part:?} is no number of a shard"))?;
        if last - first > 10_000 {
            return Err("a study has at most 10,000 shards".to_owned());
        }
        numbers.extend(first..=last);
    }
    Ok(Which::Numbers(numbers))
}

/// Plans, plays and merges a study and says what it found; goes on where it was stopped.
pub(super) fn whole(arguments: &Whole) -> anyhow::Result<Exit> {
    let Some(mut folder) = arguments.wanted.plan()? else { return Ok(Exit::Usage) };
    let stop = Stop::catch(&folder)?;
    if !arguments.how.quiet {
        streams::say(&format!("{}: {}", folder.path().display(), said(&folder)));
    }
    let played = play(&mut folder, None, &arguments.how, &stop)?;
    if played != Exit::Done {
        return Ok(played);
    }
    let merged = merge(&folder, false)?;
    report::say(&folder, &merged, &[], arguments.json)?;
    Ok(look::exit(&merged))
}

/// Plays shards.
pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let mut folder = StudyFolder::open(&arguments.folder)?;
    let stop = Stop::catch(&folder)?;
    let played = play(&mut folder, arguments.shard.as_ref(), &arguments.how, &stop)?;
    match &arguments.then {
        Some(system) if played == Exit::Done => {
            let shards = numbers(&folder, arguments.shard.as_ref())?;
            submit::next(&mut folder, &shards, system, &arguments.options)
        }
        _ => Ok(played),
    }
}

/// What a signal asks for.
struct Stop {
    stopper: Stopper,
    /// The exit code then.
    code: Arc<AtomicU8>,
}

impl Stop {
    fn catch(folder: &StudyFolder) -> anyhow::Result<Self> {
        let stop = Self { stopper: Stopper::default(), code: Arc::default() };
        let (stopper, code, path) =
            (stop.stopper.clone(), Arc::clone(&stop.code), folder.path().to_owned());
        process::on_stop(move |by| {
            let exit = match by {
                AskedBy::Person => Exit::Interrupted,
                AskedBy::System => Exit::Partial,
            };
            code.store(exit as u8, Ordering::Relaxed);
            stopper.ask();
            streams::say(&format!(
                "stopped; all whole rows are kept, and `rackstorm study run {}` goes on",
                path.display()
            ));
            // Most runs end in that time, and then the program does by itself.
            let (_nobody_sends, waits) = mpsc::channel::<()>();
            let _ = waits.recv_timeout(GRACE);
            stopper.leave();
            std::process::exit(i32::from(exit as u8));
        })
        .context("signals cannot be caught")?;
        Ok(stop)
    }

    fn exit(&self) -> Exit {
        let interrupted = self.code.load(Ordering::Relaxed) == Exit::Interrupted as u8;
        if interrupted { Exit::Interrupted } else { Exit::Partial }
    }
}

/// Plays some shards, or all that are missing and all further rounds. Done when they lie there,
/// however their runs ended.
fn play(
    folder: &mut StudyFolder,
    which: Option<&Which>,
    how: &How,
    stop: &Stop,
) -> anyhow::Result<Exit> {
    let mut next = advance(folder)?;
    report_reached(next, how.quiet);
    let bar = Runs::over(folder.runs(), how.quiet);
    let player = Player {
        jobs: how.jobs,
        force: how.force,
        stopper: &stop.stopper,
        ended: &|_| bar.ended(),
    };
    loop {
        bar.about(about(folder, next));
        let mut held = Vec::new();
        for shard in numbers(folder, which)? {
            if stop.stopper.is_asked() {
                return Ok(stop.exit());
            }
            match folder.play(shard, &player)? {
                Ended::Done(tally, true) => bar.were_there(tally.runs),
                Ended::Done(tally, false) => {
                    if !how.quiet && bar.is_hidden() {
                        let (of, failed) = (folder.shards().len(), tally.failed);
                        let runs = counted(tally.runs, "run");
                        streams::say(&format!("shard {shard} of {of}: {runs}, {failed} failed"));
                    }
                }
                Ended::Held(why) => {
                    bar.aside(|| streams::say(&why));
                    held.push(shard);
                }
                Ended::Stopped => return Ok(stop.exit()),
            }
        }
        if !held.is_empty() {
            bar.aside(|| streams::say(&format!("left to others: shards {}", ranges(&held))));
            return Ok(Exit::Partial);
        }
        next = if which.is_none() { advance(folder)? } else { Next::Wait };
        bar.aside(|| report_reached(next, how.quiet));
        match next {
            Next::Planned(_) => bar.over_in_all(folder.runs()),
            Next::Complete(_) => return Ok(Exit::Done),
            Next::Wait if which.is_some() => return Ok(Exit::Done),
            Next::Wait => return Ok(Exit::Partial),
        }
    }
}

/// What the bar says of a round: its cells, and how far the rounds before it met the precision.
fn about(folder: &StudyFolder, next: Next) -> String {
    let cells = match folder.study().len() {
        1 => " of 1 cell".to_owned(),
        cells => format!(" of {cells} cells"),
    };
    match (next, folder.study().spec().precision) {
        (Next::Planned(reached), Some(precision)) if reached.worst.is_finite() => format!(
            "{cells}, half-width up to {:.2} % of {} % wanted",
            reached.worst * 100.0,
            precision * 100.0
        ),
        _ => cells,
    }
}

/// The numbers of the shards that are meant.
fn numbers(folder: &StudyFolder, which: Option<&Which>) -> anyhow::Result<Vec<u32>> {
    Ok(match which {
        None => folder.shards().collect(),
        Some(Which::Every(which, of)) => {
            folder.last_round().skip(*which as usize - 1).step_by(*of as usize).collect()
        }
        Some(Which::Numbers(all)) => {
            if let Some(none) = all.iter().find(|number| !folder.shards().contains(number)) {
                return Err(folder.no_shard(*none).into());
            }
            all.clone()
        }
    })
}

/// Says how far the precision is met, if one is wanted.
pub(super) fn report_reached(next: Next, quiet: bool) {
    let (what, reached) = match next {
        Next::Planned(reached) => ("another round is planned", reached),
        Next::Complete(Some(reached)) => ("no other round is needed or allowed", reached),
        Next::Wait | Next::Complete(None) => return,
    };
    if quiet {
        return;
    }
    let Reached { met, cells, worst, worst_cell } = reached;
    let worst = if worst.is_finite() {
        format!("{:.2} %, in cell {worst_cell}", worst * 100.0)
    } else {
        format!("not known in cell {worst_cell}, with fewer than two runs that were done")
    };
    streams::say(&format!(
        "the precision is met in {met} of {cells} cells, the largest half-width is {worst}; {what}"
    ));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_are_named_by_numbers_or_every_so_many() {
        assert_eq!(which("3,17-19"), Ok(Which::Numbers(vec![3, 17, 18, 19])));
        assert_eq!(which("2/10"), Ok(Which::Every(2, 10)));
        for wrong in ["0", "3-1", "0/4", "5/4", "a", "", "1-4000000000"] {
            assert!(which(wrong).is_err(), "{wrong}");
        }
    }
}
