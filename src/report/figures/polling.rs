//! What a dashboard knows: nodes that are down, and nodes that it does not show as they are.

use std::collections::BTreeMap;

use super::counts::{Count, draw, of_tasks};
use super::{Figure, metric};
use crate::report::Input;
use crate::report::drawing::Drawing;
use crate::report::strip;
use crate::report::theme::{BLUE, ORANGE};
use crate::report::words;

/// See the file's first line.
pub(crate) struct StatusShown;

/// What is so of a node, and what is shown.
#[derive(Clone, Copy, Default)]
struct Reported {
    is_down: bool,
    is_shown_down: bool,
}

/// Nodes that are not shown as they are; all of them while the head is down.
fn wrong(input: &Input) -> Count {
    let polled = input.plan.scenario.workloads.polling.as_ref().map_or(0, |it| it.nodes[0].len());
    let mut events = Vec::new();
    for row in &input.findings.tasks {
        events.push((row.begin_s, row, true));
        if row.end_s >= 0.0 {
            events.push((row.end_s, row, false));
        }
    }
    events.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut nodes, mut head_is_down): (BTreeMap<u64, Reported>, bool) = (BTreeMap::new(), false);
    let (mut wrong, mut before, mut changes) = (0.0, 0.0, Vec::new());
    for (at, row, begins) in events {
        let node = nodes.entry(row.number).or_default();
        let was_wrong = node.is_down != node.is_shown_down;
        match row.kind.as_str() {
            "outage" => node.is_down = begins,
            "status-down" => node.is_shown_down = begins,
            "head-outage" => head_is_down = begins,
            _ => continue,
        }
        let is_wrong = node.is_down != node.is_shown_down;
        wrong += f64::from(u8::from(is_wrong)) - f64::from(u8::from(was_wrong));
        let now = if head_is_down { polled as f64 } else { wrong };
        changes.push((at, now - before));
        before = now;
    }
    Count::of(input, ("wrong, or not shown", ORANGE), changes)
}

fn counts(input: &Input) -> Vec<Count> {
    let mut all = vec![wrong(input)];
    all.extend(of_tasks(input, &[("outage", "down", BLUE)]));
    all.retain(|count| count.most > 0.0);
    all
}

impl Figure for StatusShown {
    fn name(&self) -> &'static str {
        "status_shown"
    }

    fn title(&self) -> &'static str {
        "What the dashboard knows"
    }

    fn caption(&self, input: &Input) -> String {
        let shown = metric(input.findings, "status_death_shown_mean").map_or(String::new(), |it| {
            format!(" A death was shown after {} on average.", words::span(it))
        });
        let wrong = metric(input.findings, "status_false_alarms").unwrap_or_default();
        format!(
            "Nodes that are down, and nodes that are shown as up and are down, or as down and are \
             up: for a moment each time that one dies or is back. While the head is down it shows \
             none of them.{shown} False alarms: {}.{}",
            words::grouped(wrong),
            strip::caption(input)
        )
    }

    fn wanted(&self, input: &Input) -> bool {
        metric(input.findings, "polls").is_some() && !counts(input).is_empty()
    }

    fn draw(&self, input: &Input) -> Drawing {
        draw(input, self.title(), &counts(input), "Nodes")
    }
}
