//! Every file in `scenarios/` loads and obeys the schema; every kind of mistake is told as its golden text.

use std::path::{Path, PathBuf};

use rackstorm::scenario::{Overrides, Source, load};

/// All scenario files, sorted.
fn scenario_files() -> Vec<PathBuf> {
    let mut files = Vec::new();
    for folder in ["base", "smoke", "study"] {
        let folder = Path::new("scenarios").join(folder);
        let entries = std::fs::read_dir(&folder).expect("the folder is there");
        files.extend(entries.map(|entry| entry.expect("an entry").path()));
    }
    files.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    files.sort();
    assert!(files.len() > 8, "{files:?}");
    files
}

/// `defaults.toml` alone names no hardware; all else is a scenario.
fn is_scenario(path: &Path) -> bool {
    !path.ends_with("base/defaults.toml")
}

#[test]
fn every_scenario_loads_and_its_resolved_text_loads_to_the_same() {
    let folder = tempfile::tempdir().expect("a folder");
    for path in scenario_files().into_iter().filter(|path| is_scenario(path)) {
        let all = load(&path, &Overrides::default())
            .unwrap_or_else(|mistakes| panic!("{}\n{mistakes}", path.display()));
        for loaded in all {
            let copy = folder.path().join("resolved.toml");
            std::fs::write(&copy, &loaded.resolved).expect("written");
            let again = load(&copy, &Overrides::default())
                .unwrap_or_else(|mistakes| panic!("{}\n{mistakes}", path.display()));
            assert_eq!(again.len(), 1);
            assert_eq!(again[0].scenario, loaded.scenario, "{}", path.display());
            assert_eq!(again[0].resolved, loaded.resolved, "{}", path.display());
        }
    }
}
