//! The model, fitted to half of the measured storms, predicts the other half.
//!
//! The tables of single clients are read as `rackstorm import` reads them, and the fit is that of
//! `rackstorm calibrate`, without a folder between.

use rackstorm::backend::measured::Measured;
use rackstorm::backend::model::Model;
use rackstorm::experiment::observe;
use rackstorm::fitting::calibration::{Calibration, Key, Recorded, Verdict, calibrate, keys};
use rackstorm::scenario::{self, Scenario};
use rackstorm::storm::{self, Kind, Measurement as _, Storm};

use crate::measured::rows::{rows, table};
use crate::measured::{assert_near, storms};

/// What the other half may be off by.
const BAND: f64 = 0.1;

fn recorded(storm: &Storm) -> Recorded {
    let scenario = scenario::read(&storm.name, &storm.scenario());
    let scenario = scenario.unwrap_or_else(|mistakes| panic!("{}", mistakes.render(false)));
    let observations = observe(&scenario, &Measured(storm)).expect("nobody stops it");
    let results = format!("{} run {}", storm.name, storm.run);
    let (stage, fingerprint) = ("measured".into(), String::new());
    Recorded { results, stage, fingerprint, scenario, observations }
}

/// The storms of a file that are reported, or nothing where it is absent.
fn measured(file: &str, wanted: impl Fn(&Storm) -> bool) -> Option<Vec<Storm>> {
    let table = storm::read(&table(file)?).expect("a table of storms");
    assert!(table.flaws.is_empty(), "{file}: {:?}", table.flaws);
    Some(table.storms.into_iter().filter(wanted).collect())
}

/// Rows in which the processors had time to spare.
fn link_bound(storm: &Storm) -> bool {
    storm.cpu_busy < 90
}

fn fitted(storms: &[Storm], wanted: &dyn Fn(&str) -> bool, keys: &[&'static Key]) -> Calibration {
    let (mut fitted, mut held_out) = (Vec::new(), Vec::new());
    for (place, storm) in storms.iter().enumerate() {
        if place % 2 == 0 { &mut fitted } else { &mut held_out }.push(recorded(storm));
    }
    let base = fitted[0].scenario.clone();
    let runs = (fitted.as_slice(), held_out.as_slice());
    calibrate(&base, keys, runs, (BAND, wanted), |scenario| observe(scenario, &Model))
        .expect("nobody stops it")
}

/// Makespan and mean of a storm, whatever it does.
fn mean_and_makespan(name: &str) -> bool {
    ["boot_time_mean", "boot_t100", "checkpoint_transfer_mean", "checkpoint_time_max"]
        .contains(&name)
}

fn means(name: &str) -> bool {
    ["boot_time_mean", "checkpoint_transfer_mean"].contains(&name)
}

fn share() -> &'static Key {
    keys::find("network.tcp_share").expect("it can be fitted")
}

/// Says what was reached, for `docs/validation.md`.
#[expect(clippy::print_stdout, reason = "the figures of the paper are read here")]
fn emit(what: &str, found: &Calibration) {
    let held_out = found.held_out.as_ref().expect("runs were held out");
    let share = &found.parameters[0];
    println!(
        "{what}: share {:.4} ({:.4} to {:.4}), fitted {} runs rms {:.4} -> {:.4}, held out {} \
         runs rms {:.4} -> {:.4}, worst {:?}",
        share.fitted,
        share.low.unwrap_or(f64::NAN),
        share.high.unwrap_or(f64::NAN),
        found.fitted.runs,
        found.fitted.rms_before,
        found.fitted.rms,
        held_out.runs,
        held_out.rms_before,
        held_out.rms,
        held_out.worst,
    );
}

