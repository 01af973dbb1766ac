//! What each failure cost: which fault it was, and rows that add up to the metrics.

use rackstorm::analysis::{FailureFinding, cost_by_kind};

use crate::harness::{Played, play_file, play_text};
use crate::jobs::machine;
use crate::program::{Bench, root};

/// A job that computes for two hours on four of five nodes, with fixed costs of checkpoints.
fn job(faults: &str) -> String {
    machine(
        5,
        &format!(
            "[workload.bulk-synchronous]\nnodes = 4\nstep = \"1 min\"\nwork = \"2 h\"\n\
             [checkpoint.coordinated]\ninterval = \"30 min\"\n\
             cost = {{ write = \"1 min\", read = \"2 min\" }}\n{faults}"
        ),
    )
    .replace("detect = \"0 s\"", "detect = \"30 s\"")
}

fn crash(node: u32, at: &str) -> String {
    format!("[[fault.crash]]\non = \"node[{node}]\"\nat = \"{at}\"\nrepair = \"10 min\"\n")
}

/// The rows of a run in short: kind, part, and lost work, restart and waiting.
fn rows(played: &Played) -> Vec<(&str, &str, [f64; 3])> {
    let short = |row: &FailureFinding| [row.rework_s, row.restart_s, row.wait_s];
    played
        .findings
        .failures
        .iter()
        .map(|row| (row.kind.as_str(), row.part.as_str(), short(row)))
        .collect()
}

/// A crash ten minutes after a checkpoint costs these ten minutes, the reading, and the wait for
/// the spare.
#[test]
fn a_crash_costs_what_was_computed_since_the_checkpoint() {
    let played = play_text(&job(&crash(2, "41 min")), None);
    let [(kind, part, [rework, restart, wait])] = rows(&played)[..] else {
        panic!("one failure: {:?}", played.findings.failures)
    };
    assert_eq!((kind, part), ("crash", "pi2"));
    assert_eq!((rework, restart), (600.0, 120.0));
    let row = &played.findings.failures[0];
    assert_eq!((row.at_s, row.reaction_s), (2_460.0, wait), "the spare is ready");
    assert!((row.node_s - 4.0 * (600.0 + 120.0 + wait)).abs() < 1e-9);
}

/// What a second crash interrupts, it pays for from then on.
#[test]
fn a_crash_while_the_job_reads_back_takes_over_the_cost() {
    let first = play_text(&job(&crash(2, "41 min")), None).findings.failures[0].clone();
    let at = 41 * 60 + first.wait_s as u64 + 60;
    let faults = format!("{}{}", crash(2, "41 min"), crash(3, &format!("{at} s")));
    let played = play_text(&job(&faults), None);
    let rows = rows(&played);
    assert_eq!(rows.len(), 2, "{rows:?}");
    assert_eq!(rows[0], ("crash", "pi2", [600.0, 60.0, first.wait_s]));
    assert_eq!((rows[1].0, rows[1].1), ("crash", "pi3"));
    // Two of five nodes are under repair: the job waits for the first of them.
    assert_eq!(rows[1].2[..2], [0.0, 120.0]);
    assert!(rows[1].2[2] > 400.0, "{rows:?}");
}

/// All four failures of nodes are those of the supply that failed.
#[test]
fn a_supply_that_takes_many_nodes_is_one_failure() {
    let month = play_file(&root().join("scenarios/study/lanl_750_month.toml"), None, &[]);
    let of = |kind: &str| {
        let rows = month.findings.failures.iter().filter(|row| row.kind == kind);
        rows.collect::<Vec<_>>()
    };
    let [supply] = of("power-loss")[..] else { panic!("one supply fails") };
    assert_eq!((supply.at_s, supply.part.as_str()), (273_600.0, "module[2]/psu[1]"));
    // Somebody swaps it after four hours.
    assert!((14_400.0..15_000.0).contains(&supply.wait_s), "{supply:?}");
    assert_eq!(of("crash").len() + 1, month.findings.failures.len(), "no other kind");
    let strikes = month.findings.strikes.len() as f64;
    assert!((strikes - month.metric("faults")).abs() < 1e-9);
}

fn assert_adds_up(name: &str, played: &Played) {
    let jobs = &played.findings.jobs;
    let nodes = |job: &str| {
        let job = jobs.iter().find(|row| row.job == job).expect("a job of the run");
        f64::from(job.nodes)
    };
    let time = |job: &rackstorm::analysis::JobFinding| {
        let lost = job.lost_s + job.checkpoint_s + job.restart_s + job.verify_s + job.wait_s;
        f64::from(job.nodes) * (job.work_s + lost)
    };
    let all: f64 = jobs.iter().map(time).sum();
    let share = |of: fn(&FailureFinding) -> f64| {
        let rows = played.findings.failures.iter();
        rows.map(|row| of(row) * nodes(&row.job)).sum::<f64>() / all
    };
    for (metric, found) in [
        ("waste_rework", share(|row| row.rework_s)),
        ("waste_restart", share(|row| row.restart_s)),
        ("waste_idle", share(|row| row.wait_s)),
    ] {
        let wanted = played.metric(metric);
        assert!((found - wanted).abs() < 1e-6, "{name}: {metric} is {wanted}, the rows {found}");
    }
    let kinds = cost_by_kind(&played.findings.failures);
    let sum = |rows: &[f64]| rows.iter().sum::<f64>();
    let by_kind = sum(&kinds.iter().map(|kind| kind.node_s).collect::<Vec<_>>());
    let each = sum(&played.findings.failures.iter().map(|row| row.node_s).collect::<Vec<_>>());
    assert!((by_kind - each).abs() <= 1e-9 * each, "{name}");
    assert!(kinds.is_sorted_by(|a, b| a.node_s >= b.node_s), "{name}");
}

