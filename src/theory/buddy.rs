//! Checkpoints in the memory of one buddy or two: the chance to lose both copies.
//!
//! The formulas are recalled from Dongarra, Herault, Robert, "Performance and reliability
//! trade-offs for the double checkpointing algorithm", 2014. Not confirmed from a second source;
//! the chances follow from the rates of their failures.

/// The chance that `nodes` in pairs lose no pair within `time`:
/// (1 - 2 l^2 T Risk)^(n/2). `rate` is l of one node; `risk` is the time after a failure in which
/// its buddy has the only copy. For l Risk much less than 1; zero where the bracket is negative.
#[must_use]
pub fn double_success(nodes: f64, rate: f64, time: f64, risk: f64) -> f64 {
    let lost = 2.0 * rate * rate * time * risk;
    libm::pow((1.0 - lost).max(0.0), nodes / 2.0)
}

/// The chance that `nodes` in triples lose no triple within `time`: (1 - 6 l^3 T Risk^2)^(n/3).
/// For l Risk much less than 1; zero where the bracket is negative.
#[must_use]
pub fn triple_success(nodes: f64, rate: f64, time: f64, risk: f64) -> f64 {
    let lost = 6.0 * rate * rate * rate * time * risk * risk;
    libm::pow((1.0 - lost).max(0.0), nodes / 3.0)
}

/// Checkpoints that one group of `copies` nodes loses per unit of time, for any l Risk; its first
/// order is what [`double_success`] and [`triple_success`] have.
///
/// Let j nodes have lost their memory. Another failure begins the window anew, and strikes within
/// it with the chance p(j) = 1 - e^(-(copies - j) l Risk); the time in the window is
/// p(j) / ((copies - j) l). So the chance to lose all from there is P(j) = p(j) P(j+1), P(copies) =
/// 1, and the time until it is lost or whole again S(j) = p(j) (1/((copies - j) l) + S(j+1)),
/// S(copies) = 0. The rate is P(1) / (1/(copies l) + S(1)). Derived; not confirmed from a second
/// source. What is played agrees.
///
/// Left out: that a node may fail again within its window, and that after a loss there is nothing
/// to lose until the next checkpoint.
#[must_use]
pub fn loss_rate(copies: u32, rate: f64, risk: f64) -> f64 {
    let (mut lost, mut time) = (1.0, 0.0);
    for left in 1..copies {
        let failures = f64::from(left) * rate;
        let struck = -libm::expm1(-failures * risk);
        lost *= struck;
        time = struck * (1.0 / failures + time);
    }
    lost / (1.0 / (f64::from(copies) * rate) + time)
}

/// The chance that `groups` of `copies` nodes lose a checkpoint within `time`, 1 - e^(-groups r
/// time) with the rate r of [`loss_rate`]. `rate` in 1/s with `risk` and `time` in s, or alike.
///
/// Losses come after a geometric number of windows, all alike: so the time until the first is
/// exponential but for the length of one window, and the value is exact but for shares of about
/// `risk` / `time` and `copies` x `rate` x `risk`. It needs no small chance, as the forms of first
/// order do. Derived; not confirmed from a second source; a test holds it against a play.
#[must_use]
pub fn loss_chance(copies: u32, groups: f64, rate: f64, risk: f64, time: f64) -> f64 {
    -libm::expm1(-groups * loss_rate(copies, rate, risk) * time)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Stream;

    /// A pair is lost when a failure meets the buddy within the risk: 2 l times 1 - e^(-l Risk).
    #[test]
    fn losses_of_pairs_meet_a_play_of_their_failures() {
        let (rate, time, risk, pairs) = (1.0 / 1_000.0, 10_000.0, 2.0, 40_000_u32);
        let stream = Stream::new(11, "theory/buddy");
        let lost = (0..pairs).filter(|pair| {
            let mut draw = stream.draw(u64::from(*pair), 0);
            let mut now = draw.exponential(0.5 / rate);
            while now < time {
                if draw.exponential(1.0 / rate) < risk {
                    return true;
                }
                now += risk + draw.exponential(0.5 / rate);
            }
            false
        });
        let found = lost.count() as f64 / f64::from(pairs);
        let exact = 1.0 - double_success(2.0, rate, time, risk);
        let half_width = 2.576 * libm::sqrt(exact * (1.0 - exact) / f64::from(pairs));
        // The formula is of first order in l T Risk l: it is good to about 2 % here.
        assert!((found - exact).abs() < half_width + 0.02 * exact, "{found} {exact}");
    }

    /// Triples whose failures come one by one; each begins the window anew.
    #[test]
    fn the_chance_of_a_loss_meets_a_play_of_triples() {
        let (rate, time, risk, triples) = (1.0 / 1_000.0, 20_000.0, 30.0, 20_000_u32);
        let stream = Stream::new(12, "theory/buddy");
        let lost = (0..triples).filter(|triple| {
            let mut draw = stream.draw(u64::from(*triple), 0);
            let (mut now, mut left) = (draw.exponential(1.0 / (3.0 * rate)), 2.0);
            while now < time && left > 0.0 {
                let next = draw.exponential(1.0 / (left * rate));
                if next < risk {
                    (now, left) = (now + next, left - 1.0);
                } else {
                    (now, left) = (now + risk + draw.exponential(1.0 / (3.0 * rate)), 2.0);
                }
            }
            now < time
        });
        let found = lost.count() as f64 / f64::from(triples);
        let exact = loss_chance(3, 1.0, rate, risk, time);
        let half_width = 2.576 * libm::sqrt(exact * (1.0 - exact) / f64::from(triples));
        assert!((found - exact).abs() < half_width, "{found}, not {exact} +- {half_width}");
        let first_order = 1.0 - triple_success(3.0, rate, time, risk);
        assert!((first_order - exact).abs() > half_width, "of first order it is not exact enough");
    }

    #[test]
    fn a_second_buddy_makes_losses_rare() {
        let (nodes, rate, time, risk) = (1e6, 1.0 / 3e8, 1e7, 60.0);
        let (two, three) =
            (double_success(nodes, rate, time, risk), triple_success(nodes, rate, time, risk));
        assert!((two - 0.993_4).abs() < 1e-4, "{two}");
        assert!(1.0 - three < 1e-6 && three < 1.0, "{three}");
        assert!(double_success(1e6, 1.0, 1e7, 1.0).abs() < 1e-300, "beyond its range");
    }

    #[test]
    fn with_short_windows_losses_are_those_of_the_first_order() {
        let (rate, risk): (f64, f64) = (1e-4, 0.1);
        let pairs = 2.0 * rate * rate * risk;
        let triples = 6.0 * rate * rate * rate * risk * risk;
        assert!((loss_rate(2, rate, risk) / pairs - 1.0).abs() < 1e-4);
        assert!((loss_rate(3, rate, risk) / triples - 1.0).abs() < 1e-4);
        assert!((loss_rate(1, rate, risk) / rate - 1.0).abs() < 1e-12, "nobody has a copy");
    }
}
