//! Rounds: which runs are played first, and which next, until the precision is met.
//!
//! After each round the half-width of the 95 % interval of each metric is known for each cell. It
//! falls as 1 / sqrt(n): a cell whose half-width is twice what it may be needs four times the
//! replications. Worked example: 10 replications gave 3 % where 1 % is wanted; the cell needs 10 x
//! 9 = 90, of which at most 40 are planned at once, since a half-width of ten values is a rough
//! guess itself.

use std::path::Path;

use super::StudyError;
use super::folder::{PlanFile, Round, StudyFolder, check_size};
use super::packing::Block;
use super::row::RowStatus;
use super::shard::part_table;
use super::sorted::Sorted;
use super::status::StudyStatus;
use crate::analysis::stats;
use crate::analysis::study::LEVEL;
use crate::metrics;
use crate::scenario::Study;
use crate::scenario::study::Seeds;

/// Replications of the first round, where a precision decides how many there are. Assumption: fewer
/// say too little of their own spread.
const FIRST: u32 = 10;

/// A round has at most so many times the replications of those before it.
const GROWTH: u32 = 4;

/// How far the precision is met.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reached {
    /// Cells in which it is met.
    pub met: usize,
    /// All cells.
    pub cells: usize,
    /// The largest half-width of any cell, as a share of its mean; infinite with fewer than two
    /// runs that were done.
    pub worst: f64,
    /// The cell that has it.
    pub worst_cell: u32,
}

/// What is to be done after the rounds that are planned.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Next {
    /// They are not complete.
    Wait,
    /// Another one was planned.
    Planned(Reached),
    /// Nothing; with how far the precision is met, if one is wanted.
    Complete(Option<Reached>),
}

/// The first round of a study, which its shards begin with.
pub(super) fn first(study: &Study, plan: &PlanFile, seconds: &[f64], key: String) -> Round {
    let blocks = vec![Block { cells: (0, plan.cells), replications: (0, replications(study)) }];
    Round::of(plan, key, 1, blocks, seconds)
}

/// Replications of each cell in the first round.
#[must_use]
pub fn replications(study: &Study) -> u32 {
    let usual = if study.spec().precision.is_some() { FIRST } else { 1 };
    let wanted = match study.seeds() {
        Seeds::List(all) => all.len() as u32,
        Seeds::From(_) => usual,
    };
    study.spec().replications.unwrap_or(wanted).min(seeds(study))
}

/// How many seeds there are.
pub(in crate::experiment) fn seeds(study: &Study) -> u32 {
    let all = match study.seeds() {
        Seeds::List(all) => all.len() as u64,
        Seeds::From(first) => (u64::MAX - first).saturating_add(1),
    };
    u32::try_from(all).unwrap_or(u32::MAX)
}

/// Refuses a study that is too large to be planned; `path` is where it was read from.
///
/// # Errors
/// When it has too many runs.
pub fn check(path: &Path, study: &Study) -> Result<(), StudyError> {
    check_size(path, study.len() as u64, u64::from(replications(study)))
}

/// Looks whether all rounds are complete, and plans another one if the precision is not met. It
/// hangs on the tables alone: whoever plans it plans the same.
///
/// # Errors
/// When a part cannot be read or is damaged, and when a metric is in no run.
pub fn advance(folder: &mut StudyFolder) -> Result<Next, StudyError> {
    folder.look_for_rounds()?;
    if !StudyStatus::of(folder)?.numbers(false).is_empty() {
        return Ok(Next::Wait);
    }
    let Some(precision) = folder.study().spec().precision else {
        return Ok(Next::Complete(None));
    };
    let most = folder.study().spec().replications_max.min(seeds(folder.study()));
    let (mut blocks, mut reached) = (Vec::<Block>::new(), Reached::none(folder.plan.cells));
    let mut add = |cell: u32, cell_of: &Cell| {
        let (half_width, wanted) = cell_of.standing(precision, most);
        reached.add(cell, half_width, precision);
        if wanted > cell_of.played {
            let replications = (cell_of.played, wanted);
            match blocks.last_mut() {
                Some(last) if last.cells.1 == cell && last.replications == replications => {
                    last.cells.1 += 1;
                }
                _ => blocks.push(Block { cells: (cell, cell + 1), replications }),
            }
        }
    };
    each_cell(folder, &mut add)?;
    if blocks.is_empty() {
        return Ok(Next::Complete(Some(reached)));
    }
    let runs = folder.runs() + super::packing::count(&blocks);
    check_size(&folder.path, 1, runs)?;
    folder.add(blocks)?;
    Ok(Next::Planned(reached))
}

