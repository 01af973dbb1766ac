//! Outside chance as functions: how long parts live, how long repairs take, how boots vary.
//!
//! Every rule has streams of its own, named after its kind and name, so that a rule that is added,
//! taken away or moved changes nobody else's draws.

use crate::cosmic::budget::{Activity, ArrayBudget, Budget, Class, classes_of};
use crate::cosmic::code::Verdict;
use crate::cosmic::memory::{Outcomes, Shares};
use crate::cosmic::standing::{ChipFault, Memory};
use crate::event::JobPhase;
use crate::ids::{FaultId, JobId, Part};
use crate::plan::Plan;
use crate::plan::alarms::Alarms;
use crate::plan::lifetimes::{self, residual};
use crate::plan::rhythm::{self, Hours};
use crate::rng::Stream;
use crate::scenario::Scenario;
use crate::scenario::fault::{Age, Cascade, FaultRule, PartSet, Repair, When};
use crate::scenario::law::Law;
use crate::units::{Span, Time};

/// All chance of a scenario.
#[derive(Clone, Debug)]
pub struct Chance {
    rules: Vec<Rule>,
    /// The upsets of a node, and what comes of them.
    budget: Budget,
    /// The chips of a node whose faults are followed.
    memory: Memory,
    outcomes: Outcomes,
    /// One stream for each [`BootDraw`].
    boot: [Stream; 3],
    flips: Stream,
    verifications: Stream,
    checks: Stream,
}

/// The chance of one fault rule.
#[derive(Clone, Debug)]
struct Rule {
    lifetime: Option<(Law, Age)>,
    frailty: f64,
    hours: Option<Hours>,
    cascade: Option<Cascade>,
    alarms: Option<Alarms>,
    parts: PartSet,
    repair: Option<Law>,
    lifetimes: Stream,
    frailties: Stream,
    cascades: Stream,
    upsets: Stream,
    repairs: Stream,
}

/// What a boot draws for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BootDraw {
    /// The time of the kernel's start.
    Kernel,
    /// The time of user space's start.
    Init,
    /// Whether, and when, a stray frame completes a DHCP try.
    Stray,
}

/// A fault that chance, or the scenario, sends first to a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Strike {
    /// When. For a rule with lifetimes on nodes this counts the time for which the node has power;
    /// otherwise it is the time of the run.
    pub at: Time,
    /// The rule.
    pub fault: FaultId,
    /// The part.
    pub part: Part,
}

impl Chance {
    /// The chance of a scenario: its seed, and the names of its rules.
    #[must_use]
    pub fn new(scenario: &Scenario) -> Self {
        let rules = scenario.faults.iter().enumerate().map(|(index, rule)| {
            let alike =
                |other: &&FaultRule| (other.kind(), &other.name) == (rule.kind(), &rule.name);
            let earlier = scenario.faults[..index].iter().filter(alike).count();
            Rule::new(scenario.seed, rule, earlier)
        });
        let budget = Budget::of(&scenario.site, &scenario.hardware.arrays);
        let memory = Memory::of(&scenario.hardware.arrays, budget.flux.factor);
        let boot = ["boot/kernel", "boot/init", "boot/stray frame"];
        Self {
            rules: rules.collect(),
            budget: if scenario.follows_chips() {
                budget.without_chips(&scenario.hardware.arrays)
            } else {
                budget
            },
            memory,
            outcomes: scenario.upset,
            boot: boot.map(|name| Stream::new(scenario.seed, name)),
            flips: Stream::new(scenario.seed, "memory/flip"),
            verifications: Stream::new(scenario.seed, "verification"),
            checks: Stream::new(scenario.seed, "abft"),
        }
    }

