//! How far nodes are in their boots, as dnsmasq's log shows it.
//!
//! ```text
//!  Nov 21 10:00:03 dnsmasq-dhcp[812]: DHCPDISCOVER(eth0) b8:27:eb:01:02:03           asks
//!  Nov 21 10:00:03 dnsmasq-dhcp[812]: DHCPACK(eth0) 10.0.1.100 b8:27:eb:01:02:03     is answered
//!  Nov 21 10:00:04 dnsmasq-tftp[812]: sent /srv/tftp/bootcode.bin to 10.0.1.100      fetches
//!  Nov 21 10:00:09 dnsmasq-tftp[812]: sent /srv/tftp/kernel8.img to 10.0.1.100       has all
//! ```
//!
//! The log is read from its end on, and looked for again when it is not there, was cut short or
//! has another file in its place. What a line begins with, the journal of a system for example,
//! does not matter.
//!
//! Not modelled: when a file *begins* to be sent, which dnsmasq does not log; what a node does
//! between its kernel and its agent, which nobody outside can see.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;

use crate::ids::NodeId;
use crate::inventory::{Boot, Inventory};

/// What a line says of a node's boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BootProgress {
    /// It asks for an address.
    Asks,
    /// It was given one, or a file that is not its last.
    Fetches,
    /// It was sent the last file.
    HasAll,
}

/// Who is meant, as far as a line says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Who<'l> {
    address: Option<&'l str>,
    mac: Option<&'l str>,
}

/// The log.
#[derive(Debug)]
pub(super) struct BootLog {
    boot: Boot,
    /// Of each node: address and MAC, as far as they are known.
    nodes: Vec<(Option<String>, Option<String>)>,
    file: Option<(File, u64)>,
    /// The beginning of a line whose end is not there yet.
    rest: Vec<u8>,
    /// Whether it was ever looked for: what a log holds that turns up later is new.
    looked: bool,
}

impl BootLog {
    /// The log of an inventory's nodes, from its end on.
    pub(super) fn new(inventory: &Inventory) -> Option<Self> {
        let boot = inventory.boot.clone()?;
        let own = |node: &crate::inventory::InventoryNode| (node.address.clone(), node.mac.clone());
        let nodes = inventory.nodes.iter().map(own).collect();
        let mut log = Self { boot, nodes, file: None, rest: Vec::new(), looked: false };
        log.open();
        Some(log)
    }

    /// What was logged since this was asked last. A log that cannot be read says nothing.
    pub(super) fn read(&mut self) -> Vec<(NodeId, BootProgress)> {
        let mut bytes = std::mem::take(&mut self.rest);
        if self.is_another().unwrap_or(true) {
            // What an old file still held is read before the new one.
            self.append(&mut bytes);
            self.open();
        }
        self.append(&mut bytes);
        let whole = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
        self.rest = bytes.split_off(whole);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        text.lines().filter_map(|line| self.parse(line)).collect()
    }

    fn append(&mut self, bytes: &mut Vec<u8>) {
        if let Some((file, read)) = &mut self.file
            && let Ok(n) = file.read_to_end(bytes)
        {
            *read += n as u64;
        }
    }

    fn open(&mut self) {
        let from_end = !std::mem::replace(&mut self.looked, true);
        let opened = File::open(&self.boot.log).and_then(|mut file| {
            let at = if from_end { file.seek(SeekFrom::End(0))? } else { 0 };
            Ok((file, at))
        });
        self.file = opened.ok();
    }

    /// Whether the file that is read is not, or no longer, the log.
    fn is_another(&self) -> io::Result<bool> {
        let Some((file, read)) = &self.file else { return Ok(true) };
        let (own, there) = (file.metadata()?, std::fs::metadata(&self.boot.log)?);
        let same = (own.dev(), own.ino()) == (there.dev(), there.ino());
        Ok(!same || there.len() < *read)
    }

