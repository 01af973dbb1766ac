//! The mutants of `tests/mutants` still apply, and `docs/swarm.md` says what catches each.

use std::fs;
use std::path::Path;

/// The file of a patch, and of each of its hunks what has to stand there.
fn hunks(patch: &str) -> (&str, Vec<String>) {
    let file = patch.lines().find_map(|line| line.strip_prefix("--- a/")).expect("a file");
    let mut hunks: Vec<String> = Vec::new();
    for line in patch.lines() {
        if line.starts_with("@@") {
            hunks.push(String::new());
        } else if let (Some(hunk), Some(old)) =
            (hunks.last_mut(), line.strip_prefix('-').or_else(|| line.strip_prefix(' ')))
        {
            hunk.push_str(old);
            hunk.push('\n');
        }
    }
    (file, hunks)
}

#[test]
fn every_mutant_applies_and_is_listed_with_what_catches_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("docs/swarm.md")).expect("the page");
    let mut names = Vec::new();
    for entry in fs::read_dir(root.join("tests/mutants")).expect("the folder") {
        let file = entry.expect("an entry").path();
        let name = file.file_stem().expect("a name").to_string_lossy().into_owned();
        let patch = fs::read_to_string(&file).expect("text");
        let (source, hunks) = hunks(&patch);
        let code = fs::read_to_string(root.join(source));
        let code = code.unwrap_or_else(|_| panic!("{name}: {source}"));
        assert!(!hunks.is_empty(), "{name} changes nothing");
        for hunk in hunks {
            assert!(code.contains(&hunk), "{name} does not apply to {source}:\n{hunk}");
        }
        let catcher = patch.lines().find_map(|line| line.strip_prefix("caught by: "));
        let catcher = catcher.unwrap_or_else(|| panic!("{name}: who catches it?"));
        let row = format!("| `{name}` |");
        let row = page.lines().find(|line| line.starts_with(&row));
        let row = row.unwrap_or_else(|| panic!("docs/swarm.md has no row of {name}"));
        assert!(row.ends_with(&format!("| `{catcher}` |")), "{name}: {catcher} in {row}");
        names.push(name);
    }
    assert!(names.len() >= 22, "{names:?}");
}
