//! MapReduce on HDFS: closed forms of its phases and of re-replication, and what failures cost.

use rackstorm::event::{TaskAct, TaskKind, What};
use rackstorm::ids::NodeId;
use rackstorm::units::{Span, Time};

use crate::harness::{Played, play_text};
use crate::transfers::machine;

/// A cluster of nodes of 100 Mbit/s that are up at once (100 MB take 8 s), with a job of blocks of
/// 100 MB. What `own` says comes on top.
fn text(nodes: u32, per_switch: u32, own: &str, more: &str) -> String {
    let job = format!(
        "[map_reduce]\nnodes = \"module[1]\"\nblock = \"100 MB\"\nmap_time = \"10 s\"\n\
         reduce_rate = \"10 MB/s\"\n{own}\n{more}"
    );
    machine(nodes, per_switch, "100 Mbit/s", &job)
}

fn play(nodes: u32, per_switch: u32, own: &str, more: &str) -> Played {
    play_text(&text(nodes, per_switch, own, more), None)
}

fn crash(node: u32, at: u32, repair: &str) -> String {
    format!("[[fault.crash]]\non = \"pi{node}\"\nat = \"{at} s\"\nrepair = \"{repair}\"\n")
}

#[track_caller]
fn is(run: &Played, name: &str, wanted: f64) {
    let found = run.metric(name);
    assert!((found - wanted).abs() < 1e-6, "{name} is {found}, not {wanted}");
}

/// 24 blocks that lie on all 4 nodes with 2 slots each: 3 waves of 10 s.
#[test]
fn maps_take_as_many_waves_as_slots_need() {
    let run = play(4, 4, "input = \"2.4 GB\"\nreplication = 4", "");
    is(&run, "map_reduce_map_time", 30.0);
    is(&run, "map_reduce_local_share", 1.0);
    let short = play(4, 4, "input = \"2.45 GB\"\nreplication = 4\nspeculative = false", "");
    is(&short, "map_reduce_map_time", 35.0);
}

/// A block that lies on one other node: 100 MB at 100 Mbit/s before 10 s of computing. Each node
/// has one slot, and with 2 blocks on one of 2 nodes the other one reads.
#[test]
fn a_map_without_its_block_reads_it_first() {
    let own = "input = \"200 MB\"\nreplication = 1\nslots = 1\nspeculative = false";
    let times: Vec<f64> = (1..=8)
        .map(|seed| play_text(&text(2, 2, own, ""), Some(seed)))
        .map(|run| run.metric("map_reduce_map_time") + 10.0 * run.metric("map_reduce_local_share"))
        .collect();
    // Both local: 10 s; one from afar: 18 s.
    let as_known = |time: &f64| (time - 20.0).abs() < 1e-6 || (time - 23.0).abs() < 1e-6;
    assert!(times.iter().all(as_known), "{times:?}");
    assert!(times.iter().any(|time| *time > 21.0) && times.iter().any(|time| *time < 21.0));
}

/// 8 maps on 4 nodes leave 200 MB on each, of which each of 4 reduce tasks on as many nodes needs
/// 50 MB: 150 MB into and out of each link, at whatever number of fetches. Behind two switches
/// 4 flows of 50 MB cross each uplink in each direction.
#[test]
fn a_shuffle_takes_what_its_fullest_link_takes() {
    for (fetches, per_switch, seconds) in [(5, 4, 12.0), (1, 4, 12.0), (5, 2, 16.0)] {
        let own = format!(
            "input = \"800 MB\"\nreplication = 4\nslots = 1\nreducers = 4\nslowstart = 1.0\n\
             fetches = {fetches}\noutput_replication = 1"
        );
        let run = play(4, per_switch, &own, "");
        is(&run, "map_reduce_map_time", 20.0);
        is(&run, "map_reduce_shuffle_time", seconds);
        is(&run, "map_reduce_reduce_time", 20.0);
        is(&run, "map_reduce_time", 40.0 + seconds);
        is(&run, "map_reduce_bytes_shuffled", 600e6);
        let ends = run.count(|what| matches!(what, What::Task { kind: TaskKind::Fetch, .. }));
        assert_eq!(ends, 4 * 3, "a fetch for each pair of nodes");
    }
}

/// Each of two reduce tasks writes 200 MB, block by block, to the other node as well.
#[test]
fn a_result_goes_through_its_pipeline_block_by_block() {
    let own = "input = \"400 MB\"\nreplication = 2\nslots = 2\nreducers = 2\nslowstart = 1.0";
    let run = play(2, 2, own, "");
    is(&run, "map_reduce_reduce_time", 20.0 + 2.0 * 8.0);
    is(&run, "map_reduce_bytes_written", 400e6);
}

/// The copies that each node made.
fn copies(run: &Played, of: u32) -> usize {
    run.count(|what| {
        matches!(what, What::Task { kind: TaskKind::Replication, act: TaskAct::End, node, .. }
            if *node == Some(NodeId(of)))
    })
}

