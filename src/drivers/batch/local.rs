//! This machine as a batch system: one process that plays on when whoever started it logs out.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use super::{DriverError, Job, System, Work, text};

/// This machine.
pub(super) struct Local;

impl System for Local {
    fn name(&self) -> &'static str {
        "local"
    }

    fn about(&self) -> &'static str {
        "A process of this machine that plays on when you log out"
    }

    /// All shards if such a process lives: it plays them and all further rounds.
    fn pending(&self, work: &Work<'_>) -> Result<BTreeSet<u32>, DriverError> {
        let processes = fs::read_dir("/proc").map_err(|error| {
            DriverError::new(format!("processes cannot be listed: {error}"), "is there a /proc?")
        })?;
        let plays = |process: fs::DirEntry| {
            let line = fs::read(process.path().join("cmdline")).unwrap_or_default();
            let words: Vec<_> = line.split(|byte| *byte == 0).collect();
            let folder = text(&work.folder);
            words.get(1..4).is_some_and(|words| words == [&b"study"[..], b"run", folder.as_bytes()])
                && !words.iter().any(|word| word.starts_with(b"--shard"))
        };
        let lives = processes.flatten().any(plays);
        Ok(if lives { (1..=work.last).collect() } else { BTreeSet::new() })
    }

    fn jobs(&self, work: &Work<'_>, shards: &[u32]) -> Result<Vec<Job>, DriverError> {
        let (program, folder) = (text(&work.program), text(&work.folder));
        let mut argv: Vec<_> = [&program, "study", "run", &folder].map(str::to_owned).into();
        argv.extend_from_slice(work.options);
        Ok(if shards.is_empty() { vec![] } else { vec![Job { shards: shards.to_vec(), argv }] })
    }

    fn script(&self, _: &str) -> Option<String> {
        None
    }

    fn submit(&self, work: &Work<'_>, job: &Job) -> Result<String, DriverError> {
        let log = work.logs.join("local.log");
        let failed = |what: &PathBuf, error: std::io::Error| {
            DriverError::new(format!("{}: {error}", what.display()), "is there room and leave?")
        };
        let out = fs::File::options().create(true).append(true).open(&log);
        let out = out.map_err(|error| failed(&log, error))?;
        let err = out.try_clone().map_err(|error| failed(&log, error))?;
        // In a group of its own no Ctrl-C of this terminal reaches it.
        let child = Command::new(&job.argv[0])
            .args(&job.argv[1..])
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(err)
            .spawn();
        // It outlives this one, and nobody waits for it.
        let child = child.map_err(|error| failed(&work.program, error))?;
        Ok(child.id().to_string())
    }
}
