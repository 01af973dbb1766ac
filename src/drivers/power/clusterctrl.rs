//! A Cluster HAT or Cluster CTRL, by the program clusterctrl.
//!
//! ```text
//!  clusterctrl on p3      clusterctrl off p3      clusterctrl status      ... p3:1 ...
//! ```
//!
//! On a machine that is not set up as a controller it ends with success and says nothing
//! (burtyb/clusterhat-image); then a line is missing here, which is reported.

use std::time::Duration;

use super::{Answers, Doing, Driver, DriverError, Target, Wanted, duration, tool};
use crate::fleet::ports::PowerState;
use crate::inventory::power::ClusterCtrl as Settings;

/// All HATs and controllers of a machine.
pub(super) struct ClusterCtrl {
    settings: Settings,
}

impl ClusterCtrl {
    pub(super) fn new(settings: Settings) -> Self {
        Self { settings }
    }

    async fn run(&self, arguments: &[&str]) -> Result<String, DriverError> {
        let argv = [&[self.settings.program.as_str()], arguments].concat();
        tool::run(&argv, duration(self.settings.timeout)).await
    }

    fn state(&self, said: &str, target: &Target) -> Result<PowerState, DriverError> {
        let start = format!("p{}:", target.channel);
        match said.lines().find_map(|line| line.trim().strip_prefix(start.as_str())) {
            Some("1") => Ok(PowerState::On),
            Some("0") => Ok(PowerState::Off),
            Some(_) => Err(tool::odd(&self.settings.program, said)),
            None => {
                let what = format!("`{} status` has no p{}", self.settings.program, target.channel);
                let way_out = "is the HAT there, and is this machine its controller?";
                Err(DriverError::new(what, way_out))
            }
        }
    }
}

impl Driver for ClusterCtrl {
    fn states<'a>(&'a mut self, targets: &'a [Target]) -> Doing<'a, Answers<PowerState>> {
        Box::pin(async move {
            match self.run(&["status"]).await {
                Ok(said) => targets.iter().map(|target| self.state(&said, target)).collect(),
                Err(driver_error) => vec![Err(driver_error); targets.len()],
            }
        })
    }

    fn order<'a>(&'a mut self, targets: &'a [Target], wanted: Wanted) -> Doing<'a, Answers<()>> {
        Box::pin(async move {
            let mut answers = Vec::new();
            for target in targets {
                let zero = format!("p{}", target.channel);
                answers.push(self.run(&[wanted.word(), &zero]).await.map(drop));
            }
            answers
        })
    }

    fn follows(&self, _: Wanted, _: bool) -> Duration {
        duration(self.settings.follows)
    }
}
