//! The map of the documents, docs/README.md: it links every page once, and no page is left out.

use std::collections::BTreeMap;

use crate::program::{root, walk};

/// What a page links to: the targets of `](...)` without what stands behind `#`.
fn links(text: &str) -> Vec<&str> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    targets.map(|target| target.split('#').next().unwrap_or(target)).collect()
}

#[test]
fn the_map_links_each_page_once() {
    let docs = root().join("docs");
    let map = std::fs::read_to_string(docs.join("README.md")).expect("there is a map");
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    walk(&docs, &mut |path| {
        let name = path.strip_prefix(&docs).expect("below it").to_string_lossy().into_owned();
        let is_page = path.extension().is_some_and(|extension| extension == "md");
        // Decisions have a list of their own, which the map links.
        let listed = name.starts_with("decisions/") && name != "decisions/README.md";
        if is_page && name != "README.md" && !listed {
            counts.insert(name, 0);
        }
    });
    for link in links(&map) {
        if let Some(count) = counts.get_mut(link) {
            *count += 1;
        }
    }
    let wrong: Vec<_> = counts.iter().filter(|(_, count)| **count != 1).collect();
    assert!(wrong.is_empty(), "linked not once, but so often: {wrong:?}");
}

#[test]
fn the_decisions_are_all_listed() {
    let folder = root().join("docs/decisions");
    let list = std::fs::read_to_string(folder.join("README.md")).expect("there is a list");
    let links = links(&list);
    walk(&folder, &mut |path| {
        let name = path.file_name().expect("a name").to_string_lossy();
        assert!(name == "README.md" || links.contains(&&*name), "{name} is not listed");
    });
}

/// Every fault says since when it was there, how it was found and what shows it.
#[test]
fn every_row_of_the_table_of_faults_is_whole() {
    let page = std::fs::read_to_string(root().join("docs/bugs.md")).expect("the table");
    for row in page.lines().filter(|line| line.starts_with('|')) {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        assert!(cells.len() == 4 || row.starts_with("|---"), "{row}");
        assert!(cells.iter().all(|cell| !cell.is_empty()), "{row}");
    }
}
