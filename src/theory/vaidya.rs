//! Vaidya: checkpoints of overhead C and latency L, the rest of which is hidden behind computing.
//!
//! The formulas are recalled from Vaidya, "Impact of checkpoint latency on overhead ratio of a
//! checkpointing scheme", 1997. Not confirmed from a second source, but the condition of the
//! optimum is that of [`young_daly::exact`].

use super::young_daly;

/// A checkpoint whose writing goes on while computing goes on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Latent {
    /// Time by which it delays computing: C.
    pub overhead: f64,
    /// Time until it is of use: L >= C.
    pub latency: f64,
    /// Reading one back: R.
    pub recovery: f64,
}

impl Latent {
    /// Expected time of a period with `work` = T of computing:
    /// M e^((L - C + R)/M) (e^((T + C)/M) - 1).
    #[must_use]
    pub fn period(&self, work: f64, mtbf: f64) -> f64 {
        let hidden = (self.latency - self.overhead + self.recovery) / mtbf;
        mtbf * libm::exp(hidden) * libm::expm1((work + self.overhead) / mtbf)
    }

    /// The overhead ratio: time besides computing, as a share of it: period / T - 1.
    #[must_use]
    pub fn overhead_ratio(&self, work: f64, mtbf: f64) -> f64 {
        self.period(work, mtbf) / work - 1.0
    }

    /// The computing T of least overhead, from e^((T + C)/M) (1 - T/M) = 1. The latency does not
    /// matter to it.
    #[must_use]
    pub fn optimum(&self, mtbf: f64) -> f64 {
        young_daly::exact(self.overhead, mtbf)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_hidden_latency_it_is_dalys_wall_time() {
        let latent = Latent { overhead: 5.0, latency: 5.0, recovery: 10.0 };
        let daly = young_daly::wall_time(1.0, 60.0, 5.0, 10.0, 360.0);
        assert!((latent.overhead_ratio(60.0, 360.0) + 1.0 - daly).abs() < 1e-12);
    }

    #[test]
    fn the_latency_costs_but_does_not_move_the_optimum() {
        let slow = Latent { overhead: 5.0, latency: 50.0, recovery: 10.0 };
        let quick = Latent { latency: 5.0, ..slow };
        let best = slow.optimum(360.0);
        assert_eq!(best.to_bits(), quick.optimum(360.0).to_bits());
        assert!(slow.overhead_ratio(best, 360.0) > quick.overhead_ratio(best, 360.0));
        for near in [0.99, 1.01] {
            assert!(slow.overhead_ratio(best, 360.0) < slow.overhead_ratio(near * best, 360.0));
        }
    }
}
