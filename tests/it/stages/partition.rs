//! Partitions of the network: the model and the fleet emit the same facts.

use rackstorm::backend::Backend;
use rackstorm::backend::model::Model;
use rackstorm::backend::turmoil::{Reference, Turmoil};
use rackstorm::event::{Event, JobPhase, What};
use rackstorm::units::Span;

use super::{
    GOSSIP, agree, alike, bare, demand, facts, is_phase, played_alike, saving,
    saving_without_spares,
};
use crate::harness::{plan_of, play_on};

fn partition(from: &str, to: &str, one_way: bool, at: &str) -> String {
    format!(
        "\n[[fault.partition]]\nfrom = \"{from}\"\nto = \"{to}\"\none_way = {one_way}\n\
         at = \"{at}\"\nrepair = \"60 s\"\n"
    )
}

/// Demands the same facts in the same order of both stages, whenever they are.
fn agree_but_in_time(text: &str) {
    let plan = plan_of(text);
    let list = |stage: &dyn Backend| {
        let bare = |events: &Vec<Event>| events.iter().map(|it| bare(&it.what)).collect::<Vec<_>>();
        let all = facts(&play_on(stage, &plan));
        all.iter().map(|(subject, events)| (*subject, bare(events))).collect::<Vec<_>>()
    };
    let (model, fleet) = (list(&Model), list(&Turmoil));
    for (ours, theirs) in model.iter().zip(&fleet) {
        assert_eq!(ours, theirs, "model on the left");
    }
    assert_eq!(model.len(), fleet.len());
}

/// Nobody is suspected. Agents wait for each other all the same: each step of theirs passes sums
/// round a ring, which the model knows nothing of.
#[test]
fn agreement_partition_between_nodes() {
    agree_but_in_time(&saving_without_spares(&partition("pi[01-12]", "pi[13-24]", false, "250 s")));
}

#[test]
fn agreement_partition_from_the_controller() {
    let fleet = agree(&saving_without_spares(&partition("pi02", "controller", false, "250 s")));
    demand(&fleet, 1, |what| matches!(what, What::WorkLost { .. }));
    demand(&fleet, 1, is_phase(JobPhase::Restart));
    agree(&saving(&partition("controller", "pi[02-03]", false, "250 s")));
    agree(&(saving_without_spares(&partition("pi02", "controller", false, "250 s")) + GOSSIP));
}

/// The controller hears nothing of whoever hears it.
#[test]
fn agreement_one_way_partition_to_the_controller() {
    let fleet = agree(&saving_without_spares(&partition("pi02", "controller", true, "250 s")));
    demand(&fleet, 1, |what| matches!(what, What::WorkLost { .. }));
}

/// Agents without answers send no more heartbeats after five, so that it is noticed later: here
/// before the step is over in which it happens.
#[test]
fn agreement_one_way_partition_from_the_controller() {
    let calm = play_on(&Model, &plan_of(&saving_without_spares("")));
    let step = calm.times(|what| matches!(what, What::StepDone { step: 7, .. }))[0];
    let at = format!("{} ms", step.0 / 1_000_000 + 2_000);
    agree_but_in_time(&saving_without_spares(&partition("controller", "pi02", true, &at)));
}

/// A checkpoint waits for whoever cannot reach the server, and nobody is suspected.
#[test]
fn agreement_partition_from_the_server() {
    let fleet = agree(&saving_without_spares(&partition("pi02", "server", false, "85 s")));
    demand(&fleet, 0, |what| matches!(what, What::WorkLost { .. }));
}

/// The server and the controller run on a node.
#[test]
fn agreement_partition_from_the_node_that_is_the_server() {
    let head = "schema = 1\n[boot]\nmethod = \"sd\"\n\
        [[switch]]\nname = \"desk\"\nports = 8\nuplink = \"1 Gbit/s\"\npower = \"5 W\"\n\
        [[group]]\nname = \"head\"\nnodes = 1\nhardware = \"pi_3b\"\n\
        [[group]]\nname = \"work\"\nnodes = 4\nhardware = \"pi_3b\"\n\
        [server]\nnode = \"head\"\ndisk = \"100 MB/s\"\n[controller]\ndetect = \"8 s\"\n\
        [workload.bulk-synchronous]\nstep = \"20 s\"\nwork = \"400 s\"\n\
        [checkpoint.coordinated]\nsize = \"50 MB\"\ninterval = \"60 s\"\nto = \"file-server\"\n\
        [stop]\nwhen = \"workload done\"\nat = \"2 h\"\n";
    for side in ["pi1", "server"] {
        // Agents write on until the failure is noticed.
        let (_, fleet) =
            played_alike(&format!("{head}{}", partition(side, "pi[3-4]", false, "250 s")));
        demand(&fleet, 1, |what| matches!(what, What::WorkLost { .. }));
    }
}

#[test]
fn the_reference_agrees_on_partitions() {
    for with in [
        partition("pi[01-12]", "pi[13-24]", false, "100 s"),
        partition("pi02", "controller", false, "100 s"),
        partition("pi02", "controller", true, "100 s"),
    ] {
        let text = saving_without_spares(&with).replace("work = \"400 s\"", "work = \"200 s\"");
        alike(&text, &Turmoil, &Reference, Span::from_millis(80));
    }
}
