//! The job's numbers: steps, mean time between failures, checkpoint cost and interval.

use crate::ids::{JobId, Part, PartKind};
use crate::plan::machine::{Machine, NodeRow};
use crate::plan::{Job, Plan, lifetimes, replication};
use crate::protocol::Protocol;
use crate::protocol::coordinated::{Coordinated, Schedule};
use crate::protocol::detector::Detector;
use crate::protocol::replica::Replicas;
use crate::scenario::Scenario;
use crate::scenario::fault::{FaultRule, Rejuvenate, When};
use crate::scenario::job::{self, Cost, Interval, Period, Place};
use crate::scenario::law::Law;
use crate::theory::seats::Seats;
use crate::theory::young_daly;
use crate::units::{BitRate, Bytes, Span};
use crate::workload::bulk_synchronous::BulkSynchronous;

/// The number of a plan's job; scenarios have one job.
pub const JOB: JobId = JobId(0);

impl Plan {
    /// The protocol of the plan's job, before the job is placed; `None` without a job.
    #[must_use]
    pub fn protocol(&self) -> Option<Protocol> {
        let (job, wish) = (self.jobs.first()?, self.scenario.checkpoint.as_ref());
        let schedule = Schedule {
            interval: job.interval,
            last: wish.is_some_and(|wish| wish.last),
            initial: wish.is_some_and(|wish| matches!(wish.cost, Cost::Fixed { .. })),
        };
        let work = BulkSynchronous::new(job.steps, job.step, job.last_step);
        Some(Protocol::Coordinated(Coordinated::new(JOB, work, schedule)))
    }

    /// The time between a failure and its detection. By beats it is taken to be the longest that
    /// it can be, as if the node had beaten when it failed; by gossip, its mean.
    #[must_use]
    pub fn detection(&self) -> Span {
        Detector::delay(&self.scenario.controller, self.machine.nodes.len())
    }

    /// The time between a failure's detection and the restart.
    #[must_use]
    pub fn downtime(&self) -> Span {
        match self.scenario.checkpoint.as_ref().map(|wish| wish.cost) {
            Some(Cost::Fixed { downtime, .. }) => downtime,
            _ => Span::ZERO,
        }
    }

    /// The seats of a replicated job as its closed forms see them; `None` if nothing fails, or
    /// without replicas.
    #[must_use]
    pub fn seats(&self) -> Option<Seats> {
        let (job, work) = (self.jobs.first()?, self.scenario.workload.as_ref()?);
        let crew = Crew::new(&self.machine, job.nodes);
        let replicas = work.replicas.as_ref()?;
        replication::seats(&self.scenario, &self.machine, &crew, replicas, job.seats)
    }

    /// The time in which all nodes of the job read a checkpoint back from the file server: as long
    /// as writing takes, unless only one replica of each seat writes. Zero without checkpoints.
    #[must_use]
    pub fn read_back(&self) -> Span {
        let (Some(job), Some(wish)) = (self.jobs.first(), &self.scenario.checkpoint) else {
            return Span::ZERO;
        };
        cost(&self.scenario, &self.machine, &Crew::new(&self.machine, job.nodes), wish)
    }

    /// The replicas of the job's seats, before it is placed; `None` if it has none.
    #[must_use]
    pub fn replicas(&self) -> Option<Replicas> {
        let (job, work) = (self.jobs.first()?, self.scenario.workload.as_ref()?);
        let wish = work.replicas.as_ref()?;
        Some(Replicas::new(job.seats, wish.replicated(job.seats), wish.degree))
    }

    /// How often a rule stops the job, on average (1/s): its share of one over the job's mean time
    /// between failures. Zero if it strikes at a fixed time, or none of the job's nodes. With
    /// replicas: how often it strikes nodes of the job.
    #[must_use]
    pub fn interrupt_rate(&self, rule: &FaultRule) -> f64 {
        let Some(job) = self.jobs.first() else { return 0.0 };
        interrupt_rate(rule, &self.machine, &Crew::new(&self.machine, job.nodes))
    }

    /// What writing a checkpoint takes, or reading it back; `None` if it is as long as its
    /// transfers take. `has_newcomer`: a node reads the copy of a partner.
    #[must_use]
    pub fn checkpoint_span(&self, write: bool, has_newcomer: bool) -> Option<Span> {
        let wish = self.scenario.checkpoint.as_ref()?;
        match wish.cost {
            Cost::Fixed { write: span, .. } if write => Some(span),
            Cost::Fixed { read: span, .. } => Some(span),
            Cost::Store(Place::FileServer) => None,
            Cost::Store(place) if write => Some(card_write(&self.scenario, wish.size, place)),
            Cost::Store(_) => Some(card_read(&self.scenario, wish.size, has_newcomer)),
        }
    }
}

