//! What the controller does once its decisions are saved: it tells, says, switches and harms.

use std::future::Future;

use tokio::time::{sleep, timeout};

use super::{Act, Controller, Doors, Heard};
use crate::control::PowerAct;
use crate::fleet::doors::{Clock, Deed, Harm, Net, Object, Power, Store, Told};
use crate::fleet::wire::Message;
use crate::ids::NodeId;

/// Tries of a harm before it counts as not done.
const HARM_TRIES: u32 = 3;

impl<N: Net, P: Power, H: Harm, S: Store, C: Clock, T: Told>
    Controller<'_, Doors<N, P, H, S, C, T>>
{
    /// Does what was decided.
    pub(super) fn act(&mut self) {
        for act in std::mem::take(&mut self.acts) {
            match act {
                Act::Tell(what) => self.doors.told.tell(what),
                Act::Notice(notice) => self.doors.told.notice(notice),
                Act::Say(node, message) => self.say(node, message),
                Act::Power(act) => self.switch(act),
                Act::Harm(deed) => self.harm(deed, true),
                Act::Undo(deed) => self.harm(deed, false),
                Act::Delete(name) => {
                    let store = self.doors.store.clone();
                    self.spawn(async move {
                        // An image that stays costs room and no more.
                        let _ = store.delete(Object::Checkpoint, &name).await;
                        None
                    });
                }
            }
        }
    }

    fn say(&self, node: NodeId, message: Message) {
        let session = self.sessions.get(&node);
        if let Some(connection) = session.and_then(|session| session.connection.as_ref()) {
            // What a broken link swallows is said again when the agent joins again.
            let _ = connection.out.send(message);
        }
    }

    /// Starts a task whose outcome is heard.
    fn spawn(&self, task: impl Future<Output = Option<Heard>> + 'static) {
        let heard = self.heard.clone();
        self.doors.net.spawn(async move {
            if let Some(outcome) = task.await {
                let _ = heard.send(outcome).await;
            }
        });
    }

    fn switch(&self, act: PowerAct) {
        let (power, patience) = (self.doors.power.clone(), self.setup.pace.patience);
        self.spawn(async move {
            let (node, on, done) = match act {
                PowerAct::On(node) => (node, true, timeout(patience, power.on(node)).await),
                PowerAct::Off(node, cause) => {
                    (node, false, timeout(patience, power.off(node, cause)).await)
                }
            };
            Some(Heard::Switched { node, on, obeyed: matches!(done, Ok(Ok(()))) })
        });
    }

    fn harm(&mut self, deed: Deed, begin: bool) {
        let number = deed.number;
        let agents = self.doors.harm.agents(&deed);
        if !agents.is_empty() {
            let obeyed = self.doors.harm.entrust(&deed, begin).is_ok();
            for (node, deed) in agents.into_iter().filter(|_| obeyed) {
                let message = if begin {
                    self.entrusted.insert((number, node));
                    Message::Harm { deed }
                } else {
                    Message::Undo { deed }
                };
                self.say(node, message);
            }
            self.spawn(async move { Some(Heard::Harmed { number, begin, obeyed }) });
            return;
        }
        let (harm, pace) = (self.doors.harm.clone(), self.setup.pace);
        self.spawn(async move {
            for _ in 0..HARM_TRIES {
                let done = if begin {
                    timeout(pace.patience, harm.do_harm(&deed)).await
                } else {
                    timeout(pace.patience, harm.undo(&deed)).await
                };
                if matches!(done, Ok(Ok(()))) {
                    return Some(Heard::Harmed { number, begin, obeyed: true });
                }
                sleep(pace.retry).await;
            }
            Some(Heard::Harmed { number, begin, obeyed: false })
        });
    }
}
