//! What a fault means for the muster: which nodes it cuts off, which it takes out of service.

use crate::event::{Fault, Target};
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
    let left_ppm = plan.scenario.rule(deed.fault).harm.left_ppm();
    match deed.kind.target() {
        Target::Switch => machine.nodes_of(deed.part).collect(),
        Target::Link if left_ppm == 0 => machine.nodes_of(deed.part).collect(),
        Target::Feed => {
            let fed = (0..).zip(&machine.switches).filter(|(_, row)| row.psu == deed.part.index);
            let part = |index| Part { kind: PartKind::Switch, index };
            fed.flat_map(|(index, _)| machine.nodes_of(part(index))).collect()
        }
        Target::Life
        | Target::Link
        | Target::Server
        | Target::Controller
        | Target::Memory
        | Target::Resource => Vec::new(),
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
    match deed.kind.target() {
        Target::Feed => plan.machine.nodes_of(deed.part).collect(),
        Target::Life if is_undone(plan, deed) && (deed.kind == Fault::Crash || has_power(node)) => {
            vec![node]
        }
        Target::Life
        | Target::Switch
        | Target::Link
        | Target::Server
        | Target::Controller
        | Target::Memory
        | Target::Resource => Vec::new(),
    }
}
