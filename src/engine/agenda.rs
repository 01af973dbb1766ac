//! The agenda: simulated time and the pending events, in the order of (time, sequence number).

use crate::engine::chunks::{Chunks, Entry, List};
use crate::units::Time;

/// A list of no more than so many entries is sorted as a whole instead of being split by time.
const SORT_MAX: u32 = 48;
/// Entries that a bucket of a new rung should hold.
const PER_BUCKET: u32 = 16;
/// The fewest and the most buckets of a rung, as powers of two.
const BUCKETS_MIN_LOG2: u32 = 4;
const BUCKETS_MAX_LOG2: u32 = 10;
/// The bottom is split when insertions let it grow beyond this.
const BOTTOM_MAX: usize = 128;
/// More rungs than this are taken down: a scan over them would be slow.
const RUNGS_MAX: usize = 40;

/// Simulated time and the pending events of type `E`.
///
/// Events come in the order of (time, sequence number), where the sequence number is that of their
/// scheduling. It is not stored: every list keeps the order in which its entries came, every split
/// and sort is stable, and at any moment all entries of one time are in one list.
///
/// It is a ladder queue (after Tang, Goh and Thng, "Ladder queue: an O(1) priority queue structure
/// for large-scale discrete event simulation", 2005). Times beyond all rungs lie unsorted in the
/// `top`. A rung divides a span of time into buckets of equal width; a bucket with many entries
/// becomes a finer rung when its time comes, one with few is sorted into the `bottom`, from
/// which events are popped. So an entry is moved a few times from one sequential memory to the
/// next, never sifted through a heap: amortised O(1) when times are spread at all, O(log n) rungs
/// of moves at worst, and the lists that are being written stay in the cache at a million pending
/// events. Widths follow the entries that are really there, so microseconds may stand next to years
/// and a million events at one instant.
#[derive(Clone, Debug)]
pub struct Agenda<E> {
    now: u64,
    /// Pending events.
    len: usize,
    /// Sorted by time; those before `head` are done. Holds all entries before `bottom_end`.
    bottom: Vec<Entry<E>>,
    head: usize,
    bottom_end: u64,
    /// The first `depth` rungs are in use, the deepest (last) comes first in time. Their ends do
    /// not grow with depth, and the deepest ends at or after `bottom_end`.
    rungs: Vec<Rung>,
    depth: usize,
    /// All entries at or after the end of the first rung.
    top: List,
    chunks: Chunks<E>,
}

/// A span of time in buckets of 2^`shift` ns, from `start`; what lies at or after `end` belongs to
/// the rung above, even if a bucket reaches further.
#[derive(Clone, Debug)]
struct Rung {
    start: u64,
    end: u64,
    shift: u32,
    /// The bucket that is being emptied; those before it are empty for good.
    current: usize,
    buckets: Vec<List>,
}

