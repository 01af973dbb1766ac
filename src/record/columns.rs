//! Tables of typed columns, written as CSV and as Parquet at once.
//!
//! A table gets its name when it is whole, and its bytes hang on its rows alone: there is no date
//! and no version in them. In CSV a value that is missing is empty, in Parquet it is null.

use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::basic::{LogicalType, Repetition, Type as Physical};
use parquet::column::writer::ColumnWriter;
use parquet::data_type::ByteArray;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{Type, TypePtr};

use super::{Checksums, RecordError, checksums};

/// Rows that are gathered before they are written: a group of rows in Parquet.
const GROUP: usize = 16_384;

/// What the values of a column are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Whole numbers from 0 up, with 64 bits.
    Integer,
    /// Numbers with 64 bits, binary floating point.
    Number,
    /// Texts.
    Text,
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// What its values are.
    pub kind: Kind,
}

/// A table in the making.
pub struct TableWriter {
    /// Where it is made, and where it will lie; with `.csv` and `.parquet` behind them.
    stems: [PathBuf; 2],
    csv: csv::Writer<File>,
    parquet: ParquetWriter,
}

/// A table in the making, as Parquet.
pub struct ParquetWriter {
    path: PathBuf,
    file: SerializedFileWriter<BufWriter<File>>,
    columns: Vec<Gathered>,
    rows: usize,
}

/// The values of a column that are not written yet.
struct Gathered {
    values: Values,
    /// 1 for each row that has a value, 0 for each that has none.
    levels: Vec<i16>,
}

enum Values {
    Integers(Vec<i64>),
    Numbers(Vec<f64>),
    Texts(Vec<ByteArray>),
}

impl TableWriter {
    /// Begins `<stem>.csv` and `<stem>.parquet`, made as `<draft>.csv` and `<draft>.parquet`; both
    /// lie on one file system.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn create(draft: &Path, stem: &Path, columns: &[Column]) -> Result<Self, RecordError> {
        let path = with(draft, "csv");
        let mut csv = csv::Writer::from_path(&path).map_err(|error| csv_error(&path, error))?;
        let names = columns.iter().map(|column| &column.name);
        csv.write_record(names).map_err(|error| csv_error(&path, error))?;
        let parquet = ParquetWriter::create(&with(draft, "parquet"), columns)?;
        Ok(Self { stems: [draft.to_owned(), stem.to_owned()], csv, parquet })
    }

    /// Adds a row: one text for each column, empty where it has no value.
    ///
    /// # Errors
    /// When a text is no value of its column, and when it cannot be written.
    pub fn row<'r>(
        &mut self,
        row: impl Iterator<Item = &'r str> + Clone,
    ) -> Result<(), RecordError> {
        let path = with(&self.stems[0], "csv");
        self.csv.write_record(row.clone()).map_err(|error| csv_error(&path, error))?;
        self.parquet.row(row)
    }

    /// Gives both files their names, and says what they hold.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn finish(mut self) -> Result<Checksums, RecordError> {
        self.parquet.finish()?;
        let [draft, stem] = &self.stems;
        let [csv, parquet] = ["csv", "parquet"].map(|end| with(draft, end));
        self.csv.flush().map_err(RecordError::io("write", &csv))?;
        let mut names = Vec::new();
        for (draft, end) in [(csv, "csv"), (parquet, "parquet")] {
            let place = with(stem, end);
            settle(&draft, &place)?;
            names.extend(place.file_name().and_then(|name| name.to_str()).map(str::to_owned));
        }
        checksums::of_files(stem.parent().unwrap_or(Path::new("")), &names)
    }
}

