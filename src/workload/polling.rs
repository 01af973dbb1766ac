//! A head that polls nodes by SNMP GET over UDP, and what its dashboard shows of each.
//!
//! A poll asks up to 1 + retries times, a time-out apart; whichever answer comes first, of whatever
//! request, ends it. Requests and answers are lost with the probability p each. So, of a node that
//! is up, and if answers come within the time-out, a poll fails with the probability
//! (1 - (1 - p)²)^(1 + retries). A node that is down costs (1 + retries) time-outs, and one that
//! dies at a time that knows nothing of the rounds is shown as down after half a period and these
//! on average, if all nodes are polled at once. An answer that is d old when it arrives, each T, is
//! T / 2 + d old on average while it is shown; where each poll succeeds with the probability s
//! only, T (2 - s) / (2 s) + d (the second moment of a geometric number of periods).
//!
//! A request is so short that it takes no share of a link; an answer crosses the fabric, next to
//! whatever else does. What a node answers was so when its agent began.
//!
//! Source of the protocol: net-snmp, snmpcmd(1) (`-t` 1 s, `-r` 5); time-outs do not grow. The age
//! of what is shown is the age of information of Kaul, Yates and Gruteser, "Real-time status: how
//! often should one update?", INFOCOM 2012 (recalled).
//!
//! Not modelled: queues of switches and sockets that overflow, other than by `loss`; traps, by
//! which a node reports of itself; what the head's processor needs.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use super::{Command, Input, TaskId, Workload, end};
use crate::event::{TaskAct, TaskKind, What};
use crate::ids::{NodeId, Part, PartKind};
use crate::rng::{Draw, Stream};
use crate::scenario::Scenario;
use crate::scenario::workloads::Placed;
use crate::scenario::workloads::polling::Polling as Table;
use crate::units::{Span, Time};

/// The key of the next round; all others are those of a request.
const ROUND: u64 = u64::MAX;
/// Requests of a poll have so many numbers, and each so many timers.
const TRIES: u64 = 128;
const TIMERS: u64 = 4;

/// What a timer of a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Due {
    /// The request is at the node.
    Request = 0,
    /// Its answer leaves.
    Answer = 1,
    /// The head waits no longer.
    Timeout = 2,
}

/// A poll under way.
#[derive(Clone, Debug)]
struct Poll {
    /// The node, by its place among those that are polled.
    place: u32,
    /// The request whose answer is waited for, from 0.
    request: u64,
    /// Of each request that has reached its node, when.
    asked: BTreeMap<u64, Time>,
}

/// What the head knows of a node.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    /// Polls in a row that failed.
    fails: u32,
    /// Whether it is shown as down.
    is_down: bool,
}

/// The head, its polls, and which nodes are up.
#[derive(Clone, Debug)]
pub struct Polling {
    spec: Arc<Placed<Table>>,
    chance: Stream,
    /// Nodes that are up and can be reached.
    up: BTreeSet<NodeId>,
    /// Servers that are down.
    down: BTreeSet<u32>,
    /// Those polled, by their places.
    places: BTreeMap<NodeId, u32>,
    known: Vec<Known>,
    /// Rounds that were due.
    rounds: u32,
    /// Whether one is due and waits for the end of the one under way.
    waits: bool,
    /// Nodes that this round has yet to poll.
    queue: VecDeque<u32>,
    open: BTreeMap<u64, Poll>,
    polls: u64,
    begun: bool,
}

impl Polling {
    /// That of a scenario, if it has one.
    #[must_use]
    pub fn of(scenario: &Scenario) -> Option<Self> {
        let spec = scenario.workloads.polling.clone()?;
        let nodes = &spec.nodes[0];
        Some(Self {
            chance: Stream::new(scenario.seed, "polling"),
            up: BTreeSet::new(),
            down: BTreeSet::new(),
            places: nodes.iter().copied().zip(0..).collect(),
            known: vec![Known::default(); nodes.len()],
            rounds: 0,
            waits: false,
            queue: VecDeque::new(),
            open: BTreeMap::new(),
            polls: 0,
            begun: false,
            spec,
        })
    }

    fn table(&self) -> &Table {
        &self.spec.table
    }

    fn node_at(&self, place: u32) -> NodeId {
        self.spec.nodes[0][place as usize]
    }

    fn head_is_up(&self) -> bool {
        let head = self.spec.part(0);
        match head.kind {
            PartKind::Server => !self.down.contains(&head.index),
            _ => self.up.contains(&NodeId(head.index)),
        }
    }

    fn emit(&self, kind: TaskKind, (number, place): (u64, Option<u32>), act: TaskAct) -> Command {
        let node = place.map(|place| self.node_at(place));
        let number = number as u32;
        Command::Emit(What::Task { kind, number, act, node, span: Span::ZERO })
    }

    fn timer(number: u64, request: u64, due: Due, at: Time) -> Command {
        Command::Timer { at, key: (number * TRIES + request) * TIMERS + due as u64 }
    }

