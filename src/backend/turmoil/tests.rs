//! The network and the ports, played with small programs in place of the fleet.

use crate::event::NodeState::{Hung, Off, Up};
use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::sleep;

use super::nemesis::Nemesis;
use super::play::{CONTROLLER_NAME, Kernels, name_of, play};
use super::ports::{Harm, Power, Store};
use super::socket::Net;
use super::stage::{CONTROLLER, Programs, Simulation, host_of};
use crate::event::{Cause, Event, Fault, Sink, Stop, What};
use crate::fleet::ports::{
    self, Address, Harm as _, InjectionOrder, Means, Net as _, Object, Power as _, Store as _,
};
use crate::ids::{FaultId, Life, NodeId, Part, PartKind};
use crate::plan::{Plan, pilot};
use crate::scenario::StopWhen;
use crate::scenario::boot::BootMethod;
use crate::scenario::fault::{Repair, When};
use crate::units::{Bytes, Span, Time};

const PORT: u16 = 7;

/// One module of 150 nodes that boot at once, for a minute, with one fault rule to refer to.
fn plan() -> Plan {
    let mut scenario = pilot::scenario();
    scenario.cluster.modules = 1;
    scenario.boot.method = BootMethod::Instant;
    scenario.jobs.clear();
    scenario.stop.when = StopWhen::Never;
    scenario.stop.at = Time::ZERO + Span::from_secs(60);
    scenario.faults.truncate(1);
    let rule = &mut scenario.faults[0];
    rule.on.ranges = std::iter::once(0..150).collect();
    (rule.when, rule.repair) = (When::At(scenario.stop.at), Repair::PowerCycle);
    Plan::make(&scenario)
}

/// What was emitted, and what the programs wrote down: at which millisecond, and what.
type Lines = Rc<RefCell<Vec<(u64, String)>>>;

struct Listener(Vec<Event>);

impl Sink for Listener {
    fn event(&mut self, event: &Event) -> Result<(), Stop> {
        self.0.push(*event);
        Ok(())
    }
}

/// A program of the controller, and one of each agent.
struct Pair<C, A> {
    kernels: Rc<Kernels>,
    controller: C,
    agent: A,
}

impl<C, CF, A, AF> Programs for Pair<C, A>
where
    C: Fn(Rc<Simulation>, Net) -> CF,
    CF: Future<Output = ()> + 'static,
    A: Fn(Rc<Simulation>, Net, NodeId, Life) -> AF,
    AF: Future<Output = ()> + 'static,
{
    fn start_controller(&self, stage: &Rc<Simulation>) {
        let net = Net::new(&self.kernels, CONTROLLER);
        net.clone().spawn((self.controller)(Rc::clone(stage), net));
    }

    fn start_agent(&self, stage: &Rc<Simulation>, node: NodeId, life: Life) {
        let net = Net::new(&self.kernels, host_of(node));
        net.clone().spawn((self.agent)(Rc::clone(stage), net, node, life));
    }
}

fn run<C, CF, A, AF>(plan: &Plan, controller: C, agent: A) -> Vec<Event>
where
    C: Fn(Rc<Simulation>, Net) -> CF,
    CF: Future<Output = ()> + 'static,
    A: Fn(Rc<Simulation>, Net, NodeId, Life) -> AF,
    AF: Future<Output = ()> + 'static,
{
    let mut listener = Listener(Vec::new());
    let programs = |kernels| Pair { kernels, controller, agent };
    let nemesis = Rc::new(Nemesis::new(1, plan.machine.nodes.len(), &[]));
    play(plan, &nemesis, programs, &mut listener, &mut Vec::new()).expect("nobody stops the run");
    assert!(listener.0.is_sorted_by_key(|event| event.at), "events stand in the order of time");
    listener.0
}

fn millis(stage: &Simulation) -> u64 {
    stage.now().0 / 1_000_000
}

/// Sends what comes back to whoever sent it, on as many connections as are made.
async fn echo(net: Net) {
    let mut listener = net.listen(PORT).await.expect("a free port");
    loop {
        let Ok(mut stream) = net.accept(&mut listener).await else { return };
        net.spawn(async move {
            let mut buffer = vec![0; 4_096];
            while let Ok(length @ 1..) = stream.read(&mut buffer).await {
                if stream.write_all(&buffer[..length]).await.is_err() {
                    return;
                }
            }
        });
    }
}

/// Sends so many bytes to a node and reads them back.
async fn ask(net: &Net, node: u32, bytes: usize) -> io::Result<usize> {
    let mut stream = net.connect(&Address::new(name_of(node), PORT)).await?;
    talk(&mut stream, bytes).await
}

async fn talk(stream: &mut <Net as ports::Net>::Stream, bytes: usize) -> io::Result<usize> {
    let sent: Vec<u8> = (0..bytes).map(|i| (i % 251) as u8).collect();
    let (mut reader, mut writer) = tokio::io::split(stream);
    let mut back = vec![0; bytes];
    let (wrote, read) = tokio::join!(writer.write_all(&sent), reader.read_exact(&mut back));
    wrote?;
    let length = read?;
    assert_eq!(sent, back, "a network that loses is repaired, one that lies is not");
    Ok(length)
}

