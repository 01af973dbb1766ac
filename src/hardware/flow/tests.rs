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

/// A fabric and its twin, driven alike.
struct Pair {
    fabric: Fabric,
    oracle: FlowOracle,
    links: Vec<LinkId>,
    routes: Vec<(RouteId, Vec<usize>)>,
    /// Flows under way by tag: their ids in both.
    flows: Vec<(u64, FlowId, usize, u32)>,
    tags: u64,
    now: u64,
    /// Largest difference between completion times that is allowed (ns).
    slack: u64,
}

impl Pair {
    fn new(capacities: &[u64], routes: &[Vec<usize>], slack: u64) -> Self {
        Self::with(FabricBuilder::new(), capacities, routes, slack)
    }

    /// The same, as a mesh.
    fn mesh(capacities: &[u64], routes: &[Vec<usize>], slack: u64) -> Self {
        let mut builder = FabricBuilder::new();
        builder.mesh();
        Self::with(builder, capacities, routes, slack)
    }

    fn with(
        mut builder: FabricBuilder,
        capacities: &[u64],
        routes: &[Vec<usize>],
        slack: u64,
    ) -> Self {
        let mut oracle = FlowOracle::new();
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
        let exits: Vec<usize> = self.routes.iter().map(|route| *route.1.last().unwrap()).collect();
        let mut carried = 0;
        for link in 0..self.links.len() {
            // Elsewhere than as the last of a route it may be crossed by what is no exit.
            let before = |(_, path): &(_, Vec<usize>)| path[..path.len() - 1].contains(&link);
            if self.routes.iter().any(before) {
                return;
            }
            if exits.contains(&link) {
                carried += u128::from(self.fabric.carried(now, self.links[link]).0);
            }
        }
        assert!(carried.abs_diff(moved) <= u128::from(self.tags) * 8, "{carried} {moved}");
    }

