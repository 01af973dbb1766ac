//! Hands of an agent in a rehearsal: its process may suffer, the machine that it shares may not.
//!
//! Not modelled: what a cut, a bad link, a load or a wrong clock does; it is told as done.

use std::io;

use super::harm::OwnProcess;
use crate::event::Fault;
use crate::fleet::doors::{Deed, Harm};
use crate::fleet::means::{Capability, Means};

/// Such hands.
#[derive(Clone, Copy, Debug)]
pub struct Harmless;

impl Harmless {
    /// What an agent with these hands says that it can do: all that a real one might.
    #[must_use]
    pub fn capabilities() -> Vec<String> {
        Capability::ALL.map(|capability| capability.said(&Ok(()))).into()
    }
}

impl Harm for Harmless {
    async fn do_harm(&self, deed: &Deed) -> io::Result<()> {
        match (&deed.means, deed.kind) {
            (Means::Usual, Fault::Crash | Fault::Hang) => OwnProcess.do_harm(deed).await,
            // Whatever stops a node ends its agent.
            (Means::Stop { .. }, _) => {
                let crash = Deed { kind: Fault::Crash, means: Means::Usual, ..deed.clone() };
                OwnProcess.do_harm(&crash).await
            }
            _ => Ok(()),
        }
    }

    async fn undo(&self, _deed: &Deed) -> io::Result<()> {
        Ok(())
    }
}
