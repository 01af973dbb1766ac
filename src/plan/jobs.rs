//! The job's numbers: steps, mean time between failures, checkpoint cost and interval.

use crate::event::Fault;
use crate::ids::JobId;
use crate::plan::costs::{back, computing, cost, image};
use crate::plan::crew::{Crew, strikes_one_node};
use crate::plan::levels::Access;
use crate::plan::machine::Machine;
use crate::plan::{Job, Plan, optimum, replication};
use crate::protocol::Protocol;
use crate::protocol::chain::Chain;
use crate::protocol::coordinated::{Coordinated, Schedule, Verify};
use crate::protocol::corruption::{Checks, Corruption};
use crate::protocol::detector::Detector;
use crate::protocol::drain::Writing;
use crate::protocol::interval::Adaptive;
use crate::protocol::logging::{Logging, Rules};
use crate::protocol::multilevel::{Multilevel, Pattern};
use crate::protocol::replica::Replicas;
use crate::scenario::Scenario;
use crate::scenario::abft::Abft;
use crate::scenario::fault::FaultRule;
use crate::scenario::job::{self, Counts, Interval};
use crate::scenario::jobs::JobSpec;
use crate::scenario::replicas::Compare;
use crate::theory::seats::Seats;
use crate::theory::shared_io::{Class, Platform};
use crate::units::Span;
use crate::workload::bulk_synchronous::BulkSynchronous;

#[doc(hidden)]
impl Plan {
    /// The checkpoints that a job writes, if it writes any.
    #[must_use]
    pub fn checkpoint_of(&self, job: JobId) -> Option<&job::Checkpoint> {
        self.scenario.checkpoint_of(job)
    }

    /// The protocol of a job, before the job is placed.
    #[must_use]
    pub fn protocol_of(&self, id: JobId) -> Protocol {
        let (job, spec) = (&self.jobs[usize::from(id.0)], self.checkpoint_of(id));
        let work = BulkSynchronous::new(job.steps, job.step, job.last_step);
        let (last, initial) = spec.map_or((false, false), |spec| (spec.last(), spec.initial()));
        match spec {
            Some(job::Checkpoint::Multilevel(spec)) => {
                let (interval, every) = self.pattern(id, spec);
                let writing = spec.levels.iter().map(|level| match level.drain {
                    None => Writing::Stopped,
                    Some(job::Drain { latency: None, below, .. }) => Writing::Copied(below),
                    Some(job::Drain { latency: Some(_), below, .. }) => Writing::Latent(below),
                });
                let writing = writing.collect();
                let pattern = Pattern { interval, every, writing, last, initial };
                Protocol::Multilevel(Multilevel::new(id, work, pattern))
            }
            Some(job::Checkpoint::Logging(spec)) => {
                let rules = Rules {
                    groups: job.nodes / spec.group,
                    size: spec.group,
                    interval: spec.interval,
                    staggered: spec.stagger,
                    speedup_ppm: spec.speedup_ppm(),
                    last,
                    initial,
                };
                Protocol::Logging(Logging::new(id, work, rules))
            }
            Some(job::Checkpoint::Coordinated(spec)) => {
                let verify = spec.integrity.verify.map(|verify| Verify {
                    per_checkpoint: verify.per_checkpoint,
                    misses: verify.coverage < 1.0,
                });
                let keep = spec.integrity.keep;
                let counts_from_start = spec.counts == Counts::Start;
                let interval = job.interval;
                let schedule =
                    Schedule { interval, last, initial, counts_from_start, verify, keep };
                let adaptive = match spec.interval {
                    Interval::Adaptive { prior } => Some(Adaptive::new(prior, job.checkpoint_cost)),
                    _ => None,
                };
                let chain =
                    spec.incremental.map_or(Chain::default(), |it| Chain::new(it.full_every));
                let machine = Coordinated::new(id, work, schedule).adapting(adaptive);
                Protocol::Coordinated(machine.chained(chain))
            }
            None => {
                let schedule = Schedule { last, initial, ..Schedule::NEVER };
                Protocol::Coordinated(Coordinated::new(id, work, schedule))
            }
        }
    }

    /// Whether the memory of nodes may be silently corrupted.
    #[must_use]
    pub fn corrupts(&self) -> bool {
        self.scenario.faults.iter().any(|rule| rule.kind().corrupts())
    }

    /// Whether cosmic rays strike.
    #[must_use]
    pub fn upsets(&self) -> bool {
        self.scenario.faults.iter().any(|rule| rule.kind() == Fault::Upset)
    }

    /// The truth about the memory of a job, clean.
    #[must_use]
    pub fn corruption(&self, of: JobId) -> Corruption {
        let keep = self.checkpoint_of(of).map_or(1, |spec| spec.integrity().keep);
        let seats = self.jobs[usize::from(of.0)].seats;
        let ranks = self.scenario.work_of(of).map_or(0, |work| work.ranks_per_node);
        Corruption::new(seats, ranks, keep).checking(self.checks(of))
    }

