//! Colours and sizes of all figures: each class of node and boot stage keeps one colour.

use crate::analysis::NodeClass;
use crate::event::Fault;

/// A colour and how much of what lies below it covers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Ink {
    /// Red, green and blue, 0 to 255.
    pub(crate) rgb: (u8, u8, u8),
    /// 0 is clear, 1 is solid.
    pub(crate) alpha: f64,
}

impl Ink {
    /// A solid colour from its hexadecimal notation, `0xRRGGBB`.
    pub(crate) const fn hex(value: u32) -> Self {
        Self { rgb: ((value >> 16) as u8, (value >> 8) as u8, value as u8), alpha: 1.0 }
    }

    /// The same colour, see-through.
    pub(crate) const fn at(self, alpha: f64) -> Self {
        Self { rgb: self.rgb, alpha }
    }
}

/// Background.
pub(crate) const PAPER: Ink = Ink::hex(0xFF_FFFF);
/// Titles and names of axes.
pub(crate) const TEXT: Ink = Ink::hex(0x28_2C34);
/// Subtitles and tick labels.
pub(crate) const SOFT_TEXT: Ink = Ink::hex(0x64_6A76);
/// Axes.
pub(crate) const AXIS: Ink = SOFT_TEXT;
/// Grid lines.
pub(crate) const GRID: Ink = Ink::hex(0xE2_E5EA);

// The palette of Okabe and Ito, "Color Universal Design" (2008), safe for colour-blind readers.
/// Okabe-Ito blue.
pub(crate) const BLUE: Ink = Ink::hex(0x00_72B2);
/// Okabe-Ito vermillion.
pub(crate) const VERMILLION: Ink = Ink::hex(0xD5_5E00);
/// Okabe-Ito bluish green.
pub(crate) const GREEN: Ink = Ink::hex(0x00_9E73);
/// Okabe-Ito reddish purple.
pub(crate) const PURPLE: Ink = Ink::hex(0xCC_79A7);
/// Okabe-Ito orange.
pub(crate) const ORANGE: Ink = Ink::hex(0xE6_9F00);
/// Okabe-Ito sky blue.
pub(crate) const SKY: Ink = Ink::hex(0x56_B4E9);
/// Okabe-Ito yellow, a little darker so that it stands out from paper.
pub(crate) const YELLOW: Ink = Ink::hex(0xE8_D94A);

/// Title of a figure (px).
pub(crate) const TITLE_SIZE: f64 = 19.0;
/// All other letters (px): 6 pt if the figure is printed in a column of 8 cm, which is as small as
/// journals take them.
pub(crate) const LABEL_SIZE: f64 = 16.0;
/// How far below the middle of a line its baseline is (px).
pub(crate) const HALF_LETTER: f64 = 5.6;

/// The colours of things of one kind that are drawn in one figure.
pub(crate) const SERIES: [Ink; 6] = [BLUE, ORANGE, GREEN, PURPLE, VERMILLION, SKY];

/// The classes in the order in which they are stacked, from the bottom: work first, then what
/// keeps from work, then what is lost.
pub(crate) const CLASSES: [NodeClass; 12] = [
    NodeClass::Compute,
    NodeClass::Rework,
    NodeClass::Verify,
    NodeClass::Checkpoint,
    NodeClass::Restart,
    NodeClass::Wait,
    NodeClass::Idle,
    NodeClass::Boot,
    NodeClass::Off,
    NodeClass::Hung,
    NodeClass::Down,
    NodeClass::GaveUp,
];

/// The word for a class of node: the one in the names of series and metrics.
pub(crate) fn class_word(class: NodeClass) -> &'static str {
    match class {
        NodeClass::Off => "off",
        NodeClass::Boot => "boot",
        NodeClass::Idle => "idle",
        NodeClass::Wait => "wait",
        NodeClass::Restart => "restart",
        NodeClass::Compute => "compute",
        NodeClass::Rework => "rework",
        NodeClass::Checkpoint => "checkpoint",
        NodeClass::Hung => "hung",
        NodeClass::Down => "down",
        NodeClass::GaveUp => "gave-up",
        NodeClass::Verify => "verify",
    }
}

