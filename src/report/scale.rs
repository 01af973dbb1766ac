//! Axes: where the ticks stand, what they are called, and which unit an axis is counted in.

use crate::report::words;

/// An axis.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Scale {
    /// The value at its start; zero but for what is looked at closely.
    pub(crate) low: f64,
    /// The value at its end, in SI base units; above `low`.
    pub(crate) end: f64,
    /// (value, label), ascending.
    pub(crate) ticks: Vec<(f64, String)>,
    /// Quantity and unit, such as `Time (min)`.
    pub(crate) title: String,
}

impl Scale {
    /// A time axis from 0 to `end` (s), counted in s, min, h or d.
    pub(crate) fn time(end: f64) -> Self {
        let end = if end > 0.0 { end } else { 1.0 };
        let (unit, seconds) = time_unit(end);
        let steps: &[f64] = match unit {
            "min" => &[0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0],
            "h" => &[0.5, 1.0, 2.0, 3.0, 6.0, 12.0],
            _ => &[],
        };
        let length = end / seconds;
        let step = steps.iter().copied().find(|step| length / step <= 10.0);
        let step = step.unwrap_or_else(|| nice_step(length, 10.0));
        let ticks = even_ticks(length, step).into_iter().map(|(v, l)| (v * seconds, l)).collect();
        Self { low: 0.0, end, ticks, title: format!("Time ({unit})") }
    }

    /// A stretch of time from `low` to `end` (s), counted in the unit that fits its length; from 0
    /// if most of the way is in it.
    pub(crate) fn stretch(low: f64, end: f64) -> Self {
        let length = end - low;
        if length >= 0.5 * end || length <= 0.0 {
            return Self::time(end);
        }
        let whole = Self::time(length);
        let step = whole.ticks.get(1).map_or(length, |tick| tick.0);
        let unit = match whole.title.as_str() {
            "Time (min)" => 60.0,
            "Time (h)" => 3600.0,
            "Time (d)" => 86_400.0,
            _ => 1.0,
        };
        let ticks = ticks_between(low / unit, end / unit, step / unit);
        let ticks = ticks.into_iter().map(|(value, label)| (value * unit, label)).collect();
        Self { low, end, ticks, title: whole.title }
    }

    /// The same with at most so many ticks: every second one, or every third, and so on.
    pub(crate) fn thinned(mut self, most: usize) -> Self {
        let stride = self.ticks.len().div_ceil(most.max(1)).max(1);
        self.ticks = self.ticks.into_iter().step_by(stride).collect();
        self
    }

    /// Shares of one, from 0 to 100 %.
    pub(crate) fn share(title: &str) -> Self {
        let ticks = even_ticks(100.0, 20.0).into_iter();
        let ticks = ticks.map(|(value, label)| (value / 100.0, format!("{label} %"))).collect();
        Self { low: 0.0, end: 1.0, ticks, title: title.to_owned() }
    }

    /// A count from 0 to exactly `end`, which gets a tick of its own.
    pub(crate) fn count(end: f64, title: &str) -> Self {
        let end = f64::max(end, 1.0);
        // A step that divides the count reads best; else the last stretch is a short one.
        let even = steps(&["1", "1.5", "2", "2.5", "3", "5"])
            .find(|step| (3.0..=8.0).contains(&(end / step)) && end % step == 0.0)
            .filter(|step| step.fract() == 0.0);
        let step = even.unwrap_or_else(|| f64::max(nice_step(end, 8.0), 1.0));
        let mut ticks = even_ticks(end, step);
        if ticks.last().is_some_and(|(value, _)| *value < end) {
            if ticks.last().is_some_and(|(value, _)| end - value < 0.6 * step) {
                ticks.pop();
            }
            ticks.push((end, words::grouped(end)));
        }
        Self { low: 0.0, end, ticks, title: title.to_owned() }
    }

    /// A count from at most `low` to exactly `end`.
    pub(crate) fn upper_counts(low: f64, end: f64, title: &str) -> Self {
        let step = f64::max(nice_step(end - low, 6.0), 1.0);
        let low = f64::max((low / step).floor() * step, 0.0);
        let ticks = even_ticks(end - low, step).into_iter().map(|(value, _)| value + low);
        let mut ticks: Vec<_> = ticks.map(|value| (value, words::grouped(value))).collect();
        if ticks.last().is_some_and(|(value, _)| end - value < 0.6 * step && *value < end) {
            ticks.pop();
        }
        if ticks.last().is_none_or(|(value, _)| *value < end) {
            ticks.push((end, words::grouped(end)));
        }
        Self { low, end, ticks, title: title.to_owned() }
    }