/// Of every smoke scenario with a job, whatever fails and however it goes on.
#[test]
fn the_rows_add_up_to_the_metrics_of_every_scenario() {
    let mut kinds = std::collections::BTreeSet::new();
    let folder = std::fs::read_dir(root().join("scenarios/smoke")).expect("it is there");
    let mut files: Vec<_> = folder.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    for file in files.iter().filter(|file| file.extension().is_some_and(|end| end == "toml")) {
        let played = play_file(file, None, &[]);
        if !played.findings.jobs.is_empty() {
            assert_adds_up(&file.display().to_string(), &played);
        }
        kinds.extend(played.findings.failures.into_iter().map(|row| row.kind));
    }
    for kind in ["crash", "hang", "power-loss", "switch-loss", "silent-corruption"] {
        assert!(kinds.contains(kind), "{kind}: {kinds:?}");
    }
}

#[test]
fn the_page_says_why_and_lists_what_cost_most() {
    let bench = Bench::new();
    let page = |name: &str, text: &str| {
        let file = bench.write(name, text);
        let done = bench.run(&["run", file.to_str().expect("UTF-8"), "--json"]);
        assert_eq!(done.code, 0, "{}", done.stderr);
        let folder = done.json_lines()[0]["results"].as_str().map(|it| bench.path().join(it));
        let folder = folder.expect("a folder");
        let read = |name: &str| std::fs::read_to_string(folder.join(name)).expect("it is there");
        (read("report.html"), read("failures.csv"), read("figures/nodes_up.svg"))
    };
    let (html, table, svg) = page("one.toml", &job(&crash(2, "41 min")));
    assert!(html.contains("The failure that cost most, crash of pi2 after 41 min, took"));
    assert!(
        html.contains("<h2>What each failure cost</h2>") && html.contains("href=\"#failures\"")
    );
    assert_eq!(table.lines().count(), 2, "{table}");
    assert!(svg.lines().any(|line| line == "crash 1"), "it is marked below the axis");
    // Forty, of which the page lists those that cost most.
    let many: String = (0..40)
        .map(|i| crash(1 + i % 5, &format!("{} min", 41 + 20 * i)))
        .collect::<Vec<_>>()
        .concat();
    let (html, table, svg) = page(
        "many.toml",
        &job(&many).replace("\"2 h\"", "\"10 h\"").replace("\"30 min\"", "\"10 min\""),
    );
    let listed = table.lines().count() - 1;
    assert!(listed > 25 && html.contains(&format!("{} others", listed - 25)), "{listed}");
    assert!(svg.lines().any(|line| line.starts_with("crash ")));
    let (html, table, svg) = page("none.toml", &job(""));
    assert!(!html.contains("What each failure cost") && !html.contains("#failures"));
    assert_eq!(table.lines().count(), 1, "{table}");
    assert!(!svg.contains("Faults"), "nothing is marked");
}

/// Levels follow from the checkpoints that are kept: those of one level that are completed take the
/// same time each, and of eighteen-odd hours most are of the lowest.
#[test]
fn phases_have_the_levels_of_their_checkpoints() {
    let file = root().join("scenarios/smoke/checkpoint_multilevel.toml");
    let played = play_file(&file, None, &[]);
    let phases = &played.findings.phases;
    let of = |level: u64| {
        let own = phases.iter().filter(move |row| row.phase == "checkpoint");
        own.filter(move |row| row.level == Some(level)).map(|row| row.to_s - row.from_s)
    };
    let counts = [1, 2, 3, 4].map(|level| of(level).count());
    // `every` is 3, 2 and 4: of 24 checkpoints 16 are of level 1, 4 of 2, 3 of 3 and 1 of 4.
    assert!(counts.is_sorted_by(|a, b| a > b), "{counts:?}");
    let all: usize = counts.iter().sum();
    assert_eq!(all, played.metric("checkpoints_begun") as usize);
    for level in [1, 2, 3, 4] {
        let longest = of(level).fold(0.0, f64::max);
        let whole = of(level).filter(|time| *time > 0.9 * longest).count();
        assert!(whole + 2 >= of(level).count(), "level {level} takes {longest} s");
    }
    // The phases of the job follow each other without a gap.
    assert!(phases.windows(2).all(|pair| (pair[0].to_s - pair[1].from_s).abs() < 1e-9));
}

/// As many rows as the metrics count, and a detection that takes as long as they say.
#[test]
fn corruptions_have_rows_that_agree_with_the_metrics() {
    for name in ["silent_verification", "silent_escape"] {
        let file = root().join(format!("scenarios/smoke/{name}.toml"));
        let played = play_file(&file, None, &[]);
        let rows = &played.findings.corruptions;
        let count = |fate: &str| rows.iter().filter(|row| row.fate == fate).count();
        for (fate, metric) in [
            ("detected", "corruptions_detected"),
            ("escaped", "corruptions_escaped"),
            ("masked", "corruptions_masked"),
        ] {
            assert_eq!(count(fate), played.metric(metric) as usize, "{name}: {fate}");
        }
        assert_eq!(rows.len(), played.metric("corruptions") as usize, "{name}");
        let found = rows.iter().filter(|row| row.fate == "detected");
        let times: Vec<_> = found.map(|row| row.end_s - row.at_s).collect();
        if !times.is_empty() {
            let mean = times.iter().sum::<f64>() / times.len() as f64;
            let wanted = played.metric("detection_latency_mean");
            assert!((mean - wanted).abs() < 1e-6 * wanted, "{name}: {mean}, not {wanted}");
        }
    }
}
