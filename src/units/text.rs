//! Quantities as people write them: one parser for "number + unit", and the printing that it reads.

use std::fmt;
use std::str::FromStr;

use crate::units::guess;
use crate::units::{BitRate, ByteRate, Bytes, Length, PacketRate, Power, Span};

/// Why a text is no quantity.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct QuantityError {
    /// What is wrong.
    pub message: String,
    /// What could have been meant.
    pub help: Option<String>,
}

impl QuantityError {
    /// Without a hint.
    fn bare(message: String) -> Self {
        Self { message, help: None }
    }
}

/// A unit: its names (the first is the one that is printed) and its size in base units, as a
/// fraction.
pub(super) struct Unit {
    pub(super) names: &'static [&'static str],
    pub(super) numerator: u128,
    pub(super) denominator: u128,
}

const fn unit(names: &'static [&'static str], size: u128) -> Unit {
    Unit { names, numerator: size, denominator: 1 }
}

const fn part(names: &'static [&'static str], numerator: u128, denominator: u128) -> Unit {
    Unit { names, numerator, denominator }
}

/// A year is 365 days, as in MTBF tables.
const SPANS: &[Unit] = &[
    unit(&["y", "yr", "year", "years"], 365 * 86_400_000_000_000),
    unit(&["d", "day", "days"], 86_400_000_000_000),
    unit(&["h", "hr", "hour", "hours"], 3_600_000_000_000),
    unit(&["min", "m", "minute", "minutes"], 60_000_000_000),
    unit(&["s", "sec", "second", "seconds"], 1_000_000_000),
    unit(&["ms"], 1_000_000),
    unit(&["us", "µs", "μs"], 1_000),
    unit(&["ns"], 1),
];

const BYTES: &[Unit] = &[
    unit(&["TB"], 1_000_000_000_000),
    unit(&["GB"], 1_000_000_000),
    unit(&["MB"], 1_000_000),
    unit(&["kB", "KB"], 1_000),
    unit(&["TiB"], 1 << 40),
    unit(&["GiB"], 1 << 30),
    unit(&["MiB"], 1 << 20),
    unit(&["KiB", "kiB"], 1 << 10),
    unit(&["B", "byte", "bytes"], 1),
];

/// Bit rates; `bps` and `Bps` forms are those of `SimGrid`'s platform files.
const BIT_RATES: &[Unit] = &[
    unit(&["Tbit/s", "Tbps"], 1_000_000_000_000),
    unit(&["Gbit/s", "Gbps"], 1_000_000_000),
    unit(&["Mbit/s", "Mbps"], 1_000_000),
    unit(&["kbit/s", "kbps", "Kbps"], 1_000),
    unit(&["bit/s", "bps"], 1),
    unit(&["GB/s", "GBps"], 8_000_000_000),
    unit(&["MB/s", "MBps"], 8_000_000),
    unit(&["kB/s", "kBps", "KBps"], 8_000),
    unit(&["GiB/s", "GiBps"], 8 << 30),
    unit(&["MiB/s", "MiBps"], 8 << 20),
    unit(&["KiB/s", "KiBps"], 8 << 10),
    unit(&["B/s", "Bps"], 8),
];

const BYTE_RATES: &[Unit] = &[
    unit(&["TB/s"], 1_000_000_000_000),
    unit(&["GB/s", "GBps"], 1_000_000_000),
    unit(&["MB/s", "MBps"], 1_000_000),
    unit(&["kB/s", "kBps", "KBps"], 1_000),
    unit(&["GiB/s", "GiBps"], 1 << 30),
    unit(&["MiB/s", "MiBps"], 1 << 20),
    unit(&["KiB/s", "KiBps"], 1 << 10),
    unit(&["B/s", "Bps"], 1),
    part(&["Gbit/s", "Gbps"], 1_000_000_000, 8),
    part(&["Mbit/s", "Mbps"], 1_000_000, 8),
    part(&["kbit/s", "kbps", "Kbps"], 1_000, 8),
];

const PACKET_RATES: &[Unit] = &[unit(&["packets/s", "packet/s", "/s"], 1)];

