//! What is done with an object of a store at one time: it is put, got, or a fragment is repaired.

use std::collections::{BTreeMap, BTreeSet};

use super::fragments::{Fragment, Holder};
use crate::event::TaskKind;
use crate::ids::Part;
use crate::workload::TaskId;

/// Its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Aim {
    Put,
    Get {
        object: u32,
        /// Whether a fragment of the data could not be read as it began.
        is_degraded: bool,
    },
    Repair {
        fragment: Fragment,
        target: Holder,
        /// Whether all is read, and what is made of it is on its way to the target.
        writes: bool,
    },
}

/// An operation under way.
#[derive(Clone, Debug)]
pub(super) struct Operation {
    pub(super) aim: Aim,
    /// Its number in events.
    pub(super) number: u32,
    /// Who does it.
    pub(super) by: Part,
    /// Fragments that it has, or sends or receives: a put by who is to have each.
    pub(super) tried: BTreeSet<u32>,
    pub(super) holders: BTreeMap<u32, Holder>,
    /// Those under way.
    pub(super) tasks: BTreeMap<TaskId, u32>,
}

impl Operation {
    /// One that begins.
    pub(super) fn new(aim: Aim, number: u32, by: Part) -> Self {
        let (tried, holders, tasks) = (BTreeSet::new(), BTreeMap::new(), BTreeMap::new());
        Self { aim, number, by, tried, holders, tasks }
    }

    /// The kind of its events.
    pub(super) fn kind(&self) -> TaskKind {
        match self.aim {
            Aim::Put => TaskKind::StorePut,
            Aim::Get { is_degraded: false, .. } => TaskKind::StoreGet,
            Aim::Get { is_degraded: true, .. } => TaskKind::StoreDegradedGet,
            Aim::Repair { .. } => TaskKind::StoreRepair,
        }
    }
}
