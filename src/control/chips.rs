//! The faults that stand in the DRAM of nodes, and what comes of the next one.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::cosmic::budget::Class;
use crate::cosmic::standing::{ChipFault, Standing};
use crate::event::{JobPhase, What};
use crate::ids::NodeId;
use crate::plan::chance::Chance;
use crate::units::Time;

/// The DRAM of all nodes.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Chips {
    /// Of each node that had faults there.
    struck: BTreeMap<u32, Struck>,
}

/// The faults of a node that stand, and how often it got power since the first of them.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Struck {
    life: u32,
    standing: Standing,
}

/// A fault that is due.
#[derive(Clone, Copy, Debug)]
pub(super) struct Next {
    pub fault: ChipFault,
    /// Whether it meets another one in a word.
    pub met: bool,
    pub class: Class,
}

impl Next {
    pub(super) fn what(&self, node: u32) -> What {
        let (Self { fault, met, class }, node) = (*self, NodeId(node));
        let ChipFault { array, mode, permanent, .. } = fault;
        What::ChipFault { node, array, mode, permanent, met, class }
    }
}

impl Chips {
    /// A node has power again: what is transient stands no more.
    pub(super) fn powered(&mut self, node: u32) {
        if let Some(struck) = self.struck.get_mut(&node) {
            struck.life += 1;
        }
    }

    /// What comes of a fault, drawn with a uniform number, in this phase of the node's job.
    pub(super) fn next(
        &self,
        chance: &Chance,
        node: u32,
        now: Time,
        (fault, unit): (ChipFault, f64),
        phase: Option<JobPhase>,
    ) -> Next {
        let memory = chance.memory();
        let meets = |it: &Struck| it.standing.met_by(&fault, memory, now, it.life) > 0;
        let met = self.struck.get(&node).is_some_and(meets);
        Next { fault, met, class: chance.class_of(memory.verdict(&fault, met), phase, unit) }
    }

    /// A fault strikes.
    pub(super) fn add(&mut self, chance: &Chance, node: u32, now: Time, fault: ChipFault) {
        let struck = self.struck.entry(node).or_default();
        struck.standing.add(fault, chance.memory(), now, struck.life);
    }

    /// The memory of a node is swapped.
    pub(super) fn swap(&mut self, node: u32) {
        self.struck.remove(&node);
    }
}
