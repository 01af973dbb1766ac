//! The output of Slurm's `sacct`, `--parsable2`: a line of column names, then a line a job or step.
//!
//! ```text
//! JobID|User|Partition|Submit|Elapsed|Timelimit|NNodes|State
//! 4711|ada|work|2025-03-01T08:00:00|01:30:12|02:00:00|16|COMPLETED
//! 4711.batch|||2025-03-01T08:00:03|01:30:12||1|COMPLETED
//! ```
//!
//! Of the columns are taken `JobID`, `Submit`, `Elapsed` (else `ElapsedRaw`, else `Start` and
//! `End`), `NNodes` (else `AllocNodes`, `ReqNodes`, or `AllocCPUS`, `NCPUS`, `ReqCPUS` as
//! processors), and if they are there `Timelimit` (or `TimelimitRaw`, in minutes), `State`, `User`
//! and `Partition`; small letters or large ones. The run begins with the earliest job that is
//! played. Steps (`4711.batch`, `4711.0`) are no jobs and are passed over. A job that has not
//! begun, such as one that was cancelled before, or that has not ended, cannot be played: the time
//! that it would have taken is not known.
//!
//! Sources: sacct(1) of Slurm, "Elapsed time fields are presented as
//! [days-]hours:minutes:seconds[.microseconds]"; the words of limits and times (`UNLIMITED`,
//! `Partition_Limit`, `Unknown`, `None`) as it prints them (recalled).
//!
//! Not modelled: daylight-saving time, which `sacct` prints as local time has it; what a job waited
//! for besides nodes; that jobs ran again (`--duplicates`: the first row of a name counts).

use std::collections::BTreeMap;

use super::{Row, Rows, clipped, seconds, whole_nodes};
use crate::trace::Moment;
use crate::units::Span;

/// What helps where the columns are not those.
pub(super) const HELP: &str =
    "such as that of `sacct -aXP -o JobID,User,Partition,Submit,Elapsed,Timelimit,NNodes,State`";

/// Columns that are looked for, in small letters.
const COLUMNS: [&str; 17] = [
    "jobid",
    "submit",
    "elapsed",
    "elapsedraw",
    "start",
    "end",
    "nnodes",
    "allocnodes",
    "reqnodes",
    "alloccpus",
    "ncpus",
    "reqcpus",
    "timelimit",
    "timelimitraw",
    "state",
    "user",
    "partition",
];

/// States of jobs whose end has not been seen.
const OPEN: [&str; 5] = ["RUNNING", "PENDING", "SUSPENDED", "REQUEUED", "RESIZING"];

/// The rows of such an output.
pub(super) fn rows(text: &str, processors: u32) -> Result<Rows, String> {
    let mut lines = (1..).zip(text.trim_start_matches('\u{feff}').lines());
    let head = lines.by_ref().find(|(_, line)| !line.trim().is_empty()).map_or("", |it| it.1);
    // `--parsable` ends each line with one `|` more.
    let is_ended = head.trim_end().ends_with('|');
    let head: Vec<_> = cells(head, is_ended).map(str::to_ascii_lowercase).collect();
    let has = |names: &[&str]| names.iter().any(|name| head.iter().any(|it| it == name));
    for (wanted, shown) in [
        (&["jobid"][..], "JobID"),
        (&["submit"], "Submit"),
        (&["elapsed", "elapsedraw", "end"], "Elapsed"),
        (&["nnodes", "allocnodes", "reqnodes", "alloccpus", "ncpus", "reqcpus"], "NNodes"),
    ] {
        if !has(wanted) {
            return Err(format!("the output of sacct has a column `{shown}`, and this has none"));
        }
    }
    let mut found = Vec::new();
    let mut rows = Rows::default();
    for (line, text) in lines.filter(|(_, text)| !text.trim().is_empty()) {
        let own: Vec<_> = cells(text, is_ended).collect();
        if own.len() != head.len() {
            rows.add(line, Err(format!("it has {} cells, not {}", own.len(), head.len())));
            continue;
        }
        let named = head.iter().zip(own).filter(|(name, _)| COLUMNS.contains(&name.as_str()));
        let own: BTreeMap<&str, &str> = named.map(|(name, cell)| (name.as_str(), cell)).collect();
        if own["jobid"].contains('.') {
            continue;
        }
        match job(line, &own, processors) {
            Ok(job) => found.push(job),
            Err(what) => rows.add(line, Err(what)),
        }
    }
    let first = found.iter().map(|(at, _)| *at).min();
    for (at, row) in found {
        let since = first.map_or(0, |first| at.since(first));
        rows.add(row.line, seconds(since as f64).map(|submit| Row { submit, ..row }));
    }
    Ok(rows)
}

/// The cells of a line, without one that only ends it.
fn cells(line: &str, is_ended: bool) -> impl Iterator<Item = &str> {
    let line = line.trim();
    let end = line.strip_suffix('|').filter(|_| is_ended);
    end.unwrap_or(line).split('|').map(str::trim)
}

