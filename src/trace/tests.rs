//! Rows good and bad, and the spans between failures.

use std::fmt::Write;
use std::io::Write as _;

use super::*;

const LANL_HEAD: &str = "System,machine type,nodes,procstot,procsinnode,nodenum,nodenumz,\
node install,node prod,node decom,fru type,mem,cputype,memtype,num intercon,purpose,Prob Started,\
Prob Fixed,Down Time,Facilities,Hardware,Human Error,Network,Undetermined,Software,Same Event";

/// A row of the trace of Los Alamos.
fn row(system: &str, node: &str, times: [&str; 2], down: &str) -> String {
    let [started, fixed] = times;
    format!(
        "{system},cluster,49,6152,80,{node},0,5-Apr,5-Jun,current,part,80,1,1,0,graphics.fe,\
         {started},{fixed},{down},,CPU,,,,,No"
    )
}

fn lanl(rows: &[String]) -> Trace {
    text(&format!("{LANL_HEAD}\n{}\n", rows.join("\r\n")))
}

/// A trace in a known format.
fn text(text: &str) -> Trace {
    of_text(text, &Named::default()).expect("its head is known")
}

#[test]
fn a_number_that_is_too_large_is_a_whole_number_all_the_same() {
    let reported = |text| number::<u32>("nodenum", text).expect_err("no number");
    assert_eq!(reported("4294967296"), "`nodenum` is `4294967296`, which is too large");
    assert_eq!(reported("-1"), "`nodenum` is `-1`, no whole number from 0 up");
}

#[test]
fn a_row_of_los_alamos_is_a_failure() {
    let trace = lanl(&[row("2", "17", ["6/21/2005 10:54", "6/21/2005 11:00"], "6")]);
    let start = Moment::parse("2005-06-21 10:54").expect("a date");
    let failure = Failure {
        line: 2,
        system: 2,
        node: Some(17),
        start,
        down_s: 360,
        cause: "hardware: CPU".into(),
    };
    assert_eq!(trace.failures, [failure]);
    assert_eq!((trace.format, trace.rows, trace.nodes[&2]), (Format::Lanl, 1, 49));
    assert_eq!(trace.failures[0].end().to_string(), "2005-06-21 11:00");
    assert!(trace.flaws.is_empty() && trace.remarks.is_empty());
}

#[test]
fn broken_rows_are_reported_by_their_lines_and_the_others_are_used() {
    let times = ["6/21/2005 10:54", "6/21/2005 11:00"];
    let good = row("2", "0", times, "6");
    let trace = lanl(&[
        good.clone(),
        row("two", "0", times, "6"),
        row("", "0", times, "6"),
        row("2", "n3", times, "6"),
        row("2", "0", ["2005-06-21", "6/21/2005 11:00"], "6"),
        row("2", "0", ["6/21/2005 10:54", ""], "6"),
        row("2", "0", ["6/31/2005 10:54", "7/1/2005 11:00"], "6"),
        row("2", "0", times, "six"),
        row("2", "0", times, "-6"),
        row("2", "0", ["6/21/2005 11:00", "6/21/2005 10:54"], "6"),
        row("2", "0", times, "600"),
        "2,cluster,49".into(),
        good.replace("cluster", "\"cluster"),
        good.clone(),
        row("17", "", times, "5"),
    ]);
    let flaws: Vec<_> =
        trace.flaws.iter().map(|flaw| format!("{}: {}", flaw.line, flaw.what)).collect();
    let expected = [
        "3: `System` is `two`, no whole number from 0 up",
        "4: `System` is empty",
        "5: `nodenum` is `n3`, no whole number from 0 up",
        "6: `Prob Started` is `2005-06-21`, no date like 6/21/2005 10:54",
        "7: `Prob Fixed` is empty",
        "8: `Prob Started` is `6/31/2005 10:54`, no date like 6/21/2005 10:54",
        "9: `Down Time` is `six`, no whole number from 0 up",
        "10: `Down Time` is `-6`, no whole number from 0 up",
        "11: it was fixed (2005-06-21 10:54) before it started (2005-06-21 11:00)",
        "12: `Down Time` is 600 min, but 6 min lie between its times",
        "13: 3 columns, not 26",
        "14: a quotation mark without its pair",
    ];
    assert_eq!(flaws, expected);
    let lines: Vec<_> = trace.failures.iter().map(|failure| failure.line).collect();
    assert_eq!((lines, trace.rows), (vec![2, 15, 16], 15));
    let remarks: Vec<_> = trace.remarks.iter().map(|remark| (remark.rows, remark.line)).collect();
    assert_eq!(remarks, [(1, 16), (1, 16)], "a down time a minute off, and no node");
}

