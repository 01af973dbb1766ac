//! The demands of a scenario's `[expect]` table, held against the metrics of a run.

use std::fmt;

use super::{Metric, metrics};
use crate::scenario::{Comparison, Expect};
use crate::units::Span;

/// How a run stands to one demand.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// The demand.
    pub demand: Expect,
    /// How the run stands to it.
    pub standing: Standing,
}

/// How a run stands to a demand.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Standing {
    /// It meets it, with this value.
    Met(f64),
    /// It misses it, with this value.
    Missed(f64),
    /// The metric has no meaning in this run, so the demand is missed.
    Absent,
}

impl Verdict {
    /// Whether the run does what is demanded.
    #[must_use]
    pub fn is_met(&self) -> bool {
        matches!(self.standing, Standing::Met(_))
    }
}

/// Holds each demand against the metrics.
#[must_use]
pub fn check(expect: &[Expect], metrics: &[Metric]) -> Vec<Verdict> {
    let verdict = |demand: &Expect| {
        let measured = metrics.iter().find(|metric| metric.name == demand.metric);
        let standing = match measured {
            Some(metric) if holds(metric.value, demand) => Standing::Met(metric.value),
            Some(metric) => Standing::Missed(metric.value),
            None => Standing::Absent,
        };
        Verdict { demand: demand.clone(), standing }
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

impl Verdict {
    /// The value in the digits that people read: four of a number, a time in its units. All of
    /// them where fewer would stand on the other side of the bound.
    fn short(&self, value: f64) -> String {
        let rounded = if self.is_time() {
            Span::from_secs_f64(value).rounded().as_secs_f64()
        } else {
            four_digits(value)
        };
        let bound = &self.demand.bound;
        let same = rounded.total_cmp(bound) == value.total_cmp(bound);
        let value = if same && value >= 0.0 { rounded } else { value };
        self.in_units(value)
    }

    fn in_units(&self, value: f64) -> String {
        let known = self.is_time() && (0.0..1e9).contains(&value);
        if known { Span::from_secs_f64(value).to_string() } else { value.to_string() }
    }

    fn is_time(&self) -> bool {
        metrics::find(&self.demand.metric).is_some_and(|metric| metric.unit == "s")
    }
}

/// Rounded to four significant digits; whole numbers stay.
fn four_digits(value: f64) -> f64 {
    if value.fract() == 0.0 || !value.is_finite() {
        return value;
    }
    format!("{value:.3e}").parse().unwrap_or(value)
}

impl Verdict {
    /// The demand, such as `efficiency > 0.5`.
    #[must_use]
    pub fn demanded(&self) -> String {
        let Expect { metric, op, bound } = &self.demand;
        let sign = match op {
            Comparison::Less => "<",
            Comparison::AtMost => "<=",
            Comparison::Greater => ">",
            Comparison::AtLeast => ">=",
            Comparison::Equal => "=",
        };
        format!("{metric} {sign} {}", self.in_units(*bound))
    }
}

impl fmt::Display for Verdict {
    /// The demand and what is, such as `efficiency > 0.5 (it is 0.8236)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.demanded())?;
        match self.standing {
            Standing::Met(value) | Standing::Missed(value) => {
                write!(f, " (it is {})", self.short(value))
            }
            Standing::Absent => write!(f, " (it has no meaning in this run)"),
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
    fn verdicts_are_reported_with_the_value_if_there_is_one() {
        let verdicts = verdicts(&[
            ("efficiency", Comparison::Greater, 0.5),
            ("restarts", Comparison::Equal, 0.0),
            ("mtbf", Comparison::Greater, 10.0),
        ]);
        let reported: Vec<_> = verdicts.iter().map(ToString::to_string).collect();
        assert_eq!(
            reported,
            [
                "efficiency > 0.5 (it is 0.75)",
                "restarts = 0 (it is 3)",
                "mtbf > 10 s (it has no meaning in this run)",
            ]
        );
    }

    #[test]
    fn values_are_reported_in_four_digits_and_times_in_their_units() {
        use Comparison::{Greater, Less};
        let reported = |metric: &str, op, bound, value| {
            let demand = Expect { metric: metric.to_owned(), op, bound };
            let standing =
                if holds(value, &demand) { Standing::Met(value) } else { Standing::Missed(value) };
            Verdict { demand, standing }.to_string()
        };
        for (metric, op, bound, value, text) in [
            ("efficiency", Greater, 0.5, 0.823_637_396, "efficiency > 0.5 (it is 0.8236)"),
            (
                "efficiency",
                Greater,
                0.8236,
                0.823_637_396,
                "efficiency > 0.8236 (it is 0.823637396)",
            ),
            ("energy", Less, 1.0, 123_456_789.0, "energy < 1 (it is 123456789)"),
            ("makespan", Less, 432_000.0, 486_129.4, "makespan < 5 d (it is 5 d 15 h 2 min)"),
            ("boot_t100", Less, 40.0, 40.000_1, "boot_t100 < 40 s (it is 40.0001 s)"),
            ("boot_t100", Less, 60.0, 58.328_555_221, "boot_t100 < 1 min (it is 58.33 s)"),
        ] {
            assert_eq!(reported(metric, op, bound, value), text);
        }
    }
}
