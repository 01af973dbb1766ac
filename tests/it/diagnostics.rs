//! Every scenario loads and obeys the schema; every kind of mistake is reported as its golden text.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use rackstorm::scenario::{
    Overrides, Scenario, Source, Study, load, load_text, schema, text as resolved,
};

/// All scenario files of the repository, sorted.
fn scenario_files() -> Vec<PathBuf> {
    let mut files = Vec::new();
    for folder in ["base", "bramble", "smoke", "study"] {
        let folder = Path::new("scenarios").join(folder);
        let entries = fs::read_dir(&folder).expect("the folder is there");
        files.extend(entries.map(|entry| entry.expect("an entry").path()));
    }
    files.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    files.sort();
    assert!(files.len() > 20, "{files:?}");
    files
}

fn load_one(path: &Path, set: &[&str]) -> Scenario {
    let set = set.iter().map(|&text| text.to_owned()).collect();
    load(path, &Overrides { set, seed: None })
        .unwrap_or_else(|mistakes| panic!("{}\n{mistakes}", path.display()))
        .scenario
}

/// What is reported about a file that does not load.
fn complaint(path: &Path, set: &[&str]) -> String {
    let set = set.iter().map(|&text| text.to_owned()).collect();
    match Study::load(path, &Overrides { set, seed: None }, None) {
        Ok(_) => panic!("{} loads", path.display()),
        Err(mistakes) => mistakes.to_string(),
    }
}

/// Holds a text against its golden file; `UPDATE=1` rewrites that.
fn check(golden: &Path, found: &str) -> Result<(), String> {
    if std::env::var_os("UPDATE").is_some() {
        fs::write(golden, found).expect("the golden file is written");
    }
    let wanted = fs::read_to_string(golden).unwrap_or_default();
    if wanted == found {
        return Ok(());
    }
    Err(format!("{}\n--- wanted\n{wanted}\n--- found\n{found}", golden.display()))
}

#[test]
fn every_scenario_loads_and_its_resolved_text_loads_to_the_same() {
    let folder = tempfile::tempdir().expect("a folder");
    for path in scenario_files() {
        if path.ends_with("base/defaults.toml") {
            continue; // It names no hardware: it is not a scenario by itself.
        }
        let study = Study::load(&path, &Overrides::default(), None)
            .unwrap_or_else(|mistakes| panic!("{}\n{mistakes}", path.display()));
        for scenario in (0..study.len()).map(|cell| study.scenario(cell).expect("it is good")) {
            let copy = folder.path().join("resolved.toml");
            fs::write(&copy, resolved(&scenario)).expect("written");
            let again = load_one(&copy, &[]);
            assert_eq!(again, scenario, "{}", path.display());
            assert_eq!(resolved(&again), resolved(&scenario), "{}", path.display());
        }
    }
}

#[test]
fn every_scenario_obeys_the_schema() {
    let schema = jsonschema::draft7::new(&schema()).expect("the schema is one");
    for path in scenario_files() {
        let text = fs::read_to_string(&path).expect("readable");
        let table: toml::Table = toml::from_str(&text).expect("TOML");
        let json = serde_json::to_value(table).expect("JSON");
        let errors: Vec<String> = schema
            .iter_errors(&json)
            .map(|error| format!("{}: {error}", error.instance_path))
            .collect();
        assert!(errors.is_empty(), "{}: {errors:#?}", path.display());
    }
}

#[test]
fn the_schema_refuses_unknown_keys_and_rivals() {
    let schema = jsonschema::draft7::new(&schema()).expect("the schema is one");
    let bad = [
        "modules = 3",
        "[cluster]\nmodlues = 3",
        "[cluster]\nmodules = \"3\"",
        "[boot]\nmethod = \"floppy\"",
        "[stop]\nat = \"15\"",
        "[checkpoint.coordinated]\nto = \"file-server\"\ncost = { write = \"1 s\" }",
        "[[fault.crash]]\non = \"node\"\nat = \"1 h\"\nlifetime = { fixed = \"1 h\" }",
    ];
    for text in bad {
        let table: toml::Table = toml::from_str(text).expect("TOML");
        let json = serde_json::to_value(table).expect("JSON");
        assert!(!schema.is_valid(&json), "{text}");
    }
}

#[test]
fn every_figure_of_a_built_in_machine_has_a_source_or_is_an_assumption() {
    for path in scenario_files() {
        if !path.starts_with("scenarios/base") || path.ends_with("base/defaults.toml") {
            continue;
        }
        for figure in load_one(&path, &[]).provenance {
            let name = matches!(figure.key.as_str(), "hardware.model" | "module.model");
            let reported = match &figure.source {
                Source::Published(text) | Source::Assumption(text) => !text.is_empty(),
                // What a base file sets for its own run is a choice, not a figure.
                Source::Scenario => name || figure.key == "boot.method",
            };
            assert!(reported, "{}: {figure:?}", path.display());
        }
    }
}

