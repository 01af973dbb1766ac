//! Flips of bits in the memory of the job's ranks.
//!
//! They come as a message of their own, because the controller counts them for the truth; the
//! agent's job carries them out. Not modelled: memory of other processes.

use std::io;

use super::{Act, Family, Place};
use crate::fleet::doors::Deed;
use crate::fleet::means::Capability;

/// The memory of the ranks.
pub(super) struct Memory;

impl Family for Memory {
    fn can(&self, _place: &Place) -> Vec<(Capability, Result<(), String>)> {
        vec![(Capability::Flip, Ok(()))]
    }

    fn plan(&self, _deed: &Deed, _place: &Place) -> io::Result<Option<Act>> {
        Ok(None)
    }
}
