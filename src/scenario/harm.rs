//! What a fault does: each kind with its payload, read from its table and written back.

use serde::{Deserialize, Serialize};

use crate::config::declare::{Declared, Field, Written, table, words};
use crate::config::language::Kind;
use crate::config::layout::Layout;
use crate::config::mistakes::{Mistake, Mistakes};
use crate::config::section::Section;
use crate::config::words::{self, Word};
use crate::cosmic::budget::Class;
use crate::event::Fault;
use crate::scenario::fault::{Crash, Severe};
use crate::scenario::fault_rules::{self, Source};
use crate::scenario::keys::{SHARE, SIZE};
use crate::scenario::partition::{self, Partition};
use crate::units::{ByteRate, Bytes, Span};

/// A minute: longer than any queue of a network holds packets.
const LATE: Kind = Kind::Span(Span::ZERO, Span::from_secs(60));
/// A step of a clock: up to a year.
const STEP: Kind = Kind::Span(Span::ZERO, Span::from_secs(365 * 86_400));

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
    /// Two sets of parts are cut from each other.
    Partition(Partition),
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

table! {
    /// The particles of an upset rule.
    pub(super) struct Rays(Debug) {
        /// Flux as a multiple of the site's, as an accelerated test has it: a million and more.
        beam: f64 = Kind::Number(0.0, 1e15) => "1.0";
    }
}

table! {
    /// The faults of a rule of DRAM.
    pub(super) struct Chips(Debug) {
        /// How many times as often as in the field, transient and permanent ones alike.
        acceleration: f64 = Kind::Number(0.0, 1e15) => "1.0";
    }
}

table! {
    /// How badly a link works; shares in parts per million.
    pub struct Link(Clone, Copy, Debug, PartialEq, Eq) {
        /// Share of the rate that remains; 0 cuts the link.
        share_ppm as "share": u32 = SHARE => "1.0";
        /// Share of the packets that is lost.
        loss_ppm as "loss": u32 = Kind::Share(0.0, 0.9) => "0.0";
        /// How late each packet is that a node sends. Only real nodes can, whose kernel has netem.
        delay: Span = LATE => "\"0 s\"";
        /// The largest distance of a packet's delay from `delay`.
        jitter: Span = LATE => "\"0 s\"";
    }
    checks |section, m| if let (Some(jitter), Some(delay)) = (jitter, delay)
        && jitter > delay
    {
        let mistake = Mistake::new(section.place("jitter"), "`jitter` is more than `delay`");
        m.note(mistake.help("no packet comes before it is sent; give a longer `delay`"));
    }
}

