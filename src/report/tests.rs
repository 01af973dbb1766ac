//! The whole report, on plausible and on odd input.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use sha2::{Digest, Sha256};

use super::sample::{self, Kind};
use super::{Again, Input, VerdictLine, canvas, figures, words, write};
use crate::analysis::{Findings, Point, StrikeFinding, TransferFinding};
use crate::event::Fault;
use crate::forecast::Compared;
use crate::plan::Plan;
use crate::report::theme::SERIES;

/// The largest SVG that a figure may be (bytes).
const SVG_MOST: usize = 500_000;

/// A run that took a little longer than the exact formula expects, and one that is out of range.
static THEORY: LazyLock<Result<Vec<Compared>, Vec<String>>> = LazyLock::new(|| {
    let row = |formula, wanted, outside: &str| Compared {
        formula,
        makespan: Some((wanted, 2_730_000.0)),
        deviations: (formula == "exact expectation").then_some(0.8),
        efficiency: Some((2_592_000.0 / wanted, 0.949)),
        outside: outside.to_owned(),
    };
    let outside = "period 0.41 of the MTBF: outside the range of the first order (0.27)";
    Ok(vec![
        row("exact expectation", 2_700_000.0, ""),
        row("first-order waste", 2_650_000.0, outside),
    ])
});

static AGAIN: LazyLock<Again> = LazyLock::new(|| Again {
    intro: "The same scenario gives the same events.".to_owned(),
    ways: vec![("This plays it again:", "rackstorm replay .".to_owned())],
});

fn verdicts() -> [VerdictLine; 2] {
    [
        VerdictLine { text: "efficiency > 0.5: it is 0.871".to_owned(), met: true },
        VerdictLine { text: "waste < 0.1: it is 0.129".to_owned(), met: false },
    ]
}

fn input<'a>(plan: &'a Plan, findings: &'a Findings, verdicts: &'a [VerdictLine]) -> Input<'a> {
    Input {
        plan,
        findings,
        stage: "model",
        fingerprint: "5d41402abc4b2a76b9719d911017c592",
        version: "0.1.0",
        resolved: "schema = 1\ntitle = \"LANL pilot\"\n\n[site]\naltitude = \"2231 m\"\n",
        verdicts,
        theory: &THEORY,
        definition: |_| "What it means, in a sentence.",
        again: &AGAIN,
    }
}

/// Draws everything into a folder: one that can be looked at if `REPORT_SEE` names a place.
fn draw(name: &str, plan: &Plan, findings: &Findings) -> Vec<(String, String)> {
    let temporary = tempfile::tempdir().expect("a temporary folder");
    let see = std::env::var_os("REPORT_SEE").map(|place| Path::new(&place).join(name));
    let folder = see.as_deref().unwrap_or(temporary.path());
    write(&input(plan, findings, &verdicts()), folder).expect("the folder can be written");
    let page = fs::read_to_string(folder.join("report.html")).expect("the page is there");
    assert!(page.starts_with("<!DOCTYPE html>") && page.ends_with("</html>"));
    for fetch in ["src=\"http", "url(http", "<script", "<link", "@import"] {
        assert!(!page.contains(fetch), "the page fetches nothing, but has {fetch:?}");
    }
    let mut found = Vec::new();
    for entry in fs::read_dir(folder.join("figures")).expect("the figures are there") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|end| end == "svg") {
            let svg = fs::read_to_string(&path).expect("an SVG is text");
            assert!(svg.len() < SVG_MOST, "{} has {} bytes", path.display(), svg.len());
            assert!(!svg.contains("NaN") && !svg.contains("inf,"), "{}", path.display());
            assert!(path.with_extension("png").exists(), "each SVG has a PNG next to it");
            sample::assert_legible(&svg);
            let stem = path.file_stem().expect("a name").to_string_lossy().into_owned();
            found.push((stem, svg));
        }
    }
    found.sort();
    found
}

fn names(drawn: &[(String, String)]) -> Vec<&str> {
    drawn.iter().map(|(name, _)| name.as_str()).collect()
}

const ALL: [&str; 6] =
    ["boot_gantt", "nodes_up", "power", "rack_map", "server_link", "time_breakdown"];

#[test]
fn a_month_and_a_boot_give_all_figures() {
    for (name, kind) in [("month", sample::MONTH), ("boot", sample::BOOT)] {
        let drawn = draw(name, &sample::plan(kind), &sample::findings(kind));
        assert_eq!(names(&drawn), ALL, "{name}");
    }
}

#[test]
fn figures_of_ten_thousand_and_of_a_million_nodes_stay_small() {
    let ten = Kind { nodes: 10_050, servers: 67, points: 700, ..sample::BOOT };
    let drawn = draw("ten_thousand", &sample::plan(ten), &sample::findings(ten));
    assert_eq!(names(&drawn), ALL);
    let million = Kind { nodes: 1_000_000, servers: 900, points: 100, ..sample::BOOT };
    let drawn = draw("million", &sample::plan(million), &sample::findings(million));
    assert_eq!(names(&drawn), ALL);
}

