//! Where agents come in: connections are accepted, and the first message must be a join.
//!
//! A connection that says nothing in time, or anything else, is closed and counted.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::sleep;

use crate::fleet::doors::{Address, Net};
use crate::fleet::link::writer;
use crate::fleet::packet::{PACKET_MAX, Packet};
use crate::fleet::wire::{Ended, Message, Reader, Refusal};
use crate::ids::NodeId;

/// After its join an agent speaks when it has something to say; its beats are watched meanwhile.
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
    pub capabilities: Vec<String>,
}

/// What comes in.
pub(super) enum Incoming {
    /// An agent asks to be taken in.
    Join(Join, Connection),
    /// The agent of a node says something on the connection with this number.
    Said(NodeId, u64, Message),
    /// A connection ended; of which node, if it came to a join.
    Gone(Option<NodeId>, u64, Ended),
    /// A datagram.
    Packet(Result<Packet, Refusal>, Address),
}

/// Accepts connections for ever.
pub(super) async fn receive<N: Net>(
    net: N,
    mut listener: N::Listener,
    patience: Duration,
    to: mpsc::Sender<Incoming>,
) {
    let count = Rc::new(Cell::new(0_u64));
    loop {
        let Ok(stream) = net.accept(&mut listener).await else {
            sleep(patience).await;
            continue;
        };
        count.set(count.get() + 1);
        let number = count.get();
        let (own, to) = (net.clone(), to.clone());
        net.spawn(async move {
            let (close, closed) = oneshot::channel();
            let (node, ended) = tokio::select! {
                biased;
                _ = closed => return,
                ended = hear(&own, stream, patience, number, close, &to) => ended,
            };
            let _ = to.send(Incoming::Gone(node, number, ended)).await;
        });
    }
}

async fn hear<N: Net>(
    net: &N,
    stream: N::Stream,
    patience: Duration,
    number: u64,
    close: oneshot::Sender<()>,
    to: &mpsc::Sender<Incoming>,
) -> (Option<NodeId>, Ended) {
    let is_proven = N::witness(&stream);
    let (from, into) = tokio::io::split(stream);
    let mut reader = Reader::new(from);
    let join = match reader.next(patience).await {
        Ok(Message::Join { serial, life, session, peers, datagrams, capabilities }) => {
            Join { serial, life, session, peers, datagrams, capabilities }
        }
        Ok(_) => return (None, Ended::Refused(Refusal::Garbage)),
        Err(ended) => return (None, ended),
    };
    let node = NodeId(join.serial);
    if !is_proven(node) {
        return (None, Ended::Refused(Refusal::Impostor));
    }
    let connection = Connection { number, out: writer(net, into, patience), close };
    if to.send(Incoming::Join(join, connection)).await.is_err() {
        return (None, Ended::Closed);
    }
    loop {
        match reader.next(WATCHED).await {
            Ok(message) => {
                if to.send(Incoming::Said(node, number, message)).await.is_err() {
                    return (Some(node), Ended::Closed);
                }
            }
            Err(ended) => return (Some(node), ended),
        }
    }
}

/// Takes datagrams for ever.
pub(super) async fn packets<N: Net>(
    net: N,
    socket: Rc<N::Datagrams>,
    retry: Duration,
    to: mpsc::Sender<Incoming>,
) {
    let mut buffer = [0; PACKET_MAX];
    loop {
        match net.recv_from(&socket, &mut buffer).await {
            Ok((n, from)) => {
                let packet = Incoming::Packet(Packet::decode(&buffer[..n]), from);
                if to.send(packet).await.is_err() {
                    return;
                }
            }
            Err(_) => sleep(retry).await,
        }
    }
}
