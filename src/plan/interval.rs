//! The formulas for the computing between two checkpoints.
//!
//! All spans in one unit, whichever. Sources and a table of values: Young 1974; Daly, "A higher
//! order estimate of the optimum checkpoint interval for restart dumps", 2006. Many copies of
//! Daly's formula on the web are wrong; this one returns the exact optimum to four digits where
//! the cost is small against the mean time between failures.

/// Young 1974: the computing between two checkpoints of cost `c` that wastes least to first order,
/// with a mean time between failures `m`: sqrt(2 C M).
#[must_use]
pub fn young(c: f64, m: f64) -> f64 {
    libm::sqrt(2.0 * c * m)
}

/// Daly 2006, higher order: sqrt(2 C M) (1 + (1/3) sqrt(C / 2M) + (1/9) (C / 2M)) - C if C < 2 M,
/// otherwise M.
#[must_use]
pub fn daly(c: f64, m: f64) -> f64 {
    if c >= 2.0 * m {
        return m;
    }
    let x = c / (2.0 * m);
    young(c, m) * (1.0 + libm::sqrt(x) / 3.0 + x / 9.0) - c
}

#[cfg(test)]
mod tests {
    use super::*;

    /// C = 5 min; M in minutes, then Young and Daly to three decimals.
    #[test]
    fn young_and_daly_give_their_published_values() {
        let rows = [(1_440.0, 120.0, 116.690), (360.0, 60.0, 56.713), (15.0, 12.247, 9.141)];
        for (m, by_young, by_daly) in rows {
            assert!((young(5.0, m) - by_young).abs() < 6e-4, "{}", young(5.0, m));
            assert!((daly(5.0, m) - by_daly).abs() < 6e-4, "{}", daly(5.0, m));
        }
    }

    /// The optimum of Daly's exact expectation satisfies exp((W + C) / M) (1 - W / M) = 1.
    #[test]
    fn daly_is_near_the_exact_optimum() {
        for m in [1_440.0, 360.0] {
            let w = daly(5.0, m);
            let off = libm::exp((w + 5.0) / m) * (1.0 - w / m) - 1.0;
            assert!(off.abs() < 1e-5, "{off}");
        }
    }

    #[test]
    fn with_a_cost_beyond_two_mtbf_daly_gives_the_mtbf() {
        assert_eq!(daly(31.0, 15.0).to_bits(), 15.0_f64.to_bits());
    }
}
