//! How the sides of a data grid come about and end: they form, split, rejoin, merge and die.

use std::collections::{BTreeMap, BTreeSet};

use super::partitions::{Member, Partitions, Transfer};
use super::side::Side;
use super::{DataGrid, Due, Formation, Moved, Whereabouts};
use crate::event::{TaskAct, TaskKind};
use crate::scenario::workloads::data_grid::MergeRule;
use crate::units::Time;
use crate::workload::Command;

impl DataGrid {
    /// All that has happened at this instant is known: the sides follow.
    pub(super) fn settle(&mut self, now: Time, out: &mut Vec<Command>) {
        self.is_settling = false;
        if self.stage == Formation::Waiting {
            self.form_if_it_may(out);
        }
        self.split(now, out);
        self.rejoin(out);
        self.bury(out);
        self.end_merges(now, out);
        if self.stage == Formation::Formed {
            self.admit(now, out);
        }
        self.plan_merges(now, out);
        for side in self.sides.keys().copied().collect::<Vec<_>>() {
            self.go_on(side, out);
        }
        self.serve(out);
    }

    fn form_if_it_may(&mut self, out: &mut Vec<Command>) {
        let count = self.number_of_master();
        let here = |member: &Member| self.place(*member) == Whereabouts::Network;
        let members: BTreeSet<_> = (0..count).filter(here).collect();
        let all = members.len() == count as usize;
        if members.is_empty() || (self.is_patient && !all) || !self.admits() {
            return;
        }
        self.stage = Formation::Formed;
        let (copies, parallel) =
            (self.table().backups as usize + 1, self.table().parallel as usize);
        let count = self.table().partitions;
        let partitions = Partitions::place(count, copies, parallel, &members, &self.spread);
        out.extend(members.iter().map(|member| self.joins(*member)));
        self.add(Side::new(members, partitions));
    }

    /// Whether whoever comes can join.
    fn admits(&self) -> bool {
        !self.table().master_admits || self.place_of_master() == Whereabouts::Network
    }

    fn add(&mut self, side: Side) -> u32 {
        let number = self.sides_so_far;
        self.sides_so_far += 1;
        self.empty_table.get_or_insert_with(|| side.partitions.without_data());
        self.sides.insert(number, side);
        number
    }

    /// The first member of a side that is there: it decides who else belongs to the side.
    fn first_of(&self, side: u32) -> Option<Member> {
        self.sides.get(&side)?.members.first().copied()
    }

    /// Whether two members reach each other.
    fn reach(&self, one: Member, other: Member) -> bool {
        self.place(one) == self.place(other) && self.hear(one, other)
    }

    /// Members in parts: the first one with all that it reaches, the first of the others with all
    /// of those that it reaches, and so on. O(members x parts).
    fn parts_of(&self, members: &BTreeSet<Member>) -> Vec<BTreeSet<Member>> {
        let mut parts: Vec<BTreeSet<Member>> = Vec::new();
        for &member in members {
            let is_its = |part: &&mut BTreeSet<Member>| {
                part.first().is_some_and(|first| self.reach(*first, member))
            };
            match parts.iter_mut().find(is_its) {
                Some(part) => drop(part.insert(member)),
                None => parts.push(BTreeSet::from([member])),
            }
        }
        parts
    }

    fn numbers(&self) -> Vec<u32> {
        self.sides.keys().copied().collect()
    }

    /// Pairs of sides that can reach each other.
    fn pairs(&self) -> Vec<(u32, u32)> {
        let all = self.numbers();
        let pairs = all.iter().flat_map(|one| all.iter().map(move |other| (*one, *other)));
        let near = |(one, other): &(u32, u32)| {
            let firsts = self.first_of(*one).zip(self.first_of(*other));
            one < other && firsts.is_some_and(|(one, other)| self.reach(one, other))
        };
        pairs.filter(near).collect()
    }

    /// A side whose members cannot all reach each other is two. The larger part goes on as it,
    /// and of equal ones that with its first member.
    fn split(&mut self, now: Time, out: &mut Vec<Command>) {
        for side in self.numbers() {
            let mut parts = self.parts_of(&self.sides[&side].members);
            // Where a part is says in which order they are cut.
            parts.sort_by_key(|part| part.first().map(|first| self.place(*first)));
            let size =
                |part: &BTreeSet<Member>| (part.len(), std::cmp::Reverse(part.first().copied()));
            let Some(largest) = parts.iter().max_by_key(|part| size(part)).cloned() else {
                continue;
            };
            for part in parts.into_iter().filter(|part| *part != largest) {
                self.cut(now, side, part, out);
            }
        }
    }

