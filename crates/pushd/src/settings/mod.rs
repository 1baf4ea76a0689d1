//! The settings: one table, and three sources of values.
//!
//! | module | contents |
//! |---|---|
//! | `table` | all settings |
//! | `setting`, `config` | a row of the table; the values |
//! | `shapes`, `kinds`, `value_error` | number and syntax of values |
//! | `sources`, `file`, `environment` | reads the file, the variables and the flags |
//! | `origin` | the source of a value, and mistakes |
//! | `names` | finds settings by name |
//! | `in_force` | the current settings |
//! | `print`, `manual` | `--print-config`; the manual's sections |

mod config;
mod environment;
mod file;
mod in_force;
mod kinds;
mod names;
mod origin;
mod print;
mod setting;
mod shapes;
mod sources;
mod table;
mod value_error;

pub(crate) use config::Config;
pub(crate) use environment::PREFIX;
pub(crate) use in_force::Settings;
pub(crate) use origin::{Mistake, Origin};
pub(crate) use setting::{Part, Reload, Setting, variable};
pub(crate) use sources::Sources;
pub(crate) use table::SETTINGS;

#[cfg(test)]
mod manual;
#[cfg(test)]
mod tests;
