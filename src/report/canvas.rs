//! Paints a drawing with plotters: as SVG text, and as a PNG of three times the size.
//!
//! plotters rounds to whole pixels. So the SVG is drawn on ten times the canvas and shown at the
//! size meant (`viewBox`), and the bitmap is drawn at six times the size and averaged down to
//! three times, which also smooths the letters.

use std::fmt::Write as _;
use std::io;

use plotters::backend::{BitMapBackend, DrawingBackend, SVGBackend};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{FontTransform, RGBAColor, ShapeStyle, TextStyle};

use crate::report::drawing::{Align, Area, Drawing, HEIGHT, Line, Point, Shape, Stair, WIDTH};
use crate::report::theme::{Ink, PAPER};
use crate::report::typeface::{self, HEIGHT_PER_EM};

/// Canvas units of an SVG per pixel meant.
const SVG_SCALE: f64 = 10.0;
/// Pixels painted per pixel meant, to either side.
const PNG_SCALE: f64 = 6.0;
/// Width of the bitmap as painted.
const FINE_WIDTH: usize = 3600;
/// Height of the bitmap as painted.
const FINE_HEIGHT: usize = 2400;

/// What is special about a medium.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Medium {
    /// plotters' SVG: lines and polygons stay what they are.
    Vector,
    /// plotters' bitmap: level and upright lines are painted as blocks, which is exact and fast.
    Raster,
}

/// The drawing as SVG text. `label` is what a screen reader says.
pub(crate) fn svg(drawing: &Drawing, label: &str) -> io::Result<String> {
    let size = ((WIDTH * SVG_SCALE) as u32, (HEIGHT * SVG_SCALE) as u32);
    let mut text = String::new();
    let mut backend = SVGBackend::with_string(&mut text, size);
    paint(drawing, &mut backend, SVG_SCALE, Medium::Vector)?;
    backend.present().map_err(|e| io::Error::other(e.to_string()))?;
    drop(backend);
    Ok(tidied(&text, label))
}

/// The same SVG with a style sheet inside, for a file that stands alone.
pub(crate) fn with_style(svg: &str, css: &str) -> String {
    let (root, rest) = svg.split_once('\n').expect("the root tag is a line of its own");
    format!("{root}\n<style>\n{css}</style>\n{rest}")
}

/// Rewrites what plotters wrote: a root tag with the size meant and a label, no attributes that
/// say the default, and blocks of one colour that follow each other as a single path.
fn tidied(text: &str, label: &str) -> String {
    let mut lines = text.lines();
    let root = lines.next().unwrap_or_default();
    assert!(root.starts_with("<svg "), "plotters starts with the root tag");
    let mut out = String::with_capacity(text.len());
    let (wide, high) = (WIDTH * SVG_SCALE, HEIGHT * SVG_SCALE);
    let _ = writeln!(
        out,
        "<svg width=\"{WIDTH}\" height=\"{HEIGHT}\" viewBox=\"0 0 {wide} {high}\" role=\"img\" \
         aria-label=\"{}\" xmlns=\"http://www.w3.org/2000/svg\">",
        escaped(label)
    );
    let mut blocks = Blocks::default();
    for line in lines {
        if blocks.take(line) {
            continue;
        }
        blocks.flush(&mut out);
        // A block of another colour begins a path of its own.
        if blocks.take(line) {
            continue;
        }
        out.push_str(&line.replace(" opacity=\"1\"", "").replace(" stroke=\"none\"", ""));
        out.push('\n');
    }
    blocks.flush(&mut out);
    out
}

/// Text for an attribute of XML.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Blocks of one colour that follow each other, gathered into a path.
#[derive(Default)]
struct Blocks {
    paint: String,
    path: String,
    at: (i64, i64),
}

impl Blocks {
    /// Takes a line of SVG if it is a filled block of the colour gathered so far.
    fn take(&mut self, line: &str) -> bool {
        if !line.starts_with("<rect ") || line.contains("fill=\"none\"") {
            return false;
        }
        let value = |name: &str| -> Option<&str> {
            let rest = &line[line.find(&format!(" {name}=\""))? + name.len() + 3..];
            Some(&rest[..rest.find('"')?])
        };
        let number = |name: &str| value(name)?.parse::<i64>().ok();
        let (Some(x), Some(y), Some(wide), Some(high), Some(fill), Some(opacity)) = (
            number("x"),
            number("y"),
            number("width"),
            number("height"),
            value("fill"),
            value("opacity"),
        ) else {
            return false;
        };
        let mut paint = format!("fill=\"{fill}\"");
        if opacity != "1" {
            let _ = write!(paint, " opacity=\"{opacity}\"");
        }
        if self.path.is_empty() {
            self.paint = paint;
            let _ = write!(self.path, "M{x} {y}");
        } else if self.paint == paint {
            let _ = write!(self.path, "m{} {}", x - self.at.0, y - self.at.1);
        } else {
            return false;
        }
        let _ = write!(self.path, "h{wide}v{high}h-{wide}z");
        self.at = (x, y);
        true
    }

