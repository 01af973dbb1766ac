//! Plays one scenario file on the model and prints its metrics.
//!
//! ```console
//! $ cargo run --release --example run -- scenarios/study/lanl_750_boot.toml boot.method=sd
//! ```
#![allow(clippy::print_stdout, reason = "it is there to print")]

use std::error::Error;
use std::path::Path;

use rackstorm::stage::Model;
use rackstorm::{Overrides, Plan, Run};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let file = arguments.next().ok_or("which scenario file?")?;
    let overrides = Overrides { set: arguments.collect(), seed: None };
    let loaded = rackstorm::load(Path::new(&file), &overrides)?;
    let plan = Plan::make(&loaded.scenario);
    let outcome = Run::new(&plan, &Model).fingerprint().play()?;
    println!("{}  seed {}", loaded.scenario.name, loaded.scenario.seed);
    for metric in &outcome.findings.metrics {
        println!("  {:<32} {:>16.4} {}", metric.name, metric.value, metric.unit);
    }
    for verdict in &outcome.verdicts {
        println!("  {}: {verdict}", if verdict.is_met() { "met" } else { "missed" });
    }
    println!("  fingerprint {}", outcome.fingerprint.unwrap_or_default());
    Ok(())
}
