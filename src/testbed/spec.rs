//! What a rack in a box looks like: sizes, rates, names and addresses.

use std::net::Ipv4Addr;

use crate::ids::NodeId;
use crate::units::{BitRate, Bytes, Span};

/// Nodes at most: the addresses of one bus, of which the master has one.
pub const NODES_MAX: u32 = 127;
/// Letters of a box's name at most, so that the names of its links fit into 15 bytes.
pub const NAME_MAX: usize = 16;

/// The address of server and controller.
pub const SERVER: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);

/// The address of a node.
#[must_use]
pub fn address(node: NodeId) -> Ipv4Addr {
    Ipv4Addr::new(10, 77, 1, 1 + node.0 as u8)
}

/// A text as the name of a box. It is part of the names of namespaces, links and a folder.
///
/// # Errors
/// What is wrong with it.
pub fn name(text: &str) -> Result<String, String> {
    let plain = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit();
    if text.is_empty() || text.len() > NAME_MAX || !text.chars().all(plain) {
        return Err(format!("a box's name is 1 to {NAME_MAX} small letters and digits"));
    }
    Ok(text.to_owned())
}

/// A rack in a box.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestbedSpec {
    /// Its name, with which the names of its namespaces begin.
    pub name: String,
    /// Its nodes.
    pub nodes: u32,
    /// The blades that they stand on, as many on each; a switch for each blade.
    pub blades: u32,
    /// So many of them, the last ones, are protected.
    pub protected: u32,
    /// Rate of a node's link, both ways.
    pub node_link: BitRate,
    /// Rate of the link between a blade's switch and the server's, both ways.
    pub uplink: BitRate,
    /// Rate of the server's link, both ways.
    pub server_link: BitRate,
    /// What a node fetches when it boots.
    pub image: Bytes,
    /// Time between two heartbeats of an agent.
    pub heartbeat: Span,
}

impl TestbedSpec {
    /// What is wrong with it, if anything is.
    #[must_use]
    pub fn mistake(&self) -> Option<String> {
        if let Err(mistake) = name(&self.name) {
            return Some(mistake);
        }
        if self.nodes == 0 || self.nodes > NODES_MAX {
            return Some(format!("a box has 1 to {NODES_MAX} nodes"));
        }
        if self.blades == 0 || !self.nodes.is_multiple_of(self.blades) {
            let Self { nodes, blades, .. } = self;
            return Some(format!("{nodes} nodes cannot stand on {blades} blades, as many on each"));
        }
        if self.protected > self.nodes {
            return Some(format!(
                "{} nodes cannot be protected: there are {}",
                self.protected, self.nodes
            ));
        }
        let rates = [self.node_link, self.uplink, self.server_link];
        if rates.iter().any(|rate| rate.0 < 8_000) {
            return Some("a link carries at least 8 kbit/s".to_owned());
        }
        None
    }

    /// All nodes.
    pub fn all(&self) -> impl Iterator<Item = NodeId> + use<> {
        (0..self.nodes).map(NodeId)
    }

    /// The blade that a node stands on, from 0.
    #[must_use]
    pub fn blade_of(&self, node: NodeId) -> u32 {
        node.0 / (self.nodes / self.blades)
    }

    /// The namespace of the switches.
    #[must_use]
    pub fn switches(&self) -> String {
        format!("{}-net", self.name)
    }

    /// The namespace of server and controller.
    #[must_use]
    pub fn server(&self) -> String {
        format!("{}-server", self.name)
    }

    /// The namespace of a node.
    #[must_use]
    pub fn node(&self, node: NodeId) -> String {
        format!("{}-pi{}", self.name, node.0 + 1)
    }

    /// All namespaces.
    pub fn namespaces(&self) -> impl Iterator<Item = String> {
        [self.switches(), self.server()].into_iter().chain(self.all().map(|node| self.node(node)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec() -> TestbedSpec {
        let rate = BitRate(100_000_000);
        let uplink = BitRate(1_000_000_000);
        TestbedSpec {
            name: "box".into(),
            nodes: 16,
            blades: 4,
            protected: 0,
            node_link: rate,
            uplink,
            server_link: uplink,
            image: Bytes(8_200_000),
            heartbeat: Span::from_secs(1),
        }
    }

    #[test]
    fn nodes_stand_blade_by_blade_and_have_addresses_of_their_own() {
        let spec = TestbedSpec { nodes: 120, blades: 10, ..spec() };
        assert_eq!(spec.mistake(), None);
        assert_eq!((spec.blade_of(NodeId(11)), spec.blade_of(NodeId(12))), (0, 1));
        let all: std::collections::BTreeSet<_> = spec.all().map(address).collect();
        assert!(all.len() == 120 && !all.contains(&SERVER));
    }

    #[test]
    fn what_cannot_be_built_is_refused() {
        let reported = |spec: TestbedSpec| spec.mistake().expect("a mistake");
        assert!(
            reported(TestbedSpec { name: "My box".into(), ..spec() }).contains("small letters")
        );
        assert!(reported(TestbedSpec { nodes: 0, ..spec() }).contains("1 to 127"));
        assert!(
            reported(TestbedSpec { blades: 5, ..spec() })
                .contains("16 nodes cannot stand on 5 blades")
        );
        assert!(reported(TestbedSpec { uplink: BitRate(1), ..spec() }).contains("8 kbit/s"));
    }
}
