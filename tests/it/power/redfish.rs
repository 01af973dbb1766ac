//! Redfish as real services speak it: success sent as an error, redirects, sessions, certificates.

use std::path::Path;
use std::rc::Rc;

use rackstorm::drivers::power::Switches;
use rackstorm::drivers::power::fakes::web::{Controller, FailureMode, Protocol, Tls};
use rackstorm::fleet::ports::PowerState;
use rackstorm::ids::NodeId;
use tempfile::TempDir;
use tokio_rustls::rustls::SupportedProtocolVersion;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::version::{TLS12, TLS13};

use super::bench::{Actuators, Ends, Subject, Trick, on_one_thread};
use super::web::{listening, subject, write_secret};
use crate::program::root;

/// The service of the suite; besides what goes wrong everywhere there are the manners of some.
pub(crate) fn redfish() -> Subject {
    let (controller, subject) = service(None, "");
    let failure_mode = [
        ("success reported as an error, as by an iLO 4", Ends::Well, FailureMode::Praises),
        ("a page of HTML", Ends::Well, FailureMode::Page),
        ("done, but reported as a failure", Ends::Well, FailureMode::Grumbles),
        ("resets at another path", Ends::Well, FailureMode::Elsewhere),
        ("redirects with 301", Ends::Well, FailureMode::Redirects(301)),
        ("redirects with 302", Ends::Well, FailureMode::Redirects(302)),
        ("redirects with 307", Ends::Well, FailureMode::Redirects(307)),
        ("redirects with 308", Ends::Well, FailureMode::Redirects(308)),
        ("redirects to another place", Ends::Failing, FailureMode::SendsAway(1)),
    ];
    let trick = |(name, ends, failure_mode)| {
        let controller = controller.clone();
        let set = move |on: bool| controller.failure_mode(on.then_some(failure_mode));
        Trick { name, ends, set: Box::new(set) }
    };
    let Subject { tricks, .. } = subject;
    let tricks = tricks.into_iter().chain(failure_mode.map(trick)).collect();
    Subject { tricks, ..subject }
}

/// A service, and more lines of its table.
fn service(tls: Option<Tls>, more: &str) -> (Controller, Subject) {
    let scheme = if tls.is_some() { "https" } else { "http" };
    let pin = tls
        .as_ref()
        .map_or_else(String::new, |tls| format!("certificate = \"{}\"\n", tls.fingerprint));
    let (controller, port) = listening(Protocol::Redfish, tls);
    let table = format!(
        "[[power.redfish]]\nname = \"bus\"\nurl = \"{scheme}://127.0.0.1:{port}\"\n\
         follows = \"1 s\"\ntimeout = \"1 s\"\nsettle = \"0 s\"\n{pin}{more}"
    );
    let folder = TempDir::new().expect("a folder");
    write_secret(&folder, "secret\n");
    (controller.clone(), subject(folder, controller, table, 5))
}

const LOGIN: &str = "user = \"root\"\npassword_file = \"password\"\n";

fn actuators(subject: &Subject) -> Actuators {
    Actuators(Switches::start(Rc::new(subject.inventory())).0)
}

#[test]
fn an_ilo_4_that_reports_success_as_an_error_has_switched() {
    on_one_thread(async {
        let (controller, subject) = service(None, "");
        controller.failure_mode(Some(FailureMode::Praises));
        let actuators = actuators(&subject);
        actuators.on(1).await.expect("switched on");
        actuators.off(1).await.expect("switched off");
        assert!(!controller.is_on(1));
        actuators.on(1).await.expect("switched on");
        actuators.0.cycle(NodeId(0)).await.expect("cycled");
        assert!(controller.is_on(1), "off and on again");
        let resets = controller.asked().iter().filter(|asked| asked.starts_with("POST")).count();
        assert_eq!(resets, 5, "each order once: {:?}", controller.asked());
    });
}

#[test]
fn a_reset_goes_where_the_system_says() {
    on_one_thread(async {
        let (controller, subject) = service(None, "");
        controller.failure_mode(Some(FailureMode::Elsewhere));
        actuators(&subject).on(2).await.expect("switched on");
        let wanted = "POST /redfish/v1/Systems/2/Oem/Reset {\"ResetType\":\"On\"}";
        assert!(controller.asked().iter().any(|asked| asked == wanted));
    });
}

#[test]
fn a_session_is_opened_where_a_password_alone_is_refused_and_closed_at_the_end() {
    on_one_thread(async {
        let (controller, subject) = service(None, LOGIN);
        controller.demand_session("root", "secret");
        let (switches, buses) = Switches::start(Rc::new(subject.inventory()));
        let actuators = Actuators(switches);
        actuators.on(1).await.expect("switched on");
        actuators.off(1).await.expect("switched off");
        assert_eq!(controller.sessions(), (1, 1));
        controller.end_sessions();
        assert_eq!(actuators.state(1).await.expect("a state"), PowerState::Off);
        assert_eq!(controller.sessions(), (1, 2), "it had run out");
        drop(actuators);
        buses.left().await;
        assert_eq!(controller.sessions(), (0, 2));
    });
}

