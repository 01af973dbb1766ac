//! The model's parameters fitted to recorded runs, and held against runs that were left out.
//!
//! Each run is played again from its own scenario with the parameters in the place of its own
//! values, and what both show is compared as model / recorded - 1. Parameters are fitted as
//! logarithms, so that they stay positive and a rate and its inverse are alike.
//!
//! A key that has one value in all runs is fitted as that value; one that differs between them as
//! a common factor of each run's own: links of 10 and of 100 Mbit/s may both give 98 %.
//!
//! What one run shows hangs together: the times of one client are mostly one fact. So each run
//! counts as one observation, however much it shows, as long as there are more runs than
//! parameters; with fewer its single observations are taken as independent, and that is reported.
//!
//! Not modelled: errors of the recording, and correlations between runs.

pub mod keys;
mod outcome;

use std::collections::BTreeSet;

use super::least_squares::{self, Known};
use crate::analysis::observed::Observed;
use crate::analysis::run::Run;
use crate::analysis::{Findings, stats};
use crate::scenario::Scenario;

pub use keys::Key;
pub use outcome::{Calibration, Compared, Counted, Group, Observation, Parameter, RunFit, Verdict};

/// The level of the intervals.
pub const LEVEL: f64 = 0.99;

/// What is shorter (s) is not compared: it is a stage that a storm does not have.
const SHORTEST: f64 = 1e-3;

/// The share by which a value of another fit differs, to be reported.
const RIVAL_APART: f64 = 0.01;

/// A residual where the model, at other parameters, shows nothing: as wrong as no time at all.
const ABSENT: f64 = 1.0;

/// Metrics that are observations.
const METRICS: [&str; 10] = [
    "boot_t50",
    "boot_t90",
    "boot_t100",
    "boot_time_mean",
    "boot_time_max",
    "checkpoint_time_mean",
    "checkpoint_time_max",
    "restart_time_mean",
    "collective_time_mean",
    "makespan",
];

/// A recorded run.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// Its results folder.
    pub results: String,
    /// The stage that recorded it.
    pub stage: String,
    /// The fingerprint of its events.
    pub fingerprint: String,
    /// Its own scenario.
    pub scenario: Scenario,
    /// What it showed.
    pub observations: Vec<Observation>,
}

impl Recorded {
    /// A run that was read back, and the scenario it was played from.
    #[must_use]
    pub fn of(run: Run, scenario: Scenario) -> Self {
        Self {
            results: run.folder.display().to_string(),
            stage: run.manifest.stage,
            fingerprint: run.manifest.fingerprint.unwrap_or_default(),
            observations: observations(&run.findings, &run.observed.unwrap_or_default()),
            scenario,
        }
    }

    /// Parts runs in halves: every second one, from the first on, and the others, in the order of
    /// scenario, seed and fingerprint.
    #[must_use]
    pub fn halves(mut runs: Vec<Self>) -> (Vec<Self>, Vec<Self>) {
        runs.sort_by(|a, b| {
            let order = |it: &Self| (it.scenario.name.clone(), it.scenario.seed);
            order(a).cmp(&order(b)).then_with(|| a.fingerprint.cmp(&b.fingerprint))
        });
        let (mut even, mut odd) = (Vec::new(), Vec::new());
        for (place, run) in runs.into_iter().enumerate() {
            if place % 2 == 0 { even.push(run) } else { odd.push(run) }
        }
        (even, odd)
    }
}

/// Whether a run has the key.
#[must_use]
pub fn has(runs: &[Recorded], key: &Key) -> bool {
    runs.iter().any(|run| (key.get)(&run.scenario).is_some())
}

