//! Laws fitted to spans by maximum likelihood: exponential, Weibull, lognormal and gamma.
//!
//! For n spans x above zero, with m the mean of x and l the mean of ln x:
//!
//! * exponential: the mean is m;
//! * Weibull: the shape k solves `Σ x^k ln x / Σ x^k - 1/k = l`, the scale is `(Σ x^k / n)^(1/k)`;
//! * lognormal: mu = l, and sigma^2 is the variance of ln x with n in the denominator;
//! * gamma: the shape k solves `ln k - ψ(k) = ln m - l`, the scale is m / k.
//!
//! Both equations are monotone in k, so that there is one solution, found by halving. Source:
//! N. L. Johnson, S. Kotz, N. Balakrishnan, "Continuous Univariate Distributions", volume 1, 2nd
//! edition 1994, chapters 14, 17, 19 and 21.
//!
//! Worked example: of 1, 2 and 4 the exponential has mean 7/3; the lognormal has mu = ln 2 and
//! sigma = ln 2 sqrt(2/3).
//!
//! Not modelled: bathtub curves, whose families have three parameters or more and whose likelihood
//! has several maxima; spans that the end of the trace or window cut short; spans rounded to
//! minutes.

use std::fmt::Debug;

use serde::Serialize;
use statrs::distribution::{Continuous, ContinuousCDF, Exp, Gamma, LogNormal, Weibull};
use statrs::function::gamma::digamma;

use crate::analysis::stats::{mean, quantile};

/// Shapes outside are those of no span that anybody measured, and are not looked for.
const SHAPES: (f64, f64) = (1e-3, 1e4);

/// A law of spans, with its parameters; spans in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "family")]
pub enum SpanLaw {
    /// The memoryless law.
    Exponential {
        /// Mean (s).
        mean: f64,
    },
    /// S(t) = exp(-(t/scale)^shape).
    Weibull {
        /// Below 1 the hazard falls with age.
        shape: f64,
        /// Scale (s).
        scale: f64,
    },
    /// ln t is normal.
    Lognormal {
        /// Mean of ln(t / s).
        mu: f64,
        /// Standard deviation of ln t.
        sigma: f64,
    },
    /// Density proportional to t^(shape - 1) exp(-t/scale).
    Gamma {
        /// Below 1 the hazard falls with age.
        shape: f64,
        /// Scale (s).
        scale: f64,
    },
}

/// A law as fitted, and how well it fits.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Fit {
    /// The law.
    #[serde(flatten)]
    pub law: SpanLaw,
    /// Its mean (s).
    pub mean_s: f64,
    /// Kolmogorov-Smirnov distance: the largest difference of its CDF and that of the spans.
    pub ks: f64,
    /// Log-likelihood of the spans in seconds.
    pub log_likelihood: f64,
    /// Akaike's information criterion, 2 p - 2 ln L with p parameters (H. Akaike 1974); the least
    /// is best.
    pub aic: f64,
}

/// A sample in numbers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// How many spans.
    pub n: usize,
    /// Their mean (s).
    pub mean_s: f64,
    /// Their median (s).
    pub median_s: f64,
    /// Their squared coefficient of variation: variance, with n in the denominator, over mean
    /// squared; 1 if exponential.
    pub c2: f64,
}

/// Why nothing can be fitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// Too few spans.
    #[error("{0} spans above zero; a law is fitted to 3 at least")]
    TooFew(usize),
    /// They do not vary.
    #[error("all spans are the same, as they would be under no law but a fixed one")]
    AllTheSame,
}

/// The sample in numbers; `None` of no span, or if all are zero.
#[must_use]
pub fn summary(spans: &[f64]) -> Option<Summary> {
    let (mean_s, median_s) = (mean(spans)?, quantile(spans, 0.5)?);
    let squares: f64 = spans.iter().map(|span| (span - mean_s) * (span - mean_s)).sum();
    let c2 = squares / spans.len() as f64 / (mean_s * mean_s);
    (mean_s > 0.0).then_some(Summary { n: spans.len(), mean_s, median_s, c2 })
}

