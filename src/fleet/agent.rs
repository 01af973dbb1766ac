//! The agent of a node: joins the controller, sends heartbeats, carries out the orders of a job.
//!
//! One loop holds all that the agent knows; tasks around it read, write and wait, and report to it
//! what came of it. An order that is given twice is carried out once and answered twice, so that
//! neither a lost answer nor a restarted controller does harm. Of two controllers the one with the
//! higher term is obeyed. An order for memory that it does not have it does not begin, and says so.
//! What is cancelled it stops at once. When the controller is not heard for the lease of a harm,
//! the agent undoes it.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::time::{Instant, sleep, timeout_at};

use crate::fleet::admission::{Admission, Bounds, Refusals};
use crate::fleet::erased::{AnyHarm, AnyNet, AnyStore};
use crate::fleet::errand::{self, Errand, Errands, TaskWork};
use crate::fleet::group::Membership;
use crate::fleet::heartbeats::{self, Post};
use crate::fleet::images::{Images, pause};
use crate::fleet::injections::{self, Injections, WHOLE_PPM};
use crate::fleet::job::{Sabotage, image_name};
use crate::fleet::link::{Link, Linked};
use crate::fleet::means::Ability;
use crate::fleet::neighbours::{self, Incoming};
pub use crate::fleet::pace::Pace;
use crate::fleet::packet::Packet;
use crate::fleet::ports::{Address, Emitter, Harm, InjectionOrder, Net, Notice, Store};
use crate::fleet::ranks::Ranks;
use crate::fleet::relay::{QUEUE, pass_on, relay};
use crate::fleet::task::{self, Paced, Task, stretched};
use crate::fleet::wire::{Ended, Heartbeat, Message, NodeOrder, Where, Work};
use crate::ids::{Life, NodeId};
use crate::units::{Bytes, Span};

/// Sums of neighbours that came before the order they belong to.
const EARLY_MAX: usize = 16;

/// The ports that an agent uses.
#[derive(Clone, Debug)]
pub struct AgentPorts<N, S, H, T> {
    /// Its node's network.
    pub net: N,
    /// The checkpoints' server.
    pub store: S,
    /// Actuators on its own node.
    pub harm: H,
    /// Where it reports what it obeys.
    pub emitter: T,
}

type Ports = AgentPorts<AnyNet, AnyStore, AnyHarm, Rc<dyn Emitter>>;

/// Who an agent is and whom it obeys.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Its node: the place in the rack is its serial number.
    pub node: NodeId,
    /// Its life: grows with each boot.
    pub life: Life,
    /// Under which name others reach it.
    pub host: String,
    /// Where its neighbours connect to; 0: a free port.
    pub port: u16,
    /// The controller.
    pub controller: Address,
    /// Where the controller takes heartbeats.
    pub heartbeats: Address,
    /// What it can do, for people.
    pub abilities: Vec<Ability>,
    /// Its times.
    pub pace: Pace,
    /// A mistake that is built in on purpose.
    pub sabotage: Option<Sabotage>,
}

/// What the process around an agent has for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// To be sent to the controller, if the link is up; else it is lost.
    Send(Message),
    /// Its host leaves the node this share of its speed from now on (ppm).
    Speed(u32),
    /// The agent shall end, after undoing what it did to its node.
    Leave,
}

/// What the loop hears.
enum Heard {
    Note(Note),
    Link(Linked),
    Neighbour(Incoming),
    Packet(Packet),
    /// What the store gave for an order; `None`: it was saved.
    Stored(u64, Option<Vec<u8>>),
    /// An errand has moved its bytes, so many of them carried.
    Moved(u64, Bytes),
    /// A harm was not done, and why.
    Undone(u64, String),
}

