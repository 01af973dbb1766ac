//! Two sets of runs side by side: a table for the terminal, and a page with figures overlaid.

mod cumulative;
mod curves;
mod phrases;
mod sheet;
mod stages;
mod text;

use std::fs;
use std::io;
use std::path::Path;

use crate::analysis::compare::Comparison;
use crate::analysis::run::Run;
use crate::report::theme::{BLUE, Ink, VERMILLION};
use crate::report::{Picture, hang_all, typeface};

pub use text::{json, study_json, study_text, text};

/// The page's name in the folder that is asked for.
pub const FILE_NAME: &str = "compare.html";

/// The colour of A, in every figure.
const INK_A: Ink = BLUE;
/// The colour of B.
const INK_B: Ink = VERMILLION;
/// Runs that are drawn of a side at most; more lines would hide each other.
const RUNS: usize = 8;

/// All that is to be shown.
pub struct Input<'a> {
    /// The runs of A, the reference.
    pub a: &'a [Run],
    /// The runs of B.
    pub b: &'a [Run],
    /// What came of them.
    pub comparison: &'a Comparison,
    /// Whether what is unclear or on one side only counts as disagreement.
    pub strict: bool,
    /// Version of the program.
    pub version: &'a str,
    /// The command that made the comparison.
    pub command: &'a str,
}

/// Writes `compare.html`, `figures/*.svg` and `figures/*.png` into a folder.
///
/// A figure of which no side has data is left out. The same input gives the same bytes.
///
/// # Errors
/// If a file or folder cannot be written.
pub fn write(input: &Input, folder: &Path) -> io::Result<()> {
    let fonts = typeface::font_faces();
    let shown = hang_all(folder, all_pictures(input), &fonts)?;
    fs::write(folder.join(FILE_NAME), sheet::html(input, &shown, &fonts))
}

fn all_pictures(input: &Input) -> Vec<Picture> {
    let mut pictures = curves::pictures(input);
    pictures.extend(cumulative::pictures(input));
    pictures.extend(stages::picture(input));
    pictures
}

/// Which of so many runs are drawn: the first, the last, and some evenly between.
fn drawn(runs: &[Run]) -> Vec<&Run> {
    if runs.len() <= RUNS {
        return runs.iter().collect();
    }
    (0..RUNS).map(|i| &runs[i * (runs.len() - 1) / (RUNS - 1)]).collect()
}

#[cfg(test)]
mod tests;
