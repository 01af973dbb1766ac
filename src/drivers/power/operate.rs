//! A person's control of the power of a rack: states, on, off and cycle, within its limits.
//!
//! What an earlier run or command left that was killed is put back first, but for the nodes that
//! the person names: what becomes of those is decided anew. A cycle stands in the journal until its
//! nodes are on again; a node that is switched off by hand stays off.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use tokio::runtime::Builder;
use tokio::task::{JoinSet, LocalSet};
use tokio::time::sleep;

use super::Switches;
use super::held::Held;
use super::ledger::Ledger;
use super::rehearsal::Rehearsal;
use super::restore::put_back;
use crate::event::Cause;
use crate::fleet::ports::{Power, PowerState};
use crate::ids::NodeId;
use crate::inventory::Inventory;

/// Nodes that are switched before somebody may stop the work again. Assumption: some seconds on a
/// bus of blades.
const WAVE: usize = 32;
/// What a power cycle is called in the journal.
const CYCLE: &str = "rack cycle";
/// Between two looks whether to stop.
const LOOK: Duration = Duration::from_millis(100);

/// What is to be done with nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Power on.
    On,
    /// Power off, a hard cut.
    Off,
    /// Off, and on again.
    Cycle,
}

/// How a command ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Nothing was done, for these reasons.
    Refused(Vec<String>),
    /// So many nodes could not be switched.
    Done {
        /// How many.
        failed: usize,
    },
    /// Somebody wanted to stop; what was begun was finished.
    Interrupted,
}

/// A rack at hand.
pub struct Rack {
    inventory: Rc<Inventory>,
    switches: Switches,
    /// The file of the inventory.
    file: PathBuf,
}

/// What is reported of each node as soon as it is known.
type OnState<'a> = &'a mut dyn FnMut(NodeId, &io::Result<PowerState>);

