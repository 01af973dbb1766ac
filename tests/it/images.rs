//! Increments and compression: what they cost by closed form, and what a restart reads.

use std::fmt::Write as _;

use rackstorm::backend::Backend;
use rackstorm::backend::model::Model;
use rackstorm::backend::turmoil::Turmoil;
use rackstorm::event::{CheckpointAct, JobPhase, Purpose, What};
use rackstorm::forecast;
use rackstorm::ids::JobId;
use rackstorm::theory::Costs;
use rackstorm::theory::compression::Compression;
use rackstorm::theory::incremental::{Chain, best_length};

use crate::harness::{Played, measure_text, plan_of, play_on, play_text};

/// Half the width of a normal law's 99 % interval, in standard deviations.
const NINETY_NINE: f64 = 2.576;

/// One node that fails once in two hours and is back at once; a full checkpoint takes a minute.
fn one_node(work: &str, checkpoint: &str) -> String {
    format!(
        "schema = 1\ntitle = \"increments\"\ninherit = \"edge_rack_24\"\n[module]\nnodes = 1\n\
         spares = 0\npacks = [1]\nswitches = 1\n[[module.psu]]\npacks = [1]\nswitches = [1]\n\
         limit = \"1 kW\"\nrestart = \"5 s\"\n[boot]\nmethod = \"instant\"\n\
         [controller]\ndetect = \"0 s\"\n[record]\nsample = \"1 y\"\n[stop]\nat = \"400 y\"\n\
         [[fault.crash]]\non = \"node\"\nrepair = \"0 s\"\n\
         lifetime = {{ exponential = {{ mean = \"2 h\" }} }}\n\
         [workload.bulk-synchronous]\nstep = \"10 s\"\nwork = \"{work}\"\n\
         [checkpoint.coordinated]\ncost = {{ write = \"60 s\", read = \"60 s\" }}\n{checkpoint}"
    )
}

/// C and R of the forecast are those of the chain; with them the exact expectation is met by runs,
/// although it knows only their means.
#[test]
fn runs_of_increments_waste_what_the_mean_costs_of_their_chain_say() {
    for (share, full_every) in [(0.1, 10), (0.4, 3)] {
        let chain = format!("incremental = {{ share = {share:?}, full_every = {full_every} }}\n");
        let text = one_node("40 d", &format!("interval = \"young\"\n{chain}"));
        let forecast = forecast::of(&plan_of(&text), JobId(0)).expect("a closed form applies");
        let own = Chain { length: f64::from(full_every), share };
        let write = forecast.setting.write.expect("there are checkpoints");
        assert!((write - 60.0 * own.written()).abs() < 1e-6, "{write}");
        assert!((forecast.setting.recovery - 60.0 * own.read()).abs() < 1e-6);
        let note = format!("over chains of {full_every}");
        assert!(forecast.notes.iter().any(|text| text.contains(&note)), "{:?}", forecast.notes);

        let exact = forecast.own.iter().find(|row| row.formula == "exact expectation");
        let expected = 1.0 - exact.and_then(|row| row.efficiency).expect("it is known");
        let run = |seed| 1.0 - measure_text(&text, Some(seed)).metric("efficiency");
        let runs: Vec<f64> = (0..40).map(run).collect();
        let n = runs.len() as f64;
        let mean = runs.iter().sum::<f64>() / n;
        let variance = runs.iter().map(|run| (run - mean) * (run - mean)).sum::<f64>() / (n - 1.0);
        let half_width = NINETY_NINE * (variance / n).sqrt();
        assert!(half_width < 0.03 * expected, "{half_width} of {expected}");
        assert!((mean - expected).abs() <= half_width, "{mean} +- {half_width}, not {expected}");
    }
}

#[test]
fn a_chain_of_the_best_length_wastes_less_than_one_much_shorter_or_longer() {
    let waste = |full_every: u32| {
        let chain = format!("incremental = {{ share = 0.1, full_every = {full_every} }}\n");
        let text = one_node("40 d", &format!("interval = \"young\"\n{chain}"));
        let runs = (0..20).map(|seed| 1.0 - measure_text(&text, Some(seed)).metric("efficiency"));
        runs.sum::<f64>() / 20.0
    };
    let text = one_node("1 d", "incremental = { share = 0.1, full_every = 2 }\n");
    let forecast = forecast::of(&plan_of(&text), JobId(0)).expect("a closed form applies");
    let costs = Costs { write: 60.0, recovery: 60.0, downtime: 0.0 };
    let length = best_length(0.1, costs, 7_200.0);
    let reported = format!("chains of {length} waste least");
    assert!(forecast.notes.iter().any(|note| note.contains(&reported)), "{:?}", forecast.notes);
    let best = waste(length);
    assert!(best < waste(1) && best < waste(10 * length), "chains of {length}: {best}");
}

