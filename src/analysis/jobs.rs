//! The ledger of the jobs: where their time went, and what of their computing survived.
//!
//! A job's time runs from its submission until it is over (or the run ends). It is shared
//! out over phases; computing, first or again, counts as useful unless a failure threw it away.
//! So what is lost is counted once, as rework, and the same work done again is useful: useful
//! time and the parts of the waste add up to the job's time. Of a job that was ended at its
//! walltime nothing was useful.

use std::collections::BTreeMap;

use super::bins::seconds;
use super::failures::Cost;
use super::groups::Groups;
use super::metrics::Table;
use super::queue::{self, Stay};
use super::sample::Sample;
use super::shape::JobShape;
use super::timeline::Timeline;
use super::{JobFinding, NodeClass};
use crate::event::{Cause, CheckpointAct, GroupAct, JobPhase};
use crate::ids::JobId;

/// Where a job's time goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// Waiting for its first start.
    Boot,
    /// Waiting after that.
    Idle,
    Restart,
    Compute,
    Rework,
    Checkpoint,
    Verify,
}

const PARTS: usize = 7;

#[derive(Clone, Debug, Default)]
struct Job {
    name: String,
    /// Nodes that it needs.
    nodes: u32,
    /// Nodes that are in it and up.
    up: u32,
    phase: JobPhase,
    /// When it entered its phase (ns).
    since: u64,
    /// When it was submitted (ns).
    submit: u64,
    /// When it left its first waiting (ns).
    start: Option<u64>,
    spent: [u64; PARTS],
    /// Node time of the computing that was thrown away (ns).
    lost: u128,
    /// That of which the cause is not known yet: it is that of the next phase.
    lost_lately: u128,
    /// That which was thrown away because memory was corrupt.
    lost_to_corruption: u128,
    /// That which was thrown away because the walltime was over.
    lost_to_walltime: u128,
    /// Its groups, if they fail by themselves.
    groups: Option<Groups>,
    /// When it was done, or ended at its walltime (ns).
    over_at: Option<u64>,
    /// The checkpoints that are being written: their numbers and starts (ns).
    writing: BTreeMap<u64, u64>,
    /// The computing done at the last commit or interrupt (ns).
    mark: u64,
    interrupts: u64,
    committed: u64,
}

/// All jobs, and what they have in common.
#[derive(Clone, Debug)]
pub(super) struct Jobs {
    rows: Vec<Job>,
    /// Whether there is anything to say of a queue.
    is_queue: bool,
    interrupts: u64,
    absorbed: u64,
    begun: u64,
    abandoned: u64,
    lost_checkpoints: u64,
    restarts: u64,
    verifications: u64,
    rollbacks: u64,
    rollbacks_to_start: u64,
    discarded: u64,
    checkpoint_times: Sample,
    intervals: Sample,
    restart_times: Sample,
}

impl Jobs {
    /// These jobs, all waiting.
    pub(super) fn new(jobs: &[JobShape]) -> Self {
        let row = |job: &JobShape| Job {
            name: job.name.clone(),
            nodes: job.nodes,
            groups: job.group.map(|size| Groups::new(job.nodes, size)),
            submit: job.submit,
            since: job.submit,
            ..Job::default()
        };
        let is_special = |job: &JobShape| job.submit > 0 || job.has_walltime;
        Self {
            rows: jobs.iter().map(row).collect(),
            is_queue: jobs.len() > 1 || jobs.iter().any(is_special),
            interrupts: 0,
            absorbed: 0,
            begun: 0,
            abandoned: 0,
            lost_checkpoints: 0,
            restarts: 0,
            verifications: 0,
            rollbacks: 0,
            rollbacks_to_start: 0,
            discarded: 0,
            checkpoint_times: Sample::default(),
            intervals: Sample::default(),
            restart_times: Sample::default(),
        }
    }

    /// Whether there is anything to say of a queue.
    pub(super) fn is_queue(&self) -> bool {
        self.is_queue
    }

    pub(super) fn phase_of(&self, job: JobId) -> JobPhase {
        self.rows[usize::from(job.0)].phase
    }

