//! Requests to a web site: latency, what was lost and why, and how busy workers were.

use super::{Tally, TaskEvent};
use crate::analysis::metrics::Table;
use crate::analysis::sample::Sample;
use crate::analysis::{Point, Series, WIDTHS};
use crate::event::{TaskAct, TaskKind};
use crate::plan::{Plan, lifetimes};

/// Intervals of a series at most, as long as the run is not longer than was expected.
const INTERVALS: u64 = 300;

/// The quantiles over time: what they are called, and which (‰).
const QUANTILES: [(&str, u64); 3] =
    [("web_latency_p50", 500), ("web_latency_p95", 950), ("web_latency_p99", 990)];

/// An interval of the series.
#[derive(Clone, Debug, Default)]
struct Interval {
    latency: Sample,
    lost: u64,
}

/// A web site.
#[derive(Clone, Debug)]
pub(super) struct WebTally {
    /// When the first request may come (ns).
    at: u64,
    /// All slots of all workers.
    slots: u64,
    latency: Sample,
    requests: u64,
    /// When the last one ended (ns).
    last: u64,
    retried: u64,
    /// Those that were lost, in the order of [`LOST`].
    lost: [u64; LOST.len()],
    /// How long slots were busy (ns), and when that was said.
    busy: u128,
    said: u64,
    push: Option<PushTally>,
    /// Width of an interval (ns).
    width: u64,
    intervals: Option<Vec<Interval>>,
}

/// A push to its workers.
#[derive(Clone, Copy, Debug, Default)]
struct PushTally {
    begin: Option<u64>,
    end: Option<u64>,
    done: u64,
    lost: u64,
}

/// Why requests are lost.
const LOST: [(TaskKind, &str); 5] = [
    (TaskKind::Request, "web_lost_unanswered"),
    (TaskKind::RequestUnserved, "web_lost_unserved"),
    (TaskKind::RequestRefused, "web_lost_refused"),
    (TaskKind::RequestAbandoned, "web_lost_abandoned"),
    (TaskKind::RequestCut, "web_lost_cut"),
];

impl WebTally {
    fn interval(&mut self, now: u64) -> Option<&mut Interval> {
        let (number, all) = ((now / self.width) as usize, self.intervals.as_mut()?);
        if all.len() <= number {
            all.resize_with(number + 1, Interval::default);
        }
        Some(&mut all[number])
    }

    fn request(&mut self, now: u64, task: TaskEvent) {
        self.requests = self.requests.max(u64::from(task.number) + 1);
        if task.act == TaskAct::Retry {
            self.retried += 1;
            return;
        }
        self.last = now;
        if task.act == TaskAct::End {
            self.latency.add(task.span.0);
            if let Some(interval) = self.interval(now) {
                interval.latency.add(task.span.0);
            }
        } else if let Some(why) = LOST.iter().position(|(kind, _)| *kind == task.kind) {
            self.lost[why] += 1;
            if let Some(interval) = self.interval(now) {
                interval.lost += 1;
            }
        }
    }

    /// A series over the intervals in which it has a value.
    fn series_of(
        &self,
        end: u64,
        (name, unit): (&str, &str),
        value: impl Fn(&Interval) -> Option<f64>,
    ) -> Series {
        let seconds = |number: usize| (number as u64 * self.width) as f64 / 1e9;
        let all = self.intervals.as_deref().unwrap_or_default();
        let points = all.iter().enumerate();
        let points =
            points.filter_map(|(number, own)| Some(Point::level(seconds(number), value(own)?)));
        let mut points: Vec<_> = points.collect();
        let end = end.min(all.len() as u64 * self.width) as f64 / 1e9;
        points.extend(points.last().map(|last| Point { t_s: end, ..*last }));
        Series { name: name.to_owned(), unit: unit.to_owned(), points }
    }
}