fn assert_predicted(what: &str, found: &Calibration, runs: usize) {
    emit(what, found);
    assert!(found.converged, "{what}");
    assert_eq!(found.parameters[0].verdict, Verdict::Determined, "{what}");
    let held_out = found.held_out.as_ref().expect("runs were held out");
    assert_eq!(held_out.runs, runs, "{what}");
    assert!(found.agrees, "{what}: {:?}", held_out.worst);
}

/// Fits each half and predicts the other, so that every row is predicted once.
fn assert_either_half_predicts_the_other(
    what: &str,
    mut storms: Vec<Storm>,
    wanted: &dyn Fn(&str) -> bool,
) {
    let all = storms.len();
    assert_predicted(&format!("{what}, even"), &fitted(&storms, wanted, &[share()]), all / 2);
    // The first fits in either case; with it as the last the halves change their parts.
    storms.rotate_left(1);
    assert_predicted(&format!("{what}, odd"), &fitted(&storms, wanted, &[share()]), all / 2);
}

#[test]
fn half_of_the_tftp_storms_predicts_the_other_half() {
    let Some(storms) = measured("tftp_storm.csv", link_bound) else { return };
    assert_eq!(storms.len(), 13);
    assert_either_half_predicts_the_other("TFTP", storms, &mean_and_makespan);
}

#[test]
fn half_of_the_nbd_and_nfs_storms_predicts_the_other_half() {
    let wanted = |storm: &Storm| link_bound(storm) && !storm.name.starts_with("http");
    let Some(storms) = measured("checkpoint_storm.csv", wanted) else { return };
    assert_eq!(storms.len(), 4);
    assert_either_half_predicts_the_other("NBD and NFS", storms, &mean_and_makespan);
}

/// The last of many HTTP clients is late by TCP's unfairness, which the model has not: only means.
#[test]
fn half_of_the_http_storms_predicts_the_means_of_the_other_half() {
    let http = |storm: &Storm| link_bound(storm) && storm.name.starts_with("http");
    let Some(mut all) = measured("checkpoint_storm.csv", http) else { return };
    let Some(reads) = measured("http_get_storm.csv", http) else { return };
    all.extend(reads);
    assert_eq!(all.len(), 6);
    assert_either_half_predicts_the_other("HTTP, means", all, &means);
}

/// With one factor for all protocols.
#[test]
fn half_of_all_storms_predicts_the_other_half() {
    let mut all = Vec::new();
    for file in ["tftp_storm.csv", "checkpoint_storm.csv"] {
        let wanted = |storm: &Storm| link_bound(storm) && !storm.name.starts_with("http");
        let Some(storms) = measured(file, wanted) else { return };
        all.extend(storms);
    }
    assert_eq!(all.len(), 17);
    assert_either_half_predicts_the_other("TFTP, NBD and NFS", all, &mean_and_makespan);
}

/// From the value of the profiles, at which it holds no storm back, the packet rate of the daemon
/// is found. 16 and 64 clients at full rate were sent 41,400 to 46,700 packets/s until the last of
/// them ended, and some 45,900 by all that is observed of them; found: 46,272.
#[test]
fn the_packet_rate_of_the_tftp_daemon_is_found_from_one_that_never_binds() {
    let at_full_rate = |storm: &Storm| storm.setup.node_link.0 == 100_000_000;
    let Some(storms) = measured("tftp_storm.csv", at_full_rate) else { return };
    assert_eq!(storms.len(), 24);
    let runs: Vec<Recorded> = storms.iter().map(recorded).collect();
    let packets = keys::find("server.tftp_packets").expect("it can be fitted");
    let fit = |runs: &[Recorded], keys: &[&'static Key]| {
        let base = &runs[0].scenario;
        let play = |scenario: &Scenario| observe(scenario, &Model);
        calibrate(base, keys, (runs, &[]), (BAND, &|_| true), play).expect("nobody stops it")
    };
    for keys in [vec![packets], vec![share(), packets]] {
        let found = fit(&runs, &keys);
        let found = found.parameters.last().expect("a parameter");
        assert_eq!((found.start, found.verdict), (100_000.0, Verdict::Determined), "{found:?}");
        assert_near(found.fitted, 45_900.0, 0.05 * 45_900.0, "packets/s");
    }
    // Of the crowds alone, a link at half its rate would say the same: that is reported.
    let crowds: Vec<_> = storms.iter().filter(|storm| storm.clients.len() >= 16).collect();
    let crowds: Vec<_> = crowds.into_iter().map(recorded).collect();
    let found = fit(&crowds, &[share(), packets]);
    let [share, packets] = found.parameters.as_slice() else { panic!("{found:?}") };
    assert_eq!(packets.verdict, Verdict::NothingDependsOnIt, "{packets:?}");
    assert_near(packets.rival.expect("another fit"), 45_900.0, 0.05 * 45_900.0, "packets/s");
    assert!(share.rival.expect("another fit") > 1.5 * share.fitted, "{share:?}");
}

