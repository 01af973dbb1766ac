//! Max-min fairness on any graph: progressive filling over classes of groups, where it is needed.
//!
//! The links fall into components that never touch. Within one, a link is *watched* while the
//! caps of its flows add up to more than it can carry; no other link can hold anybody back.
//! Groups that cross the same watched links with the same cap form a class and share a clock,
//! so an event costs the filling of a few classes, or, when nothing is watched, no filling.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::clock::{Mark, Owner, Rate};
use super::core::{Core, Group};
use super::heap::{GROUP, KeyHeap, NONE, Packed, Places};
use super::share::Share;

#[derive(Clone, Debug)]
struct Link {
    capacity: u64,
    /// What its flows would take if only their caps held them back (bit/s).
    demand: u128,
    watched: bool,
    component: u32,
}

#[derive(Clone, Debug)]
struct Route {
    /// Its links: half-open places in [`General::crossed`].
    links: (u32, u32),
    component: u32,
    crossing: u32,
}

#[derive(Clone, Debug, Default)]
struct Component {
    links: Vec<u32>,
    routes: Vec<u32>,
    watched: Vec<u32>,
    /// Sets of watched links (as places in `watched`) that some route crosses, one after the other:
    /// a set is known by where it begins, with its length. The first one is empty.
    crossings: Vec<u32>,
    /// In order of (cap, crossing).
    classes: Vec<u32>,
    groups: Vec<u32>,
    /// The rates must be found anew.
    dirty: bool,
    /// What is watched must be found anew.
    stale: bool,
    /// Arrivals and departures since that was last done.
    age: usize,
}

/// Groups that cross the same watched links with the same cap; one cache line.
#[derive(Clone, Debug)]
#[repr(align(64))]
struct Class {
    cap: u64,
    crossing: u32,
    /// Flows in it.
    n: u64,
    /// Groups in it, empty ones too.
    groups: u32,
    clock: u32,
    /// It is new, so that its clock must be dated even if it keeps its rate.
    redate: bool,
    /// First finish mark of each group that has flows, on the clock of the class.
    next: KeyHeap<Packed>,
}

/// Working space of the filling, kept to spare allocations.
#[derive(Clone, Debug, Default)]
struct Scratch {
    /// Of each watched link: capacity left, and flows whose rate is open.
    links: Vec<(Share, u64)>,
    open: Vec<u32>,
}

/// The solver for components that are no trees.
#[derive(Clone, Debug, Default)]
pub(super) struct General {
    links: Vec<Link>,
    routes: Vec<Route>,
    /// The links of all routes, route after route.
    crossed: Vec<u32>,
    components: Vec<Component>,
    classes: Vec<Class>,
    vacant: Vec<u32>,
    /// Places of the groups in the heaps of their classes.
    places: Places,
    /// Of each group, its place in the list of its component.
    listed: Vec<u32>,
    dirty: Vec<u32>,
    scratch: Scratch,
}

impl General {
    /// Takes all links; those of components it is not asked about cost it nothing.
    pub(super) fn new(capacities: &[u64], routes: &[Vec<u32>], component_of: &[u32]) -> Self {
        let mut this = Self::default();
        let count = component_of.iter().max().map_or(0, |&last| last as usize + 1);
        this.components.resize_with(count + 1, Component::default);
        for (link, &capacity) in capacities.iter().enumerate() {
            let component = component_of[link];
            this.components[component as usize].links.push(link as u32);
            this.links.push(Link { capacity, demand: 0, watched: false, component });
        }
        for (route, links) in routes.iter().enumerate() {
            // Routes without links are a component of their own, in which nobody shares.
            let component = links.first().map_or(count as u32, |&link| component_of[link as usize]);
            this.components[component as usize].routes.push(route as u32);
            let start = this.crossed.len() as u32;
            this.crossed.extend(links);
            let links = (start, this.crossed.len() as u32);
            this.routes.push(Route { links, component, crossing: 0 });
        }
        for component in &mut this.components {
            component.crossings.push(0);
        }
        this
    }

    /// The value of a group's clock now.
    pub(super) fn value(&self, core: &Core, group: u32) -> Mark {
        let group = &core.groups[group as usize];
        let clock = self.classes[group.home as usize].clock;
        core.clocks[clock as usize].at(core.now) + group.offset
    }

    /// The clock on which a group rides.
    pub(super) fn clock(&self, core: &Core, group: u32) -> u32 {
        self.classes[core.groups[group as usize].home as usize].clock
    }

