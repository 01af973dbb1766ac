//! The commands of a person, run as programs: states, limits, exit codes, and a console.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::Stdio;
use std::rc::Rc;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rackstorm::drivers::power::fakes::bitscope::Bus;
use rackstorm::drivers::power::fakes::pty::Pty;
use rustix::process::{Pid, Signal, kill_process};

use super::bench::{Subject, on_one_thread, until};
use super::tools;
use crate::program::{Bench, Done};

/// A rack of plugs: n1 to n4, of which the last is protected.
struct Plugs {
    bench: Bench,
    subject: Subject,
}

impl Plugs {
    fn new(down_at_once: u32, cycles_per_hour: u32) -> Self {
        let subject = tools::command();
        let bench = Bench::new();
        let text = format!(
            "[[node]]\nnames = \"n[1-4]\"\npower = \"bus\"\nchannel = \"[1-4]\"\n\
             address = \"10.0.0.[1-4]\"\n[limits]\nprotected = \"n4\"\n\
             down_at_once = {down_at_once}\ncycles_per_hour = {cycles_per_hour}\n{}",
            subject.table
        );
        bench.write("rack.toml", &text);
        let plugs = Self { bench, subject };
        for node in 1..=4 {
            plugs.set(node, true);
        }
        plugs
    }

    fn set(&self, node: u32, on: bool) {
        let file = self.subject.folder.path().join(format!("n{node}"));
        fs::write(file, if on { "1" } else { "0" }).expect("written");
    }

    fn trick(&self, word: &str) {
        fs::write(self.subject.folder.path().join("trick"), word).expect("written");
    }

    fn are_on(&self) -> [bool; 4] {
        [1, 2, 3, 4].map(|node| (self.subject.is_on)(node))
    }

    fn rack(&self, arguments: &[&str]) -> Done {
        self.bench.run(&[&["rack"], arguments].concat())
    }
}

#[test]
fn states_stand_on_stdout_and_what_is_unknown_on_stderr() {
    let plugs = Plugs::new(4, 60);
    plugs.set(2, false);
    let done = plugs.rack(&["status"]);
    let wanted = "n1  on       bus 1\nn2  off      bus 2\nn3  on       bus 3\n\
                  n4  on       bus 4  protected\n";
    assert_eq!((done.code, done.stdout.as_str(), done.stderr.as_str()), (0, wanted, ""));
    fs::write(plugs.subject.folder.path().join("trick"), "fail").expect("written");
    let done = plugs.rack(&["status", "n[1-2]"]);
    assert_eq!(done.code, 3);
    assert_eq!(done.stdout, "n1  unknown  bus 1\nn2  unknown  bus 2\n");
    assert!(done.stderr.contains("error: n1 (command bus, channel 1): "), "{}", done.stderr);
    assert!(done.stderr.contains("no answer from the hub"), "{}", done.stderr);
}

#[test]
fn nodes_are_switched_and_reported() {
    let plugs = Plugs::new(2, 60);
    let done = plugs.rack(&["off", "n[1-2]"]);
    assert_eq!((done.code, done.stdout.as_str()), (0, "n1 off\nn2 off\n"), "{}", done.stderr);
    assert_eq!(plugs.are_on(), [false, false, true, true]);
    let done = plugs.rack(&["on", "n2"]);
    assert_eq!((done.code, done.stdout.as_str()), (0, "n2 on\n"), "{}", done.stderr);
    assert_eq!(plugs.are_on(), [false, true, true, true]);
}

