//! A Redfish service: its systems, sessions, and the manners in which real ones differ.

use serde_json::{Value, json};

use super::web::{Answer, FailureMode, Inside, Request};

/// Where all systems stand.
const SYSTEMS: &str = "/redfish/v1/Systems/";
/// Where sessions are opened, and below it closed.
const SESSIONS: &str = "/redfish/v1/SessionService/Sessions";

/// Who may come in, and the sessions that are open.
#[derive(Default)]
pub(super) struct Sessions {
    /// User and password, if they are demanded.
    login: Option<(String, String)>,
    /// The tokens of those that are open.
    open: Vec<String>,
    /// How many were ever opened.
    opened: usize,
}

impl Sessions {
    pub(super) fn demand(&mut self, user: &str, password: &str) {
        self.login = Some((user.to_owned(), password.to_owned()));
    }

    /// How many are open, and how many were ever opened.
    pub(super) fn count(&self) -> (usize, usize) {
        (self.open.len(), self.opened)
    }

    /// All of them run out.
    pub(super) fn end(&mut self) {
        self.open.clear();
    }

    /// Opens or closes one, if that is what is asked, or refuses who has none.
    fn answer(&mut self, request: &Request) -> Option<Answer> {
        let (user, password) = self.login.clone()?;
        if request.path == SESSIONS && request.method == "POST" {
            let json: Value = serde_json::from_str(&request.body).unwrap_or_default();
            if json["UserName"] != user.as_str() || json["Password"] != password.as_str() {
                return Some(Answer::new(401, &Value::Null));
            }
            self.opened += 1;
            let token = format!("token-{}", self.opened);
            self.open.push(token.clone());
            let mut answer = Answer::new(201, &json!({ "Id": token }));
            // The name that a controller has for itself is not always that of the inventory.
            let place = format!("https://bmc.example{SESSIONS}/{token}");
            answer.headers = format!("X-Auth-Token: {token}\r\nLocation: {place}\r\n");
            return Some(answer);
        }
        let own = request.token.as_ref().filter(|token| self.open.contains(token));
        let Some(own) = own.cloned() else { return Some(Answer::new(401, &Value::Null)) };
        if request.method == "DELETE" && request.path == format!("{SESSIONS}/{own}") {
            self.open.retain(|token| *token != own);
            return Some(Answer::new(204, &Value::Null));
        }
        None
    }
}

impl Inside {
    /// `/redfish/v1/Systems/3`, and the action below it.
    pub(super) fn redfish(&mut self, request: &Request) -> Answer {
        match self.failure_mode {
            Some(FailureMode::Redirects(status)) if !request.path.ends_with('/') => {
                return Answer::redirect(status, &format!("{}/", request.path));
            }
            Some(FailureMode::SendsAway(port)) => {
                let place = format!("http://127.0.0.1:{port}{}", request.path);
                return Answer::redirect(308, &place);
            }
            _ => {}
        }
        if let Some(answer) = self.sessions.answer(request) {
            return answer;
        }
        let rest = request.path.trim_end_matches('/');
        let rest = rest.strip_prefix(SYSTEMS).unwrap_or_default();
        let (id, action) = rest.split_once('/').unwrap_or((rest, ""));
        let Some(channel) = self.system(id) else {
            return Answer::new(404, &json!({ "error": { "message": "no system" } }));
        };
        if self.lies() {
            return Answer::new(200, &json!({ "error": { "message": "the BMC is busy" } }));
        }
        let own = match self.failure_mode {
            Some(FailureMode::Elsewhere) => "Oem/Reset",
            _ => "Actions/ComputerSystem.Reset",
        };
        if action.is_empty() {
            let state = if self.nodes[&channel] { "On" } else { "Off" };
            let target = format!("{SYSTEMS}{id}/{own}");
            let actions = json!({ "#ComputerSystem.Reset": { "target": target } });
            return Answer::new(200, &json!({ "Id": id, "PowerState": state, "Actions": actions }));
        }
        if action != own || request.method != "POST" {
            return Answer::new(404, &json!({ "error": { "message": "no such action" } }));
        }
        let json: Value = serde_json::from_str(&request.body).unwrap_or_default();
        match json["ResetType"].as_str() {
            Some("On" | "ForceOn") => self.switch(channel, true),
            Some("ForceOff" | "GracefulShutdown") => self.switch(channel, false),
            _ => return Answer::new(400, &json!({ "error": { "message": "unknown ResetType" } })),
        }
        match self.failure_mode {
            // Word for word as an iLO 4 says it.
            Some(FailureMode::Praises) => {
                let message = json!([{ "MessageID": "Base.0.10.Success" }]);
                Answer::new(200, &json!({ "error": { "@Message.ExtendedInfo": message } }))
            }
            Some(FailureMode::Page) => Answer::text(200, "<html><body>Done.</body></html>"),
            Some(FailureMode::Grumbles) => Answer::text(500, "Internal Server Error"),
            _ => Answer::new(204, &Value::Null),
        }
    }
}
