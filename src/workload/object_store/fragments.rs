//! Where the fragments of objects are, which nodes are there, and what can be read.

use std::collections::{BTreeMap, BTreeSet};

use crate::event::TaskAct;
use crate::rng::Stream;

/// A node of the store, by its place in the list of them.
pub(super) type Holder = u32;

/// A fragment: its object and its number there.
pub(super) type Fragment = (u32, u32);

/// The fragments of all objects.
#[derive(Clone, Debug)]
pub(super) struct Fragments {
    /// Fragments that an object can be read from.
    data: usize,
    /// Who has each fragment of each object.
    objects: Vec<Vec<Option<Holder>>>,
    of_holder: Vec<BTreeSet<Fragment>>,
    is_up: Vec<bool>,
    /// What each node had that was given up, and how many of these have each fragment.
    former: Vec<Vec<Fragment>>,
    away: BTreeMap<Fragment, u32>,
    /// Objects that cannot be read now, and those that never can be any more.
    dark: BTreeSet<u32>,
    lost: BTreeSet<u32>,
}

impl Fragments {
    /// None yet, on so many nodes that are not up.
    pub(super) fn on(holders: usize, data: u32) -> Self {
        Self {
            data: data as usize,
            objects: Vec::new(),
            of_holder: vec![BTreeSet::new(); holders],
            is_up: vec![false; holders],
            former: vec![Vec::new(); holders],
            away: BTreeMap::new(),
            dark: BTreeSet::new(),
            lost: BTreeSet::new(),
        }
    }

    /// All nodes in an order of chance (Fisher and Yates).
    pub(super) fn order(&self, draws: &Stream, object: u64) -> Vec<Holder> {
        let mut all: Vec<Holder> = (0..self.is_up.len() as u32).collect();
        let mut draw = draws.draw(object, 0);
        for place in (1..all.len()).rev() {
            all.swap(place, draw.below(place as u64 + 1) as usize);
        }
        all
    }

    /// A new object on these nodes. Its number.
    pub(super) fn add(&mut self, holders: impl IntoIterator<Item = Holder>) -> u32 {
        let object = self.objects.len() as u32;
        let holders: Vec<_> = holders.into_iter().map(Some).collect();
        for (number, holder) in (0..).zip(holders.iter().flatten()) {
            self.of_holder[*holder as usize].insert((object, number));
        }
        self.objects.push(holders);
        object
    }

    /// Objects that were ever stored.
    pub(super) fn count(&self) -> u32 {
        self.objects.len() as u32
    }

    pub(super) fn holders(&self) -> u32 {
        self.is_up.len() as u32
    }

    pub(super) fn is_up(&self, holder: Holder) -> bool {
        self.is_up[holder as usize]
    }

    pub(super) fn set_up(&mut self, holder: Holder, is_up: bool) {
        self.is_up[holder as usize] = is_up;
    }

    /// What a node has.
    pub(super) fn of(&self, holder: Holder) -> Vec<Fragment> {
        self.of_holder[holder as usize].iter().copied().collect()
    }

    /// How many fragments a node has.
    pub(super) fn load(&self, holder: Holder) -> usize {
        self.of_holder[holder as usize].len()
    }

    /// Whether some node has a fragment, or will have it again when it is back.
    pub(super) fn is_there(&self, (object, number): Fragment) -> bool {
        self.objects[object as usize][number as usize].is_some()
    }

    /// A node has a fragment.
    pub(super) fn put(&mut self, (object, number): Fragment, holder: Holder) {
        self.objects[object as usize][number as usize] = Some(holder);
        self.of_holder[holder as usize].insert((object, number));
    }

    /// A node has a fragment no more. Nothing if it never had.
    pub(super) fn take(&mut self, (object, number): Fragment) {
        if let Some(holder) = self.objects[object as usize][number as usize].take() {
            self.of_holder[holder as usize].remove(&(object, number));
        }
    }

    /// A node is given up: its fragments are missing. It has them still, if it has not stopped.
    pub(super) fn give_up(&mut self, holder: Holder) -> Vec<Fragment> {
        let all = self.of(holder);
        for fragment in &all {
            self.take(*fragment);
            *self.away.entry(*fragment).or_default() += 1;
        }
        self.former[holder as usize].extend(&all);
        all
    }

    fn take_former(&mut self, holder: Holder) -> Vec<Fragment> {
        let former = std::mem::take(&mut self.former[holder as usize]);
        for fragment in &former {
            let count = self.away.get_mut(fragment).expect("a node has it");
            *count -= 1;
            if *count == 0 {
                self.away.remove(fragment);
            }
        }
        former
    }

    /// A node that was given up is back: those of its fragments that nobody else has by now.
    pub(super) fn come_back(&mut self, holder: Holder) -> Vec<Fragment> {
        let mut former = self.take_former(holder);
        former.retain(|fragment| !self.is_there(*fragment));
        for fragment in &former {
            self.put(*fragment, holder);
        }
        former
    }

    /// A node has lost all: what was not given up, and what was.
    pub(super) fn lose(&mut self, holder: Holder) -> [Vec<Fragment>; 2] {
        let all = self.of(holder);
        for fragment in &all {
            self.take(*fragment);
        }
        [all, self.take_former(holder)]
    }

    /// Fragments of an object that can be read now, each with its node, the data first.
    pub(super) fn readable(&self, object: u32) -> impl Iterator<Item = (u32, Holder)> + '_ {
        let all = (0..).zip(&self.objects[object as usize]);
        let all = all.filter_map(|(number, holder)| Some((number, (*holder)?)));
        all.filter(|(_, holder)| self.is_up(*holder))
    }

    /// Who has a fragment of an object.
    pub(super) fn has_any(&self, object: u32, holder: Holder) -> bool {
        self.objects[object as usize].contains(&Some(holder))
    }

    /// Whether an object can be read, or can be no more, as it can from now on: what of it is new.
    pub(super) fn look(&mut self, object: u32) -> Option<TaskAct> {
        let there = self.objects[object as usize].iter().flatten().count();
        let away = self.away.range((object, u32::MIN)..=(object, u32::MAX));
        let away = away.filter(|(fragment, _)| !self.is_there(**fragment)).count();
        if there + away < self.data {
            return self.lost.insert(object).then_some(TaskAct::Lose);
        }
        let is_dark = self.readable(object).count() < self.data;
        if is_dark {
            self.dark.insert(object).then_some(TaskAct::Begin)
        } else {
            self.dark.remove(&object).then_some(TaskAct::End)
        }
    }

    pub(super) fn is_lost(&self, object: u32) -> bool {
        self.lost.contains(&object)
    }
}
