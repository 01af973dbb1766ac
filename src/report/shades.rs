//! The colours of numbers: viridis in steps, and the bar that says which number each stands for.

use plotters::style::colors::colormaps::{ColorMap, ViridisRGB};

use crate::report::drawing::{Align, Area, Drawing};
use crate::report::scale::Scale;
use crate::report::theme::{HALF_LETTER, Ink, LABEL_SIZE, SOFT_TEXT};

/// So many shades; more cannot be distinguished, and would make an SVG longer.
pub(crate) const SHADES: usize = 63;
/// Width of the bar (px).
pub(crate) const BAR_WIDTH: f64 = 16.0;

/// The shade of a share of the scale, 0 to 1.
pub(crate) fn shade(share: f64) -> usize {
    (share.clamp(0.0, 1.0) * (SHADES - 1) as f64).round() as usize
}

/// viridis by van der Walt and Smith, from dark (0) to yellow (the last).
pub(crate) fn ink(shade: usize) -> Ink {
    let colour = ViridisRGB.get_color(shade as f32 / (SHADES - 1) as f32);
    Ink { rgb: (colour.0, colour.1, colour.2), alpha: 1.0 }
}

/// The bar of a scale with its ticks; it begins at `left` and reaches from `top` to `bottom`.
pub(crate) fn bar(drawing: &mut Drawing, scale: &Scale, left: f64, (top, bottom): (f64, f64)) {
    let y = |value: f64| bottom - (bottom - top) * (value - scale.low) / (scale.end - scale.low);
    // From the full height down, so that no seam shows between two shades.
    for shade in (0..SHADES).rev() {
        let high = bottom - (bottom - top) * (shade + 1) as f64 / SHADES as f64;
        drawing.block(Area::new(left, high, left + BAR_WIDTH, bottom), ink(shade));
    }
    for (value, label) in &scale.ticks {
        let at = (left + BAR_WIDTH + 7.0, y(*value) + HALF_LETTER);
        drawing.text(label, at, LABEL_SIZE, Align::Left, SOFT_TEXT);
    }
}
