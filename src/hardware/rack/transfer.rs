//! Transfers between nodes and their servers that somebody asked for, such as checkpoints.
//!
//! Members of a transfer that share a route and a cap are one bundle of the fabric, so that a
//! checkpoint of ten thousand nodes costs O(bundles). A member that gets another cap, or leaves,
//! is split from its bundle.
//!
//! A transfer first waits for the servers' disks to take its requests; then its members share the
//! links with all other transfers, boot files among them.

use std::collections::BTreeMap;
use std::sync::Arc;

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

/// Nodes of which each moves as much, in their order, with what about them is worked out once and
/// holds for each transfer.
#[derive(Clone, Debug)]
pub struct Participants(Arc<Shared>);

#[derive(Clone, Debug)]
struct Shared {
    members: Vec<u32>,
    /// Neighbours behind one switch: the first of them, and how many.
    neighbours: Vec<(u32, u32)>,
    /// Members of each server that has any.
    servers: Vec<(u32, u32)>,
}

impl Participants {
    /// These nodes, each behind its switch; `server` gives that of a node. O(members).
    pub(super) fn new(
        members: Vec<u32>,
        servers: usize,
        switch: impl Fn(u32) -> u32,
        server: impl Fn(u32) -> usize,
    ) -> Self {
        assert!(members.is_sorted(), "members come in their order");
        let alike = members.chunk_by(|&a, &b| switch(a) == switch(b));
        let neighbours: Vec<_> = alike.map(|run| (run[0], run.len() as u32)).collect();
        let mut counts = vec![0; servers];
        for &(first, count) in &neighbours {
            counts[server(first)] += count;
        }
        let servers = (0..).zip(counts).filter(|(_, count)| *count > 0).collect();
        Self(Arc::new(Shared { members, neighbours, servers }))
    }

    /// Members of each server that has any.
    pub(super) fn servers(&self) -> &[(u32, u32)] {
        &self.0.servers
    }
}

/// Who takes part in a transfer.
#[derive(Clone, Debug)]
enum Members {
    /// All of these, each with all of its share to move; once started, how many that follow each
    /// other are in which bundle.
    All(Participants, Vec<(u32, u32)>),
    /// One by one, in their order.
    Seats(Vec<Seat>),
}

#[derive(Clone, Debug)]
struct Transfer {
    purpose: Purpose,
    /// What each member moves.
    bytes: Bytes,
    bundles: Vec<Bundle>,
    members: Members,
    /// Bundles under way.
    outstanding: usize,
    /// Whether the disks have taken the requests.
    started: bool,
}

/// The place of a member.
#[derive(Clone, Debug)]
struct Seat {
    member: u32,
    /// The number of its bundle.
    bundle: u32,
    /// What it had moved of its share before this transfer.
    before: Bytes,
}

/// Members that started together with one way and as much to do.
#[derive(Clone, Debug)]
struct Bundle {
    count: u32,
    flow: Option<FlowId>,
    /// What each member had moved before.
    before: Bytes,
}

impl Transfer {
    fn writes(&self) -> bool {
        self.purpose != Purpose::Restart
    }

    fn emit(&self, nodes: u32, received: Bytes, lost: Bytes) -> What {
        What::Transfer { purpose: self.purpose, nodes, received, lost }
    }

    /// What is left of a share of which so much has moved.
    fn rest(&self, before: Bytes) -> Bytes {
        Bytes(self.bytes.0 - before.0)
    }

    /// The members one by one, from now on.
    fn seats(&mut self) -> &mut Vec<Seat> {
        if let Members::All(Participants(all), runs) = &self.members {
            let (mut seats, mut rest) = (Vec::with_capacity(all.members.len()), &all.members[..]);
            // Before it starts all are in the first.
            let whole = [(all.members.len() as u32, 0)];
            for &(count, bundle) in if runs.is_empty() { &whole[..] } else { runs } {
                let (own, after) = rest.split_at(count as usize);
                let seat = |&member: &u32| Seat { member, bundle, before: Bytes(0) };
                seats.extend(own.iter().map(seat));
                rest = after;
            }
            assert!(rest.is_empty(), "each member is in a bundle");
            self.members = Members::Seats(seats);
        }
        match &mut self.members {
            Members::Seats(seats) => seats,
            Members::All(..) => unreachable!("they are seats by now"),
        }
    }

