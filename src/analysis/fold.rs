//! The fold of a run: every event once, in order, with small and constant cost.

use std::sync::Arc;

use super::alarms::Alarms;
use super::collectives::Collectives;
use super::corruptions::{CorruptionRows, Corruptions};
use super::failures::Failures;
use super::jobs::Jobs;
use super::meters::Meters;
use super::metrics::Table;
use super::nodes::{Change, Nodes};
use super::phases::Phases;
use super::shape::Shape;
use super::strikes::Strikes;
use super::tasks::Tasks;
use super::timeline::Timeline;
use super::transfers::TransferTally;
use super::upsets::{Chips, Upsets};
use super::workloads::{Tallies, TaskEvent};
use super::{Findings, NodeClass};
use crate::event::{Event, Purpose, TaskKind, What};
use crate::plan::Plan;
use crate::plan::machine::Machine;
use crate::units::Time;

/// Folds the events of a run into [`Findings`].
///
/// Memory is 64 bytes a node, and some three megabytes for series if they are wanted.
#[derive(Clone, Debug)]
pub struct Fold {
    /// The metrics that it gives and nothing else, if not all.
    only: Option<Vec<String>>,
    /// Whether it keeps the books of nodes, and of readings and transfers.
    follows_nodes: bool,
    follows_meters: bool,
    follows_transfers: bool,
    now: u64,
    nodes: Nodes,
    jobs: Jobs,
    timeline: Timeline,
    meters: Meters,
    alarms: Alarms,
    strikes: u64,
    corruptions: Corruptions,
    upsets: Upsets,
    chips: Chips,
    collectives: Collectives,
    transfers: TransferTally,
    tallies: Tallies,
    /// What the last event moved, if it was a transfer of a workload.
    moved: u64,
    /// A row of each task, unless some metrics are all that is wanted.
    tasks: Option<Tasks>,
    /// Strikes, what they cost, and phases of jobs, if series are wanted.
    incidents: Option<Box<Incidents>>,
}

/// What struck the run, and what its jobs did, one by one.
#[derive(Clone, Debug)]
struct Incidents {
    machine: Arc<Machine>,
    strikes: Strikes,
    failures: Failures,
    phases: Phases,
    corruptions: CorruptionRows,
}

impl Incidents {
    fn of(shape: &Shape) -> Self {
        Self {
            machine: shape.machine.clone(),
            strikes: Strikes::default(),
            failures: Failures::new(&shape.jobs, &shape.machine),
            phases: Phases::new(&shape.jobs, &shape.patterns),
            corruptions: CorruptionRows::default(),
        }
    }

    /// Takes the next event, before the jobs do.
    fn event(&mut self, event: &Event, jobs: &Jobs) {
        if let What::FaultStrikes { kind, part, .. } = event.what {
            self.strikes.add((event.at.0, kind, part));
        }
        self.failures.event(event, |job| jobs.cost(event.at.0, job));
        self.phases.event(event);
        if let What::Corruption { node, number, act, spread } = event.what {
            self.corruptions.act(event.at.0, node, (number, act), spread);
        }
    }
}

impl Fold {
    /// A fold of the runs of this plan, before the first event; it keeps no series.
    #[must_use]
    pub fn new(plan: &Plan) -> Self {
        Self::of(&Shape::of(plan), false)
    }

    /// A fold that gives these metrics and those of the scenario's `[expect]`, and nothing else: it
    /// keeps only the books that they need.
    #[must_use]
    pub fn only(plan: &Plan, metrics: &[&str]) -> Self {
        let expected = plan.scenario.expect.iter().map(|expect| expect.metric.as_str());
        let only: Vec<_> = metrics.iter().copied().chain(expected).map(str::to_owned).collect();
        let needs = |measures: fn(&str) -> bool| only.iter().any(|name| measures(name));
        let (follows_nodes, follows_meters) = (needs(Nodes::measures), needs(Meters::measures));
        let follows_transfers = needs(TransferTally::measures);
        let mut shape = Shape::of(plan);
        if !follows_nodes {
            shape.nodes = 0;
        }
        if !follows_transfers {
            shape.transfers = Arc::default();
        }
        if !needs(Tallies::measures) {
            shape.tallies = Tallies::default();
        }
        let only = Some(only);
        let new = Self::of(&shape, false);
        Self { only, follows_nodes, follows_meters, follows_transfers, tasks: None, ..new }
    }

