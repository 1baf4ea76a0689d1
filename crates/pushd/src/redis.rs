//! The Redis server that the settings name.

use std::io;
use std::path::{Path, PathBuf};

use pusher_core::{RedisOptions, RedisPassword, open_regular_file};

use crate::settings::Config;

/// Why there is no password for Redis, although the settings name its file.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RedisPasswordError {
    #[error("redis-password-file has no effect: redis is missing")]
    RedisMissing,
    #[error("cannot read redis-password-file {}: {source}", file.display())]
    File { file: PathBuf, source: io::Error },
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
    if file.is_some() && config.redis.is_none() {
        return Err(RedisPasswordError::RedisMissing);
    }
    file.map(read_password).transpose()
}

fn read_password(file: &Path) -> Result<RedisPassword, RedisPasswordError> {
    let text = open_regular_file(file).and_then(io::read_to_string);
    let text = text.map_err(|source| RedisPasswordError::File {
        file: file.to_owned(),
        source,
    })?;
    Ok(RedisPassword::new(text.trim_end_matches(['\r', '\n'])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn password_is_that_of_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("password");
        let mut config = Config {
            redis_password_file: Some(file.clone()),
            ..Config::default()
        };
        let text = password(&config).unwrap_err().to_string();
        assert_eq!(text, "redis-password-file has no effect: redis is missing");
        config.redis = Some("redis://localhost".parse().unwrap());
        let text = password(&config).unwrap_err().to_string();
        assert!(text.contains(&file.display().to_string()), "{text}");
        std::fs::write(&file, "a s3cret \r\n").unwrap();
        let expected = Some(RedisPassword::new("a s3cret "));
        assert_eq!(password(&config).unwrap(), expected);
    }
}
