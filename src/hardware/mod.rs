//! The models of the hardware: boot chain, DHCP daemon, fabric, power, storage and hazard clocks.

pub mod boot;
pub mod dhcp;
pub mod flow;
#[cfg(test)]
mod flow_oracle;
pub mod network;
pub mod power;
pub mod processors;
pub mod rack;
pub mod storage;
