//! The table as people read it, and the page on plausible and on odd input.

use std::fs;
use std::path::Path;

use super::{Input, text, write};
use crate::analysis::compare::Comparison;
use crate::analysis::compare::tests::run;
use crate::analysis::run::Run;
use crate::analysis::tolerance::Tolerance;

fn input<'a>(a: &'a [Run], b: &'a [Run], comparison: &'a Comparison) -> Input<'a> {
    let command = "rackstorm compare results/boot/1 results/boot/2";
    Input { a, b, comparison, strict: false, version: "0.1.0", command }
}

/// The table of two sides.
fn table(a: &[Run], b: &[Run], all: bool) -> String {
    let comparison = Comparison::of(a, b, &Tolerance::default());
    text(&input(a, b, &comparison), all)
}

/// Draws everything into a folder: one that can be looked at if `REPORT_SEE` names a place.
fn draw(name: &str, a: &[Run], b: &[Run]) -> (String, Vec<String>) {
    let temporary = tempfile::tempdir().expect("a temporary folder");
    let see = std::env::var_os("REPORT_SEE").map(|place| Path::new(&place).join(name));
    let folder = see.as_deref().unwrap_or(temporary.path());
    let comparison = Comparison::of(a, b, &Tolerance::default());
    write(&input(a, b, &comparison), folder).expect("the folder can be written");
    let page = fs::read_to_string(folder.join("compare.html")).expect("the page is there");
    assert!(page.starts_with("<!DOCTYPE html>") && page.ends_with("</html>"));
    for fetch in ["src=\"http", "url(http", "<script", "<link", "@import"] {
        assert!(!page.contains(fetch), "the page fetches nothing, but has {fetch:?}");
    }
    let mut names = Vec::new();
    for entry in fs::read_dir(folder.join("figures")).expect("the figures are there") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|end| end == "svg") {
            let svg = fs::read_to_string(&path).expect("an SVG is text");
            assert!(!svg.contains("NaN") && !svg.contains("inf,"), "{}", path.display());
            assert!(path.with_extension("png").exists(), "each SVG has a PNG next to it");
            crate::report::sample::assert_legible(&svg);
            names.push(path.file_stem().expect("a name").to_string_lossy().into_owned());
        }
    }
    names.sort();
    (page, names)
}

/// Two runs of the same experiment, the second with another stagger.
fn pair() -> [Run; 2] {
    let metrics = |makespan, mtti| {
        [
            ("makespan", makespan, "s"),
            ("efficiency", 0.9, "1"),
            ("failures", 3.0, "count"),
            ("energy", 28.5e6 + makespan, "J"),
            ("mtti", mtti, "s"),
        ]
    };
    let mut a = run(1, 10.0, &metrics(100.0, 50.0));
    let mut b = run(1, 12.0, &metrics(108.0, 51.0)[..4]);
    for (run, stagger) in [(&mut a, "\"0 s\""), (&mut b, "\"500 ms\"")] {
        run.keys.insert("boot.power_on.stagger".to_owned(), stagger.to_owned());
    }
    [a, b]
}

#[test]
fn the_table_shows_what_matters_first() {
    let [a, b] = pair();
    assert_eq!(table(&[a], &[b], false), BRIEF);
}

const BRIEF: &str = "\
A  boot  seed 1  model  4 nodes
B  boot  seed 1  model  4 nodes

Scenario key           A      B
boot.power_on.stagger  \"0 s\"  \"500 ms\"

Metric             A           B  B − A  of A  verdict
makespan  1 min 40 s  1 min 48 s   +8 s  +8 %  out of tolerance
mtti            50 s           –      –     –  only in A

Distribution     A median (n)  B median (n)   apart    of A   KS      p  verdict
first_up           11.5 s (4)    13.5 s (4)     2 s  17.4 %  0.5  0.771  unclear
boot_stage/rom     2.88 s (4)    3.38 s (4)  500 ms  17.4 %  0.5  0.771  unclear
boot_stage/init    8.62 s (4)    10.1 s (4)   1.5 s  17.4 %  0.5  0.771  unclear

