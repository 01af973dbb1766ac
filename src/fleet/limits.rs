//! What of a plan the fleet cannot carry out.

use crate::plan::Plan;
use crate::scenario::job::{Checkpoint, Cost, Counts, Place};

/// Why the fleet cannot keep the checkpoints of a plan's job, if it cannot.
#[must_use]
pub fn cannot(plan: &Plan) -> Option<String> {
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
    if let Some(level) = (0..wish.levels()).find(|level| wish.drain(*level).is_some()) {
        return Some(format!(
            "level {} of [checkpoint.multilevel]: agents do not write while they compute",
            level + 1
        ));
    }
    let rule = plan.scenario.faults.iter().find(|rule| rule.severity > 1)?;
    Some(format!(
        "fault `{}` has a `severity`: a failed node does not tell its controller how it failed",
        rule.name
    ))
}
