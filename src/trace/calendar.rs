//! Instants of a trace: seconds on the trace's own clock, and the ways in which they are written.
//!
//! Los Alamos wrote down local time, the Failure Trace Archive seconds since 1970. Both become
//! seconds on a clock without a zone; a date with a zone becomes those of UTC.
//!
//! Not modelled: daylight-saving time. In a trace of local times a gap that spans a change of the
//! clocks is an hour off.

use std::fmt;

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

/// An instant: seconds since 1970-01-01 00:00 on the clock of the trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(pub i64);

impl Moment {
    /// As Los Alamos wrote it: `6/21/2005 10:54`.
    pub(super) fn of_los_alamos(text: &str) -> Option<Self> {
        Self::of(DateTime::strptime("%m/%d/%Y %H:%M", text.trim()).ok()?)
    }

    /// As people write it: `2005-06-21`, or `2005-06-21 10:54`.
    ///
    /// # Errors
    /// What is expected.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let date: Option<Date> = text.parse().ok().filter(|_| !text.contains(':'));
        let at_midnight = date.map(|date| date.to_datetime(jiff::civil::Time::midnight()));
        let moment = at_midnight.or_else(|| text.parse().ok()).and_then(Self::of);
        moment.ok_or_else(|| {
            format!("`{text}` is no date such as 2004-01-31 or \"2004-01-31 14:05\"")
        })
    }

    /// As a cell of any table may have it: seconds since 1970, or a date, with or without a zone.
    #[must_use]
    pub fn of_cell(text: &str) -> Option<Self> {
        let number = || seconds(text).map(|seconds| Self(libm::round(seconds) as i64));
        let zoned = || text.parse().ok().map(|zoned: jiff::Timestamp| Self(zoned.as_second()));
        number().or_else(zoned).or_else(|| Self::parse(text).ok())
    }

    fn of(civil: DateTime) -> Option<Self> {
        let zoned = civil.to_zoned(TimeZone::UTC).ok()?;
        Some(Self(zoned.timestamp().as_second()))
    }

    /// So many seconds later.
    #[must_use]
    pub fn after(self, seconds: u64) -> Self {
        Self(self.0.saturating_add_unsigned(seconds))
    }

    /// Seconds since an earlier one; negative if it is a later one.
    #[must_use]
    pub fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// An instant in seconds, up to the year 5138, which a slip of the pen soon passes.
pub(super) fn seconds(text: &str) -> Option<f64> {
    text.parse().ok().filter(|seconds| (0.0..1e11).contains(seconds))
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_second(self.0) {
            Ok(timestamp) => {
                let civil = timestamp.to_zoned(TimeZone::UTC).datetime();
                f.write_str(&civil.strftime("%Y-%m-%d %H:%M").to_string())
            }
            Err(_) => write!(f, "{} s", self.0),
        }
    }
}