    /// The lifetime number `k` of a part under a rule; number 0 is the first, which is what remains
    /// of one if the machine is old. Panics if the rule strikes at a fixed time.
    #[must_use]
    pub fn lifetime(&self, fault: FaultId, part: u32, k: u64) -> Span {
        let rule = &self.rules[usize::from(fault.0)];
        let lifetime = rule.lifetime.as_ref();
        let (law, age) = lifetime.expect("a rule at a fixed time has no lifetimes");
        let mut draw = rule.lifetimes.draw(u64::from(part), k);
        let span = if k == 0 && *age == Age::Stationary {
            residual(law, &mut draw)
        } else {
            law.sample(&mut draw)
        };
        // Not through a float, which has 53 bits only.
        if rule.frailty == 0.0 {
            return span;
        }
        Span::from_secs_f64(span.as_secs_f64() / rule.pace(part))
    }

    /// The cumulated hazard at which lifetime number `k` of a part ends: exponential with mean 1,
    /// whatever the law. `None` of laws whose hazard is not worked out here, and of what remains of
    /// a Weibull life in an old machine.
    #[must_use]
    pub fn hazard_of(&self, fault: FaultId, part: u32, k: u64) -> Option<f64> {
        let rule = &self.rules[usize::from(fault.0)];
        let (law, age) = rule.lifetime.as_ref()?;
        let is_known = match law {
            Law::Exponential { .. } => true,
            Law::Weibull(_) => k > 0 || *age == Age::New,
            _ => false,
        };
        // Both laws turn the first uniform number of the draw into a lifetime by its logarithm.
        is_known.then(|| rule.lifetimes.draw(u64::from(part), k).exponential(1.0))
    }

    /// The hazard that a part has cumulated whose clock shows this age (s), where
    /// [`Self::hazard_of`] knows it.
    #[must_use]
    pub fn hazard_at(&self, fault: FaultId, part: u32, age: f64) -> f64 {
        let rule = &self.rules[usize::from(fault.0)];
        let (law, _) = rule.lifetime.as_ref().expect("its hazard is known");
        lifetimes::hazard(law, age * rule.pace(part))
    }

    /// The age (s) at which a part has cumulated this hazard.
    #[must_use]
    pub fn age_at(&self, fault: FaultId, part: u32, hazard: f64) -> f64 {
        let rule = &self.rules[usize::from(fault.0)];
        let (law, _) = rule.lifetime.as_ref().expect("its hazard is known");
        lifetimes::age(law, hazard) / rule.pace(part)
    }

    /// How much the clock of a part whose rule has such hours shows more at `to` than at `from`.
    #[must_use]
    pub fn aged(&self, fault: FaultId, from: Time, to: Time) -> Span {
        rhythm::between(self.hours(fault), from, to)
    }

    /// How fast the lifetimes of a rule pass at each hour, if not always alike.
    #[must_use]
    pub fn hours(&self, fault: FaultId) -> Option<&Hours> {
        self.rules[usize::from(fault.0)].hours.as_ref()
    }

    /// The strike that strike number `n` of a rule, on this part, brings with it, if any: after
    /// which time, and on which other part.
    #[must_use]
    pub fn follow_on(&self, fault: FaultId, part: u32, n: u64) -> Option<(Span, u32)> {
        let rule = &self.rules[usize::from(fault.0)];
        let cascade = rule.cascade?;
        let mut draw = rule.cascades.draw(0, n);
        if draw.unit() >= cascade.chance {
            return None;
        }
        let span = Span::from_secs_f64(draw.exponential(cascade.delay.as_secs_f64()));
        // Uniform among the others: the last takes the place of the part itself.
        let last = rule.parts.nth(rule.parts.len() - 1);
        let drawn = rule.parts.nth(draw.below(u64::from(rule.parts.len()) - 1) as u32);
        Some((span, if drawn == part { last } else { drawn }))
    }

    /// How long before its end lifetime number `k` of a part under a rule is announced, if it is.
    #[must_use]
    pub fn announced(&self, fault: FaultId, part: u32, k: u64) -> Option<Span> {
        let alarms = self.rules[usize::from(fault.0)].alarms.as_ref()?;
        alarms.announces(part, k).then(|| alarms.lead())
    }

