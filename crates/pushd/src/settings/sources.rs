//! Reads the settings from the file, the environment and the flags.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use super::config::Config;
use super::environment;
use super::file;
use super::in_force::Settings;
use super::names::find;
use super::origin::{Given, Mistake, Origin, Values};
use super::setting::Setting;
use super::table::SETTINGS;
use crate::paths;

/// The sources of settings. Only the content of the file can change while the process lives.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sources {
    /// The file that the operator named, if any.
    pub(crate) file: Option<PathBuf>,
    /// Variables with the prefix `PUSHD_`.
    pub(crate) environment: Vec<(String, OsString)>,
    /// The values of the flags, by name.
    pub(crate) flags: BTreeMap<&'static str, Vec<String>>,
}

impl Sources {
    /// Reads the file and merges it with the variables and flags. Returns all mistakes at once.
    pub(crate) fn load(&self) -> Result<Settings, Vec<Mistake>> {
        let (mut given, mut mistakes) = self.read_file()?;
        let mut service_links = Vec::new();
        for (variable, value) in &self.environment {
            let origin = Origin::Environment {
                variable: variable.clone(),
            };
            let Some(setting) = SETTINGS.iter().find(|known| known.variable() == *variable) else {
                match environment::is_service_link(variable, &value.to_string_lossy()) {
                    true => service_links.push(variable.clone()),
                    false => mistakes.push(Mistake::new(origin, environment::unknown(variable))),
                }
                continue;
            };
            match value.to_str() {
                Some(text) => given.push((
                    setting,
                    Given {
                        texts: split(setting, text),
                        origin,
                    },
                )),
                None => mistakes.push(Mistake::new(origin, "the value is not valid UTF-8")),
            }
        }
        for (&name, texts) in &self.flags {
            let Some(setting) = find(name) else {
                continue;
            };
            let (texts, origin) = (texts.clone(), Origin::Flag { name });
            given.push((setting, Given { texts, origin }));
        }
        let config = merge(&given, &mut mistakes);
        if !mistakes.is_empty() {
            mistakes.sort_by_key(Mistake::line);
            return Err(mistakes);
        }
        let given = given.into_iter();
        Ok(Settings {
            config,
            given: given
                .map(|(setting, given)| (setting.name, given))
                .collect(),
            service_links,
        })
    }

    fn read_file(&self) -> Result<(Values, Vec<Mistake>), Vec<Mistake>> {
        let path = self.path();
        match file::read(&path) {
            Ok(read) => Ok(read),
            Err(error) if self.file.is_none() && error.kind() == std::io::ErrorKind::NotFound => {
                Ok(Default::default())
            }
            Err(error) => {
                let what = format!("cannot read it: {error}");
                Err(vec![Mistake::new(Origin::File { path, line: 0 }, what)])
            }
        }
    }

    /// Returns the path of the file, whether or not it exists.
    pub(crate) fn path(&self) -> PathBuf {
        self.file.clone().unwrap_or_else(paths::settings_file)
    }
}

/// Splits the value of a variable: the items of a list are separated by commas.
fn split(setting: &Setting, text: &str) -> Vec<String> {
    if !setting.is_list {
        return vec![text.to_owned()];
    }
    let parts = text.split(',').map(str::trim);
    parts
        .filter(|part| !part.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Returns whether a text looks like a URL with a password. A wrong one is none that its own type could tell.
fn has_login(text: &str) -> bool {
    text.contains('@') || text.contains("pass=")
}

/// Applies the values in order, so that later ones override earlier ones. Reports mistakes in overridden values too.
fn merge(given: &[(&'static Setting, Given)], mistakes: &mut Vec<Mistake>) -> Config {
    let mut config = Config::default();
    for (setting, Given { texts, origin }) in given {
        let slices: Vec<&str> = texts.iter().map(String::as_str).collect();
        if let Err(error) = (setting.set)(&mut config, &slices) {
            let texts_are_secret = setting.is_secret || texts.iter().any(|text| has_login(text));
            let what = match texts_are_secret {
                true => format!("{}: {error}", setting.name),
                false => format!("{} = {:?}: {error}", setting.name, texts.join(",")),
            };
            mistakes.push(Mistake::new(origin.clone(), what));
        }
    }
    let limits = &config.options.live.limits;
    if mistakes.is_empty() && limits.publish_len_max < limits.event_len_max {
        let origin = |name: &str| {
            let found = given.iter().rev().find(|(setting, _)| setting.name == name);
            found.map(|(_, given)| given.origin.clone())
        };
        if let Some(origin) = origin("event-len-max").or_else(|| origin("publish-len-max")) {
            let what = format!(
                "event-len-max is {} bytes and publish-len-max is {}: set publish-len-max to at least 4KiB more than event-len-max",
                limits.event_len_max, limits.publish_len_max
            );
            mistakes.push(Mistake::new(origin, what));
        }
    }
    config
}
