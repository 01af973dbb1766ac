//! What two sets of runs are unlike in before anything is measured.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::run::Run;

/// The value of each key, as TOML.
type Keys = BTreeMap<String, String>;

/// A key of the scenario that differs between the sides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeyDifference {
    /// Its path.
    pub key: String,
    /// The values of A's runs as TOML, each once; `None` where it is not set.
    pub a: Vec<Option<String>>,
    /// The values of B's runs.
    pub b: Vec<Option<String>>,
}

/// The keys that differ between the sides, and those that differ within a side, but for the seed:
/// a side is meant to be the same experiment with several seeds.
pub(super) fn keys(a: &[Run], b: &[Run]) -> Vec<KeyDifference> {
    let [a, b] = [a, b].map(|runs| runs.iter().map(|run| &run.keys).collect::<Vec<_>>());
    keys_of(&a, &b)
}

/// The same of the values of the keys of each run.
pub(super) fn keys_of(a: &[&Keys], b: &[&Keys]) -> Vec<KeyDifference> {
    let names: BTreeSet<_> = a.iter().chain(b).flat_map(|run| run.keys()).collect();
    let difference = |key: &String| {
        let values = |runs: &[&Keys]| each_once(runs.iter().map(|run| run.get(key).cloned()));
        KeyDifference { key: key.clone(), a: values(a), b: values(b) }
    };
    names.into_iter().map(difference).filter(differs).collect()
}

fn differs(key: &KeyDifference) -> bool {
    let of = |values: &[Option<String>]| values.iter().cloned().collect::<BTreeSet<_>>();
    of(&key.a) != of(&key.b) || (key.key != "seed" && key.a.len() > 1)
}

/// Sentences: what is to be known before a number is read.
pub(super) fn remarks(a: &[Run], b: &[Run]) -> Vec<String> {
    let mut reported = Vec::new();
    let mut unlike = |what: &str, of: &dyn Fn(&Run) -> String| {
        let (in_a, in_b) = (each_once(a.iter().map(of)), each_once(b.iter().map(of)));
        if in_a != in_b || in_a.len() > 1 {
            reported.push(format!("{what}: {} in A, {} in B.", in_a.join(", "), in_b.join(", ")));
        }
    };
    unlike("The scenarios are different", &|run| run.manifest.scenario.clone());
    unlike("The stages are different", &|run| run.manifest.stage.clone());
    unlike("The numbers of nodes are different", &|run| run.nodes().to_string());
    unlike("The programs are different", &|run| {
        let commit = run.manifest.commit.as_ref().map_or(String::new(), |it| format!(" ({it})"));
        format!("{} {}{commit}", run.manifest.program, run.manifest.version)
    });
    for (side, runs) in [("A", a), ("B", b)] {
        reported.extend(mixed(side, runs));
        reported.extend(repeated(side, runs));
        reported.extend(unfinished(side, runs));
    }
    reported.extend(related(a, b));
    reported
}

/// A side that is more than one experiment.
fn mixed(side: &str, runs: &[Run]) -> Option<String> {
    let keys = keys(runs, runs);
    let names: Vec<_> = keys.iter().map(|key| key.key.as_str()).collect();
    (!names.is_empty()).then(|| {
        format!(
            "The runs of {side} are not one experiment: they differ in {}, so that their mean and \
             its interval say little.",
            names.join(", ")
        )
    })
}

/// A side that holds one run more than once.
fn repeated(side: &str, runs: &[Run]) -> Option<String> {
    let prints: BTreeSet<_> = runs.iter().map(|run| &run.manifest.fingerprint).collect();
    (prints.len() < runs.len()).then(|| {
        format!(
            "{side} holds the same run more than once ({} runs, {} fingerprints): its intervals \
             are too narrow.",
            runs.len(),
            prints.len()
        )
    })
}

/// Runs of a side that ended before their jobs were done.
fn unfinished(side: &str, runs: &[Run]) -> Option<String> {
    let cut_off = |run: &&Run| {
        let mut metrics = run.findings.metrics.iter();
        metrics.any(|metric| metric.name == "jobs_unfinished" && metric.value > 0.0)
    };
    let number = runs.iter().filter(cut_off).count();
    (number > 0).then(|| {
        format!(
            "{number} of the {} runs of {side} ended before all jobs were done: they have no \
             makespan, and their efficiency and waste are of the time so far.",
            runs.len()
        )
    })
}

/// How the plans and events of the sides are related, where that says something.
fn related(a: &[Run], b: &[Run]) -> Option<String> {
    let set = |runs: &[Run], of: &dyn Fn(&Run) -> Option<String>| {
        runs.iter().map(of).collect::<Option<BTreeSet<_>>>()
    };
    let both = |of: &dyn Fn(&Run) -> Option<String>| Some((set(a, of)?, set(b, of)?));
    let prints = both(&|run| run.manifest.fingerprint.clone());
    if let Some((in_a, in_b)) = prints {
        if in_a == in_b {
            return Some("Both sides are the same to the last event.".to_owned());
        }
        if !in_a.is_disjoint(&in_b) {
            return Some("A and B have a run in common.".to_owned());
        }
    }
    let scenarios = both(&|run| run.manifest.scenario_sha256.clone())?;
    let plans = both(&|run| run.manifest.plan_digest.clone())?;
    if plans.0 == plans.1 {
        return Some("Both sides played the same plan.".to_owned());
    }
    (scenarios.0 == scenarios.1).then(|| {
        "The scenarios are the same, but the plans made from them are not: the programs differ."
            .to_owned()
    })
}

/// The values in the order in which they come first.
fn each_once<T: PartialEq>(values: impl Iterator<Item = T>) -> Vec<T> {
    let mut once = Vec::new();
    for value in values {
        if !once.contains(&value) {
            once.push(value);
        }
    }
    once
}
