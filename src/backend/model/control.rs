//! The controller: while it is down, nothing is ordered, noticed or placed.
//!
//! What goes on without it goes on: nodes compute the step that was ordered, write the checkpoint
//! that was ordered, boot, and fail. Whatever needs it waits until it is back; it then gives every
//! node the detector's time to be heard.
//!
//! Not modelled: the time that it takes to read its disk and to hear its agents again.

use std::collections::BTreeMap;

use crate::control::coordinator::Input;
use crate::event::{Cause, PartState, What};
use crate::ids::{JobId, Part, PartKind};
use crate::units::Time;

use super::world::{Timer, World};

/// What the model knows of the controller.
#[derive(Debug, Default)]
pub(super) struct Control {
    /// Faults that keep it down now.
    down: u16,
    /// When it went down.
    since: Time,
    /// What became due while it was down, and when.
    timers: Vec<(Time, Timer)>,
    /// The orders that jobs would have told it are done.
    answers: BTreeMap<JobId, u64>,
}

impl Control {
    /// Whether it is down.
    pub(super) fn is_down(&self) -> bool {
        self.down > 0
    }

    /// A job's nodes have done what was ordered.
    pub(super) fn hold(&mut self, job: JobId, order: u64) {
        self.answers.insert(job, order);
    }
}

impl World<'_> {
    /// The controller stops dead, for one more reason.
    pub(super) fn controller_down(&mut self, cause: Cause) {
        self.control.down += 1;
        if self.control.down == 1 {
            self.control.since = self.now();
            self.tell_controller(PartState::Down, cause);
        }
    }

    /// One of the reasons is gone; with the last one it takes up what has become due.
    pub(super) fn controller_up(&mut self, cause: Cause) {
        self.control.down -= 1;
        if self.control.down > 0 {
            return;
        }
        self.tell_controller(PartState::Up, cause);
        for (due, timer) in std::mem::take(&mut self.control.timers) {
            match timer {
                Timer::Detected { .. } => self.after(self.plan.detection(), timer),
                Timer::PowerOn { node } if self.wards[node as usize].on_at == due => {
                    self.power_on_at(node, self.now());
                }
                Timer::PowerOn { .. } => {}
                _ => self.rack.schedule(self.now(), timer),
            }
        }
        for (job, order) in std::mem::take(&mut self.control.answers) {
            self.coordinate(Input::Done { job, order, found: None });
        }
        self.coordinate(Input::Resumed(self.control.since));
    }

    fn tell_controller(&mut self, state: PartState, cause: Cause) {
        let part = Part { kind: PartKind::Controller, index: 0 };
        self.tell(What::PartState { part, state, cause });
    }

    /// Whether a timer waits for the controller to be back; it is then kept.
    pub(super) fn put_off(&mut self, timer: Timer) -> bool {
        let needs = matches!(
            timer,
            Timer::Start { .. }
                | Timer::PowerOn { .. }
                | Timer::BootDue { .. }
                | Timer::Detected { .. }
                | Timer::Job { .. }
                | Timer::Drained { .. }
                | Timer::Place
        );
        let kept = needs && self.control.is_down();
        if kept {
            self.control.timers.push((self.now(), timer));
        }
        kept
    }
}
