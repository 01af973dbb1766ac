//! The numbers of a replicated job: its nodes, the time between interrupts, and its interval.

use crate::plan::Job;
use crate::plan::crew::Crew;
use crate::scenario::Scenario;
use crate::scenario::job::{BulkSynchronous, Coordinated, Interval};
use crate::scenario::replicas::{Replicas, Strategy};
use crate::theory::seats::Seats;
use crate::units::Span;

/// Nodes that a job needs.
pub(super) fn nodes(work: &BulkSynchronous) -> u32 {
    u32::try_from(work.nodes_needed()).expect("the machine has so many")
}

/// The seats as closed forms see them: every node fails at the mean rate of the job's nodes.
/// `None` if nothing fails.
///
/// Not modelled: lifetimes that are not exponential, and failures that strike several nodes
/// together, which are taken as strikes on each of them by itself.
pub(super) fn seats(
    scenario: &Scenario,
    crew: &Crew,
    replicas: &Replicas,
    seats: u32,
) -> Option<Seats> {
    let rates = scenario.faults.iter().filter(|rule| rule.kind().loses_nodes());
    let rates = rates.map(|rule| crew.strike_rate(rule, f64::INFINITY));
    let rate = rates.sum::<f64>() / replicas.nodes(seats) as f64;
    let replicated = replicas.replicated(seats);
    (rate > 0.0).then(|| Seats {
        replicated: f64::from(replicated),
        degree: f64::from(replicas.degree),
        single: f64::from(seats - replicated),
        rate,
    })
}

/// The job with its interval and M: mean time to interrupt. With the restart strategy the computed
/// interval is its own optimum, whichever formula the scenario names, and M that of its period.
/// `interval` gives the computing between two checkpoints for a mean time between failures.
pub(super) fn timed(
    job: Job,
    seats: Option<Seats>,
    strategy: Strategy,
    checkpoint: Option<&Coordinated>,
    interval: impl Fn(Span) -> Option<Span>,
) -> Job {
    let cost = job.checkpoint_cost;
    let Some(seats) = seats else {
        return Job { interval: interval(Span::FOREVER), ..job };
    };
    if strategy == Strategy::NoRestart {
        let mtbf = Span::from_secs_f64(seats.mtti());
        return Job { interval: interval(mtbf), mtbf, ..job };
    }
    let spec = checkpoint.expect("replicas restart at checkpoints");
    let interval = match spec.interval {
        Interval::Young
        | Interval::DalyFirst
        | Interval::Daly
        | Interval::Exact
        | Interval::Cooperative => Span::from_secs_f64(seats.period_restart(cost.as_secs_f64())),
        Interval::Fixed(_) | Interval::Adaptive { .. } => {
            interval(Span::FOREVER).expect("there are checkpoints")
        }
    };
    let period = (interval + cost).as_secs_f64();
    Job { interval: Some(interval), mtbf: Span::from_secs_f64(seats.mtti_restarted(period)), ..job }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Plan, pilot};
    use crate::scenario::fault::Age;
    use crate::scenario::law::Law;
    use crate::scenario::replicas::Compare;
    use crate::theory::replication::{Restart, mtti};
    use crate::theory::young_daly;

    const YEAR: f64 = 365.0 * 86_400.0;

    fn planned(seats: u32, degree: u32, share: f64, strategy: Strategy) -> Job {
        let mut scenario = pilot::scenario();
        scenario.faults.truncate(1);
        let mean = Span::from_secs_f64(YEAR);
        scenario.faults[0].when = pilot::lifetime(Law::Exponential { mean }, Age::New);
        pilot::fix_costs(&mut scenario, Span::from_secs(300));
        let work = &mut scenario.jobs[0].work;
        work.nodes = seats;
        work.replicas =
            Some(Replicas { degree, share, strategy, overhead: 0.0, compare: Compare::Never });
        Plan::make(&scenario).jobs[0].clone()
    }

    fn near(span: Span, seconds: f64) {
        assert!((span.as_secs_f64() / seconds - 1.0).abs() < 1e-6, "{span} is not {seconds} s");
    }

    #[test]
    fn dalys_interval_is_that_of_the_mean_time_to_interrupt() {
        let job = planned(360, 2, 1.0, Strategy::NoRestart);
        assert_eq!((job.nodes, job.seats), (720, 360));
        let wanted = mtti(360, YEAR);
        near(job.mtbf, wanted);
        near(job.interval.expect("it writes"), young_daly::daly(300.0, wanted));
    }

    #[test]
    fn the_restart_strategy_has_an_interval_of_its_own() {
        let job = planned(360, 2, 1.0, Strategy::Restart);
        let restart = Restart { pairs: 360.0, rate: 1.0 / YEAR, write: 300.0 };
        near(job.interval.expect("it writes"), restart.period());
        assert!(job.mtbf > planned(360, 2, 1.0, Strategy::NoRestart).mtbf);
    }

    #[test]
    fn a_share_of_none_is_a_job_without_replicas_and_three_live_longer_than_two() {
        near(planned(720, 3, 0.0, Strategy::NoRestart).mtbf, YEAR / 720.0);
        let (half, all) =
            (planned(480, 2, 0.5, Strategy::NoRestart), planned(240, 3, 1.0, Strategy::NoRestart));
        assert_eq!((half.nodes, all.nodes), (720, 720));
        assert!(half.mtbf < planned(360, 2, 1.0, Strategy::NoRestart).mtbf);
        assert!(all.mtbf > planned(360, 2, 1.0, Strategy::NoRestart).mtbf);
    }
}
