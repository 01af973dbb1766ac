//! Jobs that wait for nodes: who overtakes whom, how long they wait, and when they are ended.

use std::fmt::Write;

use rackstorm::analysis::JobFinding;
use rackstorm::analysis::expect::Verdict;
use rackstorm::backend::model::Model;
use rackstorm::event::{JobPhase, What};
use rackstorm::experiment::Run;
use rackstorm::rng::{Draw, Stream};

use crate::harness::{Played, plan_of_file, play_file, play_text};
use crate::jobs::machine;
use crate::program::{root, update};

/// A job of a test; times are in seconds.
#[derive(Clone, Copy, Debug)]
struct Own {
    submit: u64,
    nodes: u32,
    work: u64,
    walltime: u64,
}

/// A job that is done when its walltime is over.
fn job(submit: u64, nodes: u32, work: u64) -> Own {
    Own { submit, nodes, work, walltime: work }
}

/// The text of jobs in a queue of a machine of so many nodes.
fn text(nodes: u32, policy: &str, jobs: &[Own], rest: &str) -> String {
    let mut text = format!("[queue]\npolicy = \"{policy}\"\n");
    for (number, Own { submit, nodes, work, walltime }) in jobs.iter().enumerate() {
        let _ = write!(
            text,
            "[[job]]\nname = \"{number}\"\nnodes = {nodes}\nsubmit = \"{submit} s\"\n\
             work = \"{work} s\"\nstep = \"{work} s\"\nwalltime = \"{walltime} s\"\n"
        );
    }
    machine(nodes, &format!("{text}{rest}"))
}

fn play(nodes: u32, policy: &str, jobs: &[Own]) -> Played {
    play_text(&text(nodes, policy, jobs, ""), None)
}

fn starts(played: &Played) -> Vec<f64> {
    played.findings.jobs.iter().map(|job| job.start_s).collect()
}

/// Ten nodes: the first job has six of them for half an hour, the second waits for eight, the
/// third needs four for twenty minutes.
#[test]
fn a_short_job_fills_the_gap_before_a_reservation() {
    let jobs = [job(0, 6, 1_800), job(10, 8, 600), job(20, 4, 1_200)];
    assert_eq!(starts(&play(10, "fcfs", &jobs)), [0.0, 1_800.0, 2_400.0]);
    let easy = play(10, "easy", &jobs);
    assert_eq!(starts(&easy), [0.0, 1_800.0, 20.0]);
    assert_eq!(starts(&play(10, "first-fit", &jobs)), [0.0, 1_800.0, 20.0]);
    // 1790 s of the second, nothing of the others; (1790 + 600) / 600 of it, 1 of the others.
    for (name, wanted) in [
        ("queue_wait_mean", 1_790.0 / 3.0),
        ("queue_wait_p50", 0.0),
        ("queue_wait_max", 1_790.0),
        ("bounded_slowdown_mean", (2_390.0 / 600.0 + 2.0) / 3.0),
        ("bounded_slowdown_p95", 2_390.0 / 600.0),
        ("turnaround_mean", (1_800.0 + 2_390.0 + 1_200.0) / 3.0),
        ("utilisation", (6.0 * 1_800.0 + 8.0 * 600.0 + 4.0 * 1_200.0) / (10.0 * 2_400.0)),
        ("jobs_timed_out", 0.0),
        ("jobs_done", 3.0),
    ] {
        let found = easy.metric(name);
        assert!((found - wanted).abs() < 1e-9, "{name} is {found}, not {wanted}");
    }
}

/// As above; the third job would have its nodes for too long, but two nodes are spare: the
/// fourth, of two nodes, may have them as long as it wants.
#[test]
fn nobody_puts_a_reservation_off() {
    let jobs = [job(0, 6, 1_800), job(10, 8, 600), job(20, 4, 1_800), job(30, 2, 9_000)];
    let easy = starts(&play(10, "easy", &jobs));
    assert_eq!(easy, [0.0, 1_800.0, 2_400.0, 30.0]);
    let first_fit = starts(&play(10, "first-fit", &jobs));
    assert_eq!(first_fit, [0.0, 1_820.0, 20.0, 1_800.0], "nobody has one");
}