/// Each restart takes as long as the full checkpoint and its increments that were committed, each
/// checkpoint as long as what it is, tried again as that if a failure cut it short; and no failure
/// costs more than what was done since the last commit.
#[test]
fn a_restart_reads_one_whole_chain_and_nothing_that_was_not_complete() {
    let (share, full_every) = (0.5, 4_u64);
    let text =
        one_node("20 d", "interval = \"10 min\"\nincremental = { share = 0.5, full_every = 4 }\n");
    let played = play_text(&text, Some(1));
    let seconds = |share: f64| (60e9 * share) as u64;
    // Committed checkpoints of the chain, and when the last phase and the last safe state began.
    let (mut images, mut since, mut safe) = (0, 0, 0);
    let (mut phase, mut longest, mut abandoned, mut increments) = (JobPhase::Waiting, 0, 0, 0);
    for event in &played.events {
        let passed = event.at.0 - since;
        match event.what {
            What::Checkpoint { act: CheckpointAct::Commit, .. } => {
                let full = images % full_every == 0;
                assert_eq!(passed, seconds(if full { 1.0 } else { share }), "at {}", event.at);
                images = images % full_every + 1;
                increments += u64::from(!full);
                safe = event.at.0;
            }
            What::Checkpoint { act: CheckpointAct::Abandon, .. } => abandoned += 1,
            What::WorkLost { lost, .. } => assert!(lost.0 <= event.at.0 - safe),
            What::JobPhase { phase: next, cause, .. } => {
                if phase == JobPhase::Restart && next != JobPhase::Waiting {
                    let read = 1.0 + images.saturating_sub(1) as f64 * share;
                    assert_eq!(passed, seconds(read), "{images} images, {cause:?}");
                    longest = longest.max(images);
                    safe = event.at.0;
                }
                (phase, since) = (next, event.at.0);
            }
            _ => {}
        }
    }
    assert_eq!(longest, full_every, "some restart read a whole chain");
    assert!(abandoned > 0 && increments > 100, "{abandoned} abandoned, {increments} increments");
}

/// 20 nodes at one server, without failures but for one at a given time.
fn rack(faults: &str, checkpoint: &str) -> String {
    let mut text = "schema = 1\ntitle = \"images\"\ninherit = \"edge_rack_24\"\n[module]\n\
                    spares = 2\n[boot]\nmethod = \"instant\"\n[record]\nsample = \"1 d\"\n\
                    [workload.bulk-synchronous]\nnodes = 20\nstep = \"30 s\"\nwork = \"20 min\"\n\
                    [stop]\nat = \"1 d\"\n"
        .to_owned();
    write!(text, "{faults}[checkpoint.coordinated]\nsize = \"500 MB\"\ninterval = \"5 min\"\n")
        .expect("a string takes any text");
    text + checkpoint
}

const PACKED: &str =
    "compression = { ratio = 2.5, compress = \"40 MB/s\", decompress = \"120 MB/s\" }";

const CRASH: &str = "[[fault.crash]]\non = \"pi[3]\"\nat = \"14 min\"\nrepair = \"power-cycle\"\n";

fn bytes(played: &Played, wanted: Purpose) -> u64 {
    let moved = |what: &What| match *what {
        What::Transfer { purpose, received, .. } if purpose == wanted => received.0,
        _ => 0,
    };
    played.events.iter().map(|event| moved(&event.what)).sum()
}

/// How long each committed checkpoint took, and each restart (s).
fn times(played: &Played, wanted: JobPhase) -> Vec<f64> {
    let (mut since, mut times) = (None, Vec::new());
    for event in &played.events {
        let What::JobPhase { phase, .. } = event.what else { continue };
        times.extend(since.take().map(|since| event.at.since(since).as_secs_f64()));
        since = (phase == wanted).then_some(event.at);
    }
    times
}