/// Why these runs cannot be used for these keys.
#[must_use]
pub fn mistake(keys: &[&'static Key], from: &[Recorded], hold_out: &[Recorded]) -> Option<String> {
    let prints: BTreeSet<_> = from.iter().map(|run| &run.fingerprint).collect();
    if let Some(twice) = hold_out.iter().find(|run| prints.contains(&run.fingerprint)) {
        return Some(format!(
            "{} is fitted and held out at once: it cannot show how well the fit predicts",
            twice.results
        ));
    }
    let lacking = keys.iter().find(|key| !has(from, key))?;
    Some(format!("no run has {}", lacking.name))
}

/// Whether a pattern with stars at its ends names this observation.
#[must_use]
pub fn names(pattern: &str, name: &str) -> bool {
    let bare = pattern.trim_matches('*');
    match (pattern.starts_with('*'), pattern.ends_with('*')) {
        (true, true) => name.contains(bare),
        (true, false) => name.ends_with(bare),
        (false, true) => name.starts_with(bare),
        (false, false) => name == bare,
    }
}

/// What a run shows that parameters can be fitted to; times in seconds.
#[must_use]
pub fn observations(findings: &Findings, observed: &Observed) -> Vec<Observation> {
    let mut all = Vec::new();
    let mut add = |name: String, seconds: Option<f64>| {
        all.extend(seconds.map(|seconds| Observation { name, seconds }));
    };
    for name in METRICS {
        add(name.to_owned(), findings.metric(name).map(|metric| metric.value));
    }
    let mut stages: Vec<&str> = Vec::new();
    for span in &findings.boots {
        if !stages.contains(&span.stage.as_str()) {
            stages.push(&span.stage);
        }
    }
    for stage in stages {
        let spans = findings.boots.iter().filter(|span| span.stage == stage);
        let spans: Vec<_> = spans.map(|span| span.to_s - span.from_s).collect();
        add(format!("boot_stage_mean/{stage}"), stats::mean(&spans));
    }
    add("checkpoint_transfer_mean".into(), observed.checkpoint_transfers.mean());
    add("restart_transfer_mean".into(), observed.restart_transfers.mean());
    add("detection_time_mean".into(), stats::mean(&observed.detection_times));
    all
}

/// Where a parameter stands.
struct Axis {
    key: &'static Key,
    /// Whether its number is a factor of each run's own value.
    factor: bool,
    start: f64,
    low: f64,
    high: f64,
}

impl Axis {
    fn of(key: &'static Key, base: &Scenario, runs: &[&Recorded]) -> Self {
        let own: Vec<f64> = runs.iter().filter_map(|run| (key.get)(&run.scenario)).collect();
        let least = own.iter().copied().fold(f64::INFINITY, f64::min);
        let most = own.iter().copied().fold(0.0, f64::max);
        let factor = least < most;
        if factor {
            let (low, high) = (key.low / f64::max(least, key.low), key.high / most);
            return Self { key, factor, start: 1.0, low: low.min(1.0), high: high.max(1.0) };
        }
        let start = (key.get)(base).or(own.first().copied()).unwrap_or(0.0);
        Self { key, factor, start, low: key.low, high: key.high }
    }

    fn inside(&self) -> f64 {
        self.start.clamp(self.low, self.high)
    }

    /// Puts the number into a scenario, if that has the key.
    fn put(&self, scenario: &mut Scenario, number: f64) {
        let own = (self.key.get)(scenario);
        if let Some(own) = own {
            let value = if self.factor { own * number } else { number };
            (self.key.set)(scenario, value.clamp(self.key.low, self.key.high));
        }
    }
}

/// One run, with what it shows that the model shows as well.
struct Held<'r> {
    run: &'r Recorded,
    wanted: Vec<&'r Observation>,
    /// What the model shows of each at the start.
    before: Vec<f64>,
    /// What only one of the two shows.
    only: Vec<String>,
}

