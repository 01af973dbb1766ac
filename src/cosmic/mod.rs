//! Cosmic rays: the neutrons of a site, what they do to memories, and what codes make of it.
//!
//! Pure functions of a scenario's numbers. Rates are per hour, as FIT are: one FIT is one event in
//! 1e9 h. `docs/models/cosmic.md` has the equations with their sources.
//!
//! Not modelled: thermal neutrons, muons and alpha particles of the package (a rate that is given
//! as FIT/Mbit and was measured in real time holds them, and is scaled as a whole); upsets of logic
//! and registers outside of the arrays; latch-up; the weather.

pub mod budget;
pub mod code;
pub mod dram;
pub mod flux;
pub mod memory;
pub mod standing;
