//! Replicated jobs: what they absorb, what stops them, and their closed forms.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use rackstorm::backend::model::Model;
use rackstorm::backend::turmoil::Turmoil;
use rackstorm::event::{Event, JobPhase, Purpose, Sink, Stop, What};
use rackstorm::experiment::Run;
use rackstorm::fleet::ports::Notice;
use rackstorm::ids::{FaultId, JobId, NodeId};
use rackstorm::plan::chance::Chance;
use rackstorm::protocol::replica::{Loss, Replicas};
use rackstorm::theory::replication::mnfti;

use crate::harness::{Played, plan_of, play_plan, play_text, play_with};

/// Half the width of a normal law's 99 % interval, in standard deviations.
const NINETY_NINE: f64 = 2.576;

/// A machine of so many nodes that boot at once and are back at once, and what `with` says.
fn machine(nodes: u32, with: &str) -> String {
    format!(
        r#"
schema = 1
title = "replicas"
[cluster]
hardware = "pi_3b"
[module]
nodes = {nodes}
spares = 0
packs = [{nodes}]
nodes_per_blade = {nodes}
switches = 1
psu = [{{ packs = [1], switches = [1], limit = "10 MW", restart = "5 s" }}]
[boot]
method = "instant"
[controller]
detect = "0 s"
settle = "0 s"
{with}
[record]
sample = "1 y"
"#
    )
}

/// So many pairs whose nodes live for an hour on average, for `hours`, computing one endless step.
fn endless(pairs: u32, hours: f64, seed: u64) -> String {
    machine(
        2 * pairs,
        &format!(
            r#"
[[fault.crash]]
on = "node"
lifetime = {{ exponential = {{ mean = "1 h" }} }}
[workload.bulk-synchronous]
step = "200 y"
work = "200 y"
replicas = {{ degree = 2 }}
[stop]
when = "never"
at = "{hours:.0} h"
"#
        ),
    )
    .replace("schema = 1", &format!("schema = 1\nseed = {seed}"))
}

/// Failures until an interrupt, of running nodes and of all nodes, for each interrupt.
#[derive(Default)]
struct Counts {
    running: Vec<f64>,
    all: Vec<f64>,
    open: (u32, u32),
}

impl Counts {
    fn strike(&mut self, running: bool, interrupt: bool) {
        self.open.0 += u32::from(running);
        self.open.1 += 1;
        if interrupt {
            self.running.push(f64::from(self.open.0));
            self.all.push(f64::from(self.open.1));
            self.open = (0, 0);
        }
    }
}

/// The mean of a sample, and half of its 99 % interval.
fn interval(sample: &[f64]) -> (f64, f64) {
    let n = sample.len() as f64;
    let mean = sample.iter().sum::<f64>() / n;
    let variance = sample.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / (n - 1.0);
    (mean, NINETY_NINE * (variance / n).sqrt())
}

/// Demands the exact numbers of failures to interrupt of both conventions. Failures strike all
/// nodes, also those that have failed and came back idle: that is "already hit", whose mean is
/// MNFTI. Those of running nodes are one less.
fn check_mnfti(pairs: u32, counts: &Counts, most: f64) {
    let exact = mnfti(u64::from(pairs));
    for (sample, exact) in [(&counts.running, exact - 1.0), (&counts.all, exact)] {
        let (mean, half) = interval(sample);
        let n = sample.len();
        assert!(
            (mean - exact).abs() <= half + 1e-9,
            "{pairs} pairs: {mean} +- {half}, not {exact}"
        );
        assert!(half <= most * exact, "{pairs} pairs: {half} is wide for {n} interrupts");
    }
}

/// Counts what a run of the model emits.
struct Counter(Counts, Option<bool>);

impl Counter {
    fn settle(&mut self, interrupt: bool, running: bool) {
        if self.1.take().is_some() {
            self.0.strike(running, interrupt);
        }
    }
}

impl Sink for Counter {
    fn event(&mut self, event: &Event) -> Result<(), Stop> {
        match event.what {
            What::FaultStrikes { .. } => {
                // The strike before this one had no consequence for the job.
                self.settle(false, false);
                self.1 = Some(true);
            }
            What::FailureAbsorbed { .. } => self.settle(false, true),
            What::WorkLost { .. } => self.settle(true, true),
            _ => {}
        }
        Ok(())
    }
}

