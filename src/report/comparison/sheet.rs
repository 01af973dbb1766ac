//! The page of a comparison: one HTML file in the style of the report.

use maud::{Markup, html};

use super::text::in_order;
use super::{Input, phrases};
use crate::analysis::compare::{Distribution, LEVEL, Row, Verdict};
use crate::analysis::run::Run;
use crate::report::page::Column::{Number, Text};
use crate::report::page::{self, Shown, wide_table};
use crate::report::words;

/// The whole page.
pub(super) fn html(input: &Input, shown: &[Shown], fonts: &str) -> String {
    let [a, b] = [input.a, input.b].map(|runs| runs[0].manifest.scenario.clone());
    let title = if a == b { format!("{b}: B against A") } else { format!("{b} against {a}") };
    let content = html! {
        (header(input, &title))
        (unlike(input))
        (page::figures(shown))
        (metrics(input))
        (distributions(input))
        (origin(input))
    };
    page::sheet(&title, input.version, fonts, &content)
}

fn header(input: &Input, title: &str) -> Markup {
    let comparison = input.comparison;
    let links = [
        ("#unlike", "What is unlike"),
        ("#figures", "Figures"),
        ("#metrics", "Metrics"),
        ("#distributions", "Distributions"),
        ("#origin", "Runs"),
    ];
    let agrees = comparison.agrees(input.strict);
    html! {
        header {
            p.kicker { "Rackstorm · comparison" }
            h1 { (title) }
            p.summary {
                span.missed[!agrees] {
                    span.badge { @if agrees { "within tolerance" } @else { "out of tolerance" } }
                }
                " " (phrases::conclusion(comparison, input.strict))
                @for tally in phrases::tallies(comparison) { " " (tally) }
            }
            nav aria-label="Sections" {
                @for (to, word) in links { a href=(to) { (word) } }
            }
            dl.tiles {
                @for (letter, runs) in [("A", input.a), ("B", input.b)] {
                    div {
                        dt { @if letter == "A" { "The reference" } @else { "Held against it" } }
                        dd.value { (letter) }
                        dd { (phrases::side(runs).join(" · ")) }
                    }
                }
            }
        }
    }
}

fn unlike(input: &Input) -> Markup {
    let comparison = input.comparison;
    html! {
        section id="unlike" {
            h2 { "What is unlike" }
            @for remark in comparison.remarks.iter().chain(&comparison.pairing) { p { (remark) } }
            @for line in &comparison.not_recorded { p { "Not compared. " (line) } }
            @if comparison.keys.is_empty() {
                p { "The resolved scenarios agree in every key." }
            } @else {
                (wide_table(
                    &html! { "Keys of the resolved scenarios that differ" },
                    &[Text("Key"), Text("A"), Text("B")],
                    &html! {
                        @for key in &comparison.keys {
                            tr {
                                th scope="row" { code { (key.key) } }
                                td { code { (phrases::key_values(&key.a)) } }
                                td { code { (phrases::key_values(&key.b)) } }
                            }
                        }
                    },
                ))
            }
        }
    }
}

/// A verdict in its colour.
fn badge(verdict: Verdict) -> Markup {
    html! {
        @match verdict {
            Verdict::Out => span.missed { span.badge { (verdict.words()) } },
            Verdict::Unclear | Verdict::OnlyA | Verdict::OnlyB => {
                span.badge.doubt { (verdict.words()) }
            }
            Verdict::Within => span.badge { (verdict.words()) },
            Verdict::Same => span.soft { (verdict.words()) },
        }
    }
}

fn metrics(input: &Input) -> Markup {
    let rows = in_order(input.comparison.metrics.iter(), |row| row.verdict);
    let (same, different): (Vec<_>, Vec<_>) =
        rows.into_iter().partition(|row| row.verdict == Verdict::Same);
    let several = input.a.len() > 1 || input.b.len() > 1;
    let level = words::digits(LEVEL * 100.0);
    html! {
        section id="metrics" {
            h2 { "Metrics" }
            @if several {
                p {
                    "Values are means over the runs with their " (level) " % confidence intervals \
                     (Student). Differences are those of pairs of one seed where the sides pair, \
                     else those of the means (Welch)."
                }
            }
            @if different.is_empty() { p { "Every metric is the same." } }
            @else {
                (metric_table("Metrics that differ, what is out of tolerance first", &different))
            }
            @if !same.is_empty() {
                details {
                    summary { (words::count(same.len(), "metric", "metrics")) " the same" }
                    (metric_table("Metrics that are the same on both sides", &same))
                }
            }
        }
    }
}

