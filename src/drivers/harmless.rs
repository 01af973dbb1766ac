//! Actuators of an agent in a rehearsal: its process may suffer, the machine it shares may not.
//!
//! Not modelled: what a cut, a bad link, a load or a wrong clock does; it is reported as done.

use std::io;

use super::harm::NodeActuators;
use crate::event::Fault;
use crate::fleet::means::{Ability, Capability, Means};
use crate::fleet::ports::{Harm, InjectionOrder};
use crate::scenario::harm::Stop;

/// Such actuators.
#[derive(Clone, Debug)]
pub struct Harmless(pub NodeActuators);

impl Harmless {
    /// What an agent with these actuators says that it can do: all that a real one might.
    #[must_use]
    pub fn says() -> Vec<Ability> {
        Capability::ALL.map(|act| Ability::Harm { act, lack: None }).into()
    }
}

/// What is really done for an injection: whatever stops a node ends its agent, and who hangs is
/// silent.
fn done_for(injection: &InjectionOrder) -> Option<InjectionOrder> {
    let stops = injection.kind == Fault::Crash || injection.kind == Fault::Hang;
    match &injection.means {
        Means::Stop { .. } => {
            Some(InjectionOrder { means: Means::Stop { how: Stop::Kill }, ..injection.clone() })
        }
        Means::Usual => stops.then(|| injection.clone()),
        _ => None,
    }
}

impl Harm for Harmless {
    async fn do_harm(&self, injection: &InjectionOrder) -> io::Result<()> {
        match done_for(injection) {
            Some(injection) => self.0.do_harm(&injection).await,
            None => Ok(()),
        }
    }

    async fn undo(&self, injection: &InjectionOrder) -> io::Result<()> {
        match done_for(injection) {
            Some(injection) => self.0.undo(&injection).await,
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
        let injection = |kind, means| {
            let (fault, lasts, lease) = (FaultId(0), None, Span(1));
            InjectionOrder { number: 0, fault, kind, part, lasts, lease, means }
        };
        let bad = Means::Link(BadLink { loss_ppm: 1, ..BadLink::default() });
        for (kind, means) in [
            (Fault::LinkDegradation, bad),
            (Fault::SwitchLoss, Means::Cut { but: Vec::new() }),
            (Fault::Load, Means::Load(crate::scenario::harm::Load::default())),
            (Fault::Clock, Means::Clock(crate::scenario::harm::Clock::default())),
            (Fault::SwitchLoss, Means::Usual),
        ] {
            assert_eq!(done_for(&injection(kind, means)), None);
        }
        for how in [Stop::Kill, Stop::Panic, Stop::Reboot] {
            let done = done_for(&injection(Fault::Crash, Means::Stop { how })).expect("it ends");
            assert_eq!(done.means, Means::Stop { how: Stop::Kill });
        }
    }
}
