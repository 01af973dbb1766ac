//! What of a plan the fleet cannot carry out.

use crate::ids::JobId;
use crate::plan::Plan;
use crate::scenario::job::{Checkpoint, Cost, Counts, Place};

/// Why the fleet cannot carry out a plan, a sentence for each reason. Empty: it can.
#[must_use]
pub fn cannot(plan: &Plan) -> Vec<String> {
    [cannot_corrupt(plan), cannot_follow_chips(plan), cannot_keep(plan), cannot_tell(plan)]
        .into_iter()
        .flatten()
        .collect()
}

/// Why agents cannot play the silent corruption of a plan, if it has any.
fn cannot_corrupt(plan: &Plan) -> Option<String> {
    if !plan.corrupts() {
        return None;
    }
    let jobs = || (0..plan.jobs.len() as u16).map(JobId);
    let why = if plan.jobs.is_empty() {
        "silent corruption without a job: agents have no memory to corrupt"
    } else if jobs().any(|job| plan.abft(job).is_some()) {
        "silent corruption and `abft`: the data of agents carry no checksums"
    } else if jobs().any(|job| plan.replicas(job).is_some()) {
        "silent corruption and replicas: agents do not compare their memory"
    } else {
        return None;
    };
    Some(why.to_owned())
}

/// Why agents cannot play the faults of chips of a plan, if it has any.
fn cannot_follow_chips(plan: &Plan) -> Option<String> {
    let why = "[[fault.dram]]: agents do not know of the chips of their memory";
    plan.scenario.follows_chips().then(|| why.to_owned())
}

/// Why a failed node cannot say what the controller has to know, if it cannot.
fn cannot_tell(plan: &Plan) -> Option<String> {
    let rule = plan.scenario.faults.iter().find(|rule| rule.harm.severity() > 1)?;
    Some(format!(
        "fault `{}` has a `severity`: a failed node does not tell its controller how it failed",
        rule.name
    ))
}

/// Why the fleet cannot keep the checkpoints of a plan's job, if it cannot.
fn cannot_keep(plan: &Plan) -> Option<String> {
    if !plan.scenario.jobs.is_empty() {
        let reason = "[[job]]: a controller runs one job by itself; `--on model` has several";
        return Some(reason.to_owned());
    }
    let wish = plan.scenario.checkpoint.as_ref()?;
    if matches!(wish, Checkpoint::Coordinated(wish) if wish.counts == Counts::Start) {
        let reason = "[checkpoint.coordinated] counts = \"start\": an agent cannot restart from \
                      an image that it has not written";
        return Some(reason.to_owned());
    }
    if wish.logging().is_some() {
        return Some("[checkpoint.logging]: agents write and restart all together".to_owned());
    }
    if wish.incremental().is_some() {
        let reason = "`incremental`: each step changes all of an agent's memory, so that there is \
                      nothing to leave out; `--on model` has a share";
        return Some(reason.to_owned());
    }
    let unable = |level: &usize| matches!(wish.cost(*level), Cost::Store(Place::Group { .. }));
    if let Some(level) = (0..wish.levels()).find(unable) {
        return Some(format!(
            "level {} of [checkpoint.multilevel]: agents keep whole images, and make no parity of \
             them",
            level + 1
        ));
    }
    let level = (0..wish.levels()).find(|level| wish.drain(*level).is_some())?;
    Some(format!(
        "level {} of [checkpoint.multilevel]: agents do not write while they compute",
        level + 1
    ))
}