#[test]
fn what_is_protected_or_beyond_a_limit_is_refused_and_nothing_is_done() {
    let plugs = Plugs::new(2, 60);
    plugs.set(3, false);
    for (arguments, wanted) in [
        (["off", "n[1-4]"], "refused: protected: n4; leave them out, as in 'all!n4'\n"),
        (["cycle", "n4"], "refused: protected: n4; leave them out, as in 'all!n4'\n"),
        (
            ["off", "n[1-2]"],
            "refused: 3 nodes would be down, with n3 down or unknown already; \
             `down_at_once` is 2\n",
        ),
    ] {
        let done = plugs.rack(&arguments);
        assert_eq!((done.code, done.stdout.as_str(), done.stderr.as_str()), (2, "", wanted));
        assert_eq!(plugs.are_on(), [true, true, false, true]);
    }
    for (arguments, wanted) in [
        (["off", "n9"], "error: `n9`: there is no node `n9`"),
        (["off", "n1!n1"], "error: `n1!n1`: no node is left"),
        (["console", "n[1-2]"], "error: `n[1-2]`: a console is that of one node"),
    ] {
        let done = plugs.rack(&arguments);
        assert_eq!(done.code, 2);
        assert!(done.stderr.contains(wanted), "{}", done.stderr);
    }
    let done = plugs.rack(&["status", "--rack", "none.toml"]);
    assert_eq!(done.code, 2);
    assert!(done.stderr.contains("there is no such file"), "{}", done.stderr);
}

#[test]
fn cycles_are_counted_over_commands_and_taken_in_turns() {
    let plugs = Plugs::new(1, 2);
    for _ in 0..2 {
        let done = plugs.rack(&["cycle", "n[1-3]"]);
        assert_eq!((done.code, done.stdout.lines().count()), (0, 3), "{}", done.stderr);
        assert_eq!(plugs.are_on(), [true; 4]);
    }
    let done = plugs.rack(&["cycle", "n[2-3]"]);
    assert_eq!(done.code, 2, "{}", done.stderr);
    let wanted = "refused: n2 was switched off 2 times within the hour, and `cycles_per_hour` \
                  is 2; again in ";
    assert!(done.stderr.starts_with(wanted), "{}", done.stderr);
    let ledger = fs::read_to_string(plugs.bench.path().join("rack.cycles")).expect("a ledger");
    assert_eq!(ledger.lines().count(), 6, "{ledger}");
}

#[test]
fn a_node_that_is_off_already_is_not_counted_as_switched_off() {
    let plugs = Plugs::new(4, 1);
    let ledger = || {
        let text = fs::read_to_string(plugs.bench.path().join("rack.cycles"));
        text.expect("a ledger").lines().count()
    };
    for times in 1..=3 {
        let done = plugs.rack(&["off", "n1"]);
        assert_eq!((done.code, done.stdout.as_str()), (0, "n1 off\n"), "{}", done.stderr);
        assert_eq!(ledger(), 1, "switched off once, reported {times} times");
    }
    // One that has no power loses none in a cycle either.
    plugs.set(2, false);
    let done = plugs.rack(&["cycle", "n2"]);
    assert_eq!((done.code, ledger()), (0, 1), "{}", done.stderr);
    let done = plugs.rack(&["cycle", "n2"]);
    assert_eq!((done.code, ledger()), (0, 2), "{}", done.stderr);
    assert_eq!(plugs.rack(&["off", "n2"]).code, 2, "its hour is used up");
}

#[test]
fn a_node_that_does_not_come_back_ends_a_cycle_of_many() {
    let plugs = Plugs::new(1, 60);
    fs::write(plugs.subject.folder.path().join("trick"), "stuck").expect("written");
    let done = plugs.rack(&["cycle", "n[1-3]"]);
    assert_eq!((done.code, done.stdout.as_str()), (3, ""), "{}", done.stderr);
    assert!(done.stderr.contains("error: n1 (command bus, channel 1): it is still on, 1.0 s"));
    for other in ["n2", "n3"] {
        let wanted = format!("error: {other}: not tried: too many nodes are down now");
        assert!(done.stderr.contains(&wanted), "{}", done.stderr);
    }
}

/// A power cycle of n1 that is killed as soon as the node is off.
fn killed(plugs: &Plugs) {
    let file = plugs.bench.path().join("rack.toml");
    let text = fs::read_to_string(&file).expect("an inventory");
    fs::write(&file, text.replace("settle = \"10 ms\"", "settle = \"10 min\"")).expect("written");
    let mut child = plugs.bench.command(&["rack", "cycle", "n1"]).spawn().expect("it starts");
    on_one_thread(until("n1 is off", || !(plugs.subject.is_on)(1)));
    child.kill().expect("it runs");
    child.wait().expect("it ends");
    fs::write(&file, text).expect("written");
    assert_eq!(plugs.are_on(), [false, true, true, true]);
}

