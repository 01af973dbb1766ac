//! Checkpoints of several levels: published and closed forms by simulation, and what survives.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use rackstorm::backend::Backend;
use rackstorm::backend::model::Model;
use rackstorm::backend::turmoil::Turmoil;
use rackstorm::event::{CheckpointAct, EndReason, Event, JobPhase, Sink, Stop, What};
use rackstorm::experiment::Run;
use rackstorm::fleet::ports::Notice;
use rackstorm::forecast;
use rackstorm::ids::{JobId, NodeId};
use rackstorm::rng::Stream;
use rackstorm::theory::scr::{Level, Pattern};
use rackstorm::theory::{buddy, multilevel};

use crate::harness::{Played, plan_of, play_on, play_text};

/// Half the width of a normal law's 99 % interval, in standard deviations.
const NINETY_NINE: f64 = 2.576;

/// One node that never boots, with what a test adds.
fn one_node(title: &str) -> String {
    format!(
        "schema = 1\ntitle = \"{title}\"\ninherit = \"edge_rack_24\"\n[module]\nnodes = 1\n\
         spares = 0\npacks = [1]\nswitches = 1\n[[module.psu]]\npacks = [1]\nswitches = [1]\n\
         limit = \"1 kW\"\nrestart = \"5 s\"\n[boot]\nmethod = \"instant\"\n\
         [controller]\ndetect = \"0 s\"\n[record]\nsample = \"1 y\"\n[stop]\nat = \"400 y\"\n"
    )
}

/// A machine of SCR's model: rates and costs of its levels, and the pattern.
struct Setting<'a> {
    levels: &'a [(f64, f64)],
    counts: &'a [u32],
    interval: u64,
    escalates: bool,
}

impl Setting<'_> {
    fn exact(&self) -> f64 {
        let level = |&(rate, write): &(f64, f64)| Level { rate, write, recovery: write };
        let levels: Vec<_> = self.levels.iter().map(level).collect();
        let (work, escalates) = (self.interval as f64, self.escalates);
        Pattern { levels: &levels, counts: self.counts, work, escalates }.efficiency()
    }

    /// So many whole patterns. Failures strike always, repair takes no time.
    fn scenario(&self, patterns: u64) -> String {
        let Self { levels, counts, interval, escalates } = self;
        let intervals: u64 = counts.iter().map(|&count| u64::from(count) + 1).product();
        let mut text = one_node("SCR's model");
        write!(
            text,
            "[workload.bulk-synchronous]\nstep = \"{interval} s\"\nwork = \"{} s\"\n\
             [checkpoint.multilevel]\ninterval = \"{interval} s\"\nlast = true\n\
             escalate = {escalates}\n",
            intervals * patterns * interval
        )
        .expect("a string takes any text");
        for (number, (rate, cost)) in levels.iter().enumerate() {
            let every = number.checked_sub(1).map(|below| counts[below] + 1);
            let every = every.map_or_else(String::new, |every| format!("every = {every}\n"));
            write!(
                text,
                "[[checkpoint.multilevel.level]]\n\
                 cost = {{ write = \"{cost} s\", read = \"{cost} s\" }}\n{every}\
                 [[fault.crash]]\non = \"node\"\nseverity = {}\nrepair = \"0 s\"\n\
                 lifetime = {{ exponential = {{ mean = \"{:.3} s\" }} }}\n",
                number + 1,
                1.0 / rate
            )
            .expect("a string takes any text");
        }
        text
    }

    /// Mean efficiency over seeds and the half-width of its 99 % interval.
    fn simulated(&self, seeds: u64, patterns: u64) -> (f64, f64) {
        let text = self.scenario(patterns);
        let run = |seed| play_text(&text, Some(seed)).metric("efficiency");
        let runs: Vec<f64> = (0..seeds).map(run).collect();
        let n = runs.len() as f64;
        let mean = runs.iter().sum::<f64>() / n;
        let variance = runs.iter().map(|run| (run - mean) * (run - mean)).sum::<f64>() / (n - 1.0);
        (mean, NINETY_NINE * (variance / n).sqrt())
    }

    /// The exact efficiency lies in the interval, which is narrow. Gives the simulated one.
    fn check(&self, seeds: u64, patterns: u64) -> f64 {
        let (exact, (mean, half_width)) = (self.exact(), self.simulated(seeds, patterns));
        assert!(half_width < 0.005, "{half_width}");
        assert!((mean - exact).abs() <= half_width, "{mean} +- {half_width}, exact {exact}");
        mean
    }
}

