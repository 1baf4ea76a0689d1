//! `--print-config`: the current settings, as a file that gives the same settings.

use std::fmt;

use super::in_force::Settings;
use super::setting::Setting;
use super::table::SETTINGS;

impl fmt::Display for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        SETTINGS
            .iter()
            .try_for_each(|setting| self.write(f, setting))
    }
}

impl Settings {
    /// Writes `name = value  # origin`. A setting without a value, or with a secret one, becomes a comment.
    fn write(&self, f: &mut fmt::Formatter<'_>, setting: &Setting) -> fmt::Result {
        let name = setting.name;
        match (setting.show)(&self.config) {
            None => write!(f, "# {name} =")?,
            Some(value) if setting.is_secret => write!(f, "# {name} = {value}")?,
            Some(value) => write!(f, "{name} = {value}")?,
        }
        match self.given.get(name) {
            Some(given) => writeln!(f, "  # {}", given.origin),
            None => writeln!(f, "  # default"),
        }
    }
}
