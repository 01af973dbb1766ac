//! Whether copies that nodes send to each other may share links with something else.
//!
//! Behind one switch each node sends and receives its copies over its own link, in full duplex,
//! and nothing else is on these links while they are written: a node that boots is in no job. An
//! uplink that carries all that the nodes behind it can send holds nobody back. Then copies take
//! the time that [`super::levels`] gives in closed form, to the nanosecond, and nobody has to play
//! them. Everywhere else they go over the links of the machine, with whatever else is on them.

use std::iter::successors;

use crate::event::Target;
use crate::ids::NodeId;
use crate::plan::Plan;
use crate::plan::machine::SwitchRow;
use crate::scenario::job::{Checkpoint, Cost, KeptAt};

/// Whether copies are played on the links of the machine.
pub(super) fn plays_copies(plan: &Plan) -> bool {
    let of_links = [Target::Link, Target::Switch];
    let mut faults = plan.scenario.faults.iter();
    keeps_copies(plan)
        && (copies_meet_others(plan)
            || !plan.changes.is_empty()
            || faults.any(|rule| of_links.contains(&rule.kind().target())))
}

/// Whether copies may meet other traffic on their links, whatever fails.
pub(super) fn copies_meet_others(plan: &Plan) -> bool {
    let wiring = &plan.machine.wiring;
    let is_shared = plan.sends_between_parts() || wiring.cells > 0 || wiring.server.computes;
    keeps_copies(plan)
        && (is_shared
            || copies_meet_drains(plan)
            || has_unlike_links(plan)
            || has_narrow_uplinks(plan))
}

/// The checkpoints that nodes keep for others of their job.
fn copied(plan: &Plan) -> impl Iterator<Item = &Checkpoint> {
    let is_copied =
        |at| matches!(at, KeptAt::Partner | KeptAt::Buddies { .. } | KeptAt::Group { .. });
    let all = plan.scenario.jobs.iter().filter_map(|job| job.checkpoint.as_ref());
    all.filter(move |spec| {
        let mut places = (0..spec.levels()).filter_map(|level| spec.cost(level).kept_at());
        spec.logging().is_none() && places.any(is_copied)
    })
}

fn keeps_copies(plan: &Plan) -> bool {
    copied(plan).next().is_some()
}

/// Whether a job that keeps copies sends to the file server while it computes.
fn copies_meet_drains(plan: &Plan) -> bool {
    let drains = |spec: &Checkpoint, level| {
        let at_server = spec.cost(level) == Cost::Store(KeptAt::FileServer);
        at_server && spec.drain(level).is_some()
    };
    copied(plan).any(|spec| (0..spec.levels()).any(|level| drains(spec, level)))
}

fn has_unlike_links(plan: &Plan) -> bool {
    let mut links = plan.scenario.working_hardware().map(|hardware| hardware.link);
    let first = links.next();
    links.any(|link| Some(link) != first)
}

/// Whether what passes from switch to switch may be more than an uplink carries.
fn has_narrow_uplinks(plan: &Plan) -> bool {
    let machine = &plan.machine;
    let mut below = vec![0_u128; machine.switches.len()];
    let mut add = |switch: Option<u32>, rate: u64| {
        let over = successors(switch, |&switch| machine.switch_above(switch));
        for switch in over {
            below[switch as usize] += u128::from(rate);
        }
    };
    for (node, row) in (0..).map(NodeId).zip(&machine.nodes) {
        add(Some(row.switch), plan.hardware_of(node).link.0);
    }
    add(machine.wiring.server.switch, plan.scenario.server_link().0);
    let first = machine.nodes.first().map(|row| row.switch);
    let several = machine.nodes.iter().any(|row| Some(row.switch) != first);
    let narrow = |(row, &below): (&SwitchRow, &u128)| {
        // Without an uplink nothing goes that way.
        row.uplink.0 > 0 && below > u128::from(row.uplink.0)
    };
    several && machine.switches.iter().zip(&below).any(narrow)
}
