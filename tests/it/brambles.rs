//! Machines that people build at home: where their boards boot from, and what supplies bear.

use rackstorm::event::{Cause, JobPhase, NodeState, PartState, What};
use rackstorm::ids::PartKind;
use rackstorm::plan::Plan;
use rackstorm::scenario::{Overrides, load, load_text};
use rackstorm::units::{Power, Span, Time};

use crate::harness::{Played, plan_of, play_file, play_plan, play_text};
use crate::program::{root, scenarios_of};

/// Boards whose own boot ROM knows no network: raspberrypi/documentation, bootflow-legacy.adoc and
/// boot-net.adoc.
const FROM_CARD: [&str; 5] = ["pi_1b", "pi_1b_256", "pi_1b_plus", "pi_zero_w", "pi_zero_2w"];
/// Boards that boot from the network without a card, by the same pages and eeprom-bootloader.adoc.
const FROM_NETWORK: [&str; 6] = ["pi_2b", "pi_3b", "pi_3b_plus", "pi_4b", "pi_cm4", "pi_5"];

/// What is wrong with booting a board from the network; empty if nothing is.
fn refused(board: &str) -> String {
    let text = format!("inherit = \"{board}\"\n[boot]\nmethod = \"pxe-nfs\"\n");
    let loaded = load_text("net", &text, &Overrides::default());
    loaded.err().map(|mistakes| mistakes.to_string()).unwrap_or_default()
}

#[test]
fn a_pi_zero_w_cannot_boot_from_the_network() {
    let reported = refused("pi_zero_w");
    let title = "the boot ROM of Raspberry Pi Zero W cannot boot from the network";
    assert!(reported.contains(title), "{reported}");
    assert!(reported.contains("set `boot.method` to \"sd\""), "{reported}");
}

#[test]
fn a_board_boots_from_the_network_if_its_boot_rom_or_eeprom_can() {
    for board in FROM_CARD {
        assert!(refused(board).contains("cannot boot from the network"), "{board}");
    }
    for board in FROM_NETWORK {
        assert_eq!(refused(board), "", "{board}");
    }
}

/// The built-in machines, but for those of another class, whose boots take long to play.
fn machines() -> Vec<Plan> {
    let mut files = scenarios_of("base");
    files.retain(|file| {
        let name = file.file_stem().expect("a file has a name").to_string_lossy();
        name != "defaults" && !name.starts_with("exascale")
    });
    let set = ["stop.when=all up", "stop.at=1 h"].map(str::to_owned).to_vec();
    let of = |file| match load(file, &Overrides { set: set.clone(), seed: None }) {
        Ok(loaded) => Plan::make(&loaded.scenario),
        Err(mistakes) => panic!("{mistakes}"),
    };
    files.iter().map(|file| of(file)).collect()
}

#[test]
fn every_built_in_machine_boots_as_a_scenario_by_itself() {
    for plan in machines() {
        let run = play_plan(&plan);
        let title = &plan.scenario.title;
        assert_eq!(run.metric("nodes_up_end") as usize, plan.machine.nodes.len(), "{title}");
        assert_eq!(run.metric("failures") as u64, 0, "{title}");
    }
}

/// What a supply must give if each of its nodes draws so much.
fn load_of(plan: &Plan, psu: u32, each: Power) -> Power {
    let switches = plan.machine.switches.iter().filter(|row| row.psu == psu);
    let nodes = plan.machine.nodes.iter().filter(|row| row.psu == psu);
    Power(switches.map(|row| row.power.0).sum::<u64>() + nodes.count() as u64 * each.0)
}

#[test]
fn every_supply_but_the_hubs_bears_all_its_nodes_at_their_peak() {
    for plan in machines() {
        let peak = plan.scenario.hardware.power.compute_peak;
        let is_hub = plan.scenario.cluster.module == "usb_hub_5";
        for (psu, row) in (0..).zip(&plan.machine.psus) {
            let load = load_of(&plan, psu, peak);
            assert_eq!(load > row.limit, is_hub, "{}: {load:?}", plan.scenario.title);
        }
    }
}

/// Five Pi 2 on a hub, some of which compute.
fn on_a_hub(computing: u32) -> Played {
    let text = format!(
        "inherit = \"usb_hub_5\"\n[workload.bulk-synchronous]\nnodes = {computing}\n\
         step = \"10 s\"\nwork = \"10 min\"\n[stop]\nwhen = \"workload done\"\nat = \"1 h\"\n"
    );
    play_text(&text, None)
}

/// The instants at which a supply browns out.
fn brown_outs(run: &Played) -> Vec<Time> {
    run.times(|what| {
        matches!(what, What::PartState { part, state: PartState::Down, cause: Cause::BrownOut }
            if part.kind == PartKind::Psu)
    })
}