    fn parse(&mut self, line: &str) -> Option<(NodeId, BootProgress)> {
        let (who, stage) = parse(line, &self.boot.last)?;
        let is = |own: &Option<String>, said: Option<&str>| {
            said.is_some_and(|said| {
                own.as_deref().is_some_and(|own| own.eq_ignore_ascii_case(said))
            })
        };
        let by_mac = self.nodes.iter().position(|(_, mac)| is(mac, who.mac));
        let at = by_mac.or_else(|| self.nodes.iter().position(|(own, _)| is(own, who.address)))?;
        if let (None, Some(mac)) = (&self.nodes[at].1, who.mac) {
            // Next time it asks, it has no address yet.
            self.nodes[at].1 = Some(mac.to_owned());
        }
        Some((NodeId(at as u32), stage))
    }
}

/// What a line says, if it is about a boot.
fn parse<'l>(line: &'l str, last: &str) -> Option<(Who<'l>, BootProgress)> {
    if let Some((_, said)) = line.split_once("dnsmasq-dhcp") {
        let (_, said) = said.split_once(": ")?;
        // With `log-dhcp` a number of the exchange stands in front.
        let at = said.find("DHCP")?;
        let (verb, rest) = said[at..].split_once('(')?;
        let (_, rest) = rest.split_once(')')?;
        let stage = match verb {
            "DHCPDISCOVER" | "DHCPREQUEST" | "DHCPOFFER" => BootProgress::Asks,
            "DHCPACK" => BootProgress::Fetches,
            _ => return None,
        };
        let mut who = Who::default();
        for word in rest.split_whitespace().take(2) {
            if is_mac(word) {
                who.mac = who.mac.or(Some(word));
            } else {
                who.address = who.address.or(Some(word));
            }
        }
        return Some((who, stage));
    }
    let (_, said) = line.split_once("dnsmasq-tftp")?;
    let (_, said) = said.split_once(": ")?;
    let (file, address) = said.strip_prefix("sent ")?.rsplit_once(" to ")?;
    let who = Who { address: Some(address.trim()), mac: None };
    let stage = if file.ends_with(last) { BootProgress::HasAll } else { BootProgress::Fetches };
    Some((who, stage))
}

