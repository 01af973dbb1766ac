//! The ranks of a bulk-synchronous job on one node: real memory, real computing, a real checksum.
//!
//! Every rank holds `words` words. A step mixes each word with its neighbour and the number of the
//! step, sums the memory up, and mixes in the sum of the rank before it in the ring; so a wrong
//! word anywhere spreads to every rank, and the last sum says whether all steps were done, once
//! each, on the right memory. [`expected`] plays the whole ring in one loop.
//!
//! A seat that is to be verified holds its memory twice and computes on both: a rank whose two
//! memories differ was corrupted. Both take the sum that the rank before it really sent, so that
//! ranks that a corruption has only reached have two equal memories; the one that was struck has
//! not, in images neither. Not modelled: that the second memory is struck.

use crate::fleet::wire::Seat;
use crate::protocol::corruption::rank_of;

/// First word of a saved image.
const MAGIC: u64 = u64::from_be_bytes(*b"rsimage1");
/// Words of an image before its memory.
const HEAD: usize = 6;

/// The ranks of one seat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ranks {
    /// Number of the first rank in the whole job.
    first: u64,
    memories: Vec<Vec<u64>>,
    /// The same again, if the seat is to be verified.
    twins: Vec<Vec<u64>>,
    /// Steps that the memory holds.
    step: u64,
    /// Sums of the step under way, until the left neighbour's comes.
    sums: Vec<u64>,
}

impl Ranks {
    /// The memory before the first step.
    #[must_use]
    pub fn new(seat: &Seat) -> Self {
        let first = u64::from(seat.number) * u64::from(seat.ranks);
        let fill = |rank: u64| (0..u64::from(seat.words)).map(|i| mix(rank << 32 | i)).collect();
        let memories: Vec<_> = (first..first + u64::from(seat.ranks)).map(fill).collect();
        let twins = if seat.twin { memories.clone() } else { Vec::new() };
        Self { first, memories, twins, step: 0, sums: Vec::new() }
    }

    /// Steps that the memory holds.
    #[must_use]
    pub fn step(&self) -> u64 {
        self.step
    }

    /// Whether a step waits for the left neighbour's sum.
    #[must_use]
    pub fn waits(&self) -> bool {
        !self.sums.is_empty()
    }

    /// Whether the memory is that after this step, and none of the next one is in it.
    #[must_use]
    pub fn holds(&self, step: u64) -> bool {
        self.step == step && !self.waits()
    }

    /// Computes the next step; gives the sum for the right neighbour. Asked again before
    /// [`Self::receive`], it gives the same sum and computes nothing.
    pub fn compute(&mut self) -> u64 {
        if !self.waits() {
            let step = self.step + 1;
            self.sums = self.memories.iter_mut().map(|memory| advance(memory, step)).collect();
            for twin in &mut self.twins {
                advance(twin, step);
            }
        }
        *self.sums.last().expect("a seat has ranks")
    }

    /// Takes the left neighbour's sum: the step is done.
    pub fn receive(&mut self, sum: u64) {
        assert!(self.waits(), "a sum belongs to a step");
        let mut left = sum;
        for (rank, own) in std::mem::take(&mut self.sums).into_iter().enumerate() {
            let twin = self.twins.get_mut(rank);
            for memory in std::iter::once(&mut self.memories[rank]).chain(twin) {
                memory[0] = mix(memory[0] ^ left);
            }
            left = own;
        }
        self.step += 1;
    }

    /// One bit flips: which one of which rank, the draw says.
    pub fn flip(&mut self, draw: u64) {
        let rank = rank_of(draw, self.memories.len() as u64) as usize;
        let memory = &mut self.memories[rank];
        let word = (draw >> 8) % memory.len() as u64;
        memory[word as usize] ^= 1 << (draw % 64);
    }

