//! The frame of a plot: title, subtitle, axes, grid, and the way from data to paper.

use crate::analysis::{Point as Interval, Series};
use crate::report::Input;
use crate::report::drawing::{Align, Area, Drawing, HEIGHT, LEGEND_PITCH, Point, Stair, WIDTH};
use crate::report::scale::Scale;
use crate::report::strip::Strip;
use crate::report::theme::{
    AXIS, GRID, HALF_LETTER, Ink, LABEL_SIZE, PAPER, SOFT_TEXT, TEXT, TITLE_SIZE,
};
use crate::report::typeface::{self, Weight};

/// Left edge of titles.
pub(crate) const MARGIN: f64 = 14.0;
/// Where the plot begins below title and subtitle.
pub(crate) const PLOT_TOP: f64 = 64.0;
/// Baseline of the first row of a legend.
const LEGEND_BASELINE: f64 = 72.0;
/// Where the plot ends above the time axis.
pub(crate) const PLOT_BOTTOM: f64 = 346.0;
/// Right edge of a plot with nothing next to it.
pub(crate) const PLOT_RIGHT: f64 = 576.0;

/// Title and subtitle, left-aligned.
pub(crate) fn heading(drawing: &mut Drawing, title: &str, subtitle: &str) {
    let room = WIDTH - 2.0 * MARGIN;
    let title = typeface::fit(title, TITLE_SIZE, Weight::Bold, room);
    let subtitle = typeface::fit(subtitle, LABEL_SIZE, Weight::Regular, room);
    drawing.bold(&title, (MARGIN, 25.0), TITLE_SIZE, Align::Left, TEXT);
    drawing.text(&subtitle, (MARGIN, 47.0), LABEL_SIZE, Align::Left, SOFT_TEXT);
}

/// The legend below the heading; gives back where the plot begins.
pub(crate) fn legend(drawing: &mut Drawing, entries: &[(&str, Ink)]) -> f64 {
    if entries.is_empty() {
        return PLOT_TOP;
    }
    let rows = drawing.legend((MARGIN, LEGEND_BASELINE), WIDTH - MARGIN, entries);
    PLOT_TOP + LEGEND_PITCH * rows as f64
}

/// A plot area with a time axis and a value axis.
pub(crate) struct Frame {
    /// Where the data goes.
    pub(crate) area: Area,
    x: Scale,
    y: Scale,
    /// The faults that struck, below the axis of time.
    strip: Option<Strip>,
}

impl Frame {
    /// A frame between `top` and the time axis, as far to the right as `right`.
    pub(crate) fn new(top: f64, right: f64, x: Scale, y: Scale) -> Self {
        let wide = y.ticks.iter().map(|(_, l)| typeface::width(l, LABEL_SIZE, Weight::Regular));
        // An axis without a name needs no room for it.
        let name = if y.title.is_empty() { MARGIN } else { MARGIN + 20.0 };
        let left = wide.fold(20.0, f64::max) + name + 9.0;
        Self { area: Area::new(left, top, right, PLOT_BOTTOM), x, y, strip: None }
    }

    /// The same with the faults of the run marked below its axis of time.
    pub(crate) fn marked(mut self, input: &Input) -> Self {
        let strip = Strip::of(input, (self.x.low, self.x.end), self.area.right);
        self.area.bottom -= strip.as_ref().map_or(0.0, Strip::room);
        self.strip = strip;
        self
    }

    /// The same as a second plot next to one that is marked, whose key is that of both.
    pub(crate) fn marked_as(mut self, other: &Self, input: &Input) -> Self {
        let times = (self.x.low, self.x.end);
        self.strip = other.strip.as_ref().map(|strip| strip.of_part(input, times));
        self.area.bottom = other.area.bottom;
        self
    }

    /// From time to paper, clamped to the plot.
    pub(crate) fn x(&self, value: f64) -> f64 {
        let share = (value - self.x.low) / (self.x.end - self.x.low);
        self.area.left + self.area.width() * share.clamp(0.0, 1.0)
    }

    /// From value to paper, clamped to the plot.
    pub(crate) fn y(&self, value: f64) -> f64 {
        let share = (value - self.y.low) / (self.y.end - self.y.low);
        self.area.bottom - self.area.height() * share.clamp(0.0, 1.0)
    }

