//! What a search for the best value found, in sentences, as a table and as JSON.

use serde_json::{Map, Value, json};

use super::{axis, phrases};
use crate::analysis::optimum::{Again, Optimum, Reason};
use crate::analysis::stats::Interval;
use crate::analysis::study::{Axis, LEVEL, OfMetric};
use crate::report::words;

/// The heads of [`rows`].
pub(super) const HEADS: [&str; 6] =
    ["value", "comes to", "n", "mean", "more than the best", "so it is"];
/// To which side each is set.
pub(super) const SIDES: &str = "llrrrl";

/// Sentences, besides those of any study.
pub(super) fn sentences(optimum: &Optimum) -> Vec<String> {
    let Some(metric) = optimum.answer.metrics.first() else { return Vec::new() };
    let mut all = Vec::new();
    if optimum.search.standings().is_some() && optimum.search.ended() != Some(Reason::Flat) {
        all.extend((0..optimum.keys.len()).filter_map(|key| between(optimum, key)));
    }
    all.push(ended(optimum, metric));
    let aside = optimum.search.aside();
    if aside > 0 {
        all.push(format!(
            "{} set aside: more than 1 % of the runs came to no end in time.",
            match aside {
                1 => "1 value was".to_owned(),
                _ => format!("{} values were", words::grouped(aside as f64)),
            }
        ));
    }
    all
}

/// Between which values of a key the best one lies.
fn between(optimum: &Optimum, key: usize) -> Option<String> {
    let plateau = optimum.search.plateau(key)?;
    let of = &optimum.keys[key];
    let (name, value) = (of.name(), |place: usize| axis::value(of, place));
    let last = of.texts.len() - 1;
    let beyond = |bound: &str, place: usize| {
        format!(
            "The best {name} may lie beyond the {bound} bound, {}, which cannot be distinguished \
             from the best: widen it.",
            value(place)
        )
    };
    Some(match (plateau.below, plateau.above) {
        _ if plateau.low == 0 => beyond("lower", 0),
        _ if plateau.high == last => beyond("upper", last),
        (Some(below), Some(above)) => {
            let count = optimum.search.candidates().count();
            let level = words::digits(LEVEL * 100.0);
            format!(
                "The best {name} lies between {} and {} (of {} tried these are the nearest that \
                 are not as good; {level} % together).",
                value(below),
                value(above),
                words::count(count, "value", "values")
            )
        }
        _ => return None,
    })
}

/// Why the search ended, and how close it came.
fn ended(optimum: &Optimum, metric: &OfMetric) -> String {
    let search = &optimum.search;
    let (rounds, runs, replications) = search.effort();
    let effort = format!(
        "{}, {}, up to {} a value",
        words::count(rounds as usize, "round", "rounds"),
        words::count(runs as usize, "run", "runs"),
        words::count(replications as usize, "seed", "seeds"),
    );
    let share = |share: f64| words::share(share);
    let (wanted, name) = (share(search.rule().precision), &metric.name);
    let reached = match search.reached() {
        Some(reached) if reached.is_finite() => {
            format!("the best may be up to {} of its `{name}` worse than another", share(reached))
        }
        _ => "nothing can be distinguished yet".to_owned(),
    };
    let not = |why: &str| {
        format!("The precision of {wanted} is not reached {why}: {reached} ({effort}).")
    };
    match search.ended() {
        Some(Reason::Precise) => format!(
            "No other value is better by more than {} of its `{name}` ({effort}).",
            share(search.reached().unwrap_or(0.0))
        ),
        Some(Reason::Flat) => format!(
            "Nothing between the bounds is better than another by more than {} of its `{name}`: it \
             hardly depends on what is varied ({effort}).",
            share(search.reached().unwrap_or(0.0))
        ),
        Some(Reason::Replications) => not("with as many seeds as are allowed"),
        Some(Reason::Runs) => not("with as many runs as are allowed"),
        Some(Reason::Rounds) => not("in the last round"),
        Some(Reason::Nothing) => format!("No value can be the best ({effort})."),
        None => not("as it was interrupted"),
    }
}

/// What stands above [`rows`].
pub(super) fn heading(optimum: &Optimum) -> String {
    format!(
        "Played again with {} that the search had not seen; intervals at {} %",
        words::count(optimum.again[0].tally.done, "seed", "seeds"),
        words::digits(LEVEL * 100.0)
    )
}

