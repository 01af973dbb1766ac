//! Several jobs at one file server: exact times of each order, and what the orders waste.

use std::fmt::Write;

use rackstorm::event::{CheckpointAct, JobPhase, What};
use rackstorm::ids::JobId;
use rackstorm::theory::shared_io::{Class, Platform, load};

use crate::harness::{Played, measure_text, plan_of, play_text};

/// Half the width of a normal law's 99 % interval, in standard deviations.
const NINETY_NINE: f64 = 2.576;

/// So many nodes, of which none is a spare; only the disk, of 1 GB/s, is narrow.
pub(crate) fn machine(nodes: u32, rest: &str) -> String {
    format!(
        r#"
schema = 1
title = "jobs at one file server"
[cluster]
hardware = "pi_3b"
[hardware]
link = "100 Gbit/s"
[module]
nodes = {nodes}
spares = 0
packs = [{nodes}]
switches = 1
uplink = "1 Tbit/s"
psu = [{{ packs = [1], switches = [1], limit = "100 kW", restart = "10 s" }}]
[boot]
method = "instant"
[controller]
detect = "0 s"
settle = "0 s"
[record]
sample = "1 y"
[stop]
when = "workload done"
at = "90 y"
{rest}
"#
    )
}

fn server(order: &str) -> String {
    format!(
        "[server]\nlink = \"1 Tbit/s\"\ndisk = \"1 GB/s\"\ndisk_request = \"0 s\"\n\
         order = \"{order}\"\n"
    )
}

/// A job that computes 40 s in steps of 10 s, with a checkpoint of 10 s after 20 s.
fn short(name: &str) -> String {
    format!(
        "[[job]]\nname = \"{name}\"\nnodes = 4\nstep = \"10 s\"\nwork = \"40 s\"\n\
         size = \"2.5 GB\"\ninterval = \"20 s\"\n"
    )
}

/// Two of them.
fn two(order: &str) -> Played {
    play_text(&machine(8, &format!("{}{}{}", server(order), short("a"), short("b"))), None)
}

/// When each of two jobs emitted something (s).
fn times(played: &Played, of: impl Fn(What) -> Option<JobId>) -> [Vec<f64>; 2] {
    let mut times = [Vec::new(), Vec::new()];
    for event in &played.events {
        if let Some(JobId(job)) = of(event.what) {
            times[usize::from(job)].push(event.at.as_secs_f64());
        }
    }
    times
}

fn commits(played: &Played) -> [Vec<f64>; 2] {
    times(played, |what| match what {
        What::Checkpoint { job, act: CheckpointAct::Commit, .. } => Some(job),
        _ => None,
    })
}

fn ends(played: &Played) -> [Vec<f64>; 2] {
    times(played, |what| match what {
        What::JobPhase { job, phase: JobPhase::Done, .. } => Some(job),
        _ => None,
    })
}

#[test]
fn uncontrolled_checkpoints_share_the_disk() {
    let played = two("uncontrolled");
    assert_eq!(commits(&played), [[40.0], [40.0]]);
    assert_eq!(ends(&played), [[60.0], [60.0]]);
}

#[test]
fn under_blocking_fcfs_the_second_job_idles_for_the_checkpoint_of_the_first() {
    let played = two("blocking-fcfs");
    assert_eq!(commits(&played), [[30.0], [40.0]]);
    assert_eq!(ends(&played), [[50.0], [60.0]]);
}

/// The second one computes its third step meanwhile, and has only one left.
#[test]
fn under_ordered_fcfs_the_second_job_works_on_and_writes_what_it_has_then() {
    for order in ["ordered-fcfs", "least-waste"] {
        let played = two(order);
        assert_eq!(commits(&played), [[30.0], [40.0]]);
        assert_eq!(ends(&played), [[50.0], [50.0]]);
        let steps = played.events.iter().filter_map(|event| match event.what {
            What::Checkpoint { act: CheckpointAct::Commit, step, .. } => Some(step),
            _ => None,
        });
        assert_eq!(steps.collect::<Vec<_>>(), [2, 3]);
    }
}

#[test]
fn without_checkpoints_nobody_waits() {
    let played = two("none");
    assert_eq!(commits(&played), [[0.0; 0], [0.0; 0]]);
    assert_eq!(ends(&played), [[40.0], [40.0]]);
}

