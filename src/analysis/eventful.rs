//! The most eventful stretch of a long run: what the nodes did in it, at an interval of its own.
//!
//! A series of a whole month has intervals of half an hour, in which a checkpoint is a share and no
//! longer a shape. So time is cut into halves of a window, each with fine intervals; of two halves
//! that follow each other, those are kept in which most nodes failed, and if as many failed, in
//! which most changes happened. A run that is expected to last 60 days has windows of 12 hours in
//! intervals of a minute.

use super::bins::{Bins, WIDTHS, seconds};
use super::{NodeClass, Point, Series};

/// A window is the shortest round span of which at most so many are expected to make a run.
const WINDOWS: u64 = 120;
/// At least so many intervals make a window.
const INTERVALS: u64 = 180;

const CLASSES: usize = NodeClass::ALL.len();

/// Half a window.
#[derive(Clone, Debug)]
struct Half {
    bins: [Bins; CLASSES],
    /// Nodes that failed, and changes of what nodes that are up do.
    score: (u64, u64),
}

impl Half {
    fn of_step(step: usize) -> Self {
        Self { bins: std::array::from_fn(|_| Bins::of_step(step)), score: (0, 0) }
    }
}

/// Keeps the most eventful window of a run.
#[derive(Clone, Debug)]
pub(super) struct Eventful {
    /// Length of half a window (ns).
    half: u64,
    /// Which of [`WIDTHS`] its intervals have.
    step: usize,
    /// Where the present half begins (ns).
    start: u64,
    nodes: [u64; CLASSES],
    /// The past of each class is in the intervals up to here (ns).
    since: [u64; CLASSES],
    before: Option<Half>,
    now: Half,
    /// The best so far.
    best: Option<Best>,
}

/// Where a stretch begins and ends (ns), its score, and its halves.
type Best = ((u64, u64), (u64, u64), [Half; 2]);

impl Eventful {
    /// So many nodes, all off, in a run that is expected to last so long (ns).
    pub(super) fn new(nodes: u32, horizon: u64) -> Self {
        let longest = WIDTHS[WIDTHS.len() - 1];
        let fits = |width: &u64| *width >= horizon / WINDOWS && *width >= WIDTHS[6];
        let window = WIDTHS.into_iter().find(fits).unwrap_or(longest);
        let step = WIDTHS.into_iter().rposition(|width| width * INTERVALS <= window).unwrap_or(0);
        let mut levels = [0; CLASSES];
        levels[NodeClass::Off as usize] = u64::from(nodes);
        Self {
            half: window / 2,
            step,
            start: 0,
            nodes: levels,
            since: [0; CLASSES],
            before: None,
            now: Half::of_step(step),
            best: None,
        }
    }

    /// So many nodes go from one class to another at `now` (ns).
    pub(super) fn shift(&mut self, now: u64, from: NodeClass, to: NodeClass, nodes: u32) {
        self.advance(now);
        self.settle(from as usize, now);
        self.settle(to as usize, now);
        self.nodes[from as usize] -= u64::from(nodes);
        self.nodes[to as usize] += u64::from(nodes);
        if to.is_failed() && !from.is_failed() {
            self.now.score.0 += u64::from(nodes);
        }
        self.now.score.1 += u64::from(from.is_up() && to.is_up());
    }

    /// Comes to the end of the run (ns).
    pub(super) fn close(&mut self, end: u64) {
        self.advance(end);
        self.turn(end);
    }

    /// The series `eventful/<class>` of the classes in which a node was, after [`Self::close`];
    /// none if those of the whole run are as fine (`width` in ns).
    pub(super) fn series(&self, width: u64) -> Vec<Series> {
        let Some(((start, end), _, halves)) = &self.best else { return Vec::new() };
        if width <= WIDTHS[self.step] {
            return Vec::new();
        }
        let series = |class: NodeClass| {
            let of = |(number, half): (u64, &Half)| {
                let start = start + number * self.half;
                let end = (start + self.half).min(*end);
                half.bins[class as usize].points(start, end, (1.0, 1.0))
            };
            let mut points: Vec<Point> = (0..).zip(halves).flat_map(of).collect();
            let last = points.last()?.mean;
            points.push(Point::level(seconds(*end), last));
            let is_met = points.iter().any(|point| point.max > 0.0);
            let name = format!("eventful/{}", class.name());
            is_met.then(|| Series { name, unit: "count".to_owned(), points })
        };
        NodeClass::ALL.into_iter().filter_map(series).collect()
    }

    /// Comes to the half in which `now` (ns) is.
    fn advance(&mut self, now: u64) {
        // The present half, and a quiet one after it.
        for _ in 0..self.halves_until(now).min(2) {
            self.turn(self.start + self.half);
        }
        // Of all quiet halves that follow, only the last can be part of a window.
        let quiet = self.halves_until(now);
        if quiet > 1 {
            self.start += (quiet - 1) * self.half;
            self.since = [self.start; CLASSES];
            self.before = None;
        }
        if quiet > 0 {
            self.turn(self.start + self.half);
        }
    }

