//! From a path to scenarios: reads the files, lays them over each other, expands the sweep.

use std::collections::BTreeMap;
use std::path::Path;

use crate::config::declare::Declared;
use crate::config::document::{Table, Value, own_value, parse};
use crate::config::layers::{at_path, drop_lost_items, lay_over, only};
use crate::config::mistakes::{Mistake, Mistakes, Place};
use crate::config::section::Section;
use crate::config::walk;
use crate::cosmic::memory::Outcomes;
use crate::scenario::boot::Controller;
use crate::scenario::cluster::{Cluster, Hardware, Network, Server};
use crate::scenario::files::Chain;
use crate::scenario::keys::{ROOT, Top};
use crate::scenario::resolved;
use crate::scenario::sweep::{Axis, axes, points};
use crate::scenario::{
    Scenario, Site, Source, arrays, base, exclusions, execution, fault_rules, files, jobs, machine,
    overrides,
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
    /// Its complete text: loads to the same scenario, and inherits nothing.
    pub resolved: String,
    /// The point of the sweep that it is, as (path, value); empty without `[sweep]`.
    pub point: Vec<(String, String)>,
    /// What is allowed, but hardly meant: of a sweep the first point has it for all.
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

/// Reads a scenario file: one scenario for each point of its sweep, a single one without.
///
/// # Errors
/// All mistakes of all files, at once.
pub fn load(path: &Path, overrides: &Overrides) -> Result<Vec<Loaded>, Mistakes> {
    let mut m = Mistakes::default();
    let loader = Loader::new(path, overrides, &mut m);
    let points = loader.map(|loader| loader.all(&mut m)).unwrap_or_default();
    judged(points, m)
}

/// The points, if nothing is wrong with any.
fn judged(mut points: Vec<Loaded>, m: Mistakes) -> Result<Vec<Loaded>, Mistakes> {
    if !m.is_empty() {
        return Err(m);
    }
    if let Some(first) = points.first_mut().filter(|_| m.has_warnings()) {
        first.warnings = m;
    }
    Ok(points)
}

/// Reads the text of a scenario that needs no file but those built in. It has no sweep.
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
    load_text(name, text, overrides).map(|mut points| points.remove(0).scenario)
}

/// Reads a text as [`load`] reads a file; what it inherits is looked for next to `name`.
///
/// # Errors
/// All mistakes at once.
pub fn load_text(name: &str, text: &str, overrides: &Overrides) -> Result<Vec<Loaded>, Mistakes> {
    let mut m = Mistakes::default();
    let chain = files::chain_of_text(name, text, &mut m);
    let loader = Loader::of(stem(Path::new(name)), chain, overrides, &mut m);
    let points = loader.map(|loader| loader.all(&mut m)).unwrap_or_default();
    judged(points, m)
}

struct Loader {
    /// The file's stem.
    stem: String,
    /// The number of the file itself.
    file: u32,
    defaults: Layer,
    /// Profiles that were asked for so far, by name.
    profiles: BTreeMap<String, Layer>,
    /// All that the files give that the user wrote.
    chain: Table,
    /// What the command line sets.
    set: Table,
    /// Those that the command line leaves.
    axes: Vec<Axis>,
    sources: Sources,
}

impl Loader {
    /// Reads all files. `None` if something is missing without which other complaints would
    /// mislead; the reason is noted.
    fn new(path: &Path, overrides: &Overrides, m: &mut Mistakes) -> Option<Self> {
        let chain = files::chain(path, m)?;
        Self::of(stem(path), chain, overrides, m)
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
            chain: Table::default(),
            set: Table::default(),
            axes: Vec::new(),
            defaults,
        };
        let defaults = loader.defaults.clone();
        loader.take_sources(&defaults, m);
        for layer in chain.layers {
            loader.check(&layer, m);
            let own = layer.file == file;
            let table = if own { layer.table } else { without_own(layer.table) };
            lay_over(&ROOT, &mut loader.chain, &table, m);
        }
        for layer in set {
            loader.check(&layer, m);
            lay_over(&ROOT, &mut loader.set, &layer.table, m);
        }
        let mut user = loader.chain.clone();
        lay_over(&ROOT, &mut user, &loader.set, m);
        loader.axes = axes(&user, m);
        let set = &loader.set;
        loader.axes.retain(|axis| axis.is_left_by(set, m));
        // A file that is not read to its end would seem to lack keys.
        chain.whole.then_some(loader)
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

    /// All points of the sweep.
    fn all(mut self, m: &mut Mistakes) -> Vec<Loaded> {
        let mut loaded = Vec::new();
        let axes = std::mem::take(&mut self.axes);
        for point in points(&axes, m) {
            let mut user = self.chain.clone();
            for (path, value) in &point {
                lay_over(&ROOT, &mut user, &at_path(path, value.place, (*value).clone()), m);
            }
            lay_over(&ROOT, &mut user, &self.set, m);
            if let Some(scenario) = self.scenario(&mut user, m) {
                let resolved = resolved::text(&scenario);
                let point = point
                    .iter()
                    .map(|(path, value)| ((*path).to_owned(), resolved::value_text(value)))
                    .collect();
                loaded.push(Loaded { scenario, resolved, point, warnings: Mistakes::default() });
            }
            if m.is_full() {
                break;
            }
        }
        loaded
    }

