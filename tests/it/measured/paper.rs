//! The tables of `docs/validation.md`, from the measurements and the model.

use std::fmt::Write;

use crate::measured::rows::{Row, rows};
use crate::measured::{DNSMASQ, UNBOUND, operations, storms};
use crate::program::{root, update};

/// Replaces what stands between the marks of a table.
fn put(page: &str, name: &str, table: &str) -> String {
    let begin = format!("<!-- {name}: written by `UPDATE=1 cargo test --test it measured` -->\n");
    let end = format!("<!-- end of {name} -->");
    let (before, rest) = page.split_once(&begin).unwrap_or_else(|| panic!("no table {name}"));
    let (_, after) = rest.split_once(&end).unwrap_or_else(|| panic!("no end of {name}"));
    format!("{before}{begin}\n{table}\n{end}{after}")
}

/// A line of a table: the row, what was measured, what the model says, the difference.
fn line(table: &mut String, row: &Row, measured: f64, model: f64) {
    let Row { run, proto, server, client, n, cpu_busy_pct, .. } = row;
    let server = server.split('(').next().expect("a first part");
    let mut size = row.file_bytes.map_or(String::new(), |size| format!("{} MB", size as f64 / 1e6));
    if let Some(block) = row.blksize {
        let _ = write!(size, ", {block} B");
    }
    let off = 100.0 * (measured / model - 1.0);
    let _ = writeln!(
        table,
        "| {run} | {proto}, {server}, {client} | {n} | {size} | {node} | {cpu_busy_pct} | \
         {measured:.3} | {model:.3} | {off:+.1} % |",
        node = row.node_link.replace("mbit", " Mbit/s"),
    );
}

fn table(file: &str, model: impl Fn(&Row) -> f64) -> Option<String> {
    let mut table = "| run | what | n | each | node link | CPU busy (%) | measured (s) | \
                     model (s) | measured against model |\n|---|---|--:|---|---|--:|--:|--:|--:|\n"
        .to_owned();
    for row in rows(file)? {
        line(&mut table, &row, row.makespan_s, model(&row));
    }
    Some(table)
}

fn dhcp_table() -> Option<String> {
    let mut table =
        "| run | ping | n | gave up | median measured (s) | model (s) | difference (s) \
                     | last measured (s) | model (s) |\n\
                     |---|---|--:|--:|--:|--:|--:|--:|--:|\n"
            .to_owned();
    for row in rows("dhcp_storm_summary.csv")? {
        let leases = storms::dhcp(&row, row.pings());
        let median = leases.median();
        let _ = writeln!(
            table,
            "| {run} | {ping} | {n} | {lost} | {measured:.3} | {median:.3} | {off:+.3} | \
             {last:.3} | {end:.3} |",
            run = row.run,
            ping = if row.pings() { "yes" } else { "no" },
            n = row.n,
            lost = row.n - row.ok,
            measured = row.median_s,
            off = row.median_s - median,
            last = row.makespan_s,
            end = leases.last(),
        );
    }
    Some(table)
}

/// Operations of 16 kB and more. A round trip has half of its time.
fn operations_table() -> Option<String> {
    let mut table = "| operation | algorithm | ranks | bytes | node link | CPU busy (%) | \
                     mean measured (s) | model (s) | model against measured |\n\
                     |---|---|--:|--:|---|--:|--:|--:|--:|\n"
        .to_owned();
    let all = operations::operations()?;
    for one in all.iter().filter(|it| it.what.size.0 >= 16_000) {
        let (measured, model) = (one.took[1].as_secs_f64(), operations::model(one));
        let switches = one.ranks.div_ceil(one.per_switch);
        let by = if switches > 1 { format!(" by {}", one.per_switch) } else { String::new() };
        let _ = writeln!(
            table,
            "| {kind} | {algorithm:?} | {ranks}{by} | {bytes} | {link} | {busy} | {measured:.4} | \
             {model:.4} | {off:+.1} % |",
            kind = operations::kind(one),
            algorithm = one.what.algorithm(),
            ranks = one.ranks,
            bytes = one.what.size.0,
            link = one.node_link,
            busy = one.cpu_busy,
            off = 100.0 * (model / measured - 1.0),
        );
    }
    Some(table)
}

/// The daemon's rate holds where the processors were short: 16 clients or more at full rate.
fn tftp(row: &Row) -> f64 {
    let bound = row.n >= 16 && !row.is_scaled();
    storms::tftp(row, if bound { DNSMASQ } else { UNBOUND })
}

#[test]
fn the_tables_of_the_paper_are_what_the_model_says() {
    let tables = [
        ("checkpoints", table("checkpoint_storm_summary.csv", storms::write)),
        ("reads", table("http_get_storm_summary.csv", storms::read)),
        ("tftp", table("tftp_storm_summary.csv", tftp)),
        ("dhcp", dhcp_table()),
        ("operations", operations_table()),
    ];
    let file = root().join("docs/validation.md");
    let page = std::fs::read_to_string(&file).expect("there is a paper");
    let mut written = page.clone();
    for (name, table) in tables {
        let Some(table) = table else { return };
        written = put(&written, name, &table);
    }
    if update() {
        std::fs::write(&file, &written).expect("the paper can be written");
    } else {
        assert_eq!(page.lines().collect::<Vec<_>>(), written.lines().collect::<Vec<_>>());
    }
}