fn is_mac(word: &str) -> bool {
    let pairs = word.split(':');
    pairs.clone().count() == 6
        && pairs.clone().all(|pair| pair.len() == 2 && pair.bytes().all(|b| b.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::path::Path;

    use super::*;
    use crate::inventory;

    /// As dnsmasq 2.90 writes, with and without `log-dhcp`.
    const STORM: &str = "\
Nov 21 10:00:01 dnsmasq-dhcp[812]: DHCP, IP range 10.0.1.100 -- 10.0.1.200, lease time 12h
Nov 21 10:00:03 dnsmasq-dhcp[812]: DHCPDISCOVER(eth0) b8:27:eb:01:02:03
Nov 21 10:00:03 dnsmasq-dhcp[812]: DHCPOFFER(eth0) 10.0.1.100 b8:27:eb:01:02:03
Nov 21 10:00:03 dnsmasq-dhcp[812]: 1398491 DHCPREQUEST(eth0) 10.0.1.100 b8:27:eb:01:02:03
Nov 21 10:00:03 dnsmasq-dhcp[812]: DHCPACK(eth0) 10.0.1.100 B8:27:EB:01:02:03 c0n0
Nov 21 10:00:03 dnsmasq-dhcp[812]: DHCPDISCOVER(eth0) b8:27:eb:99:99:99 no address available
Nov 21 10:00:04 dnsmasq-tftp[812]: error 0 TFTP Aborted received from 10.0.1.100
Nov 21 10:00:04 dnsmasq-tftp[812]: failed sending /srv/tftp/kernel8.img to 10.0.1.100
Nov 21 10:00:04 dnsmasq-tftp[812]: file /srv/tftp/recovery.elf not found for 10.0.1.100
Nov 21 10:00:04 pi dnsmasq-tftp[812]: sent /srv/tftp/bootcode.bin to 10.0.1.100
Nov 21 10:00:09 dnsmasq-tftp[812]: sent /srv/tftp/kernel8.img to 10.0.1.100
Nov 21 10:00:09 dnsmasq-tftp[812]: sent /srv/tftp/kernel8.img to 10.0.1.10
";

    fn rack(folder: &Path) -> Inventory {
        let text = "[[node]]\nnames = \"a,b\"\naddress = \"10.0.1.[100-101]\"\n\
                    [boot]\nlog = \"dns.log\"\n\
                    [limits]\ndown_at_once = 2\ncycles_per_hour = 1\n";
        inventory::read("rack", text, folder).unwrap_or_else(|mistakes| panic!("{mistakes}"))
    }

    #[test]
    fn a_boot_is_followed_from_its_first_question_to_its_last_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut log = BootLog::new(&rack(folder.path())).expect("it is watched");
        assert_eq!(log.read(), [], "it is not there yet");
        std::fs::write(folder.path().join("dns.log"), STORM).expect("a file");
        let (a, mut said) = (NodeId(0), log.read());
        // Whose MAC nobody knows is found by the address that it is offered.
        assert_eq!(said.remove(0), (a, BootProgress::Asks));
        let rest = [
            BootProgress::Asks,
            BootProgress::Fetches,
            BootProgress::Fetches,
            BootProgress::HasAll,
        ];
        assert_eq!(said, rest.map(|stage| (a, stage)));
        // Now it is known.
        let first = "Nov 21 10:05:03 dnsmasq-dhcp[812]: DHCPDISCOVER(eth0) b8:27:eb:01:02:03\n";
        append(folder.path(), first);
        assert_eq!(log.read(), [(a, BootProgress::Asks)]);
        assert_eq!(log.read(), []);
    }

    fn append(folder: &Path, text: &str) {
        let file = File::options().append(true).create(true).open(folder.join("dns.log"));
        file.and_then(|mut file| file.write_all(text.as_bytes())).expect("a file");
    }

    fn sent(file: &str) -> String {
        format!("Nov 21 10:00:04 dnsmasq-tftp[8]: sent /srv/{file} to 10.0.1.101\n")
    }

    #[test]
    fn what_was_logged_before_is_old_and_half_a_line_waits_for_its_end() {
        let folder = tempfile::tempdir().expect("a folder");
        append(folder.path(), &sent("old.img"));
        let mut log = BootLog::new(&rack(folder.path())).expect("it is watched");
        assert_eq!(log.read(), []);
        let line = sent("start.elf");
        append(folder.path(), &line[..30]);
        assert_eq!(log.read(), []);
        append(folder.path(), &line[30..]);
        assert_eq!(log.read(), [(NodeId(1), BootProgress::Fetches)]);
    }

    #[test]
    fn a_log_that_is_rotated_or_cut_short_loses_no_line() {
        let folder = tempfile::tempdir().expect("a folder");
        append(folder.path(), "begin\n");
        let mut log = BootLog::new(&rack(folder.path())).expect("it is watched");
        append(folder.path(), &sent("start.elf"));
        let own = folder.path().join("dns.log");
        std::fs::rename(&own, folder.path().join("dns.log.1")).expect("renamed");
        append(folder.path(), &sent("kernel8.img"));
        let both = [(NodeId(1), BootProgress::Fetches), (NodeId(1), BootProgress::HasAll)];
        assert_eq!(log.read(), both, "the old one to its end, then the new one");
        std::fs::write(&own, "").expect("cut");
        assert_eq!(log.read(), []);
        append(folder.path(), &sent("kernel8.img"));
        assert_eq!(log.read(), both[1..]);
        std::fs::remove_file(&own).expect("removed");
        assert_eq!(log.read(), []);
        append(folder.path(), &sent("kernel8.img"));
        assert_eq!(log.read(), both[1..]);
    }
}
