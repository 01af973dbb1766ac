//! The hardware of a rack in a box: its bus, the processes of its nodes, and their boot server.
//!
//! A node with power fetches its boot image over its link, and is its agent from then on. Its log
//! of what it sent is written as dnsmasq writes it.

use std::cell::RefCell;
use std::fs::File;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::rc::Rc;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::{LocalSet, spawn_local};
use tokio::time::{sleep, timeout};

use super::inventory_file::channel;
use super::{Folder, network};
use crate::drivers::power::fakes::bitscope::Bus;
use crate::drivers::power::fakes::pty::Pty;
use crate::drivers::tls::name_of;
use crate::ids::NodeId;
use crate::units::{BitRate, Bytes, Span};

/// Where controllers listen, and where they take heartbeats.
pub const PORTS: (u16, u16) = (7_000, 7_001);
/// Where the controller's own store listens.
pub const STORE_PORT: u16 = 7_003;
/// Where nodes fetch their boot image.
const BOOT_PORT: u16 = 7_002;
/// Between two looks whether processes have ended.
const LOOK: Duration = Duration::from_millis(50);
/// A node that gets nothing for so long begins its boot anew.
const SILENCE: Duration = Duration::from_secs(10);
/// Written at once.
const PIECE: usize = 64 * 1024;

/// What the hardware has to know.
#[derive(Clone, Debug)]
pub struct TestbedHardware {
    /// The box.
    pub name: String,
    /// Its nodes.
    pub nodes: u32,
    /// The size of a boot image.
    pub image: Bytes,
    /// Rate of a node's link.
    pub node_link: BitRate,
    /// Time between two heartbeats of an agent.
    pub heartbeat: Span,
    /// Its folder.
    pub folder: PathBuf,
    /// This program.
    pub program: PathBuf,
}

/// The processes of the nodes, by their position.
struct Nodes {
    hardware: TestbedHardware,
    each: RefCell<Vec<Option<Child>>>,
    /// Tools that clear up after nodes whose power was cut.
    clearing: RefCell<Vec<Child>>,
}

impl Nodes {
    /// Power comes to a node, or goes.
    fn switch(&self, address: u32, on: bool) {
        let Some(position) = address.checked_sub(channel(NodeId(0))) else { return };
        let Some(slot) = self.each.borrow_mut().get_mut(position as usize).map(Option::take) else {
            return;
        };
        if slot.is_some() {
            end(slot);
            self.clear(NodeId(position));
        }
        if !on {
            return;
        }
        match self.start(NodeId(position)) {
            Ok(child) => self.each.borrow_mut()[position as usize] = Some(child),
            Err(error) => say(&format!("{}: {error}", name_of(NodeId(position)))),
        }
    }

    /// What a kernel knew of rules and shapes is gone with its power: a namespace forgets nothing
    /// by itself.
    fn clear(&self, node: NodeId) {
        let space = format!("{}-pi{}", self.hardware.name, node.0 + 1);
        let shape = network::own_shape(self.hardware.node_link);
        let shape: Vec<&str> = shape.split_whitespace().collect();
        for (tool, arguments) in [("tc", &shape[..]), ("nft", &["flush", "ruleset"])] {
            let cleared = Command::new("ip")
                .args(["netns", "exec", &space, tool])
                .args(arguments)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn();
            // Where there is no nft there are no rules of it.
            self.clearing.borrow_mut().extend(cleared);
        }
    }

