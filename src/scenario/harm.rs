//! What a fault does: each kind with its payload, read from its table and written back.

use serde::{Deserialize, Serialize};

use crate::config::mistakes::{Mistake, Mistakes};
use crate::config::section::Section;
use crate::config::words::Word;
use crate::cosmic::budget::Class;
use crate::event::Fault;
use crate::scenario::misfortune::{Rays, Source};
use crate::units::{ByteRate, Bytes, Span};

/// Linux keeps so many letters of a process's name (`TASK_COMM_LEN` - 1).
const COMM_MAX: usize = 15;

/// What a fault does: its kind, and what belongs to this kind alone.
///
/// The `severity` of a failure of nodes is its class: the lowest level of checkpoints with fixed
/// costs that survives it, from 1.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "a field says no more than its name and type")]
pub enum Harm {
    /// A node stops dead: its power is cut, or it is made to stop itself.
    Crash { severity: u8, stop: Option<Stop> },
    /// A node goes silent.
    Hang { severity: u8 },
    /// A PSU domain loses power.
    PowerLoss { severity: u8 },
    /// A switch stops forwarding.
    SwitchLoss { severity: u8 },
    /// A file server stops serving.
    ServerLoss,
    /// A link works badly.
    LinkDegradation(Link),
    /// The controller stops dead.
    ControllerCrash,
    /// Data in memory change.
    SilentCorruption,
    /// Particles flip bits.
    Upset(Beam),
    /// Chips of DRAM fail.
    Dram(Beam),
    /// A node is left without something.
    Load(Load),
    /// A clock is wrong.
    Clock(Clock),
    /// Processes are harmed.
    Process(Process),
    /// A node computes, or the disk of a server works, at this share of its speed, in parts per
    /// million.
    SlowDown { share_ppm: u32 },
}

/// The particles of an upset rule, or the faults of chips of a rule of DRAM.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Beam {
    /// Flux as a multiple of the site's: 1 outdoors, more in an accelerated test. For faults of
    /// DRAM, their rate as a multiple of the field's.
    pub factor: f64,
    /// Share of the strikes on a node that computes which stop it.
    pub stops: f64,
}

/// How badly a link works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// The share of its rate that remains, in parts per million; 0 cuts it.
    pub share_ppm: u32,
    /// The share of the packets that is lost, in parts per million.
    pub loss_ppm: u32,
    /// How late each packet is that a node sends: the mean.
    pub delay: Span,
    /// The largest distance from it.
    pub jitter: Span,
}

impl Link {
    /// A link that works as it should.
    pub const WHOLE: Self =
        Self { share_ppm: 1_000_000, loss_ppm: 0, delay: Span::ZERO, jitter: Span::ZERO };

    /// What it is still worth to a transfer, in parts per million: the share of its rate, less what
    /// has to be sent again.
    ///
    /// Not modelled: that TCP slows down when it loses packets. Its rate is at most
    /// 1.22 MSS / (RTT sqrt(loss)) (Mathis, Semke, Mahdavi, Ott: "The macroscopic behavior of the
    /// TCP congestion avoidance algorithm", 1997), which for the 0.3 ms round trips of a rack is
    /// more than 100 Mbit/s up to a loss of 20 %.
    #[must_use]
    pub fn left_ppm(&self) -> u32 {
        let kept = u64::from(1_000_000 - self.loss_ppm);
        (u64::from(self.share_ppm) * kept / 1_000_000) as u32
    }
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

impl Load {
    /// What is left for a job that computes on all cores, in parts per million.
    ///
    /// Linux gives threads that all want a core equal shares of it (Documentation/scheduler/
    /// sched-design-CFS.rst), so that whoever burns time takes no more than half from another one.
    /// Not modelled: a job that leaves cores free, which is slowed less.
    #[must_use]
    pub fn left_ppm(&self) -> u32 {
        (1_000_000 - self.cpu_ppm).max(500_000)
    }

    /// Whether it takes more than the time of processors.
    fn takes_room(&self) -> bool {
        *self != Self { cpu_ppm: self.cpu_ppm, ..Self::default() }
    }
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

impl Harm {
    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> Fault {
        match self {
            Self::Crash { .. } => Fault::Crash,
            Self::Hang { .. } => Fault::Hang,
            Self::PowerLoss { .. } => Fault::PowerLoss,
            Self::SwitchLoss { .. } => Fault::SwitchLoss,
            Self::ServerLoss => Fault::ServerLoss,
            Self::LinkDegradation(_) => Fault::LinkDegradation,
            Self::ControllerCrash => Fault::ControllerCrash,
            Self::SilentCorruption => Fault::SilentCorruption,
            Self::Upset(_) => Fault::Upset,
            Self::Dram(_) => Fault::Dram,
            Self::Load(_) => Fault::Load,
            Self::Clock(_) => Fault::Clock,
            Self::Process(_) => Fault::Process,
            Self::SlowDown { .. } => Fault::SlowDown,
        }
    }

