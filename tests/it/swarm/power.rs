//! Power: what each PSU domain must give, and the energy that the meter counts.

use rackstorm::event::{Cause, Event, NodeState, PartState, Sensor, What};
use rackstorm::ids::{Part, PartKind};
use rackstorm::units::{Power, Span, Time};

use super::check::Machine;
use super::job::Job;

/// The meter of the whole machine, and of the most that each PSU gave in this instant.
pub(super) struct Meter {
    /// Energy so far (mW ns).
    energy: u128,
    most: Vec<u64>,
}

/// Mean and peak power.
type Watts = (Power, Power);

impl Meter {
    pub(super) fn new(machine: &Machine, job: &Job) -> Self {
        let psus = 0..machine.plan.machine.psus.len() as u32;
        // Switches, and nodes that are off, draw power before anything happens.
        let most = psus.map(|psu| load(machine, job, psu, true)).collect();
        Self { energy: 0, most }
    }

    pub(super) fn observe(&mut self, machine: &Machine, job: &Job, event: &Event) {
        match event.what {
            What::Reading { sensor: Sensor::Energy, value } => {
                let energy = (self.energy / 1_000_000_000) as u64;
                assert_eq!(value, energy, "the meter counts all and nothing else (mJ)");
            }
            What::PartState { part, state: PartState::Down, cause: Cause::BrownOut }
                if part.kind == PartKind::Psu =>
            {
                let limit = limit(machine, part.index);
                let most = self.most[part.index as usize];
                assert!(most > limit, "{most} mW brown out a PSU of {limit} mW");
            }
            _ => {}
        }
        for psu in 0..self.most.len() as u32 {
            let load = load(machine, job, psu, true);
            let most = &mut self.most[psu as usize];
            *most = load.max(*most);
        }
    }

    /// No PSU gives more than it can for any length of time.
    pub(super) fn close(&mut self, machine: &Machine, job: &Job) {
        for psu in 0..self.most.len() as u32 {
            let (load, limit) = (load(machine, job, psu, false), limit(machine, psu));
            assert!(load <= limit, "PSU {psu} of {limit} mW gives {load} mW");
            self.most[psu as usize] = load;
        }
    }

    pub(super) fn pass(&mut self, machine: &Machine, job: &Job, to: Time) {
        let (scenario, rows) = (&machine.plan.scenario, &machine.plan.machine);
        let span = u128::from(to.since(machine.now).0);
        let mut power = u128::from(scenario.server.power.0) * rows.servers.len() as u128;
        for row in &rows.switches {
            if machine.part(PartKind::Psu, row.psu) == PartState::Up {
                power += u128::from(scenario.module.switch_power.0);
            }
        }
        self.energy += power * span;
        for node in 0..machine.nodes.len() as u32 {
            let (first, _) = watts(machine, job, node, false);
            // The inrush may end on the way.
            let change = machine.nodes[node as usize].on_at + scenario.hardware.boot.inrush;
            let middle = change.max(machine.now).min(to);
            let before = middle.since(machine.now);
            let after = to.since(middle);
            let later = if before > Span::ZERO && after > Span::ZERO {
                settled(machine, job, node).0
            } else {
                first
            };
            self.energy += u128::from(first.0) * u128::from(before.0);
            self.energy += u128::from(later.0) * u128::from(after.0);
        }
    }
}

fn limit(machine: &Machine, psu: u32) -> u64 {
    let slot = machine.plan.machine.psus[psu as usize].slot;
    machine.plan.scenario.module.psus[slot as usize].limit.0
}

/// Peak load of a PSU that is up (mW). `first`: at the first moment of this instant, when an
/// inrush that ends now has not ended.
fn load(machine: &Machine, job: &Job, psu: u32, first: bool) -> u64 {
    let part = Part { kind: PartKind::Psu, index: psu };
    if machine.part(PartKind::Psu, psu) == PartState::Down {
        return 0;
    }
    let switches = machine.plan.machine.switches.iter().filter(|row| row.psu == psu).count();
    let nodes = machine.plan.machine.nodes_of(part);
    let nodes: u64 = nodes.map(|node| watts(machine, job, node.0, first).1.0).sum();
    nodes + machine.plan.scenario.module.switch_power.0 * switches as u64
}

fn watts(machine: &Machine, job: &Job, node: u32, first: bool) -> Watts {
    use NodeState::{Dhcp, Init, Kernel, Rom, Root, Tftp};
    let power = &machine.plan.scenario.hardware.power;
    let row = &machine.nodes[node as usize];
    let boots = matches!(row.state, Rom | Dhcp | Tftp | Kernel | Root | Init);
    let end = row.on_at + machine.plan.scenario.hardware.boot.inrush;
    if row.powered && boots && (machine.now < end || first && machine.now == end) {
        return (power.boot_peak, power.boot_peak);
    }
    settled(machine, job, node)
}

/// What a node draws when its inrush is over.
fn settled(machine: &Machine, job: &Job, node: u32) -> Watts {
    let power = &machine.plan.scenario.hardware.power;
    let row = &machine.nodes[node as usize];
    match row.state {
        _ if !machine.psu_is_up(node) => (Power(0), Power(0)),
        _ if !row.powered => (power.off, power.off),
        NodeState::GaveUp => (power.off, power.off),
        NodeState::Up if job.computes(node) => (power.compute, power.compute_peak),
        NodeState::Up | NodeState::Hung | NodeState::Down => (power.idle, power.idle),
        _ => (power.boot, power.boot),
    }
}
