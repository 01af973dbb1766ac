//! Boots as arithmetic: one node alone, step by step, and storms behind one narrow place.

use rackstorm::event::{NodeState, What};
use rackstorm::plan::Plan;
use rackstorm::scenario::boot::BootMethod;
use rackstorm::scenario::{self, Overrides, Scenario};
use rackstorm::units::{BitRate, Bytes, NANOS_PER_SECOND, Span, Time};

use crate::harness::{Played, play_file, play_plan, play_text};
use crate::program::root;

/// One node of a base file, whose kernel and init times do not vary.
fn alone(base: &str) -> Scenario {
    let text = format!(
        r#"
schema = 1
title = "one node boots"
inherit = "{base}"
[module]
nodes = 1
spares = 0
packs = [1]
switches = 1
psu = [{{ packs = [1], switches = [1], limit = "100 W", restart = "10 s" }}]
[hardware.boot]
spread = 0.0
"#
    );
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("alone.toml");
    std::fs::write(&path, text).expect("the scenario is written");
    match scenario::load(&path, &Overrides::default()) {
        Ok(loaded) => loaded.scenario,
        Err(mistakes) => panic!("{}", mistakes.render(false)),
    }
}

/// Time to move so many bytes alone at a rate: exact, then rounded to the nearest nanosecond.
fn moving(bytes: Bytes, rate: u64) -> Span {
    let bits = u128::from(bytes.0) * 8 * u128::from(NANOS_PER_SECOND);
    let rate = u128::from(rate);
    Span(((2 * bits + rate) / (2 * rate)) as u64)
}

/// Payload of a line rate (bit/s).
fn payload(scenario: &Scenario, line: BitRate) -> u64 {
    (line.0 as f64 * scenario.network.tcp_share).round() as u64
}

/// The narrowest place between a lone node and its server (bit/s of payload).
fn path(scenario: &Scenario) -> u64 {
    let lines = [scenario.hardware.link, scenario.module.uplink, scenario.server.link];
    lines.into_iter().map(|line| payload(scenario, line)).min().expect("there are three")
}

/// What each state of a lone node's boot takes, by the profile's numbers.
fn sum_of_states(scenario: &Scenario) -> Vec<(NodeState, Span)> {
    let (times, server) = (&scenario.hardware.boot, &scenario.server);
    if scenario.boot.method == BootMethod::Sd {
        // Rounded up, as the card's last block must have arrived.
        let nanos = u128::from(scenario.boot.root_read.0) * u128::from(NANOS_PER_SECOND);
        let read = Span(nanos.div_ceil(u128::from(scenario.hardware.sd_read)) as u64);
        return vec![
            (NodeState::Rom, times.rom_sd),
            (NodeState::Kernel, times.kernel),
            (NodeState::Root, read),
            (NodeState::Init, times.init),
        ];
    }
    // LANL's frame each second: the first that comes more than a second after the OFFER, 1.5 s
    // after it on average.
    let noticed = if times.offer_bug { Span::from_millis(1_500) } else { Span::ZERO };
    let pace = times.tftp_block.0 * 8 * NANOS_PER_SECOND / times.tftp_pace.0;
    let daemon = server.tftp_packets * times.tftp_block.0 * 8;
    let mut tftp = Span::ZERO;
    for file in &times.files {
        tftp += times.tftp_file_overhead;
        tftp += moving(file.size, pace.min(path(scenario)).min(daemon));
    }
    let root = moving(scenario.boot.root_read, path(scenario).min(server.disk * 8));
    vec![
        (NodeState::Rom, times.rom),
        (NodeState::Dhcp, server.dhcp_service + noticed),
        (NodeState::Tftp, tftp),
        (NodeState::Kernel, times.kernel + server.dhcp_service),
        (NodeState::Root, server.disk_request + root),
        (NodeState::Init, times.init),
    ]
}

/// The states of a run's first node with the time it spent in each, up to being up.
fn states(run: &Played) -> Vec<(NodeState, Span)> {
    let entered = run.events.iter().filter_map(|event| match event.what {
        What::NodeState { state, .. } => Some((event.at, state)),
        _ => None,
    });
    let entered: Vec<_> = entered.collect();
    let spans = entered.windows(2).map(|pair| (pair[0].1, pair[1].0.since(pair[0].0)));
    spans.collect()
}

#[test]
fn a_lone_node_of_each_kind_takes_the_sum_of_its_steps_to_the_nanosecond() {
    let nodes = [
        "pi_1b",
        "pi_1b_256",
        "pi_1b_plus",
        "pi_2b",
        "pi_3b",
        "pi_3b_plus",
        "pi_4b",
        "pi_5",
        "pi_cm4",
        "pi_zero_w",
        "pi_zero_2w",
    ];
    for base in nodes {
        let scenario = alone(base);
        let run = play_plan(&Plan::make(&scenario));
        let wanted = sum_of_states(&scenario);
        assert_eq!(states(&run), wanted, "{base}");
        let sum = wanted.iter().fold(Span::ZERO, |sum, (_, span)| sum + *span);
        let up = run.times(|what| matches!(what, What::NodeState { state: NodeState::Up, .. }));
        assert_eq!(up, [Time::ZERO + sum], "{base}");
    }
}

/// The pilot, whose 750 nodes ask for one file of 8 MB at the same instant: 6 GB at 100,000
/// packets of 512 bytes a second, 117.1875 s. A node's own pace would need 7.8 s.
#[test]
fn a_storm_behind_a_slow_tftp_daemon_takes_its_bytes_over_its_rate() {
    let run = play_text(
        r#"
schema = 1
title = "750 nodes, one file, one daemon"
inherit = "lanl_pilot"
[hardware.boot]
offer_bug = false
tftp_file_overhead = "0 s"
files = [{ name = "kernel7.img", size = "8 MB" }]
[server]
dhcp_service = "0 s"
tftp_packets = "100000 packets/s"
[stop]
when = "all up"
at = "1 h"
"#,
        None,
    );
    let (begin, end) = tftp_phase(&run);
    assert_eq!(end.since(begin), moving(Bytes(750 * 8_000_000), 100_000 * 512 * 8));
}

/// With the real list of files nodes begin one after the other, and stop between two files; the
/// daemon has always somebody else to serve, but at the very beginning and end.
#[test]
fn the_pilots_storm_takes_its_bytes_over_the_daemons_rate() {
    let file = root().join("scenarios/study/lanl_750_boot.toml");
    let run = play_file(&file, None, &["record.sample=1 h"]);
    let (begin, end) = tftp_phase(&run);
    let took = end.since(begin).as_secs_f64();
    let files = 52_460 + 2_973_536 + 7_262 + 2_000 + 24_621 + 200 + 4_927_984;
    assert_eq!(run.metric("bytes_received_tftp") as u64, 750 * files, "none in vain");
    let busy = (750 * files) as f64 / (100_000.0 * 512.0);
    // One node after the other for 750 answers of 1 ms, and 50 ms before each of seven files.
    let idle_max = 0.75 + 7.0 * 0.05;
    assert!((busy..=busy + idle_max).contains(&took), "{took} s for {busy} s of work");
}

/// From the first node's first file to the last node's last.
fn tftp_phase(run: &Played) -> (Time, Time) {
    let entered = |wanted| {
        run.times(move |what| matches!(what, What::NodeState { state, .. } if *state == wanted))
    };
    let (tftp, kernel) = (entered(NodeState::Tftp), entered(NodeState::Kernel));
    assert_eq!((tftp.len(), kernel.len()), (750, 750), "every node fetches once");
    (tftp[0], kernel[749])
}
