//! The ledger of the nodes: who is in which state, how often it failed, how long it took to boot.

use super::bins::seconds;
use super::jobs::Jobs;
use super::metrics::Table;
use super::sample::Sample;
use super::timeline::Timeline;
use super::{BootSpan, NodeClass, NodeFinding};
use crate::event::{Cause, Fault, NodeState, Target};
use crate::ids::{JobId, Life, NodeId};
use crate::record::words;

/// Nodes at most whose first boot is kept stage by stage.
const BOOT_SAMPLE: u32 = 200;

/// The shares of the nodes whose boot is timed, in percent, and their metrics.
const MILESTONES: [(u64, &str); 4] =
    [(50, "boot_t50"), (90, "boot_t90"), (99, "boot_t99"), (100, "boot_t100")];

/// Causes of failures and their metrics. The order is that of [`Fault`], then brown-out.
const FAILURES: [&str; 7] = [
    "failures_crash",
    "failures_hang",
    "failures_power_loss",
    "failures_switch_loss",
    "failures_server_loss",
    "failures_link_degradation",
    "failures_brown_out",
];

const NEVER: u64 = u64::MAX;
const NO_JOB: u16 = u16::MAX;

/// One node; a million of them must stay small, and a change must touch one cache line.
#[derive(Clone, Debug)]
#[repr(align(64))]
struct NodeTally {
    /// When it entered its state (ns).
    since: u64,
    up_ns: u64,
    down_ns: u64,
    first_up: u64,
    /// When it was last powered on (ns).
    on_at: u64,
    /// When the outage began that it has not yet come back from, or never (ns).
    failed_at: u64,
    boots: u32,
    failures: u32,
    life: u32,
    job: u16,
    state: NodeState,
}

const _: () = assert!(size_of::<NodeTally>() <= 64);

/// All nodes.
#[derive(Clone, Debug)]
pub(super) struct Nodes {
    rows: Vec<NodeTally>,
    up: u32,
    /// The most nodes that were up at once so far.
    most_up: u32,
    milestones: [Option<u64>; MILESTONES.len()],
    failures: [u64; FAILURES.len()],
    gave_up: u64,
    outages: Sample,
    boot_times: Sample,
    /// Every so many-th node's first boot is kept.
    stride: u32,
    boots: Vec<BootSpan>,
}

/// A node's change of state, as emitted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Change {
    pub(super) node: NodeId,
    pub(super) life: Life,
    pub(super) state: NodeState,
    pub(super) cause: Cause,
}

impl Nodes {
    /// So many nodes, all off.
    pub(super) fn new(nodes: u32) -> Self {
        let row = NodeTally {
            since: 0,
            up_ns: 0,
            down_ns: 0,
            first_up: NEVER,
            on_at: 0,
            failed_at: NEVER,
            boots: 0,
            failures: 0,
            life: 0,
            job: NO_JOB,
            state: NodeState::Off,
        };
        Self {
            rows: vec![row; nodes as usize],
            up: 0,
            most_up: 0,
            milestones: [None; MILESTONES.len()],
            failures: [0; FAILURES.len()],
            gave_up: 0,
            outages: Sample::default(),
            boot_times: Sample::default(),
            // An odd stride, so that the sample meets every place on a blade.
            stride: nodes.div_ceil(BOOT_SAMPLE).max(1) | 1,
            boots: Vec::new(),
        }
    }

    /// Whether it is they that measure the metric of this name.
    pub(super) fn measures(name: &str) -> bool {
        let begins = |word: &&str| name.starts_with(*word);
        let words = ["node", "failures", "mtbf", "mttr", "availability", "boot"];
        words.iter().any(begins) || ["power_cycles", "gave_up", "utilisation"].contains(&name)
    }

    /// How many there are.
    pub(super) fn len(&self) -> u32 {
        self.rows.len() as u32
    }

