//! The library's face: runs as values, in memory and into folders, to their end and not.

use std::path::Path;

use rackstorm::analysis::Fold;
use rackstorm::event::{EndReason, Event};
use rackstorm::record::{LogReader, Manifest, Status};
use rackstorm::stage::{Backend, Model, Turmoil};
use rackstorm::units::Time;
use rackstorm::{Outcome, Overrides, Plan, Run, RunError, Sink, Stop};

use crate::harness::plan_of_file;
use crate::program::root;

/// The plan of a smoke scenario.
fn smoke(name: &str) -> Plan {
    plan_of_file(&root().join(format!("scenarios/smoke/{name}.toml")), None, &[])
}

/// The plan of a text over the small machine.
fn rack(text: &str) -> Plan {
    let text = format!("schema = 1\ninherit = \"edge_rack_24\"\n{text}");
    let scenario = rackstorm::read("rack", &text);
    Plan::make(&scenario.unwrap_or_else(|mistakes| panic!("{mistakes}")))
}

/// A job that its time does not suffice for.
fn too_short() -> Plan {
    rack(
        "boot.method = \"sd\"\nstop = { when = \"workload done\", at = \"1 h\" }\n\
         workload.bulk-synchronous = { nodes = 24, step = \"30 s\", work = \"2 h\" }\n\
         expect = { jobs_done = \"= 1\" }\n",
    )
}

/// Asks for the end at the event of this number, and notes its time.
struct StopAt(u64, Stop, Time);

impl Sink for StopAt {
    fn event(&mut self, event: &Event) -> Result<(), Stop> {
        self.0 -= 1;
        if self.0 > 0 {
            return Ok(());
        }
        self.2 = event.at;
        Err(self.1.clone())
    }
}

/// Can do without what changes no metric, and counts.
#[derive(Default)]
struct Brief {
    given: u64,
    passed_over: u64,
}

impl Sink for Brief {
    fn event(&mut self, _event: &Event) -> Result<(), Stop> {
        self.given += 1;
        Ok(())
    }

    fn needs_all(&self) -> bool {
        false
    }

    fn passed_over(&mut self, events: u64, _read: Option<Time>) {
        self.passed_over += events;
    }
}

/// Plays a plan event by event, and passing over what changes no metric. Gives the share of events
/// that were passed over.
fn plays_both_ways(plan: &Plan) -> f64 {
    let (mut events, mut brief) = (Vec::new(), Brief::default());
    let whole = Run::new(plan, &Model).sink(&mut events).play().expect("it plays");
    let other = Run::new(plan, &Model).sink(&mut brief).play().expect("it plays");
    let bits = |outcome: &Outcome| -> Vec<_> {
        let metrics = outcome.findings.metrics.iter();
        metrics.map(|metric| (metric.name.clone(), metric.value.to_bits())).collect()
    };
    let name = (&plan.scenario.name, plan.scenario.seed);
    assert_eq!(bits(&whole), bits(&other), "{name:?}");
    assert_eq!(whole, other, "{name:?}");
    assert_eq!(other.events, brief.given + brief.passed_over, "{name:?}");
    let names = ["waste", "failures", "energy", "boot_t50", "corruptions"];
    for names in [&names[..1], &names[1..2], &names[2..3], &names] {
        let only = Run::new(plan, &Model).metrics(names).play().expect("it plays");
        let expected = plan.scenario.expect.iter().map(|it| it.metric.as_str());
        let asked: Vec<_> = names.iter().copied().chain(expected).collect();
        let mut right = other.findings.metrics.clone();
        right.retain(|metric| asked.contains(&metric.name.as_str()));
        assert_eq!((only.findings.metrics, only.verdicts), (right, other.verdicts.clone()));
    }
    brief.passed_over as f64 / other.events as f64
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    entries.map(|it| it.expect("readable").file_name().to_string_lossy().into_owned()).collect()
}

