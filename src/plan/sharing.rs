//! Whether copies that nodes send to each other may share links with something else.
//!
//! Behind one switch each node sends and receives its copies over its own link, in full duplex,
//! and nothing else is on these links while they are written: a node that boots is in no job. An
//! uplink that carries all that the nodes behind it can send holds nobody back. Then copies take
//! the time that [`super::levels`] gives in closed form, to the nanosecond, and nobody has to play
//! them. Everywhere else they go over the links of the machine, with whatever else is on them.

use crate::event::Fault;
use crate::plan::Plan;
use crate::scenario::job::{Checkpoint, Cost, KeptAt};

impl Plan {
    /// Whether any part may send to any other, so that the fabric is a mesh.
    #[must_use]
    pub fn is_mesh(&self) -> bool {
        self.sends_between_parts() || self.machine.wiring.cells > 0 || self.plays_copies()
    }

    /// Whether copies at partners and buddies and parities of groups are played on the links of
    /// the machine.
    #[must_use]
    pub fn plays_copies(&self) -> bool {
        let is_of_links = |kind| matches!(kind, Fault::LinkDegradation | Fault::SwitchLoss);
        self.keeps_copies()
            && (self.copies_meet_others()
                || !self.changes.is_empty()
                || self.scenario.faults.iter().any(|rule| is_of_links(rule.kind())))
    }

    /// Whether copies may meet other traffic on their links, whatever fails.
    #[must_use]
    pub fn copies_meet_others(&self) -> bool {
        let head_computes = self.machine.wiring.server.computes;
        let is_shared = self.sends_between_parts() || self.machine.wiring.cells > 0;
        self.keeps_copies()
            && (is_shared
                || head_computes
                || self.copies_meet_drains()
                || self.has_unlike_links()
                || self.has_narrow_uplinks())
    }

    fn checkpoints(&self) -> impl Iterator<Item = &Checkpoint> {
        let alone = |spec: &&Checkpoint| spec.logging().is_none();
        self.scenario.jobs.iter().filter_map(|job| job.checkpoint.as_ref()).filter(alone)
    }

    /// Whether nodes of a job keep what others of it have sent them.
    fn keeps_copies(&self) -> bool {
        self.checkpoints().any(keeps_copies)
    }

    /// Whether a job that keeps copies sends to the file server while it computes.
    fn copies_meet_drains(&self) -> bool {
        let drains = |spec: &Checkpoint, level| {
            let at_server = spec.cost(level) == Cost::Store(KeptAt::FileServer);
            at_server && spec.drain(level).is_some()
        };
        let all = self.checkpoints().filter(|spec| keeps_copies(spec));
        all.into_iter().any(|spec| (0..spec.levels()).any(|level| drains(spec, level)))
    }

    fn has_unlike_links(&self) -> bool {
        let mut links = self.scenario.working_hardware().map(|hardware| hardware.link);
        let first = links.next();
        links.any(|link| Some(link) != first)
    }

    /// Whether what passes from switch to switch may be more than an uplink carries.
    fn has_narrow_uplinks(&self) -> bool {
        let machine = &self.machine;
        let mut below = vec![0_u128; machine.switches.len()];
        let mut add = |switch: Option<u32>, rate: u64| {
            let over = std::iter::successors(switch, |&switch| machine.switch_above(switch));
            over.for_each(|switch| below[switch as usize] += u128::from(rate));
        };
        for (node, row) in (0..).map(crate::ids::NodeId).zip(&machine.nodes) {
            add(Some(row.switch), self.hardware_of(node).link.0);
        }
        add(machine.wiring.server.switch, self.scenario.server_link().0);
        let first = machine.nodes.first().map(|row| row.switch);
        let several = machine.nodes.iter().any(|row| Some(row.switch) != first);
        let narrow = |(row, &below): (&crate::plan::machine::SwitchRow, &u128)| {
            // Without an uplink nothing goes that way.
            row.uplink.0 > 0 && below > u128::from(row.uplink.0)
        };
        several && machine.switches.iter().zip(&below).any(narrow)
    }
}

fn keeps_copies(spec: &Checkpoint) -> bool {
    let is_copied = |level| {
        let copied =
            |at| matches!(at, KeptAt::Partner | KeptAt::Buddies { .. } | KeptAt::Group { .. });
        spec.cost(level).kept_at().is_some_and(copied)
    };
    (0..spec.levels()).any(is_copied)
}
