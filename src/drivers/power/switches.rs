//! The port over all power controllers of a rack: nodes by their numbers, each on its bus.

use std::io;
use std::rc::Rc;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{JoinHandle, spawn_local};
use tokio::time::sleep;

use super::bus::{Ask, Bus, SwitchRequest};
use super::{Session, Target, Wanted, driver, duration};
use crate::event::Cause;
use crate::fleet::ports::{Power, PowerState};
use crate::ids::NodeId;
use crate::inventory::{Feed, Inventory};

/// The power switches of a rack. Needs a tokio runtime with I/O and a `LocalSet`.
///
/// A protected node is neither switched on nor off, whoever asks for it.
#[derive(Clone)]
pub struct Switches {
    inventory: Rc<Inventory>,
    buses: Rc<Vec<mpsc::UnboundedSender<Ask>>>,
}

/// The tasks of the buses: they end when all [`Switches`] are gone, or when they are left.
pub struct Buses {
    tasks: Vec<JoinHandle<()>>,
    leave: watch::Sender<bool>,
}

impl Buses {
    /// Waits until each bus has finished what is under way, and is left as it should be left.
    pub async fn left(self) {
        self.leave.send_replace(true);
        for task in self.tasks {
            if let Err(error) = task.await
                && error.is_panic()
            {
                std::panic::resume_unwind(error.into_panic());
            }
        }
    }
}

fn gone() -> io::Error {
    io::Error::other("the task of the power controller has ended")
}

impl Switches {
    /// Starts a task for each controller. Nothing is opened or touched before the first order.
    #[must_use]
    pub fn start(inventory: Rc<Inventory>) -> (Self, Buses) {
        let (mut buses, mut tasks) = (Vec::new(), Vec::new());
        let (leave, left) = watch::channel(false);
        for controller in &inventory.controllers {
            let title = format!("{} {}", controller.word(), controller.name());
            let is_there = |feed: &Feed| {
                let other = &inventory.controllers[feed.controller];
                other.name() == controller.name() || other.place() == controller.place()
            };
            let nodes = inventory.nodes.iter();
            let fed = nodes.filter(|node| node.feed.as_ref().is_some_and(is_there));
            let fed = fed.map(|node| node.name.clone()).collect();
            let bus = Bus::new(title, driver(controller, fed));
            let (asks, queue) = mpsc::unbounded_channel();
            tasks.push(spawn_local(bus.serve(queue, left.clone())));
            buses.push(asks);
        }
        (Self { inventory, buses: Rc::new(buses) }, Buses { tasks, leave })
    }

    /// Switches a node off, waits as long as its controller needs, and switches it on again. It is
    /// switched on also where it is not known whether it went off: nobody wants it to stay so.
    ///
    /// # Errors
    /// As those of the two.
    pub async fn cycle(&self, node: NodeId) -> io::Result<()> {
        let off = self.order(node, Some(Wanted::Off)).await;
        if let (Some(feed), Ok(_)) = (&self.inventory.node(node).feed, &off) {
            sleep(duration(self.inventory.controllers[feed.controller].settle())).await;
        }
        let on = self.order(node, Some(Wanted::On)).await;
        on.and(off).map(drop)
    }

    /// Opens the console of a node: what comes through `keys` is typed, what the node says goes
    /// to `screen`, until either end is dropped. Orders interrupt it, and it is opened again.
    ///
    /// # Errors
    /// When the node's controller has none.
    pub async fn console(
        &self,
        node: NodeId,
        keys: mpsc::Receiver<u8>,
        screen: mpsc::Sender<Vec<u8>>,
    ) -> io::Result<()> {
        let (bus, target) = self.target(node)?;
        let (reply, answer) = oneshot::channel();
        let session = Session { target, keys, screen };
        bus.send(Ask::Console(session, reply)).map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }

    fn target(&self, node: NodeId) -> io::Result<(&mpsc::UnboundedSender<Ask>, Target)> {
        let entry = self.inventory.node(node);
        let Some(feed) = &entry.feed else {
            let title = format!("{}: nothing switches it; give `power` and `channel`", entry.name);
            return Err(io::Error::new(io::ErrorKind::Unsupported, title));
        };
        let (node, address) = (entry.name.clone(), entry.address.clone());
        let target = Target { node, address, channel: feed.channel.clone() };
        Ok((&self.buses[feed.controller], target))
    }

    async fn order(&self, node: NodeId, wanted: Option<Wanted>) -> io::Result<PowerState> {
        let entry = self.inventory.node(node);
        if entry.protected && wanted.is_some() {
            let title = format!("{}: it is protected, and stays as it is", entry.name);
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, title));
        }
        let (bus, target) = self.target(node)?;
        let (reply, answer) = oneshot::channel();
        bus.send(Ask::Order(SwitchRequest { target, wanted, reply })).map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }
}

impl Power for Switches {
    async fn on(&self, node: NodeId) -> io::Result<()> {
        self.order(node, Some(Wanted::On)).await.map(drop)
    }

    async fn off(&self, node: NodeId, _: Cause) -> io::Result<()> {
        self.order(node, Some(Wanted::Off)).await.map(drop)
    }

    async fn state(&self, node: NodeId) -> io::Result<PowerState> {
        self.order(node, None).await
    }
}
