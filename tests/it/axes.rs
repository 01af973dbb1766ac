//! The axes of studies: every way to write them has exactly the cells that it says.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use proptest::prelude::*;
use rackstorm::Study;
use rackstorm::scenario::Overrides;
use rackstorm::scenario::study::Seeds;

const BASE: &str = "inherit = \"edge_rack_24\"\n\
    [workload.bulk-synchronous]\nnodes = 20\nstep = \"1 min\"\nwork = \"1 h\"\n\
    [checkpoint.coordinated]\nsize = \"1 MB\"\ninterval = \"10 min\"\n[stop]\nat = \"1 d\"\n";

fn study(rest: &str) -> Study {
    set(rest, &[], None)
}

fn set(rest: &str, set: &[&str], seed: Option<u64>) -> Study {
    let set = set.iter().map(|&text| text.to_owned()).collect();
    Study::load_text("mine.toml", &format!("{BASE}{rest}"), &Overrides { set, seed })
        .unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

/// The values of all cells.
fn cells(study: &Study) -> Vec<Vec<String>> {
    let texts = |cell| study.values(cell).into_iter().map(|value| value.text).collect();
    (0..study.len()).map(texts).collect()
}

/// The values of the only axis.
fn axis(path: &str, values: &str) -> Vec<String> {
    let study = study(&format!("[sweep]\n\"{path}\" = {values}\n"));
    assert_eq!(study.axes().len(), 1);
    cells(&study).concat()
}

fn numbers(study: &Study, axis: usize) -> Vec<f64> {
    (0..study.len()).map(|cell| study.values(cell)[axis].number.expect("a number")).collect()
}

#[test]
fn an_axis_is_a_list_a_count_or_a_range() {
    assert_eq!(axis("boot.method", r#"["sd", "instant"]"#), ["sd", "instant"]);
    assert_eq!(axis("cluster.modules", r#""1..4""#), ["1", "2", "3"]);
    assert_eq!(axis("cluster.modules", "{ from = 1, to = 8, step = 3 }"), ["1", "4", "7"]);
    let steps = r#"{ from = "10 min", to = "1 h", step = "25 min" }"#;
    assert_eq!(axis("checkpoint.coordinated.interval", steps), ["10 min", "35 min", "1 h"]);
    let points = r#"{ from = "1 GB", to = "2 GB", points = 3 }"#;
    assert_eq!(axis("hardware.memory", points), ["1 GB", "1.5 GB", "2 GB"]);
    // What computers make of 0.1 + 2 x 0.1 is 0.30000000000000004.
    let tenths = "{ from = 0.1, to = 0.5, step = 0.1 }";
    assert_eq!(axis("site.solar", tenths), ["0.1", "0.2", "0.3", "0.4", "0.5"]);
    let shares = r#"{ from = "0 %", to = "100 %", points = 3 }"#;
    assert_eq!(axis("site.solar", shares), ["0.0", "0.5", "1.0"]);
    // Below sea level too.
    let heights = r#"{ from = "-10 m", to = "10 m", step = "10 m" }"#;
    assert_eq!(axis("site.altitude", heights), ["-10 m", "0 m", "10 m"]);
}

#[test]
fn a_logarithmic_range_rises_by_equal_factors_and_keeps_both_ends() {
    let decades = r#"{ from = "1 s", to = "1000 s", points = 4, scale = "log" }"#;
    let spans = axis("checkpoint.coordinated.interval", decades);
    assert_eq!(spans, ["1 s", "10 s", "1 min 40 s", "16 min 40 s"]);
    // 60^(1/4) = 2.78316 (numpy.geomspace(1, 60, 5)).
    let minute = "[sweep]\n\"stop.at\" = { from = \"1 s\", to = \"1 min\", points = 5, scale = \
                  \"log\" }\n";
    let five = numbers(&study(minute), 0);
    let wanted = [1.0, 2.783_157_684, 7.745_966_692, 21.558_246_718, 60.0];
    let near = five.iter().zip(wanted).all(|(a, b): (&f64, f64)| (a - b).abs() < 1e-8);
    assert!(near && five.len() == 5, "{five:?}");
    // Whole numbers are rounded, and none comes twice.
    let counts = "{ from = 1, to = 10, points = 9, scale = \"log\" }";
    assert_eq!(axis("cluster.modules", counts), ["1", "2", "3", "4", "6", "7", "10"]);
}

#[test]
fn the_columns_of_axes_have_units_where_all_of_their_values_are_numbers() {
    let study = study(
        "[[fault.crash]]\non = \"node\"\nlifetime = { exponential = { mean = \"9 d\" } }\n\
         [sweep]\n\"stop.at\" = [\"90 min\"]\n\"hardware.memory\" = [\"1 GB\"]\n\
         \"hardware.link\" = [\"100 Mbit/s\"]\n\"hardware.power.idle\" = [\"1.5 W\"]\n\
         \"site.altitude\" = [\"2231 m\"]\n\"cluster.modules\" = [2]\n\"site.solar\" = [\"50 %\"]\n\
         \"boot.method\" = [\"sd\"]\n\"checkpoint.coordinated.interval\" = [\"daly\", \"1 h\"]\n",
    );
    let units: Vec<_> = study.axes().iter().map(|axis| axis.unit().unwrap_or("text")).collect();
    assert_eq!(units, ["s", "B", "bit/s", "W", "m", "count", "1", "text", "text"]);
    let numbers: Vec<_> = study.values(1).into_iter().map(|value| value.number).collect();
    let some = [5_400.0, 1e9, 1e8, 1.5, 2_231.0, 2.0, 0.5].map(Some);
    assert_eq!(numbers[..7], some);
    assert_eq!(numbers[7..], [None, Some(3_600.0)], "sd, and 1 h in a list with daly");
    assert_eq!(study.values(1)[8].text, "1 h");
    let of_numbers = [7, 8].map(|axis: usize| study.axes()[axis].unit_of_numbers());
    assert_eq!(of_numbers, [None, Some("s")]);
    assert_eq!(study.values(0)[8].number, None);
}

#[test]
fn zipped_axes_go_together_and_the_others_are_combined_with_them() {
    let study = study(
        "[sweep]\n\"cluster.modules\" = [1, 2]\n\"boot.method\" = [\"sd\", \"instant\"]\n\
         \"workload.bulk-synchronous.nodes\" = [20, 40]\n\
         [study]\nzip = [[\"workload.bulk-synchronous.nodes\", \"cluster.modules\"]]\n",
    );
    let wanted =
        [["1", "sd", "20"], ["1", "instant", "20"], ["2", "sd", "40"], ["2", "instant", "40"]];
    assert_eq!(cells(&study), wanted);
    let of = |cell: usize| study.scenario(cell).expect("it is good");
    assert_eq!((of(3).cluster.modules, of(3).jobs[0].work.nodes), (2, 40));
}

#[test]
fn a_condition_compares_axes_with_values_other_axes_and_what_the_file_gives() {
    let all = "[sweep]\n\"cluster.modules\" = [1, 2, 3]\n\
               \"workload.bulk-synchronous.nodes\" = [1, 2, 40]\n\
               \"boot.method\" = [\"sd\", \"instant\"]\n\
               \"checkpoint.coordinated.interval\" = [\"90 s\", \"2 h\"]\n";
    let left = |conditions: &str| {
        let study = study(&format!("{all}[study]\nwhere = [{conditions}]\n"));
        cells(&study)
    };
    let only = |conditions: &str, wanted: fn(&[String]) -> bool| {
        // The job of 40 nodes needs two modules.
        let conditions = format!("\"workload.bulk-synchronous.nodes <= 24\", {conditions}");
        let cells = left(&conditions);
        assert!(!cells.is_empty() && cells.iter().all(|cell| wanted(cell)), "{cells:?}");
        cells.len()
    };
    assert_eq!(only("'cluster.modules >= 2'", |cell| cell[0] != "1"), 16);
    assert_eq!(only("'cluster.modules != 2'", |cell| cell[0] != "2"), 16);
    assert_eq!(only("'boot.method = sd'", |cell| cell[2] == "sd"), 12);
    assert_eq!(only("'boot.method != \"sd\"'", |cell| cell[2] == "instant"), 12);
    // Quantities are compared, not their texts.
    assert_eq!(only("'checkpoint.coordinated.interval < 0.1 h'", |cell| cell[3] == "90 s"), 12);
    let keys = "'cluster.modules = workload.bulk-synchronous.nodes'";
    assert_eq!(only(keys, |cell| cell[0] == cell[1]), 8);
    let step = "'checkpoint.coordinated.interval > workload.bulk-synchronous.work'";
    assert_eq!(only(step, |cell| cell[3] == "2 h"), 12);
    // The default of the language counts too.
    assert_eq!(only("'cluster.modules > checkpoint.coordinated.keep'", |cell| cell[0] != "1"), 16);
}

#[test]
fn the_reference_is_the_cell_that_its_conditions_name_or_the_first() {
    let axes =
        "[sweep]\n\"cluster.modules\" = [1, 2, 3]\n\"boot.method\" = [\"sd\", \"instant\"]\n";
    assert_eq!(study(axes).reference(), 0);
    let named = "[study]\nreference = [\"boot.method = instant\", \"cluster.modules = 2\"]\n";
    assert_eq!(study(&format!("{axes}{named}")).reference(), 3);
}

const LATIN: &str = "[sweep]\n\"site.altitude\" = { from = \"0 m\", to = \"4000 m\" }\n\
    \"checkpoint.coordinated.interval\" = { from = \"1 min\", to = \"10 h\", scale = \"log\" }\n\
    \"cluster.modules\" = { from = 1, to = 4 }\n\"boot.method\" = [\"sd\", \"instant\"]\n\
    [study]\nlatin_hypercube = 20\n";

#[test]
fn a_latin_hypercube_has_one_cell_in_each_part_of_each_axis() {
    let study = study(LATIN);
    assert_eq!(study.len(), 20);
    let parts = |shares: Vec<f64>| {
        let parts: BTreeSet<u64> = shares.iter().map(|share| (share * 20.0) as u64).collect();
        assert_eq!(parts, (0..20).collect(), "{shares:?}");
    };
    parts(numbers(&study, 0).iter().map(|metres| metres / 4_000.0).collect());
    parts(numbers(&study, 1).iter().map(|s| libm::log(s / 60.0) / libm::log(600.0)).collect());
    let times = |axis: usize, text: &str| cells(&study).iter().filter(|c| c[axis] == text).count();
    assert_eq!(["1", "2", "3", "4"].map(|modules| times(2, modules)), [5; 4]);
    assert_eq!(["sd", "instant"].map(|method| times(3, method)), [10; 2]);
}

#[test]
fn a_latin_hypercube_is_the_same_everywhere_and_another_axis_moves_no_value() {
    let first: Vec<String> = cells(&study(LATIN))[..3].iter().map(|cell| cell.join("; ")).collect();
    let golden = fs::read_to_string("tests/it/golden/latin_hypercube.txt").unwrap_or_default();
    if std::env::var_os("UPDATE").is_some() {
        fs::write("tests/it/golden/latin_hypercube.txt", first.join("\n") + "\n").expect("written");
    } else {
        assert_eq!(first, golden.lines().collect::<Vec<_>>());
    }
    let fewer = study(&LATIN.replace("\"boot.method\" = [\"sd\", \"instant\"]\n", ""));
    let same = |(more, less): (&Vec<String>, &Vec<String>)| more[..3] == less[..];
    assert!(cells(&study(LATIN)).iter().zip(&cells(&fewer)).all(same));
    assert_ne!(cells(&set(LATIN, &[], Some(2))), cells(&study(LATIN)), "the seed decides");
}

#[test]
fn an_axis_of_seeds_gives_replications_and_the_command_line_replaces_it() {
    let axes = "[sweep]\nseed = \"3..6\"\n\"cluster.modules\" = [1, 2]\n";
    let swept = study(axes);
    assert_eq!((swept.len(), swept.seeds()), (2, &Seeds::List(vec![3, 4, 5])));
    assert_eq!(swept.scenario(1).expect("it is good").seed, 3);
    assert_eq!(
        [0, 2, 3].map(|replication| swept.seeds().of(replication)),
        [Some(3), Some(5), None]
    );
    let seeded = set(axes, &["study.replications=50"], Some(9));
    assert_eq!((seeded.seeds(), seeded.spec().replications), (&Seeds::From(9), Some(50)));
    assert_eq!(seeded.seeds().of(49), Some(58));
    assert_eq!(study("").seeds(), &Seeds::From(1));
    assert_eq!(study("").len(), 1);
}

#[test]
fn a_file_with_replications_is_one_scenario_only_if_the_command_line_gives_the_seed() {
    let text = format!("{BASE}[sweep]\n\"cluster.modules\" = [1, 2]\n[study]\nreplications = 5\n");
    let load = |set: &[&str], seed| {
        let set = set.iter().map(|&text| text.to_owned()).collect();
        rackstorm::load_text("mine.toml", &text, &Overrides { set, seed })
    };
    for (set, seed) in [(&[][..], Some(3)), (&["cluster.modules=2"], None)] {
        let refused = load(set, seed).expect_err("it is a study").to_string();
        assert!(refused.contains("[sweep] makes this file a study"), "{refused}");
    }
    assert_eq!(load(&["cluster.modules=2"], Some(3)).expect("it is good").scenario.seed, 3);
}

/// Both have the same cells, of the same scenarios.
fn same(one: &Study, other: &Study) {
    assert_eq!(
        (cells(one), one.seeds(), one.reference()),
        (cells(other), other.seeds(), other.reference())
    );
    let paths = |study: &Study| -> Vec<_> {
        study.axes().iter().map(|axis| (axis.path().to_owned(), axis.unit())).collect()
    };
    assert_eq!((paths(one), one.name()), (paths(other), other.name()));
    for cell in 0..one.len() {
        let of = |study: &Study| study.scenario(cell).expect("it is good");
        assert_eq!(of(one), of(other), "cell {cell}");
    }
}

/// The text of a study loads to the same study, and to the same text.
fn text_is_whole(study: &Study) {
    let text = study.text();
    let again = Study::load_text("elsewhere/study.toml", &text, &Overrides::default());
    let again = again.unwrap_or_else(|mistakes| panic!("{text}\n{mistakes}"));
    same(study, &again);
    assert_eq!(again.text(), text);
    assert_eq!(again.spec().metrics, study.spec().metrics);
}

#[test]
fn the_text_of_a_study_loads_to_the_same_study() {
    for folder in ["base", "bramble", "smoke", "study"] {
        for entry in fs::read_dir(Path::new("scenarios").join(folder)).expect("it is there") {
            let path = entry.expect("an entry").path();
            if path.ends_with("base/defaults.toml")
                || path.extension().is_none_or(|it| it != "toml")
            {
                continue;
            }
            let study = Study::load(&path, &Overrides::default(), None);
            text_is_whole(&study.unwrap_or_else(|mistakes| panic!("{mistakes}")));
        }
    }
    let zip = "\"cluster.modules\" = { from = 1, to = 2, step = 1 }\n\
               \"workload.bulk-synchronous.nodes\" = [20, 40]\n\
               \"boot.method\" = [\"sd\", \"instant\"]\n\
               [study]\nzip = [[\"workload.bulk-synchronous.nodes\", \"cluster.modules\"]]\n\
               where = [\"cluster.modules != 1\"]\n\
               reference = [\"boot.method = instant\", \"workload.bulk-synchronous.nodes = 40\"]\n\
               metrics = [\"efficiency\"]\nprecision = \"1 %\"\n";
    text_is_whole(&study(&format!("[sweep]\nseed = [7, 18446744073709551615]\n{zip}")));
    text_is_whole(&set(&format!("[sweep]\n{zip}"), &["cluster.modules=2"], Some(5)));
    let cost = "checkpoint.coordinated.cost={ write = \"1 s\", read = \"1 s\" }";
    text_is_whole(&set(
        LATIN,
        &["fault.crash=[{ on = \"pi[1-3]\", at = \"1 h\" }]", cost],
        Some(3),
    ));
    text_is_whole(&set(LATIN, &["module.psu.0.limit=700 W"], None));
}

#[test]
fn the_text_of_a_study_needs_no_file_of_the_chain_and_finds_its_traces() {
    let folder = tempfile::tempdir().expect("a folder");
    let write =
        |name: &str, text: &str| fs::write(folder.path().join(name), text).expect("written");
    fs::create_dir(folder.path().join("base")).expect("made");
    let row = |node: u32, at: u32| format!("1\t1\t{node}\t3\tn\t0\t{at}\t{}\t\n", at + 60);
    write("base/trace.tab", &[row(5, 1000), row(7, 1600)].concat());
    write(
        "base/rack.toml",
        "inherit = \"lanl_pilot\"\ntitle = \"below\"\n[server]\nlink = \"25 Gbit/s\"\n\
         [[fault.hang]]\non = \"node\"\ntrace = { file = \"trace.tab\" }\n\
         [source]\n\"server.link\" = \"an order\"\n\"site\" = \"a map\"\n\
         [site]\nrigidity = 3.0\nsolar = 0.2\n",
    );
    write(
        "mine.toml",
        "inherit = \"base/rack.toml\"\n[stop]\nat = \"2 d\"\n[site]\nsolar = 0.9\n\
         [sweep]\n\"server.link\" = [\"1 Gbit/s\", \"10 Gbit/s\"]\n\
         [assumption]\n\"site.solar\" = \"a guess\"\n",
    );
    let of = |set: &[&str]| {
        let set = set.iter().map(|&text| text.to_owned()).collect();
        let path = folder.path().join("mine.toml");
        let study = Study::load(&path, &Overrides { set, seed: None }, None);
        study.unwrap_or_else(|mistakes| panic!("{mistakes}"))
    };
    text_is_whole(&of(&[]));
    text_is_whole(&of(&["server.link=2 Gbit/s"]));
    text_is_whole(&of(&["fault.hang.0.trace.speed=2.0", "site.rigidity=1.5"]));
    assert!(of(&[]).text().contains("inherit = \"lanl_pilot\""));
    let found = of(&[]).scenario(0).expect("it is good");
    assert!(found.provenance.iter().any(|figure| format!("{figure:?}").contains("a guess")));
}

/// A folder with a table of cells, and the study of them.
fn of_table(table: &str, rest: &str, set: &[&str]) -> Result<Study, String> {
    let folder = tempfile::tempdir().expect("a folder");
    let (file, cells) = (folder.path().join("mine.toml"), folder.path().join("cells.csv"));
    fs::write(&file, format!("{BASE}{rest}")).expect("written");
    fs::write(&cells, table).expect("written");
    let set = set.iter().map(|&text| text.to_owned()).collect();
    let study = Study::load(&file, &Overrides { set, seed: None }, Some(&cells));
    study.map_err(|mistakes| {
        mistakes.to_string().replace(&*folder.path().to_string_lossy(), "FOLDER")
    })
}

#[test]
fn a_table_of_cells_has_a_column_for_each_key_and_a_row_for_each_cell() {
    let table = "\u{feff}cluster.modules, stop.at ,boot.method,\
                 checkpoint.coordinated.interval [s]\r\n\
                 1,1 d,sd,600\r\n\r\n2,\"2 d\",\"instant\",1.5e3\r\n1,1 d,sd,600\r\n";
    let rest = "[sweep]\n\"cluster.modules\" = [5, 6, 7]\nseed = [1, 2]\n\
                [study]\nzip = [[\"cluster.modules\"]]\n";
    let study = of_table(table, rest, &[]).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let wanted = [
        ["1", "1 d", "sd", "600 s"],
        ["2", "2 d", "instant", "1.5e3 s"],
        ["1", "1 d", "sd", "600 s"],
    ];
    assert_eq!(cells(&study), wanted);
    assert_eq!(study.axes()[3].unit(), Some("s"));
    assert_eq!(study.values(1)[3].number, Some(1_500.0));
    assert_eq!(study.seeds(), &Seeds::List(vec![1, 2]));
    assert_eq!(study.scenario(1).expect("it is good").cluster.modules, 2);
    text_is_whole(&study);
    let filtered = of_table(table, "[study]\nwhere = [\"boot.method = sd\"]\n", &[]);
    text_is_whole(&filtered.expect("it is good"));
    text_is_whole(&of_table("cluster.modules\n1\n2\n", "", &[]).expect("it is good"));
}

#[test]
fn what_is_wrong_with_a_table_of_cells_is_reported_with_its_place() {
    let tables = [
        ("", "", &[][..]),
        ("cluster.modules\n", "", &[]),
        ("cluster.moduls,boot.method,boot.method,seed\n1,sd,sd,3\n", "", &[]),
        ("cluster.modules,stop.at\n0,1 d\n2,600\n3\n4,,\n,1 d\n\"five\",1 d\n1,\"1 d\n", "", &[]),
        (
            "cluster.modules\n1\n2\n",
            "[sweep]\n\"boot.method\" = [\"sd\"]\n",
            &["cluster.modules=3"],
        ),
        ("cluster.modules,boot.method\n1,sd\n", "[sweep]\n\"stop.at\" = [\"1 d\"]\n", &[]),
        ("workload.bulk-synchronous.nodes\n10\n100\n", "", &[]),
    ];
    let reported = tables.map(|(table, rest, set)| {
        format!("{}\n", of_table(table, rest, set).expect_err("mistakes"))
    });
    let (golden, found) = (Path::new("tests/it/golden/cells.txt"), reported.concat());
    if std::env::var_os("UPDATE").is_some() {
        fs::write(golden, &found).expect("written");
    }
    assert_eq!(found, fs::read_to_string(golden).unwrap_or_default());
}

#[test]
fn a_missing_table_and_one_of_binary_junk_are_mistakes() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("mine.toml");
    fs::write(&file, BASE).expect("written");
    let reported = |table: &Path| {
        let study = Study::load(&file, &Overrides::default(), Some(table));
        study.expect_err("a mistake").to_string()
    };
    assert!(reported(&folder.path().join("none.csv")).contains("there is no such file"));
    assert!(reported(folder.path()).contains("this is a directory"));
    let junk = folder.path().join("junk.csv");
    fs::write(&junk, [0x89, 0x50, 0xff, 0x00, 0x0a, 0x1a]).expect("written");
    assert!(reported(&junk).contains("not UTF-8"));
    fs::write(&junk, "\0\0,\u{1b}[2J\n1,2\n").expect("written");
    assert!(reported(&junk).contains("no key that can be swept"), "{}", reported(&junk));
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 40, failure_persistence: None, ..ProptestConfig::default()
    })]

    /// A slow twin: all combinations by nested loops, less those that a condition leaves out.
    #[test]
    fn a_design_has_exactly_the_cells_that_nested_loops_give(
        modules in prop::collection::vec(1_u32..6, 1..4),
        racks in prop::collection::vec(1_u32..6, 1..4),
        ranks in prop::collection::vec(1_u32..6, 1..4),
        zips in any::<bool>(),
        bound in prop::option::of(1_u32..6),
        table in any::<bool>(),
    ) {
        let n = if zips { modules.len().min(ranks.len()) } else { usize::MAX };
        let modules: Vec<_> = modules.into_iter().take(n).collect();
        let ranks: Vec<_> = ranks.into_iter().take(n).collect();
        let mut rows = Vec::new();
        for (i, &m) in modules.iter().enumerate() {
            for &r in &racks {
                for (k, &n) in ranks.iter().enumerate() {
                    let goes = (!zips || i == k) && bound.is_none_or(|bound| m <= bound && m >= r);
                    rows.extend(goes.then_some([m, r, n]));
                }
            }
        }
        let mut rest = format!(
            "[sweep]\n\"cluster.modules\" = {modules:?}\n\"cluster.modules_per_rack\" = {racks:?}\n\
             \"workload.bulk-synchronous.ranks_per_node\" = {ranks:?}\n[study]\n"
        );
        if zips {
            rest += "zip = [[\"workload.bulk-synchronous.ranks_per_node\", \"cluster.modules\"]]\n";
        }
        if let Some(bound) = bound {
            let _ = writeln!(
                rest,
                "where = [\"cluster.modules <= {bound}\", \
                 \"cluster.modules >= cluster.modules_per_rack\"]"
            );
        }
        let text = format!("{BASE}{rest}");
        let found = Study::load_text("mine.toml", &text, &Overrides::default());
        prop_assert_eq!(found.is_ok(), !rows.is_empty());
        let Ok(found) = found else { return Ok(()) };
        let wanted: Vec<Vec<String>> =
            rows.iter().map(|row| row.iter().map(ToString::to_string).collect()).collect();
        prop_assert_eq!(&cells(&found), &wanted);
        text_is_whole(&found);
        if table {
            let header = "cluster.modules,cluster.modules_per_rack,\
                          workload.bulk-synchronous.ranks_per_node\n";
            let lines: Vec<_> = wanted.iter().map(|row| row.join(",") + "\n").collect();
            let from_table = of_table(&format!("{header}{}", lines.concat()), "", &[]);
            same(&from_table.expect("a good table"), &found);
        }
    }
}
