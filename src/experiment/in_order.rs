//! Many things at a time, whose results are passed on in their order.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

/// Does `one` for each number below `count`, `jobs` at a time (by default one for each processor
/// core), and passes on what came of each in the order of the numbers, as soon as all before it are
/// passed on.
pub fn in_order<R: Send>(
    count: usize,
    jobs: Option<NonZero<usize>>,
    one: &(dyn Fn(usize) -> R + Sync),
    emit: &mut (dyn FnMut(R) + Send),
) {
    let next = AtomicUsize::new(0);
    let order = Mutex::new(Reorderer { next: 0, early: BTreeMap::new(), emit });
    let work = || {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= count {
                break;
            }
            let done = one(number);
            order.lock().unwrap_or_else(PoisonError::into_inner).take(number, done);
        }
    };
    let jobs = jobs.or_else(|| thread::available_parallelism().ok()).map_or(1, NonZero::get);
    thread::scope(|scope| {
        for _ in 1..jobs.min(count) {
            // Where the system has no thread left, fewer work.
            let _ = thread::Builder::new().spawn_scoped(scope, work);
        }
        work();
    });
}

/// Holds back what comes too early.
struct Reorderer<'t, R> {
    next: usize,
    early: BTreeMap<usize, R>,
    emit: &'t mut (dyn FnMut(R) + Send),
}

impl<R> Reorderer<'_, R> {
    /// Passes on what came of a number, and of all that waited for it, when its turn has come.
    fn take(&mut self, number: usize, done: R) {
        self.early.insert(number, done);
        while let Some(done) = self.early.remove(&self.next) {
            (self.emit)(done);
            self.next += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_early_waits_for_its_turn() {
        let mut emitted = Vec::new();
        let mut emit = |one| emitted.push(one);
        let mut order = Reorderer { next: 0, early: BTreeMap::new(), emit: &mut emit };
        order.take(2, 'c');
        order.take(0, 'a');
        assert_eq!(order.next, 1);
        order.take(1, 'b');
        assert_eq!(emitted, ['a', 'b', 'c']);
    }

    #[test]
    fn each_is_done_once_and_handed_on_in_order_whatever_the_threads() {
        for jobs in [1, 3, 64] {
            let mut emitted = Vec::new();
            in_order(50, NonZero::new(jobs), &|number| number * number, &mut |it| emitted.push(it));
            assert_eq!(emitted, (0..50).map(|number| number * number).collect::<Vec<_>>());
        }
        in_order(0, None, &|_| panic!("there is nothing to do"), &mut |()| ());
    }
}
