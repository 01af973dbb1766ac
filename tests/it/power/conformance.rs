//! What every driver must do, whatever its controller is and whatever goes wrong with it.

use std::rc::Rc;
use std::time::Duration;

use rackstorm::drivers::power::Switches;
use rackstorm::fleet::ports::PowerState;
use rackstorm::inventory::power::Controller;
use tokio::time::timeout;

use super::bench::{Actuators, Ends, Subject, on_one_thread};
use super::subjects::SUBJECTS;

/// Longer than any order may take, whatever goes wrong: the limits of the subjects are seconds.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs a check on each kind of controller, a thread each; what fails names its kind.
fn each(check: impl AsyncFn(&Subject, &Actuators) + Sync) {
    let one = |name: &'static str, make: fn() -> Subject| {
        on_one_thread(async {
            let subject = make();
            let (switches, buses) = Switches::start(Rc::new(subject.inventory()));
            let actuators = Actuators(switches);
            let checked = timeout(PATIENCE, check(&subject, &actuators)).await;
            assert!(checked.is_ok(), "{name}: an order does not end by itself");
            drop(actuators);
            let left = timeout(PATIENCE, buses.left()).await;
            assert!(left.is_ok(), "{name}: a bus is not left");
            assert!((subject.is_well)(), "{name}: it is not left as it should be");
        });
    };
    std::thread::scope(|scope| {
        let start = |(name, make)| {
            let thread = std::thread::Builder::new().name(String::from(name));
            thread.spawn_scoped(scope, move || one(name, make)).expect("a thread")
        };
        let threads = SUBJECTS.map(start);
        assert!(threads.map(|thread| thread.join().is_ok()).iter().all(|good| *good));
    });
}

#[test]
fn every_kind_of_controller_is_tried() {
    assert_eq!(SUBJECTS.map(|(name, _)| name), Controller::WORDS);
}

#[test]
fn on_off_and_state_are_right_and_touch_no_other_node() {
    each(async |subject, actuators| {
        for node in 1..=3 {
            assert_eq!(actuators.state(node).await.expect("a state"), PowerState::Off);
        }
        actuators.on(2).await.expect("switched on");
        assert!((subject.is_on)(2));
        assert_eq!(actuators.state(2).await.expect("a state"), PowerState::On);
        for other in [1, 3] {
            assert!(!(subject.is_on)(other));
        }
        actuators.on(1).await.expect("switched on");
        actuators.off(2).await.expect("switched off");
        assert_eq!([1, 2, 3].map(|node| (subject.is_on)(node)), [true, false, false]);
        assert_eq!(actuators.state(2).await.expect("a state"), PowerState::Off);
    });
}

#[test]
fn what_is_done_already_is_not_done_again() {
    each(async |subject, actuators| {
        for _ in 0..2 {
            actuators.on(1).await.expect("switched on");
            assert!((subject.is_on)(1));
        }
        for _ in 0..2 {
            actuators.off(1).await.expect("switched off");
            assert!(!(subject.is_on)(1));
        }
    });
}

#[test]
fn orders_at_once_are_carried_out_one_after_the_other() {
    each(async |subject, actuators| {
        let (one, two, three) = tokio::join!(actuators.on(1), actuators.on(2), actuators.on(3));
        for done in [one, two, three] {
            done.expect("switched on");
        }
        let (one, two, state) = tokio::join!(actuators.off(1), actuators.on(2), actuators.state(3));
        one.expect("switched off");
        two.expect("it is on");
        assert_eq!(state.expect("a state"), PowerState::On);
        assert_eq!([1, 2, 3].map(|node| (subject.is_on)(node)), [false, true, true]);
    });
}

#[test]
fn a_protected_node_is_never_switched() {
    each(async |subject, actuators| {
        for done in [actuators.on(4).await, actuators.off(4).await] {
            let reported = done.expect_err("refused").to_string();
            assert_eq!(reported, "n4: it is protected, and stays as it is");
        }
        assert!(!(subject.is_on)(4));
    });
}

#[test]
fn an_order_whose_giver_has_gone_is_finished() {
    each(async |subject, actuators| {
        let _ = timeout(Duration::from_millis(1), actuators.on(1)).await;
        // The bus is one at a time: when this is answered, the order before it is done.
        assert_eq!(actuators.state(1).await.expect("a state"), PowerState::On);
        assert!((subject.is_on)(1));
    });
}

#[test]
fn whatever_goes_wrong_is_reported_and_leaves_the_bus_sound() {
    each(async |subject, actuators| {
        actuators.on(1).await.expect("switched on");
        for trick in &subject.tricks {
            let (name, kind) = (trick.name, &subject.table);
            (trick.set)(true);
            let done = actuators.on(2).await;
            match (trick.ends, &done) {
                (Ends::Well, Ok(())) => assert!((subject.is_on)(2), "{name}"),
                (Ends::Failing, Err(error)) => {
                    let reported = error.to_string();
                    let where_ =
                        reported.starts_with("n2 (") && reported.contains(" bus, channel 2): ");
                    assert!(where_ && reported.contains("; "), "{name}: {reported}");
                    assert!(reported.len() < 300, "{name}: {reported}");
                }
                _ => panic!("{name}: {done:?}\n{kind}"),
            }
            assert!((subject.is_on)(1) && !(subject.is_on)(3), "{name}: another node was touched");
            (trick.set)(false);
            // It is as if nothing had been.
            actuators.off(2).await.unwrap_or_else(|error| panic!("after {name}: {error}"));
            for (node, state) in [(1, PowerState::On), (2, PowerState::Off), (3, PowerState::Off)] {
                let found = actuators.state(node).await;
                let found = found.unwrap_or_else(|error| panic!("after {name}: {error}"));
                assert_eq!(found, state, "after {name}: n{node}");
                assert_eq!((subject.is_on)(node), state == PowerState::On, "after {name}");
            }
        }
    });
}
