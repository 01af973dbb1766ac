//! The Los Alamos pilot as a scenario value, for tests.

use std::sync::Arc;

use crate::cosmic::memory::{Array, Cell, Outcomes, Protection, Sensitivity, Shares};
use crate::ids::PartKind;
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
use crate::scenario::{EventLevel, Provenance, Record, Scenario, Site, Source, StopRule, StopWhen};
use crate::units::{BitRate, Bytes, Length, Power, Span, Time};

const DAY: u64 = 86_400;

/// 750 nodes, crashes by Weibull 0.7 with a mean life of a year, one power loss at a fixed time.
pub(crate) fn scenario() -> Scenario {
    Scenario {
        name: "lanl_750_month".into(),
        title: "The pilot in a test".into(),
        seed: 42,
        site: Site { altitude: Length(2_231_000), rigidity: 3.96, solar: 0.5, concrete: Length(0) },
        cluster: Cluster {
            hardware: "pi_3b".into(),
            module: "cluster_module_150".into(),
            modules: 5,
            modules_per_rack: 7,
        },
        hardware: hardware(),
        upset: upset(),
        module: module(),
        parts: None,
        network: Network { tcp_share: 0.941 },
        server: server(),
        boot: Boot {
            method: BootMethod::PxeNfs,
            power_on: PowerOn { stagger: Span::from_millis(100) },
            root_read: Bytes(80_000_000),
            initramfs: Bytes(0),
            offer_cure: OfferCure::Ssdp,
            stray_frame: 0.0,
        },
        controller: Controller {
            detect: Span::from_secs(10),
            phi: None,
            gossip: None,
            boot_timeout: Span::from_secs(300),
            boot_retries: 3,
            settle: Span::from_secs(2),
        },
        faults: vec![crash(), power_loss()],
        jobs: vec![JobSpec {
            name: SHORT.into(),
            work: work(),
            checkpoint: Some(Checkpoint::Coordinated(coordinated())),
            queued: Queued::default(),
        }],
        arrivals: None,
        transfers: Arc::default(),
        workloads: Workloads::default(),
        queue: Queue::default(),
        stop: StopRule { when: StopWhen::WorkloadDone, at: Time(90 * DAY * 1_000_000_000) },
        record: Record { events: EventLevel::All, sample: Span::from_secs(60) },
        expect: Vec::new(),
        changes: Vec::new(),
        provenance: vec![
            Provenance {
                key: "server.link".into(),
                value: "10 Gbit/s".into(),
                source: Source::Assumption("nobody published the server of the pilot".into()),
            },
            Provenance {
                key: "module.nodes".into(),
                value: "150".into(),
                source: Source::Published("heise".into()),
            },
        ],
    }
}

/// A month on all nodes but the spares.
fn work() -> BulkSynchronous {
    BulkSynchronous {
        nodes: 720,
        ranks_per_node: 4,
        step: Span::from_secs(30),
        work: Span::from_secs(30 * DAY),
        replicas: None,
        abft: None,
        collective: None,
        io: None,
    }
}

/// A gigabyte of each node to the file server, by Daly's interval.
fn coordinated() -> Coordinated {
    Coordinated {
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
    }
}

/// Crashes of all nodes, repaired by a power cycle.
pub(crate) fn crash() -> FaultRule {
    let scale = 365.0 * DAY as f64 / libm::tgamma(1.0 + 1.0 / 0.7);
    let law = Law::Weibull(Weibull { shape: 0.7, scale: Span::from_secs_f64(scale) });
    FaultRule {
        name: "node crash".into(),
        harm: Harm::Crash { severity: 1, stop: None },
        on: PartSet { kind: PartKind::Node, ranges: std::iter::once(0..750).collect() },
        when: lifetime(law, Age::Stationary),
        repair: Repair::PowerCycle,
        cascade: None,
        prediction: None,
        radius: Radius::Node,
    }
}

/// `module[2]/psu[1]` at 3 d 4 h.
fn power_loss() -> FaultRule {
    FaultRule {
        name: "power loss".into(),
        harm: Harm::PowerLoss { severity: 1 },
        on: PartSet { kind: PartKind::Psu, ranges: std::iter::once(2..3).collect() },
        when: When::At(Time((3 * 24 + 4) * 3_600 * 1_000_000_000)),
        repair: Repair::After(Law::Fixed(Span::from_secs(3_600))),
        cascade: None,
        prediction: None,
        radius: Radius::Node,
    }
}

