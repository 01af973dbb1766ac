//! A run from its first instant to its last: the nodes off, the controller, and all as it was.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use tokio::runtime::Builder;
use tokio::task::{JoinSet, LocalSet};

use super::boot::BootLog;
use super::nodes::Nodes;
use super::ports::RackActuators;
use super::preflight::own_address;
use super::{now, restore};
use crate::backend::live::failed;
use crate::backend::with_refusals;
use crate::drivers::descriptors;
use crate::drivers::net::Plain;
use crate::drivers::power::Switches;
use crate::drivers::power::held::Held;
use crate::drivers::store::{Folder, Server, Transfer};
use crate::drivers::tls::{CONTROLLER, Credentials, Tls, chance};
use crate::event::{Cause, EndReason, Sink, Stop, What};
use crate::fleet::admission::{Admission, Bounds};
use crate::fleet::agent::Pace;
use crate::fleet::controller;
use crate::fleet::job::Jobs;
use crate::fleet::ports::{Object, Power, PowerState, Store};
use crate::ids::NodeId;
use crate::inventory::{Inventory, power};
use crate::plan::Plan;
use crate::units::Time;

/// Real memory of each rank (64-bit words): 8 KiB, so that an image is worth its checksum.
const WORDS: u32 = 1_024;
/// What an act may take for each node on the same bus. Assumption: a blade of a BitScope bus takes
/// a third of that.
const ACT: Duration = Duration::from_secs(1);

/// Plays a plan, and leaves the rack as it was found.
pub(super) fn play(
    file: &Path,
    rack: &Inventory,
    held: &Held,
    plan: &Plan,
    sink: &mut dyn Sink,
) -> Result<EndReason, Stop> {
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| failed("no runtime", &error))?;
    let ended = catch_unwind(AssertUnwindSafe(|| {
        // All tasks end with this value, and let go of the buses.
        let tasks = LocalSet::new();
        tasks.block_on(&runtime, run(rack, held, plan, sink))
    }));
    drop(runtime);
    let restored = restore(file, rack, held);
    let ended = ended.unwrap_or_else(|panic| resume_unwind(panic));
    match (ended, restored) {
        (ended, Ok(_)) => ended,
        (Ok(_), Err(error)) => Err(Stop::Failed(error.to_string())),
        (Err(stop), Err(error)) => Err(Stop::Failed(format!("{stop}; and {error}"))),
    }
}

async fn run(
    rack: &Inventory,
    held: &Held,
    plan: &Plan,
    sink: &mut dyn Sink,
) -> Result<EndReason, Stop> {
    let inventory = Rc::new(rack.clone());
    let (switches, buses) = Switches::start(inventory.clone());
    let ended = conduct(inventory, switches, held, plan, sink).await;
    // Orders under way are finished, and sessions closed, before others go to the controllers.
    buses.left().await;
    ended
}