impl ParquetWriter {
    /// Begins a file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn create(path: &Path, columns: &[Column]) -> Result<Self, RecordError> {
        let file = File::create(path).map_err(RecordError::io("create", path))?;
        let properties = WriterProperties::builder().set_created_by("rackstorm".to_owned());
        let (schema, properties) = (schema(columns), Arc::new(properties.build()));
        let file = SerializedFileWriter::new(BufWriter::new(file), schema, properties);
        let file = file.map_err(|error| parquet_error(path, error))?;
        let columns = columns.iter().map(|column| Gathered::of(column.kind)).collect();
        Ok(Self { path: path.to_owned(), file, columns, rows: 0 })
    }

    /// Adds a row: one text for each column, empty where it has no value.
    ///
    /// # Errors
    /// When a text is no value of its column, and when it cannot be written.
    pub fn row<'r>(&mut self, row: impl Iterator<Item = &'r str>) -> Result<(), RecordError> {
        for (column, text) in self.columns.iter_mut().zip(row) {
            column.push(text).ok_or_else(|| RecordError::Foreign {
                path: self.path.clone(),
                why: format!("{text:?} is no value of its column"),
            })?;
        }
        self.rows += 1;
        if self.rows.is_multiple_of(GROUP) { self.write_group() } else { Ok(()) }
    }

    fn write_group(&mut self) -> Result<(), RecordError> {
        let mut write = || -> Result<(), ParquetError> {
            let mut group = self.file.next_row_group()?;
            for gathered in &mut self.columns {
                let mut column = group.next_column()?.expect("the schema has a column for each");
                gathered.write(column.untyped())?;
                column.close()?;
            }
            group.close().map(drop)
        };
        write().map_err(|error| parquet_error(&self.path, error))
    }

    /// Writes what is left; the file is whole then.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(mut self) -> Result<(), RecordError> {
        if !self.rows.is_multiple_of(GROUP) {
            self.write_group()?;
        }
        self.file.close().map(drop).map_err(|error| parquet_error(&self.path, error))
    }
}

/// Brings a file to the disk and gives it its name, in one step.
///
/// # Errors
/// When the system refuses.
pub fn settle(draft: &Path, place: &Path) -> Result<(), RecordError> {
    File::open(draft).and_then(|file| file.sync_all()).map_err(RecordError::io("write", draft))?;
    fs::rename(draft, place).map_err(RecordError::io("write", place))
}

fn with(stem: &Path, end: &str) -> PathBuf {
    let mut path = stem.as_os_str().to_owned();
    path.push(".");
    path.push(end);
    path.into()
}

fn schema(columns: &[Column]) -> TypePtr {
    let field = |Column { name, kind }: &Column| {
        let (physical, logical) = match kind {
            Kind::Integer => {
                (Physical::INT64, Some(LogicalType::Integer { bit_width: 64, is_signed: false }))
            }
            Kind::Number => (Physical::DOUBLE, None),
            Kind::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
        };
        let field = Type::primitive_type_builder(name, physical);
        let field = field.with_repetition(Repetition::OPTIONAL).with_logical_type(logical);
        Arc::new(field.build().expect("the types fit each other"))
    };
    let fields = columns.iter().map(field).collect();
    let table = Type::group_type_builder("schema").with_fields(fields).build();
    Arc::new(table.expect("a group of fields"))
}

impl Gathered {
    fn of(kind: Kind) -> Self {
        let values = match kind {
            Kind::Integer => Values::Integers(Vec::new()),
            Kind::Number => Values::Numbers(Vec::new()),
            Kind::Text => Values::Texts(Vec::new()),
        };
        Self { values, levels: Vec::new() }
    }

    /// Takes the value of the next row; `None` if it is none of this column.
    fn push(&mut self, text: &str) -> Option<()> {
        self.levels.push(i16::from(!text.is_empty()));
        if text.is_empty() {
            return Some(());
        }
        match &mut self.values {
            Values::Integers(all) => all.push(text.parse::<u64>().ok()?.cast_signed()),
            Values::Numbers(all) => all.push(text.parse().ok()?),
            Values::Texts(all) => all.push(ByteArray::from(text)),
        }
        Some(())
    }

