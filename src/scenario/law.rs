//! Probability laws of random spans: lifetimes, repairs, services; and their tables in files.

use std::sync::Arc;

use crate::config::declare::{Declared, Written, table};
use crate::config::language::TableSpec;
use crate::config::mistakes::{Mistake, Mistakes};
use crate::config::section::Section;
use crate::rng::Draw;
use crate::scenario::keys::{SPAN, SPAN_SOME};
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

impl Law {
    /// A span of this law.
    #[must_use]
    pub fn sample(&self, draw: &mut Draw) -> Span {
        Span::from_secs_f64(match self {
            // Not through a float, which has 53 bits only.
            Self::Fixed(span) => return *span,
            Self::Exponential { mean } => draw.exponential(mean.as_secs_f64()),
            Self::Weibull(law) => weibull(*law, draw),
            Self::Lognormal { median, sigma } => draw.lognormal(log(*median), *sigma),
            Self::Gamma { shape, scale } => draw.gamma(*shape, scale.as_secs_f64()),
            Self::Bathtub { early, mean, wear } => {
                let early = weibull(*early, draw);
                early.min(draw.exponential(mean.as_secs_f64())).min(weibull(*wear, draw))
            }
            Self::Empirical(spans) => return spans[draw.below(spans.len() as u64) as usize],
        })
    }
}

/// The natural logarithm of a span in seconds.
pub(crate) fn log(span: Span) -> f64 {
    libm::log(span.as_secs_f64())
}

fn weibull(law: Weibull, draw: &mut Draw) -> f64 {
    draw.weibull(law.shape, law.scale.as_secs_f64())
}

/// A Weibull law: S(t) = exp(-(t/scale)^shape).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Weibull {
    /// Shape.
    pub shape: f64,
    /// Scale.
    pub scale: Span,
}

table! {
    /// A law of random spans: of repairs, of lifetimes after which a fault strikes again and again,
    /// of services or of the gaps between requests.
    struct OneLaw(Debug, Default) {
        /// Always the same span.
        fixed or "exponential" "weibull" "lognormal" "gamma" "bathtub" "empirical": Option<Span>
            = SPAN;
        /// The memoryless law.
        exponential: Option<Exponential>;
        /// S(t) = exp(-(t/scale)^shape).
        weibull: Option<Weibull>;
        /// ln t is normal.
        lognormal: Option<Lognormal>;
        /// The density falls as t^(shape - 1) exp(-t/scale).
        gamma: Option<Gamma>;
        /// The first of three ends.
        bathtub: Option<Bathtub>;
        /// One of the given spans.
        empirical: Option<Empirical>;
    }
}

table! {
    /// The memoryless law.
    struct Exponential(Debug) {
        /// Mean.
        mean: Span = SPAN_SOME;
    }
}

table! {
    /// S(t) = exp(-(t/scale)^shape).
    struct WeibullKeys(Debug) {
        /// Below 1 the hazard falls with age.
        shape: f64 = Kind::Number(0.1, 50.0);
        /// Mean; scale = mean / gamma(1 + 1/shape).
        mean or "scale": Option<Span> = SPAN_SOME;
        /// Scale, in place of the mean.
        scale: Option<Span> = SPAN_SOME;
    }
}

table! {
    /// ln t is normal.
    struct Lognormal(Debug) {
        /// Median.
        median: Span = SPAN_SOME;
        /// Standard deviation of ln t.
        sigma: f64 = Kind::Number(0.001, 10.0);
    }
}

table! {
    /// The density falls as t^(shape - 1) exp(-t/scale).
    struct GammaKeys(Debug) {
        /// Below 1 the hazard falls with age.
        shape: f64 = Kind::Number(0.01, 1_000.0);
        /// Mean; scale = mean / shape.
        mean or "scale": Option<Span> = SPAN_SOME;
        /// Scale, in place of the mean.
        scale: Option<Span> = SPAN_SOME;
    }
}

table! {
    /// The first of three ends: an early one whose hazard falls (a shape below 1), a chance one,
    /// and wear (a shape of 1 or more).
    struct Bathtub(Debug) {
        /// Early failures: a shape below 1.
        early: Weibull;
        /// Mean of the lifetimes that chance alone would end.
        mean: Span = SPAN_SOME;
        /// Wear: a shape above 1.
        wear: Weibull;
    }
    checks |section, m| {
        let mut wrong = |part, title, help| {
            let place = section.section(part).place("shape");
            m.note(Mistake::new(place, title).help(help));
        };
        if early.is_some_and(|early| early.shape >= 1.0) {
            wrong("early", "early failures whose hazard does not fall", "a shape below 1");
        }
        if wear.is_some_and(|wear| wear.shape < 1.0) {
            wrong("wear", "wear whose hazard does not rise", "a shape of 1 or more");
        }
    }
}

