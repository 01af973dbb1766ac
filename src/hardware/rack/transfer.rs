//! Transfers between nodes and their servers that somebody asked for, such as checkpoints.
//!
//! Members of a transfer that share a route and a cap are one bundle of the fabric, so that a
//! checkpoint of ten thousand nodes costs O(bundles). A member that gets another cap, or leaves,
//! is split from its bundle.
//!
//! A transfer first waits for the servers' disks to take its requests; then its members share the
//! links with all other transfers, boot files among them.

use std::collections::BTreeMap;

use crate::event::{Purpose, What};
use crate::hardware::flow::{Finished, FlowId, RouteId};
use crate::hardware::network::Network;
use crate::ids::NodeId;
use crate::units::{BitRate, Bytes, Time};

/// Tags of these transfers have this bit; others are node numbers.
const ASKED: u64 = 1 << 63;

/// A transfer that was asked for and is neither complete nor dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(u32);

/// What a node's transfer crosses, and its private cap.
pub(super) type Way = (RouteId, BitRate);

#[derive(Debug)]
struct Transfer {
    write: bool,
    /// What each member moves.
    bytes: Bytes,
    bundles: Vec<Bundle>,
    /// In the order of the members.
    seats: Vec<Seat>,
    /// Bundles under way.
    outstanding: usize,
    /// Whether the disks have taken the requests.
    started: bool,
}

/// The place of a member.
#[derive(Debug)]
struct Seat {
    member: u32,
    /// The number of its bundle.
    bundle: u32,
    /// What it had moved of its share before this transfer.
    before: Bytes,
}

/// Members that started together with one way and as much to do.
#[derive(Debug)]
struct Bundle {
    count: u32,
    flow: Option<FlowId>,
    /// What each member had moved before.
    before: Bytes,
}

impl Transfer {
    fn purpose(&self) -> Purpose {
        if self.write { Purpose::Checkpoint } else { Purpose::Restart }
    }

    fn emit(&self, nodes: u32, received: Bytes, lost: Bytes) -> What {
        What::Transfer { purpose: self.purpose(), nodes, received, lost }
    }

    /// What is left of a share of which so much has moved.
    fn rest(&self, before: Bytes) -> Bytes {
        Bytes(self.bytes.0 - before.0)
    }

    fn seat_of(&self, member: u32) -> Result<usize, usize> {
        self.seats.binary_search_by_key(&member, |seat| seat.member)
    }
}

/// What a member left behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// Nothing: it has moved its share, or never had one.
    Nothing,
    /// Its share, which had yet to start.
    Waiting,
    /// A part of its share; so many bundles still move.
    Moving(usize),
}

/// The transfers that were asked for.
#[derive(Debug, Default)]
pub(super) struct Transfers {
    under_way: BTreeMap<u32, Transfer>,
    asked: u32,
}

fn tag(ticket: u32, bundle: usize) -> u64 {
    ASKED | u64::from(ticket) << 32 | bundle as u64
}

/// Whether a finished flow belongs to a transfer that was asked for.
pub(super) fn is_asked(finished: &Finished) -> bool {
    finished.tag & ASKED != 0
}

impl Transfers {
    /// Takes a transfer of so many bytes for each member, in their order, of which each has moved
    /// some. It has yet to start.
    pub(super) fn ask(&mut self, members: &[(u32, Bytes)], write: bool, bytes: Bytes) -> Ticket {
        assert!(members.is_sorted_by_key(|it| it.0), "members come in their order");
        let seat = |&(member, before): &(u32, Bytes)| Seat { member, bundle: 0, before };
        let ticket = self.asked;
        self.asked += 1;
        let transfer = Transfer {
            write,
            bytes,
            bundles: Vec::new(),
            seats: members.iter().map(seat).collect(),
            outstanding: 0,
            started: false,
        };
        self.under_way.insert(ticket, transfer);
        Ticket(ticket)
    }

    /// The disks have taken the requests: the members start, bundled by way. `true` if there are
    /// none any more: it is complete. O(members log bundles).
    pub(super) fn start(
        &mut self,
        Ticket(ticket): Ticket,
        network: &mut Network,
        now: Time,
        way: impl Fn(&Network, u32, bool) -> Way,
    ) -> bool {
        let Some(transfer) = self.under_way.get_mut(&ticket) else { return false };
        let write = transfer.write;
        let way = |network: &Network, member| way(network, member, write);
        let group = |network: &Network, seat: &Seat| (way(network, seat.member), seat.before);
        let mut groups: BTreeMap<(Way, Bytes), (u32, u32)> = BTreeMap::new();
        for seat in &transfer.seats {
            groups.entry(group(network, seat)).or_insert((0, 0)).1 += 1;
        }
        for (&((route, cap), before), (number, count)) in &mut groups {
            *number = transfer.bundles.len() as u32;
            let (tag, rest) = (tag(ticket, transfer.bundles.len()), transfer.rest(before));
            let flow = network.fabric.start(now, route, cap, rest, *count, tag);
            transfer.bundles.push(Bundle { count: *count, flow: Some(flow), before });
        }
        for seat in &mut transfer.seats {
            seat.bundle = groups[&group(network, seat)].0;
        }
        transfer.outstanding = transfer.bundles.len();
        transfer.started = true;
        let complete = transfer.outstanding == 0;
        if complete {
            self.under_way.remove(&ticket);
        }
        complete
    }

