//! Findings as tidy tables in the results folder, from which they can be read back as they were.
//!
//! Floats are written with the fewest digits that read back as the same number.

use std::fs::File;
use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{
    BootSpan, CorruptionFinding, FailureFinding, Findings, JobFinding, Metric, NodeFinding,
    PhaseFinding, Point, Series, StrikeFinding, TaskFinding, TransferFinding,
};
use crate::record::RecordError;

/// The metrics' file and its columns.
pub const METRICS: (&str, &[&str]) = ("metrics.csv", &["name", "value", "unit"]);

/// The series' file and its columns.
pub const SERIES: (&str, &[&str]) =
    ("series.csv", &["series", "unit", "t_s", "min", "mean", "max"]);

/// The nodes' file and its columns.
pub const NODES: (&str, &[&str]) =
    ("nodes.csv", &["node", "boots", "first_up_s", "up_s", "down_s", "failures"]);

/// The boots' file and its columns.
pub const BOOTS: (&str, &[&str]) = ("boots.csv", &["node", "stage", "from_s", "to_s"]);

/// The jobs' file and its columns.
pub const JOBS: (&str, &[&str]) = (
    "jobs.csv",
    &[
        "job",
        "nodes",
        "submit_s",
        "start_s",
        "end_s",
        "queue_wait_s",
        "slowdown",
        "status",
        "done_s",
        "work_s",
        "lost_s",
        "checkpoint_s",
        "restart_s",
        "verify_s",
        "wait_s",
        "interrupts",
        "checkpoints",
    ],
);

/// The file of the faults that struck, and its columns.
pub const STRIKES: (&str, &[&str]) = ("strikes.csv", &["t_s", "kind", "part"]);

/// The file of the failures that struck a job, and its columns.
pub const FAILURES: (&str, &[&str]) = (
    "failures.csv",
    &[
        "at_s",
        "kind",
        "part",
        "job",
        "reaction_s",
        "rework_s",
        "restart_s",
        "wait_s",
        "node_s",
        "failures",
    ],
);

/// The file of the phases of jobs, and its columns.
pub const PHASES: (&str, &[&str]) = ("phases.csv", &["job", "phase", "from_s", "to_s", "level"]);

/// The file of silent corruptions, which only a run has with some, and its columns.
pub const CORRUPTIONS: (&str, &[&str]) =
    ("corruptions.csv", &["number", "node", "at_s", "end_s", "fate", "spread"]);

/// The transfers' file, which only a run has whose scenario lists some, and its columns.
pub const TRANSFERS: (&str, &[&str]) = (
    "transfers.csv",
    &["transfer", "source", "destination", "bytes", "begin_s", "end_s", "status"],
);

/// The tasks' file, which only a run has with such a workload, and its columns.
pub const TASKS: (&str, &[&str]) =
    ("tasks.csv", &["kind", "number", "node", "begin_s", "end_s", "status"]);

/// All of them.
pub const TABLES: [(&str, &[&str]); 11] =
    [METRICS, SERIES, NODES, BOOTS, JOBS, STRIKES, FAILURES, PHASES, CORRUPTIONS, TRANSFERS, TASKS];

/// One point of a series as a row.
#[derive(Debug, Serialize, Deserialize)]
struct PointRow<S> {
    series: S,
    unit: S,
    t_s: f64,
    min: f64,
    mean: f64,
    max: f64,
}

/// Writes the tables into the folder.
///
/// # Errors
/// When one cannot be written.
pub fn save(findings: &Findings, folder: &Path) -> Result<(), RecordError> {
    let points = findings.series.iter().flat_map(|series| {
        series.points.iter().map(|&Point { t_s, min, mean, max }| PointRow {
            series: series.name.as_str(),
            unit: series.unit.as_str(),
            t_s,
            min,
            mean,
            max,
        })
    });
    write(folder, METRICS, &findings.metrics)?;
    write(folder, SERIES, points)?;
    write(folder, NODES, &findings.nodes)?;
    write(folder, BOOTS, &findings.boots)?;
    write(folder, STRIKES, &findings.strikes)?;
    write(folder, FAILURES, &findings.failures)?;
    write(folder, PHASES, &findings.phases)?;
    if !findings.corruptions.is_empty() {
        write(folder, CORRUPTIONS, &findings.corruptions)?;
    }
    if !findings.transfers.is_empty() {
        write(folder, TRANSFERS, &findings.transfers)?;
    }
    if !findings.tasks.is_empty() {
        write(folder, TASKS, &findings.tasks)?;
    }
    write(folder, JOBS, &findings.jobs)
}

