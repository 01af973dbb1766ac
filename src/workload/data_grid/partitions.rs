//! Who holds which partition of a data grid: placement, promotion, and what is to be copied where.
//!
//! Each partition has an owner and so many backups, on distinct members; all members hold equally
//! many copies and own equally many partitions, one more or less. Copies that are missing are made
//! before any moves for the sake of balance, and nothing moves that need not.

use std::collections::BTreeSet;

use crate::rng::Stream;

/// A member, by its place in the list of them.
pub(super) type Member = u32;

/// A copy of a partition on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Transfer {
    pub partition: u32,
    pub from: Member,
    pub to: Member,
    /// Whose copy it replaces.
    pub instead_of: Option<Member>,
}

/// One partition.
#[derive(Clone, Debug, Default)]
pub(super) struct Partition {
    /// Who has a copy; the first owns it.
    pub copies: Vec<Member>,
    /// Whether all that it held is lost, so that there is nothing to be moved.
    pub is_empty: bool,
    pub incoming: Option<Transfer>,
}

/// The table of partitions of one side of a grid.
#[derive(Clone, Debug)]
pub(super) struct Partitions {
    pub all: Vec<Partition>,
    copies_each: usize,
    parallel: usize,
}

/// What members have and do, each at its place.
struct Load {
    /// Copies, those on their way included and those that they replace not.
    copies: Vec<usize>,
    /// What is sent or received.
    under_way: Vec<usize>,
}

impl Transfer {
    /// Whether a member sends or receives it.
    pub(super) fn is_of(&self, member: Member) -> bool {
        self.from == member || self.to == member
    }
}

impl Partitions {
    /// Those of a new grid, all with data, placed by chance. O(partitions x copies x members).
    pub(super) fn place(
        count: u32,
        copies_each: usize,
        parallel: usize,
        members: &BTreeSet<Member>,
        chance: &Stream,
    ) -> Self {
        let all = vec![Partition::default(); count as usize];
        let mut new = Self { all, copies_each, parallel };
        let order = shuffled(members.iter().copied().collect(), chance, 0);
        let turns = shuffled((0..count).collect(), chance, 1);
        for (turn, partition) in turns.iter().enumerate() {
            new.all[*partition as usize].copies.push(order[turn % order.len()]);
        }
        for backup in 1..copies_each.min(members.len()) {
            let mut load = new.load(members);
            for partition in &turns {
                let copies = &mut new.all[*partition as usize].copies;
                let ties = shuffled(order.clone(), chance, 2 + u64::from(*partition));
                let free = ties.iter().filter(|member| !copies.contains(member));
                let to = free.min_by_key(|member| load.copies[**member as usize]);
                let to = *to.expect("there are more members than copies");
                load.copies[to as usize] += 1;
                copies.push(to);
                debug_assert_eq!(copies.len(), backup + 1, "one after the other");
            }
        }
        while let Some(transfer) = new.next_move(members, &new.load(members)) {
            new.arrived(transfer);
        }
        new.level_owners(members);
        new
    }

    /// Those of a grid that begins anew, without data or members.
    pub(super) fn without_data(&self) -> Self {
        let empty = Partition { is_empty: true, ..Partition::default() };
        Self { all: vec![empty; self.all.len()], ..self.clone() }
    }

    /// Copies that each partition shall have among so many members.
    pub(super) fn wanted(&self, members: usize) -> usize {
        self.copies_each.min(members)
    }

    /// Whether each has all its copies.
    pub(super) fn is_safe(&self, members: usize) -> bool {
        self.all.iter().all(|own| own.copies.len() >= self.wanted(members))
    }

    fn load(&self, members: &BTreeSet<Member>) -> Load {
        let count = members.last().map_or(0, |last| *last as usize + 1);
        let mut load = Load { copies: vec![0; count], under_way: vec![0; count] };
        let add = |counts: &mut Vec<usize>, member: Member| {
            if let Some(own) = counts.get_mut(member as usize) {
                *own += 1;
            }
        };
        for own in &self.all {
            let leaving = own.incoming.and_then(|transfer| transfer.instead_of);
            let stay = own.copies.iter().filter(|member| Some(**member) != leaving);
            stay.for_each(|member| add(&mut load.copies, *member));
            if let Some(transfer) = own.incoming {
                add(&mut load.copies, transfer.to);
                add(&mut load.under_way, transfer.from);
                add(&mut load.under_way, transfer.to);
            }
        }
        load
    }

