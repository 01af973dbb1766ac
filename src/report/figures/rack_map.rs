//! The machine seen from the front, each node coloured by the time it was down.
//!
//! The colours are logarithmic, so that a crash of minutes is seen next to an outage of hours.

use super::Figure;
use crate::ids::NodeId;
use crate::plan::machine::Machine;
use crate::report::Input;
use crate::report::drawing::{Align, Area, Drawing, Point};
use crate::report::frame::{MARGIN, PLOT_TOP, heading};
use crate::report::scale::Scale;
use crate::report::shades::{self, BAR_WIDTH};
use crate::report::theme::{GRID, HALF_LETTER, Ink, LABEL_SIZE, PAPER, SOFT_TEXT, TEXT};
use crate::report::typeface::{self, Weight};
use crate::report::words;

/// See the file's first line.
pub(crate) struct RackMap;

/// Above so many nodes a cell is a whole module.
const CELLS: usize = 20_000;
/// Where the map ends, at the right and below (px).
const MAP_RIGHT: f64 = 494.0;
const MAP_BOTTOM: f64 = 386.0;
/// Left edge of the colour bar (px).
const BAR_LEFT: f64 = 512.0;
/// A cell is never drawn higher (px), nor wider than so many times its height.
const CELL_MOST: f64 = 110.0;
const CELL_STRETCH: f64 = 1.9;
/// Distances in cells: between blades, packs and modules, and between racks.
const BLADE_GAP: f64 = 0.22;
const PACK_GAP: f64 = 0.6;
const MODULE_GAP: f64 = 0.5;
const RACK_GAP: f64 = 1.6;
/// Height of a line of labels above each rack or module (px).
const LABEL: f64 = 21.0;
/// Narrower racks and modules than this carry no label (px).
const LABEL_ROOM: f64 = 84.0;
/// The colour of a node that was never down.
const NEVER: Ink = GRID;

impl Figure for RackMap {
    fn name(&self) -> &'static str {
        "rack_map"
    }

    fn title(&self) -> &'static str {
        "Where nodes were down"
    }

    fn caption(&self, input: &Input) -> String {
        let nodes = &input.findings.nodes;
        let worst = nodes.iter().max_by(|a, b| a.down_s.total_cmp(&b.down_s));
        let worst = worst.map_or_else(String::new, |node| {
            let name = input.plan.machine.node_name(node.node);
            format!(" The longest was {} ({name}).", words::span(node.down_s))
        });
        let cells = if aggregated(input) {
            "Each cell is a module, coloured by the mean time that its nodes were crashed, hung, \
             without power or given up; modules stand in their racks."
        } else {
            "Each cell is a node, coloured by the time it was crashed, hung, without power or \
             given up. Four nodes (or what a blade holds) stand above each other, blades side by \
             side in their pack, packs in their module. Whole columns or packs of one colour \
             speak of a shared cause."
        };
        let fallen = nodes.iter().filter(|node| node.down_s > 0.0).count();
        format!(
            "{cells} The scale is logarithmic; what is grey was never down. {} of {} were.{worst}",
            words::grouped(fallen as f64),
            words::count(nodes.len(), "node", "nodes"),
        )
    }

    fn wanted(&self, input: &Input) -> bool {
        input.findings.nodes.iter().any(|node| node.down_s > 0.0)
            && !input.plan.machine.nodes.is_empty()
    }

    fn draw(&self, input: &Input) -> Drawing {
        let mut drawing = Drawing::default();
        let racks = tree(input);
        let what = if aggregated(input) { " · one cell per module" } else { "" };
        heading(&mut drawing, self.title(), &format!("{}{what}", super::subtitle(input)));
        let layout = Layout::best(&racks);
        let cells = || racks.iter().flatten().flatten().flatten().flatten();
        let shades = Shades::of(cells().map(|cell| cell.down_s));
        let mut blocks: Vec<(usize, Area, &Cell)> = Vec::new();
        layout.place(&racks, |area, cell| blocks.push((shades.of_span(cell.down_s), area, cell)));
        // By colour, so that the SVG holds one path for each.
        blocks.sort_by_key(|(shade, ..)| *shade);
        for (shade, area, _) in &blocks {
            drawing.block(*area, shade_ink(*shade));
        }
        for (shade, area, cell) in &blocks {
            let Some(node) = cell.node else { continue };
            inscribe(&mut drawing, *area, *shade, &input.plan.machine.node_name(node), cell.down_s);
        }
        layout.labels(&racks, &mut drawing);
        colour_bar(&mut drawing, &shades);
        drawing
    }
}

