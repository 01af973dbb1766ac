//! Inventories: the examples of the papers load, every kind of mistake is reported as golden text.

use std::fs;
use std::path::{Path, PathBuf};

use rackstorm::inventory::power::{ConsoleRate, Controller};
use rackstorm::inventory::{self, Inventory, Position};

use crate::program::{root, update};

/// The TOML blocks of a paper.
fn examples(paper: &str) -> Vec<String> {
    let text = fs::read_to_string(root().join(paper)).expect("the paper is there");
    let blocks = text.split("```toml\n").skip(1);
    blocks.map(|block| block.split("```").next().expect("a block").to_owned()).collect()
}

fn read(text: &str) -> Inventory {
    let read = inventory::read("rack", text, Path::new("/etc/rack"));
    read.unwrap_or_else(|mistakes| panic!("{mistakes}\n{text}"))
}

#[test]
fn the_examples_of_the_paper_load_and_obey_the_schema() {
    let schema = jsonschema::draft7::new(&inventory::schema()).expect("the schema is one");
    let examples = examples("docs/rack.md");
    assert!(examples.len() >= 2);
    for text in examples {
        read(&text);
        let table: toml::Table = toml::from_str(&text).expect("TOML");
        let json = serde_json::to_value(table).expect("JSON");
        let errors: Vec<_> = schema.iter_errors(&json).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{errors:#?}\n{text}");
    }
}

#[test]
fn lists_are_laid_next_to_the_names() {
    let rack = read(&examples("docs/rack.md")[0]);
    assert_eq!((rack.name.as_str(), rack.nodes.len()), ("edge", 24));
    let node = &rack.nodes[17];
    assert_eq!(node.name, "c0n17");
    assert_eq!(node.address.as_deref(), Some("10.0.1.18"));
    assert_eq!(node.position, Some(Position { module: 1, blade: 5, slot: 2 }));
    assert_eq!(node.feed.as_ref().map(|feed| feed.channel.as_str()), Some("17"));
    let rack = read(&examples("docs/rack.md")[1]);
    let macs: Vec<_> = rack.nodes.iter().map(|node| node.mac.as_deref()).collect();
    assert_eq!(macs, [Some("b8:27:eb:01:02:03"), Some("b8:27:eb:0a:0b:0c"), None]);
}

#[test]
fn a_manager_and_what_is_listed_are_protected() {
    let rack = read(&examples("docs/rack.md")[0]);
    let protected = rack.nodes.iter().filter(|node| node.protected);
    assert_eq!(protected.map(|node| node.name.as_str()).collect::<Vec<_>>(), ["c0n0", "c0n12"]);
}

#[test]
fn nodes_are_chosen_by_their_names() {
    let rack = read(&examples("docs/rack.md")[0]);
    let chosen = rack.choose("all!c0n[2-22]").expect("known nodes");
    assert_eq!(rack.fold(&chosen), "c0n[0-1,23]");
    assert_eq!(rack.choose("c0n[22-25]").expect_err("not there").title, "there is no node `c0n24`");
}

#[test]
fn what_is_not_said_has_the_facts_as_its_default() {
    let rack = read(&examples("docs/rack.md")[0]);
    let Controller::BitScope(bus) = &rack.controllers[0] else { panic!("{rack:?}") };
    assert_eq!((bus.device.as_str(), bus.address.as_ref()), ("/dev/serial0", None));
    assert_eq!((bus.unlock.as_str(), bus.console), ("UnLockMe", ConsoleRate::Bit115200));
    let spans = [bus.silence, bus.reply_max, bus.pace, bus.settle];
    assert_eq!(spans.map(|span| span.to_string()), ["200 ms", "2 s", "2 ms", "2 s"]);
}

#[test]
fn every_kind_of_mistake_is_reported_as_its_golden_text() {
    let folder = Path::new("tests/it/inventory");
    let entries = fs::read_dir(folder).expect("the folder is there");
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    files.sort();
    assert!(files.len() >= 6, "{files:?}");
    for file in files {
        let reported = inventory::load(&file).expect_err("a bad example").to_string();
        let golden = file.with_extension("stderr");
        if update() {
            fs::write(&golden, &reported).expect("the golden file is written");
        }
        let wanted = fs::read_to_string(&golden).unwrap_or_default();
        assert_eq!(wanted, reported, "{}", golden.display());
    }
}
