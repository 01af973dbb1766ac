//! `rackstorm schema`: prints the JSON Schema of scenarios or of inventories.

use std::io::Write;

use clap::{Args, ValueEnum};

use crate::cli::{Exit, streams};
use crate::{inventory, scenario};

/// What stands under the help of `schema`.
const EXAMPLES: &str = "\
Examples:
  rackstorm schema > scenario.schema.json
  rackstorm schema rack > rack.schema.json

With the first line `#:schema ./scenario.schema.json` in a scenario, editors that know TOML (Even
Better TOML, taplo) complete keys and mark mistakes.";

/// Print the JSON Schema of scenarios, or of inventories of racks
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// Which files
    #[arg(value_name = "FILES", default_value = "scenario")]
    files: Files,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Files {
    Scenario,
    Rack,
}

/// Prints it, indented.
pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let schema = match arguments.files {
        Files::Scenario => scenario::schema(),
        Files::Rack => inventory::schema(),
    };
    let mut out = streams::data();
    serde_json::to_writer_pretty(&mut out, &schema)?;
    writeln!(out)?;
    out.flush()?;
    Ok(Exit::Done)
}
