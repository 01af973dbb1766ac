//! The fabric itself: flows come and go, the solvers say how fast they move.

use std::collections::VecDeque;

use super::clock::{Mark, Owner, distance, whole_bytes};
use super::core::{Core, DUE, Group, Solver, VACANT};
use super::general::General;
use super::heap::NONE;
use super::mesh::Mesh;
use super::shape::Shape;
use super::share::SPEED_MAX;
use super::tree::Tree;
use super::{Finished, FlowId, Ledger, LinkId, RouteId};
use crate::units::{BitRate, Bytes, Time};

/// Empty groups that a route may keep for the next flow, if routes are few.
const SPARE_GROUPS: usize = 4;

#[derive(Clone, Debug)]
struct Route {
    solver: Solver,
    /// Its groups by cap.
    groups: Vec<(u64, u32)>,
    /// Bytes that flows moved whose groups are gone [2^-64 byte].
    gone: Mark,
}

/// Transfers over shared links.
#[derive(Clone, Debug)]
pub struct Fabric {
    core: Core,
    tree: Tree,
    general: General,
    mesh: Mesh,
    /// Of each link, who shares it out.
    solvers: Vec<Solver>,
    routes: Vec<Route>,
    /// Of each route, the group that was entered last, to spare a look at the list, or [`NONE`].
    recent: Vec<u32>,
    /// Routes over each link.
    crossing: Vec<Vec<u32>>,
    /// What each link had carried when nothing was under way, and after how many starts that was.
    at_rest: Vec<(u64, Bytes)>,
    /// Flows that have finished and have not been asked for, with and in their start order.
    due: VecDeque<(u64, u32)>,
    /// Flows and bundles started and not ended.
    active: usize,
    /// Sums over flows that have been started or have ended.
    ledger: Ledger,
}

impl Fabric {
    pub(super) fn new(capacities: &[u64], routes: &[Vec<u32>]) -> Self {
        let shape = Shape::new(capacities.len(), routes);
        let solver = |link| if shape.in_tree(link) { Solver::Tree } else { Solver::General };
        let mut core = Core::default();
        let mut this = Self {
            tree: Tree::new(&mut core, capacities, routes, &shape.parents),
            general: General::new(capacities, routes, &shape.components),
            solvers: (0..capacities.len() as u32).map(solver).collect(),
            core,
            ..Self::empty(capacities.len())
        };
        for links in routes {
            let first = links.first().map(|&link| this.solvers[link as usize]);
            this.list_route(first.unwrap_or(Solver::General), links);
        }
        this
    }

    /// A fabric in which any part may send to any other.
    pub(super) fn mesh(capacities: &[u64], routes: &[Vec<u32>]) -> Self {
        let mut this = Self {
            mesh: Mesh::new(capacities),
            solvers: vec![Solver::Mesh; capacities.len()],
            ..Self::empty(capacities.len())
        };
        for links in routes {
            this.add_mesh_route(links);
        }
        this
    }

    fn empty(links: usize) -> Self {
        Self {
            core: Core::default(),
            tree: Tree::default(),
            general: General::default(),
            mesh: Mesh::default(),
            solvers: Vec::new(),
            routes: Vec::new(),
            recent: Vec::new(),
            crossing: vec![Vec::new(); links],
            at_rest: vec![(0, Bytes(0)); links],
            due: VecDeque::new(),
            active: 0,
            ledger: Ledger::default(),
        }
    }

    fn list_route(&mut self, solver: Solver, links: &[u32]) {
        for &link in links {
            self.crossing[link as usize].push(self.routes.len() as u32);
        }
        self.routes.push(Route { solver, groups: Vec::new(), gone: 0 });
        self.recent.push(NONE);
    }

    fn add_mesh_route(&mut self, links: &[u32]) {
        self.mesh.add_route(links);
        self.list_route(Solver::Mesh, links);
    }

    /// Adds a route to a mesh. O(its links).
    ///
    /// # Panics
    /// If the fabric is none, or the route crosses no link or an unknown one.
    pub fn add_route(&mut self, links: &[LinkId]) -> RouteId {
        let links: Vec<u32> = links.iter().map(|link| link.0).collect();
        let is_mesh = |&link: &u32| self.solvers[link as usize] == Solver::Mesh;
        assert!(!links.is_empty() && links.iter().all(is_mesh), "only a mesh takes more routes");
        self.add_mesh_route(&links);
        RouteId(self.routes.len() as u32 - 1)
    }

