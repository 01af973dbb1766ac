//! Nodes up over time, with the times until half, most and all of them were up.

use super::{Figure, end_of, metric, series};
use crate::report::Input;
use crate::report::drawing::{Align, Drawing};
use crate::report::frame::{Frame, PLOT_RIGHT, PLOT_TOP, heading};
use crate::report::scale::Scale;
use crate::report::theme::{
    BLUE, LABEL_SIZE, PAPER, SKY, SOFT_TEXT, SUBTITLE_SIZE, TEXT, VERMILLION,
};
use crate::report::words;

/// See the file's first line.
pub(crate) struct NodesUp;

/// The shares that are marked: percent and metric, which is absent if the share was never reached.
const MARKS: [(f64, &str); 4] =
    [(50.0, "boot_t50"), (90.0, "boot_t90"), (99.0, "boot_t99"), (100.0, "boot_t100")];

/// Width of the column of marks beside the plot (px).
const COLUMN: f64 = 150.0;

impl Figure for NodesUp {
    fn name(&self) -> &'static str {
        "nodes_up"
    }

    fn title(&self) -> &'static str {
        "Nodes up over time"
    }

    fn caption(&self, input: &Input) -> String {
        let nodes = words::count(input.plan.machine.nodes.len(), "node", "nodes");
        let dots = match looked_at_closely(input) {
            None => "The dots mark, and the list says,",
            Some(_) => {
                "The axis of nodes does not start at 0, so that losses can be seen, each \
                 a dip until repair and boot are over. The list says"
            }
        };
        format!(
            "How many of the {nodes} were up, which means booted and able to work, as the mean of \
             each short interval. {dots} when 50, 90, 99 and 100 % of them were up at once for \
             the first time."
        )
    }

    fn wanted(&self, input: &Input) -> bool {
        series(input.findings, "nodes_up").is_some() && !input.plan.machine.nodes.is_empty()
    }

    fn draw(&self, input: &Input) -> Drawing {
        let mut drawing = Drawing::default();
        let Some(up) = series(input.findings, "nodes_up") else { return drawing };
        let nodes = input.plan.machine.nodes.len() as f64;
        let marks = MARKS.map(|(percent, name)| (percent, metric(input.findings, name)));
        let low = looked_at_closely(input);
        let mut subtitle = super::subtitle(input);
        let y = match low {
            None => Scale::count(nodes, "Nodes up"),
            Some(low) => Scale::upper_counts(low, nodes, "Nodes up"),
        };
        if low.is_some() {
            let from = words::grouped(y.low);
            subtitle = format!("{subtitle} · the axis starts at {from}, not at 0");
        }
        heading(&mut drawing, self.title(), &subtitle);
        let (right, bottom) = (PLOT_RIGHT - COLUMN, y.low);
        let frame = Frame::new(PLOT_TOP, right, Scale::time(end_of(up)), y);
        frame.grid(&mut drawing);
        let mut corners = frame.staircase(&up.points);
        // The last point is the count at the very end.
        if let Some(last) = up.points.last() {
            corners.push((frame.area.right, frame.y(last.1)));
        }
        if low.is_none() {
            let (base, end) = (frame.area.bottom, frame.area.right);
            drawing.under(frame.stairs(&up.points), end, base, BLUE.at(0.16));
        }
        drawing.steps(corners, BLUE, if low.is_none() { 2.0 } else { 1.2 });
        frame.axes(&mut drawing);
        for (percent, time) in marks.iter().rev() {
            let count = nodes * percent / 100.0;
            if let Some(time) = time.filter(|_| count >= bottom && low.is_none()) {
                let at = (frame.x(time), frame.y(count));
                drawing.disc(at, 5.5, PAPER);
                drawing.disc(at, 4.2, mark_ink(*percent));
            }
        }
        column(&mut drawing, &marks, right + 26.0, low.is_none());
        drawing
    }
}

/// The fewest nodes that were up once nine tenths had been, if that is where to look.
fn looked_at_closely(input: &Input) -> Option<f64> {
    let points = &series(input.findings, "nodes_up")?.points;
    let nodes = input.plan.machine.nodes.len() as f64;
    let low = close_look(points, nodes, metric(input.findings, "boot_t90")?)?;
    (low < nodes).then_some(low)
}

/// The fewest of so many nodes that were up after `most_up` (s), when nine tenths had been, if the
/// boot is so short against the run that an axis from zero would show a flat line and nothing else.
/// It is all of them if none was lost.
pub(crate) fn close_look(points: &[(f64, f64)], nodes: f64, most_up: f64) -> Option<f64> {
    const SHORT: f64 = 0.03;
    let end = points.last()?.0;
    let after = points.iter().filter(|(time, _)| *time > most_up);
    let low = after.map(|(_, count)| *count).fold(f64::INFINITY, f64::min);
    (most_up < SHORT * end && low > nodes * 0.5 && low <= nodes && nodes >= 10.0).then_some(low)
}

/// The list of marks beside the plot.
fn column(drawing: &mut Drawing, marks: &[(f64, Option<f64>)], left: f64, dots: bool) {
    let mut y = PLOT_TOP + 14.0;
    drawing.text("Time until up", (left, y), SUBTITLE_SIZE, Align::Left, SOFT_TEXT);
    for (percent, time) in marks {
        y += 24.0;
        let indent = if dots { 16.0 } else { 0.0 };
        if dots {
            drawing.disc((left + 4.5, y - 4.2), 4.2, mark_ink(*percent));
        }
        let share = words::share(percent / 100.0);
        drawing.text(&share, (left + indent, y), LABEL_SIZE, Align::Left, TEXT);
        let value = time.map_or_else(|| "never".to_owned(), words::span);
        drawing.bold(&value, (PLOT_RIGHT, y), LABEL_SIZE, Align::Right, TEXT);
    }
}

fn mark_ink(percent: f64) -> crate::report::theme::Ink {
    match percent {
        p if p <= 50.0 => SKY,
        p if p <= 90.0 => BLUE,
        p if p <= 99.0 => TEXT,
        _ => VERMILLION,
    }
}
