//! A queue of jobs: how many wait and how many nodes are in jobs, over time; waits and slowdowns.

use super::counts::{end, steps};
use super::{Figure, in_each, metric};
use crate::analysis::{JobFinding, Point, Series, WIDTHS};
use crate::report::Input;
use crate::report::drawing::Drawing;
use crate::report::frame::{Frame, PLOT_RIGHT, heading, legend, peak, rising};
use crate::report::scale::Scale;
use crate::report::strip;
use crate::report::theme::{BLUE, ORANGE};
use crate::report::words;

/// Jobs that wait for their first nodes, over time.
pub(crate) struct QueueLength;

/// Nodes in jobs, over time.
pub(crate) struct QueueNodes;

/// The share of the jobs that waited at most so long.
pub(crate) struct QueueWaits;

/// The share of the jobs whose slowdown was at most so large.
pub(crate) struct QueueSlowdowns;

/// Fewer jobs are a table.
const FEWEST: usize = 10;
/// More changes than these are drawn as a mean and a band.
const CHANGES: usize = 400;
/// Means of these at most, over the whole run.
const MEANS: f64 = 120.0;
/// The shortest wait of a logarithmic axis (s).
const WAIT_LEAST: f64 = 1.0;

fn is_queue(input: &Input) -> bool {
    let waits = |job: &JobFinding| job.queue_wait_s > 0.0 || job.submit_s > 0.0;
    input.findings.jobs.len() >= FEWEST && input.findings.jobs.iter().any(waits)
}

/// A count that each job raises for some time by so much (s).
fn count(
    input: &Input,
    name: &str,
    of: impl Fn(&JobFinding, f64) -> Option<(f64, f64, f64)>,
) -> Series {
    let end = end(input);
    let mut changes: Vec<(f64, f64)> = Vec::new();
    for (from, to, by) in input.findings.jobs.iter().filter_map(|job| of(job, end)) {
        changes.extend([(from, by), (to, -by)]);
    }
    let points = steps(changes, end);
    let points = points.into_iter().map(|(at, count)| Point::level(at, count)).collect();
    Series { name: name.to_owned(), unit: "count".to_owned(), points }
}

/// Jobs that have been submitted and have had no nodes yet.
fn waiting(input: &Input) -> Series {
    count(input, "waiting", |job, end| {
        let start = if job.start_s < 0.0 { end } else { job.start_s };
        (job.submit_s < start).then_some((job.submit_s, start, 1.0))
    })
}

/// Nodes of jobs that have started and are not over.
fn busy(input: &Input) -> Series {
    count(input, "busy", |job, end| {
        let over = if job.end_s < 0.0 { end } else { job.end_s };
        (job.start_s >= 0.0).then_some((job.start_s, over, f64::from(job.nodes)))
    })
}

/// A mean is over so long (s), if there is more to see than a line can show.
fn long_mean(input: &Input, series: &Series) -> Option<f64> {
    let least = end(input) / MEANS;
    let round = WIDTHS.iter().map(|width| *width as f64 / 1e9).find(|width| *width >= least);
    (series.points.len() > CHANGES).then(|| round.unwrap_or(least))
}

fn over_time(input: &Input, (title, word): (&str, &str), series: &Series, y: Scale) -> Drawing {
    let mut drawing = Drawing::default();
    heading(&mut drawing, title, &super::subtitle(input));
    let longer = long_mean(input, series);
    let mean = longer.map_or_else(|| word.to_owned(), |width| format!("mean{}", in_each(width)));
    let entries = [("lowest to highest", ORANGE), (mean.as_str(), BLUE)];
    let top = legend(&mut drawing, if longer.is_some() { &entries } else { &entries[1..] });
    let frame = Frame::new(top, PLOT_RIGHT, Scale::time(end(input)), y).marked(input);
    frame.grid(&mut drawing);
    if longer.is_some() {
        frame.envelope(&mut drawing, series, (ORANGE, BLUE), longer);
    } else {
        let points: Vec<_> = series.points.iter().map(|it| (it.t_s, it.mean)).collect();
        drawing.steps(frame.staircase(&points), BLUE, 2.0);
    }
    frame.axes(&mut drawing);
    drawing
}

/// The CDF of ascending values on a logarithmic axis; those below its begin stand there.
fn cdf(input: &Input, (title, word): (&str, &str), all: &[f64], x: Scale) -> Drawing {
    let mut drawing = Drawing::default();
    heading(&mut drawing, title, &super::subtitle(input));
    let (low, end) = (x.low, x.end);
    let top = legend(&mut drawing, &[(word, BLUE)]);
    let frame = Frame::new(top, PLOT_RIGHT, x, Scale::share("Share of jobs"));
    frame.grid(&mut drawing);
    frame.upright_grid(&mut drawing);
    let all: Vec<_> = all.iter().map(|value| libm::log10(value.max(1e-9)).max(low)).collect();
    drawing.steps(frame.staircase(&rising(&all, low, end)), BLUE, 2.0);
    frame.axes(&mut drawing);
    drawing
}

