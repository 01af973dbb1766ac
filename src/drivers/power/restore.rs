//! Leaves a rack as it was found: by a run that ends, and after one that was killed.

use std::collections::BTreeSet;
use std::io;

use tokio::task::JoinSet;

use super::Switches;
use super::held::Held;
use super::journal::Left;
use crate::event::Cause;
use crate::fleet::ports::{Power, PowerState};
use crate::ids::NodeId;
use crate::inventory::Inventory;

/// What is done to a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum RestoreAction {
    On,
    Off,
    /// It was on and its agent did harm to it: a power cycle ends that.
    Cycle,
}

impl RestoreAction {
    fn word(self) -> &'static str {
        match self {
            Self::On => "on",
            Self::Off => "off",
            Self::Cycle => "off and on, since a harm was not undone",
        }
    }
}

/// Puts back what the journal says was left, but for the nodes that somebody has in hand. Gives
/// what was done, a sentence each; nothing if there was nothing. What cannot be noted is done all
/// the same. `now` is in seconds since 1970.
///
/// # Errors
/// What could not be put back, all of it.
pub async fn put_back(
    switches: &Switches,
    rack: &Inventory,
    held: &Held,
    but: &[NodeId],
    now: u64,
) -> io::Result<Vec<String>> {
    let Some(left) = held.lock().journal.left().cloned() else { return Ok(Vec::new()) };
    let (mut acts, mut errors) = acts(rack, &left);
    acts.retain(|(node, _)| !but.contains(node));
    // Nothing can be done about a feed that was dead already.
    let dead = left.found.iter().filter(|(_, state)| **state == PowerState::Dead);
    let mut settled: Vec<&str> = dead.map(|(name, _)| name.as_str()).collect();
    let mut said = Vec::new();
    for (node, act, done) in all(switches, rack, held, &acts, now).await {
        let name = &rack.node(node).name;
        match done {
            Ok(is_new) => {
                settled.push(name.as_str());
                said.extend(is_new.then_some((act, name.as_str())));
            }
            Err(error) => errors.push(error.to_string()),
        }
    }
    // One that cannot be noted as settled is found to be so by whoever comes next.
    let noted = held.lock().journal.settle(settled.iter().copied());
    if !errors.is_empty() {
        let text = format!(
            "{}; the nodes of `{}` are not as they were found: `rackstorm rack restore` tries \
             again",
            errors.join("; "),
            left.scenario
        );
        return Err(io::Error::other(text));
    }
    let mut lines = reported(&left, &said);
    if settled.is_empty() {
        lines.clear();
    }
    lines.extend(noted.err().map(|error| format!("it is not noted: {error}")));
    Ok(lines)
}

/// What is to be done to each node, and what cannot be.
fn acts(rack: &Inventory, left: &Left) -> (Vec<(NodeId, RestoreAction)>, Vec<String>) {
    let (struck, mut acts, mut errors) = (left.struck(), Vec::new(), Vec::new());
    for (name, found) in &left.found {
        let at = rack.nodes.iter().position(|node| node.name == *name);
        let Some(node) = at.map(|at| NodeId(at as u32)) else {
            errors.push(format!("{name}: it is no longer in the inventory"));
            continue;
        };
        let act = match found {
            PowerState::On if struck.contains(name.as_str()) => RestoreAction::Cycle,
            PowerState::On => RestoreAction::On,
            PowerState::Off => RestoreAction::Off,
            PowerState::Dead => continue,
        };
        acts.push((node, act));
    }
    (acts, errors)
}

/// Does it, to all nodes at once as far as their buses can. Says of each whether anything had to
/// be done.
async fn all(
    switches: &Switches,
    rack: &Inventory,
    held: &Held,
    acts: &[(NodeId, RestoreAction)],
    now: u64,
) -> Vec<(NodeId, RestoreAction, io::Result<bool>)> {
    let mut at_work = JoinSet::new();
    for &(node, act) in acts {
        let (switches, held, name) = (switches.clone(), held.clone(), rack.node(node).name.clone());
        at_work.spawn_local(async move {
            (node, act, one(&switches, &held, node, &name, act, now).await)
        });
    }
    let mut done: Vec<_> = Vec::new();
    while let Some(one) = at_work.join_next().await {
        done.push(one.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic())));
    }
    done.sort_by_key(|(node, ..)| *node);
    done
}

async fn one(
    switches: &Switches,
    held: &Held,
    node: NodeId,
    name: &str,
    act: RestoreAction,
    now: u64,
) -> io::Result<bool> {
    let is_on = switches.state(node).await? == PowerState::On;
    match act {
        RestoreAction::On if is_on => return Ok(false),
        RestoreAction::On => switches.on(node).await?,
        RestoreAction::Off if !is_on => return Ok(false),
        RestoreAction::Off | RestoreAction::Cycle => {
            // To leave a rack as it was found counts, but no limit keeps it from being done, and
            // no disk that is full.
            let _ = held.lock().note_off([name], now);
            match act {
                RestoreAction::Cycle => switches.cycle(node).await?,
                _ => switches.off(node, Cause::Course).await?,
            }
        }
    }
    Ok(true)
}

fn reported(left: &Left, said: &[(RestoreAction, &str)]) -> Vec<String> {
    let mut lines = Vec::new();
    for act in said.iter().map(|(act, _)| *act).collect::<BTreeSet<_>>() {
        let names = said.iter().filter(|(other, _)| *other == act).map(|(_, name)| *name);
        let names = crate::inventory::names::fold(names);
        lines.push(format!("{names}: switched {}", act.word()));
    }
    for (injection, agents) in left.injections.values().filter(|(_, agents)| !agents.is_empty()) {
        let names = crate::inventory::names::fold(agents.iter().map(String::as_str));
        let word = injection.kind.word();
        lines.push(format!("{names}: {word}, which the agents undo by themselves"));
    }
    if lines.is_empty() {
        lines.push("all nodes were as they were found already".to_owned());
    }
    lines
}
