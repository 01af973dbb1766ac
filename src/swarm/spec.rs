//! What a seed draws: a small machine, a job, faults that all heal, and disturbances by a harness.

use std::fmt::Write;

use super::nemesis;
use crate::backend::turmoil::nemesis::Disturbance;
use crate::event::{Fault, Target};
use crate::rng::{Draw, Stream};

/// About when an instant boot and one from a card let the job start (ms).
pub(super) const BOOTS: [u64; 2] = [2_000, 35_000];
/// Faults strike within this time of an instant (ms).
const NEAR: u64 = 12_000;
/// All have struck by then (ms): the longest boot, twice the longest job, and what is near.
pub(super) const STRUCK_BY: u64 = BOOTS[1] + 2 * 8 * 24 * 1_000 + NEAR;
/// The longest damage (s).
pub(super) const LASTS_MAX: u64 = 60;
/// Time in which a healed machine must finish: boots, power cycles and the whole job, many times
/// over (s).
const GRACE: u64 = 3_600;

/// Where a spec keeps its checkpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keep {
    Nowhere,
    FixedCosts,
    FileServer,
    Card,
    Partner,
    /// On cards, each second one at a partner too, and each second one of these at the server.
    Levels,
    /// In memory, each second one at buddies too if these divide, and each second one of these at
    /// the server.
    Memory,
}

/// How a spec's controller detects failures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Watch {
    Timeout,
    Phi,
    Gossip,
}

/// How a spec's job looks for silent corruption.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Verify {
    /// Of a verification (s).
    cost: u64,
    per_checkpoint: u64,
    /// In per cent.
    coverage: u64,
    /// Checkpoints that are kept.
    keep: u64,
}

/// The nodes on a seat of a spec's job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Crew {
    degree: u64,
    /// Share of the seats that have so many (per cent).
    share: u64,
    /// Whether dead replicas come back at checkpoints.
    restart: bool,
}

/// A machine, a job and what strikes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunSpec {
    /// The seed.
    pub seed: u64,
    pub(super) nodes: u64,
    spares: u64,
    switches: u64,
    instant: bool,
    detect: u64,
    pub(super) watch: Watch,
    step: u64,
    steps: u64,
    interval: u64,
    /// Of a checkpoint image (MB).
    size: u64,
    pub(super) keep: Keep,
    verify: Option<Verify>,
    crew: Option<Crew>,
    /// What strikes, in no order.
    pub strikes: Vec<Strike>,
}

/// Something that strikes: a fault of the scenario, or what the harness does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Strike {
    /// A fault.
    Fault(RandomFault),
    /// Not in the scenario.
    Nemesis(Disturbance),
}

/// One fault at one time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RandomFault {
    /// Its kind.
    pub kind: Fault,
    /// What it strikes, as scenario files name it.
    pub on: String,
    /// When (ms); if it is foreseen, its part's lifetime.
    pub at: u64,
    /// How long it lasts (s); 0: until the controller cycles the node's power.
    pub lasts: u64,
    /// What is left of a link's rate, or of a node's speed (per cent).
    pub share: u64,
    /// Packets that a link loses (per cent).
    pub loss: u64,
    /// Whether alarms announce it, true and false ones.
    pub foreseen: Option<Foreseen>,
    /// Of a partition, the side that is cut from `on`, and whether only one way.
    pub from_whom: Option<(String, bool)>,
}

/// How well a fault is foreseen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Foreseen {
    /// Share of the strikes that is announced (per cent).
    pub recall: u64,
    /// Share of the alarms that come true (per cent).
    pub precision: u64,
    /// How long before (s).
    pub lead: u64,
}