    /// The grid; goes below the data.
    pub(crate) fn grid(&self, drawing: &mut Drawing) {
        let Area { left, right, .. } = self.area;
        self.upright_grid(drawing);
        for (value, _) in &self.y.ticks {
            drawing.steps(vec![(left, self.y(*value)), (right, self.y(*value))], GRID, 1.0);
        }
    }

    /// Axes, ticks and names; go above the data.
    pub(crate) fn axes(&self, drawing: &mut Drawing) {
        self.time_axis(drawing);
        self.value_axis(drawing);
    }

    /// The axis at the left alone.
    pub(crate) fn value_axis(&self, drawing: &mut Drawing) {
        let Area { left, top, bottom, .. } = self.area;
        drawing.steps(vec![(left, top), (left, bottom)], AXIS, 1.2);
        for (value, label) in &self.y.ticks {
            let y = self.y(*value);
            drawing.steps(vec![(left - 5.0, y), (left, y)], AXIS, 1.0);
            let at = (left - 9.0, y + HALF_LETTER);
            drawing.text(label, at, LABEL_SIZE, Align::Right, SOFT_TEXT);
        }
        drawing.turned(&self.y.title, (MARGIN + 4.0, f64::midpoint(top, bottom)), LABEL_SIZE, TEXT);
    }

    /// The axis at the bottom alone.
    pub(crate) fn time_axis(&self, drawing: &mut Drawing) {
        let Area { left, right, bottom, .. } = self.area;
        drawing.steps(vec![(left - 0.6, bottom), (right, bottom)], AXIS, 1.2);
        let below = bottom + self.strip.as_ref().map_or(0.0, Strip::height);
        for (value, label) in &self.x.ticks {
            let x = self.x(*value);
            drawing.steps(vec![(x, below), (x, below + 5.0)], AXIS, 1.0);
            drawing.text(label, (x, below + 21.0), LABEL_SIZE, Align::Middle, SOFT_TEXT);
        }
        if let Some(strip) = &self.strip {
            strip.draw(drawing, self.area, |time| self.x(time));
            strip.name_axis(drawing, self.area, &self.x.title);
            return;
        }
        let middle = f64::midpoint(left, right);
        drawing.text(&self.x.title, (middle, HEIGHT - 9.0), LABEL_SIZE, Align::Middle, TEXT);
    }

    /// A dot at a place of the plot with a label next to it, on the side where there is room.
    pub(crate) fn mark(&self, drawing: &mut Drawing, at: Point, label: &str, ink: Ink) {
        self.mark_above(drawing, at, 0.0, label, ink);
    }

    /// The same with the middle of the label so much above the dot (px), or below it.
    pub(crate) fn mark_above(
        &self,
        drawing: &mut Drawing,
        at: Point,
        above: f64,
        label: &str,
        ink: Ink,
    ) {
        let wide = typeface::width(label, LABEL_SIZE, Weight::Bold);
        let is_right = at.0 + wide + 14.0 < self.area.right;
        let x = match is_right {
            _ if above != 0.0 => {
                let most = self.area.right - wide - 4.0;
                f64::min(at.0 - 0.5 * wide, most).max(self.area.left + 4.0)
            }
            true => at.0 + 11.0,
            false => at.0 - 11.0 - wide,
        };
        let y = (at.1 - above + HALF_LETTER).clamp(self.area.top + 15.0, self.area.bottom - 8.0);
        // A plate keeps the letters clear of the data.
        let plate = Area::new(x - 3.0, y - 14.0, x + wide + 3.0, y + 5.0);
        drawing.block(plate, PAPER.at(0.85));
        drawing.disc(at, 5.0, ink);
        drawing.bold(label, (x, y), LABEL_SIZE, Align::Left, TEXT);
    }

