//! Silent corruption of a job's memory: where it is, where it spreads, which checkpoints hold it.
//!
//! ```text
//!  strike --> memory --exchange--> the next rank's memory, and the next's
//!               |  ^
//!         saved |  | restored
//!               v  |
//!            checkpoint           memory at the end of the job: escaped
//! ```
//!
//! This is the truth, which nobody in the run knows: a protocol sees no more of it than what a
//! verification shows. Ranks stand on a ring. A step begins with a sum of all of a rank's memory,
//! which goes to the next rank, so each step carries a corruption one rank further; the ranks of
//! a seat are neighbours. A corruption that strikes during a step has missed that step's sum and
//! goes on with the next. A checkpoint holds the memory of the instant at which its writing begins;
//! what strikes while it is written is in the memory alone. The result of a job that ends with a
//! checkpoint is that checkpoint.
//!
//! Nothing heals but by reading a checkpoint back, or by starting anew; and by [`Checks`], which
//! look at the end of each order before anything is sent or saved. What struck during the order is
//! then in the memory of its node alone. The check of a step (ABFT) finds some of what struck in
//! the step, and replicas of a seat find all that makes them differ. What passes is the seat's own
//! from then on: it spreads, is saved, and is seen by no such check again.
//!
//! Not modelled: data that the program writes over before it reads them, so that a corruption
//! would be lost by itself; a memory with a share of such data has a lower rate of strikes.

mod checks;
#[cfg(test)]
mod tests;

pub use checks::Checks;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::event::{CheckpointAct, CorruptionAct, What};
use crate::ids::NodeId;
use crate::protocol::{Input, JobOrder};

/// One corruption in a memory or in its image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Strike {
    /// Counts the corruptions of the run, from 1.
    number: u64,
    /// Whose memory was struck.
    node: NodeId,
    /// The rank that was struck, in the whole job.
    rank: u64,
    /// Ranks after it that have taken wrong sums since.
    reach: u64,
    /// Whether it has been found.
    detected: bool,
    /// Whether it has struck since the last look, so that only its node has it.
    #[serde(default)]
    fresh: bool,
    /// Whether the check of the step in which it struck finds it.
    #[serde(default)]
    checked: bool,
}

/// The truth about the memory of one job.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Corruption {
    /// Ranks on each seat.
    ranks: u64,
    seats: u64,
    /// Committed checkpoints that are kept.
    keep: usize,
    #[serde(default)]
    checks: Checks,
    /// Whether nodes that take the places of dead replicas read a checkpoint, and only they.
    #[serde(default)]
    joining: bool,
    /// Corruptions of the run.
    strikes: u64,
    memory: Vec<Strike>,
    /// The checkpoint that is being written.
    begun: Option<(u64, Vec<Strike>)>,
    /// Committed checkpoints, by number.
    kept: BTreeMap<u64, Vec<Strike>>,
}

impl Corruption {
    /// The clean memory of a job of so many seats with so many ranks each, of which the last
    /// `keep` checkpoints are kept. Without a job: no seats.
    #[must_use]
    pub fn new(seats: u32, ranks: u32, keep: u32) -> Self {
        assert!(keep > 0, "the last checkpoint is kept");
        Self {
            ranks: u64::from(ranks),
            seats: u64::from(seats),
            keep: keep as usize,
            checks: Checks::default(),
            joining: false,
            strikes: 0,
            memory: Vec::new(),
            begun: None,
            kept: BTreeMap::new(),
        }
    }

    /// With such checks.
    #[must_use]
    pub fn checking(self, checks: Checks) -> Self {
        Self { checks, ..self }
    }

    /// The memory of a node is struck. `seat` is its seat in the job, if it has one and computes
    /// or saves there, so that its memory matters; `draw` says which of its ranks it is.
    pub fn strike(
        &mut self,
        node: NodeId,
        seat: Option<usize>,
        draw: u64,
        emitted: &mut Vec<What>,
    ) {
        self.strike_in_step(node, seat, draw, false, emitted);
    }

