//! A sample of spans with its mean and quantiles, in bounded memory.
//!
//! Up to 65,536 spans it is exact. Beyond, spans are counted in bins of 1/1,024 of their octave
//! (as `HdrHistogram` does), so that a quantile is low by less than 0.1 %; count, mean, least and
//! largest stay exact.

/// Spans that are kept as they are.
const EXACT: usize = 1 << 16;

/// Bins of an octave, as a power of two.
const SUB_BITS: u32 = 10;

/// A sample of spans (ns).
#[derive(Clone, Debug, Default)]
pub(super) struct Sample {
    count: u64,
    sum: u128,
    max: u64,
    exact: Vec<u64>,
    bins: Vec<u64>,
}

impl Sample {
    /// Adds a span (ns).
    pub(super) fn add(&mut self, span: u64) {
        self.count += 1;
        self.sum += u128::from(span);
        self.max = self.max.max(span);
        if !self.bins.is_empty() {
            self.count_in_bin(span);
            return;
        }
        self.exact.push(span);
        if self.exact.len() > EXACT {
            for span in std::mem::take(&mut self.exact) {
                self.count_in_bin(span);
            }
        }
    }

    /// Spans in the sample.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// Their mean (s); `None` without any.
    pub(super) fn mean_s(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum as f64 / self.count as f64 / 1e9)
    }

    /// The largest (s); `None` without any.
    pub(super) fn max_s(&self) -> Option<f64> {
        (self.count > 0).then(|| self.max as f64 / 1e9)
    }

    /// The quantiles (s) by nearest rank: the least span that is not exceeded by this percentage
    /// of the sample; `None` without any.
    pub(super) fn percentiles_s<const N: usize>(&self, percent: [u64; N]) -> Option<[f64; N]> {
        self.permilles_s(percent.map(|percent| 10 * percent))
    }

    /// The same in tenths of a percent.
    pub(super) fn permilles_s<const N: usize>(&self, permille: [u64; N]) -> Option<[f64; N]> {
        if self.count == 0 {
            return None;
        }
        let mut sorted = self.exact.clone();
        sorted.sort_unstable();
        Some(permille.map(|permille| {
            let rank = u128::from(self.count) * u128::from(permille);
            let rank = rank.div_ceil(1_000).max(1) as u64;
            let span =
                if self.bins.is_empty() { sorted[rank as usize - 1] } else { self.at_rank(rank) };
            span as f64 / 1e9
        }))
    }

    fn count_in_bin(&mut self, span: u64) {
        let bin = bin_of(span);
        if self.bins.len() <= bin {
            self.bins.resize(bin + 1, 0);
        }
        self.bins[bin] += 1;
    }

    fn at_rank(&self, rank: u64) -> u64 {
        if rank == self.count {
            return self.max;
        }
        let mut seen = 0;
        for (bin, count) in self.bins.iter().enumerate() {
            seen += count;
            if seen >= rank {
                return start_of(bin);
            }
        }
        unreachable!("the ranks are those of the spans counted")
    }
}

/// Spans below 2^10 have a bin of their own; above, the leading 11 bits name the bin.
fn bin_of(span: u64) -> usize {
    let octave = (u64::BITS - span.leading_zeros()).saturating_sub(SUB_BITS + 1);
    ((u64::from(octave) << SUB_BITS) + (span >> octave)) as usize
}

/// The least span of a bin.
fn start_of(bin: usize) -> u64 {
    let bin = bin as u64;
    let octave = (bin >> SUB_BITS).saturating_sub(1);
    (bin - (octave << SUB_BITS)) << octave
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_span_lies_in_its_bin_and_the_bin_is_narrow(span in any::<u64>()) {
            let start = start_of(bin_of(span));
            prop_assert!(start <= span);
            prop_assert!((span - start) as f64 <= span as f64 / 1024.0);
        }
    }

    #[test]
    fn small_samples_are_exact() {
        let mut sample = Sample::default();
        assert_eq!(sample.mean_s(), None);
        assert_eq!(sample.percentiles_s([50]), None);
        (1..=100).rev().for_each(|i| sample.add(i * 1_000_000_000));
        assert_eq!(sample.percentiles_s([1, 50, 95, 100]), Some([1.0, 50.0, 95.0, 100.0]));
        assert_eq!((sample.mean_s(), sample.max_s()), (Some(50.5), Some(100.0)));
        assert_eq!(sample.count(), 100);
    }

    #[test]
    fn large_samples_are_exact_to_a_thousandth() {
        let mut sample = Sample::default();
        let n = 200_000;
        (1..=n).for_each(|i| sample.add(i * 10_000_019));
        let expected = [50, 90, 99].map(|percent| (n * percent / 100 * 10_000_019) as f64 / 1e9);
        let found = sample.percentiles_s([50, 90, 99]).expect("a sample");
        for (found, expected) in found.into_iter().zip(expected) {
            assert!(found <= expected && expected < found * 1.001, "{found} {expected}");
        }
        assert_eq!(sample.percentiles_s([100]), Some([(n * 10_000_019) as f64 / 1e9]));
        assert_eq!(sample.sum, u128::from(n * (n + 1) / 2 * 10_000_019));
    }
}
