//! Floods from hosts without a certificate, and agents that report what nobody asked of them.

use std::rc::Rc;
use std::time::Duration;

use rackstorm::event::{Sensor, What};
use rackstorm::fleet::admission::Refusals;
use rackstorm::fleet::ports::{Address, Net, Notice};
use rackstorm::fleet::wire::{self, Message};
use rackstorm::ids::NodeId;
use tokio::io::AsyncWriteExt;
use tokio::time::sleep;

use super::rack::{Actuators, BOUNDS};
use super::tls::Rack;
use super::{JOB, assert_done, in_memory, in_memory_over, with};

/// Callers of a flood, two each millisecond.
const CALLERS: u64 = 3_000;

/// What was emitted about what was refused.
fn readings<N: Net>(actuators: &Actuators<N>) -> Vec<(Sensor, u64)> {
    let is_of = |sensor| {
        matches!(
            sensor,
            Sensor::ConnectionsRefused | Sensor::DatagramsRefused | Sensor::MessagesRefused
        )
    };
    let emitted = actuators.0.emitted.borrow();
    let read = emitted.iter().filter_map(|what| match *what {
        What::Reading { sensor, value } => Some((sensor, value)),
        _ => None,
    });
    read.filter(|(sensor, _)| is_of(*sensor)).collect()
}

fn is_silent(notice: &Notice) -> bool {
    matches!(notice, Notice::Silent { .. })
}

#[test]
fn thousands_of_silent_callers_keep_no_agent_out_and_nobody_is_suspected() {
    let rack = Rc::new(Rack::new());
    let (actuators, ends) = in_memory_over(
        JOB,
        move |wires, node| rack.over(wires, node),
        |actuators, wires| async move {
            let to = Address::new("controller", 7000);
            let mut held = Vec::new();
            for k in 0..CALLERS / 2 {
                let [one, other] =
                    [2 * k, 2 * k + 1].map(|k| wires.of(&format!("mallory-{}", k % 20)));
                let (one, other) = tokio::join!(one.connect(&to), other.connect(&to));
                held.extend(one.into_iter().chain(other));
                assert!(actuators.0.admission.n_unproven() <= BOUNDS.unproven);
            }
            std::future::pending::<()>().await;
        },
    );
    assert_done(&actuators, &ends);
    assert!(!actuators.0.notices.borrow().iter().any(is_silent));
    for node in 0..5 {
        assert_eq!(actuators.0.joins(node), [1]);
    }
    let Refusals { crowded, silent, .. } = actuators.0.admission.refusals();
    assert_eq!(crowded + silent, CALLERS);
    assert!(silent <= BOUNDS.unproven as u64, "{silent} were there to the end");
    assert_eq!(readings(&actuators), [(Sensor::ConnectionsRefused, CALLERS)]);
}

#[test]
fn each_datagram_of_garbage_is_counted_and_none_is_kept() {
    let (actuators, ends) = in_memory(JOB, |_, wires| async move {
        let mallory = wires.of("mallory");
        let socket = mallory.bind(0).await.expect("a socket");
        for _ in 0..2_000 {
            let to = Address::new("controller", 7001);
            mallory.send_to(&socket, b"garbage", &to).await.expect("anybody may send");
        }
    });
    assert_done(&actuators, &ends);
    assert_eq!(readings(&actuators), [(Sensor::DatagramsRefused, 2_000)]);
    // All that is noted is of agents and their job: five joins and some orders each.
    let n_notices = actuators.0.notices.borrow().len();
    assert!(n_notices < 1_000, "{n_notices}");
}

#[test]
fn a_save_that_fails_is_tried_again_and_the_run_goes_on() {
    let (actuators, ends) = in_memory(JOB, |actuators, _| async move {
        sleep(Duration::from_secs(30)).await;
        actuators.0.failing.set(3);
    });
    assert_done(&actuators, &ends);
    assert_eq!(actuators.0.failing.get(), 0);
    assert!(!actuators.0.notices.borrow().iter().any(is_silent));
}

#[test]
fn a_report_of_an_injection_that_is_not_the_agents_own_is_refused_and_fails_no_run() {
    // It is the agent of the second node who is asked to do this one.
    let fault = "[[fault.link-degradation]]\non = \"node[2]/link\"\nat = \"20 s\"\n\
                 repair = \"never\"\nshare = 0.5";
    let (actuators, ends) = in_memory(&with(fault), |actuators, wires| async move {
        sleep(Duration::from_secs(30)).await;
        let numbers: Vec<_> = actuators.0.injections.borrow().keys().copied().collect();
        assert_eq!(numbers.len(), 1, "it is done");
        let mallory = wires.of("mallory");
        let to = Address::new("controller", 7000);
        let mut stream = mallory.connect(&to).await.expect("anybody may connect");
        let peers = Address::new("mallory", 1);
        let (session, datagrams, abilities) = (None, 0, Vec::new());
        // The last node, in another life.
        let (serial, life) = (4, 2);
        let join = Message::Join { serial, life, session, peers, datagrams, abilities };
        stream.write_all(&wire::frame(&join)).await.expect("it is written");
        for injection in numbers.into_iter().chain(1_000..1_009) {
            let cannot = Message::Cannot { injection, why: "no".into() };
            stream.write_all(&wire::frame(&cannot)).await.expect("it is written");
        }
        sleep(Duration::from_secs(1)).await;
    });
    assert_done(&actuators, &ends);
    assert_eq!((ends[0].harms_failed, ends[0].refused.as_slice()), (0, &[][..]));
    assert_eq!(readings(&actuators).last(), Some(&(Sensor::MessagesRefused, 10)));
    let injections = actuators.0.injections.borrow();
    let struck: Vec<_> =
        injections.values().map(|(injection, _)| NodeId(injection.part.index)).collect();
    assert_eq!(struck, [NodeId(1)]);
}
