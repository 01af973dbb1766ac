//! What came of a calibration: parameters, and each run as recorded, before and after.

use serde::Serialize;

use super::LEVEL;
use crate::scenario::Scenario;

/// A time that a run shows.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Observation {
    /// Its name: a metric's, `boot_stage_mean/<stage>`, or a mean of single times.
    pub name: String,
    /// Its length (s).
    pub seconds: f64,
}

/// How observations are counted for intervals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "independent", content = "number")]
pub enum Counted {
    /// Each run is one, shared by what it shows.
    Runs(usize),
    /// There are too few runs: each observation is one.
    Observations(usize),
}

impl Counted {
    /// For runs of so many observations each, and so many parameters.
    pub(super) fn of(runs: impl Iterator<Item = usize>, parameters: usize) -> Self {
        let runs: Vec<usize> = runs.filter(|count| *count > 0).collect();
        if runs.len() > parameters {
            Self::Runs(runs.len())
        } else {
            Self::Observations(runs.iter().sum())
        }
    }

    /// How many independent observations there are.
    #[must_use]
    pub fn number(self) -> usize {
        match self {
            Self::Runs(number) | Self::Observations(number) => number,
        }
    }

    /// The weight of each of so many observations of a run.
    pub(super) fn weight(self, of_run: usize) -> f64 {
        match self {
            Self::Runs(_) => 1.0 / libm::sqrt(of_run.max(1) as f64),
            Self::Observations(_) => 1.0,
        }
    }
}

/// What the runs say of a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Its value.
    Determined,
    /// No observation depends on it.
    NothingDependsOnIt,
    /// Only a combination of it with others.
    OnlyCombined,
}

/// A parameter.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Parameter {
    /// The key of the scenario.
    pub key: String,
    /// Unit of its values.
    pub unit: String,
    /// Whether its numbers are factors of each run's own value, and have no unit.
    pub factor: bool,
    /// Where the fit began.
    pub start: f64,
    /// Where it ended.
    pub fitted: f64,
    /// Lower end of the interval; `None` where nothing determines one.
    pub low: Option<f64>,
    /// Upper end.
    pub high: Option<f64>,
    /// What the runs say of it.
    pub verdict: Verdict,
    /// The others that it is determined with only.
    pub with: Vec<String>,
    /// Its value in another fit that is as good, where that differs.
    pub rival: Option<f64>,
    /// Whether the fit ended at the bound of what the key may be: no interval holds there.
    pub at_bound: bool,
    /// What it makes of the base scenario's own value, if that has the key.
    pub value: Option<f64>,
    /// The same as TOML.
    pub toml: Option<String>,
}

/// An observation as recorded and in the model.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Compared {
    /// Its name.
    pub name: String,
    /// As recorded (s).
    pub recorded: f64,
    /// In the model before the fit (s).
    pub before: f64,
    /// In the model with the fitted parameters (s); `None` if it shows no such thing any more.
    pub after: Option<f64>,
}

impl Compared {
    /// How far the model was off before the fit, as a share of what was recorded.
    #[must_use]
    pub fn off_before(&self) -> f64 {
        self.before / self.recorded - 1.0
    }

    /// How far it is off after the fit.
    #[must_use]
    pub fn off(&self) -> f64 {
        self.after.map_or(f64::INFINITY, |after| after / self.recorded - 1.0)
    }
}

/// A run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunFit {
    /// Its results folder.
    pub results: String,
    /// Its scenario.
    pub scenario: String,
    /// Its seed.
    pub seed: u64,
    /// The stage that recorded it.
    pub stage: String,
    /// Whether it was held out of the fit.
    pub held_out: bool,
    /// What is compared.
    pub observations: Vec<Compared>,
    /// What only the run or only the model shows; sentences.
    pub not_compared: Vec<String>,
}

/// The runs that were fitted, or those held out, as one.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Group {
    /// Runs.
    pub runs: usize,
    /// Observations.
    pub observations: usize,
    /// Root of the mean square of the differences before the fit, as shares.
    pub rms_before: f64,
    /// After it.
    pub rms: f64,
    /// The largest difference after it, and where: results folder and observation.
    pub worst: Option<(f64, String, String)>,
    /// Observations that are off by more than the band.
    pub outside: usize,
}

/// What came of a calibration.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Calibration {
    /// The scenario that gave the start values.
    pub scenario: String,
    /// Level of the intervals.
    pub level: f64,
    /// How observations were counted for them.
    pub counted: Counted,
    /// Whether the minimum was found.
    pub converged: bool,
    /// The parameters, in the order in which they were asked for.
    pub parameters: Vec<Parameter>,
    /// The runs that were fitted.
    pub fitted: Group,
    /// The runs that were held out; `None` if there are none.
    pub held_out: Option<Group>,
    /// What the runs held out may be off by.
    pub band: f64,
    /// Whether they are off by no more.
    pub agrees: bool,
    /// All runs: those fitted, then those held out.
    pub runs: Vec<RunFit>,
}

impl Calibration {
    pub(super) fn of(
        base: &Scenario,
        parameters: Vec<Parameter>,
        runs: Vec<RunFit>,
        (counted, converged, band): (Counted, bool, f64),
    ) -> Self {
        let group = |held_out| {
            let of: Vec<_> = runs.iter().filter(|run| run.held_out == held_out).collect();
            (!of.is_empty()).then(|| group(&of, band))
        };
        let (fitted, held_out) = (group(false), group(true));
        Self {
            scenario: base.name.clone(),
            level: LEVEL,
            counted,
            converged,
            parameters,
            fitted: fitted.expect("there are runs to fit"),
            agrees: held_out.as_ref().is_none_or(|group| group.outside == 0),
            held_out,
            band,
            runs,
        }
    }
}

fn group(runs: &[&RunFit], band: f64) -> Group {
    let all = || runs.iter().flat_map(|run| run.observations.iter().map(move |it| (run, it)));
    let count = all().count();
    let rms = |of: fn(&Compared) -> f64| {
        let squares: f64 = all().map(|(_, it)| of(it) * of(it)).sum();
        libm::sqrt(squares / count.max(1) as f64)
    };
    let worst = all().max_by(|a, b| a.1.off().abs().total_cmp(&b.1.off().abs()));
    Group {
        runs: runs.len(),
        observations: count,
        rms_before: rms(Compared::off_before),
        rms: rms(Compared::off),
        worst: worst.map(|(run, it)| (it.off(), run.results.clone(), it.name.clone())),
        outside: all().filter(|(_, it)| it.off().abs() > band).count(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_counts_once_however_much_it_shows_while_there_are_runs_enough() {
        let of = |runs: &[usize], parameters| Counted::of(runs.iter().copied(), parameters);
        let shared = of(&[4, 9, 0, 1], 2);
        assert_eq!(shared, Counted::Runs(3));
        let weight = shared.weight(4);
        assert!((4.0 * weight * weight - 1.0).abs() < 1e-12);
        let single = of(&[4, 9], 2);
        assert_eq!(single, Counted::Observations(13));
        assert!((single.weight(9) - 1.0).abs() < 1e-12);
    }
}
