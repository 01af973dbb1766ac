//! Replicas of any degree on any share of the seats: survival, and what follows from it.
//!
//! Nodes have exponential lifetimes of rate l. A seat of degree g lives at t with the chance
//! 1 - (1 - e^(-lt))^g, so a job of b such seats and u single ones, all alive at 0 and repaired
//! only when it is interrupted, survives until t with
//!
//! ```text
//!  S(t) = (1 - (1 - e^(-lt))^g)^b e^(-ult)
//! ```
//!
//! All functions here follow from S; with pairs alone they are those of
//! [`super::replication`]. Derived here and held against it and against simulated runs; not
//! confirmed from a second source.

use std::f64::consts::FRAC_PI_2;

use crate::theory::Costs;

/// Intervals of Simpson's rule.
const PIECES: u32 = 2_000;
/// Multiples of [`Seats::scale`] after which no job survives.
const FOREVER: f64 = 60.0;

/// The seats of a job.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Seats {
    /// Seats with several nodes: b.
    pub replicated: f64,
    /// Nodes on each of these: g.
    pub degree: f64,
    /// Seats with one node: u.
    pub single: f64,
    /// Failures of one node per unit of time: l.
    pub rate: f64,
}

impl Seats {
    /// S(t): the chance that a job whose nodes all live is not interrupted within t.
    #[must_use]
    pub fn survival(&self, t: f64) -> f64 {
        libm::exp(self.log_survival(t))
    }

    /// 1 - S(t), to the last digit where it is small.
    fn interrupted(&self, t: f64) -> f64 {
        -libm::expm1(self.log_survival(t))
    }

    fn log_survival(&self, t: f64) -> f64 {
        let single = -self.single * self.rate * t;
        if self.replicated <= 0.0 {
            return single;
        }
        let failed = -libm::expm1(-self.rate * t);
        let seat = libm::log1p(-libm::pow(failed, self.degree));
        self.replicated * seat + single
    }

    /// A time after which an interrupt is about as likely as not.
    fn scale(&self) -> f64 {
        let seats = libm::pow(self.replicated, 1.0 / self.degree).max(self.single).max(1.0);
        1.0 / (self.rate * seats)
    }

    /// The integral of f(t) S(t) over all t: by the double exponential rule t = c exp(pi/2 sinh x)
    /// (Takahasi and Mori, 1974) with step 1/64.
    fn integral(&self, f: impl Fn(f64) -> f64) -> f64 {
        const STEP: f64 = 1.0 / 64.0;
        let c = self.scale();
        let term = |i: i32| {
            let x = f64::from(i) * STEP;
            let t = c * libm::exp(FRAC_PI_2 * libm::sinh(x));
            let survival = self.survival(t);
            if survival > 0.0 {
                f(t) * survival * t * FRAC_PI_2 * libm::cosh(x) * STEP
            } else {
                0.0
            }
        };
        (-256..=256).map(term).sum()
    }

    /// Mean time to interrupt from all nodes alive: the integral of S.
    #[must_use]
    pub fn mtti(&self) -> f64 {
        self.integral(|_| 1.0)
    }

    /// Mean number of failures of running nodes until the job is interrupted, the last included:
    /// the integral of S(t) l (u + b g e^(-lt) / (1 - (1 - e^(-lt))^g)). For pairs it is
    /// [`super::replication::mnfti`] less one.
    #[must_use]
    pub fn failures_to_interrupt(&self) -> f64 {
        let running = |t: f64| {
            let lives = libm::exp(-self.rate * t);
            let seat = -libm::expm1(self.degree * libm::log1p(-lives));
            let of_seat = if seat > 0.0 { self.degree * lives / seat } else { 1.0 };
            self.rate * (self.single + self.replicated * of_seat)
        };
        self.integral(running)
    }

