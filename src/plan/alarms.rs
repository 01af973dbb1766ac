//! Alarms before failures, as chance: which lifetimes are announced, and when an alarm is false.
//!
//! Of the lifetimes of a rule a share `recall` is announced, each by a draw of its own. False
//! alarms are an exponential process of the rate l r (1 - p) / p, where l is the rate at which all
//! parts of the rule are struck, r the recall and p the precision, so that true ones, which come at
//! the rate l r, are the share p of all.
//!
//! Worked example: 100 strikes a year, r = 0.8, p = 0.5: 80 of them are announced, and 80 alarms a
//! year are false.
//!
//! Not modelled: false alarms that come in groups, or at the hours at which strikes are rare.

use crate::plan::lifetimes;
use crate::rng::Stream;
use crate::scenario::fault::{FaultRule, PartSet, Prediction, When};
use crate::units::Span;

/// The alarms of one fault rule.
#[derive(Clone, Debug)]
pub(super) struct Alarms {
    prediction: Prediction,
    parts: PartSet,
    /// Mean time between two false alarms (s); infinite if there are none.
    between: f64,
    true_ones: Stream,
    false_ones: Stream,
}

impl Alarms {
    /// The alarms of a rule whose streams have this path; `None` if nobody foresees it.
    pub(super) fn of(seed: u64, rule: &FaultRule, path: &str) -> Option<Self> {
        let prediction = rule.prediction?;
        let Prediction { recall, precision, .. } = prediction;
        let When::Lifetime { law, .. } = &rule.when else { return None };
        let rate = recall * lifetimes::in_a_mean(rule) / lifetimes::mean(law);
        Some(Self {
            prediction,
            parts: rule.on.clone(),
            between: precision / (rate * (1.0 - precision)),
            true_ones: Stream::new(seed, &format!("{path}/announced")),
            false_ones: Stream::new(seed, &format!("{path}/false alarm")),
        })
    }

    /// How long before the end of a lifetime its alarm is raised.
    pub(super) fn lead(&self) -> Span {
        self.prediction.lead
    }

    /// Whether the end of lifetime number `k` of a part is announced.
    pub(super) fn announces(&self, part: u32, k: u64) -> bool {
        self.true_ones.draw(u64::from(part), k).unit() < self.prediction.recall
    }

    /// The false alarm number `n`: how long after the one before it, and before which part.
    pub(super) fn false_alarm(&self, n: u64) -> Option<(Span, u32)> {
        if !self.between.is_finite() {
            return None;
        }
        let mut draw = self.false_ones.draw(0, n);
        let span = Span::from_secs_f64(draw.exponential(self.between));
        Some((span, self.parts.nth(draw.below(u64::from(self.parts.len())) as u32)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::pilot;
    use crate::scenario::fault::Age;
    use crate::scenario::law::Law;

    fn alarms(recall: f64, precision: f64) -> Alarms {
        let mut rule = pilot::crash();
        let mean = Span::from_secs(750_000);
        rule.when = pilot::lifetime(Law::Exponential { mean }, Age::New);
        rule.prediction = Some(Prediction { recall, precision, lead: Span::from_secs(60) });
        Alarms::of(1, &rule, "fault/crash/node crash").expect("it is foreseen")
    }

    /// Binomial: 99 % within 2.576 sqrt(r (1 - r) / n).
    #[test]
    fn the_recall_is_the_share_of_lifetimes_that_is_announced() {
        let alarms = alarms(0.85, 0.8);
        let n = 20_000;
        let announced = (0..n).filter(|&i| alarms.announces(i % 750, u64::from(i / 750))).count();
        let (share, half) = (announced as f64 / f64::from(n), 2.576 * f64::sqrt(0.1275 / 20_000.0));
        assert!((share - 0.85).abs() < half, "{share}");
    }

    /// 750 nodes of 750,000 s are struck once in 1,000 s: a false alarm each 1,000 s p/(r (1 - p)).
    #[test]
    fn false_alarms_come_as_often_as_the_precision_says() {
        let alarms = alarms(0.5, 0.2);
        let n = 20_000;
        let spans = (0..n).map(|k| alarms.false_alarm(k).expect("some are false").0.as_secs_f64());
        let (mean, wanted) = (spans.sum::<f64>() / n as f64, 1_000.0 * 0.2 / (0.5 * 0.8));
        assert!((mean / wanted - 1.0).abs() < 2.576 / f64::sqrt(n as f64), "{mean}, not {wanted}");
        let parts: std::collections::BTreeSet<_> =
            (0..n).filter_map(|k| Some(alarms.false_alarm(k)?.1)).collect();
        assert_eq!(parts.len(), 750, "before any of them");
    }

    #[test]
    fn a_perfect_or_blind_predictor_raises_no_false_alarm() {
        assert_eq!(alarms(1.0, 1.0).false_alarm(0), None);
        let blind = alarms(0.0, 0.5);
        assert_eq!(blind.false_alarm(0), None);
        assert!((0..1_000).all(|part| !blind.announces(part, 0)));
        assert!((0..1_000).all(|part| alarms(1.0, 0.5).announces(part, 0)));
    }
}
