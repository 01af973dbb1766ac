//! Collective operations of jobs: alpha-beta costs, and failures in the middle.

use rackstorm::event::{CollectiveAct, EndReason, Event, What};
use rackstorm::stage::Model;
use rackstorm::{Outcome, Plan, Run};

/// Nodes behind one switch that are up at once; 100 Mbit/s of payload, so that 1 MB takes 0.08 s.
fn job(nodes: u32, steps: u32, collective: &str, rest: &str) -> String {
    format!(
        "schema = 1\n[cluster]\nhardware = \"pi_3b\"\n\
         [module]\nnodes = {nodes}\nspares = 0\npacks = [{nodes}]\nswitches = 1\n\
         psu = [{{ packs = [1], switches = [1], limit = \"1 MW\", restart = \"10 s\" }}]\n\
         [network]\ntcp_share = 1.0\n[server]\ndisk_request = \"0 s\"\n\
         [boot]\nmethod = \"instant\"\n[controller]\ndetect = \"0 s\"\nsettle = \"0 s\"\n\
         [stop]\nat = \"30 d\"\n\
         [workload.bulk-synchronous]\nstep = \"10 s\"\nwork = \"{} s\"\n\
         collective = {{ {collective} }}\n{rest}",
        10 * steps
    )
}

fn play(text: &str) -> (Outcome, Vec<Event>) {
    let scenario = rackstorm::read("rack", text).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let mut events = Vec::new();
    let plan = Plan::make(&scenario);
    let outcome = Run::new(&plan, &Model).sink(&mut events).play().expect("it plays");
    (outcome, events)
}

fn metric(outcome: &Outcome, name: &str) -> f64 {
    outcome.findings.metric(name).unwrap_or_else(|| panic!("no {name}")).value
}

/// What one operation takes (s).
fn time_of(nodes: u32, collective: &str) -> f64 {
    let (outcome, _) = play(&job(nodes, 1, collective, ""));
    assert_eq!(outcome.end, Some(EndReason::WorkDone), "{collective}");
    let time = metric(&outcome, "collective_time_mean");
    assert!((metric(&outcome, "makespan") - 10.0 - time).abs() < 1e-6, "{collective}");
    time
}

/// The table of `src/workload/collective.rs`, with alpha 1 ms and 0.08 s for the m bytes.
#[test]
fn each_operation_takes_what_alpha_and_beta_say() {
    let (alpha, m) = (1e-3, 0.08);
    for n in [2_u32, 3, 4, 7, 8, 16] {
        let (ceil, floor) = (f64::from(n.next_power_of_two().ilog2()), f64::from(n.ilog2()));
        let (others, is_power) = (f64::from(n - 1), n.is_power_of_two());
        let fold = if is_power { 0.0 } else { 2.0 };
        let around = if n == 2 { 1.0 } else { 2.0 };
        let mut rows = vec![
            ("broadcast", "binomial", ceil * (alpha + m)),
            ("broadcast", "linear", alpha + others * m),
            ("all-reduce", "recursive-doubling", (floor + fold) * (alpha + m)),
            ("all-reduce", "ring", 2.0 * others * (alpha + m / f64::from(n))),
            (
                "all-reduce",
                "scatter",
                2.0 * floor * alpha + 2.0 * (1.0 - floor.exp2().recip()) * m + fold * (alpha + m),
            ),
            ("all-gather", "ring", others * (alpha + m)),
            ("all-to-all", "pairwise", others * (alpha + m)),
            ("all-to-all", "linear", alpha + others * m),
            ("neighbours", "linear", alpha + around * m),
        ];
        rows.extend(is_power.then_some((
            "all-gather",
            "recursive-doubling",
            floor * alpha + others * m,
        )));
        rows.extend(is_power.then_some((
            "broadcast",
            "scatter",
            2.0 * floor * alpha + 2.0 * others / f64::from(n) * m,
        )));
        for (operation, algorithm, expected) in rows {
            let text = format!(
                "operation = \"{operation}\", algorithm = \"{algorithm}\", size = \"1 MB\", \
                 latency = \"1 ms\""
            );
            let time = time_of(n, &text);
            // A ring's parts are whole bytes.
            let slack = 1e-6 * f64::from(n);
            assert!((time - expected).abs() < slack, "{n} {text}: {time} s, {expected} expected");
        }
    }
}