/// It gives 12.5 W. All that boot draw 5 x 2.04 W and 2 W for the switch, 12.2 W; one that computes
/// and four that do not 4.18 + 4 x 1.12 + 2 = 10.66 W, two of them 13.72 W.
#[test]
fn a_hub_of_five_browns_out_when_all_compute() {
    let plan = plan_of("inherit = \"usb_hub_5\"\n[stop]\nat = \"1 h\"\n");
    let power = &plan.scenario.hardware.power;
    assert_eq!(load_of(&plan, 0, power.boot_peak), Power(12_200));
    assert_eq!(plan.machine.psus[0].limit, Power(12_500));
    let one = on_a_hub(1);
    assert_eq!(brown_outs(&one), []);
    assert_eq!(one.metric("jobs_done") as u64, 1);
    for computing in [2, 5] {
        let run = on_a_hub(computing);
        let starts = run.times(
            |what| matches!(what, What::JobPhase { phase, .. } if *phase == JobPhase::Compute),
        );
        assert_eq!(brown_outs(&run), starts, "each start is the end of it");
        // The first, and ten more until the controller leaves the supply alone.
        assert_eq!(starts.len(), 11);
        assert_eq!(run.metric("work") as u64, 0);
    }
}

#[test]
fn a_poe_switch_takes_its_nodes_with_its_power_and_not_with_its_forwarding() {
    let fails = |kind: &str, part: &str| {
        let text = format!(
            "inherit = \"poe_switch_24\"\n[[fault.{kind}]]\non = \"{part}[1]\"\nat = \"10 min\"\n\
             repair = \"10 min\"\n[stop]\nat = \"15 min\"\n"
        );
        play_text(&text, None)
    };
    let power = fails("power-loss", "psu");
    assert_eq!(power.metric("failures") as u64, 24);
    assert_eq!(power.metric("nodes_up_end") as u64, 0);
    let forwarding = fails("switch-loss", "switch");
    assert_eq!(forwarding.metric("nodes_up_end") as u64, 24, "they go on, unheard");
}

fn bramble(name: &str, set: &[&str]) -> Played {
    play_file(&root().join(format!("scenarios/bramble/{name}.toml")), None, set)
}

/// How many nodes went down at an instant.
fn downs(run: &Played, at: Span) -> usize {
    let down = |what: &What| matches!(what, What::NodeState { state: NodeState::Down, .. });
    run.times(down).into_iter().filter(|when| *when == Time::ZERO + at).count()
}

#[test]
fn a_converter_takes_four_nodes_of_the_tower_and_the_supply_all() {
    let run = bramble("tower_40", &[]);
    let hours = |hours: u64| Span::from_secs(hours * 3_600);
    assert_eq!(downs(&run, hours(2)), 4);
    assert_eq!(downs(&run, hours(4)), 0, "a cut link takes nobody's power");
    assert_eq!(downs(&run, hours(6)), 40);
}

/// 40 x 20 MB at 75.7 Mbit/s with the headers of TCP, and 40 requests of 17.6 ms: 90.55 s.
/// Neither another Gigabit between switches nor another disk changes it, a faster head does.
#[test]
fn the_towers_bottleneck_is_the_link_of_its_head() {
    let takes = |set: &[&str]| {
        let quiet = ["fault.crash=[]", "fault.link-degradation=[]", "fault.power-loss=[]"];
        bramble("tower_40", &[set, &quiet].concat()).metric("checkpoint_time_max")
    };
    let by_hand = 800e6 * 8.0 / (75.7e6 * 0.941) + 40.0 * 0.0176;
    let found = takes(&[]);
    assert!((found - by_hand).abs() < 1e-3, "{found} s for {by_hand} s");
    let beyond = takes(&["module.uplink=10 Gbit/s", "server.disk=500 MB/s"]);
    assert!((beyond - found).abs() < 1e-9, "{beyond} s");
    let faster = takes(&["server.link=238 Mbit/s"]);
    assert!((2.9..3.2).contains(&(found / faster)), "{faster} s");
}

/// The head is away from 35 to 65 minutes. The job computes until its next checkpoint, waits for
/// the head, and is late by the wait; nothing is lost.
#[test]
fn a_job_waits_for_a_dead_head_and_loses_nothing() {
    let (with, without) =
        (bramble("desk_4_head", &[]), bramble("desk_4_head", &["fault.server-loss=[]"]));
    let late = with.metric("makespan") - without.metric("makespan");
    let wait = with.metric("checkpoint_time_max") - without.metric("checkpoint_time_max");
    assert!((late - wait).abs() < 1e-6, "{late} s late for a wait of {wait} s");
    assert!((20.0 * 60.0..30.0 * 60.0).contains(&wait), "{wait} s");
    assert_eq!(with.metric("work_lost") as u64, 0);
}

