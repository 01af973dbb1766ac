//! The ports: all that the fleet may do to the world, as traits that a stage carries out.
//!
//! Who emits what. The *stage* emits what its hardware does: [`What::NodeState`],
//! [`What::PartState`], [`What::Transfer`], [`What::Reading`] and [`What::RunEnds`]. The *fleet*
//! emits what the experiment and the job do: [`What::FaultStrikes`] and [`What::FaultEnds`] (by
//! the controller, just before it asks [`Harm`] for the injection), [`What::Alarm`],
//! [`What::JobPhase`], [`What::JobNode`], [`What::StepDone`], [`What::Checkpoint`],
//! [`What::WorkLost`].
//!
//! No future of a port need be `Send`: all tasks of a host run on one thread. Every call may be
//! dropped half-way (the host crashed, or the fleet's timeout ran out); the fleet sets a timeout
//! around every read, write, connect, harm and power act. A [`Store`] may take its time, as long
//! as data move; it gives up by itself when they do not, and the fleet calls again.

use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::rc::Rc;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::event::{Cause, Fault, What};
use crate::fleet::admission::Refusals;
use crate::fleet::means::Ability;
pub use crate::fleet::means::Means;
use crate::ids::{FaultId, Life, NodeId, Part};
use crate::units::{Bytes, Span};

/// Where a host listens: a name or an IP address, and a port.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Address {
    /// What the stage's network resolves: `node-3`, `10.0.0.7`.
    pub host: String,
    /// The port.
    pub port: u16,
}

impl Address {
    /// An address.
    #[must_use]
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Self { host: host.into(), port }
    }
}

/// Says whether a peer proved to be the agent of a node.
pub type Witness = Rc<dyn Fn(NodeId) -> bool>;

/// The network, and the tasks of the host that stands on it. One value is one host's: a clone is
/// the same host.
pub trait Net: Clone + 'static {
    /// A connection.
    type Stream: AsyncRead + AsyncWrite + Unpin + 'static;
    /// What accepts connections.
    type Listener: 'static;
    /// A socket for datagrams.
    type Datagrams: 'static;

    /// Listens at this port, or at a free one if it is 0.
    fn listen(&self, port: u16) -> impl Future<Output = io::Result<Self::Listener>>;
    /// The port that a listener has.
    ///
    /// # Errors
    /// Those of the socket.
    fn port(listener: &Self::Listener) -> io::Result<u16>;
    /// The next connection. Safe to drop: no connection is lost by it.
    fn accept(
        &self,
        listener: &mut Self::Listener,
    ) -> impl Future<Output = io::Result<Self::Stream>>;
    /// Whom the peer of an accepted connection may speak for, asked once it has said who it is. A
    /// network that proves nothing believes everybody.
    fn witness(_stream: &Self::Stream) -> Witness {
        Rc::new(|_| true)
    }
    /// The address of the peer of an accepted connection, where the network knows it: as long as he
    /// has proven nothing, he has a bounded number of them.
    fn peer(_stream: &Self::Stream) -> Option<IpAddr> {
        None
    }
    /// Connects.
    fn connect(&self, to: &Address) -> impl Future<Output = io::Result<Self::Stream>>;

    /// Opens a socket for datagrams at this port, or at a free one if it is 0.
    fn bind(&self, port: u16) -> impl Future<Output = io::Result<Self::Datagrams>>;
    /// The port that a socket for datagrams has.
    ///
    /// # Errors
    /// Those of the socket.
    fn datagram_port(socket: &Self::Datagrams) -> io::Result<u16>;
    /// Sends a datagram; whether it arrives nobody knows.
    fn send_to(
        &self,
        socket: &Self::Datagrams,
        bytes: &[u8],
        to: &Address,
    ) -> impl Future<Output = io::Result<()>>;
    /// The next datagram: its length in `buffer` and where it came from. Safe to drop.
    fn recv_from(
        &self,
        socket: &Self::Datagrams,
        buffer: &mut [u8],
    ) -> impl Future<Output = io::Result<(usize, Address)>>;

    /// Starts a task of this host. It ends with the host, crash included.
    fn spawn(&self, task: impl Future<Output = ()> + 'static);
}

/// What a node's power switch says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PowerState {
    /// Its channel is off.
    Off,
    /// Its channel is on.
    On,
    /// Its channel cannot be switched on: the feed is dead.
    Dead,
}

/// The power switches of the nodes. Only the controller uses them.
pub trait Power: Clone + 'static {
    /// Switches a node on; nothing happens if it is. A new life begins.
    fn on(&self, node: NodeId) -> impl Future<Output = io::Result<()>>;
    /// Switches a node off; nothing happens if it is. `cause` is what the stage emits with
    /// [`What::NodeState`].
    fn off(&self, node: NodeId, cause: Cause) -> impl Future<Output = io::Result<()>>;
    /// What the switch says.
    fn state(&self, node: NodeId) -> impl Future<Output = io::Result<PowerState>>;
}

/// A harm to be done, and undone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InjectionOrder {
    /// Its number, never used again in a run.
    pub number: u64,
    /// The rule of the plan that it comes from.
    pub fault: FaultId,
    /// What is done.
    pub kind: Fault,
    /// To which part.
    pub part: Part,
    /// How long it lasts, if that is known: who stops the controller itself has to start it again.
    pub lasts: Option<Span>,
    /// Whoever carries it out on his own node undoes it when he has not heard from the controller
    /// for so long.
    pub lease: Span,
    /// How an agent carries it out.
    #[serde(default)]
    pub means: Means,
}

