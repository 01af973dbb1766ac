//! Protocols of jobs: the model and the fleet emit the same facts.

use rackstorm::event::{CheckpointAct, CorruptionAct, JobPhase, What};

use super::{agree, demand, fault, is_phase, played_alike, rack, saving, saving_without_spares};

/// Checkpoints each minute on cards, at partners, and at the file server; one node stays away,
/// later another one.
#[test]
fn agreement_checkpoints_of_several_levels() {
    let level = |to: &str, every: &str| {
        format!("[[checkpoint.multilevel.level]]\nto = \"{to}\"\nsize = \"50 MB\"\n{every}")
    };
    let levels =
        level("card", "") + &level("partner", "every = 2\n") + &level("file-server", "every = 2\n");
    let text =
        format!("[boot]\nmethod = \"sd\"\n[checkpoint.multilevel]\ninterval = \"60 s\"\n{levels}");
    let faults = fault("crash", "pi03", "250 s", "1 h") + &fault("crash", "pi07", "420 s", "1 h");
    let fleet = agree(&rack(&(text + &faults)));
    demand(&fleet, 2, is_phase(JobPhase::Restart));
    assert!(fleet.count(loses) > 0, "one on the card of a node that is away is given up");
}

/// Checkpoints each minute in memory, each second one at buddies and each fourth at the file
/// server. Without a boot, so that nodes take places in their order: pi03 and pi04 are a pair.
fn in_memory(copies: u32, faults: &str) -> String {
    let level = |to: &str, rest: &str| {
        format!("[[checkpoint.multilevel.level]]\nto = \"{to}\"\nsize = \"50 MB\"\n{rest}")
    };
    let buddies = level("buddies", &format!("copies = {copies}\nevery = 2\n"));
    let levels = level("memory", "") + &buddies + &level("file-server", "every = 2\n");
    rack(&format!(
        "[boot]\nmethod = \"instant\"\n[checkpoint.multilevel]\ninterval = \"60 s\"\n\
         {levels}{faults}"
    ))
}

fn loses(what: &What) -> bool {
    matches!(what, What::Checkpoint { act: CheckpointAct::Lose, .. })
}

/// The second failure is that of the buddy, when the newcomer holds its image again.
#[test]
fn agreement_buddies_hold_images_for_each_other() {
    let faults =
        fault("crash", "pi03", "160 s", "1 h") + &fault("hang", "pi04", "215 s", "power-cycle");
    let fleet = agree(&in_memory(2, &faults));
    demand(&fleet, 2, is_phase(JobPhase::Restart));
    demand(&fleet, 0, loses);
}

/// After the third checkpoint, which is in memory alone; the second is at buddies, and the fourth
/// would be the server's first: so the job begins anew, and reads nothing.
#[test]
fn agreement_a_pair_of_buddies_is_lost() {
    let fleet = agree(&in_memory(2, &fault("crash", "pi[03-04]", "210 s", "1 h")));
    demand(&fleet, 0, is_phase(JobPhase::Restart));
    demand(&fleet, 2, loses);
}

#[test]
fn agreement_two_of_a_triple_are_lost() {
    // Eighteen seats, so that triples divide.
    let faults = fault("crash", "pi[04-05]", "160 s", "power-cycle");
    let text = in_memory(3, &faults).replace("spares = 4", "spares = 6");
    let fleet = agree(&text);
    demand(&fleet, 1, is_phase(JobPhase::Restart));
    demand(&fleet, 0, loses);
}

#[test]
fn agreement_memory_is_lost_with_power_and_not_with_the_switch() {
    for (kind, on, lost) in
        [("power-loss", "module[1]/psu[1]", 1), ("switch-loss", "module[1]/switch[1]", 0)]
    {
        let faults = fault(kind, on, "160 s", "60 s");
        let fleet = agree(&in_memory(2, &faults).replace("spares = 4", "spares = 0"));
        demand(&fleet, lost, loses);
    }
}

fn corruption(on: &str, at: &str) -> String {
    format!("\n[[fault.silent-corruption]]\non = \"{on}\"\nat = \"{at}\"\n")
}

#[test]
fn agreement_silent_corruption_that_nobody_looks_for() {
    let faults = corruption("pi03", "1 s") + &corruption("pi[04,08]", "250 s");
    let fleet = agree(&saving(&faults));
    let escapes = |what: &What| matches!(what, What::Corruption { act: CorruptionAct::Escape, .. });
    demand(&fleet, 2, escapes);
}

#[test]
fn agreement_silent_corruption_that_a_verification_finds() {
    let verify = "verify = { cost = \"5 s\", per_checkpoint = 3 }\n";
    let faults = corruption("pi[04,08]", "250 s") + &fault("crash", "pi03", "400 s", "power-cycle");
    let fleet = agree(&saving(&format!("{verify}{faults}")));
    let corrected =
        |what: &What| matches!(what, What::Corruption { act: CorruptionAct::Correct, .. });
    demand(&fleet, 2, corrected);
    demand(&fleet, 2, is_phase(JobPhase::Restart));
}

#[test]
fn agreement_silent_corruption_that_verifications_miss_at_first() {
    let verify = "verify = { cost = \"5 s\", coverage = 0.5 }\nkeep = 3\n";
    let fleet = agree(&saving(&format!("{verify}{}", corruption("pi05", "40 s"))));
    let discard = CheckpointAct::Discard;
    let thrown = |what: &What| matches!(what, What::Checkpoint { act, .. } if *act == discard);
    demand(&fleet, 2, thrown);
    let correct = CorruptionAct::Correct;
    let corrected = |what: &What| matches!(what, What::Corruption { act, .. } if *act == correct);
    demand(&fleet, 1, corrected);
}

