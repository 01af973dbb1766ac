//! Groups that checkpoint and roll back by themselves: what a failure costs whom, and theory.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use rackstorm::backend::Backend;
use rackstorm::backend::turmoil::Turmoil;
use rackstorm::event::{CheckpointAct, Event, GroupAct, JobPhase, What};
use rackstorm::forecast;
use rackstorm::ids::{JobId, NodeId};

use crate::harness::{Played, measure_text, plan_of, play_text};

/// So many nodes that boot at once and are back at once, and what `with` says.
fn machine(nodes: u32, with: &str) -> String {
    format!(
        "schema = 1\ntitle = \"groups\"\n[cluster]\nhardware = \"pi_3b\"\n[module]\n\
         nodes = {nodes}\nspares = 0\npacks = [{nodes}]\nnodes_per_blade = {nodes}\nswitches = 1\n\
         psu = [{{ packs = [1], switches = [1], limit = \"10 MW\", restart = \"5 s\" }}]\n\
         [boot]\nmethod = \"instant\"\n[controller]\ndetect = \"0 s\"\nsettle = \"0 s\"\n{with}\n\
         [record]\nsample = \"1 y\"\n[stop]\nat = \"400 y\"\n"
    )
}

/// Crashes of eight nodes, once in `mtbf` seconds, and a job of so much work.
fn crashes(mtbf: u64, step: u64, work: u64, checkpoint: &str) -> String {
    let mut with = String::new();
    write!(
        with,
        "[[fault.crash]]\non = \"node\"\nrepair = \"0 s\"\n\
         lifetime = {{ exponential = {{ mean = \"{} s\" }} }}\n\
         [workload.bulk-synchronous]\nstep = \"{step} s\"\nwork = \"{work} s\"\n{checkpoint}",
        8 * mtbf
    )
    .expect("a string takes any text");
    machine(8, &with)
}

fn without_groups(played: &Played) -> Vec<Event> {
    let events = played.events.iter().copied();
    events.filter(|event| !matches!(event.what, What::Group { .. })).collect()
}

#[test]
fn one_group_of_all_nodes_plays_exactly_as_a_coordinated_job() {
    for keys in [
        "size = \"200 MB\"\nlast = true",
        "cost = { write = \"9 s\", read = \"7 s\", downtime = \"3 s\" }\n\
         strikes = { downtime = true }",
    ] {
        let text = |table: &str| {
            let checkpoint = format!("[checkpoint.{table}\ninterval = \"5 min\"\n{keys}");
            crashes(2_000, 20, 60_000, &checkpoint)
        };
        let coordinated = play_text(&text("coordinated]"), Some(3));
        let groups = "logging]\ngroup = 8\noverhead = 0\nlog = \"0 B\"";
        let groups =
            if keys.contains("cost") { groups.replace("log = \"0 B\"", "") } else { groups.into() };
        let grouped = play_text(&text(&groups), Some(3));
        assert!(coordinated.metric("interrupts") > 10.0);
        assert!(without_groups(&coordinated) == without_groups(&grouped), "{keys}");
        assert_eq!(coordinated.findings, grouped.findings);
    }
}

/// Two groups of two nodes. Three steps of ten and six seconds of the fourth; one group computes
/// them again in half the time, and the fourth step with the other one.
#[test]
fn only_the_failed_group_loses_work_and_the_other_waits() {
    let text = machine(
        4,
        "[[fault.crash]]\non = \"pi[2]\"\nat = \"36 s\"\nrepair = \"0 s\"\n\
         [workload.bulk-synchronous]\nstep = \"10 s\"\nwork = \"100 s\"\n\
         [checkpoint.logging]\ngroup = 2\ninterval = \"1 h\"\noverhead = 0\nspeedup = 2.0\n\
         cost = { write = \"1 s\", read = \"0 s\" }",
    );
    let played = play_text(&text, Some(1));
    let total = 36.0 + 15.0 + 70.0;
    let useful = 4.0 * total - 2.0 * 36.0 - 2.0 * 6.0 - 2.0 * 15.0;
    for (name, expected) in [
        ("makespan", total),
        ("work_lost", 36.0 * 2.0 / 4.0),
        ("rework_time", 15.0),
        ("work", useful / 4.0),
        ("efficiency", useful / (4.0 * total)),
        ("waste_rework", 2.0 * 36.0 / (4.0 * total)),
        ("waste_idle", (2.0 * 6.0 + 2.0 * 15.0) / (4.0 * total)),
        ("node_time_rework", 30.0),
        ("node_time_wait", 30.0),
        ("interrupts", 1.0),
    ] {
        let found = played.metric(name);
        assert!((found - expected).abs() < 1e-9, "{name}: {found}, not {expected}");
    }
}

