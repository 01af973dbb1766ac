//! Content that is pushed to all workers as an archive, one after the other or all at once.
//!
//! Rolling, a worker gets the archive while it serves, is drained, installs it when it has no
//! requests, and has some again; then the next one. At once, all get it together, and each
//! installs it when it has it: its requests wait meanwhile. A worker that is down is passed over.

use super::{OF_PUSH, PUSH_NEXT, Web, emit, end_of, timer};
use crate::event::{TaskAct, TaskKind};
use crate::scenario::workloads::web::Order;
use crate::units::{Span, Time};
use crate::workload::Command;

/// What is done for a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PushStep {
    Before,
    Send,
    Drain,
    Install,
    After,
}

/// The progress of a push.
#[derive(Clone, Debug)]
pub(super) struct Pushing {
    stages: Vec<PushStep>,
    /// The next worker, if they come one after the other.
    next: u32,
    left: u32,
    /// The worker that is drained.
    drained: Option<u32>,
}

impl Pushing {
    pub(super) fn new(workers: usize) -> Self {
        let stages = vec![PushStep::Before; workers];
        Self { stages, next: 0, left: workers as u32, drained: None }
    }

    pub(super) fn is_done(&self) -> bool {
        self.left == 0
    }
}

impl Web {
    fn pushing(&mut self) -> &mut Pushing {
        self.push.as_mut().expect("there is a push")
    }

    fn order(&self) -> Order {
        self.table().push.as_ref().expect("there is a push").order
    }

    pub(super) fn begin_push(&mut self, now: Time, out: &mut Vec<Command>) {
        match self.order() {
            Order::Rolling => self.push_next(now, out),
            Order::AtOnce => {
                for worker in 0..self.workers.len() as u32 {
                    self.push_to(worker, out);
                }
            }
        }
    }

    pub(super) fn push_next(&mut self, now: Time, out: &mut Vec<Command>) {
        let (worker, all) = (self.pushing().next, self.workers.len() as u32);
        if worker == all {
            return;
        }
        self.pushing().next += 1;
        self.push_to(worker, out);
        // Whoever is down is passed over, at this instant.
        if self.pushing().stages[worker as usize] == PushStep::After {
            out.push(timer(now, PUSH_NEXT));
        }
    }

    fn push_to(&mut self, worker: u32, out: &mut Vec<Command>) {
        let spec = self.spec.clone();
        let size = spec.table.push.as_ref().expect("there is a push").size;
        let from = spec.parts[1].expect("it says from where");
        self.say(worker, TaskAct::Begin, out);
        if self.workers[worker as usize].is_up {
            self.pushing().stages[worker as usize] = PushStep::Send;
            let (task, to) = (OF_PUSH | u64::from(worker), end_of(self.node_of(worker)));
            out.push(Command::Send { task, from, to, bytes: size });
        } else {
            self.close_push(worker, TaskAct::Lose, out);
        }
    }

    fn say(&self, worker: u32, act: TaskAct, out: &mut Vec<Command>) {
        let node = Some(self.node_of(worker));
        out.push(emit(TaskKind::Push, worker, act, node, Span::ZERO));
    }

    fn close_push(&mut self, worker: u32, act: TaskAct, out: &mut Vec<Command>) {
        self.say(worker, act, out);
        self.pushing().stages[worker as usize] = PushStep::After;
        self.pushing().left -= 1;
    }

    /// The archive is there, or installed.
    pub(super) fn pushed(&mut self, now: Time, worker: u32, out: &mut Vec<Command>) {
        match (self.pushing().stages[worker as usize], self.order()) {
            (PushStep::Send, Order::Rolling) => {
                self.pushing().stages[worker as usize] = PushStep::Drain;
                self.pushing().drained = Some(worker);
                self.balancer.drain(worker, true);
            }
            (PushStep::Send, Order::AtOnce) => self.install(worker, out),
            _ => {
                self.end_install(now, worker, out);
                self.close_push(worker, TaskAct::End, out);
                self.go_on(now, out);
            }
        }
    }

    /// A worker that is drained and has no requests installs what it got.
    pub(super) fn install_if_drained(&mut self, out: &mut Vec<Command>) {
        let Some(worker) = self.push.as_ref().and_then(|push| push.drained) else { return };
        let is_draining = self.pushing().stages[worker as usize] == PushStep::Drain;
        if is_draining && self.balancer.is_idle(worker) {
            self.install(worker, out);
        }
    }

    fn install(&mut self, worker: u32, out: &mut Vec<Command>) {
        let span = self.table().push.as_ref().expect("there is a push").install;
        self.pushing().stages[worker as usize] = PushStep::Install;
        self.workers[worker as usize].installs = true;
        let (task, node) = (OF_PUSH | u64::from(worker), self.node_of(worker));
        out.push(Command::Compute { task, node, span });
    }

    fn end_install(&mut self, now: Time, worker: u32, out: &mut Vec<Command>) {
        self.workers[worker as usize].installs = false;
        if self.pushing().drained == Some(worker) {
            self.pushing().drained = None;
            self.balancer.drain(worker, false);
        }
        self.serve_queue(now, worker, out);
    }

    fn go_on(&mut self, now: Time, out: &mut Vec<Command>) {
        if self.order() == Order::Rolling {
            out.push(timer(now, PUSH_NEXT));
        }
    }

    /// A worker stopped before it had installed it, or whoever has it did.
    pub(super) fn push_lost(&mut self, now: Time, worker: u32, out: &mut Vec<Command>) {
        if self.pushing().stages[worker as usize] == PushStep::Install {
            self.empty_queue(worker);
            self.end_install(now, worker, out);
        }
        self.close_push(worker, TaskAct::Lose, out);
        self.go_on(now, out);
    }
}
