//! What theory predicts for a scenario, as `rackstorm theory` prints it and as runs come to it.

use std::path::Path;

use rackstorm::forecast::{self, Prediction};
use rackstorm::ids::JobId;
use rackstorm::plan::Plan;

use crate::harness::{plan_of, plan_of_file, play_plan};
use crate::program::{Bench, root};

/// Half the width of a normal law's 99 % interval, in standard deviations.
const NINETY_NINE: f64 = 2.576;

/// The exact expectation of a plan's own interval.
fn exact(plan: &Plan) -> Prediction {
    let forecast = forecast::of(plan, JobId(0)).expect("a closed form applies");
    forecast.own.into_iter().next().expect("the exact expectation comes first")
}

/// The mean makespan of the plans, each another seed of the same scenario, lies in the 99 %
/// interval that the forecast gives for it. The first boot is left out.
fn check(plans: &[Plan], name: &str) {
    let makespan = |plan: &Plan| {
        let run = play_plan(plan);
        run.metric("makespan") * (1.0 - run.metric("waste_boot"))
    };
    let n = plans.len() as f64;
    let mean = plans.iter().map(makespan).sum::<f64>() / n;
    let expected = exact(&plans[0]);
    let (makespan, deviation) = (expected.makespan, expected.deviation);
    let (makespan, deviation) = makespan.zip(deviation).expect("the job comes to its end");
    let half_width = NINETY_NINE * deviation / n.sqrt();
    assert!(
        (mean - makespan).abs() <= half_width,
        "{name}: mean {mean:.0} s over {n} seeds, expected {makespan:.0} s +- {half_width:.0} s"
    );
}

/// One node that fails once an hour; everything takes long, so that each switch matters.
fn one_node(switches: &str, seed: u64) -> String {
    format!(
        r#"
schema = 1
title = "one node, every switch"
seed = {seed}
[cluster]
hardware = "pi_3b"
[module]
nodes = 1
spares = 0
packs = [1]
switches = 1
psu = [{{ packs = [1], switches = [1], limit = "1 kW", restart = "5 s" }}]
[boot]
method = "instant"
[controller]
detect = "0 s"
settle = "0 s"
[[fault.crash]]
on = "node"
lifetime = {{ exponential = {{ mean = "1 h" }} }}
repair = "1 min"
[workload.bulk-synchronous]
step = "10 min"
work = "41 h"
[checkpoint.coordinated]
interval = "25 min"
cost = {{ write = "8 min", read = "12 min", downtime = "9 min" }}
{switches}
[stop]
when = "workload done"
at = "5 y"
[record]
sample = "1 y"
"#
    )
}

/// Two jobs of a node each, with checkpoints of their own.
fn two_jobs(checkpoints: [&str; 2], seed: u64) -> Plan {
    let text = one_node("", seed).replace("nodes = 1\n", "nodes = 2\n");
    let text = text.replace("packs = [1]\nswitches = 1\n", "packs = [2]\nswitches = 1\n");
    let (head, tail) = text.split_once("[workload.bulk-synchronous]").expect("it has a job");
    let (_, tail) = tail.split_once("[stop]").expect("it ends");
    let job = |(number, checkpoint): (usize, &&str)| {
        format!(
            "[[job]]\nname = \"{number}\"\nnodes = 1\nstep = \"10 min\"\nwork = \"41 h\"\n\
             [job.checkpoint.coordinated]\n{checkpoint}\n"
        )
    };
    plan_of(&format!(
        "{head}{}[stop]{tail}",
        checkpoints.iter().enumerate().map(job).collect::<String>()
    ))
}

/// Downtime is longer than the repair, so that it is no matter whether the node of a job that is
/// done stands in.
#[test]
fn each_of_two_jobs_that_share_no_file_server_comes_to_its_own_forecast() {
    let seldom = "interval = \"25 min\"\n\
                  cost = { write = \"8 min\", read = \"12 min\", downtime = \"9 min\" }";
    let often = "interval = \"10 min\"\n\
                 cost = { write = \"1 min\", read = \"2 min\", downtime = \"9 min\" }\n";
    let plans: Vec<_> = (0..60).map(|seed| two_jobs([seldom, often], seed)).collect();
    let runs: Vec<_> = plans.iter().map(play_plan).collect();
    let n = runs.len() as f64;
    for job in 0..2 {
        let forecast = forecast::of(&plans[0], JobId(job)).expect("a closed form applies");
        let (wanted, deviation) = forecast.own[0].makespan.zip(forecast.own[0].deviation).unzip();
        let (wanted, deviation) = (wanted.expect("it ends"), deviation.expect("it is known"));
        let done = runs.iter().map(|run| run.findings.jobs[usize::from(job)].done_s);
        let (mean, half_width) = (done.sum::<f64>() / n, NINETY_NINE * deviation / n.sqrt());
        assert!(
            (mean - wanted).abs() <= half_width,
            "job {job}: mean {mean:.0} s over {n} seeds, expected {wanted:.0} +- {half_width:.0} s"
        );
    }
    let at_server = "size = \"1 MB\"\ninterval = \"25 min\"";
    let one = two_jobs([seldom, at_server], 0);
    assert!([0, 1].iter().all(|job| forecast::of(&one, JobId(*job)).is_ok()));
    let both = two_jobs([at_server, "size = \"2 MB\"\ninterval = \"1 h\""], 0);
    let reasons = forecast::of(&both, JobId(1)).expect_err("they wait for each other");
    assert!(reasons.len() == 1 && reasons[0].contains("wait for one file server"), "{reasons:?}");
}