/// V4 by whole runs of the model: one long run for each number of pairs, without costs.
#[test]
fn the_model_interrupts_pairs_after_their_exact_number_of_failures() {
    for (pairs, interrupts) in [(1, 60_000.0), (2, 75_000.0), (4, 80_000.0)] {
        let hours = interrupts * mnfti(u64::from(pairs)) / f64::from(2 * pairs);
        let mut counter = Counter(Counts::default(), None);
        let plan = plan_of(&endless(pairs, hours, 1));
        let run = Run::new(&plan, &Model).no_findings().sink(&mut counter);
        run.play().expect("nobody stops the play");
        check_mnfti(pairs, &counter.0, 0.005);
    }
}

/// The pure machine under the plan's own lifetimes, until so many interrupts. A node that failed
/// is back at once, idle until the job is interrupted, and may fail again.
fn drive(pairs: u32, interrupts: usize) -> Counts {
    let plan = plan_of(&endless(pairs, 1.0, u64::from(pairs)));
    let chance = Chance::new(&plan.scenario);
    let mut replicas: Replicas = plan.replicas(JobId(0)).expect("the job has replicas");
    let mut used = vec![0; 2 * pairs as usize];
    let mut life = |node: u32| {
        let k = &mut used[node as usize];
        *k += 1;
        chance.lifetime(FaultId(0), node, *k - 1)
    };
    let mut agenda: BinaryHeap<_> =
        (0..2 * pairs).map(|node| Reverse((life(node).0, node))).collect();
    replicas.replace((0..2 * pairs).map(NodeId));
    let (mut counts, mut dead) = (Counts::default(), Vec::new());
    while counts.all.len() < interrupts {
        let mut next = agenda.peek_mut().expect("nodes fail for ever");
        let Reverse((at, node)) = *next;
        *next = Reverse((at + life(node).0, node));
        drop(next);
        let loss = replicas.lost(NodeId(node));
        counts.strike(loss != Loss::Stranger, loss == Loss::Interrupt);
        if loss != Loss::Stranger {
            dead.push(NodeId(node));
        }
        if loss == Loss::Interrupt {
            replicas.replace(dead.drain(..));
        }
    }
    counts
}

/// V4: 3.0 3.7 4.7 6.1 8.1 11.1 15.2 21.1 29.4 41.1 57.7 failures.
#[test]
fn up_to_1024_pairs_are_interrupted_after_their_exact_number_of_failures() {
    for power in 0..=10 {
        check_mnfti(1 << power, &drive(1 << power, 75_000), 0.005);
    }
}

/// V3: 100,000 pairs of nodes of 43,800 h; `app_model` expects 748.19 h for 720 h of computing.
#[test]
fn the_sample_of_app_model_takes_its_published_time() {
    let text = machine(
        200_000,
        r#"
[[fault.crash]]
on = "node"
lifetime = { exponential = { mean = "43800 h" } }
[workload.bulk-synchronous]
step = "268.223 min"
work = "720 h"
replicas = { degree = 2 }
[checkpoint.coordinated]
interval = "268.223 min"
cost = { write = "5 min", read = "10 min" }
[stop]
at = "1 y"
"#,
    );
    let hours = |seed| play_text(&text, Some(seed)).metric("makespan") / 3_600.0;
    let runs: Vec<f64> = (0..20).map(hours).collect();
    let (mean, half) = interval(&runs);
    assert!((mean / 748.19 - 1.0).abs() < 0.005, "{mean} h +- {half} h");
    assert!(half < 0.005 * 748.19, "{half} h says little");
}

/// The published restart strategy: C = 60 s and b l^2 = 10^5 / (5 y)^2, on which alone T* and H
/// depend; here of 100 pairs.
fn restarting(interval: &str, chunks: u32) -> String {
    let life = 5.0 * 365.0 * 86_400.0 / libm::sqrt(1_000.0);
    machine(
        200,
        &format!(
            r#"
[[fault.crash]]
on = "node"
lifetime = {{ exponential = {{ mean = "{life:.3} s" }} }}
[workload.bulk-synchronous]
step = "22366 s"
work = "{work} s"
replicas = {{ degree = 2, strategy = "restart" }}
[checkpoint.coordinated]
interval = "{interval}"
cost = {{ write = "60 s", read = "0 s" }}
strikes = {{ checkpoint = false }}
[stop]
at = "450 y"
"#,
            work = u64::from(chunks) * 22_366
        ),
    )
}

