//! The tables of workloads that are no bulk-synchronous jobs: each has a name of its own.
//!
//! A scenario has each at most once, next to the others and to transfers. A workload is one file
//! here and a line in the list at the end.

pub mod data_grid;
pub mod map_reduce;
pub mod multicast;
pub mod object_store;
pub mod polling;
pub mod rollout;
pub mod sort;
pub mod web;

use std::sync::Arc;

use crate::config::declare::{Declared, Line, Written, lines};
use crate::config::language::Problem;
use crate::config::layout::Layout;
use crate::config::mistakes::{Mistake, Mistakes};
use crate::config::nodeset::{self, PartSet};
use crate::config::section::Section;
use crate::config::walk;
use crate::ids::{NodeId, Part, PartKind};
use crate::scenario::execution::Unread;
use crate::scenario::transfers;

/// The table of a workload.
pub(super) trait WorkloadTable: Declared {
    /// Its name.
    const NAME: &'static str;
    /// The keys that name nodes, in the order in which [`Placed`] has them. One that may be left
    /// out then names none.
    const NODES: &'static [&'static str];
    /// The paths of keys that name one node or server each, in the order in which [`Placed`] has
    /// them. Such a key may be absent, if its table says so.
    const PARTS: &'static [&'static str] = &[];
    /// Whether its nodes compute, so that no job can have them.
    const COMPUTES: bool;

    /// The keys of its resolved form: all that say something.
    fn written(placed: &Placed<Self>) -> Vec<(&'static str, Written)> {
        placed.table.keys()
    }

    /// Notes what its keys may not be together. A part may be missing that could not be read.
    fn check(placed: &Placed<Self>, section: &Section<'_>, m: &mut Mistakes);
}

/// A table and the nodes that it names.
#[derive(Clone, Debug, PartialEq)]
pub struct Placed<T> {
    /// The table.
    pub table: T,
    /// Of each key that names nodes these, in their order.
    pub nodes: Vec<Vec<NodeId>>,
    /// Of each key that names a node or server this, if it is there.
    pub parts: Vec<Option<Part>>,
}

impl<T> Placed<T> {
    /// The part of a key that must be there, by its place among those that name one.
    ///
    /// # Panics
    /// If it may be absent, and is.
    #[must_use]
    pub fn part(&self, place: usize) -> Part {
        self.parts[place].expect("the reader demands it")
    }

    /// Whether the part of one key is among the nodes of another, by their places.
    fn part_is_among(&self, part: usize, nodes: usize) -> bool {
        let node = self.parts[part].filter(|part| part.kind == PartKind::Node);
        node.is_some_and(|node| self.nodes[nodes].binary_search(&NodeId(node.index)).is_ok())
    }
}

/// A table, if there is one.
type Own<T> = Option<Arc<Placed<T>>>;

/// Reads the table of a workload, if there is one.
fn read<T: WorkloadTable>(
    root: &Section<'_>,
    layout: Option<&Layout>,
    m: &mut Mistakes,
) -> Result<Own<T>, Unread> {
    let section = root.section(T::NAME);
    if !section.exists() {
        return Ok(None);
    }
    for other in ["workload", "job", "queue"] {
        if T::COMPUTES && root.has(other) {
            let title = format!("[{}] and a job would compute on the same nodes", T::NAME);
            let mistake = Mistake::new(section.own_place(), title).help("leave one of them out");
            m.note(mistake.other(root.place(other), "the job"));
        }
    }
    placed::<T>(&section, layout, m).map(|placed| Some(Arc::new(placed))).ok_or(Unread)
}

fn placed<T: WorkloadTable>(
    section: &Section<'_>,
    layout: Option<&Layout>,
    m: &mut Mistakes,
) -> Option<Placed<T>> {
    let table = T::read(section, m);
    let nodes: Vec<_> = T::NODES.iter().map(|key| nodes::<T>(section, key, layout?, m)).collect();
    let parts: Vec<_> = T::PARTS.iter().map(|path| part(section, path, layout, m)).collect();
    let (table, nodes) = table.zip(nodes.into_iter().collect())?;
    let is_whole = parts.iter().all(Result::is_ok);
    let parts = parts.into_iter().map(|part| part.ok().flatten()).collect();
    let placed = Placed { table, nodes, parts };
    // A part that cannot be read hides nothing that is wrong with the rest.
    T::check(&placed, section, m);
    is_whole.then_some(placed)
}

/// A mistake that was noted.
struct Noted;

