//! Where agents come in: the first message of a connection is a join, or one of bytes.
//!
//! Bytes are what a workload moves to the file server, whose part the controller takes, or from it.
//!
//! A connection that says nothing in time, or anything else, is closed and counted.

use std::rc::Rc;
use std::time::Duration;

use tokio::io::AsyncRead;
use tokio::sync::{mpsc, oneshot};
use tokio::time::sleep;

use crate::fleet::admission::Admission;
use crate::fleet::erased::{AnyDatagrams, AnyListener, AnyNet};
use crate::fleet::errand;
use crate::fleet::link::writer;
use crate::fleet::means::Ability;
use crate::fleet::packet::{PACKET_MAX, Packet};
use crate::fleet::ports::{Address, Net, Witness};
use crate::fleet::wire::{Ended, Message, Reader, Refusal};
use crate::ids::NodeId;

/// After its join an agent speaks when it has something to say; its heartbeats are watched
/// meanwhile.
const WATCHED: Duration = Duration::from_secs(30 * 86_400);

/// A connection of an agent. Dropped, it is closed.
pub(super) struct Connection {
    pub number: u64,
    pub out: mpsc::UnboundedSender<Message>,
    #[expect(dead_code, reason = "dropped, it ends the connection's task")]
    pub close: oneshot::Sender<()>,
}

/// What an agent says of itself.
pub(super) struct Join {
    pub serial: u32,
    pub life: u32,
    pub session: Option<u64>,
    pub peers: Address,
    pub datagrams: u16,
    pub abilities: Vec<Ability>,
}

/// What comes in.
pub(super) enum Incoming {
    /// An agent asks to be taken in.
    Join(Join, Connection),
    /// The agent of a node says something on the connection with this number.
    Said(NodeId, u64, Message),
    /// The connection of a node with this number ended.
    Gone(NodeId, u64),
    /// A datagram.
    Packet(Packet, Address),
}

/// Accepts connections for ever.
pub(super) async fn receive(
    net: AnyNet,
    mut listener: AnyListener,
    patience: Duration,
    admission: Admission,
    to: mpsc::Sender<Incoming>,
) {
    let mut number = 0;
    loop {
        let (stream, pass) = admission.accept(&net, &mut listener).await;
        number += 1;
        let (own, admission, to) = (net.clone(), admission.clone(), to.clone());
        net.spawn(async move {
            let is_proven = AnyNet::witness(&stream);
            let (from, mut into) = tokio::io::split(stream);
            let mut reader = Reader::new(from);
            let first = pass.first(patience, first(&mut reader, is_proven)).await;
            let ended = match first {
                Ok(First::Join(join)) => {
                    let out = writer(&own, into, patience);
                    attend(reader, join, out, number, &to).await
                }
                Ok(First::Bulk(bulk)) => {
                    let served = errand::serve(&bulk, &mut reader, &mut into, patience).await;
                    served.err().unwrap_or(Ended::Closed)
                }
                Err(ended) => ended,
            };
            admission.ended(ended);
        });
    }
}

/// What a connection is for.
enum First {
    Join(Join),
    /// Bytes of a workload to the file server, whose part the controller takes, or from it.
    Bulk(Message),
}

/// The first message of an agent. One that joins must prove to be that of its node.
async fn first(
    reader: &mut Reader<impl AsyncRead + Unpin>,
    is_proven: Witness,
) -> Result<First, Ended> {
    match reader.next(WATCHED).await? {
        Message::Join { serial, .. } if !is_proven(NodeId(serial)) => {
            Err(Ended::Refused(Refusal::Impostor))
        }
        Message::Join { serial, life, session, peers, datagrams, abilities } => {
            Ok(First::Join(Join { serial, life, session, peers, datagrams, abilities }))
        }
        bulk @ (Message::Pour { .. } | Message::Draw { .. }) => Ok(First::Bulk(bulk)),
        _ => Err(Ended::Refused(Refusal::Garbage)),
    }
}

/// Passes on what an agent says, until the connection ends.
async fn attend(
    mut reader: Reader<impl AsyncRead + Unpin>,
    join: Join,
    out: mpsc::UnboundedSender<Message>,
    number: u64,
    to: &mpsc::Sender<Incoming>,
) -> Ended {
    let node = NodeId(join.serial);
    let (close, closed) = oneshot::channel();
    let hears = async {
        let mut said = Incoming::Join(join, Connection { number, out, close });
        loop {
            if to.send(said).await.is_err() {
                return Ended::Closed;
            }
            said = match reader.next(WATCHED).await {
                Ok(message) => Incoming::Said(node, number, message),
                Err(ended) => return ended,
            };
        }
    };
    let ended = tokio::select! {
        biased;
        _ = closed => return Ended::Closed,
        ended = hears => ended,
    };
    let _ = to.send(Incoming::Gone(node, number)).await;
    ended
}

/// Takes datagrams for ever. What is none of ours is counted and forgotten.
pub(super) async fn packets(
    net: AnyNet,
    socket: Rc<AnyDatagrams>,
    retry: Duration,
    admission: Admission,
    to: mpsc::Sender<Incoming>,
) {
    let mut buffer = [0; PACKET_MAX];
    loop {
        let Ok((n, from)) = net.recv_from(&socket, &mut buffer).await else {
            sleep(retry).await;
            continue;
        };
        match Packet::decode(&buffer[..n]) {
            Ok(packet) => {
                if to.send(Incoming::Packet(packet, from)).await.is_err() {
                    return;
                }
            }
            Err(_) => admission.refuse(|refusals| refusals.datagrams += 1),
        }
    }
}