    /// Whether both memories of each rank are the same.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.twins.is_empty() || self.twins == self.memories
    }

    /// The checksum of all memory.
    #[must_use]
    pub fn sum(&self) -> u64 {
        self.memories.iter().flatten().fold(self.first, |sum, &word| mix(sum ^ word))
    }

    /// The checksum of all that an image holds.
    fn seal(&self) -> u64 {
        self.twins.iter().flatten().fold(self.sum(), |sum, &word| mix(sum ^ word))
    }

    /// The memory as bytes, with its checksum.
    #[must_use]
    pub fn image(&self) -> Vec<u8> {
        assert!(!self.waits(), "an image holds whole steps");
        let (ranks, words) = (self.memories.len() as u64, self.memories[0].len() as u64);
        let head = [MAGIC, self.first, ranks, words, self.step, self.seal()];
        let memories = self.memories.iter().chain(&self.twins).flatten();
        let words = head.into_iter().chain(memories.copied());
        words.flat_map(u64::to_le_bytes).collect()
    }

    /// The memory from an image; `None` if it is not whole, or not this seat's at this step.
    #[must_use]
    pub fn from_image(bytes: &[u8], seat: &Seat, step: u64) -> Option<Self> {
        let (words, rest) = bytes.as_chunks();
        let words: Vec<_> = words.iter().map(|word| u64::from_le_bytes(*word)).collect();
        let first = u64::from(seat.number) * u64::from(seat.ranks);
        let head = [MAGIC, first, u64::from(seat.ranks), u64::from(seat.words), step];
        let (&sum, memory) = (words.get(HEAD - 1)?, words.get(HEAD..)?);
        let size = u64::from(seat.ranks) * u64::from(seat.words) * (1 + u64::from(seat.twin));
        if !rest.is_empty() || words[..HEAD - 1] != head || memory.len() as u64 != size {
            return None;
        }
        let mut memories: Vec<_> =
            memory.chunks(seat.words as usize).map(<[u64]>::to_vec).collect();
        let twins = memories.split_off(seat.ranks as usize);
        let ranks = Self { first, memories, twins, step, sums: Vec::new() };
        (ranks.seal() == sum).then_some(ranks)
    }
}

/// The result of a job from the sums of its seats, in order.
#[must_use]
pub fn result(sums: impl IntoIterator<Item = u64>) -> u64 {
    sums.into_iter().fold(0, |all, sum| mix(all ^ sum))
}

/// The result that a job of so many seats must have, computed in one place.
#[must_use]
pub fn expected(seat: &Seat, steps: u64) -> u64 {
    let seats = (0..seat.of).map(|number| Seat { number, ..seat.clone() });
    let mut nodes: Vec<_> = seats.map(|seat| Ranks::new(&seat)).collect();
    for _ in 0..steps {
        let mut sums: Vec<_> = nodes.iter_mut().map(Ranks::compute).collect();
        sums.rotate_right(1);
        for (node, sum) in nodes.iter_mut().zip(sums) {
            node.receive(sum);
        }
    }
    result(nodes.iter().map(Ranks::sum))
}

/// One step of one rank; gives its sum.
fn advance(memory: &mut [u64], step: u64) -> u64 {
    let mut left = memory[memory.len() - 1];
    let mut sum = step;
    for word in memory {
        let new = mix(*word ^ left.rotate_left(17) ^ step);
        left = *word;
        *word = new;
        sum = mix(sum ^ new);
    }
    sum
}

