//! What a fault means for the muster: which nodes it cuts off, which it takes out of service.

use crate::event::Fault;
use crate::fleet::doors::Deed;
use crate::ids::{NodeId, Part, PartKind};
use crate::plan::Plan;
use crate::scenario::fault::Repair;

fn repair<'p>(plan: &'p Plan, deed: &Deed) -> &'p Repair {
    &plan.scenario.rule(deed.fault).repair
}

/// Whether the harm lasts until it is undone by hand.
pub(super) fn is_undone(plan: &Plan, deed: &Deed) -> bool {
    !matches!(repair(plan, deed), Repair::PowerCycle)
}

/// Whether the nodes that it takes out of service have no power.
pub(super) fn is_dark(deed: &Deed) -> bool {
    deed.kind == Fault::Crash || deed.kind == Fault::PowerLoss
}

/// The nodes that work on and are not reached.
pub(super) fn cut_off(plan: &Plan, deed: &Deed) -> Vec<NodeId> {
    let machine = &plan.machine;
    let link = plan.scenario.rule(deed.fault).harm.link();
    match deed.kind {
        Fault::SwitchLoss => machine.nodes_of(deed.part).collect(),
        Fault::LinkDegradation if link.left_ppm() == 0 => machine.nodes_of(deed.part).collect(),
        Fault::PowerLoss => {
            let fed = (0..).zip(&machine.switches).filter(|(_, row)| row.psu == deed.part.index);
            let part = |index| Part { kind: PartKind::Switch, index };
            fed.flat_map(|(index, _)| machine.nodes_of(part(index))).collect()
        }
        Fault::Crash
        | Fault::Hang
        | Fault::ServerLoss
        | Fault::LinkDegradation
        | Fault::ControllerCrash
        | Fault::SilentCorruption
        | Fault::Upset
        | Fault::Dram
        | Fault::Load
        | Fault::Clock
        | Fault::Process => Vec::new(),
    }
}

/// The nodes that are themselves broken until the harm is undone. A node without power cannot
/// hang.
pub(super) fn out_of_service(
    plan: &Plan,
    deed: &Deed,
    has_power: impl Fn(NodeId) -> bool,
) -> Vec<NodeId> {
    let node = NodeId(deed.part.index);
    match deed.kind {
        Fault::PowerLoss => plan.machine.nodes_of(deed.part).collect(),
        Fault::Crash if is_undone(plan, deed) => vec![node],
        Fault::Hang if is_undone(plan, deed) && has_power(node) => vec![node],
        Fault::Crash
        | Fault::Hang
        | Fault::SwitchLoss
        | Fault::ServerLoss
        | Fault::LinkDegradation
        | Fault::ControllerCrash
        | Fault::SilentCorruption
        | Fault::Upset
        | Fault::Dram
        | Fault::Load
        | Fault::Clock
        | Fault::Process => Vec::new(),
    }
}
