//! Power that the whole machine drew: minimum, mean and maximum, and the highest of all.

use super::{Figure, end_of, envelope_legend, long_interval, metric, series};
use crate::report::Input;
use crate::report::drawing::Drawing;
use crate::report::frame::{Frame, PLOT_RIGHT, heading, legend, peak};
use crate::report::scale::Scale;
use crate::report::strip;
use crate::report::theme::{BLUE, ORANGE};
use crate::report::words;

/// See the file's first line.
pub(crate) struct PowerOverTime;

impl Figure for PowerOverTime {
    fn name(&self) -> &'static str {
        "power"
    }

    fn title(&self) -> &'static str {
        "Power over time"
    }

    fn caption(&self, input: &Input) -> String {
        let mut text = "Electric power of all nodes, switches and servers. The line is the mean, \
                        the band what occurred at least and at most in each interval; what \
                        supplies and breakers must carry is the highest of all, the dot."
            .to_owned();
        if let Some(energy) = metric(input.findings, "energy") {
            text = format!("{text} In all {} were used.", words::quantity(energy, "J"));
        }
        text + strip::caption(input)
    }

    fn wanted(&self, input: &Input) -> bool {
        series(input.findings, "power").is_some()
    }

    fn draw(&self, input: &Input) -> Drawing {
        let mut drawing = Drawing::default();
        let Some(power) = series(input.findings, "power") else { return drawing };
        heading(&mut drawing, self.title(), &super::subtitle(input));
        let end = end_of(power);
        let longer = long_interval(input.findings, end, PLOT_RIGHT);
        let words = envelope_legend(&[power], longer);
        let top = legend(&mut drawing, &words.each_ref().map(|(word, ink)| (word.as_str(), *ink)));
        let y = Scale::amount(peak(&power.points), "Power", "W");
        let frame = Frame::new(top, PLOT_RIGHT, Scale::time(end), y).marked(input);
        frame.grid(&mut drawing);
        frame.envelope(&mut drawing, power, (ORANGE, BLUE), longer);
        frame.axes(&mut drawing);
        // The first of those that are as high.
        let highest = power.points.iter().rev().max_by(|a, b| a.max.total_cmp(&b.max));
        if let Some(highest) = highest {
            let label = format!("peak {}", words::quantity(highest.max, "W"));
            let at = (frame.x(highest.t_s), frame.y(highest.max));
            frame.mark(&mut drawing, at, &label, ORANGE);
        }
        drawing
    }
}
