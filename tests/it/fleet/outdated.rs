//! What is out of date counts for nothing: orders, answers, joins, connections, memory.
//!
//! The controller is the real one and its agents are scripted, or the other way round.

use std::time::Duration;

use rackstorm::event::{EndReason, What};
use rackstorm::fleet::controller::{self, End};
use rackstorm::fleet::ports::{Address, Net, Notice};
use rackstorm::fleet::wire::{self, Heartbeat, Message, NodeOrder, Reader, Seat, Where, Work};
use rackstorm::fleet::{agent, job::Jobs};
use rackstorm::ids::{Life, NodeId};
use rackstorm::units::{Bytes, Span};
use tokio::io::{ReadHalf, WriteHalf, split};
use tokio::sync::mpsc;
use tokio::task::LocalSet;
use tokio::time::{Instant, sleep};

use super::rack::{Actuators, WORDS, World, plan};
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
                Some(Message::Order(_) | Message::Cancel { .. }) => {}
                other => panic!("no welcome but {other:?}"),
            }
        }
    }

    /// The number of the order that comes next, if one does, whatever is cancelled before.
    async fn ordered(&mut self) -> Option<u64> {
        loop {
            match self.hear().await {
                Some(Message::Order(order)) => return Some(order.number),
                Some(Message::Cancel { .. }) => {}
                None => return None,
                other => panic!("no order but {other:?}"),
            }
        }
    }

    async fn done(&mut self, order: u64) {
        self.say(Message::Done { order, sum: 0 }).await;
    }
}

/// A connection from a node.
async fn connect(wires: &Wires, serial: u32) -> Line {
    let net = wires.of(&format!("node-{serial}"));
    Line::over(net.connect(&Address::new("controller", 7000)).await.expect("it listens"))
}

fn asks(serial: u32, life: u32, session: Option<u64>) -> Message {
    let peers = Address::new(format!("node-{serial}"), 1);
    let (datagrams, abilities) = (0, Vec::new());
    Message::Join { serial, life, session, peers, datagrams, abilities }
}

/// Joins as a node's agent.
async fn join(wires: &Wires, serial: u32, life: u32, session: Option<u64>) -> Line {
    let mut to = connect(wires, serial).await;
    to.say(asks(serial, life, session)).await;
    to
}

/// Runs a script next to the real controller, with no agents but those of the script.
fn with_controller<F: Future<Output = ()> + 'static>(
    script: impl FnOnce(Actuators<Wires>, Wires) -> F,
) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    LocalSet::new().block_on(&runtime, async move {
        let (wires, start) = (Wires::new("controller"), Instant::now());
        let net = wires.clone();
        let actuators = World::actuators(
            plan(JOB),
            (Address::new("controller", 7000), Address::new("controller", 7001)),
            move |node| (net.of(&format!("node-{node}")), format!("node-{node}")),
            |_, _| {},
            move || 1_000_000_000 + start.elapsed().as_nanos() as u64,
        );
        let (ports, plan) = (actuators.ports(wires.clone()), actuators.0.plan.clone());
        // A task as others are, so that it may come between them.
        let script = tokio::task::spawn_local(script(actuators.clone(), wires));
        tokio::select! {
            biased;
            end = controller::run(ports, actuators.setup(), plan) => panic!("it ends: {end:?}"),
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
    with_controller(|_, wires| async move {
        let (mut lines, sessions, first) = four(&wires).await;
        for line in &mut lines[..3] {
            line.done(first).await;
        }
        let mut newer = connect(&wires, 3).await;
        sleep(Duration::from_millis(10)).await;
        // Both are under way before the controller hears the first of them.
        newer.say(asks(3, 1, Some(sessions[3]))).await;
        lines[3].done(first).await;
        assert_eq!(newer.welcomed().await, sessions[3]);
        assert_eq!(newer.ordered().await, Some(first), "the join is the first of the two");
        assert_eq!(lines[0].ordered().await, None);
        newer.done(first).await;
        assert!(lines[0].ordered().await.is_some());
    });
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
        let heartbeat =
            Heartbeat { serial: 3, life: 1, session: sessions[3], count: 1, term: 0, stale: false };
        let to = Address::new("controller", 7001);
        let net = wires.of("node-3");
        net.send_to(&socket, &heartbeat.encode(), &to).await.expect("anybody may send");
        let mut answer = [0; wire::DATAGRAM];
        net.recv_from(&socket, &mut answer).await.expect("an answer");
        assert!(!Heartbeat::decode(&answer).expect("a heartbeat").stale, "it has a connection");
    });
}

