//! What one job can do, two jobs on one machine can: the model and the fleet emit the same facts.

use rackstorm::backend::Backend;
use rackstorm::backend::model::Model;
use rackstorm::backend::turmoil::Turmoil;
use rackstorm::event::{CheckpointAct, CorruptionAct, GroupAct, JobPhase, What};
use rackstorm::ids::JobId;
use rackstorm::plan::Plan;
use rackstorm::scenario::{Overrides, load_text, read};

use super::{BAND_PER_STEP, alike_of, fault, is_phase, measured_alike, moved_alike, rack};
use crate::harness::{Played, plan_of, play_plan};

const FIRST: JobId = JobId(0);
const SECOND: JobId = JobId(1);

/// Checkpoints of 50 MB at the file server, every minute.
const PLAIN: &str = "[checkpoint.coordinated]\nsize = \"50 MB\"\ninterval = \"60 s\"\n";

/// The second job of most tests: plain checkpoints on ten nodes.
const OTHER: (&str, &str) = ("nodes = 10", PLAIN);

/// Two jobs, each with these keys of its work and its own checkpoints, and faults of all. Nodes
/// boot one after the other, so that the first job has pi00 to pi09 and the second the next ten.
fn text_of_two(first: (&str, &str), second: (&str, &str), faults: &str) -> String {
    let (table, work) = ("[workload.bulk-synchronous]\n", "step = \"20 s\"\nwork = \"400 s\"\n");
    let job = |name: &str, (keys, checkpoint): (&str, &str)| {
        let checkpoint = checkpoint.replace("[checkpoint.", "[job.checkpoint.");
        format!("[[job]]\nname = \"{name}\"\n{keys}\n{work}{checkpoint}\n")
    };
    let jobs = job("first", first) + &job("second", second);
    let boot = "[boot]\nmethod = \"sd\"\npower_on = { stagger = \"1 s\" }\n";
    rack(&format!("{boot}{jobs}{faults}")).replace(&format!("{table}{work}"), "")
}

/// The plan of such a text.
fn two(first: (&str, &str), second: (&str, &str), faults: &str) -> Plan {
    plan_of(&text_of_two(first, second, faults))
}

/// Demands that both stages emit and move the same; gives what the fleet emitted.
fn agree(plan: &Plan) -> Played {
    let (model, fleet) = alike_of(plan, &Model, &Turmoil, BAND_PER_STEP);
    moved_alike(&model, &fleet);
    measured_alike(&model, &fleet);
    for job in [FIRST, SECOND] {
        assert_eq!(count(&fleet, job, is_phase(JobPhase::Done)), 1, "{job:?} is done");
    }
    fleet
}

fn job_of(what: &What) -> Option<JobId> {
    match *what {
        What::JobPhase { job, .. }
        | What::StepDone { job, .. }
        | What::Checkpoint { job, .. }
        | What::Group { job, .. }
        | What::WorkLost { job, .. }
        | What::JobNode { job, .. }
        | What::FailureAbsorbed { job, .. } => Some(job),
        _ => None,
    }
}

/// How often a job emitted something.
fn count(played: &Played, job: JobId, wanted: impl Fn(&What) -> bool) -> usize {
    played.count(|what| job_of(what) == Some(job) && wanted(what))
}

fn checkpoint(wanted: CheckpointAct) -> impl Fn(&What) -> bool {
    move |what| matches!(what, What::Checkpoint { act, .. } if *act == wanted)
}

fn level(rest: &str) -> String {
    format!("[[checkpoint.multilevel.level]]\nsize = \"50 MB\"\n{rest}\n")
}

fn levels(all: &[&str]) -> String {
    let all: String = all.iter().map(|rest| level(rest)).collect();
    format!("[checkpoint.multilevel]\ninterval = \"60 s\"\n{all}")
}

#[test]
fn agreement_two_jobs_fail_and_restart_each_by_itself() {
    let faults = fault("crash", "pi03", "250 s", "power-cycle")
        + &fault("hang", "pi14", "330 s", "power-cycle");
    let fleet = agree(&two(OTHER, OTHER, &faults));
    for job in [FIRST, SECOND] {
        assert_eq!(count(&fleet, job, is_phase(JobPhase::Restart)), 1, "{job:?}");
        assert_eq!(count(&fleet, job, |what| matches!(what, What::WorkLost { .. })), 1, "{job:?}");
    }
}

