//! A key that is varied between two bounds: how it is asked for, and what it takes.

use toml::{Table, Value as Toml};

use crate::config::document::Value;
use crate::config::language::Kind;
use crate::config::measure::{Amount, Measure};
use crate::config::walk;
use crate::config::writing::quoted;
use crate::scenario::Study;
use crate::scenario::keys::ROOT;
use crate::scenario::study::AxisValue;
use crate::scenario::sweep::NEVER_SWEPT;

/// A key and its bounds, as far as they are given: `KEY` or `KEY={ from = "10 min", to = "8 h" }`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Varied {
    /// The path of the key.
    pub key: String,
    /// The lower bound, as TOML.
    pub from: Option<String>,
    /// The upper bound, as TOML.
    pub to: Option<String>,
}

impl Varied {
    /// Reads what a person asks for.
    ///
    /// # Errors
    /// Why it is nothing that can be varied, with a hint where there is one.
    pub fn read(text: &str) -> Result<Self, String> {
        let (key, range) = match text.split_once('=') {
            Some((key, range)) => (key.trim().trim_matches('"'), Some(range)),
            None => (text.trim(), None),
        };
        let first = key.split('.').next().unwrap_or_default();
        let kind = walk::kind_at(&ROOT, key).filter(|_| !NEVER_SWEPT.contains(&first));
        if kind.is_none() || key == "seed" {
            return Err(format!(
                "`{key}` is no key that can be varied; docs/scenario.md has all keys"
            ));
        }
        if kind.and_then(Measure::of).is_none() {
            return Err(format!(
                "`{key}` takes no numbers, so nothing lies between its values; `rackstorm study` \
                 compares them one by one: [sweep] \"{key}\" = [...]"
            ));
        }
        let mut varied = Self { key: key.to_owned(), from: None, to: None };
        let Some(range) = range else { return Ok(varied) };
        let wrong = || {
            format!("the bounds of `{key}` are written {key}={{ from = \"...\", to = \"...\" }}")
        };
        let table: Table = format!("range = {range}").parse().map_err(|_| wrong())?;
        let table = table.get("range").and_then(Toml::as_table).ok_or_else(wrong)?;
        for (name, value) in table {
            match name.as_str() {
                "from" => varied.from = Some(value.to_string()),
                "to" => varied.to = Some(value.to_string()),
                _ => return Err(format!("{}; there is no `{name}`", wrong())),
            }
        }
        Ok(varied)
    }

    /// A value that a person wrote as TOML or as a word, such as `30 min`, as TOML.
    #[must_use]
    pub fn bound(text: &str) -> String {
        let is_number = text.trim().parse::<f64>().is_ok_and(f64::is_finite);
        if is_number || text.starts_with('"') { text.trim().to_owned() } else { quoted(text) }
    }

    /// What `--set` takes to make the key an axis of so many values between both bounds, which are
    /// TOML.
    #[must_use]
    pub fn axis(&self, from: &str, to: &str, points: usize, logarithmic: bool) -> String {
        let scale = if logarithmic { "log" } else { "linear" };
        format!(
            "sweep.{}={{ from = {from}, to = {to}, points = {points}, scale = \"{scale}\" }}",
            quoted(&self.key)
        )
    }

    /// Whether it is the interval between the checkpoints of the only job.
    #[must_use]
    pub fn is_interval(&self) -> bool {
        self.key.starts_with("checkpoint.") && self.key.ends_with(".interval")
    }