    /// What is to be copied next among members that are there, and is on its way from then on.
    /// `all` counts those too that are gone and not noticed. O(partitions x members).
    pub(super) fn next(&mut self, members: &BTreeSet<Member>, all: usize) -> Option<Transfer> {
        let mut load = self.load(members);
        let mut waits = false;
        for (partition, own) in (0..).zip(&mut self.all) {
            if own.incoming.is_some() || own.copies.len() >= self.copies_each.min(all) {
                continue;
            }
            let Some(&from) = own.copies.first().filter(|owner| members.contains(owner)) else {
                continue;
            };
            let free = members.iter().filter(|member| !own.copies.contains(member));
            let Some(&to) = free.min_by_key(|member| load.copies[**member as usize]) else {
                continue;
            };
            load.copies[to as usize] += 1;
            waits = true;
            if load.under_way[from.max(to) as usize].max(load.under_way[from.min(to) as usize])
                < self.parallel
            {
                own.incoming = Some(Transfer { partition, from, to, instead_of: None });
                return own.incoming;
            }
        }
        if waits || members.len() < all {
            return None;
        }
        let transfer = self.next_move(members, &load)?;
        let busy = |member: Member| load.under_way[member as usize] >= self.parallel;
        if busy(transfer.from) || busy(transfer.to) {
            return None;
        }
        self.all[transfer.partition as usize].incoming = Some(transfer);
        Some(transfer)
    }

    /// A copy that moves from who has most to who has fewest, if these differ by two or more.
    fn next_move(&self, members: &BTreeSet<Member>, load: &Load) -> Option<Transfer> {
        let copies = |member: &&Member| load.copies[**member as usize];
        let to = *members.iter().min_by_key(copies)?;
        // The first of those that have most.
        let most = *members.iter().rev().max_by_key(copies)?;
        if load.copies[most as usize] < load.copies[to as usize] + 2 {
            return None;
        }
        let fits = |own: &Partition| {
            own.incoming.is_none() && own.copies.contains(&most) && !own.copies.contains(&to)
        };
        let (partition, own) = (0..).zip(&self.all).find(|(_, own)| fits(own))?;
        Some(Transfer { partition, from: own.copies[0], to, instead_of: Some(most) })
    }

    /// A copy is there.
    pub(super) fn arrived(&mut self, transfer: Transfer) {
        let own = &mut self.all[transfer.partition as usize];
        own.incoming = None;
        let place = transfer.instead_of.and_then(|of| own.copies.iter().position(|it| *it == of));
        match place {
            Some(place) => own.copies[place] = transfer.to,
            None => own.copies.push(transfer.to),
        }
    }

    /// A member is no more: its backups take over. Partitions of which there is no copy any more.
    pub(super) fn remove(&mut self, member: Member) -> Vec<u32> {
        let mut lost = Vec::new();
        for (partition, own) in (0..).zip(&mut self.all) {
            let before = own.copies.len();
            own.copies.retain(|copy| *copy != member);
            if own.copies.is_empty() && before > 0 {
                lost.push(partition);
            }
            if let Some(transfer) = &mut own.incoming
                && transfer.instead_of == Some(member)
            {
                transfer.instead_of = None;
            }
        }
        lost
    }

    /// Partitions without data need no copying: their copies are there at once.
    pub(super) fn fill_empty(&mut self, members: &BTreeSet<Member>) {
        let (mut load, wanted) = (self.load(members), self.wanted(members.len()));
        for own in self.all.iter_mut().filter(|own| own.is_empty) {
            while own.copies.len() < wanted {
                let free = members.iter().filter(|member| !own.copies.contains(member));
                let to = free.min_by_key(|member| load.copies[**member as usize]);
                let to = *to.expect("there are more members than copies");
                load.copies[to as usize] += 1;
                own.copies.push(to);
            }
        }
    }

    /// Backups take over from owners that own two more than they: nothing is copied for it.
    pub(super) fn level_owners(&mut self, members: &BTreeSet<Member>) {
        let count = members.last().map_or(0, |last| *last as usize + 1);
        let mut owned = vec![0_usize; count];
        let owners = self.all.iter().filter_map(|own| own.copies.first());
        owners.for_each(|owner| owned[*owner as usize] += 1);
        let mut changes = true;
        while changes {
            changes = false;
            for own in self.all.iter_mut().filter(|own| own.incoming.is_none()) {
                let least = (1..own.copies.len()).min_by_key(|k| owned[own.copies[*k] as usize]);
                let Some(backup) = least else { continue };
                let (from, to) = (own.copies[0] as usize, own.copies[backup] as usize);
                if owned[from] >= owned[to] + 2 {
                    owned[from] -= 1;
                    owned[to] += 1;
                    own.copies.swap(0, backup);
                    changes = true;
                }
            }
        }
    }
}

/// A list in an order of chance (Fisher and Yates).
fn shuffled<T>(mut list: Vec<T>, chance: &Stream, part: u64) -> Vec<T> {
    let mut draw = chance.draw(part, 0);
    for place in (1..list.len()).rev() {
        list.swap(place, draw.below(place as u64 + 1) as usize);
    }
    list
}
