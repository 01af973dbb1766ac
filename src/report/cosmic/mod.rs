//! Cosmic rays at a site: flux, upset budget and DRAM faults as tables, JSON and two figures.

mod bars;
mod curve;
mod json;
mod text;

use std::fs;
use std::io;
use std::path::Path;

use crate::cosmic::budget::Budget;
use crate::cosmic::dram::Chips;
use crate::cosmic::memory::Array;
use crate::report::{canvas, hang, typeface};
use crate::scenario::{Provenance, Scenario, Source};

pub use json::json;
pub use text::text;

/// The years over which faults of DRAM are reported: the life of a machine, and that of the closed
/// form.
const YEARS: f64 = 7.0;

/// All that is to be shown.
pub struct Input<'a> {
    /// The scenario with site and node.
    pub scenario: &'a Scenario,
    /// The upsets of a node.
    pub budget: &'a Budget,
    /// How many nodes there are.
    pub nodes: u64,
}

impl Input<'_> {
    /// Each figure that the budget hangs on, with what stands behind it.
    fn figures(&self) -> impl Iterator<Item = &Provenance> {
        self.scenario.provenance.iter().filter(|figure| {
            let tables = ["site.", "hardware.array.", "group.0.node.array.", "upset."];
            tables.iter().any(|table| figure.key.starts_with(table))
        })
    }

    /// Whether the sensitivity of an array, from 0, is an assumption.
    fn is_assumed(&self, array: usize) -> bool {
        let keys = ["sigma", "fit_per_mbit", "devices"];
        let of = if self.scenario.parts.is_some() { "group.0.node" } else { "hardware" };
        let keys = keys.map(|key| format!("{of}.array.{array}.{key}"));
        let assumed = |figure: &&Provenance| matches!(figure.source, Source::Assumption(_));
        self.figures().filter(assumed).any(|figure| keys.contains(&figure.key))
    }

    /// The arrays that are chips of DRAM with known fault modes.
    fn chips(&self) -> Vec<(&Array, Chips)> {
        let flux = self.budget.flux.factor;
        let arrays = self.scenario.hardware.arrays.iter();
        arrays.filter_map(|array| Some((array, Chips::of(array, flux)?))).collect()
    }

    /// The nodes that the figures are of: where groups differ, those of the first.
    fn model(&self) -> String {
        let model = &self.scenario.hardware.model;
        let mut arrays = self.scenario.all_hardware().map(|hardware| &hardware.arrays);
        let first = arrays.next();
        if arrays.all(|arrays| Some(arrays) == first) {
            self.scenario.models()
        } else {
            format!("{model}, the first of several kinds")
        }
    }

    /// The site in a phrase, for subtitles.
    fn place(&self) -> String {
        let site = &self.scenario.site;
        format!(
            "{}, {} GV, solar activity {} %",
            site.altitude,
            site.rigidity,
            crate::report::words::digits(site.solar * 100.0)
        )
    }
}

/// What stands behind a figure, in words.
fn source_text(source: &Source) -> String {
    match source {
        Source::Published(text) => text.clone(),
        Source::Assumption(text) => format!("assumption: {text}"),
        Source::Scenario => "given".to_owned(),
    }
}

/// Writes the figures into a folder, and reports which files it wrote, in order.
///
/// # Errors
/// If a file or folder cannot be written.
pub fn write(input: &Input, folder: &Path) -> io::Result<Vec<String>> {
    fs::create_dir_all(folder)?;
    let fonts = typeface::font_faces();
    let mut bitmap = canvas::Bitmap::new();
    let mut written = Vec::new();
    let mut drawings = vec![("cosmic_flux", curve::draw(input), curve::CAPTION)];
    if !input.budget.arrays.is_empty() {
        drawings.push(("cosmic_upsets", bars::draw(input), bars::CAPTION));
    }
    for (name, drawing, caption) in drawings {
        hang(&folder.join(name), &drawing, caption, &fonts, &mut bitmap)?;
        written.push(format!("{name}.svg"));
        written.push(format!("{name}.png"));
    }
    Ok(written)
}
