//! The course of a request: to a worker, through its queue, and back to whoever waits for it.

use super::{ANSWER, CLIENT_OF, CONNECT, FORGET, RequestId, SERVICE, SESSION, Step, Web, emit};
use super::{end_of, timer};
use crate::event::{TaskAct, TaskKind};
use crate::scenario::workloads::web::{Discipline, QueueAt};
use crate::units::Time;
use crate::workload::Command;

impl Web {
    /// A request that no worker has is given to one, waits, or is lost.
    pub(super) fn assign(&mut self, now: Time, id: RequestId, out: &mut Vec<Command>) {
        let number = self.requests.get(id).expect("it is open").number;
        let session = self
            .table()
            .sessions
            .map(|sessions| self.chance.draw(SESSION, number.into()).below(sessions.into()) as u32);
        if let Some(worker) = self.balancer.choose(session) {
            self.give(now, id, worker, out);
        } else if self.balancer.has_usable() {
            let limit = self.table().queue_limit.map_or(usize::MAX, |limit| limit as usize);
            if self.waiting.len() < limit {
                self.waiting.push_back(id);
            } else {
                self.lose(now, id, TaskKind::RequestRefused, out);
                self.requests.close(id);
            }
        } else {
            self.lose(now, id, TaskKind::RequestUnserved, out);
            self.requests.close(id);
        }
    }

    /// Whoever waits at the balancer is given to workers that have room.
    pub(super) fn serve_waiting(&mut self, now: Time, out: &mut Vec<Command>) {
        while self.is_balancer_up
            && let Some(&id) = self.waiting.front()
        {
            if self.requests.get(id).expect("it waits").is_over {
                self.waiting.pop_front();
                self.requests.close(id);
                continue;
            }
            let Some(worker) = self.balancer.choose(None) else { return };
            self.waiting.pop_front();
            self.give(now, id, worker, out);
        }
    }

    fn give(&mut self, now: Time, id: RequestId, worker: u32, out: &mut Vec<Command>) {
        self.balancer.given(worker);
        let is_up = self.workers[worker as usize].is_up;
        let request = self.requests.get(id).expect("it is open");
        request.attempts += 1;
        (request.worker, request.sent, request.step) = (worker, now, Step::Queued);
        let requests = &mut self.requests;
        let answer = self.answering.add(now, id, |id| requests.get(id).is_some());
        out.extend(answer.map(|at| timer(at, ANSWER)));
        if is_up {
            self.enter(now, id, worker, out);
        } else {
            self.requests.get(id).expect("it is open").step = Step::Connecting;
            let requests = &mut self.requests;
            let at = self.connecting.add(now, id, |id| requests.get(id).is_some());
            out.extend(at.map(|at| timer(at, CONNECT)));
        }
    }

    /// A request reaches its worker.
    fn enter(&mut self, now: Time, id: RequestId, number: u32, out: &mut Vec<Command>) {
        let (table, worker) = (&self.spec.table, &mut self.workers[number as usize]);
        let shares = table.discipline == Discipline::ProcessorSharing;
        let beyond = worker.serves.saturating_sub(table.slots) as usize;
        let has_slot = worker.serves < table.slots || shares;
        let limit = table.queue_limit.filter(|_| table.queue == QueueAt::Worker);
        let has_room = limit.is_none_or(|limit| worker.queue.len() + beyond < limit as usize)
            || worker.serves < table.slots && !worker.installs;
        if !has_room {
            self.lose(now, id, TaskKind::RequestRefused, out);
            self.requests.close(id);
        } else if has_slot && !worker.installs {
            self.serve(now, id, number, out);
        } else {
            worker.queue.push_back(id);
        }
    }

    fn serve(&mut self, now: Time, id: RequestId, number: u32, out: &mut Vec<Command>) {
        let table = &self.spec.table;
        let worker = &mut self.workers[number as usize];
        worker.set_serves(now, worker.serves + 1, table.slots);
        let request = self.requests.get(id).expect("it is open");
        request.step = Step::Served;
        let span = table.service.sample(&mut self.chance.draw(SERVICE, request.number.into()));
        let (task, node) = (id.task(), self.spec.nodes[0][number as usize]);
        out.push(match table.discipline {
            Discipline::Fcfs => Command::Compute { task, node, span },
            Discipline::ProcessorSharing => {
                Command::Share { task, node, span, processors: table.slots }
            }
        });
    }

    /// A worker takes up whoever waits there, as far as it may.
    pub(super) fn serve_queue(&mut self, now: Time, number: u32, out: &mut Vec<Command>) {
        let (slots, discipline) = (self.table().slots, self.table().discipline);
        loop {
            let worker = &mut self.workers[number as usize];
            let is_full = worker.serves >= slots && discipline == Discipline::Fcfs;
            if is_full || worker.installs {
                return;
            }
            let Some(id) = worker.queue.pop_front() else { return };
            self.serve(now, id, number, out);
        }
    }

    /// A worker has computed an answer, or has sent it.
    pub(super) fn done(&mut self, now: Time, id: RequestId, out: &mut Vec<Command>) {
        let request = *self.requests.get(id).expect("it is under way");
        let bytes = self.table().response;
        if request.step == Step::Served {
            self.leave_slot(now, request.worker);
            if request.is_over {
                self.requests.close(id);
            } else if bytes.0 > 0 {
                self.requests.get(id).expect("it is open").step = Step::Answered;
                let (from, to) = (end_of(self.node_of(request.worker)), self.spec.balancer());
                out.push(Command::Send { task: id.task(), from, to, bytes });
            } else {
                self.answered(now, id, out);
            }
            self.serve_queue(now, request.worker, out);
        } else {
            self.answered(now, id, out);
        }
    }

