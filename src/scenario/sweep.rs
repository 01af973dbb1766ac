//! The axes of `[sweep]`, and all their points.

use crate::scenario::document::{Data, Table, Value};
use crate::scenario::language::{Kind, Problem};
use crate::scenario::mistakes::{Mistake, Mistakes, Place};
use crate::scenario::overrides::leaves;
use crate::scenario::walk;

/// More points than this are not one sweep.
const POINTS_MAX: usize = 10_000;

/// One axis: a key and the values that it takes.
#[derive(Clone, Debug)]
pub(super) struct Axis {
    pub path: String,
    pub values: Vec<Value>,
}

/// Reads the axes. Each value is checked as if it stood at its key.
pub(super) fn axes(root: &Table, m: &mut Mistakes) -> Vec<Axis> {
    let Some(table) = root.get("sweep").and_then(Value::table) else { return Vec::new() };
    let mut found = Vec::new();
    leaves(table, "", &mut found);
    found.into_iter().filter_map(|(path, value)| axis(path, value, m)).collect()
}

fn axis(path: String, value: &Value, m: &mut Mistakes) -> Option<Axis> {
    let first = path.split('.').next().unwrap_or_default();
    let kind = walk::kind_at(&path);
    let allowed =
        !matches!(first, "schema" | "name" | "inherit" | "sweep" | "source" | "assumption");
    let plain = !matches!(kind, None | Some(Kind::Table(_) | Kind::Tables(_) | Kind::Axes));
    if !allowed || !plain {
        let mistake = Mistake::new(value.place, format!("`{path}` is no key that can be swept"));
        m.note(mistake.help("an axis is the path of a key: \"cluster.modules\" = [1, 2, 5]"));
        return None;
    }
    let values = match &value.data {
        Data::List(list) if list.is_empty() => {
            m.note(Mistake::new(value.place, "an axis without values"));
            return None;
        }
        Data::List(list) => list.clone(),
        Data::Text(text) => {
            if let Some(numbers) = range(text) {
                numbers
                    .map(|number| Value { place: value.place, data: Data::Integer(number) })
                    .collect()
            } else {
                let problem = Problem::new(format!("`{text}` is no range"));
                walk::note(problem.help("write \"0..10\" for 0 to 9, or a list"), value, m);
                return None;
            }
        }
        _ => {
            let problem =
                Problem::wrong_type("a list of values or a range such as \"0..10\"", value);
            walk::note(problem, value, m);
            return None;
        }
    };
    for value in &values {
        walk::check_at(&path, value, m);
    }
    Some(Axis { path, values })
}

/// `"0..10"`: 0 to 9.
fn range(text: &str) -> Option<std::ops::Range<i128>> {
    let (first, end) = text.split_once("..")?;
    let (first, end) = (first.trim().parse::<u64>().ok()?, end.trim().parse::<u64>().ok()?);
    let short = end.checked_sub(first).is_some_and(|count| count > 0 && count <= 1 << 20);
    short.then_some(i128::from(first)..i128::from(end))
}

/// All combinations, the last axis fastest. A single empty one without axes.
pub(super) fn points<'a>(
    axes: &'a [Axis],
    place: Place,
    m: &mut Mistakes,
) -> Vec<Vec<(&'a str, &'a Value)>> {
    let count = axes.iter().try_fold(1_usize, |n, axis| n.checked_mul(axis.values.len()));
    if count.is_none_or(|count| count > POINTS_MAX) {
        let mistake = Mistake::new(place, "the sweep has too many points");
        m.note(mistake.help(format!("at most {POINTS_MAX}, over all combinations of its axes")));
        return Vec::new();
    }
    let mut points: Vec<Vec<(&str, &Value)>> = vec![Vec::new()];
    for axis in axes {
        points = points
            .into_iter()
            .flat_map(|point| {
                axis.values.iter().map(move |value| {
                    let mut longer = point.clone();
                    longer.push((axis.path.as_str(), value));
                    longer
                })
            })
            .collect();
    }
    points
}
