//! `rackstorm cosmic`: the neutrons of a site, and the upsets of a machine that stands there.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use serde_json::json;

use crate::cli::files::{self, Override};
use crate::cli::{Exit, streams};
use crate::cosmic::budget::Budget;
use crate::report::cosmic::{self, Input};
use crate::scenario::{self, Scenario};

/// What stands under the help of `cosmic`.
const EXAMPLES: &str = "\
Examples:
  rackstorm cosmic --altitude 2231m --rigidity 3.96 --solar 50% --nodes 750
  rackstorm cosmic --altitude 2231m --hardware pi_4b --out figures
  rackstorm cosmic scenarios/base/lanl_pilot.toml
  rackstorm cosmic month.toml --set hardware.array.1.protection=secded --json

Prints the flux by JESD89A, how often each memory of a node is upset there and what comes of it,
and the faults of its DRAM, each figure with its source. Without a file the node is a Pi 3B; what
is not given is an assumption and says so. --out draws the flux against altitude and the upsets by
what comes of them, as SVG and PNG. docs/models/cosmic.md has the equations.

Exit codes: 0 done, 2 wrong usage or a mistake in the file, 3 a file cannot be written.";

/// A node at sea level, for sites that no file describes.
const BARE: &str = "[cluster]\nhardware = \"pi_3b\"\n";

/// Print the neutron flux of a site and the upset budget of a machine
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// A scenario file with site and hardware
    file: Option<PathBuf>,
    /// Altitude above sea level, such as 2231m (`site.altitude`)
    #[arg(long, value_name = "LENGTH", allow_hyphen_values = true)]
    altitude: Option<String>,
    /// Vertical cutoff rigidity in GV, such as 3.96 (`site.rigidity`)
    #[arg(long, value_name = "GV", allow_hyphen_values = true)]
    rigidity: Option<String>,
    /// Solar activity, from 0% (quiet) to 100% (`site.solar`)
    #[arg(long, value_name = "SHARE", allow_hyphen_values = true)]
    solar: Option<String>,
    /// Concrete above the machine, such as 50cm (`site.concrete`)
    #[arg(long, value_name = "LENGTH", allow_hyphen_values = true)]
    concrete: Option<String>,
    /// Hardware profile, such as `pi_4b` (`cluster.hardware`)
    #[arg(long, value_name = "NAME")]
    hardware: Option<String>,
    /// Number of nodes [default: those of the scenario; one without a file]
    #[arg(long, value_name = "COUNT", value_parser = nodes)]
    nodes: Option<u64>,
    #[command(flatten)]
    overrides: Override,
    /// Draw figures into this folder
    #[arg(long, short, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// Print one JSON object in place of the tables; rates per hour
    #[arg(long)]
    json: bool,
}

/// A number of nodes.
fn nodes(text: &str) -> Result<u64, String> {
    let count = text.parse().ok().filter(|count| (1..=10_000_000).contains(count));
    count.ok_or_else(|| "not a whole number from 1 to 10000000".to_owned())
}

/// Loads, reckons, reports, draws.
pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let out = arguments.out.as_deref();
    if files::is_taken(out, "draw the figures") {
        return Ok(Exit::Usage);
    }
    let Some(scenario) = load(arguments) else { return Ok(Exit::Usage) };
    let of_file = u64::from(scenario.cluster.modules) * u64::from(scenario.module.nodes);
    let nodes = arguments.nodes.unwrap_or(if arguments.file.is_some() { of_file } else { 1 });
    let budget = Budget::of(&scenario.site, &scenario.hardware.arrays);
    let input = Input { scenario: &scenario, budget: &budget, nodes };
    let written = match out {
        Some(out) => cosmic::write(&input, out)
            .with_context(|| format!("cannot write into {}", out.display()))?,
        None => Vec::new(),
    };
    let json = arguments.json.then(|| {
        let mut object = cosmic::json(&input);
        object["files"] = json!(written);
        object
    });
    let files = out.iter().flat_map(|out| written.iter().map(|file| out.join(file)));
    streams::found(json, || cosmic::text(&input), files)?;
    Ok(Exit::Done)
}

/// The scenario of the file, or a bare node, with what the command line changes. `None` after
/// reporting the mistakes.
fn load(arguments: &Arguments) -> Option<Scenario> {
    let keys = [
        ("site.altitude", &arguments.altitude),
        ("site.rigidity", &arguments.rigidity),
        ("site.solar", &arguments.solar),
        ("site.concrete", &arguments.concrete),
        ("cluster.hardware", &arguments.hardware),
    ];
    let given = keys.into_iter();
    let given =
        given.filter_map(|(key, value)| value.as_ref().map(|value| format!("{key}={value}")));
    let overrides = arguments.overrides.with(given);
    if let Some(file) = &arguments.file {
        return files::load(file, &overrides).map(|loaded| loaded.scenario);
    }
    scenario::read_over("cosmic", BARE, &overrides).inspect_err(streams::report).ok()
}
