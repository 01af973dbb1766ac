//! Importance sampling: what brings a rare event nearer is made more frequent, and weighed.
//!
//! Clocks run faster and checks miss more; the likelihood ratio takes this out of the mean again.
//!
//! A lifetime ends when its part has cumulated a hazard E, exponential with mean 1, which the
//! plan's chance has drawn. Where a level has the speed b, hazard counts b times as much; no draw
//! is made anew. A run is then so many times as likely by nature as it is here:
//!
//! ```text
//!  e^((b - 1) h)   for each hazard h that was cumulated at speed b
//!  1 / b           for each lifetime that ended at speed b
//!  q / p           for each draw of chance q that was made with p
//! ```
//!
//! Worked example: a node of mean life 1,000 s is watched for 10 s at b = 100. It fails 3 s on: the
//! ratio is e^(99 x 0.003) / 100 = 0.01346. If it lives, e^(99 x 0.01) = 2.691. In the mean that is
//! 1: 0.6321 of the runs fail, whose ratios sum up to 1 - e^-0.01, and 0.3679 x 2.691 = e^-0.01.
//!
//! Levels and speeds follow from what has happened so far, so the mean of (value x ratio) is the
//! mean of the value by nature whatever they are; they decide how fast it is found. Source: failure
//! biasing, Heidelberger, "Fast simulation of rare events in queueing and reliability models",
//! 1995; of it that the hazard of each stage is scaled (Shahabuddin, "Importance sampling for the
//! simulation of highly reliable Markovian systems", 1994).

use crate::event::{CheckpointAct, CorruptionAct, Fault, JobPhase, What};
use crate::ids::{FaultId, PartKind};
use crate::plan::Plan;
use crate::plan::chance::Chance;
use crate::scenario::fault::{FaultRule, When};
use crate::units::{Span, Time};

/// Levels of a node: at 0 its strike brings the event no nearer.
pub const LEVELS: usize = 5;

/// The phase of the job of a node at each level, as far as it is asked for.
const PHASES: [Option<JobPhase>; LEVELS] = [
    None,
    Some(JobPhase::Compute),
    Some(JobPhase::Checkpoint),
    Some(JobPhase::Compute),
    Some(JobPhase::Checkpoint),
];

/// The most often that a check of corrupt memory is made to miss it. An assumption: a strike that
/// is found has a part in the mean too.
const MISSED_MAX: f64 = 0.8;

/// What is rare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RareEvent {
    /// A committed checkpoint is lost with all who hold an image of it.
    CheckpointsLost,
    /// The result of a job holds a silent corruption.
    CorruptionEscaped,
}

impl RareEvent {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::CheckpointsLost, Self::CorruptionEscaped];

    /// Its word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::CheckpointsLost => "checkpoints-lost",
            Self::CorruptionEscaped => "corruption-escaped",
        }
    }

    /// The metric that counts it.
    #[must_use]
    pub const fn metric(self) -> &'static str {
        match self {
            Self::CheckpointsLost => "checkpoints_lost",
            Self::CorruptionEscaped => "corruptions_escaped",
        }
    }

    /// Whether this is it.
    #[must_use]
    pub fn is(self, what: &What) -> bool {
        match self {
            Self::CheckpointsLost => {
                matches!(what, What::Checkpoint { act: CheckpointAct::Lose, .. })
            }
            Self::CorruptionEscaped => {
                matches!(what, What::Corruption { act: CorruptionAct::Escape, .. })
            }
        }
    }

    /// Whether strikes of a rule bring it nearer, and may be made more frequent: lifetimes of
    /// nodes that nobody foresees, by one law for the whole run.
    #[must_use]
    pub fn hangs_on(self, plan: &Plan, fault: FaultId) -> bool {
        let rule = plan.scenario.rule(fault);
        // The ratio of a lifetime that goes on by another law is not worked out.
        let is_lasting =
            plan.changes.iter().all(|it| it.plan.scenario.rule(fault).when == rule.when);
        let kind = rule.kind();
        let harms = match self {
            Self::CheckpointsLost => kind.loses_nodes(),
            Self::CorruptionEscaped => kind == Fault::SilentCorruption || kind == Fault::Upset,
        };
        let is_of_nodes = rule.on.kind == PartKind::Node && rule.prediction.is_none();
        harms && is_of_nodes && is_lasting && matches!(rule.when, When::Lifetime { .. })
    }
}

