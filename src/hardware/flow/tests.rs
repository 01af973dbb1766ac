//! The fabric against its oracle on thousands of random networks, and against closed forms.

use super::{Fabric, FabricBuilder, FlowId, LinkId, RouteId};
use crate::hardware::flow_oracle::FlowOracle;
use crate::units::{BitRate, Bytes, Time};

const MBIT: u64 = 1_000_000;
const GIGABYTE: u64 = 1_000_000_000;
const SECOND: u64 = 1_000_000_000;

/// A small generator: Knuth's MMIX constants, upper half.
struct Draws(u64);

impl Draws {
    fn below(&mut self, bound: u64) -> u64 {
        let step = self.0.wrapping_mul(6_364_136_223_846_793_005);
        self.0 = step.wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }
}

/// A fabric and its twin, told the same.
struct Pair {
    fabric: Fabric,
    oracle: FlowOracle,
    links: Vec<LinkId>,
    routes: Vec<(RouteId, Vec<usize>)>,
    /// Flows under way by tag: their ids in both.
    flows: Vec<(u64, FlowId, usize, u32)>,
    tags: u64,
    now: u64,
    /// Largest difference between completion times that is allowed [ns].
    slack: u64,
}

impl Pair {
    fn new(capacities: &[u64], routes: &[Vec<usize>], slack: u64) -> Self {
        let (mut builder, mut oracle) = (FabricBuilder::new(), FlowOracle::new());
        let links: Vec<LinkId> = capacities.iter().map(|&c| builder.link(BitRate(c))).collect();
        for &capacity in capacities {
            oracle.link(BitRate(capacity));
        }
        let routes = routes
            .iter()
            .map(|route| {
                let path: Vec<LinkId> = route.iter().map(|&link| links[link]).collect();
                (builder.route(&path), route.clone())
            })
            .collect();
        let (flows, fabric) = (Vec::new(), builder.build());
        Self { fabric, oracle, links, routes, flows, tags: 0, now: 0, slack }
    }

    fn start(&mut self, route: usize, cap: u64, bytes: u64, count: u32) {
        let (now, tag, cap, bytes) = (Time(self.now), self.tags, BitRate(cap), Bytes(bytes));
        let (id, path) = &self.routes[route];
        let flow = self.fabric.start(now, *id, cap, bytes, count, tag);
        let twin = self.oracle.start(now, path, cap, bytes, count, tag);
        self.flows.push((tag, flow, twin, count));
        self.tags += 1;
    }

    fn cancel(&mut self, place: usize) {
        let (_, flow, twin, _) = self.flows.remove(place);
        let moved = self.fabric.cancel(Time(self.now), flow);
        let expected = self.oracle.cancel(Time(self.now), twin);
        assert!(moved.0.abs_diff(expected.0) <= 1000 * self.slack, "{moved:?} {expected:?}");
    }

    fn split(&mut self, place: usize) {
        let (_, flow, twin, count) = self.flows[place];
        if count > 1 {
            let tag = self.tags;
            self.tags += 1;
            let single = self.fabric.split(Time(self.now), flow, tag);
            let other = self.oracle.split(Time(self.now), twin, tag);
            self.flows[place].3 -= 1;
            self.flows.push((tag, single, other, 1));
        }
    }

    fn set_cap(&mut self, place: usize, cap: u64) {
        let (_, flow, twin, _) = self.flows[place];
        self.fabric.set_cap(Time(self.now), flow, BitRate(cap));
        self.oracle.set_cap(Time(self.now), twin, BitRate(cap));
    }

    fn set_capacity(&mut self, link: usize, capacity: u64) {
        self.fabric.set_capacity(Time(self.now), self.links[link], BitRate(capacity));
        self.oracle.set_capacity(Time(self.now), link, BitRate(capacity));
    }

    /// Plays both up to `until` and compares all completions on the way.
    fn play(&mut self, until: u64) {
        loop {
            let (next, expected) = (self.fabric.next(), self.oracle.next());
            let (Some(next), Some(expected)) = (next, expected) else {
                assert_eq!(next, expected, "one of them is at its end");
                break;
            };
            assert!(next.0.abs_diff(expected.0) <= self.slack, "{next:?} {expected:?}");
            if next.0.max(expected.0) > until {
                break;
            }
            self.now = next.0.max(expected.0);
            while let Some(done) = self.fabric.finished(next) {
                let twin = self.oracle.finished(expected);
                assert_eq!(Some((done.tag, done.count)), twin, "order of completions at {next:?}");
                let place = self.flows.iter().position(|flow| flow.0 == done.tag);
                let flow = self.flows.swap_remove(place.expect("it was under way"));
                assert_eq!((flow.1, flow.3), (done.flow, done.count));
            }
            assert_eq!(self.oracle.finished(expected), None, "at {next:?}");
        }
        if until != u64::MAX {
            self.now = until;
        }
    }

