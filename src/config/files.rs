//! Reads a file in the notation, within bounds; what cannot be read gets a complaint with a hint.

use std::path::{Path, PathBuf};

use crate::config::language::nearest;
use crate::config::mistakes::{Mistake, Mistakes, Place};
use crate::untrusted::{self, NamedBy, ReadError};

/// What a file is to be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sort {
    name: &'static str,
    /// None is larger (bytes); what is, is something else.
    size_max: u64,
}

/// A scenario may hold a table of transfers, or each of ten thousand jobs.
pub(crate) const SCENARIO: Sort = Sort::new("scenario", 32_000_000);
/// A study may hold the cells of a table.
pub(crate) const STUDY: Sort = Sort::new("study", 128_000_000);
pub(crate) const JOBS: Sort = Sort::new("list of jobs", 64_000_000);
pub(crate) const CELLS: Sort = Sort::new("table of cells", 64_000_000);

impl Sort {
    /// A file of this name, of so many bytes at most.
    pub(crate) const fn new(name: &'static str, size_max: u64) -> Self {
        Self { name, size_max }
    }
}

/// Reads a file that a person names into the list of texts.
pub(crate) fn open(path: &Path, sort: Sort, m: &mut Mistakes) -> Option<u32> {
    let shown = path.display().to_string();
    match read(path, NamedBy::Person, sort) {
        // Some programs begin a text with a mark of its encoding, which is none of the text.
        Ok(text) => Some(m.file_at(path, &shown, text.trim_start_matches('\u{feff}'))),
        Err(complaint) => {
            let file = m.file(&shown, "");
            m.note(Mistake::new(Place::whole(file), complaint.title).maybe_help(complaint.help));
            None
        }
    }
}

/// Why a file cannot be read.
#[derive(Debug)]
pub(crate) struct Complaint {
    pub title: String,
    pub help: Option<String>,
}

/// The text of a file.
pub(crate) fn read(path: &Path, by: NamedBy, sort: Sort) -> Result<String, Complaint> {
    let Sort { name, size_max } = sort;
    if path == Path::new("-") {
        return Err(Complaint {
            title: format!("a {name} is a file, not the standard input"),
            help: Some("/dev/stdin reads it; inherit by name then, such as \"lanl_pilot\"".into()),
        });
    }
    let bytes = untrusted::read(path, by, size_max).map_err(|error| {
        let at_most = format!("at most {} MB are read", size_max / 1_000_000);
        let (title, help) = match &error {
            ReadError::Missing => (error.to_string(), neighbour(path)),
            ReadError::Directory => (
                format!("this is a directory, not a {name} file"),
                Some("name the file in it".into()),
            ),
            ReadError::TooLarge { size: Some(size), .. } => {
                let megabytes = *size as f64 / 1e6;
                let title = format!("the file is {megabytes:.1} MB large: this is no {name}");
                (title, Some(at_most))
            }
            ReadError::TooLarge { size: None, .. } => {
                (format!("this is too large for a {name}"), Some(at_most))
            }
            ReadError::Special(_) | ReadError::System(_) => (error.to_string(), None),
        };
        Complaint { title, help }
    })?;
    String::from_utf8(bytes).map_err(|error| {
        let offset = error.utf8_error().valid_up_to();
        let bytes = error.as_bytes();
        let line = bytes[..offset].split(|&byte| byte == b'\n').count();
        let byte = bytes[offset];
        Complaint {
            title: format!(
                "the text is not UTF-8: byte 0x{byte:02x} at offset {offset}, line {line}"
            ),
            help: Some("save the file as UTF-8".into()),
        }
    })
}

/// A file next to a missing one whose name is nearly the same.
fn neighbour(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?;
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let entries = std::fs::read_dir(parent.unwrap_or(Path::new("."))).ok()?;
    let mut names: Vec<String> =
        entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
    names.sort();
    let near = nearest(name, names.iter().map(String::as_str))?;
    Some(format!("did you mean {}?", tidied(&path.with_file_name(near))))
}

/// A path without its detours through `..`, for people.
pub(crate) fn tidied(path: &Path) -> String {
    let mut parts: Vec<std::path::Component<'_>> = Vec::new();
    for part in path.components() {
        let back = matches!(part, std::path::Component::ParentDir);
        if back && matches!(parts.last(), Some(std::path::Component::Normal(_))) {
            parts.pop();
        } else if !matches!(part, std::path::Component::CurDir) {
            parts.push(part);
        }
    }
    parts.iter().collect::<PathBuf>().display().to_string()
}
