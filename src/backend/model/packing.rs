//! What nodes move to the file server and from it, and the time in which they compress it.
//!
//! All nodes of a job compress at once, each its own data; then the requests go to the server, and
//! the transfers begin. What is read is decompressed when the last transfer of the job is done.

use crate::event::JobPhase;
use crate::ids::JobId;
use crate::plan::{Access, Parcel};
use crate::protocol::Input;
use crate::units::Span;

use super::world::{Timer, World};

impl World<'_> {
    /// What each node of a job moves, as ordered.
    pub(super) fn parcel(&self, of: JobId) -> Parcel {
        let machine = &self.job(of).machine;
        let wish = self.plan.checkpoint_of(of).expect("it was ordered");
        if let (Some(wish), Some(groups)) = (wish.logging(), machine.groups()) {
            return Parcel { bytes: wish.size_with_log(groups.logged()), packing: Span::ZERO };
        }
        let reads = machine.phase() == JobPhase::Restart;
        let access = if reads { Access::Read { newcomers: 0 } } else { Access::Write };
        let share = self.plan.share(of, machine.portion());
        self.plan.parcel(of, machine.level(), share, access)
    }

    /// The nodes compress what they write.
    pub(super) fn pack(&mut self, of: JobId) {
        if !self.is_busy_packing(of) {
            self.request_transfers(of, true);
        }
    }

    /// The nodes decompress what they have read.
    pub(super) fn unpack(&mut self, of: JobId) {
        if !self.is_busy_packing(of) {
            self.answer(of, Input::Read);
        }
    }

    fn is_busy_packing(&mut self, of: JobId) -> bool {
        let (span, epoch) = (self.parcel(of).packing, self.job(of).epoch);
        if span > Span::ZERO {
            self.after(span, Timer::Packed { job: of, epoch });
        }
        span > Span::ZERO
    }

    /// The nodes have compressed what they write, or decompressed what they have read.
    pub(super) fn packed(&mut self, of: JobId, epoch: u32) {
        let job = self.job(of);
        if job.epoch != epoch {
            return;
        }
        if job.phase() == JobPhase::Restart {
            self.answer(of, Input::Read);
        } else {
            self.request_transfers(of, true);
        }
    }
}