fn metric_table(caption: &str, rows: &[&Row]) -> Markup {
    html! {
        (wide_table(
            &html! { (caption) },
            &[
                Text("Metric"), Number("A"), Number("B"), Number("B − A"), Number("of A"),
                Number("Tolerated"), Number("Verdict"),
            ],
            &html! {
                @for row in rows {
                    tr {
                        th scope="row" { code { (row.name) } }
                        td.number { (phrases::value(row, row.a.as_ref())) }
                        td.number { (phrases::value(row, row.b.as_ref())) }
                        td.number { (phrases::difference(row)) }
                        td.number { (phrases::relative(row.difference, true)) }
                        td.number.soft { (phrases::tolerated(row)) }
                        td.number { (badge(row.verdict)) }
                    }
                }
            },
        ))
    }
}

fn distributions(input: &Input) -> Markup {
    let rows = in_order(input.comparison.distributions.iter(), |it| it.row.verdict);
    html! {
        section id="distributions" {
            h2 { "Distributions" }
            p {
                "Values of all runs of a side together. How far they are apart is the area \
                 between the two cumulative curves, KS their largest vertical distance, and p how \
                 often independent values of one law are as far apart by chance. Nodes of one run \
                 are not independent, so take p as a yardstick and not as a proof."
            }
            @if rows.is_empty() { p { "The runs hold no distributions." } }
            @else { (distribution_table(&rows)) }
        }
    }
}

fn distribution_table(rows: &[&Distribution]) -> Markup {
    let number = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), words::digits);
    let p = |p: Option<f64>| p.map_or_else(|| "–".to_owned(), phrases::chance);
    html! {
        (wide_table(
            &html! { "Medians, with the number of values in brackets" },
            &[
                Text("Distribution"), Number("A"), Number("B"), Number("Apart"), Number("of A"),
                Number("Tolerated"), Number("KS"), Number("1 %"), Number("p"), Number("Verdict"),
            ],
            &html! {
                @for it in rows {
                    @let (row, ks) = (&it.row, it.kolmogorov_smirnov);
                    tr {
                        th scope="row" { code { (row.name) } }
                        td.number { (phrases::median(row, row.a.as_ref())) }
                        td.number { (phrases::median(row, row.b.as_ref())) }
                        td.number { (phrases::apart(row)) }
                        td.number { (phrases::relative(row.difference, false)) }
                        td.number.soft { (phrases::tolerated(row)) }
                        td.number { (number(ks.map(|ks| ks.distance))) }
                        td.number.soft { (number(ks.map(|ks| ks.critical))) }
                        td.number { (p(ks.map(|ks| ks.p))) }
                        td.number { (badge(row.verdict)) }
                    }
                }
            },
        ))
    }
}

fn origin(input: &Input) -> Markup {
    let run = |letter: &str, run: &Run| {
        let manifest = &run.manifest;
        let print = manifest.fingerprint.as_deref().unwrap_or("none");
        html! {
            tr {
                th scope="row" { (letter) }
                td { code { (run.folder.display()) } }
                td.number { (manifest.seed) }
                td { (manifest.stage) }
                td { (manifest.program) " " (manifest.version) }
                td { code { (print.get(..16).unwrap_or(print)) } }
            }
        }
    };
    html! {
        section id="origin" {
            h2 { "Where this comes from" }
            (wide_table(
                &html! { "The runs" },
                &[
                    Text("Side"), Text("Folder"), Number("Seed"), Text("Stage"), Text("Program"),
                    Text("Fingerprint"),
                ],
                &html! {
                    @for it in input.a { (run("A", it)) }
                    @for it in input.b { (run("B", it)) }
                },
            ))
            p { "To compare them again:" }
            pre.command { code { (input.command) } }
        }
    }
}