/// Reads the tables of the folder.
///
/// # Errors
/// When one cannot be read, or is not what [`save`] wrote.
pub fn load(folder: &Path) -> Result<Findings, RecordError> {
    let mut series: Vec<Series> = Vec::new();
    for row in read::<PointRow<String>>(folder, SERIES)? {
        let PointRow { series: name, unit, t_s, min, mean, max } = row;
        let point = Point { t_s, min, mean, max };
        match series.last_mut() {
            Some(last) if last.name == name => last.points.push(point),
            _ => series.push(Series { name, unit, points: vec![point] }),
        }
    }
    Ok(Findings {
        metrics: read::<Metric>(folder, METRICS)?,
        series,
        nodes: read::<NodeFinding>(folder, NODES)?,
        boots: read::<BootSpan>(folder, BOOTS)?,
        jobs: read::<JobFinding>(folder, JOBS)?,
        strikes: read_if_there::<StrikeFinding>(folder, STRIKES)?,
        failures: read_if_there::<FailureFinding>(folder, FAILURES)?,
        corruptions: read_if_there::<CorruptionFinding>(folder, CORRUPTIONS)?,
        phases: read_if_there::<PhaseFinding>(folder, PHASES)?,
        transfers: read_if_there::<TransferFinding>(folder, TRANSFERS)?,
        tasks: read_if_there::<TaskFinding>(folder, TASKS)?,
    })
}

/// The rows of a table that not every run has.
fn read_if_there<T: DeserializeOwned>(
    folder: &Path,
    table: (&str, &[&str]),
) -> Result<Vec<T>, RecordError> {
    if folder.join(table.0).exists() { read::<T>(folder, table) } else { Ok(Vec::new()) }
}

fn write<T: Serialize>(
    folder: &Path,
    (name, columns): (&str, &[&str]),
    rows: impl IntoIterator<Item = T>,
) -> Result<(), RecordError> {
    let path = folder.join(name);
    let io = |error: csv::Error| RecordError::io("write", &path)(error.into());
    let file = File::create(&path).map_err(RecordError::io("create", &path))?;
    // The header is written by hand, so that a table without rows has one as well.
    let mut table = csv::WriterBuilder::new().has_headers(false).from_writer(file);
    table.write_record(columns).map_err(io)?;
    for row in rows {
        table.serialize(row).map_err(io)?;
    }
    table.flush().map_err(RecordError::io("write", &path))
}

