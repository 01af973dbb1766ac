//! The wire: length-limited frames of versioned messages, read without trust.
//!
//! ```text
//!  frame     u32 length of what follows (big-endian) | u8 version | JSON
//!  datagram  "rsb" | u8 version | fields of fixed size (big-endian)
//! ```
//!
//! A field that a reader does not know is skipped; a kind of message that it does not know is
//! counted and skipped. An older version than [`VERSION_MIN`], an oversized frame and garbage end
//! the connection. Whatever the bytes, the decoder holds at most one frame and never panics.

use std::io;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

use crate::event::Purpose;
use crate::fleet::errand::Errand;
use crate::fleet::group::Group;
use crate::fleet::means::{self, Ability};
use crate::fleet::ports::{Address, InjectionOrder};
use crate::units::{Bytes, Span};

/// The version that is written. A newer one may add fields and kinds of message.
pub const VERSION: u8 = 1;
/// The oldest version that is read.
pub const VERSION_MIN: u8 = 1;
/// The longest frame, version included (bytes).
pub const FRAME_MAX: usize = 64 * 1024;
/// The length of a datagram (bytes).
pub const DATAGRAM: usize = 40;
const MAGIC: [u8; 3] = *b"rsb";
/// Bytes of a workload that are written at once: a TLS record.
const PIECE: usize = 16 << 10;

/// What controller, agents and their neighbours say to each other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[allow(missing_docs, reason = "a field says no more than its name and type")]
pub enum Message {
    /// An agent asks to be taken in. `session` is what an earlier welcome of this life gave.
    /// `peers` is where its neighbours reach it, `datagrams` the port of the same host where the
    /// group does.
    Join {
        serial: u32,
        life: u32,
        session: Option<u64>,
        peers: Address,
        #[serde(default)]
        datagrams: u16,
        #[serde(default, deserialize_with = "means::known")]
        abilities: Vec<Ability>,
    },
    /// The controller takes it in.
    Welcome { term: u64, session: u64 },
    /// The controller does not.
    Refused { why: String },
    /// The controller gives an order. Given twice, it is carried out once and answered twice.
    Order(NodeOrder),
    /// The order is carried out; `sum` is the checksum of the node's memory after it.
    Done { order: u64, sum: u64 },
    /// The order was to verify, it is carried out, and the node's memory is corrupt.
    Corrupt { order: u64, sum: u64 },
    /// The order supposes memory that the node does not have, and is not begun; or it was
    /// cancelled.
    Unable { order: u64 },
    /// From the controller: orders up to this number are void. One under way is abandoned, and
    /// never begun again.
    Cancel { term: u64, void: u64 },
    /// Data of the job's memory on the agent's node change, as `draw` says, and nobody is informed.
    Flip { draw: u64 },
    /// The agent shall do harm on its own node.
    Harm { injection: InjectionOrder },
    /// The agent shall undo it.
    Undo { injection: InjectionOrder },
    /// From an agent: a harm on its own node was not done, and why.
    Cannot { injection: u64, why: String },
    /// From a neighbour: the checksum of its last rank after a step.
    Exchange { placement: u64, step: u64, seat: u32, sum: u64 },
    /// To a neighbour: a piece of a copy that it shall keep on its card, or in its `memory`, or of
    /// one that it gives back. The bytes in base 64; the whole has `of` bytes.
    Piece {
        name: String,
        at: u64,
        of: u64,
        bytes: String,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        memory: bool,
    },
    /// To a neighbour: give back the copy of this name.
    Fetch { name: String },
    /// From the controller: forget what is on the card and in memory under this name.
    Forget { name: String },
    /// From the controller: who belongs to the group whose members probe each other.
    Group(Group),
    /// From an agent: what its board measures.
    Readings(Readings),
    /// From an agent: a transfer of a checkpoint is complete.
    Moved { purpose: Purpose, bytes: Bytes },
    /// The controller gives an errand. Given twice, it is done once and reported twice.
    Errand { term: u64, errand: Errand },
    /// From an agent: an errand is done, for which so many bytes really crossed the network.
    ErrandDone { number: u64, carried: Bytes },
    /// From the controller: an errand is given up, and not reported.
    GiveUp { term: u64, number: u64 },
    /// From the controller: of the errands from one number to the one before another all but those
    /// that are listed are given up.
    Keep { term: u64, from: u64, until: u64, numbers: Vec<u64> },
    /// So many bytes follow, which are acknowledged and thrown away.
    Pour { bytes: Bytes },
    /// So many bytes are to be sent back.
    Draw { bytes: Bytes },
    /// A kind of message that this version does not know.
    #[serde(other)]
    Unknown,
}