    fn answered(&mut self, now: Time, id: RequestId, out: &mut Vec<Command>) {
        let request = *self.requests.get(id).expect("it is open");
        let (node, span) = (self.node_of(request.worker), now.since(request.arrived));
        out.push(emit(TaskKind::Request, request.number, TaskAct::End, Some(node), span));
        self.balancer.ended(request.worker, self.table().response.0);
        self.requests.close(id);
        self.awaited -= 1;
    }

    fn leave_slot(&mut self, now: Time, number: u32) {
        let slots = self.table().slots;
        let worker = &mut self.workers[number as usize];
        worker.set_serves(now, worker.serves - 1, slots);
    }

    /// The worker of a request has stopped, and all that it had is silent.
    pub(super) fn lost(&mut self, now: Time, id: RequestId) {
        let request = *self.requests.get(id).expect("it was under way");
        if request.step == Step::Served {
            self.leave_slot(now, request.worker);
            self.empty_queue(request.worker);
        }
        self.fall_silent(id);
    }

    pub(super) fn empty_queue(&mut self, number: u32) {
        for id in std::mem::take(&mut self.workers[number as usize].queue) {
            self.fall_silent(id);
        }
    }

    fn fall_silent(&mut self, id: RequestId) {
        let request = self.requests.get(id).expect("it is open");
        request.step = Step::Silent;
        if request.is_over {
            self.requests.close(id);
        }
    }

    /// A worker could not be reached in time.
    pub(super) fn not_connected(&mut self, now: Time, id: RequestId, out: &mut Vec<Command>) {
        let span = self.table().connect_timeout;
        let Some(request) = self.requests.get(id) else { return };
        let is_due = request.step == Step::Connecting && request.sent + span <= now;
        if !is_due {
            return;
        }
        let request = *request;
        let until = self.balancer.unreached(request.worker, now);
        out.extend(until.map(|at| timer(at, FORGET)));
        if request.is_over {
            self.requests.close(id);
        } else if self.may_try_again(request.attempts) {
            self.retry(now, id, out);
            self.assign(now, id, out);
        } else {
            self.lose(now, id, TaskKind::RequestUnserved, out);
            self.requests.close(id);
        }
    }

    fn may_try_again(&self, attempts: u32) -> bool {
        attempts < self.table().attempts.unwrap_or(self.workers.len() as u32)
    }

    /// It is taken from its worker, for another one.
    fn retry(&mut self, now: Time, id: RequestId, out: &mut Vec<Command>) {
        let request = self.requests.get(id).expect("it is open");
        request.step = Step::Waiting;
        let (number, worker, span) = (request.number, request.worker, now.since(request.sent));
        self.balancer.ended(worker, 0);
        let node = Some(self.node_of(worker));
        out.push(emit(TaskKind::Request, number, TaskAct::Retry, node, span));
    }

    /// No answer came in time.
    pub(super) fn not_answered(&mut self, now: Time, id: RequestId, out: &mut Vec<Command>) {
        let span = self.table().answer_timeout;
        let Some(request) = self.requests.get(id) else { return };
        let is_given = !matches!(request.step, Step::Waiting | Step::Connecting);
        if request.is_over || !is_given || request.sent + span > now {
            return;
        }
        let request = *request;
        if !self.table().resend || !self.may_try_again(request.attempts) {
            self.lose(now, id, TaskKind::Request, out);
            self.leave_behind(id, out);
            return;
        }
        self.retry(now, id, out);
        // Its worker may still have it: that remains, and nobody waits for it.
        let old = self.requests.get(id).expect("it is open");
        (old.step, old.is_over) = (request.step, true);
        let again = self.requests.open(super::Request { step: Step::Waiting, ..request });
        self.leave_behind(id, out);
        if let Some(patience) = self.table().patience {
            out.push(timer(request.arrived + patience, CLIENT_OF | again.task()));
        }
        self.assign(now, again, out);
    }

    /// A client waits no longer.
    pub(super) fn abandon(&mut self, now: Time, id: RequestId, out: &mut Vec<Command>) {
        if self.requests.get(id).is_some_and(|request| !request.is_over) {
            self.lose(now, id, TaskKind::RequestAbandoned, out);
            self.leave_behind(id, out);
        }
    }

    /// Nobody waits for it any more: what its worker or the balancer still has to do for it goes
    /// on, but no answer is sent.
    pub(super) fn leave_behind(&mut self, id: RequestId, out: &mut Vec<Command>) {
        match self.requests.get(id).expect("it is open").step {
            Step::Waiting | Step::Connecting | Step::Queued | Step::Served => {}
            Step::Answered => {
                out.push(Command::Drop(id.task()));
                self.requests.close(id);
            }
            Step::Silent => self.requests.close(id),
        }
    }

    /// A request that somebody waits for is lost, and stays where it is.
    pub(super) fn lose(
        &mut self,
        now: Time,
        id: RequestId,
        kind: TaskKind,
        out: &mut Vec<Command>,
    ) {
        let request = self.requests.get(id).expect("it is open");
        request.is_over = true;
        let request = *request;
        let is_given = request.step != Step::Waiting;
        let node = is_given.then(|| self.node_of(request.worker));
        out.push(emit(kind, request.number, TaskAct::Lose, node, now.since(request.arrived)));
        if is_given {
            self.balancer.ended(request.worker, 0);
        }
        self.awaited -= 1;
    }
}
