//! Laws fitted to a failure trace: a table, a fault for a scenario, and two figures of each span.

mod curves;
mod fault;
mod text;

use std::fs;
use std::io;
use std::path::Path;

use crate::fitting::traces::{Spans, TraceFits};
use crate::report::page::Shown;
use crate::report::words::capital;
use crate::report::{Picture, hang_all, typeface};
use crate::trace::{Format, Quantity, Trace};

pub use fault::fault;
pub use text::{csv, json, text};

/// The table of all fits.
const TABLE: &str = "fits.csv";
/// The fault for a scenario.
const FAULT: &str = "fault.toml";
/// The rows of the trace that could not be used.
const FLAWS: &str = "flaws.csv";

/// All that is to be shown.
pub struct Input<'a> {
    /// The trace's name, for people.
    pub name: &'a str,
    /// The trace.
    pub trace: &'a Trace,
    /// What came of it.
    pub fits: &'a TraceFits,
}

impl Input<'_> {
    /// The selection as a phrase: `system 18`.
    fn systems(&self) -> String {
        match self.fits.systems.as_slice() {
            _ if self.trace.format == Format::Table => "one system".to_owned(),
            [system] => format!("system {system}"),
            systems => format!("{} systems", systems.len()),
        }
    }
}

/// The unit in which spans of a kind are reported, in tables, figures and the fault alike: its name
/// and its length (s). Minutes and hours are those of the published fits.
const fn unit(quantity: Quantity) -> (&'static str, f64) {
    match quantity {
        Quantity::Repairs => ("min", 60.0),
        Quantity::Gaps | Quantity::NodeGaps | Quantity::Uptimes => ("h", 3600.0),
    }
}

/// Writes table, fault, flaws and figures into a folder, and reports which files it wrote, in
/// order.
///
/// # Errors
/// If a file or folder cannot be written.
pub fn write(input: &Input, folder: &Path) -> io::Result<Vec<String>> {
    fs::create_dir_all(folder)?;
    let mut written = Vec::new();
    let mut file = |name: &str, text: &str| {
        written.push(name.to_owned());
        fs::write(folder.join(name), text)
    };
    file(TABLE, &csv(input))?;
    if let Some(fault) = fault(input) {
        file(FAULT, &fault)?;
    }
    file(FLAWS, &text::flaws(input.trace))?;
    let mut pictures = Vec::new();
    for spans in input.fits.spans.iter().filter(|spans| !spans.fits.is_empty()) {
        for (kind, drawing, caption) in [
            ("cdf", curves::cumulative(input, spans), curves::CUMULATIVE_CAPTION),
            ("hazard", curves::hazard(input, spans), curves::HAZARD_CAPTION),
        ] {
            let (name, title) = (stem(kind, spans), capital(spans.of.words()));
            pictures.push(Picture { name, title, caption: caption.to_owned(), drawing });
        }
    }
    let shown = hang_all(folder, pictures, &typeface::font_faces())?;
    Ok(written.into_iter().chain(shown.iter().flat_map(Shown::files)).collect())
}

fn stem(kind: &str, spans: &Spans) -> String {
    format!("{kind}_{}", spans.of.word().replace('-', "_"))
}
