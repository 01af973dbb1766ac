//! A plausible plan and its findings, made by hand for the tests of this room.

use std::sync::Arc;

use crate::analysis::{BootSpan, Findings, Metric, NodeClass, NodeFinding, Point, Series};
use crate::ids::{NodeId, PartKind};
use crate::plan::machine::{
    BladeRow, Machine, ModuleRow, NodeRow, PackRow, PsuRow, ServerRow, SwitchRow,
};
use crate::plan::{Job, Plan, pilot};
use crate::report::drawing::WIDTH;
use crate::report::theme::{BOOT_STAGES, CLASSES, class_word};
use crate::scenario::boot::{Boot, BootMethod, Controller, OfferCure, PowerOn};
use crate::scenario::cluster::{
    BootFile, BootTimes, Cluster, Hardware, Module, Network, NodePower, Psu, Server, ServerPer,
};
use crate::scenario::fault::{Age, FaultRule, PartSet, Radius, Rejuvenate, Repair, When};
use crate::scenario::harm::Harm;
use crate::scenario::job::{
    BulkSynchronous, Checkpoint, Coordinated, Cost, Counts, Exposed, Exposure, Integrity, Interval,
    KeptAt, Period, Strikes,
};
use crate::scenario::jobs::{JobSpec, SHORT, ServerOrder};
use crate::scenario::law::{Law, Weibull};
use crate::scenario::queue::{Queue, Queued};
use crate::scenario::workloads::Workloads;
use crate::scenario::{
    Comparison, EventLevel, Expect, Provenance, Record, Scenario, Site, Source, StopRule, StopWhen,
};
use crate::units::{BitRate, Bytes, Length, Power, Span, Time};

/// Chance for made-up numbers: the multiplicative generator of Park and Miller (1988).
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed % 2_147_483_646 + 1)
    }

    /// Uniform in [0, 1).
    pub(super) fn roll(&mut self) -> f64 {
        self.0 = self.0 * 16_807 % 2_147_483_647;
        (self.0 - 1) as f64 / 2_147_483_646.0
    }
}

/// Asserts that no letter of an SVG is smaller than 6 pt if it is printed in a column of 8 cm.
pub(super) fn assert_legible(svg: &str) {
    let points_per_unit = 8.0 / 2.54 * 72.0 / (WIDTH * 10.0);
    let sizes = svg.split("font-size=\"").skip(1).map(|rest| {
        // plotters writes the size of a font as that of an em by 1.24, which is undone on paper.
        let size: f64 = rest.split('"').next().and_then(|it| it.parse().ok()).expect("a number");
        size * points_per_unit
    });
    let smallest = sizes.fold(f64::INFINITY, f64::min);
    assert!(smallest >= 6.0, "letters of {smallest:.2} pt");
}

/// What kind of run to make up.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kind {
    /// Nodes.
    pub(super) nodes: u32,
    /// Length of the run (s).
    pub(super) end_s: f64,
    /// Points of each series.
    pub(super) points: usize,
    /// Whether a job ran.
    pub(super) job: bool,
    /// Servers.
    pub(super) servers: u32,
}

/// A month of the pilot.
pub(super) const MONTH: Kind =
    Kind { nodes: 750, end_s: 31.6 * 86_400.0, points: 2000, job: true, servers: 1 };
/// A boot of the pilot.
pub(super) const BOOT: Kind =
    Kind { nodes: 750, end_s: 903.0, points: 800, job: false, servers: 1 };

/// Nodes of a module of the sample.
const MODULE: u32 = 150;

