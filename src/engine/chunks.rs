//! Many growing lists of events in one block of memory, so that no event is allocated by itself.

/// Entries in a chunk.
const CHUNK: u32 = 32;
/// No chunk.
const NIL: u32 = u32::MAX;

/// One pending event.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry<E> {
    /// When it is due (ns).
    pub(super) at: u64,
    /// What it is.
    pub(super) event: E,
}

/// A list of entries, in the order in which they were pushed.
#[derive(Clone, Copy, Debug)]
pub(super) struct List {
    /// First chunk.
    head: u32,
    /// The cell that is written next; a multiple of [`CHUNK`] if a new chunk is needed first.
    write: u32,
    /// Entries.
    pub(super) len: u32,
}

/// The memory of all lists: cells in chunks, chunks linked to lists.
#[derive(Clone, Debug)]
pub(super) struct Chunks<E> {
    cells: Vec<Entry<E>>,
    /// For each chunk the next one of its list.
    next: Vec<u32>,
    /// Chunks of no list, linked by `next`. The one freed last is used first: it is in the cache.
    free: u32,
}

impl List {
    pub(super) const EMPTY: Self = Self { head: NIL, write: 0, len: 0 };
}

impl<E: Copy> Chunks<E> {
    pub(super) const fn new() -> Self {
        Self { cells: Vec::new(), next: Vec::new(), free: NIL }
    }

    /// Appends an entry to a list.
    #[inline]
    pub(super) fn push(&mut self, list: &mut List, entry: Entry<E>) {
        if list.write.is_multiple_of(CHUNK) {
            self.lengthen(list, entry);
        }
        self.cells[list.write as usize] = entry;
        list.write += 1;
        list.len += 1;
    }

    /// Gives a list, which is new or whose last chunk is full, one more chunk.
    #[cold]
    #[inline(never)]
    fn lengthen(&mut self, list: &mut List, filler: Entry<E>) {
        let chunk = if self.free == NIL {
            let chunk = u32::try_from(self.next.len()).expect("fewer than 2^32 chunks");
            assert!(chunk < NIL / CHUNK, "the agenda holds fewer than 2^32 events");
            self.next.push(NIL);
            self.cells.resize(self.cells.len() + CHUNK as usize, filler);
            chunk
        } else {
            let chunk = self.free;
            self.free = self.next[chunk as usize];
            chunk
        };
        self.next[chunk as usize] = NIL;
        if list.len == 0 {
            list.head = chunk;
        } else {
            self.next[((list.write - 1) / CHUNK) as usize] = chunk;
        }
        list.write = chunk * CHUNK;
    }

    /// Takes the first chunk's entries off a list, in order, and passes each to `f` together with
    /// these chunks, so that `f` can push it to another list. `false` if the list was empty.
    #[inline]
    pub(super) fn shift(
        &mut self,
        list: &mut List,
        mut f: impl FnMut(&mut Self, Entry<E>),
    ) -> bool {
        if list.len == 0 {
            return false;
        }
        let (chunk, n) = (list.head, list.len.min(CHUNK));
        let first = (chunk * CHUNK) as usize;
        for cell in first..first + n as usize {
            let entry = self.cells[cell];
            f(self, entry);
        }
        list.len -= n;
        list.head = self.next[chunk as usize];
        self.next[chunk as usize] = self.free;
        self.free = chunk;
        if list.len == 0 {
            *list = List::EMPTY;
        }
        true
    }

    /// Moves all entries of a list to the end of `out`.
    #[inline]
    pub(super) fn pour(&mut self, list: &mut List, out: &mut Vec<Entry<E>>) {
        while list.len > 0 {
            let (chunk, n) = (list.head, list.len.min(CHUNK));
            let first = (chunk * CHUNK) as usize;
            out.extend_from_slice(&self.cells[first..first + n as usize]);
            list.len -= n;
            list.head = self.next[chunk as usize];
            self.next[chunk as usize] = self.free;
            self.free = chunk;
        }
        *list = List::EMPTY;
    }

    /// The earliest and the latest time in a list that is not empty.
    pub(super) fn bounds(&self, list: &List) -> (u64, u64) {
        let (mut low, mut high) = (u64::MAX, 0);
        let (mut chunk, mut left) = (list.head, list.len);
        while left > 0 {
            let n = left.min(CHUNK);
            let first = (chunk * CHUNK) as usize;
            for entry in &self.cells[first..first + n as usize] {
                low = low.min(entry.at);
                high = high.max(entry.at);
            }
            left -= n;
            chunk = self.next[chunk as usize];
        }
        (low, high)
    }
}
