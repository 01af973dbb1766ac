//! Data grids: closed forms of copying, what deaths and cuts cost, and what a dashboard knows.

use rackstorm::event::{EndReason, Event, TaskAct, TaskKind, What};
use rackstorm::stage::Model;
use rackstorm::{Outcome, Plan, Run};

use crate::transfers::machine;

/// Partitions of 12.5 MB take a second on a link of 100 Mbit/s.
fn grid(members: u32, rest: &str) -> String {
    format!(
        "[data_grid]\nmembers = \"pi[1-{members}]\"\npartition_size = \"12.5 MB\"\n\
         detect = \"10 s\"\npatience = \"0 s\"\n{rest}\n"
    )
}

fn crash(node: &str, at: &str, repair: &str) -> String {
    format!("[[fault.crash]]\non = \"{node}\"\nat = \"{at}\"\nrepair = \"{repair}\"\n")
}

fn cut(at: &str, repair: &str) -> String {
    format!(
        "[[fault.link-degradation]]\non = \"uplink[2]\"\nat = \"{at}\"\nshare = 0.0\n\
         repair = \"{repair}\"\n"
    )
}

/// Nodes behind switches of so many, until the end.
fn rack(nodes: u32, per_switch: u32, end: &str, text: &str) -> String {
    let text = machine(nodes, per_switch, "1 Gbit/s", text);
    text.replace("at = \"30 d\"", &format!("at = \"{end}\""))
}

fn play(text: &str, seed: u64) -> (Outcome, Vec<Event>) {
    let text = format!("seed = {seed}\n{text}");
    let scenario = rackstorm::read("grid", &text).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let mut events = Vec::new();
    let plan = Plan::make(&scenario);
    let outcome = Run::new(&plan, &Model).sink(&mut events).play().expect("it plays");
    (outcome, events)
}

fn metric(outcome: &Outcome, name: &str) -> f64 {
    outcome.findings.metric(name).unwrap_or_else(|| panic!("{name} is absent")).value
}

fn close(found: f64, wanted: f64) {
    assert!((found - wanted).abs() < 1e-6, "{found} for {wanted}");
}

/// When tasks of a kind begin or end (s).
fn times(events: &[Event], of: TaskKind, acts: TaskAct) -> Vec<f64> {
    let own = events.iter().filter(
        |event| matches!(event.what, What::Task { kind, act, .. } if kind == of && act == acts),
    );
    own.map(|event| event.at.0 as f64 / 1e9).collect()
}

/// Of 30 partitions with a backup on three members each pair holds 10, so that each survivor of a
/// death lacks those 10 that the other one has: 10 s in each direction at once.
#[test]
fn backups_are_made_again_in_their_bytes_over_the_rate_of_the_link() {
    let with = |parallel: u32| {
        let text = grid(3, &format!("partitions = 30\nparallel = {parallel}"));
        play(&rack(3, 3, "10 min", &(text + &crash("pi3", "100 s", "20 min"))), 1).0
    };
    let run = with(100);
    close(metric(&run, "grid_safe_after_max"), 10.0 + 10.0);
    close(metric(&run, "grid_migrations"), 20.0);
    close(metric(&run, "grid_bytes_migrated"), 20.0 * 12.5e6);
    close(metric(&run, "grid_detection_max"), 10.0);
    close(metric(&run, "grid_partitions_lost"), 0.0);
    // It owned a third of them, for as long as nobody noticed.
    close(metric(&run, "grid_unavailable_time"), 10.0 * 10.0);
    close(metric(&run, "grid_unavailable_max"), 10.0);
    // One at a time at each member, whichever way it goes.
    close(metric(&with(1), "grid_safe_after_max"), 10.0 + 20.0);
}

/// It gets its share, 20 of 60 copies, over its own link.
#[test]
fn a_member_that_comes_back_gets_its_share() {
    let text = grid(3, "partitions = 30\nparallel = 100");
    let text = rack(3, 3, "10 min", &(text + &crash("pi3", "100 s", "200 s")));
    let (run, events) = play(&text, 1);
    close(metric(&run, "grid_migrations"), 20.0 + 20.0);
    let back = |times: Vec<f64>| times.into_iter().filter(|at| *at > 200.0).collect::<Vec<_>>();
    let begin = back(times(&events, TaskKind::GridCopy, TaskAct::Begin))[0];
    let end = *back(times(&events, TaskKind::GridCopy, TaskAct::End)).last().expect("it gets some");
    close(end - begin, 20.0);
}

#[test]
fn one_death_loses_nothing_if_there_is_a_backup_and_its_share_if_there_is_none() {
    for members in 2..=7 {
        for backups in 0..=3 {
            let text = grid(members, &format!("partitions = 271\nbackups = {backups}"));
            let text = text + &crash("pi2", "100 s", "1 h");
            let (run, _) = play(&rack(members, members, "30 min", &text), 1);
            let (lost, share) = (metric(&run, "grid_partitions_lost"), 271.0 / f64::from(members));
            if backups == 0 {
                assert!((lost - share).abs() < 1.0, "{lost} of {share}");
            } else {
                close(lost, 0.0);
            }
        }
    }
}

