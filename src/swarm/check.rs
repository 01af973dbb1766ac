//! The properties that every run of a swarm must have.
//!
//! Safety: a wrong result is never given, unless silent corruption got past all that looked for it;
//! each controller has a higher term than those before it; no process that knows of a newer one
//! obeys an older one, or an older placement; a seat is never given to two nodes, or to more than
//! it has replicas; a step is done when all of its placement have computed it, a checkpoint
//! committed and restored when all seats have saved it; a process has in its memory what it wrote
//! there itself; each fault strikes once and ends once; lives only grow.
//!
//! Liveness: when all has healed, the job finishes.

use std::collections::{BTreeMap, BTreeSet};

use super::Transcript;
use crate::event::{CheckpointAct, CorruptionAct, EndReason, JobPhase, What};
use crate::fleet::ports::Notice;
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
pub fn check(plan: &Plan, transcript: &Transcript) -> Option<Breach> {
    let checks = [
        terms, orders, seats, steps, commits, loads, memory, lives, members, faults, results,
        finishes,
    ];
    checks.iter().find_map(|check| check(plan, transcript))
}

/// A result is the one that the job must have, and there is one at most.
fn results(plan: &Plan, transcript: &Transcript) -> Option<Breach> {
    let mut results = transcript.notices.iter().filter_map(|(at, notice)| match notice {
        Notice::Result { sum } => Some((*at, *sum)),
        _ => None,
    });
    let (at, sum) = results.next()?;
    if Some(sum) != transcript.expected && !may_be_wrong(plan, transcript) {
        let how = format!("{sum:016x} in place of {:016x}", transcript.expected.unwrap_or(0));
        return Some(Breach::new("a result is right", at, how));
    }
    results.next().map(|(at, _)| Breach::new("a result is given once", at, String::new()))
}

/// Whether the truth has corruption in the result, which a verification could miss: it misses
/// some, or memory was struck while it went on, perhaps behind its back.
fn may_be_wrong(plan: &Plan, transcript: &Transcript) -> bool {
    let misses = plan.verify(JobId(0)).is_none_or(|verify| verify.coverage < 1.0);
    let (mut verifies, mut behind, mut escaped) = (false, false, false);
    for event in &transcript.events {
        match event.what {
            What::JobPhase { phase, .. } => verifies = phase == JobPhase::Verify,
            What::Corruption { act: CorruptionAct::Strike, .. } => behind |= verifies,
            What::Corruption { act: CorruptionAct::Escape, .. } => escaped = true,
            _ => {}
        }
    }
    escaped && (misses || behind)
}

/// Each controller has a term of its own, higher than all before it.
fn terms(_: &Plan, transcript: &Transcript) -> Option<Breach> {
    let mut last = 0;
    for &(at, notice) in &transcript.notices {
        let Notice::Term { term } = notice else { continue };
        if term <= last {
            let how = format!("a controller of term {term} begins after one of term {last}");
            return Some(Breach::new("terms grow", at, how));
        }
        last = term;
    }
    None
}

/// What a process of an agent knows.
#[derive(Clone, Copy, Debug, Default)]
struct Process {
    /// The newest controller that it was taken in by or obeyed.
    term: u64,
    /// Of its last order, and who gave it.
    given_by: u64,
    placement: u64,
    order: u64,
}