/// With two replicas on three nodes, each block of a dead node lies on one of the two others, which
/// copies it to the third: at the full rate of its link, whatever its streams. The dead node is
/// noticed after 2 x 5 min + 10 x 3 s (hdfs-default.xml).
#[test]
fn the_blocks_of_a_dead_node_are_copied_at_the_rate_of_the_links() {
    for streams in [1, 2] {
        let own = format!(
            "input = \"3 GB\"\nreplication = 2\nmap_output = 0.0\n\
             streams = {streams}"
        );
        let run = play(3, 3, &own, &crash(3, 5, "1 d"));
        let begins = run.times(|what| {
            let kind = TaskKind::UnderReplicated;
            matches!(what, What::Task { kind: of, act: TaskAct::Begin, .. } if *of == kind)
        });
        let noticed = Time::ZERO + Span::from_secs(5 + 630);
        assert!(begins.len() > 10 && begins.iter().all(|at| *at == noticed), "{begins:?}");
        let most = copies(&run, 0).max(copies(&run, 1));
        assert_eq!(copies(&run, 0) + copies(&run, 1), begins.len());
        is(&run, "hdfs_under_replicated_time", 8.0 * most as f64);
        is(&run, "hdfs_bytes_replicated", 100e6 * begins.len() as f64);
        is(&run, "hdfs_under_replicated_max", begins.len() as f64);
    }
}

#[test]
fn a_node_that_is_back_in_time_costs_no_copy_and_its_maps_run_again() {
    let own = "input = \"2.4 GB\"\nreplication = 3";
    let run = play(4, 4, own, &crash(2, 15, "1 min"));
    is(&run, "hdfs_replications", 0.0);
    assert!(run.metric("map_reduce_retried") + run.metric("map_reduce_speculative") >= 2.0);
    let late = play(4, 4, own, &crash(2, 15, "1 h"));
    assert!(late.metric("hdfs_replications") > 0.0);
}

/// Whenever a node dies, in whichever phase.
#[test]
fn a_dead_node_loses_no_block_and_no_job_with_two_replicas() {
    let own = "input = \"2 GB\"\nreplication = 2\nreducers = 3\nnode_timeout = \"20 s\"\n\
               recheck = \"10 s\"\nheartbeat = \"1 s\"";
    for node in 1..=5 {
        for at in [1, 12, 25, 31, 45, 70, 95, 130] {
            let run = play(5, 5, own, &crash(node, at, "1 d"));
            let of = format!("pi{node} at {at} s");
            assert!(run.findings.metric("map_reduce_time").is_some(), "{of}");
            assert_eq!(run.metric("hdfs_missing_max") as u64, 0, "{of}");
            assert_eq!(run.metric("hdfs_blocks_lost") as u64, 0, "{of}");
        }
    }
}

#[test]
fn two_dead_nodes_lose_the_blocks_that_only_they_had() {
    let own = "input = \"2 GB\"\nreplication = 2\nnode_timeout = \"20 s\"\nrecheck = \"10 s\"";
    let both = |repair| crash(1, 5, repair) + &crash(2, 5, repair);
    let run = play(4, 4, own, &both("40 d"));
    assert!(run.metric("hdfs_blocks_lost") > 0.0);
    assert!(run.findings.metric("map_reduce_time").is_none(), "its maps wait for the blocks");
    let back = play(4, 4, own, &both("10 min"));
    assert!(back.metric("hdfs_missing_max") > 0.0);
    is(&back, "hdfs_blocks_lost", 0.0);
    assert!(back.metric("map_reduce_time") > 600.0, "it waits for the blocks");
    let three = play(4, 4, &own.replace("= 2\n", "= 3\n"), &both("40 d"));
    is(&three, "hdfs_missing_max", 0.0);
    // As new ones, the nodes have nothing.
    let bare = play(4, 4, &format!("{own}\nnodes_keep_disks = false"), &both("10 min"));
    assert!(bare.metric("hdfs_blocks_lost") > 0.0);
}

/// A node at a tenth of its speed has the last map of 100 s: run elsewhere it takes 10 s from the
/// 15th second on.
#[test]
fn speculation_shortens_a_job_with_a_slow_node() {
    let slow = "[[fault.slow-down]]\non = \"pi2\"\nat = \"0 s\"\nshare = \"10 %\"\n";
    let own = |on: bool| {
        format!("input = \"800 MB\"\nreplication = 4\nspeculative = {on}\nslowstart = 1.0")
    };
    let (with, without) = (play(4, 4, &own(true), slow), play(4, 4, &own(false), slow));
    is(&without, "map_reduce_map_time", 100.0);
    is(&with, "map_reduce_map_time", 25.0);
    is(&with, "map_reduce_speculative_won", 2.0);
}

