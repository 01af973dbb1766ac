//! `rackstorm completions`: prints the completion script of a shell.

use std::io::Write;

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::cli::{Cli, Exit, streams};

/// What stands under the help of `completions`.
const EXAMPLES: &str = "\
Examples:
  rackstorm completions bash > ~/.local/share/bash-completion/completions/rackstorm
  rackstorm completions zsh  > ~/.zfunc/_rackstorm
  rackstorm completions fish > ~/.config/fish/completions/rackstorm.fish";

/// Print the completion script of a shell
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// The shell
    shell: Shell,
}

/// Prints the script. It is made in memory first: clap panics on a broken pipe.
pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Cli::command(), "rackstorm", &mut script);
    let mut out = streams::data();
    out.write_all(&script)?;
    out.flush()?;
    Ok(Exit::Done)
}