    /// The corners of a series that keeps each value until its next point. The last point only
    /// says where the series ends.
    pub(crate) fn staircase(&self, points: &[(f64, f64)]) -> Vec<Point> {
        let mut corners: Vec<Point> = Vec::with_capacity(points.len() * 2);
        for pair in points.windows(2) {
            let ((from, value), (to, _)) = (pair[0], pair[1]);
            let y = self.y(value);
            // A level stretch is one stretch, however many points it has.
            match corners.last_mut() {
                Some(last) if last.1.total_cmp(&y).is_eq() => last.0 = self.x(to),
                _ => corners.extend([(self.x(from), y), (self.x(to), y)]),
            }
        }
        corners
    }

    /// The grid lines of the time axis alone.
    pub(crate) fn upright_grid(&self, drawing: &mut Drawing) {
        let Area { top, bottom, .. } = self.area;
        for (value, _) in &self.x.ticks {
            drawing.steps(vec![(self.x(*value), top), (self.x(*value), bottom)], GRID, 1.0);
        }
    }

    /// The value at the end of the value axis.
    pub(crate) fn y_end(&self) -> f64 {
        self.y.end
    }

    /// The series with at most two intervals for each pixel of the plot, which is finer than print
    /// shows. So the size of an SVG stays bounded.
    pub(crate) fn condensed(&self, points: &[Interval]) -> Vec<Interval> {
        let halves = (self.area.width() * 2.0).floor();
        if points.len() as f64 <= halves {
            return points.to_vec();
        }
        merged(points, (self.x.end - self.x.low) / halves)
    }

    /// Draws what a series was at least and at most as a band, and its mean as a line over it: of
    /// each interval, or of longer ones (s).
    pub(crate) fn envelope(
        &self,
        drawing: &mut Drawing,
        series: &Series,
        (band, mean): (Ink, Ink),
        longer: Option<f64>,
    ) {
        let points = self.condensed(&series.points);
        let means = longer.map_or_else(|| points.clone(), |width| merged(&points, width));
        let right = points.last().map_or(self.area.right, |last| self.x(last.t_s));
        drawing.band(self.band(&means, |point| (0.0, point.mean)), right, mean.at(0.16));
        let mut stairs = self.band(&points, |point| (point.min, point.max));
        // What does not vary is a line, not nothing.
        for stair in &mut stairs {
            stair.top = stair.top.min(stair.bottom - 1.2);
        }
        drawing.band(stairs, right, band.at(0.6));
        if longer.is_none() {
            // A peak of half a pixel is hard to see without an outline; many at once are not.
            drawing.steps(self.staircase(&along(&points, |point| point.max)), band, 1.4);
        }
        drawing.steps(self.staircase(&along(&means, |point| point.mean)), mean, 1.6);
    }

    /// A band over the intervals of a series from the lower to the higher of two values.
    pub(crate) fn band(
        &self,
        points: &[Interval],
        edges: impl Fn(&Interval) -> (f64, f64),
    ) -> Vec<Stair> {
        let mut stairs: Vec<Stair> = Vec::new();
        for point in points.iter().take(points.len().saturating_sub(1)) {
            let (low, high) = edges(point);
            let (left, top, bottom) = (self.x(point.t_s), self.y(high), self.y(low));
            let same = |last: &Stair| {
                last.top.total_cmp(&top).is_eq() && last.bottom.total_cmp(&bottom).is_eq()
            };
            if stairs.last().is_none_or(|last| !same(last)) {
                stairs.push(Stair { left, top, bottom });
            }
        }
        stairs
    }
}

/// The intervals of a series that begin in the same stretch of `width` (s) as one, with their mean
/// over time, the lowest of their minima and the highest of their maxima; those that are longer
/// stay as they are.
pub(crate) fn merged(points: &[Interval], width: f64) -> Vec<Interval> {
    let Some(first) = points.first().filter(|_| width > 0.0) else { return points.to_vec() };
    // Times are rounded; a hair more finds the stretch that they begin.
    let stretch = |point: &Interval| ((point.t_s - first.t_s) / width + 1e-6).floor();
    let mut out: Vec<Interval> = Vec::new();
    let mut at = 0;
    while at + 1 < points.len() {
        let (mut one, start) = (points[at], points[at].t_s);
        let mut sum = 0.0;
        // At least one interval, then all others that begin in the same stretch.
        while at + 1 < points.len() && stretch(&points[at]) <= stretch(&one) {
            let here = points[at];
            sum += here.mean * (points[at + 1].t_s - here.t_s);
            one.min = f64::min(one.min, here.min);
            one.max = f64::max(one.max, here.max);
            at += 1;
        }
        if points[at].t_s > start {
            one.mean = sum / (points[at].t_s - start);
        }
        out.push(one);
    }
    out.extend(points.last());
    out
}

