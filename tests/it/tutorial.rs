//! The tutorial in docs/tutorial: its commands are run as a reader would, and print what it shows.
//!
//! A block `toml` of a chapter whose first line is `# NAME.toml` is written into a fresh folder. In
//! a block `console`, each line `$ COMMAND` is run there by a shell, and the lines up to the next
//! one are what it prints to stdout, exactly. What a command prints to stderr, such as times and
//! progress, depends on the machine: a chapter does not show it. No number is elided. Lines that
//! are too many are left out by the command itself (`| head -3`).

use std::fmt::Write;
use std::path::Path;
use std::process::Command;

use crate::program::{Bench, root, update};

/// Runs the commands of a chapter and gives it with what they print.
fn played(chapter: &str, bench: &Bench) -> String {
    let mut out = String::new();
    let mut lines = chapter.lines().peekable();
    while let Some(line) = lines.next() {
        let _ = writeln!(out, "{line}");
        let is_console = line == "```console";
        if !is_console && line != "```toml" {
            continue;
        }
        let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        if is_console {
            for command in block.iter().filter_map(|line| line.strip_prefix("$ ")) {
                let _ = write!(out, "$ {command}\n{}", shell(command, bench));
            }
        } else {
            let text = block.join("\n") + "\n";
            out += &text;
            if let Some(name) = block.first().and_then(|line| line.strip_prefix("# ")) {
                assert!(!name.contains(['/', ' ']), "`{name}` is the name of a file");
                bench.write(name, &text);
            }
        }
        out += "```\n";
    }
    out
}

/// What a command prints; it has to succeed.
fn shell(command: &str, bench: &Bench) -> String {
    // The program is found as it is by a reader who installed it.
    let rackstorm = bench.command::<&str>(&[]);
    let folder = Path::new(rackstorm.get_program()).parent().expect("a program is in a folder");
    let path = std::env::var("PATH").unwrap_or_default();
    let mut run = Command::new("sh");
    run.args(["-c", command]).current_dir(bench.path());
    run.env("PATH", format!("{}:{path}", folder.display()));
    for variable in ["RACKSTORM_OUT", "RACKSTORM_SEED", "RACKSTORM_JOBS"] {
        run.env_remove(variable);
    }
    let done = run.output().expect("there is a shell");
    let error = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "$ {command}\n{error}");
    String::from_utf8(done.stdout).expect("stdout is UTF-8")
}

fn check(chapter: &str) {
    let file = root().join("docs/tutorial").join(chapter);
    let text = std::fs::read_to_string(&file).expect("the chapter is there");
    let played = played(&text, &Bench::new());
    if update() {
        std::fs::write(&file, &played).expect("the chapter can be written");
        return;
    }
    let (shown, printed): (Vec<_>, Vec<_>) = (text.lines().collect(), played.lines().collect());
    assert_eq!(shown, printed, "UPDATE=1 rewrites what the chapter shows");
}

#[test]
fn the_chapter_of_the_first_storm_prints_what_it_shows() {
    check("1-first-storm.md");
}

#[test]
fn the_chapter_of_the_checkpoint_interval_prints_what_it_shows() {
    check("2-checkpoint-interval.md");
}

#[test]
fn the_chapter_of_the_control_plane_prints_what_it_shows() {
    check("3-control-plane.md");
}
