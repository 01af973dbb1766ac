//! Laws and parameters fitted to what was measured: to traces of failures, and to recorded runs.

pub mod calibration;
pub mod laws;
pub mod least_squares;
pub mod traces;
