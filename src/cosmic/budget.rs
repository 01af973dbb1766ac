//! The upset budget: how often each memory of a node is upset at a site, and what comes of it.
//!
//! A bit of cross-section sigma (cm2) under a flux of F x 13 neutrons per cm2 and hour is upset
//! sigma x 13 x F times an hour; FIT/Mbit = sigma x 13 x 1e15. Of the upsets of an array a share
//! flips two bits of a word. The code corrects, detects or misses ([`super::code`]). What it misses
//! is masked, silent, a crash or a hang by the shares of what the node does; what it detects stops
//! the node, unless the same share of it is never read. What it corrects is counted whether it is
//! read or not.
//!
//! Worked example: 768 KiB at 1.14e-14 cm2 are 6,291,456 x 1.14e-14 x 13 = 932 FIT in New York and
//! 5.1 kFIT at Los Alamos: one upset in 22 years of a board, one in 10.85 days of 750.

use super::code::{self, Verdict};
use super::dram::{self, Chips, MODES};
use super::flux::{Flux, REFERENCE, Site};
use crate::cosmic::memory::{Array, Outcomes, Sensitivity, Shares};

/// One FIT, per hour.
const FIT: f64 = 1e-9;

/// What a node does when it is struck.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activity {
    /// It is up and has no part in a job that runs.
    Idle,
    /// It computes.
    Compute,
    /// It writes or reads a checkpoint.
    Checkpoint,
}

impl Activity {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Idle, Self::Compute, Self::Checkpoint];

    /// Its word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Compute => "compute",
            Self::Checkpoint => "checkpoint",
        }
    }

    /// The shares of a scenario for it.
    #[must_use]
    pub const fn shares(self, upset: &Outcomes) -> Shares {
        match self {
            Self::Idle => upset.idle,
            Self::Compute => upset.compute,
            Self::Checkpoint => upset.checkpoint,
        }
    }
}

/// What comes of an upset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Nothing: nobody ever reads the wrong bit.
    Masked,
    /// The code corrects it.
    Corrected,
    /// The code detects it and cannot correct it: the node stops.
    Detected,
    /// Data is wrong, and nobody knows.
    Silent,
    /// The node stops dead.
    Crash,
    /// The node goes silent but keeps its power.
    Hang,
}

impl Class {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Masked, Self::Corrected, Self::Detected, Self::Silent, Self::Crash, Self::Hang];

    /// Its word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Masked => "masked",
            Self::Corrected => "corrected",
            Self::Detected => "detected",
            Self::Silent => "silent",
            Self::Crash => "crash",
            Self::Hang => "hang",
        }
    }
}

/// The upsets of one array of a node.
#[derive(Clone, Debug, PartialEq)]
pub struct ArrayBudget {
    /// Upsets at the reference flux (FIT).
    pub fit: f64,
    /// Upsets at the site (1/h).
    pub rate: f64,
    /// Faults that stay, whatever the flux (1/h).
    pub permanent: f64,
    /// What the code makes of an upset.
    pub verdict: Verdict,
}

impl ArrayBudget {
    /// The budget of an array under a flux relative to New York.
    #[must_use]
    pub fn of(array: &Array, flux: f64) -> Self {
        let bits = array.size.0 as f64 * 8.0;
        let flips = Verdict::mix(
            array.multi_bit,
            code::two_bits(array.protection),
            code::one_bit(array.protection),
        );
        let (fit, permanent, verdict) = match array.sensitivity {
            Sensitivity::Sigma(sigma) => (bits * sigma * REFERENCE / FIT, 0.0, flips),
            Sensitivity::FitPerMbit(fit) => (bits / 1e6 * fit, 0.0, flips),
            Sensitivity::Devices { count, .. } => {
                let [transient, permanent] = dram::fit_of_chip().map(|fit| fit * f64::from(count));
                let verdict = Chips::of(array, flux).map_or(flips, |chips| of_modes(&chips));
                (transient, permanent * FIT, verdict)
            }
        };
        Self { fit, rate: fit * FIT * flux, permanent, verdict }
    }

    /// Rates of each class at the site (1/h), in the order of [`Class::ALL`].
    #[must_use]
    pub fn classes(&self, shares: Shares) -> [f64; 6] {
        classes_of(self.verdict, shares).map(|share| self.rate * share)
    }
}

/// The shares of the classes in damage of which a code makes this, in the order of [`Class::ALL`].
#[must_use]
pub fn classes_of(verdict: Verdict, shares: Shares) -> [f64; 6] {
    Class::ALL.map(|class| share(verdict, shares, class))
}

fn share(verdict: Verdict, shares: Shares, class: Class) -> f64 {
    let Verdict { corrected, detected, escaped } = verdict;
    let masked = shares.masked();
    match class {
        Class::Masked => (detected + escaped) * masked,
        Class::Corrected => corrected,
        Class::Detected => detected * (1.0 - masked),
        Class::Silent => escaped * shares.silent,
        Class::Crash => escaped * shares.crash,
        Class::Hang => escaped * shares.hang,
    }
}

/// What a code makes of the transient faults of a chip, all modes together.
fn of_modes(chips: &Chips) -> Verdict {
    let mut sum = Verdict { corrected: 0.0, detected: 0.0, escaped: 0.0 };
    let [whole, _] = dram::fit_of_chip();
    for mode in &MODES {
        let (verdict, weight) = (chips.verdict(mode), mode.transient / whole);
        sum.corrected += weight * verdict.corrected;
        sum.detected += weight * verdict.detected;
        sum.escaped += weight * verdict.escaped;
    }
    sum
}

