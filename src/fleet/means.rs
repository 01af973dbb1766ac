//! How an agent carries an injection out on its own node, and what it has to be able to for it.
//!
//! What an agent can do, and what it lacks for the rest, it says when it joins: [`Ability`]. The
//! sentence about it is made where it is shown.

use serde::{Deserialize, Deserializer, Serialize};

use crate::event::{Fault, Target};
use crate::fleet::ports::InjectionOrder;
use crate::scenario::fault::FaultRule;
use crate::scenario::harm::{Clock, Harm, Link, Load, Process, ProcessHarm, Stop};
use crate::units::{BitRate, Span};

/// How an agent carries an injection out on its own node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "kebab-case")]
#[allow(missing_docs, reason = "a field says no more than its name and type")]
pub enum Means {
    /// As the kind of its fault says: it stops dead by SIGKILL, or it falls silent by SIGSTOP.
    #[default]
    Usual,
    /// No packet passes between the node and any other host, but for these hosts. If it spares
    /// any, the controller is among them: the agent hears of it, and its lease counts.
    Cut { but: Vec<String> },
    /// No packet passes between the node and these hosts.
    Partition { from: Vec<String> },
    /// The node's link to the controller works badly.
    Link(BadLink),
    /// The node has less than it should.
    Load(Load),
    /// Its clock is wrong.
    Clock(Clock),
    /// It stops itself.
    Stop { how: Stop },
    /// Processes of a name on it are harmed.
    Process(Process),
    /// It computes at a share of its speed.
    Slow { share_ppm: u32 },
}

/// How badly a link works.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BadLink {
    /// What remains of its rate (bit/s); 0: all.
    pub rate: u64,
    /// The share of the packets that is lost, in parts per million.
    pub loss_ppm: u32,
    /// How late each packet is.
    pub delay: Span,
    /// The largest distance of a packet's delay from that.
    pub jitter: Span,
}

impl Means {
    /// Those of a rule, as far as the rule alone gives them: which hosts a cut spares, and which
    /// nodes' links stand for an uplink or a switch, is the stage's to say. `link` is the rate of
    /// a node's link.
    #[must_use]
    pub fn of(rule: &FaultRule, link: BitRate) -> Self {
        match &rule.harm {
            Harm::Crash { stop: Some(how), .. } => Self::Stop { how: *how },
            Harm::LinkDegradation(Link { share_ppm: 0, .. }) => Self::Cut { but: Vec::new() },
            &Harm::LinkDegradation(Link { share_ppm, loss_ppm, delay, jitter }) => {
                let left = u128::from(link.0) * u128::from(share_ppm) / 1_000_000;
                let rate = if share_ppm == 1_000_000 { 0 } else { (left as u64).max(1) };
                Self::Link(BadLink { rate, loss_ppm, delay, jitter })
            }
            Harm::Load(load) => Self::Load(*load),
            Harm::Clock(clock) => Self::Clock(*clock),
            Harm::Process(process) => Self::Process(process.clone()),
            Harm::SlowDown { share_ppm } => Self::Slow { share_ppm: *share_ppm },
            Harm::Crash { stop: None, .. }
            | Harm::Hang { .. }
            | Harm::PowerLoss { .. }
            | Harm::SwitchLoss { .. }
            | Harm::ServerLoss
            | Harm::ControllerCrash
            | Harm::SilentCorruption
            | Harm::Upset(_)
            | Harm::Dram(_)
            | Harm::Partition(_) => Self::Usual,
        }
    }

    /// The share of its speed that it leaves to a node that computes, in parts per million.
    #[must_use]
    pub fn speed(&self) -> u32 {
        match self {
            Self::Load(load) => load.left_ppm(),
            Self::Slow { share_ppm } => *share_ppm,
            Self::Usual
            | Self::Cut { .. }
            | Self::Partition { .. }
            | Self::Link(_)
            | Self::Clock(_)
            | Self::Stop { .. }
            | Self::Process(_) => 1_000_000,
        }
    }
}

impl InjectionOrder {
    /// Whether it is over as soon as it is done: said again it would be done again.
    #[must_use]
    pub fn is_blow(&self) -> bool {
        match &self.means {
            Means::Usual => self.kind == Fault::Crash,
            Means::Stop { .. } => true,
            Means::Process(process) => process.act != ProcessHarm::Stop,
            Means::Cut { .. }
            | Means::Partition { .. }
            | Means::Link(_)
            | Means::Load(_)
            | Means::Clock(_)
            | Means::Slow { .. } => false,
        }
    }

    /// Whether it may keep controller and node from hearing each other while it lasts: then the
    /// node has to end it by itself.
    #[must_use]
    pub fn silences(&self) -> bool {
        match &self.means {
            Means::Usual => self.kind == Fault::Hang,
            Means::Cut { .. } | Means::Partition { .. } => true,
            Means::Link(_)
            | Means::Load(_)
            | Means::Clock(_)
            | Means::Stop { .. }
            | Means::Process(_)
            | Means::Slow { .. } => false,
        }
    }
}

