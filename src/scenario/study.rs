//! A study: a scenario over the cells of its axes, each of which is played in replications.

use std::path::Path;

use crate::config::declare::{Declared, table};
use crate::config::document::Value;
use crate::config::files::STUDY;
use crate::config::language::Read;
use crate::config::mistakes::{Mistake, Mistakes, Place};
use crate::config::section::Section;
use crate::scenario::axes::Given;
use crate::scenario::conditions::{Condition, Context};
use crate::scenario::design::Design;
use crate::scenario::keys::{ROOT, metric_names};
use crate::scenario::load::{Loader, Overrides};
use crate::scenario::sweep::Axis;
use crate::scenario::{Scenario, study_text};

table! {
    /// What a study is besides its axes: which cells they make, and how often each is played.
    pub struct StudySpec(Clone, Debug, PartialEq) {
        /// Replications of each cell, with the same seeds in every cell: `seed` and those after it,
        /// or the first of an axis `seed`. Default: as many as that axis has, or 1. With
        /// `precision`, so many at least.
        replications: Option<u32> = Kind::Count(1, 1_000_000);
        /// Each cell is played until the half-width of the 95 % interval of each of the `metrics`
        /// is at most this share of its mean.
        precision: Option<f64> = Kind::Share(1e-6, 1.0);
        /// The metrics that the `precision` is of, and that the report begins with.
        metrics: Vec<String> = Kind::List(&Kind::Choice(metric_names)) => "[]";
        /// With `precision`: no cell is played more often.
        replications_max: u32 = Kind::Count(2, 1_000_000) => "10000";
        /// Axes that go together, in groups of paths: the first value of one with the first of the
        /// others, and so on, in place of all combinations.
        zip: Vec<Vec<String>> => "[]";
        /// Conditions that each cell must obey: `KEY OP VALUE` or `KEY OP KEY`, where OP is `<`,
        /// `<=`, `>`, `>=`, `=` or `!=`, such as "cluster.modules <= 5".
        conditions as "where": Vec<String> => "[]";
        /// So many cells that sample all axes at once, each evenly, in place of all combinations:
        /// a Latin hypercube. Ranges then need neither `step` nor `points`.
        latin_hypercube: Option<u32> = Kind::Count(2, 1_000_000);
        /// Conditions that hold in one cell only: all others are compared with it. Default: the
        /// first cell.
        reference: Vec<String> => "[]";
    }
}

/// A study, checked: all its cells load.
#[derive(Clone, Debug)]
pub struct Study {
    pub(super) loader: Loader,
    /// The texts that it comes from, and what is allowed in them but hardly meant.
    pub(super) texts: Mistakes,
    pub(super) design: Design,
    /// Whether a table gives the cells.
    pub(super) is_table: bool,
    pub(super) seed_axis: Option<Axis>,
    seeds: Seeds,
    spec: StudySpec,
    reference: usize,
    name: String,
}

/// The seeds of the replications, the same in each cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seeds {
    /// This one and those after it, as many as are wanted.
    From(u64),
    /// Those of an axis `seed`.
    List(Vec<u64>),
}

/// The value of an axis in a cell.
#[derive(Clone, Debug, PartialEq)]
pub struct AxisValue {
    /// As `--set` takes it.
    pub text: String,
    /// In the unit of the numbers of the axis; `None` of a word.
    pub number: Option<f64>,
}

impl Seeds {
    /// The seed of a replication, counted from 0; `None` where there are no further ones.
    #[must_use]
    pub fn of(&self, replication: u64) -> Option<u64> {
        match self {
            Self::From(first) => first.checked_add(replication),
            Self::List(all) => all.get(usize::try_from(replication).ok()?).copied(),
        }
    }

    /// How many there are, if they are listed.
    #[must_use]
    pub fn count(&self) -> Option<usize> {
        match self {
            Self::From(_) => None,
            Self::List(all) => Some(all.len()),
        }
    }
}