#[test]
fn theory_prints_the_forecast_of_each_job() {
    let bench = Bench::new();
    let job = |name: &str, rest: &str| {
        format!("[[job]]\nname = \"{name}\"\nnodes = 4\nstep = \"1 min\"\nwork = \"1 d\"\n{rest}")
    };
    let fixed = "[job.checkpoint.coordinated]\ninterval = \"1 h\"\n\
                 cost = { write = \"1 min\", read = \"1 min\" }\n";
    let levels = "[job.checkpoint.multilevel]\ninterval = \"1 h\"\n\
                  [[job.checkpoint.multilevel.level]]\nto = \"card\"\nsize = \"1 GB\"\n\
                  [[job.checkpoint.multilevel.level]]\nto = \"partner\"\nsize = \"1 GB\"\n\
                  every = 2\n";
    let text = format!(
        "inherit = \"edge_rack_24\"\n[[fault.crash]]\non = \"node\"\n\
         lifetime = {{ exponential = {{ mean = \"9 d\" }} }}\n{}{}[stop]\nat = \"9 d\"\n",
        job("a", fixed),
        job("b", levels)
    );
    let file = bench.write("two.toml", &text);
    let done = bench.run(&["theory", file.to_str().expect("UTF-8"), "--json"]);
    let object: serde_json::Value = serde_json::from_str(&done.stdout).expect(&done.stdout);
    assert_eq!((&object["jobs"][0]["job"], &object["jobs"][1]["job"]), (&"a".into(), &"b".into()));
    assert_eq!(object["jobs"][0]["own"][0]["formula"], "exact expectation");
    assert!(object["jobs"][1]["no_closed_form"][0].is_string(), "{object}");
    let done = bench.run(&["theory", file.to_str().expect("UTF-8")]);
    assert!(done.stdout.contains("job `a`\n") && done.stdout.contains("job `b`\n  no closed form"));
}

/// The expected makespans under each setting of the switches, each of which 60 runs meet.
fn met<const N: usize>(settings: [&str; N]) -> [f64; N] {
    settings.map(|switches| {
        let plans: Vec<_> = (0..60).map(|seed| plan_of(&one_node(switches, seed))).collect();
        check(&plans, switches);
        exact(&plans[0]).makespan.expect("the job comes to its end")
    })
}

#[test]
fn each_switch_of_what_may_be_struck_moves_the_makespan_as_its_closed_form_says() {
    let [all, no_checkpoint, no_restart, none, downtime_too] = met([
        "strikes = { checkpoint = true, restart = true, downtime = false }",
        "strikes = { checkpoint = false, restart = true, downtime = false }",
        "strikes = { checkpoint = true, restart = false, downtime = false }",
        "strikes = { checkpoint = false, restart = false, downtime = false }",
        "strikes = { checkpoint = true, restart = true, downtime = true }",
    ]);
    assert!(none < no_checkpoint && none < no_restart, "{none} {no_checkpoint} {no_restart}");
    assert!(no_checkpoint < all && no_restart < all, "{no_checkpoint} {no_restart} {all}");
    assert!(all < downtime_too, "{all} {downtime_too}");
}

#[test]
fn a_checkpoint_that_counts_from_its_start_saves_what_its_closed_form_says() {
    let [end, start, unless_struck] = met([
        "counts = \"end\"",
        "counts = \"start\"",
        "counts = \"start\"\nstrikes = { checkpoint = false }",
    ]);
    assert!(unless_struck < start && start < end, "{unless_struck} {start} {end}");
}

/// Of 25 min from start to start 8 are the checkpoint's; steps make 20 of the other 17.
#[test]
fn a_period_that_includes_the_checkpoint_leaves_less_computing_as_its_closed_form_says() {
    let [work, whole] = met(["period = \"work\"", "period = \"whole\""]);
    let of = |switches| exact(&plan_of(&one_node(switches, 0))).work;
    let (between, less) = (of("period = \"work\""), of("period = \"whole\""));
    assert_eq!((between, less), (1_800.0, 1_200.0));
    assert!(whole > work, "less is computed for each checkpoint: {whole} {work}");
}

#[test]
fn many_nodes_with_cards_partners_spares_and_boots_come_to_their_forecast() {
    for name in ["hang_fixed_cost", "checkpoint_card", "checkpoint_partner", "no_checkpoint"] {
        let file = root().join(format!("scenarios/smoke/{name}.toml"));
        let plan = |seed| plan_of_file(&file, Some(seed), &["record.sample=1 d"]);
        check(&(0..60).map(plan).collect::<Vec<_>>(), name);
    }
}

