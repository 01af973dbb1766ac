//! The system's own tools, run to their end: nft, tc and ip.

use std::io::{self, Write};
use std::process::{Command, Stdio};

use crate::fleet::means::Lack;

/// Where the system keeps them, whatever the path of whoever started the agent.
const FOLDERS: &str = "/usr/sbin:/usr/bin:/sbin:/bin";

/// Runs a tool with this input and gives what it printed.
///
/// # Errors
/// When it is not there, or with its own words when it failed.
pub(super) fn ask(program: &str, arguments: &[&str], input: &str) -> Result<String, Lack> {
    let path = std::env::var("PATH").unwrap_or_default();
    let started = Command::new(program)
        .args(arguments)
        .env("PATH", format!("{path}:{FOLDERS}"))
        .env("LC_ALL", "C")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = started.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Lack::Tool { tool: program.into() },
        _ => error.into(),
    })?;
    // Short enough for the pipe, so that nobody waits for each other; who does not read it says so.
    let _ = child.stdin.take().expect("it is piped").write_all(input.as_bytes());
    let output = child.wait_with_output()?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let line = said.lines().map(str::trim).find(|line| !line.is_empty());
    let said = line.unwrap_or("it failed").to_owned();
    Err(Lack::ToolFails { tool: program.into(), said })
}

/// The same as a part of a harm that is done or undone.
///
/// # Errors
/// As above.
pub(super) fn run(program: &str, arguments: &[&str], input: &str) -> io::Result<String> {
    ask(program, arguments, input).map_err(io::Error::other)
}

/// Whether a tool does this.
pub(super) fn can(program: &str, arguments: &[&str], input: &str) -> Result<(), Lack> {
    ask(program, arguments, input).map(drop)
}