/// Three jobs are to write at 60 s, for 10, 30 and 10 s; nothing ever fails, but it might. While
/// the first one writes, the others wait: a turn of the short one puts off 10 s what would lose
/// 10 + 35 s, one of the long one 30 s what would lose 10 + 25 s.
#[test]
fn the_least_waste_lets_a_short_checkpoint_go_before_a_long_one() {
    let job = |name, size| {
        format!(
            "[[job]]\nname = \"{name}\"\nnodes = 4\nstep = \"10 s\"\nwork = \"200 s\"\n\
             size = \"{size} GB\"\ninterval = \"60 s\"\n"
        )
    };
    let crashes = CRASHES.replace("4 d", "500 y");
    let jobs = format!("{crashes}{}{}{}", job("a", 2.5), job("b", 7.5), job("c", 2.5));
    for (order, wanted) in [
        ("blocking-fcfs", [(0, 70.0), (1, 100.0), (2, 110.0)]),
        ("ordered-fcfs", [(0, 70.0), (1, 100.0), (2, 110.0)]),
        ("least-waste", [(0, 70.0), (2, 80.0), (1, 110.0)]),
    ] {
        let played = play_text(&machine(12, &format!("{}{jobs}", server(order))), None);
        let commits = played.events.iter().filter_map(|event| match event.what {
            What::Checkpoint { job: JobId(job), number: 1, act: CheckpointAct::Commit, .. } => {
                Some((job, event.at.as_secs_f64()))
            }
            _ => None,
        });
        assert_eq!(commits.collect::<Vec<_>>(), wanted, "{order}");
    }
}

const CRASHES: &str = "[[fault.crash]]\non = \"node\"\nrepair = \"30 s\"\n\
                       lifetime = { exponential = { mean = \"4 d\" } }\n";

#[test]
fn a_job_alone_is_the_run_without_other_jobs() {
    let what = "step = \"60 s\"\nwork = \"10 d\"\n";
    let checkpoint = "size = \"25 GB\"\ninterval = \"daly\"\n";
    let single = format!(
        "[workload.bulk-synchronous]\n{what}[checkpoint.coordinated]\n{checkpoint}\
         {CRASHES}[server]\nlink = \"1 Tbit/s\"\ndisk = \"1 GB/s\"\ndisk_request = \"0 s\"\n"
    );
    let wanted = play_text(&machine(4, &single), Some(3)).events;
    for order in ["uncontrolled", "blocking-fcfs", "ordered-fcfs", "least-waste"] {
        let job = format!("[[job]]\nname = \"alone\"\nnodes = 4\n{what}{checkpoint}");
        let alone = machine(4, &format!("{}{job}{CRASHES}", server(order)));
        assert_eq!(play_text(&alone, Some(3)).events, wanted, "{order}");
    }
}

/// Jobs of two kinds, as `shared_io` has them.
const CLASSES: [Class; 2] = [
    Class { jobs: 2.0, nodes: 8.0, node_mtbf: 4.0 * 86_400.0, write: 2_000.0 },
    Class { jobs: 8.0, nodes: 4.0, node_mtbf: 4.0 * 86_400.0, write: 4_000.0 },
];
const NODES: u32 = 48;
const PLATFORM: Platform = Platform { nodes: NODES as f64 };

fn crowd(order: &str, interval: &str, work: &str) -> String {
    let mut rest = format!("{}{CRASHES}", server(order));
    for (kind, class) in CLASSES.iter().enumerate() {
        for number in 0..class.jobs as u32 {
            let size = class.write / class.nodes;
            write!(
                rest,
                "[[job]]\nname = \"{kind}-{number}\"\nnodes = {}\nstep = \"5 min\"\n\
                 work = \"{work}\"\nsize = \"{size} GB\"\ninterval = \"{interval}\"\n",
                class.nodes
            )
            .expect("a string takes any text");
        }
    }
    machine(NODES, &rest)
}

#[test]
fn the_cooperative_periods_are_those_of_the_closed_form() {
    let plan = plan_of(&crowd("least-waste", "cooperative", "1 d"));
    let price = PLATFORM.price(&CLASSES);
    assert!(price > 0.0, "the file server does not keep up with Daly's intervals");
    let periods = PLATFORM.periods(&CLASSES, price);
    assert!((load(&CLASSES, &periods) - 1.0).abs() < 1e-9);
    for (number, job) in plan.jobs.iter().enumerate() {
        let wanted = periods[usize::from(number >= 2)];
        let interval = job.interval.expect("it writes checkpoints").as_secs_f64();
        let period = interval + job.checkpoint_cost.as_secs_f64();
        assert!((period / wanted - 1.0).abs() < 1e-6, "{} {period}, not {wanted}", job.name);
    }
}

