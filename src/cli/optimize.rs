//! `rackstorm optimize`: the best value of one or two keys, by runs.

use std::num::NonZero;
use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use serde_json::Value;

use crate::analysis::optimum::Rule;
use crate::cli::files::{self, Override};
use crate::cli::interrupt::Interrupt;
use crate::cli::progress::Runs;
use crate::cli::run::at_least_one;
use crate::cli::{Exit, precision, stage, streams};
use crate::experiment::optimize::{SEEDS, Wanted, Watch, optimize};
use crate::experiment::study::StudyError;
use crate::experiment::word;
use crate::metrics;
use crate::report::study::{FILE_NAME, Input, json, text, write};
use crate::scenario;
use crate::scenario::varied::Varied;

/// What stands under the help of `optimize`.
const EXAMPLES: &str = "\
Examples:
  rackstorm optimize month.toml --vary checkpoint.coordinated.interval
  rackstorm optimize month.toml --vary checkpoint.coordinated.interval --from '10 min' --to '8 h'
  rackstorm optimize verified.toml --vary checkpoint.coordinated.interval \\
      --vary 'checkpoint.coordinated.verify.per_checkpoint={ from = 1, to = 16 }'
  rackstorm optimize month.toml --vary checkpoint.coordinated.interval --metric makespan -o best

All values have the same seeds, and a value that is worse in the differences run by run is played no
more. It stops when no other value can be better by more than --precision of the least waste, says
between which values the best one lies, and plays it again with seeds that the search had not
seen, next to what formulas call best and the scenario's own value. docs/optimize.md has what that
promises. The same seed gives the same answer, whatever --jobs is.

Exit codes: 0 done, also if the precision is not reached, which is said; 2 wrong usage, or no value
can be the best; 130 interrupted, with what was known by then.";

/// Find the best value of a key, or of two, by playing the scenario
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// Scenario file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The key that is varied, or KEY={ from = ..., to = ... }; twice for two keys
    #[arg(long, required = true, value_name = "KEY", value_parser = Varied::read)]
    vary: Vec<Varied>,
    /// The lower bound of the only key [default: by the scenario]
    #[arg(long, value_name = "VALUE")]
    from: Option<String>,
    /// Its upper bound
    #[arg(long, value_name = "VALUE")]
    to: Option<String>,
    /// The metric of which the best is wanted
    #[arg(long, value_name = "NAME", default_value = "waste")]
    metric: String,
    /// How much better another value may be at the end, as a share of the best mean
    #[arg(long, value_name = "SHARE", default_value = "0.5%", value_parser = precision)]
    precision: f64,
    /// Seeds of each value in the first round [default: 20, or as many as meet 40 failures]
    #[arg(long, value_name = "N")]
    #[arg(value_parser = clap::value_parser!(u32).range(2..=100_000))]
    replications: Option<u32>,
    /// Seeds of a value at most
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    #[arg(value_parser = clap::value_parser!(u32).range(2..=1_000_000))]
    replications_max: u32,
    /// Runs of the search at most
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    runs_max: u64,
    #[command(flatten)]
    overrides: Override,
    /// The stage that plays it: one that gives the same events each time
    #[arg(long, value_name = "STAGE", default_value = stage::usual())]
    #[arg(value_parser = stage::deterministic_names())]
    on: String,
    /// So many runs at a time; the answer does not depend on it [default: one per processor core]
    #[arg(long, short, value_name = "N", env = "RACKSTORM_JOBS", value_parser = at_least_one)]
    jobs: Option<NonZero<usize>>,
    /// Write summary.csv, summary.parquet, report.html and figures into this folder
    #[arg(long, short, value_name = "DIR")]
    out: Option<PathBuf>,
    /// One JSON object on stdout
    #[arg(long)]
    json: bool,
    /// No progress bar, only mistakes and errors
    #[arg(long, short)]
    quiet: bool,
}

/// Searches, says what was found, writes.
pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    if files::is_taken(arguments.out.as_deref(), "write what is found") {
        return Ok(Exit::Usage);
    }
    let Some(wanted) = arguments.wanted() else { return Ok(Exit::Usage) };
    let stage = crate::backend::named(&arguments.on).expect("clap takes no other names");
    let interrupt = Interrupt::catch()?;
    let bar = Runs::over(0, arguments.quiet);
    let watch = Watch {
        stop: &|| interrupt.is_wanted(),
        planned: &|runs| bar.over_in_all(runs),
        ended: &|| bar.ended(),
    };
    let found = optimize(&wanted, stage, &watch);
    drop(bar);
    let optimum = match found {
        Ok(optimum) => optimum,
        Err(StudyError::Mistakes(mistakes)) => {
            streams::report(&mistakes);
            return Ok(Exit::Usage);
        }
        Err(error) => return Err(error.into()),
    };
    if optimum.search.standings().is_none() {
        streams::say("interrupted in the first round: nothing is known yet");
        return Ok(Exit::Interrupted);
    }
    let loaded = scenario::load(&arguments.file, &wanted.overrides).ok();
    let stem = arguments.file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let (name, title) =
        loaded.map_or((stem.clone(), stem), |it| (it.scenario.name, it.scenario.title));
    let input = Input {
        name: &name,
        title: &title,
        answer: &optimum.answer,
        search: Some(&optimum),
        version: env!("CARGO_PKG_VERSION"),
        command: &Arguments::command(),
        definition: |name| metrics::find(name).map_or("", |definition| definition.meaning),
    };
    let object = arguments.json.then(|| Value::Object(json(&input)));
    let draw = || {
        let Some(out) = &arguments.out else { return Ok(Vec::new()) };
        std::fs::create_dir_all(out)
            .with_context(|| format!("cannot write into {}", out.display()))?;
        write(&input, out)?;
        Ok(vec![out.join(FILE_NAME)])
    };
    streams::found_first(object, || text(&input), draw)?;
    let whole = optimum.search.ended().is_some() && !optimum.again.is_empty();
    Ok(if whole { Exit::Done } else { Exit::Interrupted })
}

impl Arguments {
    /// What is asked for; `None` after reporting why it is nothing.
    fn wanted(&self) -> Option<Wanted<'_>> {
        let mut varied = self.vary.clone();
        let bounds = [&self.from, &self.to].map(|it| it.as_deref().map(Varied::bound));
        if bounds.iter().any(Option::is_some) {
            let [only] = varied.as_mut_slice() else {
                streams::say(
                    "error: --from and --to are the bounds of one key; of two, write --vary \
                     'KEY={ from = ..., to = ... }'",
                );
                return None;
            };
            let [from, to] = bounds;
            (only.from, only.to) = (from.or(only.from.take()), to.or(only.to.take()));
        }
        let rule = Rule {
            precision: self.precision,
            replications: self.replications.unwrap_or(SEEDS).min(self.replications_max),
            replications_max: self.replications_max,
            runs_max: self.runs_max,
            more_is_better: false,
        };
        Some(Wanted {
            file: &self.file,
            overrides: self.overrides.with([]),
            varied,
            metric: self.metric.clone(),
            rule,
            until_enough_fails: self.replications.is_none(),
            jobs: self.jobs,
        })
    }

    /// The command that searches the same again.
    fn command() -> String {
        let given = std::env::args_os().skip(1).map(|argument| word(&argument.to_string_lossy()));
        ["rackstorm".to_owned()].into_iter().chain(given).collect::<Vec<_>>().join(" ")
    }
}
