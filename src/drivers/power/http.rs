//! Requests to controllers over HTTP/1.1, plain or over TLS to one known certificate.
//!
//! A redirect is followed to the same place only, or from `http` to `https` of the same host if its
//! certificate is pinned: requests carry passwords, and whoever answers at another place is not the
//! controller that the inventory names. A request keeps its method and body on the way, since a
//! reset that became a GET would do nothing (RFC 9110, 15.4, leaves the choice for 301 and 302).

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::pin::Pin;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1::handshake;
use hyper::header::{self, HeaderMap};
use hyper::{Method, Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls;
use tokio_rustls::rustls::pki_types::ServerName;

use super::line::Bytes;
use super::{DriverError, pin};
use crate::inventory::power::{Url, Web};

/// No controller has so much to say (bytes).
const BODY_MAX: usize = 1 << 20;
/// Redirects of one request. Assumption: to TLS, to a slash at the end, and some more.
const REDIRECTS_MAX: usize = 5;

/// How a request shows who sends it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Proof {
    /// Not at all.
    None,
    /// By HTTP basic authentication, if there is a login.
    Basic,
    /// By the token of a session (`X-Auth-Token`).
    Token(String),
}

/// A server, and how it is asked.
pub(super) struct Client {
    web: Web,
    timeout: Duration,
    pub(super) proof: Proof,
    /// What the server refused is not tried again: some lock whoever tries too often.
    refused: bool,
}

/// What a server answered.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
}

impl Reply {
    /// The body as JSON.
    pub(super) fn json(&self) -> Result<Value, DriverError> {
        serde_json::from_str(&self.body).map_err(|_| odd(&self.body))
    }

    /// A header, if it is text.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The reply, if it reports success.
    fn success(self) -> Result<Self, DriverError> {
        if self.status.is_success() {
            return Ok(self);
        }
        let start: String = self.body.chars().take(80).collect();
        Err(self.driver_error(start.trim()))
    }

    /// What a reply without success reports, where the server says this.
    pub(super) fn driver_error(&self, said: &str) -> DriverError {
        let what = format!("it answers {}: {said:?}", self.status);
        let way_out = match self.status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                "has `user` the right to switch power there?"
            }
            _ => "are `channel` and the address right, and is it free?",
        };
        let driver_error = DriverError::new(what, way_out);
        // One that failed may have failed after the switching.
        if self.status.is_server_error() { driver_error.perhaps_done() } else { driver_error }
    }
}

/// An answer that is not what it should be.
pub(super) fn odd(body: &str) -> DriverError {
    let start: String = body.chars().take(80).collect();
    let way_out = "is it the right kind of controller, and its firmware a known one?";
    DriverError::new(format!("it answers {:?}", start.trim()), way_out)
}

impl Client {
    pub(super) fn new(web: Web, timeout: Duration) -> Self {
        Self { web, timeout, proof: Proof::Basic, refused: false }
    }

    /// A plain client of HOST:PORT.
    pub(super) fn plain(address: &str, timeout: Duration) -> Self {
        let (host, port) = address.rsplit_once(':').expect("the inventory checked it");
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = port.parse().expect("the inventory checked it");
        let url = Url { tls: false, host, port };
        let web = Web { url, user: None, password_file: None, certificate: None };
        Self::new(web, timeout)
    }

