//! Max-min fairness where any part may send to any other: many routes, of which few are in use.
//!
//! Each group runs on a clock of its own. A link is *contended* while the caps of its flows add up
//! to more than it carries; no other link holds anybody back. An event can change the rates only of
//! groups that a chain of contended links joins to the one it happened to, so only these are filled
//! anew, progressively and exactly. Routes may be added at any time.

use std::cmp::Ordering;
use std::ops::Range;

use super::clock::{Mark, Owner, Rate};
use super::core::Core;
use super::heap::{Key, KeyHeap, NONE, Places};
use super::share::Share;

#[derive(Clone, Debug)]
struct Link {
    capacity: u64,
    /// What its flows would take if only their caps held them back (bit/s).
    demand: u128,
    /// Whether that was more than it carries when it was settled last.
    contended: bool,
    dirty: bool,
    /// Groups that have flows on it; each with which link of its route this one is.
    groups: Vec<(u32, u32)>,
    /// The filling that it takes part in.
    round: u64,
    /// In that filling: what is left of it, and flows whose rate is open.
    left: Share,
    open: u64,
    /// Flows that have been given a rate which `left` and `open` do not reckon with yet.
    taken: u64,
}

/// What the mesh knows of a group, besides what all solvers know.
#[derive(Clone, Debug, Default)]
struct Member {
    /// Where it stands in the list of each link of its route.
    places: Vec<u32>,
    /// The filling that has reached it, and the one that has given it a rate.
    reached: u64,
    decided: u64,
}

/// The least share is on top.
#[derive(Clone, Copy, Debug)]
struct Least(Share);

impl Key for Least {
    fn before(&self, other: &Self) -> bool {
        self.0.compare(other.0) == Ordering::Less
    }
}

/// The solver for fabrics in which any part may send to any other.
#[derive(Clone, Debug, Default)]
pub(super) struct Mesh {
    links: Vec<Link>,
    /// Of each route, its links: half-open places in `crossed`.
    routes: Vec<(u32, u32)>,
    crossed: Vec<u32>,
    members: Vec<Member>,
    /// Links and groups that have changed since the last filling.
    dirty: Vec<u32>,
    changed: Vec<u32>,
    round: u64,
    /// The groups of a filling, and its contended links with their shares.
    reached: Vec<u32>,
    narrow: Vec<u32>,
    /// Links with flows taken and not reckoned with.
    drawn: Vec<u32>,
    shares: KeyHeap<Least>,
    places: Places,
}

impl Mesh {
    /// These links, and no routes yet.
    pub(super) fn new(capacities: &[u64]) -> Self {
        let link = |&capacity: &u64| Link {
            capacity,
            demand: 0,
            contended: false,
            dirty: false,
            groups: Vec::new(),
            round: 0,
            left: Share::whole(0),
            open: 0,
            taken: 0,
        };
        Self { links: capacities.iter().map(link).collect(), ..Self::default() }
    }

    /// Adds the next route. O(its links).
    pub(super) fn add_route(&mut self, links: &[u32]) {
        let start = self.crossed.len() as u32;
        self.crossed.extend(links);
        self.routes.push((start, self.crossed.len() as u32));
    }

    /// The value of a group's clock now.
    pub(super) fn value(core: &Core, group: u32) -> Mark {
        core.clocks[Self::clock(core, group) as usize].at(core.now)
    }

    /// The clock of a group.
    pub(super) fn clock(core: &Core, group: u32) -> u32 {
        core.groups[group as usize].home
    }

    /// Gives a group that has just been made its clock.
    pub(super) fn adopt(&mut self, core: &mut Core, group: u32) {
        core.groups[group as usize].home = core.new_clock(Owner::Group(group), 0);
        if self.members.len() <= group as usize {
            self.members.resize_with(group as usize + 1, Member::default);
        }
    }

    /// Forgets a group that is empty.
    pub(super) fn disown(core: &mut Core, group: u32) {
        core.drop_clock(Self::clock(core, group));
    }

    /// The links of a group's route: places in `crossed`.
    fn links_of(&self, core: &Core, group: u32) -> Range<usize> {
        let (start, end) = self.routes[core.groups[group as usize].route as usize];
        start as usize..end as usize
    }

