//! A rack that somebody holds: its ledger with the lock, and its journal.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::journal::Journal;
use super::ledger::Ledger;
use crate::ids::NodeId;
use crate::inventory::Inventory;

/// What belongs to whoever has the rack. Nobody else switches its nodes as long as this lives.
#[derive(Clone, Debug)]
pub struct Held(Arc<Mutex<Hold>>);

/// The two files next to an inventory.
#[derive(Debug)]
pub struct Hold {
    /// When nodes were switched off.
    pub ledger: Ledger,
    /// What is to be put back.
    pub journal: Journal,
}

impl Held {
    /// Takes the rack of an inventory; `now` is in seconds since 1970.
    ///
    /// # Errors
    /// When somebody else has it, or one of the files cannot be used.
    pub fn take(inventory: &Path, now: u64) -> io::Result<Self> {
        let ledger = Ledger::open(inventory, now)?;
        let journal = Journal::open(inventory)?;
        Ok(Self(Arc::new(Mutex::new(Hold { ledger, journal }))))
    }

    /// The two files, for a moment.
    pub fn lock(&self) -> MutexGuard<'_, Hold> {
        // A panic in the middle of a line leaves no more than a line that is not whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Hold {
    /// Notes that a node's power is about to be cut.
    ///
    /// # Errors
    /// When the rack's limits forbid it, or it cannot be noted.
    pub fn may_switch_off(&mut self, rack: &Inventory, node: NodeId, now: u64) -> io::Result<()> {
        let (name, limit) = (&rack.node(node).name, rack.limits.cycles_per_hour);
        let (n_times, _) = self.ledger.recent(name, now);
        if n_times >= limit {
            let text = format!(
                "{name} was switched off {n_times} times within the hour, and `cycles_per_hour` is \
                 {limit}"
            );
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, text));
        }
        self.note_off([name.as_str()], now)
    }

    /// Notes that the power of nodes is about to be cut, whatever the limits are.
    ///
    /// # Errors
    /// When it cannot be noted.
    pub fn note_off<'n>(
        &mut self,
        nodes: impl IntoIterator<Item = &'n str> + Clone,
        now: u64,
    ) -> io::Result<()> {
        for node in nodes.clone() {
            self.journal.off(node)?;
        }
        self.ledger.note(nodes, now)
    }
}

/// What a run or a command left that did not come to its end, for people; nothing if somebody is at
/// work.
///
/// # Errors
/// When the journal is damaged.
pub fn left_behind(inventory: &Path, now: u64) -> io::Result<Option<String>> {
    if !inventory.with_extension("journal").exists() {
        return Ok(None);
    }
    let held = match Held::take(inventory, now) {
        Err(error) if error.kind() == io::ErrorKind::ResourceBusy => return Ok(None),
        held => held?,
    };
    let own = held.lock();
    Ok(own.journal.left().map(|left| {
        let names = crate::inventory::names::fold(left.found.keys().map(String::as_str));
        format!(
            "{names}: `{}` did not come to its end and may have left them as they should not be; \
             `rackstorm rack restore` puts them back",
            left.scenario
        )
    }))
}
