//! Max-min fairness on trees in amortised logarithmic time: virtual clocks nest as the links do.
//!
//! A link is *free* if it is the one that holds back the flows that move at its clock: its level
//! (capacity left over by what is full below it, divided by those flows) is below its parent's.
//! Else it *rides* on its parent's clock at a fixed offset, and nothing of it changes when the
//! parent's rate does. Groups are leaves: free at their private cap, or riding. Each link keeps
//! three ordered sets of its children, each answering for all that rides below it:
//!
//! * `fills`: the level at which the first rider below would be full (and so become free);
//! * `frees`: the highest level of a free child below (which rides again once that is above ours);
//! * `next`: the first finish mark below, on this link's clock.
//!
//! An arrival or departure updates these up to the free link it rides on, whose level then shows
//! which links change sides; usually none does. Levels are compared as exact rationals.

use super::clock::{Mark, Owner, Rate};
use super::core::Core;
use super::heap::{GROUP, KeyHeap, NONE, Packed, Places};
use super::share::{Falling, Level};

#[derive(Clone, Debug)]
struct Link {
    parent: u32,
    capacity: u64,
    /// What free children below take for themselves [bit/s]: their capacities, or caps.
    taken: i128,
    /// Flows that move at this link's clock.
    n: u64,
    /// Its clock if it is free, else [`NONE`].
    clock: u32,
    /// Its value minus its parent's if it rides.
    offset: Mark,
    dirty: bool,
    fills: KeyHeap<Level>,
    frees: KeyHeap<Falling>,
    next: KeyHeap<Packed>,
}

impl Link {
    fn level(&self) -> Level {
        Level::new(i128::from(self.capacity) - self.taken, self.n)
    }

    /// The level at which it, or what rides below it, would be full.
    fn fills_at(&self) -> Level {
        let own = self.level();
        match self.fills.top() {
            Some((below, _)) if below.below(own) => below,
            _ => own,
        }
    }
}

/// The solver for components that are trees.
#[derive(Clone, Debug, Default)]
pub(super) struct Tree {
    links: Vec<Link>,
    /// The link at which each route enters.
    leaves: Vec<u32>,
    fill_places: Places,
    free_places: Places,
    next_places: Places,
    dirty: Vec<u32>,
}

impl Tree {
    /// Takes all links and routes; those that belong to no tree cost it little.
    pub(super) fn new(
        core: &mut Core,
        capacities: &[u64],
        routes: &[Vec<u32>],
        parents: &[u32],
    ) -> Self {
        let mut this = Self::default();
        for (link, &capacity) in capacities.iter().enumerate() {
            let parent = parents[link];
            let owner = Owner::Link(link as u32);
            let clock = if parent == NONE { core.new_clock(owner, 0) } else { NONE };
            this.links.push(Link {
                parent,
                capacity,
                taken: 0,
                n: 0,
                clock,
                offset: 0,
                dirty: false,
                fills: KeyHeap::default(),
                frees: KeyHeap::default(),
                next: KeyHeap::default(),
            });
        }
        this.leaves = routes.iter().map(|links| links.first().copied().unwrap_or(NONE)).collect();
        this
    }

    /// The link above a link or a group.
    fn parent(&self, core: &Core, member: u32) -> u32 {
        if member & GROUP == 0 {
            return self.links[member as usize].parent;
        }
        self.leaves[core.groups[(member & !GROUP) as usize].route as usize]
    }

    /// The clock on which a link moves, and its value minus that clock's.
    fn ride(&self, mut link: u32) -> (u32, Mark) {
        let mut offset = 0;
        loop {
            let state = &self.links[link as usize];
            if state.clock != NONE {
                return (state.clock, offset);
            }
            offset += state.offset;
            link = state.parent;
        }
    }

    fn link_value(&self, core: &Core, link: u32) -> Mark {
        let (clock, offset) = self.ride(link);
        core.clocks[clock as usize].at(core.now) + offset
    }

    /// The clock on which a group moves.
    pub(super) fn clock(&self, core: &Core, group: u32) -> u32 {
        let state = &core.groups[group as usize];
        if state.home == NONE { self.ride(self.leaves[state.route as usize]).0 } else { state.home }
    }

    /// The value of a group's clock now.
    pub(super) fn value(&self, core: &Core, group: u32) -> Mark {
        let state = &core.groups[group as usize];
        if state.home == NONE {
            return self.link_value(core, self.leaves[state.route as usize]) + state.offset;
        }
        core.clocks[state.home as usize].at(core.now)
    }