/// The mean over seeds 1 to 200 against the expectation, within 99 % of its own scatter.
fn mean_is(text: &str, name: &str, wanted: f64) {
    const RUNS: u64 = 200;
    let found: Vec<f64> = (1..=RUNS).map(|seed| metric(&play(text, seed).0, name)).collect();
    let mean = found.iter().sum::<f64>() / RUNS as f64;
    let scatter = found.iter().map(|it| (it - mean).powi(2)).sum::<f64>() / (RUNS - 1) as f64;
    let half = 2.576 * (scatter / RUNS as f64).sqrt();
    assert!((mean - wanted).abs() <= half.max(1e-9), "{name}: {mean} ± {half} for {wanted}");
}

/// Members that die together take the partitions with them that have all copies there: of k copies
/// on n members, each set of k of these holds one in C(n, k) of them.
#[test]
fn deaths_within_the_window_lose_the_combinatorial_share() {
    let dead = |count: u32| -> String {
        (2..2 + count).map(|node| crash(&format!("pi{node}"), "100 s", "1 h")).collect()
    };
    let play = |backups: u32, deaths: u32| {
        let text = grid(6, &format!("partitions = 100\nbackups = {backups}"));
        rack(6, 6, "10 min", &(text + &dead(deaths)))
    };
    mean_is(&play(1, 2), "grid_partitions_lost", 100.0 / 15.0);
    mean_is(&play(1, 3), "grid_partitions_lost", 100.0 * 3.0 / 15.0);
    mean_is(&play(2, 3), "grid_partitions_lost", 100.0 / 20.0);
}

/// The second dies when the backups of the first are made again, and nothing is lost.
#[test]
fn deaths_one_after_the_other_lose_nothing() {
    let text = grid(6, "partitions = 100");
    let text = text + &crash("pi2", "100 s", "1 h") + &crash("pi3", "200 s", "1 h");
    let (run, _) = play(&rack(6, 6, "10 min", &text), 1);
    close(metric(&run, "grid_partitions_lost"), 0.0);
}

/// Six members behind two switches, one of which is cut off. Each side lacks the partitions that
/// have both copies on the other one: 3 of 15 pairs, 12 of 60 on the mean.
#[test]
fn both_sides_of_a_split_go_on_with_what_they_have() {
    let play_rule = |rule: &str, repair: &str| {
        let text = grid(6, &format!("partitions = 60\non_merge = \"{rule}\""));
        rack(6, 3, "1 h", &(text + &cut("100 s", repair)))
    };
    mean_is(&play_rule("merge", "10 min"), "grid_split_missing", 24.0);
    let (merge, _) = play(&play_rule("merge", "10 min"), 1);
    close(metric(&merge, "grid_splits"), 1.0);
    // From when it is noticed until two minutes after the cut is healed, and the merge.
    let time = metric(&merge, "grid_split_time");
    assert!((710.0..740.0).contains(&time), "{time}");
    close(metric(&merge, "grid_partitions_lost"), 0.0);
    let missing = metric(&merge, "grid_split_missing");
    let (discard, events) = play(&play_rule("discard", "10 min"), 1);
    let lost = metric(&discard, "grid_partitions_lost");
    assert!(lost > 0.0 && lost < missing, "what the larger side has not is lost: {lost}");
    let holes = events.iter().filter(|event| {
        let What::Task { kind, number, act, .. } = event.what else { return false };
        (kind, act) == (TaskKind::GridHole, TaskAct::Begin) && number < 60
    });
    close(lost, holes.count() as f64);
    close(metric(&discard, "grid_merged"), 0.0);
    close(metric(&discard, "grid_discarded") + (missing - lost), 60.0);
}

#[test]
fn a_cut_that_heals_before_it_is_noticed_changes_nothing() {
    let text = grid(6, "partitions = 60") + &cut("100 s", "9 s");
    let (run, _) = play(&rack(6, 3, "1 h", &text), 1);
    for name in ["grid_splits", "grid_migrations", "grid_partitions_lost", "grid_merged"] {
        close(metric(&run, name), 0.0);
    }
    close(metric(&run, "grid_unsafe_time"), 18.0);
}

#[test]
fn when_all_die_all_is_lost_and_a_grid_without_data_begins() {
    let text = grid(4, "partitions = 60") + &crash("pi[1-4]", "100 s", "100 s");
    let (run, _) = play(&rack(4, 4, "1 h", &text), 1);
    close(metric(&run, "grid_partitions_lost"), 60.0);
    close(metric(&run, "grid_unavailable_time"), 60.0 * 100.0);
    close(metric(&run, "grid_migrations"), 0.0);
}