impl Rack {
    /// Does some work with a rack, and leaves each of its buses as it should be left.
    ///
    /// # Errors
    /// When the system gives no runtime.
    pub fn with<T>(
        file: &Path,
        inventory: Inventory,
        work: impl AsyncFnOnce(&Self) -> T,
    ) -> io::Result<T> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        Ok(LocalSet::new().block_on(&runtime, Self::at_work(file, inventory, work)))
    }

    /// Does the same work with fakes in the places of the rack's controllers, all of whose nodes
    /// are on. Nothing of the real rack is touched or counted. `program` is this program.
    ///
    /// # Errors
    /// When the system gives no runtime, or something that a fake needs.
    pub fn rehearse<T>(
        inventory: &Inventory,
        program: &Path,
        work: impl AsyncFnOnce(&Self) -> T,
    ) -> io::Result<T> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        LocalSet::new().block_on(&runtime, async {
            let quiet = Rc::new(|_, _| {});
            let (inventory, rehearsal) = Rehearsal::start(inventory, program, quiet).await?;
            let file = rehearsal.folder().join("rack.toml");
            Ok(Self::at_work(&file, inventory, work).await)
        })
    }

    async fn at_work<T>(
        file: &Path,
        inventory: Inventory,
        work: impl AsyncFnOnce(&Self) -> T,
    ) -> T {
        let inventory = Rc::new(inventory);
        let (switches, buses) = Switches::start(inventory.clone());
        let rack = Self { inventory, switches, file: file.to_owned() };
        let done = work(&rack).await;
        drop(rack);
        buses.left().await;
        done
    }

    /// The switches.
    #[must_use]
    pub fn switches(&self) -> &Switches {
        &self.switches
    }

    /// The inventory.
    #[must_use]
    pub fn inventory(&self) -> &Inventory {
        &self.inventory
    }

    /// Reports the states of nodes, and gives how many could not be read; `None` if `stop` was so
    /// before all of them were reported.
    pub async fn states(
        &self,
        nodes: &[NodeId],
        stop: impl Fn() -> bool,
        on_state: OnState<'_>,
    ) -> Option<usize> {
        let mut asked = JoinSet::new();
        for &node in nodes {
            let switches = self.switches.clone();
            asked.spawn_local(async move { (node, switches.state(node).await) });
        }
        let mut failed = 0;
        loop {
            let answer = tokio::select! {
                biased;
                () = std::future::ready(()), if stop() => return None,
                answer = asked.join_next() => answer,
                () = sleep(LOOK) => continue,
            };
            let Some(answer) = answer else { return Some(failed) };
            let (node, state) = answer.expect("a task that asks does not panic");
            failed += usize::from(state.is_err());
            on_state(node, &state);
        }
    }

    /// Switches nodes, if the limits of the rack allow it. `now` gives the time in seconds since
    /// 1970; between two waves of nodes `stop` is asked. `warn` is given what an earlier command
    /// left, and what came of it.
    ///
    /// # Errors
    /// When the ledger or the journal of the rack cannot be used.
    pub async fn switch(
        &self,
        nodes: &[NodeId],
        verb: Verb,
        now: impl Fn() -> u64,
        stop: impl Fn() -> bool,
        warn: impl Fn(&str),
        on_state: OnState<'_>,
    ) -> io::Result<Ended> {
        let held = Held::take(&self.file, now())?;
        let mut reasons = self.impossible(nodes);
        let (mut down, mut off) = (BTreeSet::new(), BTreeSet::new());
        if reasons.is_empty() {
            match put_back(&self.switches, &self.inventory, &held, nodes, now()).await {
                Ok(lines) => lines.iter().for_each(|line| warn(&format!("put back: {line}"))),
                Err(error) => warn(&format!("it could not be put back: {error}")),
            }
        }
        if verb != Verb::On && reasons.is_empty() {
            let Some(dark) = self.down(&stop).await else { return Ok(Ended::Interrupted) };
            (down, off) = dark;
            reasons = self.limits(nodes, verb, (&down, &off), &held.lock().ledger, now());
        }
        if !reasons.is_empty() {
            return Ok(Ended::Refused(reasons));
        }
        let mut left: Vec<NodeId> = nodes.to_vec();
        // Those that are down already take nobody else's place.
        left.sort_by_key(|node| !down.contains(node));
        let mut failed = 0;
        while !left.is_empty() {
            if stop() {
                return Ok(Ended::Interrupted);
            }
            let room = match verb {
                Verb::Cycle => (self.inventory.limits.down_at_once as usize)
                    .saturating_sub(down.len())
                    .max(usize::from(down.contains(&left[0]))),
                Verb::On | Verb::Off => WAVE,
            };
            if room == 0 {
                failed += left.len();
                for &node in &left {
                    let why = "not tried: too many nodes are down now";
                    on_state(node, &Err(io::Error::other(format!("{}: {why}", self.name(node)))));
                }
                break;
            }
            let wave: Vec<NodeId> = left.drain(..room.min(left.len())).collect();
            self.note(&held, &wave, verb, &off, now())?;
            let each = &mut |node, done: io::Result<PowerState>| {
                match &done {
                    Ok(PowerState::On) => drop(down.remove(&node)),
                    Ok(_) => drop(down.insert(node)),
                    Err(_) => {
                        failed += 1;
                        down.insert(node);
                    }
                }
                on_state(node, &done);
            };
            self.turn_all(&held, wave, verb, each).await;
        }
        Ok(Ended::Done { failed })
    }

    /// Notes what is about to be done to nodes, of which these have no power.
    fn note(
        &self,
        held: &Held,
        wave: &[NodeId],
        verb: Verb,
        off: &BTreeSet<NodeId>,
        now: u64,
    ) -> io::Result<()> {
        let names = || wave.iter().map(|&node| self.name(node));
        let mut own = held.lock();
        if verb == Verb::Cycle {
            own.journal.want(CYCLE, names().map(|name| (name, PowerState::On)))?;
        } else {
            // Whatever an earlier run found is over: this is how a person wants them.
            own.journal.settle(names())?;
        }
        if verb != Verb::On {
            let loses = wave.iter().filter(|node| !off.contains(node));
            own.note_off(loses.map(|&node| self.name(node)), now)?;
        }
        Ok(())
    }

    /// Does the same to some nodes, and reports each as soon as it is done.
    async fn turn_all(
        &self,
        held: &Held,
        wave: Vec<NodeId>,
        verb: Verb,
        each: &mut dyn FnMut(NodeId, io::Result<PowerState>),
    ) {
        let mut at_work = JoinSet::new();
        for node in wave {
            let switches = self.switches.clone();
            at_work.spawn_local(async move { (node, turn(&switches, node, verb).await) });
        }
        while let Some(done) = at_work.join_next().await {
            let (node, done) = done.expect("a task that switches does not panic");
            each(node, if verb == Verb::Cycle { self.cycled(held, node, done) } else { done });
        }
    }

    /// What came of a power cycle: one that is not on again stays in the journal.
    fn cycled(
        &self,
        held: &Held,
        node: NodeId,
        done: io::Result<PowerState>,
    ) -> io::Result<PowerState> {
        match done {
            // What cannot be noted is found to be so by whoever comes next.
            Ok(_) => drop(held.lock().journal.settle([self.name(node)])),
            Err(error) => {
                let text = format!("{error}; `rackstorm rack restore` tries to switch it on");
                return Err(io::Error::new(error.kind(), text));
            }
        }
        done
    }

    fn name(&self, node: NodeId) -> &str {
        &self.inventory.node(node).name
    }

    /// Why these nodes cannot be switched at all.
    fn impossible(&self, nodes: &[NodeId]) -> Vec<String> {
        let which = |keep: &dyn Fn(NodeId) -> bool| {
            let some: Vec<NodeId> = nodes.iter().copied().filter(|&node| keep(node)).collect();
            (!some.is_empty()).then(|| self.inventory.fold(&some))
        };
        let protected = which(&|node| self.inventory.node(node).protected);
        let unfed = which(&|node| self.inventory.node(node).feed.is_none());
        let protected =
            protected.map(|some| format!("protected: {some}; leave them out, as in 'all!{some}'"));
        let unfed =
            unfed.map(|some| format!("nothing switches {some}; give `power` and `channel`"));
        protected.into_iter().chain(unfed).collect()
    }

    /// All nodes that are not known to have power, and those of them that are known to have none.
    async fn down(&self, stop: impl Fn() -> bool) -> Option<(BTreeSet<NodeId>, BTreeSet<NodeId>)> {
        let all = (0..self.inventory.nodes.len() as u32).map(NodeId);
        let fed: Vec<NodeId> =
            all.filter(|&node| self.inventory.node(node).feed.is_some()).collect();
        let (mut down, mut off) = (BTreeSet::new(), BTreeSet::new());
        let mut on_state = |node, state: &io::Result<PowerState>| {
            if !matches!(state, Ok(PowerState::On)) {
                down.insert(node);
            }
            if matches!(state, Ok(PowerState::Off | PowerState::Dead)) {
                off.insert(node);
            }
        };
        self.states(&fed, stop, &mut on_state).await.map(|_| (down, off))
    }

    /// Why the limits forbid to switch these nodes off.
    fn limits(
        &self,
        nodes: &[NodeId],
        verb: Verb,
        (down, off): (&BTreeSet<NodeId>, &BTreeSet<NodeId>),
        ledger: &Ledger,
        now: u64,
    ) -> Vec<String> {
        let limits = &self.inventory.limits;
        let mut reasons = Vec::new();
        let others: Vec<NodeId> =
            down.iter().copied().filter(|node| !nodes.contains(node)).collect();
        let at_once = if verb == Verb::Off { nodes.len() } else { 1 };
        let n_down = others.len() + at_once;
        // What is down already is not pulled down by being switched off.
        let harm = nodes.iter().any(|node| !down.contains(node));
        if harm && n_down > limits.down_at_once as usize {
            let also = match self.inventory.fold(&others).as_str() {
                "" => String::new(),
                names => format!(", with {names} down or unknown already"),
            };
            let limit = limits.down_at_once;
            let plural = if n_down == 1 { "node" } else { "nodes" };
            reasons
                .push(format!("{n_down} {plural} would be down{also}; `down_at_once` is {limit}"));
        }
        // One that is off already loses nothing.
        for &node in nodes.iter().filter(|node| !off.contains(node)) {
            let name = self.name(node);
            let (n_times, free) = ledger.recent(name, now);
            if n_times >= limits.cycles_per_hour {
                let again = if n_times == 0 {
                    String::new()
                } else {
                    format!("; again in {} min", free.saturating_sub(now).div_ceil(60))
                };
                let limit = limits.cycles_per_hour;
                reasons.push(format!(
                    "{name} was switched off {n_times} times within the hour, and \
                     `cycles_per_hour` is {limit}{again}"
                ));
            }
        }
        reasons
    }
}

async fn turn(switches: &Switches, node: NodeId, verb: Verb) -> io::Result<PowerState> {
    match verb {
        Verb::On => switches.on(node).await.map(|()| PowerState::On),
        Verb::Off => switches.off(node, Cause::Course).await.map(|()| PowerState::Off),
        Verb::Cycle => switches.cycle(node).await.map(|()| PowerState::On),
    }
}
