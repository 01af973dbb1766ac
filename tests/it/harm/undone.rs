//! Each harm by each way of undoing: nothing is left.

use rackstorm::event::Fault;
use rackstorm::fleet::means::{BadLink, lacks};
use rackstorm::fleet::ports::{InjectionOrder, Means};
use rackstorm::fleet::wire::Message;
use rackstorm::scenario::harm::{Load, Stop};
use rackstorm::units::Bytes;
use rustix::process::{Pid, Signal, kill_process};
use tokio::task::LocalSet;

use super::chief::{Chief, injection};
use super::stand::{CONTROLLER, Node, inside, until};

/// Harms that leave the link to the controller, and what is seen of each on the node.
fn harms() -> Vec<(InjectionOrder, &'static str)> {
    let link = |bad| Means::Link(bad);
    let load = |load| Means::Load(load);
    let none = Load::default();
    let cut = Means::Cut { but: vec![CONTROLLER.to_owned()] };
    let loss = link(BadLink { loss_ppm: 10_000, ..BadLink::default() });
    let rate = link(BadLink { rate: 5_000_000, ..BadLink::default() });
    let cpu = load(Load { cpu_ppm: 100_000, ..none });
    let memory = load(Load { memory: Bytes(20 << 20), ..none });
    let card = load(Load { card: Bytes(5 << 20), ..none });
    let disk = load(Load { disk: 5_000_000, ..none });
    let degraded = Fault::LinkDegradation;
    vec![
        (injection(1, degraded, cut, None), "_1"),
        (injection(2, degraded, loss, Some(3_600)), "_2"),
        (injection(3, degraded, rate, Some(3_600)), "clsact"),
        (injection(4, Fault::Load, cpu, Some(3_600)), "load"),
        (injection(5, Fault::Load, memory, None), "load"),
        (injection(6, Fault::Load, card, Some(3_600)), "-6.fill"),
        (injection(7, Fault::Load, disk, None), "rackstorm-"),
    ]
}

/// Does all harms of the table that this kernel can do, and waits until all can be seen.
async fn harmed(node: &Node, chief: &Chief) {
    let said = chief.abilities();
    let mut marks = Vec::new();
    for (injection, mark) in harms() {
        if let Some(why) = lacks(&injection, &said) {
            eprintln!("skipped: {why}");
            continue;
        }
        marks.push(mark);
        chief.say(&Message::Harm { injection }).await;
    }
    let traces = || node.traces();
    let stands = |mark: &&&str| traces().iter().any(|trace| trace.contains(**mark));
    let refused = || (1..=7).find_map(|number| chief.refusal(number));
    let all = || marks.iter().filter(stands).count() == marks.len();
    until("all harms stand", || all() || refused().is_some()).await;
    assert_eq!(refused(), None);
}

