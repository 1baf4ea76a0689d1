//! The public door's certificate: its files, and whether they are others than before.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use pusher_core::{Certificate, CertificateError};

use crate::settings::Config;

/// How often the files are looked at.
const INTERVAL: Duration = Duration::from_secs(5);

/// The certificate that the settings name, if they name one.
pub(crate) fn load(config: &Config) -> Result<Option<Certificate>, String> {
    match (&config.tls_certificate, &config.tls_key) {
        (Some(chain), Some(key)) => {
            let loaded = Certificate::load(chain, key);
            loaded.map(Some).map_err(|error| told(&error))
        }
        (Some(_), None) => Err("tls-certificate needs its key: tls-key is missing".to_owned()),
        (None, Some(_)) => Err("tls-key is of no use without tls-certificate".to_owned()),
        (None, None) => Ok(None),
    }
}

fn told(error: &CertificateError) -> String {
    match error {
        CertificateError::Read { source, .. } if source.kind() == ErrorKind::PermissionDenied => {
            format!(
                "{error}: the user that pushd runs as must be allowed to read the file and to enter its folders (for the \
             service: chgrp pushd, chmod 640)"
            )
        }
        error => error.to_string(),
    }
}

/// What is known of a file without reading it; `None` if it is not there.
type Look = Option<(SystemTime, u64)>;

/// Notices that the files have been replaced, as programs do that renew certificates.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    files: Vec<(PathBuf, Look)>,
}

impl Watch {
    /// Of the files that the settings name, as they are now.
    pub(crate) fn new(config: &Config) -> Self {
        let files = [&config.tls_certificate, &config.tls_key]
            .into_iter()
            .flatten();
        let files = files.map(|path| (path.clone(), look(path))).collect();
        Self { files }
    }

    /// Ready when a file is another than at the last time. That the other one will follow must be
    /// thought of: two files are never replaced at once.
    pub(crate) async fn changed(&mut self) {
        loop {
            tokio::time::sleep(INTERVAL).await;
            let mut has_changed = false;
            for (path, known) in &mut self.files {
                let now = look(path);
                has_changed |= *known != now;
                *known = now;
            }
            if has_changed {
                return;
            }
        }
    }
}

/// Follows links: the files of certbot are some.
fn look(path: &Path) -> Look {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}