    fn start(&self, node: NodeId) -> io::Result<Child> {
        let folder = Folder(self.hardware.folder.clone());
        let said = File::options().create(true).append(true).open(folder.said(&name_of(node)))?;
        let name = &self.hardware.name;
        Command::new("ip")
            .args(["netns", "exec", &format!("{name}-pi{}", node.0 + 1)])
            .arg(&self.hardware.program)
            .args(["testbed-node", "--node", &(node.0 + 1).to_string()])
            .args(["--heartbeat", &format!("{} ns", self.hardware.heartbeat.0)])
            .args(["--parent", &std::process::id().to_string()])
            .arg("--folder")
            .arg(&self.hardware.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(said)
            .process_group(0)
            .spawn()
    }

    /// Clears away processes that ended by themselves.
    fn reap(&self) {
        self.clearing.borrow_mut().retain_mut(|child| matches!(child.try_wait(), Ok(None)));
        for slot in self.each.borrow_mut().iter_mut() {
            if slot.as_mut().is_some_and(|child| matches!(child.try_wait(), Ok(Some(_)))) {
                *slot = None;
            }
        }
    }
}

impl Drop for Nodes {
    fn drop(&mut self) {
        self.each.borrow_mut().iter_mut().for_each(|slot| end(slot.take()));
    }
}

/// Cuts a node's power: nothing that it started lives on.
fn end(process: Option<Child>) {
    if let Some(mut child) = process {
        // It may have ended by itself meanwhile.
        let _ = kill_process_group(Pid::from_child(&child), Signal::KILL);
        let _ = child.wait();
    }
}

/// Serves a box until SIGTERM.
///
/// # Errors
/// When the bus or the boot server cannot be opened.
pub fn serve(hardware: &TestbedHardware) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, async {
        let each = RefCell::new((0..hardware.nodes).map(|_| None).collect());
        let nodes =
            Rc::new(Nodes { hardware: hardware.clone(), each, clearing: RefCell::default() });
        let folder = Folder(hardware.folder.clone());
        let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, BOOT_PORT)).await?;
        spawn_local(serve_images(listener, hardware.image, folder.said("dnsmasq")));
        let pty = Pty::open()?;
        let switched = nodes.clone();
        let blades = u8::try_from(hardware.nodes + 1).map_err(io::Error::other)?;
        let bus = Bus::new(blades, Rc::new(move |address, on| switched.switch(address, on)));
        std::os::unix::fs::symlink(pty.path(), folder.bus())?;
        let mut served = std::pin::pin!(bus.serve(pty));
        let mut ended = signal(SignalKind::terminate())?;
        loop {
            tokio::select! {
                biased;
                _ = ended.recv() => return Ok(()),
                done = &mut served => return done,
                () = sleep(LOOK) => nodes.reap(),
            }
        }
    })
}

/// Gives each caller the boot image.
async fn serve_images(listener: TcpListener, image: Bytes, log: PathBuf) {
    let process = std::process::id();
    loop {
        let Ok((mut caller, from)) = listener.accept().await else {
            sleep(LOOK).await;
            continue;
        };
        let log = log.clone();
        spawn_local(async move {
            if give(&mut caller, image).await.is_ok() {
                let at = jiff::Timestamp::now().strftime("%b %e %H:%M:%S").to_string();
                let line = format!("{at} dnsmasq-tftp[{process}]: sent boot.img to {}", from.ip());
                let _ = append(&log, &line);
            }
        });
    }
}

async fn give(caller: &mut TcpStream, image: Bytes) -> io::Result<()> {
    caller.write_all(&image.0.to_be_bytes()).await?;
    let piece = vec![0; PIECE];
    let mut left = image.0;
    while left > 0 {
        let n = left.min(PIECE as u64);
        caller.write_all(&piece[..n as usize]).await?;
        left -= n;
    }
    // The last byte is there when the node says so.
    caller.read_exact(&mut [0]).await.map(drop)
}

fn append(file: &Path, line: &str) -> io::Result<()> {
    use std::io::Write;
    writeln!(File::options().create(true).append(true).open(file)?, "{line}")
}

/// Fetches the boot image of a node, however often it has to try.
///
/// # Errors
/// When there is no runtime.
pub fn boot(server: Ipv4Addr) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        while let Err(error) = fetch(SocketAddr::from((server, BOOT_PORT))).await {
            say(&format!("boot image: {error}"));
            sleep(LOOK).await;
        }
    });
    Ok(())
}

async fn fetch(server: SocketAddr) -> io::Result<()> {
    let silent = |_| io::Error::from(io::ErrorKind::TimedOut);
    let mut from = timeout(SILENCE, TcpStream::connect(server)).await.map_err(silent)??;
    let mut size = [0; 8];
    timeout(SILENCE, from.read_exact(&mut size)).await.map_err(silent)??;
    let (mut left, mut buffer) = (u64::from_be_bytes(size), vec![0; PIECE]);
    while left > 0 {
        let n = timeout(SILENCE, from.read(&mut buffer)).await.map_err(silent)??;
        if n == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        left = left.saturating_sub(n as u64);
    }
    from.write_all(&[1]).await
}

fn say(text: &str) {
    // The standard error of the hardware and its nodes is their log.
    let _ = std::io::Write::write_all(&mut io::stderr(), format!("{text}\n").as_bytes());
}
