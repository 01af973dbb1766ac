//! Tickets: the right to cancel a pending event.

/// The slot of an event that nobody can cancel.
pub(super) const NO_SLOT: u32 = u32::MAX;

/// The right to cancel one pending event. It becomes worthless when the event happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket {
    slot: u32,
    generation: u32,
}

/// The tickets of all pending events that can be cancelled.
///
/// A slot is used again after its event has left the agenda, with the next generation; an old
/// ticket could be taken for a new one only after its slot was used 2^31 times.
#[derive(Clone, Debug)]
pub(super) struct Tickets {
    /// For each slot twice its generation, plus one if its event is cancelled.
    slots: Vec<u32>,
    free: Vec<u32>,
    /// Cancelled events that are still in the agenda.
    cancelled: usize,
}

impl Ticket {
    /// A ticket for an event that will never happen.
    pub(super) const WORTHLESS: Self = Self { slot: NO_SLOT, generation: 0 };

    pub(super) const fn slot(self) -> u32 {
        self.slot
    }
}

impl Tickets {
    pub(super) const fn new() -> Self {
        Self { slots: Vec::new(), free: Vec::new(), cancelled: 0 }
    }

    /// A ticket with a slot of its own.
    pub(super) fn issue(&mut self) -> Ticket {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(0);
            u32::try_from(self.slots.len() - 1).expect("fewer than 2^32 tickets")
        });
        assert!(slot != NO_SLOT, "fewer than 2^32 tickets");
        Ticket { slot, generation: self.slots[slot as usize] }
    }

    /// Cancels the event of a ticket. `false` if it has happened or was cancelled before.
    pub(super) fn cancel(&mut self, ticket: Ticket) -> bool {
        match self.slots.get_mut(ticket.slot as usize) {
            Some(slot) if *slot == ticket.generation => {
                *slot += 1;
                self.cancelled += 1;
                true
            }
            _ => false,
        }
    }

    /// Whether the event in a slot is cancelled.
    #[inline]
    pub(super) fn is_cancelled(&self, slot: u32) -> bool {
        slot != NO_SLOT && self.slots[slot as usize] & 1 == 1
    }

    /// Frees the slot of an event that leaves the agenda. `true` if it was to happen, `false` if it
    /// was cancelled.
    #[inline]
    pub(super) fn redeem(&mut self, slot: u32) -> bool {
        if slot == NO_SLOT {
            return true;
        }
        let value = &mut self.slots[slot as usize];
        let live = *value & 1 == 0;
        *value = (*value | 1).wrapping_add(1);
        self.free.push(slot);
        self.cancelled -= usize::from(!live);
        live
    }

    /// Cancelled events that are still in the agenda.
    pub(super) const fn cancelled(&self) -> usize {
        self.cancelled
    }
}
