//! The file of a trace: read, hashed, and unpacked if it is compressed with xz.

use std::fmt::Write as _;
use std::io::Read as _;
use std::path::Path;

use sha2::{Digest, Sha256};

use super::TraceError;

/// No trace is larger when unpacked (bytes). That of Grid'5000, the largest known, has 55 MB.
const SIZE_MAX: u64 = 1 << 30;
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
    let bytes = std::fs::read(path).map_err(|error| unreadable(error.to_string()))?;
    let sha256 = Sha256::digest(&bytes).iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    });
    let text = if bytes.starts_with(&XZ) {
        let mut text = Vec::new();
        let xz = lzma_rust2::XzReader::new(bytes.as_slice(), true);
        let read = xz.take(SIZE_MAX + 1).read_to_end(&mut text);
        read.map_err(|error| unreadable(format!("it cannot be unpacked: {error}")))?;
        text
    } else if bytes.starts_with(&GZIP) {
        return Err(unreadable("it is compressed with gzip; unpack it, or use xz".into()));
    } else {
        bytes
    };
    if text.len() as u64 > SIZE_MAX {
        return Err(unreadable("it has more than 1 GiB of text".into()));
    }
    let text = String::from_utf8(text)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
    Ok(Source { text, sha256 })
}
