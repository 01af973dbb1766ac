//! The ports of the controller: the rack's switches, its agents' actuators, real time, the log.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use tokio::task::{JoinSet, spawn_local};
use tokio::time::sleep;

use super::nodes::Nodes;
use super::{now, now_ns};
use crate::drivers::power::Switches;
use crate::drivers::power::held::Held;
use crate::drivers::store::Server;
use crate::event::{Cause, Fault, PartState, Target, What};
use crate::fleet::means::{Ability, lacks_for};
use crate::fleet::ports::{self, InjectionOrder, Means, Notice, Power as _, PowerState};
use crate::ids::{NodeId, Part, PartKind};
use crate::inventory::Inventory;
use crate::scenario::fault::{FaultRule, Repair};
use crate::units::Span;

/// The day on which the controller believes every run to begin; only differences count.
const EPOCH: u64 = 1_767_225_600_000_000_000;

/// What an agent reports is heard so much later at most. Assumption: a busy machine.
const EMITTED_WITHIN: Span = Span::from_secs(1);

/// A report that waited for a link is not later than this; what seems later is a wrong clock.
/// Assumption: by then either side has given the connection up.
const LATE: Span = Span::from_secs(60);

/// All reports that waited for a link have come so long after the first of them. Assumption.
const BURST: Span = Span::from_secs(3);

/// All ports but the network and the store.
#[derive(Clone)]
pub(super) struct RackActuators {
    pub inventory: Rc<Inventory>,
    pub switches: Switches,
    pub nodes: Rc<Nodes>,
    /// The file server of checkpoints.
    pub server: Rc<Server>,
    /// Journal and ledger of the rack.
    pub held: Held,
    /// Injections that the controller's own actuators have carried out.
    pub done: Rc<RefCell<BTreeSet<u64>>>,
    /// The result that the job must have.
    pub expected: Option<u64>,
}

/// How wrong a clock is that showed `wall` a moment before `now`, if it is too wrong.
fn wrong_by(wall: u64, now: u64, max: Span) -> Option<String> {
    let (ahead, behind) = (Span(wall.saturating_sub(now)), Span(now.saturating_sub(wall)));
    if ahead > max {
        Some(format!("{ahead} ahead"))
    } else if behind > Span(max.0 + EMITTED_WITHIN.0) {
        Some(format!("{behind} behind"))
    } else {
        None
    }
}

/// Whether a clock that seems to be behind may be right, and only its report late: what a cut link
/// held back comes all at once when the link is back. `since` is when it first seemed so.
fn may_be_late(wall: u64, now: u64, since: impl FnOnce() -> u64) -> bool {
    let behind = now.saturating_sub(wall);
    (EMITTED_WITHIN.0..LATE.0).contains(&behind) && now.saturating_sub(since()) < BURST.0
}

/// Does something to its end, whether or not anybody waits for it.
async fn to_its_end<T: 'static>(work: impl Future<Output = T> + 'static) -> T {
    spawn_local(work).await.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
}

impl ports::Power for RackActuators {
    async fn on(&self, node: NodeId) -> io::Result<()> {
        if !self.nodes.want(node, true) {
            return Err(io::Error::other("a fault keeps it off"));
        }
        let own = self.clone();
        to_its_end(async move { own.switch_on(node).await }).await
    }

    async fn off(&self, node: NodeId, cause: Cause) -> io::Result<()> {
        self.nodes.want(node, false);
        let own = self.clone();
        to_its_end(async move {
            own.switch_off(node).await?;
            own.nodes.is_off(node, cause);
            Ok(())
        })
        .await
    }

    async fn state(&self, node: NodeId) -> io::Result<PowerState> {
        Ok(self.nodes.supply(node, self.switches.state(node).await?))
    }
}

impl RackActuators {
    async fn switch_on(&self, node: NodeId) -> io::Result<()> {
        if self.nodes.has_stopped(node) {
            // Its switch is on, but what runs on it has ended: only a power cycle helps.
            self.switch_off(node).await?;
            self.nodes.is_off(node, Cause::Repair);
            let settle = self.nodes.plan.scenario.controller.settle;
            sleep(Duration::from_nanos(settle.0)).await;
        }
        self.switches.on(node).await?;
        self.nodes.is_on(node);
        Ok(())
    }

    /// Cuts a node's power, once it stands in journal and ledger and the rack's limits allow it.
    async fn switch_off(&self, node: NodeId) -> io::Result<()> {
        if self.nodes.has_power(node) {
            self.held.lock().may_switch_off(&self.inventory, node, now())?;
        }
        self.switches.off(node, Cause::Course).await
    }

    fn name(&self, node: NodeId) -> String {
        self.inventory.node(node).name.clone()
    }

