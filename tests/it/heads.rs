//! Brambles whose head, master or controller dies in the middle, in the model and on turmoil.

use rackstorm::analysis::expect::Verdict;
use rackstorm::stage::{Backend, Model, Turmoil};
use rackstorm::{Outcome, Run};

use crate::harness::plan_of_file;
use crate::program::root;

/// What comes of a scenario, whose expectations hold.
fn play(file: &str, set: &[&str], stage: &dyn Backend) -> Outcome {
    let plan = plan_of_file(&root().join("scenarios").join(file), None, set);
    let outcome = Run::new(&plan, stage).play().expect("nobody stops the play");
    if set.is_empty() {
        assert!(!outcome.verdicts.is_empty(), "{file} expects something");
        assert!(outcome.verdicts.iter().all(Verdict::is_met), "{file}: {:?}", outcome.verdicts);
    }
    outcome
}

fn metric(outcome: &Outcome, name: &str) -> f64 {
    outcome.findings.metric(name).unwrap_or_else(|| panic!("no {name}")).value
}

fn near(found: f64, wanted: f64, band: f64) {
    assert!((found - wanted).abs() <= band, "{found} is not {wanted} +- {band}");
}

/// The systems that `docs/brambles.md` describes, each with a scenario in which its head dies.
#[test]
fn each_system_has_a_scenario_in_which_its_head_dies() {
    for file in [
        "bramble/cluster_queue_head.toml",
        "bramble/desk_4_head.toml",
        "bramble/hadoop.toml",
        "bramble/hazelcast_5.toml",
        "bramble/iridis_pi_head.toml",
        "bramble/object_store_zero_w_gateway.toml",
        "bramble/scan_120_server.toml",
        "bramble/sort_two_head.toml",
        "bramble/teaching_24.toml",
        "bramble/tower_40_parts.toml",
        "bramble/tutorial_7.toml",
        "bramble/wall_120_server.toml",
        "bramble/web_site.toml",
    ] {
        let file = file.replace("bramble/cluster", "study/cluster");
        let plan = plan_of_file(&root().join("scenarios").join(&file), None, &[]);
        assert!(!plan.scenario.faults.is_empty(), "{file}");
    }
}

/// Dead for 5 min from the third minute on. The first rank dies with the board that has it, and all
/// was in memory; a controller of its own is only waited for.
#[test]
fn iridis_loses_all_with_its_first_rank_and_nothing_with_another_head() {
    let (quiet, head) = (
        play("bramble/iridis_pi.toml", &[], &Model),
        play("bramble/iridis_pi_head.toml", &[], &Model),
    );
    assert_eq!(metric(&head, "jobs_done") as u64, 1);
    let since_start = 180.0 - (metric(&quiet, "makespan") - 120.0 * 1.284_1);
    let lost = metric(&head, "work_lost");
    near(lost, since_start / 1.284_1, 1.0);
    assert!(metric(&head, "makespan") > metric(&quiet, "makespan") + 300.0 + since_start);
    let apart = |part: &str, kind: &str| {
        let fault =
            format!("fault.{kind}=[{{ on = \"{part}\", at = \"3 min\", repair = \"5 min\" }}]");
        play("bramble/iridis_pi.toml", &[&fault], &Model)
    };
    let controller = apart("controller", "controller-crash");
    near(metric(&controller, "makespan"), metric(&quiet, "makespan") + 300.0, 1.3);
    assert_eq!(metric(&controller, "work_lost") as u64, 0);
}

/// It dies after 5 s, boots 30 s later, and sorts from the begin for 12.4 s.
#[test]
fn two_that_sort_begin_anew_when_the_one_with_the_numbers_dies() {
    let (quiet, head) = (
        play("bramble/sort_two.toml", &[], &Model),
        play("bramble/sort_two_head.toml", &[], &Model),
    );
    let (whole, again) = (metric(&quiet, "sort_time"), metric(&head, "sort_time"));
    assert!((35.0 + 10.0..35.0 + 45.0).contains(&(again - whole)), "{again} s for {whole} s");
    assert_eq!(metric(&head, "sort_tasks_lost") as u64, 2);
}

/// The shots of 31, 32 and 33 min are not taken; the pictures of that of 30 min wait in the boards.
#[test]
fn cameras_miss_the_shots_of_a_dead_server_and_keep_the_pictures_before_it() {
    let (quiet, dead) = (
        play("bramble/scan_120.toml", &[], &Model),
        play("bramble/scan_120_server.toml", &[], &Model),
    );
    let missed = metric(&dead, "triggers_missed") - metric(&quiet, "triggers_missed");
    near(missed, 3.0 * 120.0, 3.0);
    assert_eq!(metric(&dead, "uploads_lost") as u64, 0);
    near(metric(&dead, "upload_time_max"), 180.0 + metric(&quiet, "upload_time_max"), 5.0);
}

