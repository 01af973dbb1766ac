//! The report: one HTML file that needs nothing but itself.

use super::Input;

/// A figure that was drawn.
pub(crate) struct Shown {
    pub(crate) name: &'static str,
    pub(crate) caption: String,
    pub(crate) svg: String,
}

pub(crate) fn html(_input: &Input, shown: &[Shown], fonts: &str) -> String {
    shown.iter().map(|s| format!("{}{}{}", s.name, s.caption, s.svg)).collect::<String>() + fonts
}