    /// The false alarm number `n` of a rule, if it has any, and the one before it was at `since`:
    /// when it is raised, at the pace of the rule's hours, before which part, and the lead that it
    /// claims.
    #[must_use]
    pub fn false_alarm(&self, fault: FaultId, n: u64, since: Time) -> Option<(Time, u32, Span)> {
        let rule = &self.rules[usize::from(fault.0)];
        let alarms = rule.alarms.as_ref()?;
        let (span, part) = alarms.false_alarm(n)?;
        Some((rhythm::later(rule.hours.as_ref(), since, span), part, alarms.lead()))
    }

    /// The duration of the repair number `k` of a part under a rule, [`Span::FOREVER`] if it is
    /// never repaired. Panics if a power cycle is the repair: its duration is the boot chain's.
    #[must_use]
    pub fn repair(&self, fault: FaultId, part: u32, k: u64) -> Span {
        let rule = &self.rules[usize::from(fault.0)];
        let law = rule.repair.as_ref().expect("a power cycle has no duration of its own");
        law.sample(&mut rule.repairs.draw(u64::from(part), k))
    }

    /// The array that upset number `k` of a node strikes, and what comes of it while the job that
    /// the node works for, if it does, is in this phase. The same draws decide for each phase.
    /// `silent` is how many times as often it is silent corruption as it is by nature: 1 but for
    /// importance sampling. Panics if nothing can be upset.
    #[must_use]
    pub fn upset(
        &self,
        fault: FaultId,
        node: u32,
        k: u64,
        phase: Option<JobPhase>,
        silent: f64,
    ) -> (u32, Class) {
        let mut draw = self.rules[usize::from(fault.0)].upsets.draw(u64::from(node), k);
        let arrays = &self.budget.arrays;
        let shares = activity(phase).shares(&self.outcomes);
        let rate = |array: &ArrayBudget| {
            if silent > 1.0 { boosted(array, shares, silent).iter().sum() } else { array.rate }
        };
        let array = choose(arrays.iter().map(rate), draw.unit());
        let class = choose(boosted(&arrays[array], shares, silent).into_iter(), draw.unit());
        (array as u32, Class::ALL[class])
    }

    /// The share of silent corruption in what comes of upsets in this phase. Panics if nothing can
    /// be upset.
    #[must_use]
    pub fn silent_share(&self, phase: Option<JobPhase>) -> f64 {
        let shares = activity(phase).shares(&self.outcomes);
        let classes = |array: &ArrayBudget| array.classes(shares);
        let silent = self.budget.arrays.iter().map(|it| classes(it)[Class::Silent as usize]);
        let all = self.budget.arrays.iter().flat_map(classes).sum::<f64>();
        assert!(all > 0.0, "something can be upset");
        silent.sum::<f64>() / all
    }

    /// The fault number `k` of a node's chips of DRAM, and a uniform number in (0, 1) that says
    /// what comes of it. Panics if the node has no chips.
    #[must_use]
    pub fn chip_fault(&self, fault: FaultId, node: u32, k: u64) -> (ChipFault, f64) {
        let mut draw = self.rules[usize::from(fault.0)].upsets.draw(u64::from(node), k);
        (self.memory.fault(std::array::from_fn(|_| draw.unit())), draw.unit())
    }

    /// What comes, by a uniform number, of damage of which the code makes this, while the job that
    /// the node works for, if it does, is in this phase.
    #[must_use]
    pub fn class_of(&self, verdict: Verdict, phase: Option<JobPhase>, unit: f64) -> Class {
        let shares = activity(phase).shares(&self.outcomes);
        Class::ALL[choose(classes_of(verdict, shares).into_iter(), unit)]
    }

    /// The chips of a node whose faults are followed.
    #[must_use]
    pub fn memory(&self) -> &Memory {
        &self.memory
    }

    /// A uniform number in (0, 1) for the boot of a node's life; `k` counts the draws of one kind.
    #[must_use]
    pub fn boot_unit(&self, node: u32, life: u32, what: BootDraw, k: u32) -> f64 {
        let part = u64::from(life) << 32 | u64::from(node);
        self.boot[what as usize].draw(part, u64::from(k)).unit()
    }

