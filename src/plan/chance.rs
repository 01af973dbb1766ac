//! Outside chance as functions: how long parts live, how long repairs take, how boots vary.
//!
//! Every rule has streams of its own, named after its kind and name, so that a rule that is added,
//! taken away or moved changes nobody else's draws.

use crate::event::Fault;
use crate::ids::{FaultId, Part};
use crate::plan::Plan;
use crate::rng::{Draw, Stream};
use crate::scenario::Scenario;
use crate::scenario::fault::{Age, FaultRule, Repair, When};
use crate::scenario::law::Law;
use crate::units::{Span, Time};

/// All chance of a scenario.
#[derive(Clone, Debug)]
pub struct Chance {
    rules: Vec<Rule>,
    /// One stream for each [`BootDraw`].
    boot: [Stream; 3],
}

/// The chance of one fault rule.
#[derive(Clone, Debug)]
struct Rule {
    lifetime: Option<(Law, Age)>,
    repair: Option<Law>,
    lifetimes: Stream,
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
            let alike = |other: &&FaultRule| (other.kind, &other.name) == (rule.kind, &rule.name);
            let earlier = scenario.faults[..index].iter().filter(alike).count();
            Rule::new(scenario.seed, rule, earlier)
        });
        let boot = ["boot/kernel", "boot/init", "boot/stray frame"];
        Self { rules: rules.collect(), boot: boot.map(|name| Stream::new(scenario.seed, name)) }
    }

    /// The lifetime number `k` of a part under a rule; number 0 is the first, which is what remains
    /// of one if the machine is old. Panics if the rule strikes at a fixed time.
    #[must_use]
    pub fn lifetime(&self, fault: FaultId, part: u32, k: u64) -> Span {
        let rule = &self.rules[usize::from(fault.0)];
        let (law, age) = rule.lifetime.expect("a rule at a fixed time has no lifetimes");
        let mut draw = rule.lifetimes.draw(u64::from(part), k);
        if k == 0 && age == Age::Stationary {
            residual(law, &mut draw)
        } else {
            sample(law, &mut draw)
        }
    }

    /// The duration of the repair number `k` of a part under a rule, [`Span::FOREVER`] if it is
    /// never repaired. Panics if a power cycle is the repair: its duration is the boot chain's.
    #[must_use]
    pub fn repair(&self, fault: FaultId, part: u32, k: u64) -> Span {
        let rule = &self.rules[usize::from(fault.0)];
        let law = rule.repair.expect("a power cycle has no duration of its own");
        sample(law, &mut rule.repairs.draw(u64::from(part), k))
    }

    /// A uniform number in (0, 1) for the boot of a node's life; `k` counts the draws of one kind.
    #[must_use]
    pub fn boot_unit(&self, node: u32, life: u32, what: BootDraw, k: u32) -> f64 {
        let part = u64::from(life) << 32 | u64::from(node);
        self.boot[what as usize].draw(part, u64::from(k)).unit()
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
        let path = format!("fault/{}/{}{number}", kind_word(rule.kind), rule.name);
        Self {
            lifetime: match rule.when {
                When::At(_) => None,
                When::Lifetime { law, age, .. } => Some((law, age)),
            },
            repair: match rule.repair {
                Repair::PowerCycle => None,
                Repair::After(law) => Some(law),
                Repair::Never => Some(Law::Fixed(Span::FOREVER)),
            },
            lifetimes: Stream::new(seed, &format!("{path}/lifetime")),
            repairs: Stream::new(seed, &format!("{path}/repair")),
        }
    }
}

/// The word for a kind of fault, as in the scenario's tables.
#[must_use]
pub const fn kind_word(kind: Fault) -> &'static str {
    match kind {
        Fault::Crash => "crash",
        Fault::Hang => "hang",
        Fault::PowerLoss => "power-loss",
        Fault::SwitchLoss => "switch-loss",
        Fault::ServerLoss => "server-loss",
        Fault::LinkDegradation => "link-degradation",
        Fault::ControllerCrash => "controller-crash",
    }
}

/// A span of this law.
fn sample(law: Law, draw: &mut Draw) -> Span {
    Span::from_secs_f64(match law {
        // Not through a float, which has 53 bits only.
        Law::Fixed(span) => return span,
        Law::Exponential { mean } => draw.exponential(mean.as_secs_f64()),
        Law::Weibull { shape, scale } => draw.weibull(shape, scale.as_secs_f64()),
        Law::Lognormal { median, sigma } => draw.lognormal(log(median), sigma),
        Law::Gamma { shape, scale } => draw.gamma(shape, scale.as_secs_f64()),
    })
}

/// What remains of a span of this law that is met at a random instant.
fn residual(law: Law, draw: &mut Draw) -> Span {
    Span::from_secs_f64(match law {
        Law::Fixed(span) => draw.fixed_residual(span.as_secs_f64()),
        Law::Exponential { mean } => draw.exponential_residual(mean.as_secs_f64()),
        Law::Weibull { shape, scale } => draw.weibull_residual(shape, scale.as_secs_f64()),
        Law::Lognormal { median, sigma } => draw.lognormal_residual(log(median), sigma),
        Law::Gamma { shape, scale } => draw.gamma_residual(shape, scale.as_secs_f64()),
    })
}

/// The mean of a law (s).
#[must_use]
pub fn mean(law: Law) -> f64 {
    match law {
        Law::Fixed(span) => span.as_secs_f64(),
        Law::Exponential { mean } => mean.as_secs_f64(),
        Law::Weibull { shape, scale } => scale.as_secs_f64() * libm::tgamma(1.0 + 1.0 / shape),
        Law::Lognormal { median, sigma } => median.as_secs_f64() * libm::exp(sigma * sigma / 2.0),
        Law::Gamma { shape, scale } => shape * scale.as_secs_f64(),
    }
}

fn log(span: Span) -> f64 {
    libm::log(span.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::pilot;

    fn lifetimes(scenario: &Scenario, fault: u16) -> Vec<Span> {
        let chance = Chance::new(scenario);
        (0..20).map(|i| chance.lifetime(FaultId(fault), i % 5, u64::from(i / 5))).collect()
    }

    #[test]
    fn adding_a_fault_rule_moves_nobody_elses_draws() {
        let old = pilot::scenario();
        let mut new = old.clone();
        let mut hang = pilot::crash();
        (hang.kind, hang.name) = (Fault::Hang, "hang".into());
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
