//! The axes of `[sweep]`, and all their points.

use crate::config::document::{Data, Table, Value};
use crate::config::language::{Kind, Problem};
use crate::config::layers::{at_path, lay_over};
use crate::config::mistakes::{Mistake, Mistakes, Place};
use crate::config::walk;
use crate::scenario::keys::ROOT;
use crate::scenario::overrides::leaves;
use crate::scenario::resolved::value_text;
use crate::scenario::study::AxisValue;

/// More points than this are not one sweep.
const POINTS_MAX: usize = 10_000;

/// What belongs to the file, not to the machine or its run.
pub(super) const NEVER_SWEPT: &[&str] =
    &["schema", "name", "inherit", "sweep", "study", "source", "assumption"];

/// One axis: a key and the values that it takes.
#[derive(Clone, Debug)]
pub struct Axis {
    path: String,
    pub(super) values: Vec<Value>,
    /// Where the values stand.
    place: Place,
}

impl Axis {
    /// The path of the key.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The unit of its numbers, in SI: `s`, `B`, `bit/s`, `B/s`, `packets/s`, `W`, `m`, `count`, and
    /// `1` for numbers and shares. `None` if not all of its values are numbers.
    #[must_use]
    pub fn unit(&self) -> Option<&'static str> {
        None
    }

    /// A value as text and number.
    pub(super) fn value(&self, value: &Value) -> AxisValue {
        AxisValue { text: value_text(value), number: None }
    }

    /// Whether the command line leaves it an axis: it does not set the key, nor what replaces it,
    /// such as a rival or the whole array.
    pub(super) fn is_left_by(&self, set: &Table, m: &mut Mistakes) -> bool {
        let value = &self.values[0];
        let mut point = at_path(&self.path, value.place, value.clone());
        lay_over(&ROOT, &mut point, set, m);
        point.at(&self.path).is_some_and(|left| left.place == value.place)
    }
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
    let kind = walk::kind_at(&ROOT, &path);
    let allowed = !NEVER_SWEPT.contains(&first);
    let plain = !matches!(kind, None | Some(Kind::Table(_) | Kind::Tables(_) | Kind::Axes(_)));
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
        Data::Text(text) => match range(text) {
            Ok(numbers) => numbers
                .map(|number| Value { place: value.place, data: Data::Integer(number) })
                .collect(),
            Err(problem) => {
                walk::note(problem, value, m);
                return None;
            }
        },
        _ => {
            let problem =
                Problem::wrong_type("a list of values or a range such as \"0..10\"", value);
            walk::note(problem, value, m);
            return None;
        }
    };
    for value in &values {
        walk::check_at(&ROOT, &path, value, m);
    }
    Some(Axis { path, values, place: value.place })
}

/// `"0..10"`: 0 to 9.
fn range(text: &str) -> Result<std::ops::Range<i128>, Problem> {
    let number = |text: &str| text.trim().parse::<u64>().ok().map(i128::from);
    let ends = text.split_once("..").and_then(|(first, end)| Some((number(first)?, number(end)?)));
    let Some((first, end)) = ends else {
        let problem = Problem::new(format!("`{text}` is no range"));
        return Err(problem.help("write \"0..10\" for 0 to 9, or a list"));
    };
    if end <= first {
        let problem = Problem::new(format!("the range `{text}` holds no number"));
        return Err(problem.help("it ends before its last number: \"0..10\" is 0 to 9"));
    }
    if end - first > POINTS_MAX as i128 {
        let problem = Problem::new(format!("the range `{text}` holds {} numbers", end - first));
        return Err(problem.help(format!("a sweep has at most {POINTS_MAX} points")));
    }
    Ok(first..end)
}

/// How many combinations the axes have.
pub(super) fn count(axes: &[Axis], m: &mut Mistakes) -> Option<usize> {
    let mut count = 1_usize;
    for axis in axes {
        count = count.saturating_mul(axis.values.len());
        if count > POINTS_MAX {
            let title = format!("with the values of `{}` the sweep has {count} points", axis.path);
            let help = format!("at most {POINTS_MAX}, over all combinations of its axes");
            m.note(Mistake::new(axis.place, title).help(help));
            return None;
        }
    }
    Some(count)
}

/// A combination, the last axis fastest.
pub(super) fn point(axes: &[Axis], cell: usize) -> Vec<(&str, &Value)> {
    let mut rest = cell;
    let mut point: Vec<_> = (axes.iter().rev())
        .map(|axis| {
            let value = &axis.values[rest % axis.values.len()];
            rest /= axis.values.len();
            (axis.path.as_str(), value)
        })
        .collect();
    point.reverse();
    point
}
