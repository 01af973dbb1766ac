//! CB04B blades of BitScope: the master's BMC on a serial line, the others behind it on RS-485.
//!
//! ```text
//!  sent          heard               meaning
//!  ^G                                close whatever was left open; the master alone hears this
//!  UnLockMe                          unlock
//!  =             00 00 1 1d 74       the master's own status: ID MS power current fan
//!  [09]|         09|                 open a pipe to blade address 09: it hears all that follows
//!  =             09 ff 1 1b 6c       its status; power 0 off, 1 enabled, 2 disabled
//!  \                                 its power off, a hard cut; `/` is on
//!  =             09 ff 0 00 00       what became of it
//!  ^G                                close the pipe
//! ```
//!
//! All of it is from the facts that geekdojo/rasputin-control-plane validated on an ER24A. The
//! verb goes into a pipe whose far end has just said who it is, so that a byte that is lost on the
//! way can switch no other node. A pipe is always closed, and since somebody else may have left
//! one open, the bus is readied anew (^G, unlock, own status) whenever an answer is not as it
//! should be; a bus that a crash left in a pipe is found again that way.
//!
//! A console is a pipe into which `[bb]~` was said. It loses bytes that come back to back, so
//! they are sent apart. There is one for the whole bus; orders close it, and it is opened again.
//!
//! Not modelled: the scale of current and fan, and the verbs for voltage and temperature, which
//! nobody published.

use std::io;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::line::Line;
use super::{Answers, Doing, Driver, DriverError, Session, Target, Wanted, duration};
use crate::fleet::ports::PowerState;
use crate::inventory::power::BitScope as Settings;

/// Closes a pipe, and the console with it.
pub(super) const CLOSE: u8 = 0x07;
/// The last address of a bus.
const ADDRESS_MAX: u8 = 0x7f;
/// How often something is tried that may have been lost on the line. Assumption.
const TRIES: usize = 3;
/// Silence after which nothing stale is under way any more: some byte times of 87 us. Assumption.
const STALE: Duration = Duration::from_millis(10);
/// The blade switches within microseconds; so long its status may lag. Assumption.
const FOLLOWS: Duration = Duration::from_secs(1);

/// What a BMC reports of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Status {
    id: u8,
    master: bool,
    state: PowerState,
}

impl Status {
    /// The last line of a reply that is a status: five hexadecimal fields. A line counts if it is
    /// ended, or if nothing more came.
    fn read(reply: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(reply);
        text.lines().rev().find_map(Self::read_line)
    }

    fn read_line(line: &str) -> Option<Self> {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [id, ms, power, current, fan] = fields.as_slice() else { return None };
        let byte = |text: &str| u8::from_str_radix(text, 16).ok().filter(|_| text.len() == 2);
        byte(current)?;
        byte(fan)?;
        let state = match *power {
            "0" | "00" => PowerState::Off,
            "1" | "01" => PowerState::On,
            "2" | "02" => PowerState::Dead,
            _ => return None,
        };
        let master = match byte(ms)? {
            0x00 => true,
            0xff => false,
            _ => return None,
        };
        Some(Self { id: byte(id)?, master, state })
    }

    /// Whether a reply holds a status whose line is ended.
    fn whole(reply: &[u8]) -> bool {
        let end = reply.iter().rposition(|byte| *byte == b'\n');
        end.is_some_and(|end| Self::read(&reply[..end]).is_some())
    }
}

/// A bus of blades.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact about the line by itself")]
pub(super) struct BitScope {
    settings: Settings,
    line: Option<Line>,
    /// Whether the master has reported its own status since the last driver error.
    ready: bool,
    session: Option<Session>,
    /// Whether the line was never silent when it was listened to last.
    babbles: bool,
    /// Whether a pipe may be open.
    piped: bool,
    /// Whether the session's console is at the end of it.
    open: bool,
    /// What was typed and is not sent yet, and when it may be.
    key: Option<(u8, Instant)>,
}

