//! A bus: the task that carries out the orders for one controller, one after the other.
//!
//! What decides whether an order was carried out is the state that the controller reports then,
//! whatever was answered to the order: an answer may be lost, and some word a success as an error.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep};

use super::{Driver, DriverError, Session, Target, Wanted};
use crate::fleet::ports::PowerState;

/// What is asked of a bus.
pub(super) enum Ask {
    /// To switch a node, or only to report its state.
    Order(SwitchRequest),
    /// To open a console.
    Console(Session, oneshot::Sender<io::Result<()>>),
}

/// One request of one caller.
pub(super) struct SwitchRequest {
    pub(super) target: Target,
    /// `None`: only the state.
    pub(super) wanted: Option<Wanted>,
    pub(super) reply: oneshot::Sender<io::Result<PowerState>>,
}

/// A controller with its driver.
pub(super) struct Bus {
    /// Kind and name, for people.
    title: String,
    driver: Box<dyn Driver>,
    /// Channels whose last order failed.
    failed: BTreeSet<String>,
}

impl Bus {
    pub(super) fn new(title: String, driver: Box<dyn Driver>) -> Self {
        Self { title, driver, failed: BTreeSet::new() }
    }

    /// Serves until nobody can ask any more, or is ordered to leave: then what is under way is
    /// finished, and nothing else is begun.
    pub(super) async fn serve(
        mut self,
        mut asks: mpsc::UnboundedReceiver<Ask>,
        mut leave: watch::Receiver<bool>,
    ) {
        loop {
            let ask = tokio::select! {
                biased;
                Ok(_) = leave.wait_for(|leave| *leave) => break,
                ask = asks.recv() => ask,
                () = self.driver.idle() => continue,
            };
            match ask {
                Some(Ask::Order(order)) => self.gather(order, &mut asks).await,
                Some(Ask::Console(session, reply)) => self.console(session, reply),
                None => break,
            }
        }
        self.driver.leave().await;
    }

    fn console(&mut self, session: Session, reply: oneshot::Sender<io::Result<()>>) {
        let target = session.target.clone();
        let opened = self.driver.console(session);
        let _ = reply.send(opened.map_err(|driver_error| self.reported(&target, &driver_error)));
    }

    /// Takes in what comes within a tick, and carries it out: on, then off, then states.
    async fn gather(&mut self, first: SwitchRequest, asks: &mut mpsc::UnboundedReceiver<Ask>) {
        let mut orders = vec![first];
        if let Some(tick) = self.driver.tick() {
            sleep(tick).await;
            while let Ok(ask) = asks.try_recv() {
                match ask {
                    Ask::Order(order) => orders.push(order),
                    Ask::Console(session, reply) => self.console(session, reply),
                }
            }
        }
        for wanted in [Some(Wanted::On), Some(Wanted::Off), None] {
            let (now, later) = orders.into_iter().partition(|order| order.wanted == wanted);
            orders = later;
            self.carry_out(now, wanted).await;
        }
    }

    /// Carries out orders of one kind. Each caller gets an answer; one that has gone does not stop
    /// the work.
    async fn carry_out(&mut self, mut orders: Vec<SwitchRequest>, wanted: Option<Wanted>) {
        if wanted.is_none() {
            orders.retain(|order| !order.reply.is_closed());
        }
        if orders.is_empty() {
            return;
        }
        let targets: Vec<Target> = orders.iter().map(|order| order.target.clone()).collect();
        let answers = match wanted {
            // A question that nobody waits for any more is dropped, however long it might take.
            None => tokio::select! {
                biased;
                answers = self.driver.states(&targets) => answers,
                () = all_gone(&mut orders) => return,
            },
            Some(wanted) => self.switch(&targets, wanted).await,
        };
        assert_eq!(answers.len(), orders.len(), "one answer for each order");
        for (order, answer) in orders.into_iter().zip(answers) {
            if wanted.is_some() && answer.is_err() {
                self.failed.insert(order.target.channel.clone());
            } else if wanted.is_some() {
                self.failed.remove(&order.target.channel);
            }
            let answer = answer.map_err(|driver_error| self.reported(&order.target, &driver_error));
            let _ = order.reply.send(answer);
        }
    }