    fn seat_of(&mut self, member: u32) -> Result<usize, usize> {
        if let Members::All(Participants(all), _) = &self.members
            && let Err(place) = all.members.binary_search(&member)
        {
            return Err(place);
        }
        self.seats().binary_search_by_key(&member, |seat| seat.member)
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
#[derive(Clone, Debug, Default)]
pub(super) struct Transfers {
    under_way: BTreeMap<u32, Transfer>,
    asked: u32,
}

/// What a checkpoint is moved for.
pub(super) fn purpose(write: bool) -> Purpose {
    if write { Purpose::Checkpoint } else { Purpose::Restart }
}

fn tag(ticket: u32, bundle: usize) -> u64 {
    ASKED | u64::from(ticket) << 32 | bundle as u64
}

/// Whether a finished flow belongs to a transfer that was asked for.
pub(super) fn is_asked(finished: &Finished) -> bool {
    finished.tag & ASKED != 0
}

impl Transfers {
    /// Takes a transfer of so many bytes for each of these participants. It has yet to start.
    pub(super) fn ask(
        &mut self,
        participants: &Participants,
        purpose: Purpose,
        bytes: Bytes,
    ) -> Ticket {
        self.enqueue(Members::All(participants.clone(), Vec::new()), purpose, bytes)
    }

    /// The same for members, in their order, of which each has moved some.
    pub(super) fn ask_rest(
        &mut self,
        members: &[(u32, Bytes)],
        purpose: Purpose,
        bytes: Bytes,
    ) -> Ticket {
        assert!(members.is_sorted_by_key(|it| it.0), "members come in their order");
        let seat = |&(member, before): &(u32, Bytes)| Seat { member, bundle: 0, before };
        self.enqueue(Members::Seats(members.iter().map(seat).collect()), purpose, bytes)
    }

    fn enqueue(&mut self, members: Members, purpose: Purpose, bytes: Bytes) -> Ticket {
        let ticket = self.asked;
        self.asked += 1;
        let (bundles, outstanding, started) = (Vec::new(), 0, false);
        let transfer = Transfer { purpose, bytes, bundles, members, outstanding, started };
        self.under_way.insert(ticket, transfer);
        Ticket(ticket)
    }

    /// The disks have taken the requests: the members start, bundled by way. `true` if there are
    /// none any more: it is complete. `alike` says that the way of a node is that of all nodes
    /// behind its switch: then O(switches) where all move all of their share, else O(members), if
    /// neighbours go one way.
    pub(super) fn start(
        &mut self,
        Ticket(ticket): Ticket,
        network: &mut Network,
        now: Time,
        alike: bool,
        way: impl Fn(&Network, u32, bool) -> Way,
    ) -> bool {
        let Some(transfer) = self.under_way.get_mut(&ticket) else { return false };
        let write = transfer.writes();
        // Neighbours that go one way: each run of them is looked up once.
        let mut runs: Vec<((Way, Bytes), u32)> = Vec::new();
        if let (Members::All(Participants(all), _), true) = (&transfer.members, alike) {
            let way =
                |&(first, count): &(u32, u32)| ((way(network, first, write), Bytes(0)), count);
            runs.extend(all.neighbours.iter().map(way));
        } else {
            for seat in transfer.seats() {
                let group = (way(network, seat.member, write), seat.before);
                match runs.last_mut() {
                    Some((last, count)) if *last == group => *count += 1,
                    _ => runs.push((group, 1)),
                }
            }
        }
        let mut order: Vec<_> = (0..runs.len()).collect();
        order.sort_unstable_by_key(|&run| runs[run].0);
        let mut bundle_of = vec![0; runs.len()];
        for alike in order.chunk_by(|&a, &b| runs[a].0 == runs[b].0) {
            let ((route, cap), before) = runs[alike[0]].0;
            let count = alike.iter().map(|&run| runs[run].1).sum();
            let (tag, rest) = (tag(ticket, transfer.bundles.len()), transfer.rest(before));
            let flow = network.fabric.start(now, route, cap, rest, count, tag);
            for &run in alike {
                bundle_of[run] = transfer.bundles.len() as u32;
            }
            transfer.bundles.push(Bundle { count, flow: Some(flow), before });
        }
        let numbered = runs.iter().zip(bundle_of).map(|(run, bundle)| (run.1, bundle));
        match &mut transfer.members {
            Members::All(_, runs) => runs.extend(numbered),
            Members::Seats(seats) => {
                let mut seats = seats.iter_mut();
                for (count, number) in numbered {
                    seats.by_ref().take(count as usize).for_each(|seat| seat.bundle = number);
                }
            }
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
        let mut transfer = self.under_way.remove(&ticket)?;
        let moved = |bundle: &Bundle| {
            Some(Bytes(bundle.before.0 + network.fabric.cancel(now, bundle.flow?).0))
        };
        let moved: Vec<_> = transfer.bundles.iter().map(moved).collect();
        let of_seat = |seat: &Seat| Some((NodeId(seat.member), moved[seat.bundle as usize]?));
        let started = transfer.started;
        started.then(|| transfer.seats().iter().filter_map(of_seat).collect())
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
        let number = transfer.seats().remove(seat).bundle;
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
            let (route, cap) = way(network, member, transfer.writes());
            let tag = tag(ticket, number);
            let flow = network.fabric.start(now, route, cap, transfer.bytes, 1, tag);
            transfer.bundles.push(Bundle { count: 1, flow: Some(flow), before: Bytes(0) });
            transfer.outstanding += 1;
        }
        let seats = transfer.seats();
        let place = seats.partition_point(|seat| seat.member < member);
        seats.insert(place, Seat { member, bundle: number as u32, before: Bytes(0) });
    }

    /// A node's link has another rate: what it moves follows, as a bundle of its own.
    /// O(transfers log members).
    pub(super) fn set_cap(&mut self, node: u32, cap: BitRate, network: &mut Network, now: Time) {
        for (&ticket, transfer) in &mut self.under_way {
            let Ok(seat) = transfer.seat_of(node) else { continue };
            let new = transfer.bundles.len();
            let number = transfer.seats()[seat].bundle;
            let Some(bundle) = transfer.bundles.get_mut(number as usize) else { continue };
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
            transfer.seats()[seat].bundle = new as u32;
            transfer.outstanding += 1;
        }
    }
}