    /// Gives a group that has just been made its class.
    pub(super) fn adopt(&mut self, core: &mut Core, group: u32) {
        let (route, cap) = (core.groups[group as usize].route, core.groups[group as usize].cap);
        let Route { links: (start, end), component, crossing } = self.routes[route as usize];
        let links = &self.crossed[start as usize..end as usize];
        if let Some(near) = core.groups[group as usize].near.get_mut(..links.len()) {
            near.copy_from_slice(links);
        }
        let class = self.class(core, component, cap, crossing);
        core.groups[group as usize].home = class;
        self.classes[class as usize].groups += 1;
        let list = &mut self.components[component as usize].groups;
        if self.listed.len() <= group as usize {
            self.listed.resize(group as usize + 1, NONE);
        }
        self.listed[group as usize] = list.len() as u32;
        list.push(group);
    }

    /// Forgets a group that is empty.
    pub(super) fn disown(&mut self, core: &mut Core, group: u32) {
        let (route, home) = (core.groups[group as usize].route, core.groups[group as usize].home);
        let component = self.routes[route as usize].component;
        let list = &mut self.components[component as usize].groups;
        let place = self.listed[group as usize];
        list.swap_remove(place as usize);
        if let Some(&moved) = list.get(place as usize) {
            self.listed[moved as usize] = place;
        }
        let class = &mut self.classes[home as usize];
        class.groups -= 1;
        if class.groups == 0 {
            core.drop_clock(class.clock);
            let key = (class.cap, class.crossing);
            let place = self.place(component, key).expect("a class is listed");
            self.components[component as usize].classes.remove(place);
            self.vacant.push(home);
        }
    }

    /// Where a class stands in its component, or would stand.
    fn place(&self, component: u32, key: (u64, u32)) -> Result<usize, usize> {
        self.components[component as usize].classes.binary_search_by_key(&key, |&class| {
            let class = &self.classes[class as usize];
            (class.cap, class.crossing)
        })
    }

    /// Finds or makes a class.
    fn class(&mut self, core: &mut Core, component: u32, cap: u64, crossing: u32) -> u32 {
        let place = match self.place(component, (cap, crossing)) {
            Ok(place) => return self.components[component as usize].classes[place],
            Err(place) => place,
        };
        let index = self.vacant.pop().unwrap_or(self.classes.len() as u32);
        let clock = core.new_clock(Owner::Class(index), 0);
        if index as usize == self.classes.len() {
            let (n, groups, redate, next) = (0, 0, false, KeyHeap::default());
            self.classes.push(Class { cap, crossing, n, groups, clock, redate, next });
        } else {
            let class = &mut self.classes[index as usize];
            (class.cap, class.crossing, class.clock) = (cap, crossing, clock);
            (class.n, class.groups, class.redate) = (0, 0, false);
        }
        self.components[component as usize].classes.insert(place, index);
        index
    }

    /// Reckons with `count` flows more in a group they have entered.
    pub(super) fn joined(&mut self, core: &mut Core, group: u32, count: u32) {
        let state = &core.groups[group as usize];
        let more = u128::from(state.cap) * u128::from(count);
        let mut component = self.components.len() as u32 - 1;
        let mut over = false;
        for &link in crossed(&self.crossed, &self.routes, state) {
            let link = &mut self.links[link as usize];
            link.demand += more;
            component = link.component;
            over |= !link.watched && link.demand > u128::from(link.capacity);
        }
        self.components[component as usize].stale |= over;
        self.classes[state.home as usize].n += u64::from(count);
        self.changed(core, group, component);
    }

    /// Reckons with `count` flows less in a group they have left.
    pub(super) fn left(&mut self, core: &mut Core, group: u32, count: u32) {
        let state = &core.groups[group as usize];
        let less = u128::from(state.cap) * u128::from(count);
        let mut component = self.components.len() as u32 - 1;
        let mut idle = false;
        for &link in crossed(&self.crossed, &self.routes, state) {
            let link = &mut self.links[link as usize];
            link.demand -= less;
            component = link.component;
            idle |= link.watched && 2 * link.demand < u128::from(link.capacity);
        }
        if idle {
            // A link on the edge must not be let go time and again, as that costs a look at all
            // groups: so it happens far below the capacity, and after as many events.
            let state = &mut self.components[component as usize];
            state.stale |= state.age > state.routes.len() + state.groups.len();
        }
        self.classes[state.home as usize].n -= u64::from(count);
        self.changed(core, group, component);
    }

