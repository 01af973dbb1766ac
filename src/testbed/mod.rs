//! A rack in a box: nodes as network namespaces of one machine, with switches, links and power.
//!
//! ```text
//!  rackstorm testbed up ----> namespaces, bridges, tbf         (BOX-net, BOX-server, BOX-pi1 ...)
//!                       ----> hardware, a process in BOX-server: the bus of the blades on a
//!                             pseudo-terminal; on and off start and kill a node's agent
//!  FOLDER/rack.toml     what a real rack's inventory says; all above it is a real rack's code
//! ```
//!
//! It needs root, or a user namespace in which it is root, and the tools `ip` and `tc`.

pub mod spec;

mod hardware;
mod inventory_file;
mod network;
mod rights;
mod shell;

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::runtime::{Builder, Runtime};
use tokio::time::{Instant, sleep};

pub use hardware::{PORTS, STORE_PORT, TestbedHardware, boot, serve};
pub use rights::{clear_probes, missing};
use spec::TestbedSpec;

use crate::drivers::authority::Authority;

/// Certificates of a box: longer than it stands.
const DAYS: u32 = 365;
/// How long the hardware may take to open its bus, and a process to end (assumption: seconds on a
/// machine that is very busy).
const PATIENCE: Duration = Duration::from_secs(20);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(20);

/// The file by which a folder is known to be a box's; the name of the box stands in it.
const MARK: &str = "rackstorm-box";

/// What a box leaves on disk while it stands.
#[derive(Clone, Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// The folder of a box, below that of all boxes.
    #[must_use]
    pub fn of(boxes: &Path, name: &str) -> Self {
        Self(boxes.join(name))
    }

    /// This folder.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self(path)
    }

    /// The inventory.
    #[must_use]
    pub fn inventory(&self) -> PathBuf {
        self.0.join("rack.toml")
    }

    /// Certificates and keys.
    #[must_use]
    pub fn certificates(&self) -> PathBuf {
        self.0.join("certificates")
    }

    /// The file server's files, and the nodes' cards.
    #[must_use]
    pub fn store(&self) -> PathBuf {
        self.0.join("store")
    }

    /// The device of the bus, once the hardware has opened it.
    fn bus(&self) -> PathBuf {
        self.0.join("bus")
    }

    /// Makes it, with its mark. An empty one may be there, which a killed `up` left.
    fn create(&self, name: &str) -> io::Result<()> {
        if self.0.exists() {
            fs::remove_dir(&self.0)?;
        }
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.0)?;
        fs::write(self.0.join(MARK), format!("{name}\n"))
    }

    /// Whether something is there, which then bears the mark of this box.
    ///
    /// # Errors
    /// When it does not.
    fn demand_mark(&self, name: &str) -> io::Result<bool> {
        let Ok(facts) = fs::symlink_metadata(&self.0) else { return Ok(false) };
        let mark = fs::read_to_string(self.0.join(MARK)).unwrap_or_default();
        if facts.is_dir() && mark.trim_end() == name {
            return Ok(true);
        }
        let text = format!(
            "{} is no box `{name}`: no file `{MARK}` in it says so; nothing was removed",
            self.0.display()
        );
        Err(io::Error::new(io::ErrorKind::InvalidInput, text))
    }

    /// Removes it, and its mark last.
    fn remove(&self) -> io::Result<()> {
        for entry in fs::read_dir(&self.0)? {
            let entry = entry?;
            if entry.file_name() != MARK {
                let (path, is_folder) = (entry.path(), entry.file_type()?.is_dir());
                if is_folder { fs::remove_dir_all(path)? } else { fs::remove_file(path)? }
            }
        }
        fs::remove_dir_all(&self.0)
    }

    /// What a program of the box said.
    fn said(&self, who: &str) -> PathBuf {
        self.0.join(format!("{who}.log"))
    }
}

