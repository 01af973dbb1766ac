//! The JSON Schema and the reader refuse the same, but for what a single file cannot show.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use rackstorm::scenario::{Overrides, Study, load, load_text, schema};
use toml::{Table, Value};

/// Why the reader alone can refuse something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Why {
    /// It is no TOML, or no file at all: there is nothing to hold against a schema.
    NoDocument,
    /// It follows from other files: what is inherited, a profile, a trace.
    OtherFiles,
    /// Keys of several tables do not fit each other.
    OtherTables,
    /// Keys of one table belong together, of which an inherited file may give the other.
    OtherKeys,
    /// Values of one table have to be compared, added up or counted.
    Arithmetic,
    /// How large a quantity is, its number and its unit together.
    Quantity,
    /// JSON has one type of number: 1.0 is a whole one.
    Number,
    /// What a text means beyond how it is written: a set of parts, a moment, a name.
    Meaning,
}

fn holds(validator: &jsonschema::Validator, table: &Table) -> bool {
    validator.is_valid(&serde_json::to_value(table).expect("TOML is JSON"))
}

fn validator() -> jsonschema::Validator {
    jsonschema::draft7::new(&schema()).expect("the schema is one")
}

/// The examples of mistakes that the schema lets pass, and why.
const PASS: &[(&str, Why)] = &[
    ("adaptive", Why::OtherFiles),
    ("changes", Why::Meaning),
    ("collective", Why::Arithmetic),
    ("comment_only", Why::NoDocument),
    ("compression_of_spans", Why::OtherKeys),
    ("counts", Why::OtherTables),
    ("data_grid_master", Why::OtherKeys),
    ("do_not_fit", Why::OtherFiles),
    ("drain_below", Why::Arithmetic),
    ("drain_nothing", Why::OtherKeys),
    ("drain_optimum", Why::OtherTables),
    ("duplicate_keys", Why::NoDocument),
    ("empty", Why::NoDocument),
    ("incremental", Why::OtherTables),
    ("inherit_cycle", Why::OtherFiles),
    ("inherit_cycle_b", Why::OtherFiles),
    ("inherit_cycle_c", Why::OtherFiles),
    ("job_too_large", Why::OtherFiles),
    ("jobs_order", Why::OtherTables),
    ("keep", Why::OtherKeys),
    ("levels_groups", Why::Arithmetic),
    ("levels_no_partner", Why::OtherFiles),
    ("levels_none", Why::OtherKeys),
    ("levels_not_rising", Why::Arithmetic),
    ("levels_optimum", Why::OtherTables),
    ("levels_severity", Why::OtherTables),
    ("logging_groups", Why::Arithmetic),
    ("logging_together", Why::OtherTables),
    ("map_reduce_masters", Why::Meaning),
    ("missing_base", Why::OtherFiles),
    ("no_partner", Why::OtherFiles),
    ("not_there", Why::Meaning),
    ("object_store_fragments", Why::OtherFiles),
    ("own_value", Why::OtherFiles),
    ("parts_alone", Why::OtherTables),
    ("parts_cell_boot", Why::OtherFiles),
    ("parts_cell_names", Why::Meaning),
    ("parts_cells", Why::Meaning),
    ("parts_plugged", Why::OtherFiles),
    ("parts_ports", Why::Arithmetic),
    ("parts_trees", Why::Meaning),
    ("points", Why::Arithmetic),
    ("prior", Why::OtherKeys),
    ("queue_arrivals", Why::OtherTables),
    ("queue_batsim", Why::OtherFiles),
    ("queue_easy", Why::OtherTables),
    ("queue_large", Why::OtherFiles),
    ("queue_many", Why::Arithmetic),
    ("queue_missing", Why::OtherFiles),
    ("queue_sacct", Why::OtherFiles),
    ("queue_shares", Why::OtherTables),
    ("queue_torn", Why::OtherFiles),
    ("replicas_do_not_fit", Why::OtherTables),
    ("replicas_on_cards", Why::OtherTables),
    ("severity", Why::OtherTables),
    ("study_cells", Why::OtherFiles),
    ("study_latin", Why::OtherTables),
    ("study_many_cells", Why::OtherFiles),
    ("study_reference", Why::Meaning),
    ("study_where", Why::Meaning),
    ("study_where_none", Why::Meaning),
    ("study_zip", Why::OtherTables),
    ("study_zip_names", Why::OtherTables),
    ("syntax", Why::NoDocument),
    ("too_late", Why::OtherTables),
    ("too_many_nodes", Why::OtherFiles),
    ("transfers", Why::Meaning),
    ("upset_of_nothing", Why::OtherFiles),
    ("variants_axis", Why::Meaning),
    ("variants_unknown", Why::Meaning),
    ("web", Why::OtherKeys),
    ("web_laws", Why::OtherFiles),
    ("whole_link", Why::Arithmetic),
];

