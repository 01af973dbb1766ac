//! A file that goes to all nodes in pieces.
//!
//! A node that lacks pieces gets one at a time: in order, from the source or from the last node
//! before it that is up (a chain), or the rarest of those that somebody has who may send one more
//! (peers), as `BitTorrent` chooses (Cohen, "Incentives build robustness in `BitTorrent`", 2003). A
//! node keeps the pieces that it has while it is down, as they lie on its card.
//!
//! Of S bytes in pieces of c to n nodes over links of rate u, where nothing else is in the way, and
//! with a source of rate u as well:
//!
//! | method | time until all have it |
//! |---|---|
//! | source | n S / u |
//! | chain | (S + (n - 1) c) / u: the last node waits until a piece has come to it |
//! | peers | at least S / u (Kumar and Ross, "Peer-assisted file distribution", 2006) |
//!
//! Not modelled: who asks whom for what, writing to the card, unpacking.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Command, Input, Workload, end};
use crate::event::{TaskAct, TaskKind, What};
use crate::ids::{NodeId, Part, PartKind};
use crate::rng::Stream;
use crate::scenario::Scenario;
use crate::scenario::workloads::Placed;
use crate::scenario::workloads::rollout::{Method, Rollout as Table};
use crate::units::{Span, Time};

/// Whoever has pieces: a node by its place in the list, or the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Holder {
    Source,
    Node(u32),
}

/// A node that gets the file.
#[derive(Clone, Debug)]
struct Getter {
    up: bool,
    /// Bits of the pieces that it has.
    pieces: Vec<u64>,
    count: u32,
    /// What comes to it, and from whom.
    coming: Option<(u32, Holder)>,
    uploads: u32,
    /// Whether it has begun, and not been stopped since.
    begun: bool,
}

/// The progress of a rollout.
#[derive(Clone, Debug)]
pub struct Rollout {
    spec: Arc<Placed<Table>>,
    chance: Stream,
    begun: bool,
    source_up: bool,
    source_uploads: u32,
    getters: Vec<Getter>,
    /// Nodes that are up, lack pieces, and get none now.
    waiting: BTreeSet<u32>,
    /// How many nodes have each piece.
    copies: Vec<u32>,
    complete: u32,
}

fn bit(piece: u32) -> (usize, u64) {
    (piece as usize / 64, 1 << (piece % 64))
}

impl Getter {
    fn has(&self, piece: u32) -> bool {
        let (word, bit) = bit(piece);
        self.pieces[word] & bit != 0
    }
}

impl Rollout {
    /// That of a scenario, if it has one.
    #[must_use]
    pub fn of(scenario: &Scenario) -> Option<Self> {
        let spec = scenario.workloads.rollout.clone()?;
        let pieces = spec.table.pieces();
        let getter = Getter {
            up: false,
            pieces: vec![0; pieces.div_ceil(64) as usize],
            count: 0,
            coming: None,
            uploads: 0,
            begun: false,
        };
        Some(Self {
            chance: Stream::new(scenario.seed, "rollout"),
            begun: false,
            source_up: spec.part(0).kind == PartKind::Server,
            source_uploads: 0,
            getters: vec![getter; spec.nodes[0].len()],
            waiting: BTreeSet::new(),
            copies: vec![0; pieces as usize],
            complete: 0,
            spec,
        })
    }

    fn part(&self, holder: Holder) -> Part {
        match holder {
            Holder::Source => self.spec.part(0),
            Holder::Node(place) => end(self.spec.nodes[0][place as usize]),
        }
    }

    fn emit(&self, place: u32, act: TaskAct) -> Command {
        let (kind, node) = (TaskKind::Rollout, Some(self.spec.nodes[0][place as usize]));
        Command::Emit(What::Task { kind, number: place, act, node, span: Span::ZERO })
    }

    fn may_send(&self, holder: Holder) -> bool {
        let most = self.spec.table.uploads;
        match holder {
            Holder::Source => self.source_up && self.source_uploads < most,
            Holder::Node(place) => {
                let own = &self.getters[place as usize];
                own.up && own.uploads < most
            }
        }
    }

    fn count_upload(&mut self, holder: Holder, more: bool) {
        let uploads = match holder {
            Holder::Source => &mut self.source_uploads,
            Holder::Node(place) => &mut self.getters[place as usize].uploads,
        };
        *uploads = if more { *uploads + 1 } else { *uploads - 1 };
    }

