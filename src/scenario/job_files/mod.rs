//! Jobs of a file: the Standard Workload Format, `sacct` output, Batsim's JSON, or a small table.
//!
//! Each row becomes a job of the list, as if it had been written as `[[job]]`, so that the resolved
//! scenario holds all of it and a results folder replays without the file. Rows that cannot be
//! played are counted, and the scenario has to say that it knows how many there are.
//!
//! ```text
//! ;  job submit wait  run procs cpu mem  req  time mem status user group app queue part prev think
//!     1      0   10  900    64  -1  -1   64  3600  -1      1    5     1   2     1   -1   -1    -1
//! ```
//!
//! Of a row of the format are taken: the number of the job (its name), submit time, run time
//! (`work`), requested processors (`nodes`; allocated ones where none are requested) and requested
//! time (`walltime`). Those that are -1 are unknown: a job without a requested time has the
//! `walltime` of `queue.job`, if that has one; a row without the others is none that can be played.
//!
//! Source: Chapin et al., "Benchmarks and standards for the evaluation of parallel job schedulers",
//! JSSPP 1999, and the Parallel Workloads Archive (recalled).
//!
//! A job that fits the rules of a class has what the jobs of that class have in common, in place of
//! `queue.job`.
//!
//! Not modelled: the other fields, such as memory, dependencies on other jobs, think time.

mod batsim;
mod sacct;

use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::Path;

use crate::config::declare::{Declared, joined, table};
use crate::config::files::{Complaint, JOBS, read, tidied};
use crate::config::mistakes::{Mistake, Mistakes};
use crate::config::section::Section;
use crate::scenario::arrivals::{self, CLASS, OfClass, Process};
use crate::scenario::execution::Nodes;
use crate::scenario::fault::FaultRule;
use crate::scenario::jobs::{JOB, JOBS_MAX, JobSpec, Tables, job};
use crate::scenario::keys::YEARS_500 as SPAN_MAX;
use crate::scenario::queue::Queue;
use crate::units::{Span, Time};
use crate::untrusted::NamedBy;

table! {
    /// Jobs of a file.
    struct Filed(Debug) {
        /// A file of jobs, besides those of `[[job]]`: a path, relative to this file. One that ends
        /// with `.csv` is a table with the columns `name`, `submit`, `nodes`, `work`,
        /// `walltime` and, if they are wanted, `step`, `user` and `partition`; times are seconds or
        /// have their units, and all but the first four may be empty. One that ends with `.json` is
        /// a workload of Batsim. One whose first line has `|` is the output of `sacct -P`. Another
        /// one is in the Standard Workload Format.
        file: Option<String>;
        /// Processors of the Standard Workload Format, or of `sacct` where it gives no nodes, or
        /// resources of Batsim, that are a node; a part of a node counts as one.
        processors: u32 = Kind::Count(1, 1_000_000) => "1";
        /// Floating-point operations per second of each resource of Batsim, for profiles that count
        /// them.
        flops: Option<f64> = Kind::Number(1.0, 1e18);
        /// Only so many jobs of the file, its first. Default: all.
        first: Option<u32> = Kind::Count(1, 10_000);
        /// Rows of the file that cannot be played, as you know.
        unusable: u32 => "0";
    }
}

joined! {
    /// How jobs that wait for nodes are placed, and jobs of a file or of a law.
    pub(super) QUEUE: Queue Filed,
    rivals [] and
        Key::new("job", Kind::Table(&JOB), ""),
        Key::new("arrivals", Kind::Table(Process::SPEC), ""),
        Key::new("class", Kind::Tables(&CLASS), "Classes of jobs."),
}

/// A row that can be played.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Row {
    line: u64,
    name: String,
    submit: Span,
    pub(super) nodes: u32,
    work: Span,
    walltime: Option<Span>,
    step: Option<Span>,
    /// Whose it was, and in which partition, if the file says so.
    pub(super) user: Option<String>,
    pub(super) partition: Option<String>,
}

