//! Polls and the dashboard that shows what they say: how old it is, and how often it is wrong.
//!
//! At any time a node is up or down, and the dashboard shows it as up, as down, or knows nothing of
//! it. The time of all nodes from the first round on is shared out: shown as it is, shown as up
//! although it is down (stale), shown as down although it is up (false), and nothing known.

use std::collections::BTreeMap;

use super::{Tally, TaskEvent};
use crate::analysis::metrics::Table;
use crate::analysis::sample::Sample;
use crate::event::{TaskAct, TaskKind};
use crate::ids::NodeId;
use crate::plan::Plan;

/// Bins of ages in a period, and of all ages that have one of their own.
const BINS_OF_PERIOD: u64 = 128;
const BINS: usize = 1 << 14;

/// What is shown of a node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Shown {
    #[default]
    Nothing,
    Up,
    Down,
}

/// A node that is polled.
#[derive(Clone, Copy, Debug, Default)]
struct Polled {
    is_down: bool,
    shown: Shown,
    /// When one of these changed last, or a value was renewed (ns).
    since: u64,
    /// When the value that is shown was so (ns).
    sampled: u64,
    /// Since when it is down and that is not shown (ns).
    died: Option<u64>,
}

/// All polls.
#[derive(Clone, Debug)]
pub(super) struct PollingTally {
    nodes: Vec<Polled>,
    places: BTreeMap<NodeId, usize>,
    /// When the first round is due (ns).
    begin: u64,
    begun: u64,
    requests: u64,
    answered: u64,
    failed: u64,
    /// Time of nodes: as it is, stale, false, nothing known (ns).
    shares: [u128; 4],
    /// Time-weighted ages: their integral (ns²), and time by bins of ages.
    age_sum: f64,
    age_max: u64,
    ages: Vec<u64>,
    width: u64,
    false_alarms: u64,
    deaths: Sample,
    deaths_missed: u64,
    /// How old answers are when they arrive.
    answers: Sample,
    rounds: Sample,
    round: Option<u64>,
}

impl PollingTally {
    /// Brings a node to `now` (ns).
    fn settle(&mut self, now: u64, place: usize) {
        let node = &mut self.nodes[place];
        let from = std::mem::replace(&mut node.since, now).max(self.begin);
        let Some(span) = now.checked_sub(from).filter(|span| *span > 0) else { return };
        let share = match (node.shown, node.is_down) {
            (Shown::Nothing, _) => 3,
            (Shown::Up, false) | (Shown::Down, true) => 0,
            (Shown::Up, true) => 1,
            (Shown::Down, false) => 2,
        };
        self.shares[share] += u128::from(span);
        if node.shown == Shown::Up {
            let (low, high) = (from - node.sampled, now - node.sampled);
            self.aged(low, high);
        }
    }

    /// What is shown of a node has passed through these ages (ns).
    fn aged(&mut self, low: u64, high: u64) {
        self.age_max = self.age_max.max(high);
        self.age_sum += f64::midpoint(low as f64, high as f64) * (high - low) as f64;
        let mut from = low;
        while from < high {
            let bin = ((from / self.width) as usize).min(BINS - 1);
            let end = if bin == BINS - 1 { high } else { high.min((bin as u64 + 1) * self.width) };
            self.ages[bin] += end - from;
            from = end;
        }
    }

    /// The age that is not exceeded for this share of the time for which something is shown (s),
    /// low by less than the width of a bin.
    fn age_quantile(&self, share: f64) -> Option<f64> {
        let all: u64 = self.ages.iter().sum();
        let wanted = (all as f64 * share) as u64;
        let mut sum = 0;
        let bin = self.ages.iter().position(|time| {
            sum += time;
            sum >= wanted
        })?;
        (all > 0).then(|| ((bin as u64 + 1) * self.width).min(self.age_max) as f64 / 1e9)
    }

    fn show(&mut self, now: u64, place: usize, shown: Shown) {
        self.settle(now, place);
        let node = &mut self.nodes[place];
        if shown == Shown::Down {
            match node.died.take() {
                Some(died) => self.deaths.add(now - died),
                None if !node.is_down => self.false_alarms += 1,
                None => {}
            }
        }
        node.shown = shown;
    }