/// The best value and those of formulas.
pub(super) fn rows(optimum: &Optimum) -> Vec<Vec<String>> {
    let Some(metric) = optimum.answer.metrics.first() else { return Vec::new() };
    let unit = &metric.unit;
    let row = |(number, it): (usize, &Again)| {
        let mean = it.mean().map(|mean| phrases::amount(mean.mean, Some(mean.half_width), unit));
        let more = it.more_than(&optimum.again[0]).filter(|_| number > 0);
        let lost = it.tally.unfinished + it.tally.failed;
        let verdict = match more {
            _ if lost > 0 => format!("{} came to no end", words::count(lost, "run", "runs")),
            Some(more) => verdict(more, metric).to_owned(),
            None => String::new(),
        };
        vec![
            it.name.clone(),
            point(it, &optimum.keys),
            it.tally.done.to_string(),
            mean.unwrap_or_default(),
            more.map(|more| phrases::signed(more, unit)).unwrap_or_default(),
            verdict,
        ]
    };
    optimum.again.iter().enumerate().map(row).collect()
}

/// The value of each key; of a word what it stands for.
fn point(of: &Again, keys: &[Axis]) -> String {
    let each = of.point.iter().zip(keys).map(|(text, key)| {
        let place = key.texts.iter().position(|it| it == text);
        match (of.number, place) {
            (_, Some(place)) => axis::value(key, place),
            (Some(number), None) if key.unit == "s" => words::span(number),
            _ => text.trim_matches('"').to_owned(),
        }
    });
    each.collect::<Vec<_>>().join(" · ")
}

/// How a value stands to the best one.
fn verdict(more: Interval, metric: &OfMetric) -> &'static str {
    match more.mean {
        _ if more.holds(0.0) => "alike",
        more if (more > 0.0) == metric.more_is_better => "better",
        _ => "worse",
    }
}

/// The same as keys of an object.
pub(super) fn json(optimum: &Optimum) -> Map<String, Value> {
    let search = &optimum.search;
    let (rounds, runs, replications) = search.effort();
    let key = |(number, axis): (usize, &Axis)| {
        let value = |place: usize| match axis.numbers[place] {
            Some(number) => json!(number),
            None => json!(axis.texts[place]),
        };
        let plateau = search.plateau(number).map(|it| {
            json!({
                "low": value(it.low), "high": value(it.high),
                "below": it.below.map(value), "above": it.above.map(value),
                "at_lower_bound": it.low == 0,
                "at_upper_bound": it.high + 1 == axis.texts.len(),
            })
        });
        let bounds = json!([value(0), value(axis.texts.len() - 1)]);
        let best = search.standings().map(|it| value(search.places(it.best)[number]));
        let of = json!({
            "unit": axis.unit, "bounds": bounds, "values": axis.texts.len(), "best": best,
            "plateau": plateau,
        });
        (axis.key.clone(), of)
    };
    let again = optimum.again.iter().map(|it| {
        let (mean, more) = (it.mean(), it.more_than(&optimum.again[0]));
        json!({
            "name": it.name, "point": it.point, "number": it.number, "n": it.values.len(),
            "done": it.tally.done, "unfinished": it.tally.unfinished, "failed": it.tally.failed,
            "mean": mean.map(|it| it.mean), "half_width": mean.map(|it| it.half_width),
            "difference": more.map(|it| it.mean),
            "difference_half_width": more.map(|it| it.half_width),
        })
    });
    let mut object = Map::new();
    object.insert("schema".into(), json!("rackstorm-optimum/1"));
    object.insert("ended".into(), json!(search.ended().map_or("interrupted", Reason::word)));
    object.insert("precision".into(), json!(search.rule().precision));
    object.insert("reached".into(), json!(search.reached()));
    object.insert("rounds".into(), json!(rounds));
    object.insert("runs".into(), json!(runs));
    object.insert("seeds".into(), json!(replications));
    object.insert("aside".into(), json!(search.aside()));
    object.insert(
        "keys".into(),
        optimum.keys.iter().enumerate().map(key).collect::<Map<_, _>>().into(),
    );
    object.insert("again".into(), again.collect());
    object
}