    /// Writes what was gathered, and begins anew.
    fn write(&mut self, column: &mut ColumnWriter<'_>) -> Result<(), ParquetError> {
        let levels = Some(self.levels.as_slice());
        match (&mut self.values, column) {
            (Values::Integers(all), ColumnWriter::Int64ColumnWriter(column)) => {
                column.write_batch(all, levels, None)?;
                all.clear();
            }
            (Values::Numbers(all), ColumnWriter::DoubleColumnWriter(column)) => {
                column.write_batch(all, levels, None)?;
                all.clear();
            }
            (Values::Texts(all), ColumnWriter::ByteArrayColumnWriter(column)) => {
                column.write_batch(all, levels, None)?;
                all.clear();
            }
            _ => unreachable!("the schema is made from the same kinds"),
        }
        self.levels.clear();
        Ok(())
    }
}

fn csv_error(path: &Path, error: csv::Error) -> RecordError {
    RecordError::io("write", path)(error.into())
}

fn parquet_error(path: &Path, error: ParquetError) -> RecordError {
    let error = match error {
        ParquetError::External(cause) => match cause.downcast::<io::Error>() {
            Ok(error) => *error,
            Err(cause) => io::Error::other(cause),
        },
        error => io::Error::other(error),
    };
    RecordError::io("write", path)(error)
}

#[cfg(test)]
mod tests {
    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::record::Field;

    use super::*;

    fn column(name: &str, kind: Kind) -> Column {
        Column { name: name.to_owned(), kind }
    }

    fn write(folder: &Path, rows: &[[&str; 3]]) -> Checksums {
        let columns = [
            column("seed", Kind::Integer),
            column("waste", Kind::Number),
            column("boot.method", Kind::Text),
        ];
        let (draft, stem) = (folder.join("draft"), folder.join("t"));
        let mut table = TableWriter::create(&draft, &stem, &columns).expect("a disk");
        for row in rows {
            table.row(row.iter().copied()).expect("a disk");
        }
        table.finish().expect("a disk")
    }

    #[test]
    fn both_files_hold_the_same_values_and_the_same_gaps() {
        let folder = tempfile::tempdir().expect("a folder");
        let rows = [["18446744073709551615", "0.1", "sd"], ["7", "", "a, \"b\""], ["", "1e-9", ""]];
        write(folder.path(), &rows);
        let csv = fs::read_to_string(folder.path().join("t.csv")).expect("a file");
        let lines = "seed,waste,boot.method\n18446744073709551615,0.1,sd\n\
                     7,,\"a, \"\"b\"\"\"\n,1e-9,\n";
        assert_eq!(csv, lines);
        let file = File::open(folder.path().join("t.parquet")).expect("a file");
        let reader = SerializedFileReader::new(file).expect("Parquet");
        let read = reader.get_row_iter(None).expect("rows").map(|row| {
            let row = row.expect("a row").into_columns();
            row.into_iter().map(|(_, field)| field).collect::<Vec<_>>()
        });
        let text = |text: &str| Field::Str(text.to_owned());
        let all = [
            vec![Field::ULong(u64::MAX), Field::Double(0.1), text("sd")],
            vec![Field::ULong(7), Field::Null, text("a, \"b\"")],
            vec![Field::Null, Field::Double(1e-9), Field::Null],
        ];
        assert_eq!(read.collect::<Vec<_>>(), all);
    }

    #[test]
    fn the_bytes_hang_on_the_rows_alone_and_nothing_else_is_left() {
        let folders = [(); 2].map(|()| tempfile::tempdir().expect("a folder"));
        let rows = vec![["1", "0.5", "sd"]; GROUP + 1];
        let [one, other] = folders.each_ref().map(|folder| write(folder.path(), &rows));
        assert_eq!(one, other);
        assert_eq!(one.keys().collect::<Vec<_>>(), ["t.csv", "t.parquet"]);
        assert_eq!(fs::read_dir(folders[0].path()).expect("a folder").count(), 2);
    }

    #[test]
    fn what_is_no_value_of_its_column_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let (draft, stem) = (folder.path().join("draft"), folder.path().join("t"));
        let columns = [column("seed", Kind::Integer)];
        let mut table = TableWriter::create(&draft, &stem, &columns).expect("a disk");
        let text = table.row(["-1"].into_iter()).expect_err("no seed").to_string();
        assert!(text.contains("\"-1\" is no value of its column"), "{text}");
    }
}