/// Writes into a cell, as far as there is room, which node it is and how long that was down.
fn inscribe(drawing: &mut Drawing, area: Area, shade: usize, name: &str, down_s: f64) {
    let (middle, centre) =
        (f64::midpoint(area.left, area.right), f64::midpoint(area.top, area.bottom));
    let fits = |text: &str| typeface::width(text, LABEL_SIZE, Weight::Regular) < area.width() - 4.0;
    // Letters are white on the dark half of the colours.
    let ink = if (1..SHADES / 2).contains(&shade) { PAPER } else { TEXT };
    let mut write = |text: &str, y: f64| {
        drawing.text(text, (middle, y + HALF_LETTER), LABEL_SIZE, Align::Middle, ink);
    };
    let span = words::span(down_s);
    if area.height() < LABEL_SIZE + 4.0 || area.width() < LABEL_SIZE || !fits(name) {
        return;
    }
    if down_s > 0.0 && area.height() > 2.0 * LABEL_SIZE + 8.0 && fits(&span) {
        write(name, centre - 10.0);
        write(&span, centre + 10.0);
    } else {
        write(name, centre);
    }
}

/// A cell of the map.
#[derive(Clone, Copy, Debug)]
struct Cell {
    /// The node, unless the cell is a whole module.
    node: Option<NodeId>,
    /// How long it was down (s).
    down_s: f64,
}

/// The cells by rack, module, pack, blade and node.
type Tree = Vec<Vec<Vec<Vec<Vec<Cell>>>>>;

fn aggregated(input: &Input) -> bool {
    input.plan.machine.nodes.len() > CELLS
}

/// Downtime of every node (s) where it stands; of every module, if there are too many nodes.
fn tree(input: &Input) -> Tree {
    let machine = &input.plan.machine;
    let mut down = vec![0.0; machine.nodes.len()];
    for node in &input.findings.nodes {
        if let Some(slot) = down.get_mut(node.node.0 as usize) {
            *slot = node.down_s;
        }
    }
    if aggregated(input) { of_modules(machine, &down) } else { of_nodes(machine, &down) }
}

fn of_modules(machine: &Machine, down: &[f64]) -> Tree {
    let mut sums = vec![(0.0, 0_u32); machine.modules.len()];
    for (row, down) in machine.nodes.iter().zip(down) {
        let slot = &mut sums[row.module as usize];
        slot.0 += down;
        slot.1 += 1;
    }
    let mut racks: Tree = vec![Vec::new(); machine.racks as usize];
    for (row, (sum, nodes)) in machine.modules.iter().zip(sums) {
        let cell = Cell { node: None, down_s: sum / f64::from(nodes.max(1)) };
        racks[row.rack as usize].push(vec![vec![vec![cell]]]);
    }
    racks
}

fn of_nodes(machine: &Machine, down: &[f64]) -> Tree {
    let mut blades: Vec<Vec<Cell>> = vec![Vec::new(); machine.blades.len()];
    for (node, (row, down_s)) in (0..).zip(machine.nodes.iter().zip(down)) {
        blades[row.blade as usize].push(Cell { node: Some(NodeId(node)), down_s: *down_s });
    }
    let mut packs: Vec<Vec<Vec<Cell>>> = vec![Vec::new(); machine.packs.len()];
    for (row, blade) in machine.blades.iter().zip(blades) {
        packs[row.pack as usize].push(blade);
    }
    let mut modules: Vec<Vec<Vec<Vec<Cell>>>> = vec![Vec::new(); machine.modules.len()];
    for (row, pack) in machine.packs.iter().zip(packs) {
        modules[row.module as usize].push(pack);
    }
    let mut racks: Tree = vec![Vec::new(); machine.racks as usize];
    for (row, module) in machine.modules.iter().zip(modules) {
        racks[row.rack as usize].push(module);
    }
    racks
}

/// How the machine is spread over the map. All lengths in cells but `cell` itself.
#[derive(Clone, Copy, Debug)]
struct Layout {
    /// Racks side by side.
    racks_across: usize,
    /// Modules side by side in a rack.
    modules_across: usize,
    /// Whether the packs of a module stand above each other.
    stacked: bool,
    /// Size of the largest module.
    module: Point,
    /// Size of the largest rack, without its label.
    rack: Point,
    /// Modules that the largest rack holds above each other.
    modules_down: usize,
    /// Height of a cell (px).
    cell: f64,
    /// Width of a cell (px).
    wide: f64,
    /// Whether modules and racks carry labels.
    labelled: (bool, bool),
}

