//! A study: a scenario over the cells of its axes, each of which is played in replications.

use std::path::Path;

use crate::config::declare::{Declared, table};
use crate::config::document::Value;
use crate::config::language::Kind;
use crate::config::mistakes::{Mistake, Mistakes, Place};
use crate::config::section::Section;
use crate::scenario::Scenario;
use crate::scenario::keys::{ROOT, metric_names};
use crate::scenario::load::{Loader, Overrides};
use crate::scenario::sweep::{self, Axis};

table! {
    /// What a study is besides its axes: how often each cell is played, and which cells there are.
    pub struct StudySpec(Clone, Debug, PartialEq) {
        /// Replications of each cell, with the same seeds in each: the scenario's and those after
        /// it. Default: as many as an axis `seed` has, or as `precision` needs, or 1.
        replications: Option<u32> = Kind::Count(1, 1_000_000);
        /// Play until the half-width of the 95 % interval of each of the `metrics` is at most this
        /// share of its mean, in each cell.
        precision: Option<f64> = Kind::Share(1e-6, 1.0);
        /// The metrics that the `precision` is of, and that the report begins with.
        metrics: Vec<String> = Kind::List(&Kind::Choice(metric_names)) => "[]";
        /// With `precision`: no cell is played more often.
        replications_max: u32 = Kind::Count(2, 1_000_000) => "10000";
    }
}

/// A study, checked: all its cells load.
#[derive(Clone, Debug)]
pub struct Study {
    loader: Loader,
    /// The texts that it comes from, and what is allowed in them but hardly meant.
    texts: Mistakes,
    name: String,
    spec: StudySpec,
    seeds: Seeds,
    axes: Vec<Axis>,
}

/// The seeds of the replications, the same in each cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seeds {
    /// This one and those after it: as many as the study has replications.
    From(u64),
    /// Those of an axis `seed`.
    List(Vec<u64>),
}

/// The value of an axis in a cell.
#[derive(Clone, Debug, PartialEq)]
pub struct AxisValue {
    /// As TOML.
    pub text: String,
    /// In the unit of the axis, if it has one.
    pub number: Option<f64>,
}

impl Seeds {
    /// The seed of a replication, counted from 0; `None` beyond the end of a list.
    #[must_use]
    pub fn of(&self, replication: u64) -> Option<u64> {
        match self {
            Self::From(first) => first.checked_add(replication),
            Self::List(all) => all.get(usize::try_from(replication).ok()?).copied(),
        }
    }
}

impl Study {
    /// Reads a study from a scenario file; a file without axes is a study of one cell. `cells` is a
    /// table of cells in place of the file's own axes.
    ///
    /// # Errors
    /// All mistakes of all files and cells, at once.
    pub fn load(
        path: &Path,
        overrides: &Overrides,
        cells: Option<&Path>,
    ) -> Result<Self, Mistakes> {
        let mut m = Mistakes::default();
        let loader = Loader::new(path, overrides, &mut m);
        Self::of(loader, cells, m)
    }

    /// Reads a study from a text; what it inherits is looked for next to `name`.
    ///
    /// # Errors
    /// All mistakes, at once.
    pub fn load_text(name: &str, text: &str, overrides: &Overrides) -> Result<Self, Mistakes> {
        let mut m = Mistakes::default();
        let loader = Loader::of_text(name, text, overrides, &mut m);
        Self::of(loader, None, m)
    }

    fn of(
        loader: Option<Loader>,
        _cells: Option<&Path>,
        mut m: Mistakes,
    ) -> Result<Self, Mistakes> {
        let study = loader.and_then(|loader| Self::read(loader, &mut m));
        match study {
            Some(mut study) if m.is_empty() => {
                study.texts = m;
                Ok(study)
            }
            _ => Err(m),
        }
    }

    fn read(mut loader: Loader, m: &mut Mistakes) -> Option<Self> {
        let (seed_axis, axes) = own_axes(&loader, m);
        let root = Section::new(&ROOT, &loader.user, "", Place::whole(loader.file));
        let spec = StudySpec::read(&root.section("study"), m)?;
        let seeds = match seed_axis {
            Some(axis) => Seeds::List(axis.values.iter().filter_map(seed_of).collect()),
            None => Seeds::From(root.optional("seed")?),
        };
        let count = sweep::count(&axes, m)?;
        let mut name = String::new();
        for cell in 0..count {
            let point = sweep::point(&axes, cell);
            loader.prepare(&point, m)?;
            let scenario = loader.scenario(&point, m);
            name = scenario.map_or(name, |scenario| scenario.name);
            if m.is_full() {
                break;
            }
        }
        Some(Self { loader, texts: Mistakes::default(), name, spec, seeds, axes })
    }

    /// The name of the scenario, which is that of a folder.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How many cells it has: one at least.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "no study is empty")]
    pub fn len(&self) -> usize {
        self.axes.iter().map(|axis| axis.values.len()).product()
    }

    /// The axes, in the order of the file; the last one varies fastest.
    #[must_use]
    pub fn axes(&self) -> &[Axis] {
        &self.axes
    }

    /// The values of the axes in a cell, counted from 0.
    #[must_use]
    pub fn values(&self, cell: usize) -> Vec<AxisValue> {
        let point = sweep::point(&self.axes, cell);
        let each = self.axes.iter().zip(point);
        each.map(|(axis, (_, value))| axis.value(value)).collect()
    }

    /// The scenario of a cell, with the seed of its first replication.
    ///
    /// # Errors
    /// When files that it names were changed since the study was read.
    pub fn scenario(&self, cell: usize) -> Result<Scenario, Mistakes> {
        let mut m = self.texts.clone();
        let scenario = self.loader.scenario(&sweep::point(&self.axes, cell), &mut m);
        match scenario {
            Some(mut scenario) if m.is_empty() => {
                scenario.seed = self.seeds.of(0).unwrap_or(scenario.seed);
                Ok(scenario)
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

    /// What is allowed, but hardly meant.
    #[must_use]
    pub fn warnings(&self) -> &Mistakes {
        &self.texts
    }
}

/// The axes that the command line leaves: that of the seed, and the others.
fn own_axes(loader: &Loader, m: &mut Mistakes) -> (Option<Axis>, Vec<Axis>) {
    let mut axes = sweep::axes(&loader.user, m);
    axes.retain(|axis| axis.is_left_by(&loader.set, m));
    let place = axes.iter().position(|axis| axis.path() == "seed");
    (place.map(|place| axes.remove(place)), axes)
}

fn seed_of(value: &Value) -> Option<u64> {
    crate::config::language::Read::read(value).ok()
}

/// Notes that a file is a study where one scenario is wanted. It is one scenario if the command
/// line fixes each axis and the seed.
pub(super) fn refuse(loader: &Loader, m: &mut Mistakes) -> Option<()> {
    let Some(entry) = ["sweep", "study"].iter().find_map(|name| loader.user.entry(name)) else {
        return Some(());
    };
    let (name, place) = (&entry.name, entry.place);
    let (seed_axis, axes) = own_axes(loader, m);
    let fixed = loader.set.get("seed").is_some() || (seed_axis.is_none() && name == "sweep");
    if axes.is_empty() && fixed {
        return Some(());
    }
    let title = format!("[{name}] makes this file a study, and one scenario is wanted here");
    let help = "`rackstorm study FILE` plays it; --set of each axis, and --seed, leave one \
                scenario";
    m.note(Mistake::new(place, title).help(help));
    None
}