#[test]
fn intervals_of_the_archive_in_which_nodes_were_down_are_failures() {
    let rows = "event_id\tcomponent_id\tnode_id\tplatform_id\tnode_name\tevent_type\t\
                event_start_time\tevent_stop_time\tevent_end_reason\n\
                1\t1\t7\t3\tnode-7\t1\t1000.0\t2000.0\tNULL\n\
                2\t1\t7\t3\tnode-7\t0\t2000.4\t2600.0\tNULL\n\
                3\t1\t8\t3\tnode-8\t0\t5000\t5600\t4\n\
                4\t1\t8\t3\tnode-8\t2\t5000\t5600\t4\n\
                5\t1\t8\t3\tnode-8\t0\t5600\t5000\t4\n\
                6\t1\t8\t3\tnode-8\t0\tsoon\t5000\t4\n\
                7\t1\t8\t3\n\
                8\t1\t9\t3\tnode-9\t1\t1000.0\t4000.0\tNULL\n";
    let trace = text(rows);
    let found: Vec<_> =
        trace.failures.iter().map(|f| (f.line, f.system, f.node, f.start.0, f.down_s)).collect();
    assert_eq!(found, [(3, 3, Some(7), 2000, 600), (4, 3, Some(8), 5000, 600)]);
    assert_eq!((trace.failures[0].cause.as_str(), trace.failures[1].cause.as_str()), ("", "4"));
    assert_eq!((trace.rows, trace.nodes[&3]), (8, 3));
    let up = [((3, 7), (1000, 2000)), ((3, 9), (1000, 4000))]
        .map(|(node, (from, to))| (node, vec![(Moment(from), Moment(to))]));
    assert_eq!(trace.up, up.into());
    let lines: Vec<_> = trace.flaws.iter().map(|flaw| flaw.line).collect();
    assert_eq!(lines, [5, 6, 7, 8], "{:?}", trace.flaws);
}

/// Rows of the Failure Trace Archive: node, type (0 down, 1 up), start and end.
fn archive(rows: &[(u32, u32, u32, u32)], unit: u32) -> Trace {
    let row = |(node, kind, from, to): &(u32, u32, u32, u32)| {
        format!("1\t1\t{node}\t1\tn\t{kind}\t{}\t{}\tNULL\n", from * unit, to * unit)
    };
    text(&rows.iter().map(row).collect::<String>())
}

#[test]
fn the_spans_of_the_worked_example() {
    let trace = archive(&[(1, 0, 5, 7), (1, 0, 0, 1), (2, 0, 2, 2)], 3600);
    let all = Selection::default();
    let hours = |quantity| {
        let sample = Sample::of(quantity, &all.of(&trace));
        let spans: Vec<_> = sample.spans_s.iter().map(|span| span / 3600.0).collect();
        (spans, sample.zeros, sample.negative)
    };
    assert_eq!(hours(Quantity::Gaps), (vec![2.0, 3.0], 0, 0));
    assert_eq!(hours(Quantity::NodeGaps), (vec![5.0], 0, 0));
    assert_eq!(hours(Quantity::Uptimes), (vec![4.0], 0, 0));
    assert_eq!(hours(Quantity::Repairs), (vec![1.0, 2.0], 1, 0));
    let watched = all.watched(&trace, 1, &all.of(&trace)).expect("there are failures");
    assert_eq!((watched.from, watched.to), (Moment(0), Moment(5 * 3600)));
    let later = Selection { from: Some(Moment(3600)), to: Some(Moment(5 * 3600)), system: Some(1) };
    assert_eq!(later.of(&trace).len(), 1, "the end of a window is not in it");
}

