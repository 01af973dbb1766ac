//! A workload of the simulator Batsim, in JSON: jobs, and profiles that say what they compute.
//!
//! ```text
//! { "nb_res": 4,
//!   "jobs": [{ "id": "1", "subtime": 10, "walltime": 100, "res": 4, "profile": "wait" }],
//!   "profiles": { "wait": { "type": "delay", "delay": 20.25 } } }
//! ```
//!
//! | profile | computing |
//! |---|---|
//! | `delay` | `delay` seconds |
//! | `parallel_homogeneous` | `cpu / flops`, without `com` |
//! | `parallel_homogeneous_total` | `cpu / res / flops`, without `com` |
//! | `parallel` | the most of `cpu`, `/ flops`, without `com` |
//! | `composed` | what its `seq` takes, `repeat` times |
//!
//! With the strategy `DefinedAmountsSpreadUniformly` the second is as the third. Older and newer
//! versions call them by other names (`msg_par_hg`,
//! `ParallelTaskHomogeneousProfile`), which are read as well. A job of any other profile, or one
//! that communicates, cannot be played.
//!
//! Source: Batsim's documentation, `docs/input-workload.rst` and `docs/changelog.rst` of
//! github.com/oar-team/batsim.
//!
//! Not modelled: communication, traces, staging and storage of profiles; `ret`: a job that fails
//! after its computing has used its nodes all the same; any further field of a job.

use serde_json::{Map, Value};

use super::{Row, Rows, clipped, seconds, whole_nodes};

/// How deep sequences may lie in each other.
const DEPTH: u32 = 8;

/// The jobs of such a workload.
pub(super) fn rows(text: &str, processors: u32, flops: Option<f64>) -> Result<Rows, String> {
    let all: Value = serde_json::from_str(text).map_err(|error| format!("no JSON: {error}"))?;
    let jobs = all.get("jobs").and_then(Value::as_array);
    let jobs = jobs.ok_or("a workload of Batsim has a list `jobs`, and this has none")?;
    let profiles = all.get("profiles").and_then(Value::as_object);
    let profiles = profiles.ok_or("a workload of Batsim has `profiles`, and this has none")?;
    let mut rows = Rows { is_json: true, ..Rows::default() };
    for (number, own) in (1..).zip(jobs) {
        let row = job(own, profiles, (processors, flops));
        rows.add(number, row.map(|row| Row { line: number, ..row }));
    }
    Ok(rows)
}

fn job(
    own: &Value,
    profiles: &Map<String, Value>,
    (processors, flops): (u32, Option<f64>),
) -> Result<Row, String> {
    let name = match own.get("id") {
        Some(Value::String(text)) if !text.is_empty() => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => return Err("it has no `id`".to_owned()),
    };
    let number = |key: &str| own.get(key).and_then(Value::as_f64);
    let submit = seconds(number("subtime").ok_or("it has no `subtime`")?)?;
    let resources = number("res").filter(|it| *it >= 1.0).ok_or("it has no `res`")?;
    let profile = own.get("profile").and_then(Value::as_str).ok_or("it has no `profile`")?;
    let of = Computing { profiles, resources, flops };
    let work = seconds(of.seconds(profile, 0)?)?;
    if work.0 == 0 {
        return Err(format!("its profile `{}` computes nothing", clipped(profile)));
    }
    // Some give -1 for none.
    let walltime = number("walltime").filter(|it| *it > 0.0).map(seconds).transpose()?;
    let nodes = whole_nodes(resources, processors);
    Ok(Row { name, submit, nodes, work, walltime, ..Row::default() })
}

/// What a profile computes on so many resources.
struct Computing<'a> {
    profiles: &'a Map<String, Value>,
    resources: f64,
    flops: Option<f64>,
}

