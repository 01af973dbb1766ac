//! Nodes on their way through the boot chain.

use std::ops::Deref;

use crate::event::{Cause, NodeState, Purpose, What};
use crate::hardware::boot::{self, Step};
use crate::hardware::flow::Finished;
use crate::ids::NodeId;
use crate::plan::Plan;
use crate::plan::chance::BootDraw;
use crate::scenario::boot::OfferCure;
use crate::units::{Bytes, Span, Time};

use super::node::{Draw, Request};
use super::{Rack, Timer};

/// The cure of a site that sends a frame 0.6 s and 1.2 s after the OFFER: the second comes after
/// the first second has passed and completes the try (openSUSE/netboot-rpi3b, README).
const NUDGE: Span = Span::from_millis(1_200);
/// LANL's cure, a frame each second: the first that comes more than a second after the OFFER
/// completes the try (hpc/kraken d33cdfc). The phase is not known; the middle is assumed.
const SSDP: Span = Span::from_millis(1_500);

impl<P: Deref<Target = Plan> + Clone, T: Copy + From<Timer>> Rack<P, T> {
    /// Begins the step that the node stands at, or finds that it is up.
    pub(super) fn begin_step(&mut self, id: u32, cause: Cause) {
        let node = &self.nodes[id as usize];
        let (life, index) = (node.life, node.step);
        let Some(&step) = self.chains[usize::from(node.chain)].get(usize::from(index)) else {
            self.comes_up(id);
            return;
        };
        self.set_state(id, step.state(), cause);
        match step {
            Step::Stay(_, span) => self.after(span, Timer::Step { node: id, life }),
            Step::Vary(state, span) => {
                let what = if state == NodeState::Init { BootDraw::Init } else { BootDraw::Kernel };
                let unit = self.chance.boot_unit(id, life, what, 0);
                let spread = self.hardware(id).boot.spread;
                self.after(boot::vary(span, spread, unit), Timer::Step { node: id, life });
            }
            Step::Discover => self.discover(id),
            Step::Fetch(bytes) => self.fetch(id, bytes),
            Step::Lease => self.ask_for_lease(id),
            Step::ReadRoot(_) => self.ask_for_root(id),
        }
    }

    /// The step is done: on to the next.
    pub(super) fn next_step(&mut self, id: u32) {
        let node = &mut self.nodes[id as usize];
        (node.step, node.due) = (node.step + 1, Time::NEVER);
        self.begin_step(id, Cause::Course);
    }

    fn step_of(&self, id: u32) -> Option<Step> {
        let node = &self.nodes[id as usize];
        let booting = node.powered && is_boot(node.state);
        let chain = &self.chains[usize::from(node.chain)];
        booting.then(|| chain.get(usize::from(node.step)).copied()).flatten()
    }

    pub(super) fn server_of(&self, id: u32) -> usize {
        self.switches[self.nodes[id as usize].switch as usize].server as usize
    }

    fn reaches_server(&self, id: u32) -> bool {
        self.is_linked(NodeId(id))
            && self.served_ppm(id) > 0
            && self.serves(self.server_of(id) as u32)
    }

    /// Sends a DISCOVER; the next try is set, whatever comes of this one.
    fn discover(&mut self, id: u32) {
        let life = self.nodes[id as usize].life;
        self.nodes[id as usize].tries += 1;
        let interval = self.hardware(id).boot.dhcp_interval;
        self.after(interval, Timer::Retry { node: id, life });
        // A request that waits in the daemon's queue answers this try as well: the ROM uses one
        // transaction number for all.
        let request = self.nodes[id as usize].request;
        if self.reaches_server(id) && request != Request::Queued {
            self.queue_request(id, request == Request::None, Timer::Offer { node: id, life });
        }
    }

    /// Puts a request into the daemon's queue; the timer is that of its answer.
    fn queue_request(&mut self, id: u32, fresh: bool, answer: Timer) {
        let (server, spec) = (self.server_of(id), &self.plan.scenario.server);
        let at = self.servers[server].dhcp.request(self.now, fresh, spec);
        self.nodes[id as usize].request = Request::Queued;
        self.await_until(id, at, answer);
    }

    /// The daemon dies with all that it has queued and checked.
    pub(super) fn daemon_lost(&mut self, id: u32) {
        let (step, queued) = (self.step_of(id), self.nodes[id as usize].request);
        self.nodes[id as usize].request = Request::None;
        match step {
            Some(Step::Discover) => self.nodes[id as usize].due = Time::NEVER,
            Some(Step::Lease) if queued == Request::Queued => self.ask_later(id),
            _ => {}
        }
    }

    pub(super) fn discover_again(&mut self, id: u32) {
        if self.step_of(id) != Some(Step::Discover) {
            return;
        }
        if self.nodes[id as usize].tries < self.hardware(id).boot.dhcp_tries {
            self.discover(id);
        } else {
            self.gives_up(id, Cause::NoOffer);
        }
    }

    /// An OFFER arrives; whether and when the ROM notices it is another matter.
    pub(super) fn offer_arrives(&mut self, id: u32) {
        let node = &mut self.nodes[id as usize];
        (node.request, node.due) = (Request::Answered, Time::NEVER);
        let life = node.life;
        if self.step_of(id) == Some(Step::Discover)
            && self.reaches_server(id)
            && let Some(delay) = self.offer_delay(id)
        {
            self.after(delay, Timer::Accept { node: id, life });
        }
    }

