//! What must hold before a run touches a rack; all that does not is reported at once, with hints.

use std::fs;
use std::io;
use std::net::{IpAddr, TcpListener, ToSocketAddrs, UdpSocket};
use std::path::Path;

use super::now;
use crate::drivers::power::held::Held;
use crate::drivers::power::operate;
use crate::drivers::tls::{self, CONTROLLER, name_of};
use crate::event::Target;
use crate::fleet::ports::PowerState;
use crate::ids::{NodeId, Part};
use crate::inventory::{Control, Inventory};
use crate::plan::Plan;
use crate::scenario::fault::When;
use crate::units::{Span, Time};

const HOUR: Span = Span::from_secs(3_600);

/// Why a plan cannot be played on a rack now. Nothing is switched.
pub(super) fn check(file: &Path, rack: &Inventory, held: &Held, plan: &Plan) -> Vec<String> {
    let mut wrong = covers(rack, plan);
    wrong.extend(reaches(rack, plan));
    if wrong.is_empty() {
        // Only a plan that fits is worth asking the switches for.
        wrong.extend(switches(file, rack, plan));
        wrong.extend(cycles(rack, held, plan));
    }
    wrong
}

/// The nodes of a plan.
fn nodes(plan: &Plan) -> Vec<NodeId> {
    (0..plan.machine.nodes.len() as u32).map(NodeId).collect()
}

/// Whether the inventory has the plan's nodes, and they may be touched.
fn covers(rack: &Inventory, plan: &Plan) -> Vec<String> {
    let (wanted, there) = (plan.machine.nodes.len(), rack.nodes.len());
    if wanted > there {
        return vec![format!(
            "[cluster]: the scenario has {wanted} nodes and the inventory {there}; set \
             `module.nodes` and `cluster.modules`"
        )];
    }
    let which = |keep: &dyn Fn(NodeId) -> bool| {
        let some: Vec<NodeId> = nodes(plan).into_iter().filter(|&node| keep(node)).collect();
        (!some.is_empty()).then(|| rack.fold(&some))
    };
    let protected = which(&|node| rack.node(node).protected).map(|names| {
        format!(
            "protected: {names}; put protected nodes after those that scenarios use, which are \
             the first {wanted} of the inventory"
        )
    });
    let unfed = which(&|node| rack.node(node).feed.is_none())
        .map(|names| format!("nothing switches {names}; give `power` and `channel`"));
    let nowhere = which(&|node| rack.node(node).address.is_none())
        .map(|names| format!("nobody knows where {names} is reached; give `address`"));
    [protected, unfed, nowhere].into_iter().flatten().collect()
}

/// Whether controller, certificates and file server are what agents will look for.
fn reaches(rack: &Inventory, plan: &Plan) -> Vec<String> {
    let mut wrong = Vec::new();
    match &rack.controller {
        None => wrong.push(
            "[controller] is missing: `address` of this machine, at which agents look for it, and \
             its `certificates`"
                .to_owned(),
        ),
        Some(control) => {
            wrong.extend(listens(control).err().map(|error| {
                let Control { address, port, heartbeats, .. } = control;
                format!(
                    "[controller]: {address} cannot listen at {port} and {heartbeats}: {error}; is \
                     this the machine, and is no other controller running?"
                )
            }));
            wrong.extend(certificates(control, plan));
        }
    }
    let path = rack.server.as_ref().and_then(|server| server.path.as_ref());
    match path {
        None => wrong.push("[server] `path` is missing: where checkpoints are kept".to_owned()),
        Some(path) => wrong.extend(writes(path).err().map(|error| {
            format!(
                "[server]: {}: {error}; is it mounted, and may you write there?",
                path.display()
            )
        })),
    }
    wrong
}

/// The address of a controller.
pub(super) fn own_address(control: &Control) -> io::Result<IpAddr> {
    let mut all = (control.address.as_str(), control.port).to_socket_addrs()?;
    let none = || io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    all.next().map(|address| address.ip()).ok_or_else(none)
}

fn listens(control: &Control) -> io::Result<()> {
    let own = own_address(control)?;
    TcpListener::bind((own, control.port))?;
    UdpSocket::bind((own, control.heartbeats)).map(drop)
}

