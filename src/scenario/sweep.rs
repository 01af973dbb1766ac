//! The axes of `[sweep]`: keys with the values that they take, listed or as ranges.

use crate::config::document::{Data, Table, Value};
use crate::config::language::{Kind, Problem};
use crate::config::layers::{at_path, lay_over};
use crate::config::measure::Measure;
use crate::config::mistakes::{Mistake, Mistakes, Place};
use crate::config::walk;
use crate::scenario::keys::ROOT;
use crate::scenario::ranges::{self, Range};

/// More cells than this are not one study.
pub(super) const CELLS_MAX: usize = 1_000_000;

/// A number of values or cells, as long as people read it out.
pub(super) fn many(count: f64) -> String {
    if count < 1e15 { format!("{count:.0}") } else { format!("{count:.0e}") }
}

/// What belongs to the file, not to the machine or its run.
pub(super) const NEVER_SWEPT: &[&str] =
    &["schema", "name", "inherit", "sweep", "study", "variants", "source", "assumption"];

/// A key and the values that it takes.
#[derive(Clone, Debug)]
pub struct Axis {
    pub(super) path: String,
    /// Where its values stand.
    pub(super) place: Place,
    /// What a file gives, if that is no list.
    pub(super) range: Option<Value>,
    pub(super) values: Vec<Value>,
    /// The numbers of its values, one for each row of its group, where the two are not the same.
    pub(super) rows: Option<Vec<u32>>,
    /// What those of its values count that are numbers, if there are any.
    measure: Option<Measure>,
    /// Whether some are not, such as `daly`.
    has_words: bool,
}

impl Axis {
    /// The axis of a list.
    pub(super) fn new(path: String, place: Place, values: Vec<Value>) -> Self {
        let measure = walk::kind_at(&ROOT, &path).and_then(Measure::of);
        let is_number = |it: &Measure, value: &Value| it.read(value).is_ok();
        let measure = measure.filter(|it| values.iter().any(|value| is_number(it, value)));
        let has_words = measure.is_none_or(|it| !values.iter().all(|value| is_number(&it, value)));
        Self { path, place, range: None, values, rows: None, measure, has_words }
    }

    /// The same, of which a file gives this.
    pub(super) fn given_as(self, range: Option<Value>) -> Self {
        Self { range, ..self }
    }

    /// The path of the key.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// How many values it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.as_ref().map_or(self.values.len(), Vec::len)
    }

    /// The unit of its numbers: `s`, `B`, `bit/s`, `B/s`, `packets/s`, `W`, `m`, `count`, or `1`
    /// for other numbers and shares. `None` if not all of its values are numbers.
    #[must_use]
    pub fn unit(&self) -> Option<&'static str> {
        self.unit_of_numbers().filter(|_| !self.has_words)
    }

    /// The unit of those of its values that are numbers; `None` if none is.
    #[must_use]
    pub fn unit_of_numbers(&self) -> Option<&'static str> {
        self.measure.map(Measure::unit)
    }

    /// The value in a row of its group.
    pub(super) fn value(&self, row: usize) -> &Value {
        match &self.rows {
            Some(rows) => &self.values[rows[row] as usize],
            None => &self.values[row],
        }
    }

    /// A value in the unit of the numbers; `None` of a word.
    pub(super) fn number(&self, value: &Value) -> Option<f64> {
        let measure = self.measure?;
        measure.read(value).ok().map(|amount| measure.in_unit(amount))
    }

    /// What a file gives, as TOML.
    pub(super) fn toml(&self) -> String {
        if let Some(range) = &self.range {
            return range.toml();
        }
        let all: Vec<_> = self.values.iter().map(Value::toml).collect();
        format!("[{}]", all.join(", "))
    }
}

/// An axis as a file gives it.
#[derive(Debug)]
pub(super) struct GivenAxis {
    pub path: String,
    pub place: Place,
    /// What a file gives, if that is no list.
    pub range: Option<Value>,
    pub form: Form,
}

/// How the values of an axis are given.
#[derive(Debug)]
pub(super) enum Form {
    /// One by one, listed or counted out.
    Values(Vec<Value>),
    /// From one end to the other, to be sampled.
    Range(Range),
}

impl GivenAxis {
    /// Whether the command line leaves it an axis.
    pub(super) fn is_left_by(&self, set: &Table, m: &mut Mistakes) -> bool {
        match &self.form {
            Form::Values(values) => is_left(&self.path, &values[0], self.place, set, m),
            Form::Range(range) => is_left(&self.path, &range.first(), self.place, set, m),
        }
    }

    /// The axis, if its values are given one by one.
    pub(super) fn listed(self, m: &mut Mistakes) -> Option<Axis> {
        let Self { path, place, range, form } = self;
        match form {
            Form::Values(values) => Some(Axis::new(path, place, values).given_as(range)),
            Form::Range(_) => {
                let mistake = Mistake::new(place, format!("`{path}` has a range without a `step`"));
                m.note(mistake.help(
                    "give `step` or `points`, or sample all ranges: [study] latin_hypercube = 100",
                ));
                None
            }
        }
    }
}

