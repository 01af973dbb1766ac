//! `rackstorm schema`: prints the JSON Schema of the scenario language.

use std::io::Write;

use clap::Args;

use crate::cli::{Exit, streams};
use crate::scenario;

/// What stands under the help of `schema`.
const EXAMPLES: &str = "\
Examples:
  rackstorm schema > scenario.schema.json

With the first line `#:schema ./scenario.schema.json` in a scenario, editors that know TOML (Even
Better TOML, taplo) complete keys and mark mistakes.";

/// Print the JSON Schema of the scenario language
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments;

/// Prints it, indented.
pub(super) fn run(_: &Arguments) -> anyhow::Result<Exit> {
    let mut out = streams::data();
    serde_json::to_writer_pretty(&mut out, &scenario::schema())?;
    writeln!(out)?;
    out.flush()?;
    Ok(Exit::Done)
}