/// The jobs of a scenario: one, or none.
pub(super) fn make(scenario: &Scenario, machine: &Machine) -> Vec<Job> {
    scenario.workload.iter().map(|work| job(scenario, machine, work)).collect()
}

fn job(scenario: &Scenario, machine: &Machine, work: &job::BulkSynchronous) -> Job {
    assert!(work.step > Span::ZERO && work.work > Span::ZERO, "a job has work");
    let crew = Crew::new(machine, replication::nodes(work));
    let steps = work.work.0.div_ceil(work.step.0);
    let last_step = Span(work.work.0 - (steps - 1) * work.step.0);
    let checkpoint = scenario.checkpoint.as_ref();
    let writers = crew.only(work.nodes);
    let cost = checkpoint.map_or(Span::ZERO, |wish| cost(scenario, machine, &writers, wish));
    let job = Job {
        name: "bulk-synchronous".into(),
        nodes: crew.nodes,
        seats: work.nodes,
        steps,
        step: replication::stretched(work, work.step),
        last_step: replication::stretched(work, last_step),
        interval: None,
        checkpoint_cost: cost,
        mtbf: Span::FOREVER,
    };
    if let Some(replicas) = &work.replicas {
        let seats = replication::seats(scenario, machine, &crew, replicas, work.nodes);
        return replication::timed(job, seats, replicas.strategy, checkpoint);
    }
    let mtbf = mtbf(scenario, machine, &crew);
    Job { interval: checkpoint.map(|wish| computing(wish, cost, mtbf)), mtbf, ..job }
}

/// Where the job may run. It is placed on no nodes yet, so each candidate is taken to belong to it
/// with the same probability.
pub(super) struct Crew {
    nodes: u32,
    /// Spares are candidates only if the job needs more than the others.
    with_spares: bool,
    /// Nodes of the job per candidate.
    share: f64,
}

impl Crew {
    fn new(machine: &Machine, nodes: u32) -> Self {
        let active = machine.nodes.iter().filter(|node| !node.spare).count();
        let with_spares = nodes as usize > active;
        let candidates = if with_spares { machine.nodes.len() } else { active };
        Self { nodes, with_spares, share: f64::from(nodes) / candidates.max(1) as f64 }
    }

    /// So many of these nodes, any of them.
    fn only(&self, nodes: u32) -> Self {
        Self { nodes, share: self.share * f64::from(nodes) / f64::from(self.nodes), ..*self }
    }

    fn may_hold(&self, node: &NodeRow) -> bool {
        self.with_spares || !node.spare
    }

    /// Nodes of the job under a part, on average.
    fn nodes_of(&self, machine: &Machine, part: Part) -> f64 {
        let nodes = machine.nodes_of(part);
        let candidates = nodes.filter(|node| self.may_hold(&machine.nodes[node.0 as usize]));
        self.share * candidates.count() as f64
    }
}

/// The mean time between failures M of the job: one over the sum of the rates at which lifetimes
/// end whose end stops the job.
///
/// These are crashes, hangs, power losses and switch losses on nodes or on parts that hold nodes;
/// each part counts with its probability to hold a node of the job. A lifetime of mean L strikes
/// at the rate 1 / L, whatever its law. If all n parts of a rule are new after each failure, it
/// is the least of n lifetimes that runs out: L / n^(1/k) on average with a Weibull of shape k.
/// Each strike counts with those that a cascade makes of it, 1 / (1 - chance) on average; a blast
/// counts once, if it reaches a node of the job.
///
/// Not modelled: fixed times; that failures in cascades come in groups; that a blast is taken to
/// reach the whole of its radius; repair times, during which a part does not age; file servers and
/// links, whose loss delays the job but loses no node; the least of n
/// lifetimes of the other laws, which has no simple form and counts as L / n.
fn mtbf(scenario: &Scenario, machine: &Machine, crew: &Crew) -> Span {
    let mut rate = 0.0;
    for rule in &scenario.faults {
        rate += interrupt_rate(rule, machine, crew);
    }
    if rate > 0.0 { Span::from_secs_f64(1.0 / rate) } else { Span::FOREVER }
}

/// What a rule adds to the rate of [`mtbf`] (1/s).
fn interrupt_rate(rule: &FaultRule, machine: &Machine, crew: &Crew) -> f64 {
    strike_rate(rule, machine, crew, 1.0)
}

