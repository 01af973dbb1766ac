//! Random small scenarios, as TOML text: a pure function of a seed.

use std::fmt::Write;

use rackstorm::rng::{Draw, Stream};

/// Chance for the writer of scenarios.
struct Dice(Draw);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0.below(n)
    }

    fn between(&mut self, least: u64, most: u64) -> u64 {
        least + self.below(most - least + 1)
    }

    /// True so many times in a hundred.
    fn percent(&mut self, chance: u64) -> bool {
        self.below(100) < chance
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }
}

/// What later tables must know of earlier ones.
struct Outline {
    modules: u64,
    nodes: u64,
    spares: u64,
    psus: u64,
    switches: u64,
    servers: u64,
    net: bool,
    job: bool,
    /// Instants (s) of which fixed times are chosen, so that things coincide.
    instants: Vec<u64>,
    /// End of the run (s).
    end: u64,
    step: u64,
}

/// The text of the scenario with this number.
pub(super) fn scenario(seed: u64) -> String {
    let mut dice = Dice(Stream::new(seed, "swarm").draw(0, 0));
    let mut text = format!("schema = 1\ntitle = \"swarm {seed}\"\nseed = {seed}\n");
    let mut outline = machine(&mut dice, &mut text);
    boot(&mut dice, &mut outline, &mut text);
    let mut alarms = Dice(Stream::new(seed, "swarm/alarms").draw(0, 0));
    for _ in 0..dice.below(6) {
        let before = text.len();
        fault(&mut dice, &outline, &mut text);
        let table = text.split_off(before);
        text += &table;
        prediction(&mut alarms, &table, &mut text);
    }
    if outline.job {
        job(&mut dice, &outline, &mut text);
    }
    stop(&mut dice, &outline, &mut text);
    text
}

macro_rules! put {
    ($text:expr, $($arg:tt)*) => {
        writeln!($text, $($arg)*).expect("a string takes all")
    };
}

fn machine(dice: &mut Dice, text: &mut String) -> Outline {
    let modules = dice.between(1, 3);
    let packs: Vec<u64> = (0..dice.between(1, 3)).map(|_| dice.between(2, 8)).collect();
    let nodes: u64 = packs.iter().sum();
    let spares = if dice.percent(50) { dice.below(nodes / 2) } else { 0 };
    let switches = dice.between(1, 3);
    let psus = dice.between(1, packs.len() as u64);
    let per_rack = dice.between(1, 2);
    put!(text, "[cluster]\nhardware = \"pi_3b\"\nmodule = \"cluster_module_150\"");
    put!(text, "modules = {modules}\nmodules_per_rack = {per_rack}");
    put!(text, "[module]\nnodes = {nodes}\nspares = {spares}\nnodes_per_blade = 4");
    put!(text, "packs = {packs:?}\nswitches = {switches}");
    put!(text, "uplink = \"{} Mbit/s\"\nswitch_power = \"10 W\"", dice.pick(&[20, 100, 1_000]));
    for psu in 0..psus {
        let mine = |count: u64| (1..=count).filter(|n| n % psus == psu).collect::<Vec<_>>();
        let (fed, wired) = (mine(packs.len() as u64), mine(switches));
        let load: u64 = fed.iter().map(|&pack| packs[pack as usize - 1]).sum();
        // From too little for its switches to enough for all nodes at their peak of 6.83 W.
        let base = 10_000 * wired.len() as u64;
        let limit = match dice.below(20) {
            0 => base,
            1..6 => base + dice.between(1_000, 3_900) * load,
            6..12 => base + dice.between(4_000, 6_830) * load,
            _ => base + 6_830 * load,
        };
        put!(text, "[[module.psu]]\npacks = {fed:?}\nswitches = {wired:?}");
        put!(text, "limit = \"{} mW\"\nrestart = \"{} s\"", limit.max(1), dice.pick(&[1, 5, 30]));
    }
    let (per, servers) = match dice.below(3) {
        0 => ("cluster", 1),
        1 => ("rack", modules.div_ceil(per_rack)),
        _ => ("module", modules),
    };
    put!(text, "[server]\nper = \"{per}\"\nlink = \"{} Mbit/s\"", dice.pick(&[50, 200, 1_000]));
    let disk = dice.pick(&["5 MB/s", "50 MB/s", "2 GB/s"]);
    put!(text, "disk = \"{disk}\"\ndisk_request = \"{} ms\"", dice.pick(&[0, 0, 1, 200]));
    put!(text, "tftp_packets = \"{} packets/s\"", dice.pick(&[2_000, 100_000]));
    put!(text, "dhcp_service = \"{} ms\"", dice.pick(&[0, 1, 300]));
    match dice.below(3) {
        0 => put!(text, "dhcp_ping = false"),
        1 => put!(text, "dhcp_ping = true"),
        _ => put!(text, "dhcp_ping = {{ wait = \"1 s\", burst = {} }}", dice.between(1, 9)),
    }
    let end = dice.pick(&[60, 300, 900, 1_800]);
    let mut instants: Vec<u64> = (0..6).map(|_| dice.below(end)).collect();
    instants.extend([0, end, 30, 60]);
    let (net, job, step) = (false, dice.percent(75), dice.pick(&[1, 5, 10, 30]));
    Outline { modules, nodes, spares, psus, switches, servers, net, job, instants, end, step }
}

