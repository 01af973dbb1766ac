//! The nodes that a job takes, and how often faults strike them.

use std::rc::Rc;

use crate::ids::{NodeId, Part, PartKind};
use crate::plan::lifetimes;
use crate::plan::machine::Machine;
use crate::scenario::Scenario;
use crate::scenario::boot::BootMethod;
use crate::scenario::cluster::Hardware;
use crate::scenario::fault::{FaultRule, Radius, When};
use crate::units::{BitRate, Span};

/// The nodes that a job is placed on first: those that are up first, and of several that come up
/// together the first [`Machine::in_order`]. Jobs are placed in their order.
///
/// Where boots vary by more than what lies between the first and the last power-on of a module,
/// nobody knows who is up first: each node is then taken to be in the job with the same chance.
///
/// Not modelled: boots that wait for each other at the server; that a small job may be placed
/// before a larger one, and that jobs are submitted later; who takes whose place later, but for
/// [`Crew::in_the_long_run`].
pub(super) struct Crew<'m> {
    machine: &'m Machine,
    /// Its nodes, or all that it may take.
    nodes: Rc<[NodeId]>,
    /// How many it takes.
    size: u32,
}

impl<'m> Crew<'m> {
    /// That of a job of so many nodes that has the machine for itself.
    #[cfg(test)]
    pub(super) fn new(scenario: &Scenario, machine: &'m Machine, size: u32) -> Self {
        Self::each(scenario, machine, &[size]).pop().expect("there is one job")
    }

    /// Those of jobs that need so many nodes each.
    pub(super) fn each(scenario: &Scenario, machine: &'m Machine, needs: &[u32]) -> Vec<Self> {
        let stagger = scenario.boot.power_on.stagger.0;
        let place = |node: NodeId| u64::from(node.0 % scenario.module.nodes);
        let between = stagger.saturating_mul(scenario.module.nodes.into());
        let mut order: Vec<_> = machine.in_order().collect();
        let all: Rc<[NodeId]> = order.as_slice().into();
        let any = |size: &u32| Self { machine, nodes: Rc::clone(&all), size: *size };
        if varies(scenario) > Span(between) {
            return needs.iter().map(any).collect();
        }
        order.sort_by_key(|node| stagger.saturating_mul(place(*node)));
        let mut free = &order[..];
        let mut take = |size: &u32| {
            // A job that finds too few nodes waits for others to end: nobody knows for which.
            let Some((nodes, rest)) = free.split_at_checked(*size as usize) else {
                return any(size);
            };
            free = rest;
            Self { machine, nodes: nodes.into(), size: *size }
        };
        needs.iter().map(&mut take).collect()
    }

    /// The first of these nodes; any of them if nobody knows who they are.
    pub(super) fn only(&self, size: u32) -> Self {
        let nodes = if self.is_known() {
            self.nodes[..size as usize].into()
        } else {
            Rc::clone(&self.nodes)
        };
        Self { machine: self.machine, nodes, size }
    }

