//! The setting `log`: a level for all, and levels for single crates.

use std::fmt;
use std::str::FromStr;

use tracing::Level;
use tracing_subscriber::filter::Targets;

/// All levels, the most important first.
const LEVELS: [(&str, Level); 5] = [
    ("error", Level::ERROR),
    ("warn", Level::WARN),
    ("info", Level::INFO),
    ("debug", Level::DEBUG),
    ("trace", Level::TRACE),
];

/// The crates that log.
const CRATES: [&str; 2] = ["pushd", "pusher_core"];

/// Lowest similarity (0 to 1) at which a name is suggested for an unknown word.
const ALIKE_MIN: f64 = 0.75;

/// Selects the lines that are logged, as in `info` or `info,pusher_core=debug`. No level switches errors off.
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

/// Why a text is not [`Levels`].
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LevelsError {
    #[error("unknown level {text:?}{}: the levels are error, warn, info, debug and trace", suggestion(*.meant))]
    Level {
        text: String,
        meant: Option<&'static str>,
    },
    #[error(
        "unknown crate {text:?}{}: the crates are pushd and pusher_core, as in info,pusher_core=debug",
        suggestion(*.meant)
    )]
    Crate {
        text: String,
        meant: Option<&'static str>,
    },
    #[error("{0:?} is the second level for all crates: give only one")]
    SecondLevel(String),
}

fn suggestion(meant: Option<&'static str>) -> String {
    meant.map_or_else(String::new, |name| format!(" (did you mean {name:?}?)"))
}

impl FromStr for Levels {
    type Err = LevelsError;

    fn from_str(text: &str) -> Result<Self, LevelsError> {
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
                        return Err(LevelsError::SecondLevel(part.to_owned()));
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

fn known_level(text: &str) -> Result<Level, LevelsError> {
    let known = LEVELS
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(text));
    known
        .map(|(_, level)| *level)
        .ok_or_else(|| LevelsError::Level {
            text: text.to_owned(),
            meant: nearest(text, LEVELS.map(|(name, _)| name)),
        })
}

/// Accepts a crate, or one of its modules as in `pusher_core::hub`.
fn known_target(text: &str) -> Result<&str, LevelsError> {
    let name = text.split("::").next().unwrap_or_default();
    match CRATES.contains(&name) {
        true => Ok(text),
        false => Err(LevelsError::Crate {
            text: text.to_owned(),
            meant: nearest(text, CRATES),
        }),
    }
}

/// Returns the most similar name, if any is similar enough.
fn nearest<const N: usize>(text: &str, names: [&'static str; N]) -> Option<&'static str> {
    let text = text.to_ascii_lowercase();
    let likeness = |name: &str| strsim::jaro_winkler(name, &text);
    let best = names
        .into_iter()
        .max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    best.filter(|name| likeness(name) >= ALIKE_MIN)
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
    fn crate_has_its_own_level() {
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
    fn typing_error_is_reported_with_the_nearest_name() {
        for (text, part) in [
            ("warning", "did you mean \"warn\"?"),
            ("err", "did you mean \"error\"?"),
            ("inof", "did you mean \"info\"?"),
            ("DEBG", "did you mean \"debug\"?"),
            ("off", "the levels are error, warn, info, debug and trace"),
            ("", "the levels are error, warn, info, debug and trace"),
            ("info,", "unknown level \"\""),
            ("info,warn", "\"warn\" is the second level"),
            ("3", "unknown level \"3\""),
            ("pushd", "unknown level \"pushd\""),
            ("pusher-core=debug", "did you mean \"pusher_core\"?"),
            ("hyper=debug", "unknown crate \"hyper\""),
            ("pushd=loud", "unknown level \"loud\""),
        ] {
            let error = text.parse::<Levels>().unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
