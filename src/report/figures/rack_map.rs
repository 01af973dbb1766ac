//! The machine seen from the front, each node coloured by the time it was down.

use plotters::style::colors::colormaps::{ColorMap, ViridisRGB};

use super::Figure;
use crate::plan::machine::Machine;
use crate::report::Input;
use crate::report::drawing::{Align, Area, Drawing, Point};
use crate::report::frame::{MARGIN, PLOT_TOP, heading};
use crate::report::scale::Scale;
use crate::report::theme::{Ink, SOFT_TEXT, TICK_SIZE};
use crate::report::words;

/// See the file's first line.
pub(crate) struct RackMap;

/// Above so many nodes a cell is a whole module.
const CELLS: usize = 20_000;
/// Where the map ends, at the right and below (px).
const MAP_RIGHT: f64 = 838.0;
const MAP_BOTTOM: f64 = 520.0;
/// Left edge and width of the colour bar (px).
const BAR_LEFT: f64 = 866.0;
const BAR_WIDTH: f64 = 22.0;
/// A cell is never drawn larger (px), nor wider than so many times its height.
const CELL_MOST: f64 = 30.0;
const CELL_STRETCH: f64 = 1.4;
/// Distances in cells: between blades, packs and modules, and between racks.
const BLADE_GAP: f64 = 0.22;
const PACK_GAP: f64 = 0.6;
const MODULE_GAP: f64 = 0.5;
const RACK_GAP: f64 = 1.6;
/// Height of a line of labels above each rack or module (px).
const LABEL: f64 = 17.0;
/// Narrower racks and modules than this carry no label (px).
const LABEL_ROOM: f64 = 62.0;

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
        format!("{cells}{worst}")
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
        let cells = racks.iter().flatten().flatten().flatten().flatten();
        let most = cells.fold(0.0, |most, value| f64::max(most, *value));
        let mut blocks: Vec<(usize, Area)> = Vec::new();
        layout.place(&racks, |area, value| blocks.push((shade(value, most), area)));
        // By colour, so that the SVG holds one path for each.
        blocks.sort_by_key(|(shade, _)| *shade);
        for (shade, area) in blocks {
            drawing.block(area, viridis(shade));
        }
        layout.labels(&racks, &mut drawing);
        colour_bar(&mut drawing, most);
        drawing
    }
}

/// The values by rack, module, pack, blade and node.
type Tree = Vec<Vec<Vec<Vec<Vec<f64>>>>>;

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
        racks[row.rack as usize].push(vec![vec![vec![sum / f64::from(nodes.max(1))]]]);
    }
    racks
}

fn of_nodes(machine: &Machine, down: &[f64]) -> Tree {
    let mut blades: Vec<Vec<f64>> = vec![Vec::new(); machine.blades.len()];
    for (row, down) in machine.nodes.iter().zip(down) {
        blades[row.blade as usize].push(*down);
    }
    let mut packs: Vec<Vec<Vec<f64>>> = vec![Vec::new(); machine.packs.len()];
    for (row, blade) in machine.blades.iter().zip(blades) {
        packs[row.pack as usize].push(blade);
    }
    let mut modules: Vec<Vec<Vec<Vec<f64>>>> = vec![Vec::new(); machine.modules.len()];
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
            wide: f64::min((MAP_RIGHT - MARGIN) / wide, cell * CELL_STRETCH).min(CELL_MOST),
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

    /// Calls `put` with the place and the value of each cell.
    fn place(&self, racks: &Tree, mut put: impl FnMut(Area, f64)) {
        // A gap of a tenth shows single cells as long as they are large enough to afford it.
        let gap = if self.cell > 4.0 { f64::max(self.cell * 0.1, 0.5) } else { 0.0 };
        for (r, rack) in racks.iter().enumerate() {
            for (m, module) in rack.iter().enumerate() {
                let (mut left, mut top) = self.module_at(r, m);
                for pack in module {
                    for (b, blade) in pack.iter().enumerate() {
                        let x = left + b as f64 * (1.0 + BLADE_GAP) * self.wide;
                        for (n, value) in blade.iter().enumerate() {
                            let y = top + n as f64 * self.cell;
                            let (right, bottom) = (x + self.wide - gap, y + self.cell - gap);
                            put(Area::new(x, y, right, bottom), *value);
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
                drawing.bold(&word, (left, top - 5.0), TICK_SIZE, Align::Left, SOFT_TEXT);
            }
            for m in 0..rack.len() {
                number += 1;
                if self.labelled.0 {
                    let (left, top) = self.module_at(r, m);
                    let word = format!("module {number}");
                    drawing.text(&word, (left, top - 5.0), TICK_SIZE, Align::Left, SOFT_TEXT);
                }
            }
        }
    }
}

/// Size of a pack in cells.
fn pack_size(pack: &[Vec<f64>]) -> Point {
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

/// Number of shades on the colour bar and on the map.
const SHADES: usize = 64;

/// The shade of a value: 0 for none at all, the last for the largest.
fn shade(value: f64, most: f64) -> usize {
    if value <= 0.0 {
        return 0;
    }
    ((value / most * (SHADES - 1) as f64).ceil() as usize).clamp(1, SHADES - 1)
}

/// viridis by van der Walt and Smith, read from dark (none) to yellow (most).
fn viridis(shade: usize) -> Ink {
    let colour = ViridisRGB.get_color(shade as f32 / (SHADES - 1) as f32);
    Ink { rgb: (colour.0, colour.1, colour.2), alpha: 1.0 }
}

/// The colour bar with its ticks.
fn colour_bar(drawing: &mut Drawing, most: f64) {
    let scale = Scale::time(most);
    let (top, bottom) = (PLOT_TOP + LABEL, MAP_BOTTOM);
    let y = |value: f64| bottom - (bottom - top) * value / scale.end;
    // From the full height down, so that no seam shows between two shades.
    for shade in (0..SHADES).rev() {
        let high = bottom - (bottom - top) * (shade + 1) as f64 / SHADES as f64;
        let area = Area::new(BAR_LEFT, high, BAR_LEFT + BAR_WIDTH, bottom);
        drawing.block(area, viridis(shade));
    }
    for (value, label) in &scale.ticks {
        let at = (BAR_LEFT + BAR_WIDTH + 7.0, y(*value) + 3.9);
        drawing.text(label, at, TICK_SIZE, Align::Left, SOFT_TEXT);
    }
    let title = scale.title.replace("Time", "Down");
    let at = (BAR_LEFT, PLOT_TOP + 6.0);
    drawing.text(&title, at, TICK_SIZE, Align::Left, SOFT_TEXT);
}
