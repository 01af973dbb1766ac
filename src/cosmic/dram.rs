//! Faults of DRAM chips: their modes, what a code makes of each, and of two that meet in a word.
//!
//! The modes and their rates are those of Jaguar's DDR2: Sridharan and Liberty, "A study of DRAM
//! failures in the field", SC 2012, Table, as FaultSim (src/main.cpp) has it. Rates follow the flux
//! for transient faults only: permanent ones are wear and defects. Jaguar stood near sea level, so
//! its rates are taken as those of New York.
//!
//! A fault of one bit puts one wrong bit into a word, one of a bank or more a random pattern into
//! the chip's four bits. What those of a word, a column and a row put into each word that they
//! reach is a switch ([`Damages`]), since studies differ: FaultSim takes all four bits as wrong, so
//! that SECDED corrects none of them.
//!
//! What does not come alone is two faults in different chips of a word: one that is corrected alone
//! and still there when the next one comes. A transient one is there until the next scrubbing, half
//! an interval on average; a permanent one for good. Two such faults meet in a word with the chance
//! that their banks, rows and columns do, in a chip of 8 banks of 16,384 rows of 2,048 columns
//! (DDR2 of 1 Gbit, x4). Two wrong bits, or two wrong chips, of a word are detected.
//!
//! Worked example: the modes add up to 19.2 transient and 46.9 permanent FIT; a module of 18 chips
//! has any fault within 7 years with 1 - exp(-18 x 66.1e-9 x 61,320) = 0.0704, and with words and
//! columns wrong in all bits one that SECDED does not correct with 1 - exp(-18 x 33.3e-9 x 61,320)
//! = 0.0361.
//!
//! Not modelled: three faults in a word; faults of the memory's controller and bus; retirement of
//! pages; that modes of later memories have other rates.

use super::code::{self, Verdict};
use crate::cosmic::memory::{Array, Damage, Damages, Protection, Sensitivity};

/// Hours of a year of 365 days.
pub const YEAR: f64 = 8760.0;
/// One FIT, per hour.
pub const FIT: f64 = 1e-9;
/// Chips that share a word: 64 bits of data and 8 of check, 4 from each.
pub const CHIPS_OF_WORD: u32 = 18;
/// Banks, rows and columns of a chip.
pub const GEOMETRY: [f64; 3] = [8.0, 16_384.0, 2_048.0];

/// A way in which a chip fails.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mode {
    /// Its name in the field.
    pub name: &'static str,
    /// Rate of faults that a new value cures (FIT per chip, in New York).
    pub transient: f64,
    /// Rate of those that stay (FIT per chip).
    pub permanent: f64,
    /// What it strikes.
    reach: Reach,
    /// Whether it reaches all banks, all rows and all columns, or one of each.
    all: [bool; 3],
}

/// What of a chip a mode strikes, as far as that decides its damage.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Reach {
    Bit,
    Word,
    Column,
    Row,
    Banks,
}

const fn mode(name: &'static str, rates: [f64; 2], reach: Reach, all: [bool; 3]) -> Mode {
    Mode { name, transient: rates[0], permanent: rates[1], reach, all }
}

/// All modes.
pub const MODES: [Mode; 7] = [
    mode("bit", [14.2, 18.6], Reach::Bit, [false, false, false]),
    mode("word", [1.4, 0.3], Reach::Word, [false, false, false]),
    mode("column", [1.4, 5.6], Reach::Column, [false, true, false]),
    mode("row", [0.2, 8.2], Reach::Row, [false, false, true]),
    mode("bank", [0.8, 10.0], Reach::Banks, [false, true, true]),
    mode("multi-bank", [0.3, 1.4], Reach::Banks, [true, true, true]),
    mode("multi-rank", [0.9, 2.8], Reach::Banks, [true, true, true]),
];

impl Mode {
    /// What it makes of each word that it reaches.
    fn damage(&self, damages: Damages) -> Damage {
        match self.reach {
            Reach::Bit => Damage::Bit,
            Reach::Word => damages.word,
            Reach::Column => damages.column,
            Reach::Row => damages.row,
            Reach::Banks => Damage::Pattern,
        }
    }

