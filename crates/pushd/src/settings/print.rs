//! `--print-config`: what is in force, as a file that gives the same settings.

use std::fmt;

use super::setting::Setting;
use super::{SETTINGS, Settings};

impl fmt::Display for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        SETTINGS
            .iter()
            .try_for_each(|setting| self.write(f, setting))
    }
}

impl Settings {
    /// `name = value  # origin`. What has no value, or is secret, is a comment.
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
