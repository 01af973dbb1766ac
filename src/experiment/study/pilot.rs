//! The pilot: plays a few cells for a second, to estimate what a run of each cell takes.

use crate::backend::Backend;
use crate::event::{Event, Sink, Stop};
use crate::experiment::Run;
use crate::plan::Plan;
use crate::scenario::Study;
use crate::units::Time;

/// At most so many cells are played.
const CELLS_MAX: usize = 32;

/// At most so long; a run that takes longer is broken off and the rest of it estimated.
const SECONDS_MAX: f64 = 1.0;

/// Events between two looks at the clock.
const EVENTS_PER_LOOK: u32 = 128;

/// What runs are estimated to take.
#[derive(Clone, Debug, PartialEq)]
pub struct Estimate {
    /// For each cell, CPU seconds of a run of it.
    pub seconds: Vec<f64>,
    /// How many cells were played.
    pub played: usize,
}

impl Estimate {
    /// Plays up to 32 cells for up to a second. `clock` gives seconds since any moment. A cell that
    /// was not played is taken for like the one that was whose axes have the most values in common
    /// with its own.
    #[must_use]
    pub fn by_pilot(study: &Study, stage: &dyn Backend, clock: &dyn Fn() -> f64) -> Self {
        let cells = study.len();
        let wanted = cells.min(CELLS_MAX);
        // Those in the middle of equal parts: with all values of the last axis, where there are
        // few.
        let pilots = (0..wanted).map(|it| (2 * it + 1) * cells / (2 * wanted));
        let end = clock() + SECONDS_MAX;
        let mut played = Vec::new();
        for cell in pilots {
            if clock() >= end {
                break;
            }
            played.extend(one(study, cell, stage, clock, end).map(|seconds| (cell, seconds)));
        }
        let values: Vec<_> = played.iter().map(|(cell, _)| study.values(*cell)).collect();
        let of = |cell: usize| {
            let own = study.values(cell);
            let alike = |it: &usize| {
                let alike = own.iter().zip(&values[*it]).filter(|(own, its)| own == its).count();
                (alike, std::cmp::Reverse(cell.abs_diff(played[*it].0)))
            };
            let like = (0..played.len()).max_by_key(alike);
            like.map_or(SECONDS_MAX, |it| played[it].1)
        };
        Self { seconds: (0..cells).map(of).collect(), played: played.len() }
    }
}

/// What a run of a cell takes; `None` if its scenario cannot be read or played, which its rows say.
fn one(
    study: &Study,
    cell: usize,
    stage: &dyn Backend,
    clock: &dyn Fn() -> f64,
    end: f64,
) -> Option<f64> {
    let scenario = study.scenario(cell).ok()?;
    let plan = Plan::make(&scenario);
    let began = clock();
    let mut alarm = Alarm { clock, end, look_in: EVENTS_PER_LOOK, rang_at: None };
    let ended = Run::new(&plan, stage).sink(&mut alarm).play();
    let took = (clock() - began).max(1e-6);
    match (ended, alarm.rang_at) {
        (Ok(_), _) => Some(took),
        // The run may end before its last instant: this is the most that it takes.
        (Err(_), Some(at)) => {
            Some(took * (scenario.stop.at.0 as f64 / at.0.max(1) as f64).max(1.0))
        }
        (Err(_), None) => None,
    }
}

/// Breaks a run off when time is up.
struct Alarm<'a> {
    clock: &'a dyn Fn() -> f64,
    end: f64,
    look_in: u32,
    rang_at: Option<Time>,
}

impl Sink for Alarm<'_> {
    fn event(&mut self, event: &Event) -> Result<(), Stop> {
        self.look_in -= 1;
        if self.look_in > 0 {
            return Ok(());
        }
        self.look_in = EVENTS_PER_LOOK;
        if (self.clock)() < self.end {
            return Ok(());
        }
        self.rang_at = Some(event.at);
        Err(Stop::Interrupted)
    }

    /// The runs of a study pass over what changes no metric, and so does their pilot.
    fn needs_all(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::EndReason;
    use crate::scenario::Overrides;

    /// A stage on which nothing happens, for a sink that wants no more than those of a study.
    struct Nothing;

    impl Backend for Nothing {
        fn name(&self) -> &'static str {
            "nothing"
        }

        fn about(&self) -> &'static str {
            "nothing happens"
        }

        fn cannot(&self, _: &Plan) -> Vec<String> {
            Vec::new()
        }

        fn play(&self, _: &Plan, sink: &mut dyn Sink) -> Result<EndReason, Stop> {
            assert!(!sink.needs_all(), "the pilot would take longer than what it is the pilot of");
            Ok(EndReason::Quiet)
        }
    }

    #[test]
    fn the_pilot_passes_over_what_the_runs_of_a_study_pass_over() {
        let text = "inherit = \"edge_rack_24\"\n[stop]\nat = \"1 h\"\n";
        let study = Study::load_text("one.toml", text, &Overrides::default()).expect("it is good");
        let estimate = Estimate::by_pilot(&study, &Nothing, &|| 0.0);
        assert_eq!((estimate.played, estimate.seconds.len()), (1, 1));
    }
}
