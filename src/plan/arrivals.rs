//! Jobs that arrive by a law, drawn from the seed of the plan.
//!
//! The gap before job k is draw k of one stream, its class, nodes, computing and walltime are draw
//! k of another. So a law that is changed moves nothing that it says nothing of.

use crate::plan::rhythm::{Hours, later};
use crate::rng::Draw;
use crate::scenario::Scenario;
use crate::scenario::arrivals::{Arrivals, Class, gaps, kinds};
use crate::scenario::jobs::{JOBS_MAX, JobSpec};
use crate::scenario::keys::YEARS_500;
use crate::units::{Span, Time};

/// Draws the jobs of a scenario that arrive by a law, behind the others and in place of those that
/// were drawn before. With another seed than that of the file more may come than a scenario may
/// have: those after the first ten thousand are left out.
pub(super) fn draw(scenario: &mut Scenario) {
    let Some(arrivals) = scenario.arrivals.clone() else { return };
    scenario.jobs.truncate(arrivals.listed);
    let (gaps, kinds) = (gaps(scenario.seed), kinds(scenario.seed));
    let process = &arrivals.process;
    let hours = process.rhythm.map(Hours::new);
    let free = JOBS_MAX.saturating_sub(arrivals.listed);
    let most = process.count.map_or(free, |count| free.min(count as usize));
    let mut age = Span::ZERO;
    for number in 0..most as u64 {
        age = Span(age.0.saturating_add(process.gap.sample(&mut gaps.draw(0, number)).0));
        let at = later(hours.as_ref(), Time::ZERO, age);
        let is_late = process.until.is_some_and(|until| at > Time::ZERO + until);
        if is_late && number > 0 {
            break;
        }
        let job = one(&arrivals, number, at, &mut kinds.draw(0, number));
        scenario.jobs.push(job);
    }
}

/// A job that arrives at that time.
fn one(arrivals: &Arrivals, number: u64, at: Time, draw: &mut Draw) -> JobSpec {
    let shares: Vec<_> = arrivals.classes.iter().map(|it| it.keys.share.unwrap_or(0.0)).collect();
    let Class { keys, template, has_step } = &arrivals.classes[pick(&shares, draw)];
    let mut job = template.clone();
    job.name = format!("{}-{}", keys.name, number + 1);
    job.work.nodes = if keys.weights.is_empty() {
        keys.nodes[draw.below(keys.nodes.len() as u64) as usize]
    } else {
        keys.nodes[pick(&keys.weights, draw)]
    };
    let law = keys.work.as_ref().expect("the reader demands it");
    job.work.work = law.sample(draw).clamp(Span(1), YEARS_500);
    let step = if *has_step { template.work.step } else { job.work.work };
    job.work.step = step.min(job.work.work);
    if let Some(most) = keys.overestimate {
        let times = 1.0 + most * draw.unit();
        let asked = Span::from_secs_f64(job.work.work.as_secs_f64() * times);
        job.queued.walltime = Some(asked.clamp(job.work.work, YEARS_500));
    }
    job.queued.submit = at;
    job
}

/// One of several, by their weights.
fn pick(weights: &[f64], draw: &mut Draw) -> usize {
    let mut left = draw.unit() * weights.iter().sum::<f64>();
    let drawn = weights.iter().position(|weight| {
        left -= weight;
        left < 0.0
    });
    // What rounding left over falls to the last one that can be drawn.
    drawn.or_else(|| weights.iter().rposition(|weight| *weight > 0.0)).unwrap_or(0)
}
