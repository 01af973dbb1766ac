//! A small study by hand, and what is made of it.

use super::*;
use crate::analysis::study::{Axis, Expected, Tally};

/// Waste over five intervals, with a plateau from 1 h to 4 h; one run of 8 h did not finish.
pub(super) fn u_curve() -> Answer {
    let hours = [0.5, 1.0, 2.0, 4.0, 8.0];
    let texts = ["30 min", "1 h", "2 h", "4 h", "8 h"].map(|it| format!("\"{it}\"")).to_vec();
    let means = [0.08, 0.0602, 0.06, 0.0601, 0.09];
    // Each cell strays by itself, so that the three in the middle cannot be distinguished.
    let strays = [0.0, 0.001, -0.001, 0.0005, -0.0005];
    let value = |cell: usize, replication: usize| {
        means[cell] + strays[(replication * (cell + 1) + cell) % strays.len()]
    };
    let row = |cell: usize| {
        let runs = if cell == 4 { 4 } else { 5 };
        (0..runs).map(|run| (run as u32, value(cell, run))).collect()
    };
    let values: Vec<Vec<(u32, f64)>> = (0..5).map(row).collect();
    let waste = OfMetric::of(("waste".into(), "1".into(), false), values, 0);
    let tally = |cell: usize| Tally {
        done: if cell == 4 { 4 } else { 5 },
        unfinished: usize::from(cell == 4),
        failed: 0,
    };
    let best = vec![("Young 1974", 6000.0), ("exact optimum", 7000.0)];
    let expected = |mean: f64| Some(Expected { efficiency: Some(1.0 - mean), best: best.clone() });
    Answer {
        followers: Vec::new(),
        axes: vec![Axis {
            name: None,
            key: "checkpoint.coordinated.interval".into(),
            unit: "s".into(),
            texts,
            numbers: hours.map(|it| Some(it * 3600.0)).to_vec(),
        }],
        cells: (0..5).map(tally).collect(),
        metrics: vec![waste],
        reference: 0,
        theory: means.map(expected).to_vec(),
        sampled: false,
    }
}

/// Efficiency over modules and intervals, 4 by 5 cells, two runs each.
pub(super) fn two_axes() -> Answer {
    let mut axes = [("cluster.modules", "count"), ("checkpoint.coordinated.interval", "s")]
        .map(|(key, unit)| Axis { key: key.into(), unit: unit.into(), ..Axis::default() });
    let mut values = Vec::new();
    for modules in [1.0, 2.0, 10.0, 70.0] {
        for minutes in [10.0, 20.0, 40.0, 80.0, 160.0_f64] {
            axes[0].texts.push(format!("{modules}"));
            axes[0].numbers.push(Some(modules));
            axes[1].texts.push(format!("\"{minutes} min\""));
            axes[1].numbers.push(Some(minutes * 60.0));
            let waste = 2.0 / minutes + modules * minutes / 40_000.0;
            values.push(vec![(0, 1.0 - waste), (1, 0.999 - waste)]);
        }
    }
    let tally = Tally { done: 2, ..Tally::default() };
    let cells = vec![tally; values.len()];
    let metric = OfMetric::of(("efficiency".into(), "1".into(), true), values, 0);
    Answer { axes: axes.to_vec(), cells, metrics: vec![metric], ..Answer::default() }
}

fn input(answer: &Answer) -> Input<'_> {
    Input {
        name: "interval",
        title: "How long between two checkpoints",
        answer,
        search: None,
        version: "0.1.0",
        command: "rackstorm study interval.toml",
        definition: |_| "Share of the jobs' node time that was not computing that survived.",
    }
}

fn names(answer: &Answer) -> Vec<String> {
    pictures(&input(answer)).into_iter().map(|it| it.name).collect()
}

#[test]
fn each_shape_of_a_study_has_its_figures() {
    let one = u_curve();
    assert_eq!(names(&one), ["waste_over_interval", "waste_by_cell", "waste_degradation"]);
    let two = two_axes();
    let map = "efficiency_over_interval_and_modules";
    assert_eq!(
        names(&two),
        [map, "efficiency_over_interval", "efficiency_by_cell", "efficiency_degradation"]
    );
    let sampled = Answer { sampled: true, ..two };
    assert_eq!(names(&sampled)[..2], ["efficiency_scatter_interval", "efficiency_scatter_modules"]);
    // Of one cell, of words, and of nothing there is less to draw, and none of it fails.
    let words = Answer {
        axes: vec![Axis { numbers: vec![None; 5], ..one.axes[0].clone() }],
        theory: Vec::new(),
        ..one.clone()
    };
    assert_eq!(names(&words), ["waste_by_cell", "waste_degradation"]);
    assert_eq!(names(&Answer::default()), <[String; 0]>::default());
    let none = OfMetric::of(("waste".into(), "1".into(), false), vec![Vec::new(); 5], 0);
    let empty = Answer { metrics: vec![none], ..one };
    assert_eq!(names(&empty), <[String; 0]>::default());
    assert!(text(&input(&empty)).contains("No run that was done has a `waste`."));
}

