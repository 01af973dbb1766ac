//! Agents whose checkpoints travel to the controller's file server, over real TCP and TLS.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use rackstorm::drivers::authority::Authority;
use rackstorm::drivers::net::Plain;
use rackstorm::drivers::store::{Folder, Remote, Server};
use rackstorm::drivers::tls::{CONTROLLER, Credentials, Tls, name_of};
use rackstorm::event::{CheckpointAct, Purpose, What};
use rackstorm::fleet::controller;
use rackstorm::fleet::ports::Address;
use rackstorm::ids::NodeId;
use rackstorm::units::Bytes;
use tokio::task::LocalSet;
use tokio::time::{Instant, sleep};

use super::rack::{World, plan};
use super::{assert_done, free_ports, with};

const OWN: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// What each image is declared to be; its data are some hundred bytes.
const DECLARED: Bytes = Bytes(1_000_000);

/// The job of the neighbours, in steps of 50 ms.
fn text() -> String {
    with("[[fault.crash]]\non = \"node[3]\"\nat = \"3 s\"\nrepair = \"power-cycle\"")
        .replace("detect = \"4 s\"", "detect = \"1 s\"")
        .replace("\"5 s\"", "\"50 ms\"")
        .replace("\"200 s\"", "\"5 s\"")
        .replace("\"20 s\"", "\"400 ms\"")
        .replace("\"2000 s\"", "\"120 s\"")
        .replace("\"10 MB\"", "\"1 MB\"")
}

/// The network of a node, or of the controller, to which `controller` is at this address.
fn net(certificates: &Path, node: Option<u32>, controller: Option<&Address>) -> Tls<Plain> {
    let name = node.map_or(CONTROLLER.to_owned(), |node| name_of(NodeId(node)));
    let credentials = Credentials::read(certificates, &name).expect("they are there");
    let own = Plain { own: OWN };
    Tls::new(own, &credentials, controller.cloned(), Rc::new(|_| {})).expect("they fit")
}

fn is_commit(what: &What) -> bool {
    matches!(what, What::Checkpoint { act: CheckpointAct::Commit, .. })
}

/// A node is lost, and for a while the file server; images are read back, and the sum is right.
#[test]
fn images_at_a_file_server_survive_it_and_the_nodes() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (authority, _) = Authority::open(folder.path()).expect("a new authority");
    let host = OWN.to_string();
    authority.enrol_controller(std::slice::from_ref(&host), 10).expect("a controller");
    let nodes: Vec<_> = (0..5).map(NodeId).collect();
    authority.enrol_nodes(&nodes, std::slice::from_ref(&host), 10).expect("nodes");
    let certificates = folder.path().to_owned();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let (actuators, ends) = LocalSet::new().block_on(&runtime.expect("a runtime"), async move {
        let (control, heartbeats) = free_ports(Plain { own: OWN }).await;
        let controller = (Address::new(&host, control), Address::new(&host, heartbeats));
        let (to, of, start) = (controller.0.clone(), certificates.clone(), Instant::now());
        let actuators = World::actuators(
            plan(&text()),
            controller,
            move |node| (net(&of, Some(node), Some(&to)), OWN.to_string()),
            |_, _| {},
            move || start.elapsed().as_nanos() as u64,
        );
        let own = net(&certificates, None, None);
        let emitted = actuators.clone();
        let emit = Rc::new(move |transfer: rackstorm::drivers::store::Transfer| {
            let (purpose, received, lost) = (transfer.purpose, transfer.received, transfer.lost);
            let what = What::Transfer { purpose, nodes: 1, received, lost };
            emitted.0.emitted.borrow_mut().push(what);
        });
        let admission = actuators.0.admission.clone();
        let server = Server::start(own.clone(), actuators.clone(), 0, emit, admission).await;
        let server = server.expect("a port");
        let at = Address::new(&host, server.port());
        *actuators.0.remote.borrow_mut() = Some(Box::new(move |node| {
            let card = certificates.join(format!("card-{node}"));
            let card = Folder::open(&card, "own", None, Rc::new(|_, _| {})).expect("a card");
            let net = net(&certificates, Some(node), Some(&at));
            Remote::new(net, at.clone(), NodeId(node), card, Rc::new(|_| {}))
        }));
        tokio::task::spawn_local(actuators.clone().boot());
        let world = actuators.clone();
        tokio::task::spawn_local(async move {
            while world.0.count(is_commit) == 0 {
                sleep(Duration::from_millis(5)).await;
            }
            server.pause();
            sleep(Duration::from_millis(1_200)).await;
            server.resume();
            std::future::pending::<()>().await;
        });
        let (ports, plan) = (actuators.ports(own), actuators.0.plan.clone());
        let end = controller::run(ports, actuators.setup(), plan).await;
        (actuators, vec![end.expect("the controller listens")])
    });
    assert_done(&actuators, &ends);
    assert_eq!(actuators.0.count(|what| matches!(what, What::WorkLost { .. })), 1);
    let whole = |wanted| {
        actuators.0.count(|what| match what {
            What::Transfer { purpose, received, .. } => *purpose == wanted && *received == DECLARED,
            _ => false,
        })
    };
    assert!(whole(Purpose::Checkpoint) >= 8, "two checkpoints of four seats at least");
    assert!(whole(Purpose::Restart) >= 4, "a restart of four seats");
    let bytes = |what: &What| match what {
        What::Transfer { received, .. } => *received != Bytes(0) && *received != DECLARED,
        _ => false,
    };
    assert_eq!(actuators.0.count(bytes), 0, "a transfer is whole or lost");
}