#[test]
fn a_wrong_password_is_tried_in_both_ways_and_then_no_more() {
    on_one_thread(async {
        let (controller, subject) = service(None, LOGIN);
        controller.demand_session("root", "another");
        let actuators = actuators(&subject);
        for wanted in ["it refuses the password, for a session too; ", "is not asked again; "] {
            let reported = actuators.on(1).await.expect_err("refused").to_string();
            assert!(reported.contains(wanted), "{reported}");
        }
        assert_eq!(controller.asked().len(), 2);
    });
}

#[test]
fn who_gives_no_password_learns_that_one_is_wanted() {
    on_one_thread(async {
        let (controller, subject) = service(None, "");
        controller.demand_session("root", "secret");
        let reported = actuators(&subject).on(1).await.expect_err("refused").to_string();
        assert!(reported.ends_with("it wants a password (401); give `user` and `password_file`"));
    });
}

#[test]
fn a_redirect_to_another_place_gets_no_password() {
    on_one_thread(async {
        let (controller, subject) = service(None, LOGIN);
        let (other, port) = listening(Protocol::Redfish, None);
        controller.failure_mode(Some(FailureMode::SendsAway(port)));
        let reported = actuators(&subject).on(1).await.expect_err("refused").to_string();
        assert!(reported.contains("it leads to another place, \"http://127.0.0.1:"), "{reported}");
        assert_eq!(other.asked(), Vec::<String>::new());
    });
}

#[test]
fn a_redirect_in_a_circle_ends() {
    on_one_thread(async {
        let (controller, subject) = service(None, "");
        let (_, address) = subject.table.split_once("127.0.0.1:").expect("a port");
        let port = address.split('"').next().and_then(|port| port.parse().ok());
        controller.failure_mode(Some(FailureMode::SendsAway(port.expect("a port"))));
        let reported = actuators(&subject).on(1).await.expect_err("refused").to_string();
        assert!(reported.contains("it redirects 5 times and more"), "{reported}");
    });
}

/// A certificate of version 1 that signed itself, and its key: `openssl x509 -req -signkey` makes
/// such, and so did controllers of old.
fn of_version_1(kind: &str) -> (CertificateDer<'static>, Vec<u8>) {
    let file = |ending| root().join("tests/it/power/version1").join(format!("{kind}.{ending}"));
    let certificate = CertificateDer::from_pem_file(file("pem")).expect("a certificate");
    let key = PrivateKeyDer::from_pem_file(file("key")).expect("a key");
    (certificate, key.secret_der().to_owned())
}

/// Both versions of TLS, each alone.
const VERSIONS: [&[&SupportedProtocolVersion]; 2] = [&[&TLS12], &[&TLS13]];

#[test]
fn a_pinned_certificate_of_version_1_is_trusted_for_its_hash() {
    on_one_thread(async {
        for (kind, versions) in ["ec", "rsa"].into_iter().flat_map(|k| VERSIONS.map(|v| (k, v))) {
            let (certificate, key) = of_version_1(kind);
            let tls = Tls::of(certificate, key, versions).expect("a server");
            let (controller, subject) = service(Some(tls), "");
            let done = actuators(&subject).on(1).await;
            done.unwrap_or_else(|error| panic!("{kind}, {versions:?}: {error}"));
            assert!(controller.is_on(1));
        }
    });
}

#[test]
fn a_server_that_shows_the_pinned_certificate_without_its_key_is_not_trusted() {
    on_one_thread(async {
        let other = rcgen::KeyPair::generate().expect("a key").serialize_der();
        for versions in VERSIONS {
            let (certificate, _) = of_version_1("ec");
            let tls = Tls::of(certificate, other.clone(), versions).expect("a server");
            let (controller, subject) = service(Some(tls), LOGIN);
            let reported = actuators(&subject).on(1).await.expect_err("no trust").to_string();
            assert!(
                reported.contains("no trust: ") && reported.contains("with a key of ECDSA"),
                "{reported}"
            );
            assert_eq!(controller.asked(), Vec::<String>::new());
        }
    });
}

#[test]
fn a_channel_that_leads_elsewhere_is_reported_at_its_place() {
    let text = |channel: &str| {
        format!(
            "[[node]]\nnames = \"n1\"\npower = \"bus\"\nchannel = \"{channel}\"\n\
             [limits]\ndown_at_once = 1\ncycles_per_hour = 1\n\
             [[power.redfish]]\nname = \"bus\"\nurl = \"http://bmc.lab\"\n"
        )
    };
    let read = |channel| rackstorm::inventory::read("rack", &text(channel), Path::new(""));
    for good in ["1", "System.Embedded.1", "437XR1138R2"] {
        read(good).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    }
    for bad in ["1/../2", "..", "1?x", "1%2f", "#1"] {
        let reported = read(bad).expect_err("refused").render(false);
        assert!(reported.contains(&format!("`{bad}` is no channel of a redfish")), "{reported}");
        assert!(
            reported.contains("rack:4:") && reported.contains("the last step of its URL"),
            "{reported}"
        );
    }
}