/// Of the same tower as its parts: four nodes behind a converter, all behind the supply, and the
/// head alone.
#[test]
fn each_part_of_the_tower_takes_what_hangs_on_it() {
    let run = bramble("tower_40_parts", &[]);
    let hours = |hours: u64| Span::from_secs(hours * 3_600);
    assert_eq!([2, 4, 6, 9].map(|at| downs(&run, hours(at))), [4, 0, 40, 1]);
    let supplies = |at: u64| {
        let down = |what: &What| {
            matches!(what, What::PartState { part, state: PartState::Down, .. }
                if part.kind == PartKind::Psu)
        };
        run.times(down).into_iter().filter(|when| *when == Time::ZERO + hours(at)).count()
    };
    assert_eq!((supplies(2), supplies(6)), (1, 11), "the supply, and ten converters below it");
    // Of 39 nodes, over the head's link.
    let quiet = ["fault.crash=[]", "fault.link-degradation=[]", "fault.power-loss=[]"];
    let by_hand = 780e6 * 8.0 / (75.7e6 * 0.941) + 39.0 * 0.0176;
    let found = bramble("tower_40_parts", &quiet).metric("checkpoint_time_max");
    assert!((found - by_hand).abs() < 1e-3, "{found} s for {by_hand} s");
}

/// The boot ROM of a Pi 2 asks five times in 25 s, and its head takes a minute to serve.
#[test]
fn a_desk_that_is_switched_on_at_once_waits_for_its_patience() {
    let quiet = ["fault.crash=[]", "fault.power-loss=[]"];
    let gave_up = |run: &Played| {
        run.times(|what| matches!(what, What::NodeState { state: NodeState::GaveUp, .. })).len()
    };
    let at_once = bramble("desk_4_parts", &quiet);
    assert_eq!(gave_up(&at_once), 3);
    assert!(at_once.metric("boot_t50") > 600.0);
    let in_turn = bramble("desk_4_parts", &[&quiet[..], &["boot.power_on.stagger=70 s"]].concat());
    assert_eq!(gave_up(&in_turn), 0);
    assert!(in_turn.metric("boot_t100") < 300.0);
}

/// Ports of 500 mA: each of the three Pi 2 is cut off eleven times, head and switch never.
#[test]
fn ports_that_give_too_little_cut_off_what_computes_and_nothing_else() {
    let run = bramble("desk_4_ports", &[]);
    let down = |what: &What| {
        matches!(what, What::NodeState { node, state: NodeState::Down, cause: Cause::BrownOut, .. }
            if node.0 > 0)
    };
    assert_eq!(run.times(down).len(), 33);
    assert_eq!(run.metric("failures") as u64, 33);
    let serves =
        |what: &What| matches!(what, What::PartState { part, .. } if part.kind == PartKind::Server);
    assert_eq!(run.times(serves).len(), 1, "from its boot to the end");
}

/// Ten minutes without one of four workers: the balancer tries it once a minute if only requests
/// say so, and hardly ever if health checks do. An update of all workers at once is over sooner
/// than one after the other, and costs what that does not.
#[test]
fn a_web_site_bears_a_dead_worker_and_an_update_but_not_a_dead_balancer() {
    let site = bramble("web_site", &[]);
    assert!((3_500.0..4_000.0).contains(&site.metric("web_lost_cut")), "five minutes of it");
    assert!(site.metric("web_lost") - site.metric("web_lost_cut") < 10.0);
    let checked = bramble("web_site", &["web.check={ interval = \"5 s\" }"]);
    let retried = [&site, &checked].map(|run| run.metric("web_retried"));
    assert!(retried[0] > 5.0 * retried[1], "{retried:?}");
    let at_once = bramble("web_site", &["web.push.order=at-once"]);
    let times = [&site, &at_once].map(|run| run.metric("web_push_time"));
    assert!(times[0] > 2.0 * times[1], "{times:?}");
    let slowest = [&site, &at_once].map(|run| run.metric("web_latency_p999"));
    assert!(slowest[1] > 5.0 * slowest[0], "{slowest:?}");
}

/// The results that were there when the NameNode lost its disk are written again, unless it keeps
/// the disk.
#[test]
fn a_hadoop_without_its_name_node_s_disk_reduces_again() {
    let forgets = bramble("hadoop", &[]);
    let keeps = bramble("hadoop", &["map_reduce.master_keeps_disk=true"]);
    assert!(forgets.metric("hdfs_blocks_forgotten") > 0.0);
    assert_eq!(keeps.metric("hdfs_blocks_forgotten") as u64, 0);
    assert!(forgets.metric("map_reduce_time") > keeps.metric("map_reduce_time") + 600.0);
}
