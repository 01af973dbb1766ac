//! The fabric: transfers that share links by max-min fairness with per-flow caps, exactly.
//!
//! All flows of one route with one private cap move at one rate, so they form a group with one
//! virtual clock and a heap of finish marks: an arrival or departure touches the group, not its
//! flows. Where the routes form trees, groups ride on the clocks of the links that hold them
//! back (`tree`); elsewhere rates are found per component (`general`). Where any part may send to
//! any other, those are found anew that an event can change (`mesh`). All three are hidden here.
//! `docs/models/fabric.md` has equations, cost and limits.
//!
//! Time is the caller's: every call names `now`, which never runs backwards, and never past a
//! completion that has not been asked for. Calls of one instant are settled together.

mod clock;
mod core;
mod fabric;
mod general;
mod heap;
mod mesh;
mod shape;
mod share;
#[cfg(test)]
mod tests;
mod tree;

use std::collections::BTreeMap;
use std::num::NonZero;

pub use self::fabric::Fabric;
use self::share::SPEED_MAX;
use crate::units::{BitRate, Bytes};

/// A shared link: an uplink, a server's NIC in one direction, its disk, its request capacity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId(u32);

/// The shared links that a flow crosses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RouteId(u32);

/// A flow, or a bundle of like flows, that has been started and neither finished nor cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FlowId {
    index: u32,
    /// Never zero, so that an `Option<FlowId>` is no larger.
    generation: NonZero<u32>,
}

/// A flow or bundle that has moved all its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finished {
    /// What it was; the id is no longer valid.
    pub flow: FlowId,
    /// What the caller called it.
    pub tag: u64,
    /// Flows in the bundle.
    pub count: u32,
    /// Bytes that each of them moved.
    pub bytes: Bytes,
}

/// Where all bytes are: `started` is the sum of the other five.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    /// Bytes of all flows ever started.
    pub started: u128,
    /// Bytes of flows that finished.
    pub finished: u128,
    /// Bytes that cancelled flows had moved.
    pub cancelled_moved: u128,
    /// Bytes that cancelled flows had not moved.
    pub cancelled_unmoved: u128,
    /// Bytes that flows under way have moved.
    pub in_flight_moved: u128,
    /// Bytes that flows under way have still to move.
    pub in_flight_left: u128,
}

impl Ledger {
    /// Whether every byte is somewhere, once.
    #[must_use]
    pub fn balances(&self) -> bool {
        let ended = self.finished + self.cancelled_moved + self.cancelled_unmoved;
        self.started == ended + self.in_flight_moved + self.in_flight_left
    }
}

/// Collects links and routes, which are fixed from [`FabricBuilder::build`] on; but see
/// [`Fabric::add_route`].
#[derive(Debug, Default)]
pub struct FabricBuilder {
    capacities: Vec<u64>,
    routes: Vec<Vec<u32>>,
    known: BTreeMap<Vec<u32>, RouteId>,
    is_mesh: bool,
}

impl FabricBuilder {
    /// A fabric without links.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes it for a mesh: there are many routes of which few are in use at a time, more may be
    /// added later, and a route may cross a link twice, so that a flow takes its rate there twice.
    /// Otherwise rates are the same.
    pub fn mesh(&mut self) {
        self.is_mesh = true;
    }

    /// Adds a shared link. Above 2^48 bit/s (281 Tbit/s) it counts as that fast.
    pub fn link(&mut self, capacity: BitRate) -> LinkId {
        self.capacities.push(capacity.0.min(SPEED_MAX));
        LinkId(self.capacities.len() as u32 - 1)
    }

    /// The shared links that flows of a route cross, from their leaf side towards the server;
    /// none if only their private caps hold them back. Equal lists give the equal route.
    ///
    /// # Panics
    /// If a link belongs to another fabric, or is listed twice and the fabric is no mesh.
    pub fn route(&mut self, links: &[LinkId]) -> RouteId {
        let links: Vec<u32> = links.iter().map(|link| link.0).collect();
        if let Some(&route) = self.known.get(&links) {
            return route;
        }
        for (place, link) in links.iter().enumerate() {
            assert!((*link as usize) < self.capacities.len(), "a route crosses an unknown link");
            let is_new = !links[..place].contains(link);
            assert!(self.is_mesh || is_new, "only in a mesh a route crosses a link twice");
        }
        let route = RouteId(self.routes.len() as u32);
        self.routes.push(links.clone());
        self.known.insert(links, route);
        route
    }

    /// The fabric, at time zero and without flows.
    #[must_use]
    pub fn build(self) -> Fabric {
        if self.is_mesh {
            return Fabric::mesh(&self.capacities, &self.routes);
        }
        Fabric::new(&self.capacities, &self.routes)
    }
}
