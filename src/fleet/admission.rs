//! Admission: how many connections there may be whose peers have not proven who they are.
//!
//! ```text
//!  accepted --> unproven --first message, with proof--> counted no more
//!                   `-- one too many: the oldest of whoever has most is closed
//! ```
//!
//! A newcomer is never turned away, since nobody knows yet who he is. With room for four of which
//! one address may have three, `a a a` and then `a` again close the first `a`; `b`, and then `c`,
//! find room when another `a` goes: a flood pushes out its own. Only who has as many connections
//! as the flood, or shares its address, has to be faster than it, and asks again when it was not.
//!
//! All listeners of a process share one admission, and with it one bound and one count of what was
//! refused.

use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv6Addr};
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

use crate::event::{Sensor, What};
use crate::fleet::ports::Net;
use crate::fleet::wire::{Ended, Refusal};

/// Besides one connection for each node there is room for so many that say nothing. Assumption: at
/// 2,000 strangers a second a handshake then has half a second, a hundred times what it takes.
const UNPROVEN: usize = 1_024;
/// Of one address. Assumption: a node has a few at once, to the controller and to its store.
const PER_ADDRESS: usize = 64;
/// Peers at once at the store that have proven who they are. Assumption: a pilot of 750 nodes,
/// each with one transfer and one that has broken off.
const CALLERS: usize = 1_500;
/// Files that a controller opens besides its connections: log, state, certificates, buses, pipes to
/// tools (assumption).
const KEPT_BACK: usize = 256;
/// However few files a process may open, a handful of handshakes is possible at a time.
const LEAST: usize = 16;
/// Between two tries to accept, when the system gives no connection.
const RETRY: Duration = Duration::from_millis(100);

/// What was refused so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Refusals {
    /// Frames of an impossible length.
    pub length: u64,
    /// Versions that are too old.
    pub version: u64,
    /// Bytes on a connection that are no message.
    pub garbage: u64,
    /// Messages of a kind that is not known; the connection goes on.
    pub unknown: u64,
    /// Connections on which nobody said anything, or nothing that was due.
    pub silent: u64,
    /// Joins of a life that is over, or of a session that is another's.
    pub replayed: u64,
    /// Joins of nodes that the plan does not have.
    pub stranger: u64,
    /// Connections without a proof that they belong to the rack.
    pub unproven: u64,
    /// Joins and requests with the proof of another node.
    pub impostor: u64,
    /// Connections without a proof that were closed for newer ones.
    pub crowded: u64,
    /// Datagrams that are none of ours.
    pub datagrams: u64,
    /// Reports of an injection that the agent was not ordered to do, and requests to the store for
    /// what no object may be; the connection goes on.
    pub unasked: u64,
}

impl Refusals {
    /// Counts the end of a connection, if it is to be counted.
    pub fn ended(&mut self, ended: Ended) {
        match ended {
            Ended::Closed => {}
            Ended::Silent => self.silent += 1,
            Ended::Refused(refusal) => self.count(refusal),
        }
    }

    /// Connections that were refused or ended for what came over them, datagrams, and messages on
    /// connections that went on.
    #[must_use]
    pub fn counts(&self) -> [u64; 3] {
        let said = self.length + self.version + self.garbage + self.silent;
        let joins = self.replayed + self.stranger + self.unproven + self.impostor + self.crowded;
        [said + joins, self.datagrams, self.unknown + self.unasked]
    }

    /// What a meter of each reads, where there is something to read.
    pub fn readings(&self) -> impl Iterator<Item = What> + use<> {
        let sensors =
            [Sensor::ConnectionsRefused, Sensor::DatagramsRefused, Sensor::MessagesRefused];
        let read = sensors.into_iter().zip(self.counts()).filter(|(_, value)| *value > 0);
        read.map(|(sensor, value)| What::Reading { sensor, value })
    }

    /// Counts one.
    pub fn count(&mut self, refusal: Refusal) {
        match refusal {
            Refusal::Length(_) => self.length += 1,
            Refusal::Version(_) => self.version += 1,
            Refusal::Garbage => self.garbage += 1,
            Refusal::Unproven => self.unproven += 1,
            Refusal::Impostor => self.impostor += 1,
            Refusal::Crowded => self.crowded += 1,
        }
    }
}

/// How many connections there may be at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Without a proof, in all.
    pub unproven: usize,
    /// Without a proof, of one address. A loopback address stands for many hosts, and has no such
    /// bound.
    pub per_address: usize,
    /// With a proof, at the store.
    pub callers: usize,
}

impl Bounds {
    /// Those of a controller of so many nodes, where as many files may be open as wanted.
    #[must_use]
    pub fn of(nodes: usize) -> Self {
        Self { unproven: nodes + UNPROVEN, per_address: PER_ADDRESS, callers: CALLERS }
    }

    /// Those of an agent, to which only neighbours come.
    #[must_use]
    pub fn of_agent() -> Self {
        Self { unproven: 2 * PER_ADDRESS, per_address: PER_ADDRESS, callers: CALLERS }
    }

