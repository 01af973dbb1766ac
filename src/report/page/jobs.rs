//! The table of several jobs: how long each waited, and where its time went.

use maud::{Markup, html};

use super::Column::{Number, Text};
use super::wide_table;
use crate::analysis::JobFinding;
use crate::report::Input;
use crate::report::words;

/// Rows that a browser shows at once. Of more jobs those are left out that waited least.
const ROWS: usize = 500;

/// A row for each job, if there are several, and what the queue came to.
pub(super) fn table(input: &Input) -> Markup {
    let mut jobs: Vec<_> = input.findings.jobs.iter().collect();
    let all = jobs.len();
    if all > ROWS {
        jobs.sort_by(|a, b| b.queue_wait_s.total_cmp(&a.queue_wait_s));
        jobs.truncate(ROWS);
    }
    html! {
        @if all > 1 {
            section id="jobs" {
                h2 { "Jobs" }
                p { (queue(input)) }
                (wide_table(
                    &html! {
                        "Where the time of each job went, as in " code { "jobs.csv" }
                        ". A checkpoint and a restart begin when the job is idle for them, in \
                         its turn or not."
                        @if all > ROWS {
                            " Of " (all) " jobs these are the " (ROWS) " that waited longest for \
                             their start."
                        }
                    },
                    &[
                        Text("Job"), Number("Nodes"), Number("Submitted at"),
                        Number("Queue wait"), Number("Slowdown"), Number("Done after"),
                        Number("Efficiency"), Number("Lost work"), Number("Checkpoints"),
                        Number("Restarts"), Number("Waiting"), Number("Interrupts"),
                    ],
                    &html! { @for job in &jobs { (row(job)) } },
                ))
            }
        }
    }
}

/// What the queue came to, in a sentence. Older results do not say.
fn queue(input: &Input) -> String {
    let value = |name| input.findings.metric(name).map(|metric| metric.value);
    let (Some(mean), Some(median), Some(most)) =
        (value("queue_wait_mean"), value("queue_wait_p50"), value("queue_wait_max"))
    else {
        return String::new();
    };
    let [mean, median, most] = [mean, median, most].map(words::span);
    let waits = format!(
        "From its submission to its first start a job waited {mean} on average, {median} in the \
         median and {most} at most"
    );
    let slowdown = value("bounded_slowdown_mean").map_or_else(String::new, |mean| {
        format!("; the mean bounded slowdown is {}", words::digits(mean))
    });
    let ended = match value("jobs_timed_out") {
        Some(count) if count > 0.0 => {
            format!(" Ended at their walltime: {}.", words::count(count as usize, "job", "jobs"))
        }
        _ => String::new(),
    };
    format!("{waits}{slowdown}.{ended}")
}

fn row(job: &JobFinding) -> Markup {
    let parts = [job.lost_s, job.checkpoint_s, job.restart_s, job.wait_s];
    let all = job.work_s + job.verify_s + parts.iter().sum::<f64>();
    let share = |part: f64| if all > 0.0 { words::share(part / all) } else { "-".to_owned() };
    let known = |value: f64, text: fn(f64) -> String| match value {
        value if value < 0.0 => "-".to_owned(),
        value => text(value),
    };
    html! {
        tr {
            th scope="row" { (job.job) }
            td.number { (job.nodes) }
            td.number { (words::span(job.submit_s)) }
            td.number { (known(job.queue_wait_s, words::span)) }
            td.number { (known(job.slowdown, words::digits)) }
            td.number {
                @if job.status == "timed-out" { "ended at its walltime" }
                @else if job.done_s < 0.0 { "not done" }
                @else { (words::span(job.done_s)) }
            }
            td.number { (share(job.work_s)) @if job.done_s < 0.0 { " so far" } }
            @for part in parts { td.number { (share(part)) } }
            td.number { (job.interrupts) }
        }
    }
}