/// Of 24 nodes the first job takes 20, the second waits for 10 of them until it is done, and the
/// third, which is submitted last, fits into the gap; the walltime of a fourth is too short.
#[test]
fn agreement_jobs_are_submitted_placed_and_ended_by_the_queue() {
    let job = |name: &str, nodes: u32, submit: u64, work: u64, walltime: u64| {
        format!(
            "[[job]]\nname = \"{name}\"\nnodes = {nodes}\nsubmit = \"{submit} s\"\n\
             step = \"20 s\"\nwork = \"{work} s\"\nwalltime = \"{walltime} s\"\n\
             size = \"50 MB\"\ninterval = \"60 s\"\n"
        )
    };
    let jobs = job("first", 20, 0, 400, 1_000)
        + &job("second", 10, 90, 200, 600)
        + &job("third", 4, 110, 100, 300)
        + &job("fourth", 4, 130, 400, 190);
    let (table, work) = ("[workload.bulk-synchronous]\n", "step = \"20 s\"\nwork = \"400 s\"\n");
    let boot = "[boot]\nmethod = \"sd\"\npower_on = { stagger = \"1 s\" }\n";
    let queue = "[queue]\npolicy = \"easy\"\n";
    let text = rack(&format!("{boot}{queue}{jobs}")).replace(&format!("{table}{work}"), "");
    let (model, fleet) = alike_of(&plan_of(&text), &Model, &Turmoil, BAND_PER_STEP);
    for played in [&model, &fleet] {
        let order = |wanted: JobPhase| {
            let is = |what: &What| is_phase(wanted)(what);
            let events = played.events.iter().filter(|event| is(&event.what));
            events.filter_map(|event| job_of(&event.what)).map(|job| job.0).collect::<Vec<_>>()
        };
        let ended = (order(JobPhase::TimedOut), played.metric("jobs_timed_out"));
        assert_eq!(ended, (vec![3], 1.0));
        assert_eq!(order(JobPhase::Done), [2, 0, 1], "the third overtakes the second");
    }
}

#[test]
fn agreement_two_jobs_take_turns_at_the_file_server() {
    for order in ["blocking-fcfs", "ordered-fcfs", "least-waste"] {
        let order = format!("\n[server]\norder = \"{order}\"\n");
        let fleet = agree(&two(OTHER, OTHER, &order));
        let commits = |job| {
            fleet.times(|what| job_of(what) == Some(job) && checkpoint(CheckpointAct::Commit)(what))
        };
        let (first, second) = (commits(FIRST), commits(SECOND));
        assert!(first.len() > 3 && second.len() > 3, "{order}");
    }
}

#[test]
fn agreement_a_job_of_levels_next_to_another_one() {
    let own = levels(&[
        "to = \"card\"",
        "to = \"partner\"\nevery = 2",
        "to = \"file-server\"\nevery = 2",
    ]);
    let faults = fault("crash", "pi03", "250 s", "1 h") + &fault("crash", "pi14", "330 s", "1 h");
    let fleet = agree(&two(("nodes = 10", &own), OTHER, &faults));
    assert!(count(&fleet, FIRST, checkpoint(CheckpointAct::Lose)) > 0, "a card is away");
    assert_eq!(count(&fleet, SECOND, checkpoint(CheckpointAct::Lose)), 0);
}

#[test]
fn agreement_two_jobs_hold_images_in_memory() {
    let own = levels(&[
        "to = \"memory\"",
        "to = \"buddies\"\ncopies = 2\nevery = 2",
        "to = \"file-server\"\nevery = 2",
    ]);
    let faults = fault("crash", "pi03", "250 s", "power-cycle")
        + &fault("crash", "pi14", "300 s", "power-cycle");
    let fleet = agree(&two(("nodes = 10", &own), ("nodes = 10", &own), &faults));
    for job in [FIRST, SECOND] {
        assert_eq!(count(&fleet, job, is_phase(JobPhase::Restart)), 1, "{job:?}");
    }
}

/// Five seats on ten nodes: pi03 and pi08 share one.
#[test]
fn agreement_a_replicated_job_next_to_another_one() {
    let own = "nodes = 5\nreplicas = { degree = 2, strategy = \"restart\" }";
    let faults =
        fault("crash", "pi03", "250 s", "never") + &fault("crash", "pi14", "250 s", "never");
    let fleet = agree(&two((own, PLAIN), OTHER, &faults));
    let absorbed = |what: &What| matches!(what, What::FailureAbsorbed { .. });
    assert_eq!(count(&fleet, FIRST, absorbed), 1);
    assert_eq!(count(&fleet, FIRST, |what| matches!(what, What::WorkLost { .. })), 0);
    assert_eq!(count(&fleet, SECOND, |what| matches!(what, What::WorkLost { .. })), 1);
}

