//! A failure trace as numbers: how often its machines fail, and the laws of the spans between.
//!
//! The mean time between failures is the time for which a system was watched over its failures.
//! That is more than the mean of the gaps of nodes: the time before a node's first failure and
//! after its last is in no gap, nor is any time of a node that never failed. So the lifetimes of
//! [`Rule`] have the mean time for which a node was up per failure, and only their shape is that of
//! a law fitted to the uptimes. How long nodes were watched and down: [`crate::trace::Watched`].
//!
//! Where records of a node overlap, each time down is taken off. So a mean lifetime and a mean
//! repair together are the time of the nodes per failure, and a scenario fails as often.
//!
//! Not modelled: nodes that differ. The spread of what is pooled over unlike nodes is that of the
//! nodes as well, so that a shape pooled over them is lower than that of each.

use std::collections::BTreeMap;

use serde::Serialize;

use super::laws::{self, Fit, SpanLaw, Stretch, Summary, Unfit};
use crate::trace::{Failure, Quantity, Sample, Selection, Trace, Watched};

/// Stretches of ages in which the hazard is counted, to a decade.
const STRETCHES_PER_DECADE: u32 = 6;
/// Spans that end in each stretch at least: its hazard then has a standard error of 20 %.
const STRETCH_LEAST: usize = 25;

/// The failures of a selection in numbers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TraceFits {
    /// How many failures.
    pub failures: usize,
    /// How many nodes its systems have.
    pub nodes: u64,
    /// Systems with failures in the selection.
    pub systems: Vec<u32>,
    /// The start of the first failure, in words.
    pub first: String,
    /// The start of the last failure, in words.
    pub last: String,
    /// Mean time between failures, for all its systems together (s); `None` if no time is known
    /// in which they were watched, as for a single failure.
    pub mtbf_s: Option<f64>,
    /// Mean time between failures of a node (s).
    pub node_mtbf_s: Option<f64>,
    /// The spans that were asked for.
    pub spans: Vec<Spans>,
    /// What a scenario may take over.
    pub rule: Option<Rule>,
    /// Why there is no such thing.
    pub no_rule: Option<String>,
}

/// Spans of one kind and the laws fitted to them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Spans {
    /// Which.
    #[serde(serialize_with = "word")]
    pub of: Quantity,
    /// Mean, median and C² of all that are not negative; `None` if there are too few.
    pub summary: Option<Summary>,
    /// Those of zero: part of the summary, left out of the fits.
    pub zeros: usize,
    /// Those below zero: left out of both.
    pub negative: usize,
    /// The laws, the best first; empty if none can be fitted.
    pub fits: Vec<Fit>,
    /// Why none can be fitted.
    pub unfit: Option<String>,
    /// The spans that were fitted, ascending (s).
    #[serde(skip)]
    pub sample_s: Vec<f64>,
    /// The hazard that the spans show.
    #[serde(skip)]
    pub hazards: Vec<Stretch>,
}

/// What a scenario may take over: lifetimes of nodes, and their repair times if any are known.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Rule {
    /// The law of lifetimes, its mean already that of [`Rule::uptime_s`].
    pub lifetime: Spread,
    /// Time for which a node was up per failure (s).
    pub uptime_s: f64,
    /// Mean of the uptimes that lie between two failures of a node (s).
    pub pooled_s: f64,
    /// The law of repair times.
    pub repair: Option<Spread>,
    /// Why there is none.
    pub no_repair: Option<String>,
}

/// How spans are spread, as a scenario says it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Spread {
    /// By a law that was fitted.
    Law(SpanLaw),
    /// Not at all.
    Fixed {
        /// Each of them (s).
        fixed: f64,
    },
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn word<S: serde::Serializer>(quantity: &Quantity, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(quantity.word())
}

