//! Corruptions against flags of ranks, behind verifications, and behind checks of each order.

use super::*;
use crate::event::JobPhase;
use crate::ids::JobId;
use crate::protocol::coordinated::{Coordinated, Schedule, Verify};
use crate::rng::{Draw, Stream};
use crate::scenario::abft::Found;
use crate::scenario::replicas::Compare;
use crate::units::{Span, Time};
use crate::workload::bulk_synchronous::BulkSynchronous;

const NODE: NodeId = NodeId(5);

fn acts(emitted: &[What]) -> Vec<(u64, CorruptionAct)> {
    let act = |what: &What| match *what {
        What::Corruption { number, act, .. } => Some((number, act)),
        _ => None,
    };
    emitted.iter().filter_map(act).collect()
}

#[test]
fn what_strikes_while_a_checkpoint_is_written_is_not_in_it() {
    use CorruptionAct::{Discard, Escape, Strike};
    let (mut truth, mut emitted) = (Corruption::new(2, 1, 1), Vec::new());
    truth.strike(NODE, Some(0), 0, &mut emitted);
    truth.saved(1);
    truth.strike(NODE, Some(1), 0, &mut emitted);
    truth.committed();
    truth.restored(Some(1), &mut emitted);
    truth.finished(&mut emitted);
    assert_eq!(acts(&emitted), [(1, Strike), (2, Strike), (2, Discard), (1, Escape)]);
}

#[test]
fn memory_that_nobody_uses_masks_a_corruption() {
    let (mut truth, mut emitted) = (Corruption::new(2, 1, 1), Vec::new());
    truth.strike(NODE, None, 7, &mut emitted);
    assert!(truth.is_clean());
    assert_eq!(acts(&emitted), [(1, CorruptionAct::Strike), (1, CorruptionAct::Mask)]);
}

