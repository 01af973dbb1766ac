//! LANL's later PiPower, whose requests are like Redfish's: PUTs with a command and node numbers.
//!
//! ```text
//!  PUT /redfish/v1/Systems/C0/Actions/ComputerSystem.Reset    {"CMD":"on","Nodes":["3","17"]}
//!  200 [{"id":"3","state":"on"},{"id":"17","state":"on"}]
//! ```
//!
//! As hpc/kraken's rfpipower.go asks; `CMD` is on, off or state.

use std::time::Duration;

use hyper::Method;
use serde_json::{Value, json};

use super::http::Client;
use super::pipower::{follows, states, taken};
use super::{Answers, Doing, Driver, DriverError, Target, Wanted, duration};
use crate::fleet::ports::PowerState;
use crate::inventory::power::RfPiPower as Settings;

/// A chassis.
pub(super) struct RfPiPower {
    settings: Settings,
    client: Client,
}

impl RfPiPower {
    pub(super) fn new(settings: Settings) -> Self {
        let client = Client::plain(&settings.server.address, duration(settings.server.timeout));
        Self { settings, client }
    }

    async fn put(&mut self, targets: &[Target], command: &str) -> Result<Value, DriverError> {
        let ids: Vec<&str> = targets.iter().map(|target| target.channel.as_str()).collect();
        let chassis = &self.settings.chassis;
        let path = format!("/redfish/v1/Systems/{chassis}/Actions/ComputerSystem.Reset");
        let body = json!({ "CMD": command, "Nodes": ids });
        self.client.ask(Method::PUT, &path, Some(body)).await?.json()
    }
}

impl Driver for RfPiPower {
    fn states<'a>(&'a mut self, targets: &'a [Target]) -> Doing<'a, Answers<PowerState>> {
        Box::pin(async move {
            match self.put(targets, "state").await {
                Ok(list) => states(targets, &list),
                Err(driver_error) => vec![Err(driver_error); targets.len()],
            }
        })
    }

    fn order<'a>(&'a mut self, targets: &'a [Target], wanted: Wanted) -> Doing<'a, Answers<()>> {
        Box::pin(async move {
            let answer = self.put(targets, wanted.word()).await.and_then(|list| taken(&list));
            vec![answer; targets.len()]
        })
    }

    fn follows(&self, wanted: Wanted, failed: bool) -> Duration {
        follows(&self.settings.server, wanted, failed)
    }

    fn tick(&self) -> Option<Duration> {
        Some(duration(self.settings.server.tick))
    }
}
