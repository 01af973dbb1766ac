//! A store at a file server: checkpoints travel, cards stay.

use std::cell::Cell;
use std::io;
use std::rc::Rc;

use tokio::time::timeout;

use super::folder::Folder;
use super::server::STALL;
use super::wire::{self, Content, DATA_MAX, Reply, Request, Wanted};
use crate::fleet::ports::{Address, Net, Object, Store};
use crate::ids::NodeId;
use crate::units::Bytes;

/// What is reported of a call that failed, for people.
pub type Failed = Rc<dyn Fn(&io::Error)>;

/// A node's store: checkpoints at a [`Server`](super::Server), all else in a folder of its own.
///
/// Each call is a connection. One in which nothing moves for 30 s is given up. The server reports
/// what was moved.
#[derive(Clone)]
pub struct Remote<N> {
    net: N,
    server: Address,
    node: NodeId,
    own: Folder,
    failed: Failed,
}

impl<N: Net> Remote<N> {
    /// The store of a node at the server of this address, which `net` demands to be the rack's.
    #[must_use]
    pub fn new(net: N, server: Address, node: NodeId, own: Folder, failed: Failed) -> Self {
        Self { net, server, node, own, failed }
    }

    /// Connects and asks; gives the connection and the first answer.
    async fn ask(&self, name: &str, what: Wanted) -> io::Result<(N::Stream, Reply)> {
        let silent = |_| io::Error::new(io::ErrorKind::TimedOut, "no answer");
        let connected = timeout(STALL, self.net.connect(&self.server)).await;
        let mut stream = connected.map_err(silent)??;
        let request = Request { node: self.node, name: name.to_owned(), what };
        wire::say(&mut stream, &request, STALL).await?;
        let reply = wire::hear(&mut stream, STALL).await?;
        Ok((stream, reply))
    }

    async fn send(&self, name: &str, data: &[u8], declared: Bytes) -> io::Result<()> {
        let content = Content::of(data);
        let total = content.carried(declared);
        let (mut stream, reply) = self.ask(name, Wanted::Put { content, declared }).await?;
        if reply != Reply::Ready {
            return Err(no(reply));
        }
        wire::pour(&mut stream, data, total, &Cell::new(0), STALL).await?;
        match wire::hear(&mut stream, STALL).await? {
            Reply::Stored => Ok(()),
            reply => Err(no(reply)),
        }
    }

    async fn fetch(&self, name: &str, declared: Bytes) -> io::Result<Option<Vec<u8>>> {
        let (mut stream, reply) = self.ask(name, Wanted::Get { declared }).await?;
        let content = match reply {
            Reply::Found(content) if content.size <= DATA_MAX => content,
            Reply::Absent => return Ok(None),
            reply => return Err(no(reply)),
        };
        let total = content.carried(declared);
        let data = wire::drain(&mut stream, content.size, total, &Cell::new(0), STALL).await?;
        if Content::of(&data) != content {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "not the data of their sum"));
        }
        Ok(Some(data))
    }

    async fn forget(&self, name: &str) -> io::Result<()> {
        match self.ask(name, Wanted::Delete).await? {
            (_, Reply::Deleted) => Ok(()),
            (_, reply) => Err(no(reply)),
        }
    }

    /// Reports a failure.
    fn reported<X>(&self, done: io::Result<X>) -> io::Result<X> {
        done.map_err(|error| {
            let Address { host, port } = &self.server;
            let error = io::Error::new(error.kind(), format!("store {host}:{port}: {error}"));
            (self.failed)(&error);
            error
        })
    }
}

/// An answer that is not the one that was asked for.
fn no(reply: Reply) -> io::Error {
    match reply {
        Reply::Refused(why) => io::Error::new(io::ErrorKind::PermissionDenied, why),
        _ => io::Error::new(io::ErrorKind::InvalidData, "an answer to something else"),
    }
}

impl<N: Net> Store for Remote<N> {
    async fn put(
        &self,
        object: Object,
        name: &str,
        data: Vec<u8>,
        declared: Bytes,
    ) -> io::Result<()> {
        match object {
            Object::Checkpoint => self.reported(self.send(name, &data, declared).await),
            Object::Card | Object::State => self.own.put(object, name, data, declared).await,
        }
    }

    async fn get(
        &self,
        object: Object,
        name: &str,
        declared: Bytes,
    ) -> io::Result<Option<Vec<u8>>> {
        match object {
            Object::Checkpoint => self.reported(self.fetch(name, declared).await),
            Object::Card | Object::State => self.own.get(object, name, declared).await,
        }
    }

    async fn delete(&self, object: Object, name: &str) -> io::Result<()> {
        match object {
            Object::Checkpoint => self.reported(self.forget(name).await),
            Object::Card | Object::State => self.own.delete(object, name).await,
        }
    }
}
