//! Batch systems: they play the shards of a study as tasks, and say which are queued or running.
//!
//! ```text
//!  missing shards 3,17-19 --jobs--> sbatch --array=3,17-19 ... --submit--> job 4711
//!                                   squeue --pending--> {3, 17, 18, 19}
//! ```
//!
//! What a batch system says of the end of a task is not asked: whether a shard was played is known
//! by its part. It is asked only what is still to be played, so that nothing is sent twice. What it
//! prints is untrusted: an answer that is none stops everything before anything is sent.

mod hyperqueue;
mod local;
mod slurm;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{DriverError, tool};

/// A batch system may be busy for so long. Assumption: Slurm's own commands give up after some ten
/// seconds (`MessageTimeout`), and try again a few times.
const LIMIT: Duration = Duration::from_secs(120);

/// No queue is longer than this in bytes. Assumption: 100,000 lines.
const SAID_MAX: u64 = 1 << 23;

/// What is to be played: shards of a study in a folder that all machines see.
#[derive(Clone, Debug)]
pub struct Work<'a> {
    /// What its jobs are called: no other study has that name.
    pub name: String,
    /// The folder of the study, from the root.
    pub folder: PathBuf,
    /// Where tasks log, from the root.
    pub logs: PathBuf,
    /// The program that plays, from the root.
    pub program: PathBuf,
    /// The shards that are planned are numbered from 1 to this one.
    pub last: u32,
    /// Whether the task that ends a round submits the next one.
    pub in_rounds: bool,
    /// Options that are passed on as they are.
    pub options: &'a [String],
}

/// A job: some shards, and the command that submits them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// The numbers of the shards; they ascend.
    pub shards: Vec<u32>,
    /// The command.
    pub argv: Vec<String>,
}

/// A batch system.
pub trait System: Sync {
    /// What it is called on the command line.
    fn name(&self) -> &'static str;

    /// A few words about it.
    fn about(&self) -> &'static str;

    /// Which shards are queued or running, by its own word.
    ///
    /// # Errors
    /// When it cannot be asked, or answers oddly.
    fn pending(&self, work: &Work<'_>) -> Result<BTreeSet<u32>, DriverError>;

    /// The jobs that play these shards, which ascend; nothing is submitted.
    ///
    /// # Errors
    /// When it cannot be asked what it takes.
    fn jobs(&self, work: &Work<'_>, shards: &[u32]) -> Result<Vec<Job>, DriverError>;

    /// The script that its jobs run, if they run one. `command` plays a shard, for a shell.
    fn script(&self, command: &str) -> Option<String>;

    /// Submits a job and gives its number.
    ///
    /// # Errors
    /// When it was refused, or when that is not known.
    fn submit(&self, work: &Work<'_>, job: &Job) -> Result<String, DriverError>;
}

/// All batch systems.
pub const ALL: [&dyn System; 3] = [&slurm::Slurm, &hyperqueue::HyperQueue, &local::Local];

/// The batch system of this name.
#[must_use]
pub fn named(name: &str) -> Option<&'static dyn System> {
    ALL.into_iter().find(|system| system.name() == name)
}

/// The variable with the number that a task adds to its own to get that of its shard: batch systems
/// limit the numbers of tasks.
pub const OFFSET: &str = "RACKSTORM_SHARD_OFFSET";

/// Where a task finds its number, and what makes it that of a shard: `HyperQueue`, whose workers
/// may themselves be tasks of the next, Slurm, and indexed jobs of Kubernetes, which count from 0.
pub const TASKS: [(&str, u32); 3] =
    [("HQ_TASK_ID", 0), ("SLURM_ARRAY_TASK_ID", 0), ("JOB_COMPLETION_INDEX", 1)];

impl Work<'_> {
    /// The script of its jobs, for systems whose jobs run one.
    #[must_use]
    pub fn script_file(&self, system: &dyn System) -> PathBuf {
        self.logs.join(format!("{}.sh", system.name()))
    }

    /// The command that plays the shard of a task. A claim that a lost machine has left is taken
    /// over once it is stale.
    #[must_use]
    pub fn task(&self, system: &dyn System) -> Vec<String> {
        let (program, folder) = (text(&self.program), text(&self.folder));
        let words = [&program, "study", "run", &folder, "--shard", "auto", "--force"];
        let mut argv: Vec<_> = words.map(str::to_owned).into();
        if self.in_rounds {
            argv.extend(["--then", system.name(), "--"].map(str::to_owned));
            argv.extend_from_slice(self.options);
        }
        argv
    }
}

/// Numbers as `3,17-19`, as arrays take them: they ascend.
#[must_use]
pub fn ranges(numbers: &[u32]) -> String {
    let mut text = String::new();
    let mut rest = numbers;
    while let [first, ..] = rest {
        let length = rest.iter().zip(*first..).take_while(|(number, next)| *number == next).count();
        let comma = if text.is_empty() { "" } else { "," };
        text = match length {
            1 => format!("{text}{comma}{first}"),
            _ => format!("{text}{comma}{first}-{}", rest[length - 1]),
        };
        rest = &rest[length..];
    }
    text
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// Runs a command of a batch system to its end and gives what it printed.
fn ask(argv: &[&str]) -> Result<String, DriverError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| {
        DriverError::new(format!("`{}` does not start: {error}", argv[0]), "try again later")
    })?;
    runtime.block_on(tool::run_within(argv, LIMIT, SAID_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_slurm_reads_them() {
        assert_eq!(ranges(&[3, 17, 18, 19]), "3,17-19");
        assert_eq!(ranges(&[1, 2, 4]), "1-2,4");
        assert_eq!(ranges(&[]), "");
    }

    #[test]
    fn a_batch_system_is_found_by_its_name() {
        for system in ALL {
            assert_eq!(named(system.name()).map(System::about), Some(system.about()));
        }
        assert!(named("pbs").is_none());
    }
}