impl Study {
    /// Reads a study from a scenario file; a file without axes is a study of one cell. A table of
    /// `cells` stands in the place of the file's own axes.
    ///
    /// # Errors
    /// All mistakes of all files; of mistakes in many cells the first five.
    pub fn load(
        path: &Path,
        overrides: &Overrides,
        cells: Option<&Path>,
    ) -> Result<Self, Mistakes> {
        let mut m = Mistakes::default();
        let loader = Loader::new(path, STUDY, overrides, &mut m);
        Self::of(loader, cells, Check::All, m)
    }

    /// Reads a study from a text; what it inherits is looked for next to `name`.
    ///
    /// # Errors
    /// As [`Study::load`].
    pub fn load_text(name: &str, text: &str, overrides: &Overrides) -> Result<Self, Mistakes> {
        let mut m = Mistakes::default();
        let loader = Loader::of_text(name, text, overrides, &mut m);
        Self::of(loader, None, Check::All, m)
    }

    /// Reads the [`Study::text`] of a study again, which was checked when it was written: of its
    /// cells only the first is checked.
    ///
    /// # Errors
    /// As [`Study::load`].
    pub fn read_again(name: &str, text: &str) -> Result<Self, Mistakes> {
        let mut m = Mistakes::default();
        let loader = Loader::of_text(name, text, &Overrides::default(), &mut m);
        Self::of(loader, None, Check::First, m)
    }

    fn of(
        loader: Option<Loader>,
        cells: Option<&Path>,
        check: Check,
        mut m: Mistakes,
    ) -> Result<Self, Mistakes> {
        let study = loader.and_then(|loader| Self::read(loader, cells, check, &mut m));
        match study {
            Some(study) if m.is_empty() => Ok(Self { texts: m, ..study }),
            _ => Err(m),
        }
    }

    fn read(
        mut loader: Loader,
        cells: Option<&Path>,
        check: Check,
        m: &mut Mistakes,
    ) -> Option<Self> {
        let before = m.len();
        let user = loader.user.clone();
        let root = Section::new(&ROOT, &user, "", Place::whole(loader.file));
        let section = root.section("study");
        let spec = StudySpec::read(&section, m);
        let first = root.optional("seed");
        let mut given = Given::of(&loader, m);
        let seed_axis = given.seed.take().and_then(|given| given.listed(m));
        let design = match (cells, &spec, first) {
            (Some(path), ..) => given.table(path, &section, m),
            (None, Some(spec), Some(first)) => given.design(&section, spec, first, m),
            _ => None,
        };
        let mut design = design.filter(|_| m.len() == before)?;
        let layers = [&loader.user, loader.defaults()];
        let conditions = |name: &str, axes: &[Axis], m: &mut Mistakes| -> Option<Vec<_>> {
            let context = Context { axes, layers };
            let list = section.given(name).and_then(Value::list).unwrap_or_default();
            let all: Vec<_> = list.iter().map(|text| Condition::read(text, &context, m)).collect();
            all.into_iter().collect()
        };
        let wanted = conditions("where", &design.axes, m);
        let of_reference = conditions("reference", &design.axes, m);
        design.filter(&wanted?, section.place("where"), m);
        let reference = reference(&design, &of_reference?, section.place("reference"), m);
        let (spec, first) = (spec?, first?);
        let seeds = seeds(seed_axis.as_ref(), first, &spec, &section, m);
        if m.len() > before {
            return None;
        }
        let name = check_cells(&mut loader, &design, check, section.own_place(), m)?;
        Some(Self {
            loader,
            texts: Mistakes::default(),
            design,
            is_table: cells.is_some(),
            seed_axis,
            seeds,
            spec,
            reference,
            name,
        })
    }

    /// The name of the scenario, which is that of a folder.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How many cells it has: one at least, and 1,000,000 at most.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "no study is empty")]
    pub fn len(&self) -> usize {
        self.design.len()
    }

    /// The axes, in the order of the file; the last one varies fastest.
    #[must_use]
    pub fn axes(&self) -> &[Axis] {
        &self.design.axes
    }