/// Each by a protocol of its own: one has levels, of the other every seat is on two nodes.
#[test]
fn agreement_a_job_of_levels_next_to_one_of_replicas() {
    let levels = levels(&["to = \"card\"", "to = \"file-server\"\nevery = 2"]);
    let replicas = "nodes = 5\nreplicas = { degree = 2, strategy = \"restart\" }";
    let faults = fault("crash", "pi03", "250 s", "1 h") + &fault("crash", "pi14", "250 s", "never");
    let fleet = agree(&two(("nodes = 10", &levels), (replicas, PLAIN), &faults));
    let lost = |what: &What| matches!(what, What::WorkLost { .. });
    assert!(count(&fleet, FIRST, lost) > 0, "with what was on the card that is away");
    let absorbed = |what: &What| matches!(what, What::FailureAbsorbed { .. });
    assert_eq!((count(&fleet, FIRST, absorbed), count(&fleet, SECOND, absorbed)), (0, 1));
    assert_eq!(count(&fleet, SECOND, lost), 0);
}

/// One job is verified, the other is not: there the same corruption reaches the result.
#[test]
fn agreement_silent_corruption_of_two_jobs() {
    let own = format!("{PLAIN}verify = {{ cost = \"5 s\", per_checkpoint = 2 }}\n");
    let faults = "\n[[fault.silent-corruption]]\non = \"pi[04,15]\"\nat = \"250 s\"\n";
    let fleet = agree(&two(("nodes = 10", &own), OTHER, faults));
    let acts = |wanted| {
        fleet.count(move |what| matches!(what, What::Corruption { act, .. } if *act == wanted))
    };
    assert_eq!([CorruptionAct::Correct, CorruptionAct::Escape].map(acts), [1, 1]);
    assert_eq!(count(&fleet, SECOND, is_phase(JobPhase::Verify)), 0);
}

/// Foreseen on a node of the second job: it saves, and the first one does not.
#[test]
fn agreement_an_alarm_warns_the_job_that_it_is_about() {
    let faults = "\n[[fault.crash]]\non = \"pi14\"\nage = \"new\"\n\
                  lifetime = { fixed = \"300 s\" }\n\
                  prediction = { recall = 1, precision = 1, lead = \"45 s\" }\n";
    let seldom = PLAIN.replace("60 s", "1 h");
    let own = ("nodes = 10", seldom.as_str());
    let fleet = agree(&two(own, own, faults));
    assert_eq!(count(&fleet, FIRST, checkpoint(CheckpointAct::Begin)), 0);
    assert!(count(&fleet, SECOND, checkpoint(CheckpointAct::Commit)) > 0);
}

#[test]
fn agreement_each_of_two_jobs_adapts_its_own_interval() {
    let faults: String = [250, 400, 520]
        .map(|at| fault("hang", &format!("pi{:02}", at / 50), &format!("{at} s"), "power-cycle"))
        .concat();
    let own = PLAIN.replace("interval = \"60 s\"", "interval = \"adaptive\"\nprior = \"11 min\"");
    let own = ("nodes = 10", own.as_str());
    let fleet = agree(&two(own, own, &faults));
    let [first, second] =
        [FIRST, SECOND].map(|job| count(&fleet, job, checkpoint(CheckpointAct::Begin)));
    assert!(first > 0 && second > 0, "{first} {second}");
}

#[test]
fn agreement_two_jobs_compress_what_they_write() {
    let own = format!(
        "{PLAIN}compression = {{ ratio = 2, compress = \"10 MB/s\", decompress = \"20 MB/s\" }}\n"
    );
    let faults = fault("crash", "pi03", "250 s", "power-cycle");
    let fleet = agree(&two(("nodes = 10", &own), ("nodes = 10", &own), &faults));
    assert_eq!(count(&fleet, FIRST, is_phase(JobPhase::Restart)), 1);
}

#[test]
fn agreement_two_jobs_outlast_their_controller() {
    let faults = fault("controller-crash", "controller", "230 s", "40 s")
        + &fault("crash", "pi14", "350 s", "1 h");
    let fleet = agree(&two(OTHER, OTHER, &faults));
    assert_eq!(count(&fleet, SECOND, is_phase(JobPhase::Restart)), 1);
}

