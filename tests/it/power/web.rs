//! The controllers that are asked over HTTP, and what of theirs the suite does not try.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::rc::Rc;
use std::time::Duration;

use rackstorm::drivers::power::Switches;
use rackstorm::drivers::power::fakes::web::{Controller, FailureMode, Protocol, Tls};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::spawn_local;

use super::bench::{Actuators, Ends, Subject, Trick, file, on_one_thread};

/// A controller that listens, and its port.
pub(super) fn listening(protocol: Protocol, tls: Option<Tls>) -> (Controller, u16) {
    let controller = Controller::new(protocol, 1..=4, Rc::new(|_, _| {}));
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.set_nonblocking(true).expect("a socket");
    let port = listener.local_addr().expect("an address").port();
    let listener = TcpListener::from_std(listener).expect("a listener");
    let served = controller.clone();
    spawn_local(async move {
        served.serve(listener, tls).await.expect("it listens");
    });
    (controller, port)
}

pub(super) fn subject(
    folder: TempDir,
    controller: Controller,
    table: String,
    lossy: usize,
) -> Subject {
    let trick = |name, ends, failure_mode| {
        let controller = controller.clone();
        let set = move |on: bool| controller.failure_mode(on.then_some(failure_mode));
        Trick { name, ends, set: Box::new(set) }
    };
    let tricks = vec![
        trick("it hangs", Ends::Failing, FailureMode::Hangs),
        trick("it is slow", Ends::Well, FailureMode::Slow(Duration::from_millis(50))),
        trick("it cuts off", Ends::Failing, FailureMode::CutsOff),
        trick("200 with an error inside", Ends::Failing, FailureMode::Lies),
        trick("it is busy", Ends::Failing, FailureMode::Refuses(503)),
        trick("it obeys nothing", Ends::Failing, FailureMode::Stuck),
        trick("characters are lost", Ends::Failing, FailureMode::Loses(lossy)),
    ];
    let (truth, most) = (controller.clone(), controller);
    Subject {
        folder: Rc::new(folder),
        table,
        is_on: Box::new(move |channel| truth.is_on(channel)),
        tricks,
        is_well: Box::new(move || most.most_at_once() <= 1),
    }
}

fn folder() -> TempDir {
    TempDir::new().expect("a folder")
}

/// The times of LANL's servers, shorter.
const TIMES: &str = "tick = \"20 ms\"\non = \"1 s\"\noff = \"1 s\"\nhung_off = \"2 s\"\n\
                     timeout = \"1 s\"\n";

fn lanl(kind: &str, protocol: Protocol) -> (Controller, Subject) {
    let (controller, port) = listening(protocol, None);
    let table =
        format!("[[power.{kind}]]\nname = \"bus\"\naddress = \"127.0.0.1:{port}\"\n{TIMES}");
    (controller.clone(), subject(folder(), controller, table, 5))
}

pub(crate) fn pipower() -> Subject {
    lanl("pipower", Protocol::PiPower).1
}

pub(crate) fn rfpipower() -> Subject {
    lanl("rfpipower", Protocol::RfPiPower).1
}

/// A board behind TLS with a password.
fn board() -> (Controller, Subject) {
    let tls = Tls::self_signed("turingpi.local").expect("a certificate");
    let fingerprint = tls.fingerprint.clone();
    let (controller, port) = listening(Protocol::TuringPi, Some(tls));
    controller.demand_login("root", "turing");
    let folder = folder();
    write_secret(&folder, "turing\n");
    let table = format!(
        "[[power.turingpi]]\nname = \"bus\"\nurl = \"https://127.0.0.1:{port}\"\n\
         password_file = \"password\"\ncertificate = \"{fingerprint}\"\n\
         follows = \"1 s\"\ntimeout = \"1 s\"\n"
    );
    (controller.clone(), subject(folder, controller, table, 5))
}

pub(crate) fn turingpi() -> Subject {
    board().1
}

pub(super) fn write_secret(folder: &TempDir, password: &str) {
    let file = file(folder, "password");
    fs::write(&file, password).expect("written");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("set");
}

/// What is reported when n1 is to be switched on.
async fn reported(subject: &Subject) -> String {
    let actuators = Actuators(Switches::start(Rc::new(subject.inventory())).0);
    actuators.on(1).await.expect_err("refused").to_string()
}

#[test]
fn orders_of_one_tick_travel_together() {
    on_one_thread(async {
        for (kind, protocol) in [("pipower", Protocol::PiPower), ("rfpipower", Protocol::RfPiPower)]
        {
            let (controller, subject) = lanl(kind, protocol);
            let actuators = Actuators(Switches::start(Rc::new(subject.inventory())).0);
            actuators.on(3).await.expect("switched on");
            let before = controller.asked().len();
            let (one, two, three) =
                tokio::join!(actuators.on(1), actuators.on(2), actuators.off(3));
            one.and(two).and(three).expect("switched");
            let asked = controller.asked().split_off(before);
            let orders: Vec<_> = asked.iter().filter(|line| !line.ends_with("state")).collect();
            let orders: Vec<_> =
                orders.into_iter().filter(|line| !line.contains("\"state\"")).collect();
            let wanted = match protocol {
                Protocol::PiPower => {
                    vec!["GET /nodes/1,2/state/on", "GET /nodes/3/state/off"]
                }
                _ => vec![
                    "PUT /redfish/v1/Systems/C0/Actions/ComputerSystem.Reset \
                     {\"CMD\":\"on\",\"Nodes\":[\"1\",\"2\"]}",
                    "PUT /redfish/v1/Systems/C0/Actions/ComputerSystem.Reset \
                     {\"CMD\":\"off\",\"Nodes\":[\"3\"]}",
                ],
            };
            assert_eq!(orders, wanted);
        }
    });
}

#[test]
fn an_unknown_certificate_is_not_trusted() {
    on_one_thread(async {
        let (controller, mut subject) = board();
        let at = subject.table.find("certificate = \"").expect("a pin") + "certificate = \"".len();
        subject.table.replace_range(at..at + 4, "0000");
        let reported = reported(&subject).await;
        assert!(reported.contains("its certificate is another one"), "{reported}");
        assert_eq!(controller.asked(), Vec::<String>::new());
    });
}

#[test]
fn a_refused_password_is_tried_once() {
    on_one_thread(async {
        let (controller, subject) = board();
        write_secret(&subject.folder, "guess");
        let actuators = Actuators(Switches::start(Rc::new(subject.inventory())).0);
        for _ in 0..3 {
            let reported = actuators.on(1).await.expect_err("refused").to_string();
            assert!(reported.contains("password"), "{reported}");
        }
        assert_eq!(controller.asked().len(), 1);
    });
}

#[test]
fn a_password_that_others_may_read_is_not_used() {
    on_one_thread(async {
        let (controller, subject) = board();
        let file = file(&subject.folder, "password");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).expect("set");
        let reported = reported(&subject).await;
        assert!(reported.contains("others may read it"), "{reported}");
        assert_eq!(controller.asked(), Vec::<String>::new());
    });
}
