//! Silent corruptions from their strike until they were found, were undone, or escaped.

use super::{Figure, metric};
use crate::analysis::CorruptionFinding;
use crate::report::Input;
use crate::report::drawing::{Area, Drawing};
use crate::report::frame::{Frame, PLOT_RIGHT, heading, legend};
use crate::report::scale::Scale;
use crate::report::strip;
use crate::report::theme::{AXIS, BLUE, GREEN, Ink, LABEL_SIZE, ORANGE, TEXT, VERMILLION};
use crate::report::words;

/// See the file's first line.
pub(crate) struct Corruptions;

/// Rows that can be distinguished.
const ROWS: usize = 120;
/// Radius of the dot at the end of a line, and least width of a line (px).
const DOT: f64 = 2.6;
const LEAST: f64 = 1.5;

/// What became of a corruption, in words, with its colour: what is worst comes first.
const FATES: [(&str, &str, Ink); 5] = [
    ("escaped", "escaped into the result", VERMILLION),
    ("latent", "still there at the end", ORANGE),
    ("detected", "found", GREEN),
    ("discarded", "undone unseen by a restart", BLUE),
    ("masked", "struck no memory in use", Ink::hex(0x9A_A1AD)),
];

/// The corruptions that are drawn: all, or evenly chosen ones.
fn shown<'a>(input: &'a Input<'a>) -> Vec<&'a CorruptionFinding> {
    let all = &input.findings.corruptions;
    if all.len() <= ROWS {
        return all.iter().collect();
    }
    (0..ROWS).map(|i| &all[i * (all.len() - 1) / (ROWS - 1)]).collect()
}

fn end(input: &Input) -> f64 {
    metric(input.findings, "run_time").unwrap_or_default()
}

impl Figure for Corruptions {
    fn name(&self) -> &'static str {
        "corruptions"
    }

    fn title(&self) -> &'static str {
        "Silent corruption, from strike to detection"
    }

    fn caption(&self, input: &Input) -> String {
        let (all, shown) = (input.findings.corruptions.len(), shown(input).len());
        let some = if shown < all {
            format!(
                " These are {shown} of the {} in the table, evenly chosen.",
                words::grouped(all as f64)
            )
        } else {
            String::new()
        };
        format!(
            "A line for each corruption, in the order in which they struck: it is as long as the \
             corruption went unseen, and ends when a verification found it, when a failure threw \
             the job back to before it, or in the result.{some} corruptions.csv has the first \
             hundred thousand.{}",
            strip::caption(input)
        )
    }

    fn wanted(&self, input: &Input) -> bool {
        !input.findings.corruptions.is_empty() && end(input) > 0.0
    }

    fn draw(&self, input: &Input) -> Drawing {
        let mut drawing = Drawing::default();
        heading(&mut drawing, self.title(), &super::subtitle(input));
        let rows = shown(input);
        let number =
            |fate: &str| input.findings.corruptions.iter().filter(|it| it.fate == fate).count();
        let entries = FATES.map(|(fate, word, ink)| (number(fate), word, ink));
        let entries = entries.into_iter().filter(|(number, ..)| *number > 0);
        let entries: Vec<_> = entries
            .map(|(number, word, ink)| (format!("{word} {}", words::grouped(number as f64)), ink))
            .collect();
        let entries: Vec<_> = entries.iter().map(|(word, ink)| (word.as_str(), *ink)).collect();
        let top = legend(&mut drawing, &entries);
        let y = Scale { low: 0.0, end: 1.0, ticks: Vec::new(), title: String::new() };
        let frame = Frame::new(top, PLOT_RIGHT, Scale::time(end(input)), y).marked(input);
        frame.upright_grid(&mut drawing);
        let Area { left, top, bottom, .. } = frame.area;
        let pitch = frame.area.height() / rows.len().max(12) as f64;
        let thick = (0.6 * pitch).clamp(1.0, 5.0);
        for (i, row) in rows.iter().enumerate() {
            let middle = top + (i as f64 + 0.5) * pitch;
            let ink = FATES.iter().find(|(fate, ..)| *fate == row.fate).map_or(AXIS, |it| it.2);
            let (from, to) = (frame.x(row.at_s), frame.x(row.end_s));
            let to = to.max(from + LEAST);
            drawing.block(Area::new(from, middle - 0.5 * thick, to, middle + 0.5 * thick), ink);
            drawing.disc((to, middle), DOT.min(0.9 * pitch).max(1.2), ink);
        }
        drawing.turned("Corruptions", (left - 12.0, f64::midpoint(top, bottom)), LABEL_SIZE, TEXT);
        frame.time_axis(&mut drawing);
        drawing.steps(vec![(left, top), (left, bottom)], AXIS, 1.2);
        drawing
    }
}
