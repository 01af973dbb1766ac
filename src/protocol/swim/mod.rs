//! Failure detection by gossip: one member of a group whose members probe each other.
//!
//! Das, Gupta, Motivala: "SWIM: Scalable weakly-consistent infection-style process group
//! membership protocol", DSN 2002.
//!
//! ```text
//!  0              timeout                      period
//!  ping the next --no ack--> ask k to ping it --no ack--> suspect(incarnation)
//!
//!         suspect(i), i >= j              suspicion over
//!  alive(j) --------------> suspect(i) -----------------> dead(i), emitted once
//!     ^  ^    alive(j), j > i  |                              |
//!     |  +---------------------+     alive(j), j > i          |
//!     +-------------------------------------------------------+
//! ```
//!
//! Each member goes through all others in a random order that it draws anew for each round, so
//! that it probes a failed one within 2n - 1 periods. What it comes to know rides on its
//! datagrams: each update on `LAMBDA` log2 n of them, those first that were sent least. Whoever
//! hears that it is suspected raises its incarnation and says that it is alive.
//!
//! Two things differ from the paper. Confirmations are not spread: each member confirms by its own
//! clock, from the suspicion that it heard of, so that no other's mistake, and no news from the far
//! side of a healed cut, declares a live member dead. And a member that is dead to somebody comes
//! back with a higher incarnation. Who belongs to the group is not gossip either: [`Swim::join`]
//! and [`Swim::leave`] say.
//!
//! Example: members 1, 2 and 3, of which 2 fails. 1 pings 2, asks 3 to do so too, suspects 2 at
//! the end of its period and informs 3 with its next ping; `suspicion` periods later both confirm.

use std::collections::{BTreeMap, BTreeSet};

use crate::ids::NodeId;
use crate::rng::{Draw, Stream};
use crate::scenario::boot::Gossip;
use crate::units::{Span, Time};

/// An update rides on so many datagrams of a member, times log2 n. Source: section 5 of the
/// paper, whose experiments take 3.
const LAMBDA: u32 = 3;
/// Updates on a datagram. Assumption: more than news of a blade, and small against an Ethernet
/// frame.
pub const UPDATES_MAX: usize = 20;
/// Euler's constant, for harmonic numbers: H(k) = ln k + 0.577... + 1 / 2k.
const EULER: f64 = 0.577_215_664_901_532_9;

/// What a member says to another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Datagram {
    /// The sender.
    pub from: NodeId,
    /// What it wants.
    pub kind: Kind,
    /// What it knows.
    pub updates: Vec<Update>,
}

/// What a member wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "a field says no more than its name and type")]
pub enum Kind {
    /// Answer this.
    Ping { number: u32 },
    /// The answer to the ping or the request of this number.
    Ack { number: u32 },
    /// Ping that one, and answer if it does.
    Request { number: u32, of: NodeId },
}

/// What is known of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Update {
    /// The member.
    pub node: NodeId,
    /// Which of its incarnations.
    pub incarnation: u32,
    /// Suspected, or else alive.
    pub suspect: bool,
}

/// What came to be known of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is suspected.
    Suspected(NodeId),
    /// It has failed.
    Confirmed(NodeId),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Alive,
    Suspect { until: Time },
    Dead,
}

#[derive(Clone, Copy, Debug)]
struct Member {
    incarnation: u32,
    state: State,
}

/// The probe of a period.
#[derive(Clone, Copy, Debug)]
struct Probe {
    of: NodeId,
    number: u32,
    /// When others are asked, unless they were.
    ask: Option<Time>,
    acked: bool,
}

/// A ping on behalf of somebody else.
#[derive(Clone, Copy, Debug)]
struct Errand {
    asker: NodeId,
    number: u32,
    until: Time,
}