#[test]
fn six_servers_have_six_colours() {
    let kind = Kind { servers: 6, ..sample::BOOT };
    let drawn = draw("six_servers", &sample::plan(kind), &sample::findings(kind));
    let (_, svg) = drawn.iter().find(|(name, _)| name == "server_link").expect("it is drawn");
    let lines = svg.lines().filter(|line| line.starts_with("<polyline"));
    let strokes: Vec<_> = lines.filter_map(|line| line.split("stroke=\"").nth(1)).collect();
    for (number, ink) in SERIES.iter().enumerate() {
        let colour = format!("#{:02X}{:02X}{:02X}", ink.rgb.0, ink.rgb.1, ink.rgb.2);
        let lines = strokes.iter().filter(|stroke| stroke.starts_with(&colour)).count();
        assert_eq!(lines, 2, "server {}, sent and received", number + 1);
    }
}

#[test]
fn twelve_nodes_are_named_and_fill_their_map() {
    let kind = Kind { nodes: 12, ..sample::BOOT };
    let mut findings = sample::findings(kind);
    findings.nodes[4].down_s = 90.0;
    let drawn = draw("twelve", &sample::plan(kind), &findings);
    let (_, svg) = drawn.iter().find(|(name, _)| name == "rack_map").expect("it is drawn");
    let texts: Vec<_> = svg.lines().filter(|line| line.starts_with("pi")).collect();
    assert_eq!(texts.len(), 12, "{texts:?}");
    assert!(svg.lines().any(|line| line == "1 min 30 s"), "how long it was down");
}

#[test]
fn ten_thousand_nodes_of_ten_thousand_downtimes_stay_small() {
    let kind = Kind { nodes: 19_950, ..sample::BOOT };
    let mut findings = sample::findings(kind);
    let mut dice = sample::Dice::new(7);
    findings.nodes.iter_mut().for_each(|node| node.down_s = 1000.0 * dice.roll());
    let drawn = draw("motley", &sample::plan(kind), &findings);
    assert!(names(&drawn).contains(&"rack_map"));
}

/// So many strikes of each of these kinds, evenly spread over a run.
fn strikes(kinds: &[Fault], each: u32, end_s: f64) -> Vec<StrikeFinding> {
    let strike = |kind: &Fault, i: u32| StrikeFinding {
        t_s: end_s * f64::from(i) / f64::from(each),
        kind: kind.word().to_owned(),
        part: "pi1".to_owned(),
    };
    kinds.iter().flat_map(|kind| (0..each).map(move |i| strike(kind, i))).collect()
}

#[test]
fn each_kind_of_fault_is_marked_below_every_axis_of_time() {
    let plan = sample::plan(sample::MONTH);
    let over_time = ["boot_gantt", "nodes_up", "power", "server_link", "time_breakdown"];
    for kind in Fault::ALL {
        let mut findings = sample::findings(sample::MONTH);
        findings.strikes = strikes(&[kind], 1, 1.0);
        let drawn = draw(kind.word(), &plan, &findings);
        for (name, svg) in drawn.iter().filter(|(name, _)| over_time.contains(&name.as_str())) {
            let key = format!("{} 1", kind.title());
            assert!(svg.lines().any(|line| line == key), "{name}: {key}");
        }
    }
}

#[test]
fn many_faults_of_all_kinds_leave_room_for_the_plot() {
    let plan = sample::plan(sample::MONTH);
    let mut findings = sample::findings(sample::MONTH);
    findings.strikes = strikes(&Fault::ALL, 4000, sample::MONTH.end_s);
    let drawn = draw("many_faults", &plan, &findings);
    assert_eq!(names(&drawn), ALL);
    let (_, svg) = drawn.iter().find(|(name, _)| name == "nodes_up").expect("it is drawn");
    assert!(svg.lines().any(|line| line == "crash 4000"), "each of the first kinds");
    let others = words::grouped(4000.0 * (Fault::ALL.len() - 4) as f64);
    let others = format!("other kinds {others}");
    assert!(svg.lines().any(|line| line == others), "the rest together");
    findings.strikes.clear();
    let drawn = draw("no_faults", &plan, &findings);
    assert!(drawn.iter().all(|(_, svg)| !svg.contains("Faults")), "nothing is marked");
}

#[test]
fn one_node_has_a_report() {
    let kind = Kind { nodes: 1, points: 1, ..sample::BOOT };
    let drawn = draw("one_node", &sample::plan(kind), &sample::findings(kind));
    assert!(names(&drawn).contains(&"boot_gantt"), "{:?}", names(&drawn));
}

