//! Measured storms imported, runs replayed on another stage, and the model fitted to them.

use serde_json::Value;

use crate::program::{Bench, Done, root};

const HEAD: &str = "run,proto,server,client,n,file_bytes,node_link,uplink,server_link,per_module,\
                    blksize,client_idx,start_s,dur_s,rc,cpu_busy_pct,note\n";

/// Two TFTP clients at 98 % of their links, and two of DHCP, one of which gives up.
fn storms() -> String {
    let rows = [
        "tftp,dnsmasq,curl,2,2000000,10mbit,100mbit,100mbit,10,1468,0,0.0,1.710,0,50,",
        "tftp,dnsmasq,curl,2,2000000,10mbit,100mbit,100mbit,10,1468,1,0.001,1.711,0,50,",
        "dhcp-dora,dnsmasq,udhcpc,2,,10mbit,100mbit,100mbit,10,,0,0.0,3.1,0,50,default",
        "dhcp-dora,dnsmasq,udhcpc,2,,10mbit,100mbit,100mbit,10,,1,0.0,12.1,1,50,default",
    ];
    rows.iter().fold(HEAD.to_owned(), |all, row| format!("{all}r1,{row}\n"))
}

/// The one object that a command prints with `--json`.
fn object(done: &Done) -> Value {
    done.json_lines().swap_remove(0)
}

fn results(run: &Value) -> String {
    run["results"].as_str().expect("a folder").to_owned()
}

#[test]
fn an_imported_storm_is_a_results_folder_like_any_other() {
    let bench = Bench::new();
    bench.write("storms.csv", &storms());
    let import = ["import", "storms.csv", "--json", "--report"];
    let done = bench.run(&import);
    assert_eq!((done.code, done.stderr.as_str()), (0, ""));
    let storms = done.json_lines();
    assert_eq!(storms.len(), 2);
    assert_eq!((&storms[1]["clients"], &storms[1]["failed"]), (&2.into(), &1.into()));
    let (tftp, dhcp) = (results(&storms[0]), results(&storms[1]));
    assert!(tftp.contains("tftp-dnsmasq-curl-2-10mbit-1468/1-measured-"), "{tftp}");
    assert!(bench.path().join(&tftp).join("report.html").is_file());
    let events = bench.run(&["events", &dhcp]);
    assert_eq!(events.code, 0, "{}", events.stderr);
    assert!(events.stdout.contains("12100000000,node-state,2,1,,,,,gave-up,no-offer"));
    assert!(events.stdout.contains("3100000000,node-state,1,1,,,,,up,course"));
    assert_eq!(bench.run(&["report", &dhcp]).code, 0);
    // Its own scenario plays in the model, and the two compare.
    let scenario = format!("{tftp}/scenario.toml");
    let run = bench.play(&[scenario.into()], &[]).swap_remove(0);
    let done = bench.run(&["compare", &tftp, &results(&run), "--json"]);
    let compared = object(&done);
    let row = |table: &str, name: &str| {
        let rows = compared[table].as_array().expect("a list");
        rows.iter().find(|row| row["name"] == name).unwrap_or_else(|| panic!("{name}")).clone()
    };
    assert_eq!(compared["a"][0]["stage"], "measured");
    assert_eq!(row("metrics", "boot_t100")["verdict"], "within");
    assert_eq!(row("distributions", "first_up")["verdict"], "within");
    // Again: the same fingerprints, and nothing is overwritten.
    let before = bench.files();
    let again = bench.run(&import);
    assert_eq!(again.json_lines()[0]["already_there"], true);
    assert_eq!(bench.files(), before);
}