    /// The same, where `checked` says whether the check of the step finds it.
    pub fn strike_in_step(
        &mut self,
        node: NodeId,
        seat: Option<usize>,
        draw: u64,
        checked: bool,
        emitted: &mut Vec<What>,
    ) {
        self.strikes += 1;
        let number = self.strikes;
        let mut emit = |act, spread| emitted.push(What::Corruption { node, number, act, spread });
        emit(CorruptionAct::Strike, 0);
        let Some(seat) = seat else { return emit(CorruptionAct::Mask, 0) };
        assert!((seat as u64) < self.seats, "the seat is one of the job");
        let rank = seat as u64 * self.ranks + rank_of(draw, self.ranks);
        let fresh = self.checks.any();
        self.memory.push(Strike { number, node, rank, reach: 0, detected: false, fresh, checked });
    }

    /// So many corruptions have struck before the next one, in whatever memory.
    pub fn count_from(&mut self, before: u64) {
        self.strikes = before;
    }

    /// Corruption `number` strikes a node that works for no job.
    #[must_use]
    pub fn of_nobody(node: NodeId, number: u64) -> [What; 2] {
        let emitted = |act| What::Corruption { node, number, act, spread: 0 };
        [CorruptionAct::Strike, CorruptionAct::Mask].map(emitted)
    }

    /// A step begins: each rank takes the sum of the one before it. What was found has not gone
    /// that far. O(corruptions in memory).
    pub fn exchange(&mut self) {
        let most = (self.ranks * self.seats).saturating_sub(1);
        for strike in self.memory.iter_mut().filter(|strike| !strike.fresh) {
            strike.reach = most.min(strike.reach + 1);
        }
    }

    /// The memory goes into a checkpoint, which is not committed yet.
    pub fn saved(&mut self, number: u64) {
        self.begun = Some((number, self.memory.clone()));
    }

    /// The checkpoint that was begun is committed.
    pub fn committed(&mut self) {
        self.kept.extend(self.begun.take());
        while self.kept.len() > self.keep {
            self.kept.pop_first();
        }
    }

    /// A checkpoint is no more: its writing was broken off, or it was thrown away.
    pub fn dropped(&mut self, number: u64) {
        self.begun.take_if(|(begun, _)| *begun == number);
        self.kept.remove(&number);
    }

    /// The newest committed checkpoint.
    #[must_use]
    pub fn newest(&self) -> Option<u64> {
        self.kept.last_key_value().map(|(&number, _)| number)
    }

    /// Whether a kept checkpoint holds no corruption; none that is kept: `None`.
    #[must_use]
    pub fn is_clean_image(&self, number: u64) -> Option<bool> {
        self.kept.get(&number).map(Vec::is_empty)
    }

    /// The memory is that of a checkpoint, or that of the start. What it does not hold is over:
    /// corrected if a verification had found it, else discarded unseen.
    pub fn restored(&mut self, number: Option<u64>, emitted: &mut Vec<What>) {
        let image = number.map(|number| self.kept.get(&number).expect("a kept checkpoint is read"));
        let image = image.cloned().unwrap_or_default();
        for strike in std::mem::take(&mut self.memory) {
            match image.iter().any(|held| held.number == strike.number) {
                true => {}
                false if strike.detected => self.emit(strike, CorruptionAct::Correct, emitted),
                false => self.emit(strike, CorruptionAct::Discard, emitted),
            }
        }
        self.memory = image;
    }

