//! The tables of workloads that are no bulk-synchronous jobs: each by a name of its own, at most
//! once, next to the others and to transfers.
//!
//! A workload is one file here and a line in the list at the end.

pub mod map_reduce;
pub mod sort;

use std::sync::Arc;

use crate::config::declare::{Declared, Line, lines};
use crate::config::language::Problem;
use crate::config::layout::Layout;
use crate::config::mistakes::{Mistake, Mistakes};
use crate::config::nodeset::{self, PartSet};
use crate::config::section::Section;
use crate::config::walk;
use crate::ids::{NodeId, PartKind};

/// The table of a workload.
pub(super) trait WorkloadTable: Declared {
    /// Its name.
    const NAME: &'static str;
    /// The keys that name nodes, in the order in which [`Placed`] has them. One that may be left
    /// out then names none.
    const NODES: &'static [&'static str];
    /// Whether its nodes compute, so that no job can have them.
    const COMPUTES: bool;

    /// Notes what its keys may not be together; `nodes` are those of [`Self::NODES`].
    fn check(&self, nodes: &[Vec<NodeId>], section: &Section<'_>, m: &mut Mistakes);
}

/// A table and the nodes that it names.
#[derive(Clone, Debug, PartialEq)]
pub struct Placed<T> {
    /// The table.
    pub table: T,
    /// Of each key that names nodes these, in their order.
    pub nodes: Vec<Vec<NodeId>>,
}

/// Reads the table of a workload: `None` inside if there is none.
fn read<T: WorkloadTable>(
    root: &Section<'_>,
    layout: Option<&Layout>,
    m: &mut Mistakes,
) -> Option<Option<Arc<Placed<T>>>> {
    let section = root.section(T::NAME);
    if !section.exists() {
        return Some(None);
    }
    for other in ["workload", "job", "queue"] {
        if T::COMPUTES && root.has(other) {
            let title = format!("[{}] and a job would compute on the same nodes", T::NAME);
            let mistake = Mistake::new(section.own_place(), title).help("leave one of them out");
            m.note(mistake.other(root.place(other), "the job"));
        }
    }
    let table = T::read(&section, m);
    let nodes: Vec<_> = T::NODES.iter().map(|key| nodes::<T>(&section, key, layout?, m)).collect();
    let nodes: Vec<_> = nodes.into_iter().collect::<Option<_>>()?;
    let table = table?;
    table.check(&nodes, &section, m);
    Some(Some(Arc::new(Placed { table, nodes })))
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
                Some(Self { $($name: $name?),+ })
            }

            /// Their tables.
            pub(super) fn lines(&self) -> Vec<Line> {
                let mut all = Vec::new();
                $(all.extend(self.$name.iter().flat_map(|own| {
                    lines(<$table>::NAME, own.table.keys())
                }));)+
                all
            }
        }
    };
}

workloads! {
    /// Numbers that nodes sort.
    sort: sort::Sort,
    /// A MapReduce job on HDFS.
    map_reduce: map_reduce::MapReduce,
}
