//! Which unit was meant by a name that is none: a hint never changes the amount.

use crate::units::text::Unit;

/// The unit that was meant. None where units of different sizes are equally near.
pub(super) fn unit(name: &str, units: &'static [Unit]) -> Option<&'static str> {
    only(units, |known| is_spelled_alike(name, known, units))
        .or_else(|| only(units, |known| is_mistyped(name, known)))
}

/// A name of which all others that are like it mean the same.
fn only(units: &'static [Unit], is_like: impl Fn(&str) -> bool) -> Option<&'static str> {
    let all = units.iter().flat_map(|unit| unit.names.iter().map(move |known| (unit, *known)));
    let mut alike = all.filter(|(_, known)| is_like(known));
    let (unit, known) = alike.next()?;
    let size = |unit: &Unit| (unit.numerator, unit.denominator);
    alike.all(|(other, _)| size(other) == size(unit)).then_some(known)
}

/// Whether a name differs from a known one only in capitals or in its end. `b` is a bit and `B` a
/// byte; `m` may be a thousandth and `M` a million.
fn is_spelled_alike(name: &str, known: &str, units: &[Unit]) -> bool {
    let word = known.len() > 1 && known.chars().all(|c| c.is_ascii_lowercase());
    let several = word && name.strip_suffix('s') == Some(known);
    if several || known.strip_suffix("/s") == Some(name) {
        return true;
    }
    let has_bits = units.iter().any(|unit| unit.names[0].contains("bit"));
    let byte = |text: &str| text.replace("bit", "").replace("BIT", "").contains('B');
    let small = name.to_lowercase();
    let same_byte = byte(name) == byte(known) || (!has_bits && small == name);
    let has_thousandths = units.iter().any(|unit| unit.names[0].starts_with('m'));
    let clear = !small.starts_with('m') || !has_thousandths || name.len() > 2;
    small == known.to_lowercase() && same_byte && clear
}

/// Whether a long word differs from a known one in one letter.
fn is_mistyped(name: &str, known: &str) -> bool {
    let (name, known) = (name.to_lowercase(), known.to_lowercase());
    name.len() >= 4 && known.len() >= 4 && strsim::damerau_levenshtein(&name, &known) == 1
}

/// What is to be said of units of time that are none here.
pub(super) fn said_of(name: &str) -> Option<&'static str> {
    match name.to_lowercase().as_str() {
        "w" | "wk" | "week" | "weeks" => Some("a week is 7 d"),
        "mo" | "month" | "months" => Some("months differ in length, so give days"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::units::text::QuantityError;
    use crate::units::{BitRate, Bytes, Power, Span};

    /// What is said of a text, as each of four quantities.
    fn errors(text: &str) -> Vec<QuantityError> {
        let (span, rate) = (text.parse::<Span>().err(), text.parse::<BitRate>().err());
        let (size, power) = (text.parse::<Bytes>().err(), text.parse::<Power>().err());
        [span, rate, size, power].into_iter().flatten().collect()
    }

    #[test]
    fn a_hint_keeps_the_amount_that_was_written() {
        let hints = |text: &str| {
            let hints = errors(text).into_iter().filter_map(|error| error.help);
            hints.filter(|help| help.contains("did you mean")).collect::<Vec<_>>().concat()
        };
        let given = "0.5 months|2 weeks|1,5 h|1h 30|1h 30m 5|1.5.2 s|5+3 s|1:30 h|100 Mb/s|\
                     100 mb/s|1 Gb|5 Ms|1 Pbit/s|5 mw|1 TiB/s|1.5 Ws";
        for text in given.split('|') {
            assert_eq!(hints(text), "", "{text}");
        }
        for (text, wanted) in [
            ("5 mins", "5 min"),
            ("2 hrs", "2 hr"),
            ("5 minuts", "5 minute"),
            ("3 Days", "3 days"),
            ("10 GB", "10 GB/s"),
            ("1 gbit/s", "1 Gbit/s"),
            ("100 mbps", "100 Mbps"),
            ("1 gb", "1 GB"),
            ("4 KW", "4 kW"),
        ] {
            let hints = hints(text);
            assert!(hints.contains(&format!("did you mean \"{wanted}\"?")), "{text}: {hints}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_duration_is_said() {
        let reported = |text: &str| {
            let error = text.parse::<Span>().expect_err(text);
            format!("{error}; {}", error.help.as_deref().unwrap_or_default())
        };
        let units = "units of duration: y, d, h, min, s, ms, us, ns";
        for (text, wanted) in [
            (
                "0.5 months",
                "unknown unit `months` for a duration; months differ in length, so give \
              days; ",
            ),
            ("2 weeks", "unknown unit `weeks` for a duration; a week is 7 d; "),
            ("1h 30", "in `1h 30` the number 30 has no unit; "),
            ("5+3 s", "in `5+3 s` the number 5 has no unit; "),
        ] {
            assert_eq!(reported(text), format!("{wanted}{units}"));
        }
        let point = "`1,5 h` is not a duration: a comma in its number; numbers are written as 1.5, \
                     and long ones as 1_500";
        assert_eq!(reported("1,5 h"), point);
        assert_eq!(reported("1e400 s"), "`1e400 s` is too large for a duration; ");
        assert_eq!(reported("1e-400 s"), "`1e-400 s` is too small for a duration; ");
        assert_eq!("0e400 s".parse(), Ok(Span::ZERO));
    }
}
