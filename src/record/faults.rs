//! The faults that a run recorded, as the rules of a scenario: each strikes once, at its own time.
//!
//! So what struck a run of one stage strikes a run of another. A strike keeps what its rule says of
//! it; its time, its part and the end of its damage are those of the log. An upset by a particle
//! and a fault of a chip become what came of them, since that was chance: a crash, a hang, a silent
//! corruption or nothing.
//! Checkpoint intervals that the plan worked out from lifetimes, which are gone, stay as they were.
//!
//! Not modelled: alarms, which foretell rules and not single strikes; damage that had not ended
//! when the run did lasts to the end.

use std::path::Path;

use super::{LogReader, RecordError};
use crate::cosmic::budget::Class;
use crate::event::{Event, What};
use crate::ids::{FaultId, Part};
use crate::plan::Plan;
use crate::scenario::Scenario;
use crate::scenario::fault::{FaultRule, PartSet, Radius, Repair, When};
use crate::scenario::harm::Harm;
use crate::scenario::job::{Checkpoint, Interval, Period};
use crate::scenario::law::Law;
use crate::units::Time;

/// Rules of a scenario at most: their numbers have 16 bits.
const RULES_MAX: usize = u16::MAX as usize;

/// A strike of the log.
struct Strike {
    fault: FaultId,
    part: Part,
    at: Time,
    ended: Option<Time>,
    /// What came of an upset or of a fault of a chip, and whether for good.
    came: Option<(Class, bool)>,
}

/// The scenario of a plan with the faults of a log in the place of its rules, and how many there
/// are.
///
/// # Errors
/// When the log cannot be read, names a rule that the scenario does not have, or holds more
/// strikes than a scenario can; and when keys of the scenario change while the run goes on.
pub fn replayed(plan: &Plan, folder: &Path) -> Result<(Scenario, usize), RecordError> {
    let foreign = |why: String| RecordError::Foreign { path: folder.to_owned(), why };
    let mut strikes = Vec::new();
    for event in LogReader::open(folder)? {
        note(&event?, &mut strikes);
    }
    if strikes.len() > RULES_MAX {
        let count = strikes.len();
        return Err(foreign(format!("{count} faults struck; a scenario holds {RULES_MAX}")));
    }
    let mut faults = Vec::new();
    for (number, strike) in strikes.iter().enumerate() {
        let rule = plan.scenario.faults.get(usize::from(strike.fault.0));
        let rule = rule.ok_or_else(|| {
            foreign(format!("its log names fault rule {}, which no rule is", strike.fault.0))
        })?;
        faults.extend(strike.rule(rule, number + 1));
    }
    let count = faults.len();
    let scenario = with_rules(plan, faults);
    let why = |why| foreign(format!("it cannot be played with the faults of its log: {why}"));
    Ok((scenario.map_err(why)?, count))
}

/// The scenario of a plan with other rules, none of which has lifetimes.
///
/// # Errors
/// When keys of it change while the run goes on: what they become of a rule is said of the rules
/// that are gone. The error is a clause.
pub fn with_rules(plan: &Plan, faults: Vec<FaultRule>) -> Result<Scenario, &'static str> {
    if !plan.changes.is_empty() {
        return Err("its keys change while the run goes on ([[change]]), and that stands on its \
                    own fault rules");
    }
    let mut scenario = Scenario { faults, ..plan.scenario.clone() };
    // Where the repairs of the rules come from says nothing of these.
    scenario.provenance.retain(|figure| !figure.key.starts_with("fault."));
    settle_intervals(&mut scenario, plan);
    // What arrived by a law is a list by now.
    scenario.arrivals = None;
    Ok(scenario)
}

/// Fixes the intervals that follow from lifetimes to what the plan made of them.
fn settle_intervals(scenario: &mut Scenario, plan: &Plan) {
    for (spec, job) in scenario.jobs.iter_mut().zip(plan.jobs.iter()) {
        let Some(Checkpoint::Coordinated(spec)) = &mut spec.checkpoint else { continue };
        if matches!(spec.interval, Interval::Fixed(_) | Interval::Adaptive { .. }) {
            continue;
        }
        if let Some(interval) = job.interval {
            // The plan's is the computing alone.
            (spec.interval, spec.period) = (Interval::Fixed(interval), Period::Work);
        }
    }
}

fn note(event: &Event, strikes: &mut Vec<Strike>) {
    match event.what {
        What::FaultStrikes { fault, part, .. } => {
            strikes.push(Strike { fault, part, at: event.at, ended: None, came: None });
        }
        // Emitted right after its strike.
        What::Upset { class, .. } => came(class, false, strikes),
        What::ChipFault { class, permanent, .. } => came(class, permanent, strikes),
        What::FaultEnds { fault, part, .. } => {
            let open =
                |it: &&mut Strike| (it.fault, it.part) == (fault, part) && it.ended.is_none();
            if let Some(strike) = strikes.iter_mut().find(open) {
                strike.ended = Some(event.at);
            }
        }
        _ => {}
    }
}

fn came(class: Class, for_good: bool, strikes: &mut [Strike]) {
    if let Some(strike) = strikes.last_mut() {
        strike.came = Some((class, for_good));
    }
}

impl Strike {
    /// The rule of this strike alone; `None` if it did nothing.
    fn rule(&self, of: &FaultRule, number: usize) -> Option<FaultRule> {
        let Part { kind: part, index } = self.part;
        let struck: Vec<_> = std::iter::once(index..index + 1).collect();
        let on = PartSet { kind: part, ranges: struck };
        let harm = match (of.harm.beam(), self.came) {
            (None, _) => of.harm.clone(),
            (Some(_), came) => Harm::of_upset(came?.0)?,
        };
        let repair = match (&of.repair, self.ended) {
            (Repair::PowerCycle, _) => Repair::PowerCycle,
            // A power cycle cures a chip that holds what is written to it.
            _ if self.came.is_some_and(|(_, for_good)| !for_good) => Repair::PowerCycle,
            (_, Some(ended)) => Repair::After(Law::Fixed(ended.since(self.at))),
            (_, None) => Repair::Never,
        };
        Some(FaultRule {
            name: format!("{} {number}", of.name),
            harm,
            on,
            when: When::At(self.at),
            cascade: None,
            prediction: None,
            // Whoever else a blast reached has a strike of its own.
            radius: Radius::Node,
            repair,
        })
    }
}
