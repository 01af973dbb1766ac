//! An agent's datagrams: heartbeats to its controller and the answers to them, and gossip.

use std::io;
use std::rc::Rc;

use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use crate::fleet::erased::{AnyDatagrams, AnyNet};
use crate::fleet::pace::Pace;
use crate::fleet::packet::{PACKET_MAX, Packet};
use crate::fleet::ports::{Address, Net};

/// Sends bytes to an address, some time soon.
pub(super) type Post = Rc<dyn Fn(Vec<u8>, Address)>;

/// The datagrams that come in.
pub(super) struct Incoming {
    net: AnyNet,
    socket: Rc<AnyDatagrams>,
    pace: Pace,
}

/// Opens a socket for datagrams; gives what sends one, and what hears them.
pub(super) async fn open(net: &AnyNet, pace: Pace) -> io::Result<(Post, Incoming)> {
    let socket = Rc::new(net.bind(0).await?);
    let (queue, mut posted) = mpsc::unbounded_channel::<(Vec<u8>, Address)>();
    let (own, from) = (net.clone(), Rc::clone(&socket));
    net.spawn(async move {
        while let Some((bytes, to)) = posted.recv().await {
            let _ = timeout(pace.patience, own.send_to(&from, &bytes, &to)).await;
        }
    });
    let send = move |bytes, to| {
        let _ = queue.send((bytes, to));
    };
    Ok((Rc::new(send), Incoming { net: net.clone(), socket, pace }))
}

impl Incoming {
    /// The port of the socket.
    pub(super) fn port(&self) -> io::Result<u16> {
        AnyNet::datagram_port(&self.socket)
    }

    /// Hears datagrams for ever. Whatever is none of ours means nothing to an agent.
    pub(super) async fn hear(self, to: mpsc::Sender<Packet>) {
        let mut buffer = [0; PACKET_MAX];
        loop {
            match self.net.recv_from(&self.socket, &mut buffer).await {
                Ok((n, _)) => {
                    if let Ok(packet) = Packet::decode(&buffer[..n])
                        && to.send(packet).await.is_err()
                    {
                        return;
                    }
                }
                Err(_) => sleep(self.pace.retry).await,
            }
        }
    }
}
