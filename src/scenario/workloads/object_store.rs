//! An object store: objects cut into fragments with parity, or copied, on distinct nodes.

use super::{Placed, WorkloadTable};
use crate::config::declare::{choice, table};
use crate::config::mistakes::{Mistake, Mistakes};
use crate::config::section::Section;
use crate::scenario::keys::{SIZE_SOME, SPAN, SPAN_SOME};
use crate::units::{Bytes, Span, Time};

const FRAGMENTS_MAX: u64 = 255;
const OBJECTS_MAX: u64 = 1_000_000;
const PARALLEL_MAX: u64 = 10_000;
const RATE_MAX: f64 = 1e6;

choice! {
    /// Who reads what a repair needs, and makes the fragment that is missing.
    pub enum Repairer(Clone, Copy, Debug, PartialEq, Eq) {
        /// The node that is to have it.
        Node = "node",
        /// The server, which sends it to the node.
        Server = "server",
    }
}

table! {
    /// An object store: objects are cut into fragments with parity, or copied, on distinct nodes;
    /// clients put and get them, and what dead nodes had is repaired. Only the model plays it.
    pub struct ObjectStore(Clone, Debug, PartialEq) {
        /// Who stores fragments.
        nodes: String = Kind::Parts;
        /// Nodes that put and get objects, each equally often. Default: the first server.
        clients: Option<String> = Kind::Parts;
        /// Fragments of data of an object; 1: it is copied whole.
        data: u32 = Kind::Count(1, FRAGMENTS_MAX);
        /// Fragments of parity, or copies besides the first: so many may be lost.
        parity: u32 = Kind::Count(0, FRAGMENTS_MAX);
        /// Objects that there are from the start.
        objects: u32 = Kind::Count(0, OBJECTS_MAX);
        /// What an object holds.
        object_size: Bytes = SIZE_SOME;
        /// If a node that comes back has its fragments; otherwise it has lost them.
        keeps: bool => "true";
        /// A node that was away for so long is given up, and its fragments are repaired.
        give_up: Span = SPAN => "\"10 min\"";
        /// Fragments that are repaired at once.
        repairs: u32 = Kind::Count(1, PARALLEL_MAX) => "3";
        /// Who makes a fragment anew: the `node` that is to have it, or the `server`.
        repairer: Repairer => "\"node\"";
        /// Objects that clients put in a second, at instants of chance.
        puts: f64 = Kind::Number(0.0, RATE_MAX) => "0.0";
        /// Objects that they get in a second.
        gets: f64 = Kind::Number(0.0, RATE_MAX) => "0.0";
        /// When clients begin.
        at: Time = SPAN => "\"0 s\"";
        /// For how long they go on. Default: until the end of the run.
        lasts: Option<Span> = SPAN_SOME;
        /// A put or get that takes longer has failed.
        timeout: Span = SPAN_SOME => "\"1 min\"";
    }
}

impl WorkloadTable for ObjectStore {
    const NAME: &'static str = "object_store";
    const NODES: &'static [&'static str] = &["nodes", "clients"];
    const COMPUTES: bool = false;

    fn check(placed: &Placed<Self>, section: &Section<'_>, m: &mut Mistakes) {
        let (this, nodes) = (&placed.table, &placed.nodes);
        let (wanted, there) = (u64::from(this.data) + u64::from(this.parity), nodes[0].len());
        if wanted > there as u64 {
            let title = format!("{wanted} fragments of an object on {there} nodes");
            let mistake = Mistake::new(section.place("data"), title);
            let mistake = mistake.other(section.place("nodes"), "the nodes");
            m.note(mistake.help("each fragment has a node of its own"));
        }
        let has_requests = this.puts > 0.0 || this.gets > 0.0;
        for key in ["clients", "lasts", "timeout"] {
            if !has_requests && section.has(key) {
                let title = format!("`{key}` without a request");
                m.note(
                    Mistake::new(section.place(key), title).help("give `puts` or `gets` a rate"),
                );
            }
        }
        if !has_requests && this.objects == 0 {
            let title = "an object store without an object";
            m.note(Mistake::new(section.place("objects"), title).help("or let clients put some"));
        }
    }
}