/// The machine. With n members: an input from the network costs O(log n), a member that joins or
/// leaves O(n), a period O(log n) but for the O(n) of a new round.
#[derive(Clone, Debug)]
pub struct Swim {
    me: NodeId,
    rules: Gossip,
    stream: Stream,
    draws: u64,
    incarnation: u32,
    numbers: u32,
    members: BTreeMap<NodeId, Member>,
    /// The others that are not dead, in the order in which they are probed.
    order: Vec<NodeId>,
    /// How many of them were probed in this round.
    probed: usize,
    period_ends: Time,
    probe: Option<Probe>,
    errands: BTreeMap<u32, Errand>,
    suspicions: BTreeSet<(Time, NodeId)>,
    /// News by the number of datagrams they rode on, and that number by member.
    news: BTreeSet<(u32, NodeId)>,
    rode: BTreeMap<NodeId, u32>,
    said: Vec<(NodeId, Datagram)>,
    verdicts: Vec<Verdict>,
}

impl Swim {
    /// A member that is alone. Its first period begins at a random instant of the first `period`.
    #[must_use]
    pub fn new(now: Time, me: NodeId, rules: Gossip, stream: Stream) -> Self {
        assert!(rules.timeout < rules.period, "a period has room for a direct answer");
        let mut swim = Self {
            me,
            rules,
            stream,
            draws: 0,
            incarnation: 0,
            numbers: 0,
            members: BTreeMap::new(),
            order: Vec::new(),
            probed: 0,
            period_ends: now,
            probe: None,
            errands: BTreeMap::new(),
            suspicions: BTreeSet::new(),
            news: BTreeSet::new(),
            rode: BTreeMap::new(),
            said: Vec::new(),
            verdicts: Vec::new(),
        };
        swim.period_ends = now + Span(swim.draw().below(rules.period.0));
        swim
    }

    /// From a failure to its confirmation by a given member of a group of n, on average, in a
    /// network without loss; see `docs/models/detectors.md`.
    ///
    /// Each of the m = n - 1 others meets the failed one after a time that is nearly uniform over
    /// its round of m periods, the first of them after m / (m + 1). The verdict takes one period.
    /// The news is sent to one other at once, and from then on whoever has them meets two others
    /// in a period, one whom it pings and one who pings it: a birth process from 2 to m, whose
    /// mean over the members is (m - 1) / 2m (H(m - 1) - 1) with the harmonic number H. Last, the
    /// suspicion lasts its time.
    #[must_use]
    pub fn delay(rules: Gossip, n: u64) -> Span {
        let m = n.max(3) as f64 - 1.0;
        let harmonic = libm::log(m - 1.0) + EULER + 0.5 / (m - 1.0);
        let spread = (m - 1.0) / (2.0 * m) * (harmonic - 1.0);
        let periods = m / (m + 1.0) + 1.0 + spread + f64::from(rules.suspicion);
        Span((periods * rules.period.0 as f64) as u64)
    }

    fn draw(&mut self) -> Draw {
        self.draws += 1;
        self.stream.draw(u64::from(self.me.0), self.draws)
    }

    /// Somebody belongs to the group from now on, or was heard otherwise: it is alive.
    pub fn join(&mut self, node: NodeId) {
        if node == self.me {
            return;
        }
        let incarnation = self.members.get(&node).map_or(0, |member| member.incarnation);
        self.set(node, incarnation, State::Alive);
    }

    /// Somebody belongs to the group no more.
    pub fn leave(&mut self, node: NodeId) {
        self.strike_off(node);
        if let Some(Member { state: State::Suspect { until }, .. }) = self.members.remove(&node) {
            self.suspicions.remove(&(until, node));
        }
        if let Some(rode) = self.rode.remove(&node) {
            self.news.remove(&(rode, node));
        }
    }

    /// Whether a member is suspected or dead.
    #[must_use]
    pub fn doubts(&self, node: NodeId) -> bool {
        self.members.get(&node).is_some_and(|member| member.state != State::Alive)
    }