/// Fits every family to spans that are above zero and ascending (s), the best by AIC first.
///
/// # Errors
/// If the spans are too few, or all the same.
pub fn all(spans: &[f64]) -> Result<Vec<Fit>, Unfit> {
    assert!(spans.is_sorted(), "spans are in ascending order");
    assert!(spans.iter().all(|span| *span > 0.0 && span.is_finite()), "spans are above zero");
    if spans.len() < 3 {
        return Err(Unfit::TooFew(spans.len()));
    }
    if spans.first() == spans.last() {
        return Err(Unfit::AllTheSame);
    }
    let logs: Vec<f64> = spans.iter().map(|span| libm::log(*span)).collect();
    let laws = [exponential(spans), weibull(&logs), lognormal(&logs), gamma(spans, &logs)];
    let mut fits: Vec<_> = laws.into_iter().map(|law| judged(law, spans)).collect();
    fits.sort_by(|one, other| one.aic.total_cmp(&other.aic));
    Ok(fits)
}

fn exponential(spans: &[f64]) -> SpanLaw {
    SpanLaw::Exponential { mean: mean_of(spans) }
}

fn weibull(logs: &[f64]) -> SpanLaw {
    let (centre, most) = (mean_of(logs), logs[logs.len() - 1]);
    // In units of the longest span, so that no power overflows.
    let sums = |shape: f64| {
        logs.iter().fold((0.0, 0.0), |(powers, products), log| {
            let power = libm::exp(shape * (log - most));
            (powers + power, products + power * log)
        })
    };
    let shape = root(|shape| {
        let (powers, products) = sums(shape);
        products / powers - 1.0 / shape - centre
    });
    let (powers, _) = sums(shape);
    let log_scale = most + libm::log(powers / logs.len() as f64) / shape;
    SpanLaw::Weibull { shape, scale: libm::exp(log_scale) }
}

fn lognormal(logs: &[f64]) -> SpanLaw {
    let mu = mean_of(logs);
    let squares: f64 = logs.iter().map(|log| (log - mu) * (log - mu)).sum();
    SpanLaw::Lognormal { mu, sigma: libm::sqrt(squares / logs.len() as f64) }
}

fn gamma(spans: &[f64], logs: &[f64]) -> SpanLaw {
    let mean = mean_of(spans);
    let apart = libm::log(mean) - mean_of(logs);
    let shape = root(|shape| apart - (libm::log(shape) - digamma(shape)));
    SpanLaw::Gamma { shape, scale: mean / shape }
}

fn mean_of(values: &[f64]) -> f64 {
    mean(values).expect("there are spans")
}

/// The shape at which a rising function passes zero, by halving on a logarithmic scale.
fn root(rising: impl Fn(f64) -> f64) -> f64 {
    let (mut low, mut high) = (libm::log(SHAPES.0), libm::log(SHAPES.1));
    // 60 halvings of 16 leave 1.4e-17, less than the last bit.
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if rising(libm::exp(middle)) < 0.0 { low = middle } else { high = middle }
    }
    libm::exp(f64::midpoint(low, high))
}

fn judged(law: SpanLaw, spans: &[f64]) -> Fit {
    let log_likelihood: f64 = spans.iter().map(|span| law.ln_density(*span)).sum();
    let n = spans.len() as f64;
    let distance = |(i, span): (usize, &f64)| {
        let share = law.cdf(*span);
        f64::max(share - i as f64 / n, (i + 1) as f64 / n - share)
    };
    Fit {
        law,
        mean_s: law.mean(),
        ks: spans.iter().enumerate().map(distance).fold(0.0, f64::max),
        log_likelihood,
        aic: 2.0 * law.parameters().len() as f64 - 2.0 * log_likelihood,
    }
}

/// A law as `statrs` has it.
trait Density: Continuous<f64, f64> + ContinuousCDF<f64, f64> {}

impl<L: Continuous<f64, f64> + ContinuousCDF<f64, f64>> Density for L {}

fn known<L: Density + 'static, E: Debug>(law: Result<L, E>) -> Box<dyn Density> {
    Box::new(law.expect("fitted parameters are above zero"))
}

