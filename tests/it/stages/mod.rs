//! The same plan on the model and on the fleet: the same facts in the same order, times in a band.
//!
//! Facts are compared per node, per part and per job, so that what happens to two of them at
//! about the same time may swap. The band of a fact has three reasons: a silent node is noticed up
//! to one heartbeat (a second, or a quarter of `detect`) earlier than after `detect`; orders and
//! their answers cross the network, a few milliseconds for each step; a node whose way was cut
//! needs some time to join again. That a job has failed is emitted by the model when it happens,
//! and by the fleet when it is noticed. Which of several nodes that fail together is noticed first,
//! and so counts as the one that failed, may differ.

mod partition;
mod protocols;
mod several;
mod workloads;

use std::collections::BTreeMap;

use rackstorm::backend::Backend;
use rackstorm::backend::model::Model;
use rackstorm::backend::turmoil::{Reference, Turmoil};
use rackstorm::event::{Cause, CheckpointAct, Event, Fault, JobPhase, PartState, Sensor, What};
use rackstorm::fleet::ports::Notice;
use rackstorm::ids::{JobId, NodeId, Part, PartKind};
use rackstorm::plan::Plan;
use rackstorm::units::Span;

use crate::harness::{Played, plan_of, play_on};
use crate::program::Bench;

/// Time for which a node may be late in joining again after its way was cut, and the heartbeat.
const BAND: Span = Span::from_secs(3);
/// `controller.detect` of the scenarios below.
const DETECT: Span = Span::from_secs(8);
/// Time that orders and answers of one step may take.
const BAND_PER_STEP: Span = Span::from_millis(10);

/// 24 nodes on one switch, of which four are spares, with a job on 20; what `with` says in
/// addition.
fn rack(with: &str) -> String {
    format!(
        r#"
schema = 1
title = "agreement"
inherit = "edge_rack_24"
[module]
spares = 4
[controller]
detect = "8 s"
boot_timeout = "5 min"
[workload.bulk-synchronous]
step = "20 s"
work = "400 s"
[stop]
when = "workload done"
at = "2 h"
{with}
"#
    )
}

/// The same with checkpoints of 50 MB every 60 s.
fn saving(with: &str) -> String {
    let checkpoint = r#"
[checkpoint.coordinated]
size = "50 MB"
interval = "60 s"
to = "file-server"
"#;
    rack(&format!("[boot]\nmethod = \"sd\"\n{checkpoint}{with}"))
}

/// The same without spares: who takes part is not a question of who is back first.
fn saving_without_spares(with: &str) -> String {
    saving(with).replace("spares = 4", "spares = 0")
}

/// What a fact is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Subject {
    Node(NodeId),
    Part(&'static str, u32),
    Seat(NodeId),
    Job(JobId),
    End,
    Fault(u16),
    Memory,
    Upsets,
}

/// The subject of a fact; `None` for readings and transfers, which are compared as sums.
fn subject(what: &What) -> Option<Subject> {
    let of_part = |part: &Part| match part.kind {
        PartKind::Switch => "switch",
        PartKind::Psu => "psu",
        PartKind::Server => "server",
        PartKind::NodeLink => "link",
        PartKind::Controller => "controller",
        PartKind::Network => "network",
        _ => "uplink",
    };
    match what {
        What::NodeState { node, .. } => Some(Subject::Node(*node)),
        What::PartState { part, .. } => Some(Subject::Part(of_part(part), part.index)),
        What::FaultStrikes { fault, .. }
        | What::FaultEnds { fault, .. }
        | What::Alarm { fault, .. } => Some(Subject::Fault(fault.0)),
        What::JobNode { node, .. } | What::FailureAbsorbed { node, .. } => {
            Some(Subject::Seat(*node))
        }
        What::Corruption { .. } => Some(Subject::Memory),
        What::Upset { .. } | What::ChipFault { .. } => Some(Subject::Upsets),
        What::JobPhase { job, .. }
        | What::StepDone { job, .. }
        | What::Checkpoint { job, .. }
        | What::Group { job, .. }
        | What::Collective { job, .. }
        | What::WorkLost { job, .. } => Some(Subject::Job(*job)),
        What::RunEnds { .. } => Some(Subject::End),
        What::Transfer { .. } | What::Task { .. } | What::Reading { .. } => None,
    }
}

