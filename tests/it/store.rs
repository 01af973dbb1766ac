//! Checkpoints at a file server: over loopback TCP, with real certificates.

use std::cell::RefCell;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use rackstorm::drivers::authority::Authority;
use rackstorm::drivers::net::Plain;
use rackstorm::drivers::store::{Folder, Remote, Server, Transfer};
use rackstorm::drivers::tls::{CONTROLLER, Credentials, Tls, name_of};
use rackstorm::event::Purpose;
use rackstorm::fleet::admission::{Admission, Bounds, Refusals};
use rackstorm::fleet::ports::{Address, Net, Object, Store};
use rackstorm::ids::NodeId;
use rackstorm::units::Bytes;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{LocalSet, spawn_local};

use crate::program::walk;

const DATA: Object = Object::Checkpoint;
const NAME: &str = "job-0/checkpoint-3/seat-1";
/// Longer than anything that is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

const OWN: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// A rack's certificates, its file server, and what that reported.
struct Rack {
    folder: TempDir,
    server: Server,
    admission: Admission,
    reported: Rc<RefCell<Vec<Transfer>>>,
}

/// Few, so that a crowd need not be large.
const BOUNDS: Bounds = Bounds { unproven: 40, per_address: 40, callers: 4 };

/// Certificates of a controller and two nodes.
fn enrol(folder: &Path) {
    let (authority, _) = Authority::open(folder).expect("a new authority");
    let host = [OWN.to_string()];
    authority.enrol_controller(&host, 10).expect("a controller");
    authority.enrol_nodes(&[NodeId(0), NodeId(1)], &host, 10).expect("nodes");
}

/// The network of whoever has this name, to whom `controller` is at this address.
fn net(certificates: &Path, name: &str, controller: Option<Address>) -> Tls<Plain> {
    let credentials = Credentials::read(certificates, name).expect("they are there");
    Tls::new(Plain { own: OWN }, &credentials, controller, Rc::new(|_| {})).expect("they fit")
}

impl Rack {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        enrol(&folder.path().join("certificates"));
        let reported = Rc::<RefCell<Vec<Transfer>>>::default();
        let into = reported.clone();
        let report = move |transfer| into.borrow_mut().push(transfer);
        let own = net(&folder.path().join("certificates"), CONTROLLER, None);
        let store = Folder::open(&folder.path().join("store"), CONTROLLER, None, quiet());
        let store = store.expect("a store");
        let admission = Admission::new(BOUNDS);
        let server = Server::start(own, store, 0, Rc::new(report), admission.clone()).await;
        Self { folder, server: server.expect("a free port"), admission, reported }
    }

    fn at(&self) -> Address {
        Address::new(OWN.to_string(), self.server.port())
    }

    /// The store of a node that reaches the server at some address.
    fn node_at(&self, node: u32, at: Address) -> Remote<Tls<Plain>> {
        let certificates = self.folder.path().join("certificates");
        self.caller(&certificates, node, node, at)
    }

    fn node(&self, node: u32) -> Remote<Tls<Plain>> {
        self.node_at(node, self.at())
    }

    /// The store of a node with these certificates, that says it is another one.
    fn caller(&self, certificates: &Path, node: u32, says: u32, at: Address) -> Remote<Tls<Plain>> {
        let name = name_of(NodeId(node));
        let net = net(certificates, &name, Some(at.clone()));
        let own = Folder::open(&self.folder.path().join("card"), &name, None, quiet());
        Remote::new(net, at, NodeId(says), own.expect("a card"), Rc::new(|_| {}))
    }

    /// A connection of node 1, and the first answer to a request over it.
    async fn ask(&self, what: &Value) -> (impl AsyncRead + AsyncWrite + Unpin + use<>, Value) {
        let certificates = self.folder.path().join("certificates");
        let net = net(&certificates, "pi1", Some(self.at()));
        let mut stream = net.connect(&self.at()).await.expect("it listens");
        let body = what.to_string();
        stream.write_u32(body.len() as u32).await.expect("it is sent");
        stream.write_all(body.as_bytes()).await.expect("it is sent");
        let reply = hear(&mut stream).await;
        (stream, reply)
    }

    /// What was reported, once there is something.
    async fn reported(&self) -> Vec<Transfer> {
        until("nothing is reported", || !self.reported.borrow().is_empty()).await;
        self.reported.take()
    }

    /// Files of checkpoints, half-written ones included.
    fn files(&self) -> Vec<String> {
        let mut names = Vec::new();
        walk(&self.folder.path().join("store"), &mut |path| {
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            names.extend(path.is_file().then_some(name));
        });
        names
    }
}

