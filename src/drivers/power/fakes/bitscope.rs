//! A bus of CB04B blades: a machine that hears bytes and answers with bytes, and its failure modes.
//!
//! The protocol is that of [`super::super::bitscope`]. The master has address 0; it is locked
//! until it hears its word. Commands are echoed; a status is its echo, a line end, five fields and
//! a line end. What is typed at a blade's console it echoes as a login does.
//!
//! Not modelled: noise on RS-485, and the time of a byte on the wire (87 us).

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, sleep};

use super::super::bitscope::CLOSE;
use super::Switched;

/// What unlocks the master, as its EEPROM is delivered.
pub const UNLOCK: &[u8] = b"UnLockMe";
/// Bytes to a console that come closer than this are lost: half of the pace that works.
const BACK_TO_BACK: Duration = Duration::from_millis(1);

/// What may be wrong with a bus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureMode {
    /// Every n-th byte of what the bus says is lost.
    Loses(u32),
    /// So many bytes from now on are lost, then none.
    LosesOnce(u32),
    /// A blade says nothing.
    Silent(u8),
    /// Nobody says anything.
    Dead,
    /// A blade says that it is another one.
    Impostor(u8, u8),
    /// A blade hears its verbs and does nothing.
    Stuck(u8),
    /// A blade's power is disabled.
    Disabled(u8),
    /// Each answer takes so long.
    Slow(Duration),
    /// The bus babbles without a pause.
    Babbles,
}

/// A blade, or the master.
#[derive(Clone, Copy, Debug)]
struct Blade {
    on: bool,
    /// The baud register as loaded by `[bb]`.
    baud: Option<u8>,
}

/// The state of a bus.
pub struct Blades {
    each: BTreeMap<u8, Blade>,
    unlocked: usize,
    /// The register that digits are shifted into; `true` while a bracket is open.
    register: u8,
    bracket: bool,
    attached: Option<u8>,
    console: bool,
    failure_mode: Option<FailureMode>,
    said: u32,
    typed: Option<Instant>,
    switched: Switched,
    /// The verbs that were carried out, in order.
    carried_out: Vec<(u8, bool)>,
}

/// A bus that others look at while it is served.
#[derive(Clone)]
pub struct Bus(Rc<RefCell<Blades>>);

impl Bus {
    /// A bus of so many blades, all of them off but the master; `switched` is informed of each
    /// change.
    #[must_use]
    pub fn new(blades: u8, switched: Switched) -> Self {
        let blade = |address| (address, Blade { on: address == 0, baud: None });
        Self(Rc::new(RefCell::new(Blades {
            each: (0..blades).map(blade).collect(),
            unlocked: 0,
            register: 0,
            bracket: false,
            attached: None,
            console: false,
            failure_mode: None,
            said: 0,
            typed: None,
            switched,
            carried_out: Vec::new(),
        })))
    }

    /// All blades have power, and nobody is informed.
    pub fn power_all(&self) {
        self.0.borrow_mut().each.values_mut().for_each(|blade| blade.on = true);
    }

    /// Lets something go wrong from now on, or right again.
    pub fn failure_mode(&self, failure_mode: Option<FailureMode>) {
        let mut bus = self.0.borrow_mut();
        bus.failure_mode = failure_mode;
        bus.said = 0;
    }

    /// Leaves a pipe to a blade open, as a driver does that is killed.
    pub fn leave_open(&self, address: u8) {
        self.0.borrow_mut().attached = Some(address);
    }

    /// Whether a pipe is open.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.0.borrow().attached.is_some()
    }

    /// Whether a blade has power.
    #[must_use]
    pub fn is_on(&self, address: u8) -> bool {
        self.0.borrow().each.get(&address).is_some_and(|blade| blade.on)
    }

    /// All switching so far: which blade, and whether it was switched on.
    #[must_use]
    pub fn carried_out(&self) -> Vec<(u8, bool)> {
        self.0.borrow().carried_out.clone()
    }

    /// Serves a line until it breaks.
    ///
    /// # Errors
    /// Those of the line.
    pub async fn serve(self, mut line: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<()> {
        let mut buffer = [0; 64];
        loop {
            let failure_mode = self.0.borrow().failure_mode;
            let n = tokio::select! {
                biased;
                n = line.read(&mut buffer) => n?,
                () = sleep(Duration::from_millis(20)),
                    if failure_mode == Some(FailureMode::Babbles) => {
                    line.write_all(b"?").await?;
                    continue;
                }
            };
            if n == 0 {
                return Ok(());
            }
            let now = Instant::now();
            let heard = buffer[..n].iter();
            let said: Vec<u8> =
                heard.flat_map(|byte| self.0.borrow_mut().hear(*byte, now)).collect();
            if let Some(FailureMode::Slow(time)) = failure_mode {
                sleep(time).await;
            }
            line.write_all(&said).await?;
            line.flush().await?;
        }
    }
}