#[test]
fn a_run_in_memory_has_fingerprint_and_metrics_of_the_one_that_leaves_a_folder() {
    let stages: [(&dyn Backend, &[&str]); 2] = [
        (
            &Model,
            &[
                "boot_nfs_3b_nudged",
                "brown_out",
                "crash_weibull_daly",
                "jobs_least_waste",
                "silent_verification",
            ],
        ),
        (&Turmoil, &["control_plane"]),
    ];
    for (stage, scenarios) in stages {
        for name in scenarios {
            let (plan, out) = (smoke(name), tempfile::tempdir().expect("a folder"));
            let memory = Run::new(&plan, stage).fingerprint().play().expect("it plays");
            let folder = Run::new(&plan, stage).record(out.path()).expect("it plays");
            assert!(memory.findings.series.is_empty() && !memory.findings.metrics.is_empty());
            assert!(!folder.outcome.findings.series.is_empty());
            let mut without_series = folder.outcome.clone();
            let findings = &mut without_series.findings;
            findings.series.clear();
            findings.strikes.clear();
            findings.failures.clear();
            findings.corruptions.clear();
            findings.phases.clear();
            assert_eq!(memory, without_series, "{name} on {}", stage.name());
            let manifest = Manifest::of_finished(&folder.folder.path).expect("it is finished");
            assert_eq!(
                (manifest.fingerprint, manifest.events),
                (memory.fingerprint, memory.events)
            );
        }
    }
}

#[test]
fn a_plan_of_another_seed_plays_as_that_which_is_made_anew() {
    let mut scenario = smoke("failure_processes").scenario;
    let plan = Plan::make(&scenario);
    for seed in 2..5 {
        scenario.seed = seed;
        let [made, other] = [Plan::make(&scenario), plan.with_seed(seed)]
            .map(|plan| Run::new(&plan, &Model).fingerprint().play().expect("it plays"));
        assert!(made.fingerprint.is_some());
        assert_eq!(made, other);
    }
}

#[test]
fn what_is_passed_over_changes_no_metric_of_a_smoke_scenario() {
    let folder = std::fs::read_dir(root().join("scenarios/smoke")).expect("the folder");
    for path in folder.map(|entry| entry.expect("readable").path()) {
        let plan = plan_of_file(&path, None, &[]);
        if !Model.cannot(&plan).is_empty() {
            continue;
        }
        plays_both_ways(&plan);
        plays_both_ways(&plan.with_seed(plan.scenario.seed + 1));
    }
}

#[test]
fn what_is_passed_over_changes_no_metric_whatever_the_seed() {
    let shared = "stop = { when = \"workload done\", at = \"20 d\" }\n\
        fault.crash = [{ on = \"node\", lifetime = { exponential = { mean = \"4 d\" } } }]\n\
        workload.bulk-synchronous = { nodes = 20, step = \"17 s\", work = \"1.01 d\" }\n";
    let fixed = "boot.method = \"instant\"\ncheckpoint.coordinated = \
                 { interval = \"daly\", cost = { write = \"3 min\", read = \"2 min\" } }";
    for (more, least) in [
        (fixed, 0.5),
        ("checkpoint.coordinated = { interval = \"1 h\", size = \"200 MB\" }", 0.2),
        ("record.sample = \"7 s\"\nboot.method = \"sd\"", 0.5),
    ] {
        let plan = rack(&format!("{shared}{more}\n"));
        let passed: Vec<_> = (0..10).map(|seed| plays_both_ways(&plan.with_seed(seed))).collect();
        assert!(passed.iter().all(|share| *share > least), "{more}: {passed:?}");
    }
}

#[test]
fn nothing_is_made_that_nobody_asked_for() {
    let plan = smoke("no_checkpoint");
    let usual = Run::new(&plan, &Model).play().expect("it plays");
    assert_eq!((usual.fingerprint, usual.findings.series.len()), (None, 0));
    let mut events = Vec::new();
    let bare = Run::new(&plan, &Model).no_findings().sink(&mut events).play().expect("it plays");
    assert_eq!(bare.findings, rackstorm::Findings::default());
    assert_eq!((bare.end, bare.events), (usual.end, events.len() as u64));
}

#[test]
fn each_metric_asked_for_alone_is_that_of_a_run_that_keeps_all() {
    for name in ["boot_nfs_3b_nudged", "silent_verification", "prediction", "upsets_in_a_beam"] {
        let plan = smoke(name);
        let all = Run::new(&plan, &Model).play().expect("it plays").findings;
        let last = Time(plan.scenario.stop.at.0);
        let mut events = Vec::new();
        Run::new(&plan, &Model).no_findings().sink(&mut events).play().expect("it plays");
        let last = events.last().map_or(last, |event| event.at);
        for metric in rackstorm::metrics::ALL {
            let mut fold = Fold::only(&plan, &[metric.name]);
            for event in &events {
                fold.event(event);
            }
            let only = fold.finish(last);
            assert_eq!(only.metric(metric.name), all.metric(metric.name), "{name}");
        }
    }
}

