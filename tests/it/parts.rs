//! Clusters of parts by closed forms: unlike nodes, trees, and a server that is a node.

use rackstorm::event::{Cause, NodeState, PartState, What};
use rackstorm::ids::{NodeId, PartKind};
use rackstorm::scenario::{Overrides, load_text};
use rackstorm::units::{Span, Time};

use crate::harness::{Played, plan_of, play_text};
use crate::program::root;

/// Four nodes on the left switch and four on the right one, which is under it and has this uplink.
/// All are up at once; links and payload are of 100 Mbit/s, so that 100 MB take 8 s.
fn tree(uplink: &str, text: &str) -> String {
    let group = |name: &str, switch: &str| {
        format!(
            "[[group]]\nname = \"{name}\"\nnodes = 4\nhardware = \"pi_3b\"\nswitch = \"{switch}\"\n"
        )
    };
    format!(
        "schema = 1\n{}{}\
         [[switch]]\nname = \"left\"\nports = 5\nuplink = \"1 Gbit/s\"\npower = \"5 W\"\n\
         [[switch]]\nname = \"right\"\nports = 4\nuplink = \"{uplink}\"\nunder = \"left\"\n\
         power = \"5 W\"\n\
         [network]\ntcp_share = 1.0\n[boot]\nmethod = \"instant\"\n\
         [controller]\ndetect = \"0 s\"\nsettle = \"0 s\"\n[stop]\nat = \"1 h\"\n{text}",
        group("near", "left"),
        group("far", "right"),
    )
}

/// Transfers of 100 MB between these ends, all begun at once.
fn table(ends: &[(&str, &str)]) -> String {
    let rows: Vec<_> = ends.iter().map(|(from, to)| format!("0,{from},{to},100000000")).collect();
    let rows = rows.join("\n");
    format!("[transfers]\nrows = '''\nstart,source,destination,bytes\n{rows}\n'''\n")
}

/// When each transfer of 100 MB between these ends has arrived (s), all begun at once.
fn arrivals(uplink: &str, ends: &[(&str, &str)], text: &str) -> Vec<f64> {
    let run = play_text(&tree(uplink, &format!("{text}{}", table(ends))), None);
    run.findings.transfers.iter().map(|row| row.end_s).collect()
}

fn assert_times(found: &[f64], wanted: &[f64]) {
    assert_eq!(found.len(), wanted.len());
    for (found, wanted) in found.iter().zip(wanted) {
        assert!((found - wanted).abs() < 1e-6, "{found} s for {wanted} s");
    }
}

#[test]
fn a_transfer_crosses_the_switches_between_its_ends_and_no_others() {
    let near = [("pi1", "pi2"), ("pi5", "pi6")];
    let across = [("pi3", "pi7"), ("pi8", "server[1]")];
    // An uplink of 10 Mbit/s takes 80 s for 100 MB, each way by itself.
    assert_times(&arrivals("10 Mbit/s", &[near, across].concat(), ""), &[8.0, 8.0, 80.0, 80.0]);
    // Two ways up share it.
    let up = [("pi5", "pi1"), ("pi6", "server[1]")];
    assert_times(&arrivals("100 Mbit/s", &up, ""), &[16.0, 16.0]);
}

/// Struck after 4 s for 10 s, while each has moved half.
#[test]
fn a_dead_switch_cuts_what_passes_it_and_what_is_behind_it() {
    let ends = [("pi1", "pi2"), ("pi5", "pi6"), ("pi7", "pi3"), ("pi8", "server[1]")];
    let fails = |fault: &str| {
        let text = format!("[[fault.{fault}\nat = \"4 s\"\nrepair = \"10 s\"\n");
        arrivals("1 Gbit/s", &ends, &text)
    };
    assert_times(&fails("switch-loss]]\non = \"switch[left]\""), &[18.0, 8.0, 18.0, 18.0]);
    assert_times(&fails("switch-loss]]\non = \"switch[right]\""), &[8.0, 18.0, 18.0, 18.0]);
    let cut = "link-degradation]]\nshare = 0.0\non = \"switch[right]/uplink\"";
    assert_times(&fails(cut), &[8.0, 8.0, 18.0, 18.0]);
    let cut = "link-degradation]]\nshare = 0.0\non = \"switch[left]/uplink\"";
    assert_times(&fails(cut), &[8.0, 8.0, 8.0, 18.0]);
}