impl RunSpec {
    /// The spec of a seed, and of nothing else.
    #[must_use]
    pub fn draw(seed: u64) -> Self {
        let stream = Stream::new(seed, "swarm");
        let (mut draw, mut more) = (stream.draw(0, 0), stream.draw(1, 0));
        let (spares, switches) = (draw.below(3), 1 + draw.below(2));
        let nodes = 2 + spares + draw.below(6);
        let keeps =
            [Keep::Nowhere, Keep::FixedCosts, Keep::FileServer, Keep::FileServer, Keep::Card];
        let mut spec = Self {
            seed,
            nodes,
            spares,
            switches,
            instant: draw.below(3) > 0,
            detect: 3 + draw.below(6),
            // A draw of its own: with another detector a seed is the same otherwise.
            watch: *pick(&mut more, &[Watch::Timeout, Watch::Phi, Watch::Gossip]),
            step: 1 + draw.below(8),
            steps: 5 + draw.below(20),
            interval: 5 + draw.below(30),
            size: *pick(&mut draw, &[5, 20, 80]),
            keep: *pick(&mut draw, &[&keeps[..], &[Keep::Partner; 2]].concat()),
            verify: None,
            crew: None,
            strikes: Vec::new(),
        };
        // Drawn last of its stream, so that a seed without levels is the same as ever.
        if spec.keep != Keep::Nowhere && more.below(5) == 0 {
            spec.keep = Keep::Levels;
        }
        let mut kinds = Fault::ALL.to_vec();
        let apart = [Target::Resource, Target::Network];
        kinds.retain(|kind| !kind.corrupts() && !apart.contains(&kind.target()));
        kinds.retain(|_| draw.below(2) == 0);
        if kinds.is_empty() {
            kinds.push(Fault::Crash);
        }
        // Faults seldom come alone: they gather around a few instants, while the job runs.
        let span = BOOTS[usize::from(!spec.instant)] + 2 * spec.step * spec.steps * 1_000;
        let instants: Vec<_> = (0..=draw.below(3)).map(|_| draw.below(span)).collect();
        for _ in 0..draw.below(9) {
            let kind = *pick(&mut draw, &kinds);
            let near = pick(&mut draw, &instants) + draw.below(NEAR);
            spec.strike(&mut draw, kind, near);
        }
        spec.add(&mut stream.draw(2, 0), span);
        if spec.keep == Keep::Levels && stream.draw(3, 0).below(2) == 0 {
            spec.keep = Keep::Memory;
        }
        // No reader takes predictions for a job with levels.
        let foreseen = spec.faults().any(|fault| fault.foreseen.is_some());
        let is_plain = spec.verify.is_none() && spec.crew.is_none() && !foreseen;
        if spec.keep != Keep::Nowhere && is_plain && stream.draw(6, 0).below(4) == 0 {
            spec.keep = Keep::Memory;
            let cut = nemesis::cut(&spec, &mut stream.draw(7, 0), span);
            spec.strikes.push(Strike::Fault(cut));
        }
        // One in six has many more faults, one in three nodes that are slow for some time.
        let (mut storm, mut slow) = (stream.draw(4, 0), stream.draw(8, 0));
        let n_storm = if storm.below(6) == 0 { 6 + storm.below(12) } else { 0 };
        spec.strike_anywhere(&mut storm, n_storm, &kinds, span);
        let n_slow = if slow.below(3) == 0 { 1 + slow.below(4) } else { 0 };
        spec.strike_anywhere(&mut slow, n_slow, &[Fault::SlowDown], span);
        // And one in four with partitions of the network.
        let mut cut = stream.draw(9, 0);
        let n_cut = if cut.below(4) == 0 { 1 + cut.below(2) } else { 0 };
        spec.strike_anywhere(&mut cut, n_cut, &[Fault::Partition], span);
        let disturbances = nemesis::draw(&spec, &mut stream.draw(5, 0), span);
        spec.strikes.extend(disturbances.into_iter().map(Strike::Nemesis));
        spec
    }

    fn strike(&mut self, draw: &mut Draw, kind: Fault, at: u64) {
        let fault = self.fault(draw, kind, at);
        self.strikes.push(Strike::Fault(fault));
    }

