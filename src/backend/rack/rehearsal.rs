//! The stage `rehearsal`: a rack's inventory and all that the stage does, on fakes and one machine.
//!
//! ```text
//!  this thread: the stage as it is, with a copy of the inventory that leads to
//!  a thread of its own: fakes of the power controllers --on, off--> agents of this program
//! ```
//!
//! Limits, protected nodes and times are those of the inventory; its ledger and journal are others,
//! and begin empty. Agents do to themselves what only ends them or keeps them silent, and only
//! claim to do all else: they share the machine.
//!
//! Not modelled: boots, which no log shows; certificates and addresses of the real nodes; what a
//! cut, a bad link, a load or a wrong clock does.

use std::cell::RefCell;
use std::fs;
use std::io;
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};

use tokio::runtime::Builder;
use tokio::sync::oneshot;
use tokio::task::LocalSet;

use super::Rack;
use crate::backend::Backend;
use crate::drivers::agents::{Agents, Start};
use crate::drivers::power::rehearsal::{NodeSwitched, Rehearsal};
use crate::drivers::scratch::Scratch;
use crate::drivers::store::StorePlace;
use crate::event::{EndReason, Sink, Stop};
use crate::fleet::ports::Address;
use crate::ids::{Life, NodeId};
use crate::inventory::Inventory;
use crate::plan::Plan;
use crate::units::Span;

/// The name of this stage in what it leaves: its runs are none of the rack's.
pub const NAME: &str = "rehearsal";

/// A rack that is rehearsed.
pub struct Rehearsed {
    // Dropped in this order: who uses the fakes goes first.
    rack: Rack,
    /// Time between two heartbeats of agents that are started from now on (ns).
    heartbeat: Arc<AtomicU64>,
    _fakes: Fakes,
}

impl Rehearsed {
    /// Starts the fakes of an inventory. `program` is this program, which is the agents' too.
    ///
    /// # Errors
    /// When the system does not give what the fakes need.
    pub fn start(real: &Inventory, program: &Path) -> io::Result<Self> {
        let heartbeat = Arc::new(AtomicU64::new(Span::from_secs(1).0));
        let (fakes, file, inventory) =
            Fakes::start(real.clone(), program.to_owned(), heartbeat.clone())?;
        Ok(Self { rack: Rack::take(&file, inventory)?, heartbeat, _fakes: fakes })
    }
}

impl Backend for Rehearsed {
    fn name(&self) -> &'static str {
        NAME
    }

    fn about(&self) -> &'static str {
        "the real controller and agents on fakes of a rack (--on rack --rehearse), in real time"
    }

    fn is_deterministic(&self) -> bool {
        false
    }

    fn cannot(&self, plan: &Plan) -> Vec<String> {
        self.rack.cannot(plan)
    }

    fn preflight(&self, plan: &Plan) -> Vec<String> {
        self.rack.preflight(plan)
    }

    fn play(&self, plan: &Plan, sink: &mut dyn Sink) -> Result<EndReason, Stop> {
        self.heartbeat.store(plan.scenario.controller.heartbeat().0, Ordering::Relaxed);
        self.rack.play(plan, sink)
    }
}

/// The thread of the fakes. They end with this value.
struct Fakes {
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Fakes {
    /// Starts them; gives the file next to which ledger and journal stand, and the inventory.
    fn start(
        real: Inventory,
        program: PathBuf,
        heartbeat: Arc<AtomicU64>,
    ) -> io::Result<(Self, PathBuf, Inventory)> {
        let (sender, receiver) = mpsc::channel();
        let (end, ended) = oneshot::channel::<()>();
        let body = move || {
            let begun = Builder::new_current_thread().enable_all().build();
            let served = begun.and_then(|runtime| {
                LocalSet::new().block_on(&runtime, async {
                    let (inventory, stand) = stand(real, &program, heartbeat).await?;
                    let file = stand.file();
                    // Nobody listens any more if whoever waits for it has gone.
                    let _ = sender.send(Ok((file, inventory)));
                    let _ = ended.await;
                    drop(stand);
                    Ok(())
                })
            });
            if let Err(error) = served {
                let _ = sender.send(Err(error));
            }
        };
        let thread = thread::Builder::new().name("rehearsal".into()).spawn(body)?;
        let fakes = Self { end: Some(end), thread: Some(thread) };
        let gone = |_| io::Error::other("the thread of the rehearsal has ended");
        let (file, inventory) = receiver.recv().map_err(gone)??;
        Ok((fakes, file, inventory))
    }
}

impl Drop for Fakes {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take()
            && let Err(panic) = thread.join()
            && !thread::panicking()
        {
            std::panic::resume_unwind(panic);
        }
    }
}

/// Fakes and what they switch.
struct Stand {
    rehearsal: Rehearsal,
    _agents: Option<Rc<Agents>>,
}

impl Stand {
    fn file(&self) -> PathBuf {
        self.rehearsal.folder().join("rack.toml")
    }
}

/// Starts fakes and, if the inventory says where scenarios are played, what they switch.
async fn stand(
    mut real: Inventory,
    program: &Path,
    heartbeat: Arc<AtomicU64>,
) -> io::Result<(Inventory, Stand)> {
    real.boot = None;
    let mut agents = None;
    if let Some(control) = &mut real.controller {
        let host = Ipv4Addr::LOCALHOST.to_string();
        let scratch = Rc::new(Scratch::with_certificates(real.nodes.len() as u32, &host)?);
        (control.port, control.store, control.heartbeats) = free_ports()?;
        control.certificates = scratch.certificates();
        control.address.clone_from(&host);
        let at = |port| Address::new(host.clone(), port);
        let cards = scratch.path().join("cards");
        let start = Start {
            program: program.to_owned(),
            controller: at(control.port),
            heartbeats: at(control.heartbeats),
            store: StorePlace::Server { at: at(control.store), cards },
            harmless: true,
            scratch,
        };
        agents = Some(Rc::new(Agents::new(start, real.nodes.len())));
    }
    let switched = switched(real.nodes.len(), agents.clone(), heartbeat);
    let (inventory, rehearsal) = Rehearsal::start(&real, program, switched).await?;
    if let Some(path) = inventory.server.as_ref().and_then(|server| server.path.as_ref()) {
        fs::create_dir(path)?;
    }
    Ok((inventory, Stand { rehearsal, _agents: agents }))
}

/// Power on is the start of an agent's next life, power off its end.
fn switched(n_nodes: usize, agents: Option<Rc<Agents>>, heartbeat: Arc<AtomicU64>) -> NodeSwitched {
    let lives = RefCell::new(vec![0; n_nodes]);
    Rc::new(move |node: NodeId, on| {
        let Some(agents) = &agents else { return };
        if !on {
            return agents.end(node);
        }
        let life = &mut lives.borrow_mut()[node.0 as usize];
        *life += 1;
        // An agent that does not start is a node that does not come up, for all to see.
        let _ = agents.start(node, Life(*life), Span(heartbeat.load(Ordering::Relaxed)));
    })
}

/// Ports that nobody has now: for agents, for checkpoints, and for heartbeats.
fn free_ports() -> io::Result<(u16, u16, u16)> {
    let own = (Ipv4Addr::LOCALHOST, 0);
    let (agents, store) = (TcpListener::bind(own)?, TcpListener::bind(own)?);
    let heartbeats = UdpSocket::bind(own)?;
    let port = |listener: &TcpListener| listener.local_addr().map(|address| address.port());
    Ok((port(&agents)?, port(&store)?, heartbeats.local_addr()?.port()))
}