#[test]
fn every_example_of_a_mistake_is_refused_by_the_schema_too_or_says_why_not() {
    let validator = validator();
    let entries = fs::read_dir("tests/it/diagnostics").expect("the folder is there");
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    files.retain(|path| !path.ends_with("many_base.toml"));
    files.sort();
    let (mut passed, mut n_refused) = (BTreeSet::new(), 0);
    for path in &files {
        assert!(load(path, &Overrides::default()).is_err(), "{}", path.display());
        let text = fs::read_to_string(path).expect("readable");
        let refused = text.parse::<Table>().is_ok_and(|table| !holds(&validator, &table));
        n_refused += usize::from(refused);
        if !refused {
            passed.insert(path.file_stem().and_then(|stem| stem.to_str()).expect("UTF-8"));
        }
    }
    let reported: BTreeSet<&str> = PASS.iter().map(|(name, _)| *name).collect();
    assert_eq!(passed, reported, "what passes has its reason, and nothing else has");
    assert!(n_refused > 30, "{n_refused} of {} examples", files.len());
}

/// What the reader says of generated files that the schema lets pass, and why.
const SAYINGS: &[(&str, Why)] = &[
    ("there is no such file", Why::OtherFiles),
    ("missing key", Why::OtherFiles),
    ("missing law", Why::OtherFiles),
    ("without [[group]]", Why::OtherTables),
    ("cannot boot from the network", Why::OtherFiles),
    ("no files to fetch", Why::OtherFiles),
    ("for the jobs of `file`", Why::OtherKeys),
    ("a queue without jobs", Why::OtherTables),
    ("a checkpoint without a workload", Why::OtherTables),
    ("never strikes", Why::OtherTables),
    ("levels of fixed costs", Why::OtherTables),
    ("without a range to sample", Why::OtherTables),
    ("a precision of no metric", Why::OtherKeys),
    ("computed from lifetimes", Why::OtherTables),
    ("an order without", Why::OtherTables),
    ("` without `", Why::OtherKeys),
    ("of no use here", Why::OtherKeys),
    ("writes no checkpoints", Why::OtherKeys),
    ("packs hold", Why::Arithmetic),
    ("no psu feeds", Why::Arithmetic),
    ("spares in a module", Why::Arithmetic),
    ("too many", Why::Arithmetic),
    ("add up to", Why::Arithmetic),
    ("no time is left", Why::Arithmetic),
    ("a step of", Why::Arithmetic),
    ("is more than `", Why::Arithmetic),
    ("in more than", Why::Arithmetic),
    ("without values", Why::Arithmetic),
    ("loads nothing", Why::Arithmetic),
    ("links whole", Why::Arithmetic),
    ("clocks right", Why::Arithmetic),
    ("too small", Why::Quantity),
    ("too large", Why::Quantity),
    ("of no time at all", Why::Quantity),
    ("found a float", Why::Number),
    ("cannot strike", Why::Meaning),
    ("no name of a process", Why::Meaning),
    ("there is no variant", Why::Meaning),
];

/// Values of every type, among them some of every unit.
const VALUES: &[&str] = &[
    "5 parsecs",
    "5",
    "1 h",
    "1h30m",
    "2 d",
    "1 ms",
    "-1 s",
    "0 s",
    "1 GB",
    "512 B",
    "100 Mbit/s",
    "2 MB/s",
    "60000 packets/s",
    "3 W",
    "12 m",
    "10 %",
    "node",
    "pi[1-3]!pi2",
    "psu[1]",
    "> 0.5",
    "< 40 d",
    "never",
    "all",
    "",
    "x y",
    "0..3",
];

