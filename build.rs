//! Finds the commit that the program is built from, for the manifests of its runs.
//!
//! In this order: `RACKSTORM_COMMIT`, if whoever builds sets it; the note that `cargo package` puts
//! into a package; the work tree that this folder is. `-dirty` at the end says that the sources are
//! not those of the commit. Without any of them, or without `git`, a program does not know it.
//!
//! It runs again when HEAD moves or a source changes, and not at every build.

use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;

/// What a program is made from, as far as this package has it.
const SOURCES: [&str; 5] = ["src", "scenarios/base", "Cargo.toml", "Cargo.lock", "build.rs"];

fn main() {
    println!("cargo:rerun-if-env-changed=RACKSTORM_COMMIT");
    for source in SOURCES {
        watch(source);
    }
    let told = env::var("RACKSTORM_COMMIT").ok().filter(|commit| !commit.is_empty());
    if let Some(commit) = told.or_else(packaged).or_else(checked_out) {
        println!("cargo:rustc-env=RACKSTORM_BUILT_FROM={commit}");
    }
}

/// Runs this again when a file changes. One that is missing would count as changed at every build.
fn watch(path: &str) {
    if Path::new(path).exists() {
        println!("cargo:rerun-if-changed={path}");
    }
}

/// The commit of a package: `{ "git": { "sha1": "1f0c...", "dirty": true }, ... }`.
fn packaged() -> Option<String> {
    let note = fs::read_to_string(".cargo_vcs_info.json").ok()?;
    let (_, rest) = note.split_once("\"sha1\"")?;
    let commit = rest.split('"').nth(1)?;
    Some(named(commit, note.contains("\"dirty\": true")))
}

/// The commit of the work tree. One further up is that of somebody else, who has a copy of this.
fn checked_out() -> Option<String> {
    if !Path::new(".git").exists() {
        return None;
    }
    // Whatever moves HEAD appends to its log; where none is kept, the references themselves move.
    let log = git(&["rev-parse", "--git-path", "logs/HEAD"])?;
    if Path::new(&log).exists() {
        watch(&log);
    } else {
        for name in ["HEAD", "refs/heads", "packed-refs", "reftable"] {
            watch(&git(&["rev-parse", "--git-path", name])?);
        }
    }
    let commit = git(&["rev-parse", "--verify", "HEAD"])?;
    let status = ["status", "--porcelain", "--untracked-files=no", "--"];
    let changed = git(&[&status[..], &SOURCES].concat())?;
    Some(named(&commit, !changed.is_empty()))
}

fn named(commit: &str, is_dirty: bool) -> String {
    format!("{commit}{}", if is_dirty { "-dirty" } else { "" })
}

/// What git says. It may be asked by a hook of another repository, in a container whose user does
/// not own the files, or while somebody commits.
fn git(arguments: &[&str]) -> Option<String> {
    let mut git = Command::new("git");
    git.args(["--no-optional-locks", "-c", "safe.directory=*"]).args(arguments);
    git.env_remove("GIT_DIR").env_remove("GIT_WORK_TREE").env_remove("GIT_INDEX_FILE");
    let done = git.output().ok().filter(|done| done.status.success())?;
    Some(String::from_utf8(done.stdout).ok()?.trim().to_owned())
}
