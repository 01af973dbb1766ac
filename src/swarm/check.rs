//! The properties that every run of a swarm must have.
//!
//! Safety: a wrong result is never given, unless silent corruption got past all that looked for it;
//! orders of an older controller or placement are never begun after those of a newer one; a seat is
//! never given to two nodes, or to more than it has replicas; a checkpoint is never restored that
//! was not complete; each fault strikes once and ends once; lives only grow.
//! Liveness: when all has healed, the job finishes.

use std::collections::{BTreeMap, BTreeSet};

use super::Told;
use crate::event::{CorruptionAct, EndReason, JobPhase, What};
use crate::fleet::doors::Notice;
use crate::ids::{JobId, NodeId};
use crate::plan::Plan;
use crate::scenario::fault::{Repair, When};
use crate::units::Time;

/// A property that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breach {
    /// Which.
    pub property: &'static str,
    /// When it was broken.
    pub at: Time,
    /// How, for people.
    pub how: String,
}

impl Breach {
    /// A breach.
    #[must_use]
    pub fn new(property: &'static str, at: Time, how: String) -> Self {
        Self { property, at, how }
    }
}

/// The first breach in a run, if there is one: safety before liveness.
#[must_use]
pub fn check(plan: &Plan, told: &Told) -> Option<Breach> {
    let checks = [results, orders, checkpoints, lives, seats, faults, finishes];
    checks.iter().find_map(|check| check(plan, told))
}

/// A result is the one that the job must have, and there is one at most.
fn results(plan: &Plan, told: &Told) -> Option<Breach> {
    let mut results = told.notices.iter().filter_map(|(at, notice)| match notice {
        Notice::Result { sum } => Some((*at, *sum)),
        _ => None,
    });
    let (at, sum) = results.next()?;
    if Some(sum) != told.expected && !may_be_wrong(plan, told) {
        let how = format!("{sum:016x} in place of {:016x}", told.expected.unwrap_or(0));
        return Some(Breach::new("a result is right", at, how));
    }
    results.next().map(|(at, _)| Breach::new("a result is given once", at, String::new()))
}

/// Whether the truth has corruption in the result, which a verification could miss: it misses
/// some, or memory was struck while it went on, perhaps behind its back.
fn may_be_wrong(plan: &Plan, told: &Told) -> bool {
    let misses = plan.verify(JobId(0)).is_none_or(|verify| verify.coverage < 1.0);
    let (mut verifies, mut behind, mut escaped) = (false, false, false);
    for event in &told.events {
        match event.what {
            What::JobPhase { phase, .. } => verifies = phase == JobPhase::Verify,
            What::Corruption { act: CorruptionAct::Strike, .. } => behind |= verifies,
            What::Corruption { act: CorruptionAct::Escape, .. } => escaped = true,
            _ => {}
        }
    }
    escaped && (misses || behind)
}

/// Terms, placements and order numbers of what agents begin never go back, and of one order a
/// seat is one node's, or its replicas'. A dead replica's place may be another node's later in the
/// same placement, but not in the same order.
fn orders(plan: &Plan, told: &Told) -> Option<Breach> {
    let work = plan.scenario.workload.as_ref();
    let degree = work.and_then(|work| work.replicas).map(|replicas| replicas.degree as usize);
    let mut newest = (0, 0);
    let mut holders: BTreeMap<(u64, Option<u64>, u32), BTreeSet<NodeId>> = BTreeMap::new();
    let mut last: BTreeMap<NodeId, u64> = BTreeMap::new();
    for &(at, notice) in &told.notices {
        let Notice::Obeys { node, term, order, placement, seat } = notice else { continue };
        let name = node.0 + 1;
        if (term, placement) < newest {
            let how = format!(
                "pi{name} begins order {order} of term {term}, placement {placement}, after \
                 {newest:?} began"
            );
            return Some(Breach::new("nobody obeys the past", at, how));
        }
        newest = (term, placement);
        let on = holders.entry((placement, degree.map(|_| order), seat)).or_default();
        on.insert(node);
        if on.len() > degree.unwrap_or(1) {
            let names: Vec<_> = on.iter().map(|node| format!("pi{}", node.0 + 1)).collect();
            let how = format!("{} have seat {seat}", names.join(" and "));
            return Some(Breach::new("a seat is one node's", at, how));
        }
        if last.insert(node, order).is_some_and(|last| last >= order) {
            let how = format!("pi{name} begins order {order} again");
            return Some(Breach::new("an order is carried out once", at, how));
        }
    }
    None
}

