//! `rackstorm verify`: plays and draws again what a bundle holds.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::cli::files::{self, Trust};
use crate::cli::watch::Watch;
use crate::cli::{Exit, streams};
use crate::experiment::bundle::{self, Verified};
use crate::experiment::{self, Replayed};

/// What stands under the help of `verify`.
const EXAMPLES: &str = "\
Examples:
  rackstorm verify artefact.tar
  unxz artefact.tar.xz && rackstorm verify artefact.tar

Each run is played again and must have the same fingerprint, and each figure is drawn again and must
have the same bytes. A run of a stage that emits other events each time is drawn again only. The
exit code is 0 if all is the same and 3 if not.";

/// Play and draw again what a bundle holds
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// The archive
    bundle: PathBuf,
    /// No progress bar
    #[arg(long, short)]
    quiet: bool,
}

/// Unpacks, then goes through the runs.
pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let place = tempfile::Builder::new().prefix("rackstorm-").tempdir()?;
    let folders = bundle::unpack(&arguments.bundle, place.path())?;
    let watch = Watch::over(folders.len(), arguments.quiet)?;
    let mut all_same = true;
    for folder in &folders {
        let name = folder.strip_prefix(place.path()).unwrap_or(folder);
        let (text, same) = verify(folder, name, &watch)?;
        streams::print(&text);
        all_same &= same;
    }
    Ok(if all_same { Exit::Done } else { Exit::Failed })
}

/// What became of a run, in words, and whether all of it is the same.
fn verify(folder: &Path, name: &Path, watch: &Watch) -> anyhow::Result<(String, bool)> {
    let mut text = format!("{}\n", name.display());
    let trust = Trust::default();
    let manifest = trust.finished(folder)?;
    trust.check_report(folder, &manifest)?;
    let Some(scenario) = files::recorded(folder, &manifest) else {
        return Ok((text, false));
    };
    let mut watched = watch.run(&scenario);
    let Verified { run, drawn } = bundle::verify(folder, &manifest, &mut watched)?;
    drop(watched);
    let mut all_same = true;
    let mut line = |same: bool, what: &str| {
        all_same &= same;
        let _ = writeln!(text, "  {:8}{what}", if same { "same" } else { "differs" });
    };
    let mut notes = Vec::new();
    match run {
        Replayed::Never(why) if manifest.deterministic => {
            line(false, "events");
            notes.push(why);
        }
        Replayed::Never(why) => notes.push(why),
        Replayed::Played { fingerprint, same, difference } => {
            line(same && difference.is_none(), &format!("fingerprint {fingerprint}"));
            notes.extend(difference.map(|it| it.to_string()));
        }
    }
    for (file, same) in &drawn {
        line(*same, file);
    }
    if !all_same {
        notes.extend(experiment::other_version(&manifest));
    }
    for note in notes {
        let _ = writeln!(text, "  {note}");
    }
    Ok((text, all_same))
}
