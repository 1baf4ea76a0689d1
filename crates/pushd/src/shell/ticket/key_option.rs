//! The option `--key-file`.

use std::path::PathBuf;

use clap::{Arg, ArgMatches, value_parser};

use crate::settings::Settings;
use crate::tickets::KeyFile;

/// The option `--key-file`.
pub(super) fn key_file() -> Arg {
    Arg::new("key-file")
        .long("key-file")
        .value_name("FILE")
        .value_parser(value_parser!(PathBuf))
        .help("The file with the keys. Default: that of the settings")
}

/// Returns the file of `--key-file`, or that of the settings.
pub(super) fn key_file_of(matches: &ArgMatches, settings: &Settings) -> KeyFile {
    let given = matches.get_one::<PathBuf>("key-file").cloned();
    given.map_or_else(|| settings.config.ticket_key_file.clone(), KeyFile::from)
}
