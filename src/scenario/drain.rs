//! Writing that goes on while the job computes: what cannot be.

use crate::config::mistakes::{Mistake, Mistakes};
use crate::config::section::Section;
use crate::scenario::job::{Drain, Level};
use crate::units::Span;

/// Notes what cannot be of a level's writing that goes on while the job computes. `None` if a key
/// that this needs cannot be read.
pub(super) fn check(section: &Section<'_>, m: &mut Mistakes) -> Option<()> {
    let copied = section.has("drain") && section.optional::<bool>("drain")?;
    let spans = section.section("cost");
    if copied
        && !section.has("cost")
        && section.optional::<String>("to").as_deref() != Some("file-server")
    {
        let mistake =
            Mistake::new(section.place("drain"), "only the file server can be drained to");
        let help = "give `drain` to the level with to = \"file-server\", or to one with `cost`";
        m.note(mistake.help(help));
        return None;
    }
    let latency =
        if spans.has("latency") { Some(spans.optional::<Span>("latency")?) } else { None };
    if let (Some(latency), Some(write)) = (latency, spans.optional::<Span>("write"))
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
    if copied && latency.is_some() {
        let mistake = Mistake::new(spans.place("latency"), "a `latency` together with `drain`");
        let help = "with `drain` the job stands for the level below, and the copy takes `write`: \
                    remove the one or the other";
        m.note(mistake.other(section.place("drain"), "it is copied").help(help));
    }
    if !copied && latency.is_none() {
        for (key, title) in [
            ("slowdown", "a `slowdown` by nothing"),
            ("keep_below", "a level to `keep_below` that is written with the job stopped"),
            ("resume", "a level to `resume` that is written with the job stopped"),
        ] {
            if section.has(key) {
                let mistake = Mistake::new(section.place(key), title);
                m.note(mistake.help("give `drain = true` or `cost.latency` as well, or remove it"));
            }
        }
        return None;
    }
    let flag = |key| if section.has(key) { section.optional(key) } else { Some(false) };
    if flag("resume")? && !flag("keep_below")? {
        let mistake = Mistake::new(section.place("resume"), "`resume` without `keep_below`");
        let help = "writing goes on from what the level below has of it: give `keep_below = true` \
                    as well";
        m.note(mistake.help(help));
    }
    Some(())
}

/// Notes a level that needs one below which has the checkpoint while it is written here.
pub(super) fn check_below(
    section: &Section<'_>,
    level: Option<&Level>,
    below: Option<&Option<Level>>,
    m: &mut Mistakes,
) {
    let Some(Level { drain: Some(Drain { latency, below: own, .. }), .. }) = level else { return };
    let (key, title) = match (latency, own.keeps) {
        (None, _) => ("drain", "there is no level below that could be drained"),
        (Some(_), true) => ("keep_below", "there is no level below that could keep it"),
        (Some(_), false) => return,
    };
    let (title, help) = match below {
        None => (title, "it is a level below, with the job stopped, that is written first"),
        Some(Some(Level { drain: Some(_), .. })) => (
            "the level below is itself written while the job computes",
            "what is copied is a checkpoint that is complete when the job goes on: put a level \
             without `drain` and `latency` between",
        ),
        Some(_) => return,
    };
    m.note(Mistake::new(section.place(key), title).help(help));
}
