//! A study on a batch system: fakes keep what they are given, and a test plays it as they would.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use rackstorm::drivers::power::fakes::tools::write_program;

use super::{INTERVALS, done, one_node, study, tables};
use crate::program::{Bench, Done, rest};

/// Keeps each argument on a line, and the job in the queue.
const SBATCH: &str = r#"#!/bin/sh
cd "$(dirname "$0")/../cluster" || exit 1
[ -e refuses ] && { echo "sbatch: error: Invalid account" >&2; exit 1; }
[ -e babbles ] && { echo "Have a nice day"; exit 0; }
printf '%s\n' "$@" > "call-$(ls | grep -c ^call)"
id=$(ls | grep -c ^call)
for it; do case $it in --array=*) tasks=${it#*=};; --job-name=*) name=${it#*=};; esac; done
shift $(($# - 2))
printf '%s\n%s\n' "$1" "$2" > "job-$id"
echo "${id}_[$tasks%2]|$name" >> queue
[ -e kills ] && kill -9 "$PPID"
echo "Welcome to the fake"
echo "$id;fake"
"#;

/// Some tasks may end while it is asked.
const SQUEUE: &str = r#"#!/bin/sh
ends="$(dirname "$0")/../cluster/ends"
[ -e "$ends" ] && sh "$ends"
exec cat "$(dirname "$0")/../cluster/queue"
"#;

const SCONTROL: &str = r#"#!/bin/sh
exec cat "$(dirname "$0")/../cluster/config"
"#;

/// Keeps jobs as `hq` does: a list, and the tasks of each that are not at their end.
const HQ: &str = r#"#!/bin/sh
cd "$(dirname "$0")/../cluster" || exit 1
shift
case "$1 $2" in
"job list") echo "[$(cat list)]";;
"job task-ids") echo "{\"$3\": [$(cat "tasks-$3")]}";;
submit*)
    printf '%s\n' "$@" > "call-$(ls | grep -c ^call)"
    id=$(ls | grep -c ^call)
    for it; do case $it in --array=*) tasks=${it#*=};; --name=*) name=${it#*=};; esac; done
    for part in $(echo "$tasks" | tr , ' '); do seq "${part%-*}" "${part#*-}"; done \
        | paste -sd , > "tasks-$id"
    [ "$id" = 1 ] || echo , >> list
    echo "{\"id\": $id, \"name\": \"$name\", \"task_stats\": {}}" >> list
    echo "{\"id\": $id}";;
*) exit 2;;
esac
"#;

/// A bench with a fake cluster of which arrays have tasks up to number 10.
struct Cluster {
    bench: Bench,
    folder: PathBuf,
}

impl Cluster {
    fn new(rest: &str) -> Self {
        let bench = Bench::new();
        one_node(&bench, rest);
        let folder = bench.path().join("cluster");
        for name in ["cluster", "bin"] {
            fs::create_dir(bench.path().join(name)).expect("a disk");
        }
        let fakes = [("sbatch", SBATCH), ("squeue", SQUEUE), ("scontrol", SCONTROL), ("hq", HQ)];
        for (name, script) in fakes {
            write_program(&bench.path().join("bin").join(name), script).expect("a disk");
        }
        let cluster = Self { bench, folder };
        cluster.put("config", "Configuration data as of now\nMaxArraySize            = 11\n");
        cluster.put("queue", "");
        cluster.put("list", "");
        cluster
    }

    fn put(&self, name: &str, text: &str) {
        fs::write(self.folder.join(name), text).expect("a disk");
    }

    fn remove(&self, name: &str) {
        fs::remove_file(self.folder.join(name)).expect("it is there");
    }

