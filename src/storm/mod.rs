//! Measured storms: many clients at one server, read from tables of what real programs took.
//!
//! A storm has two sides: a [`Setup`], which is a scenario of the same machine, and what its
//! clients took, which are the events of a run of it. So it becomes a results folder like that of
//! any stage, and can be held against a run of its own scenario.

mod events;
mod setup;
mod table;

use crate::units::{BitRate, Span};

pub use setup::Setup;
pub use table::{StormError, Table, read};

/// What the clients of a storm do, all at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Each writes a file to the server: a checkpoint.
    Write,
    /// Each reads a file from the server: a root file system.
    Read,
    /// Each fetches a file in lock-step blocks: a boot file.
    Tftp,
    /// Each asks for an address.
    Dhcp,
}

/// One client of a storm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Client {
    /// When it began, after the common start.
    pub start: Span,
    /// From then until its program ended.
    pub took: Span,
    /// Whether it got what it wanted.
    pub succeeded: bool,
}

/// A storm that was measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Storm {
    /// Name for a folder: what was measured, without the number of the run.
    pub name: String,
    /// One line for people.
    pub title: String,
    /// Which of several runs of the same storm it is; the seed of its results folder.
    pub run: u64,
    /// What was set up.
    pub setup: Setup,
    /// Its clients, in their order.
    pub clients: Vec<Client>,
    /// How busy the processors of the whole machine were (percent): near 100 they, and not the
    /// links, decided.
    pub cpu_busy: u32,
    /// Line of the table in which its first client stands.
    pub line: u64,
}

impl Storm {
    /// The scenario of the storm, with its name, title and the sources of its figures.
    #[must_use]
    pub fn scenario(&self) -> String {
        let Self { name, title, run, .. } = self;
        format!(
            "schema = 1\nname = \"{name}\"\ntitle = \"{title}\"\nseed = {run}\n{}\n[source]\n{}",
            self.setup.tables(),
            ["hardware.link", "module.uplink", "server.link"]
                .map(|key| format!("\"{key}\" = \"as shaped when {name} was measured\"\n"))
                .concat()
        )
    }

    /// From the common start until the last client ended.
    #[must_use]
    pub fn makespan(&self) -> Span {
        let ends = self.clients.iter().map(|client| client.start.0 + client.took.0);
        Span(ends.max().unwrap_or(0))
    }
}

/// A rate as tables of storms have it, such as `100mbit`.
fn rate(text: &str) -> Option<BitRate> {
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit())?);
    let scale: u64 = match unit {
        "kbit" => 1_000,
        "mbit" => 1_000_000,
        "gbit" => 1_000_000_000,
        _ => return None,
    };
    let rate = number.parse::<u64>().ok()?.checked_mul(scale)?;
    (rate > 0).then_some(BitRate(rate))
}