#[test]
fn a_checkpoint_through_the_fabric_comes_to_its_forecast() {
    let file = root().join("scenarios/study/lanl_750_month.toml");
    let set = [
        "fault.crash.0.lifetime={ exponential = { mean = \"1 y\" } }",
        "fault.power-loss=[]",
        "record.sample=10 d",
    ];
    let plans: Vec<_> = (0..15).map(|seed| plan_of_file(&file, Some(seed), &set)).collect();
    check(&plans, "the month of the pilot");
}

fn text(path: &Path) -> &str {
    path.to_str().expect("names are UTF-8")
}

const ONE_NODE: &str = concat!(
    "\
single_node_exponential  seed 1
  1 node, 20 d of computing
  mean time between failures M = 1 d
  checkpoint C = 10 min
  recovery R = 10 min
  downtime D = 1 min
  computing between two checkpoints W = 2 h 42 min 43 s

Own interval                     W                T    T/M          makespan               +-",
    "  efficiency  range
exact expectation  2 h 42 min 43 s  2 h 52 min 43 s  0.120  22 d 17 h 28 min  8 h 57 min 23 s",
    "      0.8800  inside
"
);

#[test]
fn theory_prints_tables_for_people() {
    let bench = Bench::new();
    let file = root().join("scenarios/smoke/single_node_exponential.toml");
    let done = bench.run(&["theory", text(&file)]);
    assert_eq!((done.code, done.stderr.as_str()), (0, ""));
    assert!(done.stdout.starts_with(ONE_NODE), "{}", done.stdout);
    assert!(done.stdout.contains("\nBest interval"), "{}", done.stdout);
    assert!(bench.files().is_empty(), "nothing is written");
    let often = root().join("scenarios/smoke/single_node_frequent.toml");
    let done = bench.run(&["theory", text(&often)]);
    let outside = "period 0.44 of the MTBF: outside the range of the first order (0.27)";
    assert!(done.stdout.contains(outside), "{}", done.stdout);
}

#[test]
fn theory_says_why_no_closed_form_applies() {
    let bench = Bench::new();
    let file = root().join("scenarios/smoke/crash_weibull_daly.toml");
    let done = bench.run(&["theory", text(&file)]);
    assert_eq!(done.code, 0);
    assert_eq!(
        done.stdout,
        "crash_weibull_daly  seed 2\n  no closed form applies:\n    the formulas suppose \
         exponential lifetimes, always and for all alike; `node crash`: lifetimes Weibull of shape \
         0.7 and mean 10 d, parts of any age\n"
    );
    let done = bench.run(&["theory", text(&file), "--json"]);
    assert!(done.stdout.contains("\"no_closed_form\":[\"the formulas suppose"), "{}", done.stdout);
}

#[test]
fn theory_prints_json_and_csv_for_programs_and_every_point_of_a_sweep() {
    let bench = Bench::new();
    let base = root().join("scenarios/smoke/single_node_exponential.toml");
    let file = bench.write(
        "sweep.toml",
        &format!(
            "inherit = \"{}\"\n[sweep]\n\"checkpoint.coordinated.interval\" = [\"1 h\", \"1 d\"]\n",
            text(&base)
        ),
    );
    let done = bench.run(&["theory", text(&file), "--json"]);
    let points: Vec<serde_json::Value> = done
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).expect("a line is one object"))
        .collect();
    assert_eq!(points.len(), 2, "{}", done.stdout);
    assert_eq!(points[0]["setting"]["mtbf"], 86_400.0);
    assert_eq!(points[0]["point"]["checkpoint.coordinated.interval"], "1 h");
    let efficiency = |point: &serde_json::Value| point["own"][0]["efficiency"].as_f64();
    assert!(efficiency(&points[0]) > efficiency(&points[1]), "{}", done.stdout);
    let done = bench.run(&["theory", text(&file), "--csv"]);
    let lines: Vec<_> = done.stdout.lines().collect();
    assert_eq!(lines.len(), 1 + 2 * (4 + 8), "{}", done.stdout);
    assert!(lines[0].starts_with("scenario,seed,point,job,table,formula,work_s,period_s"));
    let columns = lines[0].split(',').count();
    assert_eq!(lines[1].split(',').count(), columns, "{}", lines[1]);
}

#[test]
fn the_report_holds_the_run_against_theory_or_says_why_not() {
    let bench = Bench::new();
    let page = |name: &str| {
        let file = root().join(format!("scenarios/smoke/{name}.toml"));
        let done = bench.run(&["run", text(&file), "--json", "--out", name]);
        assert_eq!(done.code, 0, "{}", done.stderr);
        let object: serde_json::Value = serde_json::from_str(&done.stdout).expect("an object");
        let folder = bench.path().join(object["results"].as_str().expect("a folder"));
        std::fs::read_to_string(folder.join("report.html")).expect("the page is there")
    };
    let exponential = page("hang_fixed_cost");
    for part in ["Theory compared with the run", "13 h 1 min 42 s", "0.9211", "above the mean"] {
        assert!(exponential.contains(part), "{part}");
    }
    let weibull = page("crash_weibull_daly");
    assert!(weibull.contains("No closed form applies: the formulas suppose exponential"));
}
