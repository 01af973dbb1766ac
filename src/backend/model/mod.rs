//! The stage `model`: a discrete-event model of the hardware.

use crate::backend::Backend;
use crate::event::{EndReason, Sink, Stop};
use crate::plan::Plan;

/// The stage `model`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Model;

impl Backend for Model {
    fn name(&self) -> &'static str {
        "model"
    }

    fn cannot(&self, _plan: &Plan) -> Vec<String> {
        Vec::new()
    }

    fn play(&self, _plan: &Plan, _sink: &mut dyn Sink) -> Result<EndReason, Stop> {
        unimplemented!("the model stage is under construction")
    }
}
