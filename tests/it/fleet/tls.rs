//! The protocol over mutual TLS: the same jobs, and those who have no business here.

use std::cell::RefCell;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr};
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use rackstorm::drivers::authority::Authority;
use rackstorm::drivers::net::Plain;
use rackstorm::drivers::tls::{CONTROLLER, Credentials, Tls, name_of};
use rackstorm::event::What;
use rackstorm::fleet::admission::Refusals;
use rackstorm::fleet::ports::{Address, Net, Notice};
use rackstorm::fleet::wire::{self, Message};
use rackstorm::ids::NodeId;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::LocalSet;
use tokio::time::sleep;

use super::{JOB, assert_done, in_memory_over, nothing, with};

const DAY: Duration = Duration::from_secs(86_400);

#[expect(clippy::disallowed_methods, reason = "certificates are valid from a day to a day")]
fn today() -> SystemTime {
    SystemTime::now()
}

/// A rack's certificates, for nodes called `node-0` and so on.
pub(super) struct Rack {
    folder: TempDir,
}

impl Rack {
    pub(super) fn new() -> Self {
        Self::at(today())
    }

    /// Certificates made on some day, for ten days.
    fn at(day: SystemTime) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (authority, made) = Authority::open_at(folder.path(), day).expect("a new authority");
        assert!(made.is_some());
        let own = ["127.0.0.1".to_owned()];
        authority.enrol_controller(&own, 10).expect("a controller");
        for node in 0..5 {
            let host = [format!("node-{node}"), own[0].clone()];
            authority.enrol_nodes(&[NodeId(node)], &host, 10).expect("a node");
        }
        Self { folder }
    }

    /// One that believes in the authority of `of`, and has its own certificates from elsewhere.
    fn impostor_of(of: &Self, own: &Self) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for entry in std::fs::read_dir(own.folder.path()).expect("a folder") {
            let name = entry.expect("readable").file_name();
            let from = if name == "authority.pem" { of } else { own };
            std::fs::copy(from.folder.path().join(&name), folder.path().join(&name))
                .expect("a copy");
        }
        Self { folder }
    }

    /// The network of a node, or of the controller.
    pub(super) fn over<N: Net>(&self, net: N, node: Option<u32>) -> Tls<N> {
        self.over_emitting(net, node, Rc::new(|_| {}))
    }

    fn over_emitting<N: Net>(
        &self,
        net: N,
        node: Option<u32>,
        emitted: Rc<dyn Fn(&std::io::Error)>,
    ) -> Tls<N> {
        let name = node.map_or(CONTROLLER.to_owned(), |node| name_of(NodeId(node)));
        let credentials = Credentials::read(self.folder.path(), &name).expect("they are there");
        let controller = Some(Address::new("controller", 7000));
        Tls::new(net, &credentials, controller, emitted).expect("they belong together")
    }
}

fn crash() -> String {
    with("[[fault.crash]]\non = \"node[3]\"\nat = \"48 s\"\nrepair = \"power-cycle\"")
}

#[test]
fn over_tls_a_job_that_loses_a_node_goes_on_with_the_spare() {
    let rack = Rack::new();
    let (actuators, ends) =
        in_memory_over(&crash(), move |wires, node| rack.over(wires, node), nothing);
    assert_done(&actuators, &ends);
    assert_eq!(actuators.0.count(|what| matches!(what, What::WorkLost { .. })), 1);
    assert_eq!(actuators.0.joins(2), [1, 2]);
}

#[test]
fn over_tls_a_controller_that_is_restarted_forgets_nothing() {
    let rack = Rack::new();
    let (actuators, ends) = in_memory_over(
        &crash(),
        move |wires, node| rack.over(wires, node),
        |actuators, _| async move {
            sleep(Duration::from_secs(60)).await;
            actuators.0.pause.set(Duration::from_secs(2));
            actuators.0.stop.notify_one();
        },
    );
    assert_done(&actuators, &ends);
    assert_eq!(actuators.0.count(|what| matches!(what, What::FaultStrikes { .. })), 1);
}

#[test]
fn over_tls_nobody_joins_without_the_proof_of_that_very_node() {
    let rack = Rc::new(Rack::new());
    let own = rack.clone();
    let (actuators, ends) = in_memory_over(
        JOB,
        move |wires, node| own.over(wires, node),
        move |_, wires| async move {
            sleep(Duration::from_secs(30)).await;
            let stranger = Rack::impostor_of(&rack, &Rack::new());
            let past = Authority::open_at(rack.folder.path(), today() - DAY * 20);
            let (past, _) = past.expect("the rack's own authority");
            past.enrol_nodes(&[NodeId(8)], &[], 10).expect("a node whose time is over");
            let mallory = wires.of("mallory");
            let to = Address::new("controller", 7000);
            let peers = Address::new("mallory", 1);
            let join = |serial, life| {
                let peers = peers.clone();
                let (session, datagrams, abilities) = (None, 0, vec![]);
                Message::Join { serial, life, session, peers, datagrams, abilities }
            };
            let join = |serial, life| wire::frame(&join(serial, life));
            let mut plain = mallory.connect(&to).await.expect("anybody may connect");
            plain.write_all(&join(2, 2)).await.expect("anybody may write");
            let mut held = Vec::new();
            // Of another authority; out of date; node 4 as node 2; and node 4's own mistakes.
            for (rack, node, bytes) in [
                (&stranger, 4, join(2, 2)),
                (&*rack, 8, join(2, 2)),
                (&*rack, 4, join(2, 2)),
                (&*rack, 4, join(4, 0)),
                (&*rack, 4, vec![0, 0, 0, 2, 0, b'{']),
                (&*rack, 4, b"GET / HTTP/1.1\r\n\r\n".to_vec()),
                (&*rack, 4, vec![]),
            ] {
                let mallory = rack.over(mallory.clone(), Some(node));
                let mut stream = mallory.connect(&to).await.expect("anybody may connect");
                let _ = stream.write_all(&bytes).await;
                let _ = stream.flush().await;
                held.push(stream);
            }
            sleep(Duration::from_secs(60)).await;
            drop((plain, held));
        },
    );
    assert_done(&actuators, &ends);
    let notices = actuators.0.notices.borrow();
    assert!(!notices.iter().any(|notice| matches!(notice, Notice::Silent { .. })));
    let expected = Refusals {
        length: 1,
        version: 1,
        silent: 1,
        replayed: 1,
        unproven: 3,
        impostor: 1,
        ..Refusals::default()
    };
    assert_eq!(actuators.0.admission.refusals(), expected);
}