/// The machine: modules of 150 in packs of 60, 60 and 30, blades of 4, seven modules per rack.
pub(super) fn machine(nodes: u32, servers: u32) -> Machine {
    let mut machine = Machine::default();
    for node in 0..nodes {
        let (module, inside) = (node / MODULE, node % MODULE);
        if inside == 0 {
            machine.modules.push(ModuleRow { rack: module / 7 });
            machine.racks = module / 7 + 1;
            for slot in 0..2 {
                let (limit, restart) = (Power(u64::MAX), Span::ZERO);
                machine.psus.push(PsuRow { module, slot, limit, restart });
            }
            for _ in 0..3 {
                machine.switches.push(SwitchRow {
                    module,
                    psu: module * 2,
                    server: 0,
                    uplink: BitRate(1_000_000_000),
                    power: Power(0),
                });
            }
        }
        let (pack, in_pack) = (inside / 60, inside % 60);
        if in_pack == 0 {
            machine.packs.push(PackRow { module, psu: module * 2 + pack / 2 });
        }
        if in_pack % 4 == 0 {
            machine.blades.push(BladeRow { pack: machine.packs.len() as u32 - 1 });
        }
        machine.nodes.push(NodeRow {
            module,
            blade: machine.blades.len() as u32 - 1,
            switch: module * 3 + inside / 50,
            psu: module * 2 + pack / 2,
            server: module % servers,
            spare: inside >= 144,
        });
    }
    let share = nodes / servers.max(1);
    for server in 0..servers {
        machine
            .servers
            .push(ServerRow { first_node: server * share, end_node: (server + 1) * share });
    }
    machine
}

/// The plan of such a run.
pub(super) fn plan(kind: Kind) -> Plan {
    let machine = machine(kind.nodes, kind.servers);
    let job = Job {
        name: "job".to_owned(),
        nodes: kind.nodes.saturating_sub(30).max(1),
        seats: kind.nodes.saturating_sub(30).max(1),
        steps: 86_400,
        step: Span::from_secs(30),
        last_step: Span::from_secs(30),
        interval: Some(Span::from_secs(10_800)),
        checkpoint_cost: Span::from_secs(640),
        level_costs: vec![Span::from_secs(640)],
        mtbf: Span::from_secs(43_800),
    };
    let jobs = if kind.job { vec![job] } else { Vec::new() };
    Plan {
        scenario: scenario(kind),
        machine: machine.into(),
        jobs: jobs.into(),
        changes: Vec::new().into(),
    }
}

fn hardware() -> Hardware {
    let mw = |mw| Power(mw);
    Hardware {
        model: "Raspberry Pi 3B".to_owned(),
        cores: 4,
        memory: Bytes(1 << 30),
        link: BitRate(100_000_000),
        power: NodePower {
            off: mw(100),
            boot_peak: mw(3500),
            boot: mw(2100),
            idle: mw(1400),
            compute: mw(3700),
            compute_peak: mw(4500),
        },
        sd_read: 20_000_000,
        sd_write: 10_000_000,
        boot: BootTimes {
            inrush: Span::from_secs(1),
            rom: Span::from_secs(12),
            rom_sd: Span::from_secs(3),
            dhcp_tries: 5,
            dhcp_interval: Span::from_secs(6),
            offer_bug: true,
            offer_window: Span::from_secs(2),
            tftp_block: Bytes(1468),
            tftp_pace: Span::from_millis(1),
            tftp_file_overhead: Span::from_millis(20),
            tftp_timeout: Span::from_secs(5),
            files: vec![BootFile { name: "kernel7.img".to_owned(), size: Bytes(5_600_000) }],
            kernel: Span::from_secs(8),
            init: Span::from_secs(14),
            spread: 0.1,
        },
        arrays: vec![pilot::caches()],
    }
}

fn controller() -> Controller {
    Controller {
        detect: Span::from_secs(30),
        phi: None,
        gossip: None,
        boot_timeout: Span::from_secs(300),
        boot_retries: 3,
        settle: Span::from_secs(5),
    }
}

fn module() -> Module {
    Module {
        model: "Cluster Module 150".to_owned(),
        nodes: 150,
        spares: 6,
        nodes_per_blade: 4,
        packs: vec![60, 60, 30],
        switches: 3,
        uplink: BitRate(20_000_000_000),
        psus: vec![Psu {
            packs: vec![1, 2],
            switches: vec![1, 2],
            limit: Power(800_000),
            restart: Span::from_secs(5),
        }],
        switch_power: Power(40_000),
    }
}

fn checkpoint() -> Checkpoint {
    Checkpoint::Coordinated(Coordinated {
        size: Bytes(1_000_000_000),
        interval: Interval::Daly,
        cost: Cost::Store(KeptAt::FileServer),
        last: false,
        strikes: Exposure {
            phases: Strikes { checkpoint: true, restart: true, downtime: false },
            silent: Exposed::Always,
        },
        period: Period::Work,
        counts: Counts::End,
        integrity: Integrity::NONE,
        incremental: None,
        compression: None,
    })
}

