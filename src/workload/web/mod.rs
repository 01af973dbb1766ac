//! A web site: requests arrive at a balancer, wait, are served by workers and answered.
//!
//! Clients are an open loop: they do not wait for answers before more of them come. A request is
//! given to a worker, waits there (or at the balancer) for a slot, computes for a time that its
//! number alone decides, and is answered over the network. The k-th request comes at the same time
//! and needs the same service whatever becomes of others.
//!
//! The balancer knows that a worker is down by requests that cannot reach it, each of which takes
//! the connect time-out, or by health checks. What a worker had when it stopped is silent until
//! the answer time-out. What nobody waits for any more is served all the same, for a worker
//! notices that only when it answers.
//!
//! Not modelled: the balancer's own computing, the way between clients and balancer, connections
//! that are kept, requests that are slow to arrive, the time that a health check takes.

mod balancer;
mod course;
mod push;
mod requests;

use std::collections::VecDeque;
use std::sync::Arc;

use balancer::Balancer;
use push::Pushing;
use requests::{Deadlines, Request, RequestId, Requests, Step};

use super::{Command, Input, TaskId, Workload};
use crate::event::{TaskAct, TaskKind, What};
use crate::ids::{NodeId, Part, PartKind};
use crate::rng::Stream;
use crate::scenario::Scenario;
use crate::scenario::workloads::Placed;
use crate::scenario::workloads::web::Web as Table;
use crate::units::{Span, Time};

/// Timers. One of a single request has [`CLIENT_OF`] and the request's name.
const BEGIN: u64 = 0;
const ARRIVE: u64 = 1;
const CONNECT: u64 = 2;
const ANSWER: u64 = 3;
const CLIENT: u64 = 4;
const FORGET: u64 = 5;
const CHECK: u64 = 6;
const PUSH: u64 = 7;
const PUSH_NEXT: u64 = 8;
const REPORT: u64 = 9;
const CLIENT_OF: u64 = 1 << 63;

/// A task of the push has this bit, and its worker.
const OF_PUSH: TaskId = 1 << 63;

/// Parts of the stream of chance; the draw is the number of the request.
const GAP: u64 = 0;
const SERVICE: u64 = 1;
const SESSION: u64 = 2;

/// A worker.
#[derive(Clone, Debug, Default)]
struct Worker {
    is_up: bool,
    /// Requests that it serves, and those that wait.
    serves: u32,
    queue: VecDeque<RequestId>,
    /// It installs something and begins no request.
    installs: bool,
    /// How long its slots were busy until `since`, all together.
    busy: Span,
    since: Time,
}

impl Worker {
    /// It serves one request more or less from now on.
    fn set_serves(&mut self, now: Time, serves: u32, slots: u32) {
        let busy = u64::from(self.serves.min(slots));
        self.busy += Span(now.since(self.since).0.saturating_mul(busy));
        (self.since, self.serves) = (now, serves);
    }
}

/// A web site.
#[derive(Clone, Debug)]
pub struct Web {
    spec: Arc<Placed<Table>>,
    chance: Stream,
    /// Requests that have come.
    arrived: u32,
    arrivals: Arrivals,
    /// Those that clients wait for.
    awaited: u64,
    requests: Requests,
    workers: Vec<Worker>,
    balancer: Balancer,
    is_balancer_up: bool,
    waiting: VecDeque<RequestId>,
    connecting: Deadlines,
    answering: Deadlines,
    clients: Option<Deadlines>,
    push: Option<Pushing>,
    /// When the run ends at the latest.
    end: Time,
    is_reported: bool,
}

/// Whether requests come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Arrivals {
    Open,
    /// No more.
    Closed,
    /// No more, and all that had come have ended.
    Finished,
}

impl Web {
    /// That of a scenario, if it has one.
    #[must_use]
    pub fn of(scenario: &Scenario) -> Option<Self> {
        let spec = scenario.workloads.web.clone()?;
        let table = &spec.table;
        let workers = spec.nodes[0].len();
        Some(Self {
            chance: Stream::new(scenario.seed, "web"),
            arrived: 0,
            arrivals: Arrivals::Open,
            awaited: 0,
            requests: Requests::default(),
            workers: vec![Worker::default(); workers],
            balancer: Balancer::new(table, workers as u32),
            is_balancer_up: spec.balancer().kind == PartKind::Server,
            waiting: VecDeque::new(),
            connecting: Deadlines::of(table.connect_timeout),
            answering: Deadlines::of(table.answer_timeout),
            clients: table.patience.map(Deadlines::of),
            push: table.push.is_some().then(|| Pushing::new(workers)),
            end: scenario.stop.at,
            is_reported: false,
            spec,
        })
    }