    pub(super) fn machine(&self) -> &'m Machine {
        self.machine
    }

    /// How many they are.
    pub(super) fn len(&self) -> u32 {
        self.size
    }

    /// Whether it is known which nodes they are.
    fn is_known(&self) -> bool {
        self.nodes.len() == self.size as usize
    }

    /// The least rate of the links of their nodes, or of those that any of them may be.
    pub(super) fn slowest_link(&self, scenario: &Scenario) -> BitRate {
        if self.machine.wiring.groups.len() < 2 {
            return scenario.hardware_of(0).link;
        }
        let link = |&node: &NodeId| scenario.hardware_of(self.machine.group_of(node)).link;
        self.nodes.iter().map(link).min().unwrap_or(scenario.hardware.link)
    }

    /// How many of them send over the uplink of each switch, on average, to their server.
    pub(super) fn over_uplinks(&self) -> Vec<f64> {
        let mut over = vec![0_u32; self.machine.switches.len()];
        for &NodeId(node) in &*self.nodes {
            let way = self.machine.way_to_server(self.machine.nodes[node as usize].switch);
            way.uplinks().for_each(|switch| over[switch as usize] += 1);
        }
        let share = f64::from(self.size) / self.nodes.len() as f64;
        over.into_iter().map(|count| share * f64::from(count)).collect()
    }

    /// How often what they send crosses the air of each cell on the way to their server, a mean.
    pub(super) fn over_airs(&self) -> Vec<f64> {
        let first = self.machine.switches.len() - self.machine.wiring.cells as usize;
        let mut over = vec![0_u32; self.machine.wiring.cells as usize];
        let server = self.machine.wiring.server.switch;
        for &NodeId(node) in &*self.nodes {
            let ends = [Some(self.machine.nodes[node as usize].switch), server];
            for switch in ends.into_iter().flatten().filter(|&end| self.machine.is_cell(end)) {
                over[switch as usize - first] += 1;
            }
        }
        let share = f64::from(self.size) / self.nodes.len() as f64;
        over.into_iter().map(|count| share * f64::from(count)).collect()
    }

    /// Most of them under one part of a kind, on average.
    pub(super) fn most_under(&self, kind: PartKind) -> f64 {
        self.under(kind, |_| true).into_iter().fold(0.0, f64::max)
    }

    /// How many of them that count are under each part of a kind, on average.
    fn under(&self, kind: PartKind, counts: impl Fn(NodeId) -> bool) -> Vec<f64> {
        let mut under = vec![0_u32; self.machine.parts(kind)];
        for &node in self.nodes.iter().filter(|node| counts(**node)) {
            for part in self.machine.parts_over(kind, node) {
                under[part as usize] += 1;
            }
        }
        let share = f64::from(self.size) / self.nodes.len() as f64;
        under.into_iter().map(|count| share * f64::from(count)).collect()
    }

    /// How often lifetimes of a rule end on these nodes (1/s), where one that strikes several of
    /// them counts so often, but not more than `most`.
    pub(super) fn strike_rate(&self, rule: &FaultRule, most: f64) -> f64 {
        let (around_nodes, on) = (rule.on.kind == PartKind::Node, &rule.on);
        let kind = if around_nodes { rule.radius.kind() } else { on.kind };
        let under = self.under(kind, |node| !around_nodes || on.contains(node.0));
        let struck = |(index, nodes): (u32, f64)| {
            let part = Part { kind, index };
            let centres = match (around_nodes, kind) {
                (true, PartKind::Node) => 1,
                (true, _) => self.machine.nodes_of(part).filter(|n| on.contains(n.0)).count(),
                (false, _) => usize::from(on.contains(index)),
            };
            centres as f64 * nodes.min(most)
        };
        let under = (0..).zip(under).filter(|(_, nodes)| *nodes > 0.0);
        under.map(struck).sum::<f64>() * rate_of_each(rule)
    }

    /// How often a rule stops a job on these nodes (1/s).
    ///
    /// These are crashes, hangs, power losses and switch losses on nodes or on parts that hold
    /// nodes; a blast counts once, if it reaches a node of the job.
    pub(super) fn interrupt_rate(&self, rule: &FaultRule) -> f64 {
        if rule.kind().loses_nodes() { self.strike_rate(rule, 1.0) } else { 0.0 }
    }

    /// How often rules that strike single nodes stop a job on these nodes (1/s): at first, and in
    /// the long run, if another node takes the place of the one that failed. `None` if it is not
    /// known which nodes they are.
    ///
    /// The node that failed stays out after its repair until the next one fails, and takes that
    /// one's place: of the job's nodes and the next in order one is always out. Where node i fails
    /// at the rate r(i), R in all, it is out for r(i) / R of the time, so that the job is stopped
    /// at the rate R - sum of r(i)^2 / R. That is as at first if all are alike, and never again if
    /// only one node fails. Derived here: the balance of a Markov chain, for short repairs.
    pub(super) fn in_the_long_run(&self, rules: &[&FaultRule]) -> Option<(f64, f64)> {
        let rate = |node: &NodeId| -> f64 {
            let rules = rules.iter().filter(|rule| rule.on.contains(node.0));
            rules.map(|rule| rate_of_each(rule)).sum()
        };
        let first: Vec<_> = self.nodes.iter().map(rate).collect();
        let mut free = vec![true; self.machine.nodes.len()];
        self.nodes.iter().for_each(|node| free[node.0 as usize] = false);
        let next = self.machine.in_order().find(|node| free[node.0 as usize]);
        let rates = || first.iter().copied().chain(next.as_ref().map(rate));
        let all: f64 = rates().sum();
        if !self.is_known() || all <= 0.0 {
            return None;
        }
        let out = rates().map(|rate| rate * rate).sum::<f64>() / all;
        Some((first.iter().sum(), all - out))
    }
}

