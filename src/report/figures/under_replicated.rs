//! How many blocks of HDFS had too few replicas, over time.

use super::Figure;
use crate::report::Input;
use crate::report::drawing::Drawing;
use crate::report::frame::{Frame, PLOT_RIGHT, heading, legend};
use crate::report::scale::Scale;
use crate::report::strip;
use crate::report::theme::{BLUE, Ink, VERMILLION};
use crate::report::words;

/// See the file's first line.
pub(crate) struct UnderReplicated;

/// A number of blocks, from when on it held (s), up to the end of the run.
struct Count {
    name: &'static str,
    ink: Ink,
    points: Vec<(f64, f64)>,
    most: f64,
}

fn end(input: &Input) -> f64 {
    super::metric(input.findings, "run_time").unwrap_or_default()
}

fn counts(input: &Input) -> Vec<Count> {
    let count = |(kind, name, ink): (&str, &'static str, Ink)| {
        let rows = input.findings.tasks.iter().filter(|task| task.kind == kind);
        let mut changes: Vec<(f64, f64)> = Vec::new();
        for task in rows {
            changes.push((task.begin_s, 1.0));
            if task.end_s >= 0.0 {
                changes.push((task.end_s, -1.0));
            }
        }
        changes.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (mut points, mut now): (Vec<(f64, f64)>, f64) = (vec![(0.0, 0.0)], 0.0);
        for (at, change) in changes {
            now += change;
            match points.last_mut() {
                Some(last) if last.0.total_cmp(&at).is_eq() => last.1 = now,
                _ => points.push((at, now)),
            }
        }
        points.push((end(input), now));
        let most = points.iter().map(|point| point.1).fold(0.0, f64::max);
        Count { name, ink, points, most }
    };
    let all = [
        ("under-replicated", "too few replicas", BLUE),
        ("missing-block", "no replica", VERMILLION),
    ];
    all.into_iter().map(count).filter(|count| count.most > 0.0).collect()
}

impl Figure for UnderReplicated {
    fn name(&self) -> &'static str {
        "under_replicated"
    }

    fn title(&self) -> &'static str {
        "Blocks with too few replicas"
    }

    fn caption(&self, input: &Input) -> String {
        let most: Vec<_> = counts(input)
            .iter()
            .map(|count| format!("{} with {}", words::grouped(count.most), count.name))
            .collect();
        format!(
            "Blocks of HDFS, as its NameNode knew: a node that dies is noticed after its silence \
             only, and then its blocks are copied. At most {}.{}",
            most.join(" and "),
            strip::caption(input)
        )
    }

    fn wanted(&self, input: &Input) -> bool {
        !counts(input).is_empty()
    }

    fn draw(&self, input: &Input) -> Drawing {
        let mut drawing = Drawing::default();
        heading(&mut drawing, self.title(), &super::subtitle(input));
        let all = counts(input);
        let names: Vec<_> = all.iter().map(|count| (count.name, count.ink)).collect();
        let most = all.iter().map(|count| count.most).fold(0.0, f64::max);
        let top = legend(&mut drawing, &names);
        let y = Scale::count(most, "Blocks");
        let frame = Frame::new(top, PLOT_RIGHT, Scale::time(end(input)), y).marked(input);
        frame.grid(&mut drawing);
        for count in &all {
            drawing.steps(frame.staircase(&count.points), count.ink, 2.0);
        }
        frame.axes(&mut drawing);
        drawing
    }
}
