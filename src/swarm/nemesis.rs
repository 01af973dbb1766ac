//! What a spec's harness does besides the faults of its scenario.
//!
//! Distances and sizes of images differ for the whole run, so that nothing arrives together. The
//! rest gathers around faults, in windows that close: a healed machine must be able to finish.

use super::spec::{Keep, LASTS_MAX, RandomFault, RunSpec, STRUCK_BY, Watch, pick};
use crate::backend::turmoil::nemesis::{Disturbance, Host, Kind, Store, Switch};
use crate::event::Fault;
use crate::ids::NodeId;
use crate::rng::Draw;
use crate::units::{Span, Time};

/// The longest time that a packet is late (ms).
const LATE: u64 = 3_000;
/// The farthest distance (ms), and that which the time-outs of gossip bear.
const FAR: [u64; 2] = [200, 15];
/// The longest time that a controller's disk may be full (ms): it gives a run up after three
/// heartbeats, of half a second or more.
const FULL: u64 = 1_000;
/// A controller's clock is set by up to so much (ms).
const STEP: u64 = 90_000;

/// Families of disturbances. A seed draws which it knows at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    Packets,
    Processes,
    Relics,
    Storage,
    Clock,
    Switches,
}

const FAMILIES: [Family; 6] = [
    Family::Packets,
    Family::Processes,
    Family::Relics,
    Family::Storage,
    Family::Clock,
    Family::Switches,
];

/// What the harness of a spec does, whose job lasts for about `span` (ms).
pub(super) fn draw(spec: &RunSpec, draw: &mut Draw, span: u64) -> Vec<Disturbance> {
    let mut all = uneven(spec, draw);
    let mut families = FAMILIES.to_vec();
    families.retain(|_| draw.below(2) == 0);
    // A window near a fault, or anywhere in the job.
    let faults: Vec<_> = spec.faults().map(|fault| fault.at.min(STRUCK_BY)).collect();
    let near = |draw: &mut Draw| match faults[..] {
        [_, ..] if draw.below(3) > 0 => {
            (pick(draw, &faults) + draw.below(12_000)).saturating_sub(2_000)
        }
        _ => draw.below(span),
    };
    if !families.is_empty() {
        for _ in 0..draw.below(9) {
            let (family, at) = (*pick(draw, &families), near(draw));
            let (kind, on, lasts) = one(spec, draw, family);
            all.push(window(kind, on, at, lasts));
        }
    }
    // Whoever holds images in memory may lose them without its node, best while nobody looks.
    if spec.keep == Keep::Memory || draw.below(4) == 0 {
        all.extend(restarts_behind_cuts(spec, draw));
    }
    if draw.below(4) == 0 {
        let (at, lasts) = (near(draw), 4_000 + draw.below(LASTS_MAX * 1_000));
        all.push(window(Kind::Takeover, Host::Controller, at, lasts));
        // Somebody may have to find a controller anew meanwhile.
        for _ in 0..draw.below(3) {
            let (node, later) = (any_node(spec, draw), draw.below(lasts));
            all.push(window(Kind::Restart, node, at + later, 0));
        }
    }
    all
}

fn window(kind: Kind, on: Host, at: u64, lasts: u64) -> Disturbance {
    let (at, lasts) = (Time::ZERO + Span::from_millis(at), Span::from_millis(lasts));
    Disturbance { kind, on, at, lasts }
}

fn any_node(spec: &RunSpec, draw: &mut Draw) -> Host {
    Host::Node(NodeId(draw.below(spec.nodes) as u32))
}

fn any_host(spec: &RunSpec, draw: &mut Draw) -> Host {
    if draw.below(4) == 0 { Host::Controller } else { any_node(spec, draw) }
}

/// Distances and sizes that differ from node to node.
fn uneven(spec: &RunSpec, draw: &mut Draw) -> Vec<Disturbance> {
    let (is_uneven, is_larger) = (draw.below(3) > 0, draw.below(2) == 0);
    let far = FAR[usize::from(spec.watch == Watch::Gossip)];
    let mut all = Vec::new();
    for node in 0..spec.nodes {
        let host = Host::Node(NodeId(node as u32));
        let (by, larger) = (Span::from_millis(draw.below(far)), draw.below(200) as u8);
        let always = |kind| window(kind, host, 0, 2 * STRUCK_BY);
        all.extend(is_uneven.then(|| always(Kind::Distance { by })));
        all.extend(is_larger.then(|| always(Kind::Larger { by: larger })));
    }
    all
}

