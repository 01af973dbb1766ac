//! Theory compared with the run: what formulas expect, and what the run showed.

use maud::{Markup, html};

use super::Column::{Number, Text};
use super::wide_table;
use crate::forecast::Compared;
use crate::ids::JobId;
use crate::report::Input;
use crate::report::forecast::{efficiency, span};
use crate::report::words;

/// A row for each formula that applies, or one line that says why none does.
pub(super) fn compared(input: &Input) -> Markup {
    html! {
        section id="theory" {
            h2 { "Theory compared with the run" }
            @match input.theory {
                Err(reasons) => p { "No closed form applies: " (reasons.join("; ")) "." },
                Ok(rows) if rows.is_empty() => p { "The job never began, so nothing compares." },
                Ok(rows) => (table(rows)),
            }
            @if let Some(text) = checkpoint(input) { p { (text) } }
        }
    }
}

/// What a checkpoint was to take compared with what it took, if all checkpoints are of one job and
/// level.
fn checkpoint(input: &Input) -> Option<String> {
    let [job] = &input.plan.jobs[..] else { return None };
    input.plan.checkpoint_of(JobId(0))?.coordinated()?;
    let took = |name: &str| {
        let mut metrics = input.findings.metrics.iter();
        Some(words::span(metrics.find(|metric| metric.name == name)?.value))
    };
    Some(format!(
        "A checkpoint that nothing disturbs takes {} in the mean; those of the run took {} in the \
         mean, {} in the median and {} at most.",
        words::span(job.checkpoint_cost.as_secs_f64()),
        took("checkpoint_time_mean")?,
        took("checkpoint_time_p50")?,
        took("checkpoint_time_max")?,
    ))
}

fn table(rows: &[Compared]) -> Markup {
    html! {
        p {
            "Formulas give the mean of many runs, and this is one run. The first boot of the job's "
            "nodes is left out on both sides."
            @if let Some(by) = rows.iter().find_map(|row| row.deviations) {
                " By the exact expectation its makespan lies " (format!("{:.1}", by.abs()))
                " standard deviations " @if by < 0.0 { "below" } @else { "above" } " the mean."
            }
        }
        (wide_table(
            &html! { "What closed forms expect of the scenario's own interval" },
            &[
                Text("Formula"), Number("Makespan expected"), Number("of the run"),
                Number("Efficiency expected"), Number("of the run"), Text("Range"),
            ],
            &html! { @for row in rows { (line(row)) } },
        ))
    }
}

fn line(row: &Compared) -> Markup {
    let (wanted, is) = row.makespan.unzip();
    let (share_wanted, share) = row.efficiency.unzip();
    html! {
        tr {
            th scope="row" { (row.formula) }
            td.number { (span(wanted)) }
            td.number { (span(is)) }
            td.number { (efficiency(share_wanted)) }
            td.number { (efficiency(share)) }
            td.prose { @if row.outside.is_empty() { "inside" } @else { (row.outside) } }
        }
    }
}
