//! What a node's board measures, from the files in which Linux and a Pi's firmware show it.
//!
//! ```text
//!  load         /proc/loadavg                            first number
//!  memory       /proc/meminfo                            MemTotal - MemAvailable
//!  temperature  /sys/class/thermal/thermal_zone0/temp    thousandths of a degree Celsius
//!  throttled    /sys/devices/platform/soc/soc:firmware/get_throttled    hexadecimal
//! ```
//!
//! What a board does not have is not reported. The two last are as on Raspberry Pi OS; its kernel
//! documents them in `drivers/firmware/raspberrypi.c` and the thermal sysfs interface.

use std::fs;
use std::path::{Path, PathBuf};

use crate::fleet::wire::Readings;

/// A board.
#[derive(Clone, Debug)]
pub struct Board {
    root: PathBuf,
}

impl Board {
    /// The board that this process runs on.
    #[must_use]
    pub fn own() -> Self {
        Self::below("/")
    }

    /// The board whose files lie below a folder.
    #[must_use]
    pub fn below(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The throttle bits now: under-voltage, and what the firmware does against it and heat.
    #[must_use]
    pub fn throttled(&self) -> Option<u64> {
        let firmware = "sys/devices/platform/soc/soc:firmware/get_throttled";
        let text = fs::read_to_string(self.root.join(firmware)).ok()?;
        u64::from_str_radix(text.trim(), 16).ok()
    }

    /// What it measures now.
    #[must_use]
    pub fn read(&self) -> Readings {
        let text = |file: &str| fs::read_to_string(self.root.join(Path::new(file))).ok();
        let zone = "sys/class/thermal/thermal_zone0/temp";
        Readings {
            load: text("proc/loadavg").and_then(|text| load(&text)),
            memory: text("proc/meminfo").and_then(|text| memory(&text)),
            temperature: text(zone).and_then(|text| text.trim().parse::<i64>().ok()).map(positive),
            throttled: self.throttled(),
            wall: None,
        }
    }

    /// When it was booted (seconds since 1970): a life that grows with each boot, if its clock
    /// does.
    #[must_use]
    pub fn booted(&self) -> Option<u32> {
        let text = fs::read_to_string(self.root.join("proc/stat")).ok()?;
        text.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()
    }
}

fn positive(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

/// `0.42 0.30 0.25 1/123 4567`: 420 thousandths.
fn load(text: &str) -> Option<u64> {
    let (whole, part) = text.split_whitespace().next()?.split_once('.')?;
    let hundredths: u64 = format!("{whole}{part:0<2.2}").parse().ok()?;
    Some(hundredths * 10)
}

/// Bytes in use; the file counts in kB of 1,024 bytes.
fn memory(text: &str) -> Option<u64> {
    let field = |name: &str| -> Option<u64> {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse().ok()
    };
    Some(field("MemTotal:")?.saturating_sub(field("MemAvailable:")?) * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pi_reports_all_and_a_board_without_sensors_nothing() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let board = Board::below(folder.path());
        assert_eq!(board.read(), Readings::default());
        for (file, text) in [
            ("proc/loadavg", "0.42 0.30 0.25 1/123 4567\n"),
            ("proc/meminfo", "MemTotal:      948304 kB\nMemAvailable:   748304 kB\n"),
            ("sys/class/thermal/thermal_zone0/temp", "48312\n"),
            ("sys/devices/platform/soc/soc:firmware/get_throttled", "50005\n"),
        ] {
            let file = folder.path().join(file);
            fs::create_dir_all(file.parent().expect("in a folder")).expect("a folder");
            fs::write(file, text).expect("a file");
        }
        let expected = Readings {
            load: Some(420),
            memory: Some(200_000 * 1024),
            temperature: Some(48_312),
            throttled: Some(0x5_0005),
            wall: None,
        };
        assert_eq!(board.read(), expected);
    }

    #[test]
    fn what_is_no_number_is_no_reading() {
        assert_eq!((load("idle"), load("12.5 0 0"), load("")), (None, Some(12_500), None));
        assert_eq!(memory("MemTotal: 5 kB\n"), None);
        assert_eq!(positive(-3), 0);
    }
}
