//! An agent's beats to its controller, and the answers to them.

use std::io;
use std::rc::Rc;

use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use crate::fleet::doors::{Address, Net};
use crate::fleet::pace::Pace;
use crate::fleet::wire::{Beat, DATAGRAM};

/// The answers that come in.
pub(super) struct Answers<N: Net> {
    net: N,
    socket: Rc<N::Datagrams>,
    pace: Pace,
}

/// Opens a socket for beats; gives what sends one, and what hears answers.
pub(super) async fn open<N: Net>(
    net: &N,
    to: Address,
    pace: Pace,
) -> io::Result<(Rc<dyn Fn(Beat)>, Answers<N>)> {
    let socket = Rc::new(net.bind(0).await?);
    let (queue, mut beats) = mpsc::unbounded_channel::<Beat>();
    let (own, from) = (net.clone(), Rc::clone(&socket));
    net.spawn(async move {
        while let Some(beat) = beats.recv().await {
            let _ = timeout(pace.patience, own.send_to(&from, &beat.encode(), &to)).await;
        }
    });
    let send = move |beat| {
        let _ = queue.send(beat);
    };
    Ok((Rc::new(send), Answers { net: net.clone(), socket, pace }))
}

impl<N: Net> Answers<N> {
    /// Hears answers for ever. Whatever is no answer to a beat means nothing to an agent.
    pub(super) async fn hear(self, to: mpsc::Sender<Beat>) {
        let mut buffer = [0; 2 * DATAGRAM];
        loop {
            match self.net.recv_from(&self.socket, &mut buffer).await {
                Ok((n, _)) => {
                    if let Ok(beat) = Beat::decode(&buffer[..n])
                        && to.send(beat).await.is_err()
                    {
                        return;
                    }
                }
                Err(_) => sleep(self.pace.retry).await,
            }
        }
    }
}
