//! A sink of one's own: prints what befalls the nodes as it happens, and stops after a while.
//!
//! ```console
//! $ cargo run --release --example events
//! ```
#![allow(clippy::print_stdout, reason = "it is there to print")]

use std::error::Error;

use rackstorm::event::{Event, What};
use rackstorm::stage::Model;
use rackstorm::units::Time;
use rackstorm::{Plan, Run, RunError, Sink, Stop};

const SCENARIO: &str = r#"
schema = 1
inherit = "edge_rack_24"
stop.at = "30 d"
[[fault.power-loss]]
on = "psu"
lifetime = { exponential = { mean = "2 d" } }
repair = "10 min"
"#;

/// Prints strikes, and the nodes that change because of them, until it has seen enough.
struct Printer {
    left: u32,
}

impl Sink for Printer {
    fn event(&mut self, event: &Event) -> Result<(), Stop> {
        let at = event.at.since(Time::ZERO);
        match event.what {
            What::FaultStrikes { kind, part, .. } => println!("{at}: {kind:?} strikes {part:?}"),
            What::NodeState { node, state, cause, .. } if self.left < 40 => {
                println!("{at}: node {} is {state:?}, because of {cause:?}", node.0 + 1);
            }
            _ => return Ok(()),
        }
        self.left = self.left.checked_sub(1).ok_or(Stop::Interrupted)?;
        Ok(())
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let plan = Plan::make(&rackstorm::read("events", SCENARIO)?);
    match Run::new(&plan, &Model).sink(&mut Printer { left: 60 }).play() {
        Ok(outcome) => println!("{} events in all", outcome.events),
        // A run that was stopped has an outcome too: what it showed until then.
        Err(RunError::Stopped { stop: Stop::Interrupted, so_far }) => {
            let time = so_far.metric("run_time").unwrap_or_default();
            println!("enough: {} events in {time} s", so_far.events);
        }
        Err(error) => return Err(error.into()),
    }
    Ok(())
}
