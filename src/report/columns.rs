//! Tables for the terminal: cells in columns.

use std::fmt::Write as _;

/// A table with a blank line before it; nothing without rows. `sides` says of each column whether
/// it hangs left or right.
pub(crate) fn columns(heads: &[&str], sides: &str, rows: &[Vec<String>]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let heads: Vec<String> = heads.iter().map(ToString::to_string).collect();
    let width = |column: usize| {
        let lengths = rows.iter().chain([&heads]).map(|row| row[column].chars().count());
        lengths.max().unwrap_or(0)
    };
    let widths: Vec<_> = (0..heads.len()).map(width).collect();
    let mut out = String::from("\n");
    for row in [&heads].into_iter().chain(rows) {
        let mut line = String::new();
        for ((cell, side), width) in row.iter().zip(sides.chars()).zip(&widths) {
            let _ = match side {
                'r' => write!(line, "{cell:>width$}  "),
                _ => write!(line, "{cell:<width$}  "),
            };
        }
        let _ = writeln!(out, "{}", line.trim_end());
    }
    out
}
