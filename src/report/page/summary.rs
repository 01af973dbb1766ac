//! The run in one paragraph and a row of tiles, put into words from its metrics.

use maud::{Markup, html};

use crate::report::Input;
use crate::report::words;
use crate::scenario::StopWhen;

/// A number at the top of the page: metric, heading, and the sentence below.
type Tile = (&'static str, &'static str, &'static str);

/// The numbers that people look for first. The first [`TILES`] that the run has are shown.
const WANTED: [Tile; 14] = [
    ("efficiency", "Efficiency", "useful computing of all time"),
    ("makespan", "Makespan", "until the work was done"),
    ("map_reduce_time", "MapReduce", "until the last reduce task was done"),
    ("mtti", "MTTI", "mean time to interrupt by a node's failure"),
    ("mtti_corruption", "Rollbacks", "mean time to one, from corrupt memory"),
    ("checkpoint_time_p50", "Checkpoint", "median time to write one"),
    ("boot_t50", "Half up", "50 % of the nodes up"),
    ("boot_t99", "Nearly all up", "99 % of the nodes up"),
    ("boot_t100", "All up", "every node up at once"),
    ("availability", "Availability", "share of node time up"),
    ("failures", "Failures", "of nodes, of any kind"),
    ("energy", "Energy", "of nodes, switches, servers"),
    ("power_peak", "Peak power", "highest total at any time"),
    ("run_time", "Simulated time", "from power-on to the end"),
];

/// What stands in the place of the efficiency if a job was not done.
const SO_FAR: Tile =
    ("efficiency", "Efficiency so far", "not all work was done when the run ended");

/// Tiles in a row and a second one.
const TILES: usize = 8;

/// The tiles.
pub(super) fn tiles(input: &Input) -> Markup {
    let get = |name: &str| input.findings.metrics.iter().find(|metric| metric.name == name);
    // What needs no repair says nothing by its availability.
    let calm = get("failures").is_none_or(|failures| failures.value == 0.0);
    let shown = WANTED.iter().filter(|(name, ..)| !(calm && *name == "availability"));
    let unfinished = get("jobs_unfinished").is_some_and(|jobs| jobs.value > 0.0);
    let shown = shown.map(|tile| match tile {
        ("efficiency", ..) if unfinished => &SO_FAR,
        tile => tile,
    });
    let found = shown.filter_map(|(name, head, what)| {
        let metric = get(name)?;
        let known = metric.value.is_finite() && metric.value >= 0.0;
        known.then(|| (*head, words::quantity(metric.value, &metric.unit), *what))
    });
    let found: Vec<_> = found.take(TILES).collect();
    html! {
        @if !found.is_empty() {
            dl.tiles {
                @for (head, value, what) in found {
                    div { dt { (head) } dd.value { (value) } dd { (what) } }
                }
            }
        }
    }
}

/// What was played, how it ended, and the headline numbers.
pub(super) fn paragraph(input: &Input) -> String {
    let about = About(input);
    let sentences = [
        Some(about.played()),
        about.ended(),
        about.booted(),
        about.failed(),
        about.checkpointed(),
        about.corrupted(),
        about.drew(),
        about.judged(),
    ];
    bound(&sentences.into_iter().flatten().collect::<Vec<_>>().join(" "))
}

/// The same text with its numbers bound to their units, so that no line ends between the two.
fn bound(text: &str) -> String {
    let mut words = text.split(' ').peekable();
    let mut out = String::new();
    while let Some(word) = words.next() {
        out += word;
        let number = word.starts_with(|c: char| c.is_ascii_digit());
        let unit = |next: &&str| {
            let next = next.trim_end_matches(['.', ',', ':']);
            next == "%" || (next.len() <= 3 && next.chars().all(char::is_alphabetic))
        };
        let time = matches!(word, "y" | "d" | "h" | "min");
        let more = |next: &&str| time && next.starts_with(|c: char| c.is_ascii_digit());
        match words.peek() {
            Some(next) if (number && unit(next)) || more(next) => out.push('\u{a0}'),
            Some(_) => out.push(' '),
            None => {}
        }
    }
    out
}

struct About<'a>(&'a Input<'a>);

impl About<'_> {
    fn get(&self, name: &str) -> Option<f64> {
        let found = self.0.findings.metrics.iter().find(|metric| metric.name == name);
        found.map(|metric| metric.value).filter(|value| value.is_finite() && *value >= 0.0)
    }

    fn nodes(&self) -> usize {
        self.0.plan.machine.nodes.len()
    }

    fn played(&self) -> String {
        let (plan, stage) = (self.0.plan, self.0.stage);
        format!(
            "This run had {} ({}) in {} with {}, on the stage `{stage}`.",
            words::count(self.nodes(), "node", "nodes"),
            plan.scenario.models(),
            words::count(plan.machine.modules.len(), "module", "modules"),
            words::count(plan.machine.servers.len(), "boot and file server", "servers"),
        )
    }

    fn ended(&self) -> Option<String> {
        let time = words::span(self.get("run_time")?);
        let jobs = self.0.plan.jobs.len();
        if jobs == 0 {
            let all_up = self.0.plan.scenario.stop.when == StopWhen::AllUp
                && self.get("nodes_up_end") == Some(self.nodes() as f64);
            return Some(if all_up {
                format!("It ended after {time}, when all nodes were up.")
            } else {
                format!("It ended after {time}.")
            });
        }
        let unfinished = self.get("jobs_unfinished").unwrap_or(0.0) as usize;
        let scenario = &self.0.plan.scenario;
        let works = scenario.jobs.iter().map(|job| job.work.work.as_secs_f64());
        let needs = words::span(works.sum());
        let job = if jobs == 1 { "The job" } else { "All jobs" };
        let mut text = match (unfinished, jobs) {
            (0, _) => {
                let makespan = words::span(self.get("makespan")?);
                format!("{job}, {needs} of computing, took {makespan}")
            }
            (_, 1) => {
                format!("{job}, {needs} of computing, was not done when the run ended after {time}")
            }
            _ => format!(
                "Of {jobs} jobs, {needs} of computing, {unfinished} were not done when the run \
                 ended after {time}"
            ),
        };
        if let Some(efficiency) = self.get("efficiency") {
            let share = words::share(efficiency);
            let so_far = if unfinished > 0 { " so far" } else { "" };
            text = format!("{text}: an efficiency of {share}{so_far}");
        }
        Some(format!("{text}."))
    }

    fn booted(&self) -> Option<String> {
        let nodes = self.nodes();
        if self.get("boot_t100") == Some(0.0) {
            return Some("All nodes were up from the start.".to_owned());
        }
        if let Some(all) = self.get("boot_t100") {
            let half = self.get("boot_t50").map_or(String::new(), |half| {
                format!("Half of the nodes were up after {}, ", words::span(half))
            });
            let all = words::span(all);
            let who = if half.is_empty() { "All nodes were up" } else { "all of them" };
            return Some(format!("{half}{who} after {all}."));
        }
        let most = self.get("nodes_up_max")?;
        if most == 0.0 {
            return Some("No node was ever up.".to_owned());
        }
        let most = words::count(most as usize, "node", "nodes");
        let half = self.get("boot_t50").map_or(String::new(), |half| {
            format!("Half of the nodes were up after {}, but the", words::span(half))
        });
        let the = if half.is_empty() { "The" } else { &half };
        Some(format!(
            "{the} {} were never all up at once: the most were {most}.",
            words::grouped(nodes as f64)
        ))
    }

    fn failed(&self) -> Option<String> {
        let failures = self.get("failures")?;
        if failures == 0.0 {
            return Some("No node failed.".to_owned());
        }
        let mut text = format!(
            "There were {}",
            words::count(failures as usize, "node failure", "node failures")
        );
        match (self.get("interrupts"), self.get("mtti")) {
            (Some(interrupts), Some(mtti)) if interrupts > 0.0 => {
                text = format!(
                    "{text}, and the job was interrupted {}, \
                     every {} of its running time in the mean",
                    words::count(interrupts as usize, "time", "times"),
                    words::span(mtti)
                );
            }
            (Some(0.0), _) => text.push_str(", none of which interrupted the job"),
            _ => {}
        }
        Some(format!("{text}."))
    }

    fn checkpointed(&self) -> Option<String> {
        let committed = self.get("checkpoints_committed").filter(|count| *count > 0.0)?;
        let (median, longest) =
            (self.get("checkpoint_time_p50")?, self.get("checkpoint_time_max")?);
        let (median, longest) = (words::span(median), words::span(longest));
        let checkpoints = words::count(committed as usize, "checkpoint", "checkpoints");
        Some(if median == longest {
            format!("It wrote {checkpoints}, in {median} each.")
        } else {
            format!("It wrote {checkpoints}, in a median of {median} and at most {longest}.")
        })
    }

    /// What became of silent corruption, if any struck.
    fn corrupted(&self) -> Option<String> {
        let struck = self.get("corruptions").filter(|count| *count > 0.0)?;
        let of = |name: &str| self.get(name).unwrap_or(0.0) as usize;
        let back = match (of("rollbacks"), self.get("mtti_corruption")) {
            (rollbacks @ 1.., Some(every)) => format!(
                " The job was rolled back {}, every {} of its running time in the mean.",
                words::count(rollbacks, "time", "times"),
                words::span(every)
            ),
            _ => String::new(),
        };
        let end = match of("corruptions_escaped") {
            0 => "none escaped".to_owned(),
            escaped => format!("{escaped} escaped: the result is wrong"),
        };
        Some(format!(
            "Memory was silently corrupted {}; {} did no harm, {} were found, and {end}.{back}",
            words::count(struck as usize, "time", "times"),
            of("corruptions_masked"),
            of("corruptions_detected"),
        ))
    }

    fn drew(&self) -> Option<String> {
        let energy = words::quantity(self.get("energy")?, "J");
        Some(match self.get("power_peak") {
            Some(peak) => {
                format!("The machine used {energy} and drew at most {}.", words::si(peak, "W"))
            }
            None => format!("The machine used {energy}."),
        })
    }

    fn judged(&self) -> Option<String> {
        let all = self.0.verdicts.len();
        let met = self.0.verdicts.iter().filter(|verdict| verdict.met).count();
        match (all, met) {
            (0, _) => None,
            (1, 1) => Some("The expectation was met.".to_owned()),
            (1, _) => Some("The expectation was not met.".to_owned()),
            _ if all == met => Some(format!("All {all} expectations were met.")),
            _ => Some(format!("{met} of {all} expectations were met.")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_bound_to_its_unit_and_to_nothing_else() {
        let text = bound("It used 45.4 MJ, in 3 min 5 s, with 5 modules and 1 boot of 2 %.");
        let wanted = "It used 45.4~MJ, in 3~min~5~s, with 5 modules and 1 boot of 2~%.";
        assert_eq!(text, wanted.replace('~', "\u{a0}"));
    }
}