    /// One random action.
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
        let again = format!("RACKSTORM_SEED={seed} cargo test --lib {name}");
        assert!(outcome.is_ok(), "seed {seed} fails; again: {again}");
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

/// Routes over links at random, each of which they cross at most so often.
fn random_graph(
    draws: &mut Draws,
    make: fn(&[u64], &[Vec<usize>], u64) -> Pair,
    most: usize,
) -> Pair {
    let size = 1 + draws.below(7) as usize;
    let mut routes = Vec::new();
    for _ in 0..=draws.below(6) {
        let mut path: Vec<usize> = Vec::new();
        for _ in 0..=draws.below(3) {
            let link = draws.below(size as u64) as usize;
            if path.iter().filter(|&&other| other == link).count() < most {
                path.push(link);
            }
        }
        routes.push(path);
    }
    let capacities: Vec<u64> =
        (0..size).map(|_| draws.pick(&[100, 150, 333, 1_000]) * MBIT).collect();
    make(&capacities, &routes, 1)
}

#[test]
fn random_trees_agree_with_the_oracle_to_the_nanosecond() {
    with_seeds("random_trees_agree", 2_000, |draws| random_tree(draws).experience(draws, 15));
}

#[test]
fn random_graphs_agree_with_the_oracle_within_a_nanosecond() {
    with_seeds("random_graphs_agree", 2_000, |draws| {
        random_graph(draws, Pair::new, 1).experience(draws, 15);
    });
}

#[test]
fn random_meshes_agree_with_the_oracle_within_a_nanosecond() {
    with_seeds("random_meshes_agree", 2_000, |draws| {
        random_graph(draws, Pair::mesh, 1).experience(draws, 15);
    });
}

/// As in a Wi-Fi cell, where what goes from node to node takes the air twice.
#[test]
fn random_meshes_whose_routes_cross_a_link_twice_agree_with_the_oracle() {
    with_seeds("random_meshes_twice", 2_000, |draws| {
        random_graph(draws, Pair::mesh, 2).experience(draws, 15);
    });
}

/// Twelve nodes behind three switches and a server: any sends to any other, at random.
#[test]
fn messages_between_all_nodes_of_a_tree_end_as_the_oracle_says() {
    let (nodes, per_switch, server) = (12, 4, 30);
    let up = |node: usize| 2 * node;
    let down = |node: usize| 2 * node + 1;
    let (trunk_up, trunk_down) = (|node| 24 + node / per_switch, |node| 27 + node / per_switch);
    let mut capacities = vec![100 * MBIT; 24];
    capacities.extend([250 * MBIT; 6]);
    capacities.push(300 * MBIT);
    let mut routes = Vec::new();
    for from in 0..nodes {
        for to in (0..nodes).filter(|&to| to != from) {
            let mut route = vec![up(from), down(to)];
            if from / per_switch != to / per_switch {
                route.extend([trunk_up(from), trunk_down(to)]);
            }
            routes.push(route);
        }
        routes.push(vec![up(from), trunk_up(from), server]);
    }
    for seed in 0..10 {
        let mut pair = Pair::mesh(&capacities, &routes, 1);
        let mut draws = Draws(seed);
        for _ in 0..150 {
            pair.play(pair.now + draws.below(SECOND / 10));
            let route = draws.below(routes.len() as u64) as usize;
            pair.start(route, 100 * MBIT, draws.below(5_000_000), 1);
        }
        pair.play(u64::MAX);
        pair.check();
        assert_eq!(pair.fabric.active(), 0);
    }
}

#[test]
fn three_thousand_staggered_writers_end_as_the_oracle_says_to_the_nanosecond() {
    let uplinks = 20;
    let routes: Vec<Vec<usize>> = (1..=uplinks).map(|uplink| vec![uplink, 0]).collect();
    let mut capacities = vec![10_000 * MBIT];
    capacities.resize(1 + uplinks, 1_000 * MBIT);
    let mut pair = Pair::new(&capacities, &routes, 0);
    let mut draws = Draws(3_000);
    let mut starts: Vec<u64> = (0..3_000).map(|_| draws.below(60_000_000) * 1_000).collect();
    starts.sort_unstable();
    for at in starts {
        pair.play(at);
        let route = draws.below(uplinks as u64) as usize;
        pair.start(route, 100 * MBIT, GIGABYTE / 2 + draws.below(GIGABYTE), 1);
    }
    pair.play(u64::MAX);
    pair.check();
    assert_eq!(pair.fabric.active(), 0);
}

/// Three switches of nodes behind one server; TFTP, disk reads and disk writes share it crosswise.
#[test]
fn a_small_boot_storm_agrees_with_the_oracle() {
    let (send, receive, tftpd, disk) = (0, 1, 2, 3);
    let mut routes = Vec::new();
    for switch in 0..3 {
        let (up, down) = (4 + 2 * switch, 5 + 2 * switch);
        routes.extend([vec![down, send, tftpd], vec![down, send, disk], vec![up, receive, disk]]);
    }
    let capacities = [300, 300, 40, 250, 500, 500, 500, 500, 150, 500].map(|mbit| mbit * MBIT);
    for seed in 0..20 {
        let mut pair = Pair::new(&capacities, &routes, 1);
        let mut draws = Draws(seed);
        for _ in 0..150 {
            pair.play(pair.now + draws.below(SECOND / 10));
            let route = draws.below(9) as usize;
            let cap = if [0, 3, 6].contains(&route) { 8_200_000 } else { 94 * MBIT };
            pair.start(route, cap, draws.below(3_000_000), 1);
        }
        pair.play(u64::MAX);
        pair.check();
        assert_eq!(pair.fabric.active(), 0);
    }
}

/// A fabric of one or more modules behind a server, and what has finished in it.
struct Bench {
    fabric: Fabric,
    routes: Vec<RouteId>,
    links: Vec<LinkId>,
}

impl Bench {
    /// The server's link, then one uplink per route.
    fn new(server: u64, uplinks: &[u64]) -> Self {
        let mut builder = FabricBuilder::new();
        let mut links = vec![builder.link(BitRate(server))];
        let mut routes = Vec::new();
        for &uplink in uplinks {
            let link = builder.link(BitRate(uplink));
            routes.push(builder.route(&[link, links[0]]));
            links.push(link);
        }
        Self { fabric: builder.build(), routes, links }
    }

    fn start(&mut self, at: u64, route: usize, cap: u64, bytes: u64, count: u32) -> FlowId {
        let (route, cap) = (self.routes[route], BitRate(cap));
        self.fabric.start(Time(at), route, cap, Bytes(bytes), count, u64::from(count))
    }

