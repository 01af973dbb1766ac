//! Requests to controllers over HTTP/1.1, plain or over TLS to one known certificate.

use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1::handshake;
use hyper::{Method, Request, StatusCode, header};
use hyper_util::rt::TokioIo;
use sha2::{Digest, Sha256};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use tokio_rustls::rustls::crypto::{
    WebPkiSupportedAlgorithms, ring, verify_tls12_signature, verify_tls13_signature,
};
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{self, ClientConfig, DigitallySignedStruct, SignatureScheme};

use super::Trouble;
use super::line::Bytes;
use crate::inventory::power::Web;

/// No controller has so much to say (bytes).
const BODY_MAX: usize = 1 << 20;

/// A server, and how it is asked.
pub(super) struct Client {
    web: Web,
    timeout: Duration,
    /// What the server refused is not tried again: some lock whoever tries too often.
    refused: bool,
}

/// What a server answered with success.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) body: String,
}

impl Reply {
    /// The body as JSON.
    pub(super) fn json(&self) -> Result<serde_json::Value, Trouble> {
        serde_json::from_str(&self.body).map_err(|_| odd(&self.body))
    }
}

/// An answer that is not what it should be.
pub(super) fn odd(body: &str) -> Trouble {
    let start: String = body.chars().take(80).collect();
    let way_out = "is it the right kind of controller, and its firmware a known one?";
    Trouble::new(format!("it answers {:?}", start.trim()), way_out)
}

impl Client {
    pub(super) fn new(web: Web, timeout: Duration) -> Self {
        Self { web, timeout, refused: false }
    }

    /// A plain client of HOST:PORT.
    pub(super) fn plain(address: &str, timeout: Duration) -> Self {
        let (host, port) = address.rsplit_once(':').expect("the inventory checked it");
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = port.parse().expect("the inventory checked it");
        Self::new(Web { tls: false, host, port, login: None, certificate: None }, timeout)
    }

    /// Asks, and waits for an answer with success.
    pub(super) async fn ask(
        &mut self,
        method: Method,
        path: &str,
        body: Option<serde_json::Value>,
    ) -> Result<Reply, Trouble> {
        if self.refused {
            let way_out = "correct `user` and `password_file`, then start again";
            return Err(Trouble::new("it refused the password, and is not asked again", way_out));
        }
        let request = self.request(method, path, body)?;
        let answered = timeout(self.timeout, exchange(&self.web, request)).await;
        let (status, body) = answered.unwrap_or_else(|_| {
            let what = format!("no answer within {:?}", self.timeout);
            Err(Trouble::new(what, "does the controller hang? its own supply may need a cycle"))
        })?;
        if status == StatusCode::UNAUTHORIZED {
            self.refused = true;
            let way_out = "correct `user` and `password_file`; it is not tried again, since some \
                           controllers lock whoever does";
            return Err(Trouble::new("it refuses the password (401)", way_out));
        }
        if !status.is_success() {
            let start: String = body.chars().take(80).collect();
            let what = format!("it answers {status}: {:?}", start.trim());
            return Err(Trouble::new(what, "are `channel` and the address right, and is it free?"));
        }
        Ok(Reply { body })
    }

    fn request(
        &self,
        method: Method,
        path: &str,
        body: Option<serde_json::Value>,
    ) -> Result<Request<String>, Trouble> {
        let host = format!("{}:{}", self.web.host, self.web.port);
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, host)
            .header(header::CONNECTION, "close")
            .header(header::ACCEPT, "application/json");
        if let Some((user, file)) = &self.web.login {
            let password = secret(file).map_err(|error| {
                let what = format!("{}: {error}", file.display());
                Trouble::new(what, "`password_file` holds the password, for its owner alone")
            })?;
            let basic = STANDARD.encode(format!("{user}:{password}"));
            request = request.header(header::AUTHORIZATION, format!("Basic {basic}"));
        }
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        request.body(body).map_err(|error| {
            Trouble::new(format!("no request can be made: {error}"), "look at `channel`")
        })
    }
}

/// The password in a file that only its owner reads.
fn secret(file: &Path) -> io::Result<String> {
    if fs::metadata(file)?.permissions().mode() & 0o077 != 0 {
        return Err(io::Error::other("others may read it; chmod 600 keeps it a secret"));
    }
    Ok(fs::read_to_string(file)?.trim_end_matches(['\n', '\r']).to_owned())
}

/// One connection, one request, one answer.
async fn exchange(web: &Web, request: Request<String>) -> Result<(StatusCode, String), Trouble> {
    let reached = "is the address right, and does the server run?";
    let unreached = |error: io::Error| {
        Trouble::new(format!("{}:{} is not reached: {error}", web.host, web.port), reached)
    };
    let broken = |error: hyper::Error| {
        Trouble::new(format!("the connection broke: {error}"), "try again; look at its log")
    };
    let stream = TcpStream::connect((web.host.as_str(), web.port)).await.map_err(unreached)?;
    let bytes: Box<dyn Bytes> = match web.certificate.filter(|_| web.tls) {
        None => Box::new(stream),
        Some(pin) => {
            let name = ServerName::try_from(web.host.clone());
            let name = name.map_err(|error| unreached(io::Error::other(error)))?;
            let shaken = TlsConnector::from(pinned(pin)).connect(name, stream).await;
            Box::new(shaken.map_err(|error| {
                let way_out = "if it got a new certificate, correct `certificate`";
                Trouble::new(format!("no trust: {error}"), way_out)
            })?)
        }
    };
    let (mut sender, connection) = handshake(TokioIo::new(bytes)).await.map_err(broken)?;
    // The connection is a task of its own, which ends with this call.
    let mut tasks = JoinSet::new();
    tasks.spawn_local(connection);
    let answer = sender.send_request(request).await.map_err(broken)?;
    let status = answer.status();
    let mut body = answer.into_body();
    let mut bytes = Vec::new();
    while let Some(piece) = next_piece(&mut body).await.map_err(broken)? {
        bytes.extend(piece);
        if bytes.len() > BODY_MAX {
            return Err(odd("more than a megabyte"));
        }
    }
    Ok((status, String::from_utf8_lossy(&bytes).into_owned()))
}

async fn next_piece(body: &mut Incoming) -> hyper::Result<Option<Vec<u8>>> {
    let frame = std::future::poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await;
    let Some(frame) = frame.transpose()? else { return Ok(None) };
    Ok(Some(frame.into_data().map(|data| data.to_vec()).unwrap_or_default()))
}

/// A configuration that trusts one certificate and no other, whatever stands in it.
fn pinned(pin: [u8; 32]) -> Arc<ClientConfig> {
    let provider = ring::default_provider();
    let algorithms = provider.signature_verification_algorithms;
    let config = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()
        .expect("ring knows the versions of TLS")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Pin256 { pin, algorithms }))
        .with_no_client_auth();
    Arc::new(config)
}

/// Bytes as hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

/// Takes the certificate with this SHA-256.
struct Pin256 {
    pin: [u8; 32],
    algorithms: WebPkiSupportedAlgorithms,
}

impl fmt::Debug for Pin256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pin256").finish_non_exhaustive()
    }
}

impl ServerCertVerifier for Pin256 {
    fn verify_server_cert(
        &self,
        own: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let found: [u8; 32] = Sha256::digest(own).into();
        if found == self.pin {
            return Ok(ServerCertVerified::assertion());
        }
        let found = hex(&found);
        Err(rustls::Error::General(format!("its certificate is another one, {found}")))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        own: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, own, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        own: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, own, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