/// Waits until the node is as it was, and names what is not.
async fn clean(node: &Node, before: &[String], way: &str) {
    for _ in 0..400 {
        if node.traces() == before {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("after {way} is left: {:#?}\nbefore there was: {before:#?}", node.traces());
}

fn kill(pid: u32) {
    let pid = Pid::from_raw(pid.cast_signed()).expect("a process");
    let _ = kill_process(pid, Signal::KILL);
}

fn on_stage(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    LocalSet::new().block_on(&runtime.expect("a runtime"), test);
}

#[test]
fn no_harm_is_left_whatever_undoes_it() {
    let Some(name) = inside("harm::undone::no_harm_is_left_whatever_undoes_it") else { return };
    on_stage(async {
        let mut node = Node::new(&name);
        let before = node.traces();
        let chief = Chief::new(node.bench.path()).await;
        node.start();
        chief.joined(1).await;

        harmed(&node, &chief).await;
        for (injection, _) in harms() {
            chief.say(&Message::Undo { injection }).await;
        }
        clean(&node, &before, "Undo").await;

        harmed(&node, &chief).await;
        chief.fall_silent(true);
        clean(&node, &before, "the lease").await;
        chief.fall_silent(false);
        node.signal(Signal::TERM);
        node.ended();
        let joins = chief.joins();
        node.start();
        chief.joined(joins + 1).await;

        for signal in [Signal::TERM, Signal::INT] {
            harmed(&node, &chief).await;
            node.signal(signal);
            node.ended();
            assert_eq!(node.traces(), before, "after {signal:?} is left");
            let joins = chief.joins();
            node.start();
            chief.joined(joins + 1).await;
        }

        harmed(&node, &chief).await;
        node.signal(Signal::KILL);
        node.ended();
        clean(&node, &before, "kill -9").await;

        let joins = chief.joins();
        node.start();
        chief.joined(joins + 1).await;
        harmed(&node, &chief).await;
        node.keepers().into_iter().for_each(kill);
        node.signal(Signal::KILL);
        node.ended();
        assert_ne!(node.traces(), before, "nobody is there to undo it");
        node.start();
        chief.joined(joins + 2).await;
        clean(&node, &before, "the next start").await;
    });
}

#[test]
fn who_hangs_is_woken_by_its_keeper_and_leaves_nothing_when_it_is_killed() {
    let test =
        "harm::undone::who_hangs_is_woken_by_its_keeper_and_leaves_nothing_when_it_is_killed";
    let Some(name) = inside(test) else { return };
    on_stage(async {
        let mut node = Node::new(&name);
        let before = node.traces();
        let chief = Chief::new(node.bench.path()).await;
        node.start();
        chief.joined(1).await;
        // Woken when its time is over, and without one after the lease.
        for (number, lasts) in [(1, Some(1)), (2, None)] {
            let injection = injection(number, Fault::Hang, Means::Usual, lasts);
            chief.say(&Message::Harm { injection }).await;
            until("it hangs", || node.traces().contains(&"stopped".to_owned())).await;
            clean(&node, &before, "its time").await;
        }
        // So long a silence it takes for that of the controller.
        chief.joined(2).await;
        let injection = injection(3, Fault::Hang, Means::Usual, Some(3_600));
        chief.say(&Message::Harm { injection }).await;
        until("it hangs", || node.traces().contains(&"stopped".to_owned())).await;
        let keepers = node.keepers();
        assert_eq!(keepers.len(), 1);
        node.signal(Signal::KILL);
        node.ended();
        clean(&node, &before, "kill -9").await;
        let gone = || !std::path::Path::new(&format!("/proc/{}", keepers[0])).exists();
        until("the keeper ends", gone).await;
    });
}

#[test]
fn who_is_cut_off_from_all_comes_back_by_itself_and_is_not_cut_off_again() {
    let test =
        "harm::undone::who_is_cut_off_from_all_comes_back_by_itself_and_is_not_cut_off_again";
    let Some(name) = inside(test) else { return };
    on_stage(async {
        let mut node = Node::new(&name);
        let before = node.traces();
        let chief = Chief::new(node.bench.path()).await;
        node.start();
        chief.joined(1).await;
        let cut = injection(1, Fault::LinkDegradation, Means::Cut { but: Vec::new() }, Some(3));
        let harm = Message::Harm { injection: cut };
        chief.say(&harm).await;
        let stands = || node.traces().iter().any(|trace| trace.contains("_1"));
        until("it is cut off", stands).await;
        clean(&node, &before, "its time").await;
        // Asked again, it does not; what it is asked for next it has done after that.
        chief.say(&harm).await;
        let card = Means::Load(Load { card: Bytes(1 << 20), ..Load::default() });
        let card = injection(2, Fault::Load, card, None);
        chief.say(&Message::Harm { injection: card.clone() }).await;
        let full = || node.traces().iter().any(|trace| trace.ends_with("-2.fill"));
        until("its card is full", full).await;
        assert!(!stands(), "{:#?}", node.traces());
        chief.say(&Message::Undo { injection: card }).await;
        clean(&node, &before, "Undo").await;
    });
}

#[test]
fn an_agent_refuses_what_it_may_not_and_what_it_cannot() {
    let test = "harm::undone::an_agent_refuses_what_it_may_not_and_what_it_cannot";
    let Some(name) = inside(test) else { return };
    on_stage(async {
        let mut node = Node::new(&name);
        let before = node.traces();
        let chief = Chief::new(node.bench.path()).await;
        node.start();
        chief.joined(1).await;
        let idle = Load::default();
        let clock = rackstorm::scenario::harm::Clock { step: 1, drift_ppb: 0 };
        let asked = [
            (Fault::Crash, Means::Stop { how: Stop::Panic }, "without --may panic"),
            (Fault::Crash, Means::Stop { how: Stop::Reboot }, "without --may reboot"),
            (Fault::Clock, Means::Clock(clock), "without --may clock"),
            (Fault::Load, Means::Load(Load { memory: Bytes(1 << 50), ..idle }), "MiB stay so"),
            (Fault::Load, Means::Load(Load { card: Bytes(1 << 50), ..idle }), "MiB stay so"),
        ];
        for (number, (kind, means, why)) in (1..).zip(asked) {
            chief.say(&Message::Harm { injection: injection(number, kind, means, None) }).await;
            until(why, || chief.refusal(number).is_some_and(|reported| reported.contains(why)))
                .await;
        }
        clean(&node, &before, "what was refused").await;
    });
}