    /// So many more nodes of the job are up.
    pub(super) fn change_up(&mut self, job: JobId, more: i32) {
        let up = &mut self.rows[usize::from(job.0)].up;
        *up = up.checked_add_signed(more).expect("a job has the nodes that leave it");
    }

    /// What failures have cost a job up to `now` (ns).
    pub(super) fn cost(&self, now: u64, job: JobId) -> Cost {
        self.rows[usize::from(job.0)].cost(now)
    }

    /// A job enters a phase at `now` (ns).
    pub(super) fn enter(
        &mut self,
        now: u64,
        (job, phase, cause): (JobId, JobPhase, Cause),
        timeline: &mut Timeline,
    ) {
        let row = &mut self.rows[usize::from(job.0)];
        let old = row.phase;
        assert!(!row.is_over(), "a job that is over stays so");
        let span = now - row.since;
        row.settle(now);
        if old == JobPhase::Rework {
            timeline.shift(now, NodeClass::Wait, NodeClass::Rework, row.idle_in_rework());
            row.groups.iter_mut().for_each(Groups::leave_all);
        }
        row.phase = phase;
        if phase != JobPhase::Waiting && phase != JobPhase::TimedOut {
            row.start.get_or_insert(now);
        }
        if old == JobPhase::Checkpoint {
            row.mark = row.computed(now);
        }
        if cause == Cause::NodeFailure && old != JobPhase::Waiting {
            self.interrupts += 1;
            row.interrupts += 1;
            row.mark = row.computed(now);
        }
        let lost = std::mem::take(&mut row.lost_lately);
        if cause == Cause::Corruption {
            row.lost_to_corruption += lost;
            self.rollbacks += 1;
            let all = u128::from(row.computed(now)) * u128::from(row.nodes);
            self.rollbacks_to_start += u64::from(all == row.lost);
            row.mark = row.computed(now);
        }
        let back = [JobPhase::Compute, JobPhase::Rework, JobPhase::Verify];
        if old == JobPhase::Restart && back.contains(&phase) {
            self.restart_times.add(span);
        }
        match phase {
            JobPhase::Restart => self.restarts += 1,
            JobPhase::Verify => self.verifications += 1,
            JobPhase::Done => row.over_at = Some(now),
            JobPhase::TimedOut => row.time_out(now),
            _ => {}
        }
        timeline.shift(now, NodeClass::of_phase(old), NodeClass::of_phase(phase), row.up);
        if phase == JobPhase::Rework {
            timeline.shift(now, NodeClass::Rework, NodeClass::Wait, row.idle_in_rework());
        }
    }

    /// A job completes a step at `now` (ns).
    pub(super) fn step(&mut self, now: u64, job: JobId) {
        if let Some(groups) = &mut self.rows[usize::from(job.0)].groups {
            groups.step(now);
        }
    }

    /// A group of a job acts at `now` (ns). One that computes again is emitted before the job's
    /// phase.
    pub(super) fn act(
        &mut self,
        now: u64,
        (job, group, act): (JobId, u32, GroupAct),
        timeline: &mut Timeline,
    ) {
        let row = &mut self.rows[usize::from(job.0)];
        let joins_others = act == GroupAct::Rework && row.phase == JobPhase::Rework;
        if joins_others {
            row.settle(now);
        }
        let idle = row.idle_in_rework();
        let groups = row.groups.as_mut().expect("a group is one of its job's");
        match act {
            GroupAct::Write => {}
            GroupAct::RollBack => groups.break_off(group, row.phase, (row.since, now)),
            GroupAct::Rework => groups.join(group),
        }
        if joins_others {
            let more = idle - row.idle_in_rework();
            timeline.shift(now, NodeClass::Wait, NodeClass::Rework, more);
        }
    }