    fn cut(&mut self, now: Time, side: u32, part: BTreeSet<Member>, out: &mut Vec<Command>) {
        let own = &self.sides[&side];
        let others: Vec<_> = own.members.difference(&part).copied().collect();
        let gone: Vec<_> = own.gone.iter().map(|(member, gone)| (*member, gone.since)).collect();
        let mut partitions = own.partitions.clone();
        partitions.all.iter_mut().for_each(|its| its.incoming = None);
        let new = Side { is_cut: true, ..Side::new(part.clone(), partitions) };
        let new = self.add(new);
        for (member, since) in gone {
            self.goes(since, new, [member], out);
        }
        self.goes(now, new, others, out);
        out.extend(part.iter().map(|member| self.leaves(*member)));
        self.goes(now, side, part, out);
    }

    /// Sides whose cut has healed before anybody noticed are one, as if nothing had been.
    fn rejoin(&mut self, out: &mut Vec<Command>) {
        for (one, other) in self.pairs() {
            let both = self.sides.get(&one).zip(self.sides.get(&other));
            if both.is_some_and(|(one, other)| one.has_not_noticed(other)) {
                let part = self.remove(other, out);
                self.sides.get_mut(&one).expect("it is there").rejoin(&part);
                out.extend(part.members.iter().map(|member| self.joins(*member)));
            }
        }
    }

    /// A side is no more, and what it was about with it.
    fn remove(&mut self, side: u32, out: &mut Vec<Command>) -> Side {
        self.drop_copies(out, |moved| match moved {
            Moved::Within(of, _) => *of == side,
            Moved::Between(from, to, _) => *from == side || *to == side,
        });
        let own = self.sides.remove(&side).expect("it is there");
        for other in self.sides.values_mut() {
            other.merging.take_if(|(into, _)| *into == side);
        }
        self.emit_dark(side, own.dark.iter(), TaskAct::End, out);
        for partition in &own.holes {
            let number = self.number(side, *partition);
            out.push(self.emit(TaskKind::GridHole, number, TaskAct::End, None));
        }
        if own.is_unsafe {
            out.push(self.emit(TaskKind::GridUnsafe, side, TaskAct::Lose, None));
        }
        if own.is_split {
            out.push(self.emit(TaskKind::GridSide, side, TaskAct::End, None));
        }
        own
    }

    /// Sides of which nobody is left are lost. If there is no other one, no partition can be used
    /// until a member is back.
    fn bury(&mut self, out: &mut Vec<Command>) {
        for side in self.numbers() {
            if !self.sides[&side].members.is_empty() {
                continue;
            }
            let own = self.remove(side, out);
            for (partition, its) in (0..).zip(&own.partitions.all) {
                if !its.is_empty && !self.is_elsewhere(side, partition) {
                    out.push(self.emit(TaskKind::GridPartition, partition, TaskAct::Lose, None));
                }
            }
            if self.sides.is_empty() {
                let all: BTreeSet<_> = (0..self.table().partitions).collect();
                self.emit_dark(side, all.iter(), TaskAct::Begin, out);
                self.all_dark = Some(side);
            }
        }
    }

    /// Members that belong to no side join one, or begin a grid by themselves.
    fn admit(&mut self, now: Time, out: &mut Vec<Command>) {
        if !self.admits() {
            return;
        }
        let mut new: BTreeMap<(Whereabouts, Vec<u32>), BTreeSet<Member>> = BTreeMap::new();
        let is_admitted = |member| !self.table().master_admits || self.hears_master(member);
        for member in 0..self.number_of_master() {
            let place = self.place(member);
            let is_in = self.sides.values().any(|side| side.members.contains(&member));
            if place != Whereabouts::Nowhere && !is_in && is_admitted(member) {
                let reaches = |side: &u32| {
                    self.first_of(*side).is_some_and(|first| self.reach(first, member))
                };
                let near = self.numbers().into_iter().filter(reaches).collect();
                new.entry((place, near)).or_default().insert(member);
            }
        }
        for ((_, near), members) in new {
            out.extend(members.iter().map(|member| self.joins(*member)));
            let is_free =
                |side: &u32| self.sides.get(side).is_some_and(|own| own.merging.is_none());
            let free = near.into_iter().filter(is_free);
            let rank = |side: &u32| (self.sides[side].members.len(), std::cmp::Reverse(*side));
            match free.max_by_key(rank) {
                Some(side) => self.join(now, side, members, out),
                None => {
                    for members in self.parts_of(&members) {
                        self.begin_anew(members, out);
                    }
                }
            }
        }
    }

    fn join(&mut self, now: Time, side: u32, members: BTreeSet<Member>, out: &mut Vec<Command>) {
        for member in members {
            // Whoever is back as another life of itself has been gone.
            if self.sides[&side].gone.contains_key(&member) {
                self.notices(now, side, member, out);
            }
            let own = self.sides.get_mut(&side).expect("it is there");
            own.members.insert(member);
        }
    }