/// How much longer than the shortest boot the longest one takes, by chance. Both the kernel and
/// init vary (`hardware::boot`).
/// Of unlike nodes, those count that vary most.
fn varies(scenario: &Scenario) -> Span {
    let method = |group: u16| match &scenario.parts {
        Some(parts) => parts.groups[usize::from(group)].boot.unwrap_or(scenario.boot.method),
        None => scenario.boot.method,
    };
    let of_group = |(group, hardware): (u16, &Hardware)| match method(group) {
        BootMethod::Instant => Span::ZERO,
        BootMethod::Sd | BootMethod::PxeNfs | BootMethod::PxeNbd | BootMethod::PxeInitramfs => {
            let times = &hardware.boot;
            let varied = (times.kernel + times.init).as_secs_f64();
            Span::from_secs_f64(2.0 * times.spread * varied)
        }
    };
    (0..).zip(scenario.all_hardware()).map(of_group).max().unwrap_or(Span::ZERO)
}

/// Whether a rule strikes one node at a time.
pub(super) fn strikes_one_node(rule: &FaultRule) -> bool {
    rule.kind().loses_nodes() && rule.on.kind == PartKind::Node && rule.radius == Radius::Node
}

/// How often each part of a rule is struck on average (1/s); never at a fixed time.
///
/// A lifetime of mean L strikes at the rate 1 / L, whatever its law. If all n parts of a rule are
/// new after each failure, it is the least of n lifetimes that runs out: L / n^(1/k) on average
/// with a Weibull of shape k. Each strike counts with those that a cascade makes of it,
/// 1 / (1 - chance) on average. Of upsets and faults of DRAM only those count that stop a node.
///
/// Not modelled: that failures in cascades come in groups; that a blast is taken to reach the whole
/// of its radius; repair times, during which a part does not age; the least of n lifetimes of the
/// other laws, which has no simple form and counts as L / n.
fn rate_of_each(rule: &FaultRule) -> f64 {
    let When::Lifetime { law, .. } = &rule.when else { return 0.0 };
    let ahead = lifetimes::in_a_mean(rule);
    let follow = rule.cascade.map_or(1.0, |cascade| 1.0 / (1.0 - cascade.chance));
    let stops = rule.harm.beam().map_or(1.0, |beam| beam.stops);
    ahead / f64::from(rule.on.len()) * follow * stops / lifetimes::mean(law)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::pilot;

    /// The pilot, whose nodes are up at once.
    fn instant() -> (Scenario, Machine) {
        let mut scenario = pilot::scenario();
        (scenario.boot.method, scenario.boot.power_on.stagger) = (BootMethod::Instant, Span::ZERO);
        let machine = Machine::build(&scenario);
        (scenario, machine)
    }

    fn nodes(crew: &Crew) -> Vec<u32> {
        crew.nodes.iter().map(|node| node.0).collect()
    }

    #[test]
    fn jobs_take_nodes_in_order_and_spares_last() {
        let (scenario, machine) = instant();
        // 144 active nodes of each of the five modules of 150.
        let crews = Crew::each(&scenario, &machine, &[144, 2, 575]);
        let [first, second, third] = &crews[..] else { panic!() };
        assert_eq!(nodes(first), (0..144).collect::<Vec<_>>());
        assert_eq!(nodes(second), [150, 151]);
        assert_eq!((third.len(), nodes(third).last()), (575, Some(&144)), "one spare");
        assert_eq!(nodes(&third.only(1)), [152]);
        assert!((third.most_under(PartKind::Module) - 144.0).abs() < 1e-12);
    }

    /// A power-on each second takes 150 s for a module, where boots vary by some seconds.
    #[test]
    fn with_a_stagger_the_first_nodes_of_every_module_are_up_first() {
        let (mut scenario, machine) = instant();
        scenario.boot.method = BootMethod::Sd;
        scenario.boot.power_on.stagger = Span::from_secs(1);
        let crew = Crew::new(&scenario, &machine, 10);
        assert_eq!(nodes(&crew), [0, 150, 300, 450, 600, 1, 151, 301, 451, 601]);
        scenario.boot.power_on.stagger = Span::ZERO;
        let crew = Crew::new(&scenario, &machine, 10);
        assert_eq!((crew.nodes.len(), crew.len()), (750, 10), "nobody knows who is up first");
        assert!((crew.most_under(PartKind::Module) - 2.0).abs() < 1e-12);
    }

    /// A blast on a node reaches those of the rule in its radius: counted once for the job, and
    /// node by node for replicas.
    #[test]
    fn a_blast_reaches_the_nodes_of_its_rule_that_the_job_takes() {
        let (scenario, machine) = instant();
        let mut rule = pilot::crash();
        rule.on.ranges = std::iter::once(100..200).collect();
        rule.radius = Radius::Module;
        let strikes = |crew: &Crew, most| crew.strike_rate(&rule, most) / rate_of_each(&rule);
        let crew = Crew::new(&scenario, &machine, 148);
        // Of the 50 in module 1 the job has 44, of the 50 in module 2 it has 4.
        assert!((strikes(&crew, 1.0) - 100.0).abs() < 1e-9);
        assert!((strikes(&crew, f64::INFINITY) - (50.0 * 44.0 + 50.0 * 4.0)).abs() < 1e-6);
        let calm = Crew::each(&scenario, &machine, &[300, 100]).pop().expect("there are two");
        assert!(strikes(&calm, 1.0).abs() < 1e-12, "it begins in module 3");
    }

    #[test]
    fn a_job_that_waits_for_the_nodes_of_another_may_take_any() {
        let (scenario, machine) = instant();
        let nodes = machine.nodes.len() as u32;
        let crews = Crew::each(&scenario, &machine, &[nodes - 1, 2]);
        assert!(crews[0].is_known() && !crews[1].is_known());
        let rule = pilot::crash();
        let share = crews[1].strike_rate(&rule, 1.0) / crews[0].strike_rate(&rule, 1.0);
        assert!((share * f64::from(nodes - 1) / 2.0 - 1.0).abs() < 1e-9, "{share}");
    }

    #[test]
    fn nodes_that_fail_alike_strike_as_often_later_and_a_single_one_never_again() {
        let (scenario, machine) = instant();
        let crew = Crew::new(&scenario, &machine, 10);
        let mut rule = pilot::crash();
        let run = |rule: &FaultRule| crew.in_the_long_run(&[rule]).expect("nodes fail");
        let (first, later) = run(&rule);
        assert!((first / later - 1.0).abs() < 1e-12 && first > 0.0);
        rule.on.ranges = std::iter::once(3..4).collect();
        let (first, later) = run(&rule);
        assert!(first > 0.0 && later.abs() < 1e-12 * first);
        rule.on.ranges = std::iter::once(3..5).collect();
        let (first, later) = run(&rule);
        assert!((later / first - 0.5).abs() < 1e-12, "one of the two is always out");
    }
}
