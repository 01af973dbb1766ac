//! JUnit XML: each run is a suite, and each demand of its `[expect]` table a case of it.
//!
//! Every server of continuous integration reads it. A run without demands has one case, that it
//! finished; one that did not finish has an error in the place of its cases.

use maud::{Markup, PreEscaped, html};

use super::Recorded;
use crate::analysis::expect::{self, Standing, Verdict};
use crate::record::Manifest;

/// A suite: a run that finished, or the manifest of one that did not and why.
#[derive(Debug)]
pub enum Suite {
    /// It finished.
    Finished(Box<Recorded>),
    /// It did not.
    Unfinished(Box<Manifest>, String),
}

/// The document of all runs, in their order. O(demands).
#[must_use]
pub fn document(suites: &[Suite]) -> String {
    let counts = suites.iter().map(counts);
    let (tests, failures, errors) =
        counts.fold((0, 0, 0), |sum, it| (sum.0 + it.0, sum.1 + it.1, sum.2 + it.2));
    let markup = html! {
        (PreEscaped("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"))
        testsuites name="rackstorm" tests=(tests) failures=(failures) errors=(errors) {
            @for it in suites { (suite(it)) }
        }
        "\n"
    };
    markup.into_string()
}

/// Cases, failures and errors of a suite.
fn counts(suite: &Suite) -> (usize, usize, usize) {
    match suite {
        Suite::Finished(run) => {
            let verdicts = verdicts(run);
            let missed = verdicts.iter().filter(|it| !it.is_met()).count();
            (verdicts.len().max(1), missed, 0)
        }
        Suite::Unfinished(..) => (1, 0, 1),
    }
}

fn verdicts(run: &Recorded) -> Vec<Verdict> {
    expect::check(&run.plan.scenario.expect, &run.findings.metrics)
}

fn suite(suite: &Suite) -> Markup {
    let (tests, failures, errors) = counts(suite);
    let manifest = match suite {
        Suite::Finished(run) => &run.manifest,
        Suite::Unfinished(manifest, _) => manifest,
    };
    let Manifest { scenario, seed, stage, version, fingerprint, .. } = manifest;
    html! {
        testsuite name=(format!("{scenario}, seed {seed}, {stage}")) tests=(tests)
            failures=(failures) errors=(errors) timestamp=(manifest.started) {
            properties {
                (property("seed", &seed.to_string()))
                (property("stage", stage))
                (property("version", version))
                @if let Some(fingerprint) = fingerprint { (property("fingerprint", fingerprint)) }
            }
            @match suite {
                Suite::Finished(run) => { (cases(run)) }
                Suite::Unfinished(_, why) => {
                    testcase classname=(scenario) name="the run finishes" {
                        error message=(why) {}
                    }
                }
            }
        }
    }
}

fn property(name: &str, value: &str) -> Markup {
    html! { property name=(name) value=(value) {} }
}

fn cases(run: &Recorded) -> Markup {
    let verdicts = verdicts(run);
    let class = &run.manifest.scenario;
    html! {
        @if verdicts.is_empty() {
            testcase classname=(class) name="the run finishes" {}
        }
        @for verdict in &verdicts {
            testcase classname=(class) name=(verdict.demanded()) {
                @match verdict.standing {
                    Standing::Met(_) => {}
                    Standing::Missed(_) | Standing::Absent => {
                        failure message=(verdict) {}
                    }
                }
            }
        }
    }
}