/// The part that a key names, if it is there.
fn part(
    section: &Section<'_>,
    path: &str,
    layout: Option<&Layout>,
    m: &mut Mistakes,
) -> Result<Option<Part>, Noted> {
    if let Some((table, key)) = path.split_once('.') {
        return part(&section.section(table), key, layout, m);
    }
    let Some(value) = section.given(path) else { return Ok(None) };
    let (text, layout) = (value.text().ok_or(Noted)?, layout.ok_or(Noted)?);
    match transfers::part(text, layout) {
        Ok(part) => Ok(Some(part)),
        Err(title) => {
            let mistake = Mistake::new(value.place, title);
            m.note(mistake.help("nodes are pi1, pi2, ...; servers are server[1], server[2], ..."));
            Err(Noted)
        }
    }
}

/// The nodes that a key names, in their order: those of other parts are all inside these.
fn nodes<T: WorkloadTable>(
    section: &Section<'_>,
    key: &str,
    layout: &Layout,
    m: &mut Mistakes,
) -> Option<Vec<NodeId>> {
    if !section.has(key) && !T::SPEC.key(key).is_some_and(|own| own.required) {
        return Some(Vec::new());
    }
    section.demand(key, m);
    let value = section.given(key)?;
    let expression = nodeset::parse(value.text()?).ok()?;
    match expression.resolve(layout).and_then(|set| of_set(&set, layout)) {
        Ok(nodes) => Some(nodes),
        Err(problem) => {
            walk::note(problem, value, m);
            None
        }
    }
}

fn of_set(set: &PartSet, layout: &Layout) -> Result<Vec<NodeId>, Problem> {
    if set.is_empty() {
        return Err(Problem::new("this set of parts is empty").help("a workload needs a node"));
    }
    if set.kind == PartKind::Node {
        return Ok(set.iter().map(NodeId).collect());
    }
    let mut nodes = Vec::new();
    for index in set.iter() {
        let Some(inside) = layout.inside(set.kind, index, PartKind::Node) else {
            let title = format!("{} holds no nodes", nodeset::with_article(set.kind));
            return Err(Problem::new(title).help("such as `pi[1-4]`"));
        };
        nodes.extend(inside.into_iter().flatten().map(NodeId));
    }
    nodes.sort_unstable();
    nodes.dedup();
    Ok(nodes)
}

/// Declares the workloads, in the order in which they begin.
macro_rules! workloads {
    ($($(#[doc = $doc:literal])+ $name:ident: $table:ty),+ $(,)?) => {
        /// The workloads of a scenario that are no jobs and no transfers.
        #[derive(Clone, Debug, Default, PartialEq)]
        pub struct Workloads {
            $($(#[doc = $doc])+ pub $name: Option<Arc<Placed<$table>>>,)+
        }

        impl Workloads {
            /// The names of those that there are.
            #[must_use]
            pub fn names(&self) -> Vec<&'static str> {
                let all = [$(self.$name.as_ref().map(|_| <$table>::NAME)),+];
                all.into_iter().flatten().collect()
            }

            /// Whether a file has a table of any.
            pub(super) fn are_in(root: &Section<'_>) -> bool {
                [$(<$table>::NAME),+].iter().any(|name| root.section(name).exists())
            }

            /// Reads them; what is missing or wrong is noted.
            pub(super) fn read(
                root: &Section<'_>,
                layout: Option<&Layout>,
                m: &mut Mistakes,
            ) -> Option<Self> {
                $(let $name = read::<$table>(root, layout, m);)+
                Some(Self { $($name: $name.ok()?),+ })
            }

            /// Their tables.
            pub(crate) fn lines(&self) -> Vec<Line> {
                let mut all = Vec::new();
                $(all.extend(self.$name.iter().flat_map(|own| {
                    lines(<$table>::NAME, <$table>::written(own))
                }));)+
                all
            }
        }
    };
}

workloads! {
    /// Numbers that nodes sort.
    sort: sort::Sort,
    /// A file that goes to all nodes.
    rollout: rollout::Rollout,
    /// A datagram that triggers nodes.
    multicast: multicast::Multicast,
    /// A MapReduce job on HDFS.
    map_reduce: map_reduce::MapReduce,
    /// Requests that clients send to a balancer and workers serve.
    web: web::Web,
    /// A data grid.
    data_grid: data_grid::DataGrid,
    /// An object store.
    object_store: object_store::ObjectStore,
    /// A head that polls nodes.
    polling: polling::Polling,
}