    /// What an upset, or a fault of a chip, of this class does, unless it harms nothing.
    #[must_use]
    pub fn of_upset(class: Class) -> Option<Self> {
        match class {
            Class::Masked | Class::Corrected => None,
            Class::Silent => Some(Self::SilentCorruption),
            Class::Detected | Class::Crash => Some(Self::Crash { severity: 1, stop: None }),
            Class::Hang => Some(Self::Hang { severity: 1 }),
        }
    }

    /// The class of the failure: 1 for all that are of none.
    #[must_use]
    pub fn severity(&self) -> u8 {
        match *self {
            Self::Crash { severity, .. }
            | Self::Hang { severity }
            | Self::PowerLoss { severity }
            | Self::SwitchLoss { severity } => severity,
            Self::ServerLoss
            | Self::LinkDegradation(_)
            | Self::ControllerCrash
            | Self::SilentCorruption
            | Self::Upset(_)
            | Self::Dram(_)
            | Self::Load(_)
            | Self::Clock(_)
            | Self::Process(_)
            | Self::SlowDown { .. } => 1,
        }
    }

    /// What strikes memories, if it is particles or the faults of chips.
    #[must_use]
    pub fn beam(&self) -> Option<Beam> {
        if let Self::Upset(beam) | Self::Dram(beam) = *self { Some(beam) } else { None }
    }

    /// What it leaves of the rate of the part that it strikes, in parts per million: of a link, or
    /// of the speed at which a node computes.
    #[must_use]
    pub fn left_ppm(&self) -> u32 {
        match self {
            Self::LinkDegradation(link) => link.left_ppm(),
            Self::Load(load) => load.left_ppm(),
            Self::SlowDown { share_ppm } => *share_ppm,
            Self::Crash { .. }
            | Self::Hang { .. }
            | Self::PowerLoss { .. }
            | Self::SwitchLoss { .. }
            | Self::ServerLoss
            | Self::ControllerCrash
            | Self::SilentCorruption
            | Self::Upset(_)
            | Self::Dram(_)
            | Self::Clock(_)
            | Self::Process(_) => 1_000_000,
        }
    }

    /// How well links work under it: as they should under all that is no degradation.
    #[must_use]
    pub fn link(&self) -> Link {
        if let Self::LinkDegradation(link) = *self { link } else { Link::WHOLE }
    }

    /// What of it only real nodes can be made to suffer, if anything.
    #[must_use]
    pub fn needs_real_nodes(&self) -> Option<&'static str> {
        match self {
            Self::LinkDegradation(link) => {
                (link.delay > Span::ZERO).then_some("`delay` and `jitter`")
            }
            Self::Load(load) => {
                load.takes_room().then_some("`memory`, `card` and `disk` of a load")
            }
            Self::Clock(_) => Some("a clock that is wrong"),
            Self::Process(_) => Some("harm to processes"),
            Self::Crash { .. }
            | Self::Hang { .. }
            | Self::PowerLoss { .. }
            | Self::SwitchLoss { .. }
            | Self::ServerLoss
            | Self::ControllerCrash
            | Self::SilentCorruption
            | Self::Upset(_)
            | Self::Dram(_)
            | Self::SlowDown { .. } => None,
        }
    }

