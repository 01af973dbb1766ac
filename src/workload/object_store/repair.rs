//! How a store makes fragments anew that nodes had which were given up.

use super::fragments::{Fragment, Holder};
use super::operation::{Aim, Operation};
use super::{ObjectStore, Rebuild};
use crate::event::{TaskAct, TaskKind};
use crate::ids::{Part, PartKind};
use crate::scenario::workloads::object_store::Repairer;
use crate::units::Time;
use crate::workload::Command;

impl ObjectStore {
    /// What a node had is missing, and is to be repaired if its object is not lost.
    pub(super) fn are_missing(
        &mut self,
        holder: Holder,
        mut fragments: Vec<Fragment>,
        out: &mut Vec<Command>,
    ) {
        fragments.retain(|fragment| !self.fragments.is_lost(fragment.0));
        if fragments.is_empty() {
            return;
        }
        let number = self.rebuilds.len() as u32;
        self.rebuilds.push(Rebuild { holder, left: fragments.len() as u32 });
        let node = Some(self.node(holder));
        out.push(Self::emit(TaskKind::StoreNode, number, TaskAct::Begin, node));
        self.missing.extend(fragments.iter().map(|fragment| (*fragment, number)));
        self.waiting.extend(fragments);
    }

    /// A fragment is there again, or its object is lost: it is missing no more.
    pub(super) fn needs_no_repair(
        &mut self,
        fragment: Fragment,
        act: TaskAct,
        out: &mut Vec<Command>,
    ) {
        let Some(number) = self.missing.remove(&fragment) else { return };
        self.waiting.remove(&fragment);
        self.blocked.remove(&fragment);
        let of =
            |own: &Operation| matches!(own.aim, Aim::Repair { fragment: of, .. } if of == fragment);
        let operation = self.operations.iter().find(|(_, own)| of(own)).map(|(number, _)| *number);
        if let Some(operation) = operation {
            self.close(operation, TaskAct::Lose, out);
            self.under_repair -= 1;
        }
        let rebuild = &mut self.rebuilds[number as usize];
        rebuild.left -= 1;
        if rebuild.left == 0 {
            let node = Some(self.spec.nodes[0][rebuild.holder as usize]);
            out.push(Self::emit(TaskKind::StoreNode, number, act, node));
        }
    }

    /// Begins as many repairs as may be under way.
    pub(super) fn start_repairs(&mut self, now: Time, out: &mut Vec<Command>) {
        while self.under_repair < self.table().repairs
            && let Some(fragment) = self.waiting.pop_first()
        {
            if self.start_repair(now, fragment, out).is_none() {
                self.blocked.insert(fragment);
            }
        }
    }

    fn start_repair(
        &mut self,
        now: Time,
        fragment: Fragment,
        out: &mut Vec<Command>,
    ) -> Option<()> {
        let data = self.table().data;
        let readable = self.fragments.readable(fragment.0).count();
        if readable < data as usize {
            return None;
        }
        let target = self.target(fragment.0)?;
        let by = match self.table().repairer {
            Repairer::Node => self.part(target),
            Repairer::Server => Part { kind: PartKind::Server, index: 0 },
        };
        let aim = Aim::Repair { fragment, target, writes: false };
        let own = Operation::new(aim, self.repairs, by);
        self.repairs += 1;
        self.under_repair += 1;
        out.push(Self::emit_of(&own, TaskAct::Begin));
        let operation = self.add(own);
        for _ in 0..data {
            self.read_one(operation, fragment.0, out).expect("there are enough");
        }
        self.go_on(now, operation, out);
        Some(())
    }

    /// Who is to have a fragment: of the nodes that are up and have none of its object, that with
    /// fewest.
    fn target(&self, object: u32) -> Option<Holder> {
        let mut coming = vec![0; self.fragments.holders() as usize];
        let mut taken = Vec::new();
        for own in self.operations.values() {
            if let Aim::Repair { fragment, target, .. } = own.aim {
                coming[target as usize] += 1;
                taken.extend((fragment.0 == object).then_some(target));
            }
        }
        let fits = |holder: &Holder| {
            self.fragments.is_up(*holder)
                && !self.fragments.has_any(object, *holder)
                && !taken.contains(holder)
        };
        let all = (0..self.fragments.holders()).filter(fits);
        all.min_by_key(|holder| self.fragments.load(*holder) + coming[*holder as usize])
    }

    /// A fragment is made anew.
    pub(super) fn repaired(&mut self, now: Time, operation: u64, out: &mut Vec<Command>) {
        let own = self.close(operation, TaskAct::End, out);
        self.under_repair -= 1;
        if let Aim::Repair { fragment, target, .. } = own.aim {
            self.fragments.put(fragment, target);
            self.needs_no_repair(fragment, TaskAct::End, out);
            self.look(&[fragment], out);
        }
        self.settle_soon(now, out);
    }

    /// A repair cannot go on as it was begun: it begins anew.
    pub(super) fn repair_again(&mut self, now: Time, operation: u64, out: &mut Vec<Command>) {
        let own = self.close(operation, TaskAct::Lose, out);
        self.under_repair -= 1;
        if let Aim::Repair { fragment, .. } = own.aim {
            self.waiting.insert(fragment);
        }
        self.settle_soon(now, out);
    }
}