#[test]
fn every_kind_of_mistake_is_reported_as_its_golden_text() {
    let folder = Path::new("tests/it/diagnostics");
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .expect("the folder is there")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .filter(|path| !path.ends_with("many_base.toml"))
        .collect();
    files.sort();
    assert!(files.len() > 15);
    let wrong: Vec<String> = files
        .iter()
        .filter_map(|path| check(&path.with_extension("stderr"), &complaint(path, &[])).err())
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn what_is_no_scenario_file_at_all_is_reported_in_one_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    let shown = |path: &Path| {
        let reported = load(path, &Overrides::default()).expect_err("mistakes").to_string();
        reported.replace(&folder.path().display().to_string(), "FOLDER")
    };
    fs::write(at("latin.toml"), b"seed = 1\ntitle = \"f\xfcnf\"\n").expect("written");
    // Bytes of a linear congruence: garbage of 40 MB.
    let mut state = 1_u32;
    let garbage: Vec<u8> = (0..40_000_000)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        })
        .collect();
    fs::write(at("garbage.toml"), &garbage).expect("written");
    let text: String = garbage[..3_000_000].iter().map(|byte| char::from(byte & 0x7f)).collect();
    fs::write(at("noise.toml"), text).expect("written");
    fs::create_dir(at("folder.toml")).expect("made");

    let golden = [
        (
            "latin.toml",
            "the text is not UTF-8: byte 0xfc at offset 19, line 2",
            "save the file as UTF-8",
        ),
        (
            "garbage.toml",
            "the file is 40.0 MB large: this is no scenario",
            "at most 32 MB are read",
        ),
        ("folder.toml", "this is a directory, not a scenario file", "name the file in it"),
        ("fodler.toml", "there is no such file", "did you mean FOLDER/folder.toml?"),
    ];
    for (name, title, help) in golden {
        let wanted = format!(
            "error: {title}\n--> FOLDER/{name}\n = help: {help}\n\n1 mistake; nothing was run\n"
        );
        assert_eq!(shown(&at(name)), wanted);
    }
    // Noise below the limit is parsed: some mistakes are shown, the rest counted.
    let noise = shown(&at("noise.toml"));
    assert!(noise.len() < 100_000, "{} bytes", noise.len());
    assert!(noise.contains("more mistakes in FOLDER/noise.toml"), "{noise}");
}

#[test]
fn overrides_change_single_keys_and_are_checked_like_files() {
    let month = Path::new("scenarios/study/lanl_750_month.toml");
    let scenario = load_one(
        month,
        &["cluster.modules=2", "boot.method=sd", "stop.at=5 d", "fault.crash.0.repair=never"],
    );
    assert_eq!(scenario.cluster.modules, 2);
    assert_eq!(scenario.stop.at.0, 5 * 86_400_000_000_000);
    assert_eq!(scenario.faults[0].repair, rackstorm::scenario::fault::Repair::Never);
    assert_eq!(scenario.jobs[0].work.nodes, 288);
    let reported = complaint(
        month,
        &["cluster.modlues=2", "stop.at=5", "fault.crash.7.repair=never", "cluster.modules"],
    );
    check(Path::new("tests/it/diagnostics/overrides.stderr"), &reported)
        .unwrap_or_else(|e| panic!("{e}"));
}

/// The cells of a study and what they are of a scenario, with keys set on the command line.
fn points(text: &str, set: &[&str], seed: Option<u64>) -> Vec<(Vec<(String, String)>, Scenario)> {
    let set = set.iter().map(|&text| text.to_owned()).collect();
    let study = Study::load_text("sweep.toml", text, &Overrides { set, seed });
    let study = study.unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let axes: Vec<_> = study.axes().iter().map(|axis| axis.path().to_owned()).collect();
    let of = |cell| {
        let values = study.values(cell).into_iter().map(|value| value.text);
        (axes.iter().cloned().zip(values).collect(), study.scenario(cell).expect("it is good"))
    };
    (0..study.len()).map(of).collect()
}

