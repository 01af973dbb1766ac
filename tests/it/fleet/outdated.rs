//! What is out of date counts for nothing: orders, answers, joins, connections, memory.
//!
//! The controller is the real one and its agents are scripted, or the other way round.

use std::time::Duration;

use rackstorm::event::{EndReason, What};
use rackstorm::fleet::controller::{self, End};
use rackstorm::fleet::doors::{Address, Net, Notice};
use rackstorm::fleet::wire::{self, Beat, Message, Order, Reader, Seat, Work};
use rackstorm::fleet::{agent, job::Jobs};
use rackstorm::ids::{Life, NodeId};
use rackstorm::units::Span;
use tokio::io::{ReadHalf, WriteHalf, split};
use tokio::sync::mpsc;
use tokio::task::LocalSet;
use tokio::time::{Instant, sleep};

use super::rack::{Hands, WORDS, World, plan};
use super::wires::Wires;
use super::{JOB, assert_done, in_memory, with};

const PATIENCE: Duration = Duration::from_secs(1);

type Wire = <Wires as Net>::Stream;

/// A connection, as somebody in a script has it.
struct Line {
    reader: Reader<ReadHalf<Wire>>,
    writer: WriteHalf<Wire>,
}

impl Line {
    fn over(stream: Wire) -> Self {
        let (from, writer) = split(stream);
        Self { reader: Reader::new(from), writer }
    }

    async fn say(&mut self, message: Message) {
        wire::write(&mut self.writer, &message, PATIENCE).await.expect("the line is up");
    }

    /// The next message; `None` if none comes in a second.
    async fn hear(&mut self) -> Option<Message> {
        self.reader.next(PATIENCE).await.ok()
    }

    /// The session of the welcome that must come. What the controller had to say to the node before
    /// it heard the join goes over the new connection first.
    async fn welcomed(&mut self) -> u64 {
        loop {
            match self.hear().await {
                Some(Message::Welcome { session, .. }) => return session,
                Some(Message::Order(_)) => {}
                other => panic!("no welcome but {other:?}"),
            }
        }
    }

    /// The number of the order that comes next, if one does.
    async fn ordered(&mut self) -> Option<u64> {
        match self.hear().await {
            Some(Message::Order(order)) => Some(order.number),
            None => None,
            other => panic!("no order but {other:?}"),
        }
    }

    async fn done(&mut self, order: u64) {
        self.say(Message::Done { order, sum: 0 }).await;
    }
}

/// Joins as a node's agent.
async fn join(wires: &Wires, serial: u32, life: u32, session: Option<u64>) -> Line {
    let peers = Address::new(format!("node-{serial}"), 1);
    let net = wires.of(&peers.host);
    let stream = net.connect(&Address::new("controller", 7000)).await.expect("it listens");
    let mut to = Line::over(stream);
    let (datagrams, abilities) = (0, Vec::new());
    to.say(Message::Join { serial, life, session, peers, datagrams, abilities }).await;
    to
}

/// Runs a script beside the real controller, with no agents but those of the script.
fn with_controller<F: Future<Output = ()> + 'static>(
    script: impl FnOnce(Hands<Wires>, Wires) -> F,
) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    LocalSet::new().block_on(&runtime, async move {
        let (wires, start) = (Wires::new("controller"), Instant::now());
        let net = wires.clone();
        let hands = World::hands(
            plan(JOB),
            (Address::new("controller", 7000), Address::new("controller", 7001)),
            move |node| (net.of(&format!("node-{node}")), format!("node-{node}")),
            |_, _| {},
            move || 1_000_000_000 + start.elapsed().as_nanos() as u64,
        );
        let (doors, plan) = (hands.doors(wires.clone()), hands.0.plan.clone());
        // A task as others are, so that it may come between them.
        let script = tokio::task::spawn_local(script(hands.clone(), wires));
        tokio::select! {
            biased;
            end = controller::run(doors, hands.setup(), plan) => panic!("it ends: {end:?}"),
            end = script => end.expect("the script comes to its end"),
        }
    });
}