impl SpanLaw {
    /// The name of its family, as in scenarios.
    #[must_use]
    pub const fn family(&self) -> &'static str {
        match self {
            Self::Exponential { .. } => "exponential",
            Self::Weibull { .. } => "weibull",
            Self::Lognormal { .. } => "lognormal",
            Self::Gamma { .. } => "gamma",
        }
    }

    /// Its parameters with their names; means and scales in seconds.
    #[must_use]
    pub fn parameters(&self) -> Vec<(&'static str, f64)> {
        match *self {
            Self::Exponential { mean } => vec![("mean", mean)],
            Self::Weibull { shape, scale } | Self::Gamma { shape, scale } => {
                vec![("shape", shape), ("scale", scale)]
            }
            Self::Lognormal { mu, sigma } => vec![("mu", mu), ("sigma", sigma)],
        }
    }

    /// Its mean (s).
    #[must_use]
    pub fn mean(&self) -> f64 {
        match *self {
            Self::Exponential { mean } => mean,
            Self::Weibull { shape, scale } => scale * libm::tgamma(1.0 + 1.0 / shape),
            Self::Lognormal { mu, sigma } => libm::exp(mu + sigma * sigma / 2.0),
            Self::Gamma { shape, scale } => shape * scale,
        }
    }

    fn density(&self) -> Box<dyn Density> {
        match *self {
            Self::Exponential { mean } => known(Exp::new(1.0 / mean)),
            Self::Weibull { shape, scale } => known(Weibull::new(shape, scale)),
            Self::Lognormal { mu, sigma } => known(LogNormal::new(mu, sigma)),
            Self::Gamma { shape, scale } => known(Gamma::new(shape, 1.0 / scale)),
        }
    }

    /// The chance that a span is at most this long.
    #[must_use]
    pub fn cdf(&self, span: f64) -> f64 {
        self.density().cdf(span)
    }

    /// The chance that a span is longer, exact in the far tail too.
    #[must_use]
    pub fn survival(&self, span: f64) -> f64 {
        self.density().sf(span)
    }

    /// The logarithm of the density (of 1/s).
    #[must_use]
    pub fn ln_density(&self, span: f64) -> f64 {
        self.density().ln_pdf(span)
    }

    /// The hazard: the rate at which spans of this age end (1/s).
    #[must_use]
    pub fn hazard(&self, age: f64) -> f64 {
        libm::exp(self.ln_density(age)) / self.survival(age)
    }
}

/// The hazard seen in a stretch of ages: spans that ended in it, over the time that spans spent
/// in it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Stretch {
    /// It begins at this age (s).
    pub from_s: f64,
    /// It ends before this age (s).
    pub to_s: f64,
    /// Spans that ended in it.
    pub ended: usize,
    /// The hazard (1/s).
    pub hazard: f64,
}

