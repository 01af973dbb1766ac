//! Who sends images to whom: copies for partners and buddies, and parity of groups.
//!
//! ```text
//!            write                               read by newcomers
//!  partner   each to the next seat               whoever has the copy to the newcomer
//!  buddies   each to the others of its group     one that has them to the first newcomer, that one
//!                                                to the next
//!  group     each to the next of its group       through all that have their image, in their
//!                                                order, and to the newcomer
//! ```

use crate::ids::NodeId;
use crate::protocol::holders;
use crate::protocol::seating::{Seating, Source};
use crate::scenario::job::KeptAt;

impl Seating {
    /// What nodes send to each other when all seats write a checkpoint that is kept there: from
    /// whom and to whom. O(seats).
    #[must_use]
    pub fn copies(&self, place: KeptAt) -> Vec<(NodeId, NodeId)> {
        let Some(nodes) = self.filled() else { return Vec::new() };
        let n = nodes.len();
        let pairs: Vec<(usize, usize)> = match place {
            KeptAt::Partner => (0..n).map(|seat| (seat, (seat + 1) % n)).collect(),
            KeptAt::Buddies { .. } => (0..n)
                .flat_map(|seat| holders::others(seat, n, place).map(move |other| (seat, other)))
                .collect(),
            KeptAt::Group { .. } => holders::groups(n, place)
                .flat_map(|group| {
                    let next =
                        move |seat| if seat + 1 < group.end { seat + 1 } else { group.start };
                    group.clone().map(move |seat| (seat, next(seat)))
                })
                .collect(),
            KeptAt::FileServer | KeptAt::Memory | KeptAt::Card => Vec::new(),
        };
        let others = pairs.into_iter().filter(|(from, to)| from != to);
        others.map(|(from, to)| (nodes[from], nodes[to])).collect()
    }

    /// The same when newcomers read the newest checkpoint, which is kept there. O(seats log nodes).
    #[must_use]
    pub fn copies_for_newcomers(&self, place: KeptAt) -> Vec<(NodeId, NodeId)> {
        let Some((nodes, holders)) = self.filled().zip(self.holders()) else { return Vec::new() };
        let is_new = |seat: &usize| !holders.of(*seat).contains(&nodes[*seat]);
        let new = (0..nodes.len()).filter(is_new);
        if place == KeptAt::Partner {
            let has = |seat| match self.source(seat) {
                Source::Seat(other) => Some((nodes[other], nodes[seat])),
                Source::Own | Source::Group => None,
            };
            return new.filter_map(has).collect();
        }
        let mut copies = Vec::new();
        for group in holders::groups(nodes.len(), place) {
            let (new, own): (Vec<_>, Vec<_>) = group.partition(is_new);
            let seats: Vec<Vec<usize>> = match place {
                _ if new.is_empty() => Vec::new(),
                KeptAt::Buddies { .. } => vec![own.into_iter().take(1).chain(new).collect()],
                _ => new.iter().map(|&seat| [own.as_slice(), &[seat]].concat()).collect(),
            };
            let chains = seats.iter().flat_map(|chain| chain.windows(2));
            copies.extend(chains.map(|pair| (nodes[pair[0]], nodes[pair[1]])));
        }
        copies
    }

    /// Who sits on each seat, if nobody lacks.
    fn filled(&self) -> Option<Vec<NodeId>> {
        self.seats().iter().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::free::Free;
    use crate::scenario::job::{Checkpoint, Cost};

    /// Nodes 0 to n - 1 on as many seats, with a committed checkpoint.
    fn seated(n: u32, place: KeptAt) -> Seating {
        let text = "schema = 1\ninherit = \"edge_rack_24\"\n[workload.bulk-synchronous]\n\
                    step = \"1 min\"\nwork = \"1 h\"\n[checkpoint.coordinated]\n\
                    size = \"1 MB\"\ninterval = \"5 min\"\nto = \"card\"\n[stop]\nat = \"1 d\"\n";
        let scenario = crate::scenario::read("copies", text).expect("it is one");
        let Some(Checkpoint::Coordinated(mut spec)) =
            scenario.checkpoint_of(crate::ids::JobId(0)).cloned()
        else {
            panic!("the job writes checkpoints")
        };
        spec.cost = Cost::Store(place);
        let mut seating = Seating::new(n as usize, Some(&Checkpoint::Coordinated(spec)));
        (0..n).for_each(|node| seating.take(node as usize, NodeId(node)));
        seating.commit(1, 0);
        seating
    }

    fn numbers(copies: Vec<(NodeId, NodeId)>) -> Vec<(u32, u32)> {
        copies.into_iter().map(|(from, to)| (from.0, to.0)).collect()
    }

    #[test]
    fn each_place_has_its_senders() {
        let written = |n, place| numbers(seated(n, place).copies(place));
        assert_eq!(written(3, KeptAt::Partner), [(0, 1), (1, 2), (2, 0)]);
        let triple = KeptAt::Buddies { copies: 3 };
        assert_eq!(written(3, triple), [(0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1)]);
        let group = KeptAt::Group { size: 2, parity: 1 };
        assert_eq!(written(5, group), [(0, 1), (1, 2), (2, 0), (3, 4), (4, 3)]);
        assert_eq!(written(5, KeptAt::Card), []);
    }

    #[test]
    fn newcomers_get_what_they_lack() {
        let read = |n, place, lost: &[u32]| {
            let mut seating = seated(n, place);
            for &node in lost {
                seating.wipe(NodeId(node));
                seating.leave(NodeId(node));
            }
            let new = 90..90 + lost.len() as u32;
            let free: Free = new.map(|node| (true, NodeId(node))).collect();
            seating.place(&free).expect("it can be read");
            numbers(seating.copies_for_newcomers(place))
        };
        assert_eq!(read(4, KeptAt::Partner, &[1]), [(2, 90)]);
        assert_eq!(read(4, KeptAt::Partner, &[]), []);
        assert_eq!(read(4, KeptAt::Buddies { copies: 2 }, &[1]), [(0, 90)]);
        assert_eq!(read(3, KeptAt::Buddies { copies: 3 }, &[0, 1]), [(2, 90), (90, 91)]);
        let group = KeptAt::Group { size: 4, parity: 2 };
        let chains = [(0, 3), (3, 90), (0, 3), (3, 91)];
        assert_eq!(read(8, group, &[1, 2]), chains);
    }
}