    /// A node begins to get a piece.
    fn get(&mut self, place: u32, (piece, from): (u32, Holder), out: &mut Vec<Command>) {
        self.waiting.remove(&place);
        self.count_upload(from, true);
        let own = &mut self.getters[place as usize];
        own.coming = Some((piece, from));
        if !std::mem::replace(&mut own.begun, true) {
            out.push(self.emit(place, TaskAct::Begin));
        }
        let (from, to) = (self.part(from), self.part(Holder::Node(place)));
        let bytes = self.spec.table.size_of(piece);
        out.push(Command::Send { task: place.into(), from, to, bytes });
    }

    /// The last node before this one that is up, or the source.
    fn before(&self, place: u32) -> Holder {
        let up = (0..place).rev().find(|place| self.getters[*place as usize].up);
        up.map_or(Holder::Source, Holder::Node)
    }

    /// What this node could get from there now.
    fn wanted(&self, place: u32, from: Holder) -> Option<u32> {
        let own = &self.getters[place as usize];
        if self.spec.table.method != Method::Peers {
            let next = own.count;
            let there = match from {
                Holder::Source => true,
                Holder::Node(before) => self.getters[before as usize].count > next,
            };
            return there.then_some(next);
        }
        let pieces = 0..self.copies.len() as u32;
        if let Holder::Node(peer) = from
            && self.getters[peer as usize].count == 0
        {
            return None;
        }
        let there = |piece: &u32| match from {
            Holder::Source => true,
            Holder::Node(peer) => self.getters[peer as usize].has(*piece),
        };
        let mut chance = self.chance.draw(place.into(), own.count.into());
        let mut best: Option<(u32, u32)> = None;
        // Of those that are equally rare each has the same chance.
        let mut equal = 1_u64;
        for piece in pieces.filter(|piece| !own.has(*piece)).filter(there) {
            let copies = self.copies[piece as usize];
            match best {
                Some((_, least)) if copies > least => continue,
                Some((_, least)) if copies == least => {
                    equal += 1;
                    if chance.below(equal) > 0 {
                        continue;
                    }
                }
                _ => equal = 1,
            }
            best = Some((piece, copies));
        }
        best.map(|(piece, _)| piece)
    }

    /// A node that waits gets a piece if there is one for it. O(1); with peers O(nodes + pieces).
    fn serve(&mut self, place: u32, out: &mut Vec<Command>) {
        let all = self.getters.len() as u64;
        let from = match self.spec.table.method {
            Method::Source => vec![Holder::Source],
            Method::Chain => vec![self.before(place)],
            Method::Peers => {
                let count = self.getters[place as usize].count;
                let first = self.chance.draw(all + u64::from(place), count.into()).below(all);
                let peer = |step| Holder::Node(((first + step) % all) as u32);
                // The source last: it is the one that nobody can replace.
                (0..all).map(peer).chain([Holder::Source]).collect()
            }
        };
        for from in from {
            if from != Holder::Node(place)
                && self.may_send(from)
                && let Some(piece) = self.wanted(place, from)
            {
                self.get(place, (piece, from), out);
                return;
            }
        }
    }

    /// All that wait are served, as far as may be. O(nodes that wait).
    fn serve_all(&mut self, out: &mut Vec<Command>) {
        if self.begun {
            for place in self.waiting.clone() {
                self.serve(place, out);
            }
        }
    }

    /// One of these may send one more, or more pieces: those that it can serve are served.
    fn serve_from(&mut self, from: Holder, out: &mut Vec<Command>) {
        if self.spec.table.method == Method::Chain {
            // Only the next one gets anything from it.
            let first = if let Holder::Node(place) = from { place + 1 } else { 0 };
            let next = (first..self.getters.len() as u32).find(|it| self.getters[*it as usize].up);
            if let Some(next) = next.filter(|next| self.waiting.contains(next)) {
                self.serve(next, out);
            }
            return;
        }
        if self.spec.table.method == Method::Source && from != Holder::Source {
            return;
        }
        while self.may_send(from) {
            let wanted = |place: &u32| Some((*place, self.wanted(*place, from)?));
            let Some((place, piece)) = self.waiting.iter().find_map(wanted) else { return };
            self.get(place, (piece, from), out);
        }
    }

