//! The registry of metrics: every name, its unit and what it means, in one place.
//!
//! `docs/metrics.md` says the same with formulas; a test holds the two together.

use serde::{Deserialize, Serialize};

/// What a metric is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Definition {
    /// Its name, as in `metrics.csv` and `[expect]`.
    pub name: &'static str,
    /// Its unit.
    pub unit: &'static str,
    /// What it means, as a sentence.
    pub meaning: &'static str,
}

/// One number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Metric {
    /// Its name, such as `makespan`.
    pub name: String,
    /// Its value, in SI base units.
    pub value: f64,
    /// Its unit: `s`, `B`, `J`, `W`, `1` for shares, `count`, ...
    pub unit: String,
}

/// Metrics of which more is better; of all others less is.
const MORE_IS_BETTER: &[&str] = &[
    "alarms_true",
    "availability",
    "corruptions_corrected",
    "corruptions_detected",
    "efficiency",
    "jobs_done",
    "mnfti",
    "mtbf",
    "mtti",
    "mtti_corruption",
    "nodes_up_end",
    "nodes_up_max",
    "utilisation",
    "web_pushed",
    "web_served",
    "web_throughput",
    "work",
];

/// Whether more of a metric is better.
#[must_use]
pub fn more_is_better(name: &str) -> bool {
    MORE_IS_BETTER.contains(&name)
}

