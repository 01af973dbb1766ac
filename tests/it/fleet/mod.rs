//! The real controller and agents: on paused time in memory, and on real loopback TCP.

mod flood;
mod frames;
mod outdated;
mod rack;
mod served;
mod tls;
mod wires;

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use rackstorm::drivers::net::Plain;
use rackstorm::event::{CheckpointAct, EndReason, What};
use rackstorm::fleet::admission::Refusals;
use rackstorm::fleet::controller::{self, End};
use rackstorm::fleet::job::Jobs;
use rackstorm::fleet::ports::{Address, Net, Notice};
use rackstorm::fleet::wire::{self, Message};
use tokio::io::AsyncWriteExt;
use tokio::task::LocalSet;
use tokio::time::{Instant, sleep};

use rack::{Actuators, WORDS, World, plan};
use wires::Wires;

/// Four nodes of a job on one module of five, the last a spare.
const JOB: &str = r#"
schema  = 1
title   = "a job on four nodes"
inherit = "edge_rack_24"
seed    = 5

[cluster]
modules = 1

[module]
nodes           = 5
spares          = 1
packs           = [5]
switches        = 1

[boot]
method = "instant"

[boot.power_on]
stagger = "0 s"

[controller]
detect = "4 s"
settle = "2 s"

[workload.bulk-synchronous]
ranks_per_node = 2
step           = "5 s"
work           = "200 s"

[checkpoint.coordinated]
size     = "10 MB"
interval = "20 s"
to       = "file-server"

[stop]
at = "2000 s"
"#;

/// Plays the text in memory and on paused time; `script` runs next to the controller.
fn in_memory<F: Future<Output = ()> + 'static>(
    text: &str,
    script: impl FnOnce(Actuators<Wires>, Wires) -> F,
) -> (Actuators<Wires>, Vec<End>) {
    in_memory_over(text, |wires, _| wires, script)
}

/// The same over the network that `over` makes of the wires of a node, or of the controller.
fn in_memory_over<N: Net, F: Future<Output = ()> + 'static>(
    text: &str,
    over: impl Fn(Wires, Option<u32>) -> N + 'static,
    script: impl FnOnce(Actuators<N>, Wires) -> F,
) -> (Actuators<N>, Vec<End>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    let local = LocalSet::new();
    let plan = plan(text);
    local.block_on(&runtime, async move {
        let (wires, start) = (Wires::new("controller"), Instant::now());
        let (net, cutter) = (wires.clone(), wires.clone());
        let own = over(wires.clone(), None);
        let actuators = World::actuators(
            plan,
            (Address::new("controller", 7000), Address::new("controller", 7001)),
            move |node| {
                let name = format!("node-{node}");
                (over(net.of(&name), Some(node)), name)
            },
            move |node, cut| cutter.cut(&format!("node-{node}"), cut),
            move || 1_000_000_000 + start.elapsed().as_nanos() as u64,
        );
        tokio::task::spawn_local(actuators.clone().boot());
        let script = tokio::task::spawn_local(script(actuators.clone(), wires.clone()));
        let mut ends = Vec::new();
        loop {
            let (ports, plan) = (actuators.ports(own.clone()), actuators.0.plan.clone());
            let host = LocalSet::new();
            let run = host.run_until(controller::run(ports, actuators.setup(), plan));
            let end = tokio::select! {
                biased;
                () = actuators.0.stop.notified() => None,
                end = run => Some(end.expect("the controller listens and saves")),
            };
            drop(host);
            if let Some(end) = end {
                ends.push(end);
                if script.is_finished() {
                    script.await.expect("what the script asserts holds");
                }
                return (actuators, ends);
            }
            sleep(actuators.0.pause.get()).await;
        }
    })
}

/// The job did all its work, once each, on the right memory.
fn assert_done(actuators: &Actuators<impl Net>, ends: &[End]) {
    let world = &actuators.0;
    assert_eq!(ends.last().map(|end| end.reason), Some(EndReason::WorkDone), "{:?}", world.emitted);
    let expected = Jobs::expected(&world.plan, WORDS).expect("there is a job");
    assert_eq!(world.results(), [expected]);
    let mut terms = [0; 5];
    for notice in world.notices.borrow().iter() {
        if let Notice::Obeys { node, term, .. } = *notice {
            let last = std::mem::replace(&mut terms[node.0 as usize], term);
            assert!(last <= term, "node {} obeys an older controller", node.0);
        }
    }
    let images = world.stored.borrow().keys().filter(|name| name.contains("seat")).count();
    assert!(images <= 4, "old checkpoints are deleted: {images} images");
}

fn with(fault: &str) -> String {
    format!("{JOB}\n{fault}")
}

async fn nothing<N: Net>(_: Actuators<N>, _: Wires) {}

