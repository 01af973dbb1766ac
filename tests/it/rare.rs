//! Rare events by importance sampling: closed forms, agreement with plain runs, and the command.

use std::sync::atomic::{AtomicBool, Ordering};

use rackstorm::analysis::rare::Estimate;
use rackstorm::backend::model::Model;
use rackstorm::control::{Bias, RareEvent};
use rackstorm::experiment::Run;
use rackstorm::experiment::rare::{RareError, Wanted, estimate};
use rackstorm::forecast;
use rackstorm::plan::Plan;
use rackstorm::theory::buddy;

use crate::harness::{plan_of, plan_of_file};
use crate::program::{Bench, root};

/// Seconds of a day.
const DAY: f64 = 86_400.0;

/// A module of so many nodes that are up at once, with what a test adds.
fn module(nodes: u32, rest: &str) -> String {
    format!(
        "schema = 1\ntitle = \"rare\"\nseed = 1\ninherit = \"edge_rack_24\"\n[module]\n\
         nodes = {nodes}\nspares = 0\npacks = [{nodes}]\nswitches = 1\n[[module.psu]]\n\
         packs = [1]\nswitches = [1]\nlimit = \"1 kW\"\nrestart = \"5 s\"\n[boot]\n\
         method = \"instant\"\n[controller]\ndetect = \"20 s\"\n[record]\nsample = \"1 y\"\n\
         [stop]\nwhen = \"workload done\"\nat = \"400 d\"\n{rest}"
    )
}

/// Days of work of the buddies.
const WORK: f64 = 10.0;

/// A pair or triple that keeps its images in memory: a newcomer reads 10 s for each of them.
fn buddies(copies: u32, lifetime: &str) -> String {
    let rest = format!(
        "[[fault.crash]]\non = \"node\"\nrepair = \"0 s\"\n{lifetime}\n\
         [workload.bulk-synchronous]\nstep = \"2 h\"\nwork = \"{WORK} d\"\n\
         [checkpoint.multilevel]\ninterval = \"2 h\"\n[checkpoint.multilevel.strikes]\n\
         downtime = true\n[[checkpoint.multilevel.level]]\nto = \"buddies\"\ncopies = {copies}\n\
         size = \"117.625 MB\"\n"
    );
    module(copies, &rest)
}

fn exponential(mean: f64) -> String {
    format!("lifetime = {{ exponential = {{ mean = \"{mean} s\" }} }}")
}

/// The mean life (s) at which a pair or triple is lost with this chance.
fn mean_life(copies: u32, chance: f64) -> f64 {
    let risk = 20.0 + 10.0 * f64::from(copies);
    let (mut low, mut high) = (1e3_f64, 1e12_f64);
    while high / low > 1.0 + 1e-9 {
        let middle = (low * high).sqrt();
        let found = buddy::loss_chance(copies, 1.0, 1.0 / middle, risk, WORK * DAY);
        if found > chance { low = middle } else { high = middle }
    }
    low
}

fn wanted(event: RareEvent, plain: bool, effort: usize) -> Wanted {
    Wanted { event, precision: 0.1, effort, plain, jobs: None }
}

fn found(plan: &Plan, wanted: Wanted) -> Estimate {
    match estimate(plan, wanted, &mut |_| (), &|| false) {
        Ok(found) => found,
        Err(error) => panic!("{error}"),
    }
}

/// Seed 1; runs until the 99 % interval is 10 % of the chance to either side.
fn meets(text: &str, event: RareEvent, about: f64) -> Estimate {
    let plan = plan_of(text);
    let exact = forecast::rare(&plan, event).expect("there is a closed form").chance;
    assert!((exact / about - 1.0).abs() < 0.05, "the scenario is of {about}, not {exact}");
    let found = found(&plan, wanted(event, false, 100_000));
    eprintln!(
        "{about:e}: {:.4e} +- {:.2} %, exact {exact:.4e}, {} runs, {} hits worth {:.0}",
        found.chance.mean,
        100.0 * found.relative(),
        found.runs.len(),
        found.hits(),
        found.effective()
    );
    assert!(found.relative() <= 0.1 && found.runs.len() <= 100_000, "{}", found.relative());
    assert!(found.chance.holds(exact), "{:?}, not {exact}", found.chance);
    found
}

#[test]
fn pairs_lost_once_in_a_million_and_in_a_billion_runs_meet_the_exact_chance() {
    for chance in [1e-6, 1e-9] {
        meets(&buddies(2, &exponential(mean_life(2, chance))), RareEvent::CheckpointsLost, chance);
    }
}