struct Agent {
    ports: Ports,
    /// The ways to images.
    images: Images,
    setup: Setup,
    heard: mpsc::Sender<Heard>,
    post: Post,
    membership: Membership,
    session: Rc<Cell<Option<u64>>>,
    again: Rc<Notify>,
    out: Option<mpsc::UnboundedSender<Message>>,
    /// The highest term seen.
    term: u64,
    heartbeats: u64,
    next_heartbeat: Instant,
    /// When the controller was last heard.
    answered: Instant,
    /// When the link was made.
    linked: Instant,
    task: Option<Task>,
    ranks: Option<(u64, Ranks)>,
    /// The neighbours to the right, one or all replicas of the next seat, and the queues to them.
    right: Vec<(Address, watch::Sender<Option<Message>>)>,
    /// Sums from the left by placement and step.
    early: BTreeMap<(u64, u64), u64>,
    injections: Injections,
    errands: Errands,
    admission: Admission,
    /// Whether its node computes, as it reported last.
    computes: bool,
    /// The share of its speed that its host leaves it, and at which it computes (ppm).
    host_speed: u32,
    speed: u32,
}

/// Runs an agent until a note asks it to leave.
///
/// # Errors
/// When it cannot listen.
pub async fn run<N: Net, S: Store, H: Harm, T: Emitter>(
    ports: AgentPorts<N, S, H, T>,
    setup: Setup,
    notes: mpsc::Receiver<Note>,
) -> io::Result<()> {
    let ports = AgentPorts {
        net: AnyNet::new(ports.net),
        store: AnyStore::new(ports.store),
        harm: AnyHarm::new(ports.harm),
        emitter: Rc::new(ports.emitter) as Rc<dyn Emitter>,
    };
    live(ports, setup, notes).await
}

async fn live(ports: Ports, setup: Setup, notes: mpsc::Receiver<Note>) -> io::Result<()> {
    let (heard, queue) = mpsc::channel(QUEUE);
    let net = &ports.net;
    relay(net, &heard, Heard::Note, |to| pass_on(notes, to));
    let admission = Admission::new(Bounds::of_agent());
    let listener = (net.listen(setup.port).await?, admission.clone());
    let peers = Address::new(setup.host.clone(), AnyNet::port(&listener.0)?);
    let images = Images::new(net, &ports.store, setup.pace.patience);
    relay(net, &heard, Heard::Neighbour, |to| neighbours::listen(images.clone(), listener, to));
    let (post, packets) = heartbeats::open(net, setup.pace).await?;
    let (session, again) = <(Rc<Cell<_>>, Rc<Notify>)>::default();
    let link = Link {
        net: net.clone(),
        to: setup.controller.clone(),
        patience: setup.pace.patience,
        retry: setup.pace.retry,
        retry_max: setup.pace.retry_max,
        join: Message::Join {
            serial: setup.node.0,
            life: setup.life.0,
            session: None,
            peers,
            datagrams: packets.port()?,
            abilities: setup.abilities.clone(),
        },
        session: session.clone(),
        again: again.clone(),
    };
    relay(net, &heard, Heard::Link, |to| link.hold(to));
    relay(net, &heard, Heard::Packet, |to| packets.hear(to));
    let now = Instant::now();
    let agent = Agent {
        membership: Membership::new(setup.node, setup.heartbeats.clone()),
        ports,
        images,
        setup,
        heard,
        post,
        session,
        again,
        out: None,
        term: 0,
        heartbeats: 0,
        next_heartbeat: now,
        answered: now,
        linked: now,
        task: None,
        ranks: None,
        right: Vec::new(),
        early: BTreeMap::new(),
        injections: Injections::default(),
        errands: Errands::new(now),
        admission,
        computes: false,
        host_speed: WHOLE_PPM,
        speed: WHOLE_PPM,
    };
    agent.live(queue).await;
    Ok(())
}

impl Agent {
    async fn live(mut self, mut queue: mpsc::Receiver<Heard>) {
        loop {
            match timeout_at(self.next(), queue.recv()).await {
                Ok(Some(Heard::Note(Note::Leave))) => return self.leave().await,
                Ok(Some(heard)) => self.hear(heard),
                Ok(None) => return,
                Err(_) => self.pass(),
            }
            self.keep_pace();
            self.report_load();
            self.send_gossip();
        }
    }

    /// When something is due, if nothing is heard before.
    fn next(&self) -> Instant {
        let task = self.task.as_ref().filter(|task| task.ready && task.answer.is_none());
        let until = task.map(Task::until);
        let injections = self.injections.next(self.answered).into_iter();
        let due = injections.chain(until).chain(self.membership.next()).chain(self.errands.next());
        due.fold(self.next_heartbeat, Instant::min)
    }

