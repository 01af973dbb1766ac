//! A fault for a scenario with the lifetimes and repair times of a trace, ready to be pasted.

use std::fmt::Write as _;

use super::{Input, unit};
use crate::fitting::laws::SpanLaw;
use crate::fitting::traces::Spread;
use crate::report::words;
use crate::trace::Quantity;

/// Digits of a span: a millionth of it is less than anybody measures.
const DIGITS: i32 = 6;

/// The table, or `None` if there is no law of lifetimes.
#[must_use]
pub fn fault(input: &Input) -> Option<String> {
    let rule = input.fits.rule.as_ref()?;
    let name = input.name.replace(['\r', '\n'], " ");
    let (failures, nodes) = (
        words::count(input.fits.failures, "failure", "failures"),
        words::count(input.fits.nodes as usize, "node", "nodes"),
    );
    let mut out = format!(
        "\
# {failures} of {nodes} in {name} ({}), {},
# {} to {}.
# Lifetimes: the mean is the time that a node was up per failure, the shape that of the uptimes
# between two failures of the same node, whose own mean is {}.
",
        input.trace.format.words(),
        input.systems(),
        input.fits.first,
        input.fits.last,
        span(rule.pooled_s, Quantity::Uptimes),
    );
    if let Some(why) = &rule.no_repair {
        let _ = writeln!(
            out,
            "# No law of repairs ({why}):\n# the default, `repair = \"power-cycle\"`, is an \
             assumption."
        );
    }
    let _ = write!(
        out,
        "[[fault.crash]]\nname = \"node crash, {}\"\non = \"node\"\nlifetime = {}\n",
        input.systems(),
        spread(&rule.lifetime, Quantity::Uptimes)
    );
    if let Some(repair) = &rule.repair {
        let _ = writeln!(out, "repair = {}", spread(repair, Quantity::Repairs));
    }
    Some(out)
}

/// A law in the scenario's own words.
fn spread(spread: &Spread, of: Quantity) -> String {
    let span = |seconds| format!("\"{}\"", span(seconds, of));
    let law = match spread {
        Spread::Fixed { fixed } => return format!("{{ fixed = {} }}", span(*fixed)),
        Spread::Law(law) => law,
    };
    let mean = span(law.mean());
    match *law {
        SpanLaw::Exponential { .. } => format!("{{ exponential = {{ mean = {mean} }} }}"),
        SpanLaw::Weibull { shape, .. } => {
            format!("{{ weibull = {{ shape = {shape:.4}, mean = {mean} }} }}")
        }
        SpanLaw::Lognormal { mu, sigma } => {
            let median = span(libm::exp(mu));
            format!("{{ lognormal = {{ median = {median}, sigma = {sigma:.4} }} }}")
        }
        SpanLaw::Gamma { shape, .. } => {
            format!("{{ gamma = {{ shape = {shape:.4}, mean = {mean} }} }}")
        }
    }
}

/// A span in the unit in which its kind is reported, as a scenario reads it.
fn span(seconds: f64, of: Quantity) -> String {
    let (name, size) = unit(of);
    let value = seconds / size;
    let places = (DIGITS - 1 - libm::floor(libm::log10(value)) as i32).clamp(0, 12) as usize;
    let text = format!("{value:.places$}");
    let text = if places > 0 { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    format!("{text} {name}")
}
