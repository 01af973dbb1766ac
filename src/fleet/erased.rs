//! Ports behind pointers: whatever a stage puts there, the programs of the fleet are compiled once.
//!
//! ```text
//!  stage: impl Net, Power, ...     AgentPorts<N, S, H, T>  --run-->  AgentPorts<AnyNet, ...>
//! ```
//!
//! A call costs an allocation, and as many polls as without.

use std::any::Any;
use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::event::Cause;
use crate::fleet::ports::{
    Address, Harm, InjectionOrder, Net, Object, Power, PowerState, Store, Witness,
};
use crate::ids::{NodeId, Part};
use crate::units::Bytes;

type Reply<'a, T> = Pin<Box<dyn Future<Output = io::Result<T>> + 'a>>;

/// A network.
#[derive(Clone)]
pub(super) struct AnyNet(Rc<dyn DynNet>);

/// What accepts connections, and how its port is had.
pub(super) struct AnyListener(Box<dyn Any>, fn(&dyn Any) -> io::Result<u16>);

/// A socket for datagrams, and how its port is had.
pub(super) struct AnyDatagrams(Box<dyn Any>, fn(&dyn Any) -> io::Result<u16>);

/// A connection, and what its network knows of its peer.
pub(super) trait DynStream: AsyncRead + AsyncWrite + Unpin {
    fn witness(&self) -> Witness;
    fn peer(&self) -> Option<IpAddr>;
}

/// A connection of a network.
struct StreamOf<N: Net>(N::Stream);

trait DynNet {
    fn listen(&self, port: u16) -> Reply<'_, AnyListener>;
    fn accept<'a>(&'a self, listener: &'a mut AnyListener) -> Reply<'a, Box<dyn DynStream>>;
    fn connect<'a>(&'a self, to: &'a Address) -> Reply<'a, Box<dyn DynStream>>;
    fn bind(&self, port: u16) -> Reply<'_, AnyDatagrams>;
    fn send_to<'a>(
        &'a self,
        socket: &'a AnyDatagrams,
        bytes: &'a [u8],
        to: &'a Address,
    ) -> Reply<'a, ()>;
    fn recv_from<'a>(
        &'a self,
        socket: &'a AnyDatagrams,
        buffer: &'a mut [u8],
    ) -> Reply<'a, (usize, Address)>;
    fn spawn(&self, task: Pin<Box<dyn Future<Output = ()>>>);
}

const ITS_OWN: &str = "a network is given what is its own";

impl<N: Net> DynNet for N {
    fn listen(&self, port: u16) -> Reply<'_, AnyListener> {
        let port_of = |it: &dyn Any| N::port(it.downcast_ref().expect(ITS_OWN));
        Box::pin(async move { Ok(AnyListener(Box::new(Net::listen(self, port).await?), port_of)) })
    }

    fn accept<'a>(&'a self, listener: &'a mut AnyListener) -> Reply<'a, Box<dyn DynStream>> {
        let listener = listener.0.downcast_mut().expect(ITS_OWN);
        Box::pin(async move { Ok(wire::<N>(Net::accept(self, listener).await?)) })
    }

    fn connect<'a>(&'a self, to: &'a Address) -> Reply<'a, Box<dyn DynStream>> {
        Box::pin(async move { Ok(wire::<N>(Net::connect(self, to).await?)) })
    }

    fn bind(&self, port: u16) -> Reply<'_, AnyDatagrams> {
        let port_of = |it: &dyn Any| N::datagram_port(it.downcast_ref().expect(ITS_OWN));
        Box::pin(async move { Ok(AnyDatagrams(Box::new(Net::bind(self, port).await?), port_of)) })
    }

    fn send_to<'a>(
        &'a self,
        socket: &'a AnyDatagrams,
        bytes: &'a [u8],
        to: &'a Address,
    ) -> Reply<'a, ()> {
        Box::pin(Net::send_to(self, socket.0.downcast_ref().expect(ITS_OWN), bytes, to))
    }

    fn recv_from<'a>(
        &'a self,
        socket: &'a AnyDatagrams,
        buffer: &'a mut [u8],
    ) -> Reply<'a, (usize, Address)> {
        Box::pin(Net::recv_from(self, socket.0.downcast_ref().expect(ITS_OWN), buffer))
    }

    fn spawn(&self, task: Pin<Box<dyn Future<Output = ()>>>) {
        Net::spawn(self, task);
    }
}