    /// Asks, and waits for an answer with success.
    pub(super) async fn ask(
        &mut self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<Reply, DriverError> {
        let reply = self.send(&method, path, body.as_ref()).await?;
        if reply.status == StatusCode::UNAUTHORIZED {
            return Err(self.refuse("it refuses the password (401)"));
        }
        reply.success()
    }

    /// Asks, and waits for an answer of any kind.
    pub(super) async fn send(
        &self,
        method: &Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Reply, DriverError> {
        if self.refused {
            let way_out = "correct `user` and `password_file`, then start again";
            return Err(DriverError::new(
                "it refused the password, and is not asked again",
                way_out,
            ));
        }
        let answered = timeout(self.timeout, self.follow(method, path, body)).await;
        answered.unwrap_or_else(|_| {
            let what = format!("no answer within {:?}", self.timeout);
            let way_out = "does the controller hang? its own supply may need a cycle";
            Err(DriverError::new(what, way_out).perhaps_done())
        })
    }

    /// The login is wrong, and is not tried again.
    pub(super) fn refuse(&mut self, what: &str) -> DriverError {
        if self.web.login().is_none() {
            return DriverError::new(
                "it wants a password (401)",
                "give `user` and `password_file`",
            );
        }
        self.refused = true;
        let way_out = "correct `user` and `password_file`; it is not tried again, since some \
                       controllers lock whoever does";
        DriverError::new(what, way_out)
    }

    /// User and password, if there is a login.
    pub(super) fn login(&self) -> Result<Option<(&str, String)>, DriverError> {
        let Some((user, file)) = self.web.login() else { return Ok(None) };
        let password = secret(file).map_err(|error| {
            let what = format!("{}: {error}", file.display());
            DriverError::new(what, "`password_file` holds the password, for its owner alone")
        })?;
        Ok(Some((user, password)))
    }

    async fn follow(
        &self,
        method: &Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Reply, DriverError> {
        let (mut web, mut path) = elsewhere(&self.web, "/", path)?;
        for _ in 0..=REDIRECTS_MAX {
            let reply = exchange(&web, self.request(&web, method, &path, body)?).await?;
            let is_redirect = matches!(reply.status.as_u16(), 301 | 302 | 307 | 308);
            match reply.header("location").filter(|_| is_redirect) {
                Some(location) => (web, path) = elsewhere(&web, &path, location)?,
                None => return Ok(reply),
            }
        }
        let what = format!("it redirects {REDIRECTS_MAX} times and more");
        Err(DriverError::new(what, "is the address right, and the kind of controller?"))
    }

    fn request(
        &self,
        web: &Web,
        method: &Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Request<String>, DriverError> {
        let bracketed = web.url.host.contains(':');
        let host = if bracketed { format!("[{}]", web.url.host) } else { web.url.host.clone() };
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, format!("{host}:{}", web.url.port))
            .header(header::CONNECTION, "close")
            .header(header::ACCEPT, "application/json");
        match &self.proof {
            Proof::None => {}
            Proof::Basic => {
                if let Some((user, password)) = self.login()? {
                    let basic = STANDARD.encode(format!("{user}:{password}"));
                    request = request.header(header::AUTHORIZATION, format!("Basic {basic}"));
                }
            }
            Proof::Token(token) => request = request.header("X-Auth-Token", token),
        }
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let body = body.map(Value::to_string).unwrap_or_default();
        request.body(body).map_err(|error| {
            DriverError::new(format!("no request can be made: {error}"), "look at `channel`")
        })
    }
}

/// The path of a reference to something of the same server, which may call itself by another name
/// there than the inventory does.
pub(super) fn path_of(reference: &str) -> String {
    let place: Option<Uri> = reference.parse().ok();
    let path = place.as_ref().and_then(|place| place.path_and_query());
    path.map_or(reference, |path| path.as_str()).to_owned()
}

/// Where a reference leads that stands in an answer to a request for the path `from`, if it is the
/// same controller.
fn elsewhere(web: &Web, from: &str, to: &str) -> Result<(Web, String), DriverError> {
    let to = to.split('#').next().unwrap_or_default();
    let whole = match to.split_once("://") {
        Some(_) => to.to_owned(),
        None if to.starts_with("//") => {
            format!("{}:{to}", if web.url.tls { "https" } else { "http" })
        }
        None if to.starts_with('/') => return Ok((web.clone(), to.to_owned())),
        None => {
            let folder = from.split('?').next().and_then(|from| from.rsplit_once('/'));
            let folder = folder.map_or("", |(folder, _)| folder);
            return Ok((web.clone(), format!("{folder}/{to}")));
        }
    };
    let away = |way_out: &str| {
        let place: String = whole.chars().take(100).collect();
        DriverError::new(format!("it leads to another place, {place:?}"), way_out)
    };
    let other = "nothing is asked there; if it is the same controller, give it as `url`";
    let place: Uri = whole.parse().map_err(|_| away(other))?;
    let tls = match place.scheme_str() {
        Some("http") => false,
        Some("https") => true,
        _ => return Err(away(other)),
    };
    let port = place.port_u16().unwrap_or(if tls { 443 } else { 80 });
    let host = place.host().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let path = place.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    let is_same_host = host.eq_ignore_ascii_case(&web.url.host);
    if is_same_host && tls == web.url.tls && port == web.url.port {
        return Ok((web.clone(), path));
    }
    if is_same_host && tls && !web.url.tls {
        if web.certificate.is_some() {
            let url = Url { tls, port, ..web.url.clone() };
            return Ok((Web { url, ..web.clone() }, path));
        }
        return Err(away("give that place as `url`, with the `certificate` of its server"));
    }
    Err(away(other))
}

/// The password in a file that only its owner reads.
fn secret(file: &Path) -> io::Result<String> {
    if fs::metadata(file)?.permissions().mode() & 0o077 != 0 {
        return Err(io::Error::other("others may read it; chmod 600 keeps it a secret"));
    }
    Ok(fs::read_to_string(file)?.trim_end_matches(['\n', '\r']).to_owned())
}

/// One connection, one request, one answer.
async fn exchange(web: &Web, request: Request<String>) -> Result<Reply, DriverError> {
    let reached = "is the address right, and does the server run?";
    let unreached = |error: io::Error| {
        DriverError::new(
            format!("{}:{} is not reached: {error}", web.url.host, web.url.port),
            reached,
        )
    };
    let broken = |error: hyper::Error| {
        let what = format!("the connection broke: {error}");
        DriverError::new(what, "try again; look at its log").perhaps_done()
    };
    let stream =
        TcpStream::connect((web.url.host.as_str(), web.url.port)).await.map_err(unreached)?;
    let bytes: Box<dyn Bytes> = match web.certificate.filter(|_| web.url.tls) {
        None => Box::new(stream),
        Some(hash) => {
            let name = ServerName::try_from(web.url.host.clone());
            let name = name.map_err(|error| unreached(io::Error::other(error)))?;
            let shaken = TlsConnector::from(pin::config(hash)).connect(name, stream).await;
            Box::new(shaken.map_err(|error| distrust(&error))?)
        }
    };
    let (mut sender, connection) = handshake(TokioIo::new(bytes)).await.map_err(broken)?;
    // The connection is a task of its own, which ends with this call.
    let mut tasks = JoinSet::new();
    tasks.spawn_local(connection);
    let (head, mut body) = sender.send_request(request).await.map_err(broken)?.into_parts();
    let mut bytes = Vec::new();
    while let Some(piece) = next_piece(&mut body).await.map_err(broken)? {
        bytes.extend(piece);
        if bytes.len() > BODY_MAX {
            return Err(odd("more than a megabyte"));
        }
    }
    let body = String::from_utf8_lossy(&bytes).into_owned();
    Ok(Reply { status: head.status, headers: head.headers, body })
}

/// Why a server is not trusted: it has another certificate, or does not prove that this one is its
/// own.
fn distrust(error: &io::Error) -> DriverError {
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref());
    let way_out = match cause {
        Some(rustls::Error::General(_)) => "if it got a new certificate, correct `certificate`",
        _ => "it must speak TLS 1.2 or 1.3, with a key of ECDSA or of RSA from 2048 bits on",
    };
    DriverError::new(format!("no trust: {error}"), way_out)
}

async fn next_piece(body: &mut Incoming) -> hyper::Result<Option<Vec<u8>>> {
    let frame = std::future::poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await;
    let Some(frame) = frame.transpose()? else { return Ok(None) };
    Ok(Some(frame.into_data().map(|data| data.to_vec()).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn web(tls: bool, certificate: Option<[u8; 32]>) -> Web {
        let port = if tls { 443 } else { 80 };
        let url = Url { tls, host: "bmc.lab".into(), port };
        Web { url, user: None, password_file: None, certificate }
    }

    /// Scheme, port and path of where a reference leads, from `/a/b?c`.
    fn leads(web: &Web, to: &str) -> Option<(bool, u16, String)> {
        elsewhere(web, "/a/b?c", to).ok().map(|(web, path)| (web.url.tls, web.url.port, path))
    }

    #[test]
    fn the_path_of_a_reference_has_no_host() {
        for reference in ["/x/1?y", "https://ilo.lab/x/1?y", "http://[::1]:80/x/1?y"] {
            assert_eq!(path_of(reference), "/x/1?y");
        }
    }

    #[test]
    fn a_reference_leads_to_the_same_controller_or_nowhere() {
        let (plain, pinned) = (web(false, None), web(false, Some([0; 32])));
        let secure = web(true, Some([0; 32]));
        let here = |path: &str| Some((false, 80, path.to_owned()));
        for (to, path) in [
            ("/x/1", "/x/1"),
            ("x#y", "/a/x"),
            ("http://bmc.lab/x?y", "/x?y"),
            ("HTTP://BMC.lab:80/x", "/x"),
            ("//bmc.lab/x", "/x"),
        ] {
            assert_eq!(leads(&plain, to), here(path), "{to}");
        }
        let there = Some((true, 443, "/x".to_owned()));
        assert_eq!(leads(&pinned, "https://bmc.lab/x"), there);
        assert_eq!(leads(&secure, "https://bmc.lab/x"), there);
        for (web, to) in [
            (&plain, "https://bmc.lab/x"),
            (&secure, "http://bmc.lab/x"),
            (&plain, "http://bmc.lab:81/x"),
            (&plain, "http://other.lab/x"),
            (&plain, "http://bmc.lab@other.lab/x"),
            (&plain, "//other.lab/x"),
            (&pinned, "https://other.lab/x"),
            (&plain, "ftp://bmc.lab:80/x"),
            (&plain, "http://"),
        ] {
            assert_eq!(leads(web, to), None, "{to}");
        }
    }
}