/// The rows of a file, and what is wrong with the others, by line; of JSON by the number of the
/// job, from 1.
#[derive(Debug, Default)]
struct Rows {
    good: Vec<Row>,
    flaws: Vec<(u64, String)>,
    is_json: bool,
}

/// The tables of what the jobs of a file have in common, if there is such a file.
pub(super) fn tables<'a>(root: &Section<'a>) -> Option<Tables<'a>> {
    let queue = root.section("queue");
    queue.has("file").then(|| Tables::listed(queue.section("job")))
}

/// The jobs of the file; none without a file.
pub(super) fn jobs(
    root: &Section<'_>,
    nodes: Option<Nodes>,
    faults: Option<&[FaultRule]>,
    m: &mut Mistakes,
) -> Option<Vec<JobSpec>> {
    let section = root.section("queue");
    let Some(own) = tables(root) else {
        let keys = ["job", "processors", "flops", "first", "unusable"].into_iter();
        for key in keys.filter(|key| section.has(key)) {
            let title = format!("`{key}` without a file of jobs");
            let mistake = Mistake::new(section.place(key), title);
            m.note(mistake.help("it is for the jobs of `file`"));
        }
        return Some(Vec::new());
    };
    check_common(&own, "of a file", "in the file", m);
    let filed = Filed::read(&section, m)?;
    let rows = rows(&section, &filed, m)?;
    let most = rows.iter().max_by_key(|row| row.nodes)?;
    if let Some(nodes) = nodes.filter(|nodes| most.nodes > nodes.all) {
        let title = format!(
            "job `{}` of line {} needs {} nodes, and the machine has {}",
            most.name, most.line, most.nodes, nodes.all
        );
        let help = "of a file in the Standard Workload Format `processors` of them are a node";
        m.note(Mistake::new(section.place("file"), title).help(help));
        return None;
    }
    let classes = arrivals::tables_of_classes(root);
    let rules: Vec<_> = classes.iter().map(|(section, _)| OfClass::read(section, m)).collect();
    let rules: Vec<_> = rules.into_iter().collect::<Option<_>>()?;
    // Jobs of no class come last.
    let of = |row: &Row| rules.iter().position(|class| class.takes(row)).unwrap_or(rules.len());
    let of: Vec<_> = rows.iter().map(of).collect();
    let commons: Vec<_> = classes.iter().map(|(_, job)| job).chain([&own]).collect();
    let mut templates = Vec::new();
    for (number, common) in commons.iter().enumerate() {
        let its = || of.iter().zip(&rows).filter(|(of, _)| **of == number).map(|(_, row)| row);
        let mistakes = m.len();
        let longest = its().map(|row| row.work).max();
        let Some((span, most)) = longest.zip(its().map(|row| row.nodes).max()) else {
            templates.push(None);
            continue;
        };
        templates.push(template(common, most, span, (nodes, faults), m));
        if m.len() > mistakes {
            return None;
        }
        // What the largest may have, the least may have not: partners, groups.
        let least = its().map(|row| row.nodes).min()?;
        template(common, least, span, (nodes, faults), m)?;
    }
    let job = |(row, of): (Row, usize)| {
        Some(of_row(templates[of].as_ref()?, row, commons[of].work.has("step")))
    };
    rows.into_iter().zip(of).map(job).collect()
}

/// Notes keys that each job has by itself where all have them in common.
pub(super) fn check_common(own: &Tables<'_>, whose: &str, place: &str, m: &mut Mistakes) {
    for key in ["name", "nodes", "work", "submit"].into_iter().filter(|key| own.work.has(key)) {
        let title = format!("`{key}` of all jobs {whose}");
        let help = format!("each has its own {place}");
        m.note(Mistake::new(own.work.place(key), title).help(help));
    }
}