#[test]
fn triples_lost_once_in_a_million_and_in_a_billion_runs_meet_the_exact_chance() {
    for chance in [1e-6, 1e-9] {
        meets(&buddies(3, &exponential(mean_life(3, chance))), RareEvent::CheckpointsLost, chance);
    }
}

/// By default nothing strikes in downtime: the pair is exposed for 20 s of reading, not for 40 s.
#[test]
fn the_window_of_buddies_is_as_long_as_failures_may_strike_in_it() {
    let text = buddies(2, &exponential(mean_life(2, 2e-6)));
    meets(&text.replace("downtime = true", "downtime = false"), RareEvent::CheckpointsLost, 1e-6);
}

/// Two estimates of one chance differ by no more than their 99 % intervals together.
fn agree(a: &Estimate, b: &Estimate) {
    let (a, b) = (a.chance, b.chance);
    let both = a.half_width.hypot(b.half_width);
    assert!((a.mean - b.mean).abs() <= both, "{a:?} and {b:?}");
}

/// Seed 1, 3,000 plain and 1,000 weighted runs each. Of Weibull lives the hazard is scaled, of
/// frail nodes each one's own.
#[test]
fn plain_runs_and_weighted_runs_agree_where_both_can_see() {
    let weibull = "age = \"new\"\nlifetime = { weibull = { shape = 0.7, scale = \"10 h\" } }";
    let frail = "frailty = 0.5\nlifetime = { exponential = { mean = \"12 h\" } }";
    for lifetime in [exponential(40_000.0).as_str(), weibull, frail] {
        let plan = plan_of(&buddies(2, lifetime));
        let event = RareEvent::CheckpointsLost;
        let natural = found(&plan, wanted(event, true, 3_000));
        let weighted = found(&plan, wanted(event, false, 1_000));
        eprintln!("{lifetime}: {:?} {:?}", natural.chance, weighted.chance);
        assert!(natural.hits() > 40 && weighted.plain_runs() > weighted.runs.len() as f64);
        agree(&natural, &weighted);
    }
}

#[test]
fn with_nothing_more_frequent_a_run_is_the_plain_run_event_by_event() {
    let set = ["workload.bulk-synchronous.work=\"6 h\"", "stop.at=\"1 d\""];
    for (name, set) in [("checkpoint_buddies", &set[..]), ("silent_verification", &[])] {
        let plan = plan_of_file(&root().join(format!("scenarios/smoke/{name}.toml")), None, set);
        let natural = Run::new(&plan, &Model).fingerprint().play().expect("it is played");
        for event in RareEvent::ALL {
            let biased = Run::new(&plan, &Model).fingerprint().play_by(&mut |plan, sink| {
                let (end, weighed) = Model::play_biased(plan, &Bias::none(event), sink)?;
                assert!(weighed.log_ratio.abs() < 1e-12);
                Ok(end)
            });
            let biased = biased.expect("it is played");
            assert_eq!(biased.fingerprint, natural.fingerprint, "{name}");
        }
    }
}

#[test]
fn rows_of_plain_runs_are_those_of_a_study_of_the_same_seeds() {
    let plan = plan_of(&buddies(2, &exponential(40_000.0)));
    let natural = found(&plan, wanted(RareEvent::CheckpointsLost, true, 300));
    for (number, run) in (0..).zip(&natural.runs) {
        assert_eq!((run.seed, run.ratio.to_bits()), (1 + number, 1.0_f64.to_bits()));
        let metrics = ["checkpoints_lost"];
        let plan = plan.with_seed(run.seed);
        let outcome = Run::new(&plan, &Model).metrics(&metrics).play().expect("it is played");
        assert_eq!(outcome.metric("checkpoints_lost"), Some(run.count));
    }
}

/// A job of two nodes whose memory is struck while it computes.
fn corrupt(fault: &str, with: &str) -> String {
    let rest = format!(
        "{fault}\n[workload.bulk-synchronous]\nstep = \"1 h\"\nwork = \"{WORK} d\"\n{with}\n\
         [checkpoint.coordinated]\ninterval = \"4 h\"\nlast = true\n\
         cost = {{ write = \"60 s\", read = \"90 s\", downtime = \"0 s\" }}\n"
    );
    module(2, &rest) + "strikes = { checkpoint = false, restart = false, silent = \"computing\" }\n"
}

fn silent(mean: f64) -> String {
    format!("[[fault.silent-corruption]]\non = \"node\"\n{}", exponential(mean))
}

/// A span has 584 years at most, so 1e-6 is reached by a shorter job of a node of 500 years.
#[test]
fn corruption_that_nobody_looks_for_escapes_as_often_as_the_closed_form_says() {
    let text = corrupt(&silent(500.0 * 365.0 * DAY), "");
    let text = text.replace("10 d", "2 h").replace("4 h", "1 h");
    meets(&text, RareEvent::CorruptionEscaped, 9.13e-7);
}