    fn strike_anywhere(&mut self, draw: &mut Draw, n: u64, kinds: &[Fault], span: u64) {
        for _ in 0..n {
            let (kind, at) = (*pick(draw, kinds), draw.below(span));
            self.strike(draw, kind, at);
        }
    }

    /// The faults among what strikes.
    pub fn faults(&self) -> impl Iterator<Item = &RandomFault> {
        self.strikes.iter().filter_map(|strike| match strike {
            Strike::Fault(fault) => Some(fault),
            Strike::Nemesis(_) => None,
        })
    }

    /// What the harness does.
    #[must_use]
    pub fn disturbances(&self) -> Vec<Disturbance> {
        let nemesis = |strike: &Strike| match strike {
            Strike::Fault(_) => None,
            Strike::Nemesis(disturbance) => Some(*disturbance),
        };
        self.strikes.iter().filter_map(nemesis).collect()
    }

    /// Adds to each second spec what fits it: silent corruption, replicas, or alarms. From draws of
    /// its own, so that the other specs are the same without. The job lasts for about `span` (ms).
    fn add(&mut self, draw: &mut Draw, span: u64) {
        let levels = self.keep == Keep::Levels;
        match draw.below(6) {
            0 if !levels => {
                if self.keep != Keep::Nowhere {
                    let (cost, per_checkpoint) = (1 + draw.below(3), 1 + draw.below(2));
                    let on_cards = matches!(self.keep, Keep::Card | Keep::Partner);
                    let coverage = *pick(draw, &[100, 100, 50]);
                    let keep = if on_cards { 1 } else { 1 + draw.below(3) };
                    self.verify = Some(Verify { cost, per_checkpoint, coverage, keep });
                }
                for _ in 0..=draw.below(4) {
                    let at = draw.below(span);
                    self.strike(draw, Fault::SilentCorruption, at);
                }
            }
            1 => {
                if !matches!(self.keep, Keep::Nowhere | Keep::FixedCosts) {
                    self.keep = Keep::FileServer;
                }
                let most = (self.nodes - self.spares).min(3);
                let (degree, share) = (2 + draw.below(most - 1), *pick(draw, &[50, 100, 100]));
                let restart = self.keep != Keep::Nowhere && draw.below(2) == 0;
                self.crew = Some(Crew { degree, share, restart });
            }
            2 if !levels && self.keep != Keep::Nowhere => {
                let kind = *pick(draw, &[Fault::Crash, Fault::Hang]);
                // Longer than the job, which would else never be done.
                let life = span + draw.below(span);
                let mut fault = self.fault(draw, kind, life);
                let (recall, precision) = (*pick(draw, &[50, 100]), *pick(draw, &[5, 50, 100]));
                let lead = 1 + draw.below(30);
                fault.lasts = 0;
                fault.foreseen = Some(Foreseen { recall, precision, lead });
                self.strikes.push(Strike::Fault(fault));
            }
            _ => {}
        }
    }

    fn fault(&self, draw: &mut Draw, kind: Fault, at: u64) -> RandomFault {
        let node = 1 + draw.below(self.nodes);
        let switch = 1 + draw.below(self.switches);
        let on = match kind.target() {
            Target::Feed => "psu[1]".into(),
            Target::Switch => format!("switch[{switch}]"),
            Target::Server => "server[1]".into(),
            Target::Link if draw.below(2) == 0 => format!("switch[{switch}]/uplink"),
            Target::Link => format!("pi{node}/link"),
            Target::Controller => "controller".into(),
            Target::Life | Target::Memory | Target::Resource | Target::Network => {
                format!("pi{node}")
            }
        };
        let cycled = kind.target() == Target::Life && draw.below(3) > 0;
        let lasts = if cycled { 0 } else { 1 + draw.below(LASTS_MAX) };
        let slows = kind == Fault::SlowDown;
        let share = *pick(draw, if slows { &[5, 25, 50, 90] } else { &[0, 0, 1, 50] });
        let loss = *pick(draw, &[0, 5, 30]);
        let from_whom = (kind.target() == Target::Network).then(|| {
            let others = [format!("node!{on}"), "controller".into(), "server".into()];
            (pick(draw, &others).clone(), draw.below(2) == 0)
        });
        RandomFault { kind, on, at, lasts, share, loss, foreseen: None, from_whom }
    }