#[test]
fn a_job_without_faults_takes_its_steps_and_ends_with_the_right_checksum() {
    let (actuators, ends) = in_memory(JOB, nothing);
    assert_done(&actuators, &ends);
    let steps = actuators.0.count(|what| matches!(what, What::StepDone { .. }));
    assert_eq!(steps, 40);
    let joins = actuators.0.count(|what| matches!(what, What::JobNode { joined: true, .. }));
    assert_eq!(joins, 4);
}

#[test]
fn a_job_that_loses_a_node_goes_on_with_the_spare_from_its_checkpoint() {
    let fault = "[[fault.crash]]\non = \"node[3]\"\nat = \"48 s\"\nrepair = \"power-cycle\"";
    let (actuators, ends) = in_memory(&with(fault), nothing);
    assert_done(&actuators, &ends);
    let lost = actuators.0.emitted.borrow().iter().find_map(|what| match what {
        What::WorkLost { lost, node, .. } => Some((node.0, lost.as_secs_f64())),
        _ => None,
    });
    let (node, lost) = lost.expect("work was lost");
    // Steps of 5 s; a checkpoint each fourth: the one at 40 s holds. About 8 s are lost, and what
    // the others compute until the crash is noticed.
    assert_eq!(node, 2);
    assert!((9.0..14.0).contains(&lost), "{lost}");
    let joined = actuators
        .0
        .emitted
        .borrow()
        .iter()
        .any(|what| matches!(what, What::JobNode { node, joined: true, .. } if node.0 == 4));
    assert!(joined, "the spare takes the seat");
    let lives: Vec<_> = actuators.0.joins(2);
    assert_eq!(lives, [1, 2], "the node is power-cycled and joins again");
}

#[test]
fn a_controller_that_is_restarted_forgets_nothing_and_strikes_nothing_twice() {
    let fault = "[[fault.crash]]\non = \"node[1]\"\nat = \"48 s\"\nrepair = \"power-cycle\"";
    for stop in [3, 30, 48, 49, 50, 53, 60, 77, 150] {
        let (actuators, ends) = in_memory(&with(fault), move |actuators, _| async move {
            sleep(Duration::from_secs(stop) + Duration::from_millis(1)).await;
            actuators.0.pause.set(Duration::from_secs(7));
            actuators.0.stop.notify_one();
        });
        assert_done(&actuators, &ends);
        let strikes = actuators.0.count(|what| matches!(what, What::FaultStrikes { .. }));
        assert_eq!(strikes, 1, "stopped at {stop} s");
        let commits = actuators
            .0
            .count(|what| matches!(what, What::Checkpoint { act: CheckpointAct::Commit, .. }));
        assert!(commits >= 9, "{commits} commits, stopped at {stop} s");
    }
}

#[test]
fn nodes_behind_a_dead_switch_are_not_power_cycled_and_come_back() {
    let fault = "[[fault.switch-loss]]\non = \"switch[1]\"\nat = \"48 s\"\nrepair = \"30 s\"";
    let (actuators, ends) = in_memory(&with(fault), nothing);
    assert_done(&actuators, &ends);
    for node in 0..5 {
        assert_eq!(actuators.0.joins(node), [1, 1], "one life, taken in twice");
    }
    let ended = actuators.0.count(|what| matches!(what, What::FaultEnds { .. }));
    assert_eq!((ended, actuators.0.undone.borrow().len()), (1, 1));
}

#[test]
fn hostile_peers_are_refused_and_counted_and_harm_nobody() {
    let (actuators, ends) = in_memory(JOB, |_, wires| async move {
        sleep(Duration::from_secs(30)).await;
        let mallory = wires.of("mallory");
        let to = Address::new("controller", 7000);
        let join = |serial, life| {
            let peers = Address::new("mallory", 1);
            let (session, datagrams, abilities) = (None, 0, vec![]);
            wire::frame(&Message::Join { serial, life, session, peers, datagrams, abilities })
        };
        let open = [0_u8; 0].to_vec();
        let attacks = [
            b"GET / HTTP/1.1\r\n\r\n".to_vec(),
            vec![0, 0, 0, 2, 0, b'{'],
            wire::frame(&Message::Unknown),
            vec![0, 0, 0, 9, 1, 255, 255, 255, 255, 255, 255, 255, 255],
            join(99, 1),
            join(2, 0),
            join(2, 1),
            open,
        ];
        let mut held = Vec::new();
        for bytes in attacks {
            let mut stream = mallory.connect(&to).await.expect("anybody may connect");
            stream.write_all(&bytes).await.expect("anybody may write");
            held.push(stream);
        }
        let socket = mallory.bind(0).await.expect("a socket");
        let heartbeats = Address::new("controller", 7001);
        mallory.send_to(&socket, b"boo", &heartbeats).await.expect("anybody may send");
        let heartbeat =
            wire::Heartbeat { serial: 2, life: 1, session: 0, count: 1, term: 0, stale: false };
        mallory.send_to(&socket, &heartbeat.encode(), &heartbeats).await.expect("anybody may send");
        let mut answer = [0; wire::DATAGRAM];
        mallory.recv_from(&socket, &mut answer).await.expect("an answer");
        let answer = wire::Heartbeat::decode(&answer).expect("a heartbeat");
        assert!(answer.stale, "a heartbeat without its session counts for nothing");
        sleep(Duration::from_secs(60)).await;
        drop(held);
    });
    assert_done(&actuators, &ends);
    let notices = actuators.0.notices.borrow();
    let expected = Refusals {
        length: 1,
        version: 1,
        garbage: 2,
        unknown: 0,
        silent: 1,
        replayed: 2,
        stranger: 1,
        datagrams: 1,
        ..Refusals::default()
    };
    assert_eq!(actuators.0.admission.refusals(), expected);
    assert!(!notices.iter().any(|notice| matches!(notice, Notice::Silent { .. })));
}