/// An age of x s is exceeded for a share q^k of the time at whole x = k, and linearly in between,
/// if each report of each second is lost by the chance q.
#[test]
fn the_dashboards_age_is_that_of_reports_that_are_lost_by_chance() {
    let with = |loss: f64| {
        let text = grid(5, &format!("master = \"pi6\"\nloss = {loss:?}\nstale = \"5 s\""));
        play(&rack(6, 6, "1 h", &text), 1).0
    };
    let none = with(0.0);
    close(metric(&none, "dashboard_age_p50"), 0.5);
    close(metric(&none, "dashboard_age_p99"), 0.99);
    close(metric(&none, "dashboard_age_max"), 1.0);
    let half = with(0.5);
    let n = 5.0 * 3_600.0_f64;
    let lost = metric(&half, "dashboard_reports_lost");
    assert!((lost - n / 2.0).abs() < 2.576 * (n / 4.0).sqrt() + 5.0, "{lost} of {n}");
    // 1 - q^0 and on: half of the time is below 1 s. The 99th percentile is 6.72 s.
    let median = metric(&half, "dashboard_age_p50");
    assert!((median - 1.0).abs() < 0.05, "{median}");
    let p99 = metric(&half, "dashboard_age_p99");
    assert!((p99 - 6.72).abs() < 0.5, "{p99}");
}

/// One that is gone for less than it takes, one while the master is, and one that all can see.
#[test]
fn the_dashboard_misses_short_deaths_and_those_while_it_is_dark() {
    let text = grid(4, "master = \"pi5\"\nstale = \"5 s\"");
    let faults = crash("pi1", "100 s", "3 s")
        + &crash("pi2", "200 s", "60 s")
        + &crash("pi5", "400 s", "60 s")
        + &crash("pi3", "410 s", "20 s");
    let (run, _) = play(&rack(5, 5, "20 min", &(text + &faults)), 1);
    close(metric(&run, "dashboard_deaths_missed"), 2.0);
    close(metric(&run, "dashboard_dark_time"), 60.0);
    close(metric(&run, "dashboard_false_alarms"), 0.0);
    let max = metric(&run, "dashboard_age_max");
    assert!((60.0..=62.0).contains(&max), "{max}");
}

#[test]
fn members_work_off_the_queue_and_do_again_what_a_dead_one_had() {
    let text = grid(4, "partitions = 4\ntasks = 40\ntask = \"10 s\"");
    let last = |events: &[Event]| {
        times(events, TaskKind::GridTask, TaskAct::End).into_iter().fold(0.0, f64::max)
    };
    let (run, events) = play(&rack(4, 4, "1 h", &text), 1);
    close(last(&events), 100.0);
    close(metric(&run, "grid_tasks_done"), 40.0);
    assert_eq!(run.end, Some(EndReason::WorkDone));
    let (run, events) = play(&rack(4, 4, "1 h", &(text + &crash("pi2", "15 s", "1 h"))), 1);
    close(metric(&run, "grid_tasks_done"), 40.0);
    close(metric(&run, "grid_tasks_retried"), 1.0);
    // It has done one of 40; the three others do 39, the last of them after 13 rounds.
    close(last(&events), 130.0);
}

/// What a run leaves as its scenario has to be read again by `replay` and `branch`.
#[test]
fn a_grid_without_master_or_tasks_is_read_again_as_it_was() {
    for rest in ["", "master = \"pi5\"\nloss = 0.1", "tasks = 3\ntask = \"2 s\""] {
        let read = |text: &str| rackstorm::read("grid", text);
        let scenario = read(&rack(5, 5, "1 h", &grid(4, rest))).expect("it is good");
        let text = rackstorm::scenario::text(&scenario);
        let again = read(&text).unwrap_or_else(|mistakes| panic!("{mistakes}\n{text}"));
        assert_eq!(again, scenario);
    }
}

/// Nodes, links, uplinks and switches fail for a day, and the sides of the grid with them.
#[test]
fn a_grid_bears_whatever_fails() {
    let fails = |kind: &str, on: &str, mean: &str, rest: &str| {
        format!(
            "[[fault.{kind}]]\non = \"{on}\"\nrepair = \"50 s\"\n\
             lifetime = {{ exponential = {{ mean = \"{mean}\" }} }}\n{rest}\n"
        )
    };
    let faults = fails("crash", "node", "2 h", "")
        + &fails("switch-loss", "switch", "6 h", "")
        + &fails("link-degradation", "uplink[1-2]", "1 h", "share = 0.0")
        + &fails("link-degradation", "link", "6 h", "share = 0.0");
    for rule in ["merge", "discard"] {
        let text = grid(8, &format!("partitions = 60\nmaster = \"pi1\"\non_merge = \"{rule}\""));
        let text = text.replace("12.5 MB", "1 MB") + &faults;
        let (run, _) = play(&rack(8, 4, "1 d", &text), 1);
        assert!(metric(&run, "grid_splits") > 5.0);
        assert!(metric(&run, "grid_detection_max") <= 10.0);
        assert!(metric(&run, "grid_unavailable_max") < 3_600.0);
    }
}
