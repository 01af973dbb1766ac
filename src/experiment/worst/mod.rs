//! The faults that cost a scenario most: a few of its kinds, at the worst parts and instants.
//!
//! ```text
//!  scenario --Setting--> the same without chance, and the kinds of fault that may strike
//!  schedule of faults --extend--> one more, at each part of each class and at each instant
//!       ^                                    |
//!       +------- the worst, or each ---------+
//! ```
//!
//! Of one and two faults all are tried, over classes of equal parts (`alike`) and over the instants
//! at which something changes (`instants`): the second over those of the run with the first. From
//! three on it is a search: the worst two are extended by the worst third, and then each fault is
//! taken away and put where it costs most, until nothing is gained. Nothing of it is random.
//!
//! Not modelled: faults that do their harm by chance (upsets, faults of chips, silent corruption);
//! cascades, each strike of which would be a fault of its own.

mod alike;
mod extend;
mod instants;
mod schedule;
mod search;
mod text;

pub use schedule::{Loss, Setting, Strike};
pub use search::{Ask, Found, Worst, search};
