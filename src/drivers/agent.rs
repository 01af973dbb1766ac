//! The agent as a process: the fleet's agent with the ports of a real node.
//!
//! It proves itself with its node's certificate, keeps checkpoints in a folder or at a file server,
//! reports what its board measures, and looks for its controller ever more slowly until it was
//! taken in once.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::io;
use std::net::IpAddr;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::{Notify, mpsc};
use tokio::task::{LocalSet, spawn_local};
use tokio::time::sleep;

use super::board::Board;
use super::harm::{self, NodeActuators, Permission};
use super::harmless::Harmless;
use super::net::{Plain, own_address};
use super::store::{Folder, Keeper, Moved, Remote, StorePlace};
use super::tls::{Credentials, Refused, Tls, name_of};
use crate::event::What;
use crate::fleet::admission::Refusals;
use crate::fleet::agent::{self, Note, Pace};
use crate::fleet::ports::{Address, Emitter, Notice};
use crate::fleet::wire::{Message, Readings};
use crate::ids::{Life, NodeId};
use crate::units::Span;

/// Between two looks at the board's throttle bits, whose change is reported at once; before the
/// first one the agent has mostly been taken in.
const LOOK: Duration = Duration::from_secs(1);
/// At every so many looks all that the board measures is reported. Assumption: heat and load change
/// in minutes.
const LOOKS: u32 = 10;
/// The longest time between two tries of an agent that was never taken in (assumption).
const RETRY_MAX: Duration = Duration::from_secs(30);
/// Between two looks whether the parent lives, where the system does not say by itself.
const PARENT: Duration = Duration::from_secs(1);
/// What failed is said so often before it is said more rarely.
const SAID: u64 = 64;
/// Notes that wait for the link; what does not fit is lost.
const NOTES: usize = 64;

/// What an agent has to know.
#[derive(Clone, Debug)]
pub struct AgentSpec {
    /// Its node.
    pub node: NodeId,
    /// Its life; if not given, the time of the boot.
    pub life: Option<Life>,
    /// The controller.
    pub controller: Address,
    /// Where the controller takes heartbeats.
    pub heartbeats: Address,
    /// Where its neighbours reach it; if not given, the address that leads to the controller.
    pub address: Option<String>,
    /// The port for its neighbours, or 0.
    pub port: u16,
    /// The folder with its certificate and key, and that of the rack's authority.
    pub certificates: PathBuf,
    /// Where checkpoints are kept.
    pub store: StorePlace,
    /// Time between two heartbeats.
    pub heartbeat: Span,
    /// The process with which it ends.
    pub parent: Option<u32>,
    /// Whether it only claims to do what harms the machine: it shares that with others.
    pub harmless: bool,
    /// The folder of its journal of harms, on the node's own disk; if not given, in the store's.
    pub state: Option<PathBuf>,
    /// Which harms it may do that it would not do unless it is allowed to.
    pub may: BTreeSet<Permission>,
}

/// Asks an agent to leave, from any thread.
#[derive(Clone, Debug, Default)]
pub struct Leave(Arc<Notify>);

impl Leave {
    /// Asks it.
    pub fn ask(&self) {
        self.0.notify_one();
    }
}

/// Runs the agent of this node until it is asked to leave. `say` speaks to people.
///
/// # Errors
/// When its certificates or its store are of no use, or it cannot listen.
pub fn run(spec: &AgentSpec, leave: &Leave, say: fn(&str)) -> io::Result<()> {
    end_with_parent(spec.parent)?;
    let credentials = Credentials::read(&spec.certificates, &name_of(spec.node))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, live(spec, &credentials, leave, say))
}

async fn live(
    spec: &AgentSpec,
    credentials: &Credentials,
    leave: &Leave,
    say: fn(&str),
) -> io::Result<()> {
    let own = own_address(&spec.controller).await.map_err(|error| {
        let text = format!("no way to the controller at {}: {error}", spec.controller.host);
        io::Error::new(error.kind(), text)
    })?;
    let board = Board::own();
    let life = spec.life.or_else(|| board.booted().map(Life));
    let life = life.ok_or_else(|| io::Error::other("the system does not say when it booted"))?;
    let net = Tls::new(Plain { own }, credentials, Some(spec.controller.clone()), once(say))?;
    let (notes, from_process) = mpsc::channel(NOTES);
    let store = keeper(spec, credentials, own, &notes, say)?;
    let (harm, abilities) = NodeActuators::new(place(spec)?)?;
    let abilities = if spec.harmless { Harmless::says() } else { abilities };
    let setup = agent::Setup {
        node: spec.node,
        life,
        host: spec.address.clone().unwrap_or_else(|| own.to_string()),
        port: spec.port,
        controller: spec.controller.clone(),
        heartbeats: spec.heartbeats.clone(),
        abilities,
        pace: Pace { retry_max: RETRY_MAX, ..Pace::for_heartbeat(spec.heartbeat) },
        sabotage: None,
    };
    spawn_local(send_readings(board, notes.clone()));
    let leave = leave.0.clone();
    spawn_local(async move {
        leave.notified().await;
        let _ = notes.send(Note::Leave).await;
    });
    spawn_local(watch_parent(spec.parent));
    let emitter = Says(say);
    if spec.harmless {
        let ports = agent::AgentPorts { net, store, harm: Harmless(harm), emitter };
        return agent::run(ports, setup, from_process).await;
    }
    let ports = agent::AgentPorts { net, store, harm, emitter };
    agent::run(ports, setup, from_process).await
}