    fn arrived(&mut self, place: u32, out: &mut Vec<Command>) {
        let pieces = self.copies.len() as u32;
        let own = &mut self.getters[place as usize];
        let (piece, from) = own.coming.take().expect("it was on its way");
        let (word, bit) = bit(piece);
        own.pieces[word] |= bit;
        own.count += 1;
        self.copies[piece as usize] += 1;
        let is_complete = own.count == pieces;
        self.count_upload(from, false);
        if is_complete {
            self.complete += 1;
            out.push(self.emit(place, TaskAct::End));
            if self.complete as usize == self.getters.len() {
                out.push(Command::Finish);
                return;
            }
        } else {
            self.waiting.insert(place);
            self.serve(place, out);
        }
        self.serve_from(from, out);
        self.serve_from(Holder::Node(place), out);
    }

    /// What comes to a node comes no more; it waits, if it is up.
    fn stop(&mut self, place: u32, out: &mut Vec<Command>) {
        if let Some((_, from)) = self.getters[place as usize].coming.take() {
            self.count_upload(from, false);
            out.push(Command::Drop(place.into()));
        }
        if self.getters[place as usize].up {
            self.waiting.insert(place);
        }
    }

    /// Who a part is to the rollout, if anybody.
    fn holder(&self, part: Part) -> Option<Holder> {
        if part == self.spec.part(0) {
            return Some(Holder::Source);
        }
        let node = (part.kind == PartKind::Node).then_some(NodeId(part.index))?;
        let place = self.spec.nodes[0].binary_search(&node).ok()?;
        Some(Holder::Node(place as u32))
    }

    fn up(&mut self, part: Part, out: &mut Vec<Command>) {
        match self.holder(part) {
            Some(Holder::Source) => {
                self.source_up = true;
                self.serve_all(out);
            }
            Some(Holder::Node(place)) => {
                let own = &mut self.getters[place as usize];
                own.up = true;
                if own.count < self.copies.len() as u32 {
                    self.waiting.insert(place);
                }
                if self.begun {
                    self.serve_waiting(place, out);
                    self.serve_from(Holder::Node(place), out);
                }
            }
            None => {}
        }
    }

    fn serve_waiting(&mut self, place: u32, out: &mut Vec<Command>) {
        if self.waiting.contains(&place) {
            self.serve(place, out);
        }
    }

    /// Whoever gets something from it gets it from somewhere else.
    fn down(&mut self, part: Part, out: &mut Vec<Command>) {
        let Some(gone) = self.holder(part) else { return };
        if let Holder::Node(place) = gone {
            self.getters[place as usize].up = false;
            self.stop(place, out);
            self.waiting.remove(&place);
            let own = &mut self.getters[place as usize];
            if std::mem::take(&mut own.begun) && own.count < self.copies.len() as u32 {
                out.push(self.emit(place, TaskAct::Retry));
            }
        } else {
            self.source_up = false;
        }
        for place in 0..self.getters.len() as u32 {
            if self.getters[place as usize].coming.is_some_and(|(_, from)| from == gone) {
                self.stop(place, out);
            }
        }
        self.serve_all(out);
    }
}

impl Workload for Rollout {
    fn head(&self) -> Option<Part> {
        Some(self.spec.part(0))
    }

    /// O(pieces + nodes that wait) for each piece with peers, O(1) else.
    fn on(&mut self, _now: Time, input: Input, out: &mut Vec<Command>) {
        match input {
            Input::Begin => out.push(Command::Timer { at: self.spec.table.at, key: 0 }),
            Input::Timer(_) => {
                self.begun = true;
                self.serve_all(out);
            }
            Input::Begun(_) | Input::Stopped(_) | Input::CutOff(..) | Input::Partition(..) => {}
            Input::Done(task) => self.arrived(task as u32, out),
            Input::Lost(_) => unreachable!("whoever stops is down first, and sends nothing then"),
            Input::Up(node) => self.up(end(node), out),
            Input::Down(node) => self.down(end(node), out),
            Input::ServerUp(index) => self.up(Part { kind: PartKind::Server, index }, out),
            Input::ServerDown(index) => self.down(Part { kind: PartKind::Server, index }, out),
        }
    }
}