/// The upsets of a node.
#[derive(Clone, Debug, PartialEq)]
pub struct Budget {
    /// The flux of the site.
    pub flux: Flux,
    /// Of each array, in the order of the hardware profile.
    pub arrays: Vec<ArrayBudget>,
}

impl Budget {
    /// The budget of a node with these arrays at a site.
    #[must_use]
    pub fn of(site: &Site, arrays: &[Array]) -> Self {
        let flux = Flux::at(site);
        let arrays = arrays.iter();
        let arrays = arrays.map(|array| ArrayBudget::of(array, flux.factor)).collect();
        Self { flux, arrays }
    }

    /// The same without the upsets of chips of DRAM, which are followed one by one.
    #[must_use]
    pub fn without_chips(mut self, arrays: &[Array]) -> Self {
        for (budget, array) in self.arrays.iter_mut().zip(arrays) {
            if matches!(array.sensitivity, Sensitivity::Devices { .. }) {
                (budget.fit, budget.rate, budget.permanent) = (0.0, 0.0, 0.0);
            }
        }
        self
    }

    /// Upsets of a node at the site (1/h).
    #[must_use]
    pub fn rate(&self) -> f64 {
        self.arrays.iter().map(|array| array.rate).sum()
    }

    /// Rates of each class of a node at the site (1/h), in the order of [`Class::ALL`].
    #[must_use]
    pub fn classes(&self, shares: Shares) -> [f64; 6] {
        let mut sum = [0.0; 6];
        for array in &self.arrays {
            for (sum, rate) in sum.iter_mut().zip(array.classes(shares)) {
                *sum += rate;
            }
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cosmic::memory::{Damages, Protection};
    use crate::plan::pilot;
    use crate::units::Span;

    const BUSY: Shares = Shares { silent: 0.1, crash: 0.05, hang: 0.02 };

    fn array(protection: Protection) -> Array {
        Array { protection, ..pilot::caches() }
    }

    fn chips(count: u32) -> Sensitivity {
        Sensitivity::Devices { count, scrub: Span::from_secs(86_400), damages: Damages::USUAL }
    }

    /// Facts of a Pi's class: 40 nm, 768 KiB, without protection.
    #[test]
    fn a_pi_is_upset_once_in_22_years_at_los_alamos_and_a_pilot_every_eleven_days() {
        let flux = Flux::at(&pilot::scenario().site).factor;
        let budget = ArrayBudget::of(&array(Protection::None), flux);
        assert_eq!(format!("{:.0}", budget.fit), "932");
        assert_eq!(format!("{:.1}", budget.rate / FIT / 1e3), "5.1");
        let years = 1.0 / budget.rate / dram::YEAR;
        assert_eq!(format!("{years:.0}"), "22");
        // The reference divides by the rounded 5.1 kFIT: 10.9 days; unrounded it is 10.85.
        assert_eq!(format!("{:.1}", 1.0 / 5.1e-6 / 24.0 / 750.0), "10.9");
        assert_eq!(format!("{:.2}", years * 365.0 / 750.0), "10.85");
    }

    #[test]
    fn fit_and_cross_section_say_the_same() {
        let by_sigma = ArrayBudget::of(&array(Protection::None), 1.0);
        let per_mbit = 1.14e-14 * REFERENCE * 1e15;
        let fit =
            Array { sensitivity: Sensitivity::FitPerMbit(per_mbit), ..array(Protection::None) };
        assert!((ArrayBudget::of(&fit, 1.0).fit / by_sigma.fit - 1.0).abs() < 1e-12);
    }

    #[test]
    fn the_classes_of_an_array_add_up_to_its_upsets() {
        let codes =
            [Protection::None, Protection::Parity, Protection::Secded, Protection::Chipkill];
        for code in codes {
            let chips = Array { sensitivity: chips(18), ..array(code) };
            for array in [array(code), chips] {
                let budget = ArrayBudget::of(&array, 5.0);
                let sum: f64 = budget.classes(BUSY).iter().sum();
                assert!((sum / budget.rate - 1.0).abs() < 1e-12, "{array:?}");
            }
        }
    }

    #[test]
    fn a_code_turns_silence_into_corrections_and_stops() {
        let of = |code| ArrayBudget::of(&array(code), 1.0).classes(BUSY);
        let [none, parity, secded] =
            [Protection::None, Protection::Parity, Protection::Secded].map(of);
        let (corrected, detected, silent) = (1, 2, 3);
        assert!(none[corrected] + none[detected] < 1e-18 && none[silent] > 0.0);
        assert!((parity[silent] / none[silent] - 0.05).abs() < 1e-9, "two bits pass parity");
        assert!(secded[silent] < 1e-18 && secded[detected] > 0.0);
        assert!((secded[corrected] / secded.iter().sum::<f64>() - 0.95).abs() < 1e-9);
    }

    #[test]
    fn permanent_faults_of_chips_do_not_follow_the_flux() {
        let chips = Array { sensitivity: chips(1), ..array(Protection::None) };
        let (low, high) = (ArrayBudget::of(&chips, 1.0), ArrayBudget::of(&chips, 5.0));
        assert!((high.rate / low.rate - 5.0).abs() < 1e-12);
        assert!((high.permanent - low.permanent).abs() < 1e-18);
        assert!((low.permanent / FIT - 46.9).abs() < 1e-9);
    }
}
