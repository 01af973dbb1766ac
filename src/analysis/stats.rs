//! Statistics over runs: mean, variance, confidence interval, quantile.

use statrs::distribution::{ContinuousCDF, StudentsT};

/// The mean; `None` of nothing.
#[must_use]
pub fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// The sample variance, with n - 1 in the denominator; `None` of fewer than two values.
#[must_use]
pub fn variance(values: &[f64]) -> Option<f64> {
    // The mean of equal values may be rounded; they vary by nothing for all that.
    let differ = |two: &[f64]| two[0].total_cmp(&two[1]).is_ne();
    let mean = mean(values).filter(|_| values.windows(2).any(differ));
    let squares = |mean| values.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>();
    (values.len() > 1).then(|| mean.map_or(0.0, squares) / (values.len() - 1) as f64)
}

/// A mean and the half width of its confidence interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// The mean.
    pub mean: f64,
    /// The interval reaches so far to both sides.
    pub half_width: f64,
}

impl Interval {
    /// Whether the interval holds the value.
    #[must_use]
    pub fn holds(&self, value: f64) -> bool {
        (value - self.mean).abs() <= self.half_width
    }
}

/// The confidence interval of the mean (Student's t) at a level such as 0.99; `None` of fewer
/// than two values. The values must be independent, and their mean nearly normal.
#[must_use]
pub fn confidence(values: &[f64], level: f64) -> Option<Interval> {
    assert!(level > 0.0 && level < 1.0, "a confidence level lies between 0 and 1");
    let (mean, variance) = (mean(values)?, variance(values)?);
    let n = values.len() as f64;
    let student = StudentsT::new(0.0, 1.0, n - 1.0).expect("there are two values at least");
    let t = student.inverse_cdf(0.5 + level / 2.0);
    Some(Interval { mean, half_width: t * libm::sqrt(variance / n) })
}

/// The quantile by linear interpolation (type 7 of Hyndman and Fan 1996, the default of R and
/// `NumPy`); `None` of nothing. The values need no order, but must be numbers.
#[must_use]
pub fn quantile(values: &[f64], share: f64) -> Option<f64> {
    assert!((0.0..=1.0).contains(&share), "a quantile lies between 0 and 1");
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let place = share * sorted.len().checked_sub(1)? as f64;
    let (below, above) = (sorted[place as usize], sorted[libm::ceil(place) as usize]);
    Some(below + (above - below) * (place - libm::floor(place)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALUES: [f64; 8] = [2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0];

    #[test]
    fn mean_and_variance_of_a_textbook_sample() {
        assert_eq!(mean(&VALUES), Some(5.0));
        assert_eq!(variance(&VALUES), Some(32.0 / 7.0));
        assert_eq!((mean(&[]), variance(&[1.0])), (None, None));
        // Forty times 0.1 makes 4.000000000000002, whose fortieth is not 0.1.
        assert_eq!(variance(&[0.1; 40]), Some(0.0));
    }

    #[test]
    fn the_interval_uses_the_tabled_quantiles_of_student() {
        // t(0.995) with 7, 1 and 29 degrees of freedom, from any printed table.
        for (n, t) in [(8u32, 3.499), (2, 63.657), (30, 2.756)] {
            let values: Vec<_> = (0..n).map(f64::from).collect();
            let interval = confidence(&values, 0.99).expect("enough values");
            let error = (variance(&values).expect("enough values") / f64::from(n)).sqrt();
            assert!((interval.half_width / error - t).abs() < 0.001, "{n} {interval:?}");
            assert!(interval.holds(interval.mean) && !interval.holds(1e9));
        }
        assert_eq!(confidence(&[1.0], 0.99), None);
    }

    #[test]
    fn quantiles_interpolate() {
        assert_eq!(quantile(&[4.0, 1.0, 3.0, 2.0], 0.5), Some(2.5));
        assert_eq!(quantile(&VALUES, 0.0), Some(2.0));
        assert_eq!(quantile(&VALUES, 1.0), Some(9.0));
        assert_eq!(quantile(&[1.0, 2.0], 0.25), Some(1.25));
        assert_eq!(quantile(&[], 0.5), None);
    }
}