fn injection(number: u64, kind: Fault, part: PartKind, index: u32) -> InjectionOrder {
    let part = Part { kind: part, index };
    let lease = Span::from_secs(1);
    let (fault, means) = (FaultId(0), Means::Usual);
    InjectionOrder { number, fault, kind, part, lasts: None, lease, means }
}

async fn switch_on(stage: &Rc<Simulation>, nodes: u32) {
    for node in 0..nodes {
        Power(Rc::clone(stage)).on(NodeId(node)).await.expect("the feed is there");
    }
    sleep(Duration::from_millis(5)).await;
}

#[test]
fn a_megabyte_there_and_back_takes_the_time_of_the_node_link() {
    let lines = Lines::default();
    let emitted = Rc::clone(&lines);
    run(
        &plan(),
        move |stage, net| {
            let lines = Rc::clone(&lines);
            async move {
                switch_on(&stage, 1).await;
                let start = millis(&stage);
                let length = ask(&net, 0, 1_000_000).await.expect("an echo");
                lines.borrow_mut().push((millis(&stage) - start, format!("{length}")));
            }
        },
        |_, net, _, _| echo(net),
    );
    let lines = emitted.take();
    assert_eq!(lines[0].1, "1000000");
    // 80 ms at 100 Mbit/s in each direction, at once; windows of 64 KB cost round trips.
    assert!((80..400).contains(&lines[0].0), "{lines:?}");
}

#[test]
fn a_node_that_loses_its_power_says_no_farewell_and_its_next_life_knows_nobody() {
    let lines = Lines::default();
    let emitted = Rc::clone(&lines);
    run(
        &plan(),
        move |stage, net| {
            let lines = Rc::clone(&lines);
            async move {
                switch_on(&stage, 1).await;
                let to = Address::new(name_of(0), PORT);
                let mut stream = net.connect(&to).await.expect("an echo");
                talk(&mut stream, 10).await.expect("an echo");
                let (power, node) = (Power(Rc::clone(&stage)), NodeId(0));
                power.off(node, Cause::Repair).await.expect("a switch");
                let mut byte = [0];
                let silent = tokio::time::timeout(Duration::from_secs(3), stream.read(&mut byte));
                assert!(silent.await.is_err(), "no farewell");
                power.on(node).await.expect("a switch");
                sleep(Duration::from_millis(5)).await;
                let start = millis(&stage);
                let error = talk(&mut stream, 10).await.expect_err("the next life answers");
                lines.borrow_mut().push((millis(&stage) - start, format!("{:?}", error.kind())));
                ask(&net, 0, 10).await.expect("the next life listens on the same port");
            }
        },
        |_, net, _, _| echo(net),
    );
    let lines = emitted.take();
    assert_eq!(lines[0].1, "ConnectionReset");
    assert!(lines[0].0 < 10, "{lines:?}");
}

#[test]
fn a_short_cut_is_survived_and_a_long_one_times_out() {
    let lines = Lines::default();
    let emitted = Rc::clone(&lines);
    run(
        &plan(),
        move |stage, net| {
            let lines = Rc::clone(&lines);
            async move {
                switch_on(&stage, 1).await;
                let to = Address::new(name_of(0), PORT);
                let harm = Harm(Rc::clone(&stage));
                for (number, cut) in [(1, 100), (2, 20_000)] {
                    let mut stream = net.connect(&to).await.expect("an echo");
                    let loss = injection(number, Fault::SwitchLoss, PartKind::Switch, 0);
                    harm.do_harm(&loss).await.expect("actuators");
                    let (stage, lines) = (Rc::clone(&stage), Rc::clone(&lines));
                    net.spawn(async move {
                        let start = millis(&stage);
                        let end = talk(&mut stream, 100).await.map_err(|error| error.kind());
                        lines.borrow_mut().push((millis(&stage) - start, format!("{end:?}")));
                    });
                    sleep(Duration::from_millis(cut)).await;
                    harm.undo(&loss).await.expect("actuators");
                    sleep(Duration::from_secs(1)).await;
                }
            }
        },
        |_, net, _, _| echo(net),
    );
    let lines = emitted.take();
    let words: Vec<_> = lines.iter().map(|(_, word)| word.as_str()).collect();
    assert_eq!(words, ["Ok(100)", "Err(TimedOut)"]);
    assert!((200..300).contains(&lines[0].0) && (4_500..6_000).contains(&lines[1].0), "{lines:?}");
}

