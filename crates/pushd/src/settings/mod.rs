//! Settings: where they come from, and which are in force.
//!
//! | file | what |
//! |---|---|
//! | `table` | every setting, in one table |
//! | `setting` | what a setting is, and its names |
//! | `shapes`, `kinds` | how many values, and how they are written |
//! | `file` | the TOML file |
//! | `environment` | variables that are no settings |
//! | `print` | `--print-config` |

mod environment;
mod file;
mod kinds;
mod print;
mod setting;
mod shapes;
mod table;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use crate::plain::plain;

pub(crate) use environment::PREFIX;
pub(crate) use setting::{Part, Reload, Setting, variable};
pub(crate) use table::{Config, SETTINGS};

/// The file that is read if it is there and no other is named.
pub(crate) const DEFAULT_FILE: &str = "/etc/pushd/pushd.toml";

/// Where a value comes from. What stands later here has the last word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    File { path: PathBuf, line: usize },
    Environment { variable: String },
    Flag { name: &'static str },
}

/// A value as it was written, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Given {
    pub(crate) texts: Vec<String>,
    pub(crate) origin: Origin,
}

/// Values with what they are for, in any order.
type Values = Vec<(&'static Setting, Given)>;

/// What is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mistake {
    origin: Origin,
    what: String,
}

/// What does not change as long as the process lives; the file does.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    /// The file that the operator named.
    pub(crate) file: Option<PathBuf>,
    /// Variables whose names begin with `PUSHD_`.
    pub(crate) environment: Vec<(String, OsString)>,
    /// By the settings' names.
    pub(crate) flags: BTreeMap<&'static str, Vec<String>>,
}

/// What is in force, and why.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) config: Config,
    /// What was given, by name; the rest are defaults.
    pub(crate) given: BTreeMap<&'static str, Given>,
    /// Variables that Kubernetes has set.
    service_links: Vec<String>,
}

impl Sources {
    /// Reads the file and puts everything together.
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
            let Some(setting) = Setting::find(name) else {
                continue;
            };
            let (texts, origin) = (texts.clone(), Origin::Flag { name });
            given.push((setting, Given { texts, origin }));
        }
        let config = put_together(&given, &mut mistakes);
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

    /// The file that is read, if it is there.
    pub(crate) fn path(&self) -> PathBuf {
        self.file.clone().unwrap_or_else(|| DEFAULT_FILE.into())
    }
}

impl Settings {
    /// What is probably not meant so.
    pub(crate) fn warnings(&self) -> impl Iterator<Item = String> {
        let exposed_token = exposed_token(self.given.get("publish-token"));
        environment::service_links(&self.service_links)
            .into_iter()
            .chain(exposed_token)
    }

    /// The publishers' secret as it was written: what the server makes of it can't be read back.
    pub(crate) fn publish_token(&self) -> Option<&str> {
        let given = self.given.get("publish-token")?;
        given.texts.first().map(String::as_str)
    }

    /// The value as it is shown, and where it comes from; secrets as they were written.
    fn value(&self, setting: &Setting) -> (String, Option<&Origin>) {
        let given = self.given.get(setting.name);
        let value = match given {
            Some(given) if setting.is_secret => given.texts.join(","),
            _ => (setting.show)(&self.config).map_or_else(|| "none".to_owned(), |v| v.to_string()),
        };
        (value, given.map(|given| &given.origin))
    }

    /// The settings that are others than before, each with both values; secrets without.
    pub(crate) fn changes<'a>(
        &'a self,
        before: &'a Self,
    ) -> impl Iterator<Item = (&'static Setting, String, String)> + 'a {
        SETTINGS.iter().filter_map(|setting| {
            let (old, new) = (before.value(setting).0, self.value(setting).0);
            if old == new {
                return None;
            }
            Some(match setting.is_secret {
                true => (setting, "********".to_owned(), "********".to_owned()),
                false => (setting, old, new),
            })
        })
    }
}

/// The values of a variable: a list has commas.
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

/// The values in their order: what stands later has the last word, but every mistake counts.
fn put_together(given: &[(&'static Setting, Given)], mistakes: &mut Vec<Mistake>) -> Config {
    let mut config = Config::default();
    for (setting, Given { texts, origin }) in given {
        let slices: Vec<&str> = texts.iter().map(String::as_str).collect();
        if let Err(error) = (setting.set)(&mut config, &slices) {
            let what = match setting.is_secret {
                true => format!("{}: {error}", setting.name),
                false => format!("{} = {:?}: {error}", setting.name, texts.join(",")),
            };
            mistakes.push(Mistake::new(origin.clone(), what));
        }
    }
    let limits = &config.options.limits;
    if mistakes.is_empty() && limits.publish_len_max < limits.event_len_max {
        let origin = |name: &str| {
            let found = given.iter().rev().find(|(setting, _)| setting.name == name);
            found.map(|(_, given)| given.origin.clone())
        };
        if let Some(origin) = origin("event-len-max").or_else(|| origin("publish-len-max")) {
            let what = format!(
                "event-len-max is {} and publish-len-max only {} bytes: raise the second too, by 4KiB more",
                limits.event_len_max, limits.publish_len_max
            );
            mistakes.push(Mistake::new(origin, what));
        }
    }
    config
}

impl Mistake {
    fn new(origin: Origin, what: impl Into<String>) -> Self {
        let what = what.into();
        Self { origin, what }
    }

    /// In the file, which comes first.
    fn line(&self) -> usize {
        match self.origin {
            Origin::File { line, .. } => line,
            _ => usize::MAX,
        }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.origin, self.what)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, line: 0 } => write!(f, "{}", shown(path)),
            Self::File { path, line } => write!(f, "{}:{line}", shown(path)),
            Self::Environment { variable } => write!(f, "environment {variable}"),
            Self::Flag { name } => write!(f, "flag --{name}"),
        }
    }
}

/// A path in one line.
fn shown(path: &Path) -> String {
    plain(&path.to_string_lossy())
}

/// Warns of a file with the publishers' secret that everybody may read.
#[cfg(unix)]
fn exposed_token(given: Option<&Given>) -> Option<String> {
    use std::os::unix::fs::PermissionsExt;
    let Origin::File { path, .. } = &given?.origin else {
        return None;
    };
    let mode = std::fs::metadata(path).ok()?.permissions().mode();
    let is_exposed = mode & 0o004 != 0;
    is_exposed.then(|| {
        format!(
            "{}: everybody may read the publish-token in it: chmod o-r",
            shown(path)
        )
    })
}

#[cfg(not(unix))]
fn exposed_token(_given: Option<&Given>) -> Option<String> {
    None
}

#[cfg(test)]
mod tests;
