//! A rehearsal: the inventory of a real rack, with a fake in the place of each power controller.
//!
//! ```text
//!  [[power.bitscope]]  device, address   -> a bus of blades on a pseudo-terminal
//!  [[power.redfish]]   url ...           -> a server on 127.0.0.1, with TLS if the real one has it
//!  [[power.uhubctl]]   program ...       -> a script that asks here (fakes/tools.rs)
//!  switched(node, on)  <- whatever a fake switches
//! ```
//!
//! All that a controller's table says of times, words and passwords stays as it is, so that the
//! drivers do what they would do. A password file is read, and the fake takes any password.
//!
//! Not modelled: what a real controller does wrong, which the tests of the drivers try; hubs and
//! switches that are asked for something else than their nodes' channels.

use std::fs;
use std::io;
use std::net::Ipv4Addr;
use std::path::Path;
use std::rc::Rc;

use tokio::net::TcpListener;
use tokio::task::{AbortHandle, spawn_local};

use super::fakes::Switched;
use super::fakes::bitscope::{Bus, UNLOCK};
use super::fakes::pty::Pty;
use super::fakes::tools::Tools;
use super::fakes::web::{Controller, Protocol, Tls};
use crate::drivers::scratch::Scratch;
use crate::ids::NodeId;
use crate::inventory::Inventory;
use crate::inventory::power::{self, Web};

/// Where everything is that the real rack has elsewhere.
const HOST: Ipv4Addr = Ipv4Addr::LOCALHOST;

/// Who is informed when a node is switched: it may start it and kill it. It is called in the middle
/// of a fake's work, and must not ask a switch for anything.
pub type NodeSwitched = Rc<dyn Fn(NodeId, bool)>;

/// The fakes of a rack. They end with this value.
pub struct Rehearsal {
    tasks: Vec<AbortHandle>,
    scratch: Scratch,
}

impl Drop for Rehearsal {
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

impl Rehearsal {
    /// Starts a fake for each power controller; all nodes are on, as those of a rack in service,
    /// and `switched` is not informed. Gives the inventory with their places, and with all
    /// addresses on this machine. `program` is this program. Needs a tokio runtime with I/O and a
    /// `LocalSet`.
    ///
    /// # Errors
    /// When the system gives no pseudo-terminal, port or folder.
    pub async fn start(
        real: &Inventory,
        program: &Path,
        switched: NodeSwitched,
    ) -> io::Result<(Inventory, Self)> {
        let mut rehearsal = Self { tasks: Vec::new(), scratch: Scratch::new()? };
        let mut rack = real.clone();
        for (position, controller) in rack.controllers.iter_mut().enumerate() {
            let fed = Fed::of(real, position, switched.clone());
            let kind = controller.clone();
            *controller = rehearsal.replace(kind, position, &fed, program).await?;
        }
        for node in &mut rack.nodes {
            node.address = node.address.take().map(|_| HOST.to_string());
        }
        if let Some(server) = &mut rack.server {
            server.address = HOST.to_string();
            server.path = server.path.take().map(|_| rehearsal.scratch.path().join("store"));
        }
        Ok((rack, rehearsal))
    }

    /// The folder of the rehearsal, which goes with it.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.scratch.path()
    }

