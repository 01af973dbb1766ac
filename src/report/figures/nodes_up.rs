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

/// Width of the column of marks beside the plot [px].
const COLUMN: f64 = 150.0;

impl Figure for NodesUp {
    fn name(&self) -> &'static str {
        "nodes_up"
    }

    fn title(&self) -> &'static str {
        "Nodes up over time"
    }

    fn caption(&self, input: &Input) -> String {
        format!(
            "How many of the {} were up, which means booted and able to work. The dots mark when \
             50, 90, 99 and 100 % of them were up at once for the first time; a share that was \
             never reached says so.",
            words::count(input.plan.machine.nodes.len(), "node", "nodes")
        )
    }

    fn wanted(&self, input: &Input) -> bool {
        series(input.findings, "nodes_up").is_some() && !input.plan.machine.nodes.is_empty()
    }

    fn draw(&self, input: &Input) -> Drawing {
        let mut drawing = Drawing::default();
        heading(&mut drawing, self.title(), &super::subtitle(input));
        let Some(up) = series(input.findings, "nodes_up") else { return drawing };
        let nodes = input.plan.machine.nodes.len() as f64;
        let marks: Vec<_> =
            MARKS.iter().map(|(percent, name)| (*percent, metric(input.findings, name))).collect();
        let right = PLOT_RIGHT - COLUMN;
        let frame =
            Frame::new(PLOT_TOP, right, Scale::time(end_of(up)), Scale::count(nodes, "Nodes up"));
        frame.grid(&mut drawing);
        let mut corners = frame.staircase(&up.points);
        // A count is exact, so its last value, reached at the very end, may be shown.
        if let Some(last) = up.points.last() {
            corners.push((frame.area.right, frame.y(last.1)));
        }
        let (base, end) = (frame.area.bottom, frame.area.right);
        drawing.under(frame.stairs(&up.points), end, base, BLUE.at(0.16));
        drawing.steps(corners, BLUE, 2.0);
        frame.axes(&mut drawing);
        for (percent, time) in marks.iter().rev() {
            if let Some(time) = time {
                let at = (frame.x(*time), frame.y(nodes * percent / 100.0));
                drawing.disc(at, 5.5, PAPER);
                drawing.disc(at, 4.2, mark_ink(*percent));
            }
        }
        column(&mut drawing, &marks, right + 26.0);
        drawing
    }
}

/// The list of marks beside the plot.
fn column(drawing: &mut Drawing, marks: &[(f64, Option<f64>)], left: f64) {
    let mut y = PLOT_TOP + 14.0;
    drawing.text("Time until up", (left, y), SUBTITLE_SIZE, Align::Left, SOFT_TEXT);
    for (percent, time) in marks {
        y += 24.0;
        drawing.disc((left + 4.5, y - 4.2), 4.2, mark_ink(*percent));
        let share = words::share(percent / 100.0);
        drawing.text(&share, (left + 16.0, y), LABEL_SIZE, Align::Left, TEXT);
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
