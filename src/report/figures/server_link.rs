//! What the boot and file servers sent and received, against the line rate of their link.

use super::{Figure, end_of, lasts};
use crate::analysis::Series;
use crate::report::Input;
use crate::report::drawing::{Align, Area, Drawing};
use crate::report::frame::{
    Fold, Frame, LEGEND_BASELINE, PLOT_RIGHT, PLOT_TOP_WITH_LEGEND, heading, peak,
};
use crate::report::scale::Scale;
use crate::report::theme::{AXIS, BLUE, LABEL_SIZE, ORANGE, SOFT_TEXT, TEXT, TICK_SIZE};
use crate::report::words;

/// See the file's first line.
pub(crate) struct ServerLink;

/// Servers drawn at most; more lines would hide each other.
const SERVERS: usize = 6;
/// Room for the axis of shares at the right (px).
const SHARE_AXIS: f64 = 60.0;

impl Figure for ServerLink {
    fn name(&self) -> &'static str {
        "server_link"
    }

    fn title(&self) -> &'static str {
        "Load of the server link"
    }

    fn caption(&self, input: &Input) -> String {
        let all = sent(input).len();
        let shown = shown(all).len();
        let rate = words::si(input.plan.scenario.server.link.0 as f64, "bit/s");
        let which = match all {
            1 => String::new(),
            _ if shown >= input.plan.machine.servers.len().max(all) => {
                format!(" There is one line for each of the {all} servers.")
            }
            _ => format!(
                " {shown} of the {} servers are drawn.",
                words::grouped(input.plan.machine.servers.len().max(all) as f64)
            ),
        };
        let width = interval(&sent(input)).or_else(|| interval(&received(input)));
        let width = width.map_or(String::new(), |width| format!(" of {}", words::span(width)));
        format!(
            "Mean rate in each interval{width}, sent to the nodes and received from them. The \
             axis at the right gives the share of the line rate of {rate}. The link works in both \
             directions at once, so each direction may use all of it.{which}"
        )
    }

    fn wanted(&self, input: &Input) -> bool {
        let moved = |series: &&Series| lasts(series) && peak(&series.points) > 0.0;
        sent(input).iter().any(moved) || received(input).iter().any(moved)
    }

    fn draw(&self, input: &Input) -> Drawing {
        let mut drawing = Drawing::default();
        let (sent, received) = (sent(input), received(input));
        let pick = |all: &[&'_ Series]| -> Vec<usize> { shown(all.len()) };
        let (out, back) = (pick(&sent), pick(&received));
        let out: Vec<_> = out.into_iter().map(|i| sent[i]).collect();
        let back: Vec<_> = back.into_iter().map(|i| received[i]).collect();
        let all = || out.iter().chain(&back);
        let top = all().map(|series| peak(&series.points)).fold(0.0, f64::max);
        let end = all().map(|series| end_of(series)).fold(0.0, f64::max);
        let line = input.plan.scenario.server.link.0 as f64;
        // Against the line rate, unless that would press the data flat on the axis.
        let whole = line > 0.0 && top > 0.15 * line;
        let y = Scale::amount(if whole { f64::max(line, top) } else { top }, "Rate", "bit/s");
        let right = if line > 0.0 { PLOT_RIGHT - SHARE_AXIS } else { PLOT_RIGHT };
        heading(&mut drawing, self.title(), &subtitle(input, line, whole));
        let frame = Frame::new(PLOT_TOP_WITH_LEGEND, right, Scale::time(end), y);
        let words = [("sent to nodes", BLUE), ("received from nodes", ORANGE)];
        drawing.legend((frame.area.left, LEGEND_BASELINE), LABEL_SIZE, &words);
        frame.grid(&mut drawing);
        let width = if out.len() > 1 { 1.2 } else { 1.8 };
        for (group, ink) in [(&out, BLUE), (&back, ORANGE)] {
            for series in group {
                let points = frame.condensed(&series.points, Fold::Mean);
                if group.len() == 1 {
                    let (right, base) = (frame.x(end_of(series)), frame.area.bottom);
                    drawing.under(frame.stairs(&points), right, base, ink.at(0.16));
                }
                drawing.steps(frame.staircase(&points), ink, width);
            }
        }
        frame.axes(&mut drawing);
        if line > 0.0 {
            share_axis(&mut drawing, &frame, line);
        }
        if whole {
            let y = frame.y(line);
            let (from, to) = ((frame.area.left, y), (frame.area.right, y));
            drawing.dashes(from, to, TEXT, 1.2, 6.0);
            let at = (frame.area.right - 6.0, y + 15.0);
            drawing.text("line rate", at, TICK_SIZE, Align::Right, TEXT);
        }
        drawing
    }
}

fn subtitle(input: &Input, line: f64, whole: bool) -> String {
    let rate = words::si(line, "bit/s");
    if whole || line <= 0.0 {
        super::subtitle(input)
    } else {
        format!("{} · the axis ends far below the line rate of {rate}", super::subtitle(input))
    }
}

/// An axis at the right that counts in shares of the line rate.
fn share_axis(drawing: &mut Drawing, frame: &Frame, line: f64) {
    let Area { right, top, bottom, .. } = frame.area;
    drawing.steps(vec![(right, top), (right, bottom)], AXIS, 1.0);
    for (value, _) in frame.y_ticks() {
        let y = frame.y(*value);
        drawing.steps(vec![(right, y), (right + 5.0, y)], AXIS, 1.0);
        let label = format!("{} %", words::digits(value / line * 100.0));
        drawing.text(&label, (right + 9.0, y + 3.9), TICK_SIZE, Align::Left, SOFT_TEXT);
    }
}

fn sent<'a>(input: &Input<'a>) -> Vec<&'a Series> {
    of_servers(input, "server_sent/")
}

fn received<'a>(input: &Input<'a>) -> Vec<&'a Series> {
    of_servers(input, "server_received/")
}

fn of_servers<'a>(input: &Input<'a>, prefix: &str) -> Vec<&'a Series> {
    let findings = input.findings;
    findings.series.iter().filter(|s| s.name.starts_with(prefix) && lasts(s)).collect()
}

/// Which of so many servers are drawn.
fn shown(servers: usize) -> Vec<usize> {
    if servers <= SERVERS {
        return (0..servers).collect();
    }
    (0..SERVERS).map(|i| i * (servers - 1) / (SERVERS - 1)).collect()
}

/// The length of an interval (s): the least distance of points. The last one may be cut short.
fn interval(series: &[&Series]) -> Option<f64> {
    let points = series.iter().flat_map(|series| {
        let whole = &series.points[..series.points.len().saturating_sub(1)];
        whole.windows(2).map(|pair| pair[1].0 - pair[0].0)
    });
    points.filter(|width| *width > 0.0).min_by(f64::total_cmp)
}
