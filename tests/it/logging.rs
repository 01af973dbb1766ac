//! Groups that checkpoint and roll back by themselves: what a failure costs whom, and theory.

use std::fmt::Write as _;

use rackstorm::analysis::forecast;
use rackstorm::backend::Backend;
use rackstorm::backend::turmoil::Turmoil;
use rackstorm::event::{Event, What};

use crate::theatre::{Played, measure_text, plan_of, play_text};

/// So many nodes that boot at once and are back at once, and what `with` says.
fn machine(nodes: u32, with: &str) -> String {
    format!(
        "schema = 1\ntitle = \"groups\"\n[cluster]\nhardware = \"pi_3b\"\n[module]\n\
         nodes = {nodes}\nspares = 0\npacks = [{nodes}]\nnodes_per_blade = {nodes}\nswitches = 1\n\
         psu = [{{ packs = [1], switches = [1], limit = \"10 MW\", restart = \"5 s\" }}]\n\
         [boot]\nmethod = \"instant\"\n[controller]\ndetect = \"0 s\"\nsettle = \"0 s\"\n{with}\n\
         [record]\nsample = \"1 y\"\n[stop]\nat = \"400 y\"\n"
    )
}

/// Crashes of eight nodes, once in `mtbf` seconds, and a job of so much work.
fn crashes(mtbf: u64, step: u64, work: u64, checkpoint: &str) -> String {
    let mut with = String::new();
    write!(
        with,
        "[[fault.crash]]\non = \"node\"\nrepair = \"0 s\"\n\
         lifetime = {{ exponential = {{ mean = \"{} s\" }} }}\n\
         [workload.bulk-synchronous]\nstep = \"{step} s\"\nwork = \"{work} s\"\n{checkpoint}",
        8 * mtbf
    )
    .expect("a string takes any text");
    machine(8, &with)
}

fn without_groups(played: &Played) -> Vec<Event> {
    let events = played.events.iter().copied();
    events.filter(|event| !matches!(event.what, What::Group { .. })).collect()
}

#[test]
fn one_group_of_all_nodes_plays_exactly_as_a_coordinated_job() {
    for keys in [
        "size = \"200 MB\"\nlast = true",
        "cost = { write = \"9 s\", read = \"7 s\", downtime = \"3 s\" }\n\
         strikes = { downtime = true }",
    ] {
        let text = |table: &str| {
            let checkpoint = format!("[checkpoint.{table}\ninterval = \"5 min\"\n{keys}");
            crashes(2_000, 20, 60_000, &checkpoint)
        };
        let coordinated = play_text(&text("coordinated]"), Some(3));
        let groups = "logging]\ngroup = 8\nslowdown = 0\nlog = \"0 B\"";
        let groups =
            if keys.contains("cost") { groups.replace("log = \"0 B\"", "") } else { groups.into() };
        let grouped = play_text(&text(&groups), Some(3));
        assert!(coordinated.metric("interrupts") > 10.0);
        assert!(without_groups(&coordinated) == without_groups(&grouped), "{keys}");
        assert_eq!(coordinated.findings, grouped.findings);
    }
}

/// Two groups of two nodes. Three steps of ten and six seconds of the fourth; one group computes
/// them again in half the time, and the fourth step with the other one.
#[test]
fn only_the_failed_group_loses_work_and_the_other_waits() {
    let text = machine(
        4,
        "[[fault.crash]]\non = \"pi[2]\"\nat = \"36 s\"\nrepair = \"0 s\"\n\
         [workload.bulk-synchronous]\nstep = \"10 s\"\nwork = \"100 s\"\n\
         [checkpoint.logging]\ngroup = 2\ninterval = \"1 h\"\nslowdown = 0\nspeedup = 2.0\n\
         cost = { write = \"1 s\", read = \"0 s\" }",
    );
    let played = play_text(&text, Some(1));
    let total = 36.0 + 15.0 + 70.0;
    let useful = 4.0 * total - 2.0 * 36.0 - 2.0 * 6.0 - 2.0 * 15.0;
    for (name, expected) in [
        ("makespan", total),
        ("work_lost", 36.0 * 2.0 / 4.0),
        ("rework_time", 15.0),
        ("work", useful / 4.0),
        ("efficiency", useful / (4.0 * total)),
        ("waste_rework", 2.0 * 36.0 / (4.0 * total)),
        ("waste_idle", (2.0 * 6.0 + 2.0 * 15.0) / (4.0 * total)),
        ("node_time_rework", 30.0),
        ("node_time_wait", 30.0),
        ("interrupts", 1.0),
    ] {
        let found = played.metric(name);
        assert!((found - expected).abs() < 1e-9, "{name}: {found}, not {expected}");
    }
}

