//! Copies that nodes send to each other for checkpoints, over links that others use as well.

use rackstorm::backend::turmoil::Turmoil;
use rackstorm::event::{CheckpointAct, Event, What};
use rackstorm::experiment::Run;

use crate::harness::{Played, plan_of, play_text};
use crate::transfers::machine;

/// So many nodes behind switches of so many each, of links of 100 Mbit/s: 100 MB take 8 s. Cards
/// take next to nothing.
fn rack(nodes: u32, per_switch: u32, uplink: &str, text: &str) -> String {
    let text = machine(nodes, per_switch, uplink, text);
    let text = text.replace("[stop]\n", "[stop]\nwhen = \"workload done\"\n");
    text + "[hardware]\nsd_write = \"100 GB/s\"\nsd_read = \"100 GB/s\"\n"
}

/// A job of so many nodes that writes 100 MB of each after five of ten minutes.
fn job(nodes: u32, to: &str) -> String {
    format!(
        "[workload.bulk-synchronous]\nnodes = {nodes}\nstep = \"1 min\"\nwork = \"10 min\"\n\
         [checkpoint.multilevel]\ninterval = \"5 min\"\n[[checkpoint.multilevel.level]]\n\
         size = \"100 MB\"\nto = {to}\n"
    )
}

fn longest(text: &str) -> f64 {
    let run = play_text(text, None);
    assert_eq!(run.metric("jobs_done") as u64, 1);
    run.metric("checkpoint_time_max")
}

fn assert_close(found: f64, wanted: f64) {
    assert!((found - wanted).abs() < 1e-6, "{found} s for {wanted} s");
}

const PARTNER: &str = "\"partner\"";
const PAIRS: &str = "\"buddies\"";
const TRIPLES: &str = "\"buddies\"\ncopies = 3";
const GROUP: &str = "\"group\"\ngroup = 6\nparity = 2";

/// A link that degrades when all is over.
const LATE: &str = "[[fault.link-degradation]]\non = \"pi1/link\"\nshare = 0.5\nat = \"29 d\"\n";

/// Two runs are the same but for faults that have yet to strike.
fn assert_same(one: &[Event], other: &[Event]) {
    assert!(one.len() > 20, "something happens");
    for (one, other) in one.iter().zip(other) {
        assert_eq!(one, other);
    }
    assert_eq!(one.len(), other.len());
}

/// Written by all, and read by newcomers that take the seats of dead nodes: where nothing else is
/// on the links, what is played over them takes to the nanosecond what the closed form says.
#[test]
fn behind_one_switch_copies_take_their_closed_form_on_the_links_too() {
    let crashes = "[[fault.crash]]\non = \"pi2\"\nat = \"7 min\"\n\
                   [[fault.crash]]\non = \"pi6\"\nat = \"8 min\"\n";
    for to in [PARTNER, PAIRS, TRIPLES, GROUP] {
        for size in ["100 MB", "123456788 B"] {
            let text = job(6, to).replace("100 MB", size);
            let text = rack(10, 10, "1 Gbit/s", &(text + crashes));
            let (alone, played) = (plan_of(&text), plan_of(&(text.clone() + LATE)));
            assert!(!alone.plays_copies() && played.plays_copies());
            let [one, other] = [text.clone(), text + LATE].map(|text| play_text(&text, None));
            assert_same(&one.events, &other.events);
            assert!(one.metric("failures") > 1.0, "{to}");
        }
    }
}

/// Of eight nodes the copies of the fourth and the last go to the other switch, each alone on its
/// way: 100 MB over 20 Mbit/s take 40 s.
#[test]
fn a_partner_behind_a_slow_uplink_gets_its_copy_late() {
    let text = |uplink, nodes, to| rack(8, 4, uplink, &job(nodes, to));
    assert_close(longest(&text("20 Mbit/s", 8, PARTNER)), 40.0);
    assert_close(longest(&text("20 Mbit/s", 4, PARTNER)), 8.0);
    // The images of both go over it, one each way; and the copy at home takes 0.1 s.
    assert_close(longest(&text("20 Mbit/s", 8, PAIRS)), 8.1);
    assert_close(longest(&rack(6, 3, "20 Mbit/s", &job(6, PAIRS))), 40.1);
    // Of the triple 4, 5, 6 the first is on the one switch: two images each way.
    assert_close(longest(&text("20 Mbit/s", 6, TRIPLES)), 80.1);
    // A pipeline through all of a group passes the uplink twice, once each way, with two parities.
    assert_close(longest(&text("20 Mbit/s", 8, GROUP)), 80.0);
    // An uplink that carries all that the nodes behind it send holds nobody back.
    assert!(!plan_of(&text("400 Mbit/s", 8, PARTNER)).plays_copies());
    assert_close(longest(&text("400 Mbit/s", 8, PARTNER)), 8.0);
}

