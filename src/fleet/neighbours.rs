//! What neighbours give each other: sums of a step, copies of checkpoints, bytes of workloads.
//!
//! Every sum is sent until it is acknowledged.
//!
//! A sender keeps one connection and makes a new one when an acknowledgement does not come: a
//! network that swallowed bytes, or a neighbour that moved, costs a retry and no more. A newer sum
//! takes the place of one that is still unacknowledged, since it is only ordered when all have the
//! older.

use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{sleep, timeout};

use crate::fleet::admission::{Admission, Pass};
use crate::fleet::erased::{AnyListener, AnyNet, DynStream};
use crate::fleet::errand;
use crate::fleet::images::{Copy, Images};
use crate::fleet::ports::{Address, Net};
use crate::fleet::wire::{self, Ended, Message, Reader, Refusal};

/// A neighbour that says nothing for so long is disconnected; it will connect again.
const IDLE: Duration = Duration::from_secs(600);

/// What comes in from neighbours.
pub(super) enum Incoming {
    /// A sum.
    Sum { placement: u64, step: u64, seat: u32, sum: u64 },
    /// A connection ended for this reason, which was not a neighbour's farewell.
    Broken(Ended),
}

/// Starts to send sums to a right neighbour; the latest one put into the queue counts. Ends when
/// the queue is dropped.
pub(super) fn send(
    net: &AnyNet,
    to: Address,
    patience: Duration,
    retry: Duration,
) -> watch::Sender<Option<Message>> {
    let (sender, mut latest) = watch::channel(None);
    let own = net.clone();
    net.spawn(async move {
        let mut stream = None;
        while latest.changed().await.is_ok() {
            loop {
                let Some(message) = latest.borrow_and_update().clone() else { break };
                if deliver(&own, &to, patience, &mut stream, &message).await {
                    break;
                }
                stream = None;
                sleep(retry).await;
                if latest.has_changed().is_err() {
                    return;
                }
            }
        }
    });
    sender
}

/// Sends one message and waits for its acknowledgement.
async fn deliver(
    net: &AnyNet,
    to: &Address,
    patience: Duration,
    stream: &mut Option<Box<dyn DynStream>>,
    message: &Message,
) -> bool {
    if stream.is_none() {
        *stream = timeout(patience, net.connect(to)).await.ok().and_then(Result::ok);
    }
    let Some(stream) = stream else { return false };
    let Message::Exchange { step, .. } = *message else { return false };
    if wire::write(stream, message, patience).await.is_err() {
        return false;
    }
    let answer = Reader::new(stream).next(patience).await;
    matches!(answer, Ok(Message::Done { order, .. }) if order == step)
}

/// Takes in neighbours for ever. The first message must come within `patience`.
pub(super) async fn listen(
    images: Images,
    (mut listener, admission): (AnyListener, Admission),
    to: mpsc::Sender<Incoming>,
) {
    let net = images.net.clone();
    loop {
        let (stream, pass) = admission.accept(&net, &mut listener).await;
        let (images, to) = (images.clone(), to.clone());
        net.spawn(async move {
            let ended = hear(&images, stream, pass, &to).await;
            if ended != Ended::Closed {
                let _ = to.send(Incoming::Broken(ended)).await;
            }
        });
    }
}

async fn hear(
    images: &Images,
    stream: Box<dyn DynStream>,
    pass: Pass,
    to: &mpsc::Sender<Incoming>,
) -> Ended {
    let (patience, mut copy) = (images.patience, Copy::default());
    let (from, mut into) = tokio::io::split(stream);
    let mut reader = Reader::new(from);
    let mut said = pass.first(patience, reader.next(IDLE)).await;
    loop {
        match said {
            Ok(Message::Exchange { placement, step, seat, sum }) => {
                if to.send(Incoming::Sum { placement, step, seat, sum }).await.is_err() {
                    return Ended::Closed;
                }
                let answer = Message::Done { order: step, sum };
                if wire::write(&mut into, &answer, patience).await.is_err() {
                    return Ended::Closed;
                }
            }
            Ok(Message::Piece { name, at, of, bytes, memory }) => {
                let Ok(added) = copy.add(name, at, of, &bytes) else {
                    return Ended::Refused(Refusal::Garbage);
                };
                if let Some((name, image)) = added {
                    // A card that fails is silence: the neighbour tries again.
                    let Ok(()) = images.take(&name, image, memory).await else {
                        return Ended::Closed;
                    };
                    let answer = Message::Done { order: of, sum: 0 };
                    if wire::write(&mut into, &answer, patience).await.is_err() {
                        return Ended::Closed;
                    }
                }
            }
            Ok(Message::Fetch { name }) => {
                if images.give(&mut into, &name).await.is_err() {
                    return Ended::Closed;
                }
            }
            Ok(bulk @ (Message::Pour { .. } | Message::Draw { .. })) => {
                if let Err(ended) = errand::serve(&bulk, &mut reader, &mut into, patience).await {
                    return ended;
                }
            }
            Ok(Message::Unknown) => {}
            Ok(_) => return Ended::Refused(Refusal::Garbage),
            Err(ended) => return ended,
        }
        said = match reader.next(IDLE).await {
            Err(Ended::Silent) => return Ended::Closed,
            said => said,
        };
    }
}
