//! Which cells a study has: the rows of its groups of axes crossed, less what `where` leaves out.
//!
//! A group is an axis, or several that go together: zipped ones, all of a Latin hypercube, or the
//! columns of a table. Cells are the rows of all groups in all combinations, the last group
//! fastest.
//!
//! A Latin hypercube of n cells (`McKay`, Beckman and Conover, Technometrics 21, 1979) cuts each
//! axis into n equal parts, takes a value from each part by chance, and joins the parts of the axes
//! in an order of chance: every axis by itself is spread as evenly as n points can be. A list
//! counts as equal parts, one for each of its values: of 10 cells over 4 values each value has 2 or
//! 3.

use crate::config::document::Value;
use crate::config::mistakes::{Mistake, Mistakes, Place};
use crate::rng::Stream;
use crate::scenario::conditions::Condition;
use crate::scenario::load::Point;
use crate::scenario::sweep::{Axis, CELLS_MAX, Form, GivenAxis, many};

/// More combinations than this are not looked through for those that `where` leaves.
const CROSSED_MAX: usize = 10_000_000;

/// The cells of a study.
#[derive(Clone, Debug)]
pub(super) struct Design {
    pub axes: Vec<Axis>,
    groups: Vec<Group>,
    /// The number of each cell among all combinations, where some are left out.
    kept: Option<Vec<u32>>,
    cells: usize,
}

/// Axes that go together.
#[derive(Clone, Debug)]
struct Group {
    axes: Vec<usize>,
    rows: usize,
}

impl Design {
    /// All combinations of the rows of groups, which are given by the numbers of their axes; an
    /// axis in none is a group by itself. Without `filtered` they are cells.
    pub(super) fn crossed(
        axes: Vec<Axis>,
        together: &[Vec<usize>],
        filtered: bool,
        m: &mut Mistakes,
    ) -> Option<Self> {
        let mut groups: Vec<Group> = Vec::new();
        for (number, axis) in axes.iter().enumerate() {
            let group = together.iter().find(|group| group.contains(&number));
            if group.is_some_and(|group| group.iter().any(|other| *other < number)) {
                continue;
            }
            let members = group.cloned().unwrap_or_else(|| vec![number]);
            let rows = axis.len();
            groups.push(Group { axes: members, rows });
        }
        let max = if filtered { CROSSED_MAX } else { CELLS_MAX };
        let mut cells = 1_usize;
        for group in &groups {
            cells = cells.saturating_mul(group.rows);
            if cells > max {
                let widest = &axes[group.axes[0]];
                let all = groups.iter().map(|group| group.rows as f64).product::<f64>();
                let all = many(all);
                let what = if filtered { "combinations before `where`" } else { "cells" };
                let title =
                    format!("with the values of `{}` the study has {all} {what}", widest.path);
                let help = format!(
                    "at most {max}; \"latin_hypercube = 1000\" in [study] samples them instead"
                );
                m.note(Mistake::new(widest.place, title).help(help));
                return None;
            }
        }
        Some(Self { axes, groups, kept: None, cells })
    }

    /// Leaves only the cells that obey all conditions.
    pub(super) fn filter(&mut self, conditions: &[Condition], place: Place, m: &mut Mistakes) {
        if conditions.is_empty() {
            return;
        }
        let obeying = (0..self.cells).filter(self.obeys(conditions));
        let kept: Vec<u32> = obeying.map(|cell| cell as u32).collect();
        if kept.is_empty() {
            let title = format!("`where` leaves none of the {} cells", self.cells);
            m.note(Mistake::new(place, title).help("all of its conditions must hold at once"));
        }
        if kept.len() > CELLS_MAX {
            let title = format!("the study has {} cells", kept.len());
            m.note(Mistake::new(place, title).help(format!("at most {CELLS_MAX}")));
        }
        self.cells = kept.len();
        self.kept = Some(kept);
    }

    /// The cells that obey all conditions, the first two of them.
    pub(super) fn find(&self, conditions: &[Condition]) -> Vec<usize> {
        (0..self.cells).filter(self.obeys(conditions)).take(2).collect()
    }

    /// Whether a cell obeys all conditions.
    fn obeys<'a>(&'a self, conditions: &'a [Condition]) -> impl FnMut(&usize) -> bool + 'a {
        let mut rows = Vec::new();
        move |cell| {
            self.rows(*cell, &mut rows);
            conditions.iter().all(|condition| condition.holds(&self.axes, &rows))
        }
    }

    pub(super) fn len(&self) -> usize {
        self.cells
    }

    /// Which row of its group each axis has in a cell.
    fn rows(&self, cell: usize, rows: &mut Vec<usize>) {
        rows.clear();
        rows.resize(self.axes.len(), 0);
        let mut rest = self.kept.as_ref().map_or(cell, |kept| kept[cell] as usize);
        for group in self.groups.iter().rev() {
            for &axis in &group.axes {
                rows[axis] = rest % group.rows;
            }
            rest /= group.rows;
        }
    }

    /// The value of each axis in a cell.
    pub(super) fn point(&self, cell: usize) -> Vec<(&str, &Value)> {
        let mut rows = Vec::new();
        self.rows(cell, &mut rows);
        let each = self.axes.iter().zip(rows);
        each.map(|(axis, row)| (axis.path.as_str(), axis.value(row))).collect()
    }

    /// A cell for people: what it is at each axis.
    pub(super) fn words(point: &Point<'_>) -> String {
        let each = point.iter().map(|(path, value)| format!("{path} = {}", value.bare()));
        each.collect::<Vec<_>>().join(", ")
    }
}

/// The axes of a Latin hypercube of so many cells. Axes that go together are sampled as one.
pub(super) fn latin(
    given: Vec<GivenAxis>,
    together: &[Vec<usize>],
    cells: usize,
    seed: u64,
) -> Vec<Axis> {
    let names: Vec<_> = given.iter().map(|given| given.path.clone()).collect();
    let shares_of = |number: usize| {
        let group = together.iter().find(|group| group.contains(&number));
        shares(cells, seed, &names[group.map_or(number, |group| group[0])])
    };
    let sampled = given.into_iter().enumerate().map(|(number, given)| {
        let shares = shares_of(number);
        let GivenAxis { path, place, range, form } = given;
        match form {
            Form::Range(ends) => {
                let values = shares.into_iter().map(|share| ends.sample(share)).collect();
                Axis::new(path, place, values).given_as(range)
            }
            Form::Values(values) => {
                let row = |share: f64| {
                    ((share * values.len() as f64) as u32).min(values.len() as u32 - 1)
                };
                let rows = Some(shares.into_iter().map(row).collect());
                let mut axis = Axis::new(path, place, values).given_as(range);
                axis.rows = rows;
                axis
            }
        }
    });
    sampled.collect()
}

/// One share of each of the equal parts of the interval from 0 to 1, in an order of chance. They
/// hang on the name of the axis alone, so that another axis moves none of them.
fn shares(cells: usize, seed: u64, name: &str) -> Vec<f64> {
    let stream = Stream::new(seed, &format!("latin hypercube {name}"));
    let mut parts: Vec<usize> = (0..cells).collect();
    for last in (1..cells).rev() {
        let other = stream.draw(0, last as u64).below(last as u64 + 1);
        parts.swap(last, other as usize);
    }
    let within = |(cell, part): (usize, usize)| {
        let share = (part as f64 + stream.draw(1, cell as u64).unit()) / cells as f64;
        // The largest number below 1: rounding must not lead out of the last part.
        share.min(1.0 - f64::EPSILON / 2.0)
    };
    parts.into_iter().enumerate().map(within).collect()
}