/// The waste of each of so many seeds.
fn wastes(text: &str, seeds: u64) -> Vec<f64> {
    (0..seeds).map(|seed| measure_text(text, Some(seed)).metric("waste")).collect()
}

/// By how much the first wastes more than the second on the same failures.
fn excess(more: &[f64], less: &[f64]) -> (f64, f64) {
    let differences: Vec<f64> = more.iter().zip(less).map(|(more, less)| more - less).collect();
    interval_of(&differences)
}

/// Daly's intervals ask for 1.52 of the file server. The order of the source's figures: who shares
/// wastes most, who waits idle less, who works on less than that, and the least waste least.
#[test]
fn on_a_saturated_server_the_orders_rank_as_in_their_source() {
    let orders = ["uncontrolled", "blocking-fcfs", "ordered-fcfs", "least-waste"];
    let wastes = orders.map(|order| wastes(&crowd(order, "daly", "30 d"), 12));
    for (place, pair) in wastes.windows(2).enumerate() {
        let (mean, half) = excess(&pair[0], &pair[1]);
        assert!(mean > half, "{} {mean} +- {half}, seeds 0 to 11", orders[place]);
    }
}

#[test]
fn the_least_waste_is_never_more_than_that_of_first_come_first_served() {
    for interval in ["daly", "cooperative", "6 h", "18 h"] {
        let least = wastes(&crowd("least-waste", interval, "20 d"), 10);
        for order in ["blocking-fcfs", "ordered-fcfs"] {
            let (mean, half) = excess(&wastes(&crowd(order, interval, "20 d"), 10), &least);
            assert!(mean > -half, "{interval} {order} {mean} +- {half}, seeds 0 to 9");
        }
    }
}

/// The server is filled to the brim, and the periods are 0.3 to 0.4 of the mean time between
/// failures: even there the first order is met within 6 %.
#[test]
fn cooperative_periods_on_a_full_server_waste_about_what_the_closed_form_says() {
    let periods = PLATFORM.periods(&CLASSES, PLATFORM.price(&CLASSES));
    let wanted = PLATFORM.waste(&CLASSES, &periods);
    let (waste, half) = interval_of(&wastes(&crowd("least-waste", "cooperative", "60 d"), 10));
    assert!((waste / wanted - 1.0).abs() < 0.06, "{waste} +- {half}, not {wanted}");
}

/// Ten jobs whose periods are 0.037 of the mean time between failures, on a server that is busy
/// for a fifth of its time. Steps of 30 s round the computing of a period up.
#[test]
fn where_the_first_order_is_valid_the_waste_is_that_of_the_closed_form() {
    let class = Class { jobs: 10.0, nodes: 4.0, node_mtbf: 4.0 * 86_400.0, write: 60.0 };
    let platform = Platform { nodes: 40.0 };
    let mut rest = format!("{}{}", server("least-waste"), CRASHES.replace("30 s", "1 s"));
    for number in 0..10 {
        write!(
            rest,
            "[[job]]\nname = \"{number}\"\nnodes = 4\nstep = \"30 s\"\nwork = \"120 d\"\n\
             size = \"15 GB\"\ninterval = \"cooperative\"\n"
        )
        .expect("a string takes any text");
    }
    let text = machine(40, &rest);
    let interval = plan_of(&text).jobs[0].interval.expect("it writes checkpoints").as_secs_f64();
    let period = (interval / 30.0).ceil() * 30.0 + class.write;
    assert!(period < 0.04 * 86_400.0 && load(&[class], &[period]) < 0.2);
    let wanted = platform.waste(&[class], &[period]);
    let (waste, half) = interval_of(&wastes(&text, 8));
    assert!((waste / wanted - 1.0).abs() < 0.03, "{waste} +- {half}, not {wanted}");
}

/// The mean of some numbers, and half of the width of its 99 % interval.
fn interval_of(numbers: &[f64]) -> (f64, f64) {
    let count = numbers.len() as f64;
    let mean = numbers.iter().sum::<f64>() / count;
    let squares: f64 = numbers.iter().map(|number| (number - mean) * (number - mean)).sum();
    (mean, NINETY_NINE * (squares / (count - 1.0) / count).sqrt())
}