    /// A command that finds the fakes.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.bench.command(arguments);
        command.env("PATH", self.path());
        command
    }

    fn path(&self) -> String {
        let path = std::env::var("PATH").unwrap_or_default();
        format!("{}:{path}", self.bench.path().join("bin").display())
    }

    fn submit(&self, arguments: &str) -> Done {
        let all: Vec<_> = ["study", "submit"].into_iter().chain(arguments.split(' ')).collect();
        Done::from(self.command(&all).output().expect("the program starts"))
    }

    /// The same, which must succeed, and what it said.
    fn submitted(&self, arguments: &str) -> [String; 2] {
        let done = self.submit(arguments);
        assert_eq!(done.code, 0, "{arguments}: {}{}", done.stdout, done.stderr);
        [done.stdout, done.stderr]
    }

    /// The arguments of each call that submits.
    fn calls(&self) -> Vec<Vec<String>> {
        let call = |number| fs::read_to_string(self.folder.join(format!("call-{number}"))).ok();
        let calls = (0..).map_while(call);
        calls.map(|call| call.lines().map(str::to_owned).collect()).collect()
    }

    /// The array and the name of each call.
    fn arrays(&self) -> Vec<String> {
        let array = |call: Vec<String>| {
            call.iter().find_map(|it| it.strip_prefix("--array=")).map(str::to_owned)
        };
        self.calls().into_iter().filter_map(array).collect()
    }

    /// Plays what is queued as Slurm does, until nothing is; but for these shards, which are lost.
    fn play(&self, lost: &[u32]) {
        loop {
            let queue = fs::read_to_string(self.folder.join("queue")).expect("a queue");
            let Some((line, _)) = queue.split_once('\n') else { return };
            let (id, tasks) = line.split_once("_[").expect("an array");
            let (tasks, _) = tasks.split_once('%').expect("an array");
            let job = fs::read_to_string(self.folder.join(format!("job-{id}"))).expect("a job");
            let (script, offset) = job.trim().split_once('\n').expect("a job");
            let offset_number: u32 = offset.parse().expect("a number");
            for task in expanded(tasks) {
                if lost.contains(&(task + offset_number)) {
                    continue;
                }
                let mut command = Command::new("sh");
                command.arg(script).arg(offset).env("PATH", self.path());
                command.env("SLURM_ARRAY_TASK_ID", task.to_string());
                let output = command.env("SLURM_CPUS_ON_NODE", "1").output().expect("a script");
                let said = String::from_utf8_lossy(&output.stderr).into_owned();
                assert!(output.status.success(), "task {task} after {offset}: {said}");
            }
            // What its last task has submitted stays.
            let queue = fs::read_to_string(self.folder.join("queue")).expect("a queue");
            let (_, left) = queue.split_once('\n').expect("the job was in the queue");
            self.put("queue", left);
        }
    }

    /// The tables of the study in one go on this machine.
    fn in_one_go(&self) -> [Vec<u8>; 3] {
        done(&self.bench, "node.toml -o whole --jobs 1 --quiet");
        tables(&self.bench.path().join("whole"))
    }

    /// That the study that was played here has the bytes of one that was played in one go.
    fn is_as_in_one_go(&self) {
        done(&self.bench, "merge DIR");
        assert_eq!(tables(&self.bench.path().join("DIR")), self.in_one_go());
    }
}

fn expanded(tasks: &str) -> Vec<u32> {
    let number = |text: &str| text.parse::<u32>().expect("a number");
    let range = |part: &str| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        number(first)..=number(last)
    };
    tasks.split(',').flat_map(range).collect()
}

#[test]
fn lost_tasks_are_submitted_again_and_the_table_is_that_of_one_go() {
    let cluster = Cluster::new(INTERVALS);
    done(&cluster.bench, "plan node.toml -o DIR --shards 12");
    let [out, err] = cluster.submitted("DIR --to slurm -- --time=1:00:00 -p a'b");
    assert_eq!(out, "job 1: shards 1-9\njob 2: shards 10-12\n");
    assert_eq!(err, "12 of 12 shards are missing, and are submitted\n");
    assert_eq!(cluster.arrays(), ["1-9", "0-2"], "shards keep their numbers");
    let call = cluster.calls().remove(1);
    assert_eq!(call[1..5], ["--time=1:00:00", "-p", "a'b", "--parsable"], "as they were given");
    cluster.play(&[3, 11]);
    assert_eq!(study(&cluster.bench, "status DIR").code, 75);
    let [out, err] = cluster.submitted("DIR --to slurm");
    assert_eq!(out, "job 3: shards 3\njob 4: shards 11\n");
    assert_eq!(err, "2 of 12 shards are missing, and are submitted\n");
    cluster.play(&[]);
    cluster.is_as_in_one_go();
    let [out, err] = cluster.submitted("DIR --to slurm");
    assert_eq!((out.as_str(), err.as_str()), ("", "nothing is missing: all 12 shards are done\n"));
    assert_eq!(cluster.arrays().len(), 4);
    assert!(!cluster.bench.path().join("DIR/work").exists(), "nothing is left of it");
}

