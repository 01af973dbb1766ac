//! The controllers that programs switch; here the programs are scripts that keep states in files.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::rc::Rc;

use rackstorm::drivers::power::Switches;
use rackstorm::drivers::power::fakes::tools::write_program;
use rackstorm::fleet::ports::PowerState;
use tempfile::TempDir;

use super::bench::{Actuators, Ends, Subject, Trick, file, on_one_thread, read};

/// What all scripts begin with: they notice when they run twice at once, and play tricks.
const BEGINS: &str = r#"#!/bin/sh
cd "$(dirname "$0")" || exit 9
mkdir busy 2>/dev/null || touch overlap
trap 'rmdir busy 2>/dev/null' EXIT
trick=$(cat trick 2>/dev/null)
case "$trick" in
  hang) sleep 600 & wait ;;
  slow) sleep 0.2 ;;
  fail) echo "no answer from the hub" >&2; exit 1 ;;
  silent) exit 0 ;;
  garbled) echo "Prt 2 pwer"; exit 0 ;;
  endless) yes "on and on" ;;
  mute) yes "on and on" >&2 ;;
esac
set_node() {
  [ "$trick" = stuck ] || echo "$2" > "n$1"
  if [ "$trick" = grumbles ]; then echo "no answer" >&2; exit 1; fi
}
get_node() { cat "n$1" 2>/dev/null || echo 0; }
"#;

fn script(folder: &TempDir, name: &str, body: &str) -> String {
    let file = file(folder, name);
    write_program(&file, &format!("{BEGINS}{body}")).expect("written");
    file.to_str().expect("UTF-8").to_owned()
}

fn subject(folder: TempDir, table: String) -> Subject {
    let folder = Rc::new(folder);
    let path = folder.path().to_owned();
    let trick = |name, ends, word: &'static str| {
        let path = path.clone();
        let set = move |on: bool| {
            // What was killed could not tidy up.
            let _ = fs::remove_dir(path.join("busy"));
            fs::write(path.join("trick"), if on { word } else { "" }).expect("written");
        };
        Trick { name, ends, set: Box::new(set) }
    };
    let tricks = vec![
        trick("the program hangs", Ends::Failing, "hang"),
        trick("the program is slow", Ends::Well, "slow"),
        trick("the program fails", Ends::Failing, "fail"),
        trick("the program says nothing", Ends::Failing, "silent"),
        trick("the program says something else", Ends::Failing, "garbled"),
        trick("the program obeys nothing", Ends::Failing, "stuck"),
        trick("the program prints without end", Ends::Failing, "endless"),
        trick("the program complains without end", Ends::Failing, "mute"),
        trick("the program obeys and fails", Ends::Well, "grumbles"),
    ];
    let on = |path: &Path| fs::read_to_string(path).is_ok_and(|text| text.trim() == "1");
    let well = path.clone();
    Subject {
        folder,
        table,
        is_on: Box::new(move |channel| on(&path.join(format!("n{channel}")))),
        tricks,
        is_well: Box::new(move || !well.join("overlap").exists() && !well.join("busy").exists()),
    }
}

fn folder() -> TempDir {
    TempDir::new().expect("a folder")
}

/// The times, short enough for a test of what hangs.
const TIMES: &str = "follows = \"1 s\"\ntimeout = \"3 s\"\nsettle = \"10 ms\"\n";

pub(crate) fn uhubctl() -> Subject {
    let folder = folder();
    let program = script(
        &folder,
        "uhubctl",
        r#"[ "$1 $2 $3" = "-l 1-1.4 -p" ] || { echo "usage" >&2; exit 2; }
show() {
  if [ "$(get_node "$1")" = 1 ]
  then echo "  Port $1: 0503 power highspeed enable connect [0424:ec00]"
  else echo "  Port $1: 0000 off"
  fi
}
echo "Current status for hub 1-1.4 [0424:9514, USB 2.00, 5 ports, ppps]"
show "$4"
[ "$5" = "-a" ] || exit 0
echo "Sent power $6 request"
case "$6" in on) set_node "$4" 1 ;; off) set_node "$4" 0 ;; *) exit 2 ;; esac
echo "New status for hub 1-1.4 [0424:9514, USB 2.00, 5 ports, ppps]"
show "$4"
"#,
    );
    let table = format!(
        "[[power.uhubctl]]\nname = \"bus\"\nprogram = \"{program}\"\nlocation = \"1-1.4\"\n{TIMES}"
    );
    subject(folder, table)
}

