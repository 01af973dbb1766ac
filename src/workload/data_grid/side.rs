//! A side of a data grid: members that see each other, and the partitions as they know them.
//!
//! A grid that is whole has one side.

use std::collections::{BTreeMap, BTreeSet};

use super::partitions::{Member, Partitions};
use crate::units::Time;

/// A member that is gone, and not noticed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gone {
    /// The timer that notices it.
    pub key: u64,
    pub since: Time,
}

/// One side.
#[derive(Clone, Debug)]
pub(super) struct Side {
    /// Those that are there.
    pub members: BTreeSet<Member>,
    pub gone: BTreeMap<Member, Gone>,
    pub partitions: Partitions,
    /// Partitions whose owner is gone.
    pub dark: BTreeSet<u32>,
    /// Partitions that another side has, and this one has not.
    pub holes: BTreeSet<u32>,
    /// Whether some partition lacks a copy, or its owner.
    pub is_unsafe: bool,
    /// Whether it was cut from another one.
    pub is_cut: bool,
    /// Whether it has noticed that, and goes on by itself.
    pub is_split: bool,
    /// Partitions that it still sends to the side that it merges into.
    pub merging: Option<(u32, u32)>,
}

impl Side {
    /// One that has just formed.
    pub(super) fn new(members: BTreeSet<Member>, partitions: Partitions) -> Self {
        Self {
            members,
            gone: BTreeMap::new(),
            partitions,
            dark: BTreeSet::new(),
            holes: BTreeSet::new(),
            is_unsafe: false,
            is_cut: false,
            is_split: false,
            merging: None,
        }
    }

    /// Members, those included of which it does not know that they are gone.
    pub(super) fn all(&self) -> usize {
        self.members.len() + self.gone.len()
    }

    /// Partitions whose owner is gone. O(partitions).
    pub(super) fn dark_now(&self) -> BTreeSet<u32> {
        let all = (0..).zip(&self.partitions.all);
        let dark = all.filter(|(_, own)| own.copies.first().is_some_and(|it| self.is_gone(*it)));
        dark.map(|(partition, _)| partition).collect()
    }

    fn is_gone(&self, member: Member) -> bool {
        self.gone.contains_key(&member)
    }

    /// Whether a member that is there has data of a partition.
    pub(super) fn has(&self, partition: u32) -> bool {
        let own = &self.partitions.all[partition as usize];
        !own.is_empty && own.copies.iter().any(|member| self.members.contains(member))
    }

    /// Takes back a part of it that was cut off, before either noticed.
    pub(super) fn rejoin(&mut self, other: &Self) {
        for member in &other.members {
            self.gone.remove(member);
        }
        self.members.extend(&other.members);
        for (own, its) in self.partitions.all.iter_mut().zip(&other.partitions.all) {
            let new: Vec<_> = its.copies.iter().filter(|it| !own.copies.contains(it)).collect();
            own.copies.extend(new);
        }
    }

    /// Whether both were one until a cut that neither has noticed.
    pub(super) fn has_not_noticed(&self, other: &Self) -> bool {
        let knows = |one: &Self, two: &Self| two.members.iter().all(|it| one.is_gone(*it));
        knows(self, other) && knows(other, self)
    }
}
