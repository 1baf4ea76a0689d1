//! One row of the table of settings.

use std::fmt;

use toml::Value;

use super::config::Config;
use super::value_error::ValueError;

/// A setting. Flag, variable and key of the file have the same name.
pub(crate) struct Setting {
    pub(crate) part: Part,
    /// The key in the file. The flag has `--` before it; for the variable see [`Setting::variable`].
    pub(crate) name: &'static str,
    /// The placeholder of the value in `--help`.
    pub(crate) value_name: &'static str,
    pub(crate) help: &'static str,
    pub(crate) is_list: bool,
    /// The value is never printed.
    pub(crate) is_secret: bool,
    pub(crate) reload: Reload,
    /// Parses the values and sets the field: one value, or any number for a list.
    pub(crate) set: fn(&mut Config, &[&str]) -> Result<(), ValueError>,
    /// Returns the value as TOML, if there is one.
    pub(crate) show: fn(&Config) -> Option<Value>,
}

/// The part of `--help` and of the manual that describes a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Listeners,
    Log,
    Limits,
}

/// The effect of SIGHUP on a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reload {
    /// The new value applies at once.
    Now,
    /// The new value applies after a restart.
    Restart,
}

impl Setting {
    /// Returns its name in the environment: `PUSHD_PING_INTERVAL` for `ping-interval`.
    pub(crate) fn variable(&self) -> String {
        variable(self.name)
    }

    /// Returns the text of its default, as `--help` and the manual show it.
    pub(crate) fn default(&self) -> Option<String> {
        let text = |value: &Value| {
            value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned)
        };
        match (self.show)(&Config::default())? {
            Value::Array(values) => values.first().map(text),
            value => Some(text(&value)),
        }
    }
}

impl fmt::Debug for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// Returns the variable for a name.
pub(crate) fn variable(name: &str) -> String {
    format!("PUSHD_{}", name.to_ascii_uppercase().replace('-', "_"))
}
