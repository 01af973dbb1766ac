//! A file in the notation of scenarios that is no scenario: the same reader, mistakes and schema.

use std::path::Path;

use crate::config::document::{Table, parse};
use crate::config::language::TableSpec;
use crate::config::mistakes::{Mistakes, Place};
use crate::config::{files, walk};

/// A file as read: its table, and the place of the whole text.
#[derive(Debug)]
pub(crate) struct Sheet {
    pub(crate) table: Table,
    pub(crate) place: Place,
    /// Whether all of it could be parsed: what is not there may have been lost.
    pub(crate) whole: bool,
}

/// Reads a file and notes what is wrong with its keys and values. `None` if it cannot be read.
pub(crate) fn read(path: &Path, language: &'static TableSpec, m: &mut Mistakes) -> Option<Sheet> {
    let file = files::open(path, files::SCENARIO, m)?;
    Some(read_text(file, language, m))
}

/// The same for a text that was taken in already.
pub(crate) fn read_text(file: u32, language: &'static TableSpec, m: &mut Mistakes) -> Sheet {
    let (table, whole) = parse(file, m);
    walk::check_document(language, &table, m);
    Sheet { table, place: Place::whole(file), whole }
}
