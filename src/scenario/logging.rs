//! Groups of a job that checkpoint by themselves, with message logging: how large, how often.

use crate::config::mistakes::{Mistake, Mistakes};
use crate::config::section::Section;
use crate::scenario::execution::{cost, strikes};
use crate::scenario::job::{Cost, Strikes};
use crate::scenario::machine::read;
use crate::units::{Bytes, Span};

/// Checkpoints of groups, with sender-based message logging between them.
#[derive(Clone, Debug, PartialEq)]
pub struct Logging {
    /// Nodes of a group. The nodes of the job divide by it.
    pub group: u32,
    /// Data per node, without the log.
    pub size: Bytes,
    /// Computing between two checkpoints of a group.
    pub interval: Span,
    /// What writing and reading back cost: through the fabric, or fixed for any number of groups.
    pub cost: Cost,
    /// Whether the groups write in turn, spread over the interval; else all at once.
    pub stagger: bool,
    /// By how much logging lengthens a step, as a share of it.
    pub overhead: f64,
    /// How much faster a group alone computes again: 1 or more.
    pub speedup: f64,
    /// What a node logs in a step.
    pub log: Bytes,
    /// Whether all write after the last step as well.
    pub last: bool,
    /// Which failures count.
    pub strikes: Strikes,
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

/// From the table of that name, for a job of so many nodes.
pub(super) fn logging(
    section: &Section<'_>,
    nodes: Option<u32>,
    m: &mut Mistakes,
) -> Option<Logging> {
    let spec = read!(Logging {
        group: section.get("group", m),
        size: if section.has("size") || !section.has("cost") {
            section.get("size", m)
        } else {
            Some(Bytes(0))
        },
        interval: section.get("interval", m),
        cost: cost(section, m),
        stagger: section.get("stagger", m),
        overhead: section.share("overhead", m),
        speedup: section.get("speedup", m),
        log: section.get("log", m),
        last: section.get("last", m),
        strikes: strikes(section, m),
    })?;
    let place = section.place("group");
    match nodes {
        Some(nodes) if spec.group > nodes => {
            let title = format!("a group of {} in a job of {nodes} nodes", spec.group);
            m.note(Mistake::new(place, title).help("a smaller `group`, or a larger job"));
        }
        Some(nodes) if !nodes.is_multiple_of(spec.group) => {
            let title = format!("a job of {nodes} nodes is not made of groups of {}", spec.group);
            let smaller = (1..spec.group).rev().find(|&group| nodes.is_multiple_of(group));
            let help = format!("`group` divides the nodes of the job, as {} does", smaller?);
            m.note(Mistake::new(place, title).help(help));
        }
        _ => {}
    }
    Some(spec)
}

/// As keys and values of the table.
pub(super) fn logging_lines(spec: &Logging) -> Vec<(&'static str, String)> {
    let quoted = |text: String| toml::Value::String(text).to_string();
    let mut all = vec![("group", spec.group.to_string())];
    if spec.size > Bytes(0) {
        all.push(("size", quoted(spec.size.to_string())));
    }
    all.push(("interval", quoted(spec.interval.to_string())));
    if let Cost::Fixed { write, read, downtime } = spec.cost {
        let [write, read, downtime] = [write, read, downtime].map(|it| quoted(it.to_string()));
        let text = format!("{{ write = {write}, read = {read}, downtime = {downtime} }}");
        all.push(("cost", text));
    } else {
        all.push(("log", quoted(spec.log.to_string())));
    }
    all.extend([
        ("stagger", spec.stagger.to_string()),
        ("overhead", format!("{:?}", spec.overhead)),
        ("speedup", format!("{:?}", spec.speedup)),
        ("last", spec.last.to_string()),
    ]);
    all
}
