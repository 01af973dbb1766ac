//! `rackstorm calibrate`: the model's parameters, fitted to recorded runs.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;

use crate::analysis::run::Run;
use crate::backend::model::Model;
use crate::cli::files::{self, Override, Trust};
use crate::cli::{Exit, share, streams};
use crate::experiment;
use crate::fitting::calibration::{self, Calibration, Key, Recorded, keys};
use crate::report::calibration as pages;
use crate::scenario::{self, Overrides};

/// What stands under the help of `calibrate`.
const EXAMPLES: &str = "\
Examples:
  rackstorm calibrate rack.toml --from results/rack/*-loopback-* --out calibrated
  rackstorm calibrate rack.toml --from measured/tftp-*/* --halve --fit network.tcp_share
  rackstorm calibrate rack.toml --from A B C --hold-out D E --observe '*_mean' --band 5%
  rackstorm calibrate rack.toml --from A B --fit hardware.boot.rom,hardware.boot.kernel --json

SCENARIO gives the start values and the scenario that --out writes. Each run is played again in the
model from its own scenario, with the fitted keys in the place of its own. A key that differs
between the runs is fitted as a common factor. docs/calibration.md has formulas and keys.

Exit codes: 0 done, and the runs held out are within the band; 4 one of them is not; 2 wrong usage
or a mistake in the scenario; 3 a folder cannot be read or the model cannot play its scenario.";

/// Fit the model's parameters to recorded runs
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// The scenario to calibrate
    scenario: PathBuf,
    #[command(flatten)]
    overrides: Override,
    /// Results folders of finished runs, of any stage
    #[arg(long, num_args = 1.., value_name = "RESULTS", required = true)]
    from: Vec<PathBuf>,
    /// Results folders that are not fitted, but predicted
    #[arg(long, num_args = 1.., value_name = "RESULTS")]
    hold_out: Vec<PathBuf>,
    /// Hold out every second run of --from, in the order of scenario, seed and fingerprint
    #[arg(long, conflicts_with = "hold_out")]
    halve: bool,
    /// Keys to fit, with commas between them [default: share, boot times, pace, DHCP, step]
    #[arg(long, value_name = "KEY,...", value_delimiter = ',')]
    fit: Vec<String>,
    /// Only these observations; a star at either end stands for anything
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    observe: Vec<String>,
    /// What runs held out may be off by, as a share of what was recorded
    #[arg(long, value_name = "SHARE", default_value = "10%", value_parser = share)]
    band: f64,
    /// Write calibrated.toml, parameters.csv and residuals.csv into this folder
    #[arg(long, short, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// Report every observation of every run
    #[arg(long, short)]
    all: bool,
    /// Print one JSON object in place of the tables; times in seconds
    #[arg(long, conflicts_with = "all")]
    json: bool,
    #[command(flatten)]
    trust: Trust,
}

/// Reads the runs, fits, reports, writes.
pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    if files::is_taken(arguments.out.as_deref(), "write the calibration") {
        return Ok(Exit::Usage);
    }
    let overrides = arguments.overrides.with(None);
    let base = files::load(&arguments.scenario, &overrides);
    let keys = wanted_keys(&arguments.fit);
    let Some((base, keys)) = base.zip(keys) else {
        return Ok(Exit::Usage);
    };
    let read = |folders: &[PathBuf]| read(folders, arguments.trust);
    let Some((from, hold_out)) = read(&arguments.from).zip(read(&arguments.hold_out)) else {
        return Ok(Exit::Failed);
    };
    let (from, hold_out) = if arguments.halve { Recorded::halves(from) } else { (from, hold_out) };
    let mut keys = keys;
    if arguments.fit.is_empty() {
        keys.retain(|key| calibration::has(&from, key));
    }
    if let Some(mistake) = calibration::mistake(&keys, &from, &hold_out) {
        streams::say(&format!("error: {mistake}"));
        return Ok(Exit::Usage);
    }
    let observed = |name: &str| {
        let patterns = &arguments.observe;
        patterns.is_empty() || patterns.iter().any(|pattern| calibration::names(pattern, name))
    };
    let runs = (from.as_slice(), hold_out.as_slice());
    let base = &base.scenario;
    let band = (arguments.band, &observed as &dyn Fn(&str) -> bool);
    let in_the_model = |scenario: &_| experiment::observe(scenario, &Model);
    let found = calibration::calibrate(base, &keys, runs, band, in_the_model)?;
    if found.fitted.observations == 0 {
        streams::say(&nothing_observed(&from));
        return Ok(Exit::Usage);
    }
    let written = arguments.out.as_deref().map(|out| write(&found, arguments, out)).transpose()?;
    let json = arguments.json.then(|| pages::json(&found, written.as_deref()));
    streams::found(json, || pages::text(&found, arguments.all), written.into_iter().flatten())?;
    Ok(if found.agrees { Exit::Done } else { Exit::OutOfTolerance })
}

