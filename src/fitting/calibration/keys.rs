//! The keys of a scenario that can be fitted: how to read, set and write each, and its bounds.

use crate::scenario::Scenario;
use crate::units::{BitRate, ByteRate, PacketRate, Span};

/// A key that can be fitted. Values are in SI base units.
#[derive(Debug)]
pub struct Key {
    /// Its path in a scenario.
    pub name: &'static str,
    /// Unit of its values; `1` for shares.
    pub unit: &'static str,
    /// Whether it is fitted where nobody says what is.
    pub usual: bool,
    /// Smallest value.
    pub low: f64,
    /// Largest value.
    pub high: f64,
    /// Its value in a scenario; `None` where a scenario has no such key.
    pub get: fn(&Scenario) -> Option<f64>,
    /// Sets it in a scenario that has it.
    pub set: fn(&mut Scenario, f64),
    /// A value as TOML.
    pub toml: fn(f64) -> String,
}

/// The key of this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Key> {
    ALL.iter().find(|key| key.name == name)
}

/// The key whose name is most like this one, if any is.
#[must_use]
pub fn suggest(name: &str) -> Option<&'static str> {
    let like = |key: &Key| (strsim::jaro_winkler(key.name, name), key.name);
    let best = ALL.iter().map(like).max_by(|a, b| a.0.total_cmp(&b.0))?;
    (best.0 > 0.8).then_some(best.1)
}

/// A key that is a span of time.
macro_rules! span {
    ($name:literal, $usual:literal, $($field:ident).+) => {
        Key {
            name: $name,
            unit: "s",
            usual: $usual,
            low: 1e-9,
            high: 86_400.0,
            get: |scenario| Some(scenario.$($field).+.as_secs_f64()),
            set: |scenario, value| scenario.$($field).+ = Span::from_secs_f64(value),
            toml: of_span,
        }
    };
}

/// A key that is a whole number of a rate.
macro_rules! rate {
    ($name:literal, $unit:literal, $low:literal to $high:literal, $rate:ident, $($field:tt).+) => {
        Key {
            name: $name,
            unit: $unit,
            usual: false,
            low: $low,
            high: $high,
            get: |scenario| Some(scenario.$($field).+ as f64),
            set: |scenario, value| scenario.$($field).+ = rounded(value),
            toml: |value| quoted($rate(rounded(brief(value)))),
        }
    };
}

/// All of them.
pub static ALL: [Key; 15] = [
    rate!("hardware.link", "bit/s", 1e3 to 1e15, BitRate, hardware.link.0),
    Key {
        name: "network.tcp_share",
        unit: "1",
        usual: true,
        low: 0.01,
        high: 1.0,
        get: |scenario| Some(scenario.network.tcp_share),
        set: |scenario, value| scenario.network.tcp_share = value,
        toml: |value| format!("{:?}", brief(value)),
    },
    rate!("module.uplink", "bit/s", 1e3 to 1e15, BitRate, module.uplink.0),
    rate!("server.link", "bit/s", 1e3 to 1e15, BitRate, server.link.0),
    rate!("server.disk", "B/s", 1e3 to 1e15, ByteRate, server.disk),
    rate!("server.tftp_packets", "packets/s", 1.0 to 1e12, PacketRate, server.tftp_packets),
    span!("server.dhcp_service", true, server.dhcp_service),
    span!("hardware.boot.rom", true, hardware.boot.rom),
    span!("hardware.boot.kernel", true, hardware.boot.kernel),
    span!("hardware.boot.init", true, hardware.boot.init),
    span!("hardware.boot.tftp_pace", true, hardware.boot.tftp_pace),
    span!("hardware.boot.tftp_file_overhead", false, hardware.boot.tftp_file_overhead),
    span!("controller.detect", false, controller.detect),
    Key {
        name: "workload.bulk-synchronous.step",
        unit: "s",
        usual: true,
        low: 1e-6,
        high: 86_400.0 * 365.0,
        get: |scenario| scenario.short().map(|job| job.work.step.as_secs_f64()),
        set: set_step,
        toml: of_span,
    },
    Key {
        name: "workload.bulk-synchronous.collective.latency",
        unit: "s",
        usual: false,
        low: 1e-9,
        high: 60.0,
        get: |scenario| Some(scenario.short()?.work.collective?.latency.as_secs_f64()),
        set: |scenario, value| {
            let first = scenario.jobs.first_mut().and_then(|job| job.work.collective.as_mut());
            if let Some(collective) = first {
                collective.latency = Span::from_secs_f64(value);
            }
        },
        toml: of_span,
    },
];

/// The job keeps its number of steps: its work grows with them.
fn set_step(scenario: &mut Scenario, value: f64) {
    let job = &mut scenario.jobs.first_mut().expect("a scenario with a job").work;
    let longer = value / job.step.as_secs_f64();
    job.work = Span::from_secs_f64(job.work.as_secs_f64() * longer);
    job.step = Span::from_secs_f64(value);
}

fn rounded(value: f64) -> u64 {
    libm::round(value) as u64
}

/// In six significant digits: no run shows more.
fn brief(value: f64) -> f64 {
    format!("{value:.5e}").parse().expect("a number is read back")
}

fn quoted(value: impl std::fmt::Display) -> String {
    format!("\"{value}\"")
}

fn of_span(seconds: f64) -> String {
    quoted(Span::from_secs_f64(brief(seconds)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{self, Overrides};

    const SCENARIO: &str = "schema = 1\ninherit = \"edge_rack_24\"\n\
                            [workload.bulk-synchronous]\nstep = \"20 s\"\nwork = \"400 s\"\n\
                            collective = { operation = \"broadcast\", size = \"1 MB\", \
                            latency = \"1 ms\" }\n[stop]\nwhen = \"workload done\"\nat = \"2 h\"\n";

    fn read(set: &[String]) -> Scenario {
        let overrides = Overrides { set: set.to_vec(), seed: None };
        scenario::read_over("keys", SCENARIO, &overrides).expect("a good scenario")
    }

    #[test]
    fn what_is_set_in_a_scenario_is_what_its_toml_reads_as() {
        for key in &ALL {
            let mut scenario = read(&[]);
            let value = (key.get)(&scenario).expect("the scenario has all keys");
            let value = (value * 0.875).max(key.low);
            (key.set)(&mut scenario, value);
            let written = read(&[format!("{} = {}", key.name, (key.toml)(value))]);
            let [set, written] = [&scenario, &written].map(|it| (key.get)(it).expect("the key"));
            assert!((set - written).abs() <= 1e-5 * set, "{}: {set}, {written}", key.name);
            assert!((set - value).abs() <= 1e-6 * value, "{}: {set}, {value}", key.name);
        }
    }

    #[test]
    fn a_longer_step_makes_the_work_longer_and_not_the_steps_fewer() {
        let mut scenario = read(&[]);
        (find("workload.bulk-synchronous.step").expect("a key").set)(&mut scenario, 30.0);
        let job = &scenario.jobs[0].work;
        assert_eq!((job.step, job.work), (Span::from_secs(30), Span::from_secs(600)));
    }

    #[test]
    fn a_mistyped_key_is_suggested_and_nonsense_is_not() {
        assert_eq!(suggest("hardware.boot.ron"), Some("hardware.boot.rom"));
        assert_eq!(suggest("zzz"), None);
    }
}
