//! x.

// ---- Stand-ins of the cli branch, dropped at the merge. ----

/// Stand-in.
#[derive(Debug)]
pub struct Input<'a> {
    /// Stand-in.
    pub plan: &'a crate::plan::Plan,
    /// Stand-in.
    pub findings: &'a crate::analysis::Findings,
    /// Stand-in.
    pub manifest: &'a crate::record::Manifest,
}

/// Stand-in.
///
/// # Errors
/// Never.
pub fn write(_input: &Input<'_>, _folder: &std::path::Path) -> std::io::Result<()> {
    Ok(())
}