fn quiet() -> Rc<dyn Fn(Purpose, Bytes)> {
    Rc::new(|_, _| {})
}

fn put(name: &str, size: u64, sum: &str, declared: u64) -> Value {
    let content = json!({ "size": size, "sum": sum });
    let what = json!({ "put": { "content": content, "declared": declared } });
    json!({ "node": 0, "name": name, "what": what })
}

async fn hear(from: &mut (impl AsyncRead + Unpin)) -> Value {
    let length = from.read_u32().await.expect("an answer");
    let mut body = vec![0; length as usize];
    from.read_exact(&mut body).await.expect("a whole answer");
    serde_json::from_slice(&body).expect("JSON")
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let waits = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, waits).await.is_ok(), "{what}");
}

fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let bounded = async { tokio::time::timeout(PATIENCE, test).await.expect("it ends") };
    LocalSet::new().block_on(&runtime.expect("a runtime"), bounded);
}

#[test]
fn what_a_node_puts_another_gets_until_it_is_deleted() {
    run(async {
        let rack = Rack::new().await;
        let (first, second) = (rack.node(0), rack.node(1));
        for data in [vec![7; 300_000], vec![], b"another".to_vec()] {
            first.put(DATA, NAME, data.clone(), Bytes(0)).await.expect("put");
            let got = second.get(DATA, NAME, Bytes(0)).await.expect("got");
            assert!(got == Some(data));
        }
        second.delete(DATA, NAME).await.expect("deleted");
        assert_eq!(first.get(DATA, NAME, Bytes(1_000)).await.expect("an answer"), None);
        assert!(rack.reported.take().is_empty(), "nothing was declared");
    });
}

#[test]
fn a_card_stays_on_its_node() {
    run(async {
        let rack = Rack::new().await;
        let card = Object::Card;
        rack.node(0).put(card, NAME, vec![1], Bytes(0)).await.expect("put");
        let got = [
            rack.node(0).get(card, NAME, Bytes(0)).await,
            rack.node(1).get(card, NAME, Bytes(0)).await,
        ];
        assert_eq!(got.map(|got| got.expect("got")), [Some(vec![1]), None]);
        assert!(rack.files().is_empty());
    });
}

/// Between the two stands somebody who counts.
#[test]
fn declared_bytes_really_travel_both_ways_and_only_data_are_kept() {
    run(async {
        let rack = Rack::new().await;
        let listener = TcpListener::bind((OWN, 0)).await.expect("a free port");
        let at = Address::new(OWN.to_string(), listener.local_addr().expect("a port").port());
        let server = rack.at();
        let counted = spawn_local(async move {
            let mut moved = Vec::new();
            for _ in 0..2 {
                let (mut from, _) = listener.accept().await.expect("a caller");
                let to = TcpStream::connect((OWN, server.port)).await;
                let mut to = to.expect("it listens");
                // Who ends without a last word of TLS ends all the same.
                let bytes = tokio::io::copy_bidirectional(&mut from, &mut to).await;
                moved.push(bytes.expect("both end in peace"));
            }
            moved
        });
        let node = rack.node_at(1, at);
        let declared = Bytes(20_000_000);
        node.put(DATA, NAME, vec![9; 8_192], declared).await.expect("put");
        let got = node.get(DATA, NAME, declared).await.expect("got");
        assert_eq!(got.map(|data| data.len()), Some(8_192));
        let moved = counted.await.expect("they are counted");
        for bytes in [moved[0].0, moved[1].1] {
            assert!((declared.0..declared.0 + declared.0 / 50).contains(&bytes), "{moved:?}");
        }
        for bytes in [moved[0].1, moved[1].0] {
            assert!(bytes < 40_000, "receipts are short: {moved:?}");
        }
        let whole =
            |purpose| Transfer { node: NodeId(1), purpose, received: declared, lost: Bytes(0) };
        assert_eq!(rack.reported().await, [whole(Purpose::Checkpoint), whole(Purpose::Restart)]);
        assert_eq!(rack.files(), [NAME.replace('/', "+")]);
    });
}

