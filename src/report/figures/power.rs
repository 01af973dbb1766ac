//! Power that the whole machine drew: mean and maximum of each interval.

use super::{Figure, end_of, metric, series};
use crate::report::Input;
use crate::report::drawing::Drawing;
use crate::report::frame::{
    Fold, Frame, LEGEND_BASELINE, PLOT_RIGHT, PLOT_TOP_WITH_LEGEND, heading, peak,
};
use crate::report::scale::Scale;
use crate::report::theme::{BLUE, Ink, LABEL_SIZE, ORANGE};
use crate::report::words;

/// See the file's first line.
pub(crate) struct PowerOverTime;

/// The series and what the legend calls them.
const MEAN: (&str, &str, Ink) = ("power_mean", "mean of the interval", BLUE);
const MAX: (&str, &str, Ink) = ("power_max", "highest value in the interval", ORANGE);

impl Figure for PowerOverTime {
    fn name(&self) -> &'static str {
        "power"
    }

    fn title(&self) -> &'static str {
        "Power over time"
    }

    fn caption(&self, input: &Input) -> String {
        let mut text = "Electric power of all nodes, switches and servers. The filled line is the \
                        mean of each interval, the line above it the highest value that occurred \
                        in it, which is what supplies and breakers must carry."
            .to_owned();
        if let Some(energy) = metric(input.findings, "energy") {
            text = format!("{text} In all {} were used.", words::quantity(energy, "J"));
        }
        text
    }

    fn wanted(&self, input: &Input) -> bool {
        series(input.findings, MEAN.0).is_some() || series(input.findings, MAX.0).is_some()
    }

    fn draw(&self, input: &Input) -> Drawing {
        let mut drawing = Drawing::default();
        heading(&mut drawing, self.title(), &super::subtitle(input));
        let mean = series(input.findings, MEAN.0);
        let max = series(input.findings, MAX.0);
        let both = [mean, max];
        let (mut end, mut top) = (0.0, 0.0);
        for one in both.into_iter().flatten() {
            end = f64::max(end, end_of(one));
            top = f64::max(top, peak(&one.points));
        }
        let frame = Frame::new(
            PLOT_TOP_WITH_LEGEND,
            PLOT_RIGHT,
            Scale::time(end),
            Scale::amount(top, "Power", "W"),
        );
        let legend = [(MAX, max), (MEAN, mean)];
        let legend: Vec<_> =
            legend.iter().filter(|(_, one)| one.is_some()).map(|(w, _)| (w.1, w.2)).collect();
        drawing.legend((frame.area.left, LEGEND_BASELINE), LABEL_SIZE, &legend);
        frame.grid(&mut drawing);
        if let Some(mean) = mean {
            let (right, base) = (frame.x(end_of(mean)), frame.area.bottom);
            let points = frame.condensed(&mean.points, Fold::Mean);
            drawing.under(frame.stairs(&points), right, base, MEAN.2.at(0.16));
        }
        if let Some(max) = max {
            let points = frame.condensed(&max.points, Fold::Highest);
            drawing.steps(frame.staircase(&points), MAX.2, 1.4);
        }
        if let Some(mean) = mean {
            let points = frame.condensed(&mean.points, Fold::Mean);
            drawing.steps(frame.staircase(&points), MEAN.2, 2.0);
        }
        frame.axes(&mut drawing);
        drawing
    }
}