/// A value of each interval of a series.
pub(crate) fn along(points: &[Interval], value: impl Fn(&Interval) -> f64) -> Vec<(f64, f64)> {
    points.iter().map(|point| (point.t_s, value(point))).collect()
}

/// Values of a CDF that are drawn; with more each stands for several.
const VALUES: usize = 1500;

/// The CDF of ascending values as (value, share of them up to it) from `first` to `last`; nothing
/// of none.
pub(crate) fn rising(values: &[f64], first: f64, last: f64) -> Vec<(f64, f64)> {
    if values.is_empty() {
        return Vec::new();
    }
    let all = values.len();
    let stride = all.div_ceil(VALUES);
    let mut points = vec![(first, 0.0)];
    for number in (1..=all).filter(|number| number % stride == 0 || *number == all) {
        points.push((values[number - 1], number as f64 / all as f64));
    }
    points.push((last, 1.0));
    points
}

/// The highest value of a series; 0 for an empty one.
pub(crate) fn peak(points: &[Interval]) -> f64 {
    points.iter().map(|point| point.max).fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(end: f64) -> Frame {
        Frame::new(PLOT_TOP, PLOT_RIGHT, Scale::time(end), Scale::count(10.0, "Nodes"))
    }

    #[test]
    fn a_series_is_drawn_as_stairs_and_never_slanted() {
        let frame = frame(10.0);
        let corners = frame.staircase(&[(0.0, 1.0), (4.0, 7.0), (6.0, 7.0), (10.0, 0.0)]);
        assert_eq!(corners.len(), 4, "two equal values make one tread");
        for pair in corners.windows(2) {
            let [(x0, y0), (x1, y1)] = [pair[0], pair[1]];
            let straight = x0.total_cmp(&x1).is_eq() || y0.total_cmp(&y1).is_eq();
            assert!(straight, "{pair:?}");
        }
    }

    #[test]
    fn condensing_keeps_the_area_below_a_series_and_its_extremes() {
        let frame = frame(1000.0);
        let point = |i: u32| {
            let mean = f64::from(i * 7919 % 11);
            let (low, high) = (f64::from(i % 997 == 5), f64::from(i % 991 == 7));
            Interval { t_s: f64::from(i) * 0.2, min: mean - low, mean, max: mean + high }
        };
        let points: Vec<_> = (0..=5000).map(point).collect();
        let area = |points: &[Interval]| -> f64 {
            points.windows(2).map(|p| p[0].mean * (p[1].t_s - p[0].t_s)).sum()
        };
        let low = |points: &[Interval]| points.iter().map(|p| p.min).fold(f64::INFINITY, f64::min);
        let found = frame.condensed(&points);
        assert!(found.len() as f64 <= 2.0 * frame.area.width() + 2.0);
        assert!((area(&found) - area(&points)).abs() < 1e-6 * area(&points));
        assert_eq!((low(&found), peak(&found)), (-1.0, 11.0));
        assert_eq!(frame.condensed(&points[..100]), points[..100]);
    }

    #[test]
    fn a_curve_rises_to_one_and_keeps_its_size() {
        let points = rising(&[1.0, 1.0, 3.0, 7.0], 0.0, 8.0);
        assert_eq!(
            points,
            [(0.0, 0.0), (1.0, 0.25), (1.0, 0.5), (3.0, 0.75), (7.0, 1.0), (8.0, 1.0)]
        );
        let many: Vec<_> = (0..1_000_000).map(f64::from).collect();
        let points = rising(&many, 0.0, 2e6);
        assert!(points.len() <= VALUES + 3, "{}", points.len());
        assert!(points.is_sorted_by(|a, b| a.1 <= b.1));
        assert_eq!(rising(&[], 0.0, 1.0), []);
    }
}
