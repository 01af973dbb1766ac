//! The figure of the upsets of a node by what comes of them, stacked, for each memory.

use super::Input;
use crate::cosmic::budget::{Activity, Class};
use crate::cosmic::memory::Shares;
use crate::report::drawing::{Align, Area, Drawing};
use crate::report::frame::{self, Frame, MARGIN, PLOT_BOTTOM, PLOT_RIGHT, heading};
use crate::report::scale::Scale;
use crate::report::theme::{
    BLUE, GREEN, HALF_LETTER, Ink, LABEL_SIZE, ORANGE, PURPLE, SOFT_TEXT, TEXT, VERMILLION,
};
use crate::report::typeface::{self, Weight};
use crate::report::words;

/// What the figure shows.
pub(super) const CAPTION: &str = "Upsets of a node at the site in FIT, by memory while it computes \
                                  and for the whole node by what it does, divided by what comes of \
                                  them";

/// Share of a row that its bar fills.
const FILL: f64 = 0.62;
/// The thickest bar (px).
const THICK: f64 = 40.0;

/// The colour of a class.
fn ink(class: Class) -> Ink {
    match class {
        Class::Masked => Ink::hex(0xD3_D8DF),
        Class::Corrected => GREEN,
        Class::Detected => BLUE,
        Class::Silent => VERMILLION,
        Class::Crash => ORANGE,
        Class::Hang => PURPLE,
    }
}

/// A bar: its name, a remark, and the rate of each class (FIT).
struct Bar {
    name: String,
    remark: String,
    rates: [f64; 6],
}

/// Draws the figure.
pub(super) fn draw(input: &Input) -> Drawing {
    let bars = bars(input);
    let widest = bars.iter().map(|bar| bar.rates.iter().sum::<f64>()).fold(0.0, f64::max);
    let mut drawing = Drawing::default();
    let title = format!("Upsets of a {}", input.model());
    let subtitle = format!("{} · {}", input.place(), assumed(input));
    heading(&mut drawing, &title, &subtitle);
    let shown: Vec<_> = Class::ALL
        .into_iter()
        .filter(|class| bars.iter().any(|bar| bar.rates[*class as usize] > 0.0))
        .collect();
    let legend: Vec<_> = shown.iter().map(|class| (class.word(), ink(*class))).collect();
    let top = frame::legend(&mut drawing, &legend);
    let mut frame = Frame::new(
        top,
        PLOT_RIGHT - 80.0,
        Scale::amount(widest, "Upsets of a node", "FIT").thinned(5),
        Scale::count(1.0, ""),
    );
    let names = bars.iter().flat_map(|bar| {
        let name = typeface::width(&bar.name, LABEL_SIZE, Weight::Bold);
        [name, typeface::width(&bar.remark, LABEL_SIZE, Weight::Regular)]
    });
    frame.area.left = names.fold(0.0, f64::max).min(220.0) + MARGIN + 12.0;
    frame.upright_grid(&mut drawing);
    let row = (PLOT_BOTTOM - top) / bars.len() as f64;
    for (number, bar) in bars.iter().enumerate() {
        let middle = top + row * (number as f64 + 0.5);
        paint(&mut drawing, &frame, bar, middle, f64::min(row * FILL, THICK) / 2.0);
    }
    frame.time_axis(&mut drawing);
    drawing
}

/// One for each memory while the node computes, then the whole node in each activity.
fn bars(input: &Input) -> Vec<Bar> {
    let upset = &input.scenario.upset;
    let fit = |rates: [f64; 6]| rates.map(|rate| rate * 1e9);
    let busy: Shares = upset.compute;
    let arrays = input.scenario.hardware.arrays.iter().zip(&input.budget.arrays);
    let mut bars: Vec<_> = arrays
        .map(|(array, budget)| Bar {
            name: array.name.clone(),
            remark: format!("{}, {}", array.size, super::text::code(array.protection)),
            rates: fit(budget.classes(busy)),
        })
        .collect();
    for activity in Activity::ALL {
        let remark = match activity {
            Activity::Idle => "outside of a job",
            Activity::Compute => "computing",
            Activity::Checkpoint => "at a checkpoint",
        };
        let rates = fit(input.budget.classes(activity.shares(upset)));
        bars.push(Bar { name: "Whole node".to_owned(), remark: remark.to_owned(), rates });
    }
    bars
}

/// Whether the rates are known or assumed, for the subtitle.
fn assumed(input: &Input) -> &'static str {
    let assumed = (0..input.budget.arrays.len()).any(|array| input.is_assumed(array));
    if assumed { "sensitivities are assumptions" } else { "sensitivities as given" }
}

fn paint(drawing: &mut Drawing, frame: &Frame, bar: &Bar, middle: f64, half: f64) {
    let mut sum = 0.0;
    for class in Class::ALL {
        let next = sum + bar.rates[class as usize];
        let area = Area::new(frame.x(sum), middle - half, frame.x(next), middle + half);
        drawing.block(area, ink(class));
        sum = next;
    }
    let left = frame.area.left - 12.0;
    let remark = typeface::fit(&bar.remark, LABEL_SIZE, Weight::Regular, left - MARGIN);
    drawing.bold(&bar.name, (left, middle - 2.0), LABEL_SIZE, Align::Right, TEXT);
    drawing.text(&remark, (left, middle + 15.0), LABEL_SIZE, Align::Right, SOFT_TEXT);
    let total = format!("{} FIT", words::digits(sum));
    let at = (frame.x(sum) + 8.0, middle + HALF_LETTER);
    drawing.text(&total, at, LABEL_SIZE, Align::Left, TEXT);
}
