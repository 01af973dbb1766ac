//! A file server: it serves checkpoints of a store to the rack's own nodes.
//!
//! ```text
//!  start ---> open --pause--> shut: connections break, new ones are refused
//!                 <-resume--
//! ```
//!
//! A node proves who it is by the connection, and is refused when it asks in another's name. An
//! object is stored when all that was declared has come, and data as long as was said with the sum
//! that was said are among it; whatever breaks off before leaves what was there. The server reports
//! each transfer, lost bytes included: a node that loses its power could not.
//!
//! Not modelled: rights. Each node of the rack may read and write each checkpoint, since a seat
//! and its images move from node to node.

use std::cell::Cell;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Semaphore, watch};
use tokio::time::sleep;

use super::folder::is_name;
use super::wire::{self, Content, DATA_MAX, Reply, Request, Wanted};
use crate::event::Purpose;
use crate::fleet::admission::{Admission, Pass};
use crate::fleet::ports::{Net, Object, Store};
use crate::fleet::wire::{Ended, Refusal};
use crate::ids::NodeId;
use crate::units::Bytes;

/// For handshake and request.
const FIRST: Duration = Duration::from_secs(10);
/// A transfer in which nothing moves for so long is given up. Assumption: longer than TCP's pauses
/// under heavy loss, shorter than its own patience of a quarter of an hour.
pub(super) const STALL: Duration = Duration::from_secs(30);
/// Between two tries to listen.
const RETRY: Duration = Duration::from_millis(100);

/// A transfer that has ended, complete or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// Between the server and this node.
    pub node: NodeId,
    /// A checkpoint, or a restart.
    pub purpose: Purpose,
    /// What was declared, if it is complete.
    pub received: Bytes,
    /// What had arrived, if it is not: of a restart what the node had confirmed, which is up to
    /// 64 KiB less.
    pub lost: Bytes,
}

/// What is reported of a transfer.
pub type OnTransfer = Rc<dyn Fn(Transfer)>;

/// A file server. It ends with this value.
#[derive(Debug)]
pub struct Server {
    port: u16,
    /// Odd: shut.
    turn: watch::Sender<u64>,
}

impl Server {
    /// Serves the checkpoints of a store at this port of a host, or at a free one if it is 0, to
    /// whom `admission` admits. Who has proven himself waits until there is room.
    ///
    /// # Errors
    /// When nobody can listen there.
    pub async fn start<N: Net, S: Store>(
        net: N,
        store: S,
        port: u16,
        on_transfer: OnTransfer,
        admission: Admission,
    ) -> io::Result<Self> {
        let listener = net.listen(port).await?;
        let port = N::port(&listener)?;
        let (turn, turns) = watch::channel(0);
        let room = Semaphore::new(admission.bounds().callers);
        let desk = Desk { net: net.clone(), store, on_transfer, admission, room };
        net.spawn(Rc::new(desk).serve(listener, port, turns));
        Ok(Self { port, turn })
    }

    /// The port at which it listens.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Shuts it: what is under way breaks off, and nobody gets in. Nothing happens if it is shut.
    pub fn pause(&self) {
        self.turn.send_if_modified(|turn| turn_to(turn, true));
    }

    /// Opens it again. Nothing happens if it is open.
    pub fn resume(&self) {
        self.turn.send_if_modified(|turn| turn_to(turn, false));
    }
}

fn turn_to(turn: &mut u64, shut: bool) -> bool {
    let changes = is_shut(*turn) != shut;
    *turn += u64::from(changes);
    changes
}

fn is_shut(turn: u64) -> bool {
    turn % 2 == 1
}

/// What all connections share.
struct Desk<N, S> {
    net: N,
    store: S,
    on_transfer: OnTransfer,
    admission: Admission,
    /// For callers who have proven who they are.
    room: Semaphore,
}

impl<N: Net, S: Store> Desk<N, S> {
    /// Serves until the server's handle is dropped.
    async fn serve(
        self: Rc<Self>,
        listener: N::Listener,
        port: u16,
        mut turns: watch::Receiver<u64>,
    ) {
        let mut next = Some(listener);
        loop {
            let Ok(turn) = turns.wait_for(|turn| !is_shut(*turn)).await.map(|turn| *turn) else {
                return;
            };
            let listener = match next.take() {
                Some(listener) => Ok(listener),
                None => self.net.listen(port).await,
            };
            let Ok(mut listener) = listener else {
                sleep(RETRY).await;
                continue;
            };
            let mut own = turns.clone();
            tokio::select! {
                biased;
                ended = turns.wait_for(|now| *now != turn) => if ended.is_err() { return },
                () = self.admit(&mut listener, turn, &mut own) => {}
            }
        }
    }

    /// Admits callers for ever, each for as long as this turn lasts.
    async fn admit(
        self: &Rc<Self>,
        listener: &mut N::Listener,
        turn: u64,
        turns: &mut watch::Receiver<u64>,
    ) {
        loop {
            let (stream, pass) = self.admission.accept(&self.net, listener).await;
            let (desk, mut turns) = (self.clone(), turns.clone());
            self.net.spawn(async move {
                tokio::select! {
                    biased;
                    _ = turns.wait_for(|now| *now != turn) => {}
                    // Whoever broke off is reported as a transfer that was lost.
                    _ = desk.attend(stream, pass) => {}
                }
            });
        }
    }

