//! A USB hub that switches its ports, by the program uhubctl.
//!
//! ```text
//!  uhubctl -l 1-1.4 -p 2             Port 2: 0503 power highspeed enable connect
//!  uhubctl -l 1-1.4 -p 2 -a off      Port 2: 0000 off
//! ```
//!
//! Not modelled: hubs that tell `off` and keep feeding the port; there are some, and no program
//! can tell (uhubctl's README lists hubs that are known to work).

use std::time::Duration;

use super::{Answers, Doing, Driver, Target, Trouble, Wanted, duration, tool};
use crate::fleet::doors::PowerState;
use crate::inventory::power::Uhubctl as Settings;

/// A hub.
pub(super) struct Uhubctl {
    settings: Settings,
}

impl Uhubctl {
    pub(super) fn new(settings: Settings) -> Self {
        Self { settings }
    }

    async fn run(&self, target: &Target, action: &[&str]) -> Result<String, Trouble> {
        let Settings { program, location, timeout, .. } = &self.settings;
        let argv = [program.as_str(), "-l", location, "-p", &target.channel];
        tool::run(&[&argv, action].concat(), duration(*timeout)).await
    }

    async fn state(&self, target: &Target) -> Result<PowerState, Trouble> {
        let said = self.run(target, &[]).await?;
        let start = format!("Port {}:", target.channel);
        let port = said.lines().find_map(|line| line.trim().strip_prefix(start.as_str()));
        let Some(port) = port else { return Err(tool::odd(&self.settings.program, &said)) };
        let words: Vec<&str> = port.split_whitespace().collect();
        match (words.contains(&"power"), words.contains(&"off")) {
            (true, false) => Ok(PowerState::On),
            (false, true) => Ok(PowerState::Off),
            _ => Err(tool::odd(&self.settings.program, &said)),
        }
    }
}

impl Driver for Uhubctl {
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
                answers.push(self.run(target, &["-a", wanted.word()]).await.map(drop));
            }
            answers
        })
    }

    fn follows(&self, _: Wanted, _: bool) -> Duration {
        duration(self.settings.follows)
    }
}
