//! Datagrams as bytes: heartbeats and gossip, read without trust.
//!
//! ```text
//!  heartbeat    see wire
//!  gossip  "rsg" | u8 version | u64 key | u32 from | u8 kind | u32 number | u32 of
//!          | u8 count | count times (u32 node | u32 incarnation | u8 suspect)     (big-endian)
//! ```
//!
//! A longer datagram is one of a newer version. The key is the group's secret: whoever does not
//! have it from the controller has nothing to say.

use crate::fleet::wire::{Heartbeat, Refusal, VERSION, VERSION_MIN};
use crate::ids::NodeId;
use crate::protocol::swim::{Datagram, Kind, UPDATES_MAX, Update};

const MAGIC: &[u8] = b"rsg";
/// Bytes of a datagram of gossip without updates, and of an update.
const HEAD: usize = 26;
const EACH: usize = 9;
/// The longest datagram that is read (bytes); what a newer version has beyond it is cut.
pub(super) const PACKET_MAX: usize = HEAD + UPDATES_MAX * EACH;

/// A datagram.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Packet {
    /// A heartbeat, or the answer to one.
    Heartbeat(Heartbeat),
    /// Gossip of the group that has this key.
    Gossip(u64, Datagram),
}

/// Gossip as bytes.
pub(super) fn encode(key: u64, datagram: &Datagram) -> Vec<u8> {
    let (kind, number, of) = match datagram.kind {
        Kind::Ping { number } => (0, number, NodeId(0)),
        Kind::Ack { number } => (1, number, NodeId(0)),
        Kind::Request { number, of } => (2, number, of),
    };
    let updates = &datagram.updates;
    assert!(updates.len() <= UPDATES_MAX, "a datagram has a bound");
    let mut bytes = Vec::with_capacity(HEAD + updates.len() * EACH);
    bytes.extend_from_slice(MAGIC);
    bytes.push(VERSION);
    bytes.extend_from_slice(&key.to_be_bytes());
    bytes.extend_from_slice(&datagram.from.0.to_be_bytes());
    bytes.push(kind);
    bytes.extend_from_slice(&number.to_be_bytes());
    bytes.extend_from_slice(&of.0.to_be_bytes());
    bytes.push(updates.len() as u8);
    for update in updates {
        bytes.extend_from_slice(&update.node.0.to_be_bytes());
        bytes.extend_from_slice(&update.incarnation.to_be_bytes());
        bytes.push(u8::from(update.suspect));
    }
    bytes
}

impl Packet {
    /// From bytes.
    ///
    /// # Errors
    /// What is wrong with them.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Refusal> {
        if !bytes.starts_with(MAGIC) {
            return Heartbeat::decode(bytes).map(Self::Heartbeat);
        }
        let (head, rest) = bytes.split_first_chunk::<HEAD>().ok_or(Refusal::Garbage)?;
        if head[3] < VERSION_MIN {
            return Err(Refusal::Version(head[3]));
        }
        let number = word(&head[17..]);
        let kind = match head[16] {
            0 => Kind::Ping { number },
            1 => Kind::Ack { number },
            2 => Kind::Request { number, of: NodeId(word(&head[21..])) },
            _ => return Err(Refusal::Garbage),
        };
        let count = usize::from(head[25]).min(UPDATES_MAX);
        let updates = rest.get(..count * EACH).ok_or(Refusal::Garbage)?;
        let update = |bytes: &[u8]| Update {
            node: NodeId(word(bytes)),
            incarnation: word(&bytes[4..]),
            suspect: bytes[8] != 0,
        };
        let key = u64::from(word(&head[4..])) << 32 | u64::from(word(&head[8..]));
        let updates = updates.chunks_exact(EACH).map(update).collect();
        Ok(Self::Gossip(key, Datagram { from: NodeId(word(&head[12..])), kind, updates }))
    }
}

/// The first four bytes as a number.
fn word(bytes: &[u8]) -> u32 {
    u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Draw, Stream};

    fn datagram(draw: &mut Draw) -> Datagram {
        let mut number = || draw.next_u64() as u32;
        let kind = match number() % 3 {
            0 => Kind::Ping { number: number() },
            1 => Kind::Ack { number: number() },
            _ => Kind::Request { number: number(), of: NodeId(number()) },
        };
        let n_updates = number() as usize % (UPDATES_MAX + 1);
        let mut update =
            || Update { node: NodeId(number()), incarnation: number(), suspect: number() % 2 == 0 };
        let updates = (0..n_updates).map(|_| update()).collect();
        Datagram { from: NodeId(number()), kind, updates }
    }

    #[test]
    fn gossip_comes_through_and_heartbeats_with_it() {
        for round in 0..1_000 {
            let mut draw = Stream::new(1, "packets").draw(0, round);
            let (key, datagram) = (draw.next_u64(), datagram(&mut draw));
            let mut bytes = encode(key, &datagram);
            assert!(bytes.len() <= PACKET_MAX);
            let wanted = Ok(Packet::Gossip(key, datagram));
            assert_eq!(Packet::decode(&bytes), wanted);
            bytes.extend_from_slice(b"of a newer version");
            assert_eq!(Packet::decode(&bytes), wanted);
        }
        let heartbeat =
            Heartbeat { serial: 7, life: 2, session: 99, count: 5, term: 3, stale: true };
        assert_eq!(Packet::decode(&heartbeat.encode()), Ok(Packet::Heartbeat(heartbeat)));
    }

    #[test]
    fn no_bytes_break_the_decoder() {
        for round in 0..100_000 {
            let mut draw = Stream::new(2, "packets").draw(0, round);
            let mut bytes = encode(0, &datagram(&mut draw));
            bytes.truncate(draw.below(bytes.len() as u64 + 1) as usize);
            if let Some(byte) = bytes.len().checked_sub(1).map(|last| draw.below(last as u64 + 1)) {
                bytes[byte as usize] ^= 1 << draw.below(8);
            }
            let _ = Packet::decode(&bytes);
        }
        assert_eq!(Packet::decode(b"rsg"), Err(Refusal::Garbage));
        assert_eq!(Packet::decode(&[b"rsg", &[0; 40][..]].concat()), Err(Refusal::Version(0)));
    }
}