    /// Files that a controller of so many nodes may come to have open within these bounds.
    #[must_use]
    pub fn files(&self, nodes: usize) -> usize {
        self.unproven + nodes + self.callers + KEPT_BACK
    }

    /// The same for a process that may open no more than so many files: each node has its own, some
    /// are kept back, and the rest is shared between who has proven himself and who has not.
    #[must_use]
    pub fn within(self, nodes: usize, files: usize) -> Self {
        let share = (files.saturating_sub(nodes + KEPT_BACK) / 2).max(LEAST);
        let (unproven, callers) = (self.unproven.min(share), self.callers.min(share));
        Self { unproven, callers, ..self }
    }
}

/// Who is admitted, and what was refused so far. A clone is the same.
#[derive(Clone, Debug)]
pub struct Admission(Rc<Hall>);

#[derive(Debug)]
struct Hall {
    bounds: Bounds,
    refusals: Cell<Refusals>,
    unproven: RefCell<Unproven>,
}

/// The peer of a connection, as far as it matters for a bound.
type Peer = Option<IpAddr>;

/// Connections without a proof of one peer, in the order in which they came: what closes each.
type Held = BTreeMap<u64, oneshot::Sender<()>>;

/// Connections without a proof.
#[derive(Debug, Default)]
struct Unproven {
    came: u64,
    n: usize,
    by_peer: BTreeMap<Peer, Held>,
    /// The peers by how many they have; of several, the one whose oldest came first is the last.
    crowds: BTreeSet<(usize, Reverse<u64>, Peer)>,
}

impl Unproven {
    fn n_of(&self, peer: Peer) -> usize {
        self.by_peer.get(&peer).map_or(0, BTreeMap::len)
    }

    /// The peer with most connections.
    fn crowd(&self) -> Option<Peer> {
        self.crowds.last().map(|(_, _, peer)| *peer)
    }

    fn enter(&mut self, peer: Peer, close: oneshot::Sender<()>) -> u64 {
        let number = self.came;
        self.came += 1;
        self.change(peer, |held| held.insert(number, close));
        number
    }

    fn leave(&mut self, peer: Peer, number: u64) {
        self.change(peer, |held| held.remove(&number));
    }

    /// Closes the oldest connection of a peer, whose holder hears of it by the sender that goes.
    fn close_oldest(&mut self, peer: Peer) {
        self.change(peer, BTreeMap::pop_first);
    }

    /// Changes what a peer has.
    fn change<X>(&mut self, peer: Peer, act: impl FnOnce(&mut Held) -> X) {
        let held = self.by_peer.entry(peer).or_default();
        let place = |held: &Held| {
            let oldest = held.keys().next().copied();
            oldest.map(|oldest| (held.len(), Reverse(oldest), peer))
        };
        if let Some(before) = place(held) {
            self.crowds.remove(&before);
            self.n -= held.len();
        }
        act(held);
        self.n += held.len();
        match place(held) {
            Some(after) => drop(self.crowds.insert(after)),
            None => drop(self.by_peer.remove(&peer)),
        }
    }
}

/// A network of 64 bits is one host's, however many addresses it takes of it.
fn host(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(own) if !own.is_loopback() => {
            IpAddr::V6(Ipv6Addr::from_bits(own.to_bits() >> 64 << 64))
        }
        own => own,
    }
}

impl Admission {
    /// With nobody there yet.
    #[must_use]
    pub fn new(bounds: Bounds) -> Self {
        let (refusals, unproven) = (Cell::default(), RefCell::default());
        Self(Rc::new(Hall { bounds, refusals, unproven }))
    }

    /// How many connections there may be.
    #[must_use]
    pub fn bounds(&self) -> Bounds {
        self.0.bounds
    }

    /// What was refused so far.
    #[must_use]
    pub fn refusals(&self) -> Refusals {
        self.0.refusals.get()
    }

    /// Connections without a proof that there are now.
    #[must_use]
    pub fn n_unproven(&self) -> usize {
        self.0.unproven.borrow().n
    }

    /// Counts what is refused.
    pub fn refuse(&self, what: impl FnOnce(&mut Refusals)) {
        let mut refusals = self.refusals();
        what(&mut refusals);
        self.0.refusals.set(refusals);
    }

    /// Counts the end of a connection, if it is to be counted.
    pub fn ended(&self, ended: Ended) {
        self.refuse(|refusals| refusals.ended(ended));
    }

    /// The next connection, as one without a proof.
    pub async fn accept<N: Net>(&self, net: &N, listener: &mut N::Listener) -> (N::Stream, Pass) {
        loop {
            if let Ok(stream) = net.accept(listener).await {
                let pass = self.admit(N::peer(&stream));
                return (stream, pass);
            }
            sleep(RETRY).await;
        }
    }