#[test]
fn what_a_killed_cycle_left_off_is_reported_and_put_back_by_restore() {
    let plugs = Plugs::new(4, 60);
    killed(&plugs);
    let done = plugs.rack(&["status"]);
    let wanted = "warning: n1: `rack cycle` did not come to its end and may";
    assert!(done.code == 0 && done.stderr.contains(wanted), "{}", done.stderr);
    let done = plugs.rack(&["restore"]);
    assert_eq!(done.code, 0, "{}", done.stderr);
    let wanted = "left by an earlier command: put back: n1: switched on";
    assert!(done.stderr.contains(wanted), "{}", done.stderr);
    assert_eq!(plugs.are_on(), [true; 4]);
    assert_eq!(plugs.rack(&["status"]).stderr, "");
}

#[test]
fn what_a_killed_cycle_left_off_is_put_back_by_the_next_command_and_what_shall_be_off_stays() {
    let plugs = Plugs::new(4, 60);
    killed(&plugs);
    let done = plugs.rack(&["off", "n2"]);
    assert_eq!((done.code, done.stdout.as_str()), (0, "n2 off\n"), "{}", done.stderr);
    let wanted = "left by an earlier command: put back: n1: switched on";
    assert!(done.stderr.contains(wanted), "{}", done.stderr);
    assert_eq!(plugs.are_on(), [true, false, true, true]);
    killed_again_is_off_as_asked(&plugs);
}

/// n1 is named by the next command: what that wants is so.
fn killed_again_is_off_as_asked(plugs: &Plugs) {
    plugs.set(2, true);
    killed(plugs);
    let done = plugs.rack(&["off", "n1"]);
    assert_eq!((done.code, done.stderr.as_str()), (0, ""), "it is off already");
    let done = plugs.rack(&["restore"]);
    assert!(done.stderr.contains("no run left anything to put back"), "{}", done.stderr);
    assert_eq!(plugs.are_on(), [false, true, true, true]);
}

#[test]
fn a_cycle_that_ends_leaves_nothing_and_one_that_fails_is_tried_again() {
    let plugs = Plugs::new(4, 60);
    let journal = || fs::read(plugs.bench.path().join("rack.journal")).expect("a journal");
    let done = plugs.rack(&["cycle", "n[1-2]"]);
    assert_eq!((done.code, journal()), (0, vec![]), "{}", done.stderr);
    plugs.trick("stuck");
    plugs.set(1, false);
    let done = plugs.rack(&["cycle", "n1"]);
    assert_eq!(done.code, 3);
    assert!(done.stderr.contains("`rackstorm rack restore` tries to switch"), "{}", done.stderr);
    plugs.trick("");
    let done = plugs.rack(&["restore"]);
    assert_eq!((done.code, plugs.are_on()), (0, [true; 4]), "{}", done.stderr);
}

#[test]
fn a_damaged_journal_is_reported_by_its_line_and_nothing_of_it_is_believed() {
    let plugs = Plugs::new(4, 60);
    killed(&plugs);
    let file = plugs.bench.path().join("rack.journal");
    let text = fs::read_to_string(&file).expect("a journal");
    fs::write(&file, text.replacen("On", "Off", 1)).expect("written");
    for arguments in [&["restore"][..], &["on", "n1"], &["cycle", "n2"]] {
        let done = plugs.rack(arguments);
        assert_eq!((done.code, done.stdout.as_str()), (3, ""), "{}", done.stderr);
        assert!(done.stderr.contains("rack.journal: line 1 is damaged"), "{}", done.stderr);
    }
    let done = plugs.rack(&["status"]);
    assert!(done.code == 0 && done.stderr.contains("line 1 is damaged"), "{}", done.stderr);
    assert_eq!(plugs.are_on(), [false, true, true, true]);
    fs::remove_file(&file).expect("removed");
    assert_eq!(plugs.rack(&["on", "n1"]).code, 0);
}

