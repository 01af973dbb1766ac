//! Variants of a scenario: which keys hold where, and what is refused.

use rackstorm::Study;
use rackstorm::scenario::{Overrides, Scenario, load_text};

const BASE: &str = "inherit = \"edge_rack_24\"\n\
    [workload.bulk-synchronous]\nnodes = 20\nstep = \"1 min\"\nwork = \"1 h\"\n\
    [checkpoint.coordinated]\nsize = \"1 MB\"\ninterval = \"10 min\"\n[stop]\nat = \"1 d\"\n\
    [variants.plain]\n\
    [variants.often.checkpoint.coordinated]\ninterval = \"1 min\"\n\
    [variants.buddies.checkpoint.multilevel]\ninterval = \"5 min\"\n\
    [[variants.buddies.checkpoint.multilevel.level]]\nto = \"buddies\"\nsize = \"2 MB\"\n\
    [variants.old.cluster]\nhardware = \"pi_4b\"\n\
    [variants.failing]\n\
    [[variants.failing.fault.crash]]\nname = \"a\"\non = \"pi1\"\nat = \"1 min\"\n\
    [[variants.failing.fault.hang]]\nname = \"b\"\non = \"pi2\"\nat = \"2 min\"\n\
    [[variants.failing.fault.crash]]\nname = \"c\"\non = \"pi3\"\nat = \"3 min\"\n";

fn overrides(set: &[&str]) -> Overrides {
    Overrides { set: set.iter().map(|&text| text.to_owned()).collect(), seed: None }
}

fn study(rest: &str, set: &[&str]) -> Result<Study, String> {
    Study::load_text("mine.toml", &format!("{BASE}{rest}"), &overrides(set))
        .map_err(|mistakes| mistakes.to_string())
}

fn scenarios(study: &Study) -> Vec<Scenario> {
    (0..study.len()).map(|cell| study.scenario(cell).expect("it is good")).collect()
}

/// The one scenario that `--set` leaves.
fn one(set: &[&str]) -> Result<Scenario, String> {
    let loaded = load_text("mine.toml", BASE, &overrides(set));
    loaded.map(|loaded| loaded.scenario).map_err(|mistakes| mistakes.to_string())
}

#[test]
fn a_variant_lies_over_the_file_and_an_axis_takes_one_after_the_other() {
    let all = study(
        "[sweep]\nvariant = [\"plain\", \"often\", \"buddies\", \"old\", \"failing\"]\n",
        &[],
    );
    let all = all.unwrap_or_else(|complaint| panic!("{complaint}"));
    let found = scenarios(&all);
    let texts = found.iter().map(|it| format!("{:?}", it.jobs[0].checkpoint)).collect::<Vec<_>>();
    assert_eq!(found[0], one(&[]).expect("without a variant the file holds"));
    assert!(texts[2].contains("Multilevel") && !texts[2].contains("Coordinated"), "{}", texts[2]);
    let mut often = found[1].clone();
    often.jobs[0].checkpoint.clone_from(&found[0].jobs[0].checkpoint);
    often.provenance.clone_from(&found[0].provenance);
    assert_ne!(texts[1], texts[0]);
    assert_eq!(often, found[0], "a variant changes what it says, and nothing else");
    assert!(found[3].hardware.model.contains("4B"), "a profile that a variant names is read");
    let rules: Vec<_> = found[4].faults.iter().map(|rule| rule.name.as_str()).collect();
    assert_eq!(rules, ["a", "b", "c"], "rules strike in the order in which they stand");
    for (name, scenario) in ["plain", "often", "buddies", "old", "failing"].iter().zip(&found) {
        let same = one(&[&format!("variant={name}")]).expect("it is good");
        assert_eq!((&same.jobs, &same.faults), (&scenario.jobs, &scenario.faults), "{name}");
    }
}