impl TraceFits {
    /// Fits the laws of these spans of a selection; `None` if it has no failure.
    #[must_use]
    pub fn of(trace: &Trace, selection: &Selection, wanted: &[Quantity]) -> Option<Self> {
        let failures = selection.of(trace);
        let (first, last) = (failures.first()?, failures.last()?);
        let mut of_system: BTreeMap<u32, Vec<&Failure>> = BTreeMap::new();
        for failure in &failures {
            of_system.entry(failure.system).or_default().push(failure);
        }
        let watched: Vec<Watched> = of_system
            .iter()
            .filter_map(|(system, failures)| selection.watched(trace, *system, failures))
            .collect();
        let time_s: f64 = watched.iter().map(|system| system.time_s).sum();
        let down_s: f64 = watched.iter().map(|system| system.down_s).sum();
        let from = watched.iter().map(|system| system.from).min()?;
        let to = watched.iter().map(|system| system.to).max()?;
        let per_failure = |time: f64| (time > 0.0).then_some(time / failures.len() as f64);
        let (rule, no_rule) = match Rule::of(&failures, (time_s, down_s)) {
            Ok(rule) => (Some(rule), None),
            Err(why) => (None, Some(why)),
        };
        Some(Self {
            failures: failures.len(),
            nodes: watched.iter().map(|system| u64::from(system.nodes)).sum(),
            systems: of_system.keys().copied().collect(),
            first: first.start.to_string(),
            last: last.start.to_string(),
            mtbf_s: per_failure(to.since(from) as f64),
            node_mtbf_s: per_failure(time_s),
            spans: wanted.iter().map(|quantity| Spans::of(*quantity, &failures)).collect(),
            rule,
            no_rule,
        })
    }
}

impl Spans {
    fn of(quantity: Quantity, failures: &[&Failure]) -> Self {
        let sample = Sample::of(quantity, failures);
        let (fits, unfit) = match laws::all(&sample.spans_s) {
            Ok(fits) => (fits, None),
            Err(unfit) => (Vec::new(), Some(unfit.to_string())),
        };
        Self {
            of: quantity,
            summary: laws::summary(&sample.with_zeros()),
            zeros: sample.zeros,
            negative: sample.negative,
            fits,
            unfit,
            hazards: laws::hazards(&sample.spans_s, STRETCHES_PER_DECADE, STRETCH_LEAST),
            sample_s: sample.spans_s,
        }
    }
}

impl Rule {
    /// The rule of these failures, whose nodes were watched and down for so long (s); or why there
    /// is none.
    fn of(failures: &[&Failure], (time_s, down_s): (f64, f64)) -> Result<Self, String> {
        let uptimes = Sample::of(Quantity::Uptimes, failures);
        if uptimes.count() == 0 {
            let any_node = failures.iter().any(|failure| failure.node.is_some());
            let lacks = if any_node { "no node failed twice" } else { "no failure names its node" };
            return Err(lacks.to_owned());
        }
        let lifetime = Spread::of(&uptimes, Quantity::Uptimes)?;
        let mean_s = (time_s - down_s) / failures.len() as f64;
        if mean_s <= 0.0 {
            let hours = |seconds: f64| libm::round(seconds / 3600.0);
            return Err(format!(
                "its nodes were watched for {} h and down for {} h of them, all failures together",
                hours(time_s),
                hours(down_s)
            ));
        }
        let repair = Spread::of(&Sample::of(Quantity::Repairs, failures), Quantity::Repairs);
        Ok(Self {
            lifetime: lifetime.with_mean(mean_s),
            uptime_s: mean_s,
            pooled_s: crate::analysis::stats::mean(&uptimes.spans_s).unwrap_or_default(),
            no_repair: repair.clone().err(),
            repair: repair.ok(),
        })
    }
}

impl Spread {
    /// The best that a scenario can say of spans, or why it can say nothing.
    fn of(sample: &Sample, quantity: Quantity) -> Result<Self, String> {
        let (all, above, what) = (sample.count(), sample.spans_s.len(), quantity.words());
        match laws::all(&sample.spans_s) {
            Ok(fits) => {
                let best = fits.into_iter().map(|fit| fit.law).find(SpanLaw::can_be_said);
                best.map(Self::Law).ok_or_else(|| {
                    format!("no law of the {what} lies within the bounds of a scenario's keys")
                })
            }
            Err(Unfit::AllTheSame) => Ok(Self::Fixed { fixed: sample.spans_s[0] }),
            Err(Unfit::TooFew(_)) => Err(match (all - above, sample.negative) {
                (0, _) => format!("{what}: {all} in all, and a law is fitted to 3 at least"),
                (_, 0) => format!(
                    "{what}: {above} of {all} are above zero, and a law is fitted to 3 at least"
                ),
                (_, negative) => format!(
                    "{what}: {above} of {all} are above zero and {negative} below, and a law is \
                     fitted to 3 at least"
                ),
            }),
        }
    }

