//! The plan for people: what `rackstorm plan` shows.

use std::io;

use crate::config::words::Word;
use crate::ids::{JobId, NodeId, Part, PartKind};
use crate::plan::chance::{Chance, Strike};
use crate::plan::{Job, Plan, lifetimes, tree};
use crate::scenario::collective::Collective;
use crate::scenario::fault::{Age, Cascade, FaultRule, Radius, Rejuvenate, Repair, When};
use crate::scenario::job::{Checkpoint, Interval};
use crate::scenario::law::Law;
use crate::scenario::queue::Queued;
use crate::scenario::transfers::Transfer;
use crate::scenario::{Source, StopWhen};
use crate::units::{NANOS_PER_SECOND, Span, Time};

/// First strikes shown.
const STRIKES: usize = 10;

/// Jobs shown.
const JOBS: usize = 20;

/// See [`Plan::print`].
pub(super) fn print(plan: &Plan, out: &mut impl io::Write) -> io::Result<()> {
    let scenario = &plan.scenario;
    writeln!(out, "{}: {}", scenario.name, scenario.title)?;
    let when = match scenario.stop.when {
        StopWhen::WorkloadDone => "when the workload is done, or ",
        StopWhen::AllUp => "when all nodes are up, or ",
        StopWhen::Never => "",
    };
    let seed = scenario.seed;
    writeln!(out, "seed {seed}, ends {when}after {}", short(Span(scenario.stop.at.0)))?;
    writeln!(out, "digest {}", plan.digest())?;
    print_machine(plan, out)?;
    if plan.machine.is_of_parts() {
        tree::print(plan, out)?;
    } else {
        print_links(plan, out)?;
        print_module(plan, out)?;
    }
    print_faults(plan, out)?;
    print_queue(plan, out)?;
    for (job, id) in plan.jobs.iter().zip((0..).map(JobId)).take(JOBS) {
        print_job(job, plan.checkpoint_of(id), out)?;
        print_queued(plan.scenario.jobs[usize::from(id.0)].queued, out)?;
        print_collective(plan.collective(id), out)?;
        if let Some(io) = plan.scenario.work_of(id).and_then(|work| work.io) {
            writeln!(out, "  each node writes {} after {} of computing", io.size, short(io.every))?;
        }
    }
    if let Some(more @ 1..) = plan.jobs.len().checked_sub(JOBS) {
        writeln!(out, "\nand {} more", counted(more, "job"))?;
    }
    print_transfers(&plan.scenario.transfers, out)?;
    print_workloads(plan, out)?;
    print_assumptions(plan, out)
}

fn print_machine(plan: &Plan, out: &mut impl io::Write) -> io::Result<()> {
    let (machine, scenario) = (&plan.machine, &plan.scenario);
    let nodes = machine.nodes.len();
    let spares = machine.nodes.iter().filter(|node| node.spare).count();
    writeln!(out, "\nMachine, at {}", scenario.site.altitude)?;
    for (count, one, what) in [
        (machine.racks as usize, "rack", String::new()),
        (machine.modules.len(), "module", format!(" of {}", scenario.module.model)),
        (machine.packs.len(), "pack", String::new()),
        (machine.blades.len(), "blade", String::new()),
        (nodes, "node", about_nodes(plan, spares)),
        (machine.switches.len(), "switch", String::new()),
        (machine.psus.len(), "PSU", String::new()),
        (machine.servers.len(), "server", String::new()),
    ] {
        let plural = plural(count, one);
        writeln!(out, "  {count:>9} {plural}{what}")?;
    }
    Ok(())
}

fn about_nodes(plan: &Plan, spares: usize) -> String {
    let (machine, models) = (&plan.machine, plan.scenario.models());
    let nodes = machine.nodes.len();
    let cores_of = |node| u64::from(plan.hardware_of(node).cores);
    let cores: u64 = (0..nodes as u32).map(NodeId).map(cores_of).sum();
    format!(" of {models}, {} active and {spares} spare, {cores} cores", nodes - spares)
}