/// What an agent may be able to do to its own node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Capability {
    /// To end by SIGKILL.
    Crash,
    /// To fall silent, and to wake again.
    Hang,
    /// To let no packet pass, but for some hosts, or for some hosts.
    Cut,
    /// To lose packets.
    Loss,
    /// To delay them.
    Delay,
    /// To slow its link down.
    Rate,
    /// To burn the time of its processors.
    Cpu,
    /// To fill its memory.
    Memory,
    /// To fill its card.
    Card,
    /// To slow its card down.
    Disk,
    /// To flip bits of its job's memory.
    Flip,
    /// To set its clock wrong.
    Clock,
    /// To let its clock go wrong.
    Drift,
    /// To boot again.
    Reboot,
    /// To bring its kernel to a panic.
    Panic,
    /// To compute at a share of its speed.
    Slow,
}

impl Capability {
    /// All of them.
    pub const ALL: [Self; 16] = [
        Self::Crash,
        Self::Hang,
        Self::Cut,
        Self::Loss,
        Self::Delay,
        Self::Rate,
        Self::Cpu,
        Self::Memory,
        Self::Card,
        Self::Disk,
        Self::Flip,
        Self::Clock,
        Self::Drift,
        Self::Reboot,
        Self::Panic,
        Self::Slow,
    ];

    /// Its word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Crash => "crash",
            Self::Hang => "hang",
            Self::Cut => "cut",
            Self::Loss => "loss",
            Self::Delay => "delay",
            Self::Rate => "rate",
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::Card => "card",
            Self::Disk => "disk",
            Self::Flip => "flip",
            Self::Clock => "clock",
            Self::Drift => "drift",
            Self::Reboot => "reboot",
            Self::Panic => "panic",
            Self::Slow => "slow",
        }
    }

    /// Why an agent that said this when it joined cannot, if it cannot.
    fn lacks(self, said: &[Ability]) -> Option<String> {
        let why = said.iter().find_map(|ability| match ability {
            Ability::Harm { act, lack } => {
                (*act == self).then(|| lack.as_ref().map(Lack::to_string))
            }
            Ability::Process { .. } => None,
        });
        let why = why.unwrap_or_else(|| Some("its agent does not know it".into()))?;
        Some(format!("harm `{}`: {why}", self.word()))
    }
}

/// What an agent says of itself when it joins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ability", rename_all = "kebab-case")]
pub enum Ability {
    /// It can harm its node so, unless it lacks something.
    Harm {
        /// What it does.
        act: Capability,
        /// What it lacks for it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        lack: Option<Lack>,
    },
    /// It may harm the processes of a name.
    Process {
        /// As `/proc/PID/comm` has it.
        name: String,
    },
}

/// What keeps an agent from a harm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "lack", rename_all = "kebab-case")]
#[allow(missing_docs, reason = "each variant's sentence says what it is")]
pub enum Lack {
    #[error("not allowed; its agent was started without --may {permission}")]
    Permission { permission: String },
    #[error("this node is a namespace: the kernel is others' too")]
    OwnKernel,
    #[error("it is not known whether the kernel is the node's own")]
    KnownKernel,
    #[error("the kernel has no netem")]
    Netem,
    #[error("`{tool}` is not installed")]
    Tool { tool: String },
    #[error("{tool}: {said}")]
    ToolFails { tool: String, said: String },
    #[error("the controller has no address")]
    ControllerAddress,
    #[error("no device leads to the controller")]
    Device,
    #[error("the controller is on this very machine")]
    OtherMachine,
    #[error("somebody else has hooked on {device}")]
    FreeDevice { device: String },
    #[error("no control groups with `{controller}` are mounted here")]
    Groups { controller: String },
    #[error("`{controller}` is not enabled for control groups below the first")]
    Delegation { controller: String },
    #[error("the kernel cannot throttle block devices")]
    Throttle,
    #[error("its folder is on no block device")]
    BlockDevice,
    #[error("{said}")]
    System { said: String },
}

impl From<std::io::Error> for Lack {
    fn from(error: std::io::Error) -> Self {
        Self::System { said: error.to_string() }
    }
}

/// Abilities as they are read from a message: those that this version does not know are skipped.
pub(crate) fn known<'d, D: Deserializer<'d>>(from: D) -> Result<Vec<Ability>, D::Error> {
    let all = Vec::<serde_json::Value>::deserialize(from)?;
    Ok(all.into_iter().filter_map(|one| serde_json::from_value(one).ok()).collect())
}

