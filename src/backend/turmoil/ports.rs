//! The ports of the fleet, carried out on the simulated rack.

use std::io;
use std::rc::Rc;

use super::stage::Simulation;
use crate::event::{Cause, Fault, What};
use crate::fleet::ports::{self, InjectionOrder, Notice, Object, PowerState};
use crate::hardware::rack::{self, Draw, SendId, Supply, Ticket};
use crate::ids::{NodeId, Part};
use crate::scenario::fault::{FaultRule, Repair};
use crate::units::Bytes;

/// The day on which every simulated run begins: 2026-01-01.
const EPOCH: u64 = 1_767_225_600_000_000_000;

/// Power switches that act at once and never fail.
#[derive(Clone)]
pub(super) struct Power(pub Rc<Simulation>);

impl ports::Power for Power {
    async fn on(&self, node: NodeId) -> io::Result<()> {
        self.0.with_rack(|rack| {
            rack.power_on(node);
            match rack.supply(node) {
                Supply::Dead => Err(io::Error::other("the feed is dead")),
                Supply::On | Supply::Off => Ok(()),
            }
        })
    }

    async fn off(&self, node: NodeId, cause: Cause) -> io::Result<()> {
        self.0.with_rack(|rack| rack.power_off(node, cause));
        Ok(())
    }

    async fn state(&self, node: NodeId) -> io::Result<PowerState> {
        Ok(self.0.with_rack(|rack| match rack.supply(node) {
            Supply::Off => PowerState::Off,
            Supply::On => PowerState::On,
            Supply::Dead => PowerState::Dead,
        }))
    }
}

/// Actuators that do all harm to the rack themselves.
#[derive(Clone)]
pub(super) struct Harm(pub Rc<Simulation>);

impl Harm {
    fn rule(&self, injection: &InjectionOrder) -> &FaultRule {
        self.0.plan.scenario.rule(injection.fault)
    }

    fn how(&self, injection: &InjectionOrder) -> rack::Harm {
        let by_controller = matches!(self.rule(injection).repair, Repair::PowerCycle);
        let share_ppm = self.rule(injection).harm.left_ppm();
        rack::Harm { by_controller, share_ppm, rule: injection.fault }
    }
}

impl ports::Harm for Harm {
    async fn do_harm(&self, injection: &InjectionOrder) -> io::Result<()> {
        if self.0.done.borrow_mut().insert(injection.number) {
            if injection.kind == Fault::ControllerCrash {
                self.0.crash_controller(injection.lasts);
                return Ok(());
            }
            let loss_ppm = self.rule(injection).harm.link().loss_ppm;
            if loss_ppm > 0 {
                self.0.set_loss(injection.number, Some((injection.part, loss_ppm)));
            }
            let (number, kind, part, how) =
                (injection.number, injection.kind, injection.part, self.how(injection));
            self.0.with_rack(|rack| rack.harm(number, kind, part, how));
        }
        Ok(())
    }

    async fn undo(&self, injection: &InjectionOrder) -> io::Result<()> {
        // A controller that is ordered to undo its own crash is up again.
        let undo = self.0.done.borrow_mut().remove(&injection.number);
        if undo && injection.kind != Fault::ControllerCrash {
            self.0.set_loss(injection.number, None);
            let (number, kind, part, how) =
                (injection.number, injection.kind, injection.part, self.how(injection));
            self.0.with_rack(|rack| rack.repair(number, kind, part, how));
        }
        Ok(())
    }
}

/// The store of a host: the file server for a node, whose transfers take their declared time; a
/// disk that takes none for the controller.
#[derive(Clone)]
pub(super) struct Store {
    pub stage: Rc<Simulation>,
    /// `None`: the controller.
    pub node: Option<NodeId>,
}

impl Store {
    /// What an object is kept under: a card is its node's own.
    fn key(&self, object: Object, name: &str) -> String {
        match (object, self.node) {
            (Object::State, _) => format!("controller/{name}"),
            (Object::Card, Some(node)) => format!("card-{}/{name}", node.0),
            (Object::Card, None) | (Object::Checkpoint, _) => format!("server/{name}"),
        }
    }

