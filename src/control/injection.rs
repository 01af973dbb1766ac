//! One injection of a fault: what is done to which part, how it ends, and what nodes have of it.

use serde::{Deserialize, Serialize};

use crate::event::{Fault, Target};
use crate::ids::{FaultId, NodeId, Part, PartKind};
use crate::plan::Plan;
use crate::scenario::partition::Cuts;
use crate::units::Span;

/// A fault that is injected into one part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Injection {
    /// Its number, never used again in a run.
    pub number: u32,
    /// The rule of the plan that it comes from.
    pub fault: FaultId,
    /// What is done. Of an upset or a fault of DRAM this is what comes of it.
    pub kind: Fault,
    /// To which part.
    pub part: Part,
    /// How the damage ends.
    pub cure: Cure,
}

/// How the damage of an injection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Cure {
    /// The power supervisor notices and power-cycles the node.
    PowerCycle,
    /// It is undone after so long.
    After(Span),
    /// It stays.
    Never,
}

impl Injection {
    /// How long it lasts, if that is known.
    #[must_use]
    pub fn lasts(&self) -> Option<Span> {
        match self.cure {
            Cure::After(span) => Some(span),
            Cure::PowerCycle | Cure::Never => None,
        }
    }

    /// Whether it lasts until it is undone.
    #[must_use]
    pub fn is_undone(&self) -> bool {
        self.cure != Cure::PowerCycle
    }

    /// The nodes that stop dead by it: nothing ages on them until they have power again.
    #[must_use]
    pub fn stops(&self, plan: &Plan) -> Vec<NodeId> {
        match self.kind.target() {
            Target::Life if self.kind == Fault::Crash => vec![NodeId(self.part.index)],
            Target::Feed => plan.machine.nodes_of(self.part).collect(),
            Target::Life
            | Target::Switch
            | Target::Link
            | Target::Server
            | Target::Controller
            | Target::Network
            | Target::Memory
            | Target::Resource => Vec::new(),
        }
    }

    /// The nodes that work on and are not reached until it is undone.
    #[must_use]
    pub fn cuts_off(&self, plan: &Plan) -> Vec<NodeId> {
        let machine = &plan.machine;
        let share_ppm = plan.scenario.rule(self.fault).harm.left_ppm();
        match self.kind.target() {
            Target::Switch => machine.cut_off_by(self.part).collect(),
            Target::Network => unheard(plan, self.fault),
            Target::Link if share_ppm == 0 => machine.cut_off_by(self.part).collect(),
            Target::Feed => {
                let part = |index| Part { kind: PartKind::Switch, index };
                let fed = machine.switches_under(self.part.index);
                fed.flat_map(|index| machine.cut_off_by(part(index))).collect()
            }
            Target::Life
            | Target::Link
            | Target::Server
            | Target::Controller
            | Target::Memory
            | Target::Resource => Vec::new(),
        }
    }

    /// The nodes that are broken themselves until it is undone. A node without power cannot hang.
    #[must_use]
    pub fn takes_out(&self, plan: &Plan, has_power: impl Fn(NodeId) -> bool) -> Vec<NodeId> {
        let node = NodeId(self.part.index);
        match self.kind.target() {
            Target::Feed => plan.machine.nodes_of(self.part).collect(),
            Target::Life if self.is_undone() && (self.kind == Fault::Crash || has_power(node)) => {
                vec![node]
            }
            Target::Life
            | Target::Switch
            | Target::Link
            | Target::Server
            | Target::Controller
            | Target::Network
            | Target::Memory
            | Target::Resource => Vec::new(),
        }
    }

    /// Whether the nodes that it takes out have no power.
    #[must_use]
    pub fn is_dark(&self) -> bool {
        self.kind == Fault::Crash || self.kind == Fault::PowerLoss
    }
}

/// The nodes that the partition of a rule keeps from the controller, in either direction: they are
/// suspected, as heartbeats go one way and the answers that keep them coming the other. O(nodes).
fn unheard(plan: &Plan, fault: FaultId) -> Vec<NodeId> {
    let cuts = Cuts::of(&plan.scenario);
    let controller = Part { kind: PartKind::Controller, index: 0 };
    let node = |index| Part { kind: PartKind::Node, index };
    let all = 0..plan.machine.nodes.len() as u32;
    all.filter(|&id| cuts.separates(fault, node(id), controller)).map(NodeId).collect()
}