/// Waits of jobs that have started (s), ascending.
fn waits(input: &Input) -> Vec<f64> {
    let started = input.findings.jobs.iter().filter(|job| job.start_s >= 0.0);
    sorted(started.map(|job| job.queue_wait_s))
}

/// Bounded slowdowns of jobs that are done, ascending.
fn slowdowns(input: &Input) -> Vec<f64> {
    sorted(input.findings.jobs.iter().map(|job| job.slowdown).filter(|it| *it >= 1.0))
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut all: Vec<_> = values.collect();
    all.sort_by(f64::total_cmp);
    all
}

fn last(values: &[f64]) -> f64 {
    values.last().copied().unwrap_or_default()
}

impl Figure for QueueLength {
    fn name(&self) -> &'static str {
        "queue_length"
    }

    fn title(&self) -> &'static str {
        "Jobs that wait for nodes"
    }

    fn caption(&self, input: &Input) -> String {
        let most = words::grouped(peak(&waiting(input).points));
        format!(
            "Jobs that have been submitted and have had no nodes yet: at most {most}. A line that \
             rises steadily is a machine with more work than it can do.{}",
            strip::caption(input)
        )
    }

    fn wanted(&self, input: &Input) -> bool {
        is_queue(input) && end(input) > 0.0 && peak(&waiting(input).points) > 0.0
    }

    fn draw(&self, input: &Input) -> Drawing {
        let series = waiting(input);
        let y = Scale::count(peak(&series.points), "Jobs");
        over_time(input, (self.title(), "jobs that wait"), &series, y)
    }
}

impl Figure for QueueNodes {
    fn name(&self) -> &'static str {
        "queue_nodes"
    }

    fn title(&self) -> &'static str {
        "Nodes in jobs"
    }

    fn caption(&self, input: &Input) -> String {
        let used = metric(input.findings, "utilisation").map_or(String::new(), |share| {
            format!(" They had {:.0} % of all time of nodes.", share * 100.0)
        });
        format!(
            "Nodes of jobs from the start of each until it is over, with what it lost, wrote and \
             waited for after failures; the axis ends at all nodes.{used}{}",
            strip::caption(input)
        )
    }

    fn wanted(&self, input: &Input) -> bool {
        is_queue(input) && end(input) > 0.0
    }

    fn draw(&self, input: &Input) -> Drawing {
        let y = Scale::count(input.plan.machine.nodes.len() as f64, "Nodes");
        over_time(input, (self.title(), "nodes in jobs"), &busy(input), y)
    }
}

impl Figure for QueueWaits {
    fn name(&self) -> &'static str {
        "queue_wait_cdf"
    }

    fn title(&self) -> &'static str {
        "How long jobs waited"
    }

    fn caption(&self, input: &Input) -> String {
        let all = waits(input);
        let at_once = all.iter().filter(|wait| **wait <= WAIT_LEAST).count();
        let share = at_once as f64 / all.len().max(1) as f64 * 100.0;
        let started = words::count(all.len(), "job", "jobs");
        format!(
            "The share of the jobs that had their first nodes at most so long after they were \
             submitted: {started} that started, {share:.0} % of them within a second."
        )
    }

    fn wanted(&self, input: &Input) -> bool {
        is_queue(input) && last(&waits(input)) > WAIT_LEAST
    }

    fn draw(&self, input: &Input) -> Drawing {
        let all = waits(input);
        let x = Scale::spans(WAIT_LEAST, (1.1 * last(&all)).max(10.0), "Wait");
        cdf(input, (self.title(), "jobs that have started"), &all, x)
    }
}

impl Figure for QueueSlowdowns {
    fn name(&self) -> &'static str {
        "queue_slowdown_cdf"
    }

    fn title(&self) -> &'static str {
        "Slowdown of jobs by the queue"
    }

    fn caption(&self, input: &Input) -> String {
        let done = words::count(slowdowns(input).len(), "job", "jobs");
        format!(
            "The share of the jobs whose bounded slowdown was at most so large: the time from \
             submission to end against the time on nodes, which counts as 10 s at least. {done} \
             that are done."
        )
    }

    fn wanted(&self, input: &Input) -> bool {
        is_queue(input) && last(&slowdowns(input)) > 1.0
    }

    fn draw(&self, input: &Input) -> Drawing {
        let all = slowdowns(input);
        let x = Scale::decades(1.0, (1.1 * last(&all)).max(10.0), "Bounded slowdown");
        cdf(input, (self.title(), "jobs that are done"), &all, x)
    }
}