    /// Starts `count` like flows of `bytes` each over `route`, as one bundle under `tag`. `cap`
    /// is what holds each of them back privately: its node's link, or its protocol's pace.
    ///
    /// # Panics
    /// Like every call with `now`: if `now` lies in the past, or beyond a completion that has
    /// not been taken with [`Fabric::finished`].
    pub fn start(
        &mut self,
        now: Time,
        route: RouteId,
        cap: BitRate,
        bytes: Bytes,
        count: u32,
        tag: u64,
    ) -> FlowId {
        self.advance(now);
        assert!(count > 0, "a bundle has members");
        let index = self.core.new_flow(count, bytes.0, tag);
        self.active += 1;
        self.ledger.started += u128::from(bytes.0) * u128::from(count);
        if bytes.0 == 0 {
            self.due.push_back((self.core.flows[index as usize].order, index));
        } else {
            self.enter(index, route.0, cap.0.min(SPEED_MAX), distance(bytes.0));
        }
        self.id(index)
    }

    /// Ends a flow, or a whole bundle, early. Returns the bytes that each member had moved.
    pub fn cancel(&mut self, now: Time, flow: FlowId) -> Bytes {
        self.advance(now);
        let index = self.index(flow);
        let moved = self.moved_by(index);
        if self.core.flows[index as usize].group == DUE {
            self.due.retain(|&(_, due)| due != index);
        } else {
            let left = self.left(index);
            self.leave(index, distance(self.core.flows[index as usize].bytes) - left);
        }
        let flow = &self.core.flows[index as usize];
        let count = u128::from(flow.count);
        self.ledger.cancelled_moved += u128::from(moved) * count;
        self.ledger.cancelled_unmoved += u128::from(flow.bytes - moved) * count;
        self.core.drop_flow(index);
        self.active -= 1;
        Bytes(moved)
    }

    /// Takes one member out of a bundle, as a flow of its own under `tag`, with the progress it
    /// has made. The bundle keeps its id and has one member less.
    pub fn split(&mut self, now: Time, flow: FlowId, tag: u64) -> FlowId {
        self.advance(now);
        let index = self.index(flow);
        let single = self.core.split(index, tag);
        self.active += 1;
        let state = &self.core.flows[single as usize];
        if state.group == DUE {
            self.due.push_back((state.order, single));
        }
        self.id(single)
    }

    /// Changes the private cap of a flow under way; 0 stalls it.
    pub fn set_cap(&mut self, now: Time, flow: FlowId, cap: BitRate) {
        self.advance(now);
        let index = self.index(flow);
        let cap = cap.0.min(SPEED_MAX);
        let group = self.core.flows[index as usize].group;
        if group == DUE || self.core.groups[group as usize].cap == cap {
            return;
        }
        let route = self.core.groups[group as usize].route;
        let left = self.left(index);
        // It takes what it has moved along.
        self.leave(index, 0);
        self.enter(index, route, cap, left);
    }

    /// Changes what a link can carry: degraded, failed (0: its flows stall and keep what they
    /// have moved) or back.
    pub fn set_capacity(&mut self, now: Time, link: LinkId, capacity: BitRate) {
        self.advance(now);
        let capacity = capacity.0.min(SPEED_MAX);
        match self.solvers[link.0 as usize] {
            Solver::Tree => self.tree.set_capacity(&mut self.core, link.0, capacity),
            Solver::Mesh => self.mesh.set_capacity(link.0, capacity),
            Solver::General => self.general.set_capacity(link.0, capacity),
        }
    }

    /// The instant of the next completion, rounded once to whole nanoseconds.
    #[expect(clippy::should_implement_trait, reason = "it looks ahead and takes nothing")]
    pub fn next(&mut self) -> Option<Time> {
        self.collect();
        if self.due.is_empty() {
            return self.core.dates.top().map(|(date, _)| Time(date.at));
        }
        Some(Time(self.core.now))
    }

    /// Whether a flow has finished that has not been taken yet. Unlike [`Fabric::next`] it settles
    /// nothing: a caller with more to do at this instant spares rates that would not last.
    #[must_use]
    pub fn has_due(&self) -> bool {
        !self.due.is_empty()
    }

    /// Takes one flow that has finished by `now`. Those that finish at one instant come in the
    /// order in which they were started.
    pub fn finished(&mut self, now: Time) -> Option<Finished> {
        self.advance(now);
        if self.due.is_empty() {
            self.collect();
        }
        let (_, index) = self.due.pop_front()?;
        let flow = self.id(index);
        let state = &self.core.flows[index as usize];
        let (tag, count, bytes) = (state.tag, state.count, Bytes(state.bytes));
        self.ledger.finished += u128::from(bytes.0) * u128::from(count);
        self.core.drop_flow(index);
        self.active -= 1;
        Some(Finished { flow, tag, count, bytes })
    }

    /// Bytes that each member of a flow has moved so far.
    pub fn moved(&mut self, now: Time, flow: FlowId) -> Bytes {
        self.advance(now);
        Bytes(self.moved_by(self.index(flow)))
    }