    /// Writes the path, if there is one, and is empty again.
    fn flush(&mut self, out: &mut String) {
        if !self.path.is_empty() {
            let _ = writeln!(out, "<path {} d=\"{}\"/>", self.paint, self.path);
            self.path.clear();
        }
    }
}

/// A bitmap that is painted again and again, one figure after the other.
pub(crate) struct Bitmap {
    fine: Vec<u8>,
    coarse: Vec<u8>,
}

impl Bitmap {
    /// An empty one; some 32 MB.
    pub(crate) fn new() -> Self {
        let bytes = FINE_WIDTH * FINE_HEIGHT * 3;
        Self { fine: vec![0; bytes], coarse: vec![0; bytes / 4] }
    }

    /// The drawing as a PNG file of 1800 by 1200 pixels.
    pub(crate) fn png(&mut self, drawing: &Drawing) -> io::Result<Vec<u8>> {
        let size = (FINE_WIDTH as u32, FINE_HEIGHT as u32);
        let mut backend = BitMapBackend::with_buffer(&mut self.fine, size);
        paint(drawing, &mut backend, PNG_SCALE, Medium::Raster)?;
        drop(backend);
        self.average();
        let mut file = Vec::new();
        let (wide, high) = (FINE_WIDTH as u32 / 2, FINE_HEIGHT as u32 / 2);
        let mut encoder = png::Encoder::new(&mut file, wide, high);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_compression(png::Compression::Balanced);
        encoder.set_filter(png::Filter::Up);
        let mut writer = encoder.write_header().map_err(io::Error::other)?;
        writer.write_image_data(&self.coarse).map_err(io::Error::other)?;
        writer.finish().map_err(io::Error::other)?;
        Ok(file)
    }

    /// Each coarse pixel becomes the mean of four fine ones.
    fn average(&mut self) {
        let row = FINE_WIDTH * 3;
        let pairs = self.fine.chunks_exact(2 * row);
        for (fine, coarse) in pairs.zip(self.coarse.chunks_exact_mut(row / 2)) {
            let (upper, lower) = fine.split_at(row);
            let fours = upper.chunks_exact(6).zip(lower.chunks_exact(6));
            for ((up, low), pixel) in fours.zip(coarse.chunks_exact_mut(3)) {
                for c in 0..3 {
                    let sum = u16::from(up[c])
                        + u16::from(up[c + 3])
                        + u16::from(low[c])
                        + u16::from(low[c + 3]);
                    pixel[c] = ((sum + 2) / 4) as u8;
                }
            }
        }
    }
}

/// Paints all shapes on paper.
fn paint<DB: DrawingBackend>(
    drawing: &Drawing,
    backend: &mut DB,
    scale: f64,
    medium: Medium,
) -> io::Result<()> {
    typeface::register();
    let mut brush = Brush { backend, scale, medium };
    brush.block(Area::new(0.0, 0.0, WIDTH, HEIGHT), PAPER)?;
    for shape in &drawing.shapes {
        match shape {
            Shape::Block(area, ink) => brush.block(*area, *ink)?,
            Shape::Disc(centre, radius, ink) => brush.disc(*centre, *radius, *ink)?,
            Shape::Steps { corners, ink, width } => brush.steps(corners, *ink, *width)?,
            Shape::Band { stairs, right, ink } => brush.band(stairs, *right, *ink)?,
            Shape::Text(line) => brush.text(line)?,
        }
    }
    Ok(())
}

/// A plotters backend with its scale.
struct Brush<'a, DB: DrawingBackend> {
    backend: &'a mut DB,
    scale: f64,
    medium: Medium,
}

