//! Where an agent keeps the images of its seat: file server, card, memory, neighbours.
//!
//! An image travels to a neighbour in pieces, each a message of its own; the last one is
//! acknowledged when the neighbour has the image on its card, or in its memory. A copy that did not
//! come through whole is sent again from the start.

use std::io;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use tokio::io::AsyncWrite;
use tokio::time::{sleep, timeout};

use crate::fleet::erased::{AnyNet, AnyStore, DynStream};
use crate::fleet::held::Held;
use crate::fleet::job::image_name;
use crate::fleet::ports::{Address, Net, Object, Store};
use crate::fleet::wire::{self, Message, Reader, Where};
use crate::units::Bytes;

/// Bytes in a piece, so that a frame has room for them in base 64.
const PIECE: usize = 32 * 1024;
/// The longest image that a neighbour takes (bytes).
const IMAGE_MAX: u64 = 256 << 20;

/// An agent's ways to images.
#[derive(Clone)]
pub(super) struct Images {
    pub net: AnyNet,
    pub store: AnyStore,
    held: Held,
    pub patience: Duration,
}

impl Images {
    /// Those of an agent that holds none in its memory yet.
    pub(super) fn new(net: &AnyNet, store: &AnyStore, patience: Duration) -> Self {
        Self { net: net.clone(), store: store.clone(), held: Held::default(), patience }
    }

    /// Keeps an image under a name.
    pub(super) async fn put(
        self,
        to: Where,
        name: String,
        image: Vec<u8>,
        declared: Bytes,
    ) -> io::Result<Option<Vec<u8>>> {
        match to {
            Where::Server => self.store.put(Object::Checkpoint, &name, image, declared).await?,
            Where::Card => self.store.put(Object::Card, &name, image, Bytes(0)).await?,
            Where::Neighbour(neighbour) => {
                self.store.put(Object::Card, &name, image.clone(), Bytes(0)).await?;
                self.copy_to(&neighbour, &name, &image, false).await?;
            }
            Where::Memory => self.held.put(name, image),
            Where::Buddies(buddies) => {
                for (_, buddy) in &buddies {
                    self.copy_to(buddy, &name, &image, true).await?;
                }
                self.held.put(name, image);
            }
        }
        Ok(None)
    }

