//! The figure of the flux against altitude, for the quiet, the mean and the active sun.
//!
//! Curves are drawn as stairs of half a pixel, which is as fine as the bitmap is.

use super::Input;
use crate::cosmic::flux::{Flux, second_opinion};
use crate::report::drawing::Drawing;
use crate::report::frame::{self, Frame, PLOT_RIGHT, heading};
use crate::report::scale::Scale;
use crate::report::theme::{BLUE, Ink, ORANGE, SKY, TEXT, VERMILLION};
use crate::scenario::Site;
use crate::units::Length;

/// What the figure shows.
pub(super) const CAPTION: &str = "Neutrons above 10 MeV against altitude at the site's cutoff \
                                  rigidity, relative to New York; the axis of the flux is \
                                  logarithmic";

/// Width of a stair (px).
const STAIR: f64 = 0.5;
/// Width of a line (px).
const LINE: f64 = 2.0;
/// Radius of the mark of a place (px).
const MARK: f64 = 5.0;
/// The highest altitude drawn, if the site is not above it (m).
const HIGH: f64 = 4000.0;

/// Draws the figure.
pub(super) fn draw(input: &Input) -> Drawing {
    let site = &input.scenario.site;
    let here = site.altitude.0 as f64 / 1e3;
    let end = f64::max(HIGH, libm::ceil(here * 1.25 / 1000.0) * 1000.0);
    let factor = |altitude: f64, solar: f64| {
        let altitude = Length((altitude * 1e3) as i64);
        libm::log10(Flux::at(&Site { altitude, solar, ..site.clone() }).factor)
    };
    let lowest = f64::min(factor(0.0, 1.0), libm::log10(0.8));
    let highest = factor(end, 0.0);
    let y = Scale::decades(
        libm::pow(10.0, lowest) * 0.9,
        libm::pow(10.0, highest) * 1.15,
        "Flux relative to New York",
    );
    let x = Scale::amount(end, "Altitude", "m");
    let mut drawing = Drawing::default();
    let concrete = match site.concrete.0 {
        0 => "outdoors".to_owned(),
        _ => format!("below {} of concrete", site.concrete),
    };
    let subtitle =
        format!("Neutrons above 10 MeV at {} GV, {concrete} · JESD89A Annex A", site.rigidity);
    heading(&mut drawing, "Flux against altitude", &subtitle);
    let percent = crate::report::words::digits(site.solar * 100.0);
    let own = format!("solar activity {percent} %");
    let mut legend = vec![("quiet sun", SKY), (own.as_str(), BLUE), ("active sun", ORANGE)];
    let other = second_opinion(site);
    if other.is_some() {
        legend.push(("PARMA", VERMILLION));
    }
    let frame = Frame::new(frame::legend(&mut drawing, &legend), PLOT_RIGHT, x, y);
    frame.grid(&mut drawing);
    for (solar, ink) in [(0.0, SKY), (1.0, ORANGE), (site.solar, BLUE)] {
        line(&mut drawing, &frame, end, ink, |altitude| factor(altitude, solar));
    }
    if let Some(other) = other {
        let at = (frame.x(other.altitude), frame.y(libm::log10(other.factor)));
        drawing.disc(at, MARK, VERMILLION);
    }
    let name = other.map_or("here", |other| other.place);
    let log_factor = factor(here, site.solar);
    let label = format!("{name}: ×{:.2}", libm::pow(10.0, log_factor));
    frame.mark(&mut drawing, (frame.x(here), frame.y(log_factor)), &label, TEXT);
    frame.axes(&mut drawing);
    drawing
}

/// Draws a curve over the whole axis.
fn line(drawing: &mut Drawing, frame: &Frame, end: f64, ink: Ink, value: impl Fn(f64) -> f64) {
    let stairs = libm::ceil(frame.area.width() / STAIR) as u32;
    let place = |stair: u32| end * f64::from(stair) / f64::from(stairs);
    let points: Vec<_> = (0..=stairs).map(|stair| (place(stair), value(place(stair)))).collect();
    drawing.steps(frame.staircase(&points), ink, LINE);
}