    /// A datagram came in. One of a stranger means nothing.
    pub fn hear(&mut self, now: Time, datagram: &Datagram) {
        let from = datagram.from;
        if !self.members.contains_key(&from) {
            return;
        }
        for update in datagram.updates.iter().take(UPDATES_MAX) {
            self.learn(now, *update);
        }
        match datagram.kind {
            Kind::Ping { number } => self.say(from, Kind::Ack { number }),
            Kind::Ack { number } => {
                if let Some(probe) = self.probe.as_mut().filter(|probe| probe.number == number) {
                    probe.acked = true;
                } else if let Some(errand) = self.errands.remove(&number) {
                    self.say(errand.asker, Kind::Ack { number: errand.number });
                }
            }
            Kind::Request { number, of } => {
                if self.members.contains_key(&of) && self.errands.len() < self.members.len() {
                    let until = now + self.rules.period;
                    let own = self.number();
                    self.errands.insert(own, Errand { asker: from, number, until });
                    self.say(of, Kind::Ping { number: own });
                }
            }
        }
    }

    /// When [`Self::pass`] has something to do, if nothing is heard before.
    #[must_use]
    pub fn next(&self) -> Time {
        let asks = self.probe.and_then(|probe| probe.ask);
        let over = self.suspicions.first().map(|&(at, _)| at);
        [asks, over].into_iter().flatten().fold(self.period_ends, Time::min)
    }

    /// Time has passed.
    pub fn pass(&mut self, now: Time) {
        while let Some(&(at, node)) = self.suspicions.first()
            && at <= now
        {
            let incarnation = self.members[&node].incarnation;
            self.set(node, incarnation, State::Dead);
            self.verdicts.push(Verdict::Confirmed(node));
        }
        if self.period_ends <= now {
            self.end_period(now);
        } else if let Some(probe) = &mut self.probe
            && probe.ask.is_some_and(|at| at <= now)
        {
            probe.ask = None;
            let Probe { of, number, acked, .. } = *probe;
            if !acked {
                for helper in self.helpers(of) {
                    self.say(helper, Kind::Request { number, of });
                }
            }
        }
    }

    /// What is to be sent since this was asked last.
    pub fn take_said(&mut self) -> Vec<(NodeId, Datagram)> {
        std::mem::take(&mut self.said)
    }

    /// What came to be known since this was asked last.
    pub fn take_verdicts(&mut self) -> Vec<Verdict> {
        std::mem::take(&mut self.verdicts)
    }

    fn end_period(&mut self, now: Time) {
        if let Some(Probe { of, acked: false, .. }) = self.probe.take()
            && let Some(member) = self.members.get(&of)
        {
            let incarnation = member.incarnation;
            self.learn(now, Update { node: of, incarnation, suspect: true });
        }
        self.errands.retain(|_, errand| errand.until > now);
        // Whoever slept through some periods does not make up for them.
        let next = self.period_ends + self.rules.period;
        self.period_ends = if next > now { next } else { now + self.rules.period };
        if self.probed >= self.order.len() {
            self.probed = 0;
            let mut draw = self.draw();
            for k in (1..self.order.len()).rev() {
                self.order.swap(k, draw.below(k as u64 + 1) as usize);
            }
        }
        let Some(&of) = self.order.get(self.probed) else { return };
        self.probed += 1;
        let number = self.number();
        let ask = Some(now + self.rules.timeout);
        self.probe = Some(Probe { of, number, ask, acked: false });
        self.say(of, Kind::Ping { number });
    }

    fn number(&mut self) -> u32 {
        self.numbers = self.numbers.wrapping_add(1);
        self.numbers
    }

    /// Random others to ask for a ping of somebody.
    fn helpers(&mut self, of: NodeId) -> Vec<NodeId> {
        let mut others: Vec<_> = self.order.iter().copied().filter(|node| *node != of).collect();
        let mut draw = self.draw();
        let wanted = others.len().min(self.rules.indirect as usize);
        for k in 0..wanted {
            let other = k as u64 + draw.below((others.len() - k) as u64);
            others.swap(k, other as usize);
        }
        others.truncate(wanted);
        others
    }

