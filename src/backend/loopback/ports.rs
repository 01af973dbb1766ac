//! The ports of the controller: power and harm by signals to processes, real time, the log.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;

use super::nodes::Nodes;
use crate::event::{Cause, What};
use crate::fleet::ports::{self, InjectionOrder, Notice, PowerState};
use crate::ids::NodeId;
use crate::units::Time;

/// The day on which the controller believes every run to begin; only differences count.
const EPOCH: u64 = 1_767_225_600_000_000_000;

/// All ports but the network and the store.
#[derive(Clone)]
pub(super) struct ProcessActuators {
    pub nodes: Rc<Nodes>,
    /// What the control plane came to know, and when.
    pub notices: Rc<RefCell<Vec<(Time, Notice)>>>,
    /// The result that the job must have.
    pub expected: Option<u64>,
}

impl ports::Power for ProcessActuators {
    async fn on(&self, node: NodeId) -> io::Result<()> {
        self.nodes.on(node)
    }

    async fn off(&self, node: NodeId, cause: Cause) -> io::Result<()> {
        self.nodes.off(node, cause);
        Ok(())
    }

    async fn state(&self, node: NodeId) -> io::Result<PowerState> {
        Ok(self.nodes.supply(node))
    }
}

impl ports::Harm for ProcessActuators {
    fn agents(&self, injection: &InjectionOrder) -> Vec<(NodeId, InjectionOrder)> {
        let itself = self.nodes.harms_itself(injection);
        itself.then(|| (NodeId(injection.part.index), injection.clone())).into_iter().collect()
    }

    async fn do_harm(&self, injection: &InjectionOrder) -> io::Result<()> {
        self.nodes.harm(injection)
    }

    async fn undo(&self, injection: &InjectionOrder) -> io::Result<()> {
        self.nodes.undo(injection)
    }
}

impl ports::Clock for ProcessActuators {
    fn wall(&self) -> u64 {
        EPOCH + self.nodes.now().0
    }
}

impl ports::Emitter for ProcessActuators {
    fn emit(&self, what: What) {
        self.nodes.emit(what);
    }

    fn notice(&self, notice: Notice) {
        match notice {
            Notice::Joined { node, life } => self.nodes.joined(node, life),
            Notice::Result { sum } if self.expected != Some(sum) => {
                self.nodes.live.fail(format!("the job's result {sum:016x} is wrong"));
            }
            _ => {}
        }
        self.notices.borrow_mut().push((self.nodes.now(), notice));
    }
}
