//! The frame of a plot: title, subtitle, axes, grid, and the way from data to paper.

use crate::report::drawing::{Align, Area, Drawing, HEIGHT, Point, WIDTH};
use crate::report::scale::Scale;
use crate::report::theme::{
    AXIS, GRID, LABEL_SIZE, SOFT_TEXT, SUBTITLE_SIZE, TEXT, TICK_SIZE, TITLE_SIZE,
};
use crate::report::typeface::{self, Weight};

/// Left edge of titles.
pub(crate) const MARGIN: f64 = 20.0;
/// Where the plot begins below title and subtitle.
pub(crate) const PLOT_TOP: f64 = 62.0;
/// Where the plot begins if a legend stands between.
pub(crate) const PLOT_TOP_WITH_LEGEND: f64 = 86.0;
/// Baseline of that legend.
pub(crate) const LEGEND_BASELINE: f64 = 71.0;
/// Where the plot ends above the time axis.
pub(crate) const PLOT_BOTTOM: f64 = 484.0;
/// Right edge of a plot with nothing beside it.
pub(crate) const PLOT_RIGHT: f64 = 936.0;

/// Title and subtitle, left-aligned.
pub(crate) fn heading(drawing: &mut Drawing, title: &str, subtitle: &str) {
    let room = WIDTH - 2.0 * MARGIN;
    let title = typeface::fit(title, TITLE_SIZE, Weight::Bold, room);
    let subtitle = typeface::fit(subtitle, SUBTITLE_SIZE, Weight::Regular, room);
    drawing.bold(&title, (MARGIN, 25.0), TITLE_SIZE, Align::Left, TEXT);
    drawing.text(&subtitle, (MARGIN, 45.0), SUBTITLE_SIZE, Align::Left, SOFT_TEXT);
}

/// A plot area with a time axis and a value axis.
pub(crate) struct Frame {
    /// Where the data goes.
    pub(crate) area: Area,
    x: Scale,
    y: Scale,
}

impl Frame {
    /// A frame between `top` and the time axis, as far to the right as `right`.
    pub(crate) fn new(top: f64, right: f64, x: Scale, y: Scale) -> Self {
        let wide = y.ticks.iter().map(|(_, l)| typeface::width(l, TICK_SIZE, Weight::Regular));
        let left = wide.fold(26.0, f64::max) + 42.0;
        Self { area: Area::new(left, top, right, PLOT_BOTTOM), x, y }
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
        let Area { left, top, bottom, .. } = self.area;
        self.time_axis(drawing);
        drawing.steps(vec![(left, top), (left, bottom)], AXIS, 1.2);
        for (value, label) in &self.y.ticks {
            let y = self.y(*value);
            drawing.steps(vec![(left - 5.0, y), (left, y)], AXIS, 1.0);
            drawing.text(label, (left - 9.0, y + 3.9), TICK_SIZE, Align::Right, SOFT_TEXT);
        }
        drawing.turned(&self.y.title, (MARGIN - 3.0, f64::midpoint(top, bottom)), LABEL_SIZE, TEXT);
    }

    /// The axis at the bottom alone.
    pub(crate) fn time_axis(&self, drawing: &mut Drawing) {
        let Area { left, right, bottom, .. } = self.area;
        drawing.steps(vec![(left - 0.6, bottom), (right, bottom)], AXIS, 1.2);
        for (value, label) in &self.x.ticks {
            let x = self.x(*value);
            drawing.steps(vec![(x, bottom), (x, bottom + 5.0)], AXIS, 1.0);
            drawing.text(label, (x, bottom + 17.5), TICK_SIZE, Align::Middle, SOFT_TEXT);
        }
        let middle = f64::midpoint(left, right);
        drawing.text(&self.x.title, (middle, HEIGHT - 14.0), LABEL_SIZE, Align::Middle, TEXT);
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

    /// Values and labels of the value axis.
    pub(crate) fn y_ticks(&self) -> &[(f64, String)] {
        &self.y.ticks
    }

    /// The series with at most two intervals for each pixel of the plot, as many as the PNG can
    /// show: those of half a pixel become one, with their mean over time or their highest value.
    /// So the size of an SVG stays bounded.
    pub(crate) fn condensed(&self, points: &[(f64, f64)], fold: Fold) -> Vec<(f64, f64)> {
        let pixels = (self.area.width() * 2.0).floor();
        if points.len() as f64 <= pixels {
            return points.to_vec();
        }
        let end = points.last().map_or(0.0, |point| point.0);
        let mut out: Vec<(f64, f64)> = Vec::with_capacity(pixels as usize + 2);
        let mut i = 0;
        while i + 1 < points.len() {
            let from = points[i].0;
            let pixel = (from / self.x.end * pixels).floor();
            let (mut sum, mut most) = (0.0, points[i].1);
            // At least one interval, then all others that start in the same pixel.
            loop {
                let (start, value) = points[i];
                sum += value * (points[i + 1].0 - start);
                most = f64::max(most, value);
                i += 1;
                let next = points[i].0;
                if i + 1 >= points.len() || (next / self.x.end * pixels).floor() > pixel {
                    break;
                }
            }
            let length = points[i].0 - from;
            let mean = if length > 0.0 { sum / length } else { most };
            out.push((from, if fold == Fold::Mean { mean } else { most }));
        }
        let last = points.last().map_or(0.0, |point| point.1);
        out.push((end, last));
        out
    }

    /// The same series as (left edge, height) of each stair, to be filled below.
    pub(crate) fn stairs(&self, points: &[(f64, f64)]) -> Vec<Point> {
        let mut stairs: Vec<Point> = Vec::new();
        for (time, value) in points.iter().take(points.len().saturating_sub(1)) {
            let y = self.y(*value);
            if stairs.last().is_none_or(|last| last.1.total_cmp(&y).is_ne()) {
                stairs.push((self.x(*time), y));
            }
        }
        stairs
    }
}

/// What the intervals of one pixel become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fold {
    /// Their mean over time.
    Mean,
    /// The highest of them.
    Highest,
}

/// The largest value of a series; 0 for an empty one.
pub(crate) fn peak(points: &[(f64, f64)]) -> f64 {
    points.iter().map(|(_, value)| *value).fold(0.0, f64::max)
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
    fn condensing_keeps_the_area_below_a_series() {
        let frame = frame(1000.0);
        let points: Vec<_> =
            (0..=5000_u32).map(|i| (f64::from(i) * 0.2, f64::from(i * 7919 % 11))).collect();
        let area = |points: &[(f64, f64)]| -> f64 {
            points.windows(2).map(|p| p[0].1 * (p[1].0 - p[0].0)).sum()
        };
        let means = frame.condensed(&points, Fold::Mean);
        assert!(means.len() as f64 <= 2.0 * frame.area.width() + 2.0);
        assert!((area(&means) - area(&points)).abs() < 1e-6 * area(&points));
        let highest = frame.condensed(&points, Fold::Highest);
        assert!(peak(&highest).total_cmp(&peak(&points)).is_eq());
        assert_eq!(frame.condensed(&points[..100], Fold::Mean), points[..100]);
    }
}