    /// Whether it reaches all banks, all rows and all columns of the chip, or one of each.
    #[must_use]
    pub fn all(&self) -> [bool; 3] {
        self.all
    }

    /// The chance that a fault of this mode and one of another, in two chips, meet in a word.
    #[must_use]
    pub fn meets(&self, other: &Self) -> f64 {
        let spans = self.all.iter().zip(&other.all).zip(GEOMETRY);
        spans.map(|((one, other), size)| if *one || *other { 1.0 } else { 1.0 / size }).product()
    }
}

/// Rates of all modes together (FIT per chip, in New York): transient and permanent.
#[must_use]
pub fn fit_of_chip() -> [f64; 2] {
    let sum = |rate: fn(&Mode) -> f64| MODES.iter().map(rate).sum();
    [sum(|mode| mode.transient), sum(|mode| mode.permanent)]
}

/// The chips of a node.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Chips {
    /// How many.
    pub count: u32,
    /// The code that guards them.
    pub code: Protection,
    /// What their faults make of words.
    pub damages: Damages,
    /// Time between two scrubbings (h).
    pub scrub: f64,
    /// Flux relative to New York.
    pub flux: f64,
}

/// Expected numbers over some time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Expected {
    /// Faults.
    pub faults: f64,
    /// Of those, corrected.
    pub corrected: f64,
    /// Detected and not corrected.
    pub detected: f64,
    /// Unnoticed.
    pub escaped: f64,
}

/// The chance of at least one of so many expected events.
#[must_use]
pub fn at_least_one(expected: f64) -> f64 {
    -libm::expm1(-expected)
}

impl Chips {
    /// Those of an array under a flux relative to New York; `None` if it is not made of chips.
    #[must_use]
    pub fn of(array: &Array, flux: f64) -> Option<Self> {
        let Sensitivity::Devices { count, scrub, damages } = array.sensitivity else { return None };
        let scrub = scrub.as_secs_f64() / 3600.0;
        Some(Self { count, code: array.protection, damages, scrub, flux })
    }

    /// What the code makes of a fault of this mode alone: of the first word that it does not
    /// correct, if the fault reaches many.
    #[must_use]
    pub fn verdict(&self, mode: &Mode) -> Verdict {
        let of_word = match mode.damage(self.damages) {
            Damage::Bit => code::one_bit(self.code),
            Damage::Pattern => code::chip(self.code),
            Damage::All => code::whole_chip(self.code),
        };
        if mode.all.contains(&true) { of_word.first_uncorrected() } else { of_word }
    }

    /// Whether the code corrects each fault of this mode alone.
    #[must_use]
    pub fn corrects(&self, mode: &Mode) -> bool {
        self.verdict(mode).corrected >= 1.0
    }

    /// Faults of a mode, transient and permanent, over some hours: how many, and what the code
    /// makes of each alone.
    #[must_use]
    pub fn alone(&self, mode: &Mode, hours: f64) -> Expected {
        let faults = f64::from(self.count) * self.rate(mode) * hours;
        let verdict = self.verdict(mode);
        Expected {
            faults,
            corrected: faults * verdict.corrected,
            detected: faults * verdict.detected,
            escaped: faults * verdict.escaped,
        }
    }

    /// Faults of one mode that meet a later one of another mode in a word, over some hours: all are
    /// detected. Zero where the code does not correct both alone.
    #[must_use]
    pub fn meeting(&self, first: &Mode, second: &Mode, hours: f64) -> f64 {
        if !self.corrects(first) || !self.corrects(second) {
            return 0.0;
        }
        let others = f64::from(self.count.min(CHIPS_OF_WORD) - 1);
        let pairs = f64::from(self.count) * others;
        let stays = first.transient * self.flux * FIT * hours * self.scrub.min(hours) / 2.0
            + first.permanent * FIT * hours * hours / 2.0;
        pairs * stays * self.rate(second) * first.meets(second)
    }

    /// All pairs of modes.
    #[must_use]
    pub fn all_meetings(&self, hours: f64) -> f64 {
        let each = |first: &Mode| -> f64 {
            MODES.iter().map(|second| self.meeting(first, second, hours)).sum()
        };
        MODES.iter().map(each).sum()
    }

