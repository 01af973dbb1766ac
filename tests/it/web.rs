//! Requests to a web site: closed forms of queues, and what becomes of requests when parts fail.

use rackstorm::event::{TaskAct, TaskKind, What};
use rackstorm::ids::NodeId;

use crate::harness::{Played, measure_text, play_text};
use crate::queue::{RUNS, erlang_c, interval};
use crate::transfers::machine;

/// A web site on eight nodes that are up at once, with links of 100 Mbit/s; the server balances.
fn site(web: &str, rest: &str) -> String {
    machine(8, 8, "1 Gbit/s", &format!("[web]\nbalancer = \"server\"\n{web}\n{rest}"))
}

fn play(web: &str, rest: &str) -> Played {
    play_text(&site(web, rest), None)
}

/// A metric in each of [`RUNS`] runs of 10,000 requests, seed 1 and those after it: its mean is as
/// wanted, by its interval of 99 %, which is no wider than a tenth of it to both sides. The queue
/// is empty at first, which makes the mean too low by less than 0.5 %.
fn assert_mean(web: &str, metric: &str, wanted: f64) {
    let text = site(&format!("requests = 10000\n{web}"), "");
    let values = (1..=RUNS).map(|seed| measure_text(&text, Some(seed)).metric(metric));
    let (mean, half) = interval(&values.collect::<Vec<_>>());
    assert!((mean - wanted).abs() < half, "{metric} is {mean} +- {half}, not {wanted}: {web}");
    assert!(half < wanted / 10.0, "{half} says nothing of {wanted}: {web}");
}

const EXPONENTIAL: &str = "service = { exponential = { mean = \"100 ms\" } }\n";
/// A mean of 100 ms, and a square coefficient of variation of e - 1.
const LOGNORMAL: &str = "service = { lognormal = { median = \"60.653066 ms\", sigma = 1.0 } }\n";
const FIXED: &str = "service = { fixed = \"100 ms\" }\n";
/// One of ten requests takes ten times as long as each other one; 100 ms on average.
const TWO_KINDS: &str = "service = { empirical = { values = [\"52.631579 ms\", \"52.631579 ms\", \
    \"52.631579 ms\", \"52.631579 ms\", \"52.631579 ms\", \"52.631579 ms\", \"52.631579 ms\", \
    \"52.631579 ms\", \"52.631579 ms\", \"526.315789 ms\"] } }\n";

/// One worker, of whose time so much is needed.
fn one(load: f64, service: &str, rest: &str) -> String {
    let gap = 0.1 / load;
    format!(
        "workers = \"pi1\"\ngap = {{ exponential = {{ mean = \"{gap} s\" }} }}\n{service}{rest}"
    )
}

/// M/M/1: a request is there for s / (1 - rho).
#[test]
fn a_worker_of_one_slot_is_m_m_1() {
    assert_mean(&one(0.7, EXPONENTIAL, ""), "web_latency_mean", 0.1 / 0.3);
    assert_mean(&one(0.7, EXPONENTIAL, ""), "web_utilisation", 0.7);
}

/// M/M/c by Erlang's C formula, with the slots of one worker and with workers that share a queue.
#[test]
fn slots_of_a_worker_and_workers_with_one_queue_are_m_m_c() {
    let (wait, _) = erlang_c(4, 3.2, 0.1);
    let gap = "gap = { exponential = { mean = \"31.25 ms\" } }\n";
    let slots = format!("workers = \"pi1\"\nslots = 4\n{gap}{EXPONENTIAL}");
    assert_mean(&slots, "web_latency_mean", wait + 0.1);
    let queue = format!("workers = \"pi[1-4]\"\nqueue = \"balancer\"\n{gap}{EXPONENTIAL}");
    assert_mean(&queue, "web_latency_mean", wait + 0.1);
}

/// M/G/1 by Pollaczek and Khinchine: the wait is rho / (1 - rho) (1 + C^2) / 2 of a service.
#[test]
fn a_worker_with_services_of_any_law_is_m_g_1() {
    let load = 0.6;
    let wanted = |square: f64| 0.1 + 0.1 * load / (1.0 - load) * (1.0 + square) / 2.0;
    assert_mean(&one(load, FIXED, ""), "web_latency_mean", wanted(0.0));
    assert_mean(&one(load, LOGNORMAL, ""), "web_latency_mean", wanted(libm::exp(1.0) - 1.0));
}

