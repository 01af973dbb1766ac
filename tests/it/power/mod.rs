//! Power drivers: one suite that each of them passes against a fake of its controller.

mod bench;
mod bitscope;
mod by_hand;
mod conformance;
mod full;
mod redfish;
mod rehearsal;
mod subjects;
mod tools;
mod web;
