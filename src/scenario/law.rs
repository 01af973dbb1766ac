//! Probability laws of lifetimes and repair times.

use crate::units::Span;

/// A law of random spans.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Law {
    /// Always the same span.
    Fixed(Span),
    /// Exponential with this mean.
    Exponential {
        /// Mean.
        mean: Span,
    },
    /// Weibull: S(t) = exp(-(t/scale)^shape).
    Weibull {
        /// Shape k; below 1 the hazard falls with age.
        shape: f64,
        /// Scale. Files may give the mean instead; scale = mean / gamma(1 + 1/shape).
        scale: Span,
    },
    /// Lognormal: ln t is normal.
    Lognormal {
        /// Median = exp(mu).
        median: Span,
        /// Standard deviation of ln t.
        sigma: f64,
    },
    /// Gamma: density proportional to t^(shape - 1) exp(-t/scale).
    Gamma {
        /// Shape k = 1 / C²; below 1 the hazard falls with age.
        shape: f64,
        /// Scale. Files may give the mean instead; scale = mean / shape.
        scale: Span,
    },
}