/// All metrics, in the order of `metrics.csv`. One that has no meaning in a run is absent there.
#[rustfmt::skip]
pub const ALL: &[Definition] = &[
    // ---- The run and its job
    is("run_time", "s", "Length of the run."),
    is("faults", "count", "Times a fault struck a part."),
    is("alarms", "count", "Alarms before failures; absent if none is foreseen."),
    is("alarms_true", "count", "Alarms whose fault struck their part within their lead."),
    is("alarms_false", "count", "Alarms whose fault did not."),
    is("faults_unforeseen", "count", "Times a fault that is foreseen struck without an alarm."),
    is("makespan", "s", "Time until the last job was done; absent if one was not."),
    is("jobs_done", "count", "Jobs whose work is all done."),
    is("jobs_unfinished", "count",
        "Jobs that were neither done nor ended when the run ended: their shares are of the time so \
        far."),
    is("jobs_timed_out", "count",
        "Jobs that were ended at their walltime; absent, as is all of the queue, in a run of one \
        job that is submitted at once and has no walltime."),
    is("queue_wait_mean", "s", "Mean time from the submission of a job to its first start."),
    is("queue_wait_p50", "s", "Median of the same."),
    is("queue_wait_p95", "s", "95th percentile of the same."),
    is("queue_wait_max", "s", "Largest of the same."),
    is("bounded_slowdown_mean", "1",
        "Mean bounded slowdown of the jobs that were done: the time from submission to end over \
        that from start to end, which counts as 10 s at least; not below 1."),
    is("bounded_slowdown_p50", "1", "Median of the same."),
    is("bounded_slowdown_p95", "1", "95th percentile of the same."),
    is("turnaround_mean", "s", "Mean time from the submission of a job until it was done."),
    is("efficiency", "1", "Share of the jobs' node time that went into computing that survived."),
    is("overhead", "1", "Time besides the computing that survived, as a share of it."),
    is("waste", "1", "Share of the jobs' node time that was not computing that survived."),
    is("waste_checkpoint", "1", "Share in which computing stood still for a checkpoint."),
    is("waste_verify", "1", "Share in which computing stood still for a verification."),
    is("waste_rework", "1", "Share spent on computing that was thrown away later."),
    is("waste_rework_failures", "1",
        "Part of it that failures of nodes threw away; absent without verifications and \
        rollbacks."),
    is("waste_rework_corruption", "1",
        "Part of it that was thrown away because memory was corrupt; absent likewise."),
    is("waste_rework_walltime", "1",
        "Part of it that jobs lost which were ended at their walltime."),
    is("waste_restart", "1", "Share in which a checkpoint was read back."),
    is("waste_boot", "1",
        "Share in which a job waited for its first start, from its submission on."),
    is("waste_idle", "1",
        "Share in which a job waited later, or a group of it for another one: detection, downtime, \
        repair, too few nodes."),
    is("work", "s", "Computing of all jobs that survived."),
    is("work_lost", "s", "Computing of all jobs that was thrown away."),
    is("rework_time", "s", "Time in which jobs computed again what was thrown away."),
    is("interrupts", "count", "Times a failure of a node stopped a job that was not waiting."),
    is("mtti", "s",
        "Mean time to interrupt of the jobs by failures of nodes; absent without an interrupt."),
    is("mtti_corruption", "s",
        "Mean time to a rollback of the jobs from corrupt memory; absent without a rollback."),
    is("failures_absorbed", "count",
        "Failures of a job's node after which another replica of its seat went on."),
    is("mnfti", "count",
        "Mean number of failures of a job's nodes to an interrupt; absent if none is absorbed."),
    // ---- Checkpoints
    is("checkpoints_begun", "count", "Checkpoints begun."),
    is("checkpoints_committed", "count", "Checkpoints completed."),
    is("checkpoints_abandoned", "count", "Checkpoints that a failure broke off."),
    is("checkpoints_lost", "count", "Committed checkpoints that were lost before a newer one."),
    is("checkpoint_time_mean", "s", "Mean time from begin to commit."),
    is("checkpoint_time_p50", "s", "Median of the same."),
    is("checkpoint_time_p95", "s", "95th percentile of the same."),
    is("checkpoint_time_p99", "s", "99th percentile of the same."),
    is("checkpoint_time_max", "s", "Largest of the same."),
    is("checkpoint_interval_mean", "s",
        "Mean computing before a checkpoint, since the last one or the last interrupt."),
    is("restarts", "count", "Times a job began to read a checkpoint back."),
    is("restart_time_mean", "s", "Mean time of the restarts that succeeded."),
    // ---- Collective operations and transfers
    is("collectives", "count",
        "Collective operations carried out; absent if no job has any, like all of these."),
    is("collective_time", "s", "Time in which jobs' nodes sent to each other at the end of steps."),
    is("collective_time_mean", "s", "Mean time of an operation that was carried out."),
    is("collective_time_max", "s", "Largest of the same."),
    is("collective_share", "1", "Share of the time of steps in which nodes sent to each other."),
    is("io_operations", "count",
        "Times that all nodes of a job wrote their regular I/O; absent if no job has any, like all \
         of these."),
    is("io_time", "s", "Time in which jobs' nodes wrote their regular I/O."),
    is("io_time_mean", "s", "Mean time of one that was carried out."),
    is("io_time_max", "s", "Largest of the same."),
    is("io_share", "1", "Share of the time of steps in which nodes wrote their regular I/O."),
    is("transfers_done", "count",
        "Transfers that have arrived; absent if the scenario lists none, like all of these."),
    is("transfers_lost", "count", "Transfers of which a node was not up, or stopped."),
    is("transfers_unfinished", "count", "Transfers that the end of the run left open."),
    is("transfers_end", "s", "Time until the last one that arrived did so."),
    is("transfer_time_mean", "s", "Mean time from the begin of a transfer until it had arrived."),
    is("transfer_time_p50", "s", "Median of the same."),
    is("transfer_time_p95", "s", "95th percentile of the same."),
    is("transfer_time_p99", "s", "99th percentile of the same."),
    is("transfer_time_max", "s", "Largest of the same."),
    // ---- Other workloads
    is("sort_time", "s",
        "From the first part handed out until all numbers were merged; absent unless they were."),
    is("sort_merge_time", "s", "Merging, at the end of it."),
    is("sort_parts_retried", "count", "Parts whose node stopped, and that another one got."),
    is("sort_tasks_lost", "count", "Parts and merges that were lost with the first node."),
    is("rollout_done", "count", "Nodes that have the whole file."),
    is("rollout_unfinished", "count", "Nodes that have it not, at the end of the run."),
    is("rollout_stops", "count", "Times a node stopped that had begun to get it."),
    is("rollout_time_mean", "s", "Mean time from the begin of the rollout until a node had it."),
    is("rollout_time_p50", "s", "Median of the same."),
    is("rollout_time_p95", "s", "95th percentile of the same."),
    is("rollout_time", "s", "Time until all nodes had it; absent unless all have it."),
    is("triggers", "count", "Times a node was triggered by a datagram."),
    is("triggers_missed", "count", "Times it was not: lost, or node or sender not up."),
    is("trigger_skew_p50", "s",
        "Median, over the datagrams, of the time from the first node triggered to the last."),
    is("trigger_skew_p95", "s", "95th percentile of the same."),
    is("trigger_skew_max", "s", "Largest of the same."),
    is("uploads_done", "count", "Uploads after a trigger that have arrived."),
    is("uploads_lost", "count", "Uploads whose node stopped."),
    is("upload_time_mean", "s", "Mean time from a datagram until an upload had arrived."),
    is("upload_time_max", "s", "Largest of the same."),
    is("map_reduce_time", "s",
        "From the first map until the last reduce task was done; absent unless it was."),
    is("map_reduce_map_time", "s", "Until the last map was done."),
    is("map_reduce_shuffle_time", "s",
        "From then until the last reduce task had all that it needs: what the maps did not hide."),
    is("map_reduce_reduce_time", "s", "From then until the last reduce task was done."),
    is("map_reduce_retried", "count",
        "Maps and reduce tasks that failed, or whose output was lost, and that began anew."),
    is("map_reduce_speculative", "count",
        "Maps that began a second time while the first one was under way."),
    is("map_reduce_speculative_won", "count", "Those of them that were done first."),
    is("map_reduce_local_share", "1",
        "Share of the maps begun that read their block from their own disk."),
    is("map_reduce_bytes_read", "B", "Bytes of blocks that maps read from other nodes."),
    is("map_reduce_bytes_shuffled", "B", "Bytes that reduce tasks fetched from other nodes."),
    is("map_reduce_bytes_written", "B", "Bytes of results that went to further nodes."),
    is("hdfs_bytes_replicated", "B",
        "Bytes of blocks that were copied, as they had too few replicas."),
    is("hdfs_replications", "count", "Copies of such blocks that were made."),
    is("hdfs_under_replicated_max", "count",
        "Most blocks at once that had too few replicas, as the NameNode knew."),
    is("hdfs_under_replicated_time", "s", "Time in which there was one."),
    is("hdfs_replication_time_max", "s",
        "Longest time from when the NameNode knew that a block had too few replicas until it had \
         all."),
    is("hdfs_missing_max", "count",
        "Most blocks at once without any replica that the NameNode knew of."),
    is("hdfs_blocks_lost", "count", "Blocks that are so at the end of the run."),
    is("hdfs_blocks_forgotten", "count", "Blocks whose names were lost with the NameNode's disk."),
    is("name_node_outage_time", "s",
        "Time in which the NameNode did not serve, from the begin of the job on."),
    is("name_node_snapshots", "count", "Snapshots that the secondary NameNode took."),
    is("web_requests", "count", "Requests that arrived, up to the last one that ended."),
    is("web_served", "count", "Requests that were answered."),
    is("web_lost", "count", "Requests that were not: the sum of the five below."),
    is("web_lost_unanswered", "count",
        "Requests that a worker had and did not answer in time: it stopped, was cut off or was \
        too slow."),
    is("web_lost_unserved", "count", "Requests for which no worker could be reached."),
    is("web_lost_refused", "count", "Requests that found a queue full."),
    is("web_lost_abandoned", "count", "Requests whose client would wait no longer."),
    is("web_lost_cut", "count", "Requests that came or were open when the balancer was down."),
    is("web_lost_share", "1", "Share of the requests that ended and were lost."),
    is("web_retried", "count", "Times a request was taken from a worker and given to another one."),
    is("web_latency_mean", "s", "Mean time from the arrival of a request until it was answered."),
    is("web_latency_p50", "s", "Median of the same."),
    is("web_latency_p95", "s", "95th percentile of the same."),
    is("web_latency_p99", "s", "99th percentile of the same."),
    is("web_latency_p999", "s", "99.9th percentile of the same."),
    is("web_latency_max", "s", "Largest of the same."),
    is("web_throughput", "1/s", "Requests answered in a second, until the last one ended."),
    is("web_utilisation", "1",
        "Share of the time of all slots of all workers in which a request was served, answered in \
        the end or not."),
    is("web_pushed", "count", "Workers that installed pushed content; absent without a push."),
    is("web_push_lost", "count", "Workers that were down or stopped before they had."),
    is("web_push_time", "s", "From the begin of the push until the last worker had installed it."),
    is("grid_partitions_lost", "count",
        "Partitions of which no copy was left, so that their data were lost."),
    is("grid_unavailable_time", "s",
        "Summed over partitions: for how long their owner was gone, and nobody else owned them."),
    is("grid_unavailable_max", "s", "Longest that a partition was so at a stretch."),
    is("grid_detection_max", "s",
        "Longest from a member's end until the grid noticed; absent if it noticed none."),
    is("grid_unsafe_time", "s", "For how long some partition lacked a copy."),
    is("grid_safe_after_max", "s",
        "Longest from a loss or a join until all copies were there; absent if none was complete."),
    is("grid_migrations", "count", "Copies of partitions that were made or moved."),
    is("grid_bytes_migrated", "B", "What these held."),
    is("grid_migrations_lost", "count", "Those that were lost with a member, or given up."),
    is("grid_splits", "count", "Sides that went on by themselves after a cut."),
    is("grid_split_time", "s", "Longest that a side did, until it was merged or lost."),
    is("grid_split_missing", "count",
        "Partitions that such a side or the rest had no data of, while the other had."),
    is("grid_merged", "count", "Partitions that a smaller side sent to the larger one."),
    is("grid_discarded", "count", "Partitions that a smaller side threw away, or lost on the way."),
    is("grid_tasks_done", "count", "Tasks of the queue that are done."),
    is("grid_tasks_retried", "count", "Tasks that were lost with a member, and wait again."),
    is("dashboard_age_p50", "s",
        "Median age of a row of the dashboard, over all rows and all time that there is one."),
    is("dashboard_age_p99", "s", "99th percentile of the same."),
    is("dashboard_age_max", "s", "Largest of the same."),
    is("dashboard_reports_lost", "count", "Reports that were lost on the way by chance."),
    is("dashboard_dark_time", "s",
        "For how long there was no dashboard, as the master was down or cut off."),
    is("dashboard_deaths_missed", "count",
        "Members that were gone and back before their row was stale, or unseen by a dark \
         dashboard."),
    is("dashboard_false_alarms", "count", "Rows that were stale while their member was there."),
    is("store_objects_lost", "count", "Objects of which too few fragments were left."),
    is("store_objects_unavailable_max", "count", "Most objects that could not be read at once."),
    is("store_unavailable_time", "s",
        "Summed over objects that were not lost: for how long they could not be read."),
    is("store_unavailable_max", "s", "Longest that an object could not at a stretch."),
    is("store_repairs", "count", "Fragments that were made anew."),
    is("store_repairs_lost", "count",
        "Repairs that were given up: a node of them stopped or was back."),
    is("store_repair_bytes", "B", "Bytes that repairs moved, those given up not counted."),
    is("store_rebuild_time_max", "s",
        "Longest from when a node was given up until all it had was repaired; absent if none was."),
    is("store_puts", "count", "Objects that clients put."),
    is("store_puts_failed", "count",
        "Puts that failed: too few nodes were up, or it took too long."),
    is("store_put_time_mean", "s", "Mean time of a put that did not fail."),
    is("store_put_time_p50", "s", "Median of the same."),
    is("store_put_time_p99", "s", "99th percentile of the same."),
    is("store_put_time_max", "s", "Largest of the same."),
    is("store_gets", "count", "Objects that clients got."),
    is("store_gets_degraded", "count", "Those of which a fragment of the data could not be read."),
    is("store_gets_failed", "count",
        "Gets that failed: too few nodes were up, or it took too long."),
    is("store_get_time_mean", "s", "Mean time of a get that did not fail, degraded or not."),
    is("store_get_time_p50", "s", "Median of the same."),
    is("store_get_time_p99", "s", "99th percentile of the same."),
    is("store_get_time_max", "s", "Largest of the same."),
    is("polls", "count", "Polls of nodes that began; absent if no head polls, like all of these."),
    is("polls_answered", "count", "Those that were answered."),
    is("polls_failed", "count", "Those that were given up."),
    is("poll_requests", "count", "Requests that the head sent, with those after a time-out."),
    is("poll_answer_mean", "s", "Mean age of an answer when it arrives."),
    is("poll_answer_max", "s", "Largest of the same."),
    is("poll_round_mean", "s", "Mean time of a round of polls."),
    is("poll_round_max", "s", "Largest of the same."),
    is("status_age_mean", "s", "Mean age of what is shown of nodes that are shown as up."),
    is("status_age_p99", "s", "Age that is not exceeded for 99 % of that time."),
    is("status_age_max", "s", "Largest age."),
    is("status_right", "1", "Share of the time of nodes in which they are shown as they are."),
    is("status_stale", "1", "Share in which they are down and shown as up."),
    is("status_false", "1", "Share in which they are up and shown as down."),
    is("status_unknown", "1", "Share in which nothing is shown of them."),
    is("status_false_alarms", "count", "Times a node that was up was shown as down."),
    is("status_deaths_shown", "count", "Outages of nodes that were shown."),
    is("status_deaths_missed", "count", "Outages that ended before they were shown."),
    is("status_death_shown_mean", "s", "Mean time until an outage was shown."),
    is("status_death_shown_max", "s", "Largest of the same."),
    // ---- Cosmic rays
    is("upsets", "count", "Upsets of nodes' memories by cosmic rays; absent without such a fault."),
    is("upsets_masked", "count", "Those that did nothing, as nobody read what was wrong."),
    is("upsets_corrected", "count", "Those that a code corrected."),
    is("upsets_detected", "count", "Those that a code detected only, so that the node stopped."),
    is("upsets_silent", "count", "Those that made data wrong, and no code noticed."),
    is("upsets_crash", "count", "Those that stopped a node though no code noticed."),
    is("upsets_hang", "count", "Those that made a node hang."),
    is("dram_faults", "count", "Faults of chips of DRAM; absent without such a fault."),
    is("dram_permanent", "count", "Those that stay until the memory is swapped."),
    is("dram_met", "count", "Those that met another one in a word."),
    is("dram_nodes_uncorrectable", "count",
        "Nodes that had a fault which their code did not correct."),
    is("dram_masked", "count", "Those that did nothing, as nobody read what was wrong."),
    is("dram_corrected", "count", "Those that a code corrected."),
    is("dram_detected", "count", "Those that a code detected only, so that the node stopped."),
    is("dram_silent", "count", "Those that made data wrong, and no code noticed."),
    is("dram_crash", "count", "Those that stopped a node though no code noticed."),
    is("dram_hang", "count", "Those that made a node hang."),
    // ---- Silent corruption
    is(
        "verifications",
        "count",
        "Verifications begun; absent without any, and without rollbacks.",
    ),
    is("rollbacks", "count", "Times that corrupt memory was found and the job was thrown back."),
    is("rollbacks_to_start", "count", "Rollbacks that left nothing of the job's computing."),
    is("checkpoints_discarded", "count", "Committed checkpoints that were found corrupt."),
    is("corruptions", "count", "Silent corruptions of nodes' memory."),
    is("corruptions_masked", "count", "Those that struck no memory that a job used."),
    is(
        "corruptions_detected",
        "count",
        "Those that were found: by a verification, a check of a step, or replicas that differed.",
    ),
    is(
        "corruptions_corrected",
        "count",
        "Those that were found and are gone, in place or with a rollback.",
    ),
    is("corruptions_discarded", "count", "Those that a failure's restart wiped out unseen."),
    is("corruptions_escaped", "count", "Those that a job's result holds, and nobody knows."),
    is("corruptions_latent", "count", "Those that are still in memory at the end of the run."),
    is("detection_latency_mean", "s", "Mean time from a corruption until it was found."),
    is("detection_latency_max", "s", "Longest time from a corruption until it was found."),
    is("corruption_spread_mean", "count", "Mean nodes that a corruption had reached when found."),
    // ---- Nodes
    is("nodes", "count", "Nodes of the machine, spares included."),
    is("failures", "count", "Failures of nodes that had power and had not failed yet."),
    is("failures_crash", "count", "Failures by crash."),
    is("failures_hang", "count", "Failures by hang."),
    is("failures_power_loss", "count", "Failures by loss of power."),
    is("failures_switch_loss", "count", "Failures by loss of a switch."),
    is("failures_server_loss", "count", "Failures by loss of a server."),
    is("failures_link_degradation", "count", "Failures by a degraded link."),
    is("failures_brown_out", "count", "Failures by a brown-out of the PSU."),
    is("mtbf", "s", "Mean time between failures of one node; absent without a failure."),
    is("mttr", "s",
        "Mean time from a node's failure until it was up again; absent if none came back."),
    is("availability", "1", "Share of all node time in which nodes were up."),
    is("utilisation", "1",
        "Share of all node time in which nodes were up and in a job; absent without a queue."),
    is("node_time_off", "s", "Node time without power, nothing being wrong."),
    is("node_time_boot", "s", "Node time in any stage of the boot."),
    is("node_time_idle", "s", "Node time up, with no job or one that is done."),
    is("node_time_wait", "s", "Node time up, in a job that waits."),
    is("node_time_restart", "s", "Node time up, in a job that reads a checkpoint back."),
    is("node_time_compute", "s", "Node time up, in a job that computes for the first time."),
    is("node_time_rework", "s", "Node time up, in a job that computes again."),
    is("node_time_checkpoint", "s", "Node time up, in a job that stands still for a checkpoint."),
    is("node_time_verify", "s", "Node time up, in a job that stands still for a verification."),
    is("node_time_hung", "s", "Node time powered and silent."),
    is("node_time_down", "s", "Node time crashed or without power by a fault."),
    is("node_time_gave_up", "s", "Node time after a boot that gave up."),
    // ---- Boot
    is("nodes_up_max", "count", "Most nodes that were up at once."),
    is("nodes_up_end", "count", "Nodes up at the end of the run."),
    is("boot_t50", "s", "Time until half of all nodes were up at once; absent if they never were."),
    is("boot_t90", "s", "Time until 90 % were up at once; absent if they never were."),
    is("boot_t99", "s", "Time until 99 % were up at once; absent if they never were."),
    is("boot_t100", "s", "Time until all were up at once; absent if they never were."),
    is("boots", "count", "Times a node was powered on."),
    is("power_cycles", "count", "Power-ons of a node after its first."),
    is("gave_up", "count", "Boots that gave up."),
    is("boot_time_mean", "s", "Mean time from power-on until up."),
    is("boot_time_p50", "s", "Median of the same."),
    is("boot_time_p90", "s", "90th percentile of the same."),
    is("boot_time_p99", "s", "99th percentile of the same."),
    is("boot_time_max", "s", "Largest of the same."),
    // ---- Network and power
    is("bytes_sent", "B", "Bytes that transfers sent."),
    is("bytes_received", "B", "Bytes that arrived."),
    is("bytes_lost", "B", "Bytes that were sent in vain, because a part failed on the way."),
    is("bytes_received_tftp", "B", "Bytes that arrived for boot files."),
    is("bytes_lost_tftp", "B", "Bytes that were sent in vain for boot files."),
    is("bytes_received_root", "B", "Bytes that arrived for the root file system."),
    is("bytes_lost_root", "B", "Bytes that were sent in vain for the root file system."),
    is("bytes_received_checkpoint", "B", "Bytes that arrived for checkpoints."),
    is("bytes_lost_checkpoint", "B", "Bytes that were sent in vain for checkpoints."),
    is("bytes_received_restart", "B", "Bytes that arrived for checkpoints read back."),
    is("bytes_lost_restart", "B", "Bytes that were sent in vain for checkpoints read back."),
    is("bytes_received_workload", "B",
        "Bytes that arrived of what a workload sends; absent if it sends nothing."),
    is("bytes_lost_workload", "B", "Bytes that were sent in vain of what a workload sends."),
    is("server_sent_utilisation_mean", "1", "Mean use of the servers' links, outbound."),
    is("server_sent_utilisation_max", "1",
        "Largest mean use between two readings, outbound, of any server."),
    is("server_received_utilisation_mean", "1", "Mean use of the servers' links, inbound."),
    is("server_received_utilisation_max", "1",
        "Largest mean use between two readings, inbound, of any server."),
    is("energy", "J", "Energy that nodes, switches and servers drew."),
    is("power_mean", "W", "Mean power of the machine."),
    is("power_peak", "W", "Largest power of the machine."),
    // ---- Refused
    is("connections_refused", "count",
        "Connections that the control plane refused; absent if there is none."),
    is("datagrams_refused", "count",
        "Datagrams that the control plane refused; absent if there is none."),
    is("messages_refused", "count",
        "Messages that the control plane refused on connections that went on; absent if there is \
         none."),
];

