//! What the public door shows of itself where it has TLS.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use x509_cert::der::Decode;

use super::pem::Wanted;

/// A certificate with its key, for the public door. Cheap to clone. `Debug` does not show the key.
#[derive(Clone)]
pub struct Certificate {
    config: Arc<ServerConfig>,
    not_after: Option<SystemTime>,
}

/// Files that are no certificate and its key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// A file can't be read.
    #[error("cannot read {path}: {source}", path = path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// It is not what it should be.
    #[error("{path}: {what}", path = path.display())]
    Content {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
}

impl Certificate {
    /// Reads a certificate, with those between it and its issuer behind it, and its key. Both are
    /// PEM files; the key is of RSA, ECDSA or Ed25519 and not encrypted.
    pub fn load(chain: &Path, key: &Path) -> Result<Self, CertificateError> {
        let text = read(chain)?;
        let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
        let certificates = match certificates {
            Ok(found) if found.is_empty() => Err(pem::Error::NoItemsFound),
            certificates => certificates,
        };
        let certificates =
            certificates.map_err(|error| about(chain, &text, Wanted::Certificate, &error))?;
        let not_after = certificates.first().and_then(|first| not_after(first));
        let text = read(key)?;
        let private = PrivateKeyDer::from_pem_slice(&text)
            .map_err(|error| about(key, &text, Wanted::Key, &error))?;
        let provider = Arc::new(ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider);
        let builder = builder
            .with_safe_default_protocol_versions()
            .map_err(|error| content(chain, error.to_string()))?;
        let config = builder
            .with_no_client_auth()
            .with_single_cert(certificates, private)
            .map_err(|error| about_pair(chain, key, &error))?;
        Ok(Self::new(config, not_after))
    }

    fn new(mut config: ServerConfig, not_after: Option<SystemTime>) -> Self {
        // A browser would rather speak HTTP/2, in which our WebSockets are not.
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        // Pages that come back, as all do after a loss, are spared the costly part of a handshake. Without
        // that it still works.
        if let Ok(ticketer) = ring::Ticketer::new() {
            config.ticketer = ticketer;
        }
        Self {
            config: Arc::new(config),
            not_after,
        }
    }

    /// Until when browsers take it: the end of the first certificate, not of those between it and its
    /// issuer, for which browsers may know another way. `None` if it does not say so in a way that is
    /// understood.
    pub fn not_after(&self) -> Option<SystemTime> {
        self.not_after
    }

    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        self.config.clone()
    }
}

/// Until when a certificate in DER is valid, if it says so in a way that is understood.
pub fn not_after(certificate: &[u8]) -> Option<SystemTime> {
    let certificate = x509_cert::Certificate::from_der(certificate).ok()?;
    let validity = certificate.tbs_certificate().validity();
    Some(validity.not_after.to_system_time())
}

fn content(path: &Path, what: impl Into<String>) -> CertificateError {
    CertificateError::Content {
        path: path.to_owned(),
        what: what.into(),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, CertificateError> {
    crate::config::pem::read(path).map_err(|source| CertificateError::Read {
        path: path.to_owned(),
        source,
    })
}

fn about(path: &Path, text: &[u8], wanted: Wanted, error: &pem::Error) -> CertificateError {
    if let Some(what) = crate::config::pem::mistake(path, text, wanted) {
        return content(path, what);
    }
    match (error, wanted) {
        (pem::Error::NoItemsFound, Wanted::Certificate) => content(
            path,
            "there is no certificate in it: BEGIN CERTIFICATE is missing",
        ),
        (pem::Error::NoItemsFound, Wanted::Key) => content(
            path,
            "there is no private key in it: BEGIN PRIVATE KEY is missing",
        ),
        (error, _) => content(path, format!("it is no PEM file: {error}")),
    }
}

fn about_pair(chain: &Path, key: &Path, error: &rustls::Error) -> CertificateError {
    match error {
        rustls::Error::InconsistentKeys(_) => {
            let chain = chain.display();
            content(
                key,
                format!(
                    "the key does not belong to the first certificate of {chain}: it is another's, or the site's own \
                     certificate does not come first there"
                ),
            )
        }
        rustls::Error::InvalidCertificate(error) => {
            content(chain, format!("the certificate makes no sense: {error}"))
        }
        error => content(
            key,
            format!(
                "the key is of no use: {error}; RSA from 2048 bits on, ECDSA with P-256 or P-384, and Ed25519 are possible"
            ),
        ),
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Certificate(..)")
    }
}
