//! The worst schedule in words, as one object, and as a scenario file.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::schedule::{Loss, Setting, Strike};
use super::search::{Found, Worst};
use crate::analysis::Metric;
use crate::backend::model::Model;
use crate::event::{Event, JobPhase, Sink, Stop, What};
use crate::experiment::Run;
use crate::experiment::summary::quantity;
use crate::metrics;
use crate::record::words;
use crate::report;
use crate::report::words::count;
use crate::scenario;
use crate::units::Time;

impl Worst {
    /// The sentences and the table for people.
    ///
    /// # Errors
    /// When the schedule cannot be played.
    pub fn text(&self, setting: &Setting) -> anyhow::Result<String> {
        let amount = |loss| amount(setting, loss);
        let value = quantity(&metric(setting, setting.value));
        let mut text = format!("{} without faults: {value}\n", setting.metric);
        for (found, count) in self.by_count.iter().zip(1..) {
            let faults = if count == 1 { "one fault" } else { &format!("{count} faults") };
            let _ = writeln!(text, "at worst by {faults}: {}", amount(found.loss));
        }
        let phases = phases(setting, &self.cause.schedule)?;
        let rows = self.cause.schedule.iter().zip(&self.without).zip(phases);
        let rows = rows.map(|((strike, without), phase)| {
            vec![setting.name(*strike), strike.at.to_string(), phase.to_owned(), amount(*without)]
        });
        let heads = ["Fault", "at", "while the job is", "without it"];
        text += &report::columns(&heads, "llll", &rows.collect::<Vec<_>>());
        let _ = writeln!(text, "\n{}", self.claim(setting));
        for note in &setting.notes {
            let _ = writeln!(text, "{note}");
        }
        Ok(text)
    }

    /// How much of all schedules it covers, and what follows.
    fn claim(&self, setting: &Setting) -> String {
        let Self { parts, instants, runs, unlike: (members, off), .. } = self;
        let covered = format!(
            "{} of {} stand for all, at {} of the run without faults, each a nanosecond before or \
             after something changes: {}",
            count(*parts, "part", "parts"),
            count(setting.rules.len(), "kind of fault", "kinds of fault"),
            count(*instants, "instant", "instants"),
            count(*runs as usize, "run", "runs"),
        );
        if !self.complete {
            return format!("Interrupted: the worst so far. {covered}.");
        }
        let bound = self.by_count[self.exhaustive.min(self.by_count.len()) - 1].loss;
        let all = match (bound, self.exhaustive) {
            (Loss::Unfinished, _) => "Nothing is worse than work that is never done".to_owned(),
            (bound, 2) => format!("No two faults can cost more than {}", amount(setting, bound)),
            (bound, _) => format!("No one fault can cost more than {}", amount(setting, bound)),
        };
        let mut claim = format!("{all}, as far as was tried: {covered}.");
        let alike = if *off == 0.0 {
            " and cost the same".to_owned()
        } else if off.is_finite() {
            format!(" and were {} apart at most", quantity(&metric(setting, *off)))
        } else {
            " and not all of them leave the work undone".to_owned()
        };
        let members = count(*members, "member of its class was", "members of their classes were");
        let _ = write!(claim, " {members} tried in the place of those found{alike}.");
        if self.by_count.len() > self.exhaustive {
            claim += " With more faults it is a search: there may be worse.";
        }
        claim
    }

    /// All of it as one object.
    #[must_use]
    pub fn json(&self, setting: &Setting) -> Value {
        let strike = |strike: &Strike| {
            let (fault, at) = (setting.name(*strike), strike.at.as_secs_f64());
            json!({ "fault": fault, "at_s": at })
        };
        let found = |found: &Found| {
            let faults: Vec<_> = found.schedule.iter().map(strike).collect();
            let is_unfinished = found.loss == Loss::Unfinished;
            json!({ "faults": faults, "loss": number(found.loss), "unfinished": is_unfinished })
        };
        json!({
            "metric": setting.metric,
            "value": setting.value,
            "by_count": self.by_count.iter().map(found).collect::<Vec<_>>(),
            "cause": found(&self.cause),
            "without": self.without.iter().map(|loss| number(*loss)).collect::<Vec<_>>(),
            "exhaustive": self.exhaustive,
            "parts": self.parts,
            "instants": self.instants,
            "runs": self.runs,
            "complete": self.complete,
            "notes": setting.notes,
        })
    }

    /// The scenario in which only these faults strike, as a file.
    #[must_use]
    pub fn file(&self, setting: &Setting) -> String {
        let scenario = setting.scenario(&self.cause.schedule);
        let mut text = format!(
            "# The worst faults of `{}` that were found: {} {}.\n# Faults by chance are switched \
             off. `rackstorm run` plays it to the same.\n",
            scenario.name,
            setting.metric,
            amount(setting, self.cause.loss)
        );
        for note in &setting.notes {
            let _ = writeln!(text, "# {note}.");
        }
        text + "\n" + &scenario::text(&scenario)
    }
}

fn metric(setting: &Setting, value: f64) -> Metric {
    let unit = metrics::find(setting.metric).expect("it was found").unit;
    Metric { name: setting.metric.to_owned(), value, unit: unit.to_owned() }
}

fn number(loss: Loss) -> Option<f64> {
    match loss {
        Loss::Of(value) => Some(value),
        Loss::Unfinished => None,
    }
}

/// How much is lost.
fn amount(setting: &Setting, loss: Loss) -> String {
    match loss {
        Loss::Unfinished => format!("never done by {}", setting.calm.scenario.stop.at),
        Loss::Of(value) => {
            let is_less = metrics::more_is_better(setting.metric) ^ (value < 0.0);
            let size = quantity(&metric(setting, value.abs()));
            format!("{size} {}", if is_less { "less" } else { "more" })
        }
    }
}

/// In which phase the job is when each fault strikes.
fn phases(setting: &Setting, schedule: &[Strike]) -> anyhow::Result<Vec<&'static str>> {
    let plan = setting.plan(schedule);
    let mut phases = Phases(Vec::new());
    Run::new(&plan, &Model).no_findings().sink(&mut phases).play()?;
    let at = |strike: &Strike| {
        let before = phases.0.iter().take_while(|(since, _)| *since < strike.at);
        before.last().map_or("–", |(_, phase)| words::job_phase(*phase))
    };
    Ok(schedule.iter().map(at).collect())
}

/// The phases of the first job, since when.
struct Phases(Vec<(Time, JobPhase)>);

impl Sink for Phases {
    fn event(&mut self, event: &Event) -> Result<(), Stop> {
        if let What::JobPhase { job, phase, .. } = event.what
            && job.0 == 0
        {
            self.0.push((event.at, phase));
        }
        Ok(())
    }

    fn needs_all(&self) -> bool {
        false
    }
}
