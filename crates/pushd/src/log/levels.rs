//! The setting `log`: a level, and levels of single crates.

use std::fmt;
use std::str::FromStr;

use tracing::Level;
use tracing_subscriber::filter::Targets;

/// Every level, the most important first.
const LEVELS: [(&str, Level); 5] = [
    ("error", Level::ERROR),
    ("warn", Level::WARN),
    ("info", Level::INFO),
    ("debug", Level::DEBUG),
    ("trace", Level::TRACE),
];

/// The crates that log.
const CRATES: [&str; 2] = ["pushd", "pusher_core"];

/// How alike two words must be for one to be taken for the other, from 0 to 1.
const ALIKE_MIN: f64 = 0.75;

/// Which lines are logged, as in `info` or `info,pusher_core=debug`. Errors always are: there is no level below.
#[derive(Debug, Clone)]
pub(crate) struct Levels {
    text: String,
    targets: Targets,
}

impl Levels {
    pub(super) fn targets(&self) -> Targets {
        self.targets.clone()
    }
}

impl Default for Levels {
    fn default() -> Self {
        Self {
            text: "info".to_owned(),
            targets: Targets::new().with_default(Level::INFO),
        }
    }
}

impl FromStr for Levels {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut default = None;
        let mut targets = Targets::new();
        for part in text.split(',').map(str::trim) {
            match part.split_once('=') {
                Some((target, level)) => {
                    targets = targets.with_target(known_target(target)?, known_level(level)?);
                }
                None => {
                    let level = known_level(part)?;
                    if default.replace(level).is_some() {
                        return Err(format!("{part:?} is the second level; give one for all"));
                    }
                }
            }
        }
        Ok(Self {
            text: text.to_owned(),
            targets: targets.with_default(default.unwrap_or(Level::INFO)),
        })
    }
}

impl fmt::Display for Levels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn known_level(text: &str) -> Result<Level, String> {
    let known = LEVELS
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(text));
    known.map(|(_, level)| *level).ok_or_else(|| {
        let meant = meant(text, LEVELS.map(|(name, _)| name));
        format!(
            "there is no level {text:?}{meant}: error, warn, info, debug and trace are possible"
        )
    })
}

/// A crate, or one of its modules as in `pusher_core::hub`.
fn known_target(text: &str) -> Result<&str, String> {
    let name = text.split("::").next().unwrap_or_default();
    match CRATES.contains(&name) {
        true => Ok(text),
        false => Err(format!(
            "nothing logs as {text:?}{}: pushd and pusher_core do, as in info,pusher_core=debug",
            meant(text, CRATES)
        )),
    }
}

fn meant<const N: usize>(text: &str, names: [&str; N]) -> String {
    let text = text.to_ascii_lowercase();
    let likeness = |name: &str| strsim::jaro_winkler(name, &text);
    let best = names
        .into_iter()
        .max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    let best = best.filter(|name| likeness(name) >= ALIKE_MIN);
    best.map_or_else(String::new, |name| format!("; is {name:?} meant?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_always_logged() {
        for text in [
            "error",
            "pusher_core=debug",
            "pushd=error,pusher_core=error",
        ] {
            let levels: Levels = text.parse().unwrap();
            for target in CRATES {
                assert!(levels.targets.would_enable(target, &Level::ERROR), "{text}");
            }
        }
    }

    #[test]
    fn a_crate_may_have_a_level_of_its_own() {
        let levels: Levels = "WARN, pusher_core::hub=trace".parse().unwrap();
        for (target, level, is_logged) in [
            ("pushd", Level::WARN, true),
            ("pushd", Level::INFO, false),
            ("pusher_core", Level::INFO, false),
            ("pusher_core::hub", Level::TRACE, true),
        ] {
            let enabled = levels.targets.would_enable(target, &level);
            assert_eq!(enabled, is_logged, "{target} {level}");
        }
        let levels: Levels = "pusher_core=debug".parse().unwrap();
        assert!(levels.targets.would_enable("pushd", &Level::INFO));
        assert_eq!(levels.to_string(), "pusher_core=debug");
    }

    #[test]
    fn a_typing_error_is_told_with_the_nearest_name() {
        for (text, part) in [
            ("warning", "is \"warn\" meant?"),
            ("err", "is \"error\" meant?"),
            ("inof", "is \"info\" meant?"),
            ("DEBG", "is \"debug\" meant?"),
            ("off", "error, warn, info, debug and trace are possible"),
            ("", "error, warn, info, debug and trace are possible"),
            ("info,", "there is no level \"\""),
            ("info,warn", "\"warn\" is the second level"),
            ("3", "there is no level \"3\""),
            ("pushd", "there is no level \"pushd\""),
            ("pusher-core=debug", "is \"pusher_core\" meant?"),
            ("hyper=debug", "nothing logs as \"hyper\""),
            ("pushd=loud", "there is no level \"loud\""),
        ] {
            let error = text.parse::<Levels>().unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
