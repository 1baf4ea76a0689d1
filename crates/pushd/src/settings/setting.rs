//! What a setting is, and its names.

use std::fmt;

use toml::Value;

use super::table::{Config, SETTINGS};

/// How alike two names must be for one to be taken for the other, from 0 to 1.
const ALIKE_MIN: f64 = 0.75;

/// One setting, by whatever way it is given.
pub(crate) struct Setting {
    pub(crate) part: Part,
    /// The file's key; the flag, with `--` before it; and the variable, see [`Setting::variable`].
    pub(crate) name: &'static str,
    /// What `--help` calls its value.
    pub(crate) value_name: &'static str,
    pub(crate) help: &'static str,
    pub(crate) is_list: bool,
    /// Never shown.
    pub(crate) is_secret: bool,
    pub(crate) reload: Reload,
    /// Sets it from texts: one, or as many as there are for a list.
    pub(crate) set: fn(&mut Config, &[&str]) -> Result<(), String>,
    /// Its value, if it has one.
    pub(crate) show: fn(&Config) -> Option<Value>,
}

/// Where `--help` tells of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Doors,
    Log,
    Limits,
}

/// What SIGHUP does about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reload {
    /// It is in force at once.
    Now,
    /// It waits for the next start.
    Restart,
}

impl Setting {
    /// Its name in the environment: `PUSHD_PING_INTERVAL` for `ping-interval`.
    pub(crate) fn variable(&self) -> String {
        variable(self.name)
    }

    pub(crate) fn find(name: &str) -> Option<&'static Self> {
        SETTINGS.iter().find(|setting| setting.name == name)
    }
}

impl fmt::Debug for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// A name as the environment has it.
pub(crate) fn variable(name: &str) -> String {
    format!("PUSHD_{}", name.to_ascii_uppercase().replace('-', "_"))
}

/// The name that was probably meant.
pub(crate) fn nearest(name: &str) -> Option<&'static str> {
    let likeness = |setting: &Setting| strsim::jaro_winkler(setting.name, name);
    let best = SETTINGS
        .iter()
        .max_by(|a, b| likeness(a).total_cmp(&likeness(b)))?;
    (likeness(best) >= ALIKE_MIN).then_some(best.name)
}