    /// Takes the time that moving so many bytes takes.
    async fn take_time(&self, object: Object, write: bool, declared: Bytes) -> io::Result<()> {
        let Some(node) = self.node.filter(|_| object == Object::Checkpoint && declared.0 > 0)
        else {
            return Ok(());
        };
        let stage = Rc::clone(&self.stage);
        let ticket = stage
            .with_rack(|rack| rack.transfer(&rack.participants(vec![node.0]), write, declared));
        let moved = stage.wait_for(ticket);
        let dropped = DropsTransfer { stage, ticket };
        let moved = moved.await;
        drop(dropped);
        moved.map_err(|_| io::Error::other("the run is over"))
    }
}

impl ports::Store for Store {
    async fn put(
        &self,
        object: Object,
        name: &str,
        data: Vec<u8>,
        declared: Bytes,
    ) -> io::Result<()> {
        self.take_time(object, true, declared).await?;
        self.stage.kept.borrow_mut().insert(self.key(object, name), data);
        Ok(())
    }

    async fn get(
        &self,
        object: Object,
        name: &str,
        declared: Bytes,
    ) -> io::Result<Option<Vec<u8>>> {
        let kept = self.stage.kept.borrow().get(&self.key(object, name)).cloned();
        if kept.is_some() {
            self.take_time(object, false, declared).await?;
        }
        Ok(kept)
    }

    async fn carry(&self, from: Part, to: Part, bytes: Bytes) -> io::Result<Bytes> {
        let stopped = || io::Error::other("an end of it has stopped");
        let stage = Rc::clone(&self.stage);
        let send = stage.with_rack(|rack| rack.send(from, to, bytes)).ok_or_else(stopped)?;
        let arrival = stage.wait_for_send(send);
        let dropped = DropsSend { stage, send };
        let arrived = arrival.await;
        drop(dropped);
        arrived.ok().filter(|arrived| *arrived).map(|_| Bytes(0)).ok_or_else(stopped)
    }

    async fn delete(&self, object: Object, name: &str) -> io::Result<()> {
        self.stage.kept.borrow_mut().remove(&self.key(object, name));
        Ok(())
    }
}

/// Gives a transfer up if whoever waits for it is dropped; nothing if it is complete.
struct DropsTransfer {
    stage: Rc<Simulation>,
    ticket: Ticket,
}

impl Drop for DropsTransfer {
    fn drop(&mut self) {
        if self.stage.ended().is_none() {
            let ticket = self.ticket;
            self.stage.with_rack(|rack| rack.drop_transfer(ticket));
        }
    }
}

/// The same of what a workload sends.
struct DropsSend {
    stage: Rc<Simulation>,
    send: SendId,
}

impl Drop for DropsSend {
    fn drop(&mut self) {
        if self.stage.ended().is_none() {
            let send = self.send;
            self.stage.sending.borrow_mut().remove(&send);
            self.stage.with_rack(|rack| rack.drop_send(send));
        }
    }
}

/// The time of day: a fixed day plus the simulated time.
#[derive(Clone)]
pub(super) struct Clock(pub Rc<Simulation>);

impl ports::Clock for Clock {
    fn wall(&self) -> u64 {
        EPOCH + self.0.now().0
    }
}

/// Stamps what happens with the simulated time.
#[derive(Clone)]
pub(super) struct SimulatedEmitter(pub Rc<Simulation>);

impl ports::Emitter for SimulatedEmitter {
    fn emit(&self, what: What) {
        self.0.emit(what);
    }

    fn computes(&self, node: NodeId, computes: bool) {
        let draw = if computes { Draw::Compute } else { Draw::Idle };
        self.0.with_rack(|rack| rack.set_draw_of(node, draw));
    }

    fn notice(&self, notice: Notice) {
        self.0.notices.borrow_mut().push((self.0.now(), notice));
    }
}
