//! Redfish of DMTF: the property `PowerState` and the action `ComputerSystem.Reset` of a system.
//!
//! ```text
//!  GET  /redfish/v1/Systems/1                                  {"PowerState":"On", ...}
//!  POST /redfish/v1/Systems/1/Actions/ComputerSystem.Reset     {"ResetType":"ForceOff"}
//! ```
//!
//! DSP0268 (Redfish data model): `PoweringOn` is not on yet, `PoweringOff` not off yet.

use std::time::Duration;

use hyper::Method;
use serde_json::{Value, json};

use super::http::{Client, Reply, odd};
use super::{Answers, Doing, Driver, Target, Trouble, Wanted, duration};
use crate::fleet::doors::PowerState;
use crate::inventory::power::Redfish as Settings;

/// A service.
pub(super) struct Redfish {
    settings: Settings,
    client: Client,
}

impl Redfish {
    pub(super) fn new(settings: Settings) -> Self {
        let client = Client::new(settings.web.clone(), duration(settings.timeout));
        Self { settings, client }
    }

    async fn state(&mut self, target: &Target) -> Result<PowerState, Trouble> {
        let path = format!("/redfish/v1/Systems/{}", target.channel);
        let reply = self.client.ask(Method::GET, &path, None).await?;
        match sound(&reply)?["PowerState"].as_str() {
            Some("On" | "PoweringOff") => Ok(PowerState::On),
            Some("Off" | "PoweringOn") => Ok(PowerState::Off),
            _ => Err(odd(&reply.body)),
        }
    }

    async fn reset(&mut self, target: &Target, wanted: Wanted) -> Result<(), Trouble> {
        let path = format!("/redfish/v1/Systems/{}/Actions/ComputerSystem.Reset", target.channel);
        let kind = match wanted {
            Wanted::On => &self.settings.on,
            Wanted::Off => &self.settings.off,
        };
        let body = json!({ "ResetType": kind });
        let reply = self.client.ask(Method::POST, &path, Some(body)).await?;
        // 204 has no body, 202 names a task.
        if reply.body.trim().is_empty() { Ok(()) } else { sound(&reply).map(drop) }
    }
}

/// The body, if no error stands in it: services have been seen to answer 200 with one.
fn sound(reply: &Reply) -> Result<Value, Trouble> {
    let json = reply.json()?;
    let Some(error) = json.get("error") else { return Ok(json) };
    let message = error["message"].as_str().unwrap_or("no message");
    let way_out = "is `channel` the id of a system, and the ResetType one that it allows?";
    Err(Trouble::new(format!("it answers with an error: {message}"), way_out))
}

impl Driver for Redfish {
    fn states<'a>(&'a mut self, targets: &'a [Target]) -> Doing<'a, Answers<PowerState>> {
        Box::pin(async move {
            let mut answers = Vec::new();
            for target in targets {
                answers.push(self.state(target).await);
            }
            answers
        })
    }

    fn order<'a>(&'a mut self, targets: &'a [Target], wanted: Wanted) -> Doing<'a, Answers<()>> {
        Box::pin(async move {
            let mut answers = Vec::new();
            for target in targets {
                answers.push(self.reset(target, wanted).await);
            }
            answers
        })
    }

    fn follows(&self, _: Wanted, _: bool) -> Duration {
        duration(self.settings.follows)
    }
}
