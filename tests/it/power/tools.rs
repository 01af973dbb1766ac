//! The controllers that programs switch; here the programs are scripts that keep states in files.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::rc::Rc;

use tempfile::TempDir;

use super::bench::{Ends, Subject, Trick, file};

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
esac
set_node() { [ "$trick" = stuck ] || echo "$2" > "n$1"; }
get_node() { cat "n$1" 2>/dev/null || echo 0; }
"#;

fn script(folder: &TempDir, name: &str, body: &str) -> String {
    let file = file(folder, name);
    fs::write(&file, format!("{BEGINS}{body}")).expect("written");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).expect("set");
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
        trick("the program hangs", Ends::InTrouble, "hang"),
        trick("the program is slow", Ends::Well, "slow"),
        trick("the program fails", Ends::InTrouble, "fail"),
        trick("the program says nothing", Ends::InTrouble, "silent"),
        trick("the program says something else", Ends::InTrouble, "garbled"),
        trick("the program obeys nothing", Ends::InTrouble, "stuck"),
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
