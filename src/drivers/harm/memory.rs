//! Flips of bits in memory: of the job's ranks, and of other processes.
//!
//! Those of the ranks come as a message of their own, because the controller counts them for the
//! truth; the agent's job carries them out. The memory of another process is written through
//! `/proc/PID/mem`, which the kernel lets those do who may trace it (proc(5)). Nothing of it is
//! undone.
//!
//! Not modelled: a flip may strike a page that the process has not used yet; what the process
//! itself writes to the same byte within the same microseconds is lost.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::{Family, HarmContext, PlannedHarm};
use crate::fleet::means::{Capability, Lack};
use crate::fleet::ports::InjectionOrder;
use crate::rng::Stream;

/// The memory of the ranks.
pub(super) struct Memory;

impl Family for Memory {
    fn can(&self, _place: &HarmContext) -> Vec<(Capability, Result<(), Lack>)> {
        vec![(Capability::Flip, Ok(()))]
    }

    fn plan(
        &self,
        _injection: &InjectionOrder,
        _place: &HarmContext,
    ) -> io::Result<Option<PlannedHarm>> {
        Ok(None)
    }
}

/// Flips so many bits of the data of a process, each chosen evenly among all of them by this seed.
pub(super) fn flip(kernel: &Path, pid: u32, bits: u32, seed: u64) -> io::Result<()> {
    let folder = kernel.join(pid.to_string());
    let regions = data(&fs::read_to_string(folder.join("maps"))?);
    let all: u64 = regions.iter().map(|(start, end)| end - start).sum();
    if all == 0 {
        return Err(io::Error::other(format!("process {pid} has no data")));
    }
    let memory = File::options().read(true).write(true).open(folder.join("mem"))?;
    let mut draw = Stream::new(seed, "harm/flip").draw(u64::from(pid), 0);
    for _ in 0..bits {
        let (address, bit) = (nth(&regions, draw.below(all)), draw.below(8));
        let mut byte = [0];
        memory.read_exact_at(&mut byte, address)?;
        byte[0] ^= 1 << bit;
        memory.write_all_at(&byte, address)?;
    }
    Ok(())
}

/// Where a process keeps data of its own: what it may write and no file stands behind, as
/// `/proc/PID/maps` shows.
fn data(maps: &str) -> Vec<(u64, u64)> {
    let of = |line: &str| {
        let fields: Vec<_> = line.split_whitespace().collect();
        let [range, rights, _, _, inode, ..] = fields[..] else { return None };
        let (start, end) = range.split_once('-')?;
        let number = |text| u64::from_str_radix(text, 16).ok();
        let own = rights.starts_with("rw") && rights.ends_with('p') && inode == "0";
        number(start).zip(number(end)).filter(|_| own)
    };
    maps.lines().filter_map(of).collect()
}

fn nth(regions: &[(u64, u64)], number: u64) -> u64 {
    let mut left = number;
    for (start, end) in regions {
        if left < end - start {
            return start + left;
        }
        left -= end - start;
    }
    unreachable!("it is below the sum of all")
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAPS: &str = "\
5500-5600 r-xp 00000000 08:01 12 /bin/sleep
5600-5604 rw-p 00000000 08:01 12 /bin/sleep
5700-5710 rw-p 00000000 00:00 0 [heap]
7f00-7f20 rw-s 00000000 00:05 9 /dev/shm/x
7f20-7f24 rw-p 00000000 00:00 0
7f30-7f34 r--p 00000000 00:00 0 [vvar]
";

    #[test]
    fn only_what_a_process_writes_and_no_file_backs_is_its_data() {
        let regions = data(MAPS);
        assert_eq!(regions, [(0x5700, 0x5710), (0x7f20, 0x7f24)]);
        assert_eq!((nth(&regions, 15), nth(&regions, 16)), (0x570F, 0x7f20));
    }

    #[test]
    fn bits_of_another_process_flip() {
        let mut sleeper = std::process::Command::new("sleep").arg("1000").spawn().expect("sleep");
        let folder = format!("/proc/{}", sleeper.id());
        let name = || fs::read_to_string(format!("{folder}/comm")).expect("it runs");
        // Until it is the program, its memory is a copy of ours.
        while name() != "sleep\n" {}
        let read = || -> io::Result<Vec<u8>> {
            let regions = data(&fs::read_to_string(format!("{folder}/maps"))?);
            let memory = File::open(format!("{folder}/mem"))?;
            let mut all = Vec::new();
            for (start, end) in regions {
                let mut bytes = vec![0; (end - start) as usize];
                memory.read_exact_at(&mut bytes, start)?;
                all.extend(bytes);
            }
            Ok(all)
        };
        // It sleeps when its memory changes no more.
        let mut before = read();
        loop {
            std::thread::park_timeout(std::time::Duration::from_millis(100));
            let last = std::mem::replace(&mut before, read());
            if last.ok() == before.as_ref().ok().cloned() {
                break;
            }
        }
        let done = flip(Path::new("/proc"), sleeper.id(), 40, 1);
        let after = read();
        sleeper.kill().expect("it is ours");
        sleeper.wait().expect("it is ours");
        if let Err(error) = &done {
            eprintln!("skipped: memory of other processes: {error}");
            return;
        }
        let (before, after) = (before.expect("readable"), after.expect("readable"));
        let flipped: u32 = before.iter().zip(&after).map(|(a, b)| (a ^ b).count_ones()).sum();
        assert_eq!(flipped, 40);
    }
}