impl<DB: DrawingBackend> Brush<'_, DB> {
    fn place(&self, at: Point) -> (i32, i32) {
        // Halves always round up, so that two blocks that share an edge share it on the canvas.
        let whole = |value: f64| (value * self.scale + 0.5).floor() as i32;
        (whole(at.0), whole(at.1))
    }

    fn block(&mut self, area: Area, ink: Ink) -> io::Result<()> {
        let (from, to) = (self.place((area.left, area.top)), self.place((area.right, area.bottom)));
        self.backend
            .draw_rect(from, to, &fill(ink), true)
            .map_err(|e| io::Error::other(e.to_string()))
    }

    fn disc(&mut self, centre: Point, radius: f64, ink: Ink) -> io::Result<()> {
        let radius = (radius * self.scale) as u32;
        self.backend
            .draw_circle(self.place(centre), radius, &fill(ink), true)
            .map_err(|e| io::Error::other(e.to_string()))
    }

    fn steps(&mut self, corners: &[Point], ink: Ink, width: f64) -> io::Result<()> {
        if self.medium == Medium::Vector {
            let style = fill(ink).stroke_width((width * self.scale) as u32);
            let places: Vec<_> = corners.iter().map(|at| self.place(*at)).collect();
            return self
                .backend
                .draw_path(places, &style)
                .map_err(|e| io::Error::other(e.to_string()));
        }
        // Half a width to the sides; along the line as well, to fill the corners it has.
        let half = width / 2.0;
        let along = if corners.len() == 2 { 0.0 } else { half };
        for pair in corners.windows(2) {
            let (from, to) = (pair[0], pair[1]);
            let mut area = Area::new(
                f64::min(from.0, to.0),
                f64::min(from.1, to.1),
                f64::max(from.0, to.0),
                f64::max(from.1, to.1),
            );
            let level = area.height() < area.width();
            let (dx, dy) = if level { (along, half) } else { (half, along) };
            area.left -= dx;
            area.right += dx;
            area.top -= dy;
            area.bottom += dy;
            self.block(area, ink)?;
        }
        Ok(())
    }

    fn band(&mut self, stairs: &[Stair], right: f64, ink: Ink) -> io::Result<()> {
        let ends = stairs.iter().skip(1).map(|next| next.left).chain([right]);
        if self.medium == Medium::Raster {
            for (stair, end) in stairs.iter().zip(ends) {
                self.block(Area::new(stair.left, stair.top, end, stair.bottom), ink)?;
            }
            return Ok(());
        }
        // Along the upper edges, and back along the lower ones as far as they change.
        let (mut upper, mut lower): (Vec<Point>, Vec<Point>) = (Vec::new(), Vec::new());
        for (stair, end) in stairs.iter().zip(ends) {
            upper.extend([(stair.left, stair.top), (end, stair.top)]);
            match lower.last_mut() {
                Some(last) if last.1.total_cmp(&stair.bottom).is_eq() => last.0 = end,
                _ => lower.extend([(stair.left, stair.bottom), (end, stair.bottom)]),
            }
        }
        let corners = upper.iter().chain(lower.iter().rev());
        let places: Vec<_> = corners.map(|at| self.place(*at)).collect();
        self.backend.fill_polygon(places, &fill(ink)).map_err(|e| io::Error::other(e.to_string()))
    }

    fn text(&mut self, line: &Line) -> io::Result<()> {
        // The backends hang a text differently from the place they are given: the bitmap sets the
        // baseline half a font size below it, the SVG 0.76 of what it writes as `font-size`, which
        // is the size by 1.24. Both are undone here, so that `at` is the baseline in both.
        let em = line.size * self.scale;
        let (size, drop) = match self.medium {
            Medium::Raster => (em * HEIGHT_PER_EM, (em * HEIGHT_PER_EM / 2.0).floor()),
            Medium::Vector => (em * 1.24, em * 0.76),
        };
        let (x, y) = (line.at.0 * self.scale, line.at.1 * self.scale);
        let (x, y) = if line.turned { (x - drop, y) } else { (x, y - drop) };
        let across = match line.align {
            Align::Left => HPos::Left,
            Align::Middle => HPos::Center,
            Align::Right => HPos::Right,
        };
        let turn = if line.turned { FontTransform::Rotate270 } else { FontTransform::None };
        let font = typeface::font(size, line.weight).transform(turn);
        let ink = color(line.ink);
        let style = TextStyle::from(font).color(&ink).pos(Pos::new(across, VPos::Top));
        self.backend
            .draw_text(&line.text, &style, ((x + 0.5).floor() as i32, (y + 0.5).floor() as i32))
            .map_err(|e| io::Error::other(e.to_string()))
    }
}

