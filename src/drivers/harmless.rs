//! Hands of an agent in a rehearsal: its process may suffer, the machine that it shares may not.
//!
//! Not modelled: what a cut, a bad link, a load or a wrong clock does; it is told as done.

use std::io;

use super::harm::Hands;
use crate::event::Fault;
use crate::fleet::doors::{Deed, Harm};
use crate::fleet::means::{Ability, Capability, Means};
use crate::scenario::harm::Stop;

/// Such hands.
#[derive(Clone, Debug)]
pub struct Harmless(pub Hands);

impl Harmless {
    /// What an agent with these hands says that it can do: all that a real one might.
    #[must_use]
    pub fn says() -> Vec<Ability> {
        Capability::ALL.map(|act| Ability::Harm { act, lack: None }).into()
    }
}

/// What is really done for a deed: whatever stops a node ends its agent, and who hangs is silent.
fn done_for(deed: &Deed) -> Option<Deed> {
    let stops = deed.kind == Fault::Crash || deed.kind == Fault::Hang;
    match &deed.means {
        Means::Stop { .. } => Some(Deed { means: Means::Stop { how: Stop::Kill }, ..deed.clone() }),
        Means::Usual => stops.then(|| deed.clone()),
        _ => None,
    }
}

impl Harm for Harmless {
    async fn do_harm(&self, deed: &Deed) -> io::Result<()> {
        match done_for(deed) {
            Some(deed) => self.0.do_harm(&deed).await,
            None => Ok(()),
        }
    }

    async fn undo(&self, deed: &Deed) -> io::Result<()> {
        match done_for(deed) {
            Some(deed) => self.0.undo(&deed).await,
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::means::BadLink;
    use crate::ids::{FaultId, Part, PartKind};
    use crate::units::Span;

    #[test]
    fn nothing_that_reaches_beyond_the_process_is_done() {
        let part = Part { kind: PartKind::Node, index: 0 };
        let deed = |kind, means| {
            let (fault, lasts, lease) = (FaultId(0), None, Span(1));
            Deed { number: 0, fault, kind, part, lasts, lease, means }
        };
        let bad = Means::Link(BadLink { loss_ppm: 1, ..BadLink::default() });
        for (kind, means) in [
            (Fault::LinkDegradation, bad),
            (Fault::SwitchLoss, Means::Cut { but: Vec::new() }),
            (Fault::Load, Means::Load(crate::scenario::harm::Load::default())),
            (Fault::Clock, Means::Clock(crate::scenario::harm::Clock::default())),
            (Fault::SwitchLoss, Means::Usual),
        ] {
            assert_eq!(done_for(&deed(kind, means)), None);
        }
        for how in [Stop::Kill, Stop::Panic, Stop::Reboot] {
            let done = done_for(&deed(Fault::Crash, Means::Stop { how })).expect("it ends");
            assert_eq!(done.means, Means::Stop { how: Stop::Kill });
        }
    }
}
