//! The tables of workloads that are no bulk-synchronous jobs: each by a name of its own, at most
//! once, next to the others and to transfers.
//!
//! A workload is one file here and a line in the list at the end.

pub mod sort;
pub mod web;

use std::sync::Arc;

use crate::config::declare::{Declared, Line, lines};
use crate::config::language::Problem;
use crate::config::layout::Layout;
use crate::config::mistakes::{Mistake, Mistakes};
use crate::config::nodeset::{self, PartSet};
use crate::config::section::Section;
use crate::config::walk;
use crate::ids::{NodeId, Part, PartKind};
use crate::scenario::transfers;

/// The table of a workload.
pub(super) trait WorkloadTable: Declared {
    /// Its name.
    const NAME: &'static str;
    /// The keys that name nodes, in the order in which [`Placed`] has them.
    const NODES: &'static [&'static str];
    /// The paths of keys that name one part, a node or a server; such a key may be absent.
    const PARTS: &'static [&'static str] = &[];
    /// Whether its nodes compute, so that no job can have them.
    const COMPUTES: bool;

    /// Notes what its keys may not be together; `nodes` are those of [`Self::NODES`].
    fn check(&self, nodes: &[Vec<NodeId>], section: &Section<'_>, m: &mut Mistakes);

    /// Notes what the parts of [`Self::PARTS`] may not be.
    fn check_parts(
        &self,
        _nodes: &[Vec<NodeId>],
        _parts: &[Option<Part>],
        _section: &Section<'_>,
        _m: &mut Mistakes,
    ) {
    }
}

/// A table and the nodes that it names.
#[derive(Clone, Debug, PartialEq)]
pub struct Placed<T> {
    /// The table.
    pub table: T,
    /// Of each key that names nodes these, in their order.
    pub nodes: Vec<Vec<NodeId>>,
    /// The part that each key names that names one.
    pub parts: Vec<Option<Part>>,
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
    let nodes: Vec<_> = T::NODES.iter().map(|key| nodes(&section, key, layout?, m)).collect();
    let parts: Vec<_> = T::PARTS.iter().map(|path| part(&section, path, layout, m)).collect();
    let nodes: Vec<_> = nodes.into_iter().collect::<Option<_>>()?;
    let table = table?;
    table.check(&nodes, &section, m);
    let parts: Vec<_> = parts.into_iter().collect::<Result<_, _>>().ok()?;
    table.check_parts(&nodes, &parts, &section, m);
    Some(Some(Arc::new(Placed { table, nodes, parts })))
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
fn nodes(
    section: &Section<'_>,
    key: &str,
    layout: &Layout,
    m: &mut Mistakes,
) -> Option<Vec<NodeId>> {
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
    /// Requests that clients send to a balancer and workers serve.
    web: web::Web,
}
