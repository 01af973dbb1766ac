//! Ranges of values: counted numbers, even and logarithmic steps, and ends to sample between.
//!
//! Quantities are whole numbers of their smallest unit, and steps are added exactly: from 10 min to
//! 1 h in steps of 25 min are 10, 35 and 60 min. Of a logarithmic range each value is the same
//! number of times the one before: five points from 1 s to 1 min are 1 s, 2.783 s, 7.746 s,
//! 21.56 s and 60 s.

use crate::config::document::{Data, Table, Value};
use crate::config::language::{Kind, Problem, nearest};
use crate::config::measure::{Amount, Measure};
use crate::config::mistakes::{Mistake, Mistakes, Place};
use crate::config::walk;
use crate::scenario::keys::ROOT;
use crate::scenario::sweep::{CELLS_MAX, Form, many};

/// The keys of a range.
pub(super) const KEYS: [&str; 5] = ["from", "to", "step", "points", "scale"];

/// Numbers from one end to the other, both of them included.
#[derive(Clone, Copy, Debug)]
pub(super) struct Range {
    measure: Measure,
    from: Amount,
    to: Amount,
    is_log: bool,
    place: Place,
}

impl Range {
    fn value(&self, amount: Amount) -> Value {
        Value { place: self.place, data: self.measure.write(amount) }
    }

    pub(super) fn first(&self) -> Value {
        self.value(self.from)
    }

    /// The value at a share of the way, 0 the first and 1 the last; exactly that at both ends.
    fn at(&self, share: f64) -> Value {
        let (from, to) = (self.from.real(), self.to.real());
        let real = if self.is_log {
            from * libm::pow(to / from, share)
        } else {
            from + (to - from) * share
        };
        self.value(match (self.from, self.to) {
            (from, _) if share <= 0.0 => from,
            (_, to) if share >= 1.0 => to,
            (Amount::Whole(from), Amount::Whole(to)) => {
                Amount::Whole((libm::round(real) as i128).clamp(from, to))
            }
            _ => Amount::Real(rounded(real).clamp(from, to)),
        })
    }

    /// A value for a share of the range, so that equal parts of the shares get equal parts of the
    /// values: whole numbers each as much as any other.
    pub(super) fn sample(&self, share: f64) -> Value {
        let (Amount::Whole(from), Amount::Whole(to)) = (self.from, self.to) else {
            return self.at(share);
        };
        let (least, end) = (from as f64 - 0.5, to as f64 + 0.5);
        let real = if self.is_log {
            // Whole numbers from 1 up: the least end is 0.5.
            least * libm::pow(end / least, share)
        } else {
            least + (end - least) * share
        };
        self.value(Amount::Whole((libm::round(real) as i128).clamp(from, to)))
    }

    fn stepped(&self, step: Amount) -> Vec<Value> {
        match (self.from, self.to, step) {
            (Amount::Whole(from), Amount::Whole(to), Amount::Whole(step)) => {
                let numbers = (0..=(to - from) / step).map(|count| from + count * step);
                numbers.map(|number| self.value(Amount::Whole(number))).collect()
            }
            (from, to, step) => {
                let (from, step) = (from.real(), step.real());
                let count = steps(from, to.real(), step) as u64;
                let number = |count| rounded(from + count as f64 * step);
                (0..=count).map(|count| self.value(Amount::Real(number(count)))).collect()
            }
        }
    }

    /// So many values, each once.
    fn spread(&self, points: u64) -> Vec<Value> {
        let share = |point: u64| point as f64 / (points - 1) as f64;
        let mut all: Vec<_> = (0..points).map(|point| self.at(share(point))).collect();
        let amount = |value: &Value| self.measure.read(value).ok();
        all.dedup_by(|b, a| amount(a) == amount(b));
        all
    }
}

/// How many whole steps lead from one number to another; what a computer's numbers lack of the last
/// one is forgiven.
fn steps(from: f64, to: f64, step: f64) -> f64 {
    libm::floor((to - from) / step + 1e-9)
}

/// Without the digits in which a sum of decimal fractions differs from what people reckon.
fn rounded(number: f64) -> f64 {
    format!("{number:.11e}").parse().unwrap_or(number)
}

/// `"0..10"`: 0 to 9.
pub(super) fn counted(text: &str) -> Result<std::ops::Range<i128>, Problem> {
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
    if end - first > CELLS_MAX as i128 {
        let problem = Problem::new(format!("the range `{text}` holds {} numbers", end - first));
        return Err(problem.help(format!("a study has at most {CELLS_MAX} cells")));
    }
    Ok(first..end)
}

