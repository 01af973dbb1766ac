//! The two streams: data on stdout, everything else on stderr.

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

pub(super) use crate::report::object;
use crate::scenario::Mistakes;
use crate::untrusted::{Printable, printable};

/// Set when a write to stdout found nobody reading. It is a flag besides the error because the
/// libraries between a command and its stdout wrap errors until their kind is lost.
static READER_HAS_GONE: AtomicBool = AtomicBool::new(false);

/// Set when stdout refused data for another reason, such as a full disk.
static DATA_WAS_LOST: AtomicBool = AtomicBool::new(false);

/// Stdout, which notices when its reader goes away. A terminal is given nothing to obey: data may
/// hold what others wrote. Whoever reads a pipe or a file gets each byte.
#[derive(Debug)]
pub(super) struct Data(To);

#[derive(Debug)]
enum To {
    Terminal(Printable<io::Stdout>),
    Reader(io::Stdout),
}

impl To {
    fn writer(&mut self) -> &mut dyn Write {
        match self {
            Self::Terminal(out) => out,
            Self::Reader(out) => out,
        }
    }
}

impl Write for Data {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.0.writer().write(buffer).inspect_err(notice)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.writer().flush().inspect_err(notice)
    }
}

fn notice(error: &io::Error) {
    if error.kind() == io::ErrorKind::BrokenPipe {
        READER_HAS_GONE.store(true, Ordering::Relaxed);
    } else {
        DATA_WAS_LOST.store(true, Ordering::Relaxed);
    }
}

/// Stdout for data of any length.
pub(super) fn data() -> io::BufWriter<Data> {
    let out = io::stdout();
    let to = if out.is_terminal() { To::Terminal(Printable::new(out)) } else { To::Reader(out) };
    io::BufWriter::with_capacity(1 << 16, Data(to))
}

/// Prints data, all or nothing. A failure is reported; [`data_was_lost`] remembers it.
pub(super) fn print(text: &str) {
    let mut out = data();
    let done = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    if let Err(error) = done
        && !reader_has_gone()
    {
        say(&format!("error: cannot write to stdout: {error}"));
    }
}

/// Prints what a command found: one JSON object, or a text for people and then the files that were
/// written.
pub(super) fn found(
    json: Option<impl std::fmt::Display>,
    text: impl FnOnce() -> String,
    files: impl IntoIterator<Item = PathBuf>,
) -> anyhow::Result<()> {
    found_first(json, text, || Ok(files.into_iter().collect()))
}

/// The same before anything is written: what took long to find is not lost when a disk is full or
/// the reader has gone. `write` gives the files that it has written.
pub(super) fn found_first(
    json: Option<impl std::fmt::Display>,
    text: impl FnOnce() -> String,
    write: impl FnOnce() -> anyhow::Result<Vec<PathBuf>>,
) -> anyhow::Result<()> {
    let mut out = data();
    let is_text = json.is_none();
    let said = match json {
        Some(object) => writeln!(out, "{object}"),
        None => out.write_all(text().as_bytes()),
    };
    let said = said.and_then(|()| out.flush());
    let files = write()?;
    said?;
    for file in files.iter().filter(|_| is_text) {
        writeln!(out, "{}", file.display())?;
    }
    Ok(out.flush()?)
}

/// Whether something that was to be printed could not be, although somebody may want it.
pub(super) fn data_was_lost() -> bool {
    DATA_WAS_LOST.load(Ordering::Relaxed)
}

/// Whether whoever read stdout has seen enough.
pub(super) fn reader_has_gone() -> bool {
    READER_HAS_GONE.load(Ordering::Relaxed)
}

/// Says something to the person, on stderr. If even that is closed there is nobody left to inform.
/// A line may quote a title, a file's name or what a tool printed: what a terminal would obey in it
/// is spelled.
pub(super) fn say(line: &str) {
    let _ = writeln!(io::stderr(), "{}", printable(line.trim_end()));
}

/// Reports what is wrong with files, on stderr, in our own colours.
pub(super) fn report(mistakes: &Mistakes) {
    let _ = writeln!(io::stderr(), "{}", mistakes.render(colour()).trim_end());
}

/// Whether messages may be coloured: on a terminal, unless `NO_COLOR` is set and not empty.
fn colour() -> bool {
    io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}
