//! The real network: TCP and UDP of the operating system, without encryption.
//!
//! Whoever reaches the port can join. Tests use it; [`super::tls`] is for a rack.

use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::task::yield_now;

use crate::fleet::ports::{Address, Net};

/// A peer that is silent for so long is asked whether it is there (assumption: a detector's timeout
/// is of this order), then after each of these spans, so many times.
const KEEPALIVE: Duration = Duration::from_secs(15);
const KEEPALIVE_AGAIN: Duration = Duration::from_secs(5);
const KEEPALIVE_TRIES: u32 = 3;

/// Connections that wait to be accepted, and bytes of datagrams that wait to be taken, as far as
/// the system gives so much: in a flood of 2,000 a second there is room for two seconds of the one
/// and one of the other (a small datagram takes 768 bytes of Linux), so that no agent is lost in it
/// while the process waits for a processor.
const BACKLOG: i32 = 4_096;
const DATAGRAMS: usize = 1 << 20;

/// Lets small messages leave at once, and finds out when the peer's host is gone.
fn tune(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let keepalive = TcpKeepalive::new().with_time(KEEPALIVE).with_interval(KEEPALIVE_AGAIN);
    SockRef::from(stream).set_tcp_keepalive(&keepalive.with_retries(KEEPALIVE_TRIES))
}

/// The address with which this host reaches another one. Nothing is sent.
///
/// # Errors
/// When there is no way, or no such host.
pub async fn own_address(towards: &Address) -> io::Result<IpAddr> {
    let mut why = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for to in tokio::net::lookup_host((towards.host.as_str(), towards.port)).await? {
        let any = if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
        let socket = UdpSocket::bind(any).await?;
        match socket.connect(to).await {
            Ok(()) => return socket.local_addr().map(|own| own.ip()),
            Err(error) => why = error,
        }
    }
    Err(why)
}

/// The network as seen from one host. Needs a tokio runtime with I/O and a `LocalSet`.
#[derive(Clone, Copy, Debug)]
pub struct Plain {
    /// The host's own address: it listens there and nowhere else.
    pub own: IpAddr,
}

impl Net for Plain {
    type Stream = TcpStream;
    type Listener = TcpListener;
    type Datagrams = UdpSocket;

    async fn listen(&self, port: u16) -> io::Result<TcpListener> {
        let listener = TcpListener::bind((self.own, port)).await?;
        let _ = SockRef::from(&listener).listen(BACKLOG);
        Ok(listener)
    }

    fn port(listener: &TcpListener) -> io::Result<u16> {
        listener.local_addr().map(|address| address.port())
    }

    /// After each connection everybody else has his turn: in a flood, the heartbeats of agents.
    async fn accept(&self, listener: &mut TcpListener) -> io::Result<TcpStream> {
        yield_now().await;
        let (stream, _) = listener.accept().await?;
        // One that cannot be tuned is gone already, which its reader finds out.
        let _ = tune(&stream);
        Ok(stream)
    }

    fn peer(stream: &TcpStream) -> Option<IpAddr> {
        stream.peer_addr().ok().map(|address| address.ip())
    }

    async fn connect(&self, to: &Address) -> io::Result<TcpStream> {
        let stream = TcpStream::connect((to.host.as_str(), to.port)).await?;
        tune(&stream)?;
        Ok(stream)
    }

    async fn bind(&self, port: u16) -> io::Result<UdpSocket> {
        let socket = UdpSocket::bind((self.own, port)).await?;
        // As much of it as the system gives.
        let _ = SockRef::from(&socket).set_recv_buffer_size(DATAGRAMS);
        Ok(socket)
    }

    fn datagram_port(socket: &UdpSocket) -> io::Result<u16> {
        socket.local_addr().map(|address| address.port())
    }

    async fn send_to(&self, socket: &UdpSocket, bytes: &[u8], to: &Address) -> io::Result<()> {
        socket.send_to(bytes, (to.host.as_str(), to.port)).await.map(drop)
    }

    async fn recv_from(
        &self,
        socket: &UdpSocket,
        buffer: &mut [u8],
    ) -> io::Result<(usize, Address)> {
        let (n, from) = socket.recv_from(buffer).await?;
        Ok((n, Address::new(from.ip().to_string(), from.port())))
    }

    fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        tokio::task::spawn_local(task);
    }
}