/// A job that is done early leaves its nodes early, whatever its walltime says.
#[test]
fn a_job_that_is_done_early_lets_the_next_one_start_early() {
    let first = Own { walltime: 3_600, ..job(0, 6, 600) };
    let jobs = [first, job(10, 8, 600), job(20, 4, 1_000)];
    assert_eq!(starts(&play(10, "easy", &jobs)), [0.0, 1_020.0, 20.0]);
}

fn of_name<'a>(played: &'a Played, name: &str) -> &'a JobFinding {
    played.findings.jobs.iter().find(|job| job.job == name).expect("there is such a job")
}

#[test]
fn a_job_is_ended_when_its_walltime_is_over_and_not_before() {
    let late = Own { walltime: 60, ..job(5, 4, 100) };
    for policy in ["first-fit", "fcfs", "easy"] {
        let played = play(4, policy, &[job(0, 4, 50), late, job(7, 4, 30)]);
        let phases = |phase| {
            played.count(|what| matches!(what, What::JobPhase { phase: of, .. } if *of == phase))
        };
        assert_eq!((phases(JobPhase::Done), phases(JobPhase::TimedOut)), (2, 1), "{policy}");
        let row = of_name(&played, "1");
        assert_eq!((row.status.as_str(), row.done_s), ("timed-out", -1.0));
        assert_eq!((row.start_s, row.end_s), (50.0, 110.000_000_001));
        assert_eq!((row.work_s, row.lost_s), (0.0, 60.000_000_001), "nothing was of use");
        let (whole, next) = (of_name(&played, "0"), of_name(&played, "2"));
        assert_eq!((whole.status.as_str(), next.start_s), ("done", 110.000_000_001));
        let counts = (played.metric("jobs_timed_out"), played.metric("jobs_unfinished"));
        assert_eq!(counts, (1.0, 0.0));
    }
}

/// What is written when the walltime is over is no checkpoint.
#[test]
fn a_checkpoint_that_the_walltime_cuts_short_is_abandoned() {
    let job = "[[job]]\nname = \"a\"\nnodes = 4\nstep = \"10 s\"\nwork = \"100 s\"\n\
               walltime = \"65 s\"\ncheckpoint = { coordinated = { interval = \"20 s\", \
               cost = { write = \"20 s\", read = \"20 s\" } } }\n";
    let played = play_text(&machine(4, job), None);
    let names = ["begun", "committed", "abandoned"].map(|act| format!("checkpoints_{act}"));
    let counts: Vec<_> = names.iter().map(|name| played.metric(name)).collect();
    assert_eq!((counts, played.metric("jobs_timed_out")), (vec![2.0, 1.0, 1.0], 1.0));
}

/// A node of the first job crashes and is back 100 s later. Two jobs of one node were submitted
/// meanwhile, one of which stands before it in the list: it is the first in the queue all the same.
#[test]
fn a_job_that_failed_keeps_its_place_in_the_queue() {
    let jobs = [job(20, 1, 30), Own { walltime: 1_000, ..job(0, 4, 100) }, job(10, 1, 30)];
    let crash = "[[fault.crash]]\non = \"pi02\"\nat = \"50 s\"\nrepair = \"100 s\"\n";
    for policy in ["first-fit", "fcfs", "easy"] {
        let played = play_text(&text(4, policy, &jobs, crash), None);
        let ends: Vec<_> = played.findings.jobs.iter().map(|job| job.done_s).collect();
        assert_eq!(ends, [280.0, 250.0, 280.0], "{policy}");
        assert_eq!(of_name(&played, "1").interrupts, 1);
    }
}

