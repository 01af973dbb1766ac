//! The faults along an axis of time: below it a lane for each kind, with a mark for each strike.
//!
//! Kinds differ by lane and by colour. Where there are so many that marks would run into
//! each other, a lane shows how many struck in each stretch of two pixels: the most is solid.

use super::Input;
use super::drawing::{Align, Area, Drawing, HEIGHT, LEGEND_PITCH, WIDTH};
use super::frame::MARGIN;
use super::theme::{AXIS, GRID, Ink, LABEL_SIZE, SOFT_TEXT, TEXT, fault_ink};
use super::typeface::{self, Weight};
use super::words;
use crate::event::Fault;

/// Height of a lane, and distance of two (px).
const LANE: f64 = 6.0;
const PITCH: f64 = 7.5;
/// From the axis to the first lane (px).
const GAP: f64 = 3.0;
/// Width of a mark (px).
const MARK: f64 = 2.0;
/// With more marks than this share of the width they are drawn as a density.
const DENSE: f64 = 0.5;
/// The palest of a density.
const PALE: f64 = 0.25;
/// What stands before the key.
const HEAD: &str = "Faults";

/// Lanes at most, so that the plot keeps its room: of more kinds the rarest share the last.
const LANES: usize = 5;

/// The strikes of a kind.
#[derive(Clone, Debug)]
struct Lane {
    /// None of those that share a lane.
    kind: Option<Fault>,
    /// When they struck (s), or an even share of them.
    times: Vec<f64>,
    /// How many there were.
    count: f64,
}

impl Lane {
    fn ink(&self) -> Ink {
        self.kind.map_or(AXIS, fault_ink)
    }
}

/// The lanes below an axis.
#[derive(Clone, Debug)]
pub(crate) struct Strip {
    lanes: Vec<Lane>,
    /// The words of the key and how many rows they need next to the name of the axis; none if
    /// another axis of the figure has it.
    key: Option<(Vec<(String, Ink)>, usize)>,
    /// Rows of the key, here or there.
    rows: usize,
}

impl Strip {
    /// The faults that struck from `low` to `end` (s), with a key that reaches as far to the right
    /// as `right` (px); nothing if there were none.
    pub(crate) fn of(input: &Input, (low, end): (f64, f64), right: f64) -> Option<Self> {
        let lanes = lanes(input, low, end);
        if lanes.is_empty() {
            return None;
        }
        let word = |lane: &Lane| {
            let title = lane.kind.map_or("other kinds", Fault::title);
            (format!("{title} {}", words::grouped(lane.count)), lane.ink())
        };
        let entries: Vec<_> = lanes.iter().map(word).collect();
        let rows = key(&mut Drawing::default(), &entries, 0.0, right);
        Some(Self { lanes, key: Some((entries, rows)), rows })
    }

    /// The same kinds from `low` to `end` (s), below a second axis of the figure.
    pub(crate) fn of_part(&self, input: &Input, (low, end): (f64, f64)) -> Self {
        let own = each_kind(input, low, end);
        let has = |kind| self.lanes.iter().any(|lane| lane.kind == kind);
        let lane = |lane: &Lane| {
            let is_it = |it: &&Lane| it.kind == lane.kind || lane.kind.is_none() && !has(it.kind);
            let times = own.iter().filter(is_it).flat_map(|it| it.times.clone()).collect();
            Lane { times, ..lane.clone() }
        };
        Self { lanes: self.lanes.iter().map(lane).collect(), key: None, rows: self.rows }
    }

    /// How far the labels of the axis stand below it (px).
    pub(crate) fn height(&self) -> f64 {
        GAP + PITCH * self.lanes.len() as f64
    }

    /// How much room it takes from the plot (px).
    pub(crate) fn room(&self) -> f64 {
        self.height() + LEGEND_PITCH * (self.rows - 1) as f64
    }