fn print_links(plan: &Plan, out: &mut impl io::Write) -> io::Result<()> {
    let (machine, scenario) = (&plan.machine, &plan.scenario);
    let server = &scenario.server;
    writeln!(out, "\nLinks and disks")?;
    for (count, what, rate) in [
        (machine.nodes.len(), "node to switch", scenario.hardware.link.to_string()),
        (machine.switches.len(), "switch uplink", scenario.module.uplink.to_string()),
        (machine.servers.len(), "server link", server.link.to_string()),
        (machine.servers.len(), "server disk", format!("{} MB/s", server.disk as f64 / 1e6)),
    ] {
        writeln!(out, "  {count:>9} x {what:<15} {rate}")?;
    }
    writeln!(out, "  TCP payload gets {} % of a link", percent(scenario.network.tcp_share))
}

/// Switches and PSUs of the first module; all are alike.
fn print_module(plan: &Plan, out: &mut impl io::Write) -> io::Result<()> {
    let (machine, module) = (&plan.machine, &plan.scenario.module);
    if machine.modules.is_empty() {
        return Ok(());
    }
    writeln!(out, "\nEach module")?;
    let nodes = |part| machine.nodes_of(part).count();
    for index in 0..module.switches {
        let part = Part { kind: PartKind::Switch, index };
        let spares = machine.nodes_of(part).filter(|id| machine.nodes[id.0 as usize].spare);
        let (all, spares) = (nodes(part), spares.count());
        writeln!(out, "  switch[{}] carries {all} nodes, {spares} of them spare", index + 1)?;
    }
    for (index, psu) in (0..).zip(&module.psus) {
        let fed = nodes(Part { kind: PartKind::Psu, index });
        let switches = counted(psu.switches.len(), "switch");
        let limit = psu.limit;
        writeln!(out, "  psu[{}] feeds {fed} nodes and {switches}, limit {limit}", index + 1)?;
    }
    Ok(())
}

fn print_faults(plan: &Plan, out: &mut impl io::Write) -> io::Result<()> {
    if plan.scenario.faults.is_empty() {
        return writeln!(out, "\nNo faults");
    }
    writeln!(out, "\nFaults")?;
    for rule in &plan.scenario.faults {
        let parts = match rule.on.kind {
            PartKind::Network => "the network".to_owned(),
            kind => counted(rule.on.len() as usize, kind.title()),
        };
        let (kind, when) = (rule.kind().word(), when_text(rule));
        // A rule without a name has that of its kind.
        let kind = if rule.name == kind { String::new() } else { format!(" ({kind})") };
        writeln!(out, "  {}{kind} on {parts}: {when}", rule.name)?;
        if let Some(how) = rule.harm.phrase() {
            writeln!(out, "    harm: {how}")?;
        }
        writeln!(out, "    repair: {}", repair_text(&rule.repair))?;
    }
    let end = plan.scenario.stop.at;
    let strikes = Chance::new(&plan.scenario).first_strikes(plan, end);
    let within = short(Span(end.0));
    let parts = counted(strikes.len(), "first strike");
    writeln!(out, "\n{parts} within {within} (nodes: of time with power)")?;
    for Strike { at, fault, part } in strikes.iter().take(STRIKES) {
        let rule = &plan.scenario.faults[usize::from(fault.0)];
        let (at, part) = (short(Span(at.0)), plan.machine.name(*part));
        writeln!(out, "  {at:>22}  {part}  {}", rule.name)?;
    }
    if let Some(more @ 1..) = strikes.len().checked_sub(STRIKES) {
        writeln!(out, "  {:>22}  and {more} more", "")?;
    }
    Ok(())
}

