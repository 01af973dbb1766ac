//! What harm an agent has done to its own node, and when it has to be undone.
//!
//! A harm that silences its own node and is known to end is over when its time is, by the agent's
//! own clock: nobody could tell it. Every other one is over when the controller was not heard for
//! the lease. Of what ended by itself the number is remembered, because a controller that was not
//! heard meanwhile asks for it again.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::{Instant, timeout};

use crate::fleet::doors::{Deed, Harm};

/// One million parts per million: a node at full speed.
pub(super) const WHOLE_PPM: u32 = 1_000_000;

/// The deeds of an agent.
#[derive(Debug, Default)]
pub(super) struct Deeds {
    done: BTreeMap<u64, (Deed, Instant)>,
    over: BTreeSet<u64>,
}

impl Deeds {
    /// Whether a deed that the agent is told to do now is to be done: it is new.
    pub(super) fn told(&mut self, deed: &Deed, now: Instant) -> bool {
        if self.over.contains(&deed.number) || self.done.contains_key(&deed.number) {
            return false;
        }
        self.done.insert(deed.number, (deed.clone(), now));
        true
    }

    /// A deed is to be undone, if it is done.
    pub(super) fn end(&mut self, number: u64) -> Option<Deed> {
        self.done.remove(&number).map(|(deed, _)| deed)
    }

    /// Another run begins: its numbers are others.
    pub(super) fn forget(&mut self) {
        self.over.clear();
    }

    /// When the first has to be undone, if the controller is not heard after `answered`.
    pub(super) fn next(&self, answered: Instant) -> Option<Instant> {
        self.done.values().map(|(deed, since)| due(deed, *since, answered)).min()
    }

    /// Those that have to be undone now.
    pub(super) fn over(&mut self, now: Instant, answered: Instant) -> Vec<Deed> {
        let due = self.done.values().filter(|(deed, since)| due(deed, *since, answered) <= now);
        let all: Vec<_> = due.map(|(deed, _)| deed.clone()).collect();
        for deed in &all {
            self.done.remove(&deed.number);
            if deed.silences() {
                self.over.insert(deed.number);
            }
        }
        all
    }

    /// The share of its speed that they leave to the node (ppm): the smallest counts.
    pub(super) fn speed(&self) -> u32 {
        self.done.values().map(|(deed, _)| deed.means.speed()).min().unwrap_or(WHOLE_PPM)
    }

    /// All of them, when the agent leaves.
    pub(super) fn all(&mut self) -> Vec<Deed> {
        std::mem::take(&mut self.done).into_values().map(|(deed, _)| deed).collect()
    }
}

fn due(deed: &Deed, since: Instant, answered: Instant) -> Instant {
    let own = deed.lasts.filter(|_| deed.silences());
    match own {
        Some(lasts) => since + Duration::from_nanos(lasts.0),
        None => answered + Duration::from_nanos(deed.lease.0),
    }
}

/// Does harm, or says why not; what was begun is undone then.
pub(super) async fn harm(hands: &impl Harm, deed: &Deed, patience: Duration) -> Result<(), String> {
    let why = match timeout(patience, hands.do_harm(deed)).await {
        Ok(Ok(())) => return Ok(()),
        Ok(Err(error)) => error.to_string(),
        Err(_) => "it took too long".to_owned(),
    };
    undo(hands, deed, patience).await;
    Err(why)
}

/// Undoes harm. What is left is undone by the keeper or by the next start.
pub(super) async fn undo(hands: &impl Harm, deed: &Deed, patience: Duration) {
    let _ = timeout(patience, hands.undo(deed)).await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Fault;
    use crate::fleet::doors::Means;
    use crate::ids::{FaultId, Part, PartKind};
    use crate::units::Span;

    fn deed(number: u64, kind: Fault, means: Means, lasts: Option<u64>) -> Deed {
        let part = Part { kind: PartKind::Node, index: 0 };
        let (lasts, lease) = (lasts.map(Span::from_secs), Span::from_secs(10));
        Deed { number, fault: FaultId(0), kind, part, lasts, lease, means }
    }

    fn numbers(deeds: &[Deed]) -> Vec<u64> {
        deeds.iter().map(|deed| deed.number).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn a_cut_ends_when_its_time_is_over_and_a_load_when_the_lease_is() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut deeds = Deeds::default();
        let cut = deed(1, Fault::LinkDegradation, Means::Cut { but: Vec::new() }, Some(60));
        let load = deed(2, Fault::Load, Means::Usual, Some(60));
        assert!(deeds.told(&cut, at(0)) && deeds.told(&load, at(0)));
        assert!(!deeds.told(&cut, at(1)), "it is done");
        assert_eq!(deeds.next(at(0)), Some(at(10)));
        assert_eq!(numbers(&deeds.over(at(10), at(0))), [2]);
        assert_eq!(deeds.next(at(0)), Some(at(60)), "nobody is heard in a cut");
        assert_eq!(numbers(&deeds.over(at(60), at(0))), [1]);
        assert!(!deeds.told(&cut, at(61)), "it was done");
        assert!(deeds.told(&load, at(61)), "its controller was gone, not its time");
        deeds.forget();
        assert!(deeds.told(&cut, at(62)), "another run's");
    }

    #[tokio::test(start_paused = true)]
    async fn a_cut_without_an_end_has_that_of_the_lease() {
        let start = Instant::now();
        let mut deeds = Deeds::default();
        let cut = deed(1, Fault::LinkDegradation, Means::Cut { but: Vec::new() }, None);
        assert!(deeds.told(&cut, start));
        assert_eq!(deeds.next(start), Some(start + Duration::from_secs(10)));
        assert_eq!(deeds.end(1), Some(cut));
        assert_eq!((deeds.end(1), deeds.next(start)), (None, None));
    }
}
