//! What codes make of wrong bits: corrected, detected, or neither.
//!
//! Rules, with the source of each:
//!
//! * Parity sees an odd number of wrong bits in a word, and corrects nothing.
//! * SECDED (Hsiao 1970: 64 bits of data in 72) corrects one wrong bit and detects two. All columns
//!   of its check matrix have odd weight, so four wrong bits look like none in one case of the 128
//!   even syndromes, and three look like a single one in 72 cases of the 128 odd syndromes, and are
//!   then made worse. Derived here by taking syndromes as evenly spread; the test counts both on
//!   such a code.
//! * Chipkill corrects whatever one chip does to a word and detects two (SSC-DSD; Dell 1997). Two
//!   adjacent bits of a cache are taken as one chip.
//! * A chip that fails puts a random pattern into its four bits of a word: each of the 15 that are
//!   not all right is as likely as the others. Assumption.

use crate::cosmic::memory::Protection;

/// What a code makes of a kind of damage: shares that add up to one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Verdict {
    /// Corrected.
    pub corrected: f64,
    /// Noticed and not corrected.
    pub detected: f64,
    /// Not noticed, or corrected wrongly.
    pub escaped: f64,
}

/// All of it is corrected.
const CORRECTED: Verdict = Verdict { corrected: 1.0, detected: 0.0, escaped: 0.0 };
/// None of it is noticed.
const ESCAPED: Verdict = Verdict { corrected: 0.0, detected: 0.0, escaped: 1.0 };

/// Patterns of the four bits of a chip by how many are wrong: one, two, three, four.
const PATTERNS: [f64; 4] = [4.0, 6.0, 4.0, 1.0];

impl Verdict {
    /// All of it is noticed, and not corrected.
    pub const DETECTED: Self = Self { corrected: 0.0, detected: 1.0, escaped: 0.0 };

    /// One kind of damage with this share, another else.
    #[must_use]
    pub fn mix(share: f64, one: Self, other: Self) -> Self {
        let mixed = |one: f64, other: f64| share * one + (1.0 - share) * other;
        Self {
            corrected: mixed(one.corrected, other.corrected),
            detected: mixed(one.detected, other.detected),
            escaped: mixed(one.escaped, other.escaped),
        }
    }

    /// The verdict of the first word of many that is not corrected.
    #[must_use]
    pub fn first_uncorrected(self) -> Self {
        let left = self.detected + self.escaped;
        if left <= 0.0 {
            return self;
        }
        Self { corrected: 0.0, detected: self.detected / left, escaped: self.escaped / left }
    }
}

/// One wrong bit in a word.
#[must_use]
pub fn one_bit(code: Protection) -> Verdict {
    match code {
        Protection::None => ESCAPED,
        Protection::Parity => Verdict::DETECTED,
        Protection::Secded | Protection::Chipkill => CORRECTED,
    }
}

/// Two wrong bits in a word, side by side.
#[must_use]
pub fn two_bits(code: Protection) -> Verdict {
    match code {
        Protection::None | Protection::Parity => ESCAPED,
        Protection::Secded => Verdict::DETECTED,
        Protection::Chipkill => CORRECTED,
    }
}

/// A random pattern in the four bits that one chip gives to a word.
#[must_use]
pub fn chip(code: Protection) -> Verdict {
    let [one, two, three, four] = PATTERNS.map(|count| count / 15.0);
    match code {
        Protection::None => ESCAPED,
        Protection::Parity => {
            Verdict { corrected: 0.0, detected: one + three, escaped: two + four }
        }
        Protection::Secded => {
            let escaped = three * THREE_MISCORRECTED + four * FOUR_UNSEEN;
            Verdict { corrected: one, detected: two + three + four - escaped, escaped }
        }
        Protection::Chipkill => CORRECTED,
    }
}

/// All four bits that one chip gives to a word are wrong.
#[must_use]
pub fn whole_chip(code: Protection) -> Verdict {
    match code {
        Protection::None | Protection::Parity => ESCAPED,
        Protection::Secded => {
            Verdict { corrected: 0.0, detected: 1.0 - FOUR_UNSEEN, escaped: FOUR_UNSEEN }
        }
        Protection::Chipkill => CORRECTED,
    }
}

/// Share of three wrong bits that SECDED takes for one.
const THREE_MISCORRECTED: f64 = 72.0 / 128.0;
/// Share of four wrong bits that SECDED does not see.
const FOUR_UNSEEN: f64 = 1.0 / 128.0;

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Protection; 4] =
        [Protection::None, Protection::Parity, Protection::Secded, Protection::Chipkill];

    #[test]
    fn every_verdict_is_complete() {
        for code in ALL {
            for verdict in [one_bit(code), two_bits(code), chip(code), whole_chip(code)] {
                for reported in [verdict, verdict.first_uncorrected()] {
                    let sum = reported.corrected + reported.detected + reported.escaped;
                    assert!((sum - 1.0).abs() < 1e-12, "{code:?}: {reported:?}");
                }
            }
        }
        let reported = chip(Protection::Secded).first_uncorrected();
        assert_eq!(format!("{:.3} {:.3}", reported.detected, reported.escaped), "0.795 0.205");
    }

    /// A Hsiao code: the 8 columns of weight 1, the 56 of weight 3, and 8 of weight 5.
    fn columns() -> Vec<u8> {
        let of_weight = |weight| (0..=u8::MAX).filter(move |column| column.count_ones() == weight);
        of_weight(1).chain(of_weight(3)).chain(of_weight(5).step_by(7)).collect()
    }

    #[test]
    fn a_hsiao_code_makes_of_wrong_bits_what_the_rules_say() {
        let columns = columns();
        assert_eq!(columns.len(), 72);
        let known = |syndrome: u8| columns.contains(&syndrome);
        let (mut three, mut miscorrected, mut four, mut unseen) = (0_u32, 0_u32, 0_u32, 0_u32);
        for a in 0..72 {
            for b in a + 1..72 {
                let two = columns[a] ^ columns[b];
                assert!(two != 0 && !known(two), "two wrong bits are always detected");
                for c in b + 1..72 {
                    three += 1;
                    miscorrected += u32::from(known(two ^ columns[c]));
                    for last in &columns[c + 1..] {
                        four += 1;
                        unseen += u32::from(two ^ columns[c] == *last);
                    }
                }
            }
        }
        let shares =
            (f64::from(miscorrected) / f64::from(three), f64::from(unseen) / f64::from(four));
        assert!((shares.0 - THREE_MISCORRECTED).abs() < 0.01, "{shares:?}");
        assert!((shares.1 - FOUR_UNSEEN).abs() < 0.001, "{shares:?}");
    }
}
