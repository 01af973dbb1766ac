//! The BMC of a Turing Pi 2: four slots behind `/api/bmc`, with HTTP basic authentication.
//!
//! ```text
//!  GET /api/bmc?opt=get&type=power            {"response":[{"result":[{"node1":"1", ...}]}]}
//!  GET /api/bmc?opt=set&type=power&node3=0    {"response":[{"result":"ok"}]}
//! ```
//!
//! Slots are counted from 1 in the *name* `node3`. What fails is answered with status 200 and
//! "Failed to ..." (turing-machines/bmcd, api/legacy.rs).

use std::time::Duration;

use hyper::Method;
use serde_json::Value;

use super::http::{Client, Reply, odd};
use super::{Answers, Doing, Driver, DriverError, Target, Wanted, duration};
use crate::fleet::ports::PowerState;
use crate::inventory::power::TuringPi as Settings;

/// A board.
pub(super) struct TuringPi {
    settings: Settings,
    client: Client,
}

impl TuringPi {
    pub(super) fn new(settings: Settings) -> Self {
        let client = Client::new(settings.web.clone(), duration(settings.timeout));
        Self { settings, client }
    }

    async fn get(&mut self, query: &str) -> Result<Reply, DriverError> {
        let reply = self.client.ask(Method::GET, &format!("/api/bmc?{query}"), None).await?;
        let Some(at) = reply.body.find("Failed to") else { return Ok(reply) };
        let message: String = reply.body[at..].chars().take_while(|c| *c != '"').take(80).collect();
        Err(DriverError::new(format!("it answers: {message}"), "look at the board's own log"))
    }

    async fn states(&mut self, targets: &[Target]) -> Result<Answers<PowerState>, DriverError> {
        let reply = self.get("opt=get&type=power").await?;
        let json = reply.json()?;
        let slots = json["response"][0]["result"].as_array().ok_or_else(|| odd(&reply.body))?;
        let state = |target: &Target| {
            let name = format!("node{}", target.channel);
            let value = slots.iter().find_map(|slots| slots.get(&name));
            match value.map(Value::to_string).as_deref() {
                Some("\"1\"" | "1") => Ok(PowerState::On),
                Some("\"0\"" | "0") => Ok(PowerState::Off),
                _ => Err(odd(&reply.body)),
            }
        };
        Ok(targets.iter().map(state).collect())
    }
}

impl Driver for TuringPi {
    fn states<'a>(&'a mut self, targets: &'a [Target]) -> Doing<'a, Answers<PowerState>> {
        Box::pin(async move {
            let answers = Self::states(self, targets).await;
            answers.unwrap_or_else(|driver_error| vec![Err(driver_error); targets.len()])
        })
    }

    fn order<'a>(&'a mut self, targets: &'a [Target], wanted: Wanted) -> Doing<'a, Answers<()>> {
        Box::pin(async move {
            let value = u8::from(wanted == Wanted::On);
            let mut answers = Vec::new();
            for target in targets {
                let query = format!("opt=set&type=power&node{}={value}", target.channel);
                answers.push(self.get(&query).await.map(drop));
            }
            answers
        })
    }

    fn follows(&self, _: Wanted, _: bool) -> Duration {
        duration(self.settings.follows)
    }
}
