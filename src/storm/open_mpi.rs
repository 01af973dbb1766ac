//! Which algorithm Open MPI 4.1 takes for a collective operation, if nobody says so.
//!
//! The table is that of `ompi/mca/coll/tuned/coll_tuned_decision_fixed.c` of its branch v4.1, for
//! operations that commute, by ranks and by the bytes of a rank. Where it takes one that the model
//! has not, the one that sends most like it stands for it: a segmented ring is a ring, a chain or a
//! binary tree of two is linear, linear with few messages at a time is linear, and so on.

use crate::scenario::collective::{Algorithm, Operation};

/// What it takes.
#[must_use]
pub fn algorithm(operation: Operation, ranks: u32, bytes: u64) -> Algorithm {
    match operation {
        Operation::AllReduce => all_reduce(ranks, bytes),
        Operation::Broadcast => broadcast(ranks, bytes),
        Operation::AllGather if ranks.is_power_of_two() && (ranks < 32 || bytes < 512) => {
            Algorithm::RecursiveDoubling
        }
        Operation::AllGather => Algorithm::Ring,
        Operation::AllToAll if ranks >= 64 && bytes >= 262_144 => Algorithm::Pairwise,
        Operation::AllToAll | Operation::Neighbours => Algorithm::Linear,
    }
}

fn all_reduce(ranks: u32, bytes: u64) -> Algorithm {
    // The sizes at which it begins to double, and to scatter.
    let (ring_until, doubling_until) = match ranks {
        0..4 => {
            return match bytes {
                8..4_096 | 8_192..16_384 => Algorithm::RecursiveDoubling,
                262_144.. => Algorithm::Scatter,
                _ => Algorithm::Ring,
            };
        }
        4..8 => (16, 8_192),
        8..16 => (0, 8_192),
        16..32 => (64, 4_096),
        32..64 => (128, 128),
        64..128 => (0, 262_144),
        _ => (0, 4_096),
    };
    match bytes {
        _ if bytes < ring_until => Algorithm::Ring,
        _ if bytes < doubling_until => Algorithm::RecursiveDoubling,
        _ => Algorithm::Scatter,
    }
}

fn broadcast(ranks: u32, bytes: u64) -> Algorithm {
    match ranks {
        4..8 if bytes < 8_192 => Algorithm::Binomial,
        8..16 if bytes < 32_768 => Algorithm::Binomial,
        0..16 => Algorithm::Linear,
        16..32 if bytes >= 1_048_576 && ranks.is_power_of_two() => Algorithm::Scatter,
        _ => Algorithm::Binomial,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_messages_are_doubled_and_large_ones_scattered() {
        let of = |ranks, bytes| algorithm(Operation::AllReduce, ranks, bytes);
        for (ranks, doubled) in [(2, 4_095), (4, 8_191), (8, 8_191), (16, 4_095), (64, 262_143)] {
            assert_eq!(of(ranks, doubled), Algorithm::RecursiveDoubling, "{ranks}");
        }
        for (ranks, scattered) in [(2, 262_144), (4, 8_192), (8, 8_192), (16, 4_096), (32, 128)] {
            assert_eq!(of(ranks, scattered), Algorithm::Scatter, "{ranks}");
        }
        assert_eq!([of(2, 16_384), of(4, 8)], [Algorithm::Ring; 2]);
    }

    #[test]
    fn whatever_it_takes_the_model_has() {
        use Operation::{AllGather, AllReduce, AllToAll, Broadcast};
        for operation in [Broadcast, AllReduce, AllGather, AllToAll] {
            for ranks in 2..200 {
                for bytes in (0..24).map(|power| 1 << power) {
                    let what = crate::scenario::collective::Collective {
                        operation,
                        algorithm: Some(algorithm(operation, ranks, bytes)),
                        size: crate::units::Bytes(bytes),
                        latency: crate::units::Span::ZERO,
                        take_turns: true,
                    };
                    assert!(!what.is_unknown(ranks), "{what:?} on {ranks}");
                }
            }
        }
    }
}
