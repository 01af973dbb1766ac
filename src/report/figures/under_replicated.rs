//! How many blocks of HDFS had too few replicas, over time.

use super::Figure;
use super::counts::{Count, draw, of_tasks};
use crate::report::Input;
use crate::report::drawing::Drawing;
use crate::report::strip;
use crate::report::theme::{BLUE, VERMILLION};
use crate::report::words;

/// See the file's first line.
pub(crate) struct UnderReplicated;

fn counts(input: &Input) -> Vec<Count> {
    let kinds = [
        ("under-replicated", "too few replicas", BLUE),
        ("missing-block", "no replica", VERMILLION),
    ];
    of_tasks(input, &kinds)
}

impl Figure for UnderReplicated {
    fn name(&self) -> &'static str {
        "under_replicated"
    }

    fn title(&self) -> &'static str {
        "Blocks with too few replicas"
    }

    fn caption(&self, input: &Input) -> String {
        let most: Vec<_> = counts(input)
            .iter()
            .map(|count| format!("{} with {}", words::grouped(count.most), count.name))
            .collect();
        format!(
            "Blocks of HDFS, as its NameNode knew: a node that dies is noticed after its silence \
             only, and then its blocks are copied. At most {}.{}",
            most.join(" and "),
            strip::caption(input)
        )
    }

    fn wanted(&self, input: &Input) -> bool {
        !counts(input).is_empty()
    }

    fn draw(&self, input: &Input) -> Drawing {
        draw(input, self.title(), &counts(input), "Blocks")
    }
}
