//! What each failure cost: why the efficiency is what it is, and the failures behind that.

use maud::{Markup, html};

use super::Column::{Number, Text};
use super::wide_table;
use crate::analysis::{FailureFinding, JobFinding, KindCost, cost_by_kind};
use crate::event::Fault;
use crate::report::Input;
use crate::report::words;

/// Failures that the page lists; of more, those that cost most.
const ROWS: usize = 25;
/// Parts of the waste that a sentence names: at least this share of node time.
const LEAST: f64 = 0.0005;

/// Where the node time of the jobs went, in a sentence, with the failure that cost most.
pub(super) fn why(input: &Input) -> Markup {
    let share = |name: &str| input.findings.metric(name).map_or(0.0, |metric| metric.value);
    let useful = share("efficiency");
    let all = node_time(&input.findings.jobs);
    // Where corruption threw work away as well, the whole is reported by its causes.
    let split = input.findings.metric("waste_rework_corruption").is_some();
    let known = PARTS.iter().filter(|(name, _)| !(split && *name == "waste_rework"));
    let mut parts: Vec<_> = known.map(|(name, word)| (share(name), *word)).collect();
    parts.retain(|(part, _)| *part >= LEAST);
    parts.sort_by(|a, b| b.0.total_cmp(&a.0));
    let parts: Vec<_> =
        parts.iter().map(|(part, word)| format!("{word} {}", words::share(*part))).collect();
    let worst = input.findings.failures.iter().filter(|row| row.failures == 1);
    let worst = worst.max_by(|a, b| a.node_s.total_cmp(&b.node_s)).filter(|row| row.node_s > 0.0);
    let whose = if input.findings.jobs.len() == 1 { "the job" } else { "the jobs" };
    html! {
        @if useful > 0.0 && !parts.is_empty() && all > 0.0 {
            p.why {
                b { "Why " (words::share(useful)) "?" }
                " Of the node time of " (whose) ", " (words::share(useful))
                " was useful computing; the rest: " (parts.join(", ")) "."
                @if let Some(row) = worst {
                    " The failure that cost most, " (title(&row.kind)) " of " (row.part) " after "
                    (words::span(row.at_s)) ", took " (words::share(row.node_s / all)) " of it; "
                    a href="#failures" { "each failure with its cost" } "."
                }
            }
        }
    }
}

/// The parts of the waste in words.
const PARTS: [(&str, &str); 8] = [
    ("waste_checkpoint", "checkpoints"),
    ("waste_rework", "work that failures threw away"),
    ("waste_rework_failures", "work that failures threw away"),
    ("waste_rework_corruption", "work that was thrown away with corrupt memory"),
    ("waste_restart", "restarts"),
    ("waste_idle", "waiting after failures"),
    ("waste_verify", "verifications"),
    ("waste_boot", "the first boot or wait"),
];

/// All time of the jobs times their nodes (s).
fn node_time(jobs: &[JobFinding]) -> f64 {
    let time = |job: &JobFinding| {
        let lost = job.lost_s + job.checkpoint_s + job.restart_s + job.verify_s + job.wait_s;
        f64::from(job.nodes) * (job.work_s + lost)
    };
    jobs.iter().map(time).sum()
}

/// The tables of what failures cost: by kind, and one by one.
pub(super) fn tables(input: &Input) -> Markup {
    let mut rows: Vec<_> = input.findings.failures.iter().collect();
    rows.sort_by(|a, b| b.node_s.total_cmp(&a.node_s).then(a.at_s.total_cmp(&b.at_s)));
    let others = rows.split_off(rows.len().min(ROWS));
    let all = node_time(&input.findings.jobs);
    html! {
        @if !rows.is_empty() {
            section id="failures" {
                h2 { "What each failure cost" }
                p {
                    "Work that was thrown away, reading a checkpoint back, and waiting for nodes, "
                    "as time of the job. Each is counted for the failure that the job noticed "
                    "last, so that the sums are those of the metrics. Reaction is the time from "
                    "the strike until the job or the controller acted on it, which takes detection "
                    "and, where no node is free, the repair: it is part of the waiting where the "
                    "job stood still meanwhile, and of the lost work where it computed."
                }
                (by_kind(input, all))
                (one_by_one(input, &rows, &others, all))
            }
        }
    }
}

fn by_kind(input: &Input, all: f64) -> Markup {
    let kinds = cost_by_kind(&input.findings.failures);
    let row = |kind: &KindCost| {
        html! {
            tr {
                th scope="row" { (title(&kind.kind)) }
                td.number { (words::grouped(kind.failures as f64)) }
                (cost([kind.rework_s, kind.restart_s, kind.wait_s], kind.node_s, all))
            }
        }
    };
    let head = [
        Text("Fault"),
        Number("Failures"),
        Number("Lost work"),
        Number("Restart"),
        Number("Waiting"),
        Number("Node hours"),
        Number("Of node time"),
    ];
    wide_table(&html! { "By kind of fault" }, &head, &html! { @for kind in &kinds { (row(kind)) } })
}

fn one_by_one(
    input: &Input,
    rows: &[&FailureFinding],
    others: &[&FailureFinding],
    all: f64,
) -> Markup {
    let several = input.findings.jobs.len() > 1;
    let mut head = vec![Text("Struck at"), Text("Fault"), Text("Part")];
    if several {
        head.push(Text("Job"));
    }
    head.extend([
        Number("Reaction"),
        Number("Lost work"),
        Number("Restart"),
        Number("Waiting"),
        Number("Node hours"),
        Number("Of node time"),
    ]);
    let sum = |of: fn(&FailureFinding) -> f64| others.iter().map(|row| of(row)).sum::<f64>();
    let rest = [sum(|row| row.rework_s), sum(|row| row.restart_s), sum(|row| row.wait_s)];
    let number = others.iter().map(|row| row.failures).sum::<u64>() as usize;
    wide_table(
        &html! {
            "One by one, as in " code { "failures.csv" } ": those that cost most stand first"
        },
        &head,
        &html! {
            @for row in rows {
                tr {
                    th scope="row" { (words::span(row.at_s)) }
                    td { (title(&row.kind)) }
                    td { (row.part) @if row.failures > 1 { (row.failures) " together" } }
                    @if several { td { (row.job) } }
                    td.number { (reaction(row)) }
                    (cost([row.rework_s, row.restart_s, row.wait_s], row.node_s, all))
                }
            }
            @if !others.is_empty() {
                tr {
                    th scope="row" colspan=(if several { "5" } else { "4" }) {
                        (words::count(number, "other", "others"))
                    }
                    (cost(rest, sum(|row| row.node_s), all))
                }
            }
        },
    )
}

fn reaction(row: &FailureFinding) -> String {
    if row.reaction_s < 0.0 { "-".to_owned() } else { words::span(row.reaction_s) }
}

/// The cells of what was lost: as time of a job, as node hours, and as a share.
fn cost(parts: [f64; 3], node_s: f64, all: f64) -> Markup {
    html! {
        @for part in parts { td.number { (words::span(part)) } }
        td.number { (words::digits(node_s / 3600.0)) }
        td.number { @if all > 0.0 { (words::share(node_s / all)) } @else { "-" } }
    }
}

/// A kind of fault, or another reason, as people read it.
fn title(kind: &str) -> &str {
    match kind {
        "walltime" => "end at the walltime",
        "course" => "no failure",
        other => match Fault::of(other) {
            Some(fault) => fault.title(),
            None => other,
        },
    }
}