#[test]
fn the_command_line_wins_over_a_sweep_and_what_it_fixes_is_no_axis() {
    let text = "inherit = \"edge_rack_24\"\n\
        [[fault.crash]]\non = \"pi3\"\nat = \"1 min\"\n\
        [workload.bulk-synchronous]\nstep = \"1 min\"\nwork = \"1 h\"\n\
        [checkpoint.coordinated]\nsize = \"1 MB\"\ninterval = \"10 min\"\n[stop]\nat = \"1 d\"\n\
        [sweep]\nseed = [1, 2]\n\"cluster.modules\" = [1, 2]\n\
        \"fault.crash.0.repair\" = [\"never\", \"power-cycle\"]\n\
        \"checkpoint.coordinated.to\" = [\"card\", \"partner\"]\n";
    assert_eq!(points(text, &[], None).len(), 8);
    // A key that is set is the same in all points, and names none of them.
    let fixed = points(text, &["cluster.modules=3"], Some(7));
    assert_eq!(fixed.len(), 4);
    for (point, scenario) in &fixed {
        assert_eq!((scenario.cluster.modules, scenario.seed, point.len()), (3, 7, 2));
    }
    // So does what replaces the key: the whole array, a table, a rival.
    let fixed = points(text, &["fault.crash=[]", "cluster={ modules = 3 }"], Some(7));
    assert_eq!(fixed.len(), 2);
    assert!(fixed.iter().all(|(_, scenario)| scenario.faults.is_empty()));
    let cost = "checkpoint.coordinated.cost={ write = \"1 s\", read = \"1 s\" }";
    let fixed = points(text, &[cost, "cluster.modules=3"], Some(7));
    let names: Vec<_> = fixed.iter().map(|(point, _)| point[0].0.as_str()).collect();
    assert_eq!(names, ["fault.crash.0.repair"; 2]);
    // A key next to the axis leaves it.
    let free = points(text, &["fault.crash.0.at=2 min"], None);
    assert_eq!(free.len(), 8);
    // Each axis set is one cell of the study, as it would be in it.
    let set = ["cluster.modules=2", "fault.crash.0.repair=never", "checkpoint.coordinated.to=card"];
    let one = points(text, &set, Some(1));
    assert_eq!(one.len(), 1);
    let of_it = "[(\"cluster.modules\", \"2\"), (\"fault.crash.0.repair\", \"never\"), \
                 (\"checkpoint.coordinated.to\", \"card\")]";
    let all = points(text, &[], None);
    let it = all.iter().find(|(point, _)| format!("{point:?}") == of_it);
    assert_eq!(one[0].1, it.expect("a cell of the study").1);
    // So it is a scenario by itself, which it is not while an axis is left.
    let load = |set: &[&str], seed| {
        let set = set.iter().map(|&text| text.to_owned()).collect();
        load_text("sweep.toml", text, &Overrides { set, seed })
    };
    assert_eq!(load(&set, Some(1)).expect("it is good").scenario, one[0].1);
    for refused in [load(&set, None), load(&set[1..], Some(1)), load(&[], None)] {
        let reported = refused.expect_err("it is a study").to_string();
        assert!(reported.contains("[sweep] makes this file a study"), "{reported}");
        assert!(reported.contains("`rackstorm study FILE` plays it"), "{reported}");
    }
}

#[test]
fn an_item_of_an_array_that_no_file_gives_is_a_mistake() {
    let pilot = Path::new("scenarios/base/lanl_pilot.toml");
    let set = ["fault.crash.0.on=pi3", "job.2.name=x", "module.psu.0.limit=700 W", "seed=3"];
    let reported = complaint(pilot, &set);
    check(Path::new("tests/it/diagnostics/lost_items.stderr"), &reported)
        .unwrap_or_else(|e| panic!("{e}"));
    // Items that a profile gives are there, and a whole array can be given.
    let whole = "fault.crash=[{ on = \"pi3\", at = \"1 min\" }]";
    let scenario = load_one(pilot, &["module.psu.0.limit=700 W", whole, "fault.crash.0.at=2 min"]);
    assert_eq!(scenario.module.psus[0].limit.0, 700_000);
    assert_eq!(scenario.faults.len(), 1);
}

#[test]
fn a_hundred_mistakes_of_a_file_are_reported_and_the_rest_counted() {
    let lines: Vec<_> = (0..8_000).map(|number| format!("nonsense_{number} = 1\n")).collect();
    let text = "inherit = \"lanl_pilot\"\n".to_owned() + &lines.concat();
    let mistakes = load_text("many.toml", &text, &Overrides::default()).expect_err("mistakes");
    assert_eq!(mistakes.len(), 8_000);
    let reported = mistakes.to_string();
    assert_eq!(reported.matches("error: unknown key").count(), 100);
    assert!(reported.contains("many.toml:101:1") && !reported.contains("many.toml:102:1"));
    let end = "error: 7900 more mistakes in many.toml\n\n8000 mistakes; nothing was run\n";
    assert!(reported.ends_with(end), "{}", &reported[reported.len() - 200..]);
    // Those of another text are reported next to them.
    let set = vec!["sede=1".into()];
    let mistakes = load_text("many.toml", &text, &Overrides { set, seed: None });
    assert!(mistakes.expect_err("mistakes").to_string().contains("unknown key `sede`"));
}

