//! Programs that switch power, as far as their users see: their arguments, and what they print.
//!
//! ```text
//!  driver --starts--> script in a folder --exec--> rackstorm fake-tool SOCKET uhubctl -l 1-1 ...
//!                                                  | argv            ^ what it prints, its end
//!                                                  +----> Tools -----+
//! ```
//!
//! The script stands where the inventory names the program; all that it does is to ask here.
//!
//! Not modelled: a program that hangs, or that reports what is not so.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::io::{self, Read, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process;
use std::rc::Rc;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{self, UnixListener};
use tokio::task::spawn_local;

use super::Switched;
use crate::inventory::power::{ClusterCtrl, Command, Controller, SnmpPoe, Uhubctl};

/// Nobody gives a program so much (bytes).
const ARGV_MAX: u64 = 1 << 20;

/// What a program prints, and how it ends.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// Its exit code, which is not 0 if it fails.
    pub code: u8,
    /// On stdout.
    pub out: String,
    /// On stderr.
    pub err: String,
}

impl Said {
    fn well(out: impl Into<String>) -> Self {
        Self { out: out.into(), ..Self::default() }
    }

    fn wrong(err: impl Into<String>) -> Self {
        Self { code: 2, err: err.into(), ..Self::default() }
    }
}

struct Inside {
    kind: Controller,
    /// Each channel, and whether it is on.
    channels: Vec<(String, bool)>,
    switched: Switched,
}

/// Writes a script that can be started as soon as this returns.
///
/// Another process writes it: a file that is open for writing here would be so as well in whatever
/// another thread starts at that moment, until that is its own program, and the kernel starts no
/// file that anybody writes (`ETXTBSY`).
///
/// # Errors
/// When it cannot be written.
pub fn write_program(file: &Path, text: &str) -> io::Result<()> {
    let script = r#"printf %s "$2" > "$1" && chmod 700 "$1""#;
    let mut shell = process::Command::new("sh");
    let written = shell.args(["-c", script, "sh"]).arg(file).arg(text).output()?;
    if written.status.success() {
        return Ok(());
    }
    Err(io::Error::other(String::from_utf8_lossy(&written.stderr).trim().to_owned()))
}

/// The programs of one controller.
#[derive(Clone)]
pub struct Tools(Rc<RefCell<Inside>>);

impl Tools {
    /// The programs of a controller of a kind that calls some, with these channels, all on.
    /// `switched` is informed of each change, with the channel's position.
    #[must_use]
    pub fn new(kind: Controller, channels: &[String], switched: Switched) -> Self {
        let channels = channels.iter().map(|channel| (channel.clone(), true)).collect();
        Self(Rc::new(RefCell::new(Inside { kind, channels, switched })))
    }

    /// Puts the programs into a folder as scripts that ask at a socket there, by way of this
    /// program. Gives the kind as it calls them, and what is to be served.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn install(&self, folder: &Path, program: &Path) -> io::Result<(Controller, UnixListener)> {
        let socket = folder.join("socket");
        let listener = UnixListener::bind(&socket)?;
        let script = |name: &str| {
            let file = folder.join(name);
            let (program, socket) = (quoted(program)?, quoted(&socket)?);
            let text = format!("#!/bin/sh\nexec {program} fake-tool {socket} {name} \"$@\"\n");
            write_program(&file, &text)?;
            file.into_os_string().into_string().map_err(|_| odd_path(folder))
        };
        let mut kind = self.0.borrow().kind.clone();
        match &mut kind {
            Controller::Uhubctl(settings) => settings.program = script("uhubctl")?,
            Controller::ClusterCtrl(settings) => settings.program = script("clusterctrl")?,
            Controller::SnmpPoe(settings) => {
                (settings.set, settings.get) = (script("snmpset")?, script("snmpget")?);
            }
            Controller::Command(Command { on, off, state, .. }) => {
                let plug = script("command")?;
                // What they would be called with is passed on, so that place-holders are filled.
                for (word, argv) in [("on", on), ("off", off), ("state", state)] {
                    let first = [plug.clone(), word.to_owned(), "{channel}".to_owned()];
                    *argv = first.into_iter().chain(std::mem::take(argv)).collect();
                }
            }
            _ => return Err(io::Error::new(io::ErrorKind::InvalidInput, "it calls no program")),
        }
        Ok((kind, listener))
    }

    /// Answers until it is dropped; needs a `LocalSet`.
    ///
    /// # Errors
    /// Those of the socket.
    pub async fn serve(self, listener: UnixListener) -> io::Result<()> {
        loop {
            let (stream, _) = listener.accept().await?;
            let this = self.clone();
            spawn_local(async move {
                // What breaks here, the driver sees by the program's end.
                let _ = this.exchange(stream).await;
            });
        }
    }

    async fn exchange(&self, mut stream: net::UnixStream) -> io::Result<()> {
        let mut bytes = Vec::new();
        (&mut stream).take(ARGV_MAX).read_to_end(&mut bytes).await?;
        let argv: Vec<String> = serde_json::from_slice(&bytes)?;
        let said = self.0.borrow_mut().run(&argv);
        stream.write_all(&serde_json::to_vec(&said)?).await
    }
}

/// Asks at a socket what a program of this name prints.
///
/// # Errors
/// When nobody answers there.
pub fn ask(socket: &Path, argv: &[String]) -> io::Result<Said> {
    let mut stream = UnixStream::connect(socket)?;
    stream.write_all(&serde_json::to_vec(argv)?)?;
    stream.shutdown(std::net::Shutdown::Write)?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes)?;
    Ok(serde_json::from_slice(&bytes)?)
}