#[test]
fn data_that_are_not_what_was_said_of_them_are_refused_and_leave_what_was_there() {
    run(async {
        let rack = Rack::new().await;
        rack.node(0).put(DATA, NAME, vec![1, 2, 3], Bytes(0)).await.expect("put");
        let (mut stream, reply) = rack.ask(&put(NAME, 3, &"0".repeat(64), 100)).await;
        assert_eq!(reply, json!("ready"));
        stream.write_all(&[9; 100]).await.expect("it is sent");
        assert_eq!(stream.read_u8().await.expect("a receipt"), 6);
        let reply = hear(&mut stream).await;
        assert_eq!(reply, json!({ "refused": "the data are not those of their sum" }));
        let lost = Bytes(100);
        let (node, purpose, received) = (NodeId(0), Purpose::Checkpoint, Bytes(0));
        assert_eq!(rack.reported().await, [Transfer { node, purpose, received, lost }]);

        let (mut short, reply) = rack.ask(&put(NAME, 3, &"0".repeat(64), 100)).await;
        assert_eq!(reply, json!("ready"));
        short.write_all(&[9; 40]).await.expect("it is sent");
        short.shutdown().await.expect("it is closed");
        drop(short);
        assert_eq!(rack.reported().await[0].lost, Bytes(40));
        let got = rack.node(1).get(DATA, NAME, Bytes(0)).await.expect("got");
        assert_eq!((got, rack.files().len()), (Some(vec![1, 2, 3]), 1));
        let refusals = Refusals { unasked: 1, ..Refusals::default() };
        assert_eq!(rack.admission.refusals(), refusals, "who breaks off is not refused");
    });
}

#[test]
fn nobody_gets_in_who_is_not_of_the_rack_or_asks_in_anothers_name() {
    run(async {
        let rack = Rack::new().await;
        rack.node(0).put(DATA, NAME, vec![1], Bytes(0)).await.expect("put");
        let other = tempfile::tempdir().expect("a temporary folder");
        enrol(other.path());
        let own = rack.folder.path().join("certificates");
        std::fs::copy(own.join("authority.pem"), other.path().join("authority.pem"))
            .expect("a copy");
        let stranger = rack.caller(other.path(), 0, 0, rack.at());
        assert!(stranger.get(DATA, NAME, Bytes(0)).await.is_err());
        let impostor = rack.caller(&own, 0, 1, rack.at());
        let error = impostor.get(DATA, NAME, Bytes(0)).await.expect_err("it is pi1, not pi2");
        assert_eq!(error.kind(), ErrorKind::PermissionDenied);
        assert!(error.to_string().contains("somebody else"), "{error}");
        let mut plain = TcpStream::connect((OWN, rack.server.port())).await.expect("it listens");
        plain.write_all(b"GET / HTTP/1.1\r\n\r\n").await.expect("it is sent");
        let mut answer = Vec::new();
        let _ = plain.read_to_end(&mut answer).await;
        assert!(!answer.starts_with(b"HTTP"), "an alert of TLS, if anything: {answer:?}");
        let expected = Refusals { unproven: 2, impostor: 1, ..Refusals::default() };
        until("all are counted", || rack.admission.refusals() == expected).await;
    });
}

#[test]
fn silent_callers_do_not_hold_up_the_checkpoint_store() {
    run(async {
        let rack = Rack::new().await;
        let mut silent = Vec::new();
        for _ in 0..5 * BOUNDS.unproven {
            let at = (OWN, rack.server.port());
            silent.push(TcpStream::connect(at).await.expect("it listens"));
        }
        rack.node(0).put(DATA, NAME, vec![1], Bytes(10)).await.expect("put");
        let got = rack.node(1).get(DATA, NAME, Bytes(10)).await.expect("got");
        assert_eq!(got, Some(vec![1]));
        let crowded = rack.admission.refusals().crowded;
        assert!(crowded >= 4 * BOUNDS.unproven as u64, "{crowded}");
        assert!(rack.admission.n_unproven() <= BOUNDS.unproven);
    });
}

/// A node whose certificate is in order is no file server.
#[test]
fn a_node_takes_nobody_but_the_controller_for_its_file_server() {
    run(async {
        let rack = Rack::new().await;
        let certificates = rack.folder.path().join("certificates");
        let store = Folder::open(&rack.folder.path().join("false"), "pi2", None, quiet());
        let net = net(&certificates, "pi2", None);
        let reported = Rc::new(|_| {});
        let (store, admission) = (store.expect("a store"), rack.admission.clone());
        let false_one = Server::start(net, store, 0, reported, admission).await.expect("a port");
        let at = Address::new(OWN.to_string(), false_one.port());
        assert!(rack.node_at(0, at).put(DATA, NAME, vec![1], Bytes(0)).await.is_err());
    });
}