/// The agents of the four seats, who have been given their first order.
async fn four(wires: &Wires) -> (Vec<Line>, Vec<u64>, u64) {
    sleep(Duration::from_millis(10)).await;
    let (mut lines, mut sessions) = (Vec::new(), Vec::new());
    for node in 0..4 {
        let mut line = join(wires, node, 1, None).await;
        sessions.push(line.welcomed().await);
        lines.push(line);
    }
    let first = same_order(&mut lines).await;
    (lines, sessions, first)
}

/// The number of the order that all of them are given next.
async fn same_order(lines: &mut [Line]) -> u64 {
    let mut numbers = Vec::new();
    for line in lines {
        numbers.push(line.ordered().await.expect("an order"));
    }
    assert!(numbers.windows(2).all(|two| two[0] == two[1]), "{numbers:?}");
    numbers[0]
}

#[test]
fn an_answer_to_an_older_order_does_not_stand_for_one_to_the_newest() {
    with_controller(|_, wires| async move {
        let (mut lines, _, first) = four(&wires).await;
        for line in &mut lines {
            line.done(first).await;
        }
        let second = same_order(&mut lines).await;
        lines[0].done(first).await;
        for line in &mut lines[1..] {
            line.done(second).await;
        }
        assert_eq!(lines[1].ordered().await, None, "the first has not done the second order");
        lines[0].done(second).await;
        assert!(lines[1].ordered().await.is_some());
    });
}

#[test]
fn what_comes_over_an_older_connection_of_a_node_counts_for_nothing() {
    let n_late = std::rc::Rc::new(std::cell::Cell::new(0));
    for delay in 0..20 {
        let n_late = n_late.clone();
        with_controller(move |_, wires| async move {
            let (mut lines, sessions, first) = four(&wires).await;
            for line in &mut lines[..3] {
                line.done(first).await;
            }
            // Both are under way at once; which comes first depends on the delay.
            let mut newer = join(&wires, 3, 1, Some(sessions[3])).await;
            for _ in 0..delay {
                tokio::task::yield_now().await;
            }
            let done = Message::Done { order: first, sum: 0 };
            let _ = wire::write(&mut lines[3].writer, &done, PATIENCE).await;
            assert_eq!(newer.welcomed().await, sessions[3]);
            if newer.ordered().await != Some(first) {
                return;
            }
            n_late.set(n_late.get() + 1);
            assert_eq!(lines[0].ordered().await, None, "delay {delay}");
            newer.done(first).await;
            assert!(lines[0].ordered().await.is_some());
        });
    }
    assert!(n_late.get() > 0, "the join is never the first");
}

#[test]
fn the_end_of_an_older_connection_does_not_end_the_newer_one() {
    with_controller(|_, wires| async move {
        let (mut lines, sessions, _) = four(&wires).await;
        let older = lines.pop().expect("four");
        let mut newer = join(&wires, 3, 1, Some(sessions[3])).await;
        drop(older);
        assert_eq!(newer.welcomed().await, sessions[3]);
        let socket = wires.of("node-3").bind(0).await.expect("a socket");
        let beat =
            Beat { serial: 3, life: 1, session: sessions[3], count: 1, term: 0, stale: false };
        let to = Address::new("controller", 7001);
        let net = wires.of("node-3");
        net.send_to(&socket, &beat.encode(), &to).await.expect("anybody may send");
        let mut answer = [0; wire::DATAGRAM];
        net.recv_from(&socket, &mut answer).await.expect("an answer");
        assert!(!Beat::decode(&answer).expect("a beat").stale, "it has a connection");
    });
}

#[test]
fn nobody_joins_with_a_life_that_is_over_or_as_somebody_who_is_there() {
    with_controller(|hands, wires| async move {
        sleep(Duration::from_millis(10)).await;
        let mut own = join(&wires, 2, 3, None).await;
        own.welcomed().await;
        for (life, session, why) in
            [(2, None, "this life is over"), (3, None, "this life is another's")]
        {
            let mut late = join(&wires, 2, life, session).await;
            let refused = Message::Refused { why: why.into() };
            assert_eq!(late.hear().await, Some(refused), "life {life}");
        }
        assert_eq!(hands.0.joins(2), [3]);
    });
}

