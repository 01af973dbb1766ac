//! Partitions of the network: two sets of parts that do not reach each other.
//!
//! Or one does not hear the other.
//!
//! ```text
//!  from = "A", to = "B"                 one_way = true
//!
//!      C          A, B: nothing             C          A to B: nothing
//!     / \         A, C: all                / \         B to A: datagrams; no transfer, for what
//!    A - B        B, C: all               A - B        A would acknowledge does not arrive
//!      x                                    > x
//! ```
//!
//! The words are those of Jepsen ("partition", "one-way") and of turmoil (`partition`,
//! `partition_oneway`).
//!
//! A server that is a node stands on the side of its node, and so does the controller, which runs
//! there. Else the controller is a part of its own: who is cut from a server alone goes on sending
//! heartbeats.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::config::declare::{Declared, Written, table};
use crate::config::language::Problem;
use crate::config::layout::Layout;
use crate::config::mistakes::{Mistake, Mistakes};
use crate::config::nodeset::{self, PartSet};
use crate::config::section::Section;
use crate::config::walk;
use crate::event::Strikes;
use crate::ids::{FaultId, NodeId, Part, PartKind};
use crate::scenario::Scenario;
use crate::scenario::fault::FaultRule;
use crate::scenario::fault_rules;
use crate::scenario::harm::Harm;

table! {
    /// Who is cut from whom.
    pub(super) struct Sides(Debug) {
        /// Name for people. Default: the kind's.
        name: Option<String>;
        /// One side: nodes, or `server` or `controller`, in ClusterShell notation.
        from: String = Kind::Parts;
        /// The other side: nodes, or `server` or `controller`.
        to: String = Kind::Parts;
        /// Whether only what `from` sends to `to` is lost. Datagrams still pass the other way;
        /// transfers do not, which need both ways.
        one_way: bool => "false";
    }
}

/// Two sets of parts between which the network carries nothing, or nothing in one direction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partition {
    /// Whose bytes do not arrive.
    pub from: PartSet,
    /// Where they do not arrive.
    pub to: PartSet,
    /// Whether those of the other direction do.
    pub one_way: bool,
}

impl Partition {
    /// It as keys of its table, but for the name.
    pub(super) fn keys(&self) -> Vec<(&'static str, Written)> {
        let (from, to) = (nodeset::print(&self.from), nodeset::print(&self.to));
        let mut keys = Sides { name: None, from, to, one_way: self.one_way }.keys();
        keys.retain(|(key, _)| *key != "name");
        keys
    }

    /// It as a phrase.
    #[must_use]
    pub fn phrase(&self) -> String {
        let (from, to) = (nodeset::print(&self.from), nodeset::print(&self.to));
        if self.one_way {
            format!("from {from} to {to}")
        } else {
            format!("between {from} and {to}")
        }
    }
}

/// The partitions of a scenario, and which of them last now.
#[derive(Clone, Debug)]
pub struct Cuts {
    rules: Arc<[Option<Partition>]>,
    head: Option<u32>,
    open: BTreeSet<FaultId>,
}

impl Cuts {
    /// Those of a scenario, none of which lasts yet.
    #[must_use]
    pub fn of(scenario: &Scenario) -> Self {
        let partition = |rule: &FaultRule| {
            if let Harm::Partition(own) = &rule.harm { Some(own.clone()) } else { None }
        };
        let rules = scenario.faults.iter().map(partition).collect();
        let head = scenario.parts.as_ref().and_then(|parts| parts.head(&scenario.server));
        Self { rules, head, open: BTreeSet::new() }
    }

    /// The one of this rule begins or ends.
    pub fn set(&mut self, fault: FaultId, lasts: bool) {
        if lasts {
            self.open.insert(fault);
        } else {
            self.open.remove(&fault);
        }
    }