#[test]
fn the_text_of_a_study_has_its_variants_and_what_was_set_over_them() {
    for set in [&[][..], &["checkpoint.coordinated.size=7 MB"], &["variant=often"]] {
        let rest = "[sweep]\nvariant = [\"plain\", \"often\", \"failing\"]\n\
                    \"stop.at\" = [\"1 d\", \"2 d\"]\n";
        let first = study(rest, set).unwrap_or_else(|complaint| panic!("{complaint}"));
        let again = Study::load_text("mine.toml", &first.text(), &Overrides::default())
            .unwrap_or_else(|complaint| panic!("{complaint}\n{}", first.text()));
        assert_eq!(first.text(), again.text());
        let (one, other) = (scenarios(&first), scenarios(&again));
        let bare = |all: &[Scenario]| -> Vec<Scenario> {
            let bare = |it: &Scenario| Scenario { provenance: Vec::new(), ..it.clone() };
            all.iter().map(bare).collect()
        };
        assert_eq!(bare(&one), bare(&other), "{set:?}\n{}", first.text());
    }
}

#[test]
fn the_command_line_lies_over_every_variant() {
    let set = ["checkpoint.coordinated.interval=7 min", "variant=often"];
    let protocol = format!("{:?}", one(&set).expect("it is good").jobs[0].checkpoint);
    assert!(protocol.contains("420000000000"), "{protocol}");
    // Also where it gives a rival of what the variant says.
    let set = ["checkpoint.coordinated.interval=7 min", "variant=buddies"];
    let protocol = format!("{:?}", one(&set).expect("it is good").jobs[0].checkpoint);
    assert!(protocol.contains("Coordinated") && protocol.contains("420000000000"), "{protocol}");
}

#[test]
fn an_inherited_variant_is_changed_key_by_key() {
    let folder = tempfile::tempdir().expect("a folder");
    let below = folder.path().join("below.toml");
    std::fs::write(&below, BASE).expect("written");
    let above = "inherit = \"below.toml\"\n\
                 [variants.often.checkpoint.coordinated]\nsize = \"9 MB\"\n\
                 [variants.buddies.checkpoint.coordinated]\ninterval = \"3 min\"\n";
    let path = folder.path().join("above.toml");
    std::fs::write(&path, above).expect("written");
    let of = |variant: &str| {
        let loaded = rackstorm::scenario::load(&path, &overrides(&[variant]));
        let loaded = loaded.unwrap_or_else(|mistakes| panic!("{mistakes}"));
        format!("{:?}", loaded.scenario.jobs[0].checkpoint)
    };
    let often = of("variant=often");
    assert!(often.contains("60000000000") && often.contains("9000000"), "{often}");
    let rival = of("variant=buddies");
    assert!(rival.contains("Coordinated") && rival.contains("180000000000"), "{rival}");
}

#[test]
fn a_variant_changes_an_item_of_an_array_by_its_number_and_an_axis_another_key_of_it() {
    let rest = "[[fault.crash]]\non = \"node\"\nlifetime = { exponential = { mean = \"9 d\" } }\n\
                [variants.hardy.fault.crash.0]\nname = \"hardy\"\n\
                [sweep]\nvariant = [\"plain\", \"hardy\"]\n\
                \"fault.crash.0.lifetime.exponential.mean\" = [\"1 d\", \"2 d\"]\n";
    let found = study(rest, &[]).unwrap_or_else(|complaint| panic!("{complaint}"));
    let name = |scenario: &Scenario| scenario.faults[0].name.clone();
    let names: Vec<_> = scenarios(&found).iter().map(name).collect();
    assert_eq!(names[2..], ["hardy", "hardy"]);
    assert!(names[..2].iter().all(|name| name != "hardy"), "{names:?}");
}

#[test]
fn conditions_and_the_reference_name_variants() {
    let rest = "[sweep]\nvariant = [\"plain\", \"often\", \"buddies\"]\n\
                \"stop.at\" = [\"1 d\", \"2 d\"]\n\
                [study]\nwhere = [\"variant != often\"]\n\
                reference = [\"variant = buddies\", \"stop.at = 2 d\"]\n";
    let found = study(rest, &[]).unwrap_or_else(|complaint| panic!("{complaint}"));
    assert_eq!((found.len(), found.reference()), (4, 3));
}
