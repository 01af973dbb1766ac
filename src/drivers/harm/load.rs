//! Load on a node: burnt time of its processors or less of it, filled memory and card, a slow disk.
//!
//! Time is burnt and memory filled in the agent's own process, so that the kernel takes both back
//! when it ends. Of memory and card a margin is always left: a node that is out of memory is a
//! crash, and another harm.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{Builder, JoinHandle, park_timeout};
use std::time::Duration;

use rustix::fs::{FallocateFlags, fallocate, statvfs};
use rustix::time::ClockId;

use super::clock::since;
use super::undo::Undo;
use super::{Family, HarmContext, Held, PlannedHarm};
use crate::fleet::means::{Capability, Lack};
use crate::fleet::ports::{InjectionOrder, Means};
use crate::scenario::harm::Load as Wanted;

/// The part of the memory and of the card that is left in any case (assumption).
const MARGIN: u64 = 20;
/// The least and the most of it (bytes; assumption: what agent and system need to go on).
const MARGIN_MIN: u64 = 32 << 20;
const MARGIN_MAX: u64 = 1 << 30;
/// One turn of a burner: some time busy, the rest idle.
const TURN: Duration = Duration::from_millis(100);

/// Over so long the kernel counts the time of a control group's processes, unless it is set
/// otherwise (us; Linux, Documentation/scheduler/sched-bwc.rst).
const CPU_PERIOD: u64 = 100_000;
/// So much of it an agent keeps in any case (us; assumption: it has to be heard).
const CPU_QUOTA_MIN: u64 = 10_000;

/// Processors, memory and card.
pub(super) struct Load;

impl Family for Load {
    fn can(&self, place: &HarmContext) -> Vec<(Capability, Result<(), Lack>)> {
        let probe = place.state.join("probe");
        let fills = fill_card(&probe, 4_096).map_err(Lack::from);
        // It may not be there.
        let _ = fs::remove_file(&probe);
        vec![
            (Capability::Slow, Ok(())),
            (Capability::Cpu, Ok(())),
            (Capability::Memory, available(&place.kernel).map(drop).map_err(Lack::from)),
            (Capability::Card, fills),
            (Capability::Disk, Throttle::of(place, u64::MAX).map(drop)),
        ]
    }

    fn plan(
        &self,
        injection: &InjectionOrder,
        place: &HarmContext,
    ) -> io::Result<Option<PlannedHarm>> {
        if let Means::Slow { share_ppm } = injection.means {
            return Ok(Some(slow_down(place, injection.number, share_ppm)));
        }
        let Means::Load(spec) = injection.means else { return Ok(None) };
        let mut undo = Vec::new();
        let card = place.state.join(format!("{}-{}.fill", place.life, injection.number));
        if spec.card.0 > 0 {
            undo.push(Undo::File { path: card.clone() });
        }
        let throttle = if spec.disk > 0 {
            let throttle = Throttle::of(place, injection.number).map_err(io::Error::other)?;
            undo.push(throttle.group.undo());
            Some(throttle)
        } else {
            None
        };
        let (memory, total) = available(&place.kernel)?;
        if spec.memory.0 > 0 && spec.memory.0 + margin(total) > memory {
            return Err(scarce("memory", spec.memory.0, memory, margin(total)));
        }
        let begin = move || {
            if spec.card.0 > 0 {
                let room = statvfs(card.parent().expect("it is in a folder"))?;
                let (free, all) = (room.f_bavail * room.f_frsize, room.f_blocks * room.f_frsize);
                if spec.card.0 + margin(all) > free {
                    return Err(scarce("the card", spec.card.0, free, margin(all)));
                }
                fill_card(&card, spec.card.0)?;
            }
            if let Some(throttle) = throttle {
                throttle.begin(spec.disk)?;
            }
            let taken = Taken::start(&spec)?;
            Ok(Some(Box::new(taken) as Held))
        };
        Ok(Some(PlannedHarm::new(undo, begin)))
    }
}

fn margin(all: u64) -> u64 {
    (all / MARGIN).clamp(MARGIN_MIN, MARGIN_MAX)
}

fn scarce(what: &str, wanted: u64, free: u64, margin: u64) -> io::Error {
    let (wanted, free, margin) = (wanted >> 20, free >> 20, margin >> 20);
    io::Error::other(format!(
        "{wanted} MiB of {what} cannot be filled: {free} MiB are free, and {margin} MiB stay so"
    ))
}

/// Memory that can be had, and all of it (bytes).
fn available(kernel: &Path) -> io::Result<(u64, u64)> {
    let text = fs::read_to_string(kernel.join("meminfo"))?;
    let field = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse::<u64>().ok().map(|kib| kib * 1024)
    };
    let both = field("MemAvailable:").zip(field("MemTotal:"));
    both.ok_or_else(|| io::Error::other("the kernel does not say what memory is free"))
}

