//! Where data outlive a host: a folder, or a file server over the rack's own encrypted network.
//!
//! ```text
//!  agent ---- Folder ----> a mount of the file server's, a card, a disk
//!        ---- Remote ====> Server (in the controller's process) ----> Folder
//!                    the declared bytes travel, over links, uplinks and the server's own link
//! ```

mod folder;
mod place;
mod remote;
mod server;
mod wire;

pub use folder::{Folder, Moved};
pub use place::{Keeper, StorePlace};
pub use remote::{Failed, Remote};
pub use server::{OnTransfer, Server, Transfer};
