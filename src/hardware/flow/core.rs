//! What both solvers share: flows, groups of like flows, clocks and the dates when these ring.

use std::num::NonZero;

use super::clock::{Clock, Mark, NEVER, Owner, Rate, distance};
use super::heap::{Entry, GROUP, Key, KeyHeap, MarkHeap, NONE, Places};

/// A bundle of like flows that started together; one cache line, as there may be a million.
#[derive(Clone, Debug)]
#[repr(align(64))]
pub(super) struct Flow {
    /// Distinguishes this flow from an earlier one in the same place.
    pub(super) generation: NonZero<u32>,
    /// Distinguishes its entry in a heap from entries it has left behind.
    stamp: u32,
    /// Its group, or one of the values below.
    pub(super) group: u32,
    /// Flows in the bundle.
    pub(super) count: u32,
    /// Size of each.
    pub(super) bytes: u64,
    pub(super) tag: u64,
    /// Start order.
    pub(super) order: u64,
    high: i64,
    low: u64,
    /// Its neighbours in the run of its group, or [`NONE`]; `before` is [`HEAPED`] if it is in the
    /// heap.
    before: u32,
    after: u32,
}

const _: () = assert!(size_of::<Flow>() == 64);

/// The generation of the first flow in a place.
const FIRST: NonZero<u32> = NonZero::<u32>::MIN;
/// `Flow::before` of a flow that is in the heap of its group.
const HEAPED: u32 = u32::MAX - 1;
/// `Flow::group` of a flow that has finished and waits to be asked for.
pub(super) const DUE: u32 = u32::MAX;
/// `Flow::group` of a vacant place.
pub(super) const VACANT: u32 = u32::MAX - 1;

impl Flow {
    /// The value of its group's clock at which it finishes.
    pub(super) fn mark(&self) -> Mark {
        (Mark::from(self.high) << 64) | Mark::from(self.low)
    }

    fn set_mark(&mut self, mark: Mark) {
        self.high = (mark >> 64) as i64;
        self.low = mark as u64;
    }
}

/// Who finds the rates of the flows of a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Solver {
    /// Its links belong to a tree.
    Tree,
    /// Any part may send to any other.
    Mesh,
    /// Neither.
    General,
}

/// Flows of one route with one private cap: they all move at one rate. Two cache lines.
///
/// Its flows stand in the order of their finish marks in a list, the run, as long as each that
/// comes finishes after all of it, which those of like size do; the rest goes to a heap next to it.
#[derive(Clone, Debug)]
#[repr(align(64))]
pub(super) struct Group {
    /// Its route, or [`NONE`] if its place is vacant.
    pub(super) route: u32,
    /// Who finds its rate.
    pub(super) solver: Solver,
    /// Private cap of each flow (bit/s).
    pub(super) cap: u64,
    /// Flows in it, members of bundles counted.
    pub(super) n: u32,
    /// Tree: its own clock if it runs at its cap, else [`NONE`]. Mesh: its clock. Else: its class.
    pub(super) home: u32,
    /// Its clock minus the clock it rides on.
    pub(super) offset: Mark,
    /// Elsewhere: the links of its route, if there are one to three; they save a look at it.
    pub(super) near: [u32; 3],
    /// What its flows have moved, but for `n` times the value of its clock: what those have moved
    /// that have ended, less, for each that has not, the value its clock had when it started (that
    /// is, would have had, had it been with it from its first byte). Wraps, like all that is
    /// compared with it.
    pub(super) balance: Mark,
    /// The ends of the run, or [`NONE`].
    first: u32,
    last: u32,
    /// The mark of the first one.
    first_mark: Mark,
    heap: MarkHeap,
    /// Flows in the heap; its other entries are stale.
    heaped: u32,
}

const _: () = assert!(size_of::<Group>() == 128);

impl Group {
    /// The first finish mark, and a flow that has it.
    pub(super) fn top(&self) -> Option<(Mark, u32)> {
        let run = (self.first != NONE).then_some((self.first_mark, self.first));
        match (run, self.heap.top()) {
            (Some((mark, _)), Some(entry)) if mark <= Mark::from(entry.mark) => run,
            (_, Some(entry)) => Some((entry.mark.into(), entry.flow)),
            (run, None) => run,
        }
    }