/// Room of a file is taken without a byte being written to it.
fn fill_card(path: &Path, bytes: u64) -> io::Result<()> {
    let file = File::options().write(true).create(true).truncate(true).open(path)?;
    Ok(fallocate(&file, FallocateFlags::empty(), 0, bytes)?)
}

/// Threads that hold what is taken, until this is dropped.
struct Taken {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Taken {
    fn start(spec: &Wanted) -> io::Result<Self> {
        let mut held = Self { stop: Arc::default(), threads: Vec::new() };
        if spec.cpu_ppm > 0 {
            let busy = TURN.mul_f64(f64::from(spec.cpu_ppm) / 1e6);
            for _ in 0..std::thread::available_parallelism()?.get() {
                held.thread(move |stop| burn(busy, stop))?;
            }
        }
        if spec.memory.0 > 0 {
            let mut room: Vec<u8> = Vec::new();
            let size = spec.memory.0 as usize;
            room.try_reserve_exact(size).map_err(io::Error::other)?;
            held.thread(move |stop| {
                // Pages that nobody has written to are none. Any value but 0 will do.
                room.resize(size, 0xA5);
                while !stop.load(Ordering::Relaxed) {
                    park_timeout(TURN);
                }
                drop(room);
            })?;
        }
        Ok(held)
    }

    fn thread(&mut self, run: impl FnOnce(&AtomicBool) + Send + 'static) -> io::Result<()> {
        let stop = self.stop.clone();
        let thread = Builder::new().name("load".into()).spawn(move || run(&stop))?;
        self.threads.push(thread);
        Ok(())
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            thread.thread().unpark();
            assert!(thread.join().is_ok(), "a load does not panic");
        }
    }
}

/// Busy for some part of each turn. The clock of the thread's own time says how much it got, so
/// that it takes its share and no more where others want the processor as well.
fn burn(busy: Duration, stop: &AtomicBool) {
    let (own, wall) = (|| since(ClockId::ThreadCPUTime), || since(ClockId::Monotonic));
    let mut turn = wall();
    while !stop.load(Ordering::Relaxed) {
        let until = own() + busy;
        while own() < until && wall() < turn + TURN {
            std::hint::spin_loop();
        }
        turn += TURN;
        let now = wall();
        match turn.checked_sub(now) {
            Some(rest) => park_timeout(rest),
            // Turns that were missed are not made up for.
            None => turn = now,
        }
    }
}

/// A control group of the agent's own.
struct Group {
    folder: PathBuf,
    back: PathBuf,
    /// Whether it is one of version 2.
    second: bool,
}

impl Group {
    /// The one of an injection, which is not there yet, under a controller as the two versions call
    /// it, or why there can be none.
    fn of(place: &HarmContext, [first, second]: [&str; 2], number: u64) -> Result<Self, Lack> {
        let own = fs::read_to_string(place.kernel.join("self/cgroup")).unwrap_or_default();
        let mounts = fs::read_to_string(place.kernel.join("mounts")).unwrap_or_default();
        let none = || Lack::Groups { controller: second.to_owned() };
        let (root, own, is_second) = hierarchy(&mounts, &own, first).ok_or_else(none)?;
        if is_second {
            let open = fs::read_to_string(root.join("cgroup.subtree_control")).unwrap_or_default();
            if !open.split_whitespace().any(|word| word == second) {
                return Err(Lack::Delegation { controller: second.to_owned() });
            }
        }
        let folder = root.join(format!("rackstorm-{}-{number}", place.life));
        Ok(Self { folder, back: own, second: is_second })
    }

    fn undo(&self) -> Undo {
        Undo::Group { folder: self.folder.clone(), back: self.back.clone() }
    }

    /// The agent enters it, once these of its files say so.
    fn enter(&self, limits: &[(&str, String)]) -> io::Result<()> {
        fs::create_dir(&self.folder)?;
        for (file, limit) in limits {
            fs::write(self.folder.join(file), limit)?;
        }
        fs::write(self.folder.join("cgroup.procs"), std::process::id().to_string())
    }
}

/// The kernel gives the agent no more than a share of the time of all processors, where it has
/// control groups and lets the agent enter one. The agent keeps to a duty cycle in any case.
fn slow_down(place: &HarmContext, number: u64, share_ppm: u32) -> PlannedHarm {
    let group = Group::of(place, ["cpu", "cpu"], number).ok();
    let undo = group.iter().map(Group::undo).collect();
    PlannedHarm::new(undo, move || {
        if let Some(group) = group {
            let cores = std::thread::available_parallelism()?.get() as u64;
            let quota = (CPU_PERIOD * cores * u64::from(share_ppm) / 1_000_000).max(CPU_QUOTA_MIN);
            let limit = if group.second {
                ("cpu.max", format!("{quota} {CPU_PERIOD}"))
            } else {
                ("cpu.cfs_quota_us", quota.to_string())
            };
            // Who may not enter a group is slowed down all the same.
            let _ = group.enter(&[limit]);
        }
        Ok(None)
    })
}

