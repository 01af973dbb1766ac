//! Harm to processes: the agent's own stops dead or falls silent; others as far as it is allowed.
//!
//! Others are those of a name that whoever started the agent allowed, and of the agent's own
//! network: where nodes are namespaces of a machine, they share its processes.

use std::fs;
use std::io;

use rustix::process::{Pid, Signal, getpid, kill_process};

use super::undo::{Process, Undo};
use super::{Act, Family, Place, memory};
use crate::event::Fault;
use crate::fleet::doors::{Deed, Means};
use crate::fleet::means::{Capability, Lack};
use crate::scenario::harm::{Act as What, Process as Wish, Stop};

/// Signals to itself.
pub(super) struct OwnProcess;

impl Family for OwnProcess {
    fn can(&self, _place: &Place) -> Vec<(Capability, Result<(), Lack>)> {
        vec![(Capability::Crash, Ok(())), (Capability::Hang, Ok(()))]
    }

    fn plan(&self, deed: &Deed, _place: &Place) -> io::Result<Option<Act>> {
        let signal = |signal| {
            move || {
                kill_process(getpid(), signal)?;
                Ok(None)
            }
        };
        let is_usual = deed.means == Means::Usual;
        let is_killed = deed.means == Means::Stop { how: Stop::Kill };
        Ok(if is_killed || is_usual && deed.kind == Fault::Crash {
            Some(Act::new(Vec::new(), signal(Signal::KILL)))
        } else if is_usual && deed.kind == Fault::Hang {
            let own = Process::of(std::process::id())?;
            Some(Act::new(vec![Undo::Wake(own)], signal(Signal::STOP)))
        } else {
            None
        })
    }
}

/// Signals to other processes, and flips of bits in their memory.
pub(super) struct OtherProcesses;

impl Family for OtherProcesses {
    /// What it may do depends on names; the permissions tell.
    fn can(&self, _place: &Place) -> Vec<(Capability, Result<(), Lack>)> {
        Vec::new()
    }

    fn plan(&self, deed: &Deed, place: &Place) -> io::Result<Option<Act>> {
        let Means::Process(Wish { name, act, bits }) = &deed.means else { return Ok(None) };
        let all = named(name)?;
        if all.is_empty() {
            return Err(io::Error::other(format!("no process `{name}` runs on this node")));
        }
        let signal = |signal| {
            let all = all.clone();
            move || {
                for process in all {
                    let pid = i32::try_from(process.pid).ok().and_then(Pid::from_raw);
                    kill_process(pid.expect("the kernel numbers so"), signal)?;
                }
                Ok(None)
            }
        };
        Ok(Some(match act {
            What::Kill => Act::new(Vec::new(), signal(Signal::KILL)),
            What::Stop => {
                let undo = all.iter().copied().map(Undo::Wake).collect();
                Act::new(undo, signal(Signal::STOP))
            }
            What::Flip => {
                let (bits, seed, kernel) = (*bits, deed.number, place.kernel.clone());
                Act::new(Vec::new(), move || {
                    all.iter().try_for_each(|one| memory::flip(&kernel, one.pid, bits, seed))?;
                    Ok(None)
                })
            }
        }))
    }
}

/// The processes of a name in the network of this one, which is none of them.
fn named(name: &str) -> io::Result<Vec<Process>> {
    let network = |pid: &str| fs::read_link(format!("/proc/{pid}/ns/net")).ok();
    let (own, here) = (std::process::id(), network("self"));
    let mut all = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let entry = entry?.file_name();
        let Some(pid) = entry.to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        let comm = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        let is = comm.trim_end() == name && pid != own;
        if is && here.is_some() && network(&pid.to_string()) == here {
            // One that has ended meanwhile is none.
            all.extend(Process::of(pid));
        }
    }
    Ok(all)
}