    /// Appends a flow that has its mark to the run, or pushes it to the heap.
    fn push(&mut self, flows: &mut [Flow], index: u32) {
        let mark = flows[index as usize].mark();
        if self.last == NONE {
            (self.first, self.first_mark) = (index, mark);
        } else if flows[self.last as usize].mark() <= mark {
            flows[self.last as usize].after = index;
        } else {
            let flow = &mut flows[index as usize];
            flow.before = HEAPED;
            self.heap.push(Entry { mark: mark.into(), flow: index, stamp: flow.stamp });
            self.heaped += 1;
            return;
        }
        let flow = &mut flows[index as usize];
        (flow.before, flow.after) = (self.last, NONE);
        self.last = index;
    }

    /// Takes a flow out of the run, or of the heap.
    fn remove(&mut self, flows: &mut [Flow], index: u32) {
        let flow = &mut flows[index as usize];
        let Flow { before, after, stamp, .. } = *flow;
        flow.stamp = stamp.wrapping_add(1);
        if before == HEAPED {
            self.heaped -= 1;
            if self.heap.top().is_some_and(|top| top.flow == index && top.stamp == stamp) {
                self.heap.pop();
            }
            // With no stale entry there, nobody else's record needs to be looked at.
            if self.heap.len() > self.heaped as usize {
                self.purge(flows);
            }
            return;
        }
        if after == NONE {
            self.last = before;
        } else {
            flows[after as usize].before = before;
        }
        if before != NONE {
            flows[before as usize].after = after;
            return;
        }
        self.first = after;
        if after != NONE {
            self.first_mark = flows[after as usize].mark();
        }
    }

    /// Sees to it that the first entry of the heap is a live one, and most others too.
    fn purge(&mut self, flows: &[Flow]) {
        let lives = |entry: &Entry| flows[entry.flow as usize].stamp == entry.stamp;
        while self.heap.top().is_some_and(|entry| !lives(&entry)) {
            self.heap.pop();
        }
        if self.heap.len() > 2 * self.heaped as usize + 16 {
            self.heap.retain(lives);
        }
    }
}

/// When a clock reaches a mark. Of equal dates the older clock's comes first, only because like
/// components, whose flows often end together, are then visited as they lie in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Date {
    pub(super) at: u64,
    clock: u32,
}

impl Key for Date {
    fn before(&self, other: &Self) -> bool {
        // As one number: two instructions without a branch that nobody can foretell.
        let number = |date: &Self| u128::from(date.at) << 64 | u128::from(date.clock);
        number(self) < number(other)
    }
}

/// The state that a solver works on.
#[derive(Clone, Debug, Default)]
pub(super) struct Core {
    pub(super) now: u64,
    pub(super) flows: Vec<Flow>,
    vacant_flows: Vec<u32>,
    pub(super) groups: Vec<Group>,
    vacant_groups: Vec<u32>,
    pub(super) clocks: Vec<Clock>,
    vacant_clocks: Vec<u32>,
    /// When each clock reaches the first mark that rides on it.
    pub(super) dates: KeyHeap<Date>,
    pub(super) date_places: Places,
    orders: u64,
}

impl Core {
    pub(super) fn new_flow(&mut self, count: u32, bytes: u64, tag: u64) -> u32 {
        let order = self.orders;
        self.orders += 1;
        let index = self.vacant_flows.pop().unwrap_or_else(|| {
            let (generation, stamp, group) = (FIRST, 0, VACANT);
            let (count, bytes, tag, order, high, low) = (0, 0, 0, 0, 0, 0);
            let (before, after) = (NONE, NONE);
            self.flows.push(Flow {
                generation,
                stamp,
                group,
                count,
                bytes,
                tag,
                order,
                high,
                low,
                before,
                after,
            });
            self.flows.len() as u32 - 1
        });
        let flow = &mut self.flows[index as usize];
        (flow.group, flow.count, flow.bytes) = (DUE, count, bytes);
        (flow.tag, flow.order) = (tag, order);
        index
    }

    /// Flows that were ever started, or split off.
    pub(super) fn orders(&self) -> u64 {
        self.orders
    }

    pub(super) fn drop_flow(&mut self, index: u32) {
        let flow = &mut self.flows[index as usize];
        flow.group = VACANT;
        flow.generation = flow.generation.checked_add(1).unwrap_or(FIRST);
        self.vacant_flows.push(index);
    }

    pub(super) fn new_group(&mut self, route: u32, solver: Solver, cap: u64) -> u32 {
        if let Some(index) = self.vacant_groups.pop() {
            let group = &mut self.groups[index as usize];
            (group.route, group.solver, group.cap) = (route, solver, cap);
            (group.home, group.offset, group.balance) = (NONE, 0, 0);
            group.near = [NONE; 3];
            return index;
        }
        self.groups.push(Group {
            route,
            solver,
            cap,
            n: 0,
            home: NONE,
            offset: 0,
            near: [NONE; 3],
            balance: 0,
            first: NONE,
            last: NONE,
            first_mark: 0,
            heap: MarkHeap::default(),
            heaped: 0,
        });
        let index = self.groups.len() as u32 - 1;
        assert!(index < GROUP, "a fabric holds fewer groups");
        index
    }