fn boot(dice: &mut Dice, outline: &mut Outline, text: &mut String) {
    let methods = ["instant", "instant", "sd", "pxe-nfs", "pxe-nfs", "pxe-nbd", "pxe-initramfs"];
    let method = dice.pick(&methods);
    outline.net = method.starts_with("pxe");
    put!(text, "[boot]\nmethod = \"{method}\"");
    put!(text, "power_on = {{ stagger = \"{} ms\" }}", dice.pick(&[0, 0, 100, 1_000, 5_000]));
    put!(text, "root_read = \"{} kB\"", dice.pick(&[0, 1, 5_000, 40_000]));
    put!(text, "initramfs = \"{} kB\"", dice.pick(&[1, 1_000, 8_000]));
    put!(text, "offer_cure = \"{}\"", dice.pick(&["none", "nudge", "ssdp"]));
    put!(text, "stray_frame = {}", dice.pick(&["0.1", "0.5", "1.0"]));
    put!(text, "[hardware.boot]\noffer_bug = {}", dice.percent(50));
    put!(text, "rom = \"{} s\"\nrom_sd = \"1 s\"", dice.pick(&[0, 1, 7]));
    put!(text, "inrush = \"{} s\"", dice.pick(&[0, 2, 10]));
    put!(text, "dhcp_tries = {}", dice.pick(&[1, 4, 300]));
    put!(text, "dhcp_interval = \"{} ms\"", dice.pick(&[500, 1_000, 5_000]));
    put!(text, "tftp_file_overhead = \"{} ms\"", dice.pick(&[0, 50]));
    put!(text, "tftp_timeout = \"{} s\"", dice.pick(&[1, 5, 30]));
    put!(text, "kernel = \"{} s\"\ninit = \"{} s\"", dice.pick(&[0, 4]), dice.pick(&[0, 10]));
    put!(text, "spread = {}", dice.pick(&["0.0", "0.1", "0.9"]));
    let size = dice.pick(&[1, 4_927_984]);
    put!(
        text,
        "files = [{{ name = \"a\", size = \"2 kB\" }}, {{ name = \"b\", size = \"{size} B\" }}]"
    );
    put!(text, "[controller]\ndetect = \"{} s\"", dice.pick(&[0, 1, 10, 40]));
    put!(text, "boot_timeout = \"{} s\"", dice.pick(&[5, 30, 60, 600]));
    put!(text, "boot_retries = {}", dice.pick(&[0, 1, 3, 10]));
    put!(text, "settle = \"{} s\"", dice.pick(&[0, 2, 30]));
}

