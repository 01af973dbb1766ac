//! Jobs on a part of the machine: which nodes they take, and how often these are struck.

use rackstorm::event::What;
use rackstorm::forecast;
use rackstorm::ids::JobId;
use rackstorm::plan::Plan;
use rackstorm::units::Span;

use crate::harness::{plan_of, play_plan, play_text};
use crate::program::Bench;

/// Half the width of a normal law's 99 % interval, in standard deviations.
const NINETY_NINE: f64 = 2.576;

/// Two modules of so many nodes, 4 of them spare, with this fault and these jobs.
fn modules(nodes: u32, fault: &str, jobs: &str) -> String {
    format!(
        r#"
schema = 1
title = "two modules"
[cluster]
hardware = "pi_3b"
modules = 2
[module]
nodes = {nodes}
spares = 4
packs = [{nodes}]
switches = 1
psu = [{{ packs = [1], switches = [1], limit = "10 kW", restart = "5 s" }}]
[boot]
method = "instant"
[controller]
detect = "1 s"
settle = "0 s"
[[fault.crash]]
{fault}
repair = "1 min"
{jobs}
[stop]
when = "workload done"
at = "5 y"
[record]
sample = "1 y"
"#
    )
}

fn exponential(on: &str) -> String {
    format!("on = \"{on}\"\nlifetime = {{ exponential = {{ mean = \"192 d\" }} }}")
}

fn one_job(nodes: u32) -> String {
    format!(
        "[workload.bulk-synchronous]\nnodes = {nodes}\nstep = \"5 min\"\nwork = \"60 d\"\n\
         [checkpoint.coordinated]\ninterval = \"daly\"\n\
         cost = {{ write = \"5 min\", read = \"10 min\" }}"
    )
}

fn days(span: Span) -> f64 {
    span.as_secs_f64() / 86_400.0
}

/// 96 active nodes of module 1 and 4 of module 2: of the faults of module 1 the job meets those of
/// 96 nodes, M = 192 d / 96. Were each active node in it alike, it would meet those of 50.
#[test]
fn m_is_that_of_the_nodes_that_the_job_takes() {
    let text = modules(100, &exponential("module[1]"), &one_job(100));
    let plan = plan_of(&text);
    assert!((days(plan.jobs[0].mtbf) - 2.0).abs() < 1e-9, "{}", plan.jobs[0].mtbf);
    let own = forecast::of(&plan, JobId(0)).expect("a closed form applies").own.remove(0);
    let seeds = 0..60;
    let n = seeds.clone().count() as f64;
    let runs = seeds.map(|seed| play_text(&text, Some(seed)).metric("makespan"));
    let mean = runs.sum::<f64>() / n;
    let (wanted, deviation) = own.makespan.zip(own.deviation).expect("the job ends");
    let half_width = NINETY_NINE * deviation / n.sqrt();
    assert!(
        (mean - wanted).abs() <= half_width,
        "mean {mean:.0} s over {n} seeds, expected {wanted:.0} s +- {half_width:.0} s"
    );
}

/// The second module's faults reach no node of the job, and none is replaced.
#[test]
fn a_job_that_nothing_strikes_has_no_m_and_theory_says_so() {
    let text = modules(20, &exponential("module[2]"), &one_job(16));
    let plan = plan_of(&text);
    assert_eq!((plan.jobs[0].mtbf, plan.jobs[0].interval), (Span::FOREVER, Some(Span::FOREVER)));
    let forecast = forecast::of(&plan, JobId(0)).expect("nothing stops the job");
    assert_eq!((forecast.setting.mtbf, forecast.best.len()), (None, 0));
    assert!((play_plan(&plan).metric("makespan") - 60.0 * 86_400.0).abs() < 1e-6);
    let bench = Bench::new();
    let file = bench.write("calm.toml", &text);
    let done = bench.run(&[std::path::Path::new("theory"), file.as_path()]);
    let words = "no mean time between failures M: nothing strikes the job";
    assert!(done.stdout.contains(words), "{}", done.stdout);
    let done = bench.run(&[std::path::Path::new("plan"), file.as_path()]);
    assert!(done.stdout.contains("no mean time between failures M"), "{}", done.stdout);
}