/// With 0.08 s for the m bytes of a message and no latency: whoever exchanges with the other one of
/// its pair takes twice as long, and whoever sends to one and receives from another does not.
#[test]
fn pairs_that_take_turns_take_twice_as_long() {
    let m = 0.08;
    for (nodes, operation, algorithm, expected) in [
        (2, "broadcast", "binomial", m),
        (4, "broadcast", "scatter", (0.75 + 2.0 * 0.75) * m),
        (2, "all-reduce", "ring", 2.0 * m),
        (8, "all-reduce", "ring", 14.0 / 8.0 * m),
        (8, "all-reduce", "recursive-doubling", 6.0 * m),
        (8, "all-reduce", "scatter", 28.0 / 8.0 * m),
        // The fold of the third one sends one way only.
        (3, "all-reduce", "recursive-doubling", 4.0 * m),
        (3, "all-reduce", "scatter", 4.0 * m),
        (8, "all-gather", "ring", 7.0 * m),
        (8, "all-gather", "recursive-doubling", 14.0 * m),
        // Of the seven rounds one is between two that exchange.
        (8, "all-to-all", "pairwise", 8.0 * m),
        (8, "all-to-all", "linear", 14.0 * m),
        (8, "neighbours", "linear", 4.0 * m),
    ] {
        let text = format!(
            "operation = \"{operation}\", algorithm = \"{algorithm}\", size = \"1 MB\", \
             take_turns = true"
        );
        let time = time_of(nodes, &text);
        assert!((time - expected).abs() < 1e-5, "{nodes} {text}: {time} s, {expected} expected");
    }
}

#[test]
fn without_an_algorithm_each_operation_takes_its_usual_one() {
    for (operation, usual) in [
        ("broadcast", "binomial"),
        ("all-reduce", "ring"),
        ("all-gather", "ring"),
        ("all-to-all", "pairwise"),
        ("neighbours", "linear"),
    ] {
        let text = format!("operation = \"{operation}\", size = \"1 MB\"");
        let named = format!("{text}, algorithm = \"{usual}\"");
        assert_eq!(time_of(5, &text).to_bits(), time_of(5, &named).to_bits(), "{operation}");
    }
}

#[test]
fn the_share_of_steps_that_goes_into_messages_is_theirs_of_both() {
    let (outcome, _) = play(&job(2, 6, "operation = \"all-gather\", size = \"125 MB\"", ""));
    assert_eq!(metric(&outcome, "makespan").to_bits(), 120_f64.to_bits(), "6 x (10 s + 10 s)");
    assert_eq!(metric(&outcome, "collectives").to_bits(), 6_f64.to_bits());
    assert_eq!(metric(&outcome, "collective_share").to_bits(), 0.5_f64.to_bits());
    assert_eq!(metric(&outcome, "bytes_received_workload").to_bits(), 1.5e9_f64.to_bits());
}