fn wire<N: Net>(stream: N::Stream) -> Box<dyn DynStream> {
    Box::new(StreamOf::<N>(stream))
}

impl<N: Net> DynStream for StreamOf<N> {
    fn witness(&self) -> Witness {
        N::witness(&self.0)
    }

    fn peer(&self) -> Option<IpAddr> {
        N::peer(&self.0)
    }
}

impl<N: Net> AsyncRead for StreamOf<N> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl<N: Net> AsyncWrite for StreamOf<N> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

impl AnyNet {
    /// This network.
    pub(super) fn new(net: impl Net) -> Self {
        Self(Rc::new(net))
    }
}

impl Net for AnyNet {
    type Stream = Box<dyn DynStream>;
    type Listener = AnyListener;
    type Datagrams = AnyDatagrams;

    async fn listen(&self, port: u16) -> io::Result<AnyListener> {
        self.0.listen(port).await
    }

    fn port(listener: &AnyListener) -> io::Result<u16> {
        (listener.1)(&*listener.0)
    }

    async fn accept(&self, listener: &mut AnyListener) -> io::Result<Box<dyn DynStream>> {
        self.0.accept(listener).await
    }

    fn witness(stream: &Box<dyn DynStream>) -> Witness {
        stream.witness()
    }

    fn peer(stream: &Box<dyn DynStream>) -> Option<IpAddr> {
        stream.peer()
    }

    async fn connect(&self, to: &Address) -> io::Result<Box<dyn DynStream>> {
        self.0.connect(to).await
    }

    async fn bind(&self, port: u16) -> io::Result<AnyDatagrams> {
        self.0.bind(port).await
    }

    fn datagram_port(socket: &AnyDatagrams) -> io::Result<u16> {
        (socket.1)(&*socket.0)
    }

    async fn send_to(&self, socket: &AnyDatagrams, bytes: &[u8], to: &Address) -> io::Result<()> {
        self.0.send_to(socket, bytes, to).await
    }

    async fn recv_from(
        &self,
        socket: &AnyDatagrams,
        buffer: &mut [u8],
    ) -> io::Result<(usize, Address)> {
        self.0.recv_from(socket, buffer).await
    }

    fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        self.0.spawn(Box::pin(task));
    }
}

/// Power switches.
#[derive(Clone)]
pub(super) struct AnyPower(Rc<dyn DynPower>);

trait DynPower {
    fn on(&self, node: NodeId) -> Reply<'_, ()>;
    fn off(&self, node: NodeId, cause: Cause) -> Reply<'_, ()>;
    fn state(&self, node: NodeId) -> Reply<'_, PowerState>;
}

impl<P: Power> DynPower for P {
    fn on(&self, node: NodeId) -> Reply<'_, ()> {
        Box::pin(Power::on(self, node))
    }

    fn off(&self, node: NodeId, cause: Cause) -> Reply<'_, ()> {
        Box::pin(Power::off(self, node, cause))
    }

    fn state(&self, node: NodeId) -> Reply<'_, PowerState> {
        Box::pin(Power::state(self, node))
    }
}

impl AnyPower {
    /// These switches.
    pub(super) fn new(power: impl Power) -> Self {
        Self(Rc::new(power))
    }
}

impl Power for AnyPower {
    async fn on(&self, node: NodeId) -> io::Result<()> {
        self.0.on(node).await
    }

    async fn off(&self, node: NodeId, cause: Cause) -> io::Result<()> {
        self.0.off(node, cause).await
    }

    async fn state(&self, node: NodeId) -> io::Result<PowerState> {
        self.0.state(node).await
    }
}

/// Actuators.
#[derive(Clone)]
pub(super) struct AnyHarm(Rc<dyn DynHarm>);

