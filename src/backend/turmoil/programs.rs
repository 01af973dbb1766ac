//! The programs of a run: the fleet's controller and agents, given the simulated doors.

use std::rc::Rc;

use super::doors::{Clock, Harm, Power, Store, Told};
use super::play::{CONTROLLER_NAME, Programs, name_of};
use super::socket::Net;
use super::stage::{CONTROLLER, Stage, host_of};
use crate::fleet::agent::{self, Pace};
use crate::fleet::controller;
use crate::fleet::doors::{Address, Net as _};
use crate::ids::{Life, NodeId};
use crate::units::Span;

/// Where the controller listens for agents, and for their beats.
const PORT: u16 = 7_000;
const BEATS: u16 = 7_001;
/// Real memory of each rank (64-bit words): enough for a checksum to mean something. The size of
/// a checkpoint is declared and shapes the time whatever is carried.
const WORDS: u32 = 64;
/// Agents do no harm on this stage, so the lease is never needed.
const LEASE: Span = Span::from_secs(60);

/// The fleet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fleet;

fn pace(stage: &Stage) -> Pace {
    Pace::for_timeout(stage.plan.scenario.controller.detect)
}

impl Programs for Fleet {
    fn start_controller(&self, stage: &Rc<Stage>) {
        let net = Net::new(stage, CONTROLLER);
        let doors = controller::Doors {
            net: net.clone(),
            power: Power(Rc::clone(stage)),
            harm: Harm(Rc::clone(stage)),
            store: Store { stage: Rc::clone(stage), node: None },
            clock: Clock(Rc::clone(stage)),
            told: Told(Rc::clone(stage)),
        };
        let setup = controller::Setup {
            port: PORT,
            beats: BEATS,
            words: WORDS,
            pace: pace(stage),
            lease: LEASE,
            chance: stage.plan.scenario.seed,
        };
        let stage = Rc::clone(stage);
        net.spawn(async move {
            match controller::run(doors, setup, Rc::clone(&stage.plan)).await {
                Ok(end) => stage.end(end.reason),
                Err(error) => stage.fail(format!("the controller: {error}")),
            }
        });
    }

    fn start_agent(&self, stage: &Rc<Stage>, node: NodeId, life: Life) {
        let net = Net::new(stage, host_of(node));
        let doors = agent::Doors {
            net: net.clone(),
            store: Store { stage: Rc::clone(stage), node: Some(node) },
            harm: Harm(Rc::clone(stage)),
            told: Told(Rc::clone(stage)),
        };
        let setup = agent::Setup {
            node,
            life,
            host: name_of(node.0),
            port: 0,
            controller: Address::new(CONTROLLER_NAME, PORT),
            beats: Address::new(CONTROLLER_NAME, BEATS),
            capabilities: Vec::new(),
            pace: pace(stage),
        };
        let stage = Rc::clone(stage);
        net.spawn(async move {
            if let Err(error) = agent::run(doors, setup).await {
                stage.fail(format!("the agent of {}: {error}", name_of(node.0)));
            }
        });
    }
}
