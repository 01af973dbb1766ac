//! A schedule of faults as a scenario, and what is left of the scenario that it is made from.

use std::cmp::Ordering;
use std::sync::Arc;

use crate::config::nodeset;
use crate::experiment::branch::Refused;
use crate::ids::{FaultId, Part, PartKind};
use crate::metrics;
use crate::plan::{Plan, lifetimes};
use crate::record::faults::with_rules;
use crate::scenario::Scenario;
use crate::scenario::fault::{FaultRule, PartSet, Radius, Repair, When};
use crate::scenario::job::{Checkpoint, Multilevel};
use crate::scenario::law::Law;
use crate::units::{Span, Time};

/// One fault of a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Strike {
    /// The rule whose harm it does.
    pub rule: FaultId,
    /// The part.
    pub part: Part,
    /// When.
    pub at: Time,
}

/// How much a schedule costs: a difference of the metric, in its unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Loss {
    /// So much.
    Of(f64),
    /// The work is never done.
    Unfinished,
}

impl Loss {
    /// Whether it costs more than another.
    #[must_use]
    pub fn exceeds(self, other: Self) -> bool {
        match (self, other) {
            (_, Self::Unfinished) => false,
            (Self::Unfinished, Self::Of(_)) => true,
            (Self::Of(own), Self::Of(other)) => own.total_cmp(&other) == Ordering::Greater,
        }
    }
}

/// A scenario without chance, and the rules whose faults may strike it.
#[derive(Debug)]
pub struct Setting {
    /// The plan of the scenario as it is.
    original: Plan,
    /// That of the scenario without rules that have lifetimes.
    pub(super) calm: Plan,
    /// The metric that shall become as bad as can be.
    pub(super) metric: &'static str,
    /// What it comes to without such faults.
    pub(super) value: f64,
    /// The rules that may strike.
    pub(super) rules: Vec<FaultId>,
    /// What was switched off or left out, as sentences.
    pub(super) notes: Vec<String>,
}

impl Setting {
    /// That of a scenario; the run without faults is played.
    ///
    /// # Errors
    /// [`Refused`] if there is nothing to search.
    pub fn of(scenario: &Scenario, metric: &str) -> anyhow::Result<Self> {
        let Some(metric) = metrics::find(metric) else {
            let near = metrics::suggest(metric).map(|near| format!("did you mean `{near}`?"));
            let hint = near.unwrap_or_else(|| "docs/metrics.md has all of them".to_owned());
            return Err(Refused::new(format!("there is no metric `{metric}`"), hint).into());
        };
        let original = Plan::make(scenario);
        let (mut rules, mut notes) = (Vec::new(), Vec::new());
        for (number, rule) in (0..).zip(&scenario.faults) {
            if matches!(rule.when, When::At(_)) {
                notes.push(format!("`{}` strikes at its own time in every run", rule.name));
            } else if by_chance(rule) {
                let word = rule.kind().word();
                notes.push(format!("`{}` is left out: what a {word} does is chance", rule.name));
            } else {
                rules.push(FaultId(number));
                notes.extend(law_of(rule).map(|mean| {
                    format!("`{}` is repaired after the mean of its law, {mean}", rule.name)
                }));
            }
        }
        if rules.is_empty() {
            let why = "no rule of the scenario has faults to choose from".to_owned();
            let hint = "give [[fault.crash]] or another kind with a `lifetime`; `at` fixes one";
            return Err(Refused::new([vec![why], notes].concat().join("; "), hint).into());
        }
        if scenario.jobs.is_empty() && metric.name == "makespan" {
            let hint = "give a [workload], or another --metric, such as boot_t100";
            return Err(Refused::new("there is no job, so there is no makespan", hint).into());
        }
        let calm = calm(&original)?;
        if calm.hardware.boot.spread.to_bits() != scenario.hardware.boot.spread.to_bits()
            || calm.boot.stray_frame.to_bits() != scenario.boot.stray_frame.to_bits()
        {
            notes.push("boots take their mean time, and no stray frame helps or harms one".into());
        }
        let mut setting = Self {
            original,
            calm: Plan::make(&calm),
            metric: metric.name,
            value: 0.0,
            rules,
            notes,
        };
        setting.calm.scenario.provenance = Vec::new();
        setting.value = super::extend::value_without_faults(&setting)?;
        Ok(setting)
    }

