//! Cells from another program: a CSV file with a column for each key and a row for each cell.

use std::path::Path;

use csv::{ReaderBuilder, StringRecord};

use crate::config::document::{Value, bare_value};
use crate::config::files;
use crate::config::mistakes::{Mistake, Mistakes, Place};
use crate::config::walk;
use crate::scenario::keys::ROOT;
use crate::scenario::sweep::{self, Axis, CELLS_MAX};

/// The columns as axes that go together. The values are what `--set` takes; where the header gives
/// a unit, as in `stop.at [s]`, it follows each number of the column.
pub(super) fn read(path: &Path, m: &mut Mistakes) -> Option<Vec<Axis>> {
    let file = files::open(path, files::CELLS, m)?;
    let text = m.text(file).to_owned();
    let mut rows =
        ReaderBuilder::new().flexible(true).has_headers(false).from_reader(text.as_bytes());
    let mut record = StringRecord::new();
    let is_row = rows.read_record(&mut record).is_ok_and(|is_row| is_row);
    if !is_row {
        let mistake = Mistake::new(Place::whole(file), "a table of cells without a header");
        m.note(mistake.help("its first line has the paths of keys: cluster.modules,stop.at"));
        return None;
    }
    let columns = header(&record, &Fields::of(file, &text, &record), m)?;
    let mut values: Vec<Vec<Value>> = columns.iter().map(|_| Vec::new()).collect();
    while rows.read_record(&mut record).unwrap_or(false) {
        let fields = Fields::of(file, &text, &record);
        if record.len() != columns.len() {
            let values = if record.len() == 1 { "value" } else { "values" };
            let title = format!("{} {values} for {} columns", record.len(), columns.len());
            let help = "a value with a comma stands in quotes: \"[1, 2]\"";
            m.note(Mistake::new(fields.line, title).help(help));
            continue;
        }
        for (number, field) in record.iter().enumerate() {
            let (column, place) = (&columns[number], fields.at(number));
            if field.trim().is_empty() {
                let title = format!("no value in the column `{}`", column.path);
                m.note(Mistake::new(place, title).help("each cell has a value for each column"));
                continue;
            }
            let value = match &column.unit {
                Some(unit) => bare_value(&format!("{} {unit}", field.trim()), place),
                None => bare_value(field, place),
            };
            walk::check_at(&ROOT, &column.path, &value, m);
            values[number].push(value);
        }
        if values[0].len() > CELLS_MAX {
            let title = format!("more than {CELLS_MAX} cells");
            m.note(Mistake::new(fields.line, title).help("split the table into several studies"));
            return None;
        }
    }
    if values[0].is_empty() {
        if m.is_empty() {
            m.note(Mistake::new(Place::whole(file), "a table without cells below its header"));
        }
        return None;
    }
    let axis =
        |(column, values): (Column, Vec<Value>)| Axis::new(column.path, column.place, values);
    m.is_empty().then(|| columns.into_iter().zip(values).map(axis).collect())
}

struct Column {
    path: String,
    place: Place,
    unit: Option<String>,
}

/// The columns, if all of them can be swept.
fn header(record: &StringRecord, fields: &Fields, m: &mut Mistakes) -> Option<Vec<Column>> {
    let mut columns: Vec<Column> = Vec::new();
    let mut is_good = true;
    for (number, name) in record.iter().enumerate() {
        let (name, place) = (name.trim(), fields.at(number));
        let (path, unit) = match name.strip_suffix(']').and_then(|name| name.split_once('[')) {
            Some((path, unit)) => (path.trim().to_owned(), Some(unit.trim().to_owned())),
            None => (name.to_owned(), None),
        };
        if path == "seed" {
            let mistake = Mistake::new(place, "seeds are replications of cells, not cells");
            m.note(mistake.help("leave the column out: --seed, and `replications` in [study]"));
            is_good = false;
        } else if columns.iter().any(|column| column.path == path) {
            m.note(Mistake::new(place, format!("the column `{path}` is given twice")));
            is_good = false;
        } else if sweep::key(&path, place, m).is_none() {
            is_good = false;
        }
        columns.push(Column { path, place, unit });
    }
    is_good.then_some(columns)
}

/// Where the fields of a record stand.
pub(super) struct Fields {
    line: Place,
    /// Each by itself, where no quotes hide where one ends.
    each: Option<Vec<Place>>,
}

impl Fields {
    pub(super) fn of(file: u32, text: &str, record: &StringRecord) -> Self {
        let mut start = record.position().map_or(0, |position| position.byte() as usize);
        // A record begins after the line break before it, or with it.
        let breaks = text[start..].bytes().take_while(|byte| b"\r\n".contains(byte));
        start += breaks.count();
        let end = text[start..].find(['\r', '\n']).map_or(text.len(), |length| start + length);
        let line = &text[start..end];
        let each = (!line.contains('"')).then(|| {
            let mut at = start;
            let place = |field: &str| {
                let from = at + (field.len() - field.trim_start().len());
                at += field.len() + 1;
                Place::at(file, from..from + field.trim().len())
            };
            line.split(',').map(place).collect()
        });
        Self { line: Place::at(file, start..end), each }
    }

    pub(super) fn at(&self, number: usize) -> Place {
        let each = self.each.as_ref().and_then(|each| each.get(number));
        each.copied().unwrap_or(self.line)
    }
}
