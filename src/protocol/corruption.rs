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
//! verification tells. Ranks stand on a ring. A step begins with a sum of all of a rank's memory,
//! which goes to the next rank, so each step carries a corruption one rank further; the ranks of
//! a seat are neighbours. A corruption that strikes during a step has missed that step's sum and
//! goes on with the next. A checkpoint holds the memory of the instant at which its writing begins;
//! what strikes while it is written is in the memory alone. The result of a job that ends with a
//! checkpoint is that checkpoint.
//!
//! Nothing heals but by reading a checkpoint back, or by starting anew.
//!
//! Not modelled: data that the program writes over before it reads them, so that a corruption
//! would be lost by itself; a memory with a share of such data has a lower rate of strikes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::event::{CheckpointAct, CorruptionAct, What};
use crate::ids::NodeId;
use crate::protocol::{Input, Order};

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
    /// Whether a verification has found it.
    detected: bool,
}

/// The truth about the memory of one job.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Corruption {
    /// Ranks on each seat.
    ranks: u64,
    seats: u64,
    /// Committed checkpoints that are kept.
    keep: usize,
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
            strikes: 0,
            memory: Vec::new(),
            begun: None,
            kept: BTreeMap::new(),
        }
    }

    /// The memory of a node is struck. `seat` is its seat in the job, if it has one and computes
    /// or saves there, so that its memory matters; `draw` says which of its ranks it is.
    pub fn strike(&mut self, node: NodeId, seat: Option<usize>, draw: u64, told: &mut Vec<What>) {
        self.strikes += 1;
        let number = self.strikes;
        let mut tell = |act, spread| told.push(What::Corruption { node, number, act, spread });
        tell(CorruptionAct::Strike, 0);
        let Some(seat) = seat else { return tell(CorruptionAct::Mask, 0) };
        assert!((seat as u64) < self.seats, "the seat is one of the job");
        let rank = seat as u64 * self.ranks + rank_of(draw, self.ranks);
        self.memory.push(Strike { number, node, rank, reach: 0, detected: false });
    }

    /// A step begins: each rank takes the sum of the one before it. O(corruptions in memory).
    pub fn exchange(&mut self) {
        let most = (self.ranks * self.seats).saturating_sub(1);
        for strike in &mut self.memory {
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
    pub fn restored(&mut self, number: Option<u64>, told: &mut Vec<What>) {
        let image = number.map(|number| self.kept.get(&number).expect("a kept checkpoint is read"));
        let image = image.cloned().unwrap_or_default();
        for strike in std::mem::take(&mut self.memory) {
            match image.iter().any(|held| held.number == strike.number) {
                true => {}
                false if strike.detected => self.tell(strike, CorruptionAct::Correct, told),
                false => self.tell(strike, CorruptionAct::Discard, told),
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
    pub fn found(&mut self, told: &mut Vec<What>) {
        for place in 0..self.memory.len() {
            let strike = self.memory[place];
            if !std::mem::replace(&mut self.memory[place].detected, true) {
                self.tell(strike, CorruptionAct::Detect, told);
            }
            let images = self.kept.values_mut().chain(self.begun.iter_mut().map(|(_, held)| held));
            for held in images.flatten().filter(|held| held.number == strike.number) {
                held.detected = true;
            }
        }
    }

    /// The job ends: its result holds what the memory holds.
    pub fn finished(&mut self, told: &mut Vec<What>) {
        for strike in std::mem::take(&mut self.memory) {
            self.tell(strike, CorruptionAct::Escape, told);
        }
    }

    /// The job ends, and its result is a checkpoint: what struck while that was written harms
    /// nothing.
    pub fn finished_by(&mut self, number: Option<u64>, told: &mut Vec<What>) {
        let image = number.and_then(|number| self.kept.get(&number)).cloned().unwrap_or_default();
        for strike in std::mem::replace(&mut self.memory, image) {
            if !self.memory.iter().any(|held| held.number == strike.number) {
                self.tell(strike, CorruptionAct::Mask, told);
            }
        }
        self.finished(told);
    }

    /// Before the job's protocol takes an input.
    pub fn hears(&mut self, input: Input, told: &mut Vec<What>) {
        if matches!(input, Input::Corrupt(_)) {
            self.found(told);
        }
    }

    /// After the job's protocol has answered an input with an order and told this.
    pub fn follows(&mut self, input: Input, order: Order, told: &mut Vec<What>) {
        for what in told.iter() {
            match *what {
                What::Checkpoint { number, act: CheckpointAct::Begin, .. } => self.saved(number),
                What::Checkpoint { act: CheckpointAct::Commit, .. } => self.committed(),
                What::Checkpoint { number, .. } => self.dropped(number),
                _ => {}
            }
        }
        match (input, order) {
            (Input::Read, _) => self.restored(self.newest(), told),
            (Input::Placed | Input::Corrupt(_), Order::Compute(_)) => self.restored(None, told),
            _ => {}
        }
        match order {
            Order::Compute(_) => self.exchange(),
            Order::Finish if input == Input::Written => self.finished_by(self.newest(), told),
            Order::Finish => self.finished(told),
            _ => {}
        }
    }

    /// The seats that a corruption has reached.
    fn spread(&self, strike: Strike) -> u32 {
        let (first, last) = (strike.rank / self.ranks, (strike.rank + strike.reach) / self.ranks);
        self.seats.min(last - first + 1) as u32
    }

    fn tell(&self, strike: Strike, act: CorruptionAct, told: &mut Vec<What>) {
        let (node, number, spread) = (strike.node, strike.number, self.spread(strike));
        told.push(What::Corruption { node, number, act, spread });
    }
}

/// Which of the ranks of a seat a strike with this draw hits, all alike.
#[must_use]
pub fn rank_of(draw: u64, ranks: u64) -> u64 {
    ((u128::from(draw) * u128::from(ranks)) >> 64) as u64
}
#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::JobPhase;
    use crate::ids::JobId;
    use crate::protocol::coordinated::{Coordinated, Schedule, Verify};
    use crate::rng::{Draw, Stream};
    use crate::units::{Span, Time};
    use crate::workload::bulk_synchronous::BulkSynchronous;

    const NODE: NodeId = NodeId(5);

    fn acts(told: &[What]) -> Vec<(u64, CorruptionAct)> {
        let act = |what: &What| match *what {
            What::Corruption { number, act, .. } => Some((number, act)),
            _ => None,
        };
        told.iter().filter_map(act).collect()
    }

    #[test]
    fn what_strikes_while_a_checkpoint_is_written_is_not_in_it() {
        use CorruptionAct::{Discard, Escape, Strike};
        let (mut truth, mut told) = (Corruption::new(2, 1, 1), Vec::new());
        truth.strike(NODE, Some(0), 0, &mut told);
        truth.saved(1);
        truth.strike(NODE, Some(1), 0, &mut told);
        truth.committed();
        truth.restored(Some(1), &mut told);
        truth.finished(&mut told);
        assert_eq!(acts(&told), [(1, Strike), (2, Strike), (2, Discard), (1, Escape)]);
    }

    #[test]
    fn memory_that_nobody_uses_masks_a_corruption() {
        let (mut truth, mut told) = (Corruption::new(2, 1, 1), Vec::new());
        truth.strike(NODE, None, 7, &mut told);
        assert!(truth.is_clean());
        assert_eq!(acts(&told), [(1, CorruptionAct::Strike), (1, CorruptionAct::Mask)]);
    }

    #[test]
    fn what_was_found_is_corrected_only_by_a_checkpoint_from_before_it() {
        let (mut truth, mut told) = (Corruption::new(3, 2, 2), Vec::new());
        truth.saved(1);
        truth.committed();
        truth.strike(NODE, Some(2), u64::MAX, &mut told);
        truth.exchange();
        truth.saved(2);
        truth.committed();
        told.clear();
        truth.found(&mut told);
        let spread = told.iter().map(|what| match what {
            What::Corruption { spread, .. } => *spread,
            _ => 0,
        });
        assert_eq!(spread.collect::<Vec<_>>(), [2], "the last rank of a seat has told the next");
        truth.restored(truth.newest(), &mut told);
        truth.found(&mut told);
        truth.dropped(2);
        truth.restored(truth.newest(), &mut told);
        assert_eq!(acts(&told), [(1, CorruptionAct::Detect), (1, CorruptionAct::Correct)]);
        assert!(truth.is_clean());
    }

    /// The obvious twin: a flag for each rank, copied with each checkpoint.
    #[test]
    fn it_spreads_and_is_saved_as_flags_of_ranks_are() {
        const SEATS: u64 = 3;
        const RANKS: u64 = 2;
        let stream = Stream::new(11, "corruption");
        for run in 0..200 {
            let mut draw = stream.draw(run, 0);
            let mut truth = Corruption::new(SEATS as u32, RANKS as u32, 2);
            let mut flags = [false; (SEATS * RANKS) as usize];
            let mut images: Vec<(u64, [bool; 6])> = Vec::new();
            let mut told = Vec::new();
            for number in 1..40 {
                match draw.below(6) {
                    0 => {
                        let (seat, bits) = (draw.below(SEATS), draw.next_u64());
                        truth.strike(NODE, Some(seat as usize), bits, &mut told);
                        flags[(seat * RANKS + rank_of(bits, RANKS)) as usize] = true;
                    }
                    1..3 => {
                        truth.exchange();
                        let old = flags;
                        for rank in 0..flags.len() {
                            flags[rank] |= old[(rank + flags.len() - 1) % flags.len()];
                        }
                    }
                    3 => {
                        truth.saved(number);
                        truth.committed();
                        images.push((number, flags));
                        if images.len() > 2 {
                            images.remove(0);
                        }
                    }
                    4 => {
                        truth.restored(truth.newest(), &mut told);
                        flags = images.last().map_or([false; 6], |image| image.1);
                    }
                    _ => {
                        if let Some((number, _)) = images.pop() {
                            truth.dropped(number);
                        }
                    }
                }
                let corrupt: Vec<_> = (0..6).map(|rank| truth.is_corrupt(rank)).collect();
                assert_eq!(corrupt, flags, "run {run}");
                assert_eq!(truth.is_clean(), flags == [false; 6]);
                let clean = truth.newest().and_then(|number| truth.is_clean_image(number));
                assert_eq!(clean, images.last().map(|image| image.1 == [false; 6]));
            }
        }
    }

    /// A job under random strikes and failures; verifications find corrupt memory by chance.
    struct Play<'d> {
        draw: &'d mut Draw,
        coverage: f64,
        machine: Coordinated,
        truth: Corruption,
        now: Time,
        /// Computing that a rollback to the last kept checkpoint may lose.
        at_risk: Span,
        escaped: u64,
        corrupt_images: u64,
        rollbacks: u64,
    }

    impl Play<'_> {
        fn step(&mut self, input: Input) -> Order {
            let (mut told, before) = (Vec::new(), self.machine.phase());
            self.truth.hears(input, &mut told);
            let order = self.machine.on(self.now, input, &mut told);
            self.truth.follows(input, order, &mut told);
            for what in told {
                match what {
                    What::Checkpoint { act: CheckpointAct::Commit, number, .. } => {
                        self.at_risk = Span::ZERO;
                        let clean = self.truth.is_clean_image(number).expect("it is kept");
                        self.corrupt_images += u64::from(!clean);
                    }
                    What::WorkLost { lost, .. } => {
                        let one = self.coverage < 1.0;
                        assert!(one || lost <= self.at_risk, "{lost} of {}", self.at_risk);
                        self.at_risk = Span::ZERO;
                        self.rollbacks += u64::from(before == JobPhase::Verify);
                    }
                    What::Corruption { act: CorruptionAct::Escape, .. } => self.escaped += 1,
                    _ => {}
                }
            }
            order
        }

        /// The next thing: what was ordered is done, or a failure; strikes on the way.
        fn go_on(&mut self, order: Order) -> Order {
            if self.draw.below(6) == 0 {
                let (seat, bits) = (self.draw.below(4) as usize, self.draw.next_u64());
                let live = !matches!(self.machine.phase(), JobPhase::Waiting | JobPhase::Restart);
                let seat = Some(seat).filter(|_| live);
                self.truth.strike(NODE, seat, bits, &mut Vec::new());
            }
            let fails = self.draw.below(12) == 0;
            let span = match order {
                Order::Compute(span) if fails => Span(self.draw.below(span.0)),
                Order::Compute(span) => span,
                _ => Span(3),
            };
            self.now = self.now + span;
            if matches!(order, Order::Compute(_)) {
                self.at_risk += span;
            }
            if fails {
                return self.step(Input::Failed(NODE));
            }
            let missed = self.draw.unit() >= self.coverage;
            self.step(match order {
                Order::Wait => Input::Placed,
                Order::Compute(_) => Input::StepDone,
                Order::Write => Input::Written,
                Order::Read => Input::Read,
                Order::Verify if self.truth.is_clean() || missed => Input::Verified,
                Order::Verify => Input::Corrupt(NODE),
                Order::Finish => unreachable!("it is over"),
            })
        }
    }

    fn play(draw: &mut Draw, coverage: f64, keep: u32) -> (u64, u64, u64) {
        let verify = Verify { per_checkpoint: 1 + draw.below(3) as u32, misses: coverage < 1.0 };
        let schedule = Schedule {
            interval: Some(Span(10 * (1 + draw.below(5)))),
            last: draw.below(2) == 0,
            initial: draw.below(2) == 0,
            verify: Some(verify),
            keep,
            ..Schedule::NEVER
        };
        let work = BulkSynchronous::new(12, Span(10), Span(7));
        let mut play = Play {
            draw,
            coverage,
            machine: Coordinated::new(JobId(0), work, schedule),
            truth: Corruption::new(4, 2, keep),
            now: Time::ZERO,
            at_risk: Span::ZERO,
            escaped: 0,
            corrupt_images: 0,
            rollbacks: 0,
        };
        let mut order = Order::Wait;
        while order != Order::Finish {
            order = play.go_on(order);
        }
        (play.escaped, play.corrupt_images, play.rollbacks)
    }

    #[test]
    fn behind_verifications_that_find_all_nothing_escapes_and_no_checkpoint_is_corrupt() {
        let stream = Stream::new(12, "verified");
        let mut rollbacks = 0;
        for run in 0..500 {
            let (escaped, corrupt, back) = play(&mut stream.draw(run, 0), 1.0, 1 + run as u32 % 3);
            assert_eq!((escaped, corrupt), (0, 0), "run {run}");
            rollbacks += back;
        }
        assert!(rollbacks > 500, "{rollbacks}");
    }

    #[test]
    fn behind_verifications_that_miss_some_a_job_ends_and_some_corruption_escapes() {
        let stream = Stream::new(13, "missed");
        let runs: Vec<_> =
            (0..500).map(|run| play(&mut stream.draw(run, 0), 0.5, 1 + run as u32 % 3)).collect();
        let sum = |of: fn(&(u64, u64, u64)) -> u64| runs.iter().map(of).sum::<u64>();
        assert!(sum(|run| run.0) > 50 && sum(|run| run.1) > 100, "{runs:?}");
    }
}