    /// What it says beside its kind, as a phrase, if it says anything.
    #[must_use]
    pub fn phrase(&self) -> Option<String> {
        let text = match self {
            Self::Crash { stop, .. } => match stop.as_ref()? {
                Stop::Kill => "the agent of a real node is killed".into(),
                Stop::Panic => "the kernel of a real node panics".into(),
                Stop::Reboot => "a real node boots again".into(),
            },
            Self::LinkDegradation(Link { delay, .. }) if *delay == Span::ZERO => return None,
            Self::LinkDegradation(Link { delay, jitter, .. }) => {
                format!("packets {delay} late, give or take {jitter}")
            }
            Self::Hang { .. }
            | Self::PowerLoss { .. }
            | Self::SwitchLoss { .. }
            | Self::ServerLoss
            | Self::ControllerCrash
            | Self::SilentCorruption
            | Self::Upset(_)
            | Self::Dram(_) => return None,
            Self::Load(Load { cpu_ppm, memory, card, disk }) => {
                let (cpu_ppm, disk) = (*cpu_ppm, *disk);
                let burnt = f64::from(cpu_ppm) / 1e4;
                let all = [
                    (cpu_ppm > 0, format!("{burnt} % of the processors burnt")),
                    (memory.0 > 0, format!("{memory} of memory filled")),
                    (card.0 > 0, format!("{card} of the card filled")),
                    (disk > 0, format!("{} left of the card's rate", ByteRate(disk))),
                ];
                let all: Vec<_> = all.into_iter().filter(|(is, _)| *is).map(|(_, it)| it).collect();
                all.join(", ")
            }
            Self::Clock(Clock { step, drift_ppb }) => {
                let (step, drift_ppb) = (*step, *drift_ppb);
                let by = Span(step.unsigned_abs());
                let step = match step {
                    0 => String::new(),
                    1.. => format!("{by} ahead"),
                    _ => format!("{by} behind"),
                };
                let drift = drift_ppb as f64 / 1e3;
                let drift =
                    if drift_ppb == 0 { String::new() } else { format!("{drift} ppm too fast") };
                let and = if step.is_empty() || drift.is_empty() { "" } else { ", then " };
                format!("clocks {step}{and}{drift}")
            }
            Self::SlowDown { share_ppm } => {
                format!("{} % of the speed left", f64::from(*share_ppm) / 1e4)
            }
            Self::Process(Process { name, act, bits }) => match act {
                Act::Kill => format!("processes `{name}` are killed"),
                Act::Stop => format!("processes `{name}` stand still"),
                Act::Flip => {
                    let plural = if *bits == 1 { "" } else { "s" };
                    format!("{bits} bit{plural} of each process `{name}`")
                }
            },
        };
        Some(text)
    }