/// The facts of a run, by subject.
fn facts(played: &Played) -> BTreeMap<Subject, Vec<Event>> {
    let mut facts: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for event in &played.events {
        if let Some(subject) = subject(&event.what) {
            facts.entry(subject).or_default().push(*event);
        }
    }
    facts
}

/// A fact without what the stages may differ in.
fn bare(what: &What) -> What {
    match *what {
        What::WorkLost { job, .. } => What::WorkLost { job, node: NodeId(0), lost: Span::ZERO },
        // What is left of a life that began with power, and that comes a little later.
        What::Alarm { fault, part, .. } => What::Alarm { fault, part, lead: Span::ZERO },
        what => what,
    }
}

/// Whether a fact says that a job has failed, or what that took with it.
fn is_failure(what: &What) -> bool {
    matches!(
        what,
        What::WorkLost { .. }
            | What::JobPhase { cause: Cause::NodeFailure, .. }
            | What::JobNode { joined: false, .. }
            | What::FailureAbsorbed { .. }
            | What::Checkpoint { act: CheckpointAct::Abandon | CheckpointAct::Lose, .. }
    )
}

/// Demands that both stages emit and move the same; gives what the fleet emitted.
fn agree(text: &str) -> Played {
    let (model, fleet) = played_alike(text);
    moved_alike(&model, &fleet);
    measured_alike(&model, &fleet);
    fleet
}

/// For how long nobody could notice anything.
fn controller_down(played: &Played) -> Span {
    let of_controller = |wanted| {
        played.times(move |what| {
            matches!(what, What::PartState { part, state, .. }
                if part.kind == PartKind::Controller && *state == wanted)
        })
    };
    let (down, up) = (of_controller(PartState::Down), of_controller(PartState::Up));
    down.iter().zip(&up).fold(Span::ZERO, |sum, (down, up)| sum + up.since(*down))
}

/// Demands that both stages emit the same facts, and draw the same energy up to 1 %.
fn played_alike(text: &str) -> (Played, Played) {
    let (model, fleet) = alike(text, &Model, &Turmoil, BAND_PER_STEP);
    let (ours, theirs) = (model.metric("energy"), fleet.metric("energy"));
    assert!((theirs / ours - 1.0).abs() < 0.01, "{theirs} J against {ours} J");
    (model, fleet)
}

/// The same of any two stages.
fn alike(text: &str, one: &dyn Backend, other: &dyn Backend, per_step: Span) -> (Played, Played) {
    alike_of(&plan_of(text), one, other, per_step)
}

fn alike_of(
    plan: &Plan,
    one: &dyn Backend,
    other: &dyn Backend,
    per_step: Span,
) -> (Played, Played) {
    assert!(other.cannot(plan).is_empty());
    let (model, fleet) = (play_on(one, plan), play_on(other, plan));
    let steps = model.count(|what| matches!(what, What::StepDone { .. })) as u64;
    let band = Span(BAND.0 + per_step.0 * steps);
    // A controller that comes back gives each node the detector's time anew.
    let notices_by = match controller_down(&model) {
        Span::ZERO => DETECT,
        down => DETECT + down + DETECT,
    };
    let (ours, theirs) = (facts(&model), facts(&fleet));
    assert_eq!(
        ours.keys().collect::<Vec<_>>(),
        theirs.keys().collect::<Vec<_>>(),
        "facts about the same subjects"
    );
    for (subject, model) in ours {
        let fleet = &theirs[&subject];
        let list = |events: &[Event]| events.iter().map(|event| bare(&event.what)).collect();
        let (a, b): (Vec<_>, Vec<_>) = (list(&model), list(fleet));
        assert_eq!(a, b, "{subject:?}, model on the left: {model:#?} {fleet:#?}");
        for (a, b) in model.iter().zip(fleet) {
            let noticed = if is_failure(&a.what) { notices_by } else { Span::ZERO };
            let (early, late) = (a.at.0.saturating_sub(band.0), a.at + noticed + band);
            assert!((early..=late.0).contains(&b.at.0), "{subject:?}: {a:?} against {b:?}");
            if let (What::WorkLost { lost: a, .. }, What::WorkLost { lost: b, .. }) =
                (a.what, b.what)
            {
                // Agents compute on until the failure is noticed.
                let (least, most) = (a.0.saturating_sub(band.0), a + noticed + band);
                assert!((least..=most.0).contains(&b.0), "{a} lost against {b}");
            }
        }
    }
    (model, fleet)
}

