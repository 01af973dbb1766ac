//! Calls of the tools `ip` and `tc`, and what they say when they fail.

use std::io::{self, Write as _};
use std::process::{Command, Stdio};

/// Runs a tool to its end.
///
/// # Errors
/// When it cannot be started or fails: the command, and what it said.
pub(super) fn run(program: &str, arguments: &[&str]) -> io::Result<String> {
    feed(program, arguments, "")
}

/// Runs a tool to its end, with a text as its input.
///
/// # Errors
/// As [`run`].
pub(super) fn feed(program: &str, arguments: &[&str], input: &str) -> io::Result<String> {
    let line = || format!("{program} {}", arguments.join(" "));
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", line())))?;
    // A tool that fails early does not read to the end; what it says shows why.
    let _ = child.stdin.take().expect("it is piped").write_all(input.as_bytes());
    let output = child.wait_with_output()?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let said = said.trim();
    let said = if said.is_empty() { output.status.to_string() } else { said.to_owned() };
    Err(io::Error::other(format!("{}: {said}", line())))
}