/// Mean makespan over seeds.
fn makespan(text: &str, seeds: u64) -> f64 {
    let all: f64 = (0..seeds).map(|seed| measure_text(text, Some(seed)).metric("makespan")).sum();
    all / seeds as f64
}

/// Some 20,000 failures each, so that chance is well within the 3 % of the first order.
#[test]
fn groups_waste_what_the_first_order_says() {
    for keys in [
        "group = 2\nspeedup = 2.0",
        "group = 4\nstagger = false\nslowdown = 0.1",
        "group = 1\nslowdown = 0\nspeedup = 1.5",
    ] {
        let work = 5_000_000;
        let checkpoint = format!(
            "[checkpoint.logging]\n{keys}\ninterval = \"1000 s\"\n\
             cost = {{ write = \"20 s\", read = \"15 s\", downtime = \"5 s\" }}"
        );
        let text = crashes(10_000, 50, work, &checkpoint);
        let forecast = forecast::of(&plan_of(&text)).expect("a formula applies");
        let own = &forecast.own[0];
        assert_eq!((own.formula, own.outside.as_str()), ("groups, first order", ""));
        let waste = |makespan: f64| 1.0 - work as f64 / makespan;
        let (expected, found) = (waste(own.makespan.expect("it ends")), waste(makespan(&text, 40)));
        println!("{keys:?}: {found}, first order {expected}");
        assert!((found / expected - 1.0).abs() < 0.03, "{keys}: {found}, theory {expected}");
    }
}

#[test]
fn each_switch_moves_the_job_the_way_it_should() {
    let run = |keys: &str| {
        let checkpoint = format!("[checkpoint.logging]\ninterval = \"10 min\"\n{keys}");
        measure_text(&crashes(3_000, 20, 300_000, &checkpoint), Some(5))
    };
    let cost = "cost = { write = \"10 s\", read = \"10 s\" }";
    let fixed = |keys: &str| run(&format!("{cost}\nslowdown = 0\n{keys}"));
    let base = fixed("group = 2");
    let slower = run(&format!("{cost}\nslowdown = 0.2\ngroup = 2"));
    assert!(slower.metric("makespan") > 1.15 * base.metric("makespan"));
    let faster = fixed("group = 2\nspeedup = 4.0");
    assert!(faster.metric("makespan") < base.metric("makespan"));
    assert!(faster.metric("rework_time") < 0.5 * base.metric("rework_time"));
    let at_once = fixed("group = 2\nstagger = false");
    assert!(at_once.metric("waste_checkpoint") < 0.5 * base.metric("waste_checkpoint"));
    let whole = fixed("group = 8\nstagger = false");
    assert!(at_once.metric("waste_rework") < 0.5 * whole.metric("waste_rework"));
    assert!(at_once.metric("waste_idle") > whole.metric("waste_idle"));
    let written = |log: &str| {
        let played = run(&format!("group = 2\nsize = \"10 MB\"\nlog = \"{log}\""));
        played.metric("bytes_received_checkpoint") / played.metric("checkpoints_committed")
    };
    assert!(written("1 MB") > 2.0 * written("0 B"));
}

/// Those who wait for a group that computes again draw less than it does.
#[test]
fn waiting_for_another_group_takes_less_energy_than_computing_again() {
    let run = |group: u32| {
        let text = machine(
            8,
            &format!(
                "[[fault.crash]]\non = \"pi[1]\"\nat = \"5000 s\"\nrepair = \"0 s\"\n\
                 [workload.bulk-synchronous]\nstep = \"10 s\"\nwork = \"6000 s\"\n\
                 [checkpoint.logging]\ngroup = {group}\ninterval = \"2 h\"\nslowdown = 0\n\
                 stagger = false\n\
                 cost = {{ write = \"1 s\", read = \"0 s\" }}"
            ),
        );
        play_text(&text, Some(1))
    };
    let (one, whole) = (run(1), run(8));
    assert_eq!(one.metric("makespan"), whole.metric("makespan"));
    assert!(one.metric("energy") < 0.95 * whole.metric("energy"));
}

#[test]
fn agents_refuse_groups() {
    let text =
        std::fs::read_to_string("scenarios/smoke/checkpoint_logging.toml").expect("readable");
    let reasons = Turmoil.cannot(&plan_of(&text));
    assert!(reasons.iter().any(|reason| reason.contains("[checkpoint.logging]")), "{reasons:?}");
}
