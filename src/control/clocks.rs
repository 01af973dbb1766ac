//! The hazard clocks of one fault rule, and how often its parts have drawn.

use serde::{Deserialize, Serialize};

use crate::ids::FaultId;
use crate::plan::Plan;
use crate::plan::chance::Chance;
use crate::plan::hazard::HazardClock;
use crate::scenario::fault::{FaultRule, Repair, When};
use crate::units::{Span, Time};

/// What changes of one rule, in dense lists for its parts from the first on.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Clocks {
    rule: FaultId,
    first: u32,
    /// None for a rule at a fixed time; the parts between its ranges have one that stands.
    each: Vec<HazardClock>,
    /// Repairs drawn so far of each part, if repairs are drawn.
    repairs: Vec<u32>,
    /// Strikes so far that may have brought others with them.
    pub strikes: u64,
    /// False alarms so far.
    pub false_alarms: u64,
}

impl Clocks {
    /// The clocks of a rule, standing; those between its ranges never run down.
    pub(super) fn new(plan: &Plan, chance: &Chance, rule: FaultId) -> Self {
        let spec = &plan.scenario.faults[usize::from(rule.0)];
        let (first, size) = extent(spec);
        let mut each = Vec::new();
        if matches!(spec.when, When::Lifetime { .. }) {
            each = vec![HazardClock::new(Span::FOREVER); size];
            for part in spec.on.iter() {
                let lifetime = chance.lifetime(rule, part, 0);
                each[(part - first) as usize] = HazardClock::new(lifetime);
            }
        }
        let drawn = if matches!(spec.repair, Repair::After(_)) { size } else { 0 };
        Self { rule, first, each, repairs: vec![0; drawn], strikes: 0, false_alarms: 0 }
    }

    /// Lifetimes and repairs follow other laws from now on. What is left of a lifetime keeps its
    /// share of it. Says of each part whose clock runs when it is due.
    pub(super) fn replan(
        &mut self,
        (before, after): (&Chance, &Chance),
        spec: &FaultRule,
        now: Time,
    ) -> Vec<(u32, Time)> {
        if matches!(spec.repair, Repair::After(_)) {
            self.repairs.resize(extent(spec).1, 0);
        }
        let mut due = Vec::new();
        for part in spec.on.iter() {
            let Some(runs) = self.runs(part) else { continue };
            let k = self.used(part) - 1;
            let [was, is] = [before, after].map(|chance| chance.lifetime(self.rule, part, k));
            if was == is {
                continue;
            }
            self.stop(before, now, part);
            self.of(part).expect("it has a clock").stretch(was, is);
            if runs {
                due.extend(self.start(after, now, part).map(|(at, _)| (part, at)));
            }
        }
        due
    }

    fn of(&mut self, part: u32) -> Option<&mut HazardClock> {
        self.each.get_mut(part.checked_sub(self.first)? as usize)
    }

    /// Whether the clock of a part runs; `None` if it has none.
    pub(super) fn runs(&mut self, part: u32) -> Option<bool> {
        self.of(part).map(|clock| clock.runs())
    }

    /// Whether the clock of a part runs and is due exactly now.
    pub(super) fn is_due(&mut self, part: u32, now: Time) -> bool {
        self.of(part).is_some_and(|clock| clock.is_due(now))
    }

    /// How many lifetimes of a part are used up, the one that runs included.
    pub(super) fn used(&self, part: u32) -> u64 {
        self.each[(part - self.first) as usize].used.into()
    }

    /// Lets the clock of a part run, if it has one. Gives when it is due, and whether it stood.
    pub(super) fn start(&mut self, chance: &Chance, now: Time, part: u32) -> Option<(Time, bool)> {
        let hours = chance.hours(self.rule);
        let clock = self.of(part)?;
        let stood = !clock.runs();
        Some((clock.start(now, hours), stood))
    }

    /// Stops the clock of a part, if it has one.
    pub(super) fn stop(&mut self, chance: &Chance, now: Time, part: u32) {
        let hours = chance.hours(self.rule);
        if let Some(clock) = self.of(part) {
            clock.stop(now, hours);
        }
    }

    /// The clock of a part stands, and so much time is left.
    pub(super) fn set_left(&mut self, part: u32, left: Span) {
        self.of(part).expect("it stands").set_left(left);
    }

    /// Begins the next lifetime of a part, which has a clock; it stands.
    pub(super) fn renew(&mut self, chance: &Chance, part: u32) {
        let lifetime = chance.lifetime(self.rule, part, self.used(part));
        self.of(part).expect("it was used").renew(lifetime);
    }

    /// How long before its end the present lifetime of a part is announced, if it is.
    pub(super) fn announced(&self, chance: &Chance, part: u32) -> Option<Span> {
        chance.announced(self.rule, part, self.used(part) - 1)
    }

    /// How long the next repair of a part takes.
    pub(super) fn repair(&mut self, chance: &Chance, part: u32) -> Span {
        let drawn = &mut self.repairs[(part - self.first) as usize];
        let k = std::mem::replace(drawn, *drawn + 1);
        chance.repair(self.rule, part, k.into())
    }
}

/// The first part of a rule, and how many there are from it to the last.
fn extent(spec: &FaultRule) -> (u32, usize) {
    let first = spec.on.ranges.first().map_or(0, |range| range.start);
    (first, (spec.on.ranges.last().map_or(0, |range| range.end) - first) as usize)
}
