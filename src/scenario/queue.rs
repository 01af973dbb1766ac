//! The queue of jobs: when each is submitted, how long it may take, and who may overtake whom.

use std::sync::Arc;

use crate::config::declare::{Declared, choice, table};
use crate::config::mistakes::{Mistake, Mistakes};
use crate::config::section::Section;
use crate::scenario::arrivals::{Arrivals, Class};
use crate::scenario::jobs::{JobSpec, has_list, tables};
use crate::scenario::keys::{SPAN, SPAN_SOME};
use crate::units::{Span, Time};

choice! {
    /// Who may overtake whom. Jobs wait in the order of their submission, those of the same instant
    /// in the order of their list.
    pub enum Policy(Clone, Copy, Debug, Default, PartialEq, Eq) {
        /// The first job for which enough nodes are free is placed.
        FirstFit = "first-fit" default,
        /// First come, first served: nobody overtakes.
        Fcfs = "fcfs",
        /// EASY backfill: the first job has a reservation by the walltimes of those that have
        /// nodes; others may overtake it if that does not put it off.
        Easy = "easy",
    }
}

table! {
    /// How jobs that wait for nodes are placed.
    pub struct Queue(Clone, Copy, Debug, Default, PartialEq) {
        /// Who may overtake whom.
        policy: Policy => "\"first-fit\"";
    }
}

table! {
    /// A job as the queue knows it.
    pub struct Queued(Clone, Copy, Debug, Default, PartialEq) {
        /// The time of the run at which it is submitted.
        submit: Time = SPAN => "\"0 s\"";
        /// How long it may have nodes, from the instant at which it is placed first, failures and
        /// waiting for other nodes included: then it is ended, and not done. Default: without end.
        walltime: Option<Span> = SPAN_SOME;
    }
}

/// Reads how jobs are placed; what a policy needs of them is noted.
pub(super) fn queue(
    root: &Section<'_>,
    jobs: Option<&[JobSpec]>,
    arrivals: Option<&Option<Arc<Arrivals>>>,
    m: &mut Mistakes,
) -> Option<Queue> {
    let section = root.section("queue");
    let queue = Queue::read(&section, m)?;
    if section.exists() && !has_list(root) {
        let mistake = Mistake::new(section.own_place(), "a queue without jobs");
        m.note(mistake.help("it is for a list of jobs, each with a table [[job]], or a `file`"));
    }
    let mut endless = jobs.unwrap_or_default().iter().enumerate();
    if queue.policy == Policy::Easy
        && let Some((number, job)) = endless.find(|(_, job)| job.queued.walltime.is_none())
    {
        let tables = tables(root);
        let own = tables.get(number).or(tables.last()).expect("a job is of a table");
        let title = format!("job `{}` has no `walltime`", job.name);
        let mistake = Mistake::new(own.work.own_place(), title);
        let mistake = mistake.other(section.place("policy"), "this policy needs it");
        m.note(mistake.help(
            "say how long it takes at most: a reservation is made by the walltimes of the jobs \
             that have nodes; those of a file may have one in common, `queue.job.walltime`",
        ));
    }
    let arrivals = arrivals.and_then(Option::as_ref).filter(|_| queue.policy == Policy::Easy);
    let endless = |class: &&Class| {
        class.keys.overestimate.is_none() && class.template.queued.walltime.is_none()
    };
    if let Some(class) = arrivals.and_then(|own| own.classes.iter().find(endless)) {
        let title = format!("jobs of class `{}` have no walltime", class.keys.name);
        let mistake = Mistake::new(section.place("policy"), title);
        m.note(mistake.help(
            "this policy needs it: give the class `overestimate`, or `walltime` in \
             [queue.class.job]",
        ));
    }
    Some(queue)
}
