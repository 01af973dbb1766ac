//! Compressed checkpoints: what they take, and when compression pays.
//!
//! A node compresses S bytes at the rate c to S / q, and moves them at the rate b that it gets:
//!
//! ```text
//! S / c + S / (q b) < S / b      if and only if      b < c (1 - 1/q)
//! ```
//!
//! Restarts are alike, with the rate d of decompression. Derived here: arithmetic.
//!
//! Worked example: q = 2, c = 30 MB/s. A node that gets less than 15 MB/s writes sooner compressed;
//! at 5 MB/s 1 GB takes 133 s in place of 200 s.

/// Compression by each node for itself, not overlapped with the transfer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Compression {
    /// Data becomes so many times less: q.
    pub ratio: f64,
    /// Rate of the node, of the data as it was: c, or d when it is read back.
    pub rate: f64,
}

impl Compression {
    /// The time to compress a size and to move what is left of it, or the other way round:
    /// S / c + S / (q b).
    #[must_use]
    pub fn time(&self, size: f64, bandwidth: f64) -> f64 {
        size / self.rate + size / (self.ratio * bandwidth)
    }

    /// The rate of transfer below which it takes less time than without compression: c (1 - 1/q).
    #[must_use]
    pub fn pays_below(&self) -> f64 {
        self.rate * (1.0 - 1.0 / self.ratio)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worked_example_comes_out() {
        let own = Compression { ratio: 2.0, rate: 30e6 };
        assert!((own.pays_below() - 15e6).abs() < 1e-6);
        assert!((own.time(1e9, 5e6) - 400.0 / 3.0).abs() < 1e-9);
    }

    #[test]
    fn at_the_threshold_both_take_the_same_and_below_it_less() {
        let own = Compression { ratio: 3.0, rate: 45e6 };
        let at = own.pays_below();
        assert!((own.time(1e9, at) - 1e9 / at).abs() < 1e-6);
        assert!(own.time(1e9, 0.9 * at) < 1e9 / (0.9 * at));
        assert!(own.time(1e9, 1.1 * at) > 1e9 / (1.1 * at));
    }
}