    /// The chance of a request: its way, its answer's way, and whether each arrives.
    fn draw(&self, number: u64, request: u64) -> Draw {
        self.chance.draw(request, number)
    }

    /// What a datagram takes; `None` if it is lost on the way.
    fn way(&self, draw: &mut Draw) -> Option<Span> {
        let table = self.table();
        let (lost, extra) = (draw.unit() < table.loss, draw.unit());
        let jitter = libm::round(extra * table.jitter.0 as f64) as u64;
        (!lost).then_some(table.latency + Span(jitter))
    }

    /// A round is due.
    fn round(&mut self, now: Time, out: &mut Vec<Command>) {
        self.rounds += 1;
        if self.rounds < self.table().rounds {
            out.push(Command::Timer { at: now + self.table().every, key: ROUND });
        }
        if self.is_at_rest() {
            self.begin_round(now, out);
        } else {
            self.waits = true;
        }
        self.finish_if_over(out);
    }

    fn is_at_rest(&self) -> bool {
        self.open.is_empty() && self.queue.is_empty()
    }

    fn begin_round(&mut self, now: Time, out: &mut Vec<Command>) {
        self.waits = false;
        if !self.head_is_up() {
            return;
        }
        out.push(self.emit(TaskKind::PollRound, (0, None), TaskAct::Begin));
        self.queue = (0..self.known.len() as u32).collect();
        self.poll_more(now, out);
    }

    /// Begins as many polls as may go on at once.
    fn poll_more(&mut self, now: Time, out: &mut Vec<Command>) {
        let most = self.table().parallel.map_or(usize::MAX, |most| most as usize);
        while self.open.len() < most
            && let Some(place) = self.queue.pop_front()
        {
            let number = self.polls;
            self.polls += 1;
            out.push(self.emit(TaskKind::Poll, (number, Some(place)), TaskAct::Begin));
            self.open.insert(number, Poll { place, request: 0, asked: BTreeMap::new() });
            self.ask(now, number, 0, out);
        }
    }

    /// The head sends a request.
    fn ask(&self, now: Time, number: u64, request: u64, out: &mut Vec<Command>) {
        if let Some(way) = self.way(&mut self.draw(number, request)) {
            out.push(Self::timer(number, request, Due::Request, now + way));
        }
        out.push(Self::timer(number, request, Due::Timeout, now + self.table().timeout));
    }

    /// A request is at its node.
    fn asked(&mut self, now: Time, number: u64, request: u64, out: &mut Vec<Command>) {
        let Some(poll) = self.open.get_mut(&number) else { return };
        let node = self.spec.nodes[0][poll.place as usize];
        if !self.up.contains(&node) {
            return;
        }
        poll.asked.insert(request, now);
        let mut draw = self.draw(number, request);
        self.way(&mut draw);
        if let Some(way) = self.way(&mut draw) {
            let at = now + self.table().service + way;
            out.push(Self::timer(number, request, Due::Answer, at));
        }
    }

    /// An answer is sent.
    fn answer(&mut self, number: u64, request: u64, out: &mut Vec<Command>) {
        let Some(poll) = self.open.get(&number) else { return };
        let node = self.node_at(poll.place);
        if self.up.contains(&node) {
            let (task, bytes) = (number * TRIES + request, self.table().answer);
            out.push(Command::Send { task, from: end(node), to: self.spec.part(0), bytes });
        }
    }

    /// The head has waited long enough for the answer to a request.
    fn timed_out(&mut self, now: Time, number: u64, request: u64, out: &mut Vec<Command>) {
        let retries = u64::from(self.table().retries);
        let Some(poll) = self.open.get_mut(&number) else { return };
        let place = poll.place;
        if request < retries {
            poll.request = request + 1;
            out.push(self.emit(TaskKind::Poll, (number, Some(place)), TaskAct::Retry));
            self.ask(now, number, request + 1, out);
            return;
        }
        out.push(self.emit(TaskKind::Poll, (number, Some(place)), TaskAct::Lose));
        let fails = self.table().fails;
        let known = &mut self.known[place as usize];
        known.fails += 1;
        let newly = !known.is_down && known.fails >= fails;
        known.is_down |= newly;
        if newly {
            out.push(self.emit(TaskKind::StatusDown, (place.into(), Some(place)), TaskAct::Begin));
        }
        self.close(now, number, out);
    }

    /// An answer has arrived.
    fn answered(&mut self, now: Time, task: TaskId, out: &mut Vec<Command>) {
        let (number, request) = (task / TRIES, task % TRIES);
        let Some(poll) = self.open.get(&number) else { return };
        let (place, asked) = (poll.place, poll.asked[&request]);
        let (node, span) = (Some(self.node_at(place)), Span(now.0 - asked.0));
        let what = What::Task {
            kind: TaskKind::Poll,
            number: number as u32,
            act: TaskAct::End,
            node,
            span,
        };
        out.push(Command::Emit(what));
        let known = &mut self.known[place as usize];
        let was_down = std::mem::take(known).is_down;
        if was_down {
            out.push(self.emit(TaskKind::StatusDown, (place.into(), Some(place)), TaskAct::End));
        }
        self.close(now, number, out);
    }

