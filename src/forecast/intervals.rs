//! The scenario's own interval by each formula, and the interval that each formula calls best.

use super::chunks::Chunks;
use super::{Prediction, Setting, Subject, setting};
use crate::scenario::job::{Checkpoint, Cost, Counts, Strikes};
use crate::theory::ettr;
use crate::theory::segment::{Moments, Segment};
use crate::theory::waste;
use crate::theory::young_daly::{daly, daly_first, exact, wall_time, young};
use crate::units::Span;

/// What the scenario's own interval comes to.
pub(super) fn own(of: Subject<'_>, setting: &Setting) -> Vec<Prediction> {
    let chunks = setting::chunks(of);
    let work = chunks.work();
    let row = Row::new(setting, "exact expectation", work);
    let mut rows = vec![row.taking(exact_time(of, setting, &chunks))];
    let (Some(mtbf), Some(write)) = (setting.mtbf, setting.write) else { return rows };
    let costs = setting.costs();
    // Daly has no downtime besides R.
    let repair = costs.recovery + costs.downtime;
    let by_daly = wall_time(setting.work, work, write, repair, mtbf);
    let mut row = Row::new(setting, "Daly, wall time", work).lasting(by_daly);
    row.outside = struck_otherwise(of);
    rows.push(row);
    let wasted = waste::waste(work + write, costs, mtbf);
    rows.push(Row::new(setting, "first-order waste", work).first_order(1.0 - wasted));
    let job = ettr::Job { nodes: 1.0, rate: 1.0 / mtbf, restart: repair, interval: work, write };
    rows.push(Row::new(setting, "ETTR", work).first_order(job.ettr()));
    rows
}

/// Which intervals are called best; none without failures or checkpoints.
pub(super) fn best(of: Subject<'_>, setting: &Setting) -> Vec<Prediction> {
    let (Some(mtbf), Some(write)) = (setting.mtbf, setting.write) else { return Vec::new() };
    if write <= 0.0 {
        return Vec::new();
    }
    let costs = setting.costs();
    let repair = costs.recovery + costs.downtime;
    let equal = equal_chunks(of, setting, write);
    let intervals = [
        ("Young 1974", young(write, mtbf), true),
        ("Daly 2003, first order", daly_first(write, mtbf, repair), true),
        ("Daly 2006, higher order", daly(write, mtbf), false),
        ("exact optimum", exact(write, mtbf), false),
        ("equal chunks", equal.work(), false),
        ("first-order waste, best T", waste::period(costs, mtbf).unwrap_or(0.0) - write, true),
        ("first-order waste, Young's T", waste::period_young(costs, mtbf) - write, true),
        ("first-order waste, Daly's T", waste::period_daly(costs, mtbf) - write, true),
    ];
    let row = |(formula, work, first_order): (&'static str, f64, bool)| {
        let row = Row::new(setting, formula, work);
        let unfit = match work {
            work if work <= 0.0 => Some("a checkpoint costs too much: it leaves no computing"),
            work if work > setting.work => Some("longer than the whole job"),
            _ => None,
        };
        if let Some(unfit) = unfit {
            return Prediction { outside: unfit.to_owned(), ..row.empty };
        }
        let chunks = match formula {
            "equal chunks" => equal,
            _ => Chunks::of(of.numbers(), Some(Span::from_secs_f64(work))),
        };
        let time = exact_time(of, setting, &chunks);
        let outside = if first_order { row.beyond_first_order() } else { String::new() };
        let outside = match formula {
            "Daly 2006, higher order" if write >= 2.0 * mtbf => {
                format!("C is {:.2} of the MTBF: it falls back to W = M from 2 on", write / mtbf)
            }
            "exact optimum" | "equal chunks" => struck_otherwise(of),
            _ => outside,
        };
        Prediction { outside, ..row.taking(time) }
    };
    intervals.into_iter().map(row).collect()
}