/// How often lifetimes of a rule end on nodes of the job (1/s), where one that strikes several of
/// them counts so often, but not more than `most`.
pub(super) fn strike_rate(rule: &FaultRule, machine: &Machine, crew: &Crew, most: f64) -> f64 {
    let When::Lifetime { law, rejuvenate, .. } = &rule.when else { return 0.0 };
    if !rule.kind.loses_nodes() {
        return 0.0;
    }
    let parts = rule.on.iter().map(|index| Part { kind: rule.on.kind, index });
    let around = parts.map(|part| machine.around(rule.radius, part));
    let struck: f64 = around.map(|part| crew.nodes_of(machine, part).min(most)).sum();
    let parts = f64::from(rule.on.len());
    let ahead = match (rejuvenate, law) {
        (Rejuvenate::All, Law::Weibull(law)) => libm::pow(parts, 1.0 / law.shape),
        (Rejuvenate::All, Law::Fixed(_)) => 1.0,
        _ => parts,
    };
    let follow = rule.cascade.map_or(1.0, |cascade| 1.0 / (1.0 - cascade.chance));
    struck / parts * ahead * follow / lifetimes::mean(law)
}

/// Time to write a checkpoint of this size to the nodes' cards: `size / sd_write`. With a partner
/// each card takes two images, and each link one: the longer of the two.
///
/// Not modelled: a degraded link, and the uplink that a copy crosses if the partner is on another
/// switch (one pair of nodes for each switch at most).
fn card_write(scenario: &Scenario, size: Bytes, place: Place) -> Span {
    let hardware = &scenario.hardware;
    let write = size.0 as f64 / hardware.sd_write as f64;
    Span::from_secs_f64(match place {
        Place::Partner => (2.0 * write).max(over_link(scenario, size)),
        Place::FileServer | Place::Card => write,
    })
}

/// Time to read a checkpoint of this size back from the nodes' cards: `size / sd_read`. If a
/// newcomer takes over the copy of a partner, the longest of that, of the time on the link, and of
/// that to write it to the newcomer's card.
fn card_read(scenario: &Scenario, size: Bytes, has_newcomer: bool) -> Span {
    let read = size.0 as f64 / scenario.hardware.sd_read as f64;
    let write = size.0 as f64 / scenario.hardware.sd_write as f64;
    let taken_over = read.max(write).max(over_link(scenario, size));
    Span::from_secs_f64(if has_newcomer { taken_over } else { read })
}

fn over_link(scenario: &Scenario, size: Bytes) -> f64 {
    let rate = scenario.hardware.link.0 as f64 / 8.0 * scenario.network.tcp_share;
    size.0 as f64 / rate
}

/// The cost C of a checkpoint: what is fixed, what the cards need, or the time in which all data
/// pass the narrowest place on their way to the file server, with all nodes writing at once: the
/// node's link, the uplink, the server's link (each with the payload share of TCP), the server's
/// disk. Before the first byte the disk takes one request of each node.
///
/// Not modelled: a narrow place that moves during the checkpoint.
fn cost(scenario: &Scenario, machine: &Machine, crew: &Crew, wish: &job::Coordinated) -> Span {
    match wish.cost {
        Cost::Fixed { write, .. } => return write,
        Cost::Store(Place::FileServer) => {}
        Cost::Store(place) => return card_write(scenario, wish.size, place),
    }
    let size = wish.size.0 as f64;
    let most = |kind, count: usize| {
        let parts = (0..count as u32).map(|index| Part { kind, index });
        parts.map(|part| crew.nodes_of(machine, part) * size).fold(0.0, f64::max)
    };
    let link = |rate: BitRate| rate.0 as f64 / 8.0 * scenario.network.tcp_share;
    let (uplink, server) = (
        most(PartKind::Uplink, machine.switches.len()),
        most(PartKind::Server, machine.servers.len()),
    );
    let ways = [
        size / link(scenario.hardware.link),
        uplink / link(scenario.module.uplink),
        server / link(scenario.server.link),
        server / scenario.server.disk as f64,
    ];
    let requests = server / size * scenario.server.disk_request.as_secs_f64();
    Span::from_secs_f64(requests + ways.into_iter().fold(0.0, f64::max))
}

