//! What the stages that play in real time share: the time of a run, its events, its attendance.

use std::cell::{Cell, RefCell};
use std::io;
use std::pin::pin;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::drivers::tls::name_of;
use crate::event::{EndReason, Event, Sink, Stop, What};
use crate::fleet::controller::End;
use crate::plan::Plan;
use crate::units::{Span, Time};

/// Between two looks at the nodes, Ctrl-C and what was emitted.
const LOOK: Duration = Duration::from_millis(50);

/// A run in real time.
#[derive(Debug)]
pub(super) struct Live {
    began: Instant,
    /// The scenario's latest end.
    end: Time,
    emitted: RefCell<Vec<Event>>,
    failures: RefCell<Vec<String>>,
    over: Cell<bool>,
}

impl Live {
    /// A run at its first instant.
    pub(super) fn new(plan: &Plan) -> Self {
        Self {
            began: Instant::now(),
            end: plan.scenario.stop.at,
            emitted: RefCell::default(),
            failures: RefCell::default(),
            over: Cell::new(false),
        }
    }

    /// The time of the run, which ends with the scenario.
    pub(super) fn now(&self) -> Time {
        (Time::ZERO + Span(self.began.elapsed().as_nanos() as u64)).min(self.end)
    }

    /// Emits an event at this instant, unless the run is over.
    pub(super) fn emit(&self, what: What) {
        if !self.over.get() {
            self.emitted.borrow_mut().push(Event { at: self.now(), what });
            self.over.set(matches!(what, What::RunEnds { .. }));
        }
    }

    /// What was emitted since this was asked last.
    pub(super) fn take(&self) -> Vec<Event> {
        self.emitted.take()
    }

    /// Gives the run up.
    pub(super) fn fail(&self, why: String) {
        let mut failures = self.failures.borrow_mut();
        if !failures.contains(&why) {
            failures.push(why);
        }
    }

    /// Attends the run until the controller ends it, or somebody stops it. `look` looks at what
    /// becomes of the nodes.
    pub(super) async fn attend(
        &self,
        controller: impl Future<Output = io::Result<End>>,
        look: impl Fn(),
        sink: &mut dyn Sink,
    ) -> Result<EndReason, Stop> {
        let mut controller = pin!(controller);
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let end = loop {
            let ended = tokio::select! {
                biased;
                ended = &mut controller => Some(ended),
                _ = looks.tick() => None,
            };
            let ended = ended.transpose().map_err(|error| failed("the controller", &error))?;
            look();
            self.hand_over(sink)?;
            let failures = self.failures.borrow().join("; ");
            if !failures.is_empty() {
                return Err(Stop::Failed(failures));
            }
            sink.look(self.now())?;
            if let Some(end) = ended {
                break end;
            }
        };
        if end.harms_failed > 0 {
            let why = end.refused.iter().map(|(node, why)| format!("; {}: {why}", name_of(*node)));
            let why: String = why.collect();
            let n_failed = end.harms_failed;
            return Err(Stop::Failed(format!("{n_failed} faults could not be injected{why}")));
        }
        self.emit(What::RunEnds { reason: end.reason });
        self.hand_over(sink)?;
        Ok(end.reason)
    }

    fn hand_over(&self, sink: &mut dyn Sink) -> Result<(), Stop> {
        self.take().iter().try_for_each(|event| sink.event(event))
    }
}

/// Why a run could not go on.
pub(super) fn failed(what: &str, error: &io::Error) -> Stop {
    Stop::Failed(format!("{what}: {error}"))
}
