//! Harm to the agent's own process: it stops dead, and it falls silent.

use std::io;

use rustix::process::{Signal, getpid, kill_process};

use super::undo::{Process, Undo};
use super::{Act, Family, Place};
use crate::event::Fault;
use crate::fleet::doors::{Deed, Means};
use crate::fleet::means::Capability;
use crate::scenario::harm::Stop;

/// Signals to itself.
pub(super) struct OwnProcess;

impl Family for OwnProcess {
    fn can(&self, _place: &Place) -> Vec<(Capability, Result<(), String>)> {
        vec![(Capability::Crash, Ok(())), (Capability::Hang, Ok(()))]
    }

    fn plan(&self, deed: &Deed, _place: &Place) -> io::Result<Option<Act>> {
        let signal = |signal| {
            move || {
                kill_process(getpid(), signal)?;
                Ok(None)
            }
        };
        Ok(match (&deed.means, deed.kind) {
            (Means::Stop { how: Stop::Kill }, _) | (Means::Usual, Fault::Crash) => {
                Some(Act::new(Vec::new(), signal(Signal::KILL)))
            }
            (Means::Usual, Fault::Hang) => {
                let own = Process::of(std::process::id())?;
                Some(Act::new(vec![Undo::Wake(own)], signal(Signal::STOP)))
            }
            _ => None,
        })
    }
}
