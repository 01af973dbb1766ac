//! Controllers that are killed, interrupted and ended at random moments leave no harm behind.
//!
//! `RACKSTORM_ENDS=20 RACKSTORM_SEED_ENDS=7 cargo test --test it rack::safety` ends so many runs at
//! the moments of one seed.

use std::process::Command;
use std::time::Duration;

use rackstorm::rng::Stream;
use rustix::process::{Pid, Signal, kill_process};

use super::{SMALL, edit, small, states};
use crate::testbed::Stand;

/// Many faults, so that any moment may be one of harm. What silences a node lasts as long as the
/// lease; the card is filled for longer, so that only the lease ends that.
const HARMS: &str = "
[[fault.load]]
on = \"pi3\"
at = \"2 s\"
card = \"20 MB\"
repair = \"1 min\"
[[fault.crash]]
on = \"pi1\"
at = \"2500 ms\"
repair = \"1 s\"
[[fault.hang]]
on = \"pi2\"
at = \"3 s\"
repair = \"2 s\"
[[fault.switch-loss]]
on = \"module[1]/switch[1]\"
at = \"4 s\"
repair = \"2 s\"
";

/// A number from the environment.
fn given(name: &str, usual: u64) -> u64 {
    let text = std::env::var(name).ok();
    text.map_or(usual, |text| text.parse().expect("a whole number"))
}

#[expect(clippy::disallowed_methods, reason = "a run is ended at any moment")]
fn pause(span: Duration) {
    std::thread::sleep(span);
}

/// What a tool says in the namespace of a node.
fn in_node(stand: &Stand, node: u32, command: &[&str]) -> String {
    let space = format!("{}-pi{node}", stand.name);
    let reported = Command::new("ip").args(["netns", "exec", &space]).args(command).output();
    String::from_utf8_lossy(&reported.expect("ip is there").stdout).into_owned()
}

/// What fills the card of a node, if anything does.
fn filled(stand: &Stand) -> Option<String> {
    let mut filled = None;
    crate::program::walk(&stand.file("store"), &mut |path| {
        if path.extension().is_some_and(|extension| extension == "fill") {
            filled = Some(format!("{} is there", path.display()));
        }
    });
    filled
}

/// What is left of harm on the nodes of a box, if anything is.
fn harm_on(stand: &Stand) -> Option<String> {
    for node in 1..=4 {
        let rules = in_node(stand, node, &["nft", "list", "ruleset"]);
        if rules.contains("rackstorm") {
            return Some(format!("pi{node}: {rules}"));
        }
        let shape = in_node(stand, node, &["tc", "qdisc", "show", "dev", "eth0"]);
        if !shape.contains("tbf") || shape.contains("netem") || shape.contains("clsact") {
            return Some(format!("pi{node}: {shape}"));
        }
        for pid in processes(stand, node) {
            let file = format!("/proc/{pid}/status");
            let status = std::fs::read_to_string(file).unwrap_or_default();
            if status.contains("State:\tT") {
                return Some(format!("pi{node}: process {pid} is stopped"));
            }
        }
    }
    filled(stand)
}

fn wait_until_no_harm(stand: &Stand, what: &str) {
    let mut last = None;
    super::wait_until(what, || {
        let harm = harm_on(stand);
        if harm.is_some() && harm != last {
            eprintln!("{what}: {harm:?}");
            last.clone_from(&harm);
        }
        harm.is_none()
    });
}

#[test]
fn a_controller_that_ends_at_any_moment_leaves_no_harm_and_the_next_one_repairs() {
    let Some(stand) = Stand::up("end", &SMALL) else { return };
    edit(&stand, "lease = \"5 s\"", "lease = \"2 s\"");
    // The protected node is on, and its agent keeps asking a controller that has no place for it.
    edit(&stand, "protected = \"pi[4-4]\"\n", "");
    for nodes in ["pi4", "pi2"] {
        let on = stand.run(&["rack", "on", nodes]);
        assert_eq!(on.code, 0, "{}", on.stderr);
    }
    edit(&stand, "[limits]\n", "[limits]\nprotected = \"pi4\"\n");
    let agent = agent_of(&stand, 4);
    assert_eq!(agent.len(), 1, "it runs");
    let as_found = ["off", "on", "off", "on"];
    let file = stand.bench.write("harm.toml", &small("60 s", HARMS));
    let file = file.to_str().expect("UTF-8");
    let (n_ends, seed) = (given("RACKSTORM_ENDS", 6), given("RACKSTORM_SEED_ENDS", chance()));
    eprintln!("RACKSTORM_ENDS={n_ends} RACKSTORM_SEED_ENDS={seed}");
    let stream = Stream::new(seed, "ends");
    for end in 0..n_ends {
        let mut draw = stream.draw(0, end);
        let after = Duration::from_millis(draw.below(8_000));
        let signal = [Signal::KILL, Signal::INT, Signal::TERM][end as usize % 3];
        let run = stand.command(&["run", file, "--on", "rack", "--no-report", "--quiet"]).spawn();
        let run = run.expect("the program starts");
        pause(after);
        kill_process(Pid::from_child(&run), signal).expect("it runs");
        let ended = run.wait_with_output().expect("it was started");
        let what = format!("end {end}, {signal:?} after {after:?}");
        if signal != Signal::KILL {
            let said = String::from_utf8_lossy(&ended.stderr);
            assert!(
                ended.status.code() == Some(130) || after < Duration::from_millis(300),
                "{what}: {said}"
            );
            assert_eq!(states(&stand), as_found, "{what}: {said}");
        }
        wait_until_no_harm(&stand, &what);
        assert_eq!(agent_of(&stand, 4), agent, "{what}: the protected node is untouched");
    }
    let restored = stand.run(&["rack", "restore"]);
    assert_eq!(restored.code, 0, "{}", restored.stderr);
    assert_eq!(states(&stand), as_found);
    let file = stand.bench.write("calm.toml", &small("1 s", ""));
    let done = stand.run(&["run", file.to_str().expect("UTF-8"), "--on", "rack", "--no-report"]);
    assert_eq!(done.code, 0, "{}", done.stderr);
    assert_eq!(states(&stand), as_found);
}

