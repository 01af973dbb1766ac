//! How many of something there were over time: tasks under way, jobs that wait.

use super::metric;
use crate::report::Input;
use crate::report::drawing::Drawing;
use crate::report::frame::{Frame, PLOT_RIGHT, heading, legend};
use crate::report::scale::Scale;
use crate::report::theme::Ink;

/// A number, from when on it held (s), up to the end of the run.
pub(super) struct Count {
    pub(super) name: &'static str,
    ink: Ink,
    points: Vec<(f64, f64)>,
    pub(super) most: f64,
}

/// The end of the run (s).
pub(super) fn end(input: &Input) -> f64 {
    metric(input.findings, "run_time").unwrap_or_default()
}

/// From 0 on, what changes by so much at these times (s) comes to.
pub(super) fn steps(mut changes: Vec<(f64, f64)>, end: f64) -> Vec<(f64, f64)> {
    changes.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut points, mut now): (Vec<(f64, f64)>, f64) = (vec![(0.0, 0.0)], 0.0);
    for (at, change) in changes {
        now += change;
        match points.last_mut() {
            Some(last) if last.0.total_cmp(&at).is_eq() => last.1 = now,
            _ => points.push((at, now)),
        }
    }
    points.push((end, now));
    points
}

impl Count {
    /// What changes by so much at these times (s).
    pub(super) fn of(
        input: &Input,
        (name, ink): (&'static str, Ink),
        changes: Vec<(f64, f64)>,
    ) -> Self {
        let points = steps(changes, end(input));
        let most = points.iter().map(|point| point.1).fold(0.0, f64::max);
        Self { name, ink, points, most }
    }
}

/// How many tasks of a kind were under way, for each of these kinds of which there are any.
pub(super) fn of_tasks(input: &Input, kinds: &[(&str, &'static str, Ink)]) -> Vec<Count> {
    let count = |&(kind, name, ink): &(&str, &'static str, Ink)| {
        let rows = input.findings.tasks.iter().filter(|task| task.kind == kind);
        let mut changes: Vec<(f64, f64)> = Vec::new();
        for task in rows {
            changes.push((task.begin_s, 1.0));
            if task.end_s >= 0.0 {
                changes.push((task.end_s, -1.0));
            }
        }
        Count::of(input, (name, ink), changes)
    };
    kinds.iter().map(count).filter(|count| count.most > 0.0).collect()
}

/// Draws them over each other.
pub(super) fn draw(input: &Input, title: &str, all: &[Count], axis: &str) -> Drawing {
    let mut drawing = Drawing::default();
    heading(&mut drawing, title, &super::subtitle(input));
    let names: Vec<_> = all.iter().map(|count| (count.name, count.ink)).collect();
    let most = all.iter().map(|count| count.most).fold(0.0, f64::max);
    let top = legend(&mut drawing, &names);
    let y = Scale::count(most, axis);
    let frame = Frame::new(top, PLOT_RIGHT, Scale::time(end(input)), y).marked(input);
    frame.grid(&mut drawing);
    for count in all {
        drawing.steps(frame.staircase(&count.points), count.ink, 2.0);
    }
    frame.axes(&mut drawing);
    drawing
}