const fn is(name: &'static str, unit: &'static str, meaning: &'static str) -> Definition {
    Definition { name, unit, meaning }
}

/// The definition of a metric, if there is one of this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Definition> {
    ALL.iter().find(|definition| definition.name == name)
}

/// The metric whose name is most like this one, for a hint; `None` if none is much like it.
#[must_use]
pub fn suggest(name: &str) -> Option<&'static str> {
    let like = |definition: &'static Definition| {
        (strsim::jaro_winkler(name, definition.name), definition.name)
    };
    let best = ALL.iter().map(like).max_by(|a, b| a.0.total_cmp(&b.0))?;
    (best.0 > 0.8).then_some(best.1)
}

/// The metrics of a run, gathered in any order.
#[derive(Debug, Default)]
pub(crate) struct Table {
    rows: Vec<(usize, f64)>,
}

impl Table {
    /// Adds a metric. Its name must be in [`ALL`] and its value a number.
    pub(crate) fn put(&mut self, name: &str, value: f64) {
        // They come nearly in their order.
        let next = self.rows.last().map_or(0, |(place, _)| place + 1);
        let mut places = (next..ALL.len()).chain(0..next);
        let place = places.find(|place| ALL[*place].name == name);
        let place = place.unwrap_or_else(|| panic!("{name} is not in the registry of metrics"));
        assert!(value.is_finite(), "{name} is a number");
        self.rows.push((place, value));
    }

