//! Probability laws of lifetimes and repair times.

use std::sync::Arc;

use crate::units::Span;

/// A law of random spans.
#[derive(Clone, Debug, PartialEq)]
pub enum Law {
    /// Always the same span.
    Fixed(Span),
    /// Exponential with this mean.
    Exponential {
        /// Mean.
        mean: Span,
    },
    /// Weibull. Below a shape of 1 the hazard falls with age. Files may give the mean instead of
    /// the scale; scale = mean / gamma(1 + 1/shape).
    Weibull(Weibull),
    /// Lognormal: ln t is normal.
    Lognormal {
        /// Median = exp(mu).
        median: Span,
        /// Standard deviation of ln t.
        sigma: f64,
    },
    /// Gamma: density t^(shape-1) exp(-t/scale) / (gamma(shape) scale^shape).
    Gamma {
        /// Shape k; below 1 the hazard falls with age.
        shape: f64,
        /// Scale. Files may give the mean instead; scale = mean / shape.
        scale: Span,
    },
    /// The least of three independent lives; its hazard is the sum of theirs, first falling, then
    /// flat, then rising.
    Bathtub {
        /// Early failures: a Weibull of a shape below 1.
        early: Weibull,
        /// Failures by chance: the mean of an exponential.
        mean: Span,
        /// Wear: a Weibull of a shape above 1.
        wear: Weibull,
    },
    /// One of these spans, each as likely as the others; in rising order.
    Empirical(Arc<[Span]>),
}

/// A Weibull law: S(t) = exp(-(t/scale)^shape).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Weibull {
    /// Shape.
    pub shape: f64,
    /// Scale.
    pub scale: Span,
}