/// A job of five nodes has one behind the other switch, whose copy goes up by the uplink by which
/// three nodes of another job send 100 MB each to the server at the same time.
#[test]
fn a_copy_shares_an_uplink_with_the_checkpoint_of_another_job() {
    let list = |other: &str| {
        let level = "[[job.checkpoint.multilevel.level]]\nsize = \"100 MB\"\nto = ";
        let of = |name, nodes, to: &str| {
            format!(
                "[[job]]\nname = \"{name}\"\nnodes = {nodes}\n\
                 step = \"1 min\"\nwork = \"10 min\"\n[job.checkpoint.multilevel]\n\
                 interval = \"5 min\"\n{level}{to}\n"
            )
        };
        let text = of("copies", 5, PARTNER) + &of("other", 3, other);
        rack(8, 4, "100 Mbit/s", &(text + "[server]\ndisk_request = \"0 s\"\n"))
    };
    let ends = |text: &str| commits(&play_text(text, None));
    assert_eq!(ends(&list("\"card\"")).last(), Some(&308.0));
    // Four flows share 100 Mbit/s, each of 100 MB.
    assert_eq!(ends(&list("\"file-server\"")), [332.0, 332.0]);
}

/// When checkpoints were complete (s), to the microsecond.
fn commits(run: &Played) -> Vec<f64> {
    let is_commit =
        |what: &What| matches!(what, What::Checkpoint { act: CheckpointAct::Commit, .. });
    run.times(is_commit).iter().map(|at| (at.0 / 1_000) as f64 / 1e6).collect()
}

/// The copy begins at 300 s and takes 40 s over the uplink. Its sender dies at 320 s, and the job
/// begins anew with the ninth node: its second try is written at 320 + 300 s, to its end.
#[test]
fn a_partner_that_dies_in_the_middle_breaks_the_checkpoint_off() {
    let text = |node: &str, at: &str| {
        let fault = format!("[[fault.crash]]\non = \"{node}\"\nat = \"{at}\"\n");
        let text = job(8, PARTNER) + &fault;
        rack(10, 5, "20 Mbit/s", &text)
    };
    assert_eq!(commits(&play_text(&text("pi10", "320 s"), None)), [340.0], "who is not in the job");
    for node in ["pi1", "pi5", "pi6"] {
        assert_eq!(commits(&play_text(&text(node, "320 s"), None)), [660.0], "{node}");
        // A moment later it is complete, and its copies are read back.
        let late = play_text(&text(node, "341 s"), None);
        assert_eq!(commits(&late), [340.0], "{node}");
        assert!(late.metric("makespan") < 700.0);
    }
}

#[test]
fn copies_wait_for_a_slow_link_and_for_a_dead_switch() {
    let late = |fault: &str| {
        let text = format!("[[fault.{fault}\nat = \"301 s\"\nrepair = \"4 s\"\n");
        rack(8, 8, "1 Gbit/s", &(job(8, PARTNER) + &text))
            .replace("detect = \"0 s\"", "detect = \"8 s\"")
    };
    // At a half of its rate for 4 s.
    assert_close(longest(&late("link-degradation]]\non = \"pi3/link\"\nshare = 0.5")), 10.0);
}

/// Four nodes of a cell of 20 Mbit/s send 10 MB each to another one, twice through the air.
#[test]
fn copies_in_a_cell_share_its_air() {
    let text = format!(
        "schema = 1\n[[group]]\nname = \"all\"\nnodes = 4\nhardware = \"pi_3b\"\n\
         [[cell]]\nname = \"air\"\nrate = \"40 Mbit/s\"\nefficiency = 0.5\npower = \"5 W\"\n\
         uplink = \"100 Mbit/s\"\n[hardware]\nsd_write = \"100 GB/s\"\n\
         [network]\ntcp_share = 1.0\n[boot]\nmethod = \"instant\"\n\
         [controller]\ndetect = \"0 s\"\nsettle = \"0 s\"\n\
         [stop]\nwhen = \"workload done\"\nat = \"1 d\"\n{}",
        job(4, PARTNER).replace("100 MB", "10 MB")
    );
    assert_close(longest(&text), 32.0);
}

/// Transfers of a file meet the copies on the links of the nodes themselves.
#[test]
fn a_copy_shares_the_link_of_its_node_with_a_transfer() {
    let rows = "[transfers]\nrows = '''\nstart,source,destination,bytes\n\
                300,pi3,server[1],50000000\n'''\n";
    let text = rack(8, 8, "1 Gbit/s", &(job(8, PARTNER) + rows));
    // Both at 50 Mbit/s until the transfer is done after 8 s, with half of the copy.
    assert_close(longest(&text), 12.0);
}

#[test]
fn a_fleet_says_that_it_does_not_share_links_between_copies() {
    let plan = plan_of(&rack(8, 4, "20 Mbit/s", &job(8, PARTNER)));
    let refused = Run::new(&plan, &Turmoil).play().err().map(|why| why.to_string());
    let refused = refused.expect("it is refused");
    assert!(refused.contains("copies"), "{refused}");
}
