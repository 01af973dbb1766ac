//! Faults of DRAM chips one by one: where each lies, and which of those that still stand it meets.
//!
//! [`super::dram`] has the modes, their rates and what is expected of them; this is the same
//! process fault by fault. A fault strikes one of the chips, each as likely as the others, and lies
//! in a bank, a row and a column of it, as far as its mode does not reach all of them. Chips share
//! words in groups of 18, in the order of their numbers. A fault that the code corrects stands, and
//! a later one in another chip of its group that reaches a word of it, and is corrected alone as
//! well, is detected there. A permanent fault stands until the memory is swapped, a transient one
//! until the next scrubbing, or until the node loses its power.
//!
//! Not modelled: three faults in a word; that a fault of the modes word, row or bank may be
//! corrected by SECDED by chance, and stand then.

use serde::{Deserialize, Serialize};

use super::code::Verdict;
use super::dram::{CHIPS_OF_WORD, Chips, FIT, GEOMETRY, MODES, Mode};
use crate::cosmic::memory::{Array, Sensitivity, Shares};
use crate::units::{Span, Time};

/// A fault of one chip.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChipFault {
    /// The array of the hardware profile, from 0.
    pub array: u32,
    /// The chip in the array, from 0.
    pub chip: u32,
    /// The number of its mode in [`MODES`].
    pub mode: u32,
    /// Whether it stays.
    pub permanent: bool,
    /// Its bank, row and column, where its mode does not reach all of them.
    cell: [u64; 3],
}

impl ChipFault {
    /// Its mode.
    #[must_use]
    pub fn mode(&self) -> &'static Mode {
        &MODES[self.mode as usize]
    }

    /// Whether a word has wrong bits of both, in two chips.
    #[must_use]
    pub fn shares_word(&self, other: &Self) -> bool {
        let group = |fault: &Self| (fault.array, fault.chip / CHIPS_OF_WORD);
        let reach = |fault: &Self| fault.mode().all();
        group(self) == group(other)
            && self.chip != other.chip
            && (0..3).all(|axis| {
                reach(self)[axis] || reach(other)[axis] || self.cell[axis] == other.cell[axis]
            })
    }
}

/// The chips of one array.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Bay {
    array: u32,
    chips: Chips,
    scrub: Span,
}

/// All chips of a node whose faults are followed.
#[derive(Clone, Debug, PartialEq)]
pub struct Memory {
    bays: Vec<Bay>,
}

impl Memory {
    /// That of a node with these arrays, under a flux relative to New York.
    #[must_use]
    pub fn of(arrays: &[Array], flux: f64) -> Self {
        let bay = |(number, array): (u32, &Array)| {
            let Sensitivity::Devices { scrub, .. } = array.sensitivity else { return None };
            Some(Bay { array: number, chips: Chips::of(array, flux)?, scrub })
        };
        Self { bays: (0..).zip(arrays).filter_map(bay).collect() }
    }

    /// Faults, transient and permanent (1/h).
    #[must_use]
    pub fn rate(&self) -> f64 {
        self.strikes().map(|strike| strike.rate).sum()
    }

    /// Share of the faults that stop the node, each taken alone, if of those that no code catches
    /// these shares come to something. Zero without chips.
    #[must_use]
    pub fn stops(&self, shares: Shares) -> f64 {
        let stop = |strike: Strike| {
            let alone = strike.bay.chips.verdict(&MODES[strike.mode]);
            let Verdict { detected, escaped, .. } = alone;
            let read = detected * (1.0 - shares.masked());
            strike.rate * (read + escaped * (shares.crash + shares.hang))
        };
        let rate = self.rate();
        if rate > 0.0 { self.strikes().map(stop).sum::<f64>() / rate } else { 0.0 }
    }

    /// The fault that five uniform numbers in (0, 1) say: its kind, chip, bank, row and column.
    /// Panics if there are no chips.
    #[must_use]
    pub fn fault(&self, [kind, chip, cell @ ..]: [f64; 5]) -> ChipFault {
        let mut left = kind * self.rate();
        let mut struck = None;
        for strike in self.strikes().filter(|strike| strike.rate > 0.0) {
            left -= strike.rate;
            struck = Some(strike);
            if left < 0.0 {
                break;
            }
        }
        let Strike { bay, mode, permanent, .. } = struck.expect("a memory with chips");
        let chip = (chip * f64::from(bay.chips.count)) as u32;
        let cell = [0, 1, 2].map(|axis| (cell[axis] * GEOMETRY[axis]) as u64);
        ChipFault { array: bay.array, chip, mode: mode as u32, permanent, cell }
    }

