//! Harms of an agent on its own node, really done in network namespaces, and undone in every way.

mod chief;
mod measured;
mod stand;
mod undone;