/// Two jobs of 96 nodes: the first takes the first module, whose nodes fail; the second the other.
#[test]
fn of_two_jobs_that_share_a_machine_each_has_the_m_of_its_own_nodes() {
    let job = |name| {
        format!(
            "[[job]]\nname = \"{name}\"\nnodes = 96\nstep = \"1 min\"\nwork = \"30 d\"\n\
             size = \"1 MB\"\ninterval = \"cooperative\"\n"
        )
    };
    let jobs = format!("{}{}", job("struck"), job("calm"));
    let text = modules(100, &exponential("module[1]"), &jobs);
    let plan = plan_of(&text);
    let [struck, calm] = &plan.jobs[..] else { panic!("two jobs") };
    assert!((days(struck.mtbf) - 2.0).abs() < 1e-9, "{}", struck.mtbf);
    assert_eq!((calm.mtbf, calm.interval), (Span::FOREVER, Some(Span::FOREVER)));
    // Alone at the server it has Young's period.
    let cost = struck.checkpoint_cost.as_secs_f64();
    let period = struck.interval.expect("it writes").as_secs_f64() + cost;
    assert!((period / (2.0 * cost * 172_800.0).sqrt() - 1.0).abs() < 1e-6, "{period} s");
    let of = |plan: &Plan, job: usize| play_plan(plan).findings.jobs[job].interrupts;
    assert!(of(&plan, 0) > 5);
    assert_eq!(of(&plan, 1), 0);
}

/// A single bad node: it is replaced when it fails, and nothing brings it back into the job.
#[test]
fn a_bad_node_that_a_spare_replaces_strikes_once_and_theory_does_not_count_on_it() {
    let text = modules(20, &exponential("node[3]"), &one_job(16));
    let reasons = forecast::of(&plan_of(&text), JobId(0)).expect_err("M changes");
    assert!(reasons.len() == 1 && reasons[0].contains("every 192 d at first and not at all later"));
    let longer = text.replace("60 d", "800 d");
    let interrupts = (0..20).map(|seed| play_text(&longer, Some(seed)).metric("interrupts"));
    assert!(interrupts.fold(0.0, f64::max) <= 1.0);
    // Without a spare the job waits for it: M stays.
    let full = modules(20, &exponential("node[3]"), &one_job(40));
    let forecast = forecast::of(&plan_of(&full), JobId(0)).expect("a closed form applies");
    assert!((forecast.setting.mtbf.expect("it fails") / 86_400.0 - 192.0).abs() < 1e-9);
}

/// 8,396,800 s in intervals of 8,192 s: 1,025 chunks, with 1,024 checkpoints between them.
#[test]
fn theory_and_the_run_count_the_same_checkpoints_of_a_long_job() {
    for (last, checkpoints) in [(false, 1_024.0), (true, 1_025.0)] {
        let job = format!(
            "[workload.bulk-synchronous]\nnodes = 1\nstep = \"4096 s\"\nwork = \"8396800 s\"\n\
             [checkpoint.coordinated]\ninterval = \"8192 s\"\nlast = {last}\n\
             cost = {{ write = \"10 min\", read = \"10 min\" }}"
        );
        let plan = plan_of(&modules(20, &exponential("module[2]"), &job));
        let run = play_plan(&plan);
        let wanted = 8_396_800.0 + 600.0 * checkpoints;
        let own = forecast::of(&plan, JobId(0)).expect("nothing strikes").own.remove(0);
        assert!((run.metric("checkpoints_committed") - checkpoints).abs() < 0.5);
        assert!((run.metric("makespan") - wanted).abs() < 1e-6, "{}", run.metric("makespan"));
        assert_eq!(own.makespan, Some(wanted));
    }
}

/// 292 active nodes and 8 spares, as many jobs of one node.
#[test]
fn hundreds_of_jobs_of_one_node_take_the_nodes_in_order() {
    use std::fmt::Write;
    let mut text = modules(150, &exponential("node[1]"), "");
    for number in 0..300 {
        write!(
            text,
            "[[job]]\nname = \"{number}\"\nnodes = 1\nstep = \"10 s\"\nwork = \"1 min\"\n\
             size = \"1 B\"\ninterval = \"1 h\"\n"
        )
        .expect("a string takes any text");
    }
    let run = play_text(&text, None);
    let joined = run.events.iter().filter_map(|event| match event.what {
        What::JobNode { job, node, joined: true } => Some((u32::from(job.0), node.0)),
        _ => None,
    });
    let is_spare = |node: &u32| node % 150 >= 146;
    let order = (0..300).filter(|node| !is_spare(node)).chain((0..300).filter(is_spare));
    assert_eq!(joined.collect::<Vec<_>>(), (0..300).zip(order).collect::<Vec<_>>());
    assert!(run.findings.jobs.iter().all(|job| (job.done_s - 60.0).abs() < 1e-9));
    let plan = plan_of(&text);
    assert_eq!(plan.jobs[0].mtbf, Span::from_secs(192 * 86_400), "it has the node that fails");
    assert_eq!((plan.jobs[1].mtbf, plan.jobs[299].mtbf), (Span::FOREVER, Span::FOREVER));
}