fn print_assumptions(plan: &Plan, out: &mut impl io::Write) -> io::Result<()> {
    let assumed = plan.scenario.provenance.iter().filter_map(|entry| match &entry.source {
        Source::Assumption(why) => Some((&entry.key, &entry.value, why)),
        Source::Published(_) | Source::Scenario => None,
    });
    writeln!(out, "\nAssumptions")?;
    if !plan.machine.is_of_parts() {
        let how = "active ones in contiguous equal blocks, spares in turn";
        writeln!(out, "  nodes on switches: {how}")?;
    }
    for (key, value, why) in assumed {
        let colon = if why.is_empty() { "" } else { ": " };
        writeln!(out, "  {key} = {value}{colon}{why}")?;
    }
    Ok(())
}

fn print_job(job: &Job, spec: Option<&Checkpoint>, out: &mut impl io::Write) -> io::Result<()> {
    writeln!(out, "\nJob {}", job.name)?;
    let (step, last) = (short(job.step), short(job.last_step));
    let last = if last == step { String::new() } else { format!(", the last of {last}") };
    let seats =
        if job.seats == job.nodes { String::new() } else { format!(" on {} seats", job.seats) };
    writeln!(out, "  {} nodes{seats}, {} steps of {step}{last}", job.nodes, job.steps)?;
    match job.mtbf {
        Span::FOREVER => {
            writeln!(out, "  no mean time between failures M: no lifetime ends on its nodes")?;
        }
        mtbf => writeln!(out, "  mean time between failures M = {}", short(mtbf))?,
    }
    let Some(interval) = job.interval else {
        return writeln!(out, "  no checkpoints");
    };
    if let [cost] = &job.level_costs[..] {
        writeln!(out, "  checkpoint cost C = {}", short(*cost))?;
    } else {
        for (number, cost) in (1..).zip(&job.level_costs) {
            writeln!(out, "  checkpoint cost C of level {number} = {}", short(*cost))?;
        }
    }
    if let Some(spec) = spec.and_then(Checkpoint::logging) {
        let when = if spec.stagger { "in turn" } else { "at once" };
        let (groups, size) = (job.nodes / spec.group, spec.group);
        writeln!(out, "  {groups} groups of {size} nodes, which write {when}")?;
    }
    let spec = spec.and_then(Checkpoint::coordinated);
    let adapts = spec.is_some_and(|spec| matches!(spec.interval, Interval::Adaptive { .. }));
    let then = if adapts { " at first, then by what is observed" } else { "" };
    writeln!(out, "  computing between two checkpoints = {}{then}", short(interval))
}

/// What the nodes of a job send to each other.
fn print_collective(all: Option<Collective>, out: &mut impl io::Write) -> io::Result<()> {
    let Some(all) = all else { return Ok(()) };
    let (operation, algorithm) = (all.operation.word(), all.algorithm().word());
    writeln!(out, "  at the end of each step {operation} ({algorithm}) of {}", all.size)
}

/// What is sent from part to part next to the jobs.
fn print_transfers(all: &[Transfer], out: &mut impl io::Write) -> io::Result<()> {
    let Some(last) = all.iter().map(|one| one.start).max() else { return Ok(()) };
    let bytes: u128 = all.iter().map(|one| u128::from(one.bytes.0)).sum();
    let (count, gigabytes) = (counted(all.len(), "transfer"), bytes as f64 / 1e9);
    writeln!(out, "\nTransfers")?;
    writeln!(
        out,
        "  {count} of {gigabytes:.3} GB in all, the last one begins at {}",
        short(Span(last.0))
    )
}

/// The tables of other workloads.
fn print_workloads(plan: &Plan, out: &mut impl io::Write) -> io::Result<()> {
    let mut table = String::new();
    for line in plan.scenario.workloads.lines() {
        if line.table != table {
            table.clone_from(&line.table);
            writeln!(out, "\nWorkload {table}")?;
        }
        writeln!(out, "  {} = {}", line.key, line.value)?;
    }
    Ok(())
}

