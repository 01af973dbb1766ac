//! The ledger of readings and transfers: energy, power, and bytes.

use super::bins::{Bins, FINE, seconds};
use super::metrics::Table;
use super::{Point, Series};
use crate::event::{Purpose, Sensor};

/// Servers at most that have series of their own; metrics cover all.
const SERVER_SERIES: usize = 8;

const PURPOSES: [&str; 5] = ["tftp", "root", "checkpoint", "restart", "workload"];

const REFUSED: [&str; 3] = ["connections_refused", "datagrams_refused", "messages_refused"];

/// A counter that only grows, read now and then; it was zero at the start.
#[derive(Clone, Debug, Default)]
struct Counter {
    /// The last reading, even if no time had passed since the one before.
    latest: u64,
    /// The reading that the next difference starts from, and when it was taken (ns).
    base: (u64, u64),
    /// Whether it was ever read.
    is_read: bool,
    /// The largest mean rate between two readings [1/s].
    max_rate: f64,
    /// The differences over time, if a series is wanted.
    bins: Option<Bins>,
}

impl Counter {
    fn read(&mut self, now: u64, value: u64) {
        assert!(value >= self.latest, "a counter only grows");
        self.latest = value;
        self.is_read = true;
        let (at, base) = self.base;
        if now > at {
            let grown = value - base;
            self.max_rate = self.max_rate.max(grown as f64 * 1e9 / (now - at) as f64);
            if let Some(bins) = &mut self.bins {
                bins.add_amount(at, now, grown);
            }
            self.base = (now, value);
        }
    }

    /// The rate between the readings, as a series; `scale` turns 1/s into the unit.
    fn series(&self, name: String, unit: &str, scale: f64) -> Option<Series> {
        let end = self.base.0;
        let mut points = self.bins.as_ref()?.points(0, end, (1e9 * scale / FINE as f64, scale));
        let last = *points.last()?;
        points.push(Point { t_s: seconds(end), ..last });
        Some(Series { name, unit: unit.to_owned(), points })
    }
}

/// All readings and transfers.
#[derive(Clone, Debug)]
pub(super) struct Meters {
    energy: Counter,
    /// The largest power so far (mW), and the end of the interval that it was read for (ns).
    power_max: Option<(u64, u64)>,
    sent: Vec<Counter>,
    received: Vec<Counter>,
    /// Rate of a server's link (bit/s).
    server_link: u64,
    /// Bytes that arrived and that did not, by purpose.
    bytes: [(u128, u128); PURPOSES.len()],
    /// What the control plane refused, in the order of [`REFUSED`].
    refused: [Option<u64>; REFUSED.len()],
}

impl Meters {
    /// So many servers, each with a link of this rate (bit/s); with series or without.
    pub(super) fn new(servers: u32, server_link: u64, series: bool) -> Self {
        let counter = |has_series: bool| Counter {
            bins: has_series.then(Bins::default),
            ..Counter::default()
        };
        let counters: Vec<_> =
            (0..servers as usize).map(|server| counter(series && server < SERVER_SERIES)).collect();
        Self {
            energy: counter(series),
            power_max: None,
            sent: counters.clone(),
            received: counters,
            server_link,
            bytes: [(0, 0); PURPOSES.len()],
            refused: [None; REFUSED.len()],
        }
    }

    /// Whether it is they that measure the metric of this name.
    pub(super) fn measures(name: &str) -> bool {
        let begins = |word: &&str| name.starts_with(*word);
        let words = ["bytes_", "server_", "energy", "power_mean", "power_peak"];
        words.iter().any(begins) || REFUSED.contains(&name)
    }