/// Mean makespan over seeds.
fn makespan(text: &str, seeds: u64) -> f64 {
    let all: f64 = (0..seeds).map(|seed| measure_text(text, Some(seed)).metric("makespan")).sum();
    all / seeds as f64
}

/// Some 20,000 failures each, so that chance is well within the 3 % of the first order.
#[test]
fn groups_waste_what_the_first_order_says() {
    for keys in [
        "group = 2\nspeedup = 2.0",
        "group = 4\nstagger = false\noverhead = 0.1",
        "group = 1\noverhead = 0\nspeedup = 1.5",
    ] {
        let work = 5_000_000;
        let checkpoint = format!(
            "[checkpoint.logging]\n{keys}\ninterval = \"1000 s\"\n\
             cost = {{ write = \"20 s\", read = \"15 s\", downtime = \"5 s\" }}"
        );
        let text = crashes(10_000, 50, work, &checkpoint);
        let forecast = forecast::of(&plan_of(&text), JobId(0)).expect("a formula applies");
        let own = &forecast.own[0];
        assert_eq!((own.formula, own.outside.as_str()), ("groups, first order", ""));
        let waste = |makespan: f64| 1.0 - work as f64 / makespan;
        let (expected, found) = (waste(own.makespan.expect("it ends")), waste(makespan(&text, 40)));
        assert!((found / expected - 1.0).abs() < 0.03, "{keys}: {found}, theory {expected}");
    }
}

#[test]
fn each_switch_moves_the_job_the_way_it_should() {
    let run = |keys: &str| {
        let checkpoint = format!("[checkpoint.logging]\ninterval = \"10 min\"\n{keys}");
        measure_text(&crashes(3_000, 20, 300_000, &checkpoint), Some(5))
    };
    let cost = "cost = { write = \"10 s\", read = \"10 s\" }";
    let fixed = |keys: &str| run(&format!("{cost}\noverhead = 0\n{keys}"));
    let base = fixed("group = 2");
    let slower = run(&format!("{cost}\noverhead = 0.2\ngroup = 2"));
    assert!(slower.metric("makespan") > 1.15 * base.metric("makespan"));
    let faster = fixed("group = 2\nspeedup = 4.0");
    assert!(faster.metric("makespan") < base.metric("makespan"));
    assert!(faster.metric("rework_time") < 0.5 * base.metric("rework_time"));
    let at_once = fixed("group = 2\nstagger = false");
    assert!(at_once.metric("waste_checkpoint") < 0.5 * base.metric("waste_checkpoint"));
    let whole = fixed("group = 8\nstagger = false");
    assert!(at_once.metric("waste_rework") < 0.5 * whole.metric("waste_rework"));
    assert!(at_once.metric("waste_idle") > whole.metric("waste_idle"));
    let written = |log: &str| {
        let played = run(&format!("group = 2\nsize = \"10 MB\"\nlog = \"{log}\""));
        played.metric("bytes_received_checkpoint") / played.metric("checkpoints_committed")
    };
    assert!(written("1 MB") > 2.0 * written("0 B"));
}

/// Seven nodes idle while the eighth computes again, and else all eight do.
#[test]
fn waiting_for_another_group_takes_less_energy_than_computing_again() {
    let text = |group: u32| {
        machine(
            8,
            &format!(
                "[[fault.crash]]\non = \"pi[1]\"\nat = \"5000 s\"\nrepair = \"0 s\"\n\
                 [workload.bulk-synchronous]\nstep = \"10 s\"\nwork = \"6000 s\"\n\
                 [checkpoint.logging]\ngroup = {group}\ninterval = \"2 h\"\noverhead = 0\n\
                 stagger = false\n\
                 cost = {{ write = \"1 s\", read = \"0 s\" }}"
            ),
        )
    };
    let (one, whole) = (play_text(&text(1), Some(1)), play_text(&text(8), Some(1)));
    assert!((one.metric("makespan") - whole.metric("makespan")).abs() < 1e-9);
    let power = plan_of(&text(1)).scenario.hardware.power;
    let watts = (power.compute.0 - power.idle.0) as f64 / 1e3;
    let saved = 7.0 * one.metric("rework_time") * watts;
    let found = whole.metric("energy") - one.metric("energy");
    assert!(saved > 10_000.0 && (found - saved).abs() < 1.0, "{found} J saved, not {saved}");
}