/// A line over TCP that babbles: `pause` between two bytes. Gives its inventory, and who was there.
fn babbling(pause: Option<Duration>) -> (Bench, mpsc::Receiver<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let (came, caller) = mpsc::channel();
    thread::spawn(move || {
        while let Ok((mut line, _)) = listener.accept() {
            // Whoever reads this may have gone.
            let _ = came.send(());
            line.set_read_timeout(pause).expect("a socket");
            // Without a pause, segments of one byte fill the kernel's memory for a connection many
            // times over: it drops them, and waits ever longer before it sends them again.
            let said = if pause.is_some() { &b"?"[..] } else { &[b'?'; 1_024] };
            while line.write_all(said).is_ok() {
                if pause.is_some() {
                    let _ = line.read(&mut [0]);
                }
            }
        }
    });
    let bench = Bench::new();
    bench.write(
        "rack.toml",
        &format!(
            "[[node]]\nnames = \"n[1-24]\"\npower = \"bus\"\nchannel = \"[0-23]\"\n\
             [limits]\ndown_at_once = 3\ncycles_per_hour = 60\n\
             [[power.bitscope]]\nname = \"bus\"\naddress = \"{address}\"\n"
        ),
    );
    (bench, caller)
}

#[test]
fn a_line_that_is_never_silent_is_given_up_after_some_kilobytes() {
    let (bench, _caller) = babbling(None);
    let done = bench.run(&["rack", "status"]);
    assert_eq!((done.code, done.stdout.lines().count()), (3, 24), "{}", done.stderr);
    let wanted = "error: n1 (bitscope bus, channel 0): the line is never silent; ";
    assert!(done.stderr.contains(wanted), "{}", done.stderr);
}

#[test]
fn who_waits_for_a_line_that_babbles_can_be_stopped() {
    let (bench, caller) = babbling(Some(Duration::from_millis(2)));
    let mut command = bench.command(&["rack", "status"]);
    let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it starts");
    caller.recv().expect("it listens");
    let pid = Pid::from_raw(child.id().cast_signed()).expect("a process");
    kill_process(pid, Signal::TERM).expect("it runs");
    let done = child.wait_with_output().expect("it ends");
    assert_eq!(done.status.code(), Some(130), "{}", String::from_utf8_lossy(&done.stderr));
}

#[test]
fn a_console_is_led_through_the_bus_to_the_person() {
    // The bus is served by a thread, as the program is another process.
    let (report, path) = mpsc::channel();
    let (end, ended) = tokio::sync::oneshot::channel::<()>();
    let server = thread::spawn(move || {
        on_one_thread(async move {
            let bus = Bus::new(4, Rc::new(|_, _| {}));
            let pty = Pty::open().expect("a pseudo-terminal");
            report.send(pty.path().to_owned()).expect("somebody waits");
            tokio::select! {
                biased;
                _ = ended => {}
                served = bus.clone().serve(pty) => served.expect("the line holds"),
            }
            (bus.is_open(), bus.is_on(2))
        })
    });
    let path = path.recv().expect("a line");
    let bench = Bench::new();
    bench.write(
        "rack.toml",
        &format!(
            "[[node]]\nnames = \"n[1-3]\"\npower = \"bus\"\nchannel = \"[1-3]\"\n\
             [limits]\ndown_at_once = 3\ncycles_per_hour = 60\n\
             [[power.bitscope]]\nname = \"bus\"\ndevice = \"{}\"\n",
            path.display()
        ),
    );
    let mut command = bench.command(&["rack", "console", "n2"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().expect("the program starts");
    let (mut keys, mut screen) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let mut shown = String::new();
    let mut wait_for = |wanted: &str| {
        let mut byte = [0];
        while !shown.contains(wanted) {
            assert_eq!(screen.read(&mut byte).expect("readable"), 1, "{shown}");
            shown.push(char::from(byte[0]));
        }
    };
    keys.write_all(b"\x1d+").expect("it takes keys");
    wait_for("[n2 is On]");
    keys.write_all(b"x").expect("it takes keys");
    wait_for("x");
    keys.write_all(b"\x07").expect("it takes keys");
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
    end.send(()).expect("the server waits");
    assert_eq!(server.join().expect("it served"), (false, true), "closed, and n2 is on");
}