/// Why an agent that said this of itself when it joined cannot carry an injection out on its own
/// node, if it cannot.
#[must_use]
pub fn lacks(injection: &InjectionOrder, said: &[Ability]) -> Option<String> {
    let needed = match &injection.means {
        Means::Usual => of_kind(injection.kind),
        means => of_means(means),
    };
    lacks_process(&injection.means, said).or_else(|| first_lack(&needed, said))
}

/// Why such an agent cannot suffer all that a rule may do to its node, if it cannot. What needs no
/// agent, such as the power switch, always can be done. `link` is the rate of a node's link.
#[must_use]
pub fn lacks_for(rule: &FaultRule, link: BitRate, said: &[Ability]) -> Option<String> {
    let means = Means::of(rule, link);
    let needed = match &means {
        // By the power switch.
        Means::Usual if rule.kind() == Fault::Crash => Vec::new(),
        // What particles do to a node may be to stop it, to silence it or to flip its bits.
        Means::Usual if rule.kind() == Fault::Upset => vec![Capability::Hang, Capability::Flip],
        Means::Usual => of_kind(rule.kind()),
        means => of_means(means),
    };
    lacks_process(&means, said).or_else(|| first_lack(&needed, said))
}

fn lacks_process(means: &Means, said: &[Ability]) -> Option<String> {
    let Means::Process(Process { name, .. }) = means else { return None };
    let why = format!("harm to `{name}`: its agent was started without --may process={name}");
    (!said.contains(&Ability::Process { name: name.clone() })).then_some(why)
}

fn first_lack(needed: &[Capability], said: &[Ability]) -> Option<String> {
    needed.iter().find_map(|capability| capability.lacks(said))
}

fn of_kind(kind: Fault) -> Vec<Capability> {
    match kind.target() {
        Target::Life if kind == Fault::Crash => vec![Capability::Crash],
        Target::Life => vec![Capability::Hang],
        Target::Switch => vec![Capability::Cut],
        Target::Memory if kind == Fault::SilentCorruption => vec![Capability::Flip],
        Target::Feed
        | Target::Link
        | Target::Server
        | Target::Controller
        | Target::Network
        | Target::Memory
        | Target::Resource => Vec::new(),
    }
}

