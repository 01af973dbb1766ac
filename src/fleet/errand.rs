//! Errands: what an agent computes and moves for workloads that are no jobs.
//!
//! ```text
//!  controller --Errand--> agent: computes, in shares of its speed ------ErrandDone--> controller
//!                         agent --Pour, bytes--> whom they are for --Done--> agent
//!                         agent --Draw--> whom they are of --bytes--> agent
//! ```
//!
//! Computing is time that passes at the share of its speed that its host leaves the node, as in
//! the steps of jobs. What is moved first takes the time that the stage gives it
//! ([`Store::carry`]); what the stage leaves to be carried then crosses a connection of its own,
//! and is acknowledged. What fails is tried again, from its start, until the controller gives the
//! errand up: it knows who has stopped.

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::fleet::images::Images;
use crate::fleet::ports::{Address, Store};
use crate::fleet::wire::{self, Ended, Message, Reader, Refusal};
use crate::hardware::network::WHOLE_PPM;
use crate::hardware::processors::{Processors, ShareId};
use crate::ids::Part;
use crate::units::{Bytes, Span, Time};

/// Reports that are kept, so that they can be given again. A link that breaks loses a few.
const REPORTS: usize = 1024;
/// Processors of tasks that share none.
const ITS_OWN: u32 = u32::MAX;

/// What a node is to do for a task of a workload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Errand {
    /// Grows with every errand of the run.
    pub number: u64,
    /// What is to be done.
    pub work: TaskWork,
}

/// What can be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
#[allow(missing_docs, reason = "a field says no more than its name and type")]
pub enum TaskWork {
    /// Compute for so long, as at full speed. With `processors` it shares so many with all others
    /// that do; without, it has a processor of its own.
    Compute { span: Span, processors: Option<u32> },
    /// Send so much, as the first of these two parts, to the second; `peer` reaches it. The
    /// controller takes the part of a server, which has no address of its own.
    Send { ends: [Part; 2], peer: Option<Address>, bytes: Bytes },
    /// Receive so much of the first of these two parts, as the second.
    Receive { ends: [Part; 2], peer: Option<Address>, bytes: Bytes },
}

/// The errands of an agent.
pub(super) struct Errands {
    /// From here on it counts time.
    start: Instant,
    speed: u32,
    /// Tasks that compute, by the processors that they share.
    computing: BTreeMap<u32, Processors<u64>>,
    places: BTreeMap<u64, (u32, ShareId)>,
    /// What ends each that moves something, when it is dropped.
    moving: BTreeMap<u64, oneshot::Sender<()>>,
    /// What was carried for those that are done.
    done: BTreeMap<u64, Bytes>,
}

impl Errands {
    /// None yet.
    pub(super) fn new(now: Instant) -> Self {
        Self {
            start: now,
            speed: WHOLE_PPM,
            computing: BTreeMap::new(),
            places: BTreeMap::new(),
            moving: BTreeMap::new(),
            done: BTreeMap::new(),
        }
    }

    fn time(&self, now: Instant) -> Time {
        Time(now.duration_since(self.start).as_nanos() as u64)
    }

    /// Whether one is under way.
    pub(super) fn has(&self, number: u64) -> bool {
        self.places.contains_key(&number) || self.moving.contains_key(&number)
    }

    /// The report of one that is done.
    pub(super) fn report(&self, number: u64) -> Option<Message> {
        let carried = *self.done.get(&number)?;
        Some(Message::ErrandDone { number, carried })
    }

    /// The node computes from now on.
    pub(super) fn compute(
        &mut self,
        now: Instant,
        number: u64,
        (span, processors): (Span, Option<u32>),
    ) {
        let (time, key, speed) = (self.time(now), processors.unwrap_or(ITS_OWN), self.speed);
        let new = || Processors::new(time, key, speed);
        let shared = self.computing.entry(key).or_insert_with(new);
        self.places.insert(number, (key, shared.begin(time, span, number, number)));
    }

