//! Leaves a rack as it was found: by a run that ends, and after one that was killed.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use tokio::task::JoinSet;

use super::journal::Left;
use super::{Held, now};
use crate::drivers::power::Switches;
use crate::drivers::power::operate;
use crate::event::Cause;
use crate::fleet::doors::{Power, PowerState};
use crate::ids::NodeId;
use crate::inventory::Inventory;

/// What is done to a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Act {
    On,
    Off,
    /// It was on and its agent did harm to it: a power cycle ends that.
    Cycle,
}

impl Act {
    fn word(self) -> &'static str {
        match self {
            Self::On => "on",
            Self::Off => "off",
            Self::Cycle => "off and on, since a harm was not undone",
        }
    }
}

/// Puts back what the journal says was left. Gives what was done.
pub(super) fn restore(file: &Path, rack: &Inventory, held: &Held) -> io::Result<Vec<String>> {
    let Some(left) = held.lock().journal.left().cloned() else { return Ok(Vec::new()) };
    let (acts, mut errors) = acts(rack, &left);
    let done = operate::Rack::with(file, rack.clone(), async |rack| {
        put_back(rack.switches(), rack.inventory(), held, &acts).await
    })?;
    let mut said = Vec::new();
    for (act, name, done) in done {
        match done {
            Ok(true) => said.push((act, name)),
            Ok(false) => {}
            Err(error) => errors.push(error.to_string()),
        }
    }
    if !errors.is_empty() {
        let text = format!(
            "{}; the nodes of `{}` are not as they were found: `rackstorm rack restore` tries \
             again",
            errors.join("; "),
            left.scenario
        );
        return Err(io::Error::other(text));
    }
    held.lock().journal.restored()?;
    Ok(told(&left, &said))
}

/// What is to be done to each node, and what cannot be.
fn acts(rack: &Inventory, left: &Left) -> (Vec<(NodeId, Act)>, Vec<String>) {
    let (struck, mut acts, mut errors) = (left.struck(), Vec::new(), Vec::new());
    for (name, found) in &left.found {
        let at = rack.nodes.iter().position(|node| node.name == *name);
        let Some(node) = at.map(|at| NodeId(at as u32)) else {
            errors.push(format!("{name}: it is no longer in the inventory"));
            continue;
        };
        let act = match found {
            PowerState::On if struck.contains(name.as_str()) => Act::Cycle,
            PowerState::On => Act::On,
            PowerState::Off => Act::Off,
            PowerState::Dead => continue,
        };
        acts.push((node, act));
    }
    (acts, errors)
}

/// Does it, to all nodes at once as far as their buses can. Says of each whether anything had to
/// be done.
async fn put_back(
    switches: &Switches,
    rack: &Inventory,
    held: &Held,
    acts: &[(NodeId, Act)],
) -> Vec<(Act, String, io::Result<bool>)> {
    let mut at_work = JoinSet::new();
    for &(node, act) in acts {
        let (switches, held, name) = (switches.clone(), held.clone(), rack.node(node).name.clone());
        at_work.spawn_local(async move {
            let done = one(&switches, &held, node, &name, act).await;
            (node, (act, name, done))
        });
    }
    let mut done: Vec<_> = Vec::new();
    while let Some(one) = at_work.join_next().await {
        done.push(one.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic())));
    }
    done.sort_by_key(|(node, _)| *node);
    done.into_iter().map(|(_, one)| one).collect()
}

async fn one(
    switches: &Switches,
    held: &Held,
    node: NodeId,
    name: &str,
    act: Act,
) -> io::Result<bool> {
    let is_on = switches.state(node).await? == PowerState::On;
    match act {
        Act::On if is_on => return Ok(false),
        Act::On => switches.on(node).await?,
        Act::Off if !is_on => return Ok(false),
        Act::Off | Act::Cycle => {
            // To leave a rack as it was found counts, but no limit keeps it from being done.
            held.lock().note_off(name, now())?;
            match act {
                Act::Cycle => switches.cycle(node).await?,
                _ => switches.off(node, Cause::Course).await?,
            }
        }
    }
    Ok(true)
}

fn told(left: &Left, said: &[(Act, String)]) -> Vec<String> {
    let mut lines = Vec::new();
    for act in said.iter().map(|(act, _)| *act).collect::<BTreeSet<_>>() {
        let names = said.iter().filter(|(other, _)| *other == act).map(|(_, name)| name.as_str());
        let names = crate::inventory::names::fold(names);
        lines.push(format!("{names}: switched {}", act.word()));
    }
    for (deed, agents) in left.deeds.values().filter(|(_, agents)| !agents.is_empty()) {
        let names = crate::inventory::names::fold(agents.iter().map(String::as_str));
        let word = crate::record::words::fault(deed.kind);
        lines.push(format!("{names}: {word}, which the agents undo by themselves"));
    }
    if lines.is_empty() {
        lines.push("all nodes were as they were found already".to_owned());
    }
    lines
}