/// The store at the place that is asked for.
fn keeper(
    spec: &AgentSpec,
    credentials: &Credentials,
    own: IpAddr,
    notes: &mpsc::Sender<Note>,
    say: fn(&str),
) -> io::Result<Keeper<Tls<Plain>>> {
    let open = |rate, moved| Folder::open(spec.store.folder(), &name_of(spec.node), rate, moved);
    match &spec.store {
        StorePlace::Folder { rate, .. } => {
            let sender = notes.clone();
            let moved: Moved = Rc::new(move |purpose, bytes| {
                let _ = sender.try_send(Note::Send(Message::Moved { purpose, bytes }));
            });
            open(*rate, moved).map(Keeper::Folder)
        }
        StorePlace::Server { at, .. } => {
            // The file server is the controller's own, and must prove it.
            let net = Tls::new(Plain { own }, credentials, Some(at.clone()), once(say))?;
            let folder = open(None, Rc::new(|_, _| {}))?;
            let failed = once_as(say, "");
            Ok(Keeper::Remote(Remote::new(net, at.clone(), spec.node, folder, failed)))
        }
    }
}

/// What its actuators have to know.
fn place(spec: &AgentSpec) -> io::Result<harm::HarmContext> {
    let own = || spec.store.folder().join(format!("harm-{}", name_of(spec.node)));
    Ok(harm::HarmContext {
        life: harm::life(),
        state: std::path::absolute(spec.state.clone().unwrap_or_else(own))?,
        may: spec.may.clone(),
        controller: spec.controller.clone(),
        program: std::env::current_exe()?,
        kernel: "/proc".into(),
    })
}

async fn send_readings(board: Board, notes: mpsc::Sender<Note>) {
    let mut sent = None;
    for look in (0..LOOKS).cycle() {
        sleep(LOOK).await;
        if let Some(readings) = readings(&board, look == 0, &mut sent) {
            // Without a link they are lost; the next ones are worth more.
            let _ = notes.try_send(Note::Send(Message::Readings(readings)));
        }
    }
}

/// The time of day (ns since 1970).
fn wall() -> Option<u64> {
    #[expect(clippy::disallowed_methods, reason = "the clocks of a rack are held side by side")]
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.ok().and_then(|since| u64::try_from(since.as_nanos()).ok())
}

/// What is to be sent now: all, or throttle bits that are not those `sent` last.
fn readings(board: &Board, all: bool, sent: &mut Option<u64>) -> Option<Readings> {
    let readings = if all {
        Readings { wall: wall(), ..board.read() }
    } else {
        Readings { throttled: board.throttled(), ..Readings::default() }
    };
    let last = std::mem::replace(sent, readings.throttled);
    (all || last != *sent).then_some(readings)
}

/// Says why a handshake failed, if it is not what was said last.
fn once(say: fn(&str)) -> Refused {
    once_as(say, "refused: ")
}

/// Says what failed, if it is not what was said last. A peer that fails in turns may fill no log:
/// beyond [`SAID`] times it is said ever more rarely.
fn once_as(say: fn(&str), what: &'static str) -> Rc<dyn Fn(&io::Error)> {
    let said = RefCell::new((0_u64, String::new()));
    Rc::new(move |error| {
        let (times, last) = &mut *said.borrow_mut();
        let text = format!("{what}{error}");
        if *last != text {
            *times += 1;
            if *times <= SAID || times.is_power_of_two() {
                say(&text);
            }
            *last = text;
        }
    })
}

/// Where the system can, it ends this process as soon as its parent ends, even while it hangs.
fn end_with_parent(parent: Option<u32>) -> io::Result<()> {
    if parent.is_none() {
        return Ok(());
    }
    #[cfg(target_os = "linux")]
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
    demand_parent(parent)
}

fn demand_parent(parent: Option<u32>) -> io::Result<()> {
    if parent.is_some_and(|parent| std::os::unix::process::parent_id() != parent) {
        return Err(io::Error::other("the process that started this agent is gone"));
    }
    Ok(())
}

async fn watch_parent(parent: Option<u32>) {
    while parent.is_some() {
        sleep(PARENT).await;
        if demand_parent(parent).is_err() {
            std::process::exit(1);
        }
    }
}

/// An agent has no log; what it refused it says.
#[derive(Clone, Copy)]
struct Says(fn(&str));

impl Emitter for Says {
    fn emit(&self, _what: What) {}

    fn notice(&self, _notice: Notice) {}

    fn refused(&self, refusals: Refusals) {
        (self.0)(&format!("refused so far: {refusals:?}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_of_the_throttle_bits_is_reported_at_once_and_the_rest_in_its_turn() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let board = Board::below(folder.path());
        let file = folder.path().join("sys/devices/platform/soc/soc:firmware/get_throttled");
        std::fs::create_dir_all(file.parent().expect("in a folder")).expect("a folder");
        let mut sent = None;
        let mut look = |bits: &str, all| {
            std::fs::write(&file, bits).expect("a file");
            readings(&board, all, &mut sent).map(|readings| readings.throttled)
        };
        assert_eq!(look("0\n", true), Some(Some(0)));
        assert_eq!(look("0\n", false), None);
        assert_eq!(look("50005\n", false), Some(Some(0x5_0005)), "under-voltage, throttled");
        assert_eq!(look("50005\n", false), None);
        assert_eq!(look("50000\n", false), Some(Some(0x5_0000)), "it is over");
        assert_eq!(look("50000\n", true), Some(Some(0x5_0000)), "in its turn");
    }
}
