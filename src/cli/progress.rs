//! Progress bars with simulated time and ETA, on a terminal only.

use std::fmt::Write;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use crate::experiment::summary::span;
use crate::units::Time;

/// The bars of all runs of a command.
#[derive(Debug)]
pub(super) struct Progress {
    bars: MultiProgress,
    /// Counts finished runs, when there are several.
    runs: Option<ProgressBar>,
}

/// Seconds since this was called.
#[expect(clippy::disallowed_methods, reason = "it is for who estimates how long something takes")]
pub(super) fn clock() -> impl Fn() -> f64 {
    let began = std::time::Instant::now();
    move || began.elapsed().as_secs_f64()
}

/// One bar over many runs that are played together; it goes away when dropped.
#[derive(Debug)]
pub(super) struct Runs(ProgressBar);

impl Runs {
    /// A bar over so many runs. Nothing is drawn in a pipe or when the person wants quiet.
    pub(super) fn over(runs: u64, quiet: bool) -> Self {
        let bar = ProgressBar::new(runs);
        if quiet {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        Self(bar.with_style(style("{wide_bar} {pos} of {len} runs{msg}, {per_sec}, {eta} left")))
    }

    /// What else is known of them, such as ` of 13 cells`.
    pub(super) fn about(&self, text: String) {
        self.0.set_message(text);
    }

    /// There are so many now.
    pub(super) fn over_in_all(&self, runs: u64) {
        self.0.set_length(runs);
    }

    /// A run ended.
    pub(super) fn ended(&self) {
        self.0.inc(1);
    }

    /// So many runs have ended, of so many in all.
    pub(super) fn are_played(&self, runs: u64, of: u64) {
        self.0.set_length(of);
        self.0.set_position(runs);
    }

    /// So many runs were played before: they say nothing of how fast it goes.
    pub(super) fn were_there(&self, runs: u64) {
        self.0.inc(runs);
        self.0.reset_eta();
    }

    /// Whether nobody sees it.
    pub(super) fn is_hidden(&self) -> bool {
        self.0.is_hidden()
    }

    /// Does something that prints, with the bar out of the way.
    pub(super) fn aside<T>(&self, print: impl FnOnce() -> T) -> T {
        self.0.suspend(print)
    }
}

impl Drop for Runs {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// The bar of one run; it goes away when dropped.
#[derive(Debug)]
pub(super) struct Bar {
    bar: ProgressBar,
    runs: Option<ProgressBar>,
}

impl Progress {
    /// Bars for so many runs. Nothing is drawn in a pipe or when the person wants quiet.
    pub(super) fn new(n_runs: usize, quiet: bool) -> Self {
        let bars = MultiProgress::new();
        if quiet {
            bars.set_draw_target(ProgressDrawTarget::hidden());
        }
        let runs = (n_runs > 1).then(|| {
            bars.add(
                ProgressBar::new(n_runs as u64)
                    .with_style(style("{wide_bar} {pos} of {len} runs, {eta} left")),
            )
        });
        Self { bars, runs }
    }

    /// A bar for one run that lasts at most until `end`. A run may end before: its ETA is an
    /// upper bound.
    pub(super) fn begin(&self, name: &str, end: Time) -> Bar {
        let bar = ProgressBar::new(end.0)
            .with_prefix(name.to_owned())
            .with_style(style("{prefix} {wide_bar} {simulated} of {end}, at most {eta} left"));
        let bar = match &self.runs {
            Some(runs) => self.bars.insert_before(runs, bar),
            None => self.bars.add(bar),
        };
        Bar { bar, runs: self.runs.clone() }
    }

    /// A run ended that had no bar of its own.
    #[cfg(feature = "turmoil")]
    pub(super) fn ended(&self) {
        if let Some(runs) = &self.runs {
            runs.inc(1);
        }
    }

    /// Does something that prints, with the bars out of the way.
    pub(super) fn aside<T>(&self, print: impl FnOnce() -> T) -> T {
        self.bars.suspend(print)
    }
}

impl Bar {
    /// Simulated time has come to here.
    pub(super) fn at(&self, now: Time) {
        self.bar.set_position(now.0);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(runs) = &self.runs {
            runs.finish_and_clear();
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
        if let Some(runs) = &self.runs {
            runs.inc(1);
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template)
        .expect("the template is our own")
        .with_key("simulated", |state: &ProgressState, text: &mut dyn Write| {
            let _ = text.write_str(&span(Time(state.pos()).as_secs_f64()));
        })
        .with_key("end", |state: &ProgressState, text: &mut dyn Write| {
            let _ = text.write_str(&span(Time(state.len().unwrap_or(0)).as_secs_f64()));
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quiet_command_draws_nothing_and_still_counts_its_runs() {
        let progress = Progress::new(2, true);
        assert!(progress.bars.is_hidden());
        drop(progress.begin("first", Time(10)));
        assert_eq!(progress.runs.as_ref().map(ProgressBar::position), Some(1));
    }
}
