//! Numbers to pages: figures as SVG and PNG, and a report of one self-contained HTML file.
//!
//! Nothing is computed here that is not among the findings: this room picks, formats and draws.
//! A figure describes itself as shapes (`drawing`), `canvas` paints them with plotters, and
//! `page` puts figures, tables and words together.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::Path;

pub(crate) use self::columns::columns;
pub(crate) use self::words::object;
use crate::analysis::Findings;
use crate::forecast::Compared;
use crate::plan::Plan;

pub mod calibration;
mod canvas;
mod columns;
pub mod comparison;
pub mod cosmic;
mod drawing;
mod figures;
pub mod fits;
pub mod forecast;
mod frame;
mod page;
pub mod rare;
#[cfg(test)]
mod sample;
mod scale;
mod shades;
pub mod similar;
mod strip;
pub mod study;
#[cfg(test)]
mod tests;
mod theme;
mod typeface;
pub(crate) mod words;

/// All that a report is made from.
pub struct Input<'a> {
    /// The plan of the run: machine, resolved scenario, jobs.
    pub plan: &'a Plan,
    /// What the run showed.
    pub findings: &'a Findings,
    /// The stage that played it, such as `model`.
    pub stage: &'a str,
    /// The fingerprint of the run.
    pub fingerprint: &'a str,
    /// Version of the program.
    pub version: &'a str,
    /// The resolved scenario as TOML.
    pub resolved: &'a str,
    /// One line for each demand of `[expect]`.
    pub verdicts: &'a [VerdictLine],
    /// The run compared with each formula that applies to its plan, or why none does.
    pub theory: &'a Result<Vec<Compared>, Vec<String>>,
    /// The definition of a metric by its name, as in `docs/metrics.md`; empty if it has none.
    pub definition: fn(&str) -> &'static str,
    /// How the run is played again.
    pub again: &'a Again,
}

/// How a run is played again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Again {
    /// Whether it can be, and what the fingerprint has to do with it.
    pub intro: String,
    /// What each command does, and the command.
    pub ways: Vec<(&'static str, String)>,
}

/// What became of one demand of `[expect]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerdictLine {
    /// The demand and what was found, in words.
    pub text: String,
    /// Whether it was met.
    pub met: bool,
}

/// Writes `figures/*.svg`, `figures/*.png` and `report.html` into a results folder, and names the
/// files that it wrote.
///
/// A figure that has nothing to show is left out. The same input gives the same bytes.
///
/// # Errors
/// If a file or the folder `figures` cannot be written.
pub fn write(input: &Input, folder: &Path) -> io::Result<Vec<String>> {
    let fonts = typeface::font_faces();
    let wanted = figures::ALL.iter().filter(|figure| figure.wanted(input));
    let pictures = wanted.map(|figure| Picture {
        name: figure.name().to_owned(),
        title: figure.title().to_owned(),
        caption: figure.caption(input),
        drawing: figure.draw(input),
    });
    let shown = hang_all(folder, pictures.collect(), &fonts)?;
    fs::write(folder.join("report.html"), page::html(input, &shown, &fonts))?;
    let figures = shown.iter().flat_map(page::Shown::files);
    Ok(figures.chain(["report.html".to_owned()]).collect())
}

/// A figure with its words.
struct Picture {
    /// Stem of its files.
    name: String,
    title: String,
    caption: String,
    drawing: drawing::Drawing,
}

/// Writes figures as `figures/*.svg` and `figures/*.png` into a folder, and gives back what a page
/// shows of them. `fonts` are the `@font-face` rules.
fn hang_all(folder: &Path, pictures: Vec<Picture>, fonts: &str) -> io::Result<Vec<page::Shown>> {
    let to = folder.join("figures");
    fs::create_dir_all(&to)?;
    let mut bitmap = canvas::Bitmap::new();
    let hang = |Picture { name, title, caption, drawing }| {
        let label = format!("{title}. {caption}");
        let svg = hang(&to.join(&name), &drawing, &label, fonts, &mut bitmap)?;
        Ok(page::Shown { name, caption, svg })
    };
    pictures.into_iter().map(hang).collect()
}

/// Writes a drawing as `<stem>.svg` and `<stem>.png`, and gives back the SVG for a page.
fn hang(
    stem: &Path,
    drawing: &drawing::Drawing,
    label: &str,
    fonts: &str,
    bitmap: &mut canvas::Bitmap,
) -> io::Result<String> {
    let svg = canvas::svg(drawing, label)?;
    // A stem may hold a dot, such as that of `waste_over_stop.at`.
    let named = |end: &str| [stem.as_os_str(), OsStr::new(end)].into_iter().collect::<OsString>();
    fs::write(named(".svg"), canvas::with_style(&svg, fonts))?;
    fs::write(named(".png"), bitmap.png(drawing)?)?;
    Ok(svg)
}