    /// Switches what is not switched yet, and waits until the controller reports the new state.
    async fn switch(
        &mut self,
        targets: &[Target],
        wanted: Wanted,
    ) -> Vec<Result<PowerState, DriverError>> {
        let mut answers = self.driver.states(targets).await;
        let dead = |answer: &mut Result<PowerState, DriverError>| {
            if wanted == Wanted::On && *answer == Ok(PowerState::Dead) {
                let way_out = "enable it at the controller, or look after its feed";
                *answer = Err(DriverError::new("its channel cannot be switched on", way_out));
            }
            // A dead feed is as good as off.
            if wanted == Wanted::Off && *answer == Ok(PowerState::Dead) {
                *answer = Ok(PowerState::Off);
            }
        };
        answers.iter_mut().for_each(dead);
        let open = |answer: &Result<PowerState, DriverError>| {
            answer.as_ref().is_ok_and(|state| *state != wanted.state())
        };
        let mut waiting: Vec<usize> = (0..targets.len()).filter(|&at| open(&answers[at])).collect();
        let asked: Vec<Target> = waiting.iter().map(|&at| targets[at].clone()).collect();
        if asked.is_empty() {
            return answers;
        }
        let taken = self.driver.order(&asked, wanted).await;
        let mut doubtful = BTreeMap::new();
        for (&at, taken) in waiting.iter().zip(taken) {
            match taken {
                Ok(()) => {}
                Err(driver_error) if driver_error.perhaps_done => {
                    drop(doubtful.insert(at, driver_error));
                }
                Err(driver_error) => answers[at] = Err(driver_error),
            }
        }
        waiting.retain(|&at| answers[at].is_ok());
        self.follow(targets, wanted, waiting, doubtful, &mut answers).await;
        answers
    }

    /// Waits until the controller reports the new state of those that wait for it. `doubtful`:
    /// whose order met with an error, and may have been carried out all the same.
    async fn follow(
        &mut self,
        targets: &[Target],
        wanted: Wanted,
        mut waiting: Vec<usize>,
        mut doubtful: BTreeMap<usize, DriverError>,
        answers: &mut [Result<PowerState, DriverError>],
    ) {
        let began = Instant::now();
        while !waiting.is_empty() {
            let asked: Vec<Target> = waiting.iter().map(|&at| targets[at].clone()).collect();
            for (&at, state) in waiting.iter().zip(self.driver.states(&asked).await) {
                answers[at] = state;
            }
            // What could not be read may be read the next time.
            waiting.retain(|&at| answers[at] != Ok(wanted.state()));
            let passed = began.elapsed();
            let patience =
                |at: usize| self.driver.follows(wanted, self.failed.contains(&targets[at].channel));
            let (tired, hopeful): (Vec<_>, Vec<_>) =
                waiting.into_iter().partition(|&at| passed >= patience(at));
            waiting = hopeful;
            for at in tired {
                if let Some(driver_error) = doubtful.remove(&at) {
                    answers[at] = Err(driver_error);
                } else if let Ok(state) = answers[at] {
                    let reported = if state == PowerState::On { "on" } else { "off" };
                    let what = format!(
                        "it is still {reported}, {:.1} s after it was switched {}",
                        patience(at).as_secs_f64(),
                        wanted.word()
                    );
                    let way_out = "look at the node; the order may have been lost, so try again";
                    answers[at] = Err(DriverError::new(what, way_out));
                }
            }
            if let Some(&at) = waiting.first() {
                sleep(pause(patience(at))).await;
            }
        }
    }

    /// An error with all that a person needs to find the place.
    fn reported(&self, target: &Target, driver_error: &DriverError) -> io::Error {
        let Target { node, channel, .. } = target;
        io::Error::other(format!("{node} ({}, channel {channel}): {driver_error}", self.title))
    }
}

/// Waits until nobody waits for any of these orders.
async fn all_gone(orders: &mut [SwitchRequest]) {
    for order in orders {
        order.reply.closed().await;
    }
}

/// Between two looks at the state. Assumption: a twentieth of the patience is often enough.
fn pause(patience: Duration) -> Duration {
    (patience / 20).clamp(Duration::from_millis(5), Duration::from_secs(1))
}