    /// The same with series.
    #[must_use]
    pub fn with_series(plan: &Plan) -> Self {
        Self::of(&Shape::of(plan).with_patterns(plan), true)
    }

    fn of(shape: &Shape, series: bool) -> Self {
        Self {
            only: None,
            follows_nodes: true,
            follows_meters: true,
            follows_transfers: true,
            now: 0,
            nodes: Nodes::new(shape.nodes),
            jobs: Jobs::new(&shape.jobs),
            timeline: Timeline::new(shape.nodes, series.then_some(shape.horizon)),
            meters: Meters::new(shape.servers, shape.server_link, series),
            alarms: Alarms::new(shape.foreseen.clone()),
            strikes: 0,
            corruptions: Corruptions::new(shape.corrupts),
            upsets: Upsets::new(shape.upsets),
            chips: Chips::new(shape.chips),
            collectives: Collectives::new(&shape.jobs),
            transfers: TransferTally::new(&shape.transfers, &shape.machine),
            tallies: if series {
                shape.tallies.clone().with_series()
            } else {
                shape.tallies.clone()
            },
            moved: 0,
            tasks: Some(Tasks::default()),
            incidents: series.then(|| Box::new(Incidents::of(shape))),
        }
    }

    /// Whether it keeps series.
    #[must_use]
    pub fn has_series(&self) -> bool {
        self.timeline.has_series()
    }

    /// Takes the next event. Panics if it contradicts those before: that is a mistake of ours.
    pub fn event(&mut self, event: &Event) {
        let now = event.at.0;
        assert!(now >= self.now, "events come in the order of their time");
        self.now = now;
        let moved = std::mem::take(&mut self.moved);
        if let What::Transfer { purpose: Purpose::Workload, received, .. } = event.what {
            self.moved = received.0;
        }
        if let Some(incidents) = &mut self.incidents {
            incidents.event(event, &self.jobs);
        }
        match event.what {
            What::NodeState { .. } | What::JobNode { .. } if !self.follows_nodes => {}
            What::Transfer { .. } | What::Reading { .. } if !self.follows_meters => {}
            What::Task { kind: TaskKind::Transfer, .. } if !self.follows_transfers => {}
            What::NodeState { node, life, state, cause } => {
                let change = Change { node, life, state, cause };
                self.nodes.change(now, change, &mut self.jobs, &mut self.timeline);
            }
            What::JobNode { job, node, joined } => {
                let member = (job, node, joined);
                self.nodes.join(now, member, &mut self.jobs, &mut self.timeline);
            }
            What::JobPhase { job, phase, cause } => {
                self.collectives.phase(now, job, phase);
                self.jobs.enter(now, (job, phase, cause), &mut self.timeline);
            }
            What::Checkpoint { job, number, act, .. } => {
                self.jobs.checkpoint(now, job, number, act);
            }
            What::WorkLost { job, lost, .. } => self.jobs.lose(now, job, lost.0),
            What::Group { job, group, act, .. } => {
                self.jobs.act(now, (job, group, act), &mut self.timeline);
            }
            What::StepDone { job, .. } => self.jobs.step(now, job),
            What::FailureAbsorbed { .. } => self.jobs.absorb(),
            What::Transfer { purpose, received, lost, .. } => {
                self.meters.transfer(purpose, received.0, lost.0);
            }
            What::Collective { job, act } => self.collectives.act(now, job, act),
            What::Task { kind: TaskKind::Transfer, number, act, .. } => {
                self.transfers.act(now, number, act);
            }
            What::Task { kind, number, act, node, span } => {
                self.tallies.act(now, TaskEvent { kind, number, act, node, moved, span });
                if let Some(tasks) = &mut self.tasks {
                    tasks.act(now, event.what);
                }
            }
            What::Reading { sensor, value } => self.meters.read(now, sensor, value),
            What::Corruption { number, act, spread, .. } => {
                self.corruptions.act(now, number, act, spread);
            }
            What::Upset { class, .. } => self.upsets.add(class),
            What::ChipFault { node, permanent, met, class, .. } => {
                self.chips.add(node, permanent, met, class);
            }
            What::FaultStrikes { fault, part, .. } => {
                self.strikes += 1;
                self.alarms.strike(now, fault, part);
            }
            What::Alarm { fault, part, lead } => self.alarms.raise(now, fault, part, lead.0),
            What::PartState { .. } | What::FaultEnds { .. } | What::RunEnds { .. } => {}
        }
    }

