//! This machine's name, which of its processes live, and the signals that ask this one to stop.

use std::fs;
use std::io;
use std::thread;

use rustix::process::{Pid, test_kill_process};
use tokio::signal::unix::{SignalKind, signal};

/// Who asks a program to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AskedBy {
    /// A person, with Ctrl-C (SIGINT).
    Person,
    /// A batch system (SIGTERM, SIGUSR2), or a terminal that goes away (SIGHUP).
    System,
}

/// The name of this machine; `unknown` where the system has none.
#[must_use]
pub fn host() -> String {
    let names = ["/proc/sys/kernel/hostname", "/etc/hostname"];
    let name = names.iter().find_map(|path| fs::read_to_string(path).ok());
    let name = name.map(|name| crate::untrusted::folder_name(name.trim()));
    name.unwrap_or_else(|| "unknown".to_owned())
}

/// Whether a process of this machine lives; so does one of which that cannot be known. One that has
/// ended and that nobody has waited for yet does not.
#[must_use]
pub fn is_alive(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let ended = stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('Z'));
    let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { return false };
    !ended && test_kill_process(pid) != Err(rustix::io::Errno::SRCH)
}

/// Calls `asked` in a thread of its own for each signal that asks this process to stop, from here
/// on. To be called once.
///
/// # Errors
/// When the system refuses.
pub fn on_stop(asked: impl Fn(AskedBy) + Send + 'static) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let caught = {
        let _inside = runtime.enter();
        let kinds = [SignalKind::terminate(), SignalKind::user_defined2(), SignalKind::hangup()];
        let [terminate, user, hangup] = kinds.map(signal);
        (signal(SignalKind::interrupt())?, terminate?, user?, hangup?)
    };
    let listen = move || {
        let (mut interrupt, mut terminate, mut user, mut hangup) = caught;
        loop {
            let by = runtime.block_on(async {
                tokio::select! {
                    biased;
                    _ = interrupt.recv() => AskedBy::Person,
                    _ = terminate.recv() => AskedBy::System,
                    _ = user.recv() => AskedBy::System,
                    _ = hangup.recv() => AskedBy::System,
                }
            });
            asked(by);
        }
    };
    thread::Builder::new().name("signals".to_owned()).spawn(listen).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_lives_and_one_of_no_number_does_not() {
        assert!(is_alive(std::process::id()));
        assert!(!is_alive(2_000_000_000), "Linux numbers processes up to 4,194,304");
        assert!(!is_alive(0));
    }
}