    /// Time has passed.
    fn pass(&mut self) {
        let now = Instant::now();
        if self.next_heartbeat <= now {
            self.next_heartbeat = now + self.setup.pace.heartbeat;
            self.heartbeat(now);
        }
        for injection in self.injections.over(now, self.answered) {
            self.undo(injection);
        }
        self.finish(now);
        for report in self.errands.computed(now) {
            self.say(report);
        }
        self.membership.pass();
    }

    /// Undoes what is done.
    async fn leave(mut self) {
        for injection in self.injections.all() {
            injections::undo(&self.ports.harm, &injection, self.setup.pace.patience).await;
        }
    }

    fn heartbeat(&mut self, now: Instant) {
        let Some(session) = self.session.get().filter(|_| self.out.is_some()) else { return };
        if self.answered.max(self.linked) + self.setup.pace.silence <= now {
            self.out = None;
            self.again.notify_one();
            return;
        }
        self.heartbeats += 1;
        let (serial, life, count) = (self.setup.node.0, self.setup.life.0, self.heartbeats);
        let heartbeat = Heartbeat { serial, life, session, count, term: 0, stale: false };
        (self.post)(heartbeat.encode().to_vec(), self.setup.heartbeats.clone());
    }

    /// Computes at the share of its speed that its host and its injections leave it.
    fn keep_pace(&mut self) {
        let speed = self.host_speed.min(self.injections.speed());
        if std::mem::replace(&mut self.speed, speed) == speed {
            return;
        }
        let now = Instant::now();
        self.errands.set_speed(now, speed);
        if let Some(task) = &mut self.task {
            task.change_pace(now, speed);
        }
    }

    /// Reports whether its node computes, if that has changed: it draws more then.
    fn report_load(&mut self) {
        let computes = self.task.as_ref().is_some_and(Task::computes) || self.errands.computes();
        if std::mem::replace(&mut self.computes, computes) != computes {
            self.ports.emitter.computes(self.setup.node, computes);
        }
    }

    fn send_gossip(&mut self) {
        for (bytes, to) in self.membership.take_said() {
            (self.post)(bytes, to);
        }
    }

    fn hear(&mut self, heard: Heard) {
        match heard {
            Heard::Note(Note::Send(message)) => self.say(message),
            Heard::Note(Note::Speed(share_ppm)) => self.host_speed = share_ppm,
            Heard::Note(Note::Leave) => unreachable!("it has left"),
            Heard::Link(Linked::Up(out)) => {
                self.out = Some(out);
                self.linked = Instant::now();
            }
            Heard::Link(Linked::Said(message)) => self.said(message),
            Heard::Link(Linked::Down(ended)) => {
                self.out = None;
                self.ended(ended);
            }
            Heard::Packet(Packet::Heartbeat(heartbeat)) => self.answer(heartbeat),
            Heard::Packet(Packet::Gossip(key, datagram)) => self.membership.hear(key, &datagram),
            Heard::Neighbour(Incoming::Sum { placement, step, seat, sum }) => {
                self.sum(placement, step, seat, sum);
            }
            Heard::Neighbour(Incoming::Broken(ended)) => self.ended(ended),
            Heard::Stored(order, data) => self.stored(order, data),
            Heard::Moved(number, carried) => {
                if let Some(report) = self.errands.moved(number, carried) {
                    self.say(report);
                }
            }
            Heard::Undone(injection, why) => {
                self.injections.end(injection);
                self.say(Message::Cannot { injection, why });
            }
        }
    }

    fn ended(&self, ended: Ended) {
        self.refuse(|refusals| refusals.ended(ended));
    }

    /// Counts what is refused, and reports it whenever it has doubled.
    fn refuse(&self, what: impl FnOnce(&mut Refusals)) {
        let total = || self.admission.refusals().counts().iter().sum::<u64>();
        let before = total();
        self.admission.refuse(what);
        if total() > before && total().is_power_of_two() {
            self.ports.emitter.refused(self.admission.refusals());
        }
    }

