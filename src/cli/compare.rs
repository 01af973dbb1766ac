//! `rackstorm compare`: two results folders, two sets of them, or two studies, side by side.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;

use crate::analysis::compare::Comparison;
use crate::analysis::tolerance::Tolerance;
use crate::cli::files::{self, Trust};
use crate::cli::open::open;
use crate::cli::study::report_later_runs;
use crate::cli::{Exit, streams};
use crate::experiment;
use crate::experiment::study::{StudyFolder, merged, table};
use crate::report::comparison::{self, Input};

/// What stands under the help of `compare`.
const EXAMPLES: &str = "\
Examples:
  rackstorm compare results/boot/1-model-1f0c2ab9 results/boot/1-model-77d01c3e
  rackstorm compare results/nfs/* --with results/nbd/*       several seeds a side, with intervals
  rackstorm compare A B --band 2% --band 'node_time_*=10%' --band energy=any --floor mttr=1
  rackstorm compare A B --out comparison --open              a page with the figures overlaid
  rackstorm compare results/nfs-study results/nbd-study      two studies, cell by cell
  rackstorm compare A B --json | jq '.metrics[] | select(.verdict == \"out\")'

A is the reference: differences are B minus A, and a band is a share of A's value. Runs that have
the same seed on both sides are compared pair by pair, as the first lines say. The table names what
is out of tolerance first; docs/compare.md has the formulas. Different scenarios may be
compared on purpose; the keys in which they differ are reported at the top.

Exit codes: 0 within tolerance, 4 out of tolerance or with nothing in common, 2 wrong usage, 3 a
folder cannot be read.";

/// Compare two results folders, two sets of them, or two studies
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag that the user gives or not")]
pub(super) struct Arguments {
    /// Results folders of finished runs: A and B, or all of A if --with names those of B; or the
    /// folders of two merged studies
    #[arg(required = true)]
    results: Vec<PathBuf>,
    /// Results folders of B
    #[arg(long, num_args = 1.., value_name = "RESULTS")]
    with: Vec<PathBuf>,
    /// Tolerated difference as a share of A, for all or for one metric or distribution; `any` for
    /// no bound, a star at the end of a name for many; may be given many times [default: 5%]
    #[arg(long, value_name = "[NAME=]SHARE", allow_hyphen_values = true)]
    band: Vec<String>,
    /// Difference that is tolerated however small A's value is, in the unit of the metric
    #[arg(long, value_name = "NAME=NUMBER")]
    floor: Vec<String>,
    /// Also exit with 4 on what is unclear and on what only one side has
    #[arg(long)]
    strict: bool,
    /// Report every row, also those within tolerance
    #[arg(long, short)]
    all: bool,
    /// Print one JSON object in place of the table
    #[arg(long, conflicts_with = "all")]
    json: bool,
    /// Write compare.html and its figures into this folder
    #[arg(long, short, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// Open the page
    #[arg(long, requires = "out")]
    open: bool,
    #[command(flatten)]
    trust: Trust,
}

/// Reads both sides, compares, reports, draws.
pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let Some((a, b)) = sides(arguments) else { return Ok(Exit::Usage) };
    let tolerance = match Tolerance::read(&arguments.band, &arguments.floor) {
        Ok(tolerance) => tolerance,
        Err(mistakes) => {
            for mistake in mistakes {
                streams::say(&format!("error: {mistake}"));
            }
            return Ok(Exit::Usage);
        }
    };
    if files::is_taken(arguments.out.as_deref(), "write the page") {
        return Ok(Exit::Usage);
    }
    let studies = a.iter().chain(b).filter(|folder| StudyFolder::is_at(folder)).count();
    match (a, b) {
        _ if studies == 0 => {}
        ([a], [b]) if studies == 2 => {
            return run_studies(arguments, [a.as_path(), b.as_path()], &tolerance);
        }
        _ => {
            streams::say("error: a study is compared with one other study, and with nothing else");
            return Ok(Exit::Usage);
        }
    }
    let trust = &arguments.trust;
    let Some((a, b)) = trust.read_all(a).zip(trust.read_all(b)) else { return Ok(Exit::Failed) };
    let comparison = Comparison::of(&a, &b, &tolerance);
    let input = Input {
        a: &a,
        b: &b,
        comparison: &comparison,
        strict: arguments.strict,
        version: env!("CARGO_PKG_VERSION"),
        command: &command(arguments),
    };
    let agrees = comparison.agrees(arguments.strict);
    let page = arguments.out.as_ref().map(|out| out.join(comparison::FILE_NAME));
    if let Some(out) = &arguments.out {
        let draw = comparison::write(&input, out);
        draw.with_context(|| format!("the page could not be written into {}", out.display()))?;
    }
    let json = arguments.json.then(|| comparison::json(&input, page.as_deref()));
    streams::found(json, || comparison::text(&input, arguments.all), page.clone())?;
    if let Some(page) = page.filter(|_| arguments.open) {
        open(&page);
    }
    Ok(if agrees { Exit::Done } else { Exit::OutOfTolerance })
}

/// Compares two studies.
fn run_studies(
    arguments: &Arguments,
    folders: [&Path; 2],
    tolerance: &Tolerance,
) -> anyhow::Result<Exit> {
    if arguments.out.is_some() {
        streams::say("error: --out draws results folders; a study has the figures of its report");
        return Ok(Exit::Usage);
    }
    let [a, b] = folders.map(|folder| -> anyhow::Result<_> {
        let folder = StudyFolder::open(folder)?;
        report_later_runs(&folder, &merged(folder.path())?);
        Ok(table(&folder)?)
    });
    let (a, b) = (a?, b?);
    let of = Comparison::of_studies(&a, &b, tolerance);
    let json = arguments.json.then(|| comparison::study_json([&a, &b], &of, arguments.strict));
    let text = || comparison::study_text([&a, &b], &of, arguments.strict, arguments.all);
    streams::found(json, text, [])?;
    Ok(if of.agrees(arguments.strict) { Exit::Done } else { Exit::OutOfTolerance })
}

/// The folders of A and of B, or `None` after reporting what is missing.
fn sides(arguments: &Arguments) -> Option<(&[PathBuf], &[PathBuf])> {
    match (arguments.results.as_slice(), arguments.with.as_slice()) {
        ([a, b], []) => Some((std::slice::from_ref(a), std::slice::from_ref(b))),
        (results, []) => {
            streams::say(&format!(
                "error: compare takes two results folders, and was given {}; several of a side \
                 are written as A... --with B...",
                results.len()
            ));
            None
        }
        sides => Some(sides),
    }
}

/// The command that compares the same again.
fn command(arguments: &Arguments) -> String {
    let mut text = "rackstorm compare".to_owned();
    let mut add = |word: &str| text = format!("{text} {}", experiment::word(word));
    arguments.results.iter().for_each(|folder| add(&folder.to_string_lossy()));
    for (flag, values) in [("--band", &arguments.band), ("--floor", &arguments.floor)] {
        for value in values {
            add(flag);
            add(value);
        }
    }
    if arguments.strict {
        add("--strict");
    }
    if !arguments.with.is_empty() {
        add("--with");
        arguments.with.iter().for_each(|folder| add(&folder.to_string_lossy()));
    }
    text
}