    /// Who looks at the memory of a job at the end of each order.
    #[must_use]
    pub fn checks(&self, of: JobId) -> Checks {
        let replicas = self.scenario.work_of(of).and_then(|work| work.replicas);
        Checks {
            abft: self.abft(of).map(|abft| abft.found),
            compare: replicas.map_or(Compare::Never, |replicas| replicas.compare),
        }
    }

    /// How each step of a job is checked by its algorithm, if it is.
    #[must_use]
    pub fn abft(&self, of: JobId) -> Option<Abft> {
        self.scenario.work_of(of)?.abft
    }

    /// How a job is verified, if it is.
    #[must_use]
    pub fn verify(&self, of: JobId) -> Option<job::Verify> {
        self.checkpoint_of(of)?.integrity().verify
    }

    /// The time between a failure and its detection. By heartbeats it is taken to be the longest
    /// that it can be, as if the node had beaten when it failed; by gossip, its mean.
    #[must_use]
    pub fn detection(&self) -> Span {
        Detector::delay(&self.scenario.controller, self.machine.nodes.len())
    }

    /// The seats of a replicated job as its closed forms see them; `None` if nothing fails, or
    /// without replicas.
    #[must_use]
    pub fn seats(&self, of: JobId) -> Option<Seats> {
        let (job, work) = (self.jobs.get(usize::from(of.0))?, self.scenario.work_of(of)?);
        let replicas = work.replicas.as_ref()?;
        replication::seats(&self.scenario, &self.crew(of)?, replicas, job.seats)
    }

    /// The time in which all nodes of a job read a checkpoint back from the file server, on
    /// average. Of groups only one reads. Zero without checkpoints.
    #[must_use]
    pub fn read_back(&self, of: JobId) -> Span {
        let (Some(crew), Some(spec)) = (self.crew(of), self.checkpoint_of(of)) else {
            return Span::ZERO;
        };
        let job = &self.jobs[usize::from(of.0)];
        let (crew, size) = match spec.logging() {
            Some(spec) => (crew.only(spec.group), image(spec, job.step, job.nodes)),
            None => (crew, spec.size(0)),
        };
        let access = Access::Read { newcomers: 0 };
        cost(&self.scenario, &crew, (spec, 0, size), access)
    }

    /// The replicas of a job's seats, before it is placed; `None` if it has none.
    #[must_use]
    pub fn replicas(&self, of: JobId) -> Option<Replicas> {
        let seats = self.jobs.get(usize::from(of.0))?.seats;
        let spec = self.scenario.work_of(of)?.replicas.as_ref()?;
        Some(Replicas::new(seats, spec.replicated(seats), spec.degree))
    }

    /// How often a rule stops a job, on average (1/s): its share of one over the job's mean time
    /// between failures. Zero if it strikes at a fixed time, or none of the job's nodes. With
    /// replicas: how often it strikes nodes of the job.
    #[must_use]
    pub fn interrupt_rate(&self, of: JobId, rule: &FaultRule) -> f64 {
        self.crew(of).map_or(0.0, |crew| crew.interrupt_rate(rule))
    }

    /// How often silent corruption strikes the memory of a job's nodes, on average (1/s).
    #[must_use]
    pub fn silent_rate(&self, of: JobId) -> f64 {
        let Some(crew) = self.crew(of) else { return 0.0 };
        let silent = self.scenario.faults.iter().filter(|r| r.kind() == Fault::SilentCorruption);
        silent.map(|rule| crew.strike_rate(rule, 1.0)).sum()
    }

    /// How often failures of single nodes stop a job (1/s), at first and in the long run, where
    /// `replaced` says of which rules another node takes the place of the one that failed. `None`
    /// if none do, or if it is not known which nodes the job takes.
    #[must_use]
    pub fn rotation(&self, of: JobId, replaced: impl Fn(&FaultRule) -> bool) -> Option<(f64, f64)> {
        let rules = self.scenario.faults.iter();
        let rules: Vec<_> = rules.filter(|rule| strikes_one_node(rule) && replaced(rule)).collect();
        self.crew(of)?.in_the_long_run(&rules)
    }

    /// The nodes that a job takes.
    pub(super) fn crew(&self, of: JobId) -> Option<Crew<'_>> {
        let needs: Vec<_> = self.jobs.iter().map(|job| job.nodes).collect();
        Crew::each(&self.scenario, &self.machine, &needs).into_iter().nth(usize::from(of.0))
    }
}