    /// The chance of any fault within some hours.
    #[must_use]
    pub fn any_fault(&self, hours: f64) -> f64 {
        at_least_one(MODES.iter().map(|mode| self.alone(mode, hours).faults).sum())
    }

    /// The chance of a fault within some hours that the code does not correct, alone or where it
    /// meets another one.
    #[must_use]
    pub fn any_uncorrected(&self, hours: f64) -> f64 {
        let alone = MODES.iter().map(|mode| self.alone(mode, hours));
        let alone: f64 = alone.map(|expected| expected.detected + expected.escaped).sum();
        at_least_one(alone + self.all_meetings(hours))
    }

    /// Rate of a mode in one chip (1/h).
    fn rate(&self, mode: &Mode) -> f64 {
        (mode.transient * self.flux + mode.permanent) * FIT
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Stream;

    const MODULE: Chips = Chips {
        count: 18,
        code: Protection::Chipkill,
        damages: Damages::USUAL,
        scrub: 24.0,
        flux: 1.0,
    };
    const SEVEN_YEARS: f64 = 7.0 * YEAR;

    #[test]
    fn the_modes_add_up_to_the_rates_of_a_chip() {
        let [transient, permanent] = fit_of_chip();
        assert_eq!(format!("{transient:.1} {permanent:.1}"), "19.2 46.9");
    }

    #[test]
    fn a_module_of_18_chips_has_a_fault_in_seven_years_in_seven_cases_of_a_hundred() {
        assert_eq!(format!("{:.4}", MODULE.any_fault(SEVEN_YEARS)), "0.0704");
    }

    /// `configs/DIMM_SECDED.ini` of FaultSim, run, has 0.0363: 18 chips under SECDED, 7 years, a
    /// scrubbing each 3 h. There a fault of a word, column or row leaves all bits of a chip wrong.
    #[test]
    fn secded_is_beaten_as_often_as_faultsim_says_if_words_and_columns_are_all_wrong() {
        let uncorrected = |damages| {
            let chips = Chips { code: Protection::Secded, damages, scrub: 3.0, ..MODULE };
            chips.any_uncorrected(SEVEN_YEARS)
        };
        let all = Damages { word: Damage::All, column: Damage::All, row: Damage::All };
        let p = uncorrected(all);
        assert!((p - 0.0361).abs() < 0.000_05 && (p - 0.0363).abs() < 0.0005, "{p}");
        let rows_too = uncorrected(Damages { row: Damage::Pattern, ..all });
        assert!((p - rows_too).abs() < 1e-12, "one of a row's patterns is beyond SECDED anyway");
        assert_eq!(format!("{:.4}", uncorrected(Damages::USUAL)), "0.0281");
        // A row of which each word has one wrong bit: 25.8 - 8.4 = 17.4 FIT are left.
        let rows = uncorrected(Damages { row: Damage::Bit, ..Damages::USUAL });
        assert_eq!(format!("{rows:.4}"), "0.0191");
    }

    /// Modules whose chips live exponential lives, mode by mode. 0.0704 lies in the 99 % interval.
    #[test]
    fn simulated_modules_have_as_many_faults_as_the_formula_says() {
        const TRIES: u64 = 40_000;
        let stream = Stream::new(42, "dram/any fault");
        let mut hit = 0_u32;
        for module in 0..TRIES {
            // All modes of a chip are one clock, as they are independent.
            let mean = 1.0 / (fit_of_chip().iter().sum::<f64>() * FIT);
            let fails = |chip| stream.draw(module, chip).exponential(mean) < SEVEN_YEARS;
            hit += u32::from((0..u64::from(MODULE.count)).any(fails));
        }
        let (p, n) = (MODULE.any_fault(SEVEN_YEARS), TRIES as f64);
        let half = 2.5758 * libm::sqrt(p * (1.0 - p) / n);
        let got = f64::from(hit) / n;
        assert!((got - p).abs() < half, "{got} is not {p} +- {half}");
    }

    #[test]
    fn only_transient_faults_follow_the_flux() {
        let high = Chips { flux: 5.0, ..MODULE };
        for mode in &MODES {
            let (here, there) = (MODULE.alone(mode, 1.0).faults, high.alone(mode, 1.0).faults);
            let more = 18.0 * 4.0 * mode.transient * FIT;
            assert!((there - here - more).abs() < 1e-15, "{}", mode.name);
        }
    }

    #[test]
    fn a_better_code_lets_less_through() {
        let escaped = |code| -> f64 {
            let chips = Chips { code, ..MODULE };
            MODES.iter().map(|mode| chips.alone(mode, SEVEN_YEARS).escaped).sum()
        };
        let codes =
            [Protection::None, Protection::Parity, Protection::Secded, Protection::Chipkill];
        let all = codes.map(escaped);
        assert!(all[0] > all[1] && all[1] > all[2] && all[2] > all[3], "{all:?}");
        assert!(all[3].abs() < 1e-15, "chipkill corrects any one chip");
    }

    #[test]
    fn a_bit_and_a_row_meet_if_bank_and_row_are_the_same() {
        let (bit, row, bank) = (&MODES[0], &MODES[3], &MODES[4]);
        assert!((bit.meets(row) * 8.0 * 16_384.0 - 1.0).abs() < 1e-12);
        assert!((bit.meets(bit) * 8.0 * 16_384.0 * 2_048.0 - 1.0).abs() < 1e-12);
        assert!((bank.meets(row) * 8.0 - 1.0).abs() < 1e-12);
        assert!((MODES[5].meets(&MODES[6]) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn scrubbing_helps_against_pairs_with_a_transient_fault_only() {
        let seldom = Chips { scrub: 1000.0, ..MODULE };
        let (bit, rank) = (&MODES[0], &MODES[6]);
        assert!(seldom.meeting(bit, rank, SEVEN_YEARS) > MODULE.meeting(bit, rank, SEVEN_YEARS));
        let lasting = Mode { transient: 0.0, ..*bit };
        let pair = |chips: &Chips| chips.meeting(&lasting, rank, SEVEN_YEARS);
        assert!((pair(&seldom) - pair(&MODULE)).abs() < 1e-18);
        let alone = Chips { code: Protection::Secded, ..MODULE };
        assert!(alone.meeting(bit, rank, SEVEN_YEARS).abs() < 1e-18, "a rank is never corrected");
    }

    /// Modules with transient bank faults so often that pairs meet, played fault by fault. Over
    /// 1,000 h 18 chips have 18 x 17 x 0.001 x 0.001 x 1,000 x 5 / 8 = 0.19 of them.
    #[test]
    fn faults_meet_as_often_in_a_simulation_as_the_formula_says() {
        const TRIES: u64 = 20_000;
        let bank = Mode { transient: 1e6, permanent: 0.0, ..MODES[4] };
        let chips = Chips { scrub: 10.0, ..MODULE };
        let stream = Stream::new(42, "dram/pairs");
        let (mut sum, mut squares) = (0.0, 0.0);
        for module in 0..TRIES {
            let (mut now, mut k, mut faults, mut met) = (0.0, 0, Vec::new(), 0.0);
            loop {
                let mut draw = stream.draw(module, k);
                now += draw.exponential(1.0 / (18.0 * 1e6 * FIT));
                if now > 1000.0 {
                    break;
                }
                let here = (draw.below(18), draw.below(8));
                let scrubbed = libm::floor(now / chips.scrub) * chips.scrub;
                faults.retain(|&(at, _)| at >= scrubbed);
                let meets =
                    |&&(_, there): &&(f64, (u64, u64))| there.0 != here.0 && there.1 == here.1;
                met += faults.iter().filter(meets).count() as f64;
                faults.push((now, here));
                k += 1;
            }
            sum += met;
            squares += met * met;
        }
        let n = TRIES as f64;
        let (got, want) = (sum / n, chips.meeting(&bank, &bank, 1000.0));
        let half = 2.5758 * libm::sqrt((squares / n - got * got) / n);
        assert!((got - want).abs() < half, "{got} is not {want} +- {half}");
        assert!((want - 0.19).abs() < 0.005, "{want}");
    }
}