#[test]
fn a_hung_node_falls_silent_until_it_is_power_cycled() {
    let events = run(
        &plan(),
        |stage, net| async move {
            switch_on(&stage, 1).await;
            ask(&net, 0, 10).await.expect("an echo");
            let hang = injection(1, Fault::Hang, PartKind::Node, 0);
            Harm(Rc::clone(&stage)).do_harm(&hang).await.expect("actuators");
            let asked = tokio::time::timeout(Duration::from_secs(2), ask(&net, 0, 10)).await;
            assert!(asked.is_err(), "a hung node answers nobody");
            let (power, node) = (Power(Rc::clone(&stage)), NodeId(0));
            power.off(node, Cause::Repair).await.expect("a switch");
            power.on(node).await.expect("a switch");
            sleep(Duration::from_millis(5)).await;
            ask(&net, 0, 10).await.expect("an echo");
        },
        |_, net, _, _| echo(net),
    );
    let states: Vec<_> = events
        .iter()
        .filter_map(|event| match event.what {
            What::NodeState { state, life, .. } => Some((state, life.0)),
            _ => None,
        })
        .collect();
    assert_eq!(states, [(Up, 1), (Hung, 1), (Off, 1), (Up, 2)]);
}

/// 940 checkpoints of 1 GB would fill the server; one alone is held back by its own link.
#[test]
fn a_declared_gigabyte_takes_the_time_of_the_models_fabric() {
    let lines = Lines::default();
    let emitted = Rc::clone(&lines);
    let mut plan = plan();
    plan.scenario.stop.at = Time::ZERO + Span::from_secs(300);
    let events = run(
        &plan,
        |stage, _| async move { switch_on(&stage, 2).await },
        move |stage, _, node, _| {
            let lines = Rc::clone(&lines);
            async move {
                let store = Store { stage: Rc::clone(&stage), node: Some(node) };
                let (start, name) = (millis(&stage), format!("rank {}", node.0));
                let size = Bytes(1_000_000_000);
                store.put(Object::Checkpoint, &name, vec![1, 2], size).await.expect("a disk");
                lines.borrow_mut().push((millis(&stage) - start, name.clone()));
                if node.0 == 1 {
                    let off = tokio::time::timeout(
                        Duration::from_secs(10),
                        store.put(Object::Checkpoint, &name, vec![3], size),
                    );
                    assert!(off.await.is_err());
                    let kept = store.get(Object::Checkpoint, &name, Bytes(0)).await;
                    assert_eq!(kept.expect("a disk"), Some(vec![1, 2]), "whole or not at all");
                }
            }
        },
    );
    // 1 GB at 94.1 Mbit/s.
    for (took, name) in emitted.take() {
        assert!((85_015..=85_018).contains(&took), "{name}: {took}");
    }
    let lost: Vec<_> = events
        .iter()
        .filter_map(|event| match event.what {
            What::Transfer { received, lost, .. } => Some((received.0, lost.0)),
            _ => None,
        })
        .collect();
    let cut = 94_100_000 * 10 / 8;
    assert_eq!(lost[..2], [(1_000_000_000, 0); 2]);
    assert!(lost[2].0 == 0 && lost[2].1.abs_diff(cut) < 20_000, "{lost:?}");
}

#[test]
fn the_same_run_twice_says_the_same_at_the_same_instants() {
    let play = || {
        let lines = Lines::default();
        let emitted = Rc::clone(&lines);
        let events = run(
            &plan(),
            |stage, net| async move {
                let socket = net.bind(PORT).await.expect("a free port");
                net.spawn({
                    let net = net.clone();
                    async move {
                        let mut buffer = [0; 64];
                        while let Ok((length, from)) = net.recv_from(&socket, &mut buffer).await {
                            let _ = net.send_to(&socket, &buffer[..length], &from).await;
                        }
                    }
                });
                switch_on(&stage, 150).await;
                let harm = Harm(Rc::clone(&stage));
                for number in 0..20 {
                    let node = (number * 37 % 150) as u32;
                    let crash = injection(number, Fault::Crash, PartKind::Node, node);
                    harm.do_harm(&crash).await.expect("actuators");
                    sleep(Duration::from_millis(1_300)).await;
                    let power = Power(Rc::clone(&stage));
                    power.off(NodeId(node), Cause::Repair).await.expect("a switch");
                    power.on(NodeId(node)).await.expect("a switch");
                }
            },
            move |stage, net, node, life| {
                let lines = Rc::clone(&lines);
                async move {
                    let socket = net.bind(0).await.expect("a free port");
                    let to = Address::new(CONTROLLER_NAME, PORT);
                    let mut buffer = [0; 64];
                    for heartbeat in 0..60 {
                        let _ = net.send_to(&socket, &[heartbeat; 40], &to).await;
                        let heard = net.recv_from(&socket, &mut buffer);
                        let heard = tokio::time::timeout(Duration::from_secs(1), heard).await;
                        let line = format!("{node:?} {life:?} {heartbeat} {}", heard.is_ok());
                        lines.borrow_mut().push((millis(&stage), line));
                        sleep(Duration::from_millis(1_000 + u64::from(node.0))).await;
                    }
                }
            },
        );
        (events, emitted.take())
    };
    let first = play();
    assert!(first.1.len() > 7_000, "{}", first.1.len());
    assert!(first == play());
}

#[test]
#[should_panic(expected = "an agent that is wrong")]
fn a_panic_of_a_task_ends_the_run() {
    run(
        &plan(),
        |stage, _| async move { switch_on(&stage, 1).await },
        |_, _, _, _| async { panic!("an agent that is wrong") },
    );
}