    /// Draws the lanes below a plot; `x` goes from time to paper.
    pub(crate) fn draw(&self, drawing: &mut Drawing, area: Area, x: impl Fn(f64) -> f64) {
        let columns = (area.width() / MARK).ceil() as usize;
        for (number, lane) in self.lanes.iter().enumerate() {
            let top = area.bottom + GAP + PITCH * number as f64;
            let floor = top + LANE;
            drawing.block(Area::new(area.left, floor - 1.0, area.right, floor), GRID);
            let mut counts = vec![0_u32; columns + 1];
            for time in &lane.times {
                counts[((x(*time) - area.left) / MARK) as usize] += 1;
            }
            let marks = counts.iter().filter(|count| **count > 0).count();
            let most = f64::from(counts.iter().copied().max().unwrap_or(1));
            let dense = marks as f64 > DENSE * columns as f64;
            let ink = lane.ink();
            for (column, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
                // Centred on the time, as far as there is room.
                let left = area.left + MARK * column as f64;
                let left = left.min(area.right - MARK);
                let share =
                    if dense { PALE + (1.0 - PALE) * f64::from(*count) / most } else { 1.0 };
                drawing.block(Area::new(left, top, left + MARK, floor), ink.at(share));
            }
        }
    }

    /// Names the axis, with the key of the lanes before it if it has one.
    pub(crate) fn name_axis(&self, drawing: &mut Drawing, area: Area, title: &str) {
        let Some((entries, rows)) = &self.key else {
            let middle = f64::midpoint(area.left, area.right);
            drawing.text(title, (middle, HEIGHT - 9.0), LABEL_SIZE, Align::Middle, TEXT);
            return;
        };
        let at = (area.right, HEIGHT - 9.0);
        drawing.text(title, at, LABEL_SIZE, Align::Right, TEXT);
        let first = HEIGHT - 9.0 - LEGEND_PITCH * (rows - 1) as f64;
        key(drawing, entries, first, area.right);
    }
}

/// Draws the key from the baseline `y` on, clear of the name of an axis that ends at `right` (px);
/// gives back how many rows it takes.
fn key(drawing: &mut Drawing, entries: &[(String, Ink)], y: f64, right: f64) -> usize {
    let wide = |text| typeface::width(text, LABEL_SIZE, Weight::Regular);
    drawing.text(HEAD, (MARGIN, y), LABEL_SIZE, Align::Left, SOFT_TEXT);
    let left = MARGIN + wide(HEAD) + 12.0;
    let entries: Vec<_> = entries.iter().map(|(word, ink)| (word.as_str(), *ink)).collect();
    let right = (right - wide("Time (min)") - 16.0).min(WIDTH - MARGIN);
    drawing.legend((left, y), right, &entries)
}

/// A lane for each kind that struck.
fn each_kind(input: &Input, low: f64, end: f64) -> Vec<Lane> {
    let rows = &input.findings.strikes;
    // Very many are thinned.
    let all = input.findings.metric("faults").map_or(0.0, |faults| faults.value);
    let each = if rows.is_empty() { 1.0 } else { f64::max(all / rows.len() as f64, 1.0) };
    let lane = |kind: Fault| {
        let own = rows.iter().filter(|row| row.kind == kind.word());
        let times: Vec<_> =
            own.map(|row| row.t_s).filter(|time| (low..=end).contains(time)).collect();
        let count = (times.len() as f64 * each).round();
        (!times.is_empty()).then_some(Lane { kind: Some(kind), times, count })
    };
    Fault::ALL.into_iter().filter_map(lane).collect()
}

/// The lanes: one for each kind that struck, or of many kinds for the most frequent and the rest.
fn lanes(input: &Input, low: f64, end: f64) -> Vec<Lane> {
    let mut lanes = each_kind(input, low, end);
    if lanes.len() > LANES {
        lanes.sort_by(|a, b| b.count.total_cmp(&a.count));
        let rest = lanes.split_off(LANES - 1);
        lanes.sort_by_key(|lane| lane.kind);
        let count = rest.iter().map(|lane| lane.count).sum();
        let times = rest.into_iter().flat_map(|lane| lane.times).collect();
        lanes.push(Lane { kind: None, times, count });
    }
    lanes
}

/// What a caption says of the lanes; nothing if no fault struck.
pub(crate) fn caption(input: &Input) -> &'static str {
    if input.findings.strikes.is_empty() {
        ""
    } else {
        " Marks below the axis are faults as they struck, a row for each kind; the deeper, the \
         more."
    }
}