    /// The meters were read until this instant, and all counters but the energy were as they had
    /// been read before.
    pub fn read_again(&mut self, at: Time) {
        if self.follows_meters {
            self.meters.read_again(at.0);
        }
    }

    /// Closes the books at the end of the run. Asserts that every node-nanosecond is in exactly
    /// one class and that nodes, jobs and classes add up to the same.
    #[must_use]
    pub fn finish(mut self, end: Time) -> Findings {
        let end = end.0;
        assert!(end >= self.now, "nothing happens after the end of the run");
        self.timeline.close(end);
        self.nodes.close(end, &self.timeline);
        self.jobs.close(end);
        if let Some(incidents) = &mut self.incidents {
            incidents.failures.close(|job| self.jobs.cost(end, job));
            incidents.phases.close(end);
        }
        let mut table = Table::default();
        table.put("run_time", Time(end).as_secs_f64());
        table.count("faults", self.strikes);
        self.alarms.measure(end, &mut table);
        self.jobs.measure(&mut table);
        self.jobs.measure_verifications(&mut table);
        self.upsets.measure(&mut table);
        self.chips.measure(&mut table);
        self.corruptions.measure(&mut table);
        self.collectives.measure(end, &mut table);
        self.transfers.measure(&mut table);
        self.tallies.measure(end, &mut table);
        if self.follows_nodes {
            self.nodes.measure(end, &self.timeline, &mut table);
        }
        if self.follows_nodes && self.jobs.is_queue() {
            let all = u128::from(self.nodes.len()) * u128::from(end);
            table.ratio("utilisation", self.timeline.total_where(NodeClass::is_taken), all);
        }
        if self.follows_meters {
            self.meters.measure(&mut table);
        }
        if let Some(only) = self.only {
            let mut metrics = table.finish();
            metrics.retain(|metric| only.contains(&metric.name));
            return Findings { metrics, ..Findings::default() };
        }
        let mut series = self.timeline.series(end);
        series.extend(self.meters.series());
        series.extend(self.tallies.series(end));
        let nodes = self.nodes.findings();
        let boots = self.nodes.boot_spans();
        let jobs = self.jobs.findings(end);
        let transfers = self.transfers.findings();
        let tasks = self.tasks.as_ref().map(Tasks::findings).unwrap_or_default();
        let metrics = table.finish();
        let all = Findings {
            metrics,
            series,
            nodes,
            boots,
            jobs,
            transfers,
            tasks,
            ..Findings::default()
        };
        match self.incidents {
            None => all,
            Some(own) => Findings {
                strikes: own.strikes.findings(&own.machine),
                failures: own.failures.findings(),
                phases: own.phases.findings(),
                corruptions: own.corruptions.findings(end),
                ..all
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::shape::JobShape;
    use super::super::{BootSpan, Point};
    use super::*;
    use crate::event::{Cause, CheckpointAct, Fault, JobPhase, NodeState, Sensor, What};
    use crate::ids::{FaultId, JobId, Life, NodeId, Part, PartKind};
    use crate::plan::pilot;
    use crate::units::{Bytes, NANOS_PER_SECOND, Span};

    const CRASH: Cause = Cause::Fault(Fault::Crash);

    /// Plays a run by hand; times are in seconds.
    struct Play {
        fold: Fold,
        now: u64,
    }

    impl Play {
        fn new(nodes: u32, jobs: &[u32]) -> Self {
            let shape = Shape {
                nodes,
                jobs: jobs.iter().map(|&nodes| JobShape { nodes, ..JobShape::default() }).collect(),
                servers: 1,
                server_link: 1000,
                horizon: 3600 * NANOS_PER_SECOND,
                corrupts: false,
                upsets: false,
                chips: false,
                foreseen: vec![false, true],
                transfers: Arc::default(),
                machine: Arc::new(Machine::build(&pilot::scenario())),
                tallies: Tallies::default(),
                patterns: Vec::new(),
            };
            Self { fold: Fold::of(&shape, true), now: 0 }
        }

        fn at(&mut self, seconds: u64) -> &mut Self {
            self.now = seconds;
            self
        }

        fn emit(&mut self, what: What) -> &mut Self {
            self.fold.event(&Event { at: Time(self.now * NANOS_PER_SECOND), what });
            self
        }

        fn node(&mut self, node: u32, life: u32, state: NodeState, cause: Cause) -> &mut Self {
            self.emit(What::NodeState { node: NodeId(node), life: Life(life), state, cause })
        }

        fn join(&mut self, node: u32, joined: bool) -> &mut Self {
            self.emit(What::JobNode { job: JobId(0), node: NodeId(node), joined })
        }

        fn phase(&mut self, phase: JobPhase, cause: Cause) -> &mut Self {
            self.emit(What::JobPhase { job: JobId(0), phase, cause })
        }

        fn checkpoint(&mut self, number: u64, act: CheckpointAct) -> &mut Self {
            self.emit(What::Checkpoint { job: JobId(0), number, act, step: 0 })
        }

        fn lose(&mut self, seconds: u64) -> &mut Self {
            let lost = Span::from_secs(seconds);
            self.emit(What::WorkLost { job: JobId(0), node: NodeId(0), lost })
        }

        fn end(self, seconds: u64) -> Findings {
            self.fold.finish(Time(seconds * NANOS_PER_SECOND))
        }
    }

    fn value(findings: &Findings, name: &str) -> Option<f64> {
        findings.metrics.iter().find(|metric| metric.name == name).map(|metric| metric.value)
    }

    fn assert_metrics(findings: &Findings, expected: &[(&str, f64)]) {
        for (name, expected) in expected {
            let found = value(findings, name).unwrap_or_else(|| panic!("{name} is absent"));
            assert!((found - expected).abs() < 1e-12, "{name}: {found}, not {expected}");
        }
    }

    /// Three nodes, a job on two of them, one crash that costs 20 s of computing:
    ///
    /// boot 10, compute 40, checkpoint 5, compute 20 and crash, wait 15, restart 5, rework 20,
    /// compute 30, done at 145; the run goes on until 150.
    fn crash_and_restart() -> Findings {
        use CheckpointAct::{Abandon, Begin, Commit};
        use JobPhase::{Checkpoint, Compute, Done, Restart, Rework, Waiting};
        let mut play = Play::new(3, &[2]);
        for node in 0..3 {
            play.node(node, 1, NodeState::Rom, Cause::Course);
        }
        play.at(4).node(0, 1, NodeState::Kernel, Cause::Course);
        play.at(10);
        for node in 0..3 {
            play.node(node, 1, NodeState::Up, Cause::Course);
        }
        play.join(0, true).join(1, true).phase(Compute, Cause::Course);
        play.at(50).phase(Checkpoint, Cause::Course).checkpoint(1, Begin);
        play.at(55).checkpoint(1, Commit).phase(Compute, Cause::Course);
        play.at(73).checkpoint(2, Begin);
        play.at(75).node(0, 1, NodeState::Down, CRASH).checkpoint(2, Abandon).lose(20);
        play.phase(Waiting, Cause::NodeFailure);
        play.at(80).join(0, false).join(2, true);
        play.at(90).phase(Restart, Cause::NodeFailure);
        play.at(95).phase(Rework, Cause::Course);
        play.at(100).node(0, 2, NodeState::Rom, Cause::Repair);
        play.at(112).node(0, 2, NodeState::Up, Cause::Course);
        play.at(115).phase(Compute, Cause::Course);
        play.at(145).phase(Done, Cause::Course);
        play.end(150)
    }

    #[test]
    fn a_crash_and_its_restart_are_booked_to_the_second() {
        let t = 145.0;
        assert_metrics(
            &crash_and_restart(),
            &[
                ("run_time", 150.0),
                ("makespan", t),
                ("jobs_done", 1.0),
                ("work", 90.0),
                ("work_lost", 20.0),
                ("rework_time", 20.0),
                ("efficiency", 90.0 / t),
                ("overhead", (t - 90.0) / 90.0),
                ("waste", 55.0 / t),
                ("waste_checkpoint", 5.0 / t),
                ("waste_rework", 20.0 / t),
                ("waste_restart", 5.0 / t),
                ("waste_boot", 10.0 / t),
                ("waste_idle", 15.0 / t),
                ("interrupts", 1.0),
                // All but 10 s of boot and 15 s of waiting.
                ("mtti", 120.0),
                ("checkpoints_begun", 2.0),
                ("checkpoints_committed", 1.0),
                ("checkpoints_abandoned", 1.0),
                ("checkpoint_time_mean", 5.0),
                ("checkpoint_time_p99", 5.0),
                ("checkpoint_interval_mean", f64::midpoint(40.0, 18.0)),
                ("restarts", 1.0),
                ("restart_time_mean", 5.0),
            ],
        );
    }

    #[test]
    fn the_nodes_of_that_run_are_booked_to_the_second() {
        let findings = crash_and_restart();
        let up = 65.0 + 38.0 + 140.0 + 140.0;
        assert_metrics(
            &findings,
            &[
                ("failures", 1.0),
                ("failures_crash", 1.0),
                ("failures_hang", 0.0),
                // Up, and 3 x 10 s and 12 s of boot.
                ("mtbf", up + 42.0),
                ("mttr", 37.0),
                ("availability", up / 450.0),
                ("node_time_boot", 42.0),
                ("node_time_down", 25.0),
                ("node_time_compute", 2.0 * (40.0 + 20.0 + 30.0)),
                ("node_time_rework", 2.0 * 20.0),
                ("node_time_restart", 2.0 * 5.0),
                ("node_time_checkpoint", 2.0 * 5.0),
                // One node waits from 75 on; node 2 joins at 80.
                ("node_time_wait", 5.0 + 2.0 * 10.0),
                // Node 2 until 80, node 0 from 112, and two nodes when the job is done.
                ("node_time_idle", 70.0 + 38.0 + 2.0 * 5.0),
                ("node_time_hung", 0.0),
                ("nodes_up_max", 3.0),
                ("nodes_up_end", 3.0),
                ("boot_t50", 10.0),
                ("boot_t100", 10.0),
                ("boots", 4.0),
                ("power_cycles", 1.0),
                ("boot_time_mean", 10.5),
                ("boot_time_max", 12.0),
            ],
        );
        let node = &findings.nodes[0];
        assert_eq!((node.boots, node.failures, node.first_up_s), (2, 1, 10.0));
        assert_eq!((node.up_s, node.down_s), (103.0, 25.0));
        let span = |node, stage: &str, from_s, to_s| BootSpan {
            node: NodeId(node),
            stage: stage.to_owned(),
            from_s,
            to_s,
        };
        let spans = [
            span(0, "rom", 0.0, 4.0),
            span(0, "kernel", 4.0, 10.0),
            span(1, "rom", 0.0, 10.0),
            span(2, "rom", 0.0, 10.0),
        ];
        assert_eq!(findings.boots, spans);
    }

    #[test]
    fn an_alarm_is_true_if_its_fault_strikes_its_part_within_the_lead() {
        let mut play = Play::new(4, &[]);
        let part = |index| Part { kind: PartKind::Node, index };
        let raise =
            |index| What::Alarm { fault: FaultId(1), part: part(index), lead: Span::from_secs(10) };
        let strike = |fault, index| What::FaultStrikes {
            fault: FaultId(fault),
            kind: Fault::Crash,
            part: part(index),
        };
        // One comes true, one comes to nothing and is raised again, one is for another part.
        play.at(5).emit(raise(0)).at(6).emit(raise(1)).emit(raise(2));
        play.at(15).emit(strike(1, 0)).at(20).emit(raise(1)).at(30).emit(strike(1, 1));
        // Too late, of a rule that nobody foresees, and one that the end leaves open.
        play.at(40).emit(strike(1, 2)).emit(strike(0, 3)).at(45).emit(raise(3));
        assert_metrics(
            &play.end(50),
            &[
                ("faults", 4.0),
                ("alarms", 5.0),
                ("alarms_true", 2.0),
                ("alarms_false", 2.0),
                ("faults_unforeseen", 1.0),
            ],
        );
    }

    #[test]
    fn what_has_no_meaning_is_absent() {
        let findings = Play::new(4, &[]).end(10);
        for name in [
            "makespan",
            "efficiency",
            "waste",
            "mtti",
            "mtbf",
            "mttr",
            "boot_t50",
            "boot_time_p50",
            "energy",
            "power_peak",
            "server_sent_utilisation_mean",
        ] {
            assert_eq!(value(&findings, name), None, "{name}");
        }
        assert_metrics(&findings, &[("availability", 0.0), ("node_time_off", 40.0)]);
        assert!(findings.nodes[3].first_up_s < 0.0);
        assert_eq!(value(&Play::new(4, &[]).end(0), "availability"), None);
    }

    #[test]
    fn a_machine_that_never_comes_up_whole_reports_its_most() {
        let mut play = Play::new(4, &[]);
        for node in 0..3 {
            play.at(u64::from(node) + 1).node(node, 1, NodeState::Up, Cause::Course);
        }
        play.at(5).node(0, 1, NodeState::Hung, Cause::Fault(Fault::Hang));
        play.at(6).node(3, 1, NodeState::GaveUp, Cause::NoOffer);
        // A node that hangs already does not fail again when its power goes.
        play.at(7).node(0, 1, NodeState::Down, Cause::BrownOut);
        let findings = play.end(8);
        let expected = [
            ("nodes_up_max", 3.0),
            ("nodes_up_end", 2.0),
            ("boot_t50", 2.0),
            ("gave_up", 1.0),
            ("failures", 1.0),
            ("failures_hang", 1.0),
        ];
        assert_metrics(&findings, &expected);
        assert_eq!(value(&findings, "boot_t90"), None);
        assert_eq!(value(&findings, "mttr"), None);
    }

    #[test]
    fn a_job_cut_off_by_the_end_is_measured_until_there() {
        let mut play = Play::new(1, &[1]);
        play.at(10).node(0, 1, NodeState::Up, Cause::Course).join(0, true);
        play.phase(JobPhase::Compute, Cause::Course);
        let findings = play.end(40);
        let expected = [
            ("jobs_done", 0.0),
            ("jobs_unfinished", 1.0),
            ("efficiency", 0.75),
            ("waste_boot", 0.25),
            ("node_time_compute", 30.0),
        ];
        assert_metrics(&findings, &expected);
        assert_eq!(value(&findings, "makespan"), None, "it takes longer than that");
    }

    #[test]
    fn sent_is_received_and_lost_and_meters_become_rates() {
        let mut play = Play::new(1, &[]);
        let transfer = |purpose, received, lost| What::Transfer {
            purpose,
            nodes: 1,
            received: Bytes(received),
            lost: Bytes(lost),
        };
        let read = |sensor, value| What::Reading { sensor, value };
        play.emit(read(Sensor::ServerSent(0), 0));
        play.at(10).emit(transfer(Purpose::Tftp, 100, 7)).emit(transfer(Purpose::Root, 30, 0));
        play.emit(read(Sensor::Energy, 50_000)).emit(read(Sensor::PowerMax, 8_000));
        play.emit(read(Sensor::ServerSent(0), 1250));
        play.at(30).emit(transfer(Purpose::Tftp, 1, 2));
        play.emit(read(Sensor::Energy, 90_000)).emit(read(Sensor::PowerMax, 6_000));
        play.emit(read(Sensor::ServerSent(0), 1500));
        let findings = play.end(30);
        let expected = [
            ("bytes_sent", 140.0),
            ("bytes_received", 131.0),
            ("bytes_lost", 9.0),
            ("bytes_received_tftp", 101.0),
            ("bytes_lost_tftp", 9.0),
            ("energy", 90.0),
            ("power_mean", 3.0),
            ("power_peak", 8.0),
            ("server_sent_utilisation_mean", 0.4),
            ("server_sent_utilisation_max", 1.0),
        ];
        assert_metrics(&findings, &expected);
        let points = |name: &str| {
            let series = findings.series.iter().find(|it| it.name == name).expect("a series");
            let of = |p: &Point| [p.t_s, p.min, p.mean, p.max].map(|it| (it * 1e4).round() / 1e4);
            (of(&series.points[0]), of(&series.points[series.points.len() - 1]))
        };
        // 50 J in 10 s, then 40 J in 20 s; the highest readings are above both rates.
        let power = ([0.0, 5.0, 5.0, 8.0], [30.0, 2.0, 2.0, 6.0]);
        assert_eq!(points("power"), power);
        let sent = ([0.0, 1000.0, 1000.0, 1000.0], [30.0, 100.0, 100.0, 100.0]);
        assert_eq!(points("server_sent/0"), sent);
    }

    const STATES: [NodeState; 11] = [
        NodeState::Off,
        NodeState::Rom,
        NodeState::Dhcp,
        NodeState::Tftp,
        NodeState::Kernel,
        NodeState::Root,
        NodeState::Init,
        NodeState::Up,
        NodeState::Hung,
        NodeState::Down,
        NodeState::GaveUp,
    ];
    const PHASES: [JobPhase; 6] = [
        JobPhase::Waiting,
        JobPhase::Restart,
        JobPhase::Compute,
        JobPhase::Rework,
        JobPhase::Checkpoint,
        JobPhase::Verify,
    ];

    /// The class of each node now, the slow way: asked for node by node.
    struct Twin {
        states: Vec<NodeState>,
        joined: Vec<bool>,
        phase: JobPhase,
        time: [u128; NodeClass::ALL.len()],
    }

    impl Twin {
        fn pass(&mut self, span: u64) {
            for (state, joined) in self.states.iter().zip(&self.joined) {
                let class = NodeClass::of(*state, joined.then_some(self.phase));
                self.time[class as usize] += u128::from(span);
            }
        }
    }

    proptest! {
        #[test]
        fn any_run_closes_and_agrees_with_the_slow_twin(
            acts in proptest::collection::vec((0u64..3, 0usize..5, 0usize..11, 0u8..4), 0..120),
        ) {
            let mut play = Play::new(5, &[5]);
            let (states, joined) = (vec![NodeState::Off; 5], vec![false; 5]);
            let (phase, time) = (JobPhase::Waiting, [0; NodeClass::ALL.len()]);
            let mut twin = Twin { states, joined, phase, time };
            let mut now = 0;
            for (wait, node, pick, act) in acts {
                twin.pass(wait);
                now += wait;
                play.at(now);
                let id = node as u32;
                match act {
                    0 => {
                        twin.joined[node] = !twin.joined[node];
                        play.join(id, twin.joined[node]);
                    }
                    1 => {
                        twin.phase = PHASES[pick % PHASES.len()];
                        play.phase(twin.phase, Cause::NodeFailure);
                    }
                    _ => {
                        twin.states[node] = STATES[pick];
                        play.node(id, 0, STATES[pick], CRASH);
                    }
                }
            }
            twin.pass(10);
            let findings = play.end(now + 10);
            for class in NodeClass::ALL {
                let name = format!("node_time_{}", class.name().replace('-', "_"));
                let seconds = twin.time[class as usize] as f64;
                prop_assert_eq!(value(&findings, &name), Some(seconds));
            }
            let parts = ["efficiency", "waste_checkpoint", "waste_verify", "waste_rework",
                "waste_restart", "waste_boot", "waste_idle"];
            let sum: f64 = parts.iter().filter_map(|name| value(&findings, name)).sum();
            prop_assert!((sum - 1.0).abs() < 1e-12, "{}", sum);
            for series in &findings.series {
                prop_assert!(series.points.is_sorted_by(|a, b| a.t_s < b.t_s), "{}", series.name);
                prop_assert!(series.points.len() <= 2050);
            }
        }
    }

    #[test]
    #[should_panic(expected = "a job loses only what it has computed")]
    fn losing_more_than_was_computed_is_our_mistake() {
        let mut play = Play::new(1, &[1]);
        play.at(3).phase(JobPhase::Compute, Cause::Course).at(5).lose(3);
    }

    #[test]
    #[should_panic(expected = "events come in the order of their time")]
    fn an_event_out_of_order_is_our_mistake() {
        let mut play = Play::new(1, &[]);
        play.at(3).node(0, 1, NodeState::Up, Cause::Course);
        play.at(2).node(0, 1, NodeState::Down, CRASH);
    }
}
