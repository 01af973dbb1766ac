//! What a dashboard shows: nodes that are down, and nodes that are shown as down, over time.

use super::counts::{Count, draw, of_tasks};
use super::{Figure, metric};
use crate::report::Input;
use crate::report::drawing::Drawing;
use crate::report::theme::{BLUE, ORANGE, VERMILLION};
use crate::report::words;

/// See the file's first line.
pub(crate) struct StatusShown;

fn counts(input: &Input) -> Vec<Count> {
    let kinds = [
        ("outage", "down", BLUE),
        ("status-down", "shown as down", ORANGE),
        ("head-outage", "the head is down", VERMILLION),
    ];
    of_tasks(input, &kinds)
}

impl Figure for StatusShown {
    fn name(&self) -> &'static str {
        "status_shown"
    }

    fn title(&self) -> &'static str {
        "What the dashboard shows"
    }

    fn caption(&self, input: &Input) -> String {
        let shown = metric(input.findings, "status_death_shown_mean").map_or(String::new(), |it| {
            format!(" A death was shown after {} on average.", words::span(it))
        });
        let wrong = metric(input.findings, "status_false_alarms").unwrap_or_default();
        format!(
            "Nodes that are down, and nodes that are shown as down: between the two the dashboard \
             is wrong. While the head is down it shows nothing.{shown} False alarms: {}.",
            words::grouped(wrong)
        )
    }

    fn wanted(&self, input: &Input) -> bool {
        metric(input.findings, "polls").is_some() && !counts(input).is_empty()
    }

    fn draw(&self, input: &Input) -> Drawing {
        draw(input, self.title(), &counts(input), "Nodes")
    }
}
