//! `rackstorm undo-harm`: what an agent that harms its node leaves behind, to undo it in its place.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::cli::Exit;
use crate::drivers::harm::keeper;
use crate::units::Span;

/// Undo a harm of the agent that started this, if the agent ends or its time is over
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The process that started this one
    agent: u32,
    /// The harm's entry in the agent's journal
    #[arg(long, value_name = "FILE")]
    entry: PathBuf,
    /// How long the harm may last
    #[arg(long, value_name = "SPAN")]
    after: Option<Span>,
}

/// Waits until the harm is undone, or undoes it.
pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let limit = arguments.after.map(|span| Duration::from_nanos(span.0));
    keeper::keep(arguments.agent, &arguments.entry, limit)?;
    Ok(Exit::Done)
}
