//! x.
pub mod flow;
pub mod flow_oracle;
