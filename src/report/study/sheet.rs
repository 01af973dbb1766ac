//! The page of a study: one HTML file in the style of the report.

use maud::{Markup, html};

use super::text::{row, sentences};
use super::{Input, phrases, search};
use crate::analysis::optimum::Optimum;
use crate::analysis::study::{LEVEL, OfMetric};
use crate::report::page::Column::{Number, Text};
use crate::report::page::{self, Shown, wide_table};
use crate::report::words;

/// Cells that a table of the page has at most; all are in the file.
const CELLS: usize = 200;

/// The whole page.
pub(super) fn html(input: &Input<'_>, shown: &[Shown], fonts: &str) -> String {
    let content = html! {
        (header(input))
        (page::figures(shown))
        @if let Some(optimum) = input.search.filter(|it| !it.again.is_empty()) {
            (again(optimum))
        }
        (cells(input))
        (origin(input))
    };
    page::sheet(input.title, input.version, fonts, &content)
}

fn header(input: &Input<'_>) -> Markup {
    let links = [("#figures", "Figures"), ("#cells", "Cells"), ("#origin", "Reproduce")];
    let what = if input.search.is_some() { "search" } else { "study" };
    html! {
        header {
            p.kicker {
                "Rackstorm · " (what) " · " (input.name) " · " (phrases::tally(input.answer))
            }
            h1 { (input.title) }
            @for sentence in sentences(input) { p.summary { (sentence) } }
            nav aria-label="Sections" {
                @for (to, word) in links { a href=(to) { (word) } }
            }
        }
    }
}

/// The best value and others, played again.
fn again(optimum: &Optimum) -> Markup {
    html! {
        section id="again" {
            h2 { "Compared with it" }
            (wide_table(
                &html! { (search::heading(optimum)) },
                &search::HEADS.map(Text),
                &html! {
                    @for row in search::rows(optimum) {
                        tr {
                            th scope="row" { (row[0]) }
                            @for value in &row[1..] { td { (value) } }
                        }
                    }
                },
            ))
        }
    }
}

fn cells(input: &Input<'_>) -> Markup {
    let level = words::digits(LEVEL * 100.0);
    html! {
        section id="cells" {
            h2 { "Cells" }
            p {
                "Means over the runs that finished, with their " (level) " % t intervals. A \
                 difference is that to the reference cell, run by run of the same seed. Alike is a \
                 cell whose difference to the best one has zero in its interval; these intervals \
                 hold for all cells together (Bonferroni). All numbers are in "
                code { "summary.csv" } " and " code { "summary.parquet" } "."
            }
            @for metric in &input.answer.metrics { (table(input, metric)) }
        }
    }
}

fn table(input: &Input<'_>, metric: &OfMetric) -> Markup {
    let answer = input.answer;
    let order = metric.best_first();
    let names: Vec<_> = answer.axes.iter().map(|axis| axis.key.as_str()).collect();
    let mut heads = vec![Text("Cell")];
    heads.extend(names.iter().map(|name| Text(name)));
    heads.extend([Number("n"), Number("Mean"), Number("Difference"), Text("To the best")]);
    let texts = 1 + names.len();
    let meaning = (input.definition)(&metric.name);
    let shown = match order.len() {
        all if all > CELLS => format!(" The best {CELLS} of {}.", words::grouped(all as f64)),
        _ => String::new(),
    };
    html! {
        (wide_table(
            &html! { code { (metric.name) } ", the best cell first. " (meaning) (shown) },
            &heads,
            &html! {
                @for cell in order.iter().take(CELLS) {
                    tr {
                        @for (column, value) in row(answer, metric, *cell).into_iter().enumerate() {
                            @if column == 0 {
                                th scope="row" { (value) }
                            } @else if column < texts || column == texts + 3 {
                                td { (value) }
                            } @else {
                                td.number { (value) }
                            }
                        }
                    }
                }
            },
        ))
    }
}

fn origin(input: &Input<'_>) -> Markup {
    html! {
        section id="origin" {
            h2 { "Where this comes from" }
            @if input.search.is_none() { p {
                "The study is " code { "study.toml" } ", its cells are in " code { "plan.csv" }
                ", and each run is a row of " code { "results.csv" } " and "
                code { "results.parquet" } ". Any row can be played again into a full results \
                folder by " code { "rackstorm study show" } "."
            } }
            p { "To play it again:" }
            pre.command { code { (input.command) } }
        }
    }
}