/// What agents cannot do for one job they cannot do for two, and say of which.
fn on_the_model(plan: &Plan) -> Played {
    let reasons = Turmoil.cannot(plan);
    assert!(reasons.iter().any(|why| why.starts_with("job `first`: ")), "{reasons:?}");
    let model = play_plan(plan);
    for job in [FIRST, SECOND] {
        assert_eq!(count(&model, job, is_phase(JobPhase::Done)), 1, "{job:?} is done");
    }
    model
}

/// A failure throws back one group of the first job and nothing of the second, and the other way
/// round all of the second.
#[test]
fn a_job_of_groups_next_to_another_one() {
    let own = "[checkpoint.logging]\ngroup = 5\nsize = \"50 MB\"\ninterval = \"60 s\"\n";
    let faults = fault("crash", "pi03", "250 s", "1 h") + &fault("crash", "pi14", "330 s", "1 h");
    let model = on_the_model(&two(("nodes = 10", own), OTHER, &faults));
    let rolls = |what: &What| matches!(what, What::Group { act: GroupAct::RollBack, .. });
    assert_eq!((count(&model, FIRST, rolls), count(&model, SECOND, rolls)), (1, 0));
    for job in [FIRST, SECOND] {
        assert_eq!(count(&model, job, |what| matches!(what, What::WorkLost { .. })), 1, "{job:?}");
    }
}

/// A card is enough for the first, and the second goes back by a group.
#[test]
fn a_job_of_levels_next_to_one_of_groups() {
    let groups = "[checkpoint.logging]\ngroup = 5\nsize = \"50 MB\"\ninterval = \"60 s\"\n";
    let levels = levels(&["to = \"card\"", "to = \"group\"\ngroup = 5\nevery = 2"]);
    let faults = fault("crash", "pi03", "250 s", "power-cycle")
        + &fault("crash", "pi14", "330 s", "power-cycle");
    let model = on_the_model(&two(("nodes = 10", &levels), ("nodes = 10", groups), &faults));
    let rolls = |what: &What| matches!(what, What::Group { act: GroupAct::RollBack, .. });
    assert_eq!((count(&model, FIRST, rolls), count(&model, SECOND, rolls)), (0, 1));
    assert_eq!(count(&model, FIRST, is_phase(JobPhase::Restart)), 1);
}

/// Replicas compare, and the checks of steps correct: what agents cannot do, of both jobs.
#[test]
fn two_jobs_look_at_their_memory_each_in_its_own_way() {
    let replicas = "nodes = 5\nreplicas = { degree = 2, compare = \"detect\" }";
    let abft = "nodes = 10\nabft = { coverage = 1, overhead = 0.1 }";
    let faults = "\n[[fault.silent-corruption]]\non = \"pi[04,15]\"\nat = \"250 s\"\n";
    let plan = two((replicas, PLAIN), (abft, PLAIN), faults);
    let reasons = Turmoil.cannot(&plan);
    assert!(reasons.iter().any(|why| why.starts_with("job `second`: ")), "{reasons:?}");
    let model = on_the_model(&plan);
    let acts = |wanted| {
        model.count(move |what| matches!(what, What::Corruption { act, .. } if *act == wanted))
    };
    assert_eq!([CorruptionAct::Strike, CorruptionAct::Escape].map(acts), [2, 0]);
    let lost = |what: &What| matches!(what, What::WorkLost { .. });
    assert_eq!((count(&model, FIRST, lost), count(&model, SECOND, lost)), (1, 0));
}

/// Failures of the second class spare what stands at the second level of either job.
#[test]
fn two_jobs_of_levels_with_fixed_costs() {
    let level = |write: &str, rest: &str| {
        let cost = format!("cost = {{ write = \"{write}\", read = \"{write}\" }}");
        format!("[[checkpoint.multilevel.level]]\n{cost}\n{rest}\n")
    };
    let own = format!("[checkpoint.multilevel]\ninterval = \"60 s\"\n{}", level("1 s", ""))
        + &level("5 s", "every = 2");
    let faults = "\n[[fault.crash]]\non = \"pi[03,14]\"\nat = \"300 s\"\nseverity = 2\n";
    let plan = two(("nodes = 10", &own), ("nodes = 10", &own), faults);
    assert!(Turmoil.cannot(&plan).iter().any(|why| why.contains("severity")));
    let model = play_plan(&plan);
    for job in [FIRST, SECOND] {
        assert_eq!(count(&model, job, is_phase(JobPhase::Restart)), 1, "{job:?}");
        assert_eq!(count(&model, job, is_phase(JobPhase::Done)), 1, "{job:?}");
    }
}