    /// Bytes that a link has carried since the start. Costs a little for each group on it, and O(1)
    /// if nothing was under way since it was asked last.
    pub fn carried(&mut self, now: Time, link: LinkId) -> Bytes {
        self.advance(now);
        let (before, carried) = self.at_rest[link.0 as usize];
        let now = self.at_rest();
        if now == Some(before) {
            return carried;
        }
        let carried = self.carried_by_routes(link);
        if let Some(now) = now {
            self.at_rest[link.0 as usize] = (now, carried);
        }
        carried
    }

    fn carried_by_routes(&self, link: LinkId) -> Bytes {
        let mut carried: Mark = 0;
        for &route in &self.crossing[link.0 as usize] {
            if self.recent[route as usize] == NONE {
                // Nothing has ever gone this way.
                continue;
            }
            let route = &self.routes[route as usize];
            carried = carried.wrapping_add(route.gone);
            for &(_, name) in &route.groups {
                let group = &self.core.groups[name as usize];
                carried = carried.wrapping_add(group.balance);
                if group.n > 0 {
                    let reached = self.value(name).wrapping_mul(Mark::from(group.n));
                    carried = carried.wrapping_add(reached);
                }
            }
        }
        Bytes(whole_bytes(carried))
    }

    /// The present rate of each member of a flow (bit/s).
    pub fn rate(&mut self, flow: FlowId) -> f64 {
        self.collect();
        let group = self.core.flows[self.index(flow) as usize].group;
        if group == DUE {
            return 0.0;
        }
        let clock = match self.core.groups[group as usize].solver {
            Solver::Tree => self.tree.clock(&self.core, group),
            Solver::Mesh => Mesh::clock(&self.core, group),
            Solver::General => self.general.clock(&self.core, group),
        };
        self.core.clocks[clock as usize].rate.bits_per_second()
    }

    /// Flows and bundles that have been started and neither finished nor cancelled.
    #[must_use]
    pub fn active(&self) -> usize {
        self.active
    }

    /// If nothing is under way, a number that is another one after anything was.
    #[must_use]
    pub fn at_rest(&self) -> Option<u64> {
        (self.active == 0).then(|| self.core.orders())
    }

    /// Where all bytes are. Looks at every flow under way.
    pub fn ledger(&mut self, now: Time) -> Ledger {
        self.advance(now);
        let mut ledger = self.ledger;
        for index in 0..self.core.flows.len() as u32 {
            let flow = &self.core.flows[index as usize];
            if flow.group == VACANT {
                continue;
            }
            let (moved, count) = (self.moved_by(index), u128::from(flow.count));
            ledger.in_flight_moved += u128::from(moved) * count;
            ledger.in_flight_left += u128::from(flow.bytes - moved) * count;
        }
        ledger
    }

