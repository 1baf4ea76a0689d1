//! The Redis server that the settings name.

use std::io;
use std::path::{Path, PathBuf};

use pusher_core::{RedisOptions, RedisPassword};

use crate::settings::Config;

/// Why the password for Redis cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read redis-password-file {}: {source}", file.display())]
pub(crate) struct RedisPasswordError {
    file: PathBuf,
    source: io::Error,
}

/// Returns the options of the Redis server. `None` if there is none.
pub(crate) fn options(config: &Config) -> Option<RedisOptions> {
    let mut options = RedisOptions::new(config.redis.clone()?);
    options.prefix = config.redis_prefix.clone();
    Some(options)
}

/// Reads the password. An end of line at its end does not count.
pub(crate) fn password(config: &Config) -> Result<Option<RedisPassword>, RedisPasswordError> {
    let file = config.redis_password_file.as_deref();
    file.map(read_password).transpose()
}

fn read_password(file: &Path) -> Result<RedisPassword, RedisPasswordError> {
    let text = std::fs::read_to_string(file).map_err(|source| RedisPasswordError {
        file: file.to_owned(),
        source,
    })?;
    Ok(RedisPassword::new(text.trim_end_matches(['\r', '\n'])))
}