#[test]
fn a_file_in_no_known_format_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("trace");
    let refused = |bytes: &[u8]| {
        let mut writer = std::fs::File::create(&file).expect("a file");
        writer.write_all(bytes).expect("a small file");
        read(&file, &Named::default()).expect_err("it is no trace").to_string()
    };
    assert!(refused(b"").contains("it is empty"));
    assert!(refused(b"# a comment\nseed = 1\n").contains("line 2 is `seed = 1`"));
    assert!(refused(b"a,b\n1,2\n").contains("line 1 is `a,b`"));
    assert!(refused(&[0x1F, 0x8B, 8]).contains("gzip"));
    assert!(refused(b"\xFD7zXZ\0nonsense").contains("cannot be unpacked"));
}

#[test]
fn dates_are_read_as_people_write_them() {
    assert_eq!(Moment::parse("1970-01-02"), Ok(Moment(86_400)));
    assert_eq!(Moment::parse("1970-01-01 00:05"), Ok(Moment(300)));
    assert_eq!(Moment::parse("1970-01-01T01:00:01"), Ok(Moment(3_601)));
    for wrong in ["", "2004", "2004-13-01", "yesterday", "1/2/2004"] {
        assert!(Moment::parse(wrong).is_err(), "{wrong}");
    }
}

/// Made with `xz --check=crc32` of two intervals in which node 7 was down.
#[test]
fn a_compressed_trace_is_unpacked() {
    let packed: [u8; 92] = [
        0xFD, 0x37, 0x7A, 0x58, 0x5A, 0x00, 0x00, 0x01, 0x69, 0x22, 0xDE, 0x36, 0x02, 0x00, 0x21,
        0x01, 0x16, 0x00, 0x00, 0x00, 0x74, 0x2F, 0xE5, 0xA3, 0xE0, 0x00, 0x33, 0x00, 0x22, 0x5D,
        0x00, 0x18, 0x82, 0x5C, 0x04, 0x6F, 0x83, 0x65, 0xD8, 0xF5, 0xF6, 0x12, 0x33, 0xC8, 0xE5,
        0x46, 0x6D, 0xAE, 0x73, 0xB1, 0xF5, 0x5E, 0xB3, 0x23, 0xC1, 0x49, 0xB3, 0xB7, 0xA2, 0x8D,
        0x04, 0xE1, 0xD3, 0x44, 0x00, 0x00, 0x00, 0x00, 0x1A, 0x43, 0xA3, 0x92, 0x00, 0x01, 0x3A,
        0x34, 0xE7, 0x9F, 0x9B, 0x24, 0x90, 0x42, 0x99, 0x0D, 0x01, 0x00, 0x00, 0x00, 0x00, 0x01,
        0x59, 0x5A,
    ];
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("event_trace.tab.xz");
    std::fs::write(&file, packed).expect("a file");
    let trace = read(&file, &Named::default()).expect("a trace");
    let found: Vec<_> = trace.failures.iter().map(|f| (f.node, f.start.0, f.down_s)).collect();
    assert_eq!(found, [(Some(7), 100, 60), (Some(7), 400, 30)]);
    assert_eq!(trace.sha256.len(), 64);
    std::fs::write(&file, &packed[..packed.len() - 20]).expect("a file");
    let error = read(&file, &Named::default()).expect_err("its end is missing").to_string();
    assert!(error.contains("cannot be unpacked"), "{error}");
}

/// The time of all nodes and that in which they were down, in hours.
fn watched(trace: &Trace, selection: &Selection) -> (f64, f64) {
    let failures = selection.of(trace);
    let found = selection.watched(trace, 1, &failures).expect("there are failures");
    (found.time_s / 3600.0, found.down_s / 3600.0)
}

#[test]
fn the_watch_of_the_worked_example() {
    let rows = [
        (1, 0, 2, 3),
        (1, 1, 3, 6),
        (1, 0, 6, 7),
        (2, 1, 4, 5),
        (2, 0, 5, 6),
        // What makes the watch of the system last from 0 h to 10 h.
        (3, 1, 0, 10),
    ];
    let all = Selection::default();
    assert_eq!(watched(&archive(&rows, 3600), &all), (10.0 + 2.0 + 10.0, 3.0));
    let late = Selection { from: Some(Moment(5 * 3600)), ..all };
    assert_eq!(watched(&archive(&rows, 3600), &late), (5.0 + 1.0 + 5.0, 2.0));
}