    /// The values of the axes in a cell, counted from 0.
    #[must_use]
    pub fn values(&self, cell: usize) -> Vec<AxisValue> {
        let each = self.design.axes.iter().zip(self.design.point(cell));
        let value = |(axis, (_, value)): (&Axis, (_, &Value))| AxisValue {
            text: value.bare(),
            number: axis.number(value),
        };
        each.map(value).collect()
    }

    /// The scenario of a cell, with the seed of its first replication.
    ///
    /// # Errors
    /// When files that it names were changed since the study was read.
    pub fn scenario(&self, cell: usize) -> Result<Scenario, Mistakes> {
        let mut m = self.texts.clone();
        let scenario = self.loader.scenario(&self.design.point(cell), &mut m);
        match scenario {
            Some(scenario) if m.is_empty() => {
                let seed = self.seeds.of(0).unwrap_or(scenario.seed);
                Ok(Scenario { seed, ..scenario })
            }
            _ => Err(m),
        }
    }

    /// The seeds of its replications.
    #[must_use]
    pub fn seeds(&self) -> &Seeds {
        &self.seeds
    }

    /// The keys of `[study]`.
    #[must_use]
    pub fn spec(&self) -> &StudySpec {
        &self.spec
    }

    /// The cell that all others are compared with.
    #[must_use]
    pub fn reference(&self) -> usize {
        self.reference
    }

    /// The whole study as one text: it loads to the same study, with the same cells, seeds and
    /// scenarios, and inherits nothing but a built-in file. Traces are found by their whole paths.
    #[must_use]
    pub fn text(&self) -> String {
        study_text::text(self)
    }

    /// What is allowed, but hardly meant.
    #[must_use]
    pub fn warnings(&self) -> &Mistakes {
        &self.texts
    }
}

/// The seeds of the replications, of which there must be enough.
fn seeds(
    axis: Option<&Axis>,
    first: u64,
    spec: &StudySpec,
    section: &Section<'_>,
    m: &mut Mistakes,
) -> Seeds {
    if spec.precision.is_some() && spec.metrics.is_empty() {
        let mistake = Mistake::new(section.place("precision"), "a precision of no metric");
        let by_set = "--set 'study.metrics=[\"waste\"]'";
        let help = format!("name some in [study]: metrics = [\"waste\"], or by {by_set}");
        m.note(mistake.help(help));
    }
    let wanted = spec.replications.unwrap_or(1);
    let Some(axis) = axis else {
        if first.checked_add(u64::from(wanted) - 1).is_none() {
            let title = format!("{wanted} seeds from {first} on lead beyond the largest");
            m.note(Mistake::new(section.place("replications"), title));
        }
        return Seeds::From(first);
    };
    let all: Vec<u64> = axis.values.iter().filter_map(|seed| u64::read(seed).ok()).collect();
    let mut sorted = all.clone();
    sorted.sort_unstable();
    let twice = sorted.iter().zip(sorted.iter().skip(1)).find(|(one, next)| one == next);
    if let Some((seed, _)) = twice {
        let mistake = Mistake::new(axis.place, format!("the seed {seed} is given twice"));
        m.note(mistake.help("it would be the same run again"));
    }
    if all.len() < wanted as usize {
        let title = format!("{wanted} replications, and {} seeds", all.len());
        let mistake = Mistake::new(section.place("replications"), title);
        m.note(
            mistake
                .other(axis.place, "of this axis")
                .help("leave the axis `seed` out: replications take `seed` and those after it"),
        );
    }
    Seeds::List(all)
}

/// The cell that others are compared with: the only one of these conditions.
fn reference(design: &Design, conditions: &[Condition], place: Place, m: &mut Mistakes) -> usize {
    if conditions.is_empty() {
        return 0;
    }
    let found = design.find(conditions);
    match found.as_slice() {
        [cell] => return *cell,
        [] => m.note(Mistake::new(place, "`reference` holds in no cell")),
        [first, second, ..] => {
            let words = |cell: usize| Design::words(&design.point(cell));
            let title = format!("`reference` holds in several cells, such as {}", words(*first));
            let help = format!("and {}; add a condition that distinguishes them", words(*second));
            m.note(Mistake::new(place, title).help(help));
        }
    }
    0
}