    /// Adds a count.
    pub(crate) fn count(&mut self, name: &str, value: u64) {
        self.put(name, value as f64);
    }

    /// Adds a metric if it has a meaning in this run.
    pub(crate) fn maybe(&mut self, name: &str, value: Option<f64>) {
        if let Some(value) = value {
            self.put(name, value);
        }
    }

    /// Adds a quotient, unless it is one by zero.
    pub(crate) fn ratio(&mut self, name: &str, over: u128, under: u128) {
        self.maybe(name, (under > 0).then(|| over as f64 / under as f64));
    }

    /// The metrics in the order of [`ALL`].
    pub(crate) fn finish(mut self) -> Vec<Metric> {
        self.rows.sort_by_key(|(place, _)| *place);
        assert!(self.rows.is_sorted_by(|a, b| a.0 < b.0), "a metric is measured once");
        let metric = |(place, value): (usize, f64)| Metric {
            name: ALL[place].name.to_owned(),
            value,
            unit: ALL[place].unit.to_owned(),
        };
        self.rows.into_iter().map(metric).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_defines_the_metrics_of_the_registry_in_its_order() {
        let document = include_str!("../docs/metrics.md");
        let rows = document.lines().filter_map(|line| line.strip_prefix("| `"));
        let documented: Vec<_> = rows
            .map(|row| {
                let mut cells = row.split('|').map(str::trim);
                let mut cell = || cells.next().unwrap_or_default();
                (cell().trim_end_matches('`'), cell(), cell())
            })
            .collect();
        let registry: Vec<_> = ALL.iter().map(|it| (it.name, it.unit, it.meaning)).collect();
        assert_eq!(documented, registry);
    }

    #[test]
    fn names_are_unique_and_units_are_si() {
        for (i, definition) in ALL.iter().enumerate() {
            assert!(ALL[..i].iter().all(|other| other.name != definition.name));
            assert!(["s", "1/s", "count", "1", "B", "J", "W"].contains(&definition.unit));
            assert!(definition.meaning.ends_with('.'), "{}", definition.name);
        }
    }

    #[test]
    fn a_name_mistyped_is_suggested_and_nonsense_is_not() {
        assert_eq!(suggest("eficiency"), Some("efficiency"));
        assert_eq!(suggest("boot_t_100"), Some("boot_t100"));
        assert_eq!(suggest("zzz"), None);
    }

    #[test]
    fn more_nodes_that_are_up_for_longer_are_better_and_more_waste_is_not() {
        for name in MORE_IS_BETTER {
            assert!(find(name).is_some(), "{name}");
        }
        let more = ["availability", "mtbf", "nodes_up_end", "nodes_up_max", "efficiency"];
        assert!(more.into_iter().all(more_is_better));
        let less = ["waste", "makespan", "mttr", "failures", "boot_t100", "energy", "gave_up"];
        assert!(!less.into_iter().any(more_is_better));
    }

    #[test]
    fn a_quotient_by_zero_is_absent() {
        let mut table = Table::default();
        table.ratio("mtbf", 1, 0);
        table.ratio("availability", 1, 4);
        table.put("run_time", 2.0);
        let names: Vec<_> = table.finish().into_iter().map(|it| (it.name, it.value)).collect();
        assert_eq!(names, [("run_time".to_owned(), 2.0), ("availability".to_owned(), 0.25)]);
    }
}