/// Fixed spans in place of transfers.
pub(crate) fn fix_costs(scenario: &mut Scenario, write: Span) {
    let cost = Cost::Fixed { write, read: write, downtime: Span::ZERO };
    checkpoint(scenario).cost = cost;
}

/// What the profiles say of a node that is struck.
pub(crate) fn upset() -> Outcomes {
    let busy = Shares { silent: 0.1, crash: 0.05, hang: 0.02 };
    let idle = Shares { silent: 0.0, crash: 0.02, hang: 0.01 };
    Outcomes { idle, compute: busy, checkpoint: busy }
}

/// The caches of a Pi, as its profile has them together.
pub(crate) fn caches() -> Array {
    Array {
        name: "caches".into(),
        kind: Cell::Sram,
        size: Bytes(768 * 1024),
        sensitivity: Sensitivity::Sigma(1.14e-14),
        multi_bit: 0.05,
        protection: Protection::None,
    }
}

fn hardware() -> Hardware {
    Hardware {
        model: "Raspberry Pi 3B".into(),
        cores: 4,
        memory: Bytes(1 << 30),
        link: BitRate(100_000_000),
        power: NodePower {
            off: Power(100),
            boot_peak: Power(5_000),
            boot: Power(3_000),
            idle: Power(1_500),
            compute: Power(4_000),
            compute_peak: Power(5_330),
        },
        sd_read: 20_000_000,
        sd_write: 10_000_000,
        boot: BootTimes {
            inrush: Span::from_secs(1),
            rom: Span::from_secs(5),
            rom_sd: Span::from_secs(2),
            dhcp_tries: 5,
            dhcp_interval: Span::from_secs(5),
            offer_bug: true,
            offer_window: Span::from_secs(2),
            tftp_block: Bytes(1_468),
            tftp_pace: Span(400_000),
            tftp_file_overhead: Span::from_millis(10),
            tftp_timeout: Span::from_secs(5),
            files: vec![BootFile { name: "kernel7.img".into(), size: Bytes(6_000_000) }],
            kernel: Span::from_secs(5),
            init: Span::from_secs(20),
            spread: 0.05,
        },
        arrays: vec![caches()],
    }
}

/// 2 x CP60 and 1 x CP30; left PSU: a pack of 60, the pack of 30 and a switch.
fn module() -> Module {
    let psu = |packs, switches| Psu {
        packs,
        switches,
        limit: Power(600_000),
        restart: Span::from_secs(5),
    };
    Module {
        model: "BitScope Cluster Module 150".into(),
        nodes: 150,
        spares: 6,
        nodes_per_blade: 4,
        packs: vec![60, 60, 30],
        switches: 3,
        uplink: BitRate(20_000_000_000),
        psus: vec![psu(vec![1, 3], vec![1]), psu(vec![2], vec![2, 3])],
        switch_power: Power(30_000),
    }
}

fn server() -> Server {
    Server {
        per: ServerPer::Cluster,
        link: BitRate(10_000_000_000),
        disk: 1_000_000_000,
        disk_request: Span::ZERO,
        tftp_packets: 100_000,
        dhcp_service: Span::from_millis(1),
        dhcp_ping: None,
        order: ServerOrder::Uncontrolled,
        power: Power(200_000),
        node: None,
        computes: None,
        switch: None,
        supply: None,
    }
}

/// Lifetimes of this law, after which only the part that failed is new.
pub(crate) fn lifetime(law: Law, age: Age) -> When {
    When::Lifetime { law, age, rejuvenate: Rejuvenate::Failed, frailty: 0.0, rhythm: None }
}

/// The pilot's checkpoints.
pub(crate) fn checkpoint(scenario: &mut Scenario) -> &mut Coordinated {
    match &mut scenario.jobs[0].checkpoint {
        Some(Checkpoint::Coordinated(spec)) => spec,
        _ => panic!("the pilot writes checkpoints of one level"),
    }
}