    fn check(&mut self) {
        let now = Time(self.now);
        let ledger = self.fabric.ledger(now);
        assert!(ledger.balances(), "{ledger:?}");
        assert_eq!(self.fabric.active(), self.flows.len());
        for &(_, flow, twin, _) in &self.flows {
            let (moved, expected) = (self.fabric.moved(now, flow), self.oracle.moved(now, twin));
            assert!(moved.0.abs_diff(expected.0) <= 1000 * self.slack, "{moved:?} {expected:?}");
        }
        // Whatever moved, moved over the links of its route.
        let moved = ledger.finished + ledger.cancelled_moved + ledger.in_flight_moved;
        let exits: Vec<usize> =
            self.routes.iter().map(|route| *route.1.last().unwrap()).collect();
        let mut carried = 0;
        for link in 0..self.links.len() {
            let passes = self.routes.iter().any(|(_, path)| {
                path.contains(&link) && *path.last().unwrap() != link
            });
            if passes {
                return;
            }
            if exits.contains(&link) {
                carried += u128::from(self.fabric.carried(now, self.links[link]).0);
            }
        }
        assert!(carried.abs_diff(moved) <= u128::from(self.tags) * 8, "{carried} {moved}");
    }

    /// One random deed.
    fn act(&mut self, draws: &mut Draws) {
        const CAPS: [u64; 6] = [0, 10, 40, 100, 100, 1_000];
        let place = draws.below(self.flows.len().max(1) as u64) as usize;
        match draws.below(16) {
            0 if !self.flows.is_empty() => self.cancel(place),
            1 if !self.flows.is_empty() => self.split(place),
            2 if !self.flows.is_empty() => {
                let cap = draws.pick(&CAPS) * MBIT;
                self.set_cap(place, cap);
            }
            3 => {
                let link = draws.below(self.links.len() as u64) as usize;
                let capacity = draws.pick(&[0, 1, 33, 100, 250, 1_000]) * MBIT;
                self.set_capacity(link, capacity);
            }
            kind => {
                let route = draws.below(self.routes.len() as u64) as usize;
                let cap = if kind < 6 { draws.below(200) } else { draws.pick(&CAPS[1..]) };
                let bytes = if kind < 8 { 1_000_000 } else { draws.below(20_000_000) };
                let count = if kind < 10 { 1 + draws.below(6) as u32 } else { 1 };
                self.start(route, cap * MBIT, bytes, count);
            }
        }
    }

    fn experience(&mut self, draws: &mut Draws, bursts: u64) {
        for _ in 0..bursts {
            for _ in 0..=draws.below(5) {
                self.act(draws);
            }
            let pause = draws.pick(&[0, 1, 1_000_000, 100_000_000, 500_000_000]);
            self.play(self.now + pause);
            self.check();
        }
        for link in 0..self.links.len() {
            self.set_capacity(link, 300 * MBIT);
        }
        for place in 0..self.flows.len() {
            self.set_cap(place, 70 * MBIT);
        }
        self.play(u64::MAX);
        self.check();
        assert_eq!(self.fabric.active(), 0, "what is under way ends once all links are back");
    }
}

/// Plays `runs` random networks; a failure names its seed.
fn with_seeds(name: &str, runs: u64, one: impl Fn(&mut Draws) + std::panic::RefUnwindSafe) {
    let only = std::env::var("RACKSTORM_SEED").ok().map(|seed| seed.parse().expect("a number"));
    for seed in only.map_or(0..runs, |seed| seed..seed + 1) {
        let outcome = std::panic::catch_unwind(|| one(&mut Draws(seed)));
        if outcome.is_err() {
            panic!("seed {seed} fails; again: RACKSTORM_SEED={seed} cargo test --lib {name}");
        }
    }
}

/// A forest whose links have their parents before them; flows enter anywhere.
fn random_tree(draws: &mut Draws) -> Pair {
    let size = 1 + draws.below(9) as usize;
    let mut parents = vec![None];
    for link in 1..size {
        let parent = draws.below(link as u64 + 1) as usize;
        parents.push((parent < link).then_some(parent));
    }
    let mut routes = Vec::new();
    for link in 0..size {
        if draws.below(4) > 0 || link + 1 == size {
            let mut path = vec![link];
            while let Some(parent) = parents[*path.last().unwrap()] {
                path.push(parent);
            }
            routes.push(path);
        }
    }
    let capacities: Vec<u64> =
        (0..size).map(|_| draws.pick(&[100, 150, 333, 1_000]) * MBIT).collect();
    Pair::new(&capacities, &routes, 0)
}

fn random_graph(draws: &mut Draws) -> Pair {
    let size = 1 + draws.below(7) as usize;
    let mut routes = Vec::new();
    for _ in 0..=draws.below(6) {
        let mut path: Vec<usize> = Vec::new();
        for _ in 0..=draws.below(3) {
            let link = draws.below(size as u64) as usize;
            if !path.contains(&link) {
                path.push(link);
            }
        }
        routes.push(path);
    }
    let capacities: Vec<u64> =
        (0..size).map(|_| draws.pick(&[100, 150, 333, 1_000]) * MBIT).collect();
    Pair::new(&capacities, &routes, 1)
}

#[test]
fn random_trees_agree_with_the_oracle_to_the_nanosecond() {
    with_seeds("random_trees_agree", 2_000, |draws| random_tree(draws).experience(draws, 15));
}

#[test]
fn random_graphs_agree_with_the_oracle_within_a_nanosecond() {
    with_seeds("random_graphs_agree", 2_000, |draws| random_graph(draws).experience(draws, 15));
}