const ATLAS: [(f64, f64); 2] = [(7.78e-6, 9.0), (5.19e-7, 438.0)];

/// V5: what the program of SCR's authors prints for Atlas.
#[test]
fn atlas_is_as_efficient_as_scrs_model_has_it() {
    let levels = &ATLAS;
    let two = Setting { levels, counts: &[26], interval: 1_496, escalates: true };
    assert!((two.exact() - 0.966_95).abs() < 5e-6);
    two.check(40, 400);
    let server_only = Setting { levels, counts: &[0], interval: 10_000, escalates: true };
    assert!((server_only.exact() - 0.913_81).abs() < 5e-6);
    server_only.check(40, 1_000);
}

/// Recovery takes so long that failures strike in it: 5 000 s, with failures once in 10 000 s.
#[test]
fn escalation_costs_what_the_model_says() {
    let levels = &[(1e-4, 500.0), (2e-5, 1_000.0), (1e-5, 2_000.0)];
    let [with, without] = [true, false].map(|escalates| {
        Setting { levels, counts: &[2, 1], interval: 1_500, escalates }.check(40, 600)
    });
    let exact = [true, false]
        .map(|escalates| Setting { levels, counts: &[2, 1], interval: 1_500, escalates }.exact());
    assert!(exact[0] < exact[1] && with < without, "{with} and {without}, exact {exact:?}");
}

#[test]
fn theory_gives_scrs_efficiency_before_the_run() {
    let setting = Setting { levels: &ATLAS, counts: &[26], interval: 1_496, escalates: true };
    let plan = plan_of(&setting.scenario(10));
    let forecast = forecast::of(&plan, JobId(0)).expect("a closed form applies");
    let row = |rows: &[forecast::Prediction], formula: &str| {
        let found = rows.iter().find(|row| row.formula == formula);
        found.unwrap_or_else(|| panic!("no row of {formula}: {rows:?}")).clone()
    };
    let own = row(&forecast.own, "SCR, Markov model");
    assert!((own.efficiency.expect("known") - 0.966_95).abs() < 1e-5, "{own:?}");
    assert_eq!(own.outside, "");
    let best = row(&forecast.best, "first order, all levels");
    assert!((best.efficiency.expect("known") - 0.966_95).abs() < 1e-4, "{best:?}");
    assert!((best.work - 1_521.0).abs() < 1.0, "sqrt(2 x 9 s / 7.78e-6 Hz)");
    let reported = |part: &str| forecast.notes.iter().any(|note| note.contains(part));
    assert!(reported("[27]") && reported("0.0332"), "{:?}", forecast.notes);
}

