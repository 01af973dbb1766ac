//! Object stores: closed forms of repairs, losses and waiting, and what becomes of requests.

use rackstorm::event::EndReason;
use rackstorm::stage::Model;
use rackstorm::{Outcome, Plan, Run};

use crate::transfers::machine;

/// Fragments of 12.5 MB take a second on a link of 100 Mbit/s.
fn store(nodes: u32, data: u32, parity: u32, objects: u32, rest: &str) -> String {
    format!(
        "[object_store]\nnodes = \"pi[1-{nodes}]\"\ndata = {data}\nparity = {parity}\n\
         objects = {objects}\nobject_size = \"{} kB\"\ngive_up = \"100 s\"\n{rest}\n",
        12_500 * data
    )
}

fn crash(node: &str, at: &str, repair: &str) -> String {
    format!("[[fault.crash]]\non = \"{node}\"\nat = \"{at}\"\nrepair = \"{repair}\"\n")
}

/// Nodes behind one switch, until the end.
fn rack(nodes: u32, end: &str, text: &str) -> String {
    let text = machine(nodes, nodes, "100 Mbit/s", text);
    text.replace("at = \"30 d\"", &format!("at = \"{end}\""))
}

fn play(text: &str, seed: u64) -> Outcome {
    let text = format!("seed = {seed}\n{text}");
    let scenario = rackstorm::read("store", &text).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    Run::new(&Plan::make(&scenario), &Model).play().expect("it plays")
}

fn metric(outcome: &Outcome, name: &str) -> f64 {
    outcome.findings.metric(name).unwrap_or_else(|| panic!("{name} is absent")).value
}

fn close(found: f64, wanted: f64) {
    assert!((found - wanted).abs() < 1e-6, "{found} for {wanted}");
}

fn choose(n: u32, k: u32) -> f64 {
    (0..k).map(|i| f64::from(n.saturating_sub(i)) / f64::from(i + 1)).product()
}

/// On five nodes each object of 3 + 2 has a fragment on each, so that the dead one had as many as
/// there are objects. Nobody else is left to have them; a sixth node that has none is.
#[test]
fn a_repair_moves_as_many_fragments_as_an_object_needs() {
    // Without a sixth node nothing can be repaired.
    let text = store(5, 3, 2, 20, "") + &crash("pi2", "100 s", "1 h");
    let run = play(&rack(5, "30 min", &text), 1);
    close(metric(&run, "store_repairs"), 0.0);
    // The server makes them, one at a time: it reads three fragments by its uplink and writes one.
    let server = "repairer = \"server\"\nrepairs = 1\nkeeps = false";
    let text = store(6, 3, 2, 60, server) + &crash("pi2", "100 s", "1 h");
    let run = play(&rack(6, "30 min", &text), 1);
    let had = metric(&run, "store_repairs");
    assert!((30.0..60.0).contains(&had), "{had} of 60 objects had a fragment there");
    close(metric(&run, "store_repair_bytes"), had * (3.0 + 1.0) * 12.5e6);
    close(metric(&run, "store_rebuild_time_max"), had * (3.0 + 1.0));
    // So do the nodes themselves, and need not write.
    let text = store(6, 3, 2, 60, "repairs = 1\nkeeps = false") + &crash("pi2", "100 s", "1 h");
    let run = play(&rack(6, "30 min", &text), 1);
    close(metric(&run, "store_repairs"), had);
    close(metric(&run, "store_repair_bytes"), had * 3.0 * 12.5e6);
    close(metric(&run, "store_rebuild_time_max"), had * 3.0);
    close(metric(&run, "store_objects_lost"), 0.0);
    // With copies one fragment is moved for each.
    let text = store(6, 1, 2, 60, "repairs = 1\nkeeps = false") + &crash("pi2", "100 s", "1 h");
    let run = play(&rack(6, "30 min", &text), 1);
    let had = metric(&run, "store_repairs");
    close(metric(&run, "store_repair_bytes"), had * 12.5e6);
    close(metric(&run, "store_rebuild_time_max"), had);
}

#[test]
fn a_node_that_is_back_in_time_or_has_kept_what_it_had_needs_no_repair() {
    let with = |keeps: bool, repair: &str| {
        let text = store(6, 3, 2, 60, &format!("keeps = {keeps}"));
        play(&rack(6, "30 min", &(text + &crash("pi2", "100 s", repair))), 1)
    };
    close(metric(&with(true, "99 s"), "store_repairs"), 0.0);
    assert!(metric(&with(false, "99 s"), "store_repairs") > 30.0, "it comes back with nothing");
    let late = with(true, "110 s");
    let repaired = metric(&late, "store_repairs");
    assert!((1.0..20.0).contains(&repaired), "10 s are enough for {repaired}");
    assert!(metric(&late, "store_repairs_lost") > 0.0, "those under way are given up");
    close(metric(&late, "store_unavailable_time"), 0.0);
}

/// A node that is cut off has what it had, also where one that stops has not, and is given up all
/// the same.
#[test]
fn a_cut_loses_nothing_and_is_repaired_as_a_death_is() {
    let cut = |repair: &str| {
        format!(
            "[[fault.link-degradation]]\non = \"link[2-4]\"\nat = \"100 s\"\nshare = 0.0\n\
             repair = \"{repair}\"\n"
        )
    };
    let with = |repair: &str| {
        play(&rack(6, "1 h", &(store(6, 3, 2, 60, "keeps = false") + &cut(repair))), 1)
    };
    for repair in ["50 s", "150 s"] {
        let run = with(repair);
        close(metric(&run, "store_objects_lost"), 0.0);
        assert!(metric(&run, "store_unavailable_max") <= 150.0, "{repair}");
        assert!(metric(&run, "store_unavailable_time") > 0.0, "{repair}");
    }
    close(metric(&with("50 s"), "store_repairs"), 0.0);
}