/// Both stages moved the same, as far as it arrived.
fn moved_alike(model: &Played, fleet: &Played) {
    let sums = |played: &Played| {
        let mut sums = BTreeMap::new();
        for event in &played.events {
            if let What::Transfer { purpose, received, .. } = event.what {
                *sums.entry(purpose).or_insert(0) += received.0;
            }
        }
        sums.retain(|_, sum| *sum > 0);
        sums
    };
    assert_eq!(sums(model), sums(fleet));
}

/// Both stages measured the same, up to one part in a hundred.
fn measured_alike(model: &Played, fleet: &Played) {
    let readings = |played: &Played| {
        let mut readings = BTreeMap::new();
        for event in &played.events {
            if let What::Reading { sensor, value } = event.what {
                let last = readings.entry(sensor).or_insert(0);
                // Energy and bytes are counted up; of the peaks, the highest counts.
                *last = value.max(*last);
            }
        }
        readings
    };
    let (ours, theirs) = (readings(model), readings(fleet));
    assert_eq!(ours.keys().collect::<Vec<_>>(), theirs.keys().collect::<Vec<_>>());
    let off = |(sensor, ours): (&Sensor, &u64)| {
        let ratio = theirs[sensor] as f64 / *ours as f64;
        (ours.abs_diff(theirs[sensor]) * 100 > *ours).then_some((*sensor, ratio))
    };
    let off: Vec<_> = ours.iter().filter_map(off).collect();
    assert!(off.is_empty(), "fleet over model: {off:?}");
}

/// Demands that a run emits something so often.
fn demand(played: &Played, count: usize, wanted: impl Fn(&What) -> bool) {
    assert_eq!(played.count(wanted), count);
}

fn is_phase(phase: JobPhase) -> impl Fn(&What) -> bool {
    move |what| matches!(what, What::JobPhase { phase: emitted, .. } if *emitted == phase)
}

fn fault(kind: &str, on: &str, at: &str, repair: &str) -> String {
    format!("\n[[fault.{kind}]]\non = \"{on}\"\nat = \"{at}\"\nrepair = \"{repair}\"\n")
}

#[test]
fn agreement_boot_from_sd() {
    let text = "schema = 1\ntitle = \"boot\"\ninherit = \"edge_rack_24\"\n[boot]\nmethod = \"sd\"\n\
                [stop]\nwhen = \"all up\"\nat = \"10 min\"\n";
    agree(text);
}

#[test]
fn agreement_boot_over_nfs() {
    let text = "schema = 1\ntitle = \"boot\"\ninherit = \"edge_rack_24\"\n[boot]\n\
                method = \"pxe-nfs\"\noffer_cure = \"nudge\"\n\
                [stop]\nwhen = \"all up\"\nat = \"30 min\"\n";
    agree(text);
}

#[test]
fn agreement_calm_job_with_checkpoints() {
    let fleet = agree(&saving(""));
    demand(&fleet, 6, is_phase(JobPhase::Checkpoint));
}

#[test]
fn agreement_crash_and_restart_on_a_spare() {
    let fleet = agree(&saving(&fault("crash", "pi03", "250 s", "power-cycle")));
    demand(&fleet, 1, |what| matches!(what, What::WorkLost { .. }));
    demand(&fleet, 1, is_phase(JobPhase::Restart));
}

#[test]
fn agreement_crash_that_is_repaired_by_hand() {
    agree(&saving(&fault("crash", "pi03", "250 s", "200 s")));
}

#[test]
fn agreement_crash_that_is_never_repaired_without_checkpoints() {
    let text =
        rack(&format!("[boot]\nmethod = \"sd\"\n{}", fault("crash", "pi05", "250 s", "never")));
    agree(&text);
}

#[test]
fn agreement_crash_of_more_nodes_than_there_are_spares() {
    agree(&saving(&fault("crash", "pi[01-08]", "250 s", "power-cycle")));
}

#[test]
fn agreement_hang() {
    agree(&saving(&fault("hang", "pi11", "250 s", "power-cycle")));
}

#[test]
fn agreement_hang_that_is_repaired_by_hand() {
    agree(&saving(&fault("hang", "pi11", "250 s", "100 s")));
}

#[test]
fn agreement_power_loss() {
    agree(&saving_without_spares(&fault("power-loss", "module[1]/psu[1]", "250 s", "60 s")));
}

#[test]
fn agreement_switch_loss() {
    agree(&saving_without_spares(&fault("switch-loss", "module[1]/switch[1]", "250 s", "60 s")));
}

