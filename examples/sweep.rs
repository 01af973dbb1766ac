//! How often to write a checkpoint: the efficiency of one job over intervals and seeds, as a table.
//!
//! ```console
//! $ cargo run --release --example sweep
//! ```
#![allow(clippy::print_stdout, reason = "it is there to print")]

use std::error::Error;

use rackstorm::stage::Model;
use rackstorm::{Overrides, Plan, Run};

const SEEDS: u64 = 10;

/// 24 nodes that crash every twelve days each: two failures a day for the job.
const SCENARIO: &str = r#"
schema = 1
inherit = "edge_rack_24"
stop = { when = "workload done", at = "1 y" }
[[fault.crash]]
on = "node"
lifetime = { exponential = { mean = "12 d" } }
[workload]
bulk-synchronous = { nodes = 24, step = "1 min", work = "10 d" }
[checkpoint]
coordinated = { size = "100 MB", interval = "daly" }
"#;

fn main() -> Result<(), Box<dyn Error>> {
    println!("interval  efficiency: mean  least   most   interrupts");
    for interval in ["2 min", "5 min", "15 min", "1 h", "3 h", "daly"] {
        let (mut all, mut interrupts) = (Vec::new(), 0.0);
        // The same seeds for each interval: nodes then fail at the same times.
        for seed in 1..=SEEDS {
            let set = vec![format!("checkpoint.coordinated.interval={interval}")];
            let overrides = Overrides { set, seed: Some(seed) };
            let scenario = rackstorm::read_over("sweep", SCENARIO, &overrides)?;
            let outcome = Run::new(&Plan::make(&scenario), &Model).play()?;
            all.push(outcome.metric("efficiency").ok_or("the job has an efficiency")?);
            interrupts += outcome.metric("interrupts").unwrap_or(0.0);
        }
        let mean = all.iter().sum::<f64>() / all.len() as f64;
        let least = all.iter().copied().fold(f64::INFINITY, f64::min);
        let most = all.iter().copied().fold(0.0, f64::max);
        let interrupts = interrupts / all.len() as f64;
        println!("{interval:>8}  {mean:>16.4} {least:>6.4} {most:>6.4} {interrupts:>12.1}");
    }
    Ok(())
}
