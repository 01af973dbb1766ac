//! The numbers behind values: how much a quantity is in its smallest unit, and back.

use crate::config::document::{Data, Value};
use crate::config::language::{Kind, Problem, Read, Share};
use crate::units::{BitRate, ByteRate, Bytes, Length, PacketRate, Power, Span};

/// What a number of a key counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Measure {
    Count,
    Number,
    Share,
    Span,
    Bytes,
    BitRate,
    ByteRate,
    PacketRate,
    Power,
    Length,
}

/// How much: of quantities a whole number of their smallest unit.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Amount {
    Whole(i128),
    Real(f64),
}

impl Amount {
    pub(crate) fn real(self) -> f64 {
        match self {
            Self::Whole(number) => number as f64,
            Self::Real(number) => number,
        }
    }
}

impl PartialEq for Amount {
    fn eq(&self, other: &Self) -> bool {
        self.partial_cmp(other) == Some(std::cmp::Ordering::Equal)
    }
}

impl PartialOrd for Amount {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        match (self, other) {
            (Self::Whole(a), Self::Whole(b)) => Some(a.cmp(b)),
            (a, b) => a.real().partial_cmp(&b.real()),
        }
    }
}

/// That one of the kinds that a key takes which is a number, if there is one.
pub(crate) fn numeric(kind: &'static Kind) -> Option<&'static Kind> {
    match kind {
        Kind::Any(kinds) => kinds.iter().find_map(numeric),
        kind => Measure::of(kind).map(|_| kind),
    }
}

impl Measure {
    /// What the numbers of a kind count, if it takes numbers.
    pub(crate) fn of(kind: &Kind) -> Option<Self> {
        Some(match kind {
            Kind::Count(..) => Self::Count,
            Kind::Number(..) => Self::Number,
            Kind::Share(..) => Self::Share,
            Kind::Span(..) => Self::Span,
            Kind::Bytes(..) => Self::Bytes,
            Kind::BitRate(..) => Self::BitRate,
            Kind::ByteRate(..) => Self::ByteRate,
            Kind::PacketRate(..) => Self::PacketRate,
            Kind::Power(..) => Self::Power,
            Kind::Length(..) => Self::Length,
            Kind::Any(kinds) => return kinds.iter().find_map(Self::of),
            _ => return None,
        })
    }

    /// How much a value is, or why it is no such number.
    pub(crate) fn read(self, value: &Value) -> Result<Amount, Problem> {
        let whole = |number: u64| Amount::Whole(number.into());
        match self {
            Self::Count => u64::read(value).map(whole),
            Self::Number => f64::read(value).map(Amount::Real),
            Self::Share => Share::read(value).map(|share| Amount::Real(share.0)),
            Self::Span => Span::read(value).map(|span| whole(span.0)),
            Self::Bytes => Bytes::read(value).map(|bytes| whole(bytes.0)),
            Self::BitRate => BitRate::read(value).map(|rate| whole(rate.0)),
            Self::ByteRate => ByteRate::read(value).map(|rate| whole(rate.0)),
            Self::PacketRate => PacketRate::read(value).map(|rate| whole(rate.0)),
            Self::Power => Power::read(value).map(|power| whole(power.0)),
            Self::Length => Length::read(value).map(|length| Amount::Whole(length.0.into())),
        }
    }

    /// The value of this amount.
    pub(crate) fn write(self, amount: Amount) -> Data {
        let number = match amount {
            Amount::Real(number) => return Data::Float(number),
            Amount::Whole(number) => number,
        };
        let some = u64::try_from(number).unwrap_or(if number < 0 { 0 } else { u64::MAX });
        let text = match self {
            Self::Count | Self::Number | Self::Share => return Data::Integer(number),
            Self::Span => Span(some).to_string(),
            Self::Bytes => Bytes(some).to_string(),
            Self::BitRate => BitRate(some).to_string(),
            Self::ByteRate => ByteRate(some).to_string(),
            Self::PacketRate => PacketRate(some).to_string(),
            Self::Power => Power(some).to_string(),
            Self::Length => {
                Length(number.clamp(i64::MIN.into(), i64::MAX.into()) as i64).to_string()
            }
        };
        Data::Text(text)
    }

    /// The SI unit in which people plot it.
    pub(crate) fn unit(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Number | Self::Share => "1",
            Self::Span => "s",
            Self::Bytes => "B",
            Self::BitRate => "bit/s",
            Self::ByteRate => "B/s",
            Self::PacketRate => "packets/s",
            Self::Power => "W",
            Self::Length => "m",
        }
    }

    /// An amount in that unit.
    pub(crate) fn in_unit(self, amount: Amount) -> f64 {
        match self {
            Self::Span => amount.real() / 1e9,
            Self::Power | Self::Length => amount.real() / 1e3,
            _ => amount.real(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::document::own_value;

    #[test]
    fn what_is_written_of_an_amount_reads_to_the_same_amount() {
        let all = [
            (Measure::Count, "7", 7.0),
            (Measure::Span, "\"1 h 0.5 s\"", 3_600.5),
            (Measure::Bytes, "\"1.5 kB\"", 1_500.0),
            (Measure::BitRate, "\"100 Mbit/s\"", 1e8),
            (Measure::ByteRate, "\"11.8 MB/s\"", 1.18e7),
            (Measure::PacketRate, "\"43000 packets/s\"", 43_000.0),
            (Measure::Power, "\"3.7 W\"", 3.7),
            (Measure::Length, "\"-2.5 m\"", -2.5),
            (Measure::Share, "\"12.5 %\"", 0.125),
            (Measure::Number, "1e-14", 1e-14),
        ];
        for (measure, text, number) in all {
            let value = own_value(text);
            let amount = measure.read(value).expect(text);
            assert!((measure.in_unit(amount) - number).abs() <= 1e-12 * number.abs(), "{text}");
            let written = Value { place: value.place, data: measure.write(amount) };
            assert_eq!(measure.read(&written).expect(text), amount, "{written:?}");
        }
    }
}
