//! What a side of a data grid does by itself: it notices who is gone, and copies partitions.

use std::collections::BTreeSet;

use super::partitions::{Member, Transfer};
use super::side::Gone;
use super::{DataGrid, Due, Moved, end};
use crate::event::{TaskAct, TaskKind, What};
use crate::units::{Span, Time};
use crate::workload::{Command, TaskId};

impl DataGrid {
    /// Members of a side are there no more, since that instant.
    pub(super) fn goes(
        &mut self,
        since: Time,
        side: u32,
        members: impl IntoIterator<Item = Member>,
        out: &mut Vec<Command>,
    ) {
        let at = since + self.table().detect;
        for member in members {
            let key = self.timer(at, Due::Notice(side, member), out);
            let own = self.sides.get_mut(&side).expect("it is there");
            own.members.remove(&member);
            own.gone.insert(member, Gone { key, since });
        }
    }

    /// A timer says that a side notices who is gone. One that came back, and went again, has
    /// another timer.
    pub(super) fn notices_by(
        &mut self,
        now: Time,
        side: u32,
        member: Member,
        key: u64,
        out: &mut Vec<Command>,
    ) {
        let gone = self.sides.get(&side).and_then(|own| own.gone.get(&member));
        if gone.is_some_and(|gone| gone.key == key) {
            self.notices(now, side, member, out);
            self.settle_soon(now, out);
        }
    }

    /// A side notices that a member is gone: the backups of its partitions own them.
    pub(super) fn notices(&mut self, now: Time, side: u32, member: Member, out: &mut Vec<Command>) {
        let own = self.sides.get_mut(&side).expect("it is there");
        let since = own.gone.remove(&member).expect("it is gone").since;
        if own.is_cut && !own.is_split {
            own.is_split = true;
            out.push(self.emit(TaskKind::GridSide, side, TaskAct::Begin, None));
        }
        self.drop_copies(out, |moved| match moved {
            Moved::Within(of, transfer) => *of == side && transfer.is_of(member),
            Moved::Between(..) => false,
        });
        let (kind, number, act) = (TaskKind::GridMember, member, TaskAct::End);
        let (node, span) = (Some(self.node(member)), now.since(since));
        out.push(Command::Emit(What::Task { kind, number, act, node, span }));
        let own = self.sides.get_mut(&side).expect("it is there");
        for partition in own.partitions.remove(member) {
            self.misses(side, partition, out);
        }
    }

    /// A side has no copy of a partition: another side has, or nobody has.
    pub(super) fn misses(&mut self, side: u32, partition: u32, out: &mut Vec<Command>) {
        let is_elsewhere = self.is_elsewhere(side, partition);
        let own = self.sides.get_mut(&side).expect("it is there");
        let its = &mut own.partitions.all[partition as usize];
        if std::mem::replace(&mut its.is_empty, true) {
            return;
        }
        if is_elsewhere {
            own.holes.insert(partition);
            let number = self.number(side, partition);
            out.push(self.emit(TaskKind::GridHole, number, TaskAct::Begin, None));
        } else {
            out.push(self.emit(TaskKind::GridPartition, partition, TaskAct::Lose, None));
        }
    }

    /// Whether another side has data of a partition.
    pub(super) fn is_elsewhere(&self, side: u32, partition: u32) -> bool {
        self.sides.iter().any(|(other, its)| *other != side && its.has(partition))
    }

    /// The number of a side's partition in events.
    pub(super) fn number(&self, side: u32, partition: u32) -> u32 {
        side.wrapping_mul(self.table().partitions).wrapping_add(partition)
    }

    /// What a side can use and has twice is seen anew, and what can be copied is.
    pub(super) fn go_on(&mut self, side: u32, out: &mut Vec<Command>) {
        let own = self.sides.get_mut(&side).expect("it is there");
        own.partitions.fill_empty(&own.members);
        if own.gone.is_empty() {
            own.partitions.level_owners(&own.members);
        }
        let (all, mut transfers) = (own.all(), Vec::new());
        while own.merging.is_none()
            && let Some(transfer) = own.partitions.next(&own.members, all)
        {
            if own.partitions.all[transfer.partition as usize].is_empty {
                own.partitions.arrived(transfer);
            } else {
                transfers.push(transfer);
            }
        }
        self.look_at(side, out);
        for transfer in transfers {
            self.send(Moved::Within(side, transfer), out);
        }
    }

