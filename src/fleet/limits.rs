//! What of a plan the fleet cannot carry out.

use crate::event::Target;
use crate::ids::{JobId, Part, PartKind};
use crate::plan::Plan;
use crate::scenario::fault::FaultRule;
use crate::scenario::job::{Checkpoint, Cost, Counts, KeptAt};
use crate::units::Span;

/// The shortest time between two heartbeats: what the clock of a program can distinguish.
const HEARTBEAT_MIN: Span = Span::from_millis(1);

/// Why the fleet cannot carry out a plan, a sentence for each reason. Empty: it can.
#[must_use]
pub fn cannot(plan: &Plan) -> Vec<String> {
    let reasons = [
        cannot_send_heartbeats(plan),
        cannot_corrupt(plan),
        cannot_follow_chips(plan),
        cannot_say_how(plan),
        cannot_change(plan),
        cannot_send(plan),
        cannot_share(plan),
    ];
    let jobs = (0..plan.jobs.len() as u16).map(JobId);
    let of_jobs = jobs.flat_map(|job| of_job(plan, job));
    reasons.into_iter().flatten().chain(cannot_work(plan)).chain(of_jobs).collect()
}

/// Why it cannot carry out a job, which is named if there are others.
fn of_job(plan: &Plan, of: JobId) -> impl Iterator<Item = String> {
    let reasons = [cannot_check(plan, of), cannot_keep(plan, of), cannot_exchange(plan, of)];
    reasons.into_iter().flatten().map(move |why| match plan.jobs.len() {
        1 => why,
        _ => format!("job `{}`: {why}", plan.jobs[usize::from(of.0)].name),
    })
}

/// Why agents cannot send heartbeats as fast as the controller wants to hear them, if they cannot.
fn cannot_send_heartbeats(plan: &Plan) -> Option<String> {
    let heartbeat = plan.scenario.controller.heartbeat();
    (heartbeat < HEARTBEAT_MIN).then(|| {
        format!(
            "a heartbeat each {heartbeat}: agents send four in `controller.detect`, or as many as \
             `controller.phi.beat` says, and not more than one each {HEARTBEAT_MIN}"
        )
    })
}

/// Why it cannot play a run in which something changes, if anything does.
fn cannot_change(plan: &Plan) -> Option<String> {
    let why = "[[change]]: programs that run read the scenario once; only the model plays it";
    (!plan.changes.is_empty()).then(|| why.to_owned())
}

/// Why agents cannot play transfers between parts, if they cannot.
fn cannot_send(plan: &Plan) -> Option<String> {
    let is_server = |part: Part| part.kind == PartKind::Server;
    let transfers = plan.scenario.transfers.iter();
    let between = transfers.filter(|it| is_server(it.from) && is_server(it.to)).count();
    (between > 0).then(|| {
        format!(
            "[transfers]: {between} of them go from server to server, where no agent runs; \
             `--on model` plays it"
        )
    })
}

/// Why agents cannot keep copies at each other that share links with something else, if they were
/// to.
fn cannot_share(plan: &Plan) -> Option<String> {
    let why = "copies at partners, buddies and groups that share links with other traffic: agents \
               take the time of links that nothing else is on; only the model plays them";
    plan.copies_meet_others().then(|| why.to_owned())
}