impl<E: Copy> Agenda<E> {
    /// An empty agenda at time zero.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            now: 0,
            len: 0,
            bottom: Vec::new(),
            head: 0,
            bottom_end: 0,
            rungs: Vec::new(),
            depth: 0,
            top: List::EMPTY,
            chunks: Chunks::new(),
        }
    }

    /// The time of the event popped last, or to which [`Agenda::advance_to`] moved.
    #[must_use]
    pub const fn now(&self) -> Time {
        Time(self.now)
    }

    /// Pending events.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether no event is pending.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds an event. At [`Time::NEVER`] nothing happens, ever: the event is dropped.
    /// Panics if `at` is in the past.
    #[inline]
    pub fn schedule(&mut self, at: Time, event: E) {
        assert!(at.0 >= self.now, "an event is scheduled in the past");
        if at != Time::NEVER {
            self.insert(Entry { at: at.0, event });
        }
    }

    /// The time of the next event.
    pub fn peek_time(&mut self) -> Option<Time> {
        if self.head == self.bottom.len() && !self.refill() {
            return None;
        }
        Some(Time(self.bottom[self.head].at))
    }

    /// Takes the next event and moves time to it.
    #[inline]
    pub fn pop(&mut self) -> Option<(Time, E)> {
        if self.head == self.bottom.len() && !self.refill() {
            return None;
        }
        let entry = self.bottom[self.head];
        self.head += 1;
        self.len -= 1;
        self.now = entry.at;
        Some((Time(entry.at), entry.event))
    }

    /// Moves time without an event. Panics if that is backwards or past a pending event.
    pub fn advance_to(&mut self, at: Time) {
        assert!(at.0 >= self.now, "time runs forward");
        assert!(self.peek_time().is_none_or(|next| at <= next), "an event is due before that");
        self.now = at.0;
    }

    /// Puts an entry where its time belongs.
    #[inline]
    fn insert(&mut self, entry: Entry<E>) {
        self.len += 1;
        if entry.at < self.bottom_end {
            return self.insert_bottom(entry);
        }
        for rung in self.rungs[..self.depth].iter_mut().rev() {
            if entry.at < rung.end {
                let bucket = ((entry.at - rung.start) >> rung.shift) as usize;
                return self.chunks.push(&mut rung.buckets[bucket], entry);
            }
        }
        self.chunks.push(&mut self.top, entry);
    }

    /// Inserts into the bottom, behind all entries of the same time.
    fn insert_bottom(&mut self, entry: Entry<E>) {
        let len = self.bottom.len();
        let at = self.head + self.bottom[self.head..].partition_point(|e| e.at <= entry.at);
        if self.head > 0 && at - self.head < len - at {
            // The shorter way: earlier entries move into the place of one that is done.
            self.bottom.copy_within(self.head..at, self.head - 1);
            self.head -= 1;
            self.bottom[at - 1] = entry;
        } else {
            self.bottom.insert(at, entry);
        }
        if self.bottom.len() - self.head > BOTTOM_MAX {
            self.split_bottom();
        } else if self.head > BOTTOM_MAX && self.bottom.len() == self.bottom.capacity() {
            self.bottom.drain(..self.head);
            self.head = 0;
        }
    }

    /// Moves the later half of a large bottom to a rung of its own, unless it has one time only.
    #[cold]
    fn split_bottom(&mut self) {
        let left = &self.bottom[self.head..];
        let first = left[0].at;
        if first == left[left.len() - 1].at {
            return;
        }
        let cut = left[left.len() / 2].at.max(first + 1);
        let kept = self.head + left.partition_point(|entry| entry.at < cut);
        let mut later = List::EMPTY;
        for &entry in &self.bottom[kept..] {
            self.chunks.push(&mut later, entry);
        }
        self.bottom.truncate(kept);
        // All of the bottom's span, not only up to its last entry: what lies between may be earlier
        // than the current bucket of the rung above.
        self.add_rung(later, cut, self.bottom_end - 1, self.bottom_end);
        self.bottom_end = cut;
        if self.depth > RUNGS_MAX {
            self.take_down();
        }
    }

    /// Fills the empty bottom with the next entries. `false` if there are none.
    fn refill(&mut self) -> bool {
        self.bottom.clear();
        self.head = 0;
        loop {
            let (mut list, limit) = if self.depth > 0 {
                let rung = &mut self.rungs[self.depth - 1];
                let Some(found) = rung.next_bucket() else {
                    self.depth -= 1;
                    continue;
                };
                found
            } else {
                (std::mem::replace(&mut self.top, List::EMPTY), u64::MAX)
            };
            if list.len <= SORT_MAX {
                self.chunks.pour(&mut list, &mut self.bottom);
                self.bottom.sort_by_key(|entry| entry.at);
                let latest = self.bottom.last().map_or(0, |entry| entry.at + 1);
                self.bottom_end = if limit == u64::MAX { latest } else { limit };
                return !self.bottom.is_empty();
            }
            let (earliest, latest) = self.chunks.bounds(&list);
            if earliest == latest {
                self.chunks.pour(&mut list, &mut self.bottom);
                self.bottom_end = earliest + 1;
                return true;
            }
            self.add_rung(list, earliest, latest, limit);
        }
    }

    /// Spreads a list, whose times lie from `start` to `latest`, over a new deepest rung that ends
    /// at or before `limit`.
    fn add_rung(&mut self, mut list: List, start: u64, latest: u64, limit: u64) {
        if self.depth == self.rungs.len() {
            self.rungs.push(Rung { start: 0, end: 0, shift: 0, current: 0, buckets: Vec::new() });
        }
        let rung = &mut self.rungs[self.depth];
        self.depth += 1;
        rung.lay_out(list.len, start, latest, limit);
        let Rung { shift, buckets, .. } = rung;
        while self.chunks.shift(&mut list, |chunks, entry| {
            chunks.push(&mut buckets[((entry.at - start) >> *shift) as usize], entry);
        }) {}
    }

    /// Puts all entries back to the top, in order.
    #[cold]
    fn take_down(&mut self) {
        let mut all = List::EMPTY;
        for &entry in &self.bottom[self.head..] {
            self.chunks.push(&mut all, entry);
        }
        self.bottom.clear();
        self.head = 0;
        self.bottom_end = 0;
        let buckets = self.rungs[..self.depth].iter_mut().rev().flat_map(|r| &mut r.buckets);
        for list in buckets.chain([&mut self.top]) {
            while self.chunks.shift(list, |chunks, entry| chunks.push(&mut all, entry)) {}
        }
        self.depth = 0;
        self.top = all;
    }
}