    /// Memory that the fabric holds on the heap, in bytes, by the capacities of its containers.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        let groups: usize = self.routes.iter().map(|route| 16 * route.groups.capacity()).sum();
        let crossing: usize = self.crossing.iter().map(|routes| 4 * routes.capacity()).sum();
        groups
            + crossing
            + self.core.heap_bytes()
            + self.tree.heap_bytes()
            + self.general.heap_bytes()
            + self.mesh.heap_bytes()
            + self.due.capacity() * size_of::<(u64, u32)>()
            + self.routes.capacity() * (size_of::<Route>() + 4)
            + self.at_rest.capacity() * size_of::<(u64, Bytes)>()
            + self.crossing.capacity() * size_of::<Vec<u32>>()
    }

    fn id(&self, index: u32) -> FlowId {
        FlowId { index, generation: self.core.flows[index as usize].generation }
    }

    fn index(&self, flow: FlowId) -> u32 {
        let state = &self.core.flows[flow.index as usize];
        let lives = state.group != VACANT && state.generation == flow.generation;
        assert!(lives, "a flow that has ended is asked for");
        flow.index
    }

    /// Moves on to `now`, which settles what was left unsettled, and finds what is due there.
    fn advance(&mut self, now: Time) {
        if now.0 == self.core.now {
            return;
        }
        assert!(now.0 > self.core.now, "time runs forward");
        self.collect();
        assert!(self.due.is_empty(), "finished flows are taken before time moves on");
        let next = self.core.dates.top().map_or(u64::MAX, |(date, _)| date.at);
        assert!(now.0 <= next, "a completion at {next} ns was passed over at {} ns", now.0);
        self.core.now = now.0;
        if next == now.0 {
            self.collect_due();
        }
    }

    /// Settles this instant and finds what is due in it.
    fn collect(&mut self) {
        self.tree.settle(&mut self.core);
        self.mesh.settle(&mut self.core);
        self.general.settle(&mut self.core);
        self.collect_due();
    }

    /// Takes all flows out of the solvers that finish by now at the rates they have had.
    fn collect_due(&mut self) {
        let mut found = false;
        while let Some((date, clock)) = self.core.dates.top() {
            if date.at > self.core.now {
                break;
            }
            found = true;
            let owner = self.core.clocks[clock as usize].owner;
            let index = match owner {
                Owner::Link(link) => self.tree.first(&self.core, link),
                Owner::Group(group) => self.core.groups[group as usize].top().map(|(_, flow)| flow),
                Owner::Class(class) => self.general.first(&self.core, class),
            };
            let index = index.expect("a dated clock has a flow");
            let (order, bytes) = {
                let flow = &self.core.flows[index as usize];
                (flow.order, flow.bytes)
            };
            self.leave(index, distance(bytes));
            self.due.push_back((order, index));
            if let Owner::Link(link) = owner {
                self.tree.redate(&mut self.core, link);
            }
        }
        if found {
            self.due.make_contiguous().sort_unstable();
        }
    }

    /// The value of a group's clock now.
    fn value(&self, group: u32) -> Mark {
        match self.core.groups[group as usize].solver {
            Solver::Tree => self.tree.value(&self.core, group),
            Solver::Mesh => Mesh::value(&self.core, group),
            Solver::General => self.general.value(&self.core, group),
        }
    }

    /// What is left to each member of a flow that is in a group.
    fn left(&self, index: u32) -> Mark {
        let flow = &self.core.flows[index as usize];
        (flow.mark() - self.value(flow.group)).clamp(0, distance(flow.bytes))
    }

    fn moved_by(&self, index: u32) -> u64 {
        let flow = &self.core.flows[index as usize];
        if flow.group == DUE {
            return flow.bytes;
        }
        whole_bytes(distance(flow.bytes) - self.left(index)).min(flow.bytes)
    }

    /// Puts a flow into the group where it belongs.
    fn enter(&mut self, index: u32, route: u32, cap: u64, left: Mark) {
        let recent = self.recent[route as usize];
        let fits = |group: &Group| group.route == route && group.cap == cap;
        let group = match self.core.groups.get(recent as usize) {
            Some(group) if fits(group) => recent,
            _ => self.group(route, cap),
        };
        let mark = self.value(group) + left;
        self.core.enter(index, group, mark);
        let count = self.core.flows[index as usize].count;
        match self.core.groups[group as usize].solver {
            Solver::Tree => self.tree.joined(&mut self.core, group, count),
            Solver::Mesh => self.mesh.joined(&mut self.core, group, count),
            Solver::General => self.general.joined(&mut self.core, group, count),
        }
    }

    /// Finds or makes the group of a route with this cap.
    fn group(&mut self, route: u32, cap: u64) -> u32 {
        let Route { solver, groups, .. } = &mut self.routes[route as usize];
        let group = match groups.binary_search_by_key(&cap, |&(cap, _)| cap) {
            Ok(place) => groups[place].1,
            Err(place) => {
                let group = self.core.new_group(route, *solver, cap);
                groups.insert(place, (cap, group));
                match solver {
                    Solver::Tree => {}
                    Solver::Mesh => self.mesh.adopt(&mut self.core, group),
                    Solver::General => self.general.adopt(&mut self.core, group),
                }
                group
            }
        };
        self.recent[route as usize] = group;
        group
    }

    /// Takes a flow out of its group, of whose bytes each member keeps `moved`.
    fn leave(&mut self, index: u32, moved: Mark) {
        let group = self.core.leave(index, moved);
        let count = self.core.flows[index as usize].count;
        let state = &self.core.groups[group as usize];
        let (route, empty) = (state.route, state.n == 0);
        let spare = match state.solver {
            Solver::Tree => {
                self.tree.left(&mut self.core, group, count);
                SPARE_GROUPS
            }
            Solver::Mesh => {
                self.mesh.left(&mut self.core, group, count);
                0
            }
            Solver::General => {
                self.general.left(&mut self.core, group, count);
                SPARE_GROUPS
            }
        };
        if empty && self.routes[route as usize].groups.len() > spare {
            self.forget(route, group);
        }
    }

    /// Gives up an empty group.
    fn forget(&mut self, route: u32, group: u32) {
        let Group { cap, balance, solver, .. } = self.core.groups[group as usize];
        let route = &mut self.routes[route as usize];
        let place = route.groups.binary_search_by_key(&cap, |&(cap, _)| cap);
        route.groups.remove(place.expect("a group is listed"));
        route.gone = route.gone.wrapping_add(balance);
        match solver {
            Solver::Tree => {}
            Solver::Mesh => Mesh::disown(&mut self.core, group),
            Solver::General => self.general.disown(&mut self.core, group),
        }
        self.core.drop_group(group);
    }
}