    /// Takes in what somebody says of a member: the higher incarnation is right, and of one
    /// incarnation the suspicion.
    fn learn(&mut self, now: Time, update: Update) {
        let Update { node, incarnation, suspect } = update;
        if node == self.me {
            if suspect && incarnation >= self.incarnation {
                self.incarnation = incarnation.saturating_add(1);
                self.spread(node);
            }
            return;
        }
        let Some(known) = self.members.get(&node) else { return };
        let is_newer = incarnation > known.incarnation;
        if suspect && (is_newer || (incarnation == known.incarnation && known.is_alive())) {
            let lasts = Span(self.rules.period.0.saturating_mul(self.rules.suspicion.into()));
            self.set(node, incarnation, State::Suspect { until: now + lasts });
            self.verdicts.push(Verdict::Suspected(node));
            self.spread(node);
        } else if !suspect && is_newer {
            self.set(node, incarnation, State::Alive);
            self.spread(node);
        }
    }

    fn set(&mut self, node: NodeId, incarnation: u32, state: State) {
        let old = self.members.insert(node, Member { incarnation, state });
        if let Some(Member { state: State::Suspect { until }, .. }) = old {
            self.suspicions.remove(&(until, node));
        }
        if let State::Suspect { until } = state {
            self.suspicions.insert((until, node));
        }
        let was_probed = old.is_some_and(|old| old.state != State::Dead);
        match (was_probed, state != State::Dead) {
            (false, true) => self.enlist(node),
            (true, false) => self.strike_off(node),
            _ => {}
        }
    }

    /// Puts a member at a random place of the order, as the paper does.
    fn enlist(&mut self, node: NodeId) {
        let n = self.order.len() as u64;
        let at = self.draw().below(n + 1) as usize;
        self.order.insert(at, node);
        self.probed += usize::from(at < self.probed);
    }

    fn strike_off(&mut self, node: NodeId) {
        if let Some(at) = self.order.iter().position(|other| *other == node) {
            self.order.remove(at);
            self.probed -= usize::from(at < self.probed);
        }
    }

    /// What is known of a member is news, to be spread anew.
    fn spread(&mut self, node: NodeId) {
        if let Some(rode) = self.rode.insert(node, 0) {
            self.news.remove(&(rode, node));
        }
        self.news.insert((0, node));
    }

    fn known(&self, node: NodeId) -> Update {
        if node == self.me {
            return Update { node, incarnation: self.incarnation, suspect: false };
        }
        let member = &self.members[&node];
        Update { node, incarnation: member.incarnation, suspect: !member.is_alive() }
    }

    /// Says something, with the news on it. Whoever is doubted is informed, so that it may object.
    fn say(&mut self, to: NodeId, kind: Kind) {
        let mut updates = Vec::new();
        if self.doubts(to) {
            updates.push(self.known(to));
        }
        let room = UPDATES_MAX - updates.len();
        let chosen: Vec<_> = self.news.iter().take(room).copied().collect();
        // The group and oneself; log2 is rounded up.
        let times = LAMBDA * (u64::BITS - (self.members.len() as u64).leading_zeros());
        for (rode, node) in chosen {
            self.news.remove(&(rode, node));
            if !(node == to && self.doubts(to)) {
                updates.push(self.known(node));
            }
            if rode + 1 < times {
                self.news.insert((rode + 1, node));
                self.rode.insert(node, rode + 1);
            } else {
                self.rode.remove(&node);
            }
        }
        self.said.push((to, Datagram { from: self.me, kind, updates }));
    }
}

impl Member {
    fn is_alive(&self) -> bool {
        self.state == State::Alive
    }
}

#[cfg(test)]
mod tests;
