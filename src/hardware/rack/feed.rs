//! The feed of the machine: its PSU domains, what hangs on each, and the meter over all of it.

use crate::hardware::power::{PowerMeter, PsuDomain};
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
    meter: PowerMeter,
    /// What a node draws.
    watts: NodePower,
    /// Domains whose load passed their limit by what has just happened.
    tripped: Vec<u32>,
}

impl Feed {
    /// The feed of a plan's machine: servers and switches draw their power from the start, nodes
    /// that are off draw theirs. O(parts).
    pub(super) fn new(plan: &Plan) -> Self {
        let (machine, watts) = (&plan.machine, plan.scenario.hardware.power.clone());
        let psu = |row: &PsuRow| Psu { domain: PsuDomain::new(row.limit), base: Power(0) };
        let mut psus: Vec<_> = machine.psus.iter().map(psu).collect();
        let switches = machine.switches.iter().map(|row| (row.psu, row.power));
        let nodes = machine.nodes.iter().map(|row| (row.psu, watts.off));
        for (psu, power) in switches.chain(nodes) {
            let base = &mut psus[psu as usize].base;
            *base = Power(base.0 + power.0);
        }
        let mut feed = Self { psus, meter: PowerMeter::default(), watts, tripped: Vec::new() };
        let servers = plan.scenario.server.power.0 * machine.servers.len() as u64;
        feed.meter.change(Time::ZERO, Power(0), Power(servers));
        for psu in 0..feed.psus.len() as u32 {
            feed.change_base(Time::ZERO, psu, true);
        }
        feed
    }

    pub(super) fn domain(&mut self, psu: u32) -> &mut PsuDomain {
        &mut self.psus[psu as usize].domain
    }

    /// Whether a domain gives power.
    pub(super) fn gives(&self, psu: u32) -> bool {
        self.psus[psu as usize].domain.down == 0
    }

    /// What a domain gives whatever its nodes do is drawn from now on, or no longer.
    pub(super) fn change_base(&mut self, now: Time, psu: u32, drawn: bool) {
        let (none, base) = (Power(0), self.psus[psu as usize].base);
        let (from, to) = if drawn { (none, base) } else { (base, none) };
        self.change(now, psu, (from, from), (to, to));
    }

    /// Changes what so many nodes of a domain draw. O(1).
    pub(super) fn change_draw(&mut self, now: Time, psu: u32, from: Draw, to: Draw, count: u32) {
        let times = |(mean, peak): (Power, Power)| {
            (Power(mean.0 * u64::from(count)), Power(peak.0 * u64::from(count)))
        };
        let (from, to) = (times(from.watts(&self.watts)), times(to.watts(&self.watts)));
        self.change(now, psu, from, to);
    }

    /// Changes what so many nodes of each of these domains draw, all of them alike. The meter sees
    /// one change: no power in between would be above both ends.
    pub(super) fn change_draws(
        &mut self,
        now: Time,
        counts: impl Iterator<Item = (u32, u32)>,
        from: Draw,
        to: Draw,
    ) {
        let (from, to) = (from.watts(&self.watts), to.watts(&self.watts));
        let times = |power: Power, count: u64| Power(power.0 * count);
        let mut all = 0;
        for (psu, count) in counts {
            let (count, domain) = (u64::from(count), &mut self.psus[psu as usize].domain);
            all += count;
            if domain.change(times(from.1, count), times(to.1, count)) {
                self.tripped.push(psu);
            }
        }
        self.meter.change(now, times(from.0, all), times(to.0, all));
    }

    /// Changes what a domain draws, as (mean, peak).
    fn change(&mut self, now: Time, psu: u32, from: (Power, Power), to: (Power, Power)) {
        self.meter.change(now, from.0, to.0);
        if self.psus[psu as usize].domain.change(from.1, to.1) {
            self.tripped.push(psu);
        }
    }

    /// Whether domains may have to brown out.
    pub(super) fn has_tripped(&self) -> bool {
        !self.tripped.is_empty()
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
