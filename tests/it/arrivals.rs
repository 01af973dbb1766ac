//! Jobs that arrive by a law, their classes and regular I/O, and jobs of other programs' files.

use std::path::Path;

use rackstorm::analysis::JobFinding;
use rackstorm::backend::model::Model;
use rackstorm::event::{CollectiveAct, What};
use rackstorm::experiment::Run;
use rackstorm::plan::Plan;
use rackstorm::scenario;

use crate::harness::{measure_text, plan_of, plan_of_file, play_plan, play_text};
use crate::jobs::machine;
use crate::queue::{RUNS, erlang_c, interval};

/// So many jobs of one node that arrive after exponential gaps and compute exponential times (s).
fn markov(nodes: u32, gap: f64, service: f64, rest: &str) -> String {
    let queue = format!(
        "[queue]\npolicy = \"fcfs\"\n[queue.arrivals]\n{rest}\n\
         gap.exponential.mean = \"{gap} s\"\n[[queue.class]]\nname = \"a\"\nshare = 1\n\
         nodes = [1]\nwork.exponential.mean = \"{service} s\"\n"
    );
    machine(nodes, &queue)
}

/// M/M/1 at half load and M/M/4 at 0.8, drawn by the plan: mean wait and share of waiting jobs by
/// Erlang's C formula. Seeds 1 to 16, 2,500 jobs each, of which the first 500 do not count; 99 %.
#[test]
fn jobs_that_arrive_by_a_law_wait_as_long_as_erlang_says() {
    for (servers, load, service) in [(1, 0.5, 100.0), (4, 3.2, 100.0)] {
        let first = plan_of(&markov(servers, service / load, service, "count = 2500"));
        let mut means = Vec::new();
        for seed in 1..=RUNS {
            let played = play_plan(&first.with_seed(seed));
            let counted = &played.findings.jobs[500..];
            let of = |value: &dyn Fn(&JobFinding) -> f64| {
                counted.iter().map(value).sum::<f64>() / counted.len() as f64
            };
            let waits = |job: &JobFinding| f64::from(u8::from(job.queue_wait_s > 0.0));
            means.push([of(&|job| job.queue_wait_s), of(&waits)]);
        }
        let (wait, waits) = erlang_c(servers, load, service);
        for (number, wanted) in [wait, waits].into_iter().enumerate() {
            let (mean, half) = interval(&means.iter().map(|run| run[number]).collect::<Vec<_>>());
            assert!((mean - wanted).abs() < half, "{servers}: {mean} +- {half}, not {wanted}");
            assert!(half < wanted / 4.0, "{half} says nothing of {wanted}");
        }
    }
}

/// Two classes, one with weighted sizes, in a rhythm of the day.
const CLASSES: &str = r#"
[queue]
policy = "easy"
[queue.arrivals]
gap   = { weibull = { shape = 0.7, mean = "2 min" } }
count = 4000
[[queue.class]]
name         = "short"
share        = 3
nodes        = [1, 2, 4]
weights      = [5, 3, 2]
work         = { lognormal = { median = "10 min", sigma = 1.0 } }
overestimate = 1
[[queue.class]]
name  = "long"
share = 1
nodes = [8]
work  = { fixed = "2 h" }
[queue.class.job]
walltime = "5 h"
step     = "1 min"
checkpoint = { coordinated = { interval = "young", cost = { write = "10 s", read = "10 s" } } }
[[fault.crash]]
on = "node"
lifetime.exponential.mean = "30 d"
repair.fixed = "1 h"
"#;

/// That the plan of another seed is that which is made anew, and that the resolved text says all.
#[test]
fn the_seed_decides_which_jobs_arrive_and_the_text_holds_their_law() {
    let plan = plan_of(&machine(16, CLASSES));
    let text = scenario::text(&plan.scenario);
    assert!(!text.contains("[[job]]"), "the jobs are drawn again");
    let again = plan_of(&text);
    assert_eq!((again.digest(), &again.jobs), (plan.digest(), &plan.jobs));
    assert_eq!(scenario::text(&again.scenario), text);
    let other = plan.with_seed(7);
    let mut scenario = plan.scenario.clone();
    scenario.seed = 7;
    assert_eq!(Plan::make(&scenario).digest(), other.digest());
    assert_ne!(other.jobs, plan.jobs);
    assert_eq!(other.with_seed(1).digest(), plan.digest());
    let names: Vec<_> = plan.jobs.iter().take(3).map(|job| job.name.as_str()).collect();
    assert!(names.iter().all(|name| name.starts_with("short-") || name.starts_with("long-")));
}

