//! What is tested: a controller with its fake, the truth about its nodes, and what may go wrong.

use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use rackstorm::drivers::power::Switches;
use rackstorm::event::Cause;
use rackstorm::fleet::ports::{Power, PowerState};
use rackstorm::ids::NodeId;
use rackstorm::inventory::{self, Inventory};
use tempfile::TempDir;
use tokio::task::LocalSet;

/// How something that goes wrong must end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ends {
    /// The driver copes with it.
    Well,
    /// The order fails, and says why.
    Failing,
}

/// Something that goes wrong, by its name.
pub(crate) struct Trick {
    pub(crate) name: &'static str,
    pub(crate) ends: Ends,
    /// Sets it on, or off again.
    pub(crate) set: Box<dyn Fn(bool)>,
}

/// A controller with the nodes n1 to n3 on its channels 1 to 3, all of them off.
pub(crate) struct Subject {
    pub(crate) folder: Rc<TempDir>,
    /// Its tables `[[power.KIND]]`, whose name is `bus`.
    pub(crate) table: String,
    pub(crate) is_on: Box<dyn Fn(u32) -> bool>,
    pub(crate) tricks: Vec<Trick>,
    /// Whether it is as it should be when nobody uses it: free, and never used twice at once.
    pub(crate) is_well: Box<dyn Fn() -> bool>,
}

impl Subject {
    /// Its inventory, with n4 that is protected.
    pub(crate) fn inventory(&self) -> Inventory {
        let text = format!(
            "[[node]]\nnames = \"n[1-4]\"\npower = \"bus\"\nchannel = \"[1-4]\"\n\
             address = \"10.0.0.[1-4]\"\n\
             [limits]\nprotected = \"n4\"\ndown_at_once = 4\ncycles_per_hour = 60\n{}",
            self.table
        );
        read(&text, self.folder.path())
    }
}

pub(crate) fn read(text: &str, folder: &Path) -> Inventory {
    let read = inventory::read("rack", text, folder);
    read.unwrap_or_else(|mistakes| panic!("{mistakes}\n{text}"))
}

/// Runs on one thread with I/O and local tasks, as the stages do.
pub(crate) fn on_one_thread<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    LocalSet::new().block_on(&runtime.expect("a runtime"), work)
}

/// A file of a folder.
pub(crate) fn file(folder: &TempDir, name: &str) -> PathBuf {
    folder.path().join(name)
}

/// The switches of a rack, by the numbers in the names of its nodes.
pub(crate) struct Actuators(pub(crate) Switches);

impl Actuators {
    pub(crate) async fn on(&self, node: u32) -> io::Result<()> {
        self.0.on(NodeId(node - 1)).await
    }

    pub(crate) async fn off(&self, node: u32) -> io::Result<()> {
        self.0.off(NodeId(node - 1), Cause::Course).await
    }

    pub(crate) async fn state(&self, node: u32) -> io::Result<PowerState> {
        self.0.state(NodeId(node - 1)).await
    }
}

/// Waits until something is so; a test that waits in vain fails.
pub(crate) async fn until(what: &str, is_so: impl Fn() -> bool) {
    for _ in 0..2_000 {
        if is_so() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("in vain: {what}");
}
