//! How long jobs were in the queue, and what that was against their time on nodes.
//!
//! Bounded slowdown of a job that waited w for its nodes and was done r after that:
//! max(1, (w + r) / max(r, 10 s)). Below 10 s a wait that nobody minds would count as a large
//! slowdown. Source: Feitelson, Rudolph, Schwiegelshohn, Sevcik, Wong, "Theory and practice in
//! parallel job scheduling", JSSPP 1997 (recalled).

use super::metrics::Table;
use super::sample::Sample;

/// The least time on nodes that counts (ns).
const BOUND: u64 = 10_000_000_000;

/// When a job was submitted, first placed and done (ns).
#[derive(Clone, Copy, Debug)]
pub(super) struct Stay {
    pub(super) submit: u64,
    pub(super) start: Option<u64>,
    pub(super) done: Option<u64>,
}

impl Stay {
    /// Time until it was first placed (ns).
    pub(super) fn wait(self) -> Option<u64> {
        self.start.map(|start| start - self.submit)
    }

    /// Its bounded slowdown, if it is done.
    pub(super) fn slowdown(self) -> Option<f64> {
        let (start, done) = (self.start?, self.done?);
        let all = (done - self.submit) as f64;
        Some((all / (done - start).max(BOUND) as f64).max(1.0))
    }
}

/// The metrics of the queue.
pub(super) fn measure(stays: &[Stay], timed_out: usize, table: &mut Table) {
    let mut waits = Sample::default();
    stays.iter().filter_map(|stay| stay.wait()).for_each(|wait| waits.add(wait));
    table.count("jobs_timed_out", timed_out as u64);
    table.maybe("queue_wait_mean", waits.mean_s());
    let [p50, p95] = waits.percentiles_s([50, 95]).map_or([None; 2], |p| p.map(Some));
    table.maybe("queue_wait_p50", p50);
    table.maybe("queue_wait_p95", p95);
    table.maybe("queue_wait_max", waits.max_s());
    let mut slowdowns: Vec<f64> = stays.iter().filter_map(|stay| stay.slowdown()).collect();
    slowdowns.sort_unstable_by(f64::total_cmp);
    let mean = slowdowns.iter().sum::<f64>() / slowdowns.len() as f64;
    let is_any = !slowdowns.is_empty();
    table.maybe("bounded_slowdown_mean", is_any.then_some(mean));
    // By nearest rank, as the quantiles of spans.
    let rank = |percent: usize| (slowdowns.len() * percent).div_ceil(100).max(1) - 1;
    table.maybe("bounded_slowdown_p50", slowdowns.get(rank(50)).copied());
    table.maybe("bounded_slowdown_p95", slowdowns.get(rank(95)).copied());
    let turnarounds = stays.iter().filter_map(|stay| Some(stay.done? - stay.submit));
    let mut sample = Sample::default();
    turnarounds.for_each(|span| sample.add(span));
    table.maybe("turnaround_mean", sample.mean_s());
}