    fn answer(&mut self, heartbeat: Heartbeat) {
        let ours =
            Some(heartbeat.session) == self.session.get() && heartbeat.life == self.setup.life.0;
        if !ours || heartbeat.term < self.term {
            return;
        }
        if heartbeat.stale {
            if self.out.take().is_some() {
                self.again.notify_one();
            }
        } else {
            self.answered = Instant::now();
        }
    }

    fn said(&mut self, message: Message) {
        match message {
            Message::Welcome { term, session } if term >= self.term => {
                self.term = term;
                self.ports.emitter.notice(Notice::Serves { node: self.setup.node, term });
                if self.session.replace(Some(session)) != Some(session) {
                    self.injections.forget();
                }
                self.answered = Instant::now();
                self.next_heartbeat = self.answered;
            }
            // An older controller: another one has taken over.
            Message::Welcome { .. } => self.again.notify_one(),
            Message::Order(order) if order.term >= self.term => self.ordered(order),
            Message::Cancel { term, void } if term >= self.term => {
                if let Some(task) = self.task.as_mut().filter(|task| task.order.number <= void) {
                    task.abandon();
                }
            }
            Message::Errand { term, errand } if term >= self.term => {
                self.term = term;
                self.begin_errand(errand);
            }
            Message::GiveUp { term, number } if term >= self.term => {
                self.errands.give_up(Instant::now(), number);
            }
            Message::Keep { term, from, until, numbers } if term >= self.term => {
                self.errands.keep(Instant::now(), from..until, &numbers);
            }
            Message::Harm { injection } if self.injections.accept(&injection, Instant::now()) => {
                self.harm(injection);
            }
            Message::Flip { draw } => {
                let ranks = self.ranks.as_mut().map(|(_, ranks)| ranks);
                task::flip(self.task.as_mut(), ranks, draw);
                self.finish(Instant::now());
            }
            Message::Undo { injection } => {
                if let Some(injection) = self.injections.end(injection.number) {
                    self.undo(injection);
                }
            }
            Message::Forget { name } => self.ports.net.spawn(self.images.clone().forget(name)),
            Message::Group(group) => self.membership.update(group),
            Message::Unknown => self.refuse(|refusals| refusals.unknown += 1),
            _ => {}
        }
    }

    /// Begins an errand, unless it is under way; of one that is done the report is given again.
    fn begin_errand(&mut self, Errand { number, work }: Errand) {
        if let Some(report) = self.errands.report(number) {
            self.say(report);
        } else if let TaskWork::Compute { span, processors } = work {
            if !self.errands.has(number) {
                self.errands.compute(Instant::now(), number, (span, processors));
            }
        } else if !self.errands.has(number) {
            let (images, heard) = (self.images.clone(), self.heard.clone());
            let (controller, retry) = (self.setup.controller.clone(), self.setup.pace.retry);
            let cancelled = self.errands.moves(number);
            let moves = async move {
                loop {
                    if let Ok(carried) = errand::carry(&images, &controller, &work).await {
                        let _ = heard.send(Heard::Moved(number, carried)).await;
                        return;
                    }
                    sleep(retry).await;
                }
            };
            self.until(cancelled, moves);
        }
    }

    /// Starts a task that ends when its canceller is dropped.
    fn until(&self, cancelled: oneshot::Receiver<()>, work: impl Future<Output = ()> + 'static) {
        self.ports.net.spawn(async move {
            tokio::select! {
                biased;
                _ = cancelled => {}
                () = work => {}
            }
        });
    }

    /// Does harm; that it could not be done is reported to the controller.
    fn harm(&self, injection: InjectionOrder) {
        let (harm, heard) = (self.ports.harm.clone(), self.heard.clone());
        let patience = self.setup.pace.patience;
        self.ports.net.spawn(async move {
            if let Err(why) = injections::harm(&harm, &injection, patience).await {
                let _ = heard.send(Heard::Undone(injection.number, why)).await;
            }
        });
    }

    fn undo(&self, injection: InjectionOrder) {
        let (harm, patience) = (self.ports.harm.clone(), self.setup.pace.patience);
        self.ports.net.spawn(async move { injections::undo(&harm, &injection, patience).await });
    }

