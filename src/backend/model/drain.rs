//! Checkpoints that are written while their job computes: their transfers.
//!
//! The bytes go through the fabric as those of other checkpoints do, so that boots, restarts and
//! checkpoints of the levels below share the links with them. One that stands still goes on with
//! what the server has not yet: whoever has a seat by then sends the rest of it.
//!
//! Not modelled: the application's own traffic, which is part of its steps: what it loses is the
//! scenario's `slowdown`. The time to read the image from the card.

use std::collections::BTreeMap;

use crate::control::coordinator::{Cost, Image, Input};
use crate::event::{Purpose, What};
use crate::hardware::rack::Ticket;
use crate::ids::{JobId, NodeId};
use crate::units::{Bytes, Span, Time};

use super::job::Mover;
use super::world::{Timer, World};

/// What the nodes of a job know of the checkpoint that is written while it computes.
#[derive(Default)]
pub(super) struct Draining {
    /// Its number.
    checkpoint: Option<u64>,
    /// Grows whenever it goes on or stands still: timers of before are dead.
    turn: u64,
    /// With fixed costs: when it will be complete.
    due: Option<Time>,
    /// With fixed costs: what was left of it when it began to stand still.
    left: Option<Span>,
    /// Of each seat whose image is not all at the server, what was when it stood still last;
    /// `None` if nothing had been sent yet.
    arrived: Option<BTreeMap<usize, Bytes>>,
    /// Its transfer, while there is one under way.
    transfer: Option<Ticket>,
    /// The seat of each node that moves it.
    seats: BTreeMap<NodeId, usize>,
}

impl World<'_> {
    /// It begins, or goes on.
    pub(super) fn drain(&mut self, job: JobId, image: Image) {
        let now = self.now();
        let drain = &mut self.hands(job).drain;
        drain.checkpoint = image.checkpoint;
        drain.turn += 1;
        let turn = drain.turn;
        match image.cost {
            Cost::Span(span) => {
                let span = drain.left.take().unwrap_or(span);
                drain.due = Some(now + span);
                self.after(span, Timer::Drained { job, turn });
            }
            Cost::Moves(parcel) => {
                let seats = self.seats_that_drain(job);
                let drain = &self.hands(job).drain;
                let before = |seat| drain.arrived.as_ref().map_or(Bytes(0), |it| it[seat]);
                let movers: Vec<_> =
                    seats.iter().map(|(node, seat)| (node.0, before(seat))).collect();
                let ticket =
                    self.with_rack(|rack| rack.resume_transfer(&movers, true, parcel.bytes));
                let drain = &mut self.hands(job).drain;
                (drain.transfer, drain.seats) = (Some(ticket), seats);
                self.movers.insert(ticket, Mover::Drain { job, turn });
            }
        }
    }

    /// Nodes that still have to copy, with their seats.
    fn seats_that_drain(&self, of: JobId) -> BTreeMap<NodeId, usize> {
        let arrived = &self.hands[usize::from(of.0)].drain.arrived;
        let seats = self.jobs.seats(of);
        let seat = |node| Some((node, seats.seat_of(node)?));
        let left = |(_, seat): &(NodeId, usize)| {
            arrived.as_ref().is_none_or(|arrived| arrived.contains_key(seat))
        };
        self.jobs.movers(of).into_iter().filter_map(seat).filter(left).collect()
    }

    /// It stands still from now on. What the server has of each image stays there.
    pub(super) fn pause_drain(&mut self, of: JobId) {
        let now = self.now();
        let drain = &mut self.hands(of).drain;
        drain.turn += 1;
        drain.left = drain.due.take().map(|due| Span(due.0.saturating_sub(now.0)));
        let Some(ticket) = drain.transfer.take() else { return };
        self.movers.remove(&ticket);
        if let Some(arrived) = self.with_rack(|rack| rack.interrupt_transfer(ticket)) {
            // By now the node that failed may have lost its seat.
            let drain = &mut self.hands(of).drain;
            let of_seat = |(node, bytes)| (drain.seats[&node], bytes);
            drain.arrived = Some(arrived.into_iter().map(of_seat).collect());
        }
    }

    /// The server has all of it. The controller hears of it when it can.
    pub(super) fn drain_moved(&mut self, job: JobId, turn: u64) {
        let drain = &mut self.hands(job).drain;
        (drain.transfer, drain.arrived) = (None, Some(BTreeMap::new()));
        self.rack.schedule(self.now(), Timer::Drained { job, turn });
    }

    /// It is complete, if it has not stood still or been given up since.
    pub(super) fn drained(&mut self, job: JobId, turn: u64) {
        let drain = &self.hands(job).drain;
        if let Some(checkpoint) = drain.checkpoint.filter(|_| drain.turn == turn) {
            self.coordinate(Input::Drained { job, checkpoint });
        }
    }

    /// It is given up: what it moved, now and before a failure, is lost.
    pub(super) fn drop_drain(&mut self, of: JobId) {
        let drain = &mut self.hands(of).drain;
        let new = Draining { turn: drain.turn + 1, ..Draining::default() };
        let old = std::mem::replace(drain, new);
        if self.give_up(old.transfer) {
            return;
        }
        for lost in old.arrived.into_iter().flat_map(BTreeMap::into_values) {
            let (purpose, received) = (Purpose::Checkpoint, Bytes(0));
            self.tell(What::Transfer { purpose, nodes: 1, received, lost });
        }
    }
}
