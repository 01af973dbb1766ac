//! The properties of the paper, on a small simulated network that loses datagrams.

use super::*;

const PERIOD: Span = Span::from_millis(1_000);
const RULES: Gossip =
    Gossip { period: PERIOD, timeout: Span::from_millis(300), indirect: 3, suspicion: 5 };
/// A datagram is under way for so long.
const UNDER_WAY: Span = Span::from_millis(1);

/// Members on a network.
struct Group {
    members: Vec<Swim>,
    fails: Vec<Option<Time>>,
    wakes: BTreeSet<(Time, usize)>,
    /// The same by member.
    wake: Vec<Time>,
    under_way: BTreeMap<(Time, u64), (NodeId, Datagram)>,
    sent: Vec<u64>,
    loss: f64,
    chance: Draw,
    /// Each verdict: when, whose, what.
    verdicts: Vec<(Time, usize, Verdict)>,
    /// Each ping that a member sent for itself or others.
    pings: Vec<(Time, usize, NodeId)>,
}

impl Group {
    fn new(n: u32, loss: f64, seed: u64) -> Self {
        let member = |me: u32| {
            let mut swim = Swim::new(Time::ZERO, NodeId(me), RULES, Stream::new(seed, "swim"));
            (0..n).for_each(|other| swim.join(NodeId(other)));
            swim
        };
        let members: Vec<_> = (0..n).map(member).collect();
        Self {
            wakes: (0..).zip(&members).map(|(at, member)| (member.next(), at)).collect(),
            wake: members.iter().map(Swim::next).collect(),
            fails: vec![None; members.len()],
            sent: vec![0; members.len()],
            members,
            under_way: BTreeMap::new(),
            loss,
            chance: Stream::new(seed, "swim/loss").draw(0, 0),
            verdicts: Vec::new(),
            pings: Vec::new(),
        }
    }

    fn is_alive(&self, member: usize, now: Time) -> bool {
        self.fails[member].is_none_or(|at| now < at)
    }

    /// Lets time pass.
    fn play(&mut self, until: Time) {
        loop {
            let wake = self.wakes.first().copied();
            let arrival = self.under_way.first_key_value().map(|(&key, _)| key);
            let (woken, arrives) = match (wake, arrival) {
                (Some((at, _)), Some((then, _))) if then <= at => (None, arrival),
                (None, _) => (None, arrival),
                _ => (wake, None),
            };
            let Some(now) = woken.map(|w| w.0).or(arrives.map(|a| a.0)) else { return };
            if now > until {
                return;
            }
            let member = if let Some((_, member)) = woken {
                self.members[member].pass(now);
                member
            } else {
                let (_, (to, datagram)) = self.under_way.pop_first().expect("it is there");
                if !self.is_alive(to.0 as usize, now) {
                    continue;
                }
                self.members[to.0 as usize].hear(now, &datagram);
                to.0 as usize
            };
            self.after(now, member);
        }
    }

    /// Sends and notes what an input brought.
    fn after(&mut self, now: Time, member: usize) {
        self.wakes.remove(&(self.wake[member], member));
        if !self.is_alive(member, now) {
            return;
        }
        let swim = &mut self.members[member];
        self.wake[member] = swim.next();
        self.wakes.insert((swim.next(), member));
        self.verdicts.extend(swim.take_verdicts().into_iter().map(|what| (now, member, what)));
        for (to, datagram) in swim.take_said() {
            self.sent[member] += 1;
            if matches!(datagram.kind, Kind::Ping { .. }) {
                self.pings.push((now, member, to));
            }
            if self.chance.unit() >= self.loss {
                let key = (now + UNDER_WAY, self.under_way.len() as u64 + self.sent_all());
                self.under_way.insert(key, (to, datagram));
            }
        }
    }

    fn sent_all(&self) -> u64 {
        self.sent.iter().sum::<u64>() << 8
    }

    /// When a member came to a verdict.
    fn verdict(&self, member: usize, wanted: Verdict) -> Option<Time> {
        let mut own =
            self.verdicts.iter().filter(|(_, who, what)| (*who, *what) == (member, wanted));
        own.next().map(|(at, ..)| *at)
    }
}