fn job(nodes: u32) -> JobSpec {
    let work = BulkSynchronous {
        nodes: nodes.saturating_sub(30).max(1),
        ranks_per_node: 4,
        step: Span::from_secs(30),
        work: Span::from_secs(30 * 86_400),
        replicas: None,
        abft: None,
        collective: None,
        io: None,
    };
    let (checkpoint, queued) = (Some(checkpoint()), Queued::default());
    JobSpec { name: SHORT.into(), work, checkpoint, queued }
}

fn scenario(kind: Kind) -> Scenario {
    Scenario {
        name: if kind.job { "lanl_750_month" } else { "lanl_750_boot" }.to_owned(),
        title: if kind.job {
            "LANL pilot: a month of one synchronous job, checkpointed over 100 Mbit/s"
        } else {
            "LANL pilot: cold boot of 750 nodes from one server"
        }
        .to_owned(),
        seed: 42,
        site: Site { altitude: Length(2_231_000), rigidity: 3.96, solar: 0.5, concrete: Length(0) },
        cluster: Cluster {
            hardware: "pi_3b".to_owned(),
            module: "cluster_module_150".to_owned(),
            modules: kind.nodes.div_ceil(MODULE),
            modules_per_rack: 7,
        },
        hardware: hardware(),
        upset: pilot::upset(),
        module: module(),
        parts: None,
        network: Network { tcp_share: 0.941 },
        server: Server {
            per: ServerPer::Cluster,
            link: BitRate(10_000_000_000),
            disk: 1_000_000_000,
            disk_request: Span::from_millis(1),
            tftp_packets: 60_000,
            dhcp_service: Span::from_millis(2),
            dhcp_ping: None,
            order: ServerOrder::Uncontrolled,
            power: Power(250_000),
            node: None,
            computes: None,
            switch: None,
            supply: None,
        },
        boot: Boot {
            method: BootMethod::PxeNfs,
            power_on: PowerOn { stagger: Span::from_millis(100) },
            root_read: Bytes(80_000_000),
            initramfs: Bytes(20_000_000),
            offer_cure: OfferCure::Nudge,
            stray_frame: 0.2,
        },
        controller: controller(),
        faults: faults(kind.nodes),
        jobs: Vec::from_iter(kind.job.then(|| job(kind.nodes))),
        arrivals: None,
        transfers: Arc::default(),
        workloads: Workloads::default(),
        queue: Queue::default(),
        stop: StopRule { when: StopWhen::WorkloadDone, at: Time(0) + Span::from_secs(90 * 86_400) },
        record: Record { events: EventLevel::All, sample: Span::from_secs(60) },
        expect: vec![Expect {
            metric: "efficiency".to_owned(),
            op: Comparison::Greater,
            bound: 0.5,
        }],
        changes: Vec::new(),
        provenance: provenance(),
    }
}

fn faults(nodes: u32) -> Vec<FaultRule> {
    let year = Span::from_secs(31_557_600);
    vec![
        FaultRule {
            name: "node crash".to_owned(),
            harm: Harm::Crash { severity: 1, stop: None },
            on: PartSet { kind: PartKind::Node, ranges: std::iter::once(0..nodes).collect() },
            when: When::Lifetime {
                law: Law::Weibull(Weibull { shape: 0.7, scale: year }),
                age: Age::Stationary,
                rejuvenate: Rejuvenate::Failed,
                frailty: 0.0,
                rhythm: None,
            },
            repair: Repair::PowerCycle,
            cascade: None,
            prediction: None,
            radius: Radius::Node,
        },
        FaultRule {
            name: "power-loss".to_owned(),
            harm: Harm::PowerLoss { severity: 1 },
            on: PartSet { kind: PartKind::Psu, ranges: std::iter::once(2..3).collect() },
            when: When::At(Time(0) + Span::from_secs(273_600)),
            repair: Repair::After(Law::Exponential { mean: Span::from_secs(3600) }),
            cascade: None,
            prediction: None,
            radius: Radius::Node,
        },
    ]
}

