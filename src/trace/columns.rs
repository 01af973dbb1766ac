//! The columns of a table of text: found by their names, and the cells of a row.
//!
//! Names are compared by their letters and digits alone, since R writes `Prob.Started` for `Prob
//! Started`. R also writes names of rows: as a column without a name (`write.csv`), or as one that
//! the head does not count (`write.table`). Worked example: under the head `"a","b"` the row
//! `"1",2,"x, y"` has 2 for `a` and `x, y` for `b`.

use csv::StringRecord;

/// What may stand between two cells, the likeliest first.
const DELIMITERS: [char; 4] = [',', '\t', ';', '|'];

/// The head of a table.
pub(super) struct Columns {
    delimiter: char,
    /// Whether cells may stand in quotation marks. Where the head of a table with tabs has none,
    /// and between the bars of Slurm, a mark is a letter like any other.
    quotes: bool,
    names: Vec<String>,
}

impl Columns {
    /// The columns that a line names, for each delimiter that it may have.
    pub(super) fn of_head(head: &str) -> impl Iterator<Item = Self> {
        DELIMITERS.into_iter().map(move |delimiter| {
            let quotes = matches!(delimiter, ',' | ';') || head.contains('"');
            let mut columns = Self { delimiter, quotes, names: Vec::new() };
            let names = columns.split(head).unwrap_or_default();
            let rows_have_names = names.get(0).is_some_and(str::is_empty);
            let names = names.iter().skip(usize::from(rows_have_names));
            columns.names = names.map(|name| name.trim().to_owned()).collect();
            columns
        })
    }

    /// Columns of a table without a head.
    pub(super) fn nameless(delimiter: char, count: usize) -> Self {
        Self { delimiter, quotes: false, names: vec![String::new(); count] }
    }

    /// The names of all columns.
    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// The place of the column of this name.
    pub(super) fn place(&self, name: &str) -> Option<usize> {
        let exact = self.names.iter().position(|column| column == name);
        exact.or_else(|| self.names.iter().position(|column| bare(column) == bare(name)))
    }

    /// The cells of a row, as many as there are columns.
    pub(super) fn cells(&self, row: &str) -> Result<Cells, String> {
        let cells = self.split(row)?;
        match cells.len().checked_sub(self.names.len()) {
            Some(skipped @ 0..=1) => Ok(Cells { cells, skipped }),
            _ => Err(format!("{} columns, not {}", cells.len(), self.names.len())),
        }
    }

    fn split(&self, row: &str) -> Result<StringRecord, String> {
        if !self.quotes || !row.contains('"') {
            return Ok(row.split(self.delimiter).collect::<Vec<_>>().into());
        }
        if row.matches('"').count() % 2 == 1 {
            return Err("a quotation mark without its pair".into());
        }
        let mut reader = csv::ReaderBuilder::new();
        reader.has_headers(false).buffer_capacity(512).delimiter(self.delimiter as u8);
        let record = reader.from_reader(row.as_bytes()).into_records().next();
        record.and_then(Result::ok).ok_or_else(|| "this is no row of a CSV file".into())
    }
}

/// The cells of a row.
pub(super) struct Cells {
    cells: StringRecord,
    /// Cells before that of the first column.
    skipped: usize,
}

impl Cells {
    /// Whether the row has a cell for each column and no other.
    pub(super) const fn is_exact(&self) -> bool {
        self.skipped == 0
    }

    /// The text of a column; nothing where R says that it is not available.
    pub(super) fn get(&self, place: usize) -> &str {
        let text = self.cells.get(place + self.skipped).unwrap_or_default().trim();
        if text == "NA" { "" } else { text }
    }
}

/// The letters and digits of a name, in lower case.
fn bare(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}
