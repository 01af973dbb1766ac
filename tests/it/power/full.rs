//! A disk that is full: nothing is begun without room for the journal, and all is put back.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use rackstorm::drivers::power::held::Held;
use rackstorm::event::Fault;
use rackstorm::fleet::ports::{InjectionOrder, Means, PowerState};
use rackstorm::ids::{FaultId, Part, PartKind};
use rackstorm::units::Span;
use tempfile::TempDir;

use super::bench::Subject;
use super::tools;
use crate::program::Bench;

/// A disk of so many kB in memory, unmounted with this value.
struct Disk(TempDir);

impl Disk {
    /// `None`, after saying so, where nothing may be mounted.
    fn mount(kilobytes: u32) -> Option<Self> {
        let folder = TempDir::new().expect("a folder");
        let size = format!("size={kilobytes}k");
        let mut mount = Command::new("mount");
        let done = mount.args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(folder.path()).output();
        if !done.is_ok_and(|done| done.status.success()) {
            eprintln!("skipped: nothing may be mounted here");
            return None;
        }
        Some(Self(folder))
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn fill(&self) {
        let mut file = fs::File::create(self.file("fill")).expect("a file");
        while file.write_all(&[0; 1024]).is_ok() {}
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}

fn injection(number: u64) -> InjectionOrder {
    let part = Part { kind: PartKind::Node, index: 0 };
    let (fault, kind, means) = (FaultId(0), Fault::Hang, Means::Usual);
    InjectionOrder { number, fault, kind, part, lasts: None, lease: Span(5), means }
}

/// A rack of three plugs on a disk, all of them on.
fn rack(disk: &Disk, subject: &Subject) -> PathBuf {
    let text = format!(
        "[[node]]\nnames = \"n[1-3]\"\npower = \"bus\"\nchannel = \"[1-3]\"\n\
         address = \"10.0.0.[1-3]\"\n[limits]\ndown_at_once = 3\ncycles_per_hour = 60\n{}",
        subject.table
    );
    for node in 1..=3 {
        fs::write(subject.folder.path().join(format!("n{node}")), "1").expect("written");
    }
    let file = disk.file("rack.toml");
    fs::write(&file, text).expect("written");
    file
}

fn found() -> BTreeMap<String, PowerState> {
    let on = |name: &str, state| (name.to_owned(), state);
    BTreeMap::from([on("n1", PowerState::Off), on("n2", PowerState::On)])
}

fn restore(rack: &Path) -> crate::program::Done {
    Bench::new().run(&["rack", "restore", "--rack", rack.to_str().expect("UTF-8")])
}

#[test]
fn what_a_run_found_is_put_back_though_the_disk_is_full() {
    let Some(disk) = Disk::mount(600) else { return };
    let subject = tools::command();
    let rack = rack(&disk, &subject);
    let held = Held::take(&rack, 1_000).expect("nobody has it");
    held.lock().journal.begin("storm", 7, found()).expect("there is room");
    disk.fill();
    // Room was reserved for what is noted while the disk is full.
    for number in 0..400 {
        let mut own = held.lock();
        own.journal.does(&injection(number), vec!["n2".into()]).expect("noted");
        own.journal.undone(number).expect("noted");
    }
    drop(held);
    let done = restore(&rack);
    assert_eq!(done.code, 0, "{}", done.stderr);
    assert!(done.stderr.contains("put back: n1: switched off"), "{}", done.stderr);
    assert_eq!([1, 2, 3].map(|node| (subject.is_on)(node)), [false, true, true]);
    let again = restore(&rack);
    assert!(again.stderr.contains("no run left anything"), "{}", again.stderr);
}

#[test]
fn nothing_is_begun_where_there_is_no_room_for_its_journal() {
    let Some(disk) = Disk::mount(600) else { return };
    let subject = tools::command();
    let rack = rack(&disk, &subject);
    disk.fill();
    let file = rack.to_str().expect("UTF-8");
    let done = Bench::new().run(&["rack", "cycle", "n1", "--rack", file]);
    assert_eq!((done.code, done.stdout.as_str()), (3, ""), "{}", done.stderr);
    assert!(done.stderr.contains("rack.journal: No space left on device"), "{}", done.stderr);
    assert_eq!([1, 2, 3].map(|node| (subject.is_on)(node)), [true; 3]);
    let held = Held::take(&rack, 1_000).expect("nobody has it");
    held.lock().journal.begin("storm", 7, found()).expect_err("there is no room");
}