    /// A logarithmic axis of spans from `low` to `end` (s), both above 0. Its values are decimal
    /// logarithms of seconds.
    pub(crate) fn spans(low: f64, end: f64, title: &str) -> Self {
        let among = |spans: &[(f64, &str)]| -> Vec<(f64, String)> {
            let shown = spans.iter().filter(|(span, _)| (low..=end).contains(span));
            shown.map(|(span, label)| (libm::log10(*span), (*label).to_owned())).collect()
        };
        let mut ticks = among(&NAMED_SPANS);
        if ticks.len() < 3 {
            ticks = among(&MORE_SPANS);
        }
        if ticks.len() < 2 {
            // In one unit: there is no room for two next to a bar.
            let (word, unit) = time_unit(low);
            let label = |span: f64| format!("{} {word}", words::digits(span / unit));
            ticks = [low, end].map(|span| (libm::log10(span), label(span))).to_vec();
        }
        Self { low: libm::log10(low), end: libm::log10(end), ticks, title: title.to_owned() }
    }

    /// A logarithmic axis from `low` to `end`, both above 0, with a tick at each power of ten; at
    /// twice and five times each as well where there are few. Its values are decimal logarithms.
    pub(crate) fn decades(low: f64, end: f64, title: &str) -> Self {
        // All digits of a small one: an exponent is no label.
        Self::decades_as(low, end, title, |value| match value {
            small if small < 1e-4 => small.to_string(),
            _ => words::digits(value),
        })
    }

    /// The same of a quantity, each label with its unit: `10 kB`.
    pub(crate) fn decades_of(low: f64, end: f64, title: &str, unit: &str) -> Self {
        Self::decades_as(low, end, title, |value| words::si(value, unit))
    }

    fn decades_as(low: f64, end: f64, title: &str, label: impl Fn(f64) -> String) -> Self {
        let digits: &[&str] = if end / low > 300.0 { &["1"] } else { &["1", "2", "5"] };
        let shown = steps(digits).filter(|value| (low..=end).contains(value));
        let ticks = shown.map(|value| (libm::log10(value), label(value))).collect();
        Self { low: libm::log10(low), end: libm::log10(end), ticks, title: title.to_owned() }
    }

    /// A quantity from about `low` to about `end`, in the unit that fits its end: `Waste (%)`,
    /// `Makespan (d)`, `Energy (GJ)`. `unit` is one of [`crate::analysis::Metric::unit`].
    pub(crate) fn close(low: f64, end: f64, name: &str, unit: &str) -> Self {
        let (factor, word) = match unit {
            "1" => (0.01, "%".to_owned()),
            "s" => {
                let (word, seconds) = time_unit(f64::max(end, -low));
                (seconds, word.to_owned())
            }
            "count" => (1.0, String::new()),
            unit => {
                let (factor, prefix) = prefixed(f64::max(end, -low));
                (factor, format!("{prefix}{unit}"))
            }
        };
        let length = if end > low { (end - low) / factor } else { 1.0 };
        let step = nice_step(length, 7.0);
        let first = (low / factor / step).floor() * step;
        let last = ((first + length) / step).ceil().max((end / factor / step).ceil()) * step;
        let ticks = ticks_between(first, last, step);
        let ticks = ticks.into_iter().map(|(value, label)| (value * factor, label)).collect();
        let title = if word.is_empty() { name.to_owned() } else { format!("{name} ({word})") };
        Self { low: first * factor, end: last * factor, ticks, title }
    }

    /// A quantity from 0 to a little above `peak`, with a metric prefix: `Power (kW)`.
    pub(crate) fn amount(peak: f64, name: &str, unit: &str) -> Self {
        let peak = if peak > 0.0 { peak } else { 1.0 };
        let (factor, prefix) = prefixed(peak);
        let step = nice_step(peak / factor, 7.0);
        let end = (peak / factor / step * 0.999_999).ceil() * step;
        let end = even_ticks(end, step).last().map_or(end, |tick| tick.0);
        let ticks = even_ticks(end, step).into_iter().map(|(v, l)| (v * factor, l)).collect();
        Self { low: 0.0, end: end * factor, ticks, title: format!("{name} ({prefix}{unit})") }
    }
}

/// The unit in which people count so long a time (s), and its length (s).
fn time_unit(end: f64) -> (&'static str, f64) {
    match end {
        end if end <= 300.0 => ("s", 1.0),
        end if end <= 3.0 * 3600.0 => ("min", 60.0),
        end if end <= 4.0 * DAY => ("h", 3600.0),
        _ => ("d", DAY),
    }
}