/// Two strikes on each node are to be expected, and the check of a step misses one in a million, or
/// in a billion, of them.
#[test]
fn corruption_that_checked_steps_miss_escapes_as_often_as_the_closed_form_says() {
    for missed in [1e-6, 1e-9] {
        let with = format!(
            "abft = {{ coverage = {}, overhead = 0.0, found = \"correct\" }}",
            1.0 - missed
        );
        let text = corrupt(&silent(WORK * DAY / 2.0), &with);
        meets(&text, RareEvent::CorruptionEscaped, 4.0 * missed);
    }
}

/// `scenarios/smoke/abft.toml`, also with checks that find all that strikes in a step. By hand: 20
/// nodes, each struck every 6 h; 12 h of work are 13.2 h with the checks, in 52 chunks of 41 steps
/// of 22 s and a rest. So 20 / 21,600 s x 52 x 30 s = 1.444 strike the writes that count, and 5 %
/// of 44 escape the checks. Seed 21, 1,000 plain runs, 99 % intervals.
#[test]
fn checks_of_steps_find_nothing_of_what_strikes_while_a_checkpoint_is_written() {
    let file = root().join("scenarios/smoke/abft.toml");
    for (coverage, mean) in [(1.0, 1.444), (0.95, 3.644)] {
        let coverage = format!("workload.bulk-synchronous.abft.coverage={coverage}");
        let plan = plan_of_file(&file, None, &[&coverage]);
        let event = RareEvent::CorruptionEscaped;
        let exact = forecast::rare(&plan, event).expect("there is a closed form").chance;
        assert!((exact + f64::exp_m1(-mean)).abs() < 0.002, "{exact}");
        let found = found(&plan, wanted(event, true, 1_000));
        assert!(found.chance.holds(exact), "{:?}, not {exact}", found.chance);
    }
}

/// A pair that fails once a day each, and from the second of four days on every 4 h. Seed 1, 1,000
/// runs each, plain and weighted ones. The law that changes keeps its pace; hangs, whose law stays,
/// do not. Weighed as if its law stayed, the chance comes out as seven tenths of what it is.
#[test]
fn a_lifetime_whose_law_changes_in_the_run_is_weighed_no_differently_than_by_nature() {
    let change = "[[change]]\nat = \"1 d\"\nset = [\"fault.crash.0.lifetime.exponential.mean = \
                  4 h\"]\n";
    let lives = "lifetime = { exponential = { mean = \"1 d\" } }";
    let steady = "[[fault.hang]]\non = \"node\"\nrepair = \"0 s\"\nlifetime = { exponential = \
                  { mean = \"4 d\" } }\n";
    let event = RareEvent::CheckpointsLost;
    let text = format!("{}{change}", buddies(2, lives)).replace("\"10 d\"", "\"4 d\"");
    let refused = estimate(&plan_of(&text), wanted(event, false, 1_000), &mut |_| (), &|| false);
    let why = refused.expect_err("nothing can be made more frequent").to_string();
    assert!(why.contains("one law for the whole run"), "{why}");
    let plan = plan_of(&format!("{text}{steady}"));
    let natural = found(&plan, wanted(event, true, 1_000));
    let weighted = found(&plan, wanted(event, false, 1_000));
    eprintln!("{:?} {:?} {:?}", natural.chance, weighted.chance, weighted.bias);
    assert!(natural.hits() > 40);
    agree(&natural, &weighted);
}

/// Of the upsets of a node only some are silent; crashes throw the job back.
#[test]
fn silent_upsets_escape_as_often_as_the_closed_form_says() {
    let text = corrupt("[[fault.upset]]\non = \"node\"\nbeam = 1", "");
    let plan = plan_of(&text);
    let exact = forecast::rare(&plan, RareEvent::CorruptionEscaped).expect("a closed form").chance;
    assert!(exact < 1e-3, "{exact}");
    let found = meets(&text, RareEvent::CorruptionEscaped, exact);
    assert!(found.plain_runs() > 10.0 * found.runs.len() as f64);
}