#[test]
fn a_job_of_a_thousand_million_million_steps_is_warned_of_and_good() {
    let text = "inherit = \"edge_rack_24\"\n[workload.bulk-synchronous]\n\
        step = \"1 ns\"\nwork = \"30 d\"\n[stop]\nat = \"60 d\"\n";
    let loaded = load_text("short.toml", text, &Overrides::default()).expect("it is good");
    let reported = loaded.warnings.to_string();
    let wanted = "warning: a job of 2592000000000000 steps\n --> short.toml:3:8\n";
    assert!(reported.starts_with(wanted), "{reported}");
    assert!(!reported.contains("mistake"), "{reported}");
    let fine = text.replace("1 ns", "1 min");
    let loaded = load_text("short.toml", &fine, &Overrides::default()).expect("it is good");
    assert!(!loaded.warnings.has_warnings());
}

#[test]
fn an_override_may_name_the_run_but_not_another_base() {
    let pilot = Path::new("scenarios/base/lanl_pilot.toml");
    assert_eq!(load_one(pilot, &["name=half", "cluster.modules=2"]).name, "half");
    let reported = complaint(pilot, &["inherit=pi_4b"]);
    assert!(reported.contains("`inherit` cannot be overridden"), "{reported}");
    let reported = complaint(pilot, &["name=a/b"]);
    assert!(reported.contains("`a/b` names no folder"), "{reported}");
    let reported = complaint(Path::new("-"), &[]);
    assert!(reported.contains("/dev/stdin reads it"), "{reported}");
}

#[test]
fn a_repair_that_nobody_gave_is_an_assumption() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("repair.toml");
    let text = "inherit = \"edge_rack_24\"\n\
        [[fault.switch-loss]]\non = \"switch\"\nat = \"1 min\"\nrepair = \"1 h\"\n\
        [[fault.switch-loss]]\non = \"switch\"\nat = \"2 min\"\n";
    fs::write(&path, text).expect("written");
    let scenario = load_one(&path, &[]);
    let reported: Vec<_> =
        scenario.provenance.iter().filter(|entry| entry.key.starts_with("fault")).collect();
    assert_eq!(reported.len(), 1, "{reported:?}");
    assert_eq!(
        (reported[0].key.as_str(), reported[0].value.as_str()),
        ("fault.switch-loss.1.repair", "\"4 h\"")
    );
    assert!(matches!(&reported[0].source, Source::Assumption(why) if why.contains("working day")));
    let copy = folder.path().join("resolved.toml");
    fs::write(&copy, resolved(&scenario)).expect("written");
    assert_eq!(load_one(&copy, &[]).provenance, scenario.provenance);
}

#[test]
fn a_mean_lifetime_becomes_the_scale_of_its_weibull_law() {
    use rackstorm::scenario::fault::When;
    use rackstorm::scenario::law::Law;
    let scenario = load_one(Path::new("scenarios/study/lanl_750_month.toml"), &[]);
    let When::Lifetime { law: Law::Weibull(law), .. } = &scenario.faults[0].when else {
        panic!("{:?}", scenario.faults[0]);
    };
    // gamma(1 + 1/0.7) = 1.2658235060572... (tables of the gamma function).
    let mean = law.scale.as_secs_f64() * 1.265_823_506_057_283;
    assert!((mean / (365.0 * 86_400.0) - 1.0).abs() < 1e-9, "{law:?} {mean}");
    assert_eq!(scenario.jobs[0].work.nodes, 720);
    assert_eq!(scenario.faults[1].on.iter().collect::<Vec<_>>(), [2], "module[2]/psu[1]");
}

/// Lines `| key | takes | default | meaning |` for each table of the schema, in order.
fn reference(schema: &serde_json::Value, defaults: &toml::Table) -> String {
    let mut tables = Vec::new();
    gather(schema, "", defaults, &mut tables);
    let mut out = String::new();
    for Table { schema, paths, .. } in &tables {
        table_reference(schema, paths, defaults, &mut out);
    }
    out
}

/// A table, without what must be there, and all the paths at which it stands.
struct Table<'a> {
    schema: &'a serde_json::Value,
    bare: serde_json::Value,
    paths: Vec<String>,
}

