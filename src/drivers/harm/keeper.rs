//! The keeper: a process of the same program that undoes a harm if its agent does not.
//!
//! It is started before the harm is done, in a group of its own, and looks whether the harm is
//! still in the journal, whether the agent still lives, and whether the harm's time is over. When
//! the agent is gone it undoes twice, because a tool that the agent had started may end after it.

use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, getppid};
use tokio::time::{sleep, timeout};

use super::journal;
use crate::units::Span;

/// Between two looks of a keeper (assumption: short compared with a lease, and with what a person
/// sees).
const LOOK: Duration = Duration::from_millis(100);
/// Until it undoes a second time: longer than a tool takes.
const TOOL: Duration = Duration::from_millis(500);
/// Tries to undo what cannot be undone; then it is for the agent's next start.
const TRIES: u32 = 20;

/// Starts the keeper of an entry of the journal, which undoes it after so long at the latest.
pub(super) fn start(program: &Path, entry: &Path, limit: Option<Span>) -> io::Result<()> {
    let mut command = Command::new(program);
    command.arg("undo-harm").arg(std::process::id().to_string()).arg("--entry").arg(entry);
    if let Some(limit) = limit {
        command.args(["--after", &format!("{} ns", limit.0)]);
    }
    let mut keeper = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        // What Ctrl-C in a terminal or a shell's end says to the agent is not for its keeper.
        .process_group(0)
        .spawn()?;
    // Somebody has to take note of its end.
    std::thread::Builder::new().name("keeper".into()).spawn(move || keeper.wait())?;
    Ok(())
}

/// Keeps an entry of the journal, for the agent that started this process.
///
/// # Errors
/// When it could not be undone.
pub fn keep(agent: u32, entry: &Path, limit: Option<Duration>) -> io::Result<()> {
    let agent = i32::try_from(agent).ok().and_then(Pid::from_raw);
    let agent = agent.ok_or_else(|| io::Error::other("no process of an agent"))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    runtime.block_on(async {
        let limit = limit.unwrap_or(Duration::MAX);
        let gone = timeout(limit, end_of(agent, entry)).await;
        match gone {
            Ok(End::Undone) => return Ok(()),
            Ok(End::Agent) => {
                // What fails now is tried again below.
                let _ = journal::run(entry);
                sleep(TOOL).await;
            }
            Err(_) => {}
        }
        for _ in 1..TRIES {
            if journal::undo(entry).is_ok() {
                return Ok(());
            }
            sleep(LOOK).await;
        }
        journal::undo(entry)
    })
}

enum End {
    /// The harm is undone.
    Undone,
    /// The agent is gone.
    Agent,
}

async fn end_of(agent: Pid, entry: &Path) -> End {
    loop {
        if !entry.exists() {
            return End::Undone;
        }
        if getppid() != Some(agent) {
            return End::Agent;
        }
        sleep(LOOK).await;
    }
}
