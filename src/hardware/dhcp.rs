//! A DHCP daemon that serves one request after the other, with dnsmasq's ping before an OFFER.
//!
//! With the ping, the daemon waits `wait` for an answer before each offer and serves nobody
//! meanwhile; after `burst` pings within `window` it offers without. That is dnsmasq's rule
//! (`PING_WAIT` 3 s, `PING_CACHE_TIME` 30 s, at most 0.6 x 30/3 = 6 pings, config.h and
//! dhcp.c of dnsmasq 2.90), and it makes a storm wait 6 x 3 = 18 s, as measured.
//!
//! Not modelled: loss in the daemon's socket buffer, leases running out.

use std::collections::VecDeque;

use crate::scenario::cluster::{DhcpPing, Server};
use crate::units::{Span, Time};

/// The state of one daemon.
#[derive(Clone, Debug, Default)]
pub struct DhcpDaemon {
    free_at: Time,
    pings: VecDeque<Time>,
}

impl DhcpDaemon {
    /// Takes a request at `now` and says when its answer leaves. `fresh`: the daemon has not
    /// checked this client's address yet. O(1) amortised.
    pub fn request(&mut self, now: Time, fresh: bool, server: &Server) -> Time {
        let start = self.free_at.max(now);
        let mut cost = server.dhcp_service;
        if let Some(ping) = &server.dhcp_ping
            && fresh
            && self.may_ping(start, ping)
        {
            self.pings.push_back(start);
            cost += ping.wait;
        }
        self.free_at = start + cost;
        self.free_at
    }

    /// Forgets all that is queued, and its pings: the server went down.
    pub fn reset(&mut self, now: Time) {
        self.free_at = now;
        self.pings.clear();
    }

    fn may_ping(&mut self, start: Time, ping: &DhcpPing) -> bool {
        let window: Span = ping.window;
        while self.pings.front().is_some_and(|&at| at + window <= start) {
            self.pings.pop_front();
        }
        self.pings.len() < ping.burst as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::cluster::ServerPer;
    use crate::scenario::jobs::ServerOrder;
    use crate::units::{BitRate, Power};

    fn server(ping: bool) -> Server {
        let (wait, window) = (Span::from_secs(3), Span::from_secs(30));
        Server {
            node: None,
            computes: None,
            switch: None,
            supply: None,
            per: ServerPer::Cluster,
            link: BitRate(1),
            disk: 1,
            disk_request: Span::ZERO,
            tftp_packets: 1,
            dhcp_service: Span::from_millis(5),
            dhcp_ping: ping.then_some(DhcpPing { wait, burst: 6, window }),
            power: Power(0),
            order: ServerOrder::Uncontrolled,
        }
    }

    #[test]
    fn a_storm_of_sixteen_waits_eighteen_seconds_for_six_pings() {
        let (mut daemon, server) = (DhcpDaemon::default(), server(true));
        let answers: Vec<_> = (0..16).map(|_| daemon.request(Time::ZERO, true, &server)).collect();
        assert_eq!(answers[0], Time::ZERO + Span::from_millis(3_005));
        assert_eq!(answers[5], Time::ZERO + Span::from_millis(18_030));
        assert_eq!(answers[15], Time::ZERO + Span::from_millis(18_080));
    }

    #[test]
    fn pings_begin_again_when_the_window_has_passed() {
        let (mut daemon, server) = (DhcpDaemon::default(), server(true));
        for _ in 0..6 {
            daemon.request(Time::ZERO, true, &server);
        }
        let later = Time::ZERO + Span::from_secs(31);
        assert_eq!(daemon.request(later, true, &server), later + Span::from_millis(3_005));
    }

    #[test]
    fn without_the_ping_a_request_costs_its_service_and_no_more() {
        let (mut daemon, server) = (DhcpDaemon::default(), server(false));
        assert_eq!(daemon.request(Time(7), true, &server), Time(7) + Span::from_millis(5));
    }
}
