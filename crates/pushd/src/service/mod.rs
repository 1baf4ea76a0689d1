//! The daemon as a service of Windows.
//!
//! | module | contents |
//! |---|---|
//! | `command` | `pushd service install` and `remove` |
//! | `folders` | the folders of the service |
//! | `running` | `pushd service run`: what Windows starts |

mod command;
mod folders;
mod running;

pub(crate) use command::{NAME, command, run};