impl Tally for WebTally {
    const KINDS: &'static [TaskKind] = &[
        TaskKind::Request,
        TaskKind::RequestUnserved,
        TaskKind::RequestRefused,
        TaskKind::RequestAbandoned,
        TaskKind::RequestCut,
        TaskKind::Push,
        TaskKind::Worker,
    ];

    fn of(plan: &Plan) -> Option<Self> {
        let web = plan.scenario.workloads.web.as_ref()?;
        let table = &web.table;
        let expected = |requests: u32| {
            table.at.0 as f64 + f64::from(requests) * lifetimes::mean(&table.gap) * 1e9
        };
        let mut horizon = plan.scenario.stop.at.0;
        horizon = horizon.min(table.until.map_or(u64::MAX, |until| until.0));
        horizon = horizon.min(table.requests.map_or(u64::MAX, |all| expected(all) as u64));
        let wide_enough = |width: &&u64| horizon / **width < INTERVALS;
        Some(Self {
            at: table.at.0,
            slots: u64::from(table.slots) * web.nodes[0].len() as u64,
            latency: Sample::default(),
            requests: 0,
            last: 0,
            retried: 0,
            lost: [0; LOST.len()],
            busy: 0,
            said: 0,
            push: table.push.is_some().then(PushTally::default),
            width: *WIDTHS.iter().find(wide_enough).unwrap_or(&WIDTHS[WIDTHS.len() - 1]),
            intervals: None,
        })
    }

    fn measures(name: &str) -> bool {
        name.starts_with("web_")
    }

    fn act(&mut self, now: u64, task: TaskEvent) {
        match (task.kind, &mut self.push) {
            (TaskKind::Worker, _) => {
                self.busy += u128::from(task.span.0);
                self.said = now;
            }
            (TaskKind::Push, Some(push)) => match task.act {
                TaskAct::Begin => push.begin = push.begin.or(Some(now)),
                TaskAct::End => (push.end, push.done) = (Some(now), push.done + 1),
                TaskAct::Lose | TaskAct::Retry => push.lost += 1,
            },
            _ => self.request(now, task),
        }
    }

    fn measure(&self, _end: u64, table: &mut Table) {
        let (served, lost) = (self.latency.count(), self.lost.iter().sum::<u64>());
        table.count("web_requests", self.requests);
        table.count("web_served", served);
        table.count("web_lost", lost);
        for ((_, name), count) in LOST.iter().zip(self.lost) {
            table.count(name, count);
        }
        table.ratio("web_lost_share", lost.into(), (served + lost).into());
        table.count("web_retried", self.retried);
        table.maybe("web_latency_mean", self.latency.mean_s());
        let quantiles = self.latency.permilles_s([500, 950, 990, 999]);
        for (place, name) in ["p50", "p95", "p99", "p999"].iter().enumerate() {
            let name = format!("web_latency_{name}");
            table.maybe(&name, quantiles.map(|all| all[place]));
        }
        table.maybe("web_latency_max", self.latency.max_s());
        let time = self.last.saturating_sub(self.at) as f64 / 1e9;
        table.maybe("web_throughput", (time > 0.0).then(|| served as f64 / time));
        if self.said > self.at {
            let all = u128::from(self.slots) * u128::from(self.said - self.at);
            table.ratio("web_utilisation", self.busy, all);
        }
        if let Some(push) = self.push {
            let time = push.begin.zip(push.end).map(|(begin, end)| (end - begin) as f64 / 1e9);
            table.count("web_pushed", push.done);
            table.count("web_push_lost", push.lost);
            table.maybe("web_push_time", time);
        }
    }

    fn keep_series(&mut self) {
        self.intervals = Some(Vec::new());
    }

    fn series(&self, end: u64) -> Vec<Series> {
        let mut all: Vec<_> = QUANTILES
            .iter()
            .map(|&(name, permille)| {
                self.series_of(end, (name, "s"), |own| {
                    own.latency.permilles_s([permille]).map(|[value]| value)
                })
            })
            .collect();
        let rate = |count: u64| Some(count as f64 / (self.width as f64 / 1e9));
        all.push(self.series_of(end, ("web_served", "1/s"), |own| rate(own.latency.count())));
        all.push(self.series_of(end, ("web_lost", "1/s"), |own| rate(own.lost)));
        all.retain(|series| !series.points.is_empty());
        all
    }
}
