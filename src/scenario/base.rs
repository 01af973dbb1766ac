//! The built-in files of `scenarios/base/`, found by name, so that an installed program has them.

use std::sync::LazyLock;

/// Name and text of each.
pub(super) const FILES: &[(&str, &str)] = &[
    ("defaults", include_str!("../../scenarios/base/defaults.toml")),
    ("pi_1b", include_str!("../../scenarios/base/pi_1b.toml")),
    ("pi_1b_256", include_str!("../../scenarios/base/pi_1b_256.toml")),
    ("pi_1b_plus", include_str!("../../scenarios/base/pi_1b_plus.toml")),
    ("pi_2b", include_str!("../../scenarios/base/pi_2b.toml")),
    ("pi_3b", include_str!("../../scenarios/base/pi_3b.toml")),
    ("pi_3b_plus", include_str!("../../scenarios/base/pi_3b_plus.toml")),
    ("pi_4b", include_str!("../../scenarios/base/pi_4b.toml")),
    ("pi_5", include_str!("../../scenarios/base/pi_5.toml")),
    ("pi_cm4", include_str!("../../scenarios/base/pi_cm4.toml")),
    ("pi_zero_w", include_str!("../../scenarios/base/pi_zero_w.toml")),
    ("pi_zero_2w", include_str!("../../scenarios/base/pi_zero_2w.toml")),
    ("cluster_module_150", include_str!("../../scenarios/base/cluster_module_150.toml")),
    ("edge_rack_24", include_str!("../../scenarios/base/edge_rack_24.toml")),
    ("usb_hub_5", include_str!("../../scenarios/base/usb_hub_5.toml")),
    ("atx_tower_40", include_str!("../../scenarios/base/atx_tower_40.toml")),
    ("poe_switch_24", include_str!("../../scenarios/base/poe_switch_24.toml")),
    ("usb_hard_disk", include_str!("../../scenarios/base/usb_hard_disk.toml")),
    ("usb_ssd", include_str!("../../scenarios/base/usb_ssd.toml")),
    ("lanl_pilot", include_str!("../../scenarios/base/lanl_pilot.toml")),
    ("exascale", include_str!("../../scenarios/base/exascale.toml")),
    ("exascale_job", include_str!("../../scenarios/base/exascale_job.toml")),
];

/// The text of a built-in file.
pub(super) fn text(name: &str) -> Option<&'static str> {
    FILES.iter().find(|(known, _)| *known == name).map(|&(_, text)| text)
}

/// The name of the built-in file that gives a machine a reference job, if there is one; else that
/// of the machine.
pub(super) fn with_job(machine: &str) -> &str {
    let job = FILES.iter().find(|(known, _)| known.strip_suffix("_job") == Some(machine));
    job.map_or(machine, |(name, _)| name)
}

/// The name under which mistakes show it.
pub(super) fn shown(name: &str) -> String {
    format!("scenarios/base/{name}.toml (built in)")
}

/// The built-in files that give this table.
pub(super) fn profiles(table: &str) -> Vec<&'static str> {
    static HEADERS: LazyLock<Vec<Vec<&str>>> = LazyLock::new(|| {
        let headers = |text: &'static str| text.lines().filter(|line| line.starts_with('['));
        FILES.iter().map(|(_, text)| headers(text).collect()).collect()
    });
    let header = format!("[{table}]");
    let give = FILES.iter().zip(&*HEADERS);
    let give = give.filter(|(_, headers)| headers.contains(&header.as_str()));
    give.map(|((name, _), _)| *name).collect()
}