/// A process of an agent that knows of a newer controller neither obeys an older one nor lets it
/// take it in, and its placements and orders of one controller only go forward.
fn orders(_: &Plan, transcript: &Transcript) -> Option<Breach> {
    let mut processes: BTreeMap<NodeId, Process> = BTreeMap::new();
    for &(at, notice) in &transcript.notices {
        let (node, term) = match notice {
            Notice::Begins { node } => {
                processes.remove(&node);
                continue;
            }
            Notice::Serves { node, term } | Notice::Obeys { node, term, .. } => (node, term),
            _ => continue,
        };
        let known = processes.entry(node).or_default();
        let before = *known;
        let breach = |property, how: String| {
            let how = format!("pi{} {how}, and knows {before:?}", node.0 + 1);
            Some(Breach::new(property, at, how))
        };
        if term < known.term {
            return breach("nobody obeys the past", format!("takes a word of term {term}"));
        }
        known.term = term;
        let Notice::Obeys { order, placement, .. } = notice else { continue };
        let same = term == known.given_by;
        if same && placement < known.placement {
            return breach("nobody obeys the past", format!("begins placement {placement}"));
        }
        if order == known.order || same && order < known.order {
            return breach("an order is carried out once", format!("begins order {order}"));
        }
        (known.given_by, known.placement, known.order) = (term, placement, order);
    }
    None
}

/// Of one placement a seat is one node's, or its replicas'. A dead replica's place may be another
/// node's later in the same placement, but not in the same order. While two controllers give
/// orders, each has placements of its own.
fn seats(plan: &Plan, transcript: &Transcript) -> Option<Breach> {
    let work = plan.scenario.jobs.first().map(|job| &job.work);
    let degree = work.and_then(|work| work.replicas).map(|replicas| replicas.degree as usize);
    let mut holders: BTreeMap<_, BTreeSet<NodeId>> = BTreeMap::new();
    for &(at, notice) in &transcript.notices {
        let Notice::Obeys { node, term, order, placement, seat } = notice else { continue };
        let reign = transcript.taken_over.then_some(term);
        let on = holders.entry((reign, placement, degree.map(|_| order), seat)).or_default();
        on.insert(node);
        if on.len() > degree.unwrap_or(1) {
            let names: Vec<_> = on.iter().map(|node| format!("pi{}", node.0 + 1)).collect();
            let how = format!("{} have seat {seat}", names.join(" and "));
            return Some(Breach::new("a seat is one node's", at, how));
        }
    }
    None
}

/// The seats of the job that have not done something.
fn missing(plan: &Plan, have: Option<&BTreeSet<u32>>) -> Vec<u32> {
    let seats = plan.jobs.first().map_or(0, |job| job.seats);
    (0..seats).filter(|seat| have.is_none_or(|have| !have.contains(seat))).collect()
}

/// Events of the log, each with the notices up to its time.
fn with_notices(transcript: &Transcript) -> impl Iterator<Item = (Time, What, &[(Time, Notice)])> {
    transcript.events.iter().map(|event| {
        let end = transcript.notices.partition_point(|(at, _)| *at <= event.at);
        (event.at, event.what, &transcript.notices[..end])
    })
}

/// A step is done when a node of each seat has computed it, under the newest placement that any
/// has begun.
fn steps(plan: &Plan, transcript: &Transcript) -> Option<Breach> {
    let (mut seen, mut newest) = (0, (0, 0));
    let mut computed: BTreeMap<(u64, u64), BTreeSet<u32>> = BTreeMap::new();
    for (at, what, notices) in with_notices(transcript) {
        for (_, notice) in &notices[seen..] {
            match *notice {
                Notice::Obeys { term, placement, .. } => newest = newest.max((term, placement)),
                Notice::Computed { placement, step, seat, .. } => {
                    computed.entry((placement, step)).or_default().insert(seat);
                }
                _ => {}
            }
        }
        seen = notices.len();
        let What::StepDone { step, .. } = what else { continue };
        let missing = missing(plan, computed.get(&(newest.1, step)));
        if !missing.is_empty() {
            let how = format!("step {step} without seats {missing:?} of placement {}", newest.1);
            return Some(Breach::new("a step is done when all have done it", at, how));
        }
    }
    None
}

