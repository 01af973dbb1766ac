//! Redfish of DMTF: the property `PowerState` and the action `ComputerSystem.Reset` of a system.
//!
//! ```text
//!  GET  /redfish/v1/Systems/1          {"PowerState":"On", "Actions":{"#ComputerSystem.Reset":
//!                                         {"target":"/redfish/v1/Systems/1/Actions/..."}}, ...}
//!  POST that target                    {"ResetType":"ForceOff"}
//!  POST /redfish/v1/SessionService/Sessions   {"UserName":"...","Password":"..."}
//!                                             X-Auth-Token: ..., Location: what to DELETE
//! ```
//!
//! DSP0268 (Redfish data model): `PoweringOn` is not on yet, `PoweringOff` not off yet. Only
//! `PowerState` says what became of a reset. An iLO 4 answers one that it carries out with a body
//! in which `error` holds the message `Base.0.10.Success`; others answer with a page of HTML, or
//! with a task.
//!
//! DSP0266 (Redfish protocol): a service takes HTTP basic authentication and sessions; operators
//! switch the former off. So the first 401 leads to a session, which is closed at the end; a
//! session that has run out is followed by another one. A program that is killed leaves its session
//! open, until the service closes it by itself.

use std::collections::BTreeMap;

use hyper::{Method, StatusCode};
use serde_json::{Value, json};

use super::http::{Client, Proof, Reply, odd, path_of};
use super::{DriverError, OneByOne, Target, Wanted, duration};
use crate::config::words::Word;
use crate::fleet::ports::PowerState;
use crate::inventory::power::Redfish as Settings;
use crate::units::Span;

/// Where sessions are opened (DSP0266).
const SESSIONS: &str = "/redfish/v1/SessionService/Sessions";

/// A service.
pub(super) struct Redfish {
    settings: Settings,
    client: Client,
    /// What each system says where its resets go, by its channel.
    resets: BTreeMap<String, String>,
    /// The session that is open.
    session: Option<String>,
}

impl Redfish {
    pub(super) fn new(settings: Settings) -> Self {
        let client = Client::new(settings.web.clone(), duration(settings.timeout));
        Self { settings, client, resets: BTreeMap::new(), session: None }
    }

    /// Asks, and waits for an answer with success; opens a session if that is what is missing.
    async fn ask(
        &mut self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<Reply, DriverError> {
        let mut reply = self.client.send(&method, path, body.as_ref()).await?;
        if reply.status == StatusCode::UNAUTHORIZED {
            self.log_in().await?;
            reply = self.client.send(&method, path, body.as_ref()).await?;
        }
        if reply.status.is_success() {
            return Ok(reply);
        }
        let start = || reply.body.trim().chars().take(80).collect();
        let said = reply.json().ok().and_then(|json| complaint(&json)).unwrap_or_else(start);
        Err(reply.driver_error(&said))
    }

    async fn log_in(&mut self) -> Result<(), DriverError> {
        let login = self.client.login()?;
        let body = login.map(|(user, password)| json!({ "UserName": user, "Password": password }));
        let Some(body) = body else { return Err(self.client.refuse("it wants a password")) };
        (self.client.proof, self.session) = (Proof::None, None);
        let reply = self.client.send(&Method::POST, SESSIONS, Some(&body)).await?;
        match reply.status.as_u16() {
            200..300 => {}
            400 | 401 | 403 => {
                return Err(self.client.refuse("it refuses the password, for a session too"));
            }
            404 | 405 | 501 => {
                return Err(self
                    .client
                    .refuse("it refuses the password (401) and has no sessions"));
            }
            status => {
                let what = format!("it opens no session ({status})");
                let way_out = "are too many open there? the password may be right";
                return Err(DriverError::new(what, way_out));
            }
        }
        let Some(token) = reply.header("X-Auth-Token") else {
            return Err(DriverError::new(
                "it opens a session without X-Auth-Token",
                "is its firmware a known one?",
            ));
        };
        self.client.proof = Proof::Token(token.to_owned());
        let named = reply.json().ok().and_then(|json| Some(json["@odata.id"].as_str()?.to_owned()));
        self.session = reply.header("Location").map(path_of).or(named);
        Ok(())
    }
}

/// The path of a system.
fn system(target: &Target) -> String {
    format!("/redfish/v1/Systems/{}", target.channel)
}

/// What stands in an error: the first message, or what it is called.
fn complaint(json: &Value) -> Option<String> {
    let error = json.get("error")?;
    let first = &error["@Message.ExtendedInfo"][0];
    let texts = [&first["Message"], &first["MessageId"], &first["MessageID"], &error["message"]];
    let text = texts.iter().find_map(|text| text.as_str()).unwrap_or("an error without message");
    Some(text.chars().take(120).collect())
}

impl OneByOne for Redfish {
    async fn state(&mut self, target: &Target) -> Result<PowerState, DriverError> {
        let path = system(target);
        let reply = self.ask(Method::GET, &path, None).await?;
        let json = reply.json()?;
        if let Some(reset) = json["Actions"]["#ComputerSystem.Reset"]["target"].as_str() {
            self.resets.insert(target.channel.clone(), path_of(reset));
        }
        match json["PowerState"].as_str() {
            Some("On" | "PoweringOff" | "Paused") => Ok(PowerState::On),
            Some("Off" | "PoweringOn") => Ok(PowerState::Off),
            _ => Err(match complaint(&json) {
                Some(said) => DriverError::new(
                    format!("it gives no PowerState, but {said:?}"),
                    "is `channel` the id of a system there?",
                ),
                None => odd(&reply.body),
            }),
        }
    }

    async fn set(&mut self, target: &Target, wanted: Wanted) -> Result<(), DriverError> {
        let usual = || format!("{}/Actions/ComputerSystem.Reset", system(target));
        let path = self.resets.get(&target.channel).cloned().unwrap_or_else(usual);
        let kind = match wanted {
            Wanted::On => self.settings.on.word(),
            Wanted::Off => self.settings.off.word(),
        };
        let body = json!({ "ResetType": kind });
        self.ask(Method::POST, &path, Some(body)).await.map(drop)
    }

    fn follows(&self) -> Span {
        self.settings.follows
    }

    async fn leave(&mut self) {
        if let Some(session) = self.session.take() {
            // One that stays open is closed by the service, which has the last word on it.
            let _ = self.client.send(&Method::DELETE, &session, None).await;
        }
    }
}