#[test]
fn a_node_that_fails_while_messages_are_under_way_breaks_the_operation_off() {
    use CollectiveAct::{Begin, BreakOff, End};
    // Three steps of 10 s and 10 s of messages, a checkpoint of 1 s after each; the node fails in
    // the middle of the second one's messages and is back at once.
    let rest = "[checkpoint.coordinated]\ninterval = \"10 s\"\n\
                cost = { write = \"1 s\", read = \"1 s\", downtime = \"0 s\" }\n\
                [[fault.crash]]\non = \"pi2\"\nat = \"36 s\"\nrepair = \"3 s\"\n";
    let (outcome, events) = play(&job(2, 3, "operation = \"all-gather\", size = \"125 MB\"", rest));
    let acts: Vec<_> = events
        .iter()
        .filter_map(|event| match event.what {
            What::Collective { act, .. } => Some((event.at.0 / 1_000_000_000, act)),
            _ => None,
        })
        .collect();
    let expected = [
        (10, Begin),
        (20, End),
        (31, Begin),
        (36, BreakOff),
        // 3 s of repair, 1 s of restart, 10 s of computing.
        (50, Begin),
        (60, End),
        (71, Begin),
        (81, End),
    ];
    assert_eq!(acts, expected);
    assert_eq!(metric(&outcome, "work_lost").to_bits(), 15_f64.to_bits(), "from 21 s to 36 s");
    assert_eq!(metric(&outcome, "bytes_lost_workload").to_bits(), 125e6_f64.to_bits());
    assert_eq!(metric(&outcome, "makespan").to_bits(), 81_f64.to_bits());
}

#[test]
fn messages_go_on_without_the_controller_and_the_next_step_waits_for_it() {
    let rest = "[[fault.controller-crash]]\non = \"controller\"\nat = \"5 s\"\nrepair = \"20 s\"\n";
    let (outcome, events) = play(&job(2, 2, "operation = \"all-gather\", size = \"125 MB\"", rest));
    let ends = events
        .iter()
        .filter(|event| matches!(event.what, What::Collective { act: CollectiveAct::End, .. }));
    let ends: Vec<_> = ends.map(|event| event.at.0 / 1_000_000_000).collect();
    assert_eq!(ends, [20, 45]);
    assert_eq!(metric(&outcome, "makespan").to_bits(), 45_f64.to_bits());
}

#[test]
fn a_slow_node_holds_up_the_computing_and_a_slow_link_the_messages() {
    let all = "operation = \"all-gather\", size = \"125 MB\"";
    let slow =
        "[[fault.slow-down]]\non = \"pi1\"\nat = \"1 ns\"\nshare = \"50 %\"\nrepair = \"never\"\n";
    let (outcome, _) = play(&job(2, 1, all, slow));
    assert!((metric(&outcome, "makespan") - 30.0).abs() < 1e-6, "20 s and 10 s");
    let link = "[[fault.link-degradation]]\non = \"link[1]\"\nat = \"1 ns\"\nshare = \"50 %\"\n\
                repair = \"never\"\n";
    let (outcome, _) = play(&job(2, 1, all, link));
    assert!((metric(&outcome, "makespan") - 30.0).abs() < 1e-6, "10 s and 20 s");
}

/// One gathers 125 MB on three nodes, 20 s, and the other one reduces 100 MB on two, 8 s.
#[test]
fn two_jobs_send_each_to_its_own_nodes() {
    let text = job(5, 1, "operation = \"broadcast\", size = \"1 B\"", "");
    let (machine, _) = text.split_once("[workload").expect("the job is at the end");
    let jobs = "[[job]]\nname = \"gather\"\nnodes = 3\nstep = \"10 s\"\nwork = \"20 s\"\n\
                collective = { operation = \"all-gather\", size = \"125 MB\" }\n\
                [[job]]\nname = \"reduce\"\nnodes = 2\nstep = \"10 s\"\nwork = \"30 s\"\n\
                collective = { operation = \"all-reduce\", size = \"100 MB\" }\n\
                [[fault.crash]]\non = \"pi4\"\nat = \"12 s\"\nrepair = \"2 s\"\n";
    let (outcome, _) = play(&format!("{machine}{jobs}"));
    let done: Vec<_> = outcome.findings.jobs.iter().map(|job| job.done_s).collect();
    // The second one begins again when its node is back, at 14 s; the first one does not notice.
    assert_eq!(done, [60.0, 14.0 + 3.0 * 18.0]);
}