/// A job of all nodes cannot start while one is down. Nobody knows until when: it has no
/// reservation, and others go on.
#[test]
fn without_enough_nodes_there_is_no_reservation() {
    let jobs = [job(60, 4, 100), job(70, 2, 500)];
    let crash = "[[fault.crash]]\non = \"pi02\"\nat = \"50 s\"\nrepair = \"100 s\"\n";
    let start = |policy| starts(&play_text(&text(4, policy, &jobs, crash), None));
    assert_eq!(start("easy"), [570.0, 70.0]);
    assert_eq!(start("fcfs"), [150.0, 250.0]);
}

/// When each job starts (s), the slow and obvious way: at each instant all ends, then all
/// submissions, then one job after the other is asked.
fn twin(nodes: u32, policy: &str, jobs: &[Own]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..jobs.len()).collect();
    order.sort_by_key(|job| (jobs[*job].submit, *job));
    let mut starts = vec![None; jobs.len()];
    let mut now = 0;
    while starts.contains(&None) {
        let runs = |job: &usize, starts: &[Option<u64>]| {
            starts[*job].is_some_and(|start: u64| start + jobs[*job].work > now)
        };
        // Whoever is still to start, in the order of the queue; the first one has no other ahead.
        loop {
            let waits = |job: &&usize| starts[**job].is_none() && jobs[**job].submit <= now;
            let waiting: Vec<usize> = order.iter().filter(waits).copied().collect();
            let running: Vec<usize> =
                order.iter().filter(|it| runs(it, &starts)).copied().collect();
            let may_start = |job: &usize| {
                let others = |more: Option<usize>| {
                    let with = running.iter().copied().chain(more);
                    let limit = |it: usize| starts[it].unwrap_or(now) + jobs[it].walltime;
                    with.map(|it| (limit(it), jobs[it].nodes)).collect::<Vec<_>>()
                };
                let free = |taken: &[(u64, u32)], at: u64| {
                    let held: u32 = taken.iter().filter(|it| it.0 > at).map(|it| it.1).sum();
                    nodes.checked_sub(held)
                };
                let used: u32 = running.iter().map(|it| jobs[*it].nodes).sum();
                if used + jobs[*job].nodes > nodes {
                    return false;
                }
                let head = waiting[0];
                let first = |taken: &[(u64, u32)]| {
                    let mut times: Vec<_> = taken.iter().map(|it| it.0).chain([now]).collect();
                    times.sort_unstable();
                    let fits = |at: &u64| free(taken, *at).is_some_and(|it| it >= jobs[head].nodes);
                    times.into_iter().find(fits).expect("all end")
                };
                match policy {
                    "first-fit" => true,
                    "fcfs" => *job == head,
                    _ => *job == head || first(&others(Some(*job))) <= first(&others(None)),
                }
            };
            let Some(next) = waiting.iter().copied().find(may_start) else { break };
            starts[next] = Some(now);
        }
        let ends = (0..jobs.len()).filter_map(|it| Some(starts[it]? + jobs[it].work));
        let next = ends.chain(jobs.iter().map(|job| job.submit)).filter(|at| *at > now).min();
        now = next.unwrap_or(now);
    }
    starts.into_iter().map(|start| start.expect("all have started") as f64).collect()
}

fn some_job(nodes: u32, draw: &mut Draw) -> Own {
    let work = 1 + draw.below(40);
    let walltime = work + draw.below(3) * draw.below(20);
    Own { submit: draw.below(120), nodes: 1 + draw.below(u64::from(nodes)) as u32, work, walltime }
}

