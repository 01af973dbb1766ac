//! The table of several jobs: where the time of each went.

use maud::{Markup, html};

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
                div.wide {
                    table {
                        caption {
                            "Where the time of each job went, as in " code { "jobs.csv" }
                            ". A checkpoint and a restart begin when the job is idle for them, in \
                             its turn or not."
                        }
                        thead {
                            tr {
                                th scope="col" { "Job" }
                                th.number scope="col" { "Nodes" }
                                th.number scope="col" { "Done after" }
                                th.number scope="col" { "Efficiency" }
                                th.number scope="col" { "Lost work" }
                                th.number scope="col" { "Checkpoints" }
                                th.number scope="col" { "Restarts" }
                                th.number scope="col" { "Waiting" }
                                th.number scope="col" { "Interrupts" }
                            }
                        }
                        tbody { @for job in jobs { (row(job)) } }
                    }
                }
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