const POWERS: &[Unit] = &[
    unit(&["MW"], 1_000_000_000),
    unit(&["kW"], 1_000_000),
    unit(&["W"], 1_000),
    unit(&["mW"], 1),
];

const LENGTHS: &[Unit] =
    &[unit(&["km"], 1_000_000), unit(&["m"], 1_000), unit(&["cm"], 10), unit(&["mm"], 1)];

/// What a parser must know of its quantity.
struct Quantity {
    /// With its article: "a duration".
    what: &'static str,
    units: &'static [Unit],
    /// The unit that is suggested for a bare number.
    usual: &'static str,
}

const SPAN: Quantity = Quantity { what: "a duration", units: SPANS, usual: "s" };
const SIZE: Quantity = Quantity { what: "a size", units: BYTES, usual: "B" };
const BIT_RATE: Quantity = Quantity { what: "a data rate", units: BIT_RATES, usual: "Mbit/s" };
const BYTE_RATE: Quantity = Quantity { what: "a byte rate", units: BYTE_RATES, usual: "MB/s" };
const PACKETS: Quantity =
    Quantity { what: "a packet rate", units: PACKET_RATES, usual: "packets/s" };
const POWER: Quantity = Quantity { what: "a power", units: POWERS, usual: "W" };
const LENGTH: Quantity = Quantity { what: "a length", units: LENGTHS, usual: "m" };

/// A decimal number, exactly: mantissa times ten to the exponent.
#[derive(Clone, Copy)]
struct Decimal {
    negative: bool,
    mantissa: u128,
    exponent: i32,
    fraction: bool,
}

/// The digits of a number, as a regular expression.
const DIGITS: &str = r"(?:[0-9][0-9_]*\.?[0-9_]*|\.[0-9][0-9_]*)(?:[eE][-+]?[0-9]+)?";

/// A number, as a regular expression.
pub(crate) const NUMBER: &str =
    r"[-+]?(?:[0-9][0-9_]*\.?[0-9_]*|\.[0-9][0-9_]*)(?:[eE][-+]?[0-9]+)?";

/// A quantity that can say what its texts look like.
pub(crate) trait Pattern {
    /// A regular expression that all of its texts match, and hardly any others.
    ///
    /// It does not know how large a number is, nor that the larger unit comes first.
    fn pattern() -> String;
}

impl Quantity {
    /// One number and one unit.
    fn pattern(&self) -> String {
        // Zero may be written with a minus.
        let sign = if self.what == LENGTH.what { "[-+]?" } else { r"(?:\+?|-(?=[0_.]*[^0-9_.]))" };
        format!(r"\s*{sign}{DIGITS}\s*{}\s*", self.names())
    }

    /// Its units as alternatives, the longest first.
    fn names(&self) -> String {
        let mut names: Vec<&str> = self.units.iter().flat_map(|unit| unit.names).copied().collect();
        names.sort_by_key(|name| std::cmp::Reverse(name.len()));
        format!("(?:{})", names.join("|"))
    }

    fn error(&self, message: String) -> QuantityError {
        QuantityError { message, help: Some(self.known()) }
    }

    fn known(&self) -> String {
        let names: Vec<&str> = self.units.iter().map(|unit| unit.names[0]).collect();
        format!("units of {}: {}", self.what.trim_start_matches("a "), names.join(", "))
    }