/// Gives what was played of each cell, in their order.
fn each_cell(folder: &StudyFolder, add: &mut dyn FnMut(u32, &Cell)) -> Result<(), StudyError> {
    let names = &folder.study().spec().metrics;
    let place = |name: &String| metrics::ALL.iter().position(|metric| metric.name == name);
    let places: Vec<_> = names.iter().filter_map(place).collect();
    let parts: Vec<_> = folder.shards().map(|shard| part_table(folder, shard)).collect();
    let mut sorted = Sorted::open(&folder.columns, &parts)?;
    let mut seen = vec![false; places.len()];
    let new = || Cell { played: 0, values: vec![Vec::new(); places.len()] };
    let (mut current, mut cell) = (0, new());
    while let Some(row) = sorted.advance()? {
        if row.cell != current {
            add(current, &cell);
            (current, cell) = (row.cell, new());
        }
        cell.played += 1;
        if row.get(folder.columns.status()) != RowStatus::Done.word() {
            continue;
        }
        for (number, place) in places.iter().enumerate() {
            if let Ok(value) = row.get(folder.columns.metric(*place)).parse() {
                seen[number] = true;
                cell.values[number].push(value);
            }
        }
    }
    add(current, &cell);
    if let Some(number) = seen.iter().position(|seen| !seen) {
        let why = format!("no run that was done has the metric `{}`", names[number]);
        let hint = "its precision cannot be reached: name another one in [study]";
        return Err(StudyError::refused(&folder.path, why, hint));
    }
    Ok(())
}

/// What was played of a cell.
struct Cell {
    /// Its replications.
    played: u32,
    /// The values of each metric, of the runs that were done.
    values: Vec<Vec<f64>>,
}

impl Cell {
    /// The largest half-width of its metrics as a share of the mean, and how many replications it
    /// is to have.
    fn standing(&self, precision: f64, most: u32) -> (f64, u32) {
        let relative = |values: &Vec<f64>| match stats::confidence(values, LEVEL) {
            Some(interval) if interval.half_width <= 0.0 => 0.0,
            Some(interval) => interval.half_width / interval.mean.abs(),
            None => f64::INFINITY,
        };
        let worst = self.values.iter().map(relative).fold(0.0, f64::max);
        if worst <= precision {
            return (worst, self.played);
        }
        let needed = libm::ceil(f64::from(self.played) * (worst / precision) * (worst / precision));
        let growth = f64::from(self.played.saturating_mul(GROWTH));
        let wanted = needed.min(growth).max(f64::from(self.played) + 1.0);
        (worst, (wanted as u32).min(most).max(self.played))
    }
}

impl Reached {
    fn none(cells: u32) -> Self {
        Self { met: 0, cells: cells as usize, worst: 0.0, worst_cell: 0 }
    }

    fn add(&mut self, cell: u32, half_width: f64, precision: f64) {
        self.met += usize::from(half_width <= precision);
        if half_width > self.worst {
            (self.worst, self.worst_cell) = (half_width, cell);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(values: &[f64]) -> Cell {
        Cell { played: values.len() as u32, values: vec![values.to_vec()] }
    }

    #[test]
    fn a_cell_gets_as_many_replications_as_its_spread_needs_and_no_more_than_it_may() {
        // Student's t of 2 degrees of freedom at 97.5 % is 4.302653 (Fisher and Yates 1963): of
        // 9, 10 and 11 the half-width is 4.302653 / sqrt(3) = 2.484138.
        let three = cell(&[9.0, 10.0, 11.0]);
        let (half_width, wanted) = three.standing(0.2, 1_000);
        assert!((half_width - 0.248_413_8).abs() < 1e-6, "{half_width}");
        assert_eq!(wanted, 5, "3 x (0.2484 / 0.2)^2 = 4.6");
        assert_eq!(three.standing(0.25, 1_000).1, 3, "it is met");
        assert_eq!(three.standing(0.01, 1_000).1, 12, "four times as many");
        assert_eq!(three.standing(0.01, 8).1, 8);
        assert_eq!(three.standing(0.01, 2).1, 3, "what was played stays");
    }

    #[test]
    fn a_cell_without_spread_is_done_and_one_without_values_never() {
        assert_eq!(cell(&[2.0, 2.0]).standing(1e-6, 100), (0.0, 2));
        assert_eq!(cell(&[0.0, 0.0]).standing(1e-6, 100), (0.0, 2));
        assert_eq!(cell(&[2.0]).standing(0.5, 100), (f64::INFINITY, 4));
    }
}
