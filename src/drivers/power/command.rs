//! Any programs: their arguments are templates with `{channel}`, `{node}` and `{address}`.
//!
//! No shell reads them: each argument is passed as it is. The state is the first word that the
//! program of `state` prints: `on`, `off` or `dead`, in letters of any size.

use std::time::Duration;

use super::{Answers, Doing, Driver, Target, Trouble, Wanted, duration, tool};
use crate::fleet::doors::PowerState;
use crate::inventory::power::Command as Settings;

/// Programs.
pub(super) struct Command {
    settings: Settings,
}

impl Command {
    pub(super) fn new(settings: Settings) -> Self {
        Self { settings }
    }

    async fn run(&self, template: &[String], target: &Target) -> Result<String, Trouble> {
        let argv = template.iter().map(|part| filled(part, target));
        let argv = argv.collect::<Result<Vec<_>, _>>()?;
        let argv: Vec<&str> = argv.iter().map(String::as_str).collect();
        tool::run(&argv, duration(self.settings.timeout)).await
    }

    async fn state(&self, target: &Target) -> Result<PowerState, Trouble> {
        let said = self.run(&self.settings.state, target).await?;
        match said.split_whitespace().next().map(str::to_lowercase).as_deref() {
            Some("on") => Ok(PowerState::On),
            Some("off") => Ok(PowerState::Off),
            Some("dead") => Ok(PowerState::Dead),
            _ => Err(tool::odd(&self.settings.state[0], &said)),
        }
    }
}

/// An argument with its place-holders filled.
fn filled(part: &str, target: &Target) -> Result<String, Trouble> {
    if part.contains("{address}") && target.address.is_none() {
        let way_out = "give the node an `address`, or use {node}";
        return Err(Trouble::new("the command wants {address}, which is not known", way_out));
    }
    Ok(part
        .replace("{channel}", &target.channel)
        .replace("{node}", &target.node)
        .replace("{address}", target.address.as_deref().unwrap_or_default()))
}

impl Driver for Command {
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
            let template = match wanted {
                Wanted::On => self.settings.on.clone(),
                Wanted::Off => self.settings.off.clone(),
            };
            let mut answers = Vec::new();
            for target in targets {
                answers.push(self.run(&template, target).await.map(drop));
            }
            answers
        })
    }

    fn follows(&self, _: Wanted, _: bool) -> Duration {
        duration(self.settings.follows)
    }
}
