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
//!                      search    what a search for the best value found
//! ```

mod axis;
mod cumulative;
mod curves;
mod dots;
mod heat;
mod phrases;
mod scatter;
mod search;
mod sheet;
mod table;
mod text;

use std::fs;
use std::io;
use std::path::Path;

use crate::analysis::optimum::Optimum;
use crate::analysis::study::{Answer, OfMetric};
use crate::record::RecordError;
use crate::report::page::Shown;
use crate::report::words::capital;
use crate::report::{Picture, hang_all, typeface};

pub use text::{json, text};

/// The page's name in the folder of the study.
pub const FILE_NAME: &str = "report.html";
/// The stem of the table of all cells and metrics.
const SUMMARY: &str = "summary";

/// All that is to be shown.
pub struct Input<'a> {
    /// The name of the study, such as `interval`.
    pub name: &'a str,
    /// One line for people.
    pub title: &'a str,
    /// What was found.
    pub answer: &'a Answer,
    /// The search that it comes from, if its cells were not all planned in advance.
    pub search: Option<&'a Optimum>,
    /// Version of the program.
    pub version: &'a str,
    /// The command that plays the study again.
    pub command: &'a str,
    /// The definition of a metric by its name, as in `docs/metrics.md`; empty if it has none.
    pub definition: fn(&str) -> &'static str,
}

/// Writes `summary.csv`, `summary.parquet`, `figures/*.svg`, `figures/*.png` and `report.html` into
/// a folder, and names the files that it wrote.
///
/// A figure that has nothing to show is left out, and one of an earlier report goes. The same input
/// gives the same bytes.
///
/// # Errors
/// If a file or folder cannot be written.
pub fn write(input: &Input<'_>, folder: &Path) -> Result<Vec<String>, RecordError> {
    let fonts = typeface::font_faces();
    let mut written = table::write(input, folder)?;
    let page = folder.join(FILE_NAME);
    let draw = || -> io::Result<Vec<String>> {
        let old = folder.join("figures");
        if old.exists() {
            fs::remove_dir_all(old)?;
        }
        let shown = hang_all(folder, pictures(input), &fonts)?;
        fs::write(&page, sheet::html(input, &shown, &fonts))?;
        let figures = shown.iter().flat_map(Shown::files);
        Ok(figures.chain([FILE_NAME.to_owned()]).collect())
    };
    written.extend(draw().map_err(RecordError::io("write", &page))?);
    Ok(written)
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
    capital(&metric.name.replace('_', " "))
}

#[cfg(test)]
mod tests;