/// Runs a script as the controller of the real agent of node 0.
fn with_agent<F: Future<Output = ()>>(script: impl FnOnce(Hands<Wires>, Line) -> F) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    LocalSet::new().block_on(&runtime, async move {
        let wires = Wires::new("controller");
        let controller = (Address::new("controller", 7000), Address::new("controller", 7001));
        let net = wires.clone();
        let hands = World::hands(
            plan(JOB),
            controller.clone(),
            move |node| (net.of(&format!("node-{node}")), format!("node-{node}")),
            |_, _| {},
            || 0,
        );
        let own = || hands.clone();
        let doors =
            agent::Doors { net: wires.of("node-0"), store: own(), harm: own(), told: own() };
        let setup = agent::Setup {
            node: NodeId(0),
            life: Life(1),
            host: "node-0".into(),
            port: 0,
            controller: controller.0,
            beats: controller.1,
            abilities: Vec::new(),
            pace: agent::Pace::for_beat(Span::from_secs(1)),
            sabotage: None,
        };
        let mut listener = wires.listen(7000).await.expect("a listener");
        let script = async {
            let mut line = Line::over(wires.accept(&mut listener).await.expect("it connects"));
            assert!(matches!(line.hear().await, Some(Message::Join { session: None, .. })));
            script(hands.clone(), line).await;
        };
        tokio::select! {
            biased;
            end = agent::run(doors, setup, mpsc::channel(1).1) => panic!("it ends: {end:?}"),
            () = script => {}
        }
    });
}

/// The order to compute a step alone.
fn compute(term: u64, number: u64, step: u64) -> Message {
    let right = Address::new("node-0", 1);
    let seat =
        Seat { number: 0, of: 1, ranks: 1, words: WORDS, right, twin: false, more: Vec::new() };
    let work = Work::Compute { step, span: Span::from_millis(1) };
    Message::Order(Order { job: 0, number, placement: 1, term, seat, work })
}

/// The orders that agents have begun: terms and numbers.
fn begun(hands: &Hands<Wires>) -> Vec<(u64, u64)> {
    let obeys = |notice: &Notice| match notice {
        Notice::Obeys { term, order, .. } => Some((*term, *order)),
        _ => None,
    };
    hands.0.notices.borrow().iter().filter_map(obeys).collect()
}