/// M/G/1 with processor sharing: s / (1 - rho), whatever the law is (Kleinrock, "Queueing Systems",
/// volume 2, 4.4).
#[test]
fn the_mean_of_processor_sharing_does_not_depend_on_the_law() {
    let sharing = "discipline = \"processor-sharing\"\n";
    for service in [EXPONENTIAL, FIXED, LOGNORMAL, TWO_KINDS] {
        assert_mean(&one(0.6, service, sharing), "web_latency_mean", 0.1 / 0.4);
    }
}

/// Which node served each request that was answered, and when (s).
fn served(played: &Played) -> Vec<(f64, u32)> {
    let end = |what: &What| match *what {
        What::Task {
            kind: TaskKind::Request, act: TaskAct::End, node: Some(NodeId(node)), ..
        } => Some(node + 1),
        _ => None,
    };
    let ends = played.events.iter();
    ends.filter_map(|event| Some((event.at.as_secs_f64(), end(&event.what)?))).collect()
}

fn count_of(played: &Played, node: u32) -> usize {
    served(played).iter().filter(|(_, of)| *of == node).count()
}

fn assert_metrics(played: &Played, wanted: &[(&str, f64)]) {
    for (name, value) in wanted {
        let found = played.metric(name);
        assert!((found - value).abs() < 1e-6, "{name} is {found}, not {value}");
    }
}

/// A request each second, from 1 s on.
const EACH_SECOND: &str = "gap = { fixed = \"1 s\" }\n";
const TWO: &str = "workers = \"pi[1-2]\"\n";

#[test]
fn a_request_takes_its_service_and_the_way_of_its_answer() {
    let web = format!("workers = \"pi1\"\nrequests = 10\n{EACH_SECOND}{FIXED}");
    let empty = play(&web, "");
    assert_metrics(&empty, &[("web_latency_mean", 0.1), ("web_latency_max", 0.1)]);
    assert_metrics(&empty, &[("run_time", 10.1), ("web_served", 10.0), ("web_lost", 0.0)]);
    let full = play(&format!("{web}response = \"2.5 MB\"\n"), "");
    assert_metrics(&full, &[("web_latency_mean", 0.3), ("bytes_received_workload", 25e6)]);
    let none = play(&format!("workers = \"pi1\"\nuntil = \"0.5 s\"\n{EACH_SECOND}{FIXED}"), "");
    assert_metrics(&none, &[("web_requests", 0.0), ("run_time", 0.0)]);
}

/// Two requests of 2 s, the second one a second later: each is there for 3 s.
#[test]
fn requests_that_share_a_worker_slow_each_other_down() {
    let web = format!("workers = \"pi1\"\nrequests = 2\n{EACH_SECOND}service.fixed = \"2 s\"\n");
    let sharing = format!("{web}discipline = \"processor-sharing\"\n");
    assert_metrics(&play(&sharing, ""), &[("web_latency_mean", 3.0), ("web_latency_max", 3.0)]);
    assert_metrics(&play(&web, ""), &[("web_latency_mean", 2.5), ("web_latency_max", 3.0)]);
    // Half of its speed from 2 s on: 1 s is done, and 3 s are left, which take 6 s. The second one
    // is done at 8 s; the first one at 6 s if they share, and at 4 s if not.
    let slow = "[[fault.slow-down]]\non = \"pi1\"\nat = \"2 s\"\nshare = \"50 %\"\n";
    for (web, mean) in [(&sharing, 5.5), (&web, 4.5)] {
        assert_metrics(&play(web, slow), &[("web_latency_mean", mean), ("web_latency_max", 6.0)]);
    }
}

#[test]
fn a_balancer_gives_each_worker_its_share() {
    let web = format!("{TWO}requests = 90\n{EACH_SECOND}{FIXED}response = \"1 kB\"\n");
    let counts = |rest: &str| {
        let played = play(&format!("{web}{rest}"), "");
        (count_of(&played, 1), count_of(&played, 2))
    };
    assert_eq!(counts(""), (45, 45));
    assert_eq!(counts("weights = [1, 2]\n"), (30, 60));
    assert_eq!(counts("weights = [2, 1]\nbalance = \"traffic\"\n"), (60, 30));
    let sessions = counts("sessions = 1\n");
    assert_eq!(sessions, (90, 0), "all of a session stick to one");
}