impl<E: Copy> Default for Agenda<E> {
    fn default() -> Self {
        Self::new()
    }
}

impl Rung {
    /// Chooses number and width of the buckets for so many entries from `start` to `latest`.
    fn lay_out(&mut self, entries: u32, start: u64, latest: u64, limit: u64) {
        let wanted = (entries / PER_BUCKET).max(1).next_power_of_two().trailing_zeros();
        let log2 = wanted.clamp(BUCKETS_MIN_LOG2, BUCKETS_MAX_LOG2);
        let bits = u64::BITS - (latest - start).leading_zeros();
        self.shift = bits.saturating_sub(log2);
        let width = 1_u64.checked_shl(self.shift + log2).unwrap_or(u64::MAX);
        self.start = start;
        self.end = start.saturating_add(width).min(limit);
        self.current = 0;
        self.buckets.clear();
        self.buckets.resize(1 << log2, List::EMPTY);
    }

    /// Takes the content of the next bucket that is not empty, and the time at which it ends.
    fn next_bucket(&mut self) -> Option<(List, u64)> {
        let ahead = self.buckets[self.current..].iter().position(|list| list.len > 0)?;
        self.current += ahead;
        let list = std::mem::replace(&mut self.buckets[self.current], List::EMPTY);
        let start = self.start + ((self.current as u64) << self.shift);
        Some((list, start.saturating_add(1 << self.shift).min(self.end)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_million_events_at_one_instant_come_in_the_order_of_their_scheduling() {
        let mut agenda = Agenda::new();
        for event in 0..1_000_000_u32 {
            agenda.schedule(Time(5), event);
        }
        for event in 0..1_000_000 {
            assert_eq!(agenda.pop(), Some((Time(5), event)));
            // A follower at the same instant and one right after it must not cost a shift of all.
            agenda.schedule(Time(5), 1_000_000 + event);
            agenda.schedule(Time(6 + u64::from(event % 2)), event);
        }
        for event in 1_000_000..2_000_000 {
            assert_eq!(agenda.pop(), Some((Time(5), event)));
        }
        for event in (0..1_000_000).step_by(2).chain((1..1_000_000).step_by(2)) {
            assert_eq!(agenda.pop(), Some((Time(6 + u64::from(event % 2)), event)));
        }
        assert_eq!(agenda.pop(), None);
    }

    #[test]
    fn ever_earlier_events_do_not_pile_up_rungs() {
        let mut agenda = Agenda::new();
        agenda.schedule(Time(1 << 40), 0);
        agenda.peek_time();
        for event in 1..200_000_u32 {
            agenda.schedule(Time((1 << 40) - u64::from(event)), event);
        }
        assert!(agenda.depth <= RUNGS_MAX);
        for event in (0..200_000).rev() {
            assert_eq!(agenda.pop().map(|(_, event)| event), Some(event));
        }
    }

    #[test]
    fn the_memory_of_one_timer_does_not_grow_with_time() {
        let mut agenda = Agenda::new();
        agenda.schedule(Time(u64::MAX - 1), 0);
        agenda.schedule(Time(0), 1);
        for _ in 0..1_000_000 {
            let (at, event) = agenda.pop().unwrap();
            agenda.schedule(Time(at.0 + 7), event);
        }
        assert!(agenda.bottom.capacity() < 10 * BOTTOM_MAX);
    }

    #[test]
    fn an_event_that_is_never_due_is_dropped() {
        let mut agenda = Agenda::new();
        agenda.schedule(Time::NEVER, 1);
        assert!(agenda.is_empty());
        assert_eq!(agenda.pop(), None);
        agenda.schedule(Time(u64::MAX - 1), 2);
        assert_eq!(agenda.pop(), Some((Time(u64::MAX - 1), 2)));
    }

    #[test]
    #[should_panic(expected = "in the past")]
    fn the_past_is_closed() {
        let mut agenda = Agenda::new();
        agenda.advance_to(Time(10));
        agenda.schedule(Time(9), ());
    }

    #[test]
    #[should_panic(expected = "due before that")]
    fn time_does_not_pass_over_an_event() {
        let mut agenda = Agenda::new();
        agenda.schedule(Time(9), ());
        agenda.advance_to(Time(10));
    }
}