    /// Whether no rank's memory is corrupt.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.memory.is_empty()
    }

    /// The first seat whose own memory was struck.
    #[must_use]
    pub fn first_struck(&self) -> Option<usize> {
        self.memory.iter().map(|strike| (strike.rank / self.ranks) as usize).min()
    }

    /// Whether the memory of a rank is corrupt.
    #[must_use]
    pub fn is_corrupt(&self, rank: u64) -> bool {
        let all = self.ranks * self.seats;
        self.memory.iter().any(|strike| (rank + all - strike.rank) % all <= strike.reach)
    }

    /// A verification has found that the memory is corrupt, with all that is in it.
    pub fn found(&mut self, emitted: &mut Vec<What>) {
        for place in 0..self.memory.len() {
            let strike = self.memory[place];
            if !std::mem::replace(&mut self.memory[place].detected, true) {
                self.emit(strike, CorruptionAct::Detect, emitted);
            }
            let images = self.kept.values_mut().chain(self.begun.iter_mut().map(|(_, held)| held));
            for held in images.flatten().filter(|held| held.number == strike.number) {
                held.detected = true;
            }
        }
    }

    /// The job ends: its result holds what the memory holds.
    pub fn finished(&mut self, emitted: &mut Vec<What>) {
        for strike in std::mem::take(&mut self.memory) {
            self.emit(strike, CorruptionAct::Escape, emitted);
        }
    }

    /// The job ends, and its result is a checkpoint: what struck while that was written harms
    /// nothing.
    pub fn finished_by(&mut self, number: Option<u64>, emitted: &mut Vec<What>) {
        let image = number.and_then(|number| self.kept.get(&number)).cloned().unwrap_or_default();
        for strike in std::mem::replace(&mut self.memory, image) {
            if !self.memory.iter().any(|held| held.number == strike.number) {
                self.emit(strike, CorruptionAct::Mask, emitted);
            }
        }
        self.finished(emitted);
    }

    /// Before the job's protocol takes an input.
    pub fn hears(&mut self, input: Input, emitted: &mut Vec<What>) {
        match input {
            Input::Corrupt(_) => self.found(emitted),
            Input::WrittenForReplicas => self.joining = true,
            Input::Failed(_) => self.joining = false,
            _ => {}
        }
    }

    /// After the job's protocol has answered an input with an order and emitted this.
    pub fn follows(&mut self, input: Input, order: JobOrder, emitted: &mut Vec<What>) {
        for what in emitted.iter() {
            match *what {
                What::Checkpoint { number, act: CheckpointAct::Begin, .. } => self.saved(number),
                What::Checkpoint { act: CheckpointAct::Commit, .. } => self.committed(),
                What::Checkpoint { number, .. } => self.dropped(number),
                _ => {}
            }
        }
        match (input, order) {
            // The others go on with the memory that they have.
            (Input::Read, _) if std::mem::take(&mut self.joining) => {}
            (Input::Read, _) => self.restored(self.newest(), emitted),
            (Input::Placed | Input::Corrupt(_) | Input::Caught(_), JobOrder::Compute(_)) => {
                self.restored(None, emitted);
            }
            _ => {}
        }
        match order {
            JobOrder::Compute(_) => self.exchange(),
            JobOrder::Finish if input == Input::TimedOut => self.restored(None, emitted),
            JobOrder::Finish if input == Input::Written => self.finished_by(self.newest(), emitted),
            JobOrder::Finish => self.finished(emitted),
            _ => {}
        }
    }

    /// The seats that a corruption has reached.
    fn spread(&self, strike: Strike) -> u32 {
        let (first, last) = (strike.rank / self.ranks, (strike.rank + strike.reach) / self.ranks);
        self.seats.min(last - first + 1) as u32
    }

    fn emit(&self, strike: Strike, act: CorruptionAct, emitted: &mut Vec<What>) {
        let (node, number, spread) = (strike.node, strike.number, self.spread(strike));
        emitted.push(What::Corruption { node, number, act, spread });
    }
}

/// Which of the ranks of a seat a strike with this draw hits, all alike.
#[must_use]
pub fn rank_of(draw: u64, ranks: u64) -> u64 {
    ((u128::from(draw) * u128::from(ranks)) >> 64) as u64
}
