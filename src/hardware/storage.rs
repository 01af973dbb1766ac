//! The file server's request capacity: requests queue for the disk before their first byte moves.
//!
//! The disk's rate is a link of the fabric; this is the cost that does not depend on size.

use crate::units::{Span, Time};

/// The queue of file requests at one disk.
#[derive(Clone, Copy, Debug, Default)]
pub struct RequestQueue {
    free_at: Time,
}

impl RequestQueue {
    /// Admits `count` requests that arrive together at `now`, each costing `cost`; says when the
    /// last of them may start to move bytes. O(1).
    pub fn admit(&mut self, now: Time, count: u32, cost: Span) -> Time {
        let start = self.free_at.max(now);
        let ready = start + Span(cost.0.saturating_mul(u64::from(count)));
        self.free_at = ready;
        ready
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_wait_for_those_before_them() {
        let mut queue = RequestQueue::default();
        assert_eq!(queue.admit(Time(5), 2, Span(10)), Time(25));
        assert_eq!(queue.admit(Time(6), 1, Span(10)), Time(35));
        assert_eq!(queue.admit(Time(100), 3, Span(0)), Time(100));
    }
}