table! {
    /// A slow-down of nodes or servers.
    pub(super) struct SlowDown(Debug) {
        /// Share of the speed that remains. Where rules overlap the smallest counts.
        share_ppm as "share": u32 = Kind::Share(0.001, 0.999);
    }
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

table! {
    /// What a node is left without.
    pub struct Load(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize) {
        /// Share of the time of all cores that is burnt. A job computes with the rest, with half of
        /// all at least.
        cpu_ppm as "cpu": u32 = SHARE => "0.0";
        /// Memory that is filled.
        memory: Bytes = SIZE => "\"0 B\"";
        /// Room that is filled in the folder of the node's checkpoints.
        card: Bytes = SIZE => "\"0 B\"";
        /// What the card still reads, and writes, in a second, for the node's agent; by default as
        /// much as ever.
        disk: u64 = Kind::ByteRate(ByteRate(0), ByteRate(1_000_000_000_000_000)) => "\"0 B/s\"";
    }
    checks |section, m| if section.has("disk") && disk == Some(0) {
        m.note(Mistake::new(section.place("disk"), "a card that reads and writes nothing"));
    }
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

table! {
    /// A clock that is wrong, as files have it.
    pub(super) struct Clocks(Debug) rivals [&["ahead", "behind"]] {
        /// How far the clock is set ahead.
        ahead: Option<Span> = STEP;
        /// How far it is set behind.
        behind: Option<Span> = STEP;
        /// How much too fast it goes from then on (parts per million), or too slow. Linux allows
        /// 500 either way.
        drift: f64 = Kind::Number(-500.0, 500.0) => "0.0";
    }
}

table! {
    /// What is done to the processes of a name.
    pub struct Process(Clone, Debug, PartialEq, Eq, Serialize, Deserialize) {
        /// The name of the processes, as /proc/PID/comm has it.
        name as "process": String;
        /// What is done to each of them: `kill` by SIGKILL, `stop` by SIGSTOP until the repair, or
        /// `flip` bits of its memory.
        act: ProcessHarm;
        /// For `flip`: how many bits.
        bits: u32 = Kind::Count(1, 1_000_000) => "1";
    }
    checks |section, m| check_process(section, name.as_deref(), act, m)
}

/// What is done to a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProcessHarm {
    /// It ends by SIGKILL.
    Kill,
    /// It stands still by SIGSTOP, and goes on after the repair.
    Stop,
    /// Bits of its memory flip.
    Flip,
}

words!(ProcessHarm { Kill = "kill", Stop = "stop", Flip = "flip" });

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
            Self::Partition(_) => Fault::Partition,
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
            | Self::SlowDown { .. }
            | Self::Partition(_) => 1,
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
            | Self::Process(_)
            | Self::Partition(_) => 1_000_000,
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
            | Self::SlowDown { .. }
            | Self::Partition(_) => None,
        }
    }

    /// What it says besides its kind, as a phrase, if it says anything.
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
            Self::Partition(partition) => partition.phrase(),
            Self::Load(Load { cpu_ppm, memory, card, disk }) => {
                let burnt = f64::from(*cpu_ppm) / 1e4;
                let all = [
                    (*cpu_ppm > 0).then(|| format!("{burnt} % of the processors burnt")),
                    (memory.0 > 0).then(|| format!("{memory} of memory filled")),
                    (card.0 > 0).then(|| format!("{card} of the card filled")),
                    (*disk > 0).then(|| format!("{} left of the card's rate", ByteRate(*disk))),
                ];
                all.into_iter().flatten().collect::<Vec<_>>().join(", ")
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
                ProcessHarm::Kill => format!("processes `{name}` are killed"),
                ProcessHarm::Stop => format!("processes `{name}` stand still"),
                ProcessHarm::Flip => {
                    let plural = if *bits == 1 { "" } else { "s" };
                    format!("{bits} bit{plural} of each process `{name}`")
                }
            },
        };
        Some(text)
    }

    /// It as keys of its rule's table, but for its severity.
    pub(super) fn keys(&self) -> Vec<(&'static str, Written)> {
        match self {
            Self::Crash { stop: None, .. }
            | Self::Hang { .. }
            | Self::PowerLoss { .. }
            | Self::SwitchLoss { .. }
            | Self::ServerLoss
            | Self::ControllerCrash
            | Self::SilentCorruption => Vec::new(),
            Self::Crash { stop, .. } => Crash { means: *stop }.keys(),
            Self::LinkDegradation(link) => {
                let late = |key: &str| matches!(key, "delay" | "jitter");
                let mut keys = link.keys();
                keys.retain(|(key, _)| link.delay > Span::ZERO || !late(key));
                keys
            }
            Self::SlowDown { share_ppm } => SlowDown { share_ppm: *share_ppm }.keys(),
            Self::Partition(partition) => partition.keys(),
            Self::Upset(beam) => Rays { beam: beam.factor }.keys(),
            Self::Dram(beam) => Chips { acceleration: beam.factor }.keys(),
            Self::Load(load) => {
                let mut keys = load.keys();
                keys.retain(|(key, _)| *key != "disk" || load.disk > 0);
                keys
            }
            Self::Clock(Clock { step, drift_ppb }) => {
                let by = Some(Span(step.unsigned_abs()));
                let (ahead, behind) = if *step < 0 { (None, by) } else { (by, None) };
                Clocks { ahead, behind, drift: *drift_ppb as f64 / 1e3 }.keys()
            }
            Self::Process(process) => {
                let mut keys = process.keys();
                keys.retain(|(key, _)| *key != "bits" || process.act == ProcessHarm::Flip);
                keys
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

impl Field for Option<Stop> {
    const KIND: Kind = Kind::Choice(words::words::<Self>);

    fn take(section: &Section<'_>, name: &'static str, m: &mut Mistakes) -> Option<Self> {
        section.word(name, m)
    }

    fn written(&self, _: &Kind) -> Written {
        Written::quoted(&self.word())
    }
}

/// Reads what the rule of a table does. `rays` is what strikes the memories of a node.
/// Without a layout (because the machine itself is wrong) sets of parts are not looked up.
pub(super) fn read(
    kind: Fault,
    section: &Section<'_>,
    layout: Option<&Layout>,
    rays: Option<fault_rules::Rays>,
    m: &mut Mistakes,
) -> Option<Harm> {
    let severity = |m: &mut Mistakes| {
        let Severe { severity } = Severe::read(section, m)?;
        Some(u8::try_from(severity).expect("its key has a bound"))
    };
    let beam = |factor, source: Source| Beam { factor, stops: source.stops };
    Some(match kind {
        Fault::Crash => {
            Harm::Crash { severity: severity(m)?, stop: Crash::read(section, m)?.means }
        }
        Fault::Hang => Harm::Hang { severity: severity(m)? },
        Fault::PowerLoss => Harm::PowerLoss { severity: severity(m)? },
        Fault::SwitchLoss => Harm::SwitchLoss { severity: severity(m)? },
        Fault::ServerLoss => Harm::ServerLoss,
        Fault::LinkDegradation => Harm::LinkDegradation(link(section, m)?),
        Fault::ControllerCrash => Harm::ControllerCrash,
        Fault::SilentCorruption => Harm::SilentCorruption,
        Fault::Upset => Harm::Upset(beam(Rays::read(section, m)?.beam, rays?.upsets)),
        Fault::Dram => Harm::Dram(beam(Chips::read(section, m)?.acceleration, rays?.chips)),
        Fault::Load => Harm::Load(load(section, m)?),
        Fault::Clock => Harm::Clock(clock(section, m)?),
        Fault::Process => Harm::Process(Process::read(section, m)?),
        Fault::SlowDown => Harm::SlowDown { share_ppm: SlowDown::read(section, m)?.share_ppm },
        Fault::Partition => Harm::Partition(partition::read(section, layout, m)?),
    })
}

fn link(section: &Section<'_>, m: &mut Mistakes) -> Option<Link> {
    let mut link = Link::read(section, m)?;
    link.jitter = link.jitter.min(link.delay);
    if link == Link::WHOLE {
        let mistake = Mistake::new(section.own_place(), "this fault leaves its links whole");
        m.note(mistake.help("give `share = \"10 %\"`, or `loss = \"2 %\"`, or `delay`"));
    }
    Some(link)
}

fn load(section: &Section<'_>, m: &mut Mistakes) -> Option<Load> {
    let load = Load::read(section, m)?;
    if load == Load::default() {
        let mistake = Mistake::new(section.own_place(), "this fault loads nothing");
        m.note(mistake.help("give `cpu = \"50 %\"`, or `memory`, `card` or `disk`"));
    }
    Some(load)
}

fn clock(section: &Section<'_>, m: &mut Mistakes) -> Option<Clock> {
    let Clocks { ahead, behind, drift } = Clocks::read(section, m)?;
    let step = match (ahead, behind) {
        (Some(ahead), _) => ahead.0.cast_signed(),
        (None, behind) => -behind.unwrap_or(Span::ZERO).0.cast_signed(),
    };
    let clock = Clock { step, drift_ppb: libm::round(drift * 1e3) as i64 };
    if clock == Clock::default() {
        let mistake = Mistake::new(section.own_place(), "this fault leaves its clocks right");
        m.note(mistake.help("give `ahead = \"5 s\"` or `behind`, or `drift = 100.0`"));
    }
    Some(clock)
}

/// Notes a name that no process has, and bits where none are flipped.
fn check_process(
    section: &Section<'_>,
    name: Option<&str>,
    act: Option<ProcessHarm>,
    m: &mut Mistakes,
) {
    if section.has("bits") && act.is_some_and(|act| act != ProcessHarm::Flip) {
        let mistake = Mistake::new(section.place("bits"), "`bits` without `act = \"flip\"`");
        m.note(mistake.help("only who flips bits counts them"));
    }
    let printable = |letter: char| letter.is_ascii_graphic() && !"/,".contains(letter);
    let is_name =
        |name: &str| !name.is_empty() && name.len() <= COMM_MAX && name.chars().all(printable);
    if name.is_some_and(|name| !is_name(name)) {
        let mistake = Mistake::new(section.place("process"), "this is no name of a process");
        m.note(mistake.help("as /proc/PID/comm has it: 15 letters at most, without a path"));
    }
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
