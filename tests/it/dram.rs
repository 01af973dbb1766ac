//! Faults of chips of DRAM in whole runs: how often they come and meet, and what comes of them.

use std::collections::BTreeSet;

use rackstorm::backend::Backend;
use rackstorm::backend::loopback::Loopback;
use rackstorm::backend::turmoil::Turmoil;
use rackstorm::cosmic::budget::{Class, classes_of};
use rackstorm::cosmic::dram::{Chips, MODES};
use rackstorm::cosmic::flux::Flux;
use rackstorm::cosmic::memory::{Damage, Damages, Protection, Shares};
use rackstorm::event::{Fault, What};
use rackstorm::units::Span;

use crate::harness::{plan_of, play_text};

/// The hours of each run.
const HOURS: f64 = 240.0;

/// Idle nodes with a module of 18 chips each, for ten days.
fn idle(modules: u32, protection: &str, acceleration: f64, shares: Shares) -> String {
    let Shares { silent, crash, hang } = shares;
    format!(
        "schema = 1\ntitle = \"chips\"\ninherit = \"edge_rack_24\"\nseed = 1\n\
         [cluster]\nmodules = {modules}\n[boot]\nmethod = \"instant\"\n\
         [stop]\nwhen = \"never\"\nat = \"10 d\"\n[record]\nsample = \"1 d\"\n\
         [[hardware.array]]\nname = \"cache\"\nkind = \"sram\"\nsize = \"1 MiB\"\n\
         sigma = 1e-14\nmulti_bit = 0.1\nprotection = \"secded\"\n\
         [[hardware.array]]\nname = \"module\"\nkind = \"dram\"\nsize = \"2 GiB\"\n\
         devices = 18\nprotection = \"{protection}\"\n\
         [upset.idle]\nsilent = {silent}\ncrash = {crash}\nhang = {hang}\n\
         [[fault.dram]]\non = \"node\"\nacceleration = {acceleration}\nrepair = \"10 min\"\n"
    )
}

const UNREAD: Shares = Shares { silent: 0.0, crash: 0.0, hang: 0.0 };

fn chips(text: &str, code: Protection) -> Chips {
    let flux = Flux::at(&plan_of(text).scenario.site).factor;
    Chips { count: 18, code, damages: Damages::USUAL, scrub: 24.0, flux }
}

/// A count lies within the 99 % interval of a Poisson law of this mean.
fn meets(count: f64, mean: f64, what: &str) {
    assert!(mean > 20.0, "{what}: too few are expected to judge by a normal law: {mean}");
    let half = 2.5758 * mean.sqrt();
    assert!((count - mean).abs() < half, "{what}: {count} is not {mean} +- {half}");
}

/// 0.0704 in seven years, which pass in ten days.
#[test]
fn as_many_nodes_have_any_fault_in_seven_years_as_the_closed_form_says() {
    let faster = 7.0 * 365.0 / 10.0;
    let text = idle(100, "chipkill", faster, UNREAD);
    let mut struck = BTreeSet::new();
    for event in play_text(&text, None).events {
        if let What::ChipFault { node, .. } = event.what {
            struck.insert(node);
        }
    }
    let p = chips(&text, Protection::Chipkill).any_fault(HOURS * faster);
    assert!((p - 0.0704).abs() < 0.001, "at sea level: {p}");
    let (n, got) = (2400.0, struck.len() as f64 / 2400.0);
    let half = 2.5758 * (p * (1.0 - p) / n).sqrt();
    assert!((got - p).abs() < half, "{got} is not {p} +- {half}");
}

