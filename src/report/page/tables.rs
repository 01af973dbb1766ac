//! The tables of the report: expectations, metrics, faults, and where each figure comes from.

use std::fmt::Write as _;

use maud::{Markup, html};

use super::Column::{Number, Text};
use super::wide_table;
use crate::event::Fault;
use crate::ids::{Part, PartKind};
use crate::plan::machine::Machine;
use crate::plan::print::{repair_text, when_text};
use crate::report::Input;
use crate::report::words;
use crate::scenario::Source;
use crate::scenario::fault::{FaultRule, PartSet};

/// The demands of `[expect]` and whether they were met; nothing if there are none.
pub(super) fn verdicts(input: &Input) -> Markup {
    html! {
        @if !input.verdicts.is_empty() {
            section id="expectations" {
                h2 { "Expectations" }
                ul.verdicts {
                    @for verdict in input.verdicts {
                        li.missed[!verdict.met] {
                            span.badge { @if verdict.met { "met" } @else { "missed" } }
                            " " (verdict.text)
                        }
                    }
                }
            }
        }
    }
}

/// Every metric with its unit and definition.
pub(super) fn metrics(input: &Input) -> Markup {
    html! {
        section id="metrics" {
            h2 { "Metrics" }
            (wide_table(
                &html! {
                    "All numbers of the run, as in " code { "metrics.csv" }
                    ". A metric that does not apply to this run is left out."
                },
                &[
                    Text("Metric"), Number("Value"), Number("In base units"), Text("Unit"),
                    Text("Definition"),
                ],
                &html! {
                    @for metric in &input.findings.metrics {
                        tr {
                            th scope="row" { code { (metric.name) } }
                            td.number { (words::quantity(metric.value, &metric.unit)) }
                            td.number.soft { (metric.value) }
                            td.soft { (metric.unit) }
                            td.prose { ((input.definition)(&metric.name)) }
                        }
                    }
                },
            ))
        }
    }
}

/// The fault rules of the scenario.
pub(super) fn faults(input: &Input) -> Markup {
    let rules = &input.plan.scenario.faults;
    html! {
        section id="faults" {
            h2 { "Faults" }
            @if rules.is_empty() {
                p { "The scenario injects no faults." }
            } @else {
                (wide_table(
                    &html! { "What the scenario let strike, on what, when, and how it ended" },
                    &[Text("Fault"), Text("Kind"), Text("On"), Text("When"), Text("Repair")],
                    &html! { @for rule in rules { (fault(rule, &input.plan.machine)) } },
                ))
            }
        }
    }
}

fn fault(rule: &FaultRule, machine: &Machine) -> Markup {
    let mut kind = rule.kind().title().to_owned();
    let link = rule.harm.link();
    if rule.kind() == Fault::LinkDegradation {
        let _ = write!(kind, " to {}", words::share(f64::from(link.share_ppm) / 1e6));
    }
    if link.loss_ppm > 0 {
        let lost = words::share(f64::from(link.loss_ppm) / 1e6);
        let _ = write!(kind, ", {lost} of the packets lost");
    }
    html! {
        tr {
            th scope="row" { (rule.name) }
            td { (kind) @if let Some(how) = rule.harm.phrase() { ": " (how) } }
            td { (parts(&rule.on, machine)) }
            td { (when_text(rule)) }
            td { (repair_text(&rule.repair)) }
        }
    }
}

/// A set of parts in words: a single one by its name, more by their numbers from 1.
fn parts(set: &PartSet, machine: &Machine) -> String {
    let one = set.kind.title();
    let many = format!("{one}{}", if set.kind == PartKind::Switch { "es" } else { "s" });
    let number = set.len() as usize;
    if number == 1 {
        let index = set.ranges.first().map_or(0, |range| range.start);
        return machine.name(Part { kind: set.kind, index });
    }
    let stretch = |range: &std::ops::Range<u32>| match range.len() {
        1 => format!("{}", u64::from(range.start) + 1),
        _ => format!("{}–{}", u64::from(range.start) + 1, range.end),
    };
    let which: Vec<_> = set.ranges.iter().take(4).map(stretch).collect();
    let more = if set.ranges.len() > 4 { ", …" } else { "" };
    format!("{} ({}{more})", words::count(number, one, &many), which.join(", "))
}