    /// A node enters a state at `now` (ns).
    pub(super) fn change(
        &mut self,
        now: u64,
        change: Change,
        jobs: &mut Jobs,
        timeline: &mut Timeline,
    ) {
        let Change { node, life, state, cause } = change;
        let row = &mut self.rows[node.0 as usize];
        let old = row.state;
        assert!(life.0 >= row.life, "node {} goes back to a dead life", node.0);
        let is_new_life = life.0 > row.life;
        row.life = life.0;
        if row.boots == 1 && row.first_up == NEVER && is_boot(old) && node.0 % self.stride == 0 {
            let stage = words::node_state(old).to_owned();
            let (from_s, to_s) = (seconds(row.since), seconds(now));
            self.boots.push(BootSpan { node, stage, from_s, to_s });
        }
        row.settle(now);
        row.state = state;

        let runs = is_boot(state) || state == NodeState::Up;
        let ran = is_boot(old) || old == NodeState::Up;
        if runs && (!ran || is_new_life) {
            row.boots += 1;
            row.on_at = now;
        }
        let can_fail = ran || old == NodeState::GaveUp;
        if can_fail && let Some(kind) = failure(state, cause) {
            row.failures += 1;
            row.failed_at = row.failed_at.min(now);
            self.failures[kind] += 1;
        }
        if state == NodeState::GaveUp && old != NodeState::GaveUp {
            self.gave_up += 1;
        }

        let (was_up, is_up) = (old == NodeState::Up, state == NodeState::Up);
        let phase = (row.job != NO_JOB).then(|| {
            let job = JobId(row.job);
            jobs.change_up(job, i32::from(is_up) - i32::from(was_up));
            jobs.phase_of(job)
        });
        timeline.shift(now, NodeClass::of(old, phase), NodeClass::of(state, phase), 1);
        if is_up && !was_up {
            self.comes_up(now, node);
        } else if was_up && !is_up {
            self.up -= 1;
        }
    }

    /// A node joins a job or leaves it at `now` (ns).
    pub(super) fn join(
        &mut self,
        now: u64,
        (job, node, joined): (JobId, NodeId, bool),
        jobs: &mut Jobs,
        timeline: &mut Timeline,
    ) {
        let row = &mut self.rows[node.0 as usize];
        let before = if joined { NO_JOB } else { job.0 };
        assert_eq!(row.job, before, "node {} joins one job at a time and leaves that", node.0);
        row.job = if joined { job.0 } else { NO_JOB };
        if row.state == NodeState::Up {
            let (idle, busy) = (NodeClass::Idle, NodeClass::of_phase(jobs.phase_of(job)));
            if joined {
                timeline.shift(now, idle, busy, 1);
                jobs.change_up(job, 1);
            } else {
                timeline.shift(now, busy, idle, 1);
                jobs.change_up(job, -1);
            }
        }
    }

    fn comes_up(&mut self, now: u64, node: NodeId) {
        let row = &mut self.rows[node.0 as usize];
        row.first_up = row.first_up.min(now);
        self.boot_times.add(now - row.on_at);
        if row.failed_at != NEVER {
            self.outages.add(now - row.failed_at);
            row.failed_at = NEVER;
        }
        self.up += 1;
        if self.up > self.most_up {
            self.most_up = self.up;
            let (up, all) = (u64::from(self.up), self.rows.len() as u64);
            for (at, (percent, _)) in self.milestones.iter_mut().zip(MILESTONES) {
                if at.is_none() && up * 100 >= all * percent {
                    *at = Some(now);
                }
            }
        }
    }

    /// Brings all nodes to the end of the run (ns), and asserts that what they add up to is what
    /// the timeline counted.
    pub(super) fn close(&mut self, end: u64, timeline: &Timeline) {
        let (mut up, mut down) = (0, 0);
        for row in &mut self.rows {
            row.settle(end);
            up += u128::from(row.up_ns);
            down += u128::from(row.down_ns);
        }
        assert_eq!(up, timeline.total_where(NodeClass::is_up), "time up adds up");
        assert_eq!(down, timeline.total_where(NodeClass::is_failed), "time down adds up");
    }