#[test]
fn the_restart_strategy_comes_to_its_published_interval_and_overhead() {
    let planned = plan_of(&restarting("daly", 10)).jobs[0].interval.expect("it writes");
    assert!((planned.as_secs_f64() / 22_366.0 - 1.0).abs() < 1e-4, "{planned}");
    let chunks = 450_000;
    let plan = plan_of(&restarting("22366 s", chunks));
    let outcome = Run::new(&plan, &Model).play().expect("nobody stops the play");
    let metric = |name: &str| outcome.metric(name).expect("it is there");
    let overhead = metric("overhead");
    assert!((overhead / 0.004_02 - 1.0).abs() < 0.03, "H = {overhead}");
    // What a checkpoint costs falls with T, what an interrupt costs grows with its square: the T
    // that balances the run's own losses.
    let lost = metric("work_lost") / metric("work");
    let best = 22_366.0 * libm::cbrt(60.0 / 22_366.0 / (2.0 * lost));
    assert!((best / 22_366.0 - 1.0).abs() < 0.03, "T* = {best} s after {}", metric("interrupts"));
}

/// Four seats with two nodes each, on the first eight of 24; a step each 10 s, a checkpoint of
/// 100 MB a node each minute.
fn job(replicas: &str, faults: &str) -> String {
    format!(
        "inherit = \"edge_rack_24\"\n[boot]\nmethod = \"instant\"\n[module]\nspares = 15\n\
         [workload.bulk-synchronous]\nnodes = 4\nstep = \"10 s\"\nwork = \"5 min\"\n\
         replicas = {{ {replicas} }}\n\
         [checkpoint.coordinated]\nsize = \"100 MB\"\ninterval = \"1 min\"\n\
         to = \"file-server\"\n[stop]\nat = \"3 h\"\n{faults}"
    )
}

fn crash(node: u32, at: &str, repair: &str) -> String {
    format!("[[fault.crash]]\non = \"pi{node:02}\"\nat = \"{at}\"\nrepair = \"{repair}\"\n")
}

fn interrupts(played: &Played) -> usize {
    played.count(|what| matches!(what, What::WorkLost { .. }))
}

fn absorbed(played: &Played) -> usize {
    played.count(|what| matches!(what, What::FailureAbsorbed { .. }))
}

fn restarts(played: &Played) -> usize {
    played.count(|what| matches!(what, What::JobPhase { phase: JobPhase::Restart, .. }))
}

/// Who took a place of the job, in order.
fn joined(played: &Played) -> Vec<u32> {
    let joins = played.events.iter().filter_map(|event| match event.what {
        What::JobNode { node: NodeId(node), joined: true, .. } => Some(node),
        _ => None,
    });
    joins.collect()
}

#[test]
fn a_job_goes_on_without_one_replica_as_if_nothing_had_happened() {
    let calm = play_text(&job("degree = 2", ""), None);
    let played = play_text(&job("degree = 2", &crash(2, "75 s", "never")), None);
    assert_eq!((absorbed(&played), interrupts(&played), restarts(&played)), (1, 0, 0));
    assert_eq!(joined(&played), [0, 1, 2, 3, 4, 5, 6, 7], "nobody takes the dead one's place");
    let difference = played.metric("makespan") - calm.metric("makespan");
    assert!(difference.abs() < 1e-9, "{difference} s");
    assert!((played.metric("failures_absorbed") - 1.0).abs() < 1e-9);
}

#[test]
fn the_death_of_both_replicas_of_a_seat_interrupts_the_job_and_all_places_are_filled_again() {
    let faults = crash(2, "75 s", "power-cycle") + &crash(5, "80 s", "never");
    let other = play_text(&job("degree = 2", &faults), None);
    assert_eq!((absorbed(&other), interrupts(&other)), (2, 0), "two seats");
    let faults = crash(2, "75 s", "never") + &crash(6, "80 s", "never");
    let twin = play_text(&job("degree = 2", &faults), None);
    assert_eq!((absorbed(&twin), interrupts(&twin), restarts(&twin)), (1, 1, 1), "one seat");
    assert_eq!(joined(&twin)[8..], [8, 9], "two others take its places");
    assert!((twin.metric("mnfti") - 2.0).abs() < 1e-9);
}

#[test]
fn the_first_seats_are_replicated_and_the_others_absorb_nothing() {
    let half = "degree = 3, share = 0.5";
    let first =
        play_text(&job(half, &(crash(1, "75 s", "never") + &crash(5, "75 s", "never"))), None);
    assert_eq!((absorbed(&first), interrupts(&first), joined(&first).len()), (2, 0, 8));
    let last = play_text(&job(half, &crash(3, "75 s", "never")), None);
    assert_eq!((absorbed(&last), interrupts(&last)), (0, 1));
}