/// FaultSim's case, a module of 18 chips under SECDED for 7 years: it prints 0.0363 of modules.
#[test]
fn as_many_nodes_have_an_uncorrectable_fault_as_the_closed_form_and_faultsim_say() {
    let faster = 7.0 * 365.0 / 10.0;
    let text = idle(500, "secded", faster, UNREAD).replace(
        "devices = 18\n",
        "devices = 18\nscrub = \"3 h\"\nword_fault = \"all\"\ncolumn_fault = \"all\"\n\
         row_fault = \"all\"\n",
    );
    let all = Damages { word: Damage::All, column: Damage::All, row: Damage::All };
    let chips = Chips { damages: all, scrub: 3.0, ..chips(&text, Protection::Secded) };
    let p = chips.any_uncorrected(HOURS * faster);
    assert!((p - 0.0363).abs() < 0.0005, "at sea level: {p}");
    let (n, got) = (12_000.0, play_text(&text, None).metric("dram_nodes_uncorrectable") / 12_000.0);
    let half = 2.5758 * (p * (1.0 - p) / n).sqrt();
    assert!((got - p).abs() < half, "{got} is not {p} +- {half}");
}

#[test]
fn chipkill_corrects_all_faults_but_those_that_meet() {
    let faster = 2_500.0;
    let text = idle(100, "chipkill", faster, UNREAD);
    let run = play_text(&text, None);
    let pairs = chips(&text, Protection::Chipkill).all_meetings(HOURS) * faster * faster;
    meets(run.metric("dram_met"), 2400.0 * pairs, "pairs");
    let left = run.metric("dram_masked") - run.metric("dram_met");
    assert!(left.abs() < 0.5, "nobody reads what is detected");
    let corrected = run.metric("dram_faults") - run.metric("dram_met");
    assert!((run.metric("dram_corrected") - corrected).abs() < 0.5);
}

/// SECDED, whose corrected faults hardly ever meet.
#[test]
fn faults_of_each_class_come_at_the_rates_of_the_table_and_memory_is_swapped() {
    let shares = Shares { silent: 0.4, crash: 0.3, hang: 0.2 };
    let (faster, code) = (3e5, Protection::Secded);
    let text = idle(1, "secded", faster, shares);
    let run = play_text(&text, None);
    let chips = chips(&text, code);
    let hours = 24.0 * HOURS * faster * run.metric("availability");
    for (place, class) in Class::ALL.into_iter().enumerate() {
        let rate =
            |mode| chips.alone(mode, 1.0).faults * classes_of(chips.verdict(mode), shares)[place];
        let mean = MODES.iter().map(rate).sum::<f64>() * hours;
        meets(run.metric(&format!("dram_{}", class.word())), mean, class.word());
    }
    let (_, permanent) = (19.2, 46.9 / (19.2 * chips.flux + 46.9));
    meets(run.metric("dram_permanent"), run.metric("dram_faults") * permanent, "permanent");

    // Whoever is stopped for good is back ten minutes later, with other memory.
    let mut due = BTreeSet::new();
    let end = run.events.last().expect("a run").at;
    for event in &run.events {
        match event.what {
            What::ChipFault { node, permanent: true, class, .. }
                if !matches!(class, Class::Masked | Class::Corrected | Class::Silent) =>
            {
                due.insert((event.at + Span::from_secs(600), node.0));
            }
            What::FaultEnds { kind: Fault::Dram, part, .. } => {
                assert!(due.remove(&(event.at, part.index)), "a swap without need: {event:?}");
            }
            _ => {}
        }
    }
    assert!(due.iter().all(|&(at, _)| at > end), "{due:?}");
}

#[test]
fn upsets_leave_chips_alone_whose_faults_are_followed() {
    let text = idle(1, "none", 1e4, UNREAD) + "[[fault.upset]]\non = \"node\"\nbeam = 1e6\n";
    let (mut upsets, mut faults) = (0, 0);
    for event in play_text(&text, None).events {
        match event.what {
            What::Upset { array, .. } => {
                assert_eq!(array, 0);
                upsets += 1;
            }
            What::ChipFault { array, .. } => {
                assert_eq!(array, 1);
                faults += 1;
            }
            _ => {}
        }
    }
    assert!(upsets > 20 && faults > 20, "{upsets} {faults}");
}

#[test]
fn stages_with_agents_refuse_faults_of_chips() {
    let plan = plan_of(&idle(1, "secded", 1e4, UNREAD));
    for stage in [&Turmoil as &dyn Backend, &Loopback] {
        let reasons = stage.cannot(&plan);
        assert!(reasons.iter().any(|why| why.contains("[[fault.dram]]")), "{reasons:?}");
    }
}