/// What a node's agent says to whoever answers at the controller's address, and why it refuses.
async fn calls(host: &Rack, controller: impl Net) -> (Result<usize, ErrorKind>, String) {
    let plain = Plain { own: IpAddr::V4(Ipv4Addr::LOCALHOST) };
    let mut listener = controller.listen(0).await.expect("a listener");
    let port = port_of(&controller, &listener);
    let server = controller.clone();
    let task = tokio::task::spawn_local(async move {
        let mut stream = server.accept(&mut listener).await.expect("somebody comes");
        let mut buffer = [0; 64];
        let _ = stream.read(&mut buffer).await;
        let _ = stream.write_all(b"welcome").await;
        let _ = stream.flush().await;
        sleep(Duration::from_secs(1)).await;
    });
    let why = Rc::new(RefCell::new(String::new()));
    let into = why.clone();
    let credentials = Credentials::read(host.folder.path(), "pi1").expect("they are there");
    let address = Address::new("127.0.0.1", port);
    let emitted = Rc::new(move |error: &std::io::Error| *into.borrow_mut() = error.to_string());
    let agent = Tls::new(plain, &credentials, Some(address.clone()), emitted).expect("a network");
    let mut stream = agent.connect(&address).await.expect("anybody may connect");
    let _ = stream.write_all(b"join").await;
    let _ = stream.flush().await;
    let mut buffer = [0; 64];
    let read = stream.read(&mut buffer).await.map_err(|error| error.kind());
    task.abort();
    let why = why.borrow().clone();
    (read, why)
}

fn port_of<N: Net>(_: &N, listener: &N::Listener) -> u16 {
    N::port(listener).expect("it has a port")
}

#[test]
fn an_agent_speaks_to_nobody_but_the_controller_of_its_own_rack() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    LocalSet::new().block_on(&runtime.expect("a runtime"), async {
        let plain = Plain { own: IpAddr::V4(Ipv4Addr::LOCALHOST) };
        let (rack, stranger) = (Rack::new(), Rack::new());
        let old = Rack::at(today() - DAY * 20);
        assert_eq!(calls(&rack, rack.over(plain, None)).await, (Ok(7), String::new()));
        let refused = |(read, why): (Result<usize, ErrorKind>, String), word: &str| {
            assert_eq!(read, Err(ErrorKind::InvalidData), "{why}");
            assert!(why.contains(word), "{why}");
        };
        refused(calls(&rack, stranger.over(plain, None)).await, "invalid peer certificate");
        refused(calls(&rack, rack.over(plain, Some(1))).await, "not valid for name");
        refused(calls(&rack, plain).await, "corrupt message");
        refused(calls(&old, old.over(plain, None)).await, "expired");
        // The controller refuses the agent: in TLS 1.3 the agent hears of it when it reads.
        let late = Rack::impostor_of(&rack, &stranger);
        refused(calls(&late, rack.over(plain, None)).await, "received fatal alert");
    });
}

#[test]
fn a_key_is_a_secret_and_is_never_written_over() {
    use std::os::unix::fs::PermissionsExt;
    let rack = Rack::new();
    let path = rack.folder.path();
    for name in ["authority", "controller", "pi1"] {
        let facts = std::fs::metadata(path.join(format!("{name}.key"))).expect("a key");
        assert_eq!(facts.permissions().mode() & 0o777, 0o600, "{name}");
    }
    let before = std::fs::read(path.join("pi1.key")).expect("a key");
    let (authority, made) = Authority::open(path).expect("it is there");
    assert!(made.is_none());
    let error = authority.enrol_nodes(&[NodeId(7), NodeId(0)], &[], 10).expect_err("pi1 is there");
    assert!(error.to_string().contains("pi1.key"), "{error}");
    assert!(!path.join("pi8.key").exists(), "nothing was enrolled");
    assert_eq!(std::fs::read(path.join("pi1.key")).expect("a key"), before);
    let open = std::fs::Permissions::from_mode(0o640);
    std::fs::set_permissions(path.join("pi1.key"), open).expect("the mode is ours");
    let error = Credentials::read(path, "pi1").expect_err("others may read it");
    assert!(error.to_string().contains("chmod 600"), "{error}");
}
