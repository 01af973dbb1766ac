//! `rackstorm branch`: a recorded run with one change at an instant, next to the run as it was.

use std::path::PathBuf;

use clap::Args;

use crate::cli::files::{self, Trust};
use crate::cli::watch::Watch;
use crate::cli::{Exit, above_zero, streams};
use crate::experiment::branch;
use crate::scenario::changes::changed;
use crate::units::{Span, Time};

/// What stands under the help of `branch`.
const EXAMPLES: &str = "\
Examples:
  rackstorm branch results/month/7-model-1f0c2ab9 --at '10 d' \\
      --set checkpoint.coordinated.interval='1 h'
  rackstorm branch results/month/7-model-1f0c2ab9 --at '10 d' \
      --set server.link='1 Gbit/s' --out results

Plays the recorded run again, and once more with the change from the instant on. Both must have the
same events before it, and the fingerprint of these is reported. The chance after it is the same as
well. Then follow the metrics that differ. Only a run of stage model can be branched.

What can change at an instant:
  checkpoint.coordinated.interval   from the next end of a step on; not from or to `adaptive`
  checkpoint.coordinated.cost       of what is written or read from then on; if it was fixed
  controller.detect                 of nodes that fall silent from then on
  hardware.link, module.uplink, group.N.node.link, switch.N.uplink, server.link, server.disk,
  cell.N.rate, cell.N.efficiency, cell.N.uplink
                                    of what is under way as well
  fault.KIND.N.lifetime             what is left of a lifetime keeps its share of it
  fault.KIND.N.repair               of parts that are struck from then on
Intervals that follow from these follow them. A fault at an instant needs no branch: a rule
[[fault.KIND]] with `at`, appended to the scenario, moves nothing that comes before it.

With --out the branch leaves a results folder, whose scenario has the change as [[change]]:
`run`, `study` and `replay` play it.

Exit codes: 0 done, 2 wrong usage or no run to branch, 3 a run failed, 130 interrupted.";

/// Play a recorded run again with one change at an instant, and hold it against the run as it was
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// Results folder of a finished run of stage model
    results: PathBuf,
    /// The time of the run at which the change takes place
    #[arg(long, value_name = "TIME", value_parser = above_zero::<Span>)]
    #[arg(allow_hyphen_values = true)]
    at: Span,
    /// The change; may be given many times. Without one the same run is played twice
    #[arg(long = "set", value_name = "PATH.TO.KEY=VALUE")]
    set: Vec<String>,
    /// Leave a results folder of the branch there
    #[arg(long, short, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// Show every metric, also those that are the same
    #[arg(long, short)]
    all: bool,
    /// Print one JSON object in place of the table
    #[arg(long, conflicts_with = "all")]
    json: bool,
    /// No progress bar
    #[arg(long, short)]
    quiet: bool,
    #[command(flatten)]
    trust: Trust,
}

/// Plays both, and says how they differ.
pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let results = &arguments.results;
    let manifest = arguments.trust.finished(results)?;
    let Some(scenario) = files::recorded(results, &manifest) else { return Ok(Exit::Failed) };
    let at = Time::ZERO + arguments.at;
    let changed = match changed(&scenario, at, &arguments.set) {
        Ok(changed) => changed,
        Err(mistakes) => {
            streams::report(&mistakes);
            return Ok(Exit::Usage);
        }
    };
    let watch = Watch::over(2, arguments.quiet)?;
    let (mut first, mut second) = (watch.run(&scenario), watch.run(&changed));
    let branched = branch::branch(
        (results, &manifest),
        (&scenario, &changed),
        at,
        arguments.out.as_deref(),
        [&mut first, &mut second],
    )?;
    drop((first, second));
    let json = arguments.json.then(|| branched.json());
    streams::found(json, || branched.text(arguments.all), branched.folder.clone())?;
    Ok(Exit::Done)
}
