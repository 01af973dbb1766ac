//! The order that an agent carries out, and what it answers when it is done.

use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::fleet::doors::Notice;
use crate::fleet::ranks::Ranks;
use crate::fleet::wire::{Message, Order, Work};
use crate::ids::NodeId;

/// The order under way.
pub(super) struct Task {
    pub order: Order,
    /// It is not done before.
    pub until: Instant,
    /// Whether all but the time is done.
    pub ready: bool,
    /// Its answer, once it is done.
    pub answer: Option<Message>,
    /// The checksum of the image that is saved: what strikes later is not in it.
    saved: Option<u64>,
    #[expect(dead_code, reason = "dropped with the order, it ends the call to the store")]
    cancel: Option<oneshot::Sender<()>>,
}

impl Task {
    /// An order that was begun on this memory.
    pub(super) fn new(
        order: Order,
        until: Instant,
        ready: bool,
        ranks: Option<&Ranks>,
        cancel: Option<oneshot::Sender<()>>,
    ) -> Self {
        let image = ranks.filter(|_| matches!(order.work, Work::Save { .. }));
        let saved = image.map(Ranks::sum);
        Self { order, until, ready, answer: None, saved, cancel }
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
        let works = matches!(self.order.work, Work::Compute { .. } | Work::Verify { .. });
        works && self.answer.is_none()
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

/// One bit of the memory flips under this order. What is read back writes over it; a verification
/// that was answered while others still look is answered again.
pub(super) fn flip(task: Option<&mut Task>, ranks: Option<&mut Ranks>, draw: u64) {
    let (Some(ranks), work) = (ranks, task.as_ref().map(|task| &task.order.work)) else { return };
    if !matches!(work, Some(Work::Load { .. })) {
        ranks.flip(draw);
    }
    if let Some(task) = task.filter(|task| matches!(task.order.work, Work::Verify { .. })) {
        task.answer = None;
    }
}
