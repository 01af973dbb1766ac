//! What the controller does once its decisions are saved: it emits, says, switches and harms.

use std::future::Future;

use tokio::time::{sleep, timeout};

use super::{Controller, ControllerAction, Heard};
use crate::control::PowerAct;
use crate::fleet::erased::AnyDatagrams;
use crate::fleet::ports::{Harm, InjectionOrder, Net, Object, Power, Store};
use crate::fleet::wire::Message;
use crate::ids::NodeId;
use crate::units::Time;

/// Tries of a harm before it counts as not done.
const HARM_TRIES: u32 = 3;

impl Controller<'_> {
    /// Does what was decided.
    pub(super) fn act(&mut self) {
        for act in std::mem::take(&mut self.acts) {
            match act {
                ControllerAction::Emit(what) => self.ports.emitter.emit(what),
                ControllerAction::Notice(notice) => self.ports.emitter.notice(notice),
                ControllerAction::Say(node, message) => self.say(node, message),
                ControllerAction::Power(act) => self.switch(act),
                ControllerAction::Harm(injection) => self.harm(injection, true),
                ControllerAction::Undo(injection) => self.harm(injection, false),
                ControllerAction::Delete(name) => {
                    let store = self.ports.store.clone();
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
        self.ports.net.spawn(async move {
            if let Some(outcome) = task.await {
                let _ = heard.send(outcome).await;
            }
        });
    }

    fn switch(&self, act: PowerAct) {
        let (power, patience) = (self.ports.power.clone(), self.setup.pace.patience);
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

    fn harm(&mut self, injection: InjectionOrder, begin: bool) {
        let number = injection.number;
        let agents = self.ports.harm.agents(&injection);
        if !agents.is_empty() {
            let obeyed = self.ports.harm.entrust(&injection, begin).is_ok();
            for (node, injection) in agents.into_iter().filter(|_| obeyed) {
                let message = if begin {
                    self.entrusted.insert((number, node));
                    Message::Harm { injection }
                } else {
                    Message::Undo { injection }
                };
                self.say(node, message);
            }
            self.spawn(async move { Some(Heard::Harmed { number, begin, obeyed }) });
            return;
        }
        let (harm, pace) = (self.ports.harm.clone(), self.setup.pace);
        self.spawn(async move {
            for _ in 0..HARM_TRIES {
                let done = if begin {
                    timeout(pace.patience, harm.do_harm(&injection)).await
                } else {
                    timeout(pace.patience, harm.undo(&injection)).await
                };
                if matches!(done, Ok(Ok(()))) {
                    return Some(Heard::Harmed { number, begin, obeyed: true });
                }
                sleep(pace.retry).await;
            }
            Some(Heard::Harmed { number, begin, obeyed: false })
        });
    }

    /// Informs the members of the group of what has changed, if it is time.
    pub(super) fn send_group(&mut self, now: Time) {
        let news = self.roster.as_mut().map_or_else(Vec::new, |roster| roster.news(now));
        self.acts.extend(news.into_iter().map(|(node, news)| ControllerAction::Say(node, news)));
    }

    /// Sends what the controller says as a member.
    pub(super) async fn send_gossip(&mut self, socket: &AnyDatagrams) {
        let (Some(roster), Some(group)) = (&self.roster, self.detector.group()) else { return };
        for (to, datagram) in group.take_said() {
            if let Some((address, bytes)) = roster.post(to, &datagram) {
                let sent = self.ports.net.send_to(socket, &bytes, address);
                let _ = timeout(self.setup.pace.patience, sent).await;
            }
        }
    }
}