/// Fixed costs, and failures of two classes.
#[test]
fn the_optimum_is_the_pattern_of_the_formula_and_others_waste_more() {
    let levels = &[(1e-4, 20.0), (1e-5, 300.0)];
    // sqrt(2 x 20 / 1e-4) = 632 s; sqrt(2 x 300 / 1e-5) = 7 746 s, 12 times as long.
    let setting = Setting { levels, counts: &[11], interval: 632, escalates: true };
    let text = setting.scenario(10);
    let steps = text.replace("step = \"632 s\"", "step = \"1 s\"");
    let wanted = steps.replace("interval = \"632 s\"", "interval = \"optimum\"");
    let wanted = wanted.replace("every = 12\n", "");
    let plan = plan_of(&wanted);
    let interval = plan.jobs[0].interval.expect("there are checkpoints").as_secs_f64();
    assert!((interval - 400_000_f64.sqrt()).abs() < 1e-3, "{interval}");
    let Some(rackstorm::scenario::job::Checkpoint::Multilevel(spec)) =
        &plan.scenario.jobs[0].checkpoint
    else {
        panic!("it has levels")
    };
    assert_eq!(plan.pattern(JobId(0), spec).1, [1, 12]);
    // By SCR's model, which is exact, half and twice of it waste more, each by itself.
    let efficiency = |interval, every: u32| {
        let counts = &[every - 1];
        Setting { levels, counts, interval, escalates: true }.exact()
    };
    for (interval, every) in [(316, 24), (1_264, 6), (632, 6), (632, 24)] {
        let other = efficiency(interval, every);
        assert!(other < efficiency(632, 12), "{interval} s, {every}: {other}");
    }
    // And the run of it has the efficiency of the same pattern given by hand.
    let played = |text: &str| play_text(text, Some(3)).metric("efficiency");
    let by_hand = steps.replace("interval = \"632 s\"", "interval = \"633 s\"");
    assert!((played(&wanted) - played(&by_hand)).abs() < 1e-12, "steps of 1 s round up");
}

/// Every pattern of a fine grid by SCR's model, which is exact: the formula's, of first order,
/// wastes hardly more than the best of them.
#[test]
fn no_pattern_of_all_wastes_much_less_than_the_optimum() {
    let machines: [&[(f64, f64)]; 3] =
        [&ATLAS, &[(1e-4, 20.0), (1e-5, 300.0)], &[(1e-3, 1.0), (2e-4, 0.5), (1e-6, 300.0)]];
    for levels in machines {
        let waste = |interval, counts: &[u32]| {
            1.0 - Setting { levels, counts, interval, escalates: true }.exact()
        };
        let of_theory =
            |&(rate, write): &(f64, f64)| multilevel::Level { rate, write, recovery: write };
        let (interval, every) =
            multilevel::pattern(&levels.iter().map(of_theory).collect::<Vec<_>>());
        let counts: Vec<_> = every[1..].iter().map(|every| every - 1).collect();
        let optimum = waste(interval.round() as u64, &counts);
        let mut least = f64::INFINITY;
        for share in 1..=60 {
            let interval = (interval * f64::from(share) / 20.0).max(1.0) as u64;
            for first in 0..=80 {
                let second = if levels.len() > 2 { 0..=80 } else { 0..=0 };
                for second in second {
                    let counts = [first, second];
                    least = least.min(waste(interval, &counts[..levels.len() - 1]));
                }
            }
        }
        assert!(optimum < 1.02 * least, "{optimum}, where {least} is possible: {levels:?}");
    }
}

/// Half and twice the interval, half and twice `every`: none wastes less, beyond the 99 % interval.
#[test]
fn the_neighbours_of_the_optimum_waste_no_less_in_runs() {
    let levels = &[(1e-4, 20.0), (1e-5, 300.0)];
    let efficiency = |interval, every: u32| {
        Setting { levels, counts: &[every - 1], interval, escalates: true }.simulated(20, 200)
    };
    let (best, half_width) = efficiency(632, 12);
    for (interval, every) in [(316, 24), (1_264, 6), (632, 6), (632, 24)] {
        let (other, its) = efficiency(interval, every);
        let noise = half_width.hypot(its);
        assert!(other < best + noise, "{interval} s, {every}: {other} +- {its}, optimum {best}");
    }
}

/// Counts lost checkpoints, and keeps nothing.
#[derive(Default)]
struct Losses {
    lost: u64,
}