/// A checkpoint is committed when all seats have saved it.
fn commits(plan: &Plan, transcript: &Transcript) -> Option<Breach> {
    let mut seen = 0;
    let mut saved: BTreeMap<u64, BTreeSet<u32>> = BTreeMap::new();
    for (at, what, notices) in with_notices(transcript) {
        for (_, notice) in &notices[seen..] {
            if let Notice::Saved { checkpoint, seat, .. } = *notice {
                saved.entry(checkpoint).or_default().insert(seat);
            }
        }
        seen = notices.len();
        let What::Checkpoint { number, act: CheckpointAct::Commit, .. } = what else { continue };
        let missing = missing(plan, saved.get(&number));
        if !missing.is_empty() {
            let how = format!("checkpoint {number} without seats {missing:?}");
            return Some(Breach::new("only complete checkpoints are committed", at, how));
        }
    }
    None
}

/// Whatever is loaded had been saved by every seat.
fn loads(plan: &Plan, transcript: &Transcript) -> Option<Breach> {
    let mut saved: BTreeMap<u64, BTreeSet<u32>> = BTreeMap::new();
    for &(at, notice) in &transcript.notices {
        match notice {
            Notice::Saved { checkpoint, seat, .. } => {
                saved.entry(checkpoint).or_default().insert(seat);
            }
            Notice::Loads { node, checkpoint, .. } => {
                let missing = missing(plan, saved.get(&checkpoint));
                if !missing.is_empty() {
                    let how = format!(
                        "pi{} loads checkpoint {checkpoint}, not saved by seats {missing:?}",
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

/// What a process loads from its own memory was written there while it ran, or loaded by it.
fn memory(_: &Plan, transcript: &Transcript) -> Option<Breach> {
    let mut has: BTreeMap<NodeId, BTreeSet<u64>> = BTreeMap::new();
    for &(at, notice) in &transcript.notices {
        match notice {
            Notice::Begins { node } => drop(has.insert(node, BTreeSet::new())),
            // A process may hold images of others, and of each checkpoint that is written now.
            Notice::Saved { checkpoint, .. } => {
                for has in has.values_mut() {
                    has.insert(checkpoint);
                }
            }
            Notice::Loaded { node, checkpoint, .. } => {
                has.entry(node).or_default().insert(checkpoint);
            }
            Notice::Loads { node, checkpoint, held: true, .. }
                if !has.get(&node).is_some_and(|has| has.contains(&checkpoint)) =>
            {
                let how = format!("pi{} loads checkpoint {checkpoint}", node.0 + 1);
                let property = "a process has only its own memory";
                return Some(Breach::new(property, at, how));
            }
            _ => {}
        }
    }
    None
}

/// A node's life never goes back, and nobody joins with one that is over.
fn lives(_: &Plan, transcript: &Transcript) -> Option<Breach> {
    let mut joined = BTreeMap::new();
    for &(at, notice) in &transcript.notices {
        let Notice::Joined { node, life } = notice else { continue };
        let last = joined.insert(node, life);
        if last.is_some_and(|last| last > life) {
            let how = format!("pi{} is taken in as {life:?} after {last:?}", node.0 + 1);
            return Some(Breach::new("nobody is taken in twice", at, how));
        }
    }
    let mut lives = BTreeMap::new();
    for event in &transcript.events {
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
fn members(_: &Plan, transcript: &Transcript) -> Option<Breach> {
    let mut members = BTreeSet::new();
    for event in &transcript.events {
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
fn faults(plan: &Plan, transcript: &Transcript) -> Option<Breach> {
    let mut counts: BTreeMap<_, (u32, u32)> = BTreeMap::new();
    for event in &transcript.events {
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
fn finishes(_: &Plan, transcript: &Transcript) -> Option<Breach> {
    let last = transcript.events.last()?;
    let done = matches!(last.what, What::RunEnds { reason: EndReason::WorkDone });
    let has_result = transcript.notices.iter().any(|(_, n)| matches!(n, Notice::Result { .. }));
    let how = format!("{:?}", last.what);
    (!done || !has_result).then(|| Breach::new("the job finishes", last.at, how))
}