#[test]
fn agreement_server_loss_in_a_checkpoint() {
    agree(&saving(&fault("server-loss", "file-server", "90 s", "90 s")));
}

#[test]
fn agreement_controller_crash_while_computing() {
    let fleet = agree(&saving(&fault("controller-crash", "controller", "100 s", "45 s")));
    let silent = |what: &What| matches!(what, What::JobNode { joined: false, .. });
    assert_eq!(fleet.times(silent).iter().filter(|at| at.0 < 200_000_000_000).count(), 0);
}

#[test]
fn agreement_controller_crash_in_a_checkpoint() {
    agree(&saving(&fault("controller-crash", "controller", "90 s", "60 s")));
}

#[test]
fn agreement_controller_crash_after_a_node_crash() {
    let faults = fault("crash", "pi03", "100 s", "power-cycle")
        + &fault("controller-crash", "controller", "104 s", "20 s");
    agree(&saving(&faults));
}

#[test]
fn agreement_degraded_link() {
    let with = "\n[[fault.link-degradation]]\non = \"pi02/link\"\n\
                at = \"80 s\"\n\
                share = \"10 %\"\nrepair = \"300 s\"\n";
    agree(&saving(with));
}

#[test]
fn agreement_lossy_link() {
    let with = "\n[[fault.link-degradation]]\non = \"pi02/link\"\nat = \"80 s\"\n\
                loss = \"20 %\"\nrepair = \"300 s\"\n";
    let fleet = agree(&saving(with));
    demand(&fleet, 0, |what| matches!(what, What::WorkLost { .. }));
}

#[test]
fn agreement_lifetimes_of_a_week_of_frail_nodes_with_blasts_and_cascades() {
    let with = "\n[[fault.crash]]\non = \"node\"\nradius = \"blade\"\nfrailty = 2.0\n\
                lifetime = { gamma = { shape = 0.6, mean = \"10 h\" } }\n\
                rhythm = { day = 0.9, peak = \"0 h\", weekend = 3.0, start = \"5 d\" }\n\
                \n[[fault.hang]]\non = \"node\"\n\
                lifetime = { bathtub = { early = { shape = 0.5, mean = \"50 h\" }, \
                mean = \"15 h\", wear = { shape = 3, mean = \"10 h\" } } }\n\
                cascade = { chance = 0.6, delay = \"20 s\" }\n";
    let fleet = agree(&saving(with));
    demand(&fleet, 5, |what| matches!(what, What::FaultStrikes { .. }));
}

#[test]
fn agreement_degraded_uplink() {
    let with = "\n[[fault.link-degradation]]\non = \"module[1]/switch[1]/uplink\"\nat = \"80 s\"\n\
                share = \"5 %\"\nrepair = \"200 s\"\n";
    agree(&saving(with));
}

#[test]
fn agreement_fixed_costs() {
    let with = "[boot]\nmethod = \"instant\"\n[checkpoint.coordinated]\ninterval = \"60 s\"\n\
                cost = { write = \"10 s\", read = \"15 s\", downtime = \"30 s\" }\n";
    agree(&rack(&format!("{with}{}", fault("crash", "pi03", "250 s", "power-cycle"))));
}

#[test]
fn agreement_crash_in_a_checkpoint() {
    // Until the crash is noticed the other nodes go on writing what is then thrown away.
    let (_, fleet) = played_alike(&saving(&fault("crash", "pi03", "90 s", "power-cycle")));
    demand(&fleet, 1, |what| matches!(what, What::Checkpoint { act: CheckpointAct::Abandon, .. }));
}

/// Nobody computes on to the end of the step, which is 130 s after the crash is noticed.
#[test]
fn agreement_crash_in_a_long_step() {
    let text = saving_without_spares(&fault("crash", "pi03", "250 s", "200 s"));
    let fleet = agree(&text.replace("step = \"20 s\"", "step = \"200 s\""));
    demand(&fleet, 1, |what| matches!(what, What::WorkLost { .. }));
}

#[test]
fn agreement_crash_in_the_boot() {
    let text = "schema = 1\ntitle = \"boot\"\ninherit = \"edge_rack_24\"\n[boot]\nmethod = \"sd\"\n\
                [controller]\nboot_timeout = \"2 min\"\n\
                [[fault.crash]]\non = \"pi03\"\nat = \"5 s\"\nrepair = \"power-cycle\"\n\
                [stop]\nwhen = \"all up\"\nat = \"10 min\"\n";
    agree(text);
}

