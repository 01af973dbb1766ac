//! The tables of the report: expectations, metrics, faults, and where each figure comes from.

use maud::{Markup, html};

use crate::event::Fault;
use crate::ids::PartKind;
use crate::report::Input;
use crate::report::words;
use crate::scenario::Source;
use crate::scenario::fault::{Age, FaultRule, PartSet, Rejuvenate, Repair, When};
use crate::scenario::law::Law;

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
            div.wide {
                table {
                    caption {
                        "All numbers of the run, as in " code { "metrics.csv" }
                        ". A metric that does not apply to this run is left out."
                    }
                    thead {
                        tr {
                            th scope="col" { "Metric" }
                            th.number scope="col" { "Value" }
                            th.number scope="col" { "In base units" }
                            th scope="col" { "Unit" }
                            th scope="col" { "Definition" }
                        }
                    }
                    tbody {
                        @for metric in &input.findings.metrics {
                            tr {
                                th scope="row" { code { (metric.name) } }
                                td.number { (words::quantity(metric.value, &metric.unit)) }
                                td.number.soft { (metric.value) }
                                td.soft { (metric.unit) }
                                td.prose { ((input.definition)(&metric.name)) }
                            }
                        }
                    }
                }
            }
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
                div.wide {
                    table {
                        caption { "What the scenario let strike, on what, when, and how it ended" }
                        thead {
                            tr {
                                th scope="col" { "Fault" }
                                th scope="col" { "Kind" }
                                th scope="col" { "On" }
                                th scope="col" { "When" }
                                th scope="col" { "Repair" }
                            }
                        }
                        tbody { @for rule in rules { (fault(rule)) } }
                    }
                }
            }
        }
    }
}

fn fault(rule: &FaultRule) -> Markup {
    let kind = match rule.kind {
        Fault::Crash => "crash".to_owned(),
        Fault::Hang => "hang".to_owned(),
        Fault::PowerLoss => "power loss".to_owned(),
        Fault::SwitchLoss => "switch loss".to_owned(),
        Fault::ServerLoss => "server loss".to_owned(),
        Fault::LinkDegradation => {
            let share = words::share(f64::from(rule.share_ppm) / 1e6);
            format!("link degradation to {share}")
        }
    };
    let when = match &rule.when {
        When::At(time) => format!("once, at {}", words::span(time.as_secs_f64())),
        When::Lifetime { law, age, rejuvenate } => {
            let age = match age {
                Age::Stationary => "long in use at the start",
                Age::New => "new at the start",
            };
            let rejuvenate = match rejuvenate {
                Rejuvenate::Failed => "",
                Rejuvenate::All => "; all parts are new after each",
            };
            format!("after lifetimes: {}; {age}{rejuvenate}", law_words(law))
        }
    };
    let repair = match &rule.repair {
        Repair::PowerCycle => "the controller power-cycles the node".to_owned(),
        Repair::After(law) => format!("after a time: {}", law_words(law)),
        Repair::Never => "never".to_owned(),
    };
    html! {
        tr {
            th scope="row" { (rule.name) }
            td { (kind) }
            td { (parts(&rule.on)) }
            td { (when) }
            td { (repair) }
        }
    }
}

fn law_words(law: &Law) -> String {
    let span = |span: crate::units::Span| words::span(span.as_secs_f64());
    match law {
        Law::Fixed(length) => format!("always {}", span(*length)),
        Law::Exponential { mean } => format!("exponential, mean {}", span(*mean)),
        Law::Weibull { shape, scale } => {
            format!("Weibull, shape {}, scale {}", words::digits(*shape), span(*scale))
        }
        Law::Lognormal { median, sigma } => {
            format!("lognormal, median {}, sigma {}", span(*median), words::digits(*sigma))
        }
    }
}

/// A set of parts in words: all numbers from 1 as far as they are few.
fn parts(set: &PartSet) -> String {
    let (one, many) = match set.kind {
        PartKind::Node => ("node", "nodes"),
        PartKind::Blade => ("blade", "blades"),
        PartKind::Pack => ("pack", "packs"),
        PartKind::Module => ("module", "modules"),
        PartKind::Rack => ("rack", "racks"),
        PartKind::Switch => ("switch", "switches"),
        PartKind::Psu => ("PSU", "PSUs"),
        PartKind::Server => ("server", "servers"),
        PartKind::NodeLink => ("node link", "node links"),
        PartKind::Uplink => ("uplink", "uplinks"),
    };
    let number = set.len() as usize;
    if number == 1 {
        let which = set.ranges.first().map_or(0, |range| range.start);
        return format!("{one} {} of the machine", u64::from(which) + 1);
    }
    let stretch = |range: &std::ops::Range<u32>| match range.len() {
        1 => format!("{}", u64::from(range.start) + 1),
        _ => format!("{}–{}", u64::from(range.start) + 1, range.end),
    };
    let which: Vec<_> = set.ranges.iter().take(4).map(stretch).collect();
    let more = if set.ranges.len() > 4 { ", …" } else { "" };
    format!("{} ({}{more})", words::count(number, one, many), which.join(", "))
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
        div.wide {
            table {
                caption { (caption) }
                thead {
                    tr {
                        th scope="col" { "Key" }
                        th scope="col" { "Value" }
                        th scope="col" { (head) }
                    }
                }
                tbody {
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
                }
            }
        }
    }
}

/// A text with its web addresses made links.
fn linked(text: &str) -> Markup {
    html! {
        @for (i, word) in text.split(' ').enumerate() {
            @if i > 0 { " " }
            @if word.starts_with("https://") || word.starts_with("http://") {
                @let address = word.trim_end_matches([',', ';', '.', ')', ':']);
                a href=(address) { (address) }
                (&word[address.len()..])
            } @else {
                (word)
            }
        }
    }
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
    fn parts_are_numbered_from_one() {
        let set = |ranges: &[std::ops::Range<u32>]| PartSet {
            kind: PartKind::Node,
            ranges: ranges.to_vec(),
        };
        assert_eq!(parts(&set(std::slice::from_ref(&(0..750)))), "750 nodes (1–750)");
        assert_eq!(parts(&set(std::slice::from_ref(&(4..5)))), "node 5 of the machine");
        assert_eq!(parts(&set(&[(0..1), (3..5)])), "3 nodes (1, 4–5)");
    }
}
