//! Numbers for people: spans, amounts and shares in three significant digits with the fitting unit.

use serde::Serialize;
use serde_json::{Map, Value};

/// Metric prefixes from 1 upwards.
const PREFIXES: [&str; 7] = ["", "k", "M", "G", "T", "P", "E"];

/// A value with its unit, such as `1.21 GB`, `87.3 %` or `4 min 12 s`.
///
/// `unit` is one of [`crate::analysis::Metric::unit`]; one that is not known here is appended.
pub(crate) fn quantity(value: f64, unit: &str) -> String {
    if !value.is_finite() {
        return "–".to_owned();
    }
    match unit {
        "s" => span(value),
        "1" => share(value),
        "count" => grouped(value),
        "" => digits(value),
        "B" | "J" | "W" | "bit/s" | "B/s" | "Hz" | "bit" | "V" | "A" => si(value, unit),
        _ => format!("{} {unit}", digits(value)),
    }
}

/// A span of time (s) in its two largest units.
pub(crate) fn span(seconds: f64) -> String {
    if !seconds.is_finite() {
        return "–".to_owned();
    }
    if seconds < 0.0 {
        return format!("−{}", span(-seconds));
    }
    if seconds < 59.95 {
        return match seconds {
            0.0 => "0 s".to_owned(),
            s if s < 0.000_999_5 => format!("{} µs", digits(s * 1e6)),
            s if s < 0.999_5 => format!("{} ms", digits(s * 1e3)),
            s => format!("{} s", digits(s)),
        };
    }
    let pair = |big: f64, big_word: &str, small: f64, small_word: &str| {
        let whole = (seconds / small).round();
        let (high, low) = ((whole / (big / small)).floor(), whole % (big / small));
        let high = grouped(high);
        if low == 0.0 {
            format!("{high} {big_word}")
        } else {
            format!("{high} {big_word} {low} {small_word}")
        }
    };
    match seconds {
        s if s < 3599.5 => pair(60.0, "min", 1.0, "s"),
        s if s < 86_370.0 => pair(3600.0, "h", 60.0, "min"),
        s if s < 100.0 * 86_400.0 => pair(86_400.0, "d", 3600.0, "h"),
        s if s < 1e4 * 86_400.0 => format!("{} d", grouped((s / 86_400.0).round())),
        s => format!("{} y", digits(s / (365.0 * 86_400.0))),
    }
}

/// A share of one as a percentage.
pub(crate) fn share(value: f64) -> String {
    let percent = value * 100.0;
    // 99.97 % must not read as 100 %, nor 0.004 % as nothing.
    let text = match percent.abs() {
        0.0 => "0".to_owned(),
        p if p < 0.001 => return "< 0.001 %".to_owned(),
        p if p > 99.0 && p < 100.0 => {
            let text = format!("{percent:.3}");
            let text = text.trim_end_matches('0').trim_end_matches('.');
            if text.trim_start_matches('-') == "100" { "> 99.999".to_owned() } else { text.into() }
        }
        _ => digits(percent),
    };
    format!("{text} %")
}

/// A value with a metric prefix before its unit.
pub(crate) fn si(value: f64, unit: &str) -> String {
    let mut scaled = value;
    let mut step = 0;
    while scaled.abs() >= 999.5 && step + 1 < PREFIXES.len() {
        scaled /= 1000.0;
        step += 1;
    }
    if scaled != 0.0 && scaled.abs() < 0.0995 && unit != "B" && unit != "bit/s" {
        return format!("{} m{unit}", digits(scaled * 1000.0));
    }
    format!("{} {}{unit}", digits(scaled), PREFIXES[step])
}

/// Three significant digits, or all digits of a larger whole part; no trailing zeros.
pub(crate) fn digits(value: f64) -> String {
    let size = value.abs();
    if size >= 999.5 {
        return grouped(value.round());
    }
    if size != 0.0 && size < 1e-4 {
        return format!("{value:.2e}").replace('-', "−");
    }
    let places = match size {
        s if s >= 99.95 => 0,
        s if s >= 9.995 => 1,
        s if s >= 0.9995 => 2,
        s if s >= 0.09995 => 3,
        s if s >= 0.009_995 => 4,
        _ => 5,
    };
    let text = format!("{value:.places$}");
    let text =
        if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    if text == "-0" { "0".to_owned() } else { text.replace('-', "−") }
}

/// A count with its thousands set apart; halves and the like keep two places.
pub(crate) fn grouped(value: f64) -> String {
    if value.fract() != 0.0 && value.abs() < 999.5 {
        return digits(value);
    }
    if value.abs() >= 1e15 {
        return format!("{value:.2e}");
    }
    let plain = format!("{:.0}", value.abs());
    let mut text = String::new();
    for (i, digit) in plain.chars().enumerate() {
        // Four digits read well without a gap.
        if i > 0 && (plain.len() - i) % 3 == 0 && plain.len() > 4 {
            text.push('\u{2009}');
        }
        text.push(digit);
    }
    if value < 0.0 && plain != "0" { format!("−{text}") } else { text }
}

/// `1 node`, `750 nodes`.
pub(crate) fn count(number: usize, one: &str, many: &str) -> String {
    format!("{} {}", grouped(number as f64), if number == 1 { one } else { many })
}

/// A phrase as a title.
pub(crate) fn capital(phrase: &str) -> String {
    let mut letters = phrase.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string());
    first.unwrap_or_default() + letters.as_str()
}

/// What serialises as an object, to which further keys are added.
pub(crate) fn object(value: &impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(value) {
        Ok(Value::Object(object)) => object,
        other => unreachable!("it is plain data with names: {other:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_as_people_say_them() {
        let cases = [
            (0.0, "0 s"),
            (0.000_25, "250 µs"),
            (0.25, "250 ms"),
            (12.345, "12.3 s"),
            (59.96, "1 min"),
            (252.4, "4 min 12 s"),
            (3599.7, "1 h"),
            (11_100.0, "3 h 5 min"),
            (86_399.0, "1 d"),
            (1_051_200.0, "12 d 4 h"),
            (2_592_000.0, "30 d"),
            (31_557_600.0 * 40.0, "40 y"),
            (-5.0, "−5 s"),
        ];
        for (seconds, expected) in cases {
            assert_eq!(span(seconds), expected, "{seconds}");
        }
    }

    #[test]
    fn shares_never_round_to_certainty() {
        assert_eq!(share(0.0), "0 %");
        assert_eq!(share(1.0), "100 %");
        assert_eq!(share(0.5), "50 %");
        assert_eq!(share(0.999_7), "99.97 %");
        assert_eq!(share(0.999_999_99), "> 99.999 %");
        assert_eq!(share(0.000_000_1), "< 0.001 %");
        assert_eq!(share(0.123_45), "12.3 %");
    }

    #[test]
    fn amounts_get_the_prefix_that_keeps_them_short() {
        assert_eq!(quantity(7.2e11, "B"), "720 GB");
        assert_eq!(quantity(999.6, "W"), "1 kW");
        assert_eq!(quantity(94.1e6, "bit/s"), "94.1 Mbit/s");
        assert_eq!(quantity(3.6e9, "J"), "3.6 GJ");
        assert_eq!(quantity(0.5, "W"), "0.5 W");
        assert_eq!(quantity(12_345.0, "count"), "12\u{2009}345");
        assert_eq!(quantity(750.0, "count"), "750");
        assert_eq!(quantity(0.5, "count"), "0.5");
        assert_eq!(quantity(f64::NAN, "s"), "–");
        assert_eq!(quantity(3.0, "upset"), "3 upset");
    }
}