    /// Mean time alive within the first t: the integral of S from 0 to t, by Simpson's rule.
    fn alive(&self, t: f64) -> f64 {
        let end = t.min(FOREVER * self.scale());
        let step = end / f64::from(PIECES);
        let weight = |i: u32| match i {
            0 | PIECES => 1.0,
            odd if odd % 2 == 1 => 4.0,
            _ => 2.0,
        };
        let term = |i| weight(i) * self.survival(f64::from(i) * step);
        (0..=PIECES).map(term).sum::<f64>() * step / 3.0
    }

    /// Mean time to interrupt if all dead nodes are replaced each `period`: the mean time alive
    /// within a period over the chance of an interrupt in it.
    #[must_use]
    pub fn mtti_restarted(&self, period: f64) -> f64 {
        self.alive(period) / self.interrupted(period)
    }

    /// Efficiency of a long job whose dead nodes are replaced only after an interrupt: by renewal,
    /// W times the mean number of checkpoints committed from one interrupt to the next, over the
    /// mean time between them, D included.
    ///
    /// Failures strike computing, checkpoint and recovery, not downtime. With single seats alone
    /// it is the exact expectation of [`super::segment`].
    #[must_use]
    pub fn efficiency_no_restart(&self, work: f64, costs: Costs) -> f64 {
        let period = work + costs.write;
        let (mut committed, mut end) = (0.0, costs.recovery + period);
        loop {
            let survival = self.survival(end);
            committed += survival;
            if survival < 1e-12 {
                break;
            }
            end += period;
        }
        work * committed / (costs.downtime + self.mtti())
    }

    /// Efficiency of a long job whose dead nodes are all replaced at each checkpoint. Each chunk
    /// begins with all alive: with F = 1 - S and A the mean time alive, a try after a failure takes
    /// E' = (A(R + W + C) + F(R + W + C) D) / S(R + W + C) on average, and the chunk
    /// E = A(W + C) + F(W + C) (D + E').
    #[must_use]
    pub fn efficiency_restart(&self, work: f64, costs: Costs) -> f64 {
        let (first, again) = (work + costs.write, costs.recovery + work + costs.write);
        let retried = self.alive(again) + self.interrupted(again) * costs.downtime;
        let retried = retried / self.survival(again);
        work / (self.alive(first) + self.interrupted(first) * (costs.downtime + retried))
    }

    /// The first-order overhead with replacement at each checkpoint, as a share of the computing:
    /// C/T + u l T / 2 + b (l T)^g g / (g + 1). With pairs the last term is (2/3) b l^2 T^2 of
    /// [`super::replication::Restart`].
    #[must_use]
    pub fn overhead_restart(&self, period: f64, write: f64) -> f64 {
        let (b, g, lt) = (self.replicated, self.degree, self.rate * period);
        write / period + self.single * lt / 2.0 + b * libm::pow(lt, g) * g / (g + 1.0)
    }

