//! What the clients of a storm took, as the events of a run.
//!
//! Times are those of the clients: a node is in the stage that was measured from its client's
//! start to its end, and up from then on; one whose client failed gives its boot up. In a storm of
//! writes the clients are the nodes of a job whose checkpoint begins at the common start, after the
//! one step of its scenario, and is committed when the last of them has written.
//!
//! Not modelled: stages of a boot that nobody measured, and meters; they are not emitted at all.

use super::setup::STEP_MS;
use super::{Client, Kind, Measurement, Storm};
use crate::event::{Cause, CheckpointAct, EndReason, Event, JobPhase, NodeState, Purpose, What};
use crate::ids::{JobId, Life, NodeId};
use crate::units::{Bytes, Span, Time};

/// The clients of a storm, as a job.
const CLIENTS: JobId = JobId(0);

impl Storm {
    /// The events of the storm, in the order of their time.
    pub(super) fn happened(&self) -> Vec<Event> {
        let emitted = match self.setup.kind {
            Kind::Write => self.written(),
            Kind::Read => self.booted(NodeState::Root, Some(Purpose::Root)),
            Kind::Tftp => self.booted(NodeState::Tftp, Some(Purpose::Tftp)),
            Kind::Dhcp => self.booted(NodeState::Dhcp, None),
        };
        assert!(
            emitted.is_sorted_by_key(|event| event.at),
            "events come in the order of their time"
        );
        emitted
    }

    /// Clients with their nodes.
    fn nodes(&self) -> impl Iterator<Item = (NodeId, Client)> {
        (0..).map(NodeId).zip(self.clients.iter().copied())
    }

    fn booted(&self, stage: NodeState, purpose: Option<Purpose>) -> Vec<Event> {
        let mut emitted = Vec::new();
        for (node, client) in self.nodes() {
            let begin = Time::ZERO + client.start;
            let end = begin + client.took;
            emitted.push(state(begin, node, stage, Cause::Course));
            if client.succeeded {
                emitted.extend(purpose.map(|purpose| self.moved(end, purpose, true)));
                emitted.push(state(end, node, NodeState::Up, Cause::Course));
            } else {
                let cause =
                    if stage == NodeState::Dhcp { Cause::NoOffer } else { Cause::ServerSilent };
                emitted.push(state(end, node, NodeState::GaveUp, cause));
            }
        }
        // The sort is stable: what is emitted of a node at one instant stays in its order.
        emitted.sort_by_key(|event| event.at);
        let whole = self.clients.iter().all(|client| client.succeeded);
        let reason = if whole { EndReason::AllUp } else { EndReason::Quiet };
        emitted.push(Event { at: Time::ZERO + self.makespan(), what: What::RunEnds { reason } });
        emitted
    }

    fn written(&self) -> Vec<Event> {
        let begin = Time::ZERO + Span::from_millis(STEP_MS);
        let end = begin + self.makespan();
        let phase = |at, phase| Event {
            at,
            what: What::JobPhase { job: CLIENTS, phase, cause: Cause::Course },
        };
        let checkpoint = |at, act| Event {
            at,
            what: What::Checkpoint { job: CLIENTS, number: 1, act, step: 1 },
        };
        let member = |at, joined| {
            self.nodes().map(move |(node, _)| Event {
                at,
                what: What::JobNode { job: CLIENTS, node, joined },
            })
        };
        let mut emitted: Vec<_> = self
            .nodes()
            .map(|(node, _)| state(Time::ZERO, node, NodeState::Up, Cause::Course))
            .collect();
        emitted.extend(member(Time::ZERO, true));
        emitted.push(phase(Time::ZERO, JobPhase::Compute));
        emitted.push(Event { at: begin, what: What::StepDone { job: CLIENTS, step: 1 } });
        emitted.push(checkpoint(begin, CheckpointAct::Begin));
        emitted.push(phase(begin, JobPhase::Checkpoint));
        let mut moved: Vec<_> = self
            .nodes()
            .map(|(_, client)| {
                let at = begin + client.start + client.took;
                self.moved(at, Purpose::Checkpoint, client.succeeded)
            })
            .collect();
        moved.sort_by_key(|event| event.at);
        emitted.extend(moved);
        let reason = if self.clients.iter().all(|client| client.succeeded) {
            emitted.push(checkpoint(end, CheckpointAct::Commit));
            emitted.push(phase(end, JobPhase::Done));
            emitted.extend(member(end, false));
            EndReason::WorkDone
        } else {
            emitted.push(checkpoint(end, CheckpointAct::Abandon));
            EndReason::Quiet
        };
        emitted.push(Event { at: end, what: What::RunEnds { reason } });
        emitted
    }

    /// A client's file has arrived, or was lost.
    fn moved(&self, at: Time, purpose: Purpose, whole: bool) -> Event {
        let size = self.setup.size;
        let (received, lost) = if whole { (size, Bytes(0)) } else { (Bytes(0), size) };
        Event { at, what: What::Transfer { purpose, nodes: 1, received, lost } }
    }
}

fn state(at: Time, node: NodeId, state: NodeState, cause: Cause) -> Event {
    Event { at, what: What::NodeState { node, life: Life(1), state, cause } }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storm::Setup;

    fn storm(kind: Kind, clients: &[(u64, u64, bool)]) -> Storm {
        let setup = Setup::of_links(kind, "10mbit", "1gbit", "1gbit").expect("rates");
        let client = |(start, took, succeeded): &(u64, u64, bool)| Client {
            start: Span::from_millis(*start),
            took: Span::from_millis(*took),
            succeeded: *succeeded,
        };
        Storm {
            name: "a".into(),
            title: "a".into(),
            run: 1,
            setup: Setup { clients: clients.len() as u32, size: Bytes(7), ..setup },
            clients: clients.iter().map(client).collect(),
            cpu_busy: 0,
            line: 2,
        }
    }

    #[test]
    fn a_client_without_an_address_gives_its_boot_up() {
        let emitted = storm(Kind::Dhcp, &[(0, 9_000, false), (5, 100, true)]).events();
        let at = |event: &Event| event.at.0 / 1_000_000;
        assert_eq!(emitted.iter().map(at).collect::<Vec<_>>(), [0, 5, 105, 9_000, 9_000]);
        let gave_up = What::NodeState {
            node: NodeId(0),
            life: Life(1),
            state: NodeState::GaveUp,
            cause: Cause::NoOffer,
        };
        assert_eq!(emitted[3].what, gave_up);
        assert_eq!(emitted[4].what, What::RunEnds { reason: EndReason::Quiet });
    }

    #[test]
    fn a_checkpoint_is_committed_with_its_last_client_and_abandoned_without_one() {
        let acts = |storm: &Storm| -> Vec<_> {
            let events = storm.events();
            let act = |event: &Event| match event.what {
                What::Checkpoint { act, .. } => Some((event.at.0 / 1_000_000, act)),
                _ => None,
            };
            events.iter().filter_map(act).collect()
        };
        let whole = storm(Kind::Write, &[(0, 50, true), (10, 90, true)]);
        assert_eq!(acts(&whole), [(1, CheckpointAct::Begin), (101, CheckpointAct::Commit)]);
        let broken = storm(Kind::Write, &[(0, 50, false), (10, 90, true)]);
        assert_eq!(acts(&broken), [(1, CheckpointAct::Begin), (101, CheckpointAct::Abandon)]);
    }
}
