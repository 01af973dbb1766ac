//! The stage `loopback`: real processes, real TCP, real kills.
//!
//! No timing is asserted, but that what has to last so long does.
//!
//! `RACKSTORM_AGENTS=50 cargo test --release --test it loopback::a_job` plays the job
//! with fifty agents and ten crashes.

use std::fs;
use std::net::{TcpStream, UdpSocket};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rackstorm::backend::loopback::Loopback;
use rackstorm::event::NodeState as N;
use rackstorm::event::{
    EndReason, Event, JobPhase, Purpose, Sensor, Sink, Stop, TaskAct, TaskKind, What,
};
use rackstorm::fleet::ports::Notice;
use rackstorm::ids::{JobId, NodeId};
use rustix::process::{Pid, Signal, kill_process};

use crate::harness::{Played, plan_of, play_with};
use crate::pace::time;
use crate::program::{Bench, wait};

/// Longer than anything that is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// So many nodes, a fifth of them spares, and a job of some seconds; steps are short.
fn scenario(nodes: u32, work: u32, faults: &str) -> String {
    let spares = nodes.div_ceil(5);
    format!(
        r#"
schema  = 1
title   = "a job on processes"
inherit = "edge_rack_24"
seed    = 5

[cluster]
modules = 1

[module]
nodes    = {nodes}
spares   = {spares}
packs    = [{nodes}]
switches = 1

[boot]
method = "instant"

[boot.power_on]
stagger = "0 s"

[controller]
detect = "2 s"
settle = "200 ms"

[workload.bulk-synchronous]
ranks_per_node = 2
step           = "50 ms"
work           = "{work} s"

[checkpoint.coordinated]
size     = "10 MB"
interval = "500 ms"
to       = "file-server"

[stop]
at = "300 s"
{faults}"#
    )
}

fn program() -> PathBuf {
    let program = std::env::var_os("RACKSTORM_BIN");
    program.unwrap_or_else(|| env!("CARGO_BIN_EXE_rackstorm").into()).into()
}

/// Plays a text; gives what happened and the results that the job came to.
fn play(text: &str) -> (Played, Vec<u64>, Vec<Notice>) {
    let mut notices = Vec::new();
    let plan = plan_of(text);
    let played =
        play_with(&plan, |plan, sink| Loopback.play_noting(plan, &program(), sink, &mut notices));
    let notices: Vec<_> = notices.into_iter().map(|(_, notice)| notice).collect();
    let sum = |notice: &Notice| match notice {
        Notice::Result { sum } => Some(*sum),
        _ => None,
    };
    let sums = notices.iter().filter_map(sum).collect();
    (played, sums, notices)
}

/// Node states that a run emitted of a node.
fn states(played: &Played, wanted: u32) -> Vec<N> {
    let state = |event: &Event| match event.what {
        What::NodeState { node, state, .. } if node.0 == wanted => Some(state),
        _ => None,
    };
    played.events.iter().filter_map(state).collect()
}

/// Whether it is reported that something was refused.
fn is_refusal(what: &What) -> bool {
    use Sensor::{ConnectionsRefused, DatagramsRefused, MessagesRefused};
    let What::Reading { sensor, .. } = what else { return false };
    matches!(sensor, ConnectionsRefused | DatagramsRefused | MessagesRefused)
}