    /// A kind with its fake in the place of the real controller.
    async fn replace(
        &mut self,
        mut kind: power::Controller,
        position: usize,
        fed: &Fed,
        program: &Path,
    ) -> io::Result<power::Controller> {
        match &mut kind {
            power::Controller::BitScope(settings) => {
                let blades = fed.numbers().max().map_or(1, |last| last + 1);
                let blades = u8::try_from(blades).map_err(io::Error::other)?;
                let (pty, bus) = (Pty::open()?, Bus::new(blades, fed.by_number()));
                settings.device = pty.path().to_string_lossy().into_owned();
                settings.address = None;
                bus.power_all();
                settings.unlock = String::from_utf8_lossy(UNLOCK).into_owned();
                self.spawn(bus.serve(pty));
            }
            power::Controller::PiPower(settings) => {
                let controller = fed.numbered(Protocol::PiPower);
                settings.address = self.listen(controller, None).await?;
            }
            power::Controller::RfPiPower(settings) => {
                let controller = fed.numbered(Protocol::RfPiPower);
                settings.server.address = self.listen(controller, None).await?;
            }
            power::Controller::Redfish(settings) => {
                let controller = Controller::of_systems(&fed.channels(), fed.by_position());
                self.serve_web(controller, &mut settings.web).await?;
            }
            power::Controller::TuringPi(settings) => {
                let controller = fed.numbered(Protocol::TuringPi);
                self.serve_web(controller, &mut settings.web).await?;
            }
            power::Controller::Uhubctl(_)
            | power::Controller::SnmpPoe(_)
            | power::Controller::ClusterCtrl(_)
            | power::Controller::Command(_) => {
                let folder = self.scratch.path().join(position.to_string());
                fs::create_dir(&folder)?;
                let tools = Tools::new(kind, &fed.channels(), fed.by_position());
                let (replaced, listener) = tools.install(&folder, program)?;
                self.spawn(tools.serve(listener));
                return Ok(replaced);
            }
        }
        Ok(kind)
    }

    async fn serve_web(&mut self, controller: Controller, web: &mut Web) -> io::Result<()> {
        let tls = if web.url.tls { Some(Tls::self_signed(&HOST.to_string())?) } else { None };
        web.certificate = tls.as_ref().map(|tls| tls.digest);
        let address = self.listen(controller, tls).await?;
        let (host, port) = address.rsplit_once(':').expect("it has a port");
        (web.url.host, web.url.port) = (host.to_owned(), port.parse().expect("it is one"));
        Ok(())
    }

    /// Serves at a free port; gives HOST:PORT.
    async fn listen(&mut self, controller: Controller, tls: Option<Tls>) -> io::Result<String> {
        controller.power_all();
        let listener = TcpListener::bind((HOST, 0)).await?;
        let address = listener.local_addr()?.to_string();
        self.spawn(controller.serve(listener, tls));
        Ok(address)
    }

    fn spawn(&mut self, served: impl Future<Output = io::Result<()>> + 'static) {
        // A fake that breaks is silent, as a real controller that breaks; its driver reports it.
        self.tasks.push(spawn_local(async move { drop(served.await) }).abort_handle());
    }
}

/// The nodes that a controller feeds, by their channels.
struct Fed {
    nodes: Vec<(String, NodeId)>,
    switched: NodeSwitched,
}

impl Fed {
    fn of(rack: &Inventory, controller: usize, switched: NodeSwitched) -> Self {
        let feeds = (0..).map(NodeId).zip(&rack.nodes);
        let fed = feeds.filter_map(|(node, entry)| {
            let feed = entry.feed.as_ref().filter(|feed| feed.controller == controller)?;
            Some((feed.channel.clone(), node))
        });
        Self { nodes: fed.collect(), switched }
    }

    fn channels(&self) -> Vec<String> {
        self.nodes.iter().map(|(channel, _)| channel.clone()).collect()
    }

    fn numbers(&self) -> impl Iterator<Item = u32> {
        self.nodes.iter().filter_map(|(channel, _)| channel.parse().ok())
    }

    /// A server of nodes whose channels are numbers.
    fn numbered(&self, protocol: Protocol) -> Controller {
        Controller::new(protocol, self.numbers(), self.by_number())
    }

    /// What is reported of a channel's number is reported of its node.
    fn by_number(&self) -> Switched {
        let (nodes, switched) = (self.nodes.clone(), self.switched.clone());
        Rc::new(move |number, on| {
            let is_it = |(channel, _): &&(String, NodeId)| channel.parse() == Ok(number);
            if let Some((_, node)) = nodes.iter().find(is_it) {
                switched(*node, on);
            }
        })
    }

    /// The same for the position of a channel.
    fn by_position(&self) -> Switched {
        let (nodes, switched) = (self.nodes.clone(), self.switched.clone());
        Rc::new(move |position, on| switched(nodes[position as usize].1, on))
    }
}
