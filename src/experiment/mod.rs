//! One run as a value: plays a plan on a stage into an outcome, with or without a results folder.
//!
//! ```text
//!  Plan + stage + what is asked for --Run::play----> Outcome
//!                                   --Run::record--> Outcome and results folder --report--> page
//!  results folder --replay--> the same events again, or where they differ
//! ```
//!
//! All that plays, records, folds and hashes a run does it here. Whoever plays thousands of runs
//! in memory pays for what it asks for: by default that is the metrics.

mod run;

mod again;
pub mod branch;
pub mod bundle;
mod folder;
mod in_order;
pub mod optimize;
mod page;
pub mod rare;
mod replay;
pub mod study;
pub(crate) mod summary;
mod trust;
pub mod worst;

use summary::is_unfinished;

pub use again::word;
pub use folder::RecordedRun;
pub use in_order::in_order;
pub use page::draw;
pub use replay::{Replayed, elsewhere, other_version, replay};
pub use run::{Outcome, Run, RunError, observe};
pub use trust::{Damaged, check, check_report, recorded};