/// Seed 1, 4,000 jobs: shares of classes, and sizes of one, within the 99 % interval of a binomial
/// law; the mean gap of Weibull's law within 99 % of its own.
#[test]
fn classes_sizes_and_gaps_have_the_shares_of_their_laws() {
    let plan = plan_of(&machine(16, CLASSES));
    let jobs = &plan.scenario.jobs;
    let near = |count: usize, of: usize, share: f64| {
        let (n, found) = (of as f64, count as f64 / of as f64);
        let half = 2.576 * (share * (1.0 - share) / n).sqrt();
        assert!((found - share).abs() < half, "{found} +- {half}, not {share}");
    };
    let short: Vec<_> = jobs.iter().filter(|job| job.name.starts_with("short")).collect();
    near(short.len(), jobs.len(), 0.75);
    for (nodes, share) in [(1, 0.5), (2, 0.3), (4, 0.2)] {
        near(short.iter().filter(|job| job.work.nodes == nodes).count(), short.len(), share);
    }
    // Half of the lognormal works are below their median.
    let below = |secs: f64| short.iter().filter(|job| job.work.work.as_secs_f64() < secs).count();
    near(below(600.0), short.len(), 0.5);
    for job in &short {
        let times = job.queued.walltime.unwrap().as_secs_f64() / job.work.work.as_secs_f64();
        assert!((1.0..=2.0).contains(&times) && job.checkpoint.is_none(), "{times}");
    }
    for job in jobs.iter().filter(|job| job.name.starts_with("long")) {
        assert_eq!((job.work.nodes, job.work.work.as_secs_f64()), (8, 7_200.0));
        assert!(job.work.step.as_secs_f64() <= 60.0 && job.checkpoint.is_some());
    }
    // The variance of Weibull's law: scale^2 (gamma(1 + 2/k) - gamma(1 + 1/k)^2).
    let end = jobs.last().unwrap().queued.submit.as_secs_f64();
    let (one, two) = (libm::tgamma(1.0 + 1.0 / 0.7), libm::tgamma(1.0 + 2.0 / 0.7));
    let spread = 120.0 * (two / (one * one) - 1.0).sqrt();
    let (mean, n) = (end / 4_000.0, 4_000.0_f64);
    assert!((mean - 120.0).abs() < 2.576 * spread / n.sqrt(), "{mean}");
}

/// With a rhythm, the share of those that come in the twelve hours about the peak is that of the
/// hours' weights; and nobody comes after the end. Seed 1, ten days.
#[test]
fn more_jobs_arrive_by_day_and_none_after_the_end() {
    let text = markov(4, 300.0, 1.0, "until = \"10 d\"\nrhythm = { day = 0.9, peak = \"14 h\" }");
    let plan = plan_of(&text);
    let hours: Vec<_> =
        plan.scenario.jobs.iter().map(|job| job.queued.submit.as_secs_f64() / 3_600.0).collect();
    assert!(hours.iter().all(|hour| *hour <= 240.0));
    let weight =
        |hour: f64| 1.0 + 0.9 * libm::cos(std::f64::consts::TAU * (hour + 0.5 - 14.0) / 24.0);
    let share = (8..20).map(|hour| weight(f64::from(hour))).sum::<f64>() / 24.0;
    let by_day = hours.iter().filter(|hour| (8.0..20.0).contains(&(*hour % 24.0))).count();
    let n = hours.len() as f64;
    // 2,880 by Poisson's law.
    assert!((n - 2_880.0).abs() < 2.576 * 2_880.0_f64.sqrt(), "{n}");
    let half = 2.576 * (share * (1.0 - share) / n).sqrt();
    assert!((by_day as f64 / n - share).abs() < half, "{by_day} of {n}, not {share}");
}

/// A job of two nodes that writes 100 MB a node each minute of computing; no failures.
fn with_io(rest: &str) -> String {
    let job = format!(
        "[server]\nlink = \"1 Gbit/s\"\n\
         [[job]]\nname = \"a\"\nnodes = 2\nstep = \"20 s\"\nwork = \"10 min\"\n\
         io = {{ size = \"100 MB\", every = \"1 min\" }}\n{rest}"
    );
    machine(4, &job)
}

/// Ten times both write 100 MB over the server's link of 1 Gbit/s, of which a payload gets the
/// share that the network gives; the computing is 10 min. With or without anybody who listens to
/// each step it takes as long.
#[test]
fn regular_io_takes_as_long_as_the_server_needs() {
    let played = play_text(&with_io(""), None);
    let plan = plan_of(&with_io(""));
    let share = plan.scenario.network.tcp_share;
    let each = 200e6 * 8.0 / (1e9 * share);
    assert_eq!((played.metric("io_operations"), played.metric("jobs_done")), (10.0, 1.0));
    let mean = played.metric("io_time_mean");
    assert!((mean - each).abs() < each * 1e-3, "{mean}, not {each}");
    let makespan = played.metric("makespan");
    assert!((makespan - 600.0 - played.metric("io_time")).abs() < 1e-6, "{makespan}");
    assert!((played.metric("io_share") - 10.0 * mean / makespan).abs() < 1e-6);
    let silent = Run::new(&plan, &Model).play().expect("nobody stops the play");
    assert_eq!(silent.findings.metric("makespan").unwrap().value.to_bits(), makespan.to_bits());
}

