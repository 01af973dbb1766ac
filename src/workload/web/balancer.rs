//! How a balancer chooses a worker, and what it knows of each.
//!
//! As Apache's `mod_proxy_balancer` does: a worker that could not be reached is in error for a
//! while and has no requests, one that failed its health checks has none until it passes some, and
//! one that is drained has none until it is given back. When all that pass their checks are in
//! error, all of these are tried (`forcerecovery`).
//!
//! By requests, each worker has a pass that grows by 1/weight with each request, and whoever has
//! the least is next (stride scheduling, Waldspurger and Weihl, 1995). With equal weights that is
//! the order of Apache's `byrequests`, one after the other, and with others its shares; it costs
//! O(log workers) and not O(workers). Weights 1 and 2: passes of 1 and 1/2; the second worker has
//! the first request (its pass is 1 then), the first worker the next one, as it is the first of
//! those at 1, then the second: 2, 1, 2, and so on. Whoever comes back begins at the least pass of
//! those that are there, so that it has no more than its share.

use std::collections::{BTreeSet, VecDeque};

use crate::scenario::workloads::web::{Balance, Check, QueueAt, Web as Table};
use crate::units::{Span, Time};

/// What a pass grows by with a request of weight 1.
const STRIDE: u64 = 1 << 40;
/// No worker.
const NONE: u32 = u32::MAX;

/// What the balancer knows of a worker.
#[derive(Clone, Debug, Default)]
struct Member {
    weight: u64,
    pass: u64,
    /// What it has sent (bytes).
    traffic: u64,
    /// Requests that it was given and that have not ended.
    requests: u64,
    /// Since it could not be reached; errors of before do not count.
    error: Option<Time>,
    is_out: bool,
    is_drained: bool,
    /// Checks in a row that say other than `is_out`.
    checks: u32,
}

/// The balancer.
#[derive(Clone, Debug)]
pub(super) struct Balancer {
    by: Balance,
    members: Vec<Member>,
    /// Those that may have a request, the next one first.
    ready: BTreeSet<(u64, u64, u32)>,
    /// Requests at once, if others wait here.
    slots: Option<u64>,
    /// How many may have requests at all, whatever they have now.
    usable: u32,
    /// The worker of each session.
    routes: Vec<u32>,
    out_for: Span,
    /// When each error is over.
    errors: VecDeque<(Time, u32)>,
}

impl Balancer {
    /// One that knows nothing bad of its workers.
    pub(super) fn new(table: &Table, workers: u32) -> Self {
        let weight = |number: u32| {
            let weight = table.weights.get(number as usize).copied().unwrap_or(1);
            u64::from(weight)
        };
        let member = |number| {
            let weight = weight(number);
            Member { weight, pass: STRIDE / weight, ..Member::default() }
        };
        let mut balancer = Self {
            by: table.balance,
            members: (0..workers).map(member).collect(),
            ready: BTreeSet::new(),
            slots: (table.queue == QueueAt::Balancer).then_some(table.slots.into()),
            usable: workers,
            routes: vec![NONE; table.sessions.unwrap_or(0) as usize],
            out_for: table.out_for,
            errors: VecDeque::new(),
        };
        balancer.ready = (0..workers).map(|number| balancer.key(number)).collect();
        balancer
    }

    fn key(&self, number: u32) -> (u64, u64, u32) {
        let own = &self.members[number as usize];
        match self.by {
            Balance::Requests => (own.pass, 0, number),
            Balance::Traffic => (own.traffic / own.weight, own.pass, number),
            Balance::Busyness => (own.requests, own.pass, number),
        }
    }

    /// Whether a worker may have requests at all, whatever it has now.
    fn is_usable(&self, number: u32) -> bool {
        let own = &self.members[number as usize];
        own.error.is_none() && !own.is_out && !own.is_drained
    }

    fn has_room(&self, number: u32) -> bool {
        self.slots.is_none_or(|slots| self.members[number as usize].requests < slots)
    }

    /// Changes what is known of a worker. O(log workers).
    fn change(&mut self, number: u32, change: impl FnOnce(&mut Member)) {
        let (before, was_usable) = (self.key(number), self.is_usable(number));
        let was_ready = was_usable && self.has_room(number);
        change(&mut self.members[number as usize]);
        if !was_usable && self.is_usable(number) {
            let least =
                self.ready.first().map_or(0, |&(_, _, first)| self.members[first as usize].pass);
            let own = &mut self.members[number as usize];
            own.pass = own.pass.max(least);
        }
        let is_usable = self.is_usable(number);
        self.usable = self.usable - u32::from(was_usable) + u32::from(is_usable);
        let is_ready = is_usable && self.has_room(number);
        let after = self.key(number);
        if was_ready && (!is_ready || before != after) {
            self.ready.remove(&before);
        }
        if is_ready && (!was_ready || before != after) {
            self.ready.insert(after);
        }
    }

    /// The worker for a request that is next, of a session or none.
    pub(super) fn choose(&mut self, session: Option<u32>) -> Option<u32> {
        if let Some(session) = session {
            let route = self.routes[session as usize];
            if route != NONE && self.is_usable(route) {
                return Some(route);
            }
        }
        if !self.has_usable() {
            self.recover();
        }
        let number = self.ready.first()?.2;
        if let Some(session) = session {
            self.routes[session as usize] = number;
        }
        Some(number)
    }

