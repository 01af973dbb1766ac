//! Controllers asked over HTTP, and their failure modes: PiPower, its successor, Redfish, BMC.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::generate_simple_self_signed;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::spawn_local;
use tokio::time::sleep;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::sign::{CertifiedKey, SingleCertAndKey};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{ServerConfig, SupportedProtocolVersion};

use super::super::pin::hex;
use super::Switched;
use super::redfish::Sessions;

/// Which protocol a controller speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "each is described by its driver")]
pub enum Protocol {
    PiPower,
    RfPiPower,
    Redfish,
    TuringPi,
}

/// What may be wrong with a controller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureMode {
    /// It takes requests and never answers.
    Hangs,
    /// Each answer takes so long.
    Slow(Duration),
    /// It ends connections in the middle of an answer.
    CutsOff,
    /// It answers 200 with an error inside, and does nothing.
    Lies,
    /// It answers with this status.
    Refuses(u16),
    /// It takes orders and does nothing.
    Stuck,
    /// Every n-th byte of its answers is missing.
    Loses(usize),
    /// A reset is carried out, and answered 200 with success inside an error, as an iLO 4 does.
    Praises,
    /// A reset is carried out, and answered with a page of HTML.
    Page,
    /// A reset is carried out, and answered with status 500.
    Grumbles,
    /// Systems say that their resets go to another path than usual, and they do.
    Elsewhere,
    /// All paths have a slash at the end; others are redirected there with this status.
    Redirects(u16),
    /// All requests are redirected to this port of 127.0.0.1.
    SendsAway(u16),
}

pub(super) struct Inside {
    protocol: Protocol,
    /// Whether each node is on, by its channel.
    pub(super) nodes: BTreeMap<u32, bool>,
    /// The systems of a Redfish service, by their channels; none: they are called as these.
    systems: Vec<String>,
    pub(super) failure_mode: Option<FailureMode>,
    login: Option<String>,
    pub(super) sessions: Sessions,
    switched: Switched,
    /// Requests under way, and the most at once.
    now: u32,
    most: u32,
    /// What was asked: method and path, and the body if there was one.
    asked: Vec<String>,
}

/// A controller.
#[derive(Clone)]
pub struct Controller(Rc<RefCell<Inside>>);

/// A request.
pub(super) struct Request {
    pub(super) method: String,
    pub(super) path: String,
    authorization: Option<String>,
    /// That of a session.
    pub(super) token: Option<String>,
    pub(super) body: String,
}

/// An answer.
pub(super) struct Answer {
    status: u16,
    /// Besides the usual ones, each with its line end.
    pub(super) headers: String,
    body: String,
}

impl Answer {
    pub(super) fn new(status: u16, body: &Value) -> Self {
        Self::text(status, &if body.is_null() { String::new() } else { body.to_string() })
    }

    pub(super) fn text(status: u16, body: &str) -> Self {
        Self { status, headers: String::new(), body: body.to_owned() }
    }

    pub(super) fn redirect(status: u16, location: &str) -> Self {
        Self { headers: format!("Location: {location}\r\n"), ..Self::text(status, "") }
    }
}

impl Controller {
    /// A controller of these channels, all off; `switched` is informed of each change.
    #[must_use]
    pub fn new(
        protocol: Protocol,
        channels: impl IntoIterator<Item = u32>,
        switched: Switched,
    ) -> Self {
        Self(Rc::new(RefCell::new(Inside {
            protocol,
            nodes: channels.into_iter().map(|channel| (channel, false)).collect(),
            systems: Vec::new(),
            failure_mode: None,
            login: None,
            sessions: Sessions::default(),
            switched,
            now: 0,
            most: 0,
            asked: Vec::new(),
        })))
    }

    /// A Redfish service of systems with these ids, all off; `switched` is informed of each change,
    /// with the system's position.
    #[must_use]
    pub fn of_systems(ids: &[String], switched: Switched) -> Self {
        let service = Self::new(Protocol::Redfish, 0..ids.len() as u32, switched);
        ids.clone_into(&mut service.0.borrow_mut().systems);
        service
    }

    /// All nodes have power, and nobody is informed.
    pub fn power_all(&self) {
        self.0.borrow_mut().nodes.values_mut().for_each(|on| *on = true);
    }

    /// Demands this user and password from now on.
    pub fn demand_login(&self, user: &str, password: &str) {
        let basic = STANDARD.encode(format!("{user}:{password}"));
        self.0.borrow_mut().login = Some(format!("Basic {basic}"));
    }

    /// Demands a session of this user from now on; it knows no HTTP basic authentication.
    pub fn demand_session(&self, user: &str, password: &str) {
        self.0.borrow_mut().sessions.demand(user, password);
    }

    /// How many sessions are open, and how many were ever opened.
    #[must_use]
    pub fn sessions(&self) -> (usize, usize) {
        self.0.borrow().sessions.count()
    }

    /// All sessions run out.
    pub fn end_sessions(&self) {
        self.0.borrow_mut().sessions.end();
    }

