//! What a harm does is measured: packets lost, bytes that pass, hosts that are not reached.

use std::io::Read;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::time::Duration;

use rackstorm::event::Fault;
use rackstorm::fleet::means::{BadLink, lacks};
use rackstorm::fleet::ports::Means;
use rackstorm::fleet::wire::Message;
use rackstorm::scenario::harm::Load;
use rackstorm::units::Bytes;
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use tokio::task::LocalSet;

use super::chief::{Chief, injection};
use super::stand::{CONTROLLER, NODE, Node, OTHER, inside, until};

/// Echoes of the node's kernel.
struct Echo(Socket);

impl Echo {
    /// Asked from this address of the controller's host.
    fn from(own: &str) -> Self {
        let socket = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::ICMPV4)).expect("root");
        let own: Ipv4Addr = own.parse().expect("an address");
        socket.bind(&SockAddr::from(SocketAddr::from((own, 0)))).expect("it is ours");
        socket.set_recv_buffer_size(4 << 20).expect("it takes what it may");
        let node: Ipv4Addr = NODE.parse().expect("an address");
        socket.connect(&SocketAddrV4::new(node, 0).into()).expect("a way");
        socket.set_read_timeout(Some(Duration::from_millis(50))).expect("a time");
        Self(socket)
    }

    /// How many of so many requests of this size are answered, asked in handfuls.
    fn answers(&mut self, requests: u16, size: usize) -> u32 {
        const HANDFUL: u16 = 50;
        let mut heard = 0;
        for first in (0..requests).step_by(usize::from(HANDFUL)) {
            for number in first..(first + HANDFUL).min(requests) {
                self.0.send(&request(number, size)).expect("it is sent");
            }
            heard += self.hear();
        }
        heard
    }

    /// Answers until none comes any more.
    fn hear(&mut self) -> u32 {
        let (mut heard, mut buffer) = (0, [0; 2_048]);
        while let Ok(n) = self.0.read(&mut buffer) {
            // An IP header of 20 bytes, then type 0: an answer (RFC 792).
            heard += u32::from(n > 20 && buffer[20] == 0);
        }
        heard
    }
}

/// An echo request (RFC 792).
fn request(number: u16, size: usize) -> Vec<u8> {
    let mut bytes = vec![0; size.max(8)];
    bytes[0] = 8;
    bytes[4..6].copy_from_slice(&7_u16.to_be_bytes());
    bytes[6..8].copy_from_slice(&number.to_be_bytes());
    let words =
        bytes.chunks(2).map(|two| u32::from(two[0]) << 8 | u32::from(*two.get(1).unwrap_or(&0)));
    let mut sum: u32 = words.sum();
    while sum > 0xFFFF {
        sum = (sum & 0xFFFF) + (sum >> 16);
    }
    bytes[2..4].copy_from_slice(&(!(sum as u16)).to_be_bytes());
    bytes
}

/// Runs with an agent that was taken in and a harm that it is asked for; skipped if it cannot.
fn with_harm(test: &str, means: Means, mark: &str, measure: impl AsyncFnOnce(&Node, &Chief)) {
    let Some(name) = inside(test) else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    LocalSet::new().block_on(&runtime.expect("a runtime"), async {
        let mut node = Node::new(&name);
        let chief = Chief::new(node.bench.path()).await;
        node.start();
        chief.joined(1).await;
        let injection = injection(1, Fault::LinkDegradation, means, Some(3_600));
        if let Some(why) = lacks(&injection, &chief.abilities()) {
            eprintln!("skipped: {why}");
            return;
        }
        chief.say(&Message::Harm { injection }).await;
        let stands = || node.traces().iter().any(|one| one.contains(mark));
        until("the harm stands", || stands() || chief.refusal(1).is_some()).await;
        assert_eq!(chief.refusal(1), None);
        measure(&node, &chief).await;
    });
}

#[test]
fn of_packets_each_way_the_share_is_lost() {
    let test = "harm::measured::of_packets_each_way_the_share_is_lost";
    let loss = Means::Link(BadLink { loss_ppm: 200_000, ..BadLink::default() });
    with_harm(test, loss, "_1", async |_, _| {
        // Request and answer both have to come through; 99 % of a binomial law are within 2.58
        // deviations. Chance is the kernel's and has no seed: out of three tries one has to hold.
        let (n, p) = (2_000.0, 0.8 * 0.8);
        let bound = 2.58 * f64::sqrt(n * p * (1.0 - p));
        let mut echo = Echo::from(CONTROLLER);
        let holds = |number: u32| {
            let heard = f64::from(echo.answers(2_000, 64));
            eprintln!("try {number}: {heard} of {n} answered, {} +- {bound:.0} expected", n * p);
            (heard - n * p).abs() < bound
        };
        assert!((1..=3).any(holds));
    });
}