#[test]
fn an_order_that_supposes_other_memory_is_not_begun_however_often_it_comes() {
    with_agent(|hands, mut line| async move {
        line.say(Message::Welcome { term: 1, session: 1 }).await;
        for (number, step) in [(1, 1), (2, 3), (2, 3)] {
            line.say(compute(1, number, step)).await;
            sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(begun(&hands), [(1, 1)]);
    });
}

#[test]
fn an_agent_that_knows_a_newer_controller_obeys_no_older_one() {
    with_agent(|hands, mut line| async move {
        line.say(Message::Welcome { term: 5, session: 1 }).await;
        for (term, number) in [(4, 1), (5, 2), (4, 3), (6, 4), (5, 5)] {
            line.say(compute(term, number, 1)).await;
            sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(begun(&hands), [(5, 2), (6, 4)]);
        line.say(Message::Welcome { term: 5, session: 2 }).await;
        // It leaves for a new connection, where it may find the newer one.
        while line.hear().await.is_some() {}
        let served = |notice: &Notice| match notice {
            Notice::Serves { term, .. } => Some(*term),
            _ => None,
        };
        let served: Vec<_> = hands.0.notices.borrow().iter().filter_map(served).collect();
        assert_eq!(served, [5]);
    });
}

#[test]
fn each_controller_of_a_run_has_a_higher_term_than_the_one_before() {
    let (hands, ends) = in_memory(JOB, |hands, _| async move {
        for _ in 0..3 {
            sleep(Duration::from_secs(20)).await;
            hands.0.stop.notify_one();
        }
    });
    assert_done(&hands, &ends);
    let term = |notice: &Notice| match notice {
        Notice::Term { term } => Some(*term),
        _ => None,
    };
    let terms: Vec<_> = hands.0.notices.borrow().iter().filter_map(term).collect();
    assert_eq!(terms, [1, 2, 3, 4]);
}

/// As the clock of a Pi is, which has none of its own, until it has found a time server.
#[test]
fn a_clock_that_is_set_while_the_controller_is_down_turns_no_run_back() {
    let fault = "[[fault.crash]]\non = \"node[3]\"\nat = \"48 s\"\nrepair = \"30 s\"";
    for off in [-1_000_000, -40, -1, 20] {
        let (hands, ends) = in_memory(&with(fault), move |hands, _| async move {
            sleep(Duration::from_secs(60)).await;
            hands.0.clock_off.set(off);
            hands.0.stop.notify_one();
        });
        assert_done(&hands, &ends);
        let ended = hands.0.count(|what| matches!(what, What::FaultEnds { .. }));
        assert_eq!(ended, 1, "off by {off} s");
    }
}

/// The images of a job in the memory of its agents, which are all cut off from 48 s to 78 s.
const IN_MEMORY: &str = "[[fault.switch-loss]]\non = \"switch[1]\"\nat = \"48 s\"\n\
                         repair = \"30 s\"\n";

fn in_memory_of_agents() -> String {
    let place = "[checkpoint.coordinated]\nsize     = \"10 MB\"\ninterval = \"20 s\"\n\
                 to       = \"file-server\"\n";
    let levels = "[checkpoint.multilevel]\ninterval = \"20 s\"\n\
                  [[checkpoint.multilevel.level]]\nsize = \"10 MB\"\nto = \"memory\"\n\
                  [[checkpoint.multilevel.level]]\nsize = \"10 MB\"\nto = \"file-server\"\n\
                  every = 2\n";
    let text = JOB.replace(place, levels);
    assert_ne!(text, JOB, "the job has the other checkpoints");
    format!("{text}\n{IN_MEMORY}")
}

/// Which checkpoints were read from the memory of the agent's own process.
fn read_from_memory(hands: &Hands<Wires>) -> Vec<(u32, u64)> {
    let held = |notice: &Notice| match notice {
        Notice::Loads { node, checkpoint, held: true, .. } => Some((node.0, *checkpoint)),
        _ => None,
    };
    let mut all: Vec<_> = hands.0.notices.borrow().iter().filter_map(held).collect();
    all.sort_unstable();
    all
}

fn assert_right(hands: &Hands<Wires>, ends: &[End]) {
    assert_eq!(ends.last().map(|end| end.reason), Some(EndReason::WorkDone));
    let expected = Jobs::expected(&hands.0.plan, WORDS).expect("there is a job");
    assert_eq!(hands.0.results(), [expected]);
}

#[test]
fn a_process_that_was_restarted_has_nothing_of_the_memory_of_the_one_before() {
    // Checkpoints at 20 s in memory, at 40 s at the server, at 60 s in memory ...
    for at in [28, 48] {
        let text = in_memory_of_agents().replace("\"48 s\"", &format!("\"{at} s\""));
        let (hands, ends) = in_memory(&text, |_, _| async {});
        assert_right(&hands, &ends);
        let read = read_from_memory(&hands);
        let wanted = if at == 28 { vec![(0, 1), (1, 1), (2, 1), (3, 1)] } else { Vec::new() };
        assert_eq!(read, wanted, "a cut takes no memory");
        let (hands, ends) = in_memory(&text, move |hands, _| async move {
            sleep(Duration::from_secs(at + 15)).await;
            hands.restart(2);
        });
        assert_right(&hands, &ends);
        assert_eq!(read_from_memory(&hands), [], "the only image of seat 2 is lost");
    }
}
