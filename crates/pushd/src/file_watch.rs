//! Notices when a file with a certificate, keys or a secret is replaced.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::pusher_app::PusherApp;
use crate::settings::Config;

/// How often the files are checked for changes.
const INTERVAL: Duration = Duration::from_secs(5);

/// Modification time and length of a file. `None` if the file does not exist.
type Fingerprint = Option<(SystemTime, u64)>;

/// The watched files. Programs that renew certificates replace them without a signal.
#[derive(Debug, Default)]
pub(crate) struct FileWatch {
    files: Vec<(PathBuf, Fingerprint)>,
}

impl FileWatch {
    /// Watches the certificate, its key, the keys of tickets and the secret of `pusher-app`, from their current state on.
    pub(crate) fn new(config: &Config) -> Self {
        let of_tls = [&config.tls_certificate, &config.tls_key];
        let paths = of_tls.into_iter().flatten().map(PathBuf::as_path);
        let secret = config.pusher_app.as_ref().map(PusherApp::secret_file);
        let paths = paths.chain([config.ticket_key_file.path()]).chain(secret);
        let files = paths
            .map(|path| (path.to_owned(), fingerprint(path)))
            .collect();
        Self { files }
    }

    /// Returns when a file has changed. A certificate and its key are never replaced at the same moment, so one of them
    /// may still be the old one.
    pub(crate) async fn changed(&mut self) {
        loop {
            tokio::time::sleep(INTERVAL).await;
            let mut has_changed = false;
            for (path, known) in &mut self.files {
                let now = fingerprint(path);
                has_changed |= *known != now;
                *known = now;
            }
            if has_changed {
                return;
            }
        }
    }
}

/// Follows links: certbot replaces the targets of its links.
fn fingerprint(path: &Path) -> Fingerprint {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}
