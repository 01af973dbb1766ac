//! What of a trace is looked at: a system, a time window, and the spans between or in failures.
//!
//! The conventions, on which published fits depend:
//!
//! * `gaps` run from the start of a failure to the start of the next one anywhere in the selection;
//! * `node-gaps` run from start to start on the same node of the same system, pooled over all;
//! * `uptimes` run from the end of a failure to the start of the next on the same node, pooled;
//! * `repairs` are the times for which nodes were down.
//!
//! Failures are in the order of their starts, those of one start in the order of the file. The
//! first failure ends no gap and the last begins none. Spans of zero are counted and left out of
//! what is fitted, since no law of a continuous time has them; so are uptimes below zero, which
//! begin when a record of the same node is not closed yet.
//!
//! Worked example: a node fails at 0 h for 1 h, another at 2 h for 0 h, the first again at 5 h for
//! 2 h. Gaps 2 h and 3 h; node-gaps 5 h; uptimes 4 h; repairs 1 h and 2 h, and one of zero.

use std::collections::BTreeMap;

use super::{Failure, Moment, Trace};

/// Which spans.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantity {
    /// Between the starts of any two failures that follow each other.
    Gaps,
    /// The same on one node.
    NodeGaps,
    /// Between the end of a failure and the start of the next on the same node.
    Uptimes,
    /// Times for which nodes were down.
    Repairs,
}

impl Quantity {
    /// All, in the order in which they are reported.
    pub const ALL: [Self; 4] = [Self::Gaps, Self::NodeGaps, Self::Uptimes, Self::Repairs];

    /// Its name on the command line and in files.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Gaps => "gaps",
            Self::NodeGaps => "node-gaps",
            Self::Uptimes => "uptimes",
            Self::Repairs => "repairs",
        }
    }

    /// What it is, for people.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Gaps => "time between failures of the system",
            Self::NodeGaps => "time between failures of a node",
            Self::Uptimes => "time from a repair of a node to its next failure",
            Self::Repairs => "time to repair",
        }
    }
}

/// What of a trace is looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Only this system.
    pub system: Option<u32>,
    /// Only failures that start at this time or later.
    pub from: Option<Moment>,
    /// Only failures that start before this time.
    pub to: Option<Moment>,
}

/// Spans of one kind.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Those above zero, ascending (s).
    pub spans_s: Vec<f64>,
    /// How many were zero.
    pub zeros: usize,
    /// How many were below zero.
    pub negative: usize,
}

impl Selection {
    /// The failures of the selection in the order of their starts.
    #[must_use]
    pub fn of<'a>(&self, trace: &'a Trace) -> Vec<&'a Failure> {
        let wanted = |failure: &&Failure| {
            self.system.is_none_or(|system| failure.system == system)
                && self.from.is_none_or(|from| failure.start >= from)
                && self.to.is_none_or(|to| failure.start < to)
        };
        let mut failures: Vec<_> = trace.failures.iter().filter(wanted).collect();
        // Stable: failures of one start stay in the order of the file.
        failures.sort_by_key(|failure| failure.start);
        failures
    }
}

impl Sample {
    /// The spans of this kind between or in failures that are in the order of their starts.
    #[must_use]
    pub fn of(quantity: Quantity, failures: &[&Failure]) -> Self {
        match quantity {
            Quantity::Gaps => {
                Self::sorted(failures.windows(2).map(|pair| pair[1].start.since(pair[0].start)))
            }
            Quantity::NodeGaps => Self::on_nodes(failures, |one, next| next.start.since(one.start)),
            Quantity::Uptimes => Self::on_nodes(failures, |one, next| next.start.since(one.end())),
            Quantity::Repairs => {
                Self::sorted(failures.iter().map(|failure| failure.down_s.cast_signed()))
            }
        }
    }

    fn on_nodes(failures: &[&Failure], span: impl Fn(&Failure, &Failure) -> i64) -> Self {
        let mut last: BTreeMap<(u32, u32), &Failure> = BTreeMap::new();
        let mut spans = Vec::new();
        for failure in failures {
            let Some(node) = failure.node else { continue };
            if let Some(one) = last.insert((failure.system, node), failure) {
                spans.push(span(one, failure));
            }
        }
        Self::sorted(spans.into_iter())
    }

    fn sorted(spans: impl Iterator<Item = i64>) -> Self {
        let mut sample = Self { spans_s: Vec::new(), zeros: 0, negative: 0 };
        for span in spans {
            match span {
                0 => sample.zeros += 1,
                ..0 => sample.negative += 1,
                _ => sample.spans_s.push(span as f64),
            }
        }
        sample.spans_s.sort_by(f64::total_cmp);
        sample
    }

    /// How many spans, whatever they are.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.spans_s.len() + self.zeros + self.negative
    }

    /// The spans above zero and those of zero, ascending: what mean, median and C² are of.
    #[must_use]
    pub fn with_zeros(&self) -> Vec<f64> {
        let mut all = vec![0.0; self.zeros];
        all.extend(&self.spans_s);
        all
    }
}