/// A job with what those of a file or class have in common.
pub(super) fn template(
    own: &Tables<'_>,
    size: u32,
    longest: Span,
    (nodes, faults): (Option<Nodes>, Option<&[FaultRule]>),
    m: &mut Mistakes,
) -> Option<JobSpec> {
    let step = own.work.optional::<Span>("step").unwrap_or(longest);
    let quoted = |span: Span| format!("\"{span}\"");
    let work = own.work.clone().or("name", Some("\"of a file\""));
    let work = work.or("nodes", Some(size)).or("work", Some(quoted(longest.max(step))));
    let work = work.or("step", Some(quoted(step)));
    job(&Tables { work, checkpoint: own.checkpoint.clone(), listed: true }, nodes, faults, m)
}

/// The job of a row. A step is no longer than the work, and all of it if none is given.
fn of_row(template: &JobSpec, row: Row, has_step: bool) -> JobSpec {
    let mut job = template.clone();
    let step = row.step.or(has_step.then_some(job.work.step));
    (job.work.nodes, job.work.work) = (row.nodes, row.work);
    job.work.step = step.unwrap_or(row.work).min(row.work);
    job.queued.submit = Time::ZERO + row.submit;
    job.queued.walltime = row.walltime.or(job.queued.walltime);
    job.name = row.name;
    job
}

/// The rows that are played.
fn rows(section: &Section<'_>, filed: &Filed, m: &mut Mistakes) -> Option<Vec<Row>> {
    let (place, file) = (section.place("file"), filed.file.as_ref()?);
    let path = m.folder(place.file).join(file);
    let found = read(&path, NamedBy::File, JOBS).and_then(|text| {
        let (mut rows, help) = of_text(&path, &text, filed);
        rows.iter_mut().for_each(Rows::drop_twins);
        rows.map_err(|title| Complaint { title, help: Some(help) })
    });
    let shown = tidied(&path);
    let rows = match found {
        Ok(rows) => rows,
        Err(Complaint { title, help }) => {
            let help = help.unwrap_or_else(|| "paths are relative to this file".into());
            m.note(Mistake::new(place, format!("{shown}: {title}")).help(help));
            return None;
        }
    };
    let count = rows.flaws.len();
    if count != filed.unusable as usize {
        let (row, place) = if rows.is_json { ("job", "job") } else { ("row", "line") };
        let title = match rows.flaws.first() {
            Some((line, what)) if count == 1 => {
                format!("{shown}: a {row} cannot be played, {place} {line}: {what}")
            }
            Some((line, what)) => format!(
                "{shown}: {count} {row}s cannot be played, the first in {place} {line}: {what}"
            ),
            None => format!("{shown}: all {row}s can be played"),
        };
        let help = format!("`unusable = {count}` plays the others");
        m.note(Mistake::new(section.place("unusable"), title).help(help));
        return None;
    }
    let mut good = rows.good;
    let all = good.len();
    good.truncate(filed.first.map_or(all, |first| first as usize));
    let (title, help) = match good.len() {
        0 => (format!("{shown}: there is no job in this file"), "each row is a job".into()),
        played if played > JOBS_MAX => (
            format!("{shown}: {played} jobs are more than {JOBS_MAX}"),
            format!("`first = {JOBS_MAX}` plays the first of them"),
        ),
        _ => return Some(good),
    };
    m.note(Mistake::new(place, title).help(help));
    None
}

/// The rows of a text, by the format of its file; and what helps where it is none such.
fn of_text(path: &Path, text: &str, filed: &Filed) -> (Result<Rows, String>, String) {
    let ends = |wanted| path.extension().is_some_and(|it| it.eq_ignore_ascii_case(wanted));
    if ends("csv") {
        return (of_table(text), format!("the first line is `{}`", COLUMNS[..6].join(",")));
    }
    if ends("json") {
        let help = "Batsim's workloads have a list `jobs` and a table `profiles`".to_owned();
        return (batsim::rows(text, filed.processors, filed.flops), help);
    }
    if text.lines().find(|line| !line.trim().is_empty()).is_some_and(|line| line.contains('|')) {
        return (sacct::rows(text, filed.processors), sacct::HELP.to_owned());
    }
    (Ok(of_swf(text, filed.processors)), String::new())
}