#[test]
fn what_cannot_be_imported_is_reported_by_its_line_and_the_rest_is_imported() {
    let bench = Bench::new();
    bench.write("storms.csv", &storms().replace(",12.1,1,", ",soon,1,"));
    bench.write("summary.csv", "run,proto,n,makespan_s\n");
    let done = bench.run(&["import", "storms.csv"]);
    assert_eq!(done.code, 3);
    assert_eq!(done.stdout.lines().count(), 1, "{}", done.stdout);
    for reported in [
        "warning: storms.csv:4: the storm dhcp-dora-dnsmasq-udhcpc-2-10mbit-ping of run 1 lacks 1",
        "warning: storms.csv:5: dur_s is `soon` and not a number of seconds",
        "warning: storms.csv: 2 things cannot be used in 4 rows; 1 storms can",
    ] {
        assert!(done.stderr.contains(reported), "{reported} is missing in:\n{}", done.stderr);
    }
    let before = bench.files();
    for (file, reported) in [
        ("summary.csv", "error: summary.csv: no table of storms: it has no column server"),
        ("missing.csv", "error: missing.csv: "),
    ] {
        let done = bench.run(&["import", "storms.csv", file, "--out", "elsewhere"]);
        assert_eq!(done.code, 2);
        assert!(done.stderr.contains(reported), "{}", done.stderr);
    }
    assert_eq!(bench.files(), before);
}

/// Two ranks over 10 Mbit/s: α is 1 ms. A million bytes would take 0.8 s of the whole link and move
/// in 1 s, so that payload gets 80 %. An all-reduce of a million bytes is then two messages of a
/// half that take turns: 2 (1 ms + 1 s). Of four ranks and 0.1 s a message an all-gather doubles in
/// two rounds, 2 (1 ms) + 2 (0.1 + 0.2 s), and an all-to-all sends all at once, 1 ms + 2 (0.3 s).
fn operations() -> String {
    let head = "op,ranks,bytes,reps,min_s,mean_s,max_s,node_link,cpu_busy_pct\n";
    let rows = [
        "pingpong_0_1_roundtrip,2,8,5,0.002,0.002,0.002,10mbit,40",
        "pingpong_0_1_roundtrip,2,1000000,3,2.002,2.002,2.002,10mbit,40",
        "allreduce_float,2,1000000,4,1.9,2.0,2.2,10mbit,40",
        "bcast,2,1000000,1,1.1,1.1,1.1,10mbit,40",
        "allgather,4,100000,1,0.7,0.7,0.7,10mbit,40",
        "alltoall,4,100000,2,0.6,0.7,0.8,10mbit,40",
    ];
    rows.iter().fold(head.to_owned(), |all, row| format!("{all}{row}\n"))
}

#[test]
fn imported_operations_are_held_against_the_model_of_their_ping_pongs() {
    let bench = Bench::new();
    bench.write("mpi.csv", &operations());
    let done = bench.run(&["import", "mpi.csv", "--model", "--json"]);
    assert_eq!((done.code, done.stderr.as_str()), (0, ""));
    let rows = done.json_lines();
    let of = |row: usize, key: &str| rows[row][key].as_f64().expect("a number");
    assert_eq!((rows.len(), &rows[2]["ranks"], &rows[2]["repetitions"]), (6, &2.into(), &4.into()));
    assert_eq!(rows[2]["metric"], "collective_time_mean");
    for (row, measured, model) in
        [(1, 1.001, 1.001), (2, 2.0, 2.002), (3, 1.1, 1.001), (4, 0.7, 0.602), (5, 0.7, 0.601)]
    {
        assert!((of(row, "measured") - measured).abs() < 1e-6, "{}", rows[row]);
        assert!((of(row, "model") - model).abs() < 1e-4, "{}", rows[row]);
    }
    // The folder is like any other: fastest and slowest are kept, and `compare` takes it.
    let folder = results(&rows[2]);
    assert!(folder.contains("allreduce_float-2-1000000-10mbit/1-measured-"), "{folder}");
    let run = bench.play(&[format!("{folder}/scenario.toml").into()], &[]).swap_remove(0);
    let compared = object(&bench.run(&["compare", &folder, &results(&run), "--json"]));
    let metrics = compared["metrics"].as_array().expect("a list");
    let mean = metrics.iter().find(|row| row["name"] == "collective_time_mean").expect("a row");
    assert_eq!(mean["verdict"], "within", "{mean}");
    let text = bench.run(&["import", "mpi.csv", "--model"]).stdout;
    assert!(
        text.contains("(was there already)  collective_time_mean: 1.100000 s, model 1.00"),
        "{text}"
    );
}

