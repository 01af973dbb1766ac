//! Any programs: their arguments are templates with `{channel}`, `{node}` and `{address}`.
//!
//! No shell reads them: each argument is passed as it is. The state is the first word that the
//! program of `state` prints: `on`, `off` or `dead`, in letters of any size.

use super::{DriverError, OneByOne, Target, Wanted, duration, tool};
use crate::fleet::ports::PowerState;
use crate::inventory::power::Command as Settings;
use crate::units::Span;

/// Programs.
pub(super) struct Command {
    settings: Settings,
}

impl Command {
    pub(super) fn new(settings: Settings) -> Self {
        Self { settings }
    }

    async fn run(&self, template: &[String], target: &Target) -> Result<String, DriverError> {
        let argv = template.iter().map(|part| filled(part, target));
        let argv = argv.collect::<Result<Vec<_>, _>>()?;
        let argv: Vec<&str> = argv.iter().map(String::as_str).collect();
        tool::run(&argv, duration(self.settings.timeout)).await
    }
}

/// An argument with its place-holders filled.
fn filled(part: &str, target: &Target) -> Result<String, DriverError> {
    if part.contains("{address}") && target.address.is_none() {
        let way_out = "give the node an `address`, or use {node}";
        return Err(DriverError::new("the command wants {address}, which is not known", way_out));
    }
    Ok(part
        .replace("{channel}", &target.channel)
        .replace("{node}", &target.node)
        .replace("{address}", target.address.as_deref().unwrap_or_default()))
}

impl OneByOne for Command {
    async fn state(&mut self, target: &Target) -> Result<PowerState, DriverError> {
        let said = self.run(&self.settings.state, target).await?;
        match said.split_whitespace().next().map(str::to_lowercase).as_deref() {
            Some("on") => Ok(PowerState::On),
            Some("off") => Ok(PowerState::Off),
            Some("dead") => Ok(PowerState::Dead),
            _ => Err(tool::odd(&self.settings.state[0], &said)),
        }
    }

    async fn set(&mut self, target: &Target, wanted: Wanted) -> Result<(), DriverError> {
        let template = match wanted {
            Wanted::On => &self.settings.on,
            Wanted::Off => &self.settings.off,
        };
        self.run(template, target).await.map(drop)
    }

    fn follows(&self) -> Span {
        self.settings.follows
    }
}
