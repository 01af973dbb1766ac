//! What a controller decides, as pure machines: faults, power and the work of jobs.
//!
//! No machine here owns a socket, a clock or an agenda. Each is informed of what happens and
//! answers with commands, one at a time: what a command brings about is reported before the next
//! one is asked for, so that causes stand before their effects. When something is due it says by
//! `wake(at, due)`, and is handed `due` again at that time. The model calls the machines as
//! functions and keeps their timers in its agenda; the fleet's controller saves their state before
//! it acts, and keeps their timers in a [`Queue`].

mod bias;
mod chips;
mod clocks;
pub mod coordinator;
mod injection;
mod injector;
mod power;
mod queue;
#[cfg(test)]
mod tests;

pub use bias::{Bias, LEVELS, RareEvent, Weighed};
pub use injection::{Cure, Injection};
pub use injector::{Alarm, Due as FaultDue, FaultCommand, Injector, State as InjectorState};
pub use power::{Due as PowerDue, PowerAct, PowerSupervisor, Rules, State as SupervisorState};
pub use queue::Queue;
