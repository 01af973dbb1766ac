//! Reads scenario files from disk, with the chain of files that they inherit.

use std::path::{Path, PathBuf};

use crate::config::document::{Value, parse};
use crate::config::files::{SCENARIO, Sort, open, read, tidied};
use crate::config::language::nearest;
use crate::config::mistakes::{Mistake, Mistakes, Place};
use crate::scenario::base;
use crate::scenario::load::{Layer, built_in};
use crate::untrusted::NamedBy;

/// A chain of `inherit`, the base first.
#[derive(Debug)]
pub(super) struct Chain {
    pub layers: Vec<Layer>,
    /// The built-in file that the user's own ones inherit, and the number of layers that it is.
    pub base: Option<(String, usize)>,
    /// The number of the file that was asked for.
    pub top: u32,
    /// Whether all of it could be read.
    pub whole: bool,
}

/// Reads a file and what it inherits. `None` if the file itself cannot be read.
pub(super) fn chain(path: &Path, sort: Sort, m: &mut Mistakes) -> Option<Chain> {
    let top = open(path, sort, m)?;
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
    let mut base: Option<(String, usize)> = None;
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
                base.get_or_insert((wanted, 0)).1 += 1;
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
        let Some(file) = inherited(&path, &shown, &value, m) else {
            whole = false;
            break;
        };
        let (table, complete) = parse(file, m);
        whole &= complete;
        layers.push(Layer { file, table });
    }
    layers.reverse();
    Chain { layers, base, top, whole }
}

fn canonical(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
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

/// Reads a file that another one inherits. What is wrong with it is noted where it is named.
fn inherited(path: &Path, shown: &str, named: &Value, m: &mut Mistakes) -> Option<u32> {
    match read(path, NamedBy::File, SCENARIO) {
        Ok(text) => Some(m.file_at(path, shown, text)),
        Err(complaint) => {
            let title = format!("cannot inherit {shown}: {}", complaint.title);
            let stem = path.file_stem().and_then(|stem| stem.to_str());
            let known = stem.filter(|stem| base::text(stem).is_some());
            let built_in = known.map(|name| format!("`inherit = \"{name}\"` is built in"));
            m.note(Mistake::new(named.place, title).maybe_help(complaint.help.or(built_in)));
            None
        }
    }
}