    /// Whole halves between the start of the present one and `now` (ns).
    fn halves_until(&self, now: u64) -> u64 {
        (now - self.start) / self.half
    }

    fn settle(&mut self, class: usize, now: u64) {
        let since = std::mem::replace(&mut self.since[class], now);
        let (from, to) = (since - self.start, now - self.start);
        self.now.bins[class].add_level(from, to, self.nodes[class]);
    }

    /// The present half ends (ns), and the next one begins.
    fn turn(&mut self, end: u64) {
        for class in 0..CLASSES {
            self.settle(class, end);
        }
        let now = std::mem::replace(&mut self.now, Half::of_step(self.step));
        if let Some(before) = self.before.take() {
            let score = (before.score.0 + now.score.0, before.score.1 + now.score.1);
            let best = self.best.as_ref().map_or((0, 0), |(_, best, _)| *best);
            if score > best {
                let span = (self.start - self.half, end);
                self.best = Some((span, score, [before, now.clone()]));
            }
        }
        self.before = Some(now);
        self.start = end;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;
    const HOUR: u64 = 3600 * SECOND;
    const DAY: u64 = 24 * HOUR;

    /// Ten nodes compute from the first hour on, and write a checkpoint every second hour.
    fn month(outage: Option<u64>) -> Vec<Series> {
        use NodeClass::{Checkpoint, Compute, Down, Off};
        let mut eventful = Eventful::new(10, 60 * DAY);
        eventful.shift(HOUR, Off, Compute, 10);
        for hour in (2..30 * 24).step_by(2) {
            let at = hour * HOUR;
            eventful.shift(at, Compute, Checkpoint, 10);
            eventful.shift(at + 600 * SECOND, Checkpoint, Compute, 10);
            if outage == Some(hour) {
                eventful.shift(at + HOUR, Compute, Down, 3);
                eventful.shift(at + HOUR + 900 * SECOND, Down, Compute, 3);
            }
        }
        eventful.close(30 * DAY);
        eventful.series(1800 * SECOND)
    }

    fn of<'a>(series: &'a [Series], name: &str) -> &'a [Point] {
        &series.iter().find(|it| it.name == name).expect("the series").points
    }

    #[test]
    fn the_window_holds_the_outage_by_the_minute() {
        let series = month(Some(100));
        let down = of(&series, "eventful/down");
        let first = down.iter().find(|point| point.max > 0.0).expect("an outage");
        assert_eq!((first.t_s, first.max), (101.0 * 3600.0, 3.0));
        assert_eq!(down.iter().filter(|point| point.min > 2.5).count(), 15);
        let (start, end) = (down[0].t_s, down[down.len() - 1].t_s);
        assert_eq!((start, end), (90.0 * 3600.0, 102.0 * 3600.0), "twelve hours");
        assert_eq!(down.len(), 721);
        let checkpoints = of(&series, "eventful/checkpoint");
        assert_eq!(checkpoints.iter().filter(|point| point.mean > 9.5).count(), 6 * 10);
    }

    #[test]
    fn at_each_time_every_node_is_in_one_class() {
        let series = month(Some(8));
        for i in 0..of(&series, "eventful/compute").len() {
            let sum: f64 = series.iter().map(|series| series.points[i].mean).sum();
            assert!((sum - 10.0).abs() < 1e-9, "{i}: {sum}");
        }
    }

    #[test]
    fn a_run_far_longer_than_expected_still_has_its_window() {
        let mut eventful = Eventful::new(10, HOUR);
        let year = 365 * DAY;
        eventful.shift(SECOND, NodeClass::Off, NodeClass::Compute, 10);
        eventful.shift(year, NodeClass::Compute, NodeClass::Down, 1);
        eventful.shift(year + 7 * SECOND, NodeClass::Down, NodeClass::Compute, 1);
        eventful.close(100 * year);
        let series = eventful.series(10 * DAY);
        let down = of(&series, "eventful/down");
        // Windows of 30 s; the quiet half before is part of the first that holds it.
        let year_s = 365.0 * 86_400.0;
        assert_eq!((down[0].t_s, down[down.len() - 1].t_s), (year_s - 15.0, year_s + 15.0));
        assert_eq!(down.iter().filter(|point| point.min > 0.5).count(), 70);
        assert!(of(&series, "eventful/compute").iter().all(|point| point.min >= 9.0));
    }

    #[test]
    fn a_short_run_and_one_that_ends_early_have_no_window() {
        let mut eventful = Eventful::new(10, 60 * DAY);
        eventful.shift(HOUR, NodeClass::Off, NodeClass::Idle, 10);
        eventful.close(5 * HOUR);
        assert_eq!(eventful.series(10 * SECOND), [], "its series are as fine");
        let mut empty = Eventful::new(10, 0);
        empty.close(0);
        assert_eq!(empty.series(1), []);
        let mut endless = Eventful::new(10, u64::MAX);
        endless.close(u64::MAX);
        assert_eq!(endless.series(500 * DAY), [], "nothing happened");
    }
}