/// Fits `keys` to `runs` and holds the fit against `held_out`. Only observations that `wanted`
/// names count. `play` plays a scenario in the model.
///
/// # Errors
/// What `play` says.
pub fn calibrate<E>(
    base: &Scenario,
    keys: &[&'static Key],
    (runs, held_out): (&[Recorded], &[Recorded]),
    (band, wanted): (f64, &dyn Fn(&str) -> bool),
    mut play: impl FnMut(&Scenario) -> Result<Vec<Observation>, E>,
) -> Result<Calibration, E> {
    let all: Vec<&Recorded> = runs.iter().chain(held_out).collect();
    let axes: Vec<Axis> = keys.iter().map(|key| Axis::of(key, base, &all)).collect();
    let mut show = |run: &Recorded, numbers: &[f64]| {
        let mut scenario = run.scenario.clone();
        axes.iter().zip(numbers).for_each(|(axis, number)| axis.put(&mut scenario, *number));
        play(&scenario)
    };
    let start: Vec<f64> = axes.iter().map(Axis::inside).collect();
    let mut hold = |run| Ok(hold(run, &show(run, &start)?, wanted));
    let fitted = runs.iter().map(&mut hold).collect::<Result<Vec<_>, E>>()?;
    let rest = held_out.iter().map(&mut hold).collect::<Result<Vec<_>, E>>()?;
    let counted = Counted::of(fitted.iter().map(|run| run.wanted.len()), axes.len());
    let logs = |of: fn(&Axis) -> f64| axes.iter().map(|axis| libm::log(of(axis))).collect();
    let (x, low, high): (Vec<f64>, Vec<f64>, Vec<f64>) =
        (logs(Axis::inside), logs(|axis| axis.low), logs(|axis| axis.high));
    let fit = least_squares::fit((&x, &low, &high), (counted.number(), LEVEL), |x| {
        let numbers: Vec<f64> = x.iter().map(|x| libm::exp(*x)).collect();
        let mut residuals = Vec::new();
        for run in &fitted {
            let shown = show(run.run, &numbers)?;
            let weight = counted.weight(run.wanted.len());
            let off = |wanted: &&Observation| match of(&shown, &wanted.name) {
                Some(seconds) => seconds / wanted.seconds - 1.0,
                None => ABSENT,
            };
            residuals.extend(run.wanted.iter().map(|wanted| weight * off(wanted)));
        }
        Ok(residuals)
    })?;
    // What no observation depends on keeps its start, to the last digit.
    let number = |i: usize| match fit.known[i] {
        Known::Insensitive => axes[i].start,
        _ => libm::exp(fit.x[i]),
    };
    let numbers: Vec<f64> = (0..axes.len()).map(number).collect();
    let mut compare = |held: &Held, held_out| {
        let after = show(held.run, &numbers)?;
        Ok(compared(held, &after, held_out))
    };
    let mut reported = Vec::new();
    for (held, held_out) in
        fitted.iter().map(|it| (it, false)).chain(rest.iter().map(|it| (it, true)))
    {
        reported.push(compare(held, held_out)?);
    }
    let parameters = (0..axes.len()).map(|i| parameter(&axes, i, &numbers, &fit, base)).collect();
    Ok(Calibration::of(base, parameters, reported, (counted, fit.converged, band)))
}

fn of(shown: &[Observation], name: &str) -> Option<f64> {
    shown.iter().find(|it| it.name == name).map(|it| it.seconds)
}

fn hold<'r>(run: &'r Recorded, shown: &[Observation], wanted: &dyn Fn(&str) -> bool) -> Held<'r> {
    let mut held = Held { run, wanted: Vec::new(), before: Vec::new(), only: Vec::new() };
    for it in run.observations.iter().filter(|it| wanted(&it.name) && it.seconds >= SHORTEST) {
        match of(shown, &it.name) {
            Some(seconds) => {
                held.wanted.push(it);
                held.before.push(seconds);
            }
            None => held.only.push(format!("{} is not in the model's run", it.name)),
        }
    }
    for it in shown.iter().filter(|it| wanted(&it.name) && it.seconds >= SHORTEST) {
        if of(&run.observations, &it.name).is_none() {
            held.only.push(format!("{} was not recorded", it.name));
        }
    }
    held
}

fn compared(held: &Held, after: &[Observation], held_out: bool) -> RunFit {
    let rows = held.wanted.iter().zip(&held.before).map(|(it, before)| Compared {
        name: it.name.clone(),
        recorded: it.seconds,
        before: *before,
        after: of(after, &it.name),
    });
    RunFit {
        results: held.run.results.clone(),
        scenario: held.run.scenario.name.clone(),
        seed: held.run.scenario.seed,
        stage: held.run.stage.clone(),
        held_out,
        observations: rows.collect(),
        not_compared: held.only.clone(),
    }
}

