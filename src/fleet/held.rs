//! What an agent holds in its memory: images of its own seat, and of its buddies' for them.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// Images by name. A clone is the same memory; it is lost with the agent's process.
///
/// Not modelled: a limit. A neighbour that is not of the rack can fill it, as it can fill a card;
/// an image that nobody asked the agent to forget stays as long as its process.
#[derive(Clone, Debug, Default)]
pub(super) struct Held(Rc<RefCell<BTreeMap<String, Vec<u8>>>>);

impl Held {
    /// Holds a whole image under a name, in place of what was there.
    pub(super) fn put(&self, name: String, image: Vec<u8>) {
        self.0.borrow_mut().insert(name, image);
    }

    /// The image under a name.
    pub(super) fn get(&self, name: &str) -> Option<Vec<u8>> {
        self.0.borrow().get(name).cloned()
    }

    /// Forgets what is under a name, if anything.
    pub(super) fn forget(&self, name: &str) {
        self.0.borrow_mut().remove(name);
    }
}
