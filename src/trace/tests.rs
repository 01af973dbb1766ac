//! Rows good and bad, and the spans between failures.

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
    of_text(&format!("{LANL_HEAD}\n{}\n", rows.join("\r\n"))).expect("its head is known")
}

#[test]
fn a_number_that_is_too_large_is_a_whole_number_all_the_same() {
    let told = |text| number::<u32>("nodenum", text).expect_err("no number");
    assert_eq!(told("4294967296"), "`nodenum` is `4294967296`, which is too large");
    assert_eq!(told("-1"), "`nodenum` is `-1`, no whole number from 0 up");
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
fn broken_rows_are_told_by_their_lines_and_the_others_are_used() {
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
    let text = "event_id\tcomponent_id\tnode_id\tplatform_id\tnode_name\tevent_type\t\
                event_start_time\tevent_stop_time\tevent_end_reason\n\
                1\t1\t7\t3\tnode-7\t1\t1000.0\t2000.0\tNULL\n\
                2\t1\t7\t3\tnode-7\t0\t2000.4\t2600.0\tNULL\n\
                3\t1\t8\t3\tnode-8\t0\t5000\t5600\t4\n\
                4\t1\t8\t3\tnode-8\t2\t5000\t5600\t4\n\
                5\t1\t8\t3\tnode-8\t0\t5600\t5000\t4\n\
                6\t1\t8\t3\tnode-8\t0\tsoon\t5000\t4\n\
                7\t1\t8\t3\n\
                8\t1\t9\t3\tnode-9\t1\t1000.0\t4000.0\tNULL\n";
    let trace = of_text(text).expect("its head is known");
    let found: Vec<_> =
        trace.failures.iter().map(|f| (f.line, f.system, f.node, f.start.0, f.down_s)).collect();
    assert_eq!(found, [(3, 3, Some(7), 2000, 600), (4, 3, Some(8), 5000, 600)]);
    assert_eq!((trace.failures[0].cause.as_str(), trace.failures[1].cause.as_str()), ("", "4"));
    assert_eq!((trace.rows, trace.nodes[&3]), (8, 3));
    let up = [(1000, 2000), (1000, 4000)].map(|(from, to)| (Moment(from), Moment(to)));
    assert_eq!(trace.up[&3], up);
    let window = Selection { from: Some(Moment(1500)), to: Some(Moment(3000)), system: None };
    assert_eq!(up.map(|interval| window.part_s(interval)), [500, 1500]);
    let lines: Vec<_> = trace.flaws.iter().map(|flaw| flaw.line).collect();
    assert_eq!(lines, [5, 6, 7, 8], "{:?}", trace.flaws);
}

#[test]
fn the_spans_of_the_worked_example() {
    let failure = |node, start: i64, down: u64| Failure {
        line: 1,
        system: 1,
        node: Some(node),
        start: Moment(start * 3600),
        down_s: down * 3600,
        cause: String::new(),
    };
    let trace = Trace {
        format: Format::Fta,
        failures: vec![failure(1, 5, 2), failure(1, 0, 1), failure(2, 2, 0)],
        nodes: [(1, 2)].into(),
        up: std::collections::BTreeMap::new(),
        rows: 3,
        flaws: Vec::new(),
        remarks: Vec::new(),
        sha256: String::new(),
    };
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
    assert_eq!(all.window_s(&all.of(&trace)), 5 * 3600);
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
        read(&file).expect_err("it is no trace").to_string()
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
    let trace = read(&file).expect("a trace");
    let found: Vec<_> = trace.failures.iter().map(|f| (f.node, f.start.0, f.down_s)).collect();
    assert_eq!(found, [(Some(7), 100, 60), (Some(7), 400, 30)]);
    assert_eq!(trace.sha256.len(), 64);
    std::fs::write(&file, &packed[..packed.len() - 20]).expect("a file");
    let error = read(&file).expect_err("its end is missing").to_string();
    assert!(error.contains("cannot be unpacked"), "{error}");
}
