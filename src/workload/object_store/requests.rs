//! What clients of a store ask for: puts and gets at instants of chance, whoever waits.

use super::fragments::{Fragment, Holder};
use super::operation::{Aim, Operation};
use super::{Clients, Due, END, GET, ObjectStore, PUT};
use crate::event::TaskAct;
use crate::ids::{NodeId, Part, PartKind};
use crate::rng::Draw;
use crate::units::{Span, Time};
use crate::workload::Command;

/// The places of puts and gets where both are listed.
const PUTS: usize = 0;
const GETS: usize = 1;

impl ObjectStore {
    /// From now on it is a matter of clients what can be read.
    pub(super) fn begin_requests(&mut self, now: Time, out: &mut Vec<Command>) {
        self.clients = Clients::Asking;
        let all: Vec<Fragment> = (0..self.fragments.count()).map(|object| (object, 0)).collect();
        self.look(&all, out);
        if self.table().puts > 0.0 {
            self.next(now, PUTS, out);
        }
        if self.table().gets > 0.0 {
            self.next(now, GETS, out);
        }
        if let Some(lasts) = self.table().lasts {
            out.push(Command::Timer { at: now + lasts, key: END });
        }
    }

    /// The timer of the next put or get.
    fn next(&mut self, now: Time, which: usize, out: &mut Vec<Command>) {
        let (rate, key) = [(self.table().puts, PUT), (self.table().gets, GET)][which];
        let number = u64::from(self.requests[which]);
        let gap = self.arrivals[which].draw(0, number).exponential(1e9 / rate);
        out.push(Command::Timer { at: now + Span(libm::round(gap) as u64), key });
    }

    /// One arrives: its number, and what else of it is up to chance.
    fn arrives(&mut self, now: Time, which: usize, out: &mut Vec<Command>) -> Option<(u32, Draw)> {
        if self.clients != Clients::Asking {
            return None;
        }
        let number = self.requests[which];
        self.requests[which] += 1;
        self.next(now, which, out);
        Some((number, self.arrivals[which].draw(1, number.into())))
    }

    /// Who asks: `None` if that node is not up.
    fn client(&self, draw: &mut Draw) -> Option<Part> {
        let clients = &self.spec.nodes[1];
        if clients.is_empty() {
            return Some(Part { kind: PartKind::Server, index: 0 });
        }
        let node = clients[draw.below(clients.len() as u64) as usize];
        self.up.contains(&node).then_some(Part { kind: PartKind::Node, index: node.0 })
    }

    pub(super) fn add(&mut self, own: Operation) -> u64 {
        let operation = self.operations_so_far;
        self.operations_so_far += 1;
        self.operations.insert(operation, own);
        operation
    }

    fn begin(&mut self, now: Time, own: Operation, out: &mut Vec<Command>) -> u64 {
        out.push(Self::emit_of(&own, TaskAct::Begin));
        let operation = self.add(own);
        self.timer(now + self.table().timeout, Due::TimeOut(operation), out);
        operation
    }

    /// A client puts an object.
    pub(super) fn put(&mut self, now: Time, out: &mut Vec<Command>) {
        let Some((number, mut draw)) = self.arrives(now, PUTS, out) else { return };
        let (order, width) = (self.next_order(), self.width());
        let Some(by) = self.client(&mut draw) else { return };
        let up = order.into_iter().filter(|holder| self.fragments.is_up(*holder));
        let holders: Vec<Holder> = up.take(width).collect();
        let operation = self.begin(now, Operation::new(Aim::Put, number, by), out);
        if holders.len() < width {
            self.close(operation, TaskAct::Lose, out);
            return;
        }
        for (fragment, holder) in (0..).zip(holders) {
            self.write(operation, fragment, holder, out);
        }
        self.go_on(now, operation, out);
    }

    fn write(&mut self, operation: u64, fragment: u32, holder: Holder, out: &mut Vec<Command>) {
        let own = self.operations.get_mut(&operation).expect("it is under way");
        own.holders.insert(fragment, holder);
        let by = own.by;
        if self.part(holder) != by {
            self.send(operation, (fragment, holder), true, out);
        }
    }

    /// A node that was to have a fragment of a put has stopped: another one gets it.
    pub(super) fn put_elsewhere(
        &mut self,
        now: Time,
        operation: u64,
        fragment: u32,
        out: &mut Vec<Command>,
    ) {
        let own = &self.operations[&operation];
        let fits = |holder: &Holder| {
            self.fragments.is_up(*holder) && own.holders.values().all(|other| other != holder)
        };
        let others = (0..self.fragments.holders()).filter(fits);
        if let Some(holder) = others.min_by_key(|holder| self.fragments.load(*holder)) {
            self.write(operation, fragment, holder, out);
            self.go_on(now, operation, out);
        } else {
            self.close(operation, TaskAct::Lose, out);
            self.settle_soon(now, out);
        }
    }

    /// A node has lost what was put on it, of objects that are not complete.
    pub(super) fn puts_lose(&mut self, now: Time, holder: Holder, out: &mut Vec<Command>) {
        let of = |own: &Operation| {
            let mut its = own.holders.iter().filter(|(_, its)| **its == holder);
            (own.aim == Aim::Put).then(|| its.next().map(|(fragment, _)| *fragment)).flatten()
        };
        let all: Vec<_> =
            self.operations.iter().filter_map(|(number, own)| Some((*number, of(own)?))).collect();
        for (operation, fragment) in all {
            self.put_elsewhere(now, operation, fragment, out);
        }
    }

    /// A client gets an object.
    pub(super) fn get(&mut self, now: Time, out: &mut Vec<Command>) {
        let Some((number, mut draw)) = self.arrives(now, GETS, out) else { return };
        let client = self.client(&mut draw);
        let count = self.fragments.count();
        let Some(by) = client.filter(|_| count > 0) else { return };
        let (object, data) = (draw.below(count.into()) as u32, self.table().data);
        let own = self.fragments.readable(object).take(data as usize);
        let is_whole = own.map(|(fragment, _)| fragment).eq(0..data);
        let aim = Aim::Get { object, is_degraded: !is_whole };
        let operation = self.begin(now, Operation::new(aim, number, by), out);
        for _ in 0..data {
            if self.read_one(operation, object, out).is_none() {
                self.close(operation, TaskAct::Lose, out);
                return;
            }
        }
        self.go_on(now, operation, out);
    }

    /// A node is there no more: what it does for itself, or is repaired for it, ends.
    pub(super) fn is_gone(&mut self, now: Time, node: NodeId, out: &mut Vec<Command>) {
        if !self.up.remove(&node) {
            return;
        }
        let part = Part { kind: PartKind::Node, index: node.0 };
        let its = |own: &Operation| match own.aim {
            Aim::Repair { target, .. } => self.node(target) == node,
            Aim::Put | Aim::Get { .. } => own.by == part,
        };
        let all: Vec<u64> =
            self.operations.iter().filter(|(_, own)| its(own)).map(|(number, _)| *number).collect();
        for operation in all {
            if matches!(self.operations[&operation].aim, Aim::Repair { .. }) {
                self.repair_again(now, operation, out);
            } else {
                self.close(operation, TaskAct::Lose, out);
                self.settle_soon(now, out);
            }
        }
    }
}