    /// The same with another mean (s).
    fn with_mean(self, mean: f64) -> Self {
        match self {
            Self::Law(law) => Self::Law(law.with_mean(mean)),
            Self::Fixed { .. } => Self::Fixed { fixed: mean },
        }
    }
}

impl SpanLaw {
    /// Whether a scenario can say it: within the bounds of its keys, and not below 1 ns.
    fn can_be_said(&self) -> bool {
        match *self {
            Self::Exponential { mean } => mean >= 1e-9,
            Self::Weibull { shape, scale } => (0.1..=50.0).contains(&shape) && scale >= 1e-9,
            Self::Lognormal { sigma, .. } => (0.001..=10.0).contains(&sigma),
            Self::Gamma { shape, scale } => (0.1..=1000.0).contains(&shape) && scale >= 1e-9,
        }
    }

    /// The law of the same shape with another mean (s).
    #[must_use]
    pub fn with_mean(self, mean: f64) -> Self {
        let by = mean / self.mean();
        match self {
            Self::Exponential { .. } => Self::Exponential { mean },
            Self::Weibull { shape, scale } => Self::Weibull { shape, scale: scale * by },
            Self::Lognormal { mu, sigma } => Self::Lognormal { mu: mu + libm::log(by), sigma },
            Self::Gamma { shape, scale } => Self::Gamma { shape, scale: scale * by },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two nodes are up for 10 h and 4 h; one is down for 1 h, the other when nobody watches any
    /// more: 15 h with two failures.
    #[test]
    fn the_time_of_nodes_is_what_the_trace_says_of_it() {
        let hour = |hour: i64| crate::trace::Moment(hour * 3600);
        let failure = |line, node, start| Failure {
            line,
            system: 1,
            node: Some(node),
            start: hour(start),
            down_s: 3600,
            cause: String::new(),
        };
        let mut trace = Trace {
            format: crate::trace::Format::Fta,
            failures: vec![failure(1, 1, 10), failure(2, 2, 4)],
            nodes: [(1, 2)].into(),
            up: [((1, 1), vec![(hour(0), hour(10))]), ((1, 2), vec![(hour(0), hour(4))])].into(),
            rows: 4,
            flaws: Vec::new(),
            remarks: Vec::new(),
            sha256: String::new(),
        };
        let hours = |trace: &Trace, selection: &Selection| {
            let found = TraceFits::of(trace, selection, &[]).expect("there are failures");
            found.node_mtbf_s.map(|seconds| seconds / 3600.0)
        };
        let all = Selection::default();
        assert_eq!(hours(&trace, &all), Some(7.5));
        let late = Selection { from: Some(hour(2)), ..all };
        assert_eq!(hours(&trace, &late), Some(5.5));
        trace.up.clear();
        assert_eq!(hours(&trace, &all), Some(6.0), "two nodes for the 6 h between them");
    }

    #[test]
    fn a_law_with_another_mean_keeps_its_shape() {
        for law in [
            SpanLaw::Exponential { mean: 2.0 },
            SpanLaw::Weibull { shape: 0.5, scale: 3.0 },
            SpanLaw::Lognormal { mu: 1.0, sigma: 2.0 },
            SpanLaw::Gamma { shape: 0.4, scale: 3.0 },
        ] {
            let other = law.with_mean(100.0);
            assert!((other.mean() - 100.0).abs() < 1e-9, "{other:?}");
            let by = other.mean() / law.mean();
            assert!((other.cdf(7.0 * by) - law.cdf(7.0)).abs() < 1e-9, "{other:?}");
            assert_eq!(other.family(), law.family());
        }
    }
}
