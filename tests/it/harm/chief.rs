//! The least of a controller: it takes an agent in, says what it is asked to say, and hears.

use std::cell::{Cell, RefCell};
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use rackstorm::drivers::net::Plain;
use rackstorm::drivers::tls::{self, Credentials, Tls};
use rackstorm::event::Fault;
use rackstorm::fleet::means::Ability;
use rackstorm::fleet::ports::{InjectionOrder, Means, Net};
use rackstorm::fleet::wire::{self, Heartbeat, Message, Reader};
use rackstorm::ids::{FaultId, Part, PartKind};
use rackstorm::units::Span;
use tokio::io::WriteHalf;
use tokio::task::spawn_local;

use super::stand::{CONTROLLER, until};

/// What an agent is patient for.
const PATIENCE: Duration = Duration::from_secs(60);

type Stream = <Tls<Plain> as Net>::Stream;

/// It.
#[derive(Clone, Default)]
pub(super) struct Chief(Rc<Inner>);

#[derive(Default)]
struct Inner {
    out: RefCell<Option<WriteHalf<Stream>>>,
    joins: Cell<u32>,
    said: RefCell<Vec<Message>>,
    silent: Cell<bool>,
}

impl Chief {
    /// Listens from now on.
    pub(super) async fn new(folder: &Path) -> Self {
        let own = CONTROLLER.parse().expect("an address");
        let credentials = Credentials::read(&folder.join("ca"), tls::CONTROLLER).expect("enrolled");
        let net = Tls::new(Plain { own }, &credentials, None, Rc::new(|_| {})).expect("they match");
        let mut listener = net.listen(7000).await.expect("a namespace of its own");
        let socket = net.bind(7001).await.expect("a namespace of its own");
        let chief = Self::default();
        let (own, heartbeats) = (chief.clone(), net.clone());
        spawn_local(async move {
            let mut buffer = [0; 2_048];
            loop {
                let Ok((n, from)) = heartbeats.recv_from(&socket, &mut buffer).await else {
                    continue;
                };
                if let (Ok(heartbeat), false) =
                    (Heartbeat::decode(&buffer[..n]), own.0.silent.get())
                {
                    let answer = Heartbeat { term: 1, stale: false, ..heartbeat };
                    let _ = heartbeats.send_to(&socket, &answer.encode(), &from).await;
                }
            }
        });
        let own = chief.clone();
        spawn_local(async move {
            loop {
                if let Ok(stream) = net.accept(&mut listener).await {
                    spawn_local(own.clone().hear(stream));
                }
            }
        });
        chief
    }

    async fn hear(self, stream: Stream) {
        let (from, out) = tokio::io::split(stream);
        let mut reader = Reader::new(from);
        let Ok(join @ Message::Join { .. }) = reader.next(PATIENCE).await else { return };
        self.0.said.borrow_mut().push(join);
        self.0.out.replace(Some(out));
        self.say(&Message::Welcome { term: 1, session: 7 }).await;
        self.0.joins.set(self.0.joins.get() + 1);
        while let Ok(message) = reader.next(PATIENCE * 60).await {
            self.0.said.borrow_mut().push(message);
        }
    }

    /// Says something on the newest connection.
    pub(super) async fn say(&self, message: &Message) {
        let mut out = self.0.out.borrow_mut().take().expect("it has joined");
        let _ = wire::write(&mut out, message, PATIENCE).await;
        self.0.out.borrow_mut().get_or_insert(out);
    }

    /// Answers no heartbeat any more, or does again.
    pub(super) fn fall_silent(&self, silent: bool) {
        self.0.silent.set(silent);
    }

    /// Waits until the agent has joined so many times.
    pub(super) async fn joined(&self, times: u32) {
        until("the agent joins", || self.0.joins.get() >= times).await;
    }

    /// How many times it has joined.
    pub(super) fn joins(&self) -> u32 {
        self.0.joins.get()
    }

    /// What the agent said of itself when it joined.
    pub(super) fn abilities(&self) -> Vec<Ability> {
        let said = self.0.said.borrow();
        let join = said.iter().rev().find_map(|message| match message {
            Message::Join { abilities, .. } => Some(abilities.clone()),
            _ => None,
        });
        join.expect("it has joined")
    }

    /// Why the agent did not carry an injection out, if it said so.
    pub(super) fn refusal(&self, number: u64) -> Option<String> {
        let said = self.0.said.borrow();
        said.iter().find_map(|message| match message {
            Message::Cannot { injection, why } if *injection == number => Some(why.clone()),
            _ => None,
        })
    }
}

/// A harm on the node.
pub(super) fn injection(
    number: u64,
    kind: Fault,
    means: Means,
    lasts: Option<u64>,
) -> InjectionOrder {
    let part = Part { kind: PartKind::Node, index: 0 };
    let (lasts, lease) = (lasts.map(Span::from_secs), Span::from_secs(5));
    InjectionOrder { number, fault: FaultId(0), kind, part, lasts, lease, means }
}
