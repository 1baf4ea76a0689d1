//! The values of all settings.

use std::path::PathBuf;

use pusher_core::{Options, RedisAddress, RedisPrefix, SyncPolicy, TopicPattern};

use crate::log::{Format, Levels};
use crate::pusher_app::PusherApp;
use crate::tickets::KeyFile;

/// The values in use. The defaults are those here and in `pusher_core`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Config {
    pub(crate) options: Options,
    /// `None` is one thread per processor.
    pub(crate) threads: Option<usize>,
    pub(crate) tls_certificate: Option<PathBuf>,
    pub(crate) tls_key: Option<PathBuf>,
    pub(crate) client_publish: Vec<TopicPattern>,
    pub(crate) state_dir: Option<PathBuf>,
    pub(crate) fsync: SyncPolicy,
    pub(crate) redis: Option<RedisAddress>,
    pub(crate) redis_password_file: Option<PathBuf>,
    pub(crate) redis_prefix: RedisPrefix,
    pub(crate) ticket_key_file: KeyFile,
    pub(crate) pusher_app: Option<PusherApp>,
    pub(crate) log: Levels,
    pub(crate) log_format: Format,
}