#[test]
fn the_folder_gets_a_page_a_table_and_its_figures_and_the_same_bytes_twice() {
    let answer = u_curve();
    let written = || {
        let folder = tempfile::tempdir().expect("a temporary folder can be written");
        let names = write(&input(&answer), folder.path()).expect("the folder can be written");
        let read = |name: &String| std::fs::read(folder.path().join(name)).expect("it is there");
        names.iter().map(|name| (name.clone(), read(name))).collect::<Vec<_>>()
    };
    let first = written();
    assert_eq!(first, written());
    assert_eq!(first.len(), 3 + 2 * 3);
    let table = String::from_utf8(first[0].1.clone()).expect("it is text");
    assert_eq!(table.lines().count(), 1 + 5);
    assert!(
        table.starts_with("cell,checkpoint.coordinated.interval,done,unfinished,failed,metric")
    );
    assert!(table.contains("\n4,28800.0,4,1,0,waste,1,4,"));
}

#[test]
fn the_terminal_gets_the_best_cells_first() {
    let answer = u_curve();
    let text = text(&input(&answer));
    let first = text.lines().find(|line| line.trim_start().starts_with("2  ")).expect("a row");
    assert!(first.contains("2 h") && first.ends_with("best"), "{text}");
    let object = json(&input(&answer));
    assert_eq!(object["metrics"]["waste"]["best"]["cell"], 2);
}

#[test]
fn a_word_among_the_numbers_of_an_axis_leaves_the_others_their_curve() {
    let mut answer = u_curve();
    answer.axes[0].texts[4] = "\"daly\"".into();
    answer.axes[0].numbers[4] = None;
    assert_eq!(names(&answer)[0], "waste_over_interval");
    let curve = pictures(&input(&answer)).swap_remove(0);
    assert!(curve.caption.contains("Cells that have a word there"), "{}", curve.caption);
    // The scale ends at the last number, 4 h, and not at that of the cell of 8 h.
    let x = axis::Numbers::of(&answer.axes[0]).expect("there are four numbers");
    assert!((14_400.0..16_000.0).contains(&x.scale.end), "{}", x.scale.end);
    assert_eq!(json(&input(&answer))["metrics"]["waste"]["alike"], serde_json::json!([1, 2, 3]));
}

#[test]
fn an_axis_below_zero_has_each_cell_at_its_own_place() {
    let numbers = [-200.0, 0.0, 200.0];
    let axis = Axis {
        key: "site.altitude".into(),
        unit: "m".into(),
        texts: numbers.map(|it| format!("\"{it} m\"")).to_vec(),
        numbers: numbers.map(Some).to_vec(),
        ..Axis::default()
    };
    let x = axis::Numbers::of(&axis).expect("numbers");
    assert!(x.scale.low < -200.0 && x.scale.end > 200.0, "{} {}", x.scale.low, x.scale.end);
    let tick = |(at, label): &(f64, String)| label == "−200" && (at + 200.0).abs() < 1e-9;
    assert!(x.scale.ticks.iter().any(tick));
}

#[test]
fn an_interval_reaches_below_zero_only_where_a_mean_does() {
    assert_eq!(axis::reach([(1.0, 3.0), (2.0, 0.0)].into_iter()), Some((0.0, 4.0)));
    assert_eq!(axis::reach([(1.0, 3.0), (-1.0, 1.0)].into_iter()), Some((-2.0, 4.0)));
    assert_eq!(axis::reach(std::iter::empty()), None);
}

#[test]
fn a_value_that_was_worked_out_is_rounded_and_one_that_was_written_is_not() {
    let value = |text: &str, number: f64, unit: &str| {
        let axis = Axis {
            unit: unit.into(),
            texts: vec![text.into()],
            numbers: vec![Some(number)],
            ..Axis::default()
        };
        axis::value(&axis, 0)
    };
    assert_eq!(value("\"39150855 B\"", 39_150_855.0, "B"), "39.2 MB");
    assert_eq!(value("\"1187.161467881 s\"", 1_187.161_467_881, "s"), "19 min 47 s");
    assert_eq!(value("\"613.5 s\"", 613.5, "s"), "613.5 s");
    assert_eq!(value("\"60 min\"", 3600.0, "s"), "60 min");
}

#[test]
fn a_figure_of_an_axis_with_a_dot_in_its_name_lies_where_the_page_says() {
    let mut answer = u_curve();
    answer.axes[0].key = "stop.at".into();
    let folder = tempfile::tempdir().expect("a temporary folder can be written");
    let names = write(&input(&answer), folder.path()).expect("the folder can be written");
    assert!(names.contains(&"figures/waste_over_stop.at.png".to_owned()), "{names:?}");
    for name in names {
        assert!(folder.path().join(&name).exists(), "{name}");
    }
}

#[test]
fn labels_of_cells_have_the_room_that_they_need() {
    let mut answer = two_axes();
    for text in &mut answer.axes[0].texts {
        *text = format!("\"a protocol with a name, {text}\"");
    }
    answer.axes[0].numbers.fill(None);
    let dots = pictures(&input(&answer)).into_iter().find(|it| it.name.ends_with("_by_cell"));
    let svg = crate::report::canvas::svg(&dots.expect("a figure").drawing, "").expect("an SVG");
    assert!(svg.contains("a protocol with a name, 70 · 160 min"), "{svg}");
}
