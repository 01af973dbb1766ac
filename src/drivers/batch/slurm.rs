//! Slurm: shards as the tasks of job arrays.
//!
//! A site limits the numbers of an array's tasks (`MaxArraySize`), so there is an array for each
//! thousand shards or so, and a task gets a number to add to its own. Worked example: with
//! `MaxArraySize = 1001` tasks are numbered up to 1000; shards 1 to 2,500 are the arrays `1-999`,
//! `0-999` with 1,000 to add, and `0-500` with 2,000 to add. What is added is a whole number times
//! a power of ten, so that Slurm can name the log of a task after its shard: `shard-2%3a.log` is,
//! for task 17, that of shard 2,017. It stands in the name of the job too: so `squeue` says which
//! shards are queued, and nothing is kept that could be wrong.

use std::collections::BTreeSet;

use super::{DriverError, Job, OFFSET, System, Work, ask, ranges, text};
use crate::drivers::tool::odd;

/// Slurm.
pub(super) struct Slurm;

impl System for Slurm {
    fn name(&self) -> &'static str {
        "slurm"
    }

    fn about(&self) -> &'static str {
        "Job arrays by sbatch"
    }

    fn pending(&self, work: &Work<'_>) -> Result<BTreeSet<u32>, DriverError> {
        // One line for each task: lists of tasks are cut at 64 bytes (SLURM_BITSTR_LEN).
        let said = ask(&["squeue", "--me", "--noheader", "--array", "--format=%i|%j"])?;
        pending(&said, work)
    }

    fn jobs(&self, work: &Work<'_>, shards: &[u32]) -> Result<Vec<Job>, DriverError> {
        let said = ask(&["scontrol", "show", "config"])?;
        let step = step(&said)?;
        let mut arrays: Vec<Vec<u32>> = Vec::new();
        for shard in shards {
            match arrays.last_mut() {
                Some(array) if array[0] / step == shard / step => array.push(*shard),
                _ => arrays.push(vec![*shard]),
            }
        }
        Ok(arrays.into_iter().map(|shards| self.job(work, shards, step)).collect())
    }

    fn script(&self, command: &str) -> Option<String> {
        Some(format!(
            "#!/bin/sh\n\
             # Plays the shard of a task; written by `rackstorm study submit`.\n\
             #SBATCH --nodes=1\n\
             #SBATCH --ntasks=1\n\
             #SBATCH --signal=B:USR2@120\n\
             #SBATCH --open-mode=append\n\
             unset HQ_TASK_ID # of whoever submitted it\n\
             export {OFFSET}=\"$1\" RACKSTORM_JOBS=\"${{SLURM_CPUS_ON_NODE:-1}}\"\n\
             exec {command}\n"
        ))
    }

    fn submit(&self, _: &Work<'_>, job: &Job) -> Result<String, DriverError> {
        let argv: Vec<_> = job.argv.iter().map(String::as_str).collect();
        let said = ask(&argv)?;
        // Sites print greetings before it.
        let last = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
        let (id, _cluster) = last.trim().split_once(';').unwrap_or((last.trim(), ""));
        let is_id = (1..=20).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_digit());
        if is_id { Ok(id.to_owned()) } else { Err(odd("sbatch", last).perhaps_done()) }
    }
}

impl Slurm {
    /// The array of shards whose numbers begin alike. What the user gives comes before what must
    /// hold, and Slurm takes the last of two.
    fn job(&self, work: &Work<'_>, shards: Vec<u32>, step: u32) -> Job {
        let offset = shards[0] / step * step;
        let tasks: Vec<_> = shards.iter().map(|shard| shard - offset).collect();
        let log = match (offset / step, step.ilog10()) {
            (0, _) => "%a".to_owned(),
            (begin, 0) => begin.to_string(),
            (begin, digits) => format!("{begin}%{digits}a"),
        };
        let logs = text(&work.logs).replace('%', "%%");
        let mut argv = vec!["sbatch".to_owned(), format!("--output={logs}/shard-{log}.log")];
        argv.extend_from_slice(work.options);
        argv.extend([
            "--parsable".to_owned(),
            format!("--job-name={}-{offset}", work.name),
            format!("--array={}", ranges(&tasks)),
            text(&work.script_file(self)),
            offset.to_string(),
        ]);
        Job { shards, argv }
    }
}

/// The largest power of ten of which an array has a task for each number below it.
fn step(config: &str) -> Result<u32, DriverError> {
    let value = config.lines().find_map(|line| {
        let (key, value) = line.split_once('=')?;
        (key.trim() == "MaxArraySize").then(|| value.trim())
    });
    match value.map(str::parse::<u32>) {
        Some(Ok(0)) => {
            let what = "this Slurm takes no arrays: `scontrol show config` has MaxArraySize = 0";
            Err(DriverError::new(what, "ask for them, or play the study with HyperQueue"))
        }
        Some(Ok(size)) => Ok(10_u32.pow(size.ilog10())),
        _ => {
            let said = value.map_or("has no MaxArraySize".to_owned(), |value| {
                format!("has MaxArraySize = {:?}", value.chars().take(20).collect::<String>())
            });
            let what = format!("`scontrol show config` {said}");
            Err(DriverError::new(what, "run it by hand; is that Slurm's?"))
        }
    }
}