impl Rows {
    fn add(&mut self, line: u64, row: Result<Row, String>) {
        match row {
            Ok(row) => self.good.push(row),
            Err(what) => self.flaws.push((line, what)),
        }
    }

    /// Of several jobs of one name the first counts.
    fn drop_twins(&mut self) {
        let mut seen = BTreeMap::new();
        let mut twins = Vec::new();
        self.good.retain(|row| {
            let first = *seen.entry(row.name.clone()).or_insert(row.line);
            if first != row.line {
                let name = clipped(&row.name);
                twins.push((row.line, format!("the job of line {first} is called `{name}` too")));
            }
            first == row.line
        });
        self.flaws.append(&mut twins);
        self.flaws.sort();
    }
}

/// Fields of a row of the Standard Workload Format.
const FIELDS: usize = 18;

/// The rows of a file in the Standard Workload Format.
fn of_swf(text: &str, processors: u32) -> Rows {
    let mut rows = Rows::default();
    for (line, text) in (1..).zip(text.lines()) {
        let text = text.trim();
        if !text.is_empty() && !text.starts_with(';') {
            rows.add(line, swf_row(line, text, processors));
        }
    }
    rows
}

fn swf_row(line: u64, text: &str, processors: u32) -> Result<Row, String> {
    let fields: Vec<_> = text.split_ascii_whitespace().collect();
    if fields.len() != FIELDS {
        return Err(format!("it has {} fields, not {FIELDS}", fields.len()));
    }
    // From 1, as the format counts them; -1 is unknown.
    let field = |number: usize, what: &str| -> Result<Option<f64>, String> {
        let text = fields[number - 1];
        let unknown = |it: &f64| it.total_cmp(&-1.0).is_eq();
        let value = text.parse().ok().filter(|it: &f64| *it >= 0.0 || unknown(it));
        let wrong = || format!("the {what} (field {number}) is `{}`", clipped(text));
        value.filter(|it| it.is_finite()).map(|it| (it >= 0.0).then_some(it)).ok_or_else(wrong)
    };
    let known = |number, what: &str| {
        field(number, what)?.ok_or_else(|| format!("the {what} (field {number}) is unknown"))
    };
    let some = |value: Option<f64>| value.filter(|it| *it > 0.0);
    let number = known(1, "number of the job")?;
    let submit = seconds(known(2, "submit time")?)?;
    let work = some(Some(known(4, "run time")?)).ok_or("it has not run")?;
    let requested = some(field(8, "number of requested processors")?);
    let size = match requested {
        Some(size) => size,
        None => some(field(5, "number of allocated processors")?)
            .ok_or("it neither requests processors nor has any")?,
    };
    let walltime = some(field(9, "requested time")?).map(seconds).transpose()?;
    let nodes = whole_nodes(size, processors);
    let (name, work) = (number.to_string(), seconds(work)?);
    let label = |number: usize| Some(fields[number - 1].to_owned()).filter(|it| it != "-1");
    let (user, partition) = (label(12), label(16));
    Ok(Row { line, name, submit, nodes, work, walltime, step: None, user, partition })
}

/// So many processors as nodes of so many; a part of a node counts as one.
fn whole_nodes(size: f64, processors: u32) -> u32 {
    let nodes = (size / f64::from(processors)).ceil();
    if nodes <= f64::from(u32::MAX) { nodes as u32 } else { u32::MAX }
}

/// Columns of a table of jobs; those after the walltime may be left out.
const COLUMNS: [&str; 8] =
    ["name", "submit", "nodes", "work", "walltime", "step", "user", "partition"];