/// A law of spans around so many seconds.
fn law(dice: &mut Dice, seconds: u64) -> String {
    match dice.below(7) {
        0 => format!("{{ fixed = \"{} s\" }}", seconds.max(1)),
        1 => format!("{{ exponential = {{ mean = \"{} s\" }} }}", seconds.max(1)),
        2 => {
            let shape = dice.pick(&["0.3", "0.7", "3.0"]);
            format!("{{ weibull = {{ mean = \"{} s\", shape = {shape} }} }}", seconds.max(1))
        }
        3 => {
            let shape = dice.pick(&["0.2", "1.0", "5.0"]);
            format!("{{ gamma = {{ mean = \"{} s\", shape = {shape} }} }}", seconds.max(1))
        }
        4 => format!(
            "{{ bathtub = {{ early = {{ shape = 0.5, mean = \"{} s\" }}, mean = \"{} s\", \
             wear = {{ shape = 3, scale = \"{} s\" }} }} }}",
            3 * seconds.max(1),
            2 * seconds.max(1),
            4 * seconds.max(1)
        ),
        5 => format!(
            "{{ empirical = {{ values = [\"{} s\", \"{} s\"] }} }}",
            2 * seconds.max(1),
            seconds / 2
        ),
        _ => format!("{{ lognormal = {{ median = \"{} s\", sigma = 1.0 }} }}", seconds.max(1)),
    }
}

/// What lifetimes may have besides their law.
fn manner(dice: &mut Dice, node: bool, text: &mut String) {
    put!(text, "age = \"{}\"", dice.pick(&["stationary", "new"]));
    put!(text, "rejuvenate = \"{}\"", dice.pick(&["failed", "failed", "all"]));
    if dice.percent(20) {
        put!(text, "frailty = {}", dice.pick(&["0.1", "1.0", "8.0"]));
    }
    if dice.percent(20) {
        let (day, weekend) =
            (dice.pick(&["0.0", "0.5", "0.95"]), dice.pick(&["0.1", "1.0", "4.0"]));
        let (peak, start) = (dice.below(24), dice.below(168));
        put!(text, "rhythm.day = {day}\nrhythm.weekend = {weekend}");
        put!(text, "rhythm.peak = \"{peak} h\"\nrhythm.start = \"{start} h\"");
    }
    if node && dice.percent(20) {
        let around = ["blade", "pack", "module", "rack", "switch", "psu", "server"];
        put!(text, "radius = \"{}\"", dice.pick(&around));
    }
}

/// Parts of a kind: one of them, the first few, or all.
fn parts(dice: &mut Dice, path: &str, count: u64) -> String {
    match dice.below(3) {
        0 => path.replace('#', &format!("[{}]", dice.between(1, count))),
        1 => path.replace('#', &format!("[1-{}]", dice.between(1, count))),
        _ => path.replace('#', &format!("[1-{count}]")),
    }
}

fn fault(dice: &mut Dice, outline: &Outline, text: &mut String) {
    let Outline { modules, nodes, psus, switches, servers, end, .. } = *outline;
    let kind = dice.pick(&[
        "crash",
        "crash",
        "crash",
        "hang",
        "hang",
        "power-loss",
        "switch-loss",
        "server-loss",
        "link-degradation",
        "link-degradation",
    ]);
    let on = match kind {
        "crash" | "hang" => {
            let on = parts(dice, "pi#", modules * nodes);
            let module = dice.between(1, modules);
            if dice.percent(20) { format!("module[{module}]/psu[1]") } else { on }
        }
        "power-loss" => parts(dice, "psu#", modules * psus),
        "switch-loss" => parts(dice, "switch#", modules * switches),
        "server-loss" => parts(dice, "server#", servers),
        _ if dice.percent(50) => parts(dice, "switch#/uplink", modules * switches),
        _ => parts(dice, "pi#/link", modules * nodes),
    };
    put!(text, "[[fault.{kind}]]\non = \"{on}\"");
    let node = matches!(kind, "crash" | "hang");
    if dice.percent(50) {
        put!(text, "at = \"{} s\"", dice.pick(&outline.instants));
    } else {
        // The whole machine should see from some few to some hundred failures.
        let parts = if node { modules * nodes } else { 1 };
        let seconds = end * parts / dice.pick(&[1, 3, 30]);
        put!(text, "lifetime = {}", law(dice, seconds));
        manner(dice, node, text);
    }
    if on.contains("[1-") && !on.contains("[1-1]") && dice.percent(20) {
        let (chance, delay) = (dice.pick(&["0.1", "0.8"]), dice.pick(&["1 s", "1 min", "1 h"]));
        put!(text, "cascade = {{ chance = {chance}, delay = \"{delay}\" }}");
    }
    match dice.below(5) {
        0 => put!(text, "repair = \"never\""),
        1 => put!(text, "repair = \"{} s\"", dice.pick(&[0, 1, 10, 60])),
        2 => put!(text, "repair = {}", law(dice, end / 20)),
        _ if node => put!(text, "repair = \"power-cycle\""),
        _ => put!(text, "repair = \"{} s\"", outline.step * 2),
    }
    if kind == "link-degradation" {
        put!(text, "share = {}", dice.pick(&["0.0", "0.0", "0.01", "0.3", "0.9"]));
    }
}