    fn ordered(&mut self, order: NodeOrder) {
        self.term = order.term;
        match &self.task {
            // A newer controller may not know how far it was led by the one before.
            Some(Task { order: old, .. })
                if old.number > order.number && old.term >= order.term =>
            {
                return;
            }
            Some(Task { order: old, answer, .. }) if old.number == order.number => {
                if let Some(answer) = answer.clone() {
                    self.say(answer);
                }
                return;
            }
            _ => {}
        }
        let (node, seat) = (self.setup.node, order.seat.number);
        let NodeOrder { number, placement, term, .. } = order;
        if self.ranks.as_ref().is_none_or(|(placement, _)| *placement != order.placement) {
            self.ranks = None;
            self.right.clear();
            self.early.retain(|&(placement, _), _| placement >= order.placement);
        }
        let now = Instant::now();
        if let Some((ready, cancel)) = self.begin(&order) {
            self.ports.emitter.notice(Notice::Obeys { node, term, order: number, placement, seat });
            let share = if order.work.is_computing() { self.speed } else { WHOLE_PPM };
            let time = Paced::new(span(order.work.span()), now, share);
            let ranks = self.ranks.as_ref().map(|(_, ranks)| ranks);
            self.task = Some(Task::new(order, time, ready, ranks, cancel));
            self.receive();
            self.finish(now);
        } else {
            self.say(Message::Unable { order: number });
        }
    }

    /// Begins an order. Says whether only its time is left, and gives what ends it. `None` if the
    /// memory is not the one that the order supposes.
    fn begin(&mut self, order: &NodeOrder) -> Option<(bool, Option<oneshot::Sender<()>>)> {
        let seat = order.seat.number;
        match order.work {
            Work::Compute { step, .. } => {
                self.compute(order, step)?;
                Some((false, None))
            }
            Work::Verify { step, .. } => {
                self.ranks.as_ref().filter(|(_, r)| r.holds(step))?;
                Some((true, None))
            }
            Work::Save { checkpoint, ref to, step, declared, packing, .. } => {
                let (_, ranks) = self.ranks.as_ref().filter(|(_, r)| r.holds(step))?;
                let name = image_name(order.job, checkpoint, seat);
                let image = ranks.image();
                let packing = [packing, Span::ZERO];
                let cancel = self.keep(order.number, to, packing, move |images, to| {
                    images.put(to, name.clone(), image.clone(), declared)
                });
                Some((false, Some(cancel)))
            }
            Work::Load { checkpoint: Some(_), .. }
                if self.setup.sabotage == Some(Sabotage::SkipLoad) =>
            {
                self.ranks = Some((order.placement, Ranks::new(&order.seat)));
                Some((true, None))
            }
            Work::Load { checkpoint: Some(checkpoint), ref from, declared, packing, .. } => {
                let (node, job, of) = (self.setup.node, order.job, order.seat.of);
                let held = *from == Where::Memory;
                self.ports.emitter.notice(Notice::Loads { node, checkpoint, seat, of, held });
                let packing = [Span::ZERO, packing];
                let cancel = self.keep(order.number, from, packing, move |images, from| {
                    images.get(from, (job, checkpoint, seat), declared)
                });
                Some((false, Some(cancel)))
            }
            Work::Load { checkpoint: None, .. } => {
                self.ranks = Some((order.placement, Ranks::new(&order.seat)));
                Some((true, None))
            }
        }
    }

    /// Starts a call to where images are kept, again and again until it succeeds, with so much time
    /// before and after it; what is given back ends it when it is dropped.
    fn keep<F>(
        &self,
        number: u64,
        place: &Where,
        packing: [Span; 2],
        call: impl Fn(Images, Where) -> F + 'static,
    ) -> oneshot::Sender<()>
    where
        F: Future<Output = io::Result<Option<Vec<u8>>>> + 'static,
    {
        let (images, place) = (self.images.clone(), place.clone());
        let (cancel, cancelled) = oneshot::channel::<()>();
        let (heard, retry) = (self.heard.clone(), self.setup.pace.retry);
        let [before, after] = packing.map(|packing| stretched(span(packing), self.speed));
        let work = async move {
            pause(before).await;
            loop {
                if let Ok(data) = call(images.clone(), place.clone()).await {
                    pause(after).await;
                    let _ = heard.send(Heard::Stored(number, data)).await;
                    return;
                }
                sleep(retry).await;
            }
        };
        self.until(cancelled, work);
        cancel
    }