/// Peers are no help while a piece is at the server alone, which is for the first minute; then
/// nobody needs it. From the server alone all wait for it, whenever it dies.
#[test]
fn a_wall_needs_its_server_for_the_first_minute_of_a_rollout() {
    let dies = |at: u64, method: &str| {
        let fault = format!(
            "fault.server-loss=[{{ on = \"server[1]\", at = \"{at} s\", repair = \"5 min\" }}]"
        );
        let method = format!("rollout.method={method}");
        metric(&play("bramble/wall_120_server.toml", &[&fault, &method], &Model), "rollout_time")
    };
    let quiet = metric(&play("bramble/wall_120.toml", &[], &Model), "rollout_time");
    assert_eq!(
        metric(&play("bramble/wall_120_server.toml", &[], &Model), "rollout_done") as u64,
        120
    );
    assert!(dies(150, "peers") > 300.0 + 60.0);
    near(dies(190, "peers"), quiet, 1e-9);
    assert!(dies(190, "source") > 300.0 + 500.0);
}

/// For 20 min nothing is put, got or repaired, and no object is lost that the nodes have.
#[test]
fn a_store_without_its_gateway_serves_nobody_and_loses_nothing() {
    let store = play("bramble/object_store_zero_w_gateway.toml", &[], &Model);
    let quiet = play("bramble/object_store_zero_w.toml", &[], &Model);
    let more = |name: &str| metric(&store, name) - metric(&quiet, name);
    assert_eq!(metric(&store, "store_objects_lost") as u64, 0);
    // 0.02 and 0.1 a second for 1,200 s, and what was under way: 99 % of the Poisson draws.
    assert!((12.0..42.0).contains(&more("store_puts_failed")), "{}", more("store_puts_failed"));
    assert!((92.0..160.0).contains(&more("store_gets_failed")), "{}", more("store_gets_failed"));
    near(more("store_rebuild_time_max"), 1_200.0, 300.0);
}

/// What runs when the batch server dies runs on; what ends waits to be noticed, nothing begins, and
/// five jobs more meet their walltimes, as their steps wait for the controller.
#[test]
fn a_queue_outlives_six_hours_without_its_server() {
    let queue = play("study/cluster_queue_head.toml", &[], &Model);
    assert_eq!(metric(&queue, "jobs_unfinished") as u64, 0);
    assert_eq!(metric(&queue, "jobs_timed_out") as u64, 8);
    assert!((9_300.0..9_700.0).contains(&metric(&queue, "queue_wait_mean")), "9,081 s without");
}

/// What both stages show of a desk whose hub browns out, whose head dies, and which is made of
/// parts, to a hundredth: a job of an hour differs by its heartbeats and by steps cut short.
#[test]
fn model_and_turmoil_agree_on_desks() {
    for (file, makespan) in [
        ("bramble/desk_4.toml", false),
        ("bramble/desk_4_head.toml", true),
        ("bramble/desk_4_parts.toml", true),
        ("bramble/desk_4_ports.toml", false),
    ] {
        let [model, fleet] = [&Model as &dyn Backend, &Turmoil].map(|stage| play(file, &[], stage));
        for count in ["jobs_done", "failures", "failures_brown_out", "nodes_up_end", "restarts"] {
            let [a, b] = [&model, &fleet].map(|it| metric(it, count) as u64);
            assert_eq!(a, b, "{file}: {count}");
        }
        near(metric(&model, "boot_t100"), metric(&fleet, "boot_t100"), 0.01);
        for time in ["makespan", "checkpoint_time_mean", "checkpoint_time_max"] {
            if makespan {
                let [a, b] = [&model, &fleet].map(|it| metric(it, time));
                near(b, a, 0.01 * a);
            }
        }
    }
}

/// A short day of the tower: ten minutes of computing, and a supply that fails in the middle.
#[test]
fn model_and_turmoil_agree_on_the_tower() {
    let set = [
        "workload.bulk-synchronous.work=10 min",
        "checkpoint.coordinated.interval=4 min",
        "fault.crash=[]",
        "fault.link-degradation=[]",
        "fault.power-loss=[{ on = \"psu[1]\", at = \"9 min\", repair = \"3 min\" }]",
    ];
    let [model, fleet] =
        [&Model as &dyn Backend, &Turmoil].map(|stage| play("bramble/tower_40.toml", &set, stage));
    for count in ["jobs_done", "failures", "restarts", "checkpoints_committed"] {
        assert_eq!(metric(&model, count) as u64, metric(&fleet, count) as u64, "{count}");
    }
    assert_eq!(metric(&model, "failures") as u64, 40);
    let [a, b] = [&model, &fleet].map(|it| metric(it, "makespan"));
    near(b, a, 0.01 * a);
}
