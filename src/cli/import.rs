//! `rackstorm import`: measured storms become results folders.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use crate::backend::Backend;
use crate::backend::measured::Measured;
use crate::cli::watch::Watch;
use crate::cli::{Exit, exit, files, streams};
use crate::experiment::Run;
use crate::plan::Plan;
use crate::record::Finished;
use crate::scenario;
use crate::storm::{self, Storm, Table};

/// What stands under the help of `import`.
const EXAMPLES: &str = "\
Examples:
  rackstorm import tftp_storm.csv checkpoint_storm.csv
  rackstorm import measured/*_storm.csv --out measured/results --report
  rackstorm import dhcp_storm.csv --json | jq -r .results

A table has a row for each client of a storm: run, proto, server, client, n, file_bytes, node_link,
uplink, server_link, blksize, client_idx, start_s, dur_s, rc, cpu_busy_pct, note. Each storm becomes
OUT/<storm>/<run>-measured-<fingerprint>/, with a scenario of the same machine: report, events and
compare take it like any other, and `rackstorm run` of its scenario.toml plays it in the model.
docs/calibration.md has the columns and what becomes of each storm.

Rows that cannot be used are reported by their line; a storm that lacks a client is left out and
reported.
Exit codes: 0 all imported, 2 wrong usage or no table, 3 a row or a storm could not be imported.";

/// Turn measured storms into results folders
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// Tables of storms, CSV
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Where the results folders go
    #[arg(long, short, value_name = "FOLDER", default_value = "results", env = "RACKSTORM_OUT")]
    out: PathBuf,
    /// Draw figures and report.html of each; `rackstorm report` can do it later
    #[arg(long)]
    report: bool,
    /// One JSON object per storm on stdout in place of its folder
    #[arg(long)]
    json: bool,
}

/// Reads all tables, then records all storms.
pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let mut tables = Vec::new();
    for file in &arguments.files {
        match storm::read(file) {
            Ok(table) => tables.push((file, table)),
            Err(error) => streams::say(&format!("error: {error}")),
        }
    }
    if tables.len() < arguments.files.len() {
        return Ok(Exit::Usage);
    }
    let watch = Watch::over(tables.iter().map(|(_, table)| table.storms.len()).sum(), true)?;
    let mut worst = Exit::Done;
    for (file, table) in &tables {
        if report_flaws(file, table) {
            worst = worst.max(Exit::Failed);
        }
        for storm in &table.storms {
            match one(storm, arguments, &watch) {
                Ok(finished) => report(storm, &finished, arguments.json),
                Err(error) => {
                    streams::say(&exit::message(&error));
                    worst = worst.max(exit::of_error(&error));
                    if worst == Exit::Interrupted {
                        return Ok(worst);
                    }
                }
            }
        }
    }
    let lost = if streams::data_was_lost() { Exit::Failed } else { Exit::Done };
    Ok(worst.max(lost))
}

/// One storm, from its scenario to its folder.
fn one(storm: &Storm, arguments: &Arguments, watch: &Watch) -> anyhow::Result<Finished> {
    let scenario = scenario::read(&storm.name, &storm.scenario());
    let scenario = scenario.map_err(|mistakes| anyhow::anyhow!(mistakes.render(false)))?;
    let (plan, stage) = (Plan::make(&scenario), Measured(storm));
    let mut watched = watch.run(&scenario);
    let run = Run::new(&plan, &stage).sink(&mut watched).record(&arguments.out)?;
    if arguments.report {
        run.report(&plan)?;
    }
    Ok(run.folder)
}

fn report(storm: &Storm, finished: &Finished, as_json: bool) {
    let failed = storm.clients.iter().filter(|client| !client.succeeded).count();
    if as_json {
        let object = json!({
            "scenario": storm.name,
            "seed": storm.run,
            "stage": Measured(storm).name(),
            "results": finished.path.to_string_lossy(),
            "already_there": finished.already_there,
            "clients": storm.clients.len(),
            "failed": failed,
            "makespan": storm.makespan().as_secs_f64(),
            "cpu_busy_pct": storm.cpu_busy,
        });
        streams::print(&format!("{object}\n"));
    } else {
        let already = if finished.already_there { " (was there already)" } else { "" };
        streams::print(&format!("{}{already}\n", finished.path.display()));
    }
}

/// Reports the rows that cannot be used, and says whether there are any.
fn report_flaws(file: &Path, table: &Table) -> bool {
    let shown = file.display();
    files::report_flaws(file, &table.flaws, |more| format!("{more} more of these in {shown}"));
    let flaws = table.flaws.len();
    if flaws > 0 {
        let (storms, rows) = (table.storms.len(), table.rows);
        streams::say(&format!(
            "warning: {shown}: {flaws} things cannot be used in {rows} rows; {storms} storms can"
        ));
    }
    flaws > 0
}
