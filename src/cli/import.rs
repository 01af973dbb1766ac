//! `rackstorm import`: measured storms and collective operations become results folders.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use crate::analysis::Findings;
use crate::backend::Backend;
use crate::backend::measured::Measured;
use crate::backend::model::Model;
use crate::cli::watch::Watch;
use crate::cli::{Exit, exit, files, streams};
use crate::experiment::Run;
use crate::plan::Plan;
use crate::record::Finished;
use crate::scenario;
use crate::storm::{self, Measurement, Table};

/// What stands under the help of `import`.
const EXAMPLES: &str = "\
Examples:
  rackstorm import tftp_storm.csv checkpoint_storm.csv
  rackstorm import measured/*_storm.csv --out measured/results --report
  rackstorm import dhcp_storm.csv --json | jq -r .results
  rackstorm import mpi_collectives_netns.csv --model

A table of storms has a row for each client: run, proto, server, client, n, file_bytes, node_link,
uplink, server_link, blksize, client_idx, start_s, dur_s, rc, cpu_busy_pct, note. Each becomes
OUT/<storm>/<run>-measured-<fingerprint>/, with a scenario of the same machine: report, events and
compare take it like any other, and `rackstorm run` of its scenario.toml plays it in the model.

A table of MPI has a row for each collective operation, size and number of ranks: op (allreduce,
bcast, allgather, alltoall, pingpong, barrier, each with what may follow it), ranks, bytes, reps,
min_s, mean_s, max_s, node_link, cpu_busy_pct, and if it likes uplink, per_module and algorithm.
Latency and rate of the model are those of its ping-pongs. --model plays each in the model too and
prints both times.

docs/calibration.md has the columns and what becomes of each row.

Rows that cannot be used are reported by their line; a storm that lacks a client is left out and
reported.
Exit codes: 0 all imported, 2 wrong usage or no table, 3 a row or a storm could not be imported.";

/// Turn measured storms and MPI operations into results folders
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// Tables of storms or of MPI operations, CSV
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Where the results folders go
    #[arg(long, short, value_name = "FOLDER", default_value = "results", env = "RACKSTORM_OUT")]
    out: PathBuf,
    /// Draw figures and report.html of each; `rackstorm report` can do it later
    #[arg(long)]
    report: bool,
    /// Play each in the model as well: the measured time, the model's, and by how much it is off
    #[arg(long)]
    model: bool,
    /// One JSON object per storm or operation on stdout in place of its folder
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
    let watch = Watch::over(tables.iter().map(|(_, table)| all_of(table).count()).sum(), true)?;
    let mut worst = Exit::Done;
    for (file, table) in &tables {
        if report_flaws(file, table) {
            worst = worst.max(Exit::Failed);
        }
        for measured in all_of(table) {
            match one(measured, arguments, &watch) {
                Ok(imported) => report(measured, &imported, arguments.json),
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

/// All that a table has.
fn all_of(table: &Table) -> impl Iterator<Item = &dyn Measurement> {
    let storms = table.storms.iter().map(|it| it as &dyn Measurement);
    storms.chain(table.operations.iter().map(|it| it as &dyn Measurement))
}

/// What came of a measurement.
struct Imported {
    folder: Finished,
    /// The time by which it is compared (s), as measured and as the model has it, if that was asked
    /// for and both have it.
    against: Option<(f64, f64)>,
}

/// One measurement, from its scenario to its folder.
fn one(
    measured: &dyn Measurement,
    arguments: &Arguments,
    watch: &Watch,
) -> anyhow::Result<Imported> {
    let scenario = scenario::read(measured.name(), &measured.scenario());
    let scenario = scenario.map_err(|mistakes| anyhow::anyhow!(mistakes.render(false)))?;
    let (plan, stage) = (Plan::make(&scenario), Measured(measured));
    let mut watched = watch.run(&scenario);
    let run = Run::new(&plan, &stage).sink(&mut watched).record(&arguments.out)?;
    if arguments.report {
        run.report(&plan)?;
    }
    let mut against = None;
    if arguments.model {
        let played = Run::new(&plan, &Model).play()?;
        let time = |found: &Findings| found.metric(measured.compared()).map(|it| it.value);
        against = time(&run.outcome.findings).zip(time(&played.findings));
    }
    Ok(Imported { folder: run.folder, against })
}

fn report(measured: &dyn Measurement, imported: &Imported, as_json: bool) {
    let finished = &imported.folder;
    if as_json {
        let mut object = json!({
            "scenario": measured.name(),
            "seed": measured.run(),
            "stage": Measured(measured).name(),
            "results": finished.path.to_string_lossy(),
            "already_there": finished.already_there,
            "makespan": measured.makespan().as_secs_f64(),
            "cpu_busy_pct": measured.cpu_busy(),
        });
        for (name, count) in measured.counts() {
            object[name] = json!(count);
        }
        if let Some((found, model)) = imported.against {
            object["metric"] = json!(measured.compared());
            object["measured"] = json!(found);
            object["model"] = json!(model);
        }
        streams::print(&format!("{object}\n"));
        return;
    }
    let already = if finished.already_there { " (was there already)" } else { "" };
    let against = imported.against.map_or_else(String::new, |(found, model)| {
        let off = (model / found - 1.0) * 100.0;
        format!("  {}: {found:.6} s, model {model:.6} s, {off:+.1} %", measured.compared())
    });
    streams::print(&format!("{}{already}{against}\n", finished.path.display()));
}

/// Reports the rows that cannot be used, and says whether there are any.
fn report_flaws(file: &Path, table: &Table) -> bool {
    let shown = file.display();
    files::report_flaws(file, &table.flaws, |more| format!("{more} more of these in {shown}"));
    let flaws = table.flaws.len();
    if flaws > 0 {
        let (storms, operations, rows) = (table.storms.len(), table.operations.len(), table.rows);
        let what = if operations > 0 { "operations" } else { "storms" };
        let usable = storms + operations;
        streams::say(&format!(
            "warning: {shown}: {flaws} things cannot be used in {rows} rows; {usable} {what} can"
        ));
    }
    flaws > 0
}
