//! The inventory of a rack in a box, as a person would write it.

use super::Folder;
use super::hardware::{PORTS, STORE_PORT};
use super::spec::{self, TestbedSpec};
use crate::ids::NodeId;

/// Longer than the first heartbeats of an agent take on a machine that is very busy (assumption).
const LEASE: &str = "5 s";

/// The text of `rack.toml`.
pub(super) fn inventory(spec: &TestbedSpec, folder: &Folder) -> String {
    let TestbedSpec { name, nodes, blades, protected, .. } = spec;
    let slots = nodes / blades;
    let first = spec::address(NodeId(0)).octets();
    let last = spec::address(NodeId(nodes - 1)).octets();
    let [a, b, c, first] = first;
    let addresses = format!("{a}.{b}.{c}.[{first}-{}]", last[3]);
    let bus = folder.bus().display().to_string();
    let (port, heartbeats) = PORTS;
    let protected = match nodes - protected + 1 {
        first if *protected > 0 => format!("protected = \"pi[{first}-{nodes}]\"\n"),
        _ => String::new(),
    };
    let channels = format!("[{}-{}]", channel(NodeId(0)), channel(NodeId(nodes - 1)));
    format!(
        "\
# A rack in a box. The manager of its bus, at address 0, is nobody's node.
name = \"{name}\"

[[node]]
names = \"pi[1-{nodes}]\"
address = \"{addresses}\"
position = \"1/[1-{blades}]/[1-{slots}]\"
power = \"bus\"
channel = \"{channels}\"

[controller]
address = \"{server}\"
port = {port}
beats = {heartbeats}
store = {STORE_PORT}
certificates = \"certificates\"

[boot]
log = \"dnsmasq.log\"

[server]
address = \"{server}\"
path = {store:?}

[limits]
{protected}down_at_once = {nodes}
cycles_per_hour = 1000
lease = \"{LEASE}\"

[[power.bitscope]]
name = \"bus\"
device = {bus:?}
",
        server = spec::SERVER,
        store = folder.store().display().to_string(),
    )
}

/// The address of a node on the bus: the master has 0.
pub(super) fn channel(node: NodeId) -> u32 {
    node.0 + 1
}
