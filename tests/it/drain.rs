//! Checkpoints written while the job computes: Vaidya's overhead and latency, and what arrives.

use rackstorm::analysis::forecast;
use rackstorm::backend::Backend;
use rackstorm::backend::model::Model;
use rackstorm::backend::turmoil::Turmoil;
use rackstorm::event::{CheckpointAct, Event, JobPhase, What};
use rackstorm::theory::vaidya::Latent;

use crate::theatre::{Played, measure_text, plan_of, play_on};

/// Half the width of a normal law's 99 % interval, in standard deviations.
const NINETY_NINE: f64 = 2.576;

/// A node that fails once in 10 000 s and is back at once. Recovery takes 300 s; a checkpoint after
/// each 1 500 s of computing stops it for 100 s and is complete after 1 000 s.
const MTBF: f64 = 10_000.0;
const STEP: f64 = 1_500.0;
const WRITE: f64 = 100.0;
const LATENCY: f64 = 1_000.0;
const RECOVERY: f64 = 300.0;

fn latent(periods: u64, slowdown: f64) -> String {
    format!(
        "schema = 1\ntitle = \"Vaidya\"\ninherit = \"edge_rack_24\"\n[module]\nnodes = 1\n\
         spares = 0\npacks = [1]\nswitches = 1\n[[module.psu]]\npacks = [1]\nswitches = [1]\n\
         limit = \"1 kW\"\nrestart = \"5 s\"\n[boot]\nmethod = \"instant\"\n\
         [controller]\ndetect = \"0 s\"\n[record]\nsample = \"1 y\"\n[stop]\nat = \"400 y\"\n\
         [[fault.crash]]\non = \"node\"\nrepair = \"0 s\"\n\
         lifetime = {{ exponential = {{ mean = \"{MTBF} s\" }} }}\n\
         [workload.bulk-synchronous]\nstep = \"{STEP} s\"\nwork = \"{} s\"\n\
         [checkpoint.multilevel]\ninterval = \"{STEP} s\"\n[[checkpoint.multilevel.level]]\n\
         cost = {{ write = \"{WRITE} s\", read = \"{RECOVERY} s\", latency = \"{LATENCY} s\" }}\n\
         slowdown = {slowdown:?}\n",
        STEP * periods as f64
    )
}

/// Expected time of a job of so many periods: Vaidya's for each but the first, before which nothing
/// is under way, and the last, which writes nothing.
fn expected(periods: u64, slowdown: f64) -> f64 {
    let hidden = LATENCY - WRITE;
    let overhead = WRITE + hidden * (1.0 - 1.0 / slowdown);
    let latent = Latent { overhead, latency: LATENCY, recovery: RECOVERY };
    // From a point where `first` is left, until all of it or, after a failure, `again` is done.
    let until = |first: f64, again: f64| {
        -MTBF * libm::expm1(-first / MTBF) * libm::exp((RECOVERY + again) / MTBF)
    };
    let first = until(STEP + LATENCY, STEP + LATENCY);
    let last = until(STEP - hidden / slowdown, STEP);
    first + (periods - 2) as f64 * latent.period(STEP, MTBF) + last
}

/// The reference is recalled from Vaidya 1997; the same argument with the ends of the job derives
/// it anew.
#[test]
fn a_run_takes_as_long_as_vaidya_says_for_its_overhead_and_latency() {
    for slowdown in [1.0, 1.25] {
        let (seeds, periods) = (40_u64, 3_000);
        let run = |seed| measure_text(&latent(periods, slowdown), Some(seed)).metric("makespan");
        let runs: Vec<f64> = (0..seeds).map(run).collect();
        let n = seeds as f64;
        let mean = runs.iter().sum::<f64>() / n;
        let variance = runs.iter().map(|run| (run - mean) * (run - mean)).sum::<f64>() / (n - 1.0);
        let half_width = NINETY_NINE * (variance / n).sqrt();
        let exact = expected(periods, slowdown);
        assert!(half_width < 0.005 * exact, "{half_width} of {exact}");
        assert!((mean - exact).abs() <= half_width, "{mean} +- {half_width}, exact {exact}");
    }
}

#[test]
fn theory_tells_vaidyas_time_before_the_run_and_an_interval_that_forgets_the_latency() {
    let forecast = forecast::of(&plan_of(&latent(1_000, 1.25))).expect("a closed form applies");
    let own = &forecast.own[0];
    let makespan = own.makespan.expect("it ends");
    assert!((makespan / expected(1_000, 1.25) - 1.0).abs() < 0.001, "{own:?}");
    assert_eq!(own.outside, "");
    let other = latent(1_000, 1.0).replace("latency = \"1000 s\"", "latency = \"700 s\"");
    let best = |text: &str| forecast::of(&plan_of(text)).expect("a closed form applies").best;
    let (one, other) = (best(&latent(1_000, 1.0)), best(&other));
    assert_eq!(one[0].work.to_bits(), other[0].work.to_bits());
    assert!(one[0].makespan > other[0].makespan, "but the latency costs");
}

