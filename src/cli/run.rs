//! `rackstorm run`: plays scenarios and leaves a results folder of each.

use std::num::NonZero;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::backend::{self, Backend, rack};
use crate::cli::files::{self, Override};
use crate::cli::open::open;
use crate::cli::watch::Watch;
use crate::cli::{Exit, exit, stage, streams};
use crate::experiment::summary::{Ended, Style};
use crate::experiment::{Run, in_order};
use crate::plan::Plan;
use crate::scenario::Loaded;

/// What stands under the help of `run`.
const EXAMPLES: &str = "\
Examples:
  rackstorm run lanl_750_boot.toml --open            play it, then open the report
  rackstorm run *.toml --jobs 4 --out /scratch/runs  many at once, results elsewhere
  rackstorm run month.toml --events none --no-report only the metrics
  rackstorm run month.toml --set 'workload.bulk-synchronous.work=10 d' --seed 7
  rackstorm run boot.toml --on turmoil               the real control plane, simulated network
  rackstorm run boot.toml --on rack --rack rack.toml on a real rack, or one in a box
  rackstorm run boot.toml --on rack --rehearse       the same on fakes; no node is touched
  rackstorm run month.toml --json | jq .metrics.efficiency

The results of a run lie in OUT/<scenario>/<seed>-<stage>-<fingerprint>/. While it runs, and when
it is interrupted or fails, the folder is called .partial and its manifest says why. A run that
ends exactly like one that is already there keeps the folder that is there.

With --json, stdout gets one JSON object per run, each on a line of its own, with the keys
scenario, seed, stage, fingerprint, results (the folder) and metrics {name: value}. The lines stand
in the order of the files, whatever --jobs says. metrics.jobs_unfinished counts jobs that were not
done when the run ended: there is no metrics.makespan then, and metrics.efficiency is of the time so
far.";

/// More runs than this are summed up in a line each.
const IN_FULL: usize = 5;

/// Play scenarios, leave a results folder of each
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(super) struct Arguments {
    /// Scenario files
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    overrides: Override,
    /// The stage that plays them
    #[arg(long, value_name = "STAGE", default_value = backend::ALL[0].name())]
    #[arg(value_parser = stage::names())]
    on: String,
    /// The inventory of the rack for --on rack
    #[arg(long, value_name = "FILE", env = "RACKSTORM_RACK", default_value = "rack.toml")]
    rack: PathBuf,
    /// For --on rack: play on fakes of the rack's power controllers and on agents of this machine
    #[arg(long)]
    rehearse: bool,
    /// Where the results folders go
    #[arg(long, short, value_name = "FOLDER", default_value = "results", env = "RACKSTORM_OUT")]
    out: PathBuf,
    /// So many runs at a time; results do not depend on it [default: one per processor core]
    #[arg(long, short, value_name = "N", env = "RACKSTORM_JOBS", value_parser = at_least_one)]
    jobs: Option<NonZero<usize>>,
    /// Which events go to disk, in place of what the scenario says; metrics and fingerprint see
    /// all of them in any case
    #[arg(long, value_enum)]
    events: Option<Events>,
    /// Draw no figures and write no report.html; `rackstorm report` can do it later
    #[arg(long)]
    no_report: bool,
    /// Open the report of the first run when all is done
    #[arg(long, conflicts_with = "no_report")]
    open: bool,
    /// One JSON object per run on stdout in place of the summary
    #[arg(long)]
    json: bool,
    /// No progress bars and no summary, only mistakes and errors
    #[arg(long, short)]
    quiet: bool,
}

/// A number of runs at a time.
pub(super) fn at_least_one(text: &str) -> Result<NonZero<usize>, &'static str> {
    text.parse().map_err(|_| "not a whole number from 1 up")
}

/// Which events go to disk.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Events {
    /// Every one
    All,
    /// Only faults, job failures and the ends of checkpoints
    Faults,
    /// None
    None,
}

/// Loads all files, plays all runs, says how they ended. The worst end is the exit code.
pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let overrides = arguments.overrides.with(arguments.record_level());
    let Some(runs) = files::load_all(&arguments.files, &overrides) else {
        return Ok(Exit::Usage);
    };
    if arguments.rehearse && arguments.on != rack::NAME {
        streams::say("error: only what is played on a rack is rehearsed: --on rack --rehearse");
        return Ok(Exit::Usage);
    }
    let watch = Watch::over(runs.len(), arguments.quiet)?;
    let stage = if arguments.rehearse {
        stage::rehearsal(&arguments.rack)?
    } else {
        stage::named(&arguments.on, &arguments.rack)?
    };
    let Some(stage) = stage else { return Ok(Exit::Usage) };
    let style = if runs.len() > IN_FULL { Style::Line } else { Style::Full };
    let (mut worst, mut left, mut reports) = (Exit::Done, 0, Vec::new());
    in_order(
        runs.len(),
        arguments.jobs_on(&*stage),
        &|number| watch.may_begin().then(|| one(&*stage, &runs[number], arguments, &watch)),
        &mut |ended| {
            let exit = match &ended {
                Some(Ok(ended)) => exit::of_run(ended),
                Some(Err(error)) => exit::of_error(error),
                None => Exit::Interrupted,
            };
            worst = worst.max(exit);
            left += usize::from(ended.is_none());
            reports.push(ended.as_ref().and_then(|ended| ended.as_ref().ok()?.page().cloned()));
            watch.aside(|| report(ended, arguments, style));
        },
    );
    if left > 0 {
        let runs = if left == 1 { "run was" } else { "runs were" };
        streams::say(&format!("{left} {runs} not begun"));
    }
    if let Some(Some(report)) = reports.first()
        && arguments.open
    {
        open(report);
    }
    Ok(if streams::data_was_lost() { worst.max(Exit::Failed) } else { worst })
}

/// One run, from the plan to the report.
fn one(
    stage: &dyn Backend,
    loaded: &Loaded,
    arguments: &Arguments,
    watch: &Watch,
) -> anyhow::Result<Ended> {
    let plan = Plan::make(&loaded.scenario);
    let mut watched = watch.run(&plan.scenario);
    let run = Run::new(&plan, stage).sink(&mut watched).record(&arguments.out)?;
    let report = (!arguments.no_report).then(|| run.report(&plan));
    Ok(Ended { plan, stage: stage.name(), run, report })
}

/// Says how a run ended, if it was begun. A summary that nobody reads any more is no reason to
/// stop the others.
fn report(ended: Option<anyhow::Result<Ended>>, arguments: &Arguments, style: Style) {
    let ended = match ended {
        Some(Ok(ended)) => ended,
        Some(Err(error)) => return streams::say(&exit::message(&error)),
        None => return,
    };
    if arguments.json {
        streams::print(&ended.json());
    } else if !arguments.quiet {
        streams::print(&ended.text(style));
    }
    for miss in ended.misses() {
        streams::say(&miss);
    }
    if let Some(Err(error)) = ended.report {
        streams::say(&exit::message(&error.into()));
    }
}

impl Arguments {
    /// Runs at a time: a rack plays one after the other.
    fn jobs_on(&self, stage: &dyn Backend) -> Option<NonZero<usize>> {
        let is_one = [rack::NAME, rack::rehearsal::NAME].contains(&stage.name());
        if is_one { Some(NonZero::<usize>::MIN) } else { self.jobs }
    }

    /// The override that `--events` is short for.
    fn record_level(&self) -> Option<String> {
        let level = match self.events? {
            Events::All => "all",
            Events::Faults => "faults",
            Events::None => "none",
        };
        Some(format!("record.events={level}"))
    }
}