#[test]
fn an_agent_undoes_its_harm_when_the_controller_is_gone_for_longer_than_the_lease() {
    let fault = "[[fault.link-degradation]]\non = \"node[2]/link\"\nat = \"20 s\"\n\
                 repair = \"never\"\nshare = 0.5";
    for (pause, undone) in [(10, 0), (60, 1)] {
        let (actuators, ends) = in_memory(&with(fault), move |actuators, _| async move {
            sleep(Duration::from_secs(40)).await;
            actuators.0.pause.set(Duration::from_secs(pause));
            actuators.0.stop.notify_one();
        });
        assert_done(&actuators, &ends);
        assert_eq!(actuators.0.undone.borrow().len(), undone, "away for {pause} s");
        let injections = actuators.0.injections.borrow();
        assert_eq!(injections.values().next().map(|(injection, _)| injection.part.index), Some(1));
        assert_eq!(ends[0].harms.len(), 1, "what is still done is named at the end");
    }
}

#[test]
fn the_same_plan_in_memory_emits_the_same_events() {
    let fault = "[[fault.crash]]\non = \"node\"\n\
                 lifetime = { exponential = { mean = \"150 s\" } }\n\
                 repair = \"power-cycle\"";
    let emitted = || {
        let (actuators, ends) = in_memory(&with(fault), nothing);
        assert_done(&actuators, &ends);
        actuators.0.emitted.take()
    };
    let first = emitted();
    assert!(first.iter().filter(|what| matches!(what, What::FaultStrikes { .. })).count() > 1);
    assert_eq!(first, emitted());
}

/// Real sockets and real time: short steps, and an agent that is killed.
#[test]
fn over_real_tcp_a_job_of_four_agents_survives_the_loss_of_one() {
    let text = with("[[fault.crash]]\non = \"node[3]\"\nat = \"1.5 s\"\nrepair = \"power-cycle\"")
        .replace("detect = \"4 s\"", "detect = \"1 s\"")
        .replace("\"5 s\"", "\"50 ms\"")
        .replace("\"200 s\"", "\"3 s\"")
        .replace("\"20 s\"", "\"400 ms\"")
        .replace("\"2000 s\"", "\"60 s\"");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let local = LocalSet::new();
    let (actuators, ends) = local.block_on(&runtime.expect("a runtime"), async move {
        let own = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let net = Plain { own };
        let (control, heartbeats) = free_ports(net).await;
        let host = own.to_string();
        let controller =
            (Address::new(host.clone(), control), Address::new(host.clone(), heartbeats));
        let start = Instant::now();
        let actuators = World::actuators(
            plan(&text),
            controller,
            move |_| (net, host.clone()),
            |_, _| {},
            move || start.elapsed().as_nanos() as u64,
        );
        tokio::task::spawn_local(actuators.clone().boot());
        let (ports, plan) = (actuators.ports(net), actuators.0.plan.clone());
        let end = controller::run(ports, actuators.setup(), plan).await;
        (actuators, vec![end.expect("the controller listens")])
    });
    assert_done(&actuators, &ends);
    assert_eq!(actuators.0.count(|what| matches!(what, What::WorkLost { .. })), 1);
}

/// Two ports that nobody has now.
async fn free_ports(net: Plain) -> (u16, u16) {
    let listener = net.listen(0).await.expect("a listener");
    let socket = net.bind(0).await.expect("a socket");
    let ports = (Plain::port(&listener), Plain::datagram_port(&socket));
    (ports.0.expect("a port"), ports.1.expect("a port"))
}
