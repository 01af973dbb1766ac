//! The file of a trace: read, hashed, and unpacked if it is compressed with xz.

use std::fmt::Write as _;
use std::io::{ErrorKind, Read as _};
use std::path::Path;

use lzma_rust2::XzReader;
use sha2::{Digest, Sha256};

use super::TraceError;
use crate::untrusted::{self, NamedBy};

/// No trace is larger, packed or unpacked (bytes). That of Grid'5000, the largest known, has 55 MB.
const SIZE_MAX: u64 = 256_000_000;
/// Memory that unpacking may take (KiB): that of `xz -9`, whose dictionary has 64 MiB, and some.
/// A file can ask for 4 GiB.
const UNPACKING_MAX_KIB: u32 = 66 * 1024;
/// How an xz file begins (The .xz File Format 1.1.0, section 2.1.1.1).
const XZ: [u8; 6] = [0xFD, b'7', b'z', b'X', b'Z', 0];
/// How a gzip file begins (RFC 1952).
const GZIP: [u8; 2] = [0x1F, 0x8B];

/// A file of text.
pub(super) struct Source {
    /// Its text; bytes that are no UTF-8 became U+FFFD.
    pub(super) text: String,
    /// SHA-256 of the file as it lies on disk.
    pub(super) sha256: String,
}

/// Reads a file.
pub(super) fn open(path: &Path) -> Result<Source, TraceError> {
    let unreadable = |why: String| TraceError::Unreadable { path: path.to_owned(), why };
    let read = untrusted::read(path, NamedBy::Person, SIZE_MAX);
    let bytes = read.map_err(|error| unreadable(error.to_string()))?;
    let sha256 = Sha256::digest(&bytes).iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    });
    let text = if bytes.starts_with(&XZ) {
        let mut text = Vec::new();
        let xz = XzReader::new_mem_limit(bytes.as_slice(), true, UNPACKING_MAX_KIB);
        let read = xz.take(SIZE_MAX + 1).read_to_end(&mut text);
        read.map_err(|error| match error.kind() {
            ErrorKind::OutOfMemory => {
                let mebibytes = UNPACKING_MAX_KIB / 1024;
                unreadable(format!("unpacking it takes more than {mebibytes} MiB of memory"))
            }
            _ => unreadable(format!("it cannot be unpacked: {error}")),
        })?;
        text
    } else if bytes.starts_with(&GZIP) {
        return Err(unreadable("it is compressed with gzip; unpack it, or use xz".into()));
    } else {
        bytes
    };
    if text.len() as u64 > SIZE_MAX {
        let megabytes = SIZE_MAX / 1_000_000;
        return Err(unreadable(format!("unpacked it has more than {megabytes} MB")));
    }
    let text = String::from_utf8(text)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
    Ok(Source { text, sha256 })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `System` and a line end, made with `xz --check=crc32 -0`; then the size of the dictionary in
    /// the header of the block was set to 4 GiB, and its CRC32 made to fit.
    const GREEDY: &[u8] = b"\
        \xfd7zXZ\x00\x00\x01i\"\xde6\x02\x00!\
        \x01(\x00\x00\x00\xe6\xa0\x11\xb3\x01\x00\x06Sys\
        tem\x0a\x00\x00\xb6(\xc9\x87\x00\x01\x1b\x07\x12\
        \xeb\xd4\x17\x90B\x99\x0d\x01\x00\x00\x00\x00\x01YZ";

    #[test]
    fn a_file_that_asks_for_four_gigabytes_of_memory_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("greedy.csv.xz");
        std::fs::write(&file, GREEDY).expect("a disk");
        let reported = open(&file).err().expect("it is refused").to_string();
        assert!(reported.ends_with("unpacking it takes more than 66 MiB of memory"), "{reported}");
    }
}
