//! Studies: the cells of a scenario's axes, each played in replications, to one table.
//!
//! ```text
//!  study.toml --plan--> plan.csv, plan.json, round-1.json     which run is in which shard
//!             --play--> part-00001.csv/.parquet/.json         one part for each shard
//!             --merge-> results.csv/.parquet, columns.csv     one row for each run, sorted
//!             --answer-> summary.csv/.parquet, report.html    what was found
//! ```
//!
//! Which run belongs to which shard is decided when its round is planned, and nothing else is
//! shared by those who play: shards are played in any order, by any number of processes, on any
//! machines that see the folder. Each run is a pure function of its cell and seed, each file is
//! made elsewhere and gets its name when it is whole, and tables are sorted. So the tables hang
//! neither on who played what nor on how often that was killed.
//!
//! A study with a `precision` has several rounds. What the next one plays is a pure function of the
//! tables of those before it, so whoever plans it plans the same.

mod folder;
mod pilot;
mod play;
mod rounds;
mod row;
mod shard;

mod answer;
mod claim;
mod merge;
mod packing;
mod results;
mod sorted;
mod status;
mod submit;

use std::path::{Path, PathBuf};

use crate::drivers::DriverError;
use crate::record::RecordError;
use crate::scenario::Mistakes;

pub use crate::drivers::batch::ranges;
pub use answer::{answer, table};
pub(super) use answer::{axes, expected, no_metric};
pub use claim::Claimant;
pub use folder::{Asked, StudyFolder};
pub use merge::{Merged, merge};
pub use pilot::Estimate;
pub(super) use play::{Planned, Plans, Play, planned};
pub use results::{ResultColumn, Results, Role, Values, merged, results};
pub(super) use rounds::seeds;
pub use rounds::{Next, Reached, advance, check, replications};
pub use row::{Row, RowStatus};
pub use shard::{Ended, Player, Stopper};
pub use sorted::Tally;
pub use status::{ShardState, StudyStatus};
pub use submit::{Submission, Submitted, is_due, submit};

/// Why a study cannot be planned, played or merged.
#[derive(Debug, thiserror::Error)]
pub enum StudyError {
    /// Something could not be written or read.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// A batch system cannot be asked, or refuses.
    #[error(transparent)]
    Batch(#[from] DriverError),
    /// The study itself has mistakes.
    #[error("{0}")]
    Mistakes(Box<Mistakes>),
    /// What was asked for is refused; nothing was touched.
    #[error("{}: {why}\n  hint: {hint}", path.display())]
    Refused {
        /// The folder or file.
        path: PathBuf,
        /// Why, as a sentence.
        why: String,
        /// What can be done.
        hint: String,
    },
    /// Runs are missing.
    #[error(
        "{}: {missing} of {of} shards are missing: {shards}\n  hint: `rackstorm study run {}` \
         plays them; --partial merges what is there",
        path.display(), path.display()
    )]
    Gaps {
        /// The folder.
        path: PathBuf,
        /// Shards that are missing.
        missing: usize,
        /// Shards in all.
        of: usize,
        /// The missing ones, as `3,17-19`.
        shards: String,
    },
}

impl StudyError {
    pub(super) fn refused(path: &Path, why: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Refused { path: path.to_owned(), why: why.into(), hint: hint.into() }
    }
}

impl From<Mistakes> for StudyError {
    fn from(mistakes: Mistakes) -> Self {
        Self::Mistakes(Box::new(mistakes))
    }
}
