//! Reboot and panic, by the keys of the kernel that are for emergencies ("magic SysRq").
//!
//! Nothing is written to the disks before, and nothing of it is undone. Source of the keys:
//! Linux, Documentation/admin-guide/sysrq.rst: `b` boots again at once, `c` brings a crash.

use std::fs::{self, File};
use std::io;

use super::{Act, Family, Permission, Place};
use crate::fleet::doors::{Deed, Means};
use crate::fleet::means::Capability;
use crate::scenario::harm::Stop;

/// The kernel's keys.
pub(super) struct Restart;

const KEYS: &str = "sysrq-trigger";

impl Family for Restart {
    fn can(&self, place: &Place) -> Vec<(Capability, Result<(), String>)> {
        let can = |permission| {
            place.permits(permission)?;
            let keys = File::options().write(true).open(place.kernel.join(KEYS));
            keys.map(drop).map_err(|error| format!("/proc/{KEYS}: {error}"))
        };
        vec![
            (Capability::Reboot, can(Permission::Reboot)),
            (Capability::Panic, can(Permission::Panic)),
        ]
    }

    fn plan(&self, deed: &Deed, place: &Place) -> io::Result<Option<Act>> {
        let (key, permission) = match deed.means {
            Means::Stop { how: Stop::Reboot } => ("b", Permission::Reboot),
            Means::Stop { how: Stop::Panic } => ("c", Permission::Panic),
            _ => return Ok(None),
        };
        place.permits(permission).map_err(io::Error::other)?;
        let keys = place.kernel.join(KEYS);
        let press = move || {
            fs::write(&keys, key)?;
            Ok(None)
        };
        Ok(Some(Act::new(Vec::new(), press)))
    }
}