    /// Whether a crashed node has no power until it is repaired.
    fn is_blocked_by(&self, injection: &InjectionOrder) -> bool {
        let rule = self.nodes.plan.scenario.rule(injection.fault);
        !matches!(rule.repair, Repair::PowerCycle)
    }

    /// Where the other nodes are reached that stand behind the same switch.
    fn neighbours(&self, injection: &InjectionOrder, own: NodeId) -> Vec<String> {
        let all = self.nodes.plan.machine.nodes_of(injection.part);
        let others = all.filter(|&node| node != own);
        others.filter_map(|node| self.inventory.node(node).address.clone()).collect()
    }

    /// Cuts the power of some nodes, all at once as far as their buses can.
    async fn cut(self, nodes: Vec<NodeId>, cause: Cause) -> io::Result<()> {
        let mut at_work = JoinSet::new();
        for node in nodes {
            let own = self.clone();
            at_work.spawn_local(async move {
                own.switch_off(node).await?;
                own.nodes.is_struck(node, cause);
                Ok(())
            });
        }
        let mut done = Ok(());
        while let Some(cut) = at_work.join_next().await {
            let cut = cut.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
            done = done.and(cut);
        }
        done
    }
}

impl ports::Harm for RackActuators {
    fn agents(&self, injection: &InjectionOrder) -> Vec<(NodeId, InjectionOrder)> {
        let part = || self.nodes.plan.machine.nodes_of(injection.part);
        let as_it_is = |node| (node, injection.clone());
        let is_cut = self.nodes.plan.scenario.rule(injection.fault).harm.left_ppm() == 0;
        match injection.kind.target() {
            Target::Life if injection.kind == Fault::Hang => {
                part().filter(|&node| self.nodes.is_up(node)).map(as_it_is).collect()
            }
            Target::Link if injection.part.kind == PartKind::NodeLink => {
                part().map(as_it_is).collect()
            }
            Target::Switch => {
                let means = Means::Cut { but: Vec::new() };
                part()
                    .map(|node| {
                        (node, InjectionOrder { means: means.clone(), ..injection.clone() })
                    })
                    .collect()
            }
            Target::Link if is_cut => {
                let means = |node| Means::Cut { but: self.neighbours(injection, node) };
                part()
                    .map(|node| (node, InjectionOrder { means: means(node), ..injection.clone() }))
                    .collect()
            }
            Target::Life if injection.means != Means::Usual => part().map(as_it_is).collect(),
            Target::Resource => part().map(as_it_is).collect(),
            Target::Life
            | Target::Feed
            | Target::Server
            | Target::Link
            | Target::Controller
            | Target::Network
            | Target::Memory => Vec::new(),
        }
    }

    fn entrust(&self, injection: &InjectionOrder, begin: bool) -> io::Result<()> {
        let mut held = self.held.lock();
        if begin {
            let agents = self.nodes.plan.machine.nodes_of(injection.part);
            held.journal.does(injection, agents.map(|node| self.name(node)).collect())?;
        } else if let Err(error) = held.journal.undone(injection.number) {
            // What is undone although the journal says otherwise is undone once more.
            self.nodes.live.fail(error.to_string());
        }
        drop(held);
        self.nodes.entrusted(injection, begin);
        Ok(())
    }

