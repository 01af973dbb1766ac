//! The machine of groups by hand, and compared with a slow twin.

use proptest::prelude::*;

use super::*;
use crate::protocol::Input;

const STEP: Span = Span(10);

fn rules(groups: u32, interval: u64) -> Rules {
    Rules {
        groups,
        size: 2,
        interval: Span(interval),
        staggered: true,
        speedup_ppm: 2_000_000,
        last: false,
        initial: false,
    }
}

fn machine(steps: u64, rules: Rules) -> Logging {
    Logging::new(JobId(0), BulkSynchronous::new(steps, STEP, STEP), rules)
}

fn writers(emitted: &[What]) -> Vec<(u32, u64)> {
    let write = |what: &What| match *what {
        What::Group { group, act: GroupAct::Write, step, .. } => Some((group, step)),
        _ => None,
    };
    emitted.iter().filter_map(write).collect()
}

/// Drives a machine on its own clock; a write takes 3, a read 4.
fn go_on(
    machine: &mut Logging,
    now: &mut Time,
    order: JobOrder,
    emitted: &mut Vec<What>,
) -> JobOrder {
    let (span, input) = match order {
        JobOrder::Compute(span) => (span, Input::StepDone),
        JobOrder::Write => (Span(3), Input::Written),
        JobOrder::Read => (Span(4), Input::Read),
        JobOrder::Wait => (Span(5), Input::Placed),
        JobOrder::Verify | JobOrder::Finish => unreachable!("nothing goes on"),
    };
    *now = *now + span;
    machine.on(*now, input, emitted)
}

#[test]
fn staggered_groups_write_in_turn_and_the_others_at_once() {
    for (staggered, expected) in [
        (true, vec![(0, 2), (1, 4), (0, 6), (1, 8)]),
        (false, vec![(0, 4), (1, 4), (0, 8), (1, 8)]),
    ] {
        let mut job = machine(9, Rules { staggered, ..rules(2, 40) });
        let (mut now, mut emitted) = (Time::ZERO, Vec::new());
        let mut order = job.on(now, Input::Placed, &mut emitted);
        while order != JobOrder::Finish {
            order = go_on(&mut job, &mut now, order, &mut emitted);
        }
        assert_eq!(writers(&emitted), expected);
    }
}

/// Three steps, and the second group fails in the fourth: it has none but its start, and
/// computes three steps again in half the time, the fourth with all others.
#[test]
fn only_the_group_that_fails_goes_back_and_it_catches_up_at_its_own_speed() {
    let mut job = machine(9, Rules { staggered: false, ..rules(2, 80) });
    let (mut now, mut emitted) = (Time::ZERO, Vec::new());
    let mut order = job.on(now, Input::Placed, &mut emitted);
    for _ in 0..3 {
        order = go_on(&mut job, &mut now, order, &mut emitted);
    }
    assert_eq!(order, JobOrder::Compute(STEP));
    emitted.clear();
    job.strikes(2);
    let node = NodeId(7);
    let order = job.on(now + Span(6), Input::Failed(node), &mut emitted);
    assert_eq!(order, JobOrder::Wait);
    let (id, act) = (JobId(0), GroupAct::RollBack);
    let (phase, cause) = (JobPhase::Waiting, Cause::NodeFailure);
    assert_eq!(
        emitted,
        [
            What::Group { job: id, group: 1, act, number: 0, step: 0 },
            What::WorkLost { job: id, node, lost: Span(36) },
            What::JobPhase { job: id, phase, cause },
        ]
    );
    assert_eq!(job.on(Time(40), Input::Placed, &mut emitted), JobOrder::Compute(Span(5)));
    assert!(job.is_busy(1) && !job.is_busy(0));
    assert_eq!(job.on(Time(45), Input::StepDone, &mut emitted), JobOrder::Compute(Span(5)));
    assert_eq!(job.on(Time(50), Input::StepDone, &mut emitted), JobOrder::Compute(Span(5)));
    assert_eq!(job.on(Time(55), Input::StepDone, &mut emitted), JobOrder::Compute(STEP));
    assert!(job.is_busy(0) && job.phase() == JobPhase::Compute);
}

/// The first group has a checkpoint of step 2. Both fail after step 3: the second one computes
/// two steps again from the first one's log, and the third with it, in full time.
#[test]
fn groups_that_fail_together_recompute_together_what_no_log_holds() {
    let mut job = machine(9, rules(2, 40));
    let (mut now, mut emitted) = (Time::ZERO, Vec::new());
    let mut order = job.on(now, Input::Placed, &mut emitted);
    while job.done() < 3 {
        order = go_on(&mut job, &mut now, order, &mut emitted);
    }
    for seat in [0, 3] {
        job.strikes(seat);
        order = job.on(now, Input::Failed(NodeId(seat as u32)), &mut emitted);
    }
    let mut spans = Vec::new();
    while spans.len() < 4 {
        order = go_on(&mut job, &mut now, order, &mut emitted);
        if let JobOrder::Compute(span) = order {
            spans.push((span.0, job.is_busy(0), job.is_busy(1)));
        }
    }
    let (alone, both) = ((5, false, true), (10, true, true));
    assert_eq!(spans, [alone, alone, both, both]);
}