/// 150 lists of up to 25 jobs, with many events of the same instant.
#[test]
fn each_policy_starts_jobs_when_its_slow_twin_does() {
    for seed in 1..=50 {
        let stream = Stream::new(seed, "queue");
        let mut draw = stream.draw(0, 0);
        let nodes = 1 + draw.below(12) as u32;
        let count = 2 + draw.below(24);
        let jobs: Vec<_> = (0..count).map(|_| some_job(nodes, &mut draw)).collect();
        for policy in ["first-fit", "fcfs", "easy"] {
            let found = starts(&play(nodes, policy, &jobs));
            assert_eq!(found, twin(nodes, policy, &jobs), "seed {seed}, {policy}: {jobs:?}");
        }
    }
}

/// Mean wait and share of waiting jobs of M/M/c by Erlang's C formula, of `servers` servers with an
/// offered load of `load` of them and a mean service time.
pub(crate) fn erlang_c(servers: u32, load: f64, service: f64) -> (f64, f64) {
    let term = |k: u32| (1..=k).fold(1.0, |term, k| term * load / f64::from(k));
    let idle = f64::from(servers) - load;
    let last = term(servers) * f64::from(servers) / idle;
    let waits = last / ((0..servers).map(term).sum::<f64>() + last);
    (waits * service / idle, waits)
}

/// Independent runs of a statistical test.
pub(crate) const RUNS: u64 = 16;

/// The mean of a value of each of so many runs, and half the width of its interval of 99 %, by
/// Student's t of 15 degrees of freedom.
pub(crate) fn interval(values: &[f64]) -> (f64, f64) {
    const T: f64 = 2.947;
    assert_eq!(values.len() as u64, RUNS);
    let mean = values.iter().sum::<f64>() / RUNS as f64;
    let square = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>();
    (mean, T * (square / (RUNS * (RUNS - 1)) as f64).sqrt())
}

#[test]
fn erlangs_c_formula_is_right_where_it_is_known() {
    // M/M/1: rho / (1 - rho) of a service time, and rho. Two servers: C = 2 rho^2 / (1 + rho).
    let (wait, waits) = erlang_c(1, 0.5, 10.0);
    assert!((wait - 10.0).abs() < 1e-12 && (waits - 0.5).abs() < 1e-12);
    let (_, waits) = erlang_c(2, 1.0, 10.0);
    assert!((waits - 1.0 / 3.0).abs() < 1e-12);
}

/// Jobs of one node that arrive and compute for exponential times, on four nodes of which 0.8 are
/// needed: M/M/4. 16 runs of 2,500 jobs, of which the first 500 find the queue too short and do not
/// count; 99 % by Student's t of 15 degrees of freedom.
#[test]
fn jobs_of_one_node_wait_as_long_as_erlang_says() {
    let (servers, load, service) = (4, 3.2, 100.0);
    let stream = Stream::new(1, "m/m/c");
    let folder = tempfile::tempdir().expect("a folder");
    let mut means = Vec::new();
    for run in 0..RUNS {
        let mut draw = stream.draw(run, 0);
        let mut exponential = |mean: f64| -mean * libm::log(draw.unit());
        let (mut submit, mut list) = (0.0, "name,submit,nodes,work,walltime\n".to_owned());
        for name in 0..2_500 {
            submit += exponential(service / load);
            let _ = writeln!(list, "{name},{submit:.9},1,{:.9},", exponential(service).max(1e-9));
        }
        let (jobs, path) = (folder.path().join("jobs.csv"), folder.path().join("m.toml"));
        std::fs::write(jobs, list).expect("written");
        let queue = "[queue]\npolicy = \"fcfs\"\nfile = \"jobs.csv\"\n";
        std::fs::write(&path, machine(servers, queue)).expect("written");
        let played = play_file(&path, None, &[]);
        let counted = &played.findings.jobs[500..];
        let of = |value: &dyn Fn(&JobFinding) -> f64| {
            counted.iter().map(value).sum::<f64>() / counted.len() as f64
        };
        means.push([
            of(&|job| job.queue_wait_s),
            of(&|job| f64::from(u8::from(job.queue_wait_s > 0.0))),
        ]);
    }
    let (wait, waits) = erlang_c(servers, load, service);
    for (number, wanted) in [wait, waits].into_iter().enumerate() {
        let (mean, half) = interval(&means.iter().map(|run| run[number]).collect::<Vec<_>>());
        assert!((mean - wanted).abs() < half, "{mean} +- {half}, not {wanted}");
        assert!(half < wanted / 4.0, "{half} says nothing of {wanted}");
    }
}