    /// The unit of this name, or an error that says which was probably meant.
    fn unit(&self, name: &str, number: &str) -> Result<&'static Unit, QuantityError> {
        if name.is_empty() {
            return Err(QuantityError {
                message: format!("{} needs a unit", self.what),
                help: Some(format!("did you mean \"{number} {}\"?", self.usual)),
            });
        }
        if let Some(unit) = self.units.iter().find(|unit| unit.names.contains(&name)) {
            return Ok(unit);
        }
        let message = format!("unknown unit `{name}` for {}", self.what);
        let known = self.known();
        let help = match (guess::unit(name, self.units), guess::said_of(name)) {
            (Some(guess), _) => format!("did you mean \"{number} {guess}\"? {known}"),
            (None, Some(said)) if self.what == SPAN.what => format!("{said}; {known}"),
            (None, _) => known,
        };
        Err(QuantityError { message, help: Some(help) })
    }

    /// One number and one unit, in base units, rounded to the nearest.
    fn parse(&self, text: &str) -> Result<i128, QuantityError> {
        let (number, shown, rest) = self.number(text.trim())?;
        let unit = self.unit(rest.trim(), shown)?;
        self.scale(number, unit, text)
    }

    /// The number at the start of `text`, its own text, and what follows it.
    fn number<'t>(&self, text: &'t str) -> Result<(Decimal, &'t str, &'t str), QuantityError> {
        let none = || self.error(format!("`{text}` is not {}: no number", self.what));
        let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
        let mut end = text.len() - unsigned.len();
        let (mut mantissa, mut exponent, mut digits, mut point) = (0_u128, 0_i32, 0, false);
        for character in unsigned.chars() {
            match character {
                '0'..='9' => {
                    let digit = u128::from(character as u32 - '0' as u32);
                    let more = mantissa.checked_mul(10).and_then(|m| m.checked_add(digit));
                    mantissa = more
                        .filter(|&mantissa| mantissa < 10_u128.pow(30))
                        .ok_or_else(|| self.error(format!("`{text}` has too many digits")))?;
                    digits += 1;
                    exponent -= i32::from(point);
                }
                '_' if digits > 0 => {}
                '.' if !point => point = true,
                _ => break,
            }
            end += character.len_utf8();
        }
        if digits == 0 {
            return Err(none());
        }
        if let Some((power, length)) = exponent_of(&text[end..]) {
            exponent += power;
            end += length;
        }
        if text[end..].starts_with([',', '.']) {
            let why = if text[end..].starts_with(',') { "a comma" } else { "two points" };
            let message = format!("`{text}` is not {}: {why} in its number", self.what);
            let help = "numbers are written as 1.5, and long ones as 1_500";
            return Err(QuantityError { message, help: Some(help.into()) });
        }
        let negative = text.starts_with('-');
        let number = Decimal { negative, mantissa, exponent, fraction: exponent < 0 };
        Ok((number, &text[..end], &text[end..]))
    }

    fn scale(&self, number: Decimal, unit: &Unit, text: &str) -> Result<i128, QuantityError> {
        let large = || QuantityError::bare(format!("`{text}` is too large for {}", self.what));
        let small = || QuantityError::bare(format!("`{text}` is too small for {}", self.what));
        if number.mantissa == 0 {
            return Ok(0);
        }
        let ten = 10_u128.checked_pow(number.exponent.unsigned_abs());
        let mut above = number.mantissa.checked_mul(unit.numerator).ok_or_else(large)?;
        let mut below = unit.denominator;
        if number.exponent >= 0 {
            above = ten.and_then(|ten| above.checked_mul(ten)).ok_or_else(large)?;
        } else {
            below = ten.and_then(|ten| below.checked_mul(ten)).ok_or_else(small)?;
        }
        let value = i128::try_from((above + below / 2) / below).map_err(|_| large())?;
        if value == 0 {
            return Err(small());
        }
        Ok(if number.negative { -value } else { value })
    }

    /// As [`Quantity::parse`], for quantities that cannot be negative.
    fn positive(&self, text: &str) -> Result<u64, QuantityError> {
        self.unsigned(self.parse(text)?, text)
    }

    fn unsigned(&self, value: i128, text: &str) -> Result<u64, QuantityError> {
        if value < 0 {
            let message = format!("{} cannot be negative: `{}`", self.what, text.trim());
            return Err(QuantityError::bare(message));
        }
        u64::try_from(value).map_err(|_| {
            QuantityError::bare(format!("`{}` is too large for {}", text.trim(), self.what))
        })
    }
}

