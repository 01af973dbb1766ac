//! What increments and compression make of a checkpoint, as sentences.

use super::{Setting, Subject};
use crate::plan::Access;
use crate::scenario::images::{Compression, Incremental};
use crate::scenario::job::Checkpoint;
use crate::theory::Costs;
use crate::theory::compression;
use crate::theory::incremental::best_length;

/// What is to be known of C and R if checkpoints are increments, or compressed.
pub(super) fn notes(of: Subject<'_>, setting: &Setting) -> Vec<String> {
    let Some(spec) = of.checkpoint() else { return Vec::new() };
    let increments = spec.incremental().map(|own| chain(of, setting, own));
    increments.into_iter().chain(spec.compression().map(|own| packed(of, spec, own))).collect()
}

fn chain(of: Subject<'_>, setting: &Setting, own: Incremental) -> String {
    let [write, read] = [Access::Write, Access::Read { newcomers: 0 }]
        .map(|access| of.plan.mean_share(of.job, access));
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

fn packed(of: Subject<'_>, spec: &Checkpoint, own: Compression) -> String {
    let rate = own.compress.0 as f64;
    let pays_below = compression::Compression { ratio: own.ratio, rate }.pays_below() / 1e6;
    let moved = |level: usize| {
        let share = of.plan.mean_share(of.job, Access::Write);
        let parcel = of.plan.parcel(of.job, level, share, Access::Write);
        let span = of.numbers().level_costs[level].as_secs_f64() - parcel.packing.as_secs_f64();
        format!("{:.2} MB/s", parcel.bytes.0 as f64 / span / 1e6)
    };
    let moved: Vec<_> = (0..spec.levels()).map(moved).collect();
    format!(
        "Compression pays where a node writes at less than {pays_below:.2} MB/s; it writes at {}.",
        moved.join(", ")
    )
}
