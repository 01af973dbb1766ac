//! Who looks at the memory of a job at the end of each order: ABFT, and replicas of a seat.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Corruption, Strike};
use crate::event::{CorruptionAct, What};
use crate::ids::NodeId;
use crate::protocol::Input;
use crate::scenario::abft::Found;
use crate::scenario::replicas::Compare;

/// Who looks at the memory at the end of each order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checks {
    /// What becomes of what the check of a step finds, if steps are checked.
    pub abft: Option<Found>,
    /// What replicas of a seat do about memory that differs.
    pub compare: Compare,
}

impl Checks {
    /// Whether anybody looks.
    pub(super) fn any(self) -> bool {
        self.abft.is_some() || self.compare != Compare::Never
    }
}

impl Corruption {
    /// An order is over, and the protocol is to hear of this: whoever looks does so now, if so
    /// many nodes live on each seat. Gives a node whose memory is found corrupt and not corrected.
    pub fn look(
        &mut self,
        input: Input,
        living: impl Fn(usize) -> usize,
        emitted: &mut Vec<What>,
    ) -> Option<NodeId> {
        let looks = match input {
            Input::StepDone | Input::Written | Input::Verified => true,
            Input::Read => self.joining,
            _ => false,
        };
        if !looks || !self.memory.iter().any(|strike| strike.fresh) {
            return None;
        }
        let mut caught = None;
        for strike in self.memory.clone() {
            let verdict = if !strike.fresh {
                continue;
            } else if strike.checked {
                self.checks.abft
            } else {
                self.compared(strike, &living)
            };
            let place = self.memory.iter().position(|held| held.number == strike.number);
            let place = place.expect("it is in the memory");
            if verdict.is_some() {
                self.emit(strike, CorruptionAct::Detect, emitted);
            }
            match verdict {
                Some(Found::Correct) => {
                    self.emit(strike, CorruptionAct::Correct, emitted);
                    self.memory.remove(place);
                }
                Some(Found::RollBack) => {
                    self.memory[place].detected = true;
                    caught = caught.or(Some(strike.node));
                }
                None => self.memory[place].fresh = false,
            }
        }
        caught
    }

    /// What the replicas of a seat make of a corruption of one of them. No two are struck alike, so
    /// that two of three that are struck have no majority.
    fn compared(&self, strike: Strike, living: impl Fn(usize) -> usize) -> Option<Found> {
        let seat = |strike: &Strike| strike.rank / self.ranks;
        let all = living(seat(&strike) as usize);
        if self.checks.compare == Compare::Never || all < 2 {
            return None;
        }
        let alike = |held: &&Strike| held.fresh && !held.checked && seat(held) == seat(&strike);
        let struck: BTreeSet<_> = self.memory.iter().filter(alike).map(|held| held.node).collect();
        let majority = self.checks.compare == Compare::Vote && all - struck.len() >= 2;
        Some(if majority { Found::Correct } else { Found::RollBack })
    }

    /// A replica has died and another one goes on with its seat: what only it had is gone.
    pub fn absorbed(&mut self, node: NodeId, emitted: &mut Vec<What>) {
        let its = |strike: &mut Strike| strike.fresh && strike.node == node;
        for strike in self.memory.extract_if(.., its).collect::<Vec<_>>() {
            self.emit(strike, CorruptionAct::Discard, emitted);
        }
    }
}
