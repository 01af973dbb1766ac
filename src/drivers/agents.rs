//! Agents of this program as processes of this machine: what a node is as long as it has power.

use std::cell::RefCell;
use std::fs::File;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::rc::Rc;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};

use super::scratch::Scratch;
use super::store::StorePlace;
use super::tls::name_of;
use crate::fleet::ports::Address;
use crate::ids::{Life, NodeId};
use crate::units::Span;

/// How agents are started.
#[derive(Debug)]
pub struct Start {
    /// This program.
    pub program: PathBuf,
    /// The controller.
    pub controller: Address,
    /// Where it takes heartbeats.
    pub heartbeats: Address,
    /// Where checkpoints are kept.
    pub store: StorePlace,
    /// Whether they only claim to do what harms the machine.
    pub harmless: bool,
    /// Certificates, and what they say.
    pub scratch: Rc<Scratch>,
}

/// What became of an agent that nobody ended.
#[derive(Clone, Copy, Debug)]
pub enum Fate {
    /// It was stopped.
    Stopped,
    /// It ended.
    Ended(ExitStatus),
}

/// The agents, by their nodes. None outlives this value.
#[derive(Debug)]
pub struct Agents {
    start: Start,
    each: RefCell<Vec<Option<Child>>>,
}

impl Agents {
    /// Of so many nodes, none of which has power.
    #[must_use]
    pub fn new(start: Start, nodes: usize) -> Self {
        Self { start, each: RefCell::new((0..nodes).map(|_| None).collect()) }
    }

    /// Starts the agent of a node, in place of one that may be there.
    ///
    /// # Errors
    /// When the system starts no process.
    pub fn start(&self, node: NodeId, life: Life, heartbeat: Span) -> io::Result<()> {
        self.end(node);
        let process = self.spawn(node, life, heartbeat)?;
        self.each.borrow_mut()[node.0 as usize] = Some(process);
        Ok(())
    }

    fn spawn(&self, node: NodeId, life: Life, heartbeat: Span) -> io::Result<Child> {
        let Start { program, controller, heartbeats, store, harmless, scratch } = &self.start;
        let said = File::options().create(true).append(true).open(scratch.said(&name_of(node)))?;
        let address = |to: &Address| format!("{}:{}", to.host, to.port);
        let mut command = Command::new(program);
        command
            .args([
                "agent",
                "--controller",
                &address(controller),
                "--heartbeats",
                &address(heartbeats),
            ])
            .args(["--node", &(u64::from(node.0) + 1).to_string(), "--life", &life.0.to_string()])
            .args(["--heartbeat", &format!("{} ns", heartbeat.0)])
            .args(["--parent", &std::process::id().to_string()])
            .arg("--certificates")
            .arg(scratch.certificates());
        match store {
            StorePlace::Folder { path, .. } => command.arg("--store").arg(path),
            StorePlace::Server { at, cards } => {
                let server = format!("tcp://{}", address(at));
                command.arg("--store").arg(server).arg("--cards").arg(cards)
            }
        };
        if *harmless {
            command.arg("--harmless");
        }
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(said)
            // Ctrl-C in the terminal is the controller's to act on.
            .process_group(0)
            .spawn()
    }

    /// Ends the agent of a node, if there is one, stopped or not.
    pub fn end(&self, node: NodeId) {
        if let Some(mut process) = self.each.borrow_mut()[node.0 as usize].take() {
            // It may have ended by itself meanwhile.
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    /// Stops the agent of a node, so that it is silent. Whether there was one.
    ///
    /// # Errors
    /// When it takes no signal.
    pub fn stop(&self, node: NodeId) -> io::Result<bool> {
        let each = self.each.borrow();
        let Some(process) = &each[node.0 as usize] else { return Ok(false) };
        kill_process(Pid::from_child(process), Signal::STOP)?;
        Ok(true)
    }

    /// What became of agents since this was asked last. Those that have ended are forgotten.
    pub fn look(&self) -> Vec<(NodeId, Fate)> {
        let mut fates = Vec::new();
        for (node, slot) in (0..).map(NodeId).zip(self.each.borrow_mut().iter_mut()) {
            if slot.as_ref().is_some_and(has_stopped) {
                fates.push((node, Fate::Stopped));
            }
            if let Some(Ok(Some(status))) = slot.as_mut().map(Child::try_wait) {
                *slot = None;
                fates.push((node, Fate::Ended(status)));
            }
        }
        fates
    }

    /// The last thing that the agent of a node said.
    #[must_use]
    pub fn last_words(&self, node: NodeId) -> String {
        self.start.scratch.last_words(&name_of(node))
    }
}

/// Whether a process was stopped since this was asked last.
fn has_stopped(process: &Child) -> bool {
    let options = WaitIdOptions::STOPPED | WaitIdOptions::NOHANG;
    matches!(waitid(WaitId::Pid(Pid::from_child(process)), options), Ok(Some(_)))
}

impl Drop for Agents {
    fn drop(&mut self) {
        let nodes = self.each.borrow().len() as u32;
        (0..nodes).map(NodeId).for_each(|node| self.end(node));
    }
}