#[test]
fn a_slow_link_lets_no_more_bytes_pass_than_its_rate() {
    let test = "harm::measured::a_slow_link_lets_no_more_bytes_pass_than_its_rate";
    let rate = 2_000_000;
    let slow = Means::Link(BadLink { rate, ..BadLink::default() });
    with_harm(test, slow, "clsact", async |node, _| {
        let mut echo = Echo::from(CONTROLLER);
        // All at once: what does not fit into the queue of 262,144 bytes is lost, each way.
        let since = uptime();
        for number in 0..1_000 {
            echo.0.send(&request(number, 1_400)).expect("it is sent");
        }
        let heard = f64::from(echo.hear());
        let (frame, passed) = (1_434.0, uptime() - since);
        // In no time more bytes pass than the rate allows and the burst of each way: nearly all of
        // the thousand would, in a moment. The clock is one of 10 ms.
        let most = (rate as f64 / 8.0 * (passed + 0.02) + 2.0 * 3_200.0) / frame;
        eprintln!("{heard} of 1000 frames of {frame} bytes came through in {passed:.2} s");
        assert!(heard > 50.0 && heard <= most, "{heard} of at most {most}");
        let root = node.tool("tc qdisc show dev eth0 root");
        assert!(root.contains("tbf") && root.contains("rate 100Mbit"), "it stands: {root}");
    });
}

#[test]
fn a_partition_strikes_some_hosts_and_spares_the_rest() {
    let test = "harm::measured::a_partition_strikes_some_hosts_and_spares_the_rest";
    let partition = Means::Partition { from: vec![OTHER.to_owned()] };
    with_harm(test, partition, "_1", async |_, _| {
        assert_eq!(Echo::from(OTHER).answers(50, 64), 0);
        assert_eq!(Echo::from(CONTROLLER).answers(50, 64), 50);
    });
}

#[test]
fn a_cut_spares_whom_it_is_to_spare() {
    let test = "harm::measured::a_cut_spares_whom_it_is_to_spare";
    let cut = Means::Cut { but: vec![CONTROLLER.to_owned()] };
    with_harm(test, cut, "_1", async |_, _| {
        assert_eq!(Echo::from(OTHER).answers(50, 64), 0);
        assert_eq!(Echo::from(CONTROLLER).answers(50, 64), 50);
    });
}

#[test]
fn burnt_time_and_filled_memory_and_a_full_card_are_as_much_as_was_asked_for() {
    let test = "harm::measured::\
                burnt_time_and_filled_memory_and_a_full_card_are_as_much_as_was_asked_for";
    let (memory, card) = (Bytes(100 << 20), Bytes(50 << 20));
    let load = Load { cpu_ppm: 300_000, memory, card, disk: 0 };
    with_harm(test, Means::Load(load), ".fill", async |node, _| {
        let kib = |file: &str, field: &str| {
            let reported = std::fs::read_to_string(format!("/proc/{}/{file}", node.pid()));
            let reported = reported.expect("it runs");
            let line = reported.lines().find_map(|line| line.strip_prefix(field)).expect("a field");
            line.split_whitespace().next().expect("a number").parse::<u64>().expect("a number")
        };
        until("the memory is filled", || kib("status", "VmRSS:") > 100 << 10).await;
        let state = std::fs::read_dir(node.bench.path().join("state")).expect("a folder");
        let full =
            state.flatten().find(|file| file.path().extension().is_some_and(|e| e == "fill"));
        let length = full.expect("a file").metadata().expect("its length").len();
        assert_eq!(length, 50 << 20);
        // How much of its share it gets is the machine's to say; more it never takes.
        let cores = std::thread::available_parallelism().expect("a number").get() as f64;
        let (busy, since) = (burnt(node.pid()), uptime());
        tokio::time::sleep(Duration::from_secs(3)).await;
        let share = (burnt(node.pid()) - busy) / (uptime() - since) / cores;
        eprintln!("{share:.3} of the time of {cores} cores is burnt");
        assert!(share > 0.03 && share < 0.36, "{share}");
    });
}

/// Time of processors that a process has had (s), in ticks of 10 ms: proc(5), fields 14 and 15.
fn burnt(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("it runs");
    let fields: Vec<_> = stat.rsplit_once(')').expect("a name").1.split_whitespace().collect();
    let ticks = |field: usize| fields[field - 3].parse::<f64>().expect("a number");
    (ticks(14) + ticks(15)) / 100.0
}

/// Since the boot (s).
fn uptime() -> f64 {
    let text = std::fs::read_to_string("/proc/uptime").expect("Linux");
    text.split_whitespace().next().expect("a field").parse().expect("a number")
}