/// It is down for a minute and restarts in 30 s. Maps that run go on; the next ones wait.
#[test]
fn a_job_waits_for_its_master_and_loses_nothing() {
    let own = "master = \"pi1\"\nnodes = \"pi[2-5]\"\ninput = \"2.4 GB\"\nreplication = 4";
    let own = |more: &str| format!("{own}{more}");
    let play = |more: &str| {
        let text = text(5, 5, &own(more), &crash(1, 15, "1 min"));
        play_text(&text.replace("nodes = \"module[1]\"\n", ""), None)
    };
    let run = play("");
    is(&run, "name_node_outage_time", 90.0);
    // The second wave is done at 20 s, and the third begins at 105 s.
    is(&run, "map_reduce_map_time", 115.0);
    is(&run, "map_reduce_retried", 0.0);
    // 24 blocks are 3 edits each, the file 2.
    let slow = play("\nedit_time = \"1 s\"");
    is(&slow, "name_node_outage_time", 90.0 + 74.0);
}

/// The master comes back without its disk: with the secondary's snapshot from before the reduce
/// tasks wrote, these run again; without a secondary all is lost.
#[test]
fn a_lost_name_node_forgets_what_is_younger_than_its_snapshot() {
    let own = |more: &str| {
        let own = format!(
            "master = \"pi1\"\nnodes = \"pi[3-6]\"\ninput = \"800 MB\"\nreplication = 4\n\
             reducers = 2\nmaster_keeps_disk = false\noutput_replication = 2\n{more}"
        );
        let text = text(6, 6, &own, &crash(1, 80, "1 min"));
        play_text(&text.replace("nodes = \"module[1]\"\n", ""), None)
    };
    let old = own("secondary = \"pi2\"");
    assert!(old.metric("hdfs_blocks_forgotten") > 0.0);
    assert!(old.metric("map_reduce_retried") > 0.0);
    let fresh = own("secondary = \"pi2\"\nsnapshot_interval = \"1 s\"");
    assert!(fresh.metric("hdfs_blocks_forgotten") < old.metric("hdfs_blocks_forgotten"));
    assert!(fresh.metric("map_reduce_time") <= old.metric("map_reduce_time"));
    let none = own("");
    assert!(none.metric("hdfs_blocks_forgotten") >= 8.0);
    assert!(none.findings.metric("map_reduce_time").is_none());
}

/// Behind a dead switch nodes go on, unheard. For less than the time-outs that costs the wait
/// alone; for longer, the others do their work.
#[test]
fn a_cut_switch_is_borne_or_waited_out() {
    let own = "input = \"2.4 GB\"\nreplication = 3\nslots = 1\nslowstart = 1.0\n\
               speculative = false";
    let cut = |repair: &str| {
        format!("[[fault.switch-loss]]\non = \"switch[2]\"\nat = \"15 s\"\nrepair = \"{repair}\"\n")
    };
    let short = play(8, 4, own, &cut("1 min"));
    is(&short, "map_reduce_retried", 0.0);
    is(&short, "hdfs_replications", 0.0);
    let long = play(8, 4, own, &cut("2 h"));
    assert!(long.metric("map_reduce_retried") >= 4.0);
    assert!(long.metric("map_reduce_time") < 2_000.0, "it does not wait for the switch");
    is(&long, "hdfs_blocks_lost", 0.0);
}

/// The master holds back what it does not know to be free: one slot for each node, all of them
/// taken by reduce tasks, when a map has to run again.
#[test]
fn a_reduce_task_gives_way_to_a_map_that_has_no_slot() {
    let own = "input = \"400 MB\"\nreplication = 2\nslots = 1\nreducers = 3\nslowstart = 0.25\n\
               node_timeout = \"30 s\"\nspeculative = false\nfetches = 1\nmap_output = 10.0";
    let run = play(3, 3, own, &crash(3, 35, "2 h"));
    assert!(run.findings.metric("map_reduce_time").is_some());
}

/// No output, one block, one node.
#[test]
fn the_smallest_job_is_done() {
    let own = "input = \"1 B\"\nreplication = 1\nmap_output = 0.0";
    let run = play(1, 1, own, "");
    is(&run, "map_reduce_bytes_shuffled", 0.0);
    assert!(run.metric("map_reduce_time") < 1e-3);
}

/// Maps of a mean time: 99 % of the sums of 400 lognormal times with a coefficient of variation of
/// 0.5 lie within 2.576 x 0.5 / 20 of it.
#[test]
fn maps_vary_as_asked() {
    let own = "input = \"40 GB\"\nreplication = 1\nslots = 1\nmap_variation = 0.5\n\
               map_output = 0.0\nspeculative = false";
    let run = play(1, 1, own, "");
    let mean = run.metric("map_reduce_map_time") / 400.0;
    assert!((mean / 10.0 - 1.0).abs() < 2.576 * 0.5 / 20.0, "{mean} s");
}