/// A whole item of an array of tables, to be changed in one key.
fn item(path: &str) -> Table {
    let text = match path.strip_prefix("job.").unwrap_or(path) {
        "job" => "name = \"a\"\nnodes = 2\nstep = \"1 s\"\nwork = \"1 h\"",
        "hardware.array" => {
            "name = \"a\"\nkind = \"sram\"\nsize = \"1 MB\"\nsigma = 1e-14\nmulti_bit = 0.1\n\
             protection = \"none\""
        }
        "hardware.boot.files" => "name = \"a\"\nsize = \"1 MB\"",
        "module.psu" => "packs = [1]\nswitches = [1]\nlimit = \"90 W\"\nrestart = \"9 s\"",
        "checkpoint.multilevel.level" => "cost = { write = \"1 s\", read = \"1 s\" }",
        "fault.power-loss" => "on = \"psu\"\nat = \"1 h\"",
        "fault.switch-loss" => "on = \"switch\"\nat = \"1 h\"",
        "fault.server-loss" => "on = \"server\"\nat = \"1 h\"",
        "fault.controller-crash" => "on = \"controller\"\nat = \"1 h\"",
        "fault.link-degradation" => "on = \"node/link\"\nat = \"1 h\"\nshare = 0.5",
        "fault.upset" | "fault.dram" => "on = \"node\"",
        "fault.load" => "on = \"node\"\nat = \"1 h\"\ncpu = 0.5",
        "fault.clock" => "on = \"node\"\nat = \"1 h\"\ndrift = 1.0",
        "fault.process" => "on = \"node\"\nat = \"1 h\"\nprocess = \"a\"\nact = \"kill\"",
        _ => "on = \"node\"\nat = \"1 h\"",
    };
    text.parse().expect("an item is TOML")
}

/// All keys of a schema, each table once: their paths, with `[]` after arrays of tables.
fn keys(schema: &serde_json::Value) -> Vec<(String, serde_json::Value)> {
    fn gather(
        table: &serde_json::Value,
        path: &str,
        seen: &mut Vec<serde_json::Value>,
        out: &mut Vec<(String, serde_json::Value)>,
    ) {
        if seen.contains(table) {
            return;
        }
        seen.push(table.clone());
        for (key, item) in table["properties"].as_object().expect("a table has keys") {
            let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            let choices = item["anyOf"].as_array().into_iter().flatten();
            for inner in [item].into_iter().chain(choices) {
                if inner.get("properties").is_some() {
                    gather(inner, &path, seen, out);
                } else if inner["items"].get("properties").is_some() {
                    gather(&inner["items"], &format!("{path}[]"), seen, out);
                }
            }
            out.push((path, item.clone()));
        }
    }
    let mut out = Vec::new();
    gather(schema, "", &mut Vec::new(), &mut out);
    out
}

/// Sets a value at a path below a table.
fn put(table: &mut Table, path: &str, value: Value) {
    match path.split_once('.') {
        None => drop(table.insert(path.to_owned(), value)),
        Some((first, rest)) => {
            let inner = table.entry(first).or_insert_with(|| Value::Table(Table::new()));
            if !inner.is_table() {
                *inner = Value::Table(Table::new());
            }
            put(inner.as_table_mut().expect("a table"), rest, value);
        }
    }
}

/// A file with one value at a key; the items of arrays on the way are whole.
fn file(path: &str, value: Value) -> Table {
    let mut table = Table::new();
    table.insert("inherit".into(), Value::String("edge_rack_24".into()));
    put_below(&mut table, "", path, value);
    table
}

/// Sets a value at a path below a table that itself stands at `above`.
fn put_below(table: &mut Table, above: &str, path: &str, value: Value) {
    let Some((array, key)) = path.split_once("[].") else { return put(table, path, value) };
    let whole = format!("{above}{array}");
    let mut item = item(&whole);
    if key.starts_with("lifetime") || key.starts_with("trace") {
        item.remove("at");
    }
    put_below(&mut item, &format!("{whole}."), key, value);
    put(table, array, Value::Array(vec![Value::Table(item)]));
}

/// The values that are tried for a key: of every type, its own words, and the ends of its range.
fn values(item: &serde_json::Value) -> Vec<Value> {
    let mut all: Vec<Value> = VALUES.iter().map(|text| Value::String((*text).into())).collect();
    all.extend([Value::Boolean(true), Value::Array(Vec::new()), Value::Table(Table::new())]);
    all.extend([-1_i64, 0, 1, 3, 200].map(Value::Integer));
    all.extend([0.0, 0.5, 1.5, -2.0, f64::INFINITY].map(Value::Float));
    let choices = item["anyOf"].as_array().into_iter().flatten();
    for kind in [item].into_iter().chain(choices) {
        let words = kind["enum"].as_array().into_iter().flatten();
        all.extend(words.filter_map(|word| Some(Value::String(word.as_str()?.into()))));
        all.extend(
            ["minimum", "maximum"].iter().filter_map(|end| kind[end].as_i64()).map(Value::Integer),
        );
    }
    all
}