    /// A checkpoint begins, is committed, abandoned or thrown away at `now` (ns).
    pub(super) fn checkpoint(&mut self, now: u64, job: JobId, number: u64, act: CheckpointAct) {
        let row = &mut self.rows[usize::from(job.0)];
        match act {
            CheckpointAct::Begin => {
                let twice = row.writing.insert(number, now);
                assert_eq!(twice, None, "a checkpoint begins once");
                self.begun += 1;
                let computed = row.computed(now) - row.mark;
                // A copy of what has just been written is none that was due.
                if computed > 0 || row.phase != JobPhase::Checkpoint {
                    self.intervals.add(computed);
                }
            }
            CheckpointAct::Commit => {
                let from = row.end_writing(number);
                self.checkpoint_times.add(now - from);
                row.committed += 1;
                // What was written while the job computed was due long ago.
                if row.phase == JobPhase::Checkpoint {
                    row.mark = row.computed(now);
                }
            }
            CheckpointAct::Abandon => {
                row.end_writing(number);
                self.abandoned += 1;
            }
            CheckpointAct::Discard => self.discarded += 1,
            CheckpointAct::Lose => self.lost_checkpoints += 1,
        }
    }

    /// A failure or a verification at `now` threw away so much computing (ns).
    pub(super) fn lose(&mut self, now: u64, job: JobId, lost: u64) {
        let row = &mut self.rows[usize::from(job.0)];
        let nodes = row.groups.as_ref().map_or(row.nodes, |groups| groups.size);
        let lost = u128::from(lost) * u128::from(nodes);
        row.lost += lost;
        row.lost_lately += lost;
        let all = u128::from(row.computed(now)) * u128::from(row.nodes);
        assert!(row.lost <= all, "a job loses only what it has computed");
    }

    /// A job goes on after a failure, on another replica.
    pub(super) fn absorb(&mut self) {
        self.absorbed += 1;
    }

    /// Brings all jobs to the end of the run (ns).
    pub(super) fn close(&mut self, end: u64) {
        for row in &mut self.rows {
            row.settle(end);
            let spent: u64 = row.spent.iter().sum();
            let over = row.over_at.unwrap_or(end.max(row.submit));
            assert_eq!(spent, over - row.submit, "the phases share out a job's time");
        }
    }

    /// The metrics of the jobs, after [`Self::close`]; none without a job.
    pub(super) fn measure(&self, table: &mut Table) {
        if self.rows.is_empty() {
            return;
        }
        // A time after which some job was still not done is no makespan.
        let ends: Option<Vec<_>> = self.rows.iter().map(Job::done_at).collect();
        table.maybe("makespan", ends.and_then(|ends| ends.into_iter().max()).map(seconds));
        let count = |is: fn(&Job) -> bool| self.rows.iter().filter(|row| is(row)).count();
        table.count("jobs_done", count(|row| row.done_at().is_some()) as u64);
        table.count("jobs_unfinished", count(|row| !row.is_over()) as u64);
        if self.is_queue {
            let stays: Vec<_> = self.rows.iter().map(Job::stay).collect();
            queue::measure(&stays, count(|row| row.phase == JobPhase::TimedOut), table);
        }
        self.measure_shares(table);
        let sum =
            |of: fn(&Job) -> u64| self.rows.iter().map(|row| u128::from(of(row))).sum::<u128>();
        table.put("work", sum(|row| row.mean(row.useful())) as f64 / 1e9);
        table.put("work_lost", sum(|row| row.mean(row.lost)) as f64 / 1e9);
        table.put("rework_time", sum(|row| row.spent[Part::Rework as usize]) as f64 / 1e9);
        table.count("interrupts", self.interrupts);
        let exposed = sum(|row| {
            row.total() - row.spent[Part::Boot as usize] - row.spent[Part::Idle as usize]
        });
        table.ratio("mtti", exposed, u128::from(self.interrupts) * 1_000_000_000);
        table.ratio("mtti_corruption", exposed, u128::from(self.rollbacks) * 1_000_000_000);
        table.count("failures_absorbed", self.absorbed);
        if self.absorbed > 0 {
            let failures = u128::from(self.absorbed + self.interrupts);
            table.ratio("mnfti", failures, u128::from(self.interrupts));
        }
        self.measure_checkpoints(table);
    }

