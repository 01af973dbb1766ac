//! Programs of others: run with a time limit, read within bounds, their failures reported.

use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::DriverError;

/// No program that switches power has so much to say (bytes). Assumption: uhubctl reports 14
/// ports in some hundred bytes each.
const SAID_MAX: u64 = 1 << 16;

/// Runs a program that switches power to its end and gives what it printed.
pub(super) async fn run(argv: &[&str], limit: Duration) -> Result<String, DriverError> {
    run_within(argv, limit, SAID_MAX).await
}

/// Runs a program to its end and gives what it printed. It gets no input. When it takes longer
/// than `limit`, prints more than `said_max` bytes, or nobody waits for it any more, it is killed
/// with all that it started.
pub(super) async fn run_within(
    argv: &[&str],
    limit: Duration,
    said_max: u64,
) -> Result<String, DriverError> {
    let (program, arguments) = argv.split_first().expect("the inventory names a program");
    let started = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn();
    let child = started.map_err(|error| {
        DriverError::new(format!("`{program}` does not start: {error}"), "is it installed here?")
    })?;
    let mut group = Group(child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)));
    let ended = timeout(limit, hear_out(child, said_max)).await;
    let lost = |what: String, way_out| DriverError::new(what, way_out).perhaps_done();
    let Ok(ended) = ended else {
        let what = format!("`{program}` did not end within {limit:?} and was killed");
        return Err(lost(what, "run it by hand; does its controller hang?"));
    };
    let (status, said, complaint) = ended.map_err(|error| {
        lost(format!("`{program}` was given up: {error}"), "run it by hand with the same arguments")
    })?;
    group.0 = None;
    if status.success() {
        return Ok(said);
    }
    let line = complaint.lines().chain(said.lines()).map(str::trim).find(|line| !line.is_empty());
    let line: String = line.unwrap_or("it says nothing").chars().take(120).collect();
    let what = format!("`{program}` failed ({status}): {line}");
    Err(lost(what, "run it by hand with the same arguments"))
}

/// How a program ended, and what it said on stdout and stderr.
async fn hear_out(mut child: Child, said_max: u64) -> io::Result<(ExitStatus, String, String)> {
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let (said, complaint) = tokio::try_join!(hear(out, said_max), hear(err, said_max))?;
    Ok((child.wait().await?, said, complaint))
}

async fn hear(stream: Option<impl AsyncRead + Unpin>, said_max: u64) -> io::Result<String> {
    let mut said = Vec::new();
    stream.expect("it is piped").take(said_max + 1).read_to_end(&mut said).await?;
    if said.len() as u64 > said_max {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it prints without end"));
    }
    Ok(String::from_utf8_lossy(&said).into_owned())
}

/// What a program printed is not what it should be.
pub(super) fn odd(program: &str, said: &str) -> DriverError {
    let start: String = said.trim().chars().take(80).collect();
    let way_out = "run it by hand; its version may be another one than is known here";
    DriverError::new(format!("`{program}` prints {start:?}"), way_out)
}

/// The processes of a program that is given up.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // Those that have ended already are no error.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}
