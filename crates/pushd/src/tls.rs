//! The certificate of the public listener: loads its files and notices when they are replaced.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use pusher_core::{Certificate, CertificateError};

use crate::settings::Config;

/// How often the files are checked for changes.
const INTERVAL: Duration = Duration::from_secs(5);

/// Why there is no certificate, although the settings name one.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TlsError {
    #[error("tls-certificate needs its key: tls-key is missing")]
    KeyMissing,
    #[error("tls-key has no effect: tls-certificate is missing")]
    CertificateMissing,
    #[error("{0}{advice}", advice = advice(.0))]
    Files(#[from] CertificateError),
}

/// Returns advice, as a suffix for the message.
fn advice(error: &CertificateError) -> &'static str {
    match error {
        CertificateError::Read { source, .. } if source.kind() == ErrorKind::PermissionDenied => {
            ": the user of pushd must be able to read the file and to enter its folders (for the service: chgrp pushd, \
             chmod 640)"
        }
        _ => "",
    }
}

/// Loads the certificate that the settings name, if any.
pub(crate) fn load(config: &Config) -> Result<Option<Certificate>, TlsError> {
    match (&config.tls_certificate, &config.tls_key) {
        (Some(chain), Some(key)) => Ok(Some(Certificate::load(chain, key)?)),
        (Some(_), None) => Err(TlsError::KeyMissing),
        (None, Some(_)) => Err(TlsError::CertificateMissing),
        (None, None) => Ok(None),
    }
}

/// Modification time and length of a file. `None` if the file does not exist.
type Fingerprint = Option<(SystemTime, u64)>;

/// Notices when the files are replaced, as programs that renew certificates do.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    files: Vec<(PathBuf, Fingerprint)>,
}

impl Watch {
    /// Watches the files that the settings name, from their present state on.
    pub(crate) fn new(config: &Config) -> Self {
        let files = [&config.tls_certificate, &config.tls_key]
            .into_iter()
            .flatten();
        let files = files
            .map(|path| (path.clone(), fingerprint(path)))
            .collect();
        Self { files }
    }

    /// Returns when a file has changed. The other file may still be the old one: the two are never replaced at the
    /// same moment.
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