/// `e9` or `e-3` at the start of a text: its value and its length. Only `e` that digits follow.
fn exponent_of(text: &str) -> Option<(i32, usize)> {
    let rest = text.strip_prefix(['e', 'E'])?;
    let digits = rest.strip_prefix(['-', '+']).unwrap_or(rest);
    let length = digits.bytes().take_while(u8::is_ascii_digit).count();
    if length == 0 {
        return None;
    }
    // Far beyond all quantities, and far from overflow.
    let power = digits[..length].parse().unwrap_or(i32::MAX).min(10_000);
    let sign = if rest.starts_with('-') { -1 } else { 1 };
    Some((sign * power, 1 + rest.len() - digits.len() + length))
}

impl FromStr for Span {
    type Err = QuantityError;

    /// One or more numbers with units, the larger unit first: `"15 min"`, `"1h30m"`, `"3 d 4 h"`.
    fn from_str(text: &str) -> Result<Self, QuantityError> {
        if text.trim() == "forever" {
            return Ok(Self::FOREVER);
        }
        let mut rest = text.trim();
        let (mut total, mut last) = (0_i128, u128::MAX);
        loop {
            let (number, shown, after) = SPAN.number(rest)?;
            let after = after.trim_start();
            let end = after
                .find(|c: char| c.is_ascii_digit() || c.is_whitespace() || "+-.,".contains(c))
                .unwrap_or(after.len());
            rest = after[end..].trim_start();
            if end == 0 && (last < u128::MAX || !rest.is_empty()) {
                return Err(SPAN.error(format!("in `{text}` the number {shown} has no unit")));
            }
            let unit = SPAN.unit(&after[..end], shown)?;
            if unit.numerator >= last {
                return Err(SPAN.error(format!("in `{text}` the larger unit must come first")));
            }
            if !rest.is_empty() && (number.fraction || number.negative) {
                let message = format!("in `{text}` only the last number may have a fraction");
                return Err(SPAN.error(message));
            }
            last = unit.numerator;
            total += SPAN.scale(number, unit, text)?;
            if rest.is_empty() {
                return SPAN.unsigned(total, text).map(Self);
            }
        }
    }
}

impl Pattern for Span {
    fn pattern() -> String {
        let names = SPAN.names();
        format!(r"(?:\s*\+?[0-9][0-9_]*\.?(?:[eE]\+?[0-9]+)?\s*{names})*{}", SPAN.pattern())
    }
}

impl fmt::Display for Span {
    /// Exact, and read back by [`Span::from_str`]: `3 d 4 h`, `1 min 30.5 s`, `500 us`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = u128::from(self.0);
        if *self == Self::FOREVER {
            return f.write_str("forever");
        }
        if nanos < SPANS[4].numerator {
            let unit = SPANS[5..].iter().find(|unit| nanos >= unit.numerator);
            return match unit {
                Some(unit) => write!(f, "{} {}", decimal(nanos, unit.numerator), unit.names[0]),
                None => f.write_str("0 s"),
            };
        }
        // Whole years read better as years, all else as days.
        let first = usize::from(!nanos.is_multiple_of(SPANS[0].numerator));
        let mut rest = nanos;
        let mut gap = "";
        for unit in &SPANS[first..4] {
            let count = rest / unit.numerator;
            rest %= unit.numerator;
            if count > 0 {
                write!(f, "{gap}{count} {}", unit.names[0])?;
                gap = " ";
            }
        }
        if rest > 0 {
            // Below a second the fraction stays one of seconds: units must fall.
            write!(f, "{gap}{} s", decimal(rest, SPANS[4].numerator))?;
        }
        Ok(())
    }
}

/// `value / size` as an exact decimal. `size` must have no prime factors but 2 and 5.
fn decimal(value: u128, size: u128) -> String {
    let mut text = (value / size).to_string();
    let mut rest = value % size;
    if rest > 0 {
        text.push('.');
    }
    while rest > 0 {
        rest *= 10;
        text.push(char::from_digit((rest / size) as u32, 10).expect("a digit"));
        rest %= size;
    }
    text
}