/// Reads `{ from, to, step }`, `{ from, to, points }` or `{ from, to }`, each with a `scale` or
/// not.
pub(super) fn read(
    path: &str,
    kind: &'static Kind,
    table: &Table,
    place: Place,
    m: &mut Mistakes,
) -> Option<Form> {
    for entry in table.entries.iter().filter(|entry| !KEYS.contains(&entry.name.as_str())) {
        let help = match nearest(&entry.name, KEYS) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("known: {}", KEYS.join(", ")),
        };
        let title = format!("unknown key `{}` in a range", entry.name);
        m.note(Mistake::new(entry.place, title).help(help));
    }
    let Some(measure) = Measure::of(kind) else {
        let title = format!("`{path}` takes no numbers, so it has no range");
        m.note(Mistake::new(place, title).help("list its values: [\"...\", \"...\"]"));
        return None;
    };
    let (from, to) =
        (end("from", path, measure, table, place, m), end("to", path, measure, table, place, m));
    let is_log = scale(table, m);
    let ((from, from_place), (to, to_place)) = from.zip(to)?;
    let is_log = is_log?;
    if to < from {
        let mistake = Mistake::new(to_place, "a range ends before it begins");
        m.note(mistake.other(from_place, "from here").help("axes rise: give the least first"));
        return None;
    }
    if is_log && from.real() <= 0.0 {
        let mistake = Mistake::new(from_place, "a logarithmic range begins above 0");
        m.note(mistake.help("no number of equal factors leads away from 0; give another `from`"));
        return None;
    }
    let range = Range { measure, from, to, is_log, place };
    let (step, points) = upper(table, m)?;
    match (step, points) {
        (Some(step), _) => range.in_steps(step, m),
        (None, Some(points)) => range.in_points(points, m),
        (None, None) => Some(Form::Range(range)),
    }
}

impl Range {
    fn in_steps(&self, step: &Value, m: &mut Mistakes) -> Option<Form> {
        if self.is_log {
            let mistake = Mistake::new(step.place, "a logarithmic range has no `step`");
            m.note(mistake.help("give `points`, the number of its values"));
            return None;
        }
        let falls = match &step.data {
            Data::Integer(number) => *number < 0,
            Data::Float(number) => *number < 0.0,
            Data::Text(text) => text.trim().starts_with('-'),
            _ => false,
        };
        if falls {
            let mistake = Mistake::new(step.place, "a negative step");
            m.note(mistake.help("axes rise: give the least value first, and how far to go on"));
            return None;
        }
        let by = match self.measure.read(step) {
            Ok(by) => by,
            Err(problem) => {
                walk::note(problem, step, m);
                return None;
            }
        };
        if by.real() <= 0.0 {
            m.note(Mistake::new(step.place, "a step of nothing leads nowhere"));
            return None;
        }
        let count = (self.to.real() - self.from.real()) / by.real() + 1.0;
        is_small(count, step.place, m).then(|| Form::Values(self.stepped(by)))
    }

    fn in_points(&self, points: &Value, m: &mut Mistakes) -> Option<Form> {
        let count = match Measure::Count.read(points) {
            Ok(Amount::Whole(count)) if count >= 2 => count,
            Ok(_) => {
                let mistake = Mistake::new(points.place, "a range has at least 2 points, its ends");
                m.note(mistake.help("one value is a list of one: [\"10 min\"]"));
                return None;
            }
            Err(problem) => {
                walk::note(problem, points, m);
                return None;
            }
        };
        let small = is_small(count as f64, points.place, m);
        small.then(|| Form::Values(self.spread(count as u64)))
    }
}

/// Notes a range of too many values.
fn is_small(count: f64, place: Place, m: &mut Mistakes) -> bool {
    let is_small = count < CELLS_MAX as f64 + 1.0;
    if !is_small {
        let mistake = Mistake::new(place, format!("the range holds {} values", many(count)));
        m.note(mistake.help(format!("a study has at most {CELLS_MAX} cells")));
    }
    is_small
}

/// One end of a range, which is a value of the key.
fn end(
    name: &str,
    path: &str,
    measure: Measure,
    table: &Table,
    place: Place,
    m: &mut Mistakes,
) -> Option<(Amount, Place)> {
    let Some(value) = table.get(name) else {
        let mistake = Mistake::new(place, format!("a range without `{name}`"));
        m.note(mistake.help("write { from = ..., to = ..., step = ... }, or `points` for `step`"));
        return None;
    };
    match measure.read(value) {
        Ok(amount) => {
            walk::check_at(&ROOT, path, value, m);
            Some((amount, value.place))
        }
        Err(problem) => {
            walk::note(problem, value, m);
            None
        }
    }
}

/// Whether the values rise by factors.
fn scale(table: &Table, m: &mut Mistakes) -> Option<bool> {
    match table.get("scale").map(|value| (value, value.text())) {
        None | Some((_, Some("linear"))) => Some(false),
        Some((_, Some("log"))) => Some(true),
        Some((value, _)) => {
            let mistake = Mistake::new(value.place, "a scale is \"linear\" or \"log\"");
            m.note(mistake);
            None
        }
    }
}

/// `step` and `points`, of which the upper layer gives one.
fn upper<'t>(table: &'t Table, m: &mut Mistakes) -> Option<(Option<&'t Value>, Option<&'t Value>)> {
    let (Some(step), Some(points)) = (table.entry("step"), table.entry("points")) else {
        return Some((table.get("step"), table.get("points")));
    };
    if step.place.file == points.place.file {
        let mistake = Mistake::new(points.place, "`points` contradicts `step`");
        m.note(mistake.other(step.place, "given here").help("keep one of the two"));
        return None;
    }
    let is_step = m.upper(step.place, points.place) == step.place;
    Some(if is_step { (Some(&step.value), None) } else { (None, Some(&points.value)) })
}
