//! What jobs did, phase by phase: one job in rows of time, or a row for each of several.

use super::Figure;
use super::boot_gantt::name_rows;
use crate::analysis::NodeClass;
use crate::analysis::PhaseFinding;
use crate::event::Fault;
use crate::report::Input;
use crate::report::drawing::{Area, Drawing};
use crate::report::frame::{Frame, PLOT_RIGHT, heading, legend};
use crate::report::scale::Scale;
use crate::report::strip;
use crate::report::theme::{AXIS, Ink, class_ink, fault_ink};
use crate::report::words;

/// See the file's first line.
pub(crate) struct JobPhases;

/// Rows that can be distinguished with ease.
const ROWS: usize = 24;
/// Phases of a job that a row of time shows well.
const PHASES: usize = 30;
/// Rows of time at least, as long as there are phases for them.
const ROWS_LEAST: usize = 4;
/// Of more bars than this, those of a column of so many pixels become one: what takes most of it.
const BARS: usize = 4500;
const COLUMN: f64 = 2.0;
/// Share of a row's height that its bar has, and that its marks have.
const BAR: f64 = 0.62;
const MARK: f64 = 0.26;
/// Lengths that rows of time may have (s).
const LENGTHS: [f64; 20] = [
    1.0,
    5.0,
    10.0,
    30.0,
    60.0,
    300.0,
    600.0,
    1800.0,
    3600.0,
    7200.0,
    10_800.0,
    21_600.0,
    43_200.0,
    86_400.0,
    172_800.0,
    432_000.0,
    864_000.0,
    2_592_000.0,
    8_640_000.0,
    31_536_000.0,
];

/// The phases in the order of the legend, with their colour.
const INKS: [(&str, &str, NodeClass); 7] = [
    ("compute", "compute", NodeClass::Compute),
    ("rework", "rework", NodeClass::Rework),
    ("verify", "verify", NodeClass::Verify),
    ("checkpoint", "checkpoint", NodeClass::Checkpoint),
    ("restart", "restart", NodeClass::Restart),
    ("waiting", "wait", NodeClass::Wait),
    ("queued", "before its start", NodeClass::Off),
];

/// The colours of the lowest level of checkpoints and of the highest.
const LOWEST: Ink = Ink::hex(0xFA_E1A0);
const HIGHEST: Ink = Ink::hex(0x94_5600);

/// A stretch of a row in one colour (s).
#[derive(Clone, Copy)]
struct Bar {
    from: f64,
    to: f64,
    ink: Ink,
}

/// A row: its name, where it begins (s), and what is in it.
struct Row {
    name: String,
    start: f64,
    bars: Vec<Bar>,
}

/// The phases of the jobs that are drawn, job by job.
fn of_jobs<'a>(input: &'a Input<'a>) -> Vec<(&'a str, Vec<&'a PhaseFinding>)> {
    let mut jobs: Vec<_> = input.findings.jobs.iter().collect();
    if jobs.len() > ROWS {
        let size = |job: &crate::analysis::JobFinding| {
            f64::from(job.nodes) * (job.work_s + job.lost_s + job.checkpoint_s)
        };
        jobs.sort_by(|a, b| size(b).total_cmp(&size(a)));
        jobs.truncate(ROWS);
        jobs.sort_by(|a, b| a.submit_s.total_cmp(&b.submit_s));
    }
    let phases = |job: &'a crate::analysis::JobFinding| {
        let own = input.findings.phases.iter().filter(|row| row.job == job.job);
        (job.job.as_str(), own.collect::<Vec<_>>())
    };
    jobs.into_iter().map(phases).collect()
}

/// How many levels checkpoints have.
fn levels(input: &Input) -> u64 {
    input.findings.phases.iter().filter_map(|row| row.level).max().unwrap_or(1)
}

/// What a phase is in the legend: waiting before the first start is no failure's.
fn word(row: &PhaseFinding, first: bool) -> &str {
    if first && row.phase == "waiting" { "queued" } else { &row.phase }
}

fn ink(word: &str, level: Option<u64>, levels: u64) -> Ink {
    let class = INKS.iter().find(|(name, ..)| *name == word);
    let ink = class.map_or(AXIS, |(.., class)| class_ink(*class));
    match level {
        // The higher, the darker.
        Some(level) if levels > 1 && word == "checkpoint" => {
            between(LOWEST, HIGHEST, (level - 1) as f64 / (levels - 1) as f64)
        }
        _ => ink,
    }
}