    /// A poll is over.
    fn close(&mut self, now: Time, number: u64, out: &mut Vec<Command>) {
        let poll = self.open.remove(&number).expect("it is under way");
        Self::drop_answers(number, &poll, out);
        self.poll_more(now, out);
        if self.is_at_rest() {
            out.push(self.emit(TaskKind::PollRound, (0, None), TaskAct::End));
            if self.waits {
                self.begin_round(now, out);
            }
        }
        self.finish_if_over(out);
    }

    /// Answers of a poll that come later are of no use.
    fn drop_answers(number: u64, poll: &Poll, out: &mut Vec<Command>) {
        out.extend(poll.asked.keys().map(|request| Command::Drop(number * TRIES + request)));
    }

    fn finish_if_over(&self, out: &mut Vec<Command>) {
        if self.rounds == self.table().rounds && self.is_at_rest() && !self.waits {
            out.push(Command::Finish);
        }
    }

    /// The head is down: what it did and knew is gone.
    fn lose_head(&mut self, out: &mut Vec<Command>) {
        out.push(self.emit(TaskKind::HeadOutage, (0, None), TaskAct::Begin));
        let was_busy = !self.is_at_rest();
        for (number, poll) in std::mem::take(&mut self.open) {
            Self::drop_answers(number, &poll, out);
        }
        self.queue.clear();
        for place in 0..self.known.len() as u32 {
            if std::mem::take(&mut self.known[place as usize]).is_down {
                let of = (place.into(), Some(place));
                out.push(self.emit(TaskKind::StatusDown, of, TaskAct::Lose));
            }
        }
        if was_busy {
            out.push(self.emit(TaskKind::PollRound, (0, None), TaskAct::Lose));
            self.waits = false;
            self.finish_if_over(out);
        }
    }

    /// A node or server that is the head, or a node that is polled, goes down or comes back.
    fn change(&mut self, before: bool, node: Option<(NodeId, bool)>, out: &mut Vec<Command>) {
        if !self.begun {
            return;
        }
        match (before, self.head_is_up()) {
            (true, false) => self.lose_head(out),
            (false, true) => {
                out.push(self.emit(TaskKind::HeadOutage, (0, None), TaskAct::End));
            }
            _ => {}
        }
        let place = node.and_then(|(node, _)| self.places.get(&node));
        if let (Some((_, is_up)), Some(&place)) = (node, place) {
            let act = if is_up { TaskAct::End } else { TaskAct::Begin };
            out.push(self.emit(TaskKind::Outage, (place.into(), Some(place)), act));
        }
    }

    /// The first round is due: who is down at that time is.
    fn begin(&mut self, now: Time, out: &mut Vec<Command>) {
        self.begun = true;
        if !self.head_is_up() {
            out.push(self.emit(TaskKind::HeadOutage, (0, None), TaskAct::Begin));
        }
        for (node, place) in &self.places {
            if !self.up.contains(node) {
                let of = (u64::from(*place), Some(*place));
                out.push(self.emit(TaskKind::Outage, of, TaskAct::Begin));
            }
        }
        self.round(now, out);
    }

    fn timer_over(&mut self, now: Time, key: u64, out: &mut Vec<Command>) {
        let (number, request) = (key / TIMERS / TRIES, key / TIMERS % TRIES);
        match key % TIMERS {
            due if due == Due::Request as u64 => self.asked(now, number, request, out),
            due if due == Due::Answer as u64 => self.answer(number, request, out),
            _ => {
                let waits = self.open.get(&number).is_some_and(|poll| poll.request == request);
                if waits {
                    self.timed_out(now, number, request, out);
                }
            }
        }
    }
}

impl Workload for Polling {
    fn head(&self) -> Option<Part> {
        Some(self.spec.part(0))
    }

    /// O(log polls under way) each, O(nodes) for a round and for the head's death.
    fn on(&mut self, now: Time, input: Input, out: &mut Vec<Command>) {
        let before = self.head_is_up();
        match input {
            Input::Begin => out.push(Command::Timer { at: self.table().at, key: ROUND }),
            Input::Timer(ROUND) if !self.begun => self.begin(now, out),
            Input::Timer(ROUND) => self.round(now, out),
            Input::Timer(key) => self.timer_over(now, key, out),
            Input::Done(task) => self.answered(now, task, out),
            // The head asks again when it has waited.
            Input::Begun(_)
            | Input::Lost(_)
            | Input::Stopped(_)
            | Input::CutOff(..)
            | Input::Partition(..) => {}
            Input::Up(node) => {
                self.up.insert(node);
                self.change(before, Some((node, true)), out);
            }
            Input::Down(node) => {
                self.up.remove(&node);
                self.change(before, Some((node, false)), out);
            }
            Input::ServerUp(server) => {
                self.down.remove(&server);
                self.change(before, None, out);
            }
            Input::ServerDown(server) => {
                self.down.insert(server);
                self.change(before, None, out);
            }
        }
    }
}