/// What the queue of several jobs has to do.
fn print_queue(plan: &Plan, out: &mut impl io::Write) -> io::Result<()> {
    let jobs = &plan.scenario.jobs;
    let Some(last) = jobs.iter().map(|job| job.queued.submit).max().filter(|_| jobs.len() > 1)
    else {
        return Ok(());
    };
    let policy = plan.scenario.queue.policy.word();
    let computing = |job: &Job| {
        let steps = job.step.as_secs_f64() * (job.steps - 1) as f64;
        f64::from(job.nodes) * (steps + job.last_step.as_secs_f64())
    };
    let node_time: f64 = plan.jobs.iter().map(computing).sum();
    let (jobs, last) = (counted(jobs.len(), "job"), short(Span(last.0)));
    writeln!(out, "\nQueue, {policy}")?;
    writeln!(out, "  {jobs}, the last one submitted at {last}")?;
    let whole = Span::from_secs_f64(node_time / plan.machine.nodes.len() as f64);
    writeln!(out, "  all nodes together would compute all of it in {}", short(whole))
}

fn print_queued(queued: Queued, out: &mut impl io::Write) -> io::Result<()> {
    if queued.submit > Time::ZERO {
        writeln!(out, "  submitted at {}", short(Span(queued.submit.0)))?;
    }
    match queued.walltime {
        Some(walltime) => writeln!(out, "  ended at a walltime of {}", short(walltime)),
        None => Ok(()),
    }
}

/// When a rule strikes, as a phrase.
#[must_use]
pub fn when_text(rule: &FaultRule) -> String {
    let when = match &rule.when {
        When::At(at) => format!("once, at {}", short(Span(at.0))),
        When::Lifetime { law, age, rejuvenate, frailty, rhythm } => {
            let age = match age {
                Age::Stationary => "parts of any age",
                Age::New => "new parts",
            };
            let rejuvenate = match rejuvenate {
                Rejuvenate::Failed => "",
                Rejuvenate::All => ", all new after each",
            };
            let frailty = match frailty {
                0.0 => String::new(),
                variance => format!(", rates of variance {variance}"),
            };
            let rhythm = rhythm.map_or(String::new(), |rhythm| {
                let (day, peak) = (percent(rhythm.day), rhythm.peak);
                format!(", {day} % swing with its peak at {peak}, weekends x {}", rhythm.weekend)
            });
            format!("lifetimes {}, {age}{rejuvenate}{frailty}{rhythm}", law_text(law))
        }
    };
    let radius = match rule.radius {
        Radius::Node => String::new(),
        radius => format!(", with all nodes of its {}", radius.kind().title()),
    };
    let cascade = rule.cascade.map_or(String::new(), |Cascade { chance, delay }| {
        let (chance, delay) = (percent(chance), short(delay));
        format!("; {chance} % bring another one after {delay} on average")
    });
    let prediction = rule.prediction.map_or(String::new(), |prediction| {
        let (recall, precision) = (percent(prediction.recall), percent(prediction.precision));
        let lead = short(prediction.lead);
        format!("; {recall} % are announced {lead} before, {precision} % of the alarms come true")
    });
    format!("{when}{radius}{cascade}{prediction}")
}

/// How a rule's damage ends, as a phrase.
#[must_use]
pub fn repair_text(repair: &Repair) -> String {
    match repair {
        Repair::PowerCycle => "power cycle".into(),
        Repair::After(law) => format!("after {}", law_text(law)),
        Repair::Never => "never".into(),
    }
}

/// A law, as a phrase.
fn law_text(law: &Law) -> String {
    let mean = short(Span::from_secs_f64(lifetimes::mean(law)));
    match law {
        Law::Fixed(span) => short(*span),
        Law::Exponential { .. } => format!("exponential of mean {mean}"),
        Law::Weibull(law) => format!("Weibull of shape {} and mean {mean}", law.shape),
        Law::Lognormal { median, sigma } => {
            format!("lognormal of median {} and sigma {sigma}", short(*median))
        }
        Law::Gamma { shape, .. } => format!("gamma of shape {shape} and mean {mean}"),
        Law::Bathtub { .. } => format!("bathtub of mean {mean}"),
        Law::Empirical(spans) => format!("one of {} spans of mean {mean}", spans.len()),
    }
}