    /// Something is moved; what is given back is heard when it is given up.
    pub(super) fn moves(&mut self, number: u64) -> oneshot::Receiver<()> {
        let (cancel, cancelled) = oneshot::channel();
        self.moving.insert(number, cancel);
        cancelled
    }

    /// What was moved is there, so much of it carried; gives the report.
    pub(super) fn moved(&mut self, number: u64, carried: Bytes) -> Option<Message> {
        self.moving.remove(&number)?;
        self.note(number, carried);
        self.report(number)
    }

    fn note(&mut self, number: u64, carried: Bytes) {
        self.done.insert(number, carried);
        while self.done.len() > REPORTS {
            self.done.pop_first();
        }
    }

    /// The node computes at another speed (ppm).
    pub(super) fn set_speed(&mut self, now: Instant, speed: u32) {
        let time = self.time(now);
        self.speed = speed;
        self.computing.values_mut().for_each(|shared| shared.set_speed(time, speed));
    }

    /// When the next is computed.
    pub(super) fn next(&self) -> Option<Instant> {
        let next = self.computing.values().filter_map(Processors::next).min()?;
        Some(self.start + std::time::Duration::from_nanos(next.0))
    }

    /// The reports of all that is computed by now.
    pub(super) fn computed(&mut self, now: Instant) -> Vec<Message> {
        let (time, mut done) = (self.time(now), Vec::new());
        for shared in self.computing.values_mut() {
            done.extend(shared.end(time).into_iter().map(|(number, _)| number));
        }
        self.computing.retain(|_, shared| !shared.is_idle());
        for number in &done {
            self.places.remove(number);
            self.note(*number, Bytes(0));
        }
        done.into_iter().filter_map(|number| self.report(number)).collect()
    }

    /// One is given up, if it is under way.
    pub(super) fn give_up(&mut self, now: Instant, number: u64) {
        self.moving.remove(&number);
        if let Some((key, place)) = self.places.remove(&number) {
            let time = self.time(now);
            if let Some(shared) = self.computing.get_mut(&key) {
                shared.give_up(time, place);
            }
            self.computing.retain(|_, shared| !shared.is_idle());
        }
    }

    /// Of a range of numbers all but these are given up, which ascend.
    pub(super) fn keep(&mut self, now: Instant, range: Range<u64>, numbers: &[u64]) {
        let all = self.places.keys().chain(self.moving.keys()).copied();
        let all: Vec<_> = all.filter(|number| range.contains(number)).collect();
        for number in all.into_iter().filter(|number| numbers.binary_search(number).is_err()) {
            self.give_up(now, number);
        }
    }

    /// Whether the node computes.
    pub(super) fn computes(&self) -> bool {
        !self.places.is_empty()
    }
}

/// Moves what an errand says, once; gives how much was carried.
pub(super) async fn carry(
    images: &Images,
    controller: &Address,
    work: &TaskWork,
) -> io::Result<Bytes> {
    let (&([from, to], bytes), peer) = match work {
        TaskWork::Send { ends, peer, bytes } | TaskWork::Receive { ends, peer, bytes } => {
            (&(*ends, *bytes), peer)
        }
        TaskWork::Compute { .. } => return Ok(Bytes(0)),
    };
    let bytes = images.store.carry(from, to, bytes).await?;
    let (patience, peer) = (images.patience, peer.as_ref().unwrap_or(controller));
    let mut stream = images.connect(peer).await?;
    let broken = |_: Ended| io::Error::from(io::ErrorKind::ConnectionAborted);
    if matches!(work, TaskWork::Receive { .. }) {
        wire::write(&mut stream, &Message::Draw { bytes }, patience).await.map_err(broken)?;
        let mut reader = Reader::new(&mut stream);
        // That all is there is said by an acknowledgement here too: of nothing there is no end.
        return match reader.next(patience).await.map_err(broken)? {
            Message::Pour { bytes: coming } if coming == bytes => {
                reader.skip(bytes, patience).await.map_err(broken)?;
                Ok(bytes)
            }
            _ => Err(io::Error::other("it does not send what was asked for")),
        };
    }
    wire::write(&mut stream, &Message::Pour { bytes }, patience).await.map_err(broken)?;
    wire::pour(&mut stream, bytes, patience).await.map_err(broken)?;
    match Reader::new(&mut stream).next(patience).await.map_err(broken)? {
        Message::Done { order, .. } if order == bytes.0 => Ok(bytes),
        _ => Err(io::Error::other("it does not take what was sent")),
    }
}