    /// Its name, as that of a file.
    #[must_use]
    pub fn name(&self) -> String {
        format!("swarm_{}", self.seed)
    }

    /// The spec as a scenario file.
    #[must_use]
    pub fn text(&self) -> String {
        let Self { seed, nodes, spares, switches, detect, step, interval, size, .. } = *self;
        let (boot, work) = (if self.instant { "instant" } else { "sd" }, step * self.steps);
        let end = STRUCK_BY / 1_000 + LASTS_MAX + GRACE;
        let mut text = format!(
            "schema  = 1\ntitle   = \"Swarm, seed {seed}\"\ninherit = \"edge_rack_24\"\n\
             seed    = {seed}\n\n\
             [cluster]\nmodules = 1\n\n\
             [module]\nnodes    = {nodes}\nspares   = {spares}\npacks    = [{nodes}]\n\
             switches = {switches}\n\n\
             [[module.psu]]\npacks    = [1]\nswitches = {all:?}\nlimit    = \"1 kW\"\n\
             restart  = \"5 s\"\n\n\
             [boot]\nmethod = \"{boot}\"\n\n\
             [controller]\ndetect       = \"{detect} s\"\nboot_timeout = \"2 min\"\n\
             boot_retries = 1000\nsettle       = \"2 s\"\n\n\
             [workload.bulk-synchronous]\nstep = \"{step} s\"\nwork = \"{work} s\"\n{crew}\n\
             [stop]\nwhen = \"workload done\"\nat   = \"{end} s\"\n",
            all = (1..=switches).collect::<Vec<_>>(),
            crew = self.crew.map_or_else(String::new, Crew::text),
        );
        text += match self.watch {
            Watch::Timeout => "",
            Watch::Phi => "\n[controller.phi]\nbeat = \"500 ms\"\n",
            Watch::Gossip => "\n[controller.gossip]\nperiod  = \"500 ms\"\ntimeout = \"150 ms\"\n",
        };
        let to = |level: &str| format!("size     = \"{size} MB\"\nto       = \"{level}\"\n");
        let levels = |places: &[&str]| {
            let every = |n: usize| if n == 0 { "" } else { "every    = 2\n" };
            let level = |(n, place): (usize, &&str)| {
                format!("\n[[checkpoint.multilevel.level]]\n{}{}", to(place), every(n))
            };
            places.iter().enumerate().map(level).collect::<String>()
        };
        let keep = match self.keep {
            Keep::Nowhere => String::new(),
            Keep::FixedCosts => {
                "cost     = { write = \"3 s\", read = \"2 s\", downtime = \"1 s\" }\n".into()
            }
            Keep::FileServer => to("file-server"),
            Keep::Card => to("card"),
            Keep::Partner => to("partner"),
            Keep::Levels => levels(&["card", "partner", "file-server"]),
            Keep::Memory => match (2..=3).find(|copies| (nodes - spares).is_multiple_of(*copies)) {
                None => levels(&["memory", "file-server"]),
                Some(copies) => levels(&["memory", "buddies", "file-server"])
                    .replace("\"buddies\"\n", &format!("\"buddies\"\ncopies   = {copies}\n")),
            },
        };
        if !keep.is_empty() {
            let table = match self.keep {
                Keep::Levels | Keep::Memory => "[checkpoint.multilevel]",
                _ => "[checkpoint.coordinated]",
            };
            write!(text, "\n{table}\ninterval = \"{interval} s\"\n{keep}").expect(WRITES);
            text += &self.verify.map_or_else(String::new, Verify::text);
        }
        text.extend(self.faults().map(RandomFault::text));
        let disturbances = self.disturbances();
        if !disturbances.is_empty() {
            text += "\n# What the harness does besides these; only `rackstorm swarm` can:\n";
            text.extend(disturbances.iter().map(|it| format!("#   {it}\n")));
        }
        text
    }
}