/// The shards in what `squeue` printed, a line for each task or array.
fn pending(said: &str, work: &Work<'_>) -> Result<BTreeSet<u32>, DriverError> {
    let mut shards = BTreeSet::new();
    for line in said.lines() {
        let Some((id, name)) = line.trim().split_once('|') else { continue };
        let Some(offset) = name.strip_prefix(&work.name) else { continue };
        let offset = offset.strip_prefix('-').and_then(|offset| offset.parse::<u32>().ok());
        let tasks = id.split_once('_').and_then(|(_, tasks)| parts(tasks));
        let (Some(offset), Some(tasks)) = (offset, tasks) else { return Err(odd("squeue", line)) };
        for (first, last, step) in tasks {
            let (first, last) = (first.saturating_add(offset), last.saturating_add(offset));
            // However many tasks it claims to have: shards have no other numbers.
            let all = (first..=last.min(work.last)).step_by(step);
            shards.extend(all.filter(|shard| *shard > 0));
        }
    }
    Ok(shards)
}

/// Reads the tasks of `4`, `[4-7,9%2]` or `[0-30:10]`, as (first, last, step).
fn parts(tasks: &str) -> Option<Vec<(u32, u32, usize)>> {
    let inner = tasks.strip_prefix('[').map_or(Some(tasks), |inner| inner.strip_suffix(']'))?;
    let inner = inner.split_once('%').map_or(inner, |(inner, _at_once)| inner);
    let one = |part: &str| {
        let (range, step) = part.split_once(':').unwrap_or((part, "1"));
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let step = step.parse::<usize>().ok().filter(|step| *step > 0)?;
        let (first, last) = (first.parse().ok()?, last.parse().ok()?);
        (first <= last).then_some((first, last, step))
    };
    inner.split(',').map(one).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn work(options: &[String]) -> Work<'_> {
        Work {
            name: "rackstorm-1f0c".to_owned(),
            folder: "/scratch/50%/a".into(),
            logs: "/scratch/50%/a/logs".into(),
            program: "/bin/rackstorm".into(),
            last: 2_500,
            in_rounds: false,
            options,
        }
    }

    fn of(said: &str) -> Result<Vec<u32>, DriverError> {
        pending(said, &work(&[])).map(|shards| shards.into_iter().collect())
    }

    #[test]
    fn shards_are_split_where_their_numbers_begin_anew_and_keep_them() {
        let options = ["--time=1:00:00".to_owned()];
        let job = Slurm.job(&work(&options), vec![2_000, 2_003, 2_004], 1_000);
        let argv = "sbatch --output=/scratch/50%%/a/logs/shard-2%3a.log --time=1:00:00 --parsable \
                    --job-name=rackstorm-1f0c-2000 --array=0,3-4 /scratch/50%/a/logs/slurm.sh 2000";
        assert_eq!(job.argv.join(" "), argv);
        let logs = [(vec![7], 1_000, "shard-%a.log"), (vec![12], 10, "shard-1%1a.log")];
        for (shards, step, log) in logs.into_iter().chain([(vec![12], 1, "shard-12.log")]) {
            let job = Slurm.job(&work(&[]), shards, step);
            assert!(job.argv[1].ends_with(log), "{}", job.argv[1]);
        }
    }

    #[test]
    fn the_largest_number_of_a_task_is_below_the_size_of_arrays() {
        for (size, wanted) in [(1, 1), (10, 10), (1_000, 1_000), (1_001, 1_000), (4_096, 1_000)] {
            let config = format!("Configuration data\nMaxArraySize            = {size}\n");
            assert_eq!(step(&config), Ok(wanted));
        }
        let odd = |config| step(config).expect_err("no size").to_string();
        assert!(odd("MaxArraySize = 0").starts_with("this Slurm takes no arrays"));
        assert!(odd("MaxArraySize = many").contains("has MaxArraySize = \"many\""));
        assert!(odd("MaxJobCount = 7").contains("has no MaxArraySize"));
    }

    #[test]
    fn what_is_queued_or_running_is_read_from_tasks_and_from_arrays() {
        let said = "41_3|rackstorm-1f0c-0\n 9_[1-2000]|another\n42_[4-7,9%2]|rackstorm-1f0c-1000\n\
                    43_[0-400:200]|rackstorm-1f0c-2000\n7|a_b|c\n\n";
        assert_eq!(of(said), Ok(vec![3, 1_004, 1_005, 1_006, 1_007, 1_009, 2_000, 2_200, 2_400]));
        assert_eq!(of(""), Ok(vec![]));
    }

    #[test]
    fn a_list_of_tasks_that_is_cut_or_forged_is_no_answer() {
        for id in ["4", "4_", "4_[1-3", "4_[1,3,5,...]", "4_[3-1]", "4_[1-3:0]", "4_-1", "4_[]"] {
            let odd = of(&format!("{id}|rackstorm-1f0c-0")).expect_err(id);
            assert!(odd.to_string().starts_with("`squeue` prints "), "{odd}");
        }
        assert!(of("4_1|rackstorm-1f0c-x").is_err() && of("4_1|rackstorm-1f0c").is_err());
        let all = of("4_[0-4294967295]|rackstorm-1f0c-4294967295").expect("numbers");
        assert_eq!(all, [0; 0]);
        assert_eq!(of("4_[0-4294967295]|rackstorm-1f0c-0").expect("numbers").len(), 2_500);
    }

    proptest! {
        #[test]
        fn no_text_makes_a_shard_that_is_not_planned(
            said in "(4_[\\[0-9,:%\\]-]{0,9}\\|rackstorm-1f0c-[0-9]{0,4}\n){0,4}",
        ) {
            if let Ok(shards) = of(&said) {
                prop_assert!(shards.iter().all(|shard| (1..=2_500).contains(shard)));
            }
        }
    }
}