/// Actuators that do harm. The controller has some; an agent has some for its own node.
pub trait Harm: Clone + 'static {
    /// The agents who carry an injection out, each on its own node and by the order that it is
    /// sent; none: it is for the controller's own actuators. Only a controller asks.
    fn agents(&self, _injection: &InjectionOrder) -> Vec<(NodeId, InjectionOrder)> {
        Vec::new()
    }
    /// Agents are about to be ordered to carry an injection out (`begin`), or to undo it.
    ///
    /// # Errors
    /// What keeps them from being ordered.
    fn entrust(&self, _injection: &InjectionOrder, _begin: bool) -> io::Result<()> {
        Ok(())
    }
    /// Does it. Asked again for a number that it knows, it does nothing more: a controller that
    /// was restarted asks again for what it is not sure of.
    fn do_harm(&self, injection: &InjectionOrder) -> impl Future<Output = io::Result<()>>;
    /// Undoes it, if it is done. A harm that only a power cycle cures is not undone by hand.
    fn undo(&self, injection: &InjectionOrder) -> impl Future<Output = io::Result<()>>;
}

/// What a stored object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Object {
    /// A seat's checkpoint, at the file server.
    Checkpoint,
    /// A seat's checkpoint, on the node's own card: it outlives a crash and a power cycle.
    Card,
    /// The controller's memory, on its own disk.
    State,
}

/// Data that outlive a host: checkpoints at the file server, the controller's memory on its disk.
///
/// `declared` is the size that shapes the time; the data carried may be smaller. A checkpoint of
/// declared size 0 takes no time and is emitted as no transfer. The stage emits
/// [`What::Transfer`], lost bytes included when the call is dropped half-way.
pub trait Store: Clone + 'static {
    /// Stores data under a name, whole or not at all, in place of what was there.
    fn put(
        &self,
        object: Object,
        name: &str,
        data: Vec<u8>,
        declared: Bytes,
    ) -> impl Future<Output = io::Result<()>>;
    /// The data under a name; `None` if there are none.
    fn get(
        &self,
        object: Object,
        name: &str,
        declared: Bytes,
    ) -> impl Future<Output = io::Result<Option<Vec<u8>>>>;
    /// Lets the time pass that so many bytes of a workload take from one part to another, one of
    /// which is this node, on a stage that does not carry them; gives how many are to be carried.
    ///
    /// # Errors
    /// When an end of them has stopped.
    fn carry(
        &self,
        _from: Part,
        _to: Part,
        bytes: Bytes,
    ) -> impl Future<Output = io::Result<Bytes>> {
        std::future::ready(Ok(bytes))
    }
    /// Forgets what is under a name, if anything. Takes no time.
    fn delete(&self, object: Object, name: &str) -> impl Future<Output = io::Result<()>>;
}

/// The time of day. Only differences over restarts of the controller are made of it.
pub trait Clock: 'static {
    /// Nanoseconds since 1970. A simulation gives a fixed epoch plus its own time.
    fn wall(&self) -> u64;
}

/// What the control plane came to know: not part of the log, but of checks on the fleet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "a field says no more than its name and type")]
pub enum Notice {
    /// The controller took a node's agent in.
    Joined { node: NodeId, life: Life },
    /// A process of a node's agent begins. The stage emits it.
    Begins { node: NodeId },
    /// A node's agent has been silent for too long.
    Silent { node: NodeId, life: Life },
    /// A controller of this term begins to give orders.
    Term { term: u64 },
    /// A node's agent begins an order of a controller of this term, on a seat of a placement.
    Obeys { node: NodeId, term: u64, order: u64, placement: u64, seat: u32 },
    /// A node's agent has computed a step of a placement, and its time is over.
    Computed { node: NodeId, placement: u64, step: u64, seat: u32 },
    /// A controller of this term has taken a node's agent in, as this one knows.
    Serves { node: NodeId, term: u64 },
    /// A node's agent has saved the memory of a seat.
    Saved { node: NodeId, checkpoint: u64, seat: u32 },
    /// A node's agent begins to load the memory of a seat, `held` in its own process; the job has
    /// `of` seats.
    Loads { node: NodeId, checkpoint: u64, seat: u32, of: u32, held: bool },
    /// A node's agent has loaded the memory of a seat.
    Loaded { node: NodeId, checkpoint: u64, seat: u32 },
    /// All jobs have ended, with this result.
    Result { sum: u64 },
}

/// Where the fleet emits what happens. The stage stamps the time.
pub trait Emitter: 'static {
    /// An event for the log.
    fn emit(&self, what: What);
    /// What an agent that is taken in says that it can do.
    fn abilities(&self, _node: NodeId, _said: &[Ability]) {}
    /// What an agent's clock showed (ns since 1970) a moment before this is reported: what it takes
    /// to say it makes a clock seem late.
    fn time_of_day(&self, _node: NodeId, _wall: u64) {}
    /// Whether a node computes from now on.
    fn computes(&self, _node: NodeId, _computes: bool) {}
    /// Something to know that is no event.
    fn notice(&self, notice: Notice);
    /// An agent refused something, and this is all that it refused so far: reported ever more
    /// rarely, so that a flood fills no log.
    fn refused(&self, _refusals: Refusals) {}
}
