//! Flux, upset budget, DRAM faults and sources as text for a terminal.

use std::fmt::Write as _;

use super::{Input, YEARS, source_text};
use crate::cosmic::budget::{Activity, Class};
use crate::cosmic::dram::{MODES, YEAR, at_least_one};
use crate::cosmic::flux::{REFERENCE, above_10_mev, second_opinion};
use crate::cosmic::memory::{Cell, Protection, Sensitivity};
use crate::report::columns::columns;
use crate::report::words;

/// Everything for a terminal.
#[must_use]
pub fn text(input: &Input) -> String {
    let mut out = String::new();
    let nodes = words::count(input.nodes as usize, "node", "nodes");
    let _ =
        writeln!(out, "{} · {nodes} of {} · {}", input.scenario.name, input.model(), input.place());
    out += &flux(input);
    out += &memories(input);
    out += &outcomes(input);
    out += &chips(input);
    out += &sources(input);
    out
}

fn flux(input: &Input) -> String {
    let flux = &input.budget.flux;
    let (open, whole) = (flux.through_concrete, above_10_mev());
    let row = |name: &str, factor: f64, source: String| {
        vec![name.to_owned(), format!("{factor:.2}"), format!("{:.1}", whole * factor), source]
    };
    let model = "JESD89A Annex A, Gordon and others 2004; constants recalled";
    let mut rows = vec![
        row("quiet sun", flux.quiet * open, model.to_owned()),
        row("active sun", flux.active * open, model.to_owned()),
        row("here", flux.factor, format!("{model}; {:.0} g/cm2 of air above", flux.depth)),
    ];
    if let Some(other) = second_opinion(&input.scenario.site) {
        let spread = (other.factor / flux.factor - 1.0) * 100.0;
        let source =
            format!("PARMA (EXPACS 4) for {}, {spread:+.0} %: a second opinion", other.place);
        rows.push(row("by PARMA", other.factor, source));
        if let Some(last) = rows.last_mut() {
            last[2] = format!("{:.1}", other.per_hour);
        }
    }
    let heads = ["flux above 10 MeV", "of New York", "n/cm2/h", "source"];
    columns(&heads, "lrrl", &rows)
}

fn memories(input: &Input) -> String {
    let arrays = &input.scenario.hardware.arrays;
    if arrays.is_empty() {
        return "\nNo memory of this hardware can be upset: give it [[hardware.array]] tables.\n"
            .to_owned();
    }
    let mut rows = Vec::new();
    for (number, (array, budget)) in arrays.iter().zip(&input.budget.arrays).enumerate() {
        let mut given = match array.sensitivity {
            Sensitivity::Sigma(sigma) => format!("{sigma:.2e} cm2/bit"),
            Sensitivity::FitPerMbit(fit) => format!("{} FIT/Mbit", words::digits(fit)),
            Sensitivity::Devices { count, .. } => words::count(count as usize, "chip", "chips"),
        };
        if input.is_assumed(number) {
            given += " (assumption)";
        }
        rows.push(vec![
            array.name.clone(),
            kind(array.kind).to_owned(),
            array.size.to_string(),
            given,
            code(array.protection).to_owned(),
            fit(budget.fit),
            fit(budget.rate * 1e9),
            every(budget.rate),
        ]);
    }
    let rate = input.budget.rate();
    let total = |name: &str, nodes: f64| {
        let at_reference: f64 = input.budget.arrays.iter().map(|array| array.fit).sum();
        let mut row = vec![name.to_owned()];
        row.extend(std::iter::repeat_n(String::new(), 4));
        row.extend([fit(at_reference * nodes), fit(rate * nodes * 1e9), every(rate * nodes)]);
        row
    };
    rows.push(total("node", 1.0));
    if input.nodes > 1 {
        let nodes = words::count(input.nodes as usize, "node", "nodes");
        rows.push(total(&nodes, input.nodes as f64));
    }
    let heads = [
        "memory",
        "kind",
        "size",
        "sensitivity",
        "code",
        "FIT in New York",
        "here",
        "one upset in",
    ];
    let mut out = columns(&heads, "llrrlrrr", &rows);
    let _ = writeln!(
        out,
        "Rates are referred to {REFERENCE} n/cm2/h in New York, as JESD89A has it; 1 FIT is one in \
         1e9 h."
    );
    out + &of_sram(input)
}

/// The upsets of static memory, where there is other memory next to it.
fn of_sram(input: &Input) -> String {
    let arrays = &input.scenario.hardware.arrays;
    let mut out = String::new();
    let sram = input.budget.arrays.iter().zip(arrays).filter(|(_, array)| array.kind == Cell::Sram);
    let (rate, fit_new_york) =
        sram.fold((0.0, 0.0), |sum, (budget, _)| (sum.0 + budget.rate, sum.1 + budget.fit));
    if rate > 0.0 && arrays.iter().any(|array| array.kind == Cell::Dram) {
        let _ = writeln!(
            out,
            "SRAM alone: {} FIT in New York, {} here: one upset in {} of a node, in {} of all.",
            fit(fit_new_york),
            fit(rate * 1e9),
            every(rate),
            every(rate * input.nodes as f64)
        );
    }
    out
}