impl Sink for Losses {
    fn event(&mut self, event: &Event) -> Result<(), Stop> {
        if let What::Checkpoint { act, .. } = event.what {
            self.lost += u64::from(act == CheckpointAct::Lose);
        }
        Ok(())
    }
}

/// Nodes of a mean life of 10 000 s hold each other's images. A failure is noticed after `detect`,
/// and the node that is back by then is given its `copies` images at 10 s each.
fn buddies(copies: u32, nodes: u32, years: u64, detect: u64) -> String {
    let text = one_node("buddies").replace("nodes = 1", &format!("nodes = {nodes}"));
    let text =
        text.replace("packs = [1]\nswitches = 1", &format!("packs = [{nodes}]\nswitches = 1"));
    let text = text.replace("detect = \"0 s\"", &format!("detect = \"{detect} s\""));
    let text = text.replace("at = \"400 y\"", &format!("at = \"{years} y\""));
    text + &format!(
        "[[fault.crash]]\non = \"node\"\nrepair = \"0 s\"\n\
         lifetime = {{ exponential = {{ mean = \"10000 s\" }} }}\n\
         [workload.bulk-synchronous]\nstep = \"3000 s\"\nwork = \"400 y\"\n\
         [checkpoint.multilevel]\ninterval = \"3000 s\"\n[checkpoint.multilevel.strikes]\n\
         downtime = true\n[[checkpoint.multilevel.level]]\nto = \"buddies\"\ncopies = {copies}\n\
         size = \"117.625 MB\"\n"
    )
}

/// Failures of the buddies within the risk window lose the checkpoint as often as the closed form
/// says; so many are expected that its 99 % interval is 3 % wide on either side.
#[test]
fn buddies_lose_a_checkpoint_as_often_as_the_closed_form_says() {
    for (copies, nodes, years, detect) in [(2, 2, 320, 20), (3, 3, 200, 470)] {
        let mut losses = Losses::default();
        let plan = plan_of(&buddies(copies, nodes, years, detect));
        let run = Run::new(&plan, &Model).no_findings().sink(&mut losses);
        let end = run.play().expect("nobody stops it").end;
        assert_eq!(end, Some(EndReason::TimeUp));
        let risk = detect as f64 + 10.0 * f64::from(copies);
        let time = years as f64 * 365.0 * 86_400.0;
        let expected = buddy::loss_rate(copies, 1e-4, risk) * time;
        let lost = losses.lost as f64;
        assert!(NINETY_NINE / expected.sqrt() < 0.03, "{expected} are too few");
        assert!((lost / expected - 1.0).abs() < 0.03, "{lost}, not {expected}");
    }
}

/// A job of four nodes and a spare, with a checkpoint of 112 MB at one of the levels each minute.
fn job(levels: &str, faults: &str) -> String {
    format!(
        "inherit = \"edge_rack_24\"\n[boot]\nmethod = \"instant\"\n[module]\nspares = 20\n\
         [workload.bulk-synchronous]\nstep = \"10 s\"\nwork = \"8 min\"\n\
         [checkpoint.multilevel]\ninterval = \"1 min\"\n{levels}\n[stop]\nat = \"3 h\"\n{faults}"
    )
}

fn level(to: &str, rest: &str) -> String {
    let size = "size = \"112 MB\"";
    format!("[[checkpoint.multilevel.level]]\nto = \"{to}\"\n{size}\n{rest}\n")
}

fn crash(node: u32, at: &str, repair: &str) -> String {
    format!("[[fault.crash]]\non = \"pi{node:02}\"\nat = \"{at}\"\nrepair = \"{repair}\"\n")
}