    fn poll(&mut self, now: u64, task: TaskEvent) {
        match task.act {
            TaskAct::Begin => {
                self.begun += 1;
                self.requests += 1;
            }
            TaskAct::Retry => self.requests += 1,
            TaskAct::Lose => self.failed += 1,
            TaskAct::End => {
                self.answered += 1;
                self.answers.add(task.span.0);
                let place = self.places[&task.node.expect("a poll is that of a node")];
                self.show(now, place, Shown::Up);
                self.nodes[place].sampled = now - task.span.0;
            }
        }
    }

    fn outage(&mut self, now: u64, task: TaskEvent) {
        let place = task.number as usize;
        self.settle(now, place);
        let node = &mut self.nodes[place];
        node.is_down = task.act == TaskAct::Begin;
        if !node.is_down {
            self.deaths_missed += u64::from(node.died.take().is_some());
        } else if node.shown != Shown::Down {
            node.died = Some(now);
        }
    }
}

impl Tally for PollingTally {
    const KINDS: &'static [TaskKind] = &[
        TaskKind::Poll,
        TaskKind::PollRound,
        TaskKind::StatusDown,
        TaskKind::Outage,
        TaskKind::HeadOutage,
    ];

    fn of(plan: &Plan) -> Option<Self> {
        let spec = plan.scenario.workloads.polling.as_ref()?;
        Some(Self {
            nodes: vec![Polled::default(); spec.nodes[0].len()],
            places: spec.nodes[0].iter().copied().zip(0..).collect(),
            begin: spec.table.at.0,
            begun: 0,
            requests: 0,
            answered: 0,
            failed: 0,
            shares: [0; 4],
            age_sum: 0.0,
            age_max: 0,
            ages: vec![0; BINS],
            width: (spec.table.every.0 / BINS_OF_PERIOD).max(1),
            false_alarms: 0,
            deaths: Sample::default(),
            deaths_missed: 0,
            answers: Sample::default(),
            rounds: Sample::default(),
            round: None,
        })
    }

    fn measures(name: &str) -> bool {
        name.starts_with("poll") || name.starts_with("status_")
    }

    fn act(&mut self, now: u64, task: TaskEvent) {
        match task.kind {
            TaskKind::Poll => self.poll(now, task),
            TaskKind::StatusDown if task.act == TaskAct::Begin => {
                self.show(now, task.number as usize, Shown::Down);
            }
            TaskKind::Outage => self.outage(now, task),
            TaskKind::PollRound => match task.act {
                TaskAct::Begin => self.round = Some(now),
                TaskAct::End => self.rounds.add(now - self.round.take().unwrap_or(now)),
                _ => self.round = None,
            },
            TaskKind::HeadOutage if task.act == TaskAct::Begin => {
                (0..self.nodes.len()).for_each(|it| self.show(now, it, Shown::Nothing));
            }
            _ => {}
        }
    }

    fn measure(&self, end: u64, table: &mut Table) {
        let mut all = self.clone();
        (0..all.nodes.len()).for_each(|place| all.settle(end, place));
        table.count("polls", all.begun);
        table.count("polls_answered", all.answered);
        table.count("polls_failed", all.failed);
        table.count("poll_requests", all.requests);
        table.maybe("poll_answer_mean", all.answers.mean_s());
        table.maybe("poll_answer_max", all.answers.max_s());
        table.maybe("poll_round_mean", all.rounds.mean_s());
        table.maybe("poll_round_max", all.rounds.max_s());
        let shown: u64 = all.ages.iter().sum();
        let mean = (shown > 0).then(|| all.age_sum / shown as f64 / 1e9);
        table.maybe("status_age_mean", mean);
        table.maybe("status_age_p99", all.age_quantile(0.99));
        table.maybe("status_age_max", (shown > 0).then_some(all.age_max as f64 / 1e9));
        let whole: u128 = all.shares.iter().sum();
        let names = ["status_right", "status_stale", "status_false", "status_unknown"];
        for (name, share) in names.into_iter().zip(all.shares) {
            table.ratio(name, share, whole);
        }
        table.count("status_false_alarms", all.false_alarms);
        table.count("status_deaths_shown", all.deaths.count());
        table.count("status_deaths_missed", all.deaths_missed);
        table.maybe("status_death_shown_mean", all.deaths.mean_s());
        table.maybe("status_death_shown_max", all.deaths.max_s());
    }
}
