//! Transfers between parts, each at a time of its own, whoever else uses the network.

use std::sync::Arc;

use super::{Command, Input, TaskId, Workload};
use crate::event::{TaskAct, TaskKind, What};
use crate::scenario::Scenario;
use crate::scenario::transfers::Transfer;
use crate::units::{Span, Time};

/// The progress of a list of transfers. The number of each in the list names its task.
#[derive(Clone, Debug)]
pub struct TransferList {
    list: Arc<[Transfer]>,
    /// When each begins, and its number in the list, in this order.
    starts: Arc<[(Time, u32)]>,
    /// How many have begun, and how many of these have not ended.
    begun: usize,
    open: usize,
}

impl TransferList {
    /// That of a scenario, if it has one. O(n log n).
    #[must_use]
    pub fn of(scenario: &Scenario) -> Option<Self> {
        let list = scenario.transfers.clone();
        (!list.is_empty()).then(|| Self::new(list))
    }

    fn new(list: Arc<[Transfer]>) -> Self {
        let mut starts: Vec<_> = list.iter().map(|transfer| transfer.start).zip(0..).collect();
        starts.sort_unstable();
        Self { list, starts: starts.into(), begun: 0, open: 0 }
    }

    fn begin_what_is_due(&mut self, now: Time, out: &mut Vec<Command>) {
        let waiting = &self.starts[self.begun..];
        let due = waiting.iter().take_while(|(at, _)| *at <= now).count();
        out.extend(waiting[..due].iter().map(|&(_, number)| {
            let Transfer { from, to, bytes, .. } = self.list[number as usize];
            Command::Send { task: number.into(), from, to, bytes }
        }));
        (self.begun, self.open) = (self.begun + due, self.open + due);
        out.extend(self.starts.get(self.begun).map(|&(at, _)| Command::Timer { at, key: 0 }));
    }

    fn end(&mut self, task: TaskId, act: TaskAct, out: &mut Vec<Command>) {
        self.open -= 1;
        out.push(emit(task, act));
        if self.open == 0 && self.begun == self.starts.len() {
            out.push(Command::Finish);
        }
    }
}

fn emit(task: TaskId, act: TaskAct) -> Command {
    let (kind, number) = (TaskKind::Transfer, task as u32);
    Command::Emit(What::Task { kind, number, act, node: None, span: Span::ZERO })
}

impl Workload for TransferList {
    /// O(transfers that begin).
    fn on(&mut self, now: Time, input: Input, out: &mut Vec<Command>) {
        match input {
            Input::Begin | Input::Timer(_) => self.begin_what_is_due(now, out),
            Input::Begun(task) => out.push(emit(task, TaskAct::Begin)),
            Input::Done(task) => self.end(task, TaskAct::End, out),
            Input::Lost(task) => self.end(task, TaskAct::Lose, out),
            Input::Up(_)
            | Input::Down(_)
            | Input::Stopped(_)
            | Input::CutOff(..)
            | Input::Partition(..)
            | Input::ServerUp(_)
            | Input::ServerDown(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{Part, PartKind};
    use crate::units::Bytes;

    fn of(starts: impl IntoIterator<Item = u64>) -> TransferList {
        let node = |index| Part { kind: PartKind::Node, index };
        let (from, to, bytes) = (node(0), node(1), Bytes(8));
        let transfer = |start| Transfer { start: Time(start), from, to, bytes };
        TransferList::new(starts.into_iter().map(transfer).collect())
    }

    /// What it answers, by the numbers of transfers and the times of timers.
    fn on(all: &mut TransferList, now: u64, input: Input) -> Vec<(&'static str, u64)> {
        let mut out = Vec::new();
        all.on(Time(now), input, &mut out);
        let said = |command: &Command| match *command {
            Command::Send { task, .. } => ("send", task),
            Command::Timer { at, .. } => ("timer", at.0),
            Command::Emit(What::Task { number, act, .. }) => match act {
                TaskAct::Begin => ("begin", number.into()),
                TaskAct::End => ("end", number.into()),
                _ => ("lose", number.into()),
            },
            Command::Finish => ("finish", 0),
            _ => panic!("it wants {command:?}"),
        };
        out.iter().map(said).collect()
    }

    #[test]
    fn transfers_begin_in_the_order_of_their_times_and_the_last_to_end_finishes_all() {
        let mut all = of([7, 0, 7]);
        assert_eq!(on(&mut all, 0, Input::Begin), [("send", 1), ("timer", 7)]);
        assert_eq!(on(&mut all, 0, Input::Begun(1)), [("begin", 1)]);
        assert_eq!(on(&mut all, 3, Input::Done(1)), [("end", 1)]);
        assert_eq!(on(&mut all, 7, Input::Timer(0)), [("send", 0), ("send", 2)]);
        assert_eq!(on(&mut all, 7, Input::Lost(2)), [("lose", 2)]);
        assert_eq!(on(&mut all, 9, Input::Done(0)), [("end", 0), ("finish", 0)]);
    }
}