    /// Reckons with `count` flows more in a group they have entered.
    pub(super) fn joined(&mut self, core: &mut Core, group: u32, count: u32) {
        self.moved(core, group, i128::from(count));
    }

    /// Reckons with `count` flows less in a group they have left.
    pub(super) fn left(&mut self, core: &mut Core, group: u32, count: u32) {
        self.moved(core, group, -i128::from(count));
    }

    fn moved(&mut self, core: &mut Core, group: u32, more: i128) {
        let state = &core.groups[group as usize];
        let (home, cap, empty) = (state.home, i128::from(state.cap), state.n == 0);
        let leaf = self.leaves[state.route as usize];
        if home == NONE {
            self.refresh(core, group | GROUP);
            self.change(core, leaf, 0, more);
            return;
        }
        if empty {
            // An empty group rides: its next flow will find out whether that is right.
            core.drop_clock(home);
            let state = &mut core.groups[group as usize];
            (state.home, state.offset) = (NONE, 0);
            self.refresh(core, group | GROUP);
        } else {
            core.redate(home, core.first_mark(group));
        }
        self.change(core, leaf, cap * more, 0);
    }

    pub(super) fn set_capacity(&mut self, core: &mut Core, link: u32, capacity: u64) {
        let state = &mut self.links[link as usize];
        let more = i128::from(capacity) - i128::from(state.capacity);
        state.capacity = capacity;
        let (free, parent) = (state.clock != NONE, state.parent);
        self.change(core, link, 0, 0);
        if free && parent != NONE {
            self.change(core, parent, more, 0);
        }
    }

    /// The flow that is due first on the clock of a link.
    pub(super) fn first(&self, core: &Core, mut link: u32) -> Option<u32> {
        loop {
            let (_, member) = self.links[link as usize].next.top()?;
            if member & GROUP != 0 {
                return core.groups[(member & !GROUP) as usize].top().map(|(_, flow)| flow);
            }
            link = member;
        }
    }

    /// Dates the clock of a free link by its present rate.
    pub(super) fn redate(&self, core: &mut Core, link: u32) {
        let state = &self.links[link as usize];
        core.redate(state.clock, state.next.top().map(|(key, _)| key.into()));
    }

    /// Changes what moves below a link, in it and all it rides on.
    fn change(&mut self, core: &mut Core, mut link: u32, taken: i128, n: i128) {
        loop {
            let state = &mut self.links[link as usize];
            state.taken += taken;
            state.n = state.n.checked_add_signed(n as i64).expect("no flow leaves twice");
            if state.clock != NONE {
                self.touch(core, link);
                return;
            }
            self.refresh(core, link);
            link = self.links[link as usize].parent;
        }
    }

    /// Brings a free link's clock to this instant, for its rate will change.
    fn touch(&mut self, core: &mut Core, link: u32) {
        let state = &mut self.links[link as usize];
        core.clocks[state.clock as usize].anchor(core.now);
        if !state.dirty {
            state.dirty = true;
            self.dirty.push(link);
        }
    }

    /// Brings what a child says of itself to the ordered sets of its parent.
    fn refresh(&mut self, core: &Core, member: u32) {
        let parent = self.parent(core, member);
        let (fills, frees, next) = if member & GROUP != 0 {
            let group = &core.groups[(member & !GROUP) as usize];
            let level = (group.n > 0).then(|| Level::new(i128::from(group.cap), 1));
            let first = group.top().map(|(mark, _)| mark - group.offset);
            if group.home == NONE { (level, None, first) } else { (None, level, None) }
        } else {
            let state = &self.links[member as usize];
            if state.clock == NONE {
                let fills = Some(state.fills_at()).filter(|level| !level.is_infinite());
                let next = state.next.top().map(|(key, _)| Mark::from(key) - state.offset);
                (fills, state.frees.top().map(|(key, _)| key.0), next)
            } else {
                (None, Some(state.level()), None)
            }
        };
        let parent = &mut self.links[parent as usize];
        parent.fills.put(&mut self.fill_places, member, fills);
        parent.frees.put(&mut self.free_places, member, frees.map(Falling));
        parent.next.put(&mut self.next_places, member, next.map(Packed::from));
    }

    /// Finds the rates of all free links that have changed.
    pub(super) fn settle(&mut self, core: &mut Core) {
        while let Some(link) = self.dirty.pop() {
            // It may ride by now, in which case another link answers for it.
            if self.links[link as usize].clock != NONE {
                self.settle_link(core, link);
            }
            self.links[link as usize].dirty = false;
        }
    }

