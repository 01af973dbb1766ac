//! Statistics of two samples: the difference of their means, and the distance of their curves.
//!
//! Worked example. The curves of the samples 1, 2, 3 and 2, 3, 4 (the shares of values up to x)
//! differ by 1/3 everywhere from 1 to 4. So their Kolmogorov-Smirnov distance is 1/3, and the area
//! between them is (4 - 1) / 3 = 1, as every value moved by 1.

use serde::Serialize;
use statrs::distribution::{ContinuousCDF, StudentsT};
use statrs::stats_tests::NaNPolicy;
use statrs::stats_tests::ks_test::{KSTwoSampleAlternativeMethod, ks_twosample};

use super::stats::{Interval, mean, variance};

/// Up to this product of the sizes the p-value is exact (what `statrs` is ready to count).
const EXACT: usize = 10_000;

/// The mean of `b` minus that of `a`, with its confidence interval at a level such as 0.99.
///
/// * Two values or more on both sides: Welch's interval, for unequal variances (B. L. Welch,
///   "The generalization of Student's problem", Biometrika 34, 1947), with the degrees of freedom
///   of Welch and Satterthwaite.
/// * One value on one side: the interval in which one more value of the other side would lie,
///   t s sqrt(1 + 1/n), so both sides are assumed to vary alike.
/// * One value on both sides, or none on one: `None`.
///
/// The values of a side must be independent of each other.
#[must_use]
pub fn difference(a: &[f64], b: &[f64], level: f64) -> Option<Interval> {
    assert!(level > 0.0 && level < 1.0, "a confidence level lies between 0 and 1");
    let (n_a, n_b) = (a.len() as f64, b.len() as f64);
    let (square, freedom) = match (variance(a), variance(b)) {
        (Some(of_a), Some(of_b)) => {
            let (of_a, of_b) = (of_a / n_a, of_b / n_b);
            let square = of_a + of_b;
            let under = of_a * of_a / (n_a - 1.0) + of_b * of_b / (n_b - 1.0);
            (square, if under > 0.0 { square * square / under } else { n_a + n_b - 2.0 })
        }
        (Some(of_a), None) => (of_a * (1.0 + 1.0 / n_a), n_a - 1.0),
        (None, Some(of_b)) => (of_b * (1.0 + 1.0 / n_b), n_b - 1.0),
        (None, None) => return None,
    };
    let difference = mean(b)? - mean(a)?;
    let student = StudentsT::new(0.0, 1.0, freedom).expect("a side has two values at least");
    let t = student.inverse_cdf(0.5 + level / 2.0);
    Some(Interval { mean: difference, half_width: t * libm::sqrt(square) })
}

/// The test of Kolmogorov and Smirnov with two samples.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct KolmogorovSmirnov {
    /// The largest difference of the two empirical distribution functions, 0 to 1.
    pub distance: f64,
    /// The distance that independent values of one law exceed in 1 % of all cases, for large
    /// samples; 1 where the samples are so small that it would be more.
    pub critical: f64,
    /// How often independent values of one law are as far apart or farther.
    pub p: f64,
}

/// Holds two samples, each in ascending order, against each other; `None` if one has no value.
///
/// The p-value is exact for small samples and that of Kolmogorov's limit for large ones. Ties make
/// it larger than it should be. Both assume that the values of a sample are independent.
#[must_use]
pub fn kolmogorov_smirnov(a: &[f64], b: &[f64]) -> Option<KolmogorovSmirnov> {
    if a.is_empty() || b.is_empty() {
        return None;
    }
    let (n_a, n_b) = (a.len() as u128, b.len() as u128);
    let mut apart = 0;
    walk(a, b, |_, _, up_to_a, up_to_b| {
        apart = apart.max((up_to_a as u128 * n_b).abs_diff(up_to_b as u128 * n_a));
    });
    let distance = apart as f64 / (n_a * n_b) as f64;
    let size = (n_a * n_b) as f64 / (n_a + n_b) as f64;
    let p = if apart == 0 {
        1.0
    } else if a.len().saturating_mul(b.len()) <= EXACT {
        let method = KSTwoSampleAlternativeMethod::TwoSidedExact;
        let (_, p) = ks_twosample(a.to_vec(), b.to_vec(), method, NaNPolicy::Error)
            .expect("the samples are small, not empty, and of numbers");
        p.clamp(0.0, 1.0)
    } else {
        beyond(libm::sqrt(size) * distance)
    };
    // The limit's quantile at 1 %, by the first term of its series: 2 exp(-2 x^2) = 0.01.
    let critical = f64::min(libm::sqrt(libm::log(200.0) / 2.0 / size), 1.0);
    Some(KolmogorovSmirnov { distance, critical, p })
}