/// Where each figure of the scenario comes from: assumptions first, for they need the doubt.
pub(super) fn sources(input: &Input) -> Markup {
    let rows = &input.plan.scenario.provenance;
    let mut assumed = Vec::new();
    let mut published = Vec::new();
    let mut own = 0;
    for row in rows {
        match &row.source {
            Source::Assumption(why) => assumed.push((row, why.as_str())),
            Source::Published(source) => published.push((row, source.as_str())),
            Source::Scenario => own += 1,
        }
    }
    let assumptions =
        words::count(assumed.len(), "value is an assumption", "values are assumptions");
    html! {
        section id="sources" {
            h2 { "Assumptions and sources" }
            @if rows.is_empty() {
                p { "The scenario names no sources." }
            } @else {
                p {
                    (assumptions)
                    ": nobody published them, so results that hang on them need a second look. "
                    (words::count(published.len(), "value has", "values have"))
                    " a published source, and the scenario itself sets "
                    (words::count(own, "value", "values")) "."
                }
            }
            @if !assumed.is_empty() {
                (source_table("Assumptions", "Why this value", &assumed, true))
            }
            @if !published.is_empty() {
                details {
                    summary { "Published sources" }
                    (source_table("Values with a published source", "Source", &published, false))
                }
            }
        }
    }
}

type Row<'a> = (&'a crate::scenario::Provenance, &'a str);

fn source_table(caption: &str, head: &str, rows: &[Row], doubtful: bool) -> Markup {
    html! {
        (wide_table(
            &html! { (caption) },
            &[Text("Key"), Text("Value"), Text(head)],
            &html! {
                @for (row, text) in rows {
                    tr {
                        th scope="row" { code { (row.key) } }
                        td { (row.value.trim_matches('"')) }
                        td.prose {
                            @if doubtful { span.badge.doubt { "assumption" } " " }
                            (linked(text))
                        }
                    }
                }
            },
        ))
    }
}

/// A text with its web addresses made links, those without `https://` too.
fn linked(text: &str) -> Markup {
    html! {
        @for (i, word) in text.split(' ').enumerate() {
            @if i > 0 { " " }
            @let rest = word.trim_start_matches('(');
            @let address = rest.trim_end_matches([',', ';', '.', ')', ':']);
            @if let Some(target) = target(address) {
                (&word[..word.len() - rest.len()])
                a href=(target) { (address) }
                (&rest[address.len()..])
            } @else {
                (word)
            }
        }
    }
}

/// Where a word leads, if it is a web address.
fn target(word: &str) -> Option<String> {
    /// Ends of the hosts that sources of hardware figures live on. File names end otherwise.
    const ENDS: [&str; 10] = ["com", "org", "net", "io", "gov", "edu", "fr", "de", "uk", "au"];
    if word.starts_with("https://") || word.starts_with("http://") {
        return Some(word.to_owned());
    }
    let host = word.split('/').next()?;
    let (name, end) = host.rsplit_once('.')?;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
    let known = ENDS.contains(&end) && !name.is_empty() && name.chars().all(plain);
    known.then(|| format!("https://{word}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_in_a_source_becomes_a_link_without_its_comma() {
        let html = linked("see https://example.org/a?b=1&c=2, page <3>").into_string();
        assert_eq!(
            html,
            "see <a href=\"https://example.org/a?b=1&amp;c=2\">\
             https://example.org/a?b=1&amp;c=2</a>, page &lt;3&gt;"
        );
    }

    #[test]
    fn a_bare_host_is_an_address_and_a_file_is_none() {
        let html = linked("seen (blog.alexellis.io, 2017), config.txt, i.e. 0.127 s").into_string();
        assert_eq!(
            html,
            "seen (<a href=\"https://blog.alexellis.io\">blog.alexellis.io</a>, 2017), \
             config.txt, i.e. 0.127 s"
        );
        let path = linked("cdrdv2.example.com/a/b.pdf;").into_string();
        assert!(path.starts_with("<a href=\"https://cdrdv2.example.com/a/b.pdf\">"), "{path}");
    }

    #[test]
    fn parts_are_numbered_from_one() {
        let set = |ranges: &[std::ops::Range<u32>]| PartSet {
            kind: PartKind::Node,
            ranges: ranges.to_vec(),
        };
        let machine = Machine::build(&crate::plan::pilot::scenario());
        let parts = |ranges: &[std::ops::Range<u32>]| parts(&set(ranges), &machine);
        assert_eq!(parts(std::slice::from_ref(&(0..750))), "750 nodes (1–750)");
        assert_eq!(parts(std::slice::from_ref(&(4..5))), "pi005");
        assert_eq!(parts(&[(0..1), (3..5)]), "3 nodes (1, 4–5)");
    }
}