/// The shortest exact text; among equals that with the earlier unit.
fn shortest(f: &mut fmt::Formatter<'_>, value: u128, units: &[Unit]) -> fmt::Result {
    let text = units
        .iter()
        .filter(|unit| unit.denominator == 1 && value >= unit.numerator)
        .map(|unit| format!("{} {}", decimal(value, unit.numerator), unit.names[0]))
        .min_by_key(String::len);
    if let Some(text) = text {
        f.write_str(&text)
    } else {
        let base = units.iter().find(|unit| unit.numerator == 1 && unit.denominator == 1);
        write!(f, "{value} {}", base.expect("a base unit").names[0])
    }
}

/// Parsing and printing for a quantity that is one unsigned number.
macro_rules! quantity {
    ($type:ty, $make:expr, $quantity:expr, $units:expr) => {
        impl FromStr for $type {
            type Err = QuantityError;

            fn from_str(text: &str) -> Result<Self, QuantityError> {
                $quantity.positive(text).map($make)
            }
        }

        impl Pattern for $type {
            fn pattern() -> String {
                $quantity.pattern()
            }
        }

        impl fmt::Display for $type {
            /// Exact, and read back by `from_str`.
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                shortest(f, u128::from(self.0), $units)
            }
        }
    };
}

quantity!(Bytes, Bytes, SIZE, BYTES);
quantity!(BitRate, BitRate, BIT_RATE, &BIT_RATES[..5]);
quantity!(ByteRate, ByteRate, BYTE_RATE, BYTE_RATES);
quantity!(PacketRate, PacketRate, PACKETS, PACKET_RATES);
quantity!(Power, Power, POWER, POWERS);

impl FromStr for Length {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        let value = LENGTH.parse(text)?;
        let large = |_| LENGTH.error(format!("`{text}` is too large for a length"));
        i64::try_from(value).map(Self).map_err(large)
    }
}

impl Pattern for Length {
    fn pattern() -> String {
        LENGTH.pattern()
    }
}