    /// Members that find no side form one, without data.
    fn begin_anew(&mut self, members: BTreeSet<Member>, out: &mut Vec<Command>) {
        let empty = self.empty_table.clone().expect("a grid has formed");
        let is_split = !self.sides.is_empty();
        let side = self.add(Side { is_cut: is_split, is_split, ..Side::new(members, empty) });
        if let Some(before) = self.all_dark.take() {
            let all: BTreeSet<_> = (0..self.table().partitions).collect();
            self.emit_dark(before, all.iter(), TaskAct::End, out);
        }
        if is_split {
            out.push(self.emit(TaskKind::GridSide, side, TaskAct::Begin, None));
        }
        for partition in 0..self.table().partitions {
            if self.is_elsewhere(side, partition) {
                let own = self.sides.get_mut(&side).expect("it is there");
                own.holes.insert(partition);
                let number = self.number(side, partition);
                out.push(self.emit(TaskKind::GridHole, number, TaskAct::Begin, None));
            }
        }
    }

    /// Sides that can reach each other merge after a while.
    fn plan_merges(&mut self, now: Time, out: &mut Vec<Command>) {
        let planned = |all: &BTreeMap<u64, Due>, pair: (u32, u32)| {
            all.values().any(|due| matches!(due, Due::Merge(one, other) if (*one, *other) == pair))
        };
        for pair in self.pairs() {
            let free = |side: u32| self.sides[&side].merging.is_none();
            if free(pair.0) && free(pair.1) && !planned(&self.due, pair) {
                self.timer(now + self.merge_delay(), Due::Merge(pair.0, pair.1), out);
            }
        }
    }

    /// The smaller of two sides merges into the larger one, if they can still reach each other.
    pub(super) fn merge(&mut self, now: Time, one: u32, other: u32, out: &mut Vec<Command>) {
        if !self.pairs().contains(&(one, other)) {
            return;
        }
        let size = |side: u32| {
            let members = &self.sides[&side].members;
            (members.len(), std::cmp::Reverse(members.first().copied()))
        };
        let (from, to) = if size(one) > size(other) { (other, one) } else { (one, other) };
        let free = |side: u32| self.sides[&side].merging.is_none();
        if !free(from) || !free(to) {
            return;
        }
        self.drop_copies(out, |moved| matches!(moved, Moved::Within(of, _) if *of == from));
        let all = self.to_be_merged(from, to);
        self.sides.get_mut(&from).expect("it is there").merging = Some((to, all.len() as u32));
        for transfer in all {
            if self.table().on_merge == MergeRule::Merge {
                self.send(Moved::Between(from, to, transfer), out);
            } else {
                out.push(self.emit(TaskKind::GridMerge, transfer.partition, TaskAct::Lose, None));
                let own = self.sides.get_mut(&from).expect("it is there");
                own.merging = Some((to, 0));
            }
        }
        self.settle_soon(now, out);
    }

    /// What each owner of a side has, for the owner of the same partition of another one.
    fn to_be_merged(&self, from: u32, to: u32) -> Vec<Transfer> {
        let (own, other) = (&self.sides[&from], &self.sides[&to]);
        let both = (0..).zip(own.partitions.all.iter().zip(&other.partitions.all));
        let transfer = |(partition, (its, others)): (u32, (&super::partitions::Partition, _))| {
            let others: &super::partitions::Partition = others;
            let from =
                *its.copies.first().filter(|it| own.members.contains(it) && !its.is_empty)?;
            let to = *others.copies.iter().find(|it| other.members.contains(it))?;
            Some(Transfer { partition, from, to, instead_of: None })
        };
        both.filter_map(transfer).collect()
    }

    /// One partition less is to be sent to the other side.
    pub(super) fn one_less_to_merge(&mut self, now: Time, from: u32, out: &mut Vec<Command>) {
        let merging = self.sides.get_mut(&from).and_then(|own| own.merging.as_mut());
        if let Some((_, left)) = merging {
            *left -= 1;
            if *left == 0 {
                self.settle_soon(now, out);
            }
        }
    }

    /// Sides that have sent all that they had are no more, and their members are free.
    fn end_merges(&mut self, _now: Time, out: &mut Vec<Command>) {
        for side in self.numbers() {
            let Some((into, 0)) = self.sides[&side].merging else { continue };
            self.remove(side, out);
            let Some(larger) = self.sides.get_mut(&into) else { continue };
            let was_split = std::mem::replace(&mut larger.is_split, false);
            larger.is_cut = false;
            if was_split {
                out.push(self.emit(TaskKind::GridSide, into, TaskAct::End, None));
            }
            for partition in self.sides[&into].holes.clone() {
                if !self.is_elsewhere(into, partition) {
                    let number = self.number(into, partition);
                    out.push(self.emit(TaskKind::GridHole, number, TaskAct::Lose, None));
                    out.push(self.emit(TaskKind::GridPartition, partition, TaskAct::Lose, None));
                    let own = self.sides.get_mut(&into).expect("it is there");
                    own.holes.remove(&partition);
                }
            }
        }
    }
}
