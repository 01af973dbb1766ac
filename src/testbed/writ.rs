//! The inventory of a rack in a box, as a person would write it.

use super::Folder;
use super::wish::{self, Wish};
use crate::ids::NodeId;

/// The text of `rack.toml`.
pub(super) fn inventory(wish: &Wish, folder: &Folder) -> String {
    let Wish { name, nodes, blades, .. } = wish;
    let slots = nodes / blades;
    let first = wish::address(NodeId(0)).octets();
    let last = wish::address(NodeId(nodes - 1)).octets();
    let [a, b, c, first] = first;
    let addresses = format!("{a}.{b}.{c}.[{first}-{}]", last[3]);
    let bus = folder.bus().display().to_string();
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

[server]
address = \"{server}\"
path = {store:?}

[limits]
down_at_once = {nodes}
cycles_per_hour = 1000

[[power.bitscope]]
name = \"bus\"
device = {bus:?}
",
        server = wish::SERVER,
        store = folder.store().display().to_string(),
    )
}

/// The address of a node on the bus: the master has 0.
pub(super) fn channel(node: NodeId) -> u32 {
    node.0 + 1
}
