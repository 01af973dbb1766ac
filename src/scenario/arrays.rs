//! From merged tables to what particles can upset: the arrays of a node, and what an upset does.

use crate::config::declare::{Declared, Written, lines, table};
use crate::config::document::{Table, Value};
use crate::config::language::TableSpec;
use crate::config::mistakes::{Mistake, Mistakes};
use crate::config::section::Section;
use crate::cosmic::budget::{Budget, Class};
use crate::cosmic::flux::Site;
use crate::cosmic::memory::{
    Array, Cell, Damage, Damages, Outcomes, Protection, Sensitivity, Shares,
};
use crate::cosmic::standing::Memory;
use crate::scenario::cluster::Hardware;
use crate::scenario::fault_rules::{self, Rays};
use crate::scenario::keys::{SHARE, SIZE_SOME, SPAN_SOME};
use crate::scenario::load::Sources;
use crate::scenario::parts::Parts;
use crate::scenario::resolved::source_of;
use crate::scenario::{Provenance, Source};
use crate::units::{Bytes, Length, Span};

/// The table of arrays, as [`Line::table`](crate::config::declare::Line) has it.
pub(super) const TABLE: &str = "[hardware.array]";

/// Keys that only arrays of chips have.
const OF_DEVICES: [&str; 4] = ["scrub", "word_fault", "column_fault", "row_fault"];

table! {
    /// A memory of a node that particles can upset; all like arrays of the node together.
    struct OneArray(Debug) {
        /// Name for people.
        name: String;
        /// What its cells are.
        kind: Cell;
        /// Its size.
        size: Bytes = SIZE_SOME;
        /// Cross-section of a bit for neutrons above 10 MeV in cm2.
        sigma or "fit_per_mbit" "devices": Option<f64> = Kind::Number(0.0, 1e-6);
        /// Upsets in 1e9 h of 1e6 bits, in New York; in place of `sigma`.
        fit_per_mbit: Option<f64> = Kind::Number(0.0, 1e9);
        /// Chips of DRAM, which fail in the modes of Sridharan and Liberty (SC 2012); in place of
        /// `sigma`.
        devices: Option<u32> = Kind::Count(1, 1_000_000);
        /// Share of upsets that flip two bits of a word; with `devices` the fault modes say it.
        multi_bit: Option<f64> = SHARE;
        /// With `devices`: time between two readings of the whole array that write back what the
        /// code corrects. The default is an assumption.
        scrub: Span = SPAN_SOME => "\"1 d\"";
        /// The code that guards it.
        protection: Protection;
        /// What faults make of words.
        damages: Damages = Kind::Flat(Damages::SPEC);
    }
    checks |section, m| check_array(section, kind, m)
}

/// Notes keys that do not go with what says how often an array is upset, or that nothing does.
fn check_array(section: &Section<'_>, kind: Option<Cell>, m: &mut Mistakes) {
    let of_chips = section.has("devices");
    let misplaced: &[&str] = if of_chips { &["multi_bit"] } else { &OF_DEVICES };
    for key in misplaced.iter().filter(|key| section.has(key)) {
        let title = format!("`{key}` is of no use here");
        let help = "`multi_bit` goes with `sigma` or `fit_per_mbit`, `scrub` and what faults make \
                    of words with `devices`";
        m.note(Mistake::new(section.place(key), title).help(help));
    }
    if of_chips && kind == Some(Cell::Sram) {
        let mistake = Mistake::new(section.place("devices"), "`devices` are chips of DRAM");
        m.note(mistake.help("give `sigma` or `fit_per_mbit` for an array of SRAM"));
    } else if !of_chips && (section.has("sigma") || section.has("fit_per_mbit")) {
        section.demand("multi_bit", m);
    } else if !of_chips {
        let title = "nothing says how often this array is upset";
        let mistake = Mistake::new(section.own_place(), title);
        m.note(mistake.help("give `sigma`, `fit_per_mbit` or, for DRAM, `devices`"));
    }
}

table! {
    /// What faults of chips make of words.
    for Damages {
        /// With `devices`: what a fault of a word makes of it: one wrong `bit`, a random `pattern`
        /// in the chip's four bits, or `all` four wrong, as in FaultSim.
        word as "word_fault": Damage => "\"pattern\"";
        /// The same of each word that a fault of a column reaches. The default takes a column as
        /// one bit line, which is an assumption; in FaultSim it is `all`.
        column as "column_fault": Damage => "\"bit\"";
        /// The same of each word that a fault of a row reaches.
        row as "row_fault": Damage => "\"pattern\"";
    }
}

impl Declared for Array {
    const SPEC: &'static TableSpec = OneArray::SPEC;

    fn read(section: &Section<'_>, m: &mut Mistakes) -> Option<Self> {
        let one = OneArray::read(section, m)?;
        let OneArray { name, kind, size, protection, scrub, damages, .. } = one;
        let sensitivity = match (one.devices, one.fit_per_mbit, one.sigma) {
            (Some(count), ..) => Sensitivity::Devices { count, scrub, damages },
            (_, Some(fit), _) => Sensitivity::FitPerMbit(fit),
            (.., Some(sigma)) => Sensitivity::Sigma(sigma),
            _ => return None,
        };
        let multi_bit = one.multi_bit.unwrap_or(0.0);
        Some(Self { name, kind, size, sensitivity, multi_bit, protection })
    }