impl Layout {
    /// The arrangement with the largest cells.
    fn best(racks: &Tree) -> Self {
        let modules = racks.iter().map(Vec::len).max().unwrap_or(1).max(1);
        let mut best: Option<Self> = None;
        for stacked in [false, true] {
            let module = largest_module(racks, stacked);
            for modules_across in 1..=modules {
                for racks_across in 1..=racks.len().max(1) {
                    // One rack needs no name.
                    let racked = racks.len() > 1;
                    for labels in [(true, racked), (false, racked), (false, false)] {
                        let ways = (racks_across, modules_across, stacked);
                        let Some(one) = Self::try_one(racks.len(), modules, module, ways, labels)
                        else {
                            continue;
                        };
                        // Names are worth smaller cells, up to a point.
                        let worth = |layout: &Self| {
                            let modules = if layout.labelled.0 { 1.25 } else { 1.0 };
                            let racks = if layout.labelled.1 { 1.4 } else { 1.0 };
                            layout.cell * modules * racks
                        };
                        if best.is_none_or(|best| worth(&one) > worth(&best) + 1e-9) {
                            best = Some(one);
                        }
                    }
                }
            }
        }
        best.expect("an arrangement without labels always exists")
    }

    fn try_one(
        racks: usize,
        modules: usize,
        module: Point,
        (racks_across, modules_across, stacked): (usize, usize, bool),
        labelled: (bool, bool),
    ) -> Option<Self> {
        let modules_down = modules.div_ceil(modules_across);
        let racks_down = racks.max(1).div_ceil(racks_across);
        let row = |n: usize, size: f64, gap: f64| n as f64 * (size + gap) - gap;
        let rack =
            (row(modules_across, module.0, MODULE_GAP), row(modules_down, module.1, MODULE_GAP));
        let wide = row(racks_across, rack.0, RACK_GAP);
        let high = row(racks_down, rack.1, RACK_GAP);
        let lines = if labelled.0 { modules_down * racks_down } else { 0 }
            + if labelled.1 { racks_down } else { 0 };
        let room = MAP_BOTTOM - PLOT_TOP - LABEL * lines as f64;
        let cell = f64::min((MAP_RIGHT - MARGIN) / wide, room / high).min(CELL_MOST);
        let fits = (!labelled.0 || module.0 * cell >= LABEL_ROOM)
            && (!labelled.1 || rack.0 * cell >= LABEL_ROOM);
        (cell > 0.0 && fits).then_some(Self {
            racks_across,
            modules_across,
            stacked,
            module,
            rack,
            modules_down,
            cell,
            wide: f64::min((MAP_RIGHT - MARGIN) / wide, cell * CELL_STRETCH),
            labelled,
        })
    }

    /// Top left corner of a rack's modules (px).
    fn rack_at(&self, rack: usize) -> Point {
        let (across, down) = (rack % self.racks_across, rack / self.racks_across);
        let label = if self.labelled.1 { LABEL } else { 0.0 };
        let lines = if self.labelled.0 { LABEL * self.modules_down as f64 } else { 0.0 };
        let pitch = ((self.rack.0 + RACK_GAP) * self.wide, (self.rack.1 + RACK_GAP) * self.cell);
        (
            MARGIN + across as f64 * pitch.0,
            PLOT_TOP + label + down as f64 * (pitch.1 + label + lines),
        )
    }

    /// Top left corner of a module's cells (px).
    fn module_at(&self, rack: usize, module: usize) -> Point {
        let (left, top) = self.rack_at(rack);
        let (across, down) = (module % self.modules_across, module / self.modules_across);
        let label = if self.labelled.0 { LABEL } else { 0.0 };
        let pitch =
            ((self.module.0 + MODULE_GAP) * self.wide, (self.module.1 + MODULE_GAP) * self.cell);
        (left + across as f64 * pitch.0, top + label + down as f64 * (pitch.1 + label))
    }

    /// Calls `put` with the place of each cell.
    fn place<'a>(&self, racks: &'a Tree, mut put: impl FnMut(Area, &'a Cell)) {
        // A gap of a tenth shows single cells as long as they are large enough to afford it.
        let gap = if self.cell > 4.0 { (self.cell * 0.1).clamp(0.5, 4.0) } else { 0.0 };
        for (r, rack) in racks.iter().enumerate() {
            for (m, module) in rack.iter().enumerate() {
                let (mut left, mut top) = self.module_at(r, m);
                for pack in module {
                    for (b, blade) in pack.iter().enumerate() {
                        let x = left + b as f64 * (1.0 + BLADE_GAP) * self.wide;
                        for (n, cell) in blade.iter().enumerate() {
                            let y = top + n as f64 * self.cell;
                            let (right, bottom) = (x + self.wide - gap, y + self.cell - gap);
                            put(Area::new(x, y, right, bottom), cell);
                        }
                    }
                    let (wide, high) = pack_size(pack);
                    if self.stacked {
                        top += (high + PACK_GAP) * self.cell;
                    } else {
                        left += (wide + PACK_GAP) * self.wide;
                    }
                }
            }
        }
    }

