//! The rows of a job whose seats have replicas.
//!
//! A job without replicas is interrupted at a constant rate. One with replicas is not: it is the
//! safer the fewer of its nodes are dead. So the exact rows are those of [`Seats`], and formulas
//! for a constant rate, given the mean time to interrupt as M, say that they suppose it.

use super::intervals::{Row, struck_otherwise};
use super::{Prediction, Setting, Subject};
use crate::ids::PartKind;
use crate::scenario::fault::{FaultRule, Radius};
use crate::scenario::replicas::Strategy;
use crate::theory::seats::Seats;
use crate::theory::waste;
use crate::theory::young_daly::{daly, wall_time, young};
use crate::units::Span;

/// The job's seats, and when dead replicas come back.
#[derive(Clone, Copy, Debug)]
pub(super) struct Replicated {
    seats: Seats,
    strategy: Strategy,
}

/// Why no formula of replicas counts the strikes of a rule, if none does.
pub(super) fn reason(of: Subject<'_>, rule: &FaultRule) -> Option<String> {
    of.work().replicas?;
    let each_alone = rule.on.kind == PartKind::Node && rule.radius == Radius::Node;
    if each_alone && rule.on.len() as usize == of.plan.machine.nodes.len() {
        return None;
    }
    Some(format!(
        "the formulas of replicas suppose that all nodes fail alike, each by itself; `{}` strikes \
         some of them, or several together",
        rule.name
    ))
}

impl Replicated {
    /// Of a plan whose job has replicas and whose nodes fail.
    pub(super) fn of(of: Subject<'_>) -> Option<Self> {
        let strategy = of.work().replicas?.strategy;
        Some(Self { seats: of.plan.seats(of.job)?, strategy })
    }

    /// What the numbers are about.
    pub(super) fn notes(&self) -> Vec<String> {
        let Seats { replicated, degree, single, rate } = self.seats;
        let life = Span::from_secs_f64(1.0 / rate).rounded();
        let single = if single > 0.0 { format!(", {single} have one") } else { String::new() };
        let mut notes = vec![
            format!("{replicated} seats have {degree} nodes each{single}; a node lives {life}."),
            format!(
                "{:.2} failures of running nodes interrupt the job, if none is replaced before.",
                self.seats.failures_to_interrupt()
            ),
        ];
        notes.push(match self.strategy {
            Strategy::NoRestart => {
                "The renewal is that of jobs which are interrupted often; a shorter job is \
                 interrupted a little less, since it begins with all its nodes."
            }
            Strategy::Restart => {
                "All dead replicas are taken to be replaced at each checkpoint, for no more than C."
            }
        }
        .to_owned());
        notes
    }

    /// The efficiency by the exact formula, and its name.
    fn exact(&self, setting: &Setting, work: f64) -> (&'static str, f64) {
        let costs = setting.costs();
        // A job without checkpoints begins anew with all its nodes.
        if self.strategy == Strategy::Restart || setting.write.is_none() {
            return ("replicas, exact", self.seats.efficiency_restart(work, costs));
        }
        ("replicas, renewal", self.seats.efficiency_no_restart(work, costs))
    }

    /// What the scenario's own interval comes to.
    pub(super) fn own(&self, of: Subject<'_>, setting: &Setting) -> Vec<Prediction> {
        let work = setting.interval.unwrap_or(setting.work);
        let (name, efficiency) = self.exact(setting, work);
        let mut row = Row::new(setting, name, work).lasting(setting.work / efficiency);
        row.outside = struck_otherwise(of);
        let mut rows = vec![row];
        let (Some(mtbf), Some(write)) = (setting.mtbf, setting.write) else { return rows };
        let costs = setting.costs();
        let repair = costs.recovery + costs.downtime;
        match self.strategy {
            Strategy::NoRestart => {
                let by_daly = wall_time(setting.work, work, write, repair, mtbf);
                let mut row = Row::new(setting, "Daly, wall time", work).lasting(by_daly);
                row.outside = "it supposes interrupts without memory".into();
                rows.push(row);
                let wasted = waste::waste(work + write, costs, mtbf);
                rows.push(Row::new(setting, "first-order waste", work).first_order(1.0 - wasted));
            }
            Strategy::Restart => {
                let overhead = self.seats.overhead_restart(work, write) + repair / mtbf;
                let row = Row::new(setting, "Benoit 2019, first order", work);
                rows.push(row.first_order(1.0 / (1.0 + overhead)));
            }
        }
        rows
    }

    /// Which intervals are called best.
    pub(super) fn best(&self, setting: &Setting) -> Vec<Prediction> {
        let (Some(mtbf), Some(write)) = (setting.mtbf, setting.write) else { return Vec::new() };
        if write <= 0.0 {
            return Vec::new();
        }
        let exact = ("least of the exact formula", self.least(setting));
        let rows = match self.strategy {
            Strategy::NoRestart => vec![
                ("Young 1974", young(write, mtbf)),
                ("Daly 2006, higher order", daly(write, mtbf)),
                exact,
            ],
            Strategy::Restart => {
                vec![("Benoit 2019, first order", self.seats.period_restart(write)), exact]
            }
        };
        let row = |(formula, work): (&'static str, f64)| {
            let row = Row::new(setting, formula, work);
            if work <= 0.0 || work > setting.work {
                return row.unfit("longer than the whole job, or nothing");
            }
            row.lasting(setting.work / self.exact(setting, work).1)
        };
        rows.into_iter().map(row).collect()
    }

    /// The computing of the highest efficiency, by golden section to a millionth.
    fn least(&self, setting: &Setting) -> f64 {
        const GOLDEN: f64 = 0.618_033_988_749_894_9;
        let (mtbf, write) = (setting.mtbf.unwrap_or(1.0), setting.write.unwrap_or(1.0));
        let middle = libm::log(match self.strategy {
            Strategy::NoRestart => young(write, mtbf),
            Strategy::Restart => self.seats.period_restart(write),
        });
        let at = |log: f64| self.exact(setting, libm::exp(log)).1;
        let (mut low, mut high) = (middle - libm::log(10.0), middle + libm::log(10.0));
        while high - low > 1e-6 {
            let (a, b) = (high - GOLDEN * (high - low), low + GOLDEN * (high - low));
            if at(a) > at(b) { high = b } else { low = a }
        }
        libm::exp(f64::midpoint(low, high))
    }
}