    /// A meter was read at `now` (ns).
    pub(super) fn read(&mut self, now: u64, sensor: Sensor, value: u64) {
        match sensor {
            Sensor::Energy => self.energy.read(now, value),
            Sensor::PowerMax => {
                let (most, from) = self.power_max.unwrap_or((0, 0));
                if let Some(bins) = &mut self.energy.bins {
                    // Millijoules per second are milliwatts.
                    bins.raise(from, now, value as f64);
                }
                self.power_max = Some((most.max(value), now));
            }
            Sensor::ServerSent(server) => self.sent[server as usize].read(now, value),
            Sensor::ServerReceived(server) => self.received[server as usize].read(now, value),
            // What single boards say stands in the log; no metric is made of it.
            Sensor::NodeLoad(_)
            | Sensor::NodeMemory(_)
            | Sensor::NodeTemperature(_)
            | Sensor::NodeThrottled(_) => {}
            Sensor::ConnectionsRefused => self.refused[0] = Some(value),
            Sensor::DatagramsRefused => self.refused[1] = Some(value),
            Sensor::MessagesRefused => self.refused[2] = Some(value),
        }
    }

    /// The servers' meters were read at `now` (ns) as they had been read before.
    pub(super) fn read_again(&mut self, now: u64) {
        let counters = self.sent.iter_mut().chain(&mut self.received);
        counters.for_each(|counter| counter.read(now, counter.latest));
    }

    /// A transfer ended.
    pub(super) fn transfer(&mut self, purpose: Purpose, received: u64, lost: u64) {
        let (all_received, all_lost) = &mut self.bytes[purpose as usize];
        *all_received += u128::from(received);
        *all_lost += u128::from(lost);
    }

    /// The series of servers and of power.
    pub(super) fn series(&self) -> Vec<Series> {
        let mut series = Vec::new();
        for (what, counters) in [("sent", &self.sent), ("received", &self.received)] {
            for (server, counter) in counters.iter().enumerate() {
                let name = format!("server_{what}/{server}");
                series.extend(counter.series(name, "bit/s", 8.0));
            }
        }
        series.extend(self.energy.series("power".to_owned(), "W", 1e-3));
        series
    }

    /// The metrics of readings and transfers.
    pub(super) fn measure(&self, table: &mut Table) {
        let received: u128 = self.bytes.iter().map(|(received, _)| received).sum();
        let lost: u128 = self.bytes.iter().map(|(_, lost)| lost).sum();
        table.put("bytes_sent", (received + lost) as f64);
        table.put("bytes_received", received as f64);
        table.put("bytes_lost", lost as f64);
        for (purpose, (received, lost)) in PURPOSES.into_iter().zip(self.bytes) {
            if purpose == "workload" && received + lost == 0 {
                continue;
            }
            table.put(&format!("bytes_received_{purpose}"), received as f64);
            table.put(&format!("bytes_lost_{purpose}"), lost as f64);
        }
        self.measure_link(&self.sent, "server_sent", table);
        self.measure_link(&self.received, "server_received", table);
        if self.energy.is_read {
            table.put("energy", self.energy.latest as f64 / 1e3);
            // Millijoules per nanosecond are megawatts.
            let (time, energy) = (u128::from(self.energy.base.0), u128::from(self.energy.base.1));
            table.ratio("power_mean", energy * 1_000_000, time);
        }
        table.maybe("power_peak", self.power_max.map(|(most, _)| most as f64 / 1e3));
        for (name, value) in REFUSED.into_iter().zip(self.refused) {
            table.maybe(name, value.map(|value| value as f64));
        }
    }

    fn measure_link(&self, counters: &[Counter], name: &str, table: &mut Table) {
        let bits: u128 = counters.iter().map(|counter| u128::from(counter.base.1) * 8).sum();
        let time: u128 = counters.iter().map(|counter| u128::from(counter.base.0)).sum();
        let capacity = time * u128::from(self.server_link);
        table.ratio(&format!("{name}_utilisation_mean"), bits * 1_000_000_000, capacity);
        if capacity > 0 {
            let most = counters.iter().map(|counter| counter.max_rate).fold(0.0, f64::max);
            table.put(&format!("{name}_utilisation_max"), most * 8.0 / self.server_link as f64);
        }
    }
}
