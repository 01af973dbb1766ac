//! What a command watches while its runs go on: Ctrl-C and the progress bars.

use crate::cli::interrupt::Interrupt;
use crate::cli::progress::{Bar, Progress};
use crate::event::{Event, Sink, Stop};
use crate::scenario::Scenario;
use crate::units::Time;

/// Events between two looks at Ctrl-C and the progress bar: a millisecond of a run of the model,
/// some tenths of a second where real programs run between them.
const EVENTS_PER_LOOK: u32 = 128;

/// What a command watches while its runs go on.
#[derive(Debug)]
pub(super) struct Watch {
    interrupt: Interrupt,
    progress: Progress,
}

impl Watch {
    /// Watches over so many runs, and catches Ctrl-C from here on.
    pub(super) fn over(n_runs: usize, quiet: bool) -> anyhow::Result<Self> {
        Ok(Self { interrupt: Interrupt::catch()?, progress: Progress::new(n_runs, quiet) })
    }

    /// Prints something with the progress bars out of the way.
    pub(super) fn aside(&self, print: impl FnOnce()) {
        self.progress.aside(print);
    }

    /// A run ended that had no bar of its own.
    #[cfg(feature = "turmoil")]
    pub(super) fn ended(&self) {
        self.progress.ended();
    }

    /// Whether another run may begin.
    pub(super) fn may_begin(&self) -> bool {
        !self.interrupt.is_wanted()
    }

    /// Watches a run of this scenario: a sink that stops it when the person wants to.
    pub(super) fn run(&self, scenario: &Scenario) -> Watched<'_> {
        let bar = self.progress.begin(&scenario.name, scenario.stop.at);
        Watched { bar, interrupt: &self.interrupt, look_in: EVENTS_PER_LOOK }
    }
}

/// Looks up every now and then.
pub(super) struct Watched<'a> {
    bar: Bar,
    interrupt: &'a Interrupt,
    look_in: u32,
}

impl Sink for Watched<'_> {
    fn event(&mut self, event: &Event) -> Result<(), Stop> {
        self.look_in -= 1;
        if self.look_in > 0 {
            return Ok(());
        }
        self.look_in = EVENTS_PER_LOOK;
        self.look(event.at)
    }

    fn look(&mut self, now: Time) -> Result<(), Stop> {
        self.bar.at(now);
        if self.interrupt.is_wanted() { Err(Stop::Interrupted) } else { Ok(()) }
    }
}