/// What a node's board measures now; nothing where it has no such sensor. Units as in
/// [`crate::event::Sensor`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Readings {
    /// Load.
    pub load: Option<u64>,
    /// Memory in use.
    pub memory: Option<u64>,
    /// Temperature.
    pub temperature: Option<u64>,
    /// Throttle bits.
    pub throttled: Option<u64>,
    /// The time of day when all this was read (ns since 1970).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wall: Option<u64>,
}

/// An order to one node of a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeOrder {
    /// The job's number.
    #[serde(default)]
    pub job: u16,
    /// Grows with every order of whatever job, over all placements; the same for all nodes of one.
    pub number: u64,
    /// Grows with every placement of whatever job. Memory of an older one is worthless.
    pub placement: u64,
    /// The term of the controller that gives it.
    pub term: u64,
    /// The node's place in the job.
    pub seat: Seat,
    /// What to do.
    pub work: Work,
}

/// A node's place in a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seat {
    /// From 0.
    pub number: u32,
    /// How many there are.
    pub of: u32,
    /// Ranks on each seat.
    pub ranks: u32,
    /// Memory of each rank (64-bit words).
    pub words: u32,
    /// Where the next seat's node is reached; the last one's next is the first.
    pub right: Address,
    /// Whether the memory is held twice, so that it can be verified.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub twin: bool,
    /// Where further replicas of the next seat are reached.
    #[serde(default)]
    pub more: Vec<Address>,
}

/// What a node of a job has to do. It lasts `span` at least.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
#[allow(missing_docs, reason = "a field says no more than its name and type")]
pub enum Work {
    /// Compute this step and exchange checksums.
    Compute { step: u64, span: Span },
    /// Save the memory, which holds all up to `step`, as this checkpoint.
    Save {
        checkpoint: u64,
        to: Where,
        step: u64,
        declared: Bytes,
        /// The time to compress it first.
        #[serde(default)]
        packing: Span,
        span: Span,
    },
    /// Load what was saved as this checkpoint. Without one: begin anew.
    Load {
        checkpoint: Option<u64>,
        from: Where,
        step: u64,
        declared: Bytes,
        /// The time to decompress it then.
        #[serde(default)]
        packing: Span,
        span: Span,
    },
    /// Verify the memory, which holds all up to `step`; if `blind`, it is looked at in vain.
    Verify { step: u64, blind: bool, span: Span },
}

impl Work {
    /// Whether the node computes all the while.
    #[must_use]
    pub fn is_computing(&self) -> bool {
        matches!(self, Self::Compute { .. } | Self::Verify { .. })
    }

    /// The time that it takes at least.
    #[must_use]
    pub fn span(&self) -> Span {
        let (Self::Compute { span, .. }
        | Self::Save { span, .. }
        | Self::Load { span, .. }
        | Self::Verify { span, .. }) = *self;
        span
    }
}

/// Where an image goes to, or comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Where {
    /// The file server.
    Server,
    /// The node's own card.
    Card,
    /// Saved: the node's own card, and a copy on the card of whom this reaches. Loaded: from
    /// there, onto the own card.
    Neighbour(Address),
    /// The memory of the node's agent.
    Memory,
    /// Saved: the same, and a copy in the memory of whom each of these reaches: the other seats of
    /// its pair or triple. Loaded: the images of these seats, its own among them, into its own
    /// memory, each from that of whom it reaches.
    Buddies(Vec<(u32, Address)>),
}

/// Why bytes were refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A frame longer than [`FRAME_MAX`], or one without a version.
    #[error("a frame of {0} bytes")]
    Length(u32),
    /// A version before [`VERSION_MIN`].
    #[error("version {0} is too old")]
    Version(u8),
    /// No message of ours.
    #[error("no message")]
    Garbage,
    /// No proof of the rack's authority, or one that does not hold.
    #[error("no proof of who it is")]
    Unproven,
    /// The proof is another one's.
    #[error("the proof of somebody else")]
    Impostor,
    /// It had proven nothing yet, and there were too many of its kind.
    #[error("too many connections without a proof")]
    Crowded,
}