fn provenance() -> Vec<Provenance> {
    let row = |key: &str, value: &str, source| Provenance {
        key: key.to_owned(),
        value: value.to_owned(),
        source,
    };
    vec![
        row(
            "hardware.link",
            "100 Mbit/s",
            Source::Published(
                "https://www.raspberrypi.com/products/raspberry-pi-3-model-b/".into(),
            ),
        ),
        row(
            "module.switches",
            "3",
            Source::Published("Heise, https://www.heise.de/ (2017) and ServeTheHome".into()),
        ),
        row(
            "server.link",
            "10 Gbit/s",
            Source::Assumption("the published texts do not say".into()),
        ),
        row(
            "boot.root_read",
            "80 MB",
            Source::Assumption("a small Debian; nobody measured it".into()),
        ),
        row("site.altitude", "2231 m", Source::Scenario),
    ]
}

/// Findings of such a run: a boot that rises in an S, losses, and checkpoints if there is a job.
pub(super) fn findings(kind: Kind) -> Findings {
    let mut dice = Dice::new(42);
    let boot_s = f64::min(kind.end_s * 0.9, 700.0);
    let nodes = f64::from(kind.nodes);
    let times: Vec<f64> =
        (0..=kind.points).map(|i| kind.end_s * i as f64 / kind.points as f64).collect();
    let mut found = Findings::default();
    let mut classes = vec![Vec::new(); CLASSES.len()];
    let mut up = Vec::new();
    let (mut sent, mut received) = (Vec::new(), Vec::new());
    let (mut mean, mut max) = (Vec::new(), Vec::new());
    for (i, time) in times.iter().enumerate() {
        // A smooth step between a fifth of the boot and all of it.
        let x = ((time / boot_s - 0.2) / 0.8).clamp(0.0, 1.0);
        let rise = x * x * (3.0 - 2.0 * x);
        let lost = (dice.roll() * dice.roll() * nodes / 60.0).floor().min(nodes);
        let here = (rise * nodes).floor().min(nodes - lost);
        let job = kind.job && rise >= 1.0;
        let writes = if job && i % 13 == 5 { 0.6 } else { 0.0 };
        let again = if job && i % 47 < 3 { 0.5 } else { 0.0 };
        let mut put = |class: NodeClass, value: f64| {
            let slot = CLASSES.iter().position(|c| *c == class).expect("listed");
            classes[slot].push((*time, value));
        };
        let work = if job { here * 0.96 } else { 0.0 };
        put(NodeClass::Checkpoint, work * writes);
        put(NodeClass::Rework, work * (1.0 - writes) * again);
        put(NodeClass::Compute, work * (1.0 - writes) * (1.0 - again));
        put(NodeClass::Idle, here - work);
        put(NodeClass::Down, lost * rise);
        put(NodeClass::Boot, nodes - here - lost * rise);
        for class in [NodeClass::Off, NodeClass::Wait, NodeClass::Restart, NodeClass::Hung] {
            put(class, 0.0);
        }
        put(NodeClass::GaveUp, 0.0);
        put(NodeClass::Verify, 0.0);
        up.push((*time, here));
        let storm = (1.0 - rise) * if *time > boot_s * 0.1 { 7.4e9 } else { 0.2e9 };
        sent.push((*time, storm * (0.8 + 0.2 * dice.roll())));
        received.push((*time, writes * 7.8e9 + 0.1e9 * dice.roll()));
        let watts = nodes * (2.1 + 1.5 * writes + if job { 1.6 } else { 0.0 }) + 850.0;
        mean.push((*time, watts * (0.97 + 0.03 * dice.roll())));
        max.push((*time, watts * (1.05 + 0.1 * dice.roll())));
    }
    let mut add = |name: &str, unit: &str, points: Vec<(f64, f64)>| {
        let points = points.into_iter().map(|(t_s, value)| Point::level(t_s, value)).collect();
        found.series.push(Series { name: name.to_owned(), unit: unit.to_owned(), points });
    };
    add("nodes_up", "count", up);
    for (class, points) in CLASSES.iter().zip(classes) {
        add(&format!("node_share/{}", class_word(*class)), "count", points);
    }
    for server in 0..kind.servers {
        let scaled = |points: &[(f64, f64)]| {
            points.iter().map(|p| (p.0, p.1 * (1.0 - f64::from(server % 7) * 0.1))).collect()
        };
        add(&format!("server_sent/{server}"), "bit/s", scaled(&sent));
        add(&format!("server_received/{server}"), "bit/s", scaled(&received));
    }
    add("power", "W", mean);
    let power = found.series.last_mut().expect("it was added");
    for (point, (_, max)) in power.points.iter_mut().zip(max) {
        point.max = max;
    }
    found.nodes = nodes_of(kind, &mut dice);
    found.boots = boots(kind, boot_s, &mut dice);
    found.metrics = metrics(kind);
    found
}