/// A colour that lies so far on the way from one to another.
fn between(from: Ink, to: Ink, share: f64) -> Ink {
    let mix = |a: u8, b: u8| (f64::from(a) + share * (f64::from(b) - f64::from(a))).round() as u8;
    let ((r, g, b), (red, green, blue)) = (from.rgb, to.rgb);
    Ink { rgb: (mix(r, red), mix(g, green), mix(b, blue)), alpha: 1.0 }
}

fn bars(phases: &[&PhaseFinding], levels: u64) -> Vec<Bar> {
    let bar = |(number, row): (usize, &&PhaseFinding)| Bar {
        from: row.from_s,
        to: row.to_s,
        ink: ink(word(row, number == 0), row.level, levels),
    };
    phases.iter().enumerate().map(bar).collect()
}

/// One job in rows of time, all of one length (s).
fn folded(bars: &[Bar]) -> (Vec<Row>, f64) {
    let end = bars.last().map_or(0.0, |bar| bar.to);
    let wanted = (bars.len() / PHASES).clamp(ROWS_LEAST, ROWS).min(bars.len().max(1));
    let length = LENGTHS.iter().copied().find(|length| (end / length).ceil() <= wanted as f64);
    let length = length.unwrap_or(end / wanted as f64).min(end);
    let count = (end / length - 1e-9).ceil().max(1.0) as usize;
    let row = |number: usize| {
        let start = number as f64 * length;
        let cut = |bar: &Bar| Bar {
            from: (bar.from - start).max(0.0),
            to: (bar.to - start).min(length),
            ink: bar.ink,
        };
        let bars = bars.iter().map(cut).filter(|bar| bar.to > bar.from).collect();
        Row { name: words::span(start), start, bars }
    };
    ((0..count).map(row).collect(), length)
}

/// The same bars with one for each column of pixels, of what takes most of it.
fn condensed(bars: &[Bar], frame: &Frame, length: f64) -> Vec<Bar> {
    let columns = (frame.area.width() / COLUMN).ceil();
    let width = length / columns;
    let mut out: Vec<Bar> = Vec::new();
    let mut first = 0;
    for column in 0..columns as usize {
        let (from, to) = (column as f64 * width, (column + 1) as f64 * width);
        while first < bars.len() && bars[first].to <= from {
            first += 1;
        }
        let here = bars[first..].iter().take_while(|bar| bar.from < to);
        let share = |bar: &Bar| bar.to.min(to) - bar.from.max(from);
        let most = here.max_by(|a, b| share(a).total_cmp(&share(b)));
        let Some(most) = most else { continue };
        match out.last_mut() {
            Some(last) if last.ink == most.ink && last.to >= from - 1e-9 => last.to = to,
            _ => out.push(Bar { from, to, ink: most.ink }),
        }
    }
    out
}

/// The legend: the phases that there were, each level of checkpoints, and for one job the faults.
fn entries(input: &Input, rows: &[(&str, Vec<&PhaseFinding>)]) -> Vec<(String, Ink)> {
    let levels = levels(input);
    let met = |name: &str, level: Option<u64>| {
        rows.iter().any(|(_, phases)| {
            let mut own = phases.iter().enumerate();
            own.any(|(number, row)| word(row, number == 0) == name && row.level == level)
        })
    };
    let mut entries = Vec::new();
    for (name, title, class) in INKS {
        if name == "checkpoint" && levels > 1 {
            for level in (1..=levels).filter(|level| met(name, Some(*level))) {
                entries.push((format!("{title} {level}"), ink(name, Some(level), levels)));
            }
        } else if rows.iter().any(|(_, phases)| {
            phases.iter().enumerate().any(|(number, row)| word(row, number == 0) == name)
        }) {
            entries.push((title.to_owned(), class_ink(class)));
        }
    }
    if rows.len() == 1 {
        let kinds = Fault::ALL
            .into_iter()
            .filter(|kind| input.findings.strikes.iter().any(|strike| strike.kind == kind.word()));
        entries.extend(kinds.map(|kind| (kind.title().to_owned(), fault_ink(kind))));
    }
    entries
}