/// Why agents cannot play other workloads than jobs, of each that there is.
fn cannot_work(plan: &Plan) -> Vec<String> {
    let names = plan.scenario.workloads.names();
    let strikes = |does: fn(&FaultRule) -> bool| {
        let rule = plan.scenario.faults.iter().find(|rule| does(rule));
        rule.map(|rule| rule.name.as_str())
    };
    let cuts = strikes(|rule| match rule.kind().target() {
        Target::Switch | Target::Feed | Target::Network => true,
        Target::Link => rule.harm.left_ppm() == 0,
        Target::Life | Target::Server | Target::Controller | Target::Memory | Target::Resource => {
            false
        }
    });
    let mut all = Vec::new();
    if names.contains(&"multicast") {
        all.push("[multicast]: agents do not send datagrams to all at once".to_owned());
    }
    if names.contains(&"polling") {
        all.push("[polling]: agents do not answer datagrams of SNMP".to_owned());
    }
    let is_struck = |name: &&&str| ["data_grid", "object_store"].contains(*name);
    if let (Some(name), Some(rule)) = (names.iter().find(is_struck), cuts) {
        all.push(format!(
            "[{name}] and fault `{rule}`: who is silent may have stopped or be cut off, and keep \
             its data then; the controller does not know which"
        ));
    }
    let server = strikes(|rule| rule.kind().target() == Target::Server);
    if let Some(rule) = server.filter(|_| !names.is_empty() || !plan.scenario.transfers.is_empty())
    {
        all.push(format!(
            "[{}] and fault `{rule}`: the controller does not watch servers, unless they are nodes",
            names.first().unwrap_or(&"transfers")
        ));
    }
    all.into_iter().map(|why| format!("{why}; `--on model` plays it")).collect()
}

/// Why the nodes of a job cannot send to each other, if they were to.
fn cannot_exchange(plan: &Plan, of: JobId) -> Option<String> {
    let why =
        "`collective`: agents send for workloads that are no jobs only; only the model plays it";
    let exchange = plan.collective(of).map(|_| why.to_owned());
    let io = plan.scenario.work_of(of).and_then(|work| work.io);
    exchange.or(io.map(|_| "`io`: agents write checkpoints only; only the model plays it".into()))
}

/// Why agents cannot play the silent corruption of a plan, if it has any.
fn cannot_corrupt(plan: &Plan) -> Option<String> {
    let why = "silent corruption without a job: agents have no memory to corrupt";
    (plan.corrupts() && plan.jobs.is_empty()).then(|| why.to_owned())
}

/// Why agents cannot look at the memory of a job that may be corrupted, if they cannot.
fn cannot_check(plan: &Plan, of: JobId) -> Option<String> {
    let why = if plan.abft(of).is_some() {
        "silent corruption and `abft`: the data of agents carry no checksums"
    } else if plan.replicas(of).is_some() {
        "silent corruption and replicas: agents do not compare their memory"
    } else {
        return None;
    };
    plan.corrupts().then(|| why.to_owned())
}

/// Why agents cannot play the faults of chips of a plan, if it has any.
fn cannot_follow_chips(plan: &Plan) -> Option<String> {
    let why = "[[fault.dram]]: agents do not know of the chips of their memory";
    plan.scenario.follows_chips().then(|| why.to_owned())
}

/// Why a failed node cannot say what the controller has to know, if it cannot.
fn cannot_say_how(plan: &Plan) -> Option<String> {
    let rule = plan.scenario.faults.iter().find(|rule| rule.harm.severity() > 1)?;
    Some(format!(
        "fault `{}` has a `severity`: a failed node does not say to its controller how it failed",
        rule.name
    ))
}

/// Why the fleet cannot keep the checkpoints of a job, if it cannot.
fn cannot_keep(plan: &Plan, of: JobId) -> Option<String> {
    let spec = plan.checkpoint_of(of)?;
    if matches!(spec, Checkpoint::Coordinated(spec) if spec.counts == Counts::Start) {
        let why = "[checkpoint.coordinated] counts = \"start\": an agent cannot restart from an \
                   image that it has not written";
        return Some(why.to_owned());
    }
    if spec.logging().is_some() {
        return Some("[checkpoint.logging]: agents write and restart all together".to_owned());
    }
    if spec.incremental().is_some() {
        let why = "`incremental`: each step changes all of an agent's memory, so that there is \
                   nothing to leave out; `--on model` has a share";
        return Some(why.to_owned());
    }
    let unable = |level: &usize| matches!(spec.cost(*level), Cost::Store(KeptAt::Group { .. }));
    if let Some(level) = (0..spec.levels()).find(unable) {
        return Some(format!(
            "level {} of [checkpoint.multilevel]: agents keep whole images, and make no \
             parity of them",
            level + 1
        ));
    }
    let level = (0..spec.levels()).find(|level| spec.drain(*level).is_some())?;
    Some(format!(
        "level {} of [checkpoint.multilevel]: agents do not write while they compute",
        level + 1
    ))
}
