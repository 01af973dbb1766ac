//! Heaps of arity four: one that knows where its members are, and one of finish marks.

use super::clock::Mark;

/// No member, no place, no parent.
pub(super) const NONE: u32 = u32::MAX;
/// Set in the name of a member that is a group; a name without it is a link or a clock.
pub(super) const GROUP: u32 = 1 << 31;

/// What a [`KeyHeap`] orders by.
pub(super) trait Key: Copy {
    /// Whether this key belongs strictly nearer to the top than `other`.
    fn before(&self, other: &Self) -> bool;
}

/// A [`Mark`] without the 16-byte alignment, so that an entry of a heap takes 24 bytes, not 32.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Packed {
    high: i64,
    low: u64,
}

impl From<Mark> for Packed {
    fn from(mark: Mark) -> Self {
        Self { high: (mark >> 64) as i64, low: mark as u64 }
    }
}

impl From<Packed> for Mark {
    fn from(packed: Packed) -> Self {
        (Self::from(packed.high) << 64) | Self::from(packed.low)
    }
}

impl Key for Packed {
    fn before(&self, other: &Self) -> bool {
        Mark::from(*self) < Mark::from(*other)
    }
}

/// Where each member stands in the one heap (of a kind) that may hold it.
#[derive(Clone, Debug, Default)]
pub(super) struct Places {
    links: Vec<u32>,
    groups: Vec<u32>,
}

impl Places {
    /// The place of a member, or [`NONE`].
    pub(super) fn of(&self, member: u32) -> u32 {
        let places = if member & GROUP == 0 { &self.links } else { &self.groups };
        places.get((member & !GROUP) as usize).copied().unwrap_or(NONE)
    }

    fn set(&mut self, member: u32, place: u32) {
        let places = if member & GROUP == 0 { &mut self.links } else { &mut self.groups };
        let index = (member & !GROUP) as usize;
        if index >= places.len() {
            places.resize(index + 1, NONE);
        }
        places[index] = place;
    }

    pub(super) fn heap_bytes(&self) -> usize {
        4 * (self.links.capacity() + self.groups.capacity())
    }
}

/// The child of `place` that belongs nearest to the top.
fn best_below<T>(items: &[T], place: usize, before: impl Fn(&T, &T) -> bool) -> Option<usize> {
    let first = 4 * place + 1;
    if let Some([a, b, c, d]) = items.get(first..first + 4) {
        // Two pairs, then their winners: shorter chains of comparisons than one by one.
        let left = usize::from(before(b, a));
        let right = 2 + usize::from(before(d, c));
        let best = if before(&items[first + right], &items[first + left]) { right } else { left };
        return Some(first + best);
    }
    let last = first + 1..items.len();
    (first < items.len()).then(|| {
        last.fold(first, |best, next| if before(&items[next], &items[best]) { next } else { best })
    })
}

/// A heap whose members can be given another key or taken out.
#[derive(Clone, Debug)]
pub(super) struct KeyHeap<K> {
    items: Vec<(K, u32)>,
}

impl<K> Default for KeyHeap<K> {
    fn default() -> Self {
        Self { items: Vec::new() }
    }
}

impl<K: Key> KeyHeap<K> {
    /// The first key and whose it is.
    pub(super) fn top(&self) -> Option<(K, u32)> {
        self.items.first().copied()
    }

    /// Gives `member` the key, or takes it out if there is none.
    pub(super) fn put(&mut self, places: &mut Places, member: u32, key: Option<K>) {
        let place = places.of(member);
        match key {
            Some(key) if place == NONE => {
                self.items.push((key, member));
                self.rise(places, self.items.len() - 1);
            }
            Some(key) => {
                let place = place as usize;
                let old = self.items[place].0;
                self.items[place].0 = key;
                if key.before(&old) {
                    self.rise(places, place);
                } else if old.before(&key) {
                    self.sink(places, place);
                }
            }
            None if place == NONE => {}
            None => self.remove(places, place as usize),
        }
    }

    fn remove(&mut self, places: &mut Places, place: usize) {
        let (key, member) = self.items.swap_remove(place);
        places.set(member, NONE);
        if place < self.items.len() {
            if self.items[place].0.before(&key) {
                self.rise(places, place);
            } else {
                self.sink(places, place);
            }
        }
    }