/// Those of the controller must be there; those of agents are looked at where they lie here too.
fn certificates(control: &Control, plan: &Plan) -> Vec<String> {
    let folder = &control.certificates;
    let own = tls::check(folder, CONTROLLER).err();
    let there = |node: &NodeId| folder.join(format!("{}.pem", name_of(*node))).exists();
    let nodes = nodes(plan).into_iter().filter(there);
    let others = nodes.filter_map(|node| tls::check_certificate(folder, &name_of(node)).err());
    let reported =
        |error: io::Error| format!("certificates: {error}; `rackstorm rack enrol` makes them");
    own.into_iter().chain(others).map(reported).collect()
}

fn writes(path: &Path) -> io::Result<()> {
    let probe = path.join(format!(".rackstorm-{}", std::process::id()));
    fs::write(&probe, "probe")?;
    fs::remove_file(&probe)
}

/// Whether each switch answers, and so many nodes may be down as a run begins with.
fn switches(file: &Path, rack: &Inventory, plan: &Plan) -> Vec<String> {
    let own = plan.machine.nodes.len();
    let all: Vec<NodeId> = (0..rack.nodes.len() as u32).map(NodeId).collect();
    let fed: Vec<_> = all.into_iter().filter(|&node| rack.node(node).feed.is_some()).collect();
    let asked = operate::Rack::with(file, rack.clone(), async |at_hand| {
        let mut states = Vec::new();
        let mut reported = |node, state: &io::Result<PowerState>| {
            states.push((node, state.as_ref().map(|state| *state).map_err(ToString::to_string)));
        };
        at_hand.states(&fed, || false, &mut reported).await.expect("nobody stops it");
        states
    });
    let mut states = match asked {
        Ok(states) => states,
        Err(error) => return vec![format!("the power controllers cannot be asked: {error}")],
    };
    states.sort_by_key(|(node, _)| *node);
    let mut wrong = Vec::new();
    let mut others = Vec::new();
    for (node, state) in states {
        match state {
            Err(error) if (node.0 as usize) < own => wrong.push(error),
            Ok(PowerState::Dead) if (node.0 as usize) < own => wrong.push(format!(
                "{}: its channel cannot be switched on; look after its feed",
                rack.node(node).name
            )),
            Ok(PowerState::On) => {}
            _ if node.0 as usize >= own => others.push(node),
            _ => {}
        }
    }
    let (down, limit) = (own + others.len(), rack.limits.down_at_once);
    if down > limit as usize {
        let also = match rack.fold(&others).as_str() {
            "" => String::new(),
            names => format!(", with {names} down or unknown already"),
        };
        wrong.push(format!(
            "a run begins with its {own} nodes off{also}; `down_at_once` is {limit}"
        ));
    }
    wrong
}

/// Whether the faults at fixed times leave each node within its `cycles_per_hour`: one power
/// cycle for each, besides that at the start and that at the end.
fn cycles(rack: &Inventory, held: &Held, plan: &Plan) -> Vec<String> {
    let own = held.lock();
    let limit = rack.limits.cycles_per_hour;
    let mut wrong = Vec::new();
    for node in nodes(plan) {
        let name = &rack.node(node).name;
        let (recent, _) = own.ledger.recent(name, now());
        let times = strikes(plan, node);
        let within = |from: Time| times.iter().filter(move |at| (from..=from + HOUR).contains(at));
        let worst = times.iter().map(|&from| within(from).count()).max().unwrap_or(0) as u32;
        if recent + worst + 2 > limit {
            wrong.push(format!(
                "{name}: {worst} faults at fixed times within an hour, with start and end and \
                 {recent} times that it was switched off in the last hour, and `cycles_per_hour` \
                 is {limit}"
            ));
        }
    }
    wrong
}

/// When a node is certain to be power-cycled for a fault.
fn strikes(plan: &Plan, node: NodeId) -> Vec<Time> {
    let mut times = Vec::new();
    for rule in &plan.scenario.faults {
        let When::At(at) = rule.when else { continue };
        let is_cycled = match rule.kind().target() {
            Target::Life | Target::Feed => true,
            Target::Switch
            | Target::Link
            | Target::Server
            | Target::Controller
            | Target::Network
            | Target::Memory
            | Target::Resource => false,
        };
        if at > plan.scenario.stop.at || !is_cycled {
            continue;
        }
        let hit = |index| {
            let part = plan.machine.around(rule.radius, Part { kind: rule.on.kind, index });
            plan.machine.nodes_of(part).any(|struck| struck == node)
        };
        times.extend(rule.on.iter().filter(|&index| hit(index)).map(|_| at));
    }
    times
}