    /// Brings the first mark of a group to its class, and has the component settled if needed.
    fn changed(&mut self, core: &mut Core, group: u32, component: u32) {
        let offset = core.groups[group as usize].offset;
        let first = core.first_mark(group).map(|mark| Packed::from(mark - offset));
        let class = &mut self.classes[core.groups[group as usize].home as usize];
        if class.crossing == 0 {
            // An idle clock stands still: it could run out of numbers.
            let rate = if class.n > 0 { Share::whole(class.cap).rate() } else { Rate::STILL };
            core.pace(class.clock, rate);
        }
        let before = class.next.top().map(|(key, _)| key);
        class.next.put(&mut self.places, group | GROUP, first);
        let after = class.next.top().map(|(key, _)| key);
        if before != after {
            core.redate(class.clock, after.map(Mark::from));
        }
        let state = &mut self.components[component as usize];
        state.age += 1;
        if class.crossing > 0 || state.stale {
            self.mark(component);
        }
    }

    fn mark(&mut self, component: u32) {
        let state = &mut self.components[component as usize];
        if !state.dirty {
            state.dirty = true;
            self.dirty.push(component);
        }
    }

    pub(super) fn set_capacity(&mut self, link: u32, capacity: u64) {
        let link = &mut self.links[link as usize];
        link.capacity = capacity;
        let component = link.component;
        self.components[component as usize].stale = true;
        self.mark(component);
    }

    /// A flow, and its group, that is due first on the clock of a class.
    pub(super) fn first(&self, core: &Core, class: u32) -> Option<u32> {
        let (_, group) = self.classes[class as usize].next.top()?;
        core.groups[(group & !GROUP) as usize].top().map(|(_, flow)| flow)
    }

    /// Finds the rates of all components that have changed.
    pub(super) fn settle(&mut self, core: &mut Core) {
        while let Some(component) = self.dirty.pop() {
            let state = &mut self.components[component as usize];
            state.dirty = false;
            if std::mem::take(&mut state.stale) {
                self.watch(core, component);
            }
            self.fill(core, component);
        }
    }

    /// Finds what must be watched, and classes anew if that has changed.
    fn watch(&mut self, core: &mut Core, component: u32) {
        let state = &mut self.components[component as usize];
        let mut watched = state.links.clone();
        watched.retain(|&link| {
            let Link { capacity, demand, watched, .. } = self.links[link as usize];
            demand > u128::from(capacity) || watched && 2 * demand >= u128::from(capacity)
        });
        if watched == state.watched {
            return;
        }
        for &link in &state.watched {
            self.links[link as usize].watched = false;
        }
        let mut place = BTreeMap::new();
        for (index, &link) in watched.iter().enumerate() {
            self.links[link as usize].watched = true;
            place.insert(link, index as u32);
        }
        state.watched = watched;
        state.crossings.clear();
        state.crossings.push(0);
        let mut known = BTreeMap::from([(Vec::new(), 0)]);
        for &route in &state.routes {
            let route = &mut self.routes[route as usize];
            let links = &self.crossed[route.links.0 as usize..route.links.1 as usize];
            let mut crossed: Vec<u32> =
                links.iter().filter_map(|link| place.get(link).copied()).collect();
            crossed.sort_unstable();
            route.crossing = *known.entry(crossed).or_insert_with_key(|crossed| {
                let start = state.crossings.len() as u32;
                state.crossings.push(crossed.len() as u32);
                state.crossings.extend(crossed);
                start
            });
        }
        state.age = 0;
        self.reclass(core, component);
    }

    /// Moves all groups of a component to the classes where they belong now.
    fn reclass(&mut self, core: &mut Core, component: u32) {
        let groups = std::mem::take(&mut self.components[component as usize].groups);
        let mut values = Vec::with_capacity(groups.len());
        for &group in &groups {
            values.push(self.value(core, group));
            let class = core.groups[group as usize].home;
            self.classes[class as usize].next.put(&mut self.places, group | GROUP, None);
        }
        for class in std::mem::take(&mut self.components[component as usize].classes) {
            core.drop_clock(self.classes[class as usize].clock);
            self.vacant.push(class);
        }
        for (&group, value) in groups.iter().zip(values) {
            let (route, cap) = (core.groups[group as usize].route, core.groups[group as usize].cap);
            let crossing = self.routes[route as usize].crossing;
            let name = self.class(core, component, cap, crossing);
            let class = &mut self.classes[name as usize];
            let offset = value - core.clocks[class.clock as usize].at(core.now);
            core.groups[group as usize].home = name;
            core.groups[group as usize].offset = offset;
            class.n += u64::from(core.groups[group as usize].n);
            class.groups += 1;
            let first = core.first_mark(group).map(|mark| Packed::from(mark - offset));
            class.next.put(&mut self.places, group | GROUP, first);
            class.redate = true;
        }
        self.components[component as usize].groups = groups;
    }

