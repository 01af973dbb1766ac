//! The demands of a scenario's `[expect]` table, held against the metrics of a run.

use std::fmt;

use super::{Metric, metrics};
use crate::scenario::{Comparison, Expect};

/// How a run stands to one demand.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// The demand.
    pub demand: Expect,
    /// How the run stands to it.
    pub outcome: Outcome,
}

/// How a run stands to a demand.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Outcome {
    /// It meets it, with this value.
    Met(f64),
    /// It misses it, with this value.
    Missed(f64),
    /// The metric has no meaning in this run, so the demand is missed.
    Absent,
    /// There is no such metric: a mistake of the scenario. A name much like it, if any.
    Unknown(Option<&'static str>),
}

impl Verdict {
    /// Whether the run does what is demanded.
    #[must_use]
    pub fn is_met(&self) -> bool {
        matches!(self.outcome, Outcome::Met(_))
    }
}

/// Holds each demand against the metrics.
#[must_use]
pub fn check(expect: &[Expect], metrics: &[Metric]) -> Vec<Verdict> {
    let verdict = |demand: &Expect| {
        let measured = metrics.iter().find(|metric| metric.name == demand.metric);
        let outcome = match measured {
            Some(metric) if holds(metric.value, demand) => Outcome::Met(metric.value),
            Some(metric) => Outcome::Missed(metric.value),
            None if metrics::find(&demand.metric).is_some() => Outcome::Absent,
            None => Outcome::Unknown(metrics::suggest(&demand.metric)),
        };
        Verdict { demand: demand.clone(), outcome }
    };
    expect.iter().map(verdict).collect()
}

/// Compares exactly: `=` is meant for counts.
#[expect(clippy::float_cmp, reason = "the scenario asks for equality")]
fn holds(value: f64, demand: &Expect) -> bool {
    match demand.op {
        Comparison::Less => value < demand.bound,
        Comparison::AtMost => value <= demand.bound,
        Comparison::Greater => value > demand.bound,
        Comparison::AtLeast => value >= demand.bound,
        Comparison::Equal => value == demand.bound,
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Expect { metric, op, bound } = &self.demand;
        let sign = match op {
            Comparison::Less => "<",
            Comparison::AtMost => "<=",
            Comparison::Greater => ">",
            Comparison::AtLeast => ">=",
            Comparison::Equal => "=",
        };
        let word = if self.is_met() { "met" } else { "missed" };
        write!(f, "{word}: {metric} {sign} {bound}")?;
        match self.outcome {
            Outcome::Met(value) | Outcome::Missed(value) => write!(f, " (it is {value})"),
            Outcome::Absent => write!(f, " (it has no meaning in this run)"),
            Outcome::Unknown(None) => write!(f, " (there is no such metric)"),
            Outcome::Unknown(Some(name)) => {
                write!(f, " (there is no such metric; did you mean {name}?)")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdicts(demands: &[(&str, Comparison, f64)]) -> Vec<Verdict> {
        let demand = |(metric, op, bound): &(&str, Comparison, f64)| Expect {
            metric: (*metric).to_owned(),
            op: *op,
            bound: *bound,
        };
        let metric =
            |name: &str, value| Metric { name: name.to_owned(), value, unit: "1".to_owned() };
        let metrics = [metric("efficiency", 0.75), metric("restarts", 3.0)];
        check(&demands.iter().map(demand).collect::<Vec<_>>(), &metrics)
    }

    #[test]
    fn each_comparison_means_what_it_says() {
        use Comparison::{AtLeast, AtMost, Equal, Greater, Less};
        for (op, at_bound, below, above) in [
            (Less, false, true, false),
            (AtMost, true, true, false),
            (Greater, false, false, true),
            (AtLeast, true, false, true),
            (Equal, true, false, false),
        ] {
            let met = verdicts(&[
                ("efficiency", op, 0.75),
                ("efficiency", op, 0.8),
                ("efficiency", op, 0.7),
            ]);
            let met: Vec<_> = met.iter().map(Verdict::is_met).collect();
            assert_eq!(met, [at_bound, below, above], "{op:?}");
        }
    }

    #[test]
    fn verdicts_are_told_with_the_value_or_what_is_wrong_with_the_name() {
        let verdicts = verdicts(&[
            ("efficiency", Comparison::Greater, 0.5),
            ("restarts", Comparison::Equal, 0.0),
            ("mtbf", Comparison::Greater, 10.0),
            ("eficiency", Comparison::Less, 1.0),
            ("xyz", Comparison::Less, 1.0),
        ]);
        let told: Vec<_> = verdicts.iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "met: efficiency > 0.5 (it is 0.75)",
                "missed: restarts = 0 (it is 3)",
                "missed: mtbf > 10 (it has no meaning in this run)",
                "missed: eficiency < 1 (there is no such metric; did you mean efficiency?)",
                "missed: xyz < 1 (there is no such metric)",
            ]
        );
    }
}