/// Perhaps a predictor for the rule of this table, if it can have one.
fn prediction(dice: &mut Dice, table: &str, text: &mut String) {
    let kinds = ["crash", "hang", "power-loss", "switch-loss"];
    let stops = kinds.iter().any(|kind| table.starts_with(&format!("[[fault.{kind}]]")));
    if stops && table.contains("\nlifetime = ") && dice.percent(40) {
        let (recall, precision) =
            (dice.pick(&["0.0", "0.5", "1.0"]), dice.pick(&["0.1", "0.8", "1.0"]));
        let lead = dice.pick(&[1, 10, 60, 600]);
        put!(text, "prediction.recall = {recall}\nprediction.precision = {precision}");
        put!(text, "prediction.lead = \"{lead} s\"");
    }
}

fn job(dice: &mut Dice, outline: &Outline, text: &mut String) {
    let all = outline.modules * outline.nodes;
    let active = outline.modules * (outline.nodes - outline.spares);
    let needed = match dice.below(10) {
        0 => all,
        1 => 1,
        2..5 => dice.between(1, active),
        _ => active,
    };
    let step = outline.step;
    let work = dice.pick(&[step, 3 * step, 7 * step + step.div_ceil(2), outline.end / 2 + step]);
    put!(text, "[workload.bulk-synchronous]\nnodes = {needed}");
    put!(text, "step = \"{step} s\"\nwork = \"{work} s\"");
    if dice.percent(15) {
        return;
    }
    put!(text, "[checkpoint.coordinated]\ninterval = \"{} s\"", step * dice.between(1, 4));
    put!(text, "last = {}\nperiod = \"{}\"", dice.percent(30), dice.pick(&["work", "whole"]));
    if dice.percent(50) {
        let (write, read) = (dice.pick(&[0, 1, 10]), dice.pick(&[0, 1, 10]));
        let downtime = dice.pick(&[0, 0, 7]);
        put!(
            text,
            "cost = {{ write = \"{write} s\", read = \"{read} s\", downtime = \"{downtime} s\" }}"
        );
    } else {
        put!(text, "size = \"{} kB\"\nto = \"file-server\"", dice.pick(&[1, 1_000, 20_000]));
    }
    put!(text, "[checkpoint.coordinated.strikes]");
    for phase in ["checkpoint", "restart", "downtime"] {
        put!(text, "{phase} = {}", dice.percent(60));
    }
}

fn stop(dice: &mut Dice, outline: &Outline, text: &mut String) {
    let when = match dice.below(4) {
        0 => "never",
        1 => "all up",
        _ if outline.job => "workload done",
        _ => "never",
    };
    put!(text, "[stop]\nwhen = \"{when}\"\nat = \"{} s\"", outline.end);
    put!(text, "[record]\nsample = \"{} s\"", dice.pick(&[1, 10, 60]));
}