/// With q = 2.5, c = 40 MB/s and what a node gets of the server: S / c + S / (q b).
#[test]
fn a_compressed_checkpoint_takes_the_time_of_its_formula_and_moves_less() {
    let plain = play_text(&rack(CRASH, ""), None);
    let (ratio, compress, decompress) = (2.5, 40e6, 120e6);
    let packed = play_text(&rack(CRASH, PACKED), None);
    for (phase, purpose, rate) in [
        (JobPhase::Checkpoint, Purpose::Checkpoint, compress),
        (JobPhase::Restart, Purpose::Restart, decompress),
    ] {
        let (whole, less) = (times(&plain, phase)[0], times(&packed, phase)[0]);
        let bandwidth = 500e6 / whole;
        let wanted = Compression { ratio, rate }.time(500e6, bandwidth);
        assert!((less / wanted - 1.0).abs() < 1e-3, "{less} s, not {wanted} s");
        assert!(less < whole, "a node gets {bandwidth} B/s");
        let moved = |played: &Played| bytes(played, purpose) / times(played, phase).len() as u64;
        assert_eq!(moved(&packed) * 5 / 2, moved(&plain));
    }
}

/// A node gets b of the server: compression pays if c (1 - 1/q) is more, and costs if it is less.
#[test]
fn compression_pays_where_the_formula_says() {
    let whole = times(&play_text(&rack("", ""), None), JobPhase::Checkpoint)[0];
    for (factor, pays) in [(1.2, true), (0.8, false)] {
        let rate = factor * 500e6 / whole / (1.0 - 1.0 / 2.0);
        let rates = format!("compress = \"{rate:.0} B/s\", decompress = \"1 GB/s\"");
        let text = rack("", &format!("compression = {{ ratio = 2.0, {rates} }}"));
        let time = times(&play_text(&text, None), JobPhase::Checkpoint)[0];
        assert_eq!(time < whole, pays, "{time} s, and {whole} s without");
    }
}

#[test]
fn compressed_increments_move_the_share_over_the_ratio() {
    let plain = play_text(&rack("", ""), None);
    let table = "incremental = { share = 0.2, full_every = 3 }\n\
                 compression = { ratio = 2.0, compress = \"40 MB/s\", decompress = \"1 GB/s\" }";
    let played = play_text(&rack("", table), None);
    let found = times(&played, JobPhase::Checkpoint);
    let full = times(&plain, JobPhase::Checkpoint)[0] / 2.0 + 500.0 / 40.0;
    for (time, share) in found.iter().zip([1.0, 0.2, 0.2]) {
        assert!((time / (full * share) - 1.0).abs() < 1e-3, "{found:?}, a full one {full} s");
    }
}

#[test]
fn images_on_nodes_and_of_levels_are_compressed_as_well() {
    let time = |to: &str, table: &str| {
        let text = rack("", &format!("to = \"{to}\"\n{table}"));
        times(&play_text(&text, None), JobPhase::Checkpoint)[0]
    };
    let table = "compression = { ratio = 2.0, compress = \"40 MB/s\", decompress = \"1 GB/s\" }";
    for to in ["card", "partner"] {
        let wanted = time(to, "") / 2.0 + 500.0 / 40.0;
        assert!((time(to, table) / wanted - 1.0).abs() < 1e-6, "{to}");
    }
    let level = "[[checkpoint.multilevel.level]]\nto = \"file-server\"\nsize = \"500 MB\"\n";
    let levels = rack("", "").replace("size = \"500 MB\"\n", "");
    let levels = levels.replace("coordinated", "multilevel") + table + "\n" + level;
    let played = play_text(&levels, None);
    let found = times(&played, JobPhase::Checkpoint)[0];
    let wanted = time("file-server", table);
    assert!((found / wanted - 1.0).abs() < 1e-9, "{found} s and {wanted} s");
}

/// The agents declare what is left, and take the time to compress it before and after.
#[test]
fn the_fleet_compresses_as_the_model_does_and_refuses_increments() {
    let plan = plan_of(&rack(CRASH, PACKED));
    let [model, fleet] =
        [&Model as &dyn Backend, &Turmoil].map(|stage: &dyn Backend| play_on(stage, &plan));
    for phase in [JobPhase::Checkpoint, JobPhase::Restart] {
        let [model, fleet] = [&model, &fleet].map(|played| times(played, phase));
        assert_eq!(model.len(), fleet.len());
        for (model, fleet) in model.into_iter().zip(fleet) {
            assert!((fleet - model).abs() < 0.5, "{phase:?}: {fleet} s, the model {model} s");
        }
    }
    for purpose in [Purpose::Checkpoint, Purpose::Restart] {
        assert_eq!(bytes(&model, purpose), bytes(&fleet, purpose));
    }
    let refused = plan_of(&rack("", "incremental = { share = 0.2, full_every = 5 }\n"));
    let reasons = Turmoil.cannot(&refused);
    assert!(reasons.len() == 1 && reasons[0].contains("`incremental`"), "{reasons:?}");
}