fn periods(n: u64) -> Span {
    Span(PERIOD.0 * n)
}

/// Mean, and the half-width of its interval of confidence at 99 %.
fn mean(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0);
    (mean, 2.576 * (variance / n).sqrt())
}

#[test]
fn each_live_member_confirms_each_failed_one_within_a_round_and_the_suspicion() {
    for (n, loss, seed) in [(2, 0.0, 1), (5, 0.1, 2), (16, 0.0, 3), (16, 0.1, 4), (24, 0.1, 5)] {
        let mut group = Group::new(n, loss, seed);
        group.play(Time(0) + periods(30));
        let fails = Time(0) + periods(30) + Span(1);
        let failed: Vec<_> = (0..n).step_by(3).filter(|node| n > 2 || *node == 0).collect();
        for &node in &failed {
            group.fails[node as usize] = Some(fails);
        }
        // Its own probe finds each within 2n - 1 periods; the verdict takes another one.
        let bound = fails + periods(2 * u64::from(n) - 1 + 1 + u64::from(RULES.suspicion));
        group.play(bound + PERIOD);
        for member in (0..n).filter(|member| !failed.contains(member)) {
            for &node in &failed {
                let wanted = Verdict::Confirmed(NodeId(node));
                let at = group.verdict(member as usize, wanted);
                let at = at.unwrap_or_else(|| panic!("{member} knows not of {node} of {n}"));
                assert!((fails..=bound).contains(&at), "{member} of {node} of {n}: {at}");
            }
        }
    }
}

#[test]
fn a_member_probes_each_other_one_within_twice_its_round_whoever_comes_and_goes() {
    let mut swim = Swim::new(Time(0), NodeId(0), RULES, Stream::new(7, "swim"));
    let n = 12;
    (1..n).for_each(|node| swim.join(NodeId(node)));
    let mut last = BTreeMap::new();
    let mut draw = Stream::new(7, "swim/churn").draw(0, 0);
    let mut joined = 0;
    for period in 0..5_000_u64 {
        swim.pass(swim.next());
        let said = swim.take_said();
        let [(to, Datagram { kind: Kind::Ping { number }, .. })] = said[..] else {
            panic!("{said:?}")
        };
        let ack = Datagram { from: to, kind: Kind::Ack { number }, updates: Vec::new() };
        swim.hear(swim.period_ends, &ack);
        swim.pass(swim.next());
        let now = (period, joined);
        let before = last.insert(to, now).unwrap_or(now);
        // Whoever joins may be probed in the same round, before the one who waits.
        let gap = period - before.0 - (joined - before.1);
        assert!(gap < 2 * u64::from(n + 2), "{to:?} waited {gap} periods");
        if period > 1_000 && draw.below(10) == 0 {
            let node = NodeId(n + draw.below(2) as u32);
            swim.leave(node);
            last.remove(&node);
            if draw.below(2) == 0 {
                swim.join(node);
                joined += 1;
            }
        } else if period <= 1_000 {
            assert!(gap < 2 * u64::from(n), "{to:?} waited {gap} periods, and nobody joined");
        }
    }
}

#[test]
fn of_suspicions_where_one_datagram_of_ten_is_lost_less_than_one_in_a_thousand_is_confirmed() {
    let (mut suspected, mut confirmed) = (0, 0);
    for seed in 1..=3 {
        let mut group = Group::new(16, 0.1, seed);
        group.play(Time(0) + periods(3_000));
        for (_, _, verdict) in group.verdicts {
            match verdict {
                Verdict::Suspected(_) => suspected += 1,
                Verdict::Confirmed(_) => confirmed += 1,
            }
        }
    }
    // The upper bound of a Poisson count at 99 %: at most 4.61 if none was seen, 6.64, 8.41, 10.05.
    let bound = [4.61, 6.64, 8.41, 10.05][confirmed];
    assert!(suspected > 10_000 && bound / f64::from(suspected) < 1e-3, "{confirmed} {suspected}");
}

