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
//! has several maxima; spans that were cut short by the end of the trace; spans rounded to minutes.

use serde::Serialize;
use statrs::distribution::{Continuous, ContinuousCDF, Exp, Gamma, LogNormal, Weibull};
use statrs::function::gamma::digamma;

use super::stats::{mean, quantile, variance};

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
    /// Their squared coefficient of variation: variance over mean squared; 1 if exponential.
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

/// The sample in numbers; `None` of fewer than two spans, or if all are zero.
#[must_use]
pub fn summary(spans: &[f64]) -> Option<Summary> {
    let (mean_s, variance) = (mean(spans)?, variance(spans)?);
    let c2 = variance / (mean_s * mean_s);
    let median_s = quantile(spans, 0.5)?;
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
enum Shape {
    Exponential(Exp),
    Weibull(Weibull),
    Lognormal(LogNormal),
    Gamma(Gamma),
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

    fn shape(&self) -> Shape {
        let law = match *self {
            Self::Exponential { mean } => Exp::new(1.0 / mean).ok().map(Shape::Exponential),
            Self::Weibull { shape, scale } => Weibull::new(shape, scale).ok().map(Shape::Weibull),
            Self::Lognormal { mu, sigma } => LogNormal::new(mu, sigma).ok().map(Shape::Lognormal),
            Self::Gamma { shape, scale } => Gamma::new(shape, 1.0 / scale).ok().map(Shape::Gamma),
        };
        law.expect("fitted parameters are above zero")
    }

    /// The chance that a span is at most this long.
    #[must_use]
    pub fn cdf(&self, span: f64) -> f64 {
        match self.shape() {
            Shape::Exponential(law) => law.cdf(span),
            Shape::Weibull(law) => law.cdf(span),
            Shape::Lognormal(law) => law.cdf(span),
            Shape::Gamma(law) => law.cdf(span),
        }
    }

    /// The chance that a span is longer, exact in the far tail too.
    #[must_use]
    pub fn survival(&self, span: f64) -> f64 {
        match self.shape() {
            Shape::Exponential(law) => law.sf(span),
            Shape::Weibull(law) => law.sf(span),
            Shape::Lognormal(law) => law.sf(span),
            Shape::Gamma(law) => law.sf(span),
        }
    }

    /// The logarithm of the density (of 1/s).
    #[must_use]
    pub fn ln_density(&self, span: f64) -> f64 {
        match self.shape() {
            Shape::Exponential(law) => law.ln_pdf(span),
            Shape::Weibull(law) => law.ln_pdf(span),
            Shape::Lognormal(law) => law.ln_pdf(span),
            Shape::Gamma(law) => law.ln_pdf(span),
        }
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
/// to a decade. Neighbours are joined until `least` spans end in each; what is left at the end
/// joins the last.
#[must_use]
pub fn hazards(spans: &[f64], per_decade: u32, least: usize) -> Vec<Stretch> {
    let (Some(first), Some(last)) = (spans.first(), spans.last()) else { return Vec::new() };
    assert!(spans.is_sorted() && *first > 0.0, "spans are above zero, in ascending order");
    let place = |span: f64| libm::floor(libm::log10(span) * f64::from(per_decade)) as i32;
    let edge = |place: i32| libm::pow(10.0, f64::from(place) / f64::from(per_decade));
    let mut edges = vec![edge(place(*first))];
    let below = |edge: f64| spans.partition_point(|span| *span < edge);
    for place in place(*first) + 1..=place(*last) + 1 {
        let edge = edge(place);
        if below(edge) - below(edges[edges.len() - 1]) >= least {
            edges.push(edge);
        }
    }
    let end = edge(place(*last) + 1);
    if let Some(to) = edges.last_mut().filter(|to| **to < end && spans.len() > below(**to)) {
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
mod tests;
