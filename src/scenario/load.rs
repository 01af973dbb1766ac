//! From a path to scenarios: reads the files, lays them over each other, expands the sweep.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use crate::config::declare::Declared;
use crate::config::document::{Table, Value, own_value, parse};
use crate::config::files::{SCENARIO, Sort};
use crate::config::layers::{at_path, drop_lost_items, lay_over, only};
use crate::config::mistakes::{Mistake, Mistakes, Place};
use crate::config::section::Section;
use crate::config::walk;
use crate::config::writing::quoted;
use crate::cosmic::memory::Outcomes;
use crate::scenario::boot::Controller;
use crate::scenario::cluster::Network;
use crate::scenario::files::Chain;
use crate::scenario::keys::{ROOT, Top};
use crate::scenario::machine::MachineParts;
use crate::scenario::part_rules::Made;
use crate::scenario::resolved;
use crate::scenario::workloads::Workloads;
use crate::scenario::{
    Scenario, Site, Source, arrays, arrivals, base, changes, exclusions, execution, fault_rules,
    files, jobs, levels, machine, overrides, part_rules, queue, study, transfers, variants,
};
use crate::untrusted::{folder_name, is_folder_name};

/// What the command line changes of a scenario.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// `path.to.key=value` each; the value is TOML, or a string without quotes.
    pub set: Vec<String>,
    /// The seed in place of the file's.
    pub seed: Option<u64>,
}

/// One scenario, ready to be planned.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The scenario.
    pub scenario: Scenario,
    /// What is allowed, but hardly meant.
    pub warnings: Mistakes,
}

/// One text with its keys.
#[derive(Clone, Debug)]
pub(super) struct Layer {
    pub file: u32,
    pub table: Table,
}

/// The sources that each text gives for its figures.
pub(super) type Sources = BTreeMap<u32, Vec<(String, Source)>>;

/// Reads a scenario file. A study of several cells or replications is none: [`Study::load`] reads
/// it.
///
/// # Errors
/// All mistakes of all files, at once.
///
/// [`Study::load`]: crate::scenario::Study::load
pub fn load(path: &Path, overrides: &Overrides) -> Result<Loaded, Mistakes> {
    let mut m = Mistakes::default();
    let loader = Loader::new(path, SCENARIO, overrides, &mut m);
    single(loader, m)
}

/// Reads a scenario by the name of a file, or of one that is built in: of a machine with a
/// reference job, that job on it.
///
/// # Errors
/// All mistakes of all files, at once.
pub fn load_reference(name: &str) -> Result<Loaded, Mistakes> {
    let path = Path::new(name);
    if name.contains(['/', '\\', '.']) || path.exists() {
        return load(path, &Overrides::default());
    }
    let base = base::with_job(name);
    let text = format!("schema = 1\ninherit = {}\n", quoted(base));
    load_text(base, &text, &Overrides::default())
}

/// Reads the text of a scenario that needs no file but those built in.
///
/// # Errors
/// All mistakes at once.
pub fn read(name: &str, text: &str) -> Result<Scenario, Mistakes> {
    read_over(name, text, &Overrides::default())
}

/// The same with keys of the command line over it.
///
/// # Errors
/// All mistakes at once.
pub fn read_over(name: &str, text: &str, overrides: &Overrides) -> Result<Scenario, Mistakes> {
    load_text(name, text, overrides).map(|loaded| loaded.scenario)
}

/// Reads a text as [`load`] reads a file; what it inherits is looked for next to `name`.
///
/// # Errors
/// All mistakes at once.
pub fn load_text(name: &str, text: &str, overrides: &Overrides) -> Result<Loaded, Mistakes> {
    let mut m = Mistakes::default();
    let loader = Loader::of_text(name, text, overrides, &mut m);
    single(loader, m)
}

/// The one scenario of the files, if nothing is wrong with it.
fn single(loader: Option<Loader>, mut m: Mistakes) -> Result<Loaded, Mistakes> {
    let scenario = loader.and_then(|mut loader| {
        study::refuse(&loader, &mut m)?;
        loader.prepare(&[], &mut m);
        loader.scenario(&[], &mut m)
    });
    match scenario {
        Some(scenario) if m.is_empty() => Ok(Loaded { scenario, warnings: m }),
        _ => Err(m),
    }
}

