//! `rackstorm study`: plays a scenario over its axes and seeds, to a table and an answer.

mod look;
mod planning;
mod playing;
mod report;
mod submit;

pub(super) use look::report_later_runs;

use clap::{Args, Subcommand};

use crate::cli::{Exit, streams};
use crate::experiment::study::StudyError;

/// What stands under the help of `study`.
const EXAMPLES: &str = "\
Examples:
  rackstorm study interval.toml                      plan, play, merge, report; again to go on
  rackstorm study interval.toml --replications 100 -o /scratch/interval
  rackstorm study interval.toml --precision '1 %'    as many seeds as that needs
  rackstorm study plan interval.toml -o DIR --shards 40
  rackstorm study run DIR --shard 7                  one shard, as a task of a cluster does
  rackstorm study run DIR --shard auto               its number by SLURM_ARRAY_TASK_ID and the like
  rackstorm study submit DIR --to slurm -- -t 60     what is missing, as job arrays; again to go on
  rackstorm study status DIR                         what is missing, as 3,17-19
  rackstorm study merge DIR                          all parts as results.csv and results.parquet
  rackstorm study report DIR --metric energy         what was found, in another metric
  rackstorm study show DIR 12 --seed 7 --play        one run again, with figures and events

A study leaves in DIR: study.toml (all that it was made from), plan.csv (a line for each cell),
part-K.csv and .parquet (the rows of a shard), results.csv and .parquet (all rows) and columns.csv
(unit and meaning of each column). A row has the values of the axes, the seed, how the run ended
(done, unfinished, failed) and every metric. The report says in sentences what is best and what
cannot be distinguished from it, and writes summary.csv, summary.parquet, report.html and figures.
The bytes of the tables hang neither on --jobs nor on shards nor on how often it was killed.

SIGTERM and SIGUSR2 keep all whole rows and end with 75, Ctrl-C likewise with 130; the same command
goes on from there.";

/// Play a scenario over its axes and seeds, to a table and an answer
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    #[command(subcommand)]
    step: Option<Step>,
    #[command(flatten)]
    whole: playing::Whole,
}

/// The steps of a study.
#[derive(Debug, Subcommand)]
enum Step {
    Plan(Box<planning::Arguments>),
    Run(playing::Arguments),
    Submit(submit::Arguments),
    Status(look::StatusArguments),
    Merge(look::MergeArguments),
    Report(report::Arguments),
    Show(look::ShowArguments),
}

/// Does one step, or all of them.
pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let done = match &arguments.step {
        None => playing::whole(&arguments.whole),
        Some(Step::Plan(arguments)) => planning::run(arguments),
        Some(Step::Run(arguments)) => playing::run(arguments),
        Some(Step::Submit(arguments)) => submit::run(arguments),
        Some(Step::Status(arguments)) => look::status(arguments),
        Some(Step::Merge(arguments)) => look::merge(arguments),
        Some(Step::Report(arguments)) => report::run(arguments),
        Some(Step::Show(arguments)) => look::show(arguments),
    };
    done.or_else(|error| match error.downcast_ref::<StudyError>() {
        Some(StudyError::Mistakes(mistakes)) => {
            streams::report(mistakes);
            Ok(Exit::Usage)
        }
        _ => Err(error),
    })
}
