//! What increments and compression make of a checkpoint, as sentences.

use super::{JOB, Setting};
use crate::plan::{Access, Plan};
use crate::scenario::images::{Compression, Incremental};
use crate::scenario::job::Checkpoint;
use crate::theory::Costs;
use crate::theory::compression;
use crate::theory::incremental::best_length;

/// What is to be known of C and R if checkpoints are increments, or compressed.
pub(super) fn notes(plan: &Plan, setting: &Setting) -> Vec<String> {
    let Some(wish) = &plan.scenario.checkpoint else { return Vec::new() };
    let increments = wish.incremental().map(|own| chain(plan, setting, own));
    increments.into_iter().chain(wish.compression().map(|own| packed(plan, wish, own))).collect()
}

fn chain(plan: &Plan, setting: &Setting, own: Incremental) -> String {
    let [write, read] =
        [Access::Write, Access::Read { newcomers: 0 }].map(|access| plan.mean_share(JOB, access));
    let best = setting.mtbf.zip(setting.write).map_or_else(String::new, |(mtbf, mean)| {
        let (write, recovery) = (mean / write, setting.recovery / read);
        let costs = Costs { write, recovery, downtime: setting.downtime };
        let best = best_length(own.share, costs, mtbf);
        format!(" To first order chains of {best} waste least.")
    });
    format!(
        "C and R are means over chains of {}: a checkpoint writes {write:.3} of the state, a \
         restart reads {read:.3} of it.{best}",
        own.full_every
    )
}

fn packed(plan: &Plan, wish: &Checkpoint, own: Compression) -> String {
    let rate = own.compress.0 as f64;
    let pays_below = compression::Compression { ratio: own.ratio, rate }.pays_below() / 1e6;
    let moved = |level: usize| {
        let share = plan.mean_share(JOB, Access::Write);
        let parcel = plan.parcel(JOB, level, share, Access::Write);
        let span = plan.jobs[0].level_costs[level].as_secs_f64() - parcel.packing.as_secs_f64();
        format!("{:.2} MB/s", parcel.bytes.0 as f64 / span / 1e6)
    };
    let moved: Vec<_> = (0..wish.levels()).map(moved).collect();
    format!(
        "Compression pays where a node writes at less than {pays_below:.2} MB/s; it writes at {}.",
        moved.join(", ")
    )
}