fn nodes_of(kind: Kind, dice: &mut Dice) -> Vec<NodeFinding> {
    let mut rows = Vec::new();
    for node in 0..kind.nodes {
        // One node in twelve fails, and one pack of the second module loses its power.
        let dark = (210..270).contains(&node);
        let fails = dice.roll() < 0.08;
        let mut down_s = if fails { kind.end_s * 0.06 * dice.roll() * dice.roll() } else { 0.0 };
        if dark {
            down_s += kind.end_s * 0.024;
        }
        rows.push(NodeFinding {
            node: NodeId(node),
            boots: 1 + u32::from(fails) + u32::from(dark),
            first_up_s: 60.0 + f64::from(node) * 0.1,
            up_s: kind.end_s - down_s,
            down_s,
            failures: u32::from(fails) + u32::from(dark),
        });
    }
    rows
}

fn boots(kind: Kind, boot_s: f64, dice: &mut Dice) -> Vec<BootSpan> {
    let sample = kind.nodes.min(24);
    let lengths = [0.05, 0.08, 0.22, 0.07, 0.3, 0.12];
    let mut spans = Vec::new();
    for i in 0..sample {
        let node = NodeId(i * (kind.nodes - 1).max(1) / (sample - 1).max(1));
        let mut from_s = f64::from(node.0) * boot_s * 0.1 / f64::from(kind.nodes);
        for ((stage, _), length) in BOOT_STAGES.iter().zip(lengths) {
            let to_s = from_s + boot_s * length * (0.7 + 0.5 * dice.roll());
            spans.push(BootSpan { node, stage: (*stage).to_owned(), from_s, to_s });
            from_s = to_s;
        }
    }
    spans
}

fn metrics(kind: Kind) -> Vec<Metric> {
    let mut rows = vec![
        ("run_time", kind.end_s, "s"),
        ("failures", 63.0, "count"),
        ("boot_t50", kind.end_s.min(420.0), "s"),
        ("boot_t90", kind.end_s.min(590.0), "s"),
        ("boot_t99", kind.end_s.min(667.0), "s"),
        ("nodes_up_max", (f64::from(kind.nodes) - 1.0).max(1.0), "count"),
        ("availability", 0.9921, "1"),
        ("energy", 2950.0 * kind.end_s, "J"),
        ("power_peak", 3.61e3, "W"),
        ("bytes_received_tftp", 7.2e9, "B"),
    ];
    let node_time = kind.end_s * f64::from(kind.nodes);
    if kind.job {
        rows.extend([
            ("makespan", kind.end_s, "s"),
            ("jobs_done", 1.0, "count"),
            ("jobs_unfinished", 0.0, "count"),
            ("efficiency", 0.8712, "1"),
            ("waste", 0.1288, "1"),
            ("waste_checkpoint", 0.0622, "1"),
            ("waste_rework", 0.031, "1"),
            ("waste_restart", 0.009, "1"),
            ("interrupts", 58.0, "count"),
            ("mtti", 41_800.0, "s"),
            ("checkpoints_committed", 231.0, "count"),
            ("checkpoint_time_mean", 611.0, "s"),
            ("checkpoint_time_p50", 608.0, "s"),
            ("checkpoint_time_max", 744.0, "s"),
            ("node_time_compute", 0.8512 * node_time, "s"),
            ("node_time_rework", 0.031 * node_time, "s"),
            ("node_time_checkpoint", 0.0622 * node_time, "s"),
            ("node_time_idle", 0.0396 * node_time, "s"),
            ("node_time_boot", 0.0081 * node_time, "s"),
            ("node_time_down", 0.0079 * node_time, "s"),
        ]);
    } else {
        rows.extend([
            ("node_time_idle", 0.412 * node_time, "s"),
            ("node_time_boot", 0.585 * node_time, "s"),
            ("node_time_down", 0.003 * node_time, "s"),
        ]);
    }
    let metric = |(name, value, unit): (&str, f64, &str)| Metric {
        name: name.to_owned(),
        value,
        unit: unit.to_owned(),
    };
    rows.into_iter().map(metric).collect()
}