    /// Lets something go wrong from now on, or right again.
    pub fn failure_mode(&self, failure_mode: Option<FailureMode>) {
        self.0.borrow_mut().failure_mode = failure_mode;
    }

    /// Whether a channel is on.
    #[must_use]
    pub fn is_on(&self, channel: u32) -> bool {
        self.0.borrow().nodes.get(&channel).copied().unwrap_or_default()
    }

    /// The most requests that were under way at once.
    #[must_use]
    pub fn most_at_once(&self) -> u32 {
        self.0.borrow().most
    }

    /// All that was asked so far: `GET /path`, with the body behind it.
    #[must_use]
    pub fn asked(&self) -> Vec<String> {
        self.0.borrow().asked.clone()
    }

    /// Serves until it is dropped; needs a `LocalSet`.
    ///
    /// # Errors
    /// Those of the listener.
    pub async fn serve(self, listener: TcpListener, tls: Option<Tls>) -> io::Result<()> {
        loop {
            let (stream, _) = listener.accept().await?;
            let (this, tls) = (self.clone(), tls.clone());
            spawn_local(async move {
                // What breaks here, the driver that is tried sees at its end.
                let _ = this.connection(stream, tls).await;
            });
        }
    }

    async fn connection(self, stream: TcpStream, tls: Option<Tls>) -> io::Result<()> {
        match tls {
            None => self.exchange(stream).await,
            Some(tls) => self.exchange(tls.acceptor.accept(stream).await?).await,
        }
    }

    async fn exchange(&self, mut stream: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<()> {
        let request = read_request(&mut stream).await?;
        self.wait_for_those_that_are_left().await;
        let failure_mode = {
            let mut inside = self.0.borrow_mut();
            inside.now += 1;
            inside.most = inside.most.max(inside.now);
            let asked = format!("{} {} {}", request.method, request.path, request.body);
            inside.asked.push(asked.trim_end().to_owned());
            inside.failure_mode
        };
        let _under_way = UnderWay(self.clone());
        match failure_mode {
            Some(FailureMode::Hangs) => {
                // Until whoever asked gives up.
                let _ = stream.read(&mut [0]).await;
                return Ok(());
            }
            Some(FailureMode::Slow(time)) => sleep(time).await,
            _ => {}
        }
        let Answer { status, headers, body } = self.0.borrow_mut().answer(&request);
        let length = body.len();
        let mut answer = format!(
            "HTTP/1.1 {status} Fake\r\nContent-Type: application/json\r\n{headers}\
             Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        );
        if failure_mode == Some(FailureMode::CutsOff) {
            answer.truncate(answer.len() - length.div_ceil(2));
        }
        stream.write_all(answer.as_bytes()).await?;
        stream.shutdown().await
    }
}

impl Controller {
    /// That a caller has left a connection is seen here a moment later, perhaps after the first
    /// words on its next one. A request that is really under way is still there when this is over.
    async fn wait_for_those_that_are_left(&self) {
        for _ in 0..10 {
            if self.0.borrow().now == 0 {
                return;
            }
            sleep(Duration::from_millis(2)).await;
        }
    }
}

/// A request under way.
struct UnderWay(Controller);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.0.borrow_mut().now -= 1;
    }
}

impl Inside {
    fn answer(&mut self, request: &Request) -> Answer {
        if self.login.is_some() && request.authorization != self.login {
            return Answer::new(401, &Value::Null);
        }
        if let Some(FailureMode::Refuses(status)) = self.failure_mode {
            return Answer::text(status, "busy");
        }
        let answer = |(status, body)| Answer::new(status, &body);
        let mut answer = match self.protocol {
            Protocol::PiPower => answer(self.pipower(&request.path)),
            Protocol::RfPiPower => answer(self.rfpipower(&request.body)),
            Protocol::Redfish => self.redfish(request),
            Protocol::TuringPi => answer(self.turingpi(&request.path)),
        };
        if let Some(FailureMode::Loses(every)) = self.failure_mode {
            let bytes = answer.body.bytes().enumerate();
            let kept = bytes.filter(|(at, _)| (at + 1) % every != 0).map(|(_, byte)| byte);
            answer.body = String::from_utf8_lossy(&kept.collect::<Vec<_>>()).into();
        }
        answer
    }

    pub(super) fn lies(&self) -> bool {
        self.failure_mode == Some(FailureMode::Lies)
    }

    pub(super) fn switch(&mut self, channel: u32, on: bool) {
        if self.failure_mode == Some(FailureMode::Stuck) {
            return;
        }
        if let Some(state) = self.nodes.get_mut(&channel)
            && *state != on
        {
            *state = on;
            (self.switched)(channel, on);
        }
    }

    /// `/nodes/3,17/state/on`.
    fn pipower(&mut self, path: &str) -> (u16, Value) {
        let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        let ["nodes", ids, "state", command @ ..] = parts.as_slice() else {
            return (404, Value::Null);
        };
        let ids: Vec<&str> = ids.split(',').collect();
        self.list(&ids, command.first().copied().unwrap_or("state"))
    }

