//! The fingerprint of a run: a hash over every event, whatever the log level writes.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use super::codec::{Encoder, VERSION};
use crate::event::Event;

/// Bytes that are gathered before they are hashed, so that the hash runs at its full rate.
const CHUNK: usize = 64 * 1024;

/// SHA-256 over the canonical encoding of every event.
#[derive(Clone, Debug)]
pub struct Fingerprint {
    hash: Sha256,
    encoder: Encoder,
    buffer: Vec<u8>,
}

impl Default for Fingerprint {
    fn default() -> Self {
        let mut buffer = Vec::with_capacity(CHUNK + super::codec::MAX_LEN);
        buffer.extend(b"rackstorm events ");
        buffer.push(VERSION);
        Self { hash: Sha256::new(), encoder: Encoder::default(), buffer }
    }
}

impl Fingerprint {
    /// Takes the next event. Events must come in the order of their time.
    pub fn event(&mut self, event: &Event) {
        self.encoder.encode(event, &mut self.buffer);
        if self.buffer.len() >= CHUNK {
            self.hash.update(&self.buffer);
            self.buffer.clear();
        }
    }

    /// The fingerprint: 64 hexadecimal digits.
    #[must_use]
    pub fn finish(mut self) -> String {
        self.hash.update(&self.buffer);
        hex(&self.hash.finalize())
    }
}

/// SHA-256 of a text as 64 hexadecimal digits, for the scenario and the plan.
#[must_use]
pub fn sha256(text: &str) -> String {
    hex(&Sha256::digest(text.as_bytes()))
}

/// Bytes as hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes all");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::codec::tests::one_of_each;
    use crate::units::Span;

    fn fingerprint(events: &[Event]) -> String {
        let mut fingerprint = Fingerprint::default();
        for event in events {
            fingerprint.event(event);
        }
        fingerprint.finish()
    }

    #[test]
    fn sha256_agrees_with_the_standard() {
        // FIPS 180-2, appendix B.1: the message "abc".
        let standard = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256("abc"), standard);
    }

    #[test]
    fn it_is_the_hash_of_the_prefix_and_the_encoded_events_however_many() {
        let mut events = one_of_each();
        let last = events.pop().expect("not empty").at;
        // Enough to fill several chunks.
        let mut many = Vec::new();
        for round in 0..3000 {
            let shift = |event: &Event| Event { at: event.at + Span(last.0 * round), ..*event };
            many.extend(events.iter().map(shift));
        }
        let mut bytes = b"rackstorm events \x01".to_vec();
        let mut encoder = Encoder::default();
        for event in &many {
            encoder.encode(event, &mut bytes);
        }
        assert!(bytes.len() > 3 * CHUNK);
        assert_eq!(fingerprint(&many), hex(&Sha256::digest(&bytes)));
    }

    #[test]
    fn a_nanosecond_changes_it() {
        let events = one_of_each();
        let mut late = events.clone();
        late.last_mut().expect("not empty").at.0 += 1;
        assert_ne!(fingerprint(&events), fingerprint(&late));
        assert_eq!(fingerprint(&events), fingerprint(&events.clone()));
    }
}