impl Blades {
    /// Hears a byte, and says what it says.
    fn hear(&mut self, byte: u8, now: Instant) -> Vec<u8> {
        let said = if byte == CLOSE {
            (self.attached, self.console) = (None, false);
            Vec::new()
        } else if let Some(address) = self.attached {
            self.blade_hears(address, byte, now)
        } else if self.unlocked < UNLOCK.len() {
            self.unlocked = if byte == UNLOCK[self.unlocked] { self.unlocked + 1 } else { 0 };
            Vec::new()
        } else {
            self.master_hears(byte)
        };
        if self.failure_mode == Some(FailureMode::Dead) { Vec::new() } else { self.lossy(said) }
    }

    fn lossy(&mut self, said: Vec<u8>) -> Vec<u8> {
        let mut kept = Vec::new();
        for byte in said {
            self.said += 1;
            let lost = match self.failure_mode {
                Some(FailureMode::Loses(every)) => self.said.is_multiple_of(every),
                Some(FailureMode::LosesOnce(first)) => self.said <= first,
                _ => false,
            };
            if !lost {
                kept.push(byte);
            }
        }
        kept
    }

    fn master_hears(&mut self, byte: u8) -> Vec<u8> {
        let mut said = vec![byte];
        match byte {
            b'|' => self.attached = Some(self.register),
            _ => said.extend(self.obey(0, byte)),
        }
        said
    }

    fn blade_hears(&mut self, address: u8, byte: u8, now: Instant) -> Vec<u8> {
        let silent = self.failure_mode == Some(FailureMode::Silent(address));
        if silent || !self.each.contains_key(&address) {
            return Vec::new();
        }
        if self.console {
            let soon = self.typed.is_some_and(|last| now < last + BACK_TO_BACK);
            self.typed = Some(now);
            return if soon || !self.each[&address].on { Vec::new() } else { vec![byte] };
        }
        let mut said = vec![byte];
        said.extend(self.obey(address, byte));
        said
    }

    /// A verb, or a part of a number, at the master or a blade.
    fn obey(&mut self, address: u8, byte: u8) -> Vec<u8> {
        match byte {
            b'[' => (self.bracket, self.register) = (true, 0),
            b']' => {
                self.bracket = false;
                if self.attached.is_some() {
                    self.blade(address).baud = Some(self.register);
                }
            }
            b'=' => return self.status(address),
            b'/' => self.switch(address, true),
            b'\\' => self.switch(address, false),
            b'#' => {
                return format!("\nad96a737-3886-4b73-87af-{address:012x}\n").into_bytes();
            }
            b'~' => {
                // Bare digits do not load the register: the console stays silent then.
                self.console = self.attached.is_some() && self.blade(address).baud.is_some();
                self.typed = None;
            }
            _ => {
                if let Some(digit) = char::from(byte).to_digit(16) {
                    self.register = self.register << 4 | digit as u8;
                }
            }
        }
        Vec::new()
    }

    fn blade(&mut self, address: u8) -> &mut Blade {
        self.each.get_mut(&address).expect("nobody attaches to a blade that is not there")
    }

    fn switch(&mut self, address: u8, on: bool) {
        let disabled = self.failure_mode == Some(FailureMode::Disabled(address)) && on;
        if self.failure_mode == Some(FailureMode::Stuck(address)) || disabled {
            return;
        }
        self.carried_out.push((address, on));
        let blade = self.blade(address);
        if blade.on != on {
            blade.on = on;
            (self.switched)(u32::from(address), on);
        }
    }

    fn status(&mut self, address: u8) -> Vec<u8> {
        let blade = self.blade(address);
        let (mut power, current, fan) = if blade.on { (1, 0x1b, 0x6c) } else { (0, 0, 0) };
        let ms = if address == 0 && self.attached.is_none() { 0x00 } else { 0xff };
        let mut id = address;
        match self.failure_mode {
            Some(FailureMode::Impostor(who, as_whom)) if who == address => id = as_whom,
            Some(FailureMode::Disabled(who)) if who == address && power == 0 => power = 2,
            _ => {}
        }
        format!("\n{id:02x} {ms:02x} {power:x} {current:02x} {fan:02x}\n").into_bytes()
    }
}