    /// Reckons with `count` flows more in a group they have entered. O(links of its route).
    pub(super) fn joined(&mut self, core: &mut Core, group: u32, count: u32) {
        let state = &core.groups[group as usize];
        let more = u128::from(state.cap) * u128::from(count);
        let is_first = state.n == count;
        for (number, place) in (0..).zip(self.links_of(core, group)) {
            let link = &mut self.links[self.crossed[place] as usize];
            link.demand += more;
            if is_first {
                self.members[group as usize].places.push(link.groups.len() as u32);
                link.groups.push((group, number));
            }
        }
        self.touch(core, group);
    }

    /// Reckons with `count` flows less in a group they have left. O(links of its route).
    pub(super) fn left(&mut self, core: &mut Core, group: u32, count: u32) {
        let state = &core.groups[group as usize];
        let less = u128::from(state.cap) * u128::from(count);
        let is_empty = state.n == 0;
        for (number, place) in self.links_of(core, group).enumerate() {
            let link = &mut self.links[self.crossed[place] as usize];
            link.demand -= less;
            if is_empty {
                let place = self.members[group as usize].places[number];
                link.groups.swap_remove(place as usize);
                if let Some(&(moved, number)) = link.groups.get(place as usize) {
                    self.members[moved as usize].places[number as usize] = place;
                }
            }
        }
        if is_empty {
            self.members[group as usize].places.clear();
            // An idle clock stands still: it could run out of numbers.
            core.pace(Self::clock(core, group), Rate::STILL);
        }
        self.touch(core, group);
    }

    /// A group and the links of its route have changed.
    fn touch(&mut self, core: &mut Core, group: u32) {
        for place in self.links_of(core, group) {
            self.touch_link(self.crossed[place]);
        }
        self.changed.push(group);
        core.redate(Self::clock(core, group), core.first_mark(group));
    }

    fn touch_link(&mut self, link: u32) {
        if !std::mem::replace(&mut self.links[link as usize].dirty, true) {
            self.dirty.push(link);
        }
    }

    pub(super) fn set_capacity(&mut self, link: u32, capacity: u64) {
        self.links[link as usize].capacity = capacity;
        self.touch_link(link);
    }

    /// Finds the rates that may have changed. O(m log m) for the m groups, with the links of their
    /// routes, that contended links join to what has changed.
    pub(super) fn settle(&mut self, core: &mut Core) {
        if self.dirty.is_empty() && self.changed.is_empty() {
            return;
        }
        self.round += 1;
        self.reach_all(core);
        self.fill(core);
    }

    /// Finds the groups whose rates may have changed, and the contended links between them.
    fn reach_all(&mut self, core: &Core) {
        self.reached.clear();
        self.narrow.clear();
        for index in 0..self.dirty.len() {
            let link = self.dirty[index];
            let state = &mut self.links[link as usize];
            state.dirty = false;
            let contended = state.demand > u128::from(state.capacity);
            // One that is contended no more lets its groups go.
            if std::mem::replace(&mut state.contended, contended) || contended {
                self.reach_link(link);
            }
        }
        self.dirty.clear();
        for index in 0..self.changed.len() {
            let group = self.changed[index];
            let state = &core.groups[group as usize];
            if state.route != NONE && state.n > 0 {
                self.reach(group);
            }
        }
        self.changed.clear();
        let mut next = 0;
        while let Some(&group) = self.reached.get(next) {
            next += 1;
            for place in self.links_of(core, group) {
                let link = self.crossed[place];
                let state = &mut self.links[link as usize];
                if !state.contended {
                    continue;
                }
                let is_new = state.round < self.round;
                if is_new {
                    (state.left, state.open) = (Share::whole(state.capacity), 0);
                    state.round = self.round;
                }
                state.open += u64::from(core.groups[group as usize].n);
                if is_new {
                    self.narrow.push(link);
                    self.reach_link(link);
                }
            }
        }
    }

    fn reach_link(&mut self, link: u32) {
        for index in 0..self.links[link as usize].groups.len() {
            self.reach(self.links[link as usize].groups[index].0);
        }
    }