    /// What became of each job, after [`Self::close`].
    pub(super) fn findings(&self, end: u64) -> Vec<JobFinding> {
        let finding = |row: &Job| {
            let spent = |part: Part| seconds(row.spent[part as usize]);
            JobFinding {
                job: row.name.clone(),
                nodes: row.nodes,
                submit_s: seconds(row.submit),
                start_s: row.start.map_or(-1.0, seconds),
                end_s: row.over_at.map_or(-1.0, seconds),
                queue_wait_s: row.stay().wait().map_or(-1.0, seconds),
                slowdown: row.stay().slowdown().unwrap_or(-1.0),
                status: row.status(end).to_owned(),
                done_s: row.done_at().map_or(-1.0, seconds),
                work_s: seconds(row.mean(row.useful())),
                lost_s: seconds(row.mean(row.lost)),
                checkpoint_s: spent(Part::Checkpoint),
                restart_s: spent(Part::Restart),
                verify_s: spent(Part::Verify),
                wait_s: spent(Part::Boot) + spent(Part::Idle) + seconds(row.mean(row.waited())),
                interrupts: row.interrupts,
                checkpoints: row.committed,
            }
        };
        self.rows.iter().map(finding).collect()
    }

    /// Efficiency, overhead, waste and its parts, weighted by the nodes of each job.
    fn measure_shares(&self, table: &mut Table) {
        let sum = |of: &dyn Fn(&Job) -> u64| -> u128 {
            self.rows.iter().map(|row| u128::from(row.nodes) * u128::from(of(row))).sum()
        };
        let nodes = |of: fn(&Job) -> u128| self.rows.iter().map(of).sum::<u128>();
        let all = sum(&Job::total);
        let useful = nodes(Job::useful);
        let idle = sum(&|row| row.spent[Part::Idle as usize]) + nodes(Job::waited);
        let parts = [
            ("waste_checkpoint", sum(&|row| row.spent[Part::Checkpoint as usize])),
            ("waste_rework", nodes(|row| row.lost)),
            ("waste_verify", sum(&|row| row.spent[Part::Verify as usize])),
            ("waste_restart", sum(&|row| row.spent[Part::Restart as usize])),
            ("waste_boot", sum(&|row| row.spent[Part::Boot as usize])),
            ("waste_idle", idle),
        ];
        let waste = all - useful;
        let sum_of_parts: u128 = parts.iter().map(|(_, time)| time).sum();
        assert_eq!(waste, sum_of_parts, "the parts of the waste add up");
        table.ratio("efficiency", useful, all);
        table.ratio("overhead", waste, useful);
        table.ratio("waste", waste, all);
        for (name, time) in parts {
            table.ratio(name, time, all);
        }
        if self.verifications + self.rollbacks > 0 {
            let corrupt = nodes(|row| row.lost_to_corruption);
            let of_failures = nodes(|row| row.lost - row.lost_to_walltime) - corrupt;
            table.ratio("waste_rework_failures", of_failures, all);
            table.ratio("waste_rework_corruption", corrupt, all);
        }
        if self.is_queue {
            table.ratio("waste_rework_walltime", nodes(|row| row.lost_to_walltime), all);
        }
    }

    /// What verifications and other rollbacks did; nothing in a run without any.
    pub(super) fn measure_verifications(&self, table: &mut Table) {
        if self.verifications + self.rollbacks > 0 {
            table.count("verifications", self.verifications);
            table.count("rollbacks", self.rollbacks);
            table.count("rollbacks_to_start", self.rollbacks_to_start);
            table.count("checkpoints_discarded", self.discarded);
        }
    }

    fn measure_checkpoints(&self, table: &mut Table) {
        table.count("checkpoints_begun", self.begun);
        table.count("checkpoints_committed", self.checkpoint_times.count());
        table.count("checkpoints_abandoned", self.abandoned);
        table.count("checkpoints_lost", self.lost_checkpoints);
        let times = &self.checkpoint_times;
        table.maybe("checkpoint_time_mean", times.mean_s());
        let [p50, p95, p99] = times.percentiles_s([50, 95, 99]).map_or([None; 3], |p| p.map(Some));
        table.maybe("checkpoint_time_p50", p50);
        table.maybe("checkpoint_time_p95", p95);
        table.maybe("checkpoint_time_p99", p99);
        table.maybe("checkpoint_time_max", times.max_s());
        table.maybe("checkpoint_interval_mean", self.intervals.mean_s());
        table.count("restarts", self.restarts);
        table.maybe("restart_time_mean", self.restart_times.mean_s());
    }
}

