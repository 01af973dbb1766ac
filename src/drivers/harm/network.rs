//! Harm to a node's network: cut, partition, loss, delay and jitter, and a lower rate.
//!
//! ```text
//!  what is dropped   a table of nftables of our own, `inet rackstorm_<life>_<injection>`
//!  what is slow      device -- clsact --> egress:  own ifb device with netem or tbf --> the wire
//!                                    `--> ingress: own ifb device with tbf --> the node
//! ```
//!
//! Nothing that stands there is changed: the device keeps its queueing discipline, and undoing is
//! deleting what is ours. Where a `clsact` or `ingress` of somebody else's stands on the device
//! already, the harm is refused. Loss strikes each direction by itself; delay strikes what the node
//! sends.
//!
//! Not modelled: a program that sends a datagram which is lost at once may see the error EPERM.

use std::fmt::Write as _;
use std::io;
use std::net::{IpAddr, ToSocketAddrs};

use super::undo::Undo;
use super::{Family, HarmContext, PlannedHarm, tool};
use crate::fleet::means::{BadLink, Capability, Lack};
use crate::fleet::ports::{InjectionOrder, Means};
use crate::units::Span;

/// The network.
pub(super) struct Network;

impl Family for Network {
    fn can(&self, place: &HarmContext) -> Vec<(Capability, Result<(), Lack>)> {
        let drops = tool::can("nft", &["--check", "-f", "-"], &table("rackstorm_check", PROBE));
        let own = format!("rs{}p", std::process::id());
        let mut shapes = tool::can("ip", &["link", "add", &own, "type", "ifb"], "");
        let mut delays = shapes.clone();
        if shapes.is_ok() {
            let qdisc = ["qdisc", "add", "dev", &own, "root"];
            let with = |rest: &[&str]| tool::can("tc", &[&qdisc[..], rest].concat(), "");
            delays = with(&["netem", "delay", "1ms"]).map_err(|_| Lack::Netem);
            let _ = tool::run("tc", &["qdisc", "del", "dev", &own, "root"], "");
            let tbf = ["tbf", "rate", "1mbit", "burst", "3200", "limit", "262144"];
            shapes = with(&tbf).and_then(|()| hook(place).map(drop));
            delays = delays.and_then(|()| hook(place).map(drop));
            let _ = tool::run("ip", &["link", "del", &own], "");
        }
        vec![
            (Capability::Cut, drops.clone()),
            (Capability::Loss, drops),
            (Capability::Delay, delays),
            (Capability::Rate, shapes),
        ]
    }

    fn plan(
        &self,
        injection: &InjectionOrder,
        place: &HarmContext,
    ) -> io::Result<Option<PlannedHarm>> {
        let (drops, slow) = match &injection.means {
            Means::Cut { but } => (Some(all_but(&addresses(but)?)), BadLink::default()),
            Means::Partition { from } => (Some(only(&addresses(from)?)), BadLink::default()),
            Means::Link(bad) => ((bad.loss_ppm > 0).then(|| lossy(bad.loss_ppm)), *bad),
            _ => return Ok(None),
        };
        let name = format!("rackstorm_{}_{}", place.life, injection.number);
        let (mut undo, mut load) = (Vec::new(), None);
        if let Some(rules) = drops {
            undo.push(Undo::Table { name: name.clone() });
            load = Some(table(&name, &rules));
        }
        let mut commands = Vec::new();
        if slow.rate > 0 || slow.delay.0 > 0 {
            let device = hook(place).map_err(io::Error::other)?;
            let own = own_devices(&place.life, injection.number, &slow);
            commands = shape(&device, &own, &slow);
            undo.push(Undo::Shaper { device, own });
        }
        let begin = move || {
            for command in &commands {
                let words: Vec<_> = command.split_whitespace().collect();
                tool::run(words[0], &words[1..], "")?;
            }
            if let Some(load) = load {
                tool::run("nft", &["-f", "-"], &load)?;
            }
            Ok(None)
        };
        Ok(Some(PlannedHarm::new(undo, begin)))
    }
}