#[test]
fn what_is_queued_or_running_is_not_submitted_twice() {
    let cluster = Cluster::new(INTERVALS);
    done(&cluster.bench, "plan node.toml -o DIR --shards 12");
    cluster.submitted("DIR --to slurm");
    let name = fs::read_to_string(cluster.folder.join("queue")).expect("a queue");
    let [out, err] = cluster.submitted("./DIR/ --to slurm");
    assert_eq!(out, "");
    assert_eq!(err, "12 of 12 shards are missing; 12 of them are queued or running\n");
    // Shards 1 and 10 run, the others of the first array were cancelled.
    let (first, second) = name.split_once('\n').expect("two jobs");
    let first = first.split_once('|').expect("a name").1;
    let second = second.trim().split_once('|').expect("a name").1;
    cluster.put("queue", &format!("1_1|{first}\n2_0|{second}\n2_[1-2%1]|{second}\n7|other\n"));
    let object = cluster.submitted("DIR --to slurm --json").join("");
    let object: serde_json::Value = serde_json::from_str(&object).expect("JSON");
    assert_eq!(object["jobs"], serde_json::json!([{ "id": "3", "shards": "2-9" }]));
    assert_eq!((&object["pending"], &object["missing"]), (&"1,10-12".into(), &"1-12".into()));
}

#[test]
fn what_ends_while_the_queue_is_asked_is_not_submitted() {
    let cluster = Cluster::new(INTERVALS);
    done(&cluster.bench, "plan node.toml -o DIR --shards 4");
    let program = cluster.bench.command::<&str>(&[]).get_program().to_owned();
    let play = format!("{} study run DIR --shard 2-3 --quiet", program.display());
    cluster.put("ends", &play);
    let [out, err] = cluster.submitted("DIR --to slurm");
    assert_eq!(out, "job 1: shards 1,4\n");
    assert_eq!(err, "2 of 4 shards are missing, and are submitted\n");
}

#[test]
fn a_submission_that_was_killed_half_way_is_completed_by_the_next() {
    let cluster = Cluster::new(INTERVALS);
    done(&cluster.bench, "plan node.toml -o DIR --shards 25");
    cluster.put("kills", "");
    let arguments = ["study", "submit", "DIR", "--to", "slurm"];
    let status = cluster.command(&arguments).status().expect("it starts");
    assert_eq!(status.code(), None, "it was killed");
    cluster.remove("kills");
    assert_eq!(cluster.arrays(), ["1-9"]);
    cluster.submitted("DIR --to slurm");
    assert_eq!(cluster.arrays(), ["1-9", "0-9", "0-5"]);
    cluster.play(&[]);
    cluster.is_as_in_one_go();
}

/// A study that needs several rounds.
const ROUNDS: &str = "[sweep]\n\"workload.bulk-synchronous.work\" = [\"5 d\", \"20 d\"]\n\
                      [study]\nmetrics = [\"makespan\"]\nprecision = \"2 %\"\n";

#[test]
fn the_task_that_completes_a_round_submits_the_next_and_the_table_is_that_of_one_go() {
    let cluster = Cluster::new(ROUNDS);
    done(&cluster.bench, "plan node.toml -o DIR --shards 3");
    cluster.submitted("DIR --to slurm -- --time=10 a\"b");
    cluster.play(&[2]);
    assert_eq!(cluster.arrays(), ["1-3"], "the round is not complete");
    cluster.submitted("DIR --to slurm -- --time=10 a\"b");
    cluster.play(&[]);
    let arrays = cluster.arrays();
    assert!(arrays.len() > 2 && arrays[..3] == ["1-3", "2", "4-6"], "{arrays:?}");
    let last = cluster.calls().pop().expect("a call");
    assert_eq!(last[1..3], ["--time=10", "a\"b"], "the next rounds get the same options");
    cluster.is_as_in_one_go();
    let [_, err] = cluster.submitted("DIR --to slurm");
    assert!(err.contains("no other round is needed or allowed"), "{err}");
    assert_eq!(cluster.arrays(), arrays);
}

#[test]
fn two_thousand_shards_are_three_arrays_where_a_site_allows_a_thousand() {
    let cluster = Cluster::new(INTERVALS);
    cluster.put("config", "MaxArraySize = 1001\n");
    done(&cluster.bench, "plan node.toml -o DIR --replications 700 --shards 2000");
    cluster.submitted("DIR --to slurm");
    assert_eq!(cluster.arrays(), ["1-999", "0-999", "0"]);
    let [_, err] = cluster.submitted("DIR --to slurm");
    assert!(err.ends_with("2000 of them are queued or running\n"), "{err}");
}

