//! The hours of the week as a clock: how old parts get by when, if not all hours age them alike.
//!
//! A part ages by a week in a week. Within it, each hour has a weight; the weights of all hours
//! sum up to 168. The clock is integer: weights count in millionths, ages in nanoseconds.

use std::f64::consts::TAU;

use crate::scenario::fault::Rhythm;
use crate::units::{Span, Time};

const HOURS: usize = 7 * 24;
const HOUR: u64 = 3_600_000_000_000;
const WEEK: u64 = HOURS as u64 * HOUR;
const PPM: u64 = 1_000_000;
const WORKDAYS: usize = 5;

/// The weights of the hours of a week, and when in it a run begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hours {
    /// Weight of each hour since Monday 0:00, in millionths; never 0.
    weights: Vec<u64>,
    /// Age at the start of each hour and at the end of the week (ns).
    ages: Vec<u64>,
    /// When the run begins, in the week (ns).
    start: u64,
    /// Age at that instant.
    start_age: u64,
}

impl Hours {
    /// The weights of a rhythm.
    #[must_use]
    pub fn new(rhythm: Rhythm) -> Self {
        let peak = rhythm.peak.as_secs_f64() / 3_600.0;
        let weight = |hour: usize| {
            let of_day =
                1.0 + rhythm.day * libm::cos(TAU * ((hour % 24) as f64 + 0.5 - peak) / 24.0);
            if hour / 24 < WORKDAYS { of_day } else { of_day * rhythm.weekend }
        };
        let sum: f64 = (0..HOURS).map(weight).sum();
        let scaled = |hour| libm::round(weight(hour) / sum * HOURS as f64 * PPM as f64) as u64;
        let mut weights: Vec<u64> = (0..HOURS).map(|hour| scaled(hour).max(1)).collect();
        // What rounding left over goes to the heaviest hour, where it is least.
        let heaviest = (0..HOURS).max_by_key(|&hour| weights[hour]).expect("a week has hours");
        let others: u64 = weights.iter().sum::<u64>() - weights[heaviest];
        weights[heaviest] = HOURS as u64 * PPM - others;
        let mut ages = vec![0];
        for weight in &weights {
            ages.push(ages[ages.len() - 1] + weight * (HOUR / PPM));
        }
        let mut hours = Self { weights, ages, start: rhythm.start.0 % WEEK, start_age: 0 };
        hours.start_age = hours.age_in_week(hours.start);
        hours
    }

    /// How old a part is at `now` that was new when the run began (ns).
    #[must_use]
    pub fn age(&self, now: Time) -> u64 {
        let since_monday = u128::from(now.0) + u128::from(self.start);
        let week = u128::from(WEEK);
        let within = self.age_in_week((since_monday % week) as u64);
        let age = since_monday / week * week + u128::from(within) - u128::from(self.start_age);
        u64::try_from(age).unwrap_or(u64::MAX)
    }

    /// When a part that was new at the start of the run reaches an age (ns): the first instant at
    /// which it is at least so old.
    #[must_use]
    pub fn reached(&self, age: u64) -> Time {
        let age = u128::from(age) + u128::from(self.start_age);
        let (weeks, within) = (age / u128::from(WEEK), (age % u128::from(WEEK)) as u64);
        let hour = self.ages.partition_point(|&start| start <= within) - 1;
        let rest = u128::from(within - self.ages[hour]) * u128::from(PPM);
        let rest = rest.div_ceil(u128::from(self.weights[hour]));
        let at = weeks * u128::from(WEEK) + u128::from(hour as u64 * HOUR) + rest;
        let at = at.saturating_sub(u128::from(self.start));
        u64::try_from(at).map_or(Time::NEVER, Time)
    }

    fn age_in_week(&self, at: u64) -> u64 {
        let hour = (at / HOUR) as usize;
        let weight = u128::from(self.weights[hour]);
        self.ages[hour] + (u128::from(at % HOUR) * weight / u128::from(PPM)) as u64
    }
}

/// The instant at which a part that lives on from now has lived so much longer.
pub(super) fn later(hours: Option<&Hours>, now: Time, left: Span) -> Time {
    match hours {
        None => Time(now.0.saturating_add(left.0)),
        Some(_) if left == Span::FOREVER => Time::NEVER,
        Some(hours) => hours.reached(hours.age(now).saturating_add(left.0)),
    }
}

/// How much a part has lived from one instant to the other; nothing if they run backwards.
pub(super) fn between(hours: Option<&Hours>, from: Time, to: Time) -> Span {
    match hours {
        None => Span(to.0.saturating_sub(from.0)),
        Some(_) if to == Time::NEVER => Span::FOREVER,
        Some(hours) => Span(hours.age(to).saturating_sub(hours.age(from))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LANL: Rhythm = Rhythm {
        day: 0.36,
        peak: Span(14 * HOUR),
        weekend: 0.5,
        start: Span(9 * HOUR + 1_234_567),
    };

    #[test]
    fn a_week_ages_by_a_week_whenever_it_begins() {
        let hours = Hours::new(LANL);
        assert_eq!(hours.age(Time(0)), 0);
        for at in [0, 1, HOUR, 100 * HOUR + 7, 5_000 * HOUR] {
            assert_eq!(hours.age(Time(at + WEEK)) - hours.age(Time(at)), WEEK);
        }
        assert_eq!(hours.weights.iter().sum::<u64>(), HOURS as u64 * PPM);
    }

    /// LANL: 1.40 / 0.66 = 2.1 between the worst and the best hour, a half on the weekend.
    #[test]
    fn the_swing_of_a_day_and_the_weekend_are_as_asked() {
        let hours = Hours::new(LANL);
        let ratio = hours.weights[14] as f64 / hours.weights[2] as f64;
        assert!((ratio - 2.1).abs() < 0.05, "{ratio}");
        let weekend = hours.weights[5 * 24 + 3] as f64 / hours.weights[3] as f64;
        assert!((weekend - 0.5).abs() < 1e-5, "{weekend}");
    }

    #[test]
    fn an_age_is_reached_when_a_part_is_so_old() {
        let hours = Hours::new(LANL);
        let stream = crate::rng::Stream::new(2, "hours");
        let mut draw = stream.draw(0, 0);
        for _ in 0..10_000 {
            let age = draw.below(20 * WEEK);
            let at = hours.reached(age);
            assert!(hours.age(at) >= age, "{age}");
            assert!(at.0 == 0 || hours.age(Time(at.0 - 1)) < age, "{age}");
        }
        assert_eq!(later(Some(&hours), Time(5), Span::FOREVER), Time::NEVER);
    }

    #[test]
    fn without_a_rhythm_time_and_age_are_one() {
        assert_eq!(later(None, Time(5), Span(7)), Time(12));
        assert_eq!(between(None, Time(5), Time(12)), Span(7));
        let even = Rhythm { day: 0.0, weekend: 1.0, ..LANL };
        let hours = Hours::new(even);
        assert_eq!(later(Some(&hours), Time(5), Span(7)), Time(12));
        assert_eq!(between(Some(&hours), Time(5), Time(12)), Span(7));
    }
}
