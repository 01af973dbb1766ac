//! The frame decoder against whatever a fuzzer comes up with: the first byte says how it is cut.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rackstorm::fleet::wire::{Heartbeat, Decoder, Message, Refusal, frame};

/// The messages in bytes that come in pieces of this length, and how it ended.
fn decode(bytes: &[u8], piece: usize) -> (Vec<Message>, Option<Refusal>) {
    let (mut decoder, mut messages) = (Decoder::default(), Vec::new());
    for bytes in bytes.chunks(piece.max(1)) {
        decoder.push(bytes);
        loop {
            match decoder.next_message() {
                Ok(Some(message)) => messages.push(message),
                Ok(None) => break,
                Err(refusal) => return (messages, Some(refusal)),
            }
        }
    }
    (messages, None)
}

fuzz_target!(|bytes: &[u8]| {
    let Some((&piece, bytes)) = bytes.split_first() else { return };
    let whole = decode(bytes, bytes.len());
    assert_eq!(decode(bytes, usize::from(piece)), whole);
    // What was understood can be said again, and is understood the same.
    let again: Vec<u8> = whole.0.iter().flat_map(frame).collect();
    assert_eq!(decode(&again, 7), (whole.0, None));
    let _ = Heartbeat::decode(bytes);
});
