//! The fits as text for a terminal, as CSV, and as one object for programs.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{Input, fault, unit};
use crate::fitting::laws::{Fit, SpanLaw};
use crate::fitting::traces::Spans;
use crate::report::words;
use crate::trace::Trace;

/// Everything for a terminal.
#[must_use]
pub fn text(input: &Input) -> String {
    let (trace, fits) = (input.trace, input.fits);
    let mut out = String::new();
    let rows = words::count(trace.rows, "row", "rows");
    let flawed = match trace.flaws.len() {
        0 => "all usable".to_owned(),
        flaws => format!("{} of them not usable", words::grouped(flaws as f64)),
    };
    let _ = writeln!(out, "{} · {} · {rows}, {flawed}", input.name, trace.format.words());
    for remark in &trace.remarks {
        let rows = words::count(remark.rows, "row", "rows");
        let _ = writeln!(out, "  {rows} (first in line {}): {}", remark.line, remark.what);
    }
    let _ = writeln!(
        out,
        "{} · {} from {} to {} · {}",
        words::capital(&input.systems()),
        words::count(fits.failures, "failure", "failures"),
        fits.first,
        fits.last,
        words::count(fits.nodes as usize, "node", "nodes"),
    );
    if let Some((system, node)) = fits.mtbf_s.zip(fits.node_mtbf_s) {
        let up = fits.rule.as_ref().map_or_else(String::new, |rule| {
            format!(", for which it was up {} h", significant(rule.uptime_s / 3600.0))
        });
        let _ = writeln!(
            out,
            "Mean time between failures {} h, of a node {} h{up}",
            significant(system / 3600.0),
            significant(node / 3600.0)
        );
    }
    for spans in &fits.spans {
        out += &table(spans);
    }
    out.push('\n');
    if let Some(fault) = fault(input) {
        out += &fault;
    } else {
        let why = fits.no_rule.as_deref().unwrap_or("no law");
        let _ = writeln!(out, "No fault for a scenario: {why}.");
    }
    out
}

fn table(spans: &Spans) -> String {
    let (unit, seconds) = unit(spans.of);
    let mut out = format!("\n{}: {}\n", spans.of.word(), spans.of.words());
    if let Some(reported) = spans.summary {
        let _ = writeln!(
            out,
            "  n {}, mean {} {unit}, median {} {unit}, C² {}",
            words::grouped(reported.n as f64),
            significant(reported.mean_s / seconds),
            significant(reported.median_s / seconds),
            significant(reported.c2)
        );
    }
    let left_out = [(spans.zeros, "of zero"), (spans.negative, "below zero")];
    for (count, what) in left_out.into_iter().filter(|(count, _)| *count > 0) {
        let _ = writeln!(out, "  {} {what}, left out of the fits", words::grouped(count as f64));
    }
    if let Some(unfit) = &spans.unfit {
        let _ = writeln!(out, "  no fit: {unfit}");
        return out;
    }
    let n = words::grouped(spans.sample_s.len() as f64);
    let _ = writeln!(out, "  fitted to {n} spans, the best by AIC first:");
    let head = ["", "parameters", "mean", "KS", "ln L", "AIC"].map(str::to_owned);
    let line = |fit: &Fit| {
        [
            fit.law.family().to_owned(),
            parameters(&fit.law, unit, seconds),
            format!("{} {unit}", significant(fit.mean_s / seconds)),
            format!("{:.3}", fit.ks),
            format!("{:.1}", fit.log_likelihood),
            format!("{:.1}", fit.aic),
        ]
    };
    let rows: Vec<_> = std::iter::once(head).chain(spans.fits.iter().map(line)).collect();
    for row in &rows {
        let mut text = String::from("  ");
        for (column, cell) in row.iter().enumerate() {
            let width = rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
            let _ = match column {
                0 | 1 => write!(text, "{cell:<width$}  "),
                _ => write!(text, "{cell:>width$}  "),
            };
        }
        let _ = writeln!(out, "{}", text.trim_end());
    }
    out
}

/// The parameters of a law in a unit of time.
fn parameters(law: &SpanLaw, unit: &str, seconds: f64) -> String {
    match *law {
        SpanLaw::Exponential { mean } => format!("mean {} {unit}", significant(mean / seconds)),
        SpanLaw::Weibull { shape, scale } | SpanLaw::Gamma { shape, scale } => {
            format!("shape {shape:.3}, scale {} {unit}", significant(scale / seconds))
        }
        SpanLaw::Lognormal { mu, sigma } => {
            format!("mu {:.3} (ln {unit}), sigma {sigma:.3}", mu - libm::log(seconds))
        }
    }
}

/// The table of all fits as CSV, one row for each family; spans in the unit that the row names.
#[must_use]
pub fn csv(input: &Input) -> String {
    let mut out = String::from(
        "of,unit,n,zeros,negative,mean,median,c2,family,shape,scale,mu,sigma,fit_mean,ks,\
         log_likelihood,aic\n",
    );
    for spans in &input.fits.spans {
        let (unit, seconds) = unit(spans.of);
        let Some(reported) = spans.summary else { continue };
        for fit in &spans.fits {
            let (shape, scale, mu, sigma) = match fit.law {
                SpanLaw::Exponential { mean } => (None, Some(mean / seconds), None, None),
                SpanLaw::Weibull { shape, scale } | SpanLaw::Gamma { shape, scale } => {
                    (Some(shape), Some(scale / seconds), None, None)
                }
                SpanLaw::Lognormal { mu, sigma } => {
                    (None, None, Some(mu - libm::log(seconds)), Some(sigma))
                }
            };
            let [shape, scale, mu, sigma] = [shape, scale, mu, sigma]
                .map(|value| value.map_or_else(String::new, |value| value.to_string()));
            let _ = writeln!(
                out,
                "{},{unit},{},{},{},{},{},{},{},{shape},{scale},{mu},{sigma},{},{},{},{}",
                spans.of.word(),
                reported.n,
                spans.zeros,
                spans.negative,
                reported.mean_s / seconds,
                reported.median_s / seconds,
                reported.c2,
                fit.law.family(),
                fit.mean_s / seconds,
                fit.ks,
                fit.log_likelihood,
                fit.aic
            );
        }
    }
    out
}

/// The rows of a trace that could not be used, as CSV.
pub(super) fn flaws(trace: &Trace) -> String {
    let mut out = String::from("line,what\n");
    for flaw in &trace.flaws {
        let _ = writeln!(out, "{},\"{}\"", flaw.line, flaw.what.replace('"', "\"\""));
    }
    out
}

/// Four significant digits, so that published numbers can be compared.
fn significant(value: f64) -> String {
    let size = value.abs();
    let places = match size {
        s if s >= 999.95 => 0,
        s if s >= 99.995 => 1,
        s if s >= 9.9995 => 2,
        s if s >= 0.99995 => 3,
        _ => 4,
    };
    if places == 0 { words::grouped(value.round()) } else { format!("{value:.places$}") }
}

/// All that was found, as one object.
#[must_use]
pub fn json(input: &Input, written: &[String]) -> Value {
    let trace = input.trace;
    let flaws: Vec<Value> =
        trace.flaws.iter().map(|flaw| json!({ "line": flaw.line, "what": flaw.what })).collect();
    let mut object = json!({
        "trace": input.name,
        "format": trace.format.words(),
        "sha256": trace.sha256,
        "rows": trace.rows,
        "flaws": flaws,
    });
    let all = object.as_object_mut().expect("it was made as an object");
    all.extend(words::object(input.fits));
    all.insert("fault".to_owned(), json!(fault(input)));
    all.insert("files".to_owned(), json!(written));
    object
}