/// Builds a box and starts its hardware; all nodes are off. If something fails, what was built is
/// removed.
///
/// # Errors
/// When a box of this name stands already, and when something could not be done.
pub fn up(spec: &TestbedSpec, folder: &Folder, program: &Path) -> io::Result<()> {
    let is_used = fs::read_dir(&folder.0).is_ok_and(|mut entries| entries.next().is_some());
    if is_used {
        folder.demand_mark(&spec.name)?;
    }
    if is_used || !network::namespaces(&spec.name)?.is_empty() {
        let text = format!("a box `{}` stands; `rackstorm testbed down` removes it", spec.name);
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, text));
    }
    let built = runtime()?.block_on(build(spec, folder, program));
    if built.is_err() {
        // The first mistake says more than what may go wrong while it is cleared away.
        let _ = down(&spec.name, folder);
    }
    built
}

fn runtime() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}

async fn build(spec: &TestbedSpec, folder: &Folder, program: &Path) -> io::Result<()> {
    folder.create(&spec.name)?;
    fs::create_dir(folder.store())?;
    let (authority, _) = Authority::open(&folder.certificates())?;
    authority.enrol_controller(&[spec::SERVER.to_string()], DAYS)?;
    for node in spec.all() {
        authority.enrol_nodes(&[node], &[spec::address(node).to_string()], DAYS)?;
    }
    fs::write(folder.inventory(), inventory_file::inventory(spec, folder))?;
    network::build(spec)?;
    let mut hardware = start_hardware(spec, folder, program)?;
    let until = Instant::now() + PATIENCE;
    while !folder.bus().exists() {
        if Instant::now() > until || hardware.try_wait()?.is_some() {
            let said = fs::read_to_string(folder.said("testbed-hardware")).unwrap_or_default();
            let said = said.lines().last().unwrap_or("it said nothing").to_owned();
            return Err(io::Error::other(format!("the hardware of the box did not start: {said}")));
        }
        sleep(LOOK).await;
    }
    Ok(())
}

fn start_hardware(spec: &TestbedSpec, folder: &Folder, program: &Path) -> io::Result<Child> {
    let said = fs::File::create(folder.said("testbed-hardware"))?;
    Command::new("ip")
        .args(["netns", "exec", &spec.server()])
        .arg(program)
        .args(["testbed-hardware", "--name", &spec.name, "--nodes", &spec.nodes.to_string()])
        .args(["--node-link", &format!("{} bit/s", spec.node_link.0)])
        .args([
            "--image",
            &format!("{} B", spec.image.0),
            "--heartbeat",
            &format!("{} ns", spec.heartbeat.0),
        ])
        .arg("--folder")
        .arg(&folder.0)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(said)
        // It outlives this command, and Ctrl-C in its terminal.
        .process_group(0)
        .spawn()
}

/// Removes a box: its processes, its namespaces and its folder, as much of it as there is. Returns
/// how many namespaces went.
///
/// # Errors
/// When the name is none or the folder is no box's, and nothing is touched then; when something of
/// it cannot be removed.
pub fn down(name: &str, folder: &Folder) -> io::Result<usize> {
    let no_name = |mistake| io::Error::new(io::ErrorKind::InvalidInput, mistake);
    spec::name(name).map_err(no_name)?;
    let is_there = folder.demand_mark(name)?;
    let spaces = network::namespaces(name)?;
    runtime()?.block_on(end_all(&spaces))?;
    let gone = network::clear(name)?;
    if is_there {
        folder.remove()?;
    }
    Ok(gone)
}

/// Ends all processes in some namespaces: those that do not leave when they are asked are killed.
async fn end_all(spaces: &[String]) -> io::Result<()> {
    let mut left = Vec::new();
    for signal in [Signal::TERM, Signal::KILL] {
        let until = Instant::now() + PATIENCE / 4;
        loop {
            left.clear();
            for space in spaces {
                left.extend(network::processes(space)?);
            }
            for process in left.iter().filter_map(|&pid| Pid::from_raw(pid.try_into().ok()?)) {
                // One that has ended meanwhile is what is wanted.
                let _ = kill_process(process, signal);
            }
            if left.is_empty() || Instant::now() > until {
                break;
            }
            sleep(LOOK).await;
        }
    }
    if !left.is_empty() {
        return Err(io::Error::other(format!("processes {left:?} of the box do not end")));
    }
    Ok(())
}