#[test]
fn a_job_whose_agents_are_killed_ends_with_the_right_checksum() {
    let agents = std::env::var("RACKSTORM_AGENTS").ok();
    let agents = agents.map_or(8, |n| n.parse().expect("RACKSTORM_AGENTS is a number"));
    let crashes = if agents < 50 { 2 } else { 10 };
    let fault = |k: u32| {
        let (node, at) = (1 + k % agents, f64::from(k) * 1.2 + 1.3);
        format!("[[fault.crash]]\non = \"pi{node}\"\nat = \"{at} s\"\nrepair = \"power-cycle\"\n")
    };
    let hang = "[[fault.hang]]\non = \"pi5\"\nat = \"2 s\"\nrepair = \"power-cycle\"\n";
    let faults: String = (0..crashes).map(fault).chain([hang.to_owned()]).collect();
    let (played, sums, _) = play(&scenario(agents, 2 + crashes / 2, &faults));
    // The stage itself holds the sum against the one that the job must have.
    assert_eq!(sums.len(), 1, "the job ends once");
    let last = played.events.last().map(|event| event.what);
    assert_eq!(last, Some(What::RunEnds { reason: EndReason::WorkDone }));
    let strikes = played.count(|what| matches!(what, What::FaultStrikes { .. }));
    assert_eq!(strikes, crashes as usize + 1);
    assert!(states(&played, 4).contains(&N::Hung), "the fifth stops itself");
    let first = states(&played, 0);
    let is_cycled = first.windows(3).any(|three| three == [N::Down, N::Off, N::Init]);
    assert!(is_cycled, "a crashed node is power-cycled: {first:?}");
    assert!(played.count(|what| matches!(what, What::WorkLost { .. })) > 0);
    let loads = |what: &What| {
        matches!(what, What::Reading { sensor: Sensor::NodeLoad(_) | Sensor::NodeMemory(_), .. })
    };
    assert!(played.count(loads) > 0, "boards are read");
    assert_eq!(played.count(is_refusal), 0);
}

/// Two jobs of three nodes each, two spares, and checkpoints of their own.
fn two_jobs(first: (&str, &str), second: (&str, &str), rest: &str) -> String {
    let text = scenario(8, 2, rest);
    let (head, tail) = text.split_once("[workload.bulk-synchronous]").expect("it has a job");
    let (_, tail) = tail.split_once("[stop]").expect("it ends");
    let job = |name: &str, (keys, checkpoint): (&str, &str)| {
        let common = "ranks_per_node = 2\nstep = \"50 ms\"\nwork = \"2 s\"";
        let checkpoint = checkpoint.replace("[checkpoint.", "[job.checkpoint.");
        format!("[[job]]\nname = \"{name}\"\n{common}\n{keys}\n{checkpoint}\n")
    };
    format!("{head}{}{}[stop]{tail}", job("first", first), job("second", second))
}

/// Plays it with a node of each job killed; both are done, with the right checksum.
fn play_two(first: (&str, &str), second: (&str, &str), rest: &str) -> Played {
    let crashes: String = [(2, "1.1 s"), (5, "1.3 s")]
        .map(|(node, at)| {
            let when = format!("at = \"{at}\"\nrepair = \"power-cycle\"");
            format!("[[fault.crash]]\non = \"pi{node}\"\n{when}\n")
        })
        .concat();
    let (played, sums, _) = play(&two_jobs(first, second, &format!("{crashes}{rest}")));
    assert_eq!(sums.len(), 1, "one checksum over those of both");
    let last = played.events.last().map(|event| event.what);
    assert_eq!(last, Some(What::RunEnds { reason: EndReason::WorkDone }));
    for job in [JobId(0), JobId(1)] {
        let is_done = |what: &What| match *what {
            What::JobPhase { job: of, phase, .. } => (of, phase) == (job, JobPhase::Done),
            _ => false,
        };
        assert_eq!(played.count(is_done), 1, "{job:?}");
    }
    played
}

/// Checkpoints each half a second, at the file server.
const PLAIN: &str = "[checkpoint.coordinated]\nsize = \"10 MB\"\ninterval = \"500 ms\"\n";

/// Levels of 10 MB, each second one of the level above.
fn levels(places: &[&str]) -> String {
    let level = |(number, to): (usize, &&str)| {
        let every = if number > 0 { "every = 2\n" } else { "" };
        format!("[[checkpoint.multilevel.level]]\nto = \"{to}\"\nsize = \"10 MB\"\n{every}")
    };
    let all: String = places.iter().enumerate().map(level).collect();
    format!("[checkpoint.multilevel]\ninterval = \"300 ms\"\n{all}")
}

#[test]
fn a_job_of_levels_next_to_one_of_replicas_on_processes() {
    let levels = levels(&["card", "partner", "file-server"]);
    let replicas = "nodes = 2\nreplicas = { degree = 2, share = 0.5, strategy = \"restart\" }";
    play_two(("nodes = 3", &levels), (replicas, PLAIN), "");
}