fn color(ink: Ink) -> RGBAColor {
    RGBAColor(ink.rgb.0, ink.rgb.1, ink.rgb.2, ink.alpha)
}

fn fill(ink: Ink) -> ShapeStyle {
    ShapeStyle { color: color(ink), filled: true, stroke_width: 1 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::theme::{BLUE, GRID, TEXT, VERMILLION};

    fn one_of_each() -> Drawing {
        let mut drawing = Drawing::default();
        drawing.block(Area::new(10.0, 10.0, 20.0, 20.0), BLUE);
        drawing.block(Area::new(22.0, 10.0, 32.0, 20.5), BLUE);
        drawing.block(Area::new(34.0, 10.0, 44.0, 20.0), VERMILLION.at(0.16));
        drawing.disc((60.0, 15.0), 4.0, BLUE);
        drawing.steps(vec![(10.0, 40.0), (30.0, 40.0), (30.0, 50.0)], GRID, 1.0);
        let stair = |left, top| Stair { left, top, bottom: 70.0 };
        drawing.band(vec![stair(10.0, 60.0), stair(20.0, 65.0)], 30.0, BLUE);
        drawing.bold("a < b", (10.0, 90.0), 12.0, Align::Left, TEXT);
        drawing.turned("Nodes", (100.0, 90.0), 12.0, TEXT);
        drawing
    }

    #[test]
    fn an_svg_has_the_size_meant_and_no_needless_words() {
        let expected = "\
<svg width=\"600\" height=\"400\" viewBox=\"0 0 6000 4000\" role=\"img\" \
aria-label=\"&lt;one&gt; of each\" xmlns=\"http://www.w3.org/2000/svg\">
<path fill=\"#FFFFFF\" d=\"M0 0h6000v4000h-6000z\"/>
<path fill=\"#0072B2\" d=\"M100 100h100v100h-100zm120 0h100v105h-100z\"/>
<path fill=\"#D55E00\" opacity=\"0.16\" d=\"M340 100h100v100h-100z\"/>
";
        let svg = svg(&one_of_each(), "<one> of each").expect("a string takes any text");
        assert!(svg.starts_with(expected), "{svg}");
        assert!(svg.contains("points=\"100,400 300,400 300,500 \""), "{svg}");
        assert!(svg.contains("points=\"100,600 200,600 200,650 300,650 300,700 100,700 \""));
        assert!(svg.contains("\na &lt; b\n</text>"), "{svg}");
        assert!(svg.trim_end().ends_with("</svg>"));
    }

    #[test]
    fn a_png_shows_each_shape_where_the_svg_has_it() {
        let file = Bitmap::new().png(&one_of_each()).expect("memory takes any file");
        let decoder = png::Decoder::new(std::io::Cursor::new(file));
        let mut reader = decoder.read_info().expect("a PNG");
        let mut pixels = vec![0; reader.output_buffer_size().expect("it fits memory")];
        let info = reader.next_frame(&mut pixels).expect("a picture");
        assert_eq!((info.width, info.height), (1800, 1200));
        let at = |x: usize, y: usize| {
            let start = (y * 3 * 1800 + x * 3) * 3;
            (pixels[start], pixels[start + 1], pixels[start + 2])
        };
        assert_eq!(at(15, 15), BLUE.rgb, "in the block");
        assert_eq!(at(60, 15), BLUE.rgb, "in the disc");
        assert_eq!(at(15, 62), BLUE.rgb, "under the first stair");
        assert_eq!(at(25, 62), PAPER.rgb, "above the second stair");
        assert_eq!(at(20, 40), GRID.rgb, "on the line");
        assert_eq!(at(500, 300), PAPER.rgb, "nowhere");
    }

    #[test]
    fn letters_stand_on_their_baseline_in_the_bitmap() {
        let mut drawing = Drawing::default();
        drawing.text("HHHH", (100.0, 200.0), 20.0, Align::Left, TEXT);
        let mut bitmap = Bitmap::new();
        bitmap.png(&drawing).expect("memory takes any file");
        let row =
            |y: usize| bitmap.coarse[y * 1800 * 3..(y + 1) * 1800 * 3].iter().any(|c| *c < 99);
        let lowest = (0..1200).rev().find(|y| row(*y)).expect("there is ink");
        // Three times the size: the baseline at 200 is between the rows 599 and 600.
        assert!((596..=601).contains(&lowest), "{lowest}");
    }
}