fn read<T: DeserializeOwned>(
    folder: &Path,
    (name, _): (&str, &[&str]),
) -> Result<Vec<T>, RecordError> {
    let path = folder.join(name);
    let file = File::open(&path).map_err(RecordError::io("open", &path))?;
    let rows: Result<_, csv::Error> = csv::Reader::from_reader(file).into_deserialize().collect();
    rows.map_err(|error| RecordError::Foreign { path, why: error.to_string() })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use proptest::num::f64::{NORMAL, ZERO};
    use proptest::prelude::*;

    use super::*;
    use crate::ids::NodeId;

    fn metric(name: &str, value: f64) -> Metric {
        Metric { name: name.to_owned(), value, unit: "s".to_owned() }
    }

    fn findings(values: &[f64]) -> Findings {
        let point =
            |(t_s, mean): (f64, &f64)| Point { t_s, min: mean - 1.0, mean: *mean, max: 7.0 };
        let points: Vec<_> = (0..).map(f64::from).zip(values).map(point).collect();
        let series = |name: &str| Series {
            name: name.to_owned(),
            unit: "count".to_owned(),
            points: points.clone(),
        };
        let node = |(i, value): (u32, &f64)| NodeFinding {
            node: NodeId(i),
            boots: i,
            first_up_s: -1.0,
            up_s: *value,
            down_s: 0.1,
            failures: 7,
        };
        let (stage, from_s) = ("rom".to_owned(), 0.1 + 0.2);
        let job = |value: &f64| JobFinding {
            job: "large, \"or\" not".to_owned(),
            nodes: 4,
            submit_s: *value,
            start_s: -1.0,
            end_s: -1.0,
            queue_wait_s: *value,
            slowdown: 1.5,
            status: "waiting".to_owned(),
            done_s: -1.0,
            work_s: *value,
            lost_s: 0.0,
            checkpoint_s: 1e-9,
            restart_s: 0.0,
            verify_s: 0.0,
            wait_s: *value,
            interrupts: 2,
            checkpoints: 3,
        };
        let transfer = |value: &f64| TransferFinding {
            transfer: 7,
            source: "pi1".to_owned(),
            destination: "server[1]".to_owned(),
            bytes: u64::MAX,
            begin_s: *value,
            end_s: -1.0,
            status: "begun".to_owned(),
        };
        let task = |value: &f64| TaskFinding {
            kind: "sort".to_owned(),
            number: 3,
            node: (*value > 1.0).then_some(7),
            begin_s: *value,
            end_s: -1.0,
            status: "begun".to_owned(),
        };
        Findings {
            metrics: values.iter().map(|value| metric("mtbf", *value)).collect(),
            series: vec![series("nodes_up"), series("node_share/up, or \"not\"")],
            nodes: (0..).zip(values).map(node).collect(),
            boots: vec![BootSpan { node: NodeId(3), stage, from_s, to_s: 1e-9 }],
            jobs: values.iter().map(job).collect(),
            transfers: values.iter().map(transfer).collect(),
            tasks: values.iter().map(task).collect(),
            ..incidents(values)
        }
    }

    /// What struck, and what the jobs did.
    fn incidents(values: &[f64]) -> Findings {
        let strike = |value: &f64| StrikeFinding {
            t_s: *value,
            kind: "power-loss".to_owned(),
            part: "module[2]/psu[1]".to_owned(),
        };
        let failure = |value: &f64| FailureFinding {
            at_s: *value,
            kind: "crash".to_owned(),
            part: "pi17".to_owned(),
            job: "large, \"or\" not".to_owned(),
            reaction_s: -1.0,
            rework_s: *value,
            restart_s: 1e-9,
            wait_s: 40.0,
            node_s: 7.0 * value,
            failures: 1,
        };
        let corruption = |value: &f64| CorruptionFinding {
            number: 3,
            node: NodeId(16),
            at_s: *value,
            end_s: 9.0,
            fate: "detected".to_owned(),
            spread: 4,
        };
        let phase = |value: &f64| PhaseFinding {
            job: "large".to_owned(),
            phase: "checkpoint".to_owned(),
            from_s: *value,
            to_s: 7.0,
            level: (*value > 1.0).then_some(2),
        };
        Findings {
            strikes: values.iter().map(strike).collect(),
            failures: values.iter().map(failure).collect(),
            corruptions: values.iter().map(corruption).collect(),
            phases: values.iter().map(phase).collect(),
            ..Findings::default()
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        #[test]
        fn findings_are_read_back_as_they_were(
            values in proptest::collection::vec(NORMAL | ZERO, 1..20),
        ) {
            let folder = tempfile::tempdir().expect("a folder");
            save(&findings(&values), folder.path()).expect("a disk");
            prop_assert_eq!(load(folder.path()).expect("tables"), findings(&values));
        }
    }

    #[test]
    fn no_rows_leave_a_header_and_are_read_back() {
        let folder = tempfile::tempdir().expect("a folder");
        save(&Findings::default(), folder.path()).expect("a disk");
        let text = fs::read_to_string(folder.path().join("metrics.csv")).expect("a file");
        assert_eq!(text, "name,value,unit\n");
        assert_eq!(load(folder.path()).expect("tables"), Findings::default());
    }

    #[test]
    fn the_tables_are_tidy() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut findings = findings(&[0.1 + 0.2, 4.0]);
        findings.series.truncate(1);
        save(&findings, folder.path()).expect("a disk");
        let text = |name| fs::read_to_string(folder.path().join(name)).expect("a file");
        assert_eq!(
            text("metrics.csv"),
            "name,value,unit\nmtbf,0.30000000000000004,s\nmtbf,4.0,s\n"
        );
        assert_eq!(
            text("series.csv"),
            "series,unit,t_s,min,mean,max\n\
             nodes_up,count,0.0,-0.7,0.30000000000000004,7.0\nnodes_up,count,1.0,3.0,4.0,7.0\n"
        );
        assert_eq!(
            text("nodes.csv"),
            "node,boots,first_up_s,up_s,down_s,failures\n\
             1,0,-1.0,0.30000000000000004,0.1,7\n2,1,-1.0,4.0,0.1,7\n"
        );
        assert_eq!(text("boots.csv"), "node,stage,from_s,to_s\n4,rom,0.30000000000000004,1e-9\n");
    }

    /// A folder of before there was a queue.
    #[test]
    fn jobs_without_a_queue_are_read() {
        let folder = tempfile::tempdir().expect("a folder");
        save(&findings(&[1.0]), folder.path()).expect("a disk");
        let table = "job,nodes,done_s,work_s,lost_s,checkpoint_s,restart_s,verify_s,wait_s,\
                     interrupts,checkpoints\na,4,9.0,5.0,1.0,1.0,0.0,0.0,2.0,1,3\n";
        fs::write(folder.path().join("jobs.csv"), table).expect("a disk");
        let jobs = load(folder.path()).expect("tables").jobs;
        assert_eq!((jobs[0].done_s, jobs[0].status.as_str()), (9.0, ""));
    }

    #[test]
    fn a_table_that_is_damaged_names_the_file_and_the_line() {
        let folder = tempfile::tempdir().expect("a folder");
        save(&findings(&[1.0]), folder.path()).expect("a disk");
        fs::write(folder.path().join("metrics.csv"), "name,value,unit\nmtbf,x,s\n")
            .expect("a disk");
        let text = load(folder.path()).expect_err("damaged").to_string();
        assert!(text.contains("metrics.csv: ") && text.contains("line: 2"), "{text}");
    }
}