fn parameter(
    all: &[Axis],
    i: usize,
    numbers: &[f64],
    fit: &least_squares::Fit,
    base: &Scenario,
) -> Parameter {
    let (axis, number) = (&all[i], numbers[i]);
    let (verdict, half_width) = match &fit.known[i] {
        Known::Determined(half_width) => (Verdict::Determined, *half_width),
        Known::Insensitive => (Verdict::NothingDependsOnIt, None),
        Known::Combined(_) => (Verdict::OnlyCombined, None),
    };
    let with = match &fit.known[i] {
        Known::Combined(others) => others.iter().map(|i| all[*i].key.name.to_owned()).collect(),
        _ => Vec::new(),
    };
    let own = (axis.key.get)(base);
    let value = own.map(|own| if axis.factor { own * number } else { number });
    let near = |wall: f64| (libm::log(number) - libm::log(wall)).abs() < 1e-6;
    let at_bound = verdict == Verdict::Determined && (near(axis.low) || near(axis.high));
    let rival = fit.rival.as_ref().map(|rival| libm::exp(rival[i]));
    Parameter {
        rival: rival.filter(|rival| (rival / number - 1.0).abs() > RIVAL_APART),
        key: axis.key.name.to_owned(),
        unit: axis.key.unit.to_owned(),
        factor: axis.factor,
        start: axis.start,
        fitted: number,
        // An interval ends where the key does.
        low: half_width.map(|half| (number * libm::exp(-half)).max(axis.low)),
        high: half_width.map(|half| (number * libm::exp(half)).min(axis.high)),
        verdict,
        with,
        at_bound,
        value: value.map(|value| value.clamp(axis.key.low, axis.key.high)),
        toml: value.map(|value| (axis.key.toml)(value.clamp(axis.key.low, axis.key.high))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario;

    fn run(name: &str, seed: u64, fingerprint: &str) -> Recorded {
        let text = format!("name = \"{name}\"\nseed = {seed}\ninherit = \"edge_rack_24\"\n");
        Recorded {
            results: format!("{name}/{seed}"),
            stage: "rack".into(),
            fingerprint: fingerprint.into(),
            scenario: scenario::read(name, &text).expect("a good scenario"),
            observations: vec![Observation { name: "makespan".into(), seconds: 10.0 }],
        }
    }

    #[test]
    fn halves_do_not_depend_on_the_order_in_which_runs_are_named() {
        let runs = [run("b", 1, "x"), run("a", 10, "x"), run("a", 9, "y"), run("a", 9, "x")];
        let wanted = (["a/9", "a/10"], ["a/9", "b/1"]);
        for turn in 0..runs.len() {
            let mut turned = runs.to_vec();
            turned.rotate_left(turn);
            let (even, odd) = Recorded::halves(turned);
            let reported = |runs: &[Recorded]| [runs[0].results.clone(), runs[1].results.clone()];
            assert_eq!(
                (reported(&even), reported(&odd)),
                (wanted.0.map(Into::into), wanted.1.map(Into::into))
            );
            assert_eq!(even[0].fingerprint, "x");
        }
    }

    #[test]
    fn stars_stand_for_anything_at_the_ends_of_a_name() {
        for pattern in ["*_mean", "boot*", "*time*", "boot_time_mean", "*"] {
            assert!(names(pattern, "boot_time_mean"), "{pattern}");
        }
        assert!(!names("boot_time", "boot_time_mean") && !names("*_max", "boot_time_mean"));
    }

    /// A model in which a run takes as long as 1 / share, and no rom counts.
    #[test]
    fn a_share_is_found_from_the_times_that_it_makes() {
        let keys: Vec<_> = ["network.tcp_share", "hardware.boot.rom"]
            .map(|name| keys::find(name).expect("a key"))
            .to_vec();
        let runs = [run("a", 1, "x"), run("a", 2, "y"), run("a", 3, "z")];
        let play = |scenario: &Scenario| {
            let seconds = 8.0 / scenario.network.tcp_share;
            Ok::<_, ()>(vec![
                Observation { name: "makespan".into(), seconds },
                Observation { name: "boot_t50".into(), seconds: 1.0 },
            ])
        };
        let base = runs[0].scenario.clone();
        let found =
            calibrate(&base, &keys, (&runs, &[]), (0.1, &|_| true), play).expect("it plays");
        let [share, rom] = found.parameters.as_slice() else { panic!("{found:?}") };
        assert!((share.fitted - 0.8).abs() < 1e-6 && !share.factor, "{share:?}");
        assert_eq!(
            (share.verdict, rom.verdict),
            (Verdict::Determined, Verdict::NothingDependsOnIt)
        );
        assert_eq!(rom.start.to_bits(), rom.fitted.to_bits());
        assert_eq!(found.runs[0].not_compared, ["boot_t50 was not recorded"]);
        assert_eq!(found.counted, Counted::Runs(3));
        assert!(found.fitted.rms < 1e-6 && found.held_out.is_none() && found.agrees, "{found:?}");
    }
}