/// The rows of a table of jobs, whose first line has the names of its columns.
fn of_table(text: &str) -> Result<Rows, String> {
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .flexible(true)
        .from_reader(text.trim_start_matches('\u{feff}').as_bytes());
    let head = reader.headers().map_err(|error| error.to_string())?.clone();
    let place = |name: &str| head.iter().position(|column| column == name);
    let places = COLUMNS.map(place);
    let strange = head.iter().find(|column| !COLUMNS.contains(column));
    if let (Some(column), false) = (strange, head.is_empty()) {
        return Err(format!("a table of jobs has no column `{}`", clipped(column)));
    }
    let missing = COLUMNS[..5].iter().zip(places).find(|(_, at)| at.is_none());
    if let Some((name, _)) = missing {
        return Err(format!("a table of jobs has a column `{name}`, and this has none"));
    }
    let mut rows = Rows::default();
    for record in reader.records() {
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                let line = error.position().map_or(0, csv::Position::line);
                rows.add(line, Err(error.to_string()));
                continue;
            }
        };
        let line = record.position().map_or(0, csv::Position::line);
        let cells = places.map(|at| record.get(at?).filter(|cell| !cell.is_empty()));
        let is_whole = record.len() == head.len();
        let torn = || format!("it has {} cells, not {}", record.len(), head.len());
        rows.add(line, if is_whole { table_row(line, cells) } else { Err(torn()) });
    }
    Ok(rows)
}

fn table_row(line: u64, cells: [Option<&str>; 8]) -> Result<Row, String> {
    let [name, submit, nodes, work, walltime, step, user, partition] = cells;
    let wrong = |what: &str, cell: &str, why: &dyn Display| {
        format!("{what} `{}`: {}", clipped(cell), clipped(&why.to_string()))
    };
    let span = |what: &str, cell: Option<&str>| -> Result<Option<Span>, String> {
        let Some(cell) = cell else { return Ok(None) };
        let read = match cell.parse::<f64>() {
            Ok(number) => seconds(number),
            Err(_) => cell.parse().map_err(|error| wrong(what, cell, &error)).and_then(bounded),
        };
        read.map(Some)
    };
    let some = |what: &str, cell| match span(what, cell)? {
        Some(Span::ZERO) => Err(format!("its {what} is zero")),
        other => Ok(other),
    };
    let name = name.ok_or("it has no name")?.to_owned();
    let size = nodes.ok_or("it has no nodes")?;
    let nodes: u32 = size.parse().map_err(|error| wrong("nodes", size, &error))?;
    if nodes == 0 {
        return Err("it has no nodes".to_owned());
    }
    let submit = span("submit", submit)?.ok_or("it has no submit time")?;
    let work = some("work", work)?.ok_or("it has no work")?;
    let (walltime, step) = (some("walltime", walltime)?, some("step", step)?);
    let (user, partition) = (user.map(ToOwned::to_owned), partition.map(ToOwned::to_owned));
    Ok(Row { line, name, submit, nodes, work, walltime, step, user, partition })
}

/// So many seconds, if that is a time that is meant.
fn seconds(seconds: f64) -> Result<Span, String> {
    if seconds.is_nan() || seconds < 0.0 {
        return Err(format!("{seconds} s is no time"));
    }
    bounded(Span::from_secs_f64(seconds))
}

fn bounded(span: Span) -> Result<Span, String> {
    let is_meant = span <= SPAN_MAX;
    is_meant.then_some(span).ok_or_else(|| format!("a time of more than {SPAN_MAX}"))
}