/// The keys of these names, the usual ones of none; `None` after reporting all that are no such
/// keys.
fn wanted_keys(names: &[String]) -> Option<Vec<&'static Key>> {
    if names.is_empty() {
        return Some(keys::ALL.iter().filter(|key| key.usual).collect());
    }
    let mut seen = BTreeSet::new();
    let mut wanted = Vec::new();
    let mut all_known = true;
    for name in names.iter().map(|name| name.trim()) {
        let Some(key) = keys::find(name) else {
            all_known = false;
            let known: Vec<_> = keys::ALL.iter().map(|key| key.name).collect();
            let help = keys::suggest(name).map_or_else(
                || format!("known are {}", known.join(", ")),
                |like| format!("did you mean `{like}`?"),
            );
            streams::say(&format!(
                "error: `{name}` is no key that can be fitted\n  = help: {help}"
            ));
            continue;
        };
        if seen.insert(key.name) {
            wanted.push(key);
        }
    }
    all_known.then_some(wanted)
}

/// All recorded runs, or `None` after reporting every folder that cannot be read.
fn read(folders: &[PathBuf], trust: Trust) -> Option<Vec<Recorded>> {
    let recorded = |run: Run| {
        let scenario = files::recorded(&run.folder, &run.manifest)?;
        Some(Recorded::of(run, scenario))
    };
    let all: Vec<_> = trust.read_all(folders)?.into_iter().map(recorded).collect();
    all.into_iter().collect()
}

/// What to do where nothing is left to compare.
fn nothing_observed(from: &[Recorded]) -> String {
    let names: BTreeSet<_> =
        from.iter().flat_map(|run| &run.observations).map(|it| it.name.as_str()).collect();
    let names = names.into_iter().collect::<Vec<_>>().join(", ");
    format!(
        "error: nothing is left to fit: the model shows none of what was recorded\n  = help: \
         recorded are {names}"
    )
}

/// Writes tables and scenario, and gives their paths.
fn write(found: &Calibration, arguments: &Arguments, out: &Path) -> anyhow::Result<Vec<PathBuf>> {
    // A figure and its source in one layer: so the source is that of the figure.
    let layer = |(key, value, source): (&str, &str, String)| {
        let source = source.replace(['\'', '\n'], " ");
        format!("{key} = {value}\nsource.\"{key}\" = '{source}'")
    };
    let mut overrides: Overrides = arguments.overrides.with(None);
    overrides.set.extend(pages::figures(found).map(layer));
    let loaded = scenario::load(&arguments.scenario, &overrides)
        .map_err(|mistakes| anyhow::anyhow!(mistakes.render(false)))?;
    let text = scenario::text(&loaded.scenario);
    let written = pages::write(found, &text, &command(arguments), out)
        .with_context(|| format!("cannot write into {}", out.display()))?;
    Ok(written.iter().map(|name| out.join(name)).collect())
}

/// The command that does the same again.
fn command(arguments: &Arguments) -> String {
    let mut text = format!("rackstorm calibrate {}", arguments.scenario.display());
    for (flag, folders) in [("--from", &arguments.from), ("--hold-out", &arguments.hold_out)] {
        if let Some(first) = folders.first() {
            let _ = write!(text, " {flag} {}", first.display());
        }
        if folders.len() > 1 {
            let _ = write!(text, " ... ({} in all)", folders.len());
        }
    }
    if arguments.halve {
        text += " --halve";
    }
    for (flag, names) in [("--fit", &arguments.fit), ("--observe", &arguments.observe)] {
        if !names.is_empty() {
            let _ = write!(text, " {flag} {}", names.join(","));
        }
    }
    text
}
