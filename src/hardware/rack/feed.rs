//! The feed of the machine: its PSU domains, what hangs on each, and the meter over all of it.

use crate::hardware::power::{PowerMeter, PsuDomain};
use crate::ids::NodeId;
use crate::plan::Plan;
use crate::plan::machine::PsuRow;
use crate::scenario::cluster::NodePower;
use crate::units::{Power, Time};

use super::node::Draw;

/// One PSU domain.
#[derive(Clone, Debug)]
pub(super) struct Psu {
    pub domain: PsuDomain,
    /// What it gives as long as all its nodes are off.
    base: Power,
}

/// All PSU domains, and the meter of the machine.
#[derive(Clone, Debug)]
pub(super) struct Feed {
    psus: Vec<Psu>,
    /// The PSU above each, in trees of them.
    above: Vec<Option<u32>>,
    /// The PSU and the group of each feed.
    feeds: Vec<(u32, u16)>,
    /// What each PSU gives to a node, if it has such a limit.
    port_limits: Vec<Option<Power>>,
    meter: PowerMeter,
    /// What a node of each group draws.
    watts: Vec<NodePower>,
    /// Domains whose load passed their limit by what has just happened.
    tripped: Vec<u32>,
    /// Nodes whose ports may have.
    ports: Vec<u32>,
}

impl Feed {
    /// The feed of a plan's machine: servers and switches draw their power from the start, nodes
    /// that are off draw theirs. O(parts).
    pub(super) fn new(plan: &Plan) -> Self {
        let machine = &plan.machine;
        let watts: Vec<_> = plan.scenario.all_hardware().map(|it| it.power.clone()).collect();
        let psu = |row: &PsuRow| Psu { domain: PsuDomain::new(row.limit), base: Power(0) };
        let mut psus: Vec<_> = machine.psus.iter().map(psu).collect();
        let switches = machine.switches.iter().map(|row| (row.psu, row.power));
        let nodes = (0..).map(NodeId).zip(&machine.nodes).map(|(id, row)| {
            let group = machine.group_of(id);
            (row.psu, watts[usize::from(group)].off)
        });
        let each = plan.scenario.server_power();
        let server = machine.wiring.server.psu.map(|psu| (psu, each));
        for (psu, power) in switches.chain(nodes).chain(server) {
            let base = &mut psus[psu as usize].base;
            *base = Power(base.0 + power.0);
        }
        let mut feed = Self {
            above: (0..psus.len() as u32).map(|psu| machine.psu_above(psu)).collect(),
            psus,
            feeds: machine.feeds(),
            port_limits: machine.wiring.port_limits.clone(),
            meter: PowerMeter::default(),
            watts,
            tripped: Vec::new(),
            ports: Vec::new(),
        };
        if server.is_none() {
            let servers = each.0 * machine.servers.len() as u64;
            feed.meter.change(Time::ZERO, Power(0), Power(servers));
        }
        for psu in 0..feed.psus.len() as u32 {
            feed.change_base(Time::ZERO, psu, true);
        }
        feed
    }

    pub(super) fn domain(&mut self, psu: u32) -> &mut PsuDomain {
        &mut self.psus[psu as usize].domain
    }

    /// The PSU of a feed.
    pub(super) fn psu_of(&self, feed: u32) -> u32 {
        self.feeds[feed as usize].0
    }

    /// Whether a feed gives power.
    pub(super) fn gives(&self, feed: u32) -> bool {
        self.psus[self.psu_of(feed) as usize].domain.down == 0
    }

    /// Whether a node of a feed may draw more than a port of its PSU gives.
    pub(super) fn exceeds_port(&self, feed: u32, draw: Draw) -> bool {
        let (psu, group) = self.feeds[feed as usize];
        let limit = self.port_limits.get(psu as usize).copied().flatten();
        limit.is_some_and(|limit| draw.watts(&self.watts[usize::from(group)]).1 > limit)
    }

    /// A node may draw more than its port gives.
    pub(super) fn trip_port(&mut self, node: u32) {
        self.ports.push(node);
    }

    /// Takes the nodes of which that was said, in their order.
    pub(super) fn take_ports(&mut self) -> Vec<u32> {
        let mut ports = std::mem::take(&mut self.ports);
        ports.sort_unstable();
        ports.dedup();
        ports
    }

    /// What a domain gives whatever its nodes do is drawn from now on, or no longer.
    pub(super) fn change_base(&mut self, now: Time, psu: u32, drawn: bool) {
        let (none, base) = (Power(0), self.psus[psu as usize].base);
        let (from, to) = if drawn { (none, base) } else { (base, none) };
        self.change(now, psu, (from, from), (to, to));
    }

    /// Changes what so many nodes of a feed draw. O(PSUs above each other).
    pub(super) fn change_draw(&mut self, now: Time, feed: u32, from: Draw, to: Draw, count: u32) {
        let (psu, group) = self.feeds[feed as usize];
        let watts = &self.watts[usize::from(group)];
        let times = |(mean, peak): (Power, Power)| {
            (Power(mean.0 * u64::from(count)), Power(peak.0 * u64::from(count)))
        };
        let (from, to) = (times(from.watts(watts)), times(to.watts(watts)));
        self.change(now, psu, from, to);
    }

    /// Changes what so many nodes of each of these feeds draw. The meter sees one change: no power
    /// in between would be above both ends.
    pub(super) fn change_draws(
        &mut self,
        now: Time,
        counts: impl Iterator<Item = (u32, u32)>,
        from: Draw,
        to: Draw,
    ) {
        let times = |power: Power, count: u32| Power(power.0 * u64::from(count));
        let watts = |of: &Self, group| {
            let watts = &of.watts[usize::from(group)];
            (from.watts(watts), to.watts(watts))
        };
        // Neighbours are of one group, mostly.
        let (mut known, mut drawn) = (0, watts(self, 0));
        let (mut before, mut after) = (0, 0);
        for (feed, count) in counts {
            let (psu, group) = self.feeds[feed as usize];
            if group != known {
                (known, drawn) = (group, watts(self, group));
            }
            let (from, to) = drawn;
            before += times(from.0, count).0;
            after += times(to.0, count).0;
            self.load(psu, times(from.1, count), times(to.1, count));
        }
        self.meter.change(now, Power(before), Power(after));
    }

    /// Changes what a domain draws, as (mean, peak).
    fn change(&mut self, now: Time, psu: u32, from: (Power, Power), to: (Power, Power)) {
        self.meter.change(now, from.0, to.0);
        self.load(psu, from.1, to.1);
    }

    /// Changes the peak that hangs on a domain, and on those above it.
    #[inline]
    fn load(&mut self, psu: u32, from: Power, to: Power) {
        let mut at = Some(psu);
        while let Some(psu) = at {
            if self.psus[psu as usize].domain.change(from, to) {
                self.tripped.push(psu);
            }
            at = self.above[psu as usize];
        }
    }

    /// Whether domains may have to brown out.
    pub(super) fn has_tripped(&self) -> bool {
        !self.tripped.is_empty() || !self.ports.is_empty()
    }

    /// Takes the domains that are above their limits, in their order.
    pub(super) fn take_tripped(&mut self) -> Vec<u32> {
        let mut tripped = std::mem::take(&mut self.tripped);
        tripped.sort_unstable();
        tripped.dedup();
        tripped.retain(|&psu| self.psus[psu as usize].domain.is_overloaded());
        tripped
    }

    /// Energy since the start (mJ), and the highest power since the last reading (mW).
    pub(super) fn read(&mut self, now: Time) -> (u64, u64) {
        (self.meter.energy_millijoules(now), self.meter.take_max().0)
    }
}