trait DynHarm {
    fn agents(&self, injection: &InjectionOrder) -> Vec<(NodeId, InjectionOrder)>;
    fn entrust(&self, injection: &InjectionOrder, begin: bool) -> io::Result<()>;
    fn do_harm<'a>(&'a self, injection: &'a InjectionOrder) -> Reply<'a, ()>;
    fn undo<'a>(&'a self, injection: &'a InjectionOrder) -> Reply<'a, ()>;
}

impl<H: Harm> DynHarm for H {
    fn agents(&self, injection: &InjectionOrder) -> Vec<(NodeId, InjectionOrder)> {
        Harm::agents(self, injection)
    }

    fn entrust(&self, injection: &InjectionOrder, begin: bool) -> io::Result<()> {
        Harm::entrust(self, injection, begin)
    }

    fn do_harm<'a>(&'a self, injection: &'a InjectionOrder) -> Reply<'a, ()> {
        Box::pin(Harm::do_harm(self, injection))
    }

    fn undo<'a>(&'a self, injection: &'a InjectionOrder) -> Reply<'a, ()> {
        Box::pin(Harm::undo(self, injection))
    }
}

impl AnyHarm {
    /// These actuators.
    pub(super) fn new(harm: impl Harm) -> Self {
        Self(Rc::new(harm))
    }
}

impl Harm for AnyHarm {
    fn agents(&self, injection: &InjectionOrder) -> Vec<(NodeId, InjectionOrder)> {
        self.0.agents(injection)
    }

    fn entrust(&self, injection: &InjectionOrder, begin: bool) -> io::Result<()> {
        self.0.entrust(injection, begin)
    }

    async fn do_harm(&self, injection: &InjectionOrder) -> io::Result<()> {
        self.0.do_harm(injection).await
    }

    async fn undo(&self, injection: &InjectionOrder) -> io::Result<()> {
        self.0.undo(injection).await
    }
}

/// Where images are kept.
#[derive(Clone)]
pub(super) struct AnyStore(Rc<dyn DynStore>);

trait DynStore {
    fn put<'a>(
        &'a self,
        object: Object,
        name: &'a str,
        data: Vec<u8>,
        declared: Bytes,
    ) -> Reply<'a, ()>;
    fn get<'a>(
        &'a self,
        object: Object,
        name: &'a str,
        declared: Bytes,
    ) -> Reply<'a, Option<Vec<u8>>>;
    fn carry(&self, from: Part, to: Part, bytes: Bytes) -> Reply<'_, Bytes>;
    fn delete<'a>(&'a self, object: Object, name: &'a str) -> Reply<'a, ()>;
}

impl<S: Store> DynStore for S {
    fn put<'a>(
        &'a self,
        object: Object,
        name: &'a str,
        data: Vec<u8>,
        declared: Bytes,
    ) -> Reply<'a, ()> {
        Box::pin(Store::put(self, object, name, data, declared))
    }

    fn get<'a>(
        &'a self,
        object: Object,
        name: &'a str,
        declared: Bytes,
    ) -> Reply<'a, Option<Vec<u8>>> {
        Box::pin(Store::get(self, object, name, declared))
    }

    fn carry(&self, from: Part, to: Part, bytes: Bytes) -> Reply<'_, Bytes> {
        Box::pin(Store::carry(self, from, to, bytes))
    }

    fn delete<'a>(&'a self, object: Object, name: &'a str) -> Reply<'a, ()> {
        Box::pin(Store::delete(self, object, name))
    }
}

impl AnyStore {
    /// This store.
    pub(super) fn new(store: impl Store) -> Self {
        Self(Rc::new(store))
    }
}

impl Store for AnyStore {
    async fn put(
        &self,
        object: Object,
        name: &str,
        data: Vec<u8>,
        declared: Bytes,
    ) -> io::Result<()> {
        self.0.put(object, name, data, declared).await
    }

    async fn get(
        &self,
        object: Object,
        name: &str,
        declared: Bytes,
    ) -> io::Result<Option<Vec<u8>>> {
        self.0.get(object, name, declared).await
    }

    async fn carry(&self, from: Part, to: Part, bytes: Bytes) -> io::Result<Bytes> {
        self.0.carry(from, to, bytes).await
    }

    async fn delete(&self, object: Object, name: &str) -> io::Result<()> {
        self.0.delete(object, name).await
    }
}