/// Four nodes and spares; each minute of computing a checkpoint in memory or on cards, each third
/// of them drained to the server.
fn job(to: &str, rest: &str) -> String {
    format!(
        "inherit = \"edge_rack_24\"\n[boot]\nmethod = \"instant\"\n[module]\nspares = 20\n\
         [workload.bulk-synchronous]\nstep = \"10 s\"\nwork = \"10 min\"\n\
         [checkpoint.multilevel]\ninterval = \"1 min\"\n\
         [[checkpoint.multilevel.level]]\nto = \"{to}\"\nsize = \"112 MB\"\n\
         [[checkpoint.multilevel.level]]\nto = \"file-server\"\nsize = \"112 MB\"\nevery = 3\n\
         drain = true\n{rest}\n[stop]\nat = \"3 h\"\n"
    )
}

fn crash(node: u32, at: &str) -> String {
    format!("\n[[fault.crash]]\non = \"pi{node:02}\"\nat = \"{at}\"\nrepair = \"20 min\"\n")
}

/// The acts of the run: time (s), number, step.
fn acts(played: &Played, wanted: CheckpointAct) -> Vec<(f64, u64, u64)> {
    let of = |event: &Event| match event.what {
        What::Checkpoint { number, act, step, .. } if act == wanted => {
            Some((event.at.0 as f64 / 1e9, number, step))
        }
        _ => None,
    };
    played.events.iter().filter_map(of).collect()
}

/// The steps that the job had after each restart.
fn resumed(played: &Played) -> Vec<u64> {
    let (mut restarts, mut steps) = (false, Vec::new());
    for event in &played.events {
        match event.what {
            What::JobPhase { phase, .. } => restarts |= phase == JobPhase::Restart,
            What::StepDone { step, .. } if restarts => {
                steps.push(step - 1);
                restarts = false;
            }
            _ => {}
        }
    }
    steps
}

/// 112 MB from each of four nodes behind 94.1 Mbit/s take 9.5 s.
#[test]
fn the_copy_is_committed_when_its_last_byte_has_arrived_and_not_before() {
    let played = play_on(&Model, &plan_of(&job("memory", "slowdown = 1.5")));
    let (begun, committed) =
        (acts(&played, CheckpointAct::Begin), acts(&played, CheckpointAct::Commit));
    let of = |all: &[(f64, u64, u64)], number: u64| {
        *all.iter().find(|(_, it, _)| *it == number).expect("it is there")
    };
    // Memory 1 and 2, then 4, whose copy is 3.
    let ((from, _, step), (to, _, copied)) = (of(&begun, 3), of(&committed, 3));
    assert_eq!((step, copied, of(&committed, 4).2), (18, 18, 18));
    let span = to - from;
    assert!((span - 112e6 * 8.0 / 94.1e6).abs() < 0.1, "{span} s");
    // The step of 10 s that began then takes half as long again for the 9.5 s: 3.2 s more.
    let mut steps = played.events.iter().filter_map(|event| match event.what {
        What::StepDone { step, .. } => Some((step, event.at.0 as f64 / 1e9)),
        _ => None,
    });
    let done = steps.find(|(step, _)| *step == 19).expect("it is done").1;
    assert!((done - from - 10.0 - span / 3.0).abs() < 1e-6, "{} s", done - from);
}

/// Memory 1, 2 and 4 at 6, 12 and 18 steps; the copy 3 drains from 180 s on for 9.5 s.
#[test]
fn a_failure_while_it_drains_abandons_the_copy_and_one_later_reads_it() {
    let early = play_on(&Model, &plan_of(&(job("memory", "") + &crash(2, "185 s"))));
    assert!(acts(&early, CheckpointAct::Abandon).iter().any(|(_, number, _)| *number == 3));
    assert_eq!(resumed(&early), Vec::<u64>::new(), "memory is lost and the server has nothing");
    let late = play_on(&Model, &plan_of(&(job("memory", "") + &crash(2, "230 s"))));
    assert_eq!(resumed(&late), [18]);
    let lost: Vec<_> =
        acts(&late, CheckpointAct::Lose).iter().map(|(_, number, _)| *number).collect();
    assert_eq!(lost, [4], "the one in memory that was copied");
    let cards = play_on(&Model, &plan_of(&(job("partner", "") + &crash(2, "280 s"))));
    assert_eq!(resumed(&cards), [18]);
    assert_eq!(acts(&cards, CheckpointAct::Lose), [], "the partner's copy is read first");
}

/// The server takes 2 MB/s: 224 s for a copy, while one is due each 60 s. So the newest waits.
#[test]
fn a_slow_server_gets_the_newest_after_each_one_that_has_arrived() {
    let text = job("memory", "").replace("every = 3", "every = 1");
    let text = text + "[server]\ndisk = \"2 MB/s\"\n";
    let played = play_on(&Model, &plan_of(&text));
    let copies = |act| -> Vec<u64> {
        let all = acts(&played, act);
        all.iter().filter(|(_, number, _)| number % 2 == 1).map(|(_, number, _)| *number).collect()
    };
    assert_eq!(copies(CheckpointAct::Commit), [1, 7]);
    let gone = copies(CheckpointAct::Abandon);
    assert!(gone.starts_with(&[3, 5]), "{gone:?}");
}

#[test]
fn the_fleet_refuses_to_drain_and_theory_says_that_it_knows_no_formula() {
    let plan = plan_of(&job("card", ""));
    let reasons = Turmoil.cannot(&plan);
    assert!(reasons.len() == 1 && reasons[0].contains("level 2"), "{reasons:?}");
    assert!(forecast::of(&plan).is_err());
}
