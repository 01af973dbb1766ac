//! Reads scenario files from disk, with the chain of files that they inherit.

use std::path::{Path, PathBuf};

use crate::scenario::base;
use crate::scenario::document::{Value, parse};
use crate::scenario::language::nearest;
use crate::scenario::load::{Layer, built_in};
use crate::scenario::mistakes::{Mistake, Mistakes, Place};
use crate::untrusted::{self, NamedBy, ReadError};

/// No scenario is larger; what is, is something else.
const SIZE_MAX: u64 = 4_000_000;

/// A chain of `inherit`, the base first.
#[derive(Debug)]
pub(super) struct Chain {
    pub layers: Vec<Layer>,
    /// The number of the file that was asked for.
    pub top: u32,
    /// Whether all of it could be read.
    pub whole: bool,
}

/// Reads a file and what it inherits. `None` if the file itself cannot be read.
pub(super) fn chain(path: &Path, m: &mut Mistakes) -> Option<Chain> {
    let top = open(path, &path.display().to_string(), None, m)?;
    Some(chain_from(top, path, m))
}

/// Reads a text and what it inherits.
pub(super) fn chain_of_text(name: &str, text: &str, m: &mut Mistakes) -> Chain {
    let top = m.file(name, text);
    chain_from(top, Path::new(name), m)
}

fn chain_from(top: u32, path: &Path, m: &mut Mistakes) -> Chain {
    let (table, mut whole) = parse(top, m);
    if table.entries.is_empty() && whole {
        let help = "a small one: [cluster] hardware = \"pi_3b\" boots one module of 150 nodes";
        m.note(Mistake::new(Place::whole(top), "the scenario is empty").help(help));
        whole = false;
    }
    let mut layers = vec![Layer { file: top, table }];
    let mut path = path.to_owned();
    // Each file of the chain, as found on disk and as shown.
    let mut seen: Vec<(PathBuf, String)> = vec![(canonical(&path), path.display().to_string())];
    loop {
        let last = layers.last().expect("the chain has its top");
        let Some(value) = last.table.get("inherit").cloned() else { break };
        let Some(wanted) = value.text().map(str::to_owned) else {
            whole = false;
            break;
        };
        let is_name = !wanted.contains(['/', '\\', '.']);
        if is_name {
            if let Some(layer) = built_in(&wanted, m) {
                layers.push(layer);
            } else {
                unknown_name(&wanted, &value, m);
                whole = false;
                break;
            }
            continue;
        }
        path = path.parent().unwrap_or(Path::new("")).join(&wanted);
        let shown = tidied(&path);
        if let Some(first) = seen.iter().position(|(known, _)| *known == canonical(&path)) {
            cycle(&seen[first..], &value, m);
            whole = false;
            break;
        }
        seen.push((canonical(&path), shown.clone()));
        let Some(file) = open(&path, &shown, Some(&value), m) else {
            whole = false;
            break;
        };
        let (table, complete) = parse(file, m);
        whole &= complete;
        layers.push(Layer { file, table });
    }
    layers.reverse();
    Chain { layers, top, whole }
}

fn canonical(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

/// A path without its detours through `..`, for people.
fn tidied(path: &Path) -> String {
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

fn unknown_name(wanted: &str, value: &Value, m: &mut Mistakes) {
    let names = base::FILES.iter().map(|&(name, _)| name);
    let help = nearest(wanted, names.clone()).map_or_else(
        || format!("built in: {}; a path ends with .toml", names.collect::<Vec<_>>().join(", ")),
        |near| format!("did you mean \"{near}\"?"),
    );
    m.note(Mistake::new(value.place, format!("no base file is called `{wanted}`")).help(help));
}

fn cycle(chain: &[(PathBuf, String)], value: &Value, m: &mut Mistakes) {
    let names = chain.iter().chain(chain.first()).map(|(_, shown)| shown.as_str());
    let chain = names.collect::<Vec<_>>().join(" -> ");
    let mistake = Mistake::new(value.place, "this file inherits itself");
    m.note(mistake.help(format!("the chain: {chain}")));
}

/// Reads a file into the list of texts. What is wrong with it is noted where it is asked for.
pub(super) fn open(
    path: &Path,
    shown: &str,
    asked: Option<&Value>,
    m: &mut Mistakes,
) -> Option<u32> {
    let by = if asked.is_some() { NamedBy::File } else { NamedBy::Person };
    let complaint = match read(path, by) {
        Ok(text) => return Some(m.file_at(path, shown, text)),
        Err(complaint) => complaint,
    };
    if let Some(value) = asked {
        let title = format!("cannot inherit {shown}: {}", complaint.title);
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        let known = stem.filter(|stem| base::text(stem).is_some());
        let built_in = known.map(|name| format!("`inherit = \"{name}\"` is built in"));
        m.note(Mistake::new(value.place, title).maybe_help(complaint.help.or(built_in)));
    } else {
        let file = m.file(shown, "");
        m.note(Mistake::new(Place::whole(file), complaint.title).maybe_help(complaint.help));
    }
    None
}

struct Complaint {
    title: String,
    help: Option<String>,
}

fn read(path: &Path, by: NamedBy) -> Result<String, Complaint> {
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
