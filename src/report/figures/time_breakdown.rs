//! What the nodes did: the classes of node time stacked over the run, and their shares of it all.
//!
//! Phases that change faster than the figure shows would be drawn as bands that do not exist: one
//! interval happens to hold two checkpoints, the next one. So a run that changes that fast is drawn
//! in intervals that hold many changes, and its most eventful stretch next to it at full detail.

use super::{Figure, end_of, in_each, long_interval, metric, series};
use crate::analysis::{NodeClass, Point, Series};
use crate::report::Input;
use crate::report::drawing::{Align, Drawing, LEGEND_PITCH, Stair};
use crate::report::frame::{Frame, PLOT_RIGHT, heading, legend, merged, peak};
use crate::report::scale::Scale;
use crate::report::strip;
use crate::report::theme::{CLASSES, Ink, LABEL_SIZE, TEXT, class_ink, class_word};
use crate::report::words;

/// See the file's first line.
pub(crate) struct TimeBreakdown;

/// Share of the width that the whole run has if a stretch of it stands next to it.
const WHOLE: f64 = 0.58;
/// Distance of the two (px).
const GAP: f64 = 24.0;

impl Figure for TimeBreakdown {
    fn name(&self) -> &'static str {
        "time_breakdown"
    }

    fn title(&self) -> &'static str {
        "What the nodes did"
    }

    fn caption(&self, input: &Input) -> String {
        let Views { longer, detail, .. } = Views::of(input);
        let longer = longer.map_or_else(String::new, |width| {
            format!(
                " Checkpoints are too many to be seen in the whole run, so that they are shown as \
                 means{}, which hold many of them.",
                in_each(width)
            )
        });
        let detail = if detail.is_some() {
            " At the right stands the stretch in which most nodes failed; at the left two lines \
             show where it is."
        } else {
            ""
        };
        format!(
            "At each time every node is in exactly one class, so the heights add up to the \
             machine. Where an interval holds several classes in turn, the heights are the mean \
             numbers of nodes. The percentages are shares of all node time.{longer}{detail}{}",
            strip::caption(input)
        )
    }

    fn wanted(&self, input: &Input) -> bool {
        !layers(input, "node_share/").is_empty() && !input.plan.machine.nodes.is_empty()
    }

    fn draw(&self, input: &Input) -> Drawing {
        let mut drawing = Drawing::default();
        heading(&mut drawing, self.title(), &super::subtitle(input));
        let entries = entries(input);
        let entries: Vec<_> = entries.iter().map(|(word, ink)| (word.as_str(), *ink)).collect();
        let views = Views::of(input);
        let top = legend(&mut drawing, &entries);
        let y = Scale::count(input.plan.machine.nodes.len() as f64, "Nodes");
        let Some(detail) = &views.detail else {
            let frame = Frame::new(top, PLOT_RIGHT, Scale::time(views.whole.end()), y);
            let frame = frame.marked(input);
            views.whole.paint(&mut drawing, &frame);
            frame.axes(&mut drawing);
            return drawing;
        };
        let x = Scale::time(views.whole.end()).thinned(7);
        let mut frame = Frame::new(top + LEGEND_PITCH, PLOT_RIGHT, x, y.clone());
        let area = frame.area;
        frame.area.right = area.left + (area.width() - GAP) * WHOLE;
        let whole = frame.marked(input);
        let frame = &whole;
        views.whole.paint(&mut drawing, frame);
        frame.axes(&mut drawing);
        let (start, end) = (detail.start(), detail.end());
        let title = format!("means{}", views.longer.map_or_else(String::new, in_each));
        drawing.bold(&title, (area.left, frame.area.top - 8.0), LABEL_SIZE, Align::Left, TEXT);
        // Where the stretch is.
        for time in [start, end] {
            let x = frame.x(time);
            drawing.steps(vec![(x, frame.area.top), (x, frame.area.bottom)], TEXT, 1.2);
        }
        let left = frame.area.right + GAP;
        let mut frame = Frame::new(area.top, area.right, Scale::stretch(start, end).thinned(4), y);
        frame.area.left = left;
        let frame = frame.marked_as(&whole, input);
        detail.paint(&mut drawing, &frame);
        frame.time_axis(&mut drawing);
        let title = format!("most eventful {}", words::span(end - start));
        drawing.bold(&title, (left, area.top - 8.0), LABEL_SIZE, Align::Left, TEXT);
        drawing
    }
}