#[test]
fn names_that_lead_out_and_sizes_beyond_all_measure_are_refused_before_anything_travels() {
    run(async {
        let rack = Rack::new().await;
        for name in ["../x", "/etc/passwd", "", ".x", "a/../../x", &"x".repeat(300)] {
            for what in [
                put(name, 1, "", 1)["what"].clone(),
                json!("delete"),
                json!({ "get": { "declared": 1 } }),
            ] {
                let (_, reply) = rack.ask(&json!({ "node": 0, "name": name, "what": what })).await;
                assert_eq!(reply, json!({ "refused": "a name that no object may have" }), "{name}");
            }
        }
        let (_, reply) = rack.ask(&put(NAME, 1 << 40, "", 1)).await;
        assert_eq!(reply, json!({ "refused": "more data than an object may have" }));
        assert_eq!(rack.admission.refusals(), Refusals { unasked: 19, ..Refusals::default() });
        assert!(rack.files().is_empty() && rack.reported.take().is_empty());
    });
}

#[test]
fn a_server_that_is_lost_in_the_middle_of_a_put_breaks_it_off_and_takes_it_when_it_is_back() {
    run(async {
        let rack = Rack::new().await;
        let (mut stream, reply) = rack.ask(&put(NAME, 0, "", 1 << 40)).await;
        assert_eq!(reply, json!("ready"));
        stream.write_all(&vec![0; 64 << 10]).await.expect("it is sent");
        assert_eq!(stream.read_u8().await.expect("a receipt"), 6);
        rack.server.pause();
        rack.server.pause();
        let mut end = [0];
        assert!(!matches!(stream.read(&mut end).await, Ok(1)), "the connection is broken");
        let reported = rack.reported().await;
        assert_eq!((reported[0].received, reported[0].lost), (Bytes(0), Bytes(64 << 10)));
        let node = rack.node(0);
        let error = node.put(DATA, NAME, vec![1], Bytes(10)).await.expect_err("it is shut");
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused, "{error}");
        assert!(rack.files().is_empty() && rack.reported.take().is_empty());
        rack.server.resume();
        while node.put(DATA, NAME, vec![1], Bytes(10)).await.is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(rack.reported().await[0].received, Bytes(10));
    });
}

/// Shut and opened within one instant, it has forgotten all the same.
#[test]
fn even_the_shortest_loss_breaks_what_is_under_way() {
    run(async {
        let rack = Rack::new().await;
        let (mut stream, _) = rack.ask(&put(NAME, 0, "", 1 << 40)).await;
        rack.server.pause();
        rack.server.resume();
        assert!(!matches!(stream.read(&mut [0]).await, Ok(1)), "the connection is broken");
        let node = rack.node(0);
        while node.put(DATA, NAME, vec![1], Bytes(10)).await.is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
}

#[test]
fn a_server_that_ends_in_the_middle_leaves_no_half_object() {
    run(async {
        let rack = Rack::new().await;
        let (mut stream, _) = rack.ask(&put(NAME, 1_000, "", 1 << 40)).await;
        stream.write_all(&vec![0; 64 << 10]).await.expect("it is sent");
        assert_eq!(stream.read_u8().await.expect("a receipt"), 6);
        let Rack { folder, server, reported, .. } = rack;
        drop(server);
        assert!(!matches!(stream.read(&mut [0]).await, Ok(1)), "the connection is broken");
        until("it is reported", || !reported.borrow().is_empty()).await;
        assert_eq!(reported.borrow()[0].lost, Bytes(64 << 10));
        let left = std::fs::read_dir(folder.path().join("store/checkpoints")).expect("a folder");
        assert_eq!(left.count(), 0);
    });
}

/// The node gives its put up, or loses its power: both look the same from here.
#[test]
fn a_put_that_is_dropped_half_way_is_reported_with_what_was_lost() {
    run(async {
        let rack = Rack::new().await;
        let node = rack.node(1);
        let put = node.put(DATA, NAME, vec![5; 100_000], Bytes(1 << 40));
        let ended = tokio::time::timeout(Duration::from_secs(1), put).await;
        assert!(ended.is_err(), "a terabyte takes longer");
        let reported = rack.reported().await;
        assert_eq!((reported[0].node, reported[0].received), (NodeId(1), Bytes(0)));
        assert!(rack.files().is_empty());
    });
}
