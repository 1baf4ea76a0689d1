//! The folders of the service, and who may use them.

use std::fs;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::paths;

/// Security identifier of the account that runs the service.
const LOCAL_SERVICE: &str = "*S-1-5-19";

/// Security identifier of all users: each of their web servers may leave events in the spool.
const USERS: &str = "*S-1-5-32-545";

/// Makes the folders. Returns a warning for each whose permissions could not be set.
pub(super) fn make() -> io::Result<Vec<String>> {
    let mut warnings = Vec::new();
    for (folder, user) in [
        (paths::data_folder(), LOCAL_SERVICE),
        (paths::spool(), LOCAL_SERVICE),
        (paths::spool(), USERS),
    ] {
        fs::create_dir_all(&folder)?;
        if let Err(reason) = allow(&folder, user) {
            warnings.push(format!(
                "cannot let {} use {}: {reason}",
                user.trim_start_matches('*'),
                folder.display()
            ));
        }
    }
    Ok(warnings)
}

/// Lets a user change everything in a folder.
fn allow(folder: &Path, user: &str) -> Result<(), String> {
    let status = Command::new("icacls")
        .arg(folder)
        .args(["/grant", &format!("{user}:(OI)(CI)M"), "/Q"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("icacls ended with {status}")),
        Err(error) => Err(format!("icacls: {error}")),
    }
}
