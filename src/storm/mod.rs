//! Measured storms and collective operations, read from tables of what real programs took.
//!
//! Each of them has two sides: a scenario of the same machine, and what was measured, which are the
//! events of a run of it. So it becomes a results folder like that of any stage, and can be held
//! against a run of its own scenario. In a storm many clients ask one server; in an operation the
//! ranks of MPI send to each other.

mod events;
mod open_mpi;
mod operations;
mod setup;
mod table;

use crate::event::Event;
use crate::units::{BitRate, Span};

pub use open_mpi::algorithm as open_mpi_algorithm;
pub use operations::Operation;
pub use setup::Setup;
pub use table::{StormError, Table, read};

/// What was measured once, and can be recorded as a run.
pub trait Measurement: std::fmt::Debug + Sync {
    /// Name for a folder.
    fn name(&self) -> &str;
    /// Which of several of the same name it is; the seed of its results folder.
    fn run(&self) -> u64;
    /// Nodes of the machine of its scenario.
    fn nodes(&self) -> u32;
    /// How busy the processors of the whole machine were (percent).
    fn cpu_busy(&self) -> u32;
    /// How much of it there is, by name.
    fn counts(&self) -> [(&'static str, u64); 2];
    /// How long all of it took.
    fn makespan(&self) -> Span;
    /// The metric by which it is held against the model.
    fn compared(&self) -> &'static str;
    /// The scenario of the same machine, with the sources of its figures.
    fn scenario(&self) -> String;
    /// What happened, in the order of time.
    fn events(&self) -> Vec<Event>;
}

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

impl Measurement for Storm {
    fn name(&self) -> &str {
        &self.name
    }

    fn run(&self) -> u64 {
        self.run
    }

    fn nodes(&self) -> u32 {
        self.clients.len() as u32
    }

    fn cpu_busy(&self) -> u32 {
        self.cpu_busy
    }

    fn counts(&self) -> [(&'static str, u64); 2] {
        let failed = self.clients.iter().filter(|client| !client.succeeded).count();
        [("clients", self.clients.len() as u64), ("failed", failed as u64)]
    }

    /// From the common start until the last client ended.
    fn makespan(&self) -> Span {
        let ends = self.clients.iter().map(|client| client.start.0 + client.took.0);
        Span(ends.max().unwrap_or(0))
    }

    fn compared(&self) -> &'static str {
        if self.setup.kind == Kind::Write { "checkpoint_time_max" } else { "boot_t100" }
    }

    fn scenario(&self) -> String {
        let Self { name, title, run, .. } = self;
        format!(
            "schema = 1\nname = \"{name}\"\ntitle = \"{title}\"\nseed = {run}\n{}\n[source]\n{}",
            self.setup.tables(),
            ["hardware.link", "module.uplink", "server.link"]
                .map(|key| format!("\"{key}\" = \"as shaped when {name} was measured\"\n"))
                .concat()
        )
    }

    fn events(&self) -> Vec<Event> {
        self.happened()
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