/// Whether the command line leaves a key an axis: it sets neither the key nor what replaces it,
/// such as a rival or the whole array.
pub(super) fn is_left(
    path: &str,
    value: &Value,
    place: Place,
    set: &Table,
    m: &mut Mistakes,
) -> bool {
    let mut point = at_path(path, place, Value { place, data: value.data.clone() });
    lay_over(&ROOT, &mut point, set, m);
    point.at(path).is_some_and(|left| left.place == place)
}

/// The axes of a file's `[sweep]`. Each value is checked as if it stood at its key.
pub(super) fn axes(root: &Table, m: &mut Mistakes) -> Vec<GivenAxis> {
    let Some(table) = root.get("sweep").and_then(Value::table) else { return Vec::new() };
    let mut found = Vec::new();
    leaves(table, "", &mut found);
    let mut all: Vec<GivenAxis> = Vec::new();
    for (path, place, value) in found {
        let Some(kind) = key(&path, value.place, m) else { continue };
        let Some((form, range)) = form(&path, kind, value, m) else { continue };
        if let Some(known) = all.iter_mut().find(|known| known.path == path) {
            // One path has two spellings: as a table, and as a key in quotes.
            if known.place.file == value.place.file {
                let mistake = Mistake::new(place, format!("the axis `{path}` is given twice"));
                m.note(mistake.other(known.place, "given here"));
            } else if m.upper(known.place, value.place) == value.place {
                *known = GivenAxis { path, place: value.place, range, form };
            }
            continue;
        }
        all.push(GivenAxis { path, place: value.place, range, form });
    }
    all
}

/// What the key of an axis takes; notes that it is none.
pub(super) fn key(path: &str, place: Place, m: &mut Mistakes) -> Option<&'static Kind> {
    let first = path.split('.').next().unwrap_or_default();
    let kind = walk::kind_at(&ROOT, path).filter(|_| !NEVER_SWEPT.contains(&first));
    let plain = kind.filter(|kind| !is_table(kind));
    if plain.is_none() {
        let mistake = Mistake::new(place, format!("`{path}` is no key that can be swept"));
        m.note(mistake.help("an axis is the path of a key: \"cluster.modules\" = [1, 2, 5]"));
    }
    plain
}

fn is_table(kind: &Kind) -> bool {
    matches!(kind, Kind::Table(_) | Kind::Tables(_) | Kind::Map(..) | Kind::Axes(_))
}

/// All axes below a table, with the places of their names; names may hold paths themselves.
fn leaves<'t>(table: &'t Table, above: &str, out: &mut Vec<(String, Place, &'t Value)>) {
    for entry in &table.entries {
        let path =
            if above.is_empty() { entry.name.clone() } else { format!("{above}.{}", entry.name) };
        match entry.value.table() {
            Some(inner) if !is_range(&path, inner) => leaves(inner, &path, out),
            _ => out.push((path, entry.place, &entry.value)),
        }
    }
}

/// Whether a table is the range of an axis, and no table of axes.
fn is_range(path: &str, table: &Table) -> bool {
    let is_key = walk::kind_at(&ROOT, path).is_none_or(|kind| !is_table(kind));
    is_key && ranges::KEYS.iter().any(|key| table.get(key).is_some())
}

/// The values of an axis, and what a file gives for it if that is no list.
fn form(
    path: &str,
    kind: &'static Kind,
    value: &Value,
    m: &mut Mistakes,
) -> Option<(Form, Option<Value>)> {
    let form = match &value.data {
        Data::List(list) if list.is_empty() => {
            m.note(Mistake::new(value.place, "an axis without values"));
            return None;
        }
        Data::List(list) => {
            for value in list {
                walk::check_at(&ROOT, path, value, m);
            }
            return Some((Form::Values(list.clone()), None));
        }
        Data::Text(text) => Form::Values(match ranges::counted(text) {
            Ok(numbers) => {
                let ends = [numbers.start, numbers.end - 1].map(Data::Integer);
                for data in ends {
                    walk::check_at(&ROOT, path, &Value { place: value.place, data }, m);
                }
                let value_of = |number| Value { place: value.place, data: Data::Integer(number) };
                numbers.map(value_of).collect()
            }
            Err(problem) => {
                walk::note(problem, value, m);
                return None;
            }
        }),
        Data::Table(table) => ranges::read(path, kind, table, value.place, m)?,
        _ => {
            let problem =
                Problem::wrong_type("a list of values or a range such as \"0..10\"", value);
            walk::note(problem, value, m);
            return None;
        }
    };
    Some((form, Some(value.clone())))
}