    /// All completions from here on: (instant, tag).
    fn ends(&mut self) -> Vec<(u64, u64)> {
        let mut ends = Vec::new();
        while let Some(next) = self.fabric.next() {
            while let Some(done) = self.fabric.finished(next) {
                ends.push((next.0, done.tag));
            }
        }
        ends
    }
}

#[test]
fn n_equal_flows_take_n_times_as_long_as_one() {
    for n in [1, 7, 150, 1_000] {
        let mut bench = Bench::new(10_000 * MBIT, &[1_000 * MBIT]);
        bench.start(5, 0, u64::MAX, GIGABYTE, n);
        assert_eq!(bench.ends(), [(5 + 8 * SECOND * u64::from(n), u64::from(n))]);
    }
}

#[test]
fn a_slow_node_leaves_its_share_to_the_others() {
    let mut bench = Bench::new(100 * MBIT, &[1_000 * MBIT]);
    let slow = bench.start(0, 0, 10 * MBIT, GIGABYTE, 1);
    let quick = bench.start(0, 0, 1_000 * MBIT, GIGABYTE, 2);
    assert_eq!((bench.fabric.rate(slow), bench.fabric.rate(quick)), (10e6, 45e6));
    // 8 Gbit at 45 Mbit/s, rounded to a nanosecond.
    assert_eq!(bench.ends(), [(177_777_777_778, 2), (800 * SECOND, 1)]);
}

/// The probe of unequal links on which weighted models differ (facts: plain max-min).
#[test]
fn a_slow_and_a_fast_link_share_a_narrow_uplink_evenly() {
    let mut bench = Bench::new(10_000 * MBIT, &[150 * MBIT]);
    bench.start(0, 0, 100 * MBIT, GIGABYTE, 1);
    bench.start(0, 0, 1_000 * MBIT, GIGABYTE, 1);
    assert_eq!(bench.ends(), [(106_666_666_667, 1); 2]);
}

#[test]
fn the_bottleneck_moves_from_server_to_uplink_as_flows_drain() {
    let mut bench = Bench::new(1_200 * MBIT, &[1_000 * MBIT, 1_000 * MBIT]);
    // All at 100 Mbit/s, the server's share, until the six small ones end at 40 s; then the
    // six others get a sixth of their uplink and move their second half in 24 s.
    bench.start(0, 0, u64::MAX, GIGABYTE, 6);
    bench.start(0, 1, u64::MAX, GIGABYTE / 2, 6);
    assert_eq!(bench.ends(), [(40 * SECOND, 6), (64 * SECOND, 6)]);
    let carried = bench.links.iter().map(|&link| bench.fabric.carried(Time(64 * SECOND), link));
    let carried: Vec<u64> = carried.map(|bytes| bytes.0).collect();
    assert_eq!(carried, [9 * GIGABYTE, 6 * GIGABYTE, 3 * GIGABYTE]);
}

#[test]
fn a_bundle_is_as_many_single_flows() {
    let (mut bundled, mut single) =
        (Bench::new(700 * MBIT, &[300 * MBIT; 3]), Bench::new(700 * MBIT, &[300 * MBIT; 3]));
    for (route, count) in [(0, 5), (1, 3), (2, 11), (0, 4)] {
        let bytes = 10_000_000 * u64::from(count);
        bundled.start(0, route, 60 * MBIT, bytes, count);
        for _ in 0..count {
            let (route, cap, bytes) = (single.routes[route], BitRate(60 * MBIT), Bytes(bytes));
            single.fabric.start(Time(0), route, cap, bytes, 1, u64::from(count));
        }
    }
    let mut ends = single.ends();
    ends.dedup();
    assert_eq!(bundled.ends(), ends);
}

#[test]
fn a_failed_link_stalls_its_flows_and_they_keep_what_they_moved() {
    let mut bench = Bench::new(1_000 * MBIT, &[100 * MBIT]);
    let flow = bench.start(0, 0, 80 * MBIT, GIGABYTE, 1);
    let uplink = bench.links[1];
    bench.fabric.set_capacity(Time(50 * SECOND), uplink, BitRate(0));
    assert_eq!(bench.fabric.next(), None);
    assert_eq!(bench.fabric.moved(Time(70 * SECOND), flow), Bytes(GIGABYTE / 2));
    bench.fabric.set_capacity(Time(90 * SECOND), uplink, BitRate(40 * MBIT));
    assert_eq!(bench.ends(), [(190 * SECOND, 1)]);
}

#[test]
fn cancelling_accounts_for_every_byte() {
    let mut bench = Bench::new(1_000 * MBIT, &[80 * MBIT]);
    let bundle = bench.start(0, 0, u64::MAX, 1_000_000, 4);
    let single = bench.fabric.split(Time(SECOND / 10), bundle, 9);
    assert_eq!(bench.fabric.cancel(Time(SECOND / 5), single), Bytes(500_000));
    let ledger = bench.fabric.ledger(Time(SECOND / 5));
    assert_eq!((ledger.cancelled_moved, ledger.cancelled_unmoved), (500_000, 500_000));
    assert_eq!((ledger.in_flight_moved, ledger.in_flight_left), (1_500_000, 1_500_000));
    // The other three have the link to themselves for their second halves.
    assert_eq!(bench.ends(), [(350_000_000, 4)]);
    assert!(bench.fabric.ledger(Time(350_000_000)).balances());
}

#[test]
fn empty_flows_and_flows_without_shared_links_end_by_themselves() {
    let mut builder = FabricBuilder::new();
    let direct = builder.route(&[]);
    let mut fabric = builder.build();
    fabric.start(Time(3), direct, BitRate(8 * MBIT), Bytes(1_000_000), 1, 1);
    fabric.start(Time(3), direct, BitRate(0), Bytes(0), 1, 2);
    assert_eq!(fabric.next(), Some(Time(3)));
    assert_eq!(fabric.finished(Time(3)).map(|done| done.tag), Some(2));
    assert_eq!(fabric.next(), Some(Time(3 + SECOND)));
    assert_eq!(fabric.finished(Time(3 + SECOND)).map(|done| done.tag), Some(1));
    assert_eq!(fabric.next(), None);
}
