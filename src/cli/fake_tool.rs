//! `rackstorm fake-tool`: a program that switches power, as a rehearsal has it.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;

use crate::cli::{Exit, streams};
use crate::drivers::power::fakes::tools;

/// Ask a rehearsal what a program prints, and print it
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Where the rehearsal listens
    socket: PathBuf,
    /// The program's name and its arguments
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    argv: Vec<String>,
}

/// Asks, prints, and ends as the program would: with success or not.
pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let said = tools::ask(&arguments.socket, &arguments.argv)?;
    let mut out = streams::data();
    out.write_all(said.out.as_bytes())?;
    out.flush()?;
    if !said.err.is_empty() {
        streams::say(&said.err);
    }
    Ok(if said.code == 0 { Exit::Done } else { Exit::Failed })
}
