//! The tasks of workloads, node by node: who did what, when.

use super::Figure;
use super::boot_gantt::{name_rows, thinned};
use crate::analysis::TaskFinding;
use crate::ids::NodeId;
use crate::report::Input;
use crate::report::drawing::{Area, Drawing};
use crate::report::frame::{Frame, PLOT_RIGHT, heading, legend};
use crate::report::scale::Scale;
use crate::report::strip;
use crate::report::theme::{AXIS, Ink, SERIES};
use crate::report::words;

/// See the file's first line.
pub(crate) struct TasksOfNodes;

/// Kinds that are parts of other tasks, and would hide them.
const PARTS: [&str; 3] = ["fetch", "block-read", "block-write"];

/// What failed is see-through.
const FAILED: f64 = 0.4;

/// The tasks that are drawn.
fn shown<'a>(input: &'a Input<'a>) -> impl Iterator<Item = &'a TaskFinding> {
    let all = input.findings.tasks.iter();
    all.filter(|task| task.node.is_some() && !PARTS.contains(&task.kind.as_str()))
}

fn nodes(input: &Input) -> Vec<NodeId> {
    let mut nodes: Vec<_> =
        shown(input).filter_map(|task| task.node).map(|node| NodeId(node - 1)).collect();
    nodes.sort_unstable();
    nodes.dedup();
    thinned(nodes)
}

/// The kinds in the order of their first task, with a colour each.
fn kinds<'a>(input: &'a Input<'a>) -> Vec<(&'a str, Ink)> {
    let mut kinds: Vec<(&str, Ink)> = Vec::new();
    for task in shown(input) {
        if kinds.iter().all(|(kind, _)| *kind != task.kind) {
            kinds.push((&task.kind, SERIES[kinds.len() % SERIES.len()]));
        }
    }
    kinds
}

/// The tasks of a node, each with its lane, and how many lanes these are: those that overlap lie
/// one above the other.
fn lanes<'a>(tasks: impl Iterator<Item = &'a TaskFinding>, end: f64) -> (Vec<TaskBar<'a>>, usize) {
    let mut tasks: Vec<_> = tasks.collect();
    tasks.sort_by(|a, b| a.begin_s.total_cmp(&b.begin_s));
    let mut free_at: Vec<f64> = Vec::new();
    let place = |task: &'a TaskFinding| {
        let until = if task.end_s < 0.0 { end } else { task.end_s };
        let lane = free_at.iter().position(|free| *free <= task.begin_s);
        let lane = lane.unwrap_or_else(|| {
            free_at.push(0.0);
            free_at.len() - 1
        });
        free_at[lane] = until;
        TaskBar { task, lane, until }
    };
    let all: Vec<_> = tasks.into_iter().map(place).collect();
    let count = all.iter().map(|own| own.lane + 1).max().unwrap_or(1);
    (all, count)
}

struct TaskBar<'a> {
    task: &'a TaskFinding,
    lane: usize,
    until: f64,
}

impl Figure for TasksOfNodes {
    fn name(&self) -> &'static str {
        "tasks"
    }

    fn title(&self) -> &'static str {
        "Tasks, node by node"
    }

    fn caption(&self, input: &Input) -> String {
        let count = shown(input).count();
        let failed = shown(input).filter(|task| task.status != "done").count();
        let failed = match failed {
            0 => String::new(),
            failed => format!(
                " {} were not done and are pale.",
                words::count(failed, "of them", "of them")
            ),
        };
        format!(
            "What nodes did for the workload: {}, on {} of the nodes that had any. Tasks of a node \
             at the same time lie one above the other; gaps are waiting.{failed} tasks.csv has the \
             first hundred thousand.{}",
            words::count(count, "task", "tasks"),
            nodes(input).len(),
            strip::caption(input)
        )
    }

    fn wanted(&self, input: &Input) -> bool {
        shown(input).any(|task| task.end_s > task.begin_s)
    }

    fn draw(&self, input: &Input) -> Drawing {
        let mut drawing = Drawing::default();
        heading(&mut drawing, self.title(), &super::subtitle(input));
        let (nodes, kinds) = (nodes(input), kinds(input));
        let last = |task: &TaskFinding| task.end_s.max(task.begin_s);
        let end = shown(input).map(last).fold(0.0, f64::max);
        let machine = &input.plan.machine;
        let names: Vec<_> = nodes.iter().map(|node| (0.0, machine.node_name(*node))).collect();
        let y = Scale { low: 0.0, end: 1.0, ticks: names.clone(), title: String::new() };
        let top = legend(&mut drawing, &kinds);
        let frame = Frame::new(top, PLOT_RIGHT, Scale::time(end), y).marked(input);
        frame.upright_grid(&mut drawing);
        let pitch = frame.area.height() / nodes.len().max(6) as f64;
        for (i, NodeId(node)) in nodes.iter().enumerate() {
            let own = shown(input).filter(|task| task.node == Some(node + 1));
            let (all, count) = lanes(own, end);
            let (row, height) = (top + (i as f64 + 0.1) * pitch, 0.8 * pitch / count as f64);
            for TaskBar { task, lane, until } in all {
                let kind = kinds.iter().find(|(kind, _)| *kind == task.kind);
                let ink = kind.map_or(AXIS, |(_, ink)| *ink);
                let ink = if task.status == "done" { ink } else { ink.at(FAILED) };
                let above = row + lane as f64 * height;
                // A hair's breadth between two of one kind that follow each other.
                let gap = (0.1 * (frame.x(until) - frame.x(task.begin_s))).min(1.0);
                let (left, right) = (frame.x(task.begin_s), frame.x(until) - gap);
                drawing.block(Area::new(left, above, right, above + 0.92 * height), ink);
            }
        }
        name_rows(&mut drawing, &frame, (top, pitch), &names);
        frame.time_axis(&mut drawing);
        let Area { left, top, bottom, .. } = frame.area;
        drawing.steps(vec![(left, top), (left, bottom)], AXIS, 1.2);
        drawing
    }
}
