//! A MapReduce job on HDFS: what is stored where, who computes, and when a silent node is given up.

use super::{Placed, WorkloadTable};
use crate::config::declare::table;
use crate::config::mistakes::{Mistake, Mistakes};
use crate::config::section::Section;
use crate::scenario::keys::{BYTE_RATE, SIZE_SOME, SPAN, SPAN_SOME};
use crate::units::{ByteRate, Bytes, Span, Time};

/// Blocks of the input at most: the names of tasks have 32 bits, and each block takes some hundred
/// bytes of memory.
const BLOCKS_MAX: u64 = 10_000_000;
const REDUCERS_MAX: u64 = 100_000;
const SLOTS_MAX: u64 = 1_000;
/// More than anybody waits for a node.
const WAIT_MAX: Span = Span::from_secs(365 * 86_400);

table! {
    /// A MapReduce job on HDFS: a master (NameNode and ResourceManager), perhaps a secondary
    /// NameNode, and data nodes that keep the blocks and run the tasks. Defaults are those of
    /// hdfs-default.xml, mapred-default.xml and yarn-default.xml of Hadoop 3 where these have them.
    /// Only the model plays it.
    pub struct MapReduce(Clone, Debug, PartialEq) {
        /// The node of NameNode and ResourceManager. Default: none of the machine, and never down.
        master: Option<String> = Kind::Parts;
        /// The node of the secondary NameNode, which keeps snapshots of the master's names.
        /// Default: none.
        secondary: Option<String> = Kind::Parts;
        /// The data nodes, which also run the tasks.
        nodes: String = Kind::Parts;
        /// The input, which lies in HDFS before the begin.
        input: Bytes = SIZE_SOME;
        /// Size of a block (`dfs.blocksize`).
        block: Bytes = SIZE_SOME => "\"128 MiB\"";
        /// Replicas of each block of the input (`dfs.replication`).
        replication: u32 = Kind::Count(1, 512) => "3";
        /// What a map task computes for a whole block at full speed, reading it from its own disk
        /// included.
        map_time: Span = SPAN_SOME;
        /// Coefficient of variation of that: it is lognormal with `map_time` as its mean.
        map_variation: f64 = Kind::Number(0.0, 10.0) => "0.0";
        /// Bytes that maps put out for each byte of the input.
        map_output: f64 = Kind::Number(0.0, 1_000.0) => "1.0";
        /// Reduce tasks.
        reducers: u32 = Kind::Count(1, REDUCERS_MAX) => "1";
        /// What a reduce task takes in at full speed, once it has all of it.
        reduce_rate: ByteRate = BYTE_RATE;
        /// Bytes of the result for each byte that reduce tasks take in.
        reduce_output: f64 = Kind::Number(0.0, 1_000.0) => "1.0";
        /// Replicas of each block of the result. Default: as of the input.
        output_replication: Option<u32> = Kind::Count(1, 512);
        /// Tasks that a node runs at once.
        slots: u32 = Kind::Count(1, SLOTS_MAX) => "2";
        /// Reduce tasks wait until this share of maps is done
        /// (`mapreduce.job.reduce.slowstart.completedmaps`), and no map waits for a slot.
        slowstart: f64 = Kind::Share(0.0, 1.0) => "0.05";
        /// Nodes from which a reduce task fetches at once
        /// (`mapreduce.reduce.shuffle.parallelcopies`).
        fetches: u32 = Kind::Count(1, 1_000) => "5";
        /// Whether a map that takes long is run a second time elsewhere
        /// (`mapreduce.map.speculative`).
        speculative: bool => "true";
        /// A map takes long after so many times the mean of those that are done.
        speculative_after: f64 = Kind::Number(1.0, 1_000.0) => "1.5";
        /// How often data nodes report to the NameNode (`dfs.heartbeat.interval`).
        heartbeat: Span = Kind::Span(Span(1), WAIT_MAX) => "\"3 s\"";
        /// How often the NameNode looks for dead ones
        /// (`dfs.namenode.heartbeat.recheck-interval`): one is dead after a silence of twice this
        /// and ten heartbeats, 10 min 30 s by default.
        recheck: Span = Kind::Span(Span::ZERO, WAIT_MAX) => "\"5 min\"";
        /// After such a silence the ResourceManager gives up a node
        /// (`yarn.nm.liveness-monitor.expiry-interval-ms`): its tasks run elsewhere.
        node_timeout: Span = Kind::Span(Span(1), WAIT_MAX) => "\"10 min\"";
        /// Blocks that a data node copies to others at once
        /// (`dfs.namenode.replication.max-streams`).
        streams: u32 = Kind::Count(1, 1_000) => "2";
        /// How often the secondary takes a snapshot (`dfs.namenode.checkpoint.period`).
        snapshot_interval: Span = SPAN_SOME => "\"1 h\"";
        /// Whether the master comes back with its disk. Without it, all names that are younger than
        /// the last snapshot are lost; without a secondary all are.
        master_keeps_disk: bool => "true";
        /// Whether data nodes come back with their disks.
        nodes_keep_disks: bool => "true";
        /// From the start of the master's node until the NameNode serves: its image is loaded, and
        /// it is out of safe mode (`dfs.namenode.safemode.extension`).
        restart: Span = Kind::Span(Span::ZERO, WAIT_MAX) => "\"30 s\"";
        /// What each edit since the last snapshot adds to that, as it is replayed.
        edit_time: Span = Kind::Span(Span::ZERO, WAIT_MAX) => "\"0 s\"";
        /// When the job is submitted.
        at: Time = SPAN => "\"0 s\"";
        /// For so long after that it waits for nodes that are not up; without the master it cannot
        /// begin.
        patience: Span = Kind::Span(Span::ZERO, WAIT_MAX) => "\"5 min\"";
    }
}

