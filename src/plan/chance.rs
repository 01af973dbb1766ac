//! stub.
#![allow(missing_docs, clippy::all, unused)]
use crate::ids::FaultId;
use crate::scenario::Scenario;
use crate::units::Span;
#[derive(Debug)]
pub struct Chance;
pub enum BootDraw {
    Kernel,
    Init,
    Stray,
}
impl Chance {
    pub fn new(s: &Scenario) -> Self {
        Self
    }
    pub fn lifetime(&self, f: FaultId, part: u32, k: u64) -> Span {
        todo!()
    }
    pub fn repair(&self, f: FaultId, part: u32, k: u64) -> Span {
        todo!()
    }
    pub fn boot_unit(&self, n: u32, life: u32, what: BootDraw, k: u32) -> f64 {
        todo!()
    }
}
