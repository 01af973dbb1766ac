//! The plan as CSV tables, one per kind of part, so that a results folder explains itself.
//!
//! `id` is the number of a part over the whole machine, of a rule or of a job, from 1 as in the
//! names of parts; columns that are named after a part hold such numbers. Times are in seconds;
//! `inf` means forever.

use std::fs;
use std::io;
use std::path::Path;

use serde::Serialize;

use crate::ids::{Part, PartKind};
use crate::plan::Plan;
use crate::plan::chance::Chance;
use crate::plan::lifetimes;
use crate::plan::print;
use crate::scenario::Source;
use crate::scenario::fault::When;
use crate::units::Span;

/// Writes `plan/nodes.csv`, `switches.csv`, `psus.csv`, `servers.csv`, `faults.csv`, `jobs.csv`,
/// `strikes.csv` (the first strike of each rule on each part, as far as it falls before the end of
/// the run) and `assumptions.csv` into the folder `dir`.
///
/// # Errors
/// When a file cannot be written.
pub fn write_plan_tables(plan: &Plan, dir: &Path) -> io::Result<()> {
    let dir = dir.join("plan");
    fs::create_dir_all(&dir)?;
    write_nodes(plan, &dir)?;
    write_module_parts(plan, &dir)?;
    write_servers(plan, &dir)?;
    write_faults(plan, &dir)?;
    write_strikes(plan, &dir)?;
    write_jobs(plan, &dir)?;
    write_assumptions(plan, &dir)
}

/// Writes one table: a header, then rows of as many fields.
fn write_table<R: Serialize>(
    dir: &Path,
    name: &str,
    header: &[&str],
    rows: impl Iterator<Item = R>,
) -> io::Result<()> {
    let file = io::BufWriter::with_capacity(1 << 18, fs::File::create(dir.join(name))?);
    let mut table = csv::WriterBuilder::new().has_headers(false).from_writer(file);
    table.write_record(header)?;
    for row in rows {
        table.serialize(row)?;
    }
    table.flush()
}

fn write_nodes(plan: &Plan, dir: &Path) -> io::Result<()> {
    let machine = &plan.machine;
    let rows = (0..).zip(&machine.nodes).map(|(id, row)| {
        let name = machine.name(Part { kind: PartKind::Node, index: id });
        let pack = machine.blades[row.blade as usize].pack;
        let (module, blade, switch) = (row.module + 1, row.blade + 1, row.switch + 1);
        let (psu, server) = (row.psu + 1, row.server + 1);
        (id + 1, name, module, pack + 1, blade, switch, psu, server, row.spare)
    });
    let header = ["id", "name", "module", "pack", "blade", "switch", "psu", "server", "spare"];
    write_table(dir, "nodes.csv", &header, rows)
}

fn write_module_parts(plan: &Plan, dir: &Path) -> io::Result<()> {
    let machine = &plan.machine;
    let rows = (0..).zip(&machine.switches).map(|(id, row)| {
        let name = machine.name(Part { kind: PartKind::Switch, index: id });
        let (module, psu, server) = (row.module + 1, row.psu + 1, row.server + 1);
        (id + 1, name, module, psu, server, row.uplink.0)
    });
    let header = ["id", "name", "module", "psu", "server", "uplink_bit_per_s"];
    write_table(dir, "switches.csv", &header, rows)?;
    let rows = (0..).zip(&machine.psus).map(|(id, row)| {
        let part = Part { kind: PartKind::Psu, index: id };
        let nodes = machine.nodes_of(part).count();
        let (switches, limit) = (machine.switches_under(id).count(), row.limit.0 as f64 / 1e3);
        (id + 1, machine.name(part), row.module + 1, nodes, switches, limit)
    });
    write_table(dir, "psus.csv", &["id", "name", "module", "nodes", "switches", "limit_w"], rows)
}

fn write_servers(plan: &Plan, dir: &Path) -> io::Result<()> {
    let server = &plan.scenario.server;
    let rows = (0..).zip(&plan.machine.servers).map(|(id, row)| {
        let name = plan.machine.name(Part { kind: PartKind::Server, index: id });
        let nodes = row.end_node - row.first_node;
        (id + 1, name, row.first_node + 1, nodes, plan.scenario.server_link().0, server.disk)
    });
    let header = ["id", "name", "first_node", "nodes", "link_bit_per_s", "disk_byte_per_s"];
    write_table(dir, "servers.csv", &header, rows)
}