#[test]
fn a_job_in_memory_next_to_one_that_compresses_on_processes() {
    let memory = levels(&["memory", "partner", "file-server"]);
    let packed = format!(
        "{PLAIN}compression = {{ ratio = 2, compress = \"50 MB/s\", decompress = \"50 MB/s\" }}\n"
    );
    play_two(("nodes = 3", &memory), ("nodes = 3", &packed), "");
}

#[test]
fn a_job_that_adapts_takes_turns_with_another_one_on_processes() {
    let adaptive = PLAIN.replace("\"500 ms\"", "\"adaptive\"\nprior = \"2 s\"");
    let turns = "[server]\norder = \"ordered-fcfs\"\n";
    play_two(("nodes = 3", &adaptive), ("nodes = 3", PLAIN), turns);
}

/// Alarms come half a second before each of these.
#[test]
fn two_jobs_are_warned_on_processes() {
    let alarms = "[[fault.hang]]\non = \"pi[1,4]\"\nage = \"new\"\n\
                  lifetime = { fixed = \"1.5 s\" }\n\
                  prediction = { recall = 1, precision = 1, lead = \"500 ms\" }\n";
    let seldom = PLAIN.replace("500 ms", "1 h");
    let played = play_two(("nodes = 3", &seldom), ("nodes = 3", &seldom), alarms);
    let saves = |what: &What| matches!(what, What::Checkpoint { .. });
    assert!(played.count(saves) > 0, "nobody saves but when warned");
}

/// The controller alone would wait longer than the run lasts. All nodes work for the job, whichever
/// process is the last to begin, so that it cannot end before the dead one is found.
#[test]
fn a_killed_agent_is_found_by_gossip_between_processes() {
    let crash = "[[fault.crash]]\non = \"pi1\"\nat = \"4 s\"\nrepair = \"power-cycle\"\n\
                 [controller.gossip]\nperiod = \"400 ms\"\ntimeout = \"200 ms\"\n";
    let text = scenario(5, 6, crash).replace("detect = \"2 s\"", "detect = \"10 min\"");
    let (played, sums, notices) = play(&text.replace("spares   = 1", "spares   = 0"));
    assert_eq!(sums.len(), 1, "the job ends");
    let silent = |notice: &&Notice| matches!(notice, Notice::Silent { .. });
    let found: Vec<_> = notices.iter().filter(silent).collect();
    assert!(matches!(found[..], [Notice::Silent { node: NodeId(0), .. }]), "{found:?}");
    assert!(states(&played, 0).windows(2).any(|two| two == [N::Off, N::Init]));
    assert_eq!(played.count(is_refusal), 0);
}

#[test]
fn an_agent_at_half_speed_makes_its_job_twice_as_long() {
    let slow = |rest: &str| format!("[[fault.slow-down]]\non = \"pi2\"\nat = \"0 s\"\n{rest}");
    let whole = slow("repair = \"never\"\nshare = \"50 %\"\n");
    let ended = slow("repair = \"5 s\"\nshare = \"20 %\"\n");
    // It is submitted when the fault is in force, which on a busy machine takes a while.
    let late = "[[job]]\nname = \"late\"\nnodes = 2\nsubmit = \"2 s\"";
    let took = |fault: &str| {
        let text = scenario(3, 2, fault).replace("[workload.bulk-synchronous]", late);
        let text = text.replace("[checkpoint.coordinated]", "[job.checkpoint.coordinated]");
        let (played, sums, _) = play(&text);
        assert_eq!(sums.len(), 1, "the job ends once");
        assert_eq!(played.count(is_refusal), 0);
        time(&played, JobPhase::Compute)
    };
    // Work of 2 s. No step is shorter than its node's pace makes it; a busy machine takes longer.
    let (whole, ended) = (took(&whole), took(&ended));
    assert!(whole >= 4.0, "{whole} s");
    assert!((2.0..10.0).contains(&ended), "{ended} s; a node that stays slow would take 10 s");
}