#[test]
fn times_up_between_failures_say_no_more_than_the_failures() {
    let down = [(1, 0, 2, 3), (1, 0, 6, 7), (2, 0, 4, 5), (2, 0, 9, 12)];
    let both = [&down[..], &[(1, 1, 3, 6), (2, 1, 5, 9)]].concat();
    let all = Selection::default();
    // Two nodes from 2 h to 9 h; the last repair is past that.
    assert_eq!(watched(&archive(&down, 3600), &all), (14.0, 3.0));
    assert_eq!(watched(&archive(&both, 3600), &all), (14.0, 3.0));
}

#[test]
fn a_head_as_r_writes_it_is_read() {
    let times = ["6/21/2005 10:54", "6/21/2005 11:00"];
    let rows = [row("2", "17", times, "6"), row("2", "", times, "6")];
    let plain = lanl(&rows);
    assert_eq!((plain.failures.len(), plain.flaws.len()), (2, 0));
    let quoted = |line: &str| format!("\"{}\"", line.replace(',', "\",\""));
    let cells = rows.each_ref().map(|row| quoted(row).replace("\"\"", "NA"));
    // write.csv(row.names = FALSE), write.csv() and write.table(sep = ",") of what read.csv() made.
    let dotted = quoted(LANL_HEAD).replace(' ', ".");
    for (head, names) in
        [(quoted(LANL_HEAD), false), (format!("\"\",{dotted}"), true), (dotted, true)]
    {
        let mut all = format!("\u{feff}# exported\n{head}\n");
        for (number, cells) in cells.iter().enumerate() {
            let name = if names { format!("\"{}\",", number + 1) } else { String::new() };
            let _ = writeln!(all, "{name}{cells}");
        }
        let trace = text(&all);
        assert_eq!(trace.flaws, [], "{all}");
        let reported = |trace: &Trace| -> Vec<_> {
            let all = trace.failures.iter();
            all.map(|f| (f.system, f.node, f.start, f.down_s, f.cause.clone())).collect()
        };
        assert_eq!(reported(&trace), reported(&plain), "{all}");
        assert_eq!((trace.rows, &trace.nodes), (2, &plain.nodes), "{all}");
    }
    let names = "event_id component_id node_id platform_id node_name event_type \
                 event_start_time event_stop_time event_end_reason";
    let head = quoted(&names.replace(' ', ",")).replace(',', "\t");
    let archive = format!("{head}\n\"1\"\t1\t1\t7\t3\t\"node-7\"\t0\t100\t160\t\"NULL\"\n");
    let trace = text(&archive);
    assert_eq!((trace.format, trace.failures.len(), trace.flaws.len()), (Format::Fta, 1, 0));
    assert_eq!((trace.failures[0].node, trace.failures[0].cause.as_str()), (Some(7), ""));
}

#[test]
fn comments_are_no_rows_in_any_format() {
    let times = ["6/21/2005 10:54", "6/21/2005 11:00"];
    let row = row("2", "17", times, "6");
    let lanl = format!("# of Los Alamos\n{LANL_HEAD}\n# a remark\n{row}\n");
    let archive = "# event_id\n1\t1\t7\t3\tn\t0\t100\t160\tNULL\n";
    for (all, format) in
        [(lanl.as_str(), Format::Lanl), (archive, Format::Fta), ("#\ntime\n60\n", Format::Table)]
    {
        let trace = text(all);
        assert_eq!((trace.format, trace.rows, trace.flaws.len()), (format, 1, 0), "{all}");
    }
}

/// A table whose columns have these names.
fn named(time: &str, node: &str, end: &str) -> Named {
    let name = |name: &str| (!name.is_empty()).then(|| name.to_owned());
    Named { time: name(time), node: name(node), end: name(end) }
}

