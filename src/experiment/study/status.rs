//! What is there of a study: shards that are done, missing or damaged, and how their runs ended.

use serde::Serialize;

use super::StudyError;
use super::folder::StudyFolder;
use super::shard::Part;
use super::sorted::Tally;

/// What is there of a shard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ShardState {
    /// Its part is whole.
    Done(Tally),
    /// It has no part.
    Missing,
    /// A file of its part is not as it was written.
    Damaged(String),
}

/// What is there of a study.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StudyStatus {
    /// Each shard, from number 1.
    pub shards: Vec<ShardState>,
    /// How the runs ended that are there.
    pub tally: Tally,
    /// How many runs are planned.
    pub runs: u64,
    /// Rows that shards have kept which were stopped, or are being played.
    pub kept: u64,
}

impl StudyStatus {
    /// Looks at every part of a study.
    ///
    /// # Errors
    /// When one is of another plan, or cannot be read.
    pub fn of(folder: &StudyFolder) -> Result<Self, StudyError> {
        let mut tally = Tally::default();
        let (mut shards, mut kept) = (Vec::new(), 0);
        for shard in folder.shards() {
            shards.push(match folder.part(shard)? {
                Part::Whole(receipt) => {
                    tally.add(receipt.tally);
                    ShardState::Done(receipt.tally)
                }
                Part::Damaged(what) => ShardState::Damaged(what),
                Part::Missing => {
                    kept += folder.rows_in_chunks(shard);
                    ShardState::Missing
                }
            });
        }
        Ok(Self { shards, tally, runs: folder.runs(), kept })
    }

    /// The numbers of the shards that are done, or that are not.
    #[must_use]
    pub fn numbers(&self, done: bool) -> Vec<u32> {
        let is_done = |state: &ShardState| matches!(state, ShardState::Done(_));
        let each = (1..).zip(&self.shards).filter(|(_, state)| is_done(state) == done);
        each.map(|(number, _)| number).collect()
    }

    /// What is wrong with damaged parts.
    pub fn damages(&self) -> impl Iterator<Item = &str> {
        self.shards.iter().filter_map(|state| match state {
            ShardState::Damaged(what) => Some(what.as_str()),
            ShardState::Done(_) | ShardState::Missing => None,
        })
    }
}