#[test]
fn a_server_on_a_switch_is_reached_by_it_alone() {
    let on_right = "[server]\nswitch = \"right\"\n";
    // One port more for the server.
    let text = tree("10 Mbit/s", on_right).replace("ports = 4", "ports = 5");
    let ends = table(&[("pi5", "server[1]"), ("pi1", "server[1]")]);
    let run = play_text(&format!("{text}{ends}"), None);
    let ends: Vec<f64> = run.findings.transfers.iter().map(|row| row.end_s).collect();
    assert_times(&ends, &[8.0, 80.0]);
    // Who is cut off is who is not behind it.
    let cut = "[[fault.switch-loss]]\non = \"switch[left]\"\nat = \"10 s\"\nrepair = \"1 min\"\n";
    let plan = plan_of(&format!("{text}{cut}"));
    let left = plan.scenario.faults[0].on.iter().next().expect("it strikes a switch");
    let part = rackstorm::ids::Part { kind: PartKind::Switch, index: left };
    assert_eq!(plan.machine.cut_off_by(part).map(|node| node.0).collect::<Vec<_>>(), [0, 1, 2, 3]);
}

/// When each node comes up first (s).
fn ups(run: &Played, nodes: u32) -> Vec<f64> {
    let up = |node| {
        let is_up = move |what: &What| {
            matches!(what, What::NodeState { node: NodeId(id), state: NodeState::Up, .. }
                if *id == node)
        };
        run.times(is_up).first().map_or(f64::NAN, |at| at.since(Time::ZERO).as_secs_f64())
    };
    (0..nodes).map(up).collect()
}

const SWITCH: &str = "[[switch]]\nname = \"only\"\nports = 24\nuplink = \"1 Gbit/s\"\n\
                      power = \"5 W\"\n";

fn group(name: &str, nodes: u32, hardware: &str, more: &str) -> String {
    format!("[[group]]\nname = \"{name}\"\nnodes = {nodes}\nhardware = \"{hardware}\"\n{more}")
}

/// From the card: ROM, kernel, 100 MB at the card's rate, init, of each profile.
#[test]
fn unlike_nodes_boot_each_by_its_own_chain() {
    let text = format!(
        "schema = 1\n{SWITCH}{}{}{}[hardware.boot]\nspread = 0.0\n[boot]\nmethod = \"sd\"\n\
         [stop]\nwhen = \"all up\"\nat = \"1 h\"\n",
        group("old", 1, "pi_1b", ""),
        group("new", 2, "pi_4b", ""),
        group("slow", 1, "pi_4b", "[group.node]\nsd_read = \"10 MB/s\"\n"),
    );
    let plan = plan_of(&text);
    let wanted: Vec<f64> = (0..4)
        .map(|node| {
            let hardware = plan.hardware_of(NodeId(node));
            let boot = &hardware.boot;
            let read = 100e6 / hardware.sd_read as f64;
            (boot.rom_sd + boot.kernel + boot.init).as_secs_f64() + read
        })
        .collect();
    assert!((wanted[3] - wanted[1] - 10.0).abs() > 1e-3, "another card");
    assert_times(&ups(&play_text(&text, None), 4), &wanted);
}

/// 20 MB over links of 100 Mbit/s take 1.6 s, and 16 s over one of 10: the job waits for it.
#[test]
fn the_slowest_link_of_unlike_nodes_holds_a_checkpoint_up() {
    let slow = "[group.node]\nlink = \"10 Mbit/s\"\n";
    let text = format!(
        "schema = 1\n{SWITCH}{}{}[network]\ntcp_share = 1.0\n[boot]\nmethod = \"instant\"\n\
         [server]\ndisk_request = \"0 s\"\n\
         [workload.bulk-synchronous]\nstep = \"1 min\"\nwork = \"10 min\"\n\
         [checkpoint.coordinated]\nsize = \"20 MB\"\ninterval = \"5 min\"\nto = \"file-server\"\n\
         [stop]\nwhen = \"workload done\"\nat = \"1 h\"\n",
        group("fast", 3, "pi_3b", ""),
        group("slow", 1, "pi_3b", slow),
    );
    let plan = plan_of(&text);
    assert_eq!(plan.jobs[0].checkpoint_cost, Span::from_secs(16), "what the theory takes");
    let took = play_text(&text, None).metric("checkpoint_time_max");
    assert!((took - 16.0).abs() < 1e-6, "{took} s");
}