/// A rule of each kind that is used, for the kernel to be asked about.
const PROBE: &str = "numgen random mod 1000000 < 1 drop\nPEER { 192.0.2.1 } accept\n";

/// A table of ours. `rules` are those of each direction; `PEER` stands for the other end there.
/// It sees packets before connections are tracked (priority -300, `NF_IP_PRI_RAW`).
fn table(name: &str, rules: &str) -> String {
    let mut text = format!("table inet {name} {{\n");
    for (hook, device, peer) in [("input", "iifname", "saddr"), ("output", "oifname", "daddr")] {
        let rules = rules.replace("PEER6", &format!("ip6 {peer}"));
        let rules = rules.replace("PEER", &format!("ip {peer}"));
        writeln!(
            text,
            "chain {hook} {{\ntype filter hook {hook} priority -300; policy accept;\n\
             {device} \"lo\" accept\n{rules}}}"
        )
        .expect("a string takes any text");
    }
    text + "}\n"
}

/// Matches of these hosts, each with a verdict.
fn of_hosts(hosts: &[IpAddr], verdict: &str) -> String {
    let set = |of: fn(&IpAddr) -> bool| {
        let all: Vec<_> = hosts.iter().filter(|host| of(host)).map(ToString::to_string).collect();
        all.join(", ")
    };
    let (four, six) = (set(IpAddr::is_ipv4), set(IpAddr::is_ipv6));
    let mut rules = String::new();
    for (word, set) in [("PEER", four), ("PEER6", six)] {
        if !set.is_empty() {
            writeln!(rules, "{word} {{ {set} }} {verdict}").expect("a string takes any text");
        }
    }
    rules
}

fn all_but(hosts: &[IpAddr]) -> String {
    let mut rules = of_hosts(hosts, "accept");
    if hosts.iter().any(IpAddr::is_ipv6) {
        // Without it nobody finds the hosts that are spared.
        rules += "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept\n";
    }
    rules + "drop\n"
}

fn only(hosts: &[IpAddr]) -> String {
    of_hosts(hosts, "drop")
}

fn lossy(loss_ppm: u32) -> String {
    format!("numgen random mod 1000000 < {loss_ppm} drop\n")
}

/// Looked up before the way to whoever knows the names is cut.
fn addresses(hosts: &[String]) -> io::Result<Vec<IpAddr>> {
    let mut all = Vec::new();
    for host in hosts {
        let found = (host.as_str(), 0).to_socket_addrs().map_err(|error| {
            io::Error::new(error.kind(), format!("no address of {host}: {error}"))
        })?;
        all.extend(found.map(|address| address.ip()));
    }
    all.sort_unstable();
    all.dedup();
    Ok(all)
}

/// The device that leads to the controller, if nobody has hooked on there.
fn hook(place: &HarmContext) -> Result<String, Lack> {
    let host = addresses(std::slice::from_ref(&place.controller.host))?;
    let host = host.first().ok_or(Lack::ControllerAddress)?.to_string();
    let route = tool::ask("ip", &["-o", "route", "get", &host], "")?;
    let mut words = route.split_whitespace().skip_while(|word| *word != "dev");
    let device = words.nth(1).ok_or(Lack::Device)?;
    if device == "lo" {
        return Err(Lack::OtherMachine);
    }
    let stands = tool::ask("tc", &["qdisc", "show", "dev", device], "")?;
    if ["qdisc clsact", "qdisc ingress"].iter().any(|kind| stands.contains(kind)) {
        return Err(Lack::FreeDevice { device: device.into() });
    }
    Ok(device.to_owned())
}

/// The own devices, that for what goes out first. The kernel allows 15 letters.
fn own_devices(life: &str, number: u64, slow: &BadLink) -> Vec<String> {
    let number = number % 1_000_000;
    let (out, back) = (format!("r{life}{number}o"), format!("r{life}{number}i"));
    if slow.rate > 0 { vec![out, back] } else { vec![out] }
}

