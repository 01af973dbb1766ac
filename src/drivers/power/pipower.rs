//! LANL's PiPower: GETs to one server for each chassis, gathered for a tick.
//!
//! ```text
//!  GET /nodes/3,17/state/on     GET /nodes/3,17/state/off     GET /nodes/3,17/state
//!  200 [{"id":"3","state":"on"},{"id":"17","state":"off"}]
//! ```
//!
//! As hpc/kraken's pipower.go asks: what is "on" is on, and anything else is off. Its times are
//! the defaults: 5 s for on and off, 10 s for off after something failed.

use std::time::Duration;

use hyper::Method;
use serde_json::Value;

use super::http::{Client, odd};
use super::{Answers, Doing, Driver, DriverError, Target, Wanted, duration};
use crate::fleet::ports::PowerState;
use crate::inventory::power::PiPower as Settings;

/// A chassis.
pub(super) struct PiPower {
    settings: Settings,
    client: Client,
}

impl PiPower {
    pub(super) fn new(settings: Settings) -> Self {
        let client = Client::plain(&settings.address, duration(settings.timeout));
        Self { settings, client }
    }

    async fn get(&mut self, targets: &[Target], what: &str) -> Result<Value, DriverError> {
        let ids: Vec<&str> = targets.iter().map(|target| target.channel.as_str()).collect();
        let path = format!("/nodes/{}/state{what}", ids.join(","));
        self.client.ask(Method::GET, &path, None).await?.json()
    }
}

/// The states of targets in a list of `{"id", "state"}`.
pub(super) fn states(targets: &[Target], list: &Value) -> Answers<PowerState> {
    let entries = list.as_array();
    let find = |target: &Target| {
        let Some(entries) = entries else { return Err(odd(&list.to_string())) };
        let is_it = |entry: &&Value| entry["id"].as_str() == Some(target.channel.as_str());
        match entries.iter().find(is_it).and_then(|entry| entry["state"].as_str()) {
            Some("on") => Ok(PowerState::On),
            Some(_) => Ok(PowerState::Off),
            None => {
                let way_out = "is there a node of this number in the chassis?";
                Err(DriverError::new("it says nothing about this channel", way_out))
            }
        }
    };
    targets.iter().map(find).collect()
}

/// What a taken order is answered with: a list, as a query is.
pub(super) fn taken(list: &Value) -> Result<(), DriverError> {
    if list.is_array() { Ok(()) } else { Err(odd(&list.to_string())) }
}

/// How long a state may take to follow.
pub(super) fn follows(settings: &Settings, wanted: Wanted, failed: bool) -> Duration {
    duration(match (wanted, failed) {
        (Wanted::On, _) => settings.on,
        (Wanted::Off, false) => settings.off,
        (Wanted::Off, true) => settings.hung_off,
    })
}

impl Driver for PiPower {
    fn states<'a>(&'a mut self, targets: &'a [Target]) -> Doing<'a, Answers<PowerState>> {
        Box::pin(async move {
            match self.get(targets, "").await {
                Ok(list) => states(targets, &list),
                Err(driver_error) => vec![Err(driver_error); targets.len()],
            }
        })
    }

    fn order<'a>(&'a mut self, targets: &'a [Target], wanted: Wanted) -> Doing<'a, Answers<()>> {
        Box::pin(async move {
            let what = format!("/{}", wanted.word());
            let answer = self.get(targets, &what).await.and_then(|list| taken(&list));
            vec![answer; targets.len()]
        })
    }

    fn follows(&self, wanted: Wanted, failed: bool) -> Duration {
        follows(&self.settings, wanted, failed)
    }

    fn tick(&self) -> Option<Duration> {
        Some(duration(self.settings.tick))
    }
}
