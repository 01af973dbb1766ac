//! What the nodes did: the classes of node time stacked over the run, and their shares of it all.

use super::{Figure, end_of, metric, series};
use crate::analysis::{NodeClass, Series};
use crate::report::Input;
use crate::report::drawing::{Align, Area, Drawing};
use crate::report::frame::{Fold, Frame, PLOT_BOTTOM, PLOT_RIGHT, PLOT_TOP, heading, peak};
use crate::report::scale::Scale;
use crate::report::theme::{
    CLASSES, LABEL_SIZE, SOFT_TEXT, SUBTITLE_SIZE, TEXT, class_ink, class_word,
};
use crate::report::words;

/// See the file's first line.
pub(crate) struct TimeBreakdown;

/// Width of the bar of overall shares and its labels (px).
const COLUMN: f64 = 206.0;
/// Width of the bar alone (px).
const BAR: f64 = 26.0;
/// Distance between two labels (px).
const LABEL_PITCH: f64 = 19.0;

impl Figure for TimeBreakdown {
    fn name(&self) -> &'static str {
        "time_breakdown"
    }

    fn title(&self) -> &'static str {
        "What the nodes did"
    }

    fn caption(&self, _input: &Input) -> String {
        "At each time every node is in exactly one class, so the heights add up to the machine. \
         Where an interval holds several classes in turn, the heights are the mean numbers of \
         nodes. The bar at the right sums up the whole run; its percentages are shares of all \
         node time."
            .to_owned()
    }

    fn wanted(&self, input: &Input) -> bool {
        !layers(input).is_empty() && !input.plan.machine.nodes.is_empty()
    }

    fn draw(&self, input: &Input) -> Drawing {
        let mut drawing = Drawing::default();
        heading(&mut drawing, self.title(), &super::subtitle(input));
        let layers = layers(input);
        let shares = shares(input, &layers);
        let right = if shares.is_empty() { PLOT_RIGHT - 110.0 } else { PLOT_RIGHT - COLUMN };
        let end = layers.iter().map(|(_, series)| end_of(series)).fold(0.0, f64::max);
        let nodes = input.plan.machine.nodes.len() as f64;
        let y = Scale::count(nodes, "Nodes");
        let frame = Frame::new(PLOT_TOP, right, Scale::time(end), y);
        stack(&mut drawing, &frame, &layers);
        frame.axes(&mut drawing);
        if shares.is_empty() {
            let words: Vec<_> = layers.iter().map(|(class, _)| (*class, String::new())).collect();
            let middles = even_middles(words.len());
            labels(&mut drawing, &words, &middles, right + 14.0);
        } else {
            column(&mut drawing, &shares, right + 30.0);
        }
        drawing
    }
}

/// The classes in which any node ever was, from the bottom of the stack, each with its series.
fn layers<'a>(input: &Input<'a>) -> Vec<(NodeClass, &'a Series)> {
    let found = CLASSES.iter().filter_map(|class| {
        let name = format!("node_share/{}", class_word(*class));
        Some((*class, series(input.findings, &name)?))
    });
    found.filter(|(_, series)| peak(&series.points) > 0.0).collect()
}

/// The node time of each class as a share of the time of all classes, from the metrics.
fn shares(input: &Input, layers: &[(NodeClass, &Series)]) -> Vec<(NodeClass, f64)> {
    let found = layers.iter().filter_map(|(class, _)| {
        let name = format!("node_time_{}", class_word(*class).replace('-', "_"));
        Some((*class, metric(input.findings, &name)?))
    });
    let times: Vec<_> = found.filter(|(_, time)| *time > 0.0).collect();
    let whole: f64 = times.iter().map(|(_, time)| time).sum();
    times.into_iter().map(|(class, time)| (class, time / whole)).collect()
}

/// Paints the stack from the full height down, so that no seam shows between layers.
fn stack(drawing: &mut Drawing, frame: &Frame, layers: &[(NodeClass, &Series)]) {
    let sums = cumulated(layers);
    for ((class, _), sum) in layers.iter().zip(&sums).rev() {
        let stairs = frame.stairs(&frame.condensed(sum, Fold::Mean));
        drawing.under(stairs, frame.x(end(sum)), frame.area.bottom, class_ink(*class));
    }
}

fn end(points: &[(f64, f64)]) -> f64 {
    points.last().map_or(0.0, |point| point.0)
}

/// The upper edge of each layer: itself and all below it.
fn cumulated(layers: &[(NodeClass, &Series)]) -> Vec<Vec<(f64, f64)>> {
    let mut sums: Vec<Vec<(f64, f64)>> = Vec::with_capacity(layers.len());
    for (_, series) in layers {
        let below = sums.last();
        let mut sum = series.points.clone();
        if let Some(below) = below {
            assert_eq!(below.len(), sum.len(), "all classes are sampled at the same times");
            for (point, under) in sum.iter_mut().zip(below) {
                point.1 += under.1;
            }
        }
        sums.push(sum);
    }
    sums
}

/// The bar of overall shares with its labels.
fn column(drawing: &mut Drawing, shares: &[(NodeClass, f64)], left: f64) {
    let height = PLOT_BOTTOM - PLOT_TOP;
    let mut bottom = PLOT_BOTTOM;
    let mut middles = Vec::new();
    for (class, share) in shares {
        let top = bottom - height * share;
        drawing.block(Area::new(left, top, left + BAR, bottom), class_ink(*class));
        middles.push(f64::midpoint(top, bottom));
        bottom = top;
    }
    let at = (left + BAR / 2.0, PLOT_BOTTOM + 17.5);
    drawing.text("whole run", at, SUBTITLE_SIZE, Align::Middle, SOFT_TEXT);
    let words: Vec<_> =
        shares.iter().map(|(class, share)| (*class, words::share(*share))).collect();
    labels(drawing, &words, &middles, left + BAR + 12.0);
}

/// One label beside each middle, moved apart where they would overlap.
fn labels(drawing: &mut Drawing, words: &[(NodeClass, String)], middles: &[f64], left: f64) {
    let mut places = middles.to_vec();
    // The labels go from the bottom up: first lift those that stand on another, then let the
    // whole pile sink as far as it reached out at the top.
    for i in 1..places.len() {
        places[i] = f64::min(places[i], places[i - 1] - LABEL_PITCH);
    }
    let mut ceiling = PLOT_TOP + 5.0;
    for place in places.iter_mut().rev() {
        *place = f64::max(*place, ceiling);
        ceiling = *place + LABEL_PITCH;
    }
    for ((class, value), y) in words.iter().zip(places) {
        drawing.block(Area::new(left, y - 5.0, left + 10.0, y + 5.0), class_ink(*class));
        drawing.text(class_word(*class), (left + 16.0, y + 4.2), LABEL_SIZE, Align::Left, TEXT);
        drawing.bold(value, (PLOT_RIGHT, y + 4.2), LABEL_SIZE, Align::Right, TEXT);
    }
}

/// Places for labels without a bar: a list from the bottom.
fn even_middles(count: usize) -> Vec<f64> {
    (0..count).map(|i| PLOT_BOTTOM - 10.0 - LABEL_PITCH * i as f64).collect()
}