#[test]
fn agreement_brown_out() {
    let path = crate::program::root().join("scenarios/smoke/brown_out.toml");
    agree(&std::fs::read_to_string(path).expect("a scenario"));
}

#[test]
fn agreement_many_crashes_by_lifetime() {
    let with = "\n[[fault.crash]]\non = \"node\"\nlifetime = { exponential = { mean = \"3 h\" } }\n\
                repair = \"power-cycle\"\n";
    let fleet = agree(&saving(with));
    let crashes = |what: &What| matches!(what, What::FaultStrikes { kind: Fault::Crash, .. });
    assert!(fleet.count(crashes) > 0);
}

/// The two simulated networks are implementations of different people. turmoil moves packets each
/// 10 ms only, so that each of the exchanges of a step takes as long.
#[test]
fn both_networks_give_the_fleet_the_same_facts() {
    for with in [
        String::new(),
        fault("crash", "pi03", "90 s", "power-cycle"),
        fault("hang", "pi03", "100 s", "power-cycle"),
        fault("power-loss", "psu[1]", "100 s", "30 s"),
        fault("controller-crash", "controller", "100 s", "45 s"),
        fault("switch-loss", "module[1]/switch[1]", "100 s", "40 s"),
        fault("link-degradation", "pi02/link", "100 s", "40 s") + "share = 0.0\n",
        fault("hang", "pi03", "100 s", "power-cycle") + GOSSIP,
    ] {
        let text = saving_without_spares(&with).replace("work = \"400 s\"", "work = \"200 s\"");
        alike(&text, &Turmoil, &Reference, Span::from_millis(80));
    }
}

#[test]
fn a_heartbeat_that_no_clock_can_keep_is_refused() {
    let plan = plan_of(&saving("").replace("detect = \"8 s\"", "detect = \"0 s\""));
    assert!(Model.cannot(&plan).is_empty());
    let reasons = Turmoil.cannot(&plan);
    assert!(reasons[0].starts_with("a heartbeat each 0 s"), "{reasons:?}");
}

#[test]
fn the_reference_refuses_what_it_cannot_bear() {
    let plan = plan_of("inherit = \"lanl_pilot\"\n");
    let reasons = Reference.cannot(&plan);
    assert!(reasons[0].contains("750 nodes") && reasons[0].contains("64"), "{reasons:?}");
}

#[test]
fn agreement_detection_by_phi_accrual() {
    let phi = "[controller.phi]\nthreshold = 8\nbeat = \"1 s\"\ndeviation = \"100 ms\"\n";
    let text = saving(&fault("hang", "pi03", "250 s", "power-cycle")) + phi;
    agree(&text);
    let mut notices = Vec::new();
    let plan = plan_of(&text);
    let played = crate::harness::play_with(&plan, |plan, sink| {
        Turmoil.play_noting(plan, sink, &mut notices)
    });
    let struck = played.times(|what| matches!(what, What::FaultStrikes { .. }))[0];
    let silent = notices.iter().find_map(|(at, notice)| match notice {
        Notice::Silent { .. } => Some(*at),
        _ => None,
    });
    let took = silent.expect("it is noticed").since(struck).as_secs_f64();
    assert!((0.5..1.6).contains(&took), "mean + z deviation is 1.56 s: {took}");
}

/// A period of half a second: what varies by periods stays in the band of the other facts.
const GOSSIP: &str = "[controller.gossip]\nperiod = \"500 ms\"\ntimeout = \"150 ms\"\n";

#[test]
fn agreement_detection_by_gossip() {
    let plan = plan_of(&(saving("") + GOSSIP));
    let periods = plan.detection().as_secs_f64() / 0.5;
    assert!((8.2..8.4).contains(&periods), "1 to meet it, 1 to doubt, 1.3 to spread, 5: {periods}");
    for at in [250, 251, 253, 256] {
        let text = saving(&fault("hang", "pi03", &format!("{at} s"), "power-cycle")) + GOSSIP;
        agree(&text);
        let mut notices = Vec::new();
        let played = crate::harness::play_with(&plan_of(&text), |plan, sink| {
            Turmoil.play_noting(plan, sink, &mut notices)
        });
        let struck = played.times(|what| matches!(what, What::FaultStrikes { .. }))[0];
        let silent: Vec<_> = notices.iter().filter(|(_, n)| is_silent(n)).collect();
        assert_eq!(silent.len(), 1, "one node, and only once: {silent:?}");
        let took = silent[0].0.since(struck).as_secs_f64() / 0.5;
        assert!((periods - 2.0..periods + 6.0).contains(&took), "{took} periods");
    }
}

