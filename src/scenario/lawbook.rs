//! From tables to laws of random spans.

use std::sync::Arc;

use crate::config::document::{Table, Value};
use crate::config::language::Read;
use crate::config::mistakes::{Mistake, Mistakes, Place};
use crate::config::section::Section;
use crate::scenario::keys::faults::{
    BATHTUB, EMPIRICAL, EXPONENTIAL, GAMMA, LAW, LOGNORMAL, WEIBULL,
};
use crate::scenario::law::{Law, Weibull};
use crate::units::Span;

/// Reads a law from its table.
pub(super) fn law(value: &Value, m: &mut Mistakes) -> Option<Law> {
    let table = value.table()?;
    let section = Section::new(&LAW, table, "law", value.place);
    let inner = |name| inner(table, name);
    if section.has("fixed") {
        return section.optional("fixed").map(Law::Fixed);
    }
    if let Some((table, place)) = inner("exponential") {
        let section = Section::new(&EXPONENTIAL, table, "exponential", place);
        return section.get("mean", m).map(|mean| Law::Exponential { mean });
    }
    if let Some((table, place)) = inner("weibull") {
        return weibull(&Section::new(&WEIBULL, table, "weibull", place), m).map(Law::Weibull);
    }
    if let Some((table, place)) = inner("lognormal") {
        let section = Section::new(&LOGNORMAL, table, "lognormal", place);
        let (median, sigma) = (section.get("median", m), section.get("sigma", m));
        return Some(Law::Lognormal { median: median?, sigma: sigma? });
    }
    if let Some((table, place)) = inner("gamma") {
        return gamma(&Section::new(&GAMMA, table, "gamma", place), m);
    }
    if let Some((table, place)) = inner("bathtub") {
        return bathtub(table, &Section::new(&BATHTUB, table, "bathtub", place), m);
    }
    if let Some((table, place)) = inner("empirical") {
        return empirical(&Section::new(&EMPIRICAL, table, "empirical", place), m);
    }
    let known: Vec<_> = LAW.keys.iter().map(|key| key.name).collect();
    let mistake = Mistake::new(value.place, "this law is empty");
    m.note(mistake.help(format!("known laws: {}", known.join(", "))));
    None
}

fn inner<'a>(table: &'a Table, name: &str) -> Option<(&'a Table, Place)> {
    let value = table.get(name)?;
    Some((value.table()?, value.place))
}

/// A Weibull law, given by scale or by mean: scale = mean / gamma(1 + 1/shape).
fn weibull(section: &Section<'_>, m: &mut Mistakes) -> Option<Weibull> {
    let shape: Option<f64> = section.get("shape", m);
    let scale = scale(section, shape, |shape| libm::tgamma(1.0 + 1.0 / shape), m);
    Some(Weibull { shape: shape?, scale: scale? })
}

/// A gamma law, given by scale or by mean: scale = mean / shape.
fn gamma(section: &Section<'_>, m: &mut Mistakes) -> Option<Law> {
    let shape: Option<f64> = section.get("shape", m);
    let scale = scale(section, shape, |shape| shape, m);
    Some(Law::Gamma { shape: shape?, scale: scale? })
}

/// The scale of a law, or what its mean makes of it.
fn scale(
    section: &Section<'_>,
    shape: Option<f64>,
    means: fn(f64) -> f64,
    m: &mut Mistakes,
) -> Option<Span> {
    if section.has("scale") {
        return section.optional("scale");
    }
    let mean: Option<Span> = section.get("mean", m);
    let (shape, mean) = (shape?, mean?);
    let scale = Span::from_secs_f64(mean.as_secs_f64() / means(shape));
    if scale == Span::ZERO {
        m.note(Mistake::new(section.place("mean"), "this mean is too small for the shape"));
        return None;
    }
    Some(scale)
}

/// A bathtub, whose early hazard falls and whose wear rises.
fn bathtub(table: &Table, section: &Section<'_>, m: &mut Mistakes) -> Option<Law> {
    let mut part = |name, falls: bool| {
        section.demand(name, m);
        let (table, place) = inner(table, name)?;
        let section = Section::new(&WEIBULL, table, name, place);
        let part = weibull(&section, m)?;
        if (part.shape < 1.0) != falls {
            let (title, help) = if falls {
                ("early failures whose hazard does not fall", "a shape below 1")
            } else {
                ("wear whose hazard does not rise", "a shape of 1 or more")
            };
            m.note(Mistake::new(section.place("shape"), title).help(help));
        }
        Some(part)
    };
    let (early, wear) = (part("early", true), part("wear", false));
    let mean = section.get("mean", m);
    Some(Law::Bathtub { early: early?, mean: mean?, wear: wear? })
}

fn empirical(section: &Section<'_>, m: &mut Mistakes) -> Option<Law> {
    section.demand("values", m);
    let values = section.given("values")?.list()?;
    let spans: Option<Vec<Span>> = values.iter().map(|value| Span::read(value).ok()).collect();
    let mut spans = spans?;
    if spans.is_empty() {
        let mistake = Mistake::new(section.place("values"), "a law without values");
        m.note(mistake.help("give one span or more"));
        return None;
    }
    spans.sort_unstable();
    Some(Law::Empirical(Arc::from(spans)))
}