    /// Progressive filling: the tightest link or cap decides, again and again.
    fn fill(&mut self, core: &mut Core, component: u32) {
        let Self { components, classes, links, scratch, .. } = self;
        let state = &components[component as usize];
        scratch.links.clear();
        scratch.open.clear();
        for &link in &state.watched {
            scratch.links.push((Share::whole(links[link as usize].capacity), 0));
        }
        for &name in &state.classes {
            let class = &classes[name as usize];
            if class.crossing > 0 && class.n > 0 {
                scratch.open.push(name);
                for &link in set(&state.crossings, class.crossing) {
                    scratch.links[link as usize].1 += class.n;
                }
            } else {
                let cap = if class.n > 0 { class.cap } else { 0 };
                finish(core, &mut classes[name as usize], Share::whole(cap));
            }
        }
        while let Some(&first) = scratch.open.first() {
            let (share, link) = tightest(&scratch.links).expect("an open class crosses a link");
            let cap = Share::whole(classes[first as usize].cap);
            let capped = cap.compare(share) != Ordering::Greater;
            let share = if capped { cap } else { share };
            if scratch.open.len() == 1 {
                // Nobody is left to whom it would matter what is left.
                finish(core, &mut classes[first as usize], share);
                break;
            }
            let residual = &mut scratch.links;
            scratch.open.retain(|&name| {
                let class = &mut classes[name as usize];
                let crossed = set(&state.crossings, class.crossing);
                let decided = if capped { name == first } else { crossed.contains(&link) };
                if decided {
                    for &link in crossed {
                        let (left, open) = &mut residual[link as usize];
                        *left = left.less(share, class.n);
                        *open -= class.n;
                    }
                    finish(core, class, share);
                }
                !decided
            });
        }
    }

    pub(super) fn heap_bytes(&self) -> usize {
        let classes: usize = self.classes.iter().map(|class| class.next.heap_bytes()).sum();
        classes
            + 4 * self.crossed.capacity()
            + self.links.capacity() * size_of::<Link>()
            + self.routes.capacity() * size_of::<Route>()
            + self.classes.capacity() * size_of::<Class>()
            + self.components.capacity() * size_of::<Component>()
            + self.places.heap_bytes()
            + 4 * self.listed.capacity()
    }
}

/// The links that a group crosses.
fn crossed<'a>(all: &'a [u32], routes: &[Route], group: &'a Group) -> &'a [u32] {
    match group.near.iter().position(|&link| link == NONE) {
        Some(0) => {
            let (start, end) = routes[group.route as usize].links;
            &all[start as usize..end as usize]
        }
        Some(end) => &group.near[..end],
        None => &group.near,
    }
}

/// A set of watched links.
fn set(crossings: &[u32], crossing: u32) -> &[u32] {
    let (len, sets) = crossings[crossing as usize..].split_first().expect("a set has a length");
    &sets[..*len as usize]
}

/// The watched link with the smallest share for each flow that is still open.
fn tightest(links: &[(Share, u64)]) -> Option<(Share, u32)> {
    let mut best = None;
    for (link, &(left, open)) in links.iter().enumerate() {
        if open == 0 {
            continue;
        }
        let share = left.dealt(open);
        if best.is_none_or(|(least, _)| share.compare(least) == Ordering::Less) {
            best = Some((share, link as u32));
        }
    }
    best
}

/// Gives a class its rate, if it has a new one, and dates its clock if anything changed.
fn finish(core: &mut Core, class: &mut Class, share: Share) {
    let rate = share.rate();
    let redate = std::mem::take(&mut class.redate);
    if redate || core.clocks[class.clock as usize].rate != rate {
        core.pace(class.clock, rate);
        core.redate(class.clock, class.next.top().map(|(key, _)| key.into()));
    }
}