impl BitScope {
    pub(super) fn new(settings: Settings) -> Self {
        let (line, session, key) = (None, None, None);
        let (ready, babbles, piped, open) = (false, false, false, false);
        Self { settings, line, ready, session, babbles, piped, open, key }
    }

    /// On a line that is open already.
    #[cfg(test)]
    fn over(settings: Settings, line: Line) -> Self {
        Self { line: Some(line), ..Self::new(settings) }
    }

    async fn line(&mut self) -> Result<&mut Line, DriverError> {
        if self.line.is_none() {
            let line = Line::open(&self.settings).await.map_err(|error| {
                let what = format!("the line cannot be opened: {error}");
                DriverError::new(what, "look at `device` or `address`, and at its rights")
            })?;
            self.line = Some(line);
            self.ready = false;
        }
        Ok(self.line.as_mut().expect("it was opened"))
    }

    async fn send(&mut self, bytes: &[u8]) -> Result<(), DriverError> {
        let sent = self.line().await?.send(bytes, Duration::ZERO).await;
        sent.map_err(|error| self.broken(&error))
    }

    async fn hear(&mut self, whole: fn(&[u8]) -> bool) -> Result<Vec<u8>, DriverError> {
        let silence = duration(self.settings.silence);
        let longest = duration(self.settings.reply_max);
        let heard = self.line().await?.reply(silence, longest, whole).await;
        heard.map(|(reply, _)| reply).map_err(|error| self.broken(&error))
    }

    fn broken(&mut self, error: &io::Error) -> DriverError {
        self.line = None;
        self.ready = false;
        DriverError::new(format!("the line broke: {error}"), "look at the cable and at the server")
    }

    /// Throws away what is still coming. A line that is never silent is good for nothing: no answer
    /// could be distinguished from what was said before.
    async fn drain(&mut self) -> Result<(), DriverError> {
        let longest = duration(self.settings.reply_max);
        let drained = self.line().await?.reply(STALE, longest, |_| false).await;
        match drained {
            Ok((_, true)) => Ok(()),
            Ok((_, false)) => {
                self.babbles = true;
                let way_out = "is it the line of a BMC, at 115200 bit/s, with no console on it?";
                Err(DriverError::new("the line is never silent", way_out))
            }
            Err(error) => Err(self.broken(&error)),
        }
    }

    /// Closes whatever pipe is open.
    async fn close(&mut self) -> Result<(), DriverError> {
        self.open = false;
        self.babbles = false;
        self.send(&[CLOSE]).await?;
        self.piped = false;
        self.drain().await
    }

    /// Brings the master to where it hears commands, whatever was left there.
    async fn make_ready(&mut self) -> Result<(), DriverError> {
        if self.ready && !self.piped {
            return Ok(());
        }
        self.close().await?;
        if self.ready {
            return Ok(());
        }
        let unlock = self.settings.unlock.clone();
        self.send(unlock.as_bytes()).await?;
        self.hear(|_| false).await?;
        self.send(b"=").await?;
        let reply = self.hear(Status::whole).await?;
        match Status::read(&reply) {
            Some(Status { master: true, .. }) => {
                self.ready = true;
                Ok(())
            }
            Some(_) => Err(DriverError::new(
                "a blade answers where the master should",
                "a pipe stays open though it was closed; power the manager's blade down and up",
            )),
            None => Err(match beyond_echo(&reply) {
                None => DriverError::new(
                    "the bus is silent",
                    "is the console off on this UART, is it the BMC's line, is `unlock` right?",
                ),
                Some(odd) => DriverError::new(
                    format!("the master answers {odd:?}"),
                    "is this the line of a BMC, and is nobody else on it?",
                ),
            }),
        }
    }