/// Times from a failure to the first ping of the failed member, to the first suspicion, and to
/// the confirmation by one given member, in periods.
fn detections(n: u32, trials: u64) -> [Vec<f64>; 3] {
    let mut all = [const { Vec::new() }; 3];
    for seed in 0..trials {
        let mut group = Group::new(n, 0.0, 1_000 + seed);
        let at = Stream::new(seed, "swim/fails").draw(0, 0).below(PERIOD.0 * u64::from(n));
        let fails = Time(0) + periods(u64::from(n)) + Span(at);
        group.fails[1] = Some(fails);
        group.play(fails);
        group.play(fails + periods(2 * u64::from(n) + 20));
        let first = |what: Verdict| group.verdicts.iter().find(|v| v.2 == what).map(|v| v.0);
        let ping = group.pings.iter().find(|(at, _, to)| *at >= fails && to.0 == 1).map(|p| p.0);
        let seen = [
            ping,
            first(Verdict::Suspected(NodeId(1))),
            group.verdict(0, Verdict::Confirmed(NodeId(1))),
        ];
        for (all, seen) in all.iter_mut().zip(seen) {
            let took = seen.expect("it is found").since(fails);
            all.push(took.0 as f64 / PERIOD.0 as f64);
        }
    }
    all
}

#[test]
fn the_first_detection_takes_as_long_as_the_paper_says_whatever_the_size() {
    for (n, trials) in [(8, 400), (64, 200)] {
        let [pings, suspicions, confirmed] = detections(n, trials);
        // Section 3 of the paper: the number of periods, whole ones, is e / (e - 1) on average.
        let whole: Vec<_> = pings.iter().map(|ping| ping.ceil()).collect();
        let (found, half) = mean(&whole);
        let paper = std::f64::consts::E / (std::f64::consts::E - 1.0);
        // A round of n - 1 is met sooner than a random choice, by less than one in n - 1.
        let sooner = paper / f64::from(n - 1);
        assert!((paper - sooner - half..=paper + half).contains(&found), "{n}: {found} {half}");
        let (found, half) = mean(&suspicions);
        let ours = 1.0 + f64::from(n - 1) / f64::from(n);
        assert!((found - ours).abs() < half + 0.1, "{n}: {found} {half} {ours}");
        let (found, half) = mean(&confirmed);
        let ours = Swim::delay(RULES, n.into()).0 as f64 / PERIOD.0 as f64;
        assert!((found - ours).abs() < half + 0.2, "{n}: {found} {half} {ours}");
    }
}

#[test]
fn the_load_of_a_member_does_not_grow_with_the_group() {
    for n in [4, 16, 64] {
        let mut group = Group::new(n, 0.0, 9);
        group.play(Time(0) + periods(200));
        let per_period = group.sent_all() as f64 / 256.0 / f64::from(n) / 200.0;
        assert!((per_period - 2.0).abs() < 0.02, "a ping and an answer: {per_period}");
    }
}

#[test]
fn news_ride_on_a_number_of_datagrams_that_grows_like_the_logarithm() {
    for (n, times) in [(2, 3), (4, 6), (32, 15), (64, 18)] {
        let mut swim = Swim::new(Time(0), NodeId(0), RULES, Stream::new(7, "swim"));
        (1..n).for_each(|node| swim.join(NodeId(node)));
        let update = Update { node: NodeId(1), incarnation: 4, suspect: false };
        swim.learn(Time(0), update);
        let mut rode = 0;
        for _ in 0..200 {
            swim.say(NodeId(1), Kind::Ack { number: 0 });
            rode += swim.take_said()[0].1.updates.iter().filter(|news| **news == update).count();
        }
        assert_eq!(rode, times, "{n}");
    }
}