fn of_means(means: &Means) -> Vec<Capability> {
    let all = |wants: &[(bool, Capability)]| {
        wants.iter().filter(|(wanted, _)| *wanted).map(|&(_, capability)| capability).collect()
    };
    match means {
        Means::Usual | Means::Process(_) => Vec::new(),
        Means::Cut { .. } | Means::Partition { .. } => vec![Capability::Cut],
        Means::Link(BadLink { rate, loss_ppm, delay, jitter }) => all(&[
            (*rate > 0, Capability::Rate),
            (*loss_ppm > 0, Capability::Loss),
            (delay.0 > 0 || jitter.0 > 0, Capability::Delay),
        ]),
        Means::Load(Load { cpu_ppm, memory, card, disk }) => all(&[
            (*cpu_ppm > 0, Capability::Cpu),
            (memory.0 > 0, Capability::Memory),
            (card.0 > 0, Capability::Card),
            (*disk > 0, Capability::Disk),
        ]),
        Means::Clock(Clock { step, drift_ppb }) => {
            all(&[(*step != 0, Capability::Clock), (*drift_ppb != 0, Capability::Drift)])
        }
        Means::Slow { .. } => vec![Capability::Slow],
        Means::Stop { how: Stop::Kill } => vec![Capability::Crash],
        Means::Stop { how: Stop::Panic } => vec![Capability::Panic],
        Means::Stop { how: Stop::Reboot } => vec![Capability::Reboot],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{FaultId, Part, PartKind};
    use crate::plan::pilot;

    const LINK: BitRate = BitRate(100_000_000);

    fn rule(harm: Harm) -> FaultRule {
        FaultRule { harm, ..pilot::crash() }
    }

    fn can(act: Capability) -> Ability {
        Ability::Harm { act, lack: None }
    }

    fn injection(kind: Fault, means: Means) -> InjectionOrder {
        let part = Part { kind: PartKind::Node, index: 0 };
        let (fault, lasts, lease) = (FaultId(0), None, Span(1));
        InjectionOrder { number: 0, fault, kind, part, lasts, lease, means }
    }

    #[test]
    fn a_rule_says_how_its_agent_does_it() {
        let link = Link { share_ppm: 100_000, loss_ppm: 20_000, delay: Span(7), jitter: Span(2) };
        let degraded = rule(Harm::LinkDegradation(link));
        let bad = BadLink { rate: 10_000_000, loss_ppm: 20_000, delay: Span(7), jitter: Span(2) };
        assert_eq!(Means::of(&degraded, LINK), Means::Link(bad));
        let cut = rule(Harm::LinkDegradation(Link { share_ppm: 0, ..link }));
        assert_eq!(Means::of(&cut, LINK), Means::Cut { but: Vec::new() });
        let crash = pilot::crash();
        assert_eq!(Means::of(&crash, LINK), Means::Usual);
        let reboot = rule(Harm::Crash { severity: 1, stop: Some(Stop::Reboot) });
        assert_eq!(Means::of(&reboot, LINK), Means::Stop { how: Stop::Reboot });
    }

    #[test]
    fn an_agent_that_lacks_a_capability_gives_its_reason() {
        let delay = Ability::Harm { act: Capability::Delay, lack: Some(Lack::Netem) };
        let said = vec![can(Capability::Loss), delay];
        let lossy = rule(Harm::LinkDegradation(Link { loss_ppm: 1, ..Link::WHOLE }));
        assert_eq!(lacks_for(&lossy, LINK, &said), None);
        let late = rule(Harm::LinkDegradation(Link { delay: Span(1), ..Link::WHOLE }));
        let why = "harm `delay`: the kernel has no netem";
        assert_eq!(lacks_for(&late, LINK, &said).as_deref(), Some(why));
        let late = injection(Fault::LinkDegradation, Means::of(&late, LINK));
        assert_eq!(lacks(&late, &said).as_deref(), Some(why));
        let why = "harm `hang`: its agent does not know it";
        assert_eq!(lacks(&injection(Fault::Hang, Means::Usual), &said).as_deref(), Some(why));
    }

    #[test]
    fn a_process_is_harmed_where_its_name_is_allowed() {
        let process = Process { name: "hpcg".into(), act: ProcessHarm::Stop, bits: 1 };
        let rule = rule(Harm::Process(process));
        let [own, other] = ["hpcg", "sshd"].map(|name| [Ability::Process { name: name.into() }]);
        assert_eq!(lacks_for(&rule, LINK, &own), None);
        let why = "harm to `hpcg`: its agent was started without --may process=hpcg";
        assert_eq!(lacks_for(&rule, LINK, &other).as_deref(), Some(why));
        let injection = injection(Fault::Process, Means::of(&rule, LINK));
        assert!(
            !injection.is_blow() && !injection.silences() && lacks(&injection, &other).is_some()
        );
    }

    #[test]
    fn the_power_switch_needs_no_agent() {
        let crash = pilot::crash();
        assert_eq!(lacks_for(&crash, LINK, &[]), None);
        let killed = rule(Harm::Crash { severity: 1, stop: Some(Stop::Kill) });
        assert!(lacks_for(&killed, LINK, &[]).is_some());
        assert!(
            lacks(&injection(Fault::Crash, Means::Usual), &[]).is_some(),
            "an agent is asked for it"
        );
    }

    #[test]
    fn what_an_agent_says_of_a_capability_is_said_of_no_other() {
        let words: std::collections::BTreeSet<_> =
            Capability::ALL.iter().map(|capability| capability.word()).collect();
        assert_eq!(words.len(), Capability::ALL.len());
        for one in Capability::ALL {
            let said = [can(one)];
            let lacking = Capability::ALL.iter().filter(|other| other.lacks(&said).is_none());
            assert_eq!(lacking.collect::<Vec<_>>(), [&one]);
        }
    }

    #[test]
    fn abilities_cross_the_wire_and_one_that_is_not_known_is_skipped() {
        let tool = Lack::Tool { tool: "nft".into() };
        let own = vec![
            can(Capability::Cpu),
            Ability::Harm { act: Capability::Cut, lack: Some(tool) },
            Ability::Process { name: "hpcg".into() },
        ];
        let mut text = serde_json::to_value(&own).expect("plain data");
        let all = text.as_array_mut().expect("a list");
        for newer in [
            serde_json::json!({ "ability": "dance" }),
            serde_json::json!({ "ability": "harm", "act": "dance" }),
            serde_json::json!("harm loss"),
        ] {
            all.insert(1, newer);
        }
        assert_eq!(known(text).expect("read"), own);
    }

    #[test]
    fn a_injection_crosses_the_wire_with_its_means() {
        let all = [
            Means::Cut { but: vec!["10.0.0.1".into()] },
            Means::Link(BadLink { rate: 1, ..BadLink::default() }),
            Means::Load(Load { cpu_ppm: 1, ..Load::default() }),
            Means::Clock(Clock { step: -1, drift_ppb: 5 }),
            Means::Stop { how: Stop::Panic },
            Means::Process(Process { name: "hpcg".into(), act: ProcessHarm::Flip, bits: 3 }),
            Means::Slow { share_ppm: 500_000 },
            Means::Usual,
        ];
        for means in all {
            let injection = injection(Fault::Load, means);
            let text = serde_json::to_string(&injection).expect("plain data");
            assert_eq!(
                serde_json::from_str::<InjectionOrder>(&text).expect("as it was"),
                injection
            );
        }
    }
}