/// A path as a word of the shell.
fn quoted(path: &Path) -> io::Result<String> {
    let text = path.to_str().ok_or_else(|| odd_path(path))?;
    Ok(format!("'{}'", text.replace('\'', "'\\''")))
}

fn odd_path(path: &Path) -> io::Error {
    let text = format!("{}: no UTF-8", path.display());
    io::Error::new(io::ErrorKind::InvalidInput, text)
}

impl Inside {
    /// Runs a program: its name, and its arguments.
    fn run(&mut self, argv: &[String]) -> Said {
        let argv: Vec<&str> = argv.iter().map(String::as_str).collect();
        match self.kind.clone() {
            Controller::Uhubctl(settings) => self.uhubctl(&settings, &argv),
            Controller::SnmpPoe(settings) => self.snmp(&settings, &argv),
            Controller::ClusterCtrl(ClusterCtrl { .. }) => self.clusterctrl(&argv),
            Controller::Command(Command { .. }) => self.command(&argv),
            _ => Said::wrong("no such program"),
        }
    }

    fn is_on(&self, channel: &str) -> Option<bool> {
        self.channels.iter().find(|(known, _)| known == channel).map(|(_, on)| *on)
    }

    /// Switches a channel, if there is one.
    fn switch(&mut self, channel: &str, on: bool) {
        let found = (0..).zip(&mut self.channels).find(|(_, (known, _))| known == channel);
        if let Some((position, (_, state))) = found
            && *state != on
        {
            *state = on;
            (self.switched)(position, on);
        }
    }

    fn uhubctl(&mut self, settings: &Uhubctl, argv: &[&str]) -> Said {
        let ["uhubctl", "-l", location, "-p", port, action @ ..] = argv else {
            return Said::wrong("Usage: uhubctl [-l LOCATION] [-p PORTS] [-a ACTION]");
        };
        if *location != settings.location || self.is_on(port).is_none() {
            return Said::wrong("No compatible devices detected at that location!");
        }
        let mut out = self.hub(settings, "Current", port);
        match action {
            [] => {}
            ["-a", word @ ("on" | "off")] => {
                self.switch(port, *word == "on");
                let _ = writeln!(out, "Sent power {word} request");
                out += &self.hub(settings, "New", port);
            }
            _ => return Said::wrong("Unknown action"),
        }
        Said::well(out)
    }

    fn hub(&self, Uhubctl { location, .. }: &Uhubctl, when: &str, port: &str) -> String {
        let state = match self.is_on(port) {
            Some(true) => "0503 power highspeed enable connect [0424:ec00]",
            _ => "0000 off",
        };
        format!(
            "{when} status for hub {location} [0424:9514, USB 2.00, 5 ports, ppps]\n  \
             Port {port}: {state}\n"
        )
    }

    fn snmp(&mut self, settings: &SnmpPoe, argv: &[&str]) -> Said {
        let SnmpPoe { host, community, oid, on, off, port_base, .. } = settings;
        let (object, value) = match argv {
            ["snmpget", "-v2c", "-c", who, "-Oqve", at, object]
                if who == community && at == host =>
            {
                (object, None)
            }
            ["snmpset", "-v2c", "-c", who, at, object, "i", value]
                if who == community && at == host =>
            {
                (object, Some(*value))
            }
            _ => return Said::wrong(format!("Timeout: No Response from {host}")),
        };
        let port = object.strip_prefix(oid.as_str()).and_then(|rest| rest.strip_prefix('.'));
        let port = port.and_then(|port| port.parse::<u32>().ok()?.checked_sub(*port_base));
        let port = port.map(|port| port.to_string()).filter(|port| self.is_on(port).is_some());
        let Some(port) = port else {
            return Said::wrong(format!("{object}: No Such Instance currently exists at this OID"));
        };
        match value.map(str::parse::<u64>) {
            Some(Ok(value)) if value == *on => self.switch(&port, true),
            Some(Ok(value)) if value == *off => self.switch(&port, false),
            Some(_) => return Said::wrong("Reason: wrongValue"),
            None => {}
        }
        let now = if self.is_on(&port) == Some(true) { on } else { off };
        Said::well(format!("{now}\n"))
    }

    fn clusterctrl(&mut self, argv: &[&str]) -> Said {
        match argv {
            ["clusterctrl", word @ ("on" | "off"), zero] => {
                self.switch(zero.trim_start_matches('p'), *word == "on");
                Said::default()
            }
            ["clusterctrl", "status"] => {
                let line = |(zero, on): &(String, bool)| format!("p{zero}:{}\n", u8::from(*on));
                let zeros: String = self.channels.iter().map(line).collect();
                Said::well(format!("clusterhat:1\nmaxpi:{}\n{zeros}", self.channels.len()))
            }
            _ => Said::wrong("Usage: clusterctrl on|off|status [p<N>]"),
        }
    }

    fn command(&mut self, argv: &[&str]) -> Said {
        match argv {
            ["command", word @ ("on" | "off"), channel, ..] if self.is_on(channel).is_some() => {
                self.switch(channel, *word == "on");
                Said::default()
            }
            ["command", "state", channel, ..] => match self.is_on(channel) {
                Some(on) => Said::well(if on { "on\n" } else { "off\n" }),
                None => Said::wrong("no such channel"),
            },
            _ => Said::wrong("no such channel"),
        }
    }
}
