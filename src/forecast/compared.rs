//! What a run showed, compared with what theory expects of the mean of many such runs.

use super::Forecast;
use crate::analysis::Findings;

/// A formula and the run. Without the first boot of the job's nodes, which no formula counts.
#[derive(Clone, Debug, PartialEq)]
pub struct Compared {
    /// The formula, by its authors.
    pub formula: &'static str,
    /// Expected makespan (s), and that of the run; `None` if the job was not done.
    pub makespan: Option<(f64, f64)>,
    /// How many standard deviations of a single run the run lies above the expectation.
    pub deviations: Option<f64>,
    /// Expected efficiency, and that of the run.
    pub efficiency: Option<(f64, f64)>,
    /// Why the formula is outside of its range; empty if it is inside.
    pub outside: String,
}

/// A row for each formula that says what the scenario's own interval comes to. None if the run
/// has no efficiency, because its job never began.
#[must_use]
pub fn compare(forecast: &Forecast, findings: &Findings) -> Vec<Compared> {
    let metric = |name: &str| {
        let found = findings.metrics.iter().find(|metric| metric.name == name);
        found.map(|metric| metric.value)
    };
    let boot = metric("waste_boot").unwrap_or(0.0);
    if boot >= 1.0 {
        return Vec::new();
    }
    let makespan = metric("makespan").map(|time| time * (1.0 - boot));
    let efficiency = metric("efficiency").map(|share| share / (1.0 - boot));
    let row = |row: &super::Prediction| {
        let makespan = row.makespan.zip(makespan);
        let deviation = row.deviation.filter(|deviation| *deviation > 0.0);
        Compared {
            formula: row.formula,
            makespan,
            deviations: makespan.zip(deviation).map(|((wanted, is), by)| (is - wanted) / by),
            efficiency: row.efficiency.zip(efficiency),
            outside: row.outside.clone(),
        }
    };
    forecast.own.iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::Metric;
    use crate::forecast::{Prediction, Setting};

    fn findings(metrics: &[(&str, f64)]) -> Findings {
        let metric = |(name, value): &(&str, f64)| Metric {
            name: (*name).into(),
            value: *value,
            unit: "s".into(),
        };
        Findings { metrics: metrics.iter().map(metric).collect(), ..Findings::default() }
    }

    fn forecast() -> Forecast {
        let setting = Setting {
            nodes: 1,
            work: 720.0,
            mtbf: Some(100.0),
            write: Some(1.0),
            recovery: 1.0,
            downtime: 1.0,
            interval: Some(10.0),
            silent: None,
            verification: None,
            verifications: 0,
        };
        let own = Prediction {
            formula: "exact expectation",
            work: 10.0,
            period: 11.0,
            period_of_mtbf: Some(0.11),
            makespan: Some(880.0),
            deviation: Some(10.0),
            efficiency: Some(0.8182),
            outside: String::new(),
        };
        Forecast { setting, own: vec![own], best: Vec::new(), notes: Vec::new() }
    }

    #[test]
    fn the_first_boot_is_not_held_against_the_formulas() {
        let metrics = [("makespan", 1_000.0), ("efficiency", 0.72), ("waste_boot", 0.1)];
        let rows = compare(&forecast(), &findings(&metrics));
        let (wanted, is) = rows[0].makespan.expect("the job was done");
        assert!((wanted - 880.0).abs() < 1e-9 && (is - 900.0).abs() < 1e-9, "{is}");
        assert!((rows[0].deviations.expect("it is known") - 2.0).abs() < 1e-9);
        let (_, is) = rows[0].efficiency.expect("the job began");
        assert!((is - 0.8).abs() < 1e-9, "{is}");
    }

    #[test]
    fn a_job_that_was_not_done_has_an_efficiency_and_no_makespan() {
        let rows = compare(&forecast(), &findings(&[("efficiency", 0.72), ("waste_boot", 0.1)]));
        assert_eq!((rows[0].makespan, rows[0].deviations), (None, None));
        assert!(rows[0].efficiency.is_some());
    }
}