impl fmt::Display for Length {
    /// Exact, and read back by [`Length::from_str`].
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let millimetres = u128::from(self.0.unsigned_abs());
        if millimetres >= 1_000 || millimetres == 0 {
            // Altitudes are given in metres, however large.
            return write!(f, "{sign}{} m", decimal(millimetres, 1_000));
        }
        write!(f, "{sign}{millimetres} mm")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn span(text: &str) -> Span {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    fn complaint<T: FromStr<Err = QuantityError> + fmt::Debug>(text: &str) -> String {
        let error = text.parse::<T>().expect_err(text);
        format!("{error}; {}", error.help.as_deref().unwrap_or_default())
    }

    #[test]
    fn spans_are_read_to_the_nanosecond() {
        assert_eq!(span("15 min"), Span::from_secs(900));
        assert_eq!(span("15min"), Span::from_secs(900));
        assert_eq!(span("1h30m"), Span::from_secs(5_400));
        assert_eq!(span("3 d 4 h"), Span::from_secs(3 * 86_400 + 4 * 3_600));
        assert_eq!(span("90 d"), Span::from_secs(90 * 86_400));
        assert_eq!(span("1 y"), Span::from_secs(365 * 86_400));
        assert_eq!(span("500 us"), Span(500_000));
        assert_eq!(span("500 µs"), Span(500_000));
        assert_eq!(span("0.1 s"), Span::from_millis(100));
        assert_eq!(span("1e-3 s"), Span::from_millis(1));
        assert_eq!(span("9762.711864407 s"), Span(9_762_711_864_407));
        assert_eq!(span("0 s"), Span::ZERO);
    }

    #[test]
    fn other_quantities_are_exact_and_bits_are_not_bytes() {
        assert_eq!("1 GB".parse(), Ok(Bytes(1_000_000_000)));
        assert_eq!("1 GiB".parse(), Ok(Bytes(1 << 30)));
        assert_eq!("100 Mbit/s".parse(), Ok(BitRate(100_000_000)));
        assert_eq!("100 Mbps".parse(), Ok(BitRate(100_000_000)));
        assert_eq!("12.5 MB/s".parse(), Ok(BitRate(100_000_000)));
        assert_eq!("12.5 MBps".parse(), Ok(BitRate(100_000_000)));
        assert_eq!("100 Mbit/s".parse(), Ok(ByteRate(12_500_000)));
        assert_eq!("43000 /s".parse(), Ok(PacketRate(43_000)));
        assert_eq!("0.5 W".parse(), Ok(Power(500)));
        assert_eq!("4 kW".parse(), Ok(Power(4_000_000)));
        assert_eq!("2231 m".parse(), Ok(Length(2_231_000)));
        assert_eq!("-1.2 km".parse(), Ok(Length(-1_200_000)));
    }

    #[test]
    fn a_bare_number_gets_the_usual_unit_as_a_hint() {
        assert_eq!(complaint::<Span>("15"), "a duration needs a unit; did you mean \"15 s\"?");
        assert_eq!(
            complaint::<BitRate>("100"),
            "a data rate needs a unit; did you mean \"100 Mbit/s\"?"
        );
    }

    #[test]
    fn a_wrong_unit_gets_the_known_ones_and_the_nearest_as_a_hint() {
        assert_eq!(
            complaint::<BitRate>("100 mbit/s"),
            "unknown unit `mbit/s` for a data rate; did you mean \"100 Mbit/s\"? units of data \
             rate: Tbit/s, Gbit/s, Mbit/s, kbit/s, bit/s, GB/s, MB/s, kB/s, GiB/s, MiB/s, KiB/s, \
             B/s"
        );
        assert!(complaint::<Span>("1 GB").starts_with("unknown unit `GB` for a duration; units"));
        assert!(complaint::<Span>("minutes").contains("no number"));
        assert!(complaint::<Span>("-5 s").contains("cannot be negative"));
        assert!(complaint::<Span>("900 y").contains("too large"));
        assert!(complaint::<Span>("0.1 ns").contains("too small"));
        assert!(complaint::<Span>("5 min 1 h").contains("larger unit must come first"));
        assert!(complaint::<Span>("1.5 h 3 s").contains("only the last number"));
        assert!(complaint::<Bytes>("1e99 B").contains("too large"));
        assert!(complaint::<Bytes>(&"9".repeat(40)).contains("too many digits"));
    }

    #[test]
    fn quantities_are_printed_as_people_write_them() {
        let printed = [
            span("3 d 4 h").to_string(),
            span("1 y").to_string(),
            span("90.5 s").to_string(),
            span("100 ms").to_string(),
            Bytes(1 << 30).to_string(),
            Bytes(52_460).to_string(),
            BitRate(1_500_000).to_string(),
            ByteRate(11_800_000).to_string(),
            Power(3_700).to_string(),
            Length(2_231_000).to_string(),
        ];
        let wanted = [
            "3 d 4 h",
            "1 y",
            "1 min 30.5 s",
            "100 ms",
            "1 GiB",
            "52460 B",
            "1.5 Mbit/s",
            "11.8 MB/s",
            "3.7 W",
            "2231 m",
        ];
        assert_eq!(printed, wanted);
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_back(value in any::<u64>(), shift in 0_u32..64) {
            let value = value >> shift;
            prop_assert_eq!(Span(value).to_string().parse(), Ok(Span(value)));
            prop_assert_eq!(Bytes(value).to_string().parse(), Ok(Bytes(value)));
            prop_assert_eq!(BitRate(value).to_string().parse(), Ok(BitRate(value)));
            prop_assert_eq!(ByteRate(value).to_string().parse(), Ok(ByteRate(value)));
            prop_assert_eq!(PacketRate(value).to_string().parse(), Ok(PacketRate(value)));
            prop_assert_eq!(Power(value).to_string().parse(), Ok(Power(value)));
            let length = Length(value.cast_signed());
            prop_assert_eq!(length.to_string().parse(), Ok(length));
        }

        #[test]
        fn no_text_makes_the_parser_fall_over(text in ".{0,12}") {
            let _ = text.parse::<Span>();
            let _ = text.parse::<BitRate>();
            let _ = text.parse::<Length>();
        }
    }
}