/// Upsets of each class: what stops a node, what makes its data wrong, and what does no harm.
#[test]
fn agreement_upsets_in_a_beam() {
    let path = crate::program::root().join("scenarios/smoke/upsets_in_a_beam.toml");
    let text = std::fs::read_to_string(path).expect("a scenario");
    let (shorter, _) = text.split_once("[expect]").expect("it expects something");
    let shorter = shorter
        .replace("work           = \"12 h\"", "work           = \"2 h\"")
        .replace("beam = 200_000", "beam = 400_000")
        .replace("15 min", "5 min");
    let (_, fleet) = played_alike(&(shorter + "[controller]\ndetect = \"8 s\"\n"));
    for class in ["masked", "corrected", "silent", "crash", "hang"] {
        assert!(fleet.metric(&format!("upsets_{class}")) > 0.5, "{class}");
    }
    assert!(fleet.metric("corruptions_corrected") > 0.5);
}

/// True alarms and false ones before crashes of one node, and hangs of another without any.
#[test]
fn agreement_alarms_before_failures() {
    let foreseen = |kind, node, life, recall| {
        format!(
            "\n[[fault.{kind}]]\non = \"{node}\"\nlifetime = {{ fixed = \"{life} s\" }}\n\
             age = \"new\"\n\
             prediction = {{ recall = {recall}, precision = 0.5, lead = \"45 s\" }}\n"
        )
    };
    let faults = foreseen("crash", "pi03", 300, 1) + &foreseen("hang", "pi07", 470, 0);
    let text = saving_without_spares(&faults).replace("interval = \"60 s\"", "interval = \"1 h\"");
    let fleet = agree(&text);
    for metric in ["alarms_true", "alarms_false", "faults_unforeseen", "checkpoints_committed"] {
        assert!(fleet.metric(metric) > 0.5, "{metric}");
    }
}

/// Three times 8 s until a hang is noticed: 3 % of the job.
#[test]
fn what_agents_compute_until_a_failure_is_noticed_is_not_useful() {
    let faults: String = [250, 400, 520]
        .map(|at| fault("hang", &format!("pi{:02}", at / 50), &format!("{at} s"), "power-cycle"))
        .concat();
    let (model, fleet) = played_alike(&saving(&faults));
    let (ours, theirs) = (model.metric("efficiency"), fleet.metric("efficiency"));
    assert!((theirs / ours - 1.0).abs() < 0.01, "{theirs} against {ours}");
}

/// Each failure makes the interval shorter, by more than the stages differ in what they observe.
#[test]
fn agreement_an_interval_that_adapts() {
    let faults: String = [250, 400, 520]
        .map(|at| fault("hang", &format!("pi{:02}", at / 50), &format!("{at} s"), "power-cycle"))
        .concat();
    let text = saving(&faults)
        .replace("interval = \"60 s\"", "interval = \"adaptive\"\nprior = \"11 min\"");
    let fleet = agree(&text);
    let steps = fleet.events.iter().filter_map(|event| match event.what {
        What::Checkpoint { act: CheckpointAct::Begin, step, .. } => Some(step),
        _ => None,
    });
    assert_eq!(steps.collect::<Vec<_>>(), [6, 11, 15, 19], "fewer and fewer steps between");
}

/// Ten seats on twenty nodes, and four free ones. Without a boot, so that nodes take places in
/// their order: pi03 and pi13 share a seat.
fn replicated(replicas: &str, faults: &str) -> String {
    let seats = format!("[workload.bulk-synchronous]\nnodes = 10\nreplicas = {{ {replicas} }}");
    let text = saving(faults).replace("method = \"sd\"", "method = \"instant\"");
    text.replace("[workload.bulk-synchronous]", &seats)
}

#[test]
fn agreement_a_replica_dies_and_the_job_goes_on() {
    let faults =
        fault("crash", "pi03", "250 s", "power-cycle") + &fault("hang", "pi05", "105 s", "never");
    let fleet = agree(&replicated("degree = 2", &faults));
    demand(&fleet, 2, |what| matches!(what, What::FailureAbsorbed { .. }));
    demand(&fleet, 0, |what| matches!(what, What::WorkLost { .. }));
}

#[test]
fn agreement_both_replicas_of_a_seat_die() {
    let faults =
        fault("crash", "pi03", "150 s", "never") + &fault("crash", "pi13", "250 s", "never");
    let fleet = agree(&replicated("degree = 2", &faults));
    demand(&fleet, 1, |what| matches!(what, What::FailureAbsorbed { .. }));
    demand(&fleet, 1, |what| matches!(what, What::WorkLost { .. }));
}

#[test]
fn agreement_dead_replicas_are_replaced_at_the_next_checkpoint() {
    for cost in ["", "cost"] {
        let faults =
            fault("crash", "pi03", "150 s", "never") + &fault("crash", "pi13", "250 s", "never");
        let mut text = replicated("degree = 2, strategy = \"restart\"", &faults);
        if cost == "cost" {
            let fixed = "cost = { write = \"10 s\", read = \"15 s\" }";
            text = text.replace("to = \"file-server\"", fixed).replace("size = \"50 MB\"", "");
        }
        let fleet = agree(&text);
        demand(&fleet, 2, |what| matches!(what, What::FailureAbsorbed { .. }));
        demand(&fleet, 0, |what| matches!(what, What::WorkLost { .. }));
        demand(&fleet, 2, is_phase(JobPhase::Restart));
    }
}
