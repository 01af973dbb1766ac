//! The order that an agent carries out, and what it answers when it is done.

use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::fleet::injections::WHOLE_PPM;
use crate::fleet::ports::Notice;
use crate::fleet::ranks::Ranks;
use crate::fleet::wire::{Message, NodeOrder, Work};
use crate::ids::NodeId;

/// The order under way.
pub(super) struct Task {
    pub order: NodeOrder,
    /// The time that it takes at least.
    time: Paced,
    /// Whether all but the time is done.
    pub ready: bool,
    /// Its answer, once it is done or abandoned.
    pub answer: Option<Message>,
    /// The checksum of the image that is saved: what strikes later is not in it.
    saved: Option<u64>,
    /// Dropped, it ends the call to the store.
    cancel: Option<oneshot::Sender<()>>,
}

impl Task {
    /// An order that was begun on this memory.
    pub(super) fn new(
        order: NodeOrder,
        time: Paced,
        ready: bool,
        ranks: Option<&Ranks>,
        cancel: Option<oneshot::Sender<()>>,
    ) -> Self {
        let image = ranks.filter(|_| matches!(order.work, Work::Save { .. }));
        let saved = image.map(Ranks::sum);
        Self { order, time, ready, answer: None, saved, cancel }
    }

    /// It is not done before.
    pub(super) fn until(&self) -> Instant {
        self.time.until()
    }

    /// Its node computes at this share of its speed from now on (ppm).
    pub(super) fn change_pace(&mut self, now: Instant, share_ppm: u32) {
        if self.order.work.is_computing() {
            self.time.change(now, share_ppm);
        }
    }

    /// What is to be known when its image was moved.
    pub(super) fn moved(&self, node: NodeId) -> Option<Notice> {
        let seat = self.order.seat.number;
        match self.order.work {
            Work::Save { checkpoint, .. } => Some(Notice::Saved { node, checkpoint, seat }),
            Work::Load { checkpoint: Some(checkpoint), .. } => {
                Some(Notice::Loaded { node, checkpoint, seat })
            }
            Work::Load { checkpoint: None, .. } | Work::Compute { .. } | Work::Verify { .. } => {
                None
            }
        }
    }

    /// What is to be known when a step is done and its time over.
    pub(super) fn computed(&self, node: NodeId) -> Option<Notice> {
        let Work::Compute { step, .. } = self.order.work else { return None };
        let (placement, seat) = (self.order.placement, self.order.seat.number);
        Some(Notice::Computed { node, placement, step, seat })
    }

    /// Whether the node computes or verifies under this order, and is not done.
    pub(super) fn computes(&self) -> bool {
        self.order.work.is_computing() && self.answer.is_none()
    }

    /// Nothing more of it is done, if it is not done. Given again, it is not begun again: the step
    /// may be half done.
    pub(super) fn abandon(&mut self) {
        if self.answer.is_none() {
            self.answer = Some(Message::Unable { order: self.order.number });
            self.cancel = None;
        }
    }

    /// What is answered when it is done and has left this memory.
    pub(super) fn done(&self, ranks: &Ranks) -> Message {
        let (order, sum) = (self.order.number, self.saved.unwrap_or_else(|| ranks.sum()));
        let looks = matches!(self.order.work, Work::Verify { blind: false, .. });
        if looks && !ranks.is_whole() {
            Message::Corrupt { order, sum }
        } else {
            Message::Done { order, sum }
        }
    }
}

/// A time that passes more slowly for whoever computes at a share of its speed: a duty cycle. What
/// is done by the time of a change is done.
#[derive(Clone, Copy, Debug)]
pub(super) struct Paced {
    /// What of it was left at `since`, at full speed.
    left: Duration,
    since: Instant,
    share_ppm: u32,
}

impl Paced {
    /// A time that begins now.
    pub(super) fn new(left: Duration, now: Instant, share_ppm: u32) -> Self {
        Self { left, since: now, share_ppm }
    }

    fn until(&self) -> Instant {
        self.since + stretched(self.left, self.share_ppm)
    }

    fn change(&mut self, now: Instant, share_ppm: u32) {
        let passed = now.duration_since(self.since).as_nanos() * u128::from(self.share_ppm);
        let done =
            Duration::from_nanos(u64::try_from(passed / u128::from(WHOLE_PPM)).unwrap_or(u64::MAX));
        *self = Self::new(self.left.saturating_sub(done), now, share_ppm);
    }
}

/// How long what takes `span` at full speed lasts at this share of it (ppm).
pub(super) fn stretched(span: Duration, share_ppm: u32) -> Duration {
    let nanos = span.as_nanos() * u128::from(WHOLE_PPM) / u128::from(share_ppm);
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

/// One bit of the memory flips under this order. What is read back writes over it; a verification
/// that was done while others still look is answered again.
pub(super) fn flip(task: Option<&mut Task>, ranks: Option<&mut Ranks>, draw: u64) {
    let (Some(ranks), work) = (ranks, task.as_ref().map(|task| &task.order.work)) else { return };
    if !matches!(work, Some(Work::Load { .. })) {
        ranks.flip(draw);
    }
    if let Some(task) = task.filter(|task| matches!(task.order.work, Work::Verify { .. })) {
        task.answer.take_if(|answer| !matches!(answer, Message::Unable { .. }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_change_of_pace_stretches_only_what_is_left() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut time = Paced::new(Duration::from_secs(10), start, 1_000_000);
        assert_eq!(time.until(), at(10));
        time.change(at(4), 500_000);
        assert_eq!(time.until(), at(4 + 12));
        time.change(at(8), 1_000_000);
        assert_eq!(time.until(), at(8 + 4), "at half speed 4 s do the work of 2 s");
        time.change(at(20), 500_000);
        assert_eq!(time.until(), at(20), "nothing is left");
    }
}