    /// The ROM notices an OFFER.
    pub(super) fn offer_accepted(&mut self, id: u32) {
        if self.step_of(id) == Some(Step::Discover) {
            self.next_step(id);
        }
    }

    /// Time from an OFFER to the ROM noticing it; `None`: it does not.
    fn offer_delay(&self, id: u32) -> Option<Span> {
        let (boot, times) = (&self.plan.scenario.boot, &self.hardware(id).boot);
        if !times.offer_bug {
            return Some(Span::ZERO);
        }
        match boot.offer_cure {
            OfferCure::Nudge => Some(NUDGE),
            OfferCure::Ssdp => Some(SSDP),
            OfferCure::None => {
                let node = &self.nodes[id as usize];
                let unit = self.chance.boot_unit(id, node.life, BootDraw::Stray, node.tries);
                // The same draw says whether a frame comes and, if so, when: below the share it
                // is uniform again.
                (unit < boot.stray_frame).then(|| {
                    let part = unit / boot.stray_frame;
                    Span::from_secs_f64(times.offer_window.as_secs_f64() * part)
                })
            }
        }
    }

    fn fetch(&mut self, id: u32, bytes: Bytes) {
        let node = &self.nodes[id as usize];
        let cap = self.network.tftp_cap(node.group, self.served_ppm(id));
        let route = self.network.tftp_route(id, node.switch);
        let flow = self.network.fabric.start(self.now, route, cap, bytes, 1, u64::from(id));
        self.nodes[id as usize].flow = Some(flow);
        self.listen(id);
    }

    /// A boot ROM that fetches a file has patience with a silent server, which begins with the
    /// silence and is new after each.
    pub(super) fn listen(&mut self, id: u32) {
        if !matches!(self.step_of(id), Some(Step::Fetch(_))) {
            return;
        }
        if self.reaches_server(id) {
            self.nodes[id as usize].due = Time::NEVER;
        } else if self.nodes[id as usize].due == Time::NEVER {
            let life = self.nodes[id as usize].life;
            let end = self.now + self.hardware(id).boot.tftp_timeout;
            self.await_until(id, end, Timer::Silence { node: id, life });
        }
    }

    /// The patience with a silent server is over.
    pub(super) fn silence(&mut self, id: u32) {
        self.gives_up(id, Cause::ServerSilent);
    }

    /// A boot gives up: the node waits in low power, like one that was halted.
    fn gives_up(&mut self, id: u32, cause: Cause) {
        self.leave(id, NodeState::GaveUp, cause);
        self.set_draw(id, Draw::Off);
    }

    fn ask_for_lease(&mut self, id: u32) {
        let life = self.nodes[id as usize].life;
        if self.reaches_server(id) {
            self.queue_request(id, false, Timer::Lease { node: id, life });
        } else {
            self.ask_later(id);
        }
    }

    /// No answer will come: the kernel asks again after a while.
    fn ask_later(&mut self, id: u32) {
        let life = self.nodes[id as usize].life;
        self.nodes[id as usize].request = Request::None;
        let again = self.now + self.hardware(id).boot.dhcp_interval;
        self.await_until(id, again, Timer::Lease { node: id, life });
    }

    pub(super) fn lease_comes(&mut self, id: u32) {
        let request = std::mem::replace(&mut self.nodes[id as usize].request, Request::Answered);
        if request == Request::Queued && self.reaches_server(id) {
            self.next_step(id);
        } else {
            self.ask_for_lease(id);
        }
    }

    fn ask_for_root(&mut self, id: u32) {
        let life = self.nodes[id as usize].life;
        let ready = self.admit(self.server_of(id), 1);
        self.schedule(ready, Timer::Root { node: id, life });
    }

    pub(super) fn read_root(&mut self, id: u32) {
        let Some(Step::ReadRoot(bytes)) = self.step_of(id) else { return };
        if bytes == Bytes(0) {
            self.next_step(id);
            return;
        }
        let node = &self.nodes[id as usize];
        let cap = self.network.node_cap(node.group, self.served_ppm(id));
        let route = self.network.read_route(id, node.switch);
        let flow = self.network.fabric.start(self.now, route, cap, bytes, 1, u64::from(id));
        self.nodes[id as usize].flow = Some(flow);
    }

    fn boot_purpose(&self, id: u32) -> Purpose {
        match self.nodes[id as usize].state {
            NodeState::Tftp => Purpose::Tftp,
            _ => Purpose::Root,
        }
    }

    /// A boot transfer is complete.
    pub(super) fn boot_transfer_done(&mut self, id: u32, finished: &Finished) {
        self.nodes[id as usize].flow = None;
        let (purpose, received) = (self.boot_purpose(id), finished.bytes);
        self.emit(What::Transfer { purpose, nodes: 1, received, lost: Bytes(0) });
        self.next_step(id);
    }

    /// A boot transfer is cut short: what it moved is lost, the next boot begins anew.
    pub(super) fn abort_boot_transfer(&mut self, id: u32) {
        if let Some(flow) = self.nodes[id as usize].flow.take() {
            let lost = self.network.fabric.cancel(self.now, flow);
            let (purpose, received) = (self.boot_purpose(id), Bytes(0));
            self.emit(What::Transfer { purpose, nodes: 1, received, lost });
        }
    }
}

/// Whether a node in this state is on its way up.
pub(super) fn is_boot(state: NodeState) -> bool {
    use NodeState::{Dhcp, Init, Kernel, Rom, Root, Tftp};
    matches!(state, Rom | Dhcp | Tftp | Kernel | Root | Init)
}