/// The defaults of a table.
fn at<'a>(defaults: &'a toml::Table, path: &str) -> Option<&'a toml::Value> {
    let mut parts = path.split('.');
    let first = parts.next().and_then(|part| defaults.get(part));
    parts.fold(first, |value, part| value.and_then(|value| value.get(part)))
}

/// All tables of the language, each once unless its defaults differ.
fn gather<'a>(
    table: &'a serde_json::Value,
    path: &str,
    defaults: &toml::Table,
    tables: &mut Vec<Table<'a>>,
) {
    let alike = |paths: &[String]| at(defaults, &paths[0]) == at(defaults, path);
    let bare = optional(table);
    match tables.iter_mut().find(|known| known.bare == bare && alike(&known.paths)) {
        Some(known) => known.paths.push(path.to_owned()),
        None => tables.push(Table { schema: table, bare, paths: vec![path.to_owned()] }),
    }
    for (key, item) in table["properties"].as_object().expect("a table has keys") {
        let full = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        if let Some(inner) = inner(item) {
            gather(inner, &full, defaults, tables);
        }
    }
}

/// A table without what must be there: that is more in an array, whose items no other file mends.
fn optional(schema: &serde_json::Value) -> serde_json::Value {
    match schema {
        serde_json::Value::Object(map) => {
            let rest = map.iter().filter(|(key, _)| *key != "required");
            rest.map(|(key, value)| (key.clone(), optional(value))).collect()
        }
        other => other.clone(),
    }
}

/// The table that a key may hold.
fn inner(item: &serde_json::Value) -> Option<&serde_json::Value> {
    [Some(item), item.get("items")]
        .into_iter()
        .flatten()
        .chain(item["anyOf"].as_array().into_iter().flatten())
        .find(|candidate| candidate.get("properties").is_some())
}

fn table_reference(
    table: &serde_json::Value,
    paths: &[String],
    defaults: &toml::Table,
    out: &mut String,
) {
    let path = paths[0].as_str();
    let last = path.rsplit('.').next().unwrap_or_default();
    let name = match paths {
        [one] if one.is_empty() => "The file".to_owned(),
        [one, ..] if paths.len() > 4 && one.starts_with("fault.") => {
            let stars = "*.".repeat(one.split('.').count() - 2);
            format!("`fault.{stars}{last}`")
        }
        some => some.iter().map(|path| format!("`{path}`")).collect::<Vec<_>>().join(", "),
    };
    let doc = table["description"].as_str().unwrap_or_default();
    let head = "| key | takes | default | meaning |\n|---|---|---|---|";
    let _ = writeln!(out, "### {name}\n\n{doc}\n\n{head}");
    for (key, item) in table["properties"].as_object().expect("a table has keys") {
        let full = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        if item.get("properties").is_some() {
            continue;
        }
        let default = default_of(item, &full, defaults);
        let takes = item["$comment"].as_str().unwrap_or_default();
        let doc = item["description"].as_str().unwrap_or_default();
        let _ = writeln!(out, "| `{key}` | {takes} | {default} | {doc} |");
    }
    *out += "\n";
}

fn default_of(item: &serde_json::Value, path: &str, defaults: &toml::Table) -> String {
    if let Some(default) = item.get("default") {
        return format!("`{default}`");
    }
    match at(defaults, path) {
        Some(value) if path != "title" && !value.is_table() => format!("`{value}`"),
        _ => String::new(),
    }
}

#[test]
fn the_reference_of_the_language_names_every_key() {
    const START: &str = "<!-- keys: written by `UPDATE=1 cargo test --test it` -->\n";
    let path = Path::new("docs/scenario.md");
    let page = fs::read_to_string(path).expect("the reference is there");
    let defaults = fs::read_to_string("scenarios/base/defaults.toml").expect("the defaults");
    let keys = reference(&schema(), &toml::from_str(&defaults).expect("TOML"));
    let before = page.split_once(START).expect("the marker").0;
    let wanted = format!("{before}{START}\n{}", keys.trim_end().to_owned() + "\n");
    check(path, &wanted).unwrap_or_else(|difference| panic!("{difference}"));
}

#[test]
fn the_examples_of_the_reference_load() {
    let page = fs::read_to_string("docs/scenario.md").expect("the reference is there");
    let folder = tempfile::tempdir().expect("a folder");
    let examples: Vec<&str> =
        page.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(examples.len() >= 2);
    for text in examples {
        let path = folder.path().join("example.toml");
        fs::write(&path, text).expect("written");
        Study::load(&path, &Overrides::default(), None)
            .unwrap_or_else(|mistakes| panic!("{mistakes}"));
    }
}
