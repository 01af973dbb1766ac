//! A study that is killed, stopped, split and shared: the same bytes as in one go.

use std::path::{Path, PathBuf};
use std::process::Child;

use rackstorm::rng::Stream;
use rustix::process::{Pid, Signal, kill_process};

use super::{INTERVALS, done, one_node, study, tables};
use crate::program::{Bench, rest, wait};

/// The tables of the study in one go, by one job.
fn in_one_go(bench: &Bench) -> [Vec<u8>; 3] {
    one_node(bench, INTERVALS);
    done(bench, "node.toml -o whole --jobs 1 --quiet --fingerprint");
    tables(&bench.path().join("whole"))
}

fn start(bench: &Bench, arguments: &str) -> Child {
    let all: Vec<_> = ["study"].into_iter().chain(arguments.split_whitespace()).collect();
    bench.start(&all)
}

/// Starts the study again and again and stops it with these signals, at moments that hang on the
/// seed, then lets it come to its end.
fn stopped_by(signals: &[Signal], seed: u64, look: &dyn Fn(Signal, i32)) {
    eprintln!("seed {seed}");
    let bench = Bench::new();
    let whole = in_one_go(&bench);
    let again = "node.toml -o stopped --jobs 2 --shards 3 --quiet --fingerprint";
    for (number, signal) in (0..).zip(signals) {
        let mut child = start(&bench, again);
        // From before the study is planned until after it is merged.
        for _ in 0..Stream::new(seed, "stops").draw(0, number).below(60) {
            if child.try_wait().expect("it was started").is_some() {
                break;
            }
            rest();
        }
        let _ = kill_process(Pid::from_child(&child), *signal);
        let output = child.wait_with_output().expect("it was started");
        if let Some(code) = output.status.code() {
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(code == 0 || said.contains("all whole rows are kept"), "{code}: {said}");
            look(*signal, code);
            kept_is_part_of_what_is_missing(&bench);
        }
    }
    done(&bench, again);
    assert_eq!(tables(&bench.path().join("stopped")), whole);
    let left: Vec<_> = bench.files().into_iter().filter(|name| name.contains("work")).collect();
    assert_eq!(left, [""; 0], "what kills left is gone");
}

/// What stopped shards have kept is no more than what is missing of the study, if it is planned.
fn kept_is_part_of_what_is_missing(bench: &Bench) {
    let status = study(bench, "status stopped --json");
    let Ok(status) = serde_json::from_str::<serde_json::Value>(&status.stdout) else { return };
    let number = |key: &str| status[key].as_u64().expect("a count");
    assert!(number("runs_kept") <= number("runs_missing"), "{status}");
}

#[test]
fn a_study_that_is_killed_at_ten_moments_leaves_the_same_bytes() {
    stopped_by(&[Signal::KILL; 10], 1, &|_, _| {});
}

#[test]
fn a_study_that_is_asked_to_stop_at_ten_moments_says_so_and_leaves_the_same_bytes() {
    let signals = [Signal::TERM, Signal::USR2, Signal::INT, Signal::HUP, Signal::TERM].repeat(2);
    stopped_by(&signals, 2, &|signal, code| {
        let wanted = if signal == Signal::INT { 130 } else { 75 };
        assert!(code == wanted || code == 0, "{signal:?} ends with {code}");
    });
}

#[test]
fn rows_that_were_kept_before_a_kill_are_not_played_again() {
    let mixed: Vec<_> = [Signal::TERM, Signal::KILL].repeat(5);
    stopped_by(&mixed, 3, &|_, _| {});
}

#[test]
fn shards_in_any_order_and_of_any_number_leave_the_bytes_of_one_go() {
    let bench = Bench::new();
    let whole = in_one_go(&bench);
    done(&bench, "plan node.toml -o shards --shards 5 --fingerprint");
    for (shard, jobs) in [("4-5", 3), ("2", 1), ("1,3", 2)] {
        done(&bench, &format!("run shards --shard {shard} --jobs {jobs} --quiet"));
    }
    done(&bench, "merge shards");
    assert_eq!(tables(&bench.path().join("shards")), whole);
    done(&bench, "plan node.toml -o tasks --shards 5 --fingerprint");
    for task in ["2/2", "1/2"] {
        done(&bench, &format!("run tasks --shard {task} --quiet"));
    }
    let mut command = bench.command(&["study", "run", "tasks", "--shard", "auto", "--quiet"]);
    let status = command.env("JOB_COMPLETION_INDEX", "4").status().expect("the program starts");
    assert!(status.success(), "it lies there already");
    done(&bench, "merge tasks");
    assert_eq!(tables(&bench.path().join("tasks")), whole);
}

#[test]
fn two_that_play_at_once_share_the_shards() {
    let bench = Bench::new();
    let whole = in_one_go(&bench);
    done(&bench, "plan node.toml -o both --shards 8 --fingerprint");
    let both = [(); 2].map(|()| start(&bench, "run both --jobs 1 --quiet"));
    for child in both {
        let done = wait(child);
        let left_to_others = done.code == 75 && done.stderr.contains("left to others: shards ");
        assert!(done.code == 0 || left_to_others, "{}: {}", done.code, done.stderr);
    }
    done(&bench, "run both --quiet");
    done(&bench, "merge both");
    assert_eq!(tables(&bench.path().join("both")), whole);
}

/// A claim as a process of another machine leaves it, with a last sign of life so long ago.
fn claim(folder: &Path, seconds: u64) -> PathBuf {
    let place = folder.join("work/part-00001.claim");
    std::fs::create_dir_all(&place).expect("a disk");
    let owner = place.join("owner.json");
    std::fs::write(&owner, r#"{"host":"elsewhere","pid":1}"#).expect("a disk");
    let file = std::fs::File::options().write(true).open(&owner).expect("a file");
    let now = file.metadata().and_then(|about| about.modified()).expect("a time");
    file.set_modified(now - std::time::Duration::from_secs(seconds)).expect("a disk");
    place
}

#[test]
fn a_shard_of_another_machine_is_left_to_it_until_it_is_silent_and_force_is_given() {
    let bench = Bench::new();
    one_node(&bench, INTERVALS);
    done(&bench, "plan node.toml -o node --shards 1");
    let folder = bench.path().join("node");
    let place = claim(&folder, 5);
    let refused = study(&bench, "run node --force --quiet");
    assert_eq!(refused.code, 75, "{}", refused.stderr);
    let said = "shard 1 is claimed by process 1 of machine elsewhere, whose last sign of life is ";
    assert!(refused.stderr.starts_with(said), "{}", refused.stderr);
    std::fs::remove_dir_all(place).expect("a disk");
    claim(&folder, 7_200);
    let refused = study(&bench, "run node --quiet");
    assert_eq!(refused.code, 75, "{}", refused.stderr);
    assert!(refused.stderr.contains(" s old; --force takes it over"), "{}", refused.stderr);
    assert_eq!(study(&bench, "status node").code, 75);
    done(&bench, "run node --force --quiet");
    done(&bench, "status node");
}
