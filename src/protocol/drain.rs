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

use serde::{Deserialize, Serialize};

/// How checkpoints of a level come to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Writing {
    /// The job stands until they are complete.
    Stopped,
    /// They are copies of checkpoints of the level below, made while the job computes.
    Copied,
    /// The job stands at first; the rest of it is written while it computes.
    Latent,
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

    /// All are given up.
    pub fn cut(&mut self) -> impl Iterator<Item = Draining> + use<> {
        [self.under_way.take(), self.waiting.take()].into_iter().flatten()
    }

    /// Those up to a level are given up, as a newer one is complete; gives them.
    pub fn supersede(&mut self, level: usize) -> impl Iterator<Item = Draining> + use<> {
        let mut take = |slot: fn(&mut Self) -> &mut Option<Draining>| {
            slot(self).take_if(|it| it.level <= level)
        };
        let gone = [take(|it| &mut it.under_way), take(|it| &mut it.waiting)];
        self.under_way = self.under_way.take().or_else(|| self.waiting.take());
        gone.into_iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{CheckpointAct, What};
    use crate::ids::{JobId, NodeId};
    use crate::protocol::multilevel::{Multilevel, Pattern};
    use crate::protocol::{Input, Order};
    use crate::rng::{Draw, Stream};
    use crate::units::{Span, Time};
    use crate::workload::bulk_synchronous::BulkSynchronous;
    use std::collections::BTreeSet;

    fn draining(number: u64, level: usize) -> Draining {
        Draining { number, level, step: number, place: number }
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
        assert_eq!(drains.supersede(0).next(), None);
        assert_eq!(drains.supersede(1).collect::<Vec<_>>(), [draining(1, 1)]);
        assert_eq!(drains.under_way(), Some(draining(2, 2)), "it has waited");
        assert_eq!(drains.cut().count(), 1);
    }

    /// Levels 0 and 1, of which the upper one is copied from the lower or latent; failures that
    /// leave the lower one or do not; copies that arrive at any time.
    struct Play {
        job: Multilevel,
        now: u64,
        order: Order,
        /// Number, level and step of all that were ever committed, and whether they are left.
        complete: Vec<(u64, usize, u64, bool)>,
        open: BTreeSet<u64>,
    }

    impl Play {
        fn new(draw: &mut Draw) -> Self {
            let upper = if draw.below(2) == 0 { Writing::Copied } else { Writing::Latent };
            let every = vec![1, 1 + draw.below(3) as u32];
            let writing = vec![Writing::Stopped, upper];
            let interval = Span(10 + 10 * draw.below(3));
            let pattern = Pattern { interval, every, writing, last: false, initial: true };
            let work = BulkSynchronous::new(60, Span(10), Span(10));
            let job = Multilevel::new(JobId(0), work, pattern);
            let (complete, open) = (Vec::new(), BTreeSet::new());
            Self { job, now: 0, order: Order::Wait, complete, open }
        }

        /// Keeps the books of what was told; `level` is that of what is committed.
        fn hear(&mut self, told: &[What], level: usize) {
            for what in told {
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
            let (level, mut told) = (self.job.level(), Vec::new());
            self.order = self.job.on(Time(self.now), input, &mut told);
            self.hear(&told, level);
        }

        fn arrive(&mut self) {
            let Some(draining) = self.job.draining() else { return };
            let mut told = Vec::new();
            self.job.drained(&mut told);
            self.hear(&told, draining.level);
        }

        /// A failure that takes the checkpoints of the lower level with it, or none.
        fn fail(&mut self, takes_lower: bool) {
            let mut told = Vec::new();
            if takes_lower {
                // Of each level only the newest is kept, and a newer one above replaces it.
                let lower = self.complete.iter().rev().find(|it| it.1 == 0 && it.3);
                let replaced = |number: u64, step: u64| {
                    self.complete.iter().any(|it| it.1 == 1 && it.0 > number && it.2 >= step)
                };
                if let Some(&(number, _, step, _)) = lower
                    && !replaced(number, step)
                {
                    self.job.forget(number, &mut told);
                }
                self.complete.iter_mut().for_each(|it| it.3 &= it.1 == 1);
            }
            self.hear(&told, 0);
            self.feed(Input::Failed(NodeId(0)));
            assert!(self.open.is_empty(), "a failure gives up all that is under way");
            let newest = self.complete.iter().filter(|it| it.3).map(|it| it.2).max();
            assert_eq!(self.job.done(), newest.unwrap_or(0), "back to the newest that is left");
        }
    }

    #[test]
    fn it_restores_the_newest_that_had_arrived_and_nothing_else() {
        let stream = Stream::new(5, "drain");
        let (mut reads, mut upper) = (0, 0);
        for round in 0..400 {
            let mut draw = stream.draw(round, 0);
            let mut play = Play::new(&mut draw);
            for _ in 0..400 {
                if draw.below(4) == 0 {
                    play.arrive();
                }
                if draw.below(12) == 0 && !matches!(play.order, Order::Wait | Order::Finish) {
                    play.fail(draw.below(2) == 0);
                }
                let input = match play.order {
                    Order::Wait => Input::Placed,
                    Order::Compute(span) => {
                        play.now += span.0;
                        Input::StepDone
                    }
                    Order::Write => Input::Written,
                    Order::Read => {
                        reads += 1;
                        upper += u64::from(play.job.level() == 1);
                        Input::Read
                    }
                    Order::Verify => unreachable!("it verifies nothing"),
                    Order::Finish => break,
                };
                play.feed(input);
            }
        }
        assert!(reads > 2_000 && upper > 200, "{reads} read, {upper} at the upper level");
    }
}