    async fn do_harm(&self, injection: &InjectionOrder) -> io::Result<()> {
        let is_new = !self.done.borrow().contains(&injection.number);
        let (node, cause) = (NodeId(injection.part.index), Cause::Fault(injection.kind));
        let nodes: Vec<_> = self.nodes.plan.machine.nodes_of(injection.part).collect();
        match injection.kind.target() {
            Target::Life | Target::Feed if injection.kind != Fault::Hang => {
                if is_new {
                    self.held.lock().journal.does(injection, Vec::new())?;
                    self.done.borrow_mut().insert(injection.number);
                    if injection.kind == Fault::PowerLoss {
                        self.nodes.emit_part(injection.part, PartState::Down, cause);
                        for &node in &nodes {
                            self.nodes.block(node, false);
                        }
                    } else if self.is_blocked_by(injection) {
                        self.nodes.block(node, true);
                    }
                }
                to_its_end(self.clone().cut(nodes, cause)).await
            }
            Target::Server => {
                if is_new {
                    self.held.lock().journal.does(injection, Vec::new())?;
                    self.done.borrow_mut().insert(injection.number);
                    self.nodes.emit_part(injection.part, PartState::Down, cause);
                    self.server.pause();
                }
                Ok(())
            }
            // A node without power cannot hang.
            Target::Life | Target::Feed if !self.nodes.has_power(node) => Ok(()),
            Target::Life | Target::Feed => Err(io::Error::other(format!(
                "{}: its agent is not there yet, so nobody can make it hang",
                self.name(node)
            ))),
            Target::Switch
            | Target::Link
            | Target::Controller
            | Target::Network
            | Target::Memory
            | Target::Resource => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    async fn undo(&self, injection: &InjectionOrder) -> io::Result<()> {
        if !self.done.borrow_mut().remove(&injection.number) {
            return Ok(());
        }
        let all: Vec<_> = match injection.kind.target() {
            Target::Life if injection.kind == Fault::Crash && self.is_blocked_by(injection) => {
                vec![NodeId(injection.part.index)]
            }
            Target::Feed => {
                self.nodes.emit_part(injection.part, PartState::Up, Cause::Repair);
                self.nodes.plan.machine.nodes_of(injection.part).collect()
            }
            Target::Server => {
                self.server.resume();
                self.nodes.emit_part(injection.part, PartState::Up, Cause::Repair);
                Vec::new()
            }
            Target::Life
            | Target::Switch
            | Target::Link
            | Target::Controller
            | Target::Network
            | Target::Memory
            | Target::Resource => Vec::new(),
        };
        let (own, number) = (self.clone(), injection.number);
        let dark: Vec<_> = all.into_iter().filter(|&node| self.nodes.unblock(node)).collect();
        to_its_end(async move {
            for node in dark {
                // One that does not come is switched on again by the controller.
                let _ = own.switch_on(node).await;
            }
            own.held.lock().journal.undone(number)
        })
        .await
    }
}

impl ports::Clock for RackActuators {
    fn wall(&self) -> u64 {
        EPOCH + self.nodes.now().0
    }
}

impl ports::Emitter for RackActuators {
    fn emit(&self, what: What) {
        self.nodes.emit(what);
    }

    fn abilities(&self, node: NodeId, said: &[Ability]) {
        let (plan, name) = (&self.nodes.plan, self.name(node));
        let link = plan.hardware_of(node).link;
        let strikes = |rule: &&FaultRule| {
            let hit = |index| {
                let part = Part { kind: rule.on.kind, index };
                plan.machine.nodes_of(part).any(|struck| struck == node)
            };
            rule.on.iter().any(hit)
        };
        for rule in plan.scenario.faults.iter().filter(strikes) {
            if let Some(lack) = lacks_for(rule, link, said) {
                let word = rule.kind().word();
                let text = format!("{name} cannot suffer [[fault.{word}]] `{}`: {lack}", rule.name);
                self.nodes.live.fail(text);
            }
        }
    }

    fn time_of_day(&self, node: NodeId, wall: u64) {
        if !self.nodes.is_untimed(node) {
            return;
        }
        let (max, now) = (self.inventory.clock.offset_max, now_ns());
        let wrong = wrong_by(wall, now, max);
        if wrong.is_some() && may_be_late(wall, now, || self.nodes.behind_since(node, now)) {
            return;
        }
        self.nodes.timed(node);
        if let Some(by) = wrong {
            let name = self.name(node);
            self.nodes.live.fail(format!(
                "{name}: its clock is {by}, and `[clock] offset_max` is {max}; does it follow a \
                 time server?"
            ));
        }
    }

    fn notice(&self, notice: Notice) {
        match notice {
            Notice::Joined { node, life } => self.nodes.joined(node, life),
            Notice::Silent { node, .. } => self.nodes.silent(node),
            Notice::Result { sum } if self.expected != Some(sum) => {
                self.nodes.live.fail(format!("the job's result {sum:016x} is wrong"));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_ahead_is_wrong_at_once_and_one_behind_after_the_time_of_a_message() {
        let (now, max) = (10_000_000_000, Span::from_millis(50));
        let by = |wall| wrong_by(wall, now, max);
        assert_eq!((by(now), by(now + max.0), by(now - 1_050_000_000)), (None, None, None));
        assert_eq!(by(now + max.0 + 1_000_000).as_deref(), Some("51 ms ahead"));
        assert_eq!(by(now - 3_000_000_000).as_deref(), Some("3 s behind"));
        assert!(by(0).is_some(), "a Pi without a time server believes in an old day");
    }

    #[test]
    fn a_report_that_a_link_held_back_is_late_and_one_that_stays_behind_is_of_a_wrong_clock() {
        let now = 1_000_000_000_000;
        let seconds = |n: u64| n * 1_000_000_000;
        let late = |behind: u64, seen: u64| may_be_late(now - behind, now, || now - seen);
        assert!(late(1_500_000_000, 0) && late(seconds(59), seconds(2)));
        assert!(!late(1_500_000_000, seconds(3)), "all that was held back has come by now");
        assert!(!late(seconds(60), 0), "no link holds a report back for so long");
        assert!(!may_be_late(now + seconds(5), now, || now), "nothing comes before it was sent");
    }
}