/// Verifications that find 90 %: no closed form. Seed 1, 3,000 plain and 1,000
/// weighted runs.
#[test]
fn corruption_that_verifications_miss_escapes_as_often_in_plain_and_in_weighted_runs() {
    let text = corrupt(&silent(3.0 * DAY), "");
    let text = text + "verify = { cost = \"10 s\", coverage = 0.9 }\n";
    let plan = plan_of(&text);
    let event = RareEvent::CorruptionEscaped;
    assert!(forecast::rare(&plan, event).is_err());
    let natural = found(&plan, wanted(event, true, 3_000));
    let weighted = found(&plan, wanted(event, false, 1_000));
    eprintln!("{:?} {:?} {:?}", natural.chance, weighted.chance, weighted.bias);
    assert!(natural.hits() > 20 && weighted.plain_runs() > 2.0 * weighted.runs.len() as f64);
    agree(&natural, &weighted);
}

/// Verifications that find 99.9 % before each of 60 checkpoints: only what strikes after the last
/// but one escapes with one miss. 2,000 runs are worth five million plain ones.
#[test]
fn behind_verifications_only_the_end_of_the_job_is_made_more_frequent() {
    let text = corrupt(&silent(20.0 * DAY), "");
    let text = text + "verify = { cost = \"10 s\", coverage = 0.999 }\n";
    let found = found(&plan_of(&text), wanted(RareEvent::CorruptionEscaped, false, 2_000));
    // One strike in ten days, 4 h of 10 d, and one miss in a thousand; one share in 1,000 more
    // for those that are missed twice.
    let about = 4.0 / 240.0 * 1e-3 * 1.001;
    eprintln!("{:?} {:.0} {:?}", found.chance, found.effective(), found.bias);
    assert!(found.chance.holds(about) && found.plain_runs() > 5e6, "{:?}", found.chance);
}

/// Seed 1: the first round has 1,000 runs.
#[test]
fn an_early_end_gives_what_whole_rounds_have_shown() {
    let stop = AtomicBool::new(false);
    let plan = plan_of(&buddies(2, &exponential(1e6)));
    let wanted = Wanted { precision: 1e-6, ..wanted(RareEvent::CheckpointsLost, false, 100_000) };
    let looked = &mut |_: &Estimate| stop.store(true, Ordering::Relaxed);
    let known = estimate(&plan, wanted, looked, &|| stop.load(Ordering::Relaxed));
    assert_eq!(known.expect("a round is known").runs.len(), 1_000);
    let nothing = estimate(&plan, wanted, &mut |_| (), &|| true);
    assert!(matches!(nothing, Err(RareError::Run(_))), "nothing is known");
}

#[test]
fn the_command_gives_the_same_numbers_for_any_jobs_and_writes_a_row_for_each_run() {
    let bench = Bench::new();
    let file = bench.write("pair.toml", &buddies(2, &exponential(1e6)));
    let file = file.to_str().expect("UTF-8");
    let play = |jobs, out| {
        let event = ["--event", "checkpoints-lost", "--effort", "1000"];
        let mut all = vec!["rare", file, "--json", "--jobs", jobs, "--out", out];
        all.extend(event);
        let done = bench.run(&all);
        assert_eq!(done.code, 0, "{}", done.stderr);
        let table = std::fs::read_to_string(bench.path().join(out).join("rare_runs.csv"));
        (done.json_lines().remove(0), table.expect("it is written"))
    };
    let (one, two) = (play("1", "a"), play("2", "b"));
    assert_eq!(one, two);
    assert_eq!(one.1.lines().count(), 1 + one.0["runs"].as_u64().expect("a number") as usize);
    assert_eq!(one.0["closed_form"], "buddy::loss_chance");
}

#[test]
fn what_cannot_happen_is_refused_with_the_reason() {
    let bench = Bench::new();
    let file = bench.write("alone.toml", &corrupt("", ""));
    let file = file.to_str().expect("UTF-8");
    for (event, word) in [("checkpoints-lost", "buddies"), ("corruption-escaped", "silent")] {
        let done = bench.run(&["rare", file, "--event", event]);
        assert!(done.code == 2 && done.stderr.contains(word), "{done:?}");
    }
    let once = "[[fault.silent-corruption]]\non = \"node\"\nat = \"1 h\"";
    let once = bench.write("once.toml", &corrupt(once, ""));
    let once = once.to_str().expect("UTF-8");
    let done = bench.run(&["rare", once, "--event", "corruption-escaped"]);
    assert!(done.code == 2 && done.stderr.contains("--plain"), "{done:?}");
    let done = bench.run(&["rare", once, "--event", "corruption-escaped", "--precision", "0%"]);
    assert!(done.code == 2 && done.stderr.contains("0.0001%"), "{done:?}");
    let idle = bench.write("idle.toml", "schema = 1\ninherit = \"edge_rack_24\"\n");
    let done = bench.run(&["rare", idle.to_str().expect("UTF-8"), "--event", "checkpoints-lost"]);
    assert!(done.code == 2 && done.stderr.contains("no job"), "{done:?}");
}