/// Bytes in, messages out. After a refusal it is of no more use.
#[derive(Debug, Default)]
pub struct Decoder {
    bytes: Vec<u8>,
}

impl Decoder {
    /// Throws away so many bytes that have come, and says how many there were.
    fn skip(&mut self, most: u64) -> u64 {
        let skipped = most.min(self.bytes.len() as u64);
        self.bytes.drain(..skipped as usize);
        skipped
    }

    /// Takes bytes as they come.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The next message; `None` until it is whole.
    ///
    /// # Errors
    /// What the peer did wrong.
    pub fn next_message(&mut self) -> Result<Option<Message>, Refusal> {
        let Some((length, rest)) = self.bytes.split_first_chunk() else { return Ok(None) };
        let length = u32::from_be_bytes(*length);
        if length == 0 || length as usize > FRAME_MAX {
            return Err(Refusal::Length(length));
        }
        let Some(&version) = rest.first() else { return Ok(None) };
        if version < VERSION_MIN {
            return Err(Refusal::Version(version));
        }
        let Some(body) = rest.get(1..length as usize) else { return Ok(None) };
        let message = serde_json::from_slice(body).map_err(|_| Refusal::Garbage)?;
        self.bytes.drain(..4 + length as usize);
        Ok(Some(message))
    }
}

/// A message as a frame. Panics if it is longer than [`FRAME_MAX`]: ours are not.
#[must_use]
pub fn frame(message: &Message) -> Vec<u8> {
    let body = serde_json::to_vec(message).expect("messages have string keys");
    let length = body.len() + 1;
    assert!(length <= FRAME_MAX, "our messages are short");
    let mut bytes = Vec::with_capacity(4 + length);
    bytes.extend_from_slice(&(length as u32).to_be_bytes());
    bytes.push(VERSION);
    bytes.extend_from_slice(&body);
    bytes
}

/// Why a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The peer closed it, or the network did.
    Closed,
    /// Nothing came in time.
    Silent,
    /// The peer said what may not be said.
    Refused(Refusal),
}

/// The reading half of a connection.
#[derive(Debug)]
pub struct Reader<R> {
    from: R,
    decoder: Decoder,
}

impl<R: AsyncRead + Unpin> Reader<R> {
    /// Reads messages from `from`.
    pub fn new(from: R) -> Self {
        Self { from, decoder: Decoder::default() }
    }

    /// The next message, if it comes within `patience`. Not safe to drop half-way together with
    /// its reader's bytes; a reader belongs to one task.
    ///
    /// # Errors
    /// Why none comes any more.
    pub async fn next(&mut self, patience: Duration) -> Result<Message, Ended> {
        let mut buffer = [0; 2048];
        loop {
            match self.decoder.next_message() {
                Ok(Some(message)) => return Ok(message),
                Ok(None) => {}
                Err(refusal) => return Err(Ended::Refused(refusal)),
            }
            match timeout(patience, self.from.read(&mut buffer)).await {
                Err(_) => return Err(Ended::Silent),
                Ok(Ok(n)) if n > 0 => self.decoder.push(&buffer[..n]),
                Ok(Err(error)) if error.kind() == io::ErrorKind::InvalidData => {
                    return Err(Ended::Refused(Refusal::Unproven));
                }
                Ok(_) => return Err(Ended::Closed),
            }
        }
    }
}

impl<R: AsyncRead + Unpin> Reader<R> {
    /// Reads so many bytes that follow the last message, and throws them away. Each piece must come
    /// within `patience`.
    ///
    /// # Errors
    /// Why they do not come.
    pub async fn skip(&mut self, bytes: Bytes, patience: Duration) -> Result<(), Ended> {
        let mut left = bytes.0 - self.decoder.skip(bytes.0);
        let mut buffer = vec![0; PIECE];
        while left > 0 {
            let most = left.min(PIECE as u64) as usize;
            match timeout(patience, self.from.read(&mut buffer[..most])).await {
                Err(_) => return Err(Ended::Silent),
                Ok(Ok(n)) if n > 0 => left -= n as u64,
                Ok(_) => return Err(Ended::Closed),
            }
        }
        Ok(())
    }
}