    /// The nodes on the sides of the partition of a rule, each once, in their order.
    ///
    /// # Panics
    /// If the rule is that of another kind of fault.
    #[must_use]
    pub fn sides(&self, fault: FaultId) -> Vec<NodeId> {
        let Partition { from, to, .. } = self.partition(fault);
        let sides = [from, to].into_iter().filter(|set| set.kind == PartKind::Node);
        let nodes: BTreeSet<_> = sides.flat_map(|set| set.iter().map(NodeId)).collect();
        nodes.into_iter().collect()
    }

    fn partition(&self, fault: FaultId) -> &Partition {
        self.rules[usize::from(fault.0)].as_ref().expect("a rule of a partition")
    }

    /// Whether none lasts now.
    #[must_use]
    pub fn are_none(&self) -> bool {
        self.open.is_empty()
    }

    /// Whether what one part sends in datagrams reaches the other one. O(partitions that last).
    #[must_use]
    pub fn carry(&self, from: Part, to: Part) -> bool {
        self.open.is_empty() || !self.open.iter().any(|&fault| self.stops(fault, from, to))
    }

    /// Whether two parts hear each other, as a transfer needs it: what arrives is acknowledged.
    #[must_use]
    pub fn join(&self, one: Part, other: Part) -> bool {
        self.carry(one, other) && self.carry(other, one)
    }

    /// Whether the partition of a rule keeps two parts from hearing each other.
    #[must_use]
    pub fn separates(&self, fault: FaultId, one: Part, other: Part) -> bool {
        self.stops(fault, one, other) || self.stops(fault, other, one)
    }

    fn stops(&self, fault: FaultId, from: Part, to: Part) -> bool {
        let partition = self.partition(fault);
        let (from, to) = (self.standing(from), self.standing(to));
        let holds = |set: &PartSet, part: Part| {
            let has = set.kind == part.kind && set.contains(part.index);
            let is_head = part.kind == PartKind::Node && self.head == Some(part.index);
            has || is_head && matches!(set.kind, PartKind::Server | PartKind::Controller)
        };
        let way = |one, other| holds(&partition.from, one) && holds(&partition.to, other);
        from != to && (way(from, to) || !partition.one_way && way(to, from))
    }

    /// The part that a part is, as far as the network is concerned.
    fn standing(&self, part: Part) -> Part {
        match (part.kind, self.head) {
            (PartKind::Server | PartKind::Controller, Some(index)) => {
                Part { kind: PartKind::Node, index }
            }
            _ => part,
        }
    }
}

/// Reads who is cut from whom. Without a layout sets are not looked up.
pub(super) fn read(
    section: &Section<'_>,
    layout: Option<&Layout>,
    m: &mut Mistakes,
) -> Option<Partition> {
    let sides = Sides::read(section, m);
    let (from, to) = (side("from", section, layout, m), side("to", section, layout, m));
    let (from, to, one_way) = (from?, to?, sides?.one_way);
    if from.kind != PartKind::Node && to.kind != PartKind::Node {
        let mistake = Mistake::new(section.place("to"), "no node on either side of a partition");
        m.note(mistake.help("nodes reach servers and the controller; give `from` or `to` nodes"));
    }
    if from.kind == to.kind
        && let Some(both) = from.iter().find(|part| to.contains(*part))
    {
        let ranges = std::iter::once(both..both + 1).collect();
        let both = nodeset::print(&PartSet { kind: from.kind, ranges });
        let title = format!("`{both}` is on both sides of a partition");
        let help = "nothing is cut from itself; `!` leaves parts out: `node!pi[1-4]`";
        let mistake = Mistake::new(section.place("to"), title).help(help);
        m.note(mistake.other(section.place("from"), "the other side"));
    }
    Some(Partition { from, to, one_way })
}