/// What comes of the upsets of the whole machine, by what its nodes do.
fn outcomes(input: &Input) -> String {
    if input.budget.rate() <= 0.0 {
        return String::new();
    }
    let mut rows = Vec::new();
    for activity in Activity::ALL {
        let rates = input.budget.classes(activity.shares(&input.scenario.upset));
        let mut row = vec![activity.word().to_owned()];
        row.extend(rates.map(|rate| every(rate * input.nodes as f64)));
        rows.push(row);
    }
    let heads: Vec<_> = std::iter::once("one in, by what the nodes do")
        .chain(Class::ALL.map(Class::word))
        .collect();
    columns(&heads, "lrrrrrr", &rows)
}

/// Faults of the node's DRAM over the life of a machine.
fn chips(input: &Input) -> String {
    let mut out = String::new();
    for (array, chips) in input.chips() {
        let hours = YEARS * YEAR;
        let mut rows = Vec::new();
        for mode in &MODES {
            let alone = chips.alone(mode, hours);
            rows.push(vec![
                mode.name.to_owned(),
                words::digits(mode.transient * chips.flux),
                words::digits(mode.permanent),
                chance(alone.faults),
                chance(alone.corrected),
                chance(alone.detected),
                chance(alone.escaped),
            ]);
        }
        let pairs = chips.all_meetings(hours);
        if pairs > 0.0 {
            let mut row = vec!["two in a word".to_owned(), String::new(), String::new()];
            row.extend([chance(pairs), chance(0.0), chance(pairs), chance(0.0)]);
            rows.push(row);
        }
        let count = words::count(chips.count as usize, "chip", "chips");
        let scrubbed = match array.protection {
            Protection::None | Protection::Parity => String::new(),
            _ => format!(", scrubbed each {}", words::span(chips.scrub * 3600.0)),
        };
        let _ = write!(
            out,
            "\n{} of a node, {count}, {}{scrubbed}: chance in {YEARS} years of\n",
            words::capital(&array.name),
            code(array.protection)
        );
        let heads =
            ["mode", "FIT transient", "permanent", "a fault", "corrected", "detected", "escaped"];
        out += columns(&heads, "lrrrrrr", &rows).trim_start_matches('\n');
        let [any, beyond] =
            [chips.any_fault(hours), chips.any_uncorrected(hours)].map(words::digits);
        let _ = writeln!(out, "Any fault: {any}; any that is not corrected: {beyond}.");
    }
    if !out.is_empty() {
        out += "Rates of DDR2: Sridharan and Liberty, SC 2012; only transient faults follow the \
                flux.\n";
    }
    out
}

fn sources(input: &Input) -> String {
    let mut rows = Vec::new();
    for figure in input.figures() {
        rows.push((figure.key.clone(), figure.value.clone(), source_text(&figure.source)));
    }
    let mut out = String::from("\nWhere each figure comes from\n");
    let wide =
        |cells: Vec<&String>| cells.iter().map(|cell| cell.chars().count()).max().unwrap_or(0);
    let keys = wide(rows.iter().map(|row| &row.0).collect());
    let values = wide(rows.iter().map(|row| &row.1).collect());
    let mut last = String::new();
    for (key, value, source) in rows {
        // What several figures of a table share is said once.
        let shown = if source == last { "\"" } else { source.as_str() };
        let _ = writeln!(out, "  {key:<keys$}  {value:<values$}  {shown}");
        last = source;
    }
    out
}

fn kind(kind: Cell) -> &'static str {
    match kind {
        Cell::Sram => "SRAM",
        Cell::Dram => "DRAM",
    }
}

/// The name of a code for people.
pub(super) fn code(code: Protection) -> &'static str {
    match code {
        Protection::None => "no code",
        Protection::Parity => "parity",
        Protection::Secded => "SECDED",
        Protection::Chipkill => "chipkill",
    }
}

/// A rate in FIT, in full.
fn fit(value: f64) -> String {
    words::digits(value)
}

/// The mean time between events of a rate (1/h).
fn every(rate: f64) -> String {
    const YEAR_S: f64 = YEAR * 3600.0;
    match 3600.0 / rate {
        span if !span.is_finite() => "never".to_owned(),
        // Days by the thousand say less than years.
        span if span >= 2.0 * YEAR_S => format!("{} y", words::digits(span / YEAR_S)),
        span => words::span(span),
    }
}

/// The chance of at least one of so many expected events.
fn chance(expected: f64) -> String {
    if expected <= 0.0 { "0".to_owned() } else { words::digits(at_least_one(expected)) }
}
