//! The port [`ports::Net`] over the simulated network: sockets that know whose they are.
//!
//! turmoil-net acts for whichever host is set as the current one. Every socket here sets its own
//! host before each poll and before it is dropped, whichever task does it.

use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use turmoil_net::shim::tokio::net::{TcpListener, TcpStream, UdpSocket};
use turmoil_net::{HostId, set_current};

use super::hosts::Hosts;
use super::play::{CONTROLLER_NAME, Kernels};
use super::wire::Wire;
use crate::fleet::ports::{self, Address};

/// The network as one life of one host sees it.
#[derive(Clone)]
pub(super) struct Net {
    wire: Rc<Wire>,
    hosts: Rc<Hosts>,
    host: usize,
    id: HostId,
    life: u32,
}

/// A connection of a host.
pub(super) struct Stream {
    wire: Rc<Wire>,
    id: HostId,
    /// The peer's address, if he called.
    from: Option<IpAddr>,
    inner: Option<TcpStream>,
    /// What was read from the kernel and not yet taken.
    rest: Vec<u8>,
    taken: usize,
}

/// A listener or a socket for datagrams of a host.
pub(super) struct Own<S> {
    wire: Rc<Wire>,
    id: HostId,
    inner: Option<S>,
}

impl Net {
    /// The network for the life of a host that runs now.
    pub(super) fn new(kernels: &Kernels, host: usize) -> Self {
        let (wire, hosts) = (Rc::clone(&kernels.wire), Rc::clone(&kernels.hosts));
        let (id, life) = (wire.host(host).id, hosts.life(host));
        Self { wire, hosts, host, id, life }
    }

    /// A host without power does nothing, and a former life does nothing to the next one.
    fn lives(&self) -> io::Result<()> {
        if self.hosts.life(self.host) == self.life && self.wire.is_alive(self.host) {
            return Ok(());
        }
        Err(io::Error::new(io::ErrorKind::NetworkDown, "the host lost its power"))
    }

    fn scoped<F: Future>(&self, inner: F) -> Scoped<F> {
        Scoped { id: self.id, inner: Some(Box::pin(inner)) }
    }

    fn resolve(&self, to: &Address, connects: bool) -> io::Result<SocketAddr> {
        if to.host == CONTROLLER_NAME {
            return Ok((self.wire.controller_for(connects), to.port).into());
        }
        let ip: Option<IpAddr> = turmoil_net::lookup_host(&to.host);
        let unknown = || io::Error::new(io::ErrorKind::NotFound, format!("no host {}", to.host));
        Ok((ip.ok_or_else(unknown)?, to.port).into())
    }

    fn own<S>(&self, inner: S) -> Own<S> {
        Own { wire: Rc::clone(&self.wire), id: self.id, inner: Some(inner) }
    }

    fn stream(&self, inner: TcpStream, from: Option<IpAddr>) -> Stream {
        let (wire, id) = (Rc::clone(&self.wire), self.id);
        Stream { wire, id, from, inner: Some(inner), rest: Vec::new(), taken: 0 }
    }
}

fn any(port: u16) -> SocketAddr {
    (Ipv4Addr::UNSPECIFIED, port).into()
}

impl ports::Net for Net {
    type Stream = Stream;
    type Listener = Own<TcpListener>;
    type Datagrams = Own<UdpSocket>;