/// A node that crashes while all write breaks it off; the steps since the last checkpoint, and what
/// they wrote, come again.
#[test]
fn a_crash_breaks_regular_io_off_and_it_comes_again() {
    let crash = "size = \"1 MB\"\ninterval = \"4 min\"\n[[fault.crash]]\non = \"pi01\"\n\
                 at = \"61 s\"\nrepair = \"1 min\"\n";
    let played = play_text(&with_io(crash), None);
    let count = |wanted| {
        played.count(|what| matches!(what, What::Collective { act, .. } if *act == wanted))
    };
    let acts = [CollectiveAct::Begin, CollectiveAct::End, CollectiveAct::BreakOff].map(count);
    assert_eq!(acts, [11, 10, 1]);
    assert_eq!((played.metric("interrupts"), played.metric("jobs_done")), (1.0, 1.0));
}

fn plan_in(folder: &Path, text: &str) -> Plan {
    let path = folder.join("m.toml");
    std::fs::write(&path, machine(4, text)).expect("written");
    plan_of_file(&path, None, &[])
}

/// `sacct` output, a workload of Batsim and a table that stand for the same list, with classes.
#[test]
fn jobs_of_other_programs_are_jobs_of_the_list() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write(
        "jobs.txt",
        "JobID|User|Partition|Submit|Start|End|Elapsed|Timelimit|NNodes|State|\n\
         1|ada|work|2025-03-01T08:00:00|2025-03-01T08:00:00|x|00:01:00|00:01:30|4|COMPLETED|\n\
         1.batch|||2025-03-01T08:00:00|2025-03-01T08:00:00|x|00:01:00||1|COMPLETED|\n\
         2|bob|work|2025-03-01T08:00:10|2025-03-01T08:09:00|x|00:01:40|UNLIMITED|2|FAILED|\n\
         3|bob|work|2025-03-01T08:00:20|Unknown|x|00:00:00|01:00:00|1|CANCELLED by 7|\n",
    );
    write(
        "jobs.json",
        r#"{"nb_res": 8, "profiles": {"a": {"type": "delay", "delay": 60},
            "b": {"type": "parallel_homogeneous", "cpu": 1e11, "com": 0},
            "c": {"type": "smpi", "trace": "c"}},
            "jobs": [{"id": "1", "subtime": 0, "res": 8, "walltime": 90, "profile": "a"},
                     {"id": 2, "subtime": 10, "res": 3, "profile": "b"},
                     {"id": 3, "subtime": 20, "res": 1, "profile": "c"}]}"#,
    );
    write(
        "jobs.csv",
        "name,submit,nodes,work,walltime,step,user,partition\n1,0,4,60,90,,ada,work\n\
         2,10,2,100,,,bob,\n",
    );
    let job = |(name, submit, nodes): (u32, u32, u32), work: u32, step: u32, walltime: u32| {
        format!(
            "[[job]]\nname = \"{name}\"\nsubmit = \"{submit} s\"\nnodes = {nodes}\n\
             work = \"{work} s\"\nstep = \"{step} s\"\nwalltime = \"{walltime} s\"\n"
        )
    };
    let policy = "[queue]\npolicy = \"easy\"\n";
    let listed = job((1, 0, 4), 60, 60, 90)
        + &job((2, 10, 2), 100, 20, 3_600)
        + "size = \"1 MB\"\ninterval = \"30 s\"\n";
    let wanted = plan_in(folder.path(), &format!("{policy}{listed}")).digest();
    let common = "[queue.job]\nwalltime = \"2 h\"\n";
    let own = "\n[queue.class.job]\nstep = \"20 s\"\nwalltime = \"1 h\"\nsize = \"1 MB\"\n\
               interval = \"30 s\"\n";
    let class = |rule: &str| format!("{common}[[queue.class]]\nname = \"small\"\n{rule}{own}");
    for (file, rule) in [
        ("file = \"jobs.txt\"\nunusable = 1", "user = \"bob\""),
        ("file = \"jobs.txt\"\nunusable = 1", "partition = \"work\"\nup_to = 2"),
        ("file = \"jobs.json\"\nprocessors = 2\nflops = 1e9\nunusable = 1", "up_to = 3"),
        ("file = \"jobs.csv\"", "user = \"bob\""),
    ] {
        let plan = plan_in(folder.path(), &format!("{policy}{file}\n{}", class(rule)));
        assert_eq!(plan.digest(), wanted, "{file} {rule}");
    }
}

/// What nobody wants to see twice: as many jobs as there may be, on one node, in one instant.
#[test]
fn ten_thousand_jobs_arrive_at_once() {
    let text = markov(1, 1.0, 1.0, "count = 10000")
        .replace("exponential.mean = \"1 s\"\n[[", "fixed = \"0 s\"\n[[");
    let run = measure_text(&text, None);
    assert_eq!((run.metric("jobs_done"), run.metric("jobs_unfinished")), (10_000.0, 0.0));
}