/// A control group that slows down what the agent reads and writes.
struct Throttle {
    group: Group,
    device: String,
}

impl Throttle {
    fn of(place: &HarmContext, number: u64) -> Result<Self, Lack> {
        let group = Group::of(place, ["blkio", "io"], number)?;
        let root = group.folder.parent().expect("it is in the first one");
        if !group.second && !root.join("blkio.throttle.write_bps_device").exists() {
            return Err(Lack::Throttle);
        }
        let stands = fs::metadata(&place.state)?.dev();
        let (major, minor) = (rustix::fs::major(stands), rustix::fs::minor(stands));
        // Limits are of whole disks; a partition's is found next to it.
        let block = PathBuf::from(format!("/sys/dev/block/{major}:{minor}"));
        let disk = if block.join("partition").exists() { block.join("..") } else { block };
        let device = fs::read_to_string(disk.join("dev"));
        let device = device.map_err(|_| Lack::BlockDevice)?.trim().to_owned();
        Ok(Self { group, device })
    }

    fn begin(&self, rate: u64) -> io::Result<()> {
        let device = &self.device;
        if self.group.second {
            return self.group.enter(&[("io.max", format!("{device} rbps={rate} wbps={rate}"))]);
        }
        let limit = format!("{device} {rate}");
        let [read, write] = ["blkio.throttle.read_bps_device", "blkio.throttle.write_bps_device"];
        self.group.enter(&[(read, limit.clone()), (write, limit)])
    }
}

/// Where control groups are mounted that have this controller of version 1, this process's own
/// among them, or those of version 2, and whether it is these. `mounts` is `/proc/mounts`, `own` is
/// `/proc/self/cgroup`.
fn hierarchy(mounts: &str, own: &str, first: &str) -> Option<(PathBuf, PathBuf, bool)> {
    let mounted = |kind: &str, option: Option<&str>| {
        mounts.lines().find_map(|line| {
            let fields: Vec<_> = line.split_whitespace().collect();
            let [_, folder, found, options, ..] = fields[..] else { return None };
            let has = option.is_none_or(|option| options.split(',').any(|one| one == option));
            (found == kind && has).then(|| PathBuf::from(folder))
        })
    };
    let group = |controllers: &str| {
        own.lines().find_map(|line| {
            let (named, path) = line.split_once(':')?.1.split_once(':')?;
            let is = named.split(',').any(|one| one == controllers);
            is.then(|| path.trim_start_matches('/').to_owned())
        })
    };
    if let Some(root) = mounted("cgroup", Some(first)) {
        let own = root.join(group(first)?);
        return Some((root, own, false));
    }
    let root = mounted("cgroup2", None)?;
    let own = root.join(group("")?);
    Some((root, own, true))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Bytes;

    #[test]
    fn control_groups_of_either_version_are_found() {
        let first = "tmpfs /sys/fs/cgroup tmpfs rw 0 0\n\
                     cgroup /sys/fs/cgroup/blkio cgroup rw,relatime,blkio 0 0\n\
                     cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n";
        let own = "7:blkio:/agents\n0::/\n";
        let root = PathBuf::from("/sys/fs/cgroup/blkio");
        let expected = Some((root.clone(), root.join("agents"), false));
        assert_eq!(hierarchy(first, own, "blkio"), expected);
        let second = "cgroup2 /sys/fs/cgroup cgroup2 rw,nosuid 0 0\n";
        let own = "0::/system.slice/rackstorm.service\n";
        let root = PathBuf::from("/sys/fs/cgroup");
        let group = root.join("system.slice/rackstorm.service");
        assert_eq!(hierarchy(second, own, "blkio"), Some((root, group, true)));
        assert_eq!(hierarchy("sysfs /sys sysfs rw 0 0\n", own, "cpu"), None);
    }

    #[test]
    fn memory_that_is_filled_is_in_use_and_given_back() {
        let resident = || {
            let text = fs::read_to_string("/proc/self/statm").expect("Linux reports");
            let pages: u64 =
                text.split_whitespace().nth(1).expect("a field").parse().expect("a number");
            pages * 4_096
        };
        let size = 256 << 20;
        let before = resident();
        let spec = Wanted { memory: Bytes(size), ..Wanted::default() };
        let held = Taken::start(&spec).expect("so much is there");
        while resident() < before + size * 9 / 10 {
            park_timeout(Duration::from_millis(1));
        }
        drop(held);
        assert!(resident() < before + size / 2, "{} {before}", resident());
    }

    #[test]
    fn a_margin_is_left() {
        assert_eq!(margin(1 << 30), (1 << 30) / 20);
        assert_eq!((margin(1 << 20), margin(1 << 40)), (MARGIN_MIN, MARGIN_MAX));
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::write(folder.path().join("meminfo"), "MemTotal: 100 kB\nMemAvailable: 50 kB\n")
            .expect("written");
        assert_eq!(available(folder.path()).expect("it reports"), (51_200, 102_400));
    }
}