/// Writes so many bytes, each piece within `patience`.
///
/// # Errors
/// When they could not be written; the connection is then of no more use.
pub async fn pour<W: AsyncWrite + Unpin>(
    to: &mut W,
    bytes: Bytes,
    patience: Duration,
) -> Result<(), Ended> {
    let (mut left, piece) = (bytes.0, vec![0; PIECE.min(bytes.0 as usize)]);
    while left > 0 {
        let most = left.min(PIECE as u64) as usize;
        match timeout(patience, to.write_all(&piece[..most])).await {
            Ok(Ok(())) => left -= most as u64,
            Ok(Err(_)) => return Err(Ended::Closed),
            Err(_) => return Err(Ended::Silent),
        }
    }
    match timeout(patience, to.flush()).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(Ended::Closed),
        Err(_) => Err(Ended::Silent),
    }
}

/// Writes one message within `patience`.
///
/// # Errors
/// When it could not be written; the connection is then of no more use.
pub async fn write<W: AsyncWrite + Unpin>(
    to: &mut W,
    message: &Message,
    patience: Duration,
) -> Result<(), Ended> {
    let bytes = frame(message);
    match timeout(patience, async {
        to.write_all(&bytes).await?;
        to.flush().await
    })
    .await
    {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(Ended::Closed),
        Err(_) => Err(Ended::Silent),
    }
}

/// A datagram: an agent's heartbeat, or the controller's answer to one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heartbeat {
    /// The agent's node.
    pub serial: u32,
    /// Its life.
    pub life: u32,
    /// Its session.
    pub session: u64,
    /// Counts the agent's heartbeats; an answer repeats it.
    pub count: u64,
    /// In an answer: the controller's term. In a heartbeat: 0.
    pub term: u64,
    /// In an answer: whether the controller does not know the session.
    pub stale: bool,
}

impl Heartbeat {
    /// As bytes.
    #[must_use]
    pub fn encode(&self) -> [u8; DATAGRAM] {
        let mut bytes = [0; DATAGRAM];
        bytes[..3].copy_from_slice(&MAGIC);
        bytes[3] = VERSION;
        bytes[4..8].copy_from_slice(&self.serial.to_be_bytes());
        bytes[8..12].copy_from_slice(&self.life.to_be_bytes());
        bytes[12..20].copy_from_slice(&self.session.to_be_bytes());
        bytes[20..28].copy_from_slice(&self.count.to_be_bytes());
        bytes[28..36].copy_from_slice(&self.term.to_be_bytes());
        bytes[36] = u8::from(self.stale);
        bytes
    }

