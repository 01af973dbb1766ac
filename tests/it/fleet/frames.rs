//! The frame decoder against random, mutated and truncated frames that come in pieces.
//!
//! `RACKSTORM_FRAMES=10000000 cargo test --release --test it frames` tries ten million of them.

use rackstorm::fleet::means::Ability;
use rackstorm::fleet::ports::Address;
use rackstorm::fleet::wire::{self, Decoder, FRAME_MAX, Heartbeat, Message, Readings, Refusal};
use rackstorm::rng::Stream;

/// Frames that a run of the tests tries, unless it is asked for more.
const FRAMES: u64 = 100_000;
const SEED: u64 = 1;

struct Dice {
    stream: Stream,
    drawn: u64,
}

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.drawn += 1;
        (self.stream.draw(self.drawn, 0).next_u64() % n.max(1) as u64) as usize
    }

    fn bytes(&mut self, n: usize) -> Vec<u8> {
        (0..n).map(|_| self.below(256) as u8).collect()
    }
}

/// A message of ours, of any kind.
fn message(dice: &mut Dice) -> Message {
    let number = dice.below(usize::MAX) as u64;
    match dice.below(7) {
        0 => Message::Join {
            serial: number as u32,
            life: 1,
            session: number.is_multiple_of(2).then_some(number),
            peers: Address::new("pi7", 7000),
            datagrams: dice.below(65_536) as u16,
            abilities: vec![Ability::Process { name: "hpcg".into() }; dice.below(4)],
        },
        1 => Message::Welcome { term: number, session: number },
        2 => Message::Refused { why: "no such node".into() },
        3 => Message::Done { order: number, sum: number },
        4 => Message::Exchange { placement: 1, step: number, seat: 3, sum: number },
        5 => Message::Cancel { term: 1, void: number },
        _ => Message::Readings(Readings { load: Some(number), ..Readings::default() }),
    }
}

/// Bytes of a peer of any kind: ours, one with a slip, one that was cut off, one of chaos.
fn hostile(dice: &mut Dice) -> Vec<u8> {
    let mut bytes = wire::frame(&message(dice));
    match dice.below(6) {
        0 => {}
        1 => {
            for _ in 0..=dice.below(4) {
                let at = dice.below(bytes.len());
                bytes[at] = dice.below(256) as u8;
            }
        }
        2 => bytes.truncate(dice.below(bytes.len())),
        3 => {
            let at = dice.below(bytes.len());
            bytes.insert(at, dice.below(256) as u8);
        }
        4 => {
            let n = dice.below(64);
            bytes = dice.bytes(n);
        }
        _ => {
            let n = dice.below(32);
            let mut body = dice.bytes(n);
            bytes = (n as u32 + 1).to_be_bytes().to_vec();
            bytes.push(wire::VERSION);
            bytes.append(&mut body);
        }
    }
    bytes
}

/// Feeds bytes in pieces; gives the messages and how it ended.
fn decode(bytes: &[u8], dice: &mut Dice) -> (Vec<Message>, Option<Refusal>) {
    let (mut decoder, mut rest, mut messages) = (Decoder::default(), bytes, Vec::new());
    loop {
        match decoder.next_message() {
            Ok(Some(message)) => messages.push(message),
            Err(refusal) => return (messages, Some(refusal)),
            Ok(None) if rest.is_empty() => return (messages, None),
            Ok(None) => {
                let (piece, later) = rest.split_at(1 + dice.below(rest.len()).min(rest.len() - 1));
                decoder.push(piece);
                rest = later;
            }
        }
    }
}

#[test]
fn no_frame_makes_the_decoder_fall_over_however_it_is_cut() {
    let wanted = std::env::var("RACKSTORM_FRAMES").ok();
    let wanted = wanted.map_or(FRAMES, |n| n.parse().expect("RACKSTORM_FRAMES is a number"));
    let mut dice = Dice { stream: Stream::new(SEED, "frames"), drawn: 0 };
    let (mut frames, mut refused) = (0, 0);
    while frames < wanted {
        let n = 1 + dice.below(4);
        let bytes: Vec<u8> = (0..n).flat_map(|_| hostile(&mut dice)).collect();
        frames += n as u64;
        let pieces = decode(&bytes, &mut dice);
        let mut whole = Decoder::default();
        whole.push(&bytes);
        let mut at_once = Vec::new();
        let end = loop {
            match whole.next_message() {
                Ok(Some(message)) => at_once.push(message),
                Ok(None) => break None,
                Err(refusal) => break Some(refusal),
            }
        };
        assert_eq!(pieces, (at_once, end), "seed {SEED}, frame {frames}: {bytes:?}");
        refused += u64::from(end.is_some());
        let _ = Heartbeat::decode(&bytes);
    }
    assert!(refused > wanted / 100, "{refused} of {frames} frames: too many are harmless");
}

#[test]
fn what_is_written_is_read_however_it_is_cut() {
    let mut dice = Dice { stream: Stream::new(SEED, "frames/ours"), drawn: 0 };
    for _ in 0..2_000 {
        let messages: Vec<_> = (0..dice.below(5)).map(|_| message(&mut dice)).collect();
        let bytes: Vec<u8> = messages.iter().flat_map(wire::frame).collect();
        assert_eq!(decode(&bytes, &mut dice), (messages, None), "seed {SEED}");
    }
}

#[test]
fn a_frame_that_is_too_long_is_refused_before_it_has_come() {
    let mut decoder = Decoder::default();
    decoder.push(&(FRAME_MAX as u32 + 1).to_be_bytes());
    assert_eq!(decoder.next_message(), Err(Refusal::Length(FRAME_MAX as u32 + 1)));
}
