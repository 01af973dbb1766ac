//! The conditions of `where` and `reference`: `KEY OP KEY` or `KEY OP VALUE` over cells of a study.

use crate::config::document::{Table, Value, bare_value, own_value};
use crate::config::language::{Kind, nearest};
use crate::config::measure::{Amount, Measure};
use crate::config::mistakes::{Mistake, Mistakes, Place};
use crate::config::walk;
use crate::scenario::keys::ROOT;
use crate::scenario::sweep::Axis;

/// How two sides are compared, longer words first.
const OPS: [(&str, Op); 6] = [
    ("<=", Op::AtMost),
    (">=", Op::AtLeast),
    ("!=", Op::Other),
    ("<", Op::Less),
    (">", Op::Greater),
    ("=", Op::Same),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Op {
    AtMost,
    AtLeast,
    Other,
    Less,
    Greater,
    Same,
}

/// A condition that a cell obeys or not.
#[derive(Debug)]
pub(super) struct Condition {
    left: Side,
    op: Op,
    right: Side,
}

/// What is compared: of an axis a term for each of its values.
#[derive(Debug)]
enum Side {
    Axis(usize, Vec<Term>),
    Fixed(Term),
}

/// A number, or a word.
#[derive(Clone, Debug, PartialEq)]
enum Term {
    Amount(Amount),
    Word(String),
}

/// Where the keys of conditions have their values.
pub(super) struct Context<'a> {
    pub axes: &'a [Axis],
    /// What the files and the command line give, the upper first.
    pub layers: [&'a Table; 2],
}

impl Condition {
    /// Reads one condition; notes what is wrong with it.
    pub(super) fn read(text: &Value, context: &Context<'_>, m: &mut Mistakes) -> Option<Self> {
        const HELP: &str = "write `KEY OP VALUE` or `KEY OP KEY`, such as \
                            \"cluster.modules <= 5\"; OP is <, <=, >, >=, = or !=";
        let (place, text) = (text.place, text.text()?);
        let at = text.find(['<', '>', '=', '!']);
        let found = at.and_then(|at| {
            let op = OPS.iter().find(|(word, _)| text[at..].starts_with(word))?;
            Some((text[..at].trim(), op.0, op.1, text[at + op.0.len()..].trim()))
        });
        let Some((key, word, op, other)) = found.filter(|found| !found.3.starts_with('=')) else {
            let mistake = Mistake::new(place, format!("`{text}` is no condition"));
            m.note(mistake.help(HELP));
            return None;
        };
        if key.is_empty() || other.is_empty() {
            let mistake = Mistake::new(place, format!("nothing stands next to `{word}`"));
            m.note(mistake.help(HELP));
            return None;
        }
        let (left, kind) = context.side(key, place, m)?;
        let is_key = walk::kind_at(&ROOT, other)
            .is_some_and(|kind| !matches!(kind, Kind::Table(_) | Kind::Tables(_) | Kind::Map(..)));
        let (right, measure) = if is_key {
            let (side, kind) = context.side(other, place, m)?;
            (side, Measure::of(kind))
        } else {
            let value = bare_value(other, place);
            let measure = Measure::of(kind);
            if measure.is_none_or(|measure| measure.read(&value).is_err()) {
                let before = m.len();
                walk::check_at(&ROOT, key, &value, m);
                if m.len() > before {
                    return None;
                }
            }
            (Side::Fixed(Term::of(&value, measure)), measure)
        };
        let plain = |measure: Option<Measure>| match measure {
            Some(Measure::Count | Measure::Share) => Some(Measure::Number),
            other => other,
        };
        if plain(Measure::of(kind)) != plain(measure) {
            let title = format!("`{key}` cannot be compared with `{other}`");
            m.note(Mistake::new(place, title).help("they do not count the same"));
            return None;
        }
        let is_order = !matches!(op, Op::Same | Op::Other);
        if let Some(term) = [&left, &right].iter().find_map(|side| side.word()).filter(|_| is_order)
        {
            let title = format!("`{term}` is a word, and words have no order");
            m.note(Mistake::new(place, title).help("only `=` and `!=` compare words"));
            return None;
        }
        Some(Self { left, op, right })
    }

    /// Whether it holds where each axis has this row.
    pub(super) fn holds(&self, axes: &[Axis], rows: &[usize]) -> bool {
        let (left, right) = (self.left.term(axes, rows), self.right.term(axes, rows));
        let (Term::Amount(a), Term::Amount(b)) = (left, right) else {
            return (left == right) == (self.op == Op::Same);
        };
        match self.op {
            Op::AtMost => a <= b,
            Op::AtLeast => a >= b,
            Op::Other => a != b,
            Op::Less => a < b,
            Op::Greater => a > b,
            Op::Same => a == b,
        }
    }
}

impl Context<'_> {
    /// The side of a key, and what the key takes.
    fn side(&self, path: &str, place: Place, m: &mut Mistakes) -> Option<(Side, &'static Kind)> {
        let Some(kind) = walk::kind_at(&ROOT, path).filter(|_| path != "seed") else {
            let title = if path == "seed" {
                "a seed is no axis of the cells".into()
            } else {
                format!("`{path}` is no key")
            };
            let axes = self.axes.iter().map(|axis| axis.path.as_str());
            let help = match nearest(path, axes.clone()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("the axes: {}", axes.collect::<Vec<_>>().join(", ")),
            };
            m.note(Mistake::new(place, title).help(help));
            return None;
        };
        let measure = Measure::of(kind);
        if let Some(number) = self.axes.iter().position(|axis| axis.path == path) {
            let values = self.axes[number].values.iter();
            return Some((
                Side::Axis(number, values.map(|value| Term::of(value, measure)).collect()),
                kind,
            ));
        }
        let given = self.layers.iter().find_map(|layer| layer.at(path));
        let Some(value) = given.or_else(|| walk::default_at(&ROOT, path).map(own_value)) else {
            let title = format!("`{path}` has no value to compare");
            m.note(Mistake::new(place, title).help("give it one in this file, or make it an axis"));
            return None;
        };
        Some((Side::Fixed(Term::of(value, measure)), kind))
    }
}

impl Side {
    fn term(&self, axes: &[Axis], rows: &[usize]) -> &Term {
        match self {
            Self::Fixed(term) => term,
            Self::Axis(number, terms) => {
                let row = rows[*number];
                &terms[axes[*number].rows.as_ref().map_or(row, |rows| rows[row] as usize)]
            }
        }
    }

    /// A word among its terms.
    fn word(&self) -> Option<&str> {
        let terms = match self {
            Self::Fixed(term) => std::slice::from_ref(term),
            Self::Axis(_, terms) => terms,
        };
        terms.iter().find_map(|term| match term {
            Term::Word(word) => Some(word.as_str()),
            Term::Amount(_) => None,
        })
    }
}

impl Term {
    fn of(value: &Value, measure: Option<Measure>) -> Self {
        let amount = measure.and_then(|measure| measure.read(value).ok());
        amount.map_or_else(|| Self::Word(value.bare()), Self::Amount)
    }
}
