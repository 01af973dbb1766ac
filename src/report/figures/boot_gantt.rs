//! The stages of the first boot of a sample of nodes.

use super::Figure;
use crate::ids::NodeId;
use crate::report::Input;
use crate::report::drawing::{Align, Area, Drawing};
use crate::report::frame::{Frame, PLOT_RIGHT, heading, legend};
use crate::report::scale::Scale;
use crate::report::strip;
use crate::report::theme::{AXIS, BOOT_STAGES, HALF_LETTER, Ink, LABEL_SIZE, SOFT_TEXT, stage_ink};
use crate::report::words;

/// See the file's first line.
pub(crate) struct BootGantt;

/// Rows that can be distinguished with ease; of so many only some are named.
const ROWS: usize = 36;
/// Least distance of two names (px).
const NAME_PITCH: f64 = 19.0;

impl Figure for BootGantt {
    fn name(&self) -> &'static str {
        "boot_gantt"
    }

    fn title(&self) -> &'static str {
        "How nodes booted, stage by stage"
    }

    fn caption(&self, input: &Input) -> String {
        format!(
            "The first boot of {} spread over the machine, one row each. The length of a bar is \
             the time in that stage: boot ROM waits, address from DHCP, firmware and kernel over \
             TFTP, kernel start, reading the root file system, user space. Long bars of one \
             colour show what the machine waited for.{}",
            words::count(rows(input).len(), "node", "nodes"),
            strip::caption(input)
        )
    }

    fn wanted(&self, input: &Input) -> bool {
        input.findings.boots.iter().any(|span| span.to_s > span.from_s)
    }

    fn draw(&self, input: &Input) -> Drawing {
        let mut drawing = Drawing::default();
        heading(&mut drawing, self.title(), &super::subtitle(input));
        let rows = rows(input);
        let spans: Vec<_> =
            input.findings.boots.iter().filter(|span| rows.contains(&span.node)).collect();
        let end = spans.iter().map(|span| span.to_s).fold(0.0, f64::max);
        let mut entries: Vec<(&str, Ink)> = Vec::new();
        let known = BOOT_STAGES.iter().map(|(stage, _)| *stage);
        for stage in known.chain(["up", "hung", "down", "gave-up", "off"]) {
            if spans.iter().any(|span| span.stage == stage) {
                entries.push((stage, stage_ink(stage)));
            }
        }
        let names: Vec<_> =
            rows.iter().map(|node| (0.0, input.plan.machine.node_name(*node))).collect();
        let y = Scale { low: 0.0, end: 1.0, ticks: names.clone(), title: String::new() };
        let top = legend(&mut drawing, &entries);
        let frame = Frame::new(top, PLOT_RIGHT, Scale::time(end), y).marked(input);
        frame.upright_grid(&mut drawing);
        let pitch = frame.area.height() / rows.len().max(6) as f64;
        for (i, node) in rows.iter().enumerate() {
            let middle = top + (i as f64 + 0.5) * pitch;
            let (top, bottom) = (middle - 0.4 * pitch, middle + 0.4 * pitch);
            for span in spans.iter().filter(|span| span.node == *node) {
                let bar = Area::new(frame.x(span.from_s), top, frame.x(span.to_s), bottom);
                drawing.block(bar, stage_ink(&span.stage));
            }
        }
        name_rows(&mut drawing, &frame, (top, pitch), &names);
        frame.time_axis(&mut drawing);
        let Area { left, top, bottom, .. } = frame.area;
        drawing.steps(vec![(left, top), (left, bottom)], AXIS, 1.2);
        drawing
    }
}

/// The nodes that are shown: those of the sample, evenly thinned to [`ROWS`].
fn rows(input: &Input) -> Vec<NodeId> {
    let mut nodes: Vec<_> = input.findings.boots.iter().map(|span| span.node).collect();
    nodes.sort_unstable();
    nodes.dedup();
    thinned(nodes)
}

/// So many of these, evenly spread, as can be distinguished as rows.
pub(super) fn thinned(nodes: Vec<NodeId>) -> Vec<NodeId> {
    if nodes.len() <= ROWS {
        return nodes;
    }
    (0..ROWS).map(|i| nodes[i * (nodes.len() - 1) / (ROWS - 1)]).collect()
}

/// Names the rows of a frame, as many as there is room for. Rows begin at `top`, each
/// `pitch` (px) below the last.
pub(super) fn name_rows(
    drawing: &mut Drawing,
    frame: &Frame,
    (top, pitch): (f64, f64),
    names: &[(f64, String)],
) {
    let stride = (NAME_PITCH / pitch).ceil() as usize;
    let left = frame.area.left;
    for (i, (_, name)) in names.iter().enumerate().step_by(stride) {
        let middle = top + (i as f64 + 0.5) * pitch;
        drawing.steps(vec![(left - 5.0, middle), (left, middle)], AXIS, 1.0);
        let at = (left - 9.0, middle + HALF_LETTER);
        drawing.text(name, at, LABEL_SIZE, Align::Right, SOFT_TEXT);
    }
}
