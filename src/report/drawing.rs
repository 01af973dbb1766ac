//! A figure before it has a medium: shapes on a sheet of 600 by 400 points, in painting order.
//!
//! Figures say what they want once, in floating-point coordinates; `canvas` makes an SVG and a
//! bitmap of it with plotters. All edges are level or upright, because every quantity here is
//! constant between two points of its series and nothing is interpolated.

use crate::report::theme::{Ink, LABEL_SIZE, TEXT};
use crate::report::typeface::{self, Weight};

/// Width of every figure (px).
pub(crate) const WIDTH: f64 = 600.0;
/// Height of every figure (px).
pub(crate) const HEIGHT: f64 = 400.0;

/// A place: to the right, then down, from the top left corner (px).
pub(crate) type Point = (f64, f64);

/// An upright rectangle (px).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Area {
    /// Left edge.
    pub(crate) left: f64,
    /// Top edge.
    pub(crate) top: f64,
    /// Right edge.
    pub(crate) right: f64,
    /// Bottom edge.
    pub(crate) bottom: f64,
}

impl Area {
    /// From its edges.
    pub(crate) const fn new(left: f64, top: f64, right: f64, bottom: f64) -> Self {
        Self { left, top, right, bottom }
    }

    /// From left to right.
    pub(crate) fn width(self) -> f64 {
        self.right - self.left
    }

    /// From top to bottom.
    pub(crate) fn height(self) -> f64 {
        self.bottom - self.top
    }
}

/// Which point of a line of text its place means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Align {
    /// The start of the line.
    Left,
    /// Its middle.
    Middle,
    /// Its end.
    Right,
}

/// One line of text.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Line {
    /// The letters.
    pub(crate) text: String,
    /// A point of the baseline.
    pub(crate) at: Point,
    /// The em (px).
    pub(crate) size: f64,
    /// Regular or bold.
    pub(crate) weight: Weight,
    /// Which point of the baseline `at` is.
    pub(crate) align: Align,
    /// Whether it is turned to be read from below.
    pub(crate) turned: bool,
    /// Its colour.
    pub(crate) ink: Ink,
}

/// A stair of a band (px).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Stair {
    /// Where it begins.
    pub(crate) left: f64,
    /// Its upper edge.
    pub(crate) top: f64,
    /// Its lower edge.
    pub(crate) bottom: f64,
}

/// What a figure is made of.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Shape {
    /// A filled rectangle.
    Block(Area, Ink),
    /// A filled disc: centre and radius.
    Disc(Point, f64, Ink),
    /// A line along these corners; two neighbours share a coordinate.
    Steps {
        /// The corners.
        corners: Vec<Point>,
        /// Colour; solid, because segments overlap at corners.
        ink: Ink,
        /// Width (px).
        width: f64,
    },
    /// What lies between an upper and a lower staircase.
    Band {
        /// The stairs, from left to right.
        stairs: Vec<Stair>,
        /// Right edge of the last stair.
        right: f64,
        /// Colour.
        ink: Ink,
    },
    /// A line of text.
    Text(Line),
}

/// A figure: shapes in painting order.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Drawing {
    /// The shapes.
    pub(crate) shapes: Vec<Shape>,
}

impl Drawing {
    /// Adds a filled rectangle, unless it is empty.
    pub(crate) fn block(&mut self, area: Area, ink: Ink) {
        if area.width() > 0.0 && area.height() > 0.0 {
            self.shapes.push(Shape::Block(area, ink));
        }
    }

    /// Adds a disc.
    pub(crate) fn disc(&mut self, centre: Point, radius: f64, ink: Ink) {
        self.shapes.push(Shape::Disc(centre, radius, ink));
    }

    /// Adds a line along corners of which two neighbours share a coordinate.
    pub(crate) fn steps(&mut self, corners: Vec<Point>, ink: Ink, width: f64) {
        if corners.len() > 1 {
            self.shapes.push(Shape::Steps { corners, ink, width });
        }
    }

    /// Adds a level or upright line in dashes of `dash` with gaps of the same length.
    pub(crate) fn dashes(&mut self, from: Point, to: Point, ink: Ink, width: f64, dash: f64) {
        let length = (to.0 - from.0).abs() + (to.1 - from.1).abs();
        let unit = ((to.0 - from.0) / length, (to.1 - from.1) / length);
        let mut start = 0.0;
        while start < length {
            let end = f64::min(start + dash, length);
            let place = |d: f64| (from.0 + unit.0 * d, from.1 + unit.1 * d);
            self.steps(vec![place(start), place(end)], ink, width);
            start += 2.0 * dash;
        }
    }

    /// Adds what lies between an upper and a lower staircase, which end at `right`.
    pub(crate) fn band(&mut self, stairs: Vec<Stair>, right: f64, ink: Ink) {
        if !stairs.is_empty() {
            self.shapes.push(Shape::Band { stairs, right, ink });
        }
    }

    /// Adds a line of regular text.
    pub(crate) fn text(&mut self, text: &str, at: Point, size: f64, align: Align, ink: Ink) {
        self.line(text, at, size, Weight::Regular, align, ink);
    }

    /// Adds a line of bold text.
    pub(crate) fn bold(&mut self, text: &str, at: Point, size: f64, align: Align, ink: Ink) {
        self.line(text, at, size, Weight::Bold, align, ink);
    }

    /// Adds a line of text that is read from below.
    pub(crate) fn turned(&mut self, text: &str, at: Point, size: f64, ink: Ink) {
        self.line(text, at, size, Weight::Regular, Align::Middle, ink);
        if let Some(Shape::Text(line)) = self.shapes.last_mut() {
            line.turned = true;
        }
    }

    fn line(&mut self, text: &str, at: Point, size: f64, weight: Weight, align: Align, ink: Ink) {
        let (text, turned) = (text.to_owned(), false);
        self.shapes.push(Shape::Text(Line { text, at, size, weight, align, turned, ink }));
    }

    /// Adds rows of coloured squares with a word each, from the baseline `from` on and no further
    /// to the right than `right`; gives back how many rows there are.
    pub(crate) fn legend(
        &mut self,
        (left, mut y): Point,
        right: f64,
        entries: &[(&str, Ink)],
    ) -> usize {
        let (size, square) = (LABEL_SIZE, 12.0);
        let (mut x, mut rows) = (left, 1);
        for (word, ink) in entries {
            let word = typeface::fit(word, size, Weight::Regular, right - left - square - 6.0);
            let wide = square + 6.0 + typeface::width(&word, size, Weight::Regular);
            if x > left && x + wide > right {
                (x, y, rows) = (left, y + LEGEND_PITCH, rows + 1);
            }
            self.block(Area::new(x, y - square + 0.5, x + square, y + 0.5), *ink);
            self.text(&word, (x + square + 6.0, y), size, Align::Left, TEXT);
            x += wide + 18.0;
        }
        rows
    }
}

/// Distance of the rows of a legend (px).
pub(crate) const LEGEND_PITCH: f64 = 22.0;
