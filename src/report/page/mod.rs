//! The report: one HTML file that needs nothing but itself.
//!
//! It carries its font, its style and its figures, asks nothing of the network, follows the light
//! or dark taste of its reader, and prints.

mod failures;
mod jobs;
mod summary;
mod tables;
mod theory;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::Input;
use super::words;

/// The style of the page.
const STYLE: &str = include_str!("page.css");

/// Nothing may be fetched; the page only uses what it carries.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; font-src data:";

/// A figure that was drawn.
pub(crate) struct Shown {
    /// Stem of its files.
    pub(crate) name: String,
    /// What it shows and how to read it.
    pub(crate) caption: String,
    /// Its SVG.
    pub(crate) svg: String,
}

impl Shown {
    /// Its files, within the folder of the page.
    pub(crate) fn files(&self) -> [String; 2] {
        ["svg", "png"].map(|end| format!("figures/{}.{end}", self.name))
    }
}

/// The whole page. `fonts` are the `@font-face` rules.
pub(crate) fn html(input: &Input, shown: &[Shown], fonts: &str) -> String {
    let content = html! {
        (header(input))
        (summary::tiles(input))
        (failures::why(input))
        (tables::verdicts(input))
        (figures(shown))
        (failures::tables(input))
        (jobs::table(input))
        (theory::compared(input))
        (tables::metrics(input))
        (tables::faults(input))
        (tables::sources(input))
        (resolved(input))
        (origin(input))
    };
    sheet(&input.plan.scenario.title, input.version, fonts, &content)
}

/// A page of this house with a title and a content.
pub(crate) fn sheet(title: &str, version: &str, fonts: &str, content: &Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="generator" content={ "rackstorm " (version) };
                title { (title) " · Rackstorm" }
                style { (PreEscaped(fonts)) (PreEscaped(STYLE)) }
            }
            body { main { (content) } }
        }
    };
    page.into_string()
}

fn header(input: &Input) -> Markup {
    let scenario = &input.plan.scenario;
    let links = [
        ("#figures", "Figures"),
        ("#failures", "Failures"),
        ("#theory", "Theory"),
        ("#metrics", "Metrics"),
        ("#faults", "Faults"),
        ("#sources", "Assumptions"),
        ("#scenario", "Scenario"),
        ("#origin", "Reproduce"),
    ];
    html! {
        header {
            p.kicker {
                "Rackstorm · " (scenario.name) " · seed " (scenario.seed) " · " (input.stage)
            }
            h1 { (scenario.title) }
            p.summary { (summary::paragraph(input)) }
            nav aria-label="Sections" {
                @for (to, word) in links {
                    @if to != "#failures" || !input.findings.failures.is_empty() {
                        a href=(to) { (word) }
                    }
                }
            }
        }
    }
}

/// The figures, one below the other.
pub(crate) fn figures(shown: &[Shown]) -> Markup {
    html! {
        section id="figures" {
            h2 { "Figures" }
            @if shown.is_empty() { p { "This run has nothing to draw." } }
            @for figure in shown {
                figure id={ "figure-" (figure.name) } {
                    (PreEscaped(&figure.svg))
                    figcaption { (figure.caption) }
                }
            }
        }
    }
}

/// A column of a table by its head, and how its cells stand.
pub(crate) enum Column<'a> {
    Text(&'a str),
    Number(&'a str),
}

/// A table that scrolls by itself where the page is too narrow for it.
pub(crate) fn wide_table(caption: &Markup, columns: &[Column<'_>], rows: &Markup) -> Markup {
    html! {
        div.wide {
            table {
                caption { (caption) }
                thead {
                    tr {
                        @for column in columns {
                            @match column {
                                Column::Text(head) => th scope="col" { (head) },
                                Column::Number(head) => th.number scope="col" { (head) },
                            }
                        }
                    }
                }
                tbody { (rows) }
            }
        }
    }
}

/// Bytes of a scenario that the page has: tables of transfers and of jobs may be larger than all
/// else.
const SCENARIO_MAX: usize = 500_000;

fn resolved(input: &Input) -> Markup {
    let text = input.resolved;
    let lines = text.lines().count();
    let end = text.char_indices().take_while(|(at, _)| *at <= SCENARIO_MAX);
    let end = end.filter(|(_, letter)| *letter == '\n').last().map_or(0, |(at, _)| at + 1);
    let shown = if text.len() > SCENARIO_MAX { &text[..end] } else { text };
    html! {
        section id="scenario" {
            h2 { "Scenario" }
            p {
                "What was played, with everything inherited and every default filled in. It is "
                code { "scenario.toml" } " of the results folder"
                @if shown.len() == text.len() {
                    "; saved under that name it plays the same run."
                } @else {
                    ", which has all of it: here are its first "
                    (words::count(shown.lines().count(), "line", "lines")) "."
                }
            }
            details {
                summary { (words::count(lines, "line", "lines")) " of TOML" }
                pre { code { (shown) } }
            }
        }
    }
}

fn origin(input: &Input) -> Markup {
    let rows = [
        ("Program", format!("rackstorm {}", input.version)),
        ("Scenario", input.plan.scenario.name.clone()),
        ("Seed", input.plan.scenario.seed.to_string()),
        ("Stage", input.stage.to_owned()),
        ("Fingerprint", input.fingerprint.to_owned()),
    ];
    html! {
        section id="origin" {
            h2 { "Where this comes from" }
            div.wide {
                table {
                    caption { "The run" }
                    tbody {
                        @for (word, value) in rows {
                            tr { th scope="row" { (word) } td { code { (value) } } }
                        }
                    }
                }
            }
            p {
                (input.again.intro) " By which program and commit it was played, with which "
                "command, when and where is in " code { "manifest.json" } "."
            }
            @for (what, command) in &input.again.ways {
                p { (what) }
                pre.command { code { (command) } }
            }
        }
    }
}
