//! Where a node keeps what outlives it: all in a folder, or checkpoints at a file server.

use std::io;
use std::path::{Path, PathBuf};

use super::folder::Folder;
use super::remote::Remote;
use crate::fleet::ports::{Address, Net, Object, Store};
use crate::units::{ByteRate, Bytes};

/// Where a node keeps what outlives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StorePlace {
    /// In a folder, such as a mount of the file server's.
    Folder {
        /// The folder.
        path: PathBuf,
        /// At which rate declared bytes take their time there, if at all.
        rate: Option<ByteRate>,
    },
    /// Checkpoints at a file server of the rack's own, where declared bytes really travel.
    Server {
        /// Where it listens.
        at: Address,
        /// The folder of what stays on the node: its card.
        cards: PathBuf,
    },
}

impl StorePlace {
    /// The folder on the node.
    #[must_use]
    pub fn folder(&self) -> &Path {
        match self {
            Self::Folder { path, .. } => path,
            Self::Server { cards, .. } => cards,
        }
    }
}

/// The store of a node, at whichever place.
#[derive(Clone)]
pub enum Keeper<N> {
    /// A folder.
    Folder(Folder),
    /// A file server.
    Remote(Remote<N>),
}

impl<N: Net> Store for Keeper<N> {
    async fn put(
        &self,
        object: Object,
        name: &str,
        data: Vec<u8>,
        declared: Bytes,
    ) -> io::Result<()> {
        match self {
            Self::Folder(folder) => folder.put(object, name, data, declared).await,
            Self::Remote(remote) => remote.put(object, name, data, declared).await,
        }
    }

    async fn get(
        &self,
        object: Object,
        name: &str,
        declared: Bytes,
    ) -> io::Result<Option<Vec<u8>>> {
        match self {
            Self::Folder(folder) => folder.get(object, name, declared).await,
            Self::Remote(remote) => remote.get(object, name, declared).await,
        }
    }

    async fn delete(&self, object: Object, name: &str) -> io::Result<()> {
        match self {
            Self::Folder(folder) => folder.delete(object, name).await,
            Self::Remote(remote) => remote.delete(object, name).await,
        }
    }
}