#[test]
fn nobody_joins_with_a_life_that_is_over_or_as_somebody_who_is_there() {
    with_controller(|actuators, wires| async move {
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
        assert_eq!(actuators.0.joins(2), [3]);
    });
}

/// Runs a script as the controller of the real agent of node 0.
fn with_agent<F: Future<Output = ()>>(script: impl FnOnce(Actuators<Wires>, Line) -> F) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    LocalSet::new().block_on(&runtime, async move {
        let wires = Wires::new("controller");
        let controller = (Address::new("controller", 7000), Address::new("controller", 7001));
        let net = wires.clone();
        let actuators = World::actuators(
            plan(JOB),
            controller.clone(),
            move |node| (net.of(&format!("node-{node}")), format!("node-{node}")),
            |_, _| {},
            || 0,
        );
        let own = || actuators.clone();
        let ports = agent::AgentPorts {
            net: wires.of("node-0"),
            store: own(),
            harm: own(),
            emitter: own(),
        };
        let setup = agent::Setup {
            node: NodeId(0),
            life: Life(1),
            host: "node-0".into(),
            port: 0,
            controller: controller.0,
            heartbeats: controller.1,
            abilities: Vec::new(),
            pace: agent::Pace::for_heartbeat(Span::from_secs(1)),
            sabotage: None,
        };
        let mut listener = wires.listen(7000).await.expect("a listener");
        let script = async {
            let mut line = Line::over(wires.accept(&mut listener).await.expect("it connects"));
            assert!(matches!(line.hear().await, Some(Message::Join { session: None, .. })));
            script(actuators.clone(), line).await;
        };
        tokio::select! {
            biased;
            end = agent::run(ports, setup, mpsc::channel(1).1) => panic!("it ends: {end:?}"),
            () = script => {}
        }
    });
}

/// An order to a job's only node.
fn order(term: u64, number: u64, work: Work) -> Message {
    let right = Address::new("node-0", 1);
    let seat =
        Seat { number: 0, of: 1, ranks: 1, words: WORDS, right, twin: false, more: Vec::new() };
    Message::Order(NodeOrder { job: 0, number, placement: 1, term, seat, work })
}

fn compute(term: u64, number: u64, step: u64) -> Message {
    order(term, number, Work::Compute { step, span: Span::from_millis(1) })
}

fn verify(term: u64, number: u64) -> Message {
    order(term, number, Work::Verify { step: 0, blind: false, span: Span::from_millis(500) })
}

fn begin_anew(term: u64, number: u64) -> Message {
    let (span, packing, declared) = (Span::ZERO, Span::ZERO, Bytes(0));
    let from = Where::Server;
    order(term, number, Work::Load { checkpoint: None, from, step: 0, declared, packing, span })
}

/// The orders that agents have begun: terms and numbers.
fn begun(actuators: &Actuators<Wires>) -> Vec<(u64, u64)> {
    let obeys = |notice: &Notice| match notice {
        Notice::Obeys { term, order, .. } => Some((*term, *order)),
        _ => None,
    };
    actuators.0.notices.borrow().iter().filter_map(obeys).collect()
}

