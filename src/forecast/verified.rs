//! Theory of a job whose memory is verified: patterns of computing, verifications, a checkpoint.
//!
//! Checks at the end of each step that throw the job back are verifications that cost nothing, of
//! the share of the corruption that they find.

use super::chunks::Chunks;
use super::intervals::Row;
use super::{Prediction, Setting, Subject, setting};
use crate::scenario::job::{Checkpoint, Counts, Exposed};
use crate::theory::silent::Pattern;
use crate::units::Span;

/// What the scenario's own pattern comes to, and which pattern is best; `None` if nothing is
/// verified. All verifications find what there is to find.
pub(super) fn of(of: Subject<'_>, setting: &Setting) -> Option<(Vec<Prediction>, Vec<Prediction>)> {
    let chunks = setting::chunks(of);
    let of_steps = setting::thrown_back(of);
    let (verification, found) = match (setting.verification, of_steps) {
        (Some(verification), _) => (verification, 1.0),
        (None, Some(coverage)) => (0.0, coverage),
        (None, None) => return None,
    };
    let pattern = Pattern {
        silent: setting.silent.map_or(0.0, |mean| found / mean),
        failures: setting.rate(),
        verification,
        verifications: setting.verifications,
        costs: setting.costs(),
    };
    let row = |formula, work: f64, chunks: &Chunks| {
        let time = whole(of, setting, &pattern, chunks);
        let row = Row::new(setting, formula, work).lasting(time);
        Prediction { outside: outside(of, setting), ..row }
    };
    let name = if of_steps.is_some() { "checked steps" } else { "verified pattern" };
    let own = vec![row(name, chunks.work(), &chunks)];
    if of_steps.is_some() || pattern.silent + pattern.failures <= 0.0 {
        return Some((own, Vec::new()));
    }
    let taking = |formula, work: f64| {
        row(formula, work, &Chunks::of(of.numbers(), Some(Span::from_secs_f64(work))))
    };
    let best = vec![
        taking("verified pattern, first order", pattern.work_first()),
        taking("verified pattern, best W", pattern.work_best()),
    ];
    Some((own, best))
}

/// The time of all patterns: the last one may be shorter, and has a checkpoint only if one is
/// written after the last step.
fn whole(of: Subject<'_>, setting: &Setting, pattern: &Pattern, chunks: &Chunks) -> f64 {
    let last = of.checkpoint().is_some_and(Checkpoint::last);
    let (of_each, of_last) = match setting.verification {
        Some(_) => chunks.verifications(setting.verifications),
        // The check of each step.
        None => chunks.steps(),
    };
    let with = |checks: u64| {
        let verifications = u32::try_from(checks).unwrap_or(u32::MAX);
        Pattern { verifications, ..*pattern }
    };
    let mut end = with(of_last);
    if !last {
        end.costs.write = 0.0;
    }
    chunks.before() as f64 * with(of_each).time(chunks.work()) + end.time(chunks.rest())
}

/// Why the formula is outside of its range; empty if it is inside.
fn outside(of: Subject<'_>, setting: &Setting) -> String {
    let strikes = setting::strikes(of);
    let spec = of.checkpoint();
    let always = spec.is_some_and(|spec| spec.strikes().silent == Exposed::Always);
    let (steps, _) = setting::chunks(of).steps();
    let uneven =
        setting.verification.is_some() && !steps.is_multiple_of(setting.verifications.into());
    let fails = setting.mtbf.is_some();
    let reasons = [
        (fails && strikes.checkpoint, "failures during checkpoints"),
        (fails && strikes.restart, "failures during recovery"),
        (always && setting.silent.is_some(), "corruption outside of computing"),
        (setting::counts(of) == Counts::Start, "checkpoints that count from their start"),
        (uneven, "steps between verifications that are not all equally many"),
    ];
    let reported: Vec<_> =
        reasons.iter().filter(|(holds, _)| *holds).map(|(_, why)| *why).collect();
    if reported.is_empty() {
        String::new()
    } else {
        format!("it leaves out {}", reported.join(", "))
    }
}