table! {
    /// One of the given spans, each as likely as the others.
    struct Empirical(Debug) {
        /// The spans, such as those of a trace.
        values: Vec<Span> = Kind::List(&SPAN_SOME);
    }
}

/// A gamma law.
#[derive(Debug)]
struct Gamma {
    shape: f64,
    scale: Span,
}

/// Tables with a shape, and with a scale or a mean: scale = mean / f(shape).
macro_rules! scaled {
    ($type:ident, $keys:ident, $f:expr) => {
        impl Declared for $type {
            const SPEC: &'static TableSpec = $keys::SPEC;

            fn read(section: &Section<'_>, m: &mut Mistakes) -> Option<Self> {
                let $keys { shape, mean, scale } = $keys::read(section, m)?;
                if let Some(scale) = scale {
                    return Some(Self { shape, scale });
                }
                section.demand("mean", m);
                let f: fn(f64) -> f64 = $f;
                let scale = Span::from_secs_f64(mean?.as_secs_f64() / f(shape));
                if scale == Span::ZERO {
                    let title = "this mean is too small for the shape";
                    m.note(Mistake::new(section.place("mean"), title));
                    return None;
                }
                Some(Self { shape, scale })
            }

            fn keys(&self) -> Vec<(&'static str, Written)> {
                $keys { shape: self.shape, mean: None, scale: Some(self.scale) }.keys()
            }
        }
    };
}

scaled!(Weibull, WeibullKeys, |shape| libm::tgamma(1.0 + 1.0 / shape));
scaled!(Gamma, GammaKeys, |shape| shape);

impl Declared for Law {
    const SPEC: &'static TableSpec = OneLaw::SPEC;

    fn read(section: &Section<'_>, m: &mut Mistakes) -> Option<Self> {
        let one = OneLaw::read(section, m)?;
        let law = one
            .fixed
            .map(Self::Fixed)
            .or(one.exponential.map(|Exponential { mean }| Self::Exponential { mean }))
            .or(one.weibull.map(Self::Weibull))
            .or(one.lognormal.map(|Lognormal { median, sigma }| Self::Lognormal { median, sigma }))
            .or(one.gamma.map(|Gamma { shape, scale }| Self::Gamma { shape, scale }))
            .or(one.bathtub.map(|Bathtub { early, mean, wear }| Self::Bathtub {
                early,
                mean,
                wear,
            }));
        if law.is_some() {
            return law;
        }
        let Some(Empirical { mut values }) = one.empirical else {
            let known: Vec<_> = Self::SPEC.keys.iter().map(|key| key.name).collect();
            let title = if section.exists() {
                "this law is empty".to_owned()
            } else {
                format!("missing law [{}]", section.path())
            };
            let mistake = Mistake::new(section.own_place(), title);
            m.note(mistake.help(format!("known laws: {}", known.join(", "))));
            return None;
        };
        if values.is_empty() {
            let place = section.section("empirical").place("values");
            m.note(Mistake::new(place, "a law without values").help("give one span or more"));
            return None;
        }
        values.sort_unstable();
        Some(Self::Empirical(Arc::from(values)))
    }

    fn keys(&self) -> Vec<(&'static str, Written)> {
        let none = OneLaw::default();
        let one = match self {
            Self::Fixed(span) => OneLaw { fixed: Some(*span), ..none },
            Self::Exponential { mean } => {
                OneLaw { exponential: Some(Exponential { mean: *mean }), ..none }
            }
            Self::Weibull(law) => OneLaw { weibull: Some(*law), ..none },
            &Self::Lognormal { median, sigma } => {
                OneLaw { lognormal: Some(Lognormal { median, sigma }), ..none }
            }
            &Self::Gamma { shape, scale } => OneLaw { gamma: Some(Gamma { shape, scale }), ..none },
            &Self::Bathtub { early, mean, wear } => {
                OneLaw { bathtub: Some(Bathtub { early, mean, wear }), ..none }
            }
            Self::Empirical(values) => {
                OneLaw { empirical: Some(Empirical { values: values.to_vec() }), ..none }
            }
        };
        one.keys()
    }
}