#[test]
fn the_restart_strategy_replaces_dead_replicas_at_the_next_checkpoint() {
    let faults = crash(2, "75 s", "never") + &crash(6, "200 s", "never");
    let kept = play_text(&job("degree = 2, strategy = \"no-restart\"", &faults), None);
    assert_eq!((absorbed(&kept), interrupts(&kept)), (1, 1));
    let played = play_text(&job("degree = 2, strategy = \"restart\"", &faults), None);
    assert_eq!((absorbed(&played), interrupts(&played)), (2, 0));
    assert_eq!(joined(&played)[8..], [8, 9]);
    // Each reads the seat's image alone, after the checkpoint that it belongs to.
    let read = |what: &What| {
        matches!(what, What::Transfer { purpose: Purpose::Restart, nodes: 1, received, .. }
            if received.0 == 100_000_000)
    };
    assert_eq!((played.count(read), restarts(&played)), (2, 2));
    let fixed = job("degree = 2, strategy = \"restart\"", &faults)
        .replace("to = \"file-server\"", "cost = { write = \"8 s\", read = \"9 s\" }")
        .replace("size = \"100 MB\"\n", "");
    let fixed = play_text(&fixed, None);
    assert_eq!((absorbed(&fixed), interrupts(&fixed), restarts(&fixed)), (2, 0, 2));
    assert!((fixed.metric("makespan") - 300.0 - 4.0 * 8.0).abs() < 1e-6, "no more than C");
}

/// One image of each seat passes the server's link; a checkpoint takes 8.5 s.
#[test]
fn one_replica_of_each_seat_writes_and_the_other_takes_over_when_it_dies() {
    let calm = play_text(&job("degree = 2", ""), None);
    let of_checkpoints = 4.0 * 4.0 * 100e6;
    assert!((calm.metric("bytes_received_checkpoint") - of_checkpoints).abs() < 0.5);
    let writer = play_text(&job("degree = 2", &crash(2, "65 s", "never")), None);
    assert_eq!((absorbed(&writer), interrupts(&writer)), (1, 0));
    assert!((writer.metric("bytes_received_checkpoint") - of_checkpoints).abs() < 0.5);
    assert!(writer.metric("bytes_lost_checkpoint") > 1e6, "what the dead one sent is lost");
    assert!(writer.metric("makespan") > calm.metric("makespan") + 2.0);
    let other = play_text(&job("degree = 2", &crash(6, "65 s", "never")), None);
    assert!((other.metric("makespan") - calm.metric("makespan")).abs() < 1e-9);
}

/// Node 9 takes a place at 68.6 s, and dies while it reads.
#[test]
fn a_replacement_that_dies_while_it_reads_is_not_waited_for() {
    let faults = crash(2, "30 s", "never") + &crash(9, "70 s", "never");
    let played = play_text(&job("degree = 2, strategy = \"restart\"", &faults), None);
    assert_eq!((absorbed(&played), interrupts(&played)), (2, 0));
    assert!(played.metric("bytes_lost_restart") > 1e6);
    assert_eq!(joined(&played)[8..], [8, 9], "the next checkpoint has another one");
}

/// Nodes that leave and join while the job computes draw as little as they compute.
#[test]
fn the_energy_of_a_job_with_dead_replicas_is_node_time_times_power() {
    let with = r#"
[[fault.crash]]
on = "node"
lifetime = { exponential = { mean = "5 h" } }
repair = "90 min"
[workload.bulk-synchronous]
nodes = 8
step = "1 min"
work = "20 h"
replicas = { degree = 2, strategy = "restart" }
[checkpoint.coordinated]
interval = "1 h"
cost = { write = "1 min", read = "2 min" }
[stop]
at = "10 d"
"#;
    let plan = plan_of(&machine(30, with));
    let run = play_plan(&plan);
    assert!(run.metric("failures_absorbed") > 5.0 && run.metric("interrupts") > 0.0);
    let time = |classes: &[&str]| -> f64 {
        classes.iter().map(|class| run.metric(&format!("node_time_{class}"))).sum()
    };
    let (power, parts) = (&plan.scenario.hardware.power, &plan.scenario);
    let watts = |power: rackstorm::units::Power| power.0 as f64 / 1e3;
    let steady = watts(parts.module.switch_power) + watts(parts.server.power);
    let expected = watts(power.off) * time(&["off", "down"])
        + watts(power.idle) * time(&["idle", "wait", "restart", "checkpoint"])
        + watts(power.compute) * time(&["compute", "rework"])
        + steady * run.metric("run_time");
    let energy = run.metric("energy");
    assert!((energy / expected - 1.0).abs() < 1e-9, "{energy} J, not {expected} J");
}