/// One side, as nodes where what is given holds nodes.
fn side(
    key: &'static str,
    section: &Section<'_>,
    layout: Option<&Layout>,
    m: &mut Mistakes,
) -> Option<PartSet> {
    let value = section.given(key)?;
    let expression = nodeset::parse(value.text()?).ok()?;
    let layout = layout?;
    let fits = |set| fault_rules::fitting(Strikes::SIDES, set, layout, &misfit);
    expression.resolve(layout).and_then(fits).map_err(|problem| walk::note(problem, value, m)).ok()
}

fn misfit(kind: PartKind) -> Problem {
    let title = format!("{} is no side of a partition", nodeset::with_article(kind));
    let help = match kind {
        PartKind::NodeLink | PartKind::Uplink => " (for a link, write [[fault.link-degradation]])",
        _ => "",
    };
    Problem::new(title).help(format!("nodes, a server and the controller are{help}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(kind: PartKind, of: std::ops::Range<u32>) -> PartSet {
        PartSet { kind, ranges: std::iter::once(of).collect() }
    }

    fn node(index: u32) -> Part {
        Part { kind: PartKind::Node, index }
    }

    const SERVER: Part = Part { kind: PartKind::Server, index: 0 };
    const CONTROLLER: Part = Part { kind: PartKind::Controller, index: 0 };

    fn cuts(rules: Vec<Partition>, head: Option<u32>) -> Cuts {
        let open = (0..rules.len() as u16).map(FaultId).collect();
        Cuts { rules: rules.into_iter().map(Some).collect(), head, open }
    }

    #[test]
    fn a_partial_cut_leaves_both_sides_the_others() {
        let (from, to) = (set(PartKind::Node, 0..2), set(PartKind::Node, 2..4));
        let cuts = cuts(vec![Partition { from, to, one_way: false }], None);
        assert!(!cuts.carry(node(0), node(3)) && !cuts.carry(node(3), node(0)));
        assert!(cuts.join(node(0), node(1)) && cuts.join(node(2), node(3)));
        assert!(cuts.join(node(0), node(4)) && cuts.join(node(2), node(4)));
        assert!(cuts.join(node(0), SERVER) && cuts.join(node(0), CONTROLLER));
    }

    #[test]
    fn a_one_way_cut_lets_datagrams_pass_the_other_way_and_no_transfer() {
        let (from, to) = (set(PartKind::Node, 0..1), set(PartKind::Node, 1..2));
        let cuts = cuts(vec![Partition { from, to, one_way: true }], None);
        assert!(!cuts.carry(node(0), node(1)) && cuts.carry(node(1), node(0)));
        assert!(!cuts.join(node(1), node(0)));
    }

    #[test]
    fn a_server_and_the_controller_stand_where_their_node_does() {
        let rule = |from, to| vec![Partition { from, to, one_way: false }];
        let nodes = || set(PartKind::Node, 1..2);
        let apart = cuts(rule(set(PartKind::Server, 0..1), nodes()), None);
        assert!(!apart.join(node(1), SERVER) && apart.join(node(1), CONTROLLER));
        for side in [set(PartKind::Server, 0..1), set(PartKind::Node, 0..1)] {
            let of_head = cuts(rule(side, nodes()), Some(0));
            assert!([SERVER, CONTROLLER, node(0)].iter().all(|&it| !of_head.join(node(1), it)));
            assert!(of_head.join(node(2), SERVER) && of_head.join(node(0), SERVER));
        }
    }

    #[test]
    fn cuts_that_overlap_heal_one_by_one() {
        let rule = |from: u32, to: u32| Partition {
            from: set(PartKind::Node, from..from + 1),
            to: set(PartKind::Node, to..to + 1),
            one_way: false,
        };
        let mut cuts = cuts(vec![rule(0, 1), rule(1, 0)], None);
        assert_eq!(cuts.sides(FaultId(0)), [NodeId(0), NodeId(1)]);
        cuts.set(FaultId(0), false);
        assert!(!cuts.join(node(0), node(1)) && !cuts.are_none());
        cuts.set(FaultId(1), false);
        assert!(cuts.join(node(0), node(1)) && cuts.are_none());
    }
}
