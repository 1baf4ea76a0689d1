//! Where the packages put files.

use std::path::PathBuf;

/// Returns the settings file. It is read if it exists and no other is named.
pub(crate) fn settings_file() -> PathBuf {
    in_settings("pushd.toml")
}

/// Returns the file with the keys of tickets.
pub(crate) fn key_file() -> PathBuf {
    in_settings("ticket.keys")
}

#[cfg(unix)]
fn in_settings(name: &str) -> PathBuf {
    PathBuf::from("/etc/pushd").join(name)
}

#[cfg(windows)]
fn in_settings(name: &str) -> PathBuf {
    data_folder().join(name)
}

/// Returns the spool.
#[cfg(unix)]
pub(crate) fn spool() -> PathBuf {
    PathBuf::from("/var/spool/pushd")
}

/// Returns the spool.
#[cfg(windows)]
pub(crate) fn spool() -> PathBuf {
    data_folder().join("spool")
}

/// Returns the log of the service, which has no standard error.
#[cfg(windows)]
pub(crate) fn log_file() -> PathBuf {
    data_folder().join("pushd.log")
}

/// Returns the folder for everything but the program.
#[cfg(windows)]
pub(crate) fn data_folder() -> PathBuf {
    let data = known_folders::get_known_folder_path(known_folders::KnownFolder::ProgramData);
    data.unwrap_or_else(|| r"C:\ProgramData".into())
        .join("pushd")
}
