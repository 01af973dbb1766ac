//! What a study refuses, and that nothing is lost by it.

use std::fs;

use super::{INTERVALS, done, one_node, study, tables};
use crate::program::Bench;

/// Runs a command that must be refused with this exit code, and says what it said.
fn refused(bench: &Bench, code: i32, arguments: &str) -> String {
    let refused = study(bench, arguments);
    assert_eq!(
        (refused.code, refused.stdout.as_str()),
        (code, ""),
        "{arguments}: {}",
        refused.stderr
    );
    refused.stderr
}

#[test]
fn a_study_is_played_by_no_other_command() {
    let bench = Bench::new();
    one_node(&bench, INTERVALS);
    let refused = bench.run(&["run", "node.toml"]);
    assert_eq!((refused.code, refused.stdout.as_str()), (2, ""));
    assert!(refused.stderr.contains("`rackstorm study FILE` plays it"), "{}", refused.stderr);
    assert_eq!(bench.files(), ["node.toml"]);
}

#[test]
fn a_gap_is_written_as_slurm_reads_it_and_merged_only_if_that_is_wanted() {
    let bench = Bench::new();
    one_node(&bench, INTERVALS);
    done(&bench, "plan node.toml -o node --shards 6");
    let empty = refused(&bench, 75, "merge node --partial");
    assert!(empty.contains("6 of 6 shards are missing: 1-6"), "{empty}");
    done(&bench, "run node --shard 2,3 --quiet");
    let status = study(&bench, "status node");
    assert_eq!(status.code, 75);
    let lines: Vec<_> = status.stdout.lines().collect();
    assert_eq!((lines[0], lines[2]), ("shards   2 of 6 done", "missing  1,4-6"));
    let json = study(&bench, "status node --json").json_lines().remove(0);
    let runs = json["runs_done"].as_u64().expect("a number");
    assert_eq!((&json["missing"], &json["runs_missing"]), (&"1,4-6".into(), &(60 - runs).into()));
    assert_eq!(lines[1], format!("runs     {runs} of 60: {runs} done, 0 unfinished, 0 failed"));
    let gaps = refused(&bench, 75, "merge node");
    assert!(gaps.contains("4 of 6 shards are missing: 1,4-6"), "{gaps}");
    assert!(!bench.path().join("node/results.csv").exists());
    let partial = study(&bench, "merge node --partial");
    assert_eq!(partial.code, 75);
    assert!(
        partial.stdout.starts_with(&format!("{runs} runs of 3 cells: {runs} done")),
        "{}",
        partial.stdout
    );
    done(&bench, "run node --quiet");
    done(&bench, "merge node");
}

#[test]
fn a_part_that_is_cut_or_changed_is_played_again_and_merged_never() {
    let bench = Bench::new();
    one_node(&bench, INTERVALS);
    done(&bench, "node.toml -o node --shards 3 --quiet");
    let folder = bench.path().join("node");
    let whole = tables(&folder);
    for (name, keep) in
        [("part-00002.csv", 1_000), ("part-00001.parquet", 100), ("part-00003.json", 10)]
    {
        let bytes = fs::read(folder.join(name)).expect("a part");
        fs::write(folder.join(name), &bytes[..keep]).expect("a disk");
        let text = refused(&bench, 2, "merge node");
        assert!(text.contains(&format!("{name} is cut")), "{text}");
        let status = study(&bench, "status node");
        assert!(status.code == 75 && status.stdout.contains(&format!("damaged  {name}")));
        done(&bench, "run node --quiet");
        done(&bench, "merge node");
        assert_eq!(tables(&folder), whole);
    }
    let mut bytes = fs::read(folder.join("part-00001.csv")).expect("a part");
    *bytes.last_mut().expect("not empty") ^= 1;
    fs::write(folder.join("part-00001.csv"), bytes).expect("a disk");
    let text = refused(&bench, 2, "merge node");
    assert!(text.contains("part-00001.csv is changed"), "{text}");
}

#[test]
fn a_part_of_another_plan_is_refused_and_stays() {
    let bench = Bench::new();
    one_node(&bench, INTERVALS);
    done(&bench, "node.toml -o one --shards 3 --quiet");
    done(&bench, "plan node.toml -o other --shards 3 --seed 7");
    let [theirs, ours] = ["one", "other"].map(|name| bench.path().join(name));
    for end in ["csv", "parquet", "json"] {
        let name = format!("part-00002.{end}");
        fs::copy(theirs.join(&name), ours.join(&name)).expect("a disk");
    }
    for command in ["run other", "status other", "merge other --partial"] {
        let text = refused(&bench, 2, command);
        assert!(text.contains("part-00002.json: this part belongs to another plan"), "{text}");
    }
    let name = "part-00002.csv";
    assert_eq!(fs::read(theirs.join(name)).ok(), fs::read(ours.join(name)).ok());
}

#[test]
fn a_folder_that_holds_something_else_is_left_alone() {
    let bench = Bench::new();
    one_node(&bench, INTERVALS);
    fs::create_dir(bench.path().join("full")).expect("a disk");
    bench.write("full/thesis.tex", "all of it");
    let text = refused(&bench, 2, "node.toml -o full");
    assert!(text.contains("not empty and holds no study: there is thesis.tex"), "{text}");
    done(&bench, "plan node.toml -o node");
    let text = refused(&bench, 2, "node.toml -o node --seed 7");
    assert!(text.contains("the folder holds another study, of `node`"), "{text}");
    let text = refused(&bench, 2, "status nowhere");
    assert!(text.contains("nowhere: there is no such folder"), "{text}");
    let text = refused(&bench, 2, "run node --shard 99");
    assert!(text.contains("there is no shard 99: they are numbered from 1 to 1"), "{text}");
    let file = bench.path().join("node/study.toml");
    let text = fs::read_to_string(&file).expect("a study");
    fs::write(&file, text.replace("20", "21")).expect("a disk");
    let text = refused(&bench, 2, "run node");
    assert!(text.contains("study.toml: it was changed since the study was planned"), "{text}");
}

#[test]
fn a_study_that_is_too_large_is_refused_at_once() {
    let bench = Bench::new();
    let long = "[stop]\nat = \"100000 d\"\n\
                [sweep]\n\"workload.bulk-synchronous.work\" = [\"20000 d\", \"21000 d\"]\n";
    one_node(&bench, long);
    let text = refused(&bench, 2, "plan node.toml -o node --replications 1000000");
    assert!(text.contains("more than 24 h are planned only with --yes"), "{text}");
    let many = "[sweep]\n\"stop.at\" = { from = \"1 d\", to = \"10 d\", points = 1000000000 }\n";
    one_node(&bench, many);
    refused(&bench, 2, "plan node.toml -o node");
    one_node(&bench, "[study]\nprecision = \"1 %\"\n");
    let text = refused(&bench, 2, "plan node.toml -o node");
    assert!(text.contains("a precision of no metric"), "{text}");
    assert_eq!(bench.files(), ["node.toml"]);
}