    /// What the code of its array makes of a fault, alone or where it meets another one.
    #[must_use]
    pub fn verdict(&self, fault: &ChipFault, met: bool) -> Verdict {
        if met { Verdict::DETECTED } else { self.bay(fault).chips.verdict(fault.mode()) }
    }

    /// Whether its code corrects such a fault alone.
    fn corrects(&self, fault: &ChipFault) -> bool {
        self.bay(fault).chips.corrects(fault.mode())
    }

    fn bay(&self, fault: &ChipFault) -> &Bay {
        self.bays.iter().find(|bay| bay.array == fault.array).expect("a fault of this memory")
    }

    /// All kinds of fault with their rates (1/h).
    fn strikes(&self) -> impl Iterator<Item = Strike> {
        let of_mode = |bay: Bay| {
            MODES.iter().enumerate().flat_map(move |(mode, rates)| {
                let per_fit = f64::from(bay.chips.count) * FIT;
                let strike = |permanent, fit| Strike { bay, mode, permanent, rate: fit * per_fit };
                [strike(false, rates.transient * bay.chips.flux), strike(true, rates.permanent)]
            })
        };
        self.bays.iter().copied().flat_map(of_mode)
    }
}

/// A kind of fault of the chips of an array.
#[derive(Clone, Copy, Debug)]
struct Strike {
    bay: Bay,
    mode: usize,
    permanent: bool,
    /// How often (1/h).
    rate: f64,
}

/// The faults in the memory of one node that its codes correct.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    faults: Vec<Stood>,
}

/// One of them: when it struck, and in which life of the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Stood {
    fault: ChipFault,
    at: Time,
    life: u32,
}

impl Standing {
    /// With how many of those that stand a fault shares words now, in this life of the node. O(n).
    #[must_use]
    pub fn met_by(&self, fault: &ChipFault, memory: &Memory, now: Time, life: u32) -> usize {
        if !memory.corrects(fault) {
            return 0;
        }
        let scrubbings = |at: Time, by: &ChipFault| at.0 / memory.bay(by).scrub.0;
        let stands = |other: &&Stood| {
            let still = scrubbings(other.at, &other.fault) == scrubbings(now, &other.fault);
            other.fault.permanent || still && other.life == life
        };
        let met = |other: &&Stood| fault.shares_word(&other.fault);
        self.faults.iter().filter(stands).filter(met).count()
    }

    /// A fault strikes: it stands if its code corrects it alone. What stands no more is forgotten.
    pub fn add(&mut self, fault: ChipFault, memory: &Memory, now: Time, life: u32) {
        let scrub = |by: &ChipFault| memory.bay(by).scrub.0;
        self.faults.retain(|Stood { fault, at, life: then }| {
            fault.permanent || *then == life && at.0 / scrub(fault) == now.0 / scrub(fault)
        });
        if memory.corrects(&fault) {
            self.faults.push(Stood { fault, at: now, life });
        }
    }