    fn stored(&mut self, number: u64, data: Option<Vec<u8>>) {
        let task = self.task.as_mut();
        let asked = task.filter(|task| task.order.number == number && task.answer.is_none());
        let Some(task) = asked else { return };
        if let (Some(data), Work::Load { step, .. }) = (data, &task.order.work) {
            // A broken image is no image: the order stays undone, for all to see.
            let Some(ranks) = Ranks::from_image(&data, &task.order.seat, *step) else {
                self.refuse(|refusals| refusals.garbage += 1);
                return;
            };
            self.ranks = Some((task.order.placement, ranks));
        }
        if let Some(notice) = task.moved(self.setup.node) {
            self.ports.emitter.notice(notice);
        }
        task.ready = true;
        self.finish(Instant::now());
    }

    /// Computes a step and sends its sum to the right. Each replica sends it; the first that comes
    /// counts.
    fn compute(&mut self, order: &NodeOrder, step: u64) -> Option<()> {
        let (seat, placement) = (&order.seat, order.placement);
        if step == 1 && self.ranks.is_none() {
            self.ranks = Some((placement, Ranks::new(seat)));
        }
        let (_, ranks) = self.ranks.as_mut().filter(|(_, r)| r.step() + 1 == step)?;
        let sum = ranks.compute();
        let wanted = || std::iter::once(&seat.right).chain(&seat.more);
        self.right.retain(|(to, _)| wanted().any(|other| other == to));
        for to in wanted() {
            if self.right.iter().any(|(known, _)| known == to) {
                continue;
            }
            let pace = &self.setup.pace;
            let queue = neighbours::send(&self.ports.net, to.clone(), pace.patience, pace.retry);
            self.right.push((to.clone(), queue));
        }
        for (_, queue) in &self.right {
            queue.send_replace(Some(Message::Exchange { placement, step, seat: seat.number, sum }));
        }
        Some(())
    }

    fn sum(&mut self, placement: u64, step: u64, seat: u32, sum: u64) {
        let old = self.ranks.as_ref().is_some_and(|(p, r)| (*p, r.step()) >= (placement, step));
        let left = self.task.as_ref().map(|task| (task.order.placement, &task.order.seat));
        let stranger = left
            .is_some_and(|(p, own)| p == placement && seat != (own.number + own.of - 1) % own.of);
        if old || stranger {
            return;
        }
        self.early.insert((placement, step), sum);
        while self.early.len() > EARLY_MAX {
            self.early.pop_first();
        }
        self.receive();
        self.finish(Instant::now());
    }

    /// Takes the left neighbour's sum for the step under way, if it has come.
    fn receive(&mut self) {
        let (Some(task), Some((placement, ranks))) = (&mut self.task, &mut self.ranks) else {
            return;
        };
        if task.order.placement != *placement || !ranks.waits() {
            return;
        }
        if let Some(sum) = self.early.remove(&(*placement, ranks.step() + 1)) {
            ranks.receive(sum);
            task.ready = true;
        }
    }

    /// Answers the order, if it is done and its time is over.
    fn finish(&mut self, now: Instant) {
        let (Some(task), Some((_, ranks))) = (&mut self.task, &self.ranks) else { return };
        if task.ready && task.answer.is_none() && task.until() <= now {
            let answer = task.done(ranks);
            if let Some(notice) = task.computed(self.setup.node) {
                self.ports.emitter.notice(notice);
            }
            task.answer = Some(answer.clone());
            self.say(answer);
        }
    }

    fn say(&self, message: Message) {
        if let Some(out) = &self.out {
            // If the link is down, the controller asks again when the agent has joined again.
            let _ = out.send(message);
        }
    }
}

fn span(span: Span) -> Duration {
    Duration::from_nanos(span.0)
}