5 metrics: 1 out of tolerance, 1 only in A, 1 within tolerance, 2 the same.
3 distributions: 3 unclear.
B is out of tolerance. (--all shows every row.)
";

#[test]
fn the_whole_table_has_every_row_with_its_interval() {
    let side = |first: u64, shift: f64| -> Vec<Run> {
        let run = |i: u64| {
            let value = 100.0 + shift + i as f64;
            run(first + i, 10.0 + shift, &[("makespan", value, "s"), ("efficiency", 0.9, "1")])
        };
        (0..3).map(run).collect()
    };
    assert_eq!(table(&side(1, 0.0), &side(4, 30.0), true), WHOLE);
}

const WHOLE: &str = "\
A  boot  3 runs  seeds 1, 2, 3  model  4 nodes
B  boot  3 runs  seeds 4, 5, 6  model  4 nodes
Differences are those of independent sides: they have no seed in common.

Scenario key  A        B
seed          1, 2, 3  4, 5, 6

Metric                        A                    B           B − A     of A  verdict
makespan    1 min 41 s ± 5.73 s  2 min 11 s ± 5.73 s  +30 s ± 3.76 s  +29.7 %  out of tolerance
efficiency                 90 %                 90 %            0 pp      0 %  same

Distribution     A median (n)  B median (n)   apart   of A  KS         p  verdict
first_up          11.5 s (12)   41.5 s (12)    30 s  261 %   1  < 0.0001  out of tolerance
boot_stage/rom    2.88 s (12)   10.4 s (12)   7.5 s  261 %   1  < 0.0001  out of tolerance
boot_stage/init   8.62 s (12)   31.1 s (12)  22.5 s  261 %   1  < 0.0001  out of tolerance

2 metrics: 1 out of tolerance, 1 the same.
3 distributions: 3 out of tolerance.
B is out of tolerance.
";

#[test]
fn a_run_against_itself_leaves_nothing_to_report() {
    let [a, _] = pair();
    let runs = [a];
    let reported = table(&runs, &runs, false);
    assert!(reported.ends_with("A and B are the same. (--all shows every row.)\n"), "{reported}");
    assert!(!reported.contains("verdict"), "{reported}");
}

#[test]
fn a_page_has_the_figures_for_which_there_is_data() {
    let [a, b] = pair();
    let (page, names) = draw("compare_pair", &[a], &[b]);
    assert_eq!(names, ["boot_stages", "cdf_first_up", "nodes_up"]);
    assert!(page.contains("boot.power_on.stagger") && page.contains("out of tolerance"));
}

#[test]
fn many_runs_a_side_and_none_with_data_are_drawn() {
    let many = |from: u64, first_up: f64| -> Vec<Run> {
        (from..from + 20).map(|seed| run(seed, first_up + seed as f64, &[])).collect()
    };
    let (page, names) = draw("compare_many", &many(1, 5.0), &many(30, 0.0));
    assert_eq!(names, ["boot_stages", "cdf_first_up", "nodes_up"]);
    assert!(page.contains("8 lines, for 8 of its 20 runs"));
    let mut empty = run(1, 0.0, &[]);
    empty.findings = crate::analysis::Findings::default();
    let (page, names) = draw("compare_empty", &[empty.clone()], &[empty]);
    assert_eq!(names, [""; 0]);
    assert!(page.contains("The runs hold no distributions."));
}

#[test]
fn hostile_names_are_escaped_and_cut() {
    let [mut a, b] = pair();
    a.manifest.scenario = "<script>alert(1)</script> & ".repeat(40);
    a.keys.insert("title".to_owned(), "電源".repeat(100));
    a.keys.insert("transfers.rows".to_owned(), "0,pi1,pi2,1\n".repeat(100_000));
    let reported = table(std::slice::from_ref(&a), std::slice::from_ref(&b), false);
    assert!(
        reported.lines().any(|line| line.contains("title") && line.contains('…')),
        "{reported}"
    );
    assert!(reported.contains("transfers.rows") && reported.len() < 10_000, "{reported}");
    let (page, _) = draw("compare_hostile", &[a], &[b]);
    assert!(page.contains("transfers.rows") && page.len() < 2_000_000, "{}", page.len());
}
