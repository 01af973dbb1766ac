//! What a machine lacks for a rack in a box.

use super::shell;

/// A namespace that nobody has, to try things in.
const PROBE: &str = "rackstorm-probe";

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
    // An earlier probe may have been killed half-way.
    let _ = shell::run("ip", &["netns", "del", PROBE]);
    if let Err(error) = shell::run("ip", &["netns", "add", PROBE]) {
        all.push(format!("the right to make network namespaces (CAP_SYS_ADMIN; be root): {error}"));
        return all;
    }
    let tries: [(&str, &[&str], &str); 3] = [
        (
            "virtual links (CONFIG_VETH, CAP_NET_ADMIN)",
            &["-n", PROBE, "link", "add", "one", "type", "veth", "peer", "name", "other"],
            "ip",
        ),
        (
            "bridges (CONFIG_BRIDGE)",
            &["-n", PROBE, "link", "add", "bridge", "type", "bridge"],
            "ip",
        ),
        (
            "the shaper tbf (CONFIG_NET_SCH_TBF)",
            &[
                "-n", PROBE, "qdisc", "add", "dev", "one", "root", "tbf", "rate", "1mbit", "burst",
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
    let _ = shell::run("ip", &["netns", "del", PROBE]);
    all
}