impl MapReduce {
    /// Blocks of the input.
    #[must_use]
    pub fn blocks(&self) -> u64 {
        self.input.0.div_ceil(self.block.0)
    }

    /// After such a silence a data node is dead. Source: hdfs-default.xml, and `DatanodeManager` of
    /// Hadoop: 2 x recheck + 10 x heartbeat.
    #[must_use]
    pub fn dead_after(&self) -> Span {
        Span(2 * self.recheck.0 + 10 * self.heartbeat.0)
    }
}

impl WorkloadTable for MapReduce {
    const NAME: &'static str = "map_reduce";
    const NODES: &'static [&'static str] = &["master", "secondary", "nodes"];
    const COMPUTES: bool = true;

    fn check(placed: &Placed<Self>, section: &Section<'_>, m: &mut Mistakes) {
        let (this, nodes) = (&placed.table, &placed.nodes);
        for (key, own) in ["master", "secondary"].into_iter().zip(nodes) {
            if own.len() > 1 {
                let title = format!("{} nodes as `{key}`", own.len());
                m.note(Mistake::new(section.place(key), title).help("it is one node"));
            }
        }
        if !nodes[0].is_empty() && nodes[0] == nodes[1] {
            let title = "the secondary NameNode on the master's node";
            let mistake = Mistake::new(section.place("secondary"), title);
            let mistake = mistake.other(section.place("master"), "the master");
            m.note(mistake.help("it would be down with it: name another node, or none"));
        }
        if this.blocks() > BLOCKS_MAX {
            let title = format!("an input of {} blocks", this.blocks());
            let mistake = Mistake::new(section.place("input"), title);
            m.note(mistake.help(format!("at most {BLOCKS_MAX}: larger blocks, or less input")));
        }
        let most = nodes[2].len() as u64;
        for key in ["replication", "output_replication"] {
            let own =
                if key == "replication" { Some(this.replication) } else { this.output_replication };
            if let Some(own) = own.filter(|own| u64::from(*own) > most && section.has(key)) {
                let title = format!("{own} replicas on {most} data nodes");
                let mistake = Mistake::new(section.place(key), title);
                let mistake = mistake.other(section.place("nodes"), "the data nodes");
                m.note(mistake.help("each replica lies on a node of its own"));
            }
        }
    }
}