    /// Names racks and modules, as far as there is room.
    fn labels(&self, racks: &Tree, drawing: &mut Drawing) {
        let mut number = 0;
        for (r, rack) in racks.iter().enumerate() {
            let (left, top) = self.rack_at(r);
            if self.labelled.1 {
                let word = format!("rack {}", r + 1);
                drawing.bold(&word, (left, top - 5.0), LABEL_SIZE, Align::Left, SOFT_TEXT);
            }
            for m in 0..rack.len() {
                number += 1;
                if self.labelled.0 {
                    let (left, top) = self.module_at(r, m);
                    let word = format!("module {number}");
                    drawing.text(&word, (left, top - 5.0), LABEL_SIZE, Align::Left, SOFT_TEXT);
                }
            }
        }
    }
}

/// Size of a pack in cells.
fn pack_size(pack: &[Vec<Cell>]) -> Point {
    let high = pack.iter().map(Vec::len).max().unwrap_or(0);
    (f64::max(pack.len() as f64 * (1.0 + BLADE_GAP) - BLADE_GAP, 0.0), high as f64)
}

/// Size in cells of a module that holds the largest.
fn largest_module(racks: &Tree, stacked: bool) -> Point {
    let mut most: Point = (1.0, 1.0);
    for module in racks.iter().flatten() {
        let (mut along, mut across) = (-PACK_GAP, 0.0);
        for pack in module {
            let (wide, high) = pack_size(pack);
            along += if stacked { high } else { wide } + PACK_GAP;
            across = f64::max(across, if stacked { wide } else { high });
        }
        let size = if stacked { (across, along) } else { (along, across) };
        most = (f64::max(most.0, size.0), f64::max(most.1, size.1));
    }
    most
}

/// Number of shades on the map: those of the colour bar, and one for what was never down.
const SHADES: usize = 1 + shades::SHADES;

/// Which shade a span has.
struct Shades {
    /// The shortest and the longest span (s), apart at least by a factor of two.
    low: f64,
    high: f64,
}

impl Shades {
    /// From the shortest of these spans (s) that is not zero to the longest.
    fn of(spans: impl Iterator<Item = f64>) -> Self {
        let (low, high) = spans
            .filter(|span| *span > 0.0)
            .fold((f64::INFINITY, 0.0_f64), |(low, high), span| (low.min(span), high.max(span)));
        let apart = f64::max(libm::sqrt(2.0 * low / high), 1.0);
        Self { low: low / apart, high: high * apart }
    }

    /// 0 for none at all, 1 for the shortest, the last for the longest.
    fn of_span(&self, span: f64) -> usize {
        if span <= 0.0 {
            return 0;
        }
        let share = libm::log(span / self.low) / libm::log(self.high / self.low);
        1 + shades::shade(share)
    }
}

/// The colour of a shade.
fn shade_ink(shade: usize) -> Ink {
    shade.checked_sub(1).map_or(NEVER, shades::ink)
}

/// The colour bar with its ticks, and below it what was never down.
fn colour_bar(drawing: &mut Drawing, shades: &Shades) {
    let scale = Scale::spans(shades.low, shades.high, "Down");
    shades::bar(drawing, &scale, BAR_LEFT, (PLOT_TOP + LABEL, MAP_BOTTOM - LABEL - 10.0));
    let at = (BAR_LEFT + BAR_WIDTH + 7.0, MAP_BOTTOM - LABEL / 2.0 + HALF_LETTER);
    drawing.text("none", at, LABEL_SIZE, Align::Left, SOFT_TEXT);
    let never =
        Area::new(BAR_LEFT, MAP_BOTTOM - LABEL + 2.0, BAR_LEFT + BAR_WIDTH, MAP_BOTTOM - 2.0);
    drawing.block(never, NEVER);
    let at = (BAR_LEFT, PLOT_TOP + 10.0);
    drawing.text(&scale.title, at, LABEL_SIZE, Align::Left, SOFT_TEXT);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crash_of_a_minute_is_seen_next_to_an_outage_of_four_hours() {
        let shades = Shades::of([0.0, 65.0, 130.0, 14_400.0].into_iter());
        let of = |span| shades.of_span(span);
        assert_eq!((of(0.0), of(65.0), of(14_400.0)), (0, 1, SHADES - 1));
        assert!((5..20).contains(&of(130.0)), "two crashes differ from one: {}", of(130.0));
        let distance = |a: Ink, b: Ink| {
            let by = |a: u8, b: u8| i32::from(a.abs_diff(b));
            by(a.rgb.0, b.rgb.0) + by(a.rgb.1, b.rgb.1) + by(a.rgb.2, b.rgb.2)
        };
        assert!((1..SHADES).all(|shade| distance(shade_ink(shade), NEVER) > 150));
    }

    #[test]
    fn equal_spans_have_a_scale() {
        let shades = Shades::of([60.0, 60.0].into_iter());
        assert!((1..SHADES).contains(&shades.of_span(60.0)));
        assert!(shades.high / shades.low > 1.9);
    }
}
