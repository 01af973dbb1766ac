//! How a fault harms, beside its kind: what real nodes are told, and what only they have.

use serde::{Deserialize, Serialize};

use crate::config::language::Share;
use crate::config::mistakes::{Mistake, Mistakes};
use crate::config::section::Section;
use crate::config::words::Word;
use crate::event::Fault;
use crate::units::{ByteRate, Bytes, Span};

/// Linux keeps so many letters of a process's name (`TASK_COMM_LEN` - 1).
const COMM_MAX: usize = 15;

/// What a rule says of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum How {
    /// As its kind says.
    #[default]
    Usual,
    /// For [`Fault::Crash`]: a node stops itself, instead of its power being cut.
    Stop(Stop),
    /// For [`Fault::LinkDegradation`]: each packet that a node sends is so late, give or take the
    /// jitter.
    Late {
        /// The mean.
        delay: Span,
        /// The largest distance from it.
        jitter: Span,
    },
    /// For [`Fault::Load`].
    Load(Load),
    /// For [`Fault::Clock`].
    Clock(Clock),
    /// For [`Fault::Process`].
    Process(Process),
}

/// How a node stops itself. To a simulated one it makes no difference: a node that stops is a node
/// that stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stop {
    /// Its agent ends by SIGKILL; what else runs on it lives on.
    Kill,
    /// Its kernel panics.
    Panic,
    /// It boots again at once, and nothing is written to its disks before.
    Reboot,
}

/// What a node is left without.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Load {
    /// Share of the time of all its cores that is burnt, in parts per million.
    pub cpu_ppm: u32,
    /// Memory that is filled.
    pub memory: Bytes,
    /// Room on its card that is filled.
    pub card: Bytes,
    /// What its card still reads, and writes, in a second (bytes/s); 0: as much as ever.
    pub disk: u64,
}

/// What is wrong with a clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clock {
    /// How far it is set ahead, or behind if below 0 (ns).
    pub step: i64,
    /// How much too fast it goes, or too slow if below 0 (parts in 1,000 million).
    pub drift_ppb: i64,
}

/// What is done to the processes of a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// Their name, as `/proc/PID/comm` has it.
    pub name: String,
    /// What is done to each of them.
    pub act: Act,
    /// For [`Act::Flip`]: how many bits.
    pub bits: u32,
}

/// What is done to a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Act {
    /// It ends by SIGKILL.
    Kill,
    /// It stands still by SIGSTOP, and goes on after the repair.
    Stop,
    /// Bits of its memory flip.
    Flip,
}

impl Word for Act {
    const WORDS: &'static [(&'static str, Self)] =
        &[("kill", Self::Kill), ("stop", Self::Stop), ("flip", Self::Flip)];
}

impl How {
    /// What of it only real nodes can be made to suffer, if anything.
    #[must_use]
    pub fn needs_real_nodes(&self) -> Option<&'static str> {
        match self {
            Self::Usual | Self::Stop(_) => None,
            Self::Late { .. } => Some("`delay` and `jitter`"),
            Self::Load(_) => Some("a load on nodes"),
            Self::Clock(_) => Some("a clock that is wrong"),
            Self::Process(_) => Some("harm to processes"),
        }
    }

    /// It as lines of its rule's table.
    pub(super) fn lines(&self) -> Vec<(&'static str, String)> {
        let text = |text: &dyn std::fmt::Display| format!("\"{text}\"");
        match self {
            Self::Usual => Vec::new(),
            Self::Stop(stop) => vec![("means", text(&stop.word()))],
            Self::Late { delay, jitter } => {
                vec![("delay", text(delay)), ("jitter", text(jitter))]
            }
            Self::Load(Load { cpu_ppm, memory, card, disk }) => {
                let (cpu_ppm, disk) = (*cpu_ppm, *disk);
                let mut all = vec![
                    ("cpu", format!("{:?}", f64::from(cpu_ppm) / 1e6)),
                    ("memory", text(memory)),
                    ("card", text(card)),
                ];
                all.extend((disk > 0).then(|| ("disk", text(&ByteRate(disk)))));
                all
            }
            Self::Clock(Clock { step, drift_ppb }) => {
                let key = if *step < 0 { "behind" } else { "ahead" };
                let drift = *drift_ppb as f64 / 1e3;
                vec![(key, text(&Span(step.unsigned_abs()))), ("drift", format!("{drift:?}"))]
            }
            Self::Process(Process { name, act, bits }) => {
                let name = toml::Value::String(name.clone()).to_string();
                let bits = (*act == Act::Flip).then(|| ("bits", bits.to_string()));
                [("process", name), ("act", text(&act.word()))].into_iter().chain(bits).collect()
            }
        }
    }
}