impl Figure for JobPhases {
    fn name(&self) -> &'static str {
        "job_phases"
    }

    fn title(&self) -> &'static str {
        "What the jobs did, phase by phase"
    }

    fn caption(&self, input: &Input) -> String {
        let all = input.findings.jobs.len();
        let levels =
            if levels(input) > 1 { " A checkpoint of a higher level is darker." } else { "" };
        let (rows, what) = match all {
            1 => (
                "The run of the job in rows of time, one below the other, as lines of a text; the \
                 name of a row is when it begins. Small marks below a row are faults as they \
                 struck.",
                "",
            ),
            n if n > ROWS => {
                ("A row for each of those jobs that computed most.", strip::caption(input))
            }
            _ => ("A row for each job.", strip::caption(input)),
        };
        let fine = if input.findings.phases.len() > BARS {
            " Where phases are shorter than can be seen, a stretch shows the one that took most \
             of it."
        } else {
            ""
        };
        format!("{rows}{levels}{what}{fine} phases.csv has each phase.")
    }

    fn wanted(&self, input: &Input) -> bool {
        input.findings.phases.iter().any(|row| row.phase != "waiting")
    }

    fn draw(&self, input: &Input) -> Drawing {
        let mut drawing = Drawing::default();
        heading(&mut drawing, self.title(), &super::subtitle(input));
        let (jobs, levels) = (of_jobs(input), levels(input));
        let (rows, length) = if let [(_, phases)] = &jobs[..] {
            folded(&bars(phases, levels))
        } else {
            let row = |(name, phases): &(&str, Vec<&PhaseFinding>)| Row {
                name: (*name).to_owned(),
                start: 0.0,
                bars: bars(phases, levels),
            };
            let rows: Vec<_> = jobs.iter().map(row).collect();
            let ends = rows.iter().filter_map(|row| row.bars.last()).map(|bar| bar.to);
            let end = ends.fold(0.0, f64::max);
            (rows, end)
        };
        let entries = entries(input, &jobs);
        let entries: Vec<_> = entries.iter().map(|(word, ink)| (word.as_str(), *ink)).collect();
        let top = legend(&mut drawing, &entries);
        let names: Vec<_> = rows.iter().map(|row| (0.0, row.name.clone())).collect();
        let y = Scale { low: 0.0, end: 1.0, ticks: names.clone(), title: String::new() };
        let mut x = Scale::time(length);
        let one = jobs.len() == 1;
        if one && rows.len() > 1 {
            x.title = x.title.replace("Time", "Time in a row");
        }
        let frame = Frame::new(top, PLOT_RIGHT, x, y);
        let frame = if one { frame } else { frame.marked(input) };
        frame.upright_grid(&mut drawing);
        let pitch = frame.area.height() / rows.len().max(3) as f64;
        let many = rows.iter().map(|row| row.bars.len()).sum::<usize>() > BARS;
        for (number, row) in rows.iter().enumerate() {
            let top = frame.area.top + (number as f64 + 0.08) * pitch;
            let height = if one { BAR * pitch } else { 0.84 * pitch };
            let merged = if many { condensed(&row.bars, &frame, length) } else { row.bars.clone() };
            for bar in merged {
                let (left, right) = (frame.x(bar.from), frame.x(bar.to));
                drawing.block(Area::new(left, top, right, top + height), bar.ink);
            }
            if one {
                let floor = top + (BAR + MARK) * pitch;
                marks(&mut drawing, input, &frame, (row.start, length), (top + height, floor));
            }
        }
        name_rows(&mut drawing, &frame, (frame.area.top, pitch), &names);
        frame.time_axis(&mut drawing);
        let Area { left, top, bottom, .. } = frame.area;
        drawing.steps(vec![(left, top), (left, bottom)], AXIS, 1.2);
        drawing
    }
}

/// Marks the faults that struck in a row that begins then and is so long (s).
fn marks(
    drawing: &mut Drawing,
    input: &Input,
    frame: &Frame,
    (start, length): (f64, f64),
    (top, bottom): (f64, f64),
) {
    let mut last: Option<(f64, &str)> = None;
    for strike in &input.findings.strikes {
        let time = strike.t_s - start;
        let Some(kind) = Fault::of(&strike.kind).filter(|_| (0.0..length).contains(&time)) else {
            continue;
        };
        // Of those that fall on one spot, one mark.
        let x = (frame.x(time) / COLUMN).floor() * COLUMN;
        if last == Some((x, kind.word())) {
            continue;
        }
        last = Some((x, kind.word()));
        drawing.block(Area::new(x, top, x + COLUMN, bottom), fault_ink(kind));
    }
}
