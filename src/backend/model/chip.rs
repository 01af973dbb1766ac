//! Faults of chips of DRAM: those that codes correct stand, and may meet later ones in a word.

use crate::cosmic::budget::Class;
use crate::cosmic::standing::ChipFault;
use crate::event::{Fault, What};
use crate::ids::{FaultId, NodeId};

use super::world::World;

impl World<'_> {
    /// The fault that is due, whether it meets another one, and what comes of it.
    fn chip_fault_due(&self, rule: u16, id: u32) -> (ChipFault, bool, Class) {
        let number = u64::from(self.used(rule, id));
        let (fault, unit) = self.chance.chip_fault(FaultId(rule), id, number);
        let (memory, life) = (self.chance.memory(), self.rack.life(NodeId(id)).0);
        let standing = self.standing.get(&id);
        let met = standing.map_or(0, |it| it.met_by(&fault, memory, self.now(), life)) > 0;
        let verdict = memory.verdict(&fault, met);
        (fault, met, self.chance.class_of(verdict, self.phase_of(id), unit))
    }

    /// Whether the scenario's semantics lets the fault that is due strike: it must allow what comes
    /// of it.
    pub(super) fn chip_fault_may_strike(&self, rule: u16, id: u32) -> bool {
        let Some(of) = self.jobs.job_of(NodeId(id)) else { return true };
        let Some(wish) = self.plan.checkpoint_of(of) else { return true };
        let harm = Fault::of_upset(self.chip_fault_due(rule, id).2);
        harm.is_none_or(|kind| wish.lets(kind, self.jobs.phase(of)))
    }

    /// A fault of a chip strikes. One that stops the node is cured with the power cycle if it is
    /// transient; if it is permanent, the node is down until its memory is swapped.
    pub(super) fn chip_fault(&mut self, rule: u16, id: u32) {
        let (fault, met, class) = self.chip_fault_due(rule, id);
        let ChipFault { array, mode, permanent, .. } = fault;
        self.tell(What::ChipFault { node: NodeId(id), array, mode, permanent, met, class });
        let (now, life) = (self.now(), self.rack.life(NodeId(id)).0);
        self.standing.entry(id).or_default().add(fault, self.chance.memory(), now, life);
        match class {
            Class::Masked | Class::Corrected => {}
            Class::Silent => self.corrupt(id),
            Class::Detected | Class::Crash | Class::Hang if permanent => {
                self.fail(Fault::Crash, id, false);
                self.set_repair(rule, id);
            }
            Class::Hang => self.fail(Fault::Hang, id, true),
            Class::Detected | Class::Crash => self.fail(Fault::Crash, id, true),
        }
    }

    /// The memory of a node is swapped.
    pub(super) fn swap_memory(&mut self, id: u32) {
        self.standing.remove(&id);
    }
}