/// The ping-pongs are fitted, and the broadcast and the all-reduce predicted.
#[test]
fn calibrate_fits_latency_and_share_to_ping_pongs_and_predicts_the_rest() {
    let bench = Bench::new();
    bench.write("mpi.csv", &operations());
    let rows = bench.run(&["import", "mpi.csv", "--json"]).json_lines();
    let folders: Vec<_> = rows.iter().map(results).collect();
    let scenario = format!("{}/scenario.toml", folders[1]);
    let args = [
        &["calibrate", &scenario, "--from", &folders[0], &folders[1]][..],
        &["--hold-out", &folders[2], "--observe", "collective_time_mean", "--json"],
        &["--fit", "network.tcp_share,workload.bulk-synchronous.collective.latency"],
    ];
    let done = bench.run(&args.concat());
    assert_eq!(done.code, 0, "{}", done.stderr);
    assert!(
        done.stdout.contains("workload.bulk-synchronous.collective.latency"),
        "{}",
        done.stdout
    );
}

#[test]
fn operations_that_cannot_be_imported_are_reported_by_their_lines() {
    let bench = Bench::new();
    let flawed = [
        "gossip,2,8,5,0.1,0.1,0.1,10mbit,40",
        "bcast,1,8,5,0.1,0.1,0.1,10mbit,40",
        "bcast,2,8,0,0.1,0.1,0.1,10mbit,40",
        "bcast,2,8,5,0.3,0.1,0.1,10mbit,40",
        "bcast,2,8,5,0.1,0.1,0.1,fast,40",
    ];
    bench.write("mpi.csv", &flawed.iter().fold(operations(), |all, row| format!("{all}{row}\n")));
    bench.write("lacks.csv", "op,ranks,bytes\n");
    let done = bench.run(&["import", "mpi.csv"]);
    assert_eq!((done.code, done.stdout.lines().count()), (3, 6), "{}", done.stderr);
    for reported in [
        "mpi.csv:8: op is `gossip`; known are allreduce, barrier, bcast",
        "mpi.csv:9: ranks is 1: nothing is sent",
        "mpi.csv:10: reps is 0; known are 1 to 100000",
        "mpi.csv:11: min_s, mean_s and max_s are not in this order",
        "mpi.csv:12: node_link is `fast` and no rate such as 100mbit",
        "mpi.csv: 5 things cannot be used in 11 rows; 6 operations can",
    ] {
        assert!(done.stderr.contains(reported), "{reported} is missing in:\n{}", done.stderr);
    }
    let done = bench.run(&["import", "lacks.csv"]);
    assert_eq!(done.code, 2);
    assert!(
        done.stderr.contains("no table of collective operations: it has no column reps"),
        "{}",
        done.stderr
    );
}

#[test]
fn a_recorded_run_meets_the_same_faults_on_another_stage() {
    let bench = Bench::new();
    for name in ["crash_weibull_daly", "upsets_in_a_beam", "parts_fail"] {
        let file = root().join("scenarios/smoke").join(name).with_extension("toml");
        let run = bench.play(&[file], &["--out", "first", "--events", "all"]).swap_remove(0);
        let first = results(&run);
        let done = bench.run(&["replay", &first, "--on", "model", "--quiet", "--out", "second"]);
        assert_eq!(done.code, 0, "{name}: {}", done.stderr);
        let second = done.stderr.split('`').nth(1).expect("a command");
        let second = second.split(' ').nth(3).expect("a folder").to_owned();
        let strikes = |folder: &str| -> Vec<String> {
            let log = bench.run(&["events", folder]).stdout;
            let strikes = log.lines().filter(|line| line.contains("fault-strikes"));
            let place = |line: &str| line.split(',').take(6).collect::<Vec<_>>().join(",");
            strikes.map(place).collect()
        };
        // An upset that did nothing does not strike again.
        let (then, now) = (strikes(&first), strikes(&second));
        assert!(!now.is_empty() && now.iter().all(|it| then.contains(it)), "{name}: {now:?}");
        if name == "crash_weibull_daly" {
            assert_eq!(then, now);
            let done = bench.run(&["compare", &first, &second, "--band", "0.1%", "--json"]);
            let compared = object(&done);
            let rows = compared["metrics"].as_array().expect("a list");
            for name in ["makespan", "efficiency", "interrupts", "availability"] {
                let row = rows.iter().find(|row| row["name"] == name).expect("a metric");
                assert_eq!(row["verdict"], "same", "{row}");
            }
        }
    }
}

