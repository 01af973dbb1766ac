//! Checkpoints that are written while the job computes: one at a time, and the newest waits.
//!
//! ```text
//!  job       compute   C   compute   compute   C   compute
//!  drain                 [------- 1 -------------][--- 2 ---]
//! ```
//!
//! Whatever falls due while one is under way waits for it; what waited already is given up. So one
//! is complete every so often however slow it goes, which would not be so if the newer one took
//! the older one's place.
//!
//! A failure gives up all of them, or only those whose checkpoint the level below has lost too
//! ([`Below`]). What is left stands still until the job has restarted, and goes on then.

use serde::{Deserialize, Serialize};

use crate::scenario::job::Below;

/// How checkpoints of a level come to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Writing {
    /// The job stands until they are complete.
    Stopped,
    /// They are copies of checkpoints of the level below, made while the job computes.
    Copied(Below),
    /// The job stands at first; the rest of it is written while it computes.
    Latent(Below),
}

/// A checkpoint that is written while the job computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draining {
    /// Its number.
    pub number: u64,
    /// Its level.
    pub level: usize,
    /// Its last step.
    pub step: u64,
    /// Its place in the pattern.
    pub place: u64,
    /// What becomes of it at the level below.
    pub below: Below,
}

impl Draining {
    /// The number that it has at the level below, if it is one there.
    #[must_use]
    pub fn source(&self) -> u64 {
        self.number + 1
    }
}

/// Those of a job.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Drains {
    under_way: Option<Draining>,
    waiting: Option<Draining>,
}

impl Drains {
    /// The one that is under way.
    #[must_use]
    pub fn under_way(&self) -> Option<Draining> {
        self.under_way
    }

    /// A further one; gives the one that it takes the place of.
    pub fn add(&mut self, new: Draining) -> Option<Draining> {
        if self.under_way.is_none() {
            self.under_way = Some(new);
            return None;
        }
        self.waiting.replace(new)
    }