    /// The words that the key takes in place of a number, such as those of formulas.
    #[must_use]
    pub fn words(&self) -> Vec<&'static str> {
        let kinds = match walk::kind_at(&ROOT, &self.key) {
            Some(Kind::Any(kinds)) => *kinds,
            _ => &[],
        };
        let words = kinds.iter().filter_map(|kind| match kind {
            Kind::Choice(words) => Some(words()),
            _ => None,
        });
        words.flatten().collect()
    }

    /// The value of the key in the first cell of a study.
    #[must_use]
    pub fn own(&self, of: &Study) -> Option<AxisValue> {
        let value = value(of, &self.key)?;
        let measure = walk::kind_at(&ROOT, &self.key).and_then(Measure::of)?;
        let amount = measure.read(&value).ok();
        Some(AxisValue { text: value.bare(), number: amount.map(|amount| measure.in_unit(amount)) })
    }

    /// So many times the value that the key has in the first cell of a study, as TOML, or a root of
    /// that factor if it does not take so much; `None` if it has no number above zero there.
    #[must_use]
    pub fn times(&self, factor: f64, of: &Study) -> Option<String> {
        let own = value(of, &self.key)?;
        let measure = walk::kind_at(&ROOT, &self.key).and_then(Measure::of)?;
        let amount = measure.read(&own).ok().filter(|amount| amount.real() > 0.0)?;
        let takes = |factor: f64| {
            let real = amount.real() * factor;
            let amount = match amount {
                Amount::Whole(_) => Amount::Whole((libm::round(real) as i128).max(1)),
                Amount::Real(_) => Amount::Real(real),
            };
            let value = Value { place: own.place, data: measure.write(amount) };
            let mut m = of.texts.clone();
            walk::check_at(&ROOT, &self.key, &value, &mut m);
            m.is_empty().then(|| value.toml())
        };
        [1.0, 0.75, 0.5, 0.25].into_iter().find_map(|share| takes(libm::pow(factor, share)))
    }
}

/// The value of a key in the first cell.
fn value(of: &Study, key: &str) -> Option<Value> {
    let mut m = of.texts.clone();
    let (merged, _) = of.loader.merged(&of.design.point(0), &mut m);
    merged.at(key).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Overrides;

    fn read(text: &str) -> Varied {
        Varied::read(text).expect("it can be varied")
    }

    #[test]
    fn a_key_is_asked_for_with_or_without_its_bounds() {
        let key = "checkpoint.coordinated.interval";
        let bare = Varied { key: key.to_owned(), from: None, to: None };
        assert_eq!(read(key), bare);
        let from = Some("\"30 min\"".to_owned());
        assert_eq!(
            read(&format!("{key}={{ from = \"30 min\" }}")),
            Varied { from, ..bare.clone() }
        );
        assert_eq!(bare.words()[0], "young");
        for (text, why) in [
            ("checkpoint.coordinated.intervall", "is no key"),
            ("checkpoint", "takes no numbers"),
            ("boot.method", "takes no numbers"),
            ("seed", "is no key"),
            ("stop.at=1 h..2 h", "are written"),
            ("stop.at={ from = \"1 h\", step = 3 }", "no `step`"),
        ] {
            let reported = Varied::read(text).expect_err(text);
            assert!(reported.contains(why), "{text}: {reported}");
        }
    }

    #[test]
    fn bounds_are_words_numbers_or_toml() {
        assert_eq!(
            ["30 min", "3", "1e3", "\"2 h\""].map(Varied::bound),
            ["\"30 min\"", "3", "1e3", "\"2 h\""]
        );
    }

    #[test]
    fn multiples_of_a_value_stay_within_what_the_key_takes() {
        let text = "schema = 1\ninherit = \"edge_rack_24\"\nstop.at = \"1 h\"\n\
                    network.tcp_share = 0.3\ncluster.modules = 4\n[[fault.crash]]\n\
                    on = \"node\"\nlifetime = { exponential = { mean = \"2 d\" } }\n";
        let study = Study::load_text("a", text, &Overrides::default()).expect("it is good");
        let times = |key: &str, factor| read(key).times(factor, &study);
        assert_eq!(times("stop.at", 16.0).as_deref(), Some("\"16 h\""));
        assert_eq!(times("stop.at", 1.0 / 16.0).as_deref(), Some("\"3 min 45 s\""));
        assert_eq!(times("cluster.modules", 1.0 / 16.0).as_deref(), Some("1"));
        assert_eq!(times("network.tcp_share", 16.0).as_deref(), Some("0.6"));
        assert_eq!(times("checkpoint.coordinated.interval", 2.0), None, "there is none");
        let mean = |rule: u32| times(&format!("fault.crash.{rule}.lifetime.exponential.mean"), 2.0);
        assert_eq!((mean(0).as_deref(), mean(1)), (Some("\"4 d\""), None), "a number is an item");
        let own = read("stop.at").own(&study).expect("it is there");
        assert_eq!((own.text.as_str(), own.number), ("1 h", Some(3_600.0)));
    }
}
