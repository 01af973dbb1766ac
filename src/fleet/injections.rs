//! What harm an agent has done to its own node, and when it has to be undone.
//!
//! A harm that silences its own node and is known to end is over when its time is, by the agent's
//! own clock: nobody could reach it. Every other one is over when the controller was not heard for
//! the lease. Of what ended by itself the number is remembered, because a controller that was not
//! heard meanwhile asks for it again.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::{Instant, timeout};

use crate::fleet::ports::{Harm, InjectionOrder};

/// One million parts per million: a node at full speed.
pub(super) const WHOLE_PPM: u32 = 1_000_000;

/// The injections of an agent.
#[derive(Debug, Default)]
pub(super) struct Injections {
    done: BTreeMap<u64, (InjectionOrder, Instant)>,
    over: BTreeSet<u64>,
}

impl Injections {
    /// Whether an injection that the agent is ordered to do now is to be done: it is new.
    pub(super) fn accept(&mut self, injection: &InjectionOrder, now: Instant) -> bool {
        if self.over.contains(&injection.number) || self.done.contains_key(&injection.number) {
            return false;
        }
        self.done.insert(injection.number, (injection.clone(), now));
        true
    }

    /// An injection is to be undone, if it is done.
    pub(super) fn end(&mut self, number: u64) -> Option<InjectionOrder> {
        self.done.remove(&number).map(|(injection, _)| injection)
    }

    /// Another run begins: its numbers are others.
    pub(super) fn forget(&mut self) {
        self.over.clear();
    }

    /// When the first has to be undone, if the controller is not heard after `answered`.
    pub(super) fn next(&self, answered: Instant) -> Option<Instant> {
        self.done.values().map(|(injection, since)| due(injection, *since, answered)).min()
    }

    /// Those that have to be undone now.
    pub(super) fn over(&mut self, now: Instant, answered: Instant) -> Vec<InjectionOrder> {
        let due =
            self.done.values().filter(|(injection, since)| due(injection, *since, answered) <= now);
        let all: Vec<_> = due.map(|(injection, _)| injection.clone()).collect();
        for injection in &all {
            self.done.remove(&injection.number);
            if injection.silences() {
                self.over.insert(injection.number);
            }
        }
        all
    }

    /// The share of its speed that they leave to the node (ppm): the smallest counts.
    pub(super) fn speed(&self) -> u32 {
        self.done.values().map(|(injection, _)| injection.means.speed()).min().unwrap_or(WHOLE_PPM)
    }

    /// All of them, when the agent leaves.
    pub(super) fn all(&mut self) -> Vec<InjectionOrder> {
        std::mem::take(&mut self.done).into_values().map(|(injection, _)| injection).collect()
    }
}

fn due(injection: &InjectionOrder, since: Instant, answered: Instant) -> Instant {
    let own = injection.lasts.filter(|_| injection.silences());
    match own {
        Some(lasts) => since + Duration::from_nanos(lasts.0),
        None => answered + Duration::from_nanos(injection.lease.0),
    }
}

/// Does harm, or says why not; what was begun is undone then.
pub(super) async fn harm(
    actuators: &impl Harm,
    injection: &InjectionOrder,
    patience: Duration,
) -> Result<(), String> {
    let why = match timeout(patience, actuators.do_harm(injection)).await {
        Ok(Ok(())) => return Ok(()),
        Ok(Err(error)) => error.to_string(),
        Err(_) => "it took too long".to_owned(),
    };
    undo(actuators, injection, patience).await;
    Err(why)
}

/// Undoes harm. What is left is undone by the keeper or by the next start.
pub(super) async fn undo(actuators: &impl Harm, injection: &InjectionOrder, patience: Duration) {
    let _ = timeout(patience, actuators.undo(injection)).await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Fault;
    use crate::fleet::ports::Means;
    use crate::ids::{FaultId, Part, PartKind};
    use crate::units::Span;

    fn injection(number: u64, kind: Fault, means: Means, lasts: Option<u64>) -> InjectionOrder {
        let part = Part { kind: PartKind::Node, index: 0 };
        let (lasts, lease) = (lasts.map(Span::from_secs), Span::from_secs(10));
        InjectionOrder { number, fault: FaultId(0), kind, part, lasts, lease, means }
    }

    fn numbers(injections: &[InjectionOrder]) -> Vec<u64> {
        injections.iter().map(|injection| injection.number).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn a_cut_ends_when_its_time_is_over_and_a_load_when_the_lease_is() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut injections = Injections::default();
        let cut = injection(1, Fault::LinkDegradation, Means::Cut { but: Vec::new() }, Some(60));
        let load = injection(2, Fault::Load, Means::Usual, Some(60));
        assert!(injections.accept(&cut, at(0)) && injections.accept(&load, at(0)));
        assert!(!injections.accept(&cut, at(1)), "it is done");
        assert_eq!(injections.next(at(0)), Some(at(10)));
        assert_eq!(numbers(&injections.over(at(10), at(0))), [2]);
        assert_eq!(injections.next(at(0)), Some(at(60)), "nobody is heard in a cut");
        assert_eq!(numbers(&injections.over(at(60), at(0))), [1]);
        assert!(!injections.accept(&cut, at(61)), "it was done");
        assert!(injections.accept(&load, at(61)), "its controller was gone, not its time");
        injections.forget();
        assert!(injections.accept(&cut, at(62)), "another run's");
    }

    #[tokio::test(start_paused = true)]
    async fn a_cut_without_an_end_has_that_of_the_lease() {
        let start = Instant::now();
        let mut injections = Injections::default();
        let cut = injection(1, Fault::LinkDegradation, Means::Cut { but: Vec::new() }, None);
        assert!(injections.accept(&cut, start));
        assert_eq!(injections.next(start), Some(start + Duration::from_secs(10)));
        assert_eq!(injections.end(1), Some(cut));
        assert_eq!((injections.end(1), injections.next(start)), (None, None));
    }
}
