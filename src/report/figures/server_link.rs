//! What the boot and file servers sent and received, against the rates of their link and disk.

use super::{Figure, end_of, envelope_legend, lasts, long_interval};
use crate::analysis::Series;
use crate::report::Input;
use crate::report::drawing::{Align, Area, Drawing, LEGEND_PITCH, WIDTH};
use crate::report::frame::{Frame, MARGIN, along, heading, legend, merged, peak};
use crate::report::scale::Scale;
use crate::report::strip;
use crate::report::theme::{
    AXIS, BLUE, HALF_LETTER, Ink, LABEL_SIZE, ORANGE, SERIES, SOFT_TEXT, TEXT,
};
use crate::report::words;

/// See the file's first line.
pub(crate) struct ServerLink;

/// Right edge of the plot; next to it is an axis of shares (px).
const RIGHT: f64 = WIDTH - MARGIN - 52.0;
/// From the bottom of a panel to the top of the next, which has a title (px).
const GAP: f64 = 28.0;
/// Room for the name of the rates, which stands once next to all panels (px).
const TITLE: f64 = 20.0;

impl Figure for ServerLink {
    fn name(&self) -> &'static str {
        "server_link"
    }

    fn title(&self) -> &'static str {
        "Load of the server link"
    }

    fn caption(&self, input: &Input) -> String {
        let server = &input.plan.scenario.server;
        let all = input.plan.machine.servers.len();
        let shown = panels(input).iter().map(|(_, servers)| servers.len()).max().unwrap_or(0);
        let lines = match (all, shown) {
            (0 | 1, _) => "The line is the mean rate, the band the lowest and the highest between \
                           two readings of the meter in each interval."
                .to_owned(),
            _ if shown >= all => "Each line is a server: the highest rate between two readings of \
                                  its meter in each interval."
                .to_owned(),
            _ => format!(
                "Each line is one of the first {shown} servers of {}: the highest rate between \
                 two readings of its meter in each interval.",
                words::grouped(all as f64)
            ),
        };
        format!(
            "{lines} The link of {} carries {} in each direction, not counting the headers of its \
             packets; the axis at the right gives the share of that. The disk behind it moves {} \
             of files in both directions together; boot files over TFTP do not come from it.{}",
            words::si(server.link.0 as f64, "bit/s"),
            words::si(payload(input), "bit/s"),
            words::si(disk(input), "bit/s"),
            strip::caption(input)
        )
    }

    fn wanted(&self, input: &Input) -> bool {
        !panels(input).is_empty()
    }

    fn draw(&self, input: &Input) -> Drawing {
        let mut drawing = Drawing::default();
        heading(&mut drawing, self.title(), &super::subtitle(input));
        let panels = panels(input);
        let all = || panels.iter().flat_map(|(_, servers)| servers.iter().map(|(_, one)| *one));
        let servers = panels.iter().map(|(_, servers)| servers.len()).max().unwrap_or(0);
        let highest = all().map(|series| peak(&series.points)).fold(0.0, f64::max);
        let end = all().map(end_of).fold(0.0, f64::max);
        let longer = long_interval(input.findings, end, RIGHT);
        let top = legend_of(&mut drawing, &panels, servers, longer) + LEGEND_PITCH;
        let limits = limits(input, highest);
        let most = limits.iter().map(|(rate, _)| *rate).fold(highest, f64::max);
        let count = panels.len() as f64;
        let x = || Scale::time(end);
        let plain = Scale { ticks: Vec::new(), ..x() };
        let bottom = Frame::new(top, RIGHT, x(), plain).marked(input).area.bottom;
        let high = (bottom - top - GAP * (count - 1.0)) / count;
        let mut title = String::new();
        for (number, (word, servers)) in panels.iter().enumerate() {
            let mut y = Scale::amount(most, "Rate", "bit/s").thinned((high / 26.0) as usize);
            title = std::mem::take(&mut y.title);
            let mut frame = Frame::new(top, RIGHT, x(), y).marked(input);
            frame.area.left += TITLE;
            frame.area.top += (high + GAP) * number as f64;
            frame.area.bottom = frame.area.top + high;
            let note = if number == 0 { note(input, &limits) } else { String::new() };
            panel(&mut drawing, &frame, (word, &note), servers, longer);
            share_axis(&mut drawing, &frame, payload(input));
            let Area { left, right, .. } = frame.area;
            for (rate, _) in &limits {
                let y = frame.y(*rate);
                drawing.dashes((left, y), (right, y), TEXT, 1.4, 6.0);
            }
            if number + 1 == panels.len() {
                frame.time_axis(&mut drawing);
            }
        }
        let middle = f64::midpoint(top, bottom);
        drawing.turned(&title, (MARGIN + 4.0, middle), LABEL_SIZE, TEXT);
        drawing
    }
}

/// What the link carries in each direction, without the headers of its packets (bit/s).
fn payload(input: &Input) -> f64 {
    let scenario = &input.plan.scenario;
    scenario.server.link.0 as f64 * scenario.network.tcp_share
}

