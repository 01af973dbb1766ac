//! How far two runs may lie apart and still agree: bands, and floors for what is near zero.

use super::metrics;

/// The names of the distributions, besides those of the metrics; a star stands for a boot stage.
pub const DISTRIBUTIONS: [&str; 6] =
    ["first_up", "boot_stage/*", "downtime", "checkpoint_time", "restart_time", "detection_time"];

/// The band where none is given.
pub const BAND: f64 = 0.05;

/// The floors where none is given: unit and value. Counts have none, so that none and one differ;
/// shares may differ by a tenth of a percentage point.
const FLOORS: [(&str, f64); 5] = [("s", 1e-3), ("1", 1e-3), ("B", 1.0), ("J", 1.0), ("W", 0.1)];

/// What may differ by how much.
#[derive(Clone, Debug, PartialEq)]
pub struct Tolerance {
    /// Share of A's value, for what no rule names.
    band: f64,
    /// Rules in the order given; the last that fits counts.
    bands: Vec<(String, f64)>,
    floors: Vec<(String, f64)>,
}

impl Default for Tolerance {
    fn default() -> Self {
        Self { band: BAND, bands: Vec::new(), floors: Vec::new() }
    }
}

impl Tolerance {
    /// Reads bands (`2%`, `makespan=1%`, `node_time_*=10%`, `energy=any`) and floors
    /// (`boot_t50=0.5`, in the metric's unit).
    ///
    /// # Errors
    /// All mistakes, each as a sentence.
    pub fn read(bands: &[String], floors: &[String]) -> Result<Self, Vec<String>> {
        let mut tolerance = Self::default();
        let mut mistakes = Vec::new();
        for text in bands {
            let (name, value) = text.split_once('=').unwrap_or(("", text));
            let known = if name.is_empty() { Ok(()) } else { is_known(name) };
            match (known, share(value)) {
                (Err(mistake), _) => mistakes.push(mistake),
                (_, None) => mistakes.push(format!(
                    "`{value}` is no band: give a share of A's value such as `5%`, or `any`"
                )),
                (Ok(()), Some(band)) if name.is_empty() => tolerance.band = band,
                (Ok(()), Some(band)) => tolerance.bands.push((name.to_owned(), band)),
            }
        }
        for text in floors {
            let Some((name, value)) = text.split_once('=') else {
                mistakes.push(format!("`{text}` is no floor: give a metric, `=` and a number"));
                continue;
            };
            match (is_known(name), value.trim().parse::<f64>()) {
                (Err(mistake), _) => mistakes.push(mistake),
                (Ok(()), Ok(floor)) if floor >= 0.0 => {
                    tolerance.floors.push((name.to_owned(), floor));
                }
                _ => mistakes.push(format!(
                    "`{value}` is no floor: give a number in the unit of the metric, such as `0.5`"
                )),
            }
        }
        if mistakes.is_empty() { Ok(tolerance) } else { Err(mistakes) }
    }

    /// How far B may lie from `a`, A's value, in its unit.
    #[must_use]
    pub fn of(&self, name: &str, unit: &str, a: f64) -> f64 {
        let fitting = |rules: &[(String, f64)]| {
            rules.iter().rev().find(|(rule, _)| fits(rule, name)).map(|(_, value)| *value)
        };
        let band = fitting(&self.bands).unwrap_or(self.band);
        let by_unit = || FLOORS.iter().find(|(of, _)| *of == unit).map_or(0.0, |(_, floor)| *floor);
        let floor = fitting(&self.floors).unwrap_or_else(by_unit);
        if band.is_infinite() { band } else { f64::max(band * a.abs(), floor) }
    }
}

/// Whether a rule speaks of this name: the same, or the same up to a star at the rule's end.
fn fits(rule: &str, name: &str) -> bool {
    rule.strip_suffix('*').map_or(rule == name, |stem| name.starts_with(stem))
}

/// Whether a rule speaks of anything that is compared.
fn is_known(rule: &str) -> Result<(), String> {
    let mut names = metrics::ALL.iter().map(|it| it.name).chain(DISTRIBUTIONS);
    let stage = rule.starts_with("boot_stage/");
    if stage || names.any(|name| fits(rule, name)) {
        return Ok(());
    }
    let hint = metrics::suggest(rule).map_or(String::new(), |it| format!("; did you mean `{it}`?"));
    Err(format!("`{rule}` is neither a metric nor a distribution{hint}"))
}

/// A share of one as people write it; `any` is without bound.
fn share(text: &str) -> Option<f64> {
    let text = text.trim();
    if text == "any" {
        return Some(f64::INFINITY);
    }
    let (number, scale) = text.strip_suffix('%').map_or((text, 1.0), |number| (number, 100.0));
    let value = number.trim().parse::<f64>().ok()? / scale;
    (value >= 0.0 && value.is_finite()).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bands: &[&str], floors: &[&str]) -> Result<Tolerance, Vec<String>> {
        let own = |texts: &[&str]| texts.iter().map(ToString::to_string).collect::<Vec<_>>();
        Tolerance::read(&own(bands), &own(floors))
    }

    #[test]
    fn the_last_rule_that_fits_counts() {
        let rules = ["2 %", "node_time_*=10%", "node_time_off=0.5", "energy=any"];
        let tolerance = read(&rules, &["makespan=30"]).expect("good rules");
        for (name, expected) in [
            ("run_time", 2.0),
            ("node_time_idle", 10.0),
            ("node_time_off", 50.0),
            ("energy", f64::INFINITY),
            ("makespan", 30.0),
        ] {
            let found = tolerance.of(name, "s", -100.0);
            assert!(found.total_cmp(&expected).is_eq(), "{name} {found}");
        }
    }

    #[test]
    fn what_is_near_zero_has_a_floor_by_its_unit_and_counts_have_none() {
        let tolerance = Tolerance::default();
        let of = |name: &str, unit: &str, a: f64| format!("{}", tolerance.of(name, unit, a));
        assert_eq!(of("boot_t50", "s", 0.0), "0.001");
        assert_eq!(of("waste", "1", 0.001), "0.001");
        assert_eq!(of("failures", "count", 0.0), "0");
        assert_eq!(of("failures", "count", 100.0), "5");
    }

    #[test]
    fn all_mistakes_are_reported_with_a_hint() {
        let mistakes = read(&["makespam=1%", "waste=wide", "-1%"], &["waste", "energy=-1"]);
        assert_eq!(
            mistakes.expect_err("five mistakes"),
            [
                "`makespam` is neither a metric nor a distribution; did you mean `makespan`?",
                "`wide` is no band: give a share of A's value such as `5%`, or `any`",
                "`-1%` is no band: give a share of A's value such as `5%`, or `any`",
                "`waste` is no floor: give a metric, `=` and a number",
                "`-1` is no floor: give a number in the unit of the metric, such as `0.5`",
            ]
        );
        assert!(read(&["boot_stage/tftp=1%", "first_up=2%"], &["downtime=1"]).is_ok());
    }
}