/// The finaliser of `SplitMix64`: Steele, Lea and Flood, "Fast splittable pseudorandom number
/// generators", 2014. A bijection in which every bit of the input moves half of the output's.
fn mix(x: u64) -> u64 {
    let x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::ports::Address;
    use crate::ids::NodeId;
    use crate::protocol::corruption::Corruption;

    fn seat(number: u32, of: u32, ranks: u32) -> Seat {
        let right = Address::new("right", 1);
        Seat { number, of, ranks, words: 8, right, more: Vec::new(), twin: false }
    }

    #[test]
    fn one_seat_of_six_ranks_computes_as_six_ranks_on_one_ring() {
        let mut alone = Ranks::new(&seat(0, 1, 6));
        let mut split: Vec<_> = (0..3).map(|n| Ranks::new(&seat(n, 3, 2))).collect();
        for _ in 0..5 {
            let sum = alone.compute();
            alone.receive(sum);
            let sums: Vec<_> = split.iter_mut().map(Ranks::compute).collect();
            for (n, ranks) in split.iter_mut().enumerate() {
                ranks.receive(sums[(n + 2) % 3]);
            }
        }
        let memories: Vec<_> = split.iter().flat_map(|ranks| ranks.memories.clone()).collect();
        assert_eq!(alone.memories, memories);
    }

    #[test]
    fn a_flipped_bit_anywhere_changes_the_result_and_no_image_hides_it() {
        let place = seat(1, 3, 2);
        let ranks = Ranks::new(&place);
        let image = ranks.image();
        assert_eq!(Ranks::from_image(&image, &place, 0), Some(ranks));
        for at in 0..image.len() {
            let mut broken = image.clone();
            broken[at] ^= 4;
            assert_eq!(Ranks::from_image(&broken, &place, 0), None, "byte {at}");
        }
        for cut in 0..image.len() {
            assert_eq!(Ranks::from_image(&image[..cut], &place, 0), None);
        }
        assert_eq!(Ranks::from_image(&image, &place, 1), None, "another step");
        assert_eq!(Ranks::from_image(&image, &seat(2, 3, 2), 0), None, "another seat");
    }

    /// A ring of these seats computes a step.
    fn step(nodes: &mut [Ranks]) {
        let mut sums: Vec<_> = nodes.iter_mut().map(Ranks::compute).collect();
        sums.rotate_right(1);
        for (node, sum) in nodes.iter_mut().zip(sums) {
            node.receive(sum);
        }
    }

    #[test]
    fn a_flip_spreads_as_the_pure_machine_says_and_only_its_own_seat_sees_it() {
        let seat = |number| Seat { twin: true, ..seat(number, 3, 2) };
        let ring = || (0..3).map(|number| Ranks::new(&seat(number))).collect::<Vec<_>>();
        for draw in [0, u64::MAX / 3, u64::MAX - 9] {
            let (mut clean, mut struck) = (ring(), ring());
            let mut truth = Corruption::new(3, 2, 1);
            step(&mut clean);
            step(&mut struck);
            struck[1].flip(draw);
            truth.strike(NodeId(1), Some(1), draw, &mut Vec::new());
            for _ in 0..7 {
                let differs = (0..6).map(|rank| {
                    struck[rank / 2].memories[rank % 2] != clean[rank / 2].memories[rank % 2]
                });
                let said = (0..6).map(|rank| truth.is_corrupt(rank));
                assert_eq!(differs.collect::<Vec<_>>(), said.collect::<Vec<_>>());
                let whole: Vec<_> = struck.iter().map(Ranks::is_whole).collect();
                assert_eq!(whole, [true, false, true]);
                step(&mut clean);
                step(&mut struck);
                truth.exchange();
            }
            let image = struck[1].image();
            let read = Ranks::from_image(&image, &seat(1), 8).expect("the image itself is whole");
            assert!(!read.is_whole(), "an image holds what was corrupt");
        }
    }

    #[test]
    fn a_step_too_few_or_too_many_shows_in_the_result() {
        let results: Vec<_> = (0..6).map(|steps| expected(&seat(0, 4, 2), steps)).collect();
        let mut distinct = results.clone();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), results.len());
    }

    #[test]
    fn a_step_ordered_twice_is_computed_once() {
        let mut ranks = Ranks::new(&seat(0, 1, 1));
        let sum = ranks.compute();
        assert_eq!(ranks.compute(), sum);
        ranks.receive(sum);
        assert_eq!(ranks.step(), 1);
        assert!(!ranks.waits());
    }
}
