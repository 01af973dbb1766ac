//! Requests that are open, by names that never come again, and queues of equal time-outs.

use std::collections::VecDeque;

use crate::units::{Span, Time};
use crate::workload::TaskId;

/// Names a request, and the task that a worker does for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RequestId {
    slot: u32,
    /// Below 2^31.
    life: u32,
}

const LIFE_MASK: u32 = u32::MAX >> 1;

impl RequestId {
    /// Below 2^63.
    pub(super) fn task(self) -> TaskId {
        u64::from(self.life) << 32 | u64::from(self.slot)
    }

    pub(super) fn of(task: TaskId) -> Self {
        Self { slot: task as u32, life: (task >> 32) as u32 & LIFE_MASK }
    }
}

/// Where a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// At the balancer, which has no worker for it.
    Waiting,
    /// The balancer tries to reach a worker that is down.
    Connecting,
    /// It waits at its worker.
    Queued,
    /// It is served.
    Served,
    /// Its answer is on the way.
    Answered,
    /// Its worker has stopped: no answer will come.
    Silent,
}

/// A request that is open, or that a worker still has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request {
    pub(super) number: u32,
    pub(super) arrived: Time,
    pub(super) step: Step,
    /// The worker that was given it last, and when.
    pub(super) worker: u32,
    pub(super) sent: Time,
    /// How often it was given to a worker.
    pub(super) attempts: u32,
    /// Nobody waits for its answer.
    pub(super) is_over: bool,
}

/// The requests. Their room is used again.
#[derive(Clone, Debug, Default)]
pub(super) struct Requests {
    rows: Vec<(u32, Option<Request>)>,
    free: Vec<u32>,
}

impl Requests {
    /// One more. O(1).
    pub(super) fn open(&mut self, request: Request) -> RequestId {
        if let Some(slot) = self.free.pop() {
            let (life, row) = &mut self.rows[slot as usize];
            *row = Some(request);
            return RequestId { slot, life: *life };
        }
        let slot = u32::try_from(self.rows.len()).expect("requests are numbered with 32 bits");
        self.rows.push((0, Some(request)));
        RequestId { slot, life: 0 }
    }

    /// The request of this name, if it is not closed. O(1).
    pub(super) fn get(&mut self, id: RequestId) -> Option<&mut Request> {
        let (life, row) = &mut self.rows[id.slot as usize];
        row.as_mut().filter(|_| *life == id.life)
    }

    /// It is closed. Panics if it was before.
    pub(super) fn close(&mut self, id: RequestId) {
        let (life, row) = &mut self.rows[id.slot as usize];
        assert!(*life == id.life && row.is_some(), "a request is closed once");
        *row = None;
        *life = (*life + 1) & LIFE_MASK;
        self.free.push(id.slot);
    }

    /// All that are open, in no order that matters.
    pub(super) fn all(&self) -> Vec<RequestId> {
        let row = |(slot, (life, row)): (u32, &(u32, Option<Request>))| {
            row.as_ref().map(|_| RequestId { slot, life: *life })
        };
        (0..).zip(&self.rows).filter_map(row).collect()
    }
}

/// Requests that have equal patience, the first one to lose it first: one timer for all.
#[derive(Clone, Debug)]
pub(super) struct Deadlines {
    span: Span,
    queue: VecDeque<(Time, RequestId)>,
}

impl Deadlines {
    pub(super) fn of(span: Span) -> Self {
        Self { span, queue: VecDeque::new() }
    }

    /// One more, from now on: when the timer is due, if it is the first. O(1), amortised; what is
    /// not of use any more goes.
    pub(super) fn add(
        &mut self,
        now: Time,
        id: RequestId,
        is_open: impl FnMut(RequestId) -> bool,
    ) -> Option<Time> {
        let had_timer = !self.queue.is_empty();
        self.queue.push_back((now + self.span, id));
        if had_timer {
            self.trim(is_open);
        }
        (!had_timer).then_some(now + self.span)
    }

    /// What is closed goes from the front, but for the last one, to which the timer belongs.
    fn trim(&mut self, mut is_open: impl FnMut(RequestId) -> bool) {
        while self.queue.len() > 1 && self.queue.front().is_some_and(|(_, id)| !is_open(*id)) {
            self.queue.pop_front();
        }
    }

    /// The timer is due: those whose time is over.
    pub(super) fn due(&mut self, now: Time) -> Vec<RequestId> {
        let over = self.queue.iter().take_while(|(at, _)| *at <= now).count();
        self.queue.drain(..over).map(|(_, id)| id).collect()
    }

    /// When the timer is due next.
    pub(super) fn next(&self) -> Option<Time> {
        self.queue.front().map(|(at, _)| *at)
    }
}
