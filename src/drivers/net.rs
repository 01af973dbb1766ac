//! The real network: TCP and UDP of the operating system, without encryption.
//!
//! Not modelled: encryption. Whoever reaches the port can join, so that these sockets listen only
//! on the address that they are given.

use std::future::Future;
use std::io;
use std::net::IpAddr;

use tokio::net::{TcpListener, TcpStream, UdpSocket};

use crate::fleet::doors::{Address, Net};

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
        TcpListener::bind((self.own, port)).await
    }

    fn port(listener: &TcpListener) -> io::Result<u16> {
        listener.local_addr().map(|address| address.port())
    }

    async fn accept(&self, listener: &mut TcpListener) -> io::Result<TcpStream> {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    async fn connect(&self, to: &Address) -> io::Result<TcpStream> {
        let stream = TcpStream::connect((to.host.as_str(), to.port)).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    async fn bind(&self, port: u16) -> io::Result<UdpSocket> {
        UdpSocket::bind((self.own, port)).await
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