/// A job, and when it was submitted.
fn job(line: u64, own: &BTreeMap<&str, &str>, processors: u32) -> Result<(Moment, Row), String> {
    let cell = |name: &str| own.get(name).copied().filter(|it| !is_unknown(it));
    let name = cell("jobid").ok_or("it has no JobID")?.to_owned();
    // `CANCELLED by 1000` is one of the words.
    let state = cell("state").and_then(|it| it.split_whitespace().next()).unwrap_or_default();
    if OPEN.contains(&state.trim_end_matches('+')) {
        return Err(format!("it has not ended: it is {}", clipped(state)));
    }
    let submit = moment("Submit", cell("submit").ok_or("when it was submitted is not known")?)?;
    let work = elapsed(&cell)?.filter(|work| *work > Span::ZERO).ok_or("it has not run")?;
    let nodes = ["nnodes", "allocnodes", "reqnodes"].into_iter();
    let cpus = ["alloccpus", "ncpus", "reqcpus"].into_iter();
    let all = nodes.map(|name| (name, 1)).chain(cpus.map(|name| (name, processors)));
    let counts = all.filter_map(|(name, each)| Some((cell(name)?, each)));
    let mut nodes = None;
    for (text, each) in counts {
        let count: f64 = text.parse().map_err(|_| format!("`{}` nodes", clipped(text)))?;
        nodes = nodes.or((count > 0.0).then(|| whole_nodes(count, each)));
    }
    let nodes = nodes.ok_or("it has no nodes")?;
    let walltime = limit(&cell)?;
    let [user, partition] = ["user", "partition"].map(|name| cell(name).map(ToOwned::to_owned));
    let row = Row { line, name, nodes, work, walltime, user, partition, ..Row::default() };
    Ok((submit, row))
}

/// What stands for a value that there is not.
fn is_unknown(cell: &str) -> bool {
    ["", "Unknown", "None", "N/A", "None assigned"].contains(&cell)
}

fn moment(what: &str, text: &str) -> Result<Moment, String> {
    // Of SLURM_TIME_FORMAT="%s".
    let number = text.parse().ok().filter(|it: &i64| *it > 100_000_000).map(Moment);
    let moment = number.or_else(|| Moment::parse(text).ok());
    moment
        .ok_or_else(|| format!("{what} `{}` is no time such as 2025-03-01T08:00:00", clipped(text)))
}

/// For how long it ran, if that is known.
fn elapsed<'a>(cell: &impl Fn(&str) -> Option<&'a str>) -> Result<Option<Span>, String> {
    if let Some(text) = cell("elapsed") {
        return clock("Elapsed", text).map(Some);
    }
    if let Some(text) = cell("elapsedraw") {
        let number = text.parse().map_err(|_| format!("ElapsedRaw `{}`", clipped(text)))?;
        return seconds(number).map(Some);
    }
    let Some((start, end)) = cell("start").zip(cell("end")) else { return Ok(None) };
    let span = moment("End", end)?.since(moment("Start", start)?);
    seconds(span as f64).map(Some).map_err(|_| "it ended before it began".to_owned())
}

/// How long it might have taken, if that was limited.
fn limit<'a>(cell: &impl Fn(&str) -> Option<&'a str>) -> Result<Option<Span>, String> {
    let endless = |text: &&str| ["UNLIMITED", "Partition_Limit", "INVALID"].contains(text);
    if let Some(text) = cell("timelimit") {
        let text = Some(text).filter(|text| !endless(text));
        return text.map(|text| clock("Timelimit", text)).transpose();
    }
    let Some(text) = cell("timelimitraw").filter(|text| !endless(text)) else { return Ok(None) };
    let minutes: f64 = text.parse().map_err(|_| format!("TimelimitRaw `{}`", clipped(text)))?;
    seconds(minutes * 60.0).map(Some)
}

