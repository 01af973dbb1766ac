//! From merged tables to what particles can upset: the arrays of a node, and what an upset does.

use crate::config::declare::{Declared, Field, Written, lines, table};
use crate::config::document::{Table, Value};
use crate::config::language::Kind;
use crate::config::mistakes::{Mistake, Mistakes};
use crate::config::section::Section;
use crate::config::words::Word;
use crate::cosmic::budget::{Budget, Class};
use crate::cosmic::flux::Site;
use crate::cosmic::memory::{Array, Cell, Damages, Outcomes, Sensitivity, Shares};
use crate::cosmic::standing::Memory;
use crate::scenario::cluster::Hardware;
use crate::scenario::keys::SHARE;
use crate::scenario::keys::upset::ARRAY;
use crate::scenario::load::Sources;
use crate::scenario::machine::read;
use crate::scenario::misfortune::{self, Rays};
use crate::scenario::resolved::covers;
use crate::scenario::{Provenance, Scenario, Source};
use crate::units::Length;

/// The table of arrays, as [`Line::table`](crate::config::declare::Line) has it.
pub(super) const TABLE: &str = "[hardware.array]";

/// Keys that only arrays of chips have.
const OF_DEVICES: [&str; 4] = ["scrub", "word_fault", "column_fault", "row_fault"];

/// The arrays of a node; none if no profile gives any.
impl Field for Vec<Array> {
    const KIND: Kind = Kind::Tables(&ARRAY);
    const REQUIRED: bool = false;

    fn take(hardware: &Section<'_>, name: &'static str, m: &mut Mistakes) -> Option<Self> {
        let Some(value) = hardware.given(name) else { return Some(Self::new()) };
        let all: Vec<_> = hardware.items(name, &ARRAY).map(|section| array(&section?, m)).collect();
        value.list().and_then(|_| all.into_iter().collect())
    }

    fn written(&self, _: &Kind) -> Written {
        Written::Tables(self.iter().map(array_keys).collect())
    }
}

fn array(section: &Section<'_>, m: &mut Mistakes) -> Option<Array> {
    let cells = section.word("kind", m);
    let how_often = sensitivity(section, cells, m);
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
}

/// What an upset comes to.
pub(super) fn upset(root: &Section<'_>, m: &mut Mistakes) -> Option<Outcomes> {
    let outcomes = Outcomes::read(&root.section("upset"), m)?;
    let all = [("idle", outcomes.idle), ("compute", outcomes.compute)];
    let mut fits = true;
    for (key, shares) in all.into_iter().chain([("checkpoint", outcomes.checkpoint)]) {
        let sum = shares.silent + shares.crash + shares.hang;
        if sum > 1.0 + 1e-9 {
            let title = format!("`silent`, `crash` and `hang` add up to {sum:.3}");
            let mistake = Mistake::new(root.section("upset").place(key), title);
            m.note(mistake.help("they are shares of the same upsets: 1 at most"));
            fits = false;
        }
    }
    fits.then_some(outcomes)
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
    let upsets = misfortune::Source { rate, stops: if rate > 0.0 { stopping / rate } else { 0.0 } };
    Rays {
        upsets,
        chips: misfortune::Source { rate: memory.rate(), stops: memory.stops(upset.compute) },
    }
}

/// An array as keys and values.
fn array_keys(array: &Array) -> Vec<(&'static str, Written)> {
    let number = |value: f64| Written::Value(format!("{value:?}"));
    let sensitivity = match array.sensitivity {
        Sensitivity::Sigma(sigma) => ("sigma", number(sigma)),
        Sensitivity::FitPerMbit(fit) => ("fit_per_mbit", number(fit)),
        Sensitivity::Devices { count, .. } => ("devices", Written::Value(count.to_string())),
    };
    let protection = ("protection", Written::quoted(&array.protection.word()));
    let mut all = vec![
        ("name", Written::quoted(&array.name)),
        ("kind", Written::quoted(&array.kind.word())),
        ("size", Written::quoted(&array.size)),
        sensitivity,
    ];
    if let Sensitivity::Devices { scrub, damages, .. } = array.sensitivity {
        let Damages { word, column, row } = damages;
        let of_words = [("word_fault", word), ("column_fault", column), ("row_fault", row)];
        all.extend([("scrub", Written::quoted(&scrub)), protection]);
        all.extend(of_words.map(|(key, damage)| (key, Written::quoted(&damage.word()))));
    } else {
        all.extend([("multi_bit", number(array.multi_bit)), protection]);
    }
    all
}

/// Where each figure of the arrays comes from. Their keys are numbered: `hardware.array.0.sigma`.
pub(super) fn provenance(
    scenario: &Scenario,
    merged: &Table,
    sources: &Sources,
) -> Vec<Provenance> {
    let given = merged.at("hardware.array").and_then(Value::list).unwrap_or_default();
    let mut told = Vec::new();
    for (index, array) in scenario.hardware.arrays.iter().enumerate() {
        let item = given.get(index).and_then(Value::table);
        for line in lines(TABLE, array_keys(array)).into_iter().filter(|line| line.key != "name") {
            let key = format!("hardware.array.{index}.{}", line.key);
            let value = item.and_then(|item| item.get(line.key));
            let source = match value {
                None => Source::Assumption(unsaid(line.key).into()),
                Some(value) => {
                    let texts = sources.get(&value.place.file).into_iter().flatten();
                    let covering = texts.filter(|(path, _)| covers(path, &key));
                    let nearest = covering.max_by_key(|(path, _)| path.len());
                    nearest.map_or(Source::Scenario, |(_, source)| source.clone())
                }
            };
            told.push(Provenance { key, value: line.value, source });
        }
    }
    told
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
