//! The actuators of an agent on its own node: harms in families, each with its undo.
//!
//! ```text
//!  injection --> plan (what is to be done, and what undoes it)
//!       --> journal: the undo, on the disk        --> keeper: a process that outlives the agent
//!       --> begin
//!  Undo, lease, leave, SIGTERM --> the agent undoes what the journal has
//!  kill -9 of the agent        --> the keeper does       agent starts again --> it does, first
//! ```
//!
//! What undoes a harm is data ([`Undo`]) that is on the disk before the harm is done, and can be
//! done by anybody and more than once. What needs no such data, because the kernel takes it back
//! when a process ends (burnt time, filled memory), lives in the agent's own process.
//!
//! Not modelled: harm to what the node forwards for others, and to the links of other nodes.

mod clock;
mod journal;
pub mod keeper;
mod load;
mod memory;
mod network;
mod process;
mod restart;
mod tool;
mod undo;

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::mpsc;

use tokio::sync::oneshot;

use crate::event::Fault;
use crate::fleet::means::{Ability, Capability, Lack, lacks};
use crate::fleet::ports::{Address, Harm, InjectionOrder};
use crate::units::Span;

pub use journal::Journal;
pub use undo::Undo;

/// All families.
const ALL: [&dyn Family; 7] = [
    &process::OwnProcess,
    &process::OtherProcesses,
    &network::Network,
    &load::Load,
    &memory::Memory,
    &clock::Clock,
    &restart::Restart,
];

/// Harms of one kind.
trait Family: Sync {
    /// What it needs, and whether this machine has it or why not.
    fn can(&self, place: &HarmContext) -> Vec<(Capability, Result<(), Lack>)>;

    /// How this injection is done here; `None` if it is none of its.
    ///
    /// # Errors
    /// Why it cannot be done.
    fn plan(
        &self,
        injection: &InjectionOrder,
        place: &HarmContext,
    ) -> io::Result<Option<PlannedHarm>>;
}

/// What has to be dropped to undo a harm.
type Held = Box<dyn Any + Send>;

/// A harm that is not yet done.
struct PlannedHarm {
    /// What undoes it, wherever it stops.
    undo: Vec<Undo>,
    /// Does it.
    begin: Box<dyn FnOnce() -> io::Result<Option<Held>>>,
}

impl PlannedHarm {
    fn new(undo: Vec<Undo>, begin: impl FnOnce() -> io::Result<Option<Held>> + 'static) -> Self {
        Self { undo, begin: Box::new(begin) }
    }
}

/// What an agent does only if whoever started it allows it: there is no undo of it, or it reaches
/// beyond the agent and, where a node is but a namespace of a machine, beyond the node.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Permission {
    /// To set the clock wrong and let it drift.
    Clock,
    /// To boot again.
    Reboot,
    /// To bring the kernel to a panic.
    Panic,
    /// To harm the processes of this name.
    Process(String),
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Clock => f.write_str("clock"),
            Self::Reboot => f.write_str("reboot"),
            Self::Panic => f.write_str("panic"),
            Self::Process(name) => write!(f, "process={name}"),
        }
    }
}

impl FromStr for Permission {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once('=') {
            None if text == "clock" => Ok(Self::Clock),
            None if text == "reboot" => Ok(Self::Reboot),
            None if text == "panic" => Ok(Self::Panic),
            Some(("process", name)) if !name.is_empty() => Ok(Self::Process(name.into())),
            _ => Err("none of clock, reboot, panic, process=NAME"),
        }
    }
}

/// What an agent's actuators have to know.
#[derive(Clone, Debug)]
pub struct HarmContext {
    /// What distinguishes this life of its agent from others: a word of seven letters at most.
    pub life: String,
    /// A folder on the node's own disk: the journal, and what fills the card.
    pub state: PathBuf,
    /// What it is allowed to.
    pub may: BTreeSet<Permission>,
    /// The controller, whose way is the node's link.
    pub controller: Address,
    /// The program of which the keeper is a process.
    pub program: PathBuf,
    /// Where the kernel shows its state and takes settings: `/proc`.
    pub kernel: PathBuf,
}

/// A word for the life of this process: when it started.
#[must_use]
pub fn life() -> String {
    let own = undo::Process::of(std::process::id());
    // 7 digits of ticks of 10 ms are 31 days, after which nobody knows the older one any more.
    let start = own.map_or(u64::from(std::process::id()), |own| own.start);
    format!("{:x}", start % (1 << 28))
}