impl Verify {
    fn text(self) -> String {
        let Self { cost, per_checkpoint, coverage, keep } = self;
        format!(
            "keep     = {keep}\nverify   = {{ cost = \"{cost} s\", per_checkpoint = \
             {per_checkpoint}, coverage = \"{coverage} %\" }}\n"
        )
    }
}

impl Crew {
    fn text(self) -> String {
        let Self { degree, share, restart } = self;
        let strategy = if restart { "restart" } else { "no-restart" };
        format!(
            "replicas = {{ degree = {degree}, share = \"{share} %\", strategy = \"{strategy}\" \
             }}\n"
        )
    }
}

impl RandomFault {
    fn text(&self) -> String {
        let Self { kind, on, at, lasts, share, loss, foreseen, from_whom } = self;
        let mut text = format!("\n[[fault.{}]]\n", kind.word());
        match from_whom {
            None => writeln!(text, "on     = \"{on}\"").expect(WRITES),
            Some((to, one_way)) => {
                write!(text, "from   = \"{on}\"\nto     = \"{to}\"\none_way = {one_way}\n")
                    .expect(WRITES);
            }
        }
        match foreseen {
            None => writeln!(text, "at     = \"{at} ms\"").expect(WRITES),
            Some(Foreseen { recall, precision, lead }) => write!(
                text,
                "lifetime   = {{ fixed = \"{at} ms\" }}\nage        = \"new\"\n\
                 prediction = {{ recall = \"{recall} %\", precision = \"{precision} %\", \
                 lead = \"{lead} s\" }}\n"
            )
            .expect(WRITES),
        }
        if *kind != Fault::SilentCorruption {
            let repair = if *lasts == 0 { "power-cycle".into() } else { format!("{lasts} s") };
            writeln!(text, "repair = \"{repair}\"").expect(WRITES);
        }
        if *kind == Fault::LinkDegradation || *kind == Fault::SlowDown {
            writeln!(text, "share  = \"{share} %\"").expect(WRITES);
        }
        if *kind == Fault::LinkDegradation {
            writeln!(text, "loss   = \"{loss} %\"").expect(WRITES);
        }
        text
    }
}

const WRITES: &str = "a string takes any text";

pub(super) fn pick<'a, T>(draw: &mut Draw, from: &'a [T]) -> &'a T {
    &from[draw.below(from.len() as u64) as usize]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario;

    #[test]
    fn every_spec_is_a_scenario_and_every_kind_of_fault_is_drawn() {
        let of_specs = |kind: &Fault| {
            let simple = *kind == Fault::SilentCorruption || !kind.corrupts();
            simple && (kind.target() != Target::Resource || *kind == Fault::SlowDown)
        };
        let mut kinds = std::collections::BTreeSet::new();
        let (mut verified, mut crewed, mut foreseen, mut most) = (0, 0, 0, 0);
        for seed in 0..500 {
            let spec = RunSpec::draw(seed);
            verified += u32::from(spec.verify.is_some());
            crewed += u32::from(spec.crew.is_some());
            foreseen += u32::from(spec.faults().any(|fault| fault.foreseen.is_some()));
            assert_eq!(spec, RunSpec::draw(seed));
            kinds.extend(spec.faults().map(|fault| fault.kind));
            most = most.max(spec.faults().count());
            if let Err(mistakes) = scenario::read(&spec.name(), &spec.text()) {
                panic!("{mistakes}\n{}", spec.text());
            }
        }
        assert_eq!(
            kinds.len(),
            Fault::ALL.into_iter().filter(of_specs).count(),
            "all but upsets, faults of DRAM and what agents alone can do"
        );
        assert!(most > 20, "{most}");
        assert!(verified > 30 && crewed > 50 && foreseen > 30, "{verified} {crewed} {foreseen}");
    }
}
