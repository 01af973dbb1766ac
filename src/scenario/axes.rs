//! From the axes that a file gives, or a table of cells, to the cells of a study.

use std::path::Path;

use crate::config::document::{Table, Value};
use crate::config::language::nearest;
use crate::config::mistakes::{Mistake, Mistakes, Place};
use crate::config::section::Section;
use crate::scenario::cells;
use crate::scenario::design::{self, Design};
use crate::scenario::load::Loader;
use crate::scenario::study::StudySpec;
use crate::scenario::sweep::{self, Axis, GivenAxis};

/// What the files give.
pub(super) struct Given<'a> {
    /// The axis of the seed, if there is one.
    pub seed: Option<GivenAxis>,
    /// The others.
    pub axes: Vec<GivenAxis>,
    /// The paths of those that the command line fixes.
    fixed: Vec<String>,
    set: &'a Table,
}

impl<'a> Given<'a> {
    pub(super) fn of(loader: &'a Loader, m: &mut Mistakes) -> Self {
        let all = sweep::axes(&loader.user, m);
        let set = &loader.set;
        let (mut axes, fixed): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|axis| axis.is_left_by(set, m));
        let place = axes.iter().position(|axis| axis.path == "seed");
        let seed = place.map(|place| axes.remove(place));
        Self { seed, axes, fixed: fixed.into_iter().map(|axis| axis.path).collect(), set }
    }

    /// The cells of the file's own axes; chance, if there is any, comes from this seed.
    pub(super) fn design(
        self,
        section: &Section<'_>,
        spec: &StudySpec,
        seed: u64,
        m: &mut Mistakes,
    ) -> Option<Design> {
        let together = self.zipped(section, m)?;
        let filtered = section.has("where");
        if let Some(cells) = spec.latin_hypercube {
            if !self.axes.iter().any(|axis| axis.range.is_some()) {
                let place = section.place("latin_hypercube");
                let mistake = Mistake::new(place, "a Latin hypercube without a range to sample");
                m.note(mistake.help(
                    "give an axis two ends, { from = \"1 d\", to = \"9 d\" }; all combinations of \
                     lists are played without it",
                ));
                return None;
            }
            let axes = design::latin(self.axes, &together, cells as usize, seed);
            let all = (0..axes.len()).collect();
            return Design::crossed(axes, &[all], filtered, m);
        }
        let axes: Vec<Option<Axis>> = self.axes.into_iter().map(|axis| axis.listed(m)).collect();
        let axes: Vec<Axis> = axes.into_iter().collect::<Option<_>>()?;
        let mut is_good = true;
        for group in &together {
            for pair in group.windows(2) {
                let (one, other) = (&axes[pair[0]], &axes[pair[1]]);
                let (first, second) = (one.values.len(), other.values.len());
                if first != second {
                    let title =
                        format!("`{}` has {second} values and is zipped with {first}", other.path);
                    let label = format!("`{}`", one.path);
                    m.note(Mistake::new(other.place, title).other(one.place, label));
                    is_good = false;
                }
            }
        }
        if is_good { Design::crossed(axes, &together, filtered, m) } else { None }
    }

    /// The cells of a table, which stand in the place of the file's own axes.
    pub(super) fn table(
        &self,
        path: &Path,
        section: &Section<'_>,
        m: &mut Mistakes,
    ) -> Option<Design> {
        let axes = cells::read(path, m)?;
        for axis in &axes {
            if !sweep::is_left(&axis.path, &axis.values[0], axis.place, self.set, m) {
                let title = format!("the command line sets `{}`, which is a column", axis.path);
                m.note(Mistake::new(axis.place, title).help("leave one of the two out"));
            }
        }
        for own in self.axes.iter().filter(|own| axes.iter().all(|axis| axis.path != own.path)) {
            let title = format!("the axis `{}` has no column in the table of cells", own.path);
            let help = "give it one, or one value for all cells by --set";
            m.note(Mistake::new(own.place, title).help(help));
        }
        let all = (0..axes.len()).collect();
        Design::crossed(axes, &[all], section.has("where"), m)
    }

    /// The groups that `zip` names, by the numbers of their axes. What the command line fixes is in
    /// none.
    fn zipped(&self, section: &Section<'_>, m: &mut Mistakes) -> Option<Vec<Vec<usize>>> {
        let before = m.len();
        let lists = section.given("zip").and_then(Value::list).unwrap_or_default();
        let mut seen: Vec<(usize, Place)> = Vec::new();
        let mut groups = Vec::new();
        for list in lists {
            let mut group = Vec::new();
            for item in list.list().unwrap_or_default() {
                let Some(number) = self.number(item, m) else { continue };
                if let Some((_, place)) = seen.iter().find(|(known, _)| *known == number) {
                    let title = format!("`{}` is zipped twice", self.axes[number].path);
                    m.note(Mistake::new(item.place, title).other(*place, "here too"));
                    continue;
                }
                seen.push((number, item.place));
                group.push(number);
            }
            groups.push(group);
        }
        (m.len() == before).then_some(groups)
    }

    /// The number of the axis of a path; notes a path of none.
    fn number(&self, path: &Value, m: &mut Mistakes) -> Option<usize> {
        let (place, path) = (path.place, path.text()?);
        let number = self.axes.iter().position(|axis| axis.path == path);
        if number.is_none() && !self.fixed.iter().any(|fixed| fixed == path) {
            let known = self.axes.iter().map(|axis| axis.path.as_str());
            let help = match nearest(path, known.clone()) {
                _ if path == "seed" => "every cell is played with the same seeds".to_owned(),
                Some(near) => format!("did you mean \"{near}\"?"),
                None => format!("the axes: {}", known.collect::<Vec<_>>().join(", ")),
            };
            m.note(Mistake::new(place, format!("`{path}` is no axis of the cells")).help(help));
        }
        number
    }
}