    fn look_at(&mut self, side: u32, out: &mut Vec<Command>) {
        let own = self.sides.get_mut(&side).expect("it is there");
        let dark = own.dark_now();
        let before = std::mem::replace(&mut own.dark, dark.clone());
        let is_unsafe = !own.gone.is_empty() || !own.partitions.is_safe(own.members.len());
        let was_unsafe = std::mem::replace(&mut own.is_unsafe, is_unsafe);
        self.emit_dark(side, before.difference(&dark), TaskAct::End, out);
        self.emit_dark(side, dark.difference(&before), TaskAct::Begin, out);
        if is_unsafe != was_unsafe {
            let act = if is_unsafe { TaskAct::Begin } else { TaskAct::End };
            out.push(self.emit(TaskKind::GridUnsafe, side, act, None));
        }
    }

    /// Partitions of a side begin or end to be without an owner.
    pub(super) fn emit_dark<'a>(
        &self,
        side: u32,
        partitions: impl Iterator<Item = &'a u32>,
        act: TaskAct,
        out: &mut Vec<Command>,
    ) {
        let kind = TaskKind::GridPartition;
        out.extend(partitions.map(|own| self.emit(kind, self.number(side, *own), act, None)));
    }

    /// A partition is sent.
    pub(super) fn send(&mut self, moved: Moved, out: &mut Vec<Command>) {
        let task = self.copies_so_far;
        self.copies_so_far += 1;
        self.moved.insert(task, moved);
        let (kind, transfer) = moved.what();
        out.push(self.emit(kind, task as u32, TaskAct::Begin, Some(transfer.to)));
        let (from, to) = (end(self.node(transfer.from)), end(self.node(transfer.to)));
        out.push(Command::Send { task, from, to, bytes: self.table().partition_size });
    }

    /// A partition has arrived.
    pub(super) fn copied(&mut self, now: Time, task: TaskId, out: &mut Vec<Command>) {
        let Some(moved) = self.moved.remove(&task) else { return };
        let (kind, transfer) = moved.what();
        out.push(self.emit(kind, task as u32, TaskAct::End, Some(transfer.to)));
        match moved {
            Moved::Within(side, _) => {
                let own = self.sides.get_mut(&side).expect("else it was given up");
                let its = &own.partitions.all[transfer.partition as usize];
                let transfer = its.incoming.expect("it is on its way");
                own.partitions.arrived(transfer);
                self.go_on(side, out);
            }
            Moved::Between(from, to, _) => {
                self.fills(to, transfer, out);
                self.one_less_to_merge(now, from, out);
            }
        }
    }

    /// A side gets what it has not, from one that merges into it.
    fn fills(&mut self, side: u32, transfer: Transfer, out: &mut Vec<Command>) {
        let Some(own) = self.sides.get_mut(&side) else { return };
        let its = &mut own.partitions.all[transfer.partition as usize];
        if !own.members.contains(&transfer.to) || !std::mem::replace(&mut its.is_empty, false) {
            return;
        }
        its.copies = vec![transfer.to];
        if own.holes.remove(&transfer.partition) {
            let number = self.number(side, transfer.partition);
            out.push(self.emit(TaskKind::GridHole, number, TaskAct::End, None));
        }
        self.go_on(side, out);
    }

    pub(super) fn drop_copies(&mut self, out: &mut Vec<Command>, which: impl Fn(&Moved) -> bool) {
        let all: BTreeSet<TaskId> =
            self.moved.iter().filter(|(_, moved)| which(moved)).map(|(task, _)| *task).collect();
        for task in all {
            out.push(Command::Drop(task));
            self.copy_lost(task, self.moved[&task], out);
        }
    }

    /// A copy is lost with a member at one end of it, or given up.
    pub(super) fn copy_lost(&mut self, task: TaskId, moved: Moved, out: &mut Vec<Command>) {
        self.moved.remove(&task);
        let (kind, transfer) = moved.what();
        out.push(self.emit(kind, task as u32, TaskAct::Lose, Some(transfer.to)));
        match moved {
            Moved::Within(side, _) => {
                if let Some(own) = self.sides.get_mut(&side) {
                    own.partitions.all[transfer.partition as usize].incoming = None;
                }
            }
            Moved::Between(from, ..) => {
                let merging = self.sides.get_mut(&from).and_then(|own| own.merging.as_mut());
                if let Some((_, left)) = merging {
                    *left -= 1;
                }
            }
        }
    }

    /// How long a side waits until it merges with another one that it can reach again.
    pub(super) fn merge_delay(&self) -> Span {
        self.table().merge_delay
    }
}

impl Moved {
    fn what(self) -> (TaskKind, Transfer) {
        match self {
            Self::Within(_, transfer) => (TaskKind::GridCopy, transfer),
            Self::Between(_, _, transfer) => (TaskKind::GridMerge, transfer),
        }
    }
}
