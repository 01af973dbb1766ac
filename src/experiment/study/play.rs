//! One run of a cell: its plan, made once for all seeds, and the row that it gives.

use std::collections::VecDeque;
use std::num::NonZero;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;

use super::row::{Row, RowStatus, placed};
use crate::backend::Backend;
use crate::experiment::{Run, is_unfinished};
use crate::plan::Plan;
use crate::scenario::{Mistakes, Scenario, Study};

/// How runs are played.
#[derive(Clone, Copy)]
pub(in crate::experiment) struct Play<'a> {
    pub stage: &'a (dyn Backend + Sync),
    /// Whether each run is hashed.
    pub fingerprint: bool,
}

/// A plan, or why there is none.
pub(in crate::experiment) type Planned = Result<Plan, String>;

impl Play<'_> {
    /// Plays one run: a cell, a replication, and its seed.
    pub(in crate::experiment) fn row(
        self,
        plan: &Planned,
        (cell, replication, seed): (u32, u32, u64),
    ) -> Row {
        let failed = |why: String| Row {
            cell,
            replication,
            seed,
            status: RowStatus::Failed,
            error: Some(why),
            missed: None,
            metrics: Vec::new(),
            fingerprint: None,
        };
        let plan = match plan {
            Ok(plan) => plan.with_seed(seed),
            Err(why) => return failed(why.clone()),
        };
        let once = || {
            let run = Run::new(&plan, self.stage);
            if self.fingerprint { run.fingerprint().play() } else { run.play() }
        };
        let outcome = match panic::catch_unwind(AssertUnwindSafe(once)) {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(error)) => return failed(one_line(&error.to_string())),
            Err(_) => return failed("a mistake of the program: an assertion failed".to_owned()),
        };
        let unfinished = is_unfinished(&plan.scenario, |name| outcome.metric(name));
        let demands = !plan.scenario.expect.is_empty();
        Row {
            cell,
            replication,
            seed,
            status: if unfinished { RowStatus::Unfinished } else { RowStatus::Done },
            error: None,
            missed: demands.then(|| outcome.missed().count()),
            metrics: placed(&outcome.findings.metrics),
            fingerprint: outcome.fingerprint,
        }
    }
}

/// The plans of the cells that are being played: made once for the seeds of a cell.
pub(in crate::experiment) struct Plans {
    recent: Mutex<VecDeque<(u32, Slot)>>,
    /// Cells that are played at a time, at most: each may be of a million nodes.
    kept: usize,
}

/// A plan, or why there is none, when it is made.
type Slot = Arc<OnceLock<Planned>>;

impl Plans {
    /// With so many runs at a time, or one for each processor core.
    pub(in crate::experiment) fn of_jobs(jobs: Option<NonZero<usize>>) -> Self {
        let jobs = jobs.or_else(|| thread::available_parallelism().ok()).map_or(1, NonZero::get);
        Self { recent: Mutex::default(), kept: 1 + jobs }
    }

    /// The plan of a cell.
    pub(in crate::experiment) fn of(&self, cell: u32, study: &Study) -> Slot {
        let slot = {
            let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
            let known = recent.iter().find(|(of, _)| *of == cell).map(|(_, slot)| Arc::clone(slot));
            known.unwrap_or_else(|| {
                if recent.len() >= self.kept {
                    recent.pop_front();
                }
                recent.push_back((cell, Slot::default()));
                Arc::clone(&recent.back().expect("it was added").1)
            })
        };
        slot.get_or_init(|| planned(study.scenario(cell as usize)));
        slot
    }
}

/// The plan of a scenario that could be read.
pub(in crate::experiment) fn planned(scenario: Result<Scenario, Mistakes>) -> Planned {
    scenario.map(|scenario| Plan::make(&scenario)).map_err(|why| one_line(&why.to_string()))
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