    /// A bundle is complete: what is to be emitted, and the ticket if all members have moved all.
    pub(super) fn finished(&mut self, finished: &Finished) -> (What, Option<Ticket>) {
        let number = (finished.tag & !ASKED) >> 32;
        let ticket = number as u32;
        let transfer = self.under_way.get_mut(&ticket).expect("it was under way");
        let bundle = &mut transfer.bundles[finished.tag as u32 as usize];
        bundle.flow = None;
        let share = bundle.before.0 + finished.bytes.0;
        transfer.outstanding -= 1;
        let received = Bytes(share * u64::from(finished.count));
        let what = transfer.emit(finished.count, received, Bytes(0));
        let complete = transfer.outstanding == 0;
        if complete {
            self.under_way.remove(&ticket);
        }
        (what, complete.then_some(Ticket(ticket)))
    }

    /// Gives a transfer up: what it moved is lost. `None` if it had yet to start, or is complete.
    pub(super) fn cancel(
        &mut self,
        Ticket(ticket): Ticket,
        network: &mut Network,
        now: Time,
    ) -> Option<Vec<What>> {
        let transfer = self.under_way.remove(&ticket)?;
        let lost = |bundle: &Bundle| {
            let moved = bundle.before.0 + network.fabric.cancel(now, bundle.flow?).0;
            let lost = Bytes(moved * u64::from(bundle.count));
            Some(transfer.emit(bundle.count, Bytes(0), lost))
        };
        transfer.started.then(|| transfer.bundles.iter().filter_map(lost).collect())
    }

    /// Ends a transfer that is to go on later: of each member that has not moved all of its share,
    /// what it moved. `None` if it had yet to start, or is complete.
    pub(super) fn interrupt(
        &mut self,
        Ticket(ticket): Ticket,
        network: &mut Network,
        now: Time,
    ) -> Option<Vec<(NodeId, Bytes)>> {
        let transfer = self.under_way.remove(&ticket)?;
        let moved = |bundle: &Bundle| {
            Some(Bytes(bundle.before.0 + network.fabric.cancel(now, bundle.flow?).0))
        };
        let moved: Vec<_> = transfer.bundles.iter().map(moved).collect();
        let of_seat = |seat: &Seat| Some((NodeId(seat.member), moved[seat.bundle as usize]?));
        transfer.started.then(|| transfer.seats.iter().filter_map(of_seat).collect())
    }

    /// Those under way, in the order in which they were asked for.
    pub(super) fn all(&self) -> Vec<Ticket> {
        self.under_way.keys().copied().map(Ticket).collect()
    }

    /// One member leaves: what it moved is lost. A transfer that nobody moves any more is not
    /// complete, for somebody else may join it.
    pub(super) fn leave(
        &mut self,
        Ticket(ticket): Ticket,
        member: u32,
        network: &mut Network,
        now: Time,
    ) -> (Option<What>, Left) {
        let nothing = (None, Left::Nothing);
        let Some(transfer) = self.under_way.get_mut(&ticket) else { return nothing };
        let Ok(seat) = transfer.seat_of(member) else { return nothing };
        let number = transfer.seats.remove(seat).bundle;
        if !transfer.started {
            return (None, Left::Waiting);
        }
        let bundle = &mut transfer.bundles[number as usize];
        let Some(flow) = bundle.flow else { return nothing };
        bundle.count -= 1;
        let own = if bundle.count == 0 {
            bundle.flow = None;
            transfer.outstanding -= 1;
            flow
        } else {
            network.fabric.split(now, flow, tag(ticket, 0))
        };
        let lost = Bytes(bundle.before.0 + network.fabric.cancel(now, own).0);
        (Some(transfer.emit(1, Bytes(0), lost)), Left::Moving(transfer.outstanding))
    }

    /// One member joins, and moves all of its share from its start. If the requests still wait,
    /// it waits with them.
    pub(super) fn join(
        &mut self,
        Ticket(ticket): Ticket,
        member: u32,
        network: &mut Network,
        now: Time,
        way: impl Fn(&Network, u32, bool) -> Way,
    ) {
        let transfer = self.under_way.get_mut(&ticket).expect("it is under way");
        let number = transfer.bundles.len();
        if transfer.started {
            let (route, cap) = way(network, member, transfer.write);
            let tag = tag(ticket, number);
            let flow = network.fabric.start(now, route, cap, transfer.bytes, 1, tag);
            transfer.bundles.push(Bundle { count: 1, flow: Some(flow), before: Bytes(0) });
            transfer.outstanding += 1;
        }
        let place = transfer.seats.partition_point(|seat| seat.member < member);
        let seat = Seat { member, bundle: number as u32, before: Bytes(0) };
        transfer.seats.insert(place, seat);
    }

    /// A node's link has another rate: what it moves follows, as a bundle of its own.
    /// O(transfers log members).
    pub(super) fn set_cap(&mut self, node: u32, cap: BitRate, network: &mut Network, now: Time) {
        for (&ticket, transfer) in &mut self.under_way {
            let Ok(seat) = transfer.seat_of(node) else { continue };
            let new = transfer.bundles.len();
            let Some(bundle) = transfer.bundles.get_mut(transfer.seats[seat].bundle as usize)
            else {
                continue;
            };
            let Some(flow) = bundle.flow else { continue };
            if bundle.count == 1 {
                network.fabric.set_cap(now, flow, cap);
                continue;
            }
            bundle.count -= 1;
            let own = network.fabric.split(now, flow, tag(ticket, new));
            network.fabric.set_cap(now, own, cap);
            let before = bundle.before;
            transfer.bundles.push(Bundle { count: 1, flow: Some(own), before });
            transfer.seats[seat].bundle = new as u32;
            transfer.outstanding += 1;
        }
    }
}
