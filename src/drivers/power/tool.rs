//! Programs that switch power: run with a time limit, their output read, their failures told.

use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::Command;
use tokio::time::timeout;

use super::Trouble;

/// Runs a program to its end and gives what it printed. It gets no input. When it takes longer
/// than `limit`, or nobody waits for it any more, it is killed with all that it started.
pub(super) async fn run(argv: &[&str], limit: Duration) -> Result<String, Trouble> {
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
        Trouble::new(format!("`{program}` does not start: {error}"), "is it installed here?")
    })?;
    let mut group = Group(child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)));
    let ended = timeout(limit, child.wait_with_output()).await;
    if ended.is_ok() {
        group.0 = None;
    }
    let Ok(ended) = ended else {
        let what = format!("`{program}` did not end within {limit:?} and was killed");
        return Err(Trouble::new(what, "run it by hand; does its controller hang?"));
    };
    let ended = ended.map_err(|error| {
        Trouble::new(format!("`{program}` was lost: {error}"), "run it by hand")
    })?;
    let said = String::from_utf8_lossy(&ended.stdout).into_owned();
    if ended.status.success() {
        return Ok(said);
    }
    let complaint = String::from_utf8_lossy(&ended.stderr);
    let line = complaint.lines().chain(said.lines()).map(str::trim).find(|line| !line.is_empty());
    let line: String = line.unwrap_or("it says nothing").chars().take(120).collect();
    let what = format!("`{program}` failed ({}): {line}", ended.status);
    Err(Trouble::new(what, "run it by hand with the same arguments"))
}

/// What a program printed is not what it should be.
pub(super) fn odd(program: &str, said: &str) -> Trouble {
    let start: String = said.trim().chars().take(80).collect();
    let way_out = "run it by hand; its version may be another one than is known here";
    Trouble::new(format!("`{program}` prints {start:?}"), way_out)
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