    fn table(&self) -> &Table {
        &self.spec.table
    }

    fn node_of(&self, worker: u32) -> NodeId {
        self.spec.nodes[0][worker as usize]
    }

    fn worker_of(&self, node: NodeId) -> Option<u32> {
        self.spec.nodes[0].binary_search(&node).ok().map(|place| place as u32)
    }

    fn begin(&mut self, now: Time, out: &mut Vec<Command>) {
        let table = &self.spec.table;
        out.push(timer(self.end, REPORT));
        out.extend(table.check.as_ref().map(|check| timer(now + check.interval, CHECK)));
        out.extend(table.push.as_ref().map(|push| timer(push.at, PUSH)));
        out.push(timer(table.at, BEGIN));
    }

    /// The next request comes after a gap, if there is to be one.
    fn expect_next(&mut self, now: Time, out: &mut Vec<Command>) {
        let table = &self.spec.table;
        let mut draw = self.chance.draw(GAP, self.arrived.into());
        let at = now + table.gap.sample(&mut draw);
        let is_late = table.until.is_some_and(|until| at > Time::ZERO + until) || at > self.end;
        let all = table.requests.unwrap_or(u32::MAX);
        if is_late || self.arrived >= all {
            self.arrivals = Arrivals::Closed;
        } else {
            out.push(timer(at, ARRIVE));
        }
    }

    fn arrive(&mut self, now: Time, out: &mut Vec<Command>) {
        let number = self.arrived;
        self.arrived += 1;
        if self.is_balancer_up {
            let (step, arrived, sent) = (Step::Waiting, now, now);
            let (worker, attempts, is_over) = (0, 0, false);
            let new = Request { number, arrived, step, worker, sent, attempts, is_over };
            let id = self.requests.open(new);
            self.awaited += 1;
            if let Some(clients) = &mut self.clients {
                let requests = &mut self.requests;
                let at = clients.add(now, id, |id| requests.get(id).is_some());
                out.extend(at.map(|at| timer(at, CLIENT)));
            }
            self.assign(now, id, out);
        } else {
            out.push(emit(TaskKind::RequestCut, number, TaskAct::Lose, None, Span::ZERO));
        }
        self.expect_next(now, out);
    }

    fn timer(&mut self, now: Time, key: u64, out: &mut Vec<Command>) {
        match key {
            BEGIN => self.expect_next(now, out),
            ARRIVE => self.arrive(now, out),
            CONNECT => {
                for id in self.connecting.due(now) {
                    self.not_connected(now, id, out);
                }
                out.extend(self.connecting.next().map(|at| timer(at, CONNECT)));
            }
            ANSWER => {
                for id in self.answering.due(now) {
                    self.not_answered(now, id, out);
                }
                out.extend(self.answering.next().map(|at| timer(at, ANSWER)));
            }
            CLIENT => {
                let due = self.clients.as_mut().map(|all| all.due(now)).unwrap_or_default();
                for id in due {
                    self.abandon(now, id, out);
                }
                let next = self.clients.as_ref().and_then(Deadlines::next);
                out.extend(next.map(|at| timer(at, CLIENT)));
            }
            FORGET => self.balancer.forget(now),
            CHECK => self.check(now, out),
            PUSH => self.begin_push(now, out),
            PUSH_NEXT => self.push_next(now, out),
            REPORT => self.report(now, out),
            _ => self.abandon(now, RequestId::of(key & !CLIENT_OF), out),
        }
    }

    /// Health checks of all workers. O(workers).
    fn check(&mut self, now: Time, out: &mut Vec<Command>) {
        let Some(check) =
            self.spec.table.check.as_ref().filter(|_| self.arrivals != Arrivals::Finished)
        else {
            return;
        };
        if self.is_balancer_up {
            for (number, worker) in (0..).zip(&self.workers) {
                self.balancer.checked(number, worker.is_up, check);
            }
        }
        out.push(timer(now + check.interval, CHECK));
    }