impl HarmContext {
    /// Whether it is allowed to, and its kernel is the node's own.
    fn permits(&self, permission: &Permission) -> Result<(), Lack> {
        if !self.may.contains(permission) {
            return Err(Lack::Permission { permission: permission.to_string() });
        }
        let network = |process: &str| self.kernel.join(process).join("ns/net").read_link();
        match (network("self"), network("1")) {
            (Ok(own), Ok(first)) if own == first => Ok(()),
            (Ok(_), Ok(_)) => Err(Lack::OwnKernel),
            _ => Err(Lack::KnownKernel),
        }
    }
}

/// Actuators on the node of an agent. All that they do one thread does, in the order in which it is
/// asked.
#[derive(Clone, Debug)]
pub struct NodeActuators {
    to: mpsc::Sender<Job>,
}

struct Job {
    injection: InjectionOrder,
    begin: bool,
    done: oneshot::Sender<io::Result<()>>,
}

impl NodeActuators {
    /// Actuators, and what they say that they can do. What an earlier life of the agent left undone
    /// is undone first.
    ///
    /// # Errors
    /// When the journal cannot be kept or what it holds cannot be undone.
    pub fn new(place: HarmContext) -> io::Result<(Self, Vec<Ability>)> {
        let journal = Journal::open(place.state.clone(), place.life.clone())?;
        journal.undo_all()?;
        let mut said = Vec::new();
        for family in ALL {
            let can = family.can(&place);
            said.extend(can.into_iter().map(|(act, can)| Ability::Harm { act, lack: can.err() }));
        }
        said.extend(place.may.iter().filter_map(|permission| match permission {
            Permission::Process(name) => Some(Ability::Process { name: name.clone() }),
            Permission::Clock | Permission::Reboot | Permission::Panic => None,
        }));
        let (to, jobs) = mpsc::channel::<Job>();
        let mut own = Own { place, journal, said: said.clone(), done: BTreeMap::new() };
        std::thread::Builder::new().name("actuators".into()).spawn(move || {
            for Job { injection, begin, done } in jobs {
                let outcome =
                    if begin { own.begin(&injection) } else { own.undo(injection.number) };
                // Whoever asked may have given up waiting.
                let _ = done.send(outcome);
            }
        })?;
        Ok((Self { to }, said))
    }

    async fn ask(&self, injection: &InjectionOrder, begin: bool) -> io::Result<()> {
        let (done, outcome) = oneshot::channel();
        let job = Job { injection: injection.clone(), begin, done };
        let gone = || io::Error::other("the actuators of this agent are gone");
        self.to.send(job).map_err(|_| gone())?;
        outcome.await.map_err(|_| gone())?
    }
}

impl Harm for NodeActuators {
    async fn do_harm(&self, injection: &InjectionOrder) -> io::Result<()> {
        self.ask(injection, true).await
    }

    async fn undo(&self, injection: &InjectionOrder) -> io::Result<()> {
        self.ask(injection, false).await
    }
}

/// What the thread knows.
struct Own {
    place: HarmContext,
    journal: Journal,
    said: Vec<Ability>,
    /// By the numbers of injections that are done: what has to be dropped.
    done: BTreeMap<u64, Option<Held>>,
}

impl Own {
    fn begin(&mut self, injection: &InjectionOrder) -> io::Result<()> {
        if self.done.contains_key(&injection.number) {
            return Ok(());
        }
        if let Some(why) = lacks(injection, &self.said) {
            return Err(io::Error::new(io::ErrorKind::Unsupported, why));
        }
        let mut plans = ALL.iter().map(|family| family.plan(injection, &self.place));
        let act = plans.find_map(Result::transpose).transpose()?;
        let act = act.ok_or_else(|| io::Error::from(io::ErrorKind::Unsupported))?;
        if !act.undo.is_empty() {
            let entry = self.journal.write(injection.number, act.undo)?;
            let kept = keeper::start(&self.place.program, &entry, limit(injection));
            kept.inspect_err(|_| drop(self.journal.undo(injection.number)))?;
        }
        match (act.begin)() {
            Ok(held) => {
                self.done.insert(injection.number, held);
                Ok(())
            }
            Err(error) => {
                self.journal.undo(injection.number)?;
                Err(error)
            }
        }
    }

    fn undo(&mut self, number: u64) -> io::Result<()> {
        drop(self.done.remove(&number));
        self.journal.undo(number)
    }
}

/// After how long the keeper undoes an injection though the agent lives: who hangs cannot himself,
/// and of all others it is sure that something is wrong with them when the lease is over as well.
fn limit(injection: &InjectionOrder) -> Option<Span> {
    let hangs = injection.kind == Fault::Hang;
    match injection.lasts {
        Some(lasts) if hangs => Some(lasts),
        None if hangs => Some(injection.lease),
        lasts => lasts.map(|lasts| Span(lasts.0.saturating_add(injection.lease.0))),
    }
}