    /// The profile that `cluster.<key>` names, reduced to the table of the same meaning.
    fn profile(
        &mut self,
        merged: &Table,
        key: &str,
        table: &str,
        m: &mut Mistakes,
    ) -> Option<Table> {
        let name = merged.at(&format!("cluster.{key}"))?.text()?;
        // A name of none was noted when its file was checked.
        if !base::profiles(table).contains(&name) {
            return None;
        }
        if !self.profiles.contains_key(name) {
            let layer = built_in(name, m)?;
            self.take_sources(&layer, m);
            self.profiles.insert(name.into(), layer);
        }
        let layer = &self.profiles[name];
        Some(only(&layer.table, table))
    }

    fn scenario(&mut self, user: &mut Table, m: &mut Mistakes) -> Option<Scenario> {
        let mut names = without_own(self.defaults.table.clone());
        lay_over(&ROOT, &mut names, user, m);
        if names.at("cluster.hardware").is_none() {
            self.name_hardware(&mut names, user, m);
        }
        let hardware = self.profile(&names, "hardware", "hardware", m);
        let module = self.profile(&names, "module", "module", m);
        let mut merged = without_own(self.defaults.table.clone());
        for profile in [&hardware, &module].into_iter().flatten() {
            lay_over(&ROOT, &mut merged, profile, m);
        }
        lay_over(&ROOT, &mut merged, user, m);
        drop_lost_items(&ROOT, &mut merged, m);
        let root = Section::new(&ROOT, &merged, "", Place::whole(self.file));
        // Without its profile, a table would seem to lack all of its keys.
        let have = (hardware.is_some(), module.is_some());
        let mut scenario = self.build(&root, have, m)?;
        resolved::fill_provenance(&mut scenario, &merged, &self.sources);
        Some(scenario)
    }

    /// Notes that the scenario names no hardware, and goes on with some: without it, all keys of
    /// a node would seem to be missing.
    fn name_hardware(&self, names: &mut Table, user: &mut Table, m: &mut Mistakes) {
        let place = user.get("cluster").map_or(Place::whole(self.file), |cluster| cluster.place);
        let known = base::profiles("hardware").join(", ");
        let help = format!(
            "`inherit = \"lanl_pilot\"`, or `hardware = \"pi_3b\"` in [cluster]; known: {known}"
        );
        m.note(Mistake::new(place, "the scenario names no hardware").help(help));
        let stand_in = at_path("cluster.hardware", place, own_value("\"pi_3b\""));
        lay_over(&ROOT, names, &stand_in, m);
        lay_over(&ROOT, user, &stand_in, m);
    }

    fn build(
        &self,
        root: &Section<'_>,
        (have_hardware, have_module): (bool, bool),
        m: &mut Mistakes,
    ) -> Option<Scenario> {
        let top = self.top(root, m);
        let site = Site::read(&root.section("site"), m);
        let cluster = Cluster::read(&root.section("cluster"), m);
        let of_node = root.section("hardware");
        let hardware = if have_hardware { Hardware::read(&of_node, m) } else { None };
        let upset = Outcomes::read(&root.section("upset"), m);
        let module = if have_module { machine::module(root, m) } else { None };
        let network = Network::read(&root.section("network"), m);
        let server = Server::read(&root.section("server"), m);
        let boot = machine::boot(root, hardware.as_ref(), m);
        let controller = Controller::read(&root.section("controller"), m);
        let fits = match (&cluster, &module) {
            (Some(cluster), Some(module)) => machine::check_size(root, cluster, module, m),
            _ => false,
        };
        let whole = cluster.as_ref().zip(module.as_ref()).filter(|_| fits);
        let layout = whole
            .zip(server.as_ref())
            .map(|((cluster, module), server)| machine::layout(cluster, module, server.per));
        let nodes = whole
            .zip(hardware.as_ref())
            .map(|((cluster, module), hardware)| execution::Nodes::of(cluster, module, hardware));
        let stop = execution::stop(root, m);
        let by_chip = root.section("fault").has("dram");
        let node = site.as_ref().zip(hardware.as_ref()).zip(upset.as_ref());
        let rays = node.map(|((site, node), upset)| arrays::rays(site, node, upset, by_chip));
        let faults = fault_rules::rules(root, layout.as_ref(), stop.as_ref(), rays, m);
        let jobs = jobs::jobs(root, nodes, faults.as_deref(), m);
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
            network: network?,
            server: server?,
            boot: boot?,
            controller: controller?,
            faults: faults?,
            jobs: jobs?,
            stop: stop?,
            record: record?,
            expect: expect?,
            provenance: Vec::new(),
        })
    }

    /// What the scenario is called.
    fn top(&self, root: &Section<'_>, m: &mut Mistakes) -> Option<Top> {
        let quoted = |text: String| toml::Value::String(text).to_string();
        let root = root.clone().or("name", Some(quoted(folder_name(&self.stem))));
        let name: Option<String> = root.optional("name");
        if name.as_ref().is_some_and(|name| !is_folder_name(name)) {
            let title = format!("`{}` names no folder", name.clone().unwrap_or_default());
            m.note(Mistake::new(root.place("name"), title).help(
                "use letters, digits, `-`, `_` and `.`, no `.` at the start, and at most 200 \
                 characters",
            ));
        }
        Top::read(&root.or("title", name.map(quoted)), m)
    }
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