/// The colour of a class of node, the same in every figure.
pub(crate) fn class_ink(class: NodeClass) -> Ink {
    match class {
        NodeClass::Off => Ink::hex(0xD3_D8DF),
        NodeClass::Boot => SKY,
        NodeClass::Idle => Ink::hex(0x9F_D6C4),
        NodeClass::Wait => YELLOW,
        NodeClass::Restart => GREEN,
        NodeClass::Compute => BLUE,
        NodeClass::Rework => PURPLE,
        NodeClass::Checkpoint => ORANGE,
        NodeClass::Hung => Ink::hex(0x8C_3D00),
        NodeClass::Down => VERMILLION,
        NodeClass::GaveUp => Ink::hex(0x4A_4F59),
        NodeClass::Verify => Ink::hex(0x8E_7CC3),
    }
}

/// The colour of a kind of fault, the same below every axis: none is lost on dark paper, and only
/// those that stop nodes have colours like those of nodes that are down.
pub(crate) fn fault_ink(kind: Fault) -> Ink {
    match kind {
        Fault::Crash => VERMILLION,
        Fault::Hang => Ink::hex(0xB0_6A2C),
        Fault::PowerLoss => Ink::hex(0xE0_218A),
        Fault::SwitchLoss => Ink::hex(0x00_A3A8),
        Fault::ServerLoss => Ink::hex(0x7A_9E00),
        Fault::LinkDegradation => Ink::hex(0x5E_81F4),
        Fault::ControllerCrash => Ink::hex(0x8E_6BD8),
        Fault::SilentCorruption => Ink::hex(0xD6_C100),
        Fault::Upset => Ink::hex(0xD8_9A6A),
        Fault::Dram => Ink::hex(0x7F_8FA9),
        Fault::Load => Ink::hex(0x5D_BFA3),
        Fault::Clock => Ink::hex(0xB9_9AE0),
        Fault::Process => Ink::hex(0xE3_7088),
        Fault::SlowDown => Ink::hex(0x9A_AE3C),
        Fault::Partition => Ink::hex(0x2F_6FB0),
    }
}

/// The stages of a boot in their order, each with its colour; the words are those of
/// [`crate::event::NodeState`].
pub(crate) const BOOT_STAGES: [(&str, Ink); 6] = [
    ("rom", Ink::hex(0xC3_C9D2)),
    ("dhcp", Ink::hex(0xF2_C063)),
    ("tftp", SKY),
    ("kernel", Ink::hex(0x7F_8FA9)),
    ("root", BLUE),
    ("init", Ink::hex(0x5D_BFA3)),
];

/// The colour of a boot stage or of another state that a boot may end in.
pub(crate) fn stage_ink(stage: &str) -> Ink {
    if let Some((_, ink)) = BOOT_STAGES.iter().find(|(word, _)| *word == stage) {
        return *ink;
    }
    match stage {
        "up" => class_ink(NodeClass::Idle),
        "hung" => class_ink(NodeClass::Hung),
        "down" => class_ink(NodeClass::Down),
        "gave-up" => class_ink(NodeClass::GaveUp),
        _ => class_ink(NodeClass::Off),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_classes_share_a_colour() {
        for (i, a) in CLASSES.iter().enumerate() {
            for b in &CLASSES[..i] {
                assert_ne!(class_ink(*a).rgb, class_ink(*b).rgb, "{a:?} and {b:?}");
            }
        }
    }

    #[test]
    fn no_two_kinds_of_fault_share_a_colour() {
        for (i, a) in Fault::ALL.iter().enumerate() {
            for b in &Fault::ALL[..i] {
                assert_ne!(fault_ink(*a).rgb, fault_ink(*b).rgb, "{a:?} and {b:?}");
            }
        }
    }

    #[test]
    fn no_two_boot_stages_share_a_colour() {
        for (i, (a, ink)) in BOOT_STAGES.iter().enumerate() {
            for (b, other) in &BOOT_STAGES[..i] {
                assert_ne!(ink.rgb, other.rgb, "{a} and {b}");
            }
        }
    }

    #[test]
    fn the_words_of_classes_are_those_of_the_event_log() {
        for class in CLASSES {
            let json = serde_json::to_string(&class).expect("a class is a plain word");
            assert_eq!(json, format!("\"{}\"", class_word(class)));
        }
    }
}
