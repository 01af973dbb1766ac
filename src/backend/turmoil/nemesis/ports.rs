//! The ports of a program of the fleet with a nemesis before them.

use std::cell::Cell;
use std::future::pending;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use tokio::time::sleep;

use super::{Kind, Nemesis, Store, Switch};
use crate::backend::turmoil::stage::{Simulation, host_of};
use crate::event::{Cause, What};
use crate::fleet::admission::Refusals;
use crate::fleet::means::Ability;
use crate::fleet::ports::{self, InjectionOrder, Notice, Object, PowerState};
use crate::ids::{NodeId, Part};
use crate::units::Bytes;

/// Whether a process speaks and acts for its host: one that was deposed does not.
#[derive(Clone, Debug, Default)]
pub(in crate::backend::turmoil) struct Reign(Rc<Cell<bool>>);

impl Reign {
    /// It is over.
    pub(in crate::backend::turmoil) fn end(&self) {
        self.0.set(true);
    }

    /// Whether it is over.
    pub(in crate::backend::turmoil) fn is_over(&self) -> bool {
        self.0.get()
    }

    fn check(&self) -> io::Result<()> {
        let deposed =
            || io::Error::new(io::ErrorKind::PermissionDenied, "another one is in charge");
        if self.is_over() { Err(deposed()) } else { Ok(()) }
    }
}

/// A port of a process on a host.
#[derive(Clone)]
pub(in crate::backend::turmoil) struct Disturbed<P> {
    /// What carries out what is let through.
    pub port: P,
    pub nemesis: Rc<Nemesis>,
    pub stage: Rc<Simulation>,
    pub host: usize,
    pub reign: Reign,
}

impl<P> Disturbed<P> {
    /// What is done to a host now.
    fn on(&self, host: usize) -> impl Iterator<Item = Kind> {
        self.nemesis.on(self.stage.now(), host)
    }
}

impl<P: ports::Power> Disturbed<P> {
    /// A call to a node's switch.
    async fn switch(
        &self,
        node: NodeId,
        call: impl Future<Output = io::Result<()>>,
    ) -> io::Result<()> {
        self.reign.check()?;
        let fails = self.on(host_of(node)).find_map(|kind| match kind {
            Kind::Switch(fails) => Some(fails),
            _ => None,
        });
        match fails {
            None => call.await,
            Some(Switch::Refuses) => Err(io::Error::other("the switch does not obey")),
            Some(Switch::Denies) => {
                call.await?;
                Err(io::Error::other("the switch does not answer"))
            }
            Some(Switch::Hangs) => pending().await,
        }
    }
}

impl<P: ports::Power> ports::Power for Disturbed<P> {
    async fn on(&self, node: NodeId) -> io::Result<()> {
        self.switch(node, self.port.on(node)).await
    }

    async fn off(&self, node: NodeId, cause: Cause) -> io::Result<()> {
        self.switch(node, self.port.off(node, cause)).await
    }

    async fn state(&self, node: NodeId) -> io::Result<PowerState> {
        self.reign.check()?;
        self.port.state(node).await
    }
}

/// Who was deposed injects nothing: what he believes to be due another one has done.
impl<P: ports::Harm> ports::Harm for Disturbed<P> {
    async fn do_harm(&self, injection: &InjectionOrder) -> io::Result<()> {
        if self.reign.is_over() { Ok(()) } else { self.port.do_harm(injection).await }
    }

    async fn undo(&self, injection: &InjectionOrder) -> io::Result<()> {
        if self.reign.is_over() { Ok(()) } else { self.port.undo(injection).await }
    }
}

impl<P: ports::Store> Disturbed<P> {
    /// How storage fails now, if it does; what is slow has taken its time.
    async fn store(&self) -> io::Result<Option<Store>> {
        self.reign.check()?;
        let mut fails = None;
        let kinds: Vec<_> = self.on(self.host).collect();
        for kind in kinds {
            match kind {
                Kind::Store(Store::Slow { by }) => sleep(Duration::from_nanos(by.0)).await,
                Kind::Store(other) => fails = Some(other),
                _ => {}
            }
        }
        Ok(fails)
    }

    /// Images of some nodes are larger.
    fn size(&self, declared: Bytes) -> Bytes {
        let more = self.on(self.host).map(|kind| match kind {
            Kind::Larger { by } => u64::from(by),
            _ => 0,
        });
        Bytes(declared.0 + declared.0 * more.sum::<u64>() / 100)
    }

    /// Each controller has a disk of its own.
    fn name(&self, object: Object, name: &str) -> String {
        match object {
            Object::State => state_name(self.host, name),
            Object::Checkpoint | Object::Card => name.to_owned(),
        }
    }
}

/// Under which name the state of the controller on a host is kept.
pub(in crate::backend::turmoil) fn state_name(host: usize, name: &str) -> String {
    format!("{host}/{name}")
}

impl<P: ports::Store> ports::Store for Disturbed<P> {
    async fn put(
        &self,
        object: Object,
        name: &str,
        mut data: Vec<u8>,
        declared: Bytes,
    ) -> io::Result<()> {
        let (name, declared) = (self.name(object, name), self.size(declared));
        match self.store().await? {
            Some(Store::Full) => Err(io::ErrorKind::StorageFull.into()),
            Some(Store::Torn) if object != Object::State => {
                data.truncate(data.len() / 2);
                self.port.put(object, &name, data, declared).await?;
                Err(io::Error::other("it broke off"))
            }
            _ => self.port.put(object, &name, data, declared).await,
        }
    }

    async fn get(
        &self,
        object: Object,
        name: &str,
        declared: Bytes,
    ) -> io::Result<Option<Vec<u8>>> {
        let (name, declared) = (self.name(object, name), self.size(declared));
        match self.store().await? {
            Some(Store::Unreadable) => Err(io::Error::other("it cannot be read")),
            _ => self.port.get(object, &name, declared).await,
        }
    }

    async fn carry(&self, from: Part, to: Part, bytes: Bytes) -> io::Result<Bytes> {
        self.port.carry(from, to, bytes).await
    }

    async fn delete(&self, object: Object, name: &str) -> io::Result<()> {
        self.store().await?;
        self.port.delete(object, &self.name(object, name)).await
    }
}

impl<P: ports::Clock> ports::Clock for Disturbed<P> {
    fn wall(&self) -> u64 {
        let off = self.nemesis.clock_off(self.stage.now()) * 1_000_000;
        self.port.wall().saturating_add_signed(off)
    }
}

/// What a deposed process believes is no part of the run.
impl<P: ports::Emitter> ports::Emitter for Disturbed<P> {
    fn emit(&self, what: What) {
        if !self.reign.is_over() {
            self.port.emit(what);
        }
    }

    fn abilities(&self, node: NodeId, said: &[Ability]) {
        self.port.abilities(node, said);
    }

    fn time_of_day(&self, node: NodeId, wall: u64) {
        self.port.time_of_day(node, wall);
    }

    fn computes(&self, node: NodeId, computes: bool) {
        self.port.computes(node, computes);
    }

    fn notice(&self, notice: Notice) {
        if !self.reign.is_over() {
            self.port.notice(notice);
        }
    }

    fn refused(&self, refusals: Refusals) {
        self.port.refused(refusals);
    }
}