#[test]
fn a_psu_takes_its_nodes_with_it_and_brings_them_back() {
    let fault = "[[fault.power-loss]]\non = \"psu[1]\"\nat = \"1.2 s\"\nrepair = \"1 s\"\n";
    let (played, sums, _) = play(&scenario(5, 2, fault));
    assert_eq!(sums.len(), 1);
    for node in 0..5 {
        let states = states(&played, node);
        assert_eq!(states[..5], [N::Init, N::Up, N::Down, N::Init, N::Up], "node {node}");
    }
}

/// Stops everything with a panic at the first step of the job.
struct Bomb;

impl Sink for Bomb {
    fn event(&mut self, event: &Event) -> Result<(), Stop> {
        assert!(!matches!(event.what, What::StepDone { .. }), "the bomb");
        Ok(())
    }
}

#[test]
fn a_panic_leaves_no_agent_behind() {
    let plan = plan_of(&scenario(5, 60, ""));
    let played = catch_unwind(AssertUnwindSafe(|| {
        Loopback.play_noting(&plan, &program(), &mut Bomb, &mut Vec::new())
    }));
    assert!(played.is_err(), "the bomb went off");
    let children = fs::read_to_string("/proc/thread-self/children");
    assert_eq!(children.expect("Linux lists the children of a thread"), "");
}

