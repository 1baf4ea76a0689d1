//! Updates that keep the connections: this process becomes the new program, with the same process id.
//!
//! | module | contents |
//! |---|---|
//! | `program` | the path of the program, and whether another file is there now |
//! | `upgrader` | asks the new program whether it can continue, then stops the server |
//! | `passage` | passes state and sockets to the new program |
//! | `replace` | the replacement of this program |

#[cfg(not(unix))]
mod absent;
#[cfg(unix)]
mod passage;
#[cfg(unix)]
mod program;
#[cfg(unix)]
mod replace;
#[cfg(unix)]
mod upgrader;

#[cfg(not(unix))]
pub(crate) use absent::{Program, SignalsHeld, Upgrader, knows, received, replace};
#[cfg(unix)]
pub(crate) use passage::received;
#[cfg(unix)]
pub(crate) use program::Program;
#[cfg(unix)]
pub(crate) use replace::{SignalsHeld, replace};
#[cfg(unix)]
pub(crate) use upgrader::{Upgrader, knows};

/// The flag with which a running daemon asks a new program whether it knows a format of the state.
pub(crate) const CHECK: &str = "check-handover";

/// The variable that tells a program that it takes over. Its value is the process id, which stays the same.
pub(crate) const VARIABLE: &str = "PUSHD_HANDOVER";