/// The hazard of ascending spans in stretches of equal length on a logarithmic axis, `per_decade`
/// to a decade. Neighbours are joined until `fewest` spans end in each; what is left at the end
/// joins the last.
#[must_use]
pub fn hazards(spans: &[f64], per_decade: u32, fewest: usize) -> Vec<Stretch> {
    let (Some(first), Some(last)) = (spans.first(), spans.last()) else { return Vec::new() };
    assert!(spans.is_sorted() && *first > 0.0, "spans are above zero, in ascending order");
    let place = |span: f64| libm::floor(libm::log10(span) * f64::from(per_decade)) as i32;
    let edge = |place: i32| libm::pow(10.0, f64::from(place) / f64::from(per_decade));
    let mut edges = vec![edge(place(*first))];
    let below = |edge: f64| spans.partition_point(|span| *span < edge);
    for place in place(*first) + 1..=place(*last) + 1 {
        let edge = edge(place);
        if below(edge) - below(edges[edges.len() - 1]) >= fewest {
            edges.push(edge);
        }
    }
    let end = edge(place(*last) + 1);
    if edges.len() == 1 {
        edges.push(end);
    } else if let Some(to) = edges.last_mut() {
        *to = end;
    }
    let stretch = |pair: &[f64]| {
        let (from_s, to_s) = (pair[0], pair[1]);
        let (from, to) = (below(from_s), below(to_s));
        let inside: f64 = spans[from..to].iter().map(|span| span - from_s).sum();
        let exposed = inside + (spans.len() - to) as f64 * (to_s - from_s);
        Stretch { from_s, to_s, ended: to - from, hazard: (to - from) as f64 / exposed }
    };
    edges.windows(2).map(stretch).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Draw, Stream};

    /// Quantile of the normal law that leaves 0.5 % above it.
    const Z: f64 = 2.5758;
    const N: usize = 4_000;

    fn near(found: f64, expected: f64, by: f64) {
        assert!((found - expected).abs() <= by, "{found} is not {expected} +- {by}");
    }

    fn drawn(name: &str, sample: impl Fn(&mut Draw) -> f64) -> Vec<f64> {
        let stream = Stream::new(2026, name);
        let mut spans: Vec<_> = (0..N).map(|k| sample(&mut stream.draw(0, k as u64))).collect();
        spans.sort_by(f64::total_cmp);
        spans
    }

    fn fitted(spans: &[f64], family: &str) -> Fit {
        let fits = all(spans).expect("a sample");
        *fits.iter().find(|fit| fit.law.family() == family).expect("all families are fitted")
    }

    fn values(fit: &Fit) -> Vec<f64> {
        fit.law.parameters().into_iter().map(|(_, value)| value).collect()
    }

    #[test]
    fn the_fits_of_the_worked_example() {
        let spans = [1.0, 2.0, 4.0];
        let ln2 = std::f64::consts::LN_2;
        let exponential = fitted(&spans, "exponential");
        near(values(&exponential)[0], 7.0 / 3.0, 1e-12);
        near(exponential.log_likelihood, -3.0 * (1.0 + libm::log(7.0 / 3.0)), 1e-12);
        near(exponential.aic, 2.0 + 6.0 * (1.0 + libm::log(7.0 / 3.0)), 1e-12);
        // F(1) = 1 - exp(-3/7) lies 0.3486 above no span at all, and F(4) = 0.8199 below all.
        near(exponential.ks, 1.0 - libm::exp(-3.0 / 7.0), 1e-12);
        let lognormal = fitted(&spans, "lognormal");
        near(values(&lognormal)[0], ln2, 1e-12);
        near(values(&lognormal)[1], ln2 * libm::sqrt(2.0 / 3.0), 1e-12);
        let reported = summary(&spans).expect("a sample");
        near(reported.median_s, 2.0, 1e-12);
        near(reported.c2, 2.0 / 7.0, 1e-12);
    }

    /// At the maximum each equation of the file's head holds, and no neighbour is likelier.
    #[test]
    fn the_equations_of_maximum_likelihood_hold() {
        let spans = drawn("equations", |draw| draw.weibull(0.7, 3.0));
        let n = spans.len() as f64;
        let logs: f64 = spans.iter().map(|x| libm::log(*x)).sum::<f64>() / n;
        let weibull = fitted(&spans, "weibull");
        let [k, scale] = values(&weibull)[..] else { panic!("two parameters") };
        let powers: Vec<_> = spans.iter().map(|x| libm::pow(*x, k)).collect();
        let products: f64 = powers.iter().zip(&spans).map(|(p, x)| p * libm::log(*x)).sum();
        let sum: f64 = powers.iter().sum();
        near(products / sum - 1.0 / k, logs, 1e-9);
        near(libm::pow(sum / n, 1.0 / k), scale, 1e-9);
        let gamma = fitted(&spans, "gamma");
        let [k, scale] = values(&gamma)[..] else { panic!("two parameters") };
        let mean = mean_of(&spans);
        near(k * scale, mean, 1e-9);
        near(libm::log(k) - digamma(k), libm::log(mean) - logs, 1e-9);
        for fit in [weibull, gamma] {
            for (by_shape, by_scale) in [(1.01, 1.0), (0.99, 1.0), (1.0, 1.01), (1.0, 0.99)] {
                let other = match fit.law {
                    SpanLaw::Weibull { shape, scale } => {
                        SpanLaw::Weibull { shape: shape * by_shape, scale: scale * by_scale }
                    }
                    SpanLaw::Gamma { shape, scale } => {
                        SpanLaw::Gamma { shape: shape * by_shape, scale: scale * by_scale }
                    }
                    _ => unreachable!("these two were asked for"),
                };
                assert!(judged(other, &spans).log_likelihood < fit.log_likelihood);
            }
        }
    }

    #[test]
    fn spans_in_other_units_give_the_same_laws() {
        let hours = drawn("units", |draw| draw.gamma(0.4, 50.0));
        let seconds: Vec<_> = hours.iter().map(|hour| hour * 3600.0).collect();
        for family in ["exponential", "weibull", "lognormal", "gamma"] {
            let (one, other) = (fitted(&hours, family), fitted(&seconds, family));
            near(other.mean_s / one.mean_s, 3600.0, 1e-6);
            near(other.ks, one.ks, 1e-9);
            let shift = hours.len() as f64 * libm::log(3600.0);
            near(other.log_likelihood + shift, one.log_likelihood, 1e-5);
        }
    }

    /// The trigamma function by its series; 20,000 terms and the integral of the rest.
    fn trigamma(x: f64) -> f64 {
        let terms: f64 = (0..20_000).map(|k| 1.0 / libm::pow(x + f64::from(k), 2.0)).sum();
        terms + 1.0 / (x + 19_999.5)
    }

    /// Standard errors for large n, from the Fisher information (Johnson, Kotz, Balakrishnan).
    #[test]
    fn what_was_drawn_is_found_again() {
        let n = N as f64;
        let root_n = libm::sqrt(n);
        let spans = drawn("exponential", |draw| draw.exponential(3.5));
        near(values(&fitted(&spans, "exponential"))[0], 3.5, Z * 3.5 / root_n);
        for (shape, scale) in [(0.489, 826.0), (1.0, 1.0), (2.5, 30.0)] {
            let spans = drawn("weibull", |draw| draw.weibull(shape, scale));
            let found = values(&fitted(&spans, "weibull"));
            near(found[0], shape, Z * 0.7797 * shape / root_n);
            near(found[1], scale, Z * 1.0530 * scale / shape / root_n);
        }
        let spans = drawn("lognormal", |draw| draw.lognormal(4.154, 1.402));
        let found = values(&fitted(&spans, "lognormal"));
        near(found[0], 4.154, Z * 1.402 / root_n);
        near(found[1], 1.402, Z * 1.402 / libm::sqrt(2.0 * n));
        for (shape, scale) in [(0.356, 4981.0), (1.0, 2.0), (7.0, 0.5)] {
            let spans = drawn("gamma", |draw| draw.gamma(shape, scale));
            let found = values(&fitted(&spans, "gamma"));
            let information = shape * trigamma(shape) - 1.0;
            near(found[0], shape, Z * libm::sqrt(shape / n / information));
            near(found[1], scale, Z * scale * libm::sqrt(trigamma(shape) / n / information));
        }
    }

    #[test]
    fn the_family_that_was_drawn_has_the_least_aic_and_a_small_distance() {
        type Sampler = fn(&mut Draw) -> f64;
        let samplers: [(&str, Sampler); 3] = [
            ("weibull", |draw| draw.weibull(0.5, 10.0)),
            ("lognormal", |draw| draw.lognormal(1.0, 2.0)),
            ("gamma", |draw| draw.gamma(0.4, 10.0)),
        ];
        for (family, sampler) in samplers {
            let fits = all(&drawn(family, sampler)).expect("a sample");
            assert_eq!(fits[0].law.family(), family);
            // Below the 1 % critical value of a law that is known, so of a fitted one as well.
            assert!(fits[0].ks < 1.6276 / libm::sqrt(N as f64), "{:?}", fits[0]);
            assert!(fits.iter().skip(1).all(|fit| fit.ks > fits[0].ks));
        }
    }

    #[test]
    fn spans_without_variety_are_refused() {
        assert_eq!(all(&[1.0, 2.0]), Err(Unfit::TooFew(2)));
        assert_eq!(all(&[5.0; 10]), Err(Unfit::AllTheSame));
        assert_eq!(summary(&[0.0, 0.0]), None);
    }

    /// An exponential of mean 100 has the hazard 0.01 at every age; each stretch with n ends lies
    /// within the 99 % interval of a Poisson count.
    #[test]
    fn the_hazard_of_an_exponential_is_level() {
        let spans = drawn("hazard", |draw| draw.exponential(100.0));
        let stretches = hazards(&spans, 4, 30);
        assert_eq!(stretches.iter().map(|stretch| stretch.ended).sum::<usize>(), N);
        assert!(stretches.len() > 5 && stretches.iter().all(|stretch| stretch.ended >= 30));
        for stretch in &stretches {
            let by = 3.2 * 0.01 / libm::sqrt(stretch.ended as f64);
            near(stretch.hazard, 0.01, by);
        }
        assert_eq!(hazards(&[2.0, 3.0], 4, 30).len(), 1);
        let law = SpanLaw::Gamma { shape: 1.0, scale: 100.0 };
        near(law.hazard(1.0) * 100.0, 1.0, 1e-6);
        near(law.hazard(2_000.0) * 100.0, 1.0, 1e-6);
        let weibull = SpanLaw::Weibull { shape: 0.5, scale: 4.0 };
        near(weibull.hazard(1.0), 0.25, 1e-9);
    }
}
