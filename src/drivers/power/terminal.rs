//! A person at a node's console: keys from a raw terminal, and the escapes that are not typed.
//!
//! ```text
//!  ^G          leaves; the bus itself takes this byte, so no node could ever see it
//!  ^] + - c    power on, off, cycle of the node at hand, within the limits of the rack
//!  ^] q ^] ?   leaves; types ^]; shows this
//! ```

use std::cell::RefCell;
use std::io::{self, IsTerminal, Read};
use std::thread;
use std::time::Duration;

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
use tokio::sync::mpsc;
use tokio::time::sleep;

use super::bitscope::CLOSE;
use super::operate::{Ended, Rack, Verb};
use crate::ids::NodeId;

/// `^]`, as telnet has it.
const ESCAPE: u8 = 0x1d;
/// Keys that wait for the line, whose pace is 2 ms each.
const KEYS: usize = 256;
/// Pieces of what a node says that wait to be shown; more are left to the line.
const SCREEN: usize = 64;
/// Between two looks whether to stop.
const LOOK: Duration = Duration::from_millis(200);
/// What the escapes are.
pub const HELP: &str = "^G leaves; ^] then + on, - off, c cycle, q leave, ^] itself";

/// Standard input, raw if it is a terminal; as it was when this is dropped.
pub struct Keyboard(Option<Termios>);

impl Keyboard {
    /// Makes the terminal raw, and passes what is typed on until nobody takes it.
    ///
    /// # Errors
    /// When the terminal cannot be set.
    pub fn open() -> io::Result<(Self, mpsc::Receiver<u8>)> {
        let before = if io::stdin().is_terminal() {
            let before = tcgetattr(io::stdin())?;
            let mut raw = before.clone();
            raw.make_raw();
            tcsetattr(io::stdin(), OptionalActions::Now, &raw)?;
            Some(before)
        } else {
            None
        };
        let (keys, typed) = mpsc::channel(KEYS);
        // A read of a terminal cannot be given up; the thread ends with the program.
        thread::spawn(move || {
            for byte in io::stdin().lock().bytes().map_while(Result::ok) {
                if keys.blocking_send(byte).is_err() {
                    break;
                }
            }
        });
        Ok((Self(before), typed))
    }
}

impl Drop for Keyboard {
    fn drop(&mut self) {
        if let Some(before) = &self.0 {
            // There is nobody left to inform.
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, before);
        }
    }
}

/// What a key means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    Type(u8),
    Switch(Verb),
    Help,
    Leave,
    Nothing,
}

/// What a key means, after an escape or not.
fn meaning(key: u8, escaped: &mut bool) -> Meaning {
    if std::mem::take(escaped) {
        return match key {
            b'+' => Meaning::Switch(Verb::On),
            b'-' => Meaning::Switch(Verb::Off),
            b'c' => Meaning::Switch(Verb::Cycle),
            b'q' | CLOSE => Meaning::Leave,
            ESCAPE => Meaning::Type(ESCAPE),
            _ => Meaning::Help,
        };
    }
    match key {
        CLOSE => Meaning::Leave,
        ESCAPE => {
            *escaped = true;
            Meaning::Nothing
        }
        key => Meaning::Type(key),
    }
}

/// Leads a person's keys to the console of a node and shows what it says, until he leaves, nothing
/// is typed any more, `stop` is so, or the console ends.
///
/// # Errors
/// When the node's controller has no console.
pub async fn converse(
    rack: &Rack,
    node: NodeId,
    mut typed: mpsc::Receiver<u8>,
    now: impl Fn() -> u64,
    stop: impl Fn() -> bool,
    mut show: impl FnMut(&[u8]),
) -> io::Result<()> {
    let (keys, line) = mpsc::channel(KEYS);
    let (screen, mut shown) = mpsc::channel(SCREEN);
    rack.switches().console(node, line, screen).await?;
    let mut escaped = false;
    loop {
        // What is typed goes first: a node that talks without end cannot keep anybody here.
        let key = tokio::select! {
            biased;
            () = std::future::ready(()), if stop() => None,
            key = typed.recv() => key,
            said = shown.recv() => match said {
                Some(said) => {
                    show(&said);
                    continue;
                }
                None => return Ok(()),
            },
            () = sleep(LOOK) => continue,
        };
        let meaning = key.map_or(Meaning::Leave, |key| meaning(key, &mut escaped));
        match meaning {
            Meaning::Type(key) => {
                if keys.send(key).await.is_err() {
                    return Ok(());
                }
            }
            Meaning::Switch(verb) => {
                let said = switched(rack, node, verb, &now).await;
                show(format!("\r\n[{said}]\r\n").as_bytes());
            }
            Meaning::Help => show(format!("\r\n[{HELP}]\r\n").as_bytes()),
            Meaning::Leave => {
                // What was typed before is still sent; then the bus closes the console.
                drop(keys);
                while let Some(said) = shown.recv().await {
                    show(&said);
                }
                return Ok(());
            }
            Meaning::Nothing => {}
        }
    }
}

/// Switches the node at hand, and says what came of it.
async fn switched(rack: &Rack, node: NodeId, verb: Verb, now: impl Fn() -> u64) -> String {
    let mut said = String::new();
    let mut reported = |_, state: &io::Result<_>| {
        said = match state {
            Ok(state) => format!("{} is {state:?}", rack.inventory().node(node).name),
            Err(error) => error.to_string(),
        };
    };
    let left = RefCell::new(String::new());
    let warn = |line: &str| left.borrow_mut().extend([line, "; "]);
    let done = match rack.switch(&[node], verb, now, || false, warn, &mut reported).await {
        Ok(Ended::Refused(reasons)) => format!("refused: {}", reasons.join("; ")),
        Ok(Ended::Done { .. } | Ended::Interrupted) => said,
        Err(error) => error.to_string(),
    };
    left.into_inner() + &done
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_not_typed_unless_twice() {
        let mut escaped = false;
        let all: Vec<Meaning> =
            b"a\x1d+\x1d\x1d\x1d?\x07".iter().map(|key| meaning(*key, &mut escaped)).collect();
        let wanted = [
            Meaning::Type(b'a'),
            Meaning::Nothing,
            Meaning::Switch(Verb::On),
            Meaning::Nothing,
            Meaning::Type(ESCAPE),
            Meaning::Nothing,
            Meaning::Help,
            Meaning::Leave,
        ];
        assert_eq!(all, wanted);
    }
}