/// In the model and in reality: near 18 s where the daemon pings and 16 clients or more ask, with
/// clients that give up; under a second where it does not.
#[test]
fn dhcp_storms_have_the_shape_of_their_medians() {
    let Some(rows) = rows("dhcp_storm_summary.csv") else { return };
    let many: Vec<_> = rows.iter().filter(|row| row.n >= 16).collect();
    assert_eq!(many.len(), 8);
    for row in many {
        let model = storms::dhcp(row, row.pings()).median();
        let (low, high) = if row.pings() { (17.5, 18.5) } else { (0.0, 1.0) };
        for median in [row.median_s, model] {
            assert!(low < median && median < high, "{}: {median} s", row.name());
        }
        assert_eq!(row.ok < row.n, row.pings(), "{}", row.name());
    }
}

/// Nothing fitted: the fluid itself, on storms at a tenth of the rates.
#[test]
fn the_scaled_storms_end_within_eight_percent_of_the_bare_fluid() {
    let scaled = |storm: &Storm| storm.setup.node_link.0 == 10_000_000;
    let mut worst = (0.0, String::new());
    let mut compared = 0;
    for file in ["tftp_storm.csv", "checkpoint_storm.csv"] {
        let wanted = |storm: &Storm| scaled(storm) && !storm.name.starts_with("http");
        let Some(storms) = measured(file, wanted) else { return };
        for storm in &storms {
            let scenario = recorded(storm).scenario;
            let model = observe(&scenario, &Model).expect("nobody stops it");
            let name =
                if storm.setup.kind == Kind::Write { "checkpoint_time_max" } else { "boot_t100" };
            let end = model.iter().find(|it| it.name == name).expect("it is shown").seconds;
            let measured = storm.makespan().as_secs_f64();
            let what = format!("{} run {}", storm.name, storm.run);
            assert_near(end, measured, 0.08 * measured, &what);
            let off = 1.0 - end / measured;
            if off > worst.0 {
                worst = (off, what);
            }
            compared += 1;
        }
    }
    assert_eq!(compared, 18, "the worst of them: {worst:?}");
}

#[test]
fn every_measured_storm_can_be_imported_and_comes_to_its_own_makespan() {
    let mut count = 0;
    for file in ["checkpoint_storm.csv", "http_get_storm.csv", "tftp_storm.csv", "dhcp_storm.csv"] {
        let Some(storms) = measured(file, |_| true) else { return };
        for storm in &storms {
            let run = recorded(storm);
            let end = |name: &str| run.observations.iter().find(|it| it.name == name);
            let end = end("checkpoint_time_max").or_else(|| end("boot_t100"));
            let all = storm.clients.iter().all(|client| client.succeeded);
            assert_eq!(end.is_some(), all, "{}", run.results);
            if let Some(end) = end {
                assert_near(end.seconds, storm.makespan().as_secs_f64(), 1e-9, &run.results);
            }
            count += 1;
        }
    }
    assert_eq!(count, 87);
}