#[test]
fn any_table_is_read_by_the_names_of_its_columns() {
    // As `sacctmgr show event --parsable` prints it; the third outage lasts.
    let slurm = "Cluster|NodeName|TimeStart|TimeEnd|State|Reason|\n\
                 pi|pi0002|2026-01-31T14:05:00|2026-01-31T15:05:00|DOWN|fan \"b|\n\
                 pi|pi0001|2026-01-31T14:05:30|2026-01-31T14:05:30|DOWN||\n\
                 pi|pi0002|2026-02-01T00:00:00|Unknown|DOWN|fan|\n\
                 pi||2026-02-01T00:00:00|2026-02-01T01:00:00||Cluster|\n";
    let trace = of_text(slurm, &named("TimeStart", "NodeName", "timeend")).expect("a table");
    let found: Vec<_> = trace.failures.iter().map(|f| (f.node, f.start.0, f.down_s)).collect();
    let day = Moment::parse("2026-02-01").expect("a date").0;
    let first = day - 10 * 3600 + 300;
    let expected =
        [(Some(1), first, 3600), (Some(0), first + 30, 0), (Some(1), day, 0), (None, day, 3600)];
    assert_eq!(found, expected);
    assert_eq!((trace.rows, trace.nodes[&1], trace.flaws.len()), (4, 2, 0));
    let remarks: Vec<_> = trace.remarks.iter().map(|remark| (remark.rows, remark.line)).collect();
    assert_eq!(remarks, [(1, 4), (1, 5)], "an open end, and no node");

    // Numbers of nodes are their own; dates may have a zone.
    let table = "time,end,node\n2026-02-01T01:00:00+01:00,,12\n90.4,150,7\n90,60,7\nsoon,,7\n,,7\n";
    let trace = text(table);
    let found: Vec<_> = trace.failures.iter().map(|f| (f.node, f.start.0, f.down_s)).collect();
    assert_eq!(found, [(Some(12), day, 0), (Some(7), 90, 60)]);
    let flaws: Vec<_> = trace.flaws.iter().map(|flaw| flaw.what.as_str()).collect();
    let expected = [
        "it ends 30 s before it starts",
        "`time` is `soon`, no date such as 2004-01-31 14:05 and no seconds since 1970",
        "`time` is empty",
    ];
    assert_eq!(flaws, expected);
}

#[test]
fn a_column_that_is_not_there_is_reported_with_those_that_are() {
    let reported = |named: &Named| match of_text("started;host\n1;a\n", named) {
        Err(Foreign::Column(lacks)) => lacks,
        other => panic!("{other:?}"),
    };
    let columns = "in line 1, whose columns are started, host";
    assert_eq!(reported(&named("begun", "", "")), format!("no column `begun` {columns}"));
    assert_eq!(reported(&named("started", "node", "")), format!("no column `node` {columns}"));
    assert_eq!(reported(&named("", "host", "")), format!("no column `time` {columns}"));
}

#[test]
fn records_of_one_node_within_the_window_are_one_failure() {
    let rows = [(1, 0, 20, 25), (1, 0, 0, 10), (1, 0, 12, 12), (2, 0, 13, 14), (3, 0, 13, 14)];
    let joined = |window_s| {
        let trace = archive(&rows, 60).coalesced(window_s);
        let reported = |f: &Failure| (f.line, f.start.0 / 60, f.down_s / 60);
        (trace.failures.iter().map(reported).collect::<Vec<_>>(), trace.remarks)
    };
    let (failures, remarks) = joined(300);
    assert_eq!(failures, [(1, 20, 5), (2, 0, 12), (4, 13, 1), (5, 13, 1)]);
    assert_eq!((remarks[0].rows, remarks[0].line), (1, 3));
    // From the end of the last of them on: 12 min, then 20 min.
    assert_eq!(joined(480).0, [(2, 0, 25), (4, 13, 1), (5, 13, 1)]);
    assert_eq!(joined(0).0.len(), 5);
    // What touches is one outage, however small the window; the longest of them ends it.
    let inside = archive(&[(1, 0, 0, 10), (1, 0, 2, 3), (1, 0, 10, 11)], 60).coalesced(0);
    let reported: Vec<_> = inside.failures.iter().map(|f| (f.start.0, f.down_s)).collect();
    assert_eq!(reported, [(0, 660)]);
}

#[test]
fn a_trace_names_at_most_as_many_nodes_as_its_system_has() {
    let mut trace = archive(&[(1, 0, 1, 2), (2, 0, 3, 4), (2, 0, 5, 6)], 60);
    assert_eq!(trace.nodes[&1], 2);
    assert_eq!(trace.resize(None, 750), Ok(()));
    assert_eq!(trace.nodes[&1], 750);
    assert_eq!(trace.resize(Some(1), 1), Err("it names 2 nodes, more than 1".into()));
    assert_eq!(
        trace.resize(Some(9), 750),
        Ok(()),
        "that it has no such system is reported elsewhere"
    );
    trace.nodes.insert(2, 5);
    assert!(trace.resize(None, 750).is_err() && trace.resize(Some(2), 750).is_ok());
}