impl Word for Option<Stop> {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("power", None),
        ("kill", Some(Stop::Kill)),
        ("panic", Some(Stop::Panic)),
        ("reboot", Some(Stop::Reboot)),
    ];
}

impl Stop {
    fn word(self) -> &'static str {
        Some(self).word()
    }
}

/// Reads how the rule of a table harms.
pub(super) fn read(kind: Fault, section: &Section<'_>, m: &mut Mistakes) -> Option<How> {
    match kind {
        Fault::Crash => {
            Some(section.word::<Option<Stop>>("means", m)?.map_or(How::Usual, How::Stop))
        }
        Fault::LinkDegradation => late(section, m),
        Fault::Load => load(section, m),
        Fault::Clock => clock(section, m),
        Fault::Process => process(section, m),
        _ => Some(How::Usual),
    }
}

fn late(section: &Section<'_>, m: &mut Mistakes) -> Option<How> {
    let (delay, jitter) = (section.get("delay", m), section.get("jitter", m));
    let (delay, jitter): (Span, Span) = (delay?, jitter?);
    if jitter > delay {
        let mistake = Mistake::new(section.place("jitter"), "`jitter` is more than `delay`");
        m.note(mistake.help("no packet comes before it is sent; give a longer `delay`"));
    }
    Some(if delay == Span::ZERO { How::Usual } else { How::Late { delay, jitter } })
}

fn load(section: &Section<'_>, m: &mut Mistakes) -> Option<How> {
    let cpu = section.get::<Share>("cpu", m);
    let (memory, card) = (section.get("memory", m), section.get("card", m));
    let disk: Option<ByteRate> = section.optional("disk");
    let cpu_ppm = libm::round(cpu?.0 * 1e6) as u32;
    let load = Load { cpu_ppm, memory: memory?, card: card?, disk: disk.map_or(0, |rate| rate.0) };
    if load == Load::default() {
        let mistake = Mistake::new(section.own_place(), "this fault loads nothing");
        m.note(mistake.help("give `cpu = \"50 %\"`, or `memory`, `card` or `disk`"));
    }
    Some(How::Load(load))
}

fn clock(section: &Section<'_>, m: &mut Mistakes) -> Option<How> {
    let span = |key| section.optional::<Span>(key).map(|span| span.0.cast_signed());
    let step = span("ahead").or_else(|| span("behind").map(std::ops::Neg::neg));
    let drift: f64 = section.get("drift", m)?;
    let clock = Clock { step: step.unwrap_or(0), drift_ppb: libm::round(drift * 1e3) as i64 };
    if clock == Clock::default() {
        let mistake = Mistake::new(section.own_place(), "this fault leaves its clocks right");
        m.note(mistake.help("give `ahead = \"5 s\"` or `behind`, or `drift = 100.0`"));
    }
    Some(How::Clock(clock))
}

fn process(section: &Section<'_>, m: &mut Mistakes) -> Option<How> {
    let (name, act) = (section.get::<String>("process", m), section.word("act", m));
    let bits = section.optional("bits");
    let (name, act) = (name?, act?);
    if bits.is_some() && act != Act::Flip {
        let mistake = Mistake::new(section.place("bits"), "`bits` without `act = \"flip\"`");
        m.note(mistake.help("only who flips bits counts them"));
    }
    let printable = |letter: char| letter.is_ascii_graphic() && !"/,".contains(letter);
    if name.is_empty() || name.len() > COMM_MAX || !name.chars().all(printable) {
        let mistake = Mistake::new(section.place("process"), "this is no name of a process");
        m.note(mistake.help("as /proc/PID/comm has it: 15 letters at most, without a path"));
    }
    Some(How::Process(Process { name, act, bits: bits.unwrap_or(1) }))
}
