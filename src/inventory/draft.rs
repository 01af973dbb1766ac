//! A draft of an inventory from what was found: blades on a bus, and agents that are enrolled.

use std::fmt::Write;

use super::names;

/// The text of an inventory that loads, with remarks on what a person has to add.
///
/// `device` is the line of a BitScope bus, `blades` the addresses that answered there, and
/// `agents` the names that the rack's authority made certificates for.
#[must_use]
pub fn draft(device: Option<&str>, blades: &[u8], agents: &[String]) -> String {
    let mut text = String::from(
        "# A draft: look through it, then add addresses, positions and what is protected.\n",
    );
    let each = |numbers: &mut dyn Iterator<Item = String>| {
        let all: Vec<String> = numbers.collect();
        names::fold(all.iter().map(String::as_str))
    };
    if !blades.is_empty() {
        let nodes = each(&mut blades.iter().map(|address| format!("c0n{address}")));
        let channels = each(&mut blades.iter().map(ToString::to_string));
        let _ = write!(
            text,
            "\n[[node]]\nnames = \"{nodes}\"\npower = \"bus\"\nchannel = \"{channels}\"\n"
        );
    }
    let agents = names::fold(agents.iter().map(String::as_str));
    if !agents.is_empty() && blades.is_empty() {
        let _ = write!(text, "\n[[node]]\nnames = \"{agents}\"\n");
    } else if !agents.is_empty() {
        let _ = write!(text, "\n# Enrolled: {agents}. pi1 is the first node of this file.\n");
    }
    text += "\n[limits]\ndown_at_once = 1\ncycles_per_hour = 4\n";
    if let Some(device) = device {
        // The master answers at address 0: it sits where the line is.
        let manager = if blades.contains(&0) { "manager = \"c0n0\"\n" } else { "" };
        let _ =
            write!(text, "\n[[power.bitscope]]\nname = \"bus\"\ndevice = \"{device}\"\n{manager}");
    }
    text
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::inventory::read;

    fn loaded(text: &str) -> Vec<String> {
        let rack = read("rack", text, Path::new("")).unwrap_or_else(|m| panic!("{m}\n{text}"));
        rack.nodes.into_iter().map(|node| node.name).collect()
    }

    #[test]
    fn a_draft_loads() {
        let agents = ["pi1".to_owned(), "pi2".to_owned()];
        let text = draft(Some("/dev/serial0"), &[0, 1, 2, 7], &agents);
        assert_eq!(loaded(&text), ["c0n0", "c0n1", "c0n2", "c0n7"]);
        assert!(text.contains("channel = \"[0-2,7]\"") && text.contains("# Enrolled: pi[1-2]."));
        assert_eq!(loaded(&draft(None, &[], &agents)), ["pi1", "pi2"]);
    }
}
