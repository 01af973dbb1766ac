//! How long the listed transfers took: the share of them that took at most so long.

use super::Figure;
use crate::analysis::TransferFinding;
use crate::report::Input;
use crate::report::drawing::Drawing;
use crate::report::frame::{Frame, PLOT_RIGHT, heading, legend, rising};
use crate::report::scale::Scale;
use crate::report::theme::{BLUE, Ink, ORANGE};
use crate::report::words;

/// See the file's first line.
pub(crate) struct TransferTimes;

/// Times of transfers (s), ascending.
struct Curve {
    name: &'static str,
    ink: Ink,
    times: Vec<f64>,
}

/// Those between nodes, and those with a server at one end; none without values.
fn curves(input: &Input) -> Vec<Curve> {
    let is_server = |name: &str| name.starts_with("server");
    let at_server = |row: &TransferFinding| is_server(&row.source) || is_server(&row.destination);
    let curve = |(name, ink, of_server): (&'static str, Ink, bool)| {
        let rows = input.findings.transfers.iter().filter(|row| row.status == "done");
        let rows = rows.filter(|row| at_server(row) == of_server);
        let mut times: Vec<f64> = rows.map(|row| row.end_s - row.begin_s).collect();
        times.sort_by(f64::total_cmp);
        Curve { name, ink, times }
    };
    let all = [("between nodes", BLUE, false), ("from or to a server", ORANGE, true)];
    all.into_iter().map(curve).filter(|curve| !curve.times.is_empty()).collect()
}

impl Figure for TransferTimes {
    fn name(&self) -> &'static str {
        "transfer_times"
    }

    fn title(&self) -> &'static str {
        "Time that transfers took"
    }

    fn caption(&self, input: &Input) -> String {
        let count = |curve: &Curve| {
            let all = words::grouped(curve.times.len() as f64);
            format!("{all} {}", curve.name)
        };
        let counts: Vec<_> = curves(input).iter().map(count).collect();
        let open = input.findings.transfers.iter().filter(|row| row.status != "done").count();
        let rest = match open {
            0 => String::new(),
            open => format!(" {} did not arrive.", words::count(open, "transfer", "transfers")),
        };
        format!(
            "The share of the transfers that had arrived at most so long after they began: {}.\
             {rest} transfers.csv has each of them.",
            counts.join(" and ")
        )
    }

    fn wanted(&self, input: &Input) -> bool {
        let all = curves(input);
        let ends = |curve: &Curve| [curve.times.first().copied(), curve.times.last().copied()];
        let mut ends = all.iter().flat_map(ends).flatten();
        // One value alone draws no curve.
        ends.next().is_some_and(|first| ends.any(|other| first.total_cmp(&other).is_ne()))
    }

    fn draw(&self, input: &Input) -> Drawing {
        let mut drawing = Drawing::default();
        heading(&mut drawing, self.title(), &super::subtitle(input));
        let all = curves(input);
        let names: Vec<_> = all.iter().map(|curve| (curve.name, curve.ink)).collect();
        let most =
            all.iter().filter_map(|curve| curve.times.last()).fold(0.0, |a: f64, b| a.max(*b));
        let x = Scale::time(1.02 * most);
        let end = x.end;
        let y = Scale::share("Share of transfers");
        let frame = Frame::new(legend(&mut drawing, &names), PLOT_RIGHT, x, y);
        frame.grid(&mut drawing);
        for curve in &all {
            drawing.steps(frame.staircase(&rising(&curve.times, 0.0, end)), curve.ink, 2.0);
        }
        frame.axes(&mut drawing);
        drawing
    }
}
