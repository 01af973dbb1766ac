//! Flux, upset budget, DRAM faults and sources as one JSON object; rates per hour, spans in hours.

use serde_json::{Map, Value, json};

use super::{Input, YEARS, source_text};
use crate::config::words::Word;
use crate::cosmic::budget::{Activity, ArrayBudget, Budget, Class};
use crate::cosmic::dram::{Chips, MODES, YEAR, at_least_one};
use crate::cosmic::flux::{REFERENCE, above_10_mev, second_opinion};
use crate::cosmic::memory::Array;
use crate::scenario::Source;

/// Everything as one object.
#[must_use]
pub fn json(input: &Input) -> Value {
    let (scenario, flux) = (input.scenario, &input.budget.flux);
    let site = &scenario.site;
    let arrays = scenario.hardware.arrays.iter().zip(&input.budget.arrays);
    let arrays: Vec<_> = arrays.map(|(array, budget)| of_array(array, budget)).collect();
    let node_rate = input.budget.rate();
    json!({
        "scenario": scenario.name,
        "hardware": input.model(),
        "nodes": input.nodes,
        "site": {
            "altitude_m": site.altitude.0 as f64 / 1e3,
            "rigidity_gv": site.rigidity,
            "solar": site.solar,
            "concrete_m": site.concrete.0 as f64 / 1e3,
        },
        "flux": {
            "pressure_hpa": flux.pressure,
            "depth_g_per_cm2": flux.depth,
            "quiet": flux.quiet * flux.through_concrete,
            "active": flux.active * flux.through_concrete,
            "factor": flux.factor,
            "per_cm2_h": flux.per_hour(),
            "new_york_per_cm2_h": above_10_mev(),
            "reference_per_cm2_h": REFERENCE,
            "parma": second_opinion(site)
                .map(|other| json!({ "factor": other.factor, "per_cm2_h": other.per_hour })),
        },
        "arrays": arrays,
        "upsets_per_node_h": node_rate,
        "upsets_per_h": node_rate * input.nodes as f64,
        "classes_per_node_h": classes(input.budget, scenario),
        "dram": input.chips().iter().map(|(array, chips)| faults(array, chips)).collect::<Vec<_>>(),
        "figures": figures(input),
    })
}

fn of_array(array: &Array, budget: &ArrayBudget) -> Value {
    json!({
        "name": array.name,
        "kind": array.kind.word(),
        "bits": array.size.0 * 8,
        "fit_new_york": budget.fit,
        "upsets_per_h": budget.rate,
        "permanent_per_h": budget.permanent,
        "corrected": budget.verdict.corrected,
        "detected": budget.verdict.detected,
        "escaped": budget.verdict.escaped,
    })
}

fn classes(budget: &Budget, scenario: &crate::scenario::Scenario) -> Value {
    let of = |activity: Activity| {
        let rates = budget.classes(activity.shares(&scenario.upset));
        let all = Class::ALL.iter().zip(rates);
        let all: Map<_, _> =
            all.map(|(class, rate)| (class.word().to_owned(), json!(rate))).collect();
        (activity.word().to_owned(), Value::Object(all))
    };
    Value::Object(Activity::ALL.map(of).into_iter().collect())
}

/// Chances over the life of a machine.
fn faults(array: &Array, chips: &Chips) -> Value {
    let hours = YEARS * YEAR;
    let modes: Vec<_> = MODES
        .iter()
        .map(|mode| {
            let alone = chips.alone(mode, hours);
            json!({
                "mode": mode.name,
                "fault": at_least_one(alone.faults),
                "corrected": at_least_one(alone.corrected),
                "detected": at_least_one(alone.detected),
                "escaped": at_least_one(alone.escaped),
            })
        })
        .collect();
    json!({
        "name": array.name,
        "chips": chips.count,
        "years": YEARS,
        "any_fault": chips.any_fault(hours),
        "any_uncorrected": chips.any_uncorrected(hours),
        "two_in_a_word": at_least_one(chips.all_meetings(hours)),
        "modes": modes,
    })
}

fn figures(input: &Input) -> Vec<Value> {
    let reported = input.figures().map(|figure| {
        json!({
            "key": figure.key,
            "value": figure.value,
            "assumption": matches!(figure.source, Source::Assumption(_)),
            "source": source_text(&figure.source),
        })
    });
    reported.collect()
}