#[test]
fn a_dry_run_prints_what_would_be_run_and_touches_nothing() {
    let cluster = Cluster::new(ROUNDS);
    done(&cluster.bench, "plan node.toml -o DIR --shards 3");
    let before = cluster.bench.files();
    for (system, command) in [("slurm", "sbatch "), ("hq", "hq --output-mode=json submit ")] {
        let [out, _] = cluster.submitted(&format!("DIR --to {system} --dry-run -- --x a'b"));
        let line = out.lines().last().expect("a command");
        assert!(line.starts_with(command) && line.contains(r" --x 'a'\''b' "), "{line}");
        assert_eq!(out.contains("\n#SBATCH --signal=B:USR2@120\n"), system == "slurm", "{out}");
        assert!(out.contains(&format!("--then {system} -- --x 'a'")), "{out}");
    }
    assert_eq!(cluster.bench.files(), before);
}

/// Submits what must be refused with this exit code and nothing submitted, and says what it said.
fn refused(cluster: &Cluster, code: i32, arguments: &str) -> String {
    let done = cluster.submit(arguments);
    assert_eq!((done.code, done.stdout.as_str()), (code, ""), "{arguments}: {}", done.stderr);
    done.stderr
}

#[test]
fn a_batch_system_that_fails_or_answers_oddly_is_quoted_and_nothing_is_sent_twice() {
    let cluster = Cluster::new(INTERVALS);
    done(&cluster.bench, "plan node.toml -o DIR --shards 3");
    cluster.submitted("DIR --to slurm");
    let queue = fs::read_to_string(cluster.folder.join("queue")).expect("a queue");
    let to_slurm = || refused(&cluster, 3, "DIR --to slurm");
    cluster.put("queue", &queue.replace("1-3", "1,3,..."));
    assert!(to_slurm().starts_with("error: `squeue` prints \"1_[1,3,...%2]|rackstorm-"));
    cluster.put("queue", &queue.replace("1-3", "1-3\u{1b}[2J"));
    assert!(!to_slurm().contains('\u{1b}'), "a terminal is given nothing to obey");
    cluster.remove("queue");
    assert!(to_slurm().starts_with("error: `squeue` failed (exit status: 1): "));
    cluster.put("queue", &"9_[1-99999]|another\n".repeat(450_000));
    assert!(to_slurm().contains("it prints without end"));
    cluster.put("queue", "");
    cluster.put("config", "SlurmctldPort = 6817\n");
    assert!(to_slurm().contains("`scontrol show config` has no MaxArraySize"));
    cluster.put("config", "MaxArraySize = 1001\n");
    cluster.put("refuses", "");
    assert!(
        to_slurm().contains("`sbatch` failed (exit status: 1): sbatch: error: Invalid account")
    );
    cluster.remove("refuses");
    cluster.put("babbles", "");
    assert!(to_slurm().starts_with("error: `sbatch` prints \"Have a nice day\"; run it by hand"));
    assert_eq!(cluster.arrays(), ["1-3"]);
    cluster.put("list", "{");
    assert!(refused(&cluster, 3, "DIR --to hq").starts_with("error: `hq` prints \"[{]\""));
    fs::remove_file(cluster.bench.path().join("bin/squeue")).expect("a disk");
    let mut alone = cluster.command(&["study", "submit", "DIR", "--to", "slurm"]);
    alone.env("PATH", cluster.bench.path().join("bin"));
    let none = Done::from(alone.output().expect("the program starts"));
    assert_eq!(none.code, 3);
    assert!(none.stderr.contains("`squeue` does not start: "), "{}", none.stderr);
    assert!(none.stderr.contains("is it installed here?"), "{}", none.stderr);
}

#[test]
fn a_folder_of_no_study_and_an_unknown_batch_system_are_refused() {
    let cluster = Cluster::new(INTERVALS);
    let none = refused(&cluster, 2, "cluster --to slurm");
    assert!(none.contains("this is no folder of a study: it has no plan.json"), "{none}");
    let pbs = refused(&cluster, 2, "cluster --to pbs");
    assert!(pbs.contains("[possible values: slurm, hq, local]"), "{pbs}");
    assert!(refused(&cluster, 2, "cluster").contains("--to <SYSTEM>"));
}

