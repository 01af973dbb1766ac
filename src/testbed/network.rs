//! The network of a rack in a box: a namespace for each node, bridges as switches, shaped links.
//!
//! ```text
//!  BOX-pi1  eth0 ==node link== n1 +
//!  BOX-pi2  eth0 ==node link== n2 + blade1 u1 ==uplink== c1 +
//!   ...                                                     + core s0 ==server link== BOX-server
//!  BOX-pi16 eth0 ============ n16 + blade4 u4 ========== c4 +
//!                                (all bridges stand in BOX-net)
//! ```
//!
//! Nothing leads out of these namespaces: no address of the machine or of its network is used.
//! Each end of a link is shaped by `tbf` with the overhead of Ethernet, 24 bytes a packet.
//!
//! Not modelled: the time of a packet on the wire; tbf holds rates, not latencies.

use std::fmt::Write as _;
use std::io;

use super::shell;
use super::spec::{self, TestbedSpec};
use crate::units::BitRate;

/// What a switch holds back for a node (bytes; assumption: a switch shares 1 MB among four).
const SWITCH_BUFFER: u64 = 262_144;
/// What a node holds back (bytes): a thousand packets, as Linux does.
const NODE_QUEUE: u64 = 1_500_000;
/// The largest packet that tbf has to let pass at once (bytes): a packet of 64 KiB that the kernel
/// cuts into frames itself.
const BURST_MIN: u64 = 1_600;

/// Builds it.
///
/// # Errors
/// What `ip` or `tc` could not do. What was built until then stays, for [`clear`].
pub(super) fn build(spec: &TestbedSpec) -> io::Result<()> {
    let mut spaces = String::new();
    for space in spec.namespaces() {
        writeln!(spaces, "netns add {space}").expect("a string takes any text");
    }
    batch("ip", &[], &spaces)?;
    batch("ip", &["-n", &spec.switches()], &links(spec))?;
    batch("tc", &["-n", &spec.switches()], &shapes(spec))?;
    let end = own_shape;
    let space = spec.server();
    batch("ip", &["-n", &space], &own(&spec::SERVER.to_string()))?;
    batch("tc", &["-n", &space], &end(spec.server_link))?;
    for node in spec.all() {
        let space = spec.node(node);
        batch("ip", &["-n", &space], &own(&spec::address(node).to_string()))?;
        batch("tc", &["-n", &space], &end(spec.node_link))?;
    }
    Ok(())
}

/// Removes the namespaces of a box, with all that is in them. Which ones there are, the system
/// shows.
///
/// # Errors
/// When one cannot be removed.
pub(super) fn clear(name: &str) -> io::Result<usize> {
    let spaces = namespaces(name)?;
    let mut text = String::new();
    for space in &spaces {
        writeln!(text, "netns del {space}").expect("a string takes any text");
    }
    batch("ip", &[], &text)?;
    Ok(spaces.len())
}

/// The namespaces of a box that there are.
///
/// # Errors
/// When the system does not say.
pub(super) fn namespaces(name: &str) -> io::Result<Vec<String>> {
    namespaces_like(|space| {
        let rest = space.strip_prefix(name).and_then(|rest| rest.strip_prefix('-'));
        rest.is_some_and(|rest| {
            let number = rest.strip_prefix("pi").unwrap_or_default();
            let is_node = !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit());
            matches!(rest, "net" | "server") || is_node
        })
    })
}

/// The namespaces of this machine whose names are wanted.
///
/// # Errors
/// When the system does not say.
pub(super) fn namespaces_like(wanted: impl Fn(&str) -> bool) -> io::Result<Vec<String>> {
    let reported = shell::run("ip", &["netns", "list"])?;
    let first = reported.lines().filter_map(|line| line.split_whitespace().next());
    Ok(first.filter(|space| wanted(space)).map(str::to_owned).collect())
}

/// The processes in a namespace.
///
/// # Errors
/// When the system does not say.
pub(super) fn processes(space: &str) -> io::Result<Vec<u32>> {
    let reported = shell::run("ip", &["netns", "pids", space])?;
    Ok(reported.lines().filter_map(|line| line.trim().parse().ok()).collect())
}

fn batch(tool: &str, before: &[&str], commands: &str) -> io::Result<()> {
    let arguments: Vec<&str> = before.iter().copied().chain(["-batch", "-"]).collect();
    shell::feed(tool, &arguments, commands)
        .map(drop)
        .map_err(|error| io::Error::other(format!("{error} (commands in its input)")))
}

/// The bridges and links, as commands in the namespace of the switches.
fn links(spec: &TestbedSpec) -> String {
    let mut text = "link set lo up\nlink add core type bridge\nlink set core up\n".to_owned();
    let mut add = |line: String| {
        text += &line;
        text.push('\n');
    };
    for blade in 1..=spec.blades {
        add(format!("link add blade{blade} type bridge"));
        add(format!("link set blade{blade} up"));
        add(format!("link add u{blade} type veth peer name c{blade}"));
        add(format!("link set u{blade} master blade{blade} up"));
        add(format!("link set c{blade} master core up"));
    }
    add(format!("link add s0 type veth peer name eth0 netns {}", spec.server()));
    add("link set s0 master core up".to_owned());
    for node in spec.all() {
        let (number, blade) = (node.0 + 1, spec.blade_of(node) + 1);
        add(format!("link add n{number} type veth peer name eth0 netns {}", spec.node(node)));
        add(format!("link set n{number} master blade{blade} up"));
    }
    text
}

/// The shapes of the switches' ports, as commands in their namespace.
fn shapes(spec: &TestbedSpec) -> String {
    let mut text = shape("s0", spec.server_link, SWITCH_BUFFER);
    for blade in 1..=spec.blades {
        text += &shape(&format!("u{blade}"), spec.uplink, SWITCH_BUFFER);
        text += &shape(&format!("c{blade}"), spec.uplink, SWITCH_BUFFER);
    }
    for node in spec.all() {
        text += &shape(&format!("n{}", node.0 + 1), spec.node_link, SWITCH_BUFFER);
    }
    text
}

/// One end of a link: a bucket of 1 ms at its rate.
fn shape(device: &str, rate: BitRate, limit: u64) -> String {
    let burst = (rate.0 / 8_000).max(BURST_MIN);
    format!(
        "qdisc replace dev {device} root tbf rate {}bit burst {burst} limit {limit} overhead 24 \
         linklayer ethernet\n",
        rate.0
    )
}

/// The shape of a namespace's own end, as a command of tc.
pub(super) fn own_shape(rate: BitRate) -> String {
    shape("eth0", rate, NODE_QUEUE)
}

/// The link of a namespace's own end.
fn own(address: &str) -> String {
    format!("link set lo up\naddress add {address}/16 dev eth0\nlink set eth0 up\n")
}