/// A span rounded for the eye: to seconds from a minute on, to milliseconds from a second on.
fn short(span: Span) -> String {
    if span == Span::FOREVER {
        return span.to_string();
    }
    let grain = match span {
        Span(nanos) if nanos >= 60 * NANOS_PER_SECOND => NANOS_PER_SECOND,
        Span(nanos) if nanos >= NANOS_PER_SECOND => NANOS_PER_SECOND / 1_000,
        _ => 1,
    };
    Span((span.0.saturating_add(grain / 2)) / grain * grain).to_string()
}

/// A share in per cent, without the noise of binary fractions.
fn percent(share: f64) -> f64 {
    libm::round(share * 1e6) / 1e4
}

fn plural(count: usize, one: &str) -> String {
    match (count, one.ends_with("ch")) {
        (1, _) => one.to_owned(),
        (_, true) => format!("{one}es"),
        (_, false) => format!("{one}s"),
    }
}

fn counted(count: usize, one: &str) -> String {
    format!("{count} {}", plural(count, one))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::pilot;

    const GOLDEN: &str = "\
lanl_750_month: The pilot in a test
seed 42, ends when the workload is done, or after 90 d
digest ...

Machine, at 2231 m
          1 rack
          5 modules of BitScope Cluster Module 150
         15 packs
        190 blades
        750 nodes of Raspberry Pi 3B, 720 active and 30 spare, 3000 cores
         15 switches
         10 PSUs
          1 server

Links and disks
        750 x node to switch  100 Mbit/s
         15 x switch uplink   20 Gbit/s
          1 x server link     10 Gbit/s
          1 x server disk     1000 MB/s
  TCP payload gets 94.1 % of a link

Each module
  switch[1] carries 50 nodes, 2 of them spare
  switch[2] carries 50 nodes, 2 of them spare
  switch[3] carries 50 nodes, 2 of them spare
  psu[1] feeds 90 nodes and 1 switch, limit 600 W
  psu[2] feeds 60 nodes and 2 switches, limit 600 W

Faults
  node crash (crash) on 750 nodes: lifetimes Weibull of shape 0.7 and mean 1 y, parts of any age
    repair: power cycle
  power loss (power-loss) on 1 PSU: once, at 3 d 4 h
    repair: after 1 h

154 first strikes within 90 d (nodes: of time with power)
        19 h 34 min 28 s  pi640  node crash
      1 d 7 h 6 min 42 s  pi134  node crash
     1 d 9 h 25 min 26 s  pi128  node crash
    1 d 11 h 42 min 59 s  pi252  node crash
     1 d 21 h 21 min 6 s  pi476  node crash
     2 d 4 h 38 min 30 s  pi269  node crash
                 3 d 4 h  module[2]/psu[1]  power loss
    4 d 17 h 55 min 23 s  pi067  node crash
    4 d 21 h 48 min 30 s  pi045  node crash
     5 d 8 h 10 min 41 s  pi048  node crash
                          and 144 more

Job bulk-synchronous
  720 nodes, 86400 steps of 30 s
  mean time between failures M = 12 h 10 min
  checkpoint cost C = 12 min
  computing between two checkpoints = 2 h 4 min 29 s

Assumptions
  nodes on switches: active ones in contiguous equal blocks, spares in turn
  server.link = 10 Gbit/s: nobody published the server of the pilot
";

    #[test]
    fn the_pilots_plan_reads_well() {
        let mut out = Vec::new();
        let plan = Plan::make(&pilot::scenario());
        plan.print(&mut out).unwrap();
        // The digest covers more than what is printed.
        let text = String::from_utf8(out).unwrap().replace(&plan.digest(), "...");
        assert_eq!(text, GOLDEN);
    }

    #[test]
    fn spans_are_rounded_for_the_eye() {
        let nanos = [(999, "999 ns"), (1_234_567_890, "1.235 s"), (61_499_999_999, "1 min 1 s")];
        for (nanos, text) in nanos {
            assert_eq!(short(Span(nanos)), text);
        }
        assert_eq!(short(Span::FOREVER), "forever");
    }
}