/// Numbers of the checkpoints with an act.
fn acts(played: &Played, wanted: CheckpointAct) -> Vec<u64> {
    let of = |event: &Event| match event.what {
        What::Checkpoint { number, act, .. } if act == wanted => Some(number),
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

fn seats_of(played: &Played) -> Vec<u32> {
    let joins = played.events.iter().filter_map(|event| match event.what {
        What::JobNode { node: NodeId(node), joined: true, .. } => Some(node),
        _ => None,
    });
    joins.collect()
}

/// Levels 1 1 2 1 1 2 ...: in memory, and each third at the file server. The crash strikes after
/// the fifth checkpoint, of 30 steps; the third, of 18 steps, is at the server.
#[test]
fn memory_is_lost_with_its_node_and_the_job_falls_back_to_the_server() {
    let levels = level("memory", "") + &level("file-server", "every = 3");
    let played = play_on(&Model, &plan_of(&job(&levels, &crash(2, "370 s", "20 min"))));
    assert_eq!(acts(&played, CheckpointAct::Lose), [5]);
    assert_eq!(resumed(&played), [18]);
    assert!((played.metric("checkpoints_lost") - 1.0).abs() < 1e-9);
    assert!(played.metric("work_lost") >= 120.0, "two minutes and what was under way");
    assert_eq!(
        played.count(|what| matches!(what, What::RunEnds { reason: EndReason::WorkDone })),
        1
    );
}

/// The same on cards: with a quick repair its own card is back, with a slow one a spare reads the
/// older checkpoint from the server.
#[test]
fn a_card_is_waited_for_only_if_nothing_else_can_be_read() {
    let levels = level("card", "") + &level("file-server", "every = 3");
    let faults = crash(2, "400 s", "20 min");
    let played = play_on(&Model, &plan_of(&job(&levels, &faults)));
    assert_eq!((resumed(&played), acts(&played, CheckpointAct::Lose).len()), (vec![18], 1));
    assert_eq!(seats_of(&played), [0, 1, 2, 3, 4], "a spare");
    let played = play_on(&Model, &plan_of(&job(&levels, &crash(2, "400 s", "1 s"))));
    assert_eq!((resumed(&played), acts(&played, CheckpointAct::Lose)), (vec![30], vec![]));
    let alone = play_on(&Model, &plan_of(&job(&level("card", ""), &faults)));
    assert_eq!((resumed(&alone), acts(&alone, CheckpointAct::Lose)), (vec![30], vec![]));
    assert_eq!(seats_of(&alone), [0, 1, 2, 3, 1], "it waits");
}

#[test]
fn a_group_makes_a_lost_image_again_and_not_two() {
    let levels = |parity| level("group", &format!("group = 4\nparity = {parity}"));
    let one = crash(2, "415 s", "20 min");
    let two = one.clone() + &crash(3, "415 s", "30 min");
    for (parity, faults, wanted) in
        [(1, &one, vec![0, 1, 2, 3, 4]), (2, &two, vec![0, 1, 2, 3, 4, 5])]
    {
        let played = play_on(&Model, &plan_of(&job(&levels(parity), faults)));
        assert_eq!((resumed(&played), seats_of(&played)), (vec![30], wanted), "{parity}");
    }
    let played = play_on(&Model, &plan_of(&job(&levels(1), &two)));
    assert!(seats_of(&played).contains(&1), "it waits for one of the two");
    assert_eq!(resumed(&played), [30]);
}

/// A switch that is gone takes no memory with it.
#[test]
fn memory_outlives_the_loss_of_its_switch() {
    let faults = "[[fault.switch-loss]]\non = \"switch[1]\"\nat = \"370 s\"\nrepair = \"1 min\"\n";
    let played = play_on(&Model, &plan_of(&job(&level("memory", ""), faults)));
    assert_eq!((resumed(&played), acts(&played, CheckpointAct::Lose)), (vec![36], vec![]));
}

#[test]
fn the_fleet_refuses_levels_that_it_cannot_keep_and_classes_that_it_cannot_see() {
    let reasons = Turmoil.cannot(&plan_of(&job(&level("group", "group = 4"), "")));
    assert!(reasons.len() == 1 && reasons[0].contains("level 1"), "{reasons:?}");
    let setting = Setting { levels: &ATLAS, counts: &[26], interval: 1_496, escalates: true };
    let reasons = Turmoil.cannot(&plan_of(&setting.scenario(1)));
    assert!(reasons.iter().any(|reason| reason.contains("severity")), "{reasons:?}");
}

/// The fleet restarts from the same checkpoints on the same nodes, and has the right result; gives
/// the steps that it had after each restart, and the checkpoints that it lost.
fn the_fleet_does_as_the_model(text: &str) -> (Vec<u64>, Vec<u64>) {
    let plan = plan_of(text);
    assert!(Turmoil.cannot(&plan).is_empty());
    let model = play_on(&Model, &plan);
    let mut notices = Vec::new();
    let fleet = crate::harness::play_with(&plan, |plan, sink| {
        Turmoil.play_noting(plan, sink, &mut notices)
    });
    assert_eq!(resumed(&fleet), resumed(&model), "{text}");
    assert_eq!(seats_of(&fleet), seats_of(&model), "{text}");
    for act in [CheckpointAct::Commit, CheckpointAct::Lose, CheckpointAct::Abandon] {
        assert_eq!(acts(&fleet, act), acts(&model, act), "{act:?} {text}");
    }
    let result = notices.iter().find_map(|(_, notice)| match notice {
        Notice::Result { sum } => Some(*sum),
        _ => None,
    });
    assert!(result.is_some());
    assert_eq!(result, Turmoil.expected(&plan), "{text}");
    (resumed(&fleet), acts(&fleet, CheckpointAct::Lose))
}

/// The same machine over sockets, with real images on real cards: card, partner, file server.
#[test]
fn the_fleet_restarts_from_the_levels_that_the_model_says() {
    let levels =
        level("card", "") + &level("partner", "every = 2") + &level("file-server", "every = 2");
    for faults in [
        crash(2, "400 s", "1 s"),
        crash(2, "400 s", "20 min"),
        crash(2, "300 s", "20 min") + &crash(3, "300 s", "20 min"),
        crash(2, "300 s", "20 min") + &crash(4, "520 s", "20 min"),
    ] {
        let (resumed, _) = the_fleet_does_as_the_model(&job(&levels, &faults));
        assert!(!resumed.is_empty(), "{faults}");
    }
}

/// In the memory of the agents alone, with each third checkpoint at the file server or without.
#[test]
fn the_fleet_loses_what_was_in_the_memory_of_a_lost_node() {
    let alone = level("memory", "");
    let over_server = alone.clone() + &level("file-server", "every = 3");
    let hang = crash(2, "350 s", "power-cycle").replace("crash", "hang");
    for (levels, faults, wanted) in [
        (&over_server, crash(2, "350 s", "20 min"), (vec![18], vec![5])),
        (&over_server, hang.clone(), (vec![18], vec![5])),
        // Nothing is left to read: the job begins anew.
        (&alone, crash(2, "350 s", "20 min"), (vec![], vec![5])),
        (&alone, hang, (vec![], vec![5])),
    ] {
        let done = the_fleet_does_as_the_model(&job(levels, &faults));
        assert_eq!(done, wanted, "{faults}");
    }
}

/// The agents run on behind it, with what they hold for each other.
#[test]
fn the_fleets_memory_outlives_the_loss_of_its_switch() {
    let faults = "[[fault.switch-loss]]\non = \"switch[1]\"\nat = \"370 s\"\nrepair = \"1 min\"\n";
    for (to, step) in [("memory", 36), ("buddies", 30)] {
        let done = the_fleet_does_as_the_model(&job(&level(to, ""), faults));
        assert_eq!(done, (vec![step], vec![]), "{to}");
    }
}

/// Pairs: seats 1 and 2, and 3 and 4. A failure is noticed after 40 s, and a newcomer reads for
/// 19 s.
#[test]
fn the_fleets_pairs_lose_a_checkpoint_only_with_both() {
    let pairs = level("buddies", "");
    let over_server = pairs.clone() + &level("file-server", "every = 3");
    let one = || crash(2, "400 s", "20 min");
    for (levels, faults, wanted) in [
        (&pairs, one(), (vec![30], vec![])),
        (&pairs, crash(2, "400 s", "power-cycle"), (vec![30], vec![])),
        (&pairs, one() + &crash(3, "400 s", "20 min"), (vec![30], vec![])),
        // The newcomer, node 5, holds the image of node 1 by then.
        (&pairs, one() + &crash(1, "475 s", "20 min"), (vec![30, 30], vec![])),
        (&over_server, one() + &crash(1, "400 s", "20 min"), (vec![18], vec![5])),
        // Within the window: while the failure is not noticed, and while the newcomer reads.
        (&over_server, one() + &crash(1, "410 s", "20 min"), (vec![18], vec![5])),
        (&over_server, one() + &crash(1, "450 s", "20 min"), (vec![18], vec![5])),
        (&pairs, one() + &crash(1, "450 s", "20 min"), (vec![0], vec![5])),
    ] {
        let done = the_fleet_does_as_the_model(&job(levels, &faults));
        assert_eq!(done, wanted, "{faults}");
    }
}

/// Two triples: two newcomers read from the one survivor.
#[test]
fn the_fleets_triples_lose_a_checkpoint_only_with_all_three() {
    let levels = level("buddies", "copies = 3") + &level("file-server", "every = 3");
    let text = |faults: &str| job(&levels, faults).replace("spares = 20", "spares = 18");
    let two = crash(2, "400 s", "20 min") + &crash(3, "400 s", "20 min");
    let done = the_fleet_does_as_the_model(&text(&two));
    assert_eq!(done, (vec![30], vec![]));
    let done = the_fleet_does_as_the_model(&text(&(two + &crash(1, "400 s", "20 min"))));
    assert_eq!(done, (vec![18], vec![5]));
}

/// Crashes at random, so close to each other that newcomers fail while they read: nothing is
/// loaded that was not saved by all, and what is loaded is right, since so is the result.
#[test]
fn the_fleet_never_reads_from_buddies_what_was_not_complete() {
    let levels = level("memory", "") + &level("buddies", "every = 2");
    let (mut loads, mut lost) = (0, 0);
    for seed in 0..8 {
        let mut draw = Stream::new(seed, "crashes among buddies").draw(0, 0);
        let faults: String = (0..6)
            .map(|_| {
                let (node, at) = (1 + draw.below(5) as u32, 300 + draw.below(200));
                crash(node, &format!("{at} s"), "power-cycle")
            })
            .collect();
        let plan = plan_of(&job(&levels, &faults));
        let mut notices = Vec::new();
        let fleet = crate::harness::play_with(&plan, |plan, sink| {
            Turmoil.play_noting(plan, sink, &mut notices)
        });
        lost += acts(&fleet, CheckpointAct::Lose).len();
        let mut saved: BTreeMap<u64, BTreeSet<u32>> = BTreeMap::new();
        let mut result = None;
        for (_, notice) in notices {
            match notice {
                Notice::Saved { checkpoint, seat, .. } => {
                    saved.entry(checkpoint).or_default().insert(seat);
                }
                Notice::Loads { checkpoint, of, .. } => {
                    let seats = saved.get(&checkpoint).map_or(0, BTreeSet::len);
                    assert_eq!(seats, of as usize, "checkpoint {checkpoint}, seed {seed}");
                    loads += 1;
                }
                Notice::Result { sum } => result = Some(sum),
                _ => {}
            }
        }
        assert!(result.is_some(), "seed {seed}: {faults}");
        assert_eq!(result, Turmoil.expected(&plan), "seed {seed}: {faults}");
    }
    assert!(loads > 20 && lost > 8, "{loads} and {lost} are too few to see anything");
}