    /// Which data of a node's memory its silent corruption number `k` flips: 64 uniform bits.
    #[must_use]
    pub fn flip(&self, node: u32, k: u64) -> u64 {
        self.flips.draw(u64::from(node), k).next_u64()
    }

    /// A uniform number in (0, 1): the verification number `k` of a job finds corrupt memory if it
    /// is below the coverage.
    #[must_use]
    pub fn verification(&self, job: JobId, k: u64) -> f64 {
        self.verifications.draw(u64::from(job.0), k).unit()
    }

    /// A uniform number in (0, 1): the check of a step finds silent corruption number `k` of a
    /// node's memory, which struck in the step, if it is below the coverage.
    #[must_use]
    pub fn check(&self, node: u32, k: u64) -> f64 {
        self.checks.draw(u64::from(node), k).unit()
    }

    /// The first strike of each rule on each of its parts, if it falls before `end`, by time.
    #[must_use]
    pub fn first_strikes(&self, plan: &Plan, end: Time) -> Vec<Strike> {
        let mut strikes = Vec::new();
        for (index, rule) in plan.scenario.faults.iter().enumerate() {
            let fault = FaultId(index as u16);
            for number in rule.on.iter() {
                let at = match rule.when {
                    When::At(at) => at,
                    When::Lifetime { .. } => Time::ZERO + self.lifetime(fault, number, 0),
                };
                if at < end {
                    let part = Part { kind: rule.on.kind, index: number };
                    strikes.push(Strike { at, fault, part });
                }
            }
        }
        strikes.sort_unstable();
        strikes
    }
}

impl Rule {
    /// `earlier` counts the rules of the same kind and name before this one.
    fn new(seed: u64, rule: &FaultRule, earlier: usize) -> Self {
        let number = if earlier > 0 { format!("/{}", earlier + 1) } else { String::new() };
        let path = format!("fault/{}/{}{number}", rule.kind().word(), rule.name);
        Self {
            lifetime: match &rule.when {
                When::At(_) => None,
                When::Lifetime { law, age, .. } => Some((law.clone(), *age)),
            },
            frailty: match rule.when {
                When::At(_) => 0.0,
                When::Lifetime { frailty, .. } => frailty,
            },
            hours: match rule.when {
                When::At(_) => None,
                When::Lifetime { rhythm, .. } => rhythm.map(Hours::new),
            },
            cascade: rule.cascade,
            alarms: Alarms::of(seed, rule, &path),
            parts: rule.on.clone(),
            repair: match &rule.repair {
                Repair::PowerCycle => None,
                Repair::After(law) => Some(law.clone()),
                Repair::Never => Some(Law::Fixed(Span::FOREVER)),
            },
            frailties: Stream::new(seed, &format!("{path}/frailty")),
            cascades: Stream::new(seed, &format!("{path}/cascade")),
            upsets: Stream::new(seed, &format!("{path}/class")),
            lifetimes: Stream::new(seed, &format!("{path}/lifetime")),
            repairs: Stream::new(seed, &format!("{path}/repair")),
        }
    }

    /// The rate at which a part lives: gamma distributed with mean 1 and the frailty as variance.
    ///
    /// So the whole machine fails as often as without frailty, and the number of failures of a part
    /// within a time in which each has m on average has variance m + m^2 frailty (exponential
    /// lifetimes). Lifetimes are divided by it, which for a Weibull of shape k multiplies the
    /// hazard by its power k. Source of the name and of the gamma law: Vaupel, Manton, Stallard,
    /// "The impact of heterogeneity in individual frailty on the dynamics of mortality", 1979.
    fn pace(&self, part: u32) -> f64 {
        if self.frailty == 0.0 {
            return 1.0;
        }
        self.frailties.draw(u64::from(part), 0).gamma(1.0 / self.frailty, self.frailty)
    }
}

