//! How a recorded run is played again: the commands, wherever they are shown.

use std::path::Path;

use crate::backend::{self, measured, rack};
use crate::record::folder::SCENARIO;
use crate::record::{Manifest, words};
use crate::report::Again;
use crate::scenario::EventLevel;

/// What the report of a run says of playing it again. The commands are for who stands in the
/// results folder, so they stay true where it is moved; what the scenario was made from (overrides,
/// a cell of a study, files that it inherits) is in the resolved scenario there.
pub(super) fn of(manifest: &Manifest) -> Again {
    let stage = manifest.stage.as_str();
    let has_log = manifest.event_level != words::event_level(EventLevel::None);
    let mut ways = Vec::new();
    if manifest.deterministic {
        ways.push((
            "In the folder of this page, this plays the run again, demands every event and every \
             file as they were, and writes nothing:",
            "rackstorm replay .".to_owned(),
        ));
    } else if has_log {
        ways.push((
            "In the folder of this page, this plays its plan in the model, with the faults that \
             struck it:",
            "rackstorm replay . --on model".to_owned(),
        ));
    }
    let what = match (manifest.deterministic, stage) {
        (true, _) => {
            "Where scenario.toml lies, this plays the run again, into a results folder of its own:"
        }
        (false, measured::NAME) => {
            "Where scenario.toml lies, this plays the same machine in the model:"
        }
        (false, rack::NAME | rack::rehearsal::NAME) => {
            "Where scenario.toml lies, this plays the plan again, to events of its own; --rack \
             names the inventory of the rack:"
        }
        (false, _) => "Where scenario.toml lies, this plays the plan again, to events of its own:",
    };
    ways.push((what, run(manifest, Path::new(SCENARIO))));
    let intro = if manifest.deterministic {
        "The same program, scenario and seed give the same events on any machine; the \
         fingerprint is a hash over every one of them."
            .to_owned()
    } else if stage == measured::NAME {
        "Real programs were measured; the fingerprint is a hash over every event of them. \
         No other measurement has it."
            .to_owned()
    } else {
        format!(
            "Stage {stage} plays in real time, which decides what happens first: no other run \
             has these events, nor this fingerprint, which is a hash over every one of them."
        )
    };
    Again { intro, ways }
}

/// The command that plays a resolved scenario as the run was played.
pub(super) fn run(manifest: &Manifest, scenario: &Path) -> String {
    let on = match manifest.stage.as_str() {
        rack::rehearsal::NAME => format!("{} --rehearse", rack::NAME),
        measured::NAME => backend::ALL[0].name().to_owned(),
        stage => word(stage),
    };
    // The seed stands in the scenario; said here, it wins over RACKSTORM_SEED as well.
    format!(
        "rackstorm run {} --seed {} --on {on}",
        word(&scenario.to_string_lossy()),
        manifest.seed
    )
}

/// A word of a command line, quoted for a shell if it must be.
#[must_use]
pub fn word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=%+,:".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_quoted_where_a_shell_would_take_it_apart() {
        assert_eq!(word("results/a-b_c.1"), "results/a-b_c.1");
        assert_eq!(word("my results"), "'my results'");
        assert_eq!(word("it's"), r"'it'\''s'");
        assert_eq!(word(""), "''");
    }

    #[test]
    fn each_stage_is_played_again_by_what_can_play_it() {
        let said = |stage: &str, deterministic, level| {
            let mut manifest = Manifest::begin("boot", 7, stage, level, Vec::new());
            manifest.deterministic = deterministic;
            let commands: Vec<_> = of(&manifest).ways.into_iter().map(|(_, it)| it).collect();
            commands.join("; ")
        };
        let run = "rackstorm run scenario.toml --seed 7 --on";
        let all = EventLevel::All;
        assert_eq!(said("turmoil", true, all), format!("rackstorm replay .; {run} turmoil"));
        let in_model = "rackstorm replay . --on model";
        assert_eq!(said("loopback", false, all), format!("{in_model}; {run} loopback"));
        assert_eq!(said("loopback", false, EventLevel::None), format!("{run} loopback"));
        assert_eq!(said("rehearsal", false, all), format!("{in_model}; {run} rack --rehearse"));
        assert_eq!(said("measured", false, all), format!("{in_model}; {run} model"));
    }
}