fn is_silent(notice: &Notice) -> bool {
    matches!(notice, Notice::Silent { .. })
}

/// The nodes behind the switch reach each other, and the controller reaches none of them.
#[test]
fn agreement_nodes_that_gossip_behind_a_cut() {
    for faults in [
        fault("switch-loss", "module[1]/switch[1]", "250 s", "60 s"),
        fault("link-degradation", "module[1]/switch[1]/uplink", "250 s", "60 s") + "share = 0.0\n",
        fault("link-degradation", "pi02/link", "250 s", "60 s") + "share = 0.0\n",
        fault("power-loss", "module[1]/psu[1]", "250 s", "60 s"),
        fault("controller-crash", "controller", "250 s", "45 s"),
    ] {
        agree(&(saving_without_spares(&faults) + GOSSIP));
    }
}

#[test]
fn gossip_where_packets_are_lost_declares_no_live_node_dead() {
    let with = "\n[[fault.link-degradation]]\non = \"node/link\"\nat = \"80 s\"\n\
                loss = \"10 %\"\nrepair = \"300 s\"\n";
    let mut notices = Vec::new();
    crate::harness::play_with(&plan_of(&(saving(with) + GOSSIP)), |plan, sink| {
        Turmoil.play_noting(plan, sink, &mut notices)
    });
    assert_eq!(notices.iter().filter(|(_, n)| is_silent(n)).count(), 0);
}

#[test]
fn a_silent_node_is_noticed_within_the_detectors_bound() {
    let plan = plan_of(&saving(&fault("hang", "pi03", "250 s", "power-cycle")));
    let mut notices = Vec::new();
    let played = crate::harness::play_with(&plan, |plan, sink| {
        Turmoil.play_noting(plan, sink, &mut notices)
    });
    let struck = played.times(|what| matches!(what, What::FaultStrikes { .. }))[0];
    let silent = notices.iter().find_map(|(at, notice)| match notice {
        Notice::Silent { node: NodeId(2), .. } => Some(*at),
        _ => None,
    });
    let took = silent.expect("it is noticed").since(struck);
    assert!((6..=9).contains(&(took.0 / 1_000_000_000)), "{took}");
}

#[test]
fn the_fleet_plays_the_same_run_in_every_process_and_in_a_replay() {
    let crashes = "\n[[fault.crash]]\non = \"node\"\n\
                   lifetime = { exponential = { mean = \"2 h\" } }\n\
                   repair = \"power-cycle\"\n";
    for detector in ["", GOSSIP] {
        let bench = Bench::new();
        let file = bench.write("twice.toml", &(saving(crashes) + detector));
        let log = |out: &str| {
            let options = ["--on", "turmoil", "--events", "all", "--out", out];
            let runs = bench.play(std::slice::from_ref(&file), &options);
            let folder = runs[0]["results"].as_str().expect("a folder").to_owned();
            let done = bench.run(&["events", &folder]);
            assert_eq!(done.code, 0, "{}", done.stderr);
            (folder, done.stdout)
        };
        let (folder, first) = log("one");
        assert!(first.lines().count() > 500);
        assert!(first == log("two").1, "another process, another run");
        let done = bench.run(&["replay", &folder]);
        assert_eq!(done.code, 0, "{}", done.stderr);
    }
}

#[test]
fn a_plan_that_is_too_large_for_the_simulated_network_is_refused_and_leaves_nothing() {
    let bench = Bench::new();
    let text = "schema = 1\ntitle = \"large\"\ninherit = \"edge_rack_24\"\n\
                cluster.modules = 2709\n[boot]\nmethod = \"instant\"\n";
    let file = bench.write("large.toml", text);
    let done = bench.run(&["run", file.to_str().expect("UTF-8"), "--on", "turmoil"]);
    assert_eq!(done.code, 3, "{}", done.stderr);
    assert!(done.stderr.contains("[cluster] has 65016 nodes"), "{}", done.stderr);
    assert!(!bench.path().join("results").exists(), "{:?}", bench.files());
}

#[test]
fn a_stage_that_this_build_has_not_is_a_mistake_of_usage() {
    let done = Bench::new().run(&["run", "x.toml", "--on", "moon"]);
    assert_eq!(done.code, 2);
    assert!(done.stderr.contains("model, turmoil"), "{}", done.stderr);
}
