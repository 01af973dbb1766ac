//! The same storms in the model: what was set up between network namespaces, played.

use rackstorm::event::{NodeState, What};
use rackstorm::storm::{Kind, Setup};
use rackstorm::units::Bytes;

use crate::harness::{Played, play_text};
use crate::measured::rows::Row;

/// What was set up for a row. The uplinks of the measurements have the server's rate.
fn setup(row: &Row, kind: Kind) -> Setup {
    let links = Setup::of_links(kind, &row.node_link, &row.server_link, &row.server_link);
    let links = links.unwrap_or_else(|| panic!("{}: its links are no rates", row.name()));
    let size = Bytes(row.file_bytes.unwrap_or(0));
    Setup { clients: row.n, size, ..links }
}

fn play(setup: &Setup) -> Played {
    play_text(&format!("schema = 1\n{}", setup.tables()), None)
}

/// Clients that ask for one file of the server at the same instant, with nothing before or after
/// it; the daemon sends so many packets a second. Gives the time of the last client (s).
pub(super) fn tftp(row: &Row, packets: u64) -> f64 {
    let block = Bytes(row.blksize.expect("TFTP has blocks"));
    let setup = Setup { block, packets: Some(packets), ..setup(row, Kind::Tftp) };
    play(&setup).metric("boot_time_max")
}

/// When clients of a DHCP storm got their answers (s), in the order of the nodes.
pub(super) struct Leases {
    /// The OFFER.
    pub(super) offer: Vec<f64>,
    /// The ACK.
    pub(super) ack: Vec<f64>,
}

impl Leases {
    /// Median time to the ACK.
    pub(super) fn median(&self) -> f64 {
        let mut ack = self.ack.clone();
        ack.sort_by(f64::total_cmp);
        f64::midpoint(ack[(ack.len() - 1) / 2], ack[ack.len() / 2])
    }

    /// Time to the last ACK.
    pub(super) fn last(&self) -> f64 {
        self.ack.iter().copied().fold(0.0, f64::max)
    }
}

/// Clients that ask for an address at the same instant, as udhcpc does: a DISCOVER at most each
/// 3 s, ten times, then a REQUEST. The kernel's lease stands for the REQUEST: between the two lies
/// a file of one byte.
pub(super) fn dhcp(row: &Row, ping: bool) -> Leases {
    let run = play(&Setup { ping, ..setup(row, Kind::Dhcp) });
    let entered = |run: &Played, wanted: NodeState| {
        let mut at = vec![f64::NAN; row.n as usize];
        for event in &run.events {
            if let What::NodeState { node, state, .. } = event.what
                && state == wanted
            {
                at[node.0 as usize] = event.at.as_secs_f64();
            }
        }
        assert!(at.iter().all(|at| at.is_finite()), "all nodes come to {wanted:?}");
        at
    };
    Leases { offer: entered(&run, NodeState::Tftp), ack: entered(&run, NodeState::Up) }
}

/// All clients write a file to the server: a checkpoint. Gives the time of the last one (s).
pub(super) fn write(row: &Row) -> f64 {
    play(&setup(row, Kind::Write)).metric("checkpoint_time_max")
}

/// All clients read a file from the server: a root file system. Gives the time of the last one (s).
pub(super) fn read(row: &Row) -> f64 {
    play(&setup(row, Kind::Read)).metric("boot_time_max")
}
