//! The hands of an agent on its own node: it can stop dead and it can fall silent.
//!
//! Whoever is silent cannot undo it. So the agent starts a *rouser* before it stops itself: a
//! process of the same program that wakes it when its time and the lease are over, and that ends
//! with it.
//!
//! Not modelled: harm to the kernel, the links and the clock of a node.

use std::io;
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, getpid, getppid, kill_process};
use tokio::time::{sleep, timeout};

use crate::event::Fault;
use crate::fleet::doors::{Deed, Harm};
use crate::units::Span;

/// Between two looks of a rouser whether the agent still lives (assumption: short beside a lease).
const LOOK: Duration = Duration::from_millis(100);

/// What an agent with these hands says that it can do.
pub const CAPABILITIES: [&str; 2] = ["harm crash", "harm hang"];

/// Hands on the agent's own process.
#[derive(Clone, Copy, Debug)]
pub struct OwnProcess;

impl Harm for OwnProcess {
    async fn do_harm(&self, deed: &Deed) -> io::Result<()> {
        match deed.kind {
            Fault::Crash => Ok(kill_process(getpid(), Signal::KILL)?),
            Fault::Hang => {
                let span = deed.lasts.unwrap_or(Span::ZERO) + deed.lease;
                start_rouser(Duration::from_nanos(span.0))?;
                Ok(kill_process(getpid(), Signal::STOP)?)
            }
            _ => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// Who crashed is gone, and who is silent hears of no undoing: a power cycle cures both.
    async fn undo(&self, _deed: &Deed) -> io::Result<()> {
        Ok(())
    }
}

fn start_rouser(after: Duration) -> io::Result<()> {
    let program = std::env::current_exe()?;
    Command::new(program)
        .args(["rouse", &std::process::id().to_string()])
        .args(["--after", &format!("{} ns", after.as_nanos())])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    Ok(())
}

/// The rouser: wakes the process that started it after so long, unless that has ended by then.
///
/// # Errors
/// When it may not send it a signal.
pub fn rouse(asleep: u32, after: Duration) -> io::Result<()> {
    let pid = i32::try_from(asleep).ok().and_then(Pid::from_raw);
    let pid = pid.ok_or_else(|| io::Error::other(format!("{asleep} is no process")))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    match runtime.block_on(async { timeout(after, end_of(pid)).await }) {
        Ok(()) => Ok(()),
        Err(_) => Ok(kill_process(pid, Signal::CONT)?),
    }
}

/// The end of the process that started this one.
async fn end_of(process: Pid) {
    while getppid() == Some(process) {
        sleep(LOOK).await;
    }
}
