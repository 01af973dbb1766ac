//! An agent's link to its controller: connect, join, read, write, and connect again.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use tokio::io::AsyncWrite;
use tokio::sync::{Notify, mpsc};
use tokio::time::{sleep, timeout};

use crate::fleet::erased::{AnyNet, DynStream};
use crate::fleet::ports::{Address, Net};
use crate::fleet::wire::{self, Ended, Message, Reader};

/// A read that is not watched by a timeout of its own: heartbeats watch the link.
const WATCHED: Duration = Duration::from_secs(30 * 86_400);

/// What a link reports to its agent.
pub(super) enum Linked {
    /// A connection is there; messages go to this queue.
    Up(mpsc::UnboundedSender<Message>),
    /// The controller said something.
    Said(Message),
    /// The connection ended.
    Down(Ended),
}

/// What a link needs.
pub(super) struct Link {
    pub net: AnyNet,
    pub to: Address,
    pub patience: Duration,
    pub retry: Duration,
    pub retry_max: Duration,
    /// What to say first; the session of an earlier welcome is filled in.
    pub join: Message,
    pub session: Rc<Cell<Option<u64>>>,
    /// Asks for the connection to be given up for a new one.
    pub again: Rc<Notify>,
}

impl Link {
    /// Holds the link for ever, or until nobody listens any more. An agent that was never taken
    /// in asks ever more slowly; one that was has only the detector's time to come back.
    pub(super) async fn hold(self, to: mpsc::Sender<Linked>) {
        let mut wait = self.retry;
        loop {
            if let Ok(Ok(stream)) = timeout(self.patience, self.net.connect(&self.to)).await {
                let ended = self.serve(stream, &to).await;
                if to.send(Linked::Down(ended)).await.is_err() {
                    return;
                }
            }
            let was_taken_in = self.session.get().is_some();
            wait = if was_taken_in { self.retry } else { wait };
            sleep(wait).await;
            wait = longer(wait, self.retry_max);
        }
    }

    async fn serve(&self, stream: Box<dyn DynStream>, to: &mpsc::Sender<Linked>) -> Ended {
        let (from, into) = tokio::io::split(stream);
        let out = writer(&self.net, into, self.patience);
        let mut join = self.join.clone();
        if let Message::Join { session, .. } = &mut join {
            *session = self.session.get();
        }
        if out.send(join).is_err() || to.send(Linked::Up(out)).await.is_err() {
            return Ended::Closed;
        }
        let mut reader = Reader::new(from);
        loop {
            let message = tokio::select! {
                biased;
                () = self.again.notified() => return Ended::Silent,
                message = reader.next(WATCHED) => message,
            };
            match message {
                Ok(message) => {
                    if to.send(Linked::Said(message)).await.is_err() {
                        return Ended::Closed;
                    }
                }
                Err(ended) => return ended,
            }
        }
    }
}

/// Starts a task that writes what is put into its queue, until a write fails or the queue is
/// dropped.
pub(super) fn writer(
    net: &AnyNet,
    mut into: impl AsyncWrite + Unpin + 'static,
    patience: Duration,
) -> mpsc::UnboundedSender<Message> {
    let (sender, mut queue) = mpsc::unbounded_channel();
    net.spawn(async move {
        while let Some(message) = queue.recv().await {
            if wire::write(&mut into, &message, patience).await.is_err() {
                return;
            }
        }
    });
    sender
}

/// The wait after one that was in vain.
fn longer(wait: Duration, most: Duration) -> Duration {
    (wait * 2).min(most).max(wait)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_that_is_not_taken_in_asks_ever_more_slowly_up_to_a_bound() {
        let most = Duration::from_secs(30);
        let mut waits = vec![Duration::from_secs(1)];
        for k in 0..6 {
            waits.push(longer(waits[k], most));
        }
        let seconds: Vec<_> = waits.iter().map(Duration::as_secs).collect();
        assert_eq!(seconds, [1, 2, 4, 8, 16, 30, 30]);
        let steady = Duration::from_secs(1);
        assert_eq!(longer(steady, steady), steady, "a simulation asks at a steady pace");
    }
}