/// The jobs of a scenario.
pub(super) fn make(scenario: &Scenario, machine: &Machine) -> Vec<Job> {
    let needs: Vec<_> = scenario.jobs.iter().map(|job| replication::nodes(&job.work)).collect();
    let make = |((id, crew), spec): ((u16, Crew), &JobSpec)| {
        let job = job(scenario, &crew, (&spec.work, JobId(id)));
        Job { name: spec.name.clone(), ..job }
    };
    let crews = (0..).zip(Crew::each(scenario, machine, &needs));
    let mut jobs: Vec<_> = crews.zip(&scenario.jobs).map(make).collect();
    cooperate(scenario, machine, &mut jobs);
    jobs
}

/// Sets the intervals that the jobs at the file server choose together.
///
/// [`crate::theory::shared_io`] gives whole periods, of which the checkpoint takes C. A job that
/// nothing strikes writes no checkpoints, and leaves the server to the others. One that writes
/// elsewhere, or has replicas, keeps the interval that is best for it by itself.
fn cooperate(scenario: &Scenario, machine: &Machine, jobs: &mut [Job]) {
    let cooperates = |id: usize| {
        let spec = scenario.checkpoint_of(JobId(id as u16))?.coordinated()?;
        let is_struck = jobs[id].mtbf < Span::FOREVER;
        let at_server = spec.cost.kept_at() == Some(job::KeptAt::FileServer);
        let shares = at_server && scenario.jobs[id].work.replicas.is_none();
        (spec.interval == Interval::Cooperative && is_struck && shares).then_some(id)
    };
    let ids: Vec<_> = (0..jobs.len()).filter_map(cooperates).collect();
    let class = |&id: &usize| Class {
        jobs: 1.0,
        nodes: f64::from(jobs[id].nodes),
        node_mtbf: f64::from(jobs[id].nodes) * jobs[id].mtbf.as_secs_f64(),
        write: jobs[id].checkpoint_cost.as_secs_f64(),
    };
    let classes: Vec<_> = ids.iter().map(class).collect();
    let platform = Platform { nodes: machine.nodes.len() as f64 };
    let periods = platform.periods(&classes, platform.price(&classes));
    for (id, period) in ids.into_iter().zip(periods) {
        let cost = jobs[id].checkpoint_cost;
        jobs[id].interval = Some(Span(Span::from_secs_f64(period).0.saturating_sub(cost.0)));
    }
}

fn job(scenario: &Scenario, crew: &Crew, (work, id): (&job::BulkSynchronous, JobId)) -> Job {
    assert!(work.step > Span::ZERO && work.work > Span::ZERO, "a job has work");
    let steps = work.work.0.div_ceil(work.step.0);
    let last_step = Span(work.work.0 - (steps - 1) * work.step.0);
    let checkpoint = scenario.checkpoint_of(id);
    let groups = checkpoint.and_then(job::Checkpoint::logging);
    let overhead = groups.map(|spec| spec.overhead).or(work.replicas.map(|it| it.overhead));
    let checksums = work.abft.map_or(0.0, |abft| abft.overhead);
    let factor = (1.0 + overhead.unwrap_or(0.0)) * (1.0 + checksums);
    let stretched = |span: Span| match factor {
        1.0 => span,
        _ => Span::from_secs_f64(span.as_secs_f64() * factor),
    };
    let step = stretched(work.step);
    let together = groups.filter(|spec| spec.stagger).map_or(work.nodes, |spec| spec.group);
    let writers = crew.only(together);
    let costs: Vec<_> = checkpoint.map_or_else(Vec::new, |spec| {
        let size =
            |level| spec.logging().map_or(spec.size(level), |it| image(it, step, work.nodes));
        let of = |level| cost(scenario, &writers, (spec, level, size(level)), Access::Write);
        (0..spec.levels()).map(of).collect()
    });
    let cost = costs.first().copied().unwrap_or(Span::ZERO);
    let interval = |mtbf| {
        checkpoint.map(|all| match all {
            job::Checkpoint::Coordinated(spec) => {
                computing(spec, cost, mtbf, back(scenario, &writers, all))
            }
            job::Checkpoint::Multilevel(spec) => {
                spec.interval.unwrap_or_else(|| optimum::best(scenario, crew, spec).0)
            }
            job::Checkpoint::Logging(spec) => spec.interval,
        })
    };
    let job = Job {
        name: String::new(),
        nodes: crew.len(),
        seats: work.nodes,
        steps,
        step,
        last_step: stretched(last_step),
        interval: None,
        checkpoint_cost: cost,
        level_costs: costs,
        mtbf: Span::FOREVER,
    };
    if let Some(replicas) = &work.replicas {
        let seats = replication::seats(scenario, crew, replicas, work.nodes);
        let checkpoint = checkpoint.and_then(job::Checkpoint::coordinated);
        return replication::timed(job, seats, replicas.strategy, checkpoint, interval);
    }
    let mtbf = mtbf(scenario, crew);
    Job { interval: interval(mtbf), mtbf, ..job }
}

