//! `rackstorm rouse`: what an agent that falls silent leaves behind, to be woken.

use clap::Args;

use crate::cli::Exit;
use crate::drivers::harm;
use crate::units::Span;

/// Wake the agent that started this after a time
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The process that started this one
    agent: u32,
    /// How long the agent may sleep
    #[arg(long, value_name = "SPAN")]
    after: Span,
}

/// Waits for the time, or for the end of the agent.
pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    harm::rouse(arguments.agent, std::time::Duration::from_nanos(arguments.after.0))?;
    Ok(Exit::Done)
}