/// The equal chunks that take the least time: so many as the closed form says for a job that ends
/// with a checkpoint, or one or two more. Without a checkpoint after the last step there is a
/// checkpoint less to share out.
fn equal_chunks(of: Subject<'_>, setting: &Setting, write: f64) -> Chunks {
    let last = of.checkpoint().is_some_and(Checkpoint::last);
    let work = if last { setting.work } else { setting.work + write };
    let down = libm::floor(segment(of, setting).chunks_best(work)).max(1.0);
    let near = [down, down + 1.0, down + 2.0].map(|count| Chunks::equal(of.numbers(), count));
    let time = |chunks: &Chunks| exact_time(of, setting, chunks).mean;
    near.into_iter().min_by(|a, b| time(a).total_cmp(&time(b))).expect("there are three")
}

/// The exact time of these chunks: all but the last end with a checkpoint, and the last if the
/// scenario has it so.
fn exact_time(of: Subject<'_>, setting: &Setting, chunks: &Chunks) -> Moments {
    let spec = of.checkpoint();
    let segment = segment(of, setting);
    // Before the first checkpoint nothing is read back, unless costs are fixed.
    let mut first = segment;
    if !spec.is_some_and(|spec| matches!(spec.cost(0), Cost::Fixed { .. })) {
        first.costs.recovery = 0.0;
    }
    let last = spec.is_some_and(Checkpoint::last);
    let (work, rest) = (chunks.work(), chunks.rest());
    if chunks.before() == 0 {
        return first.time(rest, last);
    }
    let between = segment.time(work, true).times((chunks.before() - 1) as f64);
    first.time(work, true).and(between).and(segment.time(rest, last))
}

/// A formula with its interval, and all the computing that there is to do.
pub(super) struct Row {
    pub(super) empty: Prediction,
    solve: f64,
}

impl Row {
    pub(super) fn new(setting: &Setting, formula: &'static str, work: f64) -> Self {
        let verified = f64::from(setting.verifications) * setting.verification.unwrap_or(0.0);
        let period = work + setting.write.unwrap_or(0.0) + verified;
        let empty = Prediction {
            formula,
            work,
            period,
            period_of_mtbf: setting.mtbf.map(|mtbf| period / mtbf),
            makespan: None,
            deviation: None,
            efficiency: None,
            outside: String::new(),
        };
        Self { empty, solve: setting.work }
    }

    /// With a makespan of these moments.
    fn taking(self, time: Moments) -> Prediction {
        let deviation = Some(libm::sqrt(time.variance)).filter(|deviation| deviation.is_finite());
        Prediction { deviation, ..self.lasting(time.mean) }
    }

    /// With this makespan.
    pub(super) fn lasting(self, makespan: f64) -> Prediction {
        let known = makespan.is_finite().then_some(makespan);
        Prediction { makespan: known, efficiency: Some(self.solve / makespan), ..self.empty }
    }

    /// Without any number, for this reason.
    pub(super) fn unfit(self, why: &str) -> Prediction {
        Prediction { outside: why.to_owned(), ..self.empty }
    }

    /// With this efficiency, of a formula of the first order.
    pub(super) fn first_order(self, efficiency: f64) -> Prediction {
        let outside = self.beyond_first_order();
        if efficiency <= 0.0 {
            return Prediction { outside, ..self.empty };
        }
        let makespan = self.solve / efficiency;
        Prediction { outside, ..self.lasting(makespan) }
    }

    fn beyond_first_order(&self) -> String {
        let share = self.empty.period_of_mtbf.unwrap_or(0.0);
        if share <= waste::RANGE {
            return String::new();
        }
        format!(
            "period {share:.2} of the MTBF: outside the range of the first order ({})",
            waste::RANGE
        )
    }
}

/// The plan's job between two failures.
fn segment(of: Subject<'_>, setting: &Setting) -> Segment {
    let (strikes, counts) = (setting::strikes(of), setting::counts(of));
    Segment { rate: setting.rate(), costs: setting.costs(), strikes, counts }
}

/// Formulas that suppose the usual switches, under others.
pub(super) fn struck_otherwise(of: Subject<'_>) -> String {
    let usual = Strikes { checkpoint: true, restart: true, downtime: false };
    let mut supposed = Vec::new();
    if setting::strikes(of) != usual {
        supposed.push("failures during checkpoint and restart, and none during downtime");
    }
    if setting::counts(of) != Counts::End {
        supposed.push("checkpoints that count from their end");
    }
    if supposed.is_empty() { String::new() } else { format!("it supposes {}", supposed.join("; ")) }
}
