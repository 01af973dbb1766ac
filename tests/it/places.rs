//! Where checkpoints are kept: the file server, the nodes' cards, the cards of partners.

use rackstorm::backend::model::Model;
use rackstorm::backend::turmoil::Turmoil;
use rackstorm::event::{CheckpointAct, JobPhase, What};
use rackstorm::fleet::ports::Notice;
use rackstorm::ids::NodeId;

use crate::harness::{Played, plan_of, play_on, play_with};

/// A job of four nodes, one spare, a checkpoint of 112 MB each minute and these faults. Its cards
/// write 11.2 MB/s and read 18 MB/s, its links carry 11.76 MB/s.
fn job(to: &str, faults: &str) -> String {
    format!(
        "inherit = \"edge_rack_24\"\n[boot]\nmethod = \"instant\"\n[module]\nspares = 20\n\
         [workload.bulk-synchronous]\nstep = \"10 s\"\nwork = \"5 min\"\n\
         [checkpoint.coordinated]\nsize = \"112 MB\"\ninterval = \"1 min\"\nto = \"{to}\"\n\
         [stop]\nat = \"3 h\"\n{faults}"
    )
}

fn crash(node: u32, at: &str, repair: &str) -> String {
    format!("[[fault.crash]]\non = \"pi{node:02}\"\nat = \"{at}\"\nrepair = \"{repair}\"\n")
}

fn is_phase(phase: JobPhase) -> impl Fn(&What) -> bool {
    move |what| matches!(what, What::JobPhase { phase: emitted, .. } if *emitted == phase)
}

/// The spans that the job spent in a phase (s).
fn spans(played: &Played, phase: JobPhase) -> Vec<f64> {
    let phases: Vec<_> = (played.events.iter())
        .filter_map(|event| match event.what {
            What::JobPhase { phase, .. } => Some((event.at, phase)),
            _ => None,
        })
        .collect();
    let pairs = phases.iter().zip(&phases[1..]);
    let spent = pairs.filter(|((_, entered), _)| *entered == phase);
    spent.map(|((from, _), (to, _))| to.since(*from).as_secs_f64()).collect()
}

/// Who took a seat of the job, in order.
fn joined(played: &Played) -> Vec<u32> {
    let joins = played.events.iter().filter_map(|event| match event.what {
        What::JobNode { node: NodeId(node), joined: true, .. } => Some(node),
        _ => None,
    });
    joins.collect()
}

#[test]
fn a_card_takes_the_size_over_its_rate_and_two_images_take_twice_as_long() {
    for (to, write) in [("card", 10.0), ("partner", 20.0)] {
        let played = play_on(&Model, &plan_of(&job(to, "")));
        let spans = spans(&played, JobPhase::Checkpoint);
        assert_eq!(spans.len(), 4, "{to}");
        assert!(spans.iter().all(|span| (span - write).abs() < 1e-6), "{to}: {spans:?}");
        assert_eq!(played.count(|what| matches!(what, What::Transfer { .. })), 0, "{to}");
    }
}

#[test]
fn with_a_card_the_job_waits_for_its_node_and_with_a_partner_a_spare_takes_over() {
    let faults = crash(2, "100 s", "20 min");
    let card = play_on(&Model, &plan_of(&job("card", &faults)));
    assert_eq!(joined(&card), [0, 1, 2, 3, 1], "the node itself comes back");
    assert!(spans(&card, JobPhase::Waiting)[0] > 1_190.0);
    let read = spans(&card, JobPhase::Restart);
    assert!((read[0] - 112.0 / 18.0).abs() < 1e-6, "{read:?}");
    let partner = play_on(&Model, &plan_of(&job("partner", &faults)));
    assert_eq!(joined(&partner), [0, 1, 2, 3, 4], "a spare takes the seat");
    assert!(spans(&partner, JobPhase::Waiting)[0] < 60.0);
    let read = spans(&partner, JobPhase::Restart);
    assert!((read[0] - 10.0).abs() < 1e-6, "onto the card of the newcomer: {read:?}");
}

#[test]
fn two_partners_that_are_gone_together_are_waited_for_and_two_strangers_are_not() {
    for (other, waits) in [(3, true), (4, false)] {
        let faults = crash(2, "100 s", "20 min") + &crash(other, "100 s", "40 min");
        let played = play_on(&Model, &plan_of(&job("partner", &faults)));
        let longest = spans(&played, JobPhase::Waiting).into_iter().fold(0.0, f64::max);
        assert_eq!(longest > 1_100.0, waits, "pi02 and pi{other:02}: {longest} s");
        assert!(longest < 1_300.0, "one of the two is enough: {longest} s");
    }
}

/// The fleet carries real images to real cards: a result that is right shows that each was the one
/// that it had to be.
#[test]
fn the_fleet_keeps_images_where_the_model_says_and_ends_with_the_right_result() {
    for (to, faults) in [
        ("card", crash(2, "100 s", "5 min")),
        ("partner", crash(2, "100 s", "5 min")),
        ("partner", crash(2, "100 s", "5 min") + &crash(3, "100 s", "10 min")),
        ("partner", crash(2, "88 s", "power-cycle")),
    ] {
        let plan = plan_of(&job(to, &faults));
        let model = play_on(&Model, &plan);
        let mut notices = Vec::new();
        let fleet = play_with(&plan, |plan, sink| Turmoil.play_noting(plan, sink, &mut notices));
        assert_eq!(joined(&fleet), joined(&model), "{to} {faults}");
        let commits =
            |what: &What| matches!(what, What::Checkpoint { act: CheckpointAct::Commit, .. });
        assert_eq!(fleet.count(commits), model.count(commits), "{to} {faults}");
        for phase in [JobPhase::Checkpoint, JobPhase::Restart] {
            let (a, b) = (spans(&model, phase), spans(&fleet, phase));
            assert_eq!(a.len(), b.len(), "{phase:?} {to} {faults}: {a:?} {b:?}");
            for (a, b) in a.iter().zip(&b) {
                assert!((a - b).abs() < 8.0, "{phase:?} {to} {faults}: {a:?} {b:?}");
            }
        }
        assert_eq!(fleet.count(is_phase(JobPhase::Done)), 1, "{to} {faults}");
        let result = notices.iter().find_map(|(_, notice)| match notice {
            Notice::Result { sum } => Some(*sum),
            _ => None,
        });
        assert!(result.is_some());
        assert_eq!(result, Turmoil.expected(&plan), "{to} {faults}");
    }
}
