//! What a workload sends from one part to another: each send is a flow of its own.
//!
//! Not modelled: the time until the first byte, and acknowledgements on the way back.

use std::collections::{BTreeMap, BTreeSet};

use crate::event::{Purpose, What};
use crate::hardware::flow::{Finished, FlowId};
use crate::hardware::network::Network;
use crate::ids::Part;
use crate::units::{BitRate, Bytes, Time};

/// Tags of sends have this bit; the other transfers have another one, or none.
const SEND: u64 = 1 << 62;

#[derive(Clone, Debug)]
struct Send {
    from: Part,
    to: Part,
    flow: FlowId,
    /// Whether its end is emitted.
    emitted: bool,
}

/// What one part sends to another, until it has arrived or is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SendId(u32);

/// The sends under way.
#[derive(Clone, Debug, Default)]
pub(super) struct Sends {
    under_way: BTreeMap<SendId, Send>,
    /// Those that each part sends or receives.
    of_part: BTreeSet<(Part, SendId)>,
    begun: u32,
}

impl Send {
    fn event(&self, received: Bytes, lost: Bytes) -> Option<What> {
        let what = What::Transfer { purpose: Purpose::Workload, nodes: 1, received, lost };
        self.emitted.then_some(what)
    }
}

impl Sends {
    /// One begins. O(log sends).
    pub(super) fn start(
        &mut self,
        (from, to): (Part, Part),
        (bytes, emitted): (Bytes, bool),
        network: &mut Network,
        now: Time,
        cap: impl Fn(&Network, Part, Part) -> BitRate,
    ) -> SendId {
        let route = network.route_between(from, to);
        let cap = cap(network, from, to);
        let id = SendId(self.begun);
        self.begun = self.begun.checked_add(1).expect("a run has fewer than 2^32 sends");
        let flow = network.fabric.start(now, route, cap, bytes, 1, SEND | u64::from(id.0));
        self.under_way.insert(id, Send { from, to, flow, emitted });
        self.of_part.extend([(from, id), (to, id)]);
        id
    }

    /// If what has finished is a send: which, and what is to be emitted.
    pub(super) fn finished(&mut self, finished: &Finished) -> Option<(SendId, Option<What>)> {
        let id = (finished.tag & SEND != 0).then_some(SendId(finished.tag as u32))?;
        let send = self.end(id).expect("it was under way");
        Some((id, send.event(finished.bytes, Bytes(0))))
    }

    fn end(&mut self, id: SendId) -> Option<Send> {
        let send = self.under_way.remove(&id)?;
        self.of_part.remove(&(send.from, id));
        self.of_part.remove(&(send.to, id));
        Some(send)
    }

    /// One is given up, if it has not ended: what is to be emitted.
    pub(super) fn drop(&mut self, id: SendId, network: &mut Network, now: Time) -> Option<What> {
        let send = self.end(id)?;
        let lost = network.fabric.cancel(now, send.flow);
        send.event(Bytes(0), lost)
    }

    fn all_of(&self, part: Part) -> Vec<SendId> {
        let all = (part, SendId(0))..=(part, SendId(u32::MAX));
        self.of_part.range(all).map(|of| of.1).collect()
    }

    /// All that a part sends and receives is lost; with what is to be emitted of each.
    pub(super) fn lose(
        &mut self,
        part: Part,
        network: &mut Network,
        now: Time,
    ) -> Vec<(SendId, Option<What>)> {
        let all = self.all_of(part).into_iter();
        all.map(|id| (id, self.drop(id, network, now))).collect()
    }

    /// The end of the run cuts off what is under way.
    pub(super) fn cut(&mut self, network: &mut Network, now: Time) -> Vec<What> {
        self.of_part.clear();
        let all = std::mem::take(&mut self.under_way).into_values();
        let cut = |send: Send| send.event(Bytes(0), network.fabric.cancel(now, send.flow));
        all.filter_map(cut).collect()
    }

    /// A part's link has another rate, or a partition begins or ends at it: what it sends and
    /// receives follows. O(its sends).
    pub(super) fn set_caps(
        &mut self,
        part: Part,
        network: &mut Network,
        now: Time,
        cap: impl Fn(&Network, Part, Part) -> BitRate,
    ) {
        for id in self.all_of(part) {
            let &Send { from, to, flow, .. } = &self.under_way[&id];
            let cap = cap(network, from, to);
            network.fabric.set_cap(now, flow, cap);
        }
    }
}
