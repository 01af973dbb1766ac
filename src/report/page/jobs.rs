//! The table of several jobs: where the time of each went.

use maud::{Markup, html};

use super::Column::{Number, Text};
use super::wide_table;
use crate::analysis::JobFinding;
use crate::report::Input;
use crate::report::words;

/// A row for each job, if there are several.
pub(super) fn table(input: &Input) -> Markup {
    let jobs = &input.findings.jobs;
    html! {
        @if jobs.len() > 1 {
            section id="jobs" {
                h2 { "Jobs" }
                (wide_table(
                    &html! {
                        "Where the time of each job went, as in " code { "jobs.csv" }
                        ". A checkpoint and a restart begin when the job is idle for them, in \
                         its turn or not."
                    },
                    &[
                        Text("Job"), Number("Nodes"), Number("Done after"), Number("Efficiency"),
                        Number("Lost work"), Number("Checkpoints"), Number("Restarts"),
                        Number("Waiting"), Number("Interrupts"),
                    ],
                    &html! { @for job in jobs { (row(job)) } },
                ))
            }
        }
    }
}

fn row(job: &JobFinding) -> Markup {
    let parts = [job.lost_s, job.checkpoint_s, job.restart_s, job.wait_s];
    let all = job.work_s + job.verify_s + parts.iter().sum::<f64>();
    let share = |part: f64| if all > 0.0 { words::share(part / all) } else { "-".to_owned() };
    html! {
        tr {
            th scope="row" { (job.job) }
            td.number { (job.nodes) }
            td.number {
                @if job.done_s < 0.0 { "not done" } @else { (words::span(job.done_s)) }
            }
            td.number { (share(job.work_s)) @if job.done_s < 0.0 { " so far" } }
            @for part in parts { td.number { (share(part)) } }
            td.number { (job.interrupts) }
        }
    }
}
