//! A fault for a scenario with the lifetimes and repair times of a trace, ready to be pasted.

use super::Input;
use crate::analysis::fit::SpanLaw;
use crate::report::words;
use crate::units::Span;

/// The table, or `None` if its laws could not be fitted.
#[must_use]
pub fn fault(input: &Input) -> Option<String> {
    let rule = input.fits.rule.as_ref()?;
    let name = input.name.replace(['\r', '\n'], " ");
    let (failures, nodes) = (
        words::count(input.fits.failures, "failure", "failures"),
        words::count(input.fits.nodes as usize, "node", "nodes"),
    );
    Some(format!(
        "\
# {failures} of {nodes} in {name} ({}), {},
# {} to {}.
# Lifetimes: the mean is the time that a node was up per failure, the shape that of the uptimes
# between two failures of the same node, whose own mean is {}.
[[fault.crash]]
name = \"node crash, {}\"
on = \"node\"
lifetime = {}
repair = {}
",
        input.trace.format.words(),
        input.systems(),
        input.fits.first,
        input.fits.last,
        words::span(rule.pooled_s),
        input.systems(),
        law(&rule.lifetime),
        law(&rule.repair),
    ))
}

/// A law in the scenario's own words.
fn law(law: &SpanLaw) -> String {
    match *law {
        SpanLaw::Exponential { mean } => format!("{{ exponential = {{ mean = {} }} }}", span(mean)),
        SpanLaw::Weibull { shape, .. } => {
            format!("{{ weibull = {{ shape = {shape:.4}, mean = {} }} }}", span(law.mean()))
        }
        SpanLaw::Lognormal { mu, sigma } => {
            let median = span(libm::exp(mu));
            format!("{{ lognormal = {{ median = {median}, sigma = {sigma:.4} }} }}")
        }
        SpanLaw::Gamma { shape, .. } => {
            format!("{{ gamma = {{ shape = {shape:.4}, mean = {} }} }}", span(law.mean()))
        }
    }
}

/// A span, to the second where that is less than a thousandth of it.
fn span(seconds: f64) -> String {
    let rounded = if seconds >= 1000.0 { libm::round(seconds) } else { seconds };
    format!("\"{}\"", Span::from_secs_f64(rounded))
}
