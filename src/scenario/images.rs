//! What a checkpoint holds of a node's state: all of it or increments, compressed or not.

use crate::scenario::course::Unread;
use crate::scenario::job::{Checkpoint, Cost};
use crate::scenario::machine::read;
use crate::scenario::mistakes::{Mistake, Mistakes};
use crate::scenario::section::Section;
use crate::units::ByteRate;

/// Increments between full checkpoints.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Incremental {
    /// Share of the state that changes between two checkpoints, and that an increment holds.
    pub share: f64,
    /// Of the committed checkpoints every so manieth is full: k.
    pub full_every: u32,
}

/// Compression of what is written, by each node for itself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Compression {
    /// Data becomes so many times less: q.
    pub ratio: f64,
    /// Rate at which a node compresses, before its transfer begins (of the data as it was).
    pub compress: ByteRate,
    /// Rate at which a node decompresses what it has read back (of the data as it was).
    pub decompress: ByteRate,
}

/// The increments of a checkpoint's table, if it has any.
pub(super) fn incremental(
    section: &Section<'_>,
    m: &mut Mistakes,
) -> Result<Option<Incremental>, Unread> {
    let table = section.section("incremental");
    if !table.exists() {
        return if section.has("incremental") { Err(Unread) } else { Ok(None) };
    }
    let own = read!(Incremental {
        share: table.share("share", m),
        full_every: table.get("full_every", m),
    });
    own.map(Some).ok_or(Unread)
}

/// The compression of a checkpoint's table, if it has any.
pub(super) fn compression(
    section: &Section<'_>,
    m: &mut Mistakes,
) -> Result<Option<Compression>, Unread> {
    let table = section.section("compression");
    if !table.exists() {
        return if section.has("compression") { Err(Unread) } else { Ok(None) };
    }
    let own = read!(Compression {
        ratio: table.get("ratio", m),
        compress: table.get("compress", m),
        decompress: table.get("decompress", m),
    });
    own.map(Some).ok_or(Unread)
}

/// Notes compression where nothing is moved that has a size.
pub(super) fn check(section: &Section<'_>, wish: &Checkpoint, m: &mut Mistakes) {
    let is_fixed = |level| matches!(wish.cost(level), Cost::Fixed { .. });
    if wish.compression().is_some() && (0..wish.levels()).any(is_fixed) {
        let title = "`compression` of checkpoints with `cost`";
        let mistake = Mistake::new(section.place("compression"), title);
        m.note(mistake.help("fixed spans are what they are: give `size` and `to` instead"));
    }
}

/// Both as keys and values.
pub(super) fn lines(
    incremental: Option<Incremental>,
    compression: Option<Compression>,
) -> impl Iterator<Item = (&'static str, String)> {
    let increments = incremental.map(|Incremental { share, full_every }| {
        ("incremental", format!("{{ share = {share:?}, full_every = {full_every} }}"))
    });
    let packed = compression.map(|Compression { ratio, compress, decompress }| {
        let rates = format!("compress = \"{compress}\", decompress = \"{decompress}\"");
        ("compression", format!("{{ ratio = {ratio:?}, {rates} }}"))
    });
    increments.into_iter().chain(packed)
}
