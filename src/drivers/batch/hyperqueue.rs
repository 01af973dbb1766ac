//! `HyperQueue`: shards as the tasks of a task array, numbered as the shards are.
//!
//! Its tables are for people, so it is asked for JSON. That it calls unstable, so no more of it is
//! used than a job's `id` and `name`, and the numbers of its tasks.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::{DriverError, Job, System, Work, ask, ranges, text};
use crate::drivers::tool::odd;

/// `HyperQueue`.
pub(super) struct HyperQueue;

/// A job, as it is listed or was submitted.
#[derive(Deserialize)]
struct Listed {
    id: u32,
    #[serde(default)]
    name: String,
}

impl System for HyperQueue {
    fn name(&self) -> &'static str {
        "hq"
    }

    fn about(&self) -> &'static str {
        "Task arrays of HyperQueue by hq"
    }

    fn pending(&self, work: &Work<'_>) -> Result<BTreeSet<u32>, DriverError> {
        let said = ask(&["hq", "--output-mode=json", "job", "list"])?;
        let jobs: Vec<Listed> = parse(&said)?;
        let mut shards = BTreeSet::new();
        for job in jobs.iter().filter(|job| job.name == work.name) {
            let id = job.id.to_string();
            let wanted = "--filter=waiting,running";
            let said = ask(&["hq", "--output-mode=json", "job", "task-ids", &id, wanted])?;
            let tasks: BTreeMap<String, Vec<u32>> = parse(&said)?;
            shards.extend(
                tasks.into_values().flatten().filter(|shard| (1..=work.last).contains(shard)),
            );
        }
        Ok(shards)
    }

    fn jobs(&self, work: &Work<'_>, shards: &[u32]) -> Result<Vec<Job>, DriverError> {
        let log = format!("{}/shard-%{{TASK_ID}}.log", text(&work.logs));
        let mut argv: Vec<_> = ["hq", "--output-mode=json", "submit"].map(str::to_owned).into();
        argv.extend([
            format!("--name={}", work.name),
            format!("--array={}", ranges(shards)),
            "--stdout=none".to_owned(),
            format!("--stderr={log}"),
        ]);
        // It takes no option twice. A shard is made for a whole node.
        if !work.options.iter().any(|option| option.starts_with("--cpus")) {
            argv.push("--cpus=all".to_owned());
        }
        argv.extend_from_slice(work.options);
        argv.push("--".to_owned());
        argv.extend(work.task(self));
        Ok(if shards.is_empty() { vec![] } else { vec![Job { shards: shards.to_vec(), argv }] })
    }

    fn script(&self, _: &str) -> Option<String> {
        None
    }

    fn submit(&self, _: &Work<'_>, job: &Job) -> Result<String, DriverError> {
        let argv: Vec<_> = job.argv.iter().map(String::as_str).collect();
        let said = ask(&argv)?;
        let listed: Listed = parse(&said).map_err(DriverError::perhaps_done)?;
        Ok(listed.id.to_string())
    }
}

fn parse<'a, T: Deserialize<'a>>(said: &'a str) -> Result<T, DriverError> {
    serde_json::from_str(said).map_err(|_| odd("hq", said))
}
