//! What a controller must not forget over its own restart, as one object on its disk.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::sleep;

use crate::control::{FaultDue, Injection, InjectorState, PowerDue, Queue, SupervisorState};
use crate::fleet::job;
use crate::fleet::ports::{InjectionOrder, Object, Store};
use crate::units::{Bytes, Time};

/// The name of the object.
const NAME: &str = "controller";
/// Tries to save it before the run is given up: what ran out may be there again, such as files to
/// open. Agents make their links anew after five heartbeats without an answer; this takes three.
const SAVE_TRIES: u32 = 4;
/// The version of its form.
const VERSION: u32 = 2;

/// All of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Memory {
    pub version: u32,
    /// Which run it belongs to: the scenario's name and seed.
    pub run: (String, u64),
    /// Time of day at which the run began (ns since 1970).
    pub began: u64,
    /// Time of the run at which it was saved last.
    pub saved: Time,
    /// Counts the controllers of the run.
    pub term: u64,
    /// Sessions ever given.
    pub sessions: u64,
    /// The last life of each node that was seen, and its session.
    pub lives: BTreeMap<u32, (u32, u64)>,
    pub supervisor: SupervisorState,
    pub injector: InjectorState,
    /// What is due to these two.
    pub due: Queue<Due>,
    pub jobs: Option<job::State>,
    /// Harms that are not over, by number.
    pub injections: BTreeMap<u64, Harmed>,
}

/// What can become due to a machine of the controller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) enum Due {
    /// To the injector.
    Fault(FaultDue),
    /// To the power supervisor.
    Power(PowerDue),
}

/// A harm that is not over.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Harmed {
    pub injection: Injection,
    pub order: InjectionOrder,
    pub stage: HarmProgress,
    /// When it began.
    pub since: Time,
}

/// How far a harm is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum HarmProgress {
    /// Asked for, not yet confirmed.
    Doing,
    /// Done.
    Done,
    /// Its undoing is asked for, not yet confirmed.
    Undoing,
}

impl Memory {
    pub(super) fn new(run: (String, u64), began: u64) -> Self {
        Self {
            version: VERSION,
            run,
            began,
            saved: Time::ZERO,
            term: 0,
            sessions: 0,
            lives: BTreeMap::new(),
            supervisor: SupervisorState::default(),
            injector: InjectorState::default(),
            due: Queue::default(),
            jobs: None,
            injections: BTreeMap::new(),
        }
    }

    /// What an earlier controller of this run left; `None` if there was none.
    pub(super) async fn load(store: &impl Store, run: &(String, u64)) -> io::Result<Option<Self>> {
        let Some(bytes) = store.get(Object::State, NAME, Bytes(0)).await? else { return Ok(None) };
        let memory: Self = serde_json::from_slice(&bytes)?;
        if memory.version != VERSION || memory.run != *run {
            let text = format!("`{NAME}` is the memory of another run, or of another version");
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
        Ok(Some(memory))
    }

    /// Saves it, and tries again after `retry` where that fails.
    ///
    /// # Errors
    /// What keeps it from being saved.
    pub(super) async fn save(&self, store: &impl Store, retry: Duration) -> io::Result<()> {
        put(store, NAME, serde_json::to_vec(self)?, retry).await
    }
}

/// Puts something on the controller's disk, and tries again after `retry` where that fails.
///
/// # Errors
/// What keeps it from being saved.
pub(super) async fn put(
    store: &impl Store,
    name: &str,
    bytes: Vec<u8>,
    retry: Duration,
) -> io::Result<()> {
    for _ in 1..SAVE_TRIES {
        if store.put(Object::State, name, bytes.clone(), Bytes(0)).await.is_ok() {
            return Ok(());
        }
        sleep(retry).await;
    }
    store.put(Object::State, name, bytes, Bytes(0)).await
}