/// Mean makespan over seeds against the first row of the forecast, in its 99 % interval.
fn check_forecast(text: &str, seeds: u64) {
    let plan = plan_of(text);
    let forecast = rackstorm::forecast::of(&plan, JobId(0)).expect("a closed form applies");
    let row = &forecast.own[0];
    let runs: Vec<f64> =
        (0..seeds).map(|seed| play_text(text, Some(seed)).metric("makespan")).collect();
    let (mean, half) = interval(&runs);
    let expected = row.makespan.expect("it ends");
    let formula = row.formula;
    assert!((mean - expected).abs() <= half, "{formula}: {mean} +- {half}, not {expected}");
    assert!(half < 0.01 * expected, "{formula}: {half} of {expected} says little");
}

/// Nodes of 60 h, interrupts each few hours, everything dear: all terms count.
fn dear(replicas: &str, nodes: u32, work: &str) -> String {
    machine(
        nodes,
        &format!(
            r#"
[[fault.crash]]
on = "node"
lifetime = {{ exponential = {{ mean = "60 h" }} }}
[workload.bulk-synchronous]
nodes = 12
step = "1 h"
work = "{work}"
replicas = {{ {replicas} }}
[checkpoint.coordinated]
interval = "1 h"
cost = {{ write = "12 min", read = "20 min", downtime = "15 min" }}
last = true
[stop]
at = "10 y"
"#
        ),
    )
}

#[test]
fn pairs_triples_and_shares_take_the_time_that_their_survival_says() {
    for (replicas, nodes) in [
        ("degree = 2", 24),
        ("degree = 2, share = 0.5", 18),
        ("degree = 3", 36),
        ("degree = 3, share = 0.75", 30),
    ] {
        check_forecast(&dear(replicas, nodes, "20000 h"), 8);
        let restart = format!("{replicas}, strategy = \"restart\"");
        check_forecast(&dear(&restart, nodes, "2000 h"), 30);
    }
}

/// Real agents compute, exchange, save and load: a result that is right shows that the replicas of
/// a seat were one.
#[test]
fn the_fleet_ends_with_the_right_result_whichever_replica_dies_and_when() {
    let restart = "degree = 2, strategy = \"restart\"";
    let controller = "[[fault.controller-crash]]\non = \"controller\"\nat = \"95 s\"\n\
                      repair = \"40 s\"\n";
    for (replicas, faults, wanted) in [
        ("degree = 2", crash(2, "75 s", "never"), (1, 0)),
        ("degree = 3, share = 0.5", crash(1, "75 s", "never") + &crash(7, "95 s", "never"), (2, 0)),
        ("degree = 2", crash(2, "75 s", "never") + &crash(6, "140 s", "never"), (1, 1)),
        // A writer in a checkpoint, and then whoever took over.
        ("degree = 2", crash(2, "64 s", "never") + &crash(6, "80 s", "power-cycle"), (1, 1)),
        (restart, crash(2, "75 s", "never") + &crash(6, "200 s", "never"), (2, 0)),
        // The first replacement dies while it reads.
        (restart, crash(2, "30 s", "never") + &crash(9, "72 s", "never"), (2, 0)),
        // Nobody notices the death but the heartbeat that the controller gives to whoever is
        // behind.
        (restart, crash(7, "80 s", "never") + controller, (1, 0)),
    ] {
        let fleet = play_fleet(&job(replicas, &faults));
        let counted = (absorbed(&fleet), interrupts(&fleet));
        assert_eq!(counted, wanted, "{replicas} {faults}");
    }
}

/// Which of the nodes falls silent first is chance; some are absorbed, then the job is interrupted.
#[test]
fn a_switch_that_takes_all_replicas_interrupts_the_fleet_once() {
    let switch = "[[fault.switch-loss]]\non = \"module[1]/switch[1]\"\nat = \"75 s\"\n\
                  repair = \"60 s\"\n";
    let fleet = play_fleet(&job("degree = 2", switch));
    assert_eq!(interrupts(&fleet), 1);
    assert!((1..=4).contains(&absorbed(&fleet)), "{}", absorbed(&fleet));
}

/// Plays the fleet, which has to come to the right result.
fn play_fleet(text: &str) -> Played {
    let plan = plan_of(text);
    let mut notices = Vec::new();
    let fleet = play_with(&plan, |plan, sink| Turmoil.play_noting(plan, sink, &mut notices));
    assert_eq!(fleet.metric("jobs_done") as u32, 1, "{text}");
    let result = notices.iter().find_map(|(_, notice)| match notice {
        Notice::Result { sum } => Some(*sum),
        _ => None,
    });
    assert!(result.is_some());
    assert_eq!(result, Turmoil.expected(&plan), "{text}");
    fleet
}
