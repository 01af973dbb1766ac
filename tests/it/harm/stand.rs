//! Two network namespaces, a link between them, and the agent of a node in one of them.
//!
//! A test that needs them runs twice: outside it makes them and starts itself again inside the
//! controller's; there it is the controller, and nothing of the machine's network is touched.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::program::Bench;

/// The controller's address, another one of its host, and the node's.
pub(super) const CONTROLLER: &str = "10.77.0.1";
pub(super) const OTHER: &str = "10.77.0.3";
pub(super) const NODE: &str = "10.77.0.2";
/// Says to the inner run in which namespaces it is.
const INSIDE: &str = "RACKSTORM_TEST_NAMESPACES";
/// Longer than anything that is waited for.
const PATIENCE: u32 = 600;

/// What a tool said; its words if it failed.
pub(super) fn tool(line: &str) -> Result<String, String> {
    let words: Vec<_> = line.split_whitespace().collect();
    let Output { status, stdout, stderr } = Command::new(words[0])
        .args(&words[1..])
        .env("PATH", format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default()))
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("{}: {error}", words[0]))?;
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    if status.success() { Ok(text(stdout)) } else { Err(text(stderr)) }
}

/// The namespaces, while they stand.
struct Namespaces(String);

impl Namespaces {
    fn make(name: &str) -> Result<Self, String> {
        tool("nft --version")?;
        tool("nsenter --version")?;
        let made = Self(name.to_owned());
        let (c, n) = (format!("{name}-c"), format!("{name}-n"));
        let on = format!("nsenter --net=/run/netns/{n}");
        for line in [
            format!("ip netns add {c}"),
            format!("ip netns add {n}"),
            format!("ip link add eth0 netns {c} type veth peer name eth0 netns {n}"),
            format!("ip -n {c} addr add {CONTROLLER}/24 dev eth0"),
            format!("ip -n {c} addr add {OTHER}/24 dev eth0"),
            format!("ip -n {n} addr add {NODE}/24 dev eth0"),
            format!("ip -n {c} link set eth0 up"),
            format!("ip -n {n} link set eth0 up"),
            format!("ip -n {c} link set lo up"),
            format!("ip -n {n} link set lo up"),
            format!(
                "{on} tc qdisc replace dev eth0 root tbf rate 100mbit burst 125000 limit 262144"
            ),
        ] {
            tool(&line)?;
        }
        Ok(made)
    }
}

impl Drop for Namespaces {
    fn drop(&mut self) {
        for end in ["c", "n"] {
            let _ = tool(&format!("ip netns del {}-{end}", self.0));
        }
    }
}

/// The namespaces in which the test runs, if it does; else it is run there, or skipped.
pub(super) fn inside(test: &str) -> Option<String> {
    if let Ok(name) = std::env::var(INSIDE) {
        return Some(name);
    }
    // Names of namespaces are the machine's: another run of the tests may be under way.
    let last = test.rsplit(':').next().expect("a name");
    let name = format!("rsh{}{}", std::process::id(), &last[..last.len().min(12)]);
    let made = match Namespaces::make(&name) {
        Ok(made) => made,
        Err(why) => {
            eprintln!("skipped: {test} needs namespaces and nft: {}", why.trim());
            return None;
        }
    };
    let own = std::env::current_exe().expect("the tests find themselves");
    let output = Command::new("nsenter")
        .arg(format!("--net=/run/netns/{name}-c"))
        .arg(own)
        .args(["--exact", test, "--nocapture"])
        .env(INSIDE, &name)
        .output()
        .expect("it was there");
    drop(made);
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(output.status.success(), "inside:\n{said}");
    assert!(said.contains("1 passed"), "there is no test {test}:\n{said}");
    for line in said.lines().filter(|line| line.starts_with("skipped: ")) {
        eprintln!("{line}");
    }
    None
}

/// The node's side: folders of its agent, and the agent.
pub(super) struct Node {
    pub(super) bench: Bench,
    space: String,
    agent: Option<Child>,
    /// What distinguishes the lives of its agent from those of others, whose groups are seen as
    /// well.
    lives: Vec<String>,
}

impl Node {
    pub(super) fn new(name: &str) -> Self {
        let bench = Bench::new();
        let enrolled = bench.run(&[
            "rack",
            "enrol",
            "--folder",
            "ca",
            "--controller-address",
            CONTROLLER,
            "--address",
            NODE,
            "pi1",
        ]);
        assert_eq!(enrolled.code, 0, "{}", enrolled.stderr);
        Self { bench, space: format!("/run/netns/{name}-n"), agent: None, lives: Vec::new() }
    }

