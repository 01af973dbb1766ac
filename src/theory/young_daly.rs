//! Young and Daly: the best computing between two checkpoints, and the wall time that it gives.
//!
//! Exponential failures of mean time M between them. `cost` is C (Daly's delta), `work` is W
//! (Daly's tau): computing only, without the checkpoint. Many copies of Daly's formulas on the web
//! are wrong, such as sqrt(2 C M) + C.
//!
//! Worked example: C = 5 min, M = 6 h. Young says 60 min, Daly's first order (R = 0) 55 min, his
//! higher order 56.713 min, and the exact optimum is 56.714 min.

use super::lambert::w0;

/// Young 1974: sqrt(2 C M), the computing W that wastes least to first order. For C much less
/// than M. Source: Young, "A first order approximation to the optimum checkpoint interval", 1974,
/// as several authors quote it.
#[must_use]
pub fn young(cost: f64, mtbf: f64) -> f64 {
    libm::sqrt(2.0 * cost * mtbf)
}

/// Daly 2003, first order: sqrt(2 C (M + R)) - C, the computing W. With R = 0 it is the simple
/// form that others quote. For C much less than M; negative beyond.
#[must_use]
pub fn daly_first(cost: f64, mtbf: f64, recovery: f64) -> f64 {
    libm::sqrt(2.0 * cost * (mtbf + recovery)) - cost
}

/// Daly 2006, higher order: sqrt(2 C M) (1 + (1/3) sqrt(C / 2M) + (1/9) (C / 2M)) - C if C < 2 M,
/// otherwise M. The exact optimum to four digits where C is less than M / 50. Source: Daly, "A
/// higher order estimate of the optimum checkpoint interval for restart dumps", 2006, and the
/// program `app_model` of Sandia National Laboratories.
#[must_use]
pub fn daly(cost: f64, mtbf: f64) -> f64 {
    if cost >= 2.0 * mtbf {
        return mtbf;
    }
    let x = cost / (2.0 * mtbf);
    young(cost, mtbf) * (1.0 + libm::sqrt(x) / 3.0 + x / 9.0) - cost
}

/// The computing W at which [`wall_time`] is least: M (1 + W0(-e^(-1 - C/M))), which solves
/// e^((W + C)/M) (1 - W/M) = 1. For any C and M. Derived here, and equal to Vaidya's condition.
/// Not confirmed from a second source.
#[must_use]
pub fn exact(cost: f64, mtbf: f64) -> f64 {
    mtbf * (1.0 + w0(-libm::exp(-1.0 - cost / mtbf)))
}

/// Daly's complete wall time, his equation 20: M e^(R/M) (e^((W + C)/M) - 1) Ts / W, for `solve`
/// = Ts of computing with W between two checkpoints. Failures strike computing, checkpoint and
/// recovery; there is no downtime besides R, and a checkpoint follows the last computing.
#[must_use]
pub fn wall_time(solve: f64, work: f64, cost: f64, recovery: f64, mtbf: f64) -> f64 {
    let period = (work + cost) / mtbf;
    mtbf * libm::exp(recovery / mtbf) * libm::expm1(period) * solve / work
}

/// Daly's progress rate at the interval of [`daly`]: the share of the time that is computing that
/// survives, e^(-R/M) (l - d^2/2) / (e^l - 1) with d = sqrt(2 C/M) and l = d + d^2/6 + d^3/36.
///
/// `None` from C = 2 M on: the source sets l = 1 there, which gives a negative rate. Source: Daly
/// and others, "Quantifying checkpoint efficiency".
#[must_use]
pub fn progress_rate(cost: f64, mtbf: f64, recovery: f64) -> Option<f64> {
    if cost >= 2.0 * mtbf {
        return None;
    }
    let d = libm::sqrt(2.0 * cost / mtbf);
    let l = d * (1.0 + d / 6.0 + d * d / 36.0);
    Some(libm::exp(-recovery / mtbf) * (l - d * d / 2.0) / libm::expm1(l))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::theory::tests::printed;

    /// C = 5 min, R = 10 min; M in minutes, then Young, Young - C, Daly, exact, and the wall times
    /// in hours of 500 h of computing at the exact optimum and at Young's interval.
    const ROWS: [[f64; 7]; 3] = [
        [1_440.0, 120.000, 115.000, 116.690, 116.6901, 547.882, 547.899],
        [360.0, 60.000, 55.000, 56.713, 56.7140, 610.216, 610.369],
        [15.0, 12.247, 7.247, 9.141, 9.1665, 2_504.159, 2_573.519],
    ];

    #[test]
    fn the_intervals_have_their_published_values() {
        for [m, by_young, by_first, by_daly, by_exact, ..] in ROWS {
            printed(young(5.0, m), by_young, 3);
            printed(daly_first(5.0, m, 0.0), by_first, 3);
            printed(daly(5.0, m), by_daly, 3);
            printed(exact(5.0, m), by_exact, 4);
        }
    }

    /// V1: Daly 2006, captions of his figures: 117, 57 and 9.1 min.
    #[test]
    fn the_optima_are_those_of_dalys_captions() {
        printed(daly(5.0, 1_440.0), 117.0, 0);
        printed(daly(5.0, 360.0), 57.0, 0);
        printed(daly(5.0, 15.0), 9.1, 1);
    }

    /// V2, and the wall time at Young's interval.
    #[test]
    fn the_wall_times_have_their_published_values() {
        for [m, _, _, _, _, best, at_young] in ROWS {
            printed(wall_time(500.0, exact(5.0, m), 5.0, 10.0, m), best, 3);
            printed(wall_time(500.0, young(5.0, m), 5.0, 10.0, m), at_young, 3);
        }
    }

    #[test]
    fn the_exact_optimum_solves_its_equation_and_is_the_least_of_the_wall_time() {
        for m in [1_440.0, 360.0, 15.0, 2.0, 1.0] {
            let w = exact(5.0, m);
            let off = libm::exp((w + 5.0) / m) * (1.0 - w / m) - 1.0;
            assert!(off.abs() < 1e-9, "{off}");
            let at = |w| wall_time(500.0, w, 5.0, 10.0, m);
            assert!(at(w) <= at(0.999 * w) && at(w) <= at(1.001 * w));
        }
    }

    /// V3, the part that is Daly's: C = 5 min, R = 10 min, 720 h on pairs that are interrupted
    /// every 122.90 h take 748.19 h with an interval of 268.223 min.
    #[test]
    fn the_sample_of_app_model_comes_out() {
        let (_, riesen) = crate::theory::replication::faults_to_interrupt(100_000);
        let m = riesen * 43_800.0 / 200_000.0 * 60.0;
        printed(m / 60.0, 122.90, 2);
        printed(daly(5.0, m), 268.223, 3);
        printed(wall_time(720.0, daly(5.0, m), 5.0, 10.0, m), 748.19, 2);
    }

    #[test]
    fn with_a_cost_beyond_two_mtbf_daly_gives_the_mtbf_and_no_progress_rate() {
        assert_eq!(daly(31.0, 15.0).to_bits(), 15.0_f64.to_bits());
        assert_eq!(progress_rate(31.0, 15.0, 1.0), None);
    }

    #[test]
    fn the_progress_rate_is_the_computing_over_the_wall_time() {
        for [m, ..] in ROWS {
            let rate = progress_rate(5.0, m, 10.0).expect("the cost is small");
            let by_wall_time = 500.0 / wall_time(500.0, daly(5.0, m), 5.0, 10.0, m);
            assert!((rate / by_wall_time - 1.0).abs() < 1e-12, "{rate} and {by_wall_time}");
        }
    }
}
