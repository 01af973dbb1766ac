//! Laws of random spans as samplers: whole spans, what remains of one, and means.

use crate::rng::Draw;
use crate::scenario::fault::{FaultRule, Rejuvenate, When};
use crate::scenario::law::{self, Law, Weibull};
use crate::units::Span;

/// What remains of a span of this law that is met at a random instant.
pub(super) fn residual(law: &Law, draw: &mut Draw) -> Span {
    Span::from_secs_f64(match law {
        Law::Fixed(span) => draw.fixed_residual(span.as_secs_f64()),
        Law::Exponential { mean } => draw.exponential_residual(mean.as_secs_f64()),
        Law::Weibull(law) => weibull_residual(*law, draw),
        Law::Lognormal { median, sigma } => draw.lognormal_residual(law::log(*median), *sigma),
        Law::Gamma { shape, scale } => draw.gamma_residual(*shape, scale.as_secs_f64()),
        Law::Bathtub { early, mean, wear } => bathtub_residual(*early, *mean, *wear, draw),
        Law::Empirical(spans) => {
            let life = length_biased(spans, draw);
            draw.fixed_residual(life.as_secs_f64())
        }
    })
}

/// The mean of a law (s).
#[must_use]
pub fn mean(law: &Law) -> f64 {
    match law {
        Law::Fixed(span) => span.as_secs_f64(),
        Law::Exponential { mean } => mean.as_secs_f64(),
        Law::Weibull(law) => weibull_mean(*law),
        Law::Lognormal { median, sigma } => median.as_secs_f64() * libm::exp(sigma * sigma / 2.0),
        Law::Gamma { shape, scale } => shape * scale.as_secs_f64(),
        Law::Bathtub { early, mean, wear } => bathtub_mean(*early, *mean, *wear),
        Law::Empirical(spans) => {
            spans.iter().map(|span| span.as_secs_f64()).sum::<f64>() / spans.len() as f64
        }
    }
}

/// The cumulated hazard of a law at an age (s): minus the logarithm of the share that lives on.
pub(super) fn hazard(law: &Law, age: f64) -> f64 {
    match law {
        Law::Exponential { mean } => age / mean.as_secs_f64(),
        Law::Weibull(law) => weibull_hazard(*law, age),
        _ => unreachable!("its hazard is not asked for"),
    }
}

/// The age (s) at which a law has cumulated a hazard.
pub(super) fn age(law: &Law, hazard: f64) -> f64 {
    match law {
        Law::Exponential { mean } => hazard * mean.as_secs_f64(),
        Law::Weibull(law) => law.scale.as_secs_f64() * libm::pow(hazard, 1.0 / law.shape),
        _ => unreachable!("its hazard is not asked for"),
    }
}

/// How many lifetimes of a rule's parts end in the mean of its law, zero at a fixed time: one of
/// each part; if all are new after each failure, as many as the least of so many lifetimes does.
pub(super) fn in_a_mean(rule: &FaultRule) -> f64 {
    let When::Lifetime { law, rejuvenate, .. } = &rule.when else { return 0.0 };
    let parts = f64::from(rule.on.len());
    match (rejuvenate, law) {
        (Rejuvenate::All, Law::Weibull(law)) => libm::pow(parts, 1.0 / law.shape),
        (Rejuvenate::All, Law::Fixed(_)) => 1.0,
        _ => parts,
    }
}

fn weibull_residual(law: Weibull, draw: &mut Draw) -> f64 {
    draw.weibull_residual(law.shape, law.scale.as_secs_f64())
}

fn weibull_mean(law: Weibull) -> f64 {
    law.scale.as_secs_f64() * libm::tgamma(1.0 + 1.0 / law.shape)
}

/// The cumulated hazard of a Weibull.
fn weibull_hazard(law: Weibull, t: f64) -> f64 {
    libm::pow(t / law.scale.as_secs_f64(), law.shape)
}

/// What remains of a bathtub life has density S(t) / mean, where S is the product of three
/// survivals. What remains of the shortest of the three lives is drawn, and accepted with the
/// chance that the other two survive it too.
fn bathtub_residual(early: Weibull, mean: Span, wear: Weibull, draw: &mut Draw) -> f64 {
    let chance = mean.as_secs_f64();
    let means = [weibull_mean(early), chance, weibull_mean(wear)];
    let shortest = if means[0] <= means[1].min(means[2]) {
        0
    } else if means[1] <= means[2] {
        1
    } else {
        2
    };
    loop {
        let t = match shortest {
            0 => weibull_residual(early, draw),
            1 => draw.exponential_residual(chance),
            _ => weibull_residual(wear, draw),
        };
        let hazards = [weibull_hazard(early, t), t / chance, weibull_hazard(wear, t)];
        let others: f64 = hazards.iter().sum::<f64>() - hazards[shortest];
        if draw.unit() < libm::exp(-others) {
            return t;
        }
    }
}

/// The mean of a bathtub life, the integral of its survival over all t > 0.
///
/// Method: the double exponential rule t = c exp(pi/2 sinh u) (Takahasi and Mori, 1974) with step
/// 1/64, where c is the shortest of the three scales.
fn bathtub_mean(early: Weibull, mean: Span, wear: Weibull) -> f64 {
    use std::f64::consts::FRAC_PI_2;
    const STEP: f64 = 1.0 / 64.0;
    let chance = mean.as_secs_f64();
    let c = early.scale.as_secs_f64().min(chance).min(wear.scale.as_secs_f64());
    let term = |i: i32| {
        let u = f64::from(i) * STEP;
        let t = c * libm::exp(FRAC_PI_2 * libm::sinh(u));
        let hazard = weibull_hazard(early, t) + t / chance + weibull_hazard(wear, t);
        libm::exp(-hazard) * t * FRAC_PI_2 * libm::cosh(u) * STEP
    };
    (-256..=256).map(term).sum()
}

