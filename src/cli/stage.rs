//! The stage that a command line names, with its inventory where it needs one.

use std::path::Path;

use anyhow::Context;
use clap::builder::{PossibleValue, PossibleValuesParser};

use crate::backend::rack::rehearsal::Rehearsed;
use crate::backend::rack::{self, Rack};
use crate::backend::{self, Backend};
use crate::cli::streams;
use crate::inventory::{self, Inventory};

/// The stages of this build, with a word on each.
pub(super) fn names() -> PossibleValuesParser {
    let named = backend::ALL.iter().map(|stage| (stage.name(), stage.about()));
    let all = named.chain([(rack::NAME, rack::ABOUT)]);
    all.map(|(name, about)| PossibleValue::new(name).help(about)).collect::<Vec<_>>().into()
}

/// The usual stage.
pub(super) fn usual() -> &'static str {
    backend::ALL[0].name()
}

/// The stages that give the same events each time, with a word on each.
pub(super) fn deterministic_names() -> PossibleValuesParser {
    let named = |stage: &&'static (dyn Backend + Sync)| {
        let value = PossibleValue::new(stage.name()).help(stage.about());
        stage.is_deterministic().then_some(value)
    };
    backend::ALL.iter().filter_map(named).collect::<Vec<_>>().into()
}

/// A stage.
type BoxedBackend = Box<dyn Backend + Sync>;

/// A stage by its name. That of a rack takes the rack of `file`, and puts back what an earlier run
/// left there. `None` after reporting what is wrong with the inventory.
pub(super) fn named(name: &str, file: &Path) -> anyhow::Result<Option<BoxedBackend>> {
    if name != rack::NAME {
        let stage = backend::named(name).expect("clap takes no other names");
        return Ok(Some(Box::new(stage)));
    }
    let Some(rack) = take_rack(file)? else { return Ok(None) };
    put_back(&rack)?;
    Ok(Some(Box::new(rack)))
}

/// The stage of a rack, on fakes. `None` after reporting what is wrong with the inventory.
pub(super) fn rehearsal(file: &Path) -> anyhow::Result<Option<BoxedBackend>> {
    let Some(inventory) = read_rack(file) else { return Ok(None) };
    let rehearsed = Rehearsed::start(&inventory, &std::env::current_exe()?);
    Ok(Some(Box::new(rehearsed.context("it cannot be rehearsed here")?)))
}

/// An inventory. `None` after reporting mistakes.
fn read_rack(file: &Path) -> Option<Inventory> {
    let inventory = inventory::load(file);
    inventory.inspect_err(streams::report).ok()
}

/// The rack of an inventory, which nobody else may switch then. `None` after reporting mistakes.
pub(super) fn take_rack(file: &Path) -> anyhow::Result<Option<Rack>> {
    let Some(inventory) = read_rack(file) else { return Ok(None) };
    Ok(Some(Rack::take(file, inventory)?))
}

/// Puts back what a run left that was killed, and says so. Whether there was anything.
pub(super) fn put_back(rack: &Rack) -> anyhow::Result<bool> {
    let lines = rack.restore().context("what an earlier run left could not be put back")?;
    for line in &lines {
        streams::say(&format!("left by an earlier command: put back: {line}"));
    }
    Ok(!lines.is_empty())
}
