//! Says what parallel runs have to say in the order of the command line.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Holds back what comes too early.
#[derive(Debug)]
pub(super) struct InOrder<T> {
    state: Mutex<State<T>>,
}

#[derive(Debug)]
struct State<T> {
    next: usize,
    early: BTreeMap<usize, T>,
}

impl<T> InOrder<T> {
    /// Nothing said yet; number 0 comes first.
    pub(super) fn new() -> Self {
        Self { state: Mutex::new(State { next: 0, early: BTreeMap::new() }) }
    }

    /// Takes number `index` and says it, and all that waited for it, when its turn has come.
    pub(super) fn take(&self, index: usize, said: T, mut say: impl FnMut(T)) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.early.insert(index, said);
        loop {
            let next = state.next;
            let Some(said) = state.early.remove(&next) else { break };
            say(said);
            state.next += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_early_waits_for_its_turn() {
        let order = InOrder::new();
        let mut said = Vec::new();
        order.take(2, 'c', |one| said.push(one));
        order.take(0, 'a', |one| said.push(one));
        assert_eq!(said, ['a']);
        order.take(1, 'b', |one| said.push(one));
        assert_eq!(said, ['a', 'b', 'c']);
    }
}