pub(crate) fn snmp_poe() -> Subject {
    let folder = folder();
    // The port base of a Linksys switch.
    let set = r#"[ "$1 $2 $3 $4 $6" = "-v2c -c private poe.lab i" ] || exit 2
case "$5" in 1.3.6.1.2.1.105.1.1.1.3.1.*) ;; *) exit 2 ;; esac
port=$((${5##*.} - 48))
case "$7" in 1) set_node $port 1 ;; 2) set_node $port 0 ;; *) exit 2 ;; esac
"#;
    let get = r#"[ "$1 $2 $3 $4 $5" = "-v2c -c private -Oqve poe.lab" ] || exit 2
port=$((${6##*.} - 48))
if [ "$(get_node $port)" = 1 ]; then echo 1; else echo 2; fi
"#;
    let (set, get) = (script(&folder, "snmpset", set), script(&folder, "snmpget", get));
    let table = format!(
        "[[power.snmp-poe]]\nname = \"bus\"\nhost = \"poe.lab\"\ncommunity = \"private\"\n\
         port_base = 48\nset = \"{set}\"\nget = \"{get}\"\n{TIMES}"
    );
    subject(folder, table)
}

pub(crate) fn clusterctrl() -> Subject {
    let folder = folder();
    let program = script(
        &folder,
        "clusterctrl",
        r#"case "$1" in
  on) set_node "${2#p}" 1 ;;
  off) set_node "${2#p}" 0 ;;
  status)
    echo "clusterhat:1"
    echo "maxpi:4"
    for n in 1 2 3 4; do echo "p$n:$(get_node $n)"; done ;;
esac
"#,
    );
    let table = format!("[[power.clusterctrl]]\nname = \"bus\"\nprogram = \"{program}\"\n{TIMES}");
    subject(folder, table)
}

pub(crate) fn command() -> Subject {
    let folder = folder();
    let program = script(
        &folder,
        "plug",
        r#"[ "$3" = "n$2" ] && [ "$4" = "at 10.0.0.$2" ] || { echo "odd: $*" >&2; exit 2; }
case "$1" in
  on) set_node "$2" 1 ;;
  off) set_node "$2" 0 ;;
  state) if [ "$(get_node "$2")" = 1 ]; then echo "ON 3.2 W"; else echo "off"; fi ;;
esac
"#,
    );
    let line = |verb: &str| {
        format!("[\"{program}\", \"{verb}\", \"{{channel}}\", \"{{node}}\", \"at {{address}}\"]")
    };
    let table = format!(
        "[[power.command]]\nname = \"bus\"\non = {}\noff = {}\nstate = {}\n{TIMES}",
        line("on"),
        line("off"),
        line("state")
    );
    subject(folder, table)
}

/// A hub that prints this, whatever is asked, with nodes on these ports; what is reported of the
/// first.
fn hub_says(said: &str, ports: &str) -> Result<PowerState, String> {
    let folder = folder();
    fs::write(file(&folder, "says"), said).expect("written");
    let program = script(&folder, "uhubctl", "cat says\n");
    let text = format!(
        "[[node]]\nnames = \"n[{ports}]\"\npower = \"hub\"\nchannel = \"[{ports}]\"\n\
         [limits]\ndown_at_once = 4\ncycles_per_hour = 60\n\
         [[power.uhubctl]]\nname = \"hub\"\nprogram = \"{program}\"\nlocation = \"1-1\"\n{TIMES}"
    );
    on_one_thread(async {
        let actuators = Actuators(Switches::start(Rc::new(read(&text, folder.path()))).0);
        actuators.state(1).await.map_err(|error| error.to_string())
    })
}