    /// A well-known port is moved if a former life left something on it: turmoil-net 0.1 keeps a
    /// half-open connection that was reset before it was accepted, and its port with it, for ever.
    async fn listen(&self, port: u16) -> io::Result<Self::Listener> {
        self.lives()?;
        let listener = match self.scoped(TcpListener::bind(any(port))).await {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                self.scoped(TcpListener::bind(any(0))).await
            }
            bound => bound,
        };
        let listener = self.own(listener?);
        let at = Self::port(&listener)?;
        let free = port == 0 || self.wire.place_port(self.host, self.life, port, at);
        free.then_some(listener).ok_or_else(|| io::ErrorKind::AddrInUse.into())
    }

    fn port(listener: &Self::Listener) -> io::Result<u16> {
        set_current(listener.id);
        Ok(listener.socket().local_addr()?.port())
    }

    async fn accept(&self, listener: &mut Self::Listener) -> io::Result<Self::Stream> {
        let (stream, from) = self.scoped(listener.socket().accept()).await?;
        self.wire.touch();
        Ok(self.stream(stream, Some(from.ip())))
    }

    fn peer(stream: &Stream) -> Option<IpAddr> {
        stream.from
    }

    async fn connect(&self, to: &Address) -> io::Result<Self::Stream> {
        self.lives()?;
        let to = self.resolve(to, true)?;
        let to = SocketAddr::new(to.ip(), self.wire.port_of(to.ip(), to.port()));
        self.wire.touch();
        let stream = self.scoped(TcpStream::connect(to)).await?;
        Ok(self.stream(stream, None))
    }

    async fn bind(&self, port: u16) -> io::Result<Self::Datagrams> {
        self.lives()?;
        Ok(self.own(self.scoped(UdpSocket::bind(any(port))).await?))
    }

    fn datagram_port(socket: &Self::Datagrams) -> io::Result<u16> {
        set_current(socket.id);
        Ok(socket.socket().local_addr()?.port())
    }

    async fn send_to(
        &self,
        socket: &Self::Datagrams,
        bytes: &[u8],
        to: &Address,
    ) -> io::Result<()> {
        self.lives()?;
        let to = self.resolve(to, false)?;
        self.scoped(socket.socket().send_to(bytes, to)).await?;
        self.wire.touch();
        Ok(())
    }

    async fn recv_from(
        &self,
        socket: &Self::Datagrams,
        buffer: &mut [u8],
    ) -> io::Result<(usize, Address)> {
        let (length, from) = self.scoped(socket.socket().recv_from(buffer)).await?;
        Ok((length, Address::new(from.ip().to_string(), from.port())))
    }

    fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        if self.lives().is_ok() {
            self.hosts.spawn(self.host, task);
        }
    }
}

impl<S> Own<S> {
    fn socket(&self) -> &S {
        self.inner.as_ref().expect("it is there until it is dropped")
    }
}

impl<S> Drop for Own<S> {
    fn drop(&mut self) {
        set_current(self.id);
        self.inner = None;
        self.wire.touch();
    }
}

impl Stream {
    fn inner(&mut self) -> Pin<&mut TcpStream> {
        set_current(self.id);
        Pin::new(self.inner.as_mut().expect("it is there until it is dropped"))
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        set_current(self.id);
        self.inner = None;
        self.wire.touch();
    }
}

impl AsyncRead for Stream {
    /// Takes all that the kernel has at once: turmoil-net opens a closed window only for a read
    /// of half its buffer or more.
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.taken == self.rest.len() {
            let wire = Rc::clone(&self.wire);
            let mut scratch = wire.scratch.borrow_mut();
            let mut read = ReadBuf::new(&mut scratch);
            ready!(self.inner().poll_read(context, &mut read))?;
            wire.touch();
            let here = self.get_mut();
            here.rest.clear();
            here.taken = 0;
            let now = read.filled().len().min(buffer.remaining());
            let (first, rest) = read.filled().split_at(now);
            buffer.put_slice(first);
            here.rest.extend_from_slice(rest);
            return Poll::Ready(Ok(()));
        }
        let end = self.rest.len().min(self.taken + buffer.remaining());
        buffer.put_slice(&self.rest[self.taken..end]);
        self.taken = end;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let wrote = ready!(self.inner().poll_write(context, bytes));
        self.wire.touch();
        Poll::Ready(wrote)
    }

    fn poll_flush(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let done = ready!(self.inner().poll_shutdown(context));
        self.wire.touch();
        Poll::Ready(done)
    }
}

/// A future that acts for one host, also when it is dropped half-way.
struct Scoped<F> {
    id: HostId,
    inner: Option<Pin<Box<F>>>,
}

impl<F: Future> Future for Scoped<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        set_current(self.id);
        let inner = self.inner.as_mut().expect("it is there until it is dropped");
        inner.as_mut().poll(context)
    }
}

impl<F> Drop for Scoped<F> {
    fn drop(&mut self) {
        set_current(self.id);
        self.inner = None;
    }
}