/// `[days-]hours:minutes:seconds[.fraction]`; without days `minutes:seconds` as well, with them
/// also `days-hours` and `days-hours:minutes`.
fn clock(what: &str, text: &str) -> Result<Span, String> {
    let wrong = || format!("{what} `{}` is no time such as 1-02:03:04", clipped(text));
    let (days, rest) = match text.split_once('-') {
        Some((days, rest)) => (Some(days.parse::<f64>().map_err(|_| wrong())?), rest),
        None => (None, text),
    };
    let parts: Vec<f64> =
        rest.split(':').map(str::parse).collect::<Result<_, _>>().map_err(|_| wrong())?;
    let [hours, minutes, last] = match (days, &parts[..]) {
        (_, [hours, minutes, seconds]) => [*hours, *minutes, *seconds],
        (Some(_), [hours, minutes]) => [*hours, *minutes, 0.0],
        (Some(_), [hours]) => [*hours, 0.0, 0.0],
        (None, [minutes, seconds]) => [0.0, *minutes, *seconds],
        _ => return Err(wrong()),
    };
    if parts.iter().chain(&days).any(|part| *part < 0.0) {
        return Err(wrong());
    }
    let all = days.unwrap_or(0.0) * 86_400.0 + hours * 3_600.0 + minutes * 60.0 + last;
    seconds(all).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "JobID|User|Partition|Submit|Start|End|Elapsed|Timelimit|NNodes|State";

    fn read(rows: &[&str]) -> Rows {
        super::rows(&format!("{HEAD}\n{}\n", rows.join("\n")), 1).expect("it has all columns")
    }

    #[test]
    fn a_job_of_slurm_is_a_job_and_its_steps_are_none() {
        let rows = read(&[
            "7|ada|work|2025-03-01T08:00:10|2025-03-01T08:01:00|2025-03-02T10:04:04|1-02:03:04|\
             UNLIMITED|16|COMPLETED",
            "7.batch|||2025-03-01T08:01:00|||1-02:03:04||1|COMPLETED",
            "7.extern|||Unknown|||00:00:00||16|COMPLETED",
            "8_3|bob|short|2025-03-01T08:00:00|2025-03-01T09:00:00|2025-03-01T09:30:00|30:00|\
             01:00:00|1|CANCELLED by 1000",
            "9|bob|short|2025-03-01T08:01:40|2025-03-01T09:00:00|2025-03-01T09:30:00|00:30:00|\
             Partition_Limit|2|TIMEOUT",
        ]);
        assert_eq!(rows.flaws, []);
        let own: Vec<_> = rows.good.iter().map(|row| (row.name.as_str(), row.nodes)).collect();
        assert_eq!(own, [("7", 16), ("8_3", 1), ("9", 2)]);
        let seconds = |row: &Row| (row.submit.0, row.work.0, row.walltime.map(|it| it.0));
        let second = |it: u64| it * 1_000_000_000;
        assert_eq!(seconds(&rows.good[0]), (second(10), second(93_784), None));
        assert_eq!(seconds(&rows.good[1]), (0, second(1_800), Some(second(3_600))));
        assert_eq!(seconds(&rows.good[2]), (second(100), second(1_800), None));
        assert_eq!(rows.good[0].user.as_deref(), Some("ada"));
        assert_eq!(rows.good[1].partition.as_deref(), Some("short"));
    }

    #[test]
    fn a_job_that_cannot_be_played_says_why() {
        let at = "2025-03-01T08:00:00";
        for (row, wanted) in [
            (
                format!("7|a|w|{at}|Unknown|{at}|00:00:00|01:00:00|1|CANCELLED by 0"),
                "it has not run",
            ),
            (
                format!("7|a|w|{at}|{at}|Unknown|00:10:00|01:00:00|1|RUNNING"),
                "it has not ended: it is RUNNING",
            ),
            (
                format!("7_[5-9]|a|w|{at}|Unknown|Unknown|00:00:00|01:00:00|1|PENDING"),
                "it has not ended: it is PENDING",
            ),
            (
                format!("7|a|w|{at}|{at}|{at}|1h|01:00:00|1|COMPLETED"),
                "Elapsed `1h` is no time such as 1-02:03:04",
            ),
            (
                format!("7|a|w|{at}|{at}|{at}|00:10:00|-1|1|COMPLETED"),
                "Timelimit `-1` is no time such as 1-02:03:04",
            ),
            (
                "7|a|w|today|x|y|00:10:00|01:00:00|1|COMPLETED".to_owned(),
                "Submit `today` is no time such as 2025-03-01T08:00:00",
            ),
            (format!("7|a|w|{at}|{at}|{at}|00:10:00|01:00:00|0|COMPLETED"), "it has no nodes"),
            (format!("7|a|w|{at}|{at}|{at}|00:10:00|01:00:00|many|COMPLETED"), "`many` nodes"),
            ("7|a|w".to_owned(), "it has 3 cells, not 10"),
        ] {
            let rows = read(&[&row]);
            assert_eq!((rows.good.len(), &rows.flaws[..]), (0, &[(2, wanted.to_owned())][..]));
        }
    }

    /// `--parsable` ends lines with `|`; minutes of a limit, seconds since 1970, processors.
    #[test]
    fn other_columns_stand_for_those_that_are_missing() {
        let text = "jobid|Submit|Start|End|TimelimitRaw|NCPUS|\n\
                    1|1740816000|1740816060|1740816660|30|9|\n\
                    2|1740816001|1740816060|1740816000|30|9|\n";
        let rows = rows(text, 4).unwrap();
        let [row] = &rows.good[..] else { panic!("{rows:?}") };
        assert_eq!((row.nodes, row.work), (3, Span::from_secs(600)));
        assert_eq!(row.walltime, Some(Span::from_secs(1_800)));
        assert_eq!(rows.flaws, [(3, "it ended before it began".to_owned())]);
        let open = "JobID|Submit|Elapsed|NNodes|Partition\n1|1740816000|01:00|1|\n";
        let rows = super::rows(open, 1).unwrap();
        assert_eq!((rows.good.len(), rows.flaws.len()), (1, 0), "an empty cell at the end is one");
        for (text, column) in [("JobID|End|NNodes", "Submit"), ("1|2|3", "JobID")] {
            let wanted = format!("the output of sacct has a column `{column}`, and this has none");
            assert_eq!(super::rows(text, 1).unwrap_err(), wanted);
        }
    }
}