    /// Whether any worker may have requests, now or when it has room.
    pub(super) fn has_usable(&self) -> bool {
        self.usable > 0
    }

    /// All are tried that are in error and nothing else.
    fn recover(&mut self) {
        for (_, number) in std::mem::take(&mut self.errors) {
            self.change(number, |own| own.error = None);
        }
    }

    /// A worker is given a request.
    pub(super) fn given(&mut self, number: u32) {
        self.change(number, |own| {
            own.requests += 1;
            own.pass += STRIDE / own.weight;
        });
    }

    /// A request of a worker has ended; so many bytes came of it.
    pub(super) fn ended(&mut self, number: u32, bytes: u64) {
        self.change(number, |own| {
            own.requests -= 1;
            own.traffic += bytes;
        });
    }

    /// A worker could not be reached: when that is forgotten, if it was not known before.
    pub(super) fn unreached(&mut self, number: u32, now: Time) -> Option<Time> {
        if self.members[number as usize].error.is_some() {
            return None;
        }
        self.change(number, |own| own.error = Some(now));
        let until = now + self.out_for;
        self.errors.push_back((until, number));
        Some(until)
    }

    /// Errors of so long ago are forgotten.
    pub(super) fn forget(&mut self, now: Time) {
        while let Some(&(until, number)) = self.errors.front()
            && until <= now
        {
            self.errors.pop_front();
            let is_over = |since: Time| since + self.out_for <= now;
            if self.members[number as usize].error.is_some_and(is_over) {
                self.change(number, |own| own.error = None);
            }
        }
    }

    /// A health check of a worker has passed or failed. One that passes enough of them is in error
    /// no longer, either.
    pub(super) fn checked(&mut self, number: u32, passed: bool, check: &Check) {
        let own = &mut self.members[number as usize];
        let is_bad = own.is_out || own.error.is_some();
        if passed != is_bad {
            own.checks = 0;
            return;
        }
        own.checks += 1;
        if own.checks >= if passed { check.passes } else { check.fails } {
            own.checks = 0;
            self.change(number, |own| {
                own.is_out = !passed;
                own.error = own.error.filter(|_| !passed);
            });
        }
    }

    /// A worker has no new requests until it is given back.
    pub(super) fn drain(&mut self, number: u32, is_drained: bool) {
        self.change(number, |own| own.is_drained = is_drained);
    }

    /// Whether a worker has no requests.
    pub(super) fn is_idle(&self, number: u32) -> bool {
        self.members[number as usize].requests == 0
    }

    /// It begins anew, as a process that was started again; who is drained stays so.
    pub(super) fn restart(&mut self, table: &Table) {
        let new = Self::new(table, self.members.len() as u32);
        let drained = (0_u32..).zip(std::mem::replace(self, new).members);
        for (number, _) in drained.filter(|(_, own)| own.is_drained) {
            self.drain(number, true);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{Overrides, load_text};

    fn balancer(keys: &str) -> (Balancer, Table) {
        let text = format!(
            "inherit = \"edge_rack_24\"\n[stop]\nat = \"1 h\"\n[web]\nbalancer = \"server\"\n\
             workers = \"pi[1-2]\"\ngap.fixed = \"1 s\"\nservice.fixed = \"1 s\"\n{keys}\n"
        );
        let loaded = load_text("web", &text, &Overrides::default()).expect("it is good");
        let web = loaded.scenario.workloads.web.expect("there is one");
        (Balancer::new(&web.table, 2), web.table.clone())
    }

    /// Who is given each of some requests, counted from 1.
    fn given(balancer: &mut Balancer, requests: usize) -> Vec<u32> {
        let mut one = || {
            let number = balancer.choose(None).expect("there is one");
            balancer.given(number);
            number + 1
        };
        (0..requests).map(|_| one()).collect()
    }

    #[test]
    fn the_order_of_weights_is_that_of_the_example() {
        let (mut balancer, _) = balancer("weights = [1, 2]");
        assert_eq!(given(&mut balancer, 6), [2, 1, 2, 2, 1, 2]);
    }

    #[test]
    fn whoever_comes_back_has_no_more_than_its_share() {
        let (mut balancer, _) = balancer("");
        let until = balancer.unreached(0, Time(5)).expect("it was not known");
        assert_eq!(balancer.unreached(0, Time(6)), None);
        assert_eq!(given(&mut balancer, 9), [2; 9]);
        balancer.forget(until);
        let shares = given(&mut balancer, 10);
        assert_eq!(shares.iter().filter(|number| **number == 1).count(), 5);
    }

    #[test]
    fn all_are_tried_when_all_are_in_error() {
        let (mut balancer, table) = balancer("check.interval = \"1 s\"");
        for number in 0..2 {
            balancer.unreached(number, Time(5));
        }
        assert!(balancer.choose(None).is_some(), "errors are forgotten");
        let check = table.check.expect("there is one");
        for number in 0..2 {
            balancer.checked(number, false, &check);
        }
        assert_eq!(balancer.choose(None), None, "who failed its checks is not tried");
        balancer.checked(1, true, &check);
        assert_eq!(balancer.choose(None), Some(1));
    }
}