/// Rate of a server's disk, in bits as the link is (bit/s).
fn disk(input: &Input) -> f64 {
    input.plan.scenario.server.disk as f64 * 8.0
}

/// The limits that are drawn: of the disk if it is the narrower, and of the link, unless that would
/// press the data flat on the axis.
fn limits(input: &Input, highest: f64) -> Vec<(f64, &'static str)> {
    let (link, disk) = (payload(input), disk(input));
    let all = [(disk, "disk"), (link, "link")];
    let narrow = |(rate, name): &(f64, &str)| *name == "link" || *rate < link;
    let near = |(rate, _): &(f64, &str)| *rate > 0.0 && highest > 0.15 * rate;
    all.into_iter().filter(narrow).filter(near).collect()
}

/// The limits in words.
fn note(input: &Input, limits: &[(f64, &str)]) -> String {
    let word = |(rate, name): &(f64, &str)| format!("{name} full at {}", words::si(*rate, "bit/s"));
    match limits {
        [] => format!("{}, off the axis", word(&(payload(input), "link"))),
        some => some.iter().map(word).collect::<Vec<_>>().join(", "),
    }
}

/// What a panel shows: its title, and each server with its number.
type Panel<'a> = (&'static str, Vec<(usize, &'a Series)>);

/// A panel for each direction in which anything moved.
fn panels<'a>(input: &Input<'a>) -> Vec<Panel<'a>> {
    let directions =
        [("sent to nodes", "server_sent/"), ("received from nodes", "server_received/")];
    let panel = |(word, prefix): (&'static str, &str)| {
        let number = |one: &'a Series| Some((one.name.strip_prefix(prefix)?.parse().ok()?, one));
        let found = input.findings.series.iter().filter_map(number);
        let servers: Vec<_> = found.filter(|(_, one)| lasts(one)).take(SERIES.len()).collect();
        let moved = servers.iter().any(|(_, one)| peak(&one.points) > 0.0);
        moved.then_some((word, servers))
    };
    directions.into_iter().filter_map(panel).collect()
}

/// The legend: what band and line of one server are, or which colour is which server.
fn legend_of(drawing: &mut Drawing, panels: &[Panel], servers: usize, longer: Option<f64>) -> f64 {
    let all = || panels.iter().flat_map(|(_, servers)| servers);
    let words: Vec<_> = if servers > 1 {
        let name =
            |((number, _), ink): (&(usize, &Series), Ink)| (format!("server {}", number + 1), ink);
        all().take(servers).zip(SERIES).map(name).collect()
    } else {
        let series: Vec<_> = all().map(|(_, series)| *series).collect();
        envelope_legend(&series, longer).into()
    };
    let entries: Vec<_> = words.iter().map(|(word, ink)| (word.as_str(), *ink)).collect();
    legend(drawing, &entries)
}

/// Draws the data of a panel with its title, and a note next to that.
fn panel(
    drawing: &mut Drawing,
    frame: &Frame,
    (word, note): (&str, &str),
    servers: &[(usize, &Series)],
    longer: Option<f64>,
) {
    let Area { left, top, right, .. } = frame.area;
    drawing.bold(word, (left, top - 8.0), LABEL_SIZE, Align::Left, TEXT);
    drawing.text(note, (right, top - 8.0), LABEL_SIZE, Align::Right, SOFT_TEXT);
    frame.grid(drawing);
    if let [(_, only)] = servers {
        frame.envelope(drawing, only, (ORANGE, BLUE), longer);
    } else {
        for (number, ((_, server), ink)) in servers.iter().zip(SERIES).enumerate() {
            let points = frame.condensed(&server.points);
            let points = longer.map_or(points, |width| merged(&server.points, width));
            // The first is the broadest, so that of equal lines all are seen.
            let width = 1.2 + 0.7 * (servers.len() - 1 - number) as f64;
            drawing.steps(frame.staircase(&along(&points, |point| point.max)), ink, width);
        }
    }
    frame.value_axis(drawing);
}

/// An axis at the right that counts in shares of what the link carries.
fn share_axis(drawing: &mut Drawing, frame: &Frame, link: f64) {
    let Area { right, top, bottom, .. } = frame.area;
    if link <= 0.0 {
        return;
    }
    drawing.steps(vec![(right, top), (right, bottom)], AXIS, 1.0);
    let end = frame.y_end() / link;
    let scale = Scale::amount(end * 100.0, "", "").thinned(((bottom - top) / 26.0) as usize);
    for (percent, label) in scale.ticks.iter().filter(|(percent, _)| *percent <= end * 100.0) {
        let y = frame.y(percent / 100.0 * link);
        drawing.steps(vec![(right, y), (right + 5.0, y)], AXIS, 1.0);
        let at = (right + 8.0, y + HALF_LETTER);
        drawing.text(&format!("{label} %"), at, LABEL_SIZE, Align::Left, SOFT_TEXT);
    }
}