    /// `{"CMD":"on","Nodes":["3"]}`.
    fn rfpipower(&mut self, body: &str) -> (u16, Value) {
        let json: Value = serde_json::from_str(body).unwrap_or_default();
        let ids = json["Nodes"].as_array().cloned().unwrap_or_default();
        let ids: Vec<&str> = ids.iter().filter_map(Value::as_str).collect();
        self.list(&ids, json["CMD"].as_str().unwrap_or("none"))
    }

    fn list(&mut self, ids: &[&str], command: &str) -> (u16, Value) {
        if self.lies() {
            return (200, json!({ "error": "control plane timeout" }));
        }
        let channels = ids.iter().filter_map(|id| id.parse().ok());
        let known: Vec<u32> = channels.filter(|id| self.nodes.contains_key(id)).collect();
        match command {
            "on" | "off" => known.iter().for_each(|&id| self.switch(id, command == "on")),
            "state" => {}
            _ => return (404, Value::Null),
        }
        let word = |id: u32| if self.nodes[&id] { "on" } else { "off" };
        let entry = |&id: &u32| json!({ "id": id.to_string(), "state": word(id) });
        (200, known.iter().map(entry).collect())
    }

    /// The channel of a system.
    pub(super) fn system(&self, id: &str) -> Option<u32> {
        if self.systems.is_empty() {
            return id.parse().ok().filter(|id| self.nodes.contains_key(id));
        }
        self.systems.iter().position(|known| known == id).map(|position| position as u32)
    }

    /// `/api/bmc?opt=set&type=power&node3=0`.
    fn turingpi(&mut self, path: &str) -> (u16, Value) {
        let query = path.strip_prefix("/api/bmc?").unwrap_or_default();
        let pairs: Vec<(&str, &str)> =
            query.split('&').filter_map(|pair| pair.split_once('=')).collect();
        if !pairs.contains(&("type", "power")) {
            return (200, json!({ "response": [{ "result": "Failed to find type" }] }));
        }
        if self.lies() {
            return (200, json!({ "response": [{ "result": "Failed to set power state" }] }));
        }
        if pairs.contains(&("opt", "get")) {
            let slot = |(id, on): (&u32, &bool)| {
                (format!("node{id}"), Value::from(if *on { "1" } else { "0" }))
            };
            let slots: serde_json::Map<_, _> = self.nodes.iter().map(slot).collect();
            return (200, json!({ "response": [{ "result": [slots] }] }));
        }
        for (name, value) in pairs {
            if let Some(id) = name.strip_prefix("node").and_then(|id| id.parse().ok()) {
                self.switch(id, value == "1");
            }
        }
        (200, json!({ "response": [{ "result": "ok" }] }))
    }
}

async fn read_request(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Request> {
    let mut bytes = Vec::new();
    let (head, length) = loop {
        let mut piece = [0; 1024];
        let n = stream.read(&mut piece).await?;
        if n == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        bytes.extend(&piece[..n]);
        let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let length = header(&head, "content-length").and_then(|text| text.parse().ok());
        let length = end + 4 + length.unwrap_or(0);
        if bytes.len() >= length {
            break (head, end + 4);
        }
    };
    let mut words = head.split_whitespace();
    let mut word = || words.next().unwrap_or_default().to_owned();
    Ok(Request {
        method: word(),
        path: word(),
        authorization: header(&head, "authorization"),
        token: header(&head, "x-auth-token"),
        body: String::from_utf8_lossy(&bytes[length..]).into_owned(),
    })
}

fn header(head: &str, name: &str) -> Option<String> {
    let pair = |line: &str| {
        let (key, value) = line.split_once(':')?;
        key.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
    };
    head.lines().find_map(pair)
}

/// A certificate that a controller signed itself, as those of Turing Pi do.
#[derive(Clone)]
pub struct Tls {
    acceptor: TlsAcceptor,
    /// Its SHA-256.
    pub digest: [u8; 32],
    /// The same in hexadecimal digits.
    pub fingerprint: String,
}

impl Tls {
    /// A new one.
    ///
    /// # Errors
    /// When none can be made.
    pub fn self_signed(host: &str) -> io::Result<Self> {
        let made = generate_simple_self_signed([host.to_owned()]).map_err(io::Error::other)?;
        let key = made.signing_key.serialize_der();
        Self::of(made.cert.der().clone(), key, &[&TLS13, &TLS12])
    }

    /// A certificate and a private key, which need not belong together, at these versions of TLS.
    ///
    /// # Errors
    /// When the key is none.
    pub fn of(
        certificate: CertificateDer<'static>,
        key: Vec<u8>,
        versions: &[&'static SupportedProtocolVersion],
    ) -> io::Result<Self> {
        let digest = Sha256::digest(&certificate);
        let key = PrivateKeyDer::try_from(key).map_err(io::Error::other)?;
        let key = ring::sign::any_supported_type(&key).map_err(io::Error::other)?;
        let shown = SingleCertAndKey::from(CertifiedKey::new(vec![certificate], key));
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(versions)
            .map_err(io::Error::other)?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(shown));
        let acceptor = TlsAcceptor::from(Arc::new(config));
        Ok(Self { acceptor, fingerprint: hex(&digest), digest: digest.into() })
    }
}