/// The jobs of a file are those of the list that it stands for.
#[test]
fn jobs_of_a_file_are_jobs_of_the_list() {
    let folder = tempfile::tempdir().expect("a folder");
    let swf = "; MaxProcs: 8\n\
        1  0 -1  60  8 -1 -1  8  90 -1 1 1 1 1 1 1 -1 -1\n\
        2 10 -1 100  3 -1 -1 -1  -1 -1 1 1 1 1 1 1 -1 -1\n\
        3 20 -1  -1  1 -1 -1  1  50 -1 5 1 1 1 1 1 -1 -1\n";
    let csv = "name,submit,nodes,work,walltime,step\n1,0,4,60,90,\n2,10 s,2,1 min 40 s,,\n";
    std::fs::write(folder.path().join("jobs.swf"), swf).expect("written");
    std::fs::write(folder.path().join("jobs.csv"), csv).expect("written");
    let common = "[queue.job]\nstep = \"80 s\"\nwalltime = \"1 h\"\nsize = \"1 MB\"\n\
                  interval = \"30 s\"\n";
    let plan = |queue: &str, jobs: &str| {
        let path = folder.path().join("m.toml");
        std::fs::write(&path, machine(4, &format!("{queue}{jobs}"))).expect("written");
        plan_of_file(&path, None, &[])
    };
    let listed = |(name, submit, nodes): (u32, u64, u32), work: u64, step: u64, walltime: u64| {
        format!(
            "[[job]]\nname = \"{name}\"\nsubmit = \"{submit} s\"\nnodes = {nodes}\n\
             work = \"{work} s\"\nstep = \"{step} s\"\nwalltime = \"{walltime} s\"\n\
             size = \"1 MB\"\ninterval = \"30 s\"\n"
        )
    };
    let policy = "[queue]\npolicy = \"easy\"\n";
    let jobs = listed((1, 0, 4), 60, 60, 90) + &listed((2, 10, 2), 100, 80, 3_600);
    let wanted = plan(policy, &jobs).digest();
    let swf = format!("{policy}file = \"jobs.swf\"\nprocessors = 2\nunusable = 1\n{common}");
    assert_eq!(plan(&swf, "").digest(), wanted);
    assert_eq!(plan(&format!("{policy}file = \"jobs.csv\"\n{common}"), "").digest(), wanted);
    let first = plan(&swf, "").scenario.jobs.len();
    assert_eq!(first, 2, "the third was cancelled before it ran");
}

/// The scenarios that show EASY, failures, repairs and checkpoints of fixed cost, with a list of
/// jobs and with a law of them.
#[test]
fn the_queue_of_ten_thousand_jobs_has_its_golden_fingerprint() {
    let mut found = String::new();
    for (name, demands) in [("cluster_queue", 4), ("cluster_queue_law", 4)] {
        let file = root().join(format!("scenarios/study/{name}.toml"));
        let plan = plan_of_file(&file, None, &[]);
        let outcome = Run::new(&plan, &Model).fingerprint().play().expect("nobody stops the play");
        let _ = writeln!(found, "{} {name}", outcome.fingerprint.expect("it was asked for"));
        assert_eq!(outcome.verdicts.len(), demands);
        assert!(outcome.verdicts.iter().all(Verdict::is_met), "{:?}", outcome.verdicts);
    }
    let golden = root().join("tests/it/golden/queue.txt");
    if update() {
        std::fs::write(&golden, &found).expect("the golden file can be written");
    }
    assert_eq!(std::fs::read_to_string(&golden).unwrap_or_default(), found);
}
