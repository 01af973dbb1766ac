//! Reads a file in the notation, within bounds; what cannot be read gets a complaint with a hint.

use std::path::{Path, PathBuf};

use crate::config::language::nearest;
use crate::config::mistakes::{Mistake, Mistakes, Place};
use crate::untrusted::{self, NamedBy, ReadError};

/// No scenario is larger; what is, is something else.
const SIZE_MAX: u64 = 4_000_000;

/// Reads a file that a person names into the list of texts.
pub(crate) fn open(path: &Path, m: &mut Mistakes) -> Option<u32> {
    let shown = path.display().to_string();
    match read(path, NamedBy::Person) {
        Ok(text) => Some(m.file_at(path, &shown, text)),
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
pub(crate) fn read(path: &Path, by: NamedBy) -> Result<String, Complaint> {
    if path == Path::new("-") {
        return Err(Complaint {
            title: "a scenario is a file, not the standard input".into(),
            help: Some("/dev/stdin reads it; inherit by name then, such as \"lanl_pilot\"".into()),
        });
    }
    let bytes = untrusted::read(path, by, SIZE_MAX).map_err(|error| {
        let at_most = format!("at most {} MB are read", SIZE_MAX / 1_000_000);
        let (title, help) = match &error {
            ReadError::Missing => (error.to_string(), neighbour(path)),
            ReadError::Directory => (
                "this is a directory, not a scenario file".into(),
                Some("name the .toml file in it".into()),
            ),
            ReadError::TooLarge { size: Some(size), .. } => {
                let megabytes = *size as f64 / 1e6;
                let title = format!("the file is {megabytes:.1} MB large: this is no scenario");
                (title, Some(at_most))
            }
            ReadError::TooLarge { size: None, .. } => {
                ("this is too large for a scenario".into(), Some(at_most))
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
