//! The agenda against its slow and obvious twin, on random plays.

use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::engine::Agenda;
use crate::units::Time;

/// The slow and obvious twin: an ordered map from (time, sequence number).
#[derive(Default)]
struct Twin {
    now: u64,
    sequence: u64,
    pending: BTreeMap<(u64, u64), u32>,
}

impl Twin {
    fn schedule(&mut self, at: u64, event: u32) {
        self.sequence += 1;
        self.pending.insert((at, self.sequence), event);
    }

    fn pop(&mut self) -> Option<(Time, u32)> {
        let ((at, _), event) = self.pending.pop_first()?;
        self.now = at;
        Some((Time(at), event))
    }

    fn peek_time(&self) -> Option<Time> {
        self.pending.first_key_value().map(|((at, _), _)| Time(*at))
    }
}

#[derive(Clone, Debug)]
enum Operation {
    /// Schedules so many events, at now + delay + i * step.
    Schedule {
        n: u64,
        delay: u64,
        step: i64,
    },
    /// Pops so many, and schedules one per popped event after a delay below the bound.
    Hold {
        n: u64,
        bound: u64,
    },
    /// Pops so many.
    Pop(u64),
    Advance(u64),
    Peek,
}

/// Spans of every size: from the same instant to centuries.
fn delay() -> impl Strategy<Value = u64> {
    (0_u32..62, 0_u64..1 << 62).prop_map(|(scale, span)| span >> (62 - scale))
}

fn act() -> impl Strategy<Value = Operation> {
    let step = prop_oneof![Just(0_i64), Just(1), Just(-1), -1_000_i64..1_000_000];
    prop_oneof![
        4 => (1_u64..300, delay(), step)
            .prop_map(|(n, delay, step)| Operation::Schedule { n, delay, step }),
        2 => (1_u64..300, delay()).prop_map(|(n, bound)| Operation::Hold { n, bound }),
        2 => (1_u64..400).prop_map(Operation::Pop),
        1 => delay().prop_map(Operation::Advance),
        1 => Just(Operation::Peek),
    ]
}

struct Pair {
    agenda: Agenda<u32>,
    twin: Twin,
    events: u32,
}

impl Pair {
    fn schedule(&mut self, at: u64) {
        self.events += 1;
        self.agenda.schedule(Time(at), self.events);
        if at != u64::MAX {
            self.twin.schedule(at, self.events);
        }
    }

    fn pop(&mut self) -> Option<Time> {
        let popped = self.agenda.pop();
        assert_eq!(popped, self.twin.pop());
        assert_eq!(self.agenda.now().0, self.twin.now);
        popped.map(|(at, _)| at)
    }

    fn play(&mut self, act: &Operation) {
        let now = self.twin.now;
        match *act {
            Operation::Schedule { n, delay, step } => {
                let first = now.saturating_add(delay);
                for i in 0..n {
                    let at = first.saturating_add_signed(step * i.cast_signed());
                    self.schedule(at.max(now));
                }
            }
            Operation::Hold { n, bound } => {
                for i in 0..n {
                    let Some(at) = self.pop() else { break };
                    let delay = (i + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) % (bound + 1);
                    self.schedule(at.0.saturating_add(delay));
                }
            }
            Operation::Pop(n) => {
                for _ in 0..n {
                    self.pop();
                }
            }
            Operation::Advance(delay) => {
                let next = self.twin.peek_time().map_or(u64::MAX - 1, |next| next.0);
                let to = now.saturating_add(delay).min(next);
                self.agenda.advance_to(Time(to));
                self.twin.now = to;
            }
            Operation::Peek => assert_eq!(self.agenda.peek_time(), self.twin.peek_time()),
        }
        assert_eq!(self.agenda.len(), self.twin.pending.len());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None,
        rng_seed: proptest::test_runner::RngSeed::Fixed(2), ..ProptestConfig::default() })]
    #[test]
    fn the_agenda_does_what_its_slow_twin_does(acts in prop::collection::vec(act(), 1..60)) {
        let mut pair = Pair { agenda: Agenda::new(), twin: Twin::default(), events: 0 };
        for act in &acts {
            pair.play(act);
        }
        while pair.pop().is_some() {}
        prop_assert!(pair.agenda.is_empty());
    }
}