    /// It as lines of its rule's table, but for its severity.
    pub(super) fn lines(&self) -> Vec<(&'static str, String)> {
        let text = |text: &dyn std::fmt::Display| format!("\"{text}\"");
        let number = |number: f64| format!("{number:?}");
        let share = |ppm: u32| number(f64::from(ppm) / 1e6);
        match self {
            Self::Crash { stop, .. } => {
                stop.map(|stop| ("means", text(&stop.word()))).into_iter().collect()
            }
            Self::LinkDegradation(Link { share_ppm, loss_ppm, delay, jitter }) => {
                let late = [("delay", text(delay)), ("jitter", text(jitter))];
                let late = late.into_iter().filter(|_| *delay > Span::ZERO);
                [("share", share(*share_ppm)), ("loss", share(*loss_ppm))]
                    .into_iter()
                    .chain(late)
                    .collect()
            }
            Self::SlowDown { share_ppm } => vec![("share", share(*share_ppm))],
            Self::Upset(Beam { factor, .. }) => vec![("beam", number(*factor))],
            Self::Dram(Beam { factor, .. }) => vec![("acceleration", number(*factor))],
            Self::Load(Load { cpu_ppm, memory, card, disk }) => {
                let mut all =
                    vec![("cpu", share(*cpu_ppm)), ("memory", text(memory)), ("card", text(card))];
                all.extend((*disk > 0).then(|| ("disk", text(&ByteRate(*disk)))));
                all
            }
            Self::Clock(Clock { step, drift_ppb }) => {
                let key = if *step < 0 { "behind" } else { "ahead" };
                let step = text(&Span(step.unsigned_abs()));
                vec![(key, step), ("drift", number(*drift_ppb as f64 / 1e3))]
            }
            Self::Process(Process { name, act, bits }) => {
                let name = toml::Value::String(name.clone()).to_string();
                let bits = (*act == Act::Flip).then(|| ("bits", bits.to_string()));
                [("process", name), ("act", text(&act.word()))].into_iter().chain(bits).collect()
            }
            Self::Hang { .. }
            | Self::PowerLoss { .. }
            | Self::SwitchLoss { .. }
            | Self::ServerLoss
            | Self::ControllerCrash
            | Self::SilentCorruption => Vec::new(),
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

/// Reads what the rule of a table does. `rays` is what strikes the memories of a node.
pub(super) fn read(
    kind: Fault,
    section: &Section<'_>,
    rays: Option<Rays>,
    m: &mut Mistakes,
) -> Option<Harm> {
    let severity = || {
        let given: u32 = section.optional("severity")?;
        Some(u8::try_from(given).expect("its key has a bound"))
    };
    Some(match kind {
        Fault::Crash => Harm::Crash { severity: severity()?, stop: section.word("means", m)? },
        Fault::Hang => Harm::Hang { severity: severity()? },
        Fault::PowerLoss => Harm::PowerLoss { severity: severity()? },
        Fault::SwitchLoss => Harm::SwitchLoss { severity: severity()? },
        Fault::ServerLoss => Harm::ServerLoss,
        Fault::LinkDegradation => Harm::LinkDegradation(link(section, m)?),
        Fault::ControllerCrash => Harm::ControllerCrash,
        Fault::SilentCorruption => Harm::SilentCorruption,
        Fault::Upset => Harm::Upset(beam("beam", rays?.upsets, section, m)?),
        Fault::Dram => Harm::Dram(beam("acceleration", rays?.chips, section, m)?),
        Fault::Load => Harm::Load(load(section, m)?),
        Fault::Clock => Harm::Clock(clock(section, m)?),
        Fault::Process => Harm::Process(process(section, m)?),
        Fault::SlowDown => Harm::SlowDown { share_ppm: ppm("share", section, m)? },
    })
}

fn beam(key: &str, source: Source, section: &Section<'_>, m: &mut Mistakes) -> Option<Beam> {
    Some(Beam { factor: section.get(key, m)?, stops: source.stops })
}

fn ppm(key: &str, section: &Section<'_>, m: &mut Mistakes) -> Option<u32> {
    section.share(key, m).map(|share| libm::round(share * 1e6) as u32)
}

fn link(section: &Section<'_>, m: &mut Mistakes) -> Option<Link> {
    let (share_ppm, loss_ppm) = (ppm("share", section, m), ppm("loss", section, m));
    let (delay, jitter) = (section.get("delay", m), section.get("jitter", m));
    let (delay, jitter): (Span, Span) = (delay?, jitter?);
    if jitter > delay {
        let mistake = Mistake::new(section.place("jitter"), "`jitter` is more than `delay`");
        m.note(mistake.help("no packet comes before it is sent; give a longer `delay`"));
    }
    let jitter = if delay == Span::ZERO { Span::ZERO } else { jitter };
    let link = Link { share_ppm: share_ppm?, loss_ppm: loss_ppm?, delay, jitter };
    if link == Link::WHOLE {
        let mistake = Mistake::new(section.own_place(), "this fault leaves its links whole");
        m.note(mistake.help("give `share = \"10 %\"`, or `loss = \"2 %\"`, or `delay`"));
    }
    Some(link)
}

fn load(section: &Section<'_>, m: &mut Mistakes) -> Option<Load> {
    let cpu_ppm = ppm("cpu", section, m);
    let (memory, card) = (section.get("memory", m), section.get("card", m));
    let disk: Option<ByteRate> = section.optional("disk");
    let disk = disk.map_or(0, |rate| rate.0);
    let load = Load { cpu_ppm: cpu_ppm?, memory: memory?, card: card?, disk };
    if load == Load::default() {
        let mistake = Mistake::new(section.own_place(), "this fault loads nothing");
        m.note(mistake.help("give `cpu = \"50 %\"`, or `memory`, `card` or `disk`"));
    }
    Some(load)
}

fn clock(section: &Section<'_>, m: &mut Mistakes) -> Option<Clock> {
    let span = |key| section.optional::<Span>(key).map(|span| span.0.cast_signed());
    let step = span("ahead").or_else(|| span("behind").map(std::ops::Neg::neg));
    let drift: f64 = section.get("drift", m)?;
    let clock = Clock { step: step.unwrap_or(0), drift_ppb: libm::round(drift * 1e3) as i64 };
    if clock == Clock::default() {
        let mistake = Mistake::new(section.own_place(), "this fault leaves its clocks right");
        m.note(mistake.help("give `ahead = \"5 s\"` or `behind`, or `drift = 100.0`"));
    }
    Some(clock)
}

fn process(section: &Section<'_>, m: &mut Mistakes) -> Option<Process> {
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
    Some(Process { name, act, bits: bits.unwrap_or(1) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_real_nodes_suffer_is_said() {
        let said = |harm: Harm| harm.phrase();
        assert_eq!(said(Harm::Crash { severity: 1, stop: None }), None);
        let load = Load { cpu_ppm: 500_000, disk: 2_000_000, ..Load::default() };
        let text = "50 % of the processors burnt, 2 MB/s left of the card's rate";
        assert_eq!(said(Harm::Load(load)).as_deref(), Some(text));
        let clock = Clock { step: -5_000_000_000, drift_ppb: 100_000 };
        let text = "clocks 5 s behind, then 100 ppm too fast";
        assert_eq!(said(Harm::Clock(clock)).as_deref(), Some(text));
    }
}