/// Whatever is loaded had been saved by every seat.
fn checkpoints(_: &Plan, told: &Told) -> Option<Breach> {
    let mut saved: BTreeMap<u64, BTreeSet<u32>> = BTreeMap::new();
    for &(at, notice) in &told.notices {
        match notice {
            Notice::Saved { checkpoint, seat, .. } => {
                saved.entry(checkpoint).or_default().insert(seat);
            }
            Notice::Loads { node, checkpoint, of } => {
                let complete = saved.get(&checkpoint).map_or(0, BTreeSet::len);
                if complete < of as usize {
                    let how = format!(
                        "pi{} loads checkpoint {checkpoint}, of which {complete} of {of} seats \
                         are saved",
                        node.0 + 1
                    );
                    let property = "only complete checkpoints are restored";
                    return Some(Breach::new(property, at, how));
                }
            }
            _ => {}
        }
    }
    None
}

/// A node's life never goes back, and nobody joins with one that is over.
fn lives(_: &Plan, told: &Told) -> Option<Breach> {
    let mut lives = BTreeMap::new();
    for event in &told.events {
        if let What::NodeState { node, life, .. } = event.what {
            let last = lives.insert(node, life);
            if last.is_some_and(|last| last > life) {
                let how = format!("pi{} lives {last:?}, then {life:?}", node.0 + 1);
                return Some(Breach::new("lives grow", event.at, how));
            }
        }
    }
    None
}

/// A node joins a job that it is not in, and leaves one that it is in.
fn seats(_: &Plan, told: &Told) -> Option<Breach> {
    let mut members = BTreeSet::new();
    for event in &told.events {
        if let What::JobNode { node, joined, .. } = event.what {
            let changed = if joined { members.insert(node) } else { members.remove(&node) };
            if !changed {
                let how = format!("pi{} {}", node.0 + 1, if joined { "joins" } else { "leaves" });
                return Some(Breach::new("nodes join and leave in turn", event.at, how));
            }
        }
    }
    None
}

/// Each fault at a fixed time, in a run that goes on long enough, strikes once, and ends once if it
/// ends by itself.
fn faults(plan: &Plan, told: &Told) -> Option<Breach> {
    let mut counts: BTreeMap<_, (u32, u32)> = BTreeMap::new();
    for event in &told.events {
        match event.what {
            What::FaultStrikes { fault, part, .. } => {
                counts.entry((fault, part)).or_default().0 += 1;
            }
            What::FaultEnds { fault, part, .. } => counts.entry((fault, part)).or_default().1 += 1,
            _ => {}
        }
    }
    let wrong = counts.iter().find(|((fault, _), (strikes, ends))| {
        let rule = &plan.scenario.faults[usize::from(fault.0)];
        matches!(rule.when, When::At(_))
            && (*strikes != 1 || *ends > u32::from(matches!(rule.repair, Repair::After(_))))
    });
    let ((fault, part), (strikes, ends)) = wrong?;
    let how = format!(
        "fault {} on {} strikes {strikes} times and ends {ends} times",
        fault.0 + 1,
        plan.machine.name(*part)
    );
    Some(Breach::new("a harm is done once and undone once", Time::ZERO, how))
}

/// The job is done before the time is up.
fn finishes(_: &Plan, told: &Told) -> Option<Breach> {
    let last = told.events.last()?;
    let done = matches!(last.what, What::RunEnds { reason: EndReason::WorkDone });
    let has_result = told.notices.iter().any(|(_, n)| matches!(n, Notice::Result { .. }));
    let how = format!("{:?}", last.what);
    (!done || !has_result).then(|| Breach::new("the job finishes", last.at, how))
}
