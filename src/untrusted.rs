//! What nobody vouches for: files read within bounds, safe names of folders, text for a terminal.

use std::borrow::Cow;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;

/// Characters of a folder's name. File systems take 255 bytes (`NAME_MAX` of Linux and macOS).
const NAME_MAX: usize = 200;

/// Who named a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NamedBy {
    /// A person, on the command line: it may be a pipe too, such as `/dev/stdin`.
    Person,
    /// Another file, which somebody else may have written: it must be a regular file, and none of
    /// those that the kernel makes up while they are read.
    File,
}

/// Why a file is not read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It is not there.
    #[error("there is no such file")]
    Missing,
    /// It is a directory.
    #[error("this is a directory")]
    Directory,
    /// It has no end, or it is not known when that comes.
    #[error("this is {0}, not a regular file")]
    Special(&'static str),
    /// It is larger than anything that is meant here.
    #[error("the file has more than {} MB", bytes_max / 1_000_000)]
    TooLarge {
        /// Bytes that would have been read.
        bytes_max: u64,
        /// Its size, where that is known (bytes).
        size: Option<u64>,
    },
    /// The system refuses.
    #[error("the file cannot be read: {0}")]
    System(#[from] io::Error),
}

/// Reads a file of at most `bytes_max` bytes, whatever its size is said to be.
///
/// # Errors
/// When it cannot be read, is larger, or is no file to be read to its end.
pub fn read(path: &Path, named_by: NamedBy, bytes_max: u64) -> Result<Vec<u8>, ReadError> {
    // Looked at before it is opened: opening a pipe waits for its writer.
    let about = about(path, named_by)?;
    if about.is_file() && about.len() > bytes_max {
        return Err(ReadError::TooLarge { bytes_max, size: Some(about.len()) });
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(bytes_max + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > bytes_max {
        return Err(ReadError::TooLarge { bytes_max, size: None });
    }
    Ok(bytes)
}

/// Refuses what no file may name: [`NamedBy::File`].
///
/// # Errors
/// When it is not a regular file.
pub fn demand_regular(path: &Path) -> Result<(), ReadError> {
    about(path, NamedBy::File).map(drop)
}

/// What is there, if it may be read.
fn about(path: &Path, named_by: NamedBy) -> Result<fs::Metadata, ReadError> {
    let about = fs::metadata(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => ReadError::Missing,
        _ => ReadError::System(error),
    })?;
    if about.is_dir() {
        return Err(ReadError::Directory);
    }
    if !about.is_file() {
        let what = special(&about);
        let may_be = named_by == NamedBy::Person && what == PIPE;
        return if may_be { Ok(about) } else { Err(ReadError::Special(what)) };
    }
    if named_by == NamedBy::File && is_of_the_kernel(path)? {
        return Err(ReadError::Special("a file of the kernel's"));
    }
    Ok(about)
}

const PIPE: &str = "a pipe";

#[cfg(unix)]
fn special(about: &fs::Metadata) -> &'static str {
    use std::os::unix::fs::FileTypeExt;
    let kind = about.file_type();
    if kind.is_fifo() {
        PIPE
    } else if kind.is_socket() {
        "a socket"
    } else {
        "a device"
    }
}

#[cfg(not(unix))]
fn special(_: &fs::Metadata) -> &'static str {
    "something else"
}

/// Whether a path leads to what Linux makes up: such files say that they are regular and empty.
fn is_of_the_kernel(path: &Path) -> io::Result<bool> {
    let path = path.canonicalize()?;
    Ok(["/proc", "/sys"].iter().any(|folder| path.starts_with(folder)))
}

/// The name of a folder for what is called so: letters, digits, `-`, `_` and `.`, with no `.` at
/// its start, since `..` leads out of where the folder belongs.
#[must_use]
pub fn folder_name(text: &str) -> String {
    let plain = |c| if is_plain(c) { c } else { '-' };
    let mut name: String = text.chars().take(NAME_MAX).map(plain).collect();
    if name.is_empty() || name.starts_with('.') {
        name.replace_range(..name.len().min(1), "_");
    }
    name
}

/// Whether a text is the name of a folder as it stands.
#[must_use]
pub fn is_folder_name(text: &str) -> bool {
    folder_name(text) == text
}

fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-_.".contains(c)
}

/// A text without what a terminal obeys: control characters are spelled, as `\x1b`, and so are
/// those that turn the direction of writing. Line ends and tabs stay.
#[must_use]
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_obeyed) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '\r' if characters.peek() == Some(&'\n') => {}
            _ if is_obeyed(c) => spell(c, &mut out),
            _ => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// The same on one line: line ends and tabs are spelled too.
#[must_use]
pub fn on_one_line(text: &str) -> Cow<'_, str> {
    let bad = |c| c == '\n' || c == '\t' || is_obeyed(c);
    if !text.chars().any(bad) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if bad(c) {
            spell(c, &mut out);
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

/// Controls (Unicode's category Cc, of which terminals also obey the 8-bit half), and the marks
/// and overrides of Unicode's bidirectional algorithm (UAX 9).
fn is_obeyed(c: char) -> bool {
    let turns = matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}')
        || matches!(c, '\u{2066}'..='\u{2069}');
    turns || (c.is_control() && c != '\n' && c != '\t')
}

fn spell(c: char, out: &mut String) {
    match c {
        '\n' => out.push_str("\\n"),
        '\t' => out.push_str("\\t"),
        '\r' => out.push_str("\\r"),
        c if c.is_ascii() => spell_byte(c as u8, out),
        c => out.extend(c.escape_unicode()),
    }
}