/// The mean time between failures M of the job: one over the sum of the rates at which lifetimes
/// end whose end stops the job.
///
/// Not modelled: fixed times; file servers and links, whose loss delays the job but loses no node.
fn mtbf(scenario: &Scenario, crew: &Crew) -> Span {
    let rate: f64 = scenario.faults.iter().map(|rule| crew.interrupt_rate(rule)).sum();
    if rate > 0.0 { Span::from_secs_f64(1.0 / rate) } else { Span::FOREVER }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::PartKind;
    use crate::plan::{Plan, pilot};
    use crate::scenario::fault::{Age, PartSet, Rejuvenate, When};
    use crate::scenario::job::Period;
    use crate::scenario::law::Law;
    use crate::units::{BitRate, Bytes};

    const MINUTE: f64 = 60.0;

    fn planned(change: impl FnOnce(&mut Scenario)) -> Job {
        let mut scenario = pilot::scenario();
        change(&mut scenario);
        Plan::make(&scenario).jobs[0].clone()
    }

    fn near(span: Span, seconds: f64) {
        assert!((span.as_secs_f64() / seconds - 1.0).abs() < 1e-3, "{span} is not {seconds} s");
    }

    /// Two jobs of 360 nodes, of which the second writes to `to` by an interval of its own.
    fn next_to(to: job::KeptAt, interval: Interval) -> [Option<Span>; 2] {
        let mut scenario = pilot::scenario();
        pilot::checkpoint(&mut scenario).interval = Interval::Cooperative;
        scenario.jobs[0].work.nodes = 360;
        let mut second = scenario.jobs[0].clone();
        second.name = "second".into();
        let Some(job::Checkpoint::Coordinated(spec)) = &mut second.checkpoint else { panic!() };
        (spec.interval, spec.cost) = (interval, job::Cost::Store(to));
        scenario.jobs.push(second);
        let jobs = Plan::make(&scenario).jobs;
        [jobs[0].interval, jobs[1].interval]
    }

    /// On cards it waits for nobody, and nobody for it.
    #[test]
    fn a_cooperative_job_that_writes_to_cards_has_youngs_interval() {
        let [first, second] = next_to(job::KeptAt::Card, Interval::Cooperative);
        assert_eq!([first, second], next_to(job::KeptAt::Card, Interval::Young));
        let [_, at_server] = next_to(job::KeptAt::FileServer, Interval::Cooperative);
        assert_ne!(second, at_server);
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
            psu.harm = crate::scenario::harm::Harm::PowerLoss { severity: 1 };
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

    /// C = 5 min, M = 6 h, R + D = 5 min and the detection of 40 s: the values of the formulas, and
    /// the belief of an interval that adapts.
    #[test]
    fn each_interval_is_that_of_its_formula() {
        let prior = Span::from_secs(86_400);
        for (interval, minutes) in [
            (Interval::Young, 60.0),
            (Interval::DalyFirst, libm::sqrt(10.0 * (360.0 + 5.0 + 40.0 / 60.0)) - 5.0),
            (Interval::Daly, 56.713),
            (Interval::Exact, 56.714),
            (Interval::Adaptive { prior }, 116.690),
        ] {
            let job = planned(|scenario| {
                let mean = Span::from_secs(360 * 60 * 720);
                scenario.faults[0].when = pilot::lifetime(Law::Exponential { mean }, Age::New);
                pilot::fix_costs(scenario, Span::from_secs(300));
                scenario.controller.detect = Span::from_secs(40);
                pilot::checkpoint(scenario).interval = interval;
            });
            near(job.interval.unwrap(), minutes * MINUTE);
        }
    }

    #[test]
    fn the_whole_period_includes_the_checkpoint() {
        let job = planned(|scenario| {
            pilot::fix_costs(scenario, Span::from_secs(300));
            let checkpoint = pilot::checkpoint(scenario);
            checkpoint.interval = Interval::Fixed(Span::from_secs(3_600));
            checkpoint.period = Period::Whole;
        });
        assert_eq!(job.interval, Some(Span::from_secs(3_300)));
    }

    #[test]
    fn the_last_step_is_what_is_left() {
        let job = planned(|scenario| {
            let work = &mut scenario.jobs[0].work;
            (work.step, work.work) = (Span::from_secs(30), Span::from_secs(100));
            pilot::checkpoint(scenario).size = Bytes(1);
        });
        assert_eq!((job.steps, job.last_step), (4, Span::from_secs(10)));
        let job = planned(|scenario| {
            let work = &mut scenario.jobs[0].work;
            (work.step, work.work) = (Span::from_secs(25), Span::from_secs(100));
        });
        assert_eq!((job.steps, job.last_step), (4, Span::from_secs(25)));
    }
}
