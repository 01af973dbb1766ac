//! What a study found: sentences, a table, a page, and the figures of the field.
//!
//! ```text
//!  analysis::study --> phrases   the answer in sentences
//!                      table     summary.csv
//!                      curves    a metric over an axis, with intervals and theory
//!                      heat      a metric over two axes
//!                      dots      cells in order: a metric, how far each is from the best
//!                      cumulative  how a metric is distributed in some cells
//!                      scatter   a metric over each axis of a sample
//! ```

mod axis;
mod cumulative;
mod curves;
mod dots;
mod heat;
mod phrases;
mod scatter;
mod sheet;
mod table;
mod text;

use std::fs;
use std::io;
use std::path::Path;

use crate::analysis::study::{Answer, OfMetric};
use crate::report::{Picture, hang_all, typeface};

pub use table::csv;
pub use text::{json, text};

/// The page's name in the folder of the study.
pub const FILE_NAME: &str = "report.html";
/// The table of all cells and metrics.
pub const SUMMARY: &str = "summary.csv";

/// All that is to be shown.
pub struct Input<'a> {
    /// The name of the study, such as `interval`.
    pub name: &'a str,
    /// One line for people.
    pub title: &'a str,
    /// What was found.
    pub answer: &'a Answer,
    /// Version of the program.
    pub version: &'a str,
    /// The command that plays the study again.
    pub command: &'a str,
    /// The definition of a metric by its name, as in `docs/metrics.md`; empty if it has none.
    pub definition: fn(&str) -> &'static str,
}

/// Writes `summary.csv`, `figures/*.svg`, `figures/*.png` and `report.html` into a folder, and
/// names the files that it wrote.
///
/// A figure that has nothing to show is left out. The same input gives the same bytes.
///
/// # Errors
/// If a file or folder cannot be written.
pub fn write(input: &Input<'_>, folder: &Path) -> io::Result<Vec<String>> {
    let fonts = typeface::font_faces();
    fs::write(folder.join(SUMMARY), csv(input)?)?;
    let shown = hang_all(folder, pictures(input), &fonts)?;
    fs::write(folder.join(FILE_NAME), sheet::html(input, &shown, &fonts))?;
    let figures =
        shown.iter().flat_map(|it| ["svg", "png"].map(|end| format!("figures/{}.{end}", it.name)));
    Ok([SUMMARY.to_owned()].into_iter().chain(figures).chain([FILE_NAME.to_owned()]).collect())
}

fn pictures(input: &Input<'_>) -> Vec<Picture> {
    let answer = input.answer;
    let mut pictures = Vec::new();
    for metric in &answer.metrics {
        if answer.sampled {
            pictures.extend(scatter::pictures(answer, metric));
        } else {
            pictures.extend(heat::picture(answer, metric));
            pictures.extend(curves::picture(answer, metric));
        }
        pictures.extend(dots::means(answer, metric));
        pictures.extend(cumulative::picture(answer, metric));
        pictures.extend(dots::degradation(answer, metric));
    }
    pictures
}

/// The mean of a metric in a cell, if it has one.
fn mean(metric: &OfMetric, cell: usize) -> Option<f64> {
    metric.found.get(cell)?.mean
}

/// The name of a metric as a title: `waste_checkpoint` is `Waste checkpoint`.
fn title_of(metric: &OfMetric) -> String {
    super::fits::capital(&metric.name.replace('_', " "))
}

#[cfg(test)]
mod tests;