/// The first worker needs 10 s for what the other one does in 1 s: by busyness it has one request
/// while the other one serves nine, by requests half of them.
#[test]
fn a_balancer_by_busyness_spares_a_slow_worker() {
    let web = "gap.fixed = \"0.99 s\"\nservice.fixed = \"1 s\"\nrequests = 100\n\
               answer_timeout = \"1 h\"\n";
    let slow = "[[fault.slow-down]]\non = \"pi1\"\nat = \"0 s\"\nshare = \"10 %\"\n";
    let counts = |balance: &str| {
        let played = play(&format!("{TWO}{web}balance = \"{balance}\"\n"), slow);
        (count_of(&played, 1), count_of(&played, 2))
    };
    assert_eq!(counts("requests"), (50, 50));
    let (spared, other) = counts("busyness");
    assert!((5..30).contains(&spared), "{spared} and {other}");
}

const CRASH: &str = "[[fault.crash]]\non = \"pi2\"\nat = \"9.5 s\"\nrepair = \"30 s\"\n";

/// The requests of 10 and 12 s are for the dead worker; each learns so after 2.5 s. From 12.5 s on
/// the balancer knows, for a minute.
#[test]
fn a_dead_worker_costs_the_connect_time_out_until_the_balancer_knows() {
    let web = format!("{TWO}requests = 100\nconnect_timeout = \"2.5 s\"\n{EACH_SECOND}{FIXED}");
    let played = play(&web, CRASH);
    assert_metrics(&played, &[("web_retried", 2.0), ("web_lost", 0.0), ("web_latency_max", 2.6)]);
    let of_dead = served(&played).into_iter().filter(|(_, node)| *node == 2);
    let away: Vec<_> = of_dead.filter(|(at, _)| (9.5..72.5).contains(at)).collect();
    assert_eq!(away, []);
    assert!(count_of(&played, 2) > 10, "it has requests again");
    // One attempt is all.
    let once = play(&format!("{web}attempts = 1\n"), CRASH);
    assert_metrics(&once, &[("web_retried", 0.0), ("web_lost_unserved", 2.0)]);
}

#[test]
fn health_checks_notice_a_dead_worker_before_requests_do_and_when_it_is_back() {
    let web = format!("{TWO}requests = 100\n{EACH_SECOND}{FIXED}check.interval = \"0.3 s\"\n");
    let played = play(&web, CRASH);
    assert_metrics(&played, &[("web_retried", 0.0), ("web_lost", 0.0), ("web_latency_max", 0.1)]);
    let back = served(&played).into_iter().find(|(at, node)| *node == 2 && *at > 9.5);
    assert!(back.is_some_and(|(at, _)| (39.5..42.0).contains(&at)), "{back:?}");
}

/// The request of 9 s is with the worker that stops at 9.5 s.
#[test]
fn what_a_worker_had_is_lost_or_sent_again_after_the_answer_time_out() {
    let web = format!(
        "workers = \"pi[2-3]\"\nrequests = 9\nanswer_timeout = \"5 s\"\n{EACH_SECOND}\
         service.fixed = \"900 ms\"\n"
    );
    let lost = play(&web, CRASH);
    assert_metrics(&lost, &[("web_lost_unanswered", 1.0), ("web_served", 8.0)]);
    assert_metrics(&lost, &[("web_retried", 0.0), ("run_time", 14.0)]);
    let again = play(&format!("{web}resend = true\n"), CRASH);
    assert_metrics(&again, &[("web_lost", 0.0), ("web_retried", 1.0), ("web_latency_max", 5.9)]);
}

/// Without any worker each request fails on both, and is lost.
#[test]
fn requests_without_any_worker_are_lost() {
    let web = format!("{TWO}requests = 20\n{EACH_SECOND}{FIXED}");
    let all = "[[fault.crash]]\non = \"pi[1-2]\"\nat = \"9.5 s\"\nrepair = \"30 d\"\n";
    let played = play(&web, all);
    assert_metrics(&played, &[("web_served", 9.0), ("web_lost_unserved", 11.0)]);
    assert_metrics(&played, &[("web_retried", 11.0), ("web_requests", 20.0)]);
}