impl Computing<'_> {
    /// How long it takes (s).
    fn seconds(&self, name: &str, depth: u32) -> Result<f64, String> {
        let shown = clipped(name);
        let own =
            self.profiles.get(name).ok_or_else(|| format!("there is no profile `{shown}`"))?;
        let kind = own.get("type").and_then(Value::as_str);
        let kind = kind.ok_or_else(|| format!("profile `{shown}` has no `type`"))?;
        let lacks = |key: &str| format!("profile `{shown}` has no `{key}`");
        let number = |key: &str| own.get(key).and_then(Value::as_f64).ok_or_else(|| lacks(key));
        let strategy = own.get("generation_strategy").and_then(Value::as_str);
        let spread = strategy == Some("DefinedAmountsSpreadUniformly");
        match kind {
            "delay" | "DelayProfile" => number("delay"),
            "parallel_homogeneous" | "msg_par_hg" | "ParallelTaskHomogeneousProfile" => {
                self.is_silent(own, &shown)?;
                let share = if spread { self.resources } else { 1.0 };
                Ok(number("cpu")? / share / self.rate(&shown)?)
            }
            "parallel_homogeneous_total" | "msg_par_hg_tot" => {
                self.is_silent(own, &shown)?;
                Ok(number("cpu")? / self.resources / self.rate(&shown)?)
            }
            "parallel" | "msg_par" | "ParallelTaskProfile" => {
                self.is_silent(own, &shown)?;
                let cpu = own.get("cpu").and_then(Value::as_array).ok_or_else(|| lacks("cpu"))?;
                let most = cpu.iter().filter_map(Value::as_f64).fold(0.0, f64::max);
                Ok(most / self.rate(&shown)?)
            }
            "composed" | "SequentialCompositionProfile" if depth < DEPTH => {
                let seq = own.get("seq").and_then(Value::as_array).ok_or_else(|| lacks("seq"))?;
                let repeat = own.get("repeat").or(own.get("nb")).and_then(Value::as_f64);
                let mut sum = 0.0;
                for part in seq {
                    let part = part.as_str().ok_or_else(|| lacks("seq"))?;
                    sum += self.seconds(part, depth + 1)?;
                }
                Ok(sum * repeat.unwrap_or(1.0))
            }
            _ => Err(format!("profile `{shown}` of the type `{}` is not played", clipped(kind))),
        }
    }

    /// Refuses a profile whose resources send to each other.
    fn is_silent(&self, own: &Value, shown: &str) -> Result<(), String> {
        let sends = |value: &Value| value.as_f64().is_some_and(|it| it > 0.0);
        let com = own.get("com");
        let list = com.and_then(Value::as_array).is_some_and(|all| all.iter().any(sends));
        if self.resources > 1.0 && (list || com.is_some_and(sends)) {
            return Err(format!("profile `{shown}` communicates (`com`), which is not played"));
        }
        Ok(())
    }

    fn rate(&self, shown: &str) -> Result<f64, String> {
        let without = || format!("profile `{shown}` counts operations: give `flops`");
        self.flops.ok_or_else(without)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Span;

    const PROFILES: &str = r#""profiles": {
        "wait": {"type": "delay", "delay": 20.25},
        "new": {"type": "DelayProfile", "delay": 1},
        "flat": {"type": "parallel_homogeneous", "cpu": 1e10, "com": 0},
        "all": {"type": "ParallelTaskHomogeneousProfile", "cpu": 4e10, "com": 0,
                "generation_strategy": "DefinedAmountsSpreadUniformly"},
        "total": {"type": "parallel_homogeneous_total", "cpu": 4e10, "com": 0},
        "each": {"type": "parallel", "cpu": [1e9, 3e9], "com": [0, 0, 0, 0]},
        "seq": {"type": "composed", "seq": ["wait", "flat"], "repeat": 2},
        "endless": {"type": "composed", "seq": ["endless"]},
        "nothing": {"type": "delay", "delay": 0},
        "talks": {"type": "parallel_homogeneous", "cpu": 1e10, "com": 1e6},
        "trace": {"type": "smpi", "trace": "a.txt"},
        "staged": {"type": "data_staging", "nb_bytes": 1, "from": "a", "to": "b"}
    }"#;

    fn of(profile: &str, flops: Option<f64>) -> Rows {
        let job = format!(
            r#"{{"id": 1, "subtime": 10, "res": 2, "walltime": -1,
                               "profile": "{profile}"}}"#
        );
        let text = format!(r#"{{"nb_res": 4, "jobs": [{job}], {PROFILES}}}"#);
        rows(&text, 1, flops).expect("it is a workload")
    }

    #[test]
    fn a_profile_takes_as_long_as_it_says() {
        for (profile, millis) in [
            ("wait", 20_250),
            ("new", 1_000),
            ("flat", 10_000),
            ("all", 20_000),
            ("total", 20_000),
            ("each", 3_000),
            ("seq", 60_500),
        ] {
            let rows = of(profile, Some(1e9));
            let [row] = &rows.good[..] else { panic!("{profile}: {rows:?}") };
            assert_eq!((row.work, row.nodes), (Span::from_millis(millis), 2), "{profile}");
            assert_eq!((row.submit, row.walltime), (Span::from_secs(10), None));
        }
    }

    #[test]
    fn a_profile_that_is_not_played_is_refused_by_name() {
        for (profile, wanted) in [
            ("talks", "profile `talks` communicates (`com`), which is not played"),
            ("trace", "profile `trace` of the type `smpi` is not played"),
            ("staged", "profile `staged` of the type `data_staging` is not played"),
            ("endless", "profile `endless` of the type `composed` is not played"),
            ("nothing", "its profile `nothing` computes nothing"),
            ("none", "there is no profile `none`"),
        ] {
            assert_eq!(of(profile, Some(1e9)).flaws, [(1, wanted.to_owned())]);
        }
        let wanted = "profile `flat` counts operations: give `flops`";
        assert_eq!(of("flat", None).flaws, [(1, wanted.to_owned())]);
    }

    #[test]
    fn a_text_that_is_no_workload_says_why() {
        for (text, wanted) in [
            ("{", "no JSON: EOF while parsing an object at line 1 column 1"),
            ("[]", "a workload of Batsim has a list `jobs`, and this has none"),
            (r#"{"jobs": []}"#, "a workload of Batsim has `profiles`, and this has none"),
        ] {
            assert_eq!(rows(text, 1, None).unwrap_err(), wanted);
        }
        let text = r#"{"jobs": [{"id": "a!1", "subtime": -1, "res": 1, "profile": "p"}, {}, 3],
                       "profiles": {}}"#;
        let rows = rows(text, 1, None).unwrap();
        let what: Vec<_> = rows.flaws.iter().map(|it| it.1.as_str()).collect();
        assert_eq!(what, ["-1 s is no time", "it has no `id`", "it has no `id`"]);
    }
}
