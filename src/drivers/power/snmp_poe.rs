//! A switch that feeds nodes through their cables, by Net-SNMP's `snmpset` and `snmpget`.
//!
//! ```text
//!  snmpset -v2c -c private switch 1.3.6.1.2.1.105.1.1.1.3.1.7 i 2
//!  snmpget -v2c -c private -Oqve switch 1.3.6.1.2.1.105.1.1.1.3.1.7      2
//! ```
//!
//! The object is pethPsePortAdminEnable of RFC 3621, 1 true and 2 false, or a maker's own. `-Oqve`
//! prints the bare value, as a number even where the MIB is known.
//!
//! Not modelled: version 3 of SNMP, and the community's being seen in the list of processes.

use super::{DriverError, OneByOne, Target, Wanted, duration, tool};
use crate::fleet::ports::PowerState;
use crate::inventory::power::SnmpPoe as Settings;
use crate::units::Span;

/// A switch.
pub(super) struct SnmpPoe {
    settings: Settings,
}

impl SnmpPoe {
    pub(super) fn new(settings: Settings) -> Self {
        Self { settings }
    }

    fn object(&self, target: &Target) -> String {
        format!("{}.{}", self.settings.oid, self.settings.port_base + target.number())
    }
}

impl OneByOne for SnmpPoe {
    async fn state(&mut self, target: &Target) -> Result<PowerState, DriverError> {
        let Settings { host, community, get, timeout, .. } = &self.settings;
        let object = self.object(target);
        let argv = [get.as_str(), "-v2c", "-c", community, "-Oqve", host, &object];
        let said = tool::run(&argv, duration(*timeout)).await?;
        match said.trim().parse::<u64>() {
            Ok(value) if value == self.settings.on => Ok(PowerState::On),
            Ok(value) if value == self.settings.off => Ok(PowerState::Off),
            _ => Err(tool::odd(get, &said)),
        }
    }

    async fn set(&mut self, target: &Target, wanted: Wanted) -> Result<(), DriverError> {
        let Settings { host, community, set, timeout, .. } = &self.settings;
        let value = match wanted {
            Wanted::On => self.settings.on,
            Wanted::Off => self.settings.off,
        };
        let (object, value) = (self.object(target), value.to_string());
        let argv = [set.as_str(), "-v2c", "-c", community, host, &object, "i", &value];
        tool::run(&argv, duration(*timeout)).await.map(drop)
    }

    fn follows(&self) -> Span {
        self.settings.follows
    }
}
