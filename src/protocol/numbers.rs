//! A set of small numbers, of nodes or seats.
//!
//! Ten thousand nodes come up at once and are taken at once, so each is a bit in a dense list.

use serde::{Deserialize, Serialize};

/// A set of numbers, in their order.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Numbers {
    /// Number n is bit n % 64 of word n / 64.
    words: Vec<u64>,
    len: usize,
}

impl Numbers {
    /// All below `end`. O(end / 64).
    #[must_use]
    pub fn below(end: u32) -> Self {
        let mut words = vec![u64::MAX; end as usize / 64];
        words.extend(Some((1 << (end % 64)) - 1).filter(|rest| *rest != 0));
        Self { words, len: end as usize }
    }

    /// Adds a number; says whether it was not there.
    pub fn insert(&mut self, number: u32) -> bool {
        let (word, bit) = (number as usize / 64, 1 << (number % 64));
        if self.words.len() <= word {
            self.words.resize(word + 1, 0);
        }
        let is_new = self.words[word] & bit == 0;
        self.words[word] |= bit;
        self.len += usize::from(is_new);
        is_new
    }

    /// Takes a number away; says whether it was there.
    pub fn remove(&mut self, number: u32) -> bool {
        let Some(word) = self.words.get_mut(number as usize / 64) else { return false };
        let bit = 1 << (number % 64);
        let is_there = *word & bit != 0;
        *word &= !bit;
        self.len -= usize::from(is_there);
        is_there
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// All, in their order. O(highest / 64) and O(1) for each.
    pub fn iter(&self) -> impl Iterator<Item = u32> {
        let words = if self.len > 0 { &self.words[..] } else { &[] };
        (0..).zip(words).flat_map(|(place, &word): (u32, &u64)| {
            let rests = std::iter::successors(Some(word), |rest| Some(rest & rest.wrapping_sub(1)));
            let bits = rests.take_while(|rest| *rest != 0);
            bits.map(move |rest| 64 * place + rest.trailing_zeros())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_below_a_number_are_those() {
        for end in [0, 1, 63, 64, 65, 200] {
            let numbers = Numbers::below(end);
            assert!(numbers.iter().eq(0..end), "{end}");
            assert_eq!((numbers.len(), numbers.is_empty()), (end as usize, end == 0));
        }
    }
}