/// How many nodes go down by a cause.
fn downs(run: &Played, by: Cause) -> usize {
    let down = |what: &What| match what {
        What::NodeState { state: NodeState::Down, cause, .. } => *cause == by,
        _ => false,
    };
    run.times(down).len()
}

/// Four blades of two on a converter each, behind one supply that also feeds the switch.
fn converters(limit: &str, converter: &str, text: &str) -> String {
    format!(
        "schema = 1\n[[supply]]\nname = \"atx\"\nlimit = \"{limit}\"\n\
         [[supply]]\nname = \"converter\"\nunder = \"atx\"\ncount = 4\nlimit = \"{converter}\"\n\
         {SWITCH}supply = \"atx\"\n{}[boot]\nmethod = \"instant\"\n[stop]\nat = \"1 h\"\n{text}",
        group("all", 8, "pi_1b", "nodes_per_blade = 2\nsupply = \"converter\"\n"),
    )
}

#[test]
fn a_supply_takes_all_below_it_with_it() {
    let loses = |part: &str| {
        let fault =
            format!("[[fault.power-loss]]\non = \"{part}\"\nat = \"10 min\"\nrepair = \"5 min\"\n");
        let run = play_text(&converters("100 W", "10 W", &fault), None);
        assert_eq!(run.metric("nodes_up_end") as u64, 8, "{part}: all come back");
        downs(&run, Cause::Fault(rackstorm::event::Fault::PowerLoss))
    };
    assert_eq!(loses("supply[atx]"), 8);
    assert_eq!(loses("supply[converter]"), 8);
    assert_eq!(loses("psu[converter-3]"), 2);
}

const JOB: &str = "[workload.bulk-synchronous]\nstep = \"1 min\"\nwork = \"10 min\"\n";

/// A Model B computes with 2.13 W at its peak: two on a converter need 4.26 W, eight 17.04 W, and
/// the switch 5 W.
#[test]
fn a_supply_browns_out_by_what_hangs_below_it() {
    let run = |limit, converter| play_text(&converters(limit, converter, JOB), None);
    assert_eq!(downs(&run("22.1 W", "4.3 W"), Cause::BrownOut), 0);
    // The controller's ten retries are over, and all eleven times all of them went.
    assert_eq!(downs(&run("22 W", "4.3 W"), Cause::BrownOut), 11 * 8);
    assert!(downs(&run("100 W", "4.2 W"), Cause::BrownOut) >= 11 * 8);
    let names = plan_of(&converters("22 W", "4.3 W", "")).machine.wiring.psu_names.clone();
    assert_eq!(names[..3], ["atx", "converter-1", "converter-2"]);
}

/// Ports of 2.5 W feed a Model B that computes (2.13 W), and a Pi 2 (4.18 W) only until it does.
#[test]
fn a_port_of_a_hub_cuts_off_the_node_that_draws_too_much() {
    let text = format!(
        "schema = 1\n[[supply]]\nname = \"hub\"\nlimit = \"100 W\"\nport_limit = \"2.5 W\"\n\
         {SWITCH}{}{}[boot]\nmethod = \"instant\"\n[stop]\nat = \"1 h\"\n{JOB}",
        group("old", 2, "pi_1b", "supply = \"hub\"\n"),
        group("new", 1, "pi_2b", "supply = \"hub\"\n"),
    );
    let run = play_text(&text, None);
    assert_eq!(downs(&run, Cause::BrownOut), 11, "the one node, until nobody tries again");
    assert_eq!(run.metric("nodes_up_end") as u64, 2);
    assert_eq!(run.metric("jobs_done") as u64, 0);
    let fits = text.replace("2.5 W", "4.5 W");
    assert_eq!(play_text(&fits, None).metric("jobs_done") as u64, 1);
}

/// A Model B as the head of three Pi 2 that boot from it.
fn desk(text: &str) -> String {
    format!(
        "schema = 1\n[[switch]]\nname = \"only\"\nports = 5\npower = \"2 W\"\n{}{}\
         [server]\nnode = \"head\"\ndisk = \"35 MB/s\"\n[hardware.boot]\nspread = 0.0\n\
         [stop]\nat = \"2 h\"\n{text}",
        group("head", 1, "pi_1b", ""),
        group("desk", 3, "pi_2b", ""),
    )
}