#[test]
fn what_has_nothing_to_show_is_left_out() {
    let kind = Kind { points: 1, end_s: 0.0, ..sample::BOOT };
    let drawn = draw("no_time", &sample::plan(kind), &sample::findings(kind));
    assert_eq!(names(&drawn), [""; 0], "a run without time");
    let drawn = draw("nothing", &sample::plan(sample::BOOT), &Findings::default());
    assert_eq!(names(&drawn), [""; 0], "no findings at all");
    let mut findings = sample::findings(sample::BOOT);
    findings.boots.clear();
    findings.nodes.iter_mut().for_each(|node| node.down_s = 0.0);
    for series in &mut findings.series {
        if series.name.starts_with("server_") {
            series.points.iter_mut().for_each(|point| *point = Point::level(point.t_s, 0.0));
        }
    }
    let drawn = draw("quiet", &sample::plan(sample::BOOT), &findings);
    assert_eq!(names(&drawn), ["nodes_up", "power", "time_breakdown"]);
}

#[test]
fn a_machine_that_never_comes_up_is_drawn() {
    let mut findings = sample::findings(sample::BOOT);
    let nodes = findings.nodes.len() as f64;
    for series in &mut findings.series {
        let value = if series.name == "node_share/down" { nodes } else { 0.0 };
        series.points.iter_mut().for_each(|point| *point = Point::level(point.t_s, value));
    }
    findings.nodes.iter_mut().for_each(|node| node.down_s = sample::BOOT.end_s);
    findings.boots.clear();
    findings.metrics.retain(|m| !m.name.starts_with("boot_") && !m.name.starts_with("node_time"));
    let drawn = draw("all_down", &sample::plan(sample::BOOT), &findings);
    assert_eq!(names(&drawn), ["nodes_up", "power", "rack_map", "time_breakdown"]);
}

#[test]
fn very_long_and_hostile_names_are_cut_and_escaped() {
    let mut plan = sample::plan(sample::BOOT);
    plan.scenario.name = "a_very_long_name_".repeat(40);
    plan.scenario.title = "<script>alert(\"1\")</script> & ".repeat(30);
    plan.scenario.faults[0].name = "電源".repeat(100);
    let drawn = draw("long_names", &plan, &sample::findings(sample::BOOT));
    let (_, svg) = &drawn[0];
    assert!(svg.contains('…'), "the subtitle is cut");
}

#[test]
fn the_same_input_gives_the_same_figures_on_every_machine() {
    let kind = Kind { nodes: 300, points: 60, servers: 2, ..sample::MONTH };
    let (plan, findings) = (sample::plan(kind), sample::findings(kind));
    let mut hashes = String::new();
    for figure in figures::ALL.iter().filter(|it| it.wanted(&input(&plan, &findings, &[]))) {
        let drawing = figure.draw(&input(&plan, &findings, &[]));
        let svg = canvas::svg(&drawing, figure.title()).expect("a string takes any text");
        let digest = Sha256::digest(svg.as_bytes());
        let hash = digest.iter().take(8).fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        });
        let _ = writeln!(hashes, "{} {hash}", figure.name());
    }
    // After a change of a figure: look at it (`REPORT_SEE=folder`), then set its hash here.
    assert_eq!(hashes, GOLDEN);
}

const GOLDEN: &str = "\
nodes_up 37e70d595220f606
boot_gantt 83ac7021989d9ef8
time_breakdown 2c8a12717ad3948b
rack_map f332ffe18d89d72a
server_link 3a16e8572cd734dd
power 19730d19f30d7c78
";

#[test]
fn listed_transfers_have_a_figure_and_a_scenario_of_megabytes_is_shown_in_part() {
    let (plan, mut findings) = (sample::plan(sample::BOOT), sample::findings(sample::BOOT));
    let transfer = |number: u64| TransferFinding {
        transfer: number,
        source: format!("pi{number}"),
        destination: if number.is_multiple_of(2) { "server[1]" } else { "pi750" }.to_owned(),
        bytes: 1_000_000,
        begin_s: 5.0,
        end_s: 6.0 + number as f64,
        status: if number == 7 { "lost" } else { "done" }.to_owned(),
    };
    findings.transfers = (1..40).map(transfer).collect();
    let drawn = draw("transfers", &plan, &findings);
    assert!(names(&drawn).contains(&"transfer_times"), "{:?}", names(&drawn));
    let folder = tempfile::tempdir().expect("a temporary folder");
    let rows = "0,pi1,pi2,1000000\n".repeat(100_000);
    let verdicts = verdicts();
    let small = input(&plan, &findings, &verdicts);
    write(&Input { resolved: &rows, ..small }, folder.path()).expect("it can be written");
    let page = fs::read_to_string(folder.path().join("report.html")).expect("the page is there");
    let lines = super::words::count(100_000, "line", "lines");
    assert!(page.contains(&format!("{lines} of TOML")) && page.contains("here are its first"));
    assert!(page.matches("0,pi1,pi2").count() < 30_000);
}
