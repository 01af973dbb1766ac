//! Groups of a job that checkpoint by themselves, with message logging: how large, how often.

use crate::config::declare::table;
use crate::config::mistakes::{Mistake, Mistakes};
use crate::config::section::Section;
use crate::scenario::job::{Cost, Exposure, FixedCost};
use crate::scenario::keys::{NODES_MAX, SHARE, SIZE, SIZE_SOME, SPAN_SOME};
use crate::units::{Bytes, Span};

table! {
    /// Groups of nodes write and roll back by themselves; senders log what goes between groups.
    /// Checkpoints are kept at the file server.
    pub struct Logging(Clone, Debug, PartialEq) rivals [&["log", "cost"]] {
        /// Nodes of a group, which write together: 1 is uncoordinated, all nodes of the job are one
        /// group.
        group: u32 = Kind::Count(1, NODES_MAX);
        /// Data per node. Not needed with `cost`.
        size: Bytes = SIZE_SOME => _;
        /// Computing between two checkpoints of a group.
        interval: Span = SPAN_SOME;
        /// What writing and reading back cost: through the fabric, or fixed for any number of
        /// groups.
        cost: Cost = Kind::Flat(FixedCost::SPEC);
        /// What a node logs in a step; the log since the oldest checkpoint of any group is written
        /// with each checkpoint.
        log: Bytes = SIZE => "\"0 B\"";
        /// Whether the groups write in turn, spread over the interval; else all at once.
        stagger: bool => "true";
        /// By how much logging lengthens a step, as a share of it. The default is an upper bound:
        /// the abstract of Meneses, Ni and Kalé 2012 says "always lower than 4%", of a stencil on
        /// up to 1,024 cores.
        overhead: f64 = SHARE => "0.04";
        /// How much faster a group alone computes again, as its messages come from logs.
        /// Assumption: not at all.
        speedup: f64 = Kind::Number(1.0, 1_000.0) => "1.0";
        /// Whether all write after the last step as well.
        last: bool => "false";
        /// Which failures count.
        strikes: Exposure => _;
    }
}

impl Logging {
    /// Data per node with the log of so many steps.
    #[must_use]
    pub fn size_with_log(&self, steps: u64) -> Bytes {
        Bytes(self.size.0.saturating_add(self.log.0.saturating_mul(steps)))
    }

    /// The speed-up in millionths.
    #[must_use]
    pub fn speedup_ppm(&self) -> u64 {
        libm::round(self.speedup * 1e6) as u64
    }
}

/// Notes groups that a job of so many nodes is not made of.
pub(super) fn check_groups(section: &Section<'_>, nodes: u32, m: &mut Mistakes) {
    let Some(group) = section.get::<u32>("group", m) else { return };
    let (title, help) = if group > nodes {
        let title = format!("a group of {group} in a job of {nodes} nodes");
        (title, "a smaller `group`, or a larger job".to_owned())
    } else if !nodes.is_multiple_of(group) {
        let smaller = (1..group).rev().find(|&group| nodes.is_multiple_of(group)).unwrap_or(1);
        let title = format!("a job of {nodes} nodes is not made of groups of {group}");
        (title, format!("`group` divides the nodes of the job, as {smaller} does"))
    } else {
        return;
    };
    m.note(Mistake::new(section.place("group"), title).help(help));
}