/// What is made more frequent, and how many times as frequent.
#[derive(Clone, Debug, PartialEq)]
pub struct Bias {
    /// What is rare.
    pub event: RareEvent,
    /// How fast hazard counts for nodes at each level; 1 at level 0. Of upsets, where corruption
    /// is rare, only that part of it counts faster that comes to silent corruption.
    pub speeds: [f64; LEVELS],
    /// How many times as often checks of corrupt memory miss it, up to 0.8 of the times.
    pub misses: f64,
}

impl Bias {
    /// None: all is as by nature.
    #[must_use]
    pub fn none(event: RareEvent) -> Self {
        Self { event, speeds: [1.0; LEVELS], misses: 1.0 }
    }
}

/// What a bias came to in a run.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Weighed {
    /// The logarithm of the likelihood ratio: of how many times as likely it is by nature.
    pub log_ratio: f64,
    /// The hazard that nodes met at each level: how many strikes that count are to be expected by
    /// nature.
    pub hazard: [f64; LEVELS],
    /// How many checks are to be expected by nature to miss the corrupt memory that they met.
    pub misses: f64,
}

/// The clocks of a run under a bias.
#[derive(Clone, Debug)]
pub(super) struct Biased {
    bias: Bias,
    levels: Vec<u8>,
    /// Of each rule, the lives of all nodes; none of rules that keep their pace.
    lives: Vec<Vec<Life>>,
    /// Of which rules only silent corruption is more frequent: upsets, where that is rare.
    marked: Vec<bool>,
    /// The share of silent corruption in what comes of upsets at each level.
    silent_shares: [f64; LEVELS],
    is_over: bool,
    sum: Weighed,
}

/// A lifetime of a node.
#[derive(Clone, Copy, Debug)]
struct Life {
    /// The hazard that is left; `None`: it keeps its pace.
    left: Option<f64>,
    /// What its clock would show (s).
    age: f64,
    /// Since when it runs at this level and speed; `None`: it stands.
    since: Option<Time>,
    level: u8,
    speed: f64,
    /// Whether it ever ran at another speed than 1: its clock alone does not know what is left.
    is_bent: bool,
}

impl Life {
    fn new(left: Option<f64>) -> Self {
        Self { left, age: 0.0, since: None, level: 0, speed: 1.0, is_bent: false }
    }
}

impl Biased {
    pub(super) fn new(bias: Bias, plan: &Plan, chance: &Chance) -> Self {
        let nodes = plan.machine.nodes.len() as u32;
        let rules = || (0..).zip(&plan.scenario.faults);
        let lives = |(number, rule): (u16, &FaultRule)| {
            if !bias.event.hangs_on(plan, FaultId(number)) {
                return Vec::new();
            }
            let first = |node| {
                let is_struck = rule.on.contains(node);
                Life::new(is_struck.then(|| chance.hazard_of(FaultId(number), node, 0)).flatten())
            };
            (0..nodes).map(first).collect()
        };
        let marked = |(_, rule): (u16, &FaultRule)| {
            bias.event == RareEvent::CorruptionEscaped && rule.kind() == Fault::Upset
        };
        let marked: Vec<_> = rules().map(marked).collect();
        let share = |phase| if marked.contains(&true) { chance.silent_share(phase) } else { 0.0 };
        Self {
            levels: vec![0; nodes as usize],
            lives: rules().map(lives).collect(),
            silent_shares: PHASES.map(share),
            marked,
            is_over: false,
            sum: Weighed::default(),
            bias,
        }
    }