/// The chance that Kolmogorov's limit exceeds `x`: 2 Σ (-1)^(k-1) exp(-2 k² x²).
fn beyond(x: f64) -> f64 {
    if x < 0.2 {
        // 1 - 5e-12 and above; the series converges slowly here.
        return 1.0;
    }
    let term = |k: i32| {
        let sign = if k % 2 == 1 { 2.0 } else { -2.0 };
        sign * libm::exp(-2.0 * f64::from(k * k) * x * x)
    };
    (1..=100).map(term).sum::<f64>().clamp(0.0, 1.0)
}

/// The area between two empirical distribution functions (Wasserstein's distance of order 1): how
/// far a value of `a` has to move to become one of `b`, in the mean. Ascending order; `None` if
/// one has no value.
#[must_use]
pub fn area_between(a: &[f64], b: &[f64]) -> Option<f64> {
    if a.is_empty() || b.is_empty() {
        return None;
    }
    let mut area = 0.0;
    walk(a, b, |from, to, up_to_a, up_to_b| {
        let apart = up_to_a as f64 / a.len() as f64 - up_to_b as f64 / b.len() as f64;
        area += apart.abs() * (to - from);
    });
    Some(area)
}

/// Visits each stretch between two neighbouring values of both samples: where it begins and ends
/// (after the last value it has no length), and how many values of each sample lie up to it.
fn walk(a: &[f64], b: &[f64], mut visit: impl FnMut(f64, f64, usize, usize)) {
    assert!(a.is_sorted() && b.is_sorted(), "samples are in ascending order");
    let (mut up_to_a, mut up_to_b) = (0, 0);
    let next = |up_to_a: usize, up_to_b: usize| match (a.get(up_to_a), b.get(up_to_b)) {
        (Some(one), Some(other)) => Some(one.min(*other)),
        (one, other) => one.or(other).copied(),
    };
    while let Some(from) = next(up_to_a, up_to_b) {
        up_to_a += a[up_to_a..].iter().take_while(|value| **value <= from).count();
        up_to_b += b[up_to_b..].iter().take_while(|value| **value <= from).count();
        visit(from, next(up_to_a, up_to_b).unwrap_or(from), up_to_a, up_to_b);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn near(found: f64, expected: f64, by: f64) {
        assert!((found - expected).abs() <= by, "{found} is not {expected}");
    }

    #[test]
    fn welch_in_closed_form() {
        // Equal sizes and variances: 2 n - 2 = 8 degrees of freedom, variance 2.5, so that the
        // half width is t(0.995; 8) sqrt(2.5 / 5 + 2.5 / 5) = 3.3554, from any printed table.
        let a = [1.0, 2.0, 3.0, 4.0, 5.0];
        let b = a.map(|value| value + 10.0);
        let interval = difference(&a, &b, 0.99).expect("enough values");
        near(interval.mean, 10.0, 1e-12);
        near(interval.half_width, 3.3554, 1e-4);
        // Variances 1 and 100 over n = 2 each: freedom (0.5 + 50)^2 / (0.25 + 2500) = 1.02.
        let root = f64::sqrt(0.5);
        let (a, b) = ([-root, root], [-10.0 * root, 10.0 * root]);
        let interval = difference(&a, &b, 0.95).expect("enough values");
        let student = StudentsT::new(0.0, 1.0, 50.5 * 50.5 / 2500.25).expect("a law");
        near(interval.half_width, student.inverse_cdf(0.975) * f64::sqrt(50.5), 1e-9);
    }

    #[test]
    fn one_value_against_many_is_a_prediction() {
        // t(0.995; 4) = 4.6041, s^2 = 2.5, n = 5: 4.6041 sqrt(2.5 * 1.2) = 7.9745.
        let (a, b) = ([1.0, 2.0, 3.0, 4.0, 5.0], [9.0]);
        let interval = difference(&a, &b, 0.99).expect("enough values");
        near(interval.mean, 6.0, 1e-12);
        near(interval.half_width, 7.9745, 2e-4);
        let back = difference(&b, &a, 0.99).expect("enough values");
        near(back.mean, -6.0, 1e-12);
        near(back.half_width, interval.half_width, 1e-12);
        assert_eq!(difference(&b, &b, 0.99), None);
        assert_eq!(difference(&a, &[], 0.99), None);
    }

    #[test]
    fn runs_that_never_vary_differ_for_certain() {
        let interval = difference(&[1.0; 3], &[2.0; 4], 0.99).expect("enough values");
        assert_eq!(interval, Interval { mean: 1.0, half_width: 0.0 });
    }

    #[test]
    fn the_example_of_the_header() {
        let (a, b) = ([1.0, 2.0, 3.0], [2.0, 3.0, 4.0]);
        let ks = kolmogorov_smirnov(&a, &b).expect("values");
        near(ks.distance, 1.0 / 3.0, 1e-12);
        near(ks.p, 1.0, 1e-12);
        near(area_between(&a, &b).expect("values"), 1.0, 1e-12);
    }

    #[test]
    fn samples_apart_have_distance_one_and_the_p_of_counting() {
        // All of 3 values below all of 4: two of the 35 orders are as extreme.
        let ks = kolmogorov_smirnov(&[1.0, 2.0, 3.0], &[4.0, 5.0, 6.0, 7.0]).expect("values");
        near(ks.distance, 1.0, 0.0);
        near(ks.p, 2.0 / 35.0, 1e-9);
        // So few values have no critical distance; of more it is 1.6276 sqrt((m + n) / m n), with
        // 1.6276 from any printed table.
        near(ks.critical, 1.0, 0.0);
        let many: Vec<_> = (0..100).map(f64::from).collect();
        let ks = kolmogorov_smirnov(&many, &many[..50]).expect("values");
        near(ks.critical, 1.6276 * f64::sqrt(150.0 / 5000.0), 1e-4);
        near(ks.distance, 0.5, 1e-12);
    }

    #[test]
    fn a_published_example_has_its_p() {
        // scipy.stats.ks_2samp, exact, as quoted in the tests of statrs.
        let mut a = [
            0.758_572_20,
            0.454_853_67,
            -1.797_471_76,
            0.010_342_35,
            0.997_626_64,
            0.932_199_30,
            0.111_247_72,
            -0.015_411_50,
            -1.160_676_78,
            -0.492_108_78,
        ];
        let mut b = [
            -0.009_876_332,
            0.119_263_550,
            -2.048_604_274,
            0.997_550_468,
            -0.419_749_716,
            -0.352_510_481,
            1.196_767_584,
            0.726_644_239,
            -0.329_687_578,
            0.275_964_060,
            -0.170_640_773,
            1.834_959_167,
            -1.083_563_713,
            1.665_032_060,
            1.636_287_642,
        ];
        a.sort_by(f64::total_cmp);
        b.sort_by(f64::total_cmp);
        let ks = kolmogorov_smirnov(&a, &b).expect("values");
        near(ks.distance, 0.266_666_666_666_666_66, 1e-12);
        near(ks.p, 0.731_542_236_199_659_7, 1e-9);
    }

    #[test]
    fn the_limit_has_its_tabled_quantiles() {
        // N. Smirnov, "Table for estimating the goodness of fit", 1948: L(1.36) = 0.950514,
        // L(1.63) = 0.990154; and its median 0.82757.
        near(beyond(1.36), 0.049_486, 1e-6);
        near(beyond(1.63), 0.009_846, 1e-6);
        near(beyond(0.827_573_555), 0.5, 1e-6);
        near(beyond(0.2), 1.0, 1e-9);
        near(beyond(9.0), 0.0, 1e-12);
    }

    #[test]
    fn a_sample_is_not_apart_from_itself() {
        let a = [0.0, 0.0, 1.5, 1.5, 7.0];
        let ks = kolmogorov_smirnov(&a, &a).expect("values");
        assert!(ks.distance == 0.0 && ks.p > 1.0 - 1e-12, "{ks:?}");
        assert_eq!(area_between(&a, &a), Some(0.0));
        assert_eq!((kolmogorov_smirnov(&a, &[]), area_between(&[], &a)), (None, None));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]
        #[test]
        fn distances_are_those_of_the_slow_way(
            mut a in proptest::collection::vec((0_i32..40).prop_map(f64::from), 1..30),
            mut b in proptest::collection::vec((0_i32..40).prop_map(f64::from), 1..30),
        ) {
            a.sort_by(f64::total_cmp);
            b.sort_by(f64::total_cmp);
            let share = |of: &[f64], x: f64| {
                of.iter().filter(|value| **value <= x).count() as f64 / of.len() as f64
            };
            let apart = |x: i32| (share(&a, f64::from(x)) - share(&b, f64::from(x))).abs();
            let ks = kolmogorov_smirnov(&a, &b).expect("values");
            prop_assert!((ks.distance - (0..40).map(apart).fold(0.0, f64::max)).abs() < 1e-12);
            let area = area_between(&a, &b).expect("values");
            prop_assert!((area - (0..40).map(apart).sum::<f64>()).abs() < 1e-9);
            prop_assert!((0.0..=1.0).contains(&ks.p));
        }
    }
}