    /// Asks the blade at the end of an open pipe for its status.
    async fn identity(&mut self, target: &Target, ask: &[u8]) -> Result<PowerState, DriverError> {
        self.send(ask).await?;
        let reply = self.hear(Status::whole).await?;
        let address = target.number();
        let Some(status) = Status::read(&reply) else {
            self.ready = false;
            return Err(match beyond_echo(&reply) {
                None => DriverError::new(
                    format!("address {address:02x} is silent"),
                    "is the blade in its slot, and `channel` its address on the bus?",
                ),
                Some(odd) => DriverError::new(
                    format!("address {address:02x} answers {odd:?}"),
                    "characters are lost on the line: look at its cable and at other traffic",
                ),
            });
        };
        if u32::from(status.id) != address {
            self.ready = false;
            let what = format!("address {address:02x} answers as {:02x}", status.id);
            let way_out = "compare `channel` with the blade's place";
            return Err(DriverError::new(what, way_out));
        }
        Ok(status.state)
    }

    /// One pipe: who is there, what to do, what became of it. The pipe is closed in any case.
    async fn pipe(&mut self, target: &Target, verb: Option<u8>) -> Result<PowerState, DriverError> {
        self.make_ready().await?;
        self.drain().await?;
        self.piped = true;
        let reported = self.talk(target, verb).await;
        let closed = self.close().await;
        let reported = reported?;
        closed.map(|()| reported)
    }

    async fn talk(&mut self, target: &Target, verb: Option<u8>) -> Result<PowerState, DriverError> {
        let ask = format!("[{:02x}]|=", target.number());
        let state = self.identity(target, ask.as_bytes()).await?;
        let Some(verb) = verb else { return Ok(state) };
        self.send(&[verb]).await?;
        // A verb's answer is no more than its echo, so its end is not known but by silence.
        self.hear(|_| false).await?;
        self.identity(target, b"=").await
    }

    /// Some tries: what was lost on the line may get through the next time.
    async fn try_hard(
        &mut self,
        target: &Target,
        verb: Option<u8>,
    ) -> Result<PowerState, DriverError> {
        let mut last = None;
        for _ in 0..TRIES {
            match self.pipe(target, verb).await {
                Ok(state) => return Ok(state),
                Err(driver_error) => {
                    self.ready = false;
                    last = Some(driver_error);
                    if self.babbles {
                        break;
                    }
                }
            }
        }
        Err(last.expect("there was a try"))
    }

    /// Opens the session's console.
    async fn open_console(&mut self, target: &Target) -> Result<(), DriverError> {
        // Its identity first, as for everything that is sent to a blade.
        self.try_hard(target, None).await?;
        let open = format!("[{:02x}]|[{:02x}]~", target.number(), self.settings.console as u8);
        self.piped = true;
        self.send(open.as_bytes()).await?;
        self.open = true;
        Ok(())
    }

    /// Passes the bytes of a console on, until it ends.
    async fn attend(&mut self) {
        let Some(session) = &self.session else { return std::future::pending().await };
        let (target, screen) = (session.target.clone(), session.screen.clone());
        let pace = duration(self.settings.pace);
        if !self.open
            && let Err(driver_error) = self.open_console(&target).await
        {
            let _ = screen.try_send(format!("\r\n[console: {driver_error}]\r\n").into_bytes());
            self.session = None;
            return self.hang_up().await;
        }
        while let (Some(line), Some(session)) = (&mut self.line, &mut self.session) {
            let (waits, due) = (self.key.is_some(), self.key.map(|(_, due)| due));
            tokio::select! {
                biased;
                () = sleep_until(due.unwrap_or_else(Instant::now)), if waits => {
                    let (key, _) = self.key.expect("it waits");
                    if line.send(&[key], Duration::ZERO).await.is_err() { break }
                    // Only now: an order may come while it is sent.
                    self.key = None;
                }
                key = session.keys.recv(), if !waits => match key {
                    // That byte is the bus's own; it would close the pipe.
                    Some(CLOSE) => {}
                    Some(key) => self.key = Some((key, Instant::now() + pace)),
                    None => break,
                },
                heard = line.read() => {
                    let Ok(heard) = heard else { break };
                    if screen.send(heard).await.is_err() { break }
                }
                () = screen.closed() => break,
            }
        }
        self.session = None;
        self.key = None;
        self.hang_up().await;
    }

