//! What a machine lacks for a rack in a box.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use super::{network, shell};

/// What the name of a namespace begins with in which things are tried.
const PROBE: &str = "rackstorm-probe-";
/// Probes of this process so far.
static PROBES: AtomicU32 = AtomicU32::new(0);

/// What is missing, a sentence each; nothing if a box can be built here.
#[must_use]
pub fn missing() -> Vec<String> {
    let mut all = Vec::new();
    for (tool, arguments) in [("ip", ["-V"]), ("tc", ["-V"])] {
        if let Err(error) = shell::run(tool, &arguments) {
            all.push(format!("the tool `{tool}` (Debian: iproute2): {error}"));
        }
    }
    if !all.is_empty() {
        return all;
    }
    // A namespace that nobody has, to try things in: others may look at the same time.
    let (process, number) = (std::process::id(), PROBES.fetch_add(1, Ordering::Relaxed));
    let probe = Probe(format!("{PROBE}{process}-{number}"));
    let probe = &probe.0;
    if let Err(error) = shell::run("ip", &["netns", "add", probe]) {
        all.push(format!("the right to make network namespaces (CAP_SYS_ADMIN; be root): {error}"));
        return all;
    }
    let tries: [(&str, &[&str], &str); 3] = [
        (
            "virtual links (CONFIG_VETH, CAP_NET_ADMIN)",
            &["-n", probe, "link", "add", "one", "type", "veth", "peer", "name", "other"],
            "ip",
        ),
        (
            "bridges (CONFIG_BRIDGE)",
            &["-n", probe, "link", "add", "bridge", "type", "bridge"],
            "ip",
        ),
        (
            "the shaper tbf (CONFIG_NET_SCH_TBF)",
            &[
                "-n", probe, "qdisc", "add", "dev", "one", "root", "tbf", "rate", "1mbit", "burst",
                "1600", "limit", "10000",
            ],
            "tc",
        ),
    ];
    for (what, arguments, tool) in tries {
        if let Err(error) = shell::run(tool, arguments) {
            all.push(format!("{what}: {error}"));
        }
    }
    all
}

/// A namespace to try things in. It goes with this value.
struct Probe(String);

impl Drop for Probe {
    fn drop(&mut self) {
        // Where it could not be made there is none.
        let _ = shell::run("ip", &["netns", "del", &self.0]);
    }
}

/// Removes the probes of processes that were killed, and says how many there were.
///
/// # Errors
/// When the system does not say of them, or one cannot be removed.
pub fn clear_probes() -> io::Result<usize> {
    let left = network::namespaces_like(|space| {
        let rest = space.strip_prefix(PROBE).and_then(|rest| rest.split_once('-'));
        rest.is_some_and(|(process, _)| {
            let is_number = process.parse::<u32>().is_ok();
            is_number && !Path::new("/proc").join(process).exists()
        })
    })?;
    for space in &left {
        shell::run("ip", &["netns", "del", space])?;
    }
    Ok(left.len())
}