#[test]
fn a_run_without_a_log_cannot_be_replayed_elsewhere() {
    let bench = Bench::new();
    let file = root().join("scenarios/smoke/boot_sd_3b.toml");
    let run = bench.play(&[file], &["--events", "none"]).swap_remove(0);
    let done = bench.run(&["replay", &results(&run), "--on", "model", "--out", "second"]);
    assert_eq!(done.code, 3);
    assert!(done.stderr.contains("it has no log of what struck it"), "{}", done.stderr);
    assert_eq!(bench.run(&["replay", &results(&run), "--on", "nowhere"]).code, 2);
}

/// A rack that boots over NFS, with what `keys` sets.
fn rack(bench: &Bench, name: &str, seed: u64, keys: &[&str]) -> String {
    let text = "schema = 1\ninherit = \"edge_rack_24\"\n[boot]\nmethod = \"pxe-nfs\"\n\
                [stop]\nwhen = \"all up\"\nat = \"1 h\"\n";
    let file = bench.write("rack.toml", text);
    let seed = seed.to_string();
    let mut options = vec!["--seed", &seed, "--out", name];
    for key in keys {
        options.extend(["--set", key]);
    }
    results(&bench.play(&[file], &options).swap_remove(0))
}

const TRUTH: [&str; 4] = [
    "hardware.boot.rom=9 s",
    "hardware.boot.init=21 s",
    "hardware.boot.tftp_pace=650 us",
    "network.tcp_share=0.88",
];

#[test]
fn the_parameters_that_made_a_run_are_found_again() {
    let bench = Bench::new();
    let [a, b, c] = [1, 2, 3].map(|seed| rack(&bench, "recorded", seed, &TRUTH));
    let fit = "hardware.boot.rom,hardware.boot.init,hardware.boot.tftp_pace,network.tcp_share";
    let arguments = ["calibrate", "rack.toml", "--from", &a, &b, "--hold-out", &c, "--fit", fit];
    let done = bench.run(&[&arguments[..], &["--json", "--out", "cal"]].concat());
    assert_eq!((done.code, done.stderr.as_str()), (0, ""), "{}", done.stdout);
    let found = object(&done);
    let truth = [9.0, 21.0, 650e-6, 0.88];
    for (parameter, truth) in found["parameters"].as_array().expect("a list").iter().zip(truth) {
        let fitted = parameter["fitted"].as_f64().expect("a number");
        assert!((fitted / truth - 1.0).abs() < 1e-3, "{parameter}");
        assert_eq!(parameter["verdict"], "determined", "{parameter}");
        assert!(parameter["low"].is_number(), "{parameter}");
    }
    assert_eq!(found["counted"]["independent"], "observations");
    let rms = found["held_out"]["rms"].as_f64().expect("a number");
    assert!(rms < 1e-3, "{found}");
    // What was written is a scenario that others inherit, with sources, and that plays as recorded.
    bench.write("child.toml", "schema = 1\ninherit = \"cal/calibrated.toml\"\nseed = 3\n");
    let child = bench.play(&[bench.path().join("child.toml")], &["--out", "third"]).swap_remove(0);
    let done = bench.run(&["compare", &c, &results(&child), "--json"]);
    assert_eq!(done.code, 0, "{}", done.stdout);
    let written = std::fs::read_to_string(bench.path().join("cal/calibrated.toml")).expect("text");
    let source = format!("\"hardware.boot.rom\" = \"calibrated from {a} and 1 more runs; 99 %");
    assert!(written.contains(&source), "{source} is missing in\n{written}");
    assert!(written.contains("#   hardware.boot.rom = \""), "{written}");
    for (table, rows) in [("parameters.csv", 4), ("residuals.csv", 1)] {
        let text = std::fs::read_to_string(bench.path().join("cal").join(table)).expect("text");
        assert!(text.lines().count() > rows, "{table}: {text}");
    }
    let text = bench.run(&arguments).stdout;
    assert!(text.contains("hardware.boot.rom") && text.contains("Held out: 1 run"), "{text}");
}

