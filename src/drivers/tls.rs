//! Mutual TLS 1.3 over any network: nobody is heard who is not of the rack's own authority.
//!
//! ```text
//!  agent --------- certificate `controller` ? ---------> controller
//!        <-------- certificate of the authority ? ------
//!        --------- join as node 17 --------------------> certificate `pi17` ?
//! ```
//!
//! Both ends demand a certificate of the rack's authority that is valid now. An agent takes nobody
//! but the bearer of the name `controller` for its controller, and a neighbour for itself only if
//! the certificate names the address that was called; a controller lets nobody join as a node
//! whose name the certificate does not bear. The handshake is made by whoever reads or writes
//! first, so that a peer that says nothing keeps nobody from being accepted.
//!
//! **Datagrams** are not encrypted. A heartbeat carries the session that the controller gave its
//! agent over TLS: 64 bits that nobody can guess who did not hear them. So nobody outside the path
//! can keep a dead node alive or take a session over. Whoever *listens* on the path can copy a
//! heartbeat, and with it feign that a node lives or, by an answer, that the controller does; he
//! can read no order, give none and change no result. The management network of a rack is assumed
//! to be its own.
//!
//! Not modelled: revocation (a node whose key was lost is kept out by a new authority); a node of
//! the rack that lies to its neighbours.

use std::cell::OnceCell;
use std::fs;
use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::path::Path;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::rustls::client::{Resumption, verify_server_name};
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use tokio_rustls::rustls::server::{
    NoServerSessionStorage, ParsedCertificate, WebPkiClientVerifier,
};
use tokio_rustls::rustls::version::TLS13;
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector, TlsStream};

use crate::fleet::ports::{Address, Net, Witness};
use crate::ids::NodeId;

/// The name in the controller's certificate.
pub const CONTROLLER: &str = "controller";
/// The file of the authority's certificate in a folder of certificates.
pub const AUTHORITY: &str = "authority";

/// The name in a node's certificate: as in scenarios, counted from 1, without padding.
#[must_use]
pub fn name_of(node: NodeId) -> String {
    format!("pi{}", u64::from(node.0) + 1)
}

/// What a host proves itself with, and whom it believes.
#[derive(Debug)]
pub struct Credentials {
    authority: CertificateDer<'static>,
    own: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
}

impl Credentials {
    /// Reads `authority.pem`, `NAME.pem` and `NAME.key` of a folder.
    ///
    /// # Errors
    /// When one of them is missing or is not what it should be, or others may read the key.
    pub fn read(folder: &Path, name: &str) -> io::Result<Self> {
        let certificate = |name: &str| {
            let file = folder.join(format!("{name}.pem"));
            CertificateDer::from_pem_file(&file).map_err(|error| of_file(&file, &error))
        };
        let key = folder.join(format!("{name}.key"));
        demand_secret(&key)?;
        Ok(Self {
            authority: certificate(AUTHORITY)?,
            own: certificate(name)?,
            key: PrivateKeyDer::from_pem_file(&key).map_err(|error| of_file(&key, &error))?,
        })
    }
}

/// Whether a host could prove itself now with the credentials of a folder.
///
/// # Errors
/// What is wrong with them: missing, not what they should be, another authority's, out of date.
pub fn check(folder: &Path, name: &str) -> io::Result<()> {
    Credentials::read(folder, name)?;
    check_certificate(folder, name)
}

/// Whether a certificate of a folder is its authority's and valid now. Its key may be elsewhere.
///
/// # Errors
/// What is wrong with it.
pub fn check_certificate(folder: &Path, name: &str) -> io::Result<()> {
    let read = |name: &str| {
        let file = folder.join(format!("{name}.pem"));
        CertificateDer::from_pem_file(&file).map_err(|error| of_file(&file, &error))
    };
    let (authority, own) = (read(AUTHORITY)?, read(name)?);
    let file = folder.join(format!("{name}.pem"));
    let mut roots = RootCertStore::empty();
    roots.add(authority).map_err(|error| of_file(&file, &error))?;
    let provider = Arc::new(ring::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
    let verifier = verifier.map_err(|error| of_file(&file, &error))?;
    let valid = verifier.verify_client_cert(&own, &[], UnixTime::now());
    valid.map(drop).map_err(|error| of_file(&file, &error))
}

fn of_file(file: &Path, error: &dyn std::fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, format!("{}: {error}", file.display()))
}