/// The instants at which the server is up, or no longer (s).
fn serves(run: &Played, wanted: PartState) -> Vec<f64> {
    let is_so = |what: &What| {
        matches!(what, What::PartState { part, state, .. }
            if part.kind == PartKind::Server && *state == wanted)
    };
    run.times(is_so).iter().map(|at| at.since(Time::ZERO).as_secs_f64()).collect()
}

#[test]
fn a_server_that_is_a_node_serves_while_that_is_up() {
    let fault = "[[fault.crash]]\non = \"group[head]\"\nat = \"30 min\"\nrepair = \"10 min\"\n";
    let run = play_text(&desk(fault), None);
    let boot = plan_of(&desk("")).hardware_of(NodeId(0)).clone();
    let takes = (boot.boot.rom_sd + boot.boot.kernel + boot.boot.init).as_secs_f64()
        + 100e6 / boot.sd_read as f64;
    assert_times(&serves(&run, PartState::Up), &[takes, 2_400.0 + takes]);
    assert_times(&serves(&run, PartState::Down), &[1_800.0]);
    let up = ups(&run, 4);
    assert!(up[1..].iter().all(|&at| at > takes), "nobody is served before: {up:?}");
    assert_eq!(run.metric("nodes_up_end") as u64, 4);
}

/// 3 x 50 MB at the head's 75.7 Mbit/s take 16.85 s; a checkpoint that begins while the head is
/// away waits until it is up again.
#[test]
fn checkpoints_wait_for_a_head_that_boots() {
    let job = "[workload.bulk-synchronous]\nstep = \"10 s\"\nwork = \"40 min\"\n\
               [checkpoint.coordinated]\nsize = \"50 MB\"\ninterval = \"10 min\"\n\
               to = \"file-server\"\n";
    let calm = play_text(&desk(job), None);
    let by_hand = 150e6 * 8.0 / (75.7e6 * 0.941);
    let took = calm.metric("checkpoint_time_max");
    assert!((took - by_hand).abs() < 0.1, "{took} s for {by_hand} s");
    let fault = "[[fault.crash]]\non = \"pi1\"\nat = \"15 min\"\nrepair = \"10 min\"\n";
    let run = play_text(&desk(&format!("{job}{fault}")), None);
    assert_eq!(run.metric("jobs_done") as u64, 1);
    assert_eq!(run.metric("work_lost") as u64, 0);
    let late = run.metric("makespan") - calm.metric("makespan");
    let wait = run.metric("checkpoint_time_max") - took;
    assert!(wait > 60.0 && (late - wait).abs() < 1.0, "{late} s late for a wait of {wait} s");
}

#[test]
fn a_head_takes_part_in_jobs_if_it_is_asked_to() {
    let nodes = |text: &str| plan_of(&desk(&format!("{JOB}{text}"))).jobs[0].nodes;
    assert_eq!(nodes(""), 3);
    let asked = desk(JOB).replace("node = \"head\"", "node = \"head\"\ncomputes = true");
    assert_eq!(plan_of(&asked).jobs[0].nodes, 4);
    assert_eq!(play_text(&asked, None).metric("jobs_done") as u64, 1);
}

#[test]
fn a_resolved_cluster_of_parts_loads_to_the_same() {
    for text in [tree("1 Gbit/s", ""), converters("22 W", "4 W", JOB), desk(JOB)] {
        let scenario = plan_of(&text).scenario;
        let again = rackstorm::scenario::text(&scenario);
        let loaded = load_text(&scenario.name, &again, &Overrides::default());
        let loaded = loaded.unwrap_or_else(|mistakes| panic!("{mistakes}\n{again}"));
        assert_eq!(loaded.scenario, scenario);
    }
}

/// The page's example loads, and its drawing is what the plan draws of it.
#[test]
fn the_plan_draws_the_trees_of_the_page() {
    let page = std::fs::read_to_string(root().join("docs/machines.md")).expect("the page");
    let block = |language: &str| {
        let fence = format!("```{language}\n");
        let (_, rest) = page.split_once(&fence).expect("the page has it");
        rest.split_once("```").expect("it ends").0.to_owned()
    };
    let mut drawn = Vec::new();
    plan_of(&block("toml")).print(&mut drawn).expect("a list takes all");
    let drawn = String::from_utf8(drawn).expect("text");
    assert!(drawn.contains(&block("text")), "{drawn}");
}