/// One of a family: what, to whom and for how long (ms).
fn one(spec: &RunSpec, draw: &mut Draw, family: Family) -> (Kind, Host, u64) {
    let lasts = 1_000 + draw.below(LASTS_MAX * 1_000);
    let by = Span::from_millis(1 + draw.below(LATE));
    let share = *pick(draw, &[5, 20, 50]);
    match family {
        Family::Packets => {
            let kinds = [
                Kind::Duplicates { share, by },
                Kind::Reorders { share, by },
                Kind::OneWay { sends: true },
                Kind::OneWay { sends: false },
            ];
            (*pick(draw, &kinds), any_host(spec, draw), lasts)
        }
        Family::Processes if draw.below(2) == 0 => (Kind::Restart, any_node(spec, draw), 0),
        Family::Processes => (Kind::Pause, any_host(spec, draw), 1_000 + draw.below(20_000)),
        Family::Relics => (Kind::Relic, any_node(spec, draw), 0),
        Family::Storage if draw.below(4) == 0 => {
            let slow = Store::Slow { by: Span(by.0 / 3) };
            let (how, lasts) = *pick(draw, &[(slow, lasts), (Store::Full, lasts.min(FULL))]);
            (Kind::Store(how), Host::Controller, lasts)
        }
        Family::Storage => {
            let how = [Store::Slow { by }, Store::Full, Store::Torn, Store::Unreadable];
            (Kind::Store(*pick(draw, &how)), any_node(spec, draw), lasts)
        }
        Family::Clock => {
            let by = draw.below(STEP).cast_signed() - STEP.cast_signed() / 2;
            (Kind::ClockStep { by }, Host::Controller, 0)
        }
        Family::Switches => {
            let how = [Switch::Refuses, Switch::Denies, Switch::Hangs];
            (Kind::Switch(*pick(draw, &how)), any_node(spec, draw), lasts)
        }
    }
}

/// Agents restart while their nodes are cut off, so that nobody sees it: the controller knows of
/// the cut, and waits for what they hold in memory.
fn restarts_behind_cuts(spec: &RunSpec, draw: &mut Draw) -> Vec<Disturbance> {
    let cut_node = |fault: &RandomFault| {
        let node = fault.on.strip_prefix("pi")?.strip_suffix("/link")?.parse::<u32>().ok()?;
        (fault.kind == Fault::LinkDegradation && fault.share == 0).then_some(NodeId(node - 1))
    };
    let mut all = Vec::new();
    for cut in spec.faults() {
        let node = match cut_node(cut) {
            Some(node) => Host::Node(node),
            None if cut.kind == Fault::SwitchLoss => any_node(spec, draw),
            None => continue,
        };
        all.push(window(Kind::Restart, node, cut.at + draw.below(1_000 * cut.lasts + 1), 0));
    }
    all
}

/// A cut of one node's link, while the job runs.
pub(super) fn cut(spec: &RunSpec, draw: &mut Draw, span: u64) -> RandomFault {
    let on = format!("pi{}/link", 1 + draw.below(spec.nodes));
    let (at, lasts) = (draw.below(span), 10 + draw.below(LASTS_MAX - 10));
    let (kind, share, loss) = (Fault::LinkDegradation, 0, 0);
    RandomFault { kind, on, at, lasts, share, loss, foreseen: None, from_whom: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::swarm::spec::BOOTS;

    #[test]
    fn every_kind_is_drawn_and_all_windows_close() {
        let mut words = std::collections::BTreeSet::new();
        let mut most = 0;
        for seed in 0..1_000 {
            let all = RunSpec::draw(seed).disturbances();
            most = most.max(all.len());
            for it in all {
                let end = Time::ZERO + Span::from_millis(2 * STRUCK_BY);
                assert!(it.ends() <= end.max(Time::ZERO + Span::from_millis(BOOTS[1])), "{it}");
                let word = format!("{:?}", it.kind);
                let word = word.split([' ', '{']).next().expect("a word").to_owned();
                words.insert(word);
            }
        }
        let wanted = [
            "ClockStep",
            "Distance",
            "Duplicates",
            "Larger",
            "OneWay",
            "Pause",
            "Relic",
            "Reorders",
            "Restart",
            "Store(Full)",
            "Store(Slow",
            "Store(Torn)",
            "Store(Unreadable)",
            "Switch(Denies)",
            "Switch(Hangs)",
            "Switch(Refuses)",
            "Takeover",
        ];
        assert_eq!(words.into_iter().collect::<Vec<_>>(), wanted);
        assert!(most > 12, "{most}");
    }
}