/// Agents whose parent is or was this process.
fn agents_of(parent: u32) -> Vec<u32> {
    let wanted = format!("\0--parent\0{parent}\0");
    let processes = fs::read_dir("/proc").expect("there is a /proc").filter_map(Result::ok);
    let is_agent = |folder: &Path| {
        let words = fs::read(folder.join("cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&words).contains(&wanted)
    };
    let number = |entry: fs::DirEntry| {
        let number = entry.file_name().to_str()?.parse().ok()?;
        is_agent(&entry.path()).then_some(number)
    };
    processes.filter_map(number).collect()
}

#[expect(clippy::disallowed_methods, reason = "other processes are waited for")]
fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Starts a long run of five agents, one of which hangs, and sends a signal to the program.
fn signalled(bench: &Bench, signal: Signal) -> (Child, u32) {
    let hang = "[[fault.hang]]\non = \"pi2\"\nat = \"500 ms\"\nrepair = \"never\"\n";
    let file = bench.write("long.toml", &scenario(5, 200, hang));
    let file = file.to_str().expect("UTF-8");
    let mut run = bench.command(&["run", file, "--on", "loopback", "--no-report", "--quiet"]);
    // What a killed run leaves goes with the bench.
    run.env("TMPDIR", bench.path()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = run.spawn().expect("the program starts");
    let parent = child.id();
    let stops = |pid: &u32| {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        status.contains("State:\tT")
    };
    wait_until("one of five agents hangs", || {
        let agents = agents_of(parent);
        agents.len() == 5 && agents.iter().any(stops)
    });
    kill_process(Pid::from_child(&child), signal).expect("it runs");
    (child, parent)
}

/// A shell stands for the agent: it writes what undoes its hang into a journal, leaves a keeper
/// behind and stops itself.
fn sleeper(bench: &Bench, after: &str) -> Child {
    let script = r#"
        set -- $(sed 's/.*) //' /proc/$$/stat)
        printf '{"boot":"%s\\n","undo":[{"undo":"wake","pid":%s,"start":%s}]}' \
            $(cat /proc/sys/kernel/random/boot_id) $$ ${20} > 1.harm
        "$PROGRAM" undo-harm $$ --entry 1.harm --after "$AFTER" & kill -STOP $$; echo awake"#;
    let mut shell = Command::new("sh");
    shell.args(["-c", script]).current_dir(bench.path());
    shell.env("PROGRAM", program()).env("AFTER", after);
    shell.stdout(Stdio::piped()).stderr(Stdio::piped());
    shell.spawn().expect("there is a shell")
}

fn children_of(parent: u32) -> String {
    let children = fs::read_to_string(format!("/proc/{parent}/task/{parent}/children"));
    children.unwrap_or_default()
}

#[test]
fn who_falls_silent_is_woken_when_the_lease_is_over() {
    let bench = Bench::new();
    let done = wait(sleeper(&bench, "300 ms"));
    assert_eq!((done.code, done.stdout.as_str()), (0, "awake\n"), "{}", done.stderr);
}

#[test]
fn a_keeper_ends_with_whom_it_should_have_woken() {
    let bench = Bench::new();
    let mut shell = sleeper(&bench, "1 h");
    let stopped = |pid: u32| {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        status.contains("State:\tT")
    };
    wait_until("the keeper runs", || stopped(shell.id()) && !children_of(shell.id()).is_empty());
    let keeper = children_of(shell.id()).trim().to_owned();
    shell.kill().expect("it runs");
    shell.wait().expect("it was started");
    wait_until("the keeper ends", || !Path::new(&format!("/proc/{keeper}/stat")).exists());
    assert!(!bench.path().join("1.harm").exists(), "struck out");
}

#[test]
fn an_interrupted_run_leaves_no_agent_behind_and_says_so() {
    for signal in [Signal::INT, Signal::TERM] {
        let bench = Bench::new();
        let (child, parent) = signalled(&bench, signal);
        let done = wait(child);
        assert_eq!(done.code, 130, "{}", done.stderr);
        assert_eq!(agents_of(parent), [0; 0]);
        let manifest = bench.files().into_iter().find(|file| file.ends_with("manifest.json"));
        let manifest = manifest.expect("a partial folder");
        let text = fs::read_to_string(bench.path().join(manifest)).expect("a manifest");
        assert!(text.contains("\"interrupted\"") && text.contains("\"deterministic\": false"));
    }
}

#[test]
fn a_killed_controller_leaves_no_agent_behind_not_even_one_that_hangs() {
    let bench = Bench::new();
    let (mut child, parent) = signalled(&bench, Signal::KILL);
    child.wait().expect("it was started");
    wait_until("agents end with their controller", || agents_of(parent).is_empty());
    assert_eq!(scratches(&bench).len(), 1, "it had no time to clear up");
    let file = bench.write("short.toml", &scenario(2, 1, ""));
    let mut next = bench.command(&["run", file.to_str().expect("UTF-8"), "--on", "loopback"]);
    next.args(["--no-report", "--quiet"]).env("TMPDIR", bench.path());
    assert!(next.status().expect("the program starts").success());
    assert!(scratches(&bench).is_empty(), "the next run cleared up");
}

/// The temporary folders of runs.
fn scratches(bench: &Bench) -> Vec<PathBuf> {
    let all = fs::read_dir(bench.path()).expect("a folder").filter_map(Result::ok);
    let is_one =
        |entry: &fs::DirEntry| entry.file_name().to_string_lossy().starts_with("rackstorm-");
    all.filter(is_one).map(|entry| entry.path()).collect()
}

#[test]
fn a_failed_run_leaves_no_temporary_folder_behind() {
    let bench = Bench::new();
    let file = bench.write("long.toml", &scenario(5, 200, ""));
    let mut run = bench.command(&["run", file.to_str().expect("UTF-8"), "--on", "loopback"]);
    run.arg("--no-report").env("TMPDIR", bench.path());
    let child = run.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let agents = || agents_of(child.id());
    wait_until("agents are there", || agents().len() == 5);
    wait_until("a job has saved its memory", || {
        let folder = scratches(&bench).into_iter().next().map(|run| run.join("store/checkpoints"));
        folder.and_then(|folder| fs::read_dir(folder).ok()).is_some_and(|all| all.count() > 0)
    });
    let agent = Pid::from_raw(agents()[0].cast_signed()).expect("a process");
    kill_process(agent, Signal::TERM).expect("it runs");
    let done = wait(child);
    assert_eq!(done.code, 3, "{}", done.stderr);
    assert!(done.stderr.contains("ended by itself"), "{}", done.stderr);
    assert!(scratches(&bench).is_empty());
}

/// Where the controller of a run takes agents and heartbeats, as its agents know it.
fn ports(parent: u32) -> (u16, u16) {
    let agent = agents_of(parent)[0];
    let words = fs::read(format!("/proc/{agent}/cmdline")).expect("it runs");
    let words = String::from_utf8(words).expect("UTF-8");
    let words: Vec<_> = words.split('\0').collect();
    let after = |option| {
        let at = words.iter().position(|word| *word == option).expect("it is there") + 1;
        let (_, port) = words[at].rsplit_once(':').expect("an address");
        port.parse().expect("a port")
    };
    (after("--controller"), after("--heartbeats"))
}

/// The program may open 400 files at most, and needs some for itself.
#[test]
fn a_flood_of_silent_callers_and_garbage_ends_no_run_and_is_reported_at_its_end() {
    let bench = Bench::new();
    bench.write("short.toml", &scenario(5, 4, ""));
    let script = r#"ulimit -n 400 && exec "$PROGRAM" run short.toml --on loopback --no-report"#;
    let mut run = std::process::Command::new("sh");
    run.args(["-c", script]).env("PROGRAM", program()).current_dir(bench.path());
    let child = run.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    wait_until("agents are there", || agents_of(child.id()).len() == 5);
    let (port, heartbeats) = ports(child.id());
    let callers: Vec<_> =
        (0..450).filter_map(|_| TcpStream::connect(("127.0.0.1", port)).ok()).collect();
    let socket = UdpSocket::bind(("127.0.0.1", 0)).expect("a socket");
    for _ in 0..200 {
        socket.send_to(b"garbage", ("127.0.0.1", heartbeats)).expect("anybody may send");
    }
    assert_eq!(callers.len(), 450);
    let done = wait(child);
    drop(callers);
    assert_eq!(done.code, 0, "{}", done.stderr);
    let reported = done.stdout.lines().find(|line| line.trim_start().starts_with("refused"));
    let words: Vec<_> = reported.expect("a line").split_whitespace().collect();
    let [_, n, "connections,", m, "datagrams"] = words[..] else { panic!("{words:?}") };
    let [n, m]: [u32; 2] = [n, m].map(|count| count.parse().expect("a count"));
    assert!(n > 300 && m > 0, "{words:?}");
}

#[test]
fn a_run_in_real_time_is_not_replayed_and_a_fault_that_cannot_be_done_is_named() {
    let bench = Bench::new();
    let file = bench.write("short.toml", &scenario(2, 1, ""));
    let file = file.to_str().expect("UTF-8");
    let run = ["run", file, "--on", "loopback", "--no-report", "--json"];
    let done = bench.run(&run);
    assert_eq!(done.code, 0, "{}", done.stderr);
    let results = done.json_lines()[0]["results"].as_str().expect("a folder").to_owned();
    let done = bench.run(&["replay", &results]);
    assert_eq!(done.code, 3);
    assert!(done.stderr.contains("cannot be replayed"), "{}", done.stderr);
    let faults = "[[fault.switch-loss]]\non = \"switch[1]\"\nat = \"1 s\"\nrepair = \"1 s\"\n";
    bench.write("short.toml", &scenario(2, 1, faults));
    let done = bench.run(&run);
    assert_eq!(done.code, 3);
    let reported = "stage loopback cannot play it: [[fault.switch-loss]] `switch-loss`";
    assert!(done.stderr.contains(reported), "{}", done.stderr);
}

#[test]
fn an_agent_leaves_when_it_is_asked_though_its_controller_never_came() {
    let bench = Bench::new();
    let done = bench.run(&["rack", "enrol", "--folder", "ca", "pi3"]);
    assert_eq!(done.code, 0, "{}", done.stderr);
    for signal in [Signal::TERM, Signal::INT] {
        let nowhere = ["--controller", "127.0.0.1:9", "--heartbeats", "127.0.0.1:9"];
        let own = ["--node", "3", "--certificates", "ca", "--store", "store"];
        let child = bench.start(&[&["agent"][..], &nowhere, &own].concat());
        wait_until("it has its store", || bench.path().join("store/state").exists());
        kill_process(Pid::from_child(&child), signal).expect("it runs");
        let done = wait(child);
        assert_eq!((done.code, done.stderr.as_str()), (0, ""));
        fs::remove_dir_all(bench.path().join("store")).expect("the store");
    }
}

/// So many nodes without a job, and what `more` says.
fn without_a_job(nodes: u32, more: &str) -> String {
    let text = scenario(nodes, 1, more);
    let (before, rest) = text.split_once("[workload.bulk-synchronous]").expect("there is a job");
    let (_, after) = rest.split_once("[stop]").expect("it stops");
    format!("{before}[stop]\nwhen = \"workload done\"{after}")
        .replace(&format!("spares   = {}", nodes.div_ceil(5)), "spares   = 0")
}

/// How often tasks of a kind came to this.
fn tasks(played: &Played, wanted: TaskKind, act: TaskAct) -> usize {
    played.count(
        |what| matches!(what, What::Task { kind, act: own, .. } if (*kind, *own) == (wanted, act)),
    )
}

/// Bytes that crossed the network for workloads.
fn carried(played: &Played) -> u64 {
    let sum = |sum, event: &Event| match event.what {
        What::Transfer { purpose: Purpose::Workload, received, .. } => sum + received.0,
        _ => sum,
    };
    played.events.iter().fold(0, sum)
}

#[test]
fn processes_sort_in_parts_and_one_that_is_killed_loses_its_part_only() {
    let sort = "[sort]\nnodes = \"pi[1-4]\"\nnumbers = 200000\ncompare = \"2 us\"\nparts = 8\n\
        at = \"3 s\"\n";
    let crash = "[[fault.crash]]\non = \"pi2\"\nat = \"4 s\"\nrepair = \"power-cycle\"\n";
    let (played, ..) = play(&without_a_job(4, &format!("{sort}{crash}")));
    let ends = played.times(|what| matches!(what, What::RunEnds { .. }));
    // From 3 s on: two parts one after the other, of 25,000 numbers each, and three rounds.
    let least = 3.0 + 2.0 * (25_000.0 * 25_000_f64.log2() * 2e-6) + 3.0 * 0.4;
    assert!(ends[0].0 as f64 / 1e9 > least, "computing takes its time: {ends:?}");
    assert_eq!(tasks(&played, TaskKind::Sort, TaskAct::End), 9, "eight parts and the merging");
    assert_eq!(tasks(&played, TaskKind::Sort, TaskAct::Lose), 0);
    // The first node's own parts go nowhere.
    assert!(carried(&played) > 1_600_000, "{} B", carried(&played));
}

#[test]
fn bytes_go_from_process_to_process_and_to_the_server_and_back() {
    let text = "[transfers]\nrows = '''\nstart,source,destination,bytes\n\
        3,pi1,pi2,2000000\n3,pi2,pi1,1000000\n3,server,pi3,500000\n3.1,pi1,server,250000\n\
        0,pi3,pi2,0\n'''\n";
    let (played, ..) = play(&without_a_job(3, text));
    let ended = |act| tasks(&played, TaskKind::Transfer, act);
    assert_eq!((ended(TaskAct::End), ended(TaskAct::Lose)), (4, 1), "at 0 s nobody is up");
    assert_eq!(carried(&played), 3_750_000);
}

#[test]
fn a_file_goes_along_a_chain_of_processes_though_its_source_is_killed() {
    let rollout = "[rollout]\nnodes = \"pi[2-4]\"\nsource = \"pi1\"\nmethod = \"chain\"\n\
        size = \"200 MB\"\npiece = \"1 MB\"\nat = \"3 s\"\n";
    let crash = "[[fault.crash]]\non = \"pi1\"\nat = \"3500 ms\"\nrepair = \"power-cycle\"\n";
    let (played, ..) = play(&without_a_job(4, &format!("{rollout}{crash}")));
    assert_eq!(tasks(&played, TaskKind::Rollout, TaskAct::End), 3);
    assert_eq!(carried(&played), 600_000_000);
}

#[test]
fn requests_are_answered_by_processes_whose_processors_they_share() {
    let web = "[web]\nbalancer = \"server\"\nworkers = \"pi[1-3]\"\nat = \"3 s\"\nrequests = 60\n\
        gap = { exponential = { mean = \"50 ms\" } }\nresponse = \"50 kB\"\nslots = 2\n\
        service = { exponential = { mean = \"50 ms\" } }\ndiscipline = \"processor-sharing\"\n";
    let (played, ..) = play(&without_a_job(3, web));
    assert_eq!(tasks(&played, TaskKind::Request, TaskAct::End), 60);
    assert_eq!(carried(&played), 3_000_000);
}