    /// A seat's image of a checkpoint, which must be there; a neighbour's copy goes on the card as
    /// well, or into memory.
    pub(super) async fn get(
        self,
        from: Where,
        (job, checkpoint, seat): (u16, u64, u32),
        declared: Bytes,
    ) -> io::Result<Option<Vec<u8>>> {
        let name = image_name(job, checkpoint, seat);
        let found = match from {
            Where::Server => self.store.get(Object::Checkpoint, &name, declared).await?,
            Where::Card => self.store.get(Object::Card, &name, Bytes(0)).await?,
            Where::Neighbour(neighbour) => {
                let image = self.copy_from(&neighbour, &name).await?;
                self.take(&name, image.clone(), false).await?;
                Some(image)
            }
            Where::Memory => self.held.get(&name),
            Where::Buddies(images) => {
                for (of, buddy) in &images {
                    let name = image_name(job, checkpoint, *of);
                    let image = self.copy_from(buddy, &name).await?;
                    self.held.put(name, image);
                }
                self.held.get(&name)
            }
        };
        found.map(Some).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// Connects to a neighbour.
    pub(super) async fn connect(&self, to: &Address) -> io::Result<Box<dyn DynStream>> {
        timeout(self.patience, self.net.connect(to)).await?
    }

    /// Copies an image to a neighbour's card, or into its memory.
    async fn copy_to(
        &self,
        to: &Address,
        name: &str,
        image: &[u8],
        memory: bool,
    ) -> io::Result<()> {
        let mut stream = self.connect(to).await?;
        send(&mut stream, name, image, memory, self.patience).await?;
        match Reader::new(&mut stream).next(self.patience).await {
            Ok(Message::Done { order, .. }) if order == image.len() as u64 => Ok(()),
            _ => Err(io::Error::other("the neighbour did not take the copy")),
        }
    }

    async fn copy_from(&self, from: &Address, name: &str) -> io::Result<Vec<u8>> {
        let mut stream = self.connect(from).await?;
        say(&mut stream, &Message::Fetch { name: name.into() }, self.patience).await?;
        let mut reader = Reader::new(&mut stream);
        let mut copy = Copy::default();
        while let Ok(message) = reader.next(self.patience).await {
            match message {
                Message::Piece { name, at, of, bytes, .. } => {
                    if let Some((_, image)) = copy.add(name, at, of, &bytes)? {
                        return Ok(image);
                    }
                }
                Message::Unknown => {}
                _ => break,
            }
        }
        Err(io::Error::other("the neighbour gave no copy"))
    }

    /// A neighbour's copy is whole: it goes on the card, or into memory.
    pub(super) async fn take(&self, name: &str, image: Vec<u8>, memory: bool) -> io::Result<()> {
        if memory {
            self.held.put(name.into(), image);
            return Ok(());
        }
        self.store.put(Object::Card, name, image, Bytes(0)).await
    }

    /// What is in memory and on the card under a name is forgotten. An image that stays costs room
    /// and no more.
    pub(super) async fn forget(self, name: String) {
        self.held.forget(&name);
        let _ = self.store.delete(Object::Card, &name).await;
    }

    /// A neighbour asks for a copy that was kept for it.
    pub(super) async fn give(
        &self,
        into: &mut (impl AsyncWrite + Unpin),
        name: &str,
    ) -> io::Result<()> {
        let image = match self.held.get(name) {
            None => self.store.get(Object::Card, name, Bytes(0)).await?,
            held => held,
        };
        if let Some(image) = image {
            return send(into, name, &image, false, self.patience).await;
        }
        let why = "no such copy".into();
        say(into, &Message::Refused { why }, self.patience).await
    }
}

/// The time in which an image is compressed, or decompressed: none without compression.
pub(super) async fn pause(packing: Duration) {
    if !packing.is_zero() {
        sleep(packing).await;
    }
}

/// Sends an image in pieces.
async fn send(
    into: &mut (impl AsyncWrite + Unpin),
    name: &str,
    image: &[u8],
    memory: bool,
    patience: Duration,
) -> io::Result<()> {
    let of = image.len() as u64;
    for (number, piece) in (0..).zip(image.chunks(PIECE)) {
        let (name, at) = (name.to_owned(), number * PIECE as u64);
        let bytes = BASE64.encode(piece);
        say(into, &Message::Piece { name, at, of, bytes, memory }, patience).await?;
    }
    Ok(())
}

async fn say(
    into: &mut (impl AsyncWrite + Unpin),
    message: &Message,
    patience: Duration,
) -> io::Result<()> {
    let said = wire::write(into, message, patience).await;
    said.map_err(|_| io::ErrorKind::ConnectionAborted.into())
}

/// A copy on its way, piece by piece and in order.
#[derive(Debug, Default)]
pub(super) struct Copy {
    name: String,
    image: Vec<u8>,
}

impl Copy {
    /// Adds a piece; gives the copy with its name when it is whole.
    pub(super) fn add(
        &mut self,
        name: String,
        at: u64,
        of: u64,
        bytes: &str,
    ) -> io::Result<Option<(String, Vec<u8>)>> {
        if at == 0 {
            (self.name, self.image) = (name, Vec::new());
        } else if name != self.name {
            return Err(broken());
        }
        let piece = BASE64.decode(bytes).map_err(|_| broken())?;
        let end = self.image.len() as u64 + piece.len() as u64;
        if at != self.image.len() as u64 || piece.is_empty() || end > of || of > IMAGE_MAX {
            return Err(broken());
        }
        self.image.extend(piece);
        Ok((end == of).then(|| (std::mem::take(&mut self.name), std::mem::take(&mut self.image))))
    }
}

fn broken() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "a copy with a gap")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(image: &[u8]) -> Vec<(u64, String)> {
        let encoded = image.chunks(PIECE).map(|piece| BASE64.encode(piece));
        (0..).map(|number| number * PIECE as u64).zip(encoded).collect()
    }

    #[test]
    fn a_copy_in_pieces_comes_out_whole() {
        let image: Vec<u8> = (0..100_000_u32).map(|i| (i % 251) as u8).collect();
        let mut copy = Copy::default();
        let mut whole = None;
        for (at, bytes) in pieces(&image) {
            assert_eq!(whole, None, "it is whole with its last piece");
            whole = copy.add("a".into(), at, image.len() as u64, &bytes).expect("in order");
        }
        assert_eq!(whole, Some(("a".into(), image)));
    }

    #[test]
    fn a_copy_with_a_gap_or_of_two_images_is_refused() {
        let image = vec![7; 2 * PIECE + 1];
        let (of, pieces) = (image.len() as u64, pieces(&image));
        let begun = || {
            let mut copy = Copy::default();
            copy.add("a".into(), 0, of, &pieces[0].1).expect("the first piece");
            copy
        };
        assert!(begun().add("a".into(), pieces[2].0, of, &pieces[2].1).is_err(), "a gap");
        assert!(begun().add("b".into(), pieces[1].0, of, &pieces[1].1).is_err(), "another image");
        assert!(begun().add("a".into(), pieces[1].0, PIECE as u64, &pieces[1].1).is_err(), "long");
        assert!(begun().add("a".into(), pieces[1].0, of, "no base 64!").is_err());
        assert!(Copy::default().add("a".into(), 0, IMAGE_MAX + 1, &pieces[0].1).is_err(), "huge");
    }
}