/// Of n nodes f die together: an object of k + m fragments is lost if more than m are among them.
/// Over seeds 1 to 40 with 200 objects each, within 99 % of the scatter between these.
#[test]
fn simultaneous_deaths_lose_the_hypergeometric_share() {
    for (data, parity, deaths) in [(4, 2, 3), (4, 2, 4), (1, 2, 3), (1, 1, 2)] {
        let nodes = 10;
        let width = data + parity;
        let hits = |j: u32| choose(deaths, j) * choose(nodes - deaths, width - j);
        let all: f64 = (parity + 1..=width.min(deaths)).map(hits).sum();
        let wanted = 200.0 * all / choose(nodes, width);
        let text = store(nodes, data, parity, 200, "keeps = false\ngive_up = \"1 h\"");
        let text = text.replacen("give_up = \"100 s\"\n", "", 1);
        let text = text + &crash(&format!("pi[1-{deaths}]"), "100 s", "1 h");
        let text = rack(nodes, "200 s", &text);
        let lost: Vec<f64> =
            (1..=40).map(|seed| metric(&play(&text, seed), "store_objects_lost")).collect();
        let mean = lost.iter().sum::<f64>() / 40.0;
        let scatter = lost.iter().map(|it| (it - mean).powi(2)).sum::<f64>() / 39.0;
        let half = 2.708 * (scatter / 40.0).sqrt();
        assert!((mean - wanted).abs() <= half, "{data}+{parity}: {mean} ± {half} for {wanted}");
    }
}

/// As long as not more than the parity is gone, and then until enough are back.
#[test]
fn objects_cannot_be_read_while_too_few_fragments_are_up() {
    let with = |deaths: u32| {
        let text = store(5, 3, 2, 20, "") + &crash(&format!("pi[1-{deaths}]"), "100 s", "50 s");
        play(&rack(5, "30 min", &text), 1)
    };
    close(metric(&with(2), "store_unavailable_time"), 0.0);
    let three = with(3);
    close(metric(&three, "store_unavailable_time"), 20.0 * 50.0);
    close(metric(&three, "store_objects_unavailable_max"), 20.0);
    close(metric(&three, "store_objects_lost"), 0.0);
}

/// One at a time, a client of the server reads three fragments over the uplink, and sends five.
#[test]
fn puts_and_gets_take_their_bytes_over_the_link_that_they_share() {
    let rates = "gets = 0.001\nputs = 0.001\nlasts = \"3 h\"\ngive_up = \"1 h\"";
    let text = store(6, 3, 2, 20, rates).replacen("give_up = \"100 s\"\n", "", 1);
    let run = play(&rack(6, "1 d", &text), 3);
    assert_eq!(run.end, Some(EndReason::WorkDone));
    assert!(metric(&run, "store_gets") >= 5.0 && metric(&run, "store_puts") >= 5.0);
    close(metric(&run, "store_get_time_p50"), 3.0);
    close(metric(&run, "store_put_time_p50"), 5.0);
    close(metric(&run, "store_gets_degraded"), 0.0);
    let degraded = play(&rack(6, "1 d", &(text + &crash("pi[1-2]", "1 s", "10 h"))), 3);
    assert!(metric(&degraded, "store_gets_degraded") > 0.0);
    // Four nodes are too few for five fragments, and enough to read three of five.
    close(metric(&degraded, "store_puts"), 0.0);
    close(metric(&degraded, "store_gets_failed"), 0.0);
}

/// Where clients ask at random and one link serves all, it is M/G/1 with processor sharing: on the
/// mean the service over one less the load, 1.5 s / (1 - 0.4). Seeds 1 to 20 of some 1,900 gets,
/// within 99 % of the scatter between them.
#[test]
fn a_loaded_store_answers_as_a_queue_does() {
    let text = store(6, 3, 2, 20, "gets = 0.266667\nlasts = \"2 h\"\ntimeout = \"1 h\"")
        .replace("37500 kB", "18750 kB");
    let text = rack(6, "2 d", &text);
    let means: Vec<f64> =
        (1..=20).map(|seed| metric(&play(&text, seed), "store_get_time_mean")).collect();
    let mean = means.iter().sum::<f64>() / 20.0;
    let scatter = means.iter().map(|it| (it - mean).powi(2)).sum::<f64>() / 19.0;
    let half = 2.861 * (scatter / 20.0).sqrt();
    assert!((mean - 2.5).abs() <= half && half < 0.1, "{mean} ± {half}");
}

#[test]
fn requests_of_dead_clients_and_those_that_take_too_long_fail() {
    let text = store(6, 3, 2, 20, "clients = \"pi7\"\ngets = 0.1\ntimeout = \"2 s\"");
    let run = play(&rack(7, "1 h", &text), 1);
    close(metric(&run, "store_gets"), 0.0);
    assert!(metric(&run, "store_gets_failed") > 300.0);
    let text = store(6, 3, 2, 20, "clients = \"pi7\"\ngets = 0.1\nlasts = \"1 h\"");
    let run = play(&rack(7, "1 d", &(text + &crash("pi7", "30 min", "10 h"))), 1);
    let (got, failed) = (metric(&run, "store_gets"), metric(&run, "store_gets_failed"));
    assert!((130.0..230.0).contains(&got) && failed <= 5.0, "{got} and {failed}");
}
