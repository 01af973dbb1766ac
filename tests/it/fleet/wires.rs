//! A network in memory for paused time: nothing is random, and any host can be cut off.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::io::{self, ErrorKind};
use std::net::IpAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use rackstorm::fleet::ports::{Address, Net};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf, duplex};
use tokio::sync::{Mutex, mpsc};
use tokio::time::sleep;

const LATENCY: Duration = Duration::from_millis(1);
const BUFFER: usize = 1 << 20;

type Key = (String, u16);
type Post = mpsc::UnboundedSender<(Vec<u8>, Address)>;

#[derive(Default)]
struct Cable {
    listeners: RefCell<BTreeMap<Key, mpsc::UnboundedSender<Wire>>>,
    sockets: RefCell<BTreeMap<Key, Post>>,
    cut: RefCell<BTreeSet<String>>,
    ports: Cell<u16>,
}

/// The network as one host sees it.
#[derive(Clone)]
pub(crate) struct Wires {
    cable: Rc<Cable>,
    host: String,
}

/// One end of a connection. Bytes from or to a host that is cut off vanish.
pub(crate) struct Wire {
    stream: DuplexStream,
    cable: Rc<Cable>,
    ends: [String; 2],
}

pub(crate) struct Sockets {
    own: Address,
    queue: Mutex<mpsc::UnboundedReceiver<(Vec<u8>, Address)>>,
}

pub(crate) struct Listener {
    port: u16,
    queue: mpsc::UnboundedReceiver<Wire>,
}

impl Wires {
    pub(crate) fn new(host: &str) -> Self {
        Self { cable: Rc::default(), host: host.into() }
    }

    pub(crate) fn of(&self, host: &str) -> Self {
        Self { cable: self.cable.clone(), host: host.into() }
    }

    pub(crate) fn cut(&self, host: &str, cut: bool) {
        let mut hosts = self.cable.cut.borrow_mut();
        if cut {
            hosts.insert(host.into());
        } else {
            hosts.remove(host);
        }
    }

    fn is_cut(&self, host: &str) -> bool {
        let cut = self.cable.cut.borrow();
        cut.contains(host) || cut.contains(&self.host)
    }

    fn free_port(&self, port: u16) -> u16 {
        self.cable.ports.set(self.cable.ports.get() + 1);
        if port == 0 { 10_000 + self.cable.ports.get() } else { port }
    }
}

impl Net for Wires {
    type Stream = Wire;
    type Listener = Listener;
    type Datagrams = Sockets;

    async fn listen(&self, port: u16) -> io::Result<Listener> {
        let port = self.free_port(port);
        let (to, queue) = mpsc::unbounded_channel();
        self.cable.listeners.borrow_mut().insert((self.host.clone(), port), to);
        Ok(Listener { port, queue })
    }

    fn port(listener: &Listener) -> io::Result<u16> {
        Ok(listener.port)
    }

    async fn accept(&self, listener: &mut Listener) -> io::Result<Wire> {
        listener.queue.recv().await.ok_or(ErrorKind::BrokenPipe.into())
    }

    /// A host has one address, made of its name.
    fn peer(wire: &Wire) -> Option<IpAddr> {
        let bits =
            wire.ends[0].bytes().fold(0, |all: u32, one| all * 31 % 0xff_ffff + u32::from(one));
        Some(IpAddr::from((10 << 24 | bits).to_be_bytes()))
    }

    async fn connect(&self, to: &Address) -> io::Result<Wire> {
        sleep(LATENCY).await;
        if self.is_cut(&to.host) {
            return std::future::pending().await;
        }
        let (near, far) = duplex(BUFFER);
        let ends = [self.host.clone(), to.host.clone()];
        let wire = |stream| Wire { stream, cable: self.cable.clone(), ends: ends.clone() };
        let listeners = self.cable.listeners.borrow();
        let refused = || io::Error::from(ErrorKind::ConnectionRefused);
        let listener = listeners.get(&(to.host.clone(), to.port)).ok_or_else(refused)?;
        listener.send(wire(far)).map_err(|_| refused())?;
        Ok(wire(near))
    }

    async fn bind(&self, port: u16) -> io::Result<Sockets> {
        let port = self.free_port(port);
        let (to, queue) = mpsc::unbounded_channel();
        self.cable.sockets.borrow_mut().insert((self.host.clone(), port), to);
        Ok(Sockets { own: Address::new(self.host.clone(), port), queue: Mutex::new(queue) })
    }

    fn datagram_port(socket: &Sockets) -> io::Result<u16> {
        Ok(socket.own.port)
    }

    async fn send_to(&self, socket: &Sockets, bytes: &[u8], to: &Address) -> io::Result<()> {
        sleep(LATENCY).await;
        if !self.is_cut(&to.host)
            && let Some(queue) = self.cable.sockets.borrow().get(&(to.host.clone(), to.port))
        {
            let _ = queue.send((bytes.to_vec(), socket.own.clone()));
        }
        Ok(())
    }

    async fn recv_from(&self, socket: &Sockets, buffer: &mut [u8]) -> io::Result<(usize, Address)> {
        let (bytes, from) = socket.queue.lock().await.recv().await.ok_or(ErrorKind::BrokenPipe)?;
        let n = bytes.len().min(buffer.len());
        buffer[..n].copy_from_slice(&bytes[..n]);
        Ok((n, from))
    }

    fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        tokio::task::spawn_local(task);
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let is_cut = self.ends.iter().any(|end| self.cable.cut.borrow().contains(end));
        if is_cut {
            return Poll::Ready(Ok(bytes.len()));
        }
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