    async fn hang_up(&mut self) {
        if self.line.is_some() && self.close().await.is_err() {
            self.ready = false;
        }
    }
}

/// Looks for blades at all addresses of a bus, 00 to 7f, and reports those that answer. Nothing is
/// switched. An address that says nothing takes one silence, so it is half a minute in all; who is
/// lost on the line once is not found.
///
/// # Errors
/// When the line cannot be opened or its master does not answer.
pub async fn discover(settings: &Settings, found: impl FnMut(u8)) -> io::Result<()> {
    let mut bus = BitScope::new(settings.clone());
    let done = search(&mut bus, found).await;
    bus.hang_up().await;
    done
}

async fn search(bus: &mut BitScope, mut found: impl FnMut(u8)) -> io::Result<()> {
    let failed = |driver_error: DriverError| io::Error::other(driver_error.to_string());
    bus.make_ready().await.map_err(failed)?;
    for address in 0..=ADDRESS_MAX {
        let channel = address.to_string();
        let target = Target { node: String::new(), address: None, channel };
        match bus.pipe(&target, None).await {
            Ok(_) => found(address),
            Err(driver_error) if bus.line.is_none() || bus.babbles => {
                return Err(failed(driver_error));
            }
            // Nobody, or somebody who cannot be understood; the pipe is closed in any case.
            Err(_) => bus.ready = true,
        }
    }
    Ok(())
}

/// What a reply says beyond the echo of the command, for people: not too long. Commands are echoed
/// without a line end.
fn beyond_echo(reply: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(reply);
    let said = text.split_once('\n').map_or("", |(_, said)| said.trim());
    (!said.is_empty()).then(|| said.chars().take(40).collect())
}

impl Driver for BitScope {
    fn states<'a>(&'a mut self, targets: &'a [Target]) -> Doing<'a, Answers<PowerState>> {
        Box::pin(async move {
            let mut answers = Vec::new();
            for target in targets {
                answers.push(self.try_hard(target, None).await);
            }
            answers
        })
    }

    fn order<'a>(&'a mut self, targets: &'a [Target], wanted: Wanted) -> Doing<'a, Answers<()>> {
        let verb = match wanted {
            Wanted::On => b'/',
            Wanted::Off => b'\\',
        };
        Box::pin(async move {
            let mut answers = Vec::new();
            for target in targets {
                answers.push(self.try_hard(target, Some(verb)).await.map(drop));
            }
            answers
        })
    }

    fn follows(&self, _: Wanted, _: bool) -> Duration {
        FOLLOWS
    }

    fn console(&mut self, session: Session) -> Result<(), DriverError> {
        if let Some(other) = &self.session {
            let what = format!("the console of {} is open, and a bus has one", other.target.node);
            return Err(DriverError::new(what, "close that one first"));
        }
        self.session = Some(session);
        Ok(())
    }

