//! From keys to writing that goes on while the job computes, and the text that loads to it again.

use crate::scenario::job::{Cost, Drain, Level};
use crate::scenario::mistakes::{Mistake, Mistakes};
use crate::scenario::section::Section;
use crate::units::Span;

/// A step takes so many times as long while a checkpoint drains. Assumption: what an application
/// loses of its traffic and its cores depends on the application.
const SLOWDOWN: f64 = 1.1;

/// The keys are there but cannot be read; why is noted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unread;

/// What of a level's writing goes on while the job computes.
pub(super) fn drain(
    section: &Section<'_>,
    cost: Option<Cost>,
    m: &mut Mistakes,
) -> Result<Option<Drain>, Unread> {
    let copied = section.has("drain") && section.optional::<bool>("drain").ok_or(Unread)?;
    if copied && section.optional::<String>("to").as_deref() != Some("file-server") {
        let mistake =
            Mistake::new(section.place("drain"), "only the file server can be drained to");
        m.note(mistake.help("give `drain` to the level with to = \"file-server\""));
        return Err(Unread);
    }
    let spans = section.section("cost");
    let latency = if spans.exists() && spans.has("latency") {
        Some(spans.optional::<Span>("latency").ok_or(Unread)?)
    } else {
        None
    };
    if let (Some(latency), Some(Cost::Fixed { write, .. })) = (latency, cost)
        && latency < write
    {
        let title = format!("a latency of {latency} for a checkpoint that takes {write}");
        let mistake = Mistake::new(spans.place("latency"), title);
        m.note(
            mistake
                .other(spans.place("write"), "so long the job stands")
                .help("`latency` counts from the beginning, with `write`: it is at least as long"),
        );
    }
    if !copied && latency.is_none() {
        if section.has("slowdown") {
            let mistake = Mistake::new(section.place("slowdown"), "a `slowdown` by nothing");
            m.note(mistake.help("give `drain = true` or `cost.latency` as well, or remove it"));
        }
        return Ok(None);
    }
    let slowdown = if section.has("slowdown") {
        section.optional("slowdown").ok_or(Unread)?
    } else {
        SLOWDOWN
    };
    Ok(Some(Drain { slowdown, latency }))
}

/// Notes a level that is to be copied from one below that nodes do not keep.
pub(super) fn check_below(
    section: &Section<'_>,
    level: Option<&Level>,
    below: Option<&Option<Level>>,
    m: &mut Mistakes,
) {
    let Some(Level { drain: Some(Drain { latency: None, .. }), .. }) = level else { return };
    let title = match below {
        None => "there is no level below that could be drained",
        Some(Some(Level { cost: Cost::Fixed { .. }, .. })) => {
            "the level below has a fixed cost and nothing to be drained"
        }
        Some(_) => return,
    };
    let mistake = Mistake::new(section.place("drain"), title);
    m.note(mistake.help("a level below with `to` and `size` is what is copied to the server"));
}

/// The latency as a further key of `cost`.
pub(super) fn latency_text(drain: Option<Drain>) -> String {
    let latency = drain.and_then(|drain| drain.latency);
    latency.map_or_else(String::new, |latency| format!(", latency = \"{latency}\""))
}

/// The keys beside `cost`.
pub(super) fn lines(drain: Option<Drain>) -> Vec<(&'static str, String)> {
    let Some(Drain { slowdown, latency }) = drain else { return Vec::new() };
    let copied = latency.is_none().then(|| ("drain", "true".to_owned()));
    copied.into_iter().chain([("slowdown", format!("{slowdown:?}"))]).collect()
}