/// A point of a study: the path of each axis with its value.
pub(super) type Point<'a> = [(&'a str, &'a Value)];

/// The layers of a scenario, and of all cells of a study.
#[derive(Clone, Debug)]
pub(super) struct Loader {
    /// The file's stem.
    stem: String,
    /// The number of the file itself.
    pub(super) file: u32,
    defaults: Layer,
    /// Profiles that were asked for so far, by name.
    profiles: BTreeMap<String, Layer>,
    /// Those that every cell names, unless an axis does.
    fixed: Option<Profiles>,
    /// All below the axes, by the profiles that it names.
    bases: BTreeMap<Profiles, Table>,
    /// All that the files give that the user wrote.
    pub(super) chain: Table,
    /// What the command line sets.
    pub(super) set: Table,
    /// Both, the axes between them left out.
    pub(super) user: Table,
    /// The same without the built-in file at the bottom of the chain, and the name of that.
    pub(super) own: Table,
    pub(super) base: Option<String>,
    pub(super) sources: Sources,
}

/// The names of the profiles of hardware and module, as far as there are such.
type Profiles = [Option<&'static str>; 2];

impl Loader {
    /// Reads all files. `None` if something is missing without which other complaints would
    /// mislead; the reason is noted.
    pub(super) fn new(
        path: &Path,
        sort: Sort,
        overrides: &Overrides,
        m: &mut Mistakes,
    ) -> Option<Self> {
        let chain = files::chain(path, sort, m)?;
        Self::of(stem(path), chain, overrides, m)
    }

    /// The same of a text.
    pub(super) fn of_text(
        name: &str,
        text: &str,
        overrides: &Overrides,
        m: &mut Mistakes,
    ) -> Option<Self> {
        let chain = files::chain_of_text(name, text, m);
        Self::of(stem(Path::new(name)), chain, overrides, m)
    }

    fn of(stem: String, mut chain: Chain, overrides: &Overrides, m: &mut Mistakes) -> Option<Self> {
        let defaults = built_in("defaults", m).expect("the defaults are built in");
        let file = chain.top;
        let (set, whole) = overrides::layers(overrides, m);
        chain.whole &= whole;
        let mut loader = Self {
            stem,
            file,
            sources: Sources::new(),
            profiles: BTreeMap::new(),
            fixed: None,
            bases: BTreeMap::new(),
            chain: Table::default(),
            set: Table::default(),
            user: Table::default(),
            own: Table::default(),
            base: None,
            defaults,
        };
        let defaults = loader.defaults.clone();
        loader.take_sources(&defaults, m);
        let built_in = chain.base.as_ref().map_or(0, |(_, layers)| *layers);
        for (number, layer) in chain.layers.into_iter().enumerate() {
            loader.check(&layer, m);
            let own = layer.file == file;
            let table = if own { layer.table } else { without_own(layer.table) };
            lay_over(&ROOT, &mut loader.chain, &table, m);
            if number >= built_in {
                lay_over(&ROOT, &mut loader.own, &table, m);
            }
        }
        loader.base = chain.base.map(|(name, _)| name);
        for layer in set {
            loader.check(&layer, m);
            lay_over(&ROOT, &mut loader.set, &layer.table, m);
        }
        let keys = loader.set.entries.iter().map(|entry| (entry.name.as_str(), entry.place));
        chain.whole &= !loader.refuse_modules(keys, m);
        loader.user = loader.chain.clone();
        lay_over(&ROOT, &mut loader.user, &loader.set, m);
        lay_over(&ROOT, &mut loader.own, &loader.set, m);
        for table in [&mut loader.user, &mut loader.own] {
            variants::lay_under(table, &loader.set, m);
        }
        // A file that is not read to its end would seem to lack keys.
        chain.whole.then_some(loader)
    }

    /// Notes keys of modules that are laid over a cluster which the files write as parts; says
    /// whether there are any.
    fn refuse_modules<'k>(
        &self,
        keys: impl Iterator<Item = (&'k str, Place)>,
        m: &mut Mistakes,
    ) -> bool {
        let table = |path: &'k str| path.split('.').next().unwrap_or(path);
        let of_modules = keys.filter(|(path, _)| is_of_modules(path));
        let over: Vec<_> = of_modules.filter(|_| self.chain.get("group").is_some()).collect();
        for &(path, place) in &over {
            let title = format!("`{}` of a cluster that is written as [[group]]", table(path));
            let help = "its keys are numbered, such as `group.0.nodes` or `switch.0.uplink`";
            m.note(Mistake::new(place, title).help(help));
        }
        !over.is_empty()
    }

    /// What holds unless a file says otherwise.
    pub(super) fn defaults(&self) -> &Table {
        &self.defaults.table
    }

    /// Checks a layer by itself; it lies over those before.
    fn check(&mut self, layer: &Layer, m: &mut Mistakes) {
        m.lay_on_top(layer.file);
        walk::check_document(&ROOT, &layer.table, m);
        self.take_sources(layer, m);
    }

    fn take_sources(&mut self, layer: &Layer, m: &mut Mistakes) {
        let mut all = Vec::new();
        for (table, make) in [
            ("source", Source::Published as fn(String) -> Source),
            ("assumption", Source::Assumption as fn(String) -> Source),
        ] {
            let entries = layer.table.get(table).and_then(Value::table).map(|t| &t.entries);
            for entry in entries.into_iter().flatten() {
                if let Some(text) = entry.value.text() {
                    if walk::kind_at(&ROOT, &entry.name).is_none() {
                        let title = format!("[{table}] names `{}`, which is no key", entry.name);
                        m.note(Mistake::new(entry.place, title));
                    }
                    all.push((entry.name.clone(), make(text.into())));
                }
            }
        }
        self.sources.insert(layer.file, all);
    }

    /// Reads the profiles that a point names, and lays all below it over each other.
    pub(super) fn prepare(&mut self, point: &Point<'_>, m: &mut Mistakes) {
        variants::check(&self.user, point, m);
        self.refuse_modules(point.iter().map(|(path, value)| (*path, value.place)), m);
        let point = variants::expanded(&self.user, point);
        let names = self.names(&point, m);
        if !point.iter().any(is_of_cluster) {
            self.fixed = Some(names);
        }
        if self.bases.contains_key(&names) {
            return;
        }
        let mut base = without_own(self.defaults.table.clone());
        for (name, table) in names.into_iter().zip(["hardware", "module"]) {
            let Some(name) = name else { continue };
            self.load_profile(name, m);
            lay_over(&ROOT, &mut base, &only(&self.profiles[name].table, table), m);
        }
        lay_over(&ROOT, &mut base, &self.chain, m);
        // They are laid over it one at a time, and each cell has a copy of the rest.
        base.remove(variants::ALL);
        if base.get("group").is_some() {
            // Each group lays its own one below its nodes.
            for name in base::profiles("hardware") {
                self.load_profile(name, m);
            }
        } else if base.at("cluster.hardware").is_none() {
            let stand_in =
                at_path("cluster.hardware", self.lacking(), own_value("\"pi_3b\"").clone());
            lay_over(&ROOT, &mut base, &stand_in, m);
        }
        self.bases.insert(names, base);
    }

    fn load_profile(&mut self, name: &str, m: &mut Mistakes) {
        if !self.profiles.contains_key(name) {
            let layer = built_in(name, m).expect("it is one of those built in");
            self.take_sources(&layer, m);
            self.profiles.insert(name.into(), layer);
        }
    }

    /// The profiles of a point. A name of none was noted when its file was checked.
    fn names(&self, point: &Point<'_>, m: &mut Mistakes) -> Profiles {
        if let Some(names) = self.fixed.filter(|_| !point.iter().any(is_of_cluster)) {
            return names;
        }
        let mut cluster = only(&self.defaults.table, "cluster");
        lay_over(&ROOT, &mut cluster, &only(&self.chain, "cluster"), m);
        for (path, value) in point.iter().filter(|it| is_of_cluster(it)) {
            lay_over(&ROOT, &mut cluster, &at_path(path, value.place, (*value).clone()), m);
        }
        lay_over(&ROOT, &mut cluster, &only(&self.set, "cluster"), m);
        let has_groups = self.user.get("group").is_some();
        if cluster.at("cluster.hardware").is_none() && !has_groups {
            self.lacks_hardware(m);
        }
        ["hardware", "module"].map(|table| match cluster.at(&format!("cluster.{table}")) {
            Some(name) => {
                let name = name.text()?;
                base::profiles(table).into_iter().find(|known| *known == name)
            }
            // Without hardware, all keys of a node would seem to be missing.
            None => (table == "hardware").then_some("pi_3b"),
        })
    }

    /// The scenario at a point that is prepared.
    pub(super) fn scenario(&self, point: &Point<'_>, m: &mut Mistakes) -> Option<Scenario> {
        let (mut scenario, merged) = self.plain(point, m)?;
        let sources = variants::sources(&self.user, point, &self.sources);
        resolved::fill_provenance(&mut scenario, &merged, &sources);
        Some(scenario)
    }

    /// The scenario at a point that is prepared, without the sources of its figures; and its keys.
    pub(super) fn plain(&self, point: &Point<'_>, m: &mut Mistakes) -> Option<(Scenario, Table)> {
        let (merged, names) = self.merged(point, m);
        // Without its profile, a table would seem to lack all of its keys.
        let have = (names[0].is_some(), names[1].is_some());
        let build = |keys: &Table, m: &mut Mistakes| {
            self.build(&Section::new(&ROOT, keys, "", Place::whole(self.file)), have, m)
        };
        let mut scenario = build(&merged, m)?;
        scenario.changes = changes::read(&scenario, &merged, self.file, m, &build)?;
        Some((scenario, merged))
    }

    /// All layers at a point that is prepared, and the profiles among them.
    pub(super) fn merged(&self, point: &Point<'_>, m: &mut Mistakes) -> (Table, Profiles) {
        let expanded = variants::expanded(&self.user, point);
        let names = self.names(&expanded, m);
        let mut merged = self.bases[&names].clone();
        // Modules over parts were noted, and would only seem to lack all of their keys.
        let has_groups = self.chain.get("group").is_some();
        for (path, value) in expanded.into_iter().filter(|it| !has_groups || !is_of_modules(it.0)) {
            lay_over(&ROOT, &mut merged, &at_path(path, value.place, value.clone()), m);
        }
        variants::check_kept(&self.user, point, &merged, m);
        lay_over(&ROOT, &mut merged, &self.set, m);
        drop_lost_items(&ROOT, &mut merged, m);
        if merged.get("group").is_some() {
            let mut own = only(&self.chain, "hardware");
            for (path, value) in variants::expanded(&self.user, point) {
                lay_over(&ROOT, &mut own, &at_path(path, value.place, value.clone()), m);
            }
            lay_over(&ROOT, &mut own, &self.set, m);
            let profile = |name: &str| self.profiles.get(name).map(|layer| &layer.table);
            part_rules::complete(&mut merged, profile, &own, m);
        }
        (merged, names)
    }

    /// The place that lacks the hardware.
    fn lacking(&self) -> Place {
        self.user.get("cluster").map_or(Place::whole(self.file), |cluster| cluster.place)
    }

    fn lacks_hardware(&self, m: &mut Mistakes) {
        let known = base::profiles("hardware").join(", ");
        let help = format!(
            "`inherit = \"lanl_pilot\"`, or `hardware = \"pi_3b\"` in [cluster]; known: {known}"
        );
        m.note(Mistake::new(self.lacking(), "the scenario names no hardware").help(help));
    }

    fn build(&self, root: &Section<'_>, have: (bool, bool), m: &mut Mistakes) -> Option<Scenario> {
        let top = self.top(root, m);
        let site = Site::read(&root.section("site"), m);
        let upset = Outcomes::read(&root.section("upset"), m);
        let network = Network::read(&root.section("network"), m);
        let (machine, nodes) = machine::machine(root, have, m);
        let MachineParts { cluster, hardware, module, made, server, boot, layout } = machine;
        let controller = Controller::read(&root.section("controller"), m);
        let stop = execution::stop(root, m);
        let by_chip = root.section("fault").has("dram");
        arrays::check_alike(root, made.as_ref().and_then(Made::parts), m);
        let node = site.as_ref().zip(hardware.as_ref()).zip(upset.as_ref());
        let rays = node.map(|((site, node), upset)| arrays::rays(site, node, upset, by_chip));
        let faults = fault_rules::rules(root, layout.as_ref(), stop.as_ref(), rays, m);
        let jobs = jobs::jobs(root, nodes, faults.as_deref(), m);
        let arrivals = arrivals::read(root, (nodes, faults.as_deref()), jobs.as_deref(), m);
        if let (Some(jobs), Ok(arrivals)) = (&jobs, &arrivals) {
            levels::check_classes(root, jobs, arrivals.as_deref(), m);
        }
        let transfers = transfers::read(root, layout.as_ref(), m);
        let workloads = Workloads::read(root, layout.as_ref(), m);
        let queue = queue::queue(root, jobs.as_deref(), arrivals.as_ref().ok(), m);
        exclusions::check(root, m);
        fault_rules::check_times(root, stop.as_ref(), m);
        let record = execution::record(root, stop.as_ref(), m);
        let expect = execution::expect(root, m);
        let Top { name, title, seed, .. } = top?;
        Some(Scenario {
            name,
            title,
            seed,
            site: site?,
            cluster: cluster?,
            hardware: hardware?,
            upset: upset?,
            module: module?,
            parts: made?.parts().cloned().map(Arc::new),
            network: network?,
            server: server?,
            boot: boot?,
            controller: controller?,
            faults: faults?,
            jobs: jobs?,
            arrivals: arrivals.ok()?,
            transfers: transfers?,
            workloads: workloads?,
            queue: queue?,
            stop: stop?,
            record: record?,
            expect: expect?,
            changes: Vec::new(),
            provenance: Vec::new(),
        })
    }

    /// What the scenario is called.
    fn top(&self, root: &Section<'_>, m: &mut Mistakes) -> Option<Top> {
        let root = root.clone().or("name", Some(quoted(&folder_name(&self.stem))));
        let name: Option<String> = root.optional("name");
        if name.as_ref().is_some_and(|name| !is_folder_name(name)) {
            let title = format!("`{}` names no folder", name.clone().unwrap_or_default());
            m.note(Mistake::new(root.place("name"), title).help(
                "use letters, digits, `-`, `_` and `.`, no `.` at the start, and at most 200 \
                 characters",
            ));
        }
        Top::read(&root.or("title", name.map(|name| quoted(&name))), m)
    }
}

/// Whether a value of a point may name a profile.
fn is_of_cluster((path, _): &(&str, &Value)) -> bool {
    *path == "cluster" || path.starts_with("cluster.")
}

/// Whether a path is one of a cluster of modules.
fn is_of_modules(path: &str) -> bool {
    matches!(path.split('.').next(), Some("cluster" | "module"))
}

fn stem(path: &Path) -> String {
    let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    stem.filter(|stem| !stem.is_empty()).unwrap_or_else(|| "scenario".into())
}

/// Without what belongs to the file alone; for the layers below the scenario's own.
fn without_own(mut table: Table) -> Table {
    for name in ["schema", "name", "inherit", "source", "assumption"] {
        table.remove(name);
    }
    table
}

/// A file of `scenarios/base/`, by name.
pub(super) fn built_in(name: &str, m: &mut Mistakes) -> Option<Layer> {
    let file = m.file(base::shown(name), base::text(name)?);
    let (table, whole) = parse(file, m);
    assert!(whole, "the built-in file {name} is TOML");
    Some(Layer { file, table })
}