#[test]
fn a_suspect_objects_and_is_alive_again_to_all() {
    let mut group = Group::new(6, 0.0, 3);
    group.play(Time(0) + periods(3));
    let now = Time(0) + periods(3);
    for member in [0, 1, 2] {
        group.members[member].learn(now, Update { node: NodeId(5), incarnation: 0, suspect: true });
        group.after(now, member);
    }
    group.play(now + periods(4));
    for member in 0..5 {
        assert!(!group.members[member].doubts(NodeId(5)), "{member}");
    }
    assert_eq!(group.members[5].incarnation, 1);
    group.play(now + periods(30));
    assert!(!group.verdicts.iter().any(|(_, _, what)| matches!(what, Verdict::Confirmed(_))));
}

/// Two halves that declare each other dead find together once they hear each other: each dead
/// member that speaks is informed.
#[test]
fn a_member_that_was_dead_comes_back_with_a_higher_incarnation() {
    let mut swim = Swim::new(Time(0), NodeId(0), RULES, Stream::new(7, "swim"));
    swim.join(NodeId(1));
    let suspicion = Update { node: NodeId(1), incarnation: 0, suspect: true };
    swim.learn(Time(0), suspicion);
    swim.pass(Time(0) + periods(5));
    let confirmed = [Verdict::Suspected(NodeId(1)), Verdict::Confirmed(NodeId(1))];
    assert_eq!(swim.take_verdicts(), confirmed);
    let ping = |updates| Datagram { from: NodeId(1), kind: Kind::Ping { number: 3 }, updates };
    swim.take_said();
    swim.hear(Time(0) + periods(6), &ping(Vec::new()));
    let said = swim.take_said();
    assert_eq!(said[0].1.updates, [suspicion], "it is informed of what is thought of it");
    let objection = Update { incarnation: 1, suspect: false, ..suspicion };
    swim.hear(Time(0) + periods(7), &ping(vec![objection]));
    assert!(!swim.doubts(NodeId(1)) && swim.order == [NodeId(1)]);
}

#[test]
fn a_stranger_is_not_answered_and_a_hostile_incarnation_does_no_harm() {
    let mut swim = Swim::new(Time(0), NodeId(0), RULES, Stream::new(7, "swim"));
    swim.join(NodeId(1));
    let ping = |from, updates| Datagram { from, kind: Kind::Ping { number: 3 }, updates };
    swim.hear(Time(0), &ping(NodeId(9), Vec::new()));
    assert_eq!(swim.take_said(), []);
    let last = Update { node: NodeId(0), incarnation: u32::MAX, suspect: true };
    swim.hear(Time(0), &ping(NodeId(1), vec![last; 1_000]));
    assert_eq!(swim.take_said().len(), 1);
    for number in 0..1_000 {
        let request = Kind::Request { number, of: NodeId(1) };
        swim.hear(Time(0), &Datagram { from: NodeId(1), kind: request, updates: Vec::new() });
    }
    assert_eq!(swim.errands.len(), 1, "errands are bounded by the size of the group");
}

/// Against the obvious twin: of all updates that were heard, in whatever order, the one with the
/// highest incarnation counts, and of those a suspicion.
#[test]
fn what_is_known_is_the_greatest_of_what_was_heard() {
    let stream = Stream::new(5, "swim/updates");
    for round in 0..300 {
        let mut draw = stream.draw(0, round);
        let mut swim = Swim::new(Time(0), NodeId(0), RULES, Stream::new(7, "swim"));
        (1..5).for_each(|node| swim.join(NodeId(node)));
        let mut heard = BTreeMap::new();
        for _ in 0..draw.below(40) {
            let update = Update {
                node: NodeId(1 + draw.below(4) as u32),
                incarnation: draw.below(6) as u32,
                suspect: draw.below(2) == 0,
            };
            let best = heard.entry(update.node).or_insert((0, false));
            *best = (*best).max((update.incarnation, update.suspect));
            swim.learn(Time(0), update);
            if draw.below(8) == 0 {
                // Confirmed in between or not, the same is known.
                swim.pass(Time(0) + periods(5));
            }
        }
        for (node, (incarnation, suspect)) in heard {
            assert_eq!(swim.known(node), Update { node, incarnation, suspect }, "round {round}");
        }
    }
}