/// Requests of 11 to 20 s come while it is down; that of 10 s is open, as its answer takes 1 s.
#[test]
fn a_dead_balancer_loses_what_is_open_and_what_comes() {
    let web = format!("requests = 30\n{EACH_SECOND}{FIXED}response = \"12.5 MB\"\n");
    let server = "[[fault.server-loss]]\non = \"server\"\nat = \"10.5 s\"\nrepair = \"10 s\"\n";
    let node = "[[fault.crash]]\non = \"pi8\"\nat = \"10.5 s\"\nrepair = \"10 s\"\n";
    let by_node = site(&format!("{TWO}{web}"), node).replace("\"server\"", "\"pi8\"");
    for played in [play(&format!("{TWO}{web}"), server), play_text(&by_node, None)] {
        assert_metrics(&played, &[("web_lost_cut", 11.0), ("web_lost", 11.0)]);
        assert_metrics(&played, &[("web_served", 19.0), ("web_latency_max", 1.1)]);
    }
}

/// Ten requests a second for a worker that serves one: of those of the first second one is served
/// and two wait.
#[test]
fn full_queues_refuse_and_clients_without_patience_leave() {
    let web = "workers = \"pi1\"\ngap.fixed = \"100 ms\"\nservice.fixed = \"1 s\"\nrequests = 9\n";
    for queue in ["worker", "balancer"] {
        let limited = play(&format!("{web}queue = \"{queue}\"\nqueue_limit = 2\n"), "");
        assert_metrics(&limited, &[("web_lost_refused", 6.0), ("web_served", 3.0)]);
    }
    // They leave after 1.5 s: the first one is served, the second one as it leaves.
    let hasty = play(&format!("{web}patience = \"1.5 s\"\n"), "");
    assert_metrics(&hasty, &[("web_lost_abandoned", 8.0), ("web_served", 1.0)]);
    assert_metrics(&hasty, &[("web_latency_max", 1.0)]);
}

/// The link of a worker is cut while its answer is on the way: that waits, and is late or too late.
#[test]
fn an_answer_waits_for_a_cut_link_as_long_as_the_balancer_does() {
    let web =
        format!("workers = \"pi1\"\nrequests = 1\n{EACH_SECOND}{FIXED}response = \"12.5 MB\"\n");
    let cut = "[[fault.link-degradation]]\non = \"pi1/link\"\nat = \"1.6 s\"\nshare = 0.0\n\
               repair = \"10 s\"\n";
    assert_metrics(&play(&web, cut), &[("web_lost", 0.0), ("web_latency_max", 11.1)]);
    let late = play(&format!("{web}answer_timeout = \"5 s\"\n"), cut);
    assert_metrics(&late, &[("web_lost_unanswered", 1.0), ("run_time", 6.0)]);
}

/// 12.5 MB take a second, and two of them at once two; each worker installs them in 2 s.
#[test]
fn content_is_pushed_to_one_worker_after_the_other_or_to_all_at_once() {
    let push = |order: &str| {
        let push = format!(
            "push = {{ from = \"pi8\", at = \"5.5 s\", size = \"12.5 MB\", install = \"2 s\", \
             order = \"{order}\" }}\n"
        );
        format!("{TWO}requests = 20\n{EACH_SECOND}{FIXED}{push}")
    };
    let rolling = play(&push("rolling"), "");
    assert_metrics(&rolling, &[("web_push_time", 6.0), ("web_pushed", 2.0), ("web_lost", 0.0)]);
    assert_metrics(&rolling, &[("web_latency_max", 0.1)]);
    // Requests of 8 and 9 s wait for the end of it, at 9.5 s.
    let at_once = play(&push("at-once"), "");
    assert_metrics(&at_once, &[("web_push_time", 4.0), ("web_pushed", 2.0), ("web_lost", 0.0)]);
    assert_metrics(&at_once, &[("web_latency_max", 1.6)]);
    // A worker that is down is passed over, and so are all if the one who pushes is.
    let dead = "[[fault.crash]]\non = \"pi2\"\nat = \"4 s\"\nrepair = \"1 d\"\n";
    let passed = play(&push("rolling"), dead);
    assert_metrics(&passed, &[("web_pushed", 1.0), ("web_push_lost", 1.0)]);
    let passed = play(&push("rolling"), &dead.replace("pi2", "pi8"));
    assert_metrics(&passed, &[("web_pushed", 0.0), ("web_push_lost", 2.0), ("web_lost", 0.0)]);
}
