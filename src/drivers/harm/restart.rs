//! Reboot and panic, by the keys of the kernel that are for emergencies (magic `SysRq`).
//!
//! Nothing is written to the disks before, and nothing of it is undone. Source of the keys:
//! Linux, Documentation/admin-guide/sysrq.rst: `b` boots again at once, `c` brings a crash.

use std::fs::{self, File};
use std::io;

use super::{Family, HarmContext, Permission, PlannedHarm};
use crate::fleet::means::{Capability, Lack};
use crate::fleet::ports::{InjectionOrder, Means};
use crate::scenario::harm::Stop;

/// The kernel's keys.
pub(super) struct Restart;

const KEYS: &str = "sysrq-trigger";

impl Family for Restart {
    fn can(&self, place: &HarmContext) -> Vec<(Capability, Result<(), Lack>)> {
        let can = |permission: &Permission| {
            place.permits(permission)?;
            let keys = File::options().write(true).open(place.kernel.join(KEYS));
            keys.map(drop).map_err(|error| Lack::System { said: format!("/proc/{KEYS}: {error}") })
        };
        vec![
            (Capability::Reboot, can(&Permission::Reboot)),
            (Capability::Panic, can(&Permission::Panic)),
        ]
    }

    fn plan(
        &self,
        injection: &InjectionOrder,
        place: &HarmContext,
    ) -> io::Result<Option<PlannedHarm>> {
        let Means::Stop { how } = injection.means else { return Ok(None) };
        let (key, permission) = match how {
            Stop::Reboot => ("b", Permission::Reboot),
            Stop::Panic => ("c", Permission::Panic),
            Stop::Kill => return Ok(None),
        };
        place.permits(&permission).map_err(io::Error::other)?;
        let keys = place.kernel.join(KEYS);
        let press = move || {
            fs::write(&keys, key)?;
            Ok(None)
        };
        Ok(Some(PlannedHarm::new(Vec::new(), press)))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::path::Path;

    use super::*;
    use crate::event::Fault;
    use crate::fleet::ports::Address;
    use crate::ids::{FaultId, Part, PartKind};
    use crate::units::Span;

    /// A kernel whose first process is in this network, and this one in `net:[1]`.
    fn kernel(folder: &Path, first: &str) {
        for (process, network) in [("self", "net:[1]"), ("1", first)] {
            let folder = folder.join(process).join("ns");
            fs::create_dir_all(&folder).expect("a folder");
            symlink(network, folder.join("net")).expect("a link");
        }
        fs::write(folder.join(KEYS), "").expect("a file");
    }

    fn place(folder: &Path, may: &[Permission]) -> HarmContext {
        HarmContext {
            life: "a".into(),
            state: folder.into(),
            may: may.iter().cloned().collect(),
            controller: Address::new("127.0.0.1", 1),
            program: "/bin/false".into(),
            kernel: folder.into(),
        }
    }

    fn can(folder: &Path, may: &[Permission]) -> Vec<bool> {
        Restart.can(&place(folder, may)).iter().map(|(_, can)| can.is_ok()).collect()
    }

    fn injection(how: Stop) -> InjectionOrder {
        InjectionOrder {
            number: 1,
            fault: FaultId(0),
            kind: Fault::Crash,
            part: Part { kind: PartKind::Node, index: 0 },
            lasts: None,
            lease: Span(1),
            means: Means::Stop { how },
        }
    }

    #[test]
    fn only_what_was_allowed_presses_a_key() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let folder = folder.path();
        kernel(folder, "net:[1]");
        assert_eq!(can(folder, &[]), [false, false]);
        assert_eq!(can(folder, &[Permission::Panic]), [false, true]);
        let place = place(folder, &[Permission::Panic]);
        assert!(Restart.plan(&injection(Stop::Reboot), &place).is_err());
        let act = Restart.plan(&injection(Stop::Panic), &place).expect("allowed").expect("its own");
        assert!(act.undo.is_empty());
        (act.begin)().expect("written");
        assert_eq!(fs::read_to_string(folder.join(KEYS)).expect("a file"), "c");
    }

    #[test]
    fn a_node_that_is_a_namespace_never_presses_one() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let folder = folder.path();
        kernel(folder, "net:[2]");
        let all = [Permission::Panic, Permission::Reboot, Permission::Clock];
        assert_eq!(can(folder, &all), [false, false]);
        for how in [Stop::Panic, Stop::Reboot] {
            assert!(Restart.plan(&injection(how), &place(folder, &all)).is_err());
        }
        let clock = place(folder, &all).permits(&Permission::Clock);
        assert_eq!(clock, Err(Lack::OwnKernel));
        fs::remove_dir_all(folder.join("1")).expect("it goes");
        assert_eq!(can(folder, &all), [false, false], "it is not known");
    }
}
