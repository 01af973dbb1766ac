//! Lambert's W function, principal branch, by Halley's iteration.
//!
//! W0(x) is the solution w >= -1 of w e^w = x. Worked example: W0(1) = 0.5671432904097838, since
//! 0.567143 e^0.567143 = 1. Source: Corless, Gonnet, Hare, Jeffrey, Knuth, "On the Lambert W
//! function", 1996 (series at the branch point and Halley's iteration).

use std::f64::consts::E;

/// Steps after which the iteration has settled from any start: each triples the correct digits.
const STEPS_MAX: usize = 40;

/// W0(x) for x >= -1/e; `NaN` below. The relative error of W0 is some 1e-16, that of 1 + W0 grows
/// towards the branch point: 1e-16 / (1 + e x).
#[must_use]
pub fn w0(x: f64) -> f64 {
    let above = E * x + 1.0;
    if x.is_nan() || above < -1e-15 {
        return f64::NAN;
    }
    if above <= 0.0 {
        return -1.0;
    }
    let mut w = start(x, above);
    for _ in 0..STEPS_MAX {
        let exp = libm::exp(w);
        let off = w * exp - x;
        let step = off / (exp * (w + 1.0) - (w + 2.0) * off / (2.0 * w + 2.0));
        if !step.is_finite() {
            break;
        }
        w -= step;
        if step.abs() <= 1e-16 * w.abs() {
            break;
        }
    }
    w
}

/// The series in sqrt(2 (1 + e x)) near the branch point, logarithms far from it.
fn start(x: f64, above: f64) -> f64 {
    if x < 0.5 {
        let p = libm::sqrt(2.0 * above);
        return -1.0 + p * (1.0 + p * (-1.0 / 3.0 + p * 11.0 / 72.0));
    }
    let log = libm::log1p(x);
    if x < 10.0 { log * 0.7 } else { log - libm::log(log) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values_come_out() {
        let rows = [
            (0.0, 0.0),
            (1.0, 0.567_143_290_409_783_8),
            (E, 1.0),
            (10.0, 1.745_528_002_740_699_4),
            (-0.2, -0.259_171_101_819_073_8),
            (-1.0 / E, -1.0),
        ];
        for (x, w) in rows {
            assert!((w0(x) - w).abs() < 1e-7, "W0({x}) = {}, not {w}", w0(x));
        }
        assert!(w0(-0.4).is_nan());
    }

    #[test]
    fn it_solves_its_equation_from_the_branch_point_to_large_arguments() {
        for k in 0..400 {
            let w = -1.0 + libm::exp(f64::from(k) * 0.04 - 9.0);
            let x = w * libm::exp(w);
            if x.is_finite() && w < 600.0 {
                let found = w0(x);
                let error = (found - w).abs() / (1.0 + w.abs());
                assert!(error < 1e-9, "W0({x}) = {found}, not {w}");
            }
        }
    }
}