    /// The one under way is complete; the one that waited is under way.
    pub fn complete(&mut self) -> Draining {
        let done = self.under_way.take().expect("one was under way");
        self.under_way = self.waiting.take();
        done
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Draining> {
        self.under_way.iter().chain(&self.waiting)
    }

    /// Some are given up; gives them.
    pub fn give_up(&mut self, which: impl Fn(&Draining) -> bool) -> Vec<Draining> {
        let gone = [&mut self.under_way, &mut self.waiting].map(|it| it.take_if(|it| which(it)));
        self.under_way = self.under_way.take().or_else(|| self.waiting.take());
        gone.into_iter().flatten().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{CheckpointAct, What};
    use crate::ids::{JobId, NodeId};
    use crate::protocol::multilevel::{Multilevel, Pattern};
    use crate::protocol::{Input, JobOrder};
    use crate::rng::{Draw, Stream};
    use crate::units::{Span, Time};
    use crate::workload::bulk_synchronous::BulkSynchronous;
    use std::collections::BTreeSet;

    fn draining(number: u64, level: usize) -> Draining {
        Draining { number, level, step: number, place: number, below: Below::default() }
    }

    #[test]
    fn the_newest_waits_for_the_one_under_way() {
        let mut drains = Drains::default();
        let [one, two, three] = [1, 2, 3].map(|number| draining(number, 1));
        assert_eq!([drains.add(one), drains.add(two), drains.add(three)], [None, None, Some(two)]);
        assert_eq!((drains.complete(), drains.under_way()), (one, Some(three)));
        assert_eq!((drains.complete(), drains.under_way()), (three, None));
    }

    #[test]
    fn a_newer_one_of_its_level_makes_the_one_under_way_needless() {
        let mut drains = Drains::default();
        drains.add(draining(1, 1));
        drains.add(draining(2, 2));
        assert_eq!(drains.give_up(|it| it.level == 0), []);
        assert_eq!(drains.give_up(|it| it.level <= 1), [draining(1, 1)]);
        assert_eq!(drains.under_way(), Some(draining(2, 2)), "it has waited");
        assert_eq!(drains.give_up(|_| true).len(), 1);
    }

    /// Levels 0 and 1, of which the upper one is copied from the lower or latent; failures that
    /// leave the lower one or do not; copies that arrive at any time.
    struct Play {
        job: Multilevel,
        now: u64,
        order: JobOrder,
        /// Number, level and step of all that were ever committed, and whether they are left.
        complete: Vec<(u64, usize, u64, bool)>,
        open: BTreeSet<u64>,
        below: Below,
    }

    impl Play {
        fn new(draw: &mut Draw) -> Self {
            let (keeps, resumes) =
                [(false, false), (true, false), (true, true)][draw.below(3) as usize];
            let below = Below { keeps, resumes };
            let upper = if draw.below(2) == 0 { Writing::Copied } else { Writing::Latent }(below);
            let every = vec![1, 1 + draw.below(3) as u32];
            let writing = vec![Writing::Stopped, upper];
            let interval = Span(10 + 10 * draw.below(3));
            let pattern = Pattern { interval, every, writing, last: false, initial: true };
            let work = BulkSynchronous::new(60, Span(10), Span(10));
            let job = Multilevel::new(JobId(0), work, pattern);
            let (complete, open) = (Vec::new(), BTreeSet::new());
            Self { job, now: 0, order: JobOrder::Wait, complete, open, below }
        }

        /// Keeps the books of what was emitted; `level` is that of what is committed.
        fn hear(&mut self, emitted: &[What], level: usize) {
            for what in emitted {
                let What::Checkpoint { number, act, step, .. } = *what else { continue };
                match act {
                    CheckpointAct::Begin => assert!(self.open.insert(number), "it begins once"),
                    CheckpointAct::Abandon => assert!(self.open.remove(&number), "it was open"),
                    CheckpointAct::Commit => {
                        assert!(self.open.remove(&number), "it was begun and not given up");
                        self.complete.push((number, level, step, true));
                    }
                    CheckpointAct::Lose | CheckpointAct::Discard => {}
                }
            }
        }

        fn feed(&mut self, input: Input) {
            let mut emitted = Vec::new();
            self.order = self.job.on(Time(self.now), input, &mut emitted);
            self.hear(&emitted, self.job.level());
        }

        fn arrive(&mut self) {
            let Some(draining) = self.job.draining() else { return };
            let mut emitted = Vec::new();
            self.job.drained(&mut emitted);
            self.hear(&emitted, draining.level);
        }

        /// The checkpoints of the lower level: of each level only the newest is kept, unless a
        /// newer one above replaces it, and what still is to be copied.
        fn lower(&self) -> Vec<u64> {
            let left = |it: &&(u64, usize, u64, bool)| it.1 == 0 && it.3;
            let newest = self.complete.iter().rev().find(left).map(|it| it.0);
            let replaced = |number: u64, step: u64| {
                self.complete.iter().any(|it| it.1 == 1 && it.0 > number && it.2 >= step)
            };
            let is_held = |number: u64| self.below.keeps && self.open.contains(&(number - 1));
            let stays = |&&(number, _, step, _): &&(u64, usize, u64, bool)| {
                is_held(number) || Some(number) == newest && !replaced(number, step)
            };
            self.complete.iter().filter(left).filter(stays).map(|it| it.0).collect()
        }

        /// A failure that takes the checkpoints of the lower level with it, or none. Gives how many
        /// copies go on.
        fn fail(&mut self, takes_lower: bool) -> usize {
            let mut emitted = Vec::new();
            let lower = if takes_lower { self.lower() } else { Vec::new() };
            let left = |number: &&u64| {
                let source = self.complete.iter().find(|it| it.0 == *number + 1);
                self.below.resumes && !takes_lower && source.is_some_and(|it| it.1 == 0 && it.3)
            };
            let go_on: BTreeSet<u64> = self.open.iter().filter(left).copied().collect();
            for number in lower {
                self.job.forget(number, &mut emitted);
            }
            if takes_lower {
                self.complete.iter_mut().for_each(|it| it.3 &= it.1 == 1);
            }
            self.hear(&emitted, 0);
            self.feed(Input::Failed(NodeId(0)));
            assert_eq!(self.open, go_on, "a failure gives up what it does not leave below");
            let newest = self.complete.iter().filter(|it| it.3).map(|it| it.2).max();
            assert_eq!(self.job.done(), newest.unwrap_or(0), "back to the newest that is left");
            go_on.len()
        }
    }

    #[test]
    fn it_restores_the_newest_that_had_arrived_and_nothing_else() {
        let stream = Stream::new(5, "drain");
        let (mut reads, mut upper, mut went_on) = (0, 0, 0);
        for round in 0..400 {
            let mut draw = stream.draw(round, 0);
            let mut play = Play::new(&mut draw);
            for _ in 0..400 {
                if draw.below(4) == 0 {
                    play.arrive();
                }
                if draw.below(12) == 0 && !matches!(play.order, JobOrder::Wait | JobOrder::Finish) {
                    went_on += play.fail(draw.below(2) == 0);
                }
                let input = match play.order {
                    JobOrder::Wait => Input::Placed,
                    JobOrder::Compute(span) => {
                        play.now += span.0;
                        Input::StepDone
                    }
                    JobOrder::Write => Input::Written,
                    JobOrder::Read => {
                        reads += 1;
                        upper += u64::from(play.job.level() == 1);
                        Input::Read
                    }
                    JobOrder::Verify => unreachable!("it verifies nothing"),
                    JobOrder::Finish => break,
                };
                play.feed(input);
            }
        }
        assert!(reads > 2_000 && upper > 200, "{reads} read, {upper} at the upper level");
        assert!(went_on > 200, "{went_on} went on");
    }
}