/// The metric prefix for so large an amount, and its factor.
fn prefixed(peak: f64) -> (f64, &'static str) {
    let prefixes = [(1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")];
    prefixes.into_iter().find(|(size, _)| peak >= *size).unwrap_or((1.0, ""))
}

const DAY: f64 = 86_400.0;

/// Spans that people name, as ticks of a long logarithmic axis: length (s) and label.
const NAMED_SPANS: [(f64, &str); 13] = [
    (1e-3, "1 ms"),
    (1e-2, "10 ms"),
    (0.1, "100 ms"),
    (1.0, "1 s"),
    (10.0, "10 s"),
    (60.0, "1 min"),
    (600.0, "10 min"),
    (3600.0, "1 h"),
    (36_000.0, "10 h"),
    (4.0 * DAY, "4 d"),
    (40.0 * DAY, "40 d"),
    (365.0 * DAY, "1 y"),
    (3650.0 * DAY, "10 y"),
];

/// Those of a shorter one.
const MORE_SPANS: [(f64, &str); 22] = [
    (1.0, "1 s"),
    (3.0, "3 s"),
    (10.0, "10 s"),
    (30.0, "30 s"),
    (60.0, "1 min"),
    (120.0, "2 min"),
    (300.0, "5 min"),
    (600.0, "10 min"),
    (1200.0, "20 min"),
    (1800.0, "30 min"),
    (3600.0, "1 h"),
    (7200.0, "2 h"),
    (18_000.0, "5 h"),
    (36_000.0, "10 h"),
    (DAY, "1 d"),
    (2.0 * DAY, "2 d"),
    (5.0 * DAY, "5 d"),
    (10.0 * DAY, "10 d"),
    (30.0 * DAY, "30 d"),
    (100.0 * DAY, "100 d"),
    (365.0 * DAY, "1 y"),
    (1095.0 * DAY, "3 y"),
];

/// The smallest of 1, 2, 5 times a power of ten that gives at most `most` steps in `length`.
fn nice_step(length: f64, most: f64) -> f64 {
    let fits = |step: &f64| length / step <= most;
    steps(&["1", "2", "5"]).find(fits).unwrap_or(length)
}

/// Steps of these leading digits, ascending. Read from decimal notation, which rounds only once.
fn steps<'a>(digits: &'a [&'a str]) -> impl Iterator<Item = f64> + 'a {
    (-12..24).flat_map(move |power: i32| {
        digits.iter().filter_map(move |digit| format!("{digit}e{power}").parse().ok())
    })
}

/// Multiples of a step from 0 to `end`, all written with the same number of decimals.
fn even_ticks(end: f64, step: f64) -> Vec<(f64, String)> {
    ticks_between(0.0, end, step)
}

/// Multiples of a step from `low` to `end`, all written with the same number of decimals.
fn ticks_between(low: f64, end: f64, step: f64) -> Vec<(f64, String)> {
    let mut places = 0;
    let mut shown = step;
    while places < 12 && (shown - shown.round()).abs() > 1e-6 * shown {
        shown *= 10.0;
        places += 1;
    }
    let label = |value: f64| match places {
        0 => words::grouped(value.round()),
        _ => format!("{value:.places$}").replace('-', "−"),
    };
    let hair = (end - low) / step * 0.000_001;
    let (first, last) = ((low / step - hair).ceil() as i64, (end / step + hair).floor() as i64);
    (first..=last)
        .map(|i| {
            // A sum of steps is a hair off its decimal; the label's own digits are not.
            let value = i as f64 * step;
            let text = label(value);
            (format!("{value:.places$}").parse().unwrap_or(value), text)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(scale: &Scale) -> String {
        let words: Vec<_> = scale.ticks.iter().map(|(_, label)| label.as_str()).collect();
        format!("{}: {}", scale.title, words.join(" "))
    }

    #[test]
    fn a_time_axis_takes_the_unit_that_people_would() {
        let cases = [
            (0.0, "Time (s): 0.0 0.1 0.2 0.3 0.4 0.5 0.6 0.7 0.8 0.9 1.0"),
            (42.0, "Time (s): 0 5 10 15 20 25 30 35 40"),
            (208.4, "Time (s): 0 50 100 150 200"),
            (1200.0, "Time (min): 0 2 4 6 8 10 12 14 16 18 20"),
            (9000.0, "Time (min): 0 15 30 45 60 75 90 105 120 135 150"),
            (86_400.0, "Time (h): 0 3 6 9 12 15 18 21 24"),
            (30.0 * 86_400.0, "Time (d): 0 5 10 15 20 25 30"),
        ];
        for (end, expected) in cases {
            assert_eq!(labels(&Scale::time(end)), expected, "{end}");
        }
    }

    #[test]
    fn a_stretch_of_time_begins_late_only_if_its_way_there_is_long() {
        assert_eq!(
            labels(&Scale::stretch(3000.0, 3010.0)),
            "Time (s): 3000 3001 3002 3003 3004 \
            3005 3006 3007 3008 3009 3010"
        );
        assert_eq!(
            labels(&Scale::stretch(7000.0, 8000.0)),
            "Time (min): 118 120 122 124 126 128 \
            130 132"
        );
        assert_eq!(
            labels(&Scale::stretch(7000.0, 8000.0).thinned(4)),
            "Time (min): 118 122 126 130"
        );
        assert_eq!(Scale::stretch(10.0, 42.0), Scale::time(42.0));
        assert_eq!(Scale::stretch(0.0, 0.0), Scale::time(0.0));
    }

    #[test]
    fn a_count_axis_ends_on_the_count_itself() {
        let cases = [
            (1.0, "Nodes: 0 1"),
            (7.0, "Nodes: 0 1 2 3 4 5 6 7"),
            (750.0, "Nodes: 0 150 300 450 600 750"),
            (10_050.0, "Nodes: 0 2000 4000 6000 8000 10\u{2009}050"),
        ];
        for (end, expected) in cases {
            assert_eq!(labels(&Scale::count(end, "Nodes")), expected, "{end}");
        }
    }

    #[test]
    fn a_close_look_at_counts_still_ends_on_the_count() {
        let scale = Scale::upper_counts(727.0, 750.0, "Nodes");
        assert_eq!(labels(&scale), "Nodes: 725 730 735 740 745 750");
        let scale = Scale::upper_counts(10_031.0, 10_050.0, "Nodes");
        assert!((scale.low - 10_030.0).abs() < 1e-9);
    }

    #[test]
    fn a_quantity_over_decades_has_its_unit_at_each_tick() {
        let scale = Scale::decades_of(900.0, 1.1e7, "Size", "B");
        assert_eq!(labels(&scale), "Size: 1 kB 10 kB 100 kB 1 MB 10 MB");
    }

    #[test]
    fn logarithmic_axes_name_round_values() {
        let scale = Scale::spans(30.0, 7200.0, "Down");
        assert_eq!(labels(&scale), "Down: 1 min 10 min 1 h");
        assert_eq!(labels(&Scale::spans(4000.0, 30_000.0, "Age")), "Age: 2 h 5 h");
        assert_eq!(labels(&Scale::spans(4000.0, 7000.0, "Age")), "Age: 66.7 min 117 min");
        assert!((scale.ticks[0].0 - libm::log10(60.0)).abs() < 1e-12);
        let scale = Scale::decades(0.03, 20.0, "Hazard");
        assert_eq!(labels(&scale), "Hazard: 0.1 1 10");
        assert!((scale.ticks[0].0 - libm::log10(0.1)).abs() < 1e-12);
        assert_eq!(labels(&Scale::decades(0.3, 20.0, "Hazard")), "Hazard: 0.5 1 2 5 10 20");
        let scale = Scale::decades(5e-6, 3e-3, "Hazard");
        assert_eq!(labels(&scale), "Hazard: 0.00001 0.0001 0.001");
    }

    #[test]
    fn a_close_look_counts_in_the_unit_that_fits_and_covers_both_ends() {
        let scale = Scale::close(0.0612, 0.0904, "Waste", "1");
        assert_eq!(labels(&scale), "Waste (%): 6.0 6.5 7.0 7.5 8.0 8.5 9.0 9.5");
        assert!(scale.low <= 0.0612 && scale.end >= 0.0904);
        let days = Scale::close(17.2 * 86_400.0, 19.9 * 86_400.0, "Makespan", "s");
        assert_eq!(labels(&days), "Makespan (d): 17.0 17.5 18.0 18.5 19.0 19.5 20.0");
        assert_eq!(
            labels(&Scale::close(3.0, 3.0, "Restarts", "count")).split(':').next(),
            Some("Restarts")
        );
        assert!(labels(&Scale::close(1e9, 3e9, "Energy", "J")).starts_with("Energy (GJ): 1.0"));
        let below = Scale::close(-212.0, 212.0, "Altitude", "m");
        assert_eq!(labels(&below), "Altitude (m): −300 −200 −100 0 100 200 300");
        let half = Scale::close(-1.2, 0.4, "Shift", "J");
        assert_eq!(labels(&half), "Shift (J): −1.5 −1.0 −0.5 0.0 0.5");
    }

    #[test]
    fn an_amount_axis_has_a_prefix_and_covers_its_peak() {
        let scale = Scale::amount(3_210.0, "Power", "W");
        assert_eq!(labels(&scale), "Power (kW): 0.0 0.5 1.0 1.5 2.0 2.5 3.0 3.5");
        assert!((scale.end - 3500.0).abs() < 1e-9);
        assert!((Scale::amount(10e9, "Rate", "bit/s").end - 10e9).abs() < 1e-3);
        assert!(Scale::amount(0.0, "Power", "W").end > 0.0);
    }
}