    fn settle_link(&mut self, core: &mut Core, link: u32) {
        // Each turn raises the level of this link, so that there is an end.
        let level = loop {
            let state = &self.links[link as usize];
            let level = state.level();
            let full = state.fills.top().filter(|(fills, _)| fills.below(level));
            let freed = state.frees.top().filter(|(frees, _)| level.below(frees.0));
            if let Some((_, member)) = full {
                let member = self.fullest(member);
                self.set_free(core, member);
            } else if let Some((_, member)) = freed {
                let member = self.highest(core, member);
                self.set_riding(core, member);
            } else {
                break level;
            }
        };
        let state = &mut self.links[link as usize];
        core.pace(state.clock, level.rate());
        let (clock, parent) = (state.clock, state.parent);
        core.redate(clock, state.next.top().map(|(key, _)| key.into()));
        if parent != NONE {
            self.report(core, link, level);
        }
    }

    /// Informs the link on whose clock the parent moves at which level this free link is now.
    fn report(&mut self, core: &mut Core, link: u32, level: Level) {
        self.refresh(core, link);
        let mut above = self.links[link as usize].parent;
        while self.links[above as usize].clock == NONE {
            self.refresh(core, above);
            above = self.links[above as usize].parent;
        }
        if self.links[above as usize].level().below(level) {
            self.touch(core, above);
        }
    }

    /// Which rider it is, of a child or below it, that is full first.
    fn fullest(&self, mut member: u32) -> u32 {
        while member & GROUP == 0 {
            let state = &self.links[member as usize];
            match state.fills.top() {
                Some((fills, below)) if fills.below(state.level()) => member = below,
                _ => break,
            }
        }
        member
    }

    /// Which free link or group it is, of a child or below it, that has the highest level.
    fn highest(&self, core: &Core, mut member: u32) -> u32 {
        while member & GROUP == 0 && self.links[member as usize].clock == NONE {
            member = self.links[member as usize].frees.top().expect("it has reported one").1;
        }
        debug_assert!(member & GROUP == 0 || core.groups[(member & !GROUP) as usize].home != NONE);
        member
    }

    /// A rider becomes free: from now on it is what holds back those who move at its clock.
    fn set_free(&mut self, core: &mut Core, member: u32) {
        let parent = self.parent(core, member);
        let above = self.link_value(core, parent);
        if member & GROUP != 0 {
            let group = member & !GROUP;
            let state = &core.groups[group as usize];
            let (cap, n) = (state.cap, i128::from(state.n));
            let clock = core.new_clock(Owner::Group(group), above + state.offset);
            core.groups[group as usize].home = clock;
            core.pace(clock, Rate::new(cap, 1));
            core.redate(clock, core.first_mark(group));
            self.refresh(core, member);
            self.change(core, parent, i128::from(cap) * n, -n);
        } else {
            let state = &mut self.links[member as usize];
            let taken = i128::from(state.capacity) - state.taken;
            let n = i128::from(state.n);
            state.clock = core.new_clock(Owner::Link(member), above + state.offset);
            self.touch(core, member);
            self.refresh(core, member);
            self.change(core, parent, taken, -n);
        }
    }

    /// A free link or group rides again on its parent's clock.
    fn set_riding(&mut self, core: &mut Core, member: u32) {
        let parent = self.parent(core, member);
        let above = self.link_value(core, parent);
        let (clock, taken, n) = if member & GROUP != 0 {
            let state = &mut core.groups[(member & !GROUP) as usize];
            let clock = std::mem::replace(&mut state.home, NONE);
            state.offset = core.clocks[clock as usize].at(core.now) - above;
            let n = i128::from(state.n);
            (clock, -i128::from(state.cap) * n, n)
        } else {
            let state = &mut self.links[member as usize];
            let clock = std::mem::replace(&mut state.clock, NONE);
            state.offset = core.clocks[clock as usize].at(core.now) - above;
            (clock, state.taken - i128::from(state.capacity), i128::from(state.n))
        };
        core.drop_clock(clock);
        self.refresh(core, member);
        self.change(core, parent, taken, n);
    }

    pub(super) fn heap_bytes(&self) -> usize {
        let links = self
            .links
            .iter()
            .map(|link| link.fills.heap_bytes() + link.frees.heap_bytes() + link.next.heap_bytes());
        links.sum::<usize>()
            + self.links.capacity() * size_of::<Link>()
            + self.fill_places.heap_bytes()
            + self.free_places.heap_bytes()
            + self.next_places.heap_bytes()
            + 4 * self.leaves.capacity()
    }
}