const HUB: &str =
    "Current status for hub 1-1 [2109:2817 VIA Labs, on off, USB 2.10, 4 ports, ppps]\n";

#[test]
fn a_program_starts_as_soon_as_it_is_written_whatever_else_is_started() {
    let busy = || {
        let folder = TempDir::new().expect("a folder");
        for k in 0..50 {
            let file = file(&folder, &format!("tool-{k}"));
            write_program(&file, "#!/bin/sh\necho 1\n").expect("written");
            let output = Command::new(&file).output().expect("it starts");
            assert_eq!(output.stdout, b"1\n");
        }
    };
    std::thread::scope(|threads| (0..8).for_each(|_| drop(threads.spawn(busy))));
}

#[test]
fn what_a_device_says_of_itself_is_not_taken_for_the_state_of_its_port() {
    for (port, wanted) in [
        (
            "0503 power highspeed enable connect [0bda:8153 Realtek power off and on]",
            PowerState::On,
        ),
        ("0000 off", PowerState::Off),
        // A port of USB 3 that is no longer fed, and has not come to rest yet.
        ("00a0 Rx.Detect", PowerState::Off),
        ("0001 connect [0bda:8153 a power bank]", PowerState::Off),
    ] {
        assert_eq!(hub_says(&format!("{HUB}  Port 1: {port}\n"), "1-2"), Ok(wanted), "{port}");
    }
}

#[test]
fn a_port_of_two_halves_is_off_when_both_are() {
    for (usb2, usb3, wanted) in [
        ("0000 off", "0080 off", PowerState::Off),
        ("0000 off", "02a0 power 5gbps Rx.Detect", PowerState::On),
        ("0100 power", "0080 off", PowerState::On),
        ("0503 power enable connect", "0203 power 5gbps U0 enable connect", PowerState::On),
    ] {
        let other = "Current status for hub 2-1 [2109:0817, USB 3.10, 4 ports, ppps]\n";
        let said = format!("{HUB}  Port 1: {usb2}\n{other}  Port 1: {usb3}\n");
        assert_eq!(hub_says(&said, "1-2"), Ok(wanted), "{usb2}, {usb3}");
    }
}

#[test]
fn several_nodes_on_a_ganged_hub_are_refused() {
    let hub = |how: &str| {
        let hub = format!("hub 1-1 [2109:2817, USB 2.10, 4 ports, {how}]");
        format!("Current status for {hub}\n  Port 1: 0100 power\n")
    };
    let reported = hub_says(&hub("ganged"), "1-3").expect_err("refused");
    assert!(
        reported.contains("switches all ports together (ganged), and feeds n[1-3]; "),
        "{reported}"
    );
    assert_eq!(hub_says(&hub("ganged"), "1"), Ok(PowerState::On));
    let reported = hub_says(&hub("nops"), "1").expect_err("refused");
    assert!(reported.contains("the hub cannot switch its ports (nops); "), "{reported}");
}

#[test]
fn two_tables_for_one_hub_have_the_same_ports() {
    let table = |name: &str, port: u32, location: &str| {
        format!(
            "[[node]]\nnames = \"{name}\"\npower = \"{name}\"\nchannel = \"{port}\"\n\
             [[power.uhubctl]]\nname = \"{name}\"\nlocation = \"{location}\"\n"
        )
    };
    let read = |port, location| {
        let limits = "[limits]\ndown_at_once = 4\ncycles_per_hour = 60\n";
        let text = table("a", 2, "1-1") + &table("b", port, location) + limits;
        rackstorm::inventory::read("rack", &text, Path::new(""))
    };
    read(3, "1-1").and(read(2, "1-2")).expect("other ports, and another hub");
    let reported = read(2, "1-1").expect_err("the same port").render(false);
    assert!(reported.contains("two nodes on channel 2 of `b`"), "{reported}");
}