#[test]
fn a_log_reaches_back_to_the_oldest_checkpoint_and_a_single_group_has_none() {
    for (groups, expected) in [(1, vec![0, 0]), (2, vec![2, 4, 4, 4])] {
        let mut job = machine(9, rules(groups, 40));
        let (mut now, mut emitted, mut logged) = (Time::ZERO, Vec::new(), Vec::new());
        let mut order = job.on(now, Input::Placed, &mut emitted);
        while order != JobOrder::Finish {
            if order == JobOrder::Write {
                logged.push(job.logged());
            }
            order = go_on(&mut job, &mut now, order, &mut emitted);
        }
        assert_eq!(logged, expected);
    }
}

/// The slow and obvious twin: each group's memory is the list of what its steps took, a
/// checkpoint is a copy of it.
#[derive(Default, Clone)]
struct Twin {
    memory: Vec<u64>,
    saved: Vec<u64>,
    number: u64,
    writes: Option<u64>,
}

/// All groups, and what they were ordered to do.
struct Twins {
    rows: Vec<Twin>,
    /// Groups that compute again.
    again: BTreeSet<usize>,
}

impl Twins {
    fn hears(&mut self, what: What, failed: Option<usize>, computed: Option<u64>) {
        match what {
            What::Group { group, act, number, step, .. } => {
                let at = group as usize;
                let row = &mut self.rows[at];
                match act {
                    GroupAct::Write => {
                        assert_eq!(row.memory.len() as u64, step);
                        row.writes = Some(number);
                    }
                    GroupAct::RollBack => {
                        assert_eq!(Some(at), failed, "only who failed goes back");
                        assert_eq!((row.number, row.saved.len() as u64), (number, step));
                    }
                    GroupAct::Rework => {
                        assert_eq!(row.memory.len() as u64, step);
                        self.again.insert(at);
                    }
                }
            }
            What::WorkLost { lost, .. } => {
                let row = &mut self.rows[failed.expect("somebody failed")];
                let since: u64 = row.memory[row.saved.len()..].iter().sum();
                assert_eq!(lost.0, since + computed.unwrap_or(0));
                row.memory.clone_from(&row.saved);
            }
            What::Checkpoint { number, act, .. } => {
                for row in self.rows.iter_mut().filter(|row| row.writes.is_some()) {
                    assert_eq!(row.writes, Some(number));
                    match act {
                        CheckpointAct::Begin => continue,
                        CheckpointAct::Commit => {
                            row.saved.clone_from(&row.memory);
                            row.number = number;
                        }
                        _ => assert_eq!(act, CheckpointAct::Abandon),
                    }
                    row.writes = None;
                }
            }
            What::StepDone { step, .. } => {
                let least = self.rows.iter().map(|row| row.memory.len()).min();
                assert_eq!(least, Some(step as usize), "the job is where its last group is");
            }
            _ => {}
        }
    }

    /// A step of so long is done: by those that compute again, or by all.
    fn computes(&mut self, phase: JobPhase, span: u64) {
        for (number, row) in self.rows.iter_mut().enumerate() {
            if phase == JobPhase::Compute || self.again.contains(&number) {
                row.memory.push(span);
            }
        }
    }
}

proptest! {
    /// Each act: whether a group fails before the order is done, which one, and how far in.
    #[test]
    fn groups_restore_only_what_is_complete_and_lose_only_what_they_computed_since(
        groups in 1u32..5,
        interval in 5u64..60,
        staggered: bool,
        last: bool,
        initial: bool,
        acts in prop::collection::vec((0u8..3, 0usize..5, 0u64..5), 0..150),
    ) {
        let steps = 12;
        let rules = Rules { staggered, last, initial, ..rules(groups, interval) };
        let mut job = machine(steps, rules);
        let rows = vec![Twin::default(); groups as usize];
        let mut twins = Twins { rows, again: BTreeSet::new() };
        let (mut now, mut emitted) = (Time::ZERO, Vec::new());
        let mut order = job.on(now, Input::Placed, &mut emitted);
        let mut acts = acts.into_iter();
        while order != JobOrder::Finish {
            let (act, group, into) = acts.next().unwrap_or((1, 0, 0));
            let phase = job.phase();
            emitted.clear();
            if act == 0 {
                let group = group % groups as usize;
                let computes = matches!(phase, JobPhase::Compute | JobPhase::Rework)
                    && job.is_busy(group as u32);
                now = now + Span(into);
                job.strikes(2 * group + 1);
                order = job.on(now, Input::Failed(NodeId(1)), &mut emitted);
                twins.again.clear();
                for &what in &emitted {
                    twins.hears(what, Some(group), computes.then_some(into));
                }
                continue;
            }
            if let JobOrder::Compute(span) = order {
                twins.computes(phase, span.0);
            }
            order = go_on(&mut job, &mut now, order, &mut emitted);
            if job.phase() != JobPhase::Rework {
                twins.again.clear();
            }
            for &what in &emitted {
                twins.hears(what, None, None);
            }
        }
        prop_assert!(twins.rows.iter().all(|row| row.memory.len() as u64 == steps));
        prop_assert!(!last || twins.rows.iter().all(|row| row.saved.len() as u64 == steps));
    }
}