#[test]
fn an_order_that_supposes_other_memory_is_not_begun_and_the_agent_says_so() {
    with_agent(|actuators, mut line| async move {
        line.say(Message::Welcome { term: 1, session: 1 }).await;
        line.say(begin_anew(1, 1)).await;
        assert!(matches!(line.hear().await, Some(Message::Done { order: 1, .. })));
        // The second time as after a new connection.
        for _ in 0..2 {
            line.say(compute(1, 2, 3)).await;
            assert_eq!(line.hear().await, Some(Message::Unable { order: 2 }));
        }
        assert_eq!(begun(&actuators), [(1, 1)]);
    });
}

#[test]
fn an_older_order_is_begun_only_if_a_newer_controller_gives_it() {
    with_agent(|actuators, mut line| async move {
        line.say(Message::Welcome { term: 1, session: 1 }).await;
        for (term, number) in [(1, 7), (1, 5), (2, 5), (2, 5), (2, 4), (2, 6), (1, 8)] {
            line.say(begin_anew(term, number)).await;
            sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(begun(&actuators), [(1, 7), (2, 5), (2, 6)]);
    });
}

#[test]
fn a_cancelled_order_is_abandoned_and_not_begun_again() {
    with_agent(|actuators, mut line| async move {
        line.say(Message::Welcome { term: 2, session: 1 }).await;
        line.say(begin_anew(2, 1)).await;
        assert!(matches!(line.hear().await, Some(Message::Done { order: 1, .. })));
        line.say(verify(2, 2)).await;
        // Of an older controller, and of an older order.
        line.say(Message::Cancel { term: 1, void: 2 }).await;
        line.say(Message::Cancel { term: 2, void: 1 }).await;
        assert!(matches!(line.hear().await, Some(Message::Done { order: 2, .. })));
        // What is done is done.
        line.say(Message::Cancel { term: 2, void: 2 }).await;
        line.say(verify(2, 2)).await;
        assert!(matches!(line.hear().await, Some(Message::Done { order: 2, .. })));
        line.say(verify(2, 3)).await;
        line.say(Message::Cancel { term: 2, void: 3 }).await;
        line.say(Message::Flip { draw: 0 }).await;
        assert_eq!(line.hear().await, None, "it has stopped");
        // By a controller that has not heard of it as well.
        for term in [2, 3] {
            line.say(verify(term, 3)).await;
            assert_eq!(line.hear().await, Some(Message::Unable { order: 3 }));
        }
        line.say(begin_anew(3, 4)).await;
        assert!(matches!(line.hear().await, Some(Message::Done { order: 4, .. })));
        assert_eq!(begun(&actuators), [(2, 1), (2, 2), (2, 3), (3, 4)]);
    });
}

/// As of a controller that took over with an older copy of the disk: half of the next step is in
/// the memory.
#[test]
fn an_agent_in_the_middle_of_a_step_saves_and_verifies_nothing() {
    with_agent(|_, mut line| async move {
        line.say(Message::Welcome { term: 1, session: 1 }).await;
        line.say(begin_anew(1, 1)).await;
        assert!(matches!(line.hear().await, Some(Message::Done { order: 1, .. })));
        line.say(compute(1, 4, 1)).await;
        let (span, packing, declared) = (Span::ZERO, Span::ZERO, Bytes(0));
        let to = Where::Server;
        let save = Work::Save { checkpoint: 1, to, step: 0, declared, packing, span };
        line.say(order(2, 2, save)).await;
        assert_eq!(line.hear().await, Some(Message::Unable { order: 2 }));
        line.say(verify(2, 3)).await;
        assert_eq!(line.hear().await, Some(Message::Unable { order: 3 }));
    });
}

#[test]
fn who_has_not_done_an_order_that_is_given_up_hears_so() {
    with_controller(|_, wires| async move {
        let (mut lines, sessions, first) = four(&wires).await;
        lines[0].done(first).await;
        sleep(Duration::from_millis(10)).await;
        lines[3].say(Message::Unable { order: first }).await;
        let cancel = Some(Message::Cancel { term: 1, void: first });
        for line in &mut lines[1..3] {
            assert_eq!(line.hear().await, cancel);
        }
        // As if the link of the third had swallowed it.
        lines[2] = join(&wires, 2, 1, Some(sessions[2])).await;
        lines[2].welcomed().await;
        match lines[2].hear().await {
            Some(Message::Cancel { term: 1, void }) => assert!(void >= first),
            other => panic!("no cancel but {other:?}"),
        }
        lines[1].done(first).await;
        assert!(same_order(&mut lines).await > first, "all load what there is");
    });
}

#[test]
fn a_job_goes_back_if_one_of_its_nodes_lacks_the_memory_for_an_order() {
    with_controller(|_, wires| async move {
        let (mut lines, _, first) = four(&wires).await;
        lines[0].say(Message::Unable { order: first - 1 }).await;
        assert_eq!(lines[0].ordered().await, None, "that order is over");
        lines[0].say(Message::Unable { order: first }).await;
        sleep(Duration::from_millis(1_500)).await;
        assert!(same_order(&mut lines).await > first, "all load what there is");
    });
}

/// The state that it finds lacks all that was decided in the last ten seconds.
#[test]
fn a_controller_that_knows_less_than_its_agents_leads_the_job_to_its_end() {
    let (actuators, ends) = in_memory(JOB, |actuators, _| async move {
        let state =
            |actuators: &Actuators<Wires>| actuators.0.stored.borrow()["controller"].clone();
        sleep(Duration::from_secs(26)).await;
        let older = state(&actuators);
        sleep(Duration::from_secs(10)).await;
        assert_ne!(state(&actuators), older);
        actuators.0.stored.borrow_mut().insert("controller".into(), older);
        actuators.0.stop.notify_one();
    });
    assert_done(&actuators, &ends);
    // So that no two orders have the same number, terms are their upper half.
    let all = begun(&actuators);
    let (older, newer): (Vec<_>, Vec<_>) = all.iter().partition(|(_, number)| number >> 32 == 0);
    assert!(older.iter().any(|(term, _)| *term == 1) && newer.len() > 4);
    assert!(newer.iter().all(|(term, number)| (*term, number >> 32) == (2, 2)), "{newer:?}");
}

#[test]
fn who_falls_silent_while_there_is_no_controller_is_missed_by_the_next_one() {
    let (actuators, ends) = in_memory(JOB, |actuators, wires| async move {
        sleep(Duration::from_secs(30)).await;
        actuators.0.pause.set(Duration::from_secs(7));
        actuators.0.stop.notify_one();
        sleep(Duration::from_secs(1)).await;
        wires.cut("node-1", true);
    });
    assert_done(&actuators, &ends);
    let silent = |notice: &Notice| matches!(notice, Notice::Silent { node: NodeId(1), .. });
    assert!(actuators.0.notices.borrow().iter().any(silent));
}

#[test]
fn nothing_is_emitted_or_ordered_before_it_is_saved() {
    let (actuators, ends) = in_memory(JOB, |actuators, _| async move {
        let known =
            |actuators: &Actuators<Wires>| (actuators.0.emitted.borrow().len(), begun(actuators));
        sleep(Duration::from_secs(30)).await;
        let mut before = known(&actuators);
        actuators.0.failing.set(3);
        while actuators.0.failing.get() > 0 {
            sleep(Duration::from_millis(1)).await;
            if actuators.0.failing.get() == 3 {
                before = known(&actuators);
            } else {
                assert_eq!(known(&actuators), before);
            }
        }
        sleep(Duration::from_secs(2)).await;
        assert_ne!(known(&actuators), before, "it is saved at last");
    });
    assert_done(&actuators, &ends);
}

#[test]
fn an_agent_that_knows_a_newer_controller_obeys_no_older_one() {
    with_agent(|actuators, mut line| async move {
        line.say(Message::Welcome { term: 5, session: 1 }).await;
        for (term, number) in [(4, 1), (5, 2), (4, 3), (6, 4), (5, 5)] {
            line.say(begin_anew(term, number)).await;
            sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(begun(&actuators), [(5, 2), (6, 4)]);
        line.say(Message::Welcome { term: 5, session: 2 }).await;
        // It leaves for a new connection, where it may find the newer one.
        while line.hear().await.is_some() {}
        let served = |notice: &Notice| match notice {
            Notice::Serves { term, .. } => Some(*term),
            _ => None,
        };
        let served: Vec<_> = actuators.0.notices.borrow().iter().filter_map(served).collect();
        assert_eq!(served, [5]);
    });
}

#[test]
fn each_controller_of_a_run_has_a_higher_term_than_the_one_before() {
    let (actuators, ends) = in_memory(JOB, |actuators, _| async move {
        for _ in 0..3 {
            sleep(Duration::from_secs(20)).await;
            actuators.0.stop.notify_one();
        }
    });
    assert_done(&actuators, &ends);
    let term = |notice: &Notice| match notice {
        Notice::Term { term } => Some(*term),
        _ => None,
    };
    let terms: Vec<_> = actuators.0.notices.borrow().iter().filter_map(term).collect();
    assert_eq!(terms, [1, 2, 3, 4]);
}

/// As the clock of a Pi is, which has none of its own, until it has found a time server.
#[test]
fn a_clock_that_is_set_while_the_controller_is_down_turns_no_run_back() {
    let fault = "[[fault.crash]]\non = \"node[3]\"\nat = \"48 s\"\nrepair = \"30 s\"";
    for off in [-1_000_000, -40, -1, 20] {
        let (actuators, ends) = in_memory(&with(fault), move |actuators, _| async move {
            sleep(Duration::from_secs(60)).await;
            actuators.0.clock_off.set(off);
            actuators.0.stop.notify_one();
        });
        assert_done(&actuators, &ends);
        let ended = actuators.0.count(|what| matches!(what, What::FaultEnds { .. }));
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
fn read_from_memory(actuators: &Actuators<Wires>) -> Vec<(u32, u64)> {
    let held = |notice: &Notice| match notice {
        Notice::Loads { node, checkpoint, held: true, .. } => Some((node.0, *checkpoint)),
        _ => None,
    };
    let mut all: Vec<_> = actuators.0.notices.borrow().iter().filter_map(held).collect();
    all.sort_unstable();
    all
}

fn assert_right(actuators: &Actuators<Wires>, ends: &[End]) {
    assert_eq!(ends.last().map(|end| end.reason), Some(EndReason::WorkDone));
    let expected = Jobs::expected(&actuators.0.plan, WORDS).expect("there is a job");
    assert_eq!(actuators.0.results(), [expected]);
}

#[test]
fn a_process_that_was_restarted_has_nothing_of_the_memory_of_the_one_before() {
    // Checkpoints at 20 s in memory, at 40 s at the server, at 60 s in memory ...
    for at in [28, 48] {
        let text = in_memory_of_agents().replace("\"48 s\"", &format!("\"{at} s\""));
        let (actuators, ends) = in_memory(&text, |_, _| async {});
        assert_right(&actuators, &ends);
        let read = read_from_memory(&actuators);
        let wanted = if at == 28 { vec![(0, 1), (1, 1), (2, 1), (3, 1)] } else { Vec::new() };
        assert_eq!(read, wanted, "a cut takes no memory");
        let (actuators, ends) = in_memory(&text, move |actuators, _| async move {
            sleep(Duration::from_secs(at + 15)).await;
            actuators.restart(2);
        });
        assert_right(&actuators, &ends);
        assert_eq!(read_from_memory(&actuators), [], "the only image of seat 2 is lost");
    }
}