/// A key that others may read is no secret.
fn demand_secret(key: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let facts = fs::metadata(key).map_err(|error| of_file(key, &error))?;
    if facts.permissions().mode() & 0o077 != 0 {
        return Err(of_file(key, &"others may read this key; chmod 600 keeps it a secret"));
    }
    Ok(())
}

/// 64 bits that nobody can guess.
///
/// # Errors
/// When the system has no chance to give.
pub fn chance() -> io::Result<u64> {
    let mut bytes = [0; 8];
    let filled = ring::default_provider().secure_random.fill(&mut bytes);
    filled.map_err(|_| io::Error::other("the system gives no random numbers"))?;
    Ok(u64::from_be_bytes(bytes))
}

/// What is reported of a handshake that failed, for people.
pub type Refused = Rc<dyn Fn(&io::Error)>;

/// A network, encrypted and proven. Its datagrams are those of the network below.
#[derive(Clone)]
pub struct Tls<N> {
    plain: N,
    accepts: TlsAcceptor,
    connects: TlsConnector,
    controller: Option<Address>,
    refused: Refused,
}

impl<N: Net> Tls<N> {
    /// The network of a host with these credentials. Whoever listens at the address of
    /// `controller` must prove to be it.
    ///
    /// # Errors
    /// When the credentials do not belong together.
    pub fn new(
        plain: N,
        credentials: &Credentials,
        controller: Option<Address>,
        refused: Refused,
    ) -> io::Result<Self> {
        let wrong = |error: rustls::Error| io::Error::new(io::ErrorKind::InvalidInput, error);
        let provider = Arc::new(ring::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(credentials.authority.clone()).map_err(wrong)?;
        let roots = Arc::new(roots);
        Ok(Self {
            plain,
            accepts: TlsAcceptor::from(Arc::new(server(credentials, &roots, &provider)?)),
            connects: TlsConnector::from(Arc::new(client(credentials, &roots, &provider)?)),
            controller,
            refused,
        })
    }

    fn stream(
        &self,
        from: Option<IpAddr>,
        shake: impl Future<Output = io::Result<TlsStream<N::Stream>>> + 'static,
    ) -> Stream<N::Stream> {
        Stream {
            state: State::Shaking(Box::pin(shake)),
            waiting: Vec::new(),
            from,
            peer: Rc::default(),
            refused: self.refused.clone(),
        }
    }
}

/// Sessions are not resumed: each connection proves both ends anew, and costs no memory later.
fn server(
    credentials: &Credentials,
    roots: &Arc<RootCertStore>,
    provider: &Arc<CryptoProvider>,
) -> io::Result<ServerConfig> {
    let wrong = |error: rustls::Error| io::Error::new(io::ErrorKind::InvalidInput, error);
    let verifier = WebPkiClientVerifier::builder_with_provider(roots.clone(), provider.clone())
        .build()
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
    let mut server = ServerConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&[&TLS13])
        .map_err(wrong)?
        .with_client_cert_verifier(verifier)
        .with_single_cert(vec![credentials.own.clone()], credentials.key.clone_key())
        .map_err(wrong)?;
    server.send_tls13_tickets = 0;
    server.session_storage = Arc::new(NoServerSessionStorage {});
    Ok(server)
}

fn client(
    credentials: &Credentials,
    roots: &Arc<RootCertStore>,
    provider: &Arc<CryptoProvider>,
) -> io::Result<ClientConfig> {
    let wrong = |error: rustls::Error| io::Error::new(io::ErrorKind::InvalidInput, error);
    let mut client = ClientConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&[&TLS13])
        .map_err(wrong)?
        .with_root_certificates(roots.clone())
        .with_client_auth_cert(vec![credentials.own.clone()], credentials.key.clone_key())
        .map_err(wrong)?;
    client.resumption = Resumption::disabled();
    Ok(client)
}

impl<N: Net> Net for Tls<N> {
    type Stream = Stream<N::Stream>;
    type Listener = N::Listener;
    type Datagrams = N::Datagrams;

    async fn listen(&self, port: u16) -> io::Result<N::Listener> {
        self.plain.listen(port).await
    }

    fn port(listener: &N::Listener) -> io::Result<u16> {
        N::port(listener)
    }

