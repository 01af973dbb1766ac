//! What checkpoints move: so much of a node's state, compressed, and the time to compress it.

use serde::{Deserialize, Serialize};

use crate::plan::Access;
use crate::scenario::job::Checkpoint;
use crate::theory::incremental::Chain;
use crate::units::{Bytes, Span};

/// Data of a node that are moved, and the time for which the node is busy with them before they are
/// written or after they are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parcel {
    /// Data that are moved.
    pub bytes: Bytes,
    /// Time to compress or to decompress them.
    pub packing: Span,
}

/// Which multiple of the state is moved, on average.
pub(super) fn mean_share(spec: &Checkpoint, access: Access) -> f64 {
    let Some(own) = spec.incremental() else { return 1.0 };
    let chain = Chain { length: f64::from(own.full_every), share: own.share };
    match access {
        Access::Write => chain.written(),
        Access::Read { .. } => chain.read(),
    }
}

/// See [`Plan::parcel`](crate::plan::Plan::parcel); `state` is that of a node. Of whatever is moved
/// there is a byte at least.
pub(super) fn parcel(spec: &Checkpoint, state: Bytes, share: f64, access: Access) -> Parcel {
    let size = times(state.0, share).max(1);
    let Some(own) = spec.compression() else {
        return Parcel { bytes: Bytes(size), packing: Span::ZERO };
    };
    let rate = if access == Access::Write { own.compress } else { own.decompress };
    let packing = Span::from_secs_f64(size as f64 / rate.0 as f64);
    Parcel { bytes: Bytes(times(size, 1.0 / own.ratio).max(1)), packing }
}

/// A fixed span for so much of the state.
pub(super) fn span(whole: Span, share: f64) -> Span {
    Span(times(whole.0, share))
}

/// So many times a whole number, and exactly that number once.
fn times(whole: u64, share: f64) -> u64 {
    if (share - 1.0).abs() < f64::EPSILON {
        whole
    } else {
        libm::round(whole as f64 * share) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::JobId;
    use crate::plan::Plan;
    use crate::plan::pilot;
    use crate::protocol::chain::Portion;
    use crate::scenario::images::{Compression, Incremental};
    use crate::units::ByteRate;

    /// 1 GB a node, of which an increment is 200 MB: compressed in 2 s, to 50 MB.
    #[test]
    fn an_increment_is_compressed_to_its_share_over_the_ratio() {
        let mut scenario = pilot::scenario();
        let spec = pilot::checkpoint(&mut scenario);
        spec.incremental = Some(Incremental { share: 0.2, full_every: 5 });
        let (compress, decompress) = (ByteRate(100_000_000), ByteRate(400_000_000));
        spec.compression = Some(Compression { ratio: 4.0, compress, decompress });
        let plan = Plan::make(&scenario);
        let parcel = |full, increments, access| {
            let share = plan.share(JobId(0), Portion { full, increments });
            let Parcel { bytes, packing } = plan.parcel(JobId(0), 0, share, access);
            (bytes.0, packing.as_secs_f64())
        };
        let read = Access::Read { newcomers: 0 };
        assert_eq!(parcel(false, 1, Access::Write), (50_000_000, 2.0));
        assert_eq!(parcel(true, 0, Access::Write), (250_000_000, 10.0));
        assert_eq!(parcel(true, 4, read), (450_000_000, 4.5));
    }
}
