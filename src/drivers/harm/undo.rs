//! What undoes a harm, as data: whoever finds it can do it, and do it again.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rustix::process::{Pid, Signal, kill_process};
use serde::{Deserialize, Serialize};

use super::clock::{Dial, System, Zero};
use super::tool;

/// A step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "undo", rename_all = "kebab-case")]
pub enum Undo {
    /// A process goes on.
    Wake(Process),
    /// A table of nftables goes.
    Table {
        /// Its name, in the family `inet`.
        name: String,
    },
    /// What shapes a device goes, and the own devices that carry it.
    Shaper {
        /// The device of the node.
        device: String,
        /// The own ones.
        own: Vec<String>,
    },
    /// A file goes.
    File {
        /// Where it is.
        path: PathBuf,
    },
    /// A control group goes, and its processes go back.
    Group {
        /// Its folder.
        folder: PathBuf,
        /// The folder of the group from which they came.
        back: PathBuf,
    },
    /// The clock shows what it would have shown.
    Clock(Zero),
}

/// A process: its number may be another one's by now, then its start shows that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// When it started (ticks since the boot).
    pub start: u64,
}

impl Process {
    /// The process of this number now.
    ///
    /// # Errors
    /// When there is none.
    pub fn of(pid: u32) -> io::Result<Self> {
        let text = fs::read_to_string(format!("/proc/{pid}/stat"))?;
        // The name in brackets may hold anything; the start is field 22 (proc(5)).
        let fields = text.rsplit_once(')').map(|(_, rest)| rest.split_whitespace());
        let start = fields.and_then(|mut fields| fields.nth(19)?.parse().ok());
        let start = start.ok_or_else(|| io::Error::other(format!("{pid} gives no start")))?;
        Ok(Self { pid, start })
    }

    /// Whether it still runs.
    #[must_use]
    pub fn lives(&self) -> bool {
        Self::of(self.pid).is_ok_and(|now| now == *self)
    }
}

impl Undo {
    /// Whether it has something to undo after the machine has booted again: all but files is the
    /// kernel's, and gone with it.
    #[must_use]
    pub fn outlives_the_boot(&self) -> bool {
        matches!(self, Self::File { .. })
    }

    /// Does it. Done already is done.
    ///
    /// # Errors
    /// Why something of the harm may be left.
    pub fn run(&self) -> io::Result<()> {
        match self {
            Self::Wake(process) => {
                let pid = i32::try_from(process.pid).ok().and_then(Pid::from_raw);
                if let Some(pid) = pid.filter(|_| process.lives()) {
                    kill_process(pid, Signal::CONT)?;
                }
                Ok(())
            }
            Self::Table { name } => {
                let gone = tool::run("nft", &["delete", "table", "inet", name], "");
                gone.map(drop).or_else(unless(&["No such file or directory"]))
            }
            Self::Shaper { device, own } => unshape(device, own),
            Self::File { path } => absent(fs::remove_file(path)),
            Self::Group { folder, back } => ungroup(folder, back),
            Self::Clock(zero) => System.set(zero.wall_at(System.steady()?)),
        }
    }
}

/// Says nothing of an error whose text has one of these: it is done already.
fn unless(texts: &[&str]) -> impl Fn(io::Error) -> io::Result<()> {
    move |error| {
        let text = error.to_string();
        if texts.iter().any(|known| text.contains(known)) { Ok(()) } else { Err(error) }
    }
}

fn absent(done: io::Result<()>) -> io::Result<()> {
    match done {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

/// The hook first: as long as it stands, packets go to the own devices.
fn unshape(device: &str, own: &[String]) -> io::Result<()> {
    let known = ["Cannot find device", "Invalid handle", "Cannot find specified qdisc"];
    let gone = tool::run("tc", &["qdisc", "del", "dev", device, "clsact"], "");
    gone.map(drop).or_else(unless(&known))?;
    for device in own {
        let gone = tool::run("ip", &["link", "del", device], "");
        gone.map(drop).or_else(unless(&["Cannot find device"]))?;
    }
    Ok(())
}

fn ungroup(folder: &Path, back: &Path) -> io::Result<()> {
    let held = match fs::read_to_string(folder.join("cgroup.procs")) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        held => held?,
    };
    for pid in held.lines() {
        // A process that has ended meanwhile needs no way back.
        let _ = fs::write(back.join("cgroup.procs"), pid);
    }
    absent(fs::remove_dir(folder))
}
