//! Tickets, and the file with the keys that sign them. The site reads the file, too.
//!
//! | module | contents |
//! |---|---|
//! | `key_file` | where the file is, and the keys in it |
//! | `change` | replaces the file: a new file, a new key, another key that signs |

mod change;
mod key_file;

use std::time::{SystemTime, UNIX_EPOCH};

pub(crate) use change::{Added, ChangeError, add, create, use_new};
pub(crate) use key_file::{KeyFile, KeyFileError};

/// Returns the present Unix time in seconds, at which tickets are signed and verified.
pub(crate) fn now_s() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}