#[test]
fn what_was_found_is_corrected_only_by_a_checkpoint_from_before_it() {
    let (mut truth, mut emitted) = (Corruption::new(3, 2, 2), Vec::new());
    truth.saved(1);
    truth.committed();
    truth.strike(NODE, Some(2), u64::MAX, &mut emitted);
    truth.exchange();
    truth.saved(2);
    truth.committed();
    emitted.clear();
    truth.found(&mut emitted);
    let spread = emitted.iter().map(|what| match what {
        What::Corruption { spread, .. } => *spread,
        _ => 0,
    });
    assert_eq!(spread.collect::<Vec<_>>(), [2], "the last rank of a seat has sent it to the next");
    truth.restored(truth.newest(), &mut emitted);
    truth.found(&mut emitted);
    truth.dropped(2);
    truth.restored(truth.newest(), &mut emitted);
    assert_eq!(acts(&emitted), [(1, CorruptionAct::Detect), (1, CorruptionAct::Correct)]);
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
        let mut emitted = Vec::new();
        for number in 1..40 {
            match draw.below(6) {
                0 => {
                    let (seat, bits) = (draw.below(SEATS), draw.next_u64());
                    truth.strike(NODE, Some(seat as usize), bits, &mut emitted);
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
                    truth.restored(truth.newest(), &mut emitted);
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
    fn step(&mut self, input: Input) -> JobOrder {
        let (mut emitted, before) = (Vec::new(), self.machine.phase());
        self.truth.hears(input, &mut emitted);
        let order = self.machine.on(self.now, input, &mut emitted);
        self.truth.follows(input, order, &mut emitted);
        for what in emitted {
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
    fn go_on(&mut self, order: JobOrder) -> JobOrder {
        if self.draw.below(6) == 0 {
            let (seat, bits) = (self.draw.below(4) as usize, self.draw.next_u64());
            let live = !matches!(self.machine.phase(), JobPhase::Waiting | JobPhase::Restart);
            let seat = Some(seat).filter(|_| live);
            self.truth.strike(NODE, seat, bits, &mut Vec::new());
        }
        let fails = self.draw.below(12) == 0;
        let span = match order {
            JobOrder::Compute(span) if fails => Span(self.draw.below(span.0)),
            JobOrder::Compute(span) => span,
            _ => Span(3),
        };
        self.now = self.now + span;
        if matches!(order, JobOrder::Compute(_)) {
            self.at_risk += span;
        }
        if fails {
            return self.step(Input::Failed(NODE));
        }
        let missed = self.draw.unit() >= self.coverage;
        self.step(match order {
            JobOrder::Wait => Input::Placed,
            JobOrder::Compute(_) => Input::StepDone,
            JobOrder::Write => Input::Written,
            JobOrder::Read => Input::Read,
            JobOrder::Verify if self.truth.is_clean() || missed => Input::Verified,
            JobOrder::Verify => Input::Corrupt(NODE),
            JobOrder::Finish => unreachable!("it is over"),
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
    let mut order = JobOrder::Wait;
    while order != JobOrder::Finish {
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

/// What becomes of strikes on seat 0 of three nodes, if so many live when the order is over.
fn voted(compare: Compare, struck: &[u32], living: usize) -> (Vec<CorruptionAct>, bool) {
    let checks = Checks { abft: None, compare };
    let (mut truth, mut emitted) = (Corruption::new(2, 1, 1).checking(checks), Vec::new());
    for &node in struck {
        truth.strike(NodeId(node), Some(0), 0, &mut emitted);
    }
    emitted.clear();
    let caught = truth.look(Input::StepDone, |_| living, &mut emitted);
    (acts(&emitted).into_iter().map(|(_, act)| act).collect(), caught.is_some())
}

#[test]
fn pairs_detect_and_the_majority_of_three_corrects_the_third() {
    use CorruptionAct::{Correct, Detect};
    assert_eq!(voted(Compare::Vote, &[4], 3), (vec![Detect, Correct], false));
    assert!(!voted(Compare::Vote, &[4, 4], 3).1, "twice on one node is one that differs");
    assert_eq!(voted(Compare::Detect, &[4], 3), (vec![Detect], true));
    assert_eq!(voted(Compare::Vote, &[4], 2), (vec![Detect], true));
    assert_eq!(voted(Compare::Vote, &[4, 5], 3), (vec![Detect, Detect], true), "no majority");
    assert_eq!(voted(Compare::Vote, &[4, 5, 6], 3), (vec![Detect; 3], true));
    assert_eq!(voted(Compare::Detect, &[4], 1), (vec![], false), "nobody to compare with");
    assert_eq!(voted(Compare::Never, &[4], 3), (vec![], false));
}

#[test]
fn what_passed_one_look_is_the_seats_own_and_passes_all_later_ones() {
    let checks = Checks { abft: Some(Found::Correct), compare: Compare::Detect };
    let (mut truth, mut emitted) = (Corruption::new(3, 1, 1).checking(checks), Vec::new());
    truth.strike(NODE, Some(0), 0, &mut emitted);
    assert_eq!(truth.look(Input::StepDone, |_| 1, &mut emitted), None);
    truth.exchange();
    assert_eq!(truth.look(Input::StepDone, |_| 2, &mut emitted), None, "both have read the same");
    assert!(truth.is_corrupt(1), "it has gone on to the next");
}

#[test]
fn what_a_dead_replica_alone_had_is_gone_with_it() {
    use CorruptionAct::{Discard, Strike};
    let checks = Checks { abft: None, compare: Compare::Detect };
    let (mut truth, mut emitted) = (Corruption::new(2, 1, 1).checking(checks), Vec::new());
    truth.strike(NodeId(1), Some(0), 0, &mut emitted);
    truth.strike(NodeId(2), Some(1), 0, &mut emitted);
    truth.absorbed(NodeId(1), &mut emitted);
    assert_eq!(acts(&emitted), [(1, Strike), (2, Strike), (1, Discard)]);
    assert!(!truth.is_corrupt(0) && truth.is_corrupt(1));
}

/// Node 1 is struck while the checkpoint is written that nobody can compare yet: its partner reads
/// the clean checkpoint, and the two differ when it has.
#[test]
fn a_survivor_keeps_its_memory_while_another_takes_the_dead_place() {
    use CorruptionAct::{Detect, Strike};
    let checks = Checks { abft: None, compare: Compare::Detect };
    let (mut truth, mut emitted) = (Corruption::new(2, 1, 1).checking(checks), Vec::new());
    truth.saved(1);
    truth.strike(NodeId(1), Some(0), 0, &mut emitted);
    truth.committed();
    truth.hears(Input::WrittenForReplicas, &mut emitted);
    assert_eq!(truth.look(Input::Read, |_| 2, &mut emitted), Some(NodeId(1)));
    truth.follows(Input::Read, JobOrder::Compute(Span(1)), &mut emitted);
    assert_eq!(acts(&emitted), [(1, Strike), (1, Detect)], "reading has not healed it");
    truth.follows(Input::Caught(NodeId(1)), JobOrder::Read, &mut emitted);
    truth.follows(Input::Read, JobOrder::Compute(Span(1)), &mut emitted);
    assert!(truth.is_clean(), "now all have read");
}
