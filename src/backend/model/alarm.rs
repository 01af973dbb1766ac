//! Alarms: what is foreseen of a clock that runs, what is false, and who is warned.

use crate::control::coordinator::Input;
use crate::event::What;
use crate::ids::{FaultId, Part};
use crate::units::{Span, Time};

use super::world::{Timer, World};

impl World<'_> {
    /// The clock of a part begins to run towards `due`: if that is announced, its alarm is set, or
    /// raised at once if less than the lead is left.
    pub(super) fn foresee(&mut self, rule: u16, part: u32, lifetime: u64, due: Time) {
        let Some(lead) = self.chance.announced(FaultId(rule), part, lifetime) else { return };
        let left = due.since(self.now());
        if left <= lead {
            self.alarm(rule, part, left);
        } else {
            let at = self.now() + Span(left.0 - lead.0);
            if at <= self.plan.scenario.stop.at {
                self.rack.schedule(at, Timer::Alarm { rule, part });
            }
        }
    }

    /// An alarm that was set is raised, if the clock has run on since.
    pub(super) fn announce(&mut self, rule: u16, part: u32) {
        let now = self.now();
        let Some(clock) = self.clocks[usize::from(rule)].of(part) else { return };
        let lifetime = u64::from(clock.used) - 1;
        let Some(lead) = self.chance.announced(FaultId(rule), part, lifetime) else { return };
        if clock.is_due(now + lead) {
            self.alarm(rule, part, lead);
        }
    }

    /// Sets the next false alarm of a rule, if it has any.
    pub(super) fn set_false_alarm(&mut self, rule: u16) {
        let number = self.clocks[usize::from(rule)].false_alarms;
        if let Some((at, ..)) = self.chance.false_alarm(FaultId(rule), number, self.now())
            && at <= self.plan.scenario.stop.at
        {
            self.rack.schedule(at, Timer::FalseAlarm { rule });
        }
    }

    /// A false alarm is due. What is down raises none.
    pub(super) fn false_alarm(&mut self, rule: u16) {
        let clocks = &mut self.clocks[usize::from(rule)];
        let drawn = self.chance.false_alarm(FaultId(rule), clocks.false_alarms, self.rack.now());
        let (_, part, lead) = drawn.expect("it was set");
        clocks.false_alarms += 1;
        if clocks.of(part).is_some_and(|clock| clock.runs()) {
            self.alarm(rule, part, lead);
        }
        self.set_false_alarm(rule);
    }

    /// Tells an alarm, and warns each job of which the strike would reach a node.
    fn alarm(&mut self, rule: u16, part: u32, lead: Span) {
        let fault = FaultId(rule);
        let part = Part { kind: self.rule(rule).on.kind, index: part };
        self.tell(What::Alarm { fault, part, lead });
        if !self.control.is_down() {
            self.coordinate(Input::Foreseen(fault, part));
        }
    }
}
