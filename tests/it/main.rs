//! The one integration binary: whole runs of the program, and the house rules.
//!
//! `UPDATE=1 cargo test` rewrites golden files. `RACKSTORM_BIN=path` tests another build of the
//! program (`.ci/run` holds the debug build against the golden list that way).

// The oracle of the fabric names it so.
use rackstorm::units;

mod harness;
mod program;

mod axes;
mod boot;
mod brambles;
mod branch;
mod calibrate;
mod checks;
mod cli;
mod collective;
mod compare;
mod cosmic;
mod crews;
mod data_grid;
mod determinism;
mod diagnostics;
mod drain;
mod dram;
mod failures;
mod figures;
mod fits;
mod fleet;
mod fleet_swarm;
mod forecast;
mod golden;
mod harm;
mod hostile;
mod images;
mod intervals;
mod inventory;
mod jobs;
mod levels;
mod library;
mod logging;
mod loopback;
mod map_reduce;
mod measured;
mod model;
mod mutants;
mod numbers;
mod object_store;
mod optimize;
mod overlap;
mod pace;
mod parts;
mod places;
mod power;
mod prediction;
mod published;
mod queue;
mod rack;
mod rare;
mod records;
mod rehearsal;
mod rejuvenation;
mod replicas;
mod schema;
mod silent;
mod simgrid;
mod similar;
mod stages;
mod store;
mod study;
mod swarm;
mod testbed;
mod theory;
mod tidy;
mod traces;
mod transfers;
mod variants;
mod web;
mod workloads;
mod worst;