/// What a file says, for a message of one line.
fn clipped(text: &str) -> String {
    /// Characters that are shown.
    const MOST: usize = 60;
    let short: String = text.chars().take(MOST).collect();
    if short.len() < text.len() { short + "..." } else { short }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only(rows: Rows) -> Row {
        assert_eq!(rows.flaws, []);
        let [row] = rows.good.try_into().expect("there is one row");
        row
    }

    fn swf(text: &str) -> Row {
        only(of_swf(text, 1))
    }

    fn flaw(rows: &Rows) -> &str {
        let [(_, what)] = &rows.flaws[..] else { panic!("{:?}", rows.flaws) };
        what
    }

    const ROW: &str = "  1      0   10  900    64  -1  -1   60  3600  -1  1 5 1 2 1 -1 -1 -1";

    /// The row of the head of this file, but with other requested processors.
    #[test]
    fn a_row_of_the_format_is_a_job() {
        let row = swf(&format!("; Version: 2.2\n;\n\n{ROW}\n"));
        let (work, walltime) = (Span::from_secs(900), Some(Span::from_secs(3_600)));
        let (name, submit) = ("1".to_owned(), Span::ZERO);
        let (user, partition) = (Some("5".to_owned()), None);
        let wanted =
            Row { line: 4, name, submit, nodes: 60, work, walltime, step: None, user, partition };
        assert_eq!(row, wanted);
        assert_eq!(only(of_swf(ROW, 16)).nodes, 4, "a part of a node counts as one");
        assert_eq!(swf(&ROW.replace(" 60 ", " -1 ")).nodes, 64, "what was allocated");
        assert_eq!(swf(&ROW.replace("3600", "-1")).walltime, None);
        assert_eq!(swf(&ROW.replace(" 900 ", " 900.5 ")).work, Span::from_millis(900_500));
    }

    #[test]
    fn a_row_that_cannot_be_played_says_why() {
        for (from, to, wanted) in [
            (" 900 ", " -1 ", "the run time (field 4) is unknown"),
            (" 900 ", " 0 ", "it has not run"),
            (" 900 ", " 9x ", "the run time (field 4) is `9x`"),
            (" 900 ", " -7 ", "the run time (field 4) is `-7`"),
            (" 900 ", " NaN ", "the run time (field 4) is `NaN`"),
            (" 900 ", " 1e99 ", "a time of more than 500 y"),
            (" 0 ", " -1 ", "the submit time (field 2) is unknown"),
            (" 5 1 2", "", "it has 15 fields, not 18"),
        ] {
            let rows = of_swf(&ROW.replacen(from, to, 1), 1);
            assert_eq!(flaw(&rows), wanted);
        }
        let none = ROW.replace(" 60 ", " -1 ").replace(" 64 ", " 0 ");
        assert_eq!(flaw(&of_swf(&none, 1)), "it neither requests processors nor has any");
        let mut rows = of_swf(&format!("{ROW}\n{ROW}"), 1);
        rows.drop_twins();
        assert_eq!(flaw(&rows), "the job of line 1 is called `1` too");
    }

    #[test]
    fn a_row_of_a_table_has_seconds_or_units() {
        let row = only(of_table("name,submit,nodes,work,walltime\na,90,4,1 h 30 min,\n").unwrap());
        let (submit, work) = (Span::from_secs(90), Span::from_secs(5_400));
        let name = "a".to_owned();
        let wanted = Row { line: 2, name, submit, nodes: 4, work, ..Row::default() };
        assert_eq!(row, wanted);
        let text = "step,walltime,work,nodes,submit,name\n10 s, 2 h ,60,1,0,\"b, c\"\n";
        let row = only(of_table(text).unwrap());
        assert_eq!((row.name.as_str(), row.step), ("b, c", Some(Span::from_secs(10))));
        assert_eq!(row.walltime, Some(Span::from_secs(7_200)));
    }

    #[test]
    fn a_table_that_is_none_says_why() {
        let head = "name,submit,nodes,work,walltime";
        for (text, wanted) in [
            ("", "a table of jobs has a column `name`, and this has none"),
            ("name,submit", "a table of jobs has a column `nodes`, and this has none"),
            ("name,when", "a table of jobs has no column `when`"),
        ] {
            assert_eq!(of_table(text).unwrap_err(), wanted);
        }
        for (row, wanted) in [
            ("a,0,1,60", "it has 4 cells, not 5"),
            (",0,1,60,", "it has no name"),
            ("a,0,0,60,", "it has no nodes"),
            ("a,0,1,0,", "its work is zero"),
            ("a,,1,60,", "it has no submit time"),
            ("a,-3,1,60,", "-3 s is no time"),
        ] {
            assert_eq!(flaw(&of_table(&format!("{head}\n{row}\n")).unwrap()), wanted);
        }
    }
}