fn spell_byte(byte: u8, out: &mut String) {
    out.extend(std::ascii::escape_default(byte).map(char::from));
}

/// Passes text on as [`printable`] makes it, in whatever pieces it comes; bytes that are no UTF-8
/// are spelled too.
#[derive(Debug)]
pub struct Printable<W> {
    to: W,
    /// The beginning of a character whose end has not come yet.
    begun: Vec<u8>,
}

impl<W: Write> Printable<W> {
    /// Passes on to `to`.
    pub fn new(to: W) -> Self {
        Self { to, begun: Vec::new() }
    }
}

impl<W: Write> Write for Printable<W> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let bytes = [std::mem::take(&mut self.begun).as_slice(), buffer].concat();
        let mut text = String::with_capacity(bytes.len());
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            match str::from_utf8(rest) {
                Ok(all) => {
                    text += &printable(all);
                    rest = &[];
                }
                Err(error) => {
                    let (good, bad) = rest.split_at(error.valid_up_to());
                    text += &printable(&String::from_utf8_lossy(good));
                    let Some(length) = error.error_len() else {
                        self.begun = bad.to_vec();
                        break;
                    };
                    bad[..length].iter().for_each(|byte| spell_byte(*byte, &mut text));
                    rest = &bad[length..];
                }
            }
        }
        self.to.write_all(text.as_bytes())?;
        Ok(buffer.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn complaint(path: &Path, named_by: NamedBy) -> String {
        read(path, named_by, 1_000_000).expect_err("not to be read").to_string()
    }

    #[test]
    fn a_file_is_read_up_to_its_bound() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a");
        fs::write(&path, "twelve bytes").expect("a disk");
        assert_eq!(read(&path, NamedBy::File, 12).expect("a file"), b"twelve bytes");
        let large = read(&path, NamedBy::File, 11).expect_err("too large");
        assert!(matches!(large, ReadError::TooLarge { bytes_max: 11, size: Some(12) }), "{large}");
        assert_eq!(complaint(folder.path(), NamedBy::Person), "this is a directory");
        assert_eq!(complaint(&folder.path().join("b"), NamedBy::File), "there is no such file");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn what_has_no_end_is_no_file() {
        for named_by in [NamedBy::Person, NamedBy::File] {
            let zero = complaint(Path::new("/dev/zero"), named_by);
            assert_eq!(zero, "this is a device, not a regular file");
        }
        let reported = complaint(Path::new("/proc/self/maps"), NamedBy::File);
        assert_eq!(reported, "this is a file of the kernel's, not a regular file");
        // A detour through another folder changes nothing.
        let folder = tempfile::tempdir().expect("a folder");
        let link = folder.path().join("link.toml");
        std::os::unix::fs::symlink("/proc/self/maps", &link).expect("a link");
        assert_eq!(complaint(&link, NamedBy::File), reported);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_pipe_is_read_for_a_person_only_and_only_to_its_bound() {
        let (reader, mut writer) = io::pipe().expect("a pipe");
        let path = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&reader));
        let path = Path::new(&path);
        assert_eq!(complaint(path, NamedBy::File), "this is a pipe, not a regular file");
        // The writer never ends; the reader does.
        writer.write_all(&[b'x'; 4_096]).expect("a pipe holds a page");
        let large = read(path, NamedBy::Person, 100).expect_err("too large");
        assert!(matches!(large, ReadError::TooLarge { bytes_max: 100, size: None }), "{large}");
    }

    #[test]
    fn no_name_leads_out_of_its_folder() {
        let made = ["..", ".", "", "../../etc", ".hidden", "a b", "month.2", "Grüße", "-x"];
        let names = made.map(folder_name);
        let wanted = ["_.", "_", "_", "_.-..-etc", "_hidden", "a-b", "month.2", "Gr--e", "-x"];
        assert_eq!(names, wanted);
        assert!(names.iter().all(|name| is_folder_name(name)));
        assert_eq!(folder_name(&"x".repeat(5_000)).len(), NAME_MAX);
    }

    #[test]
    fn what_a_terminal_obeys_is_spelled() {
        // Clear the screen; set the title of the window; the same as one 8-bit control; turn the
        // direction of writing.
        let text = "a\x1b[2J\tb\r\nc\x07\u{9b}31m\u{202e}\x7f";
        let spelled = "a\\x1b[2J\tb\nc\\x07\\u{9b}31m\\u{202e}\\x7f";
        assert_eq!(printable(text), spelled);
        assert_eq!(on_one_line("a\nb\r\tc\x1b"), "a\\nb\\r\\tc\\x1b");
        assert!(matches!(printable("5 µs – “so”\n"), Cow::Borrowed(_)));
    }

    #[test]
    fn bytes_that_are_no_text_are_spelled_and_a_character_may_come_in_pieces() {
        let mut out = Printable::new(Vec::new());
        let text = "µ\u{9b}–".as_bytes();
        for piece in [&text[..1], &text[1..3], &text[3..5], &text[5..], b"\xff\x1b.\xc2"] {
            out.write_all(piece).expect("memory");
        }
        assert_eq!(String::from_utf8(out.to).expect("text"), "µ\\u{9b}–\\xff\\x1b.");
    }

    proptest! {
        #[test]
        fn text_in_pieces_comes_out_as_in_one(text in ".{0,40}", cut in 0_usize..120) {
            let cut = cut.min(text.len());
            let mut out = Printable::new(Vec::new());
            out.write_all(&text.as_bytes()[..cut]).expect("memory");
            out.write_all(&text.as_bytes()[cut..]).expect("memory");
            prop_assert_eq!(String::from_utf8(out.to).expect("text"), printable(&text));
        }
    }
}