    /// One row for each node.
    pub(super) fn findings(&self) -> Vec<NodeFinding> {
        let finding = |(node, row): (u32, &NodeTally)| NodeFinding {
            node: NodeId(node),
            boots: row.boots,
            first_up_s: if row.first_up == NEVER { -1.0 } else { seconds(row.first_up) },
            up_s: seconds(row.up_ns),
            down_s: seconds(row.down_ns),
            failures: row.failures,
        };
        (0..).zip(&self.rows).map(finding).collect()
    }

    /// The first boots of the sample, node by node.
    pub(super) fn boot_spans(&mut self) -> Vec<BootSpan> {
        let mut spans = std::mem::take(&mut self.boots);
        // The sort is stable: the stages of a node stay in their order.
        spans.sort_by_key(|span| span.node);
        spans
    }

    /// The metrics of the nodes, after [`Self::close`].
    pub(super) fn measure(&self, end: u64, timeline: &Timeline, table: &mut Table) {
        let nodes = u64::from(self.len());
        let failures: u64 = self.failures.iter().sum();
        table.count("nodes", nodes);
        table.count("failures", failures);
        for (name, count) in FAILURES.into_iter().zip(self.failures) {
            table.count(name, count);
        }
        let alive = timeline.total_where(|class| {
            class.is_up() || matches!(class, NodeClass::Boot | NodeClass::GaveUp)
        });
        table.ratio("mtbf", alive, u128::from(failures) * 1_000_000_000);
        table.maybe("mttr", self.outages.mean_s());
        let all = u128::from(nodes) * u128::from(end);
        table.ratio("availability", timeline.total_where(NodeClass::is_up), all);
        for class in NodeClass::ALL {
            let name = format!("node_time_{}", class.name().replace('-', "_"));
            table.put(&name, timeline.total(class) as f64 / 1e9);
        }
        table.count("nodes_up_max", u64::from(self.most_up));
        table.count("nodes_up_end", u64::from(self.up));
        for (at, (_, name)) in self.milestones.iter().zip(MILESTONES) {
            table.maybe(name, at.map(seconds));
        }
        let boots: u64 = self.rows.iter().map(|row| u64::from(row.boots)).sum();
        let booted = self.rows.iter().filter(|row| row.boots > 0).count() as u64;
        table.count("boots", boots);
        table.count("power_cycles", boots - booted);
        table.count("gave_up", self.gave_up);
        table.maybe("boot_time_mean", self.boot_times.mean_s());
        let [p50, p90, p99] =
            self.boot_times.percentiles_s([50, 90, 99]).map_or([None; 3], |p| p.map(Some));
        table.maybe("boot_time_p50", p50);
        table.maybe("boot_time_p90", p90);
        table.maybe("boot_time_p99", p99);
        table.maybe("boot_time_max", self.boot_times.max_s());
    }
}

impl NodeTally {
    /// Books the time since the last change on the state that it leaves.
    fn settle(&mut self, now: u64) {
        let span = now - self.since;
        match self.state {
            NodeState::Up => self.up_ns += span,
            NodeState::Hung | NodeState::Down | NodeState::GaveUp => self.down_ns += span,
            _ => {}
        }
        self.since = now;
    }
}

fn is_boot(state: NodeState) -> bool {
    NodeClass::of(state, None) == NodeClass::Boot
}

/// Which of [`FAILURES`] it is to enter this state for this cause.
fn failure(state: NodeState, cause: Cause) -> Option<usize> {
    if !matches!(state, NodeState::Hung | NodeState::Down) {
        return None;
    }
    match cause {
        Cause::Fault(fault) => match fault.target() {
            Target::Life => Some(usize::from(fault == Fault::Hang)),
            Target::Feed => Some(2),
            Target::Switch => Some(3),
            Target::Server => Some(4),
            Target::Link => Some(5),
            Target::Controller | Target::Network | Target::Memory | Target::Resource => None,
        },
        Cause::BrownOut => Some(6),
        _ => None,
    }
}
