//! The certificate of the public listener.

use std::io::ErrorKind;

use pusher_core::{Certificate, CertificateError};

use crate::settings::Config;

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