async fn conduct(
    inventory: Rc<Inventory>,
    switches: Switches,
    held: &Held,
    plan: &Plan,
    sink: &mut dyn Sink,
) -> Result<EndReason, Stop> {
    let (rack, plan) = (inventory.clone(), Rc::new(plan.clone()));
    darken(&inventory, &switches, held, &plan).await.map_err(|e| failed("switching off", &e))?;
    sink.look(Time::ZERO)?;
    let control = rack.controller.as_ref().expect("the preflight asked for it");
    let path = rack.server.as_ref().and_then(|server| server.path.as_ref());
    let path = path.expect("the preflight asked for it");
    let no_start = |error: io::Error| failed("the controller", &error);
    let credentials = Credentials::read(&control.certificates, CONTROLLER).map_err(no_start)?;
    let below = Plain { own: own_address(control).map_err(no_start)? };
    // Who is refused is counted by the controller.
    let net = Tls::new(below, &credentials, None, Rc::new(|_| {})).map_err(no_start)?;
    let store = Folder::open(path, CONTROLLER, None, Rc::new(|_, _| {})).map_err(no_start)?;
    let nodes = Rc::new(Nodes::new(plan.clone(), BootLog::new(&inventory)));
    let emitter = nodes.clone();
    let on_transfer = move |Transfer { purpose, received, lost, .. }: Transfer| {
        emitter.emit(What::Transfer { purpose, nodes: 1, received, lost });
    };
    let n_nodes = plan.machine.nodes.len();
    let bounds = Bounds::of(n_nodes);
    let bounds = bounds.within(n_nodes, descriptors::raise(bounds.files(n_nodes)));
    let admission = Admission::new(bounds);
    let (own, on_transfer) = (store.clone(), Rc::new(on_transfer));
    let server = Server::start(net.clone(), own, control.store, on_transfer, admission.clone());
    let server = Rc::new(server.await.map_err(no_start)?);
    // A controller that was killed left its memory; this run begins anew.
    store.delete(Object::State, "controller").await.map_err(no_start)?;
    let usual = Pace::for_heartbeat(plan.scenario.controller.heartbeat());
    let setup = controller::Setup {
        port: control.port,
        heartbeats: control.heartbeats,
        words: WORDS,
        pace: Pace { patience: usual.patience + ACT * busiest(&inventory, &plan), ..usual },
        lease: rack.limits.lease,
        chance: chance().map_err(no_start)?,
        sabotage: None,
    };
    let expected = Jobs::expected(&plan, WORDS);
    let done = Rc::new(RefCell::new(BTreeSet::new()));
    let (own, held) = (nodes.clone(), held.clone());
    let actuators = RackActuators { inventory, switches, nodes: own, server, held, done, expected };
    let (power, harm) = (actuators.clone(), actuators.clone());
    let (clock, emitter) = (actuators.clone(), actuators);
    let refused = admission.clone();
    let ports = controller::ControllerPorts { net, power, harm, store, clock, emitter, admission };
    let controller = Box::pin(controller::run(ports, setup, plan));
    let ended = nodes.live.attend(controller, || nodes.read_boots(), sink).await;
    ended.map_err(|stop| with_refusals(stop, refused.refusals(), sink, nodes.now()))
}

/// Notes in which states the nodes are, and switches them off.
async fn darken(rack: &Inventory, switches: &Switches, held: &Held, plan: &Plan) -> io::Result<()> {
    let nodes = (0..plan.machine.nodes.len() as u32).map(NodeId);
    let mut asked = JoinSet::new();
    for node in nodes {
        let switches = switches.clone();
        asked.spawn_local(async move { (node, switches.state(node).await) });
    }
    let mut found = BTreeMap::new();
    while let Some(answer) = asked.join_next().await {
        let (node, state) = answer.map_err(io::Error::other)?;
        found.insert(node, state?);
    }
    let name = |node: NodeId| rack.node(node).name.clone();
    let named = found.iter().map(|(&node, &state)| (name(node), state)).collect();
    let (scenario, seed) = (&plan.scenario.name, plan.scenario.seed);
    held.lock().journal.begin(scenario, seed, named)?;
    let mut at_work = JoinSet::new();
    for (node, _) in found.into_iter().filter(|(_, state)| *state == PowerState::On) {
        held.lock().may_switch_off(rack, node, now())?;
        let switches = switches.clone();
        at_work.spawn_local(async move { switches.off(node, Cause::Course).await });
    }
    while let Some(done) = at_work.join_next().await {
        done.map_err(io::Error::other)??;
    }
    Ok(())
}

/// How many of the plan's nodes hang on the bus that has most of them.
fn busiest(rack: &Inventory, plan: &Plan) -> u32 {
    let mut n_nodes = vec![0; rack.controllers.len()];
    for node in rack.nodes.iter().take(plan.machine.nodes.len()) {
        if let Some(feed) = &node.feed {
            let of = &rack.controllers[feed.controller];
            // What is gathered for a tick is switched together.
            let alone = matches!(of, power::Controller::BitScope(_));
            n_nodes[feed.controller] = if alone { n_nodes[feed.controller] + 1 } else { 1 };
        }
    }
    n_nodes.into_iter().max().unwrap_or(0)
}