    /// The computing between two checkpoints at which [`Self::overhead_restart`] is least; with
    /// replicated seats alone (C (g + 1) / (g^2 b l^g))^(1 / (g + 1)).
    #[must_use]
    pub fn period_restart(&self, write: f64) -> f64 {
        let (b, g, l) = (self.replicated, self.degree, self.rate);
        let replicated =
            libm::pow(write * (g + 1.0) / (g * g * b * libm::pow(l, g)), 1.0 / (g + 1.0));
        if self.single <= 0.0 {
            return replicated;
        }
        let single = libm::sqrt(2.0 * write / (self.single * l));
        let slope = |t: f64| {
            let seats = b * g * g / (g + 1.0) * libm::pow(l, g) * libm::pow(t, g - 1.0);
            seats + self.single * l / 2.0 - write / (t * t)
        };
        // Both terms pull the optimum down, neither by more than half.
        let mut high = if b > 0.0 { single.min(replicated) } else { single };
        let mut low = high / 2.0;
        for _ in 0..60 {
            let middle = f64::midpoint(low, high);
            if slope(middle) < 0.0 { low = middle } else { high = middle }
        }
        f64::midpoint(low, high)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::theory::replication::{Restart, mnfti, mtti};
    use crate::theory::segment::Segment;

    fn pairs(pairs: u32) -> Seats {
        Seats { replicated: f64::from(pairs), degree: 2.0, single: 0.0, rate: 1.0 }
    }

    fn near(found: f64, wanted: f64, within: f64) {
        assert!((found / wanted - 1.0).abs() < within, "{found} is not {wanted}");
    }

    #[test]
    fn pairs_have_the_closed_forms_of_pairs() {
        for n in [1, 2, 7, 100, 5_000, 100_000] {
            near(pairs(n).mtti(), mtti(u64::from(n), 1.0), 1e-9);
            near(pairs(n).failures_to_interrupt(), mnfti(u64::from(n)) - 1.0, 1e-9);
            let restart = Restart { pairs: f64::from(n), rate: 1.0, write: 1e-4 };
            near(pairs(n).period_restart(1e-4), restart.period(), 1e-12);
            near(pairs(n).overhead_restart(0.01, 1e-4), restart.overhead(0.01), 1e-12);
        }
    }

    /// The maximum of g exponential lives is the harmonic sum.
    #[test]
    fn one_seat_lives_as_long_as_the_longest_of_its_nodes() {
        let seat = |degree| Seats { replicated: 1.0, degree, single: 0.0, rate: 0.5 };
        near(seat(2.0).mtti(), 3.0, 1e-9);
        near(seat(3.0).mtti(), 2.0 * (1.0 + 0.5 + 1.0 / 3.0), 1e-9);
        near(seat(3.0).failures_to_interrupt(), 3.0, 1e-9);
    }

    #[test]
    fn single_seats_are_interrupted_by_each_failure_as_the_exact_segment_says() {
        let seats = Seats { replicated: 0.0, degree: 2.0, single: 50.0, rate: 1e-3 };
        near(seats.mtti(), 20.0, 1e-9);
        near(seats.failures_to_interrupt(), 1.0, 1e-9);
        near(seats.mtti_restarted(3.0), 20.0, 1e-9);
        let costs = Costs { write: 0.5, recovery: 0.7, downtime: 0.3 };
        near(seats.period_restart(0.5), libm::sqrt(2.0 * 0.5 * 20.0), 1e-9);
        let strikes =
            crate::scenario::job::Strikes { checkpoint: true, restart: true, downtime: false };
        let counts = crate::scenario::job::Counts::End;
        let segment = Segment { rate: 0.05, costs, strikes, counts };
        let exact = 4.0 / segment.time(4.0, true).mean;
        near(seats.efficiency_no_restart(4.0, costs), exact, 1e-8);
        near(seats.efficiency_restart(4.0, costs), exact, 1e-8);
    }

    #[test]
    fn the_first_order_of_restart_is_near_the_exact_form_for_short_periods() {
        for seats in [
            pairs(1_000),
            Seats { degree: 3.0, ..pairs(1_000) },
            Seats { replicated: 900.0, single: 20.0, ..pairs(1) },
        ] {
            let write = 1e-7;
            let best = seats.period_restart(write);
            let costs = Costs { write, recovery: 0.0, downtime: 0.0 };
            let overhead = |t| 1.0 / seats.efficiency_restart(t, costs) - 1.0;
            near(overhead(best), seats.overhead_restart(best, write), 0.02);
            assert!(overhead(best) < overhead(0.9 * best).min(overhead(1.1 * best)));
            let first = |t| seats.overhead_restart(t, write);
            assert!(first(best) < first(0.99 * best).min(first(1.01 * best)), "{seats:?}");
        }
    }

    #[test]
    fn replacing_the_dead_more_often_makes_interrupts_rarer() {
        let seats = pairs(100);
        let often = seats.mtti_restarted(0.01);
        assert!(often > seats.mtti_restarted(0.1) && seats.mtti_restarted(0.1) > seats.mtti());
        // b pairs of which both nodes fail within T: one over b T per unit of time.
        near(often, 1.0 / (100.0 * 0.01), 0.02);
        near(seats.mtti_restarted(1e3), seats.mtti(), 1e-6);
    }
}
