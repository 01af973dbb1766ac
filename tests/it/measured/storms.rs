//! The same storms in the model: what was set up between network namespaces, as scenarios.

use rackstorm::event::{NodeState, What};

use crate::measured::rows::Row;
use crate::theatre::{Played, play_text};

/// Payload share of TFTP over Ethernet: 70 bytes of headers and gaps to a block.
fn tftp_share(block: u64) -> f64 {
    block as f64 / (block + 70) as f64
}

/// Line rates as scenarios write them.
fn rate(link: &str) -> &str {
    match link {
        "10mbit" => "10 Mbit/s",
        "100mbit" => "100 Mbit/s",
        "1gbit" => "1 Gbit/s",
        other => panic!("no rate for {other}"),
    }
}

/// Modules of equal switches behind a server with its rate; a disk that holds nobody back.
fn machine(row: &Row, modules: u32, nodes: u32, rest: &str) -> String {
    let (node, server) = (rate(&row.node_link), rate(&row.server_link));
    format!(
        r#"
schema = 1
title = "a storm that was measured"
[cluster]
hardware = "pi_4b"
modules = {modules}
[module]
nodes = {nodes}
spares = 0
packs = [{nodes}]
switches = 1
uplink = "{server}"
psu = [{{ packs = [1], switches = [1], limit = "10 kW", restart = "10 s" }}]
[hardware]
link = "{node}"
{rest}
[server]
link = "{server}"
disk = "1 TB/s"
disk_request = "0 s"
"#
    )
}

/// A machine of exactly n nodes, all of which boot. Measured were ten to a switch; here as many as
/// divide n. No uplink is narrower than its ten nodes, so that this changes nothing.
fn booting(row: &Row, rest: &str) -> String {
    let nodes = (1..=10).rev().find(|nodes| row.n.is_multiple_of(*nodes)).expect("1 divides all");
    machine(row, row.n / nodes, nodes, rest)
}

/// Clients that ask for one file of the server at the same instant, with nothing before or after
/// it; the daemon sends so many packets a second. Gives the time of the last client (s).
pub(super) fn tftp(row: &Row, packets: u64) -> f64 {
    let (size, block) = (row.size(), row.blksize.expect("TFTP has blocks"));
    let client = format!(
        r#"
[hardware.boot]
rom = "0 s"
kernel = "0 s"
init = "0 s"
tftp_block = "{block} B"
tftp_pace = "1 ns"
tftp_file_overhead = "0 s"
files = [{{ name = "file", size = "{size} B" }}]
[network]
tcp_share = {share}
[boot]
method = "pxe-nfs"
root_read = "0 B"
"#,
        share = tftp_share(block),
    );
    let daemon = format!("dhcp_service = \"0 s\"\ntftp_packets = \"{packets} packets/s\"\n");
    play_text(&(booting(row, &client) + &daemon), None).metric("boot_time_max")
}

/// When clients of a DHCP storm got their answers (s), in the order of the nodes.
pub(super) struct Leases {
    /// The OFFER.
    pub(super) offer: Vec<f64>,
    /// The ACK.
    pub(super) ack: Vec<f64>,
}

impl Leases {
    /// Median time to the ACK.
    pub(super) fn median(&self) -> f64 {
        let mut ack = self.ack.clone();
        ack.sort_by(f64::total_cmp);
        f64::midpoint(ack[(ack.len() - 1) / 2], ack[ack.len() / 2])
    }

    /// Time to the last ACK.
    pub(super) fn last(&self) -> f64 {
        self.ack.iter().copied().fold(0.0, f64::max)
    }
}

/// Clients that ask for an address at the same instant, as udhcpc does: a DISCOVER at most each
/// 3 s, ten times, then a REQUEST. The kernel's lease stands for the REQUEST: between the two lies
/// a file of one byte.
pub(super) fn dhcp(row: &Row, ping: bool) -> Leases {
    let client = r#"
[hardware.boot]
rom = "0 s"
kernel = "0 s"
init = "0 s"
dhcp_tries = 10
dhcp_interval = "3 s"
tftp_pace = "1 ns"
tftp_file_overhead = "0 s"
files = [{ name = "file", size = "1 B" }]
[boot]
method = "pxe-nfs"
root_read = "0 B"
"#;
    let run = play_text(&(booting(row, client) + &format!("dhcp_ping = {ping}\n")), None);
    let entered = |run: &Played, wanted: NodeState| {
        let mut at = vec![f64::NAN; row.n as usize];
        for event in &run.events {
            if let What::NodeState { node, state, .. } = event.what
                && state == wanted
            {
                at[node.0 as usize] = event.at.as_secs_f64();
            }
        }
        assert!(at.iter().all(|at| at.is_finite()), "all nodes come to {wanted:?}");
        at
    };
    Leases { offer: entered(&run, NodeState::Tftp), ack: entered(&run, NodeState::Up) }
}

/// A job of n nodes, ten to a switch, that writes one checkpoint and loses a node later, so that
/// the checkpoint is read back.
fn job(row: &Row) -> Played {
    let size = row.size();
    let rest = "[boot]\nmethod = \"instant\"\n[controller]\ndetect = \"0 s\"\n";
    let n = row.n;
    let job = format!(
        r#"
[[fault.crash]]
on = "pi001"
at = "150 s"
repair = "1 s"
[workload.bulk-synchronous]
nodes = {n}
step = "100 s"
work = "200 s"
[checkpoint.coordinated]
size = "{size} B"
interval = "100 s"
to = "file-server"
[stop]
when = "workload done"
at = "1 d"
"#
    );
    play_text(&(machine(row, n.div_ceil(10), 10, rest) + &job), None)
}

/// All clients write a file to the server: a checkpoint. Gives the time of the last one (s).
pub(super) fn write(row: &Row) -> f64 {
    job(row).metric("checkpoint_time_max")
}

/// All clients read a file from the server: a restart. Gives the time of the last one (s).
pub(super) fn read(row: &Row) -> f64 {
    job(row).metric("restart_time_mean")
}