    /// Gives back the place of an empty group.
    pub(super) fn drop_group(&mut self, group: u32) {
        debug_assert_eq!(self.groups[group as usize].n, 0, "only empty groups go");
        self.groups[group as usize].route = NONE;
        self.vacant_groups.push(group);
    }

    /// Puts a flow into a group whose clock will reach `mark` when it finishes.
    pub(super) fn enter(&mut self, index: u32, group: u32, mark: Mark) {
        let flow = &mut self.flows[index as usize];
        flow.group = group;
        flow.set_mark(mark);
        let group = &mut self.groups[group as usize];
        let start = mark.wrapping_sub(distance(flow.bytes));
        group.balance = group.balance.wrapping_sub(start.wrapping_mul(Mark::from(flow.count)));
        group.n = group.n.checked_add(flow.count).expect("a group has fewer than 2^32 flows");
        group.push(&mut self.flows, index);
    }

    /// Takes a flow out of its group, which it returns. Of the group's bytes each member keeps
    /// `moved`.
    pub(super) fn leave(&mut self, index: u32, moved: Mark) -> u32 {
        let flow = &mut self.flows[index as usize];
        let name = flow.group;
        let group = &mut self.groups[name as usize];
        let kept = flow.mark().wrapping_sub(distance(flow.bytes)).wrapping_add(moved);
        group.balance = group.balance.wrapping_add(kept.wrapping_mul(Mark::from(flow.count)));
        group.n -= flow.count;
        flow.group = DUE;
        group.remove(&mut self.flows, index);
        name
    }

    /// Takes one member out of a bundle, as a flow of its own with the same progress.
    pub(super) fn split(&mut self, index: u32, tag: u64) -> u32 {
        let flow = &mut self.flows[index as usize];
        assert!(flow.count > 1, "only a bundle can be split");
        flow.count -= 1;
        let (bytes, group, mark) = (flow.bytes, flow.group, flow.mark());
        let single = self.new_flow(1, bytes, tag);
        if group != DUE {
            let flow = &mut self.flows[single as usize];
            flow.group = group;
            flow.set_mark(mark);
            self.groups[group as usize].push(&mut self.flows, single);
        }
        single
    }

    /// The first finish mark of a group.
    pub(super) fn first_mark(&self, group: u32) -> Option<Mark> {
        self.groups[group as usize].top().map(|(mark, _)| mark)
    }

    pub(super) fn new_clock(&mut self, owner: Owner, value: Mark) -> u32 {
        let clock = Clock::standing(owner, value, self.now);
        if let Some(index) = self.vacant_clocks.pop() {
            self.clocks[index as usize] = clock;
            return index;
        }
        self.clocks.push(clock);
        self.clocks.len() as u32 - 1
    }

    pub(super) fn drop_clock(&mut self, clock: u32) {
        self.dates.put(&mut self.date_places, clock, None);
        self.vacant_clocks.push(clock);
    }

    /// Notes when a clock reaches the first mark that rides on it.
    pub(super) fn redate(&mut self, clock: u32, mark: Option<Mark>) {
        let at = mark.map(|mark| self.clocks[clock as usize].date(mark));
        let date = at.filter(|&at| at != NEVER).map(|at| Date { at, clock });
        self.dates.put(&mut self.date_places, clock, date);
    }

    /// Changes a clock's rate from now on.
    pub(super) fn pace(&mut self, clock: u32, rate: Rate) {
        let clock = &mut self.clocks[clock as usize];
        if clock.rate != rate {
            clock.anchor(self.now);
            clock.rate = rate;
        }
    }

    pub(super) fn heap_bytes(&self) -> usize {
        let heaps: usize = self.groups.iter().map(|group| group.heap.heap_bytes()).sum();
        heaps
            + self.flows.capacity() * size_of::<Flow>()
            + self.groups.capacity() * size_of::<Group>()
            + self.clocks.capacity() * size_of::<Clock>()
            + 4 * (self.vacant_flows.capacity() + self.vacant_groups.capacity())
            + 4 * self.vacant_clocks.capacity()
            + self.dates.heap_bytes()
            + self.date_places.heap_bytes()
    }
}
