//! `rackstorm fit`: the laws that the failures of a trace follow.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, ValueEnum};

use crate::cli::{Exit, files, streams};
use crate::fitting::traces::TraceFits;
use crate::report::fits::{self, Input};
use crate::trace::{self, Moment, Named, Quantity, Selection, Trace, TraceError};
use crate::units::Span;

/// What stands under the help of `fit`.
const EXAMPLES: &str = "\
Examples:
  rackstorm fit lanl-failures-1996-2005.csv.xz --system 18
  rackstorm fit lanl.csv --of repairs                        one of the four spans
  rackstorm fit lanl.csv --system 2 --from 2000-01-01 --out fits
  rackstorm fit event_trace.tab.xz --json | jq '.spans[].fits[0]'
  rackstorm fit events.txt --time TimeStart --node NodeName --end TimeEnd --nodes 750
  rackstorm fit ras.csv --coalesce 5min

Reads the CSV of Los Alamos (USENIX CFDR), event_trace.tab of the Failure Trace Archive, and any
table with a head, plain or as .xz. Rows that cannot be used are reported by their line.
docs/traces.md has the conventions, and shows how logs of Blue Gene, of GPUs and of Slurm become
such tables.

The table that is printed last goes into a scenario as it is. --out writes fits.csv, fault.toml,
flaws.csv, and figures of the CDF and the hazard as SVG and PNG.

Exit codes: 0 done, 2 wrong usage or nothing selected, 3 the file cannot be read.";

/// Fit the laws of a failure trace
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// The trace
    trace: PathBuf,
    /// Only failures of this system (the platform, in the Failure Trace Archive)
    #[arg(long, value_name = "NUMBER")]
    system: Option<u32>,
    /// The column in which a failure begins, as dates or seconds since 1970 [default: time]
    #[arg(long, value_name = "COLUMN")]
    time: Option<String>,
    /// The column that names what failed [default: node, if there is one]
    #[arg(long, value_name = "COLUMN")]
    node: Option<String>,
    /// The column in which it is repaired [default: end, if there is one]
    #[arg(long, value_name = "COLUMN")]
    end: Option<String>,
    /// How many nodes the system has; a trace often names only those that failed
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
    nodes: Option<u32>,
    /// Join failures of the same node that begin within this time of the end of the one before
    #[arg(long, value_name = "DURATION")]
    coalesce: Option<Span>,
    /// What to fit; may be given repeatedly [default: all]
    #[arg(long, value_enum, value_name = "SPANS")]
    of: Vec<Of>,
    /// Only failures from this time on, such as 2004-01-31 or "2004-01-31 14:05"
    #[arg(long, value_name = "DATE", value_parser = Moment::parse)]
    from: Option<Moment>,
    /// Only failures before this time
    #[arg(long, value_name = "DATE", value_parser = Moment::parse)]
    to: Option<Moment>,
    /// Write table, fault and figures into this folder
    #[arg(long, short, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// Print one JSON object in place of the tables; spans in seconds
    #[arg(long)]
    json: bool,
}

/// The spans that can be fitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Of {
    /// Times to repair
    Repairs,
    /// Times between the starts of failures anywhere in the selection
    Gaps,
    /// Times between the starts of failures of the same node
    NodeGaps,
    /// Times from the end of a failure to the start of the next of the same node
    Uptimes,
}

impl From<Of> for Quantity {
    fn from(of: Of) -> Self {
        match of {
            Of::Repairs => Self::Repairs,
            Of::Gaps => Self::Gaps,
            Of::NodeGaps => Self::NodeGaps,
            Of::Uptimes => Self::Uptimes,
        }
    }
}

/// Reads, fits, reports, draws.
pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let out = arguments.out.as_deref();
    if files::is_taken(out, "write the fits") {
        return Ok(Exit::Usage);
    }
    let trace = match read(arguments)? {
        Ok(trace) => trace,
        Err(mistake) => {
            streams::say(&format!("error: {}: {mistake}", arguments.trace.display()));
            return Ok(Exit::Usage);
        }
    };
    let selection = Selection { system: arguments.system, from: arguments.from, to: arguments.to };
    let mut wanted: Vec<Quantity> = arguments.of.iter().copied().map(Quantity::from).collect();
    if wanted.is_empty() {
        wanted = Quantity::ALL.to_vec();
    }
    let Some(found) = TraceFits::of(&trace, &selection, &wanted) else {
        let systems: Vec<_> = trace.nodes.keys().map(u32::to_string).collect();
        streams::say(&format!(
            "error: no failure of {} is in this selection\n  = help: its systems: {}",
            arguments.trace.display(),
            systems.join(", ")
        ));
        return Ok(Exit::Usage);
    };
    let name = arguments.trace.file_name().unwrap_or_default().to_string_lossy();
    let input = Input { name: &name, trace: &trace, fits: &found };
    let written = match out {
        Some(out) => {
            let write = fits::write(&input, out);
            write.with_context(|| format!("cannot write into {}", out.display()))?
        }
        None => Vec::new(),
    };
    let json = arguments.json.then(|| fits::json(&input, &written));
    let files = out.iter().flat_map(|out| written.iter().map(|file| out.join(file)));
    streams::found(json, || fits::text(&input), files)?;
    Ok(Exit::Done)
}

/// Reads the trace as the user says, and reports its flaws; or what mistake the user made.
fn read(arguments: &Arguments) -> anyhow::Result<Result<Trace, String>> {
    let named = Named {
        time: arguments.time.clone(),
        node: arguments.node.clone(),
        end: arguments.end.clone(),
    };
    let mut trace = match trace::read(&arguments.trace, &named) {
        Err(TraceError::NoColumn { lacks, .. }) => return Ok(Err(lacks)),
        read => read?,
    };
    report_flaws(&arguments.trace, &trace);
    if let Some(window) = arguments.coalesce {
        // A trace has whole seconds.
        trace = trace.coalesced(window.as_secs_f64() as u64);
    }
    if let Some(nodes) = arguments.nodes
        && let Err(mistake) = trace.resize(arguments.system, nodes)
    {
        return Ok(Err(mistake));
    }
    Ok(Ok(trace))
}

/// Reports the rows that cannot be used.
fn report_flaws(file: &Path, trace: &Trace) {
    files::report_flaws(file, &trace.flaws, |more| {
        format!("{more} more rows like these; flaws.csv of --out has all")
    });
    if !trace.flaws.is_empty() {
        let (flaws, rows) = (trace.flaws.len(), trace.rows);
        streams::say(&format!("warning: {flaws} of {rows} rows cannot be used; the others are"));
    }
}