#[test]
fn what_the_runs_cannot_show_is_said_by_name() {
    let bench = Bench::new();
    bench.write("storms.csv", &storms());
    let storm = results(&object(&bench.run(&["import", "storms.csv", "--json"])));
    let scenario = format!("{storm}/scenario.toml");
    let fit = "hardware.link,network.tcp_share,hardware.boot.rom";
    let done = bench.run(&["calibrate", &scenario, "--from", &storm, "--fit", fit, "--json"]);
    assert_eq!(done.code, 0, "{}", done.stderr);
    let found = object(&done);
    let said = |i: usize| (&found["parameters"][i]["verdict"], &found["parameters"][i]["with"]);
    assert_eq!(said(0), (&"only-combined".into(), &Value::from(vec!["network.tcp_share"])));
    assert_eq!(said(1), (&"only-combined".into(), &Value::from(vec!["hardware.link"])));
    assert_eq!(said(2).0, "nothing-depends-on-it");
    let fitted = |i: usize| found["parameters"][i]["fitted"].as_f64().expect("a number");
    let product = fitted(0) * fitted(1) / (10e6 * 1468.0 / 1538.0);
    assert!((product - 0.98).abs() < 0.01, "{product}");
    assert!(found["held_out"].is_null());
}

#[test]
fn mistakes_of_a_calibration_are_reported_and_nothing_is_written() {
    let bench = Bench::new();
    let run = rack(&bench, "recorded", 1, &[]);
    let before = bench.files();
    let calibrate = |rest: &[&str]| {
        let calibrate = ["calibrate", "rack.toml", "--out", "cal", "--from"];
        let done = bench.run(&[&calibrate[..], rest].concat());
        assert_eq!(bench.files(), before, "{rest:?}");
        (done.code, done.stderr)
    };
    let runs: &[(i32, &[&str], &str)] = &[
        (2, &[&run, "--fit", "hardware.boot.rmo"], "did you mean `hardware.boot.rom`?"),
        (2, &[&run, "--fit", "zzz"], "known are hardware.link, network.tcp_share"),
        (2, &[&run, "--hold-out", &run], "is fitted and held out at once"),
        (2, &[&run, "--fit", "workload.bulk-synchronous.step"], "no run has workload.bulk-"),
        (2, &[&run, "--observe", "restart*"], "recorded are boot_stage_mean/dhcp, "),
        (2, &[&run, "--band", "wide"], "a share from 0 up"),
        (2, &[&run, "--set", "hardware.boot.rom=soon"], "hardware.boot.rom"),
        (2, &[], "--from"),
        (3, &["nowhere"], "there is no such folder"),
    ];
    for (code, rest, reported) in runs {
        let (found, stderr) = calibrate(rest);
        assert_eq!(found, *code, "{rest:?}: {stderr}");
        assert!(stderr.contains(reported), "{rest:?}: {reported} is missing in:\n{stderr}");
    }
}

/// A storm whose second run took twice as long: no parameter explains both.
#[test]
fn a_prediction_beyond_the_band_is_exit_4() {
    let bench = Bench::new();
    let [first, second] = ["r1,tftp", "r2,tftp"].map(|run| {
        let row = "dnsmasq,curl,1,2000000,10mbit,100mbit,100mbit,10,1468,0,0.0";
        let took = if run.starts_with("r1") { 1.71 } else { 3.42 };
        format!("{run},{row},{took},0,50,\n")
    });
    bench.write("storms.csv", &format!("{HEAD}{first}{second}"));
    let done = bench.run(&["import", "storms.csv", "--json"]);
    let runs: Vec<_> = done.json_lines().iter().map(results).collect();
    let scenario = format!("{}/scenario.toml", runs[0]);
    let fit = ["--fit", "network.tcp_share", "--halve"];
    let arguments = [&["calibrate", &scenario, "--from", &runs[1], &runs[0]][..], &fit].concat();
    let done = bench.run(&arguments);
    assert_eq!(done.code, 4, "{}{}", done.stdout, done.stderr);
    assert!(done.stdout.contains("beyond 10 %"), "{}", done.stdout);
    assert_eq!(bench.run(&[&arguments[..], &["--band", "60%"]].concat()).code, 0);
}