fn write_faults(plan: &Plan, dir: &Path) -> io::Result<()> {
    let rows = plan.scenario.faults.iter().enumerate().map(|(id, rule)| {
        let kind = rule.kind().word();
        let (at, mean) = match &rule.when {
            When::At(at) => (Some(at.as_secs_f64()), None),
            When::Lifetime { law, .. } => (None, Some(lifetimes::mean(law))),
        };
        let (when, repair) = (print::when_text(rule), print::repair_text(&rule.repair));
        (id + 1, &rule.name, kind, rule.on.kind, rule.on.len(), at, mean, when, repair)
    });
    let header = ["id", "name", "kind", "on", "parts", "at_s", "mean_lifetime_s", "when", "repair"];
    write_table(dir, "faults.csv", &header, rows)
}

fn write_strikes(plan: &Plan, dir: &Path) -> io::Result<()> {
    let strikes = Chance::new(&plan.scenario).first_strikes(plan, plan.scenario.stop.at);
    let rows = strikes.iter().map(|strike| {
        let rule = &plan.scenario.faults[usize::from(strike.fault.0)];
        let part = strike.part;
        let name = plan.machine.name(part);
        let fault = u32::from(strike.fault.0) + 1;
        (strike.at.as_secs_f64(), fault, &rule.name, part.kind, part.index + 1, name)
    });
    let header = ["at_s", "fault", "fault_name", "part_kind", "part", "part_name"];
    write_table(dir, "strikes.csv", &header, rows)
}

fn write_jobs(plan: &Plan, dir: &Path) -> io::Result<()> {
    let rows = plan.jobs.iter().enumerate().map(|(id, job)| {
        let (step, last_step) = (seconds(job.step), seconds(job.last_step));
        let interval = job.interval.map(seconds);
        let (cost, mtbf) = (seconds(job.checkpoint_cost), seconds(job.mtbf));
        (id + 1, &job.name, job.nodes, job.steps, step, last_step, interval, cost, mtbf)
    });
    let header = [
        "id",
        "name",
        "nodes",
        "steps",
        "step_s",
        "last_step_s",
        "interval_s",
        "checkpoint_cost_s",
        "mtbf_s",
    ];
    write_table(dir, "jobs.csv", &header, rows)
}

/// Every figure with what stands behind it; the assumptions are those of the kind `assumption`.
fn write_assumptions(plan: &Plan, dir: &Path) -> io::Result<()> {
    let rows = plan.scenario.provenance.iter().map(|entry| {
        let (kind, source) = match &entry.source {
            Source::Published(source) => ("published", source.as_str()),
            Source::Assumption(why) => ("assumption", why.as_str()),
            Source::Scenario => ("scenario", ""),
        };
        (&entry.key, &entry.value, kind, source)
    });
    write_table(dir, "assumptions.csv", &["key", "value", "kind", "source"], rows)
}

fn seconds(span: Span) -> f64 {
    if span == Span::FOREVER { f64::INFINITY } else { span.as_secs_f64() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::pilot;

    #[test]
    fn the_tables_of_the_pilot_have_a_row_for_each_part() {
        let dir = tempfile::tempdir().unwrap();
        let plan = Plan::make(&pilot::scenario());
        write_plan_tables(&plan, dir.path()).unwrap();
        let read = |name: &str| fs::read_to_string(dir.path().join("plan").join(name)).unwrap();
        for (name, rows) in [
            ("nodes.csv", 750),
            ("switches.csv", 15),
            ("psus.csv", 10),
            ("servers.csv", 1),
            ("faults.csv", 2),
            ("jobs.csv", 1),
            ("assumptions.csv", 2),
        ] {
            assert_eq!(read(name).lines().count(), rows + 1, "{name}");
        }
        assert_eq!(read("nodes.csv").lines().nth(750), Some("750,pi750,5,15,190,15,9,1,true"));
        assert_eq!(read("psus.csv").lines().nth(1), Some("1,module[1]/psu[1],1,90,1,600.0"));
        let strike = "273600.0,2,power loss,psu,3,module[2]/psu[1]";
        assert!(read("strikes.csv").lines().any(|line| line == strike));
        let assumption =
            "server.link,10 Gbit/s,assumption,nobody published the server of the pilot";
        assert!(read("assumptions.csv").lines().any(|line| line == assumption));
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_an_error() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert!(write_plan_tables(&Plan::make(&pilot::scenario()), file.path()).is_err());
    }
}
