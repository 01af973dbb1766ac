//! Harm to a node's clock: it is set ahead or behind, and it goes too fast or too slow.
//!
//! What undoes it is where the clock of the time of day stood on the clock that counts from the
//! boot, which nobody sets: from there it shows what it would have shown.
//!
//! Not modelled: a drift is a staircase, of a step in [`STAIR`]; what a daemon such as that of NTP
//! corrects meanwhile is not known, and is undone as well.

use std::io;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use rustix::time::{ClockId, Timespec, clock_gettime, clock_settime};
use serde::{Deserialize, Serialize};

use super::undo::Undo;
use super::{Family, HarmContext, Held, Permission, PlannedHarm};
use crate::fleet::means::{Capability, Lack};
use crate::fleet::ports::{InjectionOrder, Means};
use crate::scenario::harm::Clock as Wrong;
use crate::units::NANOS_PER_SECOND;

/// The clock that nobody sets: where there is one, that which goes on while the machine sleeps.
#[cfg(target_os = "linux")]
const STEADY: ClockId = ClockId::Boottime;
#[cfg(not(target_os = "linux"))]
const STEADY: ClockId = ClockId::Monotonic;

/// Between two steps of a drift: at 500 ppm each is 50 us (assumption: finer than what a job sees).
const STAIR: Duration = Duration::from_millis(100);

/// A clock that can be read and set (ns).
pub(super) trait Dial {
    /// The time of day, since 1970.
    fn wall(&self) -> io::Result<i64>;
    /// The time since the boot, which nobody sets.
    fn steady(&self) -> io::Result<i64>;
    /// Sets the time of day.
    fn set(&self, wall: i64) -> io::Result<()>;
}

/// The machine's clock.
pub(super) struct System;

impl Dial for System {
    fn wall(&self) -> io::Result<i64> {
        Ok(since(ClockId::Realtime).as_nanos() as i64)
    }

    fn steady(&self) -> io::Result<i64> {
        Ok(since(STEADY).as_nanos() as i64)
    }

    fn set(&self, wall: i64) -> io::Result<()> {
        let since = u64::try_from(wall).map(Duration::from_nanos).map_err(io::Error::other)?;
        let time = Timespec::try_from(since).map_err(io::Error::other)?;
        Ok(clock_settime(ClockId::Realtime, time)?)
    }
}

/// The time of a clock, which counts from 1970 or from the boot.
pub(super) fn since(clock: ClockId) -> Duration {
    clock_gettime(clock).try_into().expect("it is later")
}

/// Where a clock stands that is right: its time of day when the time since the boot was 0 (ns).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Zero(i64);

impl Zero {
    fn of(dial: &impl Dial) -> io::Result<Self> {
        Ok(Self(dial.wall()? - dial.steady()?))
    }

    /// The time of day at a time since the boot.
    pub(super) fn wall_at(self, steady: i64) -> i64 {
        self.0 + steady
    }
}

/// By how much the clock is set on after so long a time since the last step (ns). `rest` is what
/// integers leave over, for the next step.
fn stair(drift_ppb: i64, passed: i64, rest: &mut i64) -> i64 {
    let billion = NANOS_PER_SECOND.cast_signed();
    let due = i128::from(drift_ppb) * i128::from(passed) + i128::from(*rest);
    *rest = due.rem_euclid(i128::from(billion)) as i64;
    due.div_euclid(i128::from(billion)) as i64
}

/// A clock that drifts, until this is dropped.
struct Drift {
    stop: Option<mpsc::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Drift {
    fn start(drift_ppb: i64) -> io::Result<Self> {
        let (stop, stopped) = mpsc::channel();
        let mut last = System.steady()?;
        let drift = move || {
            let mut rest = 0;
            while stopped.recv_timeout(STAIR) == Err(RecvTimeoutError::Timeout) {
                let Ok(now) = System.steady() else { continue };
                let by = stair(drift_ppb, now - last, &mut rest);
                last = now;
                // A step that fails is missing; the next one may not.
                let _ = System.wall().and_then(|wall| System.set(wall + by));
            }
        };
        let thread = std::thread::Builder::new().name("drift".into()).spawn(drift)?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Drift {
    /// Waits for it, so that no step comes after the undoing.
    fn drop(&mut self) {
        drop(self.stop.take());
        let ended = self.thread.take().map(std::thread::JoinHandle::join);
        assert!(matches!(ended, Some(Ok(()))), "a drift does not panic");
    }
}

/// The clock.
pub(super) struct Clock;

impl Family for Clock {
    fn can(&self, place: &HarmContext) -> Vec<(Capability, Result<(), Lack>)> {
        let can = place.permits(&Permission::Clock);
        vec![(Capability::Clock, can.clone()), (Capability::Drift, can)]
    }

    fn plan(
        &self,
        injection: &InjectionOrder,
        place: &HarmContext,
    ) -> io::Result<Option<PlannedHarm>> {
        let Means::Clock(Wrong { step, drift_ppb }) = injection.means else { return Ok(None) };
        place.permits(&Permission::Clock).map_err(io::Error::other)?;
        let undo = vec![Undo::Clock(Zero::of(&System)?)];
        let begin = move || {
            if step != 0 {
                System.set(System.wall()? + step)?;
            }
            let drift = (drift_ppb != 0).then(|| Drift::start(drift_ppb)).transpose()?;
            Ok(drift.map(|drift| Box::new(drift) as Held))
        };
        Ok(Some(PlannedHarm::new(undo, begin)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    const SECOND: i64 = 1_000_000_000;

    /// A clock that is nobody's.
    #[derive(Default)]
    struct Fake {
        wall: Cell<i64>,
        steady: Cell<i64>,
    }

    impl Fake {
        fn pass(&self, nanos: i64) {
            self.wall.set(self.wall.get() + nanos);
            self.steady.set(self.steady.get() + nanos);
        }
    }

    impl Dial for Fake {
        fn wall(&self) -> io::Result<i64> {
            Ok(self.wall.get())
        }

        fn steady(&self) -> io::Result<i64> {
            Ok(self.steady.get())
        }

        fn set(&self, wall: i64) -> io::Result<()> {
            self.wall.set(wall);
            Ok(())
        }
    }

    #[test]
    fn a_clock_that_was_set_wrong_shows_again_what_it_would_have_shown() {
        let clock = Fake::default();
        clock.set(1_700_000_000 * SECOND).expect("it can be set");
        clock.pass(77 * SECOND);
        let zero = Zero::of(&clock).expect("it reports");
        for step in [90 * SECOND, -90 * SECOND, 1] {
            let before = clock.wall.get();
            clock.set(before + step).expect("it can be set");
            clock.pass(13 * SECOND);
            clock.set(zero.wall_at(clock.steady.get())).expect("it can be set");
            assert_eq!(clock.wall.get(), before + 13 * SECOND);
        }
    }

    #[test]
    fn a_drift_of_100_ppm_is_8_64_s_in_a_day_whatever_the_steps() {
        for (ppb, stairs) in [(100_000, 864_000), (-100_000, 864_000), (100_000, 86_399_999)] {
            let day = 86_400 * SECOND;
            let (mut by, mut rest, mut passed) = (0, 0, 0);
            for number in 1..=stairs {
                let until = (i128::from(day) * i128::from(number) / i128::from(stairs)) as i64;
                by += stair(ppb, until - passed, &mut rest);
                passed = until;
            }
            assert_eq!(by, ppb / 100_000 * 8_640_000_000, "in {stairs} steps");
        }
    }
}
