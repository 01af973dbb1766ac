//! The door over all power controllers of a rack: nodes by their numbers, each on its bus.

use std::io;
use std::rc::Rc;

use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinHandle, spawn_local};
use tokio::time::sleep;

use super::bus::{Ask, Bus, Order};
use super::{Session, Target, Wanted, driver, duration};
use crate::event::Cause;
use crate::fleet::doors::{Power, PowerState};
use crate::ids::NodeId;
use crate::inventory::Inventory;

/// The power switches of a rack. Needs a tokio runtime with I/O and a `LocalSet`.
///
/// A protected node is neither switched on nor off, whoever asks for it.
#[derive(Clone)]
pub struct Switches {
    inventory: Rc<Inventory>,
    buses: Rc<Vec<mpsc::UnboundedSender<Ask>>>,
}

/// The tasks of the buses: they end when all [`Switches`] are gone.
pub struct Buses(Vec<JoinHandle<()>>);

impl Buses {
    /// Waits until each bus is left as it should be left.
    pub async fn left(self) {
        for task in self.0 {
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
        for controller in &inventory.controllers {
            let title = format!("{} {}", controller.kind.word(), controller.name);
            let bus = Bus::new(title, driver(controller));
            let (asks, queue) = mpsc::unbounded_channel();
            tasks.push(spawn_local(bus.serve(queue)));
            buses.push(asks);
        }
        (Self { inventory, buses: Rc::new(buses) }, Buses(tasks))
    }

    /// Switches a node off, waits as long as its controller needs, and switches it on again.
    ///
    /// # Errors
    /// As those of the two.
    pub async fn cycle(&self, node: NodeId) -> io::Result<()> {
        self.order(node, Some(Wanted::Off)).await?;
        let feed = self.inventory.node(node).feed.as_ref().expect("it was switched");
        sleep(duration(self.inventory.controllers[feed.controller].settle)).await;
        self.order(node, Some(Wanted::On)).await.map(drop)
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
        screen: mpsc::UnboundedSender<Vec<u8>>,
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
        bus.send(Ask::Order(Order { target, wanted, reply })).map_err(|_| gone())?;
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