#[test]
fn whatever_the_reader_takes_the_schema_takes_and_the_reverse_but_for_reasons() {
    let validator = validator();
    let (mut tried, mut taken, mut complaints) = (0, 0, Vec::new());
    for (number, (path, item)) in keys(&schema()).into_iter().enumerate() {
        // Of each key another fifth of the values.
        for value in values(&item).into_iter().skip(number % 5).step_by(5) {
            let table = file(&path, value);
            let text = toml::to_string(&table).expect("TOML");
            let read = Study::load_text("mine.toml", &text, &Overrides::default());
            let fits = holds(&validator, &table);
            tried += 1;
            taken += usize::from(read.is_ok());
            match read {
                Ok(_) if !fits => complaints.push(format!("refused by the schema only:\n{text}")),
                Err(mistakes) if fits => {
                    let reported = mistakes.to_string();
                    let first = reported.lines().next().unwrap_or_default().to_owned();
                    if !SAYINGS.iter().any(|(saying, _)| reported.contains(saying)) {
                        complaints.push(format!("{path}: {first}"));
                    }
                }
                _ => {}
            }
        }
    }
    complaints.dedup();
    assert!(complaints.is_empty(), "{} of {tried}:\n{}", complaints.len(), complaints.join("\n"));
    assert!(tried > 2_500 && taken > 100, "{tried} tried, {taken} taken");
}

#[test]
fn the_schema_refuses_what_no_reader_takes() {
    let validator = validator();
    for text in [
        "[stop]\nat = \"5 parsecs\"",
        "[hardware]\nmemory = \"1 GHz\"",
        "[cluster]\nhardware = \"pi_9\"",
        "[cluster]\nmodule = \"pi_3b\"",
        "inherit = \"lanl_pilott\"",
        "[sweep]\n\"cluster.modlues\" = [1, 2]",
        "[sweep]\n\"cluster.modules\" = []",
        "[sweep]\n\"stop.at\" = [\"5 parsecs\"]",
        "[sweep]\n\"stop.at\" = \"0..10\"",
        "[sweep]\n\"stop.at\" = { from = \"1 d\", to = \"9 d\", points = 1 }",
        "[sweep]\n\"stop.at\" = { from = 1, to = \"9 d\", points = 3 }",
        "[sweep]\n\"stop.at\" = { from = \"1 d\", to = \"9 d\", step = \"1 d\", points = 3 }",
        "[sweep]\n\"boot.method\" = { from = \"sd\", to = \"pxe-nfs\", points = 3 }",
        "[study]\nmetrics = [\"eficiency\"]",
        "[expect]\neficiency = \"> 0.5\"",
        "[expect]\nefficiency = \"0.5\"",
        "[source]\n\"hardware.lnk\" = \"a book\"",
        "[[fault.crash]]\non = \"node\"\nlifetime = { weibull = { shape = 0.7 } }",
        "[[fault.crash]]\non = \"node\"\nlifetime = {}",
        "[[fault.crash]]\non = \"node\"",
        "[[fault.crash]]\non = \"pi[1-\"\nat = \"1 h\"",
        "[[job]]\nname = \"a\"\n[workload.bulk-synchronous]\nwork = \"1 h\"",
        "[[job]]\nname = \"a\"\nnodes = 2\nstep = \"1 s\"\nwork = \"0 s\"",
    ] {
        let table: Table = text.parse().expect("TOML");
        assert!(!holds(&validator, &table), "{text}");
        let base = if text.starts_with("inherit") { "" } else { "inherit = \"edge_rack_24\"\n" };
        let text = format!("{base}{text}");
        assert!(load_text("mine.toml", &text, &Overrides::default()).is_err(), "{text}");
    }
}

#[test]
fn an_item_of_an_inherited_array_is_changed_by_its_number() {
    let text = "inherit = \"base.toml\"\n[fault.crash.0]\nat = \"2 h\"\n";
    let table: Table = text.parse().expect("TOML");
    assert!(holds(&validator(), &table));
    let folder = tempfile::tempdir().expect("a folder");
    let base = "inherit = \"edge_rack_24\"\n[[fault.crash]]\non = \"pi1\"\nat = \"1 h\"\n[stop]\n\
                at = \"1 d\"\n";
    fs::write(folder.path().join("base.toml"), base).expect("written");
    let own: &Path = &folder.path().join("own.toml");
    fs::write(own, text).expect("written");
    let loaded = load(own, &Overrides::default()).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    assert!(rackstorm::scenario::text(&loaded.scenario).contains("at = \"2 h\""));
}