#[test]
fn one_at_a_time_submits() {
    let cluster = Cluster::new(INTERVALS);
    done(&cluster.bench, "plan node.toml -o DIR --shards 3");
    let place = cluster.bench.path().join("DIR").join("work").join("submit.claim");
    fs::create_dir(&place).expect("a disk");
    fs::write(place.join("owner.json"), r#"{"host":"elsewhere","pid":1}"#).expect("a disk");
    let held = refused(&cluster, 75, "DIR --to slurm --force");
    let said = "the study is being submitted by process 1 of machine elsewhere, whose last sign ";
    assert!(held.starts_with(said), "{held}");
    assert_eq!(cluster.calls().len(), 0);
    fs::remove_dir_all(place).expect("a disk");
    cluster.submitted("DIR --to slurm");
}

#[test]
fn hyperqueue_plays_the_same_shards_and_gets_none_twice() {
    let cluster = Cluster::new(INTERVALS);
    done(&cluster.bench, "plan node.toml -o DIR --shards 5");
    let play = |tasks: &[&str]| {
        let call = cluster.calls().pop().expect("a call");
        let at = call.iter().position(|it| it == "--").expect("a command");
        for task in tasks {
            let mut command = Command::new(&call[at + 1]);
            // Its worker is itself a task of Slurm's.
            command.args(&call[at + 2..]).env("HQ_TASK_ID", task).env("SLURM_ARRAY_TASK_ID", "1");
            let output = command.output().expect("the program starts");
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success() && said.starts_with("shard "), "{said}");
        }
    };
    let [out, _] = cluster.submitted("DIR --to hq -- --priority=3");
    assert_eq!(out, "job 1: shards 1-5\n");
    let call = cluster.calls().remove(0).join(" ");
    assert!(call.contains(" --stdout=none --stderr=") && call.contains("/shard-%{TASK_ID}.log "));
    assert!(call.contains(" --cpus=all --priority=3 -- "), "{call}");
    let [_, err] = cluster.submitted("DIR --to hq");
    assert!(err.ends_with("5 of them are queued or running\n"), "{err}");
    play(&["1", "4"]);
    // Tasks 2 and 3 failed, task 5 waits still.
    cluster.put("tasks-1", "5, 4000000000");
    let [out, _] = cluster.submitted("DIR --to hq -- --cpus=4");
    assert_eq!(out, "job 2: shards 2-3\n");
    assert!(!cluster.calls()[1].contains(&"--cpus=all".to_owned()));
    play(&["2", "3", "5"]);
    cluster.is_as_in_one_go();
}

/// Waits until the study has been played, a minute at most.
fn wait_for(bench: &Bench) {
    for _ in 0..6_000 {
        if study(bench, "status DIR").code == 0 {
            return;
        }
        rest();
    }
    panic!("nobody plays");
}

#[test]
fn a_process_of_this_machine_plays_what_is_missing_with_the_options_given() {
    let cluster = Cluster::new(INTERVALS);
    done(&cluster.bench, "plan node.toml -o DIR --shards 4");
    done(&cluster.bench, "run DIR --shard 2 --quiet");
    let [out, _] = cluster.submitted("DIR --to local -- --jobs 1");
    assert!(out.ends_with(": shards 1,3-4\n"), "{out}");
    wait_for(&cluster.bench);
    cluster.is_as_in_one_go();
    let log = cluster.bench.path().join("DIR/logs/local.log");
    let log = fs::read_to_string(log).expect("a log");
    // How many runs a shard has hangs on the pilot; that of the last one may not be reported yet.
    assert!(log.contains("shard 3 of 4: ") && !log.contains("shard 2 of 4: "), "{log}");
}

#[test]
fn what_a_process_of_this_machine_plays_is_not_submitted_again() {
    let cluster = Cluster::new(INTERVALS);
    done(&cluster.bench, "plan node.toml -o DIR --shards 4");
    let folder = fs::canonicalize(cluster.bench.path().join("DIR")).expect("a folder");
    let plays = |folder: &Path| {
        let mut command = Command::new("sh");
        command.args(["study", "run"]).arg(folder).current_dir(cluster.bench.path());
        command.stdin(std::process::Stdio::piped()).spawn().expect("a shell")
    };
    cluster.bench.write("study", "read line");
    let mut child = plays(&folder);
    let [_, err] = cluster.submitted("DIR --to local");
    assert!(err.ends_with("4 of them are queued or running\n"), "{err}");
    drop(child.stdin.take());
    child.wait().expect("it was started");
    let [out, _] = cluster.submitted("DIR --to local");
    assert!(out.ends_with(": shards 1-4\n"), "{out}");
    wait_for(&cluster.bench);
}