    fn is_balancer(&self, kind: PartKind, index: u32) -> bool {
        self.spec.balancer() == Part { kind, index }
    }

    fn balancer_up(&mut self) {
        self.is_balancer_up = true;
        self.balancer.restart(&self.spec.table);
    }

    /// All that clients wait for is lost. O(requests that are open).
    fn balancer_down(&mut self, now: Time, out: &mut Vec<Command>) {
        self.is_balancer_up = false;
        self.waiting.clear();
        for id in self.requests.all() {
            let request = *self.requests.get(id).expect("it is open");
            if !request.is_over {
                self.lose(now, id, TaskKind::RequestCut, out);
            }
            // Nobody is there to notice what becomes of these.
            if matches!(request.step, Step::Waiting | Step::Connecting) {
                self.requests.close(id);
            } else if !request.is_over {
                self.leave_behind(id, out);
            }
        }
    }

    fn node_up(&mut self, node: NodeId) {
        if self.is_balancer(PartKind::Node, node.0) {
            self.balancer_up();
        }
        if let Some(worker) = self.worker_of(node) {
            self.workers[worker as usize].is_up = true;
        }
    }

    fn node_down(&mut self, now: Time, node: NodeId, out: &mut Vec<Command>) {
        if self.is_balancer(PartKind::Node, node.0) {
            self.balancer_down(now, out);
        }
        if let Some(worker) = self.worker_of(node) {
            self.workers[worker as usize].is_up = false;
        }
    }

    /// How long each worker was busy, once.
    fn report(&mut self, now: Time, out: &mut Vec<Command>) {
        if std::mem::replace(&mut self.is_reported, true) {
            return;
        }
        let slots = self.table().slots;
        for number in 0..self.workers.len() as u32 {
            let node = self.node_of(number);
            let worker = &mut self.workers[number as usize];
            worker.set_serves(now, worker.serves, slots);
            let (kind, act) = (TaskKind::Worker, TaskAct::End);
            out.push(emit(kind, number, act, Some(node), worker.busy));
        }
    }

    /// What follows from whatever has happened.
    fn settle(&mut self, now: Time, out: &mut Vec<Command>) {
        self.serve_waiting(now, out);
        self.install_if_drained(out);
        let is_pushed = self.push.as_ref().is_none_or(Pushing::is_done);
        if self.arrivals == Arrivals::Closed && self.awaited == 0 && is_pushed {
            self.arrivals = Arrivals::Finished;
            self.report(now, out);
            out.push(Command::Finish);
        }
    }
}

impl Workload for Web {
    fn head(&self) -> Option<Part> {
        Some(self.spec.balancer())
    }

    /// O(log workers) for what happens to a request, O(requests that are open) when the balancer
    /// is down, O(workers) for health checks.
    fn on(&mut self, now: Time, input: Input, out: &mut Vec<Command>) {
        match input {
            Input::Begin => self.begin(now, out),
            Input::Timer(key) => self.timer(now, key, out),
            Input::Done(task) if task & OF_PUSH != 0 => self.pushed(now, task as u32, out),
            Input::Done(task) => self.done(now, RequestId::of(task), out),
            Input::Lost(task) if task & OF_PUSH != 0 => self.push_lost(now, task as u32, out),
            Input::Lost(task) => self.lost(now, RequestId::of(task)),
            Input::Up(node) => self.node_up(node),
            Input::Down(node) => self.node_down(now, node, out),
            Input::ServerUp(server) if self.is_balancer(PartKind::Server, server) => {
                self.balancer_up();
            }
            Input::ServerDown(server) if self.is_balancer(PartKind::Server, server) => {
                self.balancer_down(now, out);
            }
            Input::Begun(_)
            | Input::Stopped(_)
            | Input::CutOff(..)
            | Input::Partition(..)
            | Input::ServerUp(_)
            | Input::ServerDown(_) => {}
        }
        self.settle(now, out);
    }
}

fn timer(at: Time, key: u64) -> Command {
    Command::Timer { at, key }
}

fn emit(kind: TaskKind, number: u32, act: TaskAct, node: Option<NodeId>, span: Span) -> Command {
    Command::Emit(What::Task { kind, number, act, node, span })
}

fn end_of(NodeId(index): NodeId) -> Part {
    Part { kind: PartKind::Node, index }
}