    /// A node has this level from now on. Says whether it had another one.
    pub(super) fn set_level(&mut self, node: u32, level: u8) -> bool {
        let old = &mut self.levels[node as usize];
        !self.is_over && std::mem::replace(old, level) != level
    }

    /// Whether the clock of a node runs as fast as its level wants it.
    pub(super) fn keeps_pace(&self, rule: u16, node: u32) -> bool {
        let life = self.lives[usize::from(rule)].get(node as usize);
        life.is_none_or(|it| {
            it.left.is_none() || it.speed.to_bits() == self.speed(rule, node).to_bits()
        })
    }

    fn speed(&self, rule: u16, node: u32) -> f64 {
        let level = usize::from(self.levels[node as usize]);
        let speed = self.bias.speeds[level];
        if self.marked[usize::from(rule)] {
            return 1.0 + (speed - 1.0) * self.silent_shares[level];
        }
        speed
    }

    /// How many times as often silent corruption comes of an upset of a node.
    pub(super) fn silent(&self, rule: u16, node: u32) -> f64 {
        if self.marked[usize::from(rule)] {
            self.bias.speeds[usize::from(self.levels[node as usize])]
        } else {
            1.0
        }
    }

    fn life(&mut self, rule: u16, part: u32) -> Option<&mut Life> {
        self.lives[usize::from(rule)].get_mut(part as usize)
    }

    /// The clock of a part begins to run: gives what it is to show as left, if that is not what it
    /// shows.
    pub(super) fn starts(
        &mut self,
        chance: &Chance,
        now: Time,
        rule: u16,
        part: u32,
    ) -> Option<Span> {
        self.life(rule, part)?.left?;
        let (level, speed) = (self.levels[part as usize], self.speed(rule, part));
        let life = self.life(rule, part)?;
        (life.since, life.level, life.speed) = (Some(now), level, speed);
        life.is_bent |= speed > 1.0;
        let (age, left) = (life.age, life.left?);
        life.is_bent.then(|| {
            let fault = FaultId(rule);
            let end = chance.hazard_at(fault, part, age) + left / speed;
            Span::from_secs_f64((chance.age_at(fault, part, end) - age).max(0.0))
        })
    }

    /// It stands.
    pub(super) fn stops(&mut self, chance: &Chance, now: Time, rule: u16, part: u32) {
        let Some(life) = self.life(rule, part) else { return };
        let (Some(since), Some(left)) = (life.since.take(), life.left) else { return };
        let fault = FaultId(rule);
        let age = life.age + chance.aged(fault, since, now).as_secs_f64();
        let hazard = [age, life.age].map(|age| chance.hazard_at(fault, part, age));
        let hazard = (hazard[0] - hazard[1]).max(0.0);
        life.age = age;
        life.left = Some((left - life.speed * hazard).max(0.0));
        let life = *life;
        self.count(life, hazard, rule);
    }

    /// It has run out. Gives how many times as often silent corruption comes of that, if that is
    /// what is more frequent; what comes of it is [drawn](Self::drawn) then.
    pub(super) fn strikes(&mut self, rule: u16, part: u32) -> Option<f64> {
        let life = self.life(rule, part)?;
        let left = life.left.filter(|_| life.since.take().is_some())?;
        let life = *life;
        self.count(life, left / life.speed, rule);
        if self.marked[usize::from(rule)] {
            return Some(self.silent(rule, part));
        }
        self.drawn(life.speed);
        None
    }

    /// Something came of a draw that is so many times as likely here as by nature.
    pub(super) fn drawn(&mut self, times: f64) {
        self.sum.log_ratio -= libm::log(times);
    }

    fn count(&mut self, life: Life, hazard: f64, rule: u16) {
        let level = usize::from(life.level);
        let share = if self.marked[usize::from(rule)] { self.silent_shares[level] } else { 1.0 };
        self.sum.log_ratio += (life.speed - 1.0) * hazard;
        self.sum.hazard[level] += hazard * share;
    }

