//! Claims: who plays a shard says so by a folder of its name, which the system makes at most once.
//!
//! There are no locks, since network file systems do not keep them. A claim is a folder that is
//! made elsewhere, with its owner in it, and renamed to its place: that fails where a claim lies
//! already, on NFS and Lustre too. Nothing hangs on a claim but work that would be done twice:
//! whoever plays a shard writes the same bytes.
//!
//! Whoever holds a claim gives a sign of life every few seconds. A claim whose owner was killed on
//! this machine is taken over; one of another machine only when that is demanded, and when it has
//! given no sign for a minute.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::drivers::process;
use crate::record::RecordError;

/// A claim without a sign of life for so long is stale: a dozen signs were missed.
const STALE: Duration = Duration::from_secs(60);

/// The file that gives the signs of life.
const OWNER: &str = "owner.json";

/// Who holds a claim.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claimant {
    /// The machine.
    pub host: String,
    /// The process there.
    pub pid: u32,
}

/// A shard that this process plays. It is given back when dropped.
#[derive(Debug)]
pub(super) struct Claim {
    place: PathBuf,
    own: String,
}

/// Why a claim is not to be had: who holds it, and when they gave their last sign of life.
#[derive(Debug)]
pub(super) struct Held {
    pub by: Option<Claimant>,
    pub silent: Duration,
}

impl Held {
    /// Whether `--force` takes it over.
    pub(super) fn is_stale(&self) -> bool {
        self.silent >= STALE
    }

    /// As part of a sentence.
    pub(super) fn text(&self) -> String {
        let who = self.by.as_ref().map_or_else(
            || "somebody".to_owned(),
            |by| format!("process {} of machine {}", by.pid, by.host),
        );
        format!("{who}, whose last sign of life is {} s old", self.silent.as_secs())
    }
}

impl Claim {
    /// Claims what is called `name` in a folder of claims.
    ///
    /// # Errors
    /// The outer one when the system refuses, the inner one when somebody else holds it.
    pub(super) fn take(
        folder: &Path,
        name: &str,
        force: bool,
    ) -> Result<Result<Self, Held>, RecordError> {
        let place = folder.join(format!("{name}.claim"));
        let me = Claimant { host: process::host(), pid: std::process::id() };
        let own = serde_json::to_string(&me).expect("a claimant is JSON");
        let made = folder.join(format!("{name}.{}", draft(&me)));
        let write =
            |path: &Path, text: &str| fs::write(path, text).map_err(RecordError::io("write", path));
        fs::create_dir_all(&made).map_err(RecordError::io("create", &made))?;
        write(&made.join(OWNER), &own)?;
        // Another process may take over the same stale claim at the same time: one of them wins.
        for _ in 0..2 {
            if fs::rename(&made, &place).is_ok() {
                return Ok(Ok(Self { place, own }));
            }
            let held = held(&place, &made.join(OWNER))?;
            let dead = held.by.as_ref().is_some_and(|by| {
                by.host == me.host && by.pid != me.pid && !process::is_alive(by.pid)
            });
            if !(dead || (force && held.is_stale())) {
                remove(&made)?;
                return Ok(Err(held));
            }
            let stale = folder.join(format!("{name}.stale.{}", draft(&me)));
            if fs::rename(&place, &stale).is_ok() {
                remove(&stale)?;
            }
        }
        let held = held(&place, &made.join(OWNER))?;
        remove(&made)?;
        Ok(Err(held))
    }

    /// Gives a sign of life. `false` if the claim was taken by somebody else.
    pub(super) fn live(&self) -> bool {
        let path = self.place.join(OWNER);
        let mine = fs::read_to_string(&path).is_ok_and(|owner| owner == self.own);
        mine && fs::write(&path, &self.own).is_ok()
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let path = self.place.join(OWNER);
        if fs::read_to_string(path).is_ok_and(|owner| owner == self.own) {
            let gone = self.place.with_extension(format!("left.{}", std::process::id()));
            // What is left of it is known by its age.
            if fs::rename(&self.place, &gone).is_ok() {
                let _ = fs::remove_dir_all(&gone);
            }
        }
    }
}

/// Names of files that only this process makes.
fn draft(me: &Claimant) -> String {
    format!("{}-{}", me.host, me.pid)
}

/// Who holds a claim. Ages are measured by the clock of the file system, with a file that was
/// written just now.
fn held(place: &Path, now: &Path) -> Result<Held, RecordError> {
    let modified = |path: &Path| fs::metadata(path).and_then(|about| about.modified());
    let now = modified(now).map_err(RecordError::io("read", now))?;
    let owner = place.join(OWNER);
    let by = fs::read_to_string(&owner).ok().and_then(|text| serde_json::from_str(&text).ok());
    let seen = modified(&owner).or_else(|_| modified(place)).unwrap_or(now);
    Ok(Held { by, silent: now.duration_since(seen).unwrap_or_default() })
}

fn remove(folder: &Path) -> Result<(), RecordError> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(RecordError::io("remove", folder)(error))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A claim of process 1 of another machine, with a last sign of life so long ago.
    fn foreign(folder: &Path, host: &str, pid: u32, ago: Duration) {
        let place = folder.join("a.claim");
        fs::create_dir(&place).expect("a disk");
        let owner = serde_json::to_string(&Claimant { host: host.to_owned(), pid });
        fs::write(place.join(OWNER), owner.expect("JSON")).expect("a disk");
        let file = fs::File::options().write(true).open(place.join(OWNER)).expect("a file");
        let now = file.metadata().and_then(|about| about.modified()).expect("a time");
        file.set_modified(now - ago).expect("a disk");
    }

    #[test]
    fn one_of_two_gets_a_claim_and_the_other_one_when_it_is_given_back() {
        let folder = tempfile::tempdir().expect("a folder");
        let first = Claim::take(folder.path(), "a", false).expect("a disk").expect("it is free");
        assert!(first.live());
        for force in [false, true] {
            let held = Claim::take(folder.path(), "a", force).expect("a disk").expect_err("held");
            assert_eq!(held.by.map(|by| by.pid), Some(std::process::id()));
        }
        let other = Claim::take(folder.path(), "b", false).expect("a disk");
        drop((first, other));
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 0);
        Claim::take(folder.path(), "a", false).expect("a disk").expect("it is free again");
    }

    #[test]
    fn a_claim_of_another_machine_is_taken_when_it_is_stale_and_that_is_demanded() {
        for (ago, force, taken) in [(59, true, false), (61, false, false), (61, true, true)] {
            let folder = tempfile::tempdir().expect("a folder");
            foreign(folder.path(), "elsewhere", 1, Duration::from_secs(ago));
            let claim = Claim::take(folder.path(), "a", force).expect("a disk");
            assert_eq!(claim.is_ok(), taken, "{ago} s, {force}");
            if let Err(held) = claim {
                assert!(held.text().starts_with("process 1 of machine elsewhere, whose last"));
            }
        }
    }

    #[test]
    fn a_claim_whose_owner_was_killed_on_this_machine_is_taken_at_once() {
        let folder = tempfile::tempdir().expect("a folder");
        // Linux numbers processes up to 4,194,304.
        foreign(folder.path(), &process::host(), 2_000_000_000, Duration::ZERO);
        Claim::take(folder.path(), "a", false).expect("a disk").expect("nobody has it");
    }
}