#[test]
fn a_node_whose_cable_is_cut_undoes_its_harm_when_the_lease_is_over() {
    let Some(stand) = Stand::up("cable", &SMALL) else { return };
    edit(&stand, "lease = \"5 s\"", "lease = \"2 s\"");
    let card = &HARMS[..HARMS.find("[[fault.crash]]").expect("another one")];
    // Nobody misses the node so soon that a power cycle would undo it.
    let text = small("60 s", card).replace("= \"4 s\"", "= \"1 min\"");
    let file = stand.bench.write("cable.toml", &text);
    let file = file.to_str().expect("UTF-8");
    let run = stand.command(&["run", file, "--on", "rack", "--no-report", "--quiet"]).spawn();
    let run = run.expect("the program starts");
    super::wait_until("the card is filled", || filled(&stand).is_some());
    let cable = |state| {
        let switches = format!("{}-net", stand.name);
        let set = ["-n", &switches, "link", "set", "n3", state];
        let done = Command::new("ip").args(set).status().expect("ip is there");
        assert!(done.success(), "{state}");
    };
    cable("down");
    super::wait_until("the card is free again", || filled(&stand).is_none());
    cable("up");
    kill_process(Pid::from_child(&run), Signal::INT).expect("it runs");
    let ended = run.wait_with_output().expect("it was started");
    assert_eq!(ended.status.code(), Some(130), "{}", String::from_utf8_lossy(&ended.stderr));
    assert_eq!(states(&stand), ["off"; 4]);
}

/// The processes in the namespace of a node.
fn processes(stand: &Stand, node: u32) -> Vec<u32> {
    let space = format!("{}-pi{node}", stand.name);
    let reported =
        Command::new("ip").args(["netns", "pids", &space]).output().expect("ip is there");
    let reported = String::from_utf8_lossy(&reported.stdout).into_owned();
    reported.split_whitespace().map(|pid| pid.parse().expect("a number")).collect()
}

/// The agent of a node: the one whose parent stands outside. Tools that it asks come and go.
fn agent_of(stand: &Stand, node: u32) -> Vec<u32> {
    let all = processes(stand, node);
    let parent = |pid: &u32| -> Option<u32> {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        status.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim().parse().ok()
    };
    let outside = |pid: &u32| parent(pid).is_some_and(|parent| !all.contains(&parent));
    all.iter().copied().filter(outside).collect()
}

/// A seed of today's.
fn chance() -> u64 {
    rackstorm::drivers::tls::chance().expect("the system gives random numbers")
}

#[test]
fn a_killed_run_has_left_its_log_and_the_next_start_puts_the_nodes_back() {
    let Some(stand) = Stand::up("log", &SMALL) else { return };
    let on = stand.run(&["rack", "on", "pi2"]);
    assert_eq!(on.code, 0, "{}", on.stderr);
    let file = stand.bench.write("long.toml", &small("60 s", ""));
    let run = stand.command(&["run", file.to_str().expect("UTF-8"), "--on", "rack"]).spawn();
    let run = run.expect("the program starts");
    let partial = stand.bench.path().join("results/long/5-rack-1.partial");
    let log = || {
        let done = stand.bench.run(&["events", partial.to_str().expect("UTF-8")]);
        if done.code == 0 { done.stdout } else { String::new() }
    };
    super::wait_until("a checkpoint is in the log", || log().contains("commit"));
    kill_process(Pid::from_child(&run), Signal::KILL).expect("it runs");
    let _ = run.wait_with_output().expect("it was started");
    let left = log();
    assert!(left.contains("node-state") && left.contains("step-done"), "{left}");
    assert_eq!(states(&stand)[..3], ["on", "on", "on"]);
    let done = stand.run(&["rack", "restore"]);
    assert_eq!(done.code, 0, "{}", done.stderr);
    assert!(done.stderr.contains("pi[1,3]: switched off"), "{}", done.stderr);
    assert_eq!(states(&stand)[..3], ["off", "on", "off"]);
    let again = stand.run(&["rack", "restore"]);
    assert!(again.stderr.contains("no run left anything"), "{}", again.stderr);
}