#[test]
fn a_run_that_a_sink_stops_shows_all_that_was_emitted_until_there() {
    for name in ["boot_nfs_3b_nudged", "checkpoint_logging", "replicas_restart", "upsets_in_a_beam"]
    {
        let plan = smoke(name);
        let whole = Run::new(&plan, &Model).play().expect("it plays").events;
        // The books can be closed wherever it stops.
        for event in (1..whole).step_by((whole as usize / 40).max(1)) {
            let mut sink = StopAt(event, Stop::Interrupted, Time::ZERO);
            let stopped = Run::new(&plan, &Model).fingerprint().sink(&mut sink).play();
            let Err(RunError::Stopped { stop: Stop::Interrupted, so_far }) = stopped else {
                panic!("{name} is not stopped at {event}: {stopped:?}");
            };
            assert_eq!((so_far.end, &so_far.fingerprint, so_far.events), (None, &None, event));
            assert_eq!(so_far.metric("run_time"), Some(sink.2.as_secs_f64()), "{name}");
        }
    }
}

#[test]
fn a_sink_stops_the_real_control_plane_too() {
    let mut sink = StopAt(200, Stop::Failed("seen enough".to_owned()), Time::ZERO);
    let stopped = Run::new(&smoke("control_plane"), &Turmoil).sink(&mut sink).play();
    let error = stopped.expect_err("it is stopped");
    assert_eq!((error.to_string().as_str(), error.is_interrupted()), ("seen enough", false));
    let RunError::Stopped { so_far, .. } = error else { panic!("{error:?}") };
    assert_eq!(so_far.events, 200);
}

#[test]
fn a_run_whose_time_is_up_has_an_outcome_that_says_so() {
    let outcome = Run::new(&too_short(), &Model).play().expect("it plays");
    assert_eq!(outcome.end, Some(EndReason::TimeUp));
    let metrics = ["run_time", "jobs_done", "jobs_unfinished", "makespan"];
    let found = metrics.map(|name| outcome.metric(name));
    assert_eq!(found, [Some(3_600.0), Some(0.0), Some(1.0), None]);
    let missed: Vec<_> = outcome.missed().map(ToString::to_string).collect();
    assert_eq!(missed, ["jobs_done = 1 (it is 0)"]);
}

#[test]
fn an_interrupted_run_leaves_a_partial_folder_with_the_events_until_there() {
    let out = tempfile::tempdir().expect("a folder");
    let mut sink = StopAt(100, Stop::Interrupted, Time::ZERO);
    let plan = rack("boot.method = \"sd\"\nrecord.events = \"all\"\nstop.at = \"1 h\"\n");
    let error = Run::new(&plan, &Model).sink(&mut sink).record(out.path());
    let error = error.expect_err("it is interrupted");
    assert!(error.is_interrupted() && error.to_string().contains("was interrupted"), "{error}");
    let RunError::Left { folder, .. } = error else { panic!("{error:?}") };
    assert!(folder.ends_with("rack/1-model-1.partial"), "{}", folder.display());
    let manifest = Manifest::read(&folder).expect("a manifest");
    assert_eq!((manifest.status, manifest.fingerprint), (Status::Interrupted, None));
    let reported = LogReader::open(&folder).expect("a log").filter_map(Result::ok).count();
    assert_eq!(reported, 100);
    assert!(!names(&folder).contains(&"metrics.csv".to_owned()));
}

#[test]
fn what_a_stage_cannot_play_is_refused_before_anything_is_written() {
    let out = tempfile::tempdir().expect("a folder");
    let plan = rack(
        "stop.at = \"1 h\"\n[[fault.clock]]\non = \"node\"\nat = \"1 min\"\nahead = \"1 s\"\n",
    );
    let refused = Run::new(&plan, &Model).record(out.path()).expect_err("no real nodes");
    let RunError::CannotPlay { stage: "model", ref reasons, .. } = refused else {
        panic!("{refused:?}")
    };
    assert!(reasons[0].ends_with("only real nodes have it"), "{refused}");
    assert_eq!(names(out.path()), [""; 0]);
}

#[test]
fn a_broken_scenario_gives_all_its_mistakes() {
    let text = "schema = 1\ninherit = \"edge_rack_24\"\nseed = \"five\"\nstop.at = \"5 parsecs\"\n\
                [[fault.crash]]\non = \"pi[1-99]\"\n[boot]\nmethd = \"sd\"\n";
    let mistakes = rackstorm::load_text("broken", text, &Overrides::default());
    let mistakes = mistakes.expect_err("there are some");
    let reported = mistakes.to_string();
    for at in ["broken:3:8", "broken:4:11", "broken:5:1", "broken:6:10", "broken:8:1"] {
        assert!(reported.contains(at), "{at} in\n{reported}");
    }
    assert_eq!(mistakes.len(), 5, "{reported}");
}