    /// Takes a connection of this peer in; another one may have to go for it.
    fn admit(&self, peer: Peer) -> Pass {
        let peer = peer.map(host);
        let Bounds { unproven: most, per_address, .. } = self.0.bounds;
        let has_own_bound = peer.is_some_and(|peer| !peer.is_loopback());
        let mut unproven = self.0.unproven.borrow_mut();
        if has_own_bound && unproven.n_of(peer) >= per_address {
            unproven.close_oldest(peer);
        } else if unproven.n >= most
            && let Some(crowd) = unproven.crowd()
        {
            unproven.close_oldest(crowd);
        }
        let (close, closed) = oneshot::channel();
        let number = unproven.enter(peer, close);
        Pass { admission: self.clone(), peer, number, closed }
    }
}

/// A connection without a proof. Dropped, it is none any more.
#[derive(Debug)]
pub struct Pass {
    admission: Admission,
    peer: Peer,
    number: u64,
    closed: oneshot::Receiver<()>,
}

impl Pass {
    /// What is said first on the connection, which proves who says it, if it comes in time.
    ///
    /// # Errors
    /// Why it does not.
    pub async fn first<X>(
        mut self,
        patience: Duration,
        said: impl Future<Output = Result<X, Ended>>,
    ) -> Result<X, Ended> {
        tokio::select! {
            biased;
            _ = &mut self.closed => Err(Ended::Refused(Refusal::Crowded)),
            said = timeout(patience, said) => said.unwrap_or(Err(Ended::Silent)),
        }
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        self.admission.0.unproven.borrow_mut().leave(self.peer, self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FEW: Bounds = Bounds { unproven: 4, per_address: 3, callers: 1 };

    fn peer(last: u8) -> Peer {
        IpAddr::from([10, 0, 0, last]).into()
    }

    /// Whether a connection is to be closed.
    fn is_closed(pass: &mut Pass) -> bool {
        pass.closed.try_recv() == Err(oneshot::error::TryRecvError::Closed)
    }

    #[test]
    fn who_floods_pushes_out_his_own_and_nobody_else() {
        let admission = Admission::new(FEW);
        let mut flood: Vec<_> = (0..4).map(|_| admission.admit(peer(1))).collect();
        let closed: Vec<_> = flood.iter_mut().map(is_closed).collect();
        assert_eq!(closed, [true, false, false, false], "an address may have three");
        let mut others = [admission.admit(peer(2)), admission.admit(peer(3))];
        let closed: Vec<_> = flood.iter_mut().map(is_closed).collect();
        assert_eq!(closed, [true, true, false, false], "there is room for four");
        for _ in 0..1_000 {
            flood.push(admission.admit(peer(1)));
            assert!(admission.n_unproven() <= FEW.unproven);
        }
        assert!(!others.iter_mut().any(is_closed));
        drop((flood, others));
        assert_eq!(admission.n_unproven(), 0);
    }

    #[test]
    fn who_has_proven_himself_leaves_room_for_another() {
        let admission = Admission::new(FEW);
        let mut first = admission.admit(peer(1));
        for last in 2..100 {
            drop(admission.admit(peer(last)));
        }
        assert!(!is_closed(&mut first) && admission.n_unproven() == 1);
    }

    #[test]
    fn a_network_of_64_bits_is_one_peer_and_a_loopback_address_is_many() {
        let admission = Admission::new(FEW);
        let address = |last| Some(IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, last]));
        let passes: Vec<_> = (0..4).map(|last| admission.admit(address(last))).collect();
        assert_eq!(admission.n_unproven(), FEW.per_address);
        drop(passes);
        let own = Some(IpAddr::from([127, 0, 0, 1]));
        let _passes: Vec<_> = (0..4).map(|_| admission.admit(own)).collect();
        assert_eq!(admission.n_unproven(), FEW.unproven);
    }

    #[test]
    fn few_files_leave_few_connections_and_a_controller_has_its_own() {
        let wide = Bounds::of(750);
        assert_eq!(wide.within(750, wide.files(750) + 2_000), wide);
        // 1,024 files: 100 nodes, 256 kept back, and 668 for two.
        let narrow = Bounds::of(100).within(100, 1_024);
        assert_eq!((narrow.unproven, narrow.callers), (334, 334));
        assert_eq!(Bounds::of(2_000).within(2_000, 1_024).unproven, LEAST);
    }

    #[tokio::test(start_paused = true)]
    async fn who_says_nothing_in_time_is_silent_and_who_is_pushed_out_is_informed() {
        let admission = Admission::new(Bounds { unproven: 1, ..FEW });
        let never = || std::future::pending::<Result<(), Ended>>();
        let silent = admission.admit(peer(1)).first(Duration::from_secs(5), never()).await;
        assert_eq!(silent, Err(Ended::Silent));
        let pushed = admission.admit(peer(1)).first(Duration::from_secs(5), never());
        let (pushed, _) = tokio::join!(pushed, async { admission.admit(peer(2)) });
        assert_eq!(pushed, Err(Ended::Refused(Refusal::Crowded)));
    }
}
