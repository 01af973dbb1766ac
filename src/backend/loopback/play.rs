//! A run from its first instant to its last: the controller, the agents' processes, and the sink.

use std::cell::RefCell;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::rc::Rc;

use tokio::task::LocalSet;

use super::nodes::Nodes;
use super::ports::ProcessActuators;
use crate::backend::live::failed;
use crate::backend::with_refusals;
use crate::drivers::agents::Start;
use crate::drivers::descriptors;
use crate::drivers::net::Plain;
use crate::drivers::scratch::Scratch;
use crate::drivers::store::{Folder, StorePlace};
use crate::drivers::tls::{CONTROLLER, Credentials, Tls, chance};
use crate::event::{EndReason, Sink, Stop};
use crate::fleet::admission::{Admission, Bounds};
use crate::fleet::agent::Pace;
use crate::fleet::controller;
use crate::fleet::job::Jobs;
use crate::fleet::ports::{Address, Net, Notice};
use crate::plan::Plan;
use crate::units::{Span, Time};

/// Where controller and agents listen.
const OWN: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// Real memory of each rank (64-bit words): 8 KiB, so that an image is worth its checksum.
const WORDS: u32 = 1_024;
/// How long an agent that hangs may sleep after its time: longer than a run, with which it ends.
const LEASE: Span = Span::from_secs(86_400);

/// Plays a plan with agents of this program.
pub(super) fn play(
    plan: &Plan,
    program: &Path,
    sink: &mut dyn Sink,
    notices: &mut Vec<(Time, Notice)>,
) -> Result<EndReason, Stop> {
    let no_scratch = |error: io::Error| failed("no temporary folder for the run", &error);
    let n_nodes = plan.machine.nodes.len();
    // Dropped last, when no agent and no thread of the runtime writes any more.
    let scratch = Scratch::with_certificates(n_nodes as u32, &OWN.to_string());
    let scratch = Rc::new(scratch.map_err(no_scratch)?);
    let bounds = Bounds::of(n_nodes);
    let bounds = bounds.within(n_nodes, descriptors::raise(bounds.files(n_nodes)));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| failed("no runtime", &error))?;
    let noted = Rc::new(RefCell::new(Vec::new()));
    // All tasks, and with them all agents, end with this value.
    let tasks = LocalSet::new();
    let admission = Admission::new(bounds);
    let run = run(plan, program, sink, noted.clone(), (scratch.clone(), admission));
    let ended = tasks.block_on(&runtime, run);
    drop(tasks);
    drop(runtime);
    notices.append(&mut noted.borrow_mut());
    ended
}

async fn run(
    plan: &Plan,
    program: &Path,
    sink: &mut dyn Sink,
    notices: Rc<RefCell<Vec<(Time, Notice)>>>,
    (scratch, admission): (Rc<Scratch>, Admission),
) -> Result<EndReason, Stop> {
    let host = OWN.to_string();
    let no_scratch = |error: io::Error| failed("the run's temporary folder", &error);
    let certificates = Credentials::read(&scratch.certificates(), CONTROLLER);
    let store = Folder::open(&scratch.store(), CONTROLLER, None, Rc::new(|_, _| {}));
    let below = Plain { own: OWN };
    let no_start = |error: io::Error| failed("the controller", &error);
    let (port, heartbeats) = free_ports(below).await.map_err(no_start)?;
    // Who is refused is counted by the controller.
    let net = Tls::new(below, &certificates.map_err(no_scratch)?, None, Rc::new(|_| {}));
    let setup = controller::Setup {
        port,
        heartbeats,
        words: WORDS,
        pace: Pace::for_heartbeat(plan.scenario.controller.heartbeat()),
        lease: LEASE,
        chance: chance().map_err(no_start)?,
        sabotage: None,
    };
    let start = Start {
        program: program.to_owned(),
        controller: Address::new(host.clone(), port),
        heartbeats: Address::new(host, heartbeats),
        store: StorePlace::Folder { path: scratch.store(), rate: None },
        harmless: false,
        scratch,
    };
    let plan = Rc::new(plan.clone());
    let nodes = Rc::new(Nodes::new(plan.clone(), start));
    let expected = Jobs::expected(&plan, WORDS);
    let actuators = ProcessActuators { nodes: nodes.clone(), notices, expected };
    let ports = controller::ControllerPorts {
        net: net.map_err(no_start)?,
        power: actuators.clone(),
        harm: actuators.clone(),
        store: store.map_err(no_scratch)?,
        clock: actuators.clone(),
        emitter: actuators,
        admission: admission.clone(),
    };
    let controller = Box::pin(controller::run(ports, setup, plan));
    let ended = nodes.live.attend(controller, || nodes.reap(), sink).await;
    ended.map_err(|stop| with_refusals(stop, admission.refusals(), sink, nodes.now()))
}

/// Two ports that nobody has now.
async fn free_ports(net: Plain) -> io::Result<(u16, u16)> {
    let (listener, socket) = (net.listen(0).await?, net.bind(0).await?);
    Ok((Plain::port(&listener)?, Plain::datagram_port(&socket)?))
}
