//! Reads the measured storms, where they are at hand.

use std::path::{Path, PathBuf};

use crate::program::root;

/// One storm: what was asked for, and what it came to.
#[derive(Clone, Debug, serde::Deserialize)]
pub(super) struct Row {
    /// `r1`: on a busy machine, `r2`: on a quiet one.
    pub(super) run: String,
    pub(super) proto: String,
    pub(super) server: String,
    pub(super) client: String,
    /// Clients that start at once.
    pub(super) n: u32,
    /// Bytes that each of them moves; none for DHCP.
    pub(super) file_bytes: Option<u64>,
    pub(super) node_link: String,
    pub(super) server_link: String,
    /// TFTP block (bytes).
    pub(super) blksize: Option<u64>,
    /// Clients that succeeded.
    pub(super) ok: u32,
    pub(super) mean_s: f64,
    pub(super) median_s: f64,
    pub(super) makespan_s: f64,
    pub(super) ideal_fluid_s: Option<f64>,
    /// Of both cores of the machine, clients and shaping included (percent).
    pub(super) cpu_busy_pct: u32,
    pub(super) note: String,
}

impl Row {
    /// Whether rates and sizes are a tenth of the real ones, so that the processors have time.
    pub(super) fn is_scaled(&self) -> bool {
        self.note.starts_with("scaled")
    }

    /// Whether the processors had time to spare. Two cores that are busy for b of the time leave
    /// none of them busy for less than 2 b - 1: at 90 % each is busy for 80 % at least.
    pub(super) fn is_link_bound(&self) -> bool {
        self.cpu_busy_pct < 90
    }

    /// Whether the DHCP daemon pinged addresses before it offered them.
    pub(super) fn pings(&self) -> bool {
        self.note.starts_with("default")
    }

    /// Bytes of a client's file.
    pub(super) fn size(&self) -> u64 {
        self.file_bytes.expect("the storm moves files")
    }

    /// TFTP data packets of one client.
    pub(super) fn blocks(&self) -> u64 {
        self.size().div_ceil(self.blksize.expect("the storm has blocks"))
    }

    /// How an assertion names the row.
    pub(super) fn name(&self) -> String {
        let Self { run, proto, server, client, n, note, .. } = self;
        format!("{run} {proto} {server} {client} n={n} {note}")
    }
}

/// The rows of a summary, or nothing, after saying so, where the measurements are absent.
pub(super) fn rows(file: &str) -> Option<Vec<Row>> {
    table(file).map(|path| read(&path))
}

/// A table of the measurements, or nothing, after saying so, where they are absent.
#[expect(clippy::print_stdout, reason = "a test that skips must say so")]
pub(crate) fn table(file: &str) -> Option<PathBuf> {
    let shared = std::env::var_os("RACKSTORM_DATA").map(PathBuf::from);
    let shared = shared.unwrap_or_else(|| root().join("../shared"));
    let path = shared.join("data/measured").join(file);
    if !path.is_file() {
        println!("skipped: no {} (RACKSTORM_DATA names its `shared` folder)", path.display());
        return None;
    }
    Some(path)
}

fn read(path: &Path) -> Vec<Row> {
    let mut reader = csv::Reader::from_path(path).expect("the measurements are readable");
    let rows: Result<Vec<Row>, _> = reader.deserialize().collect();
    rows.unwrap_or_else(|mistake| panic!("{}: {mistake}", path.display()))
}
