//! Fake controllers that speak the protocols of the real ones, byte by byte, with their failures.
//!
//! They serve rehearsals, a rack in a box, and the tests that every driver must pass.

pub mod bitscope;
pub mod pty;
pub mod tools;
pub mod web;

mod redfish;

use std::rc::Rc;

/// Who is informed when a fake controller switches a node: it may start it and kill it.
pub type Switched = Rc<dyn Fn(u32, bool)>;