/// What the events of a run say of its groups, followed without the machine.
struct Follower {
    /// Nodes of a group.
    size: usize,
    seats: Vec<Option<NodeId>>,
    groups: Vec<Followed>,
    phase: JobPhase,
    /// Groups that compute again.
    again: BTreeSet<u32>,
    /// The last event (ns).
    now: u64,
    /// The group that was just thrown back.
    thrown_back: Option<u32>,
    rollbacks: usize,
}

/// A group; times in ns.
#[derive(Clone, Default)]
struct Followed {
    /// Number and step of its last complete checkpoint.
    saved: (u64, u64),
    /// Of the checkpoint that it writes.
    writes: Option<(u64, u64)>,
    /// Complete steps since then, and the step under way.
    spent: u64,
    under_way: u64,
}

impl Follower {
    fn of(nodes: usize, size: usize, events: &[Event]) -> Self {
        let mut follower = Self {
            size,
            seats: vec![None; nodes],
            groups: vec![Followed::default(); nodes / size],
            phase: JobPhase::Waiting,
            again: BTreeSet::new(),
            now: 0,
            thrown_back: None,
            rollbacks: 0,
        };
        for event in events {
            follower.hears(event);
        }
        follower
    }

    fn group_of(&self, node: NodeId) -> u32 {
        let seat = self.seats.iter().position(|seat| *seat == Some(node));
        (seat.expect("a member has a seat") / self.size) as u32
    }

    fn hears(&mut self, event: &Event) {
        let span = event.at.0 - std::mem::replace(&mut self.now, event.at.0);
        for (number, group) in (0..).zip(&mut self.groups) {
            let again = self.phase == JobPhase::Rework && self.again.contains(&number);
            if again || self.phase == JobPhase::Compute {
                group.under_way += span;
            }
        }
        match event.what {
            What::JobNode { node, joined: true, .. } => {
                let seat = self.seats.iter_mut().find(|seat| seat.is_none());
                *seat.expect("no more nodes than seats") = Some(node);
            }
            What::JobNode { node, .. } => {
                let seat = self.seats.iter_mut().find(|seat| **seat == Some(node));
                *seat.expect("who leaves was there") = None;
            }
            What::JobPhase { phase, .. } => {
                if phase != JobPhase::Rework {
                    self.again.clear();
                }
                self.groups.iter_mut().for_each(|group| group.under_way = 0);
                self.phase = phase;
            }
            What::StepDone { .. } => {
                for group in &mut self.groups {
                    group.spent += std::mem::take(&mut group.under_way);
                }
            }
            What::Checkpoint { act: CheckpointAct::Commit | CheckpointAct::Abandon, .. } => {
                let complete =
                    matches!(event.what, What::Checkpoint { act: CheckpointAct::Commit, .. });
                for group in &mut self.groups {
                    if let Some(written) = group.writes.take().filter(|_| complete) {
                        *group = Followed { saved: written, ..Followed::default() };
                    }
                }
            }
            What::Group { group, act, number, step, .. } => self.acts(group, act, (number, step)),
            What::WorkLost { node, lost, .. } => {
                let number = self.thrown_back.take().expect("a group was thrown back");
                assert_eq!(self.group_of(node), number, "only the group of who failed");
                let group = &mut self.groups[number as usize];
                assert_eq!(lost.0, group.spent + group.under_way, "all since its checkpoint");
                (group.spent, group.under_way) = (0, 0);
            }
            _ => {}
        }
    }

    fn acts(&mut self, number: u32, act: GroupAct, checkpoint: (u64, u64)) {
        let group = &mut self.groups[number as usize];
        match act {
            GroupAct::Write => group.writes = Some(checkpoint),
            GroupAct::RollBack => {
                assert_eq!(checkpoint, group.saved, "only what was complete is restored");
                assert_eq!(self.thrown_back.replace(number), None);
                self.rollbacks += 1;
            }
            GroupAct::Rework => drop(self.again.insert(number)),
        }
    }
}