/// The computing between two checkpoints. Young's and Daly's formulas give just that. With
/// [`Period::Whole`] a fixed interval counts from start to start, and computing is what C leaves
/// of it.
pub(super) fn computing(wish: &job::Coordinated, cost: Span, mtbf: Span) -> Span {
    let (c, m) = (cost.as_secs_f64(), mtbf.as_secs_f64());
    match (wish.interval, wish.period) {
        (Interval::Fixed(span), Period::Work) => span,
        (Interval::Fixed(span), Period::Whole) => Span(span.0.saturating_sub(cost.0)),
        // Nothing fails: the best interval has no end.
        _ if mtbf == Span::FOREVER => Span::FOREVER,
        (Interval::Young, _) => Span::from_secs_f64(young_daly::young(c, m)),
        (Interval::Daly, _) => Span::from_secs_f64(young_daly::daly(c, m)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Plan, pilot};
    use crate::scenario::fault::{Age, PartSet, Rejuvenate};
    use crate::units::Bytes;

    const MINUTE: f64 = 60.0;

    fn planned(change: impl FnOnce(&mut Scenario)) -> Job {
        let mut scenario = pilot::scenario();
        change(&mut scenario);
        Plan::make(&scenario).jobs.remove(0)
    }

    fn near(span: Span, seconds: f64) {
        assert!((span.as_secs_f64() / seconds - 1.0).abs() < 1e-3, "{span} is not {seconds} s");
    }

    #[test]
    fn the_pilots_mtbf_is_the_mean_life_of_a_node_over_720() {
        let job = planned(|_| {});
        assert_eq!(job.nodes, 720);
        near(job.mtbf, 365.0 * 86_400.0 / 720.0);
    }

    /// The least of 750 lives of shape 0.7 is 750^(1/0.7) times shorter than one; 720 of the 750
    /// nodes are the job's.
    #[test]
    fn new_parts_after_each_failure_make_failures_of_a_falling_hazard_frequent() {
        let job = planned(|scenario| {
            let When::Lifetime { rejuvenate, .. } = &mut scenario.faults[0].when else { panic!() };
            *rejuvenate = Rejuvenate::All;
        });
        let first = 365.0 * 86_400.0 / libm::pow(750.0, 1.0 / 0.7);
        near(job.mtbf, first * 750.0 / 720.0);
    }

    #[test]
    fn a_psu_with_a_lifetime_counts_once_however_many_nodes_it_feeds() {
        let job = planned(|scenario| {
            let mut psu = pilot::crash();
            psu.kind = crate::event::Fault::PowerLoss;
            psu.on = PartSet { kind: PartKind::Psu, ranges: vec![0..1, 2..4] };
            let law = Law::Fixed(Span::from_secs(3_000));
            psu.when = pilot::lifetime(law, Age::New);
            scenario.faults = vec![psu];
        });
        near(job.mtbf, 1_000.0);
    }

    #[test]
    fn a_job_that_nothing_strikes_needs_no_checkpoint() {
        let job = planned(|scenario| scenario.faults.clear());
        assert_eq!((job.mtbf, job.interval), (Span::FOREVER, Some(Span::FOREVER)));
    }

    /// 720 GB through 10 Gbit/s x 0.941 take 612.1 s; through 100 Mbit/s a node needs 85.0 s.
    #[test]
    fn a_checkpoint_of_the_pilot_is_as_slow_as_its_narrowest_place() {
        let wide = |scenario: &mut Scenario| scenario.server.disk = u64::MAX;
        near(planned(wide).checkpoint_cost, 720e9 * 8.0 / 9.41e9);
        let job = planned(|scenario| {
            wide(scenario);
            scenario.server.link = BitRate(u64::MAX);
        });
        near(job.checkpoint_cost, 8e9 / 94.1e6);
        near(planned(|scenario| scenario.server.disk = 500_000_000).checkpoint_cost, 1_440.0);
        let job = planned(|scenario| {
            wide(scenario);
            scenario.module.uplink = BitRate(100_000_000);
        });
        near(job.checkpoint_cost, 48.0 * 8e9 / 94.1e6);
    }

    #[test]
    fn the_interval_is_dalys_of_the_scenarios_own_numbers() {
        for (mtbf, by_daly) in [(1_440.0, 116.690), (360.0, 56.713), (15.0, 9.141)] {
            let job = planned(|scenario| {
                let mean = Span::from_secs_f64(mtbf * MINUTE * 720.0);
                let law = Law::Exponential { mean };
                scenario.faults[0].when = pilot::lifetime(law, Age::New);
                pilot::fix_costs(scenario, Span::from_secs(300));
            });
            near(job.interval.unwrap(), by_daly * MINUTE);
        }
    }

    #[test]
    fn the_whole_period_includes_the_checkpoint() {
        let job = planned(|scenario| {
            pilot::fix_costs(scenario, Span::from_secs(300));
            let checkpoint = scenario.checkpoint.as_mut().unwrap();
            checkpoint.interval = Interval::Fixed(Span::from_secs(3_600));
            checkpoint.period = Period::Whole;
        });
        assert_eq!(job.interval, Some(Span::from_secs(3_300)));
    }

    #[test]
    fn the_last_step_is_what_is_left() {
        let job = planned(|scenario| {
            let work = scenario.workload.as_mut().unwrap();
            (work.step, work.work) = (Span::from_secs(30), Span::from_secs(100));
            scenario.checkpoint.as_mut().unwrap().size = Bytes(1);
        });
        assert_eq!((job.steps, job.last_step), (4, Span::from_secs(10)));
        let job = planned(|scenario| {
            let work = scenario.workload.as_mut().unwrap();
            (work.step, work.work) = (Span::from_secs(25), Span::from_secs(100));
        });
        assert_eq!((job.steps, job.last_step), (4, Span::from_secs(25)));
    }
}
