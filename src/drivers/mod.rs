//! Hands on real things: the network of the operating system.
//!
//! A driver carries out what a door of [`crate::fleet::doors`] asks for, and decides nothing.

pub mod net;
