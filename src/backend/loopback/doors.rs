//! The doors of the controller: power and harm by signals to processes, real time, the log.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;

use super::nodes::Nodes;
use crate::event::{Cause, What};
use crate::fleet::doors::{self, Deed, Notice, PowerState};
use crate::ids::NodeId;
use crate::units::Time;

/// The day on which the controller believes every run to begin; only differences count.
const EPOCH: u64 = 1_767_225_600_000_000_000;

/// All doors but the network and the store.
#[derive(Clone)]
pub(super) struct Hands {
    pub nodes: Rc<Nodes>,
    /// What the control plane came to know, and when.
    pub notices: Rc<RefCell<Vec<(Time, Notice)>>>,
    /// The result that the job must have.
    pub expected: Option<u64>,
}

impl doors::Power for Hands {
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

impl doors::Harm for Hands {
    fn agents(&self, deed: &Deed) -> Vec<(NodeId, Deed)> {
        let itself = self.nodes.harms_itself(deed);
        itself.then(|| (NodeId(deed.part.index), deed.clone())).into_iter().collect()
    }

    async fn do_harm(&self, deed: &Deed) -> io::Result<()> {
        self.nodes.harm(deed)
    }

    async fn undo(&self, deed: &Deed) -> io::Result<()> {
        self.nodes.undo(deed)
    }
}

impl doors::Clock for Hands {
    fn wall(&self) -> u64 {
        EPOCH + self.nodes.now().0
    }
}

impl doors::Told for Hands {
    fn tell(&self, what: What) {
        self.nodes.tell(what);
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