/// Answers a peer who has bytes, or wants some.
pub(super) async fn serve(
    message: &Message,
    reader: &mut Reader<impl AsyncRead + Unpin>,
    into: &mut (impl AsyncWrite + Unpin),
    patience: std::time::Duration,
) -> Result<(), Ended> {
    match *message {
        Message::Pour { bytes } => {
            reader.skip(bytes, patience).await?;
            wire::write(into, &Message::Done { order: bytes.0, sum: 0 }, patience).await
        }
        Message::Draw { bytes } => {
            wire::write(into, &Message::Pour { bytes }, patience).await?;
            wire::pour(into, bytes, patience).await
        }
        _ => Err(Ended::Refused(Refusal::Garbage)),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_errand_is_done_once_at_the_speed_that_is_left_and_reported_again() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut errands = Errands::new(start);
        errands.compute(start, 1, (Span::from_secs(10), None));
        errands.compute(start, 2, (Span::from_secs(4), Some(1)));
        errands.compute(start, 3, (Span::from_secs(4), Some(1)));
        // The second and third have half a processor each: 8 s; the third is given up at 4 s, and
        // the second has 2 s left.
        assert_eq!(errands.next(), Some(at(8)));
        errands.give_up(at(4), 3);
        assert_eq!(errands.next(), Some(at(6)));
        let report = |number| Message::ErrandDone { number, carried: Bytes(0) };
        assert_eq!(errands.computed(at(6)), [report(2)]);
        errands.set_speed(at(6), 500_000);
        assert_eq!(errands.next(), Some(at(14)), "4 s are left, at half the speed");
        errands.keep(at(7), 0..1, &[]);
        errands.keep(at(7), 1..9, &[1, 2]);
        assert_eq!((errands.has(1), errands.computes()), (true, true));
        assert_eq!(errands.computed(at(14)), [report(1)]);
        assert_eq!((errands.next(), errands.has(1)), (None, false));
        assert_eq!(errands.report(1), Some(report(1)));
    }

    #[tokio::test]
    async fn bytes_are_poured_and_drawn_however_a_connection_cuts_them() {
        let patience = Duration::from_secs(10);
        for bytes in [0, 1, 100_000].map(Bytes) {
            for message in [Message::Pour { bytes }, Message::Draw { bytes }] {
                let (mut near, far) = tokio::io::duplex(1_000);
                let serves = async move {
                    let (from, mut into) = tokio::io::split(far);
                    let mut reader = Reader::new(from);
                    let said = reader.next(patience).await.expect("a message");
                    serve(&said, &mut reader, &mut into, patience).await.expect("it is served");
                };
                let asks = async {
                    wire::write(&mut near, &message, patience).await.expect("it is open");
                    if matches!(message, Message::Pour { .. }) {
                        wire::pour(&mut near, bytes, patience).await.expect("it is open");
                    }
                    let mut reader = Reader::new(&mut near);
                    match reader.next(patience).await.expect("an answer") {
                        Message::Done { order, .. } => assert_eq!(order, bytes.0),
                        Message::Pour { bytes: coming } => {
                            assert_eq!(coming, bytes);
                            reader.skip(bytes, patience).await.expect("all comes");
                        }
                        other => panic!("{other:?}"),
                    }
                };
                tokio::join!(serves, asks);
            }
        }
    }
}
