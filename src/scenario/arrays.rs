//! From merged tables to what particles can upset: the arrays of a node, and what an upset does.

use crate::cosmic::budget::{Budget, Class};
use crate::cosmic::flux::Site;
use crate::cosmic::memory::{Array, Cell, Damages, Outcomes, Sensitivity, Shares};
use crate::cosmic::standing::Memory;
use crate::scenario::cluster::Hardware;
use crate::scenario::document::Value;
use crate::scenario::keys::upset::ARRAY;
use crate::scenario::machine::read;
use crate::scenario::misfortune::{Rays, Source};
use crate::scenario::mistakes::{Mistake, Mistakes};
use crate::scenario::section::Section;

/// Keys that only arrays of chips have.
const OF_DEVICES: [&str; 4] = ["scrub", "word_fault", "column_fault", "row_fault"];

/// The arrays of a node; none if no profile gives any.
pub(super) fn arrays(hardware: &Section<'_>, m: &mut Mistakes) -> Option<Vec<Array>> {
    let Some(value) = hardware.given("array") else { return Some(Vec::new()) };
    let all: Vec<_> = value.list()?.iter().map(|item| array(item, m)).collect();
    all.into_iter().collect()
}

fn array(item: &Value, m: &mut Mistakes) -> Option<Array> {
    let section = Section::new(&ARRAY, item.table()?, "hardware.array", item.place);
    let cells = section.word("kind", m);
    let how_often = sensitivity(&section, cells, m);
    let misplaced: &[&str] = if section.has("devices") { &["multi_bit"] } else { &OF_DEVICES };
    for key in misplaced.iter().filter(|key| section.has(key)) {
        let title = format!("`{key}` is of no use here");
        let help = "`multi_bit` goes with `sigma` or `fit_per_mbit`, `scrub` and what faults make \
                    of words with `devices`";
        m.note(Mistake::new(section.place(key), title).help(help));
    }
    let by_devices = section.has("devices");
    read!(Array {
        name: section.get("name", m),
        kind: cells,
        size: section.get("size", m),
        sensitivity: how_often,
        multi_bit: if by_devices { Some(0.0) } else { section.share("multi_bit", m) },
        protection: section.word("protection", m),
    })
}

fn sensitivity(section: &Section<'_>, kind: Option<Cell>, m: &mut Mistakes) -> Option<Sensitivity> {
    if section.has("devices") {
        if kind == Some(Cell::Sram) {
            let mistake = Mistake::new(section.place("devices"), "`devices` are chips of DRAM");
            m.note(mistake.help("give `sigma` or `fit_per_mbit` for an array of SRAM"));
        }
        let (count, scrub) = (section.optional("devices"), section.get("scrub", m));
        let damages = read!(Damages {
            word: section.word("word_fault", m),
            column: section.word("column_fault", m),
            row: section.word("row_fault", m),
        });
        return Some(Sensitivity::Devices { count: count?, scrub: scrub?, damages: damages? });
    }
    if section.has("fit_per_mbit") {
        return section.optional("fit_per_mbit").map(Sensitivity::FitPerMbit);
    }
    if section.has("sigma") {
        return section.optional("sigma").map(Sensitivity::Sigma);
    }
    let mistake = Mistake::new(section.own_place(), "nothing says how often this array is upset");
    m.note(mistake.help("give `sigma`, `fit_per_mbit` or, for DRAM, `devices`"));
    None
}

/// What an upset comes to.
pub(super) fn upset(root: &Section<'_>, m: &mut Mistakes) -> Option<Outcomes> {
    let section = root.section("upset");
    read!(Outcomes {
        idle: shares(&section.section("idle"), m),
        compute: shares(&section.section("compute"), m),
        checkpoint: shares(&section.section("checkpoint"), m),
    })
}

fn shares(section: &Section<'_>, m: &mut Mistakes) -> Option<Shares> {
    let shares = read!(Shares {
        silent: section.share("silent", m),
        crash: section.share("crash", m),
        hang: section.share("hang", m),
    })?;
    let sum = shares.silent + shares.crash + shares.hang;
    if sum > 1.0 + 1e-9 {
        let title = format!("`silent`, `crash` and `hang` add up to {sum:.3}");
        let mistake = Mistake::new(section.own_place(), title);
        m.note(mistake.help("they are shares of the same upsets: 1 at most"));
        return None;
    }
    Some(shares)
}

/// What cosmic rays do to a node, if its chips of DRAM are followed one by one or not.
pub(super) fn rays(site: &Site, hardware: &Hardware, upset: &Outcomes, by_chip: bool) -> Rays {
    let mut budget = Budget::of(site, &hardware.arrays);
    let memory = Memory::of(&hardware.arrays, budget.flux.factor);
    if by_chip {
        budget = budget.without_chips(&hardware.arrays);
    }
    let rate = budget.rate();
    let stops = |class: &Class| matches!(class, Class::Detected | Class::Crash | Class::Hang);
    let classes = Class::ALL.iter().zip(budget.classes(upset.compute));
    let stopping: f64 = classes.filter(|(class, _)| stops(class)).map(|(_, rate)| rate).sum();
    let upsets = Source { rate, stops: if rate > 0.0 { stopping / rate } else { 0.0 } };
    Rays { upsets, chips: Source { rate: memory.rate(), stops: memory.stops(upset.compute) } }
}
