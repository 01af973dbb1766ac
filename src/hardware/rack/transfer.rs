//! Transfers that somebody asked for: checkpoints to the file server and back.
//!
//! A transfer first waits for the server's disk to take its request, then shares links with all
//! other transfers; boot files are among them.

use std::collections::BTreeMap;

use super::{Effect, Rack, Timer};
use crate::event::{NodeState, Purpose, What};
use crate::hardware::boot;
use crate::hardware::flow::{Finished, FlowId};
use crate::ids::NodeId;
use crate::units::{Bytes, Time};

/// Tags of these transfers are tickets with this bit; others are node numbers.
const ASKED: u64 = 1 << 63;

/// A transfer that was asked for and is neither complete nor dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(u64);

#[derive(Debug)]
struct Transfer {
    node: u32,
    write: bool,
    bytes: Bytes,
    /// `None`: it waits for the disk.
    flow: Option<FlowId>,
}

/// The transfers that were asked for.
#[derive(Debug, Default)]
pub(super) struct Transfers {
    under_way: BTreeMap<Ticket, Transfer>,
    asked: u64,
}

impl Rack {
    /// Moves so many bytes from a node to its server, or back. [`Effect::Moved`] says when all
    /// have arrived.
    pub fn move_bytes(&mut self, now: Time, node: NodeId, write: bool, bytes: Bytes) -> Ticket {
        self.reach(now);
        let ticket = Ticket(self.transfers.asked);
        self.transfers.asked += 1;
        let transfer = Transfer { node: node.0, write, bytes, flow: None };
        self.transfers.under_way.insert(ticket, transfer);
        let server = self.plan.machine.nodes[node.0 as usize].server as usize;
        let cost = self.plan.scenario.server.disk_request;
        let ready = self.servers[server].requests.admit(self.now, 1, cost);
        self.agenda.schedule(ready, Timer::Admitted { ticket });
        ticket
    }

    /// Gives a transfer up: what it moved is lost. Nothing if it is complete.
    pub fn drop_transfer(&mut self, now: Time, ticket: Ticket) {
        self.reach(now);
        let Some(transfer) = self.transfers.under_way.remove(&ticket) else { return };
        if let Some(flow) = transfer.flow {
            let lost = self.network.fabric.cancel(self.now, flow);
            let purpose = purpose(transfer.write);
            self.tell(What::Transfer { purpose, nodes: 1, received: Bytes(0), lost });
        }
    }

    pub(super) fn admitted(&mut self, ticket: Ticket) {
        let Some(transfer) = self.transfers.under_way.get_mut(&ticket) else { return };
        let switch = self.plan.machine.nodes[transfer.node as usize].switch;
        let cap = self.network.node_cap(self.nodes[transfer.node as usize].share_ppm);
        let route = if transfer.write {
            self.network.write_route(switch)
        } else {
            self.network.read_route(switch)
        };
        let (bytes, tag) = (transfer.bytes, ASKED | ticket.0);
        transfer.flow = Some(self.network.fabric.start(self.now, route, cap, bytes, 1, tag));
    }

    /// A transfer is complete: one that was asked for, or of a booting node.
    pub(super) fn transfer_done(&mut self, finished: &Finished) {
        if finished.tag & ASKED == 0 {
            self.boot_transfer_done(finished.tag as u32, finished);
            return;
        }
        let ticket = Ticket(finished.tag & !ASKED);
        let transfer = self.transfers.under_way.remove(&ticket).expect("it was under way");
        let (purpose, received) = (purpose(transfer.write), finished.bytes);
        self.tell(What::Transfer { purpose, nodes: 1, received, lost: Bytes(0) });
        self.effects.push(Effect::Moved(ticket));
    }

    /// A node's link has another rate: its transfers follow.
    pub(super) fn node_cap_changed(&mut self, id: u32) {
        let link = self.network.node_cap(self.nodes[id as usize].share_ppm);
        if let Some(flow) = self.nodes[id as usize].flow {
            let pace = boot::tftp_rate(&self.plan.scenario.hardware.boot);
            let tftp = self.nodes[id as usize].state == NodeState::Tftp;
            let cap = if tftp { pace.min(link) } else { link };
            self.network.fabric.set_cap(self.now, flow, cap);
        }
        for transfer in self.transfers.under_way.values() {
            if let (true, Some(flow)) = (transfer.node == id, transfer.flow) {
                self.network.fabric.set_cap(self.now, flow, link);
            }
        }
    }

    /// The end of the run cuts short what is under way.
    pub(super) fn cut_all_transfers(&mut self) {
        let tickets: Vec<_> = self.transfers.under_way.keys().copied().collect();
        for ticket in tickets {
            self.drop_transfer(self.now, ticket);
        }
        for id in 0..self.nodes.len() as u32 {
            self.abort_boot_transfer(id);
        }
    }
}

fn purpose(write: bool) -> Purpose {
    if write { Purpose::Checkpoint } else { Purpose::Restart }
}