/// The commands that shape a device.
fn shape(device: &str, own: &[String], slow: &BadLink) -> Vec<String> {
    let mut commands = Vec::new();
    // 10 ms of the rate, as the measured links of a rack in a box have, and some packets at least.
    let burst = (slow.rate / 800).max(3_200);
    let tbf = format!(
        "tbf rate {}bit burst {burst} limit 262144 overhead 24 linklayer ethernet",
        slow.rate
    );
    let netem = format!("netem limit 10000 delay {} {}", micros(slow.delay), micros(slow.jitter));
    for (own, out) in own.iter().zip([true, false]) {
        commands.push(format!("ip link add {own} type ifb"));
        let late = out && slow.delay.0 > 0;
        let place = if late { "parent 1:1" } else { "root" };
        if late {
            commands.push(format!("tc qdisc add dev {own} root handle 1: {netem}"));
        }
        if slow.rate > 0 {
            commands.push(format!("tc qdisc add dev {own} {place} {tbf}"));
        }
        commands.push(format!("ip link set {own} up"));
    }
    commands.push(format!("tc qdisc add dev {device} clsact"));
    for (own, side) in own.iter().zip(["egress", "ingress"]) {
        commands.push(format!(
            "tc filter add dev {device} {side} protocol all u32 match u32 0 0 \
             action mirred egress redirect dev {own}"
        ));
    }
    commands
}

fn micros(span: Span) -> String {
    format!("{}us", span.0 / 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_spares_some_hosts_and_a_partition_strikes_some() {
        let hosts = ["10.0.0.1".parse().expect("four"), "fd00::1".parse().expect("six")];
        let cut = table("rackstorm_pi3_7", &all_but(&hosts));
        let golden = "table inet rackstorm_pi3_7 {
chain input {
type filter hook input priority -300; policy accept;
iifname \"lo\" accept
ip saddr { 10.0.0.1 } accept
ip6 saddr { fd00::1 } accept
icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
drop
}
chain output {
type filter hook output priority -300; policy accept;
oifname \"lo\" accept
ip daddr { 10.0.0.1 } accept
ip6 daddr { fd00::1 } accept
icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
drop
}
}
";
        assert_eq!(cut, golden);
        assert_eq!(all_but(&[]), "drop\n");
        assert_eq!(only(&hosts[..1]), "PEER { 10.0.0.1 } drop\n");
        assert_eq!(lossy(200_000), "numgen random mod 1000000 < 200000 drop\n");
    }

    #[test]
    fn a_slow_link_is_hooked_on_last() {
        let slow = BadLink {
            rate: 10_000_000,
            delay: Span::from_millis(20),
            jitter: Span::from_millis(5),
            ..BadLink::default()
        };
        let commands = shape("eth0", &own_devices("a", 7, &slow), &slow);
        assert_eq!(
            commands,
            [
                "ip link add ra7o type ifb",
                "tc qdisc add dev ra7o root handle 1: netem limit 10000 delay 20000us 5000us",
                "tc qdisc add dev ra7o parent 1:1 tbf rate 10000000bit burst 12500 limit 262144 \
                 overhead 24 linklayer ethernet",
                "ip link set ra7o up",
                "ip link add ra7i type ifb",
                "tc qdisc add dev ra7i root tbf rate 10000000bit burst 12500 limit 262144 \
                 overhead 24 linklayer ethernet",
                "ip link set ra7i up",
                "tc qdisc add dev eth0 clsact",
                "tc filter add dev eth0 egress protocol all u32 match u32 0 0 \
                 action mirred egress redirect dev ra7o",
                "tc filter add dev eth0 ingress protocol all u32 match u32 0 0 \
                 action mirred egress redirect dev ra7i",
            ]
        );
        let late = BadLink { rate: 0, ..slow };
        assert_eq!(own_devices("a", 7, &late), ["ra7o"]);
    }
}