    fn reach(&mut self, group: u32) {
        let member = &mut self.members[group as usize];
        if std::mem::replace(&mut member.reached, self.round) < self.round {
            self.reached.push(group);
        }
    }

    /// Progressive filling: the tightest link or cap decides, again and again.
    fn fill(&mut self, core: &mut Core) {
        for &link in &self.narrow {
            let Link { left, open, .. } = self.links[link as usize];
            self.shares.put(&mut self.places, link, Some(Least(left.dealt(open))));
        }
        let cap_of = |group: u32| core.groups[group as usize].cap;
        let mut caps = self.reached.iter().map(|&group| cap_of(group));
        let first = caps.next();
        // One cap for all, as on like nodes, leaves nothing to sort.
        if caps.any(|cap| Some(cap) != first) {
            self.reached.sort_unstable_by_key(|&group| (cap_of(group), group));
        }
        let mut next = 0;
        while let Some(&group) = self.reached.get(next) {
            if self.members[group as usize].decided == self.round {
                next += 1;
                continue;
            }
            let cap = core.groups[group as usize].cap;
            match self.shares.top() {
                Some((Least(share), link))
                    if share.compare(Share::whole(cap)) == Ordering::Less =>
                {
                    self.decide_link(core, link, share);
                }
                _ => self.decide_capped(core, next, cap),
            }
        }
    }

    /// All groups of a link that have no rate yet move at its share.
    fn decide_link(&mut self, core: &mut Core, link: u32, share: Share) {
        for index in 0..self.links[link as usize].groups.len() {
            let group = self.links[link as usize].groups[index].0;
            self.decide(core, group, share);
        }
        self.deal(share);
    }

    /// All groups of one cap, from the first that is given, that have no rate yet move at it. No
    /// link has less for each flow, and to give some of them so much leaves no less for others.
    fn decide_capped(&mut self, core: &mut Core, first: usize, cap: u64) {
        let share = Share::whole(cap);
        for index in first..self.reached.len() {
            let group = self.reached[index];
            if core.groups[group as usize].cap != cap {
                break;
            }
            self.decide(core, group, share);
        }
        self.deal(share);
    }

    /// A group moves at this rate, if it has none yet. Its links deal what is left of them later.
    fn decide(&mut self, core: &mut Core, group: u32, share: Share) {
        if std::mem::replace(&mut self.members[group as usize].decided, self.round) == self.round {
            return;
        }
        let n = u64::from(core.groups[group as usize].n);
        for place in self.links_of(core, group) {
            let link = self.crossed[place];
            let state = &mut self.links[link as usize];
            if state.round == self.round {
                if state.taken == 0 {
                    self.drawn.push(link);
                }
                state.taken += n;
            }
        }
        let (clock, rate) = (Self::clock(core, group), share.rate());
        if core.clocks[clock as usize].rate != rate {
            core.pace(clock, rate);
            core.redate(clock, core.first_mark(group));
        }
    }

    /// Takes a share for each flow that was given it from its links, once for all flows of a link
    /// and not for each, which spares most fractions and moves in the heap.
    fn deal(&mut self, share: Share) {
        for link in self.drawn.drain(..) {
            let state = &mut self.links[link as usize];
            let taken = std::mem::take(&mut state.taken);
            state.open -= taken;
            let open = state.open;
            if open > 0 {
                state.left = state.left.less(share, taken);
            }
            let share = (open > 0).then(|| Least(state.left.dealt(open)));
            self.shares.put(&mut self.places, link, share);
        }
    }

    pub(super) fn heap_bytes(&self) -> usize {
        let lists: usize = self.links.iter().map(|link| 8 * link.groups.capacity()).sum();
        let places: usize = self.members.iter().map(|member| 4 * member.places.capacity()).sum();
        lists
            + places
            + self.links.capacity() * size_of::<Link>()
            + self.members.capacity() * size_of::<Member>()
            + 8 * self.routes.capacity()
            + 4 * (self.crossed.capacity() + self.dirty.capacity() + self.changed.capacity())
            + 4 * (self.reached.capacity() + self.narrow.capacity() + self.drawn.capacity())
            + self.shares.heap_bytes()
            + self.places.heap_bytes()
    }
}
