//! The language of files: documents, places, mistakes, layers, quantities, node sets and schema.
//!
//! It knows no key: what a file may hold is declared by the room whose file it is.

pub(crate) mod declare;
pub(crate) mod document;
pub(crate) mod files;
pub(crate) mod language;
pub(crate) mod layers;
pub(crate) mod layout;
pub(crate) mod measure;
pub(crate) mod mistakes;
pub(crate) mod nodeset;
pub(crate) mod reading;
pub(crate) mod schema;
pub(crate) mod section;
pub(crate) mod walk;
pub(crate) mod words;
pub(crate) mod writing;