/// The rates of the classes of an array, that of silent corruption so many times what it is.
fn boosted(array: &ArrayBudget, shares: Shares, silent: f64) -> [f64; 6] {
    let mut rates = array.classes(shares);
    rates[Class::Silent as usize] *= silent;
    rates
}

/// What a node does whose job is in this phase.
fn activity(phase: Option<JobPhase>) -> Activity {
    match phase {
        Some(JobPhase::Compute | JobPhase::Rework | JobPhase::Verify) => Activity::Compute,
        Some(JobPhase::Checkpoint | JobPhase::Restart) => Activity::Checkpoint,
        Some(JobPhase::Waiting | JobPhase::Done | JobPhase::TimedOut) | None => Activity::Idle,
    }
}

/// The number of the weight in which a uniform number falls. Panics if none is above zero.
fn choose(weights: impl Iterator<Item = f64> + Clone, unit: f64) -> usize {
    let mut left = unit * weights.clone().sum::<f64>();
    let mut last = None;
    for (number, weight) in weights.enumerate().filter(|(_, weight)| *weight > 0.0) {
        last = Some(number);
        left -= weight;
        if left < 0.0 {
            break;
        }
    }
    last.expect("something has a weight")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::pilot;
    use crate::scenario::harm::Harm;

    fn lifetimes(scenario: &Scenario, fault: u16) -> Vec<Span> {
        let chance = Chance::new(scenario);
        (0..20).map(|i| chance.lifetime(FaultId(fault), i % 5, u64::from(i / 5))).collect()
    }

    #[test]
    fn adding_a_fault_rule_moves_nobody_elses_draws() {
        let old = pilot::scenario();
        let mut new = old.clone();
        let mut hang = pilot::crash();
        (hang.harm, hang.name) = (Harm::Hang { severity: 1 }, "hang".into());
        new.faults.insert(0, hang);
        assert_eq!(lifetimes(&old, 0), lifetimes(&new, 1));
        assert_ne!(lifetimes(&new, 0), lifetimes(&new, 1));
        new.faults.push(pilot::crash());
        assert_eq!(lifetimes(&old, 0), lifetimes(&new, 1));
        let twin = new.faults.len() as u16 - 1;
        assert_ne!(lifetimes(&old, 0), lifetimes(&new, twin), "rules of one name are independent");
    }

    #[test]
    fn growing_the_machine_moves_no_draw_of_the_old_nodes() {
        let old = pilot::scenario();
        let mut new = old.clone();
        new.cluster.modules = 50;
        assert_eq!(lifetimes(&old, 0), lifetimes(&new, 0));
    }

    #[test]
    fn another_seed_is_another_world() {
        let old = pilot::scenario();
        let mut new = old.clone();
        new.seed += 1;
        assert_ne!(lifetimes(&old, 0), lifetimes(&new, 0));
    }

    #[test]
    fn only_the_first_life_of_an_old_machine_is_a_remainder() {
        let mut scenario = pilot::scenario();
        let life = Span::from_secs(1_000);
        for (age, first_is_whole) in [(Age::New, true), (Age::Stationary, false)] {
            scenario.faults[0].when = pilot::lifetime(Law::Fixed(life), age);
            let chance = Chance::new(&scenario);
            let first = chance.lifetime(FaultId(0), 3, 0);
            assert!(first <= life);
            assert_eq!(first == life, first_is_whole);
            assert_eq!(chance.lifetime(FaultId(0), 3, 1), life);
        }
    }

    /// With frailty v the number of failures of a part in a time in which it has m on average has
    /// mean m and variance m + m^2 v: here 4 and 36. Over 4,000 parts the mean lies within
    /// 2.5758 sqrt(36 / 4000) = 0.24, and the variance within 12 % (the kurtosis of the law is 7.5
    /// at most: sqrt(6.5 / 4000) x 2.5758 = 10 %).
    #[test]
    fn frail_parts_fail_more_often_and_all_together_as_often_as_before() {
        const PARTS: u32 = 4_000;
        let mut scenario = pilot::scenario();
        let law = Law::Exponential { mean: Span::from_secs(1_000) };
        scenario.faults[0].when = pilot::lifetime(law, Age::New);
        let When::Lifetime { frailty, .. } = &mut scenario.faults[0].when else { panic!() };
        *frailty = 2.0;
        let chance = Chance::new(&scenario);
        let failures = |part| {
            let (mut left, mut k) = (4_000.0, 0);
            loop {
                left -= chance.lifetime(FaultId(0), part, k).as_secs_f64();
                if left < 0.0 {
                    return k as f64;
                }
                k += 1;
            }
        };
        let counts: Vec<_> = (0..PARTS).map(failures).collect();
        let n = f64::from(PARTS);
        let mean = counts.iter().sum::<f64>() / n;
        let variance = counts.iter().map(|k| (k - mean) * (k - mean)).sum::<f64>() / (n - 1.0);
        assert!((mean - 4.0).abs() < 0.24, "{mean}");
        assert!((variance / 36.0 - 1.0).abs() < 0.12, "{variance}");
    }

    /// 1 / (1 - p) strikes on average, one that is not brought by another included; the number is
    /// geometric of variance p / (1 - p)^2.
    #[test]
    fn a_cascade_brings_as_many_strikes_as_its_chance_says() {
        const TRIES: u64 = 10_000;
        let mut scenario = pilot::scenario();
        let delay = Span::from_secs(60);
        scenario.faults[0].cascade = Some(Cascade { chance: 0.75, delay });
        let chance = Chance::new(&scenario);
        let (mut n, mut spans, mut seen) = (0, 0.0, 0.0);
        for _ in 0..TRIES {
            let mut part = 7;
            loop {
                n += 1;
                let Some((span, next)) = chance.follow_on(FaultId(0), part, n) else { break };
                assert!(next != part && scenario.faults[0].on.contains(next));
                (spans, seen) = (spans + span.as_secs_f64(), seen + 1.0);
                part = next;
            }
        }
        let half = 2.5758 * (0.75 / 0.0625 / TRIES as f64).sqrt();
        assert!((n as f64 / TRIES as f64 - 4.0).abs() < half, "{n}");
        assert!((spans / seen - 60.0).abs() < 2.5758 * 60.0 / f64::sqrt(seen), "{}", spans / seen);
    }

    #[test]
    fn what_is_never_repaired_takes_forever() {
        let mut scenario = pilot::scenario();
        scenario.faults[0].repair = Repair::Never;
        assert_eq!(Chance::new(&scenario).repair(FaultId(0), 1, 0), Span::FOREVER);
    }

    #[test]
    fn draws_of_a_boot_differ_by_node_life_kind_and_number() {
        let chance = Chance::new(&pilot::scenario());
        let here = chance.boot_unit(1, 1, BootDraw::Kernel, 0);
        let others = [
            chance.boot_unit(2, 1, BootDraw::Kernel, 0),
            chance.boot_unit(1, 2, BootDraw::Kernel, 0),
            chance.boot_unit(1, 1, BootDraw::Init, 0),
            chance.boot_unit(1, 1, BootDraw::Kernel, 1),
        ];
        assert!(others.iter().all(|other| other.to_bits() != here.to_bits()));
    }

    /// Old nodes of a mean life of a year: the remainder of a life is shorter than 30 days with
    /// probability (integral of S over 30 days) / mean = 0.073: 55 +- 18 (99 %) of 750.
    #[test]
    fn the_pilot_loses_about_55_nodes_in_a_month() {
        let plan = Plan::make(&pilot::scenario());
        let chance = Chance::new(&plan.scenario);
        let strikes = chance.first_strikes(&plan, Time(30 * 86_400 * 1_000_000_000));
        let crashes = strikes.iter().filter(|strike| strike.fault == FaultId(0)).count();
        assert!((37..74).contains(&crashes), "{crashes}");
        assert!(strikes.is_sorted());
        assert_eq!(strikes.iter().filter(|strike| strike.fault == FaultId(1)).count(), 1);
    }
}
