//! `rackstorm export`: what results folders hold, in the formats of other tools.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use serde_json::Value;

use crate::analysis::results;
use crate::cli::files::{self, Trust};
use crate::cli::{Exit, streams};
use crate::export::junit::Suite;
use crate::export::perfetto::Window;
use crate::export::{Recorded, fta, junit, openmetrics, perfetto, provenance, tables, vega};
use crate::ids::NodeId;
use crate::plan::Plan;
use crate::record::{Manifest, RecordError, Status};
use crate::scenario;
use crate::trace::Moment;
use crate::units::Span;

/// What stands under the help of `export`.
const EXAMPLES: &str = "\
Examples:
  rackstorm export results/*/* --to junit > junit.xml
  rackstorm export results/boot/42-model-1f0c2ab9 --to perfetto --out boot.pftrace
  rackstorm export results/month/* --to fta > failures.tab; rackstorm fit failures.tab
  rackstorm export results/month/* --to parquet
  rackstorm export results/month/42-model-1f0c2ab9 --to openmetrics --start 2026-01-01

docs/formats.md says what each holds and which program reads it.";

/// Write results in the format of another tool
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// Results folders
    #[arg(required = true)]
    results: Vec<PathBuf>,
    /// The format
    #[arg(long, value_enum, value_name = "FORMAT")]
    to: To,
    /// Write to this file [default: stdout; `parquet`, `ro-crate` and `vega` write into the
    /// folder]
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,
    /// When the run began, for `openmetrics` [default: when it really did]
    #[arg(long, value_name = "DATE", value_parser = Moment::parse)]
    start: Option<Moment>,
    /// Only these nodes, for `perfetto`, such as `pi[1-24]`
    #[arg(long, value_name = "NODES", value_parser = nodes)]
    nodes: Option<Nodes>,
    /// Only the end of the run, for `perfetto`
    #[arg(long, value_name = "DURATION")]
    last: Option<Span>,
    #[command(flatten)]
    trust: Trust,
}

/// The formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum To {
    /// A trace of nodes, jobs and series that Perfetto opens
    Perfetto,
    /// Metrics and series with times, for Prometheus
    Openmetrics,
    /// The demands of `[expect]`, for continuous integration
    Junit,
    /// When nodes failed, as a table of the Failure Trace Archive
    Fta,
    /// Each table, the event log included, as Parquet next to its CSV
    Parquet,
    /// Figures that can be edited, for Vega-Lite
    Vega,
    /// What was run, by which program, as RO-Crate
    RoCrate,
}

/// Nodes of a command line.
#[derive(Clone, Debug)]
struct Nodes(Vec<NodeId>);

fn nodes(text: &str) -> Result<Nodes, String> {
    scenario::nodes(text).map(Nodes)
}

/// Reads all folders, then writes.
pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    if let Some(why) = arguments.contradiction() {
        streams::say(&format!("error: {why}"));
        return Ok(Exit::Usage);
    }
    match arguments.to {
        To::Junit => {
            let suites: anyhow::Result<Vec<_>> =
                arguments.results.iter().map(|folder| arguments.suite(folder)).collect();
            let text = junit::document(&suites?);
            arguments.write(|out, at| {
                out.write_all(text.as_bytes()).map_err(RecordError::io("write", at))
            })?;
        }
        To::RoCrate | To::Vega | To::Parquet => arguments.write_into_folders()?,
        To::Openmetrics => {
            let runs = arguments.runs()?;
            let start = arguments.start;
            arguments.write(|out, at| {
                openmetrics::write(&runs, start, out).map_err(RecordError::io("write", at))
            })?;
        }
        To::Fta => {
            let runs = arguments.runs()?;
            arguments.write(|out, at| fta::write(&runs, out, at))?;
        }
        To::Perfetto => {
            let runs = arguments.runs()?;
            let mut nodes = arguments.nodes.clone().map_or_else(Vec::new, |it| it.0);
            nodes.sort_unstable();
            let window = Window { nodes, last: arguments.last };
            arguments.write(|out, at| perfetto::write(&runs[0], &window, out, at))?;
        }
    }
    Ok(Exit::Done)
}

impl Arguments {
    /// What of the command line cannot go together.
    fn contradiction(&self) -> Option<&'static str> {
        let (to, is_perfetto) = (self.to, self.to == To::Perfetto);
        match () {
            () if is_perfetto && self.results.len() > 1 => {
                Some("a trace is of one run; give one results folder")
            }
            () if !is_perfetto && (self.nodes.is_some() || self.last.is_some()) => {
                Some("--nodes and --last are for --to perfetto")
            }
            () if to != To::Openmetrics && self.start.is_some() => {
                Some("--start is for --to openmetrics")
            }
            () if matches!(to, To::RoCrate | To::Vega | To::Parquet) && self.out.is_some() => Some(
                "--to parquet, ro-crate and vega write into the results folder, by their own names",
            ),
            () => None,
        }
    }

    fn runs(&self) -> anyhow::Result<Vec<Recorded>> {
        self.results.iter().map(|folder| self.recorded(folder)).collect()
    }

    fn recorded(&self, folder: &Path) -> anyhow::Result<Recorded> {
        let manifest = self.trust.finished(folder)?;
        let scenario = files::recorded(folder, &manifest)
            .ok_or_else(|| anyhow::anyhow!("{}: its scenario cannot be read", folder.display()))?;
        let (plan, findings) = (Plan::make(&scenario), results::load(folder)?);
        Ok(Recorded { folder: folder.to_owned(), manifest, plan, findings })
    }

    /// The suite of a folder, also of a run that did not finish.
    fn suite(&self, folder: &Path) -> anyhow::Result<Suite> {
        let manifest = Manifest::read(folder)?;
        if manifest.status == Status::Finished {
            return Ok(Suite::Finished(Box::new(self.recorded(folder)?)));
        }
        let why = manifest.state(folder);
        Ok(Suite::Unfinished(Box::new(manifest), why))
    }

    /// Writes what `export` gives to where it was asked for; a file is there when it is whole.
    fn write(
        &self,
        export: impl FnOnce(&mut dyn Write, &Path) -> Result<(), RecordError>,
    ) -> anyhow::Result<()> {
        let Some(path) = &self.out else {
            let (mut out, stdout) = (streams::data(), Path::new("stdout"));
            export(&mut out, stdout)?;
            return Ok(out.flush().map_err(RecordError::io("write", stdout))?);
        };
        files::write_with(path, |out, at| Ok(export(out, at)?))?;
        Ok(writeln!(streams::data(), "{}", path.display())?)
    }

    /// Writes what stands in the folder, by names of its own.
    fn write_into_folders(&self) -> anyhow::Result<()> {
        for run in self.runs()? {
            let written = match self.to {
                To::Parquet => tables::write(&run)?,
                To::RoCrate => {
                    vec![document(&run, provenance::FILE_NAME, &provenance::document(&run))?]
                }
                _ => {
                    let figures = vega::figures(&run);
                    let paths = figures
                        .iter()
                        .map(|(name, figure)| document(&run, &format!("figures/{name}"), figure));
                    paths.collect::<anyhow::Result<_>>()?
                }
            };
            for path in written {
                writeln!(streams::data(), "{}", path.display())?;
            }
        }
        Ok(())
    }
}

/// Writes a document into the folder of a run, and says where.
fn document(run: &Recorded, name: &str, document: &Value) -> anyhow::Result<PathBuf> {
    let path = run.folder.join(name);
    let above = path.parent().unwrap_or(&run.folder);
    fs::create_dir_all(above).map_err(RecordError::io("create", above))?;
    files::write(Some(&path), &(serde_json::to_string_pretty(document)? + "\n"))?;
    Ok(path)
}
