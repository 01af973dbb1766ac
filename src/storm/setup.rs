//! The scenario of a storm: the machine, and what its clients do.

use super::{Kind, rate};
use crate::units::{BitRate, Bytes};

/// Nodes under one switch at most, as they were measured.
const PER_SWITCH: u32 = 10;

/// Computing before the checkpoint of a storm of writes: the shortest that a timeline shows.
pub(super) const STEP_MS: u64 = 1;

/// What was set up for a storm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setup {
    /// What its clients do.
    pub kind: Kind,
    /// Clients, each behind a link of its own.
    pub clients: u32,
    /// What each of them moves; nothing where it asks for an address.
    pub size: Bytes,
    /// Rate of a client's link.
    pub node_link: BitRate,
    /// Rate of the link that the clients of a switch share.
    pub uplink: BitRate,
    /// Rate of the server's link.
    pub server_link: BitRate,
    /// Block of TFTP.
    pub block: Bytes,
    /// TFTP packets that the daemon sends in a second, if that is known.
    pub packets: Option<u64>,
    /// Whether the DHCP daemon pings an address before it offers it.
    pub ping: bool,
}

impl Setup {
    /// Links of these words, such as `10mbit`, and no client yet. `None`: a word is no rate.
    #[must_use]
    pub fn of_links(kind: Kind, node: &str, uplink: &str, server: &str) -> Option<Self> {
        Some(Self {
            kind,
            clients: 1,
            size: Bytes(0),
            node_link: rate(node)?,
            uplink: rate(uplink)?,
            server_link: rate(server)?,
            block: Bytes(1468),
            packets: None,
            ping: false,
        })
    }

    /// The tables of a scenario in which the same happens. Clients stand under switches of equal
    /// size: as many as divide their number, up to ten. The server's disk holds nobody back.
    #[must_use]
    pub fn tables(&self) -> String {
        let Self { node_link, uplink, server_link, clients, .. } = self;
        let nodes = (1..=PER_SWITCH).rev().find(|nodes| clients.is_multiple_of(*nodes));
        let nodes = nodes.expect("1 divides all");
        let modules = clients / nodes;
        let server = format!(
            "[server]\nlink = \"{server_link}\"\ndisk = \"1 TB/s\"\ndisk_request = \"0 s\"\n"
        );
        let (course, daemon) = match self.kind {
            Kind::Write => (self.checkpoint(), String::new()),
            Kind::Read => {
                let course = booting("tftp_pace = \"1 ns\"\n", Bytes(1), self.size);
                (course, "dhcp_service = \"0 s\"\n".into())
            }
            Kind::Tftp => self.tftp(),
            Kind::Dhcp => {
                let habits = "dhcp_tries = 10\ndhcp_interval = \"3 s\"\ntftp_pace = \"1 ns\"\n";
                let daemon = format!("dhcp_ping = {}\n", self.ping);
                (booting(habits, Bytes(1), Bytes(0)), daemon)
            }
        };
        format!(
            r#"[cluster]
hardware = "pi_4b"
modules = {modules}
[module]
nodes = {nodes}
spares = 0
packs = [{nodes}]
switches = 1
uplink = "{uplink}"
psu = [{{ packs = [1], switches = [1], limit = "10 kW", restart = "10 s" }}]
[hardware]
link = "{node_link}"
{course}{server}{daemon}"#
        )
    }

    /// A job of all nodes that writes one checkpoint and is done.
    fn checkpoint(&self) -> String {
        let size = self.size;
        format!(
            r#"[boot]
method = "instant"
[workload.bulk-synchronous]
step = "{STEP_MS} ms"
work = "{STEP_MS} ms"
[checkpoint.coordinated]
size = "{size}"
interval = "{STEP_MS} ms"
to = "file-server"
last = true
[stop]
when = "workload done"
at = "1 h"
"#
        )
    }

    /// Nodes that boot from one file, at no pace of their own. TFTP over Ethernet has 70 bytes to a
    /// block: its header 4, UDP 8, IP 20, Ethernet 14, and 24 of checksum, preamble and gap.
    fn tftp(&self) -> (String, String) {
        let block = self.block.0;
        let habits = format!("tftp_block = \"{block} B\"\ntftp_pace = \"1 ns\"\n");
        let share = block as f64 / (block + 70) as f64;
        let course = booting(&habits, self.size, Bytes(0));
        let packets =
            self.packets.map(|packets| format!("tftp_packets = \"{packets} packets/s\"\n"));
        let daemon = format!("dhcp_service = \"0 s\"\n{}", packets.unwrap_or_default());
        (format!("{course}[network]\ntcp_share = {share}\n"), daemon)
    }
}

/// Nodes that boot at one instant from a single file and a root file system, and do nothing else.
fn booting(habits: &str, file: Bytes, root: Bytes) -> String {
    format!(
        r#"[hardware.boot]
rom = "0 s"
kernel = "0 s"
init = "0 s"
{habits}tftp_file_overhead = "0 s"
files = [{{ name = "file", size = "{file}" }}]
[boot]
method = "pxe-nfs"
root_read = "{root}"
[stop]
when = "all up"
at = "1 h"
"#
    )
}