impl Job {
    /// A checkpoint that is written ends; gives when it began (ns).
    fn end_writing(&mut self, number: u64) -> u64 {
        self.writing.remove(&number).expect("a checkpoint begins before it ends")
    }

    /// Books the time since the last change on the phase that it leaves.
    fn settle(&mut self, now: u64) {
        let part = match self.phase {
            JobPhase::Waiting if self.start.is_some() => Part::Idle,
            JobPhase::Waiting => Part::Boot,
            JobPhase::Restart => Part::Restart,
            JobPhase::Compute => Part::Compute,
            JobPhase::Rework => Part::Rework,
            JobPhase::Checkpoint => Part::Checkpoint,
            JobPhase::Verify => Part::Verify,
            JobPhase::Done | JobPhase::TimedOut => return,
        };
        // The run may end before it is submitted.
        if now <= self.since {
            return;
        }
        self.spent[part as usize] += now - self.since;
        if let (Part::Rework, Some(groups)) = (part, &mut self.groups) {
            groups.wait(now - self.since);
        }
        self.since = now;
    }

    /// Nodes that are up and wait for groups that compute again.
    fn idle_in_rework(&self) -> u32 {
        self.groups.as_ref().map_or(0, Groups::idle).min(self.up)
    }

    /// Node time in which groups waited for others in the phases that compute (ns).
    fn waited(&self) -> u128 {
        self.groups.as_ref().map_or(0, |groups| groups.waited)
    }

    /// So much node time as time of the job: its mean over the nodes (ns).
    fn mean(&self, node_time: u128) -> u64 {
        u64::try_from(node_time / u128::from(self.nodes)).expect("no longer than the run")
    }

    /// What was lost, and spent in restarts and waiting after the first start, up to `now` (ns).
    fn cost(&self, now: u64) -> Cost {
        let open = now.saturating_sub(self.since);
        let (restart, wait) = match self.phase {
            JobPhase::Restart => (open, 0),
            JobPhase::Waiting if self.start.is_some() => (0, open),
            _ => (0, 0),
        };
        let of = |part: Part, open| {
            u128::from(self.spent[part as usize] + open) * u128::from(self.nodes)
        };
        let wait = of(Part::Idle, wait) + self.waited();
        Cost { rework: self.lost, restart: of(Part::Restart, restart), wait }
    }

    /// Computing so far, first or again (ns).
    fn computed(&self, now: u64) -> u64 {
        let open = match self.phase {
            JobPhase::Compute | JobPhase::Rework => now - self.since,
            _ => 0,
        };
        self.spent[Part::Compute as usize] + self.spent[Part::Rework as usize] + open
    }

    /// Whether it is done, or was ended.
    fn is_over(&self) -> bool {
        self.over_at.is_some()
    }

    /// When it was done (ns).
    fn done_at(&self) -> Option<u64> {
        self.over_at.filter(|_| self.phase == JobPhase::Done)
    }

    /// Its walltime is over at `now` (ns), and nothing of it was of use.
    fn time_out(&mut self, now: u64) {
        self.over_at = Some(now);
        let all = u128::from(self.computed(now)) * u128::from(self.nodes) - self.waited();
        self.lost_to_walltime = all - self.lost;
        self.lost = all;
    }

    fn stay(&self) -> Stay {
        Stay { submit: self.submit, start: self.start, done: self.done_at() }
    }

    /// What became of it by the end of the run (ns), in a word.
    fn status(&self, end: u64) -> &'static str {
        match self.phase {
            JobPhase::Done => "done",
            JobPhase::TimedOut => "timed-out",
            JobPhase::Waiting if self.submit > end => "to-come",
            JobPhase::Waiting => "waiting",
            JobPhase::Restart
            | JobPhase::Compute
            | JobPhase::Rework
            | JobPhase::Checkpoint
            | JobPhase::Verify => "running",
        }
    }

    /// From its submission until it was over, after it was closed (ns).
    fn total(&self) -> u64 {
        self.spent.iter().sum()
    }

    /// Node time of computing that was not lost, after it was closed (ns).
    fn useful(&self) -> u128 {
        let computed = self.spent[Part::Compute as usize] + self.spent[Part::Rework as usize];
        u128::from(computed) * u128::from(self.nodes) - self.lost - self.waited()
    }
}
