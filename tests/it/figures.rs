//! Figures say what happened: the series behind them, and what is drawn of these, in numbers.

use std::collections::BTreeMap;
use std::path::PathBuf;

use rackstorm::event::{NodeState, What};

use crate::harness::play_file;
use crate::program::{Bench, root};

/// A run with its figures.
struct Shown {
    folder: PathBuf,
    _bench: Bench,
}

/// An interval: start, minimum, mean, maximum.
type Row = [f64; 4];

impl Shown {
    fn of(scenario: &str) -> Self {
        let bench = Bench::new();
        let file = root().join("scenarios").join(scenario);
        let done = bench.run(&["run", "--json", file.to_str().expect("UTF-8")]);
        assert_eq!(done.code, 0, "{}", done.stderr);
        let run = done.json_lines().swap_remove(0);
        let folder = bench.path().join(run["results"].as_str().expect("a folder"));
        Self { folder, _bench: bench }
    }

    fn read(&self, name: &str) -> String {
        let path = self.folder.join(name);
        std::fs::read_to_string(&path).unwrap_or_else(|_| panic!("{} is there", path.display()))
    }

    fn metric(&self, name: &str) -> f64 {
        let text = self.read("metrics.csv");
        let row = text.lines().find(|line| line.starts_with(&format!("{name},")));
        let value = row.and_then(|row| row.split(',').nth(1)).expect("the metric");
        value.parse().expect("a number")
    }

    fn series(&self) -> BTreeMap<String, Vec<Row>> {
        let text = self.read("series.csv");
        let mut series: BTreeMap<String, Vec<Row>> = BTreeMap::new();
        let mut lines = text.lines();
        assert_eq!(lines.next(), Some("series,unit,t_s,min,mean,max"));
        for line in lines {
            let cells: Vec<_> = line.split(',').collect();
            let row = [2, 3, 4, 5].map(|i| cells[i].parse().expect("a number"));
            series.entry(cells[0].to_owned()).or_default().push(row);
        }
        series
    }

    /// Heights (px) of the corners of the shapes of a figure whose line holds all of `marks`.
    fn heights(&self, figure: &str, marks: &[&str]) -> Vec<Vec<f64>> {
        let svg = self.read(&format!("figures/{figure}.svg"));
        let wanted = svg.lines().filter(|line| marks.iter().all(|mark| line.contains(mark)));
        let heights = |line: &str| {
            let points = line.split("points=\"").nth(1).expect("points").split('"').next();
            let corners = points.expect("an end").split_whitespace();
            let y = |corner: &str| corner.split(',').nth(1).and_then(|y| y.parse().ok());
            corners.map(|corner| y(corner).expect("a height")).collect()
        };
        wanted.map(heights).collect()
    }
}

fn highest(rows: &[Row]) -> f64 {
    rows.iter().map(|row| row[3]).fold(f64::NEG_INFINITY, f64::max)
}

/// The link of 10 Gbit/s carries 9.41 Gbit/s of payload (`network.tcp_share`), which 720 nodes of
/// 94.1 Mbit/s more than fill for the 612 s of each checkpoint.
#[test]
fn the_server_link_of_the_month_is_drawn_full_at_its_checkpoints() {
    let month = Shown::of("study/lanl_750_month.toml");
    let series = month.series();
    let received = &series["server_received/0"];
    let full = received.iter().filter(|row| (row[3] / 9.41e9 - 1.0).abs() < 1e-9).count();
    let checkpoints = month.metric("checkpoints_committed");
    assert!(full as f64 >= checkpoints, "{full} intervals at the full rate, {checkpoints} written");
    // The band of the lower panel reaches up to the dashed line.
    let bands = month.heights("server_link", &["polygon", "#E69F00"]);
    let dashes = month.heights("server_link", &["polyline", "#282C34"]);
    let top = |shapes: &[Vec<f64>]| shapes.iter().flatten().copied().fold(f64::INFINITY, f64::min);
    let lower = bands.last().expect("a band of what was received");
    let line = dashes.last().expect("the dashed line of the lower panel")[0];
    assert!((top(std::slice::from_ref(lower)) - line).abs() <= 1.0, "{lower:?} under {line}");
    let svg = month.read("figures/server_link.svg");
    assert!(svg.contains("\nlink full at 9.41 Gbit/s\n"));
    assert!(month.read("report.html").contains("The disk behind it moves 16 Gbit/s"));
    // Whether intervals are round, and the stretch with the supply that fails after 3 d 4 h.
    assert!((received[1][0] - received[0][0] - 1800.0).abs() < 1e-9);
    let down = &series["eventful/down"];
    assert!((down[1][0] - down[0][0] - 60.0).abs() < 1e-9);
    let outage = down.iter().find(|row| row[3] > 89.5).expect("the outage");
    assert!((outage[0] - 76.0 * 3600.0).abs() < 1e-9);
    // A day holds ten checkpoints, half an hour one or none.
    let svg = month.read("figures/time_breakdown.svg");
    assert!(svg.contains("\nmeans in 1 d\n") && svg.contains("\nmost eventful 12 h\n"));
}

#[test]
fn each_crash_of_the_month_is_a_minimum_of_whole_nodes() {
    let run = play_file(&root().join("scenarios/study/lanl_750_month.toml"), None, &[]);
    let series = run.findings.series.iter().find(|it| it.name == "nodes_up").expect("nodes up");
    let points = &series.points;
    assert!(points.iter().all(|point| point.min.fract() == 0.0 && point.max.fract() == 0.0));
    let crashes = run.times(|what| matches!(what, What::NodeState { state: NodeState::Down, .. }));
    assert_eq!(crashes.len(), 170);
    for crash in crashes {
        let next = points.partition_point(|point| point.t_s <= crash.as_secs_f64());
        let here = &points[next - 1];
        assert!(here.min < 750.0, "nobody is missing at {crash}");
    }
}

#[test]
fn the_highest_power_that_is_drawn_is_that_of_the_metric() {
    for (scenario, peak) in
        [("study/lanl_750_boot.toml", "3.52 kW"), ("base/edge_rack_24.toml", "")]
    {
        let run = Shown::of(scenario);
        let metric = run.metric("power_peak");
        let drawn = highest(&run.series()["power"]);
        assert!((drawn / metric - 1.0).abs() < 1e-12, "{scenario}: {drawn} W of {metric} W");
        let svg = run.read("figures/power.svg");
        assert!(svg.contains(&format!("\npeak {peak}")), "{scenario}");
    }
}