    /// From bytes; a longer datagram is one of a newer version.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn decode(bytes: &[u8]) -> Result<Self, Refusal> {
        let garbage = || Refusal::Garbage;
        let word = |at: usize| -> Result<u64, Refusal> {
            let field = bytes.get(at..at + 8).and_then(|field| field.try_into().ok());
            field.map(u64::from_be_bytes).ok_or_else(garbage)
        };
        if bytes.get(..3) != Some(&MAGIC) || bytes.len() < DATAGRAM {
            return Err(Refusal::Garbage);
        }
        if bytes[3] < VERSION_MIN {
            return Err(Refusal::Version(bytes[3]));
        }
        let pair = word(4)?;
        Ok(Self {
            serial: (pair >> 32) as u32,
            life: pair as u32,
            session: word(12)?,
            count: word(20)?,
            term: word(28)?,
            stale: bytes[36] != 0,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::admission::Refusals;
    use crate::rng::Stream;

    fn done(order: u64) -> Message {
        Message::Done { order, sum: u64::MAX }
    }

    fn raw(version: u8, body: &[u8]) -> Vec<u8> {
        let mut bytes = (body.len() as u32 + 1).to_be_bytes().to_vec();
        bytes.push(version);
        bytes.extend_from_slice(body);
        bytes
    }

    #[test]
    fn a_message_comes_through_however_its_bytes_are_cut() {
        let mut bytes = frame(&done(1));
        bytes.extend(frame(&done(2)));
        for cut in 1..bytes.len() {
            let mut decoder = Decoder::default();
            let mut messages = Vec::new();
            for part in bytes.chunks(cut) {
                decoder.push(part);
                while let Some(message) = decoder.next_message().expect("all is well") {
                    messages.push(message);
                }
            }
            assert_eq!(messages, [done(1), done(2)]);
        }
    }

    #[test]
    fn a_newer_peer_is_understood_as_far_as_possible() {
        let mut decoder = Decoder::default();
        decoder.push(&raw(9, br#"{"kind":"done","order":7,"sum":18446744073709551615,"new":[1]}"#));
        decoder.push(&raw(9, br#"{"kind":"sing","song":"of the cold"}"#));
        assert_eq!(decoder.next_message(), Ok(Some(done(7))));
        assert_eq!(decoder.next_message(), Ok(Some(Message::Unknown)));
        assert_eq!(decoder.next_message(), Ok(None));
    }

    #[test]
    fn each_wrong_frame_is_refused_for_its_reason() {
        let cases: [(&[u8], Refusal); 5] = [
            (&[255; 4], Refusal::Length(u32::MAX)),
            (&[0; 4], Refusal::Length(0)),
            (&[0, 0, 0, 2, 0], Refusal::Version(0)),
            (&raw(1, b"GET / HTTP/1.1"), Refusal::Garbage),
            (&raw(1, br#"{"kind":"done","order":-1,"sum":0}"#), Refusal::Garbage),
        ];
        let mut refusals = Refusals::default();
        for (bytes, refusal) in cases {
            let mut decoder = Decoder::default();
            decoder.push(bytes);
            assert_eq!(decoder.next_message(), Err(refusal));
            refusals.count(refusal);
        }
        assert_eq!((refusals.length, refusals.version, refusals.garbage), (2, 1, 2));
    }

    #[test]
    fn a_long_frame_is_refused_before_it_is_held() {
        let mut decoder = Decoder::default();
        decoder.push(&(FRAME_MAX as u32 + 1).to_be_bytes());
        assert_eq!(decoder.next_message(), Err(Refusal::Length(FRAME_MAX as u32 + 1)));
    }

    /// Whole and broken frames, flipped bits and plain noise: no input makes the decoder panic or
    /// hold more than a frame.
    #[test]
    fn no_bytes_break_the_decoder() {
        let stream = Stream::new(3, "hostile peer");
        let frames = [frame(&done(3)), frame(&Message::Refused { why: "x".into() })];
        let mut n_messages = 0_u64;
        for round in 0..200_000 {
            let mut draw = stream.draw(0, round);
            let mut bytes = Vec::new();
            for _ in 0..=draw.below(3) {
                let mut piece = match draw.below(3) {
                    0 => (0..draw.below(24)).map(|_| draw.next_u64() as u8).collect(),
                    kind => frames[kind as usize - 1].clone(),
                };
                if draw.below(2) == 0 && !piece.is_empty() {
                    let at = draw.below(piece.len() as u64) as usize;
                    piece[at] ^= 1 << draw.below(8);
                }
                bytes.extend(piece);
            }
            let mut decoder = Decoder::default();
            for part in bytes.chunks(1 + draw.below(16) as usize) {
                decoder.push(part);
                match decoder.next_message() {
                    Ok(message) => n_messages += u64::from(message.is_some()),
                    Err(_) => break,
                }
            }
            let _ = Heartbeat::decode(&bytes);
        }
        assert!(n_messages > 100_000, "{n_messages}");
    }

    #[test]
    fn a_heartbeat_comes_through_and_nothing_else_does() {
        let heartbeat =
            Heartbeat { serial: 7, life: 2, session: 99, count: 5, term: 3, stale: true };
        let bytes = heartbeat.encode();
        assert_eq!(Heartbeat::decode(&bytes), Ok(heartbeat));
        let longer = [&bytes[..], &[1, 2, 3]].concat();
        assert_eq!(Heartbeat::decode(&longer), Ok(heartbeat));
        assert_eq!(Heartbeat::decode(&bytes[..DATAGRAM - 1]), Err(Refusal::Garbage));
        let mut old = bytes;
        old[3] = 0;
        assert_eq!(Heartbeat::decode(&old), Err(Refusal::Version(0)));
        assert_eq!(Heartbeat::decode(b""), Err(Refusal::Garbage));
    }
}