/// One of the spans, each as likely as it is long.
fn length_biased(spans: &[Span], draw: &mut Draw) -> Span {
    let sum: u128 = spans.iter().map(|span| u128::from(span.0)).sum();
    let mut left = (draw.unit() * sum as f64) as u128;
    let found = spans.iter().find(|span| {
        let here = left < u128::from(span.0);
        left = left.saturating_sub(u128::from(span.0));
        here
    });
    *found.or(spans.last()).expect("a law has spans")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Stream;
    use std::sync::Arc;

    const N: u64 = 40_000;
    const DAY: Span = Span::from_secs(86_400);

    fn bathtub() -> Law {
        Law::Bathtub {
            early: Weibull { shape: 0.5, scale: Span(40 * DAY.0) },
            mean: Span(10 * DAY.0),
            wear: Weibull { shape: 4.0, scale: Span(12 * DAY.0) },
        }
    }

    fn laws() -> Vec<Law> {
        vec![
            Law::Gamma { shape: 0.35, scale: DAY },
            Law::Gamma { shape: 4.0, scale: DAY },
            bathtub(),
            Law::Empirical(Arc::from(vec![DAY, DAY, Span(5 * DAY.0), Span(20 * DAY.0)])),
        ]
    }

    fn draws(law: &Law, name: &str, of: fn(&Law, &mut Draw) -> Span) -> Vec<f64> {
        let stream = Stream::new(11, name);
        (0..N).map(|k| of(law, &mut stream.draw(k % 5, k)).as_secs_f64()).collect()
    }

    /// The sample mean lies in the 99 % interval around `mean`.
    fn averages(sample: &[f64], mean: f64, what: &Law) {
        let n = sample.len() as f64;
        let got = sample.iter().sum::<f64>() / n;
        let variance = sample.iter().map(|x| (x - got) * (x - got)).sum::<f64>() / (n - 1.0);
        let half = 2.5758 * (variance / n).sqrt();
        assert!((got - mean).abs() < half, "{what:?}: {got} is not {mean} +- {half}");
    }

    #[test]
    fn samples_have_the_stated_mean() {
        for law in laws() {
            averages(&draws(&law, "whole", Law::sample), mean(&law), &law);
        }
    }

    /// Renewal theory: what remains has the mean E(x^2) / (2 E(x)).
    #[test]
    fn what_remains_has_the_mean_of_renewal_theory() {
        for law in laws() {
            let whole = draws(&law, "square", Law::sample);
            let square = whole.iter().map(|x| x * x).sum::<f64>() / N as f64;
            let left = draws(&law, "left", residual);
            let got = left.iter().sum::<f64>() / N as f64;
            let want = square / (2.0 * mean(&law));
            assert!((got / want - 1.0).abs() < 0.03, "{law:?}: {got} is not {want}");
        }
    }

    /// Kolmogorov-Smirnov at 99 %: the life is the least of three, S(t) = S1 S2 S3.
    #[test]
    fn a_bathtub_life_is_the_least_of_three() {
        let law = bathtub();
        let Law::Bathtub { early, mean: chance, wear } = &law else { unreachable!() };
        let mut lives = draws(&law, "bathtub", Law::sample);
        lives.sort_by(f64::total_cmp);
        let cdf = |t: f64| {
            let hazard =
                weibull_hazard(*early, t) + t / chance.as_secs_f64() + weibull_hazard(*wear, t);
            1.0 - libm::exp(-hazard)
        };
        let distance = |(i, &t): (usize, &f64)| (cdf(t) - (i as f64 + 0.5) / N as f64).abs();
        let worst = lives.iter().enumerate().map(distance).fold(0.0, f64::max);
        assert!(worst < 1.6276 / (N as f64).sqrt(), "KS distance {worst}");
    }

    /// With two of the three ends far away the third alone is left.
    #[test]
    fn the_mean_of_a_bathtub_has_the_known_limits() {
        let far = Weibull { shape: 1.0, scale: Span(100_000 * DAY.0) };
        let wear = Weibull { shape: 3.0, scale: DAY };
        let alone = mean(&Law::Weibull(wear));
        let law = Law::Bathtub { early: Weibull { shape: 0.9, ..far }, mean: far.scale, wear };
        assert!((mean(&law) / alone - 1.0).abs() < 1e-4, "{} {alone}", mean(&law));
        let law = Law::Bathtub { early: Weibull { shape: 0.9, ..far }, mean: DAY, wear: far };
        assert!((mean(&law) / DAY.as_secs_f64() - 1.0).abs() < 1e-4, "{}", mean(&law));
    }

    #[test]
    fn an_empirical_life_is_one_of_those_given() {
        let law = &laws()[3];
        let lives = draws(law, "empirical", Law::sample);
        let short = lives.iter().filter(|life| **life < 1.5 * DAY.as_secs_f64()).count() as f64;
        assert!((short / N as f64 - 0.5).abs() < 2.5758 * 0.5 / (N as f64).sqrt());
        assert!(lives.iter().all(|life| [1.0, 5.0, 20.0].contains(&(life / 86_400.0))));
    }
}