    fn rise(&mut self, places: &mut Places, mut place: usize) {
        let item = self.items[place];
        while place > 0 {
            let above = (place - 1) / 4;
            if !item.0.before(&self.items[above].0) {
                break;
            }
            self.items[place] = self.items[above];
            places.set(self.items[place].1, place as u32);
            place = above;
        }
        self.items[place] = item;
        places.set(item.1, place as u32);
    }

    fn sink(&mut self, places: &mut Places, mut place: usize) {
        let item = self.items[place];
        while let Some(best) = best_below(&self.items, place, |a, b| a.0.before(&b.0)) {
            if !self.items[best].0.before(&item.0) {
                break;
            }
            self.items[place] = self.items[best];
            places.set(self.items[place].1, place as u32);
            place = best;
        }
        self.items[place] = item;
        places.set(item.1, place as u32);
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.items.capacity() * size_of::<(K, u32)>()
    }
}

/// A bundle's place in a [`MarkHeap`]; it is stale once the bundle's stamp has moved on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) mark: Packed,
    pub(super) flow: u32,
    pub(super) stamp: u32,
}

/// Finish marks of flows of one group. Members cannot be taken out from the middle: whoever
/// leaves early makes its entry stale, which spares one random memory access per step.
#[derive(Clone, Debug, Default)]
pub(super) struct MarkHeap {
    items: Vec<Entry>,
}

impl MarkHeap {
    pub(super) fn top(&self) -> Option<Entry> {
        self.items.first().copied()
    }

    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    pub(super) fn push(&mut self, entry: Entry) {
        let mut place = self.items.len();
        self.items.push(entry);
        while place > 0 {
            let above = (place - 1) / 4;
            if self.items[above].mark <= entry.mark {
                break;
            }
            self.items[place] = self.items[above];
            place = above;
        }
        self.items[place] = entry;
    }

    pub(super) fn pop(&mut self) {
        let Some(last) = self.items.pop() else { return };
        if !self.items.is_empty() {
            self.sink(0, last);
        }
    }

    /// Drops all entries that are stale.
    pub(super) fn retain(&mut self, keep: impl Fn(&Entry) -> bool) {
        self.items.retain(keep);
        for place in (0..self.items.len().div_ceil(4)).rev() {
            self.sink(place, self.items[place]);
        }
    }

    fn sink(&mut self, mut place: usize, item: Entry) {
        while let Some(best) = best_below(&self.items, place, |a, b| a.mark < b.mark) {
            if item.mark <= self.items[best].mark {
                break;
            }
            self.items[place] = self.items[best];
            place = best;
        }
        self.items[place] = item;
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.items.capacity() * size_of::<Entry>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Key for u64 {
        fn before(&self, other: &Self) -> bool {
            self < other
        }
    }

    /// A small generator for tests: Knuth's MMIX constants, upper half.
    fn draw(state: &mut u64) -> u64 {
        *state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        *state >> 33
    }

    #[test]
    fn a_key_heap_agrees_with_a_sorted_list() {
        let (mut heap, mut places) = (KeyHeap::<u64>::default(), Places::default());
        let mut twin = [None::<u64>; 40];
        let mut state = 1;
        for _ in 0..20_000 {
            let member = draw(&mut state) % 40;
            let key = (draw(&mut state) % 4 != 1).then(|| draw(&mut state) % 100);
            twin[member as usize] = key;
            heap.put(&mut places, member as u32, key);
            assert_eq!(heap.top().map(|(key, _)| key), twin.iter().flatten().min().copied());
            if let Some((key, member)) = heap.top() {
                assert_eq!(twin[member as usize], Some(key));
            }
        }
    }

    #[test]
    fn a_mark_heap_pops_in_order_also_after_a_purge() {
        let mut heap = MarkHeap::default();
        let mut state = 2;
        for flow in 0..1_000 {
            let mark = Packed::from(Mark::from(draw(&mut state) % 500) - 250);
            heap.push(Entry { mark, flow, stamp: 0 });
        }
        heap.retain(|entry| entry.flow % 3 > 0);
        let mut last = Packed::from(-251);
        let mut count = 0;
        while let Some(entry) = heap.top() {
            assert!(entry.mark >= last);
            last = entry.mark;
            count += 1;
            heap.pop();
        }
        assert_eq!(count, 666);
    }

    #[test]
    fn packing_keeps_values_and_their_order() {
        for pair in [-(1_i128 << 70), -1, 0, 1, 1 << 64, 1 << 100].windows(2) {
            assert_eq!(Mark::from(Packed::from(pair[0])), pair[0]);
            assert!(Packed::from(pair[0]) < Packed::from(pair[1]));
        }
    }
}