    /// Lifetime number `k` of a part begins; its clock stands.
    pub(super) fn renewed(&mut self, chance: &Chance, rule: u16, part: u32, k: u64) {
        if let Some(life) = self.life(rule, part) {
            *life = Life::new(chance.hazard_of(FaultId(rule), part, k));
        }
    }

    /// Levels change no more.
    pub(super) fn end(&mut self) {
        self.is_over = true;
    }

    /// The sum until now.
    pub(super) fn weighed(&mut self, chance: &Chance, now: Time) -> Weighed {
        for rule in 0..self.lives.len() as u16 {
            for part in 0..self.lives[usize::from(rule)].len() as u32 {
                self.stops(chance, now, rule, part);
            }
        }
        self.sum
    }
}

/// Checks of corrupt memory that miss it more often than by nature.
#[derive(Clone, Debug)]
pub(super) struct Misses {
    times: f64,
    sum: Weighed,
}

impl Misses {
    /// So many times as often.
    pub(super) fn new(times: f64) -> Self {
        Self { times, sum: Weighed::default() }
    }

    /// Whether a check with this coverage misses the corrupt memory that it meets, by a uniform
    /// number.
    pub(super) fn miss(&mut self, unit: f64, coverage: f64) -> bool {
        let by_nature = 1.0 - coverage;
        self.sum.misses += by_nature;
        let share = by_nature.max((by_nature * self.times).min(MISSED_MAX));
        if share <= by_nature {
            return unit >= coverage;
        }
        let is_missed = unit >= 1.0 - share;
        let times = if is_missed { share / by_nature } else { (1.0 - share) / coverage };
        self.sum.log_ratio -= libm::log(times);
        is_missed
    }

    pub(super) fn weighed(&self) -> Weighed {
        self.sum
    }
}

impl std::ops::Add for Weighed {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            log_ratio: self.log_ratio + other.log_ratio,
            hazard: std::array::from_fn(|level| self.hazard[level] + other.hazard[level]),
            misses: self.misses + other.misses,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The worked example, and that the ratios of all that may come of a draw sum up to 1.
    #[test]
    fn ratios_of_all_that_may_come_sum_up_to_one() {
        let ratio = |hazard: f64, strikes: bool| {
            libm::exp(99.0 * hazard) / if strikes { 100.0 } else { 1.0 }
        };
        assert!((ratio(0.003, true) - 0.013_46).abs() < 1e-5);
        assert!((ratio(0.01, false) - 2.691).abs() < 1e-3);
        let (n, step) = (100_000, 1e-7);
        let struck: f64 = (0..n)
            .map(|i| (f64::from(i) + 0.5) * step)
            .map(|hazard| 100.0 * step * libm::exp(-100.0 * hazard) * ratio(hazard, true))
            .sum();
        let lives = libm::exp(-1.0) * ratio(0.01, false);
        assert!((struck + libm::expm1(-0.01)).abs() < 1e-9, "{struck}");
        assert!((lives - libm::exp(-0.01)).abs() < 1e-9, "{lives}");
    }

    #[test]
    fn a_check_made_to_miss_keeps_the_mean_of_its_misses() {
        let n = 10_000;
        let mut sum = 0.0;
        for i in 0..n {
            let mut misses = Misses::new(50.0);
            if misses.miss((f64::from(i) + 0.5) / f64::from(n), 0.99) {
                sum += libm::exp(misses.weighed().log_ratio);
            }
            assert!((misses.weighed().misses - 0.01).abs() < 1e-12);
        }
        assert!((sum / f64::from(n) - 0.01).abs() < 1e-9, "{sum}");
        assert!(Misses::new(1.0).miss(0.995, 0.99) && !Misses::new(1.0).miss(0.985, 0.99));
    }
}