/// Which cells are checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Check {
    All,
    First,
}

/// Makes the scenario of each cell, and notes the mistakes of all with the cells that have them.
/// Gives the name of the scenario.
fn check_cells(
    loader: &mut Loader,
    design: &Design,
    check: Check,
    place: Place,
    m: &mut Mistakes,
) -> Option<String> {
    let before = m.take();
    // What is wrong with the files is wrong with each cell in its own words.
    let check = if before.is_empty() { check } else { Check::First };
    let mut name = None;
    let mut found = Found::default();
    for cell in 0..design.len() {
        let point = design.point(cell);
        loader.prepare(&point, m);
        if check == Check::First && cell > 0 {
            continue;
        }
        let scenario = loader.plain(&point, m);
        name = name.or(scenario.map(|(scenario, _)| scenario.name));
        found.add(cell, m.take());
        if found.is_full() {
            break;
        }
    }
    for mistake in before {
        m.note(mistake);
    }
    found.note(design, check, place, m);
    name
}

/// So many different mistakes of cells are reported, a page of them.
const FOUND_MAX: usize = 5;

/// The mistakes of cells: each with the first cell that has it, and their number.
#[derive(Default)]
struct Found {
    mistakes: Vec<(Mistake, usize, usize)>,
    looked_at: usize,
}

impl Found {
    fn is_full(&self) -> bool {
        self.mistakes.len() >= FOUND_MAX
    }

    fn add(&mut self, cell: usize, mistakes: Vec<Mistake>) {
        self.looked_at = cell + 1;
        for mistake in mistakes {
            match self.mistakes.iter_mut().find(|(known, ..)| *known == mistake) {
                Some((_, _, count)) => *count += 1,
                None => self.mistakes.push((mistake, cell, 1)),
            }
        }
    }

    fn note(self, design: &Design, check: Check, place: Place, m: &mut Mistakes) {
        let (cells, looked_at) = (design.len(), self.looked_at);
        let is_full = self.is_full();
        for (mistake, first, count) in self.mistakes {
            let words = Design::words(&design.point(first));
            m.note(match count {
                _ if count == cells || check == Check::First => mistake,
                1 => mistake.remark(&format!("in the cell {words}")),
                2 => mistake.remark(&format!("in the cell {words}, and in 1 other")),
                _ => mistake.remark(&format!("in the cell {words}, and in {} others", count - 1)),
            });
        }
        if is_full && looked_at < cells {
            let title = format!("{} further cells were not looked at", cells - looked_at);
            m.note(Mistake::new(place, title).help("mend the others first"));
        }
    }
}

/// Notes that a file is a study where one scenario is wanted. It is one scenario if the command
/// line fixes each axis and the seed.
pub(super) fn refuse(loader: &Loader, m: &mut Mistakes) -> Option<()> {
    let Some(entry) = ["sweep", "study"].iter().find_map(|name| loader.user.entry(name)) else {
        return Some(());
    };
    let (name, place, before) = (&entry.name, entry.place, m.len());
    let given = Given::of(loader, m);
    let is_given = |key: &&str| loader.user.at(&format!("study.{key}")).is_some();
    let seeds = given.seed.is_some() || ["replications", "precision"].iter().any(is_given);
    let fixed = !seeds || loader.set.get("seed").is_some();
    if (given.axes.is_empty() && fixed) || m.len() > before {
        return Some(());
    }
    let title = format!("[{name}] makes this file a study, and one scenario is wanted here");
    let help = "`rackstorm study FILE` plays it; --set of each axis, and --seed, leave one \
                scenario";
    m.note(Mistake::new(place, title).help(help));
    None
}