    /// Starts its agent.
    pub(super) fn start(&mut self) {
        let program = self.bench.command::<&str>(&[]).get_program().to_owned();
        let said = self.bench.path().join("said");
        let said = fs::File::options().create(true).append(true).open(said).expect("writable");
        let agent = Command::new("nsenter")
            .arg(format!("--net={}", self.space))
            .arg(program)
            .args(["agent", "--controller", &format!("{CONTROLLER}:7000")])
            .args(["--heartbeats", &format!("{CONTROLLER}:7001"), "--node", "1"])
            .args(["--certificates", "ca", "--store", "store", "--state", "state"])
            .current_dir(self.bench.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(said)
            .spawn();
        let agent = agent.expect("it starts");
        let reported = fs::read_to_string(format!("/proc/{}/stat", agent.id())).expect("it runs");
        let fields: Vec<_> =
            reported.rsplit_once(')').expect("a name").1.split_whitespace().collect();
        let start: u64 = fields[22 - 3].parse().expect("ticks");
        self.lives.push(format!("rackstorm-{:x}-", start % (1 << 28)));
        self.agent = Some(agent);
    }

    /// The process of its agent.
    pub(super) fn pid(&self) -> u32 {
        self.agent.as_ref().expect("it was started").id()
    }

    pub(super) fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.pid().cast_signed()).expect("a process");
        kill_process(pid, signal).expect("it is ours");
    }

    /// Waits for the end of its agent.
    pub(super) fn ended(&mut self) {
        let mut agent = self.agent.take().expect("it was started");
        agent.wait().expect("it is ours");
    }

    /// A tool on the node.
    pub(super) fn tool(&self, line: &str) -> String {
        tool(&format!("nsenter --net={} {line}", self.space)).unwrap_or_default()
    }

    /// The keepers of its agent.
    pub(super) fn keepers(&self) -> Vec<u32> {
        let wanted = format!("undo-harm\0{}\0", self.pid());
        let entries = fs::read_dir("/proc").expect("Linux");
        let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
        let is = |pid: &u32| {
            let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&line).contains(&wanted)
        };
        pids.filter(is).collect()
    }

    /// Whatever of a harm can be seen on the node, a line for each.
    pub(super) fn traces(&self) -> Vec<String> {
        let mut all = Vec::new();
        let tables = self.tool("nft list tables");
        all.extend(tables.lines().map(str::to_owned));
        let shaped = self.tool("tc qdisc show");
        all.extend(shaped.lines().filter(|line| !line.contains("noqueue")).map(str::to_owned));
        let links = self.tool("ip -o link show type ifb");
        all.extend(links.lines().map(|line| line.chars().take(20).collect()));
        let names = |folder: &Path| {
            let files = fs::read_dir(folder).into_iter().flatten().flatten();
            files.map(|file| file.file_name().to_string_lossy().into_owned())
        };
        let state = names(&self.bench.path().join("state"));
        all.extend(state.filter(|name| !name.starts_with('.')));
        let groups = names(Path::new("/sys/fs/cgroup/blkio"));
        all.extend(groups.filter(|name| self.lives.iter().any(|life| name.starts_with(life))));
        if let Some(agent) = &self.agent {
            let task = format!("/proc/{}", agent.id());
            let stat = fs::read_to_string(format!("{task}/stat")).unwrap_or_default();
            if stat.contains(") T ") {
                all.push("stopped".to_owned());
            }
            let threads = fs::read_dir(format!("{task}/task")).into_iter().flatten().flatten();
            let names = threads.filter_map(|one| fs::read_to_string(one.path().join("comm")).ok());
            all.extend(names.filter(|name| name.trim() == "load").map(|_| "load".to_owned()));
        }
        all.sort();
        all
    }
}

impl Drop for Node {
    /// The journal stays until its keepers have done their work.
    fn drop(&mut self) {
        let keepers = if self.agent.is_some() { self.keepers() } else { Vec::new() };
        if let Some(agent) = &mut self.agent {
            let _ = agent.kill();
            let _ = agent.wait();
        }
        while keepers.iter().any(|pid| Path::new(&format!("/proc/{pid}")).exists()) {
            std::thread::park_timeout(Duration::from_millis(50));
        }
    }
}

/// Waits until something is so.
pub(super) async fn until(what: &str, is: impl Fn() -> bool) {
    for _ in 0..PATIENCE {
        if is() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("it never came to pass that {what}");
}