    fn idle(&mut self) -> Doing<'_, ()> {
        Box::pin(self.attend())
    }

    fn leave(&mut self) -> Doing<'_, ()> {
        Box::pin(self.hang_up())
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use tokio::sync::{mpsc, oneshot, watch};
    use tokio::task::{LocalSet, spawn_local};

    use super::*;
    use crate::drivers::power::bus::{Ask, Bus, SwitchRequest};
    use crate::drivers::power::fakes::bitscope as fake;
    use crate::inventory::power::ConsoleRate;
    use crate::units::Span;

    #[test]
    fn a_status_is_five_fields_whose_line_is_ended() {
        let read =
            |text: &str| Status::read(text.as_bytes()).map(|status| (status.id, status.state));
        assert_eq!(read("04|=\n04 ff 1 26 98"), Some((4, PowerState::On)));
        assert_eq!(read("00 00 0 1d 74\r\n"), Some((0, PowerState::Off)));
        assert_eq!(read("09 ff 2 1b 6c\n"), Some((9, PowerState::Dead)));
        for garbled in ["9 ff 1 1b 6c", "09 f 1 1b 6c", "09 ff 3 1b 6c", "09 ff 1 1b 6"] {
            assert_eq!(read(garbled), None, "{garbled}");
        }
        assert!(!Status::whole(b"04|=\n04 ff 1 26 98"));
        assert!(Status::whole(b"04|=\n04 ff 1 26 98\r\n"));
    }

    fn settings(pace: Span) -> Settings {
        Settings {
            name: "bus".into(),
            device: "/dev/null".into(),
            address: None,
            manager: None,
            unlock: "UnLockMe".into(),
            silence: Span::from_millis(200),
            reply_max: Span::from_secs(2),
            pace,
            console: ConsoleRate::Bit115200,
            settle: Span::from_secs(2),
        }
    }

    /// Types a word into the console of blade 3 and gives what came back after the opening.
    fn typed(pace: Span) -> String {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        let local = LocalSet::new();
        local.block_on(&runtime.expect("a runtime"), async {
            let (near, far) = tokio::io::duplex(64);
            spawn_local(fake::Bus::new(24, Rc::new(|_, _| {})).serve(far));
            let driver = BitScope::over(settings(pace), Line::over(near));
            let (asks, queue) = mpsc::unbounded_channel();
            let (_, leave) = watch::channel(false);
            spawn_local(Bus::new("bitscope bus".into(), Box::new(driver)).serve(queue, leave));
            let target = Target { node: "c0n3".into(), address: None, channel: "3".into() };
            let (reply, answer) = oneshot::channel();
            let wanted = Some(Wanted::On);
            let _ = asks.send(Ask::Order(SwitchRequest { target: target.clone(), wanted, reply }));
            answer.await.expect("answered").expect("switched on");
            let (keys, typed) = mpsc::channel(64);
            let (screen, mut shown) = mpsc::channel(64);
            let (reply, answer) = oneshot::channel();
            let session = Session { target, keys: typed, screen };
            let _ = asks.send(Ask::Console(session, reply));
            answer.await.expect("answered").expect("opened");
            for byte in b"root" {
                keys.send(*byte).await.expect("it takes keys");
            }
            tokio::time::sleep(Duration::from_secs(5)).await;
            drop(keys);
            let mut seen = String::new();
            while let Some(bytes) = shown.recv().await {
                seen += &String::from_utf8_lossy(&bytes);
            }
            seen.rsplit_once('~').expect("it was opened").1.to_owned()
        })
    }

    #[test]
    fn a_search_finds_the_blades_that_are_there_and_switches_none() {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        LocalSet::new().block_on(&runtime.expect("a runtime"), async {
            let (near, far) = tokio::io::duplex(64);
            let bus = fake::Bus::new(24, Rc::new(|_, _| {}));
            bus.leave_open(7);
            bus.failure_mode(Some(fake::FailureMode::Silent(5)));
            spawn_local(bus.clone().serve(far));
            let mut driver = BitScope::over(settings(Span::ZERO), Line::over(near));
            let mut found = Vec::new();
            search(&mut driver, |address| found.push(address)).await.expect("the line holds");
            let wanted: Vec<u8> = (0..24).filter(|address| *address != 5).collect();
            assert_eq!((found, bus.carried_out()), (wanted, vec![]));
            assert!(!bus.is_open());
        });
    }

    #[test]
    fn a_console_loses_what_comes_back_to_back_and_nothing_that_is_paced() {
        assert_eq!(typed(Span::from_millis(2)), "root");
        assert_eq!(typed(Span::ZERO), "r");
    }
}