    async fn attend(&self, mut stream: N::Stream, pass: Pass) -> io::Result<()> {
        let is_proven = N::witness(&stream);
        let heard = async { wire::hear(&mut stream, FIRST).await.map_err(|error| ended(&error)) };
        let request = pass.first(FIRST, heard).await.inspect_err(|end| self.admission.ended(*end));
        let Ok(Request { node, name, what }) = request else { return Ok(()) };
        if !is_proven(node) {
            self.admission.refuse(|refusals| refusals.impostor += 1);
            return self.refuse(&mut stream, "the proof of somebody else").await;
        }
        if !is_name(&name) {
            return self.refuse_request(&mut stream, "a name that no object may have").await;
        }
        let _room = self.room.acquire().await.map_err(io::Error::other)?;
        match what {
            Wanted::Put { content, declared } => {
                self.put(&mut stream, node, &name, &content, declared).await
            }
            Wanted::Get { declared } => self.get(&mut stream, node, &name, declared).await,
            Wanted::Delete => {
                let deleted = self.store.delete(Object::Checkpoint, &name).await;
                self.answer(&mut stream, deleted.map(|()| Reply::Deleted)).await
            }
        }
    }

    async fn put(
        &self,
        stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
        node: NodeId,
        name: &str,
        content: &Content,
        declared: Bytes,
    ) -> io::Result<()> {
        if content.size > DATA_MAX {
            return self.refuse_request(stream, "more data than an object may have").await;
        }
        wire::say(stream, &Reply::Ready, STALL).await?;
        let transfer = self.under_way(node, Purpose::Checkpoint, declared);
        let total = content.carried(declared);
        let data = wire::drain(stream, content.size, total, &transfer.moved, STALL).await?;
        if Content::of(&data) != *content {
            return self.refuse_request(stream, "the data are not those of their sum").await;
        }
        let stored = self.store.put(Object::Checkpoint, name, data, Bytes(0)).await;
        if stored.is_ok() {
            transfer.complete();
        }
        self.answer(stream, stored.map(|()| Reply::Stored)).await
    }

    async fn get(
        &self,
        stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
        node: NodeId,
        name: &str,
        declared: Bytes,
    ) -> io::Result<()> {
        let data = match self.store.get(Object::Checkpoint, name, Bytes(0)).await {
            Ok(Some(data)) => data,
            Ok(None) => return wire::say(stream, &Reply::Absent, STALL).await,
            Err(error) => return self.answer(stream, Err(error)).await,
        };
        let content = Content::of(&data);
        let total = content.carried(declared);
        wire::say(stream, &Reply::Found(content), STALL).await?;
        let transfer = self.under_way(node, Purpose::Restart, declared);
        wire::pour(stream, &data, total, &transfer.moved, STALL).await?;
        transfer.complete();
        Ok(())
    }

    /// Answers with what the store did.
    async fn answer(
        &self,
        stream: &mut (impl AsyncWrite + Unpin),
        done: io::Result<Reply>,
    ) -> io::Result<()> {
        let reply = done.unwrap_or_else(|error| Reply::Refused(error.to_string()));
        wire::say(stream, &reply, STALL).await
    }

    /// Refuses what a node of the rack asks for.
    async fn refuse_request(
        &self,
        stream: &mut (impl AsyncWrite + Unpin),
        why: &str,
    ) -> io::Result<()> {
        self.admission.refuse(|refusals| refusals.unasked += 1);
        self.refuse(stream, why).await
    }

    async fn refuse(&self, stream: &mut (impl AsyncWrite + Unpin), why: &str) -> io::Result<()> {
        wire::say(stream, &Reply::Refused(why.to_owned()), STALL).await
    }

    fn under_way(&self, node: NodeId, purpose: Purpose, declared: Bytes) -> UnderWay {
        UnderWay {
            node,
            purpose,
            declared,
            moved: Cell::new(0),
            on_transfer: Some(self.on_transfer.clone()),
        }
    }
}

/// Why the first words of a caller did not come.
fn ended(error: &io::Error) -> Ended {
    match error.kind() {
        io::ErrorKind::InvalidData => Ended::Refused(Refusal::Unproven),
        io::ErrorKind::TimedOut => Ended::Silent,
        _ => Ended::Closed,
    }
}

/// A transfer under way. Dropped, it is lost.
struct UnderWay {
    node: NodeId,
    purpose: Purpose,
    declared: Bytes,
    /// What has arrived (bytes).
    moved: Cell<u64>,
    on_transfer: Option<OnTransfer>,
}

impl UnderWay {
    fn complete(mut self) {
        self.end(self.declared, Bytes(0));
    }

    fn end(&mut self, received: Bytes, lost: Bytes) {
        let Some(on_transfer) = self.on_transfer.take() else { return };
        if received != Bytes(0) || lost != Bytes(0) {
            let Self { node, purpose, .. } = *self;
            on_transfer(Transfer { node, purpose, received, lost });
        }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let moved = Bytes(self.moved.get().min(self.declared.0));
        self.end(Bytes(0), moved);
    }
}