    async fn accept(&self, listener: &mut N::Listener) -> io::Result<Self::Stream> {
        let below = self.plain.accept(listener).await?;
        let (from, shake) = (N::peer(&below), self.accepts.accept(below));
        Ok(self.stream(from, async move { shake.await.map(TlsStream::Server) }))
    }

    fn peer(stream: &Self::Stream) -> Option<IpAddr> {
        stream.from
    }

    fn witness(stream: &Self::Stream) -> Witness {
        let peer = stream.peer.clone();
        Rc::new(move |node| peer.get().is_some_and(|peer| bears(peer, &name_of(node))))
    }

    async fn connect(&self, to: &Address) -> io::Result<Self::Stream> {
        let is_controller = self.controller.as_ref() == Some(to);
        let name = if is_controller { CONTROLLER } else { to.host.as_str() };
        let name = ServerName::try_from(name.to_owned())
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        let shake = self.connects.connect(name, self.plain.connect(to).await?);
        Ok(self.stream(None, async move { shake.await.map(TlsStream::Client) }))
    }

    async fn bind(&self, port: u16) -> io::Result<N::Datagrams> {
        self.plain.bind(port).await
    }

    fn datagram_port(socket: &N::Datagrams) -> io::Result<u16> {
        N::datagram_port(socket)
    }

    async fn send_to(&self, socket: &N::Datagrams, bytes: &[u8], to: &Address) -> io::Result<()> {
        self.plain.send_to(socket, bytes, to).await
    }

    async fn recv_from(
        &self,
        socket: &N::Datagrams,
        buffer: &mut [u8],
    ) -> io::Result<(usize, Address)> {
        self.plain.recv_from(socket, buffer).await
    }

    fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        self.plain.spawn(task);
    }
}

/// Whether a certificate bears a name.
fn bears(certificate: &CertificateDer<'_>, name: &str) -> bool {
    let (Ok(parsed), Ok(name)) =
        (ParsedCertificate::try_from(certificate), ServerName::try_from(name))
    else {
        return false;
    };
    verify_server_name(&parsed, &name).is_ok()
}

type Shake<S> = Pin<Box<dyn Future<Output = io::Result<TlsStream<S>>>>>;

enum State<S> {
    Shaking(Shake<S>),
    Up(Box<TlsStream<S>>),
    Failed(io::ErrorKind),
}

/// A connection, whose handshake is made by its first read or write.
pub struct Stream<S> {
    state: State<S>,
    /// Reader and writer may both wait for the handshake, and its socket knows only the last.
    waiting: Vec<Waker>,
    /// The peer's address, if he called.
    from: Option<IpAddr>,
    /// The peer's certificate, once it is proven.
    peer: Rc<OnceCell<CertificateDer<'static>>>,
    refused: Refused,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Stream<S> {
    fn poll_up(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Pin<&mut TlsStream<S>>>> {
        if let State::Shaking(shake) = &mut self.state {
            match shake.as_mut().poll(context) {
                Poll::Pending => {
                    if !self.waiting.iter().any(|waker| waker.will_wake(context.waker())) {
                        self.waiting.push(context.waker().clone());
                    }
                    return Poll::Pending;
                }
                Poll::Ready(Ok(stream)) => {
                    let chain = stream.get_ref().1.peer_certificates();
                    if let Some(own) = chain.and_then(|chain| chain.first()) {
                        let _ = self.peer.set(own.clone().into_owned());
                    }
                    self.state = State::Up(Box::new(stream));
                }
                Poll::Ready(Err(error)) => {
                    (self.refused)(&error);
                    self.state = State::Failed(error.kind());
                }
            }
            self.waiting.drain(..).for_each(Waker::wake);
        }
        match &mut self.state {
            State::Up(stream) => Poll::Ready(Ok(Pin::new(stream))),
            State::Failed(kind) => Poll::Ready(Err((*kind).into())),
            State::Shaking(_) => Poll::Pending,
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Stream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let up = std::task::ready!(self.poll_up(context))?;
        let read = std::task::ready!(up.poll_read(context, buffer));
        // In TLS 1.3 a client learns only now that its own certificate was refused.
        Poll::Ready(read.inspect_err(|error| {
            if error.kind() == io::ErrorKind::InvalidData {
                (self.refused)(error);
            }
        }))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Stream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        std::task::ready!(self.poll_up(context))?.poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        std::task::ready!(self.poll_up(context))?.poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        std::task::ready!(self.poll_up(context))?.poll_shutdown(context)
    }
}