    /// A rule as it strikes once.
    pub(super) fn rule(&self, strike: Strike, number: usize) -> FaultRule {
        let Strike { rule, part, at } = strike;
        let of = self.original.scenario.rule(rule);
        let ranges = if of.radius == Radius::Node || part.kind != PartKind::Node {
            std::iter::once(part.index..part.index + 1).collect()
        } else {
            let nodes = self.original.reached(rule, part);
            nodeset::merged(nodes.map(|node| node.0..node.0 + 1).collect())
        };
        FaultRule {
            name: format!("{} {number}", of.name),
            harm: of.harm.clone(),
            on: PartSet { kind: part.kind, ranges },
            when: When::At(at),
            cascade: None,
            prediction: None,
            radius: Radius::Node,
            repair: match (&of.repair, law_of(of)) {
                (_, Some(mean)) => Repair::After(Law::Fixed(mean)),
                (repair, None) => repair.clone(),
            },
        }
    }

    /// The plan in which such faults strike.
    pub(super) fn plan(&self, schedule: &[Strike]) -> Plan {
        let mut plan = self.calm.clone();
        let strikes = schedule.iter().zip(1..);
        plan.scenario.faults.extend(strikes.map(|(strike, number)| self.rule(*strike, number)));
        plan
    }

    /// The scenario in which they do, to be written out. It inherits nothing.
    #[must_use]
    pub fn scenario(&self, schedule: &[Strike]) -> Scenario {
        let mut scenario = self.plan(schedule).scenario;
        let provenance = self.original.scenario.provenance.iter();
        let stays = provenance.filter(|figure| !figure.key.starts_with("fault."));
        scenario.provenance = stays.cloned().collect();
        scenario
    }

    /// What a strike is called: `node crash on pi17`.
    #[must_use]
    pub fn name(&self, strike: Strike) -> String {
        let rule = self.original.scenario.rule(strike.rule);
        let part = self.original.machine.name(strike.part);
        let radius = match rule.radius {
            Radius::Node => String::new(),
            radius => format!(", with all of its {}", radius.kind().word()),
        };
        format!("{} on {part}{radius}", rule.name)
    }

    /// The parts that a rule may strike.
    pub(super) fn on(&self, rule: FaultId) -> &PartSet {
        &self.original.scenario.rule(rule).on
    }

    /// The plan with its rules: which of them may strike a part is part of its class.
    pub(super) fn original(&self) -> &Plan {
        &self.original
    }
}

/// Whether what comes of a fault of this rule is drawn.
fn by_chance(rule: &FaultRule) -> bool {
    rule.kind().corrupts() || rule.harm.beam().is_some()
}

/// The mean of the law by which a part is repaired, if that is random.
fn law_of(rule: &FaultRule) -> Option<Span> {
    match &rule.repair {
        Repair::After(Law::Fixed(_)) | Repair::PowerCycle | Repair::Never => None,
        Repair::After(law) => Some(Span::from_secs_f64(lifetimes::mean(law))),
    }
}

/// The scenario with neither rules that have lifetimes nor chance in its boots.
fn calm(plan: &Plan) -> Result<Scenario, Refused> {
    let fixed = plan.scenario.faults.iter().filter(|rule| matches!(rule.when, When::At(_)));
    let mut calm = with_rules(plan, fixed.cloned().collect()).map_err(|why| {
        let why = format!("a schedule of other faults cannot be played: {why}");
        Refused::new(why, "leave [[change]] out, or write its values into the scenario")
    })?;
    calm.hardware.boot.spread = 0.0;
    if let Some(parts) = &mut calm.parts {
        for group in &mut Arc::make_mut(parts).groups {
            group.node.boot.spread = 0.0;
        }
    }
    calm.boot.stray_frame = 0.0;
    let follows = |checkpoint: &Checkpoint| {
        matches!(checkpoint, Checkpoint::Multilevel(Multilevel { interval: None, .. }))
    };
    if calm.jobs.iter().filter_map(|job| job.checkpoint.as_ref()).any(follows) {
        let why = "the pattern of checkpoints follows from the failures, which are switched off";
        return Err(Refused::new(why, "give `interval` and each level's `every`"));
    }
    Ok(calm)
}
