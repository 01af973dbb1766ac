//! Transfers between parts, each at a time of its own, whoever else uses the network.

use std::sync::Arc;

use super::{Command, Input};
use crate::units::Time;

/// The progress of a list of transfers.
#[derive(Clone, Debug)]
pub struct TransferList {
    /// When each begins, and its number in the list, in this order.
    starts: Arc<[(Time, u32)]>,
    /// How many have begun, and how many of these have not ended.
    begun: usize,
    open: usize,
}

impl TransferList {
    /// Transfers that begin at these times, by their numbers in the list. O(n log n).
    #[must_use]
    pub fn new(starts: impl IntoIterator<Item = Time>) -> Self {
        let mut starts: Vec<_> = starts.into_iter().zip(0..).collect();
        starts.sort_unstable();
        Self { starts: starts.into(), begun: 0, open: 0 }
    }

    /// Answers what happens. O(transfers that begin).
    pub fn on(&mut self, now: Time, input: Input, out: &mut Vec<Command>) {
        if let Input::Ended(_) = input {
            self.open -= 1;
        } else {
            let waiting = &self.starts[self.begun..];
            let due = waiting.iter().take_while(|(at, _)| *at <= now);
            out.extend(due.map(|&(_, number)| Command::Send(number)));
            let more = out.len();
            (self.begun, self.open) = (self.begun + more, self.open + more);
            out.extend(self.starts.get(self.begun).map(|&(at, _)| Command::Wake(at)));
        }
        if self.open == 0 && self.begun == self.starts.len() {
            out.push(Command::Finish);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What it answers, from an empty list.
    fn on(all: &mut TransferList, now: u64, input: Input) -> Vec<Command> {
        let mut out = Vec::new();
        all.on(Time(now), input, &mut out);
        out
    }

    #[test]
    fn transfers_begin_in_the_order_of_their_times_and_the_last_to_end_finishes_all() {
        use Command::{Finish, Send, Wake};
        let mut all = TransferList::new([Time(7), Time(0), Time(7)]);
        assert_eq!(on(&mut all, 0, Input::Time), [Send(1), Wake(Time(7))]);
        assert_eq!(on(&mut all, 3, Input::Ended(1)), []);
        assert_eq!(on(&mut all, 7, Input::Time), [Send(0), Send(2)]);
        assert_eq!(on(&mut all, 8, Input::Ended(2)), []);
        assert_eq!(on(&mut all, 9, Input::Ended(0)), [Finish]);
    }

    #[test]
    fn an_empty_list_is_finished_at_once() {
        assert_eq!(on(&mut TransferList::new([]), 0, Input::Time), [Command::Finish]);
    }
}