/// The series of classes in which any node ever was, from the bottom of the stack.
fn layers<'a>(input: &Input<'a>, prefix: &str) -> Vec<(NodeClass, &'a Series)> {
    let found = CLASSES.iter().filter_map(|class| {
        let name = format!("{prefix}{}", class_word(*class));
        Some((*class, series(input.findings, &name)?))
    });
    found.filter(|(_, series)| peak(&series.points) > 0.0).collect()
}

/// The legend: each class with its share of the time of all nodes, from the metrics.
fn entries(input: &Input) -> Vec<(String, Ink)> {
    let time = |class: NodeClass| {
        metric(input.findings, &format!("node_time_{}", class_word(class).replace('-', "_")))
    };
    let layers = layers(input, "node_share/");
    let whole: f64 = layers.iter().filter_map(|(class, _)| time(*class)).sum();
    let entry = |(class, _): &(NodeClass, &Series)| {
        let word = class_word(*class);
        let share = time(*class).filter(|_| whole > 0.0).map(|time| words::share(time / whole));
        (
            share.map_or_else(|| word.to_owned(), |share| format!("{word} {share}")),
            class_ink(*class),
        )
    };
    layers.iter().map(entry).collect()
}

/// What is drawn: the whole run, and a stretch of it if the whole had to be put in long intervals.
struct Views {
    whole: Stack,
    /// How long the intervals of the whole are, if these are long (s).
    longer: Option<f64>,
    detail: Option<Stack>,
}

impl Views {
    fn of(input: &Input) -> Self {
        let all = layers(input, "node_share/");
        let end = all.iter().map(|(_, series)| end_of(series)).fold(0.0, f64::max);
        let longer = long_interval(input.findings, end, PLOT_RIGHT);
        // Two intervals a pixel are finer than print shows.
        let whole = Stack::of(&all, longer.unwrap_or(end / (2.0 * PLOT_RIGHT)));
        let eventful = layers(input, "eventful/");
        let detail = longer.filter(|_| !eventful.is_empty()).map(|_| Stack::of(&eventful, 0.0));
        Self { whole, longer, detail }
    }
}

/// Mean numbers of nodes in each class, over intervals that are the same for all.
struct Stack {
    /// Where the intervals begin, and the last one ends (s).
    times: Vec<f64>,
    /// The numbers of nodes in each interval; the last value has no interval.
    classes: Vec<(NodeClass, Vec<f64>)>,
}

impl Stack {
    /// The series in intervals of `width` (s), or in their own where these are wider.
    fn of(layers: &[(NodeClass, &Series)], width: f64) -> Self {
        let merged = |series: &Series| merged(&series.points, width);
        let series: Vec<_> = layers.iter().map(|(class, it)| (*class, merged(it))).collect();
        let times: Vec<_> = series
            .first()
            .map_or_else(Vec::new, |(_, points)| points.iter().map(|point| point.t_s).collect());
        let means = |(class, points): (NodeClass, Vec<Point>)| {
            assert_eq!(points.len(), times.len(), "all classes have the same intervals");
            (class, points.iter().map(|point| point.mean).collect())
        };
        let classes = series.into_iter().map(means).collect();
        Self { times, classes }
    }

    fn start(&self) -> f64 {
        self.times.first().copied().unwrap_or(0.0)
    }

    fn end(&self) -> f64 {
        self.times.last().copied().unwrap_or(0.0)
    }

    /// Paints the stack from the full height down, so that no seam shows between layers.
    fn paint(&self, drawing: &mut Drawing, frame: &Frame) {
        let mut edges = vec![0.0; self.times.len().saturating_sub(1)];
        let mut bands = Vec::new();
        for (class, means) in &self.classes {
            let mut stairs: Vec<Stair> = Vec::new();
            for ((edge, mean), time) in edges.iter_mut().zip(means).zip(&self.times) {
                *edge += mean;
                let (left, top) = (frame.x(*time), frame.y(*edge));
                if stairs.last().is_none_or(|last| last.top.total_cmp(&top).is_ne()) {
                    stairs.push(Stair { left, top, bottom: frame.area.bottom });
                }
            }
            bands.push((class_ink(*class), stairs));
        }
        for (ink, stairs) in bands.into_iter().rev() {
            drawing.band(stairs, frame.x(self.end()), ink);
        }
    }
}
