//! Harm to processes: the agent's own stops dead or falls silent; others as far as it is allowed.
//!
//! Others are those of a name that whoever started the agent allowed, and of the agent's own
//! network: where nodes are namespaces of a machine, they share its processes.

use std::fs;
use std::io;

use rustix::process::{Pid, Signal, getpid, kill_process};

use super::undo::{Process, Undo};
use super::{Family, HarmContext, PlannedHarm, memory};
use crate::event::Fault;
use crate::fleet::means::{Capability, Lack};
use crate::fleet::ports::{InjectionOrder, Means};
use crate::scenario::harm::{Process as Wanted, ProcessHarm as What, Stop};

/// Signals to itself.
pub(super) struct OwnProcess;

impl Family for OwnProcess {
    fn can(&self, _place: &HarmContext) -> Vec<(Capability, Result<(), Lack>)> {
        vec![(Capability::Crash, Ok(())), (Capability::Hang, Ok(()))]
    }

    fn plan(
        &self,
        injection: &InjectionOrder,
        _place: &HarmContext,
    ) -> io::Result<Option<PlannedHarm>> {
        let signal = |signal| {
            move || {
                kill_process(getpid(), signal)?;
                Ok(None)
            }
        };
        let is_usual = injection.means == Means::Usual;
        let is_killed = injection.means == Means::Stop { how: Stop::Kill };
        Ok(if is_killed || is_usual && injection.kind == Fault::Crash {
            Some(PlannedHarm::new(Vec::new(), signal(Signal::KILL)))
        } else if is_usual && injection.kind == Fault::Hang {
            let own = Process::of(std::process::id())?;
            Some(PlannedHarm::new(vec![Undo::Wake(own)], signal(Signal::STOP)))
        } else {
            None
        })
    }
}

/// Signals to other processes, and flips of bits in their memory.
pub(super) struct OtherProcesses;

impl Family for OtherProcesses {
    /// What it may do depends on names; the permissions show.
    fn can(&self, _place: &HarmContext) -> Vec<(Capability, Result<(), Lack>)> {
        Vec::new()
    }

    fn plan(
        &self,
        injection: &InjectionOrder,
        place: &HarmContext,
    ) -> io::Result<Option<PlannedHarm>> {
        let Means::Process(Wanted { name, act, bits }) = &injection.means else { return Ok(None) };
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
            What::Kill => PlannedHarm::new(Vec::new(), signal(Signal::KILL)),
            What::Stop => {
                let undo = all.iter().copied().map(Undo::Wake).collect();
                PlannedHarm::new(undo, signal(Signal::STOP))
            }
            What::Flip => {
                let (bits, seed, kernel) = (*bits, injection.number, place.kernel.clone());
                PlannedHarm::new(Vec::new(), move || {
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