    /// Those keys that its kind has.
    fn keys(&self) -> Vec<(&'static str, Written)> {
        let mut one = OneArray {
            name: self.name.clone(),
            kind: self.kind,
            size: self.size,
            sigma: None,
            fit_per_mbit: None,
            devices: None,
            multi_bit: Some(self.multi_bit),
            protection: self.protection,
            scrub: Span::ZERO,
            damages: Damages { word: Damage::Bit, column: Damage::Bit, row: Damage::Bit },
        };
        let mut unused: &[&str] = &OF_DEVICES;
        match self.sensitivity {
            Sensitivity::Sigma(sigma) => one.sigma = Some(sigma),
            Sensitivity::FitPerMbit(fit) => one.fit_per_mbit = Some(fit),
            Sensitivity::Devices { count, scrub, damages } => {
                one = OneArray { devices: Some(count), multi_bit: None, scrub, damages, ..one };
                unused = &[];
            }
        }
        let mut keys = one.keys();
        keys.retain(|(key, _)| !unused.contains(key));
        keys
    }
}

table! {
    /// Where the machine stands, which says how many neutrons of cosmic rays reach it.
    for Site {
        /// Above sea level.
        altitude: Length = Kind::Length(Length(-500_000), Length(9_000_000));
        /// Vertical cutoff rigidity of the place in GV: 0 at the magnetic poles, 17 at most.
        rigidity: f64 = Kind::Number(0.0, 20.0);
        /// Solar activity: 0 the quiet sun, with most cosmic rays, to 100 %.
        solar: f64 = SHARE;
        /// Concrete above the machine; each metre lets a quarter of the neutrons through.
        concrete: Length = Kind::Length(Length(0), Length(100_000));
    }
}

table! {
    /// What an upset that no code catches comes to.
    for Outcomes {
        /// On a node that is up, outside of a job.
        idle: Shares;
        /// On a node that computes.
        compute: Shares;
        /// On a node that writes or reads a checkpoint.
        checkpoint: Shares;
    }
}

table! {
    /// By what a node does: it is up and has no part in a job (`idle`), it computes (`compute`), or
    /// it writes or reads a checkpoint (`checkpoint`).
    for Shares {
        /// Share that makes data wrong, unnoticed.
        silent: f64 = SHARE;
        /// Share that stops the node.
        crash: f64 = SHARE;
        /// Share that makes it silent, with its power on.
        hang: f64 = SHARE;
    }
    checks |section, m| if let (Some(silent), Some(crash), Some(hang)) = (silent, crash, hang)
        && silent + crash + hang > 1.0 + 1e-9
    {
        let title = format!(
            "`silent`, `crash` and `hang` add up to {:.3}", silent + crash + hang
        );
        let mistake = Mistake::new(section.own_place(), title);
        m.note(mistake.help("they are shares of the same upsets: 1 at most"));
    }
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
    let upsets =
        fault_rules::Source { rate, stops: if rate > 0.0 { stopping / rate } else { 0.0 } };
    Rays {
        upsets,
        chips: fault_rules::Source { rate: memory.rate(), stops: memory.stops(upset.compute) },
    }
}

/// Notes cosmic rays on groups of unlike memories, whose upsets one rule cannot draw.
pub(super) fn check_alike(root: &Section<'_>, parts: Option<&Parts>, m: &mut Mistakes) {
    let Some((first, others)) = parts.and_then(|parts| parts.groups.split_first()) else { return };
    let Some(other) = others.iter().find(|it| it.node.arrays != first.node.arrays) else { return };
    let section = root.section("fault");
    for key in ["upset", "dram"].into_iter().filter(|key| section.has(key)) {
        let title = format!("[[fault.{key}]] on nodes of unlike memories");
        let help = format!(
            "`{}` and `{}` differ in `hardware.array`: give both the same in [[hardware.array]]",
            first.name, other.name
        );
        m.note(Mistake::new(section.place(key), title).help(help));
    }
}

/// Where each figure of the arrays of a table such as `hardware` comes from. Their keys are
/// numbered: `hardware.array.0.sigma`.
pub(super) fn provenance(
    (table, hardware): (&str, &Hardware),
    merged: &Table,
    sources: &Sources,
) -> Vec<Provenance> {
    let given = merged.at(&format!("{table}.array")).and_then(Value::list).unwrap_or_default();
    let mut reported = Vec::new();
    for (index, array) in hardware.arrays.iter().enumerate() {
        let item = given.get(index).and_then(Value::table);
        for line in lines(TABLE, array.keys()).into_iter().filter(|line| line.key != "name") {
            let key = format!("{table}.array.{index}.{}", line.key);
            let of_profile = format!("hardware.array.{index}.{}", line.key);
            let value = item.and_then(|item| item.get(line.key));
            let source = value.map(|value| {
                let own = source_of(value, &key, sources);
                own.or_else(|| source_of(value, &of_profile, sources)).unwrap_or(Source::Scenario)
            });
            let source = source.unwrap_or_else(|| Source::Assumption(unsaid(line.key).into()));
            reported.push(Provenance { key, value: line.value, source });
        }
    }
    reported
}

/// What is taken where a profile does not give a key.
fn unsaid(key: &str) -> &'static str {
    if key == "scrub" {
        "not given in the profile; chips are taken as scrubbed once a day"
    } else {
        "not given in the profile; a column is taken as one bit line, and a word or a row as a \
         random pattern of a chip's bits"
    }
}