/// What is written as `[workload]` is a list of one, event by event.
#[test]
fn one_job_of_the_list_is_that_of_workload_and_checkpoint() {
    let own = levels(&["to = \"card\"", "to = \"partner\"\nevery = 2"]);
    let faults = fault("crash", "pi03", "250 s", "power-cycle");
    let short = rack(&format!("[boot]\nmethod = \"sd\"\n{own}{faults}"));
    let listed = short
        .replace("[workload.bulk-synchronous]", "[[job]]\nname = \"a\"\nnodes = 20")
        .replace("[checkpoint.", "[job.checkpoint.");
    assert_eq!(play_plan(&plan_of(&short)).events, play_plan(&plan_of(&listed)).events);
}

/// What is written out loads to the same jobs.
#[test]
fn every_option_of_a_job_is_written_out_and_read_back() {
    let levels = levels(&[
        "to = \"card\"",
        "to = \"group\"\ngroup = 5\nevery = 2",
        "to = \"file-server\"\nevery = 3\ndrain = true",
    ]);
    let groups = "[checkpoint.logging]\ngroup = 5\nsize = \"50 MB\"\ninterval = \"60 s\"\n\
                  strikes = { downtime = true }\n";
    let checked = format!(
        "{PLAIN}keep = 3\nverify = {{ cost = \"5 s\", per_checkpoint = 2 }}\n\
         strikes = {{ silent = \"computing\" }}\n\
         compression = {{ ratio = 2, compress = \"10 MB/s\", decompress = \"20 MB/s\" }}\n"
    );
    let adaptive = PLAIN.replace("\"60 s\"", "\"adaptive\"\nprior = \"1 d\"");
    let replicas = "nodes = 5\nranks_per_node = 2\n\
                    replicas = { degree = 2, compare = \"vote\" }\n\
                    abft = { coverage = 0.9, overhead = 0.1 }";
    for (first, second) in [
        (("nodes = 10", levels.as_str()), ("nodes = 10", groups)),
        (("nodes = 10", checked.as_str()), (replicas, adaptive.as_str())),
        (("nodes = 10", "size = \"1 GB\"\ninterval = \"1 h\"\nlast = true"), ("nodes = 3", "")),
    ] {
        let text = text_of_two(first, second, "");
        let loaded = load_text("two", &text, &Overrides::default()).expect("a good scenario");
        let scenario = &loaded.scenario;
        let resolved = &rackstorm::scenario::text(scenario);
        assert_eq!(scenario.jobs.len(), 2);
        assert_eq!(read("two", resolved).expect(resolved).jobs, scenario.jobs, "{resolved}");
    }
}

/// Each job has copies of its own under way while it computes.
#[test]
fn two_jobs_write_while_they_compute() {
    let own =
        levels(&["to = \"card\"", "to = \"file-server\"\nevery = 2\ndrain = true\nslowdown = 1.5"]);
    let faults = fault("crash", "pi03", "250 s", "1 h");
    let model = on_the_model(&two(("nodes = 10", &own), ("nodes = 10", &own), &faults));
    for job in [FIRST, SECOND] {
        assert!(count(&model, job, checkpoint(CheckpointAct::Commit)) > 4, "{job:?}");
    }
}

#[test]
fn two_jobs_write_increments() {
    let own = format!("{PLAIN}incremental = {{ share = 0.2, full_every = 3 }}\n");
    let model = on_the_model(&two(("nodes = 10", &own), ("nodes = 10", &own), ""));
    for job in [FIRST, SECOND] {
        assert!(count(&model, job, checkpoint(CheckpointAct::Commit)) > 4, "{job:?}");
    }
}

/// Parity over groups of nodes.
#[test]
fn two_jobs_keep_parity_for_each_other_of_their_nodes() {
    let own = levels(&["to = \"group\"\ngroup = 5\nparity = 1"]);
    let faults = fault("crash", "pi03", "250 s", "1 h");
    let model = on_the_model(&two(("nodes = 10", &own), ("nodes = 10", &own), &faults));
    assert_eq!(count(&model, FIRST, is_phase(JobPhase::Restart)), 1);
    assert_eq!(count(&model, SECOND, is_phase(JobPhase::Restart)), 0);
}