/// Blades that fail whole, switches that hide them, repairs that take long: whatever happens, a
/// group is thrown back only by a failure in it, to its own last complete checkpoint, and loses
/// what it computed since. All else survives: with no speed-up, what survives is the job's work.
#[test]
fn whatever_fails_a_group_loses_only_what_it_computed_since_its_own_checkpoint() {
    let fixed = "cost = { write = \"20 s\", read = \"15 s\", downtime = \"5 s\" }";
    let through = "size = \"40 MB\"\nlog = \"100 kB\"";
    let mut rollbacks = 0;
    for seed in 0..40 {
        let group = [1, 2, 3, 6, 12][seed as usize % 5];
        let (stagger, last) = (seed % 2 == 0, seed % 3 == 0);
        let cost = if seed % 4 < 2 { fixed } else { through };
        let with = format!(
            "[[fault.crash]]\non = \"node\"\nradius = \"blade\"\n\
             repair = {{ lognormal = {{ median = \"5 min\", sigma = 1.0 }} }}\n\
             lifetime = {{ exponential = {{ mean = \"8 h\" }} }}\n\
             [[fault.hang]]\non = \"node\"\nrepair = \"1 min\"\n\
             lifetime = {{ exponential = {{ mean = \"12 h\" }} }}\n\
             [[fault.switch-loss]]\non = \"switch\"\nrepair = \"2 min\"\n\
             lifetime = {{ exponential = {{ mean = \"3 h\" }} }}\n\
             [workload.bulk-synchronous]\nnodes = 12\nstep = \"20 s\"\nwork = \"30000 s\"\n\
             [checkpoint.logging]\ngroup = {group}\ninterval = \"10 min\"\noverhead = 0\n\
             stagger = {stagger}\nlast = {last}\n{cost}"
        );
        let text = machine(16, &with).replace("nodes_per_blade = 16", "nodes_per_blade = 4");
        let played = play_text(&text, Some(seed));
        let follower = Follower::of(12, group, &played.events);
        rollbacks += follower.rollbacks;
        assert!(played.metric("jobs_done") > 0.0, "seed {seed}");
        assert!((played.metric("work") - 30_000.0).abs() < 1e-6, "seed {seed}");
    }
    assert!(rollbacks > 1_000, "{rollbacks}");
}

/// A hundred steps of 10 s take 11 s each. An interval is ten of them. In turn three groups write
/// ten times, as they begin with a part of an interval; all stand still for each write.
#[test]
fn without_failures_groups_cost_their_overhead_and_their_checkpoints() {
    for (stagger, writes) in [(true, 3.0 * 10.0 + 9.0), (false, 9.0)] {
        let text = machine(
            8,
            &format!(
                "[workload.bulk-synchronous]\nstep = \"10 s\"\nwork = \"1000 s\"\n\
                 [checkpoint.logging]\ngroup = 2\ninterval = \"110 s\"\noverhead = 0.1\n\
                 stagger = {stagger}\ncost = {{ write = \"3 s\", read = \"2 s\" }}"
            ),
        );
        let played = play_text(&text, Some(1));
        let (found, expected) = (played.metric("makespan"), 1_100.0 + 3.0 * writes);
        assert!((found - expected).abs() < 1e-9, "{found}, not {expected}");
        let theory =
            forecast::of(&plan_of(&text), JobId(0)).expect("nothing fails").own[0].makespan;
        let theory = theory.expect("it ends");
        assert!((theory / found - 1.0).abs() < 0.01, "{found}, theory {theory}");
    }
}

#[test]
fn the_plan_shows_its_groups_and_agents_refuse_them() {
    let text =
        std::fs::read_to_string("scenarios/smoke/checkpoint_logging.toml").expect("readable");
    let plan = plan_of(&text);
    let mut print = Vec::new();
    plan.print(&mut print).expect("memory takes all");
    let print = String::from_utf8(print).expect("text");
    assert!(print.contains("  5 groups of 4 nodes, which write in turn\n"), "{print}");
    let reasons = Turmoil.cannot(&plan);
    assert!(reasons.iter().any(|reason| reason.contains("[checkpoint.logging]")), "{reasons:?}");
}