    /// The memory is swapped.
    pub fn swap(&mut self) {
        self.faults.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cosmic::memory::{Cell, Damages, Protection};
    use crate::plan::pilot;
    use crate::rng::{Draw, Stream};

    /// A module of 18 chips, scrubbed each quarter of an hour.
    fn memory(protection: Protection, flux: f64) -> Memory {
        let sensitivity = Sensitivity::Devices {
            count: 18,
            scrub: Span::from_secs(900),
            damages: Damages::USUAL,
        };
        let array = Array { kind: Cell::Dram, sensitivity, protection, ..pilot::caches() };
        Memory::of(&[pilot::caches(), array], flux)
    }

    fn fault(chip: u32, mode: u32, permanent: bool) -> ChipFault {
        ChipFault { array: 1, chip, mode, permanent, cell: [1, 2, 3] }
    }

    const BIT: u32 = 0;
    const BANK: u32 = 4;

    fn five(draw: &mut Draw) -> [f64; 5] {
        std::array::from_fn(|_| draw.unit())
    }

    fn minutes(number: u64) -> Time {
        Time(number * 60_000_000_000)
    }

    /// 99 % quantile of chi-square with 13 degrees of freedom: 27.69.
    #[test]
    fn faults_are_drawn_as_often_as_the_table_says() {
        const DRAWS: u64 = 100_000;
        let memory = memory(Protection::Chipkill, 4.0);
        assert!((memory.rate() / (18.0 * (4.0 * 19.2 + 46.9) * FIT) - 1.0).abs() < 1e-12);
        let stream = Stream::new(42, "standing/shares");
        let mut counts = [[0_u32; 2]; MODES.len()];
        for k in 0..DRAWS {
            let fault = memory.fault(five(&mut stream.draw(0, k)));
            assert!(fault.array == 1 && fault.chip < 18);
            counts[fault.mode as usize][usize::from(fault.permanent)] += 1;
        }
        let mut chi_square = 0.0;
        for (mode, counts) in MODES.iter().zip(counts) {
            for (fit, count) in [4.0 * mode.transient, mode.permanent].into_iter().zip(counts) {
                let mean = DRAWS as f64 * fit * 18.0 * FIT / memory.rate();
                let off = f64::from(count) - mean;
                chi_square += off * off / mean;
            }
        }
        assert!(chi_square < 27.69, "{chi_square}");
    }

    #[test]
    fn faults_share_a_word_in_two_chips_of_one_group_if_their_cells_agree() {
        let bit = fault(0, BIT, true);
        assert!(bit.shares_word(&fault(1, BIT, true)));
        assert!(!bit.shares_word(&fault(0, BIT, true)), "a chip's own damage is one");
        assert!(!bit.shares_word(&fault(18, BIT, true)), "the next group has words of its own");
        assert!(!bit.shares_word(&ChipFault { array: 2, ..fault(1, BIT, true) }));
        let elsewhere = |mode, cell| ChipFault { cell, ..fault(1, mode, true) };
        assert!(!bit.shares_word(&elsewhere(BIT, [1, 2, 4])));
        assert!(bit.shares_word(&elsewhere(BANK, [1, 9, 9])), "a bank has all rows and columns");
        assert!(!bit.shares_word(&elsewhere(BANK, [0, 2, 3])));
    }

    #[test]
    fn a_transient_fault_stands_until_the_next_scrubbing_and_a_permanent_one_until_a_swap() {
        let memory = memory(Protection::Secded, 1.0);
        let next = fault(1, BIT, false);
        for (permanent, after_scrubbing) in [(false, 0), (true, 1)] {
            let mut standing = Standing::default();
            standing.add(fault(0, BIT, permanent), &memory, minutes(16), 1);
            let met = |at, life| standing.met_by(&next, &memory, minutes(at), life);
            assert_eq!(met(29, 1), 1);
            assert_eq!(met(30, 1), after_scrubbing);
            assert_eq!(met(29, 2), after_scrubbing, "the node has lost its power");
            standing.swap();
            assert_eq!(standing, Standing::default());
        }
    }

    #[test]
    fn what_the_code_does_not_correct_alone_never_stands_and_never_meets() {
        let secded = memory(Protection::Secded, 1.0);
        let mut standing = Standing::default();
        standing.add(fault(0, BANK, true), &secded, minutes(0), 1);
        assert_eq!(standing, Standing::default());
        standing.add(fault(0, BIT, true), &secded, minutes(0), 1);
        assert_eq!(standing.met_by(&fault(1, BANK, true), &secded, minutes(1), 1), 0);
        let chipkill = memory(Protection::Chipkill, 1.0);
        assert_eq!(standing.met_by(&fault(1, BANK, true), &chipkill, minutes(1), 1), 1);
        let met = chipkill.verdict(&fault(1, BANK, true), true);
        assert!((met.detected - 1.0).abs() < 1e-12);
    }

    /// An hour of modules that age 300,000 times as fast, under ten times the flux so that half of
    /// the pairs are of a transient fault first. Four scrubbings fit into the hour exactly.
    #[test]
    fn standing_faults_are_met_as_often_as_the_closed_form_says() {
        const TRIES: u64 = 100_000;
        const FASTER: f64 = 3e5;
        let memory = memory(Protection::Chipkill, 10.0);
        let stream = Stream::new(42, "standing/pairs");
        let (mut sum, mut squares) = (0.0, 0.0);
        for module in 0..TRIES {
            let (mut standing, mut hours, mut met) = (Standing::default(), 0.0, 0.0);
            for k in 0.. {
                let mut draw = stream.draw(module, k);
                hours += draw.exponential(1.0 / (memory.rate() * FASTER));
                if hours >= 1.0 {
                    break;
                }
                let (fault, now) = (memory.fault(five(&mut draw)), Time((hours * 3.6e12) as u64));
                met += standing.met_by(&fault, &memory, now, 1) as f64;
                standing.add(fault, &memory, now, 1);
            }
            sum += met;
            squares += met * met;
        }
        let chips = memory.bays[0].chips;
        let (n, want) = (TRIES as f64, chips.all_meetings(1.0) * FASTER * FASTER);
        let got = sum / n;
        let half = 2.5758 * libm::sqrt((squares / n - got * got) / n);
        assert!(half < 0.06 * want, "{half} of {want} is no check");
        assert!((got - want).abs() < half, "{got} is not {want} +- {half}");
    }
}
